//! What each verdict means for the deal and everybody's money.

use super::*;

const PAID: u128 = 3 * LP + FEE + LEVY + TIP;

/// The changes that a job well done makes.
fn paid_well(more: &[(AccountId, i128, i128)]) -> Vec<(AccountId, i128, i128)> {
	let mut changes = vec![
		(CREATOR, plus(BUDGET - PAID), minus(BUDGET)),
		(PROVIDER, plus(3 * LP), 0),
		(AUTHOR, plus(FEE), 0),
		(SOLVER, plus(TIP), 0),
		(POOL, plus(LEVY), 0),
	];
	for (who, free, on_hold) in more {
		match changes.iter_mut().find(|change| change.0 == *who) {
			Some(change) => *change = (*who, change.1 + free, change.2 + on_hold),
			None => changes.push((*who, *free, *on_hold)),
		}
	}
	changes
}

#[test]
fn an_upheld_challenge_costs_the_challenger_the_votes() {
	test(|| {
		let deal = challenged();
		open_in_case(deal);
		let before = balances();
		rule(deal, Verdict::Upheld, 3);
		let votes = 3 * VOTE;
		assert_changed(
			&before,
			&paid_well(&[
				(CREATOR, plus(PANEL_FEE - votes), minus(PANEL_FEE)),
				(201, plus(VOTE), 0),
				(202, plus(VOTE), 0),
				(203, plus(VOTE), 0),
			]),
		);
		assert_eq!(Deals::<Test>::get(deal), None);
		assert_eq!(committed(PROVIDER), 0);
	});
}

#[test]
fn an_upheld_audit_costs_the_pool_the_vote() {
	test(|| {
		let deal = audited();
		open_in_case(deal);
		let before = balances();
		rule(deal, Verdict::Upheld, 1);
		assert_changed(
			&before,
			&paid_well(&[(POOL, 0, minus(VOTE)), (201, plus(VOTE), 0)]),
		);
	});
}

#[test]
fn an_overcharge_costs_the_provider_that_part_of_its_collateral_and_the_votes() {
	test(|| {
		let deal = challenged();
		open_in_case(deal);
		let before = balances();
		rule(deal, Verdict::Overcharged { median: 1_000 }, 3);
		assert_changed(
			&before,
			&[
				(
					CREATOR,
					plus(BUDGET - (PAID - 2 * LP) + PANEL_FEE),
					minus(BUDGET + PANEL_FEE),
				),
				(PROVIDER, plus(LP), minus(3 * VOTE + COLLATERAL / 5)),
				(AUTHOR, plus(FEE), 0),
				(SOLVER, plus(TIP), 0),
				(TREASURY, plus(COLLATERAL / 5), 0),
				(POOL, plus(LEVY), 0),
				(201, plus(VOTE), 0),
				(202, plus(VOTE), 0),
				(203, plus(VOTE), 0),
			],
		);
	});
}

/// Known failure 8: the innocent creator paid for mediation; slashed money went to the operator.
#[test]
fn an_overturned_result_costs_the_provider_its_collateral_and_the_creator_nothing() {
	test(|| {
		let deal = challenged();
		open_in_case(deal);
		let before = balances();
		let right = Triple {
			exit_code: 1,
			..opening().triple
		};
		rule(deal, Verdict::Overturned { result: Some(right) }, 2);
		assert_changed(
			&before,
			&[
				(CREATOR, plus(BUDGET + PANEL_FEE + CAP), minus(BUDGET + PANEL_FEE)),
				(PROVIDER, 0, minus(COLLATERAL)),
				(TREASURY, plus(COLLATERAL - 2 * VOTE - CAP), 0),
				(201, plus(VOTE), 0),
				(202, plus(VOTE), 0),
			],
		);
		// The market is told the right result, which the mediators have.
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome: Outcome::Overturned { votes: 2 },
			result: Some(right),
			cost: 0,
		});
	});
}

#[test]
fn an_overturned_audit_gives_the_pool_its_reserve_back() {
	test(|| {
		let deal = audited();
		let before = balances();
		rule(deal, Verdict::Overturned { result: None }, 1);
		assert_changed(
			&before,
			&[
				(CREATOR, plus(BUDGET + CAP), minus(BUDGET)),
				(PROVIDER, 0, minus(COLLATERAL)),
				(TREASURY, plus(COLLATERAL - VOTE - CAP), 0),
				(POOL, plus(VOTE), minus(VOTE)),
				(201, plus(VOTE), 0),
			],
		);
	});
}

/// Known failure 25: a false promise of determinism costs the author.
#[test]
fn non_determinism_costs_the_authors_bond_and_delists_the_version() {
	test(|| {
		let deal = challenged();
		open_in_case(deal);
		mint(REGISTRY, 100 * LP);
		AuthorBond::set(17 * LP);
		let before = balances();
		rule(deal, Verdict::NonDeterministic, 3);
		assert_changed(
			&before,
			&[
				// The bond reaches for two of the three that the run cost.
				(
					CREATOR,
					plus(BUDGET - 3 * LP + PANEL_FEE + 2 * LP),
					minus(BUDGET + PANEL_FEE),
				),
				(PROVIDER, plus(3 * LP), 0),
				(REGISTRY, minus(17 * LP), 0),
				(201, plus(VOTE), 0),
				(202, plus(VOTE), 0),
				(203, plus(VOTE), 0),
			],
		);
		assert!(Delisted::get());
		assert_eq!(AuthorBond::get(), 0);
	});
}

#[test]
fn in_an_audit_the_pool_adds_to_an_authors_bond_too_small() {
	test(|| {
		let deal = escalated();
		open_in_case(deal);
		mint(REGISTRY, 100 * LP);
		AuthorBond::set(2 * VOTE + 2);
		let before = balances();
		rule(deal, Verdict::NonDeterministic, 3);
		assert_changed(
			&before,
			&[
				(CREATOR, plus(BUDGET - 3 * LP), minus(BUDGET)),
				(PROVIDER, plus(3 * LP), 0),
				(POOL, plus(3 * VOTE + 2), minus(4 * VOTE)),
				(REGISTRY, minus(2 * VOTE + 2), 0),
				(201, plus(VOTE), 0),
				(202, plus(VOTE), 0),
				(203, plus(VOTE), 0),
			],
		);
	});
}

/// Known failure 49: whoever deals with himself, with a module that differs in every run, must not empty the pool.
#[test]
fn in_an_audit_the_pool_adds_no_more_than_one_vote() {
	test(|| {
		let deal = escalated();
		open_in_case(deal);
		let before = balances();
		rule(deal, Verdict::NonDeterministic, 3);
		assert_changed(
			&before,
			&[
				(CREATOR, plus(BUDGET - 3 * LP), minus(BUDGET)),
				(PROVIDER, plus(3 * LP), 0),
				(POOL, plus(3 * VOTE), minus(4 * VOTE)),
				// What can't be divided goes to the first.
				(201, plus(VOTE / 3 + 1), 0),
				(202, plus(VOTE / 3 + 1), 0),
				(203, plus(VOTE / 3), 0),
			],
		);
	});
}

/// Known failure 49: whoever chooses when to challenge must not choose when the pool pays.
#[test]
fn in_a_challenge_the_pool_pays_nothing() {
	test(|| {
		mint(POOL, 2 * PANEL_FEE);
		let deal = challenged();
		open_in_case(deal);
		let before = balances();
		rule(deal, Verdict::NonDeterministic, 3);
		assert_changed(
			&before,
			&[
				(
					CREATOR,
					plus(BUDGET - 3 * LP + PANEL_FEE),
					minus(BUDGET + PANEL_FEE),
				),
				(PROVIDER, plus(3 * LP), 0),
			],
		);
	});
}

#[test]
fn an_unresolved_challenge_pays_nobody() {
	test(|| {
		let deal = challenged();
		let before = balances();
		rule(deal, Verdict::Unresolved, 0);
		let back = BUDGET + PANEL_FEE;
		assert_changed(&before, &[(CREATOR, plus(back), minus(back))]);
		assert_eq!(Deals::<Test>::get(deal), None);
	});
}

#[test]
fn an_unresolved_audit_pays_as_accepted() {
	test(|| {
		let deal = audited();
		open_in_case(deal);
		let before = balances();
		rule(deal, Verdict::Unresolved, 0);
		assert_changed(&before, &paid_well(&[(POOL, plus(VOTE), minus(VOTE))]));
	});
}

/// Nobody votes before the provider could open its seal: the deal goes on as if it had not been drawn.
#[test]
fn an_audit_without_an_opening_that_stays_unresolved_is_dropped() {
	for verdict in [Verdict::Unresolved, Verdict::NoPanel] {
		test(|| {
			let deal = audited();
			pass(100);
			System::reset_events();
			let before = balances();
			rule(deal, verdict, 0);
			let judge_by = System::block_number() + JUDGE;
			assert_eq!(events(), [Event::DisputeDropped { deal, judge_by }]);
			assert_changed(&before, &[(POOL, plus(VOTE), minus(VOTE))]);
			assert_eq!(deadline(deal), judge_by);
			// It is not drawn again, may be challenged, and can be opened at once.
			assert_noop!(DealsPallet::audit(signed(OTHER), deal), Error::<Test>::NotDrawn);
			assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
			assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult));
		});
	}
}

/// An honest provider must not go unpaid because there is nobody to judge it.
#[test]
fn a_challenge_without_a_panel_is_dropped() {
	test(|| {
		let deal = challenged();
		let before = balances();
		rule(deal, Verdict::NoPanel, 0);
		assert_changed(&before, &[(CREATOR, plus(PANEL_FEE), minus(PANEL_FEE))]);
		assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
		go_to(deadline(deal) + 1);
		assert_ok!(DealsPallet::expire(signed(OTHER), deal));
		assert_eq!(Deals::<Test>::get(deal), None);
	});
}

/// What can't be: a panel that confirms a result which it has not seen.
#[test]
fn a_sealed_result_is_never_upheld() {
	test(|| {
		let deal = challenged();
		rule(deal, Verdict::Upheld, 0);
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome: Outcome::Overturned { votes: 0 },
			result: None,
			cost: 0,
		});
	});
}

#[test]
fn votes_are_paid_to_the_last_unit() {
	test(|| {
		let deal = escalated();
		open_in_case(deal);
		// A collateral that pays two votes and one unit.
		Bonds::<Test>::mutate(PROVIDER, |bond| {
			bond.as_mut().expect("bonded").committed -= COLLATERAL - 2 * VOTE - 1;
		});
		Deals::<Test>::mutate(deal, |deal| {
			deal.as_mut().expect("lives").terms.collateral = 2 * VOTE + 1;
		});
		rule(deal, Verdict::Overturned { result: None }, 3);
		let third = (2 * VOTE + 1) / 3;
		let got = PANEL.map(Balances::free_balance);
		assert_eq!(got.iter().sum::<u128>(), 2 * VOTE + 1);
		assert!(got.iter().all(|got| (third..=third + 1).contains(got)));
	});
}

/// Known failure 18: an account that can't take its pay.
#[test]
fn a_mediator_that_cannot_be_paid_stops_nothing() {
	test(|| {
		let deal = escalated();
		open_in_case(deal);
		// Votes below the existential deposit, of accounts that don't exist.
		Deals::<Test>::mutate(deal, |deal| {
			deal.as_mut().expect("lives").terms.mediator_fee = ED / 2;
		});
		let before = Balances::free_balance(TREASURY);
		rule(deal, Verdict::Upheld, 2);
		assert_eq!(Balances::free_balance(TREASURY), before + ED);
		assert_eq!(Deals::<Test>::get(deal), None);
	});
}
