//! The verdict as a table, and what must hold for every vote.

use super::*;
use crate::verdict::{Conduct, Evidence, Key, Step, Winner};
use lilypad_primitives::OutputRoot;
use proptest::prelude::*;
use Conduct::*;

/// The provider's result is the one with root 1.
const RIGHT: u8 = 1;

fn unfetched(root: u8) -> Vote {
	Vote {
		fetched: false,
		..vote(root)
	}
}

fn nothing() -> Vote {
	Vote {
		triple: None,
		..unfetched(0)
	}
}

fn stuck(status: Status) -> Vote {
	let triple = Triple { status, ..triple(0) };
	Vote {
		triple: Some(triple),
		usage: 30_000,
		fetched: false,
		ample: false,
	}
}

fn evidence(round: Round, opening: Option<Opening>, votes: &[Vote]) -> Evidence<'_> {
	Evidence {
		round,
		size: round.size(LARGEST),
		profile: Profile::Deterministic,
		time_limit: LIMIT,
		opening,
		votes,
		overcharge_percent: 200,
		overcharge_floor: 2_000,
	}
}

fn judge(round: Round, votes: &[Vote]) -> Step {
	evidence(round, Some(opening(RIGHT)), votes).judge()
}

fn verdict(round: Round, votes: &[Vote]) -> Option<Verdict> {
	match judge(round, votes) {
		Step::Close(verdict, _) => Some(verdict),
		Step::Escalate => None,
	}
}

/// So many votes of each kind.
fn votes(kinds: &[(usize, Vote)]) -> Vec<Vote> {
	kinds
		.iter()
		.flat_map(|(count, vote)| std::iter::repeat_n(*vote, *count))
		.collect()
}

const UPHELD: Option<Verdict> = Some(Verdict::Upheld);
const UNRESOLVED: Option<Verdict> = Some(Verdict::Unresolved);
const ESCALATES: Option<Verdict> = None;

fn overturned(root: Option<u8>) -> Option<Verdict> {
	Some(Verdict::Overturned {
		result: root.map(triple),
	})
}

#[test]
fn one_mediator_confirms_or_calls_three() {
	let one = |vote| verdict(Round::One, &[vote]);
	assert_eq!(one(vote(RIGHT)), UPHELD);
	assert_eq!(one(vote(2)), ESCALATES);
	assert_eq!(one(unfetched(RIGHT)), ESCALATES);
	assert_eq!(one(nothing()), ESCALATES);
	assert_eq!(one(stuck(Status::TimeExceeded)), ESCALATES);
	assert_eq!(verdict(Round::One, &[]), UNRESOLVED);
	let cheaper = Vote {
		usage: 100,
		..vote(RIGHT)
	};
	assert_eq!(one(cheaper), ESCALATES, "nobody is convicted by one alone");
}

/// Of three, two thirds decide; and two of them are enough to.
#[test]
fn three_mediators() {
	let (right, wrong, other) = (vote(RIGHT), vote(2), vote(3));
	let rows = [
		(votes(&[(3, right)]), UPHELD),
		(votes(&[(2, right), (1, wrong)]), UPHELD),
		(votes(&[(2, right)]), UPHELD),
		(votes(&[(3, wrong)]), overturned(Some(2))),
		(votes(&[(2, wrong), (1, right)]), overturned(Some(2))),
		(votes(&[(2, wrong)]), overturned(Some(2))),
		(votes(&[(1, right), (1, wrong), (1, other)]), ESCALATES),
		(votes(&[(1, right), (1, wrong)]), ESCALATES),
		(votes(&[(1, right)]), UNRESOLVED),
		(votes(&[(1, wrong)]), UNRESOLVED),
		(votes(&[]), UNRESOLVED),
		(
			votes(&[(2, unfetched(RIGHT)), (1, right)]),
			overturned(Some(RIGHT)),
		),
		(votes(&[(2, nothing()), (1, right)]), overturned(Some(RIGHT))),
		(votes(&[(3, nothing())]), overturned(None)),
		(votes(&[(1, unfetched(RIGHT)), (2, right)]), UPHELD),
		// A third couldn't fetch it; but nobody doubts that it is right.
		(votes(&[(1, unfetched(RIGHT)), (1, right), (1, wrong)]), UPHELD),
		(votes(&[(1, nothing()), (1, right), (1, wrong)]), ESCALATES),
		(
			votes(&[(2, stuck(Status::TimeExceeded)), (1, right)]),
			overturned(None),
		),
	];
	for (votes, expected) in rows {
		assert_eq!(verdict(Round::Three, &votes), expected, "{votes:?}");
	}
}

/// Of the last panel, more than half of those who voted decide, if they are two thirds of it.
#[test]
fn the_last_panel() {
	let (right, wrong, other) = (vote(RIGHT), vote(2), vote(3));
	let disproven = Some(Verdict::NonDeterministic);
	let rows = [
		(votes(&[(4, right), (3, wrong)]), UPHELD),
		(votes(&[(3, right), (4, wrong)]), overturned(Some(2))),
		(votes(&[(3, right), (3, wrong), (1, other)]), disproven),
		(votes(&[(3, right), (2, wrong)]), UPHELD),
		(votes(&[(4, right)]), UNRESOLVED),
		(votes(&[(4, nothing()), (3, right)]), overturned(Some(RIGHT))),
		(votes(&[(3, right), (3, unfetched(RIGHT)), (1, wrong)]), UPHELD),
		// Four who got stuck are no evidence against the module, and five results are two thirds of the panel.
		(
			votes(&[(3, stuck(Status::MemoryExceeded)), (2, right), (2, wrong)]),
			UNRESOLVED,
		),
		(
			votes(&[(2, stuck(Status::MemoryExceeded)), (3, right), (2, wrong)]),
			disproven,
		),
		(votes(&[(2, nothing()), (3, right), (2, wrong)]), disproven),
		(votes(&[(3, nothing()), (2, right), (2, wrong)]), UNRESOLVED),
	];
	for (votes, expected) in rows {
		assert_eq!(verdict(Round::Last, &votes), expected, "{votes:?}");
	}
}

#[test]
fn a_module_that_promised_nothing_is_never_disproven() {
	let split = votes(&[(3, vote(RIGHT)), (3, vote(2)), (1, vote(3))]);
	let case = Evidence {
		profile: Profile::NonDeterministic,
		..evidence(Round::Last, Some(opening(RIGHT)), &split)
	};
	assert_eq!(case.judge(), Step::Close(Verdict::Unresolved, Winner::Nobody));
}

#[test]
fn a_provider_that_does_not_open_has_withheld() {
	let rows = [
		(votes(&[(3, vote(2))]), Some(2)),
		(votes(&[(2, vote(2)), (1, vote(3))]), Some(2)),
		(votes(&[(1, vote(2)), (1, vote(3))]), None),
		(votes(&[]), None),
	];
	for round in [Round::One, Round::Three, Round::Last] {
		for (votes, result) in &rows {
			let Step::Close(verdict, _) = evidence(round, None, votes).judge() else {
				panic!("it is clear");
			};
			assert_eq!(Some(verdict), overturned(*result));
		}
	}
}

#[test]
fn overcharge_boundary() {
	// A median of 1,000, twice that, and two seconds.
	let claim = |usage| {
		let votes: Vec<_> = [900, 1_000, 5_000]
			.map(|usage| Vote { usage, ..vote(RIGHT) })
			.into();
		let opening = Opening {
			usage,
			..opening(RIGHT)
		};
		match evidence(Round::Three, Some(opening), &votes).judge() {
			Step::Close(verdict, _) => verdict,
			Step::Escalate => panic!("it is clear"),
		}
	};
	assert_eq!(claim(4_000), Verdict::Upheld);
	assert_eq!(claim(4_001), Verdict::Overcharged { median: 1_000 });
	assert_eq!(claim(u64::MAX), Verdict::Overcharged { median: 1_000 });
}

#[test]
fn of_two_middle_usages_the_higher_counts() {
	let votes: Vec<_> = [1_000, 9_000].map(|usage| Vote { usage, ..vote(RIGHT) }).into();
	let opening = Opening {
		usage: 10_000,
		..opening(RIGHT)
	};
	let step = evidence(Round::Three, Some(opening), &votes).judge();
	assert_eq!(step, Step::Close(Verdict::Upheld, Winner::Provider));
}

#[test]
fn what_others_measured_for_another_result_does_not_count() {
	let mut found = votes(&[(2, vote(RIGHT)), (1, vote(2))]);
	found[2].usage = 0;
	assert_eq!(verdict(Round::Three, &found), UPHELD);
}

/// Resource statuses: the provider's machine was too small or too slow, or so it says.
#[test]
fn a_resource_status_is_overturned_only_by_runs_far_within_the_limits() {
	let ours = |status, votes: &[Vote]| {
		let triple = Triple { status, ..triple(0) };
		let opening = Opening {
			triple,
			usage: LIMIT,
			..opening(0)
		};
		match evidence(Round::Three, Some(opening), votes).judge() {
			Step::Close(verdict, _) => Some(verdict),
			Step::Escalate => None,
		}
	};
	let at = |usage| Vote { usage, ..vote(9) };
	let close = |usage| Vote {
		ample: false,
		..at(usage)
	};
	// Half of the limit is the boundary; the results need not even agree.
	let (half, over) = (LIMIT / 2, LIMIT / 2 + 1);
	let differing = [at(half), vote(7), vote(8)];
	assert_eq!(ours(Status::TimeExceeded, &differing), overturned(None));
	assert_eq!(ours(Status::TimeExceeded, &[at(over); 3]), UPHELD);
	assert_eq!(
		ours(Status::TimeExceeded, &[at(half), at(over), at(over)]),
		UPHELD
	);
	assert_eq!(
		ours(Status::TimeExceeded, &[stuck(Status::TimeExceeded); 3]),
		UPHELD
	);
	// For memory and disk the mediator's word counts.
	assert_eq!(ours(Status::MemoryExceeded, &[at(over); 3]), overturned(None));
	assert_eq!(ours(Status::MemoryExceeded, &[close(over); 3]), UPHELD);
	assert_eq!(
		ours(Status::DiskExceeded, &[stuck(Status::MemoryExceeded); 3]),
		UPHELD
	);
	assert_eq!(
		ours(Status::MemoryExceeded, &[at(100), close(100), nothing()]),
		ESCALATES
	);
}

#[test]
fn a_resource_status_is_never_evidence_against_a_module() {
	let own = Opening {
		triple: Triple {
			status: Status::TimeExceeded,
			..triple(0)
		},
		usage: LIMIT,
		..opening(0)
	};
	let split = votes(&[(3, vote(5)), (3, stuck(Status::TimeExceeded)), (1, nothing())]);
	let step = evidence(Round::Last, Some(own), &split).judge();
	assert_eq!(step, Step::Close(Verdict::Unresolved, Winner::Nobody));
}

/// What becomes of votes, by who was right.
#[test]
fn conduct_as_a_table() {
	let own = Some(opening(RIGHT));
	let all = [
		vote(RIGHT),
		unfetched(RIGHT),
		vote(2),
		vote(3),
		stuck(Status::TimeExceeded),
		nothing(),
	];
	let two = Key::Value(triple(2));
	let rows = [
		(
			own,
			Winner::Provider,
			[Paid, Paid, Slashed, Slashed, Unpaid, Unpaid],
		),
		(
			own,
			Winner::Other(two),
			[Slashed, Slashed, Paid, Slashed, Unpaid, Unpaid],
		),
		(
			own,
			Winner::Other(Key::Resource(Status::TimeExceeded)),
			[Unpaid, Unpaid, Unpaid, Unpaid, Paid, Unpaid],
		),
		(
			own,
			Winner::Unfetched,
			[Unpaid, Paid, Unpaid, Unpaid, Unpaid, Paid],
		),
		(own, Winner::Everybody, [Paid, Paid, Paid, Paid, Unpaid, Unpaid]),
		(own, Winner::Nobody, [Unpaid; 6]),
		(None, Winner::Absent(None), [Paid, Paid, Paid, Paid, Paid, Unpaid]),
		(
			None,
			Winner::Absent(Some(two)),
			[Slashed, Slashed, Paid, Slashed, Unpaid, Unpaid],
		),
	];
	for (opening, winner, expected) in rows {
		let case = evidence(Round::Three, opening, &[]);
		let found = all.map(|vote| case.conduct(winner, &vote));
		assert_eq!(found, expected, "{winner:?}");
	}
}

fn any_status() -> impl Strategy<Value = Status> {
	prop_oneof![
		4 => Just(Status::Completed),
		1 => Just(Status::JobError),
		1 => Just(Status::OutputExceeded),
		1 => Just(Status::MemoryExceeded),
		1 => Just(Status::DiskExceeded),
		1 => Just(Status::TimeExceeded),
	]
}

fn any_triple() -> impl Strategy<Value = Triple> {
	(any_status(), 1u8..4).prop_map(|(status, root)| Triple {
		status,
		exit_code: 0,
		root: OutputRoot([root; 32]),
	})
}

fn any_vote() -> impl Strategy<Value = Vote> {
	(
		proptest::option::weighted(0.8, any_triple()),
		prop_oneof![0u64..20_000, any::<u64>()],
		any::<bool>(),
		any::<bool>(),
	)
		.prop_map(|(triple, usage, fetched, ample)| Vote {
			triple,
			usage,
			fetched,
			ample,
		})
}

fn any_opening() -> impl Strategy<Value = Opening> {
	(any_triple(), 0u64..20_000).prop_map(|(triple, usage)| Opening {
		triple,
		usage,
		salt: [0; 32],
	})
}

fn any_round() -> impl Strategy<Value = Round> {
	prop_oneof![Just(Round::One), Just(Round::Three), Just(Round::Last)]
}

proptest! {
	#[test]
	fn votes_in_another_order_decide_the_same(
		round in any_round(), opening in any_opening(), mut found in prop::collection::vec(any_vote(), 0..7), shift in 0usize..7,
	) {
		found.truncate(round.size(LARGEST) as usize);
		let before = evidence(round, Some(opening), &found).judge();
		let mut moved = found.clone();
		moved.rotate_left(if found.is_empty() { 0 } else { shift % found.len() });
		let after = evidence(round, Some(opening), &moved).judge();
		prop_assert_eq!(before, after);
	}

	/// The honest are never slashed: whatever the others vote, as long as a verdict needs honest votes, who found the
	/// result that most found pays nothing.
	#[test]
	fn who_votes_with_the_winner_is_never_slashed(
		round in any_round(), opening in proptest::option::of(any_opening()), mut found in prop::collection::vec(any_vote(), 0..7),
	) {
		found.truncate(round.size(LARGEST) as usize);
		let case = evidence(round, opening, &found);
		if let Step::Close(verdict, winner) = case.judge() {
			let conduct: Vec<_> = found.iter().map(|vote| case.conduct(winner, vote)).collect();
			let slashed = conduct.iter().filter(|c| **c == Slashed).count();
			prop_assert!(2 * slashed < found.len().max(1), "a majority was slashed: {verdict:?} {found:?}");
			for (vote, conduct) in found.iter().zip(&conduct) {
				let honest = vote.triple.is_none_or(|triple| triple.status.is_resource());
				prop_assert!(!(honest && *conduct == Slashed), "the machine's fault");
				if verdict == Verdict::Upheld && vote.triple == opening.map(|o| o.triple) {
					prop_assert_eq!(*conduct, Paid);
				}
			}
		}
	}

	/// With two thirds of honest votes that agree, an honest provider is upheld and a forger isn't, whatever the rest do.
	#[test]
	fn two_thirds_of_honest_votes_decide(
		last in any::<bool>(), lies in prop::collection::vec(any_vote(), 2), honest in any::<bool>(),
	) {
		let round = if last { Round::Last } else { Round::Three };
		let bad = if last { 2 } else { 1 };
		let mut found = vec![vote(RIGHT); round.size(LARGEST) as usize - bad];
		found.extend(&lies[..bad]);
		let own = opening(if honest { RIGHT } else { 66 });
		match evidence(round, Some(own), &found).judge() {
			Step::Close(Verdict::Upheld, _) => prop_assert!(honest),
			Step::Close(Verdict::Overturned { result }, _) => {
				prop_assert!(!honest);
				prop_assert_eq!(result, Some(triple(RIGHT)));
			},
			other => prop_assert!(false, "{other:?}"),
		}
	}

	/// A round before the last never disproves a module, the last never escalates, and one alone convicts nobody who has opened.
	#[test]
	fn rounds_keep_to_their_powers(
		round in any_round(), opening in any_opening(), mut found in prop::collection::vec(any_vote(), 0..7),
	) {
		found.truncate(round.size(LARGEST) as usize);
		match (round, evidence(round, Some(opening), &found).judge()) {
			(Round::Last, Step::Escalate) => prop_assert!(false),
			(Round::One, Step::Close(Verdict::Overturned { .. } | Verdict::Overcharged { .. }, _)) => prop_assert!(false),
			(Round::One | Round::Three, Step::Close(Verdict::NonDeterministic, _)) => prop_assert!(false),
			_ => (),
		}
	}
}
