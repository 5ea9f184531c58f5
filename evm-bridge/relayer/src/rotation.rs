//! `rotation …`: how a bridge set gives way to the next. Members of the set in office sign, each on its own machine; anybody who has
//! the signatures of a quorum brings them to the chain, and relayers bring them to the gateway.

use crate::{
	args::{NextSet, RotationCommand},
	key_of,
};
use anyhow::{anyhow, Context, Result};
use lilypad_client::{
	calls,
	gateway::{eip712, sorted_keys, two_thirds, Keys, Signature},
	Client, ClientConfig, Signer,
};
use serde_json::json;
use sp_core::H256;

/// Does what is said.
pub async fn run(command: RotationCommand, as_json: bool) -> Result<()> {
	match command {
		RotationCommand::Sign { next, key } => {
			let key = key_of(key)?;
			let client = client(&next).await?;
			let (digest, set, _, threshold) = proposal(&client, &next).await?;
			let signature = format!("0x{}", hex::encode(key.sign(digest)?));
			match as_json {
				true => println!(
					"{}",
					json!({ "lane": next.lane, "set": set, "threshold": threshold, "digest": digest, "signature": signature })
				),
				false => println!("{signature}"),
			}
		},
		RotationCommand::Submit {
			next,
			signatures,
			payer,
		} => {
			let payer = Signer::from_suri(&payer)?;
			let client = client(&next).await?;
			let (_, set, keys, threshold) = proposal(&client, &next).await?;
			let signatures = signatures
				.iter()
				.map(|text| bytes::<65>(text, "signature"))
				.collect::<Result<Vec<Signature>>>()?;
			let signatures = signatures
				.try_into()
				.map_err(|_| anyhow!("at most 32 signatures"))?;
			let call = calls::gateway::rotate(next.lane, threshold, keys, signatures);
			let outcome = client.submit(&payer, call).await?;
			let block = outcome.block.number;
			match as_json {
				true => println!("{}", json!({ "lane": next.lane, "set": set, "block": block })),
				false => println!("set {set} of lane {} is in office since block {block}", next.lane),
			}
		},
	}
	Ok(())
}

async fn client(next: &NextSet) -> Result<Client> {
	let config = match next.urls.is_empty() {
		true => ClientConfig::default(),
		false => ClientConfig::with_urls(next.urls.clone()),
	};
	Ok(Client::connect(&config).await?)
}

/// What has to be signed, the next set's number, its keys and its quorum.
async fn proposal(client: &Client, next: &NextSet) -> Result<(H256, u64, Keys, u8)> {
	let keys = next
		.members
		.iter()
		.map(|text| bytes::<64>(text, "public key"))
		.collect::<Result<Vec<_>>>()?;
	let keys = sorted_keys(keys).ok_or_else(|| anyhow!("a set has at most 32 members"))?;
	let threshold = next.threshold.unwrap_or_else(|| two_thirds(keys.len()));
	let view = client.finalized().await?;
	let lane = view
		.lane(next.lane)
		.await?
		.context("there is no such lane: `lilypad gateway list`")?;
	let set = view.bridge_set(next.lane).await?.context("the lane has no set")?;
	let number = set.number + 1;
	let members = keys.iter().map(eip712::address_of);
	let message = eip712::rotate(next.lane, set.number, number, threshold, members);
	let digest = eip712::digest(eip712::domain(lane.chain, lane.gateway), message);
	Ok((digest, number, keys, threshold))
}

fn bytes<const N: usize>(text: &str, what: &str) -> Result<[u8; N]> {
	let bytes = hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok();
	bytes
		.and_then(|bytes| bytes.try_into().ok())
		.with_context(|| format!("a {what} has {N} bytes in hexadecimal; this is none: {text}"))
}
