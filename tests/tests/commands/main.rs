//! Commands against a real chain, as people type them and as programs read them: tables, `--json`, refusals, and the exit codes that
//! `lilypad --help` documents. Jobs run as WebAssembly here; containers are for other tests.

mod gateway;
mod jobs;
mod modules;
mod offers;
mod policies;
mod solver;

use anyhow::{ensure, Result};

/// Wrong usage.
const USAGE: i32 = 2;
/// Refused: money, key, input, module, or no provider fits.
const REFUSED: i32 = 4;
/// What runs in these tests.
const COWSAY: &str = "cowsay-wasm:v0.0.1";

/// That a text has all these words in it.
fn says(text: &str, words: &[&str]) -> Result<()> {
	for word in words {
		ensure!(text.contains(word), "'{word}' is not in:\n{text}");
	}
	Ok(())
}
