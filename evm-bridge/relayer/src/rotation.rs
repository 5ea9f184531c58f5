//! `rotation sign`: members of the set in office sign for the next one, each on its own machine. `lilypad gateway rotate` brings the
//! signatures of a quorum to the chain, and relayers bring them to the gateway.

use crate::{
	args::{NextSet, RotationCommand},
	key_of,
};
use anyhow::{ensure, Result};
use lilypad_client::{Client, ClientConfig};
use serde_json::json;

/// Does what is said.
pub async fn run(command: RotationCommand, as_json: bool) -> Result<()> {
	let RotationCommand::Sign { next, key } = command;
	let key = key_of(key)?;
	let NextSet {
		lane,
		members,
		threshold,
		urls,
	} = next;
	let config = match urls.is_empty() {
		true => ClientConfig::default(),
		false => ClientConfig::with_urls(urls),
	};
	let view = Client::connect(&config).await?.finalized().await?;
	let next = view.next_set(lane, members, threshold).await?;
	ensure!(
		next.office.position(&key.account()).is_some(),
		"{} is no member of set {}, which is in office on lane {lane}: only its members' signatures count (`lilypad gateway show {lane}`)",
		key.address(),
		next.office.number
	);
	let signature = format!("0x{}", hex::encode(key.sign(next.digest)?));
	match as_json {
		true => println!(
			"{}",
			json!({
				"lane": lane, "set": next.set.number, "threshold": next.set.threshold, "digest": next.digest, "signature": signature,
			})
		),
		false => println!("{signature}"),
	}
	Ok(())
}
