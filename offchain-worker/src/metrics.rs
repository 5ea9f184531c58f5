//! What the worker counts, in the text format that Prometheus reads.

use std::{
	fmt::Write,
	sync::atomic::{AtomicU64, Ordering},
};

/// A number that many tasks change.
#[derive(Debug, Default)]
pub struct Number(AtomicU64);

impl Number {
	/// Adds.
	pub fn add(&self, n: u64) {
		self.0.fetch_add(n, Ordering::Relaxed);
	}

	/// Subtracts; never below zero.
	pub fn sub(&self, n: u64) {
		// The closure always gives a value, so this never fails.
		self.0
			.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| {
				Some(now.saturating_sub(n))
			})
			.ok();
	}

	/// Sets.
	pub fn set(&self, n: u64) {
		self.0.store(n, Ordering::Relaxed);
	}

	/// Reads.
	pub fn get(&self) -> u64 {
		self.0.load(Ordering::Relaxed)
	}
}

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
		let mut out = String::new();
		let rows: [(&str, &str, &str, &Number); 11] = [
			(
				"deals_total",
				"counter",
				"Deals matched with this worker's offers",
				&self.deals,
			),
			("jobs_running", "gauge", "Jobs that run now", &self.running),
			(
				"results_submitted_total",
				"counter",
				"Sealed results submitted",
				&self.submitted,
			),
			(
				"deals_settled_total",
				"counter",
				"Deals settled with a result of this worker",
				&self.settled,
			),
			(
				"deals_lost_total",
				"counter",
				"Deals that ended without a result of this worker",
				&self.lost,
			),
			(
				"seats_total",
				"counter",
				"Seats in panels that this mediator was drawn for",
				&self.cases,
			),
			(
				"votes_total",
				"counter",
				"Votes that this mediator has revealed",
				&self.votes,
			),
			(
				"step_failures_total",
				"counter",
				"Steps that failed and were tried again",
				&self.failures,
			),
			(
				"best_block",
				"gauge",
				"Number of the best block seen",
				&self.best_block,
			),
			(
				"disk_free_bytes",
				"gauge",
				"Free space on the disk of the data folder",
				&self.free_bytes,
			),
			(
				"healthy",
				"gauge",
				"Whether the worker takes new work",
				&self.healthy,
			),
		];
		for (name, kind, help, number) in rows {
			// Writing to a string never fails.
			let value = number.get();
			write!(
				out,
				"# HELP lilypad_{name} {help}\n# TYPE lilypad_{name} {kind}\nlilypad_{name} {value}\n"
			)
			.ok();
		}
		out
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn numbers_are_shown_and_do_not_wrap() {
		let metrics = Metrics::default();
		metrics.deals.add(3);
		metrics.running.sub(1);
		let text = metrics.render();
		assert!(text.contains("\nlilypad_deals_total 3\n"), "{text}");
		assert!(text.contains("\nlilypad_jobs_running 0\n"), "{text}");
	}
}
