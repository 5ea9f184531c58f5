//! The example dapp of `evm-bridge/example-dapp` against the whole thing: a wallet and a page buy a computation from a contract, with
//! real chains, relayers and containers.

use anyhow::{ensure, Context, Result};
use lilypad_tests::{
	bridge::{Evm, Relayers},
	free_port, path_str, Network,
};
use serde_json::json;
use std::{path::Path, process::Command};

const COWSAY: &str = "cowsay:v0.0.1";

#[test]
fn a_wallet_and_a_page_buy_a_cow() -> Result<()> {
	let dapp = Path::new(env!("CARGO_MANIFEST_DIR")).join("../evm-bridge/example-dapp");
	ensure!(
		dapp.join("node_modules/ethers").is_dir(),
		"the dapp's packages are missing: run `npm ci` in evm-bridge/example-dapp, or `make test`"
	);
	let network = Network::dev()?;
	let results = format!("127.0.0.1:{}", free_port()?);
	let _provider = network.provider("//Bob", &["--provider-http", &results])?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "finalized")?;
	let relayers = Relayers::for_lanes(&network, &[(evm.id, vec![evm.url().into()])])?.start_all()?;

	let there = json!({
		"deployment": path_str(evm.deployment())?,
		"url": evm.url(),
		"node": network.url().replace("ws:", "http:"),
		"results": format!("http://{results}"),
	});
	let output = Command::new("npm")
		.args(["run", "test:network", "--silent"])
		.current_dir(&dapp)
		.env("LILYPAD_BRIDGE", there.to_string())
		.output()
		.context("npm could not be started")?;
	ensure!(
		output.status.success(),
		"{}\n{}\n{}",
		String::from_utf8_lossy(&output.stdout),
		String::from_utf8_lossy(&output.stderr),
		relayers[0].process.log_tail(20)
	);
	Ok(())
}
