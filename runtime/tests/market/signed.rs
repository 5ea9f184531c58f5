//! Calls as signed transactions, applied as a block applies them.

use codec::Encode;
use lilypad_runtime::{
	Address, Executive, Runtime, RuntimeCall, Signature, SignedPayload, System, TxExtension,
	UncheckedExtrinsic,
};
use sp_runtime::{generic::Era, ApplyExtrinsicResult};

use super::chain::Who;

/// What a transaction carries besides its call: no tip, and valid for ever.
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
