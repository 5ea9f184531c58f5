#!/usr/bin/env bash
# Makes a Rust toolchain able to compile the runtime to WebAssembly (target wasm32v1-none), in one of two ways:
#   rustup  `rustup target add` on the active toolchain;
#   debian  where rustup cannot download: Debian's rustc-web, whose package carries the standard library's source.
#           `core` and `alloc` are built from it once, into a toolchain folder in the cache; /usr is not touched.
# Prints the name of the toolchain on stdout. LILYPAD_WASM=rustup|debian forces one way.
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

TARGET=wasm32v1-none
LINKED=lilypad-wasm
HOME_DIR=$LILYPAD_CACHE/wasm-toolchain
LOGS=$LILYPAD_CACHE/logs
WAY=${LILYPAD_WASM:-auto}

sysroot_of() { rustup run "$1" rustc --print sysroot 2>/dev/null; }
has_target() { compgen -G "$1/lib/rustlib/$TARGET/lib/libcore-*.rlib" >/dev/null; }

# compiles TOOLCHAIN: proves that it links a module, rather than believing that files are in place.
compiles() {
	local dir status=0
	dir=$(mktemp -d)
	cat >"$dir/probe.rs" <<-'RUST'
		#![no_std]
		extern crate alloc;
		#[panic_handler]
		fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
		struct None;
		unsafe impl core::alloc::GlobalAlloc for None {
			unsafe fn alloc(&self, _: core::alloc::Layout) -> *mut u8 { core::ptr::null_mut() }
			unsafe fn dealloc(&self, _: *mut u8, _: core::alloc::Layout) {}
		}
		#[global_allocator]
		static HEAP: None = None;
		#[no_mangle]
		pub extern "C" fn probe(n: u64) -> usize { alloc::vec![0u8; n as usize].len() }
	RUST
	logged "$LOGS/wasm-probe.log" rustup run "$1" rustc --edition 2021 --crate-type cdylib -O -C lto=fat \
		--target "$TARGET" -o "$dir/probe.wasm" "$dir/probe.rs" || status=$?
	[[ -s $dir/probe.wasm ]] || status=1
	rm -rf "$dir"
	return "$status"
}

active_toolchain() { rustup show active-toolchain 2>/dev/null | cut -d' ' -f1; }

rustup_ready() {
	local toolchain sysroot
	toolchain=$(active_toolchain) && sysroot=$(sysroot_of "$toolchain") && has_target "$sysroot" && echo "$toolchain"
}

by_rustup() {
	local toolchain
	rustup_ready && return
	toolchain=$(active_toolchain) || return 1
	step "adding the target $TARGET to Rust $toolchain (the runtime is compiled to it)"
	# The limits keep a machine that cannot reach Rust's servers from waiting for minutes.
	export RUSTUP_MAX_RETRIES=0 RUSTUP_DOWNLOAD_TIMEOUT=20
	timeout 120 rustup target add --toolchain "$toolchain" "$TARGET" >"$LOGS/rustup.log" 2>&1 </dev/null || return 1
	# Only needed to look into `core`; its absence stops nothing.
	timeout 60 rustup component add --toolchain "$toolchain" rust-src >/dev/null 2>&1 </dev/null || true
	compiles "$toolchain" && rustup_ready
}

# A tool whose files `rust-lld` may come from: Debian's package only links to an lld that may not be installed.
find_rust_lld() {
	local candidate host=$1
	for candidate in "/usr/lib/rustlib/$host/bin/rust-lld" "$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld" \
		/usr/bin/rust-lld "${RUSTUP_HOME:-$HOME/.rustup}"/toolchains/*/lib/rustlib/"$host"/bin/rust-lld; do
		if [[ -x $candidate ]]; then
			readlink -f "$candidate"
			return
		fi
	done
	return 1
}

# A sysroot of links to Debian's, so that our target's files need not be written into /usr.
lay_out_sysroot() {
	local root=$1 host=$2 tool
	local rustlib=$root/lib/rustlib
	mkdir -p "$root/bin" "$rustlib/$host/bin"
	ln -sfn /usr/bin/cargo "$root/bin/cargo"
	for tool in rustc rustdoc; do
		printf '#!/bin/sh\nexec /usr/bin/%s --sysroot "%s" "$@"\n' "$tool" "$HOME_DIR" >"$root/bin/$tool"
		chmod 755 "$root/bin/$tool"
	done
	ln -sfn "/usr/lib/rustlib/$host/lib" "$rustlib/$host/lib"
	ln -sfn /usr/lib/rustlib/etc "$rustlib/etc"
	ln -sfn /usr/lib/rustlib/src "$rustlib/src"
	for tool in "/usr/lib/rustlib/$host/bin"/*; do
		[[ -e $tool ]] && ln -sfn "$tool" "$rustlib/$host/bin/$(basename "$tool")"
	done
	tool=$(find_rust_lld "$host") || die "no rust-lld was found" "rustup toolchain install stable"
	ln -sfn "$tool" "$rustlib/$host/bin/rust-lld"
}

# core, alloc and compiler_builtins, built from Debian's own source of the standard library, which carries what it depends
# on: no registry is asked.
build_core() {
	local root=$1 work=$2 rlib vendored=/usr/lib/rustlib/src/rust/library/vendor
	local -a config=()
	if [[ -d $vendored ]]; then
		config=(--config 'source.crates-io.replace-with="std"' --config "source.std.directory=\"$vendored\"")
	fi
	mkdir -p "$work/src"
	printf '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$work/Cargo.toml"
	printf '#![no_std]\n' >"$work/src/lib.rs"
	(
		cd "$work"
		unset CARGO_ENCODED_RUSTFLAGS RUSTC RUSTC_WRAPPER CARGO_BUILD_TARGET
		RUSTUP_TOOLCHAIN=$LINKED RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes CARGO_TARGET_DIR=$work/target \
			logged "$LOGS/wasm-core.log" rustup run "$LINKED" cargo build --release -Z build-std=core,alloc \
			--target "$TARGET" "${config[@]}"
	) || return 1
	mkdir -p "$root/lib/rustlib/$TARGET/lib"
	for rlib in core alloc compiler_builtins; do
		cp "$work/target/$TARGET/release/deps/lib$rlib"-*.rlib "$root/lib/rustlib/$TARGET/lib/" || return 1
	done
}

# The recipe is part of the stamp: a changed script or compiler makes everything anew.
debian_stamp() {
	/usr/bin/rustc -vV
	sha256sum "${BASH_SOURCE[0]}" | cut -d' ' -f1
}

debian_ready() {
	[[ -f $HOME_DIR/stamp && -x /usr/bin/rustc && $(<"$HOME_DIR/stamp") == "$(debian_stamp)" ]] &&
		has_target "$HOME_DIR" && [[ $(sysroot_of "$LINKED") == "$HOME_DIR" ]] && echo "$LINKED"
}

by_debian() {
	local host work=$HOME_DIR.build
	debian_ready && return
	[[ -x /usr/bin/rustc && -x /usr/bin/cargo && -f /usr/lib/rustlib/src/rust/library/core/Cargo.toml ]] || return 1
	host=$(/usr/bin/rustc -vV | sed -n 's/^host: //p')
	step "building core and alloc for $TARGET with Debian's $(/usr/bin/rustc -V | cut -d' ' -f1,2) (about 20 s, once)"
	rm -rf "$HOME_DIR" "$work"
	lay_out_sysroot "$HOME_DIR" "$host"
	rustup toolchain link "$LINKED" "$HOME_DIR" >/dev/null 2>&1 || return 1
	build_core "$HOME_DIR" "$work" || return 1
	rm -rf "$work"
	compiles "$LINKED" || return 1
	# Runtimes built with the former rlibs would not be rebuilt otherwise.
	rm -rf "${CARGO_TARGET_DIR:-$LILYPAD_CACHE/target}"/*/wbuild
	debian_stamp >"$HOME_DIR/stamp"
	debian_ready
}

# The first release of Debian's package is too old; its security updates are not.
debian_rust_is_recent() {
	local wanted version
	wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$REPO_ROOT/Cargo.toml")
	version=$(/usr/bin/rustc -V 2>/dev/null | cut -d' ' -f2) || return 1
	[[ -n $version && $(printf '%s\n' "$wanted" "$version" | sort -V | head -n1) == "$wanted" ]]
}

install_debian_rust() {
	local -a packages=(rustc-web cargo-web rust-web-src)
	have apt-get || return 1
	# shellcheck source=scripts/packages.sh
	. "$REPO_ROOT/scripts/packages.sh"
	if ! debian_rust_is_recent || ! all_installed "${packages[@]}"; then
		refresh_packages
		upgrade_packages "Rust's WASM target, which rustup could not download" "${packages[@]}" || return 1
	fi
	debian_rust_is_recent || {
		warn "Debian's rustc-web is too old here: $(/usr/bin/rustc -V)"
		say "next: add Debian's security updates to apt's sources (deb http://security.debian.org/debian-security bookworm-security main)"
		return 1
	}
}

main() {
	mkdir -p "$LOGS"
	# A toolchain that only half works must not be chosen by whatever the caller's environment says.
	unset RUSTUP_TOOLCHAIN
	if [[ $WAY == auto ]]; then
		# What worked before, before a download is tried again.
		rustup_ready && return
		debian_ready && return
	fi
	if [[ $WAY != debian ]]; then
		by_rustup && return
		[[ $WAY == auto ]] || die "rustup could not add the target $TARGET" "see $LOGS/rustup.log"
		say "rustup could not provide $TARGET ($(tail -n 1 "$LOGS/rustup.log" | head -c 200))"
		say "using Debian's rustc-web instead"
	fi
	install_debian_rust || die "neither rustup nor apt can provide the target $TARGET" \
		"rustup target add $TARGET (needs static.rust-lang.org)" \
		"or, on Debian 12: apt-get install rustc-web cargo-web rust-web-src"
	by_debian || die "Debian's rustc-web does not compile to $TARGET here" "see $LOGS/wasm-core.log"
}

main
