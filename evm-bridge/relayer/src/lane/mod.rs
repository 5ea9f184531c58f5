//! One lane's work, in steps that can each be repeated: what the chains say is looked at anew every time, and the journal says
//! what was done about it.
//!
//! ```text
//! EVM chain ── scan ──▶ journal ── attest ──▶ market's chain
//! market's chain ── outbox ──▶ sign ──▶ market's chain
//!                         └──▶ deliver ──▶ EVM chain ── scan ──▶ close ──▶ market's chain
//! ```

mod attest;
mod close;
mod deliver;
mod exit;
mod outbox;
mod scan;
mod sign;
#[cfg(test)]
mod tests;

use crate::{
	config::LaneConfig,
	error::LaneError,
	evm::{pool::Pool, Head},
	journal::Journal,
	key::Key,
	market::{Blocks, LaneView, Market},
	sender::Sender,
	RelayerError,
};
use lilypad_client::{gateway::LaneId, metrics::Number, tasks::Tasks};
use outbox::Outbox;
use std::{
	future::Future,
	sync::{Arc, Mutex},
	time::Duration,
};
use tokio::{
	sync::{watch, Notify},
	time::{sleep, Instant},
};
use tokio_util::sync::CancellationToken;

pub use attest::Attester;
pub use close::Closer;
pub use deliver::Deliverer;
pub use scan::Scanner;
pub use sign::BatchSigner;

/// Longest pause after failures in a row.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often work is looked for, if no block came.
const IDLE: Duration = Duration::from_secs(6);
/// Work of one kind that is under way at the same time.
pub const PARALLEL: usize = 16;

/// What a lane has done, and where it stands.
#[derive(Debug, Default)]
pub struct LaneTally {
	/// Newest final block of the EVM chain.
	pub final_block: Number,
	/// Up to where that was read.
	pub scanned: Number,
	/// The highest inbound number seen.
	pub inbound: Number,
	/// Numbers that the market's chain has not decided.
	pub open: Number,
	/// Attestations made.
	pub attested: Number,
	/// Batches signed.
	pub signed: Number,
	/// Batches that are not known to be delivered.
	pub undelivered: Number,
	/// Messages that can't be delivered now: over a limit, too dear, or their request is gone.
	pub held_back: Number,
	/// Re-organisations of the EVM chain that went deeper than its finality rule.
	pub reorganised: Number,
	/// Numbers that stand for something else since one.
	pub changed: Number,
	/// Requests that were taken back because the bridge was dead.
	pub exited: Number,
	/// Steps that failed.
	pub failures: Number,
	/// The account's coins on the EVM chain, in gwei.
	pub gas_money: Number,
}

/// What all of a lane's work needs.
pub struct Lane {
	/// Its number.
	pub id: LaneId,
	/// How it is served.
	pub config: LaneConfig,
	/// The market's chain.
	pub market: Arc<dyn Market>,
	/// The EVM chain.
	pub pool: Arc<Pool>,
	/// What was decided.
	pub journal: Journal,
	/// The member's key.
	pub key: Key,
	/// Transactions on the EVM chain.
	pub sender: Arc<Sender>,
	/// What was done.
	pub tally: LaneTally,
	/// Batches that are not known to be delivered.
	outbox: Mutex<Outbox>,
	/// The lane, as the market's chain has it.
	view: watch::Sender<LaneView>,
	/// The newest final block of the EVM chain, once it is known.
	head: watch::Sender<Option<Head>>,
	/// Something came in.
	news: Notify,
}

/// What a lane is made of.
pub struct Parts {
	/// How it is served.
	pub config: LaneConfig,
	/// The market's chain.
	pub market: Arc<dyn Market>,
	/// The EVM chain.
	pub pool: Arc<Pool>,
	/// What was decided.
	pub journal: Journal,
	/// The member's key.
	pub key: Key,
	/// Transactions on the EVM chain.
	pub sender: Arc<Sender>,
}

impl Lane {
	/// A lane, as it is now.
	pub fn new(parts: Parts, view: LaneView) -> Arc<Self> {
		Arc::new(Self {
			id: parts.config.id,
			config: parts.config,
			market: parts.market,
			pool: parts.pool,
			journal: parts.journal,
			key: parts.key,
			sender: parts.sender,
			tally: LaneTally::default(),
			outbox: Mutex::default(),
			view: watch::Sender::new(view),
			head: watch::Sender::new(None),
			news: Notify::new(),
		})
	}

	/// The lane, as the market's chain has it.
	pub fn view(&self) -> LaneView {
		self.view.borrow().clone()
	}

	/// The relayer's place in the set, if it is a member.
	pub fn place(&self, view: &LaneView) -> Option<usize> {
		view.set.position(&self.key.account())
	}

	/// How many members' turn it is before this one's, when something with this number is to be done. So they do not all do,
	/// and pay for, the same at once. `None`: not a member.
	fn rank(&self, view: &LaneView, number: u64) -> Option<usize> {
		let (place, count) = (self.place(view)? as u64, view.set.members.len() as u64);
		let first = number % count.max(1);
		usize::try_from((place + count - first) % count).ok()
	}

	fn with_outbox<R>(&self, work: impl FnOnce(&mut Outbox) -> R) -> R {
		// Nothing that could panic happens under the lock.
		let mut outbox = self
			.outbox
			.lock()
			.unwrap_or_else(|poisoned| poisoned.into_inner());
		work(&mut outbox)
	}

	/// Looks at the lane's settings and numbers anew.
	pub async fn refresh(&self) -> Result<(), LaneError> {
		match self.market.lane(self.id).await? {
			Some(view) => {
				self.view.send_replace(view);
			},
			// Lanes are never removed: this node is behind.
			None => tracing::debug!(lane = self.id, "the node does not know the lane"),
		}
		Ok(())
	}
}

/// Starts all work of a lane.
pub fn start(lane: &Arc<Lane>, tasks: &mut Tasks<RelayerError>, shutdown: &CancellationToken) {
	let name = |what: &str| format!("lane {}: {what}", lane.id);
	let looks = Loop::new(lane, "view", shutdown);
	let l = lane.clone();
	tasks.spawn(
		name("view"),
		looks.run(Pace::Blocks, move || {
			let lane = l.clone();
			async move { lane.refresh().await }
		}),
	);
	macro_rules! work {
		($what:literal, $pace:expr, $worker:expr) => {{
			let worker = Arc::new(tokio::sync::Mutex::new($worker));
			let work = move || {
				let worker = worker.clone();
				async move { worker.lock().await.step().await }
			};
			tasks.spawn(name($what), Loop::new(lane, $what, shutdown).run($pace, work));
		}};
	}
	work!("scan", Pace::Polls, Scanner::new(lane.clone()));
	work!("attest", Pace::Blocks, Attester::new(lane.clone()));
	work!("sign", Pace::Blocks, BatchSigner::new(lane.clone()));
	work!("deliver", Pace::Blocks, Deliverer::new(lane.clone()));
	work!("close", Pace::Blocks, Closer::new(lane.clone()));
	tracing::info!(lane = lane.id, "relaying");
}

/// When a step is due again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
	/// With each block of the market's chain, and when something came in.
	Blocks,
	/// With the EVM chain's pace.
	Polls,
}

/// Repeats a step, through failures that waiting may mend.
struct Loop {
	lane: Arc<Lane>,
	what: &'static str,
	blocks: watch::Receiver<Blocks>,
	shutdown: CancellationToken,
	/// What was complained about last, and when.
	complaint: Option<(String, Instant)>,
}

impl Loop {
	fn new(lane: &Arc<Lane>, what: &'static str, shutdown: &CancellationToken) -> Self {
		Self {
			lane: lane.clone(),
			what,
			blocks: lane.market.blocks(),
			shutdown: shutdown.clone(),
			complaint: None,
		}
	}

	async fn run<F>(mut self, pace: Pace, mut step: impl FnMut() -> F) -> Result<(), RelayerError>
	where
		F: Future<Output = Result<(), LaneError>>,
	{
		let mut failures = 0u32;
		loop {
			let result = tokio::select! {
				result = step() => result,
				() = self.shutdown.cancelled() => return Ok(()),
			};
			let pause = match result {
				Ok(()) => {
					failures = 0;
					None
				},
				Err(error) if error.is_fatal() => return Err(fatal(error)),
				Err(error) => {
					failures = failures.saturating_add(1);
					self.complain(error.to_string());
					let pause = Duration::from_millis(250) * (1 << failures.min(8));
					Some(pause.min(LONGEST_PAUSE))
				},
			};
			let shutdown = self.shutdown.clone();
			tokio::select! {
				() = self.pause(pace, pause) => (),
				() = shutdown.cancelled() => return Ok(()),
			}
		}
	}

	async fn pause(&mut self, pace: Pace, failed: Option<Duration>) {
		if let Some(pause) = failed {
			return sleep(pause).await;
		}
		match pace {
			Pace::Polls => sleep(self.lane.config.poll).await,
			Pace::Blocks => {
				tokio::select! {
					changed = self.blocks.changed() => if changed.is_err() {
						// The task that tells of blocks says why it ended.
						sleep(IDLE).await;
					},
					() = self.lane.news.notified() => (),
					() = sleep(IDLE) => (),
				}
			},
		}
	}

	/// Says what is wrong: once, and again every minute.
	fn complain(&mut self, text: String) {
		self.lane.tally.failures.add(1);
		let repeated = self
			.complaint
			.as_ref()
			.is_some_and(|(last, at)| *last == text && at.elapsed() < Duration::from_secs(60));
		if repeated {
			tracing::debug!(lane = self.lane.id, step = self.what, "{text}");
		} else {
			tracing::warn!(lane = self.lane.id, step = self.what, "{text}");
			self.complaint = Some((text, Instant::now()));
		}
	}
}

fn fatal(error: LaneError) -> RelayerError {
	match error {
		LaneError::Journal(error) => error.into(),
		LaneError::Market(error) => error.into(),
		other => lilypad_client::tasks::TaskEnded {
			task: "lane".into(),
			why: other.to_string(),
		}
		.into(),
	}
}
