#!/usr/bin/env bash
# The whole way once: a chain, a provider, a module, a job, its result. Everything it starts, it stops.
#   demo.sh [MESSAGE]
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
load_env
# shellcheck source=scripts/network.sh
. "$REPO_ROOT/scripts/network.sh"

MESSAGE=${1:-moo}
RUN_LIMIT=180

run_job() {
	local begun=$EPOCHREALTIME status=0
	step "lilypad run $MODULE:v0.0.1 -i Message=\"$MESSAGE\""
	lilypad run "$MODULE:v0.0.1" -i Message="$MESSAGE" --yes --json --timeout "$RUN_LIMIT" >"$NETWORK_DIR/run.json" || status=$?
	if ((status != 0)); then
		KEEP_LOGS=1
		tail_of "$NETWORK_DIR/provider.log"
		die "the job did not finish (exit code $status)" "the logs are kept in $NETWORK_DIR"
	fi
	TIME=$(took "$begun")
}

report() {
	local outcome folder cost
	outcome=$(last_json "$NETWORK_DIR/run.json")
	folder=$(jq -r .output <<<"$outcome")
	cost=$(jq -r .cost <<<"$outcome")
	step "done"
	cat -- "$folder/stdout"
	say "result   $folder"
	say "cost     $cost"
	say "time     $TIME from the command to the result"
}

main() {
	local begun=$EPOCHREALTIME modules
	binaries
	modules=$("$REPO_ROOT/scripts/build-modules.sh")
	step "looking for a container engine"
	choose_module
	start_network
	step "publishing the module $MODULE:v0.0.1"
	publish_module "$modules/$MODULE"
	run_job
	report
	note "stopping what was started"
	stop_network
	say "all       $(took "$begun"), starting and stopping the network included"
	note "next: \`make devnet\` keeps such a network running, to try things on"
}

main
