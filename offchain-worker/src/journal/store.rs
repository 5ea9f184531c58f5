//! The database under the journal. After a failure of the disk `redb` refuses everything until it is opened anew, so that is
//! done here: a disk that was full for a moment must not cost the worker its journal until somebody restarts it.

use super::JournalError;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageError, WriteTransaction};
use std::{
	path::Path,
	sync::{PoisonError, RwLock},
};

type Opener = Box<dyn Fn() -> Result<Database, DatabaseError> + Send + Sync>;

/// A database that is opened anew at its next use after the disk failed.
pub(super) struct Store {
	opener: Opener,
	/// `None` after a failure. What was committed before is on disk, what was not is lost, as after a crash.
	db: RwLock<Option<Database>>,
}

impl Store {
	/// Opens or creates it.
	pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
		let path = path.to_path_buf();
		Self::opened_by(Box::new(move || Database::create(&path)))
	}

	/// Opens it, now and later, in a way of the caller's own.
	pub(super) fn opened_by(opener: Opener) -> Result<Self, JournalError> {
		let db = RwLock::new(Some(opener()?));
		Ok(Self { opener, db })
	}

	/// Reads what is committed.
	pub(super) fn read<T>(
		&self,
		read: impl FnOnce(&ReadTransaction) -> Result<T, JournalError>,
	) -> Result<T, JournalError> {
		self.with_database(|db| read(&db.begin_read()?))
	}

	/// Writes all or nothing. When this returns, it is on disk.
	pub(super) fn write<T>(
		&self,
		write: impl FnOnce(&WriteTransaction) -> Result<T, JournalError>,
	) -> Result<T, JournalError> {
		self.with_database(|db| {
			let tx = db.begin_write()?;
			let out = write(&tx)?;
			tx.commit()?;
			Ok(out)
		})
	}

	fn with_database<T>(
		&self,
		act: impl FnOnce(&Database) -> Result<T, JournalError>,
	) -> Result<T, JournalError> {
		self.open_again_if_closed()?;
		let result = {
			let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
			// Another thread may have found the disk failing in between.
			act(db.as_ref().ok_or(StorageError::DatabaseClosed)?)
		};
		if result.as_ref().is_err_and(JournalError::is_storage_failure) {
			self.db.write().unwrap_or_else(PoisonError::into_inner).take();
		}
		result
	}

	fn open_again_if_closed(&self) -> Result<(), JournalError> {
		if self.db.read().unwrap_or_else(PoisonError::into_inner).is_some() {
			return Ok(());
		}
		let mut db = self.db.write().unwrap_or_else(PoisonError::into_inner);
		if db.is_none() {
			*db = Some((self.opener)()?);
		}
		Ok(())
	}
}

#[cfg(test)]
pub(super) mod tests {
	use super::*;
	use redb::{backends::FileBackend, StorageBackend, TableDefinition};
	use std::sync::{
		atomic::{AtomicBool, Ordering},
		Arc,
	};

	const TABLE: TableDefinition<'_, u64, u64> = TableDefinition::new("numbers");

	/// A file on a disk that can be full.
	#[derive(Debug)]
	struct FillingDisk {
		file: FileBackend,
		full: Arc<AtomicBool>,
	}

	impl FillingDisk {
		fn room(&self) -> std::io::Result<()> {
			match self.full.load(Ordering::SeqCst) {
				true => Err(std::io::ErrorKind::StorageFull.into()),
				false => Ok(()),
			}
		}
	}

	impl StorageBackend for FillingDisk {
		fn len(&self) -> std::io::Result<u64> {
			self.file.len()
		}

		fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
			self.file.read(offset, out)
		}

		fn set_len(&self, len: u64) -> std::io::Result<()> {
			self.room()?;
			self.file.set_len(len)
		}

		fn sync_data(&self) -> std::io::Result<()> {
			self.file.sync_data()
		}

		fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
			self.room()?;
			self.file.write(offset, data)
		}

		fn close(&self) -> std::io::Result<()> {
			self.file.close()
		}
	}

	/// A store on a disk that is full while the flag is set.
	pub(in crate::journal) fn on_a_filling_disk(path: &Path) -> (Store, Arc<AtomicBool>) {
		let full = Arc::new(AtomicBool::new(false));
		let (path, flag) = (path.to_path_buf(), full.clone());
		let opener = move || {
			let file = std::fs::OpenOptions::new()
				.create(true)
				.truncate(false)
				.read(true)
				.write(true)
				.open(&path)
				.map_err(StorageError::Io)?;
			let file = FileBackend::new(file)?;
			let full = flag.clone();
			Database::builder().create_with_backend(FillingDisk { file, full })
		};
		(Store::opened_by(Box::new(opener)).expect("opened"), full)
	}

	fn put(store: &Store, key: u64) -> Result<(), JournalError> {
		store.write(|tx| {
			tx.open_table(TABLE)?.insert(key, key)?;
			Ok(())
		})
	}

	fn has(store: &Store, key: u64) -> Result<bool, JournalError> {
		store.read(|tx| Ok(tx.open_table(TABLE)?.get(key)?.is_some()))
	}

	#[test]
	fn a_disk_that_was_full_costs_only_what_was_written_meanwhile() {
		let dir = tempfile::tempdir().expect("a folder");
		let (store, full) = on_a_filling_disk(&dir.path().join("j"));
		put(&store, 1).expect("there is room");
		full.store(true, Ordering::SeqCst);
		for _ in 0..3 {
			let error = put(&store, 2).expect_err("no room");
			assert!(error.is_disk_full(), "{error}");
		}
		full.store(false, Ordering::SeqCst);
		put(&store, 3).expect("there is room again");
		assert!(has(&store, 1).expect("readable"), "what was committed is kept");
		assert!(has(&store, 3).expect("readable"));
		drop(store);
		let (store, _) = on_a_filling_disk(&dir.path().join("j"));
		assert!(has(&store, 3).expect("readable"), "it is on disk");
	}

	#[test]
	fn a_change_that_is_refused_is_not_written_and_closes_nothing() {
		let dir = tempfile::tempdir().expect("a folder");
		let store = Store::open(&dir.path().join("j")).expect("new");
		put(&store, 1).expect("there is room");
		let refused = store.write::<()>(|tx| {
			tx.open_table(TABLE)?.insert(2, 2)?;
			Err(JournalError::Order {
				deal: lilypad_primitives::DealId(1),
				from: "here",
				to: "there",
			})
		});
		assert!(!refused.expect_err("refused").is_storage_failure());
		assert!(store.db.read().expect("not poisoned").is_some());
		assert!(!has(&store, 2).expect("readable"));
	}
}
