//! What runs a job: one trait, a container engine or the embedded WebAssembly engine behind it.
//!
//! An executor is handed what was agreed on the chain and says how it ended. It knows nothing of chain, deals or money.
//! The job's own faults are a [`RunOutcome`] with a [`Status`] other than `Completed`; an [`ExecError`] is the machine's
//! fault, or the operator's, and never says anything about the job.
//!
//! `run` is safe to call again: it takes up a run of the same id that was started before, so that a worker that was
//! killed in the middle neither loses a run nor starts it twice.

mod disk;
pub mod docker;
pub mod wasm;

pub use disk::{free_bytes, remove_scratch, usage_of, DiskUsage};
pub use docker::DockerExecutor;
pub use wasm::WasmExecutor;

use crate::image::ImageError;
use lilypad_primitives::{manifest::VerifiedPart, MachineSpec, Millis, Platform, RuntimeImage, Status};
use std::{
	collections::BTreeMap,
	path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// Environment that every program gets unless its image or manifest says otherwise.
pub const BASE_ENV: [(&str, &str); 4] = [
	("HOME", "/tmp"),
	("LANG", "C.UTF-8"),
	(
		"PATH",
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	),
	("TZ", "UTC"),
];

/// Least memory that engines make a container with, in MiB.
pub(crate) const MIN_CONTAINER_MIB: u32 = 6;

/// Something that runs jobs.
#[async_trait::async_trait]
pub trait Executor: Send + Sync {
	/// What it runs. Empty while its engine does not answer.
	fn platforms(&self) -> Vec<Platform>;

	/// What it is, for people: `Docker 20.10.24 at unix:///var/run/docker.sock`.
	fn describe(&self) -> String;

	/// Whether it could run a job now.
	async fn health(&self) -> Result<(), ExecError>;

	/// Whether this image or code is here, so that nothing need be fetched.
	async fn has(&self, image: &RuntimeImage) -> Result<bool, ExecError>;

	/// Makes an image or code available, having checked that it is what its digest says. Does nothing when it is here.
	async fn prepare(&self, source: &PreparedSource, progress: &ProgressSender) -> Result<(), ExecError>;

	/// Runs a job to its end, or takes up a run of the same id. Cancelling kills it and gives [`ExecError::Cancelled`];
	/// dropping the future leaves a container running, to be taken up later.
	async fn run(&self, request: &RunRequest, cancel: CancellationToken) -> Result<RunOutcome, ExecError>;

	/// Takes up a run that was started before: one that still runs, or one that ended meanwhile. `None` when there is
	/// none.
	async fn adopt(
		&self,
		request: &RunRequest,
		cancel: CancellationToken,
	) -> Result<Option<RunOutcome>, ExecError>;

	/// Kills a run if it still runs, and forgets it. The scratch folder is the caller's: see [`remove_scratch`].
	async fn cleanup(&self, run: &RunId) -> Result<(), ExecError>;

	/// Every run that was not cleaned up, of this worker and of others that use the same engine.
	async fn list_runs(&self) -> Result<Vec<RunInfo>, ExecError>;
}

/// Name of a run: unique on the machine, and the name of its container (`lilypad-<worker>-<genesis>-deal-<id>-…`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
	/// Checks a name: letters, digits, `.`, `_` and `-`, beginning with a letter or digit, at most 128 bytes.
	pub fn new(name: impl Into<String>) -> Result<Self, ExecError> {
		let name = name.into();
		let plain = |b: u8| b.is_ascii_alphanumeric();
		let well_formed = name.len() <= 128
			&& name.bytes().next().is_some_and(plain)
			&& name.bytes().all(|b| plain(b) || matches!(b, b'.' | b'_' | b'-'));
		match well_formed {
			true => Ok(Self(name)),
			false => Err(ExecError::Invalid(format!("'{name}' is no name for a run"))),
		}
	}

	/// The text.
	pub fn as_str(&self) -> &str {
		&self.0
	}
}

impl std::fmt::Display for RunId {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.write_str(&self.0)
	}
}

/// An image or code, and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedSource {
	/// What it must turn out to be.
	pub image: RuntimeImage,
	/// The archive (containers) or the module (WebAssembly) on this machine.
	pub file: Option<PathBuf>,
	/// A registry's name for the image, by digest. Tried when there is no file.
	pub reference: Option<String>,
}

/// A file of the creator, as the program sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputMount {
	/// Where the program finds it: below `/inputs/`.
	pub path: String,
	/// The file on this machine. It is never written to.
	pub file: PathBuf,
}

/// How much a program may hand out.
///
/// There is one set of limits that counts, [`Self::PROTOCOL`]: exceeding one of them is a run's [`Status`], which providers
/// seal and mediators compare. A type, and not just constants, so that tests need not write gigabytes to reach a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimits {
	/// Bytes on standard output.
	pub max_stdout: u64,
	/// Bytes on standard error.
	pub max_stderr: u64,
	/// Bytes of all output files together.
	pub max_bytes: u64,
	/// Output files.
	pub max_files: u64,
	/// Folders within folders.
	pub max_depth: u32,
	/// Bytes of one file's name, folders included.
	pub max_name: usize,
}

impl OutputLimits {
	/// The limits of every run on every provider and for every mediator. They are a part of the protocol and no setting: an
	/// operator who changed them would give other results than the rest, and pay for it. A change is a new version of the
	/// manifest.
	pub const PROTOCOL: Self = Self {
		max_stdout: 8 << 20,
		max_stderr: 1 << 20,
		max_bytes: 4 << 30,
		max_files: 10_000,
		max_depth: 32,
		max_name: 1024,
	};
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequest {
	/// Its name.
	pub run_id: RunId,
	/// What to run.
	pub image: RuntimeImage,
	/// The command, one element per argument.
	pub command: Vec<String>,
	/// Environment as the manifest declares it.
	pub env: BTreeMap<String, String>,
	/// Working directory. WebAssembly has none: programs start in `/`.
	pub working_dir: Option<String>,
	/// What the program can see of its machine.
	pub conditions: Conditions,
	/// The creator's files.
	pub inputs: Vec<InputMount>,
	/// The machine it may use.
	pub spec: MachineSpec,
	/// Longest run.
	pub time_limit: Millis,
	/// Absolute paths whose files are the outputs.
	pub outputs: Vec<String>,
	/// What two honest runs must agree on.
	pub verified: Vec<VerifiedPart>,
	/// How much it may hand out.
	pub limits: OutputLimits,
	/// A folder for this run alone, on a file system with room for `spec.disk_mib`.
	pub work_dir: PathBuf,
}

/// What a program can see of its machine. WebAssembly sees nothing of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conditions {
	/// As in every run whose result counts.
	#[default]
	Usual,
	/// Others, to try whether they matter: another host name, and a single processor where the engine can pin containers.
	Other,
}

impl Conditions {
	/// What the machine is called.
	pub fn host_name(self) -> &'static str {
		match self {
			Self::Usual => "lilypad",
			Self::Other => "another",
		}
	}
}

impl RunRequest {
	/// Bytes of memory it may use.
	pub fn memory_bytes(&self) -> u64 {
		u64::from(self.spec.ram_mib) << 20
	}

	/// Bytes of disk it may use.
	pub fn disk_bytes(&self) -> u64 {
		u64::from(self.spec.disk_mib) << 20
	}

	/// Everything that the program writes: what the disk limit is for.
	pub fn disk_dir(&self) -> PathBuf {
		self.work_dir.join("disk")
	}

	/// What it wrote to standard output.
	pub fn stdout_file(&self) -> PathBuf {
		self.work_dir.join("stdout")
	}

	/// What it wrote to standard error.
	pub fn stderr_file(&self) -> PathBuf {
		self.work_dir.join("stderr")
	}

	/// The folder that holds the files of all output paths.
	pub fn outputs_dir(&self) -> PathBuf {
		self.disk_dir().join("outputs")
	}

	/// Where the files of an output path are kept: `/outputs` is the folder of outputs itself, `/outputs/x` the folder `x`
	/// in it, and `/other` the folder `other`. Names of outputs thus don't depend on how the manifest spells its paths.
	pub fn output_dir(&self, path: &str) -> PathBuf {
		let path = path.trim_start_matches('/');
		let below = match path.strip_prefix("outputs") {
			Some("") => "",
			Some(rest) if rest.starts_with('/') => &rest[1..],
			_ => path,
		};
		match below {
			"" => self.outputs_dir(),
			below => self.outputs_dir().join(below),
		}
	}

	/// What a manifest could ask for and nobody can give. A reason is the job's own fault.
	pub(crate) fn refuse(&self) -> Option<String> {
		const RESERVED: [&str; 6] = ["inputs", "proc", "sys", "dev", "tmp", "etc"];
		if self.command.is_empty() && matches!(self.image, RuntimeImage::Container { .. }) {
			return Some("the command is empty".into());
		}
		let all = self
			.command
			.iter()
			.chain(self.env.keys())
			.chain(self.env.values());
		if all.into_iter().any(|text| text.contains('\0')) {
			return Some("an argument or variable has a NUL character".into());
		}
		for path in &self.outputs {
			let first = path.split('/').nth(1).unwrap_or_default();
			if !is_clean_absolute(path) || RESERVED.contains(&first) {
				return Some(format!("'{path}' can't be an output path"));
			}
		}
		for input in &self.inputs {
			if !input.path.starts_with("/inputs/") || !is_clean_absolute(&input.path) {
				return Some(format!("'{}' can't be an input's path", input.path));
			}
			let inside = |other: &InputMount| other.path.starts_with(&format!("{}/", input.path));
			let twice = self
				.inputs
				.iter()
				.filter(|other| other.path == input.path)
				.count() > 1;
			if twice || self.inputs.iter().any(inside) {
				return Some(format!("two inputs are at '{}'", input.path));
			}
		}
		None
	}
}

/// What is known about the memory that a run needed, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryNeed {
	/// Nothing.
	Unknown,
	/// At most so much: it had so much, of which the kernel may have kept some for files only because nothing else wanted it.
	AtMost(u64),
	/// So much.
	Exactly(u64),
}

impl MemoryNeed {
	/// Whether so many bytes would have been enough. `None` when that can't be told.
	pub fn fits(self, bytes: u64) -> Option<bool> {
		match self {
			Self::Exactly(needed) => Some(needed <= bytes),
			Self::AtMost(had) if had <= bytes => Some(true),
			Self::AtMost(_) | Self::Unknown => None,
		}
	}
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOutcome {
	/// How it ended.
	pub status: Status,
	/// The program's exit code; 0 unless `Completed`.
	pub exit_code: i32,
	/// How long it ran; the time limit when it ran longer.
	pub usage: Millis,
	/// What it wrote to standard output.
	pub stdout: PathBuf,
	/// What it wrote to standard error.
	pub stderr: PathBuf,
	/// The folder with the files of all output paths. What the program put there is not to be trusted: read it with
	/// [`crate::output::collect`].
	pub outputs: PathBuf,
	/// What is known about the memory that it needed.
	pub memory: MemoryNeed,
	/// Most disk that it was seen to use, in bytes as [`usage_of`] counts them; `None` if nobody looked all the time.
	pub peak_disk: Option<u64>,
	/// Why it is not `Completed`, for people.
	pub detail: Option<String>,
}

impl RunOutcome {
	fn new(request: &RunRequest, status: Status, exit_code: i32, usage: Millis) -> Self {
		Self {
			status,
			exit_code: if status == Status::Completed { exit_code } else { 0 },
			usage: if status == Status::TimeExceeded {
				request.time_limit
			} else {
				usage.min(request.time_limit)
			},
			stdout: request.stdout_file(),
			stderr: request.stderr_file(),
			outputs: request.outputs_dir(),
			memory: MemoryNeed::Unknown,
			peak_disk: None,
			detail: None,
		}
	}

	fn because(mut self, detail: impl Into<String>) -> Self {
		self.detail = Some(detail.into());
		self
	}
}

/// A run that an engine knows of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInfo {
	/// Its name.
	pub run_id: RunId,
	/// Whether it still runs.
	pub running: bool,
	/// When nobody can be waiting for it any more, in seconds since 1970. `None` when its engine does not know.
	pub until: Option<u64>,
}

impl RunInfo {
	/// Whether its worker has left it: one that had a use for it would have removed it by now.
	pub fn is_abandoned(&self, now: Millis) -> bool {
		self.until.is_some_and(|until| now / 1000 > until)
	}
}

/// What an executor is doing that takes time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
	/// In words: `loading the image`.
	pub stage: String,
	/// Bytes done.
	pub done: u64,
	/// Bytes in all, when known.
	pub total: Option<u64>,
}

/// Where progress is reported: the latest is what counts, and nobody need listen.
pub type ProgressSender = tokio::sync::watch::Sender<Progress>;

/// Reports progress.
pub(crate) fn report(progress: &ProgressSender, stage: &str, done: u64, total: Option<u64>) {
	progress.send_replace(Progress {
		stage: stage.into(),
		done,
		total,
	});
}

/// Why a job was not run, or its run can't be judged. Never the job's own fault.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
	/// No engine was found.
	#[error("no container engine was found (tried {}): install Docker or Podman and start it, or set DOCKER_HOST", tried.join(", "))]
	NoEngine {
		/// Where one was looked for.
		tried: Vec<String>,
	},
	/// The engine does not answer.
	#[error("the container engine at {endpoint} does not answer ({why}): start it, and the worker goes on by itself")]
	EngineUnavailable {
		/// Where it is.
		endpoint: String,
		/// What happened.
		why: String,
	},
	/// The engine answers but refuses.
	#[error("the container engine refused to {what}: {why}")]
	Engine {
		/// What was asked of it.
		what: String,
		/// Its answer.
		why: String,
	},
	/// The engine answers but makes no container of this image and these limits.
	#[error("the container engine refused to create the container: {why}")]
	NotCreated {
		/// Its answer.
		why: String,
	},
	/// The image or code is not here.
	#[error("the image or code {0} is not on this machine: it must be prepared before it can run")]
	NotPrepared(String),
	/// The image or code is not what it should be, or not to be had.
	#[error(transparent)]
	Image(#[from] ImageError),
	/// This executor can't run such jobs.
	#[error("this executor can't run the job: {0}")]
	Unsupported(String),
	/// Something other than this worker ended the run, so that its result would be worth nothing.
	#[error("the run {run} was ended from outside ({why}): it must run again")]
	Interrupted {
		/// Which run.
		run: RunId,
		/// What is known about it.
		why: String,
	},
	/// The worker was told to stop it.
	#[error("the run was cancelled")]
	Cancelled,
	/// The disk of this machine is full.
	#[error("the disk is full: {path} has {free} bytes free and the job may need {needed}: make room, or offer less disk")]
	DiskFull {
		/// The folder.
		path: PathBuf,
		/// Bytes wanted.
		needed: u64,
		/// Bytes there are.
		free: u64,
	},
	/// A file or folder can't be used.
	#[error("{what} {path}: {source}")]
	Io {
		/// What was being done.
		what: &'static str,
		/// To what.
		path: PathBuf,
		/// Why it failed.
		source: std::io::Error,
	},
	/// The caller made a mistake.
	#[error("{0}")]
	Invalid(String),
	/// The embedded engine failed in a way that says nothing about the job.
	#[error("the WebAssembly engine failed: {0}")]
	Wasm(String),
}

impl ExecError {
	/// Whether trying the same again later may help.
	pub fn is_retryable(&self) -> bool {
		matches!(
			self,
			Self::NoEngine { .. }
				| Self::EngineUnavailable { .. }
				| Self::Interrupted { .. }
				| Self::DiskFull { .. }
				| Self::Io { .. }
		)
	}

	pub(crate) fn io(what: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
		let path = path.as_ref().to_path_buf();
		move |source| match source.kind() {
			std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull {
				free: free_bytes(&path).unwrap_or(0),
				path,
				needed: 1,
			},
			_ => Self::Io { what, path, source },
		}
	}
}

/// Whether a path is absolute and has neither `.` nor `..` nor empty parts.
pub(crate) fn is_clean_absolute(path: &str) -> bool {
	path.len() <= 255
		&& !path.contains('\0')
		&& path
			.strip_prefix('/')
			.is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
}

/// The environment of a run: the base, then what the image declares, then what the manifest declares.
pub(crate) fn environment(image: &[String], manifest: &BTreeMap<String, String>) -> BTreeMap<String, String> {
	let mut env: BTreeMap<String, String> =
		BASE_ENV.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
	env.extend(
		image
			.iter()
			.filter_map(|pair| pair.split_once('='))
			.map(|(k, v)| (k.into(), v.into())),
	);
	env.extend(manifest.clone());
	env
}

/// Makes the folders of a run, empty where they are not there yet.
pub(crate) fn make_scratch(request: &RunRequest) -> Result<(), ExecError> {
	use std::os::unix::fs::PermissionsExt;
	let make = |dir: &Path, mode: u32| -> Result<(), ExecError> {
		std::fs::create_dir_all(dir).map_err(ExecError::io("making", dir))?;
		std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode))
			.map_err(ExecError::io("opening", dir))
	};
	make(&request.work_dir, 0o700)?;
	make(&request.disk_dir(), 0o711)?;
	// Whoever the program runs as writes here; nobody else reaches it, since the folder of the run is the worker's.
	make(&request.disk_dir().join("tmp"), 0o1777)?;
	make(&request.outputs_dir(), 0o777)?;
	for path in &request.outputs {
		let mut dir = request.outputs_dir();
		let below = request.output_dir(path);
		for part in below.strip_prefix(&dir).unwrap_or(Path::new("")) {
			dir.push(part);
			make(&dir, 0o777)?;
		}
	}
	Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
	use super::*;

	pub(crate) fn request(work_dir: &Path) -> RunRequest {
		RunRequest {
			run_id: RunId::new("lilypad-test-deal-1").expect("a name"),
			image: RuntimeImage::Wasm { code: [0; 32] },
			command: vec!["program".into()],
			env: BTreeMap::new(),
			working_dir: None,
			conditions: Conditions::Usual,
			inputs: Vec::new(),
			spec: MachineSpec::new(1000, 64, 16),
			time_limit: 10_000,
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

	#[test]
	fn run_ids_fail_when_malformed() {
		for bad in ["", "-x", "a/b", "a b", "ä", &"x".repeat(129)] {
			assert!(RunId::new(bad).is_err(), "{bad}");
		}
		assert!(RunId::new("lilypad-0a1b2c3d-deal-17").is_ok());
	}

	#[test]
	fn output_paths_have_one_folder_each() {
		let r = request(Path::new("/w"));
		assert_eq!(r.output_dir("/outputs"), Path::new("/w/disk/outputs"));
		assert_eq!(r.output_dir("/outputs/a/b"), Path::new("/w/disk/outputs/a/b"));
		assert_eq!(r.output_dir("/results"), Path::new("/w/disk/outputs/results"));
		assert_eq!(r.output_dir("/outputsx"), Path::new("/w/disk/outputs/outputsx"));
	}

	#[test]
	fn hostile_requests_are_refused() {
		let refuse = |change: &dyn Fn(&mut RunRequest)| {
			let mut r = request(Path::new("/w"));
			change(&mut r);
			r.refuse()
		};
		let input = |path: &str| InputMount {
			path: path.into(),
			file: "/f".into(),
		};
		assert_eq!(refuse(&|_| ()), None);
		assert_eq!(
			refuse(&|r| r.inputs = vec![input("/inputs/a"), input("/inputs/ab")]),
			None
		);
		for path in [
			"/",
			"/proc",
			"/sys/fs",
			"/dev/shm",
			"/etc",
			"/inputs",
			"/tmp/x",
			"outputs",
			"/outputs/../etc",
			"/a//b",
		] {
			assert!(refuse(&|r| r.outputs = vec![path.into()]).is_some(), "{path}");
		}
		assert!(refuse(&|r| r.inputs = vec![input("/inputs/../etc/passwd")]).is_some());
		assert!(refuse(&|r| r.inputs = vec![input("/outputs/x")]).is_some());
		assert!(refuse(&|r| r.inputs = vec![input("/inputs/a"), input("/inputs/a")]).is_some());
		assert!(refuse(&|r| r.inputs = vec![input("/inputs/a"), input("/inputs/a/b")]).is_some());
		assert!(refuse(&|r| r.command.push("a\0b".into())).is_some());
	}

	#[test]
	fn the_environment_is_base_then_image_then_manifest() {
		let manifest = BTreeMap::from([("B".to_string(), "manifest".to_string())]);
		let env = environment(
			&["A=image=x".into(), "B=image".into(), "LANG=C".into()],
			&manifest,
		);
		assert_eq!(env["A"], "image=x");
		assert_eq!(env["B"], "manifest");
		assert_eq!(env["LANG"], "C");
		assert_eq!(env["TZ"], "UTC");
		assert_eq!(env.len(), 6);
	}
}
