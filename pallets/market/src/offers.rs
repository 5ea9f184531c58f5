//! What the calls about offers and peers do.

use crate::{
	pallet::{
		Config, Error, Event, NextOfferId, OfferDeposits, OfferIndex, Offers, OffersOf, Pallet, PeerDeposits,
		Peers,
	},
	types::{is_available, offer_keys, OfferParams, Scan},
};
use frame_support::{ensure, traits::Get};
use lilypad_primitives::{
	distinct, traits::Deals, Balance, MediatorPolicy, Offer, OfferId, OfferState, PeerAddress, Pricing,
};
use sp_runtime::{DispatchError, DispatchResult};

/// Whether a policy names enough different mediators for the largest panel.
pub(crate) fn names_a_panel<AccountId: PartialEq>(
	policy: &MediatorPolicy<AccountId>,
	pricing: &Pricing,
) -> bool {
	match policy {
		MediatorPolicy::Any => true,
		MediatorPolicy::Only(list) => distinct(list).count() >= pricing.largest_panel as usize,
	}
}

impl<T: Config> Pallet<T> {
	pub(crate) fn do_post_offer(
		provider: T::AccountId,
		params: OfferParams<T::AccountId>,
	) -> Result<Scan, DispatchError> {
		let pricing = T::Pricing::get();
		ensure!(params.machine.is_usable(), Error::<T>::BadMachine);
		ensure!(params.slots > 0, Error::<T>::NoSlots);
		ensure!(params.rate >= pricing.min_rate, Error::<T>::RateTooLow);
		let platforms = &params.platforms;
		let different = distinct(platforms).count() == platforms.len();
		ensure!(!platforms.is_empty() && different, Error::<T>::BadPlatforms);
		ensure!(
			names_a_panel(&params.mediators, &pricing),
			Error::<T>::TooFewMediators
		);

		let id = NextOfferId::<T>::get();
		NextOfferId::<T>::put(id.next().ok_or(Error::<T>::NoIdsLeft)?);
		OffersOf::<T>::try_mutate(&provider, |ids| ids.try_push(id))
			.map_err(|_| Error::<T>::TooManyOffers)?;
		let deposit = T::OfferDeposit::get();
		T::Deals::hold_deposit(&provider, deposit)?;
		OfferDeposits::<T>::insert(id, deposit);

		let offer = Offer {
			provider: provider.clone(),
			free: params.machine.clone(),
			total: params.machine,
			slots: params.slots,
			running: 0,
			open_deals: 0,
			rate: params.rate,
			platforms: params.platforms,
			modules: params.modules,
			mediators: params.mediators,
			creators: params.creators,
			state: OfferState::Active,
		};
		Self::save_offer(id, None, &offer);
		Self::deposit_event(Event::OfferPosted {
			offer: id,
			provider,
			rate: offer.rate,
		});
		Ok(Self::match_offer(id, u32::MAX))
	}

	fn own_offer(who: &T::AccountId, id: OfferId) -> Result<Offer<T::AccountId>, Error<T>> {
		let offer = Offers::<T>::get(id).ok_or(Error::<T>::UnknownOffer)?;
		ensure!(offer.provider == *who, Error::<T>::NotProvider);
		Ok(offer)
	}

	fn change_offer(id: OfferId, before: &Offer<T::AccountId>, after: &Offer<T::AccountId>) {
		Self::save_offer(id, Some(before), after);
		Self::deposit_event(Event::OfferChanged {
			offer: id,
			state: after.state,
			rate: after.rate,
		});
	}

	pub(crate) fn do_set_offer_rate(
		who: T::AccountId,
		id: OfferId,
		rate: Balance,
	) -> Result<Scan, DispatchError> {
		let offer = Self::own_offer(&who, id)?;
		ensure!(offer.state != OfferState::Draining, Error::<T>::OfferDraining);
		ensure!(rate >= T::Pricing::get().min_rate, Error::<T>::RateTooLow);
		Self::change_offer(
			id,
			&offer,
			&Offer {
				rate,
				..offer.clone()
			},
		);
		Ok(Self::match_offer(id, u32::MAX))
	}

	pub(crate) fn do_pause_offer(who: T::AccountId, id: OfferId) -> DispatchResult {
		let offer = Self::own_offer(&who, id)?;
		ensure!(offer.state == OfferState::Active, Error::<T>::OfferNotActive);
		Self::change_offer(
			id,
			&offer,
			&Offer {
				state: OfferState::Paused,
				..offer.clone()
			},
		);
		Ok(())
	}

	pub(crate) fn do_resume_offer(who: T::AccountId, id: OfferId) -> Result<Scan, DispatchError> {
		let offer = Self::own_offer(&who, id)?;
		ensure!(offer.state == OfferState::Paused, Error::<T>::OfferNotPaused);
		Self::change_offer(
			id,
			&offer,
			&Offer {
				state: OfferState::Active,
				..offer.clone()
			},
		);
		Ok(Self::match_offer(id, u32::MAX))
	}

	pub(crate) fn do_drain_offer(who: T::AccountId, id: OfferId) -> DispatchResult {
		let offer = Self::own_offer(&who, id)?;
		ensure!(offer.state != OfferState::Draining, Error::<T>::OfferDraining);
		let draining = Offer {
			state: OfferState::Draining,
			..offer.clone()
		};
		Self::change_offer(id, &offer, &draining);
		if draining.open_deals == 0 {
			Self::remove_offer(id, &draining);
		}
		Ok(())
	}

	pub(crate) fn do_withdraw_offer(who: T::AccountId, id: OfferId) -> DispatchResult {
		let offer = Self::own_offer(&who, id)?;
		ensure!(offer.open_deals == 0, Error::<T>::OfferHasDeals);
		Self::remove_offer(id, &offer);
		Ok(())
	}

	/// Forgets an offer that no deal needs any longer, and gives its deposit back.
	pub(crate) fn remove_offer(id: OfferId, offer: &Offer<T::AccountId>) {
		if is_available(offer) {
			for key in offer_keys(id, offer) {
				OfferIndex::<T>::remove(key);
			}
		}
		Offers::<T>::remove(id);
		OffersOf::<T>::mutate_exists(&offer.provider, |ids| {
			if let Some(list) = ids {
				list.retain(|other| *other != id);
				if list.is_empty() {
					*ids = None;
				}
			}
		});
		if let Some(deposit) = OfferDeposits::<T>::take(id) {
			T::Deals::release_deposit(&offer.provider, deposit);
		}
		Self::deposit_event(Event::OfferWithdrawn {
			offer: id,
			provider: offer.provider.clone(),
		});
	}

	pub(crate) fn do_set_peer(who: T::AccountId, address: PeerAddress) -> DispatchResult {
		let printable = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_graphic);
		ensure!(address.id != [0; 32], Error::<T>::BadPeerAddress);
		ensure!(
			address.addresses.iter().all(|a| printable(a)),
			Error::<T>::BadPeerAddress
		);
		if !PeerDeposits::<T>::contains_key(&who) {
			let deposit = T::PeerDeposit::get();
			T::Deals::hold_deposit(&who, deposit)?;
			PeerDeposits::<T>::insert(&who, deposit);
		}
		Peers::<T>::insert(&who, &address);
		Self::deposit_event(Event::PeerSet {
			provider: who,
			address: Some(address),
		});
		Ok(())
	}

	pub(crate) fn do_clear_peer(who: T::AccountId) -> DispatchResult {
		ensure!(Peers::<T>::take(&who).is_some(), Error::<T>::NoPeer);
		if let Some(deposit) = PeerDeposits::<T>::take(&who) {
			T::Deals::release_deposit(&who, deposit);
		}
		Self::deposit_event(Event::PeerSet {
			provider: who,
			address: None,
		});
		Ok(())
	}
}
