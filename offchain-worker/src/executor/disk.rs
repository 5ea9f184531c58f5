//! How much disk a run uses, and how to get rid of what it left.
//!
//! Use is counted by length, not by blocks, so that it is the same on every file system and a sparse file counts whole:
//! each file as its length rounded up to 4 KiB, each entry as 4 KiB more.

use super::ExecError;
use std::{
	fs, io,
	os::unix::fs::{MetadataExt, PermissionsExt},
	path::Path,
	sync::atomic::{AtomicU64, Ordering},
	time::{Duration, Instant},
};

/// What an entry costs by itself, and the unit that lengths are rounded up to.
pub(crate) const BLOCK: u64 = 4096;

/// What a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskUsage {
	/// Bytes, counted as the module says.
	pub bytes: u64,
	/// Files, folders and whatever else there is.
	pub entries: u64,
}

/// What a file or folder of this length costs.
pub(crate) fn cost(length: u64) -> u64 {
	length.div_ceil(BLOCK).saturating_mul(BLOCK).saturating_add(BLOCK)
}

/// Measures a folder without following links, stopping early once `limit` bytes are passed. What vanishes meanwhile, or
/// can't be read, does not count.
pub fn usage_of(dir: &Path, limit: u64) -> DiskUsage {
	let mut usage = DiskUsage::default();
	let mut folders = vec![dir.to_path_buf()];
	while let Some(folder) = folders.pop() {
		let Ok(entries) = fs::read_dir(&folder) else {
			continue;
		};
		for entry in entries.flatten() {
			let Ok(meta) = fs::symlink_metadata(entry.path()) else {
				continue;
			};
			usage.entries += 1;
			usage.bytes = usage
				.bytes
				.saturating_add(cost(if meta.is_file() { meta.size() } else { 0 }));
			if usage.bytes > limit {
				return usage;
			}
			if meta.is_dir() {
				folders.push(entry.path());
			}
		}
	}
	usage
}

/// Bytes free for unprivileged programs on the file system of a path, or of the nearest folder above it that exists.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
	let there = path.ancestors().find(|p| p.exists()).unwrap_or(Path::new("/"));
	let stat = rustix::fs::statvfs(there)?;
	Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Fails when a file system has less free than a run may need.
pub(crate) fn check_room(path: &Path, needed: u64) -> Result<(), ExecError> {
	let free = free_bytes(path).map_err(ExecError::io("looking at", path))?;
	match free >= needed {
		true => Ok(()),
		false => Err(ExecError::DiskFull {
			path: path.into(),
			needed,
			free,
		}),
	}
}

/// Measures a folder again and again; ends once it holds more than `limit` bytes. `peak` is the most that was seen. Between
/// two looks lies at least a tenth of a second, and nine times as long as a look takes: watching costs at most a tenth of a
/// core.
pub(crate) async fn wait_until_exceeded(dir: &Path, limit: u64, peak: &AtomicU64) {
	let mut pause = Duration::from_millis(50);
	loop {
		tokio::time::sleep(pause).await;
		let dir = dir.to_path_buf();
		let start = Instant::now();
		let looked = tokio::task::spawn_blocking(move || usage_of(&dir, limit)).await;
		let bytes = looked.unwrap_or_default().bytes;
		peak.fetch_max(bytes, Ordering::Relaxed);
		match bytes > limit {
			true => return,
			false => pause = (start.elapsed() * 9).clamp(Duration::from_millis(100), Duration::from_secs(5)),
		}
	}
}

/// Removes the scratch folder of a run, whatever permissions its program left behind. Links are removed, not followed.
pub fn remove_scratch(dir: &Path) -> io::Result<()> {
	match fs::remove_dir_all(dir) {
		Ok(()) => return Ok(()),
		Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
		Err(e) if e.kind() != io::ErrorKind::PermissionDenied => return Err(e),
		Err(_) => (),
	}
	let mut folders = vec![dir.to_path_buf()];
	while let Some(folder) = folders.pop() {
		// A folder that is not ours stays as it is, and the removal below says so.
		let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
		for entry in fs::read_dir(&folder)?.flatten() {
			if fs::symlink_metadata(entry.path()).is_ok_and(|m| m.is_dir()) {
				folders.push(entry.path());
			}
		}
	}
	fs::remove_dir_all(dir)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn usage_counts_lengths_and_entries() {
		let dir = tempfile::tempdir().expect("a folder");
		fs::write(dir.path().join("a"), [0; 5000]).expect("written");
		fs::create_dir(dir.path().join("d")).expect("made");
		fs::write(dir.path().join("d/b"), []).expect("written");
		let usage = usage_of(dir.path(), u64::MAX);
		assert_eq!(
			usage,
			DiskUsage {
				bytes: 3 * BLOCK + BLOCK + BLOCK,
				entries: 3
			}
		);
	}

	#[test]
	fn a_sparse_file_counts_whole() {
		let dir = tempfile::tempdir().expect("a folder");
		fs::File::create(dir.path().join("sparse"))
			.and_then(|f| f.set_len(1 << 40))
			.expect("made");
		assert!(usage_of(dir.path(), u64::MAX).bytes > 1 << 40);
	}

	#[test]
	fn links_are_not_followed() {
		let dir = tempfile::tempdir().expect("a folder");
		std::os::unix::fs::symlink("/", dir.path().join("root")).expect("made");
		std::os::unix::fs::symlink(".", dir.path().join("self")).expect("made");
		assert_eq!(usage_of(dir.path(), u64::MAX).entries, 2);
		remove_scratch(dir.path()).expect("removed");
		assert!(Path::new("/etc").exists() && !dir.path().exists());
	}

	#[test]
	fn scratch_is_removed_whatever_its_permissions() {
		let dir = tempfile::tempdir().expect("a folder");
		let inner = dir.path().join("a/b");
		fs::create_dir_all(&inner).expect("made");
		fs::write(inner.join("f"), "x").expect("written");
		fs::set_permissions(&inner, fs::Permissions::from_mode(0o0)).expect("set");
		fs::set_permissions(dir.path().join("a"), fs::Permissions::from_mode(0o500)).expect("set");
		remove_scratch(dir.path()).expect("removed");
		remove_scratch(dir.path()).expect("nothing to remove is fine");
		assert!(!dir.path().exists());
	}

	#[test]
	fn room_is_checked() {
		let dir = tempfile::tempdir().expect("a folder");
		assert!(check_room(dir.path(), 1).is_ok());
		assert!(check_room(&dir.path().join("not/there"), 1).is_ok());
		assert!(matches!(
			check_room(dir.path(), u64::MAX),
			Err(ExecError::DiskFull { .. })
		));
	}

	#[tokio::test]
	async fn waiting_ends_when_the_limit_is_passed() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().to_path_buf();
		let watch = tokio::spawn(async move {
			let peak = AtomicU64::new(0);
			wait_until_exceeded(&path, 100_000, &peak).await;
			peak.into_inner()
		});
		fs::write(dir.path().join("big"), vec![0; 200_000]).expect("written");
		let peak = tokio::time::timeout(Duration::from_secs(5), watch)
			.await
			.expect("in time")
			.expect("no panic");
		assert!(peak > 100_000);
	}
}
