use super::*;
use frame_support::traits::fungible::MutateFreeze;

/// What it takes to overturn a result: the votes of the first two panels.
const TO_CONVICT: u128 = 4 * VOTE;

fn is_disputed(deal: DealId) -> bool {
	let state = Deals::<Test>::get(deal).map(|deal| deal.state);
	matches!(
		state,
		Some(DealState::Disputed {
			dispute: Dispute::Audit,
			..
		})
	)
}

#[test]
fn audit_works() {
	test(|| {
		let deal = drawn();
		System::reset_events();
		let before = balances();
		assert_ok!(DealsPallet::audit(signed(OTHER), deal));
		let dispute = Dispute::Audit;
		assert_eq!(events(), [Event::Disputed { deal, dispute }]);
		assert_changed(&before, &[(POOL, minus(VOTE), plus(VOTE))]);
		assert_eq!(held(HoldReason::AuditReserve, POOL), VOTE);
		let (opened, request) = Opened::get().pop().expect("mediation was asked");
		assert_eq!(
			(opened, request.dispute, request.largest_panel),
			(deal, dispute, 7)
		);
		assert_eq!(request.parties, [CREATOR, PROVIDER, AUTHOR, SOLVER]);
		assert!(is_disputed(deal));
	});
}

/// A list that both sides agreed on must not choose the auditor.
#[test]
fn audit_draws_from_all_mediators() {
	test(|| {
		audited();
		let (_, request) = Opened::get().pop().expect("mediation was asked");
		assert_eq!(request.mediators, MediatorPolicy::Any);
	});
}

#[test]
fn audit_fails_when_not_drawn() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		assert_noop!(DealsPallet::audit(signed(OTHER), deal), Error::<Test>::NotDrawn);
	});
}

#[test]
fn audit_boundary_of_the_draw() {
	test(|| {
		let deal = submitted();
		Drawn::set(vec![deal]);
		pass(DRAW - 1);
		assert_noop!(
			DealsPallet::audit(signed(OTHER), deal),
			Error::<Test>::TooEarly { wait: 1 }
		);
	});
}

#[test]
fn audit_boundary_of_the_deadline() {
	for (late, in_time) in [(0, true), (1, false)] {
		test(|| {
			let deal = drawn();
			go_to(deadline(deal) + late);
			if in_time {
				assert_ok!(DealsPallet::audit(signed(OTHER), deal));
			} else {
				assert_noop!(DealsPallet::audit(signed(OTHER), deal), Error::<Test>::TooLate);
			}
		});
	}
}

#[test]
fn audit_fails_when_there_is_no_result_or_a_case_already() {
	test(|| {
		let deal = running();
		assert_noop!(
			DealsPallet::audit(signed(OTHER), deal),
			Error::<Test>::NotSubmitted
		);
		let deal = audited();
		assert_noop!(DealsPallet::audit(signed(OTHER), deal), Error::<Test>::InDispute);
	});
}

/// The draw happens in whichever call comes first, and that call changes nothing else.
#[test]
fn accept_and_reveal_begin_the_audit() {
	for by_creator in [true, false] {
		test(|| {
			let deal = drawn();
			System::reset_events();
			if by_creator {
				assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
			} else {
				assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
			}
			let dispute = Dispute::Audit;
			assert_eq!(events(), [Event::Disputed { deal, dispute }]);
			assert!(is_disputed(deal));
			assert_eq!(<DealsPallet as Arbitrable<_>>::opening(deal), None);
		});
	}
}

#[test]
fn a_challenge_of_a_drawn_result_is_an_audit_without_a_bond() {
	test(|| {
		let deal = drawn();
		assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::Overcharged));
		assert!(is_disputed(deal));
		assert_eq!(held(HoldReason::ChallengeBond, CREATOR), 0);
	});
}

#[test]
fn audit_is_skipped_when_the_pool_is_too_small() {
	test(|| {
		// The pool keeps the existential deposit.
		mint(POOL, TO_CONVICT - 1);
		let deal = submitted();
		Drawn::set(vec![deal]);
		pass(DRAW);
		System::reset_events();
		assert_ok!(DealsPallet::audit(signed(OTHER), deal));
		let why = SkipReason::PoolTooSmall;
		assert_eq!(events(), [Event::AuditSkipped { deal, why }]);
		assert_eq!(Opened::get(), []);
		// It is not drawn again when the pool has got more.
		mint(POOL, PANEL_FEE);
		assert_noop!(DealsPallet::audit(signed(OTHER), deal), Error::<Test>::NotDrawn);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		assert_eq!(Deals::<Test>::get(deal), None);
	});
}

/// A large audit leaves the pool what others need: it holds the fees of its present round alone.
#[test]
fn one_audit_does_not_starve_the_next() {
	test(|| {
		mint(POOL, TO_CONVICT + VOTE);
		let deals = [submitted(), submitted()];
		Drawn::set(deals.to_vec());
		pass(DRAW);
		for deal in deals {
			assert_ok!(DealsPallet::audit(signed(OTHER), deal));
			assert!(is_disputed(deal));
		}
		assert_eq!(held(HoldReason::AuditReserve, POOL), 2 * VOTE);
	});
}

#[test]
fn each_round_adds_its_fees_to_the_reserve() {
	test(|| {
		let deal = audited();
		let fund = |round| <DealsPallet as Arbitrable<_>>::fund_round(deal, round);
		let reserved = || {
			(
				AuditReserves::<Test>::get(deal),
				held(HoldReason::AuditReserve, POOL),
			)
		};
		assert_eq!(reserved(), (VOTE, VOTE));
		assert!(fund(Round::Three));
		assert_eq!(reserved(), (TO_CONVICT, TO_CONVICT));
		assert!(fund(Round::Last));
		assert_eq!(reserved(), (PANEL_FEE, PANEL_FEE));
		assert_ok!(DealsPallet::do_try_state());
	});
}

#[test]
fn boundary_of_what_the_pool_can_add() {
	for (more, enough) in [(TO_CONVICT - VOTE, true), (TO_CONVICT - VOTE - 1, false)] {
		test(|| {
			let deal = audited();
			assert_ok!(Balances::burn(
				signed(POOL),
				Balances::free_balance(POOL) - ED - more,
				true
			));
			let before = balances();
			assert_eq!(
				<DealsPallet as Arbitrable<_>>::fund_round(deal, Round::Three),
				enough
			);
			if !enough {
				assert_changed(&before, &[]);
				assert_eq!(AuditReserves::<Test>::get(deal), VOTE);
			}
		});
	}
}

/// A challenger has paid for every round.
#[test]
fn the_pool_adds_nothing_to_a_challenge() {
	test(|| {
		let deal = challenged();
		let before = balances();
		assert!(<DealsPallet as Arbitrable<_>>::fund_round(deal, Round::Last));
		assert_changed(&before, &[]);
		assert_eq!(AuditReserves::<Test>::iter().count(), 0);
	});
}

/// What a mediator found is public: the creator can have it confirmed, with a bond that comes back if it is true.
#[test]
fn an_audit_that_the_pool_cannot_carry_on_can_be_challenged() {
	test(|| {
		let deal = audited();
		open_in_case(deal);
		System::reset_events();
		let before = balances();
		rule(deal, Verdict::Unfunded, 0);
		let judge_by = System::block_number() + JUDGE;
		assert_eq!(events(), [Event::DisputeDropped { deal, judge_by }]);
		assert_changed(&before, &[(POOL, plus(VOTE), minus(VOTE))]);
		assert_eq!(AuditReserves::<Test>::iter().count(), 0);
		assert_noop!(DealsPallet::audit(signed(OTHER), deal), Error::<Test>::NotDrawn);
		assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult));
	});
}

#[test]
fn audit_is_skipped_when_the_pool_is_frozen() {
	test(|| {
		let deal = drawn();
		assert_ok!(Balances::set_freeze(&[0; 8], &POOL, u128::MAX));
		assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
		// A freeze does not touch what is on hold, so it is no obstacle; whatever happened, the deal goes on.
		assert!(Deals::<Test>::contains_key(deal));
	});
}

#[test]
fn audit_is_skipped_when_there_are_no_mediators() {
	test(|| {
		let deal = drawn();
		HasPanel::set(false);
		System::reset_events();
		let before = balances();
		assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
		let (why, triple) = (SkipReason::NoMediators, opening().triple);
		assert_eq!(
			events(),
			[
				Event::AuditSkipped { deal, why },
				Event::Revealed {
					deal,
					triple,
					usage: 3_000
				}
			]
		);
		assert_changed(&before, &[]);
	});
}

#[test]
fn audit_is_skipped_when_the_randomness_is_missing() {
	test(|| {
		let deal = drawn();
		Blind::set(true);
		System::reset_events();
		assert_noop!(DealsPallet::audit(signed(OTHER), deal), Error::<Test>::NotDrawn);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		let why = SkipReason::NoRandomness;
		assert_eq!(events().first(), Some(&Event::AuditSkipped { deal, why }));
		assert_eq!(Deals::<Test>::get(deal), None);
	});
}

/// Known failure 4: a check that comes late must not let a cheat escape with a time-out's smaller fine.
#[test]
fn a_result_withheld_from_its_draw_is_audited_all_the_same() {
	test(|| {
		let deal = drawn();
		go_to(deadline(deal) + 1);
		System::reset_events();
		let before = balances();
		assert_ok!(DealsPallet::expire(signed(OTHER), deal));
		let dispute = Dispute::Audit;
		assert_eq!(events(), [Event::Disputed { deal, dispute }]);
		assert_changed(&before, &[(POOL, minus(VOTE), plus(VOTE))]);
		// It may still open its seal, with the mediators; and if it does not, it loses everything.
		rule(deal, Verdict::Overturned { result: None }, 0);
		assert_changed(
			&before,
			&[
				(CREATOR, plus(BUDGET + CAP), minus(BUDGET)),
				(PROVIDER, 0, minus(COLLATERAL)),
				(TREASURY, plus(COLLATERAL - CAP), 0),
			],
		);
	});
}

/// A provider that is late where nobody could audit it is late, and no more.
#[test]
fn a_result_withheld_from_an_audit_that_cannot_be_is_timed_out() {
	test(|| {
		let deal = drawn();
		HasPanel::set(false);
		go_to(deadline(deal) + 1);
		assert_ok!(DealsPallet::expire(signed(OTHER), deal));
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome: Outcome::TimedOut,
			result: None,
			cost: 0,
		});
	});
}

#[test]
fn the_draw_is_made_once() {
	test(|| {
		let deal = revealed();
		// Whatever is drawn later doesn't matter.
		Drawn::set(vec![deal]);
		assert_eq!(DealsPallet::is_drawn(deal), Some(false));
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		assert_eq!(Deals::<Test>::get(deal), None);
	});
}

#[test]
fn whether_a_result_is_drawn_can_be_asked_from_the_draw_on() {
	test(|| {
		assert_eq!(DealsPallet::is_drawn(DealId(9)), None);
		let deal = submitted();
		Drawn::set(vec![deal]);
		pass(DRAW - 1);
		assert_eq!(DealsPallet::is_drawn(deal), None);
		pass(1);
		assert_eq!(DealsPallet::is_drawn(deal), Some(true));
	});
}
