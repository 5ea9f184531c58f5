//! The polkadot.js dapp of `tests/dapp`, against a running chain and a provider.

use anyhow::{ensure, Context, Result};
use lilypad_tests::Network;
use std::{path::Path, process::Command};

#[test]
fn a_polkadot_js_dapp_buys_a_computation() -> Result<()> {
	let dapp = Path::new(env!("CARGO_MANIFEST_DIR")).join("dapp");
	ensure!(
		dapp.join("node_modules/@polkadot/api").is_dir(),
		"the dapp's packages are missing: run `npm ci` in tests/dapp, or `make test`"
	);
	let network = Network::dev()?;
	network.publish("//Alice", "cowsay")?;
	let _provider = network.provider("//Bob", &[])?;
	let output = Command::new("npm")
		.args(["test", "--silent"])
		.current_dir(&dapp)
		.env("LILYPAD_URL", network.url())
		.output()
		.context("npm could not be started")?;
	ensure!(
		output.status.success(),
		"{}\n{}",
		String::from_utf8_lossy(&output.stdout),
		String::from_utf8_lossy(&output.stderr)
	);
	Ok(())
}
