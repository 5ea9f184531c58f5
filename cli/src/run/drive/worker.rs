//! What the provider's worker says, and what it hands over.

use super::{show, trouble_here, Drive};
use crate::{error::CliError, run::peer, ui::Stage};
use lilypad_primitives::{BlockNumber, Opening};
use lilypad_worker::progress::Progress;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long the provider's worker may be out of reach before the user hears of it.
const PATIENCE: Duration = Duration::from_secs(5);

impl Drive<'_> {
	pub(super) async fn on_news(&mut self, news: peer::News) -> Result<(), CliError> {
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
				return Err(trouble_here(self.job, why));
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
		// An errand has one until it is done, which it is once.
		let Some(workplace) = self.workplace.take() else {
			return Ok(());
		};
		let folder = workplace.settle(&self.app.data, &opening.triple.root)?;
		self.lap("download");
		self.journal
			.update(self.job, |e| e.folder = Some(folder.clone()))?;
		show(self.app, &opening.triple, &folder);
		self.fetched = Some((opening.triple, folder));
		if let Some(current) = &mut self.current {
			current.opening = Some(opening);
			current.errand = None;
			if let Some(sealed) = current.sealed.as_ref().filter(|_| self.accepting) {
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
}
