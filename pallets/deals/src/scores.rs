//! Providers' scores: a moving average of how their deals ended, weighted by the deals' values.
//!
//! A deal of value `v` moves the average by the share `v / (v + horizon)`: many small deals weigh as much as one large
//! one, and what lies further back than the horizon in turnover fades. Before its first deal a provider's score is a half, with
//! the weight of a tenth of the horizon, so that one small deal well done makes nobody perfect.
//!
//! They live here, because deals know every ending, with a panel or without, and no score may outlive the bond that made
//! it worth earning.

use crate::{Config, Pallet, Records};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::traits::Get;
use lilypad_primitives::{traits::Scores, Balance, Outcome, Terms};
use scale_info::TypeInfo;
use sp_runtime::{helpers_128bit::multiply_by_rational_with_rounding, Permill, Rounding};

/// What became of a provider's deals.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct TrackRecord {
	/// Results that were accepted, or not doubted.
	pub accepted: u32,
	/// Results that a panel confirmed.
	pub upheld: u32,
	/// Results that a panel overturned, or found overcharged.
	pub overturned: u32,
	/// Deals that it did not acknowledge, declined, or did not finish.
	pub no_shows: u32,
	/// The faded value of the deals that ended well.
	pub good: Balance,
	/// The faded value of all.
	pub all: Balance,
}

/// `floor(amount · part / whole)`, or the amount.
fn portion(amount: Balance, part: Balance, whole: Balance) -> Balance {
	multiply_by_rational_with_rounding(amount, part, whole, Rounding::Down).unwrap_or(amount)
}

impl TrackRecord {
	/// Adds the ending of a deal. Values above the horizon count as the horizon.
	pub fn add(&mut self, value: Balance, is_good: bool, horizon: Balance) {
		let value = value.min(horizon);
		let whole = horizon.saturating_add(value);
		let good = if is_good { value } else { 0 };
		self.good = portion(self.good, horizon, whole).saturating_add(good);
		self.all = portion(self.all, horizon, whole)
			.saturating_add(value)
			.max(self.good);
	}

	/// The score, rounded down.
	pub fn score(&self, horizon: Balance) -> Permill {
		let weight = (horizon / 10).max(2);
		let good = self.good.saturating_add(weight / 2);
		let all = self.all.saturating_add(weight);
		let parts = portion(1_000_000, good, all);
		Permill::from_parts(parts.try_into().unwrap_or(u32::MAX))
	}

	/// Whether no more ended well than ended.
	pub fn is_sound(&self) -> bool {
		self.good <= self.all
	}
}

impl<T: Config> Pallet<T> {
	/// Notes how a deal ended, if that was its provider's doing.
	pub(crate) fn keep_score(terms: &Terms<T::AccountId>, outcome: &Outcome) {
		let count: fn(&mut TrackRecord) -> &mut u32 = match outcome {
			Outcome::Accepted { .. } | Outcome::UnresolvedAudit { .. } => |record| &mut record.accepted,
			Outcome::Upheld { .. } => |record| &mut record.upheld,
			Outcome::Overturned { .. } | Outcome::Overcharged { .. } => |record| &mut record.overturned,
			Outcome::NoShow | Outcome::Declined | Outcome::TimedOut => |record| &mut record.no_shows,
			Outcome::Unfetchable { .. }
			| Outcome::CancelledBeforeAck
			| Outcome::CancelledRunning { .. }
			| Outcome::NonDeterministic { .. }
			| Outcome::UnresolvedChallenge => return,
		};
		// What was earned counts for a provider, and what was promised against it.
		let (value, is_good) = match *outcome {
			Outcome::Accepted { usage, .. }
			| Outcome::UnresolvedAudit { usage, .. }
			| Outcome::Upheld { usage, .. } => (terms.cost(usage), true),
			_ => (terms.cap, false),
		};
		// Whoever has lost the whole bond is forgotten with it.
		if !crate::Bonds::<T>::contains_key(&terms.provider) {
			return;
		}
		Records::<T>::mutate(&terms.provider, |record| {
			let record = record.get_or_insert_with(TrackRecord::default);
			let count = count(record);
			*count = count.saturating_add(1);
			record.add(value, is_good, T::ScoreHorizon::get());
		});
	}
}

impl<T: Config> Scores<T::AccountId> for Pallet<T> {
	fn score(provider: &T::AccountId) -> Permill {
		Records::<T>::get(provider)
			.unwrap_or_default()
			.score(T::ScoreHorizon::get())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	const HORIZON: Balance = 1_000;

	fn after(deals: &[(Balance, bool)]) -> u32 {
		let mut record = TrackRecord::default();
		for (value, good) in deals {
			record.add(*value, *good, HORIZON);
		}
		assert!(record.is_sound());
		record.score(HORIZON).deconstruct()
	}

	#[test]
	fn a_newcomer_has_half() {
		assert_eq!(after(&[]), 500_000);
	}

	#[test]
	fn good_deals_raise_it_and_bad_ones_lower_it() {
		assert!(after(&[(100, true)]) > after(&[(10, true)]));
		assert!(after(&[(10, true)]) > 500_000);
		assert!(after(&[(10, false)]) < 500_000);
	}

	#[test]
	fn values_weigh() {
		let one_large = after(&[(500, true), (5, false), (5, false), (5, false)]);
		assert!(one_large > 880_000, "{one_large}");
		let many_small = after(&[(500, false), (5, true), (5, true), (5, true)]);
		assert!(many_small < 120_000, "{many_small}");
	}

	#[test]
	fn the_past_fades() {
		let mut deals = vec![(1_000, false)];
		deals.extend([(100, true); 10]);
		let soon = after(&deals);
		deals.extend([(100, true); 50]);
		let later = after(&deals);
		assert!(soon < 700_000 && later > 930_000, "{soon} {later}");
	}

	#[test]
	fn a_fortune_counts_as_the_horizon() {
		assert_eq!(after(&[(Balance::MAX, true)]), after(&[(HORIZON, true)]));
	}

	proptest! {
		#[test]
		fn a_score_is_sound_and_bounded(
			horizon in 1u128..u128::MAX / 4, deals in prop::collection::vec((any::<u128>(), any::<bool>()), 0..50),
		) {
			let mut record = TrackRecord::default();
			for (value, good) in deals {
				record.add(value, good, horizon);
				prop_assert!(record.is_sound());
				prop_assert!(record.all <= 2 * horizon + 1);
				prop_assert!(record.score(horizon) <= Permill::one());
			}
		}
	}
}
