//! Records of the pallets, as their storage holds them. What is shared with the pallets comes from `lilypad_primitives`;
//! the types here are the pallets' own, and the shape check at every connection proves that they still fit.

use crate::AccountId;
use codec::{Decode, Encode};
use lilypad_primitives::{
	offer::MAX_PLATFORMS, Balance, BlockNumber, CreatorPolicy, DealId, Dispute, Job, JobId, MachineSpec,
	MediatorPolicy, Millis, Mismatch, ModuleInfo, ModulePolicy, OfferId, Opening, Platform, Seal, Unbonding,
	VersionId,
};
use scale_info::TypeInfo;
use serde::Serialize;
use sp_core::{bounded::BoundedVec, ConstU32};
use sp_runtime::Permill;

/// A job, where it stands, and what follows from its request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct JobRecord {
	/// The job.
	pub job: Job<AccountId>,
	/// Where it stands.
	pub state: JobState,
	/// Bytes that the provider must fetch: image or code, input files, and inputs passed by hash.
	pub fetch_bytes: u64,
	/// Its part of the market.
	pub class: Class,
	/// The highest rate that its budget affords.
	pub ceiling: Balance,
}

/// A part of the market: offers and jobs of one class can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, TypeInfo)]
pub struct Class {
	/// What runs the module.
	pub platform: Platform,
	/// Whether the job needs a GPU.
	pub gpu: bool,
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum JobState {
	/// It waits for an offer.
	Open {
		/// The last block in which it can be matched.
		match_by: BlockNumber,
	},
	/// It has a live deal.
	Matched {
		/// The deal.
		deal: DealId,
		/// The offer.
		offer: OfferId,
		/// The part of the machine that it uses; `None` once its run has ended.
		granted: Option<MachineSpec>,
	},
}

/// A match that somebody found for a waiting job.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Proposal {
	/// The offer.
	pub offer: OfferId,
	/// Its rate when it was proposed. Should it be dearer later, the proposal is void.
	pub rate: Balance,
	/// Who found it, and earns the tip. `None`: a node's own solver, which works for nothing.
	pub solver: Option<AccountId>,
	/// The first block in which it can become the deal, and the first in which it can no longer be replaced.
	pub due: BlockNumber,
}

/// What a provider offers.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct OfferParams {
	/// The whole machine.
	pub machine: MachineSpec,
	/// Most deals at once.
	pub slots: u32,
	/// LP per second of run time.
	pub rate: Balance,
	/// What it runs; at least one, none twice.
	pub platforms: Platforms,
	/// Whose modules it runs.
	pub modules: ModulePolicy<AccountId>,
	/// Who may judge.
	pub mediators: MediatorPolicy<AccountId>,
	/// Whose jobs it runs.
	pub creators: CreatorPolicy<AccountId>,
}

/// A list of platforms.
pub type Platforms = BoundedVec<Platform, ConstU32<MAX_PLATFORMS>>;

/// An offer that fits a request.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct QuotedOffer {
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
pub struct Quote {
	/// The cheapest offers that fit, cheapest first. The first is the one that would be matched.
	pub offers: Vec<QuotedOffer>,
	/// When nothing fits: for how many offers each rule was the first to fail.
	pub mismatches: Vec<(Mismatch, u32)>,
	/// When nothing fits: the least budget with which an offer would.
	pub enough_budget: Option<Balance>,
	/// How many offers were looked at.
	pub considered: u32,
	/// Whether those were all.
	pub complete: bool,
}

/// A deal: one match of a job with an offer.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Deal {
	/// The job.
	pub job: JobId,
	/// The offer.
	pub offer: OfferId,
	/// What was agreed.
	pub terms: lilypad_primitives::Terms<AccountId>,
	/// The block of the match.
	pub matched_at: BlockNumber,
	/// Where the chain's index of deadlines has it.
	pub indexed_at: BlockNumber,
	/// Where it stands.
	pub state: DealState,
}

/// Where a deal stands.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum DealState {
	/// The provider has to acknowledge.
	Matched {
		/// The last block to do so.
		ack_by: BlockNumber,
	},
	/// The provider runs the job.
	Running {
		/// The block of the acknowledgement.
		acked_at: BlockNumber,
		/// Its time, in milliseconds since the Unix epoch.
		acked_ms: Millis,
		/// The last block to submit a result.
		submit_by: BlockNumber,
	},
	/// The result is there, sealed.
	Submitted {
		/// The provider's commitment.
		seal: Seal,
		/// Time from acknowledgement to submission, and one block's more: the most that can be charged for.
		elapsed: Millis,
		/// From this block on it can be accepted and revealed.
		draw_at: BlockNumber,
		/// The last block to accept or reveal it.
		judge_by: BlockNumber,
		/// What the provider revealed, once it has.
		opened: Option<Opening>,
		/// Whether the draw has been made, and no audit follows.
		cleared: bool,
		/// Whether the creator has challenged, and no panel could be found.
		challenged: bool,
	},
	/// Mediators judge the result.
	Disputed {
		/// The provider's commitment.
		seal: Seal,
		/// As before.
		elapsed: Millis,
		/// As before.
		opened: Option<Opening>,
		/// Why.
		dispute: Dispute,
	},
}

impl DealState {
	/// The provider's commitment, once there is one.
	pub fn seal(&self) -> Option<Seal> {
		match self {
			Self::Submitted { seal, .. } | Self::Disputed { seal, .. } => Some(*seal),
			Self::Matched { .. } | Self::Running { .. } => None,
		}
	}

	/// The result, once it is public.
	pub fn opened(&self) -> Option<&Opening> {
		match self {
			Self::Submitted { opened, .. } | Self::Disputed { opened, .. } => opened.as_ref(),
			Self::Matched { .. } | Self::Running { .. } => None,
		}
	}
}

/// Why an audit was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum SkipReason {
	/// The pool can't pay every panel that the audit may need.
	PoolTooSmall,
	/// There are not enough mediators for such jobs.
	NoMediators,
	/// The randomness is missing.
	NoRandomness,
}

/// A provider's bond.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Bond {
	/// All of it.
	pub total: Balance,
	/// The part that backs live deals.
	pub committed: Balance,
	/// What was asked back.
	pub unbonding: Vec<Unbonding>,
	/// What became of the provider's deals.
	pub record: lilypad_primitives::TrackRecord,
}

impl Bond {
	/// The part that backs no deal and is not on its way out.
	pub fn free(&self) -> Balance {
		let leaving = self
			.unbonding
			.iter()
			.fold(0, |sum: Balance, part| sum.saturating_add(part.amount));
		self.total.saturating_sub(self.committed).saturating_sub(leaving)
	}
}

/// Longest reason for a deprecation, in bytes.
pub const MAX_REASON: u32 = 256;

/// Why a module version is deprecated.
pub type Reason = BoundedVec<u8, ConstU32<MAX_REASON>>;

/// The note on a module version that still runs and should no longer be used.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Deprecation {
	/// What to use in its place.
	pub successor: Option<VersionId>,
	/// Why; may be empty.
	pub reason: Reason,
	/// What is held of its author for this note.
	pub deposit: Balance,
}

/// A module version with its manifest.
#[derive(Clone, Debug)]
pub struct Module {
	/// Its number.
	pub id: VersionId,
	/// Its record.
	pub info: ModuleInfo<AccountId>,
	/// Its manifest's bytes, which are checked against the record's hash.
	pub manifest: Vec<u8>,
}

/// An account's money.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Balances {
	/// What is not held.
	pub free: Balance,
	/// What is held, by pallet and reason (`"Deals::JobBudget"`).
	pub held: Vec<(String, Balance)>,
	/// The part of `free` that can be spent without ending the account.
	pub spendable: Balance,
}

impl Balances {
	/// All that is held.
	pub fn total_held(&self) -> Balance {
		self.held
			.iter()
			.fold(0, |sum: Balance, (_, amount)| sum.saturating_add(*amount))
	}
}

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockId {
	/// Its number.
	pub number: BlockNumber,
	/// Its hash.
	pub hash: crate::Hash,
}

impl std::fmt::Display for BlockId {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(f, "#{} ({:?})", self.number, self.hash)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_bonds_free_part_is_neither_committed_nor_leaving() {
		let part = |amount| Unbonding {
			amount,
			releasable_at: 5,
		};
		let bond = Bond {
			total: 10,
			committed: 3,
			unbonding: vec![part(2), part(1)],
			..Bond::default()
		};
		assert_eq!(bond.free(), 4);
		assert_eq!(
			Bond {
				committed: 20,
				..bond
			}
			.free(),
			0
		);
	}
}
