//! Why a relayer can't start or go on.

use crate::{evm::EvmError, journal::JournalError, key::KeyError, market::MarketError, sender::SendError};
use lilypad_client::{tasks::TaskEnded, ClientError};
use std::path::PathBuf;

/// Why a relayer can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RelayerError {
	/// A setting is wrong.
	#[error("the relayer's configuration is wrong: {0}")]
	Config(String),
	/// The key.
	#[error(transparent)]
	Key(#[from] KeyError),
	/// The journal.
	#[error(transparent)]
	Journal(#[from] JournalError),
	/// The market's chain.
	#[error(transparent)]
	Market(#[from] MarketError),
	/// A folder or file can't be used.
	#[error("{what} {path}: {source}")]
	Io {
		/// What was being done.
		what: &'static str,
		/// The path.
		path: PathBuf,
		/// The reason.
		source: std::io::Error,
	},
	/// A port can't be listened on.
	#[error("can't listen on {address}: {source}")]
	Listen {
		/// The address.
		address: std::net::SocketAddr,
		/// The reason.
		source: std::io::Error,
	},
	/// The endpoints are of another chain than the lane's.
	#[error("lane {lane} is for the chain with the id {expected}, but {endpoint} is on chain {found}: name endpoints of the right chain")]
	OtherChain {
		/// The lane.
		lane: u64,
		/// The endpoint.
		endpoint: String,
		/// Its chain.
		found: u64,
		/// The lane's.
		expected: u64,
	},
	/// A task that must not end has ended.
	#[error(transparent)]
	Task(#[from] TaskEnded),
}

impl From<ClientError> for RelayerError {
	fn from(error: ClientError) -> Self {
		Self::Market(error.into())
	}
}

impl RelayerError {
	pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
		let path = path.into();
		move |source| Self::Io { what, path, source }
	}
}

/// Why a step of a lane's work was not done.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
	/// The market's chain.
	#[error("the market's chain: {0}")]
	Market(#[from] MarketError),
	/// The EVM chain.
	#[error("the EVM chain: {0}")]
	Evm(#[from] EvmError),
	/// A transaction.
	#[error("the EVM chain: {0}")]
	Send(SendError),
	/// The journal.
	#[error(transparent)]
	Journal(#[from] JournalError),
	/// The key.
	#[error("the key: {0}")]
	Key(#[from] alloy::signers::Error),
}

impl From<SendError> for LaneError {
	fn from(error: SendError) -> Self {
		match error {
			SendError::Journal(error) => Self::Journal(error),
			other => Self::Send(other),
		}
	}
}

impl LaneError {
	/// Whether the relayer can't go on, because what it decides could not be written down, or its node shows another chain
	/// than before.
	pub fn is_fatal(&self) -> bool {
		match self {
			// One batch is left alone; the others are not concerned.
			Self::Journal(JournalError::SignedOther { .. }) => false,
			Self::Journal(_) => true,
			Self::Market(error) => !error.is_transient(),
			Self::Evm(_) | Self::Send(_) | Self::Key(_) => false,
		}
	}
}
