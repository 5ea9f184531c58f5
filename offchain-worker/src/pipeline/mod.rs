//! From a match to a settled deal.
//!
//! [`decide`] says what is next, [`driver`] does it, one task per deal, and [`watch`] starts a driver for each deal. What a
//! driver needs from outside stands behind traits, and every step is journalled before it is taken.

pub mod decide;
pub mod driver;
pub mod house;
pub mod prepare;
pub mod run;
pub mod seal;
pub mod watch;

#[cfg(test)]
pub(crate) mod tests;

use crate::{
	chain::{Block, Chain, ChainError, Deal},
	config::{Limits, Timing},
	datadir::{is_disk_full, DataDir},
	executor::{ExecError, Executor, RunId},
	journal::{Journal, JournalError},
	metrics::Metrics,
	p2p::Access,
	progress::ProgressHub,
	results::{BlobStore, ResultError},
	sources::{FetchError, Sources},
	AccountId,
};
use codec::Encode;
use lilypad_primitives::{Job, Millis, Platform};
use std::{
	sync::Arc,
	time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::watch as channel;

/// What drivers share.
pub struct Context {
	/// The chain.
	pub chain: Arc<dyn Chain>,
	/// The worker's folder.
	pub data: Arc<DataDir>,
	/// What has been decided.
	pub journal: Journal,
	/// Where files and results are kept.
	pub blobs: BlobStore,
	/// What runs jobs.
	pub engines: Engines,
	/// Where images come from.
	pub sources: Sources,
	/// What deals are doing.
	pub hub: ProgressHub,
	/// Who may fetch which blob.
	pub access: Access,
	/// Counts.
	pub metrics: Arc<Metrics>,
	/// Limits.
	pub limits: Limits,
	/// Times.
	pub timing: Timing,
	/// The best block.
	pub best: channel::Receiver<Block>,
	/// Counts the files that have arrived.
	pub arrivals: channel::Receiver<u64>,
}

impl Context {
	/// Name of a run of this worker's, for a deal or a case. Others on the same engine are told apart by the keys of their
	/// folders, even if they act for the same account on a chain that was started anew.
	pub(crate) fn run_name(&self, purpose: &str) -> Result<RunId, ExecError> {
		let (worker, genesis) = (self.sources.peers.id(), self.chain.genesis_hash());
		let short = |bytes: &[u8; 32]| hex::encode(&bytes[..4]);
		RunId::new(format!(
			"lilypad-{}-{}-{purpose}",
			short(worker.as_bytes()),
			short(&genesis)
		))
	}
}

/// What runs jobs, in order of preference.
#[derive(Clone, Default)]
pub struct Engines(pub Vec<Arc<dyn Executor>>);

impl Engines {
	/// One that runs this now.
	pub fn get(&self, platform: Platform) -> Result<Arc<dyn Executor>, ExecError> {
		let found = self
			.0
			.iter()
			.find(|engine| engine.platforms().contains(&platform));
		found.cloned().ok_or_else(|| ExecError::NoEngine {
			tried: self.0.iter().map(|e| e.describe()).collect(),
		})
	}

	/// Everything that can be run now.
	pub fn platforms(&self) -> Vec<Platform> {
		let mut all = self
			.0
			.iter()
			.flat_map(|engine| engine.platforms())
			.collect::<Vec<_>>();
		all.sort();
		all.dedup();
		all
	}
}

/// Why a step was not taken. It is tried again for as long as that can help.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
	/// The chain.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The journal.
	#[error(transparent)]
	Journal(#[from] JournalError),
	/// The executor.
	#[error(transparent)]
	Exec(#[from] ExecError),
	/// The store.
	#[error(transparent)]
	Results(#[from] ResultError),
	/// The image or code.
	#[error(transparent)]
	Fetch(#[from] FetchError),
	/// Input files.
	#[error("{0} of the creator's files have not arrived yet")]
	AwaitingFiles(usize),
	/// Fetching takes longer than the deal leaves time for.
	#[error("image and inputs could not be fetched in the time that the deal leaves")]
	TooSlow,
	/// A file or folder.
	#[error("{what} {path}: {source}")]
	Io {
		/// What was being done.
		what: &'static str,
		/// The path.
		path: std::path::PathBuf,
		/// The reason.
		source: std::io::Error,
	},
}

impl StepError {
	/// Whether image or inputs are not to be had, or no container can be made of them, which is no fault of this worker's.
	pub fn is_unfetchable(&self) -> bool {
		match self {
			Self::AwaitingFiles(_)
			| Self::TooSlow
			| Self::Exec(ExecError::Image(_) | ExecError::NotCreated { .. }) => true,
			Self::Fetch(error) => matches!(error, FetchError::NotFound { .. } | FetchError::TooLarge { .. }),
			_ => false,
		}
	}

	/// Whether the disk is full.
	pub fn is_disk_full(&self) -> bool {
		match self {
			Self::Results(ResultError::DiskFull)
			| Self::Fetch(FetchError::Store(ResultError::DiskFull))
			| Self::Exec(ExecError::DiskFull { .. }) => true,
			Self::Journal(error) => error.is_disk_full(),
			Self::Io { source, .. } => is_disk_full(source),
			_ => false,
		}
	}
}

/// Now, in milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> Millis {
	let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

/// Hash of everything that a deal is about.
pub(crate) fn subject_of(deal: &Deal, job: &Job<AccountId>) -> [u8; 32] {
	let Deal {
		id,
		job: job_id,
		offer,
		terms,
		..
	} = deal;
	sp_crypto_hashing::blake2_256(
		&(id, job_id, offer, terms, job.version, &job.creator, &job.request).encode(),
	)
}
