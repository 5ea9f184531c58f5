//! `lilypad provider|mediator|solver …` as they are typed.

use super::{account, amount};
use clap::{Args, Subcommand};
use lilypad_client::AccountId;
use lilypad_primitives::{Balance, OfferId};
use std::{net::SocketAddr, path::PathBuf};

/// `mediator`, with a command or without.
#[derive(Debug, Args)]
pub struct MediatorArgs {
	/// What to do; `start` if nothing is said.
	#[command(subcommand)]
	pub command: Option<MediatorCommand>,
	/// How to start.
	#[command(flatten)]
	pub start: MediatorStart,
}

/// `mediator …`
#[derive(Debug, Subcommand)]
pub enum MediatorCommand {
	/// Look at this machine and write a configuration file for it
	Init(MediatorInit),
	/// Register as a mediator and run disputed jobs again with this machine
	Start(MediatorStart),
	/// Show tickets, bond and cases of a mediator
	Status {
		/// The mediator [default: your own account]
		#[arg(value_parser = account)]
		mediator: Option<AccountId>,
	},
	/// Give tickets up
	Unbond {
		/// How many
		tickets: u32,
	},
	/// Take the bond of tickets that were given up, once its time is over
	Withdraw,
}

/// Arguments of `mediator init`.
#[derive(Clone, Debug, Args)]
pub struct MediatorInit {
	/// The file [default: mediator.json in the data folder]
	#[arg(long, value_name = "FILE")]
	pub config: Option<PathBuf>,
	/// Tickets to have: each puts its price on hold, and has the same chance in every draw
	#[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
	pub tickets: u32,
	/// Most cases at a time
	#[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
	pub slots: u32,
	/// Replace a file that is there
	#[arg(long)]
	pub force: bool,
}

/// Arguments of `mediator start`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct MediatorStart {
	/// The configuration file [default: mediator.json in the data folder]
	#[arg(long, value_name = "FILE")]
	pub config: Option<PathBuf>,
	/// Give up what was sealed by a worker of this account that is lost, and pay the fines for it
	#[arg(long)]
	pub take_over: bool,
	/// Cheat, for tests of verification: forge, copy or silent
	#[cfg(feature = "misbehave")]
	#[arg(long = "mediator-misbehave", hide = true)]
	pub misbehave: Option<lilypad_worker::misbehave::Misbehaviour>,
}

/// `provider`, with a command or without.
#[derive(Debug, Args)]
pub struct ProviderArgs {
	/// What to do; `start` if nothing is said.
	#[command(subcommand)]
	pub command: Option<ProviderCommand>,
	/// How to start.
	#[command(flatten)]
	pub start: ProviderStart,
}

/// `provider …`
#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
	/// Look at this machine and write a configuration file for it
	Init(ProviderInit),
	/// Run jobs for others with this machine
	Start(ProviderStart),
	/// Show offers, bond and deals of a provider
	Status {
		/// The provider [default: your own account]
		#[arg(value_parser = account)]
		provider: Option<AccountId>,
	},
	/// Add to your bond
	Bond {
		/// How much
		#[arg(value_parser = amount)]
		lp: Balance,
	},
	/// Ask for a part of your bond back
	Unbond {
		/// How much
		#[arg(value_parser = amount)]
		lp: Balance,
	},
	/// Take what you asked back, once its time is over
	Withdraw,
	/// Take no new jobs until `resume`
	Pause(OwnOffers),
	/// Take jobs again
	Resume(OwnOffers),
	/// Take no new jobs ever, and withdraw the offers when their last deals have ended
	Drain {
		/// Which offers
		#[command(flatten)]
		offers: OwnOffers,
		/// Do not ask
		#[arg(short, long)]
		yes: bool,
	},
}

/// Some of one's own offers.
#[derive(Clone, Debug, Args)]
pub struct OwnOffers {
	/// The offers' numbers [default: all of yours]
	#[arg(value_name = "OFFER")]
	pub offers: Vec<OfferId>,
}

/// Arguments of `provider init`.
#[derive(Clone, Debug, Args)]
pub struct ProviderInit {
	/// The file [default: provider.json in the data folder]
	#[arg(long, value_name = "FILE")]
	pub config: Option<PathBuf>,
	/// LP per second of run time
	#[arg(long, value_name = "LP", value_parser = amount, default_value = "0.0001")]
	pub rate: Balance,
	/// LP to bond
	#[arg(long, value_name = "LP", value_parser = amount, default_value = "100")]
	pub bond: Balance,
	/// Replace a file that is there
	#[arg(long)]
	pub force: bool,
}

/// Arguments of `provider start`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ProviderStart {
	/// The configuration file [default: provider.json in the data folder]
	#[arg(long, value_name = "FILE")]
	pub config: Option<PathBuf>,
	/// Give up what was sealed by a worker of this account that is lost, and pay the fines for it
	#[arg(long)]
	pub take_over: bool,
	/// Cheat, for tests of verification: forge, withhold or overcharge
	#[cfg(feature = "misbehave")]
	#[arg(long = "provider-misbehave", hide = true)]
	pub misbehave: Option<lilypad_worker::misbehave::Misbehaviour>,
}

/// Arguments of `solver`.
#[derive(Clone, Debug, Args)]
pub struct SolverArgs {
	/// Look at the book once, propose what fits, and end
	#[arg(long)]
	pub once: bool,
	/// Least tip to propose for; 0 proposes for nothing, too [default: what a proposal costs in fees]
	#[arg(long, value_name = "LP", value_parser = amount)]
	pub min_tip: Option<Balance>,
	/// Where to serve metrics for Prometheus, such as 127.0.0.1:9652 [default: nowhere]
	#[arg(long, value_name = "ADDRESS", conflicts_with = "once")]
	pub metrics: Option<SocketAddr>,
}
