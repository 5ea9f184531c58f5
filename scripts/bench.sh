#!/usr/bin/env bash
# How long from posting a job to its result in hand, verified against the seal on the chain: cowsay on a one-validator dev
# chain, several times, next to the same program by bare `docker run`. And how long to the end of `lilypad run`, which also
# pays: it can't before the draw that decides about an audit, some blocks later.
#   bench.sh [RUNS]      (default 20)
# Prints a table; the raw figures, in milliseconds, go to $CARGO_TARGET_DIR/bench.json.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
load_env
# shellcheck source=scripts/network.sh
. "$REPO_ROOT/scripts/network.sh"

RUNS=${1:-20}
STAGES=(match run publish download)

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# timed_run NUMBER: one job; prints a JSON object with its total and its stages.
timed_run() {
	local begun total out=$NETWORK_DIR/run-$1.json
	begun=$(now_ms)
	lilypad run "$MODULE:v0.0.1" -i Message="moo $1" --yes --json --timeout 120 >"$out" 2>"$NETWORK_DIR/run.log" || {
		KEEP_LOGS=1
		tail_of "$NETWORK_DIR/run.log"
		die "run $1 failed" "the logs are kept in $NETWORK_DIR"
	}
	total=$(($(now_ms) - begun))
	last_json "$out" | jq --compact-output --argjson total "$total" '(.timings_ms // {}) + { total: $total }'
}

# bare_run IMAGE: milliseconds of the same container without us.
bare_run() {
	local begun
	begun=$(now_ms)
	docker run --rm --network none --read-only --cap-drop ALL "$1" /usr/games/cowsay moo >/dev/null
	echo $(($(now_ms) - begun))
}

measure_bare() {
	local image modules=$1 i
	[[ $MODULE == cowsay ]] && have docker || return 0
	image=$(jq -r .runtime.image "$modules/cowsay/module.json")
	docker load --quiet --input "$modules/cowsay/image.tar" >/dev/null
	for ((i = 0; i < RUNS; i++)); do bare_run "$image"; done
}

# Nearest-rank percentiles of an array of numbers.
PERCENTILES='def rank(p): sort | .[([((length * p) | ceil) - 1, 0] | max)];
	if length == 0 then "-\t-" else "\(rank(0.5))\t\(rank(0.95))" end'

row() { printf '%-26s %8s %8s\n' "$1" "${2%%$'\t'*}" "${2##*$'\t'}"; }

table() {
	local file=$1 stage
	printf '%-26s %8s %8s   (ms, %d runs of %s)\n' '' p50 p95 "$RUNS" "$MODULE"
	row "submit to result in hand" "$(jq -r "[.runs[] | .match + .run + .publish + .download] | $PERCENTILES" "$file")"
	for stage in "${STAGES[@]}"; do
		row "  of which $stage" "$(jq -r --arg s "$stage" "[.runs[][\$s] // empty] | $PERCENTILES" "$file")"
	done
	row "command to paid result" "$(jq -r "[.runs[].total] | $PERCENTILES" "$file")"
	row "bare docker run" "$(jq -r ".bare | $PERCENTILES" "$file")"
}

main() {
	local modules i result
	MODULE=cowsay
	binaries
	modules=$("$REPO_ROOT/scripts/build-modules.sh" 2>/dev/null)
	use_engine
	[[ -n $ENGINE ]] || MODULE=cowsay-wasm
	start_network
	publish_module "$modules/$MODULE"
	step "running $MODULE $RUNS times, after one to warm up"
	timed_run warm-up >/dev/null
	: >"$NETWORK_DIR/runs"
	for ((i = 1; i <= RUNS; i++)); do
		timed_run "$i" | tee -a "$NETWORK_DIR/runs" | jq -r '"    \(.total) ms"' >&2
	done
	measure_bare "$modules" >"$NETWORK_DIR/bare"
	result=${CARGO_TARGET_DIR:-$LILYPAD_CACHE/target}/bench.json
	jq --null-input --slurpfile runs "$NETWORK_DIR/runs" --slurpfile bare "$NETWORK_DIR/bare" \
		'{ runs: $runs, bare: $bare }' >"$result"
	table "$result"
	note "the raw figures are in $result"
}

main
