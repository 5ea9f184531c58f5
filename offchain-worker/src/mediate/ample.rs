//! Whether a run stayed far within the job's own limits: the part of a vote that convicts a provider which claims that memory,
//! disk or time were not enough.
//!
//! Mediators run a job with more than its limits, so that they find its result where its provider may have been less lucky. If
//! they do, either the limits were too tight for the provider, or it lies; and nobody is convicted for what tight limits do. So
//! a vote says whether the run would have ended the same way with the limits divided by
//! [`lilypad_primitives::MediationRules::overcharge_percent`]. What was measured may tell. Where it does not, because a container
//! was gone before it could be looked at, or the kernel filled its memory with files that it would have given up, the job is run
//! once more with as little as that. A provider that is honest is never taken for a liar because something was not seen.

use super::run::{last_moment, run_id, supervised};
use crate::{
	chain::{Case, Deal},
	executor::{ExecError, Executor, RunId, RunOutcome},
	journal::CaseRecord,
	output::collect,
	pipeline::{driver::remove_run_named, prepare::Work, run::request, Context, StepError},
};
use lilypad_primitives::{MachineSpec, Millis, Triple};
use std::future::Future;

/// The limits that a run must stay within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
	/// Longest run.
	pub time: Millis,
	/// Memory and disk.
	pub spec: MachineSpec,
}

impl Limits {
	/// The job's, divided by so many hundredths.
	pub fn of(spec: &MachineSpec, time_limit: Millis, percent: u32) -> Self {
		let part = |limit: u64| limit.saturating_mul(100) / u64::from(percent.max(100));
		let mib = |limit: u32| u32::try_from(part(limit.into())).unwrap_or(limit);
		Self {
			time: part(time_limit),
			spec: MachineSpec {
				ram_mib: mib(spec.ram_mib),
				disk_mib: mib(spec.disk_mib),
				..spec.clone()
			},
		}
	}

	/// Whether a run that ended so stayed within them. If what was measured does not tell, `again` runs the job on this smaller
	/// machine, and gives what came out, or nothing when it can't.
	pub async fn hold<E, F>(
		&self,
		outcome: &RunOutcome,
		triple: &Triple,
		again: impl FnOnce(MachineSpec) -> F,
	) -> Result<bool, E>
	where
		F: Future<Output = Result<Option<Triple>, E>>,
	{
		match self.measured(outcome, triple) {
			Some(known) => Ok(known),
			None => Ok(again(self.spec.clone()).await? == Some(*triple)),
		}
	}

	fn measured(&self, outcome: &RunOutcome, triple: &Triple) -> Option<bool> {
		if triple.status.is_resource() || outcome.usage > self.time {
			return Some(false);
		}
		let bytes = |mib: u32| u64::from(mib) << 20;
		let disk = outcome.peak_disk.map(|peak| peak <= bytes(self.spec.disk_mib));
		match (outcome.memory.fits(bytes(self.spec.ram_mib)), disk) {
			(Some(false), _) | (_, Some(false)) => Some(false),
			(Some(true), Some(true)) => Some(true),
			(None, _) | (_, None) => None,
		}
	}
}

/// A run that has ended.
pub(super) struct Ran<'a> {
	pub(super) record: &'a CaseRecord,
	pub(super) deal: &'a Deal,
	pub(super) case: &'a Case,
	pub(super) work: &'a Work,
	pub(super) outcome: &'a RunOutcome,
	pub(super) triple: &'a Triple,
}

/// Whether the run stayed far within the job's limits.
pub(super) async fn is_ample(ctx: &Context, ran: &Ran<'_>, engine: &dyn Executor) -> Result<bool, StepError> {
	let limits = Limits::of(
		&ran.work.job.request.spec,
		ran.deal.terms.time_limit,
		ran.case.overcharge_percent,
	);
	limits
		.hold(ran.outcome, ran.triple, |spec| with_less(ctx, ran, engine, spec))
		.await
}

/// What the job gives on a smaller machine. Nothing when there is no time to find out, or this machine is at fault: the vote
/// stands without it.
async fn with_less(
	ctx: &Context,
	ran: &Ran<'_>,
	engine: &dyn Executor,
	spec: MachineSpec,
) -> Result<Option<Triple>, StepError> {
	let Ok(mut request) = request(ctx, second_run(ctx, ran.record)?, ran.work).await? else {
		return Ok(None);
	};
	request.spec = spec;
	// The provider is yet to be asked for its result.
	let asking = ctx.chain.rules().await?.ask_blocks;
	let last = last_moment(ctx, ran.case).saturating_sub(asking);
	match supervised(ctx, &request, engine, last).await {
		Ok(outcome) => {
			let collected = collect(&outcome, &request.verified, &request.limits).await?;
			Ok(Some(collected.triple))
		},
		Err(error) => {
			tracing::info!(seat = %ran.record.seat, %error, "whether the job needs far less than its limits stays unknown");
			Ok(None)
		},
	}
}

/// Name of the run with less.
fn second_run(ctx: &Context, record: &CaseRecord) -> Result<RunId, ExecError> {
	RunId::new(format!("{}-less", run_id(ctx, record)?))
}

/// Removes what that run left. `began`: it may have been started.
pub(super) async fn remove(ctx: &Context, record: &CaseRecord, began: bool) -> Result<(), StepError> {
	remove_run_named(ctx, &second_run(ctx, record)?, began).await
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{executor::MemoryNeed, output::empty_root};
	use lilypad_primitives::Status;

	const MIB: u64 = 1 << 20;

	#[test]
	fn limits_are_divided_and_rounded_down() {
		let spec = MachineSpec::new(1000, 100, 10);
		let limits = Limits::of(&spec, 60_000, 150);
		assert_eq!(limits.spec, MachineSpec::new(1000, 66, 6));
		assert_eq!(limits.time, 40_000);
	}

	#[test]
	fn what_was_measured_tells_if_it_is_all_on_one_side() {
		let limits = Limits::of(&MachineSpec::new(1000, 150, 15), 60_000, 150);
		let measured = |status, usage, memory, peak_disk| {
			let outcome = RunOutcome {
				status,
				exit_code: 0,
				usage,
				stdout: "o".into(),
				stderr: "e".into(),
				outputs: "d".into(),
				memory,
				peak_disk,
				detail: None,
			};
			let triple = Triple {
				status,
				exit_code: 0,
				root: empty_root(),
			};
			limits.measured(&outcome, &triple)
		};
		use MemoryNeed::*;
		use Status::*;
		let (enough, more) = (100 * MIB, 100 * MIB + 1);
		let disk = Some(10 * MIB);
		for (expected, status, usage, memory, peak_disk) in [
			(Some(true), Completed, 40_000, AtMost(enough), disk),
			(Some(true), JobError, 40_000, Exactly(enough), disk),
			(Some(false), Completed, 40_001, AtMost(enough), disk),
			(Some(false), Completed, 40_001, Unknown, None),
			(Some(false), MemoryExceeded, 1, AtMost(enough), disk),
			(Some(false), Completed, 1, Exactly(more), disk),
			(Some(false), Completed, 1, Exactly(more), None),
			(Some(false), Completed, 1, AtMost(enough), Some(10 * MIB + 1)),
			// What the kernel keeps of files is no need; and who has not measured knows nothing.
			(None, Completed, 1, AtMost(more), disk),
			(None, Completed, 1, Unknown, disk),
			(None, Completed, 1, AtMost(enough), None),
		] {
			assert_eq!(
				measured(status, usage, memory, peak_disk),
				expected,
				"{status} {usage} {memory:?} {peak_disk:?}"
			);
		}
	}
}
