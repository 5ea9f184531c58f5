use super::*;
use crate::executor::MemoryNeed;
use iroh_blobs::{format::collection::Collection, Hash};
use proptest::prelude::*;
use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

const ALL: [VerifiedPart; 3] = [
	VerifiedPart::ExitCode,
	VerifiedPart::Stdout,
	VerifiedPart::Outputs,
];

struct Left {
	dir: tempfile::TempDir,
	outcome: RunOutcome,
}

/// What a run that wrote "hello" left behind.
fn left() -> Left {
	let dir = tempfile::tempdir().expect("a folder");
	let at = |name: &str| dir.path().join(name);
	fs::create_dir(at("outputs")).expect("made");
	fs::write(at("stdout"), "hello").expect("written");
	fs::write(at("stderr"), "careful").expect("written");
	let outcome = RunOutcome {
		status: Status::Completed,
		exit_code: 3,
		usage: 7,
		stdout: at("stdout"),
		stderr: at("stderr"),
		outputs: at("outputs"),
		memory: MemoryNeed::Unknown,
		peak_disk: None,
		detail: None,
	};
	Left { dir, outcome }
}

impl Left {
	fn file(self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Self {
		let path = self.outcome.outputs.join(name);
		fs::create_dir_all(path.parent().expect("below the outputs")).expect("made");
		fs::write(path, bytes).expect("written");
		self
	}

	fn collect(&self, limits: &OutputLimits) -> Collected {
		collect_now(&self.outcome, &ALL, limits).expect("read")
	}

	fn refused(&self, limits: &OutputLimits, status: Status) -> String {
		let got = self.collect(limits);
		assert_eq!(
			got.triple,
			Triple {
				status,
				exit_code: 0,
				root: empty_root()
			}
		);
		assert_eq!(got.exit_code, 0);
		assert!(got.entries.is_empty());
		got.detail.expect("a reason")
	}
}

fn names(entries: &[OutputEntry]) -> Vec<&str> {
	entries.iter().map(|e| e.name.as_str()).collect()
}

/// What iroh-blobs itself makes of the same files.
fn iroh_root(files: &[(String, [u8; 32])]) -> OutputRoot {
	let collection: Collection = files
		.iter()
		.map(|(n, h)| (n.clone(), Hash::from_bytes(*h)))
		.collect();
	let root = collection.to_blobs().last().expect("the sequence of hashes");
	OutputRoot(blake3::hash(&root).into())
}

fn entry(name: &str, bytes: &[u8]) -> OutputEntry {
	OutputEntry {
		name: name.into(),
		path: PathBuf::new(),
		hash: blake3::hash(bytes).into(),
		size: bytes.len() as u64,
	}
}

#[test]
fn entries_are_the_verified_parts_in_byte_order() {
	let got = left()
		.file("z", "1")
		.file("a/b", "2")
		.file("a-b", "3")
		.collect(&OutputLimits::PROTOCOL);
	assert_eq!(
		names(&got.entries),
		["outputs/a-b", "outputs/a/b", "outputs/z", "stdout"]
	);
	assert_eq!(names(&got.sidecar), ["stderr"]);
	assert_eq!(got.triple.status, Status::Completed);
	assert_eq!((got.triple.exit_code, got.exit_code, got.usage), (3, 3, 7));
	assert_eq!(got.entries[0].hash, *blake3::hash(b"3").as_bytes());
	let pairs: Vec<_> = got.entries.iter().map(|e| (e.name.clone(), e.hash)).collect();
	assert_eq!(got.triple.root, iroh_root(&pairs));
}

#[test]
fn what_is_not_verified_comes_along_beside() {
	let l = left().file("f", "1");
	let got = collect_now(&l.outcome, &[VerifiedPart::Outputs], &OutputLimits::PROTOCOL).expect("read");
	assert_eq!(names(&got.entries), ["outputs/f"]);
	assert_eq!(names(&got.sidecar), ["stderr", "stdout"]);
	assert_eq!((got.triple.exit_code, got.exit_code), (0, 3));
}

#[test]
fn a_run_that_did_not_complete_has_the_empty_root() {
	let mut l = left().file("f", "1");
	l.outcome.status = Status::TimeExceeded;
	let got = l.collect(&OutputLimits::PROTOCOL);
	assert_eq!(
		got.triple,
		Triple {
			status: Status::TimeExceeded,
			exit_code: 0,
			root: empty_root()
		}
	);
	assert_eq!(names(&got.sidecar), ["stderr", "stdout"]);
	assert_eq!(empty_root(), iroh_root(&[]));
}

#[test]
fn links_devices_pipes_and_sockets_are_refused() {
	let limits = OutputLimits::PROTOCOL;
	let l = left();
	std::os::unix::fs::symlink("/etc/passwd", l.outcome.outputs.join("link")).expect("made");
	assert!(l.refused(&limits, Status::JobError).contains("symbolic link"));

	let l = left();
	std::os::unix::fs::symlink("/etc", l.outcome.outputs.join("folder")).expect("made");
	assert!(l.refused(&limits, Status::JobError).contains("symbolic link"));

	let l = left();
	let _socket = std::os::unix::net::UnixListener::bind(l.outcome.outputs.join("s")).expect("made");
	assert!(l.refused(&limits, Status::JobError).contains("socket"));

	let l = left();
	let fifo = std::process::Command::new("mkfifo")
		.arg(l.outcome.outputs.join("p"))
		.status()
		.expect("coreutils");
	assert!(fifo.success());
	assert!(l.refused(&limits, Status::JobError).contains("pipe"));

	let l = left().file("a", "x");
	fs::hard_link(l.outcome.outputs.join("a"), l.outcome.outputs.join("b")).expect("made");
	assert!(l.refused(&limits, Status::JobError).contains("hard link"));
}

#[test]
fn hostile_names_are_refused() {
	let limits = OutputLimits::PROTOCOL;
	for name in [&b"a\nb"[..], b"a\x1b[31mb", b"a\\..\\b", b"\xff\xfe", b"a\x7f"] {
		let detail = left()
			.file(OsStr::from_bytes(name), "x")
			.refused(&limits, Status::JobError);
		assert!(detail.contains("plain text"), "{detail}");
		assert!(
			!detail.chars().any(char::is_control),
			"the message itself is harmless"
		);
	}
	let kept = left().file("späße 🐮 $(rm -rf ~)", "x").collect(&limits);
	assert_eq!(kept.entries[0].name, "outputs/späße 🐮 $(rm -rf ~)");
}

#[test]
fn too_much_output_is_refused() {
	let limits = OutputLimits {
		max_bytes: 10,
		max_files: 3,
		max_depth: 2,
		max_name: 40,
		..OutputLimits::PROTOCOL
	};
	assert_eq!(
		left().file("a", [0; 10]).collect(&limits).triple.status,
		Status::Completed
	);
	assert!(left()
		.file("a", [0; 11])
		.refused(&limits, Status::OutputExceeded)
		.contains("10 bytes"));
	assert!(left()
		.file("a", [0; 6])
		.file("b", [0; 5])
		.refused(&limits, Status::OutputExceeded)
		.contains("10 bytes"));
	let many = left().file("a", "").file("b", "").file("c", "");
	assert_eq!(many.collect(&limits).entries.len(), 4);
	assert!(many
		.file("d", "")
		.refused(&limits, Status::OutputExceeded)
		.contains("3 outputs"));
	assert_eq!(
		left().file("a/b/c", "").collect(&limits).triple.status,
		Status::Completed
	);
	assert!(left()
		.file("a/b/c/d", "")
		.refused(
			&OutputLimits {
				max_files: 9,
				..limits
			},
			Status::OutputExceeded
		)
		.contains("deep"));
	assert!(left()
		.file("x".repeat(50), "")
		.refused(&limits, Status::OutputExceeded)
		.contains("40 bytes"));
}

#[test]
fn a_sparse_file_counts_with_its_full_length() {
	let l = left();
	fs::File::create(l.outcome.outputs.join("huge"))
		.and_then(|f| f.set_len(1 << 42))
		.expect("made");
	assert!(l
		.refused(&OutputLimits::PROTOCOL, Status::OutputExceeded)
		.contains("bytes"));
}

#[test]
fn unreadable_files_are_read_all_the_same() {
	let l = left().file("d/f", "x");
	let open = l.collect(&OutputLimits::PROTOCOL);
	fs::set_permissions(l.outcome.outputs.join("d/f"), fs::Permissions::from_mode(0o0)).expect("set");
	fs::set_permissions(l.outcome.outputs.join("d"), fs::Permissions::from_mode(0o0)).expect("set");
	assert_eq!(l.collect(&OutputLimits::PROTOCOL).triple, open.triple);
}

#[test]
fn times_and_owners_do_not_matter() {
	let one = left().file("a", "x").file("b", "y");
	let other = left().file("b", "y").file("a", "x");
	let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
	fs::File::options()
		.write(true)
		.open(other.outcome.outputs.join("a"))
		.and_then(|f| f.set_modified(old))
		.expect("set");
	fs::set_permissions(other.outcome.outputs.join("b"), fs::Permissions::from_mode(0o755)).expect("set");
	fs::create_dir(other.outcome.outputs.join("empty")).expect("made");
	assert_eq!(
		one.collect(&OutputLimits::PROTOCOL).triple,
		other.collect(&OutputLimits::PROTOCOL).triple
	);
	assert!(one.dir.path().exists());
}

#[test]
fn a_missing_outputs_folder_is_no_output() {
	let l = left();
	fs::remove_dir(&l.outcome.outputs).expect("removed");
	assert_eq!(names(&l.collect(&OutputLimits::PROTOCOL).entries), ["stdout"]);
}

fn files() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
	prop::collection::btree_map(
		"[a-z/é🐮]{0,200}",
		prop::collection::vec(any::<u8>(), 0..40),
		0..300,
	)
	.prop_map(|m| m.into_iter().collect())
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(64))]

	#[test]
	fn the_root_is_that_of_iroh_blobs(files in files()) {
		let entries: Vec<_> = files.iter().map(|(n, b)| entry(n, b)).collect();
		let pairs: Vec<_> = entries.iter().map(|e| (e.name.clone(), e.hash)).collect();
		prop_assert_eq!(output_root(&entries), iroh_root(&pairs));
	}

	#[test]
	fn the_root_does_not_depend_on_the_order(files in files(), seed in any::<u64>()) {
		let mut entries: Vec<_> = files.iter().map(|(n, b)| entry(n, b)).collect();
		let root = output_root(&entries);
		entries.sort_by_key(|e| blake3::hash(&[&seed.to_le_bytes()[..], e.name.as_bytes()].concat()).as_bytes().to_vec());
		prop_assert_eq!(output_root(&entries), root);
	}

	#[test]
	fn the_root_changes_with_any_byte_or_name(files in files(), at in any::<prop::sample::Index>(), extra in any::<u8>()) {
		prop_assume!(!files.is_empty());
		let entries: Vec<_> = files.iter().map(|(n, b)| entry(n, b)).collect();
		let root = output_root(&entries);
		let at = at.index(files.len());
		let mut bytes = entries.clone();
		bytes[at] = entry(&files[at].0, &[&files[at].1[..], &[extra]].concat());
		prop_assert_ne!(output_root(&bytes), root);
		let mut name = entries.clone();
		name[at].name.push('!');
		prop_assert_ne!(output_root(&name), root);
		let mut fewer = entries;
		fewer.remove(at);
		prop_assert_ne!(output_root(&fewer), root);
	}
}
