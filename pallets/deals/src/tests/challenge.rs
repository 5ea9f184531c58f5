use super::*;

#[test]
fn challenge_works() {
	test(|| {
		for reason in [Reason::WrongResult, Reason::Overcharged, Reason::Unavailable] {
			let deal = submitted();
			pass(DRAW);
			System::reset_events();
			let before = balances();
			assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, reason));
			let dispute = Dispute::Challenge(reason);
			assert_eq!(events(), [Event::Disputed { deal, dispute }]);
			assert_changed(&before, &[(CREATOR, minus(PANEL_FEE), plus(PANEL_FEE))]);
			let (opened, request) = Opened::get().pop().expect("mediation was asked");
			assert_eq!((opened, request.dispute), (deal, dispute));
			assert_eq!(
				request.mediators,
				MediatorPolicy::Only(PANEL.to_vec().try_into().expect("few"))
			);
			rule(deal, Verdict::Unresolved, 0);
		}
	});
}

#[test]
fn challenge_works_after_a_reveal() {
	test(|| {
		let deal = revealed();
		assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult));
		assert_eq!(<DealsPallet as Arbitrable<_>>::opening(deal), Some(opening()));
	});
}

#[test]
fn challenge_fails_when_it_is_not_the_creator() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		for who in [PROVIDER, AUTHOR, OTHER] {
			assert_noop!(
				DealsPallet::challenge(signed(who), deal, Reason::Unavailable),
				Error::<Test>::NotCreator
			);
		}
	});
}

#[test]
fn challenge_fails_when_nobody_could_tell() {
	test(|| {
		let deal = matched_with(Terms {
			profile: Profile::NonDeterministic,
			..terms(PROVIDER)
		});
		assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, opening().seal(deal)));
		pass(DRAW);
		for reason in [Reason::WrongResult, Reason::Overcharged] {
			assert_noop!(
				DealsPallet::challenge(signed(CREATOR), deal, reason),
				Error::<Test>::NotVerifiable
			);
		}
		assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::Unavailable));
	});
}

#[test]
fn challenge_fails_when_there_are_not_enough_mediators() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		HasPanel::set(false);
		assert_noop!(
			DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult),
			Error::<Test>::NoPanel
		);
	});
}

#[test]
fn challenge_fails_when_the_creator_lacks_the_bond() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		let free = Balances::free_balance(CREATOR);
		assert_ok!(Balances::burn(signed(CREATOR), free - PANEL_FEE, true));
		assert_noop!(
			DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult),
			sp_runtime::TokenError::FundsUnavailable
		);
		mint(CREATOR, ED);
		assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult));
	});
}

#[test]
fn challenge_fails_when_there_is_no_result_or_a_case_already() {
	test(|| {
		for deal in [matched(), running()] {
			assert_noop!(
				DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult),
				Error::<Test>::NotSubmitted
			);
		}
	});
	test(|| {
		let deal = challenged();
		assert_noop!(
			DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult),
			Error::<Test>::InDispute
		);
	});
}

#[test]
fn challenge_boundary_of_the_draw() {
	test(|| {
		let deal = submitted();
		pass(DRAW - 1);
		assert_noop!(
			DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult),
			Error::<Test>::TooEarly { wait: 1 }
		);
	});
}

#[test]
fn challenge_boundary_of_the_deadline() {
	for (late, in_time) in [(0, true), (1, false)] {
		test(|| {
			let deal = submitted();
			go_to(deadline(deal) + late);
			if in_time {
				assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult));
			} else {
				assert_noop!(
					DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult),
					Error::<Test>::TooLate
				);
			}
		});
	}
}

/// Known failure 5: a submitted result can only be judged.
#[test]
fn a_disputed_deal_ends_by_a_verdict_only() {
	test(|| {
		let deal = challenged();
		let in_dispute = Error::<Test>::InDispute;
		assert_noop!(DealsPallet::accept(signed(CREATOR), deal, opening()), in_dispute);
		pass(1_000_000);
		assert_noop!(DealsPallet::expire(signed(OTHER), deal), Error::<Test>::InDispute);
		assert_noop!(
			<DealsPallet as DealsSeam<_>>::cancel(deal),
			Error::<Test>::AlreadySubmitted
		);
		assert_noop!(
			DealsPallet::acknowledge(signed(PROVIDER), deal),
			Error::<Test>::AlreadySubmitted
		);
		assert_noop!(
			DealsPallet::submit(signed(PROVIDER), deal, Seal([0; 32])),
			Error::<Test>::AlreadySubmitted
		);
	});
}

/// Known failure 47: the provider's answer was public before the vote.
#[test]
fn a_seal_stays_closed_until_the_mediators_have_committed() {
	test(|| {
		let deal = challenged();
		assert_noop!(
			DealsPallet::reveal(signed(PROVIDER), deal, opening()),
			Error::<Test>::MediatorsNotReady
		);
		PanelReveals::set(true);
		System::reset_events();
		assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
		let triple = opening().triple;
		assert_eq!(
			events(),
			[Event::Revealed {
				deal,
				triple,
				usage: 3_000
			}]
		);
		assert_eq!(ToldOpened::get(), [deal]);
		assert_eq!(<DealsPallet as Arbitrable<_>>::opening(deal), Some(opening()));
		assert_noop!(
			DealsPallet::reveal(signed(PROVIDER), deal, opening()),
			Error::<Test>::AlreadyRevealed
		);
	});
}

/// Known failure 24: the provider reported its own usage and was believed.
#[test]
fn a_seal_that_claims_too_much_cannot_be_opened_in_a_case() {
	test(|| {
		let opening = Opening {
			usage: 10_001,
			..opening()
		};
		let deal = submitted_with(opening);
		pass(DRAW);
		assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::Overcharged));
		PanelReveals::set(true);
		assert_noop!(
			DealsPallet::reveal(signed(PROVIDER), deal, opening),
			Error::<Test>::UsageTooLong
		);
	});
}

#[test]
fn a_challenge_that_found_no_panel_cannot_be_repeated() {
	test(|| {
		let deal = challenged();
		rule(deal, Verdict::NoPanel, 0);
		assert_noop!(
			DealsPallet::challenge(signed(CREATOR), deal, Reason::Unavailable),
			Error::<Test>::NoPanel
		);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
	});
}
