//! The journal: what the relayer has seen, and what it has decided, written before it is done.
//!
//! * What it signs: one digest for each batch and set, so that a node that lies about the chain can't get a second one.
//! * What it sends to an EVM chain: the signed transaction, so that after a crash the same one is followed up, and no other is
//!   paid for the same delivery.
//! * What it has read there, and up to where: nothing is skipped, and what a re-organisation changes is noticed.

use crate::evm::abi::Logged;
use codec::{Decode, Encode};
use lilypad_client::gateway::{BatchId, Inbound, LaneId, HISTORY};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use sp_core::H256;
use std::{path::Path, sync::Arc};

type Bytes = &'static [u8];
const CURSORS: TableDefinition<'_, u64, Bytes> = TableDefinition::new("cursors");
const CHECKPOINTS: TableDefinition<'_, (u64, u64), [u8; 32]> = TableDefinition::new("checkpoints");
const INBOUND: TableDefinition<'_, (u64, u64), Bytes> = TableDefinition::new("inbound");
const ARRIVED: TableDefinition<'_, (u64, u8, u64), u64> = TableDefinition::new("arrived");
const EXITS: TableDefinition<'_, (u64, u64), u64> = TableDefinition::new("exits");
const SIGNED: TableDefinition<'_, (u64, u64), Bytes> = TableDefinition::new("signed");
const TRANSACTIONS: TableDefinition<'_, (u64, u64), Bytes> = TableDefinition::new("transactions");

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
	/// The database failed.
	#[error("the journal failed: {0}")]
	Database(#[from] Box<redb::Error>),
	/// Another relayer has it open.
	#[error("another relayer uses {0}: give each relayer its own data folder")]
	InUse(std::path::PathBuf),
	/// A record was written by other software.
	#[error("the journal's {0} can't be read: was it written by a newer version?")]
	Record(&'static str),
	/// What is to be signed is not what was signed for the same batch. Nothing was signed.
	#[error(
		"batch {batch} of lane {lane} was signed with other content before: the node shows another chain than it did, or \
		 lies. Nothing more is signed for it"
	)]
	SignedOther {
		/// The lane.
		lane: LaneId,
		/// The batch.
		batch: BatchId,
	},
}

macro_rules! from_redb {
	($($error:ty),*) => {$(
		impl From<$error> for JournalError {
			fn from(e: $error) -> Self {
				Self::Database(Box::new(e.into()))
			}
		}
	)*};
}
from_redb!(
	redb::TransactionError,
	redb::TableError,
	redb::StorageError,
	redb::CommitError
);

/// Up to where a lane's EVM chain was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Cursor {
	/// All blocks up to this one.
	pub block: u64,
	/// Its hash.
	pub hash: [u8; 32],
	/// The inbound number that comes next.
	pub next_id: u64,
}

/// What a number of the gateway's stands for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct InboundRecord {
	/// Its block.
	pub block: u64,
	/// The request or deposit.
	pub message: Inbound,
	/// What was said about it last: written before it is said.
	pub attested: Option<H256>,
	/// Whether the market's chain has decided just that, finally; or can't any more.
	pub closed: bool,
}

/// A message from the market's chain, as the gateway knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageId {
	/// The answer to the request with this number.
	Answer(u64),
	/// The payout with this number.
	Payout(u64),
}

impl MessageId {
	fn key(self, lane: LaneId) -> (u64, u8, u64) {
		match self {
			Self::Answer(id) => (lane, 0, id),
			Self::Payout(nonce) => (lane, 1, nonce),
		}
	}
}

/// A transaction that was handed in, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct TransactionRecord {
	/// What it is for.
	pub purpose: Purpose,
	/// To which contract.
	pub to: [u8; 20],
	/// The call.
	pub data: Vec<u8>,
	/// Its gas limit.
	pub gas: u64,
	/// Most wei for a unit of gas.
	pub max_fee: u128,
	/// Wei for a unit of gas for the block's producer; `None` where there is only one price.
	pub tip: Option<u128>,
	/// All that were signed with this nonce, each dearer than the one before: hash and bytes.
	pub attempts: Vec<([u8; 32], Vec<u8>)>,
	/// When the last was handed in, in milliseconds since 1970.
	pub sent_at: u64,
	/// The block that has it, as far as known.
	pub mined: Option<u64>,
}

/// What a transaction is for.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Purpose {
	/// Delivers these messages of a batch, by their places.
	Deliver {
		/// The lane.
		lane: LaneId,
		/// The batch.
		batch: BatchId,
		/// The places.
		places: Vec<u8>,
	},
	/// Tells a lane's verifier of this set.
	Rotate {
		/// The lane.
		lane: LaneId,
		/// The set.
		set: u64,
	},
	/// Nothing but using a nonce up, so that those after it can be mined.
	Fill,
}

/// What was signed for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
struct SignedRecord {
	set: u64,
	digest: H256,
	/// What the batch says, whoever signs it.
	content: H256,
}

/// What a pass over blocks has found.
#[derive(Clone, Debug, Default)]
pub struct Found {
	/// Logs with their blocks, in order.
	pub logs: Vec<(u64, Logged)>,
}

/// The journal. Cheap to clone; one writer at a time.
#[derive(Clone)]
pub struct Journal {
	db: Arc<Database>,
}

impl Journal {
	/// Opens or creates it.
	pub fn open(path: &Path) -> Result<Self, JournalError> {
		let db = Database::create(path).map_err(|e| match e {
			redb::DatabaseError::DatabaseAlreadyOpen => JournalError::InUse(path.into()),
			other => JournalError::Database(Box::new(other.into())),
		})?;
		let tx = db.begin_write()?;
		tx.open_table(CURSORS)?;
		tx.open_table(CHECKPOINTS)?;
		tx.open_table(INBOUND)?;
		tx.open_table(ARRIVED)?;
		tx.open_table(EXITS)?;
		tx.open_table(SIGNED)?;
		tx.open_table(TRANSACTIONS)?;
		tx.commit()?;
		Ok(Self { db: Arc::new(db) })
	}

	/// Up to where a lane's chain was read; `None` before the first time.
	pub fn cursor(&self, lane: LaneId) -> Result<Option<Cursor>, JournalError> {
		let table = self.db.begin_read()?.open_table(CURSORS)?;
		let found = table.get(lane)?;
		found.map(|bytes| read("cursor", bytes.value())).transpose()
	}

	/// Blocks whose hashes are known, newest first.
	pub fn checkpoints(&self, lane: LaneId) -> Result<Vec<(u64, [u8; 32])>, JournalError> {
		let table = self.db.begin_read()?.open_table(CHECKPOINTS)?;
		let mut out = Vec::new();
		for entry in table.range((lane, 0)..=(lane, u64::MAX))?.rev() {
			let (key, hash) = entry?;
			out.push((key.value().1, hash.value()));
		}
		Ok(out)
	}

	/// Notes what was found in the blocks up to a cursor, all or nothing. Returns the numbers whose content is another than it
	/// was before.
	pub fn advance(&self, lane: LaneId, cursor: &Cursor, found: &Found) -> Result<Vec<u64>, JournalError> {
		let mut changed = Vec::new();
		let tx = self.db.begin_write()?;
		{
			let mut inbound = tx.open_table(INBOUND)?;
			let mut arrived = tx.open_table(ARRIVED)?;
			let mut exits = tx.open_table(EXITS)?;
			for (block, log) in &found.logs {
				match log {
					Logged::Inbound(message) => {
						let id = message.id();
						let before: Option<InboundRecord> = inbound
							.get((lane, id))?
							.map(|bytes| read("request", bytes.value()))
							.transpose()?;
						let same = before.as_ref().is_some_and(|before| before.message == *message);
						if before.is_some() && !same {
							changed.push(id);
						}
						let record = InboundRecord {
							block: *block,
							message: message.clone(),
							attested: before.as_ref().and_then(|before| before.attested),
							closed: same && before.is_some_and(|before| before.closed),
						};
						inbound.insert((lane, id), record.encode().as_slice())?;
					},
					Logged::Answered(id) => {
						arrived.insert(MessageId::Answer(*id).key(lane), block)?;
					},
					Logged::Exited(id) => {
						exits.insert((lane, *id), block)?;
					},
					Logged::PaidOut(nonce) => {
						arrived.insert(MessageId::Payout(*nonce).key(lane), block)?;
					},
				}
			}
			let mut checkpoints = tx.open_table(CHECKPOINTS)?;
			checkpoints.insert((lane, cursor.block), cursor.hash)?;
			for block in superfluous(&checkpoints, lane, cursor.block)? {
				checkpoints.remove((lane, block))?;
			}
			tx.open_table(CURSORS)?.insert(lane, cursor.encode().as_slice())?;
		}
		tx.commit()?;
		Ok(changed)
	}

	/// Goes back to a block, because what came after it was re-organised: forgets what arrived later, and reads all that again.
	/// What numbers stood for is kept, to notice when they stand for something else. Returns the cursor.
	pub fn rewind(&self, lane: LaneId, block: u64, hash: [u8; 32]) -> Result<Cursor, JournalError> {
		let tx = self.db.begin_write()?;
		let cursor;
		{
			let mut cursors = tx.open_table(CURSORS)?;
			let before: Option<Cursor> = cursors
				.get(lane)?
				.map(|bytes| read("cursor", bytes.value()))
				.transpose()?;
			let inbound = tx.open_table(INBOUND)?;
			let (mut last, mut first) = (None, None);
			for entry in inbound.range((lane, 0)..=(lane, u64::MAX))? {
				let (key, bytes) = entry?;
				let record: InboundRecord = read("request", bytes.value())?;
				let id = key.value().1;
				first = first.or(Some(id));
				if record.block <= block {
					last = Some(id);
				}
			}
			let next_id = match (last, first, before) {
				(Some(last), _, _) => last.saturating_add(1),
				(None, Some(first), _) => first,
				(None, None, Some(before)) => before.next_id,
				(None, None, None) => 1,
			};
			cursor = Cursor { block, hash, next_id };
			cursors.insert(lane, cursor.encode().as_slice())?;
			let after = (lane, block.saturating_add(1))..=(lane, u64::MAX);
			tx.open_table(CHECKPOINTS)?.retain_in(after, |_, _| false)?;
			let all = (lane, 0, 0)..=(lane, u8::MAX, u64::MAX);
			tx.open_table(ARRIVED)?.retain_in(all, |_, at| at <= block)?;
			let all = (lane, 0)..=(lane, u64::MAX);
			tx.open_table(EXITS)?.retain_in(all, |_, at| at <= block)?;
		}
		tx.commit()?;
		Ok(cursor)
	}

	/// What a number stands for, if it was seen.
	pub fn inbound(&self, lane: LaneId, id: u64) -> Result<Option<InboundRecord>, JournalError> {
		let table = self.db.begin_read()?.open_table(INBOUND)?;
		let found = table.get((lane, id))?;
		found.map(|bytes| read("request", bytes.value())).transpose()
	}

	/// The first block in which something is known to have come in.
	pub fn first_inbound_block(&self, lane: LaneId) -> Result<Option<u64>, JournalError> {
		let table = self.db.begin_read()?.open_table(INBOUND)?;
		let mut first: Option<u64> = None;
		for entry in table.range((lane, 0)..=(lane, u64::MAX))? {
			let record: InboundRecord = read("request", entry?.1.value())?;
			first = Some(first.map_or(record.block, |first| first.min(record.block)));
		}
		Ok(first)
	}

	/// Numbers that the market's chain has not decided finally, oldest first, and at most so many.
	pub fn open_inbound(&self, lane: LaneId, most: usize) -> Result<Vec<(u64, InboundRecord)>, JournalError> {
		let table = self.db.begin_read()?.open_table(INBOUND)?;
		let mut out = Vec::new();
		for entry in table.range((lane, 0)..=(lane, u64::MAX))? {
			let (key, bytes) = entry?;
			let record: InboundRecord = read("request", bytes.value())?;
			if !record.closed {
				out.push((key.value().1, record));
			}
			if out.len() >= most {
				break;
			}
		}
		Ok(out)
	}

	/// Notes what is about to be said about a number.
	pub fn note_attested(&self, lane: LaneId, id: u64, digest: H256) -> Result<(), JournalError> {
		self.change_inbound(lane, id, |record| record.attested = Some(digest))
	}

	/// Notes that nothing is left to be said about a number, unless its content has changed meanwhile.
	pub fn close_inbound(&self, lane: LaneId, id: u64, digest: H256) -> Result<(), JournalError> {
		self.change_inbound(lane, id, |record| {
			record.closed |= record.message.digest() == digest;
		})?;
		// As many as the chain remembers: what is longer past can't be amended any more.
		let Some(until) = id.checked_sub(HISTORY) else {
			return Ok(());
		};
		let tx = self.db.begin_write()?;
		{
			let mut table = tx.open_table(INBOUND)?;
			table.retain_in((lane, 0)..=(lane, until), |_, bytes| {
				!read::<InboundRecord>("request", bytes).is_ok_and(|record| record.closed)
			})?;
		}
		tx.commit()?;
		Ok(())
	}

	fn change_inbound(
		&self,
		lane: LaneId,
		id: u64,
		change: impl FnOnce(&mut InboundRecord),
	) -> Result<(), JournalError> {
		let tx = self.db.begin_write()?;
		{
			let mut table = tx.open_table(INBOUND)?;
			let record = table
				.get((lane, id))?
				.map(|bytes| read::<InboundRecord>("request", bytes.value()))
				.transpose()?;
			if let Some(mut record) = record {
				change(&mut record);
				table.insert((lane, id), record.encode().as_slice())?;
			}
		}
		tx.commit()?;
		Ok(())
	}

	/// Requests that were taken back, and of which the market's chain does not know finally: their numbers, lowest first, and at
	/// most so many.
	pub fn open_exits(&self, lane: LaneId, most: usize) -> Result<Vec<u64>, JournalError> {
		let table = self.db.begin_read()?.open_table(EXITS)?;
		let mut out = Vec::new();
		for entry in table.range((lane, 0)..=(lane, u64::MAX))?.take(most) {
			out.push(entry?.0.value().1);
		}
		Ok(out)
	}

	/// Whether a request was taken back of which the market's chain does not know finally.
	pub fn is_exit_open(&self, lane: LaneId, id: u64) -> Result<bool, JournalError> {
		Ok(self
			.db
			.begin_read()?
			.open_table(EXITS)?
			.get((lane, id))?
			.is_some())
	}

	/// Notes that a request was found to be taken back by this block.
	pub fn note_exit(&self, lane: LaneId, id: u64, block: u64) -> Result<(), JournalError> {
		let tx = self.db.begin_write()?;
		tx.open_table(EXITS)?.insert((lane, id), block)?;
		tx.commit()?;
		Ok(())
	}

	/// Notes that the market's chain knows of an exit: nothing is left to be said, or delivered.
	pub fn close_exit(&self, lane: LaneId, id: u64) -> Result<(), JournalError> {
		let tx = self.db.begin_write()?;
		let block = tx
			.open_table(EXITS)?
			.remove((lane, id))?
			.map(|block| block.value());
		if let Some(block) = block {
			tx.open_table(ARRIVED)?
				.insert(MessageId::Answer(id).key(lane), block)?;
		}
		tx.commit()?;
		Ok(())
	}

	/// The final block in which a message arrived, if it is known to have.
	pub fn arrived(&self, lane: LaneId, message: MessageId) -> Result<Option<u64>, JournalError> {
		let table = self.db.begin_read()?.open_table(ARRIVED)?;
		Ok(table.get(message.key(lane))?.map(|block| block.value()))
	}

	/// Notes that a message was found to have arrived by this block.
	pub fn note_arrived(&self, lane: LaneId, message: MessageId, block: u64) -> Result<(), JournalError> {
		let tx = self.db.begin_write()?;
		tx.open_table(ARRIVED)?.insert(message.key(lane), block)?;
		tx.commit()?;
		Ok(())
	}

	/// Forgets what arrived of a batch that nobody will be asked about any more.
	pub fn forget_batch(
		&self,
		lane: LaneId,
		batch: BatchId,
		messages: &[MessageId],
	) -> Result<(), JournalError> {
		let tx = self.db.begin_write()?;
		{
			let mut arrived = tx.open_table(ARRIVED)?;
			for message in messages {
				arrived.remove(message.key(lane))?;
			}
			tx.open_table(SIGNED)?.remove((lane, batch))?;
		}
		tx.commit()?;
		Ok(())
	}

	/// Notes a digest that is about to be signed for a batch. `content` is what the batch says, whichever set signs it: another
	/// content than before is refused, for ever.
	pub fn note_signed(
		&self,
		lane: LaneId,
		batch: BatchId,
		set: u64,
		digest: H256,
		content: H256,
	) -> Result<(), JournalError> {
		let tx = self.db.begin_write()?;
		{
			let mut table = tx.open_table(SIGNED)?;
			let before: Option<SignedRecord> = table
				.get((lane, batch))?
				.map(|bytes| read("signature", bytes.value()))
				.transpose()?;
			let other = before.is_some_and(|before| {
				before.content != content || (before.set == set && before.digest != digest)
			});
			if other {
				return Err(JournalError::SignedOther { lane, batch });
			}
			let record = SignedRecord { set, digest, content };
			table.insert((lane, batch), record.encode().as_slice())?;
		}
		tx.commit()?;
		Ok(())
	}

	/// Transactions of a chain that are not known to be done, by nonce.
	pub fn transactions(&self, chain: u64) -> Result<Vec<(u64, TransactionRecord)>, JournalError> {
		let table = self.db.begin_read()?.open_table(TRANSACTIONS)?;
		let mut out = Vec::new();
		for entry in table.range((chain, 0)..=(chain, u64::MAX))? {
			let (key, bytes) = entry?;
			out.push((key.value().1, read("transaction", bytes.value())?));
		}
		Ok(out)
	}

	/// Notes a transaction that is about to be handed in, or what became of it.
	pub fn put_transaction(
		&self,
		chain: u64,
		nonce: u64,
		record: &TransactionRecord,
	) -> Result<(), JournalError> {
		let tx = self.db.begin_write()?;
		tx.open_table(TRANSACTIONS)?
			.insert((chain, nonce), record.encode().as_slice())?;
		tx.commit()?;
		Ok(())
	}

	/// Forgets a transaction that is done, or was never taken.
	pub fn remove_transaction(&self, chain: u64, nonce: u64) -> Result<(), JournalError> {
		let tx = self.db.begin_write()?;
		tx.open_table(TRANSACTIONS)?.remove((chain, nonce))?;
		tx.commit()?;
		Ok(())
	}
}

fn read<T: Decode>(what: &'static str, mut bytes: &[u8]) -> Result<T, JournalError> {
	T::decode(&mut bytes).map_err(|_| JournalError::Record(what))
}

/// Checkpoints that are not needed: the older they are, the fewer. Of each stretch of blocks the oldest stays; stretches are an
/// eighth of their age long, in powers of two, so that each is made of whole shorter ones and what stays once stays on.
fn superfluous(
	table: &impl ReadableTable<(u64, u64), [u8; 32]>,
	lane: LaneId,
	head: u64,
) -> Result<Vec<u64>, JournalError> {
	let (mut out, mut last) = (Vec::new(), None);
	for entry in table.range((lane, 0)..=(lane, head))? {
		let block = entry?.0.value().1;
		let length = 1u64
			<< (head.saturating_sub(block) / 8)
				.checked_ilog2()
				.unwrap_or_default();
		let stretch = Some((length, block / length));
		if stretch == last {
			out.push(block);
		}
		last = stretch;
	}
	Ok(out)
}

#[cfg(test)]
mod tests;
