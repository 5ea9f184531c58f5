//! Matching: the two bounded walks through the ordered indexes, and the one place where a job becomes a deal.

use crate::{
	pallet::{Config, Event, Jobs, OfferIndex, Offers, OffersOf, Pallet, Proposals, WaitingIndex},
	types::{
		classes, is_available, offer_keys, waiting_key, Class, IdKey, JobRecord, JobState, Proposal, RateKey,
		Scan,
	},
};
use alloc::vec::Vec;
use core::iter::Peekable;
use frame_support::{defensive, storage::with_storage_layer, traits::Get};
use lilypad_primitives::{
	fits,
	traits::{Deals, Modules, Scores},
	BlockNumber, JobId, MatchContext, Mismatch, ModuleInfo, Offer, OfferId, OfferState, Pricing, Terms,
};
use sp_runtime::{traits::SaturatedConversion, DispatchResult};

impl<T: Config> Pallet<T> {
	/// The present block.
	pub(crate) fn now() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// Writes an offer, and moves its index entries when that is called for. Returns whether it was.
	pub(crate) fn save_offer(
		id: OfferId,
		before: Option<&Offer<T::AccountId>>,
		after: &Offer<T::AccountId>,
	) -> bool {
		let stood = before.filter(|o| is_available(o));
		let stands = Some(after).filter(|o| is_available(o));
		let moves = stood.map(|o| o.rate) != stands.map(|o| o.rate);
		if moves {
			for key in stood.iter().flat_map(|o| offer_keys(id, o)) {
				OfferIndex::<T>::remove(key);
			}
			for key in stands.iter().flat_map(|o| offer_keys(id, o)) {
				OfferIndex::<T>::insert(key, ());
			}
		}
		Offers::<T>::insert(id, after);
		moves
	}

	/// Pauses every active offer of a provider. Returns how many offers it has.
	pub(crate) fn pause_all(provider: &T::AccountId) -> u32 {
		let all = OffersOf::<T>::get(provider);
		let count = all.len() as u32;
		for id in all {
			let Some(offer) = Offers::<T>::get(id) else {
				defensive!("a provider's list names an offer that is gone");
				continue;
			};
			if offer.state == OfferState::Active {
				let paused = Offer {
					state: OfferState::Paused,
					..offer.clone()
				};
				Self::save_offer(id, Some(&offer), &paused);
				Self::deposit_event(Event::OfferChanged {
					offer: id,
					state: OfferState::Paused,
					rate: offer.rate,
				});
			}
		}
		count
	}

	/// Whether an offer fits a job now, and on which terms.
	pub(crate) fn fit(
		offer: &Offer<T::AccountId>,
		record: &JobRecord<T::AccountId>,
		module: &ModuleInfo<T::AccountId>,
		pricing: &Pricing,
		solver: Option<&T::AccountId>,
	) -> Result<Terms<T::AccountId>, Mismatch> {
		let context = MatchContext {
			module,
			free_bond: T::Deals::free_bond(&offer.provider),
			score: T::Scores::score(&offer.provider),
			pricing,
			solver,
			now: Self::now(),
			run_blocks: T::Deals::run_blocks(record.job.request.time_limit, record.fetch_bytes),
		};
		fits(offer, &record.job, &context)
	}

	/// Makes a deal of a job and the cheapest offer that fits, the oldest of equals; if the search finds none, the job
	/// waits. It must not stand among the waiting yet: what is matched at once never does.
	pub(crate) fn match_or_wait(id: JobId, record: &JobRecord<T::AccountId>) -> Scan {
		let scan = Self::match_job(id, record);
		if scan.matches == 0 {
			Self::enqueue(id, record);
		}
		scan
	}

	pub(crate) fn match_job(id: JobId, record: &JobRecord<T::AccountId>) -> Scan {
		let mut scan = Scan::default();
		let Some(module) = T::Modules::version(record.job.version) else {
			return scan;
		};
		let pricing = T::Pricing::get();
		for (rate, key) in OfferIndex::<T>::iter_key_prefix((record.class,)).take(T::MaxScan::get() as usize)
		{
			if u128::from_be_bytes(rate) > record.ceiling {
				break;
			}
			scan.candidates += 1;
			let offer_id = OfferId(u64::from_be_bytes(key));
			let Some(offer) = Offers::<T>::get(offer_id) else {
				defensive!("an index entry has no offer");
				continue;
			};
			let Ok(terms) = Self::fit(&offer, record, &module, &pricing, None) else {
				continue;
			};
			if let Some(left) = Self::make_deal(id, record, offer_id, &offer, terms, false) {
				scan.matches += 1;
				scan.moves += u32::from(!is_available(&left));
				break;
			}
		}
		scan
	}

	/// Offers an offer's capacity to the waiting jobs of its classes, in the order of what they can pay, until it is used
	/// up or `most` have been matched. A job for which somebody has proposed a match that is no dearer waits for that.
	pub(crate) fn match_offer(id: OfferId, most: u32) -> Scan {
		let mut scan = Scan::default();
		let Some(mut offer) = Offers::<T>::get(id) else {
			return scan;
		};
		if !is_available(&offer) {
			return scan;
		}
		let pricing = T::Pricing::get();
		let mut waiting = Waiting::<T>::new(&offer);
		while scan.candidates < T::MaxScan::get() && scan.matches < most && is_available(&offer) {
			let Some((ceiling, job_id)) = waiting.next() else {
				break;
			};
			if ceiling < offer.rate {
				break;
			}
			scan.candidates += 1;
			let Some(record) = Jobs::<T>::get(job_id) else {
				defensive!("an index entry has no job");
				continue;
			};
			if !Self::is_waiting(&record) {
				continue;
			}
			let Some(module) = T::Modules::version(record.job.version) else {
				continue;
			};
			let standing = Proposals::<T>::get(job_id);
			let Ok(terms) = Self::fit(
				&offer,
				&record,
				&module,
				&pricing,
				solver_of(&standing, id, &offer),
			) else {
				continue;
			};
			let outdone = standing.is_some_and(|p| {
				p.rate <= offer.rate && Self::proposed_fit(&p, &record, &module, &pricing).is_some()
			});
			if outdone {
				continue;
			}
			if let Some(left) = Self::make_deal(job_id, &record, id, &offer, terms, true) {
				scan.matches += 1;
				scan.waited += 1;
				scan.moves += u32::from(!is_available(&left));
				offer = left;
			}
		}
		scan
	}

	/// Whether a job may still be matched: one whose window has passed belongs to `expire_job`.
	fn is_waiting(record: &JobRecord<T::AccountId>) -> bool {
		matches!(record.state, JobState::Open { match_by } if Self::now() <= match_by)
	}

	/// Makes a deal of a job and an offer that fit. Returns what the offer is afterwards. `waits`: whether the job stands
	/// among the waiting.
	///
	/// A deal that can't be opened leaves no trace, and fails nobody else's call.
	pub(crate) fn make_deal(
		job_id: JobId,
		record: &JobRecord<T::AccountId>,
		offer_id: OfferId,
		offer: &Offer<T::AccountId>,
		terms: Terms<T::AccountId>,
		waits: bool,
	) -> Option<Offer<T::AccountId>> {
		let Some(left) = Self::take_capacity(offer, record) else {
			defensive!("an offer that fits has not the capacity");
			return None;
		};
		let result = with_storage_layer(|| {
			if waits {
				Self::leave_waiting(job_id, record);
			}
			Self::conclude(job_id, record, offer_id, offer, &left, terms)
		});
		match result {
			Ok(()) => Some(left.0),
			Err(error) => {
				log::debug!(target: crate::LOG_TARGET, "job {job_id} and offer {offer_id} fit, but: {error:?}");
				None
			},
		}
	}

	/// Takes a job out of the index of the waiting, and forgets what was proposed for it.
	pub(crate) fn leave_waiting(id: JobId, record: &JobRecord<T::AccountId>) {
		WaitingIndex::<T>::remove(waiting_key(id, record));
		Self::forget_proposal(id);
	}

	/// The offer with one deal more, and what that deal gets of its machine.
	pub(crate) fn take_capacity(
		offer: &Offer<T::AccountId>,
		record: &JobRecord<T::AccountId>,
	) -> Option<(Offer<T::AccountId>, lilypad_primitives::MachineSpec)> {
		let granted = offer.free.grant(&record.job.request.spec)?;
		let left = Offer {
			free: offer.free.without(&granted)?,
			running: offer.running.checked_add(1)?,
			open_deals: offer.open_deals.checked_add(1)?,
			..offer.clone()
		};
		Some((left, granted))
	}

	fn conclude(
		job_id: JobId,
		record: &JobRecord<T::AccountId>,
		offer_id: OfferId,
		offer: &Offer<T::AccountId>,
		(left, granted): &(Offer<T::AccountId>, lilypad_primitives::MachineSpec),
		terms: Terms<T::AccountId>,
	) -> DispatchResult {
		let deal = T::Deals::open(job_id, offer_id, terms, record.fetch_bytes)?;
		Self::save_offer(offer_id, Some(offer), left);
		let state = JobState::Matched {
			deal,
			offer: offer_id,
			granted: Some(granted.clone()),
		};
		Jobs::<T>::insert(
			job_id,
			JobRecord {
				state,
				..record.clone()
			},
		);
		Self::deposit_event(Event::JobMatched {
			job: job_id,
			deal,
			offer: offer_id,
			provider: offer.provider.clone(),
		});
		Ok(())
	}
}

/// Who earns the tip when an offer takes a job at once for which a match has been proposed: whoever proposed that very
/// offer, so that its provider can't save the creator the tip by becoming a little cheaper.
fn solver_of<'a, AccountId>(
	standing: &'a Option<Proposal<AccountId>>,
	id: OfferId,
	offer: &Offer<AccountId>,
) -> Option<&'a AccountId> {
	standing
		.as_ref()
		.filter(|proposal| proposal.offer == id && offer.rate <= proposal.rate)
		.and_then(|proposal| proposal.solver.as_ref())
}

type WaitingKeys = frame_support::storage::KeyPrefixIterator<(RateKey, IdKey)>;

/// The waiting jobs of an offer's classes, merged: whoever can pay most first, and of equals the oldest.
///
/// Matching removes entries behind the walk, never before it, so that the walk goes on undisturbed: each step asks the
/// storage for the next key after the last one.
struct Waiting<T>(Vec<Peekable<WaitingKeys>>, core::marker::PhantomData<T>);

impl<T: Config> Waiting<T> {
	fn new(offer: &Offer<T::AccountId>) -> Self {
		let walk = |class: Class| WaitingIndex::<T>::iter_key_prefix((class,)).peekable();
		Self(classes(offer).map(walk).collect(), core::marker::PhantomData)
	}

	/// The highest rate that the next job can pay, and the job.
	fn next(&mut self) -> Option<(u128, JobId)> {
		let first = self
			.0
			.iter_mut()
			.enumerate()
			.filter_map(|(at, keys)| keys.peek().map(|key| (*key, at)))
			.min()
			.map(|(_, at)| at)?;
		let (inverted, id) = self.0.get_mut(first)?.next()?;
		Some((!u128::from_be_bytes(inverted), JobId(u64::from_be_bytes(id))))
	}
}
