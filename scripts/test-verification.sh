#!/usr/bin/env bash
# Cheating providers and mediators on a network of real processes; each scenario prints who had what before and after.
#   test-verification.sh                 all of them
#   test-verification.sh forged          only those with this in their name
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
	timed "command line whose workers can cheat: build" build_misbehaving
	timed "node and command line: build" build_binaries
	timed "scenarios" cargo nextest run -p lilypad-tests --test verification --ignore-default-filter \
		--success-output immediate --status-level pass "$@"
}

main "$@"
