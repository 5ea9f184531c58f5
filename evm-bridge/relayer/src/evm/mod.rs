//! An EVM chain, as one or several RPC endpoints show it.

pub mod abi;
#[cfg(test)]
pub mod fake;
pub mod pool;
mod rpc;

use alloy::{
	primitives::{Address, Bytes, B256, U256},
	rpc::types::Log,
};
use async_trait::async_trait;
use std::time::Duration;

pub use rpc::Rpc;

/// Which block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
	/// The newest.
	Latest,
	/// The newest that the chain calls final.
	Finalized,
	/// The one with this number.
	Number(u64),
}

/// A block's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
	/// Its number.
	pub number: u64,
	/// Its hash.
	pub hash: B256,
	/// Its Unix time in seconds.
	pub time: u64,
	/// What a unit of gas costs at least, in wei; `None` on chains without EIP-1559.
	pub base_fee: Option<u128>,
}

/// Logs to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
	/// The contract.
	pub address: Address,
	/// The first block.
	pub from: u64,
	/// The last block.
	pub to: u64,
	/// Any of these as the first topic.
	pub events: Vec<B256>,
	/// This as the second topic.
	pub subject: Option<B256>,
}

/// A call that is not a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewCall {
	/// Who would send it.
	pub from: Option<Address>,
	/// To which contract.
	pub to: Address,
	/// The call.
	pub data: Bytes,
	/// Its gas limit.
	pub gas: Option<u64>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
	/// Its block.
	pub block: u64,
	/// Whether it succeeded.
	pub success: bool,
	/// Gas that it used.
	pub gas_used: u64,
}

/// Why an endpoint did not do what it was asked for.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EvmError {
	/// Nobody answers, or not in HTTP.
	#[error("it can't be reached: {0}")]
	Unreachable(String),
	/// No answer in time.
	#[error("it did not answer within {0:?}")]
	TimedOut(Duration),
	/// It wants fewer requests.
	#[error("it limits the rate of requests")]
	RateLimited {
		/// How long to wait, if it says so.
		wait: Option<Duration>,
	},
	/// It refuses the request itself.
	#[error("it answers with the error {code}: {message}")]
	Refused {
		/// The code of the JSON-RPC error.
		code: i64,
		/// Its message.
		message: String,
	},
	/// The call reverted. The contract's doing, not the endpoint's.
	#[error("the call reverted with 0x{}", hex::encode(.0))]
	Reverted(Bytes),
	/// What it answers makes no sense.
	#[error("its answer can't be read: {0}")]
	Unreadable(String),
	/// What it answers contradicts itself or other endpoints.
	#[error("it lies or lags behind: {0}")]
	Untrue(String),
	/// No endpoint of the chain can be asked now.
	#[error("no endpoint can be asked now ({0})")]
	Exhausted(String),
	/// The endpoints contradict each other, and none is outvoted.
	#[error(
		"the endpoints name different blocks {number}: {views}. Name a third one, or take out the one that is wrong"
	)]
	Split {
		/// The block's number.
		number: u64,
		/// Who names which.
		views: String,
	},
	/// The endpoints contradict each other about what a contract says in a block, and none is outvoted.
	#[error(
		"{0} contradict each other about what the gateway knows. Name one endpoint more, or take out the one that is wrong"
	)]
	Contradiction(String),
}

impl EvmError {
	/// Whether another endpoint, or the same later, may do better.
	pub fn is_endpoints_fault(&self) -> bool {
		!matches!(self, Self::Reverted(_) | Self::Refused { .. })
	}
}

/// One RPC endpoint. Answers are as good as whoever runs it.
#[async_trait]
pub trait Endpoint: Send + Sync {
	/// What it is called in logs and metrics: no secrets.
	fn name(&self) -> &str;

	/// EIP-155 id of its chain.
	async fn chain_id(&self) -> Result<u64, EvmError>;

	/// A block's head; `None` if it knows no such block.
	async fn head(&self, tag: Tag) -> Result<Option<Head>, EvmError>;

	/// Logs, in order.
	async fn logs(&self, query: &Query) -> Result<Vec<Log>, EvmError>;

	/// What a call gives.
	async fn call(&self, call: &ViewCall, at: Tag) -> Result<Bytes, EvmError>;

	/// Transactions that an account has sent, in the newest block.
	async fn nonce(&self, account: Address) -> Result<u64, EvmError>;

	/// An account's coins, in wei.
	async fn balance(&self, account: Address) -> Result<U256, EvmError>;

	/// What block producers want on top of the base fee, or all that they want where there is none; in wei for a unit of gas.
	async fn tip(&self, has_base_fee: bool) -> Result<u128, EvmError>;

	/// Hands a signed transaction in.
	async fn send(&self, transaction: &Bytes) -> Result<B256, EvmError>;

	/// A transaction's receipt, if it is in a block.
	async fn receipt(&self, transaction: B256) -> Result<Option<Receipt>, EvmError>;
}
