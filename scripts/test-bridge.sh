#!/usr/bin/env bash
# The EVM bridge on a network of real processes (two kinds of chains, contracts, relayers): what it does, what becomes of it when
# things go wrong, and how quick it is.
#   test-bridge.sh                 all of it
#   test-bridge.sh reorganisation  only what has this in its name
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/steps.sh
. "$REPO_ROOT/scripts/steps.sh"
# shellcheck source=scripts/e2e.sh
. "$REPO_ROOT/scripts/e2e.sh"

cd "$REPO_ROOT"
load_env

main() {
	clean_up_at_exit
	timed "sample modules: build" build_modules
	timed "container engine" start_engine
	timed "contracts: build" build_contracts
	timed "binaries: build" build_binaries
	timed "bridge" cargo nextest run -p lilypad-tests --test bridge --test bridge_faults --ignore-default-filter \
		--success-output immediate --status-level pass "$@"
}

main "$@"
