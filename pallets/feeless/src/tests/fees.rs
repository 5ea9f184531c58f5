//! Who pays.

use frame_support::{assert_ok, traits::OriginTrait, weights::Weight};
use sp_runtime::{
	traits::{DispatchTransaction, TransactionExtension},
	transaction_validity::{InvalidTransaction, TransactionSource},
};

use crate::mock::*;

#[test]
fn entitled_call_works_without_a_balance() {
	run(|| {
		open(7, POOR);
		let included = include(POOR, &pass_lightly(7)).expect("it is entitled");
		assert!(included.ok);
		assert_eq!(included.fee, 0);
	});
}

#[test]
fn entitled_call_costs_nothing_though_there_is_a_balance() {
	run(|| {
		open(7, RICH);
		assert_eq!(
			include(RICH, &pass_lightly(7)).map(|i| (i.ok, i.fee)),
			Ok((true, 0))
		);
	});
}

#[test]
fn entitled_call_emits_no_event() {
	run(|| {
		open(7, RICH);
		assert_ok!(include(RICH, &pass_lightly(7)));
		assert_eq!(System::events(), vec![]);
	});
}

#[test]
fn call_whose_predicate_fails_pays() {
	run(|| {
		open(7, POOR);
		let included = include(RICH, &pass_lightly(7)).expect("it can pay");
		assert!(!included.ok, "the gate is open for somebody else");
		assert!(included.fee > 0);
	});
}

#[test]
fn call_whose_predicate_fails_is_refused_when_it_cannot_pay() {
	run(|| {
		open(7, RICH);
		assert_eq!(
			include(POOR, &pass_lightly(7)),
			Err(InvalidTransaction::Payment.into())
		);
	});
}

#[test]
fn second_use_of_a_right_pays() {
	run(|| {
		open(7, RICH);
		assert_eq!(include(RICH, &pass_lightly(7)).map(|i| i.fee), Ok(0));
		assert!(include(RICH, &pass_lightly(7)).is_ok_and(|i| i.fee > 0 && !i.ok));
	});
}

#[test]
fn feeless_call_that_exercises_no_right_pays() {
	run(|| {
		let call = gates::Call::wander {}.into();
		assert!(include(RICH, &call).is_ok_and(|i| i.fee > 0));
		assert_eq!(include(POOR, &call), Err(InvalidTransaction::Payment.into()));
	});
}

#[test]
fn call_without_predicate_pays() {
	run(|| {
		let call = frame_system::Call::remark { remark: vec![] }.into();
		assert!(include(RICH, &call).is_ok_and(|i| i.fee > 0));
	});
}

#[test]
fn batch_of_entitled_calls_pays() {
	run(|| {
		open(7, RICH);
		open(8, POOR);
		let batch = |gate| {
			pallet_utility::Call::batch_all {
				calls: vec![pass_lightly(gate)],
			}
			.into()
		};
		assert!(include(RICH, &batch(7)).is_ok_and(|i| i.ok && i.fee > 0));
		assert_eq!(include(POOR, &batch(8)), Err(InvalidTransaction::Payment.into()));
	});
}

#[test]
fn operational_call_pays() {
	run(|| {
		open(7, RICH);
		let call = gates::Call::pass_operational { gate: 7 }.into();
		assert!(include(RICH, &call).is_ok_and(|i| i.ok && i.fee > 0));
	});
}

#[test]
fn length_boundary_of_a_free_call() {
	run(|| {
		open(7, RICH);
		open(8, RICH);
		let max = MAX_LENGTH as usize;
		assert_eq!(
			include_with_length(RICH, &pass_lightly(7), max).map(|i| i.fee),
			Ok(0)
		);
		assert!(include_with_length(RICH, &pass_lightly(8), max + 1).is_ok_and(|i| i.ok && i.fee > 0));
	});
}

#[test]
fn origin_that_nobody_signed_is_not_entitled() {
	run(|| {
		open(7, RICH);
		let call = pass_lightly(7);
		let (valid, _, origin) = extension(0)
			.validate_only(
				RuntimeOrigin::root(),
				&call,
				&Default::default(),
				LENGTH,
				TransactionSource::External,
				0,
			)
			.expect("the fee extension lets it pass, as it would without us");
		assert!(origin.as_signer().is_none());
		assert_eq!(valid.priority, 0);
	});
}

#[test]
fn weight_of_the_unused_fee_extension_is_refunded() {
	run(|| {
		let call = pass(7, Weight::from_parts(5_000, 50));
		open(7, POOR);
		let included = include(POOR, &call).expect("it is entitled");
		assert_eq!(included.weight, Weight::from_parts(5_000, 50) + own_weight(7));
	});
}

#[test]
fn extension_weighs_no_more_for_calls_that_exercise_no_right() {
	let payment = pallet_transaction_payment::ChargeTransactionPayment::<Runtime>::from(0);
	let remark: RuntimeCall = frame_system::Call::remark { remark: vec![] }.into();
	assert_eq!(extension_weight(&remark), payment.weight(&remark));
	for gate in [7, HEAVY_GATE] {
		let pass = pass_lightly(gate);
		assert_eq!(extension_weight(&pass), payment.weight(&pass) + own_weight(gate));
	}
	assert!(own_weight(HEAVY_GATE).ref_time() > own_weight(7).ref_time());
}

#[test]
fn wallets_see_the_fee_extension_only() {
	use scale_info::TypeInfo;

	type Payment = pallet_transaction_payment::ChargeTransactionPayment<Runtime>;
	let (ours, theirs) = (Extension::metadata(), Payment::metadata());
	assert_eq!(ours.len(), 1);
	assert_eq!(ours[0].identifier, theirs[0].identifier);
	assert_eq!(ours[0].ty, theirs[0].ty);
	assert_eq!(Extension::type_info(), Payment::type_info());
	assert_eq!(
		codec::Encode::encode(&extension(12_345)),
		codec::Encode::encode(&Payment::from(12_345))
	);
}
