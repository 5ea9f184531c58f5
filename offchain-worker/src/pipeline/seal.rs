//! From a result to an opened seal.

use super::{decide::usage_bound, Context, StepError};
use crate::{
	chain::{Block, Call, Deal, DealState},
	journal::{DealRecord, Stage},
	progress::Progress,
};
use lilypad_primitives::Opening;

/// Chooses usage and salt. They are on disk before anybody hears of the seal, and never change.
pub(super) async fn seal(
	ctx: &Context,
	record: &DealRecord,
	deal: &Deal,
	best: Block,
) -> Result<(), StepError> {
	let Stage::Ran(run) = &record.stage else {
		return Ok(());
	};
	let bound = usage_bound(&deal.state, &best, ctx.chain.millis_per_block());
	let usage = run.measured.min(deal.terms.time_limit).min(bound);
	let opening = Opening {
		triple: run.triple,
		usage,
		salt: rand::random(),
	};
	ctx.journal.advance(
		record.deal,
		Stage::Sealed {
			run: run.clone(),
			opening,
			submitted: false,
		},
	)?;
	Ok(())
}

/// Submits the seal.
///
/// An opening that claims more time than the chain measures is refused, and the collateral with it. So the seal is only
/// submitted when the next block will allow its usage, in a transaction that is valid only on top of the block that says so:
/// if that block is reverted, the seal is not submitted into a history where the acknowledgement came later.
pub(super) async fn submit(
	ctx: &Context,
	record: &DealRecord,
	deal: &Deal,
	best: Block,
) -> Result<(), StepError> {
	let Stage::Sealed { opening, .. } = &record.stage else {
		return Ok(());
	};
	ctx.hub.set(record.deal, Progress::Submitting);
	let per_block = ctx.chain.millis_per_block();
	if opening.usage > per_block {
		let seen = match deal.state {
			// The acknowledgement that allowed this usage was reverted: it is sent again.
			DealState::Matched { .. } => {
				ctx.chain.call(Call::Acknowledge(record.deal), Some(best)).await?;
				return Ok(());
			},
			DealState::Running { acked_at, .. } => acked_at <= best.number,
			DealState::Submitted { .. } | DealState::Disputed { .. } => return Ok(()),
		};
		if !seen || usage_bound(&deal.state, &best, per_block) < opening.usage {
			// Chain time will reach it: the time between now and then is the run's own.
			let mut blocks = ctx.best.clone();
			let next = blocks.wait_for(|block| block.number > best.number);
			// Whether a block came or not, everything is read again.
			tokio::time::timeout(ctx.timing.reconcile, next).await.ok();
			return Ok(());
		}
		// The state may have come from another branch than `best`.
		if ctx.chain.deal(record.deal).await?.map(|deal| deal.state) != Some(deal.state.clone()) {
			return Ok(());
		}
	}
	let seal = opening.seal(record.deal);
	ctx.chain
		.call(Call::Submit(record.deal, seal), Some(best))
		.await?;
	ctx.metrics.submitted.add(1);
	tracing::info!(deal = %record.deal, %seal, "the sealed result is submitted");
	Ok(())
}

/// The chain has the seal: the creator may have the opening.
pub(super) async fn note_submitted(ctx: &Context, record: &DealRecord, deal: &Deal) -> Result<(), StepError> {
	let Stage::Sealed { run, opening, .. } = &record.stage else {
		return Ok(());
	};
	if let DealState::Submitted { elapsed, .. } | DealState::Disputed { elapsed, .. } = deal.state {
		if opening.usage > elapsed {
			tracing::error!(deal = %deal.id, usage = opening.usage, elapsed, "the seal claims more time than the chain allows");
		}
	}
	ctx.journal.advance(
		record.deal,
		Stage::Sealed {
			run: run.clone(),
			opening: *opening,
			submitted: true,
		},
	)?;
	ctx.hub.set(record.deal, Progress::Ready);
	super::driver::remove_run(ctx, record).await
}

/// Opens the seal on the chain: for a creator that has not accepted, and while mediators reveal.
///
/// A result that was drawn for an audit is not shown to those who will have to find it for themselves: the audit is begun.
pub(super) async fn reveal(
	ctx: &Context,
	record: &DealRecord,
	deal: &Deal,
	best: Block,
) -> Result<(), StepError> {
	let Stage::Sealed { opening, .. } = &record.stage else {
		return Ok(());
	};
	if matches!(deal.state, DealState::Submitted { .. }) && ctx.chain.is_drawn(deal.id).await? == Some(true) {
		ctx.chain.call(Call::Audit(deal.id), Some(best)).await?;
		tracing::info!(deal = %deal.id, "the result was drawn for an audit");
		return Ok(());
	}
	ctx.chain
		.call(Call::Reveal(deal.id, *opening), Some(best))
		.await?;
	// The deal may have been settled by that, and whoever asked for it reads its root elsewhere.
	ctx.access.publish(opening.triple.root.0);
	tracing::info!(deal = %deal.id, "the result is opened on the chain");
	Ok(())
}
