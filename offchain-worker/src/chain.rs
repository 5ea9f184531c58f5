//! The chain as the worker sees it: one trait, so that everything else can be tested against a fake.

use crate::AccountId;
use async_trait::async_trait;
use futures::stream::BoxStream;
pub use lilypad_client::mediation::{Capability, Case, CaseStage, Mediator, Seat, SeatState};
use lilypad_primitives::{
	Balance, BlockNumber, Commitment, CreatorPolicy, DealId, Job, JobId, MachineSpec, MediationRules,
	MediatorPolicy, Millis, ModuleInfo, ModulePolicy, Offer, OfferId, Opening, PeerAddress, Platform, Seal,
	Terms, VersionId, Vote,
};

#[cfg(test)]
pub(crate) mod fake;
pub mod onchain;

/// Hash of a block.
pub type BlockHash = [u8; 32];

/// A block, as far as the worker needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
	/// Its number.
	pub number: BlockNumber,
	/// Its hash.
	pub hash: BlockHash,
	/// Its time, in milliseconds since the Unix epoch.
	pub timestamp: Millis,
}

/// A new best block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BestBlock {
	/// The block.
	pub block: Block,
	/// Deals that were matched with the worker's account in it. A hint to begin at once: the worker compares with
	/// [`Chain::deals_of`] now and then, whatever is missing here.
	pub matched: Vec<DealId>,
	/// Deals for whose cases the worker's account was drawn in it. As much of a hint.
	pub drawn: Vec<DealId>,
}

/// Where a deal stands. The chain's own states, without what only the chain needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DealState {
	/// Waits for the provider's acknowledgement.
	Matched {
		/// Last block in which to acknowledge.
		ack_by: BlockNumber,
	},
	/// Acknowledged.
	Running {
		/// Block of the acknowledgement.
		acked_at: BlockNumber,
		/// Its time, in milliseconds since the Unix epoch.
		acked_ms: Millis,
		/// Last block in which to submit.
		submit_by: BlockNumber,
	},
	/// A sealed result is there.
	Submitted {
		/// The seal.
		seal: Seal,
		/// Time between acknowledgement and submission: the most usage that can be claimed.
		elapsed: Millis,
		/// First block in which the seal may be opened.
		draw_at: BlockNumber,
		/// Last block in which the creator may object, and the provider open.
		judge_by: BlockNumber,
		/// What the provider opened it to.
		opened: Option<Opening>,
	},
	/// Mediators judge the result.
	Disputed {
		/// The seal.
		seal: Seal,
		/// As before.
		elapsed: Millis,
		/// As before.
		opened: Option<Opening>,
		/// How far the case has come; `None` where nobody looked.
		stage: Option<CaseStage>,
	},
}

impl DealState {
	/// The provider's seal, once there is one.
	pub fn seal(&self) -> Option<Seal> {
		match self {
			Self::Submitted { seal, .. } | Self::Disputed { seal, .. } => Some(*seal),
			Self::Matched { .. } | Self::Running { .. } => None,
		}
	}

	/// What the provider opened it to on the chain.
	pub fn opened(&self) -> Option<Opening> {
		match self {
			Self::Submitted { opened, .. } | Self::Disputed { opened, .. } => *opened,
			Self::Matched { .. } | Self::Running { .. } => None,
		}
	}
}

/// How a case that stands still can be moved on. The chain's own sweeper comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseMove {
	/// Draw the panel.
	Draw,
	/// Say that the stage's time is over.
	Expire,
}

/// Blocks after which somebody else than the chain's sweeper moves a deal or a case on.
pub const SWEEPER_GRACE: BlockNumber = 5;

impl CaseMove {
	/// What is overdue in a case at a block.
	pub fn overdue(stage: &CaseStage, now: BlockNumber) -> Option<Self> {
		match *stage {
			CaseStage::Drawing { draw_at, draw_by, .. } if now < draw_by => {
				(now >= draw_at.saturating_add(SWEEPER_GRACE)).then_some(Self::Draw)
			},
			_ => (now > stage.last_block().saturating_add(SWEEPER_GRACE)).then_some(Self::Expire),
		}
	}

	/// The call that does it.
	pub fn call(self, deal: DealId) -> Call {
		match self {
			Self::Draw => Call::Draw(deal),
			Self::Expire => Call::ExpireCase(deal),
		}
	}
}

/// A live deal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deal {
	/// Its id.
	pub id: DealId,
	/// The job.
	pub job: JobId,
	/// The offer.
	pub offer: OfferId,
	/// The terms, which name both parties.
	pub terms: Terms<AccountId>,
	/// Where it stands.
	pub state: DealState,
}

/// What it takes to post an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOffer {
	/// The machine.
	pub machine: MachineSpec,
	/// Most deals at once.
	pub slots: u32,
	/// LP per second.
	pub rate: Balance,
	/// What it runs.
	pub platforms: Vec<Platform>,
	/// Whose modules it runs.
	pub modules: ModulePolicy<AccountId>,
	/// Who may judge.
	pub mediators: MediatorPolicy<AccountId>,
	/// Whose jobs it runs.
	pub creators: CreatorPolicy<AccountId>,
}

/// A transaction of the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
	/// Adds to the provider's bond.
	Bond(Balance),
	/// Posts an offer.
	PostOffer(NewOffer),
	/// Stops an offer from taking new deals.
	PauseOffer(OfferId),
	/// Lets a paused offer take deals again.
	ResumeOffer(OfferId),
	/// Says where the worker can be reached.
	SetPeer(PeerAddress),
	/// Takes a deal on.
	Acknowledge(DealId),
	/// Turns a deal down.
	Decline(DealId),
	/// Says that image or inputs are not to be had.
	ReportUnfetchable(DealId),
	/// Commits to a result.
	Submit(DealId, Seal),
	/// Opens a seal on the chain.
	Reveal(DealId, Opening),
	/// Ends a deal whose deadline has passed.
	Expire(DealId),
	/// Begins the audit of a result that was drawn for it.
	Audit(DealId),
	/// Becomes a mediator with so many tickets.
	Register(Capability, u32),
	/// Says anew what the mediator's machine runs.
	SetCapability(Capability),
	/// Bonds for more tickets.
	AddTickets(u32),
	/// Draws a case's panel.
	Draw(DealId),
	/// Commits to a vote.
	CommitVote(DealId, Commitment),
	/// Reveals it.
	RevealVote(DealId, Vote, [u8; 32]),
	/// Moves a case on whose deadline has passed.
	ExpireCase(DealId),
}

/// Why the chain did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
	/// No node answers; asking again later may help.
	#[error("the chain can't be reached: {0}")]
	Unreachable(String),
	/// The node is on another chain than it should be, or not on a Lilypad chain.
	#[error("the node is on the wrong chain: {0}")]
	WrongChain(String),
	/// The transaction was refused. Asking again without a change is useless.
	#[error("the chain refused {what}: {error}")]
	Refused {
		/// The call.
		what: String,
		/// The runtime's own error, `Pallet::Error` and its explanation.
		error: String,
	},
	/// The transaction was dropped, or outlived its validity, without being included.
	#[error("the transaction for {0} was not included in time")]
	NotIncluded(String),
	/// The answer can't be understood.
	#[error("the chain's answer can't be read: {0}")]
	Malformed(String),
}

impl ChainError {
	/// Whether the same request may succeed later.
	pub fn is_transient(&self) -> bool {
		matches!(self, Self::Unreachable(_) | Self::NotIncluded(_))
	}
}

/// What the chain answers.
pub type ChainResult<T> = Result<T, ChainError>;

/// The chain. All reads are of the best block.
#[async_trait]
pub trait Chain: Send + Sync + 'static {
	/// The account that signs.
	fn account(&self) -> AccountId;
	/// Hash of the genesis block: identifies the chain.
	fn genesis_hash(&self) -> [u8; 32];
	/// Least time between two blocks.
	fn millis_per_block(&self) -> Millis;
	/// The best block.
	async fn best_block(&self) -> ChainResult<Block>;
	/// Number of the highest block that the node has heard of, which it may not have yet.
	async fn highest_block(&self) -> ChainResult<BlockNumber>;
	/// Best blocks as they come. The stream survives reconnects; it ends only when the client is shut down.
	async fn subscribe_best(&self) -> ChainResult<BoxStream<'static, ChainResult<BestBlock>>>;
	/// A live deal.
	async fn deal(&self, id: DealId) -> ChainResult<Option<Deal>>;
	/// The live deals whose provider is `who`.
	async fn deals_of(&self, who: &AccountId) -> ChainResult<Vec<Deal>>;
	/// A live job.
	async fn job(&self, id: JobId) -> ChainResult<Option<Job<AccountId>>>;
	/// A module version and its manifest.
	async fn module(&self, id: VersionId) -> ChainResult<Option<(ModuleInfo<AccountId>, Vec<u8>)>>;
	/// The offers of a provider.
	async fn offers_of(&self, who: &AccountId) -> ChainResult<Vec<(OfferId, Offer<AccountId>)>>;
	/// Where a provider's worker can be reached.
	async fn peer(&self, who: &AccountId) -> ChainResult<Option<PeerAddress>>;
	/// Where all providers' workers can be reached.
	async fn peers(&self) -> ChainResult<Vec<(AccountId, PeerAddress)>>;
	/// Whether a submitted result is to be audited, once that can be known.
	async fn is_drawn(&self, deal: DealId) -> ChainResult<Option<bool>>;
	/// An open case.
	async fn case(&self, deal: DealId) -> ChainResult<Option<Case>>;
	/// The open cases in which an account has had a seat.
	async fn cases_of(&self, who: &AccountId) -> ChainResult<Vec<DealId>>;
	/// A mediator.
	async fn mediator(&self, who: &AccountId) -> ChainResult<Option<Mediator>>;
	/// How results are checked.
	async fn rules(&self) -> ChainResult<MediationRules>;
	/// A provider's whole bond.
	async fn bond(&self, who: &AccountId) -> ChainResult<Balance>;
	/// Signs and sends a call, and returns once it is in a best block and has succeeded.
	///
	/// With an `anchor`, the transaction is valid only on chains that contain that block: if the block is reverted, so is
	/// the transaction, instead of taking effect in a history that the worker has not seen.
	async fn call(&self, call: Call, anchor: Option<Block>) -> ChainResult<Block>;
}
