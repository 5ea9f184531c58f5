//! The market's chain in memory.

use super::{Blocks, LaneView, Market, MarketError, State};
use crate::{evm::fake, key::Key};
use async_trait::async_trait;
use lilypad_client::{
	gateway::{
		Answer, Batch, BatchId, BridgeSet, FinalityRule, Handled, Inbound, Lane, LaneId, Limits, Message,
		OutboxState, Payout, Rotation, Signature, Signed, Ticket, Vote, Votes,
	},
	AccountId,
};
use std::{
	collections::{BTreeMap, VecDeque},
	sync::{Mutex, MutexGuard},
};
use tokio::sync::watch;

/// The lane.
pub const LANE: LaneId = 7;

/// What the chain has stored.
pub struct Storage {
	/// The lane, and its set.
	pub view: LaneView,
	/// What was decided.
	pub handled: BTreeMap<u64, Handled>,
	/// Requests that the gateway is held to wait for.
	pub pending: BTreeMap<u64, Ticket>,
	/// Votes on what was not.
	pub votes: BTreeMap<u64, Votes>,
	/// Batches.
	pub batches: BTreeMap<BatchId, Batch>,
	/// Changes of the set.
	pub rotations: BTreeMap<u64, Rotation>,
	/// Up to where the relayer has said that batches were delivered.
	pub said: BatchId,
	/// What was attested.
	pub attested: Vec<Inbound>,
	/// Exits that were attested.
	pub exits: Vec<Ticket>,
	/// Signatures that were handed in.
	pub signed: Vec<(BatchId, Signature)>,
	/// Signs of life.
	pub heartbeats: u32,
	/// What the next calls fail with.
	pub failures: VecDeque<MarketError>,
}

/// See the module. Its account is that of the first member.
pub struct FakeMarket {
	account: AccountId,
	storage: Mutex<Storage>,
	blocks: watch::Sender<Blocks>,
}

/// The members' keys, in the order of the set.
pub fn keys(count: usize) -> Vec<Key> {
	let key = |n| Key::from_suri(&format!("//member//{n}")).expect("a key");
	let mut keys: Vec<_> = (0..count).map(key).collect();
	keys.sort_by_key(|key| key.member().address);
	keys
}

/// The set of these keys.
pub fn set(number: u64, keys: &[Key]) -> BridgeSet {
	let members: Vec<_> = keys.iter().map(Key::member).collect();
	BridgeSet {
		number,
		threshold: lilypad_client::gateway::two_thirds(members.len()),
		members: members.try_into().expect("few"),
	}
}

impl FakeMarket {
	/// With a set of these keys; the relayer is the one with this place.
	pub fn new(keys: &[Key], place: usize) -> Self {
		let view = LaneView {
			finalized: 100,
			best: 102,
			lane: Lane {
				chain: fake::CHAIN,
				gateway: fake::GATEWAY.into_array().into(),
				finality: FinalityRule::Finalized,
				limits: Limits {
					least: 1,
					largest: 1_000,
					inflow: 1_000,
					outflow: 1_000,
					period: 10,
				},
				paused: false,
			},
			set: set(1, keys),
			paused: false,
			outbox: OutboxState::default(),
			heartbeat_blocks: 50,
		};
		Self {
			account: keys[place].account(),
			storage: Mutex::new(Storage {
				view,
				handled: BTreeMap::new(),
				pending: BTreeMap::new(),
				votes: BTreeMap::new(),
				batches: BTreeMap::new(),
				rotations: BTreeMap::new(),
				said: 0,
				attested: Vec::new(),
				exits: Vec::new(),
				signed: Vec::new(),
				heartbeats: 0,
				failures: VecDeque::new(),
			}),
			blocks: watch::Sender::new(Blocks {
				best: 102,
				finalized: 100,
			}),
		}
	}

	/// What is stored, to change it.
	pub fn storage(&self) -> MutexGuard<'_, Storage> {
		self.storage.lock().expect("no test panics under it")
	}

	fn fails(&self) -> Result<MutexGuard<'_, Storage>, MarketError> {
		let mut storage = self.storage();
		match storage.failures.pop_front() {
			Some(error) => Err(error),
			None => Ok(storage),
		}
	}
}

impl Storage {
	fn vote(&mut self, member: &AccountId, id: u64, digest: sp_core::H256) {
		let votes = self.votes.entry(id).or_default();
		votes.retain(|old| old.member != *member);
		let vote = Vote {
			member: member.clone(),
			digest,
		};
		votes.try_push(vote).expect("few members");
	}

	/// Adds a batch, in a block that is final.
	pub fn add_batch(&mut self, messages: Vec<Message>) -> BatchId {
		let id = self.view.outbox.next;
		self.view.outbox.next += 1;
		let batch = Batch {
			block: 90,
			time: 1_700_000_000,
			messages: messages.try_into().expect("few"),
			set: self.view.set.number,
			signatures: Default::default(),
		};
		self.batches.insert(id, batch);
		id
	}

	/// Has the first members sign a batch, as many as are a quorum.
	pub fn sign_batch(&mut self, id: BatchId, keys: &[Key]) {
		let (set, lane) = (self.view.set.clone(), self.view.lane);
		let batch = self.batches.get_mut(&id).expect("it is there");
		let digest = batch.digest(LANE, &lane, set.number);
		let signatures: Vec<_> = (0..set.threshold)
			.map(|member| Signed {
				member,
				signature: keys[usize::from(member)].sign(digest).expect("signed"),
			})
			.collect();
		(batch.set, batch.signatures) = (set.number, signatures.try_into().expect("few"));
	}
}

/// The answer to the fake's request with this number.
pub fn answer(id: u64) -> Message {
	Message::Answer {
		ticket: fake::request(id, 50).ticket(),
		answer: Answer {
			deal: id,
			status: 0,
			exit_code: 0,
			root: [3; 32],
			cost: 10,
			refund: 40,
		},
	}
}

/// A payout with this number.
pub fn payout(nonce: u64) -> Message {
	Message::Payout(Payout {
		nonce,
		to: sp_core::H160::repeat_byte(6),
		amount: 5,
	})
}

#[async_trait]
impl Market for FakeMarket {
	fn account(&self) -> AccountId {
		self.account.clone()
	}

	fn blocks(&self) -> watch::Receiver<Blocks> {
		self.blocks.subscribe()
	}

	async fn lane(&self, _: LaneId) -> Result<Option<LaneView>, MarketError> {
		Ok(Some(self.storage().view.clone()))
	}

	async fn first_kept(&self, _: LaneId) -> Result<u64, MarketError> {
		Ok(1)
	}

	async fn handled(&self, _: State, _: LaneId, id: u64) -> Result<Option<Handled>, MarketError> {
		Ok(self.storage().handled.get(&id).copied())
	}

	async fn pending(&self, _: State, _: LaneId, id: u64) -> Result<Option<Ticket>, MarketError> {
		Ok(self.storage().pending.get(&id).copied())
	}

	async fn votes(&self, _: LaneId, id: u64) -> Result<Votes, MarketError> {
		Ok(self.storage().votes.get(&id).cloned().unwrap_or_default())
	}

	async fn batch(&self, _: State, _: LaneId, batch: BatchId) -> Result<Option<Batch>, MarketError> {
		Ok(self.storage().batches.get(&batch).cloned())
	}

	async fn rotation(&self, _: LaneId, set: u64) -> Result<Option<Rotation>, MarketError> {
		Ok(self.storage().rotations.get(&set).cloned())
	}

	async fn said_delivered(&self, _: LaneId) -> Result<BatchId, MarketError> {
		Ok(self.storage().said)
	}

	async fn attest(&self, _: LaneId, message: Inbound) -> Result<(), MarketError> {
		let mut storage = self.fails()?;
		storage.vote(&self.account, message.id(), message.digest());
		storage.attested.push(message);
		Ok(())
	}

	async fn attest_exit(&self, _: LaneId, ticket: Ticket) -> Result<(), MarketError> {
		let mut storage = self.fails()?;
		storage.vote(&self.account, ticket.id, ticket.exit_digest());
		storage.exits.push(ticket);
		Ok(())
	}

	async fn sign(&self, _: LaneId, batch: BatchId, signature: Signature) -> Result<(), MarketError> {
		self.fails()?.signed.push((batch, signature));
		Ok(())
	}

	async fn acknowledge(&self, _: LaneId, before: BatchId) -> Result<(), MarketError> {
		self.fails()?.said = before;
		Ok(())
	}

	async fn heartbeat(&self, _: LaneId) -> Result<(), MarketError> {
		self.fails()?.heartbeats += 1;
		Ok(())
	}
}
