//! Resource offers.

use crate::{Balance, MachineSpec, Platform, VersionId};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{bounded::BoundedVec, ConstU32};

/// Most entries in one policy's list.
pub const MAX_POLICY: u32 = 16;
/// Most platforms: as many as there are.
pub const MAX_PLATFORMS: u32 = 3;
/// Most addresses at which a peer says it can be reached.
pub const MAX_PEER_ADDRESSES: u32 = 4;
/// Longest such address, in bytes.
pub const MAX_PEER_ADDRESS: u32 = 128;

/// Where a worker can be reached peer to peer.
#[derive(
	Clone,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct PeerAddress {
	/// The peer's Ed25519 public key.
	pub id: [u8; 32],
	/// Socket addresses (`203.0.113.7:4433`) or relay URLs (`https://relay.example`), as text.
	pub addresses: BoundedVec<BoundedVec<u8, ConstU32<MAX_PEER_ADDRESS>>, ConstU32<MAX_PEER_ADDRESSES>>,
}

/// Whose modules a provider runs.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ModulePolicy<AccountId> {
	/// Every module.
	Any,
	/// Those that the curators have marked.
	Curated,
	/// These versions.
	Versions(BoundedVec<VersionId, ConstU32<MAX_POLICY>>),
	/// Those of these authors.
	Authors(BoundedVec<AccountId, ConstU32<MAX_POLICY>>),
}

/// Who may judge a dispute. `Any` fits only `Any` and means the open draw over all mediators.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum MediatorPolicy<AccountId> {
	/// Whoever is drawn.
	Any,
	/// Whoever is drawn among these.
	Only(BoundedVec<AccountId, ConstU32<MAX_POLICY>>),
}

/// Whose jobs a provider runs.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum CreatorPolicy<AccountId> {
	/// Everybody's.
	Any,
	/// These creators'.
	Only(BoundedVec<AccountId, ConstU32<MAX_POLICY>>),
}

/// Whether an offer takes new deals.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum OfferState {
	/// It does.
	Active,
	/// It does not, until its provider resumes it.
	Paused,
	/// It does not, and goes when its last deal has ended.
	Draining,
}

/// A provider's standing order: it serves many deals, at the same time while capacity lasts.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Offer<AccountId> {
	/// Who offers it.
	pub provider: AccountId,
	/// The whole machine.
	pub total: MachineSpec,
	/// What no running deal uses.
	pub free: MachineSpec,
	/// Most deals at once.
	pub slots: u32,
	/// Deals that run now.
	pub running: u32,
	/// Deals that are not settled yet; those that run and those that wait to be judged.
	pub open_deals: u32,
	/// Price of a second of run time.
	pub rate: Balance,
	/// What it runs.
	pub platforms: BoundedVec<Platform, ConstU32<MAX_PLATFORMS>>,
	/// Whose modules it runs.
	pub modules: ModulePolicy<AccountId>,
	/// Who may judge.
	pub mediators: MediatorPolicy<AccountId>,
	/// Whose jobs it runs.
	pub creators: CreatorPolicy<AccountId>,
	/// Whether it takes new deals.
	pub state: OfferState,
}
