use super::*;
use crate::Capability;
use lilypad_primitives::{MachineSpec, Platform};

const NEW: AccountId = 500;

#[test]
fn register_works() {
	test(|| {
		mint(NEW, 3 * TICKET + LP);
		assert_ok!(Mediation::register(signed(NEW), capable(), 3));
		assert_eq!(
			events(),
			[
				Event::Registered {
					mediator: NEW,
					tickets: 3
				},
				Event::CapabilitySet {
					mediator: NEW,
					capability: capable()
				}
			]
		);
		assert_eq!((free(NEW), bond(NEW)), (LP, 3 * TICKET));
		assert_eq!(
			Mediators::<Test>::get(NEW).expect("registered").tickets.to_vec(),
			[0, 1, 2]
		);
		assert_eq!(Able::<Test>::get(Platform::Wasm), 1);
		assert_eq!(Able::<Test>::get(Platform::ContainerAmd64), 0);
	});
}

/// Known failure 51: ticket changes after the seed was public. They count from the next era on, in which no earlier block is drawn by.
#[test]
fn tickets_count_from_the_next_era_on() {
	test(|| {
		mint(NEW, 3 * TICKET + LP);
		assert_ok!(Mediation::register(signed(NEW), capable(), 3));
		assert_eq!(TicketCount::<Test>::get().as_of(0), None);
		assert_eq!(TicketCount::<Test>::get().as_of(1), Some(&3));
		assert_eq!(Tickets::<Test>::get(1).as_of(0), None);
		assert_eq!(Tickets::<Test>::get(1).as_of(1), Some(&Some(NEW)));
	});
}

#[test]
fn register_fails_when_done_before() {
	test(|| {
		mint(NEW, 3 * TICKET);
		assert_ok!(Mediation::register(signed(NEW), capable(), 1));
		assert_noop!(
			Mediation::register(signed(NEW), capable(), 1),
			Error::<Test>::AlreadyMediator
		);
	});
}

#[test]
fn register_fails_when_there_are_no_or_too_many_tickets() {
	test(|| {
		mint(NEW, 100 * TICKET);
		assert_noop!(
			Mediation::register(signed(NEW), capable(), 0),
			Error::<Test>::NoTickets
		);
		frame_support::assert_err!(
			frame_support::storage::with_storage_layer(|| Mediation::register(signed(NEW), capable(), 65)),
			Error::<Test>::TooManyTickets
		);
		assert_ok!(Mediation::register(signed(NEW), capable(), 64));
	});
}

#[test]
fn register_fails_when_the_capability_makes_no_sense() {
	test(|| {
		mint(NEW, 100 * TICKET);
		for platforms in [vec![], vec![Platform::Wasm, Platform::Wasm]] {
			let capability = Capability {
				platforms: platforms.try_into().expect("few"),
				..capable()
			};
			assert_noop!(
				Mediation::register(signed(NEW), capability, 1),
				Error::<Test>::BadPlatforms
			);
		}
		let capability = Capability {
			spec: MachineSpec::new(0, 1, 1),
			..capable()
		};
		assert_noop!(
			Mediation::register(signed(NEW), capability, 1),
			Error::<Test>::BadMachine
		);
	});
}

#[test]
fn register_boundary_of_the_balance() {
	test(|| {
		mint(NEW, TICKET + ED - 1);
		assert_noop!(
			Mediation::register(signed(NEW), capable(), 1),
			sp_runtime::TokenError::FundsUnavailable
		);
		mint(NEW, 1);
		assert_ok!(Mediation::register(signed(NEW), capable(), 1));
	});
}

#[test]
fn set_capability_works_from_the_next_era_on() {
	test(|| {
		mediators([NEW], 1);
		let era = Mediation::era();
		let none = Capability {
			slots: 0,
			..capable()
		};
		System::reset_events();
		assert_ok!(Mediation::set_capability(signed(NEW), none.clone()));
		assert_eq!(
			events(),
			[Event::CapabilitySet {
				mediator: NEW,
				capability: none.clone()
			}]
		);
		let record = Mediators::<Test>::get(NEW).expect("registered");
		assert_eq!(record.capability.as_of(era), Some(&capable()));
		assert_eq!(record.capability.as_of(era + 1), Some(&none));
		assert_eq!(Able::<Test>::get(Platform::Wasm), 0);
	});
}

#[test]
fn set_capability_fails_when_it_is_no_mediator_or_no_sense() {
	test(|| {
		assert_noop!(
			Mediation::set_capability(signed(NEW), capable()),
			Error::<Test>::NotMediator
		);
		mediators([NEW], 1);
		let capability = Capability {
			spec: MachineSpec::new(1, 0, 1),
			..capable()
		};
		assert_noop!(
			Mediation::set_capability(signed(NEW), capability),
			Error::<Test>::BadMachine
		);
	});
}
