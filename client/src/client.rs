//! The connection to the chain, and reading at a block.

use crate::{
	calls, error::Missing, events, nonce::Nonces, shape, transport::Transport, view::View, BlockId,
	ClientError, Hash,
};
use std::{sync::Arc, time::Duration};
use subxt::{
	backend::LegacyBackend,
	config::SubstrateConfig,
	rpcs::client::{rpc_params, RpcClient, RpcParams},
	OnlineClient,
};

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct ClientConfig {
	/// Nodes, best first: `ws://…` or `wss://…`.
	pub urls: Vec<String>,
	/// The chain that they must be on; otherwise the first node decides.
	pub expected_genesis: Option<Hash>,
	/// Longest wait for an answer, reconnecting included.
	pub request_timeout: Duration,
}

/// The node on one's own machine.
pub const DEFAULT_URL: &str = "ws://127.0.0.1:9944";

impl Default for ClientConfig {
	fn default() -> Self {
		Self {
			urls: vec![DEFAULT_URL.into()],
			expected_genesis: None,
			request_timeout: Duration::from_secs(30),
		}
	}
}

impl ClientConfig {
	/// With these nodes.
	pub fn with_urls(urls: impl IntoIterator<Item = impl Into<String>>) -> Self {
		Self {
			urls: urls.into_iter().map(Into::into).collect(),
			..Self::default()
		}
	}
}

/// Which block to read at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
	/// The newest block. It can still be reverted.
	Best,
	/// The newest block that can't be reverted.
	Finalized,
	/// This block.
	Hash(Hash),
}

/// A client of one Lilypad chain. Clones share the connection and the nonces.
#[derive(Clone)]
pub struct Client {
	pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
	pub(crate) transport: Arc<Transport>,
	pub(crate) rpc: RpcClient,
	pub(crate) api: OnlineClient<SubstrateConfig>,
	pub(crate) nonces: Nonces,
	chain: String,
	request_timeout: Duration,
	/// Transaction extensions in use, for the follower's and submitter's clocks.
	checked_spec: std::sync::atomic::AtomicU32,
}

impl std::fmt::Debug for Client {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.debug_struct("Client")
			.field("urls", &self.inner.transport.urls())
			.field("chain", &self.inner.chain)
			.finish()
	}
}

impl Client {
	/// Connects to the first node that answers and checks that it is on a Lilypad chain whose types are ours.
	pub async fn connect(config: &ClientConfig) -> Result<Self, ClientError> {
		let transport = Transport::new(
			config.urls.clone(),
			config.request_timeout,
			config.expected_genesis,
		)?;
		transport.connect_once().await?;
		let rpc = RpcClient::new(transport.clone());
		let backend = LegacyBackend::<SubstrateConfig>::builder().build(rpc.clone());
		let chain: String = rpc
			.request("system_chain", rpc_params![])
			.await
			.map_err(|e| failure(&transport, e))?;
		let api = OnlineClient::from_backend_with_config(SubstrateConfig::new(), Arc::new(backend))
			.await
			.map_err(|e| failure(&transport, e))?;
		let client = Self {
			inner: Arc::new(Inner {
				transport,
				rpc,
				api,
				nonces: Nonces::default(),
				chain,
				request_timeout: config.request_timeout,
				checked_spec: Default::default(),
			}),
		};
		client.best().await?;
		Ok(client)
	}

	/// Hash of the chain's first block: which chain this is.
	pub fn genesis_hash(&self) -> Hash {
		self.inner.api.genesis_hash()
	}

	/// What the chain calls itself.
	pub fn chain_name(&self) -> &str {
		&self.inner.chain
	}

	/// The node in use.
	pub fn url(&self) -> &str {
		self.inner.transport.url()
	}

	/// Longest wait for one answer.
	pub fn request_timeout(&self) -> Duration {
		self.inner.request_timeout
	}

	/// Whether this is a chain for development, whose accounts (`//Alice` …) everybody has the keys of.
	pub async fn is_development(&self) -> Result<bool, ClientError> {
		let kind: serde_json::Value = self.request("system_chainType", rpc_params![]).await?;
		Ok(kind == "Development")
	}

	/// How far the node is: `(peers, is syncing)`.
	pub async fn node_health(&self) -> Result<(u64, bool), ClientError> {
		let health: serde_json::Value = self.request("system_health", rpc_params![]).await?;
		Ok((
			health["peers"].as_u64().unwrap_or(0),
			health["isSyncing"].as_bool().unwrap_or(false),
		))
	}

	/// Number of the highest block that the node has heard of from its peers, or its own best one's if it has none.
	pub async fn highest_block(&self) -> Result<lilypad_primitives::BlockNumber, ClientError> {
		let state: serde_json::Value = self.request("system_syncState", rpc_params![]).await?;
		let highest = state["highestBlock"].as_u64().and_then(|n| n.try_into().ok());
		highest.ok_or_else(|| ClientError::Decode {
			what: "state of the node's synchronisation".into(),
			reason: state.to_string(),
		})
	}

	/// The newest block, to read at.
	pub async fn best(&self) -> Result<View, ClientError> {
		self.at(At::Best).await
	}

	/// The newest finalized block, to read at.
	pub async fn finalized(&self) -> Result<View, ClientError> {
		self.at(At::Finalized).await
	}

	/// A block to read at.
	pub async fn at(&self, at: At) -> Result<View, ClientError> {
		let hash = match at {
			At::Best => self.request("chain_getBlockHash", rpc_params![]).await?,
			At::Finalized => self.request("chain_getFinalizedHead", rpc_params![]).await?,
			At::Hash(hash) => hash,
		};
		let at_block = self.inner.api.at_block(hash).await.map_err(|e| self.failure(e))?;
		self.check_runtime(&at_block)?;
		Ok(View::new(self.clone(), at_block))
	}

	/// The hash of the block with this number on the best chain.
	pub async fn block_hash(&self, number: lilypad_primitives::BlockNumber) -> Result<Hash, ClientError> {
		let hash: Option<Hash> = self.request("chain_getBlockHash", rpc_params![number]).await?;
		hash.ok_or(ClientError::NotFound(Missing::Block(number)))
	}

	/// A block's number and its parent's hash.
	pub(crate) async fn header(&self, hash: Hash) -> Result<(BlockId, Hash), ClientError> {
		let header: serde_json::Value = self.request("chain_getHeader", rpc_params![hash]).await?;
		let unreadable = || ClientError::Decode {
			what: "header".into(),
			reason: format!("{header}"),
		};
		if header.is_null() {
			return Err(ClientError::Chain(format!(
				"the node does not know block {hash:?}"
			)));
		}
		let number = header["number"]
			.as_str()
			.and_then(|n| u32::from_str_radix(n.trim_start_matches("0x"), 16).ok());
		let parent = header["parentHash"].as_str().and_then(|h| h.parse().ok());
		match (number, parent) {
			(Some(number), Some(parent)) => Ok((BlockId { number, hash }, parent)),
			_ => Err(unreadable()),
		}
	}

	/// One request, for what has no typed form here.
	pub(crate) async fn request<T: serde::de::DeserializeOwned>(
		&self,
		method: &str,
		params: RpcParams,
	) -> Result<T, ClientError> {
		self.inner
			.rpc
			.request(method, params)
			.await
			.map_err(|e| self.failure(e))
	}

	/// An error as ours: when there is no connection, that is what is wrong.
	pub(crate) fn failure(&self, error: impl Into<subxt::Error>) -> ClientError {
		failure(&self.inner.transport, error)
	}

	/// Checks a runtime's types against ours, once per version.
	fn check_runtime(&self, at: &crate::view::AtBlock) -> Result<(), ClientError> {
		use std::sync::atomic::Ordering;
		let spec_version = at.spec_version();
		if self.inner.checked_spec.load(Ordering::Relaxed) == spec_version {
			return Ok(());
		}
		let metadata = at.metadata_ref();
		let missing: Vec<_> = ["Market", "Deals", "Modules", "Mediation", "EvmGateway"]
			.into_iter()
			.filter(|p| metadata.pallet_by_name(p).is_none())
			.collect();
		if !missing.is_empty() {
			return Err(ClientError::NotLilypad {
				url: self.url().into(),
				chain: self.chain_name().into(),
				missing: format!("it has no pallet {}", missing.join(", ")),
			});
		}
		let differences = shape::differences(metadata, &known_shapes());
		match differences.is_empty() {
			true => {
				self.inner.checked_spec.store(spec_version, Ordering::Relaxed);
				Ok(())
			},
			false => Err(ClientError::Incompatible {
				spec_version,
				what: differences.join("; "),
			}),
		}
	}
}

/// Everything that the client expects of the chain.
pub(crate) fn known_shapes() -> Vec<shape::Shape> {
	let mut all = calls::shapes();
	all.extend(events::shapes());
	all.extend(crate::view::shapes());
	all.extend(crate::gateway::shapes());
	all
}

fn failure(transport: &Transport, error: impl Into<subxt::Error>) -> ClientError {
	let error = error.into();
	transport
		.down()
		.unwrap_or_else(|| ClientError::Chain(error.to_string()))
}
