#!/usr/bin/env bash
# Measures the weights of our pallets, and of what every transaction runs through, on this machine, in the runtime's own WASM build.
#   weights.sh [PALLET]...   all by default: pallet_market, …; any pallet of the runtime's will do
# Writes runtime/src/weights/PALLET.rs. The first run installs the SDK's benchmark runner and builds the runtime with its
# benchmarks, beside the ordinary builds: half an hour on two cores. Measure on a machine that does nothing else.
#   STEPS=50 REPEAT=20   how thoroughly
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cd "$REPO_ROOT"
load_env

# The runner of the SDK's release that we use: its frame-benchmarking is the one in Cargo.toml.
BENCHER_VERSION=0.28.0
TOOLS=$LILYPAD_CACHE/tools
BENCHER=$TOOLS/bin/frame-omni-bencher
# Other features and another profile: a target folder of its own, so that ordinary builds stay as they are.
BENCH_TARGET=${BENCH_TARGET:-$LILYPAD_CACHE/target-benchmarks}
RUNTIME=$BENCH_TARGET/debug/wbuild/lilypad-runtime/lilypad_runtime.compact.compressed.wasm
OUT=runtime/src/weights
# What is measured is the runtime's WASM and the host functions that it calls. The rest of the runner need not be quick, but
# built.
HOST=(sp-core sp-io sp-trie trie-db memory-db hash-db blake2 blake2b_simd twox-hash sp-state-machine sp-crypto-hashing
	parity-scale-codec hashbrown schnorrkel curve25519-dalek k256 secp256k1 secp256k1-sys keccak sha3 sc-client-db
	sp-externalities sp-wasm-interface sc-executor sc-executor-wasmtime sp-runtime-interface wasmtime)

# What every transaction runs through.
OF_TRANSACTIONS=(frame_system_extensions lilypad_transaction pallet_transaction_payment)

our_pallets() {
	local manifest
	for manifest in pallets/*/Cargo.toml; do
		[[ -f ${manifest%/Cargo.toml}/src/benchmarking.rs ]] || continue
		sed -n 's/^name = "\(pallet-[a-z-]*\)"$/\1/p' "$manifest" | tr - _
	done
}

install_bencher() {
	if [[ -x $BENCHER && $("$BENCHER" --version) == *" $BENCHER_VERSION"* ]]; then return; fi
	step "installing frame-omni-bencher $BENCHER_VERSION"
	local crate
	local -a profile=(--config profile.release.opt-level=1 --config profile.release.codegen-units=64)
	for crate in "${HOST[@]}"; do profile+=(--config "profile.release.package.$crate.opt-level=3"); done
	CARGO_TARGET_DIR=$BENCH_TARGET cargo install --locked --root "$TOOLS" --version "$BENCHER_VERSION" frame-omni-bencher "${profile[@]}"
}

build_runtime() {
	step "building the runtime with its benchmarks"
	# The build script makes the blob, as for a release; the native build is not needed, so checking it will do.
	env -u SKIP_WASM_BUILD CARGO_TARGET_DIR="$BENCH_TARGET" WASM_BUILD_TYPE=release \
		cargo check --package lilypad-runtime --features runtime-benchmarks
	[[ -f $RUNTIME ]] || die "there is no runtime at $RUNTIME" "see what the build says about WASM"
}

measure() {
	local pallet=$1
	step "measuring $pallet"
	"$BENCHER" v1 benchmark pallet --runtime "$RUNTIME" --genesis-builder-preset development \
		--output-analysis median-slopes --pallet "$pallet" --extrinsic '*' --steps "${STEPS:-50}" --repeat "${REPEAT:-20}" \
		--template scripts/weights.hbs --output "$OUT/$pallet.rs"
}

main() {
	local -a pallets=("$@")
	((${#pallets[@]})) || mapfile -t pallets < <(our_pallets && printf '%s\n' "${OF_TRANSACTIONS[@]}")
	install_bencher
	build_runtime
	mkdir -p "$OUT"
	local pallet
	for pallet in "${pallets[@]}"; do measure "$pallet"; done
	{
		echo "//! Weights of the runtime's pallets, as \`make weights\` measured them."
		for pallet in "$OUT"/*_*.rs; do
			pallet=${pallet##*/}
			echo "pub mod ${pallet%.rs};"
		done
	} >"$OUT/mod.rs"
	cargo fmt --package lilypad-runtime
	say "written to $OUT; configs use them as crate::weights::${pallets[0]}::WeightInfo<Runtime>"
}

main "$@"
