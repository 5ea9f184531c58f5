//! `add_tickets`, `unbond_tickets` and `withdraw`.

use super::*;
use lilypad_primitives::Unbonding;

const A: AccountId = 500;
const B: AccountId = 501;

fn tickets(who: AccountId) -> Vec<u32> {
	Mediators::<Test>::get(who).map_or(vec![], |mediator| mediator.tickets.into_inner())
}

#[test]
fn add_tickets_works() {
	test(|| {
		mediators([A, B], 2);
		mint(A, 3 * TICKET);
		System::reset_events();
		assert_ok!(Mediation::add_tickets(signed(A), 3));
		assert_eq!(
			events(),
			[Event::TicketsChanged {
				mediator: A,
				tickets: 5
			}]
		);
		assert_eq!(tickets(A), [0, 1, 4, 5, 6]);
		assert_eq!(bond(A), 5 * TICKET);
	});
}

#[test]
fn add_tickets_fails_when_it_is_no_mediator_or_nothing() {
	test(|| {
		assert_noop!(Mediation::add_tickets(signed(A), 1), Error::<Test>::NotMediator);
		mediators([A], 1);
		assert_noop!(Mediation::add_tickets(signed(A), 0), Error::<Test>::NoTickets);
	});
}

#[test]
fn unbond_tickets_works_and_leaves_no_gap() {
	test(|| {
		mediators([A, B], 3);
		System::reset_events();
		assert_ok!(Mediation::unbond_tickets(signed(A), 2));
		let releasable_at = System::block_number() + UNBONDING;
		assert_eq!(
			events(),
			[
				Event::TicketsChanged {
					mediator: A,
					tickets: 1
				},
				Event::Unbonding {
					mediator: A,
					amount: 2 * TICKET,
					releasable_at
				}
			]
		);
		assert_eq!(tickets(A), [0]);
		// B's last tickets have taken A's places.
		assert_eq!(tickets(B), [3, 1, 2]);
		assert_eq!(Mediation::count_latest(), 4);
		assert_eq!(bond(A), 3 * TICKET);
		check();
		// This era still draws by what was.
		let era = Mediation::era();
		assert_eq!(TicketCount::<Test>::get().as_of(era), Some(&6));
		assert_eq!(Tickets::<Test>::get(1).as_of(era), Some(&Some(A)));
		assert_eq!(Tickets::<Test>::get(5).as_of(era), Some(&Some(B)));
	});
}

#[test]
fn unbond_tickets_fails_when_there_are_fewer_or_nothing_to_unbond() {
	test(|| {
		mediators([A], 1);
		assert_noop!(
			Mediation::unbond_tickets(signed(A), 2),
			Error::<Test>::TooFewTickets
		);
		assert_noop!(Mediation::unbond_tickets(signed(A), 0), Error::<Test>::NoTickets);
		assert_noop!(
			Mediation::unbond_tickets(signed(B), 0),
			Error::<Test>::NotMediator
		);
	});
}

#[test]
fn unbond_tickets_boundary_of_the_parts() {
	test(|| {
		mediators([A], 8);
		for _ in 0..3 {
			assert_ok!(Mediation::unbond_tickets(signed(A), 1));
			assert_ok!(Mediation::unbond_tickets(signed(A), 1));
			pass(1);
		}
		frame_support::assert_err!(
			frame_support::storage::with_storage_layer(|| Mediation::unbond_tickets(signed(A), 1)),
			Error::<Test>::TooManyUnbonding
		);
		let parts = Mediators::<Test>::get(A).expect("registered").unbonding;
		assert_eq!(
			parts.iter().map(|part| part.amount).collect::<Vec<_>>(),
			[2 * TICKET; 3]
		);
	});
}

#[test]
fn withdraw_boundary_of_the_delay() {
	test(|| {
		mediators([A], 2);
		assert_ok!(Mediation::unbond_tickets(signed(A), 2));
		pass(UNBONDING - 1);
		assert_noop!(Mediation::withdraw(signed(A)), Error::<Test>::NothingToWithdraw);
		pass(1);
		System::reset_events();
		assert_ok!(Mediation::withdraw(signed(A)));
		assert_eq!(
			events(),
			[Event::Withdrawn {
				mediator: A,
				amount: 2 * TICKET
			}]
		);
		assert_eq!(free(A), 2 * TICKET + LP);
		// Nothing is left of it.
		assert!(!Mediators::<Test>::contains_key(A));
		assert_eq!(
			(StoredTickets::<Test>::get(), Tickets::<Test>::iter_keys().count()),
			(0, 0)
		);
		assert!(!TicketCount::<Test>::exists());
	});
}

#[test]
fn withdraw_fails_when_it_is_no_mediator() {
	test(|| {
		assert_noop!(Mediation::withdraw(signed(A)), Error::<Test>::NotMediator);
	});
}

/// A bond stays for as long as open cases can cost it something.
#[test]
fn withdraw_fails_when_open_cases_are_liable() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let who = draw(deal)[0];
		assert_ok!(Mediation::unbond_tickets(signed(who), 1));
		// The others commit just in time, again and again; here their time is just long.
		Cases::<Test>::mutate(deal, |case| {
			let case = case.as_mut().expect("open");
			Due::<Test>::remove(DueKey::new(case.stage.due(), deal));
			case.stage = Stage::Committing { by: 100_000 };
			Due::<Test>::insert(DueKey::new(case.stage.due(), deal), ());
		});
		pass(UNBONDING);
		assert_noop!(Mediation::withdraw(signed(who)), Error::<Test>::BondLiable);
		go_to(100_001);
		assert_ok!(Mediation::expire(signed(OTHER), deal));
		// It was absent: the rest is its own again.
		assert_ok!(Mediation::withdraw(signed(who)));
		assert_eq!(free(who), LP + TICKET - NO_SHOW);
		assert!(!Mediators::<Test>::contains_key(who));
	});
}

#[test]
fn a_slash_costs_the_ticket_that_it_breaks_and_the_rest_is_used_up_first() {
	test(|| {
		mediators(MEDIATORS, 2);
		let deal = challenged();
		let who = draw(deal)[0];
		System::reset_events();
		let Stage::Committing { by } = stage(deal) else {
			panic!("the panel is drawn");
		};
		go_to(by + 1);
		assert_ok!(Mediation::expire(signed(OTHER), deal));
		assert!(events().contains(&Event::Slashed {
			mediator: who,
			deal,
			amount: NO_SHOW,
			tickets_lost: 1
		}));
		assert_eq!((bond(who), tickets(who).len()), (2 * TICKET - NO_SHOW, 1));
		// A new ticket costs what is missing.
		mint(who, NO_SHOW);
		let before = free(who);
		assert_ok!(Mediation::add_tickets(signed(who), 1));
		assert_eq!(before - free(who), NO_SHOW);
		assert_eq!((bond(who), tickets(who).len()), (2 * TICKET, 2));
	});
}

#[test]
fn what_a_slash_left_can_be_unbonded() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let who = draw(deal)[0];
		let Stage::Committing { by } = stage(deal) else {
			panic!("the panel is drawn");
		};
		go_to(by + 1);
		assert_ok!(Mediation::expire(signed(OTHER), deal));
		assert_eq!(tickets(who), [0; 0]);
		assert_ok!(Mediation::unbond_tickets(signed(who), 0));
		pass(UNBONDING);
		assert_ok!(Mediation::withdraw(signed(who)));
		assert_eq!(free(who), LP + TICKET - NO_SHOW);
	});
}

/// What is unbonding is still liable.
#[test]
fn a_slash_reaches_what_is_unbonding() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let who = draw(deal)[0];
		assert_ok!(Mediation::unbond_tickets(signed(who), 1));
		let Stage::Committing { by } = stage(deal) else {
			panic!("the panel is drawn");
		};
		go_to(by + 1);
		assert_ok!(Mediation::expire(signed(OTHER), deal));
		let record = Mediators::<Test>::get(who).expect("something is left");
		let amount = TICKET - NO_SHOW;
		assert!(matches!(record.unbonding[..], [Unbonding { amount: left, .. }] if left == amount));
		assert_eq!(record.total, amount);
	});
}
