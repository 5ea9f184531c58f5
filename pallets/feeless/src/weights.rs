//! Weights of the pallet's own work.
//!
//! The one storage item never leaves the block's overlay, so none of this touches the database: what it costs is the
//! encoding of a number and a look into a map, a few microseconds on any machine.

use frame_support::weights::{constants::WEIGHT_REF_TIME_PER_MICROS, Weight};

/// Weights of the pallet's own work.
pub trait WeightInfo {
	/// Taking an entitled call's cost out of the share, and giving back what it didn't need.
	fn take_and_give_back() -> Weight;
	/// Forgetting, at the end of a block, how much of the share was used.
	fn clear() -> Weight;
}

/// For tests. A runtime measures its own: `make weights`.
impl WeightInfo for () {
	fn take_and_give_back() -> Weight {
		Weight::from_parts(5 * WEIGHT_REF_TIME_PER_MICROS, 0)
	}

	fn clear() -> Weight {
		Weight::from_parts(2 * WEIGHT_REF_TIME_PER_MICROS, 0)
	}
}
