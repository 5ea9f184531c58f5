//! Who may fetch which blob.
//!
//! Archives of modules and opened results are for everybody. A result whose seal is not open yet is for its creator alone,
//! so that nobody can copy it or probe for it, and for mediators who have found the same; input files are for the mediators
//! of a dispute alone, and logs are never served by hash.

use iroh::EndpointId;
use iroh_blobs::{
	provider::events::{
		AbortReason, ConnectMode, EventMask, EventSender, ObserveMode, ProviderMessage, RequestMode,
	},
	Hash,
};
use std::{
	collections::{HashMap, HashSet},
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
struct Inner {
	public: HashSet<Hash>,
	granted: HashMap<Hash, HashSet<EndpointId>>,
}

/// Who may fetch which blob. What is not listed is refused.
#[derive(Clone, Debug, Default)]
pub struct Access(Arc<Mutex<Inner>>);

impl Access {
	fn lock(&self) -> MutexGuard<'_, Inner> {
		self.0.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Opens a blob, or a collection with everything in it, to everybody.
	pub fn publish(&self, hash: [u8; 32]) {
		let mut inner = self.lock();
		inner.public.insert(hash.into());
		inner.granted.remove(&Hash::from(hash));
	}

	/// Opens it to one peer.
	pub fn grant(&self, hash: [u8; 32], peer: EndpointId) {
		self.lock().granted.entry(hash.into()).or_default().insert(peer);
	}

	/// Takes back what was granted to single peers. What is open to everybody stays open.
	pub fn revoke(&self, hash: [u8; 32]) {
		self.lock().granted.remove(&Hash::from(hash));
	}

	/// Closes it.
	pub fn withdraw(&self, hash: [u8; 32]) {
		let mut inner = self.lock();
		inner.public.remove(&Hash::from(hash));
		inner.granted.remove(&Hash::from(hash));
	}

	/// Whether everybody may fetch it.
	pub fn is_public(&self, hash: [u8; 32]) -> bool {
		self.lock().public.contains(&Hash::from(hash))
	}

	/// Whether something is open to this peer that is not open to everybody.
	pub(super) fn knows(&self, peer: &EndpointId) -> bool {
		self.lock().granted.values().any(|peers| peers.contains(peer))
	}

	fn allows(&self, hash: &Hash, peer: Option<&EndpointId>) -> bool {
		let inner = self.lock();
		inner.public.contains(hash)
			|| peer.is_some_and(|peer| inner.granted.get(hash).is_some_and(|peers| peers.contains(peer)))
	}

	/// The hook of the blob protocol that asks here. Its task ends with `shutdown`.
	pub(super) fn gate(&self, shutdown: CancellationToken) -> EventSender {
		let mask = EventMask {
			connected: ConnectMode::Intercept,
			get: RequestMode::Intercept,
			get_many: RequestMode::Disabled,
			push: RequestMode::Disabled,
			observe: ObserveMode::Intercept,
			..EventMask::DEFAULT
		};
		let (sender, mut events) = EventSender::channel(64, mask);
		let access = self.clone();
		tokio::spawn(async move {
			let mut peers: HashMap<u64, EndpointId> = HashMap::new();
			loop {
				let message = tokio::select! {
					message = events.recv() => message,
					() = shutdown.cancelled() => None,
				};
				let Some(message) = message else { break };
				let verdict = |allowed| {
					if allowed {
						Ok(())
					} else {
						Err(AbortReason::Permission)
					}
				};
				// A peer that is gone before it is answered needs no answer.
				match message {
					ProviderMessage::ClientConnected(event) => {
						let answer = match event.endpoint_id {
							Some(peer) => {
								peers.insert(event.connection_id, peer);
								Ok(())
							},
							None => Err(AbortReason::Permission),
						};
						event.tx.send(answer).await.ok();
					},
					ProviderMessage::ConnectionClosed(event) => {
						peers.remove(&event.connection_id);
					},
					ProviderMessage::GetRequestReceived(event) => {
						let allowed = access.allows(&event.request.hash, peers.get(&event.connection_id));
						event.tx.send(verdict(allowed)).await.ok();
					},
					ProviderMessage::ObserveRequestReceived(event) => {
						let allowed = access.allows(&event.request.hash, peers.get(&event.connection_id));
						event.tx.send(verdict(allowed)).await.ok();
					},
					_ => (),
				}
			}
		});
		sender
	}
}
