//! The market as deals see it: what the end of a run and the end of a deal mean for job and offer.

use crate::{
	pallet::{Config, Event, Jobs, OfferDeposits, Offers, Pallet, PeerDeposits},
	types::{is_available, JobRecord, JobState, Scan},
	weights::WeightInfo as _,
};
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::{defensive, traits::Get, weights::Weight};
use lilypad_primitives::{
	highest_affordable_rate,
	traits::{JobBook, JobEnding, MatchedJob, Modules, OnJobEnded},
	Balance, BlockNumber, DealId, JobId, JobNeeds, MachineSpec, MediatorPolicy, Offer, OfferId, OfferState,
	Outcome, Triple,
};

impl<T: Config> Pallet<T> {
	/// Until when the job would wait if its deal ended like this; `None` if it would not be queued again.
	///
	/// A report of image or inputs that are not to be had costs no retry: it is nobody's proven fault, and happens once
	/// in a job's life. A job with a target is never queued again, because the only provider that will do has failed it;
	/// nor is one whose module was withdrawn meanwhile, or whose own deadline no run could meet any longer.
	fn requeue_until(record: &JobRecord<T::AccountId>, outcome: &Outcome) -> Option<BlockNumber> {
		let job = &record.job;
		let again = match outcome {
			Outcome::Unfetchable { again: false } => !job.unfetchable_once,
			outcome => outcome.is_retriable() && job.retries_left > 0,
		};
		let possible = again
			&& job.request.target.is_none()
			&& T::Modules::version(job.version).is_some_and(|module| !module.delisted);
		possible
			.then(|| Self::match_by(&job.request, record.fetch_bytes))
			.flatten()
	}

	/// Gives a part of its machine back to an offer.
	fn give_back(offer: &mut Offer<T::AccountId>, part: &MachineSpec) {
		match (offer.free.with(part), offer.running.checked_sub(1)) {
			(Some(free), Some(running)) => {
				offer.free = free;
				offer.running = running;
			},
			_ => {
				defensive!("more capacity comes back than was taken");
			},
		}
	}

	/// Takes a settled deal off its offer. Returns the offer, whether it got capacity back just now, and what it weighed beyond
	/// writing the offer.
	fn close_deal(id: OfferId, granted: Option<MachineSpec>) -> Option<(Offer<T::AccountId>, bool, Weight)> {
		let Some(before) = Offers::<T>::get(id) else {
			defensive!("a live deal's offer is gone");
			return None;
		};
		let mut after = before.clone();
		after.open_deals = after.open_deals.saturating_sub(1);
		let freed = granted.is_some();
		if let Some(part) = granted {
			Self::give_back(&mut after, &part);
		}
		let mut weight = Self::indexed(Self::save_offer(id, Some(&before), &after));
		if after.state == OfferState::Draining && after.open_deals == 0 {
			Self::remove_offer(id, &after);
			weight.saturating_accrue(T::WeightInfo::withdraw_offer());
		}
		Some((after, freed, weight))
	}

	/// What it weighs that an offer entered or left the index, if it did.
	fn indexed(moved: bool) -> Weight {
		match moved {
			true => T::WeightInfo::index_offer(),
			false => Weight::zero(),
		}
	}

	/// Queues a job again after a provider failed it, and looks for another one. Returns how it searched.
	fn requeue(
		id: JobId,
		mut record: JobRecord<T::AccountId>,
		provider: &T::AccountId,
		outcome: &Outcome,
		match_by: BlockNumber,
	) -> Scan {
		let job = &mut record.job;
		if matches!(outcome, Outcome::Unfetchable { .. }) {
			job.unfetchable_once = true;
		} else {
			job.retries_left = job.retries_left.saturating_sub(1);
		}
		if !job.failed.contains(provider) && job.failed.try_push(provider.clone()).is_err() {
			defensive!("more providers failed a job than it had tries");
		}
		// Prices may have changed. When the budget no longer affords even the least rate, the old place will do.
		let fee = T::Modules::version(job.version).map_or(0, |module| module.fee);
		let request = &job.request;
		let now = highest_affordable_rate(
			&T::Pricing::get(),
			request.budget,
			request.time_limit,
			fee,
			request.tip,
		);
		record.ceiling = now.unwrap_or(record.ceiling);
		record.state = JobState::Open { match_by };
		Self::deposit_event(Event::JobRequeued {
			job: id,
			match_by,
			retries_left: record.job.retries_left,
		});
		Self::match_or_wait(id, &record)
	}
}

impl<T: Config> JobBook<T::AccountId> for Pallet<T> {
	/// Does nothing when the capacity has already come back.
	fn run_ended(id: JobId) -> Weight {
		let Some(mut record) = Jobs::<T>::get(id) else {
			return Weight::zero();
		};
		let JobState::Matched {
			offer: offer_id,
			granted,
			..
		} = &mut record.state
		else {
			return Weight::zero();
		};
		let (offer_id, Some(part)) = (*offer_id, granted.take()) else {
			return Weight::zero();
		};
		Jobs::<T>::insert(id, &record);
		let Some(before) = Offers::<T>::get(offer_id) else {
			defensive!("a live deal's offer is gone");
			return Weight::zero();
		};
		let mut after = before.clone();
		Self::give_back(&mut after, &part);
		let indexing = Self::indexed(Self::save_offer(offer_id, Some(&before), &after));
		let scan = Self::match_offer(offer_id, T::MaxMatches::get());
		indexing.saturating_add(Self::searched_jobs(scan))
	}

	fn run_ended_weight() -> Weight {
		Self::weight_of_run_ended()
	}

	fn needs(id: JobId) -> Option<JobNeeds<T::AccountId>> {
		let record = Jobs::<T>::get(id)?;
		let JobState::Matched { offer, .. } = record.state else {
			return None;
		};
		// Neither list can change while the deal lives, and an offer stays for as long as it has one.
		let mediators = match (record.job.request.mediators, Offers::<T>::get(offer)?.mediators) {
			(MediatorPolicy::Only(mut both), MediatorPolicy::Only(offered)) => {
				both.retain(|who| offered.contains(who));
				MediatorPolicy::Only(both)
			},
			_ => MediatorPolicy::Any,
		};
		Some(JobNeeds {
			version: record.job.version,
			platform: record.class.platform,
			spec: record.job.request.spec,
			fetch_bytes: record.fetch_bytes,
			mediators,
		})
	}

	fn held_budgets() -> BTreeMap<T::AccountId, Balance> {
		let mut sums = BTreeMap::<_, Balance>::new();
		for (_, record) in Jobs::<T>::iter() {
			let sum = sums.entry(record.job.creator).or_default();
			*sum = sum.saturating_add(record.job.request.budget);
		}
		sums
	}

	fn held_deposits() -> BTreeMap<T::AccountId, Balance> {
		let offers = OfferDeposits::<T>::iter()
			.filter_map(|(id, deposit)| Offers::<T>::get(id).map(|offer| (offer.provider, deposit)));
		let mut sums = BTreeMap::<_, Balance>::new();
		for (who, deposit) in offers.chain(PeerDeposits::<T>::iter()) {
			let sum = sums.entry(who).or_default();
			*sum = sum.saturating_add(deposit);
		}
		sums
	}

	fn matched_jobs() -> Vec<MatchedJob<T::AccountId>> {
		let matched = |(job, record): (JobId, JobRecord<T::AccountId>)| match record.state {
			JobState::Matched { deal, offer, granted } => Some(MatchedJob {
				job,
				deal,
				offer,
				creator: record.job.creator,
				budget: record.job.request.budget,
				uses_capacity: granted.is_some(),
			}),
			JobState::Open { .. } => None,
		};
		Jobs::<T>::iter().filter_map(matched).collect()
	}

	fn unfetchable_before(id: JobId) -> bool {
		Jobs::<T>::get(id).is_some_and(|record| record.job.unfetchable_once)
	}

	fn will_requeue(id: JobId, outcome: &Outcome) -> bool {
		Jobs::<T>::get(id).is_some_and(|record| {
			matches!(record.state, JobState::Matched { .. })
				&& Self::requeue_until(&record, outcome).is_some()
		})
	}

	fn settled(id: JobId, deal: DealId, outcome: &Outcome, result: Option<Triple>, cost: Balance) -> Weight {
		let Some(record) = Jobs::<T>::get(id) else {
			defensive!("a deal without a job was settled");
			return Self::weight_of_settled();
		};
		let JobState::Matched {
			deal: live,
			offer: offer_id,
			granted,
		} = record.state.clone()
		else {
			defensive!("a deal was settled whose job is waiting");
			return Self::weight_of_settled();
		};
		if live != deal {
			defensive!("a deal was settled that is not its job's");
			return Self::weight_of_settled();
		}
		let again = Self::requeue_until(&record, outcome);
		let Some((offer, freed, closing)) = Self::close_deal(offer_id, granted) else {
			return Self::weight_of_settled();
		};
		let own = match (outcome.is_provider_fault(), again) {
			(true, _) => T::WeightInfo::settled(Self::pause_all(&offer.provider)),
			(false, Some(_)) => T::WeightInfo::settled(1),
			(false, None) => Weight::zero(),
		};
		let mut weight = own.saturating_add(closing);
		match again {
			Some(match_by) => {
				let scan = Self::requeue(id, record, &offer.provider, outcome, match_by);
				weight.saturating_accrue(Self::searched_offers(scan));
			},
			None => {
				Jobs::<T>::remove(id);
				Self::deposit_event(Event::JobEnded {
					job: id,
					deal,
					outcome: *outcome,
					result,
					cost,
				});
				let ending = JobEnding::Settled {
					deal,
					outcome: *outcome,
					result,
				};
				T::OnJobEnded::job_ended(id, &record.job.origin, &record.job.creator, &ending, cost);
				weight.saturating_accrue(Self::told_of(&record.job.origin));
			},
		}
		// After the job itself has been served: it has waited longest. A faulty provider's offers are paused by now.
		if freed && is_available(&offer) {
			let scan = Self::match_offer(offer_id, T::MaxMatches::get());
			weight.saturating_accrue(Self::searched_jobs(scan));
		}
		weight
	}

	fn settled_weight() -> Weight {
		Self::weight_of_settled()
	}

	fn settled_well_weight() -> Weight {
		Self::weight_of_settled_well()
	}
}
