use crate::{
	mock::*, BridgeSet, Error, Event, Handled, Inbound, LiveRequests, Message, Pending, PendingRequests,
	Request, Sets, Ticket, HISTORY,
};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::{Outcome, LP};
use sp_runtime::DispatchResult;

fn attest_exit_by(key: &Key, ticket: Ticket) -> DispatchResult {
	Gateway::attest_exit(signed(&key.account()), LANE, ticket)
}

/// A quorum says that it was taken back.
#[track_caller]
fn exit(ticket: Ticket) {
	for key in &members()[..2] {
		assert_ok!(attest_exit_by(key, ticket));
	}
}

/// A request that is refused at once: everything comes back.
fn refused(id: u64) -> Request {
	Request {
		module: Default::default(),
		..request(id)
	}
}

/// So much has happened since the first number that it is not kept any more.
fn long_ago() {
	for id in 2..HISTORY + 4 {
		Gateway::decide(
			LANE,
			id,
			Handled {
				digest: Inbound::from(deposit(id, &alice(), LP)).digest(),
				amount: LP,
				replaced: false,
			},
		);
	}
	assert!(crate::FirstKept::<Test>::get(LANE) > 1);
}

#[track_caller]
fn last_event() -> Event<Test> {
	events().pop().expect("something has happened")
}

fn exited(id: u64, lost: u128) -> Event<Test> {
	Event::Exited {
		lane: LANE,
		id,
		amount: BUDGET,
		lost,
	}
}

#[test]
fn attest_exit_works_before_the_request_is_decided() {
	test(|| {
		exit(request(1).ticket());
		assert_eq!(last_event(), exited(1, 0));
		let books = Gateway::books(LANE);
		assert_eq!(
			(books.received, books.released, books.minted),
			(BUDGET, BUDGET, 0)
		);
		assert!(messages().is_empty(), "nobody waits for an answer");
		// The request is decided with it, and never taken up.
		assert_noop!(
			Gateway::attest(signed(&members()[2].account()), LANE, request(1).into()),
			Error::<Test>::AlreadyHandled
		);
		assert_noop!(
			attest_exit_by(&members()[2], request(1).ticket()),
			Error::<Test>::AlreadyHandled
		);
	});
}

#[test]
fn attest_exit_works_while_the_job_is_alive() {
	test(|| {
		let job = taken_up(request(1));
		exit(request(1).ticket());
		assert_eq!(last_event(), exited(1, BUDGET));
		let books = Gateway::books(LANE);
		assert_eq!((books.lost, books.reserved, books.live), (BUDGET, 0, 1));
		assert_eq!(books.locked(), 0);
		assert_ok!(Gateway::do_try_state());

		// Its end tells nobody; what is left over makes up for what was lost, and the cost is what stays.
		desk::end(job, completed(), 3 * LP, 0);
		assert!(messages().is_empty());
		let recovered = Event::Recovered {
			lane: LANE,
			id: 1,
			amount: BUDGET - 3 * LP,
		};
		assert_eq!(last_event(), recovered);
		let books = Gateway::books(LANE);
		assert_eq!((books.lost, books.live, books.locked()), (3 * LP, 0, 0));
		assert!(!System::account_exists(&wallet()));
		assert!(!LiveRequests::<Test>::contains_key(job));
	});
}

#[test]
fn compensation_of_a_job_whose_request_was_taken_back_can_be_released() {
	test(|| {
		attest(deposit(1, &alice(), 20 * LP));
		let job = taken_up(request(2));
		exit(request(2).ticket());
		desk::end(job, failed(Outcome::TimedOut), 0, 2 * LP);
		assert_eq!(Gateway::books(LANE).lost, 0, "all of the budget was burned");
		assert_eq!(free(&wallet()), 2 * LP);
		assert_ok!(Gateway::release(signed(&alice()), LANE, address(0xc0)));
		assert_eq!(only_payout().amount, 2 * LP);
	});
}

#[test]
fn attest_exit_works_after_the_answer() {
	test(|| {
		let job = taken_up(request(1));
		desk::end(job, completed(), 3 * LP, 0);
		assert_eq!(only_answer().refund, BUDGET - 3 * LP);
		assert_eq!(PendingRequests::<Test>::get(LANE, 1), Some(Pending::Answered(0)));
		exit(request(1).ticket());
		assert_eq!(last_event(), exited(1, 3 * LP));
		let books = Gateway::books(LANE);
		assert_eq!((books.lost, books.locked()), (3 * LP, 0));
		assert_eq!(messages().len(), 1, "the answer stays, and arrives nowhere");
		assert_noop!(
			attest_exit_by(&members()[2], request(1).ticket()),
			Error::<Test>::AlreadyHandled
		);
	});
}

#[test]
fn attest_exit_costs_nothing_when_everything_came_back_anyhow() {
	test(|| {
		attest(refused(1));
		exit(refused(1).ticket());
		assert_eq!(last_event(), exited(1, 0));
		assert_eq!(Gateway::books(LANE).lost, 0);
	});
}

#[test]
fn attest_exit_pays_compensation_that_the_answer_had_promised() {
	test(|| {
		attest(deposit(1, &alice(), 20 * LP));
		let job = taken_up(request(2));
		desk::end(job, failed(Outcome::TimedOut), 0, 2 * LP);
		let Message::Answer { ticket, answer } = messages()[0] else {
			panic!("no answer");
		};
		assert_eq!(answer.refund, BUDGET + 2 * LP);
		exit(ticket);
		let Message::Payout(payout) = messages()[1] else {
			panic!("no payout");
		};
		// The exit gave the budget; together that is what the answer had promised.
		assert_eq!((payout.to, payout.amount), (ticket.refund_to, 2 * LP));
		assert_eq!(Gateway::books(LANE).lost, 0);
	});
}

#[test]
fn attest_exit_fails_when_the_outbox_has_no_room_for_compensation() {
	test(|| {
		attest(deposit(1, &alice(), 20 * LP));
		let job = taken_up(request(2));
		desk::end(job, failed(Outcome::TimedOut), 0, 2 * LP);
		pass(1);
		let keys = members();
		for id in 3.. {
			let mut votes = keys[..2].iter().map(|key| {
				Gateway::attest(signed(&key.account()), LANE, refused(id).into()).map_err(|error| error.error)
			});
			if votes.any(|vote| vote == Err(Error::<Test>::OutboxFull.into())) {
				break;
			}
			pass(1);
		}
		let ticket = request(2).ticket();
		assert_ok!(attest_exit_by(&members()[0], ticket));
		assert_noop!(attest_exit_by(&members()[1], ticket), Error::<Test>::OutboxFull);
		// What needs no message needs no room.
		exit(refused(3).ticket());
		assert_eq!(last_event(), exited(3, 0));
	});
}

#[test]
fn attest_exit_fails_when_the_answer_was_delivered() {
	test(|| {
		attest(refused(1));
		pass(1);
		for key in &members()[..2] {
			assert_ok!(Gateway::acknowledge(signed(&key.account()), LANE, 1));
		}
		assert_eq!(PendingRequests::<Test>::get(LANE, 1), None);
		assert_noop!(
			attest_exit_by(&members()[0], refused(1).ticket()),
			Error::<Test>::AlreadyHandled
		);
	});
}

#[test]
fn attest_exit_fails_when_the_ticket_is_anothers() {
	test(|| {
		attest(deposit(1, &alice(), 20 * LP));
		taken_up(request(2));
		attest(refused(3));
		let other = |id| Ticket {
			budget: BUDGET + 1,
			..request(id).ticket()
		};
		for id in 1..=3 {
			assert_noop!(
				attest_exit_by(&members()[0], other(id)),
				Error::<Test>::AlreadyHandled
			);
		}
		assert_noop!(
			attest_exit_by(
				&members()[0],
				Ticket {
					budget: 0,
					..request(4).ticket()
				}
			),
			Error::<Test>::BadAmount
		);
	});
}

#[test]
fn attest_exit_fails_for_strangers_and_while_paused() {
	test(|| {
		let ticket = request(1).ticket();
		let call = |who, lane| Gateway::attest_exit(signed(&who), lane, ticket);
		assert_noop!(call(alice(), LANE), Error::<Test>::NotMember);
		assert_noop!(call(members()[0].account(), 99), Error::<Test>::UnknownLane);
		assert_ok!(Gateway::pause_lane(RuntimeOrigin::root(), LANE, true));
		assert_noop!(call(members()[0].account(), LANE), Error::<Test>::Paused);
	});
}

#[test]
fn attest_exit_needs_a_quorum_for_the_same() {
	test(|| {
		let keys = members();
		let other = Ticket {
			budget: 1,
			..request(1).ticket()
		};
		assert_ok!(attest_exit_by(&keys[0], request(1).ticket()));
		assert_ok!(attest_exit_by(&keys[1], other));
		assert_noop!(
			attest_exit_by(&keys[0], request(1).ticket()),
			Error::<Test>::AlreadyAttested
		);
		assert_eq!(Gateway::books(LANE).received, 0);
		// A vote for the request is none for its exit.
		assert_ok!(Gateway::attest(
			signed(&keys[2].account()),
			LANE,
			request(1).into()
		));
		assert_eq!(Gateway::books(LANE).received, 0);
		assert_ok!(attest_exit_by(&keys[2], request(1).ticket()));
		assert_eq!(last_event(), exited(1, 0));
	});
}

#[test]
fn votes_on_an_exit_do_not_outlive_what_they_are_about() {
	test(|| {
		attest(refused(1));
		pass(1);
		assert_ok!(attest_exit_by(&members()[0], refused(1).ticket()));
		// The number leaves the window; that it waits for its answer keeps what is said about it.
		crate::AllHandled::<Test>::remove(LANE, 1);
		crate::FirstKept::<Test>::insert(LANE, 2);
		assert_ok!(Gateway::do_try_state());
		for key in &members()[..2] {
			assert_ok!(Gateway::acknowledge(signed(&key.account()), LANE, 1));
		}
		assert!(!crate::OpenVotes::<Test>::contains_key(LANE, 1));
	});
}

#[test]
fn attest_exit_works_however_long_ago_the_request_was_decided() {
	test(|| {
		attest(refused(1));
		long_ago();
		exit(refused(1).ticket());
		assert_eq!(last_event(), exited(1, 0));
	});
}

#[test]
fn votes_on_an_exit_outlast_the_history() {
	test(|| {
		attest(refused(1));
		assert_ok!(attest_exit_by(&members()[0], refused(1).ticket()));
		long_ago();
		assert_ok!(Gateway::do_try_state());
		assert_ok!(attest_exit_by(&members()[1], refused(1).ticket()));
		assert_eq!(last_event(), exited(1, 0));
		assert!(!crate::OpenVotes::<Test>::contains_key(LANE, 1));
	});
}

#[test]
fn a_reorganisation_after_an_exit_costs_nothing_more() {
	test(|| {
		taken_up(request(1));
		exit(request(1).ticket());
		let other = Request {
			budget: LP,
			..request(1)
		};
		attest(other.clone());
		// What the first had locked was gone already.
		assert_eq!(Gateway::books(LANE).lost, BUDGET);
		// And the second, which was given back, can be taken back as well.
		exit(other.ticket());
		assert_eq!(Gateway::books(LANE).lost, BUDGET);
	});
}

#[test]
fn what_a_reorganisation_has_undone_can_not_be_taken_back() {
	test(|| {
		let job = taken_up(request(1));
		let other = Request {
			budget: LP,
			..request(1)
		};
		attest(other);
		assert_noop!(
			attest_exit_by(&members()[0], request(1).ticket()),
			Error::<Test>::AlreadyHandled
		);
		// The first job's answer does not take the place of the second's.
		pass(1);
		desk::end(job, completed(), LP, 0);
		assert_eq!(PendingRequests::<Test>::get(LANE, 1), Some(Pending::Answered(0)));
	});
}

#[test]
fn votes_on_an_exit_count_for_the_set_in_office_only() {
	test(|| {
		assert_ok!(attest_exit_by(&members()[0], request(1).ticket()));
		let next = keys(3..=5);
		let members: Vec<_> = next.iter().map(|key| key.member.clone()).collect();
		let set = BridgeSet {
			number: 2,
			threshold: 2,
			members: members.try_into().expect("three"),
		};
		Gateway::seat(LANE, Sets::<Test>::get(LANE), set);
		assert_ok!(attest_exit_by(&next[0], request(1).ticket()));
		assert_eq!(Gateway::books(LANE).received, 0);
		assert_ok!(attest_exit_by(&next[1], request(1).ticket()));
		assert_eq!(Gateway::books(LANE).received, BUDGET);
	});
}
