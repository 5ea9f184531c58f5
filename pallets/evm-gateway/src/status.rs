//! How a request ended, in one byte: the same on both sides of the bridge. The gateway's `Status.sol` is the other half.

use crate::types::Answer;
use lilypad_primitives::{
	traits::{JobEnding, NotPosted},
	Outcome, Status,
};

/// The program ran to its end, with whatever exit code.
pub const COMPLETED: u8 = 0;
/// The program could not be run.
pub const JOB_ERROR: u8 = 1;
/// It wrote more output than it may.
pub const OUTPUT_EXCEEDED: u8 = 2;
/// It used more memory than it may.
pub const MEMORY_EXCEEDED: u8 = 3;
/// It used more disk than it may.
pub const DISK_EXCEEDED: u8 = 4;
/// It ran longer than it may.
pub const TIME_EXCEEDED: u8 = 5;
/// The request reached the chain after its `accept_by`.
pub const EXPIRED: u8 = 6;
/// There is no such module version, or it was withdrawn.
pub const UNKNOWN_MODULE: u8 = 7;
/// The inputs are no texts `Key=Value`, or name a key twice, or are too long.
pub const BAD_INPUTS: u8 = 8;
/// The budget is smaller than the least that such a job can cost.
pub const BUDGET_TOO_SMALL: u8 = 9;
/// The request was not taken for another reason, such as the lane's limits.
pub const REFUSED: u8 = 10;
/// No provider took the job in time.
pub const UNMATCHED: u8 = 11;
/// Every provider that took the job failed it.
pub const PROVIDER_FAILED: u8 = 12;
/// Image or inputs were not to be had.
pub const UNFETCHABLE: u8 = 13;
/// The job was cancelled by its delegate.
pub const CANCELLED: u8 = 14;
/// Mediators found the result wrong or withheld.
pub const OVERTURNED: u8 = 15;
/// Honest runs of the module gave different results.
pub const NON_DETERMINISTIC: u8 = 16;
/// A challenge that too few mediators voted on.
pub const UNRESOLVED: u8 = 17;

/// A status in words, as the gateway's contract has them. `None` if it stands for nothing.
pub fn name(status: u8) -> Option<&'static str> {
	const NAMES: [&str; 18] = [
		"completed",
		"job error",
		"output limit exceeded",
		"memory limit exceeded",
		"disk limit exceeded",
		"time limit exceeded",
		"expired",
		"unknown module",
		"bad inputs",
		"budget too small",
		"refused",
		"no provider",
		"provider failed",
		"not fetchable",
		"cancelled",
		"overturned",
		"not deterministic",
		"unresolved",
	];
	NAMES.get(usize::from(status)).copied()
}

/// The byte of a result's status.
fn of_result(status: Status) -> u8 {
	match status {
		Status::Completed => COMPLETED,
		Status::JobError => JOB_ERROR,
		Status::OutputExceeded => OUTPUT_EXCEEDED,
		Status::MemoryExceeded => MEMORY_EXCEEDED,
		Status::DiskExceeded => DISK_EXCEEDED,
		Status::TimeExceeded => TIME_EXCEEDED,
	}
}

/// The byte of an outcome without a result that was paid for.
fn of_failure(outcome: &Outcome) -> u8 {
	match outcome {
		Outcome::NoShow | Outcome::Declined | Outcome::TimedOut => PROVIDER_FAILED,
		Outcome::Unfetchable { .. } => UNFETCHABLE,
		Outcome::CancelledBeforeAck | Outcome::CancelledRunning { .. } => CANCELLED,
		Outcome::Overturned { .. } => OVERTURNED,
		Outcome::NonDeterministic { .. } => NON_DETERMINISTIC,
		Outcome::UnresolvedChallenge => UNRESOLVED,
		Outcome::Accepted { .. }
		| Outcome::Upheld { .. }
		| Outcome::Overcharged { .. }
		| Outcome::UnresolvedAudit { .. } => REFUSED,
	}
}

/// Whether the result of a deal that ended like this stands.
fn result_stands(outcome: &Outcome) -> bool {
	matches!(
		outcome,
		Outcome::Accepted { .. }
			| Outcome::Upheld { .. }
			| Outcome::Overcharged { .. }
			| Outcome::UnresolvedAudit { .. }
	)
}

/// The byte for a job that could not be posted.
pub(crate) fn of_refusal(why: &NotPosted) -> u8 {
	match why {
		NotPosted::UnknownModule => UNKNOWN_MODULE,
		NotPosted::BudgetTooSmall => BUDGET_TOO_SMALL,
		NotPosted::Other(_) => REFUSED,
	}
}

/// The answer to a request that came to nothing: all of it comes back.
pub(crate) fn refusal(status: u8, refund: lilypad_primitives::Balance) -> Answer {
	Answer {
		deal: 0,
		status,
		exit_code: 0,
		root: [0; 32],
		cost: 0,
		refund,
	}
}

/// The answer to a request whose job ended like this. `cancelled`: its delegate has just withdrawn it.
pub(crate) fn answer(
	ending: &JobEnding,
	cancelled: bool,
	cost: lilypad_primitives::Balance,
	refund: lilypad_primitives::Balance,
) -> Answer {
	let none = Answer {
		cost,
		..refusal(UNMATCHED, refund)
	};
	match ending {
		JobEnding::Unmatched if cancelled => Answer {
			status: CANCELLED,
			..none
		},
		JobEnding::Unmatched => none,
		JobEnding::Settled {
			deal,
			outcome,
			result: Some(result),
		} if result_stands(outcome) => Answer {
			deal: deal.0,
			status: of_result(result.status),
			exit_code: result.exit_code,
			root: result.root.0,
			..none
		},
		JobEnding::Settled { deal, outcome, .. } => Answer {
			deal: deal.0,
			status: of_failure(outcome),
			..none
		},
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{DealId, OutputRoot, Triple};

	fn settled(outcome: Outcome, result: Option<Triple>) -> Answer {
		let ending = JobEnding::Settled {
			deal: DealId(9),
			outcome,
			result,
		};
		answer(&ending, false, 3, 4)
	}

	#[test]
	fn a_results_status_is_its_index() {
		use codec::Encode;
		for (byte, status) in [
			(COMPLETED, Status::Completed),
			(JOB_ERROR, Status::JobError),
			(OUTPUT_EXCEEDED, Status::OutputExceeded),
			(MEMORY_EXCEEDED, Status::MemoryExceeded),
			(DISK_EXCEEDED, Status::DiskExceeded),
			(TIME_EXCEEDED, Status::TimeExceeded),
		] {
			assert_eq!(of_result(status), byte);
			assert_eq!(status.encode(), [byte]);
		}
	}

	#[test]
	fn every_ending_has_its_answer() {
		let triple = Triple {
			status: Status::Completed,
			exit_code: -7,
			root: OutputRoot([5; 32]),
		};
		let good = Answer {
			deal: 9,
			status: COMPLETED,
			exit_code: -7,
			root: [5; 32],
			cost: 3,
			refund: 4,
		};
		let (usage, completed, votes) = (1, true, 3);
		for outcome in [
			Outcome::Accepted { usage, completed },
			Outcome::UnresolvedAudit { usage, completed },
			Outcome::Upheld {
				usage,
				completed,
				votes,
				challenged: true,
			},
			Outcome::Overcharged {
				claimed: 2,
				median: 1,
				completed,
				votes,
			},
		] {
			assert_eq!(settled(outcome, Some(triple)), good, "{outcome:?}");
		}
		for (outcome, status) in [
			(Outcome::NoShow, PROVIDER_FAILED),
			(Outcome::Declined, PROVIDER_FAILED),
			(Outcome::TimedOut, PROVIDER_FAILED),
			(Outcome::Unfetchable { again: true }, UNFETCHABLE),
			(Outcome::CancelledBeforeAck, CANCELLED),
			(Outcome::CancelledRunning { elapsed: 1 }, CANCELLED),
			(Outcome::Overturned { votes }, OVERTURNED),
			(Outcome::UnresolvedChallenge, UNRESOLVED),
		] {
			// A result that does not stand is not passed on.
			for result in [None, Some(triple)] {
				let expected = Answer {
					status,
					exit_code: 0,
					root: [0; 32],
					..good
				};
				assert_eq!(settled(outcome, result), expected, "{outcome:?}");
			}
		}
		let unmatched = answer(&JobEnding::Unmatched, false, 0, 4);
		assert_eq!(
			(unmatched.status, unmatched.deal, unmatched.refund),
			(UNMATCHED, 0, 4)
		);
		assert_eq!(answer(&JobEnding::Unmatched, true, 0, 4).status, CANCELLED);
	}
}
