//! The most memory that a container had, as the kernel counts it.
//!
//! What an engine tells of a container's memory is what it has at that moment (but for the first version of control groups), and
//! looking every now and then misses the moment that counts. The kernel keeps the highest value itself, and forgets it together
//! with the container; so it is read from there, again and again. It counts only if hardly anything of the run came after
//! the last reading: a run of a tenth of a second has no known peak, and neither has one on an engine with a kernel of its own.
//!
//! The kernel counts what it keeps of files, too, as long as nothing else wants the room: a program may need less.

use super::{super::MemoryNeed, time};
use lilypad_primitives::Millis;
use std::{
	path::{Path, PathBuf},
	sync::atomic::{AtomicI64, AtomicU64, Ordering},
	time::Duration,
};

/// Between two readings, which take some microseconds each.
const PAUSE: Duration = Duration::from_millis(10);
/// Longest end of a run that need not be covered by a reading, and which part of the run it may be.
const UNSEEN: Millis = 100;
const UNSEEN_PART: Millis = 20;

/// The mounted control groups, of either version.
const MOUNT: &str = "/sys/fs/cgroup";

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Peak {
	bytes: AtomicU64,
	/// When, in milliseconds since the Unix epoch.
	read_at: AtomicI64,
}

impl Peak {
	/// Reads again and again; never ends. `id` and `pid` are the container's.
	pub(super) async fn watch(&self, id: &str, pid: i64) {
		if let Some(file) = file_of(id, pid) {
			// Its end is the container's.
			while let Some(bytes) = read(&file) {
				self.bytes.fetch_max(bytes, Ordering::Relaxed);
				self.read_at.store(time::now(), Ordering::Relaxed);
				tokio::time::sleep(PAUSE).await;
			}
		}
		std::future::pending().await
	}

	/// What is known of a run that took so long and ended then, in milliseconds since the Unix epoch.
	pub(super) fn of_run(self, usage: Millis, ended: i64) -> MemoryNeed {
		let unseen = ended.saturating_sub(self.read_at.into_inner());
		let most = UNSEEN.min(usage / UNSEEN_PART);
		match self.bytes.into_inner() {
			bytes if bytes > 0 && unseen <= i64::try_from(most).unwrap_or(0) => MemoryNeed::AtMost(bytes),
			_ => MemoryNeed::Unknown,
		}
	}
}

/// A number in a file of the kernel's, which is in memory: reading it blocks nobody.
fn read(file: &Path) -> Option<u64> {
	std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Where the kernel tells the highest value, if it is this machine's kernel.
fn file_of(id: &str, pid: i64) -> Option<PathBuf> {
	let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
	candidates(Path::new(MOUNT), &groups, id)
		.into_iter()
		.find(|file| read(file).is_some())
}

/// Files that may tell it, given what `/proc/<pid>/cgroup` says. With an engine on another machine that process is somebody
/// else's, so only groups that bear the container's id count; of nested ones the innermost comes first.
fn candidates(mount: &Path, groups: &str, id: &str) -> Vec<PathBuf> {
	let group_of = |line: &str| {
		let (_, rest) = line.split_once(':')?;
		let (controllers, group) = rest.split_once(':')?;
		let place = match controllers {
			// The second version has one hierarchy for everything.
			"" => (mount.to_path_buf(), "memory.peak"),
			_ if controllers.split(',').any(|one| one == "memory") => {
				(mount.join("memory"), "memory.max_usage_in_bytes")
			},
			_ => return None,
		};
		Some((place, PathBuf::from(group.trim_start_matches('/'))))
	};
	let files = |((root, file), group): ((PathBuf, &str), PathBuf)| {
		let bears_id = |path: &&Path| id.len() >= 12 && path.to_string_lossy().contains(id);
		group
			.ancestors()
			.take_while(bears_id)
			.map(|path| root.join(path).join(file))
			.collect::<Vec<_>>()
	};
	groups.lines().filter_map(group_of).flat_map(files).collect()
}

#[cfg(test)]
mod tests {
	use super::*;

	const ID: &str = "3d515e2500b8aa57";

	fn found(groups: &str) -> Vec<String> {
		candidates(Path::new("/c"), groups, ID)
			.iter()
			.map(|path| path.display().to_string())
			.collect()
	}

	#[test]
	fn the_file_is_that_of_the_containers_own_group() {
		let first = format!("5:cpu,cpuacct:/docker/{ID}\n4:memory:/docker/{ID}\n0::/system.slice\n");
		assert_eq!(
			found(&first),
			[format!("/c/memory/docker/{ID}/memory.max_usage_in_bytes")]
		);
		let second = format!("0::/system.slice/docker-{ID}.scope\n");
		assert_eq!(
			found(&second),
			[format!("/c/system.slice/docker-{ID}.scope/memory.peak")]
		);
		// Podman puts the program into a group within the one that has the limit.
		let nested = format!("0::/machine.slice/libpod-{ID}.scope/container\n");
		let outer = format!("/c/machine.slice/libpod-{ID}.scope");
		assert_eq!(
			found(&nested),
			[
				format!("{outer}/container/memory.peak"),
				format!("{outer}/memory.peak")
			]
		);
	}

	#[test]
	fn somebody_elses_process_tells_nothing() {
		assert!(found("0::/user.slice/user-1000.slice/session-1.scope\n4:memory:/docker/other\n").is_empty());
		assert!(found("").is_empty() && found("nonsense\n4:memory\n").is_empty());
		assert!(
			candidates(Path::new("/c"), "0::/a\n", "").is_empty(),
			"an engine that tells no id"
		);
	}

	#[test]
	fn a_peak_counts_only_when_the_end_of_the_run_was_seen() {
		let peak = |bytes, read_at| Peak {
			bytes: AtomicU64::new(bytes),
			read_at: AtomicI64::new(read_at),
		};
		let known = MemoryNeed::AtMost(7);
		// A fifth of a second: 10 ms are a twentieth of it.
		assert_eq!(peak(7, 1_000).of_run(200, 1_010), known);
		assert_eq!(peak(7, 1_000).of_run(200, 1_011), MemoryNeed::Unknown);
		// The control group may outlive the program by a moment.
		assert_eq!(peak(7, 1_005).of_run(20, 1_000), known);
		assert_eq!(peak(7, 1_000).of_run(3_600_000, 1_100), known);
		assert_eq!(peak(7, 1_000).of_run(3_600_000, 1_101), MemoryNeed::Unknown);
		assert_eq!(
			Peak::default().of_run(3_600_000, time::now()),
			MemoryNeed::Unknown
		);
	}
}
