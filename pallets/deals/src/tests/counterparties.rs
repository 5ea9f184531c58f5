//! No settlement fails because of somebody's account.

use super::*;
use frame_support::traits::{
	fungible::{Mutate, MutateFreeze},
	tokens::Preservation::Expendable,
};

/// The standard deal with these terms, accepted with one second's run.
fn accept_with(terms: Terms<AccountId>) {
	let creator = terms.creator;
	let provider = terms.provider;
	let deal = matched_with(terms);
	let opening = Opening {
		usage: 1_000,
		..opening()
	};
	assert_ok!(DealsPallet::submit(signed(provider), deal, opening.seal(deal)));
	pass(DRAW);
	System::reset_events();
	assert_ok!(DealsPallet::accept(signed(creator), deal, opening));
}

fn freeze_all(who: AccountId) {
	assert_ok!(<Balances as MutateFreeze<_>>::set_freeze(
		b"a freeze",
		&who,
		u128::MAX
	));
}

/// Empties an account and lets it die.
fn kill(who: AccountId) {
	let all = System::account(who).data.free;
	assert_ok!(<Balances as Mutate<_>>::transfer(&who, &OTHER, all, Expendable));
	assert!(!System::account_exists(&who));
}

#[test]
fn a_payment_too_small_to_bring_an_account_back_goes_to_the_treasury() {
	test(|| {
		kill(AUTHOR);
		let before = balances();
		accept_with(Terms {
			module_fee: ED - 1,
			..terms(PROVIDER)
		});
		assert_changed(
			&before,
			&[
				(CREATOR, minus(LP + LEVY + TIP + ED - 1), 0),
				(PROVIDER, plus(LP), 0),
				(SOLVER, plus(TIP), 0),
				(TREASURY, plus(ED - 1), 0),
				(POOL, plus(LEVY), 0),
			],
		);
		let redirected = Event::PaymentRedirected {
			from: CREATOR,
			reason: HoldReason::JobBudget,
			to: AUTHOR,
			amount: ED - 1,
		};
		assert_eq!(events().iter().filter(|event| **event == redirected).count(), 1);
	});
}

#[test]
fn a_payment_brings_a_dead_account_back_when_it_can() {
	test(|| {
		kill(AUTHOR);
		let before = balances();
		accept_with(Terms {
			module_fee: ED,
			..terms(PROVIDER)
		});
		assert_changed(
			&before,
			&[
				(CREATOR, minus(LP + LEVY + TIP + ED), 0),
				(PROVIDER, plus(LP), 0),
				(AUTHOR, plus(ED), 0),
				(SOLVER, plus(TIP), 0),
				(POOL, plus(LEVY), 0),
			],
		);
	});
}

#[test]
fn an_audit_pool_that_is_gone_does_not_stop_a_payment() {
	test(|| {
		kill(POOL);
		let before = balances();
		accept_with(Terms {
			levy: 1,
			..terms(PROVIDER)
		});
		assert_changed(
			&before,
			&[
				(CREATOR, minus(LP + FEE + TIP + 1), 0),
				(PROVIDER, plus(LP), 0),
				(AUTHOR, plus(FEE), 0),
				(SOLVER, plus(TIP), 0),
				(TREASURY, plus(1), 0),
			],
		);
	});
}

#[test]
fn what_not_even_the_treasury_can_take_stays_with_its_owner_and_is_reported() {
	test(|| {
		kill(TREASURY);
		let before = balances();
		let deal = matched_with(Terms {
			no_show_fine: 1,
			..terms(PROVIDER)
		});
		go_to(deadline(deal) + 1);
		System::reset_events();
		assert_ok!(DealsPallet::expire(signed(OTHER), deal));
		assert_changed(&before, &[(PROVIDER, plus(1), minus(1))]);
		assert!(events().contains(&Event::Shortfall {
			who: PROVIDER,
			reason: HoldReason::ProviderBond,
			missing: 1
		}));
	});
}

#[test]
fn frozen_accounts_pay_and_are_paid() {
	test(|| {
		let before = balances();
		for who in [CREATOR, PROVIDER, AUTHOR, SOLVER] {
			freeze_all(who);
		}
		accept_with(terms(PROVIDER));
		assert_changed(
			&before,
			&[
				(CREATOR, minus(LP + FEE + LEVY + TIP), 0),
				(PROVIDER, plus(LP), 0),
				(AUTHOR, plus(FEE), 0),
				(SOLVER, plus(TIP), 0),
				(POOL, plus(LEVY), 0),
			],
		);
	});
}

#[test]
fn a_frozen_provider_is_fined() {
	test(|| {
		let deal = running();
		freeze_all(PROVIDER);
		freeze_all(CREATOR);
		let before = balances();
		go_to(deadline(deal) + 1);
		assert_ok!(DealsPallet::expire(signed(OTHER), deal));
		assert_changed(
			&before,
			&[
				(CREATOR, plus(CAP / 2 + BUDGET), minus(BUDGET)),
				(PROVIDER, 0, minus(CAP)),
				(TREASURY, plus(CAP / 2 - LEVY), 0),
				(POOL, plus(LEVY), 0),
			],
		);
	});
}

/// An account that something else keeps alive can have a hold and no free balance.
#[test]
fn a_creator_without_free_balance_gets_its_rest_back_if_it_can_exist() {
	for (rest, delivered) in [(ED, true), (ED - 1, false)] {
		test(|| {
			let poor = Terms {
				creator: OTHER,
				budget: CAP + FEE + LEVY + TIP + rest,
				..terms(PROVIDER)
			};
			let deal = matched_with(poor.clone());
			assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
			pass(5);
			let opening = Opening {
				usage: LIMIT,
				..opening()
			};
			assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, opening.seal(deal)));
			System::inc_providers(&OTHER);
			let all = System::account(OTHER).data.free;
			assert_ok!(<Balances as Mutate<_>>::transfer(
				&OTHER, &AUTHOR, all, Expendable
			));
			assert_eq!(System::account(OTHER).data.free, 0);
			pass(DRAW);
			let before = balances();
			System::reset_events();
			assert_ok!(DealsPallet::accept(signed(OTHER), deal, opening));
			let held = minus(poor.budget);
			let (creator, treasury) = if delivered {
				((OTHER, plus(rest), held), None)
			} else {
				((OTHER, 0, held), Some((TREASURY, plus(rest), 0)))
			};
			let expected: Vec<_> = [
				(PROVIDER, plus(CAP), 0),
				(AUTHOR, plus(FEE), 0),
				(SOLVER, plus(TIP), 0),
				creator,
			]
			.into_iter()
			.chain(treasury)
			.chain([(POOL, plus(LEVY), 0)])
			.collect();
			assert_changed(&before, &expected);
			let redirected = Event::PaymentRedirected {
				from: OTHER,
				reason: HoldReason::JobBudget,
				to: OTHER,
				amount: rest,
			};
			assert_eq!(events().contains(&redirected), !delivered);
		});
	}
}

#[test]
fn a_payment_to_oneself_gives_the_hold_back() {
	test(|| {
		let before = balances();
		accept_with(Terms {
			author: CREATOR,
			solver: Some(PROVIDER),
			..terms(PROVIDER)
		});
		assert_changed(
			&before,
			&[
				(CREATOR, minus(LP + TIP + LEVY), 0),
				(PROVIDER, plus(LP + TIP), 0),
				(POOL, plus(LEVY), 0),
			],
		);
	});
}

#[test]
fn a_hold_that_is_too_small_is_paid_out_as_far_as_it_reaches_and_reported() {
	new_test_ext().execute_with(|| {
		assert_ok!(DealsPallet::bond(signed(PROVIDER), BOND));
		let deal = running();
		// Something else has taken the provider's hold away, up to four LP.
		let reason = RuntimeHoldReason::DealsPallet(HoldReason::ProviderBond);
		assert_ok!(
			<Balances as frame_support::traits::fungible::MutateHold<_>>::burn_held(
				&reason,
				&PROVIDER,
				BOND - 4 * LP,
				frame_support::traits::tokens::Precision::Exact,
				frame_support::traits::tokens::Fortitude::Force,
			)
		);
		let before = balances();
		go_to(deadline(deal) + 1);
		System::reset_events();
		assert_ok!(DealsPallet::expire(signed(OTHER), deal));
		assert_changed(
			&before,
			&[
				(CREATOR, plus(4 * LP - LEVY + BUDGET), minus(BUDGET)),
				(PROVIDER, 0, minus(4 * LP)),
				(POOL, plus(LEVY), 0),
			],
		);
		let short = |missing| Event::Shortfall {
			who: PROVIDER,
			reason: HoldReason::ProviderBond,
			missing,
		};
		assert_eq!(
			events()[..2],
			[short(CAP / 2 + LEVY - 4 * LP), short(CAP / 2 - LEVY)]
		);
		// The records still say otherwise, and that is noticed.
		assert!(DealsPallet::do_try_state().is_err());
	});
}

#[test]
fn a_tip_too_small_to_bring_a_solver_to_life_goes_to_the_treasury() {
	test(|| {
		kill(SOLVER);
		let before = balances();
		accept_with(Terms {
			tip: ED - 1,
			..terms(PROVIDER)
		});
		assert_changed(
			&before,
			&[
				(CREATOR, minus(LP + FEE + LEVY + ED - 1), 0),
				(PROVIDER, plus(LP), 0),
				(AUTHOR, plus(FEE), 0),
				(TREASURY, plus(ED - 1), 0),
				(POOL, plus(LEVY), 0),
			],
		);
	});
}
