//! Whatever is corrupted, `do_try_state` notices.

use super::*;
use crate::{HoldReason, Outputs, Parameters};
use frame_support::traits::fungible::MutateHold;
use lilypad_primitives::{MediationRules, Platform};
use sp_runtime::TryRuntimeError;

const A: AccountId = MEDIATORS.start;

/// Checks that a sound state with cases at every stage passes, and that it doesn't once it is corrupted.
#[track_caller]
fn notices(expected: &'static str, corrupt: impl FnOnce([DealId; 3])) {
	new_test_ext().execute_with(|| {
		mediators(MEDIATORS, 2);
		let (drawing, committing, revealing) = (challenged(), challenged(), challenged());
		draw(committing);
		for who in draw(revealing) {
			commit(revealing, who, vote(1));
		}
		assert_ok!(Mediation::unbond_tickets(signed(A), 1));
		check();
		corrupt([drawing, committing, revealing]);
		assert_eq!(Mediation::do_try_state(), Err(TryRuntimeError::Other(expected)));
	});
}

fn mediator(change: impl FnOnce(&mut crate::MediatorOf<Test>)) {
	Mediators::<Test>::mutate(A, |mediator| change(mediator.as_mut().expect("registered")));
}

fn case(deal: DealId, change: impl FnOnce(&mut crate::CaseOf<Test>)) {
	Cases::<Test>::mutate(deal, |case| change(case.as_mut().expect("open")));
}

#[test]
fn a_bond_that_is_not_what_is_held() {
	notices("1: a bond differs from the hold", |_| {
		mediator(|mediator| mediator.total += 1)
	});
	notices("1: a bond differs from the hold", |_| {
		assert_ok!(<Balances as MutateHold<_>>::hold(
			&HoldReason::MediatorBond.into(),
			&A,
			1
		));
	});
	notices("1: a hold without a mediator", |_| {
		assert_ok!(<Balances as MutateHold<_>>::hold(
			&HoldReason::MediatorBond.into(),
			&OTHER,
			1
		));
	});
	notices("1: tickets without a bond", |_| {
		mediator(|mediator| mediator.unbonding[0].amount += 1)
	});
	notices("1: seats can cost more than is bonded", |_| {
		mediator(|mediator| mediator.liability = mediator.total + 1)
	});
	notices("1: a record that says nothing", |_| {
		Mediators::<Test>::insert(OTHER, crate::MediatorOf::<Test>::default())
	});
}

#[test]
fn tickets_that_are_not_where_they_should_be() {
	notices("2: a listed ticket is another's", |_| {
		Tickets::<Test>::mutate(0, |ticket| ticket.set_next(1, Some(OTHER)))
	});
	notices("2: a listed ticket is behind the last", |_| {
		mediator(|mediator| mediator.tickets[0] = 39)
	});
	notices("2: a ticket is nobody's", |_| {
		Mediators::<Test>::mutate(MEDIATORS.start + 1, |mediator| {
			mediator.as_mut().expect("registered").tickets.pop();
		})
	});
	notices("2: a ticket is nobody's", |_| {
		TicketCount::<Test>::mutate(|counts| counts.set_next(1, 40))
	});
	notices("2: a ticket is listed twice", |_| {
		Mediators::<Test>::mutate(MEDIATORS.start + 1, |mediator| {
			let tickets = &mut mediator.as_mut().expect("registered").tickets;
			tickets[1] = tickets[0];
		})
	});
	notices("3: tickets are not stored", |_| StoredTickets::<Test>::put(3));
	notices("3: a stored place is forgotten", |_| {
		Tickets::<Test>::mutate(77, |ticket| ticket.set_next(1, None))
	});
}

#[test]
fn numbers_that_do_not_count() {
	notices("4: a platform's mediators are miscounted", |_| {
		Able::<Test>::mutate(Platform::Wasm, |count| *count += 1)
	});
	notices("5: seats are miscounted", |_| {
		mediator(|mediator| mediator.seats += 1)
	});
	notices("5: seats are miscounted", |_| {
		mediator(|mediator| mediator.liability += 1)
	});
	notices("5: seats are miscounted", |[_, committing, _]| {
		case(committing, |case| case.seats[0].state = SeatState::Absent)
	});
	notices("5: a seat of nobody", |[_, committing, _]| {
		case(committing, |case| case.seats[0].mediator = OTHER);
		Mediators::<Test>::iter_keys()
			.collect::<Vec<_>>()
			.into_iter()
			.for_each(|who| {
				Mediators::<Test>::mutate(who, |mediator| {
					let held = Cases::<Test>::iter_values()
						.flat_map(|case| case.seats.into_inner())
						.filter(|seat| seat.mediator == who)
						.count() as u32;
					let mediator = mediator.as_mut().expect("registered");
					(mediator.seats, mediator.liability) = (held, Balance::from(held) * NO_SHOW);
				});
			});
	});
}

#[test]
fn an_index_that_differs_from_the_cases() {
	notices("6: a case is missing in the index", |[drawing, ..]| {
		Due::<Test>::remove(DueKey::new(stage(drawing).due(), drawing))
	});
	notices("6: an index entry without a case", |_| {
		Due::<Test>::insert(DueKey::new(7, DealId(7)), ())
	});
}

#[test]
fn panels_that_cannot_be() {
	notices("7: a party sits in a panel", |[_, committing, _]| {
		case(committing, |case| case.seats[0].mediator = PROVIDER)
	});
	notices("7: somebody sits twice", |[_, committing, _]| {
		case(committing, |case| case.seats[0].mediator = case.seats[1].mediator)
	});
	notices("7: a panel is too large", |[_, committing, _]| {
		case(committing, |case| {
			let seat = crate::Seat {
				mediator: OTHER,
				..case.seats[0]
			};
			case.seats.try_push(seat).expect("there is room");
		})
	});
	notices("7: tickets change within a draw", |[drawing, ..]| {
		case(drawing, |case| {
			if let Stage::Drawing { from, .. } = &mut case.stage {
				*from -= ERA;
			}
		})
	});
}

#[test]
fn outputs_and_parameters_that_cannot_be() {
	notices("8: an output is not in its place", |_| {
		Outputs::<Test>::insert(0, (1, [0; 32]))
	});
	notices("8: an output is not in its place", |_| {
		let block = System::block_number();
		Outputs::<Test>::insert(block % KEPT, (block, [0; 32]))
	});
	notices("9: the parameters are out of bounds", |_| {
		Params::<Test>::put(Parameters {
			pricing: PRICING,
			rules: MediationRules {
				max_redraws: 9,
				..RULES
			},
		})
	});
}
