//! Metrics for Prometheus, and the same for people.

use crate::{
	evm::pool::EndpointStatus,
	lane::Lane,
	market::{Blocks, Market},
};
use axum::{extract::State, routing::get, Json, Router};
use lilypad_client::metrics::{Kind, Number, Text};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

/// What is told about.
#[derive(Clone)]
pub struct Shared {
	account: String,
	blocks: watch::Receiver<Blocks>,
	lanes: Vec<Arc<Lane>>,
}

/// The state of a relayer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
	/// The member's account on the market's chain.
	pub account: String,
	/// Newest block of the market's chain.
	pub best: u32,
	/// Newest that can't be reverted.
	pub finalized: u32,
	/// The lanes.
	pub lanes: Vec<LaneStatus>,
}

/// The state of a lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStatus {
	/// Its number.
	pub lane: u64,
	/// EIP-155 id of its chain.
	pub chain: u64,
	/// Whether the key is a member of its set.
	pub member: bool,
	/// Whether it is paused on the market's chain.
	pub paused: bool,
	/// Newest final block of the EVM chain.
	pub final_block: u64,
	/// Final blocks that were not read yet.
	pub blocks_behind: u64,
	/// The highest inbound number seen.
	pub inbound: u64,
	/// Numbers that are not decided.
	pub open: u64,
	/// Batches that are not known to be delivered.
	pub undelivered: u64,
	/// Messages that can't be delivered now.
	pub held_back: u64,
	/// Coins for gas, in gwei.
	pub gas_money_gwei: u64,
	/// The endpoints.
	pub endpoints: Vec<EndpointStatus>,
}

impl Shared {
	/// Of these lanes.
	pub fn new(market: &Arc<dyn Market>, lanes: &[Arc<Lane>]) -> Self {
		Self {
			account: market.account().to_string(),
			blocks: market.blocks(),
			lanes: lanes.to_vec(),
		}
	}

	/// The state.
	pub fn status(&self) -> Status {
		let blocks = *self.blocks.borrow();
		Status {
			account: self.account.clone(),
			best: blocks.best,
			finalized: blocks.finalized,
			lanes: self.lanes.iter().map(|lane| lane_status(lane)).collect(),
		}
	}

	/// The metrics.
	pub fn metrics(&self) -> String {
		let mut text = Text::default();
		let blocks = *self.blocks.borrow();
		text.metric(
			"relayer_best_block",
			Kind::Gauge,
			"Newest block of the market's chain",
		);
		text.value("relayer_best_block", &[], blocks.best);
		text.metric(
			"relayer_finalized_block",
			Kind::Gauge,
			"Newest block of the market's chain that can't be reverted",
		);
		text.value("relayer_finalized_block", &[], blocks.finalized);
		for (name, kind, help, number) in ROWS {
			text.metric(name, *kind, help);
			for lane in &self.lanes {
				text.value(name, &[("lane", &lane.id.to_string())], number(lane));
			}
		}
		for (name, help, number) in ENDPOINT_ROWS {
			text.metric(name, Kind::Counter, help);
			for lane in &self.lanes {
				for endpoint in lane.pool.status() {
					let labels = [("lane", &*lane.id.to_string()), ("endpoint", &*endpoint.name)];
					text.value(name, &labels, number(&endpoint));
				}
			}
		}
		text.finish()
	}
}

fn lane_status(lane: &Lane) -> LaneStatus {
	let (view, tally) = (lane.view(), &lane.tally);
	LaneStatus {
		lane: lane.id,
		chain: view.lane.chain,
		member: lane.place(&view).is_some(),
		paused: view.paused,
		final_block: tally.final_block.get(),
		blocks_behind: behind(lane),
		inbound: tally.inbound.get(),
		open: tally.open.get(),
		undelivered: tally.undelivered.get(),
		held_back: tally.held_back.get(),
		gas_money_gwei: tally.gas_money.get(),
		endpoints: lane.pool.status(),
	}
}

fn behind(lane: &Lane) -> u64 {
	let (last, read) = (lane.tally.final_block.get(), lane.tally.scanned.get());
	last.saturating_sub(read)
}

type Row = (&'static str, Kind, &'static str, fn(&Lane) -> u64);

macro_rules! row {
	($name:literal, $kind:ident, $help:literal, $($field:ident).+) => {
		($name, Kind::$kind, $help, |lane| Number::get(&lane.$($field).+))
	};
}

const ROWS: &[Row] = &[
	row!(
		"relayer_final_block",
		Gauge,
		"Newest final block of the EVM chain",
		tally.final_block
	),
	(
		"relayer_blocks_behind",
		Kind::Gauge,
		"Final blocks that were not read yet",
		behind,
	),
	row!(
		"relayer_inbound_number",
		Gauge,
		"Highest number of a request or deposit seen",
		tally.inbound
	),
	row!(
		"relayer_open_numbers",
		Gauge,
		"Numbers that the market's chain has not decided",
		tally.open
	),
	row!(
		"relayer_attested_total",
		Counter,
		"Attestations made",
		tally.attested
	),
	row!("relayer_signed_total", Counter, "Batches signed", tally.signed),
	row!(
		"relayer_undelivered_batches",
		Gauge,
		"Batches that are not known to be delivered",
		tally.undelivered
	),
	row!(
		"relayer_held_back_messages",
		Gauge,
		"Messages that can't be delivered now",
		tally.held_back
	),
	row!(
		"relayer_reorganisations_total",
		Counter,
		"Re-organisations deeper than the finality rule",
		tally.reorganised
	),
	row!(
		"relayer_changed_numbers_total",
		Counter,
		"Numbers that stand for something else since one",
		tally.changed
	),
	row!(
		"relayer_exits_total",
		Counter,
		"Requests taken back while the bridge was dead",
		tally.exited
	),
	row!(
		"relayer_failed_steps_total",
		Counter,
		"Steps that failed and were tried again",
		tally.failures
	),
	row!(
		"relayer_gas_money_gwei",
		Gauge,
		"Coins on the EVM chain to pay gas with",
		tally.gas_money
	),
	row!(
		"relayer_transactions_total",
		Counter,
		"Transactions sent",
		sender.tally.sent
	),
	row!(
		"relayer_transactions_bumped_total",
		Counter,
		"Transactions whose price was raised",
		sender.tally.bumped
	),
	row!(
		"relayer_transactions_mined_total",
		Counter,
		"Transactions that succeeded",
		sender.tally.mined
	),
	row!(
		"relayer_transactions_reverted_total",
		Counter,
		"Transactions that reverted",
		sender.tally.reverted
	),
	row!("relayer_gas_total", Counter, "Gas paid for", sender.tally.gas),
];

type EndpointRow = (&'static str, &'static str, fn(&EndpointStatus) -> u64);

const ENDPOINT_ROWS: &[EndpointRow] = &[
	("relayer_rpc_calls_total", "Requests to an endpoint", |e| e.calls),
	(
		"relayer_rpc_errors_total",
		"Requests that failed by the endpoint's fault",
		|e| e.errors,
	),
	(
		"relayer_rpc_distrusted_total",
		"How often an endpoint was set aside for what it said",
		|e| e.distrusted,
	),
];

/// Serves until `shutdown`.
pub async fn serve(
	listener: TcpListener,
	shared: Shared,
	shutdown: CancellationToken,
) -> std::io::Result<()> {
	let router = Router::new()
		.route(
			"/metrics",
			get(|State(s): State<Shared>| async move { s.metrics() }),
		)
		.route(
			"/status",
			get(|State(s): State<Shared>| async move { Json(s.status()) }),
		)
		.route("/health", get(|| async { "ok\n" }))
		.with_state(shared);
	axum::serve(listener, router)
		.with_graceful_shutdown(async move { shutdown.cancelled().await })
		.await
}
