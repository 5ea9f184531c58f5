//! The share of a block that entitled calls may fill, and how much of it they have filled.

use frame_support::{
	dispatch::{DispatchClass, DispatchInfo},
	weights::Weight,
};
use sp_runtime::{traits::Get, transaction_validity::InvalidTransaction};

use crate::{Config, Pallet, Used};

impl<T: Config> Pallet<T> {
	/// What all entitled calls of a block may weigh together. Rounded down.
	pub fn allowance() -> Weight {
		let limits = T::BlockWeights::get();
		let normal = limits
			.get(DispatchClass::Normal)
			.max_total
			.unwrap_or(limits.max_block);
		T::Share::get() * normal
	}

	/// What a call counts against the share: all that it takes from the block.
	pub(crate) fn cost_of(info: &DispatchInfo) -> Weight {
		T::BlockWeights::get()
			.get(info.class)
			.base_extrinsic
			.saturating_add(info.total_weight())
	}

	/// Takes `cost` out of the share, or changes nothing and says that the block has no room.
	///
	/// `ExhaustsResources` is what makes a block's author keep the transaction for the next block.
	pub(crate) fn take(cost: Weight) -> Result<(), InvalidTransaction> {
		Used::<T>::try_mutate(|used| {
			let after = used
				.checked_add(&cost)
				.ok_or(InvalidTransaction::ExhaustsResources)?;
			if !after.all_lte(Self::allowance()) {
				return Err(InvalidTransaction::ExhaustsResources);
			}
			*used = after;
			Ok(())
		})
	}

	/// Gives back the part of a call's cost that it didn't need.
	pub(crate) fn give_back(unspent: Weight) {
		Used::<T>::mutate(|used| *used = used.saturating_sub(unspent));
	}
}
