//! The run itself, and what becomes of its outputs.

use super::{
	now_ms,
	prepare::{give_up_in_time, image, job_error, load, Work},
	Context, StepError,
};
use crate::{
	chain::{Call, Deal, DealState},
	executor::{Conditions, ExecError, InputMount, OutputLimits, RunId, RunRequest, MIN_CONTAINER_MIB},
	journal::{DealRecord, RunRecord, Stage},
	output::{collect, Collected, OutputEntry},
	progress::Progress,
	results::{result_tag, sidecar_tag, ResultFile, ResultStore},
};
use lilypad_primitives::{
	manifest::{InputValues, Manifest},
	BlockNumber, DealId, Inputs, MachineSpec, RuntimeImage,
};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Longest inputs that are passed by hash, in bytes.
const MAX_HASHED_INPUTS: u64 = 16 * 1024 * 1024;

pub(crate) fn run_id(ctx: &Context, record: &DealRecord) -> Result<RunId, ExecError> {
	ctx.run_name(&format!(
		"deal-{}-{}",
		record.deal,
		hex::encode(&record.subject[..4])
	))
}

pub(crate) fn inputs_dir(ctx: &Context, run: &RunId) -> PathBuf {
	ctx.data.work(&format!("{run}.inputs"))
}

pub(super) async fn run(ctx: &Context, record: &DealRecord, deal: &Deal) -> Result<(), StepError> {
	match try_run(ctx, record, deal).await {
		Ok(()) => Ok(()),
		Err(error) => {
			// It may have been acknowledged meanwhile.
			let now = ctx.chain.deal(deal.id).await?;
			give_up_in_time(ctx, now.as_ref().unwrap_or(deal), error).await
		},
	}
}

async fn try_run(ctx: &Context, record: &DealRecord, deal: &Deal) -> Result<(), StepError> {
	let Some(work) = load(ctx, deal).await? else {
		return Ok(());
	};
	let request = match work {
		Ok(work) => {
			// What was prepared may be gone: compiled code lives no longer than the worker.
			let show = |done, total| ctx.hub.set(deal.id, Progress::FetchingImage { done, total });
			image(ctx, &work.job, &work.info, &work.manifest, show).await?;
			request(ctx, run_id(ctx, record)?, &work)
				.await?
				.map(|request| (request, work.info.runtime.platform()))
		},
		Err(why) => Err(why),
	};
	let (request, platform) = match request {
		Ok(request) => request,
		Err(why) => {
			tracing::info!(deal = %deal.id, why, "the job can't be run as it is");
			publish_nothing(ctx, record.deal).await?;
			ctx.journal.advance(record.deal, Stage::Ran(job_error()))?;
			return Ok(());
		},
	};
	let engine = ctx.engines.get(platform)?;
	let since = match record.stage {
		Stage::Started { at } => at,
		_ => now_ms(),
	};
	// From here on a run may exist, and is looked for before it is started.
	ctx.journal.advance(record.deal, Stage::Started { at: since })?;
	ctx.hub.set(deal.id, Progress::Running { since });
	ctx.metrics.running.add(1);
	let outcome = supervised(ctx, deal.id, &request, &*engine).await;
	ctx.metrics.running.sub(1);
	let outcome = match outcome {
		Ok(outcome) => outcome,
		// The deal is gone, or too late: the chain says which.
		Err(ExecError::Cancelled) => return Ok(()),
		Err(error @ ExecError::Interrupted { .. }) => {
			engine.cleanup(&request.run_id).await?;
			return Err(error.into());
		},
		Err(error) => return Err(error.into()),
	};
	ctx.hub.set(deal.id, Progress::Publishing);
	let collected = collect(&outcome, &request.verified, &request.limits).await?;
	publish(ctx, &result_tag(deal.id), &sidecar_tag(deal.id), &collected).await?;
	tracing::info!(
		deal = %deal.id,
		status = %collected.triple.status,
		exit_code = collected.exit_code,
		millis = collected.usage,
		root = %collected.triple.root,
		detail = collected.detail.as_deref().unwrap_or_default(),
		"the run has ended"
	);
	let run = RunRecord {
		triple: collected.triple,
		measured: collected.usage.max(1),
	};
	let record = ctx.journal.advance(record.deal, Stage::Ran(run))?;
	super::driver::remove_run(ctx, &record).await
}

/// Runs to the end, acknowledging on the way; stops the run when the deal is gone or too late.
async fn supervised(
	ctx: &Context,
	deal: DealId,
	request: &RunRequest,
	engine: &dyn crate::executor::Executor,
) -> Result<crate::executor::RunOutcome, ExecError> {
	let stop = CancellationToken::new();
	let running = engine.run(request, stop.clone());
	tokio::pin!(running);
	let reason = tokio::select! {
		outcome = &mut running => return outcome,
		reason = keep(ctx, deal) => reason,
	};
	tracing::info!(%deal, reason, "stopping the run");
	stop.cancel();
	running.await
}

/// Keeps a deal alive while it runs. Returns when the run is in vain.
async fn keep(ctx: &Context, id: DealId) -> &'static str {
	let mut best = ctx.best.clone();
	let mut absent = None;
	tokio::time::sleep(ctx.timing.quick_run).await;
	loop {
		best.mark_unchanged();
		match keep_once(ctx, id, &mut absent).await {
			Ok(Some(reason)) => return reason,
			Ok(None) => (),
			Err(error) => tracing::warn!(deal = %id, %error, "the running deal could not be looked after"),
		}
		// A block that does not come means that the chain is out of reach: it is asked again all the same.
		tokio::select! {
			changed = best.changed() => if changed.is_err() {
				std::future::pending::<()>().await;
			},
			() = tokio::time::sleep(ctx.timing.reconcile) => (),
		}
	}
}

async fn keep_once(
	ctx: &Context,
	id: DealId,
	absent: &mut Option<BlockNumber>,
) -> Result<Option<&'static str>, StepError> {
	let deal = ctx.chain.deal(id).await?;
	let best = ctx.chain.best_block().await?;
	let Some(deal) = deal else {
		let since = *absent.get_or_insert(best.number);
		let gone = best.number >= since.saturating_add(ctx.timing.gone_blocks);
		return Ok(gone.then_some("the deal is gone"));
	};
	*absent = None;
	match deal.state {
		DealState::Matched { ack_by } if best.number >= ack_by => Ok(Some("it was not acknowledged in time")),
		DealState::Matched { .. } => {
			ctx.chain.call(Call::Acknowledge(id), Some(best)).await?;
			tracing::info!(deal = %id, "acknowledged");
			Ok(None)
		},
		DealState::Running { submit_by, .. } if best.number >= submit_by => Ok(Some("its time is over")),
		DealState::Running { .. } => Ok(None),
		DealState::Submitted { .. } | DealState::Disputed { .. } => {
			Ok(Some("a result was submitted by somebody else"))
		},
	}
}

/// What the executor is told. The inner error is the job's own fault.
pub(crate) async fn request(
	ctx: &Context,
	run_id: RunId,
	work: &Work,
) -> Result<Result<RunRequest, String>, StepError> {
	let Work { job, info, manifest } = work;
	let memory = job.request.spec.ram_mib;
	if memory < MIN_CONTAINER_MIB && matches!(info.runtime, RuntimeImage::Container { .. }) {
		return Ok(Err(format!(
			"a container needs {MIN_CONTAINER_MIB} MiB of memory at least, and the job has {memory}"
		)));
	}
	let text = match &job.request.inputs {
		Inputs::Inline(text) => text.to_vec(),
		Inputs::Hash { size, .. } if *size > MAX_HASHED_INPUTS => {
			return Ok(Err("the inputs are too long".into()))
		},
		Inputs::Hash { hash, .. } => ctx.blobs.read(*hash, MAX_HASHED_INPUTS).await?.to_vec(),
	};
	let values = match manifest.inputs_from_json(&text) {
		Ok(values) => values,
		Err(error) => return Ok(Err(error.to_string())),
	};
	let mut files = Vec::new();
	for file in &job.request.files {
		match std::str::from_utf8(&file.name) {
			Ok(name) => files.push((name, file)),
			Err(_) => return Ok(Err("a file's name is not text".into())),
		}
	}
	if let Err(error) = manifest.check_files(files.iter().map(|(name, file)| (*name, file.size))) {
		return Ok(Err(error.to_string()));
	}
	let mut inputs = Vec::new();
	for (name, file) in files {
		let Some(schema) = manifest.files.iter().find(|schema| schema.name == name) else {
			continue;
		};
		let path = export_input(ctx, &run_id, file.hash, file.size).await?;
		inputs.push(InputMount {
			path: schema.path.clone(),
			file: path,
		});
	}
	let work_dir = ctx.data.work(run_id.as_str());
	let io = |path: &PathBuf| {
		let path = path.clone();
		move |source| StepError::Io {
			what: "can't create",
			path,
			source,
		}
	};
	std::fs::create_dir_all(&work_dir).map_err(io(&work_dir))?;
	let spec = job.request.spec.clone();
	Ok(Ok(RunRequest {
		run_id,
		inputs,
		time_limit: job.request.time_limit,
		..of_manifest(manifest, info.runtime, &values, spec, work_dir)?
	}))
}

/// What a manifest asks of an executor: the same for providers, mediators and whoever checks a result at home.
pub(crate) fn of_manifest(
	manifest: &Manifest,
	image: RuntimeImage,
	values: &InputValues,
	spec: MachineSpec,
	work_dir: PathBuf,
) -> Result<RunRequest, ExecError> {
	Ok(RunRequest {
		run_id: RunId::new("unnamed")?,
		image,
		command: manifest.command(values),
		env: manifest.environment(values),
		working_dir: manifest.working_dir.clone(),
		conditions: Conditions::Usual,
		inputs: Vec::new(),
		spec,
		time_limit: manifest.max_run(),
		outputs: manifest.outputs.clone(),
		verified: manifest.verified.clone(),
		limits: OutputLimits::PROTOCOL,
		work_dir,
	})
}

/// Puts an input file where the run can read it. One that is there is left alone: the run may be reading it.
async fn export_input(ctx: &Context, run: &RunId, hash: [u8; 32], size: u64) -> Result<PathBuf, StepError> {
	let dir = inputs_dir(ctx, run);
	let io = |what, path: &PathBuf| {
		let path = path.clone();
		move |source| StepError::Io { what, path, source }
	};
	std::fs::create_dir_all(&dir).map_err(io("can't create", &dir))?;
	let path = dir.join(hex::encode(hash));
	if std::fs::metadata(&path).is_ok_and(|meta| meta.len() == size) {
		return Ok(path);
	}
	let partial = dir.join(format!("{}.partial", hex::encode(hash)));
	ctx.blobs.export(hash, &partial).await?;
	std::fs::rename(&partial, &path).map_err(io("can't rename", &partial))?;
	Ok(path)
}

fn files(entries: &[OutputEntry]) -> Vec<ResultFile> {
	let file = |e: &OutputEntry| ResultFile {
		name: e.name.clone(),
		hash: e.hash,
		path: e.path.clone(),
	};
	entries.iter().map(file).collect()
}

/// Puts a result into the store, under these tags.
pub(crate) async fn publish(
	ctx: &Context,
	tag: &str,
	sidecar: &str,
	collected: &Collected,
) -> Result<(), StepError> {
	let root = ctx.blobs.publish(tag, &files(&collected.entries)).await?;
	if root != collected.triple.root {
		let why = format!(
			"the store's root {root} is not the computed {}",
			collected.triple.root
		);
		return Err(crate::results::ResultError::Store(why).into());
	}
	if !collected.sidecar.is_empty() {
		ctx.blobs.publish(sidecar, &files(&collected.sidecar)).await?;
	}
	Ok(())
}

/// The result of a run that never began.
pub(crate) async fn publish_nothing(ctx: &Context, deal: DealId) -> Result<(), StepError> {
	Ok(ctx.blobs.publish_nothing(&result_tag(deal)).await?)
}
