//! Transactions of one account on one EVM chain.
//!
//! Each is journalled, signed bytes and all, before it is handed in. So after a crash the very same transaction is followed up:
//! nothing is paid twice. One that is not mined is handed in again, dearer; one that is refused by then makes room for those behind
//! it; a nonce that nobody used is filled; one that a re-organisation took out of its block waits again.

mod price;

use crate::{
	evm::{pool::Pool, EvmError, Tag},
	journal::{Journal, JournalError, Purpose, TransactionRecord},
	key::Key,
};
use alloy::{
	consensus::{SignableTransaction, TxEip1559, TxEnvelope, TxLegacy},
	eips::Encodable2718,
	primitives::{Address, Bytes, TxKind, B256, U256},
	signers::SignerSync,
};
use lilypad_client::metrics::Number;
use std::{
	sync::Arc,
	time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::Mutex;

pub use price::Price;

/// Transactions that may wait to be mined at the same time.
pub const MAX_IN_FLIGHT: usize = 16;
/// Gas of a transaction that does nothing.
const TRANSFER_GAS: u64 = 21_000;
/// How long a nonce that was used up may be without a receipt before its transaction counts as another's.
const LOST_AFTER: Duration = Duration::from_secs(300);

/// Why a transaction was not handed in.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
	/// Enough are on their way.
	#[error("{MAX_IN_FLIGHT} transactions wait to be mined: the next one later")]
	Busy,
	/// Gas costs more than the operator wants to pay.
	#[error("gas costs {price} wei, which is more than the limit of {limit}: waiting until it is cheaper")]
	TooDear {
		/// What it costs at least.
		price: u128,
		/// Most that may be paid.
		limit: u128,
	},
	/// The account is empty.
	#[error("{account} can't pay for the gas: send it some of the chain's coin ({message})")]
	NoMoney {
		/// The account.
		account: Address,
		/// What the endpoint says.
		message: String,
	},
	/// The endpoint refuses it.
	#[error("the transaction was refused: {0}")]
	Refused(String),
	/// No endpoint.
	#[error(transparent)]
	Evm(#[from] EvmError),
	/// The journal.
	#[error(transparent)]
	Journal(#[from] JournalError),
	/// The key.
	#[error("the transaction could not be signed: {0}")]
	Sign(#[from] alloy::signers::Error),
}

/// A transaction to be handed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
	/// What it is for.
	pub purpose: Purpose,
	/// To which contract.
	pub to: Address,
	/// The call.
	pub data: Bytes,
	/// Its gas limit.
	pub gas: u64,
}

/// What a sender has done.
#[derive(Debug, Default)]
pub struct Tally {
	/// Transactions handed in, first attempts.
	pub sent: Number,
	/// Attempts with a higher price.
	pub bumped: Number,
	/// Mined and successful.
	pub mined: Number,
	/// Mined and reverted.
	pub reverted: Number,
	/// Gas paid for.
	pub gas: Number,
}

/// When to pay how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
	/// Most wei for a unit of gas.
	pub max_price: u128,
	/// When a transaction that is not mined gets a higher price.
	pub bump_after: Duration,
	/// When an endpoint that does nothing but fail is not thought any more to have taken a transaction that the others refuse.
	pub dead_after: Duration,
}

/// See the module.
pub struct Sender {
	chain: u64,
	key: Key,
	pool: Arc<Pool>,
	journal: Journal,
	rules: Rules,
	/// What it has done.
	pub tally: Tally,
	/// One after another: nonces are handed out in order.
	turn: Mutex<()>,
}

impl Sender {
	/// Of an account, on a chain with this id.
	pub fn new(chain: u64, key: Key, pool: Arc<Pool>, journal: Journal, rules: Rules) -> Self {
		Self {
			chain,
			key,
			pool,
			journal,
			rules,
			tally: Tally::default(),
			turn: Mutex::new(()),
		}
	}

	/// Who pays.
	pub fn account(&self) -> Address {
		self.key.address()
	}

	/// What is under way, mined or not, by nonce.
	pub fn pending(&self) -> Result<Vec<(u64, TransactionRecord)>, JournalError> {
		self.journal.transactions(self.chain)
	}

	/// Hands a transaction in, with the lowest nonce that is not used.
	pub async fn submit(&self, wanted: Wanted) -> Result<(), SendError> {
		let _turn = self.turn.lock().await;
		let pending = self.pending()?;
		let waiting = pending.iter().filter(|(_, record)| record.mined.is_none());
		if waiting.count() >= MAX_IN_FLIGHT {
			return Err(SendError::Busy);
		}
		let price = self.price().await?;
		let mut nonce = self.pool.nonce(self.account()).await?;
		while pending.iter().any(|(used, _)| *used == nonce) {
			nonce += 1;
		}
		let mut record = TransactionRecord {
			purpose: wanted.purpose,
			to: wanted.to.into_array(),
			data: wanted.data.to_vec(),
			gas: wanted.gas,
			max_fee: price.max_fee,
			tip: price.tip,
			attempts: Vec::new(),
			sent_at: 0,
			mined: None,
		};
		self.tally.sent.add(1);
		self.hand_in(nonce, &mut record).await
	}

	/// Looks after everything that is under way. `settled` is the newest final block: what was mined by then is done.
	pub async fn tend(&self, settled: u64) -> Result<(), SendError> {
		let _turn = self.turn.lock().await;
		let pending = self.pending()?;
		if pending.is_empty() {
			return Ok(());
		}
		let next = self.pool.nonce(self.account()).await?;
		for (nonce, record) in &pending {
			if *nonce < next {
				self.follow_up(*nonce, record.clone(), settled).await?;
			} else {
				self.push(*nonce, record.clone()).await?;
			}
		}
		self.fill(next, &pending).await
	}

	/// A nonce that is used up: by which of the attempts?
	async fn follow_up(
		&self,
		nonce: u64,
		mut record: TransactionRecord,
		settled: u64,
	) -> Result<(), SendError> {
		for (hash, _) in record.attempts.iter().rev() {
			let Some(receipt) = self.pool.receipt(B256::from(*hash)).await? else {
				continue;
			};
			if record.mined.is_none() {
				let counter = if receipt.success {
					&self.tally.mined
				} else {
					&self.tally.reverted
				};
				counter.add(1);
				self.tally.gas.add(receipt.gas_used);
				tracing::info!(
					nonce,
					block = receipt.block,
					success = receipt.success,
					purpose = ?record.purpose,
					"transaction mined"
				);
			}
			if receipt.block <= settled {
				self.journal.remove_transaction(self.chain, nonce)?;
			} else if record.mined != Some(receipt.block) {
				record.mined = Some(receipt.block);
				self.journal.put_transaction(self.chain, nonce, &record)?;
			}
			return Ok(());
		}
		// Somebody else uses the key; or the endpoint has not caught up with itself.
		if self.age(&record) > LOST_AFTER {
			tracing::warn!(nonce, purpose = ?record.purpose, "another transaction used this nonce: is the key used elsewhere?");
			self.journal.remove_transaction(self.chain, nonce)?;
		}
		Ok(())
	}

	/// A nonce that is not used up: hands the transaction in again when its time has come, dearer if it may be.
	async fn push(&self, nonce: u64, mut record: TransactionRecord) -> Result<(), SendError> {
		if record.mined.take().is_some() {
			tracing::warn!(
				nonce,
				"a re-organisation took the transaction out of its block: it waits again"
			);
			self.journal.put_transaction(self.chain, nonce, &record)?;
		}
		if self.age(&record) < self.rules.bump_after {
			return Ok(());
		}
		let market = match self.price().await {
			Ok(price) => price,
			// It keeps waiting at its price.
			Err(SendError::TooDear { .. }) => Price {
				max_fee: record.max_fee,
				tip: record.tip,
			},
			Err(other) => return Err(other),
		};
		let old = Price {
			max_fee: record.max_fee,
			tip: record.tip,
		};
		let outcome = match old.bumped(market, self.rules.max_price) {
			Some(price) => {
				self.tally.bumped.add(1);
				tracing::info!(nonce, max_fee = price.max_fee, "not mined: the price is raised");
				(record.max_fee, record.tip) = (price.max_fee, price.tip);
				self.hand_in(nonce, &mut record).await
			},
			None => self.repeat(nonce, &mut record).await,
		};
		match outcome {
			Err(SendError::Refused(why)) if record.to != self.account().into_array() => {
				tracing::warn!(nonce, purpose = ?record.purpose, "given up, as it is refused by now: {why}");
				self.make_room(nonce, record).await
			},
			other => other,
		}
	}

	/// Takes the place of a transaction that nobody takes any more, so that those behind it need not wait for ever. Its purpose
	/// stays: until one of both is mined, nothing else is sent for it.
	async fn make_room(&self, nonce: u64, mut record: TransactionRecord) -> Result<(), SendError> {
		record.to = self.account().into_array();
		record.data.clear();
		record.gas = TRANSFER_GAS;
		self.hand_in(nonce, &mut record).await
	}

	/// Fills the lowest nonce that nobody uses and that others wait behind.
	async fn fill(&self, next: u64, pending: &[(u64, TransactionRecord)]) -> Result<(), SendError> {
		let waiting = pending.iter().filter(|(nonce, _)| *nonce > next);
		let behind = waiting
			.clone()
			.any(|(_, record)| self.age(record) >= self.rules.bump_after);
		if !behind || pending.iter().any(|(nonce, _)| *nonce == next) {
			return Ok(());
		}
		tracing::warn!(nonce = next, "a nonce was left out: it is filled");
		let price = self.price().await?;
		let mut record = TransactionRecord {
			purpose: Purpose::Fill,
			to: self.account().into_array(),
			data: Vec::new(),
			gas: TRANSFER_GAS,
			max_fee: price.max_fee,
			tip: price.tip,
			attempts: Vec::new(),
			sent_at: 0,
			mined: None,
		};
		self.hand_in(next, &mut record).await
	}

	/// Signs, journals, and hands in.
	async fn hand_in(&self, nonce: u64, record: &mut TransactionRecord) -> Result<(), SendError> {
		let (hash, bytes) = self.sign(nonce, record)?;
		record.attempts.push((hash.0, bytes.to_vec()));
		record.sent_at = now();
		self.journal.put_transaction(self.chain, nonce, record)?;
		self.send(nonce, &bytes, record.attempts.len() == 1).await
	}

	/// Hands the last attempt in once more: whoever dropped it takes it again.
	async fn repeat(&self, nonce: u64, record: &mut TransactionRecord) -> Result<(), SendError> {
		let Some((_, bytes)) = record.attempts.last() else {
			return self.hand_in(nonce, record).await;
		};
		let bytes = Bytes::from(bytes.clone());
		record.sent_at = now();
		self.journal.put_transaction(self.chain, nonce, record)?;
		self.send(nonce, &bytes, false).await
	}

	/// Hands bytes in that were journalled.
	async fn send(&self, nonce: u64, bytes: &Bytes, first: bool) -> Result<(), SendError> {
		// If it is not the first attempt, whatever takes its place has its nonce: only one of them can ever be mined. But
		// nothing may be forgotten that somebody may have taken.
		let dead_after = (!first).then_some(self.rules.dead_after);
		match self.pool.send(bytes, dead_after).await {
			Ok(()) => Ok(()),
			Err(EvmError::Refused { message, .. }) => self.refused(nonce, first, message),
			// Some endpoints run a transaction before they take it.
			Err(error @ EvmError::Reverted(_)) => self.refused(nonce, first, error.to_string()),
			// Nobody knows whether it arrived: it is followed up like one that did.
			Err(error) => {
				tracing::warn!(nonce, "it is unknown whether the transaction was taken: {error}");
				Ok(())
			},
		}
	}

	/// What an endpoint's refusal means. A first attempt that nobody took leaves no trace.
	fn refused(&self, nonce: u64, first: bool, message: String) -> Result<(), SendError> {
		let text = message.to_ascii_lowercase();
		if text.contains("nonce too low") || text.contains("replacement transaction underpriced") {
			// An attempt of before was mined just now, or a dearer one waits: the receipts will tell. If it is another's,
			// it is forgotten once that shows.
			if first {
				self.journal.remove_transaction(self.chain, nonce)?;
			}
			return Ok(());
		}
		if first {
			self.journal.remove_transaction(self.chain, nonce)?;
		}
		match text.contains("insufficient funds") {
			true => Err(SendError::NoMoney {
				account: self.account(),
				message,
			}),
			false => Err(SendError::Refused(message)),
		}
	}

	async fn price(&self) -> Result<Price, SendError> {
		let head = self.pool.head(Tag::Latest).await?;
		let tip = self.pool.tip(head.base_fee.is_some()).await?;
		Price::now(head.base_fee, tip, self.rules.max_price)
	}

	fn sign(&self, nonce: u64, record: &TransactionRecord) -> Result<(B256, Bytes), SendError> {
		let to = TxKind::Call(record.to.into());
		let (input, value) = (Bytes::from(record.data.clone()), U256::ZERO);
		let envelope = match record.tip {
			Some(tip) => self.signed(TxEip1559 {
				chain_id: self.chain,
				nonce,
				gas_limit: record.gas,
				max_fee_per_gas: record.max_fee,
				max_priority_fee_per_gas: tip,
				to,
				value,
				access_list: Default::default(),
				input,
			})?,
			None => self.signed(TxLegacy {
				chain_id: Some(self.chain),
				nonce,
				gas_limit: record.gas,
				gas_price: record.max_fee,
				to,
				value,
				input,
			})?,
		};
		Ok((*envelope.tx_hash(), envelope.encoded_2718().into()))
	}

	fn signed<T>(&self, transaction: T) -> Result<TxEnvelope, SendError>
	where
		T: SignableTransaction<alloy::primitives::Signature>,
		TxEnvelope: From<alloy::consensus::Signed<T>>,
	{
		let signature = self.key.wallet().sign_hash_sync(&transaction.signature_hash())?;
		Ok(transaction.into_signed(signature).into())
	}

	fn age(&self, record: &TransactionRecord) -> Duration {
		Duration::from_millis(now().saturating_sub(record.sent_at))
	}
}

/// Milliseconds since 1970: the journal outlives the process.
fn now() -> u64 {
	let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
