//! The EVM bridge in the end-to-end tests: chains (anvil), contracts, and relayers, as real processes.

mod exit;
mod flaky;

use crate::{bin, free_port, path_str, rpc_call, wait_for, Network, Process};
use anyhow::{bail, ensure, Context, Result};
use serde_json::{json, Value};
use std::{
	path::{Path, PathBuf},
	process::Command,
	time::Duration,
};

pub use flaky::FlakyProxy;

/// What is paid for gas at most: 100 gwei.
const MAX_GAS_PRICE: &str = "0x174876e800";

/// One LP in its smallest unit.
pub const LP: u128 = 1_000_000_000_000_000_000;
/// Secrets of the members of every lane's first bridge set.
pub const MEMBERS: [&str; 3] = ["//One", "//Two", "//Three"];
/// Secrets of those who may follow them.
pub const NEWCOMERS: [&str; 2] = ["//Four", "//Five"];
/// What members have to pay gas with, in wei: ten coins.
pub const GAS_MONEY: u128 = 10_000_000_000_000_000_000;
/// Anvil's first account, which deploys and holds all LP there. Everybody has its key.
const DEPLOYER: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const ANVIL_START: Duration = Duration::from_secs(30);
const RELAYER_START: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// An EVM chain with the gateway's contracts on it.
pub struct Evm {
	_process: Process,
	url: String,
	/// EIP-155 id, and the lane's number.
	pub id: u64,
	/// What the deployment wrote.
	deployment: PathBuf,
	gateway: String,
	token: String,
	example: String,
	accounts: Vec<String>,
}

/// A member of the bridge set, under its three names.
#[derive(Clone, Debug)]
pub struct Member {
	/// Its public key.
	pub public_key: String,
	/// Its address there.
	pub address: String,
}

/// A member's secret key, in hexadecimal.
pub fn secret(suri: &str) -> Result<String> {
	use sp_core::Pair;
	let pair = sp_core::ecdsa::Pair::from_string(suri, None).map_err(|e| anyhow::anyhow!("{e:?}"))?;
	Ok(pair.seed().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The names of the first set's members.
pub fn members() -> Result<Vec<Member>> {
	MEMBERS.iter().map(|suri| member(suri)).collect()
}

/// What the relayer's program prints as JSON.
fn relayer_json(args: &[&str]) -> Result<Value> {
	let output = Command::new(bin("lilypad-relayer")?)
		.args(args)
		.arg("--json")
		.output()?;
	ensure!(
		output.status.success(),
		"lilypad-relayer {args:?}: {}",
		String::from_utf8_lossy(&output.stderr)
	);
	Ok(serde_json::from_slice(&output.stdout)?)
}

/// A member's names.
pub fn member(suri: &str) -> Result<Member> {
	let key = relayer_json(&["key", "show", "--suri", suri])?;
	let text = |name: &str| Ok::<_, anyhow::Error>(key[name].as_str().context("a text")?.to_string());
	Ok(Member {
		public_key: text("public_key")?,
		address: text("address")?,
	})
}

fn contracts() -> PathBuf {
	Path::new(env!("CARGO_MANIFEST_DIR")).join("../evm-bridge/contracts")
}

/// One of Foundry's programs, as npm installed them.
fn foundry(tool: &str) -> Command {
	let mut command = Command::new(contracts().join("tools/foundry"));
	command.arg(tool);
	command
}

impl Evm {
	/// A chain that makes a block a second, with the contracts deployed for the members. Its blocks are final, by its own tag, after
	/// two more. `module` is what the example runs.
	pub fn start(network: &Network, id: u64, module: &str) -> Result<Self> {
		ensure!(
			contracts().join("node_modules/@foundry-rs").is_dir(),
			"the contracts' packages are missing: run `make contracts`, or `make test`"
		);
		let port = free_port()?;
		let mut anvil = foundry("anvil");
		anvil.args(["--port", &port.to_string(), "--chain-id", &id.to_string()]);
		anvil.args(["--block-time", "1", "--slots-in-an-epoch", "1", "--silent"]);
		let process = Process::spawn("anvil", anvil, &network.path(&format!("anvil-{id}.log")))?;
		let url = format!("http://127.0.0.1:{port}");
		wait_for("anvil answers", ANVIL_START, || {
			process.check()?;
			Ok(rpc_call(&url, "eth_chainId", &json!([])).ok())
		})?;
		let accounts = rpc_call(&url, "eth_accounts", &json!([]))?;
		let accounts = serde_json::from_value(accounts)?;
		let mut evm = Self {
			_process: process,
			url,
			id,
			deployment: contracts().join(format!("out/e2e-{port}.json")),
			gateway: String::new(),
			token: String::new(),
			example: String::new(),
			accounts,
		};
		evm.deploy(port, module)?;
		for suri in MEMBERS {
			evm.fund(suri, GAS_MONEY)?;
		}
		Ok(evm)
	}

	fn deploy(&mut self, port: u16, module: &str) -> Result<()> {
		let mut addresses: Vec<_> = members()?.into_iter().map(|m| m.address).collect();
		addresses.sort_by_key(|address| address.to_lowercase());
		let output = Command::new(contracts().join("../../scripts/contracts.sh"))
			.arg("deploy")
			.env("RPC_URL", &self.url)
			.env("PRIVATE_KEY", DEPLOYER)
			.env("BRIDGE_MEMBERS", addresses.join(","))
			.env("MODULE", module)
			.env("DEPLOYMENT", format!("./out/e2e-{port}.json"))
			.output()
			.context("the contracts could not be deployed")?;
		ensure!(
			output.status.success(),
			"the contracts could not be deployed:\n{}\n{}",
			String::from_utf8_lossy(&output.stdout),
			String::from_utf8_lossy(&output.stderr)
		);
		let written: Value = serde_json::from_slice(&std::fs::read(&self.deployment)?)?;
		let text =
			|name: &str| Ok::<_, anyhow::Error>(written[name].as_str().context("an address")?.to_string());
		(self.gateway, self.token) = (text("gateway")?, text("token")?);
		self.example = text("example")?;
		Ok(())
	}

	/// Leaves a member so many wei to pay gas with.
	pub fn fund(&self, suri: &str, wei: u128) -> Result<()> {
		let address = member(suri)?.address;
		self.rpc("anvil_setBalance", json!([address, format!("{wei:#x}")]))?;
		Ok(())
	}

	/// A JSON-RPC call.
	pub fn rpc(&self, method: &str, params: Value) -> Result<Value> {
		rpc_call(&self.url, method, &params)
	}

	/// Its RPC endpoint.
	pub fn url(&self) -> &str {
		&self.url
	}

	/// The file that the deployment wrote.
	pub fn deployment(&self) -> &Path {
		&self.deployment
	}

	/// The gateway's address.
	pub fn gateway(&self) -> &str {
		&self.gateway
	}

	/// The example's address.
	pub fn example(&self) -> &str {
		&self.example
	}

	/// One of the accounts that anvil signs for; the first has all LP.
	pub fn account(&self, at: usize) -> &str {
		&self.accounts[at]
	}

	/// A further example, for the same module. Returns its address.
	pub fn another_example(&self, module: &str) -> Result<String> {
		let artifact = std::fs::read(contracts().join("out/Cowsay.sol/Cowsay.json"))?;
		let artifact: Value = serde_json::from_slice(&artifact)?;
		let code = artifact["bytecode"]["object"].as_str().context("bytecode")?;
		let arguments = encode(&["constructor(address,string)", &self.gateway, module])?;
		let data = format!("{code}{}", arguments.trim_start_matches("0x"));
		let receipt = self.mined(&self.send_raw(self.account(0), None, &data)?)?;
		Ok(receipt["contractAddress"].as_str().context("an address")?.into())
	}

	/// Sends a call of a contract from one of anvil's accounts, and returns the transaction's hash at once.
	pub fn send(&self, from: &str, to: &str, call: &[&str]) -> Result<String> {
		self.send_raw(from, Some(to), &encode(call)?)
	}

	/// The same with the call's bytes.
	pub fn send_raw(&self, from: &str, to: Option<&str>, data: &str) -> Result<String> {
		// A block has room for 30 million: enough for a deployment, and for many calls.
		let gas = if to.is_some() { "0x7a120" } else { "0x4c4b40" };
		// Full blocks raise the price of gas, and anvil would offer no more than what it was: whoever sends hundreds at once would lose
		// some of them.
		let mut transaction = json!({
			"from": from, "data": data, "gas": gas, "maxFeePerGas": MAX_GAS_PRICE, "maxPriorityFeePerGas": "0x1",
		});
		if let Some(to) = to {
			transaction["to"] = json!(to);
		}
		let hash = self.rpc("eth_sendTransaction", json!([transaction]))?;
		Ok(hash.as_str().context("a hash")?.into())
	}

	/// Waits for a transaction to be mined, and to succeed. Returns its receipt.
	pub fn mined(&self, hash: &str) -> Result<Value> {
		let receipt = wait_for("a transaction is mined", MINUTE, || {
			let receipt = self.rpc("eth_getTransactionReceipt", json!([hash]))?;
			Ok((!receipt.is_null()).then_some(receipt))
		})?;
		ensure!(
			receipt["status"] == "0x1",
			"the transaction {hash} reverted: {receipt}"
		);
		Ok(receipt)
	}

	/// Sends a call and waits until it is mined.
	pub fn transact(&self, from: &str, to: &str, call: &[&str]) -> Result<Value> {
		self.mined(&self.send(from, to, call)?)
	}

	/// What a view function answers, as words of 32 bytes in hexadecimal.
	pub fn view(&self, to: &str, call: &[&str]) -> Result<Vec<String>> {
		let data = encode(call)?;
		let answer = self.rpc("eth_call", json!([{ "to": to, "data": data }, "latest"]))?;
		let digits: Vec<char> = answer
			.as_str()
			.context("bytes")?
			.trim_start_matches("0x")
			.chars()
			.collect();
		Ok(digits.chunks(64).map(|word| word.iter().collect()).collect())
	}

	/// A view function that answers with one number.
	pub fn number(&self, to: &str, call: &[&str]) -> Result<u128> {
		let words = self.view(to, call)?;
		last_digits(words.first().context("an answer")?)
	}

	/// Asks an example for a cow that says `message`. Approves its budget before. Returns the request's number.
	pub fn ask(&self, from: &str, example: &str, message: &str, budget: u128) -> Result<u64> {
		self.transact(
			from,
			&self.token,
			&["approve(address,uint256)", example, &budget.to_string()],
		)?;
		let receipt = self.transact(
			from,
			example,
			&["ask(string,uint96)", message, &budget.to_string()],
		)?;
		let logs = receipt["logs"].as_array().context("logs")?;
		let asked = logs
			.iter()
			.find(|log| {
				log["address"]
					.as_str()
					.is_some_and(|a| a.eq_ignore_ascii_case(example))
			})
			.context("the example logs what was asked")?;
		let id = asked["topics"][1].as_str().context("a number")?;
		Ok(u64::from_str_radix(id.trim_start_matches("0x"), 16)?)
	}

	/// What became of a question: `None` while it is not answered.
	pub fn saying(&self, example: &str, id: u64) -> Result<Option<Saying>> {
		let words = self.view(example, &["sayings(uint256)", &id.to_string()])?;
		let word = |at: usize| words.get(at).context("a saying has five parts");
		if last_digits(word(1)?)? == 0 {
			return Ok(None);
		}
		Ok(Some(Saying {
			status: u8::try_from(last_digits(word(2)?)?)?,
			exit_code: last_digits(word(3)?)? as i32,
			root: word(4)?.clone(),
		}))
	}

	/// Waits for a question's answer.
	pub fn answered(&self, example: &str, id: u64, limit: Duration) -> Result<Saying> {
		wait_for(&format!("request {id} is answered"), limit, || {
			self.saying(example, id)
		})
	}

	/// Number of the newest block.
	pub fn block_number(&self) -> Result<u64> {
		let number = self.rpc("eth_blockNumber", json!([]))?;
		let digits = number.as_str().context("a number")?.trim_start_matches("0x");
		Ok(u64::from_str_radix(digits, 16)?)
	}

	/// How many logs of this kind the gateway has written.
	pub fn count_logs(&self, topic: &str) -> Result<usize> {
		let filter =
			json!([{ "address": self.gateway, "fromBlock": "0x0", "toBlock": "latest", "topics": [topic] }]);
		let logs = self.rpc("eth_getLogs", filter)?;
		Ok(logs.as_array().context("logs")?.len())
	}

	/// LP that an account holds.
	pub fn balance(&self, account: &str) -> Result<u128> {
		self.number(&self.token, &["balanceOf(address)", account])
	}

	/// The token.
	pub fn token(&self) -> &str {
		&self.token
	}

	/// Registers the lane, with the members as its bridge set.
	pub fn register(&self, network: &Network, finality: &str) -> Result<()> {
		let mut args = vec!["gateway", "register", "--deployment", path_str(&self.deployment)?];
		let members = members()?;
		for member in &members {
			args.extend(["--member", member.public_key.as_str()]);
		}
		args.extend(["--finality", finality]);
		network.cli("//Alice").json(&args)?;
		Ok(())
	}

	/// What signs for a next set of these members: a member of the set in office. Returns its signature.
	pub fn sign_rotation(&self, network: &Network, suri: &str, next: &[Member]) -> Result<String> {
		let (lane, url) = (self.id.to_string(), network.url());
		let mut args = vec!["rotation", "sign", &lane, "--url", &url, "--suri", suri];
		for member in next {
			args.extend(["--member", &member.public_key]);
		}
		let signed = relayer_json(&args)?;
		Ok(signed["signature"].as_str().context("a signature")?.into())
	}

	/// Number of the bridge set in office at the gateway.
	pub fn set_in_office(&self) -> Result<u128> {
		let words = self.view(&self.gateway, &["verifier()"])?;
		let verifier = words
			.first()
			.and_then(|word| word.get(24..))
			.context("an address")?;
		self.number(&format!("0x{verifier}"), &["current()"])
	}

	/// Waits until the books of both sides say the same, and nothing is under way. Returns what the gateway holds.
	pub fn balanced(&self, network: &Network, limit: Duration) -> Result<u128> {
		let cli = network.cli("//Alice");
		let lane = self.id.to_string();
		wait_for("the books balance on both sides", limit, || {
			let shown = cli.json(&["gateway", "show", &lane])?;
			let books = &shown["books"];
			let part =
				|name: &str| -> Result<u128> { Ok(books[name].as_str().context("an amount")?.parse()?) };
			let (received, released, lost) = (part("received")?, part("released")?, part("lost")?);
			let minted_less_burned = part("minted")? as i128 - part("burned")? as i128;
			ensure!(
				minted_less_burned == received as i128 - released as i128,
				"what circulates is not what came in and did not leave: {books}"
			);
			let here = received.saturating_sub(released).saturating_sub(lost);
			let there = self.number(&self.gateway, &["locked()"])?;
			let owed = self.number(&self.gateway, &["owed()"])?;
			let held = self.balance(&self.gateway)?;
			ensure!(
				held == there + owed,
				"the gateway holds {held}, not {there} + {owed}"
			);
			if books["live"] != 0 || part("reserved")? != 0 || here != there {
				bail!("{books} here; there {there} are locked and {owed} owed");
			}
			Ok(Some(there))
		})
	}
}

impl Drop for Evm {
	fn drop(&mut self) {
		std::fs::remove_file(&self.deployment).ok();
	}
}

/// What the example has kept of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
	/// How it ended.
	pub status: u8,
	/// The program's exit code.
	pub exit_code: i32,
	/// The outputs.
	pub root: String,
}

/// The bytes of a call: its signature and its arguments. A constructor's have no selector.
pub fn encode(call: &[&str]) -> Result<String> {
	let constructor = call
		.first()
		.is_some_and(|signature| signature.starts_with("constructor("));
	let tool = if constructor { "abi-encode" } else { "calldata" };
	let output = foundry("cast").arg(tool).args(call).output()?;
	ensure!(
		output.status.success(),
		"cast {tool} {call:?}: {}",
		String::from_utf8_lossy(&output.stderr)
	);
	Ok(String::from_utf8(output.stdout)?.trim().into())
}

/// The first topic of an event with this signature.
pub fn topic(signature: &str) -> Result<String> {
	let output = foundry("cast").args(["keccak", signature]).output()?;
	ensure!(
		output.status.success(),
		"{}",
		String::from_utf8_lossy(&output.stderr)
	);
	Ok(String::from_utf8(output.stdout)?.trim().into())
}

/// The last 32 digits of a word: all amounts here fit.
fn last_digits(word: &str) -> Result<u128> {
	let at = word.len().checked_sub(32).context("a word has 64 digits")?;
	Ok(u128::from_str_radix(&word[at..], 16)?)
}

/// How relayers are run in a test.
pub struct Relayers<'a> {
	network: &'a Network,
	config: PathBuf,
}

impl<'a> Relayers<'a> {
	/// For these lanes, each with its endpoints. Faster than people would have them.
	pub fn for_lanes(network: &'a Network, lanes: &[(u64, Vec<String>)]) -> Result<Self> {
		let mut toml = format!("urls = [{:?}]\n", network.url());
		for (id, rpc) in lanes {
			toml.push_str(&format!(
				"[[lane]]\nid = {id}\nrpc = {rpc:?}\npoll_ms = 500\nstagger_ms = 6000\nbump_after_ms = 8000\n"
			));
		}
		let config = network.path("relayer.toml");
		std::fs::write(&config, toml)?;
		Ok(Self { network, config })
	}

	/// Starts one of [`MEMBERS`] and waits until it relays. Started again it has what it had before.
	pub fn start(&self, member: usize) -> Result<Relayer> {
		self.start_as(MEMBERS[member])
	}

	/// The same with this secret.
	pub fn start_as(&self, suri: &str) -> Result<Relayer> {
		let metrics = format!("127.0.0.1:{}", free_port()?);
		let name = format!("relayer-{}", suri.trim_start_matches('/'));
		let mut command = Command::new(bin("lilypad-relayer")?);
		command.args(["run", "--suri", suri, "--metrics", &metrics, "--config"]);
		command.arg(&self.config);
		command.arg("--data").arg(self.network.path(&name));
		let log = self.network.path(&format!("{name}.log"));
		let before = std::fs::read_to_string(&log).map_or(0, |log| log.matches(RELAYING).count());
		let process = Process::spawn(&name, command, &log)?;
		wait_for("the relayer is up", RELAYER_START, || {
			process.check()?;
			Ok((process.log()?.matches(RELAYING).count() > before).then_some(()))
		})
		.with_context(|| process.log_tail(20))?;
		Ok(Relayer { process, metrics })
	}

	/// Starts one inside a node that is no validator, and waits until it relays.
	pub fn start_in_node(&self, member: usize) -> Result<Process> {
		let config = path_str(&self.config)?;
		let flags = [
			"--relayer",
			"--relayer-config",
			config,
			"--relayer-suri",
			MEMBERS[member],
		];
		let process = self.network.node(&format!("node-relayer-{member}"), &flags)?;
		wait_for("the node's relayer is up", 2 * RELAYER_START, || {
			process.check()?;
			Ok(process.log()?.contains(RELAYING_IN_NODE).then_some(()))
		})
		.with_context(|| process.log_tail(20))?;
		Ok(process)
	}

	/// Starts all three.
	pub fn start_all(&self) -> Result<Vec<Relayer>> {
		(0..MEMBERS.len()).map(|member| self.start(member)).collect()
	}
}

/// What a relayer logs for each lane once it is up.
const RELAYING: &str = "relaying lane=";

/// The same in a node's log, which has another form.
const RELAYING_IN_NODE: &str = "relaying";

/// A running relayer.
pub struct Relayer {
	/// The process.
	pub process: Process,
	metrics: String,
}

impl Relayer {
	/// A metric's value; the sum over lanes and endpoints.
	pub fn metric(&self, name: &str) -> Result<u64> {
		let text = ureq::get(&format!("http://{}/metrics", self.metrics))
			.call()?
			.body_mut()
			.read_to_string()?;
		let name = format!("lilypad_relayer_{name}");
		let values = text.lines().filter_map(|line| {
			let (key, value) = line.rsplit_once(' ')?;
			let plain = key.split('{').next()?;
			(plain == name).then(|| value.parse::<u64>().ok())?
		});
		Ok(values.sum())
	}
}
