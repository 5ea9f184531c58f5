//! What a solver counts, for Prometheus.

use crate::error::CliError;
use axum::{routing::get, Router};
use lilypad_client::metrics::{Kind, Number, Text};
use lilypad_primitives::{Balance, LP};
use std::{net::SocketAddr, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Metrics {
	/// The newest block.
	pub best_block: Number,
	/// Looks at the book.
	pub rounds: Number,
	/// Rounds that could not be ended.
	pub failures: Number,
	/// Waiting jobs that the last round looked at.
	pub jobs: Number,
	/// Those that were worth a proposal.
	pub wanted: Number,
	/// Offers that the last round looked at.
	pub offers: Number,
	/// Proposals that the chain took.
	pub proposed: Number,
	/// Proposals that the chain refused, for a fee.
	pub refused: Number,
	/// Proposals that became deals.
	pub matched: Number,
	/// Tips, in millionths of an LP.
	tips: Number,
}

impl Metrics {
	/// Counts a tip.
	pub fn earned(&self, tip: Balance) {
		self.tips
			.add(u64::try_from(tip / (LP / 1_000_000)).unwrap_or(u64::MAX));
	}

	/// As Prometheus reads it.
	pub fn render(&self) -> String {
		let mut text = Text::default();
		let single = |text: &mut Text, name: &str, kind, help: &str, number: &Number| {
			text.metric(name, kind, help);
			text.value(name, &[], number.get());
		};
		for (name, help, number) in [
			("solver_best_block", "Number of the best block", &self.best_block),
			(
				"solver_waiting_jobs",
				"Waiting jobs that the last round looked at",
				&self.jobs,
			),
			(
				"solver_wanted_jobs",
				"Those of them that were worth a proposal",
				&self.wanted,
			),
			(
				"solver_offers",
				"Offers that the last round looked at",
				&self.offers,
			),
		] {
			single(&mut text, name, Kind::Gauge, help, number);
		}
		for (name, help, number) in [
			("solver_rounds_total", "Looks at the book", &self.rounds),
			(
				"solver_failures_total",
				"Rounds that could not be ended",
				&self.failures,
			),
			(
				"solver_matched_total",
				"Proposals that became deals",
				&self.matched,
			),
			(
				"solver_tips_micro_lp_total",
				"Tips earned, in millionths of an LP",
				&self.tips,
			),
		] {
			single(&mut text, name, Kind::Counter, help, number);
		}
		text.metric("solver_proposals_total", Kind::Counter, "Proposals sent");
		for (end, number) in [("taken", &self.proposed), ("refused", &self.refused)] {
			text.value("solver_proposals_total", &[("end", end)], number.get());
		}
		text.finish()
	}
}

/// Serves them until the shutdown.
pub async fn serve(
	address: SocketAddr,
	metrics: Arc<Metrics>,
	shutdown: CancellationToken,
) -> Result<(), CliError> {
	let listener = lilypad_worker::http::listen(address).await?;
	tracing::info!(%address, "metrics are served");
	let routes = Router::new().route("/metrics", get(move || async move { metrics.render() }));
	tokio::spawn(async move {
		if let Err(error) = lilypad_worker::http::serve(listener, routes, shutdown).await {
			tracing::error!(%error, "metrics are no longer served");
		}
	});
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn counts_are_rendered() {
		let metrics = Metrics::default();
		metrics.proposed.add(2);
		metrics.refused.add(1);
		metrics.earned(LP / 2);
		let text = metrics.render();
		for line in [
			"lilypad_solver_proposals_total{end=\"taken\"} 2\n",
			"lilypad_solver_proposals_total{end=\"refused\"} 1\n",
			"lilypad_solver_tips_micro_lp_total 500000\n",
			"# TYPE lilypad_solver_best_block gauge\n",
		] {
			assert!(text.contains(line), "{line} is not in:\n{text}");
		}
	}
}
