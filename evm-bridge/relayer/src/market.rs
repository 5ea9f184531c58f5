//! The market's chain, as a relayer sees it, behind a trait.

#[cfg(test)]
pub mod fake;
mod onchain;

use async_trait::async_trait;
use lilypad_client::{
	gateway::{
		Batch, BatchId, BridgeSet, Handled, Inbound, Lane, LaneId, OutboxState, Rotation, Signature, Ticket,
		Votes,
	},
	AccountId, ClientError,
};
use lilypad_primitives::BlockNumber;
use tokio::sync::watch;

pub use onchain::OnChain;

/// Why the market's chain did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
	/// The gateway's pallet refuses, by this name.
	#[error("the chain refuses: {0}")]
	Refused(String),
	/// The call is not free, as it is when there is no need for it any more.
	#[error("the chain has no use for this any more")]
	NotNeeded,
	/// The connection, or the chain itself.
	#[error(transparent)]
	Client(#[from] ClientError),
}

impl MarketError {
	/// Whether the pallet refused by this name.
	pub fn is(&self, name: &str) -> bool {
		matches!(self, Self::Refused(refused) if refused == name)
	}

	/// Whether waiting, or asking again, may help: unless the node is of another chain or another age.
	pub fn is_transient(&self) -> bool {
		!matches!(
			self,
			Self::Client(
				ClientError::OtherChain { .. }
					| ClientError::NotLilypad { .. }
					| ClientError::Incompatible { .. }
					| ClientError::BadUrl(_)
			)
		)
	}
}

/// How far the chain is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocks {
	/// Number of the newest block.
	pub best: BlockNumber,
	/// Number of the newest that can't be reverted.
	pub finalized: BlockNumber,
}

/// Which state to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
	/// Of the newest block.
	Best,
	/// Of the newest block that can't be reverted.
	Finalized,
}

/// A lane, in a block that can't be reverted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneView {
	/// The block.
	pub finalized: BlockNumber,
	/// The newest block then.
	pub best: BlockNumber,
	/// Chain, gateway, finality rule, limits.
	pub lane: Lane,
	/// The bridge set.
	pub set: BridgeSet,
	/// Whether the lane, or everything, is paused.
	pub paused: bool,
	/// Numbers of batches.
	pub outbox: OutboxState,
	/// Blocks without a message after which a sign of life may be sent.
	pub heartbeat_blocks: BlockNumber,
}

/// The market's chain. Everything is about one account: the relayer's.
#[async_trait]
pub trait Market: Send + Sync {
	/// The relayer's account.
	fn account(&self) -> AccountId;

	/// How far the chain is.
	fn blocks(&self) -> watch::Receiver<Blocks>;

	/// A lane, if it is registered.
	async fn lane(&self, lane: LaneId) -> Result<Option<LaneView>, MarketError>;

	/// The lowest of a gateway's numbers about which something is kept.
	async fn first_kept(&self, lane: LaneId) -> Result<u64, MarketError>;

	/// What was decided about a number.
	async fn handled(&self, state: State, lane: LaneId, id: u64) -> Result<Option<Handled>, MarketError>;

	/// What a request is to the gateway, if the chain has decided about it and holds that the gateway waits for its answer.
	async fn pending(&self, state: State, lane: LaneId, id: u64) -> Result<Option<Ticket>, MarketError>;

	/// The votes on a number, in the newest block.
	async fn votes(&self, lane: LaneId, id: u64) -> Result<Votes, MarketError>;

	/// A batch.
	async fn batch(&self, state: State, lane: LaneId, batch: BatchId) -> Result<Option<Batch>, MarketError>;

	/// How a set came into office.
	async fn rotation(&self, lane: LaneId, set: u64) -> Result<Option<Rotation>, MarketError>;

	/// Up to where the relayer has said that batches were delivered.
	async fn said_delivered(&self, lane: LaneId) -> Result<BatchId, MarketError>;

	/// Says what a number stands for.
	async fn attest(&self, lane: LaneId, message: Inbound) -> Result<(), MarketError>;

	/// Says that a request was taken back.
	async fn attest_exit(&self, lane: LaneId, ticket: Ticket) -> Result<(), MarketError>;

	/// Hands a signature in.
	async fn sign(&self, lane: LaneId, batch: BatchId, signature: Signature) -> Result<(), MarketError>;

	/// Says up to where batches were delivered.
	async fn acknowledge(&self, lane: LaneId, before: BatchId) -> Result<(), MarketError>;

	/// Sends a sign of life.
	async fn heartbeat(&self, lane: LaneId) -> Result<(), MarketError>;
}
