//! `lilypad module|offer …` as they are typed.

use super::{account, amount, key_value, one_of, KeyValue};
use crate::complete;
use clap::{Args, Subcommand};
use clap_complete::engine::ArgValueCompleter;
use lilypad_client::AccountId;
use lilypad_primitives::{Balance, ModuleName, OfferId, OfferState, Platform};
use std::path::PathBuf;

/// `module …`
#[derive(Debug, Subcommand)]
pub enum ModuleCommand {
	/// List the modules on the chain
	List,
	/// Show a module: inputs, files, limits, price
	Show {
		/// The module
		#[arg(add = ArgValueCompleter::new(complete::modules))]
		module: ModuleName,
	},
	/// Mark a module as curated, or take the mark away: with the sudo key of a development chain
	Curate {
		/// The module
		#[arg(add = ArgValueCompleter::new(complete::modules))]
		module: ModuleName,
		/// Take the mark away
		#[arg(long)]
		remove: bool,
	},
	/// Publish the module in a folder: module.json and its image.tar or module.wasm
	Publish {
		/// The folder
		dir: PathBuf,
		/// An input for the runs that show whether a deterministic module is [default: the manifest's defaults]
		#[arg(long, value_name = "KEY=VALUE", value_parser = key_value, action = clap::ArgAction::Append)]
		check_input: Vec<KeyValue>,
		/// An input file for these runs, by the name that the manifest gives it
		#[arg(long, value_name = "NAME=PATH", value_parser = key_value, action = clap::ArgAction::Append)]
		check_file: Vec<KeyValue>,
		/// Agree to deposit and bond without being asked
		#[arg(short, long)]
		yes: bool,
	},
	/// Say that a module of yours should no longer be used; it still runs
	Deprecate(Deprecate),
	/// Take a deprecation back
	Restore(OwnModule),
	/// Withdraw a module of yours for good: nothing new is matched with it, what runs goes on
	Delist(OwnModule),
	/// Take back what backed a module of yours that was withdrawn long enough ago
	Reclaim {
		/// The module
		#[arg(add = ArgValueCompleter::new(complete::modules))]
		module: ModuleName,
	},
}

/// A module of one's own.
#[derive(Clone, Debug, Args)]
pub struct OwnModule {
	/// The module
	#[arg(add = ArgValueCompleter::new(complete::modules))]
	pub module: ModuleName,
	/// Somebody else's, as a curator: with the sudo key of a development chain
	#[arg(long)]
	pub sudo: bool,
	/// Do not ask
	#[arg(short, long)]
	pub yes: bool,
}

/// Arguments of `module deprecate`.
#[derive(Clone, Debug, Args)]
pub struct Deprecate {
	/// Which.
	#[command(flatten)]
	pub which: OwnModule,
	/// What to use in its place
	#[arg(long, value_name = "NAME:TAG", add = ArgValueCompleter::new(complete::modules))]
	pub successor: Option<ModuleName>,
	/// Why, for people to read
	#[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
	pub reason: String,
}

/// `offer …`
#[derive(Debug, Subcommand)]
pub enum OfferCommand {
	/// List the machines on offer, cheapest first
	List(OfferList),
	/// Show one offer
	Show {
		/// The offer's number
		#[arg(add = ArgValueCompleter::new(complete::offers))]
		offer: OfferId,
	},
	/// Change the price of an offer of yours; deals that it has keep theirs
	Reprice {
		/// The offer's number
		#[arg(add = ArgValueCompleter::new(complete::offers))]
		offer: OfferId,
		/// LP per second of run time
		#[arg(value_parser = amount)]
		lp: Balance,
	},
	/// Take an offer of yours that has no deals from the market at once, and its deposit back
	Withdraw {
		/// The offer's number
		#[arg(add = ArgValueCompleter::new(complete::offers))]
		offer: OfferId,
		/// Do not ask
		#[arg(short, long)]
		yes: bool,
	},
}

/// Arguments of `offer list`.
#[derive(Clone, Debug, Default, Args)]
pub struct OfferList {
	/// Only this provider's
	#[arg(long, value_name = "ACCOUNT", value_parser = account)]
	pub provider: Option<AccountId>,
	/// Only those that run this: wasm, container-amd64 or container-arm64
	#[arg(long, value_name = "PLATFORM", value_parser = platform)]
	pub platform: Option<Platform>,
	/// Only those that are active, paused or draining
	#[arg(long, value_name = "STATE", value_parser = offer_state)]
	pub state: Option<OfferState>,
	/// Only those whose machine and policy suit this module, even if they are busy now
	#[arg(long, value_name = "NAME:TAG", add = ArgValueCompleter::new(complete::modules))]
	pub module: Option<ModuleName>,
}

fn platform(text: &str) -> Result<Platform, String> {
	one_of(
		text,
		&[
			("wasm", Platform::Wasm),
			("container-amd64", Platform::ContainerAmd64),
			("container-arm64", Platform::ContainerArm64),
		],
	)
}

fn offer_state(text: &str) -> Result<OfferState, String> {
	one_of(
		text,
		&[
			("active", OfferState::Active),
			("paused", OfferState::Paused),
			("draining", OfferState::Draining),
		],
	)
}
