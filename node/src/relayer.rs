//! `--relayer`: the relayer of the EVM bridge, inside the node.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use lilypad_relayer::{
	config::{parse_endpoint, Flags},
	RelayerConfig,
};
use sc_service::{Configuration, Error};
use tokio_util::sync::CancellationToken;

use crate::{
	provider::{other, own_rpc},
	service::Node,
};

/// How to relay.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Relayer")]
pub(crate) struct RelayerArgs {
	/// Carry messages between gateways on EVM chains and this chain, as a member of their bridge sets.
	#[arg(long)]
	pub(crate) relayer: bool,

	/// The relayer's configuration file, as `lilypad-relayer run` takes it; the flags here go before it.
	#[arg(long, value_name = "FILE", requires = "relayer")]
	relayer_config: Option<PathBuf>,

	/// An RPC endpoint of a lane's chain, such as 1337=http://127.0.0.1:8545; may be repeated.
	#[arg(long, value_name = "LANE=URL", value_parser = parse_endpoint, requires = "relayer")]
	relayer_evm: Vec<(u64, String)>,

	/// The member's key: an Ethereum key file, as `lilypad-relayer key new` writes it.
	#[arg(long, value_name = "FILE", requires = "relayer")]
	relayer_keystore: Option<PathBuf>,

	/// File with the key file's password.
	#[arg(long, value_name = "FILE", requires = "relayer")]
	relayer_password_file: Option<PathBuf>,

	/// The member's key for development: //Name, a mnemonic, or a secret key as 0x….
	///
	/// Other users of this machine can read it from the list of processes: prefer the variable, or a key file.
	#[arg(
		long,
		value_name = "SECRET",
		env = "LILYPAD_RELAYER_SURI",
		hide_env_values = true,
		conflicts_with = "relayer_keystore",
		requires = "relayer"
	)]
	relayer_suri: Option<String>,

	/// Address where the relayer's metrics and status are served.
	#[arg(long, value_name = "ADDRESS", requires = "relayer")]
	relayer_metrics: Option<SocketAddr>,
}

impl RelayerArgs {
	/// The relayer's configuration, if there is to be a relayer.
	pub(crate) fn relayer_config(&self, node: &Configuration) -> Result<Option<RelayerConfig>, Error> {
		if !self.relayer {
			return Ok(None);
		}
		let flags = Flags {
			config: self.relayer_config.clone(),
			// This node is what it talks to, whatever the file says.
			urls: vec![own_rpc(node)],
			evm: self.relayer_evm.clone(),
			suri: self.relayer_suri.clone(),
			keystore: self.relayer_keystore.clone(),
			password_file: self.relayer_password_file.clone(),
			metrics: self.relayer_metrics,
			..Flags::default()
		};
		let folder = node.base_path.path().join("relayer");
		flags.settle(Vec::new(), folder).map(Some).map_err(other)
	}
}

/// Runs a relayer as long as the node. The node stops when the relayer can't go on: a member that silently does not sign is worse
/// than one that is down.
pub(crate) fn spawn(node: &Node, mut config: RelayerConfig) {
	if let Some(rpc) = node.rpc {
		config.urls = vec![format!("ws://{rpc}")];
	}
	config.expected_genesis = Some(node.genesis.0);
	node.tasks
		.spawn_essential_handle()
		.spawn("relayer", Some("worker"), async move {
			let shutdown = CancellationToken::new();
			// Dropping this future, as the node does when it stops, stops the relayer's tasks too.
			let _stop = shutdown.clone().drop_guard();
			if let Err(error) = lilypad_relayer::run(config, shutdown).await {
				log::error!("the relayer stops: {error}");
			}
		});
}
