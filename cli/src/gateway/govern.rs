//! What governance does with lanes: on development chains, the holder of the sudo key.

use super::{
	args::{LimitArgs, Register},
	existing, rule,
};
use crate::{app::App, error::CliError};
use lilypad_client::{
	calls,
	gateway::{
		parse_address, show_address, sorted_keys, two_thirds, FinalityRule, LaneId, Limits, MAX_MEMBERS,
	},
	Call, ChainEvent, GatewayEvent, TxOutcome,
};
use lilypad_primitives::LP;
use serde::Deserialize;
use serde_json::json;
use sp_core::H160;
use std::path::Path;

/// Milliseconds of a day.
const DAY: u64 = 24 * 3_600 * 1_000;

/// What the deployment of the contracts has written down.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deployment {
	lane: u64,
	chain_id: u64,
	gateway: String,
}

impl Deployment {
	fn read(path: &Path) -> Result<(LaneId, u64, H160), CliError> {
		let bytes = std::fs::read(path).map_err(CliError::io("can't read the deployment", path))?;
		let wrong = |why: String| {
			CliError::Input(format!(
				"{} is not what the deployment of the contracts writes: {why}",
				path.display()
			))
		};
		let file: Self = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
		let gateway = parse_address(&file.gateway).map_err(wrong)?;
		Ok((file.lane, file.chain_id, gateway))
	}
}

/// The limits that are said, and otherwise these.
fn limits(said: &LimitArgs, or: Limits) -> Limits {
	Limits {
		least: said.least.unwrap_or(or.least),
		largest: said.largest.unwrap_or(or.largest),
		inflow: said.inflow.unwrap_or(or.inflow),
		outflow: said.outflow.unwrap_or(or.outflow),
		period: said.period.unwrap_or(or.period),
	}
}

pub(super) async fn register(app: &App, args: &Register) -> Result<(), CliError> {
	let (lane, chain, gateway) = match (&args.deployment, args.lane, args.chain_id, args.gateway) {
		(Some(path), ..) => Deployment::read(path)?,
		(None, Some(lane), Some(chain), Some(gateway)) => (lane, chain, gateway),
		// Clap demands one or the other.
		_ => {
			return Err(CliError::Input(
				"name a --deployment, or --lane, --chain-id and --gateway".into(),
			))
		},
	};
	let client = app.client().await?;
	let day = DAY / client.best().await?.millis_per_block()?.max(1);
	// What the contracts' own limits are by default; and a least payout that is worth a transaction.
	let default = Limits {
		least: LP / 10,
		largest: 1_000 * LP,
		inflow: 10_000 * LP,
		outflow: 10_000 * LP,
		period: u32::try_from(day).unwrap_or(u32::MAX),
	};
	let count = args.members.len();
	let keys = sorted_keys(args.members.clone()).ok_or_else(|| {
		CliError::Input(format!(
			"a bridge set has at most {MAX_MEMBERS} members, not {count}"
		))
	})?;
	let threshold = args.threshold.unwrap_or_else(|| two_thirds(count));
	let call = calls::gateway::register_lane(
		lane,
		chain,
		gateway,
		args.finality,
		limits(&args.limits, default),
		threshold,
		keys,
	);
	let outcome = govern(
		app,
		call,
		|event| matches!(event, GatewayEvent::LaneRegistered { lane: l, .. } if *l == lane),
	)
	.await?;
	app.ui.outcome(
		&json!({
			"lane": lane, "chain": chain, "gateway": show_address(gateway), "members": count, "threshold": threshold,
			"finality": rule(args.finality), "block": outcome.block.number,
		}),
		|| format!("lane {lane} is registered; {threshold} of {count} members are a quorum"),
	)
}

pub(super) async fn set(
	app: &App,
	lane: LaneId,
	finality: Option<FinalityRule>,
	said: &LimitArgs,
) -> Result<(), CliError> {
	let now = existing(&app.client().await?.best().await?, lane).await?;
	let finality = finality.unwrap_or(now.finality);
	let call = calls::gateway::set_lane(lane, finality, limits(said, now.limits));
	let outcome = govern(
		app,
		call,
		|event| matches!(event, GatewayEvent::LaneSet { lane: l, .. } if *l == lane),
	)
	.await?;
	app.ui.outcome(
		&json!({ "lane": lane, "finality": rule(finality), "block": outcome.block.number }),
		|| format!("lane {lane} is set"),
	)
}

pub(super) async fn pause(app: &App, lane: Option<LaneId>, paused: bool) -> Result<(), CliError> {
	let call = match lane {
		Some(lane) => calls::gateway::pause_lane(lane, paused),
		None => calls::gateway::pause_all(paused),
	};
	let outcome = govern(app, call, |event| match event {
		GatewayEvent::LanePaused { lane: l, paused: p } => lane == Some(*l) && *p == paused,
		GatewayEvent::AllPaused { paused: p } => lane.is_none() && *p == paused,
		_ => false,
	})
	.await?;
	app.ui.outcome(
		&json!({ "lane": lane, "paused": paused, "block": outcome.block.number }),
		|| match (lane, paused) {
			(Some(lane), true) => format!("lane {lane} is paused"),
			(Some(lane), false) => format!("lane {lane} is resumed"),
			(None, true) => "all lanes are paused".into(),
			(None, false) => "lanes are left to their own switches".into(),
		},
	)
}

/// Sends a call with the sudo key's powers, and makes sure that it had its effect: the transaction can succeed although the
/// call failed, and only the call's own event says that it did not.
async fn govern(
	app: &App,
	call: Call,
	effect: impl Fn(&GatewayEvent) -> bool,
) -> Result<TxOutcome, CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let call = client.best().await?.sudo(&call).ok_or_else(|| {
		CliError::Input("this chain has no sudo key: its governance decides about lanes, by proposals".into())
	})?;
	let outcome = client.submit(&signer, call).await?;
	let done = outcome
		.events
		.iter()
		.any(|event| matches!(event, ChainEvent::GatewayEvent(event) if effect(event)));
	match done {
		true => Ok(outcome),
		false => Err(CliError::Input(
			"the chain did not do it: is the lane registered already, or its number, gateway, rule, limits or set not allowed \
			 (docs/bridge-trust.md)? The limits must fit each other: least ≤ largest ≤ inflow and outflow"
				.into(),
		)),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_deployment_is_read_and_anything_else_refused() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("deployment.json");
		let gateway = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
		let json = json!({ "chainId": 1337, "lane": 7, "gateway": gateway, "token": "0x", "members": [] });
		std::fs::write(&path, json.to_string()).expect("written");
		let (lane, chain, address) = Deployment::read(&path).expect("read");
		assert_eq!((lane, chain), (7, 1337));
		assert_eq!(show_address(address), gateway);
		std::fs::write(&path, "{}").expect("written");
		assert!(Deployment::read(&path).is_err());
		assert!(Deployment::read(&dir.path().join("nowhere")).is_err());
	}

	#[test]
	fn what_is_not_said_stays() {
		let now = Limits {
			least: 1,
			largest: 1,
			inflow: 2,
			outflow: 3,
			period: 4,
		};
		let said = LimitArgs {
			least: None,
			largest: None,
			inflow: Some(9),
			outflow: None,
			period: None,
		};
		assert_eq!(limits(&said, now), Limits { inflow: 9, ..now });
	}
}
