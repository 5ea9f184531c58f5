//! Puts the parts together and keeps them running.

use crate::{
	config::{LaneConfig, RelayerConfig},
	evm::{pool::Pool, Endpoint, EvmError, Rpc},
	http,
	journal::Journal,
	lane::{self, Lane, Parts},
	market::{LaneView, Market, OnChain},
	sender::Sender,
	RelayerError,
};
use lilypad_client::{
	gateway::LaneId,
	tasks::{TaskEnded, Tasks},
	Client, ClientConfig,
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;

/// How often it is said that a lane is being waited for.
const TELL_AGAIN: Duration = Duration::from_secs(30);
/// Name of the journal's file in the data folder.
const JOURNAL: &str = "relayer.redb";

/// Connects to the market's chain and relays until `shutdown`, or until it can't go on.
pub async fn run(config: RelayerConfig, shutdown: CancellationToken) -> Result<(), RelayerError> {
	config.check()?;
	// The parts stop together, whether the caller or one of them wants it.
	let shutdown = shutdown.child_token();
	std::fs::create_dir_all(&config.data).map_err(RelayerError::io("can't make the folder", &config.data))?;
	let journal = Journal::open(&config.data.join(JOURNAL))?;
	let client = connect(&config).await?;
	let (market, following) = OnChain::start(client, config.key.signer().clone(), shutdown.clone()).await?;
	let market: Arc<dyn Market> = Arc::new(market);
	let mut tasks = Tasks::<RelayerError>::new(shutdown.clone());
	tasks.spawn("chain", async move { Ok(following.await?) });
	let Some(lanes) = lanes(&config, &market, &journal, &shutdown).await? else {
		return tasks.run().await;
	};
	if let Some(address) = config.metrics {
		let listener = TcpListener::bind(address)
			.await
			.map_err(|source| RelayerError::Listen { address, source })?;
		let serving = http::serve(listener, http::Shared::new(&market, &lanes), shutdown.clone());
		tasks.spawn("metrics", async move {
			serving.await.map_err(|e| {
				RelayerError::Task(TaskEnded {
					task: "metrics".into(),
					why: e.to_string(),
				})
			})
		});
	}
	tracing::info!(account = %market.account(), address = %config.key.address(), "the relayer is up");
	for lane in &lanes {
		lane::start(lane, &mut tasks, &shutdown);
	}
	let result = tasks.run().await;
	tracing::info!("the relayer has stopped");
	result
}

/// Connects to the market's chain.
pub async fn connect(config: &RelayerConfig) -> Result<Client, RelayerError> {
	let client = ClientConfig {
		expected_genesis: config.expected_genesis.map(Into::into),
		..ClientConfig::with_urls(config.urls.clone())
	};
	Ok(Client::connect(&client).await?)
}

/// The endpoints of a lane.
pub fn pool(config: &LaneConfig) -> Result<Pool, RelayerError> {
	let endpoints = config.rpc.iter().map(|url| {
		let endpoint = Rpc::new(url).map_err(RelayerError::Config)?;
		Ok(Arc::new(endpoint) as Arc<dyn Endpoint>)
	});
	let endpoints = endpoints.collect::<Result<Vec<_>, RelayerError>>()?;
	Ok(Pool::new(endpoints, config.agree))
}

/// The lanes; `None` when the shutdown was asked for first.
async fn lanes(
	config: &RelayerConfig,
	market: &Arc<dyn Market>,
	journal: &Journal,
	shutdown: &CancellationToken,
) -> Result<Option<Vec<Arc<Lane>>>, RelayerError> {
	// Lanes of one chain share its nonces.
	let mut senders: HashMap<u64, Arc<Sender>> = HashMap::new();
	let mut lanes = Vec::new();
	for lane in &config.lanes {
		let Some(view) = registered(lane.id, market, shutdown).await? else {
			return Ok(None);
		};
		let pool = Arc::new(pool(lane)?);
		check_chain(lane, &view, &pool).await?;
		let sender = senders.entry(view.lane.chain).or_insert_with(|| {
			Arc::new(Sender::new(
				view.lane.chain,
				config.evm_key.clone(),
				pool.clone(),
				journal.clone(),
				lane.rules(),
			))
		});
		let parts = Parts {
			config: lane.clone(),
			market: market.clone(),
			pool,
			journal: journal.clone(),
			key: config.key.clone(),
			sender: sender.clone(),
		};
		if view.set.position(&market.account()).is_none() {
			tracing::warn!(
				lane = lane.id,
				account = %market.account(),
				"the key is no member of the lane's bridge set: it only looks on until it is"
			);
		}
		lanes.push(Lane::new(parts, view));
	}
	Ok(Some(lanes))
}

/// Waits for a lane to be registered: a node that has just started does not know of it yet, and a validator may be set up for a
/// lane that governance still talks about.
async fn registered(
	id: LaneId,
	market: &Arc<dyn Market>,
	shutdown: &CancellationToken,
) -> Result<Option<LaneView>, RelayerError> {
	let mut blocks = market.blocks();
	let mut told: Option<Instant> = None;
	loop {
		match market.lane(id).await {
			Ok(Some(view)) => return Ok(Some(view)),
			Ok(None) => (),
			Err(error) if error.is_transient() => tracing::debug!(lane = id, "{error}"),
			Err(error) => return Err(error.into()),
		}
		if told.is_none_or(|told| told.elapsed() > TELL_AGAIN) {
			tracing::warn!(
				lane = id,
				block = blocks.borrow().finalized,
				"waiting for the lane: it is not registered yet, or the node has not caught up (`lilypad gateway list`)"
			);
			told = Some(Instant::now());
		}
		tokio::select! {
			() = shutdown.cancelled() => return Ok(None),
			changed = blocks.changed() => if changed.is_err() {
				return Ok(None);
			},
		}
	}
}

/// Refuses endpoints of another chain. One that does not answer now may later: it is checked then by what it says.
async fn check_chain(lane: &LaneConfig, view: &LaneView, pool: &Pool) -> Result<(), RelayerError> {
	for (endpoint, id) in pool.chain_ids().await {
		match id {
			Ok(found) if found == view.lane.chain => (),
			Ok(found) => {
				return Err(RelayerError::OtherChain {
					lane: lane.id,
					endpoint,
					found,
					expected: view.lane.chain,
				})
			},
			Err(error @ EvmError::Refused { .. }) => {
				tracing::warn!(lane = lane.id, endpoint, "it does not name its chain: {error}")
			},
			Err(error) => tracing::warn!(lane = lane.id, endpoint, "not reached yet: {error}"),
		}
	}
	Ok(())
}
