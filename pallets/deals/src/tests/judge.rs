//! Who speaks for a creator that can't sign here: the delegate whom it has named, or nobody.

use super::*;
use lilypad_primitives::Judge;

/// A deal of a contract elsewhere, submitted, in the first block in which it can be judged.
fn judged_by(judge: Judge<AccountId>) -> DealId {
	let deal = matched_with(Terms {
		judge,
		..terms(PROVIDER)
	});
	assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
	pass(2);
	assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, opening().seal(deal)));
	pass(DRAW);
	deal
}

fn delegated() -> DealId {
	judged_by(Judge::Delegate(OTHER))
}

fn accepted() -> Outcome {
	Outcome::Accepted {
		usage: 3_000,
		completed: true,
	}
}

mod nobody {
	use super::*;

	#[test]
	fn a_result_is_paid_for_in_the_block_in_which_it_is_opened() {
		test(|| {
			let deal = judged_by(Judge::Nobody);
			System::reset_events();
			let before = balances();
			assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
			let triple = opening().triple;
			assert_eq!(
				events(),
				[
					Event::Revealed {
						deal,
						triple,
						usage: 3_000
					},
					settled(
						deal,
						JobId(0),
						accepted(),
						&[
							(Purse::Budget, Party::Provider, 3 * LP),
							(Purse::Budget, Party::Author, FEE),
							(Purse::Budget, Party::AuditPool, LEVY),
							(Purse::Budget, Party::Solver, TIP),
						]
					)
				]
			);
			let spent = 3 * LP + FEE + LEVY + TIP;
			assert_changed(
				&before,
				&[
					(CREATOR, plus(BUDGET - spent), minus(BUDGET)),
					(PROVIDER, plus(3 * LP), 0),
					(AUTHOR, plus(FEE), 0),
					(SOLVER, plus(TIP), 0),
					(POOL, plus(LEVY), 0),
				],
			);
			assert!(!Deals::<Test>::contains_key(deal));
			assert_eq!(Lapses::<Test>::iter_keys().count(), 0);
		});
	}

	#[test]
	fn a_result_is_paid_for_as_an_accepted_one_is() {
		let paid = |judge, act: fn(DealId)| {
			let mut paid = None;
			test(|| {
				let deal = judged_by(judge);
				act(deal);
				paid = Some((balances(), Record::get()));
			});
			paid.expect("the test has run")
		};
		let opened = paid(Judge::Nobody, |deal| {
			assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
		});
		let accepted = paid(Judge::Creator, |deal| {
			assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		});
		assert_eq!(opened, accepted);
	}

	#[test]
	fn reveal_boundary_of_the_draw() {
		test(|| {
			let deal = judged_by(Judge::Nobody);
			System::set_block_number(System::block_number() - 1);
			assert_noop!(
				DealsPallet::reveal(signed(PROVIDER), deal, opening()),
				Error::<Test>::TooEarly { wait: 1 }
			);
		});
	}

	#[test]
	fn a_result_that_is_drawn_is_audited_first() {
		test(|| {
			mint(POOL, 2 * PANEL_FEE);
			let deal = judged_by(Judge::Nobody);
			Drawn::set(vec![deal]);
			assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
			let state = Deals::<Test>::get(deal).expect("it lives").state;
			assert!(matches!(state, DealState::Disputed { opened: None, .. }));
			open_in_case(deal);
			assert!(Deals::<Test>::contains_key(deal), "the panel decides");
			rule(deal, Verdict::Upheld, 1);
			assert!(!Deals::<Test>::contains_key(deal));
		});
	}

	#[test]
	fn a_result_whose_audit_nobody_can_do_is_paid_for_at_once() {
		test(|| {
			let deal = judged_by(Judge::Nobody);
			Drawn::set(vec![deal]);
			HasPanel::set(false);
			mint(POOL, 2 * PANEL_FEE);
			assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
			assert!(!Deals::<Test>::contains_key(deal));
		});
	}

	#[test]
	fn a_result_that_a_panel_dropped_is_paid_for_once_it_is_opened() {
		test(|| {
			mint(POOL, 2 * PANEL_FEE);
			let deal = judged_by(Judge::Nobody);
			Drawn::set(vec![deal]);
			assert_ok!(DealsPallet::audit(signed(OTHER), deal));
			rule(deal, Verdict::NoPanel, 0);
			assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
			assert!(!Deals::<Test>::contains_key(deal));
		});
	}

	#[test]
	fn nobody_accepts_or_challenges() {
		test(|| {
			let deal = judged_by(Judge::Nobody);
			for who in [CREATOR, PROVIDER, OTHER] {
				assert_noop!(
					DealsPallet::accept(signed(who), deal, opening()),
					Error::<Test>::NotCreator
				);
				assert_noop!(
					DealsPallet::challenge(signed(who), deal, Reason::WrongResult),
					Error::<Test>::NotCreator
				);
			}
		});
	}

	#[test]
	fn a_result_that_is_withheld_times_out() {
		test(|| {
			let deal = judged_by(Judge::Nobody);
			go_to(deadline(deal) + 1);
			assert_ok!(DealsPallet::expire(signed(OTHER), deal));
			let outcome = Outcome::TimedOut;
			assert!(
				matches!(Record::get().last(), Some(Told::Settled { outcome: told, .. }) if *told == outcome)
			);
		});
	}
}

mod delegate {
	use super::*;

	#[test]
	fn accept_works() {
		test(|| {
			let deal = delegated();
			let before = balances();
			assert_ok!(DealsPallet::accept(signed(OTHER), deal, opening()));
			let spent = 3 * LP + FEE + LEVY + TIP;
			assert_changed(
				&before,
				&[
					(CREATOR, plus(BUDGET - spent), minus(BUDGET)),
					(PROVIDER, plus(3 * LP), 0),
					(AUTHOR, plus(FEE), 0),
					(SOLVER, plus(TIP), 0),
					(POOL, plus(LEVY), 0),
				],
			);
		});
	}

	#[test]
	fn accept_and_challenge_fail_when_it_is_not_the_delegate() {
		test(|| {
			let deal = delegated();
			for who in [CREATOR, PROVIDER, AUTHOR, SOLVER] {
				assert_noop!(
					DealsPallet::accept(signed(who), deal, opening()),
					Error::<Test>::NotCreator
				);
				assert_noop!(
					DealsPallet::challenge(signed(who), deal, Reason::WrongResult),
					Error::<Test>::NotCreator
				);
			}
		});
	}

	#[test]
	fn a_revealed_result_waits_for_the_delegate() {
		test(|| {
			let deal = delegated();
			assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
			assert!(Deals::<Test>::contains_key(deal));
			assert_ok!(DealsPallet::challenge(signed(OTHER), deal, Reason::WrongResult));
		});
	}

	#[test]
	fn the_bond_is_the_delegates() {
		test(|| {
			let deal = delegated();
			let before = balances();
			assert_ok!(DealsPallet::challenge(signed(OTHER), deal, Reason::WrongResult));
			assert_changed(&before, &[(OTHER, minus(PANEL_FEE), plus(PANEL_FEE))]);
			let (_, request) = Opened::get().pop().expect("mediation was asked");
			assert_eq!(request.parties, [CREATOR, PROVIDER, AUTHOR, SOLVER, OTHER]);
		});
	}

	#[test]
	fn a_false_challenge_costs_the_delegate_and_the_creator_pays_the_run() {
		test(|| {
			let deal = delegated();
			let before = balances();
			assert_ok!(DealsPallet::challenge(signed(OTHER), deal, Reason::WrongResult));
			open_in_case(deal);
			rule(deal, Verdict::Upheld, 2);
			let spent = 3 * LP + FEE + LEVY + TIP;
			assert_changed(
				&before,
				&[
					(CREATOR, plus(BUDGET - spent), minus(BUDGET)),
					(PROVIDER, plus(3 * LP), 0),
					(AUTHOR, plus(FEE), 0),
					(SOLVER, plus(TIP), 0),
					(OTHER, minus(2 * VOTE), 0),
					(POOL, plus(LEVY), 0),
					(PANEL[0], plus(VOTE), 0),
					(PANEL[1], plus(VOTE), 0),
				],
			);
		});
	}

	#[test]
	fn a_wrong_result_compensates_the_creator_and_not_the_delegate() {
		test(|| {
			let deal = delegated();
			let before = balances();
			assert_ok!(DealsPallet::challenge(signed(OTHER), deal, Reason::WrongResult));
			open_in_case(deal);
			rule(deal, Verdict::Overturned { result: None }, 1);
			assert_changed(
				&before,
				&[
					(CREATOR, plus(BUDGET + CAP), minus(BUDGET)),
					(PROVIDER, 0, minus(COLLATERAL)),
					(TREASURY, plus(COLLATERAL - VOTE - CAP), 0),
					(PANEL[0], plus(VOTE), 0),
				],
			);
		});
	}

	#[test]
	fn challenge_fails_when_the_delegate_lacks_the_bond() {
		test(|| {
			let deal = delegated();
			assert_ok!(Balances::burn(
				signed(OTHER),
				Balances::free_balance(OTHER) - ED,
				true
			));
			assert_noop!(
				DealsPallet::challenge(signed(OTHER), deal, Reason::WrongResult),
				sp_runtime::TokenError::FundsUnavailable
			);
		});
	}

	#[test]
	fn audit_is_free_for_the_delegate_and_not_for_the_creator() {
		use frame_support::dispatch::CheckIfFeeless;
		test(|| {
			mint(POOL, 2 * PANEL_FEE);
			let deal = delegated();
			Drawn::set(vec![deal]);
			let audit = RuntimeCall::DealsPallet(crate::Call::audit { deal });
			assert!(audit.is_feeless(&signed(OTHER)));
			assert!(audit.is_feeless(&signed(PROVIDER)));
			assert!(!audit.is_feeless(&signed(CREATOR)));
		});
	}
}
