//! What is bonded, and on its way back.

use crate::{Balance, BlockNumber};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// A part of a bond that is to be given back.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Unbonding {
	/// How much.
	pub amount: Balance,
	/// The first block in which it can be withdrawn.
	pub releasable_at: BlockNumber,
}
