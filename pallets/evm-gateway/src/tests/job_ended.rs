use crate::{mock::*, status, Answer, BooksOf, Event, LiveRequests, Message, Request, Wallets};
use frame_support::assert_ok;
use lilypad_primitives::{
	traits::{JobEnding, OnJobEnded},
	JobId, JobOrigin, Outcome, LP,
};

#[test]
fn a_result_is_answered_and_the_rest_burned_in_the_same_block() {
	test(|| {
		let request = request(1);
		let job = taken_up(request.clone());
		System::reset_events();
		desk::end(job, completed(), 4 * LP, 0);
		let answer = Answer {
			deal: 77,
			status: status::COMPLETED,
			exit_code: 1,
			root: [5; 32],
			cost: 4 * LP,
			refund: BUDGET - 4 * LP,
		};
		let message = Message::Answer {
			ticket: request.ticket(),
			answer,
		};
		assert_eq!(messages(), [message]);
		assert_eq!(
			events(),
			[Event::MessageQueued {
				lane: LANE,
				batch: 0,
				message
			}]
		);
		assert!(!System::account_exists(&wallet()), "nothing is left on the way");
		let books = BooksOf::<Test>::get(LANE);
		assert_eq!((books.burned, books.released), (6 * LP, 6 * LP));
		assert_eq!((books.locked(), books.reserved, books.live), (4 * LP, 0, 0));
		assert!(LiveRequests::<Test>::iter().next().is_none() && Wallets::<Test>::iter().next().is_none());
	});
}

#[test]
fn every_failure_is_answered_with_what_was_not_spent() {
	for (ending, cost, status) in [
		(JobEnding::Unmatched, 0, status::UNMATCHED),
		(failed(Outcome::NoShow), 0, status::PROVIDER_FAILED),
		(failed(Outcome::TimedOut), 0, status::PROVIDER_FAILED),
		(
			failed(Outcome::Unfetchable { again: true }),
			LP / 50,
			status::UNFETCHABLE,
		),
		(failed(Outcome::Overturned { votes: 3 }), 0, status::OVERTURNED),
		(failed(Outcome::UnresolvedChallenge), 0, status::UNRESOLVED),
	] {
		test(|| {
			let job = taken_up(request(1));
			desk::end(job, ending, cost, 0);
			let answer = only_answer();
			assert_eq!((answer.status, answer.cost), (status, cost));
			assert_eq!(answer.refund, BUDGET - cost);
			assert_eq!((answer.exit_code, answer.root), (0, [0; 32]));
			assert!(!System::account_exists(&wallet()));
		});
	}
}

#[test]
fn a_budget_that_is_spent_whole_still_leaves_what_kept_the_wallet() {
	test(|| {
		let job = taken_up(request(1));
		desk::end(job, completed(), BUDGET - ED, 0);
		assert_eq!(only_answer().refund, ED);
	});
}

#[test]
fn compensation_comes_back_too() {
	test(|| {
		// The lane has LP to spare: somebody sent some.
		attest(deposit(1, &alice(), 20 * LP));
		let job = taken_up(request(2));
		desk::end(job, failed(Outcome::TimedOut), 0, 5 * LP);
		assert_eq!(only_answer().refund, BUDGET + 5 * LP);
		let books = BooksOf::<Test>::get(LANE);
		assert_eq!((books.locked(), books.outflow.level), (15 * LP, 5 * LP));
	});
}

#[test]
fn compensation_stays_as_far_as_the_lane_does_not_hold_it() {
	test(|| {
		attest(deposit(1, &alice(), 2 * LP));
		let job = taken_up(request(2));
		desk::end(job, failed(Outcome::TimedOut), 0, 5 * LP);
		assert_eq!(only_answer().refund, BUDGET + 2 * LP);
		assert_eq!(free(&wallet()), 3 * LP);
		assert_eq!(BooksOf::<Test>::get(LANE).locked(), 0);
		// Once the lane holds more, it can be had.
		attest(deposit(3, &alice(), 10 * LP));
		assert_ok!(Gateway::release(signed(&alice()), LANE, address(0xc0)));
		assert_eq!(free(&wallet()), 0);
	});
}

#[test]
fn compensation_is_no_more_than_the_gateway_surely_lets_through() {
	test(|| {
		attest(deposit(1, &alice(), 50 * LP));
		let job = taken_up(request(2));
		desk::end(job, failed(Outcome::TimedOut), 0, 25 * LP);
		assert_eq!(only_answer().refund, 2 * BUDGET);
		assert_eq!(free(&wallet()), 15 * LP);
	});
}

#[test]
fn compensation_never_takes_what_other_requests_may_get_back() {
	test(|| {
		let other = Request {
			requester: address(0xaa),
			..request(1)
		};
		let other = taken_up(other);
		let job = taken_up(request(2));
		desk::end(job, failed(Outcome::TimedOut), 0, 5 * LP);
		assert_eq!(only_answer().refund, BUDGET, "all the rest is the other's");
		desk::end(other, JobEnding::Unmatched, 0, 0);
		let Some(Message::Answer { answer, .. }) = messages().last().copied() else {
			panic!("no answer");
		};
		assert_eq!(answer.refund, BUDGET);
	});
}

#[test]
fn compensation_boundary_dust() {
	// What can't come back and is too small to stay alone makes the refund so much smaller that nothing is lost.
	test(|| {
		let job = taken_up(request(1));
		desk::end(job, failed(Outcome::TimedOut), 0, ED / 2);
		assert_eq!(only_answer().refund, BUDGET + ED / 2 - ED);
		assert_eq!(free(&wallet()), ED);
	});
	test(|| {
		let job = taken_up(request(1));
		desk::end(job, failed(Outcome::TimedOut), 0, ED);
		assert_eq!((only_answer().refund, free(&wallet())), (BUDGET, ED));
	});
}

#[test]
fn requests_of_one_contract_share_a_wallet_and_not_each_others_budgets() {
	test(|| {
		let first = taken_up(request(1));
		let second = taken_up(request(2));
		assert_eq!(Wallets::<Test>::get(wallet()), 2);
		desk::end(second, completed(), 3 * LP, 0);
		assert_eq!(only_answer().refund, 7 * LP);
		assert_eq!(free(&wallet()), ED);
		check();
		desk::end(first, completed(), 4 * LP, 0);
		let answers: Vec<_> = messages()
			.iter()
			.map(|message| match message {
				Message::Answer { ticket, answer } => (ticket.id, answer.refund),
				Message::Payout(_) => panic!("a payout"),
			})
			.collect();
		assert_eq!(answers, [(2, 7 * LP), (1, 6 * LP)]);
		assert_eq!(free(&wallet()), 0);
	});
}

#[test]
fn what_somebody_sends_to_a_wallet_comes_back_with_an_answer() {
	test(|| {
		attest(deposit(1, &wallet(), LP));
		assert_eq!(free(&wallet()), LP);
		let job = taken_up(request(2));
		desk::end(job, completed(), 2 * LP, 0);
		assert_eq!(only_answer().refund, BUDGET - LP);
	});
}

#[test]
fn native_jobs_are_none_of_the_gateways_business() {
	test(|| {
		taken_up(request(1));
		Gateway::job_ended(JobId(0), &JobOrigin::Native, &alice(), &JobEnding::Unmatched, 0);
		assert!(LiveRequests::<Test>::contains_key(JobId(0)));
		let origin = JobOrigin::Evm {
			chain: CHAIN,
			request: 9,
			delegate: None,
		};
		Gateway::job_ended(JobId(9), &origin, &alice(), &JobEnding::Unmatched, 0);
		assert!(messages().is_empty());
	});
}

#[test]
fn a_request_is_answered_once() {
	test(|| {
		let job = taken_up(request(1));
		desk::end(job, JobEnding::Unmatched, 0, 0);
		let origin = JobOrigin::Evm {
			chain: CHAIN,
			request: 1,
			delegate: None,
		};
		Gateway::job_ended(job, &origin, &wallet(), &JobEnding::Unmatched, 0);
		assert_eq!(messages().len(), 1);
	});
}
