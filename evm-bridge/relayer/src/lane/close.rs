//! Sees what has arrived at the gateway for good, and says so on the market's chain, which then forgets it. Sends signs of life
//! when there is nothing else to send.

use super::{outbox::id_of, Lane};
use crate::{
	clock,
	error::LaneError,
	evm::{abi::Gateway, EvmError, Head, Tag},
	market::{LaneView, MarketError},
};
use alloy::sol_types::SolCall;
use lilypad_client::gateway::{Batch, BatchId, FinalityRule, Message};
use std::{
	collections::HashMap,
	sync::Arc,
	time::{Duration, Instant},
};

/// When the gateway is asked about a batch of which no log has told.
const DOUBT: Duration = Duration::from_secs(90);
/// Batches that make an acknowledgement worth its transaction at once, and how long fewer wait.
const WORTH: u64 = 16;
const PATIENCE: Duration = Duration::from_secs(60);
/// On a chain without finality a delivery counts as done when so many times its confirmations stand on it: until then the chain
/// keeps what a re-organisation may make necessary again.
const EXTRA_DEPTH: u64 = 16;
/// How often the gateway's clock is looked at, and how much later the next member speaks up.
const HOURLY: Duration = Duration::from_secs(3_600);
/// How often the account's money is looked at, and how often while there is none.
const MONEY: Duration = Duration::from_secs(600);
const NO_MONEY: Duration = Duration::from_secs(60);
/// Silence after which a sign of life is due. The gateway can be declared dead after 30 days or more.
const SILENCE: u64 = 7 * 24 * 3_600;

/// See the module.
pub struct Closer {
	lane: Arc<Lane>,
	/// Since when something waits to be acknowledged.
	waiting_since: Option<Instant>,
	/// When batches were asked about last.
	asked: HashMap<BatchId, Instant>,
	/// When to look at the gateway's clock, and at the money, next.
	clock_due: Instant,
	money_due: Instant,
}

impl Closer {
	/// Of a lane.
	pub fn new(lane: Arc<Lane>) -> Self {
		let now = clock::now();
		Self {
			lane,
			waiting_since: None,
			asked: HashMap::new(),
			clock_due: now,
			money_due: now,
		}
	}

	/// Looks at everything that has not been closed.
	pub async fn step(&mut self) -> Result<(), LaneError> {
		let Some(head) = *self.lane.head.borrow() else {
			return Ok(());
		};
		let view = self.lane.view();
		self.look_for_arrivals(&view, &head).await?;
		self.look_at_money().await?;
		if view.paused || self.lane.place(&view).is_none() {
			return Ok(());
		}
		self.acknowledge(&view, &head).await?;
		self.heartbeat(&view, &head).await
	}

	async fn look_for_arrivals(&mut self, view: &LaneView, head: &Head) -> Result<(), LaneError> {
		let open: Vec<_> = self.lane.with_outbox(|outbox| {
			let open = outbox.iter().filter(|(_, tracked)| tracked.arrived.is_none());
			open.map(|(id, tracked)| (id, tracked.clone())).collect()
		});
		self.asked.retain(|id, _| open.iter().any(|(open, _)| open == id));
		for (id, tracked) in open {
			let (mut missing, mut newest) = (Vec::new(), 0);
			for (place, message) in tracked.batch.messages.iter().enumerate() {
				match self.lane.journal.arrived(self.lane.id, id_of(message))? {
					Some(block) => newest = newest.max(block),
					None => missing.push(place),
				}
			}
			let whole = missing.is_empty() && !tracked.batch.messages.is_empty();
			let block = match whole {
				true => Some(newest),
				false => self.ask_about(view, id, &tracked, &missing, head).await?,
			};
			if let Some(block) = block {
				self.lane.with_outbox(|outbox| {
					outbox.change(id, |tracked| tracked.arrived = Some(block));
				});
			}
		}
		Ok(())
	}

	/// Asks the gateway itself, now and then: logs from before this relayer's time were never read, an empty batch leaves none
	/// that is, and requests that a re-organisation removed will never have one.
	async fn ask_about(
		&mut self,
		view: &LaneView,
		id: BatchId,
		tracked: &super::outbox::Tracked,
		missing: &[usize],
		head: &Head,
	) -> Result<Option<u64>, LaneError> {
		let now = clock::now();
		let last = *self.asked.entry(id).or_insert(tracked.since);
		if tracked.ready.is_none() || now < last + DOUBT {
			return Ok(None);
		}
		self.asked.insert(id, now);
		match self.is_done(view, &tracked.batch, missing, head).await {
			Ok(done) => Ok(done.then_some(head.number)),
			// Who says that it is not may be right. Other batches are not concerned.
			Err(LaneError::Evm(error @ EvmError::Contradiction(_))) => {
				tracing::warn!(
					lane = self.lane.id,
					batch = id,
					"it is unknown whether it has arrived: {error}"
				);
				Ok(None)
			},
			Err(error) => Err(error),
		}
	}

	/// Whether these messages have arrived, or never will, and the market's chain may forget them.
	async fn is_done(
		&self,
		view: &LaneView,
		batch: &Batch,
		missing: &[usize],
		head: &Head,
	) -> Result<bool, LaneError> {
		if !self.lane.is_settled(view, batch, missing, head.number).await? {
			return Ok(false);
		}
		// With several messages, the first that is gone speaks for all: so each is asked about.
		let each = if missing.len() > 1 { missing } else { &[] };
		for place in each {
			let place = std::slice::from_ref(place);
			if !self.lane.is_settled(view, batch, place, head.number).await? {
				return Ok(false);
			}
		}
		Ok(!self.awaits_exit(view, batch, missing, head).await?)
	}

	/// Whether one of these messages answers a request that was taken back, and the market's chain does not know of it yet.
	async fn awaits_exit(
		&self,
		view: &LaneView,
		batch: &Batch,
		missing: &[usize],
		head: &Head,
	) -> Result<bool, LaneError> {
		let lane = &self.lane;
		let mut awaits = false;
		for place in missing {
			let Some(Message::Answer { ticket, .. }) = batch.messages.get(*place) else {
				continue;
			};
			if !lane.journal.is_exit_open(lane.id, ticket.id)? {
				if !lane.has_exited(view, ticket.id, head.number).await? {
					continue;
				}
				lane.journal.note_exit(lane.id, ticket.id, head.number)?;
			}
			awaits = true;
		}
		Ok(awaits)
	}

	/// Says up to where everything has arrived.
	async fn acknowledge(&mut self, view: &LaneView, head: &Head) -> Result<(), LaneError> {
		let extra = match view.lane.finality {
			FinalityRule::Finalized => 0,
			FinalityRule::Confirmations(depth) => EXTRA_DEPTH * u64::from(depth),
		};
		let first = view.outbox.delivered.max(view.outbox.oldest);
		let before = self.lane.with_outbox(|outbox| {
			let mut before = first;
			for (id, tracked) in outbox.iter() {
				let done = tracked
					.arrived
					.is_some_and(|block| block.saturating_add(extra) <= head.number);
				if id != before || !done {
					break;
				}
				before = id + 1;
			}
			before
		});
		if before == first {
			self.waiting_since = None;
			return Ok(());
		}
		let since = *self.waiting_since.get_or_insert_with(clock::now);
		if before - first < WORTH && clock::since(since) < PATIENCE {
			return Ok(());
		}
		if before <= self.lane.market.said_delivered(self.lane.id).await? {
			return Ok(());
		}
		self.waiting_since = None;
		match self.lane.market.acknowledge(self.lane.id, before).await {
			Ok(()) => {
				tracing::info!(lane = self.lane.id, before, "deliveries acknowledged");
				Ok(())
			},
			Err(MarketError::NotNeeded | MarketError::Refused(_)) => Ok(()),
			Err(error) => Err(error.into()),
		}
	}

	/// Sends a sign of life when the gateway has heard nothing for long, and the chain lets one pass.
	async fn heartbeat(&mut self, view: &LaneView, head: &Head) -> Result<(), LaneError> {
		let now = clock::now();
		let due = view.outbox.latest.saturating_add(view.heartbeat_blocks);
		if now < self.clock_due || view.best < due {
			return Ok(());
		}
		self.clock_due = now + HOURLY;
		let call = Gateway::lastSeenCall {}.abi_encode();
		let answer = self
			.lane
			.ask_gateway(view, call, Tag::Number(head.number))
			.await?;
		let seen = Gateway::lastSeenCall::abi_decode_returns(&answer)
			.map_err(|e| EvmError::Unreadable(format!("when the gateway heard of the chain ({e})")))?
			.saturating_to::<u64>();
		let silence = head.time.saturating_sub(seen);
		// One member an hour: the first sends it, the others find that it is too early again.
		let rank = self.lane.rank(view, view.outbox.next).unwrap_or_default() as u64;
		if silence < SILENCE + rank * HOURLY.as_secs() {
			return Ok(());
		}
		match self.lane.market.heartbeat(self.lane.id).await {
			Ok(()) => {
				tracing::info!(lane = self.lane.id, silence, "a sign of life is sent");
				Ok(())
			},
			Err(MarketError::NotNeeded | MarketError::Refused(_)) => Ok(()),
			Err(error) => Err(error.into()),
		}
	}

	async fn look_at_money(&mut self) -> Result<(), LaneError> {
		let now = clock::now();
		if now < self.money_due {
			return Ok(());
		}
		let account = self.lane.sender.account();
		let wei = self.lane.pool.balance(account).await?;
		self.money_due = now + MONEY;
		if wei.is_zero() {
			tracing::warn!(lane = self.lane.id, %account, "there is nothing to pay gas with: others have to deliver");
			self.money_due = now + NO_MONEY;
		}
		let gwei = wei / alloy::primitives::U256::from(1_000_000_000u64);
		self.lane.tally.gas_money.set(gwei.saturating_to());
		Ok(())
	}
}
