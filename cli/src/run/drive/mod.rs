//! Following a job from its posting to its end: what the chain says (`chain.rs`), what the provider's worker says
//! (`worker.rs`), and what comes of it (`end.rs`).

mod chain;
mod end;
mod worker;

use crate::{
	app::App,
	data::{Journal, LocalFile},
	error::CliError,
	run::{folder::Workplace, peer},
	ui::Stage,
};
pub use end::{explain, show};
use lilypad_client::{AccountId, Client, ClientError, DealState, JobState, Signer, Update, View};
use lilypad_primitives::{Balance, BlockNumber, DealId, JobId, Opening, Outcome, Triple};
use lilypad_worker::p2p::PeerClient;
use serde_json::json;
use std::{
	collections::BTreeMap,
	fmt::Display,
	path::{Path, PathBuf},
	time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
	/// Until the provider has what it needs.
	Delivered,
	/// Until the result is here, verified; it is not paid for.
	Fetched,
	/// Until the result is here and paid for.
	Done,
}

/// What came of it.
#[derive(Debug)]
pub struct Finished {
	/// The last deal.
	pub deal: Option<DealId>,
	/// Who ran it.
	pub provider: Option<AccountId>,
	/// The result.
	pub result: Option<Triple>,
	/// Where it is.
	pub folder: Option<PathBuf>,
	/// Run time paid for, in milliseconds.
	pub usage: Option<u64>,
	/// What it cost in all.
	pub cost: Option<Balance>,
	/// Whether the chain is done with the job.
	pub settled: bool,
	/// Milliseconds of each stage.
	pub timings: BTreeMap<&'static str, u64>,
}

struct Sealed {
	draw_at: BlockNumber,
}

struct Current {
	deal: DealId,
	provider: AccountId,
	errand: Option<peer::Running>,
	sealed: Option<Sealed>,
	/// The last block before the deal lapses.
	deadline: BlockNumber,
	opening: Option<Opening>,
	/// Attempts to accept.
	attempts: u8,
	/// Whether mediators judge the result.
	disputed: bool,
}

/// See the module.
pub struct Drive<'a> {
	app: &'a App,
	client: &'a Client,
	signer: &'a Signer,
	peers: PeerClient,
	journal: Journal,
	job: JobId,
	files: Vec<LocalFile>,
	output: Option<PathBuf>,
	current: Option<Current>,
	/// Where the result is put together.
	workplace: Option<Workplace>,
	fetched: Option<(Triple, PathBuf)>,
	delivered: bool,
	/// Since when the provider's worker is out of reach, and whether the user has heard of it.
	trouble: Option<(Instant, bool)>,
	last_failure: Option<String>,
	usage: Option<u64>,
	ended: Option<(Outcome, Option<Triple>, Balance)>,
	timings: BTreeMap<&'static str, u64>,
	since: Instant,
	/// Whether the run's time is noted.
	ran: bool,
	/// The newest block.
	best: BlockNumber,
	/// Whether a result that is here is paid for.
	accepting: bool,
	/// The last deal that was opened for the job, and when it lapses if the provider is silent.
	opened: Option<(DealId, BlockNumber)>,
}

impl<'a> Drive<'a> {
	/// Gets ready to follow a job.
	pub async fn new(
		app: &'a App,
		client: &'a Client,
		signer: &'a Signer,
		job: JobId,
		files: Vec<LocalFile>,
		output: Option<PathBuf>,
	) -> Result<Self, CliError> {
		app.interrupt.set_way_back(way_back(job));
		let peers = peer::peers(client, signer)
			.await
			.map_err(|e| trouble_here(job, e))?;
		Ok(Self {
			app,
			client,
			signer,
			peers,
			journal: app.data.jobs(client.genesis_hash()),
			job,
			files,
			output,
			current: None,
			workplace: None,
			fetched: None,
			delivered: false,
			trouble: None,
			last_failure: None,
			usage: None,
			ended: None,
			timings: BTreeMap::new(),
			since: Instant::now(),
			ran: false,
			best: 0,
			accepting: true,
			opened: None,
		})
	}

	/// When the first stage began.
	pub fn started(&mut self, at: Instant) {
		self.since = at;
	}

	/// Begins with where the job stands at a block. `false`: it is not there any more.
	pub async fn begin(&mut self, view: &View) -> Result<bool, CliError> {
		let Some(record) = view.job(self.job).await? else {
			return Ok(false);
		};
		match record.state {
			JobState::Open { .. } => self.app.ui.stage(
				Stage::Negotiating,
				"waiting for a provider",
				json!({ "job": self.job }),
			),
			JobState::Matched { deal, .. } => {
				if let Some(found) = view.deal(deal).await? {
					self.matched(deal, found.terms.provider)?;
					match found.state {
						DealState::Matched { ack_by } => self.set_deadline(ack_by),
						DealState::Running { submit_by, .. } => self.acknowledged(submit_by),
						DealState::Submitted {
							draw_at, judge_by, ..
						} => self.sealed(draw_at, judge_by),
						DealState::Disputed { dispute, .. } => self.disputed(deal, &dispute),
					}
				}
			},
		}
		Ok(true)
	}

	/// Follows the job from this block on, to one of its stages or its end, and says goodbye to the provider.
	pub async fn run(mut self, from: BlockNumber, until: Until) -> Result<Finished, CliError> {
		let mut result = self.go(from, until).await;
		if let Some(current) = &mut self.current {
			current.errand = None;
		}
		if result.is_ok() {
			result = self.fetch_elsewhere().await;
		}
		// Saying goodbye is polite, but nobody waits for it.
		let _ = tokio::time::timeout(Duration::from_millis(500), self.peers.close()).await;
		result?;
		self.conclude(until)
	}

	/// Follows the job until its result is here and verified. Paying for it is left to [`Self::run`].
	pub async fn fetch(&mut self, from: BlockNumber) -> Result<Finished, CliError> {
		self.go(from, Until::Fetched).await?;
		match self.ended {
			Some(_) => self.finish(),
			None => Ok(self.report()),
		}
	}

	/// A place for the result, on its way to this folder.
	fn new_workplace(&self, output: Option<&Path>) -> Result<Workplace, CliError> {
		Workplace::open(&self.app.data, output, self.client.genesis_hash(), self.job)
			.map_err(|e| trouble_here(self.job, e))
	}

	/// The newest block that was looked at.
	pub fn best(&self) -> BlockNumber {
		self.best
	}

	fn conclude(&mut self, until: Until) -> Result<Finished, CliError> {
		match self.ended.is_some() || until == Until::Done {
			true => self.finish(),
			false => Ok(self.report()),
		}
	}

	async fn go(&mut self, from: BlockNumber, until: Until) -> Result<(), CliError> {
		self.accepting = until == Until::Done;
		// In a task of its own, so that news from the provider does not interrupt it.
		let (sender, mut updates) = mpsc::channel(64);
		let mut follower = self.client.follow(Some(from));
		let task = tokio::spawn(async move {
			loop {
				let update = follower.next().await;
				let failed = update.is_err();
				if sender.send(update).await.is_err() || failed {
					break;
				}
			}
		});
		let result = self.follow(&mut updates, until).await;
		task.abort();
		result
	}

	async fn follow(
		&mut self,
		updates: &mut mpsc::Receiver<Result<Update, ClientError>>,
		until: Until,
	) -> Result<(), CliError> {
		loop {
			let reached = match until {
				Until::Delivered => self.delivered || self.files.is_empty(),
				Until::Fetched => self.fetched.is_some(),
				Until::Done => false,
			};
			if self.ended.is_some() || reached {
				return Ok(());
			}
			tokio::select! {
				Some(update) = updates.recv() => self.on_update(update?).await?,
				Some(news) = next_news(&mut self.current) => self.on_news(news).await?,
				() = self.app.interrupt.happened() => return Err(self.app.interrupt.error()),
			}
		}
	}

	async fn on_update(&mut self, update: Update) -> Result<(), CliError> {
		match update {
			Update::Best { block, events } => {
				for record in events {
					self.on_event(record.event)?;
				}
				self.best = block.number;
				self.on_block().await
			},
			// What a reverted block said is said again by another, or by nobody: then deadlines lapse.
			Update::Reverted { .. } | Update::Finalized { .. } => Ok(()),
		}
	}

	fn lap(&mut self, stage: &'static str) {
		let millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
		self.timings
			.entry(stage)
			.and_modify(|t| *t += millis)
			.or_insert(millis);
		self.since = Instant::now();
	}

	/// The end of the run is seen on the chain, or earlier by what the worker hands over.
	fn lap_run(&mut self) {
		if !self.ran {
			self.ran = true;
			self.lap("run");
		}
	}
}

/// How to come back to a job.
pub fn way_back(job: JobId) -> String {
	format!(
		"; job {job} goes on. Come back with `lilypad job watch {job}`, or stop it with `lilypad job cancel {job}`"
	)
}

/// Something is wrong with this machine, and not with the job.
fn trouble_here(job: JobId, why: impl Display) -> CliError {
	CliError::NoResult {
		job,
		why: format!("{why}. Mend that, and go on with `lilypad job watch {job}`"),
	}
}

/// The errand's next news; never, when there is no errand.
async fn next_news(current: &mut Option<Current>) -> Option<peer::News> {
	match current.as_mut().and_then(|c| c.errand.as_mut()) {
		Some(errand) => match errand.news.recv().await {
			Some(news) => Some(news),
			None => std::future::pending().await,
		},
		None => std::future::pending().await,
	}
}
