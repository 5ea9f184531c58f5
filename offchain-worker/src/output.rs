//! From what a program left behind to a result: which files count, what they are called, and the one value that stands
//! for all of them.
//!
//! **Names.** Standard output is `stdout`; a file below an output path is `outputs/` and its path below the folder of
//! outputs. Exit code and status are not files: they are in the [`Triple`].
//!
//! **Root.** The verified parts, in byte order of their names, are a collection as iroh-blobs 0.104 writes it: a metadata
//! blob with the names (postcard: the 13 bytes `CollectionV0.`, then the list of names), and a sequence of hashes, first
//! the metadata's, then each file's BLAKE3. The root is the BLAKE3 of that sequence. The root, then, says what to fetch, and
//! fetching it verifies every byte and every name. Times, owners, permissions and empty folders are no part of it.
//!
//! A run that is not `Completed` has the root of the empty collection: how far a program came before it was stopped differs
//! from machine to machine. What there is of its outputs is handed on beside the result, unverified, as standard error
//! always is.
//!
//! **Trust.** The folder is a stranger's work. Links, devices, pipes, sockets and names that could harm whoever unpacks
//! them make the run a [`Status::JobError`]; too many, too large or too deep make it [`Status::OutputExceeded`]. Sparse
//! files count with their full length.

use crate::executor::{ExecError, OutputLimits, RunOutcome};
use lilypad_primitives::{manifest::VerifiedPart, Millis, OutputRoot, Status, Triple};
use std::{
	fs,
	io::Read,
	os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt},
	path::{Path, PathBuf},
};

/// Name of standard output in a collection.
pub const STDOUT: &str = "stdout";
/// Name of standard error beside a result.
pub const STDERR: &str = "stderr";
/// What the names of output files begin with.
pub const OUTPUTS: &str = "outputs/";

const HEADER: &[u8; 13] = b"CollectionV0.";

/// One file of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputEntry {
	/// Its name in the collection.
	pub name: String,
	/// Where it is on this machine.
	pub path: PathBuf,
	/// BLAKE3 of its bytes.
	pub hash: [u8; 32],
	/// Its length in bytes.
	pub size: u64,
}

/// Why outputs make a run something other than `Completed`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
	/// A link, device, pipe or socket, or a file with several names.
	#[error("the output '{name}' is {kind}; only plain files can be outputs")]
	Kind {
		/// Which one.
		name: String,
		/// What it is.
		kind: &'static str,
	},
	/// A name that is not UTF-8 or has a control character or backslash.
	#[error("the name of the output '{0}' is not plain text: use UTF-8 without control characters and backslashes")]
	Name(String),
	/// A name that is too long.
	#[error("the name of the output '{0}…' has more than {1} bytes")]
	NameTooLong(String, usize),
	/// Too many files.
	#[error("there are more than {0} outputs")]
	TooMany(u64),
	/// Too many bytes.
	#[error("the outputs have more than {0} bytes")]
	TooLarge(u64),
	/// Too many folders within folders.
	#[error("the outputs lie more than {0} folders deep")]
	TooDeep(u32),
}

impl Refusal {
	/// What such a run ends with.
	pub fn status(&self) -> Status {
		match self {
			Self::Kind { .. } | Self::Name(_) => Status::JobError,
			Self::NameTooLong(..) | Self::TooMany(_) | Self::TooLarge(_) | Self::TooDeep(_) => {
				Status::OutputExceeded
			},
		}
	}
}

/// A run's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
	/// What is sealed and compared. Its exit code is 0 when the manifest does not verify exit codes.
	pub triple: Triple,
	/// The program's exit code, verified or not.
	pub exit_code: i32,
	/// What is to be paid for.
	pub usage: Millis,
	/// The files behind the root, in byte order of their names.
	pub entries: Vec<OutputEntry>,
	/// Files that come along unverified, in byte order of their names: standard error, and whatever the manifest does not
	/// verify.
	pub sidecar: Vec<OutputEntry>,
	/// Why the outputs were refused, or why the run is not `Completed`, for people.
	pub detail: Option<String>,
}

/// The root of a collection; the order of the entries does not matter.
pub fn output_root(entries: &[OutputEntry]) -> OutputRoot {
	root_of(entries.iter().map(|e| (e.name.as_str(), e.hash)).collect())
}

/// The root of a collection with nothing in it.
pub fn empty_root() -> OutputRoot {
	root_of(Vec::new())
}

fn root_of(mut entries: Vec<(&str, [u8; 32])>) -> OutputRoot {
	entries.sort_unstable();
	let mut meta = HEADER.to_vec();
	push_varint(&mut meta, entries.len());
	for (name, _) in &entries {
		push_varint(&mut meta, name.len());
		meta.extend_from_slice(name.as_bytes());
	}
	let mut links = blake3::Hasher::new();
	links.update(blake3::hash(&meta).as_bytes());
	for (_, hash) in &entries {
		links.update(hash);
	}
	OutputRoot(links.finalize().into())
}

/// A length as postcard writes it.
fn push_varint(out: &mut Vec<u8>, mut value: usize) {
	while value >= 0x80 {
		out.push((value & 0x7f) as u8 | 0x80);
		value >>= 7;
	}
	out.push(value as u8);
}

/// Reads what a run left behind. See the module.
pub async fn collect(
	outcome: &RunOutcome,
	verified: &[VerifiedPart],
	limits: &OutputLimits,
) -> Result<Collected, ExecError> {
	let (outcome, verified, limits) = (outcome.clone(), verified.to_vec(), *limits);
	tokio::task::spawn_blocking(move || collect_now(&outcome, &verified, &limits))
		.await
		.map_err(|e| ExecError::Invalid(format!("reading the outputs failed: {e}")))?
}

/// As [`collect`], on this thread.
pub fn collect_now(
	outcome: &RunOutcome,
	verified: &[VerifiedPart],
	limits: &OutputLimits,
) -> Result<Collected, ExecError> {
	let mut status = outcome.status;
	let mut detail = outcome.detail.clone();
	let mut entries = Vec::new();
	let mut sidecar = Vec::new();
	let is_verified = |part: VerifiedPart| status == Status::Completed && verified.contains(&part);

	sidecar.extend(stream(&outcome.stderr, STDERR, limits.max_stderr)?);
	let stdout = stream(&outcome.stdout, STDOUT, limits.max_stdout)?;
	if is_verified(VerifiedPart::Stdout) {
		entries.extend(stdout);
	} else {
		sidecar.extend(stdout);
	}
	if status == Status::Completed {
		match walk(&outcome.outputs, limits)? {
			Ok(files) if is_verified(VerifiedPart::Outputs) => entries.extend(files),
			Ok(files) => sidecar.extend(files),
			Err(refusal) => {
				status = refusal.status();
				detail = Some(refusal.to_string());
				sidecar.append(&mut entries);
			},
		}
	}
	entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
	sidecar.sort_unstable_by(|a, b| a.name.cmp(&b.name));
	let exit_code = if status == Status::Completed {
		outcome.exit_code
	} else {
		0
	};
	let shown = if verified.contains(&VerifiedPart::ExitCode) {
		exit_code
	} else {
		0
	};
	let triple = Triple {
		status,
		exit_code: shown,
		root: output_root(&entries),
	};
	Ok(Collected {
		triple,
		exit_code,
		usage: outcome.usage,
		entries,
		sidecar,
		detail,
	})
}

/// A captured stream; `None` when the program never got so far as to have one.
fn stream(path: &Path, name: &str, limit: u64) -> Result<Option<OutputEntry>, ExecError> {
	match hash_file(path, limit) {
		Ok((hash, size)) => Ok(Some(OutputEntry {
			name: name.into(),
			path: path.into(),
			hash,
			size,
		})),
		Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
		Err(e) => Err(ExecError::io("reading", path)(e)),
	}
}

/// BLAKE3 and length of a plain file; an error when it is longer than `limit`.
fn hash_file(path: &Path, limit: u64) -> std::io::Result<([u8; 32], u64)> {
	let file = open_plain(path)?;
	let mut hasher = blake3::Hasher::new();
	hasher.update_reader(file.take(limit.saturating_add(1)))?;
	match hasher.count() {
		size if size > limit => Err(std::io::Error::other("it grew while it was read")),
		size => Ok((hasher.finalize().into(), size)),
	}
}

/// Opens a file without following a link at its end and without waiting for a pipe's other end.
fn open_plain(path: &Path) -> std::io::Result<fs::File> {
	let flags =
		(rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC).bits();
	let open = || {
		fs::OpenOptions::new()
			.read(true)
			.custom_flags(flags as i32)
			.open(path)
	};
	let file = match open() {
		// A program may take its own right to read away; that must not depend on who looks.
		Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
			fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
			open()?
		},
		other => other?,
	};
	match file.metadata()?.is_file() {
		true => Ok(file),
		false => Err(std::io::Error::other("it is not a plain file")),
	}
}

fn list(folder: &Path) -> std::io::Result<Vec<fs::DirEntry>> {
	match fs::read_dir(folder) {
		Err(e) if e.kind() == std::io::ErrorKind::PermissionDenied => {
			fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
			fs::read_dir(folder)?.collect()
		},
		other => other?.collect(),
	}
}

/// Every file below a folder. The inner error is the job's own fault. Which of several faults is named depends on the
/// order of the names only.
fn walk(root: &Path, limits: &OutputLimits) -> Result<Result<Vec<OutputEntry>, Refusal>, ExecError> {
	let mut walk = Walk {
		limits,
		files: Vec::new(),
		seen: 0,
		bytes: 0,
	};
	if !root.exists() {
		return Ok(Ok(Vec::new()));
	}
	if let Err(fault) = walk.folder(root, OUTPUTS, 0) {
		return match fault {
			Fault::Refused(refusal) => Ok(Err(refusal)),
			Fault::Failed(error) => Err(error),
		};
	}
	let mut entries = Vec::with_capacity(walk.files.len());
	for (name, path, length) in walk.files {
		let (hash, size) = hash_file(&path, length).map_err(ExecError::io("reading", &path))?;
		entries.push(OutputEntry {
			name,
			path,
			hash,
			size,
		});
	}
	Ok(Ok(entries))
}

enum Fault {
	Refused(Refusal),
	Failed(ExecError),
}

impl From<Refusal> for Fault {
	fn from(refusal: Refusal) -> Self {
		Self::Refused(refusal)
	}
}

struct Walk<'a> {
	limits: &'a OutputLimits,
	files: Vec<(String, PathBuf, u64)>,
	seen: u64,
	bytes: u64,
}

impl Walk<'_> {
	fn folder(&mut self, folder: &Path, prefix: &str, depth: u32) -> Result<(), Fault> {
		if depth > self.limits.max_depth {
			return Err(Refusal::TooDeep(self.limits.max_depth).into());
		}
		let mut entries = list(folder).map_err(|e| Fault::Failed(ExecError::io("reading", folder)(e)))?;
		self.seen += entries.len() as u64;
		// Folders count as well: a million empty ones are as much of a burden.
		if self.seen > self.limits.max_files {
			return Err(Refusal::TooMany(self.limits.max_files).into());
		}
		entries.sort_unstable_by_key(|entry| entry.file_name());
		for entry in entries {
			let name = self.name(prefix, &entry.file_name())?;
			let path = entry.path();
			let meta =
				fs::symlink_metadata(&path).map_err(|e| Fault::Failed(ExecError::io("reading", &path)(e)))?;
			let kind = meta.file_type();
			if kind.is_dir() {
				self.folder(&path, &format!("{name}/"), depth + 1)?;
			} else if !kind.is_file() || meta.nlink() > 1 {
				return Err(Refusal::Kind {
					name,
					kind: describe(kind),
				}
				.into());
			} else {
				self.bytes = self.bytes.saturating_add(meta.len());
				if self.bytes > self.limits.max_bytes {
					return Err(Refusal::TooLarge(self.limits.max_bytes).into());
				}
				self.files.push((name, path, meta.len()));
			}
		}
		Ok(())
	}

	fn name(&self, prefix: &str, name: &std::ffi::OsStr) -> Result<String, Refusal> {
		let shown = || {
			format!("{prefix}{}", name.to_string_lossy())
				.chars()
				.flat_map(char::escape_debug)
				.collect()
		};
		let text = name.to_str().ok_or_else(|| Refusal::Name(shown()))?;
		if text.chars().any(|c| c.is_control() || c == '\\') {
			return Err(Refusal::Name(shown()));
		}
		let full = format!("{prefix}{text}");
		match full.len() <= self.limits.max_name {
			true => Ok(full),
			false => Err(Refusal::NameTooLong(
				full.chars().take(60).collect(),
				self.limits.max_name,
			)),
		}
	}
}

fn describe(kind: fs::FileType) -> &'static str {
	match kind {
		k if k.is_symlink() => "a symbolic link",
		k if k.is_block_device() || k.is_char_device() => "a device",
		k if k.is_fifo() => "a pipe",
		k if k.is_socket() => "a socket",
		_ => "a file with several names (a hard link)",
	}
}

#[cfg(test)]
#[path = "executor/output_tests.rs"]
mod tests;
