//! Jobs as WebAssembly: WASI preview 1 on the embedded engine, where no container engine is needed and every run of the
//! same inputs gives the same result on every machine.
//!
//! * **Nothing of the host** is seen: see `calls.rs` for what a program gets instead of clocks, randomness, files and network.
//! * **Arithmetic** is the same everywhere: NaNs are canonical, no relaxed SIMD, no threads, no shared memory.
//! * **Time** is fuel: about one unit per instruction, and [`FUEL_PER_MS`] of them for each millisecond of the time limit, so a
//!   program that runs too long is stopped at the same instruction everywhere. A machine that is slower than that stops it
//!   by the clock instead; both are [`Status::TimeExceeded`].
//! * **Memory** above the machine's is [`Status::MemoryExceeded`], and so is a stack that is too deep, which depends on how the code
//!   was compiled and thus must not count as a difference between honest runs.
//! * What is paid for is wall-clock time, without the time to compile the code, which is kept from run to run.

mod abi;
mod calls;
mod fs;
mod host;
mod paths;
mod run;

use super::*;
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Semaphore;
use wasmtime::{Config, Engine, Module};

/// Fuel that stands for a millisecond: about the instructions that a slow machine of today manages in one.
pub const FUEL_PER_MS: u64 = 1_000_000;
/// Largest code, in bytes.
pub const MAX_CODE: u64 = 64 << 20;
/// Compiled modules that are kept.
const CACHED: usize = 32;
/// Bytes of stack.
const STACK: usize = 1 << 20;

/// Why a run is over before its program returned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
	/// The program said so.
	#[error("it ended with exit code {0}")]
	Exit(i32),
	/// Too much memory.
	#[error("it used more memory than it may")]
	Memory,
	/// Too much disk.
	#[error("it used more disk than it may")]
	Disk,
	/// Too much output.
	#[error("{0}")]
	Output(String),
	/// Too long, by the clock.
	#[error("it ran longer than it may")]
	Time,
	/// The worker wants it so.
	#[error("it was cancelled")]
	Cancelled,
	/// The module is not a WASI program.
	#[error("{0}")]
	Malformed(String),
	/// The host's disk failed.
	#[error("{1}: {0}")]
	Host(std::io::Error, PathBuf),
}

/// Runs WebAssembly.
pub struct WasmExecutor {
	engine: Engine,
	modules: Arc<Modules>,
	/// A compilation can't be stopped, and uses all processors: there is one at a time.
	compiling: Arc<Semaphore>,
}

/// Compiled modules, and when each was used last.
#[derive(Default)]
struct Modules(Mutex<Cache>);

#[derive(Default)]
struct Cache {
	modules: HashMap<[u8; 32], (Module, u64)>,
	uses: u64,
}

impl std::fmt::Debug for WasmExecutor {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.debug_struct("WasmExecutor").finish_non_exhaustive()
	}
}

impl WasmExecutor {
	/// Sets the engine up.
	pub fn new() -> Result<Self, ExecError> {
		let mut config = Config::new();
		config
			.consume_fuel(true)
			.epoch_interruption(true)
			.cranelift_nan_canonicalization(true)
			.max_wasm_stack(STACK)
			.wasm_threads(false)
			.wasm_gc(false)
			.wasm_function_references(false)
			.wasm_relaxed_simd(false)
			.wasm_memory64(false)
			.wasm_multi_memory(false)
			.wasm_tail_call(false)
			.wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
		let engine = Engine::new(&config).map_err(|e| ExecError::Wasm(format!("{e:#}")))?;
		Ok(Self {
			engine,
			modules: Arc::default(),
			compiling: Arc::new(Semaphore::new(1)),
		})
	}
}

impl Modules {
	fn get(&self, code: &[u8; 32]) -> Option<Module> {
		let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
		cache.uses += 1;
		let now = cache.uses;
		let (module, used) = cache.modules.get_mut(code)?;
		*used = now;
		Some(module.clone())
	}

	fn keep(&self, code: [u8; 32], module: Module) {
		let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
		cache.uses += 1;
		let now = cache.uses;
		cache.modules.insert(code, (module, now));
		while cache.modules.len() > CACHED {
			let Some(oldest) = cache
				.modules
				.iter()
				.min_by_key(|(_, (_, used))| *used)
				.map(|(code, _)| *code)
			else {
				break;
			};
			cache.modules.remove(&oldest);
		}
	}
}

fn code_of(image: &RuntimeImage) -> Result<[u8; 32], ExecError> {
	match image {
		RuntimeImage::Wasm { code } => Ok(*code),
		RuntimeImage::Container { .. } => Err(ExecError::Unsupported("it is not WebAssembly".into())),
	}
}

/// Reads code and checks its hash.
fn read_code(file: &Path, expected: [u8; 32]) -> Result<Vec<u8>, ImageError> {
	use std::io::Read;
	let read_error = |source| ImageError::Read {
		path: file.into(),
		source,
	};
	let mut bytes = Vec::new();
	let opened = std::fs::File::open(file).map_err(read_error)?;
	opened
		.take(MAX_CODE + 1)
		.read_to_end(&mut bytes)
		.map_err(read_error)?;
	if bytes.len() as u64 > MAX_CODE {
		return Err(ImageError::TooLarge(format!(
			"at most {MAX_CODE} bytes of code are accepted"
		)));
	}
	let found = *blake3::hash(&bytes).as_bytes();
	match found == expected {
		true => Ok(bytes),
		false => Err(ImageError::WrongCode {
			expected: hex::encode(expected),
			found: hex::encode(found),
		}),
	}
}

#[async_trait::async_trait]
impl Executor for WasmExecutor {
	fn platforms(&self) -> Vec<Platform> {
		vec![Platform::Wasm]
	}

	fn describe(&self) -> String {
		"the embedded WebAssembly engine (WASI preview 1)".into()
	}

	async fn health(&self) -> Result<(), ExecError> {
		Ok(())
	}

	async fn has(&self, image: &RuntimeImage) -> Result<bool, ExecError> {
		Ok(self.modules.get(&code_of(image)?).is_some())
	}

	async fn prepare(&self, source: &PreparedSource, progress: &ProgressSender) -> Result<(), ExecError> {
		let code = code_of(&source.image)?;
		if self.modules.get(&code).is_some() {
			return Ok(());
		}
		let file = source
			.file
			.clone()
			.ok_or_else(|| ImageError::NoSource(hex::encode(code)))?;
		report(progress, "compiling the code", 0, None);
		let turn = self.compiling.clone().acquire_owned().await;
		let turn = turn.map_err(|e| ExecError::Wasm(e.to_string()))?;
		// Another job may have waited for the same code.
		if self.modules.get(&code).is_some() {
			return Ok(());
		}
		let (engine, modules) = (self.engine.clone(), self.modules.clone());
		let compiled = tokio::task::spawn_blocking(move || -> Result<(), ImageError> {
			// Whoever asked may have given up before this ends. What it cost is not paid twice.
			let _turn = turn;
			let bytes = read_code(&file, code)?;
			// Binary only: `Module::new` would also take text.
			let module =
				Module::from_binary(&engine, &bytes).map_err(|e| ImageError::BadCode(format!("{e:#}")))?;
			modules.keep(code, module);
			Ok(())
		});
		compiled
			.await
			.map_err(|e| ExecError::Wasm(format!("compiling failed: {e}")))??;
		Ok(())
	}

	async fn run(&self, request: &RunRequest, cancel: CancellationToken) -> Result<RunOutcome, ExecError> {
		if let Some(why) = request.refuse() {
			return Ok(RunOutcome::new(request, Status::JobError, 0, 0).because(why));
		}
		if !request.spec.gpus.is_empty() {
			return Err(ExecError::Unsupported("it needs a GPU".into()));
		}
		let code = code_of(&request.image)?;
		let module = self
			.modules
			.get(&code)
			.ok_or_else(|| ExecError::NotPrepared(hex::encode(code)))?;
		run::run(&self.engine, module, request, cancel).await
	}

	async fn adopt(&self, _: &RunRequest, _: CancellationToken) -> Result<Option<RunOutcome>, ExecError> {
		// Runs live in this process: none outlives it, and running again gives the same.
		Ok(None)
	}

	async fn cleanup(&self, _: &RunId) -> Result<(), ExecError> {
		Ok(())
	}

	async fn list_runs(&self) -> Result<Vec<RunInfo>, ExecError> {
		Ok(Vec::new())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use std::time::Duration;

	/// The smallest module: its magic number and version.
	const EMPTY: &[u8] = b"\0asm\x01\0\0\0";

	fn source(file: PathBuf, bytes: &[u8]) -> PreparedSource {
		PreparedSource {
			image: RuntimeImage::Wasm {
				code: *blake3::hash(bytes).as_bytes(),
			},
			file: Some(file),
			reference: None,
		}
	}

	fn progress() -> ProgressSender {
		ProgressSender::new(Progress::default())
	}

	#[tokio::test]
	async fn what_nobody_waits_for_any_more_is_compiled_and_kept() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("code.wasm");
		std::fs::write(&path, EMPTY).expect("written");
		let source = source(path, EMPTY);
		let wasm = WasmExecutor::new().expect("an engine");
		let progress = progress();
		// Polled once, which starts the compilation, and dropped.
		let asked = futures::FutureExt::now_or_never(wasm.prepare(&source, &progress));
		assert!(asked.is_none(), "it takes a while");
		let kept = async {
			while !wasm.has(&source.image).await.expect("WebAssembly") {
				tokio::time::sleep(Duration::from_millis(10)).await;
			}
		};
		let kept = tokio::time::timeout(Duration::from_secs(30), kept).await;
		kept.expect("it is kept");
	}

	#[tokio::test]
	async fn one_compilation_at_a_time_and_none_of_what_is_there_by_then() {
		let dir = tempfile::tempdir().expect("a folder");
		// There is nothing to compile, so it would fail.
		let source = source(dir.path().join("missing"), EMPTY);
		let wasm = WasmExecutor::new().expect("an engine");
		let progress = progress();
		let turn = wasm.compiling.clone().try_acquire_owned().expect("free");
		let mut second = Box::pin(wasm.prepare(&source, &progress));
		let early = tokio::time::timeout(Duration::from_millis(200), &mut second).await;
		assert!(early.is_err(), "it waits for the first");
		let module = Module::from_binary(&wasm.engine, EMPTY).expect("a module");
		wasm.modules
			.keep(code_of(&source.image).expect("WebAssembly"), module);
		drop(turn);
		second.await.expect("the first has compiled it");
	}
}
