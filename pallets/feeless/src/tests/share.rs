//! How much of a block entitled calls may fill.

use frame_support::{assert_ok, weights::Weight};
use sp_runtime::{
	traits::Zero,
	transaction_validity::{InvalidTransaction, TransactionValidityError},
};

use crate::{mock::*, Pallet, Used};

/// A call's weight such that exactly `n` of them fill the share.
fn nth_of_share(n: u64) -> Weight {
	let extension = extension_weight(&pass_lightly(0));
	Pallet::<Runtime>::allowance() / n - BASE - extension
}

fn exhausted() -> TransactionValidityError {
	InvalidTransaction::ExhaustsResources.into()
}

#[test]
fn allowance_is_the_share_of_what_ordinary_transactions_have() {
	assert_eq!(Pallet::<Runtime>::allowance(), NORMAL / 5);
}

#[test]
fn calls_beyond_the_share_wait() {
	run(|| {
		let weight = nth_of_share(2);
		for gate in 0..3 {
			open(gate, POOR);
		}
		assert_ok!(include(POOR, &pass(0, weight)));
		assert_ok!(include(POOR, &pass(1, weight)));
		assert_eq!(include(POOR, &pass(2, weight)), Err(exhausted()));
		// The pool still takes it, and the next block has room for it.
		assert!(validate(POOR, &pass(2, weight)).is_ok());
		end_block();
		assert_ok!(include(POOR, &pass(2, weight)));
	});
}

#[test]
fn share_boundary_is_inclusive() {
	run(|| {
		let full = nth_of_share(1);
		open(0, POOR);
		assert!(include(POOR, &pass(0, full)).is_ok_and(|i| i.fee == 0 && i.ok));
	});
	run(|| {
		let too_much = nth_of_share(1) + Weight::from_parts(1, 0);
		open(0, POOR);
		// It would never fit, so it isn't left to wait for ever: it pays.
		assert_eq!(
			include(POOR, &pass(0, too_much)),
			Err(InvalidTransaction::Payment.into())
		);
		open(1, RICH);
		assert!(include(RICH, &pass(1, too_much)).is_ok_and(|i| i.fee > 0 && i.ok));
	});
}

#[test]
fn proof_size_counts_as_well() {
	run(|| {
		let half_of_the_proof =
			Weight::from_parts(0, Pallet::<Runtime>::allowance().proof_size() / 2 + 1_000);
		open(0, POOR);
		open(1, POOR);
		assert_ok!(include(POOR, &pass(0, half_of_the_proof)));
		assert_eq!(include(POOR, &pass(1, half_of_the_proof)), Err(exhausted()));
	});
}

#[test]
fn refused_call_takes_nothing() {
	run(|| {
		open(0, POOR);
		open(1, POOR);
		assert_ok!(include(POOR, &pass(0, nth_of_share(2))));
		let before = Used::<Runtime>::get();
		assert_eq!(include(POOR, &pass(1, nth_of_share(1))), Err(exhausted()));
		assert_eq!(Used::<Runtime>::get(), before);
	});
}

#[test]
fn unused_weight_is_given_back() {
	run(|| {
		open(0, POOR);
		let used = Weight::from_parts(3_000, 30);
		let call = gates::Call::pass {
			gate: 0,
			declared: nth_of_share(1),
			used,
		}
		.into();
		assert_ok!(include(POOR, &call));
		assert_eq!(Used::<Runtime>::get(), BASE + used + own_weight(0));
	});
}

#[test]
fn paying_calls_are_not_counted() {
	run(|| {
		assert_ok!(include(
			RICH,
			&frame_system::Call::remark { remark: vec![] }.into()
		));
		assert_ok!(include(RICH, &pass_lightly(7)).map(|_| ()));
		assert!(Used::<Runtime>::get().is_zero());
	});
}

#[test]
fn paying_calls_go_on_when_the_share_is_exhausted() {
	run(|| {
		open(0, POOR);
		assert_ok!(include(POOR, &pass(0, nth_of_share(1))));
		assert!(include(RICH, &pass_lightly(7)).is_ok_and(|i| i.fee > 0));
	});
}

#[test]
fn every_block_has_its_own_share() {
	run(|| {
		for gate in 0..5 {
			open(gate, POOR);
			assert_ok!(include(POOR, &pass(gate, nth_of_share(1))));
			end_block();
			assert!(!Used::<Runtime>::exists());
		}
	});
}

#[cfg(feature = "try-runtime")]
#[test]
fn try_state_notices_a_leftover() {
	use frame_support::traits::Hooks;

	new_test_ext().execute_with(|| {
		assert!(Feeless::try_state(1).is_ok());
		Used::<Runtime>::put(BASE);
		assert!(Feeless::try_state(1).is_err());
	});
}
