//! The files in `chain-spec/` are those of the present runtime: whoever joins with one is on the chain that others start by name.
//!
//! The runtime's code in them may be older, or every change of a pallet would have to change them, too; its version may not, nor
//! anything else of the genesis.

use anyhow::{Context, Result};
use codec::Decode;
use lilypad_tests::bin;
use serde_json::Value;
use sp_version::RuntimeVersion;
use std::{fs, path::Path, process::Command};

/// More than a runtime has, uncompressed.
const MOST_CODE: usize = 50 * 1024 * 1024;

/// Takes the code out of a specification, and says which version of the runtime that is.
fn take_code(spec: &mut Value) -> Result<RuntimeVersion> {
	let genesis = spec["genesis"]["runtimeGenesis"]
		.as_object_mut()
		.context("a genesis")?;
	let code = genesis.remove("code").context("the runtime's code")?;
	let code = sp_core::bytes::from_hex(code.as_str().context("code is a text")?)?;
	let code = sp_maybe_compressed_blob::decompress(&code, MOST_CODE)?;
	// A section of the code's own, by its name; behind the name stands the version.
	let name = b"runtime_version";
	let places = code
		.windows(name.len())
		.enumerate()
		.filter(|(_, window)| window == name);
	let mut versions =
		places.filter_map(|(at, _)| RuntimeVersion::decode(&mut &code[at + name.len()..]).ok());
	versions
		.find(|version| version.spec_name == "lilypad")
		.context("the code does not say its version")
}

fn is_fresh(preset: &str) -> Result<()> {
	let dir = tempfile::tempdir()?;
	let exported = dir.path().join("spec.json");
	let output = Command::new(bin("lilypad-node")?)
		.args(["export-chain-spec", "--chain", preset, "--output"])
		.arg(&exported)
		.output()?;
	anyhow::ensure!(
		output.status.success(),
		"{}",
		String::from_utf8_lossy(&output.stderr)
	);
	let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../chain-spec/{preset}.json"));
	let read = |path: &Path| -> Result<Value> { Ok(serde_json::from_slice(&fs::read(path)?)?) };
	let (mut kept, mut present) = (read(&kept)?, read(&exported)?);
	let (old, new) = (take_code(&mut kept)?, take_code(&mut present)?);
	let mend = format!("chain-spec/{preset}.json is not the present runtime's: run `make chain-spec`");
	assert_eq!(old.spec_version, new.spec_version, "{mend}");
	assert_eq!(kept, present, "{mend}");
	Ok(())
}

#[test]
fn the_development_chains_specification_is_fresh() -> Result<()> {
	is_fresh("dev")
}

#[test]
fn the_local_networks_specification_is_fresh() -> Result<()> {
	is_fresh("local")
}
