//! What the tests of the executors share: an engine, images made on the spot, and requests.
#![allow(dead_code, unused_imports, unused_macros, missing_docs, clippy::unwrap_used)]

use lilypad_primitives::{manifest::VerifiedPart, MachineSpec, Platform, RuntimeImage, Status};
use lilypad_worker::{
	executor::*,
	output::{self, Collected},
};
use sha2::{Digest, Sha256};
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
	process::Command,
	sync::atomic::{AtomicU32, Ordering},
};
use tokio_util::sync::CancellationToken;

/// Says no to tests that need an engine, aloud. Without this variable a missing engine is a failure.
pub const NO_ENGINE: &str = "LILYPAD_NO_ENGINE";

static RUNS: AtomicU32 = AtomicU32::new(0);

/// A name that no other test has.
pub fn run_id() -> RunId {
	let n = RUNS.fetch_add(1, Ordering::Relaxed);
	RunId::new(format!("lilypad-test-{}-{n}", std::process::id())).unwrap()
}

pub fn repository() -> PathBuf {
	Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().into()
}

/// The engine; started if none runs. `None` only when somebody asked for tests without one.
pub async fn docker() -> Option<DockerExecutor> {
	if std::env::var_os(NO_ENGINE).is_some() {
		eprintln!("skipped: {NO_ENGINE} is set");
		return None;
	}
	if let Ok(executor) = DockerExecutor::discover().await {
		return Some(executor);
	}
	let started = Command::new(repository().join("scripts/engine.sh"))
		.arg("start")
		.output()
		.expect("the script is there");
	let said = String::from_utf8_lossy(&started.stderr).into_owned();
	assert!(
		started.status.success(),
		"no container engine: start one, or set {NO_ENGINE}=1 to go without. {said}"
	);
	let endpoint = String::from_utf8(started.stdout).unwrap();
	Some(
		DockerExecutor::connect(endpoint.trim())
			.await
			.expect("the engine that was just started answers"),
	)
}

/// An image: its archive and its id.
pub struct Image {
	pub file: tempfile::NamedTempFile,
	pub id: [u8; 32],
}

impl Image {
	pub fn runtime(&self) -> RuntimeImage {
		RuntimeImage::Container {
			platform: Platform::ContainerAmd64,
			image: self.id,
		}
	}

	pub fn source(&self) -> PreparedSource {
		PreparedSource {
			image: self.runtime(),
			file: Some(self.file.path().into()),
			reference: None,
		}
	}
}

/// An image with busybox, whose configuration wants everything that jobs must not get: root, a volume, a health check.
pub fn busybox() -> Image {
	busybox_with(serde_json::json!({
		"User": "0:0",
		"Env": ["FROM_IMAGE=yes", "PATH=/bin"],
		"Volumes": { "/volume": {} },
		"Entrypoint": ["/bin/false"],
		"Healthcheck": { "Test": ["CMD", "/bin/touch", "/outputs/health"], "Interval": 1_000_000_000u64 },
	}))
}

pub fn busybox_with(config: serde_json::Value) -> Image {
	let program = ["/bin/busybox", "/usr/bin/busybox"]
		.iter()
		.find(|p| Path::new(p).exists());
	let program = std::fs::read(program.expect("the package busybox-static is installed")).unwrap();
	let mut layer = tar::Builder::new(Vec::new());
	let mut add = |name: &str, kind, mode, link: Option<&str>, bytes: &[u8]| {
		let mut header = tar::Header::new_ustar();
		header.set_entry_type(kind);
		header.set_mode(mode);
		header.set_size(bytes.len() as u64);
		match link {
			Some(target) => layer.append_link(&mut header, name, target).unwrap(),
			None => layer.append_data(&mut header, name, bytes).unwrap(),
		}
	};
	use tar::EntryType::{Directory, Regular, Symlink};
	for folder in ["bin/", "etc/", "opt/"] {
		add(folder, Directory, 0o777, None, &[]);
	}
	add("bin/busybox", Regular, 0o4755, None, &program);
	for tool in [
		"sh", "cat", "id", "yes", "dd", "sleep", "env", "ls", "printf", "echo", "mkdir", "ln", "touch",
		"false", "head", "wc", "tail", "seq", "kill", "hostname", "pwd",
	] {
		add(&format!("bin/{tool}"), Symlink, 0o777, Some("busybox"), &[]);
	}
	add("etc/not-a-program", Regular, 0o644, None, b"text");
	let layer = layer.into_inner().unwrap();
	pack(config, &layer)
}

fn pack(config: serde_json::Value, layer: &[u8]) -> Image {
	let layer_id = hex::encode(Sha256::digest(layer));
	let config = serde_json::json!({
		"architecture": "amd64", "os": "linux", "config": config,
		"rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_id}")] },
	})
	.to_string();
	let id: [u8; 32] = Sha256::digest(&config).into();
	let manifest =
		serde_json::json!([{ "Config": "config.json", "RepoTags": null, "Layers": ["layer.tar"] }])
			.to_string();
	let mut archive = tar::Builder::new(tempfile::NamedTempFile::new().unwrap());
	for (name, bytes) in [
		("config.json", config.as_bytes()),
		("layer.tar", layer),
		("manifest.json", manifest.as_bytes()),
	] {
		let mut header = tar::Header::new_ustar();
		header.set_size(bytes.len() as u64);
		header.set_mode(0o644);
		archive.append_data(&mut header, name, bytes).unwrap();
	}
	Image {
		file: archive.into_inner().unwrap(),
		id,
	}
}

pub fn request(work_dir: &Path, image: RuntimeImage, command: &[&str]) -> RunRequest {
	RunRequest {
		run_id: run_id(),
		image,
		command: command.iter().map(|arg| (*arg).into()).collect(),
		env: BTreeMap::new(),
		working_dir: None,
		conditions: Conditions::Usual,
		inputs: Vec::new(),
		spec: MachineSpec::new(1000, 64, 32),
		time_limit: 60_000,
		outputs: vec!["/outputs".into()],
		verified: vec![
			VerifiedPart::ExitCode,
			VerifiedPart::Stdout,
			VerifiedPart::Outputs,
		],
		limits: OutputLimits::PROTOCOL,
		work_dir: work_dir.into(),
	}
}

pub fn text(path: &Path) -> String {
	String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

/// A program, run to its end.
pub struct Ran {
	pub outcome: RunOutcome,
	pub collected: Collected,
	pub dir: tempfile::TempDir,
}

impl Ran {
	pub fn stdout(&self) -> String {
		text(&self.outcome.stdout)
	}

	pub fn stderr(&self) -> String {
		text(&self.outcome.stderr)
	}

	#[track_caller]
	pub fn is(&self, status: Status) -> &Self {
		let said = (self.stderr_if_any(), &self.outcome.detail, &self.collected.detail);
		assert_eq!(self.collected.triple.status, status, "{said:?}");
		self
	}

	fn stderr_if_any(&self) -> String {
		std::fs::read(&self.outcome.stderr)
			.map(|b| String::from_utf8_lossy(&b).into_owned())
			.unwrap_or_default()
	}

	pub fn names(&self) -> Vec<&str> {
		self.collected.entries.iter().map(|e| e.name.as_str()).collect()
	}
}

/// Runs a request that `change` made of the usual one, collects its outputs and cleans up.
pub async fn run(
	executor: &dyn Executor,
	image: RuntimeImage,
	command: &[&str],
	change: impl FnOnce(&mut RunRequest),
) -> Ran {
	let dir = tempfile::tempdir().unwrap();
	let mut request = request(dir.path(), image, command);
	change(&mut request);
	let outcome = executor.run(&request, CancellationToken::new()).await;
	executor.cleanup(&request.run_id).await.expect("cleaned up");
	let outcome = outcome.expect("the machine is not at fault");
	let collected = output::collect(&outcome, &request.verified, &request.limits)
		.await
		.expect("read");
	Ran {
		outcome,
		collected,
		dir,
	}
}

pub fn progress() -> ProgressSender {
	ProgressSender::new(Progress::default())
}

/// Texts that shells, templates and terminals would make something else of.
pub fn hostile_texts() -> Vec<String> {
	vec![
		"a=b=c".into(),
		"\"double\" 'single' `back` \\".into(),
		"two\nlines\n".into(),
		"\ttab \r return \x1b[31m red \x07".into(),
		"🐮 ümläut \u{202e} backwards".into(),
		"$(rm -rf /) ${HOME} && reboot; exit 3 | cat > /etc/passwd &".into(),
		"{{Message}} %s %n --help -rf *".into(),
		String::new(),
		"x".repeat(2048),
	]
}

/// The engine with busybox in it.
pub async fn engine_with_busybox() -> Option<(DockerExecutor, RuntimeImage)> {
	let executor = docker().await?;
	let image = busybox();
	executor
		.prepare(&image.source(), &progress())
		.await
		.expect("loaded");
	Some((executor, image.runtime()))
}

macro_rules! ready {
	() => {
		match engine_with_busybox().await {
			Some(ready) => ready,
			None => return,
		}
	};
}
pub(crate) use ready;

pub async fn shell(executor: &DockerExecutor, image: RuntimeImage, script: &str) -> Ran {
	run(executor, image, &["/bin/sh", "-c", script], |_| ()).await
}
