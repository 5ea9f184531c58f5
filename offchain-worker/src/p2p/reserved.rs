//! What is set aside for uploads: bytes for those that go on, and a few tries of each file.
//!
//! The bytes of an upload that failed stay on disk until the store collects them. Without a limit on the tries the creator of
//! a single job could fill the disk with bytes that are not what they should be.

use super::Refusal;
use std::{
	collections::HashMap,
	sync::{Mutex, MutexGuard, PoisonError},
	time::{Duration, Instant},
};

/// Uploads of one file that may go on or have failed within [`WINDOW`].
const MAX_TRIES: usize = 4;
/// How long a failed try counts: longer than the store leaves what nobody has tagged.
const WINDOW: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Debug, Default)]
pub struct Reserved(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
	bytes: u64,
	/// When each file was tried, by the tag that it is to have.
	tries: HashMap<String, Vec<Instant>>,
}

impl Reserved {
	fn lock(&self) -> MutexGuard<'_, Inner> {
		self.0.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Bytes promised to uploads that go on.
	pub fn bytes(&self) -> u64 {
		self.lock().bytes
	}

	/// Promises bytes. Returns how many are promised now, these among them.
	pub(super) fn add(&self, bytes: u64) -> u64 {
		let mut inner = self.lock();
		inner.bytes = inner.bytes.saturating_add(bytes);
		inner.bytes
	}

	/// Takes a promise back.
	pub(super) fn release(&self, bytes: u64) {
		let mut inner = self.lock();
		inner.bytes = inner.bytes.saturating_sub(bytes);
	}

	/// Counts a try of the file that is to have this tag, or refuses it for now.
	pub(super) fn try_file(&self, tag: &str, now: Instant) -> Result<(), Refusal> {
		let mut inner = self.lock();
		inner.tries.retain(|_, tries| {
			tries.retain(|at| now.saturating_duration_since(*at) < WINDOW);
			!tries.is_empty()
		});
		let tries = inner.tries.entry(tag.to_owned()).or_default();
		if tries.len() >= MAX_TRIES {
			return Err(Refusal::Busy);
		}
		tries.push(now);
		Ok(())
	}

	/// Forgets the tries of a file that has arrived.
	pub(super) fn arrived(&self, tag: &str) {
		self.lock().tries.remove(tag);
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_file_is_tried_a_few_times_and_then_again_later() {
		let reserved = Reserved::default();
		let now = Instant::now();
		for _ in 0..MAX_TRIES {
			reserved.try_file("one", now).expect("few");
		}
		assert_eq!(reserved.try_file("one", now), Err(Refusal::Busy));
		reserved.try_file("other", now).expect("another file");
		assert_eq!(
			reserved.try_file("one", now + WINDOW - Duration::from_secs(1)),
			Err(Refusal::Busy)
		);
		reserved.try_file("one", now + WINDOW).expect("collected by now");
		assert_eq!(reserved.lock().tries.len(), 1, "what is over is forgotten");
	}

	#[test]
	fn a_file_that_has_arrived_may_come_again() {
		let reserved = Reserved::default();
		let now = Instant::now();
		for _ in 0..=MAX_TRIES {
			reserved.try_file("one", now).expect("few");
			reserved.arrived("one");
		}
	}
}
