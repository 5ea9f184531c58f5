use crate::{mock::*, BooksOf, Error, Event, Payout};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::LP;

#[test]
fn a_deposit_works() {
	test(|| {
		let before = free(&alice());
		attest(deposit(1, &alice(), 7 * LP));
		assert_eq!(free(&alice()), before + 7 * LP);
		let books = BooksOf::<Test>::get(LANE);
		assert_eq!(
			(books.received, books.minted, books.free(), books.reserved),
			(7 * LP, 7 * LP, 7 * LP, 0)
		);
		assert_eq!(
			events().last(),
			Some(&Event::BridgedIn {
				lane: LANE,
				id: 1,
				from: address(0xd0),
				account: alice(),
				amount: 7 * LP
			})
		);
		assert!(messages().is_empty());
	});
}

#[test]
fn a_deposit_works_for_a_new_account() {
	test(|| {
		attest(deposit(1, &nobody(), ED));
		assert_eq!(free(&nobody()), ED);
	});
}

#[test]
fn a_deposit_is_given_back_when_it_is_too_small_for_a_new_account() {
	test(|| {
		attest(deposit(1, &nobody(), ED - 1));
		assert_eq!(
			only_payout(),
			Payout {
				nonce: 0,
				to: address(0xd0),
				amount: ED - 1
			}
		);
		assert_eq!(BooksOf::<Test>::get(LANE).locked(), 0);
		// As little does for an account that exists.
		attest(deposit(2, &alice(), 1));
		assert_eq!(messages().len(), 1);
	});
}

#[test]
fn a_deposit_is_given_back_when_it_is_over_the_lanes_largest() {
	test(|| {
		attest(deposit(1, &alice(), 100 * LP + 1));
		assert_eq!(only_payout().amount, 100 * LP + 1);
		assert_eq!(free(&alice()), ENDOWMENT);
	});
}

#[test]
fn a_deposit_shares_numbers_and_limits_with_requests() {
	test(|| {
		attest(request(1));
		let [member, other, _] = [0, 1, 2].map(|at| members()[at].account());
		assert_ok!(Gateway::attest(
			signed(&member),
			LANE,
			deposit(1, &alice(), BUDGET).into()
		));
		for id in [2, 3] {
			attest(deposit(id, &alice(), 100 * LP));
		}
		assert_ok!(Gateway::attest(
			signed(&member),
			LANE,
			deposit(4, &alice(), 100 * LP).into()
		));
		assert_noop!(
			Gateway::attest(signed(&other), LANE, deposit(4, &alice(), 100 * LP).into()),
			Error::<Test>::RateLimited
		);
	});
}

#[test]
fn a_deposit_works_once() {
	test(|| {
		attest(deposit(1, &alice(), LP));
		for key in members() {
			assert_noop!(
				Gateway::attest(signed(&key.account()), LANE, deposit(1, &alice(), LP).into()),
				Error::<Test>::AlreadyHandled
			);
		}
		assert_eq!(free(&alice()), ENDOWMENT + LP);
	});
}

#[test]
fn a_deposit_whose_number_was_anothers_is_given_back() {
	test(|| {
		attest(deposit(1, &alice(), LP));
		attest(deposit(1, &provider(), 2 * LP));
		assert_eq!(only_payout().amount, 2 * LP);
		assert_eq!(free(&provider()), ENDOWMENT);
		let books = BooksOf::<Test>::get(LANE);
		assert_eq!((books.lost, books.free()), (LP, 0));
	});
}
