//! The governance parameters.

use crate::{Config, CurrentEras, Eras, Error, Event, Pallet, Parameters, Params};
use core::marker::PhantomData;
use frame_support::traits::Get;
use lilypad_primitives::{traits::Arbitrable, Balance, MediationRules, Pricing};
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
		params.rules.check(&params.pricing, T::SeatsPerTicket::get())?;
		Self::check_eras(&params.rules)?;
		let run = T::Deals::longest_run(params.pricing.max_time_limit);
		if params.rules.longest_case(run, T::DrawBlocks::get()) > T::LongestCase::get() {
			return Err("a case could take longer than authors' bonds stay: lower max_time_limit, slack_percent, max_redraws, commit_margin or reveal_blocks");
		}
		Ok(())
	}

	/// Whether every draw is over before what it rests on is forgotten, and a bond stays for as long as it can be drawn.
	fn check_eras(rules: &MediationRules) -> Result<(), &'static str> {
		if rules.draw_open_blocks == 0 {
			return Err("draw_open_blocks is zero: nobody could draw in time");
		}
		let draw = T::DrawBlocks::get().saturating_add(rules.draw_open_blocks);
		if draw >= T::KeptBlocks::get() {
			return Err("draw_open_blocks is too long: the randomness would be forgotten before the draw");
		}
		if draw >= rules.era_blocks {
			return Err("era_blocks is too short: a draw must be over before its tickets are forgotten");
		}
		if rules.era_blocks > T::UnbondingBlocks::get() / 2 {
			return Err("era_blocks is too long: a bond must stay for as long as its tickets can be drawn");
		}
		Ok(())
	}

	/// How blocks are counted in eras.
	pub(crate) fn eras() -> Eras {
		CurrentEras::<T>::get().unwrap_or_else(|| Eras {
			since: 0,
			first: 0,
			blocks: Self::params().rules.era_blocks,
		})
	}

	pub(crate) fn do_set_parameters(params: Parameters) -> DispatchResult {
		if let Err(why) = Self::check_params(&params) {
			log::info!(target: crate::LOG, "parameters refused: {why}");
			return Err(Error::<T>::BadParameters.into());
		}
		let eras = Self::eras();
		if eras.blocks != params.rules.era_blocks {
			CurrentEras::<T>::put(eras.change(Self::now(), params.rules.era_blocks));
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
