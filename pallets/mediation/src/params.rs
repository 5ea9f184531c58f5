//! The governance parameters.

use crate::{Config, Error, Event, Pallet, Parameters, Params};
use core::marker::PhantomData;
use frame_support::traits::Get;
use lilypad_primitives::{Balance, MediationRules, Pricing};
use sp_runtime::{DispatchResult, Permill};

impl<T: Config> Pallet<T> {
	/// The parameters in force.
	pub(crate) fn params() -> Parameters {
		Params::<T>::get().unwrap_or_else(|| Parameters {
			pricing: T::DefaultPricing::get(),
			rules: T::DefaultRules::get(),
		})
	}

	/// Why these parameters can't be set; nothing, if they can.
	pub(crate) fn check_params(params: &Parameters) -> Result<(), &'static str> {
		params.pricing.check()?;
		params.rules.check(&params.pricing, T::SeatsPerTicket::get())
	}

	pub(crate) fn do_set_parameters(params: Parameters) -> DispatchResult {
		if let Err(why) = Self::check_params(&params) {
			log::info!(target: crate::LOG, "parameters refused: {why}");
			return Err(Error::<T>::BadParameters.into());
		}
		Params::<T>::put(params);
		Self::deposit_event(Event::ParametersSet { params });
		Ok(())
	}

	/// `ceil(share · price of a ticket)`.
	pub(crate) fn share_of_ticket(share: Permill) -> Balance {
		share.mul_ceil(T::TicketPrice::get())
	}
}

/// The market's prices in force.
pub struct PricingInForce<T>(PhantomData<T>);
impl<T: Config> Get<Pricing> for PricingInForce<T> {
	fn get() -> Pricing {
		Pallet::<T>::params().pricing
	}
}

/// The rules of mediation in force.
pub struct RulesInForce<T>(PhantomData<T>);
impl<T: Config> Get<MediationRules> for RulesInForce<T> {
	fn get() -> MediationRules {
		Pallet::<T>::params().rules
	}
}
