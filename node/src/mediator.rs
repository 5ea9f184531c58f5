//! `--mediator`: the worker that runs disputed jobs again, inside the node.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use lilypad_client::Signer;
use lilypad_worker::{
	config::{EngineChoice, MediatorConfig},
	machine, WorkerConfig,
};
use sc_service::{Configuration, Error};

use crate::provider::{engine, key, other, own_rpc};

/// How to judge results.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Mediator")]
pub(crate) struct MediatorArgs {
	/// Run disputed jobs again on this machine, and vote on their results, with a worker inside the node.
	///
	/// With the key of --provider, one worker does both; never in the same deal.
	#[arg(long)]
	pub(crate) mediator: bool,

	/// The mediator's key: a mnemonic, a seed as 0x…, or a development account such as //Charlie.
	///
	/// Other users of this machine can read it from the list of processes: prefer the variable, or a key file.
	#[arg(
		long,
		value_name = "SECRET",
		env = "LILYPAD_MEDIATOR_SURI",
		hide_env_values = true,
		conflicts_with = "mediator_keystore",
		requires = "mediator"
	)]
	mediator_suri: Option<String>,

	/// The mediator's key: a key file as `lilypad account new` writes it.
	#[arg(long, value_name = "FILE", requires_all = ["mediator", "mediator_password_file"])]
	mediator_keystore: Option<PathBuf>,

	/// File with the key file's password.
	#[arg(long, value_name = "FILE", requires = "mediator_keystore")]
	mediator_password_file: Option<PathBuf>,

	/// What runs containers: auto, wasm-only, or an engine's address such as unix:///var/run/docker.sock.
	#[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = engine)]
	mediator_engine: EngineChoice,

	/// Tickets to have, at least: each puts its price on hold, and has the same chance in every draw.
	#[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
	mediator_tickets: u32,

	/// Most cases at a time.
	#[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
	mediator_slots: u32,

	/// Give up what was sealed by a worker of this account that is lost, and pay the fines for it.
	#[arg(long)]
	mediator_take_over: bool,

	/// UDP address where others connect [default: any free port].
	#[arg(long, value_name = "ADDRESS")]
	mediator_listen: Option<SocketAddr>,

	/// Address to announce on the chain instead of this machine's own, such as 203.0.113.7:4434; may be repeated.
	#[arg(long, value_name = "ADDRESS")]
	mediator_public_address: Vec<String>,

	/// Address where the results of closed cases are served over HTTP.
	#[arg(long, value_name = "ADDRESS")]
	mediator_http: Option<SocketAddr>,

	/// Loopback address where the worker's status and metrics are served.
	#[arg(long, value_name = "ADDRESS")]
	mediator_admin: Option<SocketAddr>,
}

impl MediatorArgs {
	/// The worker's configuration, if there is to be a worker.
	pub(crate) fn worker_config(&self, node: &Configuration) -> Result<Option<WorkerConfig>, Error> {
		if !self.mediator {
			return Ok(None);
		}
		let folder = node.base_path.path().join("mediator");
		std::fs::create_dir_all(&folder)?;
		let (machine, _) = machine::offered(&folder)?;
		let mut config = WorkerConfig::new(vec![own_rpc(node)], self.signer()?, folder);
		config.engine = self.mediator_engine.clone();
		config.p2p_listen = self.mediator_listen;
		config.http_listen = self.mediator_http;
		config.admin_listen = self.mediator_admin;
		config.public_addresses = self.mediator_public_address.clone();
		config.take_over = self.mediator_take_over;
		config.mediator = Some(MediatorConfig {
			machine,
			slots: self.mediator_slots,
			tickets: self.mediator_tickets,
		});
		config.check().map_err(other)?;
		Ok(Some(config))
	}

	fn signer(&self) -> Result<Signer, Error> {
		key(
			"mediator",
			self.mediator_suri.as_deref(),
			self.mediator_keystore.as_deref(),
			self.mediator_password_file.as_deref(),
		)
	}
}

/// The workers to run: one that does both when provider and mediator have the same key, for an account has one address on
/// the chain.
pub(crate) fn join(
	provider: Option<WorkerConfig>,
	mediator: Option<WorkerConfig>,
) -> Vec<(&'static str, WorkerConfig)> {
	match (provider, mediator) {
		(Some(mut provider), Some(mediator)) if provider.signer.account() == mediator.signer.account() => {
			provider.mediator = mediator.mediator;
			provider.take_over |= mediator.take_over;
			vec![("provider", provider)]
		},
		(provider, mediator) => {
			let named = |name| move |config| (name, config);
			provider
				.map(named("provider"))
				.into_iter()
				.chain(mediator.map(named("mediator")))
				.collect()
		},
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn config(suri: &str) -> WorkerConfig {
		let signer = Signer::from_suri(suri).expect("a development key");
		WorkerConfig::new(vec!["ws://127.0.0.1:9944".into()], signer, suri.into())
	}

	fn mediator(suri: &str) -> WorkerConfig {
		let mut config = config(suri);
		config.mediator = Some(MediatorConfig {
			machine: lilypad_primitives::MachineSpec::new(1, 1, 1),
			slots: 1,
			tickets: 1,
		});
		config
	}

	#[test]
	fn one_key_is_one_worker_and_two_are_two() {
		let both = join(Some(config("//Bob")), Some(mediator("//Bob")));
		assert_eq!(both.len(), 1);
		assert!(both[0].1.mediator.is_some());
		let two = join(Some(config("//Bob")), Some(mediator("//Charlie")));
		assert_eq!(
			two.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
			["provider", "mediator"]
		);
		assert!(two[0].1.mediator.is_none());
		assert_eq!(join(None, Some(mediator("//Bob"))).len(), 1);
		assert!(join(None, None).is_empty());
	}
}
