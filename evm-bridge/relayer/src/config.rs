//! What an operator can set.

use crate::{
	key::{read_password, Key},
	sender, RelayerError,
};
use lilypad_client::gateway::LaneId;
use serde::Deserialize;
use std::{
	net::SocketAddr,
	path::{Path, PathBuf},
	time::Duration,
};

/// Wei of a gwei.
const GWEI: u128 = 1_000_000_000;

/// How a lane is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneConfig {
	/// Its number.
	pub id: LaneId,
	/// RPC endpoints of its chain, best first.
	pub rpc: Vec<String>,
	/// How many of them must agree on a block [two, if there are two].
	pub agree: Option<usize>,
	/// How often the newest block is asked for, at least.
	pub poll: Duration,
	/// Most wei for a unit of gas.
	pub max_gas_price: u128,
	/// Answers whose callbacks may use more gas are left to others.
	pub max_callback_gas: u32,
	/// Most gas of a transaction: what does not fit is delivered by further ones. Chains refuse more than 2^24 (EIP-7825), or
	/// than a block has.
	pub max_gas: u64,
	/// How long the second member waits for the first to deliver, the third for the second, and so on.
	pub stagger: Duration,
	/// When a transaction that is not mined gets a higher price.
	pub bump_after: Duration,
	/// When an endpoint that does nothing but fail is not thought any more to have taken a transaction that the others refuse.
	pub dead_after: Duration,
}

impl LaneConfig {
	/// With defaults for everything that has one.
	pub fn new(id: LaneId, rpc: Vec<String>) -> Self {
		Self {
			id,
			rpc,
			agree: None,
			poll: Duration::from_secs(3),
			max_gas_price: 500 * GWEI,
			max_callback_gas: 1_000_000,
			max_gas: 15_000_000,
			stagger: Duration::from_secs(20),
			bump_after: Duration::from_secs(45),
			dead_after: Duration::from_secs(30 * 60),
		}
	}

	/// When to pay how much.
	pub fn rules(&self) -> sender::Rules {
		sender::Rules {
			max_price: self.max_gas_price,
			bump_after: self.bump_after,
			dead_after: self.dead_after,
		}
	}
}

/// Everything that a relayer needs to know.
#[derive(Clone, Debug)]
pub struct RelayerConfig {
	/// Nodes of the market's chain, best first.
	pub urls: Vec<String>,
	/// The chain that they must be on.
	pub expected_genesis: Option<[u8; 32]>,
	/// The member's key.
	pub key: Key,
	/// The key that pays for gas.
	pub evm_key: Key,
	/// Where the journal is.
	pub data: PathBuf,
	/// Where metrics and status are served.
	pub metrics: Option<SocketAddr>,
	/// The lanes.
	pub lanes: Vec<LaneConfig>,
}

impl RelayerConfig {
	/// Finds settings that contradict each other or can't work.
	pub fn check(&self) -> Result<(), RelayerError> {
		let wrong = |why: String| Err(RelayerError::Config(why));
		if self.urls.is_empty() {
			return wrong(
				"no node is named: give at least one by --url, for instance ws://127.0.0.1:9944".into(),
			);
		}
		if self.lanes.is_empty() {
			return wrong(
				"no lane is named: give at least one by --evm, for instance 1337=http://127.0.0.1:8545"
					.into(),
			);
		}
		for (at, lane) in self.lanes.iter().enumerate() {
			let id = lane.id;
			if self.lanes.iter().take(at).any(|other| other.id == id) {
				return wrong(format!("lane {id} is named twice"));
			}
			if lane.rpc.is_empty() {
				return wrong(format!(
					"lane {id} has no RPC endpoint: give one by --evm {id}=URL"
				));
			}
			for url in &lane.rpc {
				crate::evm::Rpc::new(url).map_err(RelayerError::Config)?;
			}
			if lane
				.agree
				.is_some_and(|agree| agree == 0 || agree > lane.rpc.len())
			{
				return wrong(format!(
					"lane {id}: 'agree' is a number of endpoints, from 1 to {}",
					lane.rpc.len()
				));
			}
			let times = [lane.poll, lane.bump_after, lane.dead_after];
			if times.contains(&Duration::ZERO) || lane.max_gas_price == 0 || lane.max_gas == 0 {
				return wrong(format!(
					"lane {id}: poll_ms, bump_after_ms, dead_after_ms, max_gas_price_gwei and max_gas must be above zero"
				));
			}
		}
		Ok(())
	}
}

/// The configuration file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
	/// Nodes of the market's chain.
	#[serde(default)]
	pub urls: Vec<String>,
	/// Where the journal is.
	pub data: Option<PathBuf>,
	/// Where metrics and status are served.
	pub metrics: Option<SocketAddr>,
	/// The member's key file.
	pub keystore: Option<PathBuf>,
	/// Its password.
	pub password_file: Option<PathBuf>,
	/// The key file of who pays for gas.
	pub evm_keystore: Option<PathBuf>,
	/// Its password.
	pub evm_password_file: Option<PathBuf>,
	/// The lanes.
	#[serde(default, rename = "lane")]
	pub lanes: Vec<FileLane>,
}

/// A lane in the configuration file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileLane {
	/// Its number.
	pub id: LaneId,
	/// RPC endpoints.
	pub rpc: Vec<String>,
	/// How many must agree.
	pub agree: Option<usize>,
	/// Milliseconds between looks at the chain.
	pub poll_ms: Option<u64>,
	/// Highest price of gas.
	pub max_gas_price_gwei: Option<u64>,
	/// Most gas of a callback.
	pub max_callback_gas: Option<u32>,
	/// Most gas of a transaction.
	pub max_gas: Option<u64>,
	/// Milliseconds between members.
	pub stagger_ms: Option<u64>,
	/// Milliseconds until the price is raised.
	pub bump_after_ms: Option<u64>,
	/// Milliseconds until an endpoint that does nothing but fail is not waited for.
	pub dead_after_ms: Option<u64>,
}

impl File {
	/// Reads it.
	pub fn read(path: &Path) -> Result<Self, RelayerError> {
		let text =
			std::fs::read_to_string(path).map_err(RelayerError::io("can't read the configuration", path))?;
		let file: Self =
			toml::from_str(&text).map_err(|e| RelayerError::Config(format!("{}: {e}", path.display())))?;
		Ok(file)
	}
}

impl From<FileLane> for LaneConfig {
	fn from(file: FileLane) -> Self {
		let default = Self::new(file.id, file.rpc);
		let time = |millis: Option<u64>, default| millis.map_or(default, Duration::from_millis);
		Self {
			agree: file.agree,
			poll: time(file.poll_ms, default.poll),
			max_gas_price: file.max_gas_price_gwei.map_or(default.max_gas_price, |gwei| {
				u128::from(gwei).saturating_mul(GWEI)
			}),
			max_callback_gas: file.max_callback_gas.unwrap_or(default.max_callback_gas),
			max_gas: file.max_gas.unwrap_or(default.max_gas),
			stagger: time(file.stagger_ms, default.stagger),
			bump_after: time(file.bump_after_ms, default.bump_after),
			dead_after: time(file.dead_after_ms, default.dead_after),
			..default
		}
	}
}

/// What is said on a command line; it goes before what the configuration file says.
#[derive(Clone, Debug, Default)]
pub struct Flags {
	/// The configuration file.
	pub config: Option<PathBuf>,
	/// Nodes of the market's chain.
	pub urls: Vec<String>,
	/// Endpoints of lanes.
	pub evm: Vec<(LaneId, String)>,
	/// The member's key, as a secret.
	pub suri: Option<String>,
	/// The member's key file, and its password's.
	pub keystore: Option<PathBuf>,
	/// See `keystore`.
	pub password_file: Option<PathBuf>,
	/// The key that pays for gas, as a secret.
	pub evm_suri: Option<String>,
	/// Its key file, and its password's.
	pub evm_keystore: Option<PathBuf>,
	/// See `evm_keystore`.
	pub evm_password_file: Option<PathBuf>,
	/// Where the journal is.
	pub data: Option<PathBuf>,
	/// Where metrics and status are served.
	pub metrics: Option<SocketAddr>,
}

impl Flags {
	/// The configuration that file and flags make together. `urls` and `data` are for what neither says.
	pub fn settle(self, urls: Vec<String>, data: PathBuf) -> Result<RelayerConfig, RelayerError> {
		let file = match &self.config {
			Some(path) => File::read(path)?,
			None => File::default(),
		};
		let key = key(
			self.suri.as_deref(),
			self.keystore.or(file.keystore),
			self.password_file.or(file.password_file),
		)?
		.ok_or_else(|| {
			RelayerError::Config(
				"no key is named: give --keystore and --password-file (`lilypad-relayer key new` makes a key file), or --suri"
					.into(),
			)
		})?;
		let evm_key = key_that_pays(
			self.evm_suri.as_deref(),
			self.evm_keystore.or(file.evm_keystore),
			self.evm_password_file.or(file.evm_password_file),
			&key,
		)?;
		let mut lanes: Vec<LaneConfig> = file.lanes.into_iter().map(Into::into).collect();
		for (id, url) in endpoints_by_lane(self.evm) {
			match lanes.iter_mut().find(|lane| lane.id == id) {
				Some(lane) => lane.rpc = url,
				None => lanes.push(LaneConfig::new(id, url)),
			}
		}
		let config = RelayerConfig {
			urls: first_said([self.urls, file.urls, urls]),
			expected_genesis: None,
			key,
			evm_key,
			data: self.data.or(file.data).unwrap_or(data),
			metrics: self.metrics.or(file.metrics),
			lanes,
		};
		config.check()?;
		Ok(config)
	}
}

fn first_said<T>(lists: [Vec<T>; 3]) -> Vec<T> {
	lists
		.into_iter()
		.find(|list| !list.is_empty())
		.unwrap_or_default()
}

fn endpoints_by_lane(all: Vec<(LaneId, String)>) -> std::collections::BTreeMap<LaneId, Vec<String>> {
	let mut lanes = std::collections::BTreeMap::<LaneId, Vec<String>>::new();
	for (lane, url) in all {
		lanes.entry(lane).or_default().push(url);
	}
	lanes
}

fn key(
	suri: Option<&str>,
	file: Option<PathBuf>,
	password_file: Option<PathBuf>,
) -> Result<Option<Key>, RelayerError> {
	match (suri, file, password_file) {
		(Some(suri), _, _) => Ok(Some(Key::from_suri(suri)?)),
		(None, Some(file), Some(password)) => Ok(Some(Key::from_file(&file, &read_password(&password)?)?)),
		(None, Some(file), None) => Err(RelayerError::Config(format!(
			"the password of {} is missing: name a file with it by --password-file",
			file.display()
		))),
		(None, None, _) => Ok(None),
	}
}

fn key_that_pays(
	suri: Option<&str>,
	file: Option<PathBuf>,
	password_file: Option<PathBuf>,
	member: &Key,
) -> Result<Key, RelayerError> {
	Ok(key(suri, file, password_file)?.unwrap_or_else(|| member.clone()))
}

/// An endpoint as it is typed: `LANE=URL`.
pub fn parse_endpoint(text: &str) -> Result<(LaneId, String), String> {
	let (lane, url) = text
		.split_once('=')
		.ok_or("write it as LANE=URL, for instance 1337=http://127.0.0.1:8545")?;
	let lane = lane
		.parse()
		.map_err(|_| format!("'{lane}' is no lane's number: write LANE=URL"))?;
	crate::evm::Rpc::new(url)?;
	Ok((lane, url.into()))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_file_is_read_with_its_defaults() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("relayer.toml");
		let text = "urls = ['ws://a']\ndata = 'd'\n[[lane]]\nid = 7\nrpc = ['http://b', 'http://c']\nstagger_ms = 5\n\
		            max_gas_price_gwei = 2\n";
		std::fs::write(&path, text).expect("written");
		let file = File::read(&path).expect("read");
		assert_eq!((file.urls.len(), file.metrics), (1, None));
		let lane = LaneConfig::from(file.lanes[0].clone());
		let expected = LaneConfig {
			stagger: Duration::from_millis(5),
			max_gas_price: 2 * GWEI,
			..LaneConfig::new(7, vec!["http://b".into(), "http://c".into()])
		};
		assert_eq!(lane, expected);
		std::fs::write(&path, "ulrs = []").expect("written");
		let error = File::read(&path).expect_err("misspelt").to_string();
		assert!(error.contains("ulrs"), "{error}");
	}

	#[test]
	fn flags_go_before_the_file() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("relayer.toml");
		let text = "urls = ['ws://file']\n[[lane]]\nid = 7\nrpc = ['http://file']\nstagger_ms = 5\n[[lane]]\nid = 8\n\
		            rpc = ['http://eight']\n";
		std::fs::write(&path, text).expect("written");
		let flags = Flags {
			config: Some(path),
			evm: vec![
				parse_endpoint("7=http://one").expect("parses"),
				parse_endpoint("9=ws://nine").expect("parses"),
				parse_endpoint("7=http://two").expect("parses"),
			],
			suri: Some("//Alice".into()),
			..Flags::default()
		};
		let config = flags
			.settle(vec!["ws://default".into()], "data".into())
			.expect("complete");
		assert_eq!(config.urls, ["ws://file"]);
		assert_eq!(config.data, PathBuf::from("data"));
		let lanes: Vec<_> = config.lanes.iter().map(|l| (l.id, l.rpc.join(" "))).collect();
		let expected = [
			(7, "http://one http://two"),
			(8, "http://eight"),
			(9, "ws://nine"),
		];
		assert_eq!(lanes, expected.map(|(id, rpc)| (id, rpc.to_string())));
		assert_eq!(
			config.lanes[0].stagger,
			Duration::from_millis(5),
			"other settings stay"
		);
		assert_eq!(config.evm_key.address(), config.key.address());
	}

	#[test]
	fn a_missing_key_or_password_is_named() {
		let flags = |change: fn(&mut Flags)| {
			let mut flags = Flags {
				evm: vec![(7, "http://one".into())],
				..Flags::default()
			};
			change(&mut flags);
			flags
				.settle(vec!["ws://a".into()], "x".into())
				.expect_err("no key")
				.to_string()
		};
		assert!(flags(|_| ()).contains("key new"));
		assert!(flags(|f| f.keystore = Some("k.json".into())).contains("--password-file"));
	}

	#[test]
	fn endpoints_are_typed_with_their_lane() {
		assert_eq!(
			parse_endpoint("1=http://x/?key=a=b"),
			Ok((1, "http://x/?key=a=b".into()))
		);
		for bad in ["http://x", "one=http://x", "1=x", "1="] {
			assert!(parse_endpoint(bad).is_err(), "{bad}");
		}
	}

	#[test]
	fn wrong_settings_are_named() {
		let says = |change: fn(&mut RelayerConfig), part: &str| {
			let key = Key::from_suri("//Alice").expect("a key");
			let mut config = RelayerConfig {
				urls: vec!["ws://127.0.0.1:9944".into()],
				expected_genesis: None,
				evm_key: key.clone(),
				key,
				data: "x".into(),
				metrics: None,
				lanes: vec![LaneConfig::new(1, vec!["http://127.0.0.1:8545".into()])],
			};
			config.check().expect("consistent so far");
			change(&mut config);
			let text = config.check().expect_err("it is wrong").to_string();
			assert!(text.contains(part), "{text}");
		};
		says(|c| c.urls.clear(), "no node is named");
		says(|c| c.lanes.clear(), "no lane is named");
		says(|c| c.lanes.push(c.lanes[0].clone()), "named twice");
		says(|c| c.lanes[0].rpc.clear(), "no RPC endpoint");
		says(|c| c.lanes[0].rpc[0] = "ftp://x".into(), "http, https, ws or wss");
		says(|c| c.lanes[0].agree = Some(2), "from 1 to 1");
		says(|c| c.lanes[0].poll = Duration::ZERO, "above zero");
		says(|c| c.lanes[0].max_gas = 0, "above zero");
	}
}
