//! Follows the chain and starts a driver for each deal.

use super::{driver::drive, Context, StepError};
use crate::{
	chain::{BestBlock, Block, Chain, ChainError},
	journal::{Closing, DealRecord, Stage},
	progress::Progress,
	results::{result_tag, sidecar_tag, ResultStore},
	WorkerError,
};
use futures::StreamExt;
use lilypad_primitives::DealId;
use std::{
	collections::{HashMap, HashSet},
	sync::Arc,
	time::Duration,
};
use tokio::{
	sync::{mpsc, watch as channel},
	task::{AbortHandle, Id, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// Wait before a broken subscription is made again.
const RESUBSCRIBE: Duration = Duration::from_secs(1);

/// Publishes best blocks, and hands on the deals that were matched and the panels that were drawn in them. Survives every
/// failure of the connection.
pub async fn follow_chain(
	chain: Arc<dyn Chain>,
	best: channel::Sender<Block>,
	matched: mpsc::Sender<DealId>,
	drawn: mpsc::Sender<DealId>,
	shutdown: CancellationToken,
) -> Result<(), WorkerError> {
	while !shutdown.is_cancelled() {
		let followed = tokio::select! {
			followed = follow_once(&*chain, &best, &matched, &drawn) => followed,
			() = shutdown.cancelled() => return Ok(()),
		};
		match followed {
			Err(error @ ChainError::WrongChain(_)) => return Err(error.into()),
			Err(error) => tracing::warn!(%error, "the chain's blocks can't be followed; trying again"),
			Ok(()) => tracing::debug!("the stream of blocks has ended; trying again"),
		}
		tokio::time::sleep(RESUBSCRIBE).await;
	}
	Ok(())
}

async fn follow_once(
	chain: &dyn Chain,
	best: &channel::Sender<Block>,
	matched: &mpsc::Sender<DealId>,
	drawn: &mpsc::Sender<DealId>,
) -> Result<(), ChainError> {
	let mut blocks = chain.subscribe_best().await?;
	while let Some(block) = blocks.next().await {
		let BestBlock {
			block,
			matched: deals,
			drawn: cases,
		} = block?;
		best.send_replace(block);
		for case in cases {
			// It is only a hint; and who is no mediator does not listen.
			drawn.try_send(case).ok();
		}
		for deal in deals {
			if matched.send(deal).await.is_err() {
				return Ok(());
			}
		}
	}
	Ok(())
}

/// Runs a driver for every live deal of this account, and for every open record of the journal.
pub async fn supervise(
	ctx: Arc<Context>,
	mut matched: mpsc::Receiver<DealId>,
	shutdown: CancellationToken,
) -> Result<(), WorkerError> {
	restore(&ctx)?;
	let mut drivers = Drivers::default();
	let mut reconcile = tokio::time::interval(ctx.timing.reconcile);
	loop {
		tokio::select! {
			() = shutdown.cancelled() => break,
			deal = matched.recv() => match deal {
				Some(deal) => drivers.start(&ctx, deal),
				None => break,
			},
			_ = reconcile.tick() => {
				match live_deals(&ctx).await {
					Ok(deals) => deals.into_iter().for_each(|deal| drivers.start(&ctx, deal)),
					Err(error) => tracing::warn!(%error, "the journal could not be compared with the chain"),
				}
				if let Err(error) = remove_leftovers(&ctx).await {
					tracing::warn!(%error, "left-over runs could not be removed");
				}
				if let Err(error) = retire(&ctx).await {
					tracing::warn!(%error, "old results could not be removed");
				}
			},
			Some(ended) = drivers.tasks.join_next_with_id() => drivers.ended(ended),
		}
	}
	// Runs in containers go on; the next start takes them up.
	drivers.tasks.shutdown().await;
	Ok(())
}

#[derive(Default)]
struct Drivers {
	tasks: JoinSet<()>,
	running: HashMap<DealId, AbortHandle>,
}

impl Drivers {
	fn start(&mut self, ctx: &Arc<Context>, deal: DealId) {
		if !self.running.contains_key(&deal) {
			let handle = self.tasks.spawn(drive(ctx.clone(), deal));
			self.running.insert(deal, handle);
		}
	}

	fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
		let id = match &ended {
			Ok((id, ())) => *id,
			Err(error) => error.id(),
		};
		let deal = self
			.running
			.iter()
			.find(|(_, handle)| handle.id() == id)
			.map(|(deal, _)| *deal);
		if let Some(deal) = deal {
			self.running.remove(&deal);
			if let Err(error) = ended {
				// The next comparison with the chain starts it again.
				tracing::error!(%deal, %error, "a deal's task broke down");
			}
		}
	}
}

/// Deals that need a driver.
async fn live_deals(ctx: &Context) -> Result<HashSet<DealId>, WorkerError> {
	let account = ctx.chain.account();
	let mut live = ctx
		.chain
		.deals_of(&account)
		.await?
		.into_iter()
		.map(|deal| deal.id)
		.collect::<HashSet<_>>();
	let open = |record: &DealRecord| !matches!(record.stage, Stage::Closed { .. });
	live.extend(
		ctx.journal
			.all()?
			.iter()
			.filter(|record| open(record))
			.map(|record| record.deal),
	);
	Ok(live)
}

/// What the journal knows is shown again after a restart.
fn restore(ctx: &Context) -> Result<(), WorkerError> {
	for record in ctx.journal.all()? {
		ctx.hub.begin(record.deal, record.job);
		match &record.stage {
			Stage::Sealed { submitted: true, .. } => ctx.hub.set(record.deal, Progress::Ready),
			Stage::Closed {
				why: Closing::Settled,
				opening,
				..
			} => {
				ctx.hub.set(record.deal, Progress::Ready);
				if let Some(opening) = opening {
					ctx.access.publish(opening.triple.root.0);
				}
			},
			Stage::Closed { .. } => ctx.hub.set(
				record.deal,
				Progress::Ended {
					why: "the deal has ended".into(),
				},
			),
			_ => (),
		}
	}
	Ok(())
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
				engine.cleanup(&run.run_id).await?;
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
