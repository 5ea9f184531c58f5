//! Compiles the runtime to WASM as well, for the chain specification and for upgrades.

fn main() {
	#[cfg(feature = "std")]
	substrate_wasm_builder::WasmBuilder::build_using_defaults();
}
