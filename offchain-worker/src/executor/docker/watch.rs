//! Following a run to its end, and judging it.
//!
//! While it runs, five things are waited for: its end, too much output, too much disk, the time limit, and the worker's own
//! wish to cancel. What it writes is `capture`'s affair.
//!
//! **An end from outside is no result.** When the engine shuts down, or somebody stops the container, a program may end
//! early, even with exit code 0. The engine's own events tell: a run whose container was sent a signal that did not come
//! from here is [`ExecError::Interrupted`]; so is one that ended while nobody watched, when the engine no longer knows how.

use super::{
	super::{disk, *},
	capture::Attached,
	engine::{status_of, Engine},
	memory::Peak,
	time,
};
use bollard::{
	errors::Error,
	models::{ContainerInspectResponse, ContainerState, ContainerStateStatusEnum},
	query_parameters::{
		EventsOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder,
		WaitContainerOptionsBuilder,
	},
};
use futures::StreamExt;
use std::{collections::HashMap, sync::atomic::AtomicU64, time::Duration};

/// How long a killed container may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(60);

/// Where a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
	/// Made, never started.
	Created,
	/// Started, not ended.
	Running,
	/// Ended.
	Ended,
}

impl Phase {
	pub(super) fn of(state: &ContainerState) -> Self {
		use ContainerStateStatusEnum::*;
		match state.status {
			Some(RUNNING | PAUSED | RESTARTING) => Self::Running,
			Some(CREATED) => Self::Created,
			// Podman calls it "configured" or "initialized", which the client does not know.
			_ if state.running == Some(true) => Self::Running,
			_ if state
				.started_at
				.as_deref()
				.and_then(time::parse_rfc3339)
				.is_none() =>
			{
				Self::Created
			},
			_ => Self::Ended,
		}
	}
}

/// What a run was seen to use.
#[derive(Debug, Default)]
struct Seen {
	memory: Peak,
	disk: AtomicU64,
}

/// Why a run is over.
enum End {
	/// By itself.
	Exited,
	/// It broke a limit.
	Limit(Status, String),
	/// The worker wants it so.
	Cancelled,
}

impl Engine {
	/// All that the engine tells of a container.
	async fn inspect(&self, name: &str) -> Result<Option<ContainerInspectResponse>, ExecError> {
		match self
			.docker
			.inspect_container(name, None::<InspectContainerOptions>)
			.await
		{
			Ok(found) => Ok(Some(found)),
			Err(e) if status_of(&e) == Some(404) => Ok(None),
			Err(e) => Err(self.error("look at the container")(e)),
		}
	}

	/// The state and labels of a container.
	pub(super) async fn state_and_labels(
		&self,
		name: &str,
	) -> Result<Option<(ContainerState, HashMap<String, String>)>, ExecError> {
		Ok(self.inspect(name).await?.map(|found| {
			let labels = found.config.and_then(|c| c.labels).unwrap_or_default();
			(found.state.unwrap_or_default(), labels)
		}))
	}

	/// The state of a container.
	pub(super) async fn state(&self, name: &str) -> Result<Option<ContainerState>, ExecError> {
		Ok(self.state_and_labels(name).await?.map(|(state, _)| state))
	}

	/// The id and state of a container that must be there.
	async fn state_of(&self, request: &RunRequest) -> Result<(String, ContainerState), ExecError> {
		let gone = || ExecError::Interrupted {
			run: request.run_id.clone(),
			why: "its container is gone".into(),
		};
		let found = self.inspect(request.run_id.as_str()).await?.ok_or_else(gone)?;
		Ok((found.id.unwrap_or_default(), found.state.unwrap_or_default()))
	}

	/// Follows a started container to its end. `watched`: it was running when this began. `attached`: since its start.
	pub(super) async fn follow(
		&self,
		request: &RunRequest,
		cancel: CancellationToken,
		watched: bool,
		mut attached: Option<Attached>,
	) -> Result<RunOutcome, ExecError> {
		let name = request.run_id.as_str();
		let (id, state) = self.state_of(request).await?;
		let started = state
			.started_at
			.as_deref()
			.and_then(time::parse_rfc3339)
			.unwrap_or_else(time::now);
		let since_start = attached.is_some();
		let seen = Seen::default();
		let end = tokio::select! {
			end = self.wait_for_end(request, started, &cancel, &seen.disk, attached.as_mut()) => end?,
			() = seen.memory.watch(&id, state.pid.unwrap_or(0)) => End::Exited,
		};
		if !matches!(end, End::Exited) {
			// An engine does not let a container end while somebody who asked for its output does not take it.
			attached = None;
			self.kill(name).await?;
		}
		if matches!(end, End::Cancelled) {
			return Err(ExecError::Cancelled);
		}
		let state = self.settled_state(request).await?;
		let ended = state
			.finished_at
			.as_deref()
			.and_then(time::parse_rfc3339)
			.unwrap_or_else(time::now);
		// A run that is too short for the clock is still one.
		let usage = u64::try_from(ended - started).unwrap_or(0).max(1);
		let memory = seen.memory.of_run(usage, ended);
		let saved = self.save_output(request, attached).await;
		let outcome = match end {
			// What there is of its output is a courtesy then.
			End::Limit(status, why) => RunOutcome::new(request, status, 0, usage).because(why),
			_ => {
				self.judge(request, &state, started, usage, watched, saved)
					.await?
			},
		};
		Ok(RunOutcome {
			memory,
			// What it used before this worker took it up is not known.
			peak_disk: match since_start {
				true => outcome.peak_disk.map(|last| last.max(seen.disk.into_inner())),
				false => None,
			},
			..outcome
		})
	}

	/// How a run that ended by itself ended.
	async fn judge(
		&self,
		request: &RunRequest,
		state: &ContainerState,
		started: i64,
		usage: Millis,
		watched: bool,
		saved: Result<Option<String>, ExecError>,
	) -> Result<RunOutcome, ExecError> {
		let new = |status, code| RunOutcome::new(request, status, code, usage);
		if state.oom_killed == Some(true) {
			return Ok(new(Status::MemoryExceeded, 0)
				.because(format!("it used more than {} MiB", request.spec.ram_mib)));
		}
		self.check_own_end(request, started, watched).await?;
		if usage > request.time_limit {
			return Ok(new(Status::TimeExceeded, 0).because(time_limit_text(request)));
		}
		if let Some(why) = saved? {
			return Ok(new(Status::OutputExceeded, 0).because(why));
		}
		let dir = request.disk_dir();
		let limit = request.disk_bytes();
		let used = tokio::task::spawn_blocking(move || disk::usage_of(&dir, limit))
			.await
			.unwrap_or_default();
		if used.bytes > limit {
			return Ok(new(Status::DiskExceeded, 0).because(disk_limit_text(request)));
		}
		let new = |status, code| RunOutcome {
			peak_disk: Some(used.bytes),
			..new(status, code)
		};
		let code = state.exit_code.unwrap_or(0);
		match state.error.as_deref().filter(|e| !e.is_empty()) {
			Some(why) if matches!(code, 126..=128) => Ok(new(Status::JobError, 0).because(why)),
			_ => Ok(new(Status::Completed, i32::try_from(code).unwrap_or(-1))),
		}
	}

	async fn wait_for_end(
		&self,
		request: &RunRequest,
		started: i64,
		cancel: &CancellationToken,
		peak_disk: &AtomicU64,
		attached: Option<&mut Attached>,
	) -> Result<End, ExecError> {
		let name = request.run_id.as_str();
		let elapsed = u64::try_from(time::now() - started).unwrap_or(0);
		let left = Duration::from_millis(request.time_limit.saturating_sub(elapsed));
		let disk_dir = request.disk_dir();
		let excess = async {
			match attached {
				Some(attached) => attached.pump().await,
				None => Ok(self.wait_for_excess_output(request).await),
			}
		};
		tokio::select! {
			biased;
			exited = self.wait_for_exit(name) => exited.map(|()| End::Exited),
			() = cancel.cancelled() => Ok(End::Cancelled),
			() = tokio::time::sleep(left) => Ok(End::Limit(Status::TimeExceeded, time_limit_text(request))),
			why = excess => Ok(End::Limit(Status::OutputExceeded, why?)),
			() = disk::wait_until_exceeded(&disk_dir, request.disk_bytes(), peak_disk) =>
				Ok(End::Limit(Status::DiskExceeded, disk_limit_text(request))),
		}
	}

	/// Ends when the container does.
	async fn wait_for_exit(&self, name: &str) -> Result<(), ExecError> {
		loop {
			let options = WaitContainerOptionsBuilder::default()
				.condition("not-running")
				.build();
			let mut answers = std::pin::pin!(self.docker.wait_container(name, Some(options)));
			match answers.next().await {
				// An exit code other than 0 comes as an error.
				Some(Ok(_) | Err(Error::DockerContainerWaitError { .. })) => return Ok(()),
				Some(Err(e)) if status_of(&e) == Some(404) => return Ok(()),
				// Some engines only answer at the end, which may be later than the client's patience.
				Some(Err(Error::RequestTimeoutError)) | None => (),
				Some(Err(e)) => return Err(self.error("wait for the container")(e)),
			}
			match self.state(name).await? {
				Some(state) if Phase::of(&state) == Phase::Running => {
					tokio::time::sleep(Duration::from_millis(200)).await
				},
				_ => return Ok(()),
			}
		}
	}

	/// Kills a container and waits until it is gone.
	async fn kill(&self, name: &str) -> Result<(), ExecError> {
		let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
		match self.docker.kill_container(name, Some(options)).await {
			Ok(()) => (),
			// It ended, or was removed, in the same moment.
			Err(e) if matches!(status_of(&e), Some(404 | 409)) => (),
			Err(e) => return Err(self.error("kill the container")(e)),
		}
		match tokio::time::timeout(KILL_TIMEOUT, self.wait_for_exit(name)).await {
			Ok(ended) => ended,
			Err(_) => Err(ExecError::Engine {
				what: "kill the container".into(),
				why: "it is still running".into(),
			}),
		}
	}

	/// The state after the end. Engines hear of a kill for memory separately from the end, and sometimes later.
	async fn settled_state(&self, request: &RunRequest) -> Result<ContainerState, ExecError> {
		let (_, mut state) = self.state_of(request).await?;
		for _ in 0..5 {
			let may_be_late = state.exit_code == Some(137) && state.oom_killed != Some(true);
			if Phase::of(&state) == Phase::Ended && !may_be_late {
				break;
			}
			tokio::time::sleep(Duration::from_millis(100)).await;
			(_, state) = self.state_of(request).await?;
		}
		Ok(state)
	}

	/// Fails when the container was ended from outside, or when that can't be known.
	async fn check_own_end(
		&self,
		request: &RunRequest,
		started: i64,
		watched: bool,
	) -> Result<(), ExecError> {
		let interrupted = |why: &str| ExecError::Interrupted {
			run: request.run_id.clone(),
			why: why.into(),
		};
		// By its id: the name may have been another container's a moment ago.
		let (id, _) = self.state_of(request).await?;
		for attempt in 0..10 {
			if attempt > 0 {
				tokio::time::sleep(Duration::from_millis(100)).await;
			}
			let actions = self.actions(&id, started).await?;
			if actions.iter().any(|a| matches!(a.as_str(), "kill" | "stop")) {
				return Err(interrupted("its container was sent a signal"));
			}
			if watched || actions.iter().any(|a| matches!(a.as_str(), "die" | "died")) {
				return Ok(());
			}
		}
		Err(interrupted("it ended while nobody watched"))
	}

	/// What happened to a container since it was started, as far as the engine remembers.
	async fn actions(&self, id: &str, since: i64) -> Result<Vec<String>, ExecError> {
		let filters = HashMap::from([("container", vec![id])]);
		let until = time::now();
		let stamp = |millis: i64| format!("{}.{:03}", millis / 1000, millis % 1000);
		let options = EventsOptionsBuilder::default()
			.since(&stamp(since - 1000))
			.until(&stamp(until))
			.filters(&filters)
			.build();
		let mut events = std::pin::pin!(self.docker.events(Some(options)));
		let mut actions = Vec::new();
		while let Some(event) = events.next().await {
			actions.extend(
				event
					.map_err(self.error("tell what happened to the container"))?
					.action,
			);
		}
		Ok(actions)
	}
}

fn time_limit_text(request: &RunRequest) -> String {
	format!("it ran longer than {} ms", request.time_limit)
}

fn disk_limit_text(request: &RunRequest) -> String {
	format!("it used more than {} MiB of disk", request.spec.disk_mib)
}
