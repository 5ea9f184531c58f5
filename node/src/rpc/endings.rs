//! How jobs and deals ended, and which jobs contracts on EVM chains asked for. The chain keeps nothing of them but events, so these
//! are looked for in the blocks whose state the node still has, each block once.

use std::{
	collections::BTreeMap,
	sync::{Mutex, PoisonError},
};

use lilypad_primitives::{settlement::Move, Balance, DealId, JobId, Outcome, Triple};
use lilypad_runtime::RuntimeEvent;
use pallet_evm_gateway::LaneId;

use super::chain::{At, Chain, ReadError, State};

/// Blocks that are looked back at: nodes that are no archives keep the states of 256.
const LOOK_BACK: u32 = 250;
/// Jobs and deals whose end is remembered, and requests: at most about a megabyte of each.
const MOST: usize = 10_000;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
	/// Its last deal was settled.
	Settled {
		/// The deal.
		deal: DealId,
		/// How.
		outcome: Outcome,
		/// The result, if there is one.
		result: Option<Triple>,
		/// What it cost its creator in all.
		cost: Balance,
		/// In which block.
		at: At,
	},
	/// Nobody took it in time.
	Expired {
		/// In which block.
		at: At,
	},
	/// Its creator withdrew it while it waited.
	Cancelled {
		/// In which block.
		at: At,
	},
}

/// How a deal ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DealEnd {
	/// Its job.
	pub(crate) job: JobId,
	/// How.
	pub(crate) outcome: Outcome,
	/// Who paid whom.
	pub(crate) moves: Vec<Move>,
	/// In which block.
	pub(crate) at: At,
}

#[derive(Default)]
struct Found {
	jobs: BTreeMap<JobId, JobEnd>,
	deals: BTreeMap<DealId, DealEnd>,
	/// The requests that jobs came from. By job, so that the oldest are forgotten first, whatever their lane.
	requests: BTreeMap<JobId, (LaneId, u64)>,
}

impl Found {
	fn note(&mut self, at: At, events: Vec<RuntimeEvent>) {
		use pallet_deals::Event as Deals;
		use pallet_evm_gateway::Event as Gateway;
		use pallet_market::Event as Market;
		for event in events {
			match event {
				RuntimeEvent::Market(Market::JobEnded {
					job,
					deal,
					outcome,
					result,
					cost,
				}) => {
					let end = JobEnd::Settled {
						deal,
						outcome,
						result,
						cost,
						at,
					};
					self.jobs.insert(job, end);
				},
				RuntimeEvent::Market(Market::JobExpired { job }) => {
					self.jobs.insert(job, JobEnd::Expired { at });
				},
				RuntimeEvent::Market(Market::JobCancelled { job }) => {
					self.jobs.insert(job, JobEnd::Cancelled { at });
				},
				RuntimeEvent::Deals(Deals::Settled {
					deal,
					job,
					outcome,
					moves,
				}) => {
					let moves = moves.into_inner();
					self.deals.insert(
						deal,
						DealEnd {
							job,
							outcome,
							moves,
							at,
						},
					);
				},
				RuntimeEvent::EvmGateway(Gateway::RequestTakenUp { lane, id, job, .. }) => {
					self.requests.insert(job, (lane, id));
				},
				_ => (),
			}
		}
		while self.requests.len() > MOST {
			self.requests.pop_first();
		}
		while self.jobs.len() > MOST {
			self.jobs.pop_first();
		}
		while self.deals.len() > MOST {
			self.deals.pop_first();
		}
	}
}

#[derive(Default)]
struct Finalized {
	/// The newest block that was looked at.
	seen: u32,
	found: Found,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Endings(Mutex<Finalized>);

impl Endings {
	/// Looks into the blocks that have become final since it was last called. Called for each of them, it misses none.
	pub(crate) fn catch_up<C: Chain>(&self, chain: &C) {
		let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
		known.catch_up(chain, chain.finalized());
	}

	/// How a job ended, as of a block.
	pub(crate) fn job<C: Chain>(&self, chain: &C, at: At, id: JobId) -> Result<Option<JobEnd>, ReadError> {
		self.find(chain, at, |found| found.jobs.get(&id).copied())
	}

	/// How a deal ended, as of a block.
	pub(crate) fn deal<C: Chain>(&self, chain: &C, at: At, id: DealId) -> Result<Option<DealEnd>, ReadError> {
		self.find(chain, at, |found| found.deals.get(&id).cloned())
	}

	/// The job that a request became, as of a block: the newest, if a re-organisation gave its number to another.
	pub(crate) fn request<C: Chain>(
		&self,
		chain: &C,
		at: At,
		lane: LaneId,
		id: u64,
	) -> Result<Option<JobId>, ReadError> {
		self.find(chain, at, |found| {
			let newest = found.requests.iter().rev();
			newest
				.map(|(job, of)| (*job, *of))
				.find_map(|(job, of)| (of == (lane, id)).then_some(job))
		})
	}

	/// Looks into the blocks that may still be reverted, and then into what is known of the finalized ones.
	fn find<C: Chain, T>(
		&self,
		chain: &C,
		at: At,
		pick: impl Fn(&Found) -> Option<T>,
	) -> Result<Option<T>, ReadError> {
		let finalized = chain.finalized();
		for block in back(chain, at, finalized.number.saturating_add(1)) {
			let mut found = Found::default();
			found.note(block, State::new(chain, block).events()?);
			if let Some(found) = pick(&found) {
				return Ok(Some(found));
			}
		}
		let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
		known.catch_up(chain, finalized);
		Ok(pick(&known.found))
	}
}

impl Finalized {
	fn catch_up<C: Chain>(&mut self, chain: &C, finalized: At) {
		for block in back(chain, finalized, self.seen.saturating_add(1)) {
			match State::new(chain, block).events() {
				Ok(events) => self.found.note(block, events),
				// The states before it are gone, too, or of another age.
				Err(_) => break,
			}
		}
		self.seen = self.seen.max(finalized.number);
	}
}

/// The blocks from `from` back to the one with the number `last`, at most [`LOOK_BACK`].
fn back<C: Chain>(chain: &C, from: At, last: u32) -> impl Iterator<Item = At> + '_ {
	let first = (from.number >= last).then_some(from);
	std::iter::successors(first, move |block| {
		chain.parent(*block).filter(|parent| parent.number >= last)
	})
	.take(LOOK_BACK as usize)
}
