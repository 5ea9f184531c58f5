//! Time, block production, finality and validators.
//!
//! The validators are those of the genesis; they may change their keys (`session.setKeys`) but not their number until
//! a chain has a source of new ones.

use frame_support::{parameter_types, traits::ConstU32};
use sp_consensus_babe::{AllowedSlots, BabeEpochConfiguration};
use sp_runtime::traits::{ConvertInto, OpaqueKeys};

use crate::{
	constants::{
		currency::deposit,
		time::{DAYS, EPOCH_DURATION_IN_SLOTS, PRIMARY_PROBABILITY, SLOT_DURATION},
	},
	AccountId, Babe, Balance, Balances, Runtime, RuntimeEvent, Session, SessionKeys,
};

/// BABE's settings at genesis.
///
/// With secondary *VRF* slots every block carries randomness of its own, whoever made it; with plain ones a draw could
/// see an old value again.
pub const BABE_GENESIS_EPOCH_CONFIG: BabeEpochConfiguration = BabeEpochConfiguration {
	c: PRIMARY_PROBABILITY,
	allowed_slots: AllowedSlots::PrimaryAndSecondaryVRFSlots,
};

/// Most validators that the chain can have.
type MaxAuthorities = ConstU32<256>;

/// Nobody nominates validators here.
type MaxNominators = ConstU32<0>;

parameter_types! {
	pub const EpochDuration: u64 = EPOCH_DURATION_IN_SLOTS;
	pub const ExpectedBlockTime: u64 = SLOT_DURATION;
	pub const MinimumPeriod: u64 = SLOT_DURATION / 2;
	// An entry under the validator's account and one for each of the two keys.
	pub const SessionKeyDeposit: Balance = deposit(3, 200);
	// Equivocations can be proven for as long as this many sessions back: a day.
	pub const MaxSetIdSessionEntries: u64 = DAYS as u64 / EPOCH_DURATION_IN_SLOTS;
}

impl pallet_timestamp::Config for Runtime {
	type Moment = u64;
	type OnTimestampSet = Babe;
	type MinimumPeriod = MinimumPeriod;
	type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl pallet_babe::Config for Runtime {
	type EpochDuration = EpochDuration;
	type ExpectedBlockTime = ExpectedBlockTime;
	type EpochChangeTrigger = pallet_babe::ExternalTrigger;
	type DisabledValidators = Session;
	type WeightInfo = ();
	type MaxAuthorities = MaxAuthorities;
	type MaxNominators = MaxNominators;
	type KeyOwnerProof = sp_core::Void;
	type EquivocationReportSystem = ();
}

impl pallet_authorship::Config for Runtime {
	type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
	type EventHandler = ();
}

impl pallet_session::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type ValidatorId = AccountId;
	type ValidatorIdOf = ConvertInto;
	type ShouldEndSession = Babe;
	type NextSessionRotation = Babe;
	type SessionManager = ();
	type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
	type Keys = SessionKeys;
	type DisablingStrategy = ();
	type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
	type Currency = Balances;
	type KeyDeposit = SessionKeyDeposit;
}

impl pallet_grandpa::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type WeightInfo = ();
	type MaxAuthorities = MaxAuthorities;
	type MaxNominators = MaxNominators;
	type MaxSetIdSessionEntries = MaxSetIdSessionEntries;
	type KeyOwnerProof = sp_core::Void;
	type EquivocationReportSystem = ();
}
