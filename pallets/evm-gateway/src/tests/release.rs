use crate::{mock::*, BooksOf, Error, Event, Message, Payout, Request};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::{traits::JobEnding, Balance, LP};
use sp_runtime::DispatchResult;

fn release() -> DispatchResult {
	Gateway::release(signed(&alice()), LANE, address(0xc0))
}

/// The wallet has this much, and the lane holds it.
fn in_wallet(id: u64, amount: Balance) {
	attest(deposit(id, &wallet(), amount));
	System::reset_events();
}

#[test]
fn release_works() {
	test(|| {
		in_wallet(1, 5 * LP);
		assert_ok!(release());
		let payout = Payout {
			nonce: 0,
			to: address(0xc0),
			amount: 5 * LP,
		};
		assert_eq!(
			events(),
			[
				Event::Released {
					lane: LANE,
					nonce: 0,
					address: address(0xc0),
					amount: 5 * LP
				},
				Event::MessageQueued {
					lane: LANE,
					batch: 0,
					message: Message::Payout(payout)
				}
			]
		);
		assert!(!System::account_exists(&wallet()));
		assert_eq!(BooksOf::<Test>::get(LANE).locked(), 0);
	});
}

#[test]
fn release_leaves_live_requests_alone() {
	test(|| {
		let job = taken_up(request(1));
		assert_noop!(release(), Error::<Test>::NothingToRelease);
		in_wallet(2, 3 * LP);
		assert_ok!(release());
		assert_eq!(free(&wallet()), ED);
		check();
		desk::end(job, completed(), LP, 0);
		assert_eq!(messages().len(), 2);
		assert_eq!(free(&wallet()), 0);
	});
}

#[test]
fn release_sends_no_more_than_the_lane_holds_or_lets_pass() {
	test(|| {
		in_wallet(1, 100 * LP);
		assert_ok!(Gateway::bridge_out(signed(&alice()), LANE, address(1), 90 * LP));
		assert_ok!(release());
		assert_eq!(
			free(&wallet()),
			90 * LP,
			"the rest waits for the lane to hold more"
		);
		assert_noop!(release(), Error::<Test>::NothingToRelease);
		// The limit for now: 200 LP, of which 100 are used.
		attest(deposit(2, &provider(), 100 * LP));
		attest(deposit(3, &wallet(), 100 * LP));
		assert_ok!(release());
		assert_eq!(free(&wallet()), 90 * LP);
		assert_noop!(release(), Error::<Test>::NothingToRelease);
		pass(100);
		assert_ok!(release());
		assert_eq!(free(&wallet()), 0);
	});
}

#[test]
fn release_boundary_dust() {
	test(|| {
		in_wallet(1, LP);
		// Half an existential deposit less than all.
		assert_ok!(Gateway::bridge_out(signed(&alice()), LANE, address(1), ED / 2));
		assert_ok!(release());
		assert_eq!(free(&wallet()), ED, "nothing is lost as dust");
	});
}

#[test]
fn release_boundary_the_lanes_least() {
	test(|| {
		in_wallet(1, 2 * LP - 1);
		at_least(2 * LP);
		assert_noop!(release(), Error::<Test>::NothingToRelease);
		assert_eq!(free(&wallet()), 2 * LP - 1, "it waits for more");
		in_wallet(2, 1);
		assert_ok!(release());
		assert_eq!(only_payout().amount, 2 * LP);
	});
}

#[test]
fn less_than_the_lanes_least_comes_back_with_the_next_answer() {
	test(|| {
		in_wallet(1, LP);
		at_least(2 * LP);
		let job = taken_up(request(2));
		desk::end(job, JobEnding::Unmatched, 0, 0);
		assert_eq!(only_answer().refund, BUDGET + LP);
	});
}

#[test]
fn release_fails_when_there_is_nothing() {
	test(|| {
		assert_noop!(release(), Error::<Test>::NothingToRelease);
		assert_noop!(
			Gateway::release(signed(&alice()), 99, address(1)),
			Error::<Test>::UnknownLane
		);
	});
}

#[test]
fn a_wallets_account_is_a_hash_with_a_domain() {
	// Its account is a hash with a domain of its own: nobody has a key to it, and no other pallet derives the same.
	let known = "401f42383b0047c3f0460404f5a9437f11c7ec3e3334e34388547ffe51912036";
	assert_eq!(
		wallet(),
		<[u8; 32]>::try_from(hex::decode(known).unwrap()).unwrap().into()
	);
	let wallets = [(1, 1), (2, 1), (1, 2)].map(|(chain, at)| crate::wallet_of(chain, address(at)));
	assert_ne!(wallets[0], wallets[1]);
	assert_ne!(wallets[0], wallets[2]);
}

#[test]
fn requests_of_others_pay_nothing_to_a_wallet() {
	test(|| {
		let other = Request {
			requester: address(0xee),
			..request(1)
		};
		let job = taken_up(other);
		desk::end(job, completed(), LP, 0);
		assert_eq!(free(&wallet()), 0);
	});
}
