use anyhow::{bail, Result};
use std::{
	net::TcpListener,
	sync::atomic::{AtomicU16, Ordering},
};

/// A TCP port of this host that nobody listens on, below those that the system hands out by itself. No two calls in one
/// process give the same; processes begin at different places.
pub fn free_port() -> Result<u16> {
	const FIRST: u16 = 21_000;
	const COUNT: u16 = 9_000;
	static NEXT: AtomicU16 = AtomicU16::new(0);
	let start = (std::process::id() % u32::from(COUNT)) as u16;
	for _ in 0..COUNT {
		let port = FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
		if TcpListener::bind(("127.0.0.1", port)).is_ok() {
			return Ok(port);
		}
	}
	bail!("no port between {FIRST} and {} is free", FIRST + COUNT)
}
