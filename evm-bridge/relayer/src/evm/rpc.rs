//! An endpoint over HTTP or WebSocket.

use super::{Endpoint, EvmError, Head, Query, Receipt, Tag, ViewCall};
use alloy::{
	eips::BlockNumberOrTag,
	primitives::{Address, Bytes, B256, U256, U64},
	rpc::{
		client::{ClientBuilder, RpcClient},
		json_rpc::{RpcError, RpcRecv, RpcSend},
		types::{Filter, Log},
	},
	transports::{ws::WsConnect, TransportError, TransportErrorKind},
};
use async_trait::async_trait;
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use tokio::{sync::Mutex, time::timeout};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// See the module.
pub struct Rpc {
	url: Url,
	name: String,
	/// Opened with the first request, and again after it broke: an endpoint that is down must not keep a relayer from starting.
	client: Mutex<Option<RpcClient>>,
}

/// A head, as it is answered. What is not named here, chains may add or leave out as they like.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawHead {
	number: U64,
	hash: B256,
	timestamp: U64,
	base_fee_per_gas: Option<U256>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReceipt {
	block_number: Option<U64>,
	status: Option<U64>,
	gas_used: U64,
}

impl Rpc {
	/// An endpoint at a URL: http, https, ws or wss.
	pub fn new(url: &str) -> Result<Self, String> {
		let parsed: Url = url.parse().map_err(|e| format!("'{url}' is no URL: {e}"))?;
		if !matches!(parsed.scheme(), "http" | "https" | "ws" | "wss") {
			return Err(format!(
				"'{url}' is not the URL of an RPC endpoint: it begins with http, https, ws or wss"
			));
		}
		let host = parsed.host_str().unwrap_or_default();
		// Keys of providers are in path, query or user: they stay out of logs.
		let name = match parsed.port() {
			Some(port) => format!("{}://{host}:{port}", parsed.scheme()),
			None => format!("{}://{host}", parsed.scheme()),
		};
		Ok(Self {
			url: parsed,
			name,
			client: Mutex::default(),
		})
	}

	async fn client(&self) -> Result<RpcClient, EvmError> {
		let mut client = self.client.lock().await;
		if let Some(client) = &*client {
			return Ok(client.clone());
		}
		match timeout(PATIENCE, self.connect()).await {
			Ok(new) => Ok(client.insert(new?).clone()),
			Err(_) => Err(EvmError::TimedOut(PATIENCE)),
		}
	}

	async fn connect(&self) -> Result<RpcClient, EvmError> {
		// The first wins, here or elsewhere in the process; they are the same.
		let _ = rustls::crypto::ring::default_provider().install_default();
		if self.url.scheme().starts_with("ws") {
			let connect = WsConnect::new(self.url.as_str());
			return ClientBuilder::default()
				.ws(connect)
				.await
				.map_err(|e| self.error(e));
		}
		let mut http = reqwest::Client::builder().timeout(PATIENCE);
		if self.is_local() {
			// No proxy knows this machine's own ports.
			http = http.no_proxy();
		}
		let http = http.build().map_err(|e| EvmError::Unreachable(e.to_string()))?;
		Ok(ClientBuilder::default().http_with_client(http, self.url.clone()))
	}

	fn is_local(&self) -> bool {
		let host = self.url.host_str().unwrap_or_default();
		let ip = host
			.trim_start_matches('[')
			.trim_end_matches(']')
			.parse::<std::net::IpAddr>();
		host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
	}

	async fn ask<P, R>(&self, method: &'static str, params: P) -> Result<R, EvmError>
	where
		P: RpcSend + 'static,
		R: RpcRecv,
	{
		let client = self.client().await?;
		let request = async { client.request::<P, R>(method, params).await };
		match timeout(PATIENCE, request).await {
			Ok(Ok(answer)) => Ok(answer),
			Ok(Err(error)) => {
				if matches!(&error, RpcError::Transport(kind) if kind.is_backend_gone()) {
					*self.client.lock().await = None;
				}
				Err(self.error(error))
			},
			Err(_) => Err(EvmError::TimedOut(PATIENCE)),
		}
	}

	/// An error as ours. URLs, which may hold keys, are taken out of its text.
	fn error(&self, error: TransportError) -> EvmError {
		let plain = |text: String| text.replace(self.url.as_str(), &self.name);
		match error {
			RpcError::ErrorResp(e) => {
				let text = e.message.to_ascii_lowercase();
				if let Some(data) = e.as_revert_data() {
					return EvmError::Reverted(data);
				}
				if text.contains("revert") {
					return EvmError::Reverted(Bytes::new());
				}
				let limited = matches!(e.code, 429 | -32_029)
					|| text.contains("rate limit")
					|| text.contains("too many requests")
					|| text.contains("compute units");
				match limited {
					true => EvmError::RateLimited { wait: None },
					false => EvmError::Refused {
						code: e.code,
						message: plain(e.message.into_owned()),
					},
				}
			},
			RpcError::Transport(kind) => match kind.as_http_error() {
				Some(http) if http.is_rate_limit_err() => EvmError::RateLimited {
					wait: kind.retry_after(),
				},
				_ => EvmError::Unreachable(plain(root_cause(&kind))),
			},
			RpcError::DeserError { err, .. } => EvmError::Unreadable(plain(err.to_string())),
			RpcError::NullResp => EvmError::Unreadable("it answers nothing".into()),
			other => EvmError::Unreachable(plain(other.to_string())),
		}
	}
}

/// What the operating system or the peer said, after the layers above it.
fn root_cause(kind: &TransportErrorKind) -> String {
	let mut text = kind.to_string();
	let mut at: &dyn std::error::Error = kind;
	while let Some(source) = at.source() {
		at = source;
		text = at.to_string();
	}
	text
}

fn block(tag: Tag) -> BlockNumberOrTag {
	match tag {
		Tag::Latest => BlockNumberOrTag::Latest,
		Tag::Finalized => BlockNumberOrTag::Finalized,
		Tag::Number(number) => BlockNumberOrTag::Number(number),
	}
}

#[async_trait]
impl Endpoint for Rpc {
	fn name(&self) -> &str {
		&self.name
	}

	async fn chain_id(&self) -> Result<u64, EvmError> {
		self.ask::<_, U64>("eth_chainId", ()).await.map(|id| id.to())
	}

	async fn head(&self, tag: Tag) -> Result<Option<Head>, EvmError> {
		let head: Option<RawHead> = self.ask("eth_getBlockByNumber", (block(tag), false)).await?;
		Ok(head.map(|head| Head {
			number: head.number.to(),
			hash: head.hash,
			time: head.timestamp.to(),
			base_fee: head.base_fee_per_gas.map(|fee| fee.saturating_to()),
		}))
	}

	async fn logs(&self, query: &Query) -> Result<Vec<Log>, EvmError> {
		let mut filter = Filter::new()
			.address(query.address)
			.from_block(query.from)
			.to_block(query.to)
			.event_signature(query.events.clone());
		if let Some(subject) = query.subject {
			filter = filter.topic1(subject);
		}
		self.ask("eth_getLogs", (filter,)).await
	}

	async fn call(&self, call: &ViewCall, at: Tag) -> Result<Bytes, EvmError> {
		let mut object = json!({ "to": call.to, "data": call.data });
		if let Some(from) = call.from {
			object["from"] = json!(from);
		}
		if let Some(gas) = call.gas {
			object["gas"] = json!(U64::from(gas));
		}
		self.ask("eth_call", (object, block(at))).await
	}

	async fn nonce(&self, account: Address) -> Result<u64, EvmError> {
		self.ask::<_, U64>("eth_getTransactionCount", (account, BlockNumberOrTag::Latest))
			.await
			.map(|nonce| nonce.to())
	}

	async fn balance(&self, account: Address) -> Result<U256, EvmError> {
		self.ask("eth_getBalance", (account, BlockNumberOrTag::Latest))
			.await
	}

	async fn tip(&self, has_base_fee: bool) -> Result<u128, EvmError> {
		let method = if has_base_fee {
			"eth_maxPriorityFeePerGas"
		} else {
			"eth_gasPrice"
		};
		self.ask::<_, U256>(method, ())
			.await
			.map(|fee| fee.saturating_to())
	}

	async fn send(&self, transaction: &Bytes) -> Result<B256, EvmError> {
		self.ask("eth_sendRawTransaction", (transaction.clone(),)).await
	}

	async fn receipt(&self, transaction: B256) -> Result<Option<Receipt>, EvmError> {
		let receipt: Option<RawReceipt> = self.ask("eth_getTransactionReceipt", (transaction,)).await?;
		Ok(receipt.and_then(|receipt| {
			Some(Receipt {
				block: receipt.block_number?.to(),
				success: receipt.status.is_none_or(|status| !status.is_zero()),
				gas_used: receipt.gas_used.to(),
			})
		}))
	}
}
