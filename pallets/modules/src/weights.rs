//! Weights of the calls.
//!
//! Estimates until they are generated: database accesses counted by hand for the worst case, with generous times for the
//! rest. `benchmarking.rs` has the benchmarks that replace them.

use core::marker::PhantomData;
use frame_support::{
	traits::Get,
	weights::{constants::ParityDbWeight, RuntimeDbWeight, Weight},
};

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

fn register(b: u32, db: RuntimeDbWeight) -> Weight {
	// Reads: name, next id, the account and its holds, twice. Writes: those, index, record, manifest, deposit.
	// A byte of the manifest is hashed, copied and encoded: about a nanosecond each.
	Weight::from_parts(120_000_000, 8_000)
		.saturating_add(Weight::from_parts(5_000, 0).saturating_mul(b.into()))
		.saturating_add(db.reads_writes(6, 8))
}

fn change(db: RuntimeDbWeight) -> Weight {
	// The record is read and written.
	Weight::from_parts(30_000_000, 5_000).saturating_add(db.reads_writes(1, 1))
}

fn delist(db: RuntimeDbWeight) -> Weight {
	// The record; and the block.
	Weight::from_parts(30_000_000, 5_000).saturating_add(db.reads_writes(1, 2))
}

fn deprecate(db: RuntimeDbWeight) -> Weight {
	// Both records, the note, the account and its holds. Those and the note.
	Weight::from_parts(110_000_000, 12_000).saturating_add(db.reads_writes(5, 3))
}

fn restore(db: RuntimeDbWeight) -> Weight {
	Weight::from_parts(80_000_000, 10_000).saturating_add(db.reads_writes(4, 3))
}

fn reclaim(db: RuntimeDbWeight) -> Weight {
	// Record, block, deposit, note, the account and its holds. All of those and the manifest.
	Weight::from_parts(180_000_000, 25_000).saturating_add(db.reads_writes(6, 7))
}

/// Weights with the runtime's own database.
pub struct SubstrateWeight<T>(PhantomData<T>);

impl<T: frame_system::Config> WeightInfo for SubstrateWeight<T> {
	fn register(b: u32) -> Weight {
		register(b, T::DbWeight::get())
	}
	fn set_curated() -> Weight {
		change(T::DbWeight::get())
	}
	fn delist() -> Weight {
		delist(T::DbWeight::get())
	}
	fn deprecate() -> Weight {
		deprecate(T::DbWeight::get())
	}
	fn restore() -> Weight {
		restore(T::DbWeight::get())
	}
	fn reclaim() -> Weight {
		reclaim(T::DbWeight::get())
	}
}

impl WeightInfo for () {
	fn register(b: u32) -> Weight {
		register(b, ParityDbWeight::get())
	}
	fn set_curated() -> Weight {
		change(ParityDbWeight::get())
	}
	fn delist() -> Weight {
		delist(ParityDbWeight::get())
	}
	fn deprecate() -> Weight {
		deprecate(ParityDbWeight::get())
	}
	fn restore() -> Weight {
		restore(ParityDbWeight::get())
	}
	fn reclaim() -> Weight {
		reclaim(ParityDbWeight::get())
	}
}
