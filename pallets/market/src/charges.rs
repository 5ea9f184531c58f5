//! What calls are charged: for the longest search in advance, for the actual one afterwards.

use crate::{
	pallet::{Config, Pallet},
	types::Scan,
	weights::WeightInfo as _,
};
use frame_support::{traits::Get, weights::Weight};
use lilypad_primitives::{traits::OnJobEnded, JobOrigin};

/// What came of a search, without the search itself.
fn found<T: Config>(scan: Scan) -> Weight {
	let each = |one: Weight, count: u32| one.saturating_mul(count.into());
	each(T::WeightInfo::conclude_match(), scan.matches)
		.saturating_add(each(T::WeightInfo::leave_waiting(), scan.waited))
		.saturating_add(each(T::WeightInfo::index_offer(), scan.moves))
}

impl<T: Config> Pallet<T> {
	/// A search for an offer, as it was.
	pub(crate) fn searched_offers(scan: Scan) -> Weight {
		T::WeightInfo::scan_offers(scan.candidates).saturating_add(found::<T>(scan))
	}

	/// The longest search for an offer.
	pub(crate) fn longest_search_for_offers() -> Weight {
		Self::searched_offers(Scan {
			candidates: T::MaxScan::get(),
			matches: 1,
			waited: 0,
			moves: 1,
		})
	}

	/// A search for jobs, as it was.
	pub(crate) fn searched_jobs(scan: Scan) -> Weight {
		T::WeightInfo::scan_jobs(scan.candidates).saturating_add(found::<T>(scan))
	}

	/// The longest search for jobs that ends after `most` matches.
	pub(crate) fn longest_search_for_jobs(most: u32) -> Weight {
		let candidates = T::MaxScan::get();
		let matches = most.min(candidates);
		Self::searched_jobs(Scan {
			candidates,
			matches,
			waited: matches,
			moves: 1,
		})
	}

	/// What the end of a run weighs at most: deals add it to the call that submits a result.
	pub fn weight_of_run_ended() -> Weight {
		T::WeightInfo::index_offer().saturating_add(Self::longest_search_for_jobs(T::MaxMatches::get()))
	}

	/// What the end of a deal weighs at most: deals add it to every call that settles.
	pub fn weight_of_settled() -> Weight {
		T::WeightInfo::settled(T::MaxOffersPerProvider::get())
			.saturating_add(T::WeightInfo::index_offer())
			.saturating_add(T::WeightInfo::withdraw_offer())
			.saturating_add(Self::longest_search_for_offers())
			.saturating_add(Self::longest_search_for_jobs(T::MaxMatches::get()))
			.saturating_add(T::OnJobEnded::job_ended_weight())
	}

	/// What the end of a deal weighs at most that pays for a result: the capacity came back before, and the job is over.
	pub(crate) fn weight_of_settled_well() -> Weight {
		Self::closing(T::WeightInfo::withdraw_offer())
	}

	/// What closing a waiting job weighs at most: the call's own part, and what those do who are told.
	pub(crate) fn closing(own: Weight) -> Weight {
		own.saturating_add(T::OnJobEnded::job_ended_weight())
	}

	/// What those weigh who are told of a job's end: they have to do with jobs from elsewhere alone.
	pub(crate) fn told_of(origin: &JobOrigin<T::AccountId>) -> Weight {
		match origin {
			JobOrigin::Native => Weight::zero(),
			JobOrigin::Evm { .. } => T::OnJobEnded::job_ended_weight(),
		}
	}

	/// What cancelling a job weighs at most.
	pub(crate) fn weight_of_cancel() -> Weight {
		Self::closing(T::WeightInfo::cancel_open())
			.max(T::WeightInfo::cancel_matched().saturating_add(Self::weight_of_settled()))
	}
}
