//! The folder with a result: `stdout`, `stderr`, `exitCode` and `outputs/`.

use crate::{data::DataDir, error::CliError};
use lilypad_client::Hash;
use lilypad_primitives::{JobId, OutputRoot};
use std::{
	ffi::OsStr,
	fs::File,
	io::ErrorKind,
	path::{Path, PathBuf},
};
use tempfile::TempDir;

/// What the names of our own temporary folders begin with.
const OURS: &str = ".lilypad-";
/// How often something is tried that another process may be in the way of.
const ATTEMPTS: u8 = 5;

fn is_ours(name: &OsStr) -> bool {
	name.as_encoded_bytes().starts_with(OURS.as_bytes())
}

/// Refuses a folder that has something of the user's in it, for nothing is ever overwritten, and one that can't be written to:
/// better before a job is paid for.
pub fn check_free(dir: &Path) -> Result<(), CliError> {
	match std::fs::read_dir(dir) {
		Ok(mut entries) => match entries.all(|entry| entry.is_ok_and(|e| is_ours(&e.file_name()))) {
			true => check_writable(dir),
			false => Err(CliError::Input(format!(
				"{} is not empty: name another folder with --output",
				dir.display()
			))),
		},
		Err(e) if e.kind() == std::io::ErrorKind::NotFound => check_writable(dir),
		Err(e) => Err(CliError::io("can't use the output folder", dir)(e)),
	}
}

fn check_writable(dir: &Path) -> Result<(), CliError> {
	let whole = std::path::absolute(dir).map_err(CliError::io("can't use the output folder", dir))?;
	let there = whole.ancestors().find(|path| path.exists());
	let place = there.unwrap_or(Path::new("/"));
	match tempfile::Builder::new().prefix(OURS).tempdir_in(place) {
		Ok(_) => Ok(()),
		Err(e) => Err(CliError::Input(format!(
			"{} can't be the output folder, because {} can't be written to ({e}): name another with --output",
			dir.display(),
			place.display()
		))),
	}
}

/// Where a result is put together: on the disk of the folder that it goes to, and in nobody else's way. It goes when this does.
#[derive(Debug)]
pub struct Workplace {
	dir: TempDir,
	/// Held locked, so that others can tell this from what a killed process has left.
	_lock: Option<File>,
	output: Option<PathBuf>,
}

impl Workplace {
	/// For a job's result on its way to the user's folder, or to one of ours. Removes what killed processes have left of the same
	/// job.
	pub fn open(data: &DataDir, output: Option<&Path>, genesis: Hash, job: JobId) -> Result<Self, CliError> {
		let parent = match output {
			// It may be the root of a disk, which nothing next to it can be moved onto.
			Some(dir) if dir.is_dir() => dir.to_path_buf(),
			Some(dir) => match dir.parent() {
				Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
				_ => ".".into(),
			},
			None => data.results(),
		};
		let failed = |e| CliError::io("can't put the result together in", &parent)(e);
		std::fs::create_dir_all(&parent).map_err(failed)?;
		let prefix = format!("{OURS}job-{}-{job}-", hex::encode(&genesis.0[..8]));
		sweep(&parent, &prefix);
		for _ in 0..ATTEMPTS {
			let dir = tempfile::Builder::new()
				.prefix(&prefix)
				.tempdir_in(&parent)
				.map_err(failed)?;
			let lock = File::open(dir.path()).ok();
			// Where nothing can be locked, nothing is swept.
			let lock = lock.filter(|lock| lock.lock().is_ok());
			// Another process may have swept it before it was locked.
			if dir.path().exists() {
				return Ok(Self {
					dir,
					_lock: lock,
					output: output.map(Into::into),
				});
			}
		}
		Err(failed(ErrorKind::ResourceBusy.into()))
	}

	/// The folder of the result. It does not exist yet.
	pub fn result(&self) -> PathBuf {
		self.dir.path().join("result")
	}

	/// Moves a finished result to where it goes: the user's folder, or one named by its root.
	pub fn settle(self, data: &DataDir, root: &OutputRoot) -> Result<PathBuf, CliError> {
		let target = match &self.output {
			Some(dir) => {
				check_free(dir)?;
				match dir.is_dir() {
					true => merge(&self.result(), dir)?,
					false => std::fs::rename(self.result(), dir)
						.map_err(CliError::io("can't move the result to", dir))?,
				}
				dir.clone()
			},
			None => {
				let target = data.results().join(root.to_string());
				replace(&self.result(), &target)?;
				target
			},
		};
		Ok(std::path::absolute(&target).unwrap_or(target))
	}
}

/// Moves a result to where the same one may be, or what somebody made of it. Another process may be doing the same.
fn replace(from: &Path, to: &Path) -> Result<(), CliError> {
	let mut attempts = 0;
	loop {
		remove(to)?;
		attempts += 1;
		match std::fs::rename(from, to) {
			Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty && attempts < ATTEMPTS => (),
			moved => return moved.map_err(CliError::io("can't move the result to", to)),
		}
	}
}

/// Removes the workplaces of processes that are gone. What can't be removed is in nobody's way.
fn sweep(parent: &Path, prefix: &str) {
	for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
		let name = entry.file_name();
		if !name.as_encoded_bytes().starts_with(prefix.as_bytes()) {
			continue;
		}
		let lock = File::open(entry.path());
		if lock.is_ok_and(|lock| lock.try_lock().is_ok() && remove(&entry.path()).is_ok()) {
			tracing::debug!("{} was left behind and is removed", entry.path().display());
		}
	}
}

/// Removes a folder, if it is there.
pub fn remove(dir: &Path) -> Result<(), CliError> {
	match std::fs::remove_dir_all(dir) {
		Ok(()) => Ok(()),
		Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
		Err(e) => Err(CliError::io("can't remove the old folder", dir)(e)),
	}
}

/// Moves what `from` has and `to` has not over, and removes `from`.
pub fn merge(from: &Path, to: &Path) -> Result<(), CliError> {
	let failed = |e| CliError::io("can't put the result together in", to)(e);
	for entry in std::fs::read_dir(from).map_err(failed)? {
		let entry = entry.map_err(failed)?;
		let (source, target) = (entry.path(), to.join(entry.file_name()));
		if entry.file_type().map_err(failed)?.is_dir() && target.is_dir() {
			merge(&source, &target)?;
		} else if !target.exists() {
			std::fs::rename(&source, &target).map_err(failed)?;
		}
	}
	remove(from)
}

/// Adds what every result has, so that scripts find it: an exit code, and empty parts.
pub fn complete(dir: &Path, exit_code: i32) -> Result<(), CliError> {
	let failed = |e| CliError::io("can't complete the result in", dir)(e);
	std::fs::create_dir_all(dir.join("outputs")).map_err(failed)?;
	for part in ["stdout", "stderr"] {
		let path = dir.join(part);
		if !path.exists() {
			std::fs::write(&path, b"").map_err(failed)?;
		}
	}
	std::fs::write(dir.join("exitCode"), format!("{exit_code}\n")).map_err(failed)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn write(path: PathBuf, text: &str) {
		std::fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
		std::fs::write(path, text).expect("written");
	}

	fn read(path: PathBuf) -> String {
		std::fs::read_to_string(path).expect("read")
	}

	#[test]
	fn a_result_has_all_its_parts() {
		let dir = tempfile::tempdir().expect("a folder");
		write(dir.path().join("stdout"), "moo");
		complete(dir.path(), 3).expect("completed");
		assert_eq!(read(dir.path().join("stdout")), "moo");
		assert_eq!(read(dir.path().join("stderr")), "");
		assert_eq!(read(dir.path().join("exitCode")), "3\n");
		assert!(dir.path().join("outputs").is_dir());
	}

	#[test]
	fn what_is_verified_is_not_replaced() {
		let dir = tempfile::tempdir().expect("a folder");
		let (from, to) = (dir.path().join("from"), dir.path().join("to"));
		write(from.join("stdout"), "a lie");
		write(from.join("stderr"), "noise");
		write(from.join("outputs/more"), "2");
		write(to.join("stdout"), "moo");
		write(to.join("outputs/one"), "1");
		merge(&from, &to).expect("merged");
		assert_eq!(read(to.join("stdout")), "moo");
		assert_eq!(read(to.join("stderr")), "noise");
		assert_eq!(
			(read(to.join("outputs/one")), read(to.join("outputs/more"))),
			("1".into(), "2".into())
		);
		assert!(!from.exists());
	}

	const CHAIN: Hash = Hash::repeat_byte(1);

	fn workplace(data: &DataDir, output: Option<&Path>) -> Workplace {
		Workplace::open(data, output, CHAIN, JobId(1)).expect("opened")
	}

	fn names(dir: &Path) -> Vec<String> {
		let entries = std::fs::read_dir(dir).expect("listed");
		let names = entries.map(|entry| entry.expect("there").file_name().into_string().expect("UTF-8"));
		names.collect()
	}

	#[test]
	fn a_folder_that_nothing_can_be_put_into_is_refused_beforehand() {
		let dir = tempfile::tempdir().expect("a folder");
		check_free(&dir.path().join("not/there/yet")).expect("it can be made");
		check_free(dir.path()).expect("it is empty");
		assert_eq!(names(dir.path()), [""; 0], "nothing is left");
		#[cfg(target_os = "linux")]
		{
			// Not even root makes folders there.
			let refused = check_free(Path::new("/proc/out")).expect_err("nothing can be made there");
			assert!(refused.to_string().contains("--output"), "{refused}");
		}
	}

	#[test]
	fn the_users_folder_is_never_overwritten() {
		let dir = tempfile::tempdir().expect("a folder");
		let out = dir.path().join("out");
		let data = DataDir::at(dir.path().join("data"));
		let work = workplace(&data, Some(&out));
		write(work.result().join("stdout"), "moo");
		write(out.join("mine"), "precious");
		assert!(work.settle(&data, &OutputRoot([1; 32])).is_err());
		assert_eq!(read(out.join("mine")), "precious");
		assert_eq!(names(&out), ["mine"]);
	}

	#[test]
	fn a_folder_that_is_there_is_filled_and_not_replaced() {
		use std::os::unix::fs::MetadataExt;
		let dir = tempfile::tempdir().expect("a folder");
		let out = dir.path().join("out");
		let data = DataDir::at(dir.path().join("data"));
		std::fs::create_dir(&out).expect("made");
		// A mount point can't be replaced, and what is next to it is on another disk.
		let before = out.metadata().expect("there").ino();
		let work = workplace(&data, Some(&out));
		assert!(work.result().starts_with(&out));
		write(work.result().join("stdout"), "moo");
		write(work.result().join("outputs/one"), "1");
		check_free(&out).expect("what is ours does not count");
		let at = work.settle(&data, &OutputRoot([1; 32])).expect("filled");
		assert_eq!(at, out);
		assert_eq!(out.metadata().expect("there").ino(), before);
		assert_eq!(read(out.join("outputs/one")), "1");
		let mut left = names(&out);
		left.sort();
		assert_eq!(left, ["outputs", "stdout"]);
	}

	#[test]
	fn a_folder_that_is_not_there_is_made_in_one_step() {
		let dir = tempfile::tempdir().expect("a folder");
		let out = dir.path().join("not/yet");
		let data = DataDir::at(dir.path().join("data"));
		let work = workplace(&data, Some(&out));
		write(work.result().join("stdout"), "moo");
		work.settle(&data, &OutputRoot([1; 32])).expect("moved");
		assert_eq!(read(out.join("stdout")), "moo");
		assert_eq!(names(&dir.path().join("not")), ["yet"]);
	}

	#[test]
	fn the_same_result_twice_is_one_folder() {
		let dir = tempfile::tempdir().expect("a folder");
		let data = DataDir::at(dir.path());
		let mut places = Vec::new();
		for _ in 0..2 {
			let work = workplace(&data, None);
			write(work.result().join("stdout"), "moo");
			places.push(work.settle(&data, &OutputRoot([1; 32])).expect("moved"));
		}
		assert_eq!(places[0], places[1]);
		assert!(places[0].ends_with(format!("downloaded-files/{}", "01".repeat(32))));
	}

	#[test]
	fn two_commands_on_one_job_are_not_in_each_others_way() {
		let dir = tempfile::tempdir().expect("a folder");
		let data = DataDir::at(dir.path());
		let first = workplace(&data, None);
		write(first.result().join("stdout"), "moo");
		let second = workplace(&data, None);
		assert_ne!(first.result(), second.result());
		assert_eq!(read(first.result().join("stdout")), "moo");
		drop(second);
		let root = OutputRoot([1; 32]);
		let at = first.settle(&data, &root).expect("moved");
		assert_eq!(read(at.join("stdout")), "moo");
		assert_eq!(names(&data.results()), [root.to_string()]);
	}

	#[test]
	fn what_a_killed_process_has_left_is_swept() {
		let dir = tempfile::tempdir().expect("a folder");
		let data = DataDir::at(dir.path());
		let left = |genesis: &str, job: u8| {
			let folder = data.results().join(format!("{OURS}job-{genesis}-{job}-abcdef"));
			write(folder.join("result/stdout"), "half");
			folder
		};
		let ours = left("0101010101010101", 1);
		let others = [left("0101010101010101", 11), left("0202020202020202", 1)];
		let work = workplace(&data, None);
		assert!(!ours.exists());
		assert!(others.iter().all(|folder| folder.exists()));
		assert!(work.dir.path().exists());
	}
}
