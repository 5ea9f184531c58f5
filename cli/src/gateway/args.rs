//! `lilypad gateway …` as it is typed.

use clap::{Args, Subcommand};
use lilypad_client::{
	gateway::{parse_address, parse_public_key, parse_signature, FinalityRule, LaneId, PublicKey, Signature},
	lp,
};
use lilypad_primitives::{Balance, BlockNumber, JobId};
use sp_core::H160;
use std::path::PathBuf;

/// `gateway …`
#[derive(Debug, Subcommand)]
pub enum GatewayCommand {
	/// List the lanes: gateways on EVM chains
	List,
	/// Show a lane's bridge set, books and outbox
	Show {
		/// The lane's number
		lane: LaneId,
	},
	/// Register a gateway, and the set that speaks for it: with the sudo key of a development chain
	Register(Register),
	/// Set a lane's finality rule and limits: with the sudo key of a development chain
	Set {
		/// The lane's number
		lane: LaneId,
		/// When a block there is final: `finalized`, or a number of confirmations [default: as it is]
		#[arg(long, value_name = "RULE", value_parser = finality)]
		finality: Option<FinalityRule>,
		/// How much LP may pass.
		#[command(flatten)]
		limits: LimitArgs,
	},
	/// Change a lane's bridge set: say what its members have to sign for the next one, or put that into office
	#[command(after_long_help = ROTATING)]
	Rotate(Rotate),
	/// Pause a lane, or all: with the sudo key of a development chain
	Pause {
		/// The lane's number [default: all lanes]
		lane: Option<LaneId>,
	},
	/// Resume a lane, or leave all to their own switches again
	Resume {
		/// The lane's number [default: all lanes]
		lane: Option<LaneId>,
	},
	/// Send LP to an address on a lane's chain
	Out {
		/// The lane's number
		lane: LaneId,
		/// The address, 0x…
		#[arg(value_parser = parse_address)]
		to: H160,
		/// How much
		#[arg(value_parser = amount)]
		lp: Balance,
		/// Do not ask
		#[arg(short, long)]
		yes: bool,
	},
	/// Show the account here of an address on a lane's chain, and what is in it
	Wallet {
		/// The lane's number
		lane: LaneId,
		/// The address, 0x…
		#[arg(value_parser = parse_address)]
		address: H160,
	},
	/// Send an address what its account here has to spare, such as compensation that did not fit into an answer
	Release {
		/// The lane's number
		lane: LaneId,
		/// The address, 0x…
		#[arg(value_parser = parse_address)]
		address: H160,
	},
	/// Cancel the job of a request that names your account as its delegate
	Cancel {
		/// The job's number
		job: JobId,
		/// Do not ask
		#[arg(short, long)]
		yes: bool,
	},
}

/// Arguments of `gateway register`.
#[derive(Clone, Debug, Args)]
pub struct Register {
	/// The file that `scripts/contracts.sh deploy` wrote: lane, chain id and gateway are in it
	#[arg(long, value_name = "FILE", conflicts_with_all = ["lane", "chain_id", "gateway"], required_unless_present = "gateway")]
	pub deployment: Option<PathBuf>,
	/// The lane's number, as the gateway's contract has it
	#[arg(long, value_name = "N", requires = "gateway")]
	pub lane: Option<LaneId>,
	/// EIP-155 id of the gateway's chain
	#[arg(long, value_name = "N", requires = "gateway")]
	pub chain_id: Option<u64>,
	/// The gateway's address
	#[arg(long, value_name = "0x…", value_parser = parse_address, requires_all = ["lane", "chain_id"])]
	pub gateway: Option<H160>,
	/// A member's public key (64 bytes in hexadecimal), as `lilypad-relayer key show` prints it; may be repeated, in any order
	#[arg(long = "member", value_name = "0x…", value_parser = parse_public_key, required = true)]
	pub members: Vec<PublicKey>,
	/// How many members are a quorum [default: two thirds]
	#[arg(long, value_name = "N")]
	pub threshold: Option<u8>,
	/// When a block there is final: `finalized`, or a number of confirmations
	#[arg(long, value_name = "RULE", value_parser = finality, default_value = "finalized")]
	pub finality: FinalityRule,
	/// How much LP may pass.
	#[command(flatten)]
	pub limits: LimitArgs,
}

const ROTATING: &str = "\
How a set gives way to the next:
  1. `lilypad gateway rotate LANE --member 0x… --member 0x…` shows what is to be signed, and by how many
  2. members of the set in office sign, each on its own machine: `lilypad-relayer rotation sign LANE --member 0x… …`
  3. the same command as in 1, with a --signature for each of a quorum, puts the next set into office here
  4. relayers of the next set, once they run and have gas money there, tell the gateway; messages that were not delivered are
     signed anew
Keep the old relayers running until `lilypad gateway show LANE` names the new set, and its relayers log that the gateway was told.";

/// Arguments of `gateway rotate`.
#[derive(Clone, Debug, Args)]
pub struct Rotate {
	/// The lane's number
	pub lane: LaneId,
	/// Public key of a member of the next set, as `lilypad-relayer key show` prints it; may be repeated, in any order
	#[arg(long = "member", value_name = "0x…", value_parser = parse_public_key, required = true)]
	pub members: Vec<PublicKey>,
	/// How many members of the next set are a quorum [default: two thirds]
	#[arg(long, value_name = "N")]
	pub threshold: Option<u8>,
	/// A signature of a member of the set in office, as `lilypad-relayer rotation sign` prints it; may be repeated, in any order
	#[arg(long = "signature", value_name = "0x…", value_parser = parse_signature)]
	pub signatures: Vec<Signature>,
}

/// How much LP may pass.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
	/// Least LP of a payout [default: as it is, or 0.1]
	#[arg(long, value_name = "LP", value_parser = amount)]
	pub least: Option<Balance>,
	/// Most LP of one request, deposit or payout [default: as it is, or 1,000]
	#[arg(long, value_name = "LP", value_parser = amount)]
	pub largest: Option<Balance>,
	/// Most LP that can come in at once, and again within each period [default: as it is, or 10,000]
	#[arg(long, value_name = "LP", value_parser = amount)]
	pub inflow: Option<Balance>,
	/// Most LP that people can send out at once, and again within each period [default: as it is, or 10,000]
	#[arg(long, value_name = "LP", value_parser = amount)]
	pub outflow: Option<Balance>,
	/// Blocks in which a used-up limit is there again [default: as it is, or a day's]
	#[arg(long, value_name = "BLOCKS")]
	pub period: Option<BlockNumber>,
}

fn amount(text: &str) -> Result<Balance, String> {
	lp::parse(text).map_err(|e| e.to_string())
}

fn finality(text: &str) -> Result<FinalityRule, String> {
	match (text, text.parse::<u32>()) {
		("finalized", _) => Ok(FinalityRule::Finalized),
		(_, Ok(confirmations)) if confirmations > 0 => Ok(FinalityRule::Confirmations(confirmations)),
		_ => Err("write `finalized`, or a number of confirmations above zero".into()),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_finality_rule_is_a_word_or_a_number() {
		assert_eq!(finality("finalized"), Ok(FinalityRule::Finalized));
		assert_eq!(finality("12"), Ok(FinalityRule::Confirmations(12)));
		for bad in ["0", "-1", "final", ""] {
			assert!(finality(bad).is_err(), "{bad}");
		}
	}
}
