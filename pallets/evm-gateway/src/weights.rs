//! Weights.
//!
//! A runtime's own are measured: `make weights`. Those of `()` are for tests.
//! What the market does is not included: calls add `PostJob::post_weight` and `PostJob::cancel_weight`.

use frame_support::{
	traits::Get,
	weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight},
};

/// Weights of the calls, and of a job's end.
pub trait WeightInfo {
	/// `register_lane` with this many members.
	fn register_lane(members: u32) -> Weight;
	/// `set_lane`.
	fn set_lane() -> Weight;
	/// `pause_lane`.
	fn pause_lane() -> Weight;
	/// `pause_all`.
	fn pause_all() -> Weight;
	/// `attest` without a quorum.
	fn attest_voting() -> Weight;
	/// `attest` of the largest request with a quorum, without the market's part.
	fn attest_deciding() -> Weight;
	/// `attest_exit` of a request whose answer is in the largest batch, with a quorum, and compensation still due.
	fn attest_exit() -> Weight;
	/// `sign` of the largest batch.
	fn sign() -> Weight;
	/// `acknowledge` in the largest set, with as many batches to prune as one call does, and so many answers in them.
	fn acknowledge(answers: u32) -> Weight;
	/// `heartbeat`.
	fn heartbeat() -> Weight;
	/// `rotate` to this many members with this many signatures.
	fn rotate(members: u32, signatures: u32) -> Weight;
	/// `prune` of as many batches as one call removes, with so many answers in them.
	fn prune(answers: u32) -> Weight;
	/// `bridge_out`.
	fn bridge_out() -> Weight;
	/// `release`.
	fn release() -> Weight;
	/// `cancel`, without the market's part.
	fn cancel() -> Weight;
	/// A job's end: the answer joins a batch that was nearly full.
	fn job_ended() -> Weight;
	/// The most expensive predicate of a feeless call: that of `sign`.
	fn predicate() -> Weight;
}

/// For a database with these costs.
fn estimate<Db: Get<RuntimeDbWeight>>(micros: u64, reads: u64, writes: u64) -> Weight {
	Weight::from_parts(micros.saturating_mul(1_000_000), reads.saturating_mul(4_000))
		.saturating_add(Db::get().reads_writes(reads, writes))
}

/// What is kept of so many answers, besides their batches: where they are, and votes on their exits.
fn forget_answers<Db: Get<RuntimeDbWeight>>(answers: u32) -> Weight {
	estimate::<Db>(2, 1, 2).saturating_mul(answers.into())
}

macro_rules! estimates {
	($db:ty; $($name:ident: $micros:literal us, $reads:literal reads, $writes:literal writes;)*) => {$(
		fn $name() -> Weight {
			estimate::<$db>($micros, $reads, $writes)
		}
	)*};
}

/// For tests: accesses counted by hand for the worst case, and generous times. A runtime measures its own.
impl WeightInfo for () {
	fn register_lane(members: u32) -> Weight {
		estimate::<RocksDbWeight>(60, 10, 4)
			.saturating_add(estimate::<RocksDbWeight>(10, 1, 1).saturating_mul(members.into()))
	}
	fn rotate(members: u32, signatures: u32) -> Weight {
		// Old members' accounts and marks, new members' accounts, and a recovery for each signature.
		estimate::<RocksDbWeight>(100, 68, 68)
			.saturating_add(estimate::<RocksDbWeight>(10, 1, 1).saturating_mul(members.into()))
			.saturating_add(estimate::<RocksDbWeight>(60, 0, 0).saturating_mul(signatures.into()))
	}
	fn acknowledge(answers: u32) -> Weight {
		estimate::<RocksDbWeight>(150, 54, 18).saturating_add(forget_answers::<RocksDbWeight>(answers))
	}
	fn prune(answers: u32) -> Weight {
		estimate::<RocksDbWeight>(120, 19, 17).saturating_add(forget_answers::<RocksDbWeight>(answers))
	}
	estimates! { RocksDbWeight;
		set_lane: 20 us, 1 reads, 1 writes;
		pause_lane: 20 us, 1 reads, 1 writes;
		pause_all: 15 us, 1 reads, 1 writes;
		attest_voting: 80 us, 6 reads, 1 writes;
		attest_deciding: 250 us, 17 reads, 15 writes;
		attest_exit: 200 us, 12 reads, 7 writes;
		sign: 200 us, 4 reads, 1 writes;
		heartbeat: 40 us, 6 reads, 2 writes;
		bridge_out: 100 us, 6 reads, 5 writes;
		release: 100 us, 7 reads, 5 writes;
		cancel: 25 us, 2 reads, 0 writes;
		job_ended: 120 us, 8 reads, 7 writes;
		predicate: 200 us, 6 reads, 0 writes;
	}
}
