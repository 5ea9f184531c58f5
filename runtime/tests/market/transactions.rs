//! The provider's calls as signed transactions: whoever is entitled pays nothing, whoever isn't pays and fails.

use super::chain::*;
use codec::Encode;
use frame_support::{
	assert_ok,
	traits::{fungible::Mutate, tokens::Preservation::Preserve},
};
use lilypad_primitives::{DealId, LP};
use lilypad_runtime::{
	constants::currency::EXISTENTIAL_DEPOSIT, Address, Balance, Balances, Executive, Runtime, RuntimeCall,
	Signature, SignedPayload, System, TxExtension, UncheckedExtrinsic,
};
use pallet_deals::Call;
use sp_runtime::{generic::Era, ApplyExtrinsicResult};

pub(crate) fn extension(nonce: u32) -> TxExtension {
	let payment = pallet_transaction_payment::ChargeTransactionPayment::<Runtime>::from(0);
	(
		frame_system::AuthorizeCall::new(),
		frame_system::CheckNonZeroSender::new(),
		frame_system::CheckSpecVersion::new(),
		frame_system::CheckTxVersion::new(),
		frame_system::CheckGenesis::new(),
		frame_system::CheckMortality::from(Era::Immortal),
		frame_system::CheckNonce::from(nonce),
		frame_system::CheckWeight::new(),
		pallet_feeless::EntitledCall::new(payment),
		frame_metadata_hash_extension::CheckMetadataHash::new(false),
		frame_system::WeightReclaim::new(),
	)
}

/// Signs a call with the sender's next nonce, and applies it as a block does.
pub(crate) fn transact(who: Who, call: impl Into<RuntimeCall>) -> ApplyExtrinsicResult {
	let call = call.into();
	let nonce = System::account_nonce(who.to_account_id());
	let payload = SignedPayload::new(call, extension(nonce)).expect("the chain's own values are there");
	let signature = payload.using_encoded(|bytes| who.sign(bytes));
	let (call, extension, _) = payload.deconstruct();
	let address = Address::Id(who.to_account_id());
	Executive::apply_extrinsic(UncheckedExtrinsic::new_signed(
		call,
		address,
		Signature::Sr25519(signature),
		extension,
	))
}

fn free(who: Who) -> Balance {
	System::account(who.to_account_id()).data.free
}

fn matched() -> DealId {
	offer(PROVIDER, machine(RATE, 1));
	deal_of(post(CREATOR, request())).expect("matched")
}

#[test]
fn a_provider_without_spare_money_does_its_duties_free() {
	test(|| {
		let deal = matched();
		// All but what keeps the account alive is gone.
		let spare = free(PROVIDER) - EXISTENTIAL_DEPOSIT;
		assert_ok!(Balances::transfer(
			&PROVIDER.to_account_id(),
			&STRANGER.to_account_id(),
			spare,
			Preserve
		));
		assert_eq!(transact(PROVIDER, Call::acknowledge { deal }), Ok(Ok(())));
		pass(2);
		assert_eq!(
			transact(
				PROVIDER,
				Call::submit {
					deal,
					seal: opening().seal(deal)
				}
			),
			Ok(Ok(()))
		);
		draw(deal);
		assert_eq!(
			transact(
				PROVIDER,
				Call::reveal {
					deal,
					opening: opening()
				}
			),
			Ok(Ok(()))
		);
		assert_eq!(free(PROVIDER), EXISTENTIAL_DEPOSIT);
		assert_eq!(System::account_nonce(PROVIDER.to_account_id()), 3);
	});
}

#[test]
fn who_is_not_entitled_pays_and_fails() {
	test(|| {
		let deal = matched();
		let before = free(STRANGER);
		let result = transact(STRANGER, Call::acknowledge { deal });
		assert_eq!(
			result,
			Ok(Err(pallet_deals::Error::<Runtime>::NotProvider.into()))
		);
		assert!(free(STRANGER) < before);
	});
}

#[test]
fn a_second_acknowledgement_is_not_free() {
	test(|| {
		let deal = matched();
		assert_eq!(transact(PROVIDER, Call::acknowledge { deal }), Ok(Ok(())));
		let before = free(PROVIDER);
		let result = transact(PROVIDER, Call::acknowledge { deal });
		assert_eq!(
			result,
			Ok(Err(pallet_deals::Error::<Runtime>::AlreadyAcknowledged.into()))
		);
		assert!(free(PROVIDER) < before);
	});
}

#[test]
fn a_creator_pays_a_fee_for_accepting() {
	test(|| {
		let before = free(CREATOR);
		let deal = matched();
		run(PROVIDER, deal);
		draw(deal);
		assert_eq!(
			transact(
				CREATOR,
				Call::accept {
					deal,
					opening: opening()
				}
			),
			Ok(Ok(()))
		);
		let fee = before - free(CREATOR) - (3 * RATE + FEE + LEVY);
		assert!(fee > 0 && fee < LP / 50, "the fee is {fee}");
	});
}
