//! What happens to deals at certain blocks: the keys of the indexes by which hooks find it.

use crate::{BlockNumber, DealId};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// A block and a deal, as a key whose bytes sort by block and then by deal.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub struct DueKey {
	/// The block, big-endian.
	block: [u8; 4],
	/// The deal's id, big-endian.
	deal: [u8; 8],
}

impl DueKey {
	/// The key of a deal at a block.
	pub fn new(block: BlockNumber, deal: DealId) -> Self {
		Self {
			block: block.to_be_bytes(),
			deal: deal.0.to_be_bytes(),
		}
	}

	/// The block.
	pub fn block(&self) -> BlockNumber {
		BlockNumber::from_be_bytes(self.block)
	}

	/// The deal.
	pub fn deal(&self) -> DealId {
		DealId(u64::from_be_bytes(self.deal))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn keys_sort_by_block_and_then_by_deal() {
		let key = |block, deal| DueKey::new(block, DealId(deal)).encode();
		let mut keys = [
			key(256, 1),
			key(255, 300),
			key(u32::MAX, 0),
			key(255, 2),
			key(0, u64::MAX),
		];
		keys.sort();
		assert_eq!(
			keys,
			[
				key(0, u64::MAX),
				key(255, 2),
				key(255, 300),
				key(256, 1),
				key(u32::MAX, 0)
			]
		);
	}

	#[test]
	fn a_key_gives_back_what_it_was_made_of() {
		let key = DueKey::new(0x0102_0304, DealId(0x0506));
		assert_eq!((key.block(), key.deal()), (0x0102_0304, DealId(0x0506)));
	}
}
