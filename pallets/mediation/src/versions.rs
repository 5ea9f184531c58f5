//! Values that change at the beginning of an era only, kept for as long as a draw may need the old one.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use lilypad_primitives::BlockNumber;
use scale_info::TypeInfo;

/// Number of an era: some blocks in which nobody's tickets change.
pub type Era = u32;

/// How blocks are counted in eras of one length. Governance may change the length: a new era begins at once.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Eras {
	/// The block with which the first era of this length begins.
	pub since: BlockNumber,
	/// Number of that era.
	pub first: Era,
	/// Blocks of each.
	pub blocks: BlockNumber,
}

impl Eras {
	/// The era of a block: of the present length, or the one before the first of them, for nobody asks about older ones.
	pub fn era_of(&self, block: BlockNumber) -> Era {
		match block.checked_sub(self.since) {
			Some(blocks) => self.first.saturating_add(blocks / self.blocks.max(1)),
			None => self.first.saturating_sub(1),
		}
	}

	/// The first block of an era of the present length.
	pub fn start_of(&self, era: Era) -> BlockNumber {
		let eras = era.saturating_sub(self.first);
		self.since.saturating_add(eras.saturating_mul(self.blocks))
	}

	/// Eras of another length, from the block after `now` on.
	pub fn change(&self, now: BlockNumber, blocks: BlockNumber) -> Self {
		Self {
			since: now.saturating_add(1),
			first: self.era_of(now).saturating_add(1),
			blocks,
		}
	}
}

/// A value as it was in the era before, is in this one, and will be in the next.
///
/// A draw belongs to one era and is made in that era or the next, so older values are never asked for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Versioned<V> {
	/// Values with the first era in which each holds, in rising order.
	versions: BoundedVec<(Era, V), ConstU32<3>>,
}

impl<V> Default for Versioned<V> {
	fn default() -> Self {
		Self {
			versions: BoundedVec::new(),
		}
	}
}

impl<V> Versioned<V> {
	/// The value that holds in an era. `None` before the first one, and for eras too old to be kept.
	pub fn as_of(&self, era: Era) -> Option<&V> {
		self.versions
			.iter()
			.rev()
			.find(|(since, _)| *since <= era)
			.map(|(_, value)| value)
	}

	/// The value that holds from the next era on, as far as has been decided.
	pub fn latest(&self) -> Option<&V> {
		self.versions.last().map(|(_, value)| value)
	}

	/// The era from which the latest value holds.
	pub fn latest_since(&self) -> Option<Era> {
		self.versions.last().map(|(since, _)| *since)
	}

	/// All values, with the era from which each holds.
	pub fn iter(&self) -> impl Iterator<Item = &(Era, V)> {
		self.versions.iter()
	}

	/// Decides in era `now` what holds from the next era on.
	pub fn set_next(&mut self, now: Era, value: V) {
		let next = now.saturating_add(1);
		while self.versions.get(1).is_some_and(|(since, _)| *since < now) {
			self.versions.remove(0);
		}
		match self.versions.last_mut() {
			Some(last) if last.0 >= next => *last = (next, value),
			_ => {
				// The values of the eras before this one have just shrunk to one, so there are at most two.
				if self.versions.try_push((next, value)).is_err() {
					frame_support::defensive!("more than three versions of a value are needed");
				}
			},
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;
	use std::collections::BTreeMap;

	#[test]
	fn a_change_of_length_begins_a_new_era_at_once() {
		let old = Eras {
			since: 0,
			first: 0,
			blocks: 100,
		};
		assert_eq!((old.era_of(99), old.era_of(100), old.start_of(3)), (0, 1, 300));
		let new = old.change(250, 10);
		assert_eq!(
			[249, 250, 251, 260, 261].map(|block| new.era_of(block)),
			[2, 2, 3, 3, 4]
		);
		assert_eq!((new.start_of(3), new.start_of(4)), (251, 261));
		// Before it holds, it can be changed again.
		assert_eq!(new.change(250, 50), old.change(250, 50));
	}

	#[test]
	fn a_change_holds_from_the_next_era_on() {
		let mut v = Versioned::default();
		assert_eq!(v.as_of(9), None);
		v.set_next(4, 'a');
		assert_eq!(
			(v.as_of(4), v.as_of(5), v.latest()),
			(None, Some(&'a'), Some(&'a'))
		);
		v.set_next(5, 'b');
		v.set_next(5, 'c');
		assert_eq!((v.as_of(5), v.as_of(6)), (Some(&'a'), Some(&'c')));
		assert_eq!(v.latest_since(), Some(6));
	}

	#[test]
	fn the_era_before_is_kept_and_those_before_that_are_not() {
		let mut v = Versioned::default();
		for era in 0..5 {
			v.set_next(era, era + 1);
		}
		assert_eq!(v.iter().count(), 3);
		assert_eq!(v.as_of(2), None);
		assert_eq!(
			[3, 4, 5].map(|era| v.as_of(era).copied()),
			[Some(3), Some(4), Some(5)]
		);
	}

	proptest! {
		/// Against a full history: the last era, this one and the next are always known.
		#[test]
		fn agrees_with_a_full_history(steps in prop::collection::vec((0u32..3, any::<u8>()), 1..40)) {
			let mut v = Versioned::default();
			let mut history = BTreeMap::new();
			let mut now = 1;
			for (pass, value) in steps {
				now += pass;
				v.set_next(now, value);
				history.insert(now + 1, value);
				for era in [now - 1, now, now + 1, now + 7] {
					let expected = history.range(..=era).next_back().map(|(_, value)| value);
					prop_assert_eq!(v.as_of(era), expected);
				}
			}
		}
	}
}
