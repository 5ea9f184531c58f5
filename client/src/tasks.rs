//! Tasks of a service that stand and fall together: when one ends, all are asked to, and the service says which and why.

use std::{collections::HashMap, fmt::Display, future::Future};
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

/// A task that must not end has ended.
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

	/// Waits until one fails or the shutdown is asked for, then until all have ended.
	pub async fn run(mut self) -> Result<(), E> {
		let mut first = Ok(());
		while let Some(ended) = self.set.join_next_with_id().await {
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
			self.shutdown.cancel();
		}
		first
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
