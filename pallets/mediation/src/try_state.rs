//! What is always true.
//!
//! 1. A mediator's hold is its record's total, which covers its tickets, what is unbonding, and what its seats can cost.
//! 2. Each place below the count of tickets belongs to a mediator who lists it, and each mediator's list has nothing else.
//! 3. The places that are stored are those below a number that is not below the count.
//! 4. The mediators of each platform are counted right.
//! 5. A mediator's seats, and what they can cost, are those that it has in open cases.
//! 6. Each open case is in the index once, at the block in which it is due, and the index has nothing else; its deal is in
//!    dispute.
//! 7. Nobody sits twice in one panel, no party sits in any, and no panel is larger than its round's.
//! 8. Kept outputs stand in their places, and none is of a block to come.
//! 9. Parameters that were set are within their bounds.

use crate::{
	state::{SeatState, Stage},
	Able, Cases, Config, Due, DueKey, HoldReason, MediatorOf, Mediators, Outputs, Pallet, Params,
	StoredTickets, Tickets,
};
use alloc::collections::BTreeMap;
use codec::Encode;
use frame_support::{
	ensure,
	traits::{fungible::hold::Inspect as _, Get},
};
use lilypad_primitives::{Balance, Platform};
use sp_runtime::TryRuntimeError;

type Check = Result<(), TryRuntimeError>;

impl<T: Config> Pallet<T> {
	/// Checks the invariants. Reads everything: for tests and try-runtime only.
	pub fn do_try_state() -> Check {
		Self::check_bonds()?;
		Self::check_tickets()?;
		Self::check_cases()?;
		for (place, (block, _)) in Outputs::<T>::iter() {
			ensure!(
				block % T::KeptBlocks::get().max(1) == place && block < Self::now(),
				"8: an output is not in its place"
			);
		}
		if let Some(params) = Params::<T>::get() {
			Self::check_params(&params).map_err(|_| "9: the parameters are out of bounds")?;
		}
		Ok(())
	}

	fn check_bonds() -> Check {
		let held = |who: &T::AccountId| T::Currency::balance_on_hold(&HoldReason::MediatorBond.into(), who);
		for (who, mediator) in Mediators::<T>::iter() {
			ensure!(held(&who) == mediator.total, "1: a bond differs from the hold");
			let tickets = T::TicketPrice::get()
				.checked_mul(mediator.tickets.len() as Balance)
				.ok_or("1: amounts overflow")?;
			let used = tickets
				.checked_add(mediator.unbonding_total())
				.ok_or("1: amounts overflow")?;
			ensure!(used <= mediator.total, "1: tickets without a bond");
			ensure!(
				mediator.liability <= mediator.total,
				"1: seats can cost more than is bonded"
			);
			ensure!(
				mediator.total > 0 || mediator.seats > 0,
				"1: a record that says nothing"
			);
		}
		for who in frame_system::Account::<T>::iter_keys() {
			ensure!(
				held(&who) == 0 || Mediators::<T>::contains_key(&who),
				"1: a hold without a mediator"
			);
		}
		for platform in [Platform::Wasm, Platform::ContainerAmd64, Platform::ContainerArm64] {
			let count = Mediators::<T>::iter_values()
				.filter(|mediator: &MediatorOf<T>| mediator.will_run(platform))
				.count();
			ensure!(
				Able::<T>::get(platform) as usize == count,
				"4: a platform's mediators are miscounted"
			);
		}
		Ok(())
	}

	fn check_tickets() -> Check {
		let count = Self::count_latest();
		let mut listed = 0usize;
		for (who, mediator) in Mediators::<T>::iter() {
			listed = listed.saturating_add(mediator.tickets.len());
			for place in &mediator.tickets {
				ensure!(*place < count, "2: a listed ticket is behind the last");
				let owner = Tickets::<T>::get(place).latest().cloned().flatten();
				ensure!(owner.as_ref() == Some(&who), "2: a listed ticket is another's");
			}
		}
		// Each is listed by its only owner, so equal numbers leave no place unlisted unless one is listed twice.
		for mediator in Mediators::<T>::iter_values() {
			let mut places = mediator.tickets.to_vec();
			places.sort_unstable();
			places.dedup();
			ensure!(
				places.len() == mediator.tickets.len(),
				"2: a ticket is listed twice"
			);
		}
		ensure!(listed == count as usize, "2: a ticket is nobody's");
		let stored = StoredTickets::<T>::get();
		ensure!(stored >= count, "3: tickets are not stored");
		for place in Tickets::<T>::iter_keys() {
			ensure!(place < stored, "3: a stored place is forgotten");
		}
		Ok(())
	}

	fn check_cases() -> Check {
		let mut seats = BTreeMap::<_, (u32, Balance)>::new();
		for (deal, case) in Cases::<T>::iter() {
			ensure!(
				Due::<T>::contains_key(DueKey::new(case.stage.due(), deal)),
				"6: a case is missing in the index"
			);
			ensure!(
				case.panel().count() as u32 <= case.size(),
				"7: a panel is too large"
			);
			if let Stage::Drawing { from, draw_at, .. } = case.stage {
				let eras = Self::eras();
				// A draw whose blocks had begun when the length changed goes by the era in which they did.
				ensure!(
					from < eras.since || eras.era_of(from) == eras.era_of(draw_at.saturating_sub(1)),
					"7: tickets change within a draw"
				);
			}
			for (at, seat) in case.seats.iter().enumerate() {
				ensure!(
					!case.parties.contains(&seat.mediator),
					"7: a party sits in a panel"
				);
				ensure!(
					!case.seats[..at]
						.iter()
						.any(|other| other.mediator == seat.mediator && other.round == seat.round),
					"7: somebody sits twice"
				);
				if seat.state != SeatState::Absent {
					let sums = seats.entry(seat.mediator.encode()).or_default();
					sums.0 = sums.0.saturating_add(1);
					sums.1 = sums.1.saturating_add(case.no_show_slash);
				}
			}
		}
		ensure!(
			Due::<T>::iter_keys().count() == Cases::<T>::iter_keys().count(),
			"6: an index entry without a case"
		);
		for (who, mediator) in Mediators::<T>::iter() {
			let expected = seats.remove(&who.encode()).unwrap_or_default();
			ensure!(
				(mediator.seats, mediator.liability) == expected,
				"5: seats are miscounted"
			);
		}
		ensure!(seats.is_empty(), "5: a seat of nobody");
		Ok(())
	}
}
