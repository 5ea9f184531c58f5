//! Balances, fees, and where fees and dust go.
//!
//! Nothing here makes or destroys LP: fees and tips go to the block's author, dust and whatever can't be delivered go
//! to the treasury. So the total issuance changes only where LP comes from or goes to another chain.

use frame_support::{
	parameter_types,
	traits::{
		fungible::{Balanced, Credit},
		tokens::imbalance::ResolveTo,
		ConstU32, ConstU8, OnUnbalanced, VariantCountOf,
	},
	weights::{Weight, WeightToFee as WeightToFeeT},
	PalletId,
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{traits::AccountIdConversion, FixedPointNumber, FixedU128, Perquintill, Saturating};

use crate::{
	constants::currency::{EXISTENTIAL_DEPOSIT, MICRO_LP},
	AccountId, Authorship, Balance, Balances, Runtime, RuntimeBlockWeights, RuntimeEvent,
	RuntimeFreezeReason, RuntimeHoldReason, System,
};

parameter_types! {
	pub const ExistentialDeposit: Balance = EXISTENTIAL_DEPOSIT;
	pub const TreasuryPalletId: PalletId = PalletId(*b"lp/trsry");

	/// Where dust, fines and whatever can't be delivered to its owner go. Nobody holds a key to it.
	pub TreasuryAccount: AccountId = TreasuryPalletId::get().into_account_truncating();
}

impl pallet_balances::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeHoldReason = RuntimeHoldReason;
	type RuntimeFreezeReason = RuntimeFreezeReason;
	type Balance = Balance;
	type DustRemoval = ResolveTo<TreasuryAccount, Balances>;
	type ExistentialDeposit = ExistentialDeposit;
	type AccountStore = System;
	type ReserveIdentifier = [u8; 8];
	type FreezeIdentifier = RuntimeFreezeReason;
	type MaxLocks = ConstU32<50>;
	type MaxReserves = ConstU32<50>;
	type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
	type DoneSlashHandler = ();
	type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
}

/// What a picosecond of weight costs, in the smallest unit of LP.
///
/// A transfer comes to about two thousandths of an LP, a full block to a little over three LP.
pub const FEE_PER_REF_TIME: u128 = 5_000_000;

/// What a byte of a transaction costs: ten millionths of an LP.
pub const FEE_PER_BYTE: Balance = 10 * MICRO_LP;

/// The fee for a weight: a fixed price for its larger share of the block, time or proof size.
///
/// This is the rule that an EVM on this chain would need, whose one-dimensional gas has to pay for both; so adding one
/// later does not change what anything costs.
pub struct WeightToFee;

impl WeightToFeeT for WeightToFee {
	type Balance = Balance;

	fn weight_to_fee(weight: &Weight) -> Balance {
		let block = RuntimeBlockWeights::get().max_block;
		let fee_per_proof_byte = FixedU128::saturating_from_rational(block.ref_time(), block.proof_size())
			.saturating_mul(FixedU128::saturating_from_integer(FEE_PER_REF_TIME));
		let time = FEE_PER_REF_TIME.saturating_mul(weight.ref_time().into());
		let proof = fee_per_proof_byte.saturating_mul_int(Balance::from(weight.proof_size()));
		time.max(proof)
	}
}

/// The fee for a transaction's length.
pub struct LengthToFee;

impl WeightToFeeT for LengthToFee {
	type Balance = Balance;

	fn weight_to_fee(length: &Weight) -> Balance {
		FEE_PER_BYTE.saturating_mul(length.ref_time().into())
	}
}

/// Gives fees and tips to the author of the block, or to the treasury when the author can't take them.
pub struct DealWithFees;

impl OnUnbalanced<Credit<AccountId, Balances>> for DealWithFees {
	fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
		let left = match Authorship::author() {
			Some(author) => match Balances::resolve(&author, credit) {
				Ok(()) => return,
				Err(credit) => credit,
			},
			None => credit,
		};
		ResolveTo::<TreasuryAccount, Balances>::on_unbalanced(left);
	}
}

parameter_types! {
	/// Above this share of the ordinary part of the block, fees rise; below it, they fall.
	pub const TargetBlockFullness: Perquintill = Perquintill::from_percent(25);
	/// How fast: when every block is full, fees double in about two hours.
	pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(25, 100_000);
	/// Never below the plain price, so an idle chain isn't free to flood.
	pub MinimumMultiplier: Multiplier = Multiplier::from_u32(1);
	pub MaximumMultiplier: Multiplier = Multiplier::from_u32(10_000);
}

impl pallet_transaction_payment::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type OnChargeTransaction = FungibleAdapter<Balances, DealWithFees>;
	type OperationalFeeMultiplier = ConstU8<5>;
	type WeightToFee = WeightToFee;
	type LengthToFee = LengthToFee;
	type FeeMultiplierUpdate = TargetedFeeAdjustment<
		Self,
		TargetBlockFullness,
		AdjustmentVariable,
		MinimumMultiplier,
		MaximumMultiplier,
	>;
	type WeightInfo = crate::weights::pallet_transaction_payment::WeightInfo<Runtime>;
}
