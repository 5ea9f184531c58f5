//! The chain itself.

use super::{Blocks, LaneView, Market, MarketError, State};
use async_trait::async_trait;
use lilypad_client::{
	calls,
	gateway::{Batch, BatchId, Handled, Inbound, LaneId, Rotation, Signature, Ticket, Votes},
	AccountId, Call, CallError, Client, ClientError, RefusalReason, Signer, Update, View,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// See the module. Clones share the connection.
#[derive(Clone)]
pub struct OnChain {
	client: Client,
	signer: Signer,
	blocks: watch::Receiver<Blocks>,
}

impl OnChain {
	/// On this connection, and the task that keeps it informed.
	pub async fn start(
		client: Client,
		signer: Signer,
		shutdown: CancellationToken,
	) -> Result<(Self, impl std::future::Future<Output = Result<(), MarketError>>), MarketError> {
		let first = Blocks {
			best: client.best().await?.number(),
			finalized: client.finalized().await?.number(),
		};
		let (sender, blocks) = watch::channel(first);
		let following = follow(client.clone(), sender, shutdown);
		let chain = Self {
			client,
			signer,
			blocks,
		};
		Ok((chain, following))
	}

	async fn at(&self, state: State) -> Result<View, MarketError> {
		Ok(match state {
			State::Best => self.client.best().await?,
			State::Finalized => self.client.finalized().await?,
		})
	}

	async fn submit(&self, call: Call) -> Result<(), MarketError> {
		match self.client.submit(&self.signer, call).await {
			Ok(_) => Ok(()),
			Err(ClientError::Call(CallError::Pallet { pallet, name, .. })) if pallet == "EvmGateway" => {
				Err(MarketError::Refused(name))
			},
			// A member's account is empty: what is not free, it can't pay. It is not free when it would fail.
			Err(ClientError::Refused {
				reason: RefusalReason::CannotPay,
			}) => Err(MarketError::NotNeeded),
			Err(other) => Err(other.into()),
		}
	}
}

/// Keeps `sender` at the chain's newest blocks, through broken connections too.
async fn follow(
	client: Client,
	sender: watch::Sender<Blocks>,
	shutdown: CancellationToken,
) -> Result<(), MarketError> {
	let mut follower = client.follow(None);
	loop {
		let update = tokio::select! {
			update = follower.next() => update?,
			() = shutdown.cancelled() => return Ok(()),
		};
		sender.send_modify(|blocks| match update {
			Update::Best { block, .. } => blocks.best = block.number,
			Update::Finalized { block } => blocks.finalized = block.number,
			Update::Reverted { .. } => (),
		});
	}
}

#[async_trait]
impl Market for OnChain {
	fn account(&self) -> AccountId {
		self.signer.account()
	}

	fn blocks(&self) -> watch::Receiver<Blocks> {
		self.blocks.clone()
	}

	async fn lane(&self, id: LaneId) -> Result<Option<LaneView>, MarketError> {
		let best = self.at(State::Best).await?.number();
		let view = self.at(State::Finalized).await?;
		let (Some(lane), Some(set)) = (view.lane(id).await?, view.bridge_set(id).await?) else {
			return Ok(None);
		};
		Ok(Some(LaneView {
			finalized: view.number(),
			best,
			lane,
			set,
			paused: lane.paused || view.all_lanes_paused().await?,
			outbox: view.outbox(id).await?,
			heartbeat_blocks: view.heartbeat_blocks()?,
		}))
	}

	async fn first_kept(&self, lane: LaneId) -> Result<u64, MarketError> {
		Ok(self.at(State::Finalized).await?.first_kept(lane).await?)
	}

	async fn handled(&self, state: State, lane: LaneId, id: u64) -> Result<Option<Handled>, MarketError> {
		Ok(self.at(state).await?.handled(lane, id).await?)
	}

	async fn pending(&self, state: State, lane: LaneId, id: u64) -> Result<Option<Ticket>, MarketError> {
		Ok(self.at(state).await?.pending_ticket(lane, id).await?)
	}

	async fn votes(&self, lane: LaneId, id: u64) -> Result<Votes, MarketError> {
		Ok(self.at(State::Best).await?.gateway_votes(lane, id).await?)
	}

	async fn batch(&self, state: State, lane: LaneId, batch: BatchId) -> Result<Option<Batch>, MarketError> {
		Ok(self.at(state).await?.gateway_batch(lane, batch).await?)
	}

	async fn rotation(&self, lane: LaneId, set: u64) -> Result<Option<Rotation>, MarketError> {
		Ok(self.at(State::Finalized).await?.rotation(lane, set).await?)
	}

	async fn said_delivered(&self, lane: LaneId) -> Result<BatchId, MarketError> {
		let view = self.at(State::Best).await?;
		Ok(view.said_delivered(lane, &self.account()).await?)
	}

	async fn attest(&self, lane: LaneId, message: Inbound) -> Result<(), MarketError> {
		self.submit(calls::gateway::attest(lane, message)).await
	}

	async fn attest_exit(&self, lane: LaneId, ticket: Ticket) -> Result<(), MarketError> {
		self.submit(calls::gateway::attest_exit(lane, ticket)).await
	}

	async fn sign(&self, lane: LaneId, batch: BatchId, signature: Signature) -> Result<(), MarketError> {
		self.submit(calls::gateway::sign(lane, batch, signature)).await
	}

	async fn acknowledge(&self, lane: LaneId, before: BatchId) -> Result<(), MarketError> {
		self.submit(calls::gateway::acknowledge(lane, before)).await
	}

	async fn heartbeat(&self, lane: LaneId) -> Result<(), MarketError> {
		self.submit(calls::gateway::heartbeat(lane)).await
	}
}
