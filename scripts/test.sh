#!/usr/bin/env bash
# All tests: the sample modules, unit and property tests, end-to-end tests with real nodes and a real container engine
# (the dapps among them), contracts, documentation examples.
#   test.sh                    everything
#   test.sh -p pallet-deals    arguments go to `cargo nextest run`, and only that is run
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/steps.sh
. "$REPO_ROOT/scripts/steps.sh"
# shellcheck source=scripts/e2e.sh
. "$REPO_ROOT/scripts/e2e.sh"

cd "$REPO_ROOT"
load_env

# What the dapps need; end-to-end tests run them.
dapps() {
	local folder
	for folder in tests/dapp evm-bridge/example-dapp; do npm_packages "$REPO_ROOT/$folder"; done
}

# Its page in a browser and the real contracts, with the market played; with a real one it is an end-to-end test.
example_dapp() { npm --prefix evm-bridge/example-dapp test --silent; }

build() {
	timed "command line whose workers can cheat: build" build_misbehaving
	timed "node and command line: build" build_binaries
}

# They need nothing that cargo builds, and neither do their own tests.
contracts_and_dapps() {
	timed "contracts: build" build_contracts
	timed "dapps: packages" dapps
}

contracts_and_dapps_tested() {
	contracts_and_dapps
	timed "sample modules: tests" "$REPO_ROOT/scripts/test-modules.sh"
	timed "contracts: tests" "$REPO_ROOT/scripts/contracts.sh" test
	timed "example dapp: tests" example_dapp
}

main() {
	local -a profile=()
	if [[ -n ${CI:-} ]]; then profile=(--profile ci); fi
	clean_up_at_exit
	timed "sample modules: build" build_modules
	timed "container engine" start_engine
	if (($#)); then
		contracts_and_dapps
		build
		timed "tests" cargo nextest run "${profile[@]}" "$@"
		return
	fi
	timed "known failures" "$REPO_ROOT/scripts/known-failures.sh"
	beside "contracts, dapps and sample modules" contracts_and_dapps_tested
	build
	timed "tests: build" cargo nextest run --workspace "${profile[@]}" --no-run
	remember_sources
	timed "contracts, dapps and sample modules" joined
	timed "tests: run" cargo nextest run --workspace "${profile[@]}"
	timed "documentation examples" cargo test --doc --workspace --quiet
}

main "$@"
