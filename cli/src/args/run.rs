//! `lilypad run` as it is typed.

use super::{account, amount, key_value, KeyValue};
use crate::{complete, share};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use lilypad_client::{lp, AccountId};
use lilypad_primitives::{Balance, GpuModel, GpuSpec, ModuleName, LP};
use sp_runtime::{PerThing, Permill};
use std::path::PathBuf;

/// Arguments of `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
	/// The module, for instance cowsay:v0.0.1
	#[arg(add = ArgValueCompleter::new(complete::modules))]
	pub module: ModuleName,
	/// An input of the module
	#[arg(short, long = "input", value_name = "KEY=VALUE", value_parser = key_value, action = clap::ArgAction::Append)]
	pub input: Vec<KeyValue>,
	/// A JSON file with inputs: one object; -i overrides it
	#[arg(long, value_name = "FILE")]
	pub inputs_path: Option<PathBuf>,
	/// A file for the module, by the name that its manifest gives it
	#[arg(long = "input-file", value_name = "NAME=PATH", value_parser = key_value, action = clap::ArgAction::Append)]
	pub input_file: Vec<KeyValue>,
	/// Most LP to spend on the job [default: what it takes for the cheapest offers, one for each try, but at most twice the cheapest]
	#[arg(long, value_name = "LP", value_parser = amount)]
	pub budget: Option<Balance>,
	/// The only provider that will do
	#[arg(short, long, value_name = "ACCOUNT", value_parser = account)]
	pub target: Option<AccountId>,
	/// Least score of the provider, in per cent: a share of its latest deals, by value, that ended well. Who is new has 50%
	#[arg(long, value_name = "PERCENT", value_parser = percent, default_value = "0%", hide_default_value = true)]
	pub min_score: Permill,
	/// Longest run to pay for, in seconds [default: the module's]
	#[arg(long, value_name = "SECS")]
	pub timeout: Option<u64>,
	/// Longest wait for a provider, in seconds
	#[arg(long, value_name = "SECS", default_value_t = 60)]
	pub match_timeout: u64,
	/// What whoever finds a match that the chain's own search missed earns
	#[arg(long, value_name = "LP", value_parser = amount, default_value = "0")]
	pub tip: Balance,
	/// When the run must be over, in seconds from now: a provider that could not end it by then is not taken [default: no limit]
	#[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..))]
	pub deadline: Option<u64>,
	/// A mediator that may judge the result; may be repeated. Fits only offers that name at least a whole panel of the same [default: whoever
	/// is drawn of all]
	#[arg(long = "mediator", value_name = "ACCOUNT", value_parser = account, action = clap::ArgAction::Append)]
	pub mediators: Vec<AccountId>,
	/// A larger machine than the module needs.
	#[command(flatten)]
	pub needs: Needs,
	/// How often to try another provider after one failed
	#[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(0..=8))]
	pub retries: u8,
	/// Agree to the price without being asked
	#[arg(short, long)]
	pub yes: bool,
	/// Fetch and verify the result, but leave paying to `lilypad job accept`
	#[arg(long, conflicts_with = "detach")]
	pub no_accept: bool,
	/// Run the job on this machine, too, and do not pay for a result that differs; the module must be deterministic
	#[arg(long, conflicts_with = "detach")]
	pub verify: bool,
	/// Post the job and return at once; `lilypad job get` fetches the result later
	#[arg(short, long)]
	pub detach: bool,
	/// Where the result goes: a folder that does not exist yet or is empty
	#[arg(short, long, value_name = "DIR")]
	pub output: Option<PathBuf>,
}

fn percent(text: &str) -> Result<Permill, String> {
	let parts = share::parts_of(text, Permill::ACCURACY);
	parts
		.map(Permill::from_parts)
		.ok_or_else(|| "write per cent, such as 90% or 97.5%".into())
}

/// A larger machine than the module needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Machine")]
pub struct Needs {
	/// Processors: 2, or 0.5 [default: the module's]
	#[arg(long, value_name = "CORES", value_parser = cores)]
	pub cpu: Option<u32>,
	/// Memory, in MiB [default: the module's]
	#[arg(long, value_name = "MIB")]
	pub memory: Option<u32>,
	/// Disk for what the job writes, in MiB [default: the module's]
	#[arg(long, value_name = "MIB")]
	pub disk: Option<u32>,
	/// A graphics processor with this much memory, in MiB, and of this model if one is named; may be repeated [default: the module's]
	#[arg(long = "gpu", value_name = "MIB[:MODEL]", value_parser = gpu, action = clap::ArgAction::Append)]
	pub gpus: Vec<GpuSpec>,
}

/// Processors as thousandths of one. Decimal numbers are read as amounts are.
fn cores(text: &str) -> Result<u32, String> {
	const MILLI: Balance = LP / 1_000;
	let number = lp::parse(text).ok().filter(|_| !text.ends_with("LP"));
	let milli = number
		.filter(|number| number % MILLI == 0)
		.map(|number| number / MILLI);
	milli
		.and_then(|milli| u32::try_from(milli).ok())
		.filter(|milli| *milli > 0)
		.ok_or_else(|| "write a number of processors above 0, such as 2 or 0.5".into())
}

fn gpu(text: &str) -> Result<GpuSpec, String> {
	let (memory, model) = match text.split_once(':') {
		Some((memory, model)) => (memory, Some(model)),
		None => (text, None),
	};
	let memory = memory.parse().ok().filter(|mib: &u32| *mib > 0);
	let model = model
		.map(|model| GpuModel::try_from(model.as_bytes().to_vec()))
		.transpose()
		.map_err(|_| "the model's name is too long")?;
	match memory {
		Some(vram_mib) => Ok(GpuSpec { vram_mib, model }),
		None => Err(
			"write a number of MiB above 0, and the model behind a colon if it matters: 24576:NVIDIA L4"
				.into(),
		),
	}
}
