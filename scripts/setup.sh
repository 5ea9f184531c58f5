#!/usr/bin/env bash
# Makes this machine able to build, run and test the project. Safe to repeat: a machine that is ready waits a second.
#   scripts/setup.sh          what `make demo` needs
#   scripts/setup.sh test     the above, and what `make test` and .ci/run need
#   scripts/setup.sh deny     the above, and cargo-deny
# What it finds out is written to $LILYPAD_CACHE/env.sh (by default ~/.cache/lilypad/env.sh), which the Makefile loads.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/packages.sh
. "$REPO_ROOT/scripts/packages.sh"

NEXTEST_VERSION=0.9.143
DENY_VERSION=0.20.2
TOOLS=$LILYPAD_CACHE/tools
PURPOSE=${1:-demo}
BEGUN=$EPOCHREALTIME

check_machine() {
	[[ $(uname -s) == Linux ]] || die "only Linux is supported (this is $(uname -s))" "use a Debian 12 machine or container"
	[[ $(uname -m) == x86_64 ]] || warn "jobs' containers are linux/amd64; this machine is $(uname -m)"
	local free
	free=$(df -Pk "$LILYPAD_CACHE" | awk 'NR == 2 { print int($4 / 1048576) }')
	((free >= 15)) || warn "only $free GiB free in $LILYPAD_CACHE; a cold build takes about 15"
}

check_rust() {
	local wanted=$1 version
	if ! have rustup; then
		PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
		have rustup || die "Rust is not installed (rustup was not found)" \
			"install it from https://rustup.rs and run this again"
	fi
	version=$(rustup run "$(rustup show active-toolchain 2>/dev/null | cut -d' ' -f1)" rustc -V 2>/dev/null | cut -d' ' -f2) ||
		die "rustup has no toolchain that works" "rustup default stable"
	[[ $(printf '%s\n' "$wanted" "$version" | sort -V | head -n1) == "$wanted" ]] ||
		die "Rust $version is too old, $wanted or newer is needed" "rustup update stable"
}

system_packages() {
	have apt-get || {
		check_without_apt
		return
	}
	install_packages "compilers, and the protocol buffers that the node's network code is generated from" \
		build-essential clang libclang-dev pkg-config protobuf-compiler perl ca-certificates curl git jq make ||
		die "apt could not install what the build needs" "see the messages above"
	install_packages "C for the sample modules: static Linux programs and WebAssembly" \
		musl-tools lld wasi-libc libclang-rt-dev-wasm32 b3sum ||
		die "apt could not install the compilers for the sample modules" "see the messages above"
}

check_without_apt() {
	local tool
	local -a missing=()
	for tool in cc make git jq curl protoc clang wasm-ld musl-gcc; do
		have "$tool" || missing+=("$tool")
	done
	((${#missing[@]} == 0)) || die "this is not Debian, and these programs are missing: ${missing[*]}" \
		"install them with your system's package manager and run this again"
}

container_engine() {
	"$REPO_ROOT/scripts/engine.sh" find >/dev/null 2>&1 && return
	have dockerd && have iptables && return
	if have apt-get; then
		install_packages "the container engine that runs jobs" docker.io iptables && return
	fi
	warn "no container engine could be installed: container jobs cannot run here, WebAssembly jobs can"
}

# cargo_tool NAME VERSION WHY [FLAG]...: in its own folder, unoptimised, because that halves the wait.
cargo_tool() {
	local name=$1 version=$2 why=$3
	shift 3
	have "$name" && return
	[[ -x $TOOLS/bin/$name ]] && return
	step "building $name $version ($why; a few minutes, once)"
	CARGO_TARGET_DIR=$LILYPAD_CACHE/tools-build logged "$LILYPAD_CACHE/logs/$name.log" \
		cargo install --locked --debug --root "$TOOLS" --version "$version" "$@" "$name" ||
		die "$name could not be built" "see $LILYPAD_CACHE/logs/$name.log"
	rm -rf "$LILYPAD_CACHE/tools-build"
}

test_tools() {
	local component
	for component in clippy rustfmt; do
		cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
		step "adding $component to the Rust toolchain"
		logged "$LILYPAD_CACHE/logs/rustup.log" rustup component add "$component" ||
			die "$component could not be added" "rustup component add $component"
	done
	cargo_tool cargo-nextest "$NEXTEST_VERSION" "runs the tests" --no-default-features --features default-no-update
	if [[ ! -x /bin/busybox && ! -x /usr/bin/busybox ]]; then
		have apt-get || die "the tests of containers need a busybox without shared libraries, which was not found" \
			"install it with your system's package manager as /usr/bin/busybox"
		install_packages "the programs in the containers of the worker's own tests" busybox-static ||
			die "apt could not install busybox" "see the messages above"
	fi
	need_node "the contracts and the tests of dapps"
	if [[ ! -x ${CHROMIUM:-/usr/bin/chromium} ]]; then
		have apt-get || die "the example dapp is tested in Chromium, which was not found" "install it and set CHROMIUM to its path"
		install_packages "the browser in which the example dapp is tested" chromium ||
			die "apt could not install Chromium" "see the messages above"
	fi
}

# write_env TOOLCHAIN
write_env() {
	local new=$LILYPAD_CACHE/env.sh.new rust_bin
	rust_bin=$(dirname "$(command -v rustup)")
	cat >"$new" <<-ENV
		# Written by scripts/setup.sh: what it found out about this machine. Source it to use cargo by hand.
		export LILYPAD_CACHE='$LILYPAD_CACHE'
		# Outside the clone, so that a fresh clone need not rebuild a thousand dependencies.
		export CARGO_TARGET_DIR="\${CARGO_TARGET_DIR:-\$LILYPAD_CACHE/target}"
		# The Rust toolchain that can compile the runtime to WebAssembly.
		export WASM_BUILD_TOOLCHAIN="\${WASM_BUILD_TOOLCHAIN:-$1}"
		case ":\$PATH:" in *":$rust_bin:"*) ;; *) PATH="$rust_bin:\$PATH" ;; esac
		case ":\$PATH:" in *":$TOOLS/bin:"*) ;; *) PATH="\$PATH:$TOOLS/bin" ;; esac
		export PATH
	ENV
	if cmp -s "$new" "$LILYPAD_CACHE/env.sh"; then rm "$new"; else mv "$new" "$LILYPAD_CACHE/env.sh"; fi
}

main() {
	[[ $PURPOSE =~ ^(demo|test|deny)$ ]] || die "unknown purpose: $PURPOSE" "one of: demo, test, deny"
	mkdir -p "$LILYPAD_CACHE/logs"
	# One at a time: `make demo` and `make test` may be started together.
	exec 9>"$LILYPAD_CACHE/setup.lock"
	have flock && flock 9
	check_machine
	check_rust "$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$REPO_ROOT/Cargo.toml")"
	system_packages
	local toolchain
	toolchain=$("$REPO_ROOT/scripts/wasm-target.sh") || exit 1
	container_engine
	[[ $PURPOSE == demo ]] || test_tools
	[[ $PURPOSE != deny ]] || cargo_tool cargo-deny "$DENY_VERSION" "checks licences and advisories"
	write_env "$toolchain"
	step "ready in $(took "$BEGUN"): Rust $(rustc -V | cut -d' ' -f2), runtime built with $toolchain"
}

main
