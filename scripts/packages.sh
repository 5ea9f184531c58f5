# shellcheck shell=bash
# install_packages WHY PACKAGE...: Debian packages, asking dpkg first so that a machine that has them waits for nothing.
# Source scripts/lib.sh before this file.

is_installed() {
	[[ $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) == 'install ok installed' ]]
}

install_packages() {
	local why=$1 package
	local -a missing=()
	shift
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	((${#missing[@]})) || return 0
	step "installing ${missing[*]} ($why)"
	_apt install "${missing[@]}" && return
	# The usual reason is a stale or absent list of packages.
	say "refreshing the list of packages"
	_apt update && _apt install "${missing[@]}"
}

_apt() {
	local verb=$1
	local -a options=(-y -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
	shift
	[[ $verb == install ]] && options+=(--no-install-recommends)
	logged "$LILYPAD_CACHE/logs/apt-$verb.log" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get "$verb" "${options[@]}" "$@"
}
