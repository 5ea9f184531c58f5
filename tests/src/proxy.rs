use anyhow::{Context, Result};
use std::{
	io,
	net::Shutdown,
	os::unix::net::{UnixListener, UnixStream},
	path::{Path, PathBuf},
	sync::{Arc, Mutex, MutexGuard},
	thread,
};

/// Stands between a worker and the container engine, so that a test can take the engine away from one worker and give
/// it back, without stopping it for everybody else on the machine.
pub struct EngineProxy {
	socket: PathBuf,
	engine: PathBuf,
	connections: Arc<Mutex<Vec<UnixStream>>>,
}

impl EngineProxy {
	/// A proxy that listens at `socket`, for the engine that `DOCKER_HOST` names.
	pub fn start(socket: &Path) -> Result<Self> {
		let host = std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".into());
		let engine = host
			.strip_prefix("unix://")
			.with_context(|| format!("the engine is not at a local socket: {host}"))?;
		let proxy = Self {
			socket: socket.into(),
			engine: engine.into(),
			connections: Arc::default(),
		};
		proxy.mend()?;
		Ok(proxy)
	}

	/// What to give as `--provider-engine`.
	pub fn endpoint(&self) -> String {
		format!("unix://{}", self.socket.display())
	}

	/// The engine is gone: no new connections, and the open ones break.
	pub fn cut(&self) -> Result<()> {
		std::fs::remove_file(&self.socket)?;
		for connection in lock(&self.connections).drain(..) {
			// It may have ended by itself.
			let _ = connection.shutdown(Shutdown::Both);
		}
		Ok(())
	}

	/// The engine is back.
	pub fn mend(&self) -> Result<()> {
		let listener = UnixListener::bind(&self.socket)
			.with_context(|| format!("a socket at {}", self.socket.display()))?;
		let (engine, connections) = (self.engine.clone(), self.connections.clone());
		// Ends with the test: nobody can connect to a socket whose file is gone.
		thread::spawn(move || {
			for stream in listener.incoming().flatten() {
				if let Err(error) = join(stream, &engine, &connections) {
					eprintln!("the engine's proxy: {error}");
				}
			}
		});
		Ok(())
	}
}

fn lock(connections: &Mutex<Vec<UnixStream>>) -> MutexGuard<'_, Vec<UnixStream>> {
	connections
		.lock()
		.unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn join(client: UnixStream, engine: &Path, connections: &Mutex<Vec<UnixStream>>) -> io::Result<()> {
	let engine = UnixStream::connect(engine)?;
	lock(connections).push(client.try_clone()?);
	for (mut from, mut to) in [(client.try_clone()?, engine.try_clone()?), (engine, client)] {
		thread::spawn(move || {
			// A broken connection is an ended one.
			let _ = io::copy(&mut from, &mut to);
			let _ = to.shutdown(Shutdown::Write);
		});
	}
	Ok(())
}
