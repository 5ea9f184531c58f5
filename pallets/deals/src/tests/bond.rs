use super::*;
use sp_runtime::TokenError;

#[test]
fn bond_works() {
	test(|| {
		let before = balances();
		assert_ok!(DealsPallet::bond(signed(OTHER), 5 * LP));
		assert_changed(&before, &[(OTHER, minus(5 * LP), plus(5 * LP))]);
		let bond = Bonds::<Test>::get(OTHER).expect("just bonded");
		assert_eq!((bond.total, bond.committed, bond.free()), (5 * LP, 0, 5 * LP));
		assert_eq!(
			events(),
			[Event::Bonded {
				provider: OTHER,
				amount: 5 * LP,
				total: 5 * LP
			}]
		);
	});
}

#[test]
fn bond_adds_to_what_is_there() {
	test(|| {
		matched();
		System::reset_events();
		assert_ok!(DealsPallet::bond(signed(PROVIDER), 1));
		assert_eq!(
			events(),
			[Event::Bonded {
				provider: PROVIDER,
				amount: 1,
				total: BOND + 1
			}]
		);
		assert_eq!(DealsPallet::free_bond(&PROVIDER), BOND + 1 - COLLATERAL);
	});
}

#[test]
fn bond_fails_when_zero() {
	test(|| {
		assert_noop!(DealsPallet::bond(signed(PROVIDER), 0), Error::<Test>::ZeroAmount);
	});
}

#[test]
fn bond_boundary_least() {
	test(|| {
		assert_noop!(
			DealsPallet::bond(signed(OTHER), LP - 1),
			Error::<Test>::BondTooSmall
		);
		assert_ok!(DealsPallet::bond(signed(OTHER), LP));
	});
}

#[test]
fn bond_does_not_count_what_is_unbonding() {
	test(|| {
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), BOND));
		assert_noop!(
			DealsPallet::bond(signed(PROVIDER), LP - 1),
			Error::<Test>::BondTooSmall
		);
		assert_ok!(DealsPallet::bond(signed(PROVIDER), LP));
	});
}

#[test]
fn bond_boundary_of_what_the_account_has() {
	test(|| {
		assert_noop!(
			DealsPallet::bond(signed(OTHER), ENDOWMENT - ED + 1),
			TokenError::FundsUnavailable
		);
		assert_ok!(DealsPallet::bond(signed(OTHER), ENDOWMENT - ED));
	});
}

#[test]
fn bond_fails_when_the_number_overflows() {
	test(|| {
		assert_noop!(
			DealsPallet::bond(signed(PROVIDER), u128::MAX),
			Error::<Test>::Overflow
		);
	});
}
