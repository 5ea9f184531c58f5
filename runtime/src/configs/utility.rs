//! Batches, proxies and multi-signature accounts.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	parameter_types,
	traits::{ConstU32, InstanceFilter},
};
use scale_info::TypeInfo;
use sp_runtime::traits::BlakeTwo256;

use crate::{
	constants::currency::deposit, Balance, Balances, OriginCaller, Runtime, RuntimeCall, RuntimeEvent, System,
};

impl pallet_utility::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type PalletsOrigin = OriginCaller;
	type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
	// An account's list of proxies: its key (32 bytes) and its deposit (16 bytes).
	pub const ProxyDepositBase: Balance = deposit(1, 48);
	// Each proxy: its account (32), what it may do (1) and its delay (4).
	pub const ProxyDepositFactor: Balance = deposit(0, 37);
	pub const AnnouncementDepositBase: Balance = deposit(1, 48);
	// Each announcement: the account (32), the call's hash (32) and the block (4).
	pub const AnnouncementDepositFactor: Balance = deposit(0, 68);
	// A pending operation: its key (64) and a record with a call's hash, moment, deposit and depositor (88).
	pub const MultisigDepositBase: Balance = deposit(1, 152);
	// Each further approval: an account.
	pub const MultisigDepositFactor: Balance = deposit(0, 32);
}

/// What a proxy may do for the account that named it.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
pub enum ProxyType {
	/// Anything.
	#[default]
	#[codec(index = 0)]
	Any,
	/// Anything but moving money out of the account, and changing who may do that.
	#[codec(index = 1)]
	NonTransfer,
	/// Reject announced calls of other proxies, nothing else.
	#[codec(index = 2)]
	CancelProxy,
	/// Offer machines and run jobs. What a worker's hot key needs when the bond's owner keeps another.
	///
	/// The calls that are free for the provider itself are not free for its proxy: a wrapped call pays.
	#[codec(index = 3)]
	Provider,
	/// Post jobs, and cancel, accept or challenge them: spends the account's money on jobs.
	#[codec(index = 4)]
	Creator,
	/// Register and delist modules.
	#[codec(index = 5)]
	Author,
	/// Judge results: what a mediator's hot key needs when the tickets' owner keeps another. Like `Provider`, it pays.
	#[codec(index = 6)]
	Mediator,
}

/// A provider's calls.
fn is_provider_call(call: &RuntimeCall) -> bool {
	use pallet_deals::Call as Deals;
	use pallet_market::Call as Market;

	matches!(
		call,
		RuntimeCall::Market(
			Market::post_offer { .. }
				| Market::set_offer_rate { .. }
				| Market::pause_offer { .. }
				| Market::resume_offer { .. }
				| Market::drain_offer { .. }
				| Market::withdraw_offer { .. }
				| Market::set_peer { .. }
				| Market::clear_peer { .. }
		) | RuntimeCall::Deals(
			Deals::bond { .. }
				| Deals::unbond { .. }
				| Deals::withdraw_unbonded { .. }
				| Deals::acknowledge { .. }
				| Deals::decline { .. }
				| Deals::report_unfetchable { .. }
				| Deals::submit { .. }
				| Deals::reveal { .. }
				| Deals::audit { .. }
				| Deals::expire { .. }
		)
	)
}

/// A job creator's calls.
fn is_creator_call(call: &RuntimeCall) -> bool {
	use pallet_deals::Call as Deals;
	use pallet_market::Call as Market;

	matches!(
		call,
		RuntimeCall::Market(
			Market::post_job { .. }
				| Market::cancel_job { .. }
				| Market::expire_job { .. }
				| Market::conclude_match { .. }
		) | RuntimeCall::Deals(
			Deals::accept { .. } | Deals::challenge { .. } | Deals::audit { .. } | Deals::expire { .. }
		)
	)
}

impl InstanceFilter<RuntimeCall> for ProxyType {
	// Lists of what is allowed, so that a call added later is not open by mistake. What a batch contains is filtered
	// call by call.
	fn filter(&self, call: &RuntimeCall) -> bool {
		let is_batch = matches!(call, RuntimeCall::Utility(..));
		match self {
			ProxyType::Any => true,
			// No jobs: who posts one chooses who is paid.
			ProxyType::NonTransfer => {
				is_batch
					|| matches!(
						call,
						RuntimeCall::System(..)
							| RuntimeCall::Timestamp(..)
							| RuntimeCall::Babe(..)
							| RuntimeCall::Session(..)
							| RuntimeCall::Grandpa(..)
							| RuntimeCall::Multisig(..)
							| RuntimeCall::Modules(..)
					)
			},
			ProxyType::CancelProxy => {
				matches!(
					call,
					RuntimeCall::Proxy(pallet_proxy::Call::reject_announcement { .. })
				)
			},
			ProxyType::Provider => is_batch || is_provider_call(call),
			ProxyType::Creator => is_batch || is_creator_call(call),
			ProxyType::Author => is_batch || matches!(call, RuntimeCall::Modules(..)),
			ProxyType::Mediator => is_batch || matches!(call, RuntimeCall::Mediation(..)),
		}
	}

	fn is_superset(&self, other: &Self) -> bool {
		match (self, other) {
			(mine, theirs) if mine == theirs => true,
			(ProxyType::Any, _) => true,
			(ProxyType::NonTransfer, ProxyType::Author) => true,
			_ => false,
		}
	}
}

impl pallet_proxy::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type Currency = Balances;
	type ProxyType = ProxyType;
	type ProxyDepositBase = ProxyDepositBase;
	type ProxyDepositFactor = ProxyDepositFactor;
	type MaxProxies = ConstU32<32>;
	type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
	type MaxPending = ConstU32<32>;
	type CallHasher = BlakeTwo256;
	type AnnouncementDepositBase = AnnouncementDepositBase;
	type AnnouncementDepositFactor = AnnouncementDepositFactor;
	type BlockNumberProvider = System;
}

impl pallet_multisig::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type Currency = Balances;
	type DepositBase = MultisigDepositBase;
	type DepositFactor = MultisigDepositFactor;
	type MaxSignatories = ConstU32<100>;
	type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
	type BlockNumberProvider = System;
}
