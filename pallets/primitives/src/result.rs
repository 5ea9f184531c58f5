//! Results: what they are made of, and how they are sealed.

use crate::{DealId, Millis};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// How a run ended. Everything but `Completed` is the job's own fault.
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
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Status {
	/// The program ran to its end, with whatever exit code.
	Completed,
	/// The program could not be run: no such entry point, inputs that the manifest refuses, a trap.
	JobError,
	/// It wrote more output than it may.
	OutputExceeded,
	/// It used more memory than it may.
	MemoryExceeded,
	/// It used more disk than it may.
	DiskExceeded,
	/// It ran longer than it may.
	TimeExceeded,
}

impl Status {
	/// Whether this depends on how fast or how large the machine is, and so is never evidence of non-determinism.
	pub fn is_resource(self) -> bool {
		matches!(
			self,
			Status::MemoryExceeded | Status::DiskExceeded | Status::TimeExceeded
		)
	}
}

impl core::fmt::Display for Status {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(match self {
			Status::Completed => "completed",
			Status::JobError => "job error",
			Status::OutputExceeded => "output limit exceeded",
			Status::MemoryExceeded => "memory limit exceeded",
			Status::DiskExceeded => "disk limit exceeded",
			Status::TimeExceeded => "time limit exceeded",
		})
	}
}

/// BLAKE3 root of the output collection: the verified parts' names and bytes in byte order of their names, without
/// times or owners. Identifies, verifies and fetches a result.
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct OutputRoot(pub [u8; 32]);

/// Commitment of a provider to its result: see [`Opening::seal`].
#[derive(
	Clone,
	Copy,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Seal(pub [u8; 32]);

macro_rules! show_hex {
	($($name:ident),*) => {$(
		impl core::fmt::Display for $name {
			fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
				self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
			}
		}
		impl core::fmt::Debug for $name {
			fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
				core::fmt::Display::fmt(self, f)
			}
		}
	)*};
}
show_hex!(OutputRoot, Seal);

/// What a run gave, as far as two honest runs of a deterministic module agree on it.
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
	Serialize,
	Deserialize,
)]
pub struct Triple {
	/// How it ended.
	pub status: Status,
	/// The program's exit code; 0 unless `Completed`.
	pub exit_code: i32,
	/// The outputs.
	pub root: OutputRoot,
}

/// What a seal hides: the result, the time it took, and the salt that keeps others from guessing it.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Opening {
	/// The result.
	pub triple: Triple,
	/// Run time to be paid for, in milliseconds.
	pub usage: Millis,
	/// Random bytes, used once.
	pub salt: [u8; 32],
}

impl Opening {
	/// The seal of this opening for one deal. BLAKE2b-256 over the SCALE encoding of a domain, the deal and the opening,
	/// so that a seal copied from another deal opens nothing.
	pub fn seal(&self, deal: DealId) -> Seal {
		Seal(sp_crypto_hashing::blake2_256(
			&(b"lilypad/seal/1", deal, self).encode(),
		))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_seal_binds_every_part() {
		let opening = Opening {
			triple: Triple {
				status: Status::Completed,
				exit_code: 0,
				root: OutputRoot([1; 32]),
			},
			usage: 5,
			salt: [2; 32],
		};
		let seal = opening.seal(DealId(1));
		assert_eq!(seal, opening.seal(DealId(1)));
		assert_ne!(seal, opening.seal(DealId(2)));
		assert_ne!(seal, Opening { usage: 6, ..opening }.seal(DealId(1)));
		assert_ne!(
			seal,
			Opening {
				salt: [3; 32],
				..opening
			}
			.seal(DealId(1))
		);
		let other = Triple {
			exit_code: 1,
			..opening.triple
		};
		assert_ne!(
			seal,
			Opening {
				triple: other,
				..opening
			}
			.seal(DealId(1))
		);
	}
}
