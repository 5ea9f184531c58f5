//! Records, their order, and what outlives a restart.

use super::*;
use lilypad_primitives::OutputRoot;

fn record() -> DealRecord {
	DealRecord {
		deal: DealId(7),
		job: JobId(3),
		judge: AccountId::new([1; 32]),
		subject: [0; 32],
		stage: Stage::Matched,
		trouble: None,
	}
}

fn run() -> RunRecord {
	let triple = Triple {
		status: Status::Completed,
		exit_code: 0,
		root: OutputRoot([4; 32]),
	};
	RunRecord { triple, measured: 5 }
}

fn opening(salt: u8) -> Opening {
	Opening {
		triple: run().triple,
		usage: 5,
		salt: [salt; 32],
	}
}

fn stages() -> Vec<Stage> {
	vec![
		Stage::Prepared,
		Stage::Started { at: 1 },
		Stage::Ran(run()),
		sealed(1),
		Stage::Closed {
			why: Closing::Settled,
			at: 2,
			opening: Some(opening(1)),
		},
	]
}

fn sealed(salt: u8) -> Stage {
	Stage::Sealed {
		run: run(),
		opening: opening(salt),
		submitted: false,
	}
}

#[test]
fn every_stage_survives_reopening() {
	let dir = tempfile::tempdir().expect("a folder");
	let path = dir.path().join("journal.redb");
	Journal::open(&path)
		.expect("new")
		.begin(record())
		.expect("written");
	for stage in stages() {
		let journal = Journal::open(&path).expect("reopened");
		journal.advance(DealId(7), stage.clone()).expect("in order");
		drop(journal);
		let journal = Journal::open(&path).expect("reopened");
		assert_eq!(
			journal.get(DealId(7)).expect("readable").expect("there").stage,
			stage
		);
		assert_eq!(journal.all().expect("readable").len(), 1);
	}
}

#[test]
fn beginning_twice_keeps_what_is_there() {
	let dir = tempfile::tempdir().expect("a folder");
	let journal = Journal::open(&dir.path().join("j")).expect("new");
	journal.begin(record()).expect("written");
	journal
		.advance(DealId(7), Stage::Started { at: 9 })
		.expect("in order");
	assert_eq!(
		journal.begin(record()).expect("kept").stage,
		Stage::Started { at: 9 }
	);
}

#[test]
fn a_stage_never_goes_back() {
	let dir = tempfile::tempdir().expect("a folder");
	let journal = Journal::open(&dir.path().join("j")).expect("new");
	journal.begin(record()).expect("written");
	let stages = stages();
	for (at, stage) in stages.iter().enumerate() {
		journal.advance(DealId(7), stage.clone()).expect("in order");
		for earlier in &stages[..at] {
			assert!(matches!(
				journal.advance(DealId(7), earlier.clone()),
				Err(JournalError::Order { .. })
			));
		}
	}
}

#[test]
fn there_is_never_a_second_seal() {
	let dir = tempfile::tempdir().expect("a folder");
	let journal = Journal::open(&dir.path().join("j")).expect("new");
	journal.begin(record()).expect("written");
	journal.advance(DealId(7), sealed(1)).expect("in order");
	let other = journal.advance(DealId(7), sealed(2));
	assert!(matches!(other, Err(JournalError::Order { .. })));
	let lost = journal.advance(
		DealId(7),
		Stage::Closed {
			why: Closing::Settled,
			at: 1,
			opening: None,
		},
	);
	assert!(matches!(lost, Err(JournalError::Order { .. })));
	journal.advance(DealId(7), sealed(1)).expect("the same again");
}

#[test]
fn what_was_sealed_stays_sealed_when_a_deal_is_taken_up_again() {
	let dir = tempfile::tempdir().expect("a folder");
	let journal = Journal::open(&dir.path().join("j")).expect("new");
	journal.begin(record()).expect("written");
	assert!(matches!(
		journal.reopen(DealId(7)),
		Err(JournalError::Order { .. })
	));
	journal
		.advance(
			DealId(7),
			Stage::Closed {
				why: Closing::Gone,
				at: 1,
				opening: None,
			},
		)
		.expect("in order");
	assert_eq!(journal.reopen(DealId(7)).expect("closed").stage, Stage::Matched);
	journal
		.advance(
			DealId(7),
			Stage::Sealed {
				run: run(),
				opening: opening(1),
				submitted: true,
			},
		)
		.expect("in order");
	let closed = Stage::Closed {
		why: Closing::Settled,
		at: 1,
		opening: Some(opening(1)),
	};
	journal.advance(DealId(7), closed).expect("in order");
	let stage = journal.reopen(DealId(7)).expect("closed").stage;
	assert_eq!(
		stage,
		Stage::Sealed {
			run: run(),
			opening: opening(1),
			submitted: true
		}
	);
}

#[test]
fn an_unreadable_record_is_an_error_and_not_an_empty_one() {
	let dir = tempfile::tempdir().expect("a folder");
	let journal = Journal::open(&dir.path().join("j")).expect("new");
	let damage = |tx: &redb::WriteTransaction| {
		tx.open_table(DEALS)?.insert(7, b"{}".as_slice())?;
		Ok(())
	};
	journal.store.write(damage).expect("written");
	assert!(matches!(journal.get(DealId(7)), Err(JournalError::Record { .. })));
	assert!(journal.begin(record()).is_err());
}

#[test]
fn paused_offers_are_remembered() {
	let dir = tempfile::tempdir().expect("a folder");
	let journal = Journal::open(&dir.path().join("j")).expect("new");
	assert!(journal.paused().expect("readable").is_empty());
	journal.set_paused(&[OfferId(2)]).expect("written");
	assert_eq!(journal.paused().expect("readable"), vec![OfferId(2)]);
}
