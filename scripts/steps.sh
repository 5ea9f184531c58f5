# shellcheck shell=bash
# timed NAME COMMAND...: runs a step and remembers how long it took; timings prints them all, also after a failure.
# Source scripts/lib.sh before this file.

STEPS=()

timed() {
	local name=$1 begun=$EPOCHREALTIME
	shift
	step "$name"
	if "$@"; then
		STEPS+=("$(printf '%-40s %s' "$name" "$(took "$begun")")")
	else
		STEPS+=("$(printf '%-40s %s' "$name" "FAILED after $(took "$begun")")")
		die "$name failed"
	fi
}

# beside NAME FUNCTION: runs it beside the steps that follow. What it prints is kept until `joined` waits for it.
beside() {
	BESIDE_NAME=$1
	BESIDE_LOG=$(mktemp)
	step "$BESIDE_NAME, beside the next steps"
	# A group of processes of its own, so that all of it can be ended.
	set -m
	(STEPS=() && "$2" && timings) >"$BESIDE_LOG" 2>&1 </dev/null &
	BESIDE=$!
	set +m
}

joined() {
	local status=0
	wait "$BESIDE" || status=$?
	BESIDE=
	cat "$BESIDE_LOG"
	rm -f "$BESIDE_LOG"
	return "$status"
}

# For a script that ends before it has joined what runs beside it.
stop_beside() {
	[[ -n ${BESIDE:-} ]] || return 0
	kill -- "-$BESIDE" 2>/dev/null || true
	wait "$BESIDE" 2>/dev/null || true
	rm -f "$BESIDE_LOG"
}

timings() {
	local line
	((${#STEPS[@]})) || return 0
	step "times"
	for line in "${STEPS[@]}"; do say "$line"; done
}
