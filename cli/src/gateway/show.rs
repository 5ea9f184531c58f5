//! What lanes are there, and how they stand.

use super::{existing, rule};
use crate::{app::App, error::CliError, ui::table};
use lilypad_client::{
	gateway::{show_address, Books, BridgeSet, Lane, LaneId, OutboxState},
	lp,
};
use serde_json::{json, Value};

pub(super) async fn list(app: &App) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let all_paused = view.all_lanes_paused().await?;
	let lanes = view.lanes().await?;
	let value: Vec<Value> = lanes
		.iter()
		.map(|(id, lane)| lane_json(*id, lane, all_paused))
		.collect();
	app.ui.outcome(&value, || {
		let rows = lanes.iter().map(|(id, lane)| {
			vec![
				id.to_string(),
				lane.chain.to_string(),
				show_address(lane.gateway),
				rule(lane.finality),
				state(lane, all_paused).into(),
			]
		});
		match lanes.is_empty() {
			true => "there are no lanes".into(),
			false => table(&["LANE", "CHAIN", "GATEWAY", "FINAL BY", "STATE"], rows.collect()),
		}
	})
}

fn state(lane: &Lane, all_paused: bool) -> &'static str {
	match (lane.paused, all_paused) {
		(true, _) => "paused",
		(false, true) => "paused (all are)",
		(false, false) => "open",
	}
}

fn lane_json(id: LaneId, lane: &Lane, all_paused: bool) -> Value {
	json!({
		"lane": id,
		"chain": lane.chain,
		"gateway": show_address(lane.gateway),
		"finality": rule(lane.finality),
		"paused": lane.paused || all_paused,
		"limits": {
			"least": lp::show(lane.limits.least),
			"largest": lp::show(lane.limits.largest),
			"inflow": lp::show(lane.limits.inflow),
			"outflow": lp::show(lane.limits.outflow),
			"period": lane.limits.period,
		},
	})
}

pub(super) async fn show(app: &App, id: LaneId) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let lane = existing(&view, id).await?;
	let all_paused = view.all_lanes_paused().await?;
	let set = view.bridge_set(id).await?;
	let books = view.gateway_books(id).await?;
	let outbox = view.outbox(id).await?;
	let mut value = lane_json(id, &lane, all_paused);
	value["set"] = set.as_ref().map_or(Value::Null, set_json);
	value["books"] = books_json(&books);
	value["outbox"] = outbox_json(&outbox);
	app.ui.outcome(&value, || {
		words(id, &lane, state(&lane, all_paused), set.as_ref(), &books, &outbox)
	})
}

fn set_json(set: &BridgeSet) -> Value {
	let members = set.members.iter().map(
		|member| json!({ "address": show_address(member.address), "account": member.account.to_string() }),
	);
	json!({ "number": set.number, "threshold": set.threshold, "members": members.collect::<Vec<_>>() })
}

/// Amounts in the smallest unit too: books have to add up to the last of it.
fn books_json(books: &Books) -> Value {
	json!({
		"received": books.received.to_string(),
		"released": books.released.to_string(),
		"minted": books.minted.to_string(),
		"burned": books.burned.to_string(),
		"lost": books.lost.to_string(),
		"reserved": books.reserved.to_string(),
		"locked": books.locked().to_string(),
		"free": books.free().to_string(),
		"live": books.live,
	})
}

fn outbox_json(outbox: &OutboxState) -> Value {
	json!({
		"oldest": outbox.oldest,
		"delivered": outbox.delivered,
		"next": outbox.next,
		"next_payout": outbox.next_payout,
	})
}

fn words(
	id: LaneId,
	lane: &Lane,
	state: &str,
	set: Option<&BridgeSet>,
	books: &Books,
	outbox: &OutboxState,
) -> String {
	let mut text = format!(
		"lane {id}: gateway {} on chain {}, final by {}, {state}\n",
		show_address(lane.gateway),
		lane.chain,
		rule(lane.finality)
	);
	if let Some(set) = set {
		text.push_str(&format!(
			"\nset {}: {} of these are a quorum\n",
			set.number, set.threshold
		));
		for member in &set.members {
			text.push_str(&format!(
				"  {}  {}\n",
				show_address(member.address),
				member.account
			));
		}
	}
	let rows = [
		("received", books.received),
		("released", books.released),
		("held by the gateway for this chain", books.locked()),
		("of that kept back for live requests", books.reserved),
		(
			"lost to re-organisations, and to requests that were taken back",
			books.lost,
		),
	];
	text.push_str("\nLP\n");
	for (name, amount) in rows {
		text.push_str(&format!("  {name}: {}\n", lp::show(amount)));
	}
	text.push_str(&format!(
		"\n{} live requests; batches up to {} delivered, up to {} made\n",
		books.live, outbox.delivered, outbox.next
	));
	text
}
