//! What the registry stores beyond the shared types.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use lilypad_primitives::{Balance, VersionId};
use scale_info::TypeInfo;

/// Longest reason for a deprecation, in bytes.
pub const MAX_REASON: u32 = 256;

/// Why a version is deprecated: text, for people to read.
pub type Reason = BoundedVec<u8, ConstU32<MAX_REASON>>;

/// The note on a version that still runs and should no longer be used.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Deprecation {
	/// What to use in its place.
	pub successor: Option<VersionId>,
	/// Why; may be empty.
	pub reason: Reason,
	/// What is held of its author for this note; nothing when it is the curators'.
	pub deposit: Balance,
}
