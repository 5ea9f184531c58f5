use super::*;

#[test]
fn reveal_works() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		System::reset_events();
		let before = balances();
		assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
		assert_changed(&before, &[]);
		let triple = opening().triple;
		assert_eq!(
			events(),
			[Event::Revealed {
				deal,
				triple,
				usage: 3_000
			}]
		);
		let state = Deals::<Test>::get(deal).expect("the deal lives").state;
		assert!(
			matches!(state, DealState::Submitted { opened: Some(o), .. } if o.triple == triple && o.usage == 3_000)
		);
	});
}

#[test]
fn reveal_boundary_of_the_draw() {
	test(|| {
		let deal = submitted();
		pass(DRAW - 1);
		assert_noop!(
			DealsPallet::reveal(signed(PROVIDER), deal, opening()),
			Error::<Test>::TooEarly { wait: 1 }
		);
		pass(1);
		assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
	});
}

#[test]
fn reveal_boundary_of_the_deadline() {
	for (late, in_time) in [(0, true), (1, false)] {
		test(|| {
			let deal = submitted();
			go_to(deadline(deal) + late);
			if in_time {
				assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
			} else {
				assert_noop!(
					DealsPallet::reveal(signed(PROVIDER), deal, opening()),
					Error::<Test>::TooLate
				);
			}
		});
	}
}

#[test]
fn reveal_fails_when_it_is_not_what_was_sealed() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		let wrong = Opening {
			usage: 4_000,
			..opening()
		};
		assert_noop!(
			DealsPallet::reveal(signed(PROVIDER), deal, wrong),
			Error::<Test>::WrongOpening
		);
	});
}

#[test]
fn reveal_fails_when_the_usage_is_too_long() {
	test(|| {
		let opening = Opening {
			usage: u64::MAX,
			..opening()
		};
		let deal = submitted_with(opening);
		pass(DRAW);
		assert_noop!(
			DealsPallet::reveal(signed(PROVIDER), deal, opening),
			Error::<Test>::UsageTooLong
		);
	});
}

#[test]
fn reveal_fails_when_repeated() {
	test(|| {
		let deal = revealed();
		assert_noop!(
			DealsPallet::reveal(signed(PROVIDER), deal, opening()),
			Error::<Test>::AlreadyRevealed
		);
	});
}

#[test]
fn reveal_fails_when_nothing_is_submitted() {
	test(|| {
		for deal in [matched(), running()] {
			assert_noop!(
				DealsPallet::reveal(signed(PROVIDER), deal, opening()),
				Error::<Test>::NotSubmitted
			);
		}
	});
}

#[test]
fn reveal_fails_when_it_is_another_account() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		for who in [CREATOR, OTHER] {
			assert_noop!(
				DealsPallet::reveal(signed(who), deal, opening()),
				Error::<Test>::NotProvider
			);
		}
	});
}
