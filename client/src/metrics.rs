//! Numbers that a service counts, in the text format that Prometheus reads.

use std::{
	fmt::{Display, Write},
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

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
	/// It only grows.
	Counter,
	/// It goes up and down.
	Gauge,
}

/// The text, as it is written.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
	/// Begins a metric: `lilypad_<name>`.
	pub fn metric(&mut self, name: &str, kind: Kind, help: &str) {
		let kind = match kind {
			Kind::Counter => "counter",
			Kind::Gauge => "gauge",
		};
		// Writing to a string never fails, here and below.
		write!(
			self.0,
			"# HELP lilypad_{name} {help}\n# TYPE lilypad_{name} {kind}\n"
		)
		.ok();
	}

	/// A value of the metric, for these labels.
	pub fn value(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
		write!(self.0, "lilypad_{name}").ok();
		for (at, (label, text)) in labels.iter().enumerate() {
			let text = text
				.replace('\\', "\\\\")
				.replace('"', "\\\"")
				.replace('\n', "\\n");
			write!(self.0, "{}{label}=\"{text}\"", if at == 0 { '{' } else { ',' }).ok();
		}
		let end = if labels.is_empty() { "" } else { "}" };
		writeln!(self.0, "{end} {value}").ok();
	}

	/// All of it.
	pub fn finish(self) -> String {
		self.0
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn numbers_do_not_wrap() {
		let number = Number::default();
		number.add(3);
		number.sub(5);
		assert_eq!(number.get(), 0);
	}

	#[test]
	fn values_have_their_labels() {
		let mut text = Text::default();
		text.metric("calls_total", Kind::Counter, "Calls made");
		text.value("calls_total", &[], 7);
		text.value("calls_total", &[("lane", "1"), ("url", "a\"b\\c")], 8);
		assert_eq!(
			text.finish(),
			"# HELP lilypad_calls_total Calls made\n# TYPE lilypad_calls_total counter\nlilypad_calls_total 7\n\
			 lilypad_calls_total{lane=\"1\",url=\"a\\\"b\\\\c\"} 8\n"
		);
	}
}
