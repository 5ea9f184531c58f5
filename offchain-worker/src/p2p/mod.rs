//! Peer to peer: how files reach the worker and results leave it.
//!
//! Two protocols share one endpoint. iroh-blobs' own serves blobs by hash, to whom [`access`] lets; [`wire`] describes
//! the other, by which creators hand over files, watch their deals and get the openings of the seals.

pub mod access;
pub mod client;
mod places;
mod reserved;
pub mod server;
pub mod wire;

#[cfg(test)]
mod tests;

pub use access::Access;
pub use client::{Download, DownloadLimits, PeerClient, PeerSession, RequestSigner};
pub use reserved::Reserved;
pub use server::PeerService;
pub use wire::{Purpose, Refusal};

use crate::{config::WorkerConfig, results::ResultError};
use iroh::{
	endpoint::{presets, PortmapperConfig},
	Endpoint, EndpointAddr, RelayMode, SecretKey, TransportAddr,
};
use lilypad_primitives::{
	offer::{MAX_PEER_ADDRESS, MAX_PEER_ADDRESSES},
	PeerAddress,
};
use std::{
	net::{IpAddr, Ipv4Addr, SocketAddr},
	time::Duration,
};

/// Longest wait for a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest wait for the endpoint to find its own addresses.
const INTERFACES: Duration = Duration::from_secs(3);

/// Why something between peers failed.
#[derive(Debug, thiserror::Error)]
pub enum P2pError {
	/// The endpoint can't be opened.
	#[error("the peer-to-peer endpoint can't be opened: {0}")]
	Bind(String),
	/// The address on the chain is of no use.
	#[error("the peer's address can't be used: {0}")]
	Address(String),
	/// The peer does not answer.
	#[error("the peer {peer} can't be reached: {why}")]
	Unreachable {
		/// The peer.
		peer: String,
		/// The reason.
		why: String,
	},
	/// The connection broke.
	#[error("the connection to the peer broke: {0}")]
	Lost(String),
	/// The peer takes too long.
	#[error("the peer took too long for {0}")]
	Timeout(&'static str),
	/// The peer does not keep to the protocol.
	#[error("the peer does not keep to the protocol: {0}")]
	Protocol(String),
	/// The peer says no.
	#[error("the provider's worker refuses: {0}")]
	Refused(#[from] Refusal),
	/// What the peer sent is not what was asked for.
	#[error("the result is not what it should be: {0}")]
	BadContent(String),
	/// The local file system.
	#[error("{what} {path}: {source}")]
	Io {
		/// What was being done.
		what: &'static str,
		/// The path.
		path: std::path::PathBuf,
		/// The reason.
		source: std::io::Error,
	},
	/// The local store.
	#[error(transparent)]
	Store(#[from] ResultError),
}

impl P2pError {
	pub(crate) fn lost(error: impl std::error::Error + 'static) -> Self {
		Self::Lost(crate::error::chain_of(&error))
	}

	/// Whether trying again may help.
	pub fn is_transient(&self) -> bool {
		matches!(
			self,
			Self::Unreachable { .. }
				| Self::Lost(_)
				| Self::Timeout(_)
				| Self::Refused(
					Refusal::Busy | Refusal::NotReady | Refusal::Unknown | Refusal::Unavailable(_)
				)
		)
	}
}

/// Opens an endpoint without relays or address lookup: peers find each other through the chain.
pub async fn bind(key: SecretKey, listen: Option<SocketAddr>) -> Result<Endpoint, P2pError> {
	let mut builder = Endpoint::builder(presets::Minimal)
		.secret_key(key)
		.relay_mode(RelayMode::Disabled)
		.portmapper_config(PortmapperConfig::Disabled);
	if let Some(address) = listen {
		builder = builder
			.clear_ip_transports()
			.bind_addr(address)
			.map_err(|e| P2pError::Bind(e.to_string()))?;
	}
	builder
		.bind()
		.await
		.map_err(|e| P2pError::Bind(crate::error::chain_of(&e)))
}

/// The address to announce on the chain: the configured one, or what the endpoint knows about itself.
pub async fn announced(endpoint: &Endpoint, config: &WorkerConfig) -> PeerAddress {
	let addresses = match config.public_addresses.is_empty() {
		false => config.public_addresses.clone(),
		true => {
			let everywhere = endpoint
				.bound_sockets()
				.iter()
				.any(|address| address.ip().is_unspecified());
			// It takes the endpoint a moment to find its interfaces.
			let deadline = tokio::time::Instant::now() + INTERFACES;
			while everywhere
				&& endpoint.addr().ip_addrs().next().is_none()
				&& tokio::time::Instant::now() < deadline
			{
				tokio::time::sleep(Duration::from_millis(50)).await;
			}
			own_addresses(endpoint).iter().map(ToString::to_string).collect()
		},
	};
	let addresses = addresses
		.into_iter()
		.filter(|a| a.len() <= MAX_PEER_ADDRESS as usize)
		.filter_map(|a| a.into_bytes().try_into().ok())
		.take(MAX_PEER_ADDRESSES as usize)
		.collect::<Vec<_>>();
	PeerAddress {
		id: *endpoint.id().as_bytes(),
		addresses: addresses.try_into().unwrap_or_default(),
	}
}

fn own_addresses(endpoint: &Endpoint) -> Vec<SocketAddr> {
	let bound = endpoint.bound_sockets();
	let mut out: Vec<SocketAddr> = bound
		.iter()
		.filter(|a| !a.ip().is_unspecified())
		.copied()
		.collect();
	let known = endpoint.addr();
	let useful = |ip: IpAddr| match ip {
		IpAddr::V4(_) => true,
		// Link-local addresses mean nothing without the interface's name.
		IpAddr::V6(ip) => !ip.is_unicast_link_local(),
	};
	out.extend(known.ip_addrs().filter(|a| useful(a.ip())));
	out.sort_by_key(|a| (a.ip().is_loopback(), a.is_ipv6(), *a));
	out.dedup();
	if out.is_empty() {
		let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
		out.extend(bound.iter().filter(|a| a.is_ipv4()).map(|a| loopback(a.port())));
	}
	out
}

/// The address of a peer as the endpoint wants it.
pub fn endpoint_addr(peer: &PeerAddress) -> Result<EndpointAddr, P2pError> {
	let id = iroh::PublicKey::from_bytes(&peer.id).map_err(|e| P2pError::Address(e.to_string()))?;
	let addresses = peer
		.addresses
		.iter()
		.filter_map(|text| std::str::from_utf8(text).ok()?.parse::<SocketAddr>().ok())
		.map(TransportAddr::Ip)
		.collect::<Vec<_>>();
	if addresses.is_empty() {
		return Err(P2pError::Address(format!(
			"the peer {} has announced no socket address",
			id.fmt_short()
		)));
	}
	Ok(EndpointAddr::from_parts(id, addresses))
}
