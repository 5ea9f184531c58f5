//! Who speaks for a gateway here, and for this chain there.

use crate::{
	chains::Keys, eip712, BridgeSet, Config, Delivered, Error, Event, LaneId, Member, Pallet, Rotation,
	Rotations, Sets, Signature, Signed, MAX_MEMBERS,
};
use alloc::vec::Vec;
use frame_support::{ensure, traits::ConstU32, BoundedVec};
use sp_core::H256;
use sp_runtime::{AccountId32, DispatchResult};

/// Signatures of members of a set, in any order.
pub type Signatures = BoundedVec<Signature, ConstU32<MAX_MEMBERS>>;

/// Rotations of a lane that are kept, so that a gateway that was not told of them for long can catch up.
pub const KEPT_ROTATIONS: u64 = 32;

impl<T: Config> Pallet<T> {
	/// A lane's set.
	pub(crate) fn set_of(lane: LaneId) -> Result<BridgeSet, Error<T>> {
		Sets::<T>::get(lane).ok_or(Error::UnknownLane)
	}

	/// A lane's set, of which the account is a member, and the account's place in it.
	pub(crate) fn member_of(who: &AccountId32, lane: LaneId) -> Result<(BridgeSet, usize), Error<T>> {
		let set = Self::set_of(lane)?;
		let at = set.position(who).ok_or(Error::NotMember)?;
		Ok((set, at))
	}

	/// Changes a lane's set, with the signatures of the set in office.
	pub(crate) fn do_rotate(
		lane_id: LaneId,
		threshold: u8,
		keys: Keys,
		signatures: Signatures,
	) -> DispatchResult {
		let lane = Self::existing(lane_id)?;
		let old = Self::set_of(lane_id)?;
		let number = old.number.checked_add(1).ok_or(Error::<T>::OutOfNumbers)?;
		let members: Vec<_> = keys.iter().map(Member::new).collect();
		let new = BridgeSet {
			number,
			threshold,
			members: members.try_into().map_err(|_| Error::<T>::BadSet)?,
		};
		ensure!(new.is_sound(), Error::<T>::BadSet);

		let addresses = new.members.iter().map(|member| member.address);
		let message = eip712::rotate(lane_id, old.number, number, threshold, addresses.clone());
		let digest = eip712::digest(eip712::domain(lane.chain, lane.gateway), message);
		let signed = Self::check_quorum(&old, &signatures, digest)?;

		let members: Vec<_> = addresses.collect();
		let rotation = Rotation {
			threshold,
			members: members.try_into().map_err(|_| Error::<T>::BadSet)?,
			proof: old.proof(&signed).try_into().map_err(|_| Error::<T>::BadSet)?,
		};
		Rotations::<T>::insert(lane_id, number, rotation);
		if let Some(forgotten) = number.checked_sub(KEPT_ROTATIONS) {
			Rotations::<T>::remove(lane_id, forgotten);
		}
		Self::seat(lane_id, Some(old), new);
		Ok(())
	}

	/// Checks that different members, and enough of them, have signed. Returns their signatures in the order of the members.
	fn check_quorum(
		set: &BridgeSet,
		signatures: &[Signature],
		digest: H256,
	) -> Result<Vec<Signed>, Error<T>> {
		let mut signed = Vec::new();
		for signature in signatures {
			let signer = eip712::signer(signature, digest).ok_or(Error::BadSignature)?;
			let at = set
				.members
				.iter()
				.position(|member| member.address == signer)
				.ok_or(Error::BadSignature)?;
			let member = at as u8;
			ensure!(
				!signed.iter().any(|s: &Signed| s.member == member),
				Error::AlreadySigned
			);
			signed.push(Signed {
				member,
				signature: *signature,
			});
		}
		ensure!(set.is_quorum(signed.len()), Error::NoQuorum);
		signed.sort_by_key(|s| s.member);
		Ok(signed)
	}

	/// Puts a set into office. Its members' accounts exist from now on without a balance: all that they do here is free.
	pub(crate) fn seat(lane: LaneId, old: Option<BridgeSet>, new: BridgeSet) {
		for member in &new.members {
			frame_system::Pallet::<T>::inc_sufficients(&member.account);
		}
		for member in old.iter().flat_map(|set| &set.members) {
			frame_system::Pallet::<T>::dec_sufficients(&member.account);
			if new.position(&member.account).is_none() {
				Delivered::<T>::remove(lane, &member.account);
			}
		}
		Self::deposit_event(Event::SetSeated {
			lane,
			set: new.number,
			threshold: new.threshold,
			members: new.members.clone(),
		});
		Sets::<T>::insert(lane, new);
	}
}
