//! Everything that a running program has: descriptors, files, a clock of its own, and its limits.

use super::{
	abi::{errno, rights, Fail},
	fs::{Files, NodeId, ROOT},
	Stop,
};
use std::{
	collections::BTreeMap,
	fs::File,
	io::{BufWriter, Write},
	path::PathBuf,
};

/// Most open descriptors.
const MAX_DESCRIPTORS: usize = 1024;
/// What each look at a clock adds to it, in nanoseconds.
const TICK: u64 = 1_000_000;
/// What the clocks begin with: 2000-01-01T00:00:00Z, in nanoseconds since the Unix epoch.
const EPOCH: u64 = 946_684_800 * 1_000_000_000;
/// Bytes of table elements in the host.
const TABLE_ELEMENT: usize = 16;

/// An open descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Descriptor {
	/// Standard input: nothing to read.
	Stdin,
	/// Standard output.
	Stdout,
	/// Standard error.
	Stderr,
	/// A folder.
	Folder { node: NodeId },
	/// A file.
	File {
		node: NodeId,
		position: u64,
		flags: u16,
		rights: u64,
	},
}

/// Where a stream goes, and how much of it may.
pub(super) struct Stream {
	file: BufWriter<File>,
	path: PathBuf,
	written: u64,
	limit: u64,
	name: &'static str,
}

impl Stream {
	pub(super) fn create(path: PathBuf, limit: u64, name: &'static str) -> std::io::Result<Self> {
		Ok(Self {
			file: BufWriter::new(File::create(&path)?),
			path,
			written: 0,
			limit,
			name,
		})
	}

	fn write(&mut self, bytes: &[u8]) -> Result<(), Fail> {
		let left = usize::try_from(self.limit - self.written).unwrap_or(usize::MAX);
		let kept = &bytes[..bytes.len().min(left)];
		self.written += kept.len() as u64;
		self.file.write_all(kept).map_err(|e| Fail::host(e, &self.path))?;
		match kept.len() == bytes.len() {
			true => Ok(()),
			false => Err(Fail::Stop(Stop::Output(format!(
				"it wrote more than {} bytes to {}",
				self.limit, self.name
			)))),
		}
	}
}

/// A program's side of the world.
pub(super) struct Host {
	pub(super) args: Vec<Vec<u8>>,
	pub(super) env: Vec<Vec<u8>>,
	pub(super) files: Files,
	descriptors: BTreeMap<u32, Descriptor>,
	stdout: Stream,
	stderr: Stream,
	random: blake3::OutputReader,
	clock: u64,
	/// Bytes that the current call moved: they cost fuel.
	pub(super) moved: u64,
	memory_limit: usize,
	memory: usize,
	tables: usize,
	/// Most memory that was in use.
	pub(super) peak: usize,
}

impl Host {
	pub(super) fn new(
		command: &[String],
		env: &BTreeMap<String, String>,
		files: Files,
		stdout: Stream,
		stderr: Stream,
		memory_limit: u64,
	) -> Self {
		let terminated = |text: &str| [text.as_bytes(), b"\0"].concat();
		Self {
			args: command.iter().map(|arg| terminated(arg)).collect(),
			env: env
				.iter()
				.map(|(name, value)| terminated(&format!("{name}={value}")))
				.collect(),
			files,
			descriptors: BTreeMap::from([
				(0, Descriptor::Stdin),
				(1, Descriptor::Stdout),
				(2, Descriptor::Stderr),
				(3, Descriptor::Folder { node: ROOT }),
			]),
			stdout,
			stderr,
			// The same "random" bytes for everybody.
			random: blake3::Hasher::new_derive_key("lilypad 2026 wasm randomness").finalize_xof(),
			clock: EPOCH,
			moved: 0,
			memory_limit: usize::try_from(memory_limit).unwrap_or(usize::MAX),
			memory: 0,
			tables: 0,
			peak: 0,
		}
	}

	/// The time, which passes by being looked at.
	pub(super) fn now(&mut self) -> u64 {
		self.clock = self.clock.saturating_add(TICK);
		self.clock
	}

	/// The time since the program began.
	pub(super) fn uptime(&mut self) -> u64 {
		self.now() - EPOCH
	}

	/// Lets time pass, without waiting.
	pub(super) fn sleep_until(&mut self, nanoseconds: u64) {
		self.clock = self.clock.max(nanoseconds);
	}

	/// What a clock showed last, counted from the program's begin if it is the monotonic one.
	pub(super) fn deadline(&self, timeout: u64, absolute: bool, monotonic: bool) -> u64 {
		match (absolute, monotonic) {
			(false, _) => self.clock.saturating_add(timeout),
			(true, true) => EPOCH.saturating_add(timeout),
			(true, false) => timeout,
		}
	}

	pub(super) fn random(&mut self, into: &mut [u8]) {
		self.random.fill(into);
	}

	pub(super) fn descriptor(&self, fd: u32) -> Result<Descriptor, Fail> {
		self.descriptors.get(&fd).copied().ok_or(Fail::Errno(errno::BADF))
	}

	pub(super) fn set_descriptor(&mut self, fd: u32, descriptor: Descriptor) {
		self.descriptors.insert(fd, descriptor);
	}

	/// The folder behind a descriptor.
	pub(super) fn folder(&self, fd: u32) -> Result<NodeId, Fail> {
		match self.descriptor(fd)? {
			Descriptor::Folder { node } => Ok(node),
			_ => Err(Fail::Errno(errno::NOTDIR)),
		}
	}

	/// The lowest free number for a descriptor.
	pub(super) fn open(&mut self, descriptor: Descriptor) -> Result<u32, Fail> {
		if self.descriptors.len() >= MAX_DESCRIPTORS {
			return Err(Fail::Errno(errno::MFILE));
		}
		let fd = (0..)
			.find(|fd| !self.descriptors.contains_key(fd))
			.ok_or(Fail::Errno(errno::MFILE))?;
		if let Descriptor::File { node, .. } | Descriptor::Folder { node } = descriptor {
			self.files.opened(node)?;
		}
		self.descriptors.insert(fd, descriptor);
		Ok(fd)
	}

	pub(super) fn close(&mut self, fd: u32) -> Result<(), Fail> {
		match self.descriptors.remove(&fd).ok_or(Fail::Errno(errno::BADF))? {
			Descriptor::File { node, .. } | Descriptor::Folder { node } => self.files.closed(node),
			_ => Ok(()),
		}
	}

	/// Gives a descriptor another number, closing what had it.
	pub(super) fn renumber(&mut self, from: u32, to: u32) -> Result<(), Fail> {
		let moved = self.descriptor(from)?;
		self.descriptor(to)?;
		if from != to {
			self.close(to)?;
			self.descriptors.remove(&from);
			self.descriptors.insert(to, moved);
		}
		Ok(())
	}

	/// Writes at the end of a stream, at a file's position, or at its end.
	pub(super) fn write(&mut self, fd: u32, bytes: &[u8]) -> Result<(), Fail> {
		self.moved += bytes.len() as u64;
		match self.descriptor(fd)? {
			Descriptor::Stdout => self.stdout.write(bytes),
			Descriptor::Stderr => self.stderr.write(bytes),
			Descriptor::Stdin => Err(Fail::Errno(errno::BADF)),
			Descriptor::Folder { .. } => Err(Fail::Errno(errno::ISDIR)),
			Descriptor::File { rights, .. } if rights & rights::WRITE == 0 => Err(Fail::Errno(errno::BADF)),
			Descriptor::File {
				node,
				position,
				flags,
				rights,
			} => {
				let at = match flags & super::abi::FDFLAG_APPEND {
					0 => position,
					_ => self.files.stat(node)?.length,
				};
				self.files.write_at(node, at, bytes)?;
				let position = at + bytes.len() as u64;
				self.set_descriptor(
					fd,
					Descriptor::File {
						node,
						position,
						flags,
						rights,
					},
				);
				Ok(())
			},
		}
	}

	/// Reads at a file's position; how many bytes there were.
	pub(super) fn read(&mut self, fd: u32, into: &mut [u8]) -> Result<usize, Fail> {
		match self.descriptor(fd)? {
			Descriptor::Stdin => Ok(0),
			Descriptor::Stdout | Descriptor::Stderr => Err(Fail::Errno(errno::BADF)),
			Descriptor::Folder { .. } => Err(Fail::Errno(errno::ISDIR)),
			Descriptor::File { rights, .. } if rights & rights::READ == 0 => Err(Fail::Errno(errno::BADF)),
			Descriptor::File {
				node,
				position,
				flags,
				rights,
			} => {
				let read = self.files.read_at(node, position, into)?;
				self.moved += read as u64;
				let position = position + read as u64;
				self.set_descriptor(
					fd,
					Descriptor::File {
						node,
						position,
						flags,
						rights,
					},
				);
				Ok(read)
			},
		}
	}

	/// A file's node, if the descriptor is a file's and may do this.
	pub(super) fn file(&self, fd: u32, needed: u64) -> Result<NodeId, Fail> {
		match self.descriptor(fd)? {
			Descriptor::File { rights, .. } if rights & needed != needed => Err(Fail::Errno(errno::BADF)),
			Descriptor::File { node, .. } => Ok(node),
			Descriptor::Folder { .. } => Err(Fail::Errno(errno::ISDIR)),
			_ => Err(Fail::Errno(errno::SPIPE)),
		}
	}

	/// Writes what is still held back.
	pub(super) fn flush(&mut self) -> Result<(), Fail> {
		for stream in [&mut self.stdout, &mut self.stderr] {
			stream.file.flush().map_err(|e| Fail::host(e, &stream.path))?;
		}
		Ok(())
	}

	fn grow(&mut self) -> wasmtime::Result<bool> {
		let used = self.memory.saturating_add(self.tables);
		if used > self.memory_limit {
			return Err(Stop::Memory.into());
		}
		self.peak = self.peak.max(used);
		Ok(true)
	}
}

impl wasmtime::ResourceLimiter for Host {
	fn memory_growing(
		&mut self,
		current: usize,
		desired: usize,
		maximum: Option<usize>,
	) -> wasmtime::Result<bool> {
		// More than the module itself allows fails in the module, on every machine alike.
		if maximum.is_some_and(|most| desired > most) {
			return Ok(false);
		}
		self.memory = self.memory.saturating_add(desired.saturating_sub(current));
		self.grow()
	}

	fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
		// Within the limit, and yet this machine has not got it: another one may.
		tracing::debug!(target: "lilypad::executor", %error, "memory could not grow");
		Err(Stop::Memory.into())
	}

	fn table_growing(
		&mut self,
		current: usize,
		desired: usize,
		maximum: Option<usize>,
	) -> wasmtime::Result<bool> {
		if maximum.is_some_and(|most| desired > most) {
			return Ok(false);
		}
		self.tables = self
			.tables
			.saturating_add(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT));
		self.grow()
	}

	fn instances(&self) -> usize {
		1
	}

	fn tables(&self) -> usize {
		16
	}

	fn memories(&self) -> usize {
		1
	}
}
