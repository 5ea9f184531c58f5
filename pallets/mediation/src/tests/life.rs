//! Whole cases, from the dispute to the money.

use super::*;

/// Known failure 19: verification was written and switched off. Here a wrong result, audited, costs its provider everything.
#[test]
fn an_audited_forgery_is_overturned() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited_with(opening(66));
		assert_eq!(round(deal), Round::One);
		let auditor = whole_round(deal, Some(opening(66)), |_| vote(1));
		assert_eq!(auditor.len(), 1);
		assert_eq!((round(deal), ending(deal)), (Round::Three, None));
		let panel = whole_round(deal, None, |_| vote(1));
		assert_eq!(panel.len(), 3);
		assert!(!panel.contains(&auditor[0]));
		assert_eq!(ending(deal), Some(Outcome::Overturned { votes: 4 }));
		// All four are paid, out of the collateral; the creator has its budget again, and the cap.
		for who in panel.iter().chain(&auditor) {
			assert_eq!(free(*who), LP + VOTE);
			assert_eq!(bond(*who), TICKET);
		}
		assert_eq!(free(CREATOR), ENDOWMENT + CAP);
		assert_eq!(free(TREASURY), ED + COLLATERAL - 4 * VOTE - CAP);
		assert_eq!(free(POOL), ED + 10 * PANEL_FEE);
	});
}

#[test]
fn an_honest_result_passes_its_audit() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited();
		let auditor = whole_round(deal, Some(opening(1)), |_| vote(1));
		let outcome = Outcome::Upheld {
			usage: 3_000,
			completed: true,
			votes: 1,
			challenged: false,
		};
		assert_eq!(ending(deal), Some(outcome));
		assert_eq!(free(auditor[0]), LP + VOTE);
		assert_eq!(free(POOL), ED + 10 * PANEL_FEE - VOTE + LEVY);
		assert_eq!(free(CREATOR), ENDOWMENT - 3 * LP - LEVY);
	});
}

#[test]
fn a_wrong_auditor_is_outvoted_and_slashed() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited();
		let auditor = whole_round(deal, Some(opening(1)), |_| vote(66))[0];
		let panel = whole_round(deal, None, |_| vote(1));
		assert!(matches!(ending(deal), Some(Outcome::Upheld { votes: 3, .. })));
		assert_eq!((free(auditor), bond(auditor)), (LP, TICKET - MINORITY));
		assert!(panel.iter().all(|who| free(*who) == LP + VOTE));
		assert_eq!(free(TREASURY), ED + MINORITY);
	});
}

/// Leaves so much in the pool's free balance, above the existential deposit.
fn leave_in_the_pool(left: Balance) {
	assert_ok!(Balances::burn(signed(POOL), free(POOL) - ED - left, true));
}

/// Whoever was caught by the first mediator does not get away because the pool is empty: what was found is public, and the creator
/// can challenge. Nobody is slashed, because nobody was judged.
#[test]
fn an_audit_that_cannot_be_carried_on_is_dropped_and_can_be_challenged() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited_with(opening(66));
		leave_in_the_pool(3 * VOTE - 1);
		let auditor = whole_round(deal, Some(opening(66)), |_| vote(1))[0];
		assert_eq!((Cases::<Test>::get(deal), ending(deal)), (None, None));
		let (verdict, paid) = (Verdict::Unfunded, Default::default());
		assert!(events().contains(&Event::CaseClosed { deal, verdict, paid }));
		assert_eq!((free(auditor), bond(auditor)), (LP, TICKET));
		assert_eq!(free(POOL), ED + 4 * VOTE - 1, "nothing stays on hold");
		check();

		assert_ok!(Deals::challenge(signed(CREATOR), deal, Reason::WrongResult));
		let panel = draw(deal);
		for who in &panel {
			commit(deal, *who, vote(1));
		}
		for who in &panel {
			reveal(deal, *who, vote(1));
		}
		assert_eq!(ending(deal), Some(Outcome::Overturned { votes: 3 }));
		assert_eq!(free(CREATOR), ENDOWMENT + CAP);
	});
}

#[test]
fn an_audit_goes_on_with_exactly_what_the_next_panel_costs() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited_with(opening(66));
		leave_in_the_pool(3 * VOTE);
		whole_round(deal, Some(opening(66)), |_| vote(1));
		assert_eq!((round(deal), free(POOL)), (Round::Three, ED));
		whole_round(deal, None, |_| vote(1));
		assert_eq!(ending(deal), Some(Outcome::Overturned { votes: 4 }));
		assert_eq!(free(POOL), ED + 4 * VOTE);
	});
}

/// Three have looked and found nothing in common: without the means to ask more, the result stands.
#[test]
fn a_split_panel_without_the_means_for_a_larger_one_is_unresolved() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited();
		let auditor = whole_round(deal, Some(opening(1)), |_| vote(66));
		leave_in_the_pool(7 * VOTE - 1);
		let three = whole_round(deal, None, |nth| vote(1 + nth as u8));
		let outcome = Outcome::UnresolvedAudit {
			usage: 3_000,
			completed: true,
		};
		assert_eq!(ending(deal), Some(outcome));
		for who in three.iter().chain(&auditor) {
			assert_eq!((free(*who), bond(*who)), (LP, TICKET));
		}
		assert_eq!(free(POOL), ED + 11 * VOTE - 1 + LEVY);
		assert_eq!(free(PROVIDER), ENDOWMENT - BOND + 3 * LP);
	});
}

#[test]
fn an_unfounded_challenge_costs_the_challenger() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		whole_round(deal, Some(opening(1)), |_| vote(1));
		assert!(matches!(
			ending(deal),
			Some(Outcome::Upheld {
				votes: 3,
				challenged: true,
				..
			})
		));
		assert_eq!(free(CREATOR), ENDOWMENT - 3 * LP - LEVY - 3 * VOTE);
	});
}

/// Known failure 52: an unfunded escalation. The bond pays for all rounds.
#[test]
fn a_split_panel_calls_the_largest_which_is_paid_for() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged_with(opening(66));
		let three = whole_round(deal, Some(opening(66)), |nth| vote([1, 66, 2][nth]));
		assert_eq!(round(deal), Round::Last);
		let seven = whole_round(deal, None, |nth| vote(if nth < 4 { 1 } else { 66 }));
		assert_eq!(seven.len(), 7);
		assert!(seven.iter().all(|who| !three.contains(who)));
		assert_eq!(ending(deal), Some(Outcome::Overturned { votes: 5 }));
		assert_eq!(free(three[0]), LP + VOTE);
		for loser in [three[1], three[2], seven[4], seven[5], seven[6]] {
			assert_eq!((free(loser), bond(loser)), (LP, TICKET - MINORITY));
		}
	});
}

#[test]
fn a_last_panel_that_agrees_on_nothing_disproves_the_module() {
	test(|| {
		mediators(MEDIATORS, 1);
		mint(REGISTRY, 100 * LP);
		AuthorBond::set(60 * LP);
		let deal = challenged();
		whole_round(deal, Some(opening(1)), |nth| vote(10 + nth as u8));
		let seven = whole_round(deal, None, |nth| vote(20 + nth as u8));
		assert!(matches!(
			ending(deal),
			Some(Outcome::NonDeterministic { votes: 10, .. })
		));
		assert!(Delisted::get());
		// Nobody was wrong.
		assert!(seven
			.iter()
			.all(|who| bond(*who) == TICKET && free(*who) == LP + VOTE));
	});
}

#[test]
fn a_withheld_result_is_overturned() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let panel = whole_round(deal, None, |_| vote(1));
		assert_eq!(ending(deal), None, "the provider still has time");
		pass(REVEAL + 1);
		assert_ok!(Mediation::expire(signed(OTHER), deal));
		assert_eq!(ending(deal), Some(Outcome::Overturned { votes: 3 }));
		assert!(panel.iter().all(|who| free(*who) == LP + VOTE));
	});
}

#[test]
fn an_overcharge_is_found() {
	test(|| {
		mediators(MEDIATORS, 1);
		let greedy = Opening {
			usage: 4_000,
			..opening(1)
		};
		let deal = challenged_with(greedy);
		whole_round(deal, Some(greedy), |nth| Vote {
			usage: [900, 950, 999][nth],
			..vote(1)
		});
		let outcome = Outcome::Overcharged {
			claimed: 4_000,
			median: 950,
			completed: true,
			votes: 3,
		};
		assert_eq!(ending(deal), Some(outcome));
	});
}
