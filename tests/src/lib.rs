//! A small network of real processes for the end-to-end tests: nodes, providers and the command line, each in its own
//! temporary folder, all stopped when the test ends.
//!
//! The binaries are those that `cargo build --workspace --bins` leaves in the target folder (or in `LILYPAD_BIN`), the
//! sample modules those that `scripts/build-modules.sh` built (`LILYPAD_MODULES`). A missing one fails the test: these
//! tests prove nothing without the real thing.

pub mod bridge;
pub mod ledger;
mod ports;
mod process;
mod proxy;
mod workers;

use anyhow::{bail, ensure, Context, Result};
use serde_json::Value;
use std::{
	path::{Path, PathBuf},
	process::{Command, Output, Stdio},
	time::{Duration, Instant},
};

pub use ports::free_port;
pub use process::Process;
pub use proxy::EngineProxy;
pub use workers::{Engine, Worker};

/// Longest that a node may take to its first block.
const NODE_START: Duration = Duration::from_secs(90);
/// Longest that a provider may take until its offer stands.
const PROVIDER_START: Duration = Duration::from_secs(120);

/// Where the binaries are.
pub fn bin_dir() -> PathBuf {
	match std::env::var_os("LILYPAD_BIN") {
		Some(dir) => dir.into(),
		// target/debug/deps/this-test → target/debug
		None => std::env::current_exe()
			.ok()
			.and_then(|exe| Some(exe.parent()?.parent()?.to_path_buf()))
			.expect("a test runs from its target folder; qed"),
	}
}

/// Where the logs of every test's processes are kept, in a folder by the test's name, until it runs again.
pub fn log_dir() -> PathBuf {
	bin_dir().join("../e2e-logs")
}

/// One of our binaries.
pub fn bin(name: &str) -> Result<PathBuf> {
	let path = bin_dir().join(name);
	ensure!(
		path.is_file(),
		"{} is not built: run `cargo build --workspace --bins`, or `make test`",
		path.display()
	);
	Ok(path)
}

/// The command line with workers that can cheat, which only tests have: built with the feature `misbehave`.
fn misbehaving_cli() -> Result<PathBuf> {
	let folder = std::env::var_os("LILYPAD_MISBEHAVE")
		.map(PathBuf::from)
		.unwrap_or_else(|| bin_dir().join("../misbehave"));
	let path = folder.join("lilypad");
	ensure!(
		path.is_file(),
		"{} is not built: run `make test-verification`",
		path.display()
	);
	Ok(path)
}

/// The folder of a sample module, or of one that only tests publish, as `lilypad module publish` takes it.
pub fn module_dir(name: &str) -> Result<PathBuf> {
	let root = |variable, otherwise| {
		std::env::var_os(variable)
			.map(PathBuf::from)
			.unwrap_or_else(|| bin_dir().join(otherwise))
	};
	let roots = [
		root("LILYPAD_MODULES", "../modules"),
		root("LILYPAD_TEST_MODULES", "../test-modules"),
	];
	let mut folders = roots.iter().map(|root| root.join(name));
	folders
		.find(|folder| folder.join("module.json").is_file())
		.with_context(|| {
			format!(
				"the module {name} is not built: run scripts/build-modules.sh, and with --tests, or `make test-verification`"
			)
		})
}

/// Waits until `done` gives something. `what` is for the message when it does not.
pub fn wait_for<T>(what: &str, limit: Duration, mut done: impl FnMut() -> Result<Option<T>>) -> Result<T> {
	let begun = Instant::now();
	loop {
		let last = done();
		match last {
			Ok(Some(value)) => return Ok(value),
			_ if begun.elapsed() < limit => std::thread::sleep(Duration::from_millis(200)),
			Ok(None) => bail!("waited {limit:?} in vain: {what}"),
			Err(e) => return Err(e.context(format!("waited {limit:?} in vain: {what}"))),
		}
	}
}

/// A chain with one or more validators.
pub struct Network {
	dir: tempfile::TempDir,
	chain: &'static str,
	/// What every validator is told besides.
	options: &'static [&'static str],
	nodes: Vec<Process>,
	ports: Vec<Ports>,
	bootnode: String,
}

/// Where a validator listens.
#[derive(Clone, Copy)]
struct Ports {
	rpc: u16,
	p2p: u16,
	metrics: u16,
}

impl Ports {
	fn free() -> Result<Self> {
		Ok(Self {
			rpc: free_port()?,
			p2p: free_port()?,
			metrics: free_port()?,
		})
	}
}

impl Network {
	/// The `dev` chain with Alice as its one validator.
	pub fn dev() -> Result<Self> {
		Self::start("dev", &["alice"], &[])
	}

	/// The same, without the node's own solver: what the chain's search misses waits for somebody to propose it.
	pub fn dev_without_solver() -> Result<Self> {
		Self::start("dev", &["alice"], &["--offchain-worker", "never"])
	}

	/// The `local` chain with its three validators.
	pub fn local() -> Result<Self> {
		Self::start("local", &["alice", "bob", "charlie"], &[])
	}

	fn start(chain: &'static str, validators: &[&str], options: &'static [&'static str]) -> Result<Self> {
		let dir = tempfile::Builder::new().prefix("lilypad-e2e.").tempdir()?;
		let mut network = Self {
			dir,
			chain,
			options,
			nodes: Vec::new(),
			ports: Vec::new(),
			bootnode: String::new(),
		};
		for name in validators {
			let ports = Ports::free()?;
			let p2p = ports.p2p;
			network.ports.push(ports);
			network.nodes.push(network.validator(name, ports)?);
			if network.bootnode.is_empty() {
				let url = network.http(0);
				let peer = wait_for("the first node answers", NODE_START, || {
					network.nodes[0].check()?;
					Ok(rpc_call(&url, "system_localPeerId", &serde_json::json!([])).ok())
				})?;
				let peer = peer.as_str().context("a peer id is a text")?.to_string();
				network.bootnode = format!("/ip4/127.0.0.1/tcp/{p2p}/p2p/{peer}");
			}
		}
		wait_for("the first block", NODE_START, || {
			network.nodes[0].check()?;
			Ok((network.best_number()? > 0).then_some(()))
		})?;
		Ok(network)
	}

	fn validator(&self, name: &str, ports: Ports) -> Result<Process> {
		let mut command = self.node_command(name, ports.rpc, ports.p2p)?;
		command.args(["--prometheus-port", &ports.metrics.to_string()]);
		command.arg(format!("--{name}")).args(self.options);
		Process::spawn(name, command, &self.path(&format!("{name}.log")))
	}

	/// `kill -9` for the `dev` chain's one validator, and with it the node that everybody talks to.
	pub fn kill_alice(&self) -> Result<()> {
		self.nodes[0].kill()
	}

	/// Starts it again, with what it had and where it was.
	pub fn revive_alice(&mut self) -> Result<()> {
		self.nodes[0] = self.validator("alice", self.ports[0])?;
		Ok(())
	}

	fn node_command(&self, name: &str, rpc: u16, p2p: u16) -> Result<Command> {
		let mut command = Command::new(bin("lilypad-node")?);
		command.args([
			"--chain",
			self.chain,
			"--no-mdns",
			"--no-telemetry",
			"--base-path",
		]);
		command.arg(self.path(name));
		command.args(["--rpc-port", &rpc.to_string(), "--port", &p2p.to_string()]);
		// The example dapp's page asks them, too.
		command.args(["--rpc-cors", "all"]);
		if !self.bootnode.is_empty() {
			command.args(["--bootnodes", &self.bootnode]);
		}
		Ok(command)
	}

	/// A file or folder of this network's own.
	pub fn path(&self, name: &str) -> PathBuf {
		self.dir.path().join(name)
	}

	/// The WebSocket address of the first node.
	pub fn url(&self) -> String {
		format!("ws://127.0.0.1:{}", self.ports[0].rpc)
	}

	fn http(&self, node: usize) -> String {
		format!("http://127.0.0.1:{}", self.ports[node].rpc)
	}

	/// A call to the first node.
	pub fn rpc(&self, method: &str, params: Value) -> Result<Value> {
		rpc_call(&self.http(0), method, &params)
	}

	/// Number of the best block.
	pub fn best_number(&self) -> Result<u32> {
		header_number(&self.rpc("chain_getHeader", serde_json::json!([]))?)
	}

	/// Number of the last finalized block, as one node sees it.
	pub fn finalized_number(&self, node: usize) -> Result<u32> {
		let url = self.http(node);
		let hash = rpc_call(&url, "chain_getFinalizedHead", &serde_json::json!([]))?;
		header_number(&rpc_call(&url, "chain_getHeader", &serde_json::json!([hash]))?)
	}

	/// What a validator tells Prometheus.
	pub fn metrics(&self, node: usize) -> Result<String> {
		let url = format!("http://127.0.0.1:{}/metrics", self.ports[node].metrics);
		Ok(ureq::get(url)
			.config()
			.timeout_global(Some(Duration::from_secs(10)))
			.build()
			.call()?
			.body_mut()
			.read_to_string()?)
	}

	/// Nodes there are.
	pub fn validators(&self) -> usize {
		self.nodes.len()
	}

	/// Starts a provider node (`lilypad-node --provider`) and waits until its offer stands.
	pub fn provider(&self, key: &str, extra: &[&str]) -> Result<Process> {
		let provider = self.provider_unready(key, extra)?;
		wait_for("the provider's offer stands", PROVIDER_START, || {
			provider.check()?;
			Ok(provider.log()?.contains("ready for jobs").then_some(()))
		})
		.with_context(|| format!("the provider's log ends with:\n{}", provider.log_tail(30)))?;
		Ok(provider)
	}

	/// Starts a provider node and waits for nothing. The same key gets the same folder, so that a provider can be stopped
	/// and started again.
	pub fn provider_unready(&self, key: &str, extra: &[&str]) -> Result<Process> {
		let name = format!("provider-{}", key.trim_start_matches('/').to_lowercase());
		self.provider_in(&name, key, extra)
	}

	/// The same, in a folder of this name.
	pub fn provider_in(&self, name: &str, key: &str, extra: &[&str]) -> Result<Process> {
		self.node(name, &[&["--provider", "--provider-suri", key], extra].concat())
	}

	/// Starts a node that is no validator, in a folder of this name, and waits for nothing.
	pub fn node(&self, name: &str, extra: &[&str]) -> Result<Process> {
		let mut command = self.node_command(name, free_port()?, free_port()?)?;
		// Whatever else runs on this machine: this node is on this network.
		command.args(["--reserved-only", "--reserved-nodes", &self.bootnode]);
		command.arg("--no-prometheus").args(extra);
		Process::spawn(name, command, &self.path(&format!("{name}.log")))
	}

	/// The command line on this network, acting for `key`.
	pub fn cli(&self, key: &str) -> Cli {
		Cli {
			url: self.url(),
			key: key.into(),
			data_dir: self.path(&format!("cli-{}", key.trim_start_matches('/').replace('/', "-"))),
			misbehaves: false,
		}
	}

	/// Publishes a sample module.
	pub fn publish(&self, key: &str, name: &str) -> Result<()> {
		self.cli(key)
			.ok(&["module", "publish", path_str(&module_dir(name)?)?, "--yes"])
			.map(|_| ())
	}
}

/// `lilypad`, for one account on one network.
#[derive(Clone, Debug)]
pub struct Cli {
	/// The node.
	pub url: String,
	/// The account's secret URI.
	pub key: String,
	/// Its data folder.
	pub data_dir: PathBuf,
	/// Whether its workers can be told to cheat.
	misbehaves: bool,
}

impl Cli {
	/// The command, ready for more arguments.
	pub fn command(&self, args: &[&str]) -> Result<Command> {
		let program = match self.misbehaves {
			true => misbehaving_cli(),
			false => bin("lilypad"),
		};
		let mut command = Command::new(program?);
		command.args(["--url", &self.url, "--suri", &self.key]).args(args);
		command
			.env("DATA_DIR", &self.data_dir)
			.env_remove("WEB3_PRIVATE_KEY")
			.stdin(Stdio::null());
		Ok(command)
	}

	/// Runs it to its end.
	pub fn output(&self, args: &[&str]) -> Result<Output> {
		self.command(args)?
			.output()
			.context("lilypad could not be started")
	}

	/// Runs it; fails unless it succeeds. Returns what it printed.
	pub fn ok(&self, args: &[&str]) -> Result<String> {
		let output = self.output(args)?;
		let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
		ensure!(
			output.status.success(),
			"lilypad {args:?} ended with {}:\n{stdout}\n{}",
			output.status,
			String::from_utf8_lossy(&output.stderr)
		);
		Ok(stdout)
	}

	/// Runs it with `--json`; fails unless it succeeds. Returns the last JSON value it printed.
	pub fn json(&self, args: &[&str]) -> Result<Value> {
		let text = self.ok(&[args, &["--json"]].concat())?;
		last_json(&text).with_context(|| format!("lilypad {args:?} printed no JSON:\n{text}"))
	}

	/// Runs it; fails unless it fails with this exit code. Returns everything it printed.
	pub fn fails(&self, code: i32, args: &[&str]) -> Result<String> {
		let output = self.output(args)?;
		let text = format!(
			"{}{}",
			String::from_utf8_lossy(&output.stdout),
			String::from_utf8_lossy(&output.stderr)
		);
		ensure!(
			output.status.code() == Some(code),
			"lilypad {args:?} ended with {}, not {code}:\n{text}",
			output.status
		);
		Ok(text)
	}
}

/// The last JSON value in a text of one or more.
pub fn last_json(text: &str) -> Result<Value> {
	serde_json::Deserializer::from_str(text)
		.into_iter::<Value>()
		.last()
		.context("there is no JSON")?
		.context("the JSON is broken")
}

/// A path as text.
pub fn path_str(path: &Path) -> Result<&str> {
	path.to_str().context("the path is not UTF-8")
}

fn header_number(header: &Value) -> Result<u32> {
	let text = header["number"].as_str().context("a header has a number")?;
	Ok(u32::from_str_radix(text.trim_start_matches("0x"), 16)?)
}

fn rpc_call(url: &str, method: &str, params: &Value) -> Result<Value> {
	let request = serde_json::json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
	let mut answer: Value = ureq::post(url)
		.config()
		.timeout_global(Some(Duration::from_secs(10)))
		.build()
		.send_json(request)?
		.body_mut()
		.read_json()?;
	if let Some(error) = answer.get("error") {
		bail!("{method}: {error}");
	}
	Ok(answer["result"].take())
}

/// What `cowsay` prints for one line.
pub fn cow(line: &str) -> String {
	let bar = |c: &str| c.repeat(line.chars().count() + 2);
	format!(
		" {}\n< {line} >\n {}\n        \\   ^__^\n         \\  (oo)\\_______\n            (__)\\       )\\/\\\n                ||----w |\n                ||     ||\n",
		bar("_"),
		bar("-")
	)
}
