//! The sweeper: settles lapsed deals in what is left of a block.

use crate::{Config, DealOf, Deals, Lapses, Pallet, SweepCursor, WeightInfo, LOG};
use frame_support::{storage::with_storage_layer, weights::WeightMeter};

impl<T: Config> Pallet<T> {
	/// Expires lapsed deals in the order of the index, as long as the meter allows. A deal whose deadline has been put off since
	/// it was put there gets its new place.
	///
	/// A deal that can't be settled, which must not happen, is left behind: the cursor remembers it, so that it holds up
	/// nobody. Once all others are done the sweep starts again from the beginning.
	pub(crate) fn sweep(meter: &mut WeightMeter) {
		while meter.try_consume(T::WeightInfo::sweep_nothing()).is_ok() {
			let next = match SweepCursor::<T>::get() {
				Some(last) => Lapses::<T>::iter_keys_from_key(last).next(),
				None => Lapses::<T>::iter_keys().next(),
			};
			let Some(key) = next.filter(|key| key.block() < Self::now()) else {
				SweepCursor::<T>::kill();
				return;
			};
			if !meter.can_consume(Self::expire_weight().max(T::WeightInfo::reindex())) {
				return;
			}
			let put_off = |deal: &DealOf<T>| deal.state.deadline() >= Self::now();
			if let Some(deal) = Deals::<T>::get(key.deal()).filter(put_off) {
				Self::reindex(key.deal(), deal);
				meter.consume(T::WeightInfo::reindex());
				continue;
			}
			match with_storage_layer(|| Self::do_expire(key.deal())) {
				Ok(used) => meter.consume(used),
				Err(error) => {
					log::error!(target: LOG, "deal {} can't be expired: {error:?}", key.deal());
					meter.consume(Self::expire_weight());
					SweepCursor::<T>::put(key);
				},
			}
		}
	}
}
