//! What the market stores and returns, beyond the shared types.

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use lilypad_primitives::{
	offer::MAX_PLATFORMS, Balance, BlockNumber, CreatorPolicy, DealId, Job, JobId, MachineSpec,
	MediatorPolicy, Mismatch, ModulePolicy, Offer, OfferId, OfferState, Platform,
};
use scale_info::TypeInfo;
use sp_runtime::Permill;

/// The part of the market in which an offer or a job stands: its first index key.
#[derive(
	Clone,
	Copy,
	Debug,
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
pub struct Class {
	/// What runs the module.
	pub platform: Platform,
	/// Whether the job needs a GPU. An offer with GPUs stands in both classes.
	pub gpu: bool,
}

/// A rate as an index key: big-endian, so that byte order is number order.
pub type RateKey = [u8; 16];
/// An id as an index key: big-endian.
pub type IdKey = [u8; 8];
/// A whole key of the index of offers or of waiting jobs.
pub type IndexKey = (Class, RateKey, IdKey);

/// The classes in which an offer can stand.
pub fn classes<AccountId>(offer: &Offer<AccountId>) -> impl Iterator<Item = Class> + '_ {
	let with_gpus = !offer.total.gpus.is_empty();
	offer.platforms.iter().flat_map(move |&platform| {
		[false, true]
			.into_iter()
			.filter(move |gpu| !gpu || with_gpus)
			.map(move |gpu| Class { platform, gpu })
	})
}

/// Whether an offer takes another deal, so that it stands in the index.
pub fn is_available<AccountId>(offer: &Offer<AccountId>) -> bool {
	offer.state == OfferState::Active && offer.running < offer.slots
}

/// The keys of an offer at its rate.
pub fn offer_keys<AccountId>(id: OfferId, offer: &Offer<AccountId>) -> impl Iterator<Item = IndexKey> + '_ {
	let rate = offer.rate.to_be_bytes();
	classes(offer).map(move |class| (class, rate, id.0.to_be_bytes()))
}

/// The key of a waiting job: whoever can pay most comes first, and of equals the oldest.
pub fn waiting_key<AccountId>(id: JobId, record: &JobRecord<AccountId>) -> IndexKey {
	(record.class, (!record.ceiling).to_be_bytes(), id.0.to_be_bytes())
}

/// What a provider offers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct OfferParams<AccountId> {
	/// The whole machine.
	pub machine: MachineSpec,
	/// Most deals at once.
	pub slots: u32,
	/// LP per second of run time.
	pub rate: Balance,
	/// What it runs; at least one, none twice.
	pub platforms: BoundedVec<Platform, ConstU32<MAX_PLATFORMS>>,
	/// Whose modules it runs.
	pub modules: ModulePolicy<AccountId>,
	/// Who may judge.
	pub mediators: MediatorPolicy<AccountId>,
	/// Whose jobs it runs.
	pub creators: CreatorPolicy<AccountId>,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum JobState {
	/// It waits. Left by a match, by `cancel_job`, and after `match_by` by `expire_job`.
	Open {
		/// The last block in which it can be matched.
		match_by: BlockNumber,
	},
	/// It has a live deal. Left when the deal is settled.
	Matched {
		/// The deal.
		deal: DealId,
		/// The offer that serves it.
		offer: OfferId,
		/// The part of the offer's machine that it uses; `None` once its run has ended.
		granted: Option<MachineSpec>,
	},
}

/// A job, where it stands, and what follows from its request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct JobRecord<AccountId> {
	/// The job.
	pub job: Job<AccountId>,
	/// Where it stands.
	pub state: JobState,
	/// Bytes that the provider must fetch: image or code, input files, and inputs passed by hash.
	pub fetch_bytes: u64,
	/// Its part of the market.
	pub class: Class,
	/// The highest rate that its budget affords, by the prices when it was queued: its place among the waiting jobs.
	pub ceiling: Balance,
}

/// A match that somebody found for a waiting job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Proposal<AccountId> {
	/// The offer.
	pub offer: OfferId,
	/// Its rate when it was proposed. Should it be dearer later, the proposal is void.
	pub rate: Balance,
	/// Who found it, and earns the tip. `None`: the chain's own solver, which works for nothing.
	pub solver: Option<AccountId>,
	/// The first block in which it can become the deal, and the first in which it can no longer be replaced.
	pub due: BlockNumber,
}

/// A block as an index key: big-endian.
pub type BlockKey = [u8; 4];

/// The place of a proposal in the order in which they come due.
pub fn queue_key(due: BlockNumber, job: JobId) -> (BlockKey, IdKey) {
	(due.to_be_bytes(), job.0.to_be_bytes())
}

/// An offer that fits a request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct QuotedOffer<AccountId> {
	/// The offer.
	pub offer: OfferId,
	/// Whose it is.
	pub provider: AccountId,
	/// LP per second of run time.
	pub rate: Balance,
	/// The most that the run can cost: cap, author's fee, levy and tip.
	pub escrow: Balance,
	/// The most that the provider can earn.
	pub cap: Balance,
	/// The share of the audit pool.
	pub levy: Balance,
	/// The author's fee.
	pub module_fee: Balance,
	/// The provider's score.
	pub score: Permill,
}

/// What a request would meet with, were it posted now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Quote<AccountId> {
	/// The cheapest offers that fit, cheapest first. The first is the one that would be matched.
	pub offers: Vec<QuotedOffer<AccountId>>,
	/// When nothing fits: for how many offers each rule was the first to fail.
	pub mismatches: Vec<(Mismatch, u32)>,
	/// When nothing fits: the least budget with which an offer would.
	pub enough_budget: Option<Balance>,
	/// How many offers were looked at.
	pub considered: u32,
	/// Whether those were all.
	pub complete: bool,
}

/// What a search did: weights follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
	/// Candidates looked at.
	pub candidates: u32,
	/// Deals opened.
	pub matches: u32,
	/// How many of these were with jobs that had waited.
	pub waited: u32,
	/// Offers that entered or left the index.
	pub moves: u32,
}
