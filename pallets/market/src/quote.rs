//! Quotes: what a request would meet with, without posting it.

use crate::{
	pallet::{Config, OfferIndex, Offers, Pallet},
	types::{JobRecord, Quote, QuotedOffer},
};
use alloc::{collections::BTreeMap, vec::Vec};
use frame_support::traits::Get;
use lilypad_primitives::{
	traits::Scores, Balance, JobOrigin, JobRequest, Mismatch, ModuleInfo, OfferId, Terms,
};
use sp_runtime::{DispatchError, Permill};

/// Most offers that a quote looks at.
pub const QUOTE_SCAN: u32 = 512;
/// Most offers that a quote names.
pub const QUOTE_OFFERS: u32 = 5;

impl<T: Config> Pallet<T> {
	/// The cheapest fitting offers for a request, or why there is none.
	///
	/// A budget that affords not even the least rate is no error here: the answer says which budget would do.
	pub(crate) fn do_quote(
		creator: T::AccountId,
		request: JobRequest<T::AccountId>,
	) -> Result<Quote<T::AccountId>, DispatchError> {
		let checked = Self::check_request(&creator, &request)?;
		let module = checked.module.clone();
		let ceiling = checked.ceiling.unwrap_or_default();
		let record = checked.into_record(creator, request, JobOrigin::Native, ceiling);
		let found = Self::fitting(&record, &module);
		Ok(if found.offers.is_empty() {
			Self::why_none(record, &module)
		} else {
			found
		})
	}

	fn fitting(record: &JobRecord<T::AccountId>, module: &ModuleInfo<T::AccountId>) -> Quote<T::AccountId> {
		let pricing = T::Pricing::get();
		let mut quote = Quote {
			offers: Vec::new(),
			mismatches: Vec::new(),
			enough_budget: None,
			considered: 0,
			complete: true,
		};
		for (_, key) in OfferIndex::<T>::iter_key_prefix((record.class,)) {
			if quote.considered == QUOTE_SCAN || quote.offers.len() as u32 == QUOTE_OFFERS {
				quote.complete = false;
				break;
			}
			quote.considered += 1;
			let id = OfferId(u64::from_be_bytes(key));
			let Some(offer) = Offers::<T>::get(id) else {
				continue;
			};
			if let Ok(terms) = Self::fit(&offer, record, module, &pricing, None) {
				let score = T::Scores::score(&terms.provider);
				quote.offers.push(quoted(id, terms, score));
			}
		}
		quote
	}

	/// Looks at all offers, also those that stand in no index because they are paused, full, or of another platform.
	fn why_none(record: JobRecord<T::AccountId>, module: &ModuleInfo<T::AccountId>) -> Quote<T::AccountId> {
		let pricing = T::Pricing::get();
		let mut rich = record.clone();
		rich.job.request.budget = Balance::MAX;
		let mut counts = BTreeMap::<Mismatch, u32>::new();
		let mut enough_budget: Option<Balance> = None;
		let (mut considered, mut complete) = (0, true);
		for (_, offer) in Offers::<T>::iter() {
			if considered == QUOTE_SCAN {
				complete = false;
				break;
			}
			considered += 1;
			let Err(why) = Self::fit(&offer, &record, module, &pricing, None) else {
				continue;
			};
			*counts.entry(why).or_default() += 1;
			if let (Mismatch::Budget, Ok(terms)) = (why, Self::fit(&offer, &rich, module, &pricing, None)) {
				enough_budget = Some(enough_budget.map_or(terms.escrow, |least| least.min(terms.escrow)));
			}
		}
		Quote {
			offers: Vec::new(),
			mismatches: counts.into_iter().collect(),
			enough_budget,
			considered,
			complete,
		}
	}
}

fn quoted<AccountId>(offer: OfferId, terms: Terms<AccountId>, score: Permill) -> QuotedOffer<AccountId> {
	QuotedOffer {
		offer,
		provider: terms.provider,
		rate: terms.rate,
		escrow: terms.escrow,
		cap: terms.cap,
		levy: terms.levy,
		module_fee: terms.module_fee,
		score,
	}
}
