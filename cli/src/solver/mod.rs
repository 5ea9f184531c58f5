//! `lilypad solver`: proposes matches that the chain's bounded search missed, and earns the jobs' tips.

mod earnings;
#[cfg(test)]
mod fixtures;
mod metrics;
mod pace;
mod round;
mod search;

use crate::{
	app::{require_money, App},
	args::SolverArgs,
	error::CliError,
	provider::ended,
	ui::table,
};
use earnings::{Came, Earnings};
use futures::future::join_all;
use lilypad_client::{
	calls, lp, AccountId, BlockId, ChainEvent, Client, ClientError, MarketEvent, RefusalReason, Signer,
	TxOptions, Update,
};
use lilypad_primitives::{Balance, BlockNumber, JobId, OfferId};
use metrics::Metrics;
use pace::Pace;
use round::{Rounds, Seen};
use search::Found;
use serde_json::{json, Value};
use std::{cmp::Reverse, sync::Arc};
use tokio_util::sync::CancellationToken;

/// Most proposals that are on their way at once.
const PROPOSALS: usize = 32;

/// Runs the solver.
pub async fn run(app: &App, args: &SolverArgs) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let mut solver = Solver::new(app, client, signer, args).await?;
	match args.once {
		true => solver.once().await,
		false => solver.follow(args).await,
	}
}

/// How a proposal went.
enum Sent {
	/// The chain took it; the block from which on it can become the deal.
	Taken(BlockNumber),
	/// It did not, for this reason.
	Refused(String),
	/// Nothing is known about the chain's mind.
	Failed(ClientError),
}

/// What a round brought.
struct Report {
	block: BlockNumber,
	least: Balance,
	seen: Seen,
	sent: Vec<(Found, Sent)>,
}

impl Report {
	fn is_busy(&self) -> bool {
		!self.seen.complete || !self.sent.is_empty()
	}
}

struct Solver<'a> {
	app: &'a App,
	client: Client,
	signer: Signer,
	account: AccountId,
	least: Option<Balance>,
	rounds: Rounds,
	pace: Pace,
	earnings: Earnings,
	earned: Balance,
	metrics: Arc<Metrics>,
}

impl<'a> Solver<'a> {
	async fn new(app: &'a App, client: Client, signer: Signer, args: &SolverArgs) -> Result<Self, CliError> {
		let account = signer.account();
		let solver = Self {
			rounds: Rounds::new(account.clone()),
			earnings: Earnings::resume(&client, &account).await?,
			app,
			client,
			signer,
			account,
			least: args.min_tip,
			pace: Pace::default(),
			earned: 0,
			metrics: Arc::default(),
		};
		let view = solver.client.best().await?;
		require_money(&view, &solver.account, &[("for a proposal", solver.fee().await?)]).await?;
		Ok(solver)
	}

	/// What a proposal costs, about.
	async fn fee(&self) -> Result<Balance, ClientError> {
		let call = calls::market::propose_match(JobId(0), OfferId(0));
		self.client.estimate_fee(&self.signer, &call).await
	}

	/// Looks at a part of the book, and proposes what it finds.
	async fn round(&mut self) -> Result<Report, CliError> {
		let view = self.client.best().await?;
		let least = match self.least {
			Some(least) => least,
			None => self.fee().await?,
		};
		let (mut found, seen) = self.rounds.look(&view, &self.pace, least).await?;
		found.sort_by_key(|found| (Reverse(found.tip), found.job));
		found.truncate(PROPOSALS);
		let sent = join_all(found.iter().map(|found| self.propose(*found))).await;
		let report = Report {
			block: view.number(),
			least,
			seen,
			sent: found.into_iter().zip(sent).collect(),
		};
		self.note(&report);
		Ok(report)
	}

	async fn propose(&self, found: Found) -> Sent {
		let call = calls::market::propose_match(found.job, found.offer);
		// Tried once: by the next block the book is another one.
		let options = TxOptions {
			attempts: 1,
			..TxOptions::default()
		};
		let sent = self.client.submit_with(&self.signer, call, options).await;
		match sent {
			Ok(outcome) => {
				let due = outcome.find(|event| match event {
					ChainEvent::MarketEvent(MarketEvent::MatchProposed { due, .. }) => Some(*due),
					_ => None,
				});
				match due {
					Some(due) => Sent::Taken(due),
					None => Sent::Refused("an earlier proposal became the deal".into()),
				}
			},
			Err(ClientError::Call(error)) => Sent::Refused(error.to_string()),
			Err(error) => Sent::Failed(error),
		}
	}

	fn note(&mut self, report: &Report) {
		let metrics = &self.metrics;
		metrics.rounds.add(1);
		for (number, value) in [
			(&metrics.jobs, report.seen.jobs),
			(&metrics.wanted, report.seen.wanted),
			(&metrics.offers, report.seen.offers),
		] {
			number.set(u64::try_from(value).unwrap_or(u64::MAX));
		}
		for (found, sent) in &report.sent {
			match sent {
				Sent::Taken(_) => {
					metrics.proposed.add(1);
					self.earnings.propose(found.job, found.offer);
				},
				Sent::Refused(_) => {
					metrics.refused.add(1);
					self.pace.refused(found.job, report.block);
				},
				Sent::Failed(_) => metrics.failures.add(1),
			}
		}
		self.pace.looked(report.block, report.is_busy());
	}

	/// Looks at the whole book as it is, proposes what fits, and ends.
	async fn once(&mut self) -> Result<(), CliError> {
		let mut all = self.round().await?;
		let mut sent = all.sent.len();
		while !all.seen.complete || sent == PROPOSALS {
			let more = self.round().await?;
			sent = more.sent.len();
			all.seen = Seen {
				jobs: all.seen.jobs + more.seen.jobs,
				wanted: all.seen.wanted + more.seen.wanted,
				offers: all.seen.offers + more.seen.offers,
				complete: more.seen.complete,
			};
			all.sent.extend(more.sent);
		}
		let sent = std::mem::take(&mut all.sent);
		let (mut taken, mut refused) = (Vec::new(), Vec::new());
		for (found, sent) in sent {
			match sent {
				Sent::Taken(due) => taken.push((found, due)),
				Sent::Refused(why) => refused.push((found, why)),
				Sent::Failed(error) => return Err(error.into()),
			}
		}
		let value = json!({
			"block": all.block, "waiting": all.seen.jobs, "wanted": all.seen.wanted, "offers": all.seen.offers,
			"least_tip": lp::show(all.least),
			"proposed": taken.iter().map(|(found, due)| proposed_json(found, *due)).collect::<Vec<_>>(),
			"refused": refused.iter().map(|(found, why)| refused_json(found, why)).collect::<Vec<_>>(),
		});
		self.app.ui.outcome(&value, || once_words(&all, &taken, &refused))
	}

	/// Follows the chain until it is told to stop.
	async fn follow(&mut self, args: &SolverArgs) -> Result<(), CliError> {
		let stop = CancellationToken::new();
		let told = stop.clone();
		let signals = tokio::spawn(async move {
			// Without signals it is stopped the hard way, which does no harm.
			if ended().await.is_ok() {
				told.cancel();
			}
		});
		if let Some(address) = args.metrics {
			metrics::serve(address, Arc::clone(&self.metrics), stop.clone()).await?;
		}
		let result = tokio::select! {
			biased;
			() = stop.cancelled() => Ok(()),
			result = self.watch() => result,
		};
		signals.abort();
		stop.cancel();
		result?;
		let metrics = &self.metrics;
		let earned = lp::show(self.earned);
		let value = json!({
			"event": "stopped", "rounds": metrics.rounds.get(), "proposed": metrics.proposed.get(),
			"refused": metrics.refused.get(), "matched": metrics.matched.get(), "earned": earned,
		});
		self.tell(
			&value,
			&format!("stopped; {} proposals, {earned} earned", metrics.proposed.get()),
		)
	}

	async fn watch(&mut self) -> Result<(), CliError> {
		let account = self.account.to_string();
		let value = json!({ "event": "started", "account": account, "chain": self.client.chain_name() });
		self.tell(
			&value,
			&format!("solver {account} follows {}", self.client.chain_name()),
		)?;
		let mut follower = self.client.follow(None);
		let mut last = 0;
		loop {
			let Update::Best { block, events } = follower.next().await? else {
				continue;
			};
			self.metrics.best_block.set(block.number.into());
			for record in &events {
				self.pace.hear(&record.event);
				self.hear(block, &record.event).await?;
			}
			// Blocks that came while the last round went on are part of what it saw.
			if block.number <= last || !self.pace.is_due(block.number) {
				continue;
			}
			match self.round().await {
				Ok(report) => {
					last = report.block;
					self.show(&report)?;
				},
				Err(CliError::Client(error)) if error.is_transient() => self.trouble(block, &error),
				Err(error) => return Err(error),
			}
		}
	}

	/// The follower reconnects; the next round comes with the next block that it is due in.
	fn trouble(&mut self, block: BlockId, error: &ClientError) {
		tracing::warn!(%error, "the book could not be read; trying again");
		self.metrics.failures.add(1);
		self.pace.looked(block.number, false);
	}

	async fn hear(&mut self, block: BlockId, event: &ChainEvent) -> Result<(), CliError> {
		let came = self
			.earnings
			.hear(&self.client, &self.account, block.hash, event)
			.await;
		let came = match came {
			Ok(came) => came,
			Err(error) if error.is_transient() => {
				self.trouble(block, &error);
				None
			},
			Err(error) => return Err(error.into()),
		};
		match came {
			None => Ok(()),
			Some(Came::Matched { job, deal, tip }) => {
				self.metrics.matched.add(1);
				let tip = lp::show(tip);
				let value = json!({ "event": "matched", "job": job, "deal": deal, "tip": tip });
				self.tell(
					&value,
					&format!("job {job} has deal {deal}, as proposed: {tip} when it is paid for"),
				)
			},
			Some(Came::Settled { job, deal, tip }) => {
				self.metrics.earned(tip);
				self.earned = self.earned.saturating_add(tip);
				let tip = lp::show(tip);
				let value = json!({ "event": "earned", "job": job, "deal": deal, "tip": tip });
				self.tell(
					&value,
					&format!("deal {deal} of job {job} has ended: {tip} earned"),
				)
			},
		}
	}

	fn show(&self, report: &Report) -> Result<(), CliError> {
		let seen = report.seen;
		tracing::debug!(
			block = report.block,
			jobs = seen.jobs,
			wanted = seen.wanted,
			offers = seen.offers,
			"looked"
		);
		for (found, sent) in &report.sent {
			match sent {
				Sent::Taken(due) => {
					let mut value = proposed_json(found, *due);
					value["event"] = json!("proposed");
					self.tell(&value, &proposed_words(found, *due))?;
				},
				Sent::Refused(why) => {
					let mut value = refused_json(found, why);
					value["event"] = json!("refused");
					self.tell(&value, &refused_words(found, why))?;
				},
				Sent::Failed(ClientError::Refused {
					reason: RefusalReason::CannotPay,
				}) => tracing::warn!("nothing is left to pay for proposals: fund {}", self.account),
				Sent::Failed(error) => tracing::warn!(%error, "a proposal may not have arrived"),
			}
		}
		Ok(())
	}

	/// A line for machines, or for the log.
	fn tell(&self, value: &Value, words: &str) -> Result<(), CliError> {
		match self.app.ui.is_json() {
			true => self.app.ui.outcome(value, String::new),
			false => {
				tracing::info!("{words}");
				Ok(())
			},
		}
	}
}

fn proposed_json(found: &Found, due: BlockNumber) -> Value {
	json!({
		"job": found.job, "offer": found.offer, "rate": lp::show(found.rate), "tip": lp::show(found.tip), "due": due,
	})
}

fn refused_json(found: &Found, why: &str) -> Value {
	json!({ "job": found.job, "offer": found.offer, "why": why })
}

fn proposed_words(found: &Found, due: BlockNumber) -> String {
	format!(
		"proposed offer {} at {} a second for job {}, due in block {due}: {} to earn",
		found.offer,
		lp::show(found.rate),
		found.job,
		lp::show(found.tip)
	)
}

fn refused_words(found: &Found, why: &str) -> String {
	format!("offer {} for job {} is refused: {why}", found.offer, found.job)
}

fn once_words(report: &Report, taken: &[(Found, BlockNumber)], refused: &[(Found, String)]) -> String {
	let Seen {
		jobs, wanted, offers, ..
	} = report.seen;
	let mut text = format!(
		"waiting jobs: {jobs}; worth a proposal (a tip of at least {}): {wanted}; offers looked at: {offers}\n",
		lp::show(report.least)
	);
	if !taken.is_empty() {
		let rows = taken.iter().map(|(found, due)| {
			vec![
				found.job.to_string(),
				found.offer.to_string(),
				format!("{} a second", lp::show(found.rate)),
				lp::show(found.tip),
				due.to_string(),
			]
		});
		text.push('\n');
		text.push_str(&table(
			&["JOB", "OFFER", "RATE", "TIP", "DUE IN BLOCK"],
			rows.collect(),
		));
	}
	for (found, why) in refused {
		text.push_str(&refused_words(found, why));
		text.push('\n');
	}
	text
}
