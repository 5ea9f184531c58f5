//! Which chain the node is a part of.
//!
//! Two chains are built in, both for trying things out, and made by the runtime's own presets. Any other is a file.

use std::path::Path;

use lilypad_runtime::genesis_presets;
use sc_chain_spec::{ChainSpec as _, ChainType, Properties};
use serde_json::Value;
use sp_core::storage::{well_known_keys, Storage};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use sp_maybe_compressed_blob::CODE_BLOB_BOMB_LIMIT;
use sp_runtime::BuildStorage;

/// A chain's specification.
pub(crate) type ChainSpec = sc_service::GenericChainSpec;

/// A chain that the node knows by itself.
struct BuiltIn {
	/// What `--chain` calls it.
	chain: &'static str,
	/// What people read.
	name: &'static str,
	/// What tells it from other chains, on the network and on the disk.
	id: &'static str,
	chain_type: ChainType,
	/// The runtime's preset for its genesis.
	preset: &'static str,
}

/// Never said, as the tests see to it.
const NO_PRESET: &str = "The runtime has no such preset.";

/// The chains that the node knows by itself.
static BUILT_IN: [BuiltIn; 2] = [
	BuiltIn {
		chain: "dev",
		name: "Lilypad development",
		id: "lilypad-dev",
		chain_type: ChainType::Development,
		preset: DEV_RUNTIME_PRESET,
	},
	BuiltIn {
		chain: "local",
		name: "Lilypad local network",
		id: "lilypad-local",
		chain_type: ChainType::Local,
		preset: LOCAL_TESTNET_RUNTIME_PRESET,
	},
];

impl BuiltIn {
	fn find(chain: &str) -> Option<&'static Self> {
		BUILT_IN.iter().find(|built_in| built_in.chain == chain)
	}

	/// What the genesis has, where it differs from the default.
	fn patch(&self) -> Result<Value, String> {
		let patch = genesis_presets::get_preset(&self.preset.into()).ok_or(NO_PRESET)?;
		serde_json::from_slice(&patch).map_err(|error| error.to_string())
	}

	fn spec(&self) -> Result<ChainSpec, String> {
		Ok(ChainSpec::builder(&runtime_code()?, Default::default())
			.with_name(self.name)
			.with_id(self.id)
			.with_chain_type(self.chain_type.clone())
			.with_protocol_id(self.id)
			.with_properties(properties())
			.with_genesis_config_patch(self.patch()?)
			.build())
	}

	/// The state that the chain starts with.
	///
	/// Made by the runtime that is linked into the node, the same as the one in the specification: compiling that one
	/// just for this would double the time that the node takes to start.
	fn state(&self) -> Result<Storage, String> {
		let genesis = genesis_presets::genesis_config(&self.preset.into()).ok_or(NO_PRESET)?;
		let mut state = genesis.build_storage()?;
		state.top.insert(well_known_keys::CODE.to_vec(), runtime_code()?);
		Ok(state)
	}
}

/// The runtime's code. Compressed: it is part of the first block's state and of every specification.
fn runtime_code() -> Result<Vec<u8>, String> {
	let code = lilypad_runtime::WASM_BINARY.ok_or(
		"This node was built without the runtime's code (SKIP_WASM_BUILD was set): it can only load chains from files.",
	)?;
	// A release build has compressed it already.
	if !code.starts_with(b"\0asm") {
		return Ok(code.to_vec());
	}
	sp_maybe_compressed_blob::compress_weakly(code, CODE_BLOB_BOMB_LIMIT)
		.ok_or_else(|| "The runtime's code can't be compressed.".into())
}

/// What wallets need to show amounts and addresses.
fn properties() -> Properties {
	let mut properties = Properties::new();
	properties.insert("tokenSymbol".into(), "LP".into());
	properties.insert("tokenDecimals".into(), 18.into());
	properties.insert("ss58Format".into(), lilypad_runtime::SS58_PREFIX.into());
	properties
}

/// The chain that `--chain` names: `dev`, `local`, or a file.
pub(crate) fn load(chain: &str) -> Result<ChainSpec, String> {
	if let Some(built_in) = BuiltIn::find(chain) {
		return built_in.spec();
	}
	match chain {
		"" => Err("Which chain? Give --dev, --chain local, or --chain <file>.".into()),
		path if Path::new(path).is_file() => ChainSpec::from_json_file(path.into())
			.map_err(|error| format!("{path} is not a chain specification: {error}")),
		other => Err(format!(
			"There is no chain and no file named \"{other}\". Built in are \"dev\" and \"local\"."
		)),
	}
}

/// As [`load`], for a node that is about to run: the state that the chain starts with is at hand.
pub(crate) fn load_to_run(chain: &str) -> Result<ChainSpec, String> {
	let mut spec = load(chain)?;
	if let Some(built_in) = BuiltIn::find(chain) {
		spec.set_storage(built_in.state()?);
	}
	Ok(spec)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn load_fails_when_no_chain_is_named() {
		assert!(load("").is_err_and(|error| error.contains("--dev")));
	}

	#[test]
	fn load_fails_when_there_is_no_such_chain() {
		assert!(load("mainnet").is_err_and(|error| error.contains("mainnet")));
	}

	#[test]
	fn load_fails_when_the_file_is_something_else() {
		let error = load(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).err();
		assert!(error.is_some_and(|error| error.contains("not a chain specification")));
	}

	#[test]
	fn built_in_chains_work() {
		// Without the runtime's code there are none.
		if lilypad_runtime::WASM_BINARY.is_none() {
			return;
		}
		for built_in in &BUILT_IN {
			let spec = load(built_in.chain).expect("it is built in");
			assert_eq!(spec.id(), built_in.id);
			assert_eq!(spec.properties()["tokenSymbol"], "LP");
			assert_eq!(spec.properties()["tokenDecimals"], 18);
		}
	}

	#[test]
	fn running_chain_starts_as_its_specification_says() {
		if lilypad_runtime::WASM_BINARY.is_none() {
			return;
		}
		for built_in in &BUILT_IN {
			let specified = load(built_in.chain)
				.and_then(|spec| spec.build_storage())
				.expect("it can be built");
			let at_hand = load_to_run(built_in.chain)
				.and_then(|spec| spec.build_storage())
				.expect("it is there");
			// Not `assert_eq`: it would print the state, code and all.
			assert!(specified.top == at_hand.top, "{} differs", built_in.chain);
			assert!(specified.children_default.is_empty() && at_hand.children_default.is_empty());
		}
	}
}
