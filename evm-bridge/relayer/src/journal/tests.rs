use super::*;
use crate::evm::fake::deposit;

fn journal() -> (tempfile::TempDir, Journal) {
	let dir = tempfile::tempdir().expect("a folder");
	let journal = Journal::open(&dir.path().join("journal")).expect("new");
	(dir, journal)
}

const LANE: LaneId = 7;

fn cursor(block: u64, next_id: u64) -> Cursor {
	Cursor {
		block,
		hash: [block as u8; 32],
		next_id,
	}
}

fn found(items: &[(u64, u64, u128)]) -> Found {
	let logs = items
		.iter()
		.map(|(block, id, amount)| (*block, Logged::Inbound(deposit(*id, *amount))))
		.collect();
	Found { logs }
}

#[test]
fn one_relayer_has_it_at_a_time() {
	let (dir, journal) = journal();
	let path = dir.path().join("journal");
	assert!(matches!(Journal::open(&path), Err(JournalError::InUse(_))));
	drop(journal);
	Journal::open(&path).expect("free again");
}

#[test]
fn a_restart_finds_everything() {
	let (dir, journal) = journal();
	journal
		.advance(LANE, &cursor(9, 3), &found(&[(5, 1, 10), (6, 2, 10)]))
		.expect("written");
	journal
		.note_attested(LANE, 1, deposit(1, 10).digest())
		.expect("written");
	drop(journal);
	let journal = Journal::open(&dir.path().join("journal")).expect("there");
	assert_eq!(journal.cursor(LANE).expect("read"), Some(cursor(9, 3)));
	assert_eq!(journal.cursor(8).expect("read"), None, "lanes are apart");
	let open = journal.open_inbound(LANE, 9).expect("read");
	assert_eq!(open.len(), 2);
	assert_eq!(open[0].1.attested, Some(deposit(1, 10).digest()));
}

#[test]
fn what_is_closed_opens_again_only_with_other_content() {
	let (_dir, journal) = journal();
	journal
		.advance(LANE, &cursor(9, 2), &found(&[(5, 1, 10)]))
		.expect("written");
	journal
		.close_inbound(LANE, 1, deposit(1, 99).digest())
		.expect("written");
	assert_eq!(
		journal.open_inbound(LANE, 9).expect("read").len(),
		1,
		"that was about something else"
	);
	journal
		.close_inbound(LANE, 1, deposit(1, 10).digest())
		.expect("written");
	assert!(journal.open_inbound(LANE, 9).expect("read").is_empty());

	let changed = journal
		.advance(LANE, &cursor(10, 2), &found(&[(10, 1, 10)]))
		.expect("written");
	assert!(changed.is_empty() && journal.open_inbound(LANE, 9).expect("read").is_empty());
	let changed = journal
		.advance(LANE, &cursor(11, 2), &found(&[(11, 1, 99)]))
		.expect("written");
	assert_eq!(changed, [1]);
	assert_eq!(journal.open_inbound(LANE, 9).expect("read").len(), 1);
}

#[test]
fn rewinding_knows_the_next_number() {
	let (_dir, journal) = journal();
	journal
		.advance(
			LANE,
			&cursor(20, 4),
			&found(&[(5, 1, 10), (10, 2, 10), (15, 3, 10)]),
		)
		.expect("written");
	let next = |block| journal.rewind(LANE, block, [0; 32]).expect("written").next_id;
	assert_eq!(next(14), 3);
	assert_eq!(next(10), 3);
	assert_eq!(next(5), 2);
	assert_eq!(next(4), 1);
	assert_eq!(journal.first_inbound_block(LANE).expect("read"), Some(5));
}

#[test]
fn rewinding_forgets_what_arrived_later() {
	let (_dir, journal) = journal();
	let logs = vec![
		(5, Logged::PaidOut(0)),
		(9, Logged::Answered(1)),
		(9, Logged::Exited(2)),
	];
	journal
		.advance(LANE, &cursor(9, 1), &Found { logs })
		.expect("written");
	let at = |message| journal.arrived(LANE, message).expect("read");
	assert_eq!(at(MessageId::Payout(0)), Some(5));
	assert_eq!(at(MessageId::Answer(1)), Some(9));
	let exits = || journal.open_exits(LANE, 9).expect("read");
	assert_eq!(exits(), [2]);
	journal.rewind(LANE, 8, [0; 32]).expect("written");
	assert_eq!(at(MessageId::Payout(0)), Some(5));
	assert_eq!(at(MessageId::Answer(1)), None);
	assert_eq!(exits(), [0; 0]);
}

#[test]
fn an_exit_settles_an_answer_once_it_is_closed() {
	let (_dir, journal) = journal();
	journal.note_exit(LANE, 2, 9).expect("written");
	let arrived = || journal.arrived(LANE, MessageId::Answer(2)).expect("read");
	assert!(journal.is_exit_open(LANE, 2).expect("read") && arrived().is_none());
	journal.close_exit(LANE, 2).expect("written");
	assert!(!journal.is_exit_open(LANE, 2).expect("read"));
	assert_eq!(arrived(), Some(9));
	journal.close_exit(LANE, 3).expect("nothing to close");
	assert_eq!(journal.arrived(LANE, MessageId::Answer(3)).expect("read"), None);
}

#[test]
fn old_checkpoints_thin_out_and_never_run_out() {
	let (_dir, journal) = journal();
	for block in 0..2_000 {
		journal
			.advance(LANE, &cursor(block, 1), &Found::default())
			.expect("written");
	}
	let checkpoints: Vec<_> = journal
		.checkpoints(LANE)
		.expect("read")
		.into_iter()
		.map(|(block, _)| block)
		.collect();
	assert!(checkpoints.len() < 80, "{}", checkpoints.len());
	assert_eq!(checkpoints[..8], [1999, 1998, 1997, 1996, 1995, 1994, 1993, 1992]);
	assert!(*checkpoints.last().expect("some") < 700, "{checkpoints:?}");
}

#[test]
fn a_batch_has_one_content_for_ever() {
	let (_dir, journal) = journal();
	let (one, two) = (H256::repeat_byte(1), H256::repeat_byte(2));
	journal.note_signed(LANE, 4, 1, one, one).expect("the first");
	journal.note_signed(LANE, 4, 1, one, one).expect("the same again");
	journal
		.note_signed(LANE, 4, 2, two, one)
		.expect("the same for another set");
	let other = journal.note_signed(LANE, 4, 2, two, two);
	assert!(matches!(
		other,
		Err(JournalError::SignedOther { lane: LANE, batch: 4 })
	));
	let other = journal.note_signed(LANE, 4, 2, one, one);
	assert!(matches!(other, Err(JournalError::SignedOther { .. })));
	journal.note_signed(LANE, 5, 1, two, two).expect("another batch");
}

#[test]
fn what_is_long_past_is_forgotten() {
	let (_dir, journal) = journal();
	let items: Vec<_> = (1..=1_200).map(|id| (id, id, 10)).collect();
	journal
		.advance(LANE, &cursor(1_200, 1_201), &found(&items))
		.expect("written");
	for id in 1..=1_200 {
		if id != 3 {
			journal
				.close_inbound(LANE, id, deposit(id, 10).digest())
				.expect("written");
		}
	}
	assert!(journal.inbound(LANE, 1).expect("read").is_none());
	assert!(
		journal.inbound(LANE, 3).expect("read").is_some(),
		"it is not decided"
	);
	assert!(journal
		.inbound(LANE, 1_200 - HISTORY + 1)
		.expect("read")
		.is_some());
}
