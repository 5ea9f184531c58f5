//! What the user sees: stages with a spinner on a terminal, plain lines elsewhere, JSON for machines.

use crate::error::{CliError, ExitCode};
use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{json, Value};
use std::{
	io::{ErrorKind, IsTerminal, Write},
	sync::Mutex,
	time::{Duration, Instant},
};

/// The stages of a job, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
	/// The transaction is on its way.
	Submitting,
	/// The job waits for a match, or its provider for image and files.
	Negotiating,
	/// The provider runs it.
	Running,
	/// The provider has sealed its result.
	Verifying,
	/// The result is fetched and hashed.
	Downloading,
	/// The provider is being paid.
	Accepting,
	/// Paid.
	Accepted,
	/// All is done.
	Done,
}

impl Stage {
	/// In words.
	pub fn text(self) -> &'static str {
		match self {
			Self::Submitting => "submitting the job",
			Self::Negotiating => "negotiating the deal",
			Self::Running => "running",
			Self::Verifying => "results submitted, being verified",
			Self::Downloading => "downloading",
			Self::Accepting => "verified, waiting to accept",
			Self::Accepted => "accepted",
			Self::Done => "done",
		}
	}
}

/// See the module.
#[derive(Debug)]
pub struct Ui {
	json: bool,
	begun: Instant,
	spinner: Option<ProgressBar>,
	last: Mutex<String>,
}

impl Ui {
	/// For people, or for machines.
	pub fn new(json: bool) -> Self {
		let spinner = (!json && std::io::stderr().is_terminal()).then(|| {
			let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
			// A template of ours is valid.
			if let Ok(style) = ProgressStyle::with_template("{spinner:.green} {msg} {elapsed:.dim}") {
				bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
			}
			bar
		});
		Self {
			json,
			begun: Instant::now(),
			spinner,
			last: Mutex::new(String::new()),
		}
	}

	/// Whether machines read.
	pub fn is_json(&self) -> bool {
		self.json
	}

	/// A new stage, with more about it.
	pub fn stage(&self, stage: Stage, detail: &str, facts: Value) {
		let text = match detail {
			"" => stage.text().to_string(),
			detail => format!("{}: {detail}", stage.text()),
		};
		if self.is_repeated(&text) {
			return;
		}
		if self.json {
			let mut value = json!({
				"stage": stage,
				"message": text,
				"elapsed_ms": u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
			});
			if let (Some(value), Value::Object(facts)) = (value.as_object_mut(), facts) {
				value.extend(facts);
			}
			self.json_line(&value);
		} else {
			match &self.spinner {
				Some(bar) => spin(bar, text),
				None => eprintln!("{:>7.1}s  {text}", self.begun.elapsed().as_secs_f32()),
			}
		}
	}

	/// How far a transfer is. Shown on terminals only.
	pub fn transfer(&self, stage: Stage, what: &str, done: u64, total: u64) {
		if let Some(bar) = &self.spinner {
			let of = if total > 0 {
				format!(" of {}", HumanBytes(total))
			} else {
				String::new()
			};
			spin(bar, format!("{}: {what}, {}{of}", stage.text(), HumanBytes(done)));
		}
	}

	fn is_repeated(&self, text: &str) -> bool {
		let mut last = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
		let repeated = *last == text;
		*last = text.into();
		repeated
	}

	/// Something for people to read, which is no result.
	pub fn say(&self, text: &str) {
		if self.json {
			return;
		}
		match &self.spinner {
			Some(bar) => bar.suspend(|| eprintln!("{text}")),
			None => eprintln!("{text}"),
		}
	}

	/// Ends the spinner.
	pub fn rest(&self) {
		if let Some(bar) = &self.spinner {
			bar.disable_steady_tick();
			bar.finish_and_clear();
		}
	}

	/// The outcome: as JSON, or in words.
	pub fn outcome(&self, value: &impl Serialize, words: impl FnOnce() -> String) -> Result<(), CliError> {
		self.rest();
		if self.json {
			let value = serde_json::to_value(value).map_err(|e| CliError::Other(format!("no JSON: {e}")))?;
			self.json_line(&value);
		} else {
			self.write(&words());
		}
		Ok(())
	}

	/// Text for standard output.
	pub fn print(&self, text: &str) {
		if !self.json {
			match &self.spinner {
				Some(bar) => bar.suspend(|| self.write(text)),
				None => self.write(text),
			}
		}
	}

	fn write(&self, text: &str) {
		let mut out = std::io::stdout().lock();
		let newline = if text.is_empty() || text.ends_with('\n') {
			""
		} else {
			"\n"
		};
		// A reader that went away (`| head`) is no failure.
		let _ = write!(out, "{text}{newline}").and_then(|()| out.flush());
	}

	fn json_line(&self, value: &Value) {
		let mut out = std::io::stdout().lock();
		// As above.
		let _ = writeln!(out, "{value}").and_then(|()| out.flush());
	}

	/// Asks whether to go on. Without a terminal to ask on, that is refused: `--yes` says it beforehand.
	pub fn confirm(&self, question: &str, yes: bool) -> Result<(), CliError> {
		if yes {
			return Ok(());
		}
		self.rest();
		if self.json || !std::io::stdin().is_terminal() {
			return Err(CliError::Declined(format!(
				"not agreed to: {question} Add --yes to agree without being asked"
			)));
		}
		let agreed = dialoguer::Confirm::new()
			.with_prompt(question)
			.default(true)
			.interact()
			.map_err(|dialoguer::Error::IO(e)| match e.kind() {
				ErrorKind::Interrupted => CliError::Interrupted("; nothing was done".into()),
				_ => CliError::Other(format!("the answer could not be read: {e}")),
			})?;
		match agreed {
			true => Ok(()),
			false => Err(CliError::Declined("not agreed to; nothing was done".into())),
		}
	}
}

/// Shows a message beside a spinner that turns, also one that had been put to rest.
fn spin(bar: &ProgressBar, message: String) {
	if bar.is_finished() {
		bar.reset();
	}
	bar.enable_steady_tick(Duration::from_millis(100));
	bar.set_message(message);
}

/// Says what failed: JSON on standard output for machines, or words on standard error.
pub fn report(error: &CliError, json: bool) -> ExitCode {
	let code = error.exit_code();
	// A reader that went away (`| head`) hears nothing; the exit code tells all the same.
	let _ = match json {
		true => writeln!(
			std::io::stdout(),
			"{}",
			json!({ "error": error.to_string(), "exit_code": code as u8 })
		),
		false => writeln!(std::io::stderr(), "error: {error}"),
	};
	code
}

/// A table without frills.
pub fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
	let mut table = comfy_table::Table::new();
	table
		.load_preset(comfy_table::presets::NOTHING)
		.set_header(head.to_vec());
	table.add_rows(rows);
	// The first column's padding would look like an indentation.
	table
		.lines()
		.map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_string() + "\n")
		.collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn tables_have_no_trailing_space() {
		let text = table(
			&["JOB", "STATE"],
			vec![vec!["1".into(), "done".into()], vec!["22".into(), "x".into()]],
		);
		assert_eq!(text.lines().count(), 3);
		assert!(text.lines().all(|l| l == l.trim_end()), "{text:?}");
	}

	#[test]
	fn stages_are_in_order() {
		use Stage::*;
		let all = [
			Submitting,
			Negotiating,
			Running,
			Verifying,
			Downloading,
			Accepting,
			Accepted,
			Done,
		];
		assert!(all.windows(2).all(|w| w[0] < w[1] && w[0].text() != w[1].text()));
	}

	#[test]
	fn nothing_is_agreed_to_without_asking() {
		let error = Ui::new(true)
			.confirm("Pay 1 LP?", false)
			.expect_err("nobody to ask");
		assert!(error.to_string().contains("--yes"), "{error}");
		assert!(Ui::new(true).confirm("Pay 1 LP?", true).is_ok());
	}
}
