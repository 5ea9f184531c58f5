//! Mediators, and the tickets that they are drawn by.
//!
//! All tickets stand side by side in one map, without gaps: a draw picks a number below their count. A ticket that goes
//! leaves its place to the last one. What changes holds from the next era on, and places remember what held before.

use crate::{
	Able, Capability, Config, Error, Event, HoldReason, MediatorOf, Mediators, Pallet, StoredTickets,
	TicketCount, Tickets,
};
use frame_support::{
	defensive, ensure,
	storage::with_storage_layer,
	traits::{
		fungible::hold::Mutate as _,
		tokens::{Fortitude::Force, Precision, Restriction::Free},
		Get,
	},
};
use lilypad_primitives::{distinct, Balance, DealId, Unbonding};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
	fn check_capability(capability: &Capability) -> DispatchResult {
		let platforms = &capability.platforms;
		let different = distinct(platforms).count() == platforms.len();
		ensure!(!platforms.is_empty() && different, Error::<T>::BadPlatforms);
		ensure!(capability.spec.is_usable(), Error::<T>::BadMachine);
		Ok(())
	}

	fn mediator(who: &T::AccountId) -> Result<MediatorOf<T>, Error<T>> {
		Mediators::<T>::get(who).ok_or(Error::NotMediator)
	}

	pub(crate) fn do_register(who: &T::AccountId, capability: Capability, tickets: u32) -> DispatchResult {
		ensure!(!Mediators::<T>::contains_key(who), Error::<T>::AlreadyMediator);
		ensure!(tickets > 0, Error::<T>::NoTickets);
		Self::check_capability(&capability)?;
		let mut mediator = MediatorOf::<T>::default();
		mediator.capability.set_next(Self::era(), capability.clone());
		Self::add(who, &mut mediator, tickets)?;
		Self::save(who, None, mediator);
		Self::deposit_event(Event::Registered {
			mediator: who.clone(),
			tickets,
		});
		Self::deposit_event(Event::CapabilitySet {
			mediator: who.clone(),
			capability,
		});
		Ok(())
	}

	pub(crate) fn do_set_capability(who: &T::AccountId, capability: Capability) -> DispatchResult {
		let before = Self::mediator(who)?;
		Self::check_capability(&capability)?;
		let mut mediator = before.clone();
		mediator.capability.set_next(Self::era(), capability.clone());
		Self::save(who, Some(&before), mediator);
		Self::deposit_event(Event::CapabilitySet {
			mediator: who.clone(),
			capability,
		});
		Ok(())
	}

	pub(crate) fn do_add_tickets(who: &T::AccountId, tickets: u32) -> DispatchResult {
		let before = Self::mediator(who)?;
		ensure!(tickets > 0, Error::<T>::NoTickets);
		let mut mediator = before.clone();
		Self::add(who, &mut mediator, tickets)?;
		let total = mediator.tickets.len() as u32;
		Self::save(who, Some(&before), mediator);
		Self::deposit_event(Event::TicketsChanged {
			mediator: who.clone(),
			tickets: total,
		});
		Ok(())
	}

	/// Bonds for new tickets and gives them places. Writes nothing of the mediator's own record.
	fn add(who: &T::AccountId, mediator: &mut MediatorOf<T>, tickets: u32) -> DispatchResult {
		let price = T::TicketPrice::get();
		let due = price
			.checked_mul(tickets.into())
			.ok_or(Error::<T>::Overflow)?
			.saturating_sub(mediator.spare(price));
		mediator.total = mediator.total.checked_add(due).ok_or(Error::<T>::Overflow)?;
		T::Currency::hold(&HoldReason::MediatorBond.into(), who, due)?;
		let era = Self::era();
		for _ in 0..tickets {
			let place = Self::count_latest();
			let count = place.checked_add(1).ok_or(Error::<T>::Overflow)?;
			mediator
				.tickets
				.try_push(place)
				.map_err(|_| Error::<T>::TooManyTickets)?;
			Tickets::<T>::mutate(place, |ticket| ticket.set_next(era, Some(who.clone())));
			TicketCount::<T>::mutate(|counts| counts.set_next(era, count));
			StoredTickets::<T>::mutate(|stored| *stored = count.max(*stored));
		}
		Ok(())
	}

	pub(crate) fn do_unbond_tickets(who: &T::AccountId, tickets: u32) -> DispatchResult {
		let before = Self::mediator(who)?;
		ensure!(tickets <= before.tickets.len() as u32, Error::<T>::TooFewTickets);
		let mut mediator = before.clone();
		for _ in 0..tickets {
			Self::remove_ticket(who, &mut mediator);
		}
		let amount = mediator.spare(T::TicketPrice::get());
		ensure!(amount > 0, Error::<T>::NoTickets);
		let releasable_at = Self::now().saturating_add(T::UnbondingBlocks::get());
		match mediator.unbonding.last_mut() {
			Some(last) if last.releasable_at == releasable_at => {
				last.amount = last.amount.checked_add(amount).ok_or(Error::<T>::Overflow)?;
			},
			_ => mediator
				.unbonding
				.try_push(Unbonding {
					amount,
					releasable_at,
				})
				.map_err(|_| Error::<T>::TooManyUnbonding)?,
		}
		let left = mediator.tickets.len() as u32;
		Self::save(who, Some(&before), mediator);
		Self::deposit_event(Event::TicketsChanged {
			mediator: who.clone(),
			tickets: left,
		});
		Self::deposit_event(Event::Unbonding {
			mediator: who.clone(),
			amount,
			releasable_at,
		});
		Ok(())
	}

	pub(crate) fn do_withdraw(who: &T::AccountId) -> DispatchResult {
		let before = Self::mediator(who)?;
		let mut mediator = before.clone();
		let now = Self::now();
		mediator.unbonding.retain(|part| part.releasable_at > now);
		let amount = before
			.unbonding_total()
			.saturating_sub(mediator.unbonding_total());
		ensure!(amount > 0, Error::<T>::NothingToWithdraw);
		mediator.total = mediator.total.saturating_sub(amount);
		ensure!(mediator.total >= mediator.liability, Error::<T>::BondLiable);
		T::Currency::release(
			&HoldReason::MediatorBond.into(),
			who,
			amount,
			Precision::BestEffort,
		)?;
		Self::save(who, Some(&before), mediator);
		Self::trim(T::MaxTickets::get());
		Self::deposit_event(Event::Withdrawn {
			mediator: who.clone(),
			amount,
		});
		Ok(())
	}

	/// Takes a mediator's last ticket from it.
	fn remove_ticket(who: &T::AccountId, mediator: &mut MediatorOf<T>) {
		let Some(last) = Self::count_latest().checked_sub(1) else {
			defensive!("there are no tickets");
			return;
		};
		let Some(place) = mediator.tickets.pop() else {
			defensive!("the mediator has no tickets");
			return;
		};
		let era = Self::era();
		if place != last {
			let Some(owner) = Self::owner_latest(last) else {
				defensive!("a ticket belongs to nobody");
				return;
			};
			let moved = |mut tickets: core::slice::IterMut<'_, u32>| {
				if let Some(entry) = tickets.find(|entry| **entry == last) {
					*entry = place;
				} else {
					defensive!("a ticket is not its mediator's");
				}
			};
			if owner == *who {
				moved(mediator.tickets.iter_mut());
			} else {
				Mediators::<T>::mutate(&owner, |other| {
					if let Some(other) = other {
						moved(other.tickets.iter_mut());
					}
				});
			}
			Tickets::<T>::mutate(place, |ticket| ticket.set_next(era, Some(owner)));
		}
		Tickets::<T>::mutate(last, |ticket| ticket.set_next(era, None));
		TicketCount::<T>::mutate(|counts| counts.set_next(era, last));
	}

	/// Removes places behind the last ticket that no draw can ask for any more.
	fn trim(most: u32) {
		let oldest = Self::era().saturating_sub(1);
		let counts = TicketCount::<T>::get();
		let used = [oldest, oldest.saturating_add(1), oldest.saturating_add(2)]
			.into_iter()
			.filter_map(|era| counts.as_of(era).copied())
			.max()
			.unwrap_or_default();
		StoredTickets::<T>::mutate(|stored| {
			for _ in 0..most {
				if *stored <= used {
					break;
				}
				*stored = stored.saturating_sub(1);
				Tickets::<T>::remove(*stored);
			}
		});
		if StoredTickets::<T>::get() == 0 {
			TicketCount::<T>::kill();
		}
	}

	fn owner_latest(place: u32) -> Option<T::AccountId> {
		Tickets::<T>::get(place).latest().cloned().flatten()
	}

	/// Tickets from the next era on.
	pub(crate) fn count_latest() -> u32 {
		TicketCount::<T>::get().latest().copied().unwrap_or_default()
	}

	/// Writes a mediator's record, or removes it when nothing is left of it, and counts who runs what.
	pub(crate) fn save(who: &T::AccountId, before: Option<&MediatorOf<T>>, after: MediatorOf<T>) {
		use lilypad_primitives::Platform::*;
		for platform in [Wasm, ContainerAmd64, ContainerArm64] {
			let could = before.is_some_and(|mediator| mediator.will_run(platform));
			match (could, after.will_run(platform)) {
				(false, true) => Able::<T>::mutate(platform, |count| *count = count.saturating_add(1)),
				(true, false) => Able::<T>::mutate(platform, |count| *count = count.saturating_sub(1)),
				(false, false) | (true, true) => (),
			}
		}
		if after.total == 0 && after.seats == 0 {
			Mediators::<T>::remove(who);
		} else {
			Mediators::<T>::insert(who, after);
		}
	}

	/// Gives a mediator a seat that can cost it so much.
	pub(crate) fn take_seat(who: &T::AccountId, liability: Balance) {
		Mediators::<T>::mutate(who, |mediator| match mediator {
			Some(mediator) => {
				mediator.seats = mediator.seats.saturating_add(1);
				mediator.liability = mediator.liability.saturating_add(liability);
			},
			None => {
				defensive!("somebody was drawn who is no mediator");
			},
		});
	}

	/// Takes the seat back, with a slash if it was used badly.
	pub(crate) fn leave_seat(who: &T::AccountId, liability: Balance, slash: Balance, deal: DealId) {
		let Some(before) = Mediators::<T>::get(who) else {
			defensive!("somebody has a seat who is no mediator");
			return;
		};
		let mut mediator = before.clone();
		mediator.seats = mediator.seats.saturating_sub(1);
		mediator.liability = mediator.liability.saturating_sub(liability);
		if slash > 0 {
			Self::slash(who, &mut mediator, slash, deal);
		}
		Self::save(who, Some(&before), mediator);
	}

	/// Moves a part of a bond to the treasury, and takes the tickets that the rest no longer covers.
	fn slash(who: &T::AccountId, mediator: &mut MediatorOf<T>, amount: Balance, deal: DealId) {
		let reason = HoldReason::MediatorBond.into();
		let due = amount.min(mediator.total);
		let treasury = T::Treasury::get();
		let moved = with_storage_layer(|| {
			T::Currency::transfer_on_hold(&reason, who, &treasury, due, Precision::BestEffort, Free, Force)
		})
		.unwrap_or_default();
		if moved < amount {
			log::error!(target: crate::LOG, "{} of a mediator's bond could not be slashed", amount - moved);
			Self::deposit_event(Event::Shortfall {
				mediator: who.clone(),
				missing: amount - moved,
			});
		}
		mediator.total = mediator.total.saturating_sub(moved);
		// What is unbonding is slashed last.
		let price = T::TicketPrice::get().max(1);
		let bonded = mediator.total.saturating_sub(mediator.unbonding_total());
		let covered = bonded / price;
		let lost = (mediator.tickets.len() as Balance).saturating_sub(covered) as u32;
		for _ in 0..lost {
			Self::remove_ticket(who, mediator);
		}
		let mut over = mediator.unbonding_total().saturating_sub(mediator.total);
		while over > 0 {
			let Some(mut last) = mediator.unbonding.pop() else {
				break;
			};
			let taken = over.min(last.amount);
			over = over.saturating_sub(taken);
			last.amount = last.amount.saturating_sub(taken);
			if last.amount > 0 && mediator.unbonding.try_push(last).is_err() {
				defensive!("a place that was just left is taken");
			}
		}
		Self::deposit_event(Event::Slashed {
			mediator: who.clone(),
			deal,
			amount: moved,
			tickets_lost: lost,
		});
	}
}
