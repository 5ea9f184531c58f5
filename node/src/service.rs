//! The node: the chain on disk, the network, block production (BABE) and finality (GRANDPA).

use std::{
	net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
	sync::Arc,
	time::Duration,
};

use lilypad_runtime::RuntimeApi;
use sc_client_api::Backend as _;
use sc_consensus_babe::SlotProportion;
use sc_consensus_grandpa::SharedVoterState;
use sc_consensus_slots::BackoffAuthoringOnFinalizedHeadLagging;
use sc_network::{
	config::FullNetworkConfiguration, multiaddr::Protocol, service::traits::NotificationService, Multiaddr,
	NetworkBackend,
};
use sc_network_sync::strategy::warp::WarpSyncConfig;
use sc_service::{Configuration, Error, TaskManager};
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_babe::inherents::{BabeCreateInherentDataProviders, InherentDataProvider};
use sp_runtime::traits::NumberFor;

use crate::rpc;

pub(crate) use lilypad_runtime::{
	opaque::{Block, Hash},
	BlockNumber,
};

type Executor = sc_executor::WasmExecutor<sp_io::SubstrateHostFunctions>;

/// The chain: blocks, state and runtime.
pub(crate) type Client = sc_service::TFullClient<Block, RuntimeApi, Executor>;
/// The database.
pub(crate) type Backend = sc_service::TFullBackend<Block>;
/// Which of several forks is the chain: the longest.
pub(crate) type SelectChain = sc_consensus::LongestChain<Backend, Block>;
/// Transactions that are not in a block yet.
pub(crate) type Pool = sc_transaction_pool::TransactionPoolHandle<Block, Client>;

type GrandpaImport = sc_consensus_grandpa::GrandpaBlockImport<Backend, Block, Client, SelectChain>;
type GrandpaLink = sc_consensus_grandpa::LinkHalf<Block, Client, SelectChain>;
type BabeImport = sc_consensus_babe::BabeBlockImport<
	Block,
	Client,
	GrandpaImport,
	BabeCreateInherentDataProviders<Block>,
	SelectChain,
>;

/// At least every so many blocks a finality proof is kept, so that others can follow without each vote.
const JUSTIFICATION_PERIOD: u32 = 512;

/// How long a GRANDPA message may take to reach everyone. A sixth of a block: rounds are over within one.
const GOSSIP_DURATION: Duration = Duration::from_millis(333);

/// How much of its slot an author may spend on a block: the rest is for sending it.
const PROPOSAL_SHARE: f32 = 2.0 / 3.0;

/// What a node consists of before it talks to anybody.
pub(crate) struct Parts {
	pub(crate) client: Arc<Client>,
	pub(crate) backend: Arc<Backend>,
	pub(crate) task_manager: TaskManager,
	keystore: sc_service::KeystoreContainer,
	select_chain: SelectChain,
	pool: Arc<Pool>,
	block_import: BabeImport,
	babe_link: sc_consensus_babe::BabeLink<Block>,
	babe_worker: sc_consensus_babe::BabeWorkerHandle<Block>,
	grandpa_link: GrandpaLink,
	telemetry: Option<Telemetry>,
}

/// Checks blocks and puts them into the database.
pub(crate) type ImportQueue = sc_consensus::DefaultImportQueue<Block>;

/// Opens the chain in the database and prepares to import blocks.
pub(crate) fn open(config: &Configuration) -> Result<(Parts, ImportQueue), Error> {
	let telemetry_worker = config
		.telemetry_endpoints
		.clone()
		.filter(|endpoints| !endpoints.is_empty())
		.map(|endpoints| {
			let worker = TelemetryWorker::new(16)?;
			let telemetry = worker.handle().new_telemetry(endpoints);
			Ok::<_, sc_telemetry::Error>((worker, telemetry))
		})
		.transpose()?;

	let (client, backend, keystore, task_manager) = sc_service::new_full_parts::<Block, RuntimeApi, _>(
		config,
		telemetry_worker.as_ref().map(|(_, telemetry)| telemetry.handle()),
		sc_service::new_wasm_executor::<sp_io::SubstrateHostFunctions>(&config.executor),
		vec![Arc::new(sc_consensus_grandpa::GrandpaPruningFilter)],
	)?;
	let client = Arc::new(client);

	let telemetry = telemetry_worker.map(|(worker, telemetry)| {
		task_manager.spawn_handle().spawn("telemetry", None, worker.run());
		telemetry
	});

	let select_chain = sc_consensus::LongestChain::new(backend.clone());
	let pool = Arc::from(
		sc_transaction_pool::Builder::new(
			task_manager.spawn_essential_handle(),
			client.clone(),
			config.role.is_authority().into(),
		)
		.with_options(config.transaction_pool.clone())
		.with_prometheus(config.prometheus_registry())
		.build(),
	);

	let (grandpa_import, grandpa_link) = sc_consensus_grandpa::block_import(
		client.clone(),
		JUSTIFICATION_PERIOD,
		&client,
		select_chain.clone(),
		telemetry.as_ref().map(Telemetry::handle),
	)?;

	let babe_config = sc_consensus_babe::configuration(&*client)?;
	let (block_import, babe_link) = sc_consensus_babe::block_import(
		babe_config.clone(),
		grandpa_import.clone(),
		client.clone(),
		inherents(babe_config.slot_duration()),
		select_chain.clone(),
		OffchainTransactionPoolFactory::new(Arc::clone(&pool)),
	)?;
	let (import_queue, babe_worker) =
		sc_consensus_babe::import_queue(sc_consensus_babe::ImportQueueParams {
			link: babe_link.clone(),
			block_import: block_import.clone(),
			justification_import: Some(Box::new(grandpa_import)),
			client: client.clone(),
			slot_duration: babe_config.slot_duration(),
			spawner: &task_manager.spawn_essential_handle(),
			registry: config.prometheus_registry(),
			telemetry: telemetry.as_ref().map(Telemetry::handle),
		})?;

	let parts = Parts {
		client,
		backend,
		task_manager,
		keystore,
		select_chain,
		pool,
		block_import,
		babe_link,
		babe_worker,
		grandpa_link,
		telemetry,
	};
	Ok((parts, import_queue))
}

/// What every block says about the time: its slot and its timestamp, from this machine's clock.
fn inherents(slot_duration: sp_consensus_babe::SlotDuration) -> BabeCreateInherentDataProviders<Block> {
	Arc::new(move |_parent, ()| async move {
		let timestamp = sp_timestamp::InherentDataProvider::from_system_time();
		let slot = InherentDataProvider::from_timestamp_and_slot_duration(*timestamp, slot_duration);
		Ok((slot, timestamp))
	})
}

/// Takes back what BABE and GRANDPA remember of the last `blocks` blocks.
pub(crate) fn revert(
	client: Arc<Client>,
	backend: Arc<Backend>,
	blocks: NumberFor<Block>,
) -> sc_cli::Result<()> {
	sc_consensus_babe::revert(client.clone(), backend, blocks)?;
	sc_consensus_grandpa::revert(client, blocks)?;
	Ok(())
}

/// A node that runs.
pub(crate) struct Node {
	/// What it runs; it stops when this is dropped.
	pub(crate) tasks: TaskManager,
	/// Where its RPC server listens. Not always where it was told to: if the port is taken, it finds another.
	pub(crate) rpc: Option<SocketAddr>,
	/// The hash of its chain's first block.
	pub(crate) genesis: Hash,
}

/// Starts the node.
pub(crate) fn start(config: Configuration) -> Result<Node, Error> {
	use sc_network::config::NetworkBackendType::{Libp2p, Litep2p};

	match config.network.network_backend {
		Litep2p => start_with::<sc_network::Litep2pNetworkBackend>(config),
		Libp2p => start_with::<sc_network::NetworkWorker<Block, Hash>>(config),
	}
}

fn start_with<N: NetworkBackend<Block, Hash>>(config: Configuration) -> Result<Node, Error> {
	let (mut parts, import_queue) = open(&config)?;
	let (network, transactions) = connect::<N>(&config, &parts, import_queue)?;
	let settings = Settings::of(&config);
	let voter_state = SharedVoterState::empty();

	if config.offchain_worker.enabled {
		spawn_offchain_workers(&parts, &network, &settings)?;
	}
	let rpc = spawn_rpc(config, &mut parts, &network, transactions, voter_state.clone())?;
	let genesis = parts.client.chain_info().genesis_hash;
	if settings.role.is_authority() {
		spawn_author(&parts, &network, &settings)?;
	}
	let tasks = match settings.grandpa {
		true => spawn_finality(parts, network, settings, voter_state)?,
		false => parts.task_manager,
	};
	Ok(Node {
		tasks,
		rpc: rpc.listen_addresses().iter().find_map(local_address),
		genesis,
	})
}

/// The TCP address in `address`, as this machine reaches it.
fn local_address(address: &Multiaddr) -> Option<SocketAddr> {
	let mut parts = address.iter();
	let (ip, here) = match parts.next()? {
		Protocol::Ip4(ip) => (ip.into(), Ipv4Addr::LOCALHOST.into()),
		Protocol::Ip6(ip) => (IpAddr::from(ip), Ipv6Addr::LOCALHOST.into()),
		_ => return None,
	};
	let Protocol::Tcp(port) = parts.next()? else {
		return None;
	};
	Some(SocketAddr::new(if ip.is_unspecified() { here } else { ip }, port))
}

/// What is left of the configuration once the RPC server has taken it.
struct Settings {
	role: sc_network::config::Role,
	grandpa: bool,
	name: String,
	force_authoring: bool,
	registry: Option<substrate_prometheus_endpoint::Registry>,
}

impl Settings {
	fn of(config: &Configuration) -> Self {
		Self {
			role: config.role,
			grandpa: !config.disable_grandpa,
			name: config.network.node_name.clone(),
			force_authoring: config.force_authoring,
			registry: config.prometheus_registry().cloned(),
		}
	}
}

/// Switches the exchange of transactions with other nodes on and off.
type TransactionsController = sc_network_transactions::TransactionsHandlerController<Hash>;

/// The node's place in the network.
struct Network {
	service: Arc<dyn sc_network::service::traits::NetworkService>,
	sync: Arc<sc_network_sync::SyncingService<Block>>,
	rpc_requests: sc_utils::mpsc::TracingUnboundedSender<sc_rpc::system::Request<Block>>,
	grandpa_protocol: sc_network::ProtocolName,
	grandpa_notifications: Box<dyn NotificationService>,
}

/// Connects to the network and starts to follow the chain.
fn connect<N: NetworkBackend<Block, Hash>>(
	config: &Configuration,
	parts: &Parts,
	import_queue: ImportQueue,
) -> Result<(Network, TransactionsController), Error> {
	let registry = config
		.prometheus_config
		.as_ref()
		.map(|prometheus| prometheus.registry.clone());
	let metrics = N::register_notification_metrics(registry.as_ref());
	let mut net_config = FullNetworkConfiguration::<_, _, N>::new(&config.network, registry);

	let genesis_hash = parts.client.chain_info().genesis_hash;
	let grandpa_protocol = sc_consensus_grandpa::protocol_standard_name(&genesis_hash, &config.chain_spec);
	let (grandpa_config, grandpa_notifications) = sc_consensus_grandpa::grandpa_peers_set_config::<_, N>(
		grandpa_protocol.clone(),
		metrics.clone(),
		net_config.peer_store_handle(),
	);
	net_config.add_notification_protocol(grandpa_config);

	let warp_sync = sc_consensus_grandpa::warp_proof::NetworkProvider::new(
		parts.backend.clone(),
		parts.grandpa_link.shared_authority_set().clone(),
		Vec::default(),
	);
	let (service, rpc_requests, transactions, sync, _bitswap) =
		sc_service::build_network(sc_service::BuildNetworkParams {
			config,
			net_config,
			client: parts.client.clone(),
			transaction_pool: parts.pool.clone(),
			spawn_handle: parts.task_manager.spawn_handle(),
			spawn_essential_handle: parts.task_manager.spawn_essential_handle(),
			import_queue,
			block_announce_validator_builder: None,
			warp_sync_config: Some(WarpSyncConfig::WithProvider(Arc::new(warp_sync))),
			block_relay: None,
			metrics,
			gap_sync_body_policy: None,
		})?;
	Ok((
		Network {
			service,
			sync,
			rpc_requests,
			grandpa_protocol,
			grandpa_notifications,
		},
		transactions,
	))
}

/// Runs the pallets' offchain workers after every block.
fn spawn_offchain_workers(parts: &Parts, network: &Network, settings: &Settings) -> Result<(), Error> {
	let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
		runtime_api_provider: parts.client.clone(),
		keystore: Some(parts.keystore.keystore()),
		offchain_db: parts.backend.offchain_storage(),
		transaction_pool: Some(OffchainTransactionPoolFactory::new(parts.pool.clone())),
		network_provider: Arc::new(network.service.clone()),
		is_validator: settings.role.is_authority(),
		// They derive everything from the chain's state.
		enable_http_requests: false,
		custom_extensions: |_| vec![],
	})
	.map_err(|error| Error::Other(format!("The offchain workers can't start: {error}")))?;

	let spawner = parts.task_manager.spawn_handle();
	let run = workers.run(parts.client.clone(), spawner.clone());
	spawner.spawn("offchain-workers-runner", Some("offchain-worker"), run);
	Ok(())
}

/// Answers RPC requests, keeps the pool, and reports to telemetry and Prometheus.
fn spawn_rpc(
	config: Configuration,
	parts: &mut Parts,
	network: &Network,
	tx_handler_controller: TransactionsController,
	voter_state: SharedVoterState,
) -> Result<sc_service::RpcHandlers, Error> {
	let authority_set = parts.grandpa_link.shared_authority_set().clone();
	let (market, tell_of_blocks) = rpc::MarketSources::new(parts.client.clone());
	parts
		.task_manager
		.spawn_handle()
		.spawn("market-rpc-blocks", Some("rpc"), tell_of_blocks);
	let sources = rpc::Sources {
		client: parts.client.clone(),
		pool: parts.pool.clone(),
		select_chain: parts.select_chain.clone(),
		keystore: parts.keystore.keystore(),
		babe: parts.babe_worker.clone(),
		grandpa: rpc::GrandpaSources {
			authority_set: authority_set.clone(),
			voter_state,
			justifications: parts.grandpa_link.justification_stream(),
			proofs: sc_consensus_grandpa::FinalityProofProvider::new_for_service(
				parts.backend.clone(),
				Some(authority_set),
			),
		},
		market,
	};

	sc_service::spawn_tasks(sc_service::SpawnTasksParams {
		config,
		client: parts.client.clone(),
		backend: parts.backend.clone(),
		task_manager: &mut parts.task_manager,
		keystore: parts.keystore.keystore(),
		transaction_pool: parts.pool.clone(),
		rpc_builder: Box::new(move |executor| {
			rpc::create(&sources, executor).map_err(|error| Error::Other(error.to_string()))
		}),
		network: network.service.clone(),
		system_rpc_tx: network.rpc_requests.clone(),
		tx_handler_controller,
		sync_service: network.sync.clone(),
		telemetry: parts.telemetry.as_mut(),
		tracing_execute_block: None,
	})
}

/// Makes blocks when it is this validator's turn.
fn spawn_author(parts: &Parts, network: &Network, settings: &Settings) -> Result<(), Error> {
	let proposer = sc_basic_authorship::ProposerFactory::new(
		parts.task_manager.spawn_handle(),
		parts.client.clone(),
		parts.pool.clone(),
		settings.registry.as_ref(),
		parts.telemetry.as_ref().map(Telemetry::handle),
	);
	let author = sc_consensus_babe::start_babe(sc_consensus_babe::BabeParams {
		keystore: parts.keystore.keystore(),
		client: parts.client.clone(),
		select_chain: parts.select_chain.clone(),
		env: proposer,
		block_import: parts.block_import.clone(),
		sync_oracle: network.sync.clone(),
		justification_sync_link: network.sync.clone(),
		create_inherent_data_providers: inherents(parts.babe_link.config().slot_duration()),
		force_authoring: settings.force_authoring,
		backoff_authoring_blocks: Some(BackoffAuthoringOnFinalizedHeadLagging::default()),
		babe_link: parts.babe_link.clone(),
		block_proposal_slot_portion: SlotProportion::new(PROPOSAL_SHARE),
		max_block_proposal_slot_portion: None,
		telemetry: parts.telemetry.as_ref().map(Telemetry::handle),
	})?;
	// The node stops when this does: a validator that silently makes no blocks is worse than one that is down.
	parts.task_manager.spawn_essential_handle().spawn_blocking(
		"babe-author",
		Some("block-authoring"),
		author,
	);
	Ok(())
}

/// Votes on finality if this is a validator, and follows the votes in any case.
fn spawn_finality(
	parts: Parts,
	network: Network,
	settings: Settings,
	voter_state: SharedVoterState,
) -> Result<TaskManager, Error> {
	let config = sc_consensus_grandpa::Config {
		gossip_duration: GOSSIP_DURATION,
		justification_generation_period: JUSTIFICATION_PERIOD,
		observer_enabled: false,
		local_role: settings.role,
		name: Some(settings.name),
		keystore: settings.role.is_authority().then(|| parts.keystore.keystore()),
		telemetry: parts.telemetry.as_ref().map(Telemetry::handle),
		protocol_name: network.grandpa_protocol,
	};
	let voter = sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
		config,
		link: parts.grandpa_link,
		network: network.service,
		sync: network.sync,
		notification_service: network.grandpa_notifications,
		voting_rule: sc_consensus_grandpa::VotingRulesBuilder::default().build(),
		prometheus_registry: settings.registry,
		shared_voter_state: voter_state,
		telemetry: parts.telemetry.as_ref().map(Telemetry::handle),
		offchain_tx_pool_factory: OffchainTransactionPoolFactory::new(parts.pool),
	})?;
	parts
		.task_manager
		.spawn_essential_handle()
		.spawn_blocking("grandpa-voter", None, voter);
	Ok(parts.task_manager)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn local_address_works() {
		let found =
			|address: &str| local_address(&address.parse().expect("it is an address")).map(|a| a.to_string());
		assert_eq!(
			found("/ip4/127.0.0.1/tcp/9944").as_deref(),
			Some("127.0.0.1:9944")
		);
		assert_eq!(found("/ip4/0.0.0.0/tcp/9944").as_deref(), Some("127.0.0.1:9944"));
		assert_eq!(found("/ip6/::/tcp/9944").as_deref(), Some("[::1]:9944"));
		assert_eq!(found("/dns/example.org/tcp/9944"), None);
		assert_eq!(found("/ip4/127.0.0.1/udp/9944"), None);
	}
}
