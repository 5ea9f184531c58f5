//! Which chain the node is a part of.
//!
//! Two chains are built in, both for trying things out, and made by the runtime's own presets. Any other is a file.

use std::path::Path;

use sc_chain_spec::{ChainType, Properties};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};

/// A chain's specification.
pub(crate) type ChainSpec = sc_service::GenericChainSpec;

/// What wallets need to show amounts and addresses.
fn properties() -> Properties {
	let mut properties = Properties::new();
	properties.insert("tokenSymbol".into(), "LP".into());
	properties.insert("tokenDecimals".into(), 18.into());
	properties.insert("ss58Format".into(), lilypad_runtime::SS58_PREFIX.into());
	properties
}

/// A chain that one of the runtime's presets makes.
fn from_preset(name: &str, id: &str, chain_type: ChainType, preset: &str) -> Result<ChainSpec, String> {
	let wasm = lilypad_runtime::WASM_BINARY
		.ok_or("This node was built without the runtime's WASM (SKIP_WASM_BUILD was set): it can only load chains from files.")?;
	Ok(ChainSpec::builder(wasm, Default::default())
		.with_name(name)
		.with_id(id)
		.with_chain_type(chain_type)
		.with_protocol_id(id)
		.with_properties(properties())
		.with_genesis_config_preset_name(preset)
		.build())
}

/// One validator, Alice, on one machine.
fn dev() -> Result<ChainSpec, String> {
	from_preset(
		"Lilypad development",
		"lilypad-dev",
		ChainType::Development,
		DEV_RUNTIME_PRESET,
	)
}

/// Three validators, Alice, Bob and Charlie.
fn local() -> Result<ChainSpec, String> {
	from_preset(
		"Lilypad local network",
		"lilypad-local",
		ChainType::Local,
		LOCAL_TESTNET_RUNTIME_PRESET,
	)
}

/// The chain that `--chain` names: `dev`, `local`, or a file.
pub(crate) fn load(chain: &str) -> Result<ChainSpec, String> {
	match chain {
		"" => Err("Which chain? Give --dev, --chain local, or --chain <file>.".into()),
		"dev" => dev(),
		"local" => local(),
		path if Path::new(path).is_file() => ChainSpec::from_json_file(path.into())
			.map_err(|error| format!("{path} is not a chain specification: {error}")),
		other => Err(format!(
			"There is no chain and no file named \"{other}\". Built in are \"dev\" and \"local\"."
		)),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use sp_runtime::BuildStorage;

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
		// Without the runtime's WASM there are none.
		if lilypad_runtime::WASM_BINARY.is_none() {
			return;
		}
		for (chain, id) in [("dev", "lilypad-dev"), ("local", "lilypad-local")] {
			let spec = load(chain).expect("it is built in");
			assert_eq!(spec.id(), id);
			assert_eq!(spec.properties()["tokenSymbol"], "LP");
			assert_eq!(spec.properties()["tokenDecimals"], 18);
			assert!(spec.build_storage().is_ok());
		}
	}
}
