//! The way out that the gateway has when the bridge is dead.

use super::{foundry, topic, Evm};
use anyhow::{ensure, Context, Result};
use lilypad_client::gateway::eip712;
use serde_json::{json, Value};

const DAY: u64 = 24 * 3_600;
/// What the contracts demand of silence, and then of notice, by default.
const SILENCE: u64 = 30 * DAY;
const NOTICE: u64 = 3 * DAY;
const REQUESTED: &str =
	"Requested(uint64,address,bytes32,address,uint96,uint64,uint64,uint32,bytes32,string,string[])";

impl Evm {
	/// Lets so much time pass there, and nothing happen, that the bridge can be declared dead, and requests be taken back.
	pub fn declare_dead(&self, from: &str) -> Result<()> {
		self.pass(SILENCE + DAY)?;
		self.transact(from, self.gateway(), &["declareDead()"])?;
		self.pass(NOTICE + 1)
	}

	fn pass(&self, seconds: u64) -> Result<()> {
		self.rpc("evm_increaseTime", json!([seconds]))?;
		self.rpc("evm_mine", json!([]))?;
		Ok(())
	}

	/// Takes a request back.
	pub fn exit(&self, from: &str, id: u64) -> Result<()> {
		let ticket = self.ticket(id)?;
		let call = "exit((uint64,address,address,uint96,uint64,uint32,bytes32))";
		self.transact(from, self.gateway(), &[call, &ticket])?;
		Ok(())
	}

	/// What the gateway remembers of a request, as cast takes it: from the log that tells of the request.
	fn ticket(&self, id: u64) -> Result<String> {
		let filter = json!([{
			"address": self.gateway(), "fromBlock": "0x0", "toBlock": "latest",
			"topics": [topic(REQUESTED)?, format!("{id:#066x}")],
		}]);
		let logs = self.rpc("eth_getLogs", filter)?;
		let log = logs.get(0).context("the request's log")?;
		let requester = log["topics"][2].as_str().and_then(|topic| topic.get(26..));
		let requester = requester.context("an address")?;
		let parts = decode(log["data"].as_str().context("data")?)?;
		let text = |at: usize| -> Result<String> {
			Ok(match &parts[at] {
				Value::String(text) => text.clone(),
				other => other.to_string(),
			})
		};
		let inputs = parts[7].as_array().context("inputs")?;
		let inputs: Vec<&[u8]> = inputs
			.iter()
			.map(|input| Ok(input.as_str().context("a text")?.as_bytes()))
			.collect::<Result<_>>()?;
		let delegate: sp_core::H256 = text(5)?.parse()?;
		let module = text(6)?;
		let job = eip712::job(
			module.as_bytes(),
			inputs.into_iter(),
			text(3)?.parse()?,
			delegate.0,
		);
		let (refund_to, budget, accept_by, gas) = (text(0)?, text(1)?, text(2)?, text(4)?);
		Ok(format!(
			"({id},0x{requester},{refund_to},{budget},{accept_by},{gas},{job:?})"
		))
	}
}

/// The parts of a `Requested` event that are not topics.
fn decode(data: &str) -> Result<Value> {
	let types = "f()(address,uint96,uint64,uint64,uint32,bytes32,string,string[])";
	let output = foundry("cast")
		.args(["decode-abi", "--json", types, data])
		.output()?;
	ensure!(
		output.status.success(),
		"{}",
		String::from_utf8_lossy(&output.stderr)
	);
	Ok(serde_json::from_slice(&output.stdout)?)
}
