//! Puts the parts together and keeps them running.

use crate::{
	chain::{onchain::OnChain, Block, Chain},
	config::EngineChoice,
	datadir::DataDir,
	executor::{DockerExecutor, Executor, WasmExecutor},
	http,
	journal::Journal,
	mediate::{self, standing::ensure_mediator},
	metrics::Metrics,
	offers::{claim_account, ensure_offer, Ailments, Health},
	p2p::{self, Access, PeerClient, PeerService, RequestSigner},
	pipeline::{house, now_ms, watch, Context, Engines},
	progress::ProgressHub,
	results::BlobStore,
	sources::Sources,
	status, WorkerConfig, WorkerError,
};
use lilypad_client::{
	tasks::{TaskEnded, Tasks},
	Client, ClientConfig,
};
use lilypad_primitives::Millis;
use std::{
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::sync::{mpsc, watch as channel};
use tokio_util::sync::CancellationToken;

/// Matched deals that wait for their task.
const MATCHED: usize = 256;
/// Age of the newest block up to which the node counts as having caught up with the chain.
const YOUNG: Duration = Duration::from_secs(30);
/// How often the newest block is looked at until then.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How often it is said that the node is being waited for.
const TELL_AGAIN: Duration = Duration::from_secs(15);

/// Connects to the chain and runs the worker until `shutdown`, or until it can't go on.
pub async fn run(config: WorkerConfig, shutdown: CancellationToken) -> Result<(), WorkerError> {
	config.check()?;
	let client = ClientConfig {
		expected_genesis: config.expected_genesis.map(Into::into),
		..ClientConfig::with_urls(config.urls.clone())
	};
	let client = Client::connect(&client)
		.await
		.map_err(crate::chain::ChainError::from)?;
	let chain = OnChain::new(client, config.signer.clone()).await?;
	let engines = executors(&config.engine).await?;
	#[cfg(feature = "misbehave")]
	let (chain, engines) = match config.misbehave {
		Some(how) => (chain.cheating(how), crate::misbehave::engines(engines, how)),
		None => (chain, engines),
	};
	let chain = Arc::new(chain);
	if !caught_up(&*chain, now_ms, &shutdown).await? {
		return Ok(());
	}
	run_with(chain, engines, config, shutdown).await
}

/// Waits until the node knows what is going on: until its newest block is young, and it has heard of no newer one. A node that
/// has just started follows a chain whose offers, bonds, deals and announced peers are not there yet. Gives `false` when the
/// shutdown was asked for first.
async fn caught_up(
	chain: &dyn Chain,
	now_ms: impl Fn() -> Millis,
	shutdown: &CancellationToken,
) -> Result<bool, WorkerError> {
	let mut told: Option<Instant> = None;
	loop {
		// In this order: a block that comes between the two has the node wait once more.
		let best = chain.best_block().await?;
		let highest = chain.highest_block().await?;
		let age = Duration::from_millis(now_ms().saturating_sub(best.timestamp));
		if age < YOUNG && best.number >= highest {
			return Ok(true);
		}
		if told.is_none_or(|told| told.elapsed() > TELL_AGAIN) {
			tracing::info!(
				block = best.number,
				highest,
				age_seconds = age.as_secs(),
				"waiting for the node to catch up with the chain"
			);
			told = Some(Instant::now());
		}
		tokio::select! {
			() = shutdown.cancelled() => return Ok(false),
			() = tokio::time::sleep(LOOK_AGAIN) => (),
		}
	}
}

/// The executors that a choice of engine gives: containers first, WebAssembly always.
pub async fn executors(choice: &EngineChoice) -> Result<Engines, WorkerError> {
	let mut all: Vec<Arc<dyn Executor>> = Vec::new();
	let docker = match choice {
		EngineChoice::WasmOnly => None,
		EngineChoice::Docker(endpoint) => {
			let engine = DockerExecutor::connect(endpoint).await;
			Some(engine.map_err(|e| WorkerError::NoExecutor(e.to_string()))?)
		},
		EngineChoice::Auto => match DockerExecutor::discover().await {
			Ok(engine) => Some(engine),
			Err(error) => {
				tracing::warn!(%error, "no containers: only WebAssembly modules can be run");
				None
			},
		},
	};
	if let Some(docker) = docker {
		all.push(Arc::new(docker));
	}
	all.push(Arc::new(
		WasmExecutor::new().map_err(|e| WorkerError::NoExecutor(e.to_string()))?,
	));
	Ok(Engines(all))
}

/// The same on any chain and executors.
pub async fn run_with(
	chain: Arc<dyn Chain>,
	engines: Engines,
	config: WorkerConfig,
	shutdown: CancellationToken,
) -> Result<(), WorkerError> {
	config.check()?;
	// The parts stop together, whether the caller or one of them wants it.
	let shutdown = shutdown.child_token();
	let data = Arc::new(DataDir::open(&config.data_dir)?);
	data.clear_tmp()?;
	let journal = Journal::open(&data.journal())?;
	let blobs = BlobStore::open(&data.blobs()).await?;
	let metrics = Arc::new(Metrics::default());
	let (hub, access, ailments) = (ProgressHub::default(), Access::default(), Ailments::default());
	for (_, hash, _) in blobs.tagged("module/").await? {
		access.publish(hash);
	}

	let endpoint = p2p::bind(data.peer_key()?, config.p2p_listen).await?;
	let signer: Arc<dyn RequestSigner> = Arc::new(config.signer.clone());
	let peers = PeerClient::on(endpoint.clone(), chain.genesis_hash(), Some(signer));
	let arrivals = channel::Sender::new(0);
	let service = PeerService {
		chain: chain.clone(),
		data: data.clone(),
		journal: journal.clone(),
		blobs: blobs.clone(),
		hub: hub.clone(),
		access: access.clone(),
		limits: config.limits.clone(),
		arrivals: arrivals.clone(),
		reserved: Arc::default(),
		#[cfg(feature = "misbehave")]
		withholds: config.misbehave == Some(crate::misbehave::Misbehaviour::Withhold),
	};
	let router = service.serve(endpoint.clone(), shutdown.clone());
	let own = p2p::announced(&endpoint, &config).await;
	let started = async {
		claim_account(&*chain, &journal, &peers, &own, config.take_over).await?;
		if let Some(offer) = &config.offer {
			ensure_offer(&*chain, &journal, &engines, offer).await?;
		}
		if let Some(mediator) = &config.mediator {
			ensure_mediator(&*chain, &engines, mediator).await?;
		}
		chain.best_block().await.map_err(WorkerError::from)
	};
	let first: Block = match started.await {
		Ok(best) => best,
		Err(error) => {
			close(router, &blobs).await;
			return Err(error);
		},
	};
	tracing::info!(account = %chain.account(), peer = %endpoint.id(), executors = ?engines.platforms(), "the worker is up and ready for jobs");

	let (best_sender, best) = channel::channel(first);
	let (matched_sender, matched) = mpsc::channel(MATCHED);
	let (drawn_sender, drawn) = mpsc::channel(MATCHED);
	let sources = Sources {
		chain: chain.clone(),
		data: data.clone(),
		blobs: blobs.clone(),
		peers,
		access: access.clone(),
		limits: config.limits.clone(),
	};
	let ctx = Arc::new(Context {
		chain: chain.clone(),
		data: data.clone(),
		journal: journal.clone(),
		blobs: blobs.clone(),
		engines: engines.clone(),
		sources,
		hub: hub.clone(),
		access: access.clone(),
		metrics: metrics.clone(),
		limits: config.limits.clone(),
		timing: config.timing.clone(),
		best: best.clone(),
		arrivals: arrivals.subscribe(),
	});
	let health = Health {
		chain: chain.clone(),
		journal: journal.clone(),
		engines: engines.clone(),
		data: data.clone(),
		limits: config.limits.clone(),
		metrics: metrics.clone(),
		peer: own.id,
		ailments: ailments.clone(),
		strangers: Default::default(),
	};
	let mut tasks = Tasks::<WorkerError>::new(shutdown.clone());
	tasks.spawn(
		"chain",
		watch::follow_chain(
			chain.clone(),
			best_sender,
			matched_sender,
			drawn_sender,
			shutdown.clone(),
		),
	);
	if let Some(mediator) = &config.mediator {
		tasks.spawn(
			"cases",
			mediate::watch::supervise(ctx.clone(), drawn, shutdown.clone()),
		);
		let standing = mediate::standing::Standing {
			chain: chain.clone(),
			engines: engines.clone(),
			data: data.clone(),
			limits: config.limits.clone(),
			config: mediator.clone(),
		};
		tasks.spawn("standing", standing.watch(config.timing.health, shutdown.clone()));
	}
	tasks.spawn("housekeeping", house::keep(ctx.clone(), shutdown.clone()));
	tasks.spawn("deals", watch::supervise(ctx, matched, shutdown.clone()));
	tasks.spawn("health", health.watch(config.timing.health, shutdown.clone()));
	tasks.spawn("heartbeat", count_blocks(best, metrics.clone(), shutdown.clone()));
	let mut servers = Vec::new();
	if let Some(address) = config.http_listen {
		servers.push(("results over HTTP", address, http::router(blobs.clone(), access)));
	}
	if let Some(address) = config.admin_listen {
		let addresses = own
			.addresses
			.iter()
			.map(|a| String::from_utf8_lossy(a).into_owned())
			.collect();
		let peer = endpoint.id().to_string();
		let source = status::StatusSource {
			chain,
			hub,
			journal,
			engines,
			metrics,
			ailments,
			peer,
			addresses,
		};
		servers.push(("status", address, status::router(source)));
	}
	for (name, address, routes) in servers {
		match http::listen(address).await {
			Ok(listener) => {
				let serving = http::serve(listener, routes, shutdown.clone());
				tasks.spawn(name, async move {
					serving.await.map_err(|e| {
						WorkerError::Task(TaskEnded {
							task: name.into(),
							why: e.to_string(),
						})
					})
				});
			},
			Err(error) => {
				shutdown.cancel();
				// The tasks end by themselves now; why they had to is what matters.
				tasks.run().await.ok();
				close(router, &blobs).await;
				return Err(error);
			},
		}
	}
	let result = tasks.run().await;
	close(router, &blobs).await;
	tracing::info!("the worker has stopped");
	result
}

async fn count_blocks(
	mut best: channel::Receiver<Block>,
	metrics: Arc<Metrics>,
	shutdown: CancellationToken,
) -> Result<(), WorkerError> {
	loop {
		metrics.best_block.set(best.borrow_and_update().number.into());
		tokio::select! {
			changed = best.changed() => if changed.is_err() {
				// The task that sends them says why it ended.
				shutdown.cancelled().await;
				return Ok(());
			},
			() = shutdown.cancelled() => return Ok(()),
		}
	}
}

/// Says goodbye to peers and writes the store to disk.
async fn close(router: iroh::protocol::Router, blobs: &BlobStore) {
	if let Err(error) = router.shutdown().await {
		tracing::debug!(%error, "the peer-to-peer router did not end well");
	}
	if let Err(error) = blobs.shutdown().await {
		tracing::debug!(%error, "the store was closed before");
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::chain::fake::{self, FakeChain};

	#[tokio::test(start_paused = true)]
	async fn a_node_that_knows_of_newer_blocks_has_not_caught_up() {
		let chain = FakeChain::new(fake::provider());
		let shutdown = CancellationToken::new();
		let mined = chain.lock().block().timestamp;
		let wait = |age: Duration| {
			let (chain, shutdown) = (chain.clone(), shutdown.clone());
			async move {
				let now = mined + Millis::try_from(age.as_millis()).expect("seconds");
				let waiting = caught_up(&chain, || now, &shutdown);
				// Tokio's clock jumps whenever there is nothing to do.
				tokio::time::timeout(Duration::from_secs(60), waiting).await
			}
		};
		assert!(matches!(wait(Duration::ZERO).await, Ok(Ok(true))));
		// A block that is too old may be the last before a long gap, even if the node has heard of no other.
		assert!(wait(YOUNG).await.is_err());
		// A young block is not enough: who has announced what is in the blocks after it.
		chain.lock().behind = 1;
		assert!(wait(Duration::ZERO).await.is_err());
		chain.lock().behind = 0;
		assert!(matches!(wait(Duration::ZERO).await, Ok(Ok(true))));

		chain.lock().behind = 1;
		shutdown.cancel();
		assert!(matches!(wait(Duration::ZERO).await, Ok(Ok(false))));
	}
}
