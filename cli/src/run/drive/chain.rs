//! What the chain says about the job, and what is to be done about it there.

use super::{explain, Current, Drive, Sealed};
use crate::{error::CliError, run::peer, ui::Stage};
use lilypad_client::{
	calls, words, AccountId, ChainEvent, ClientError, DealsEvent, MarketEvent, MediationEvent, TxOutcome,
};
use lilypad_primitives::{BlockNumber, DealId, Dispute, Opening};
use serde_json::json;

/// Attempts to accept a result before that is left to the end of the time to object.
const ATTEMPTS: u8 = 4;

impl Drive<'_> {
	fn is_current(&self, deal: DealId) -> bool {
		self.current.as_ref().is_some_and(|c| c.deal == deal)
	}

	pub(super) fn on_event(&mut self, event: ChainEvent) -> Result<(), CliError> {
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
			ChainEvent::MediationEvent(MediationEvent::StageEntered { deal, stage, .. })
				if self.is_current(deal) =>
			{
				let facts = json!({ "job": self.job, "deal": deal, "until": stage.last_block() });
				self.app.ui.stage(Stage::Verifying, &stage.words(), facts)
			},
			ChainEvent::MediationEvent(MediationEvent::CaseClosed { deal, verdict, .. })
				if self.is_current(deal) =>
			{
				self.app
					.ui
					.say(&format!("the mediators' verdict: {}", words::verdict(&verdict)))
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
				DealsEvent::Disputed { deal, dispute } if self.is_current(deal) => {
					self.disputed(deal, &dispute)
				},
				DealsEvent::DisputeDropped { deal, judge_by } if self.is_current(deal) => {
					self.resumed(judge_by)
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
	pub(super) async fn on_block(&mut self) -> Result<(), CliError> {
		let number = self.best;
		let Some(current) = &mut self.current else {
			return Ok(());
		};
		let (deal, fetched) = (current.deal, self.fetched.is_some());
		// In the next block.
		let may_open = !current.disputed
			&& current
				.sealed
				.as_ref()
				.is_some_and(|s| number.saturating_add(1) >= s.draw_at);
		let tries = self.accepting && current.attempts < ATTEMPTS;
		if let (Some(opening), true, true, true) = (current.opening, fetched, may_open, tries) {
			current.attempts += 1;
			self.app
				.ui
				.stage(Stage::Accepting, "", json!({ "job": self.job, "deal": deal }));
			match self.accept(deal, opening).await {
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

	/// Accepts a result; or begins its audit, if it was drawn for one, without showing it to those who will have to find it
	/// for themselves.
	async fn accept(&self, deal: DealId, opening: Opening) -> Result<TxOutcome, ClientError> {
		let drawn = self.client.best().await?.is_drawn(deal).await? == Some(true);
		let call = match drawn {
			true => calls::deals::audit(deal),
			false => calls::deals::accept(deal, opening),
		};
		self.client.submit(self.signer, call).await
	}

	pub(super) fn matched(&mut self, deal: DealId, provider: AccountId) -> Result<(), CliError> {
		self.lap("match");
		let facts = json!({ "job": self.job, "deal": deal, "provider": provider.to_string() });
		self.app
			.ui
			.stage(Stage::Negotiating, &format!("deal {deal} with {provider}"), facts);
		let workplace = self.new_workplace(self.output.as_deref())?;
		let errand = peer::Errand {
			job: self.job,
			deal,
			provider: provider.clone(),
			files: self.files.clone(),
			target: workplace.result(),
		};
		let running = peer::start(self.client.clone(), self.peers.clone(), errand);
		self.workplace = Some(workplace);
		self.current = Some(Current {
			deal,
			provider: provider.clone(),
			errand: Some(running),
			sealed: None,
			deadline: BlockNumber::MAX,
			opening: None,
			attempts: 0,
			disputed: false,
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

	pub(super) fn set_deadline(&mut self, deadline: BlockNumber) {
		if let Some(current) = &mut self.current {
			current.deadline = deadline;
		}
	}

	/// Mediators judge the result: nothing can be accepted, and the deal does not lapse.
	pub(super) fn disputed(&mut self, deal: DealId, dispute: &Dispute) {
		self.set_deadline(BlockNumber::MAX);
		if let Some(current) = &mut self.current {
			current.disputed = true;
			current.sealed.get_or_insert(Sealed { draw_at: 0 });
		}
		self.lap_run();
		let detail = format!("mediators judge the result: {}", words::dispute(dispute));
		let facts = json!({ "job": self.job, "deal": deal, "dispute": dispute });
		self.app.ui.stage(Stage::Verifying, &detail, facts);
	}

	/// No panel was found: the deal goes on.
	fn resumed(&mut self, judge_by: BlockNumber) {
		self.set_deadline(judge_by);
		if let Some(current) = &mut self.current {
			current.disputed = false;
			current.attempts = 0;
			current.sealed = Some(Sealed { draw_at: 0 });
		}
		self.app
			.ui
			.say("no panel of mediators could be found; the deal goes on");
	}

	pub(super) fn acknowledged(&mut self, submit_by: BlockNumber) {
		self.set_deadline(submit_by);
		self.app.ui.stage(
			Stage::Running,
			"",
			json!({ "job": self.job, "submit_by": submit_by }),
		);
	}

	pub(super) fn sealed(&mut self, draw_at: BlockNumber, judge_by: BlockNumber) {
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
}
