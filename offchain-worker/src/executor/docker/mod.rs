//! Jobs in containers, with any engine that speaks Docker's API: Docker or Podman, root's or a user's.
//!
//! `engine` finds it, `images` decides which image is meant, `container` says how a job's container is made, `watch` follows a
//! run to its end and judges it, and `capture` has what it wrote.

mod capture;
mod container;
mod engine;
mod images;
mod memory;
mod time;
mod watch;

pub use container::MAX_PROCESSES;
pub use engine::candidates;

use super::*;
use bollard::query_parameters::{
	CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
	StartContainerOptions,
};
use capture::Attached;
use container::{ImageFacts, LABEL_PURPOSE, LABEL_RUN, LABEL_UNTIL};
use engine::{status_of, Engine};
use images::Verified;
use std::{collections::HashMap, sync::RwLock};

/// Runs containers.
#[derive(Debug)]
pub struct DockerExecutor {
	/// Where to look for an engine.
	endpoints: Vec<String>,
	/// The engine that answered last.
	engine: RwLock<Option<Engine>>,
	verified: Verified,
}

impl DockerExecutor {
	/// Finds the engine: `DOCKER_HOST`, or Docker's and Podman's sockets. See [`candidates`].
	pub async fn discover() -> Result<Self, ExecError> {
		Self::with_endpoints(candidates()).await
	}

	/// Uses the engine at one endpoint: `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`.
	pub async fn connect(endpoint: &str) -> Result<Self, ExecError> {
		Self::with_endpoints(vec![endpoint.into()]).await
	}

	async fn with_endpoints(endpoints: Vec<String>) -> Result<Self, ExecError> {
		let engine = Engine::find(&endpoints).await?;
		tracing::info!(target: "lilypad::executor", engine = %engine.name, version = %engine.version, endpoint = %engine.endpoint, "container engine found");
		Ok(Self {
			endpoints,
			engine: RwLock::new(Some(engine)),
			verified: Verified::default(),
		})
	}

	/// Where the engine is.
	pub fn endpoint(&self) -> Option<String> {
		self.current().map(|e| e.endpoint)
	}

	fn current(&self) -> Option<Engine> {
		self.engine
			.read()
			.unwrap_or_else(std::sync::PoisonError::into_inner)
			.clone()
	}

	/// The engine, which is looked for again when the last answer was long ago or it has gone.
	async fn engine(&self) -> Result<Engine, ExecError> {
		match self.current() {
			Some(engine) => Ok(engine),
			None => {
				let found = Engine::find(&self.endpoints).await?;
				*self
					.engine
					.write()
					.unwrap_or_else(std::sync::PoisonError::into_inner) = Some(found.clone());
				Ok(found)
			},
		}
	}

	/// Creates and starts the container.
	async fn start(&self, engine: &Engine, request: &RunRequest) -> Result<Start, ExecError> {
		let (id, platform) = images::container_image(&request.image)?;
		let image = engine
			.find_image(&id, &self.verified)
			.await?
			.ok_or_else(|| ExecError::NotPrepared(format!("sha256:{}", hex::encode(id))))?;
		let prepared = request.clone();
		let facts = image.clone();
		tokio::task::spawn_blocking(move || make_folders(&prepared, &facts))
			.await
			.map_err(|e| ExecError::Invalid(format!("making the run's folders failed: {e}")))??;
		let core = match request.conditions {
			Conditions::Usual => None,
			Conditions::Other => engine.a_core().await,
		};
		let body = match container::body(request, &image, engine, core) {
			Ok(body) => body,
			Err(why) => return Ok(Start::JobError(why)),
		};
		let options = CreateContainerOptionsBuilder::default()
			.name(request.run_id.as_str())
			.platform(image_platform(platform))
			.build();
		engine
			.docker
			.create_container(Some(options), body)
			.await
			.map_err(|e| match engine.error("create the container")(e) {
				ExecError::Engine { why, .. } => ExecError::NotCreated { why },
				other => other,
			})?;
		self.start_created(engine, request).await
	}

	async fn start_created(&self, engine: &Engine, request: &RunRequest) -> Result<Start, ExecError> {
		let name = request.run_id.as_str();
		let attached = engine.attach(request).await?;
		let error = match engine
			.docker
			.start_container(name, None::<StartContainerOptions>)
			.await
		{
			Ok(()) => return Ok(Start::Running(Box::new(attached))),
			Err(e) => engine.error("start the container")(e),
		};
		match error {
			ExecError::Engine { why, .. } if blames_the_program(&why) => Ok(Start::JobError(why)),
			other => Err(other),
		}
	}

	async fn run_with(
		&self,
		engine: &Engine,
		request: &RunRequest,
		cancel: CancellationToken,
	) -> Result<RunOutcome, ExecError> {
		if let Some(outcome) = self.adopt_with(engine, request, cancel.clone()).await? {
			return Ok(outcome);
		}
		if cancel.is_cancelled() {
			return Err(ExecError::Cancelled);
		}
		let start = self.start(engine, request).await?;
		engine.follow_start(request, cancel, start).await
	}

	async fn adopt_with(
		&self,
		engine: &Engine,
		request: &RunRequest,
		cancel: CancellationToken,
	) -> Result<Option<RunOutcome>, ExecError> {
		let name = request.run_id.as_str();
		let Some((state, labels)) = engine.state_and_labels(name).await? else {
			return Ok(None);
		};
		if labels.get(LABEL_PURPOSE) != Some(&container::purpose(request)) {
			// The name is this worker's own, so nobody else waits for it: another version of the worker made it, say.
			tracing::warn!(target: "lilypad::executor", run = name, "removing a container of this name that was made for something else");
			engine.remove(name).await?;
			return Ok(None);
		}
		match watch::Phase::of(&state) {
			// Made, and then the worker stopped before it was started: nothing of it has run.
			watch::Phase::Created => {
				let start = self.start_created(engine, request).await?;
				engine.follow_start(request, cancel, start).await.map(Some)
			},
			watch::Phase::Running => engine.follow(request, cancel, true, None).await.map(Some),
			watch::Phase::Ended => match engine.follow(request, cancel, false, None).await {
				// Nobody knows how it ended, or what it wrote: it is as if it had never run.
				Err(ExecError::Interrupted { why, .. }) => {
					tracing::info!(target: "lilypad::executor", run = name, why, "discarding an interrupted run");
					engine.remove(name).await?;
					Ok(None)
				},
				other => other.map(Some),
			},
		}
	}

	/// Forgets the engine when it is gone, so that the next call looks for it again.
	fn noticing<T>(&self, result: Result<T, ExecError>) -> Result<T, ExecError> {
		if matches!(result, Err(ExecError::EngineUnavailable { .. })) {
			*self
				.engine
				.write()
				.unwrap_or_else(std::sync::PoisonError::into_inner) = None;
		}
		result
	}
}

#[async_trait::async_trait]
impl Executor for DockerExecutor {
	fn platforms(&self) -> Vec<Platform> {
		match self.current().map(|e| e.architecture).as_deref() {
			Some("amd64" | "x86_64") => vec![Platform::ContainerAmd64],
			Some("arm64" | "aarch64") => vec![Platform::ContainerArm64],
			_ => Vec::new(),
		}
	}

	fn describe(&self) -> String {
		match self.current() {
			Some(engine) => format!("{} {} at {}", engine.name, engine.version, engine.endpoint),
			None => "a container engine that does not answer".into(),
		}
	}

	async fn health(&self) -> Result<(), ExecError> {
		let engine = self.engine().await?;
		self.noticing(Engine::connect(&engine.endpoint).await.map(drop))
	}

	async fn has(&self, image: &RuntimeImage) -> Result<bool, ExecError> {
		let (id, _) = images::container_image(image)?;
		let engine = self.engine().await?;
		self.noticing(
			engine
				.find_image(&id, &self.verified)
				.await
				.map(|found| found.is_some()),
		)
	}

	async fn prepare(&self, source: &PreparedSource, progress: &ProgressSender) -> Result<(), ExecError> {
		let engine = self.engine().await?;
		self.noticing(engine.prepare_image(source, &self.verified, progress).await)
	}

	async fn run(&self, request: &RunRequest, cancel: CancellationToken) -> Result<RunOutcome, ExecError> {
		if let Some(why) = request.refuse() {
			return Ok(RunOutcome::new(request, Status::JobError, 0, 0).because(why));
		}
		if !request.spec.gpus.is_empty() {
			return Err(ExecError::Unsupported("it needs a GPU".into()));
		}
		let engine = self.engine().await?;
		self.noticing(self.run_with(&engine, request, cancel).await)
	}

	async fn adopt(
		&self,
		request: &RunRequest,
		cancel: CancellationToken,
	) -> Result<Option<RunOutcome>, ExecError> {
		let engine = self.engine().await?;
		self.noticing(self.adopt_with(&engine, request, cancel).await)
	}

	async fn cleanup(&self, run: &RunId) -> Result<(), ExecError> {
		let engine = self.engine().await?;
		self.noticing(engine.remove(run.as_str()).await)
	}

	async fn list_runs(&self) -> Result<Vec<RunInfo>, ExecError> {
		let engine = self.engine().await?;
		let filters = HashMap::from([("label", vec![LABEL_RUN])]);
		let options = ListContainersOptionsBuilder::default()
			.all(true)
			.filters(&filters)
			.build();
		let listed = engine
			.docker
			.list_containers(Some(options))
			.await
			.map_err(engine.error("list its containers"));
		let mut runs = Vec::new();
		for container in self.noticing(listed)? {
			let labels = container.labels.unwrap_or_default();
			let Some(Ok(run_id)) = labels.get(LABEL_RUN).map(RunId::new) else {
				continue;
			};
			let state = container.state.map(|s| s.to_string()).unwrap_or_default();
			runs.push(RunInfo {
				run_id,
				until: labels.get(LABEL_UNTIL).and_then(|text| text.parse().ok()),
				running: matches!(state.as_str(), "running" | "paused" | "restarting"),
			});
		}
		Ok(runs)
	}
}

/// What came of starting a container.
enum Start {
	/// It runs, and this worker is connected to it.
	Running(Box<Attached>),
	/// The job itself is at fault.
	JobError(String),
}

impl Engine {
	async fn follow_start(
		&self,
		request: &RunRequest,
		cancel: CancellationToken,
		start: Start,
	) -> Result<RunOutcome, ExecError> {
		match start {
			Start::Running(attached) => self.follow(request, cancel, true, Some(*attached)).await,
			Start::JobError(why) => Ok(RunOutcome::new(request, Status::JobError, 0, 0).because(why)),
		}
	}

	/// Kills and removes a container with its log. Nothing happens when there is none.
	async fn remove(&self, name: &str) -> Result<(), ExecError> {
		let options = RemoveContainerOptionsBuilder::default()
			.force(true)
			.v(true)
			.build();
		match self.docker.remove_container(name, Some(options)).await {
			Ok(()) => Ok(()),
			Err(e) if status_of(&e) == Some(404) => Ok(()),
			// Somebody else is removing it.
			Err(e) if status_of(&e) == Some(409) => Ok(()),
			Err(e) => Err(self.error("remove the container")(e)),
		}
	}
}

/// Whether a refusal to start says that the program, or the folder it is to run in, is not there or can't be used: as runc and
/// crun have it. Anything else may be the machine's fault, and a result that is sealed for it would be a wrong one. The exit
/// code does not tell: engines give 126 and 127 for their own troubles too.
fn blames_the_program(why: &str) -> bool {
	let why = why.to_ascii_lowercase();
	let about_it = [
		"exec: \"",
		"exec user process",
		"executable file",
		"open executable",
		"chdir to cwd",
	];
	let trouble = [
		"not found",
		"no such file or directory",
		"permission denied",
		"exec format error",
		"is a directory",
		"not a directory",
	];
	let has = |known: &[&str]| known.iter().any(|text| why.contains(text));
	has(&about_it) && has(&trouble)
}

fn image_platform(platform: Platform) -> &'static str {
	crate::image::platform_name(platform)
}

/// The run's folders, emptied of what an interrupted run may have left, and inputs that the program may read.
fn make_folders(request: &RunRequest, image: &ImageFacts) -> Result<(), ExecError> {
	use std::os::unix::fs::PermissionsExt;
	let disk = request.disk_dir();
	remove_scratch(&disk).map_err(ExecError::io("emptying", &disk))?;
	make_scratch(request)?;
	disk::check_room(&disk, request.disk_bytes())?;
	for at in 0..image.volumes.len() {
		let dir = container::volume_dir(request, at);
		std::fs::create_dir_all(&dir).map_err(ExecError::io("making", &dir))?;
		let open = std::fs::Permissions::from_mode(0o777);
		std::fs::set_permissions(&dir, open).map_err(ExecError::io("opening", &dir))?;
	}
	for input in &request.inputs {
		let meta = std::fs::metadata(&input.file).map_err(ExecError::io("reading", &input.file))?;
		let mode = meta.permissions().mode();
		if mode & 0o444 != 0o444 {
			let readable = std::fs::Permissions::from_mode(mode | 0o444);
			std::fs::set_permissions(&input.file, readable).map_err(ExecError::io("opening", &input.file))?;
		}
	}
	Ok(())
}

#[cfg(test)]
mod tests {
	use super::blames_the_program;

	#[test]
	fn only_what_is_about_the_program_is_the_jobs_fault() {
		for theirs in [
			r#"OCI runtime create failed: runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown"#,
			r#"failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/etc": permission denied: unknown"#,
			"crun: executable file `nope` not found in $PATH: No such file or directory: OCI runtime attempted to invoke a command that was not found",
			r#"OCI runtime create failed: chdir to cwd ("/etc/passwd") set in config.json failed: not a directory: unknown"#,
		] {
			assert!(blames_the_program(theirs), "{theirs}");
		}
		for ours in [
			"failed to create shim task: OCI runtime create failed: unable to apply apparmor profile: open /proc/thread-self/attr/apparmor/exec: no such file or directory",
			"failed to create task: mkdir /sys/fs/cgroup/docker: permission denied",
			"failed to start shim: fork/exec /usr/bin/containerd-shim-runc-v2: no such file or directory",
			"error mounting \"/srv/x\" to rootfs: no such file or directory",
		] {
			assert!(!blames_the_program(ours), "{ours}");
		}
	}
}
