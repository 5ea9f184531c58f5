//! What is stored: deals and their states, and bonds.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound};
use lilypad_primitives::{
	Balance, BlockNumber, Dispute, JobId, Millis, OfferId, Opening, Seal, Terms, TrackRecord, Unbonding,
};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, Get};

/// A live deal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Deal<AccountId> {
	/// The job.
	pub job: JobId,
	/// The offer that took it.
	pub offer: OfferId,
	/// Accounts and amounts, frozen at the match.
	pub terms: Terms<AccountId>,
	/// The block of the match.
	pub matched_at: BlockNumber,
	/// Under which block the deadline index has the deal: one of its deadlines, and never a later one than the present.
	pub indexed_at: BlockNumber,
	/// How far it has come.
	pub state: DealState,
}

/// How far a deal has come.
///
/// ```text
/// Matched ──acknowledge──▶ Running ──submit──▶ Submitted ──accept, expire──▶ gone
///    ├───────────────submit─────────────────────▲ ▲ │ └─reveal─▲              ▲
///    │                                            │ └─challenge, or drawn──▶ Disputed ──the verdict
///    │                                            └────────no panel─────────────┘ └─reveal─▲
///    └─decline, report_unfetchable, cancel, expire──▶ gone ◀──cancel, expire (Running)
/// ```
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum DealState {
	/// The provider has not answered yet.
	///
	/// Left by `acknowledge`, `submit`, `decline`, `report_unfetchable`, the market's cancelling, and `expire`.
	Matched {
		/// The last block in which the provider can answer.
		ack_by: BlockNumber,
	},
	/// The provider runs the job.
	///
	/// Left by `submit`, the market's cancelling, and `expire`.
	Running {
		/// The block of the acknowledgement.
		acked_at: BlockNumber,
		/// Its time, in milliseconds since the Unix epoch.
		acked_ms: Millis,
		/// The last block in which the provider can submit a result.
		submit_by: BlockNumber,
	},
	/// There is a sealed result, which can only be judged.
	///
	/// Changed by `reveal`; left by `accept`, `challenge`, `audit` and `expire`, of which all but the last also make the draw.
	Submitted {
		/// The provider's commitment.
		seal: Seal,
		/// Chain time from acknowledgement to submission, and one block's more: the longest usage that can be claimed.
		elapsed: Millis,
		/// The first block in which the seal can be opened.
		draw_at: BlockNumber,
		/// The last block in which it can.
		judge_by: BlockNumber,
		/// What the seal hides, once the provider has revealed it: with the salt, so that the creator can accept with
		/// what the chain knows.
		opened: Option<Opening>,
		/// Whether the draw has been made, and no audit follows.
		cleared: bool,
		/// Whether the creator has challenged, and no panel could be found.
		challenged: bool,
	},
	/// Mediators judge the result.
	///
	/// Changed by `reveal` while they reveal; left by the verdict. It has no deadline of its own: the case has.
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
	/// The last block before the deal lapses. A disputed deal never does: its case has deadlines.
	pub fn deadline(&self) -> BlockNumber {
		match *self {
			DealState::Matched { ack_by } => ack_by,
			DealState::Running { submit_by, .. } => submit_by,
			DealState::Submitted { judge_by, .. } => judge_by,
			DealState::Disputed { .. } => BlockNumber::MAX,
		}
	}

	/// Whether the deal still uses its offer's capacity.
	pub fn uses_capacity(&self) -> bool {
		matches!(self, DealState::Matched { .. } | DealState::Running { .. })
	}
}

/// What a provider has on hold.
#[derive(
	CloneNoBound,
	DebugNoBound,
	PartialEqNoBound,
	EqNoBound,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[scale_info(skip_type_params(MaxUnbonding))]
pub struct Bond<MaxUnbonding: Get<u32>> {
	/// All of it.
	pub total: Balance,
	/// The collateral of its live deals.
	pub committed: Balance,
	/// The parts that are to be given back, by block.
	pub unbonding: BoundedVec<Unbonding, MaxUnbonding>,
	/// What became of the provider's deals: worth earning only together with what was put up for it.
	pub record: TrackRecord,
}

impl<MaxUnbonding: Get<u32>> Default for Bond<MaxUnbonding> {
	fn default() -> Self {
		Self {
			total: 0,
			committed: 0,
			unbonding: BoundedVec::new(),
			record: TrackRecord::default(),
		}
	}
}

impl<MaxUnbonding: Get<u32>> Bond<MaxUnbonding> {
	/// All that is unbonding.
	pub fn unbonding_total(&self) -> Balance {
		self.unbonding
			.iter()
			.fold(0, |sum, part| sum.saturating_add(part.amount))
	}

	/// What stays bonded: all but what is unbonding.
	pub fn bonded(&self) -> Balance {
		self.total.saturating_sub(self.unbonding_total())
	}

	/// What can back another deal.
	pub fn free(&self) -> Balance {
		self.bonded().saturating_sub(self.committed)
	}
}
