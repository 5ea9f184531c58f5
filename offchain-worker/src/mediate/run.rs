//! Running a disputed job again, and asking for the provider's result.

use super::{
	ample::{self, is_ample, Ran},
	vote::decide,
	vote_sidecar_tag, vote_tag,
};
use crate::{
	chain::{Case, Deal},
	executor::{ExecError, Executor, RunId, RunOutcome, RunRequest},
	journal::{CaseRecord, CaseStage},
	output::{collect, empty_root},
	p2p::{DownloadLimits, P2pError, PeerSession, Refusal},
	pipeline::{
		driver::remove_run_named,
		now_ms,
		prepare::{image, job_error, load, until_block, wanted, Work},
		run::{publish, request},
		Context, StepError,
	},
	AccountId,
};
use futures::{future::BoxFuture, FutureExt};
use lilypad_primitives::{
	BlockNumber, DealId, MachineSpec, Millis, OutputRoot, PeerAddress, Status, Triple, Vote,
};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Bytes that a result's metadata may have besides its files.
const SMALL: u64 = 16 * 1024 * 1024;

/// Name of a seat's run.
pub(crate) fn run_id(ctx: &Context, record: &CaseRecord) -> Result<RunId, ExecError> {
	let (deal, round) = (record.seat.deal, record.seat.round as u8);
	ctx.run_name(&format!(
		"case-{deal}-{round}-{}",
		hex::encode(&record.subject[..4])
	))
}

/// The last block in which there still is time for something else than committing.
pub(super) fn last_moment(ctx: &Context, case: &Case) -> BlockNumber {
	case.stage.last_block().saturating_sub(ctx.timing.commit_margin)
}

/// Says that neither provider nor creator nor other mediators handed over what is needed to find out.
fn nothing_found(ctx: &Context, record: &CaseRecord) -> Result<(), StepError> {
	let vote = Vote {
		triple: None,
		usage: 0,
		fetched: false,
		ample: false,
	};
	decide(ctx, record, vote)
}

/// Fetches image and inputs, for as long as there is time.
pub(super) async fn prepare(
	ctx: &Context,
	record: &CaseRecord,
	deal: &Deal,
	case: &Case,
) -> Result<(), StepError> {
	let last = last_moment(ctx, case);
	let attempt = tokio::select! {
		attempt = try_prepare(ctx, record, deal, case) => attempt,
		() = async {
			until_block(ctx, Some(last)).await;
			// An attempt that begins late still gets a moment, to learn what is wrong.
			tokio::time::sleep(ctx.timing.retry).await;
		} => Err(StepError::TooSlow),
	};
	match attempt {
		Ok(()) => Ok(()),
		Err(error) if error.is_unfetchable() && ctx.chain.best_block().await?.number >= last => {
			tracing::warn!(seat = %record.seat, %error, "voting that it could not be fetched");
			nothing_found(ctx, record)
		},
		// A fault of this machine is nothing to vote about: somebody else is drawn.
		Err(error) => Err(error),
	}
}

async fn try_prepare(ctx: &Context, record: &CaseRecord, deal: &Deal, case: &Case) -> Result<(), StepError> {
	let Some(work) = load(ctx, deal).await? else {
		return Ok(());
	};
	if let Ok(Work { job, info, manifest }) = work {
		image(ctx, &job, &info, &manifest, |_, _| ()).await?;
		let me = ctx.chain.account();
		let panel = case.panel().map(|seat| seat.mediator.clone());
		let others = panel.filter(|account| *account != me);
		let from: Vec<AccountId> = std::iter::once(record.provider.clone()).chain(others).collect();
		ctx.sources
			.case_inputs(record.seat.deal, &wanted(&job), &from)
			.await?;
	}
	ctx.journal.advance_case(record.seat, CaseStage::Prepared)?;
	Ok(())
}

/// Runs the job, with more patience than its limits have, and keeps the result.
pub(super) async fn run(
	ctx: &Context,
	record: &CaseRecord,
	deal: &Deal,
	case: &Case,
) -> Result<(), StepError> {
	let Some(work) = load(ctx, deal).await? else {
		return Ok(());
	};
	let work = match work {
		Ok(work) => work,
		Err(why) => return found_broken(ctx, record, &why).await,
	};
	// What was prepared may be gone: compiled code lives no longer than the worker.
	image(ctx, &work.job, &work.info, &work.manifest, |_, _| ()).await?;
	let run_id = run_id(ctx, record)?;
	let mut request = match request(ctx, run_id.clone(), &work).await? {
		Ok(request) => request,
		Err(why) => return found_broken(ctx, record, &why).await,
	};
	let slack = ctx.chain.rules().await?.slack_percent;
	request.time_limit = stretched(request.time_limit, slack);
	let free = ctx
		.data
		.free_bytes()
		.unwrap_or(0)
		.saturating_sub(ctx.limits.min_free_bytes);
	request.spec = slackened(&request.spec, slack, free);
	let engine = ctx.engines.get(work.info.runtime.platform())?;
	let since = match record.stage {
		CaseStage::Started { at } => at,
		_ => now_ms(),
	};
	// From here on a run may exist, and is looked for before it is started.
	ctx.journal
		.advance_case(record.seat, CaseStage::Started { at: since })?;
	let outcome = match supervised(ctx, &request, &*engine, last_moment(ctx, case)).await {
		Ok(outcome) => outcome,
		Err(ExecError::Cancelled) => return out_of_time(ctx, record, since, deal.terms.time_limit).await,
		Err(error @ ExecError::Interrupted { .. }) => {
			engine.cleanup(&run_id).await?;
			return Err(error.into());
		},
		Err(error) => return Err(error.into()),
	};
	let collected = collect(&outcome, &request.verified, &request.limits).await?;
	publish(
		ctx,
		&vote_tag(record.seat.deal),
		&vote_sidecar_tag(record.seat.deal),
		&collected,
	)
	.await?;
	let ran = Ran {
		record,
		deal,
		case,
		work: &work,
		outcome: &outcome,
		triple: &collected.triple,
	};
	let ample = is_ample(ctx, &ran, &*engine).await?;
	tracing::info!(
		seat = %record.seat,
		status = %collected.triple.status,
		millis = collected.usage,
		root = %collected.triple.root,
		ample,
		"the job was run again"
	);
	let ran = CaseStage::Ran {
		triple: collected.triple,
		usage: collected.usage.max(1),
		ample,
	};
	ctx.journal.advance_case(record.seat, ran)?;
	remove_runs(ctx, record, true).await
}

/// Removes what the runs of a seat left. `began`: they may have been started.
pub(super) async fn remove_runs(ctx: &Context, record: &CaseRecord, began: bool) -> Result<(), StepError> {
	remove_run_named(ctx, &run_id(ctx, record)?, began).await?;
	ample::remove(ctx, record, began).await
}

/// The job can't be run by anybody.
async fn found_broken(ctx: &Context, record: &CaseRecord, why: &str) -> Result<(), StepError> {
	tracing::info!(seat = %record.seat, why, "the job can't be run as it is");
	ctx.blobs.publish_nothing(&vote_tag(record.seat.deal)).await?;
	let nothing = job_error();
	let ran = CaseStage::Ran {
		triple: nothing.triple,
		usage: nothing.measured,
		ample: true,
	};
	ctx.journal.advance_case(record.seat, ran)?;
	Ok(())
}

/// The time to commit is nearly over. Whoever could run the job for as long as it may take says that it took longer; who
/// began too late knows nothing, and is replaced.
async fn out_of_time(
	ctx: &Context,
	record: &CaseRecord,
	since: Millis,
	time_limit: Millis,
) -> Result<(), StepError> {
	let ran = now_ms().saturating_sub(since);
	if ran < time_limit {
		return Err(StepError::TooSlow);
	}
	ctx.blobs.publish_nothing(&vote_tag(record.seat.deal)).await?;
	let triple = Triple {
		status: Status::TimeExceeded,
		exit_code: 0,
		root: empty_root(),
	};
	ctx.journal.advance_case(
		record.seat,
		CaseStage::Ran {
			triple,
			usage: ran,
			ample: false,
		},
	)?;
	remove_runs(ctx, record, true).await
}

/// Runs to the end, or until there is just time left to commit.
pub(super) async fn supervised(
	ctx: &Context,
	request: &RunRequest,
	engine: &dyn Executor,
	last: BlockNumber,
) -> Result<RunOutcome, ExecError> {
	let stop = CancellationToken::new();
	let running = engine.run(request, stop.clone());
	tokio::pin!(running);
	tokio::select! {
		outcome = &mut running => return outcome,
		() = until_block(ctx, Some(last)) => (),
	}
	stop.cancel();
	running.await
}

fn stretched(limit: u64, percent: u32) -> u64 {
	limit.saturating_mul(percent.into()) / 100
}

/// A machine with larger limits: not the processor, which is what time is measured by. The disk only as far as there is
/// any; what the job itself may use, it gets in any case.
fn slackened(spec: &MachineSpec, percent: u32, free_bytes: u64) -> MachineSpec {
	let more = |limit: u32| u32::try_from(stretched(limit.into(), percent)).unwrap_or(u32::MAX);
	let free = u32::try_from(free_bytes >> 20).unwrap_or(u32::MAX);
	MachineSpec {
		ram_mib: more(spec.ram_mib),
		disk_mib: more(spec.disk_mib).min(free).max(spec.disk_mib),
		..spec.clone()
	}
}

/// Asks the provider for the result that the own run gave, and decides on the vote.
pub(super) async fn ask(ctx: &Context, record: &CaseRecord, case: &Case) -> Result<(), StepError> {
	let CaseStage::Ran { triple, usage, ample } = record.stage else {
		return Ok(());
	};
	let fetched = triple.root == empty_root() || is_handed_over(ctx, record, case, triple.root).await?;
	let vote = Vote {
		triple: Some(triple),
		usage,
		fetched,
		ample,
	};
	decide(ctx, record, vote)
}

/// Whether the provider hands over the result with this root. A provider that does not answer is asked for a while.
async fn is_handed_over(
	ctx: &Context,
	record: &CaseRecord,
	case: &Case,
	root: OutputRoot,
) -> Result<bool, StepError> {
	let size = ctx.blobs.total_size(root).await?;
	let fetch = || {
		async move {
			let session = session(ctx, &record.provider).await?;
			session.case_result(record.seat.deal, root).await?;
			download(ctx, &session, root, size).await
		}
		.boxed()
	};
	patiently(ctx, case, fetch).await.map(|found| found.is_some())
}

/// Tries until it succeeds, until it can't, or until there is no time left.
async fn patiently<'a, T>(
	ctx: &Context,
	case: &Case,
	mut attempt: impl FnMut() -> BoxFuture<'a, Result<T, P2pError>>,
) -> Result<Option<T>, StepError> {
	let begun = ctx.chain.best_block().await?.number;
	let patience = ctx.chain.rules().await?.ask_blocks;
	let until = last_moment(ctx, case).min(begun.saturating_add(patience));
	let mut pause = ctx.timing.retry;
	loop {
		// A provider that sends a little now and then must not keep a mediator from committing in time.
		let tried = tokio::select! {
			tried = attempt() => tried,
			() = until_block(ctx, Some(until)) => Err(P2pError::Timeout("the whole result")),
		};
		let error = match tried {
			Ok(found) => return Ok(Some(found)),
			// This machine's fault is not the provider's.
			Err(P2pError::Store(error)) => return Err(error.into()),
			Err(P2pError::Io { what, path, source }) => return Err(StepError::Io { what, path, source }),
			Err(error) => error,
		};
		tracing::debug!(%error, "the provider does not hand its result over");
		let refused = matches!(error, P2pError::Refused(Refusal::NotAsked));
		if refused || ctx.chain.best_block().await?.number >= until {
			tracing::info!(%error, "the provider does not hand over this result");
			return Ok(None);
		}
		tokio::time::sleep(pause).await;
		pause = pause.saturating_mul(2).min(std::time::Duration::from_secs(8));
	}
}

async fn session(ctx: &Context, account: &AccountId) -> Result<PeerSession, P2pError> {
	let address: Option<PeerAddress> = ctx
		.chain
		.peer(account)
		.await
		.map_err(|e| P2pError::Lost(e.to_string()))?;
	let address = address.ok_or_else(|| P2pError::Address("the provider has announced none".into()))?;
	ctx.sources.peers.connect(&address).await
}

/// Fetches a result as if it were not here already, and drops it.
async fn download(ctx: &Context, session: &PeerSession, root: OutputRoot, size: u64) -> Result<(), P2pError> {
	let target: PathBuf = ctx
		.data
		.tmp()
		.join(format!("asked-{:016x}", rand::random::<u64>()));
	let limits = DownloadLimits {
		max_bytes: size.saturating_add(SMALL),
		..DownloadLimits::default()
	};
	let fetched = session.download(root, &target, limits, |_, _| ()).await;
	if target.exists() {
		// What stays behind is removed at the next start.
		crate::executor::remove_scratch(&target).ok();
	}
	fetched.map(|_| ())
}

/// Asks for a result that nobody else can find, checks it against the seal, and decides on the vote.
pub(super) async fn inspect(
	ctx: &Context,
	record: &CaseRecord,
	deal: &Deal,
	case: &Case,
) -> Result<(), StepError> {
	let Some(seal) = deal.state.seal() else {
		return Ok(());
	};
	let id: DealId = record.seat.deal;
	let most = DownloadLimits::default().max_bytes.saturating_sub(SMALL);
	let fetch = || {
		async move {
			let session = session(ctx, &record.provider).await?;
			let (opening, _) = session.opening(id).await?;
			if opening.seal(id) != seal {
				return Err(P2pError::BadContent(
					"it does not fit the seal on the chain".into(),
				));
			}
			if opening.triple.root != empty_root() {
				download(ctx, &session, opening.triple.root, most).await?;
			}
			Ok(opening.triple)
		}
		.boxed()
	};
	match patiently(ctx, case, fetch).await? {
		None => nothing_found(ctx, record),
		Some(triple) => decide(
			ctx,
			record,
			Vote {
				triple: Some(triple),
				usage: 0,
				fetched: true,
				ample: false,
			},
		),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_mediators_machine_has_larger_limits_as_far_as_there_is_disk() {
		let spec = MachineSpec::new(1000, 100, 10);
		let free = |mib: u64| slackened(&spec, 300, mib << 20);
		assert_eq!(free(1000), MachineSpec::new(1000, 300, 30));
		assert_eq!(free(20), MachineSpec::new(1000, 300, 20));
		assert_eq!(free(5), MachineSpec::new(1000, 300, 10));
		assert_eq!(stretched(1_500, 300), 4_500);
	}
}
