//! The pipeline against a fake chain and a fake executor, and a real journal and store.

mod crashes;
mod health;
mod life;
mod mediator;

use super::{driver::drive, Context, Engines};
use crate::{
	chain::fake::{self, FakeChain},
	config::{Limits, Timing},
	datadir::DataDir,
	executor::*,
	journal::{DealRecord, Journal},
	p2p::{self, Access, PeerClient},
	progress::ProgressHub,
	results::BlobStore,
	sources::Sources,
	WorkerError,
};
use lilypad_primitives::{DealId, Millis, Platform, RuntimeImage, Status, VersionId};
use std::{
	collections::BTreeMap,
	path::Path,
	sync::{
		atomic::{AtomicBool, AtomicI64, Ordering},
		Arc, Mutex,
	},
	time::Duration,
};
use tokio::sync::{watch as channel, Notify};
use tokio_util::sync::CancellationToken;

pub(crate) const DEAL: DealId = DealId(5);
const CODE: [u8; 32] = [8; 32];

/// A place where a test can stop the worker for ever, as a crash would.
#[derive(Clone, Default)]
pub(crate) struct Gate(Option<Arc<(AtomicI64, Notify)>>);

impl Gate {
	/// Lets `passes` through and stops whoever comes after.
	fn after(passes: i64) -> Self {
		Self(Some(Arc::new((AtomicI64::new(passes), Notify::new()))))
	}

	pub(crate) async fn pass(&self) {
		if let Some(gate) = &self.0 {
			if gate.0.fetch_sub(1, Ordering::SeqCst) <= 0 {
				gate.1.notify_one();
				std::future::pending::<()>().await;
			}
		}
	}

	async fn stopped(&self) {
		match &self.0 {
			Some(gate) => gate.1.notified().await,
			None => std::future::pending().await,
		}
	}
}

/// Containers that outlive the worker.
#[derive(Default)]
struct Runs {
	/// By name, until when somebody may be waiting for it.
	alive: BTreeMap<String, Option<u64>>,
	starts: u32,
	cleanups: u32,
	cancelled: u32,
	/// How long each runs.
	lasts: Duration,
	/// Whether the engine answers.
	down: bool,
	/// Whether it refuses to make containers.
	refuses: bool,
	/// Fail that many times in the middle of a run.
	interruptions: u32,
	/// The command of the last run.
	command: Vec<String>,
	/// Usage to report.
	usage: Millis,
	/// Whether what a run needs is measured.
	measures: bool,
	/// What the program needs, in MiB of memory.
	needs: u32,
}

#[derive(Clone)]
struct FakeExecutor {
	runs: Arc<Mutex<Runs>>,
	gate: Gate,
	/// Whether this life of the worker has made sure of the code: compiled code does not outlive it.
	ready: Arc<AtomicBool>,
}

impl FakeExecutor {
	fn with<T>(&self, f: impl FnOnce(&mut Runs) -> T) -> T {
		f(&mut self.runs.lock().expect("no panic while it was held"))
	}

	fn unavailable() -> ExecError {
		ExecError::EngineUnavailable {
			endpoint: "fake".into(),
			why: "the test says so".into(),
		}
	}
}

#[async_trait::async_trait]
impl Executor for FakeExecutor {
	fn platforms(&self) -> Vec<Platform> {
		if self.with(|runs| runs.down) {
			vec![]
		} else {
			vec![Platform::Wasm]
		}
	}

	fn describe(&self) -> String {
		"fake".into()
	}

	async fn health(&self) -> Result<(), ExecError> {
		if self.with(|runs| runs.down) {
			Err(Self::unavailable())
		} else {
			Ok(())
		}
	}

	async fn has(&self, _: &RuntimeImage) -> Result<bool, ExecError> {
		self.health().await?;
		self.ready.store(true, Ordering::SeqCst);
		Ok(true)
	}

	async fn prepare(&self, _: &PreparedSource, _: &ProgressSender) -> Result<(), ExecError> {
		Ok(())
	}

	async fn run(&self, request: &RunRequest, cancel: CancellationToken) -> Result<RunOutcome, ExecError> {
		self.health().await?;
		self.gate.pass().await;
		let name = request.run_id.to_string();
		let known = self.with(|runs| runs.alive.contains_key(&name));
		if !known && !self.ready.load(Ordering::SeqCst) {
			return Err(ExecError::NotPrepared(name));
		}
		if self.with(|runs| runs.refuses) {
			let why = "it does not like the folder to work in".into();
			return Err(ExecError::NotCreated { why });
		}
		let lasts = self.with(|runs| {
			if runs.alive.insert(name.clone(), None).is_none() {
				runs.starts += 1;
				runs.command = request.command.clone();
			}
			runs.lasts
		});
		std::fs::write(request.stdout_file(), b"moo\n").expect("written");
		std::fs::write(request.stderr_file(), b"hm\n").expect("written");
		self.gate.pass().await;
		tokio::select! {
			() = tokio::time::sleep(lasts) => (),
			() = cancel.cancelled() => {
				self.with(|runs| runs.cancelled += 1);
				return Err(ExecError::Cancelled);
			},
		}
		if self.with(|runs| {
			runs.interruptions
				.checked_sub(1)
				.map(|left| runs.interruptions = left)
				.is_some()
		}) {
			return Err(Self::unavailable());
		}
		self.gate.pass().await;
		let (usage, measures, needs) = self.with(|runs| (runs.usage, runs.measures, runs.needs));
		Ok(RunOutcome {
			status: match needs > request.spec.ram_mib {
				true => Status::MemoryExceeded,
				false => Status::Completed,
			},
			exit_code: 0,
			usage,
			stdout: request.stdout_file(),
			stderr: request.stderr_file(),
			outputs: request.outputs_dir(),
			memory: match measures {
				true => MemoryNeed::Exactly(u64::from(needs) << 20),
				false => MemoryNeed::Unknown,
			},
			peak_disk: Some(0),
			detail: None,
		})
	}

	async fn adopt(
		&self,
		request: &RunRequest,
		cancel: CancellationToken,
	) -> Result<Option<RunOutcome>, ExecError> {
		match self.with(|runs| runs.alive.contains_key(request.run_id.as_str())) {
			true => self.run(request, cancel).await.map(Some),
			false => Ok(None),
		}
	}

	async fn cleanup(&self, run: &RunId) -> Result<(), ExecError> {
		self.gate.pass().await;
		self.with(|runs| {
			runs.alive.remove(run.as_str());
			runs.cleanups += 1;
		});
		Ok(())
	}

	async fn list_runs(&self) -> Result<Vec<RunInfo>, ExecError> {
		let info = |(name, until): (&String, &Option<u64>)| {
			Ok(RunInfo {
				run_id: RunId::new(name.clone())?,
				running: true,
				until: *until,
			})
		};
		self.with(|runs| runs.alive.iter().map(info).collect())
	}
}

/// Everything that outlives a worker.
struct World {
	dir: tempfile::TempDir,
	chain: FakeChain,
	executor: FakeExecutor,
	timing: Timing,
	limits: Limits,
}

/// One life of a worker.
struct Life {
	ctx: Arc<Context>,
	arrivals: channel::Sender<u64>,
	follower: tokio::task::JoinHandle<()>,
}

impl World {
	fn new() -> Self {
		let chain = FakeChain::new(fake::provider());
		chain.lock().modules.insert(VersionId(0), fake::module(CODE, 10));
		let runs = Runs {
			lasts: Duration::from_millis(20),
			usage: 20,
			measures: true,
			needs: 1,
			..Runs::default()
		};
		Self {
			dir: tempfile::tempdir().expect("a folder"),
			chain,
			executor: FakeExecutor {
				runs: Arc::new(Mutex::new(runs)),
				gate: Gate::default(),
				ready: Arc::default(),
			},
			timing: Timing {
				quick_run: Duration::from_secs(1),
				gone_blocks: 0,
				retry: Duration::from_millis(10),
				reconcile: Duration::from_millis(500),
				..Timing::default()
			},
			limits: Limits {
				min_free_bytes: 0,
				..Limits::default()
			},
		}
	}

	/// Mines blocks until dropped.
	fn mine(&self, every: Duration) -> Miner {
		let chain = self.chain.clone();
		Miner(tokio::spawn(async move {
			loop {
				tokio::time::sleep(every).await;
				chain.mine(vec![]);
			}
		}))
	}

	/// The folder, once the tasks of the life before have let it go.
	async fn open_data(&self) -> DataDir {
		for _ in 0..500 {
			match DataDir::open(self.dir.path()) {
				Err(WorkerError::DataDirInUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
				opened => return opened.expect("a folder"),
			}
		}
		panic!("the folder stays in use");
	}

	async fn start(&self, gate: Gate) -> Life {
		let chain = Arc::new(self.chain.with_gate(gate.clone()));
		let data = Arc::new(self.open_data().await);
		let blobs = BlobStore::open(&data.blobs()).await.expect("opened");
		let endpoint = p2p::bind(data.peer_key().expect("a key"), None)
			.await
			.expect("an endpoint");
		let access = Access::default();
		let (best_sender, best) = channel::channel(self.chain.lock().block());
		let arrivals = channel::Sender::new(0);
		let sources = Sources {
			chain: chain.clone(),
			data: data.clone(),
			blobs: blobs.clone(),
			peers: PeerClient::on(endpoint, [7; 32], None),
			access: access.clone(),
			limits: self.limits.clone(),
		};
		let executor = FakeExecutor {
			gate,
			ready: Arc::default(),
			..self.executor.clone()
		};
		let ctx = Arc::new(Context {
			chain: chain.clone(),
			journal: Journal::open(&data.journal()).expect("opened"),
			data,
			blobs,
			engines: Engines(vec![Arc::new(executor)]),
			sources,
			hub: ProgressHub::default(),
			access,
			metrics: Arc::default(),
			limits: self.limits.clone(),
			timing: self.timing.clone(),
			best,
			arrivals: arrivals.subscribe(),
		});
		let (matched, mut deals) = tokio::sync::mpsc::channel(100);
		let follower = tokio::spawn(async move {
			let follow = super::watch::follow_chain(
				chain,
				best_sender,
				matched,
				tokio::sync::mpsc::channel(1).0,
				CancellationToken::new(),
			);
			tokio::join!(follow, async { while deals.recv().await.is_some() {} })
				.0
				.ok();
		});
		Life {
			ctx,
			arrivals,
			follower,
		}
	}
}

struct Miner(tokio::task::JoinHandle<()>);

impl Drop for Miner {
	fn drop(&mut self) {
		self.0.abort();
	}
}

impl Life {
	/// Drives the deal to its end, or until the gate stops it. Says whether it came to the end.
	async fn drive(&self, gate: &Gate) -> bool {
		let driving = tokio::spawn(drive(self.ctx.clone(), DEAL));
		let abort = driving.abort_handle();
		let ended = tokio::select! {
			ended = driving => { ended.expect("no panic"); true },
			() = gate.stopped() => false,
			() = tokio::time::sleep(Duration::from_secs(30)) => panic!("the deal does not come to its end"),
		};
		abort.abort();
		ended
	}

	fn record(&self) -> Option<DealRecord> {
		self.ctx.journal.get(DEAL).expect("readable")
	}

	async fn end(self) {
		self.follower.abort();
		// Whoever was stopped holds nothing that matters any more.
		tokio::task::yield_now().await;
		self.ctx.blobs.shutdown().await.expect("closed");
		self.ctx.sources.peers.close().await;
		let weak = Arc::downgrade(&self.ctx);
		drop(self);
		for _ in 0..200 {
			if weak.strong_count() == 0 {
				return;
			}
			tokio::time::sleep(Duration::from_millis(5)).await;
		}
		panic!("the stopped worker still holds its journal");
	}
}

fn count(world: &World, which: fn(&crate::chain::Call) -> bool) -> usize {
	world.chain.lock().calls.iter().filter(|call| which(call)).count()
}

fn path_exists(world: &World, name: &str) -> bool {
	Path::new(world.dir.path())
		.join(name)
		.read_dir()
		.is_ok_and(|mut entries| entries.next().is_some())
}
