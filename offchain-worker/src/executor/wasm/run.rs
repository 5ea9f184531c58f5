//! One run of a module.

use super::{
	abi::Fail,
	calls,
	fs::Files,
	host::{Host, Stream},
	*,
};
use crate::executor::disk;
use std::time::{Duration, Instant};
use wasmtime::{Linker, Store, Trap, UpdateDeadline};

/// How often a running program is looked at: cancelled? too long?
const TICK: Duration = Duration::from_millis(10);

/// Advances the engine's clock while it lives.
struct Ticker(tokio::task::JoinHandle<()>);

impl Ticker {
	fn start(engine: Engine) -> Self {
		Self(tokio::spawn(async move {
			let mut interval = tokio::time::interval(TICK);
			loop {
				interval.tick().await;
				engine.increment_epoch();
			}
		}))
	}
}

impl Drop for Ticker {
	fn drop(&mut self) {
		self.0.abort();
	}
}

pub(super) async fn run(
	engine: &Engine,
	module: Module,
	request: &RunRequest,
	cancel: CancellationToken,
) -> Result<RunOutcome, ExecError> {
	let _ticker = Ticker::start(engine.clone());
	let (engine, request) = (engine.clone(), request.clone());
	// When the caller loses interest, the thread must not go on.
	let stop = cancel.child_token();
	let guard = stop.clone().drop_guard();
	let run = tokio::task::spawn_blocking(move || run_here(&engine, &module, &request, stop));
	let outcome = run.await.map_err(|e| ExecError::Wasm(e.to_string()))?;
	drop(guard);
	outcome
}

fn run_here(
	engine: &Engine,
	module: &Module,
	request: &RunRequest,
	cancel: CancellationToken,
) -> Result<RunOutcome, ExecError> {
	let dir = request.disk_dir();
	remove_scratch(&dir).map_err(ExecError::io("emptying", &dir))?;
	make_scratch(request)?;
	disk::check_room(&dir, request.disk_bytes())?;
	let host = make_host(request)?;
	let mut store = Store::new(engine, host);
	store.limiter(|host| host);
	let fuel = request.time_limit.saturating_mul(FUEL_PER_MS);
	store.set_fuel(fuel).map_err(broken)?;
	let start = Instant::now();
	let limit = Duration::from_millis(request.time_limit);
	store.set_epoch_deadline(1);
	store.epoch_deadline_callback(move |_| {
		if cancel.is_cancelled() {
			return Err(Stop::Cancelled.into());
		}
		match start.elapsed() > limit {
			true => Err(Stop::Time.into()),
			false => Ok(UpdateDeadline::Continue(1)),
		}
	});
	let result = start_program(engine, module, &mut store);
	let usage = u64::try_from(start.elapsed().as_millis())
		.unwrap_or(u64::MAX)
		.max(1);
	let host = store.data_mut();
	let (memory, disk) = (host.peak as u64, host.files.peak());
	host.flush().map_err(host_failure)?;
	let mut outcome = judge(request, result, usage)?;
	outcome.memory = MemoryNeed::Exactly(memory);
	outcome.peak_disk = Some(disk);
	if outcome.status == Status::Completed {
		if let Err(why) = lay_out(request, host)? {
			outcome = RunOutcome::new(request, Status::OutputExceeded, 0, usage).because(why);
		}
	}
	Ok(outcome)
}

fn broken(error: wasmtime::Error) -> ExecError {
	ExecError::Wasm(format!("{error:#}"))
}

fn host_failure(fail: Fail) -> ExecError {
	match fail {
		Fail::Stop(Stop::Host(source, path)) => ExecError::io("using", path)(source),
		Fail::Stop(stop) => ExecError::Wasm(stop.to_string()),
		Fail::Errno(code) => ExecError::Wasm(format!("WASI error {code}")),
	}
}

fn make_host(request: &RunRequest) -> Result<Host, ExecError> {
	let store = request.disk_dir().join("files");
	std::fs::create_dir_all(&store).map_err(ExecError::io("making", &store))?;
	let mut files = Files::new(store, request.disk_bytes());
	files.add_folder("/inputs", false).map_err(host_failure)?;
	files.add_folder("/tmp", true).map_err(host_failure)?;
	let outputs = files
		.add_folder("/outputs", !request.outputs.is_empty())
		.map_err(host_failure)?;
	for path in &request.outputs {
		// As in a container: `/outputs` is the folder of outputs, every other path is a folder in it.
		let below = request.output_dir(path);
		let below = below
			.strip_prefix(request.outputs_dir())
			.unwrap_or(Path::new(""))
			.to_string_lossy()
			.into_owned();
		if below.is_empty() {
			continue;
		}
		let folder = files
			.add_folder(&format!("/outputs/{below}"), true)
			.map_err(host_failure)?;
		if !path.starts_with("/outputs/") {
			files.alias(path, folder).map_err(host_failure)?;
		}
	}
	// Without an output path that is the folder itself, only the paths in it can be written to.
	if !request.outputs.iter().any(|path| path == "/outputs") {
		files.make_read_only(outputs).map_err(host_failure)?;
	}
	for input in &request.inputs {
		let meta = std::fs::metadata(&input.file).map_err(ExecError::io("reading", &input.file))?;
		files
			.add_input(&input.path, &input.file, meta.len())
			.map_err(host_failure)?;
	}
	let stream = |path: PathBuf, limit, name| {
		Stream::create(path.clone(), limit, name).map_err(ExecError::io("writing", path))
	};
	let stdout = stream(
		request.stdout_file(),
		request.limits.max_stdout,
		"standard output",
	)?;
	let stderr = stream(request.stderr_file(), request.limits.max_stderr, "standard error")?;
	let env = environment(&[], &request.env);
	Ok(Host::new(
		&request.command,
		&env,
		files,
		stdout,
		stderr,
		request.memory_bytes(),
	))
}

fn start_program(engine: &Engine, module: &Module, store: &mut Store<Host>) -> wasmtime::Result<()> {
	let mut linker = Linker::new(engine);
	calls::link(&mut linker)?;
	if let Some(missing) = module
		.imports()
		.find(|import| import.module() != "wasi_snapshot_preview1")
	{
		let why = format!(
			"it needs '{}' from '{}', which is not WASI preview 1",
			missing.name(),
			missing.module()
		);
		return Err(Stop::Malformed(why).into());
	}
	let instance = linker.instantiate(&mut *store, module)?;
	let entry = instance
		.get_typed_func::<(), ()>(&mut *store, "_start")
		.map_err(|_| Stop::Malformed("it has no entry point: build it as a WASI command".into()))?;
	entry.call(&mut *store, ())
}

/// What the end of a program means.
fn judge(request: &RunRequest, result: wasmtime::Result<()>, usage: Millis) -> Result<RunOutcome, ExecError> {
	let new = |status, why: String| Ok(RunOutcome::new(request, status, 0, usage).because(why));
	let completed = |code| match usage > request.time_limit {
		true => RunOutcome::new(request, Status::TimeExceeded, 0, usage).because(Stop::Time.to_string()),
		false => RunOutcome::new(request, Status::Completed, code, usage),
	};
	let error = match result {
		Ok(()) => return Ok(completed(0)),
		Err(error) => error,
	};
	match error.downcast::<Stop>() {
		Ok(Stop::Exit(code)) => Ok(completed(code)),
		Ok(stop @ Stop::Memory) => new(Status::MemoryExceeded, stop.to_string()),
		Ok(stop @ Stop::Disk) => new(Status::DiskExceeded, stop.to_string()),
		Ok(stop @ Stop::Output(_)) => new(Status::OutputExceeded, stop.to_string()),
		Ok(stop @ Stop::Time) => new(Status::TimeExceeded, stop.to_string()),
		Ok(stop @ Stop::Malformed(_)) => new(Status::JobError, stop.to_string()),
		Ok(Stop::Cancelled) => Err(ExecError::Cancelled),
		Ok(Stop::Host(source, path)) => Err(ExecError::io("using", path)(source)),
		Err(error) => match error.downcast_ref::<Trap>() {
			Some(Trap::OutOfFuel) => new(Status::TimeExceeded, Stop::Time.to_string()),
			Some(Trap::StackOverflow) => new(Status::MemoryExceeded, "its stack is too deep".into()),
			Some(trap) => new(Status::JobError, trap.to_string()),
			// An import with another type than WASI's, a segment outside memory, …
			None => new(Status::JobError, error.root_cause().to_string()),
		},
	}
}

/// Puts the output files where they are collected from. The inner error is the job's own fault.
fn lay_out(request: &RunRequest, host: &mut Host) -> Result<Result<(), String>, ExecError> {
	let outputs = host.files.add_folder("/outputs", false).map_err(host_failure)?;
	for (path, backing) in host.files.files_below(outputs).map_err(host_failure)? {
		// Longer than any name that is accepted, and near what a file system takes.
		if path.len() > 3000 {
			return Ok(Err("the outputs lie too deep".into()));
		}
		let to = request.outputs_dir().join(path);
		if let Some(above) = to.parent() {
			std::fs::create_dir_all(above).map_err(ExecError::io("making", above))?;
		}
		std::fs::rename(&backing, &to).map_err(ExecError::io("moving to", &to))?;
	}
	Ok(Ok(()))
}
