use anyhow::{bail, Result};
use std::{
	net::TcpListener,
	sync::atomic::{AtomicU16, Ordering},
};

/// A TCP port of this host that nobody listens on, below those that the system hands out by itself. No two calls in one
/// process give the same. Tests that run at the same time have ranges of their own, by the slot that the test runner gives
/// each, so that nobody takes what another has found free and not used yet.
pub fn free_port() -> Result<u16> {
	const FIRST: u16 = 21_000;
	const RANGE: u16 = 1_000;
	const RANGES: u16 = 9;
	static NEXT: AtomicU16 = AtomicU16::new(0);
	let slot = std::env::var("NEXTEST_TEST_GLOBAL_SLOT")
		.ok()
		.and_then(|slot| slot.parse().ok());
	let first = FIRST + slot.unwrap_or(0u16) % RANGES * RANGE;
	// Not the ports that the last test has just let go.
	let start = (std::process::id() % u32::from(RANGE)) as u16;
	for _ in 0..RANGE {
		let port = first + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % RANGE;
		if TcpListener::bind(("127.0.0.1", port)).is_ok() {
			return Ok(port);
		}
	}
	bail!("no port from {first} to {} is free", first + RANGE)
}
