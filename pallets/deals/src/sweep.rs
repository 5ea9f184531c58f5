//! The sweeper: settles lapsed deals in what is left of a block.

use crate::{Config, Lapses, Pallet, SweepCursor, WeightInfo, LOG};
use frame_support::{storage::with_storage_layer, weights::WeightMeter};

impl<T: Config> Pallet<T> {
	/// Expires lapsed deals in the order of their deadlines, as long as the meter allows.
	///
	/// A deal that can't be settled, which must not happen, is left behind: the cursor remembers it, so that it holds up
	/// nobody. Once all others are done the sweep starts again from the beginning.
	pub(crate) fn sweep(meter: &mut WeightMeter) {
		while meter.try_consume(T::WeightInfo::sweep_nothing()).is_ok() {
			let next = match SweepCursor::<T>::get() {
				Some(last) => Lapses::<T>::iter_keys_from_key(last).next(),
				None => Lapses::<T>::iter_keys().next(),
			};
			let Some(key) = next.filter(|key| key.deadline() < Self::now()) else {
				SweepCursor::<T>::kill();
				return;
			};
			if !meter.can_consume(Self::expire_weight()) {
				return;
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
