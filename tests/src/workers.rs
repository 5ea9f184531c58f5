use crate::{path_str, wait_for, Cli, Network, Process, PROVIDER_START};
use anyhow::{Context, Result};
use serde_json::{json, Value};
use std::{fs, path::PathBuf, time::Duration};

/// Longest that a new mediator may wait for the next era, in which it can be drawn.
const NEXT_ERA: Duration = Duration::from_secs(90);

/// What a worker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
	/// WebAssembly alone.
	Wasm,
	/// Containers as well.
	Containers,
}

/// A worker on its own, as `lilypad provider start` and `lilypad mediator start` run it.
#[derive(Clone, Copy, Debug)]
pub struct Worker<'a> {
	/// Its account's key.
	pub key: &'a str,
	/// What it runs.
	pub engine: Engine,
	/// How it cheats, if it does.
	pub cheats: Option<&'a str>,
}

impl<'a> Worker<'a> {
	/// An honest one.
	pub fn honest(key: &'a str, engine: Engine) -> Self {
		Self {
			key,
			engine,
			cheats: None,
		}
	}

	fn cli(&self, network: &Network) -> Cli {
		Cli {
			misbehaves: self.cheats.is_some(),
			..network.cli(self.key)
		}
	}

	/// Writes a configuration as `role init` does, for one machine with many workers.
	fn configure(
		&self,
		network: &Network,
		role: &str,
		args: &[&str],
		settings: &[(&str, Value)],
	) -> Result<PathBuf> {
		let cli = self.cli(network);
		fs::create_dir_all(&cli.data_dir)?;
		let file = cli.data_dir.join(format!("{role}.json"));
		cli.ok(&[&[role, "init", "--force"], args].concat())?;
		let mut config: Value = serde_json::from_slice(&fs::read(&file)?)?;
		// There is one port for it, and many workers.
		config["admin_listen"] = Value::Null;
		config["engine"] = match self.engine {
			Engine::Wasm => "wasm_only".into(),
			Engine::Containers => "auto".into(),
		};
		for (name, value) in settings {
			config[*name] = value.clone();
		}
		fs::write(&file, config.to_string())?;
		Ok(file)
	}

	fn start(&self, network: &Network, role: &str, file: PathBuf) -> Result<Process> {
		let mut args = vec![role, "start", "--config", path_str(&file)?];
		let flag = format!("--{role}-misbehave");
		if let Some(how) = self.cheats {
			args.extend([flag.as_str(), how]);
		}
		let name = format!("{role}{}", self.key.replace('/', "-"));
		Process::spawn(
			&name,
			self.cli(network).command(&args)?,
			&network.path(&format!("{name}.log")),
		)
	}

	/// Starts it as a provider, for `rate` LP a second, and waits for nothing.
	pub fn provide(&self, network: &Network, rate: &str) -> Result<Process> {
		self.provide_with(network, rate, &[])
	}

	/// The same, with these settings in its configuration file.
	pub fn provide_with(&self, network: &Network, rate: &str, settings: &[(&str, Value)]) -> Result<Process> {
		let file = self.configure(network, "provider", &["--rate", rate], settings)?;
		self.start(network, "provider", file)
	}

	/// Starts it as a mediator with so many tickets, and waits for nothing. What it did before it was stopped, it goes on with.
	pub fn mediate(&self, network: &Network, tickets: u32) -> Result<Process> {
		let file = self.configure(network, "mediator", &["--tickets", &tickets.to_string()], &[])?;
		self.start(network, "mediator", file)
	}
}

impl Network {
	/// Waits until a worker is ready for jobs.
	pub fn is_ready(&self, worker: &Process) -> Result<()> {
		wait_for("the worker is ready for jobs", PROVIDER_START, || {
			worker.check()?;
			Ok(worker.log()?.contains("ready for jobs").then_some(()))
		})
		.with_context(|| format!("the worker's log ends with:\n{}", worker.log_tail(30)))
	}

	/// Waits until an account is a mediator that can be drawn.
	pub fn can_be_drawn(&self, key: &str) -> Result<()> {
		wait_for(&format!("{key} can be drawn"), NEXT_ERA, || {
			let status = self.cli(key).json(&["mediator", "status", key])?;
			let counts = status["registered"] == json!(true) && status["counts_from"].is_null();
			Ok(counts.then_some(()))
		})
	}

	/// Sets prices and rules by governance.
	pub fn set_parameters(&self, changes: &[&str]) -> Result<()> {
		self.cli("//Alice")
			.ok(&[&["parameters", "set", "--yes"], changes].concat())
			.map(|_| ())
	}
}
