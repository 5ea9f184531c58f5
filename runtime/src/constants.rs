//! The chain's fixed numbers. What governance may change is a parameter of its pallet, not here.
#![warn(missing_docs)]

/// Amounts of LP.
pub mod currency {
	use crate::Balance;

	pub use lilypad_primitives::LP;

	/// A thousandth of an LP.
	pub const MILLI_LP: Balance = LP / 1_000;
	/// A millionth of an LP.
	pub const MICRO_LP: Balance = LP / 1_000_000;

	/// Below this balance an account is removed, and what is left of it goes to the treasury.
	pub const EXISTENTIAL_DEPOSIT: Balance = MILLI_LP;

	/// What it costs to keep `items` entries with `bytes` bytes of keys and values in the state.
	///
	/// Returned when the entries are removed. A kilobyte costs about a tenth of an LP: a manifest or a job's
	/// inputs cost less than running a job, filling a node's disk costs a fortune.
	pub const fn deposit(items: u32, bytes: u32) -> Balance {
		items as Balance * 10 * MILLI_LP + bytes as Balance * 100 * MICRO_LP
	}
}

/// Slots, epochs and spans of time in blocks.
pub mod time {
	use crate::BlockNumber;

	/// Length of a BABE slot, which is also the expected time between blocks, in milliseconds.
	///
	/// Part of the genesis: it can't be changed on a running chain.
	pub const SLOT_DURATION: u64 = 2_000;

	/// One minute, in blocks.
	pub const MINUTES: BlockNumber = 60_000 / SLOT_DURATION as BlockNumber;
	/// One hour, in blocks.
	pub const HOURS: BlockNumber = MINUTES * 60;
	/// One day, in blocks.
	pub const DAYS: BlockNumber = HOURS * 24;

	/// Length of a BABE epoch, which is also a session, in slots: ten minutes.
	///
	/// Part of the genesis: it can't be changed on a running chain. Authors know their own slots' randomness
	/// one epoch ahead, so shorter is safer; each epoch's change costs a block some work, so not too short.
	pub const EPOCH_DURATION_IN_SLOTS: u64 = 10 * MINUTES as u64;

	/// The share of slots that get a primary (randomly drawn) author, as a fraction. The other slots fall to
	/// a secondary author, in turn. One quarter keeps forks rare.
	pub const PRIMARY_PROBABILITY: (u64, u64) = (1, 4);
}
