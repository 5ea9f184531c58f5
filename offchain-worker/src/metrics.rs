//! What the worker counts, in the text format that Prometheus reads.

pub use lilypad_client::metrics::Number;
use lilypad_client::metrics::{Kind, Text};

/// What the worker counts.
#[derive(Debug, Default)]
pub struct Metrics {
	/// Deals seen.
	pub deals: Number,
	/// Jobs running now.
	pub running: Number,
	/// Seals submitted.
	pub submitted: Number,
	/// Deals settled with a result of this worker.
	pub settled: Number,
	/// Deals that ended without one.
	pub lost: Number,
	/// Seats in panels.
	pub cases: Number,
	/// Votes revealed.
	pub votes: Number,
	/// Steps that failed and were tried again.
	pub failures: Number,
	/// Number of the best block.
	pub best_block: Number,
	/// Bytes free on the data folder's disk.
	pub free_bytes: Number,
	/// Whether new work is taken: 1 or 0.
	pub healthy: Number,
}

impl Metrics {
	/// The text.
	pub fn render(&self) -> String {
		use Kind::{Counter, Gauge};
		let mut text = Text::default();
		let rows: [(&str, Kind, &str, &Number); 11] = [
			(
				"deals_total",
				Counter,
				"Deals matched with this worker's offers",
				&self.deals,
			),
			("jobs_running", Gauge, "Jobs that run now", &self.running),
			(
				"results_submitted_total",
				Counter,
				"Sealed results submitted",
				&self.submitted,
			),
			(
				"deals_settled_total",
				Counter,
				"Deals settled with a result of this worker",
				&self.settled,
			),
			(
				"deals_lost_total",
				Counter,
				"Deals that ended without a result of this worker",
				&self.lost,
			),
			(
				"seats_total",
				Counter,
				"Seats in panels that this mediator was drawn for",
				&self.cases,
			),
			(
				"votes_total",
				Counter,
				"Votes that this mediator has revealed",
				&self.votes,
			),
			(
				"step_failures_total",
				Counter,
				"Steps that failed and were tried again",
				&self.failures,
			),
			(
				"best_block",
				Gauge,
				"Number of the best block seen",
				&self.best_block,
			),
			(
				"disk_free_bytes",
				Gauge,
				"Free space on the disk of the data folder",
				&self.free_bytes,
			),
			(
				"healthy",
				Gauge,
				"Whether the worker takes new work",
				&self.healthy,
			),
		];
		for (name, kind, help, number) in rows {
			text.metric(name, kind, help);
			text.value(name, &[], number.get());
		}
		text.finish()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn numbers_are_shown() {
		let metrics = Metrics::default();
		metrics.deals.add(3);
		let text = metrics.render();
		assert!(text.contains("\nlilypad_deals_total 3\n"), "{text}");
		assert!(text.contains("\nlilypad_jobs_running 0\n"), "{text}");
	}
}
