//! The provider's standing on the chain: its bond, its offer, its address, and whether it takes new work.

use crate::{
	chain::{Call, Chain, ChainError, SeatState},
	config::{Limits, OfferConfig},
	datadir::DataDir,
	journal::{Journal, SeatId},
	metrics::Metrics,
	p2p::PeerClient,
	pipeline::Engines,
	WorkerError,
};
use lilypad_primitives::{offer::MAX_PLATFORMS, DealId, OfferId, OfferState, PeerAddress, Platform};
use std::{
	fmt::Display,
	future::Future,
	sync::{
		atomic::{AtomicU32, Ordering},
		Arc, Mutex, PoisonError,
	},
	time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Longest wait for one answer of another worker.
const OTHER_WORKER: Duration = Duration::from_secs(6);
/// How often a worker that does not answer is asked again: taking over from one that lives loses its work.
const ASKED_AGAIN: u32 = 2;
/// Wait before that.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Makes sure that no other worker serves this account, and announces where this one is.
///
/// The chain names one peer per account. If it names another one, and that one answers for this account, this worker must
/// not start: two of them would run each job twice, and each would undo the other's offers. A peer that does not answer is
/// taken over from, unless only it can open what this account has sealed, and this is not to be given up (`give_up`).
pub async fn claim_account(
	chain: &dyn Chain,
	journal: &Journal,
	peers: &PeerClient,
	own: &PeerAddress,
	give_up: bool,
) -> Result<(), WorkerError> {
	let account = chain.account();
	let announced = chain.peer(&account).await?;
	if let Some(other) = announced.as_ref().filter(|other| other.id != own.id) {
		let peer = hex::encode(other.id);
		match insist(|| async { peers.connect(other).await?.hello().await }).await {
			Ok((served, genesis)) if served == account && genesis == chain.genesis_hash() => {
				return Err(WorkerError::AnotherWorker {
					peer,
					account: account.to_string(),
				});
			},
			Ok(_) => tracing::info!(
				peer,
				"the announced peer works for somebody else now; taking over"
			),
			Err(why) => tracing::info!(peer, why, "the announced peer does not answer; taking over"),
		}
		let deals = held_elsewhere(chain, journal).await?;
		if !deals.is_empty() {
			let deals = deals.iter().map(DealId::to_string).collect::<Vec<_>>().join(", ");
			if !give_up {
				return Err(WorkerError::HeldElsewhere { peer, deals });
			}
			tracing::warn!(peer, deals, "gives up what only the announced peer has");
		}
	}
	if announced.as_ref() != Some(own) {
		chain.call(Call::SetPeer(own.clone()), None).await?;
		tracing::info!(peer = %hex::encode(own.id), "announced this worker's address on the chain");
	}
	Ok(())
}

/// Deals for which this account has sealed a result or committed to a vote that this worker's journal does not know: whoever has
/// done it must open it, or the account is fined.
async fn held_elsewhere(chain: &dyn Chain, journal: &Journal) -> Result<Vec<DealId>, WorkerError> {
	let account = chain.account();
	let mut held = Vec::new();
	for deal in chain.deals_of(&account).await? {
		let known = journal.get(deal.id)?.and_then(|record| record.stage.opening());
		if deal.state.seal().is_some() && known.is_none() {
			held.push(deal.id);
		}
	}
	for deal in chain.cases_of(&account).await? {
		let case = chain.case(deal).await?;
		let Some(seat) = case.as_ref().and_then(|case| case.seat(&account)) else {
			continue;
		};
		let known = journal
			.case(SeatId {
				deal,
				round: seat.round,
			})?
			.and_then(|record| record.stage.vote());
		if matches!(seat.state, SeatState::Committed(_)) && known.is_none() {
			held.push(deal);
		}
	}
	Ok(held)
}

/// An answer to a question that is asked again when there is none; or why there was none the last time.
async fn insist<T, E: Display, F: Future<Output = Result<T, E>>>(ask: impl Fn() -> F) -> Result<T, String> {
	let mut asked_again = 0;
	loop {
		let why = match tokio::time::timeout(OTHER_WORKER, ask()).await {
			Ok(Ok(answer)) => return Ok(answer),
			Ok(Err(error)) => error.to_string(),
			Err(_) => format!("nothing for {} s", OTHER_WORKER.as_secs()),
		};
		if asked_again == ASKED_AGAIN {
			return Err(why);
		}
		asked_again += 1;
		tokio::time::sleep(ASK_AGAIN).await;
	}
}

/// Bonds, and posts the offer, as far as that has not been done.
pub async fn ensure_offer(
	chain: &dyn Chain,
	journal: &Journal,
	engines: &Engines,
	config: &OfferConfig,
) -> Result<(), WorkerError> {
	let account = chain.account();
	let bond = chain.bond(&account).await?;
	if let Some(missing) = config.bond.checked_sub(bond).filter(|missing| *missing > 0) {
		chain.call(Call::Bond(missing), None).await?;
		tracing::info!(amount = missing, "bonded");
	}
	let offers = chain.offers_of(&account).await?;
	if offers.is_empty() {
		let mut offer = config.offer.clone();
		if offer.platforms.is_empty() {
			offer.platforms = engines.platforms();
		}
		offer.platforms.truncate(MAX_PLATFORMS as usize);
		if offer.platforms.is_empty() {
			return Err(WorkerError::NoExecutor("there is nothing to offer".into()));
		}
		chain.call(Call::PostOffer(offer), None).await?;
		tracing::info!("posted the offer");
		return Ok(());
	}
	let ours = journal.paused()?;
	for (id, offer) in offers
		.iter()
		.filter(|(_, offer)| offer.state == OfferState::Paused)
	{
		match config.resume {
			true => {
				chain.call(Call::ResumeOffer(*id), None).await?;
				tracing::info!(%id, "resumed the offer");
			},
			false if ours.contains(id) => (),
			false => tracing::warn!(
				%id,
				rate = offer.rate,
				"the offer is paused and takes no jobs: look why (the chain pauses offers after a missed deal), then resume it"
			),
		}
	}
	Ok(())
}

/// Why no new work is taken, if so.
pub type Ailments = Arc<Mutex<Vec<String>>>;

/// Keeps an eye on executors, disk, address and account.
pub struct Health {
	/// The chain.
	pub chain: Arc<dyn Chain>,
	/// Remembers which offers this worker has paused.
	pub journal: Journal,
	/// What runs jobs.
	pub engines: Engines,
	/// The worker's folder.
	pub data: Arc<DataDir>,
	/// How much disk must be free.
	pub limits: Limits,
	/// Counts.
	pub metrics: Arc<Metrics>,
	/// This worker's peer id.
	pub peer: [u8; 32],
	/// What is wrong now.
	pub ailments: Ailments,
	/// How often in a row the chain has named another peer.
	pub strangers: AtomicU32,
}

impl Health {
	/// Looks again and again, pauses offers while something is wrong, and resumes those that it has paused.
	pub async fn watch(self, every: Duration, shutdown: CancellationToken) -> Result<(), WorkerError> {
		let mut tick = tokio::time::interval(every);
		tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
		loop {
			tokio::select! {
				() = shutdown.cancelled() => return Ok(()),
				_ = tick.tick() => (),
			}
			match self.look().await {
				Ok(()) => (),
				Err(error @ WorkerError::TakenOver(_)) => return Err(error),
				// A disk that is full for now is what is looked after here: it must not end the deals that go on.
				Err(WorkerError::Journal(error)) if !error.is_storage_failure() => return Err(error.into()),
				Err(error) => tracing::warn!(%error, "the worker's health could not be looked after"),
			}
		}
	}

	/// Looks once.
	pub async fn look(&self) -> Result<(), WorkerError> {
		let mut ailing: Vec<(Option<Platform>, String)> = Vec::new();
		let mut able = Vec::new();
		for engine in &self.engines.0 {
			match engine.health().await {
				Ok(()) => able.extend(engine.platforms()),
				Err(error) => ailing.extend(
					engine
						.platforms()
						.into_iter()
						.map(|p| (Some(p), error.to_string())),
				),
			}
		}
		let free = self.data.free_bytes()?;
		self.metrics.free_bytes.set(free);
		if free < self.limits.min_free_bytes {
			let why = format!(
				"the disk is nearly full: {free} bytes are free in {}, {} are needed to take new work. Make room",
				self.data.root().display(),
				self.limits.min_free_bytes
			);
			ailing.push((None, why));
		}
		let account = self.chain.account();
		match self
			.chain
			.peer(&account)
			.await?
			.filter(|peer| peer.id != self.peer)
		{
			// Once may be a branch of the chain without this worker's announcement.
			Some(peer) if self.strangers.fetch_add(1, Ordering::SeqCst) > 0 => {
				return Err(WorkerError::TakenOver(hex::encode(peer.id)))
			},
			Some(peer) => {
				tracing::warn!(peer = %hex::encode(peer.id), "the chain names another peer for this account")
			},
			None => self.strangers.store(0, Ordering::SeqCst),
		}
		self.adjust_offers(&able, ailing).await
	}

	async fn adjust_offers(
		&self,
		able: &[Platform],
		ailing: Vec<(Option<Platform>, String)>,
	) -> Result<(), WorkerError> {
		let full = ailing.iter().any(|(platform, _)| platform.is_none());
		let mut whys = ailing.into_iter().map(|(_, why)| why).collect::<Vec<_>>();
		let offers = self.chain.offers_of(&self.chain.account()).await?;
		let before = self.journal.paused()?;
		let mut paused = before
			.iter()
			.copied()
			.filter(|id| offers.iter().any(|(of, _)| of == id))
			.collect::<Vec<_>>();
		for (id, offer) in offers {
			// An engine that is down no longer lists its platforms.
			let unable = offer.platforms.iter().find(|platform| !able.contains(platform));
			if let Some(platform) = unable {
				whys.push(format!(
					"offer {id} promises {platform:?}, which nothing here can run now"
				));
			}
			let ill = full || unable.is_some();
			if ill && offer.state == OfferState::Active {
				// First the note, then the deed: what this worker has paused, it may resume.
				if !paused.contains(&id) {
					paused.push(id);
				}
				self.journal.set_paused(&paused)?;
				self.change(Call::PauseOffer(id), id, "paused").await?;
			} else if !ill && paused.contains(&id) {
				if offer.state == OfferState::Paused {
					self.change(Call::ResumeOffer(id), id, "resumed").await?;
				}
				paused.retain(|of| *of != id);
				self.journal.set_paused(&paused)?;
			}
		}
		whys.sort();
		whys.dedup();
		self.metrics.healthy.set(u64::from(whys.is_empty()));
		*self.ailments.lock().unwrap_or_else(PoisonError::into_inner) = whys;
		Ok(())
	}

	async fn change(&self, call: Call, id: OfferId, what: &str) -> Result<(), ChainError> {
		self.chain.call(call, None).await?;
		tracing::warn!(%id, "{what} the offer");
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::chain::{
		fake::{self, FakeChain},
		NewOffer,
	};
	use lilypad_primitives::{CreatorPolicy, MachineSpec, MediatorPolicy, ModulePolicy, LP};

	async fn offering(chain: &FakeChain) {
		let offer = NewOffer {
			machine: MachineSpec::new(1000, 1000, 1000),
			slots: 1,
			rate: LP,
			platforms: vec![Platform::Wasm],
			modules: ModulePolicy::Any,
			mediators: MediatorPolicy::Any,
			creators: CreatorPolicy::Any,
		};
		chain.call(Call::PostOffer(offer), None).await.expect("posted");
	}

	#[tokio::test(start_paused = true)]
	async fn who_does_not_answer_is_asked_three_times() {
		let asked = AtomicU32::new(0);
		let ask = |answered: u32| {
			let asked = &asked;
			move || async move {
				match asked.fetch_add(1, Ordering::SeqCst) {
					n if n == answered => Ok(n),
					0 => std::future::pending().await,
					_ => Err("refused"),
				}
			}
		};
		assert_eq!(insist(ask(2)).await, Ok(2));
		asked.store(0, Ordering::SeqCst);
		assert_eq!(insist(ask(3)).await, Err("refused".into()));
		assert_eq!(asked.load(Ordering::SeqCst), 3);
	}

	#[tokio::test]
	async fn a_journal_on_a_full_disk_does_not_end_the_worker_and_is_used_again() {
		let dir = tempfile::tempdir().expect("a folder");
		let (journal, full) = Journal::on_a_filling_disk(&dir.path().join("j"));
		let chain = FakeChain::new(fake::provider());
		offering(&chain).await;
		full.store(true, Ordering::SeqCst);
		let health = Health {
			chain: Arc::new(chain.clone()),
			journal: journal.clone(),
			// Nothing here can run what the offer promises: it is to be paused.
			engines: Engines(Vec::new()),
			data: Arc::new(DataDir::open(&dir.path().join("data")).expect("free")),
			limits: Limits {
				min_free_bytes: 0,
				..Limits::default()
			},
			metrics: Arc::default(),
			peer: [1; 32],
			ailments: Ailments::default(),
			strangers: AtomicU32::new(0),
		};
		assert!(matches!(health.look().await, Err(WorkerError::Journal(_))));
		let stop = CancellationToken::new();
		let watch = tokio::spawn(health.watch(Duration::from_millis(20), stop.clone()));
		tokio::time::sleep(Duration::from_millis(200)).await;
		assert!(!watch.is_finished(), "it waits for room");
		full.store(false, Ordering::SeqCst);
		let paused = async {
			while journal.paused().expect("readable").is_empty() {
				tokio::time::sleep(Duration::from_millis(10)).await;
			}
		};
		let paused = tokio::time::timeout(Duration::from_secs(10), paused).await;
		paused.expect("noted once there is room");
		stop.cancel();
		watch.await.expect("no panic").expect("no error");
	}
}
