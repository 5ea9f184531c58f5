use super::*;

#[test]
fn unbond_works() {
	test(|| {
		let before = balances();
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), 100 * LP));
		assert_changed(&before, &[]);
		let releasable_at = 10 + UNBONDING;
		assert_eq!(
			events(),
			[Event::Unbonding {
				provider: PROVIDER,
				amount: 100 * LP,
				releasable_at
			}]
		);
		assert_eq!(DealsPallet::free_bond(&PROVIDER), 300 * LP);
	});
}

#[test]
fn unbond_merges_the_parts_of_one_block() {
	test(|| {
		for _ in 0..5 {
			assert_ok!(DealsPallet::unbond(signed(PROVIDER), LP));
		}
		let parts = Bonds::<Test>::get(PROVIDER).expect("bonded").unbonding;
		assert_eq!(
			parts.to_vec(),
			[Unbonding {
				amount: 5 * LP,
				releasable_at: 10 + UNBONDING
			}]
		);
	});
}

#[test]
fn unbond_fails_when_zero() {
	test(|| {
		assert_noop!(
			DealsPallet::unbond(signed(PROVIDER), 0),
			Error::<Test>::ZeroAmount
		);
	});
}

#[test]
fn unbond_fails_when_there_is_no_bond() {
	test(|| {
		assert_noop!(DealsPallet::unbond(signed(OTHER), 1), Error::<Test>::NoBond);
	});
}

#[test]
fn unbond_boundary_of_the_free_part() {
	test(|| {
		matched();
		let free = BOND - COLLATERAL;
		assert_noop!(
			DealsPallet::unbond(signed(PROVIDER), free + 1),
			Error::<Test>::BondInUse
		);
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), free));
		assert_noop!(DealsPallet::unbond(signed(PROVIDER), 1), Error::<Test>::BondInUse);
	});
}

#[test]
fn unbond_boundary_of_what_stays() {
	test(|| {
		assert_noop!(
			DealsPallet::unbond(signed(PROVIDER), BOND - LP + 1),
			Error::<Test>::BondTooSmall
		);
		assert_noop!(
			DealsPallet::unbond(signed(PROVIDER), BOND - 1),
			Error::<Test>::BondTooSmall
		);
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), BOND - LP));
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), LP));
	});
}

#[test]
fn unbond_fails_when_there_are_too_many_parts() {
	test(|| {
		for _ in 0..3 {
			assert_ok!(DealsPallet::unbond(signed(PROVIDER), LP));
			pass(1);
		}
		assert_noop!(
			DealsPallet::unbond(signed(PROVIDER), LP),
			Error::<Test>::TooManyUnbonding
		);
		pass(UNBONDING);
		assert_ok!(DealsPallet::withdraw_unbonded(signed(PROVIDER)));
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), LP));
	});
}

#[test]
fn what_is_unbonding_backs_no_new_deal() {
	test(|| {
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), BOND - COLLATERAL + 1));
		let job = post_job(terms(PROVIDER), 0).expect("the creator can pay");
		assert_noop!(match_job(job, PROVIDER), Error::<Test>::CollateralUnavailable);
		withdraw_job(job);
	});
}
