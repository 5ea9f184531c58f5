//! One deal's task: reads chain and journal, takes the next step, and begins again.

use super::{
	decide::{next_step, Step},
	now_ms, subject_of, Context, StepError,
};
use crate::{
	chain::{Block, Call, Deal, DealState},
	executor::{self, RunId},
	journal::{Closing, DealRecord, Stage},
	progress::Progress,
	results::{result_tag, sidecar_tag, ResultStore},
};
use lilypad_primitives::{BlockNumber, DealId, JobId};
use std::{sync::Arc, time::Duration};

/// Longest wait between two attempts at a step.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Drives a deal until there is nothing left to do for it. May be dropped and started again at any moment.
pub async fn drive(ctx: Arc<Context>, id: DealId) {
	let mut failures = 0u32;
	let mut absent = None;
	loop {
		let mut seen = ctx.best.clone();
		seen.mark_unchanged();
		match advance(&ctx, id, &mut absent).await {
			Ok(Next::Again) => failures = 0,
			Ok(Next::OnBlock) => {
				failures = 0;
				if next_block(seen).await.is_err() {
					return;
				}
			},
			Ok(Next::Finished) => return,
			Err(error) => {
				failures = failures.saturating_add(1);
				report(&ctx, id, &error);
				wait(&ctx, failures).await;
			},
		}
	}
}

/// What to do after a step.
enum Next {
	Again,
	OnBlock,
	Finished,
}

async fn next_block(mut best: tokio::sync::watch::Receiver<Block>) -> Result<(), ()> {
	best.changed().await.map_err(|_| ())
}

/// Waits before the next attempt. A file that arrives ends the wait, and so does a block: deadlines are blocks.
async fn wait(ctx: &Context, failures: u32) {
	let backoff = ctx
		.timing
		.retry
		.saturating_mul(1 << failures.saturating_sub(1).min(7))
		.min(MAX_BACKOFF);
	let (mut arrivals, mut best) = (ctx.arrivals.clone(), ctx.best.clone());
	arrivals.mark_unchanged();
	best.mark_unchanged();
	tokio::select! {
		() = tokio::time::sleep(backoff) => (),
		Ok(()) = arrivals.changed() => (),
		Ok(()) = best.changed() => (),
	}
}

fn report(ctx: &Context, id: DealId, error: &StepError) {
	let text = error.to_string();
	match error {
		// Waiting for the creator is no trouble.
		StepError::AwaitingFiles(_) => return,
		_ => tracing::warn!(deal = %id, error = %text, "a step failed and will be tried again"),
	}
	ctx.metrics.failures.add(1);
	ctx.hub.set(id, Progress::Trouble { why: text.clone() });
	if !matches!(error, StepError::Journal(_)) {
		if let Err(error) = ctx.journal.note(id, &text) {
			tracing::warn!(deal = %id, %error, "the journal does not take notes");
		}
	}
}

/// `absent` remembers since which block the deal has been gone.
async fn advance(ctx: &Context, id: DealId, absent: &mut Option<BlockNumber>) -> Result<Next, StepError> {
	let deal = ctx.chain.deal(id).await?;
	// Read after the deal: a deadline that has not passed in this block had not passed before.
	let best = ctx.chain.best_block().await?;
	match deal {
		Some(_) => *absent = None,
		// A deal also vanishes while the chain changes branches: it is missed for a while before it is given up.
		None => {
			let since = *absent.get_or_insert(best.number);
			if best.number < since.saturating_add(ctx.timing.gone_blocks) {
				return Ok(Next::OnBlock);
			}
		},
	}
	let record = match ctx.journal.get(id)? {
		Some(record) => record,
		None => match &deal {
			Some(deal) => match begin(ctx, deal).await? {
				Some(record) => record,
				None => return Ok(Next::OnBlock),
			},
			None => return Ok(Next::Finished),
		},
	};
	if let Some(deal) = &deal {
		if let Some(job) = ctx.chain.job(deal.job).await? {
			if record.subject != subject_of(deal, &job) {
				forget_reverted(ctx, &record, deal).await?;
				return Ok(Next::Again);
			}
		}
	}
	let step = next_step(&record, deal.as_ref(), best.number, &ctx.timing);
	tracing::debug!(deal = %id, stage = record.stage.name(), ?step, block = best.number, "next");
	let Some(deal) = deal else {
		if let Step::Close(why) = step {
			close(ctx, &record, None, why).await?;
		}
		return Ok(Next::Finished);
	};
	match step {
		Step::Prepare => super::prepare::prepare(ctx, &record, &deal).await?,
		Step::Run => super::run::run(ctx, &record, &deal).await?,
		Step::Seal => super::seal::seal(ctx, &record, &deal, best).await?,
		Step::Submit => super::seal::submit(ctx, &record, &deal, best).await?,
		Step::NoteSubmitted => super::seal::note_submitted(ctx, &record, &deal).await?,
		Step::Reveal => super::seal::reveal(ctx, &record, &deal, best).await?,
		Step::Expire => {
			ctx.chain.call(Call::Expire(id), Some(best)).await?;
		},
		Step::MoveCase(how) => {
			ctx.chain.call(how.call(id), Some(best)).await?;
		},
		Step::Wait => {
			open_to_all(ctx, &record, &deal.state);
			return Ok(Next::OnBlock);
		},
		Step::Close(why) => close(ctx, &record, Some(&deal), why).await?,
		Step::Reopen => {
			tracing::warn!(deal = %id, "the deal is back after a re-organisation");
			ctx.journal.reopen(id)?;
			ctx.hub.set(id, Progress::Matched);
		},
		Step::Done => return Ok(Next::Finished),
	}
	Ok(Next::Again)
}

/// Writes the first record of a deal. `None` while the job can't be seen.
async fn begin(ctx: &Context, deal: &Deal) -> Result<Option<DealRecord>, StepError> {
	let Some(job) = ctx.chain.job(deal.job).await? else {
		return Ok(None);
	};
	let record = ctx.journal.begin(DealRecord {
		deal: deal.id,
		job: deal.job,
		judge: deal.terms.challenger().clone(),
		subject: subject_of(deal, &job),
		stage: Stage::Matched,
		trouble: None,
	})?;
	ctx.hub.begin(deal.id, deal.job);
	ctx.metrics.deals.add(1);
	tracing::info!(deal = %deal.id, job = %deal.job, creator = %deal.terms.creator, "a job was matched with our offer");
	Ok(Some(record))
}

/// A result that was opened on the chain is for everybody.
fn open_to_all(ctx: &Context, record: &DealRecord, state: &DealState) {
	if let (Some(_), Some(opening)) = (state.opened(), record.stage.opening()) {
		if !ctx.access.is_public(opening.triple.root.0) {
			ctx.access.publish(opening.triple.root.0);
		}
	}
}

async fn close(
	ctx: &Context,
	record: &DealRecord,
	deal: Option<&Deal>,
	why: Closing,
) -> Result<(), StepError> {
	let opening = record.stage.opening();
	remove_run(ctx, record).await?;
	drop_inputs(ctx, record.job).await?;
	ctx.journal.advance(
		record.deal,
		Stage::Closed {
			why,
			at: now_ms(),
			opening,
		},
	)?;
	let ended = |why: &str| Progress::Ended { why: why.into() };
	match why {
		Closing::Settled => {
			if let Some(opening) = opening {
				ctx.access.publish(opening.triple.root.0);
			}
			ctx.metrics.settled.add(1);
			ctx.hub.set(record.deal, Progress::Ready);
			tracing::info!(deal = %record.deal, "settled");
		},
		Closing::Gone => {
			ctx.hub.set(
				record.deal,
				ended("the deal has ended without a result of this worker"),
			);
			ctx.metrics.lost.add(1);
			tracing::info!(deal = %record.deal, "the deal has ended without a result");
		},
		Closing::ForeignSeal => {
			ctx.hub.set(
				record.deal,
				ended("another worker has submitted a result for this deal"),
			);
			ctx.metrics.lost.add(1);
			tracing::error!(
				deal = %record.deal,
				job = ?deal.map(|d| d.job),
				"the chain has a seal that this worker has not made: is the provider's key used elsewhere?"
			);
		},
	}
	Ok(())
}

/// Removes what belongs to a deal of a history that was reverted, whose number another deal has now.
async fn forget_reverted(ctx: &Context, record: &DealRecord, deal: &Deal) -> Result<(), StepError> {
	tracing::warn!(deal = %record.deal, "the chain was re-organised: this number stands for another deal now");
	remove_run(ctx, record).await?;
	if record.job != deal.job {
		drop_inputs(ctx, record.job).await?;
	}
	for tag in [result_tag(record.deal), sidecar_tag(record.deal)] {
		ctx.blobs.drop_tag(&tag).await?;
	}
	ctx.journal.forget(record.deal)?;
	ctx.hub.remove(record.deal);
	Ok(())
}

/// Removes a run and its files, whichever executor it was on.
pub(crate) async fn remove_run(ctx: &Context, record: &DealRecord) -> Result<(), StepError> {
	let run = super::run::run_id(ctx, record)?;
	let began = !matches!(record.stage, Stage::Matched | Stage::Prepared);
	remove_run_named(ctx, &run, began).await
}

/// The same by its name; `began`: whether an executor may know it.
pub(crate) async fn remove_run_named(ctx: &Context, run: &RunId, began: bool) -> Result<(), StepError> {
	if began {
		for engine in &ctx.engines.0 {
			// An engine that does not answer now is asked again by the housekeeper.
			if let Err(error) = engine.cleanup(run).await {
				tracing::warn!(%run, %error, "the run could not be cleaned up");
			}
		}
	}
	for dir in [ctx.data.work(run.as_str()), super::run::inputs_dir(ctx, run)] {
		if dir.exists() {
			let what = "can't remove";
			executor::remove_scratch(&dir).map_err(|source| StepError::Io {
				what,
				path: dir,
				source,
			})?;
		}
	}
	Ok(())
}

async fn drop_inputs(ctx: &Context, job: JobId) -> Result<(), StepError> {
	for (tag, hash, _) in ctx.blobs.tagged(&format!("input/{job}/")).await? {
		// Mediators may have been let in.
		ctx.access.revoke(hash);
		ctx.blobs.drop_tag(&tag).await?;
	}
	Ok(())
}
