//! The connection: one WebSocket at a time, to the first of several endpoints that answers and is on the right chain. When
//! it breaks, requests wait while the next endpoint is tried, with growing pauses, up to a limit.

use crate::{ClientError, Hash};
use futures::StreamExt;
use std::{
	sync::{
		atomic::{AtomicUsize, Ordering},
		Arc,
	},
	time::Duration,
};
use subxt::rpcs::{
	client::{rpc_params, RawRpcFuture, RawRpcSubscription, RawValue, RpcClient, RpcClientT},
	Error as RpcError,
};
use tokio::{
	sync::Mutex,
	time::{sleep, timeout, Instant},
};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// See the module.
pub(crate) struct Transport {
	urls: Vec<String>,
	/// Longest wait for one answer, and for a new connection.
	patience: Duration,
	genesis: std::sync::OnceLock<Hash>,
	/// The live connection and its number.
	live: Mutex<Option<(u64, RpcClient)>>,
	connections: std::sync::atomic::AtomicU64,
	/// Which endpoint to try first next time.
	next: AtomicUsize,
	last_failure: std::sync::Mutex<Option<String>>,
}

/// All endpoints fail.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Down(String);

impl Transport {
	pub(crate) fn new(
		urls: Vec<String>,
		patience: Duration,
		expected: Option<Hash>,
	) -> Result<Arc<Self>, ClientError> {
		for url in &urls {
			if !url.starts_with("ws://") && !url.starts_with("wss://") {
				return Err(ClientError::BadUrl(url.clone()));
			}
		}
		if urls.is_empty() {
			return Err(ClientError::BadUrl(String::new()));
		}
		let genesis = std::sync::OnceLock::new();
		if let Some(expected) = expected {
			// A new cell takes its first value.
			let _ = genesis.set(expected);
		}
		Ok(Arc::new(Self {
			urls,
			patience,
			genesis,
			live: Mutex::new(None),
			connections: Default::default(),
			next: AtomicUsize::new(0),
			last_failure: Default::default(),
		}))
	}

	/// The endpoints, for messages.
	pub(crate) fn urls(&self) -> String {
		self.urls.join(", ")
	}

	/// The endpoint in use.
	pub(crate) fn url(&self) -> &str {
		&self.urls[self.next.load(Ordering::Relaxed) % self.urls.len()]
	}

	/// Why there is no connection now, if there is none.
	pub(crate) fn down(&self) -> Option<ClientError> {
		let reason = self.last_failure.lock().ok()?.clone()?;
		Some(ClientError::Unreachable {
			urls: self.urls(),
			reason,
		})
	}

	/// How many connections there have been: it grows when one was replaced.
	pub(crate) fn generation(&self) -> u64 {
		self.connections.load(Ordering::Relaxed)
	}

	fn note(&self, failure: Option<String>) {
		if let Ok(mut last) = self.last_failure.lock() {
			*last = failure;
		}
	}

	/// Tries every endpoint once.
	pub(crate) async fn connect_once(&self) -> Result<(u64, RpcClient), ClientError> {
		let mut live = self.live.lock().await;
		if let Some(live) = &*live {
			return Ok(live.clone());
		}
		let first = self.next.load(Ordering::Relaxed);
		let mut failure = None;
		for offset in 0..self.urls.len() {
			let at = (first + offset) % self.urls.len();
			match self.try_endpoint(&self.urls[at]).await {
				Ok(client) => {
					self.next.store(at, Ordering::Relaxed);
					let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
					self.note(None);
					*live = Some((number, client.clone()));
					return Ok((number, client));
				},
				// Being on the wrong chain says more than not answering.
				Err(e) => match failure {
					Some(ClientError::OtherChain { .. }) => (),
					_ => failure = Some(e),
				},
			}
		}
		let failure = failure.unwrap_or_else(|| ClientError::BadUrl(String::new()));
		if let ClientError::Unreachable { reason, .. } = &failure {
			self.note(Some(reason.clone()));
		}
		Err(failure)
	}

	async fn try_endpoint(&self, url: &str) -> Result<RpcClient, ClientError> {
		let unreachable = |reason: String| ClientError::Unreachable {
			urls: self.urls(),
			reason,
		};
		let open = async {
			let client = RpcClient::from_insecure_url(url).await?;
			let found: Hash = client.request("chain_getBlockHash", rpc_params![0]).await?;
			Ok::<_, RpcError>((client, found))
		};
		let limit = self.patience.min(Duration::from_secs(10));
		let (client, found) = timeout(limit, open)
			.await
			.map_err(|_| unreachable(format!("{url} did not answer within {} s", limit.as_secs())))?
			.map_err(|e| unreachable(format!("{url}: {}", root_cause(&e))))?;
		match *self.genesis.get_or_init(|| found) {
			expected if expected == found => Ok(client),
			expected => Err(ClientError::OtherChain {
				url: url.into(),
				found,
				expected,
			}),
		}
	}

	/// The connection, or a new one: tried until the limit.
	async fn connection(&self) -> Result<(u64, RpcClient), RpcError> {
		let until = Instant::now() + self.patience;
		let mut pause = FIRST_PAUSE;
		loop {
			match self.connect_once().await {
				Ok(live) => return Ok(live),
				Err(e) if Instant::now() + pause >= until => {
					return Err(RpcError::Client(Box::new(Down(e.to_string()))))
				},
				Err(e) => tracing::debug!("no connection, trying again in {pause:?}: {e}"),
			}
			sleep(pause).await;
			pause = (pause * 2).min(LONGEST_PAUSE);
		}
	}

	/// Drops a connection that broke, unless it has been replaced already, and moves on to the next endpoint.
	async fn broken(&self, number: u64, why: &str) {
		let mut live = self.live.lock().await;
		if live.as_ref().is_some_and(|(n, _)| *n == number) {
			*live = None;
			self.next.fetch_add(1, Ordering::Relaxed);
			self.note(Some(why.into()));
			tracing::info!("the connection to the node broke: {why}");
		}
	}

	async fn request(&self, method: &str, params: Option<Box<RawValue>>) -> Result<Box<RawValue>, RpcError> {
		let until = Instant::now() + self.patience;
		loop {
			let (number, client) = self.connection().await?;
			let why = match timeout(self.patience, client.request_raw(method, params.clone())).await {
				Ok(Err(RpcError::Client(e))) => e.to_string(),
				Ok(other) => return other,
				Err(_) => format!("no answer to {method} within {} s", self.patience.as_secs()),
			};
			self.broken(number, &why).await;
			if Instant::now() >= until {
				return Err(RpcError::Client(Box::new(Down(why))));
			}
		}
	}

	async fn subscribe(
		&self,
		sub: &str,
		params: Option<Box<RawValue>>,
		unsub: &str,
	) -> Result<RawRpcSubscription, RpcError> {
		let (number, client) = self.connection().await?;
		let answer = timeout(self.patience, client.subscribe_raw(sub, params, unsub)).await;
		match answer {
			Ok(Ok(mut subscription)) => {
				// The connection must outlive its subscriptions, which only hold a channel into it.
				let keep = client.clone();
				subscription.stream = Box::pin(subscription.stream.inspect(move |_| {
					let _held = &keep;
				}));
				Ok(subscription)
			},
			Ok(Err(RpcError::Client(e))) => {
				self.broken(number, &e.to_string()).await;
				Err(RpcError::Client(e))
			},
			Ok(Err(e)) => Err(e),
			Err(_) => {
				let why = format!("no answer to {sub} within {} s", self.patience.as_secs());
				self.broken(number, &why).await;
				Err(RpcError::Client(Box::new(Down(why))))
			},
		}
	}
}

impl RpcClientT for Transport {
	fn request_raw<'a>(
		&'a self,
		method: &'a str,
		params: Option<Box<RawValue>>,
	) -> RawRpcFuture<'a, Box<RawValue>> {
		Box::pin(self.request(method, params))
	}

	fn subscribe_raw<'a>(
		&'a self,
		sub: &'a str,
		params: Option<Box<RawValue>>,
		unsub: &'a str,
	) -> RawRpcFuture<'a, RawRpcSubscription> {
		Box::pin(self.subscribe(sub, params, unsub))
	}
}

/// What the operating system or the peer said, without the layers in between.
fn root_cause(error: &dyn std::error::Error) -> String {
	let mut at = error;
	while let Some(source) = at.source() {
		at = source;
	}
	let text = at.to_string();
	let mut rest = text.as_str();
	while let Some(inner) = rest.strip_prefix("RPC error: client error: ") {
		rest = inner;
	}
	rest.into()
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::testing::FakeNode;

	const PATIENCE: Duration = Duration::from_secs(3);

	async fn genesis(transport: &Transport) -> Result<Box<RawValue>, RpcError> {
		transport
			.request("chain_getBlockHash", rpc_params![0].build())
			.await
	}

	#[tokio::test]
	async fn the_first_endpoint_that_answers_is_used() {
		let node = FakeNode::start([1; 32]).await;
		let transport =
			Transport::new(vec!["ws://127.0.0.1:1".into(), node.url()], PATIENCE, None).expect("urls");
		transport.connect_once().await.expect("connected");
		assert_eq!(transport.url(), node.url());
		assert!(transport.down().is_none());
	}

	#[tokio::test]
	async fn connect_fails_when_nothing_answers() {
		let transport = Transport::new(vec!["ws://127.0.0.1:1".into()], PATIENCE, None).expect("urls");
		let error = transport.connect_once().await.expect_err("nobody there");
		assert!(
			matches!(&error, ClientError::Unreachable { urls, .. } if urls == "ws://127.0.0.1:1"),
			"{error}"
		);
		assert!(transport.down().is_some());
	}

	#[tokio::test]
	async fn connect_fails_when_on_another_chain() {
		let node = FakeNode::start([1; 32]).await;
		let other = Some(Hash::repeat_byte(2));
		let transport =
			Transport::new(vec![node.url(), "ws://127.0.0.1:1".into()], PATIENCE, other).expect("urls");
		let error = transport.connect_once().await.expect_err("another chain");
		assert!(matches!(error, ClientError::OtherChain { .. }), "{error}");
	}

	#[tokio::test]
	async fn a_broken_connection_is_replaced_by_another_endpoint() {
		let (one, two) = (FakeNode::start([1; 32]).await, FakeNode::start([1; 32]).await);
		let transport = Transport::new(vec![one.url(), two.url()], PATIENCE, None).expect("urls");
		genesis(&transport).await.expect("the first answers");
		one.stop().await;
		genesis(&transport).await.expect("the second answers");
		assert_eq!(transport.url(), two.url());
		assert_eq!(transport.generation(), 2);
	}

	#[tokio::test]
	async fn a_replacement_must_be_on_the_same_chain() {
		let (one, two) = (FakeNode::start([1; 32]).await, FakeNode::start([2; 32]).await);
		let transport =
			Transport::new(vec![one.url(), two.url()], Duration::from_secs(1), None).expect("urls");
		genesis(&transport).await.expect("the first answers");
		one.stop().await;
		assert!(genesis(&transport).await.is_err());
	}

	#[test]
	fn urls_are_checked() {
		for bad in [
			vec![],
			vec!["http://localhost:9944".to_string()],
			vec!["localhost".to_string()],
		] {
			assert!(matches!(
				Transport::new(bad, PATIENCE, None),
				Err(ClientError::BadUrl(_))
			));
		}
	}
}
