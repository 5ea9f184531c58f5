//! The worker's folder: its layout, its lock, and the key that peers know it by.

use crate::WorkerError;
use iroh::SecretKey;
use std::{
	fs::{File, OpenOptions, TryLockError},
	io::Write,
	path::{Path, PathBuf},
};

/// The worker's folder, locked for as long as this lives.
#[derive(Debug)]
pub struct DataDir {
	root: PathBuf,
	_lock: File,
}

impl DataDir {
	/// Creates the folder if need be, for nobody else to look into, and locks it.
	pub fn open(root: &Path) -> Result<Self, WorkerError> {
		for dir in [root.to_path_buf(), root.join("work"), root.join("tmp")] {
			make_private(&dir).map_err(WorkerError::io("can't create the folder", &dir))?;
		}
		let path = root.join("lock");
		let lock = OpenOptions::new()
			.create(true)
			.truncate(false)
			.write(true)
			.open(&path)
			.map_err(WorkerError::io("can't open", &path))?;
		match lock.try_lock() {
			Ok(()) => Ok(Self {
				root: root.to_path_buf(),
				_lock: lock,
			}),
			Err(TryLockError::WouldBlock) => Err(WorkerError::DataDirInUse(root.to_path_buf())),
			Err(TryLockError::Error(source)) => Err(WorkerError::Io {
				what: "can't lock",
				path,
				source,
			}),
		}
	}

	/// The folder.
	pub fn root(&self) -> &Path {
		&self.root
	}

	/// The journal's file.
	pub fn journal(&self) -> PathBuf {
		self.root.join("journal.redb")
	}

	/// The folder of the blob store.
	pub fn blobs(&self) -> PathBuf {
		self.root.join("blobs")
	}

	/// A run's scratch folder.
	pub fn work(&self, run_id: &str) -> PathBuf {
		self.root.join("work").join(run_id)
	}

	/// Temporary files that no restart needs.
	pub fn tmp(&self) -> PathBuf {
		self.root.join("tmp")
	}

	/// Empties [`Self::tmp`].
	pub fn clear_tmp(&self) -> Result<(), WorkerError> {
		let tmp = self.tmp();
		std::fs::remove_dir_all(&tmp).map_err(WorkerError::io("can't empty", &tmp))?;
		std::fs::create_dir_all(&tmp).map_err(WorkerError::io("can't create the folder", &tmp))
	}

	/// The peer key, made at the first start. Kept apart from the account's key, so that losing it costs nothing.
	pub fn peer_key(&self) -> Result<SecretKey, WorkerError> {
		let path = self.root.join("peer.key");
		match std::fs::read(&path) {
			Ok(bytes) => {
				let bytes: [u8; 32] = bytes.try_into().map_err(|_| {
					WorkerError::Config(format!(
						"{} is damaged: remove it, and a new one is made",
						path.display()
					))
				})?;
				Ok(SecretKey::from_bytes(&bytes))
			},
			Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
				let key = SecretKey::generate();
				write_secret(&path, &key.to_bytes()).map_err(WorkerError::io("can't write", &path))?;
				Ok(key)
			},
			Err(source) => Err(WorkerError::Io {
				what: "can't read",
				path,
				source,
			}),
		}
	}

	/// Bytes that the file system still has for us.
	pub fn free_bytes(&self) -> Result<u64, WorkerError> {
		let stat = rustix::fs::statvfs(&self.root)
			.map_err(|e| WorkerError::io("can't ask for the free space of", &self.root)(e.into()))?;
		Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
	}
}

/// Creates a folder, and those above it that are not there, for its owner alone: it holds other people's inputs and results.
fn make_private(dir: &Path) -> std::io::Result<()> {
	let mut builder = std::fs::DirBuilder::new();
	builder.recursive(true);
	#[cfg(unix)]
	std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
	builder.create(dir)
}

/// Writes a file that only its owner can read: whole, or not at all.
fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
	let temporary = path.with_extension("new");
	let mut options = OpenOptions::new();
	options.create(true).truncate(true).write(true);
	#[cfg(unix)]
	std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
	let mut file = options.open(&temporary)?;
	file.write_all(bytes)?;
	file.sync_all()?;
	std::fs::rename(&temporary, path)
}

/// Whether an error means that the disk is full.
pub fn is_disk_full(error: &(dyn std::error::Error + 'static)) -> bool {
	let mut next = Some(error);
	while let Some(error) = next {
		if let Some(io) = error.downcast_ref::<std::io::Error>() {
			if matches!(
				io.kind(),
				std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
			) {
				return true;
			}
			// Some libraries wrap an error in another of kind `Other`.
			if let Some(inner) = io.get_ref() {
				if is_disk_full(inner) {
					return true;
				}
			}
		}
		next = error.source();
	}
	false
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn one_folder_serves_one_worker() {
		let dir = tempfile::tempdir().expect("a folder");
		let first = DataDir::open(dir.path()).expect("free");
		assert!(matches!(
			DataDir::open(dir.path()),
			Err(WorkerError::DataDirInUse(_))
		));
		drop(first);
		DataDir::open(dir.path()).expect("free again");
	}

	#[cfg(unix)]
	#[test]
	fn a_new_folder_is_private() {
		use std::os::unix::fs::PermissionsExt;
		let dir = tempfile::tempdir().expect("a folder");
		let root = dir.path().join("new");
		let _open = DataDir::open(&root).expect("made");
		let mode = std::fs::metadata(&root).expect("there").permissions().mode();
		assert_eq!(mode & 0o077, 0);
	}

	#[test]
	fn the_peer_key_stays_and_is_private() {
		let dir = tempfile::tempdir().expect("a folder");
		let data = DataDir::open(dir.path()).expect("free");
		let first = data.peer_key().expect("made").public();
		assert_eq!(data.peer_key().expect("read").public(), first);
		#[cfg(unix)]
		{
			use std::os::unix::fs::PermissionsExt;
			let mode = std::fs::metadata(dir.path().join("peer.key"))
				.expect("there")
				.permissions()
				.mode();
			assert_eq!(mode & 0o077, 0);
		}
	}

	#[test]
	fn a_damaged_key_is_not_replaced_silently() {
		let dir = tempfile::tempdir().expect("a folder");
		let data = DataDir::open(dir.path()).expect("free");
		std::fs::write(dir.path().join("peer.key"), b"short").expect("written");
		assert!(matches!(data.peer_key(), Err(WorkerError::Config(_))));
	}

	#[test]
	fn a_full_disk_is_recognised_behind_wrappers() {
		let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
		assert!(is_disk_full(&full));
		assert!(is_disk_full(&std::io::Error::other(full)));
		assert!(!is_disk_full(&std::io::Error::other("something else")));
	}
}
