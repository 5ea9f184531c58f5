//! Following a job from its posting to its end: what the chain says, what the provider's worker says, and what is to be done.

use crate::{
	app::App,
	data::{Ending, Journal, LocalFile},
	error::CliError,
	run::{folder, peer},
	ui::Stage,
};
use lilypad_client::{
	calls, lp, AccountId, ChainEvent, Client, ClientError, DealState, DealsEvent, JobState, MarketEvent,
	Signer, Update, View,
};
use lilypad_primitives::{Balance, BlockNumber, DealId, JobId, Opening, Outcome, Status, Triple};
use lilypad_worker::{p2p::PeerClient, progress::Progress};
use serde_json::json;
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
	time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
	/// Until the provider has what it needs.
	Delivered,
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
}

/// Attempts to accept a result before that is left to the end of the time to object.
const ATTEMPTS: u8 = 4;

/// How long the provider's worker may be out of reach before the user hears of it.
const PATIENCE: Duration = Duration::from_secs(5);

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
		Ok(Self {
			app,
			client,
			signer,
			peers: peer::peers(client, signer).await?,
			journal: app.data.jobs(client.genesis_hash()),
			job,
			files,
			output,
			current: None,
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
					}
				}
			},
		}
		Ok(true)
	}

	/// Follows the job from this block on.
	pub async fn run(mut self, from: BlockNumber, until: Until) -> Result<Finished, CliError> {
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
		if let Some(current) = &mut self.current {
			current.errand = None;
		}
		// Saying goodbye is polite, but nobody waits for it.
		let _ = tokio::time::timeout(Duration::from_millis(500), self.peers.close()).await;
		result?;
		if self.ended.is_some() || until == Until::Done {
			self.finish().await
		} else {
			Ok(self.report())
		}
	}

	async fn follow(
		&mut self,
		updates: &mut mpsc::Receiver<Result<Update, ClientError>>,
		until: Until,
	) -> Result<(), CliError> {
		loop {
			if self.ended.is_some()
				|| (until == Until::Delivered && (self.delivered || self.files.is_empty()))
			{
				return Ok(());
			}
			tokio::select! {
				Some(update) = updates.recv() => self.on_update(update?).await?,
				Some(news) = next_news(&mut self.current) => self.on_news(news).await?,
				_ = tokio::signal::ctrl_c() => return Err(interrupted(self.job)),
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

	fn is_current(&self, deal: DealId) -> bool {
		self.current.as_ref().is_some_and(|c| c.deal == deal)
	}

	fn on_event(&mut self, event: ChainEvent) -> Result<(), CliError> {
		match event {
			ChainEvent::MarketEvent(event)
				if ChainEvent::MarketEvent(event.clone()).job() == Some(self.job) =>
			{
				match event {
					MarketEvent::JobMatched { deal, provider, .. } if !self.is_current(deal) => {
						self.matched(deal, provider)?
					},
					MarketEvent::JobRequeued { retries_left, .. } => {
						let why = self
							.last_failure
							.clone()
							.unwrap_or_else(|| "the provider failed".into());
						self.current = None;
						let detail = format!("{why}; waiting for another one, {retries_left} retries left");
						self.app.ui.stage(
							Stage::Negotiating,
							&detail,
							json!({ "job": self.job, "retries_left": retries_left }),
						);
					},
					MarketEvent::JobExpired { .. } => {
						let why = match &self.last_failure {
							None => "nobody took the job in time; the whole budget is back".into(),
							Some(before) => {
								format!("nobody else took the job in time; the whole budget is back. Before that, {before}")
							},
						};
						self.note_end(&why, 0)?;
						return Err(CliError::NoProvider(why));
					},
					MarketEvent::JobCancelled { .. } => {
						let why = "it was cancelled; the whole budget is back".to_string();
						self.note_end(&why, 0)?;
						return Err(CliError::JobFailed { job: self.job, why });
					},
					MarketEvent::JobEnded {
						deal,
						outcome,
						result,
						cost,
						..
					} if self.is_current(deal) || self.current.is_none() => self.ended = Some((outcome, result, cost)),
					_ => (),
				}
			},
			ChainEvent::DealsEvent(event) => match event {
				// The market names the deal as the job's a moment later.
				DealsEvent::DealOpened {
					deal, job, ack_by, ..
				} if job == self.job => self.opened = Some((deal, ack_by)),
				DealsEvent::Acknowledged { deal, submit_by } if self.is_current(deal) => {
					self.acknowledged(submit_by)
				},
				DealsEvent::Submitted {
					deal,
					draw_at,
					judge_by,
					..
				} if self.is_current(deal) => self.sealed(draw_at, judge_by),
				DealsEvent::Revealed { deal, usage, triple } if self.is_current(deal) => {
					self.usage = Some(usage);
					self.journal
						.update(self.job, |e| e.root = Some(triple.root.to_string()))?;
				},
				DealsEvent::Settled { deal, outcome, .. } if self.is_current(deal) => {
					self.last_failure = Some(explain(&outcome))
				},
				_ => (),
			},
			_ => (),
		}
		Ok(())
	}

	/// Does what is due at a block.
	async fn on_block(&mut self) -> Result<(), CliError> {
		let number = self.best;
		let Some(current) = &mut self.current else {
			return Ok(());
		};
		let (deal, fetched) = (current.deal, self.fetched.is_some());
		// In the next block.
		let may_open = current
			.sealed
			.as_ref()
			.is_some_and(|s| number.saturating_add(1) >= s.draw_at);
		let tries = current.attempts < ATTEMPTS;
		if let (Some(opening), true, true, true) = (current.opening, fetched, may_open, tries) {
			current.attempts += 1;
			self.app
				.ui
				.stage(Stage::Accepting, "", json!({ "job": self.job, "deal": deal }));
			match self
				.client
				.submit(self.signer, calls::deals::accept(deal, opening))
				.await
			{
				Ok(outcome) => {
					for event in outcome.events {
						self.on_event(event)?;
					}
					self.lap("accept");
				},
				// Too early by a block, or over already: the chain says how it goes on.
				Err(e) => {
					tracing::debug!("accepting: {e}");
					if self.current.as_ref().is_some_and(|c| c.attempts == ATTEMPTS) {
						self.app.ui.say(&format!(
							"the result could not be accepted ({e}); it will be without us, a little later"
						));
					}
				},
			}
		} else if number > current.deadline.saturating_add(1) {
			// Anybody may say that a deadline has lapsed; the chain does so itself when it has time.
			current.deadline = current.deadline.saturating_add(5);
			if let Err(e) = self.client.submit(self.signer, calls::deals::expire(deal)).await {
				tracing::debug!("expiring: {e}");
			}
		}
		Ok(())
	}

	fn matched(&mut self, deal: DealId, provider: AccountId) -> Result<(), CliError> {
		self.lap("match");
		let facts = json!({ "job": self.job, "deal": deal, "provider": provider.to_string() });
		self.app
			.ui
			.stage(Stage::Negotiating, &format!("deal {deal} with {provider}"), facts);
		let errand = peer::Errand {
			job: self.job,
			deal,
			provider: provider.clone(),
			files: self.files.clone(),
			target: folder::workplace(&self.app.data, self.output.as_deref(), self.job),
		};
		let running = peer::start(self.client.clone(), self.peers.clone(), errand);
		self.current = Some(Current {
			deal,
			provider: provider.clone(),
			errand: Some(running),
			sealed: None,
			deadline: BlockNumber::MAX,
			opening: None,
			attempts: 0,
		});
		if let Some((_, ack_by)) = self.opened.filter(|(opened, _)| *opened == deal) {
			self.set_deadline(ack_by);
		}
		self.delivered = false;
		self.ran = false;
		self.fetched = None;
		self.journal.update(self.job, |e| {
			e.deal = Some(deal);
			e.provider = Some(provider.to_string());
		})
	}

	fn set_deadline(&mut self, deadline: BlockNumber) {
		if let Some(current) = &mut self.current {
			current.deadline = deadline;
		}
	}

	fn acknowledged(&mut self, submit_by: BlockNumber) {
		self.set_deadline(submit_by);
		self.app.ui.stage(
			Stage::Running,
			"",
			json!({ "job": self.job, "submit_by": submit_by }),
		);
	}

	fn sealed(&mut self, draw_at: BlockNumber, judge_by: BlockNumber) {
		self.set_deadline(judge_by);
		if let Some(current) = &mut self.current {
			if current.sealed.is_none() {
				current.sealed = Some(Sealed { draw_at });
				self.lap_run();
				let facts = json!({ "job": self.job, "draw_at": draw_at, "judge_by": judge_by });
				self.app.ui.stage(Stage::Verifying, "", facts);
			}
		}
	}

	async fn on_news(&mut self, news: peer::News) -> Result<(), CliError> {
		if !matches!(news, peer::News::Trouble(_)) {
			self.trouble = None;
		}
		let ui = &self.app.ui;
		match news {
			peer::News::Delivered => {
				self.delivered = true;
				if !self.files.is_empty() {
					ui.stage(
						Stage::Negotiating,
						"the provider has all files",
						json!({ "job": self.job }),
					);
				}
			},
			peer::News::Sent(name, done, total) => {
				ui.transfer(Stage::Negotiating, &format!("sending {name}"), done, total)
			},
			peer::News::Worker(progress) => self.on_progress(&progress),
			peer::News::Opened(opening) => {
				self.lap_run();
				self.lap("publish");
				self.usage = Some(opening.usage);
				self.journal
					.update(self.job, |e| e.root = Some(opening.triple.root.to_string()))?;
				self.app.ui.stage(
					Stage::Downloading,
					"",
					json!({ "job": self.job, "root": opening.triple.root.to_string() }),
				);
			},
			peer::News::Received(done, total) => ui.transfer(Stage::Downloading, "the result", done, total),
			peer::News::Fetched(opening) => {
				self.on_fetched(opening)?;
				self.on_block().await?;
			},
			peer::News::Trouble(why) => self.on_trouble(&why),
			peer::News::Here(why) => {
				let job = self.job;
				let why = format!("{why}. Mend that, and go on with `lilypad job watch {job}`");
				return Err(CliError::NoResult { job, why });
			},
			peer::News::Failed(why) => {
				ui.say(&format!("the provider's worker and we do not get on: {why}"));
				self.last_failure = Some(why);
				if let Some(current) = &mut self.current {
					current.errand = None;
				}
			},
		}
		Ok(())
	}

	/// Says so when the provider's worker has been out of reach for a while, once: what happens then is up to the chain.
	fn on_trouble(&mut self, why: &str) {
		tracing::debug!("between us and the provider: {why}");
		let (since, said) = *self.trouble.get_or_insert((Instant::now(), false));
		if said || since.elapsed() < PATIENCE {
			return;
		}
		self.trouble = Some((since, true));
		let until = match self.current.as_ref().map(|c| c.deadline) {
			Some(deadline) if deadline < BlockNumber::MAX => format!(" until block {deadline}"),
			_ => String::new(),
		};
		self.app.ui.say(&format!(
			"the provider can't be reached ({why}); trying again{until}. A result that it never opens is not paid for"
		));
	}

	fn on_progress(&self, progress: &Progress) {
		let ui = &self.app.ui;
		let facts = json!({ "job": self.job });
		match progress {
			Progress::FetchingImage { done, total } => {
				ui.stage(Stage::Negotiating, "the provider fetches the module", facts);
				ui.transfer(
					Stage::Negotiating,
					"the provider fetches the module",
					*done,
					*total,
				);
			},
			Progress::AwaitingFiles { missing } => ui.stage(
				Stage::Negotiating,
				&format!("the provider waits for {} files", missing.len()),
				facts,
			),
			Progress::Running { .. } => ui.stage(Stage::Running, "", facts),
			Progress::Publishing | Progress::Submitting => {
				ui.stage(Stage::Running, "the provider publishes the result", facts)
			},
			Progress::Trouble { why } => {
				ui.stage(Stage::Running, &format!("the provider has trouble: {why}"), facts)
			},
			Progress::Matched | Progress::Ready | Progress::Ended { .. } => (),
		}
	}

	fn on_fetched(&mut self, opening: Opening) -> Result<(), CliError> {
		let place = folder::workplace(&self.app.data, self.output.as_deref(), self.job);
		let folder = folder::settle(
			&place,
			&self.app.data,
			self.output.as_deref(),
			&opening.triple.root,
		)?;
		self.lap("download");
		self.journal
			.update(self.job, |e| e.folder = Some(folder.clone()))?;
		show(self.app, &opening.triple, &folder);
		self.fetched = Some((opening.triple, folder));
		if let Some(current) = &mut self.current {
			current.opening = Some(opening);
			current.errand = None;
			if let Some(sealed) = &current.sealed {
				let detail = format!("from block {} on", sealed.draw_at);
				self.app.ui.stage(
					Stage::Accepting,
					&detail,
					json!({ "job": self.job, "draw_at": sealed.draw_at }),
				);
			}
		}
		Ok(())
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

	fn note_end(&self, outcome: &str, cost: Balance) -> Result<(), CliError> {
		self.journal.update(self.job, |e| {
			e.ended = Some(Ending {
				outcome: outcome.into(),
				cost,
			})
		})
	}

	fn report(&mut self) -> Finished {
		Finished {
			deal: self.current.as_ref().map(|c| c.deal),
			provider: self.current.as_ref().map(|c| c.provider.clone()),
			result: self.fetched.as_ref().map(|(triple, _)| *triple),
			folder: self.fetched.as_ref().map(|(_, folder)| folder.clone()),
			usage: self.usage,
			cost: None,
			timings: std::mem::take(&mut self.timings),
		}
	}

	/// The chain is done with the job.
	async fn finish(mut self) -> Result<Finished, CliError> {
		let Some((outcome, result, cost)) = self.ended else {
			return Ok(self.report());
		};
		let words = explain(&outcome);
		self.note_end(&words, cost)?;
		let Some(triple) = result else {
			let why = format!(
				"{words}; it cost {}, the rest of the budget is back",
				lp::show(cost)
			);
			return Err(CliError::JobFailed { job: self.job, why });
		};
		if self.fetched.is_none() {
			return Err(CliError::NoResult {
				job: self.job,
				why: format!(
					"{}. It was paid for without us, as the time to object was over; try `lilypad job get {}`",
					self.last_failure.take().unwrap_or_else(|| "the provider did not hand it over".into()),
					self.job
				),
			});
		}
		self.app.ui.stage(
			Stage::Accepted,
			"",
			json!({ "job": self.job, "cost": lp::show(cost) }),
		);
		let mut finished = self.report();
		finished.cost = Some(cost);
		finished.result = Some(triple);
		Ok(finished)
	}
}

/// How to come back.
pub fn interrupted(job: JobId) -> CliError {
	CliError::Interrupted(format!(
		"; job {job} goes on. Come back with `lilypad job watch {job}`, or stop it with `lilypad job cancel {job}`"
	))
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

/// Prints what the program wrote, and where the rest is.
pub fn show(app: &App, triple: &Triple, folder: &Path) {
	if let Ok(text) = std::fs::read(folder.join("stdout")) {
		app.ui.print(&printable(&text));
	}
	if triple.status != Status::Completed {
		app.ui.say(&format!("the job ended by itself: {}", triple.status));
	} else if triple.exit_code != 0 {
		app.ui
			.say(&format!("the program ended with exit code {}", triple.exit_code));
	}
	let shown = quoted(folder);
	app.ui.say(&format!(
		"\nresult {}\n\n    open {shown}\n    cat {shown}/stdout\n",
		triple.root
	));
}

/// A path to be pasted into a shell.
fn quoted(path: &Path) -> String {
	let text = path.display().to_string();
	let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@,=%".contains(c);
	match text.chars().all(plain) {
		true => text,
		false => format!("'{}'", text.replace('\'', "'\\''")),
	}
}

/// Output for a terminal: at most 64 KiB, and nothing that moves the cursor or worse.
fn printable(bytes: &[u8]) -> String {
	const MOST: usize = 64 * 1024;
	let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]);
	let mut clean: String = text
		.chars()
		.map(|c| {
			if c.is_control() && c != '\n' && c != '\t' {
				'\u{fffd}'
			} else {
				c
			}
		})
		.collect();
	if bytes.len() > MOST {
		clean.push_str(&format!("\n… {} more bytes in the folder\n", bytes.len() - MOST));
	}
	clean
}

/// An outcome in words.
pub fn explain(outcome: &Outcome) -> String {
	match outcome {
		Outcome::Accepted { .. } => "accepted",
		Outcome::NoShow => "the provider did not answer in time and was fined",
		Outcome::Declined => "the provider declined and was fined",
		Outcome::TimedOut => "the provider did not deliver in time and was fined",
		Outcome::Unfetchable { again: false } => "the provider could not get the module or the input files",
		Outcome::Unfetchable { again: true } => "two providers could not get the module or the input files",
		Outcome::CancelledBeforeAck => "cancelled before the provider began",
		Outcome::CancelledRunning { .. } => "cancelled while it ran",
		Outcome::Upheld { .. } => "the result was confirmed by mediators",
		Outcome::Overcharged { .. } => {
			"the result was confirmed by mediators; the provider had charged too much"
		},
		Outcome::Overturned { .. } => "mediators found the result wrong; the provider was fined",
		_ => "mediators could not settle the result",
	}
	.into()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn paths_can_be_pasted() {
		assert_eq!(quoted(Path::new("/tmp/lilypad/ab-1.2")), "/tmp/lilypad/ab-1.2");
		assert_eq!(quoted(Path::new("/my files/it's")), "'/my files/it'\\''s'");
		assert_eq!(quoted(Path::new("/a;rm -rf b")), "'/a;rm -rf b'");
	}

	#[test]
	fn output_can_not_take_over_the_terminal() {
		assert_eq!(printable(b"moo\n\tmoo\n"), "moo\n\tmoo\n");
		assert_eq!(printable(b"\x1b[2Jmoo\x07"), "\u{fffd}[2Jmoo\u{fffd}");
		assert_eq!(printable("🐮 <3".as_bytes()), "🐮 <3");
		assert!(printable(&[b'a'; 70_000]).ends_with("… 4464 more bytes in the folder\n"));
	}
}
