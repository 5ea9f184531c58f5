//! What the worker is doing, for its operator: JSON and metrics on a loopback address.

use crate::{
	chain::Chain,
	journal::{CaseRecord, Journal},
	metrics::Metrics,
	offers::Ailments,
	pipeline::Engines,
	progress::{Progress, ProgressHub},
};
use axum::{extract::State, http::StatusCode, response::IntoResponse, routing::get, Json, Router};
use lilypad_primitives::{Balance, DealId, JobId, OfferId, OfferState, Platform, Round};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, PoisonError};

/// What the worker is doing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
	/// Version of this software.
	pub version: String,
	/// The account.
	pub account: String,
	/// Genesis hash of the chain.
	pub genesis: String,
	/// This worker's peer id.
	pub peer: String,
	/// Where peers reach it.
	pub addresses: Vec<String>,
	/// Number of the best block.
	pub best_block: u64,
	/// What runs jobs.
	pub executors: Vec<String>,
	/// What can be run now.
	pub platforms: Vec<Platform>,
	/// Bytes free on the data folder's disk.
	pub free_bytes: u64,
	/// The bond; `None` when the chain can't be reached.
	pub bond: Option<Balance>,
	/// The offers; `None` when the chain can't be reached.
	pub offers: Option<Vec<OfferStatus>>,
	/// Why no new work is taken, if so.
	pub problems: Vec<String>,
	/// Deals: those that go on, and those whose results are still served.
	pub deals: Vec<DealStatus>,
	/// Seats in panels, those of closed cases whose results are still served among them.
	#[serde(default)]
	pub cases: Vec<SeatStatus>,
}

/// A seat in a panel, in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SeatStatus {
	/// The deal.
	pub deal: DealId,
	/// The round.
	pub round: Round,
	/// How far it has come.
	pub stage: String,
	/// The last thing that went wrong.
	pub trouble: Option<String>,
}

/// An offer, in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfferStatus {
	/// Its id.
	pub id: OfferId,
	/// Whether it takes new deals.
	pub state: OfferState,
	/// LP per second, in the smallest unit.
	pub rate: Balance,
	/// Deals that run.
	pub running: u32,
	/// Most deals at once.
	pub slots: u32,
}

/// A deal, in short.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DealStatus {
	/// Its id.
	pub deal: DealId,
	/// Its job.
	pub job: JobId,
	/// What it is doing: a [`Progress`].
	pub progress: serde_json::Value,
}

/// What the status is made of.
#[derive(Clone)]
pub struct StatusSource {
	/// The chain.
	pub chain: Arc<dyn Chain>,
	/// What deals are doing.
	pub hub: ProgressHub,
	/// What the mediator has decided.
	pub journal: Journal,
	/// What runs jobs.
	pub engines: Engines,
	/// Counts.
	pub metrics: Arc<Metrics>,
	/// What is wrong.
	pub ailments: Ailments,
	/// This worker's peer id.
	pub peer: String,
	/// Where peers reach it.
	pub addresses: Vec<String>,
}

impl StatusSource {
	/// The status now.
	pub async fn status(&self) -> Status {
		let account = self.chain.account();
		// The operator wants to see the rest all the more when the chain can't be reached.
		let bond = self.chain.bond(&account).await.ok();
		let offers = self.chain.offers_of(&account).await.ok().map(|offers| {
			let show = |(id, o): (OfferId, lilypad_primitives::Offer<crate::AccountId>)| OfferStatus {
				id,
				state: o.state,
				rate: o.rate,
				running: o.running,
				slots: o.slots,
			};
			offers.into_iter().map(show).collect()
		});
		let mut problems = self
			.ailments
			.lock()
			.unwrap_or_else(PoisonError::into_inner)
			.clone();
		if offers.is_none() {
			problems.push("the chain can't be reached".into());
		}
		let deal = |(deal, job, progress): (DealId, JobId, Progress)| DealStatus {
			deal,
			job,
			progress: serde_json::to_value(progress).unwrap_or_default(),
		};
		let seat = |record: CaseRecord| SeatStatus {
			deal: record.seat.deal,
			round: record.seat.round,
			stage: record.stage.name().into(),
			trouble: record.trouble,
		};
		Status {
			version: env!("CARGO_PKG_VERSION").into(),
			account: account.to_string(),
			genesis: hex::encode(self.chain.genesis_hash()),
			peer: self.peer.clone(),
			addresses: self.addresses.clone(),
			best_block: self.metrics.best_block.get(),
			executors: self.engines.0.iter().map(|e| e.describe()).collect(),
			platforms: self.engines.platforms(),
			free_bytes: self.metrics.free_bytes.get(),
			bond,
			offers,
			problems,
			deals: self.hub.all().into_iter().map(deal).collect(),
			cases: self
				.journal
				.cases()
				.unwrap_or_default()
				.into_iter()
				.map(seat)
				.collect(),
		}
	}
}

/// The routes: `/status`, `/metrics`, and `/health`, which answers 503 while no new work is taken.
pub fn router(source: StatusSource) -> Router {
	Router::new()
		.route(
			"/status",
			get(|State(source): State<StatusSource>| async move { Json(source.status().await) }),
		)
		.route(
			"/metrics",
			get(|State(source): State<StatusSource>| async move { source.metrics.render() }),
		)
		.route("/health", get(health))
		.with_state(source)
}

async fn health(State(source): State<StatusSource>) -> impl IntoResponse {
	let problems = source
		.ailments
		.lock()
		.unwrap_or_else(PoisonError::into_inner)
		.join("\n");
	match problems.is_empty() {
		true => (StatusCode::OK, "ok\n".to_string()),
		false => (StatusCode::SERVICE_UNAVAILABLE, format!("{problems}\n")),
	}
}
