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

timings() {
	local line
	((${#STEPS[@]})) || return 0
	step "times"
	for line in "${STEPS[@]}"; do say "$line"; done
}
