//! Limits on value per time: leaky buckets, as the gateway's contract has them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use lilypad_primitives::{Balance, BlockNumber};
use scale_info::TypeInfo;
use sp_core::U256;

/// What passed fills a bucket of a given size, which leaks evenly and is empty again after one period. So at most its size passes
/// at once, and at most twice its size in any one period.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Bucket {
	/// How full it was.
	pub level: Balance,
	/// In which block.
	pub at: BlockNumber,
}

impl Bucket {
	/// How full it is now. What leaks is rounded down, so that the limit is never exceeded.
	pub fn level(&self, size: Balance, period: BlockNumber, now: BlockNumber) -> Balance {
		let elapsed = now.saturating_sub(self.at);
		if elapsed >= period {
			return 0;
		}
		// elapsed < period, so the quotient is below `size`; the product may need more than 128 bits.
		let gone = U256::from(size) * U256::from(elapsed) / U256::from(period);
		self.level.saturating_sub(gone.low_u128())
	}

	/// How much more fits now.
	pub fn room(&self, size: Balance, period: BlockNumber, now: BlockNumber) -> Balance {
		size.saturating_sub(self.level(size, period, now))
	}

	/// Adds what has just passed.
	pub fn fill(&mut self, amount: Balance, size: Balance, period: BlockNumber, now: BlockNumber) {
		self.level = self.level(size, period, now).saturating_add(amount);
		self.at = now;
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn a_bucket_leaks_evenly() {
		let mut bucket = Bucket::default();
		bucket.fill(80, 100, 10, 5);
		assert_eq!(bucket.room(100, 10, 5), 20);
		assert_eq!(bucket.room(100, 10, 6), 30);
		assert_eq!(bucket.room(100, 10, 13), 100);
		assert_eq!(bucket.room(100, 10, 1_000), 100);
		// A smaller bucket is full until it has leaked far enough.
		assert_eq!(bucket.room(50, 10, 5), 0);
	}

	#[test]
	fn a_bucket_works_with_the_largest_amounts() {
		let mut bucket = Bucket::default();
		bucket.fill(Balance::MAX, Balance::MAX, BlockNumber::MAX, 0);
		assert_eq!(bucket.room(Balance::MAX, BlockNumber::MAX, 0), 0);
		assert!(bucket.room(Balance::MAX, BlockNumber::MAX, BlockNumber::MAX - 1) < Balance::MAX);
		bucket.fill(1, Balance::MAX, BlockNumber::MAX, 0);
		assert_eq!(bucket.level, Balance::MAX);
	}

	proptest! {
		#[test]
		fn no_more_than_twice_the_size_passes_in_a_period(
			size in 0u128..1_000,
			period in 1u32..50,
			steps in prop::collection::vec((0u32..10, 0u128..500), 1..60),
		) {
			let (mut bucket, mut now, mut passed) = (Bucket::default(), 0, Vec::new());
			for (wait, amount) in steps {
				now += wait;
				if amount <= bucket.room(size, period, now) {
					bucket.fill(amount, size, period, now);
					passed.push((now, amount));
				}
				let sum: u128 = passed.iter().filter(|(at, _)| at + period > now).map(|p| p.1).sum();
				prop_assert!(sum <= 2 * size);
			}
		}
	}
}
