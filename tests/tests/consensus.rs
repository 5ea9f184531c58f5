//! Three validators agree on a settled deal and finalize it.

use anyhow::{ensure, Context, Result};
use lilypad_tests::{wait_for, Network};
use std::time::Duration;

#[test]
fn three_validators_finalize_a_settled_deal() -> Result<()> {
	let network = Network::local()?;
	assert_eq!(network.validators(), 3);
	// WASM, so that this test is about consensus alone.
	let _provider = network.provider("//Dave", &["--provider-engine", "wasm-only"])?;
	network.publish("//Alice", "cowsay-wasm")?;
	let outcome = network
		.cli("//Eve")
		.json(&["run", "cowsay-wasm:v0.0.1", "-i", "Message=moo", "--yes"])?;
	ensure!(outcome["cost"].is_string(), "{outcome}");
	let settled = network.best_number()?;
	for node in 0..3 {
		wait_for(
			&format!("node {node} finalizes block {settled}"),
			Duration::from_secs(60),
			|| Ok((network.finalized_number(node)? >= settled).then_some(())),
		)?;
		wait_for(
			&format!("node {node} tells Prometheus so"),
			Duration::from_secs(20),
			|| Ok((finalized_in(&network.metrics(node)?)? >= settled).then_some(())),
		)?;
	}
	Ok(())
}

/// The last finalized block in a node's metrics.
fn finalized_in(metrics: &str) -> Result<u32> {
	let line = metrics
		.lines()
		.find(|line| line.starts_with("substrate_block_height{") && line.contains("status=\"finalized\""))
		.context("the node's metrics have no finalized height")?;
	let number = line.rsplit(' ').next().context("it has a value")?;
	Ok(number.parse::<f64>()? as u32)
}
