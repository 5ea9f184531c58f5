//! Identifiers. The chain makes all of them, in rising order; none is ever used twice.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Number of a block on the Lilypad chain.
pub type BlockNumber = u32;

/// Milliseconds: a span of time, or a moment since the Unix epoch, as the field says.
pub type Millis = u64;

macro_rules! id {
	($(#[$doc:meta])* $name:ident($inner:ty)) => {
		$(#[$doc])*
		#[derive(
			Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, DecodeWithMemTracking,
			MaxEncodedLen, TypeInfo, Serialize, Deserialize,
		)]
		#[serde(transparent)]
		pub struct $name(pub $inner);

		impl core::fmt::Display for $name {
			fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
				core::fmt::Display::fmt(&self.0, f)
			}
		}

		impl core::str::FromStr for $name {
			type Err = core::num::ParseIntError;
			fn from_str(s: &str) -> Result<Self, Self::Err> {
				s.parse().map($name)
			}
		}

		impl $name {
			/// The identifier after this one, or `None` once the type is exhausted.
			pub fn next(self) -> Option<Self> {
				self.0.checked_add(1).map($name)
			}
		}
	};
}

id!(
	/// A job. It keeps its id while it waits, is matched, fails and is queued again.
	JobId(u64)
);
id!(
	/// A provider's standing offer of a machine.
	OfferId(u64)
);
id!(
	/// One match of a job with an offer. A job that is queued again gets a new deal with a new id.
	DealId(u64)
);
id!(
	/// A registered module version (`name:tag`).
	VersionId(u32)
);
