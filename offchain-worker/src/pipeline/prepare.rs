//! Before the run: the image or code, and the creator's files.

use super::{Context, StepError};
use crate::{
	chain::{Call, Deal, DealState},
	executor::{self, ExecError},
	journal::{DealRecord, RunRecord, Stage},
	progress::Progress,
	AccountId,
};
use lilypad_primitives::{
	manifest::{Blob, Digest, Manifest},
	BlockNumber, Inputs, Job, ModuleInfo, Status, Triple,
};

/// What is to be run.
pub(crate) struct Work {
	pub(crate) job: Job<AccountId>,
	pub(crate) info: ModuleInfo<AccountId>,
	pub(crate) manifest: Manifest,
}

/// Reads the job and its module. The inner error is the module's own fault, the same for every provider; `None` when the
/// job is gone.
pub(crate) async fn load(ctx: &Context, deal: &Deal) -> Result<Option<Result<Work, String>>, StepError> {
	let Some(job) = ctx.chain.job(deal.job).await? else {
		return Ok(None);
	};
	let Some((info, bytes)) = ctx.chain.module(job.version).await? else {
		return Ok(None);
	};
	let manifest = match Manifest::parse(&bytes) {
		Ok(manifest) => manifest,
		Err(error) => return Ok(Some(Err(error.to_string()))),
	};
	if manifest.image() != Some(info.runtime) {
		return Ok(Some(Err(
			"the manifest names another image or code than the chain".into(),
		)));
	}
	Ok(Some(Ok(Work { job, info, manifest })))
}

/// Blobs that the creator has to hand over.
pub(crate) fn wanted(job: &Job<AccountId>) -> Vec<Blob> {
	let inputs = match &job.request.inputs {
		Inputs::Hash { hash, size } => Some((*hash, *size)),
		Inputs::Inline(_) => None,
	};
	let files = job.request.files.iter().map(|file| (file.hash, file.size));
	files
		.chain(inputs)
		.map(|(hash, size)| Blob {
			hash: Digest(hash),
			size,
		})
		.collect()
}

/// A run that failed for the job's own fault before it began.
pub(crate) fn job_error() -> RunRecord {
	let triple = Triple {
		status: Status::JobError,
		exit_code: 0,
		root: crate::output::empty_root(),
	};
	RunRecord { triple, measured: 1 }
}

/// The last block in which a deal can still be given up, with some to spare. `None` when it can't be any more.
fn last_moment(ctx: &Context, deal: &Deal) -> Option<BlockNumber> {
	match deal.state {
		DealState::Matched { ack_by } => Some(
			ack_by
				.saturating_sub(1)
				.saturating_sub(ctx.timing.deadline_margin),
		),
		_ => None,
	}
}

pub(super) async fn prepare(ctx: &Context, record: &DealRecord, deal: &Deal) -> Result<(), StepError> {
	let last = last_moment(ctx, deal);
	// An attempt that begins late still gets a moment, to learn what is wrong.
	let time_is_up = async {
		until_block(ctx, last).await;
		tokio::time::sleep(ctx.timing.retry).await;
	};
	let attempt = tokio::select! {
		attempt = try_prepare(ctx, record, deal) => attempt,
		() = time_is_up => Err(StepError::TooSlow),
	};
	match attempt {
		Ok(()) => Ok(()),
		Err(error) => give_up_in_time(ctx, deal, error).await,
	}
}

/// What went wrong will be tried again, unless this is the last moment to say so: a deal that is given up costs less than one
/// that lapses.
pub(super) async fn give_up_in_time(ctx: &Context, deal: &Deal, error: StepError) -> Result<(), StepError> {
	let last = last_moment(ctx, deal);
	let best = ctx.chain.best_block().await?;
	if last.is_none_or(|last| best.number < last) {
		return Err(error);
	}
	let call = match error.is_unfetchable() {
		true => Call::ReportUnfetchable(deal.id),
		false => Call::Decline(deal.id),
	};
	tracing::warn!(deal = %deal.id, %error, ?call, "giving the deal up");
	ctx.chain.call(call, Some(best)).await?;
	Ok(())
}

/// Waits for a block; for ever when there is none to wait for.
pub(crate) async fn until_block(ctx: &Context, number: Option<BlockNumber>) {
	let Some(number) = number else {
		return std::future::pending().await;
	};
	let mut best = ctx.best.clone();
	if best.wait_for(|block| block.number >= number).await.is_err() {
		// The worker stops.
		std::future::pending::<()>().await;
	}
}

async fn try_prepare(ctx: &Context, record: &DealRecord, deal: &Deal) -> Result<(), StepError> {
	let Some(work) = load(ctx, deal).await? else {
		return Ok(());
	};
	let Work { job, info, manifest } = match work {
		Ok(work) => work,
		Err(why) => {
			tracing::warn!(deal = %deal.id, why, "the module can't be run by anybody");
			super::run::publish_nothing(ctx, record.deal).await?;
			ctx.journal.advance(record.deal, Stage::Ran(job_error()))?;
			return Ok(());
		},
	};
	let free = ctx
		.data
		.free_bytes()
		.map_err(|e| StepError::Exec(ExecError::Invalid(e.to_string())))?;
	let needed = ctx
		.limits
		.min_free_bytes
		.saturating_add(u64::from(deal_disk_mib(&job)) << 20);
	if free < needed {
		return Err(ExecError::DiskFull {
			path: ctx.data.root().into(),
			needed,
			free,
		}
		.into());
	}
	let show = |done, total| ctx.hub.set(deal.id, Progress::FetchingImage { done, total });
	image(ctx, &job, &info, &manifest, show).await?;
	let missing = ctx.sources.missing(&wanted(&job)).await?;
	if !missing.is_empty() {
		let count = missing.len();
		let missing = missing.iter().map(|blob| blob.hash.0).collect();
		ctx.hub.set(deal.id, Progress::AwaitingFiles { missing });
		return Err(StepError::AwaitingFiles(count));
	}
	ctx.journal.advance(record.deal, Stage::Prepared)?;
	Ok(())
}

/// Makes sure that the executor has image or code.
pub(crate) async fn image(
	ctx: &Context,
	job: &Job<AccountId>,
	info: &ModuleInfo<AccountId>,
	manifest: &Manifest,
	show: impl Fn(u64, u64),
) -> Result<(), StepError> {
	let engine = ctx.engines.get(info.runtime.platform())?;
	if engine.has(&info.runtime).await? {
		return Ok(());
	}
	show(0, info.fetch_bytes);
	// The file lasts until the executor has read it.
	let (source, _file) = ctx.sources.module(job.version, info, manifest, &show).await?;
	let sender = executor::ProgressSender::new(executor::Progress::default());
	let mut receiver = sender.subscribe();
	let preparing = engine.prepare(&source, &sender);
	tokio::pin!(preparing);
	loop {
		tokio::select! {
			done = &mut preparing => return Ok(done?),
			Ok(()) = receiver.changed() => {
				let progress = receiver.borrow_and_update().clone();
				show(progress.done, progress.total.unwrap_or(info.fetch_bytes));
			},
		}
	}
}

fn deal_disk_mib(job: &Job<AccountId>) -> u32 {
	job.request.spec.disk_mib
}
