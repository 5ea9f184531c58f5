//! What the tests of proposals have in common: a market in which the chain's search misses the offer that fits.

use crate::{mock::*, OfferParams};
use frame_support::{assert_ok, dispatch::PostDispatchInfo};
use lilypad_primitives::{CreatorPolicy, JobId, JobRequest, OfferId, Terms};
use sp_runtime::DispatchResultWithInfo;

/// Party to nothing, and without money.
pub(super) const SOLVER: AccountId = 50;
pub(super) const TIP: u128 = 7;

/// An ordinary offer at this rate.
pub(super) fn at(rate: u128) -> OfferParams<AccountId> {
	OfferParams { rate, ..offer() }
}

/// Offers that are cheap and fit nobody, as many as a search looks at; then this one of [`THIRD`], which fits.
pub(super) fn hide(fit: OfferParams<AccountId>) -> OfferId {
	for n in 0..MAX_SCAN {
		let creators = CreatorPolicy::Only(vec![POOR].try_into().unwrap());
		OfferParams {
			creators,
			..at(RATE / 2)
		}
		.by(if n % 2 == 0 { PROVIDER } else { OTHER });
	}
	fit.by(THIRD)
}

fn tipping() -> JobRequest<AccountId> {
	JobRequest {
		tip: TIP,
		..request()
	}
}

/// A waiting job, and the offer that fits it and was missed.
pub(super) fn hidden() -> (JobId, OfferId) {
	let fit = hide(at(RATE));
	(post(tipping()), fit)
}

/// Ends a job, whatever has become of it, and posts it again: now it misses all offers that there are.
pub(super) fn again(job: JobId) -> JobId {
	match matched(job) {
		Some((deal, _)) => {
			let outcome = lilypad_primitives::Outcome::Accepted {
				usage: 0,
				completed: false,
			};
			Desk::settle(deal, outcome);
		},
		None => {
			assert_ok!(Market::cancel_job(signed(CREATOR), job));
		},
	}
	let job = post(tipping());
	assert!(match_by(job).is_some(), "the search must miss it");
	job
}

pub(super) fn try_propose(
	who: AccountId,
	job: JobId,
	offer: OfferId,
) -> DispatchResultWithInfo<PostDispatchInfo> {
	Market::propose_match(signed(who), job, offer)
}

#[track_caller]
pub(super) fn propose(who: AccountId, job: JobId, offer: OfferId) {
	assert_ok!(try_propose(who, job, offer));
}

/// The terms of a job's deal.
pub(super) fn terms(job: JobId) -> Terms<AccountId> {
	LiveDeals::<Test>::get(deal_of(job)).unwrap().terms
}
