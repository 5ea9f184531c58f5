//! The Lilypad runtime: the market's pallets put together with the SDK's.
//!
//! There is no logic here, only composition: `configs` says how each pallet is set up (a file per concern),
//! [`apis`] what the node may ask, [`genesis_presets`] what a new chain starts with, and [`constants`] holds the
//! numbers that can't be changed on a running chain.
#![cfg_attr(not(feature = "std"), no_std)]
// The macro that composes the runtime puts undocumented items into this file; the modules keep the lint.
#![allow(missing_docs)]
// The runtime-API macro builds one very large type.
#![recursion_limit = "512"]

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

extern crate alloc;

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
mod configs;
pub mod constants;
pub mod genesis_presets;
mod hot_keys;
pub mod invariants;
#[cfg(test)]
mod tests;
mod transaction;
mod weights;

// The macros below expect it in scope.
#[allow(unused_imports)]
use alloc::vec::Vec;

use sp_runtime::{
	generic, impl_opaque_keys,
	traits::{BlakeTwo256, IdentifyAccount, Verify},
	MultiAddress, MultiSignature,
};
use sp_version::RuntimeVersion;

pub use apis::{RuntimeApi, RUNTIME_API_VERSIONS};
pub use configs::{
	consensus::BABE_GENESIS_EPOCH_CONFIG,
	market::{AuditPoolAccount, MarketPricing},
	mediation::DefaultMediationRules,
	money::{DealWithFees, LengthToFee, TreasuryAccount, WeightToFee},
	system::{RuntimeBlockLength, RuntimeBlockWeights, SS58_PREFIX},
	utility::ProxyType,
};
pub use hot_keys::hot_keys;
pub use lilypad_primitives::Balance;

/// Number of a block.
pub type BlockNumber = lilypad_primitives::BlockNumber;

/// A signature of any of the kinds that wallets use: sr25519, ed25519 or ECDSA.
pub type Signature = MultiSignature;

/// An account: 32 bytes that are, or are derived from, its public key.
pub type AccountId = <<Signature as Verify>::Signer as IdentifyAccount>::AccountId;

/// How many transactions an account has sent.
pub type Nonce = u32;

/// A hash of the chain's data: 32 bytes of BLAKE2b.
pub type Hash = sp_core::H256;

/// How a transaction names an account.
pub type Address = MultiAddress<AccountId, ()>;

/// A block's header.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;

/// A block with decoded transactions.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;

/// A block with its finality proof.
pub type SignedBlock = generic::SignedBlock<Block>;

/// Identifier of a block: hash or number.
pub type BlockId = generic::BlockId<Block>;

/// What a transaction carries besides its call and signature, and how it is checked.
///
/// The order matters: whatever can refuse a transaction cheaply comes first, and the weight is settled last. One
/// place is left in the tuple (twelve are possible).
pub type TxExtension = (
	frame_system::AuthorizeCall<Runtime>,
	frame_system::CheckNonZeroSender<Runtime>,
	frame_system::CheckSpecVersion<Runtime>,
	frame_system::CheckTxVersion<Runtime>,
	frame_system::CheckGenesis<Runtime>,
	frame_system::CheckMortality<Runtime>,
	frame_system::CheckNonce<Runtime>,
	frame_system::CheckWeight<Runtime>,
	pallet_feeless::EntitledCall<Runtime, pallet_transaction_payment::ChargeTransactionPayment<Runtime>>,
	frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
	frame_system::WeightReclaim<Runtime>,
);

/// A transaction as it travels: decoded but not yet checked.
pub type UncheckedExtrinsic = generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;

/// What a sender signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;

/// Executes blocks.
pub type Executive = frame_executive::Executive<
	Runtime,
	Block,
	frame_system::ChainContext<Runtime>,
	Runtime,
	AllPalletsWithSystem,
>;

/// Types for the node, which doesn't need to look into transactions: so it survives upgrades of the runtime.
pub mod opaque {
	use super::*;

	pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

	/// A block's header.
	pub type Header = super::Header;
	/// A block whose transactions are just bytes.
	pub type Block = generic::Block<Header, UncheckedExtrinsic>;
	/// Identifier of a block: hash or number.
	pub type BlockId = generic::BlockId<Block>;
	/// A block's hash.
	pub type Hash = super::Hash;
}

impl_opaque_keys! {
	/// The keys a validator's node signs with: one for making blocks, one for finalizing them.
	pub struct SessionKeys {
		/// Signs blocks and draws slots.
		pub babe: Babe,
		/// Signs finality votes.
		pub grandpa: Grandpa,
	}
}

/// Which runtime this is.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
	spec_name: alloc::borrow::Cow::Borrowed("lilypad"),
	impl_name: alloc::borrow::Cow::Borrowed("lilypad"),
	authoring_version: 1,
	// Raised whenever behaviour changes.
	spec_version: 100,
	impl_version: 1,
	apis: RUNTIME_API_VERSIONS,
	// Raised whenever the encoding of calls or of `TxExtension` changes.
	transaction_version: 1,
	system_version: 1,
};

// Hooks run in the order of the indices. Gaps are kept for later pallets of the same kind: 8–9 consensus (historical
// sessions, offences), 13–19 general tools (preimages, scheduler), 21–29 governance, 56 rewards,
// 60 contracts.
#[frame_support::runtime]
mod runtime {
	/// The runtime.
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Runtime;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;

	#[runtime::pallet_index(1)]
	pub type Timestamp = pallet_timestamp;

	#[runtime::pallet_index(2)]
	pub type Babe = pallet_babe;

	// Before the session, so that an author is credited to the session that the block belongs to.
	#[runtime::pallet_index(3)]
	pub type Authorship = pallet_authorship;

	#[runtime::pallet_index(4)]
	pub type Balances = pallet_balances;

	#[runtime::pallet_index(5)]
	pub type TransactionPayment = pallet_transaction_payment;

	#[runtime::pallet_index(6)]
	pub type Session = pallet_session;

	#[runtime::pallet_index(7)]
	pub type Grandpa = pallet_grandpa;

	#[runtime::pallet_index(10)]
	pub type Utility = pallet_utility;

	#[runtime::pallet_index(11)]
	pub type Proxy = pallet_proxy;

	#[runtime::pallet_index(12)]
	pub type Multisig = pallet_multisig;

	// Has a key on development chains only.
	#[runtime::pallet_index(20)]
	pub type Sudo = pallet_sudo;

	#[runtime::pallet_index(50)]
	pub type Modules = pallet_modules;

	#[runtime::pallet_index(51)]
	pub type Market = pallet_market;

	#[runtime::pallet_index(52)]
	pub type Deals = pallet_deals;

	#[runtime::pallet_index(53)]
	pub type Feeless = pallet_feeless;

	#[runtime::pallet_index(54)]
	pub type Mediation = pallet_mediation;
	#[runtime::pallet_index(55)]
	pub type EvmGateway = pallet_evm_gateway;
}

/// Migrations that run once, at an upgrade to this version.
pub type Migrations = ();
