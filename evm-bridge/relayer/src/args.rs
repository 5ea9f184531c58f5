//! The command line as it is typed.

use clap::{Args, Parser, Subcommand};
use lilypad_client::gateway::{parse_public_key, LaneId, PublicKey};
use lilypad_relayer::config::{parse_endpoint, Flags};
use std::{net::SocketAddr, path::PathBuf};

const AFTER_HELP: &str = "\
Exit codes:
  0  done, or ended by SIGTERM or SIGINT
  1  it could not go on, or a check failed
  2  wrong usage

Environment:
  LILYPAD_URL               nodes of the market's chain, separated by commas
  LILYPAD_RELAYER_SURI      the member's key, for development
  LILYPAD_RELAYER_EVM_SURI  the key that pays for gas, for development
  RUST_LOG                  what is logged (info by default)";

/// Carry messages between gateways on EVM chains and the market's chain, as a member of their bridge sets.
#[derive(Debug, Parser)]
#[command(name = "lilypad-relayer", version, after_help = AFTER_HELP, arg_required_else_help = true)]
pub struct Cli {
	/// What to do.
	#[command(subcommand)]
	pub command: Command,
	/// Print JSON
	#[arg(long, global = true)]
	pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
	/// Relay until SIGTERM or SIGINT
	Run(RunArgs),
	/// Check chains, lanes, key and money, and say how to mend what is wrong
	Doctor(RunArgs),
	/// Show what a running relayer does
	Status {
		/// Where it serves its metrics
		#[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9652")]
		metrics: SocketAddr,
	},
	/// A member's key
	#[command(subcommand)]
	Key(KeyCommand),
	/// The next bridge set of a lane
	#[command(subcommand)]
	Rotation(RotationCommand),
}

/// Whose key.
#[derive(Clone, Debug, Default, Args)]
pub struct KeyArgs {
	/// The member's key: an Ethereum key file (version 3)
	#[arg(long, value_name = "FILE", help_heading = "Key")]
	pub keystore: Option<PathBuf>,
	/// File with its password
	#[arg(long, value_name = "FILE", help_heading = "Key")]
	pub password_file: Option<PathBuf>,
	/// The member's key for development: //Name, a mnemonic, or a secret key as 0x…
	///
	/// Other users of this machine can read it from the list of processes: prefer a key file.
	#[arg(
		long,
		value_name = "SECRET",
		env = "LILYPAD_RELAYER_SURI",
		hide_env_values = true,
		conflicts_with = "keystore",
		help_heading = "Key"
	)]
	pub suri: Option<String>,
}

/// How to relay.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
	/// A configuration file (TOML); flags go before it
	#[arg(long, value_name = "FILE")]
	pub config: Option<PathBuf>,
	/// A node of the market's chain [default: ws://127.0.0.1:9944]; may be repeated, best first
	#[arg(
		long = "url",
		value_name = "WS_URL",
		env = "LILYPAD_URL",
		value_delimiter = ',',
		hide_env_values = true
	)]
	pub urls: Vec<String>,
	/// An RPC endpoint (http, https, ws, wss) of a lane's chain; may be repeated, for several lanes and for several endpoints of
	/// one, which are then compared
	#[arg(long, value_name = "LANE=URL", value_parser = parse_endpoint)]
	pub evm: Vec<(LaneId, String)>,
	/// Where the journal is kept; one folder for one relayer [default: lilypad-relayer in this folder]
	#[arg(long, value_name = "DIR")]
	pub data: Option<PathBuf>,
	/// Where metrics (/metrics) and status (/status) are served
	#[arg(long, value_name = "ADDRESS")]
	pub metrics: Option<SocketAddr>,
	/// The member.
	#[command(flatten)]
	pub key: KeyArgs,
	/// Another key that pays for gas: an Ethereum key file [default: the member's]
	#[arg(long, value_name = "FILE", help_heading = "Gas")]
	pub evm_keystore: Option<PathBuf>,
	/// File with its password
	#[arg(long, value_name = "FILE", help_heading = "Gas")]
	pub evm_password_file: Option<PathBuf>,
	/// Another key that pays for gas, for development
	#[arg(
		long,
		value_name = "SECRET",
		env = "LILYPAD_RELAYER_EVM_SURI",
		hide_env_values = true,
		conflicts_with = "evm_keystore",
		help_heading = "Gas"
	)]
	pub evm_suri: Option<String>,
}

impl From<RunArgs> for Flags {
	fn from(args: RunArgs) -> Self {
		Self {
			config: args.config,
			urls: args.urls,
			evm: args.evm,
			suri: args.key.suri,
			keystore: args.key.keystore,
			password_file: args.key.password_file,
			evm_suri: args.evm_suri,
			evm_keystore: args.evm_keystore,
			evm_password_file: args.evm_password_file,
			data: args.data,
			metrics: args.metrics,
		}
	}
}

/// `key …`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
	/// Make a new key and write it to an encrypted file
	New {
		/// The file, which must not exist yet
		#[arg(long, value_name = "FILE")]
		keystore: PathBuf,
		/// File with the password
		#[arg(long, value_name = "FILE")]
		password_file: PathBuf,
	},
	/// Show a key's public key, EVM address and account
	Show {
		/// The key.
		#[command(flatten)]
		key: KeyArgs,
	},
}

/// `rotation …`
#[derive(Debug, Subcommand)]
pub enum RotationCommand {
	/// Sign for a next set, as a member of the set in office; prints the signature for `lilypad gateway rotate`
	Sign {
		/// The next set.
		#[command(flatten)]
		next: NextSet,
		/// Who signs.
		#[command(flatten)]
		key: KeyArgs,
	},
}

/// A next bridge set.
#[derive(Clone, Debug, Args)]
pub struct NextSet {
	/// The lane
	pub lane: LaneId,
	/// A member's public key, as `key show` prints it; may be repeated, in any order
	#[arg(long = "member", value_name = "0x…", value_parser = parse_public_key, required = true)]
	pub members: Vec<PublicKey>,
	/// How many members are a quorum [default: two thirds]
	#[arg(long, value_name = "N")]
	pub threshold: Option<u8>,
	/// A node of the market's chain
	#[arg(
		long = "url",
		value_name = "WS_URL",
		env = "LILYPAD_URL",
		value_delimiter = ',',
		hide_env_values = true
	)]
	pub urls: Vec<String>,
}

#[cfg(test)]
mod tests {
	use super::*;
	use clap::CommandFactory;

	#[test]
	fn the_definitions_are_consistent() {
		Cli::command().debug_assert();
	}

	#[test]
	fn several_lanes_and_endpoints_can_be_named() {
		let cli = Cli::try_parse_from([
			"lilypad-relayer",
			"run",
			"--url",
			"ws://a,ws://b",
			"--evm",
			"1=http://x",
			"--evm",
			"1=http://y",
			"--evm",
			"2=ws://z",
			"--suri",
			"//Alice",
		]);
		let Command::Run(args) = cli.expect("it is valid").command else {
			panic!("wrong command")
		};
		assert_eq!((args.urls.len(), args.evm.len()), (2, 3));
	}

	#[test]
	fn two_keys_are_refused() {
		let both = [
			"lilypad-relayer",
			"key",
			"show",
			"--suri",
			"//Bob",
			"--keystore",
			"x",
		];
		assert!(Cli::try_parse_from(both).is_err());
	}
}
