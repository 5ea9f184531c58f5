#!/usr/bin/env bash
# A network to try things on: one validator, one provider, the sample modules. Runs until Ctrl-C, then cleans up.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
load_env
# shellcheck source=scripts/network.sh
. "$REPO_ROOT/scripts/network.sh"

main() {
	local modules folder example=cowsay
	binaries
	modules=$("$REPO_ROOT/scripts/build-modules.sh")
	use_engine
	[[ -n $ENGINE ]] || example=cowsay-wasm
	start_network
	for folder in "$modules"/*/module.json; do
		folder=$(dirname "$folder")
		step "publishing $(basename "$folder")"
		publish_module "$folder"
	done
	step "ready; Ctrl-C stops it"
	say "export PATH=$BIN:\$PATH"
	say "lilypad --url $RPC_URL --suri $USER_KEY run $example:v0.0.1 -i Message=moo"
	say "logs     $NETWORK_DIR/*.log"
	stay
}

main
