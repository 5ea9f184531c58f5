//! Sending transactions: right nonces with many in flight, mortality, retries, and errors in words.
//!
//! A transaction is signed once per attempt. When the connection breaks, the same bytes are handed to the next node: a
//! transaction can't be executed twice, as its nonce is used up. A new attempt, with a new signature, is made only when the
//! one before is out of question: refused, or lapsed without having been included.

use crate::{
	calls::Call,
	error::{CallError, RefusalReason},
	events::{ChainEvent, FeeEvent},
	view::{AtBlock, View},
	AccountId, At, BlockId, Client, ClientError, Hash, Signer,
};
use lilypad_primitives::{Balance, BlockNumber};
use std::{collections::HashSet, time::Duration};
use subxt::{
	config::{DefaultExtrinsicParamsBuilder, SubstrateConfig},
	error::{BackendError, DispatchError, ExtrinsicError, RpcError, TokenError},
	rpcs::{client::rpc_params, Error as RawError},
	tx::{SubmittableTransaction, TransactionProgress, TransactionStatus},
};
use tokio::time::{sleep, timeout, Instant};

type Progress = TransactionProgress<SubstrateConfig, subxt::client::OnlineClientAtBlockImpl<SubstrateConfig>>;
type Signed =
	SubmittableTransaction<SubstrateConfig, subxt::client::OnlineClientAtBlockImpl<SubstrateConfig>>;

/// Pause between looks at the chain, when the node can't be asked to tell.
const POLL: Duration = Duration::from_millis(500);
/// Longest silence of a node about a transaction before the chain is looked at.
const SILENCE: Duration = Duration::from_secs(12);
/// Longer than blocks take.
const SLOW_BLOCK: Duration = Duration::from_secs(4);
/// Longest wait for the pool's first word.
const FIRST_WORD: Duration = Duration::from_secs(3);
/// Finality this far behind is no basis for a transaction's life any more.
const MAX_FINALITY_LAG: BlockNumber = 16;

/// How many of the newest blocks may be replaced while a transaction is on its way.
const REORG: BlockNumber = 4;

/// The blocks in which a transaction can be.
#[derive(Clone, Copy)]
struct Life {
	first: BlockNumber,
	last: BlockNumber,
}

/// How to send.
#[derive(Clone, Copy, Debug)]
pub struct TxOptions {
	/// What the block's author gets for taking it early.
	pub tip: Balance,
	/// Blocks in which it can be included.
	pub mortality: u64,
	/// How often to sign anew after a refusal that a later attempt may not meet.
	pub attempts: u32,
	/// Whether to wait until the block can't be reverted any more.
	pub finalized: bool,
	/// Valid only on chains with this block: if it is reverted, so is the transaction. Without one, validity counts from
	/// the newest finalized block.
	pub anchor: Option<BlockId>,
}

impl Default for TxOptions {
	fn default() -> Self {
		Self {
			tip: 0,
			mortality: 64,
			attempts: 5,
			finalized: false,
			anchor: None,
		}
	}
}

/// A transaction that was executed, and whose call succeeded.
#[derive(Clone, Debug)]
pub struct TxOutcome {
	/// The block.
	pub block: BlockId,
	/// Hash of the transaction.
	pub hash: Hash,
	/// Its index in the block.
	pub index: u32,
	/// What it caused.
	pub events: Vec<ChainEvent>,
}

impl TxOutcome {
	/// The first event for which `pick` gives something.
	pub fn find<T>(&self, pick: impl FnMut(&ChainEvent) -> Option<T>) -> Option<T> {
		self.events.iter().find_map(pick)
	}

	/// What the sender paid for the transaction.
	pub fn fee(&self) -> Balance {
		self.find(|e| match e {
			ChainEvent::FeeEvent(FeeEvent::TransactionFeePaid { actual_fee, .. }) => Some(*actual_fee),
			_ => None,
		})
		.unwrap_or(0)
	}
}

/// How one attempt ended without a result.
enum Failed {
	/// For good.
	Final(ClientError),
	/// Another attempt may succeed.
	Again(ClientError),
}

impl Client {
	/// Sends a call and waits until it is in a block. The error says so when the chain executed it and it failed.
	pub async fn submit(&self, signer: &Signer, call: Call) -> Result<TxOutcome, ClientError> {
		self.submit_with(signer, call, TxOptions::default()).await
	}

	/// The same, with options.
	pub async fn submit_with(
		&self,
		signer: &Signer,
		call: Call,
		options: TxOptions,
	) -> Result<TxOutcome, ClientError> {
		let mut attempt = 1;
		loop {
			match self.attempt(signer, &call, options).await {
				Ok(outcome) => return Ok(outcome),
				Err(Failed::Final(e)) => return Err(e),
				Err(Failed::Again(e)) if attempt >= options.attempts => return Err(e),
				Err(Failed::Again(e)) => {
					tracing::debug!("{call} is sent again: {e}");
					sleep(Duration::from_millis(200 << attempt.min(5))).await;
					attempt += 1;
				},
			}
		}
	}

	/// What sending a call would cost in fees, about.
	pub async fn estimate_fee(&self, signer: &Signer, call: &Call) -> Result<Balance, ClientError> {
		let nonce = self.next_nonce(&signer.account()).await?;
		let (view, _) = self.birth().await?;
		let signed = self.sign(signer, call, TxOptions::default(), nonce, view.block(), &view)?;
		signed.partial_fee_estimate().await.map_err(|e| self.failure(e))
	}

	/// The next nonce of an account, with what waits in the node's pool.
	pub(crate) async fn next_nonce(&self, account: &AccountId) -> Result<u64, ClientError> {
		self.request("system_accountNextIndex", rpc_params![account.to_string()])
			.await
	}

	async fn attempt(&self, signer: &Signer, call: &Call, options: TxOptions) -> Result<TxOutcome, Failed> {
		let account = signer.account();
		let mut turn = self.inner.nonces.turn(&account).await;
		if turn.must_ask() {
			turn.answered(self.next_nonce(&account).await.map_err(Failed::Final)?);
		}
		let nonce = turn
			.nonce()
			.ok_or_else(|| Failed::Final(ClientError::Chain("the account's nonces are used up".into())))?;
		let (view, best) = self.birth().await.map_err(Failed::Final)?;
		let birth = options.anchor.unwrap_or_else(|| view.block());
		let signed = self
			.sign(signer, call, options, nonce, birth, &view)
			.map_err(Failed::Final)?;

		let (progress, flight) = match self.hand_over(&signed).await {
			Ok(progress) => (progress, turn.taken(nonce)),
			Err(e) => {
				turn.refused();
				return Err(e);
			},
		};
		let life = Life {
			first: best.saturating_sub(REORG),
			last: birth
				.number
				.saturating_add(options.mortality.try_into().unwrap_or(BlockNumber::MAX)),
		};
		let view = self.wait(&signed, progress, life, options).await?;
		flight.included();
		self.outcome(&view, signed.hash()).await.map_err(Failed::Final)
	}

	/// The block from which a transaction's life counts, and the number of the newest.
	async fn birth(&self) -> Result<(View, BlockNumber), ClientError> {
		let best = self.best().await?;
		let finalized = self.finalized().await?;
		let number = best.number();
		match number.saturating_sub(finalized.number()) > MAX_FINALITY_LAG {
			true => Ok((best, number)),
			false => Ok((finalized, number)),
		}
	}

	fn sign(
		&self,
		signer: &Signer,
		call: &Call,
		options: TxOptions,
		nonce: u64,
		birth: BlockId,
		view: &View,
	) -> Result<Signed, ClientError> {
		let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
			.nonce(nonce)
			.tip(options.tip)
			.mortal_from_unchecked(options.mortality, u64::from(birth.number), birth.hash)
			.build();
		let at: &AtBlock = view.at_block();
		let mut signable = at
			.tx()
			.create_signable_offline(call, params)
			.map_err(|e| self.failure(e))?;
		signable.sign(signer).map_err(|e| self.failure(e))
	}

	/// Gives the transaction to the node. `None`: it is taken, but the node won't tell how it goes on.
	async fn hand_over(&self, signed: &Signed) -> Result<Option<Progress>, Failed> {
		let mut progress = match signed.submit_and_watch().await {
			Ok(progress) => progress,
			Err(e) => {
				return match refused_by_node(&e) {
					// The node has it from the connection before, or another node gave it to this one.
					Some(message) if message.to_ascii_lowercase().contains("already imported") => Ok(None),
					Some(message) => Err(refusal(&message)),
					// The connection broke. Nobody knows whether it arrived: the chain will tell, or the next node is given
					// the same bytes.
					None => Ok(None),
				};
			},
		};
		// The first word tells whether the pool took it.
		match timeout(FIRST_WORD, progress.next()).await {
			Ok(Some(Ok(TransactionStatus::Invalid { message } | TransactionStatus::Dropped { message }))) => {
				Err(refusal(&message))
			},
			Ok(Some(Ok(TransactionStatus::Error { message }))) => Err(refusal(&message)),
			Ok(Some(Ok(TransactionStatus::InBestBlock(_) | TransactionStatus::InFinalizedBlock(_)))) => {
				Ok(None)
			},
			Ok(Some(Ok(_))) => Ok(Some(progress)),
			Ok(Some(Err(_)) | None) => Ok(None),
			// It waits for one with a lower nonce.
			Err(_) => Ok(Some(progress)),
		}
	}

	/// Waits for the block, and gives it to read at.
	async fn wait(
		&self,
		signed: &Signed,
		mut progress: Option<Progress>,
		life: Life,
		options: TxOptions,
	) -> Result<View, Failed> {
		let hash = signed.hash();
		let mut looked_at = HashSet::new();
		let mut generation = self.inner.transport.generation();
		// With no node to ask, nobody can tell how it ended; blocks are rarely this slow.
		let give_up = Instant::now() + SLOW_BLOCK * u32::try_from(options.mortality).unwrap_or(u32::MAX);
		loop {
			let told = match &mut progress {
				Some(progress) => timeout(SILENCE, progress.next()).await.ok(),
				None => None,
			};
			let mut refused = None;
			match told {
				Some(Some(Ok(TransactionStatus::InBestBlock(block)))) if !options.finalized => {
					if let Ok(view) = self.at(At::Hash(block.block_hash())).await {
						return Ok(view);
					}
				},
				Some(Some(Ok(TransactionStatus::InFinalizedBlock(block)))) => {
					if let Ok(view) = self.at(At::Hash(block.block_hash())).await {
						return Ok(view);
					}
				},
				Some(Some(Ok(
					TransactionStatus::Invalid { message } | TransactionStatus::Error { message },
				))) => refused = Some(message),
				Some(Some(Ok(TransactionStatus::Dropped { .. }) | Err(_)) | None) => progress = None,
				Some(Some(Ok(_))) => continue,
				// Silence, or nobody to listen to.
				None => (),
			}
			match self.look(hash, &mut looked_at, life.first, options).await {
				Ok((Some(view), _)) => return Ok(view),
				Ok((None, _)) if refused.is_some() => return Err(refusal(&refused.unwrap_or_default())),
				Ok((None, head)) if head > life.last => {
					return Err(Failed::Again(ClientError::Lapsed {
						blocks: options.mortality,
					}))
				},
				Ok((None, _)) => (),
				// A node that can't be reached now may be in a moment: the transaction's life is the limit.
				Err(e) if e.is_transient() && Instant::now() < give_up => {
					tracing::debug!("waiting for the node: {e}")
				},
				Err(e) => return Err(Failed::Final(e)),
			}
			let now = self.inner.transport.generation();
			if progress.is_none() && now != generation {
				generation = now;
				// A new connection: this node may not have it. A refusal says nothing new; it may be in a block by now.
				progress = self.hand_over(signed).await.ok().flatten();
			}
			if progress.is_none() {
				sleep(POLL).await;
			}
		}
	}

	/// Looks for a transaction in the blocks that were not looked at yet, back to block `first`. Gives the newest block's
	/// number too.
	async fn look(
		&self,
		hash: Hash,
		looked_at: &mut HashSet<Hash>,
		first: BlockNumber,
		options: TxOptions,
	) -> Result<(Option<View>, BlockNumber), ClientError> {
		let head = if options.finalized {
			self.finalized().await?
		} else {
			self.best().await?
		};
		let (mut block, mut walked) = (head.block(), Vec::new());
		while block.number >= first && !looked_at.contains(&block.hash) {
			if self.body_hashes(block.hash).await?.contains(&hash) {
				return Ok((Some(self.at(At::Hash(block.hash)).await?), head.number()));
			}
			walked.push(block.hash);
			let (_, parent) = self.header(block.hash).await?;
			let Some(number) = block.number.checked_sub(1) else {
				break;
			};
			block = BlockId { number, hash: parent };
		}
		// Only now: what lies behind a block that was looked at must have been looked at too.
		looked_at.extend(walked);
		Ok((None, head.number()))
	}

	/// Hashes of a block's transactions, in order.
	async fn body_hashes(&self, block: Hash) -> Result<Vec<Hash>, ClientError> {
		let answer: serde_json::Value = self.request("chain_getBlock", rpc_params![block]).await?;
		let unreadable = || ClientError::Decode {
			what: "block".into(),
			reason: "it has no list of transactions".into(),
		};
		let list = answer["block"]["extrinsics"].as_array().ok_or_else(unreadable)?;
		list.iter()
			.map(|text| {
				let bytes = text
					.as_str()
					.and_then(|t| hex::decode(t.trim_start_matches("0x")).ok())
					.ok_or_else(unreadable)?;
				Ok(Hash::from(sp_crypto_hashing::blake2_256(&bytes)))
			})
			.collect()
	}

	/// What a transaction in a block did.
	async fn outcome(&self, view: &View, hash: Hash) -> Result<TxOutcome, ClientError> {
		let index = self
			.body_hashes(view.hash())
			.await?
			.iter()
			.position(|h| *h == hash);
		let index = index
			.and_then(|i| u32::try_from(i).ok())
			.ok_or_else(|| ClientError::Decode {
				what: "block".into(),
				reason: "the node says that the transaction is in it, and it is not".into(),
			})?;
		if let Some(error) = self.dispatch_error(view, index).await? {
			return Err(error.into());
		}
		let events = view
			.events()
			.await?
			.into_iter()
			.filter(|e| e.extrinsic == Some(index))
			.map(|e| e.event)
			.collect();
		Ok(TxOutcome {
			block: view.block(),
			hash,
			index,
			events,
		})
	}

	/// Why the call of a transaction failed, if it did.
	async fn dispatch_error(&self, view: &View, index: u32) -> Result<Option<CallError>, ClientError> {
		let at = view.at_block();
		let events = at.events().fetch().await.map_err(|e| self.failure(e))?;
		for event in events.iter() {
			let event = event.map_err(|e| self.failure(e))?;
			let ours = event.phase() == subxt::events::Phase::ApplyExtrinsic(index);
			if ours && event.pallet_name() == "System" && event.event_name() == "ExtrinsicFailed" {
				let error = DispatchError::decode_from(event.field_bytes(), at.metadata())
					.map_err(|e| self.failure(e))?;
				return Ok(Some(call_error(error)));
			}
		}
		Ok(None)
	}
}

/// What the node itself says against a transaction; `None` when it was not the node that failed.
fn refused_by_node(error: &ExtrinsicError) -> Option<String> {
	let ExtrinsicError::ErrorSubmittingTransaction(BackendError::Rpc(RpcError::ClientError(RawError::User(
		said,
	)))) = error
	else {
		return None;
	};
	// The reason proper is an extra: the message of every invalid transaction is "Invalid Transaction".
	let extra = said.data.as_ref().map(|data| {
		let json = data.get();
		serde_json::from_str::<String>(json).unwrap_or_else(|_| json.into())
	});
	Some(match extra {
		Some(extra) => format!("{}: {extra}", said.message),
		None => said.message.clone(),
	})
}

fn refusal(message: &str) -> Failed {
	let reason = RefusalReason::from_message(message);
	// A node whose pool is behind its own chain knows another block by the number that the signature begins with.
	let again = reason.is_about_nonce()
		|| matches!(
			reason,
			RefusalReason::PoolFull | RefusalReason::Unexplained | RefusalReason::BadProof
		);
	let error = ClientError::Refused { reason };
	match again {
		true => Failed::Again(error),
		false => Failed::Final(error),
	}
}

/// Why a call failed, in words.
pub(crate) fn call_error(error: DispatchError) -> CallError {
	match error {
		DispatchError::Module(error) => match error.details() {
			Ok(details) => {
				let docs = details.variant.docs.join(" ");
				let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ");
				CallError::Pallet {
					pallet: details.pallet.name().into(),
					name: details.variant.name.clone(),
					docs,
				}
			},
			Err(_) => CallError::Other(error.to_string()),
		},
		DispatchError::Token(
			e @ (TokenError::FundsUnavailable | TokenError::Frozen | TokenError::NotExpendable),
		) => CallError::Money(e.to_string()),
		DispatchError::BadOrigin => CallError::BadOrigin,
		other => CallError::Other(other.to_string()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use subxt::rpcs::UserError;

	fn said(message: &str, data: Option<&str>) -> Option<String> {
		let data = data.map(|d| serde_json::value::to_raw_value(d).expect("JSON"));
		let error = RawError::User(UserError {
			code: 1010,
			message: message.into(),
			data,
		});
		refused_by_node(&ExtrinsicError::ErrorSubmittingTransaction(
			RpcError::from(error).into(),
		))
	}

	#[test]
	fn a_nodes_reason_is_read_from_its_extra_data() {
		let text = said("Invalid Transaction", Some("Transaction is outdated")).expect("the node's");
		assert_eq!(RefusalReason::from_message(&text), RefusalReason::Stale);
		assert_eq!(
			said("Priority is too low", None),
			Some("Priority is too low".into())
		);
	}

	#[test]
	fn a_broken_connection_is_no_refusal() {
		let error = RawError::Client("connection closed".into());
		let error = ExtrinsicError::ErrorSubmittingTransaction(RpcError::from(error).into());
		assert_eq!(refused_by_node(&error), None);
	}

	#[test]
	fn only_some_refusals_are_worth_another_attempt() {
		let again = |message| matches!(refusal(message), Failed::Again(_));
		assert!(again("Invalid Transaction: Transaction is outdated"));
		assert!(again("Priority is too low: (10 vs 10)"));
		assert!(again(
			"Immediately Dropped: The transaction couldn't enter the pool because of the limit"
		));
		assert!(!again("Invalid Transaction: Inability to pay some fees"));
		assert!(again("Invalid Transaction: Transaction has a bad signature"));
	}
}
