//! Tasks of a service that stand and fall together: when one ends, all are asked to, and the service says which and why.

use std::{collections::HashMap, fmt::Display, future::Future, time::Duration};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// How long tasks may take to end once they are asked to: less than service managers wait before they kill.
const GRACE: Duration = Duration::from_secs(60);

/// A task that must not end has ended, or one that must has not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the task '{task}' failed: {why}")]
pub struct TaskEnded {
	/// Its name.
	pub task: String,
	/// What happened.
	pub why: String,
}

/// See the module. `E` is the service's own error.
pub struct Tasks<E> {
	set: JoinSet<Result<(), E>>,
	names: HashMap<Id, String>,
	shutdown: CancellationToken,
}

impl<E: From<TaskEnded> + Display + Send + 'static> Tasks<E> {
	/// None yet. They end when `shutdown` is cancelled, and it is cancelled when one of them ends.
	pub fn new(shutdown: CancellationToken) -> Self {
		Self {
			set: JoinSet::new(),
			names: HashMap::new(),
			shutdown,
		}
	}

	/// Starts one.
	pub fn spawn(
		&mut self,
		name: impl Into<String>,
		task: impl Future<Output = Result<(), E>> + Send + 'static,
	) {
		let handle = self.set.spawn(task);
		self.names.insert(handle.id(), name.into());
	}

	/// Waits until one fails or the shutdown is asked for, then until all have ended. Those that have not after a minute are
	/// aborted, which is an error, too.
	pub async fn run(self) -> Result<(), E> {
		self.run_with(GRACE).await
	}

	async fn run_with(mut self, grace: Duration) -> Result<(), E> {
		let mut first = Ok(());
		let shutdown = self.shutdown.clone();
		let overdue = async {
			shutdown.cancelled().await;
			tokio::time::sleep(grace).await;
		};
		tokio::pin!(overdue);
		loop {
			let next = tokio::select! {
				next = self.set.join_next_with_id() => next,
				() = &mut overdue => return first.and(Err(self.late(grace))),
			};
			let Some(ended) = next else { break };
			let (id, result) = match ended {
				Ok((id, result)) => (id, result),
				Err(error) => (error.id(), Err(self.ended(error.id(), error.to_string()))),
			};
			let result = match result {
				Ok(()) if !self.shutdown.is_cancelled() => Err(self.ended(id, "it ended".into())),
				other => other,
			};
			if let Err(error) = result {
				let task = self.names.get(&id).map_or("unknown", String::as_str);
				tracing::error!(task, %error, "the service stops");
				first = first.and(Err(error));
			}
			self.names.remove(&id);
			self.shutdown.cancel();
		}
		first
	}

	fn late(&self, grace: Duration) -> E {
		let mut names = self.names.values().map(String::as_str).collect::<Vec<_>>();
		names.sort_unstable();
		let late = TaskEnded {
			task: names.join(", "),
			why: format!("it did not end within {} s of the shutdown", grace.as_secs()),
		};
		tracing::error!(error = %late, "aborted");
		late.into()
	}

	fn ended(&self, id: Id, why: String) -> E {
		let task = self.names.get(&id).cloned().unwrap_or_else(|| "unknown".into());
		TaskEnded { task, why }.into()
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	async fn until(shutdown: CancellationToken) -> Result<(), TaskEnded> {
		shutdown.cancelled().await;
		Ok(())
	}

	#[tokio::test]
	async fn a_shutdown_that_was_asked_for_is_no_failure() {
		let shutdown = CancellationToken::new();
		let mut tasks = Tasks::<TaskEnded>::new(shutdown.clone());
		tasks.spawn("one", until(shutdown.clone()));
		tasks.spawn("two", until(shutdown.clone()));
		shutdown.cancel();
		assert_eq!(tasks.run().await, Ok(()));
	}

	#[tokio::test]
	async fn a_task_that_does_not_end_is_aborted_and_named() {
		let shutdown = CancellationToken::new();
		let mut tasks = Tasks::<TaskEnded>::new(shutdown.clone());
		tasks.spawn("steady", until(shutdown.clone()));
		let held = std::sync::Arc::new(());
		let holds = held.clone();
		tasks.spawn("stuck", async move {
			std::future::pending::<()>().await;
			drop(holds);
			Ok(())
		});
		shutdown.cancel();
		let error = tasks.run_with(Duration::from_millis(100)).await;
		assert_eq!(error.expect_err("one is stuck").task, "stuck");
		let aborted = async {
			while std::sync::Arc::strong_count(&held) > 1 {
				tokio::task::yield_now().await;
			}
		};
		let aborted = tokio::time::timeout(Duration::from_secs(10), aborted).await;
		aborted.expect("aborted");
	}

	#[tokio::test]
	async fn a_task_that_ends_or_panics_ends_all_and_is_named() {
		for panics in [false, true] {
			let shutdown = CancellationToken::new();
			let mut tasks = Tasks::<TaskEnded>::new(shutdown.clone());
			tasks.spawn("steady", until(shutdown.clone()));
			tasks.spawn("short", async move {
				assert!(!panics, "it panics");
				Ok(())
			});
			let error = tasks.run().await.expect_err("one ended");
			assert_eq!(error.task, "short");
			assert!(shutdown.is_cancelled());
		}
	}
}
