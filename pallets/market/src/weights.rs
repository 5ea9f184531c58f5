//! Weights of the calls and of their parts.
//!
//! A call that matches is charged for the longest search and given back what it did not need, so each part has its own
//! weight: what the call does, what looking at a candidate costs, and what a match costs.
//!
//! A runtime's own are measured: `make weights`. Those of `()` are for tests.

use frame_support::weights::{constants::ParityDbWeight, RuntimeDbWeight, Weight};

/// Weights of the calls and of their parts.
pub trait WeightInfo {
	/// `post_offer`, without looking for jobs.
	fn post_offer() -> Weight;
	/// `set_offer_rate`, without looking for jobs.
	fn set_offer_rate() -> Weight;
	/// `pause_offer`.
	fn pause_offer() -> Weight;
	/// `resume_offer`, without looking for jobs.
	fn resume_offer() -> Weight;
	/// `drain_offer` of an offer without deals.
	fn drain_offer() -> Weight;
	/// `withdraw_offer`.
	fn withdraw_offer() -> Weight;
	/// `set_peer`.
	fn set_peer() -> Weight;
	/// `clear_peer`.
	fn clear_peer() -> Weight;
	/// `post_job`, without looking for offers.
	fn post_job() -> Weight;
	/// `cancel_job` of a waiting job.
	fn cancel_open() -> Weight;
	/// `cancel_job` of a matched job: the deals' part of it, without what the settlement means for the market.
	fn cancel_matched() -> Weight;
	/// `expire_job`.
	fn expire_job() -> Weight;
	/// `propose_match` of an offer that is cheaper than what is proposed.
	fn propose_match() -> Weight;
	/// `propose_found` of an offer that is cheaper than what is proposed.
	fn propose_found() -> Weight;
	/// `propose_found`'s authorization.
	fn authorize_propose_found() -> Weight;
	/// A due proposal that becomes the deal.
	fn conclude_proposal() -> Weight;
	/// Looking at `s` offers for a job, none of which fits.
	fn scan_offers(s: u32) -> Weight;
	/// Looking at `s` jobs for an offer, none of which fits.
	fn scan_jobs(s: u32) -> Weight;
	/// Making a deal of a job and an offer that fit, of a job that has not waited and an offer that has room for more.
	fn conclude_match() -> Weight;
	/// Besides, for a job that has waited, and for which another match was proposed.
	fn leave_waiting() -> Weight;
	/// Besides, for an offer that enters or leaves the index, with as many entries as there can be.
	fn index_offer() -> Weight;
	/// The end of a deal whose provider is to blame and has `o` offers, or whose job waits again, without looking for offers
	/// or jobs.
	fn settled(o: u32) -> Weight;
	/// The sweeper without any work.
	fn sweep_base() -> Weight;
	/// One job that the sweeper looks at.
	fn sweep_step() -> Weight;
}

/// Processor time in microseconds, and database accesses.
fn cost(db: RuntimeDbWeight, micros: u64, reads: u64, writes: u64) -> Weight {
	Weight::from_parts(micros.saturating_mul(1_000_000), 16_000)
		.saturating_add(db.reads_writes(reads, writes))
}

fn each(one: Weight, count: u32) -> Weight {
	one.saturating_mul(count.into())
}

/// For tests: accesses counted by hand for the worst case, and generous times. A runtime measures its own.
impl WeightInfo for () {
	fn post_offer() -> Weight {
		// Next id, list, deposit (account, holds, the deals' record); offer, and six entries of its index.
		cost(ParityDbWeight::get(), 120, 6, 13)
	}
	fn set_offer_rate() -> Weight {
		// The offer, six entries out and six in.
		cost(ParityDbWeight::get(), 80, 2, 13)
	}
	fn pause_offer() -> Weight {
		cost(ParityDbWeight::get(), 60, 1, 7)
	}
	fn resume_offer() -> Weight {
		cost(ParityDbWeight::get(), 60, 1, 7)
	}
	fn drain_offer() -> Weight {
		cost(ParityDbWeight::get(), 120, 6, 13)
	}
	fn withdraw_offer() -> Weight {
		cost(ParityDbWeight::get(), 120, 6, 13)
	}
	fn set_peer() -> Weight {
		cost(ParityDbWeight::get(), 90, 5, 5)
	}
	fn clear_peer() -> Weight {
		cost(ParityDbWeight::get(), 90, 5, 5)
	}
	fn post_job() -> Weight {
		// Module by name and by id, prices, next id, account, holds; next id, holds, account, entry, job.
		cost(ParityDbWeight::get(), 150, 8, 6)
	}
	fn cancel_open() -> Weight {
		cost(ParityDbWeight::get(), 120, 6, 6)
	}
	fn cancel_matched() -> Weight {
		// The deal and its terms, two parties' accounts and holds, the pool, the treasury.
		cost(ParityDbWeight::get(), 400, 16, 16)
	}
	fn expire_job() -> Weight {
		cost(ParityDbWeight::get(), 120, 6, 6)
	}
	fn propose_match() -> Weight {
		// Job with its inputs, proposal, module; both offers, bonds and scores. Proposal and queue, out and in.
		cost(ParityDbWeight::get(), 110, 9, 3)
	}
	fn propose_found() -> Weight {
		cost(ParityDbWeight::get(), 110, 9, 3)
	}
	fn authorize_propose_found() -> Weight {
		cost(ParityDbWeight::get(), 100, 9, 0)
	}
	fn conclude_proposal() -> Weight {
		// Queue, proposal, job, module, offer, score; then as any match.
		cost(ParityDbWeight::get(), 320, 15, 18)
	}
	fn scan_offers(s: u32) -> Weight {
		// Index entry, offer, bond, commitments, score.
		cost(ParityDbWeight::get(), 10, 3, 0).saturating_add(each(cost(ParityDbWeight::get(), 25, 5, 0), s))
	}
	fn scan_jobs(s: u32) -> Weight {
		// Index entry, job with its inputs, module, bond, score; a proposal with its offer, bond and score; six walks to
		// begin with.
		cost(ParityDbWeight::get(), 20, 9, 0).saturating_add(each(cost(ParityDbWeight::get(), 55, 9, 0), s))
	}
	fn conclude_match() -> Weight {
		// Deal, bond, deadline, offer, job.
		cost(ParityDbWeight::get(), 150, 5, 5)
	}
	fn leave_waiting() -> Weight {
		cost(ParityDbWeight::get(), 30, 1, 3)
	}
	fn index_offer() -> Weight {
		cost(ParityDbWeight::get(), 40, 0, 6)
	}
	fn settled(o: u32) -> Weight {
		// Job, module, offer and its entries, removal with its deposit; each other offer with its entries.
		cost(ParityDbWeight::get(), 250, 10, 16)
			.saturating_add(each(cost(ParityDbWeight::get(), 50, 1, 7), o))
	}
	fn sweep_base() -> Weight {
		cost(ParityDbWeight::get(), 10, 2, 1)
	}
	fn sweep_step() -> Weight {
		cost(ParityDbWeight::get(), 30, 2, 0)
	}
}
