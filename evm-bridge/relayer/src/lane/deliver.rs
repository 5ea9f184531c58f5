//! Brings signed batches to the gateway.
//!
//! Members take turns: the first whose turn it is delivers at once, the next only if nothing has happened for a while. Before
//! anything is paid for, the call is tried on the newest state; what that says decides. A batch that reverts, or that no endpoint
//! takes, is brought message by message, and what can't be brought now waits without keeping the others waiting.

use super::{
	outbox::{id_of, Tracked},
	Lane,
};
use crate::{
	clock,
	error::LaneError,
	evm::{
		abi::{self, Gateway, Revert, Verifier},
		EvmError, Tag, ViewCall,
	},
	journal::Purpose,
	market::LaneView,
	sender::{SendError, Wanted},
};
use alloy::{
	primitives::{Address, Bytes},
	sol_types::SolCall,
};
use lilypad_client::gateway::{Batch, BatchId, Message};
use std::{
	sync::Arc,
	time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// When a delivery that was just sent, or seen, is looked at again.
const SOON: Duration = Duration::from_secs(10);
/// When one is tried again that could not be.
const LATER: Duration = Duration::from_secs(60);
/// Longest wait until a pause's end is checked.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// See the module.
pub struct Deliverer {
	lane: Arc<Lane>,
	/// The set in office at the gateway, as far as known.
	set_there: Option<u64>,
	/// When that is asked again, and since when it is known to lag behind.
	ask_set: Instant,
	lagging_since: Option<Instant>,
}

/// What came of a delivery.
enum Attempt {
	/// It was handed in.
	Sent,
	/// It was not, as it would revert.
	Reverts(Revert),
	/// The endpoints refuse the transaction: its gas, for instance.
	Refused(String),
}

impl Deliverer {
	/// Of a lane.
	pub fn new(lane: Arc<Lane>) -> Self {
		Self {
			lane,
			set_there: None,
			ask_set: clock::now(),
			lagging_since: None,
		}
	}

	/// Looks after what is under way, and delivers what is due.
	pub async fn step(&mut self) -> Result<(), LaneError> {
		let settled = self.lane.head.borrow().map_or(0, |head| head.number);
		self.lane.sender.tend(settled).await?;
		let view = self.lane.view();
		if view.paused || self.lane.place(&view).is_none() {
			return Ok(());
		}
		self.bring_set(&view).await?;
		let mut held_back = 0;
		for (id, tracked) in self.due(&view)? {
			match self.deliver(&view, id, &tracked).await {
				Ok(held) => held_back += held,
				Err(LaneError::Send(SendError::Busy)) => break,
				Err(error) => {
					self.wait(id, SOON);
					return Err(error);
				},
			}
		}
		self.lane.tally.held_back.set(held_back);
		Ok(())
	}

	/// Batches that can be delivered, have not arrived, are not under way, and whose turn it is.
	fn due(&self, view: &LaneView) -> Result<Vec<(BatchId, Tracked)>, LaneError> {
		let under_way = self.under_way()?;
		let now = clock::now();
		Ok(self.lane.with_outbox(|outbox| {
			let due = outbox.iter().filter(|(id, tracked)| {
				let rank = self.lane.rank(view, *id).unwrap_or(usize::MAX);
				let courtesy = self.lane.config.stagger * u32::try_from(rank).unwrap_or(u32::MAX).min(64);
				tracked.arrived.is_none()
					&& tracked.ready.is_some_and(|ready| now >= ready + courtesy)
					&& tracked.not_before <= now
					&& !under_way.contains(id)
			});
			due.map(|(id, tracked)| (id, tracked.clone())).collect()
		}))
	}

	fn under_way(&self) -> Result<Vec<BatchId>, LaneError> {
		let pending = self.lane.sender.pending()?;
		let waiting = pending.into_iter().filter(|(_, record)| record.mined.is_none());
		let mine = waiting.filter_map(|(_, record)| match record.purpose {
			Purpose::Deliver { lane, batch, .. } if lane == self.lane.id => Some(batch),
			_ => None,
		});
		Ok(mine.collect())
	}

	fn wait(&self, id: BatchId, time: Duration) {
		self.lane.with_outbox(|outbox| {
			outbox.change(id, |tracked| tracked.not_before = clock::now() + time);
		});
	}

	/// Delivers what can be delivered of a batch. Returns how many messages can't be, for now.
	async fn deliver(&mut self, view: &LaneView, id: BatchId, tracked: &Tracked) -> Result<u64, LaneError> {
		let batch = &tracked.batch;
		let Some(proof) = batch.proof(&view.set) else {
			return Ok(0);
		};
		let (places, dear) = self.places(batch)?;
		if places.is_empty() && !batch.messages.is_empty() {
			self.wait(id, LATER);
			return Ok(dear);
		}
		let mut held_back = dear;
		for part in parts(batch, places, self.lane.config.max_gas) {
			held_back += self.deliver_part(view, id, batch, &proof, &part).await?;
		}
		Ok(held_back)
	}

	/// Delivers what one transaction can. Returns how many messages can't be delivered, for now.
	async fn deliver_part(
		&mut self,
		view: &LaneView,
		id: BatchId,
		batch: &Batch,
		proof: &[u8],
		places: &[usize],
	) -> Result<u64, LaneError> {
		match self.attempt(view, id, batch, proof, places).await? {
			Attempt::Sent => Ok(0),
			Attempt::Reverts(Revert::NothingNew) => {
				// Somebody else was faster. Once that is final it is closed; if it is undone it is due again.
				self.wait(id, SOON);
				Ok(0)
			},
			Attempt::Reverts(Revert::NotBefore(time)) => {
				let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
				let wait = Duration::from_secs(time).saturating_sub(now);
				self.wait(id, wait.clamp(SOON, LONGEST_WAIT));
				Ok(0)
			},
			Attempt::Reverts(Revert::WrongSet { current }) => {
				self.set_there = Some(current);
				self.wait(id, SOON);
				Ok(0)
			},
			failed if places.len() <= 1 => {
				self.hold_back(id, &failed);
				Ok(1)
			},
			_ => self.one_by_one(view, id, batch, proof, places).await,
		}
	}

	/// Delivers these messages with one transaction, if it would succeed.
	async fn attempt(
		&self,
		view: &LaneView,
		id: BatchId,
		batch: &Batch,
		proof: &[u8],
		places: &[usize],
	) -> Result<Attempt, LaneError> {
		let call = self.lane.delivery(view, batch, proof, places);
		match self.lane.pool.call(&call, Tag::Latest, &[]).await {
			Ok(_) => (),
			Err(EvmError::Reverted(data)) => return Ok(Attempt::Reverts(Revert::read(&data))),
			Err(error) => return Err(error.into()),
		}
		match self.send(view, id, batch, proof, places).await {
			Ok(()) => Ok(Attempt::Sent),
			Err(LaneError::Send(SendError::Refused(why))) => Ok(Attempt::Refused(why)),
			Err(error) => Err(error),
		}
	}

	/// Delivers each message on its own, if it can be. Returns how many can't.
	async fn one_by_one(
		&self,
		view: &LaneView,
		id: BatchId,
		batch: &Batch,
		proof: &[u8],
		places: &[usize],
	) -> Result<u64, LaneError> {
		let mut held_back = 0;
		for place in places {
			let place = std::slice::from_ref(place);
			match self.attempt(view, id, batch, proof, place).await? {
				Attempt::Sent | Attempt::Reverts(Revert::NothingNew) => (),
				failed => {
					self.hold_back(id, &failed);
					held_back += 1;
				},
			}
		}
		Ok(held_back)
	}

	fn hold_back(&self, id: BatchId, failed: &Attempt) {
		let why = match failed {
			Attempt::Sent => return,
			Attempt::Reverts(revert) => format!("{revert:?}"),
			Attempt::Refused(message) => message.clone(),
		};
		tracing::warn!(
			lane = self.lane.id,
			batch = id,
			why,
			"a message can't be delivered now"
		);
		self.wait(id, LATER);
	}

	/// Places of the messages that have not arrived and are not too dear, and how many are.
	fn places(&self, batch: &Batch) -> Result<(Vec<usize>, u64), LaneError> {
		let (mut places, mut dear) = (Vec::new(), 0);
		for (place, message) in batch.messages.iter().enumerate() {
			let arrived = self.lane.journal.arrived(self.lane.id, id_of(message))?;
			match message {
				_ if arrived.is_some() => (),
				Message::Answer { ticket, .. } if ticket.callback_gas > self.lane.config.max_callback_gas => {
					dear += 1
				},
				_ => places.push(place),
			}
		}
		Ok((places, dear))
	}

	async fn send(
		&self,
		view: &LaneView,
		id: BatchId,
		batch: &Batch,
		proof: &[u8],
		places: &[usize],
	) -> Result<(), LaneError> {
		let wanted = Wanted {
			purpose: Purpose::Deliver {
				lane: self.lane.id,
				batch: id,
				// A batch has 32 messages at most.
				places: places.iter().map(|place| *place as u8).collect(),
			},
			to: abi::address(view.lane.gateway),
			data: abi::deliver(batch, proof.to_vec(), places),
			gas: abi::gas_limit(batch, places),
		};
		self.lane.sender.submit(wanted).await?;
		self.wait(id, SOON);
		tracing::info!(
			lane = self.lane.id,
			batch = id,
			messages = places.len(),
			"delivery sent"
		);
		Ok(())
	}

	/// Tells the gateway of the set in office, if it was not told yet.
	async fn bring_set(&mut self, view: &LaneView) -> Result<(), LaneError> {
		let now = clock::now();
		if self.set_there == Some(view.set.number) || now < self.ask_set {
			return Ok(());
		}
		self.ask_set = now + SOON;
		let verifier = self.lane.verifier(view).await?;
		let call = ViewCall {
			from: None,
			to: verifier,
			data: Verifier::currentCall {}.abi_encode().into(),
			gas: None,
		};
		let (_, answer) = self.lane.pool.call(&call, Tag::Latest, &[]).await?;
		let there = Verifier::currentCall::abi_decode_returns(&answer)
			.map_err(|e| EvmError::Unreadable(format!("the verifier's set ({e})")))?;
		self.set_there = Some(there);
		if there >= view.set.number {
			self.lagging_since = None;
			return Ok(());
		}
		let since = *self.lagging_since.get_or_insert(now);
		let next = there.saturating_add(1);
		let rank = self.lane.rank(view, next).unwrap_or_default();
		if now < since + self.lane.config.stagger * u32::try_from(rank).unwrap_or_default() {
			return Ok(());
		}
		self.rotate(next, verifier).await
	}

	async fn rotate(&self, set: u64, verifier: Address) -> Result<(), LaneError> {
		let lane = self.lane.id;
		let purpose = Purpose::Rotate { lane, set };
		let pending = self.lane.sender.pending()?;
		if pending
			.iter()
			.any(|(_, record)| record.purpose == purpose && record.mined.is_none())
		{
			return Ok(());
		}
		let Some(rotation) = self.lane.market.rotation(lane, set).await? else {
			tracing::error!(
				lane,
				set,
				"the chain does not know any more how this set came into office"
			);
			return Ok(());
		};
		let data = abi::rotate(&rotation);
		// Its signatures, as in a delivery; and a hash over the members, whose event is paid for by the byte.
		let gas = 200_000 + 100 * rotation.proof.len() as u64 + 3_000 * rotation.members.len() as u64;
		self.lane
			.sender
			.submit(Wanted {
				purpose,
				to: verifier,
				data,
				gas,
			})
			.await?;
		tracing::info!(lane, set, "the gateway is told of the new bridge set");
		Ok(())
	}
}

/// These places, in parts that a transaction has gas for; one place at least in each, and one part at least.
fn parts(batch: &Batch, places: Vec<usize>, most: u64) -> Vec<Vec<usize>> {
	let mut parts = vec![Vec::new()];
	for place in places {
		if let Some(part) = parts.last_mut() {
			part.push(place);
			if part.len() == 1 || abi::gas_limit(batch, part) <= most {
				continue;
			}
			part.pop();
		}
		parts.push(vec![place]);
	}
	parts
}

impl Lane {
	/// A delivery, to be tried.
	fn delivery(&self, view: &LaneView, batch: &Batch, proof: &[u8], places: &[usize]) -> ViewCall {
		ViewCall {
			from: Some(self.sender.account()),
			to: abi::address(view.lane.gateway),
			data: abi::deliver(batch, proof.to_vec(), places),
			gas: Some(abi::gas_limit(batch, places)),
		}
	}

	/// Whether nothing is left to be delivered of these messages, as of a block: they have arrived, or what they answer is gone.
	/// The market's chain forgets signatures on this word, so it is not one endpoint's alone.
	pub(super) async fn is_settled(
		&self,
		view: &LaneView,
		batch: &Batch,
		places: &[usize],
		block: u64,
	) -> Result<bool, LaneError> {
		let Some(proof) = batch.proof(&view.set) else {
			return Ok(false);
		};
		let call = self.delivery(view, batch, &proof, places);
		let settled = |answer: Result<Bytes, Bytes>| {
			let revert = answer.err().map(|data| Revert::read(&data));
			Ok(matches!(revert, Some(Revert::NothingNew | Revert::Gone)))
		};
		Ok(self.pool.agreed_call(&call, Tag::Number(block), settled).await?)
	}

	/// Calls the gateway, as of a block.
	pub(super) async fn ask_gateway(
		&self,
		view: &LaneView,
		data: Vec<u8>,
		at: Tag,
	) -> Result<Bytes, LaneError> {
		let call = ViewCall {
			from: None,
			to: abi::address(view.lane.gateway),
			data: data.into(),
			gas: None,
		};
		Ok(self.pool.call(&call, at, &[]).await?.1)
	}

	async fn verifier(&self, view: &LaneView) -> Result<Address, LaneError> {
		let answer = self
			.ask_gateway(view, Gateway::verifierCall {}.abi_encode(), Tag::Latest)
			.await?;
		let verifier = Gateway::verifierCall::abi_decode_returns(&answer)
			.map_err(|e| EvmError::Unreadable(format!("the gateway's verifier ({e})")))?;
		Ok(verifier)
	}
}
