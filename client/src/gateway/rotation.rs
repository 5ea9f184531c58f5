//! A lane's next bridge set: who it is, and what members of the set in office sign for it. The same signatures convince this chain
//! and the gateway.

use super::{
	eip712, show_address, sorted_keys, two_thirds, BridgeSet, Keys, LaneId, Member, PublicKey, Signature,
};
use crate::{ClientError, View};
use sp_core::{H160, H256};

/// Why a set can't be the next one, or was not signed for.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
	/// There is no such lane.
	#[error("there is no lane {0}; `lilypad gateway list` shows what there is")]
	UnknownLane(LaneId),
	/// Neither this chain nor the gateway would take the set.
	#[error(
		"{threshold} of these {members} keys can't be a quorum: a set has 1 to 32 different members, and two thirds of them or more \
		 are a quorum"
	)]
	BadSet {
		/// Keys that were named.
		members: usize,
		/// The quorum.
		threshold: u8,
	},
	/// A signature is of something else, or of nobody in office.
	#[error(
		"signature {0} is not by a member of the set in office, or not for this next set: have it made with the same members, threshold \
		 and lane, and after the last rotation"
	)]
	Stranger(usize),
	/// Two signatures of one member.
	#[error("{0} has signed twice: each member counts once")]
	Twice(String),
	/// Too few.
	#[error("{} of the set in office have signed, and {threshold} are needed; these have not: {}", .signed, .missing.join(", "))]
	NoQuorum {
		/// How many have.
		signed: usize,
		/// How many must.
		threshold: u8,
		/// Addresses of those who have not.
		missing: Vec<String>,
	},
	/// The connection, or the chain itself.
	#[error(transparent)]
	Client(#[from] ClientError),
}

/// A set that may follow the one in office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextSet {
	/// The lane.
	pub lane: LaneId,
	/// The set in office, which has to sign.
	pub office: BridgeSet,
	/// The next set.
	pub set: BridgeSet,
	/// Its keys, as the chain takes them.
	pub keys: Keys,
	/// The EIP-712 digest to sign.
	pub digest: H256,
}

impl View {
	/// The set of these keys as a lane's next; `None` for the least threshold that can be.
	pub async fn next_set(
		&self,
		lane: LaneId,
		members: Vec<PublicKey>,
		threshold: Option<u8>,
	) -> Result<NextSet, RotationError> {
		let settings = self.lane(lane).await?.ok_or(RotationError::UnknownLane(lane))?;
		let office = self
			.bridge_set(lane)
			.await?
			.ok_or(RotationError::UnknownLane(lane))?;
		let domain = eip712::domain(settings.chain, settings.gateway);
		NextSet::after(lane, domain, office, members, threshold)
	}
}

impl NextSet {
	fn after(
		lane: LaneId,
		domain: H256,
		office: BridgeSet,
		members: Vec<PublicKey>,
		threshold: Option<u8>,
	) -> Result<Self, RotationError> {
		let count = members.len();
		let threshold = threshold.unwrap_or_else(|| two_thirds(count));
		let bad = RotationError::BadSet {
			members: count,
			threshold,
		};
		let Some(keys) = sorted_keys(members) else {
			return Err(bad);
		};
		let members: Vec<_> = keys.iter().map(Member::new).collect();
		let (Some(number), Ok(members)) = (office.number.checked_add(1), members.try_into()) else {
			return Err(bad);
		};
		let set = BridgeSet {
			number,
			threshold,
			members,
		};
		if !set.is_sound() {
			return Err(bad);
		}
		let addresses = set.members.iter().map(|member| member.address);
		let message = eip712::rotate(lane, office.number, number, threshold, addresses);
		let digest = eip712::digest(domain, message);
		Ok(Self {
			lane,
			office,
			set,
			keys,
			digest,
		})
	}

	/// Checks that these are signatures of a quorum of the set in office, as the chain will.
	pub fn check(&self, signatures: &[Signature]) -> Result<(), RotationError> {
		let mut signed: Vec<H160> = Vec::new();
		for (at, signature) in signatures.iter().enumerate() {
			let signer = eip712::signer(signature, self.digest);
			let member = signer.filter(|signer| self.in_office().any(|member| member == *signer));
			let member = member.ok_or(RotationError::Stranger(at + 1))?;
			if signed.contains(&member) {
				return Err(RotationError::Twice(show_address(member)));
			}
			signed.push(member);
		}
		match self.office.is_quorum(signed.len()) {
			true => Ok(()),
			false => Err(RotationError::NoQuorum {
				signed: signed.len(),
				threshold: self.office.threshold,
				missing: self
					.in_office()
					.filter(|member| !signed.contains(member))
					.map(show_address)
					.collect(),
			}),
		}
	}

	fn in_office(&self) -> impl Iterator<Item = H160> + '_ {
		self.office.members.iter().map(|member| member.address)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use sp_core::{ecdsa, Pair};

	fn pair(seed: u8) -> ecdsa::Pair {
		ecdsa::Pair::from_seed(&[seed; 32])
	}

	fn public(seed: u8) -> PublicKey {
		let signature = pair(seed).sign_prehashed(&[7; 32]);
		sp_io::crypto::secp256k1_ecdsa_recover(&signature.0, &[7; 32])
			.ok()
			.expect("just signed")
	}

	fn sign(seed: u8, next: &NextSet) -> Signature {
		let mut signature = pair(seed).sign_prehashed(&next.digest.0).0;
		signature[64] += 27;
		signature
	}

	fn next(seeds: &[u8], threshold: Option<u8>) -> Result<NextSet, RotationError> {
		let members: Vec<_> = [1, 2, 3].map(|seed| Member::new(&public(seed))).to_vec();
		let office = BridgeSet {
			number: 4,
			threshold: 2,
			members: members.try_into().expect("three"),
		};
		let keys = seeds.iter().map(|seed| public(*seed)).collect();
		NextSet::after(1, H256([9; 32]), office, keys, threshold)
	}

	#[test]
	fn a_next_set_has_the_next_number_and_its_members_in_order() {
		let next = next(&[6, 4, 5], None).expect("it is sound");
		assert_eq!((next.set.number, next.set.threshold), (5, 2));
		assert!(next.set.members.is_sorted_by_key(|member| member.address));
	}

	#[test]
	fn what_the_chain_would_refuse_is_no_next_set() {
		for (seeds, threshold) in [
			(&[][..], None),
			(&[4, 4], None),
			(&[4, 5, 6], Some(1)),
			(&[4, 5, 6], Some(4)),
		] {
			let refused = next(seeds, threshold);
			assert!(
				matches!(refused, Err(RotationError::BadSet { .. })),
				"{refused:?}"
			);
		}
	}

	#[test]
	fn a_quorum_in_office_has_to_sign() {
		let one = next(&[4, 5, 6], None).expect("it is sound");
		assert!(one.check(&[sign(3, &one), sign(1, &one)]).is_ok());
		let refused = one.check(&[sign(3, &one)]);
		assert!(
			matches!(&refused, Err(RotationError::NoQuorum { signed: 1, missing, .. }) if missing.len() == 2),
			"{refused:?}"
		);
		let twice = one.check(&[sign(3, &one), sign(3, &one)]);
		assert!(matches!(twice, Err(RotationError::Twice(_))), "{twice:?}");
		let strange = one.check(&[sign(3, &one), sign(4, &one)]);
		assert!(matches!(strange, Err(RotationError::Stranger(2))), "{strange:?}");
		let other = next(&[4, 5, 7], None).expect("it is sound");
		let other = one.check(&[sign(3, &other)]);
		assert!(matches!(other, Err(RotationError::Stranger(1))), "{other:?}");
	}
}
