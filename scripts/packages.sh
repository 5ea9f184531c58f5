# shellcheck shell=bash
# install_packages WHY PACKAGE...: Debian packages, asking dpkg first so that a machine that has them waits for nothing.
# Source scripts/lib.sh before this file.

is_installed() {
	[[ $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) == 'install ok installed' ]]
}

all_installed() {
	local package
	for package in "$@"; do is_installed "$package" || return 1; done
}

install_packages() {
	local why=$1 package
	local -a missing=()
	shift
	for package in "$@"; do
		is_installed "$package" || missing+=("$package")
	done
	((${#missing[@]})) || return 0
	# A machine that never asked for the list of packages has none to choose from.
	compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || refresh_packages
	upgrade_packages "$why" "${missing[@]}" && return
	# The usual reason is that the list names versions that are gone.
	refresh_packages && _apt install "${missing[@]}"
}

# upgrade_packages WHY PACKAGE...: installs them, or the newest version where they are installed.
upgrade_packages() {
	local why=$1
	shift
	step "installing $* ($why)"
	_apt install "$@"
}

refresh_packages() {
	say "refreshing the list of packages"
	_apt update
}

_apt() {
	local verb=$1
	local -a options=(-y -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
	shift
	[[ $verb == install ]] && options+=(--no-install-recommends)
	logged "$LILYPAD_CACHE/logs/apt-$verb.log" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get "$verb" "${options[@]}" "$@"
}
