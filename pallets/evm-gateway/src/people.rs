//! LP of people who want it over there. The other way is a deposit at the gateway, attested like a request.

use crate::{BooksOf, Config, Error, Event, LaneId, Message, Pallet};
use frame_support::{
	ensure,
	traits::{
		fungible::Mutate,
		tokens::{Fortitude::Polite, Precision::Exact, Preservation::Expendable},
	},
};
use lilypad_primitives::Balance;
use sp_core::H160;
use sp_runtime::{AccountId32, DispatchResult};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_bridge_out(
		who: AccountId32,
		lane_id: LaneId,
		to: H160,
		amount: Balance,
	) -> DispatchResult {
		let lane = Self::open(lane_id)?;
		ensure!(!to.is_zero() && to != lane.gateway, Error::<T>::BadAddress);
		ensure!(amount >= lane.limits.least, Error::<T>::TooLittle);
		ensure!(amount <= lane.limits.largest, Error::<T>::BadAmount);
		ensure!(amount <= BooksOf::<T>::get(lane_id).free(), Error::<T>::LaneShort);
		ensure!(amount <= Self::outflow_room(lane_id), Error::<T>::RateLimited);
		Self::ensure_room_for_message(lane_id)?;
		T::Currency::burn_from(&who, amount, Expendable, Exact, Polite)?;

		Self::record_burned(lane_id, amount);
		Self::record_outflow(lane_id, amount);
		let payout = Self::next_payout(lane_id, to, amount);
		Self::deposit_event(Event::BridgedOut {
			lane: lane_id,
			nonce: payout.nonce,
			from: who,
			to,
			amount,
		});
		Self::push(lane_id, Message::Payout(payout));
		Ok(())
	}
}
