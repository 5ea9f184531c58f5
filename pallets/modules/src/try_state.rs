//! The registry's invariants.

use crate::pallet::{
	Config, DelistedAt, Deposits, Deprecations, HoldReason, Manifests, NextVersionId, Pallet, VersionIds,
	Versions,
};
use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::fungible::hold::Inspect as _};
use lilypad_primitives::{Balance, VersionId};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks the invariants in the crate's documentation. Reads the whole registry: for tests and for try-runtime.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		let next = NextVersionId::<T>::get();
		let mut manifests = 0;
		let mut held = BTreeMap::<T::AccountId, (Balance, Balance)>::new();
		for (id, info) in Versions::<T>::iter() {
			ensure!(id < next, "a version's id is not below the next one");
			ensure!(
				VersionIds::<T>::get(&info.name) == Some(id),
				"a version's name does not lead to it"
			);
			let delisted_at = DelistedAt::<T>::get(id);
			ensure!(
				info.delisted || delisted_at.is_none(),
				"a version that is not delisted has a block in which it was"
			);
			let reclaimed = info.delisted && delisted_at.is_none();
			if reclaimed {
				ensure!(
					info.bond == 0 && !Manifests::<T>::contains_key(id),
					"a reclaimed version has kept bond or manifest"
				);
			} else {
				manifests += 1;
				let manifest = Manifests::<T>::get(id).ok_or("a version has no manifest")?;
				ensure!(
					sp_io::hashing::blake2_256(&manifest) == info.manifest_hash,
					"a manifest's hash is not the recorded one"
				);
			}
			let mut deposit = Deposits::<T>::get(id).ok_or("a version has no deposit")?;
			if let Some(note) = Deprecations::<T>::get(id) {
				ensure!(!reclaimed, "a reclaimed version has kept its note");
				ensure!(
					note.successor
						.is_none_or(|next| next != id && Versions::<T>::contains_key(next)),
					"a note names no other version"
				);
				deposit = deposit.checked_add(note.deposit).ok_or("the deposits overflow")?;
			}
			let sums = held.entry(info.author).or_default();
			sums.0 = sums.0.checked_add(deposit).ok_or("the deposits overflow")?;
			sums.1 = sums.1.checked_add(info.bond).ok_or("the bonds overflow")?;
		}
		// The accounts that exist, and those that a record says must.
		for who in frame_system::Account::<T>::iter_keys() {
			held.entry(who).or_default();
		}
		for (author, (deposits, bonds)) in held {
			let on_hold = |reason: HoldReason| T::Currency::balance_on_hold(&reason.into(), &author);
			ensure!(
				on_hold(HoldReason::ModuleDeposit) == deposits,
				"an author's deposits are not what is on hold"
			);
			ensure!(
				on_hold(HoldReason::AuthorBond) == bonds,
				"an author's bonds are not what is on hold"
			);
		}
		let count = Versions::<T>::iter_keys().count();
		ensure!(
			VersionIds::<T>::iter_keys().count() == count,
			"a name leads to no version"
		);
		ensure!(
			Manifests::<T>::iter_keys().count() == manifests,
			"a manifest has no version"
		);
		ensure!(
			Deposits::<T>::iter_keys().count() == count,
			"a deposit has no version"
		);
		let known = |id: VersionId| Versions::<T>::contains_key(id);
		ensure!(Deprecations::<T>::iter_keys().all(known), "a note has no version");
		ensure!(
			DelistedAt::<T>::iter_keys().all(known),
			"a block of delisting has no version"
		);
		Ok(())
	}
}
