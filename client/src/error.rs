//! What can go wrong between us and the chain, and what to do about it.

use crate::{AccountId, Hash, SignerError};
use lilypad_primitives::{BlockNumber, DealId, JobId, ModuleName, OfferId};

/// Any failure of the client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
	/// No endpoint answers.
	#[error(
		"no node answers at {urls}: {reason}. Is one running? Start one (for instance `lilypad-node --dev`), or name another \
		 with --url or LILYPAD_URL"
	)]
	Unreachable {
		/// The endpoints tried.
		urls: String,
		/// Why the last of them failed.
		reason: String,
	},
	/// A URL that can't be one.
	#[error(
		"'{0}' is not the URL of a node: it begins with ws:// or wss://, for instance ws://127.0.0.1:9944"
	)]
	BadUrl(String),
	/// Another chain than expected.
	#[error(
		"the node at {url} is on another chain: its genesis block is {found:?}, expected is {expected:?}. Name a node of the \
		 right chain with --url"
	)]
	OtherChain {
		/// The endpoint.
		url: String,
		/// Its genesis block.
		found: Hash,
		/// The one it should have.
		expected: Hash,
	},
	/// A chain without a Lilypad market.
	#[error("the node at {url} runs '{chain}', which is not a Lilypad chain: {missing}. Name a Lilypad node with --url")]
	NotLilypad {
		/// The endpoint.
		url: String,
		/// What the chain calls itself.
		chain: String,
		/// What it lacks.
		missing: String,
	},
	/// The chain's types are not ours.
	#[error("this software and the chain's runtime (version {spec_version}) are of different ages: {what}. Update this software")]
	Incompatible {
		/// The runtime's version.
		spec_version: u32,
		/// What differs.
		what: String,
	},
	/// The chain executed the transaction, and its call failed.
	#[error(transparent)]
	Call(#[from] CallError),
	/// The transaction was refused before it was executed.
	#[error("the node refused the transaction: {reason}")]
	Refused {
		/// Why.
		reason: RefusalReason,
	},
	/// It was not included in time and can't be any more: nothing happened.
	#[error("the transaction was not included within {blocks} blocks and has lapsed; nothing was done or paid: try again")]
	Lapsed {
		/// Blocks waited for.
		blocks: u64,
	},
	/// Nothing there.
	#[error("there is no {0}")]
	NotFound(Missing),
	/// The chain's bytes can't be read.
	#[error("the chain's {what} can't be read: {reason}")]
	Decode {
		/// What was to be read.
		what: String,
		/// What is wrong.
		reason: String,
	},
	/// No answer in time.
	#[error("no answer within {0} seconds")]
	TimedOut(u64),
	/// The key.
	#[error(transparent)]
	Signer(#[from] SignerError),
	/// Anything else that the node or the library says.
	#[error("the node answered with an error: {0}")]
	Chain(String),
}

impl ClientError {
	/// Whether trying the same again later can help.
	pub fn is_transient(&self) -> bool {
		match self {
			Self::Unreachable { .. } | Self::Lapsed { .. } | Self::TimedOut(_) | Self::Chain(_) => true,
			Self::Refused { reason } => matches!(reason, RefusalReason::PoolFull | RefusalReason::Outbid),
			_ => false,
		}
	}

	/// Whether the chain's call failed with this error of this pallet.
	pub fn is_call_error(&self, pallet: &str, name: &str) -> bool {
		matches!(self, Self::Call(CallError::Pallet { pallet: p, name: n, .. }) if p == pallet && n == name)
	}
}

/// Things that were looked for and are not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
	/// A job.
	#[error("live job {0}: it has ended, or its number is wrong")]
	Job(JobId),
	/// A deal.
	#[error("live deal {0}: it is settled, or its number is wrong")]
	Deal(DealId),
	/// An offer.
	#[error("offer {0}")]
	Offer(OfferId),
	/// A module.
	#[error("module {0} on this chain")]
	Module(ModuleName),
	/// A module's manifest.
	#[error(
		"manifest of {0} any more: it was withdrawn, and its author has taken back what was held for it"
	)]
	Manifest(ModuleName),
	/// A provider's address.
	#[error("address of the provider {0} on the chain: its worker has not started yet")]
	Peer(AccountId),
	/// A block.
	#[error("block {0} (yet, or any longer) at this node")]
	Block(BlockNumber),
}

/// Why a call failed on the chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
	/// A pallet's own error. `docs` is what the chain says about it: why, and how to avoid it.
	#[error("{}", if docs.is_empty() { format!("{pallet}::{name}") } else { format!("{docs} ({pallet}::{name})") })]
	Pallet {
		/// The pallet.
		pallet: String,
		/// The error's name.
		name: String,
		/// Its documentation.
		docs: String,
	},
	/// Not enough money.
	#[error("the account has not enough LP to spare for this: {0}")]
	Money(String),
	/// The caller may not do this.
	#[error("this account may not do this")]
	BadOrigin,
	/// Anything else.
	#[error("the call failed: {0}")]
	Other(String),
}

/// Why a node refuses a transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusalReason {
	/// The account can't pay the fee.
	#[error("the account has not enough LP to pay the transaction's fee")]
	CannotPay,
	/// The nonce was used by another transaction of the same account.
	#[error(
		"another transaction of the same account was sent at the same time: is the same key used elsewhere?"
	)]
	Outbid,
	/// The nonce is in the past.
	#[error("the transaction is outdated: is the same key used elsewhere?")]
	Stale,
	/// The signature does not fit.
	#[error(
		"the signature is not accepted: the node has not caught up with the chain, or this software and the chain's runtime \
		 are of different ages"
	)]
	BadProof,
	/// The pool has no room.
	#[error("the node's transaction pool is full: try again, or add a tip")]
	PoolFull,
	/// The node does not say why: most often its pool has not caught up with the chain.
	#[error("the node can't tell whether the transaction is valid: has it caught up with the chain?")]
	Unexplained,
	/// Anything else.
	#[error("{0}")]
	Other(String),
}

impl RefusalReason {
	/// From what a node says.
	pub(crate) fn from_message(message: &str) -> Self {
		let has = |what: &str| message.to_ascii_lowercase().contains(what);
		if has("inability to pay") {
			Self::CannotPay
		} else if has("outdated") || has("stale") {
			Self::Stale
		} else if has("priority is too low") || has("usurped") {
			Self::Outbid
		} else if has("bad signature") || has("bad proof") {
			Self::BadProof
		} else if has("immediately dropped")
			|| has("limit exceeded")
			|| has("pool is full")
			|| has("was dropped")
		{
			Self::PoolFull
		} else if has("transaction is invalid") || has("ancient birth block") {
			Self::Unexplained
		} else {
			Self::Other(message.into())
		}
	}

	/// Whether another nonce may help.
	pub(crate) fn is_about_nonce(&self) -> bool {
		matches!(self, Self::Outbid | Self::Stale)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_nodes_words_are_understood() {
		use RefusalReason::*;
		for (words, reason) in [
			(
				"Invalid Transaction: Inability to pay some fees (e.g. account balance too low)",
				CannotPay,
			),
			("Invalid Transaction: Transaction is outdated", Stale),
			("Priority is too low: (10 vs 10)", Outbid),
			("Invalid Transaction: Transaction has a bad signature", BadProof),
			(
				"Invalid Transaction: Transaction has an ancient birth block",
				Unexplained,
			),
			("Immediately Dropped", PoolFull),
			("quite another thing", Other("quite another thing".into())),
		] {
			assert_eq!(RefusalReason::from_message(words), reason);
		}
	}

	#[test]
	fn errors_say_what_to_do() {
		let e = ClientError::Unreachable {
			urls: "ws://a, ws://b".into(),
			reason: "connection refused".into(),
		};
		let text = e.to_string();
		assert!(
			text.contains("ws://a, ws://b") && text.contains("connection refused") && text.contains("--url"),
			"{text}"
		);
		let e = CallError::Pallet {
			pallet: "Market".into(),
			name: "JobNotFound".into(),
			docs: "There is no such job.".into(),
		};
		assert_eq!(e.to_string(), "There is no such job. (Market::JobNotFound)");
	}
}
