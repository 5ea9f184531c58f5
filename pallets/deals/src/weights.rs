//! Weights.
//!
//! A runtime's own are measured: `make weights`. Those of `()` are for tests. What the market always does when a run or a deal ends
//! is included; for what it may do beyond, the calls add `JobBook::run_ended_weight` and `JobBook::settled_weight`.

use frame_support::{
	traits::Get,
	weights::{constants::RocksDbWeight, Weight},
};

/// Weights of the calls and of the sweeper's steps.
pub trait WeightInfo {
	/// `bond`.
	fn bond() -> Weight;
	/// `unbond`, with as many parts unbonding as there can be.
	fn unbond() -> Weight;
	/// `withdraw_unbonded`, with as many parts unbonding as there can be.
	fn withdraw_unbonded() -> Weight;
	/// `acknowledge`.
	fn acknowledge() -> Weight;
	/// `decline`.
	fn decline() -> Weight;
	/// `report_unfetchable`.
	fn report_unfetchable() -> Weight;
	/// Moving a deal in the index of deadlines.
	fn reindex() -> Weight;
	/// `submit`.
	fn submit() -> Weight;
	/// `accept`, with everybody paid.
	fn accept() -> Weight;
	/// `reveal`.
	fn reveal() -> Weight;
	/// `expire` of a deal that the provider let down.
	fn expire_fault() -> Weight;
	/// `expire` of a deal with a revealed result.
	fn expire_opened() -> Weight;
	/// Putting a deal into dispute: the bond, and finding out what the job needs. Without mediation's part.
	fn open_dispute() -> Weight;
	/// `audit` of a drawn deal with as many parties as there can be, with mediation's part.
	fn audit() -> Weight;
	/// `challenge`, without the dispute itself.
	fn challenge() -> Weight;
	/// Settling an audited deal of a module that is not deterministic, with every vote paid by its author and by the pool.
	fn rule() -> Weight;
	/// The sweeper's look at the index when nothing has lapsed.
	fn sweep_nothing() -> Weight;
	/// The most expensive predicate of a feeless call but `audit`.
	fn predicate() -> Weight;
	/// The predicate of `audit`, with mediation's part.
	fn predicate_of_audit() -> Weight;
}

/// For a database with these costs.
fn estimate<Db: Get<frame_support::weights::RuntimeDbWeight>>(
	micros: u64,
	reads: u64,
	writes: u64,
) -> Weight {
	Weight::from_parts(micros.saturating_mul(1_000_000), reads.saturating_mul(3_000))
		.saturating_add(Db::get().reads_writes(reads, writes))
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
	estimates! { RocksDbWeight;
		bond: 60 us, 3 reads, 3 writes;
		unbond: 30 us, 1 reads, 1 writes;
		withdraw_unbonded: 60 us, 3 reads, 3 writes;
		acknowledge: 30 us, 2 reads, 3 writes;
		decline: 150 us, 12 reads, 10 writes;
		report_unfetchable: 150 us, 12 reads, 10 writes;
		reindex: 20 us, 1 reads, 3 writes;
		submit: 40 us, 3 reads, 4 writes;
		accept: 400 us, 25 reads, 20 writes;
		reveal: 40 us, 3 reads, 1 writes;
		expire_fault: 300 us, 20 reads, 15 writes;
		expire_opened: 400 us, 25 reads, 20 writes;
		open_dispute: 100 us, 8 reads, 5 writes;
		audit: 250 us, 30 reads, 10 writes;
		challenge: 40 us, 3 reads, 1 writes;
		rule: 1000 us, 35 reads, 30 writes;
		sweep_nothing: 10 us, 3 reads, 1 writes;
		predicate: 30 us, 3 reads, 0 writes;
		predicate_of_audit: 40 us, 8 reads, 0 writes;
	}
}
