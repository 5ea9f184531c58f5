//! What a program wrote, byte for byte.
//!
//! A run that this worker starts is attached to before it starts: what comes over that connection is exact. The engine's log
//! is not: Docker's `local` driver loses the end of a line of more than 16 KiB, `json-file` replaces what is not UTF-8, and
//! versions differ, so that two honest providers would disagree. The log serves where there was no connection, after a
//! restart of the worker: as long as it can't have lost anything, it is as good; otherwise the run counts as
//! [`ExecError::Interrupted`] and is run again. It is also what proves that the connection brought everything.

use super::{
	super::*,
	engine::{status_of, Engine},
};
use bollard::{
	container::{AttachContainerResults, LogOutput},
	errors::Error,
	query_parameters::{AttachContainerOptionsBuilder, LogsOptionsBuilder},
};
use futures::{Stream, StreamExt};
use std::{fs::File, io::Write, pin::Pin, time::Duration};

/// How long the rest of a program's output may take to arrive once the program has ended.
const REST: Duration = Duration::from_secs(30);
/// Docker cuts longer lines into pieces of this many bytes.
const PIECE: u64 = 16 * 1024;

type Messages = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// The two files, and how much is in them.
struct Sinks {
	stdout: Sink,
	stderr: Sink,
}

struct Sink {
	file: File,
	path: PathBuf,
	written: u64,
	limit: u64,
	name: &'static str,
}

impl Sinks {
	fn create(request: &RunRequest) -> Result<Self, ExecError> {
		let sink = |path: PathBuf, limit, name| -> Result<Sink, ExecError> {
			let file = File::create(&path).map_err(ExecError::io("writing", &path))?;
			Ok(Sink {
				file,
				path,
				written: 0,
				limit,
				name,
			})
		};
		Ok(Self {
			stdout: sink(
				request.stdout_file(),
				request.limits.max_stdout,
				"standard output",
			)?,
			stderr: sink(request.stderr_file(), request.limits.max_stderr, "standard error")?,
		})
	}

	/// Writes what is within the limit; a reason when there was more.
	fn take(&mut self, message: &LogOutput) -> Result<Option<String>, ExecError> {
		let sink = match message {
			LogOutput::StdErr { .. } => &mut self.stderr,
			_ => &mut self.stdout,
		};
		let bytes = message.as_ref();
		let left = usize::try_from(sink.limit - sink.written).unwrap_or(usize::MAX);
		let kept = &bytes[..bytes.len().min(left)];
		sink.file
			.write_all(kept)
			.map_err(ExecError::io("writing", &sink.path))?;
		sink.written += kept.len() as u64;
		let excess = || format!("it wrote more than {} bytes to {}", sink.limit, sink.name);
		Ok((kept.len() < bytes.len()).then(excess))
	}
}

/// The connection to a run that this worker started.
pub(super) struct Attached {
	messages: Messages,
	sinks: Sinks,
	ended: bool,
	excess: Option<String>,
}

impl Attached {
	/// Writes down what comes. Ends when it is too much, or when it can't be written; never otherwise. May be dropped and
	/// called again without losing anything.
	pub(super) async fn pump(&mut self) -> Result<String, ExecError> {
		loop {
			match self.messages.next().await {
				Some(Ok(message)) => {
					if let Some(why) = self.sinks.take(&message)? {
						self.excess = Some(why.clone());
						return Ok(why);
					}
				},
				// That the connection broke is found out when the log has more.
				Some(Err(_)) | None => {
					self.ended = true;
					std::future::pending::<()>().await;
				},
			}
		}
	}

	/// Writes down what is still on its way after the end.
	async fn drain(&mut self) -> Result<(), ExecError> {
		let rest = async {
			while let (false, None) = (self.ended, &self.excess) {
				match self.messages.next().await {
					Some(Ok(message)) => self.excess = self.sinks.take(&message)?,
					Some(Err(_)) | None => self.ended = true,
				}
			}
			Ok(())
		};
		tokio::time::timeout(REST, rest).await.unwrap_or(Ok(()))
	}
}

/// What the log says.
#[derive(Debug, Default, PartialEq, Eq)]
struct LogRead {
	stdout: Line,
	stderr: Line,
}

/// One stream of a log.
#[derive(Debug, Default, PartialEq, Eq)]
struct Line {
	bytes: u64,
	/// The last message did not end a line.
	open: bool,
	/// A line was cut into pieces, so that its end may be missing.
	cut: bool,
}

impl Line {
	fn add(&mut self, message: &[u8]) {
		self.cut |= self.open || message.len() as u64 >= PIECE;
		self.open = message.last() != Some(&b'\n');
		self.bytes += message.len() as u64;
	}
}

impl LogRead {
	fn add(&mut self, message: &LogOutput) {
		let line = match message {
			LogOutput::StdErr { .. } => &mut self.stderr,
			_ => &mut self.stdout,
		};
		line.add(message.as_ref());
	}

	fn is_exact(&self) -> bool {
		!self.stdout.cut && !self.stderr.cut
	}
}

impl Engine {
	/// Connects to a container that is not started yet.
	pub(super) async fn attach(&self, request: &RunRequest) -> Result<Attached, ExecError> {
		let options = AttachContainerOptionsBuilder::default()
			.stream(true)
			.stdout(true)
			.stderr(true)
			.build();
		let attached = self
			.docker
			.attach_container(request.run_id.as_str(), Some(options))
			.await;
		let AttachContainerResults { output, .. } =
			attached.map_err(self.error("attach to the container"))?;
		Ok(Attached {
			messages: output,
			sinks: Sinks::create(request)?,
			ended: false,
			excess: None,
		})
	}

	/// Ends when the container has written too much, by its log; never otherwise.
	pub(super) async fn wait_for_excess_output(&self, request: &RunRequest) -> String {
		let limits = &request.limits;
		loop {
			let mut log = std::pin::pin!(self.log(request, true));
			let mut read = LogRead::default();
			while let Some(Ok(message)) = log.next().await {
				read.add(&message);
				for (line, limit) in [
					(&read.stdout, limits.max_stdout),
					(&read.stderr, limits.max_stderr),
				] {
					if line.bytes > limit {
						return format!("it wrote more than {limit} bytes");
					}
				}
			}
			// The end of the log is the end of the container, or of the connection: in either case somebody else notices.
			tokio::time::sleep(Duration::from_millis(500)).await;
		}
	}

	/// Sees to it that both files hold what the program wrote. The reason is given when it was too much; how far the files
	/// go matters no longer then.
	pub(super) async fn save_output(
		&self,
		request: &RunRequest,
		attached: Option<Attached>,
	) -> Result<Option<String>, ExecError> {
		let seen = match attached {
			Some(mut attached) => {
				attached.drain().await?;
				if attached.excess.is_some() {
					return Ok(attached.excess);
				}
				Some((attached.sinks.stdout.written, attached.sinks.stderr.written))
			},
			None => None,
		};
		// The log never has more than there was.
		if let Some((stdout, stderr)) = seen {
			let (read, _) = self.read_log(request, None).await?;
			if stdout >= read.stdout.bytes && stderr >= read.stderr.bytes {
				return Ok(None);
			}
		}
		let mut sinks = Sinks::create(request)?;
		let (read, excess) = self.read_log(request, Some(&mut sinks)).await?;
		match excess.is_some() || read.is_exact() {
			true => Ok(excess),
			false => Err(ExecError::Interrupted {
				run: request.run_id.clone(),
				why: "its output is only known from a log that is not exact".into(),
			}),
		}
	}

	async fn read_log(
		&self,
		request: &RunRequest,
		mut into: Option<&mut Sinks>,
	) -> Result<(LogRead, Option<String>), ExecError> {
		let mut log = std::pin::pin!(self.log(request, false));
		let mut read = LogRead::default();
		while let Some(message) = log.next().await {
			let message = match message {
				Err(e) if status_of(&e) == Some(404) => break,
				other => other.map_err(self.error("read the container's log"))?,
			};
			read.add(&message);
			if let Some(sinks) = into.as_deref_mut() {
				let excess = sinks.take(&message)?;
				if excess.is_some() {
					return Ok((read, excess));
				}
			}
		}
		Ok((read, None))
	}

	fn log(&self, request: &RunRequest, follow: bool) -> impl Stream<Item = Result<LogOutput, Error>> {
		let options = LogsOptionsBuilder::default()
			.follow(follow)
			.stdout(true)
			.stderr(true)
			.build();
		self.docker.logs(request.run_id.as_str(), Some(options))
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn exact(messages: &[&[u8]]) -> bool {
		let mut read = LogRead::default();
		messages.iter().for_each(|m| read.stdout.add(m));
		read.is_exact()
	}

	#[test]
	fn a_log_of_whole_lines_is_exact() {
		assert!(exact(&[]));
		assert!(exact(&[b"a\n", b"\n", b"b\n"]));
		assert!(exact(&[b"a\n", b"no end"]));
	}

	#[test]
	fn a_log_with_a_cut_line_is_not_exact() {
		assert!(!exact(&[&[0; 16384], b"\n"]));
		assert!(
			!exact(&[&[0; 16384]]),
			"an end of line right after it would be lost"
		);
		assert!(!exact(&[b"piece", b"rest\n"]));
	}
}
