# shellcheck shell=bash
# Shared by every script here. Source it; it sets strict mode, the cache folder and a few words to talk with.

set -eEuo pipefail
trap '_on_error $? "${BASH_SOURCE[0]}" "$LINENO" "$BASH_COMMAND"' ERR
# An unexpected failure says where it happened; expected ones are handled where they happen and end in `die`.
_on_error() {
	printf 'error: %s:%s: exit code %s from: %s\n' "${2##*/}" "$3" "$1" "${4%%$'\n'*}" >&2
}

if ((BASH_VERSINFO[0] < 5)); then
	echo "error: bash 5 or newer is needed (this is $BASH_VERSION)" >&2
	exit 1
fi

REPO_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
# Everything that may outlive a clone: dependency builds, the WASM toolchain, logs of a container engine.
LILYPAD_CACHE=${LILYPAD_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/lilypad}
export REPO_ROOT LILYPAD_CACHE

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
	_bold=$'\e[1m' _dim=$'\e[2m' _red=$'\e[31m' _green=$'\e[32m' _yellow=$'\e[33m' _off=$'\e[0m'
else
	_bold='' _dim='' _red='' _green='' _yellow='' _off=''
fi

# All talk goes to stderr; stdout is for results.
step() { printf '%s==>%s %s%s\n' "$_green" "$_off$_bold" "$*" "$_off" >&2; }
say() { printf '    %s\n' "$*" >&2; }
note() { printf '    %s%s%s\n' "$_dim" "$*" "$_off" >&2; }
warn() { printf '%swarning:%s %s\n' "$_yellow" "$_off" "$*" >&2; }

# die MESSAGE [NEXT STEP]...: the first argument says what is wrong, the others what to do about it.
die() {
	printf '%serror:%s %s\n' "$_red" "$_off" "$1" >&2
	shift
	local line
	for line in "$@"; do printf '    next: %s\n' "$line" >&2; done
	exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# need_node WHAT: fails unless there is a Node.js that WHAT can run with.
need_node() {
	local new_enough='const [major, minor] = process.versions.node.split("."); major > 20 || (major == 20 && minor >= 19)'
	if [[ $(node -p "$new_enough" 2>/dev/null) != true ]] || ! have npm; then
		die "$1 need Node.js 20.19 or newer, with npm (found: $(node -v 2>/dev/null || echo none))" \
			"install it from https://nodejs.org (Debian 12's own is too old)"
	fi
}

# npm_packages FOLDER: what its lock file names, when it is not there yet.
npm_packages() {
	[[ $1/node_modules/.package-lock.json -nt $1/package-lock.json ]] && return
	step "installing npm packages for ${1#"$REPO_ROOT/"}"
	# Nothing here needs a script at installation.
	npm --prefix "$1" ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
		die "npm could not install the packages of $1" "see the messages above"
}

# free_port: a port of this host that nobody listens on, below those that the system hands out by itself.
free_port() {
	local port tries=0
	while ((tries++ < 100)); do
		port=$((20000 + RANDOM % 10000))
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
			echo "$port"
			return
		fi
	done
	die "no free port was found between 20000 and 29999"
}

# as_root COMMAND...: runs it as root; uses sudo only when this is not root already.
as_root() {
	if ((EUID == 0)); then
		"$@"
	elif have sudo; then
		sudo -- "$@"
	else
		die "this needs root: $*" "run it as root, or install sudo"
	fi
}

# logged FILE COMMAND...: keeps the output in FILE; shows its end when the command fails.
logged() {
	local file=$1 status=0
	shift
	mkdir -p "$(dirname "$file")"
	"$@" >"$file" 2>&1 </dev/null || status=$?
	if ((status != 0)); then
		warn "failed ($status): $*"
		tail_of "$file"
	fi
	return "$status"
}

# tail_of FILE [LINES]: the end of a log, indented, for a message about a failure.
tail_of() {
	say "the end of $1:"
	tail -n "${2:-20}" "$1" 2>/dev/null | sed 's/^/      | /' >&2 || true
}

# wait_until SECONDS WHAT COMMAND...: polls until the command succeeds, with a spinner on a terminal.
# Returns 1 when the time is over and 2 when `wait_gone`, if the caller defined it, says that waiting is pointless.
wait_until() {
	local limit=$1 what=$2 begun=$SECONDS frames=$'|/-\\' i=0
	shift 2
	while ! "$@" >/dev/null 2>&1; do
		if declare -F wait_gone >/dev/null && wait_gone; then
			_spin_clear
			return 2
		fi
		if ((SECONDS - begun >= limit)); then
			_spin_clear
			return 1
		fi
		if [[ -t 2 ]]; then
			printf '\r    %s %s (%ss)' "${frames:i++%4:1}" "$what" "$((SECONDS - begun))" >&2
		fi
		sleep 0.2
	done
	_spin_clear
}
_spin_clear() { if [[ -t 2 ]]; then printf '\r\e[K' >&2; fi; }

# alive PID: it exists, and is more than a dead child that nobody waited for.
alive() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
	[[ ${stat##*) } != Z* ]]
}

# took START: seconds since START (a value of EPOCHREALTIME), with one decimal.
took() {
	local now=${EPOCHREALTIME/[.,]/} then=${1/[.,]/}
	local tenths=$(((now - then + 50000) / 100000))
	printf '%d.%d s' "$((tenths / 10))" "$((tenths % 10))"
}

# load_env: what setup.sh found out about this machine (WASM toolchain, CARGO_TARGET_DIR, PATH).
load_env() {
	[[ -f $LILYPAD_CACHE/env.sh ]] || die "this machine is not set up yet" "make setup"
	# shellcheck source=/dev/null
	. "$LILYPAD_CACHE/env.sh"
	own_target
}

# own_target: cargo tells the packages of one checkout from those of another in the same target folder by nothing but the age
# of their files. So when another checkout built there last, ours are made younger than what it left: all of them, or, if
# nothing was built since `remember_sources`, those that differ from what it wrote down. The others get the age that their
# likes had then, and need not be built again.
own_target() {
	local target=${CARGO_TARGET_DIR:-$REPO_ROOT/target} marker sources hash age path
	local -A ages=()
	local -a younger=()
	marker=$target/.checkout sources=$target/.sources
	[[ -f $marker && $(<"$marker") == "$REPO_ROOT" ]] && return
	mkdir -p "$target"
	if [[ -f $sources && -z $(built_since "$sources" "$target") ]]; then
		while IFS=$'\t' read -r hash age path; do ages[$hash:$path]=$age; done <"$sources"
	fi
	while IFS=$'\t' read -r hash age path; do
		# What knows where its checkout lies is another program in this one.
		if [[ -n ${ages[$hash:$path]:-} ]] && ! grep --quiet --no-messages CARGO_MANIFEST_DIR "$REPO_ROOT/$path"; then
			touch --no-create --date="@${ages[$hash:$path]}" "$REPO_ROOT/$path"
		else
			younger+=("$REPO_ROOT/$path")
		fi
	done < <(list_sources)
	((${#younger[@]} == 0)) || printf '%s\0' "${younger[@]}" | xargs -0 touch --no-create
	printf '%s' "$REPO_ROOT" >"$marker"
}

# remember_sources: writes down what everything in the target folder was just built from.
remember_sources() {
	local target=${CARGO_TARGET_DIR:-$REPO_ROOT/target}
	list_sources >"$target/.sources.new"
	mv "$target/.sources.new" "$target/.sources"
}

# list_sources: hash, time of the last change and path of every file of this checkout, separated by tabs.
list_sources() {
	(
		cd "$REPO_ROOT"
		local path
		local -a paths=()
		while IFS= read -r path; do [[ ! -f $path ]] || paths+=("$path"); done < <(git -c core.quotePath=off ls-files)
		((${#paths[@]})) || return 0
		paste <(printf '%s\n' "${paths[@]}" | git hash-object --no-filters --stdin-paths) \
			<(stat --format=%.9Y -- "${paths[@]}") <(printf '%s\n' "${paths[@]}")
	)
}

# built_since FILE TARGET: prints something if cargo has built anything in TARGET that is younger than FILE.
built_since() {
	find "$2" -type d -name .fingerprint -prune -print0 | xargs -0 -I{} find {} -newer "$1" -print -quit
}
