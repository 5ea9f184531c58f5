//! The node's own solver: proposes the matches that the chain's bounded search missed.
//!
//! It runs in the offchain worker of whoever has one, after every block, and derives all it does from the chain's state.
//! It may be skipped or run twice; nothing depends on it. A round is bounded: for each class a segment of the offers and
//! a batch of the waiting jobs. What does not fit into one round is for the next ones, for which a cursor is kept in the
//! node's local storage; so a book full of cheap offers that never fit delays a job by rounds, not for ever.
//!
//! What it proposes carries no signature, costs no fee and earns no tip. Such a transaction is valid only in the pool of
//! the node that made it and in a block.

use crate::{
	pallet::{Call, Config, Error, Jobs, OfferIndex, Offers, Pallet, Proposals, WaitingIndex},
	types::{waiting_key, Class, IndexKey, JobRecord, JobState},
};
use alloc::{collections::BTreeMap, vec::Vec};
use codec::{Decode, Encode};
use frame_support::{pallet_prelude::TransactionValidityWithRefund, traits::Get, weights::Weight};
use frame_system::offchain::SubmitTransaction;
use lilypad_primitives::{
	fits,
	traits::{Deals, Modules, Scores},
	Balance, JobId, MatchContext, Offer, OfferId, Platform, Pricing,
};
use sp_runtime::{
	offchain::storage::StorageValueRef,
	transaction_validity::{InvalidTransaction, TransactionSource, ValidTransaction},
	Permill,
};

/// Most offers of a class that a round looks at.
pub const SOLVER_OFFERS: u32 = 4_096;
/// Most waiting jobs of a class for which a round looks at them.
pub const SOLVER_JOBS: u32 = 64;
/// Most proposals of one round for one class.
pub const SOLVER_PROPOSALS: u32 = 16;

/// Where the next round of a class begins: behind these keys. `None`: at the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Cursor {
	pub offers: Option<IndexKey>,
	pub jobs: Option<IndexKey>,
}

/// The name under which a node keeps the cursor of a class.
pub(crate) fn cursor_key(class: Class) -> Vec<u8> {
	(*b"lilypad/market/solver/", class).encode()
}

/// An offer of a round's segment.
struct Candidate<AccountId> {
	key: IndexKey,
	id: OfferId,
	/// As it would be, had the round's own proposals become deals.
	offer: Offer<AccountId>,
	/// Which of the round's providers it is from.
	provider: usize,
}

/// A part of the offers of a class, cheapest first, and what their providers have to back deals with.
struct Segment<AccountId> {
	candidates: Vec<Candidate<AccountId>>,
	providers: Vec<(Balance, Permill)>,
	/// Whether there may be more behind it.
	full: bool,
}

fn all_classes() -> impl Iterator<Item = Class> {
	[Platform::Wasm, Platform::ContainerAmd64, Platform::ContainerArm64]
		.into_iter()
		.flat_map(|platform| [false, true].map(|gpu| Class { platform, gpu }))
}

impl<T: Config> Pallet<T> {
	/// Whether a proposal of a node's own solver may go into its pool, or into a block.
	pub(crate) fn authorize_found(
		source: TransactionSource,
		job: &JobId,
		offer: &OfferId,
	) -> TransactionValidityWithRefund {
		if source == TransactionSource::External {
			return Err(InvalidTransaction::Call.into());
		}
		Self::check_proposal(*job, *offer).map_err(|_| InvalidTransaction::Stale)?;
		let valid = ValidTransaction::with_tag_prefix("lilypad/market/solver")
			.priority(T::SolverPriority::get())
			.longevity(T::SolveWindow::get().into())
			.and_provides(job)
			.propagate(false)
			.build()?;
		Ok((valid, Weight::zero()))
	}

	pub(crate) fn do_propose_found(job: JobId, offer: OfferId) -> Result<(), Error<T>> {
		Self::record_proposal(None, job, offer)
	}

	/// One round.
	pub(crate) fn solve() {
		all_classes().for_each(Self::solve_class);
	}

	fn solve_class(class: Class) {
		let name = cursor_key(class);
		let mut store = StorageValueRef::persistent(&name);
		let stored = store.get::<Cursor>().ok().flatten();
		let Some((first, _)) = WaitingIndex::<T>::iter_key_prefix((class,)).next() else {
			if stored.is_some() {
				store.clear();
			}
			return;
		};
		let cursor = stored.clone().unwrap_or_default();
		let jobs = Self::batch(class, cursor.jobs);
		// Of all that wait, not of this batch: all batches are to meet the same segments.
		let ceiling = !u128::from_be_bytes(first);
		let mut segment = Self::segment(class, cursor.offers, ceiling);
		let met = Self::propose_fits(&jobs, &mut segment);

		let more = met < jobs.len() || jobs.len() as u32 == SOLVER_JOBS;
		let last = jobs[..met].last().filter(|_| more);
		let next = match last {
			// The next jobs meet the same offers.
			Some((id, record)) => Cursor {
				jobs: Some(waiting_key(*id, record)),
				..cursor
			},
			// All jobs have met these: the next offers, or from the beginning.
			None => Cursor {
				jobs: None,
				offers: segment.candidates.last().filter(|_| segment.full).map(|c| c.key),
			},
		};
		if stored.unwrap_or_default() != next {
			store.set(&next);
		}
	}

	/// The next waiting jobs, those that can pay most first.
	fn batch(class: Class, after: Option<IndexKey>) -> Vec<(JobId, JobRecord<T::AccountId>)> {
		let keys = match after {
			None => WaitingIndex::<T>::iter_key_prefix((class,)),
			Some(key) => {
				WaitingIndex::<T>::iter_key_prefix_from((class,), WaitingIndex::<T>::hashed_key_for(key))
			},
		};
		keys.take(SOLVER_JOBS as usize)
			.map(|(_, id)| JobId(u64::from_be_bytes(id)))
			.filter_map(|id| Jobs::<T>::get(id).map(|record| (id, record)))
			.collect()
	}

	/// The next offers that cost no more than somebody can pay.
	fn segment(class: Class, after: Option<IndexKey>, ceiling: Balance) -> Segment<T::AccountId> {
		let keys = match after {
			None => OfferIndex::<T>::iter_key_prefix((class,)),
			Some(key) => {
				OfferIndex::<T>::iter_key_prefix_from((class,), OfferIndex::<T>::hashed_key_for(key))
			},
		};
		let mut known = BTreeMap::<T::AccountId, usize>::new();
		let mut segment = Segment {
			candidates: Vec::new(),
			providers: Vec::new(),
			full: false,
		};
		for (rate, id) in keys.take_while(|(rate, _)| u128::from_be_bytes(*rate) <= ceiling) {
			if segment.candidates.len() as u32 == SOLVER_OFFERS {
				segment.full = true;
				break;
			}
			let key = (class, rate, id);
			let id = OfferId(u64::from_be_bytes(id));
			let Some(offer) = Offers::<T>::get(id) else {
				continue;
			};
			let provider = *known.entry(offer.provider.clone()).or_insert_with(|| {
				let (bond, score) = (
					T::Deals::free_bond(&offer.provider),
					T::Scores::score(&offer.provider),
				);
				segment.providers.push((bond, score));
				segment.providers.len() - 1
			});
			segment.candidates.push(Candidate {
				key,
				id,
				offer,
				provider,
			});
		}
		segment
	}

	/// Proposes the cheapest fit in the segment for each job of the batch, unless as cheap a one is proposed already. Returns
	/// how many jobs it got to.
	fn propose_fits(jobs: &[(JobId, JobRecord<T::AccountId>)], segment: &mut Segment<T::AccountId>) -> usize {
		let pricing = T::Pricing::get();
		let mut sent = 0;
		for (met, (id, record)) in jobs.iter().enumerate() {
			if sent == SOLVER_PROPOSALS {
				return met;
			}
			let Some(offer) = Self::cheapest_fit(*id, record, segment, &pricing) else {
				continue;
			};
			if Self::check_proposal(*id, offer).is_err() {
				continue;
			}
			let call = Call::<T>::propose_found { job: *id, offer };
			let transaction = T::create_authorized_transaction(call.into());
			// Refused when the pool has one for this job from an earlier round.
			if SubmitTransaction::<T, Call<T>>::submit_transaction(transaction).is_err() {
				log::debug!(target: crate::LOG_TARGET, "the pool takes no proposal of offer {offer} for job {id}");
			}
			sent += 1;
		}
		jobs.len()
	}

	/// Looks for the cheapest offer that fits, and takes the deal's part off it, so that the round does not give the same
	/// capacity to two jobs.
	fn cheapest_fit(
		id: JobId,
		record: &JobRecord<T::AccountId>,
		segment: &mut Segment<T::AccountId>,
		pricing: &Pricing,
	) -> Option<OfferId> {
		let now = Self::now();
		if !matches!(record.state, JobState::Open { match_by } if now <= match_by) {
			return None;
		}
		let module = T::Modules::version(record.job.version)?;
		let standing = Proposals::<T>::get(id)
			.filter(|p| p.due <= now || Self::proposed_fit(p, record, &module, pricing).is_some());
		let most = match standing {
			None => record.ceiling,
			Some(proposal) if proposal.due <= now => return None,
			Some(proposal) => record.ceiling.min(proposal.rate.checked_sub(1)?),
		};
		let run_blocks = T::Deals::run_blocks(record.job.request.time_limit, record.fetch_bytes);
		for candidate in &mut segment.candidates {
			if candidate.offer.rate > most {
				return None;
			}
			let (free_bond, score) = segment.providers.get_mut(candidate.provider)?;
			let context = MatchContext {
				module: &module,
				free_bond: *free_bond,
				score: *score,
				pricing,
				solver: None,
				now,
				run_blocks,
			};
			let Ok(terms) = fits(&candidate.offer, &record.job, &context) else {
				continue;
			};
			if let Some((left, _)) = Self::take_capacity(&candidate.offer, record) {
				candidate.offer = left;
				*free_bond = free_bond.saturating_sub(terms.collateral);
			}
			return Some(candidate.id);
		}
		None
	}
}
