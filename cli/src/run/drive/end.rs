//! What comes of a job, and how it is shown.

use super::{Drive, Finished};
use crate::{
	app::App,
	data::Ending,
	error::CliError,
	run::{folder, peer},
	ui::Stage,
};
use lilypad_client::{lp, words, AccountId};
use lilypad_primitives::{Balance, Outcome, Status, Triple};
use serde_json::json;
use std::path::Path;

impl Drive<'_> {
	pub(super) fn note_end(&self, outcome: &str, cost: Balance) -> Result<(), CliError> {
		self.journal.update(self.job, |e| {
			e.ended = Some(Ending {
				outcome: outcome.into(),
				cost,
			})
		})
	}

	pub(super) fn report(&mut self) -> Finished {
		Finished {
			deal: self.current.as_ref().map(|c| c.deal),
			provider: self.current.as_ref().map(|c| c.provider.clone()),
			result: self.fetched.as_ref().map(|(triple, _)| *triple),
			folder: self.fetched.as_ref().map(|(_, folder)| folder.clone()),
			usage: self.usage,
			cost: None,
			settled: false,
			timings: std::mem::take(&mut self.timings),
		}
	}

	/// Fetches the result that the chain names from whoever has it, unless it is here: the provider may have withheld it, or
	/// handed over another. The mediators who found it serve it.
	pub(super) async fn fetch_elsewhere(&mut self) -> Result<(), CliError> {
		let Some((_, Some(triple), _)) = self.ended else {
			return Ok(());
		};
		if self
			.fetched
			.as_ref()
			.is_some_and(|(here, _)| here.root == triple.root)
		{
			return Ok(());
		}
		if self.fetched.take().is_some() {
			self.app
				.ui
				.say("what the provider handed over is not the result; fetching it from the mediators");
		}
		self.app.interrupt.set_way_back(format!(
			"; job {0} has ended. `lilypad job get {0}` fetches its result",
			self.job
		));
		// What the user named may hold the wrong one by now.
		let free = self.output.clone().filter(|dir| folder::check_free(dir).is_ok());
		let workplace = self.new_workplace(free.as_deref())?;
		let errand = peer::Errand {
			job: self.job,
			deal: self.current.as_ref().map(|c| c.deal).unwrap_or_default(),
			provider: self
				.current
				.as_ref()
				.map_or_else(|| AccountId::new([0; 32]), |c| c.provider.clone()),
			files: Vec::new(),
			target: workplace.result(),
		};
		self.app.ui.stage(
			Stage::Downloading,
			"",
			json!({ "job": self.job, "root": triple.root.to_string() }),
		);
		let ui = &self.app.ui;
		let progress = |done, total| ui.transfer(Stage::Downloading, "the result", done, total);
		let fetched = peer::fetch_revealed(
			self.client,
			&self.peers,
			&errand,
			triple.root,
			triple.exit_code,
			progress,
		)
		.await;
		match fetched {
			Ok(()) => {
				let folder = workplace.settle(&self.app.data, &triple.root)?;
				self.journal
					.update(self.job, |e| e.folder = Some(folder.clone()))?;
				show(self.app, &triple, &folder);
				self.fetched = Some((triple, folder));
			},
			Err(why) => self.last_failure = Some(why),
		}
		Ok(())
	}

	/// The chain is done with the job.
	pub(super) fn finish(&mut self) -> Result<Finished, CliError> {
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
					"{}. The job has ended without us: {words}; try `lilypad job get {}`",
					self.last_failure
						.take()
						.unwrap_or_else(|| "the provider did not hand it over".into()),
					self.job
				),
			});
		}
		if !matches!(outcome, Outcome::Accepted { .. }) {
			self.app.ui.say(&words);
		}
		self.app.ui.stage(
			Stage::Accepted,
			"",
			json!({ "job": self.job, "cost": lp::show(cost) }),
		);
		let mut finished = self.report();
		finished.settled = true;
		finished.cost = Some(cost);
		finished.result = Some(triple);
		Ok(finished)
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
	words::outcome(outcome).into()
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
