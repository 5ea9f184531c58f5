#!/usr/bin/env bash
# Regenerates the chain specifications in chain-spec/ from the runtime's genesis presets.
#   chain-spec.sh [PRESET]...     (default: dev local)
# A specification carries the runtime itself, so it changes with every change of the runtime.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
load_env

PRESETS=("$@")
(($#)) || PRESETS=(dev local)
NODE=${CARGO_TARGET_DIR:-$LILYPAD_CACHE/target}/debug/lilypad-node
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

main() {
	local preset
	[[ -x $NODE ]] || die "$NODE is not built" "make build"
	mkdir -p "$REPO_ROOT/chain-spec"
	for preset in "${PRESETS[@]}"; do
		logged "$WORK/log" "$NODE" export-chain-spec --chain "$preset" --output "$WORK/$preset.json" ||
			die "the chain specification $preset could not be made"
		mv "$WORK/$preset.json" "$REPO_ROOT/chain-spec/"
		say "chain-spec/$preset.json"
	done
}

main
