//! Finding the engine and talking to it.

use super::super::ExecError;
use bollard::{errors::Error, Docker, API_DEFAULT_VERSION};
use std::{path::Path, time::Duration};

/// Seconds that the engine has for an answer. Creating a container on a busy disk can take long.
const TIMEOUT_SECS: u64 = 120;
/// How long an engine has to say that it is there.
const HELLO: Duration = Duration::from_secs(10);

/// An engine that answered.
#[derive(Clone, Debug)]
pub(super) struct Engine {
	pub(super) docker: Docker,
	pub(super) endpoint: String,
	pub(super) name: String,
	pub(super) version: String,
	pub(super) architecture: String,
}

/// Where engines listen: `DOCKER_HOST` alone when it is set, and otherwise the sockets of Docker and Podman, root's and
/// the user's.
pub fn candidates() -> Vec<String> {
	if let Some(host) = std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty()) {
		return vec![host];
	}
	let mut sockets = vec!["/var/run/docker.sock".to_string()];
	let runtime = std::env::var("XDG_RUNTIME_DIR")
		.ok()
		.filter(|dir| Path::new(dir).is_absolute());
	if let Some(dir) = &runtime {
		sockets.push(format!("{dir}/docker.sock"));
		sockets.push(format!("{dir}/docker/docker.sock"));
		sockets.push(format!("{dir}/podman/podman.sock"));
	}
	sockets.push("/run/podman/podman.sock".into());
	sockets.into_iter().map(|path| format!("unix://{path}")).collect()
}

impl Engine {
	/// The first of these endpoints that answers. The reason is the last one's when none does.
	pub(super) async fn find(endpoints: &[String]) -> Result<Self, ExecError> {
		let mut why = None;
		for endpoint in endpoints {
			match Self::connect(endpoint).await {
				Ok(engine) => return Ok(engine),
				// A socket that is there and does not answer says more than one that is not there.
				Err(e) if why.is_none() || exists(endpoint) => why = Some(e),
				Err(_) => (),
			}
		}
		match why {
			Some(e) if endpoints.len() == 1 || endpoints.iter().any(|e| exists(e)) => Err(e),
			_ => Err(ExecError::NoEngine {
				tried: endpoints.to_vec(),
			}),
		}
	}

	/// Connects, and asks who is there.
	pub(super) async fn connect(endpoint: &str) -> Result<Self, ExecError> {
		let unavailable = |why: String| ExecError::EngineUnavailable {
			endpoint: endpoint.into(),
			why,
		};
		let docker = match endpoint.strip_prefix("unix://") {
			Some(path) => Docker::connect_with_unix(path, TIMEOUT_SECS, API_DEFAULT_VERSION),
			None => Docker::connect_with_host(endpoint),
		}
		.map_err(|e| unavailable(e.to_string()))?;
		let hello = async {
			let docker = docker.negotiate_version().await?;
			let version = docker.version().await?;
			Ok::<_, Error>((docker, version))
		};
		let (docker, version) = tokio::time::timeout(HELLO, hello)
			.await
			.map_err(|_| unavailable("no answer within ten seconds".into()))?
			.map_err(|e| unavailable(deepest(&e)))?;
		let components = version.components.unwrap_or_default();
		let is_podman = components
			.iter()
			.any(|c| c.name.to_ascii_lowercase().contains("podman"));
		Ok(Self {
			docker,
			endpoint: endpoint.into(),
			name: if is_podman { "Podman" } else { "Docker" }.into(),
			version: version.version.unwrap_or_else(|| "of an unknown version".into()),
			architecture: version.arch.unwrap_or_default(),
		})
	}

	pub(super) fn is_podman(&self) -> bool {
		self.name == "Podman"
	}

	/// A processor to pin a container to, where the engine can do that: without root, Podman mostly can't.
	pub(super) async fn a_core(&self) -> Option<usize> {
		let info = self.docker.info().await.ok()?;
		if info.cpu_set != Some(true) {
			return None;
		}
		let ours = rustix::thread::sched_getaffinity(None).ok()?;
		(0..rustix::thread::CpuSet::MAX_CPU).find(|core| ours.is_set(*core))
	}

	/// What an error of the client means. `what` completes "the engine refused to …".
	pub(super) fn error(&self, what: &str) -> impl FnOnce(Error) -> ExecError + '_ {
		let what = what.to_string();
		move |error| match error {
			Error::DockerResponseServerError { message, .. } => ExecError::Engine { what, why: message },
			Error::DockerStreamError { error } => ExecError::Engine { what, why: error },
			Error::JsonDataError { message, .. } => ExecError::Engine { what, why: message },
			other => ExecError::EngineUnavailable {
				endpoint: self.endpoint.clone(),
				why: deepest(&other),
			},
		}
	}
}

fn exists(endpoint: &str) -> bool {
	endpoint
		.strip_prefix("unix://")
		.is_some_and(|path| Path::new(path).exists())
}

/// The HTTP status of an engine's refusal.
pub(super) fn status_of(error: &Error) -> Option<u16> {
	match error {
		Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
		_ => None,
	}
}

/// What lies at the bottom of an error: "client error (Connect)" helps nobody.
fn deepest(error: &dyn std::error::Error) -> String {
	let mut error = error;
	while let Some(source) = error.source() {
		error = source;
	}
	error.to_string()
}
