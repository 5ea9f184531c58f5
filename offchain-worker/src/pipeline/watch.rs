//! Follows the chain and starts a driver for each deal.

use super::{driver::drive, Context};
use crate::{
	chain::{BestBlock, Block, Chain, ChainError},
	journal::{Closing, DealRecord, Stage},
	progress::Progress,
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
