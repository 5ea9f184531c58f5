//! What a lapsed deadline causes, by anybody's hand; and the sweeper, which saves people the trouble.

use crate::{
	cases::is_quorum,
	state::{SeatState, Stage},
	Cases, Config, Due, Error, Pallet, SweepCursor, WeightInfo, LOG,
};
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::Get,
	weights::{Weight, WeightMeter},
};
use lilypad_primitives::{traits::Arbitrable, DealId, Verdict};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
	/// Moves a case on whose deadline has passed. Returns what it weighed.
	pub(crate) fn do_expire(deal: DealId) -> Result<Weight, DispatchError> {
		let mut case = Cases::<T>::get(deal).ok_or(Error::<T>::NoCase)?;
		let now = Self::now();
		let by = match case.stage {
			Stage::Drawing { draw_by, .. } => draw_by,
			Stage::Committing { by } | Stage::Revealing { by } => by,
		};
		// Without randomness no waiting helps.
		let hopeless = matches!(case.stage, Stage::Drawing { from, draw_at, .. }
			if now >= draw_at && Self::outputs(from).is_none());
		ensure!(
			now > by || hopeless,
			Error::<T>::TooEarly {
				wait: by
					.saturating_sub(now)
					.saturating_add(1)
					.try_into()
					.unwrap_or(u16::MAX)
			}
		);
		match case.stage {
			Stage::Drawing { .. } => {
				let verdict = if case.seats.is_empty() {
					Verdict::NoPanel
				} else {
					Verdict::Unresolved
				};
				Self::close(deal, case, verdict, None);
			},
			Stage::Committing { .. } => {
				Self::dismiss_absent(deal, &mut case, |state| *state == SeatState::Drawn);
				if case.empty_seats() > 0 && case.redraws_left > 0 {
					case.redraws_left = case.redraws_left.saturating_sub(1);
					Self::move_on(deal, case, Self::drawing());
				} else if is_quorum(case.panel().count() as u32, case.size()) {
					Self::start_revealing(deal, case);
				} else {
					Self::close(deal, case, Verdict::Unresolved, None);
				}
			},
			Stage::Revealing { .. } => Self::close_round(deal, case),
		}
		Ok(Self::spent(deal, T::WeightInfo::expire()))
	}

	/// Weight of a call that may close a case: its own, and what ruling on the deal takes; or calling a larger panel.
	pub(crate) fn closing(own: Weight) -> Weight {
		let ruling = T::WeightInfo::close().saturating_add(T::Deals::rule_weight());
		own.saturating_add(ruling.max(T::WeightInfo::escalate()))
	}

	/// What such a call weighed: all of that only if it has closed the case.
	pub(crate) fn spent(deal: DealId, own: Weight) -> Weight {
		match Cases::<T>::get(deal).map(|case| case.stage) {
			None => Self::closing(own),
			Some(Stage::Drawing { .. }) => own.saturating_add(T::WeightInfo::escalate()),
			Some(Stage::Committing { .. } | Stage::Revealing { .. }) => own,
		}
	}

	/// Moves cases on in the order in which they are due, as long as the meter allows.
	///
	/// A case that can't be moved on yet, because its draw is open but lacks something, is left behind until the others are
	/// done: the cursor remembers it.
	pub(crate) fn sweep(meter: &mut WeightMeter) {
		let step = Self::closing(T::WeightInfo::draw().max(T::WeightInfo::expire()));
		for _ in 0..T::MaxSweep::get() {
			if meter.try_consume(T::WeightInfo::sweep_nothing()).is_err() {
				return;
			}
			let next = match SweepCursor::<T>::get() {
				Some(last) => Due::<T>::iter_keys_from_key(last).next(),
				None => Due::<T>::iter_keys().next(),
			};
			let Some(key) = next.filter(|key| key.block() <= Self::now()) else {
				SweepCursor::<T>::kill();
				return;
			};
			if !meter.can_consume(step) {
				return;
			}
			let deal = key.deal();
			let moved = with_storage_layer(|| Self::do_draw(deal))
				.or_else(|_not_to_be_drawn| with_storage_layer(|| Self::do_expire(deal)));
			match moved {
				Ok(used) => meter.consume(used),
				Err(error) => {
					log::debug!(target: LOG, "the case of deal {deal} can't be moved on yet: {error:?}");
					meter.consume(T::WeightInfo::draw());
					SweepCursor::<T>::put(key);
				},
			}
		}
	}
}
