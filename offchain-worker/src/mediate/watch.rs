//! One task for each seat of this account in a panel.

use super::{
	case_inputs_prefix, run,
	vote::{self, next_step, Step},
	vote_sidecar_tag, vote_tag,
};
use crate::{
	chain::{Case, Deal},
	journal::{CaseRecord, CaseStage, SeatId},
	pipeline::{now_ms, subject_of, Context, StepError},
	results::ResultStore,
	WorkerError,
};
use lilypad_primitives::{BlockNumber, DealId};
use std::{
	collections::{HashMap, HashSet},
	sync::Arc,
	time::Duration,
};
use tokio::{
	sync::mpsc,
	task::{AbortHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// Longest wait between two attempts at a step.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// Runs a task for every case in which this account has a seat, and for every open record of the journal.
pub async fn supervise(
	ctx: Arc<Context>,
	mut drawn: mpsc::Receiver<DealId>,
	shutdown: CancellationToken,
) -> Result<(), WorkerError> {
	restore(&ctx)?;
	let mut tasks = JoinSet::new();
	let mut running: HashMap<DealId, AbortHandle> = HashMap::new();
	let mut reconcile = tokio::time::interval(ctx.timing.reconcile);
	loop {
		let found = tokio::select! {
			() = shutdown.cancelled() => break,
			deal = drawn.recv() => match deal {
				Some(deal) => HashSet::from([deal]),
				None => break,
			},
			_ = reconcile.tick() => {
				if let Err(error) = retire(&ctx).await {
					tracing::warn!(%error, "old votes could not be removed");
				}
				match open_cases(&ctx).await {
					Ok(found) => found,
					Err(error) => {
						tracing::warn!(%error, "the journal could not be compared with the open cases");
						continue;
					},
				}
			},
			Some(ended) = tasks.join_next() => {
				if let Err(error) = ended {
					// The next comparison with the chain starts it again.
					tracing::error!(%error, "a case's task broke down");
				}
				continue;
			},
		};
		running.retain(|_, task| !task.is_finished());
		for deal in found {
			running
				.entry(deal)
				.or_insert_with(|| tasks.spawn(drive(ctx.clone(), deal)));
		}
	}
	// Runs in containers go on; the next start takes them up.
	tasks.shutdown().await;
	Ok(())
}

async fn open_cases(ctx: &Context) -> Result<HashSet<DealId>, WorkerError> {
	let mut open: HashSet<_> = ctx
		.chain
		.cases_of(&ctx.chain.account())
		.await?
		.into_iter()
		.collect();
	let unclosed = |record: &&CaseRecord| !matches!(record.stage, CaseStage::Closed { .. });
	open.extend(ctx.journal.cases()?.iter().filter(unclosed).map(|r| r.seat.deal));
	Ok(open)
}

/// What was found in cases that have ended is served again after a restart.
pub(crate) fn restore(ctx: &Context) -> Result<(), WorkerError> {
	for record in ctx.journal.cases()? {
		if matches!(record.stage, CaseStage::Closed { .. }) {
			serve(ctx, &record);
		}
	}
	Ok(())
}

/// The case has ended: who wants the result may have it.
fn serve(ctx: &Context, record: &CaseRecord) {
	if let Some(triple) = record.stage.vote().and_then(|(vote, _)| vote.triple) {
		ctx.access.publish(triple.root.0);
	}
}

/// Removes results that were kept long enough.
async fn retire(ctx: &Context) -> Result<(), WorkerError> {
	let keep = u64::try_from(ctx.limits.retention.as_millis()).unwrap_or(u64::MAX);
	let now = now_ms();
	for record in ctx.journal.cases()? {
		let CaseStage::Closed { at, vote } = record.stage else {
			continue;
		};
		if now.saturating_sub(at) < keep {
			continue;
		}
		if let Some(triple) = vote.and_then(|(vote, _)| vote.triple) {
			ctx.access.withdraw(triple.root.0);
		}
		drop_result(ctx, record.seat.deal).await?;
		ctx.journal.forget_case(record.seat)?;
	}
	Ok(())
}

async fn drop_result(ctx: &Context, deal: DealId) -> Result<(), crate::results::ResultError> {
	for tag in [vote_tag(deal), vote_sidecar_tag(deal)] {
		ctx.blobs.drop_tag(&tag).await?;
	}
	Ok(())
}

/// Drives this account's seats in a case until it has ended. May be dropped and started again at any moment.
pub async fn drive(ctx: Arc<Context>, deal: DealId) {
	let mut failures = 0u32;
	let mut absent = None;
	loop {
		let mut seen = ctx.best.clone();
		seen.mark_unchanged();
		match advance(&ctx, deal, &mut absent).await {
			Ok(Next::Again) => failures = 0,
			Ok(Next::OnBlock) => {
				failures = 0;
				if seen.changed().await.is_err() {
					return;
				}
			},
			Ok(Next::Finished) => return,
			Err((seat, error)) => {
				failures = failures.saturating_add(1);
				tracing::warn!(%deal, %error, "a step failed and will be tried again");
				ctx.metrics.failures.add(1);
				if let Some(seat) = seat {
					if let Err(error) = ctx.journal.note_case(seat, &error.to_string()) {
						tracing::warn!(%deal, %error, "the journal does not take notes");
					}
				}
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

/// Waits before the next attempt; a file that arrives, or a block, ends the wait.
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

/// `absent` remembers since which block the seat has been gone.
async fn advance(
	ctx: &Context,
	id: DealId,
	absent: &mut Option<BlockNumber>,
) -> Result<Next, (Option<SeatId>, StepError)> {
	let me = ctx.chain.account();
	let plain = |error: StepError| (None, error);
	let case = ctx.chain.case(id).await.map_err(|e| plain(e.into()))?;
	let deal = ctx.chain.deal(id).await.map_err(|e| plain(e.into()))?;
	// Read after the case: a deadline that has not passed in this block had not passed before.
	let best = ctx.chain.best_block().await.map_err(|e| plain(e.into()))?;
	if let (Some(case), Some(deal)) = (&case, &deal) {
		begin(ctx, case, deal).await.map_err(plain)?;
	}
	let records = ctx.journal.cases().map_err(|e| plain(e.into()))?;
	let mine: Vec<_> = records
		.into_iter()
		.filter(|record| record.seat.deal == id)
		.collect();
	let mut next = Next::Finished;
	let mut missing = false;
	for record in mine {
		let step = next_step(&record, case.as_ref(), &me, best.number);
		tracing::debug!(seat = %record.seat, stage = record.stage.name(), ?step, block = best.number, "next");
		missing |= step == Step::Close;
		if step == Step::Close && !is_gone(ctx, best.number, absent) {
			next = Next::OnBlock;
			continue;
		}
		let failed = |error: StepError| (Some(record.seat), error);
		match (step, &case, &deal) {
			(Step::Done, ..) => (),
			(Step::Wait, ..) => next = Next::OnBlock,
			(Step::Foreign, ..) => {
				tracing::error!(
					seat = %record.seat,
					"the chain has a commitment that this worker has not made: is the mediator's key used elsewhere?"
				);
			},
			(Step::Close, ..) => close(ctx, &record).await.map_err(failed)?,
			(step, Some(case), Some(deal)) => {
				act(ctx, &record, case, deal, step, best).await.map_err(failed)?;
				return Ok(Next::Again);
			},
			// Case and deal were read at different blocks.
			_ => next = Next::OnBlock,
		}
	}
	if !missing {
		*absent = None;
	}
	Ok(next)
}

/// Whether something has been gone for so long that it is not just the chain that changes branches.
fn is_gone(ctx: &Context, now: BlockNumber, absent: &mut Option<BlockNumber>) -> bool {
	let since = *absent.get_or_insert(now);
	now >= since.saturating_add(ctx.timing.gone_blocks)
}

/// Writes the first record of a seat, if there is one in the present round and the record is not there yet.
async fn begin(ctx: &Context, case: &Case, deal: &Deal) -> Result<(), StepError> {
	if case.seat(&ctx.chain.account()).is_none() {
		return Ok(());
	}
	let Some(job) = ctx.chain.job(deal.job).await? else {
		return Ok(());
	};
	let seat = SeatId {
		deal: deal.id,
		round: case.round,
	};
	let subject = subject_of(deal, &job);
	match ctx.journal.case(seat)? {
		Some(known) if known.subject == subject => return Ok(()),
		Some(known) => {
			tracing::warn!(%seat, "the chain was re-organised: this number stands for another deal now");
			clean(ctx, &known).await?;
			drop_result(ctx, deal.id).await?;
			ctx.journal.forget_case(seat)?;
		},
		None => (),
	}
	// Who sat in an earlier round has run the job already.
	let earlier = ctx.journal.cases()?.into_iter().find_map(|record| {
		let (vote, _) = record.stage.vote()?;
		let same = record.seat.deal == deal.id && record.subject == subject;
		let triple = vote
			.triple
			.filter(|triple| same && !triple.status.is_resource())?;
		Some(CaseStage::Ran {
			triple,
			usage: vote.usage,
			ample: vote.ample,
		})
	});
	ctx.journal.begin_case(CaseRecord {
		seat,
		job: deal.job,
		provider: deal.terms.provider.clone(),
		creator: deal.terms.creator.clone(),
		subject,
		stage: match case.profile {
			lilypad_primitives::Profile::Deterministic => earlier.unwrap_or(CaseStage::Drawn),
			lilypad_primitives::Profile::NonDeterministic => CaseStage::Drawn,
		},
		trouble: None,
	})?;
	ctx.metrics.cases.add(1);
	tracing::info!(%seat, job = %deal.job, provider = %deal.terms.provider, "drawn to judge a result");
	Ok(())
}

async fn act(
	ctx: &Context,
	record: &CaseRecord,
	case: &Case,
	deal: &Deal,
	step: Step,
	best: crate::chain::Block,
) -> Result<(), StepError> {
	match step {
		Step::Prepare => run::prepare(ctx, record, deal, case).await,
		Step::Run => run::run(ctx, record, deal, case).await,
		Step::Ask => run::ask(ctx, record, case).await,
		Step::Inspect => run::inspect(ctx, record, deal, case).await,
		Step::Commit => vote::commit(ctx, record, best).await,
		Step::Reveal => vote::reveal(ctx, record, best).await,
		Step::MoveCase(how) => {
			ctx.chain.call(how.call(deal.id), Some(best)).await?;
			Ok(())
		},
		Step::Reopen => {
			tracing::warn!(seat = %record.seat, "the case is back after a re-organisation");
			ctx.journal.reopen_case(record.seat)?;
			Ok(())
		},
		Step::Wait | Step::Close | Step::Foreign | Step::Done => Ok(()),
	}
}

async fn close(ctx: &Context, record: &CaseRecord) -> Result<(), StepError> {
	clean(ctx, record).await?;
	let closed = CaseStage::Closed {
		at: now_ms(),
		vote: record.stage.vote(),
	};
	let record = ctx.journal.advance_case(record.seat, closed)?;
	serve(ctx, &record);
	tracing::info!(seat = %record.seat, "the case has ended");
	Ok(())
}

/// Removes the run and the input files.
async fn clean(ctx: &Context, record: &CaseRecord) -> Result<(), StepError> {
	let began = !matches!(record.stage, CaseStage::Drawn | CaseStage::Prepared);
	run::remove_runs(ctx, record, began).await?;
	let mut tags = ctx.blobs.tagged(&case_inputs_prefix(record.seat.deal)).await?;
	if !ctx.hub.has_job(record.job) {
		// What the creator itself has handed over.
		tags.extend(ctx.blobs.tagged(&format!("input/{}/", record.job)).await?);
	}
	for (tag, hash, _) in tags {
		ctx.access.revoke(hash);
		ctx.blobs.drop_tag(&tag).await?;
	}
	Ok(())
}
