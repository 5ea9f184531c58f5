//! Measures what a read and a write of the chain's state take, on a state such as the market's: `make bench-database`. The SDK's own
//! benchmark of this comes with much that this chain has no use for, some of it under a licence that we can't take.
//!
//! Blocks follow each other without a pause, each with the accesses of a full one. A read is a read of an entry that no cache has, by
//! the tree of the state. A write is its part of everything that a block's changes cost: to find the nodes that change, to compute the
//! new root, and to commit all of it with what the node keeps of older states.

mod chain;
mod state;

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;

use chain::Chain;
use state::Entries;

/// So many at once are written while the state is built.
const CHUNK: usize = 50_000;

/// Measures what a read and a write of the chain's state take. The state is made in a new folder in TMPDIR, and removed.
#[derive(Debug, Parser)]
struct Args {
	/// Entries of the state.
	#[arg(long, default_value_t = 1_000_000)]
	entries: usize,

	/// Blocks to measure.
	#[arg(long, default_value_t = 40)]
	blocks: usize,

	/// Entries that each block reads.
	#[arg(long, default_value_t = 8_000)]
	reads: usize,

	/// Entries that each block writes.
	#[arg(long, default_value_t = 8_000)]
	writes: usize,

	/// The cache for nodes of the state's tree, in bytes; 0 for none. A node has one of a gibibyte, which whoever chooses what is
	/// accessed can keep from helping.
	#[arg(long, default_value_t = 0)]
	cache: usize,

	/// The seed of keys, values and choices.
	#[arg(long, default_value_t = 1)]
	seed: u64,

	/// Print the figures as JSON: nanoseconds.
	#[arg(long)]
	json: bool,
}

/// How long one access took, by blocks.
struct Figures(Vec<Duration>);

impl Figures {
	fn mean(&self) -> Duration {
		self.0.iter().sum::<Duration>() / u32::try_from(self.0.len().max(1)).unwrap_or(u32::MAX)
	}

	/// The one below which so many of a hundred are.
	fn percentile(&self, percent: usize) -> Duration {
		let mut sorted = self.0.clone();
		sorted.sort();
		sorted
			.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)))
			.copied()
			.unwrap_or_default()
	}
}

fn main() -> anyhow::Result<()> {
	let args = Args::parse();
	anyhow::ensure!(
		args.entries > 0,
		"there is nothing to read: give --entries 1 or more"
	);
	let folder = tempfile::tempdir()
		.context("there is no room for a database: set TMPDIR to a folder with some gigabytes")?;
	let mut chain = Chain::new(folder.path(), (args.cache > 0).then_some(args.cache))?;
	let mut entries = Entries::new(args.seed);
	while entries.len() < args.entries {
		chain.block(&entries.add(CHUNK.min(args.entries - entries.len())))?;
		eprint!("\r{} of {} entries", entries.len(), args.entries);
	}
	eprintln!();

	let (mut reads, mut writes) = (Figures(Vec::new()), Figures(Vec::new()));
	for block in 1..=args.blocks {
		let keys: Vec<_> = (0..args.reads).map(|_| entries.any().to_vec()).collect();
		let begun = Instant::now();
		chain.read(keys.iter().map(Vec::as_slice))?;
		reads.0.push(each(begun.elapsed(), keys.len()));

		let changes = entries.change(args.writes);
		let begun = Instant::now();
		chain.block(&changes)?;
		writes.0.push(each(begun.elapsed(), changes.len()));
		eprint!("\r{block} of {} blocks", args.blocks);
	}
	eprintln!();
	for (name, figures) in [("read", &reads), ("write", &writes)] {
		eprintln!(
			"a {name} takes {:?} on average; by blocks the median is {:?}, 95 of 100 are below {:?}",
			figures.mean(),
			figures.percentile(50),
			figures.percentile(95),
		);
	}
	if args.json {
		println!(
			"{{\"read\":{},\"write\":{}}}",
			reads.mean().as_nanos(),
			writes.mean().as_nanos()
		);
	}
	Ok(())
}

fn each(all: Duration, count: usize) -> Duration {
	all / u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}
