//! Running a job at home, with a provider's own executors and rules of outputs: to check a result before paying for it, and
//! a module before publishing it.

use crate::{
	chain::{onchain::OnChain, Chain, ChainError},
	config::Limits,
	datadir::DataDir,
	executor::{self, remove_scratch, Conditions, ExecError, InputMount, PreparedSource, RunId},
	output::{collect, Collected},
	p2p::{Access, P2pError, PeerClient, RequestSigner},
	pipeline::{run::of_manifest, Engines},
	results::{BlobStore, ResultError},
	sources::{FetchError, Sources, TempFile},
	WorkerError,
};
use lilypad_client::{Client, Module, Signer};
use lilypad_primitives::{manifest::Manifest, MachineSpec, Millis, RuntimeImage};
use std::{
	path::{Path, PathBuf},
	sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// Why a job was not run here. Never the job's own fault.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
	/// The job is not what its module takes.
	#[error("the job can't be run: {0}")]
	Job(String),
	/// The executor.
	#[error(transparent)]
	Exec(#[from] ExecError),
	/// The image or code.
	#[error(transparent)]
	Fetch(#[from] FetchError),
	/// The folder.
	#[error(transparent)]
	Worker(#[from] WorkerError),
	/// The chain.
	#[error(transparent)]
	Chain(#[from] ChainError),
	/// The peer-to-peer endpoint.
	#[error(transparent)]
	Peer(#[from] P2pError),
	/// The store of modules.
	#[error(transparent)]
	Store(#[from] ResultError),
}

/// A job to be run here.
#[derive(Clone, Debug)]
pub struct LocalJob {
	/// Its module.
	pub manifest: Manifest,
	/// What is run.
	pub image: RuntimeImage,
	/// Where that comes from.
	pub source: PreparedSource,
	/// The inputs, as canonical JSON.
	pub inputs: Vec<u8>,
	/// The input files, by the names that the manifest gives them.
	pub files: Vec<(String, PathBuf)>,
	/// The machine.
	pub spec: MachineSpec,
	/// What it can see of this machine.
	pub conditions: Conditions,
	/// Longest run.
	pub time_limit: Millis,
}

/// Runs a job in a folder that does not exist yet. The files of the result stay there.
/// Cancelling kills the run.
pub async fn run(
	engines: &Engines,
	job: &LocalJob,
	folder: &Path,
	cancel: CancellationToken,
) -> Result<Collected, LocalError> {
	let engine = engines.get(job.image.platform())?;
	if !engine.has(&job.image).await? {
		let progress = executor::ProgressSender::new(executor::Progress::default());
		engine.prepare(&job.source, &progress).await?;
	}
	let values = job
		.manifest
		.inputs_from_json(&job.inputs)
		.map_err(|e| LocalError::Job(e.to_string()))?;
	let mut inputs = Vec::new();
	for (name, file) in &job.files {
		let schema = job.manifest.files.iter().find(|schema| schema.name == *name);
		let schema = schema.ok_or_else(|| LocalError::Job(format!("the module takes no file '{name}'")))?;
		inputs.push(InputMount {
			path: schema.path.clone(),
			file: file.clone(),
		});
	}
	std::fs::create_dir_all(folder).map_err(WorkerError::io("can't create the folder", folder))?;
	let mut request = of_manifest(&job.manifest, job.image, &values, job.spec.clone(), folder.into())?;
	request.run_id = RunId::new(format!("lilypad-check-{:016x}", rand::random::<u64>()))?;
	request.conditions = job.conditions;
	request.inputs = inputs;
	request.time_limit = job.time_limit;
	let running = engine.run(&request, cancel).await;
	let collected = match running {
		Ok(outcome) => collect(&outcome, &request.verified, &request.limits).await,
		Err(error) => Err(error),
	};
	// What was found is what matters; an engine that does not answer keeps a container that has ended.
	engine.cleanup(&request.run_id).await.ok();
	Ok(collected?)
}

/// Removes the folder of a run, whatever the program has left there.
pub fn remove(folder: &Path) -> std::io::Result<()> {
	match folder.exists() {
		true => remove_scratch(folder),
		false => Ok(()),
	}
}

/// A module's image or code, fetched from whoever has it.
pub struct Fetched {
	/// Where it is.
	pub source: PreparedSource,
	/// It lasts as long as this.
	_file: Option<TempFile>,
	blobs: BlobStore,
	peers: PeerClient,
}

impl Fetched {
	/// Closes what fetching has opened.
	pub async fn close(self) {
		self.peers.close().await;
		if let Err(error) = self.blobs.shutdown().await {
			tracing::debug!(%error, "the store of modules was closed before");
		}
	}
}

/// Fetches a module's image or code from providers or its registry, into a folder where it is kept for the next time.
pub async fn fetch_module(
	client: &Client,
	signer: &Signer,
	folder: &Path,
	module: &Module,
	manifest: &Manifest,
	progress: impl Fn(u64, u64),
) -> Result<Fetched, LocalError> {
	let chain: Arc<dyn Chain> = Arc::new(OnChain::new(client.clone(), signer.clone()).await?);
	let data = Arc::new(DataDir::open(folder)?);
	data.clear_tmp()?;
	let blobs = BlobStore::open(&data.blobs()).await?;
	let signer: Arc<dyn RequestSigner> = Arc::new(signer.clone());
	let peers = PeerClient::bind(chain.genesis_hash(), Some(signer)).await?;
	let sources = Sources {
		chain,
		data,
		blobs: blobs.clone(),
		peers: peers.clone(),
		access: Access::default(),
		limits: Limits::default(),
	};
	let found = sources.module(module.id, &module.info, manifest, progress).await;
	match found {
		Ok((source, file)) => Ok(Fetched {
			source,
			_file: file,
			blobs,
			peers,
		}),
		Err(error) => {
			peers.close().await;
			// What went wrong before is what matters.
			blobs.shutdown().await.ok();
			Err(error.into())
		},
	}
}

/// What differs between two runs of the same job that should have given the same.
pub fn differences(one: &Collected, other: &Collected) -> Vec<String> {
	let mut found = Vec::new();
	if one.triple.status != other.triple.status {
		found.push(format!(
			"the status: {} and {}",
			one.triple.status, other.triple.status
		));
	}
	if one.triple.exit_code != other.triple.exit_code {
		found.push(format!(
			"the exit code: {} and {}",
			one.triple.exit_code, other.triple.exit_code
		));
	}
	for entry in &one.entries {
		match other.entries.iter().find(|e| e.name == entry.name) {
			None => found.push(format!("'{}' is there once only", entry.name)),
			Some(twin) if twin.hash != entry.hash => found.push(format!(
				"the content of '{}'{}",
				entry.name,
				first_difference(&entry.path, &twin.path)
			)),
			Some(_) => (),
		}
	}
	for entry in &other.entries {
		if !one.entries.iter().any(|e| e.name == entry.name) {
			found.push(format!("'{}' is there once only", entry.name));
		}
	}
	found
}

/// Where two files differ, and a few bytes of each from there.
fn first_difference(one: &Path, other: &Path) -> String {
	const MOST: u64 = 16 * 1024 * 1024;
	let read = |path: &Path| {
		use std::io::Read;
		let mut bytes = Vec::new();
		let file = std::fs::File::open(path).ok()?;
		file.take(MOST).read_to_end(&mut bytes).ok()?;
		Some(bytes)
	};
	let (Some(a), Some(b)) = (read(one), read(other)) else {
		return String::new();
	};
	let at = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
	let shown = |bytes: &[u8]| {
		let part = &bytes[at.min(bytes.len())..(at + 40).min(bytes.len())];
		String::from_utf8_lossy(part).escape_debug().to_string()
	};
	format!(", from byte {at} on: \"{}\" and \"{}\"", shown(&a), shown(&b))
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{output::OutputEntry, results::collection_root};
	use lilypad_primitives::{Status, Triple};

	fn collected(dir: &Path, files: &[(&str, &str)], exit_code: i32) -> Collected {
		let entries: Vec<_> = files
			.iter()
			.map(|(name, text)| {
				let hash = *blake3::hash(text.as_bytes()).as_bytes();
				let path = dir.join(hex::encode(hash));
				std::fs::write(&path, text).expect("written");
				OutputEntry {
					name: (*name).into(),
					path,
					hash,
					size: text.len() as u64,
				}
			})
			.collect();
		Collected {
			triple: Triple {
				status: Status::Completed,
				exit_code,
				root: collection_root(entries.iter().map(|e| (e.name.as_str(), e.hash))),
			},
			exit_code,
			usage: 1,
			entries,
			sidecar: vec![],
			detail: None,
		}
	}

	#[test]
	fn what_differs_is_named() {
		let dir = tempfile::tempdir().expect("a folder");
		let one = collected(dir.path(), &[("outputs/a", "1"), ("stdout", "it is 12:00\n")], 0);
		let same = collected(dir.path(), &[("outputs/a", "1"), ("stdout", "it is 12:00\n")], 0);
		assert_eq!(differences(&one, &same), Vec::<String>::new());
		let other = collected(dir.path(), &[("outputs/b", "1"), ("stdout", "it is 12:01\n")], 3);
		assert_eq!(
			differences(&one, &other),
			[
				"the exit code: 0 and 3",
				"'outputs/a' is there once only",
				"the content of 'stdout', from byte 10 on: \"0\\n\" and \"1\\n\"",
				"'outputs/b' is there once only",
			]
		);
	}
}
