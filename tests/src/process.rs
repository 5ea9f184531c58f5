use anyhow::{bail, Context, Result};
use std::{
	fs::File,
	path::{Path, PathBuf},
	process::{Child, Command, Stdio},
	sync::Mutex,
	time::{Duration, Instant},
};

/// A process with its log in a file. Dropping it kills it.
pub struct Process {
	name: String,
	child: Mutex<Child>,
	log: PathBuf,
}

impl Process {
	/// Starts it. A log that is there already is continued.
	pub fn spawn(name: &str, mut command: Command, log: &Path) -> Result<Self> {
		let file = File::options().create(true).append(true).open(log)?;
		let child = command
			.stdin(Stdio::null())
			.stdout(file.try_clone()?)
			.stderr(file)
			.spawn()
			.with_context(|| format!("{name} could not be started"))?;
		Ok(Self {
			name: name.into(),
			child: Mutex::new(child),
			log: log.into(),
		})
	}

	/// Fails when it has ended.
	pub fn check(&self) -> Result<()> {
		if let Some(status) = self.lock().try_wait()? {
			bail!(
				"{} ended with {status}; its log ends with:\n{}",
				self.name,
				self.log_tail(30)
			);
		}
		Ok(())
	}

	/// Everything it has logged.
	pub fn log(&self) -> Result<String> {
		Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
	}

	/// The end of its log, without the lines that every block brings.
	pub fn log_tail(&self, lines: usize) -> String {
		let log = self.log().unwrap_or_default();
		let routine = |line: &&str| {
			[" 💤 Idle (", " 🏆 Imported #"]
				.iter()
				.any(|part| line.contains(part))
		};
		let all: Vec<_> = log.lines().filter(|line| !routine(line)).collect();
		all[all.len().saturating_sub(lines)..].join("\n")
	}

	/// Memory that it has in use, in KiB.
	pub fn resident_kib(&self) -> Result<u64> {
		let status = std::fs::read_to_string(format!("/proc/{}/status", self.lock().id()))?;
		let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
		let number = line
			.and_then(|line| line.split_whitespace().next())
			.context("its memory")?;
		Ok(number.parse()?)
	}

	/// `kill -9`.
	pub fn kill(&self) -> Result<()> {
		let mut child = self.lock();
		child.kill()?;
		child.wait()?;
		Ok(())
	}

	/// Makes it stand still until it is sent `CONT`, as `kill -STOP` does; or sends it any other signal.
	pub fn signal(&self, signal: &str) -> Result<()> {
		let pid = self.lock().id().to_string();
		let sent = Command::new("kill")
			.args([&format!("-{signal}"), &pid])
			.status()?;
		anyhow::ensure!(sent.success(), "kill -{signal} {pid} failed");
		Ok(())
	}

	/// Asks it to end and waits for it; returns its exit code.
	pub fn stop(&self, limit: Duration) -> Result<Option<i32>> {
		self.signal("TERM")?;
		let mut child = self.lock();
		let begun = Instant::now();
		while begun.elapsed() < limit {
			if let Some(status) = child.try_wait()? {
				return Ok(status.code());
			}
			std::thread::sleep(Duration::from_millis(50));
		}
		bail!("{} did not end within {limit:?}", self.name)
	}

	/// Waits for it to end by itself; returns its exit code.
	pub fn wait(&self, limit: Duration) -> Result<Option<i32>> {
		crate::wait_for(&format!("{} ends", self.name), limit, || {
			Ok(self.lock().try_wait()?.map(|s| s.code()))
		})
	}

	/// Its test's folder goes when the test ends, whether it failed or not; what was logged is needed afterwards.
	fn keep_log(&self) {
		let thread = std::thread::current();
		let test = thread.name().unwrap_or("unnamed").replace("::", ".");
		let folder = crate::log_dir().join(test);
		if let Some(file) = self.log.file_name() {
			// A log that can't be kept fails no test.
			let _ =
				std::fs::create_dir_all(&folder).and_then(|()| std::fs::copy(&self.log, folder.join(file)));
		}
	}

	fn lock(&self) -> std::sync::MutexGuard<'_, Child> {
		self.child.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
	}
}

impl Drop for Process {
	fn drop(&mut self) {
		let mut child = self.lock();
		let _ = child.kill(); // It may have ended already.
		let _ = child.wait();
		drop(child);
		self.keep_log();
	}
}
