//! The journal: what the worker has decided, written before it is done.
//!
//! One record per deal. A record says which step is *about to* be taken, so that after a crash at any moment the worker
//! knows what may have happened: a run that may exist is looked for before it is started, and a sealed result, with its
//! salt, is on disk before the chain hears of the seal, so that there is never a second seal.

mod cases;
mod store;
#[cfg(test)]
mod tests;

pub use cases::{CaseRecord, CaseStage, SeatId};

use crate::AccountId;
use lilypad_primitives::{DealId, JobId, Millis, OfferId, Opening, Status, Triple};
use redb::{ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::Arc};
use store::Store;

const DEALS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("deals");
const FLAGS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("flags");
const PAUSED: &str = "paused_by_worker";

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
	/// The database failed.
	#[error("the journal failed: {0}")]
	Database(#[from] Box<redb::Error>),
	/// A record was written by other software.
	#[error("the journal's record of deal {deal} can't be read ({why}): was it written by a newer version?")]
	Record {
		/// The deal.
		deal: DealId,
		/// The reason.
		why: String,
	},
	/// A step was out of order. A defect: nothing was written.
	#[error("the journal refuses to take deal {deal} from {from} to {to}")]
	Order {
		/// The deal.
		deal: DealId,
		/// The stage it is in.
		from: &'static str,
		/// The stage it was to go to.
		to: &'static str,
	},
}

impl JournalError {
	/// Whether the disk is full.
	pub fn is_disk_full(&self) -> bool {
		match self {
			Self::Database(e) => match &**e {
				redb::Error::Io(io) => crate::datadir::is_disk_full(io),
				_ => false,
			},
			_ => false,
		}
	}

	/// Whether the disk failed, rather than what the journal holds. The database is opened anew at its next use, so trying
	/// again can help.
	pub fn is_storage_failure(&self) -> bool {
		let Self::Database(error) = self else {
			return false;
		};
		matches!(
			**error,
			redb::Error::Io(_)
				| redb::Error::Backend(_)
				| redb::Error::PreviousIo
				| redb::Error::DatabaseClosed
		)
	}
}

macro_rules! from_redb {
	($($error:ty),*) => {$(
		impl From<$error> for JournalError {
			fn from(e: $error) -> Self {
				Self::Database(Box::new(e.into()))
			}
		}
	)*};
}
from_redb!(
	redb::DatabaseError,
	redb::TransactionError,
	redb::TableError,
	redb::StorageError,
	redb::CommitError
);

/// What a run gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
	/// How it ended, and the published outputs.
	pub triple: Triple,
	/// The measured run time.
	pub measured: Millis,
}

/// How far a deal has come. Each stage is written before its step is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Stage {
	/// Seen. Nothing has been done that others could notice.
	Matched,
	/// Image and inputs are there.
	Prepared,
	/// The run is being started, or goes on: look for it before starting it.
	Started {
		/// When, in milliseconds since the Unix epoch.
		at: Millis,
	},
	/// The run has ended and its result is published.
	Ran(RunRecord),
	/// The seal is being submitted. Its opening never changes any more.
	Sealed {
		/// The run.
		run: RunRecord,
		/// What the seal hides.
		opening: Opening,
		/// Whether the chain has the seal. Until then the creator could cancel, and does not get the opening.
		submitted: bool,
	},
	/// The deal has ended, or the worker has nothing more to do for it. The result is kept for a while.
	Closed {
		/// Why.
		why: Closing,
		/// When, in milliseconds since the Unix epoch.
		at: Millis,
		/// The run and its opening, if it came to that.
		opening: Option<Opening>,
	},
}

/// Why a record is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
	/// The deal is gone from the chain after the seal was submitted.
	Settled,
	/// The deal is gone from the chain before that: cancelled, lapsed or declined.
	Gone,
	/// The chain has a seal that this worker has not made.
	ForeignSeal,
}

impl Stage {
	/// Its name.
	pub fn name(&self) -> &'static str {
		match self {
			Self::Matched => "matched",
			Self::Prepared => "prepared",
			Self::Started { .. } => "started",
			Self::Ran(_) => "ran",
			Self::Sealed { .. } => "sealed",
			Self::Closed { .. } => "closed",
		}
	}

	/// What the seal hides, once there is one.
	pub fn opening(&self) -> Option<Opening> {
		match self {
			Self::Sealed { opening, .. } => Some(*opening),
			Self::Closed { opening, .. } => *opening,
			_ => None,
		}
	}

	fn order(&self) -> u8 {
		match self {
			Self::Matched => 0,
			Self::Prepared => 1,
			Self::Started { .. } => 2,
			Self::Ran(_) => 3,
			Self::Sealed { .. } => 4,
			Self::Closed { .. } => 5,
		}
	}

	/// Whether the journal lets `self` be followed by `next`: never backwards, and a sealed opening never changes.
	fn may_become(&self, next: &Stage) -> bool {
		match (self, next) {
			(
				Self::Sealed {
					opening,
					submitted: was,
					..
				},
				Self::Sealed {
					opening: new,
					submitted: is,
					..
				},
			) => opening == new && (*is || !*was),
			(Self::Sealed { opening, .. }, Self::Closed { opening: new, .. }) => Some(*opening) == *new,
			(Self::Closed { .. }, _) => false,
			_ => next.order() >= self.order(),
		}
	}
}

/// What the journal knows about a deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealRecord {
	/// The deal.
	pub deal: DealId,
	/// Its job.
	pub job: JobId,
	/// Who may have the result before it is public: whoever accepts or challenges it.
	#[serde(alias = "creator")]
	pub judge: AccountId,
	/// Hash of everything that the deal is about. After a re-organisation the same number can stand for another deal.
	pub subject: [u8; 32],
	/// How far it has come.
	pub stage: Stage,
	/// The last thing that went wrong, for people.
	#[serde(default)]
	pub trouble: Option<String>,
}

impl DealRecord {
	/// Whether the run ended as `Completed`, as far as known.
	pub fn status(&self) -> Option<Status> {
		match &self.stage {
			Stage::Ran(run) | Stage::Sealed { run, .. } => Some(run.triple.status),
			Stage::Closed { opening, .. } => opening.map(|o| o.triple.status),
			_ => None,
		}
	}
}

/// The journal. Cheap to clone; one writer at a time.
#[derive(Clone)]
pub struct Journal {
	store: Arc<Store>,
}

impl Journal {
	/// Opens or creates it.
	pub fn open(path: &Path) -> Result<Self, JournalError> {
		Self::on(Store::open(path)?)
	}

	fn on(store: Store) -> Result<Self, JournalError> {
		store.write(|tx| {
			tx.open_table(DEALS)?;
			tx.open_table(FLAGS)?;
			tx.open_table(cases::CASES)?;
			Ok(())
		})?;
		Ok(Self {
			store: Arc::new(store),
		})
	}

	/// One on a disk that is full while the flag is set.
	#[cfg(test)]
	pub(crate) fn on_a_filling_disk(path: &Path) -> (Self, Arc<std::sync::atomic::AtomicBool>) {
		let (store, full) = store::tests::on_a_filling_disk(path);
		(Self::on(store).expect("there is room"), full)
	}

	/// The record of a deal.
	pub fn get(&self, deal: DealId) -> Result<Option<DealRecord>, JournalError> {
		self.store.read(|tx| {
			let table = tx.open_table(DEALS)?;
			let found = table.get(deal.0)?;
			found.map(|bytes| decode(deal, bytes.value())).transpose()
		})
	}

	/// All records, by deal.
	pub fn all(&self) -> Result<Vec<DealRecord>, JournalError> {
		self.store.read(|tx| {
			let table = tx.open_table(DEALS)?;
			let mut out = Vec::new();
			for entry in table.iter()? {
				let (deal, bytes) = entry?;
				out.push(decode(DealId(deal.value()), bytes.value())?);
			}
			Ok(out)
		})
	}

	/// Makes the first record of a deal. One that is there already stays.
	pub fn begin(&self, record: DealRecord) -> Result<DealRecord, JournalError> {
		self.store.write(|tx| {
			let kept = {
				let mut table = tx.open_table(DEALS)?;
				let known = table
					.get(record.deal.0)?
					.map(|bytes| decode(record.deal, bytes.value()))
					.transpose()?;
				match known {
					Some(known) => known,
					None => {
						table.insert(record.deal.0, encode(&record)?.as_slice())?;
						record
					},
				}
			};
			Ok(kept)
		})
	}

	/// Takes a deal to a stage. When this returns, the stage is on disk.
	pub fn advance(&self, deal: DealId, stage: Stage) -> Result<DealRecord, JournalError> {
		self.change(deal, |record| {
			if !record.stage.may_become(&stage) {
				return Err(JournalError::Order {
					deal,
					from: record.stage.name(),
					to: stage.name(),
				});
			}
			record.stage = stage;
			record.trouble = None;
			Ok(())
		})
	}

	/// Takes up a closed deal again, because the block that ended it was reverted. What was sealed stays sealed.
	pub fn reopen(&self, deal: DealId) -> Result<DealRecord, JournalError> {
		self.change(deal, |record| {
			record.stage = match &record.stage {
				Stage::Closed {
					opening: Some(opening),
					why,
					..
				} => Stage::Sealed {
					run: RunRecord {
						triple: opening.triple,
						measured: opening.usage,
					},
					opening: *opening,
					submitted: *why == Closing::Settled,
				},
				Stage::Closed { opening: None, .. } => Stage::Matched,
				other => {
					return Err(JournalError::Order {
						deal,
						from: other.name(),
						to: "open again",
					})
				},
			};
			Ok(())
		})
	}

	/// Notes what went wrong, for people.
	pub fn note(&self, deal: DealId, trouble: &str) -> Result<DealRecord, JournalError> {
		self.change(deal, |record| {
			record.trouble = Some(trouble.chars().take(2000).collect());
			Ok(())
		})
	}

	/// Forgets a deal: one that is closed, or one of a history that was reverted.
	pub fn forget(&self, deal: DealId) -> Result<(), JournalError> {
		self.store.write(|tx| {
			tx.open_table(DEALS)?.remove(deal.0)?;
			Ok(())
		})
	}

	/// The offers that the worker itself has paused, and may resume.
	pub fn paused(&self) -> Result<Vec<OfferId>, JournalError> {
		self.store.read(|tx| {
			let table = tx.open_table(FLAGS)?;
			let found = table.get(PAUSED)?;
			Ok(found
				.and_then(|bytes| serde_json::from_slice(bytes.value()).ok())
				.unwrap_or_default())
		})
	}

	/// Remembers them.
	pub fn set_paused(&self, offers: &[OfferId]) -> Result<(), JournalError> {
		let bytes = serde_json::to_vec(offers).map_err(|e| JournalError::Record {
			deal: DealId(0),
			why: e.to_string(),
		})?;
		self.store.write(|tx| {
			tx.open_table(FLAGS)?.insert(PAUSED, bytes.as_slice())?;
			Ok(())
		})
	}

	fn change(
		&self,
		deal: DealId,
		change: impl FnOnce(&mut DealRecord) -> Result<(), JournalError>,
	) -> Result<DealRecord, JournalError> {
		self.store.write(|tx| {
			let mut table = tx.open_table(DEALS)?;
			let known = table
				.get(deal.0)?
				.map(|bytes| decode(deal, bytes.value()))
				.transpose()?;
			let mut record = known.ok_or_else(|| JournalError::Record {
				deal,
				why: "there is none".into(),
			})?;
			change(&mut record)?;
			table.insert(deal.0, encode(&record)?.as_slice())?;
			Ok(record)
		})
	}
}

fn encode(record: &DealRecord) -> Result<Vec<u8>, JournalError> {
	serde_json::to_vec(record).map_err(|e| JournalError::Record {
		deal: record.deal,
		why: e.to_string(),
	})
}

fn decode(deal: DealId, bytes: &[u8]) -> Result<DealRecord, JournalError> {
	serde_json::from_slice(bytes).map_err(|e| JournalError::Record {
		deal,
		why: e.to_string(),
	})
}
