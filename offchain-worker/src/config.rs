//! What an operator can set.

use crate::{chain::NewOffer, WorkerError};
use lilypad_client::Signer;
use lilypad_primitives::{offer::MAX_PEER_ADDRESS, Balance, MachineSpec};
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// One mebibyte.
pub const MIB: u64 = 1024 * 1024;

/// What runs containers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineChoice {
	/// The first engine that answers; WASM only when there is none.
	#[default]
	Auto,
	/// The engine at this address (`unix:///var/run/docker.sock`).
	Docker(String),
	/// No containers.
	WasmOnly,
}

/// The offer that the worker posts when its account has none.
#[derive(Clone, Debug)]
pub struct OfferConfig {
	/// The offer. Empty `platforms` stand for whatever the executors can run.
	pub offer: NewOffer,
	/// The bond to have, at least.
	pub bond: Balance,
	/// Whether to resume offers that are paused at start. The chain pauses a provider's offers when it fails a job, so a
	/// worker that is restarted over and over should not resume them by itself.
	pub resume: bool,
}

/// A mediator, as its operator wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediatorConfig {
	/// The machine that each run gets.
	pub machine: MachineSpec,
	/// Most cases at a time.
	pub slots: u32,
	/// Tickets to have, at least. Each puts its price on hold, and has the same chance in every draw.
	pub tickets: u32,
}

/// Limits on what others can make the worker store or do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
	/// Most bytes of module archives and code kept for others, in all.
	pub module_cache_bytes: u64,
	/// Most bytes of one uploaded or fetched archive.
	pub max_archive_bytes: u64,
	/// Most bytes of input files of one job.
	pub max_input_bytes: u64,
	/// Free disk space below which no new work is taken.
	pub min_free_bytes: u64,
	/// How long results are served after their deal has ended.
	pub retention: Duration,
	/// Connections from peers at the same time, of each protocol. Strangers make room for others.
	pub max_connections: usize,
}

impl Default for Limits {
	fn default() -> Self {
		Self {
			module_cache_bytes: 20 * 1024 * MIB,
			max_archive_bytes: 4 * 1024 * MIB,
			max_input_bytes: 4 * 1024 * MIB,
			min_free_bytes: 512 * MIB,
			retention: Duration::from_secs(7 * 24 * 3600),
			max_connections: 256,
		}
	}
}

/// The times that the pipeline goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
	/// A job that ends within this time is submitted without an acknowledgement of its own, which saves a block.
	pub quick_run: Duration,
	/// Blocks to leave the creator, once a seal may be opened, to accept the result before the worker reveals it.
	pub reveal_grace: u32,
	/// Blocks before a deadline at which a step that depends on it is given up.
	pub deadline_margin: u32,
	/// Blocks before the end of the time to commit at which a mediator says what it knows.
	pub commit_margin: u32,
	/// Blocks for which a deal must be gone before its run is stopped and its files removed: it may have vanished only
	/// because the chain changes branches.
	pub gone_blocks: u32,
	/// How often everything is compared with the chain, even if no event asked for it.
	pub reconcile: Duration,
	/// Wait before a failed step is tried again, at first; doubles up to a minute.
	pub retry: Duration,
	/// How often executors and disk are looked at.
	pub health: Duration,
}

impl Default for Timing {
	fn default() -> Self {
		Self {
			quick_run: Duration::from_millis(1500),
			reveal_grace: 3,
			deadline_margin: 1,
			commit_margin: 5,
			gone_blocks: 3,
			reconcile: Duration::from_secs(30),
			retry: Duration::from_millis(500),
			health: Duration::from_secs(10),
		}
	}
}

/// Everything that the worker needs to know.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
	/// Nodes to talk to (`ws://127.0.0.1:9944`), in order of preference.
	pub urls: Vec<String>,
	/// The chain that they must be on.
	pub expected_genesis: Option<[u8; 32]>,
	/// The provider's key.
	pub signer: Signer,
	/// Where journal, keys and blobs are kept.
	pub data_dir: PathBuf,
	/// What runs containers.
	pub engine: EngineChoice,
	/// Where results are served over HTTP.
	pub http_listen: Option<SocketAddr>,
	/// Where peers connect (UDP); any free port when not set.
	pub p2p_listen: Option<SocketAddr>,
	/// Addresses under which the chain announces this worker; those of its own interfaces when empty.
	pub public_addresses: Vec<String>,
	/// Where status and metrics are served: a loopback address.
	pub admin_listen: Option<SocketAddr>,
	/// Whether to take the account over from a worker that does not answer even where that one has sealed results or votes
	/// which then nobody can open.
	pub take_over: bool,
	/// The offer to post.
	pub offer: Option<OfferConfig>,
	/// The mediator to be, if any.
	pub mediator: Option<MediatorConfig>,
	/// How to cheat, for tests of verification.
	#[cfg(feature = "misbehave")]
	pub misbehave: Option<crate::misbehave::Misbehaviour>,
	/// Limits.
	pub limits: Limits,
	/// Times.
	pub timing: Timing,
}

impl WorkerConfig {
	/// A configuration with defaults for everything that has one.
	pub fn new(urls: Vec<String>, signer: Signer, data_dir: PathBuf) -> Self {
		Self {
			urls,
			expected_genesis: None,
			signer,
			data_dir,
			engine: EngineChoice::Auto,
			http_listen: None,
			p2p_listen: None,
			public_addresses: Vec::new(),
			admin_listen: None,
			take_over: false,
			offer: None,
			mediator: None,
			#[cfg(feature = "misbehave")]
			misbehave: None,
			limits: Limits::default(),
			timing: Timing::default(),
		}
	}

	/// Finds settings that contradict each other or can't work.
	pub fn check(&self) -> Result<(), WorkerError> {
		let wrong = |why: String| Err(WorkerError::Config(why));
		if self.urls.is_empty() {
			return wrong("no node is named: give at least one url, for instance ws://127.0.0.1:9944".into());
		}
		if let Some(address) = self.admin_listen {
			if !address.ip().is_loopback() {
				return wrong(format!(
					"status must be served on a loopback address, not on {address}"
				));
			}
		}
		for address in &self.public_addresses {
			if address.len() > MAX_PEER_ADDRESS as usize {
				return wrong(format!(
					"the public address '{address}' is longer than {MAX_PEER_ADDRESS} bytes"
				));
			}
			if address.parse::<SocketAddr>().is_err() {
				return wrong(format!(
					"the public address '{address}' is not of the form 203.0.113.7:4433"
				));
			}
		}
		if let Some(mediator) = &self.mediator {
			if mediator.tickets == 0 || mediator.slots == 0 || !mediator.machine.is_usable() {
				return wrong("a mediator needs a machine, and at least one slot and one ticket".into());
			}
		}
		if self.limits.max_archive_bytes > self.limits.module_cache_bytes {
			return wrong("one archive may be larger than the whole cache of archives".into());
		}
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn config() -> WorkerConfig {
		let signer = Signer::from_suri("//Alice").expect("a development key");
		WorkerConfig::new(vec!["ws://127.0.0.1:9944".into()], signer, "x".into())
	}

	#[test]
	fn defaults_are_accepted() {
		config().check().expect("they are consistent");
	}

	#[test]
	fn wrong_settings_are_named() {
		let says = |change: fn(&mut WorkerConfig), part: &str| {
			let mut config = config();
			change(&mut config);
			let text = config.check().expect_err("it is wrong").to_string();
			assert!(text.contains(part), "{text}");
		};
		says(|c| c.urls.clear(), "no node is named");
		says(|c| c.admin_listen = Some(([0, 0, 0, 0], 1).into()), "loopback");
		says(
			|c| c.public_addresses = vec!["example.org".into()],
			"203.0.113.7:4433",
		);
		says(|c| c.limits.max_archive_bytes = u64::MAX, "cache");
	}
}
