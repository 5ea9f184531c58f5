//! The mediator's standing on the chain: its tickets, and what its machine runs.

use crate::{
	chain::{Call, Capability, Chain},
	config::{Limits, MediatorConfig},
	datadir::DataDir,
	pipeline::Engines,
	WorkerError,
};
use lilypad_primitives::{offer::MAX_PLATFORMS, Platform};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Registers the mediator, or adds what is missing.
pub async fn ensure_mediator(
	chain: &dyn Chain,
	engines: &Engines,
	config: &MediatorConfig,
) -> Result<(), WorkerError> {
	let wanted = capability(config, engines.platforms());
	if wanted.platforms.is_empty() {
		return Err(WorkerError::NoExecutor("no job could be run again".into()));
	}
	let Some(mediator) = chain.mediator(&chain.account()).await? else {
		chain.call(Call::Register(wanted, config.tickets), None).await?;
		tracing::info!(
			tickets = config.tickets,
			"registered as a mediator, from the next era on"
		);
		return Ok(());
	};
	let missing = config
		.tickets
		.saturating_sub(u32::try_from(mediator.tickets.len()).unwrap_or(u32::MAX));
	if missing > 0 {
		chain.call(Call::AddTickets(missing), None).await?;
		tracing::info!(tickets = missing, "bonded for more tickets, from the next era on");
	}
	if mediator.capability.latest() != Some(&wanted) {
		chain.call(Call::SetCapability(wanted), None).await?;
		tracing::info!("said anew what this machine runs, from the next era on");
	}
	Ok(())
}

fn capability(config: &MediatorConfig, mut platforms: Vec<Platform>) -> Capability {
	platforms.truncate(MAX_PLATFORMS as usize);
	Capability {
		// Not more than fit: they have just been cut.
		platforms: platforms.try_into().unwrap_or_default(),
		spec: config.machine.clone(),
		slots: config.slots,
	}
}

/// Keeps the chain informed: who can't run jobs is not to be drawn, for not voting costs money.
pub struct Standing {
	/// The chain.
	pub chain: Arc<dyn Chain>,
	/// What runs jobs.
	pub engines: Engines,
	/// The worker's folder.
	pub data: Arc<DataDir>,
	/// How much disk must be free.
	pub limits: Limits,
	/// What the operator wants.
	pub config: MediatorConfig,
}

impl Standing {
	/// Looks again and again.
	pub async fn watch(self, every: Duration, shutdown: CancellationToken) -> Result<(), WorkerError> {
		let mut tick = tokio::time::interval(every);
		tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
		loop {
			tokio::select! {
				() = shutdown.cancelled() => return Ok(()),
				_ = tick.tick() => (),
			}
			if let Err(error) = self.look().await {
				tracing::warn!(%error, "the mediator's standing could not be looked after");
			}
		}
	}

	/// Looks once.
	pub async fn look(&self) -> Result<(), WorkerError> {
		let Some(mediator) = self.chain.mediator(&self.chain.account()).await? else {
			return Ok(());
		};
		let Some(known) = mediator.capability.latest() else {
			return Ok(());
		};
		let mut able = Vec::new();
		for engine in &self.engines.0 {
			if engine.health().await.is_ok() {
				able.extend(engine.platforms());
			}
		}
		able.sort();
		able.dedup();
		let room = self.data.free_bytes()? >= self.limits.min_free_bytes;
		let mut wanted = capability(&self.config, able);
		if wanted.platforms.is_empty() || !room {
			wanted = Capability {
				slots: 0,
				..known.clone()
			};
		}
		if wanted != *known {
			let slots = wanted.slots;
			self.chain.call(Call::SetCapability(wanted), None).await?;
			tracing::warn!(
				slots,
				"what this machine can run has changed: said so on the chain"
			);
		}
		Ok(())
	}
}
