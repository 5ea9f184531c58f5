//! WebAssembly: the same limits as in a container, and nothing that differs between two machines.
#![allow(missing_docs, clippy::unwrap_used)]

mod executor;

use executor::*;
use lilypad_primitives::{MachineSpec, RuntimeImage, Status};
use lilypad_worker::executor::*;
use std::{
	path::{Path, PathBuf},
	process::Command,
	sync::OnceLock,
	time::Duration,
};
use tokio_util::sync::CancellationToken;

/// `probe.c` as WebAssembly.
fn probe() -> &'static Path {
	static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
	&BUILT
		.get_or_init(|| {
			let dir = tempfile::tempdir().unwrap();
			let out = dir.path().join("probe.wasm");
			let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/executor/probe.c");
			let clang = Command::new("clang")
				.args(["--target=wasm32-wasi", "-O1", "-w", "-o"])
				.arg(&out)
				.arg(source)
				.output();
			let clang = clang.expect("clang is installed (make setup)");
			assert!(
				clang.status.success(),
				"clang, lld and wasi-libc: {}",
				String::from_utf8_lossy(&clang.stderr)
			);
			(dir, out)
		})
		.1
}

fn image_of(file: &Path) -> RuntimeImage {
	RuntimeImage::Wasm {
		code: *blake3::hash(&std::fs::read(file).unwrap()).as_bytes(),
	}
}

async fn ready() -> (WasmExecutor, RuntimeImage) {
	let wasm = WasmExecutor::new().unwrap();
	let source = PreparedSource {
		image: image_of(probe()),
		file: Some(probe().into()),
		reference: None,
	};
	assert!(!wasm.has(&source.image).await.unwrap());
	wasm.prepare(&source, &progress()).await.unwrap();
	assert!(wasm.has(&source.image).await.unwrap());
	(wasm, source.image)
}

async fn try_it(arguments: &[&str]) -> Ran {
	try_with(arguments, |_| ()).await
}

async fn try_with(arguments: &[&str], change: impl FnOnce(&mut RunRequest)) -> Ran {
	let (wasm, image) = ready().await;
	run(&wasm, image, &[&["probe"], arguments].concat(), change).await
}

/// Compiles and runs a module that is written down byte by byte.
async fn raw(bytes: &[u8]) -> Result<Ran, ExecError> {
	let file = tempfile::NamedTempFile::new().unwrap();
	std::fs::write(file.path(), bytes).unwrap();
	let wasm = WasmExecutor::new()?;
	let image = image_of(file.path());
	wasm.prepare(
		&PreparedSource {
			image,
			file: Some(file.path().into()),
			reference: None,
		},
		&progress(),
	)
	.await?;
	Ok(run(&wasm, image, &["x"], |_| ()).await)
}

#[tokio::test]
async fn arguments_arrive_unchanged() {
	for hostile in hostile_texts() {
		let ran = try_it(&["echo", &hostile]).await;
		ran.is(Status::Completed);
		assert_eq!(ran.stdout(), hostile);
	}
}

#[tokio::test]
async fn exit_codes_and_standard_error_come_back() {
	let ran = try_it(&["exit", "7"]).await;
	ran.is(Status::Completed);
	assert_eq!((ran.outcome.exit_code, ran.stderr().as_str()), (7, "careful\n"));
	assert_eq!(try_it(&["echo", "x"]).await.outcome.exit_code, 0);
}

#[tokio::test]
async fn the_environment_is_what_was_declared() {
	let ran = try_with(&["env"], |r| {
		r.env.insert("DECLARED".into(), "a=b".into());
	})
	.await;
	let path = BASE_ENV.iter().find(|(k, _)| *k == "PATH").unwrap().1;
	assert_eq!(
		ran.stdout(),
		format!("DECLARED=a=b\nHOME=/tmp\nLANG=C.UTF-8\nPATH={path}\nTZ=UTC\n")
	);
}

#[tokio::test]
async fn files_work() {
	let ran = try_it(&["files"]).await;
	ran.is(Status::Completed);
	assert_eq!(ran.stdout(), "world unlink 0 rmdir -1 symlink -1\n");
	assert_eq!(ran.names(), ["outputs/d/b", "stdout"]);
	assert_eq!(text(&ran.collected.entries[0].path), "hello");
}

#[tokio::test]
async fn inputs_are_read_and_never_written() {
	let with_input = |r: &mut RunRequest| {
		let file = r.work_dir.join("input");
		std::fs::write(&file, vec![b'x'; 300_000]).unwrap();
		r.inputs.push(InputMount {
			path: "/inputs/d/f".into(),
			file,
		});
	};
	let ran = try_with(&["copy", "/inputs/d/f", "/outputs/f"], with_input).await;
	ran.is(Status::Completed);
	assert_eq!(ran.collected.entries[0].size, 300_000);
	let ran = try_with(&["write", "/inputs/d/f", "/inputs/new"], with_input).await;
	assert!(
		ran.stdout().lines().all(|l| l.contains("Read-only")),
		"{}",
		ran.stdout()
	);
	assert_eq!(
		std::fs::metadata(ran.dir.path().join("input")).unwrap().len(),
		300_000
	);
}

#[tokio::test]
async fn nothing_of_the_host_is_seen() {
	let ran = try_it(&["list", "/", "/etc", "/inputs", "/../..", "/proc"]).await;
	let lines: Vec<_> = ran.stdout().lines().map(str::to_string).collect();
	assert_eq!(lines[0], ". .. inputs outputs tmp | ino 1 mtime 0");
	assert!(lines[1].starts_with("/etc: "), "{}", lines[1]);
	assert_eq!(lines[2], ". .. | ino 2 mtime 0");
	assert!(lines[3].starts_with("/../..: "), "{}", lines[3]);
	let ran = try_it(&[
		"write",
		"/x",
		"/etc/passwd",
		"/outputs/../x",
		"/tmp/x",
		"/outputs/x",
	])
	.await;
	let yes: Vec<_> = ran
		.stdout()
		.lines()
		.filter(|l| l.ends_with("yes"))
		.map(str::to_string)
		.collect();
	assert_eq!(yes, ["/tmp/x: yes", "/outputs/x: yes"]);
}

#[tokio::test]
async fn output_paths_mean_what_they_mean_in_a_container() {
	let change = |r: &mut RunRequest| r.outputs = vec!["/results".into()];
	let ran = try_with(&["write", "/results/x", "/outputs/y"], change).await;
	assert_eq!(ran.names(), ["outputs/results/x", "stdout"]);
	let ran = try_with(&["write", "/outputs/y"], |r| r.outputs.clear()).await;
	assert_eq!(ran.names(), ["stdout"]);
}

#[tokio::test]
async fn two_runs_see_the_same_clock_and_the_same_chance() {
	let clocks = try_it(&["clocks"]).await;
	assert_eq!(clocks.stdout(), try_it(&["clocks"]).await.stdout());
	assert!(clocks.stdout().starts_with("946684800."), "{}", clocks.stdout());
	assert!(
		clocks.stdout().contains("\n3600."),
		"an hour's sleep passes on the clock: {}",
		clocks.stdout()
	);
	assert!(clocks.outcome.usage < 30_000, "and takes no hour");
	let random = try_it(&["random"]).await;
	assert_eq!(random.stdout(), try_it(&["random"]).await.stdout());
	assert_eq!(
		random.collected.triple,
		try_it(&["random"]).await.collected.triple
	);
}

#[tokio::test]
async fn a_memory_bomb_ends_as_memory_exceeded() {
	let ran = try_it(&["memory"]).await;
	ran.is(Status::MemoryExceeded);
	assert_eq!(ran.outcome.memory.fits(64 << 20), Some(true));
	// (module (func $f (export "_start") call $f) (memory (export "memory") 1))
	let endless_recursion = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x0a\x01\x06_start\0\0\x0a\x06\x01\x04\0\x10\0\x0b";
	raw(endless_recursion).await.unwrap().is(Status::MemoryExceeded);
	try_with(&["echo"], |r| r.spec = MachineSpec::new(1000, 1, 32))
		.await
		.is(Status::Completed);
}

#[tokio::test]
async fn filling_the_disk_ends_as_disk_exceeded() {
	try_it(&["fill", "/outputs"]).await.is(Status::DiskExceeded);
	try_it(&["fill", "/tmp"]).await.is(Status::DiskExceeded);
	try_it(&["sparse", "/tmp/x"]).await.is(Status::DiskExceeded);
}

#[tokio::test]
async fn endless_output_ends_as_output_exceeded() {
	for stream in ["stdout", "stderr"] {
		let ran = try_with(&[stream], |r| {
			r.limits.max_stdout = 100_000;
			r.limits.max_stderr = 100_000;
		})
		.await;
		ran.is(Status::OutputExceeded);
		let longest = std::fs::metadata(&ran.outcome.stdout)
			.unwrap()
			.len()
			.max(ran.stderr().len() as u64);
		assert_eq!(longest, 100_000);
	}
}

#[tokio::test]
async fn an_endless_run_ends_as_time_exceeded() {
	let ran = try_with(&["spin"], |r| r.time_limit = 300).await;
	ran.is(Status::TimeExceeded);
	assert_eq!(ran.outcome.usage, 300);
}

#[tokio::test]
async fn fuel_stops_a_run_wherever_it_runs() {
	// Far fewer instructions than the limit's fuel, and then more of them, in much less time than the limit.
	try_with(&["work", "1000000"], |r| r.time_limit = 1_000)
		.await
		.is(Status::Completed);
	let ran = try_with(&["work", "2000000000"], |r| r.time_limit = 3_000).await;
	ran.is(Status::TimeExceeded);
	assert_eq!(ran.outcome.usage, 3_000);
}

#[tokio::test]
async fn a_trap_is_a_job_error() {
	let ran = try_it(&["trap"]).await;
	ran.is(Status::JobError);
	assert!(
		ran.outcome.detail.as_deref().unwrap().contains("unreachable"),
		"{:?}",
		ran.outcome.detail
	);
}

#[tokio::test]
async fn cancelling_stops_it() {
	let (wasm, image) = ready().await;
	let dir = tempfile::tempdir().unwrap();
	let request = request(dir.path(), image, &["probe", "spin"]);
	let cancel = CancellationToken::new();
	let canceller = cancel.clone();
	let (outcome, ()) = tokio::join!(wasm.run(&request, cancel), async {
		tokio::time::sleep(Duration::from_millis(300)).await;
		canceller.cancel();
	});
	assert!(matches!(outcome, Err(ExecError::Cancelled)), "{outcome:?}");
}

#[tokio::test]
async fn a_wrong_hash_is_refused() {
	let wasm = WasmExecutor::new().unwrap();
	let image = RuntimeImage::Wasm { code: [1; 32] };
	let source = PreparedSource {
		image,
		file: Some(probe().into()),
		reference: None,
	};
	assert!(matches!(
		wasm.prepare(&source, &progress()).await,
		Err(ExecError::Image(_))
	));
	assert!(!wasm.has(&image).await.unwrap());
	let dir = tempfile::tempdir().unwrap();
	let run = wasm
		.run(&request(dir.path(), image, &["x"]), CancellationToken::new())
		.await;
	assert!(matches!(run, Err(ExecError::NotPrepared(_))), "{run:?}");
}

#[tokio::test]
async fn what_is_no_wasi_program_is_refused_or_a_job_error() {
	assert!(matches!(raw(b"not code").await, Err(ExecError::Image(_))));
	assert!(
		matches!(raw(b"(module)").await, Err(ExecError::Image(_))),
		"text is not code"
	);
	// An empty module has no entry point.
	let empty = b"\0asm\x01\0\0\0";
	raw(empty).await.unwrap().is(Status::JobError);
	// (module (import "env" "f" (func)))
	let import = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x09\x01\x03env\x01f\0\0";
	let ran = raw(import).await.unwrap();
	ran.is(Status::JobError);
	assert!(ran.outcome.detail.unwrap().contains("'f' from 'env'"));
	// (module (memory 65536)): 4 GiB from the start, where 64 MiB are allowed.
	let large = b"\0asm\x01\0\0\0\x05\x05\x01\0\x80\x80\x04";
	raw(large).await.unwrap().is(Status::MemoryExceeded);
}

#[tokio::test]
async fn two_runs_at_once_do_not_disturb_each_other() {
	let (wasm, image) = ready().await;
	let long = run(&wasm, image, &["probe", "spin"], |r| r.time_limit = 800);
	let short = async {
		let mut last = String::new();
		for n in 0..5 {
			last = run(&wasm, image, &["probe", "echo", &n.to_string()], |_| ())
				.await
				.stdout();
		}
		last
	};
	let (long, short) = tokio::join!(long, short);
	long.is(Status::TimeExceeded);
	assert_eq!(short, "4");
}
