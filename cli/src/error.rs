//! Failures, and the exit code of each.

use lilypad_client::{lp, ClientError, SignerError};
use lilypad_primitives::{Balance, JobId};
use lilypad_worker::{chain::ChainError, p2p::P2pError, WorkerError};
use std::path::PathBuf;

/// What the process ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
	/// Something unexpected.
	Unexpected = 1,
	/// Wrong usage.
	Usage = 2,
	/// No node, or one of another chain.
	Unreachable = 3,
	/// Refused: money, key, input, module, no provider.
	Refused = 4,
	/// The job failed.
	JobFailed = 5,
	/// The result can't be obtained.
	NoResult = 6,
	/// Interrupted.
	Interrupted = 130,
}

/// Any failure.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
	/// The chain client's.
	#[error(transparent)]
	Client(#[from] ClientError),
	/// A transfer between peers.
	#[error(transparent)]
	Peer(#[from] P2pError),
	/// A worker on this machine.
	#[error(transparent)]
	Worker(#[from] WorkerError),
	/// The key.
	#[error(transparent)]
	Key(#[from] SignerError),
	/// No key is named.
	#[error(
		"no key is named: give --account NAME (`lilypad account new` makes one), --keystore FILE, --suri SECRET, or set \
		 LILYPAD_SURI or WEB3_PRIVATE_KEY; on a development chain --suri //Alice will do"
	)]
	NoKey,
	/// No module of that name.
	#[error("there is no module {name} on this chain{}", nearest(.similar))]
	UnknownModule {
		/// The name.
		name: String,
		/// Names like it.
		similar: Vec<String>,
	},
	/// A command line that can't be understood.
	#[error("{0}")]
	Usage(String),
	/// An input or a file is refused.
	#[error("{0}")]
	Input(String),
	/// Not enough money.
	#[error(
		"the account has not enough LP: {} are needed ({what}), {} are available. Fund {account}",
		lp::rounded_up(*.needed), lp::show(*.available)
	)]
	Money {
		/// What has to be there.
		needed: Balance,
		/// What is there.
		available: Balance,
		/// What for.
		what: String,
		/// Whose.
		account: String,
	},
	/// No provider fits.
	#[error("no provider fits: {0}")]
	NoProvider(String),
	/// Not agreed to.
	#[error("{0}")]
	Declined(String),
	/// The job ended without a result that was wanted.
	#[error("job {job} failed: {why}")]
	JobFailed {
		/// The job.
		job: JobId,
		/// Why.
		why: String,
	},
	/// The result is not to be had.
	#[error("the result of job {job} can't be obtained: {why}")]
	NoResult {
		/// The job.
		job: JobId,
		/// Why, and what can be done.
		why: String,
	},
	/// Something on this machine's disk.
	#[error("{what} {path}: {error}")]
	Io {
		/// What was tried.
		what: &'static str,
		/// With what.
		path: PathBuf,
		/// What happened.
		error: std::io::Error,
	},
	/// Checks that failed.
	#[error("{0}")]
	Unhealthy(String),
	/// Interrupted by the user.
	#[error("interrupted{0}")]
	Interrupted(String),
	/// Anything else.
	#[error("{0}")]
	Other(String),
}

fn nearest(similar: &[String]) -> String {
	match similar {
		[] => "; `lilypad module list` shows what there is".into(),
		names => format!("; did you mean {}?", names.join(" or ")),
	}
}

impl CliError {
	/// What the process ends with.
	pub fn exit_code(&self) -> ExitCode {
		match self {
			Self::Client(e) => match e {
				ClientError::Unreachable { .. }
				| ClientError::OtherChain { .. }
				| ClientError::NotLilypad { .. }
				| ClientError::Incompatible { .. }
				| ClientError::TimedOut(_) => ExitCode::Unreachable,
				ClientError::BadUrl(_) => ExitCode::Usage,
				ClientError::Call(_)
				| ClientError::Refused { .. }
				| ClientError::NotFound(_)
				| ClientError::Signer(_) => ExitCode::Refused,
				_ => ExitCode::Unexpected,
			},
			Self::Worker(e) => match e {
				WorkerError::Chain(ChainError::Unreachable(_) | ChainError::WrongChain(_)) => {
					ExitCode::Unreachable
				},
				WorkerError::Chain(ChainError::Refused { .. }) | WorkerError::Config(_) => ExitCode::Refused,
				_ => ExitCode::Unexpected,
			},
			// This machine's own trouble, whatever the endpoint was for.
			Self::Peer(P2pError::Bind(_)) => ExitCode::Unexpected,
			Self::Peer(_) | Self::NoResult { .. } => ExitCode::NoResult,
			Self::Usage(_) => ExitCode::Usage,
			Self::Key(_)
			| Self::NoKey
			| Self::UnknownModule { .. }
			| Self::Input(_)
			| Self::Money { .. }
			| Self::NoProvider(_)
			| Self::Declined(_) => ExitCode::Refused,
			Self::JobFailed { .. } => ExitCode::JobFailed,
			Self::Interrupted(_) => ExitCode::Interrupted,
			Self::Io { .. } | Self::Unhealthy(_) | Self::Other(_) => ExitCode::Unexpected,
		}
	}

	/// An error of the file system.
	pub fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
		let path = path.into();
		move |error| Self::Io { what, path, error }
	}
}

impl From<lilypad_client::CallError> for CliError {
	fn from(error: lilypad_client::CallError) -> Self {
		Self::Client(error.into())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::LP;

	#[test]
	fn money_says_what_is_needed_and_what_is_there() {
		let error = CliError::Money {
			needed: 3 * LP / 2,
			available: LP / 4,
			what: "1.4 LP for the job, 0.1 LP for the transaction".into(),
			account: "5Grw".into(),
		};
		assert_eq!(
			error.to_string(),
			"the account has not enough LP: 1.5 LP are needed (1.4 LP for the job, 0.1 LP for the transaction), 0.25 LP are \
			 available. Fund 5Grw"
		);
		assert_eq!(error.exit_code(), ExitCode::Refused);
	}

	#[test]
	fn an_unknown_module_names_its_neighbours() {
		let error = |similar: &[&str]| {
			let similar = similar.iter().map(ToString::to_string).collect();
			CliError::UnknownModule {
				name: "cowsai:v1".into(),
				similar,
			}
			.to_string()
		};
		assert_eq!(
			error(&["a:1", "b:2"]),
			"there is no module cowsai:v1 on this chain; did you mean a:1 or b:2?"
		);
		assert!(error(&[]).contains("lilypad module list"));
	}

	#[test]
	fn exit_codes_tell_chain_money_job_and_result_apart() {
		let unreachable = ClientError::Unreachable {
			urls: "ws://x".into(),
			reason: "no".into(),
		};
		assert_eq!(CliError::from(unreachable).exit_code() as u8, 3);
		assert_eq!(CliError::NoProvider("x".into()).exit_code() as u8, 4);
		assert_eq!(
			CliError::JobFailed {
				job: JobId(1),
				why: "x".into()
			}
			.exit_code() as u8,
			5
		);
		assert_eq!(
			CliError::NoResult {
				job: JobId(1),
				why: "x".into()
			}
			.exit_code() as u8,
			6
		);
		assert_eq!(CliError::Interrupted(String::new()).exit_code() as u8, 130);
	}

	#[test]
	fn a_workers_trouble_with_chain_settings_and_machine_is_told_apart() {
		let code = |error: WorkerError| CliError::from(error).exit_code() as u8;
		assert_eq!(code(ChainError::Unreachable("no".into()).into()), 3);
		assert_eq!(code(ChainError::WrongChain("other".into()).into()), 3);
		assert_eq!(code(WorkerError::Config("no machine".into())), 4);
		assert_eq!(code(WorkerError::NoExecutor("none".into())), 1);
		let bind = || P2pError::Bind("no port".into());
		assert_eq!(code(bind().into()), 1);
		// Not a result that can't be obtained.
		assert_eq!(CliError::from(bind()).exit_code() as u8, 1);
	}
}
