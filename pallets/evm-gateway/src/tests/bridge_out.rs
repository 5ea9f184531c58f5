use crate::{mock::*, BooksOf, Error, Event, FinalityRule, Limits, Message, Payout, Request};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::{traits::JobEnding, Balance, LP};
use sp_core::H160;
use sp_runtime::{DispatchResult, TokenError};

fn out(amount: Balance) -> DispatchResult {
	Gateway::bridge_out(signed(&alice()), LANE, address(5), amount)
}

/// LP that a job's provider earned backs what people send.
fn backed(amount: Balance) {
	attest(deposit(1, &provider(), amount));
	System::reset_events();
}

#[test]
fn bridge_out_works() {
	test(|| {
		backed(20 * LP);
		assert_ok!(out(5 * LP));
		let payout = Payout {
			nonce: 0,
			to: address(5),
			amount: 5 * LP,
		};
		assert_eq!(only_payout(), payout);
		assert_eq!(free(&alice()), ENDOWMENT - 5 * LP);
		let books = BooksOf::<Test>::get(LANE);
		assert_eq!(
			(books.burned, books.released, books.locked()),
			(5 * LP, 5 * LP, 15 * LP)
		);
		assert_eq!(
			events(),
			[
				Event::BridgedOut {
					lane: LANE,
					nonce: 0,
					from: alice(),
					to: address(5),
					amount: 5 * LP
				},
				Event::MessageQueued {
					lane: LANE,
					batch: 0,
					message: Message::Payout(payout)
				}
			]
		);
		assert_ok!(out(LP));
		let nonces: Vec<_> = messages()
			.iter()
			.map(|message| match message {
				Message::Payout(payout) => payout.nonce,
				Message::Answer { .. } => panic!("an answer"),
			})
			.collect();
		assert_eq!(nonces, [0, 1]);
	});
}

#[test]
fn what_a_provider_earned_can_be_sent_over() {
	test(|| {
		let job = taken_up(request(1));
		desk::end(job, completed(), 4 * LP, 0);
		let call = |amount| Gateway::bridge_out(signed(&provider()), LANE, address(5), amount);
		assert_noop!(call(4 * LP + 1), Error::<Test>::LaneShort);
		assert_ok!(call(4 * LP));
		assert_eq!(BooksOf::<Test>::get(LANE).locked(), 0);
	});
}

#[test]
fn bridge_out_fails_when_the_gateway_holds_too_little() {
	test(|| {
		assert_noop!(out(1), Error::<Test>::LaneShort);
		backed(LP);
		assert_noop!(out(LP + 1), Error::<Test>::LaneShort);
		assert_ok!(out(LP));
		assert_noop!(out(1), Error::<Test>::LaneShort);
	});
}

#[test]
fn bridge_out_fails_when_requests_may_need_it_back() {
	test(|| {
		let job = taken_up(request(1));
		assert_noop!(out(1), Error::<Test>::LaneShort);
		desk::end(job, JobEnding::Unmatched, 0, 0);
		assert_noop!(out(1), Error::<Test>::LaneShort);
		assert_eq!(only_answer().refund, BUDGET);
	});
}

#[test]
fn bridge_out_fails_when_it_is_another_lanes() {
	test(|| {
		backed(20 * LP);
		assert_noop!(
			Gateway::bridge_out(signed(&alice()), OTHER_LANE, address(5), LP),
			Error::<Test>::LaneShort
		);
		assert_noop!(
			Gateway::bridge_out(signed(&alice()), 99, address(5), LP),
			Error::<Test>::UnknownLane
		);
	});
}

#[test]
fn bridge_out_fails_when_the_amount_is_zero_or_too_large() {
	test(|| {
		backed(100 * LP);
		assert_noop!(out(0), Error::<Test>::TooLittle);
		assert_noop!(out(100 * LP + 1), Error::<Test>::BadAmount);
		assert_ok!(out(100 * LP));
	});
}

#[test]
fn bridge_out_boundary_the_lanes_least() {
	test(|| {
		backed(100 * LP);
		at_least(2 * LP);
		assert_noop!(out(2 * LP - 1), Error::<Test>::TooLittle);
		assert_ok!(out(2 * LP));
	});
}

#[test]
fn bridge_out_fails_when_nobody_could_withdraw_it() {
	test(|| {
		backed(100 * LP);
		for to in [H160::zero(), gateway(LANE)] {
			assert_noop!(
				Gateway::bridge_out(signed(&alice()), LANE, to, LP),
				Error::<Test>::BadAddress
			);
		}
	});
}

#[test]
fn bridge_out_fails_when_the_limit_is_used_up_and_works_later() {
	test(|| {
		for id in 1..=3 {
			attest(deposit(id, &provider(), 100 * LP));
		}
		assert_ok!(out(100 * LP));
		assert_ok!(out(100 * LP));
		assert_noop!(out(LP), Error::<Test>::RateLimited);
		// 200 LP in 100 blocks.
		pass(1);
		assert_noop!(out(2 * LP + 1), Error::<Test>::RateLimited);
		assert_ok!(out(2 * LP));
	});
}

#[test]
fn what_was_not_spent_comes_back_whatever_the_limit() {
	test(|| {
		attest(deposit(1, &provider(), 100 * LP));
		let job = taken_up(request(2));
		let limits = Limits {
			largest: 100 * LP,
			outflow: 100 * LP,
			..LIMITS
		};
		assert_ok!(Gateway::set_lane(
			RuntimeOrigin::root(),
			LANE,
			FinalityRule::Finalized,
			limits
		));
		assert_ok!(out(100 * LP));
		desk::end(job, JobEnding::Unmatched, 0, 0);
		let Some(Message::Answer { answer, .. }) = messages().last().copied() else {
			panic!("no answer");
		};
		assert_eq!(answer.refund, BUDGET);
	});
}

#[test]
fn bridge_out_fails_when_the_sender_has_too_little() {
	test(|| {
		backed(100 * LP);
		assert_noop!(
			Gateway::bridge_out(signed(&nobody()), LANE, address(5), LP),
			TokenError::FundsUnavailable
		);
	});
}

#[test]
fn bridge_out_fails_when_the_outbox_is_full() {
	test(|| {
		backed(100 * LP);
		for id in 2..2 + u64::from(MAX_BATCHES) {
			attest(Request {
				module: Default::default(),
				..request(id)
			});
			pass(1);
		}
		assert_noop!(out(LP), Error::<Test>::OutboxFull);
		for key in &members()[..2] {
			assert_ok!(Gateway::acknowledge(signed(&key.account()), LANE, 1));
		}
		assert_ok!(out(LP));
	});
}

#[test]
fn all_of_an_account_can_be_sent_over() {
	test(|| {
		attest(deposit(1, &nobody(), 10 * LP));
		assert_ok!(Gateway::bridge_out(signed(&nobody()), LANE, address(5), 10 * LP));
		assert!(!System::account_exists(&nobody()));
	});
}
