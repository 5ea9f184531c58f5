use super::*;

#[test]
fn acknowledge_works() {
	test(|| {
		let deal = matched();
		pass(1);
		System::reset_events();
		let before = balances();
		assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
		assert_changed(&before, &[]);
		// Ten seconds are five blocks.
		let submit_by = 11 + 5 + MARGIN;
		assert_eq!(events(), [Event::Acknowledged { deal, submit_by }]);
		assert_eq!(
			Deals::<Test>::get(deal).map(|d| d.state),
			Some(DealState::Running {
				acked_at: 11,
				acked_ms: 22_000,
				submit_by
			})
		);
	});
}

#[test]
fn acknowledge_boundary_of_the_deadline() {
	for (at, in_time) in [(ACK - 1, true), (ACK, true), (ACK + 1, false)] {
		test(|| {
			let deal = matched();
			pass(at);
			if in_time {
				assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
			} else {
				assert_noop!(
					DealsPallet::acknowledge(signed(PROVIDER), deal),
					Error::<Test>::TooLate
				);
			}
		});
	}
}

#[test]
fn acknowledge_fails_when_it_is_another_account() {
	test(|| {
		let deal = matched();
		for who in [CREATOR, OTHER] {
			assert_noop!(
				DealsPallet::acknowledge(signed(who), deal),
				Error::<Test>::NotProvider
			);
		}
	});
}

#[test]
fn acknowledge_fails_when_there_is_no_such_deal() {
	test(|| {
		assert_noop!(
			DealsPallet::acknowledge(signed(PROVIDER), DealId(0)),
			Error::<Test>::UnknownDeal
		);
	});
}

#[test]
fn acknowledge_fails_when_repeated() {
	test(|| {
		let deal = running();
		assert_noop!(
			DealsPallet::acknowledge(signed(PROVIDER), deal),
			Error::<Test>::AlreadyAcknowledged
		);
		let deal = submitted();
		assert_noop!(
			DealsPallet::acknowledge(signed(PROVIDER), deal),
			Error::<Test>::AlreadySubmitted
		);
	});
}
