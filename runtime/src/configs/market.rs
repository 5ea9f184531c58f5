//! The market's pallets.

use frame_support::{
	parameter_types,
	weights::{constants::ParityDbWeight, RuntimeDbWeight, Weight},
};
use sp_runtime::{transaction_validity::TransactionPriority, Perbill};

use crate::{Runtime, RuntimeCall};

parameter_types! {
	/// Above every transaction that pays, whatever its tip: a full block must not turn a provider's acknowledgement
	/// into a fine.
	pub const EntitledPriority: TransactionPriority = TransactionPriority::MAX / 2;
	/// Entitled calls fill at most this share of the ordinary part of a block; payers have the rest for themselves.
	pub const EntitledShare: Perbill = Perbill::from_percent(25);
	/// Longest entitled transaction, in bytes: a vote with its opening takes less than half of it.
	pub const EntitledMaxLength: u32 = 1_024;
	/// What any one predicate may read: the deal or case, its job and offer, the party's record and the clock.
	pub PredicateWeight: Weight = {
		let db: RuntimeDbWeight = ParityDbWeight::get();
		Weight::from_parts(10_000_000, 8_192).saturating_add(db.reads(5))
	};
}

/// The rights that entitle a party to a call without a fee.
///
/// No call is free before the market is part of the runtime.
pub struct Rights;

impl pallet_feeless::Rights<RuntimeCall> for Rights {
	type Right = ();

	fn exercised_by(_call: &RuntimeCall) -> Option<Self::Right> {
		None
	}
}

impl pallet_feeless::Config for Runtime {
	type Rights = Rights;
	type Priority = EntitledPriority;
	type Share = EntitledShare;
	type MaxLength = EntitledMaxLength;
	type PredicateWeight = PredicateWeight;
	type WeightInfo = pallet_feeless::weights::SubstrateWeight<Runtime>;
}
