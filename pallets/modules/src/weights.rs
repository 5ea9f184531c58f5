//! Weights of the calls.
//!
//! A runtime's own are measured: `make weights`. Those of `()` are for tests.

use frame_support::weights::{constants::ParityDbWeight, Weight};

/// Weights of the calls.
pub trait WeightInfo {
	/// `register` with a manifest of `b` bytes.
	fn register(b: u32) -> Weight;
	/// `set_curated`.
	fn set_curated() -> Weight;
	/// `delist`.
	fn delist() -> Weight;
	/// `deprecate` of a version that the author had deprecated before.
	fn deprecate() -> Weight;
	/// `restore`.
	fn restore() -> Weight;
	/// `reclaim` of a deprecated version with a bond and the longest manifest.
	fn reclaim() -> Weight;
}

/// For tests: accesses counted by hand for the worst case, and generous times. A runtime measures its own.
impl WeightInfo for () {
	fn register(b: u32) -> Weight {
		// Reads: name, next id, the account and its holds, twice. Writes: those, index, record, manifest, deposit.
		// A byte of the manifest is hashed, copied and encoded: about a nanosecond each.
		Weight::from_parts(120_000_000, 8_000)
			.saturating_add(Weight::from_parts(5_000, 0).saturating_mul(b.into()))
			.saturating_add(ParityDbWeight::get().reads_writes(6, 8))
	}
	fn set_curated() -> Weight {
		// The record is read and written.
		Weight::from_parts(30_000_000, 5_000).saturating_add(ParityDbWeight::get().reads_writes(1, 1))
	}
	fn delist() -> Weight {
		// The record; and the block.
		Weight::from_parts(30_000_000, 5_000).saturating_add(ParityDbWeight::get().reads_writes(1, 2))
	}
	fn deprecate() -> Weight {
		// Both records, the note, the account and its holds. Those and the note.
		Weight::from_parts(110_000_000, 12_000).saturating_add(ParityDbWeight::get().reads_writes(5, 3))
	}
	fn restore() -> Weight {
		Weight::from_parts(80_000_000, 10_000).saturating_add(ParityDbWeight::get().reads_writes(4, 3))
	}
	fn reclaim() -> Weight {
		// Record, block, deposit, note, the account and its holds. All of those and the manifest.
		Weight::from_parts(180_000_000, 25_000).saturating_add(ParityDbWeight::get().reads_writes(6, 7))
	}
}
