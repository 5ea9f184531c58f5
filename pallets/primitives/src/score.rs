//! Providers' scores: a moving average of how their deals ended, weighted by the deals' values.
//!
//! A deal of value `v` moves the average by the share `v / (v + horizon)`: many small deals weigh as much as one large
//! one, and what lies further back than the horizon in turnover fades. Before its first deal a provider's score is a half, with
//! the weight of a tenth of the horizon, so that one small deal well done makes nobody perfect.

use crate::Balance;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
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
