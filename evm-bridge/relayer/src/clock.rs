//! The time. Tests can move it.

use std::time::{Duration, Instant};

/// Now.
#[cfg(not(test))]
pub(crate) fn now() -> Instant {
	Instant::now()
}

/// Waits.
#[cfg(not(test))]
pub(crate) async fn sleep(time: Duration) {
	tokio::time::sleep(time).await;
}

/// Time that has passed since then.
pub(crate) fn since(then: Instant) -> Duration {
	now().saturating_duration_since(then)
}

#[cfg(test)]
pub(crate) use moved::{advance, now, sleep};

#[cfg(test)]
mod moved {
	use super::*;
	use std::cell::Cell;

	thread_local! {
		/// How far a test is ahead. Each test has a thread of its own.
		static AHEAD: Cell<Duration> = const { Cell::new(Duration::ZERO) };
	}

	/// Now, as far as the test is.
	pub(crate) fn now() -> Instant {
		Instant::now() + AHEAD.get()
	}

	/// Moves the time.
	pub(crate) fn advance(time: Duration) {
		AHEAD.set(AHEAD.get() + time);
	}

	/// Waits for nothing: the time is moved instead.
	pub(crate) async fn sleep(time: Duration) {
		advance(time);
		tokio::task::yield_now().await;
	}
}
