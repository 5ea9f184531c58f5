//! What is tidied up now and then, apart from the deals: an engine that does not answer keeps nobody from acknowledging in time.

use super::{Context, StepError};
use crate::{
	journal::{DealRecord, Stage},
	results::{result_tag, sidecar_tag, ResultStore},
	WorkerError,
};
use std::{collections::HashSet, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Removes what nobody needs any more, until the worker stops.
pub async fn keep(ctx: Arc<Context>, shutdown: CancellationToken) -> Result<(), WorkerError> {
	let mut tick = tokio::time::interval(ctx.timing.reconcile);
	tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
	let tidying = async {
		loop {
			tick.tick().await;
			if let Err(error) = remove_leftovers(&ctx).await {
				tracing::warn!(%error, "left-over runs could not be removed");
			}
			if let Err(error) = retire(&ctx).await {
				tracing::warn!(%error, "old results could not be removed");
			}
		}
	};
	tokio::select! {
		() = shutdown.cancelled() => Ok(()),
		() = tidying => Ok(()),
	}
}

/// Removes runs of closed deals that are still there because their engine did not answer when it was asked, and whatever a
/// worker has left on the engine that was killed and did not come back.
pub(super) async fn remove_leftovers(ctx: &Context) -> Result<(), StepError> {
	let closed = |record: &DealRecord| matches!(record.stage, Stage::Closed { .. });
	let ended = ctx
		.journal
		.all()?
		.iter()
		.filter(|record| closed(record))
		.map(|record| super::run::run_id(ctx, record))
		.collect::<Result<HashSet<_>, _>>()?;
	for engine in &ctx.engines.0 {
		// An engine that still does not answer is asked again later.
		let Ok(runs) = engine.list_runs().await else {
			continue;
		};
		for run in runs {
			if ended.contains(&run.run_id) || run.is_abandoned(super::now_ms()) {
				tracing::info!(run = %run.run_id, "removing a left-over run");
				// One that is stuck must not keep the others.
				if let Err(error) = engine.cleanup(&run.run_id).await {
					tracing::warn!(run = %run.run_id, %error, "a left-over run could not be removed");
				}
			}
		}
	}
	Ok(())
}

/// Removes results that were kept long enough.
async fn retire(ctx: &Context) -> Result<(), WorkerError> {
	let keep = u64::try_from(ctx.limits.retention.as_millis()).unwrap_or(u64::MAX);
	let now = super::now_ms();
	for record in ctx.journal.all()? {
		let Stage::Closed { at, opening, .. } = record.stage else {
			continue;
		};
		if now.saturating_sub(at) < keep {
			continue;
		}
		if let Some(opening) = opening {
			ctx.access.withdraw(opening.triple.root.0);
		}
		for tag in [result_tag(record.deal), sidecar_tag(record.deal)] {
			ctx.blobs.drop_tag(&tag).await?;
		}
		ctx.journal.forget(record.deal)?;
		ctx.hub.remove(record.deal);
	}
	Ok(())
}
