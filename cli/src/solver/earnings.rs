//! What becomes of proposals: the deal, or nothing; and what a deal brings.

use lilypad_client::{AccountId, ChainEvent, Client, ClientError, DealsEvent, Hash, MarketEvent};
use lilypad_primitives::{settlement::Party, Balance, DealId, JobId, OfferId};
use std::collections::BTreeMap;

/// Most proposals, and most deals, that are remembered.
const MEMORY: usize = 1_024;

/// Something that came of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
	/// It is the deal.
	Matched {
		/// The job.
		job: JobId,
		/// Its deal.
		deal: DealId,
		/// What the solver gets when the result is paid for.
		tip: Balance,
	},
	/// The deal has ended.
	Settled {
		/// The job.
		job: JobId,
		/// Its deal.
		deal: DealId,
		/// What the solver got; zero when the job failed.
		tip: Balance,
	},
}

/// See the module.
#[derive(Debug, Default)]
pub struct Earnings {
	/// Offers that were proposed, by jobs.
	proposed: BTreeMap<JobId, OfferId>,
	/// Live deals that were.
	deals: BTreeMap<DealId, JobId>,
}

impl Earnings {
	/// With the live deals that this solver found before.
	pub async fn resume(client: &Client, solver: &AccountId) -> Result<Self, ClientError> {
		let mut earnings = Self::default();
		for (id, deal) in client.best().await?.deals().await? {
			if deal.terms.solver.as_ref() == Some(solver) {
				remember(&mut earnings.deals, id, deal.job);
			}
		}
		Ok(earnings)
	}

	/// Takes note of a proposal.
	pub fn propose(&mut self, job: JobId, offer: OfferId) {
		remember(&mut self.proposed, job, offer);
	}

	/// Takes note of what happened in a block, and says what came of a proposal.
	pub async fn hear(
		&mut self,
		client: &Client,
		solver: &AccountId,
		block: Hash,
		event: &ChainEvent,
	) -> Result<Option<Came>, ClientError> {
		match event {
			ChainEvent::MarketEvent(MarketEvent::JobMatched { job, deal, offer, .. }) => {
				if self.proposed.remove(job) != Some(*offer) {
					return Ok(None);
				}
				// Somebody else may have proposed the same offer, or posted it anew for less.
				let view = client.at(lilypad_client::At::Hash(block)).await?;
				let terms = view.deal(*deal).await?.map(|found| found.terms);
				let Some(terms) = terms.filter(|terms| terms.solver.as_ref() == Some(solver)) else {
					return Ok(None);
				};
				remember(&mut self.deals, *deal, *job);
				Ok(Some(Came::Matched {
					job: *job,
					deal: *deal,
					tip: terms.tip,
				}))
			},
			ChainEvent::MarketEvent(MarketEvent::JobExpired { job } | MarketEvent::JobCancelled { job }) => {
				self.proposed.remove(job);
				Ok(None)
			},
			ChainEvent::DealsEvent(DealsEvent::Settled { deal, job, moves, .. }) => {
				if self.deals.remove(deal).is_none() {
					return Ok(None);
				}
				let tips = moves.iter().filter(|part| part.to == Party::Solver);
				Ok(Some(Came::Settled {
					job: *job,
					deal: *deal,
					tip: tips.fold(0, |sum, part| sum.saturating_add(part.amount)),
				}))
			},
			_ => Ok(None),
		}
	}
}

/// Keeps the newest: numbers rise.
fn remember<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V) {
	map.insert(key, value);
	if map.len() > MEMORY {
		map.pop_first();
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_is_remembered_is_bounded_and_the_newest() {
		let mut earnings = Earnings::default();
		for job in 0..2 * MEMORY as u64 {
			earnings.propose(JobId(job), OfferId(1));
		}
		assert_eq!(earnings.proposed.len(), MEMORY);
		assert_eq!(
			earnings.proposed.first_key_value().map(|(job, _)| job.0),
			Some(MEMORY as u64)
		);
	}
}
