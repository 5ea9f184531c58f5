//! Why the worker can't start or go on.

use crate::{chain::ChainError, journal::JournalError, p2p::P2pError, results::ResultError};
use lilypad_client::tasks::TaskEnded;
use std::path::PathBuf;

/// Why the worker can't start or go on.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
	/// A setting is wrong.
	#[error("the worker's configuration is wrong: {0}")]
	Config(String),
	/// Another worker uses the same folder.
	#[error("another worker uses {0}: give each worker its own data folder")]
	DataDirInUse(PathBuf),
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
	/// The chain.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The journal.
	#[error(transparent)]
	Journal(#[from] JournalError),
	/// Peer to peer.
	#[error(transparent)]
	P2p(#[from] P2pError),
	/// The store of results.
	#[error(transparent)]
	Results(#[from] ResultError),
	/// Another worker that runs now uses the same account.
	#[error(
		"another worker, peer {peer}, is running for the account {account}: stop it first, or use another account here. \
		 Two workers with one key would run each job twice and could lose the collateral"
	)]
	AnotherWorker {
		/// The other worker's peer id.
		peer: String,
		/// The account of both.
		account: String,
	},
	/// Another worker that does not answer for this account, or not at all, has what only it can open.
	#[error(
		"the worker that this account has announced, peer {peer}, does not answer for it, and only its data folder has the results or \
		 votes that were sealed for the deals {deals}. Start it again, or start this one with that folder. If the folder is lost, \
		 start with --take-over (a node: --provider-take-over or --mediator-take-over): these deals are then given up, and fined \
		 as the chain's rules say"
	)]
	HeldElsewhere {
		/// The other worker's peer id.
		peer: String,
		/// The deals' numbers.
		deals: String,
	},
	/// Another worker has taken the account over while this one was running.
	#[error("another worker, peer {0}, has taken this account over: this one stops")]
	TakenOver(String),
	/// A port can't be listened on.
	#[error("can't listen on {address}: {source}")]
	Listen {
		/// The address.
		address: std::net::SocketAddr,
		/// The reason.
		source: std::io::Error,
	},
	/// Nothing can run jobs.
	#[error("no executor is available: {0}")]
	NoExecutor(String),
	/// A task that must not end has ended.
	#[error(transparent)]
	Task(#[from] TaskEnded),
}

impl WorkerError {
	pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
		let path = path.into();
		move |source| Self::Io { what, path, source }
	}
}

/// An error with all its causes, as one line.
pub(crate) fn chain_of(error: &(dyn std::error::Error + 'static)) -> String {
	let mut text = error.to_string();
	let mut source = error.source();
	while let Some(cause) = source {
		let cause_text = cause.to_string();
		if !text.contains(&cause_text) {
			text.push_str(": ");
			text.push_str(&cause_text);
		}
		source = cause.source();
	}
	text
}
