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
		change(T::DbWeight::get())
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
		change(ParityDbWeight::get())
	}
}
