//! Weights.
//!
//! A runtime's own are measured: `make weights`. Those of `()` are for tests.
//! What ruling on a deal takes is not included: the calls add `Arbitrable::rule_weight`.

use frame_support::weights::{constants::RocksDbWeight, RuntimeDbWeight, Weight};

/// Weights of the calls, of the hooks' steps and of what deals ask for.
pub trait WeightInfo {
	/// Keeping a block's output.
	fn on_initialize() -> Weight;
	/// `register`, with so many tickets.
	fn register(tickets: u32) -> Weight;
	/// `add_tickets`, with so many.
	fn add_tickets(tickets: u32) -> Weight;
	/// `set_capability`.
	fn set_capability() -> Weight;
	/// `unbond_tickets`, each of so many leaving its place to another mediator's.
	fn unbond_tickets(tickets: u32) -> Weight;
	/// `withdraw`, with as many places to forget as can be.
	fn withdraw() -> Weight;
	/// `draw` of the largest panel, looking at as many tickets as a draw ever does, each of another mediator.
	fn draw() -> Weight;
	/// `commit_vote` in the largest case.
	fn commit_vote() -> Weight;
	/// `reveal_vote` in the largest case, without closing.
	fn reveal_vote() -> Weight;
	/// `expire` in the largest case, without closing.
	fn expire() -> Weight;
	/// Closing the largest case with everybody seated and slashed, without ruling on the deal.
	fn close() -> Weight;
	/// Calling a larger panel, and having the audit pool pay for it.
	fn escalate() -> Weight;
	/// Drawing for an audit, and opening a case.
	fn open_case() -> Weight;
	/// `set_parameters`.
	fn set_parameters() -> Weight;
	/// The sweeper's look at the index when nothing is due.
	fn sweep_nothing() -> Weight;
	/// The most expensive predicate of a feeless call.
	fn predicate() -> Weight;
}

/// For a database with these costs.
fn estimate(db: RuntimeDbWeight, micros: u64, reads: u64, writes: u64) -> Weight {
	Weight::from_parts(micros.saturating_mul(1_000_000), reads.saturating_mul(4_000))
		.saturating_add(db.reads_writes(reads, writes))
}

macro_rules! estimates {
	($db:ty; $($name:ident($($n:ident)?): $micros:expr, $reads:expr, $writes:expr;)*) => {$(
		fn $name($($n: u32)?) -> Weight {
			$(let $n = u64::from($n);)?
			estimate(<$db>::get(), $micros, $reads, $writes)
		}
	)*};
}

/// For tests: accesses counted by hand for the worst case, and generous times. A runtime measures its own.
impl WeightInfo for () {
	estimates! { RocksDbWeight;
		on_initialize(): 10, 2, 1;
		register(n): n.saturating_mul(15).saturating_add(80), n.saturating_add(8), n.saturating_add(8);
		add_tickets(n): n.saturating_mul(15).saturating_add(80), n.saturating_add(8), n.saturating_add(8);
		set_capability(): 40, 5, 5;
		unbond_tickets(n): n.saturating_mul(40).saturating_add(40),
			n.saturating_mul(3).saturating_add(5), n.saturating_mul(3).saturating_add(5);
		withdraw(): 300, 70, 70;
		// 8 · 16 tickets and whose they are, 15 seats.
		draw(): 2_000, 280, 20;
		commit_vote(): 60, 3, 3;
		reveal_vote(): 70, 4, 2;
		expire(): 1_500, 60, 60;
		// 19 mediators leave, and fewer than half of them lose a ticket, whose place another's takes.
		close(): 1_000, 80, 80;
		escalate(): 120, 8, 8;
		open_case(): 120, 20, 3;
		set_parameters(): 40, 1, 1;
		sweep_nothing(): 10, 2, 1;
		predicate(): 40, 1, 0;
	}
}
