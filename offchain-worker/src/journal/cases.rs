//! What a mediator has decided in its cases: one record for each round in which it has a seat.
//!
//! A vote and its salt are on disk before the chain hears of the commitment, and never change: nobody else can open it, and
//! not opening it costs more than having been wrong.

use super::{Journal, JournalError};
use crate::AccountId;
use lilypad_primitives::{DealId, JobId, Millis, Round, Triple, Vote};
use redb::{ReadableTable, TableDefinition};
use serde::{Deserialize, Serialize};

pub(super) const CASES: TableDefinition<'_, (u64, u8), &[u8]> = TableDefinition::new("cases");

/// A seat: the deal and the round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeatId {
	/// The deal.
	pub deal: DealId,
	/// The round.
	pub round: Round,
}

impl SeatId {
	fn key(self) -> (u64, u8) {
		(self.deal.0, self.round as u8)
	}
}

impl std::fmt::Display for SeatId {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(f, "{} ({:?})", self.deal, self.round)
	}
}

/// How far a mediator has come. Each stage is written before its step is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum CaseStage {
	/// Drawn. Nothing has been done that others could notice.
	Drawn,
	/// Image and inputs are there.
	Prepared,
	/// The run is being started, or goes on: look for it before starting it.
	Started {
		/// When, in milliseconds since the Unix epoch.
		at: Millis,
	},
	/// The run has ended and its result is in the store.
	Ran {
		/// What it gave.
		triple: Triple,
		/// Its run time.
		usage: Millis,
		/// Whether it stayed far within the limits.
		ample: bool,
	},
	/// The vote, which is being committed to or revealed. It never changes any more.
	Voted {
		/// What the mediator says.
		vote: Vote,
		/// What hides it.
		salt: [u8; 32],
	},
	/// The case has ended, or the seat is lost. The own result is kept for a while.
	Closed {
		/// When, in milliseconds since the Unix epoch.
		at: Millis,
		/// The vote and its salt, if it came to that.
		vote: Option<(Vote, [u8; 32])>,
	},
}

impl CaseStage {
	/// Its name.
	pub fn name(&self) -> &'static str {
		match self {
			Self::Drawn => "drawn",
			Self::Prepared => "prepared",
			Self::Started { .. } => "started",
			Self::Ran { .. } => "ran",
			Self::Voted { .. } => "voted",
			Self::Closed { .. } => "closed",
		}
	}

	/// The vote and its salt, once they are decided.
	pub fn vote(&self) -> Option<(Vote, [u8; 32])> {
		match self {
			Self::Voted { vote, salt } => Some((*vote, *salt)),
			Self::Closed { vote, .. } => *vote,
			_ => None,
		}
	}

	fn order(&self) -> u8 {
		match self {
			Self::Drawn => 0,
			Self::Prepared => 1,
			Self::Started { .. } => 2,
			Self::Ran { .. } => 3,
			Self::Voted { .. } => 4,
			Self::Closed { .. } => 5,
		}
	}

	/// Never backwards, and a vote never changes.
	fn may_become(&self, next: &Self) -> bool {
		match self {
			Self::Closed { .. } => false,
			Self::Voted { .. } => next.vote() == self.vote(),
			_ => next.order() >= self.order(),
		}
	}
}

/// What the journal knows about a seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseRecord {
	/// The seat.
	pub seat: SeatId,
	/// The job.
	pub job: JobId,
	/// Whose result is judged.
	pub provider: AccountId,
	/// Who pays for the job.
	pub creator: AccountId,
	/// Hash of everything that the deal is about. After a re-organisation the same number can stand for another deal.
	pub subject: [u8; 32],
	/// How far it has come.
	pub stage: CaseStage,
	/// The last thing that went wrong, for people.
	#[serde(default)]
	pub trouble: Option<String>,
}

impl Journal {
	/// The record of a seat.
	pub fn case(&self, seat: SeatId) -> Result<Option<CaseRecord>, JournalError> {
		self.store.read(|tx| {
			let table = tx.open_table(CASES)?;
			let found = table.get(seat.key())?;
			found.map(|bytes| decode(seat.deal, bytes.value())).transpose()
		})
	}

	/// All seats, by deal and round.
	pub fn cases(&self) -> Result<Vec<CaseRecord>, JournalError> {
		self.store.read(|tx| {
			let table = tx.open_table(CASES)?;
			let mut out = Vec::new();
			for entry in table.iter()? {
				let (key, bytes) = entry?;
				out.push(decode(DealId(key.value().0), bytes.value())?);
			}
			Ok(out)
		})
	}

	/// Makes the first record of a seat. One that is there already stays.
	pub fn begin_case(&self, record: CaseRecord) -> Result<CaseRecord, JournalError> {
		self.store.write(|tx| {
			let kept = {
				let mut table = tx.open_table(CASES)?;
				let known = table
					.get(record.seat.key())?
					.map(|bytes| decode(record.seat.deal, bytes.value()))
					.transpose()?;
				match known {
					Some(known) => known,
					None => {
						table.insert(record.seat.key(), encode(&record)?.as_slice())?;
						record
					},
				}
			};
			Ok(kept)
		})
	}

	/// Takes a seat to a stage. When this returns, the stage is on disk.
	pub fn advance_case(&self, seat: SeatId, stage: CaseStage) -> Result<CaseRecord, JournalError> {
		self.change_case(seat, |record| {
			if !record.stage.may_become(&stage) {
				return Err(JournalError::Order {
					deal: seat.deal,
					from: record.stage.name(),
					to: stage.name(),
				});
			}
			record.stage = stage;
			record.trouble = None;
			Ok(())
		})
	}

	/// Takes up a closed seat again, because the block that closed it was reverted. A vote stays as it is.
	pub fn reopen_case(&self, seat: SeatId) -> Result<CaseRecord, JournalError> {
		self.change_case(seat, |record| {
			record.stage = match record.stage.vote() {
				Some((vote, salt)) => CaseStage::Voted { vote, salt },
				None => CaseStage::Drawn,
			};
			Ok(())
		})
	}

	/// Notes what went wrong, for people.
	pub fn note_case(&self, seat: SeatId, trouble: &str) -> Result<CaseRecord, JournalError> {
		self.change_case(seat, |record| {
			record.trouble = Some(trouble.chars().take(2000).collect());
			Ok(())
		})
	}

	/// Forgets a seat.
	pub fn forget_case(&self, seat: SeatId) -> Result<(), JournalError> {
		self.store.write(|tx| {
			tx.open_table(CASES)?.remove(seat.key())?;
			Ok(())
		})
	}

	fn change_case(
		&self,
		seat: SeatId,
		change: impl FnOnce(&mut CaseRecord) -> Result<(), JournalError>,
	) -> Result<CaseRecord, JournalError> {
		self.store.write(|tx| {
			let mut table = tx.open_table(CASES)?;
			let known: Option<CaseRecord> = table
				.get(seat.key())?
				.map(|bytes| decode(seat.deal, bytes.value()))
				.transpose()?;
			let mut record = known.ok_or_else(|| JournalError::Record {
				deal: seat.deal,
				why: "there is none of its case".into(),
			})?;
			change(&mut record)?;
			table.insert(seat.key(), encode(&record)?.as_slice())?;
			Ok(record)
		})
	}
}

fn encode(record: &CaseRecord) -> Result<Vec<u8>, JournalError> {
	serde_json::to_vec(record).map_err(|e| JournalError::Record {
		deal: record.seat.deal,
		why: e.to_string(),
	})
}

fn decode(deal: DealId, bytes: &[u8]) -> Result<CaseRecord, JournalError> {
	serde_json::from_slice(bytes).map_err(|e| JournalError::Record {
		deal,
		why: e.to_string(),
	})
}

#[cfg(test)]
mod tests {
	use super::*;

	const SEAT: SeatId = SeatId {
		deal: DealId(7),
		round: Round::Three,
	};

	fn vote(usage: Millis) -> Vote {
		Vote {
			triple: None,
			usage,
			fetched: false,
			ample: false,
		}
	}

	fn record() -> CaseRecord {
		CaseRecord {
			seat: SEAT,
			job: JobId(3),
			provider: AccountId::new([1; 32]),
			creator: AccountId::new([2; 32]),
			subject: [0; 32],
			stage: CaseStage::Drawn,
			trouble: None,
		}
	}

	fn journal() -> (tempfile::TempDir, Journal) {
		let dir = tempfile::tempdir().expect("a folder");
		let journal = Journal::open(&dir.path().join("j")).expect("new");
		journal.begin_case(record()).expect("written");
		(dir, journal)
	}

	fn voted(usage: Millis, salt: u8) -> CaseStage {
		CaseStage::Voted {
			vote: vote(usage),
			salt: [salt; 32],
		}
	}

	#[test]
	fn a_vote_and_its_salt_never_change() {
		let (_dir, journal) = journal();
		journal.advance_case(SEAT, voted(1, 1)).expect("in order");
		for other in [voted(2, 1), voted(1, 2), CaseStage::Prepared] {
			assert!(matches!(
				journal.advance_case(SEAT, other),
				Err(JournalError::Order { .. })
			));
		}
		let lost = CaseStage::Closed { at: 1, vote: None };
		assert!(matches!(
			journal.advance_case(SEAT, lost),
			Err(JournalError::Order { .. })
		));
		journal.advance_case(SEAT, voted(1, 1)).expect("the same again");
	}

	#[test]
	fn a_seat_that_is_taken_up_again_has_its_vote() {
		let (_dir, journal) = journal();
		let closed = |vote| CaseStage::Closed { at: 1, vote };
		journal.advance_case(SEAT, closed(None)).expect("in order");
		assert_eq!(journal.reopen_case(SEAT).expect("closed").stage, CaseStage::Drawn);
		journal.advance_case(SEAT, voted(1, 1)).expect("in order");
		journal
			.advance_case(SEAT, closed(Some((vote(1), [1; 32]))))
			.expect("in order");
		assert_eq!(journal.reopen_case(SEAT).expect("closed").stage, voted(1, 1));
	}

	#[test]
	fn rounds_are_kept_apart() {
		let (_dir, journal) = journal();
		let last = SeatId {
			round: Round::Last,
			..SEAT
		};
		journal
			.begin_case(CaseRecord {
				seat: last,
				..record()
			})
			.expect("written");
		journal.advance_case(SEAT, voted(1, 1)).expect("in order");
		assert_eq!(
			journal.case(last).expect("readable").map(|r| r.stage),
			Some(CaseStage::Drawn)
		);
		assert_eq!(journal.cases().expect("readable").len(), 2);
		journal.forget_case(SEAT).expect("forgotten");
		assert_eq!(journal.case(SEAT).expect("readable"), None);
	}
}
