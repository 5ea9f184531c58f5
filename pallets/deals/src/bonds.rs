//! Bonds: putting them up, committing them to deals, and getting them back.

use crate::{BondOf, Bonds, Config, Error, Event, HoldReason, Pallet};
use frame_support::{ensure, traits::Get};
use lilypad_primitives::{Balance, Unbonding};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
	pub(crate) fn do_bond(who: &T::AccountId, amount: Balance) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::ZeroAmount);
		let mut bond = Bonds::<T>::get(who).unwrap_or_default();
		bond.total = bond.total.checked_add(amount).ok_or(Error::<T>::Overflow)?;
		ensure!(bond.bonded() >= T::MinBond::get(), Error::<T>::BondTooSmall);
		Self::hold(HoldReason::ProviderBond, who, amount)?;
		let total = bond.total;
		Bonds::<T>::insert(who, bond);
		Self::deposit_event(Event::Bonded {
			provider: who.clone(),
			amount,
			total,
		});
		Ok(())
	}

	pub(crate) fn do_unbond(who: &T::AccountId, amount: Balance) -> DispatchResult {
		ensure!(amount > 0, Error::<T>::ZeroAmount);
		let mut bond = Bonds::<T>::get(who).ok_or(Error::<T>::NoBond)?;
		ensure!(amount <= bond.free(), Error::<T>::BondInUse);
		let stays = bond.bonded().saturating_sub(amount);
		ensure!(
			stays == bond.committed || stays >= T::MinBond::get(),
			Error::<T>::BondTooSmall
		);
		let releasable_at = Self::now().saturating_add(T::UnbondingBlocks::get());
		match bond.unbonding.last_mut() {
			Some(last) if last.releasable_at == releasable_at => {
				last.amount = last.amount.checked_add(amount).ok_or(Error::<T>::Overflow)?
			},
			_ => bond
				.unbonding
				.try_push(Unbonding {
					amount,
					releasable_at,
				})
				.map_err(|_| Error::<T>::TooManyUnbonding)?,
		}
		Bonds::<T>::insert(who, bond);
		Self::deposit_event(Event::Unbonding {
			provider: who.clone(),
			amount,
			releasable_at,
		});
		Ok(())
	}

	pub(crate) fn do_withdraw_unbonded(who: &T::AccountId) -> DispatchResult {
		let mut bond = Bonds::<T>::get(who).ok_or(Error::<T>::NoBond)?;
		let now = Self::now();
		let before = bond.unbonding_total();
		bond.unbonding.retain(|part| part.releasable_at > now);
		let amount = before.saturating_sub(bond.unbonding_total());
		ensure!(amount > 0, Error::<T>::NothingToWithdraw);
		bond.total = bond.total.saturating_sub(amount);
		Self::store_bond(who, bond);
		Self::give_back(HoldReason::ProviderBond, who, amount);
		Self::deposit_event(Event::Withdrawn {
			provider: who.clone(),
			amount,
		});
		Ok(())
	}

	/// Commits collateral to a deal.
	pub(crate) fn commit(provider: &T::AccountId, collateral: Balance) -> DispatchResult {
		Bonds::<T>::try_mutate(provider, |bond| {
			let bond = bond.as_mut().ok_or(Error::<T>::CollateralUnavailable)?;
			ensure!(collateral <= bond.free(), Error::<T>::CollateralUnavailable);
			bond.committed = bond
				.committed
				.checked_add(collateral)
				.ok_or(Error::<T>::Overflow)?;
			Ok(())
		})
	}

	/// Ends a commitment of which `taken` has left the hold.
	pub(crate) fn uncommit(provider: &T::AccountId, collateral: Balance, taken: Balance) {
		let Some(mut bond) = Bonds::<T>::get(provider) else {
			// A deal keeps its provider's bond alive.
			log::error!(target: crate::LOG, "a deal was settled whose provider has no bond");
			return;
		};
		bond.committed = bond.committed.saturating_sub(collateral);
		bond.total = bond.total.saturating_sub(taken);
		Self::store_bond(provider, bond);
	}

	/// Stores a bond, or removes it when nothing is left of it.
	///
	/// The provider's record goes with it: a bond can be had anew at any time, and another account too, so a score without one
	/// would keep nobody honest.
	fn store_bond(provider: &T::AccountId, bond: BondOf<T>) {
		if bond.total == 0 && bond.committed == 0 {
			Bonds::<T>::remove(provider);
		} else {
			Bonds::<T>::insert(provider, bond);
		}
	}
}
