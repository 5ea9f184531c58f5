//! Where images, code and input files come from.
//!
//! In this order: the executor has the image already; it is in the worker's own store, where its author has put it; another
//! provider has it; a registry has it. Input files come from the job's creator alone; for mediators, from whoever has them.

use crate::{
	chain::Chain,
	config::Limits,
	datadir::DataDir,
	executor::PreparedSource,
	mediate::case_input_tag,
	p2p::{Access, P2pError, PeerClient},
	results::{module_tag, BlobStore, ResultError},
	AccountId,
};
use futures::StreamExt;
use iroh_blobs::{api::remote::GetProgressItem, Hash, HashAndFormat};
use lilypad_primitives::{
	manifest::{Blob, Manifest, Runtime},
	DealId, ModuleInfo, PeerAddress, VersionId,
};
use rand::seq::SliceRandom;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Longest pause while a blob is fetched from another provider.
const PAUSE: Duration = Duration::from_secs(20);
/// Most providers that are asked for an archive.
const MAX_PEERS: usize = 32;
/// How many of them are asked at the same time.
const PEERS_AT_ONCE: usize = 8;

/// Why something was not fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
	/// Nobody has it.
	#[error("{what} is not to be had: {why}")]
	NotFound {
		/// What.
		what: String,
		/// Who was asked.
		why: String,
	},
	/// Larger than this worker takes.
	#[error("{what} has {size} bytes; this worker takes at most {limit}")]
	TooLarge {
		/// What.
		what: String,
		/// Its size.
		size: u64,
		/// The limit.
		limit: u64,
	},
	/// The local store.
	#[error(transparent)]
	Store(#[from] ResultError),
}

/// The peers to ask for an archive: not always the same ones, or a few dead records could keep everybody from those who have
/// it.
fn some_of(peers: Vec<(AccountId, PeerAddress)>, me: &AccountId) -> Vec<PeerAddress> {
	let mut others = peers
		.into_iter()
		.filter(|(account, _)| account != me)
		.map(|(_, peer)| peer)
		.collect::<Vec<_>>();
	others.shuffle(&mut rand::rng());
	others.truncate(MAX_PEERS);
	others
}

/// Fetches.
#[derive(Clone)]
pub struct Sources {
	/// The chain, which knows the other providers.
	pub chain: Arc<dyn Chain>,
	/// The worker's folder.
	pub data: Arc<DataDir>,
	/// The worker's own store.
	pub blobs: BlobStore,
	/// Connects to the others.
	pub peers: PeerClient,
	/// Lets others fetch what was fetched.
	pub access: Access,
	/// How much may be fetched.
	pub limits: Limits,
}

/// A temporary file, removed when this is dropped.
pub struct TempFile(PathBuf);

impl Drop for TempFile {
	fn drop(&mut self) {
		// What stays behind is removed at the next start.
		std::fs::remove_file(&self.0).ok();
	}
}

impl Sources {
	/// The image or code of a module version, as a file or as a registry's name. The file lasts as long as what comes with
	/// it.
	pub async fn module(
		&self,
		version: VersionId,
		info: &ModuleInfo<crate::AccountId>,
		manifest: &Manifest,
		progress: impl Fn(u64, u64),
	) -> Result<(PreparedSource, Option<TempFile>), FetchError> {
		let reference = match &manifest.runtime {
			Runtime::Container { reference, .. } => reference.clone(),
			Runtime::Wasm { .. } => None,
		};
		let what = format!("the image or code of {}", info.name);
		let mut source = PreparedSource {
			image: info.runtime,
			file: None,
			reference: reference.clone(),
		};
		let Some(blob) = manifest.blob() else {
			return match reference {
				Some(_) => Ok((source, None)),
				None => Err(FetchError::NotFound {
					what,
					why: "its manifest names neither archive nor registry".into(),
				}),
			};
		};
		match self.blob(version, &blob, &what, progress).await {
			Ok(()) => {
				let path = self
					.data
					.tmp()
					.join(format!("{}-{}", blob.hash, rand::random::<u64>()));
				let file = TempFile(path.clone());
				self.blobs.export(blob.hash.0, &path).await?;
				source.file = Some(path);
				Ok((source, Some(file)))
			},
			Err(FetchError::NotFound { .. } | FetchError::TooLarge { .. }) if reference.is_some() => {
				Ok((source, None))
			},
			Err(error) => Err(error),
		}
	}

	/// Gets a module's blob into the own store.
	async fn blob(
		&self,
		version: VersionId,
		blob: &Blob,
		what: &str,
		progress: impl Fn(u64, u64),
	) -> Result<(), FetchError> {
		let tag = module_tag(version);
		let _until_it_is_tagged = self.blobs.hold(blob.hash.0).await?;
		if self.blobs.size(blob.hash.0).await?.is_some() {
			self.blobs.tag(blob.hash.0, &tag).await?;
			self.access.publish(blob.hash.0);
			return Ok(());
		}
		let limit = self.limits.max_archive_bytes;
		if blob.size > limit {
			return Err(FetchError::TooLarge {
				what: what.into(),
				size: blob.size,
				limit,
			});
		}
		let me = self.chain.account();
		let not_found = |why: String| FetchError::NotFound {
			what: what.into(),
			why,
		};
		let peers = self.chain.peers().await.map_err(|e| not_found(e.to_string()))?;
		let peers = some_of(peers, &me);
		let asked = peers.len();
		// Many may be dead, and each of them takes long to say so.
		let mut found = futures::stream::iter(peers)
			.map(|peer| async move { (self.peers.verified_size(&peer, blob.hash.0).await, peer) })
			.buffer_unordered(PEERS_AT_ONCE);
		while let Some((has, peer)) = found.next().await {
			let fetched = match has {
				Ok(_) => self.fetch_from(&peer, blob, &progress).await,
				Err(error) => Err(error),
			};
			match fetched {
				Ok(()) => {
					self.blobs.tag(blob.hash.0, &tag).await?;
					self.access.publish(blob.hash.0);
					return Ok(());
				},
				Err(P2pError::Store(ResultError::DiskFull)) => return Err(ResultError::DiskFull.into()),
				Err(error) => {
					tracing::debug!(peer = %hex::encode(peer.id), %error, "{what} was not fetched from this peer")
				},
			}
		}
		Err(not_found(format!(
			"its author has not handed it over, and none of {asked} other providers had it"
		)))
	}

	async fn fetch_from(
		&self,
		peer: &PeerAddress,
		blob: &Blob,
		progress: &impl Fn(u64, u64),
	) -> Result<(), P2pError> {
		// The hash vouches for the size too: a peer can't make us fetch more than the manifest says.
		let size = self.peers.verified_size(peer, blob.hash.0).await?;
		if size != blob.size {
			return Err(P2pError::BadContent(format!(
				"it has {size} bytes, not {}",
				blob.size
			)));
		}
		let connection = self.peers.blob_connection(peer).await?;
		let content = HashAndFormat::raw(Hash::from(blob.hash.0));
		let mut fetching = Box::pin(self.blobs.inner().remote().fetch(connection, content).stream());
		loop {
			let item = tokio::time::timeout(PAUSE, fetching.next()).await;
			match item.map_err(|_| P2pError::Timeout("an archive's next bytes"))? {
				Some(GetProgressItem::Progress(done)) => progress(done.min(size), size),
				Some(GetProgressItem::Done(_)) => return Ok(()),
				Some(GetProgressItem::Error(error)) => {
					return Err(P2pError::Store(ResultError::store(error)))
				},
				None => return Err(P2pError::Lost("the download ended early".into())),
			}
		}
	}

	/// Which of these files are not in the own store.
	pub async fn missing(&self, files: &[Blob]) -> Result<Vec<Blob>, ResultError> {
		let mut missing = Vec::new();
		for file in files {
			if self.blobs.size(file.hash.0).await?.is_none() {
				missing.push(*file);
			}
		}
		Ok(missing)
	}

	/// Gets the input files of a disputed deal's job into the own store, for a mediator of its panel: from whoever of these
	/// accounts has them, in their order. What they are hash-checked against is on the chain, so anybody may serve.
	pub async fn case_inputs(
		&self,
		deal: DealId,
		files: &[Blob],
		from: &[AccountId],
	) -> Result<(), FetchError> {
		let mut missing = self.missing(files).await?;
		let mut failure = "nobody has announced an address".to_string();
		for account in from {
			if missing.is_empty() {
				break;
			}
			match self.case_inputs_from(deal, &missing, account).await {
				Ok(()) => (),
				Err(P2pError::Store(error @ ResultError::DiskFull)) => return Err(error.into()),
				Err(error) => failure = format!("{account}: {error}"),
			}
			missing = self.missing(files).await?;
		}
		for file in files {
			if !missing.contains(file) {
				self.blobs
					.tag(file.hash.0, &case_input_tag(deal, &file.hash.0))
					.await?;
			}
		}
		match missing.len() {
			0 => Ok(()),
			n => Err(FetchError::NotFound {
				what: format!("{n} input files"),
				why: failure,
			}),
		}
	}

	async fn case_inputs_from(
		&self,
		deal: DealId,
		files: &[Blob],
		account: &AccountId,
	) -> Result<(), P2pError> {
		let address = self.chain.peer(account).await;
		let address = address.map_err(|e| P2pError::Address(e.to_string()))?;
		let peer = address.ok_or_else(|| P2pError::Address("it has announced none".into()))?;
		self.peers.connect(&peer).await?.case_inputs(deal).await?;
		for file in files {
			let _until_it_is_tagged = self.blobs.hold(file.hash.0).await?;
			self.fetch_from(&peer, file, &|_, _| ()).await?;
			self.blobs
				.tag(file.hash.0, &case_input_tag(deal, &file.hash.0))
				.await?;
		}
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::collections::HashSet;

	#[test]
	fn every_other_provider_is_asked_sooner_or_later() {
		let account = |n: u8| AccountId::new([n; 32]);
		let peer = |n: u8| PeerAddress {
			id: [n; 32],
			..PeerAddress::default()
		};
		let peers = (0..100).map(|n| (account(n), peer(n))).collect::<Vec<_>>();
		let mut asked = HashSet::new();
		for _ in 0..200 {
			let some = some_of(peers.clone(), &account(7));
			assert_eq!(some.len(), MAX_PEERS);
			asked.extend(some.into_iter().map(|peer| peer.id[0]));
		}
		assert_eq!(asked.len(), 99, "all but this worker");
		assert!(!asked.contains(&7));
	}
}
