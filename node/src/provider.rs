//! `--provider`: the worker that runs jobs for others, inside the node.

use std::{
	net::{Ipv4Addr, SocketAddr},
	path::{Path, PathBuf},
};

use clap::Args;
use lilypad_client::{lp, Signer};
use lilypad_primitives::{offer::MAX_POLICY, Balance, CreatorPolicy, MediatorPolicy, ModulePolicy};
use lilypad_runtime::AccountId;
use lilypad_worker::{
	chain::NewOffer,
	config::{EngineChoice, OfferConfig},
	machine, WorkerConfig,
};
use sc_service::{Configuration, Error};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::service::Node;

/// How to run the worker.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Provider")]
pub(crate) struct ProviderArgs {
	/// Run jobs for others on this machine, with a worker inside the node.
	#[arg(long)]
	pub(crate) provider: bool,

	/// The provider's key: a mnemonic, a seed as 0x…, or a development account such as //Bob.
	///
	/// Other users of this machine can read it from the list of processes: prefer the variable, or a key file.
	#[arg(
		long,
		value_name = "SECRET",
		env = "LILYPAD_PROVIDER_SURI",
		hide_env_values = true,
		conflicts_with = "provider_keystore",
		requires = "provider"
	)]
	provider_suri: Option<String>,

	/// The provider's key: a key file as `lilypad account new` writes it.
	#[arg(long, value_name = "FILE", requires_all = ["provider", "provider_password_file"])]
	provider_keystore: Option<PathBuf>,

	/// File with the key file's password.
	#[arg(long, value_name = "FILE", requires = "provider_keystore")]
	provider_password_file: Option<PathBuf>,

	/// What runs containers: auto, wasm-only, or an engine's address such as unix:///var/run/docker.sock.
	#[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = engine)]
	provider_engine: EngineChoice,

	/// LP per second of run time, for the offer that is posted when the account has none.
	#[arg(long, value_name = "LP", default_value = "0.0001", value_parser = amount)]
	provider_rate: Balance,

	/// LP to have bonded, at least.
	#[arg(long, value_name = "LP", default_value = "100", value_parser = amount)]
	provider_bond: Balance,

	/// Whose modules to run, for the offer that is posted when the account has none: any, curated, {"authors": [ACCOUNT..]} or
	/// {"versions": [NUMBER..]}.
	#[arg(long, value_name = "MODULES", default_value = "any", value_parser = modules)]
	provider_modules: ModulePolicy<AccountId>,

	/// Who may judge its results, for the offer that is posted when the account has none: any, or {"only": [ACCOUNT..]} with a
	/// whole panel at least.
	#[arg(long, value_name = "MEDIATORS", default_value = "any", value_parser = mediators)]
	provider_mediators: MediatorPolicy<AccountId>,

	/// Whose jobs to run, for the offer that is posted when the account has none: any, or {"only": [ACCOUNT..]}.
	#[arg(long, value_name = "CREATORS", default_value = "any", value_parser = creators)]
	provider_creators: CreatorPolicy<AccountId>,

	/// Most jobs at once, for the offer that is posted when the account has none [default: one a core].
	#[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
	provider_slots: Option<u32>,

	/// Resume offers that are paused. The chain pauses a provider's offers when it fails a job: look why, first.
	#[arg(long)]
	provider_resume: bool,

	/// Give up what was sealed by a worker of this account that is lost, and pay the fines for it.
	#[arg(long)]
	provider_take_over: bool,

	/// UDP address where creators and other providers connect [default: any free port].
	#[arg(long, value_name = "ADDRESS")]
	provider_listen: Option<SocketAddr>,

	/// Address to announce on the chain instead of this machine's own, such as 203.0.113.7:4433; may be repeated.
	#[arg(long, value_name = "ADDRESS")]
	provider_public_address: Vec<String>,

	/// Address where revealed results are served over HTTP.
	#[arg(long, value_name = "ADDRESS")]
	provider_http: Option<SocketAddr>,

	/// Loopback address where the worker's status and metrics are served.
	#[arg(long, value_name = "ADDRESS")]
	provider_admin: Option<SocketAddr>,
}

pub(crate) fn engine(text: &str) -> Result<EngineChoice, String> {
	match text {
		"auto" => Ok(EngineChoice::Auto),
		"wasm-only" => Ok(EngineChoice::WasmOnly),
		address if address.contains("://") => Ok(EngineChoice::Docker(address.into())),
		_ => Err("write auto, wasm-only, or an address such as unix:///var/run/docker.sock".into()),
	}
}

fn amount(text: &str) -> Result<Balance, String> {
	lp::parse(text).map_err(|error| error.to_string())
}

fn modules(text: &str) -> Result<ModulePolicy<AccountId>, String> {
	policy(
		text,
		r#"any, curated, {"authors": [ACCOUNT..]} or {"versions": [NUMBER..]}"#,
	)
}

fn mediators(text: &str) -> Result<MediatorPolicy<AccountId>, String> {
	policy(text, r#"any or {"only": [ACCOUNT..]}"#)
}

fn creators(text: &str) -> Result<CreatorPolicy<AccountId>, String> {
	policy(text, r#"any or {"only": [ACCOUNT..]}"#)
}

/// A policy as `provider.json` has it; a word needs no quotes.
fn policy<P: DeserializeOwned>(text: &str, forms: &str) -> Result<P, String> {
	serde_json::from_str(text)
		.or_else(|_| serde_json::from_value(text.into()))
		.map_err(|_| format!("write {forms}, with at most {MAX_POLICY} of them"))
}

impl ProviderArgs {
	/// The worker's configuration, if there is to be a worker.
	pub(crate) fn worker_config(&self, node: &Configuration) -> Result<Option<WorkerConfig>, Error> {
		if !self.provider {
			return Ok(None);
		}
		let folder = node.base_path.path().join("provider");
		std::fs::create_dir_all(&folder)?;
		let (machine, cores) = machine::offered(&folder)?;
		let mut config = WorkerConfig::new(vec![own_rpc(node)], self.signer()?, folder);
		config.engine = self.provider_engine.clone();
		config.p2p_listen = self.provider_listen;
		config.http_listen = self.provider_http;
		config.admin_listen = self.provider_admin;
		config.public_addresses = self.provider_public_address.clone();
		config.take_over = self.provider_take_over;
		config.offer = Some(OfferConfig {
			offer: NewOffer {
				machine,
				slots: self.provider_slots.unwrap_or(cores),
				rate: self.provider_rate,
				platforms: Vec::new(),
				modules: self.provider_modules.clone(),
				mediators: self.provider_mediators.clone(),
				creators: self.provider_creators.clone(),
			},
			bond: self.provider_bond,
			resume: self.provider_resume,
		});
		config.check().map_err(other)?;
		Ok(Some(config))
	}

	fn signer(&self) -> Result<Signer, Error> {
		key(
			"provider",
			self.provider_suri.as_deref(),
			self.provider_keystore.as_deref(),
			self.provider_password_file.as_deref(),
		)
	}
}

/// The key of a worker in this role.
pub(crate) fn key(
	role: &str,
	suri: Option<&str>,
	keystore: Option<&Path>,
	password_file: Option<&Path>,
) -> Result<Signer, Error> {
	match (suri, keystore, password_file) {
		(Some(suri), _, _) => Signer::from_suri(suri).map_err(other),
		(None, Some(file), Some(password)) => {
			let password = read_password(password)?;
			Signer::from_keystore(file, password.trim_end_matches(['\n', '\r'])).map_err(other)
		},
		_ => Err(Error::Other(format!(
			"a {role} needs a key: give --{role}-keystore and --{role}-password-file, or --{role}-suri (`lilypad account \
			 new` makes a key file)"
		))),
	}
}

fn read_password(file: &Path) -> Result<String, Error> {
	std::fs::read_to_string(file).map_err(|error| {
		Error::Other(format!(
			"the password can't be read from {}: {error}",
			file.display()
		))
	})
}

/// Where this node's own RPC server is to listen, which the worker talks to.
pub(crate) fn own_rpc(node: &Configuration) -> String {
	let port = match node.rpc.addr.as_deref() {
		Some([first, ..]) => first.listen_addr.port(),
		_ => node.rpc.port,
	};
	format!("ws://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

/// Runs a worker as long as the node. The node stops when the worker can't go on: a provider that silently runs no jobs, or
/// a mediator that silently does not vote, is worse than one that is down.
pub(crate) fn spawn(node: &Node, role: &'static str, mut config: WorkerConfig) {
	if let Some(rpc) = node.rpc {
		config.urls = vec![format!("ws://{rpc}")];
	}
	config.expected_genesis = Some(node.genesis.0);
	node.tasks
		.spawn_essential_handle()
		.spawn(role, Some("worker"), async move {
			let shutdown = CancellationToken::new();
			// Dropping this future, as the node does when it stops, stops the worker's tasks too.
			let _stop = shutdown.clone().drop_guard();
			if let Err(error) = lilypad_worker::run(config, shutdown).await {
				log::error!("the {role}'s worker stops: {error}");
			}
		});
}

pub(crate) fn other(error: impl std::fmt::Display) -> Error {
	Error::Other(error.to_string())
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn whose_modules_to_run_is_a_word_or_a_list() {
		assert_eq!(modules("any"), Ok(ModulePolicy::Any));
		assert_eq!(modules("curated"), Ok(ModulePolicy::Curated));
		let authors = r#"{"authors": ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"]}"#;
		assert!(matches!(modules(authors), Ok(ModulePolicy::Authors(list)) if list.len() == 1));
		let many = format!(r#"{{"versions": {:?}}}"#, (0..=MAX_POLICY).collect::<Vec<_>>());
		for refused in ["some", "", r#"{"authors": ["nobody"]}"#, &many] {
			let error = modules(refused).expect_err(refused);
			assert!(error.contains("curated"), "{error}");
		}
	}

	#[test]
	fn who_judges_and_whose_jobs_to_run_is_any_or_a_list() {
		assert_eq!(mediators("any"), Ok(MediatorPolicy::Any));
		assert_eq!(creators("any"), Ok(CreatorPolicy::Any));
		let only = r#"{"only": ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"]}"#;
		assert!(matches!(mediators(only), Ok(MediatorPolicy::Only(list)) if list.len() == 1));
		assert!(matches!(creators(only), Ok(CreatorPolicy::Only(list)) if list.len() == 1));
		for refused in ["none", "", r#"{"only": ["nobody"]}"#] {
			for error in [mediators(refused).err(), creators(refused).err()] {
				assert!(error.expect(refused).contains("only"));
			}
		}
	}
}
