//! The folder with a result: `stdout`, `stderr`, `exitCode` and `outputs/`.

use crate::{data::DataDir, error::CliError};
use lilypad_primitives::{JobId, OutputRoot};
use std::path::{Path, PathBuf};

/// Refuses a folder that has something in it: nothing is ever overwritten.
pub fn check_free(dir: &Path) -> Result<(), CliError> {
	match std::fs::read_dir(dir) {
		Ok(mut entries) => match entries.next() {
			None => check_writable(dir),
			Some(_) => Err(CliError::Input(format!(
				"{} is not empty: name another folder with --output",
				dir.display()
			))),
		},
		Err(e) if e.kind() == std::io::ErrorKind::NotFound => check_writable(dir),
		Err(e) => Err(CliError::io("can't use the output folder", dir)(e)),
	}
}

/// A result is put together next to the folder that it goes to: whether that can be is found out before anything is paid.
fn check_writable(dir: &Path) -> Result<(), CliError> {
	let parents = std::path::absolute(dir).map_err(CliError::io("can't use the output folder", dir))?;
	let there = parents.ancestors().skip(1).find(|parent| parent.exists());
	let parent = there.unwrap_or(Path::new("/"));
	let probe = parent.join(format!(".lilypad-probe-{}", std::process::id()));
	std::fs::create_dir(&probe)
		.and_then(|()| std::fs::remove_dir(&probe))
		.map_err(|e| {
			CliError::Input(format!(
				"{} can't be the output folder, because results are put together in {}, which can't be written to ({e}): name \
				 another with --output",
				dir.display(),
				parent.display()
			))
		})
}

/// Where a result is put together: next to where it goes, so that moving it there is one step.
pub fn workplace(data: &DataDir, output: Option<&Path>, job: JobId) -> PathBuf {
	let name = format!(".lilypad-job-{job}");
	match output {
		Some(dir) => dir
			.parent()
			.filter(|p| !p.as_os_str().is_empty())
			.unwrap_or(Path::new("."))
			.join(name),
		None => data.results().join(name),
	}
}

/// Moves a finished result to where it goes: the user's folder, or one named by its root.
pub fn settle(
	workplace: &Path,
	data: &DataDir,
	output: Option<&Path>,
	root: &OutputRoot,
) -> Result<PathBuf, CliError> {
	let target = match output {
		Some(dir) => {
			check_free(dir)?;
			dir.to_path_buf()
		},
		None => data.results().join(root.to_string()),
	};
	// The user's folder is empty; one of ours has the same content, or what somebody made of it.
	remove(&target)?;
	std::fs::rename(workplace, &target).map_err(CliError::io("can't move the result to", &target))?;
	Ok(std::path::absolute(&target).unwrap_or(target))
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

	#[test]
	fn a_folder_that_nothing_can_be_put_next_to_is_refused_beforehand() {
		let dir = tempfile::tempdir().expect("a folder");
		check_free(&dir.path().join("not/there/yet")).expect("it can be made");
		let left = std::fs::read_dir(dir.path()).expect("there").count();
		assert_eq!(left, 0, "nothing is left");
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
		let (work, out) = (dir.path().join("work"), dir.path().join("out"));
		let data = DataDir::at(dir.path().join("data"));
		write(work.join("stdout"), "moo");
		write(out.join("mine"), "precious");
		assert!(settle(&work, &data, Some(&out), &OutputRoot([1; 32])).is_err());
		assert_eq!(read(out.join("mine")), "precious");
		remove(&out).expect("removed");
		std::fs::create_dir(&out).expect("empty");
		let at = settle(&work, &data, Some(&out), &OutputRoot([1; 32])).expect("an empty folder will do");
		assert_eq!(read(at.join("stdout")), "moo");
	}

	#[test]
	fn the_same_result_twice_is_one_folder() {
		let dir = tempfile::tempdir().expect("a folder");
		let data = DataDir::at(dir.path());
		let mut places = Vec::new();
		for _ in 0..2 {
			let work = workplace(&data, None, JobId(1));
			write(work.join("stdout"), "moo");
			places.push(settle(&work, &data, None, &OutputRoot([1; 32])).expect("moved"));
		}
		assert_eq!(places[0], places[1]);
		assert!(places[0].ends_with(format!("downloaded-files/{}", "01".repeat(32))));
	}
}
