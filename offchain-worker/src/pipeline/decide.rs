//! What to do next for a deal: a pure function of the journal and the chain, so that it gives the same answer after a
//! restart as before.

use crate::{
	chain::{Block, CaseMove, CaseStage, Deal, DealState, SWEEPER_GRACE},
	config::Timing,
	journal::{Closing, DealRecord, Stage},
};
use lilypad_primitives::{BlockNumber, Judge, Millis, Seal};

/// What to do next for a deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
	/// Fetch image and inputs.
	Prepare,
	/// Start the run, or take it up again.
	Run,
	/// Choose usage and salt.
	Seal,
	/// Submit the seal.
	Submit,
	/// Note that the chain has the seal.
	NoteSubmitted,
	/// Open the seal on the chain.
	Reveal,
	/// End the deal whose judging window is over.
	Expire,
	/// Move the deal's case on, which stands still.
	MoveCase(CaseMove),
	/// Nothing before the chain changes.
	Wait,
	/// Clean up.
	Close(Closing),
	/// The deal was thought to have ended, and is back: the block that ended it was reverted.
	Reopen,
	/// Nothing, ever.
	Done,
}

/// What to do next. `deal` is what the chain says, `None` when the deal is gone.
pub fn next_step(record: &DealRecord, deal: Option<&Deal>, now: BlockNumber, timing: &Timing) -> Step {
	let stage = &record.stage;
	match (stage, deal) {
		(
			Stage::Closed {
				why: Closing::ForeignSeal,
				..
			},
			_,
		)
		| (Stage::Closed { .. }, None) => return Step::Done,
		(Stage::Closed { .. }, Some(_)) => return Step::Reopen,
		_ => (),
	}
	let Some(deal) = deal else {
		return match stage {
			Stage::Sealed { submitted: true, .. } => Step::Close(Closing::Settled),
			_ => Step::Close(Closing::Gone),
		};
	};
	match &deal.state {
		// Too late: the chain refuses whatever we do, and somebody ends the deal.
		DealState::Matched { ack_by: last } | DealState::Running { submit_by: last, .. } if now > *last => {
			Step::Wait
		},
		DealState::Matched { .. } | DealState::Running { .. } => match stage {
			Stage::Matched => Step::Prepare,
			Stage::Prepared | Stage::Started { .. } => Step::Run,
			Stage::Ran(_) => Step::Seal,
			Stage::Sealed { .. } => Step::Submit,
			Stage::Closed { .. } => Step::Done,
		},
		DealState::Submitted {
			seal,
			draw_at,
			judge_by,
			opened,
			..
		} => {
			if let Some(step) = before_opening(stage, deal, *seal) {
				return step;
			}
			// A transaction sent now is executed in the next block at the earliest.
			let next = now.saturating_add(1);
			// Where nobody accepts, nobody is left the time for it: opening the seal settles the deal.
			let grace = match deal.terms.judge {
				Judge::Nobody => 0,
				Judge::Creator | Judge::Delegate(_) => timing.reveal_grace,
			};
			let reveal_at = draw_at
				.saturating_add(grace)
				.min(judge_by.saturating_sub(timing.deadline_margin));
			match opened {
				None if next >= reveal_at.max(*draw_at) && next <= *judge_by => Step::Reveal,
				_ if now > judge_by.saturating_add(SWEEPER_GRACE) => Step::Expire,
				_ => Step::Wait,
			}
		},
		DealState::Disputed {
			seal,
			opened,
			stage: case,
			..
		} => {
			if let Some(step) = before_opening(stage, deal, *seal) {
				return step;
			}
			match case {
				// At once: a provider that has not opened its seal when the mediators have revealed has withheld its result.
				Some(CaseStage::Revealing { by }) if opened.is_none() && now < *by => Step::Reveal,
				Some(case) => CaseMove::overdue(case, now).map_or(Step::Wait, Step::MoveCase),
				None => Step::Wait,
			}
		},
	}
}

/// What comes first when there is a seal on the chain.
fn before_opening(stage: &Stage, deal: &Deal, seal: Seal) -> Option<Step> {
	match stage {
		Stage::Sealed { opening, .. } if opening.seal(deal.id) != seal => {
			Some(Step::Close(Closing::ForeignSeal))
		},
		Stage::Sealed { submitted: false, .. } => Some(Step::NoteSubmitted),
		Stage::Sealed { submitted: true, .. } => None,
		_ => Some(Step::Close(Closing::ForeignSeal)),
	}
}

/// The most usage that an opening can claim if the seal is submitted in the block after `best`.
///
/// The chain allows the time between acknowledgement and submission, and one block's more. This leaves the time to the next
/// block, of which nothing is certain but that it is not zero, as the margin.
pub fn usage_bound(state: &DealState, best: &Block, millis_per_block: Millis) -> Millis {
	match state {
		DealState::Running { acked_ms, .. } => best
			.timestamp
			.saturating_sub(*acked_ms)
			.saturating_add(millis_per_block),
		DealState::Matched { .. } => millis_per_block,
		DealState::Submitted { elapsed, .. } | DealState::Disputed { elapsed, .. } => *elapsed,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{chain::fake, journal::RunRecord, AccountId};
	use lilypad_primitives::{DealId, Opening, OutputRoot, Seal, Status, Triple};

	fn run() -> RunRecord {
		let triple = Triple {
			status: Status::Completed,
			exit_code: 0,
			root: OutputRoot([1; 32]),
		};
		RunRecord { triple, measured: 10 }
	}

	fn opening() -> Opening {
		Opening {
			triple: run().triple,
			usage: 10,
			salt: [2; 32],
		}
	}

	fn record(stage: Stage) -> DealRecord {
		let deal = deal(DealState::Matched { ack_by: 10 });
		DealRecord {
			deal: deal.id,
			job: deal.job,
			judge: AccountId::new([1; 32]),
			subject: [0; 32],
			stage,
			trouble: None,
		}
	}

	fn deal(state: DealState) -> Deal {
		fake::deal(DealId(3), state)
	}

	fn sealed(submitted: bool) -> Stage {
		Stage::Sealed {
			run: run(),
			opening: opening(),
			submitted,
		}
	}

	fn submitted(seal: Seal, opened: Option<Opening>) -> DealState {
		DealState::Submitted {
			seal,
			elapsed: 100,
			draw_at: 20,
			judge_by: 30,
			opened,
		}
	}

	fn step(stage: Stage, state: Option<DealState>, now: BlockNumber) -> Step {
		next_step(&record(stage), state.map(deal).as_ref(), now, &Timing::default())
	}

	fn running() -> DealState {
		DealState::Running {
			acked_at: 5,
			acked_ms: 1,
			submit_by: 15,
		}
	}

	#[test]
	fn each_stage_has_its_step_before_and_after_the_acknowledgement() {
		for state in [DealState::Matched { ack_by: 10 }, running()] {
			let step = |stage| step(stage, Some(state.clone()), 10);
			assert_eq!(step(Stage::Matched), Step::Prepare);
			assert_eq!(step(Stage::Prepared), Step::Run);
			assert_eq!(step(Stage::Started { at: 1 }), Step::Run);
			assert_eq!(step(Stage::Ran(run())), Step::Seal);
			assert_eq!(step(sealed(false)), Step::Submit);
		}
	}

	#[test]
	fn nothing_is_done_past_a_deadline() {
		for stage in [Stage::Matched, Stage::Prepared, Stage::Ran(run()), sealed(false)] {
			assert_eq!(
				step(stage.clone(), Some(DealState::Matched { ack_by: 10 }), 11),
				Step::Wait
			);
			assert_eq!(step(stage, Some(running()), 16), Step::Wait);
		}
	}

	#[test]
	fn a_deal_that_is_gone_is_closed() {
		assert_eq!(
			step(Stage::Started { at: 1 }, None, 1),
			Step::Close(Closing::Gone)
		);
		assert_eq!(step(sealed(false), None, 1), Step::Close(Closing::Gone));
		assert_eq!(step(sealed(true), None, 1), Step::Close(Closing::Settled));
	}

	#[test]
	fn a_deal_that_is_back_is_taken_up_again() {
		let closed = |why| Stage::Closed {
			why,
			at: 1,
			opening: None,
		};
		assert_eq!(step(closed(Closing::Gone), Some(running()), 1), Step::Reopen);
		assert_eq!(step(closed(Closing::Gone), None, 1), Step::Done);
		assert_eq!(step(closed(Closing::ForeignSeal), Some(running()), 1), Step::Done);
	}

	#[test]
	fn a_seal_of_somebody_else_is_noticed() {
		let foreign = submitted(Seal([9; 32]), None);
		assert_eq!(
			step(sealed(true), Some(foreign.clone()), 10),
			Step::Close(Closing::ForeignSeal)
		);
		assert_eq!(
			step(Stage::Prepared, Some(foreign), 10),
			Step::Close(Closing::ForeignSeal)
		);
	}

	#[test]
	fn the_seal_is_opened_after_the_grace_and_once() {
		let seal = opening().seal(DealId(3));
		assert_eq!(
			step(sealed(false), Some(submitted(seal, None)), 10),
			Step::NoteSubmitted
		);
		assert_eq!(step(sealed(true), Some(submitted(seal, None)), 21), Step::Wait);
		assert_eq!(step(sealed(true), Some(submitted(seal, None)), 22), Step::Reveal);
		assert_eq!(step(sealed(true), Some(submitted(seal, None)), 29), Step::Reveal);
		assert_eq!(step(sealed(true), Some(submitted(seal, None)), 30), Step::Wait);
		let opened = Some(opening());
		assert_eq!(step(sealed(true), Some(submitted(seal, opened)), 29), Step::Wait);
		assert_eq!(step(sealed(true), Some(submitted(seal, opened)), 35), Step::Wait);
		assert_eq!(
			step(sealed(true), Some(submitted(seal, opened)), 36),
			Step::Expire
		);
	}

	#[test]
	fn the_seal_is_opened_at_once_where_nobody_accepts() {
		let seal = opening().seal(DealId(3));
		let step = |judge, now| {
			let mut deal = deal(submitted(seal, None));
			deal.terms.judge = judge;
			next_step(&record(sealed(true)), Some(&deal), now, &Timing::default())
		};
		assert_eq!(step(Judge::Nobody, 18), Step::Wait);
		assert_eq!(step(Judge::Nobody, 19), Step::Reveal);
		let delegate = Judge::Delegate(AccountId::new([5; 32]));
		assert_eq!(step(delegate.clone(), 19), Step::Wait);
		assert_eq!(step(delegate, 22), Step::Reveal);
	}

	#[test]
	fn in_a_dispute_the_seal_is_opened_while_mediators_reveal() {
		let seal = opening().seal(DealId(3));
		let disputed = |stage, opened| {
			Some(DealState::Disputed {
				seal,
				elapsed: 100,
				opened,
				stage,
			})
		};
		let committing = Some(CaseStage::Committing { by: 30 });
		let revealing = Some(CaseStage::Revealing { by: 40 });
		assert_eq!(
			step(sealed(false), disputed(committing, None), 20),
			Step::NoteSubmitted
		);
		assert_eq!(step(sealed(true), disputed(None, None), 20), Step::Wait);
		assert_eq!(step(sealed(true), disputed(committing, None), 20), Step::Wait);
		assert_eq!(step(sealed(true), disputed(revealing, None), 31), Step::Reveal);
		assert_eq!(step(sealed(true), disputed(revealing, None), 39), Step::Reveal);
		assert_eq!(step(sealed(true), disputed(revealing, None), 40), Step::Wait);
		assert_eq!(
			step(sealed(true), disputed(revealing, Some(opening())), 31),
			Step::Wait
		);
		assert_eq!(
			step(sealed(true), disputed(revealing, Some(opening())), 46),
			Step::MoveCase(CaseMove::Expire)
		);
		assert_eq!(
			step(Stage::Prepared, disputed(revealing, None), 31),
			Step::Close(Closing::ForeignSeal)
		);
	}

	#[test]
	fn a_case_that_stands_still_is_moved_on() {
		let drawing = CaseStage::Drawing {
			from: 10,
			draw_at: 20,
			draw_by: 80,
		};
		assert_eq!(CaseMove::overdue(&drawing, 24), None);
		assert_eq!(CaseMove::overdue(&drawing, 25), Some(CaseMove::Draw));
		assert_eq!(CaseMove::overdue(&drawing, 79), Some(CaseMove::Draw));
		assert_eq!(CaseMove::overdue(&drawing, 80), None);
		assert_eq!(CaseMove::overdue(&drawing, 86), Some(CaseMove::Expire));
		let committing = CaseStage::Committing { by: 30 };
		assert_eq!(CaseMove::overdue(&committing, 35), None);
		assert_eq!(CaseMove::overdue(&committing, 36), Some(CaseMove::Expire));
	}

	#[test]
	fn a_short_judging_window_shortens_the_grace() {
		let seal = opening().seal(DealId(3));
		let state = DealState::Submitted {
			seal,
			elapsed: 100,
			draw_at: 20,
			judge_by: 21,
			opened: None,
		};
		assert_eq!(step(sealed(true), Some(state.clone()), 18), Step::Wait);
		assert_eq!(step(sealed(true), Some(state), 19), Step::Reveal);
	}

	#[test]
	fn usage_is_bounded_by_chain_time_and_a_block() {
		let best = Block {
			number: 9,
			hash: [0; 32],
			timestamp: 10_000,
		};
		assert_eq!(usage_bound(&DealState::Matched { ack_by: 1 }, &best, 2000), 2000);
		let acked = |acked_ms| DealState::Running {
			acked_at: 1,
			acked_ms,
			submit_by: 1,
		};
		assert_eq!(usage_bound(&acked(10_000), &best, 2000), 2000);
		assert_eq!(usage_bound(&acked(4_000), &best, 2000), 8000);
	}
}
