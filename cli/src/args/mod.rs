//! The command line as it is typed.

mod market;
mod run;
mod services;

use crate::{complete, gateway::args::GatewayCommand};
use clap::{Args, Parser, Subcommand};
use clap_complete::{engine::ArgValueCompleter, Shell};
use lilypad_client::{lp, AccountId};
use lilypad_primitives::{Balance, DealId, JobId, Reason};
use std::path::PathBuf;

pub use market::{Deprecate, ModuleCommand, OfferCommand, OfferList, OwnModule};
pub use run::{Needs, RunArgs};
pub use services::{
	MediatorArgs, MediatorCommand, MediatorInit, MediatorStart, OwnOffers, ProviderArgs, ProviderCommand,
	ProviderInit, ProviderStart, SolverArgs,
};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  something unexpected
  2  wrong usage
  3  no node can be reached, or it is on another chain
  4  refused: money, key, input, module, or no provider fits
  5  the job failed: it ended without a result, its program did not end with exit code 0, or its result is not that
     of a run on this machine (--verify)
  6  the result can't be obtained
  130  interrupted; the job goes on

Environment:
  LILYPAD_URL       the node, or several separated by commas
  LILYPAD_SURI      a secret as --suri takes it, used when no other key is named
  WEB3_PRIVATE_KEY  a key as MetaMask exports it: 32 bytes in hexadecimal (secp256k1), used when no other key is named.
                    The account is this chain's own, made from the same key; it is not your 0x address on Ethereum, and
                    money there is not money here. A mnemonic or a polkadot.js key does not go here, but to
                    LILYPAD_SURI, which goes before it
  DATA_DIR          where results and the list of your jobs are kept

Completion of commands, modules and jobs: `lilypad completion --help`.";

const COMPLETION_HELP: &str = "\
Put into the shell's start-up file, so that it always fits the installed version:
  bash        source <(lilypad completion bash)
  zsh         source <(lilypad completion zsh)
  fish        lilypad completion fish | source
  elvish      eval (lilypad completion elvish | slurp)
  powershell  lilypad completion powershell | Out-String | Invoke-Expression

Names of modules and offers are asked from the node that LILYPAD_URL names, or that the line names by --url or -n; jobs
and keys are those of this machine.";

/// Run jobs on the Lilypad network, publish modules, provide machines, judge results.
#[derive(Debug, Parser)]
#[command(name = "lilypad", version, after_help = AFTER_HELP, arg_required_else_help = true, subcommand_required = true)]
pub struct Cli {
	/// What every command takes.
	#[command(flatten)]
	pub global: Global,
	/// What to do.
	#[command(subcommand)]
	pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
	/// The node to talk to; several are tried in turn
	#[arg(
		long = "url", global = true, value_name = "WS_URL", env = "LILYPAD_URL", value_delimiter = ',',
		default_value = lilypad_client::DEFAULT_URL, hide_env_values = true, help_heading = "Chain"
	)]
	pub urls: Vec<String>,
	/// The node by a network's name: dev or local (a node on this machine), or a URL; goes before --url and LILYPAD_URL
	#[arg(short, long, global = true, value_name = "NAME", value_parser = network, help_heading = "Chain")]
	pub network: Option<String>,
	/// Refuse nodes of any other chain than that with this genesis hash
	#[arg(long, global = true, value_name = "HASH", help_heading = "Chain")]
	pub genesis: Option<lilypad_client::Hash>,
	/// The key: a mnemonic, a seed as 0x…, or a development account such as //Alice. Other users of this machine can read it
	/// from the list of processes: prefer LILYPAD_SURI, or a key file
	#[arg(long, global = true, value_name = "SECRET", conflicts_with_all = ["keystore", "account"], help_heading = "Key")]
	pub suri: Option<String>,
	/// The key: a key file as polkadot.js exports it
	#[arg(
		long,
		global = true,
		value_name = "FILE",
		conflicts_with = "account",
		help_heading = "Key"
	)]
	pub keystore: Option<PathBuf>,
	/// The key: one of your own key files, by the name given to `account new`
	#[arg(long, global = true, value_name = "NAME", help_heading = "Key", add = ArgValueCompleter::new(complete::keys))]
	pub account: Option<String>,
	/// File with the key file's password; asked for otherwise
	#[arg(long, global = true, value_name = "FILE", help_heading = "Key")]
	pub password_file: Option<PathBuf>,
	/// Print JSON: one value per stage, the last is the outcome
	#[arg(long, global = true, help_heading = "Output")]
	pub json: bool,
	/// Say more of what happens; twice: still more
	#[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
	pub verbose: u8,
	/// Where results and the list of your jobs are kept
	#[arg(
		long,
		global = true,
		value_name = "DIR",
		env = "DATA_DIR",
		help_heading = "Output"
	)]
	pub data_dir: Option<PathBuf>,
}

impl Global {
	/// The nodes to talk to, best first.
	pub fn nodes(&self) -> Vec<String> {
		match &self.network {
			Some(url) => vec![url.clone()],
			None => self.urls.clone(),
		}
	}
}

/// A network's name as the URL of a node.
pub fn network(text: &str) -> Result<String, String> {
	match text {
		"dev" | "local" => Ok(lilypad_client::DEFAULT_URL.into()),
		url if url.starts_with("ws://") || url.starts_with("wss://") => Ok(url.into()),
		_ => {
			Err("write dev or local, for a node on this machine, or a node's URL (ws://… or wss://…)".into())
		},
	}
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
	/// Run a module and fetch its result
	Run(RunArgs),
	/// Your jobs
	#[command(subcommand)]
	Job(JobCommand),
	/// Modules
	#[command(subcommand)]
	Module(ModuleCommand),
	/// The machines on offer
	#[command(subcommand)]
	Offer(OfferCommand),
	/// Provide a machine; without a command, as `provider start`
	#[command(alias = "resource-provider")]
	Provider(ProviderArgs),
	/// Judge results: run disputed jobs again, and vote; without a command, as `mediator start`
	Mediator(MediatorArgs),
	/// Propose matches that the chain's own search missed, and earn the jobs' tips
	Solver(SolverArgs),
	/// Results that mediators judge
	#[command(subcommand)]
	Case(CaseCommand),
	/// The market's prices and the rules of verification
	#[command(subcommand)]
	Parameters(ParametersCommand),
	/// Gateways to EVM chains, whose contracts buy computation here
	#[command(subcommand)]
	Gateway(GatewayCommand),
	/// Keys and money
	#[command(subcommand)]
	Account(AccountCommand),
	/// Check this machine, the node and your account, and say how to mend what is wrong
	Doctor,
	/// Print a shell's script that completes commands, options, modules and jobs
	#[command(after_help = COMPLETION_HELP)]
	Completion {
		/// The shell
		shell: Shell,
	},
}

/// An input: `Key=value`. The first `=` ends the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyValue {
	/// Before the first `=`.
	pub key: String,
	/// After it.
	pub value: String,
}

fn key_value(text: &str) -> Result<KeyValue, String> {
	match text.split_once('=') {
		Some((key, value)) if !key.is_empty() => Ok(KeyValue {
			key: key.into(),
			value: value.into(),
		}),
		_ => Err("write it as Key=value".into()),
	}
}

fn amount(text: &str) -> Result<Balance, String> {
	lp::parse(text).map_err(|e| e.to_string())
}

fn account(text: &str) -> Result<AccountId, String> {
	crate::keys::parse_account(text)
}

/// Arguments that say where a result goes.
#[derive(Clone, Debug, Args)]
pub struct FollowArgs {
	/// The job's number
	#[arg(add = ArgValueCompleter::new(complete::jobs))]
	pub job: JobId,
	/// Where the result goes: a folder that does not exist yet or is empty
	#[arg(short, long, value_name = "DIR")]
	pub output: Option<PathBuf>,
	/// Fetch and verify the result, but leave paying to `lilypad job accept`
	#[arg(long)]
	pub no_accept: bool,
}

/// Arguments of `job accept`.
#[derive(Clone, Debug, Args)]
pub struct AcceptArgs {
	/// The job's number
	#[arg(add = ArgValueCompleter::new(complete::jobs))]
	pub job: JobId,
	/// Where the result goes: a folder that does not exist yet or is empty
	#[arg(short, long, value_name = "DIR")]
	pub output: Option<PathBuf>,
	/// Do not ask
	#[arg(short, long)]
	pub yes: bool,
}

/// Arguments of `job challenge`.
#[derive(Clone, Debug, Args)]
pub struct ChallengeArgs {
	/// The job's number
	#[arg(add = ArgValueCompleter::new(complete::jobs))]
	pub job: JobId,
	/// What is wrong: wrong-result, overcharged or unavailable
	#[arg(long, value_name = "REASON", value_parser = reason)]
	pub reason: Reason,
	/// Do not ask
	#[arg(short, long)]
	pub yes: bool,
}

fn one_of<T: Copy>(text: &str, all: &[(&str, T)]) -> Result<T, String> {
	let plain = text.replace('_', "-");
	let found = all.iter().find(|(name, _)| plain.eq_ignore_ascii_case(name));
	found.map(|(_, value)| *value).ok_or_else(|| {
		let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
		format!("write one of {}", names.join(", "))
	})
}

fn reason(text: &str) -> Result<Reason, String> {
	one_of(
		text,
		&[
			("wrong-result", Reason::WrongResult),
			("overcharged", Reason::Overcharged),
			("unavailable", Reason::Unavailable),
		],
	)
}

/// `case …`
#[derive(Debug, Subcommand)]
pub enum CaseCommand {
	/// List the results in dispute
	List {
		/// Only those that this mediator judges
		#[arg(long, value_name = "ACCOUNT", value_parser = account)]
		mediator: Option<AccountId>,
	},
	/// Show the panel of a disputed deal, and what it has said
	Show {
		/// The deal's number
		deal: DealId,
	},
}

/// `parameters …`
#[derive(Debug, Subcommand)]
pub enum ParametersCommand {
	/// Show prices and rules
	Show,
	/// Change some of them: with the sudo key of a development chain
	Set {
		/// What to change, and to what
		#[arg(value_name = "NAME=VALUE", value_parser = key_value, required = true)]
		changes: Vec<KeyValue>,
		/// Do not ask
		#[arg(short, long)]
		yes: bool,
	},
}

/// `job …`
#[derive(Debug, Subcommand)]
pub enum JobCommand {
	/// List your jobs
	List,
	/// Show where a job stands
	Show {
		/// The job's number
		#[arg(add = ArgValueCompleter::new(complete::jobs))]
		job: JobId,
	},
	/// Follow a job to its end, as `run` does
	Watch(FollowArgs),
	/// Fetch a job's result
	Get(FollowArgs),
	/// Fetch and verify a submitted result, show what it costs, and pay for it
	Accept(AcceptArgs),
	/// Have mediators judge a submitted result, with a bond
	Challenge(ChallengeArgs),
	/// Run a job again on this machine and compare, before it is paid for
	Verify {
		/// The job's number
		#[arg(add = ArgValueCompleter::new(complete::jobs))]
		job: JobId,
	},
	/// Cancel a job
	Cancel {
		/// The job's number
		#[arg(add = ArgValueCompleter::new(complete::jobs))]
		job: JobId,
		/// Do not ask
		#[arg(short, long)]
		yes: bool,
	},
}

/// `account …`
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
	/// Make a new key and keep it in an encrypted file
	New {
		/// Its name
		#[arg(default_value = "default")]
		name: String,
	},
	/// List your key files
	List,
	/// Show an account's money
	Balance {
		/// The account [default: your own]
		#[arg(value_parser = account)]
		who: Option<AccountId>,
	},
	/// Send LP
	Transfer {
		/// To whom
		#[arg(value_parser = account)]
		to: AccountId,
		/// How much
		#[arg(value_parser = amount)]
		lp: Balance,
		/// Do not ask
		#[arg(short, long)]
		yes: bool,
	},
}

#[cfg(test)]
mod tests {
	use super::*;
	use clap::CommandFactory;
	use lilypad_primitives::{OfferState, Platform};
	use sp_runtime::Permill;

	#[test]
	fn the_definitions_are_consistent() {
		Cli::command().debug_assert();
	}

	fn run(args: &[&str]) -> Result<RunArgs, clap::Error> {
		match Cli::try_parse_from([&["lilypad", "run", "cowsay:v0.0.1"], args].concat())?.command {
			Command::Run(run) => Ok(run),
			other => panic!("{other:?}"),
		}
	}

	#[test]
	fn the_first_equals_sign_ends_the_key() {
		let run = run(&["-i", "Message=a=b=c", "-i", "Empty="]).expect("parses");
		assert_eq!(
			run.input[0],
			KeyValue {
				key: "Message".into(),
				value: "a=b=c".into()
			}
		);
		assert_eq!(
			run.input[1],
			KeyValue {
				key: "Empty".into(),
				value: String::new()
			}
		);
	}

	#[test]
	fn inputs_without_a_key_are_refused() {
		assert!(run(&["-i", "Message"]).is_err());
		assert!(run(&["-i", "=x"]).is_err());
	}

	#[test]
	fn amounts_are_decimal_lp() {
		assert_eq!(
			run(&["--budget", "0.25"]).expect("parses").budget,
			Some(lilypad_primitives::LP / 4)
		);
		assert!(run(&["--budget", "-1"]).is_err());
		assert!(run(&["--budget", "1e3"]).is_err());
	}

	#[test]
	fn a_least_score_is_in_per_cent() {
		let least = |args: &[&str]| run(args).map(|run| run.min_score);
		assert_eq!(least(&[]).ok(), Some(Permill::zero()));
		assert_eq!(
			least(&["--min-score", "97.5%"]).ok(),
			Some(Permill::from_parts(975_000))
		);
		assert!(least(&["--min-score", "101%"]).is_err());
	}

	#[test]
	fn a_machine_is_asked_for_in_its_own_units() {
		let needs = |args: &[&str]| run(args).map(|run| run.needs);
		let found = needs(&[
			"--cpu",
			"1.5",
			"--memory",
			"512",
			"--gpu",
			"8192:NVIDIA L4",
			"--gpu",
			"1",
		])
		.expect("parses");
		assert_eq!(
			(found.cpu, found.memory, found.disk),
			(Some(1_500), Some(512), None)
		);
		assert_eq!(found.gpus[0].vram_mib, 8_192);
		assert_eq!(
			found.gpus[0].model.as_ref().map(|m| m.to_vec()),
			Some(b"NVIDIA L4".to_vec())
		);
		assert_eq!(found.gpus[1].model, None);
		for wrong in [
			["--cpu", "0"],
			["--cpu", "x"],
			["--cpu", "-1"],
			["--gpu", "0"],
			["--gpu", ":L4"],
		] {
			assert!(needs(&wrong).is_err(), "{wrong:?}");
		}
	}

	#[test]
	fn the_predecessors_names_work() {
		for service in [
			["lilypad", "resource-provider"].as_slice(),
			&["lilypad", "resource-provider", "status"],
			&["lilypad", "mediator"],
			&["lilypad", "solver"],
			&["lilypad", "provider", "--config", "x"],
			&["lilypad", "provider", "--json", "status"],
		] {
			assert!(Cli::try_parse_from(service).is_ok(), "{service:?}");
		}
		assert!(run(&["-t", "//Bob"]).is_ok());
	}

	#[test]
	fn global_options_work_behind_the_command() {
		let cli = Cli::try_parse_from(["lilypad", "job", "list", "--url", "ws://a,ws://b", "--json"])
			.expect("parses");
		assert_eq!(cli.global.urls, ["ws://a", "ws://b"]);
		assert!(cli.global.json);
	}

	#[test]
	fn a_network_is_a_name_or_a_url_and_goes_before_other_nodes() {
		let nodes = |args: &[&str]| {
			let cli = Cli::try_parse_from([&["lilypad", "job", "list"], args].concat());
			cli.map(|cli| cli.global.nodes())
		};
		assert_eq!(
			nodes(&["-n", "dev"]).expect("parses"),
			[lilypad_client::DEFAULT_URL]
		);
		assert_eq!(
			nodes(&["--network", "wss://x", "--url", "ws://y"]).expect("parses"),
			["wss://x"]
		);
		assert!(nodes(&["-n", "testnet"]).is_err());
		assert!(nodes(&["-n", "http://x"]).is_err());
	}

	#[test]
	fn offers_are_filtered_by_what_they_are() {
		let list = |args: &[&str]| match Cli::try_parse_from([&["lilypad", "offer", "list"], args].concat())?
			.command
		{
			Command::Offer(OfferCommand::List(list)) => Ok::<_, clap::Error>(list),
			other => panic!("{other:?}"),
		};
		let found = list(&["--platform", "container_amd64", "--state", "Paused"]).expect("parses");
		assert_eq!(
			(found.platform, found.state),
			(Some(Platform::ContainerAmd64), Some(OfferState::Paused))
		);
		assert!(list(&["--platform", "x86"]).is_err());
		assert!(list(&["--state", "lazy"]).is_err());
	}

	#[test]
	fn two_keys_are_refused() {
		assert!(
			Cli::try_parse_from(["lilypad", "job", "list", "--suri", "//Bob", "--keystore", "x"]).is_err()
		);
	}
}
