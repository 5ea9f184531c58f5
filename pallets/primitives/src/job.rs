//! Jobs.

use crate::{
	Balance, BlockNumber, Judge, MachineSpec, MediatorPolicy, Millis, ModuleName, OutputRoot, VersionId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{bounded::BoundedVec, ConstU32};
use sp_runtime::Permill;

/// Longest inputs that the chain itself carries, in bytes.
pub const MAX_INLINE_INPUTS: u32 = 8 * 1024;
/// Most input files of a job.
pub const MAX_INPUT_FILES: u32 = 16;
/// Longest name of an input file, in bytes.
pub const MAX_FILE_NAME: u32 = 64;
/// Most retries of a job.
pub const MAX_RETRIES: u32 = 8;
/// Most providers that a job remembers as having failed it: one for each retry, and one that found image or inputs not
/// to be had, which costs no retry.
pub const MAX_FAILED: u32 = MAX_RETRIES + 1;

/// The values of a job's inputs: canonical JSON, one object whose keys are the manifest's input names in byte order.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Inputs {
	/// The JSON text itself.
	Inline(BoundedVec<u8, ConstU32<MAX_INLINE_INPUTS>>),
	/// BLAKE3 of the JSON text, which the creator hands to the provider.
	Hash {
		/// BLAKE3 of the text.
		hash: [u8; 32],
		/// Its length in bytes.
		size: u64,
	},
}

/// A file that the creator hands to the provider.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct InputFile {
	/// The name under which the manifest declares it.
	pub name: BoundedVec<u8, ConstU32<MAX_FILE_NAME>>,
	/// BLAKE3 of its bytes.
	pub hash: [u8; 32],
	/// Its length in bytes.
	pub size: u64,
}

/// Where a job came from, and so where its outcome is reported.
#[derive(
	Clone,
	Copy,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum JobOrigin<AccountId> {
	/// A transaction on this chain.
	#[default]
	Native,
	/// A contract on an EVM chain.
	Evm {
		/// EIP-155 id of that chain.
		chain: u64,
		/// The gateway's number of the request.
		request: u64,
		/// Who acts for the contract on this chain: cancels the job, and accepts or challenges its result.
		delegate: Option<AccountId>,
	},
}

impl<AccountId: Clone> JobOrigin<AccountId> {
	/// Who accepts or challenges the results of a job from here.
	pub fn judge(&self) -> Judge<AccountId> {
		match self {
			JobOrigin::Native => Judge::Creator,
			JobOrigin::Evm {
				delegate: Some(delegate),
				..
			} => Judge::Delegate(delegate.clone()),
			// The account of a contract has no key.
			JobOrigin::Evm { delegate: None, .. } => Judge::Nobody,
		}
	}
}

/// What a creator asks for.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct JobRequest<AccountId> {
	/// The module version to run.
	pub module: ModuleName,
	/// Its inputs.
	pub inputs: Inputs,
	/// Its input files.
	pub files: BoundedVec<InputFile, ConstU32<MAX_INPUT_FILES>>,
	/// The machine it needs: at least the module's.
	pub spec: MachineSpec,
	/// Longest run to pay for, in milliseconds: at most the module's.
	pub time_limit: Millis,
	/// Most LP to spend: held whole while the job lives.
	pub budget: Balance,
	/// What a solver earns for proposing the match, out of the budget.
	pub tip: Balance,
	/// Blocks to wait for a match.
	pub match_window: BlockNumber,
	/// Block by which the run must be able to end.
	pub deadline: Option<BlockNumber>,
	/// Who may judge.
	pub mediators: MediatorPolicy<AccountId>,
	/// The only provider that will do. Skips no other rule.
	pub target: Option<AccountId>,
	/// The least score of a provider that will do.
	pub min_score: Permill,
	/// How often to try another provider after one failed: at most [`MAX_RETRIES`].
	pub retries: u8,
}

/// A job that waits for a match or has a live deal.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Job<AccountId> {
	/// Who pays.
	pub creator: AccountId,
	/// What was asked for. `request.module` is the name behind `version`.
	pub request: JobRequest<AccountId>,
	/// The module version.
	pub version: VersionId,
	/// Where it came from.
	pub origin: JobOrigin<AccountId>,
	/// Retries left.
	pub retries_left: u8,
	/// Providers that failed this job: they are not matched with it again.
	pub failed: BoundedVec<AccountId, ConstU32<MAX_FAILED>>,
	/// Whether a provider has already reported its image or inputs as not to be had.
	pub unfetchable_once: bool,
}

/// What a client learns about a job once it is gone, from events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, Serialize, Deserialize)]
pub struct JobOutcome {
	/// The result that was paid for.
	pub root: OutputRoot,
	/// What it cost the creator in all.
	pub cost: Balance,
}
