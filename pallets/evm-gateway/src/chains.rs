//! Lanes: which gateways there are, how much may pass, and the switches.

use crate::{
	AllPaused, BridgeSet, Config, Error, Event, FinalityRule, Lane, LaneId, Lanes, Limits, Member,
	OutboxState, Outboxes, Pallet, PublicKey, MAX_AMOUNT, MAX_MEMBERS,
};
use alloc::vec::Vec;
use frame_support::{ensure, traits::ConstU32, BoundedVec};
use sp_core::H160;
use sp_runtime::DispatchResult;

/// The keys of a bridge set.
pub type Keys = BoundedVec<PublicKey, ConstU32<MAX_MEMBERS>>;

/// What a lane is registered with.
pub(crate) struct Registration {
	pub(crate) chain: u64,
	pub(crate) gateway: H160,
	pub(crate) finality: FinalityRule,
	pub(crate) limits: Limits,
	pub(crate) threshold: u8,
	pub(crate) keys: Keys,
}

impl<T: Config> Pallet<T> {
	/// A registered lane.
	pub(crate) fn existing(lane: LaneId) -> Result<Lane, Error<T>> {
		Lanes::<T>::get(lane).ok_or(Error::UnknownLane)
	}

	/// A lane on which something may be attested, signed or sent.
	pub(crate) fn open(lane: LaneId) -> Result<Lane, Error<T>> {
		let lane = Self::existing(lane)?;
		ensure!(!lane.paused && !AllPaused::<T>::get(), Error::Paused);
		Ok(lane)
	}

	pub(crate) fn do_register(id: LaneId, new: Registration) -> DispatchResult {
		ensure!(!Lanes::<T>::contains_key(id), Error::<T>::LaneTaken);
		ensure!(new.chain != 0 && !new.gateway.is_zero(), Error::<T>::BadGateway);
		// Two lanes for one gateway would each count its LP as theirs. Lanes are few, and governance made each of them.
		let served = Lanes::<T>::iter_values().any(|l| (l.chain, l.gateway) == (new.chain, new.gateway));
		ensure!(!served, Error::<T>::GatewayTaken);
		Self::check_settings(&new.finality, &new.limits)?;

		let members: Vec<_> = new.keys.iter().map(Member::new).collect();
		let set = BridgeSet {
			number: 1,
			threshold: new.threshold,
			members: members.try_into().map_err(|_| Error::<T>::BadSet)?,
		};
		ensure!(set.is_sound(), Error::<T>::BadSet);
		Lanes::<T>::insert(
			id,
			Lane {
				chain: new.chain,
				gateway: new.gateway,
				finality: new.finality,
				limits: new.limits,
				paused: false,
			},
		);
		Outboxes::<T>::insert(
			id,
			OutboxState {
				latest: Self::now(),
				..Default::default()
			},
		);
		Self::deposit_event(Event::LaneRegistered {
			lane: id,
			chain: new.chain,
			gateway: new.gateway,
		});
		Self::seat(id, None, set);
		Ok(())
	}

	pub(crate) fn do_set_lane(id: LaneId, finality: FinalityRule, limits: Limits) -> DispatchResult {
		let lane = Self::existing(id)?;
		Self::check_settings(&finality, &limits)?;
		Lanes::<T>::insert(
			id,
			Lane {
				finality,
				limits,
				..lane
			},
		);
		Self::deposit_event(Event::LaneSet {
			lane: id,
			finality,
			limits,
		});
		Ok(())
	}

	pub(crate) fn do_pause_lane(id: LaneId, paused: bool) -> DispatchResult {
		let lane = Self::existing(id)?;
		Lanes::<T>::insert(id, Lane { paused, ..lane });
		Self::deposit_event(Event::LanePaused { lane: id, paused });
		Ok(())
	}

	pub(crate) fn do_pause_all(paused: bool) {
		AllPaused::<T>::put(paused);
		Self::deposit_event(Event::AllPaused { paused });
	}

	fn check_settings(finality: &FinalityRule, limits: &Limits) -> DispatchResult {
		ensure!(
			!matches!(finality, FinalityRule::Confirmations(0)),
			Error::<T>::BadFinality
		);
		// What may pass at all must fit through when nothing else does, or it would wait for ever; and be named with as much
		// again in compensation.
		let fits = (1..=MAX_AMOUNT / 2).contains(&limits.largest)
			&& (1..=limits.largest).contains(&limits.least)
			&& limits.largest <= limits.inflow
			&& limits.largest <= limits.outflow
			&& limits.period > 0;
		ensure!(fits, Error::<T>::BadLimits);
		Ok(())
	}
}
