//! Content-addressed storage: input files, archives of modules, and results, which peers fetch by their BLAKE3.

use async_trait::async_trait;
use bytes::Bytes;
use futures::Stream;
use iroh_blobs::{
	api::{
		blobs::{BlobStatus, ExportMode, ExportOptions},
		TempTag,
	},
	format::collection::Collection,
	store::{
		fs::{options::Options, FsStore},
		GcConfig,
	},
	BlobFormat, Hash, HashAndFormat,
};
use lilypad_primitives::OutputRoot;
use std::{
	io,
	path::{Path, PathBuf},
	time::Duration,
};

/// How often blobs that nothing refers to are removed.
const GC_INTERVAL: Duration = Duration::from_secs(300);

/// Why the store can't do something.
#[derive(Debug, thiserror::Error)]
pub enum ResultError {
	/// The disk is full.
	#[error("the disk is full")]
	DiskFull,
	/// The bytes are not those that their hash promises.
	#[error("the bytes have the hash {got}, not {expected}")]
	WrongHash {
		/// What was promised.
		expected: Hash,
		/// What it is.
		got: Hash,
	},
	/// A blob is not there.
	#[error("{0} is not in the store")]
	Missing(Hash),
	/// A blob is larger than it may be here.
	#[error("{hash} has {size} bytes; at most {limit} are allowed")]
	TooLarge {
		/// The blob.
		hash: Hash,
		/// Its size.
		size: u64,
		/// The limit.
		limit: u64,
	},
	/// The store failed.
	#[error("the store of results failed: {0}")]
	Store(String),
}

impl ResultError {
	pub(crate) fn store(error: impl std::error::Error + 'static) -> Self {
		match crate::datadir::is_disk_full(&error) {
			true => Self::DiskFull,
			false => Self::Store(crate::error::chain_of(&error)),
		}
	}
}

/// One file of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultEntry {
	/// Its name: `stdout`, or `outputs/…`.
	pub name: String,
	/// Its BLAKE3.
	pub hash: [u8; 32],
	/// Its length in bytes.
	pub size: u64,
}

/// A file to publish.
#[derive(Clone, Debug)]
pub struct ResultFile {
	/// Its name.
	pub name: String,
	/// The BLAKE3 that it must have.
	pub hash: [u8; 32],
	/// Where it is.
	pub path: PathBuf,
}

/// Where results are published and read.
#[async_trait]
pub trait ResultStore: Send + Sync {
	/// Publishes files, sorted by name, as one result which is kept under `tag`. Returns its root.
	async fn publish(&self, tag: &str, files: &[ResultFile]) -> Result<OutputRoot, ResultError>;
	/// The files of a result that has been published here.
	async fn list(&self, root: OutputRoot) -> Result<Vec<ResultEntry>, ResultError>;
	/// The bytes of a small blob.
	async fn read(&self, hash: [u8; 32], limit: u64) -> Result<Bytes, ResultError>;
	/// Stops keeping what stands under `tag`.
	async fn drop_tag(&self, tag: &str) -> Result<(), ResultError>;
}

/// The store, in a folder.
#[derive(Clone, Debug)]
pub struct BlobStore {
	store: FsStore,
}

impl BlobStore {
	/// Opens or creates it.
	pub async fn open(root: &Path) -> Result<Self, ResultError> {
		let mut options = Options::new(root);
		options.gc = Some(GcConfig {
			interval: GC_INTERVAL,
			add_protected: None,
		});
		let store = FsStore::load_with_opts(root.join("blobs.db"), options)
			.await
			.map_err(|e| ResultError::Store(format!("{e:#}")))?;
		Ok(Self { store })
	}

	/// The store itself, for the protocol that serves it.
	pub fn inner(&self) -> &FsStore {
		&self.store
	}

	/// The size of a blob that is completely there.
	pub async fn size(&self, hash: [u8; 32]) -> Result<Option<u64>, ResultError> {
		match self
			.store
			.blobs()
			.status(Hash::from(hash))
			.await
			.map_err(ResultError::store)?
		{
			BlobStatus::Complete { size } => Ok(Some(size)),
			_ => Ok(None),
		}
	}

	/// Keeps what there is of a blob, and what comes, for as long as this lives: what is being fetched has no tag yet, and
	/// would be tidied away.
	pub async fn hold(&self, hash: [u8; 32]) -> Result<TempTag, ResultError> {
		let held = self.store.tags().temp_tag(HashAndFormat::raw(Hash::from(hash)));
		held.await.map_err(ResultError::store)
	}

	/// Adds a file that must have a certain hash, and keeps it under `tag`.
	pub async fn add_file(&self, path: &Path, expected: [u8; 32], tag: &str) -> Result<(), ResultError> {
		let added = self
			.store
			.blobs()
			.add_path(path)
			.temp_tag()
			.await
			.map_err(ResultError::store)?;
		self.keep(added, expected, tag).await
	}

	/// Adds a stream of bytes that must have a certain hash, and keeps it under `tag`.
	pub async fn add_stream(
		&self,
		bytes: impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static,
		expected: [u8; 32],
		tag: &str,
	) -> Result<(), ResultError> {
		let added = self
			.store
			.blobs()
			.add_stream(bytes)
			.await
			.temp_tag()
			.await
			.map_err(ResultError::store)?;
		self.keep(added, expected, tag).await
	}

	/// Adds bytes and keeps them under `tag`.
	pub async fn add_bytes(&self, bytes: Bytes, tag: &str) -> Result<[u8; 32], ResultError> {
		let added = self
			.store
			.blobs()
			.add_bytes(bytes)
			.temp_tag()
			.await
			.map_err(ResultError::store)?;
		let hash = *added.hash().as_bytes();
		self.keep(added, hash, tag).await?;
		Ok(hash)
	}

	async fn keep(&self, added: TempTag, expected: [u8; 32], tag: &str) -> Result<(), ResultError> {
		if added.hash() != Hash::from(expected) {
			return Err(ResultError::WrongHash {
				expected: Hash::from(expected),
				got: added.hash(),
			});
		}
		self.store
			.tags()
			.set(tag, added.hash_and_format())
			.await
			.map_err(ResultError::store)?;
		self.sync().await
	}

	/// Waits until what was added is on disk. The store collects its writes for a while, and what is promised to the chain
	/// must outlive a worker that is killed in the next moment.
	async fn sync(&self) -> Result<(), ResultError> {
		self.store.sync_db().await.map_err(ResultError::store)
	}

	/// Keeps a blob that is there under one more tag.
	pub async fn tag(&self, hash: [u8; 32], tag: &str) -> Result<(), ResultError> {
		self.store
			.tags()
			.set(tag, HashAndFormat::raw(Hash::from(hash)))
			.await
			.map_err(ResultError::store)
	}

	/// The blob kept under a tag.
	pub async fn tag_hash(&self, tag: &str) -> Result<Option<[u8; 32]>, ResultError> {
		let found = self.store.tags().get(tag).await.map_err(ResultError::store)?;
		Ok(found.map(|info| *info.hash.as_bytes()))
	}

	/// The blobs kept under tags that begin with `prefix`: tag, hash and size of each.
	pub async fn tagged(&self, prefix: &str) -> Result<Vec<(String, [u8; 32], u64)>, ResultError> {
		use futures::StreamExt;
		let mut tags = Box::pin(
			self.store
				.tags()
				.list_prefix(prefix)
				.await
				.map_err(ResultError::store)?,
		);
		let mut out = Vec::new();
		while let Some(tag) = tags.next().await {
			let tag = tag.map_err(ResultError::store)?;
			let hash = *tag.hash.as_bytes();
			let name = String::from_utf8_lossy(tag.name.0.as_ref()).into_owned();
			out.push((name, hash, self.size(hash).await?.unwrap_or(0)));
		}
		Ok(out)
	}

	/// Copies a blob to a file.
	pub async fn export(&self, hash: [u8; 32], target: &Path) -> Result<u64, ResultError> {
		let hash = Hash::from(hash);
		if self.size(*hash.as_bytes()).await?.is_none() {
			return Err(ResultError::Missing(hash));
		}
		let options = ExportOptions {
			hash,
			mode: ExportMode::Copy,
			target: target.to_path_buf(),
		};
		self.store
			.blobs()
			.export_with_opts(options)
			.await
			.map_err(ResultError::store)
	}

	/// Keeps the result of a run without outputs under `tag`.
	pub async fn publish_nothing(&self, tag: &str) -> Result<(), ResultError> {
		self.publish(tag, &[]).await.map(|_| ())
	}

	/// Bytes of all files of a result that has been published here.
	pub async fn total_size(&self, root: OutputRoot) -> Result<u64, ResultError> {
		let files = self.list(root).await?;
		Ok(files
			.iter()
			.fold(0, |sum: u64, file| sum.saturating_add(file.size)))
	}

	/// Writes everything to disk and closes the store.
	pub async fn shutdown(&self) -> Result<(), ResultError> {
		self.store.shutdown().await.map_err(ResultError::store)
	}
}

#[async_trait]
impl ResultStore for BlobStore {
	async fn publish(&self, tag: &str, files: &[ResultFile]) -> Result<OutputRoot, ResultError> {
		// The temporary tags keep the files until the collection's own tag does.
		let mut kept = Vec::with_capacity(files.len());
		let mut collection = Collection::default();
		for file in files {
			let added = self
				.store
				.blobs()
				.add_path(&file.path)
				.temp_tag()
				.await
				.map_err(ResultError::store)?;
			if added.hash() != Hash::from(file.hash) {
				return Err(ResultError::WrongHash {
					expected: Hash::from(file.hash),
					got: added.hash(),
				});
			}
			collection.push(file.name.clone(), added.hash());
			kept.push(added);
		}
		let root = collection
			.store(&self.store)
			.await
			.map_err(|e| ResultError::Store(format!("{e:#}")))?;
		self.store
			.tags()
			.set(tag, root.hash_and_format())
			.await
			.map_err(ResultError::store)?;
		self.sync().await?;
		Ok(OutputRoot(*root.hash().as_bytes()))
	}

	async fn list(&self, root: OutputRoot) -> Result<Vec<ResultEntry>, ResultError> {
		let root = Hash::from(root.0);
		if self.size(*root.as_bytes()).await?.is_none() {
			return Err(ResultError::Missing(root));
		}
		let collection = Collection::load(root, self.store.as_ref() as &iroh_blobs::api::Store)
			.await
			.map_err(|e| ResultError::Store(format!("{e:#}")))?;
		let mut out = Vec::with_capacity(collection.len());
		for (name, hash) in collection {
			let size = self
				.size(*hash.as_bytes())
				.await?
				.ok_or(ResultError::Missing(hash))?;
			out.push(ResultEntry {
				name,
				hash: *hash.as_bytes(),
				size,
			});
		}
		Ok(out)
	}

	async fn read(&self, hash: [u8; 32], limit: u64) -> Result<Bytes, ResultError> {
		let hash = Hash::from(hash);
		let size = self
			.size(*hash.as_bytes())
			.await?
			.ok_or(ResultError::Missing(hash))?;
		if size > limit {
			return Err(ResultError::TooLarge { hash, size, limit });
		}
		self.store
			.blobs()
			.get_bytes(hash)
			.await
			.map_err(ResultError::store)
	}

	async fn drop_tag(&self, tag: &str) -> Result<(), ResultError> {
		self.store
			.tags()
			.delete(tag)
			.await
			.map(|_| ())
			.map_err(ResultError::store)
	}
}

/// The root of a result from its files' names and hashes, in the order of the names.
pub fn collection_root<'a>(entries: impl IntoIterator<Item = (&'a str, [u8; 32])>) -> OutputRoot {
	let collection = entries
		.into_iter()
		.map(|(name, hash)| (name.to_owned(), Hash::from(hash)))
		.collect::<Collection>();
	// The last blob is the sequence of hashes, whose own hash is the collection's.
	let root = collection.to_blobs().last().map(Hash::new).unwrap_or(Hash::EMPTY);
	OutputRoot(*root.as_bytes())
}

/// The format under which results are fetched.
pub(crate) fn as_collection(root: OutputRoot) -> HashAndFormat {
	HashAndFormat {
		hash: Hash::from(root.0),
		format: BlobFormat::HashSeq,
	}
}

/// Tag of a deal's result.
pub fn result_tag(deal: lilypad_primitives::DealId) -> String {
	format!("result/{deal}")
}

/// Tag of what came along with a deal's result, unverified.
pub fn sidecar_tag(deal: lilypad_primitives::DealId) -> String {
	format!("sidecar/{deal}")
}

/// Tag of one of a job's input files.
pub fn input_tag(job: lilypad_primitives::JobId, hash: &[u8; 32]) -> String {
	format!("input/{job}/{}", hex::encode(hash))
}

/// Tag of a module version's archive or code.
pub fn module_tag(version: lilypad_primitives::VersionId) -> String {
	format!("module/{version}")
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::DealId;

	fn write(dir: &Path, name: &str, bytes: &[u8]) -> ResultFile {
		let path = dir.join(name.replace('/', "_"));
		std::fs::write(&path, bytes).expect("written");
		ResultFile {
			name: name.into(),
			hash: *blake3::hash(bytes).as_bytes(),
			path,
		}
	}

	/// The example dapp computes the same in the browser: `evm-bridge/example-dapp/test/unit.test.mjs`.
	#[test]
	fn roots_are_those_that_the_example_dapp_computes() {
		let long = format!("outputs/ä{}", "b".repeat(191));
		let files = [
			("outputs/a", [0x11; 32]),
			(long.as_str(), [0x22; 32]),
			("stdout", [0x33; 32]),
		];
		assert_eq!(
			collection_root(files).to_string(),
			"0ca781f969a21cd4596085a734cd28951f6938b23acdfe1c541e30273c09af09"
		);
		assert_eq!(
			collection_root([]).to_string(),
			"c69e3bb6adb62a337f033d8d5d34498f7e58af9eadfbd8a835b6b0f7e861dbad"
		);
	}

	#[tokio::test]
	async fn a_published_result_is_listed_read_and_found_after_reopening() {
		let dir = tempfile::tempdir().expect("a folder");
		let files = [
			write(dir.path(), "outputs/a", &[7; 100_000]),
			write(dir.path(), "stdout", b"moo\n"),
		];
		let blobs = dir.path().join("blobs");
		let store = BlobStore::open(&blobs).await.expect("new");
		let root = store
			.publish(&result_tag(DealId(1)), &files)
			.await
			.expect("published");
		assert_eq!(
			root,
			collection_root(files.iter().map(|f| (f.name.as_str(), f.hash)))
		);
		store.shutdown().await.expect("closed");

		let store = BlobStore::open(&blobs).await.expect("reopened");
		let entries = store.list(root).await.expect("there");
		let names = entries
			.iter()
			.map(|e| (e.name.as_str(), e.size))
			.collect::<Vec<_>>();
		assert_eq!(names, [("outputs/a", 100_000), ("stdout", 4)]);
		assert_eq!(
			store.read(entries[1].hash, 10).await.expect("small").as_ref(),
			b"moo\n"
		);
		assert!(matches!(
			store.read(entries[0].hash, 10).await,
			Err(ResultError::TooLarge { .. })
		));
		store.shutdown().await.expect("closed");
	}

	/// A copy of the folder is what a worker finds that was killed at that moment.
	#[tokio::test]
	async fn what_was_published_outlives_a_kill_in_the_next_moment() {
		let dir = tempfile::tempdir().expect("a folder");
		let (blobs, after) = (dir.path().join("blobs"), dir.path().join("after"));
		let store = BlobStore::open(&blobs).await.expect("new");
		let files = [
			write(dir.path(), "outputs/a", &[7; 100_000]),
			write(dir.path(), "stdout", b"moo\n"),
		];
		let root = store.publish("result", &files).await.expect("published");
		let input = store
			.add_bytes(Bytes::from_static(b"input"), "input")
			.await
			.expect("kept");
		let copied = std::process::Command::new("cp")
			.arg("-r")
			.arg(&blobs)
			.arg(&after)
			.status();
		assert!(copied.expect("copied").success());

		let survivor = BlobStore::open(&after).await.expect("reopened");
		assert_eq!(survivor.list(root).await.expect("there").len(), 2);
		assert_eq!(survivor.read(input, 10).await.expect("there").as_ref(), b"input");
		for store in [store, survivor] {
			store.shutdown().await.expect("closed");
		}
	}

	#[tokio::test]
	async fn bytes_with_another_hash_are_refused() {
		let dir = tempfile::tempdir().expect("a folder");
		let store = BlobStore::open(&dir.path().join("blobs")).await.expect("new");
		let mut file = write(dir.path(), "stdout", b"moo");
		file.hash = [1; 32];
		assert!(matches!(
			store.publish("x", &[file.clone()]).await,
			Err(ResultError::WrongHash { .. })
		));
		assert!(matches!(
			store.add_file(&file.path, [1; 32], "x").await,
			Err(ResultError::WrongHash { .. })
		));
		assert!(store.tagged("x").await.expect("readable").is_empty());
	}

	#[tokio::test]
	async fn what_is_not_there_is_missing() {
		let dir = tempfile::tempdir().expect("a folder");
		let store = BlobStore::open(&dir.path().join("blobs")).await.expect("new");
		assert!(matches!(
			store.list(OutputRoot([9; 32])).await,
			Err(ResultError::Missing(_))
		));
		assert!(matches!(
			store.export([9; 32], &dir.path().join("x")).await,
			Err(ResultError::Missing(_))
		));
		assert_eq!(store.size([9; 32]).await.expect("readable"), None);
	}
}
