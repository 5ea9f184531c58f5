#!/usr/bin/env bash
# All tests: the sample modules, unit and property tests, end-to-end tests with real nodes and a real container engine
# (the polkadot.js dapp among them), documentation examples.
#   test.sh                    everything
#   test.sh -p pallet-deals    arguments go to `cargo nextest run`, and only that is run
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/steps.sh
. "$REPO_ROOT/scripts/steps.sh"

cd "$REPO_ROOT"
load_env

finish() {
	"$REPO_ROOT/scripts/engine.sh" stop --for $$ || true
	timings
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

build_modules() { LILYPAD_MODULES=$("$REPO_ROOT/scripts/build-modules.sh"); }

# The end-to-end tests are about real containers; passing without an engine would say nothing.
start_engine() {
	local endpoint
	endpoint=$("$REPO_ROOT/scripts/engine.sh" start --for $$) || return 1
	export DOCKER_HOST=$endpoint
}

# What the polkadot.js dapp needs; one of the end-to-end tests runs it. (`timed` calls this as a condition, where bash does
# not stop at a failing command by itself.)
dapp() (
	[[ -f tests/dapp/package.json ]] || return 0
	cd tests/dapp || return 1
	[[ node_modules/.package-lock.json -nt package-lock.json ]] || npm ci --no-audit --no-fund --loglevel=error
)

main() {
	local -a profile=()
	if [[ -n ${CI:-} ]]; then profile=(--profile ci); fi
	timed "sample modules: build" build_modules
	timed "container engine" start_engine
	# Where the end-to-end tests and the dapp find what they run.
	export LILYPAD_MODULES LILYPAD_BIN=$CARGO_TARGET_DIR/debug
	timed "polkadot.js: install" dapp
	timed "node and command line: build" cargo build --workspace --bins
	if (($#)); then
		timed "tests" cargo nextest run "${profile[@]}" "$@"
		return
	fi
	timed "sample modules: tests" "$REPO_ROOT/scripts/test-modules.sh"
	timed "tests: build" cargo nextest run --workspace "${profile[@]}" --no-run
	timed "tests: run" cargo nextest run --workspace "${profile[@]}"
	timed "documentation examples" cargo test --doc --workspace --quiet
}

main "$@"
