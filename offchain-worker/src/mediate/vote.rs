//! What to do next in a seat, and the votes themselves.

use crate::{
	chain::{Block, Call, Case, CaseMove, CaseStage as Stage, SeatState},
	journal::{CaseRecord, CaseStage},
	pipeline::{Context, StepError},
	AccountId,
};
use lilypad_primitives::{BlockNumber, Profile, Vote};

/// What to do next in a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
	/// Fetch image and inputs.
	Prepare,
	/// Start the run, or take it up again.
	Run,
	/// Ask the provider for the result that was found, and decide on the vote.
	Ask,
	/// Ask the provider for its result, which nobody else can find: the module need not give the same twice.
	Inspect,
	/// Commit to the vote.
	Commit,
	/// Reveal it.
	Reveal,
	/// Move the case on, which stands still.
	MoveCase(CaseMove),
	/// Nothing before the chain changes.
	Wait,
	/// The case has ended, or the seat is lost: clean up.
	Close,
	/// The chain has a commitment that this worker has not made.
	Foreign,
	/// The case was thought to have ended, and is back.
	Reopen,
	/// Nothing, ever.
	Done,
}

/// What to do next. `case` is what the chain says, `None` when it has ended.
pub fn next_step(record: &CaseRecord, case: Option<&Case>, me: &AccountId, now: BlockNumber) -> Step {
	let closed = matches!(record.stage, CaseStage::Closed { .. });
	let Some(case) = case else {
		return if closed { Step::Done } else { Step::Close };
	};
	let overdue = || CaseMove::overdue(&case.stage, now).map_or(Step::Wait, Step::MoveCase);
	if case.round != record.seat.round {
		// A larger panel judges now. The own result waits for the end.
		return if closed { Step::Done } else { overdue() };
	}
	let Some(seat) = case.seat(me) else {
		return if closed { Step::Done } else { Step::Close };
	};
	if closed {
		return Step::Reopen;
	}
	// A transaction that is sent now is executed in the next block at the earliest.
	let in_time = now < case.stage.last_block();
	match (&case.stage, &seat.state) {
		(Stage::Committing { .. }, SeatState::Drawn) if in_time => match &record.stage {
			CaseStage::Drawn if case.profile == Profile::NonDeterministic => Step::Inspect,
			CaseStage::Drawn => Step::Prepare,
			CaseStage::Prepared | CaseStage::Started { .. } => Step::Run,
			CaseStage::Ran { .. } => Step::Ask,
			CaseStage::Voted { .. } => Step::Commit,
			CaseStage::Closed { .. } => Step::Done,
		},
		(_, SeatState::Committed(commitment)) => match record.stage.vote() {
			Some((vote, salt))
				if vote.commitment(record.seat.deal, record.seat.round, me, &salt) == *commitment =>
			{
				match case.stage {
					Stage::Revealing { .. } if in_time => Step::Reveal,
					_ => overdue(),
				}
			},
			_ => Step::Foreign,
		},
		_ => overdue(),
	}
}

/// Decides on the vote: vote and salt are on disk before anybody hears of the commitment.
pub(super) fn decide(ctx: &Context, record: &CaseRecord, vote: Vote) -> Result<(), StepError> {
	let salt = rand::random();
	ctx.journal
		.advance_case(record.seat, CaseStage::Voted { vote, salt })?;
	Ok(())
}

/// Commits to the vote.
pub(super) async fn commit(ctx: &Context, record: &CaseRecord, best: Block) -> Result<(), StepError> {
	let Some((vote, salt)) = record.stage.vote() else {
		return Ok(());
	};
	let commitment = vote.commitment(record.seat.deal, record.seat.round, &ctx.chain.account(), &salt);
	ctx.chain
		.call(Call::CommitVote(record.seat.deal, commitment), Some(best))
		.await?;
	tracing::info!(seat = %record.seat, "committed to a vote");
	Ok(())
}

/// Reveals it.
pub(super) async fn reveal(ctx: &Context, record: &CaseRecord, best: Block) -> Result<(), StepError> {
	let Some((vote, salt)) = record.stage.vote() else {
		return Ok(());
	};
	ctx.chain
		.call(Call::RevealVote(record.seat.deal, vote, salt), Some(best))
		.await?;
	ctx.metrics.votes.add(1);
	tracing::info!(seat = %record.seat, ?vote, "revealed the vote");
	Ok(())
}
