#!/usr/bin/env bash
# All tests: the sample modules, unit and property tests, end-to-end tests with real nodes and a real container engine,
# documentation examples, the polkadot.js dapp. Extra arguments go to `cargo nextest run`, and then only that is run:
#   test.sh -p pallet-deals
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

# `timed` calls these as conditions, where bash does not stop at a failing command by itself.
dapp() (
	[[ -f tests/dapp/package.json ]] || return 0
	cd tests/dapp || return 1
	if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
		npm ci --no-audit --no-fund --loglevel=error || return 1
	fi
	npm test --silent
)

main() {
	local -a profile=()
	if [[ -n ${CI:-} ]]; then profile=(--profile ci); fi
	timed "sample modules: build" build_modules
	timed "container engine" start_engine
	# Where the end-to-end tests and the dapp find what they run.
	export LILYPAD_MODULES LILYPAD_BIN=$CARGO_TARGET_DIR/debug
	timed "node and command line: build" cargo build --workspace --bins
	if (($#)); then
		timed "tests" cargo nextest run "${profile[@]}" "$@"
		return
	fi
	timed "sample modules: tests" "$REPO_ROOT/scripts/test-modules.sh"
	timed "tests: build" cargo nextest run --workspace "${profile[@]}" --no-run
	timed "tests: run" cargo nextest run --workspace "${profile[@]}"
	timed "documentation examples" cargo test --doc --workspace --quiet
	timed "polkadot.js dapp" dapp
}

main "$@"
