//! The end of a version's life: deprecated, delisted, and what backed it given back.

use crate::{
	pallet::{
		Config, DelistedAt, Deposits, Deprecations, Error, Event, HoldReason, Manifests, Pallet, Versions,
	},
	types::{Deprecation, Reason},
};
use codec::Encode;
use frame_support::{
	ensure,
	traits::{fungible::hold::Mutate as _, tokens::Precision::Exact, Get},
};
use lilypad_primitives::{Balance, BlockNumber, ModuleInfo, VersionId};
use sp_runtime::{traits::SaturatedConversion, DispatchResult};

impl<T: Config> Pallet<T> {
	fn now() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// A version that this account may change. `who` is `None` for the curators.
	fn own_version(
		who: Option<&T::AccountId>,
		version: VersionId,
	) -> Result<ModuleInfo<T::AccountId>, Error<T>> {
		let info = Versions::<T>::get(version).ok_or(Error::<T>::UnknownVersion)?;
		ensure!(who.is_none_or(|who| *who == info.author), Error::<T>::NotAuthor);
		Ok(info)
	}

	/// Gives back what is held for a version's note.
	fn release_note(author: &T::AccountId, note: &Deprecation) -> DispatchResult {
		T::Currency::release(&HoldReason::ModuleDeposit.into(), author, note.deposit, Exact).map(|_| ())
	}

	pub(crate) fn do_deprecate(
		who: Option<T::AccountId>,
		version: VersionId,
		successor: Option<VersionId>,
		reason: Reason,
	) -> DispatchResult {
		let info = Self::own_version(who.as_ref(), version)?;
		ensure!(!info.delisted, Error::<T>::AlreadyDelisted);
		if let Some(successor) = successor {
			let fit =
				successor != version && Versions::<T>::get(successor).is_some_and(|next| !next.delisted);
			ensure!(fit, Error::<T>::BadSuccessor);
		}
		let readable = core::str::from_utf8(&reason).is_ok_and(|text| !text.chars().any(char::is_control));
		ensure!(readable, Error::<T>::BadReason);

		if let Some(before) = Deprecations::<T>::get(version) {
			Self::release_note(&info.author, &before)?;
		}
		let mut note = Deprecation {
			successor,
			reason,
			deposit: 0,
		};
		if who.is_some() {
			note.deposit = T::DepositPerByte::get().saturating_mul(note.encoded_size() as Balance);
			T::Currency::hold(&HoldReason::ModuleDeposit.into(), &info.author, note.deposit)?;
		}
		Deprecations::<T>::insert(version, note);
		Self::deposit_event(Event::ModuleDeprecated { version, successor });
		Ok(())
	}

	pub(crate) fn do_restore(who: Option<T::AccountId>, version: VersionId) -> DispatchResult {
		let info = Self::own_version(who.as_ref(), version)?;
		let note = Deprecations::<T>::take(version).ok_or(Error::<T>::NotDeprecated)?;
		Self::release_note(&info.author, &note)?;
		Self::deposit_event(Event::ModuleRestored { version });
		Ok(())
	}

	pub(crate) fn do_delist(who: Option<T::AccountId>, version: VersionId) -> DispatchResult {
		let mut info = Self::own_version(who.as_ref(), version)?;
		ensure!(!info.delisted, Error::<T>::AlreadyDelisted);
		info.delisted = true;
		Versions::<T>::insert(version, info);
		DelistedAt::<T>::insert(version, Self::now());
		Self::deposit_event(Event::ModuleDelisted { version });
		Ok(())
	}

	pub(crate) fn do_reclaim(who: T::AccountId, version: VersionId) -> DispatchResult {
		let mut info = Self::own_version(Some(&who), version)?;
		ensure!(info.delisted, Error::<T>::NotDelisted);
		let delisted_at = DelistedAt::<T>::get(version).ok_or(Error::<T>::AlreadyReclaimed)?;
		let from = delisted_at.saturating_add(T::ReclaimDelay::get());
		let wait = from.saturating_sub(Self::now());
		ensure!(
			wait == 0,
			Error::<T>::TooEarly {
				wait: wait.saturated_into()
			}
		);

		// Record and name stay, so that the name can't be taken by somebody else, and so does what is held for them.
		let held = Deposits::<T>::get(version).unwrap_or_default();
		let stays = Self::deposit_for(&info, &Default::default()).min(held);
		let bond = core::mem::take(&mut info.bond);
		let mut deposit = held.saturating_sub(stays);
		T::Currency::release(&HoldReason::AuthorBond.into(), &who, bond, Exact)?;
		T::Currency::release(&HoldReason::ModuleDeposit.into(), &who, deposit, Exact)?;
		if let Some(note) = Deprecations::<T>::take(version) {
			Self::release_note(&who, &note)?;
			deposit = deposit.saturating_add(note.deposit);
		}
		Deposits::<T>::insert(version, stays);
		Versions::<T>::insert(version, info);
		Manifests::<T>::remove(version);
		DelistedAt::<T>::remove(version);
		Self::deposit_event(Event::ModuleReclaimed {
			version,
			bond,
			deposit,
		});
		Ok(())
	}
}
