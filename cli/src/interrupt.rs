//! Ctrl-C: it ends the command, wherever that is, and the command says how to come back to what goes on without it.

use crate::{app::App, error::CliError, ui};
use std::{
	sync::{Arc, Mutex, MutexGuard, PoisonError},
	time::Duration,
};
use tokio::{signal::unix::Signal, time::sleep};
use tokio_util::sync::CancellationToken;

/// How long a command that was interrupted has to tidy up and to say goodbye to its peers.
const GOODBYE: Duration = Duration::from_millis(1_500);
/// When the process ends all the same. It is blocked, for instance by a question for a password.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// What Ctrl-C does, and whether it was pressed.
#[derive(Debug, Default)]
pub struct Interrupt {
	happened: CancellationToken,
	state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
	/// What follows the word "interrupted".
	way_back: String,
	hold: Option<Hold>,
}

/// The first Ctrl-C does not end the command.
#[derive(Debug)]
enum Hold {
	/// It says this instead.
	Ready(String),
	/// It was pressed.
	Pressed,
}

impl Interrupt {
	fn state(&self) -> MutexGuard<'_, State> {
		self.state.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// What to say from now on when the command is interrupted: what goes on without it, and how to come back to that. It
	/// follows the word "interrupted".
	pub fn set_way_back(&self, words: impl Into<String>) {
		self.state().way_back = words.into();
	}

	/// Until [`Self::release`], the first Ctrl-C says this and ends nothing; the second one does.
	pub fn hold(&self, notice: impl Into<String>) {
		self.state().hold = Some(Hold::Ready(notice.into()));
	}

	/// Ends what [`Self::hold`] began. Whether there was a Ctrl-C meanwhile, which the caller now has to heed.
	pub fn release(&self) -> bool {
		matches!(self.state().hold.take(), Some(Hold::Pressed))
	}

	/// Ctrl-C was pressed. What there is to say instead of ending the command, if anything.
	fn press(&self) -> Option<String> {
		let mut state = self.state();
		match state.hold.take() {
			Some(Hold::Ready(notice)) => {
				state.hold = Some(Hold::Pressed);
				Some(notice)
			},
			_ => {
				self.happened.cancel();
				None
			},
		}
	}

	/// Cancelled when the command is to end.
	pub fn token(&self) -> CancellationToken {
		self.happened.clone()
	}

	/// Whether the command is to end.
	pub fn has_happened(&self) -> bool {
		self.happened.is_cancelled()
	}

	/// Waits until the command is to end.
	pub async fn happened(&self) {
		self.happened.cancelled().await;
	}

	/// Waits until the command has had its time to end.
	pub async fn over(&self) {
		self.happened().await;
		sleep(GOODBYE).await;
	}

	/// How an interrupted command ends.
	pub fn error(&self) -> CliError {
		CliError::Interrupted(self.state().way_back.clone())
	}
}

/// Waits for Ctrl-C. Ends the process if the command does not end by then, or if the user insists.
pub async fn watch(app: Arc<App>, mut signals: Signal) {
	loop {
		if signals.recv().await.is_none() {
			return;
		}
		match app.interrupt.press() {
			Some(notice) => app.ui.say(&notice),
			None => break,
		}
	}
	tokio::select! {
		() = sleep(PATIENCE) => (),
		_ = signals.recv() => (),
	}
	app.ui.rest();
	let code = ui::report(&app.interrupt.error(), app.ui.is_json());
	std::process::exit(code as i32);
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::error::ExitCode;

	#[test]
	fn the_command_ends_and_says_the_way_back() {
		let interrupt = Interrupt::default();
		assert!(!interrupt.has_happened());
		interrupt.set_way_back("; come back");
		assert_eq!(interrupt.press(), None);
		assert!(interrupt.has_happened());
		assert_eq!(interrupt.error().to_string(), "interrupted; come back");
		assert_eq!(interrupt.error().exit_code(), ExitCode::Interrupted);
	}

	#[test]
	fn what_is_held_ends_at_the_second_time() {
		let interrupt = Interrupt::default();
		interrupt.hold("wait");
		assert_eq!(interrupt.press().as_deref(), Some("wait"));
		assert!(!interrupt.has_happened());
		assert_eq!(interrupt.press(), None);
		assert!(interrupt.has_happened());
	}

	#[test]
	fn a_release_tells_of_the_first_time() {
		let interrupt = Interrupt::default();
		interrupt.hold("wait");
		assert!(!interrupt.release(), "nothing was pressed");
		interrupt.hold("wait");
		assert!(interrupt.press().is_some());
		assert!(interrupt.release());
		assert_eq!(interrupt.press(), None, "nothing is held any more");
	}

	#[tokio::test(start_paused = true)]
	async fn a_command_has_time_to_say_goodbye() {
		let interrupt = Interrupt::default();
		interrupt.press();
		let begun = tokio::time::Instant::now();
		interrupt.over().await;
		assert!(begun.elapsed() >= GOODBYE && begun.elapsed() < PATIENCE);
	}
}
