//! What can be said on the command line.

use clap::Parser;
use sc_cli::RunCmd;

use crate::{mediator::MediatorArgs, provider::ProviderArgs, relayer::RelayerArgs};

/// The node's command line.
#[derive(Debug, Parser)]
pub(crate) struct Cli {
	/// What to do; without a subcommand, the node runs.
	#[command(subcommand)]
	pub(crate) subcommand: Option<Subcommand>,

	/// How to run the node.
	#[command(flatten)]
	pub(crate) run: RunCmd,

	/// How to run the worker.
	#[command(flatten)]
	pub(crate) provider: ProviderArgs,

	/// How to judge results.
	#[command(flatten)]
	pub(crate) mediator: MediatorArgs,

	/// How to relay.
	#[command(flatten)]
	pub(crate) relayer: RelayerArgs,
}

/// Everything but running the node.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
	/// Make, inspect and insert keys.
	#[command(subcommand)]
	Key(sc_cli::KeySubcommand),

	/// Print a chain's specification as JSON: dev, local, or one from a file.
	ExportChainSpec(sc_cli::ExportChainSpecCmd),

	/// As `export-chain-spec`, with the flags that older guides name.
	BuildSpec(BuildSpecCmd),

	/// Check blocks: execute them again.
	CheckBlock(sc_cli::CheckBlockCmd),

	/// Write blocks to a file.
	ExportBlocks(sc_cli::ExportBlocksCmd),

	/// Write the state at a block into a chain specification.
	ExportState(sc_cli::ExportStateCmd),

	/// Read blocks from a file.
	ImportBlocks(sc_cli::ImportBlocksCmd),

	/// Remove the whole chain from this machine.
	PurgeChain(sc_cli::PurgeChainCmd),

	/// Take back the last blocks that aren't finalized yet.
	Revert(sc_cli::RevertCmd),

	/// Print what the database says about the chain.
	ChainInfo(sc_cli::ChainInfoCmd),
}

/// Prints a chain's specification.
#[derive(Debug, Parser)]
pub(crate) struct BuildSpecCmd {
	/// The chain: dev, local, or a file.
	#[arg(long, default_value = "dev")]
	pub(crate) chain: String,

	/// Print the genesis state itself, not what it is made from.
	#[arg(long)]
	pub(crate) raw: bool,

	/// Accepted for older guides: no boot node is added anyway.
	#[arg(long)]
	pub(crate) disable_default_bootnode: bool,
}

#[cfg(test)]
mod tests {
	use super::*;
	use clap::CommandFactory;

	#[test]
	fn command_line_is_consistent() {
		Cli::command().debug_assert();
	}

	#[test]
	fn no_subcommand_runs_the_node() {
		let cli = Cli::try_parse_from(["lilypad-node", "--dev", "--tmp"]).expect("it is valid");
		assert!(cli.subcommand.is_none());
		assert!(cli.run.shared_params.is_dev());
		assert!(cli.run.tmp);
	}

	#[test]
	fn provider_and_mediator_have_keys_of_their_own() {
		let cli = Cli::try_parse_from([
			"lilypad-node",
			"--dev",
			"--provider",
			"--provider-suri",
			"//Bob",
			"--mediator",
			"--mediator-suri",
			"//Charlie",
		]);
		let cli = cli.expect("it is valid");
		assert!(cli.provider.provider && cli.mediator.mediator);
		assert!(Cli::try_parse_from(["lilypad-node", "--mediator-suri", "//Charlie"]).is_err());
	}

	#[test]
	fn a_relayer_is_set_up_by_flags_or_by_its_file() {
		let parse = |args: &[&str]| Cli::try_parse_from([&["lilypad-node", "--dev"], args].concat());
		let cli = parse(&[
			"--relayer",
			"--relayer-evm",
			"1=http://x",
			"--relayer-suri",
			"//One",
		]);
		assert!(cli.expect("it is valid").relayer.relayer);
		assert!(parse(&["--relayer", "--relayer-config", "relayer.toml"]).is_ok());
		assert!(parse(&["--relayer-config", "relayer.toml"]).is_err());
		assert!(parse(&["--relayer", "--relayer-evm", "http://x"]).is_err());
	}

	#[test]
	fn build_spec_works_with_the_flags_of_older_guides() {
		let cli = Cli::try_parse_from(["lilypad-node", "build-spec", "--chain", "local", "--raw"]);
		let Some(Subcommand::BuildSpec(cmd)) = cli.expect("it is valid").subcommand else {
			panic!("wrong command")
		};
		assert!(cmd.raw && cmd.chain == "local");
	}
}
