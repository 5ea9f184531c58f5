//! When to look at the book again: at once when something has changed that can make a match, and ever more seldom when nothing has.

use lilypad_client::{ChainEvent, DealsEvent, MarketEvent};
use lilypad_primitives::{BlockNumber, JobId, OfferState};
use std::collections::BTreeMap;

/// Longest pause between two looks, in blocks: bonds and scores change without news of their own.
const LONGEST: BlockNumber = 16;
/// Most jobs for which refusals are remembered.
const MEMORY: usize = 1_024;

/// See the module.
#[derive(Debug, Default)]
pub struct Pace {
	/// The next look, if there is no news before.
	next: BlockNumber,
	pause: BlockNumber,
	news: bool,
	/// Jobs for which a proposal was refused: until which block they are left alone, and for how long the next time.
	refused: BTreeMap<JobId, (BlockNumber, BlockNumber)>,
}

impl Pace {
	/// Takes note of what happened.
	pub fn hear(&mut self, event: &ChainEvent) {
		self.news |= is_news(event);
	}

	/// Whether to look now.
	pub fn is_due(&self, now: BlockNumber) -> bool {
		self.news || now >= self.next
	}

	/// Takes note of a look: whether there is more to look at, or anything came of it.
	pub fn looked(&mut self, now: BlockNumber, busy: bool) {
		self.pause = match busy || self.news {
			true => 1,
			false => self.pause.saturating_mul(2).clamp(1, LONGEST),
		};
		self.news = false;
		self.next = now.saturating_add(self.pause);
		self.refused
			.retain(|_, (until, pause)| until.saturating_add(*pause) > now);
	}

	/// Takes note of a refusal: somebody was quicker, or the offer fits no longer. The job is left alone for a while, longer each time,
	/// so that a match that the chain refuses again and again does not cost a fee in every block.
	pub fn refused(&mut self, job: JobId, now: BlockNumber) {
		let pause = self
			.refused
			.get(&job)
			.map_or(2, |(_, pause)| pause.saturating_mul(2).min(LONGEST));
		if self.refused.len() >= MEMORY && !self.refused.contains_key(&job) {
			// The oldest job is the likeliest to be gone.
			self.refused.pop_first();
		}
		self.refused.insert(job, (now.saturating_add(pause), pause));
	}

	/// Whether a job is left alone for now.
	pub fn leaves(&self, job: JobId, now: BlockNumber) -> bool {
		self.refused.get(&job).is_some_and(|(until, _)| now < *until)
	}
}

/// Whether an event can make a match possible that was none before.
fn is_news(event: &ChainEvent) -> bool {
	match event {
		ChainEvent::MarketEvent(event) => matches!(
			event,
			MarketEvent::JobPosted { .. }
				| MarketEvent::JobRequeued { .. }
				| MarketEvent::OfferPosted { .. }
				| MarketEvent::OfferChanged {
					state: OfferState::Active,
					..
				} | MarketEvent::JobEnded { .. }
		),
		// Room is free again as soon as a result is submitted, and a bond when a deal is settled.
		ChainEvent::DealsEvent(event) => matches!(
			event,
			DealsEvent::Bonded { .. } | DealsEvent::Submitted { .. } | DealsEvent::Settled { .. }
		),
		_ => false,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_client::AccountId;
	use lilypad_primitives::OfferId;

	fn posted() -> ChainEvent {
		ChainEvent::MarketEvent(MarketEvent::OfferPosted {
			offer: OfferId(1),
			provider: AccountId::new([1; 32]),
			rate: 1,
		})
	}

	#[test]
	fn looks_become_rarer_until_there_is_news() {
		let mut pace = Pace::default();
		let mut looks = Vec::new();
		for now in 0..70 {
			if pace.is_due(now) {
				looks.push(now);
				pace.looked(now, false);
			}
		}
		assert_eq!(looks, [0, 1, 3, 7, 15, 31, 47, 63]);
		pace.hear(&posted());
		assert!(pace.is_due(70));
		pace.looked(70, false);
		assert!(!pace.is_due(70) && pace.is_due(71));
	}

	#[test]
	fn news_is_what_can_make_a_match() {
		assert!(is_news(&posted()));
		let changed = |state| {
			ChainEvent::MarketEvent(MarketEvent::OfferChanged {
				offer: OfferId(1),
				state,
				rate: 1,
			})
		};
		assert!(is_news(&changed(OfferState::Active)));
		assert!(!is_news(&changed(OfferState::Paused)));
		assert!(!is_news(&ChainEvent::MarketEvent(MarketEvent::JobExpired {
			job: JobId(1)
		})));
	}

	#[test]
	fn a_refused_job_is_left_alone_longer_each_time() {
		let mut pace = Pace::default();
		pace.refused(JobId(1), 10);
		assert!(pace.leaves(JobId(1), 11) && !pace.leaves(JobId(1), 12));
		assert!(!pace.leaves(JobId(2), 11));
		pace.refused(JobId(1), 12);
		assert!(pace.leaves(JobId(1), 15) && !pace.leaves(JobId(1), 16));
		// And forgotten in time.
		pace.looked(100, false);
		assert!(pace.refused.is_empty());
	}

	#[test]
	fn what_is_remembered_is_bounded() {
		let mut pace = Pace::default();
		for job in 0..2 * MEMORY as u64 {
			pace.refused(JobId(job), 1);
		}
		assert_eq!(pace.refused.len(), MEMORY);
		assert!(pace.leaves(JobId(2 * MEMORY as u64 - 1), 2));
	}
}
