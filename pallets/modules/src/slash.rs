//! Taking from an author's bond what a false promise costs.

use crate::pallet::{Config, Event, HoldReason, Pallet, Versions};
use frame_support::{
	storage::with_storage_layer,
	traits::{
		fungible::hold::Mutate as _,
		tokens::{Fortitude::Force, Precision::Exact, Restriction::Free},
	},
};
use lilypad_primitives::{Balance, VersionId};

impl<T: Config> Pallet<T> {
	/// Moves up to `amount` of the bond behind a version to an account, or does nothing if the account can't take it.
	/// Returns how much arrived.
	pub(crate) fn do_slash(version: VersionId, to: &T::AccountId, amount: Balance) -> Balance {
		let Some(mut info) = Versions::<T>::get(version) else {
			return 0;
		};
		let due = amount.min(info.bond);
		if due == 0 {
			return 0;
		}
		let reason = HoldReason::AuthorBond.into();
		let moved = with_storage_layer(|| {
			if info.author == *to {
				T::Currency::release(&reason, to, due, Exact)
			} else {
				T::Currency::transfer_on_hold(&reason, &info.author, to, due, Exact, Free, Force)
			}
		})
		.unwrap_or_default();
		info.bond = info.bond.saturating_sub(moved);
		Versions::<T>::insert(version, info);
		if moved > 0 {
			Self::deposit_event(Event::AuthorSlashed {
				version,
				to: to.clone(),
				amount: moved,
			});
		}
		moved
	}
}
