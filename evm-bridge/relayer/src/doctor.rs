//! Is everything there that a relayer needs, and how is what is missing to be had?

use crate::{
	config::{LaneConfig, RelayerConfig},
	evm::{
		abi::{self, Gateway, Verifier},
		pool::Pool,
		Endpoint, EvmError, Tag, ViewCall,
	},
	service,
};
use alloy::{primitives::Address, sol_types::SolCall};
use lilypad_client::{
	gateway::{FinalityRule, Lane},
	Client, View,
};
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// Gas for a hundred deliveries.
const GAS_IN_HAND: u128 = 20_000_000;
/// Seconds by which clocks may differ: the gateway refuses batches that are 15 minutes ahead of its own.
const CLOCK: u64 = 300;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
	/// Good.
	Ok,
	/// It works, but not as well as it could.
	Warning,
	/// It does not work.
	Failed,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
	/// The lane that it is about, if it is about one.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub lane: Option<u64>,
	/// What was checked.
	pub name: &'static str,
	/// How it went.
	pub verdict: Verdict,
	/// What was found.
	pub finding: String,
	/// What to do about it.
	#[serde(skip_serializing_if = "Option::is_none")]
	pub mend: Option<String>,
}

/// Checks of one subject, as they are made.
struct Checks {
	lane: Option<u64>,
	all: Vec<Check>,
}

impl Checks {
	fn ok(&mut self, name: &'static str, finding: impl Into<String>) {
		self.add(name, Verdict::Ok, finding, None);
	}

	fn warn(&mut self, name: &'static str, finding: impl Into<String>, mend: impl Into<String>) {
		self.add(name, Verdict::Warning, finding, Some(mend.into()));
	}

	fn fail(&mut self, name: &'static str, finding: impl Into<String>, mend: impl Into<String>) {
		self.add(name, Verdict::Failed, finding, Some(mend.into()));
	}

	fn add(
		&mut self,
		name: &'static str,
		verdict: Verdict,
		finding: impl Into<String>,
		mend: Option<String>,
	) {
		self.all.push(Check {
			lane: self.lane,
			name,
			verdict,
			finding: finding.into(),
			mend,
		});
	}
}

/// Checks everything.
pub async fn examine(config: &RelayerConfig) -> Vec<Check> {
	let mut checks = Checks {
		lane: None,
		all: Vec::new(),
	};
	checks.ok(
		"key",
		format!(
			"account {}, address {}",
			config.key.account(),
			config.key.address()
		),
	);
	let view = chain(config, &mut checks).await;
	for lane in &config.lanes {
		checks.lane = Some(lane.id);
		let settings = match &view {
			Some(view) => registered(config, lane, view, &mut checks).await,
			None => None,
		};
		endpoints(config, lane, settings, &mut checks).await;
	}
	checks.all
}

async fn chain(config: &RelayerConfig, checks: &mut Checks) -> Option<View> {
	let client: Client = match service::connect(config).await {
		Ok(client) => client,
		Err(e) => {
			checks.fail(
				"chain",
				e.to_string(),
				"start a node (`lilypad-node`), or name one that runs by --url",
			);
			return None;
		},
	};
	let finding = format!("{} is on {}", client.url(), client.chain_name());
	match client.node_health().await {
		Ok((_, true)) => checks.warn(
			"chain",
			format!("{finding}, and still catches up"),
			"wait until it has all blocks",
		),
		_ => checks.ok("chain", finding),
	}
	let view = match client.finalized().await {
		Ok(view) => view,
		Err(e) => {
			checks.fail("finality", e.to_string(), "look at the node's log");
			return None;
		},
	};
	if let Ok(time) = view.timestamp().await {
		let ago = now().saturating_sub(time / 1_000);
		match ago <= CLOCK {
			true => checks.ok("finality", format!("the newest final block is {ago} seconds old")),
			false => checks.fail(
				"finality",
				format!("the newest final block is {ago} seconds old"),
				"only what is final is signed: see whether the node has caught up, the validators run, and this machine's clock \
				 is right",
			),
		}
	}
	Some(view)
}

async fn registered(
	config: &RelayerConfig,
	lane: &LaneConfig,
	view: &View,
	checks: &mut Checks,
) -> Option<Lane> {
	let settings = match view.lane(lane.id).await {
		Ok(Some(settings)) => settings,
		Ok(None) => {
			checks.fail(
				"lane",
				"it is not registered on the chain",
				"`lilypad gateway list` shows those that are; governance registers them (`lilypad gateway register`)",
			);
			return None;
		},
		Err(e) => {
			checks.fail("lane", e.to_string(), "look at the node's log");
			return None;
		},
	};
	let finding = format!(
		"gateway {} on chain {}, final by {:?}",
		abi::address(settings.gateway),
		settings.chain,
		settings.finality
	);
	match settings.paused {
		true => checks.warn(
			"lane",
			format!("{finding}; it is paused"),
			"governance resumes it (`lilypad gateway resume`)",
		),
		false => checks.ok("lane", finding),
	}
	match view.bridge_set(lane.id).await {
		Ok(Some(set)) if set.position(&config.key.account()).is_some() => checks.ok(
			"member",
			format!("one of {} in set {}, {} are a quorum", set.members.len(), set.number, set.threshold),
		),
		Ok(Some(set)) => checks.fail(
			"member",
			format!("the key is none of the {} members of set {}", set.members.len(), set.number),
			"name the member's key by --keystore, or have the set rotated to one with this key (`lilypad-relayer key show`)",
		),
		Ok(None) => checks.fail("member", "the lane has no set", "look at the chain's state"),
		Err(e) => checks.fail("member", e.to_string(), "look at the node's log"),
	}
	Some(settings)
}

async fn endpoints(config: &RelayerConfig, lane: &LaneConfig, settings: Option<Lane>, checks: &mut Checks) {
	let pool = match service::pool(lane) {
		Ok(pool) => pool,
		Err(e) => {
			checks.fail("endpoint", e.to_string(), "name it by --evm LANE=URL");
			return;
		},
	};
	for endpoint in pool.endpoints() {
		one_endpoint(endpoint.as_ref(), settings, checks).await;
	}
	if lane.rpc.len() < 2 {
		checks.warn(
			"endpoints",
			"there is one: what it says is believed",
			"name a second one of another operator by --evm, and both are compared",
		);
	}
	if let Some(settings) = settings {
		contract(lane, settings, &pool, checks).await;
	}
	gas_money(config, &pool, checks).await;
}

async fn one_endpoint(endpoint: &dyn Endpoint, settings: Option<Lane>, checks: &mut Checks) {
	let name = endpoint.name();
	match endpoint.chain_id().await {
		Ok(id) if settings.is_none_or(|settings| settings.chain == id) => {
			checks.ok("endpoint", format!("{name} is on chain {id}"))
		},
		Ok(id) => {
			checks.fail(
				"endpoint",
				format!("{name} is on chain {id}, not on the lane's"),
				"name endpoints of the lane's chain by --evm",
			);
			return;
		},
		Err(e) => {
			checks.fail(
				"endpoint",
				format!("{name}: {e}"),
				"is it up, and is the URL right?",
			);
			return;
		},
	}
	if settings.is_some_and(|settings| settings.finality == FinalityRule::Finalized) {
		match endpoint.head(Tag::Finalized).await {
			Ok(Some(head)) => checks.ok("finalized", format!("{name} calls block {} final", head.number)),
			other => checks.fail(
				"finalized",
				format!("{name} does not know which block is final: {}", said(other)),
				"name another endpoint, or have governance set a number of confirmations (`lilypad gateway set LANE --finality N`)",
			),
		}
	}
	match endpoint.head(Tag::Latest).await {
		Ok(Some(head)) => {
			let apart = now().abs_diff(head.time);
			match apart <= CLOCK {
				true => checks.ok(
					"clock",
					format!("{name}'s newest block is {apart} seconds away from this clock"),
				),
				false => checks.warn(
					"clock",
					format!("{name}'s newest block is {apart} seconds away from this clock"),
					"is this machine's clock right, and does the chain make blocks?",
				),
			}
		},
		other => checks.fail(
			"clock",
			format!("{name}: {}", said(other)),
			"name another endpoint by --evm",
		),
	}
}

fn said<T>(answer: Result<Option<T>, EvmError>) -> String {
	match answer {
		Ok(_) => "it answers nothing".into(),
		Err(e) => e.to_string(),
	}
}

async fn contract(lane: &LaneConfig, settings: Lane, pool: &Pool, checks: &mut Checks) {
	let gateway = abi::address(settings.gateway);
	let number = ask(pool, gateway, Gateway::LANECall {}.abi_encode()).await;
	let number = number.and_then(|answer| {
		Gateway::LANECall::abi_decode_returns(&answer).map_err(|e| EvmError::Unreadable(e.to_string()))
	});
	match number {
		Ok(number) if number == lane.id => checks.ok("gateway", format!("{gateway} is the gateway of lane {number}")),
		Ok(number) => checks.fail(
			"gateway",
			format!("{gateway} is the gateway of lane {number}"),
			"the lane was registered with another gateway's address: governance has to register the right one",
		),
		Err(e) => checks.fail(
			"gateway",
			format!("there is no gateway at {gateway}: {e}"),
			"are the contracts deployed on this chain (`scripts/contracts.sh deploy`), and the lane registered with their address?",
		),
	}
	let verifier = ask(pool, gateway, Gateway::verifierCall {}.abi_encode()).await;
	let verifier = verifier
		.ok()
		.and_then(|a| Gateway::verifierCall::abi_decode_returns(&a).ok());
	let Some(verifier) = verifier else { return };
	let current = ask(pool, verifier, Verifier::currentCall {}.abi_encode()).await;
	if let Some(current) = current
		.ok()
		.and_then(|a| Verifier::currentCall::abi_decode_returns(&a).ok())
	{
		checks.ok("verifier", format!("set {current} is in office at the gateway"));
	}
	let dead = ask(pool, gateway, Gateway::deadSinceCall {}.abi_encode()).await;
	let dead = dead
		.ok()
		.and_then(|a| Gateway::deadSinceCall::abi_decode_returns(&a).ok());
	if dead.is_some_and(|since| !since.is_zero()) {
		checks.warn(
			"alive",
			"the bridge was declared dead at the gateway",
			"any newer batch ends that: get a quorum of relayers running",
		);
	}
}

async fn ask(pool: &Pool, to: Address, data: Vec<u8>) -> Result<alloy::primitives::Bytes, EvmError> {
	let call = ViewCall {
		from: None,
		to,
		data: data.into(),
		gas: None,
	};
	Ok(pool.call(&call, Tag::Latest, &[]).await?.1)
}

async fn gas_money(config: &RelayerConfig, pool: &Pool, checks: &mut Checks) {
	let account = config.evm_key.address();
	let balance = match pool.balance(account).await {
		Ok(balance) => balance.saturating_to::<u128>(),
		Err(e) => {
			checks.fail("gas money", e.to_string(), "see above");
			return;
		},
	};
	let price = match pool.tip(false).await {
		Ok(price) => price.max(1),
		Err(_) => 1_000_000_000,
	};
	let finding = format!(
		"{account} has {} gwei, gas costs {} gwei now",
		balance / 1_000_000_000,
		price / 1_000_000_000
	);
	let enough = balance / price >= GAS_IN_HAND;
	match enough {
		true => checks.ok("gas money", finding),
		false => checks.warn(
			"gas money",
			finding,
			format!("send {account} some of the chain's coin; without it others have to deliver"),
		),
	}
}

fn now() -> u64 {
	let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
	now.as_secs()
}

/// The checks in words.
pub fn show(checks: &[Check]) -> String {
	let mut text = String::new();
	for check in checks {
		let mark = match check.verdict {
			Verdict::Ok => "ok      ",
			Verdict::Warning => "warning ",
			Verdict::Failed => "FAILED  ",
		};
		let lane = check
			.lane
			.map(|lane| format!("lane {lane}: "))
			.unwrap_or_default();
		text.push_str(&format!("{mark}  {:<10} {lane}{}\n", check.name, check.finding));
		if let Some(mend) = &check.mend {
			text.push_str(&format!("{:21}{mend}\n", ""));
		}
	}
	text
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::key::Key;

	#[tokio::test]
	async fn what_is_missing_is_named_with_how_to_mend_it() {
		let key = Key::from_suri("//Alice").expect("a key");
		let nobody = "http://127.0.0.1:1";
		let config = RelayerConfig {
			urls: vec!["ws://127.0.0.1:1".into()],
			expected_genesis: None,
			evm_key: key.clone(),
			key,
			data: "x".into(),
			metrics: None,
			lanes: vec![LaneConfig::new(7, vec![nobody.into()])],
		};
		let checks = examine(&config).await;
		let failed: Vec<_> = checks
			.iter()
			.filter(|check| check.verdict == Verdict::Failed)
			.collect();
		assert!(failed.iter().all(|check| check.mend.is_some()));
		let names: Vec<_> = failed.iter().map(|check| check.name).collect();
		assert_eq!(names, ["chain", "endpoint", "gas money"]);
		let text = show(&checks);
		assert!(
			text.contains("FAILED    endpoint   lane 7: http://127.0.0.1:1: "),
			"{text}"
		);
		assert!(text.contains("\n                     is it up"), "{text}");
	}
}
