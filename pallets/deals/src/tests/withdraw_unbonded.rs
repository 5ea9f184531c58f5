use super::*;

#[test]
fn withdraw_unbonded_works() {
	test(|| {
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), 100 * LP));
		pass(UNBONDING);
		System::reset_events();
		let before = balances();
		assert_ok!(DealsPallet::withdraw_unbonded(signed(PROVIDER)));
		assert_changed(&before, &[(PROVIDER, plus(100 * LP), minus(100 * LP))]);
		assert_eq!(
			events(),
			[Event::Withdrawn {
				provider: PROVIDER,
				amount: 100 * LP
			}]
		);
		assert_eq!(
			Bonds::<Test>::get(PROVIDER).expect("the rest stays").total,
			300 * LP
		);
	});
}

#[test]
fn withdraw_unbonded_boundary_one_block_before() {
	test(|| {
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), LP));
		pass(UNBONDING - 1);
		assert_noop!(
			DealsPallet::withdraw_unbonded(signed(PROVIDER)),
			Error::<Test>::NothingToWithdraw
		);
		pass(1);
		assert_ok!(DealsPallet::withdraw_unbonded(signed(PROVIDER)));
		assert_noop!(
			DealsPallet::withdraw_unbonded(signed(PROVIDER)),
			Error::<Test>::NothingToWithdraw
		);
	});
}

#[test]
fn withdraw_unbonded_leaves_what_is_not_due() {
	test(|| {
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), 2 * LP));
		pass(1);
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), 3 * LP));
		pass(UNBONDING - 1);
		let before = balances();
		assert_ok!(DealsPallet::withdraw_unbonded(signed(PROVIDER)));
		assert_changed(&before, &[(PROVIDER, plus(2 * LP), minus(2 * LP))]);
		let bond = Bonds::<Test>::get(PROVIDER).expect("the rest stays");
		assert_eq!(bond.unbonding_total(), 3 * LP);
	});
}

#[test]
fn withdraw_unbonded_leaves_nothing_of_an_empty_bond() {
	test(|| {
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), BOND));
		pass(UNBONDING);
		assert_ok!(DealsPallet::withdraw_unbonded(signed(PROVIDER)));
		assert_eq!(Bonds::<Test>::get(PROVIDER), None);
		assert_eq!(System::account(PROVIDER).data.free, ENDOWMENT);
	});
}

#[test]
fn withdraw_unbonded_fails_when_there_is_no_bond() {
	test(|| {
		assert_noop!(
			DealsPallet::withdraw_unbonded(signed(OTHER)),
			Error::<Test>::NoBond
		);
	});
}

#[test]
fn collateral_can_not_be_withdrawn_by_any_path() {
	test(|| {
		matched();
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), BOND - COLLATERAL));
		pass(UNBONDING);
		assert_ok!(DealsPallet::withdraw_unbonded(signed(PROVIDER)));
		assert_eq!(held(HoldReason::ProviderBond, PROVIDER), COLLATERAL);
		assert_noop!(DealsPallet::unbond(signed(PROVIDER), 1), Error::<Test>::BondInUse);
	});
}
