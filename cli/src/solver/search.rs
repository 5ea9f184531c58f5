//! Which offer each waiting job is to be proposed: the chain's own matching rule, applied to the book in the order of price.

use lilypad_client::{AccountId, JobRecord, JobState, Proposal};
use lilypad_primitives::{
	fits, Balance, BlockNumber, JobId, MatchContext, ModuleInfo, Offer, OfferId, Pricing,
};
use sp_runtime::Permill;
use std::collections::BTreeMap;

/// A waiting job that is worth a proposal.
#[derive(Clone, Debug)]
pub struct Wanted {
	/// Its number.
	pub id: JobId,
	/// The job.
	pub record: JobRecord,
	/// What it runs.
	pub module: ModuleInfo<AccountId>,
	/// The highest rate that is of use to it.
	pub most: Balance,
	/// Blocks from a match to the latest end of its run.
	pub run_blocks: BlockNumber,
}

/// The highest rate at which an offer is of use to a job and its finder, given what is proposed for it already. `None`: nothing is,
/// because the job waits no longer, will have its deal in the next block, or has been given an offer by the same solver.
pub fn useful_rate(
	record: &JobRecord,
	standing: Option<&Proposal>,
	solver: &AccountId,
	now: BlockNumber,
) -> Option<Balance> {
	match record.state {
		JobState::Open { match_by } if now < match_by => (),
		_ => return None,
	}
	match standing {
		None => Some(record.ceiling),
		// The tip is the same for a cheaper one, and its fee comes on top.
		Some(proposal) if proposal.solver.as_ref() == Some(solver) => None,
		// In the block in which it is due it can't be replaced any more, and that is the next one at the earliest.
		Some(proposal) if proposal.due <= now.saturating_add(1) => None,
		// Strictly cheaper ones replace it.
		Some(proposal) => Some(record.ceiling.min(proposal.rate.checked_sub(1)?)),
	}
}

/// An offer of the book.
#[derive(Clone, Debug)]
pub struct Candidate {
	/// Its number.
	pub id: OfferId,
	/// The offer.
	pub offer: Offer<AccountId>,
	/// The part of its provider's bond that backs no deal.
	pub free_bond: Balance,
	/// Its provider's score.
	pub score: Permill,
}

/// A match to propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
	/// The job.
	pub job: JobId,
	/// The cheapest offer that fits, as far as the book has been walked.
	pub offer: OfferId,
	/// Its rate.
	pub rate: Balance,
	/// What the solver earns by it.
	pub tip: Balance,
}

/// A walk through the offers of a class, cheapest first.
pub struct Search<'a> {
	/// Jobs without a fit so far, those that can pay most first.
	open: Vec<Wanted>,
	solver: &'a AccountId,
	pricing: &'a Pricing,
	now: BlockNumber,
	/// Least that a proposal has to earn.
	least: Balance,
	/// What the walk's own finds would commit of providers' bonds.
	committed: BTreeMap<AccountId, Balance>,
	found: Vec<Found>,
}

impl<'a> Search<'a> {
	/// For these jobs, and a solver that wants to earn at least this by each match.
	pub fn new(
		open: Vec<Wanted>,
		solver: &'a AccountId,
		pricing: &'a Pricing,
		now: BlockNumber,
		least: Balance,
	) -> Self {
		Self {
			open,
			solver,
			pricing,
			now,
			least,
			committed: BTreeMap::new(),
			found: Vec::new(),
		}
	}

	/// The highest rate that is of use to a job that has no fit yet. `None`: all have one.
	pub fn most(&self) -> Option<Balance> {
		self.open.iter().map(|wanted| wanted.most).max()
	}

	/// Gives an offer to the jobs that it fits, as long as it has room. Offers have to come cheapest first.
	pub fn look_at(&mut self, candidate: Candidate) {
		let Candidate {
			id,
			mut offer,
			free_bond,
			score,
		} = candidate;
		let committed = self.committed.get(&offer.provider).copied().unwrap_or(0);
		let mut free_bond = free_bond.saturating_sub(committed);
		let mut at = 0;
		while let Some(wanted) = self.open.get(at) {
			let context = MatchContext {
				module: &wanted.module,
				free_bond,
				score,
				pricing: self.pricing,
				solver: Some(self.solver),
				// Where the proposal is made; the deal comes later, and is checked again.
				now: self.now.saturating_add(1),
				run_blocks: wanted.run_blocks,
			};
			let fit = match offer.rate <= wanted.most {
				true => fits(&offer, &wanted.record.job, &context).ok(),
				false => None,
			};
			// Who is a party to the deal earns nothing by proposing it.
			let tip =
				|terms: &lilypad_primitives::Terms<AccountId>| terms.solver.as_ref().map_or(0, |_| terms.tip);
			let Some(terms) = fit.filter(|terms| tip(terms) >= self.least) else {
				at += 1;
				continue;
			};
			self.found.push(Found {
				job: wanted.id,
				offer: id,
				rate: offer.rate,
				tip: tip(&terms),
			});
			free_bond = free_bond.saturating_sub(terms.collateral);
			let sum = self.committed.entry(offer.provider.clone()).or_default();
			*sum = sum.saturating_add(terms.collateral);
			take(&mut offer, wanted);
			self.open.remove(at);
		}
	}

	/// What was found.
	pub fn finish(self) -> Vec<Found> {
		self.found
	}
}

/// Takes the job's part off an offer, so that one walk does not give the same room to two jobs.
fn take(offer: &mut Offer<AccountId>, wanted: &Wanted) {
	let spec = &wanted.record.job.request.spec;
	offer.running = offer.running.saturating_add(1);
	let left = offer
		.free
		.grant(spec)
		.and_then(|granted| offer.free.without(&granted));
	if let Some(left) = left {
		offer.free = left;
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::solver::fixtures::{account, candidate, wanted, NOW, PRICING};
	use lilypad_primitives::LP;

	/// What a solver with account 9 finds: jobs and offers.
	fn find(jobs: Vec<Wanted>, least: Balance, offers: &[Candidate]) -> Vec<(u64, u64)> {
		let solver = account(9);
		let mut search = Search::new(jobs, &solver, &PRICING, NOW, least);
		for offer in offers {
			search.look_at(offer.clone());
		}
		search
			.finish()
			.into_iter()
			.map(|found| (found.job.0, found.offer.0))
			.collect()
	}

	#[test]
	fn each_job_gets_the_cheapest_offer_that_fits() {
		let offers = [
			candidate(7, 2, 10, 1),
			candidate(5, 4, 20, 8),
			candidate(6, 5, 30, 8),
		];
		// The cheapest is too small for one of them.
		assert_eq!(
			find(vec![wanted(1, 8, 100), wanted(2, 1, 100)], 0, &offers),
			[(2, 7), (1, 5)]
		);
	}

	#[test]
	fn one_walk_does_not_give_the_same_room_to_two_jobs() {
		let jobs = || (1..=4).map(|n| wanted(n, 4, 100)).collect::<Vec<_>>();
		// Eight cores are room for two of four.
		assert_eq!(find(jobs(), 0, &[candidate(7, 2, 10, 8)]), [(1, 7), (2, 7)]);
		// And so are two slots.
		assert_eq!(find(jobs(), 0, &[candidate(7, 2, 10, 80)]), [(1, 7), (2, 7)]);
		// A bond backs one deal, by whichever of its provider's offers.
		let poor = |id, rate| Candidate {
			free_bond: LP,
			..candidate(id, 2, rate, 80)
		};
		assert_eq!(find(jobs(), 0, &[poor(7, 10), poor(8, 11)]), [(1, 7)]);
	}

	#[test]
	fn an_offer_above_what_is_of_use_is_passed_over() {
		let jobs = vec![wanted(1, 1, 9), wanted(2, 1, 10)];
		let solver = account(9);
		let mut search = Search::new(jobs, &solver, &PRICING, NOW, 0);
		assert_eq!(search.most(), Some(10));
		search.look_at(candidate(7, 2, 10, 80));
		assert_eq!(search.most(), Some(9));
		assert_eq!(search.finish()[0].job, JobId(2));
	}

	#[test]
	fn least_earning_boundary() {
		let offers = [candidate(7, 2, 10, 80)];
		assert_eq!(find(vec![wanted(1, 1, 100)], 5, &offers).len(), 1);
		assert_eq!(find(vec![wanted(1, 1, 100)], 6, &offers).len(), 0);
	}

	#[test]
	fn a_party_earns_no_tip_and_proposes_only_for_nothing() {
		let solver = account(9);
		let own_offer = || vec![candidate(7, 9, 10, 80)];
		assert_eq!(find(vec![wanted(1, 1, 100)], 1, &own_offer()).len(), 0);
		let mut search = Search::new(vec![wanted(1, 1, 100)], &solver, &PRICING, NOW, 0);
		search.look_at(own_offer().remove(0));
		assert_eq!(search.finish()[0].tip, 0);
		let mut own_job = wanted(1, 1, 100);
		own_job.record.job.creator = account(9);
		assert_eq!(find(vec![own_job], 1, &[candidate(7, 2, 10, 80)]).len(), 0);
	}

	#[test]
	fn useful_rate_boundary_of_the_standing_proposal_and_the_window() {
		let job = wanted(1, 1, 100).record;
		let standing = |rate, due| Proposal {
			offer: OfferId(1),
			rate,
			solver: Some(account(8)),
			due,
		};
		let useful_rate = |job: &_, proposal: Option<&_>, now| useful_rate(job, proposal, &account(9), now);
		let own = Proposal {
			solver: Some(account(9)),
			..standing(50, NOW + 2)
		};
		assert_eq!(useful_rate(&job, Some(&own), NOW), None);
		assert_eq!(useful_rate(&job, None, NOW), Some(100));
		assert_eq!(useful_rate(&job, Some(&standing(50, NOW + 2)), NOW), Some(49));
		assert_eq!(useful_rate(&job, Some(&standing(500, NOW + 2)), NOW), Some(100));
		assert_eq!(useful_rate(&job, Some(&standing(0, NOW + 2)), NOW), None);
		assert_eq!(useful_rate(&job, Some(&standing(50, NOW + 1)), NOW), None);
		assert_eq!(useful_rate(&job, None, NOW + 8), Some(100));
		assert_eq!(useful_rate(&job, None, NOW + 9), None);
	}
}
