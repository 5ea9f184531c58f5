use super::*;

fn files() -> (tempfile::TempDir, Files) {
	let dir = tempfile::tempdir().expect("a folder");
	let mut files = Files::new(dir.path().into(), 1 << 20);
	files.add_folder("/tmp", true).expect("made");
	files.add_folder("/inputs", false).expect("made");
	(dir, files)
}

fn code<T: std::fmt::Debug>(result: Result<T, Fail>) -> u16 {
	match result.expect_err("must fail") {
		Fail::Errno(code) => code,
		Fail::Stop(stop) => panic!("{stop}"),
	}
}

#[test]
fn files_are_written_and_read() {
	let (_dir, mut files) = files();
	let node = files.create_file(ROOT, "tmp/a").expect("made").node;
	files.write_at(node, 3, b"xyz").expect("written");
	let mut read = [9; 10];
	assert_eq!(files.read_at(node, 0, &mut read).expect("read"), 6);
	assert_eq!(&read[..6], b"\0\0\0xyz");
	assert_eq!(files.read_at(node, 99, &mut read).expect("read"), 0);
	files.set_length(node, 4).expect("cut");
	assert_eq!(files.lookup(ROOT, "./tmp/../tmp//a").expect("there").length, 4);
}

#[test]
fn nothing_leads_out_of_the_tree() {
	let (_dir, mut files) = files();
	for path in ["/etc/passwd", "..", "../etc", "tmp/../../etc"] {
		assert_eq!(code(files.lookup(ROOT, path)), errno::NOTCAPABLE, "{path}");
	}
	assert_eq!(code(files.create_file(ROOT, "new")), errno::ROFS);
	assert_eq!(code(files.create_file(ROOT, "inputs/new")), errno::ROFS);
	assert_eq!(
		code(files.create_file(ROOT, &"tmp/x".repeat(1000))),
		errno::NAMETOOLONG
	);
	assert_eq!(code(files.lookup(ROOT, "")), errno::NOENT);
}

#[test]
fn inputs_can_only_be_read() {
	let (dir, mut files) = files();
	let host = dir.path().join("host");
	std::fs::write(&host, "secret").expect("written");
	files.add_input("/inputs/a/b", &host, 6).expect("added");
	let stat = files.lookup(ROOT, "inputs/a/b").expect("there");
	assert!(!stat.writable);
	assert_eq!(code(files.unlink(ROOT, "inputs/a/b")), errno::ROFS);
	assert_eq!(code(files.set_length(stat.node, 0)), errno::ROFS);
	assert_eq!(code(files.rename(ROOT, "inputs/a/b", ROOT, "tmp/b")), errno::ROFS);
	assert!(host.exists());
}

#[test]
fn disk_is_counted_and_given_back() {
	let (dir, mut files) = files();
	let node = files.create_file(ROOT, "tmp/a").expect("made").node;
	files.set_length(node, 500_000).expect("fits");
	let used = files.used;
	files.opened(node).expect("open");
	files.unlink(ROOT, "tmp/a").expect("removed");
	assert_eq!(files.used, used, "an open file still takes its room");
	files.closed(node).expect("closed");
	assert_eq!(files.used, 0);
	assert_eq!(std::fs::read_dir(dir.path()).expect("read").count(), 0);
	let node = files.create_file(ROOT, "tmp/b").expect("made").node;
	assert!(matches!(
		files.write_at(node, 1 << 20, b"x"),
		Err(Fail::Stop(Stop::Disk))
	));
	for n in 0.. {
		if let Err(fail) = files.create_folder(ROOT, &format!("tmp/{n}")) {
			assert!(matches!(fail, Fail::Stop(Stop::Disk)));
			break;
		}
	}
}

#[test]
fn renaming_works_and_makes_no_loops() {
	let (_dir, mut files) = files();
	files.create_folder(ROOT, "tmp/a").expect("made");
	files.create_folder(ROOT, "tmp/a/b").expect("made");
	files.create_file(ROOT, "tmp/f").expect("made");
	assert_eq!(code(files.rename(ROOT, "tmp/a", ROOT, "tmp/a/b/c")), errno::INVAL);
	assert_eq!(code(files.rename(ROOT, "tmp/a", ROOT, "tmp/f")), errno::NOTDIR);
	assert_eq!(code(files.rename(ROOT, "tmp/f", ROOT, "tmp/a")), errno::ISDIR);
	files.rename(ROOT, "tmp/f", ROOT, "tmp/a/b/g").expect("moved");
	files.rename(ROOT, "tmp/a/b", ROOT, "tmp/z").expect("moved");
	assert!(files.lookup(ROOT, "tmp/z/../z/g").is_ok());
	assert_eq!(code(files.remove_folder(ROOT, "tmp/z")), errno::NOTEMPTY);
	assert_eq!(
		files
			.files_below(ROOT)
			.expect("read")
			.into_iter()
			.map(|f| f.0)
			.collect::<Vec<_>>(),
		["tmp/z/g"]
	);
}

#[test]
fn folders_are_listed_in_byte_order() {
	let (_dir, mut files) = files();
	for name in ["b", "a", "ä", "B"] {
		files.create_file(ROOT, &format!("tmp/{name}")).expect("made");
	}
	let tmp = files.lookup(ROOT, "tmp").expect("there").node;
	let names: Vec<_> = files.list(tmp).expect("read").into_iter().map(|e| e.0).collect();
	assert_eq!(names, [".", "..", "B", "a", "b", "ä"]);
}
