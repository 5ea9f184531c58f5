//! The seams between the pallets. No pallet knows another: the runtime wires these traits, and `()` stands in for a part
//! that is not there.
//!
//! ```text
//! modules ◀── Modules ── market ── Deals ──▶ deals ── Mediate ──▶ mediation
//!                          ▲  └── OnJobEnded ──▶ evm-gateway    rewards ◀── OnDealSettled ──┐
//!                          └──────────────── JobBook ───────────── deals ───────────────────┘
//! ```

use crate::{
	Balance, BlockNumber, DealId, JobId, JobOrigin, JobRequest, ModuleInfo, ModuleName, OfferId, Outcome,
	Settlement, Terms, Triple, VersionId,
};
use sp_runtime::{DispatchError, DispatchResult, Permill, Weight};

/// The module registry, as market and deals see it.
pub trait Modules<AccountId> {
	/// The version behind a name.
	fn resolve(name: &ModuleName) -> Option<VersionId>;
	/// A version's record.
	fn version(id: VersionId) -> Option<ModuleInfo<AccountId>>;
	/// Registers a version that fits every test and benchmark, and returns its name.
	#[cfg(feature = "runtime-benchmarks")]
	fn register_for_benchmark(author: &AccountId, name: ModuleName) -> VersionId;
}

/// Deals and the money behind them, as the market sees them. Everything that is held for the market is held here.
pub trait Deals<AccountId> {
	/// Holds a job's budget. Fails when the account has not as much to spare.
	fn hold_budget(creator: &AccountId, amount: Balance) -> DispatchResult;
	/// Gives a budget back, whole.
	fn release_budget(creator: &AccountId, amount: Balance);
	/// Holds a deposit for something that stays in storage.
	fn hold_deposit(who: &AccountId, amount: Balance) -> DispatchResult;
	/// Gives a deposit back.
	fn release_deposit(who: &AccountId, amount: Balance);
	/// The part of a provider's bond that backs no deal.
	fn free_bond(provider: &AccountId) -> Balance;
	/// Opens a deal and commits the provider's collateral. `fetch_bytes`: size of image and inputs, which extends the
	/// time to acknowledge.
	fn open(
		job: JobId,
		offer: OfferId,
		terms: Terms<AccountId>,
		fetch_bytes: u64,
	) -> Result<DealId, DispatchError>;
	/// Ends a deal because its creator wants so. Fails once a result is submitted.
	fn cancel(deal: DealId) -> DispatchResult;
	/// Blocks from a match to the latest end of the run.
	fn run_blocks(time_limit: crate::Millis, fetch_bytes: u64) -> BlockNumber;
	/// Gives a provider a bond out of nothing.
	#[cfg(feature = "runtime-benchmarks")]
	fn bond_for_benchmark(provider: &AccountId, amount: Balance);
	/// Gives an account free money out of nothing, enough to hold this amount.
	#[cfg(feature = "runtime-benchmarks")]
	fn fund_for_benchmark(who: &AccountId, amount: Balance);
}

/// The market, as deals see it. A deal's end is decided by deals; what it means for job and offer, by the market.
pub trait JobBook<AccountId> {
	/// The deal uses its offer's capacity no longer: a result was submitted. Gives the capacity back, and may match jobs
	/// that wait for it: call it last. Not needed for a deal that ends without a result, because [`Self::settled`] gives
	/// the capacity back itself if nobody has, *after* it has seen whether the provider is to blame: a provider that has
	/// just failed must not get the next job in the same breath. Returns what it weighed.
	fn run_ended(job: JobId) -> Weight;
	/// What [`Self::run_ended`] weighs at most.
	fn run_ended_weight() -> Weight {
		Weight::zero()
	}
	/// Whether an earlier provider of this job has already reported its image or inputs as not to be had.
	fn unfetchable_before(job: JobId) -> bool;
	/// Whether the job would be queued again, its budget staying held, if its deal ended like this.
	fn will_requeue(job: JobId, outcome: &Outcome) -> bool;
	/// The deal has ended and its money has moved. The market queues the job again exactly if [`Self::will_requeue`] has
	/// just said so; otherwise the job is gone. `cost` is what the creator paid in all. May open deals: call it last.
	fn settled(job: JobId, deal: DealId, outcome: &Outcome, result: Option<Triple>, cost: Balance);
	/// What [`Self::settled`] weighs at most.
	fn settled_weight() -> Weight {
		Weight::zero()
	}
	/// What it weighs at most for an accepted result: the capacity came back before, nobody is to blame, and the job is
	/// not queued again, so that nothing is searched.
	fn settled_well_weight() -> Weight {
		Self::settled_weight()
	}
	/// The same for a result that nobody has accepted: the job may have come from elsewhere, and there they are told.
	fn settled_unaccepted_weight() -> Weight {
		Self::settled_well_weight()
	}
}

/// Told of every settlement: for rewards and scores.
pub trait OnDealSettled<AccountId> {
	/// A deal has ended.
	fn deal_settled(deal: DealId, terms: &Terms<AccountId>, outcome: &Outcome, settlement: &Settlement);
}

impl<AccountId> OnDealSettled<AccountId> for () {
	fn deal_settled(_: DealId, _: &Terms<AccountId>, _: &Outcome, _: &Settlement) {}
}

/// How a job ended, for whoever brought it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEnding {
	/// Nobody took it in time, or its creator withdrew it before it was matched.
	Unmatched,
	/// Its last deal ended, with this result if there is one.
	Settled {
		/// The deal.
		deal: DealId,
		/// How the deal ended.
		outcome: Outcome,
		/// The result.
		result: Option<Triple>,
	},
}

/// Told of every job's end: for gateways, which owe an answer for jobs from elsewhere.
pub trait OnJobEnded<AccountId> {
	/// A job is gone. `cost` of its budget was spent, the rest has been given back to `creator`. Can't fail.
	fn job_ended(job: JobId, origin: JobOrigin, creator: &AccountId, ending: &JobEnding, cost: Balance);
	/// What [`Self::job_ended`] weighs at most.
	fn job_ended_weight() -> Weight {
		Weight::zero()
	}
}

impl<AccountId> OnJobEnded<AccountId> for () {
	fn job_ended(_: JobId, _: JobOrigin, _: &AccountId, _: &JobEnding, _: Balance) {}
}

/// Why a job was not posted for somebody elsewhere, who is told in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotPosted {
	/// There is no such module version, or it was withdrawn.
	UnknownModule,
	/// The budget does not cover what a run costs at the least rate.
	BudgetTooSmall,
	/// Anything else.
	Other(DispatchError),
}

impl From<DispatchError> for NotPosted {
	fn from(error: DispatchError) -> Self {
		NotPosted::Other(error)
	}
}

/// Posts jobs on behalf of somebody elsewhere.
pub trait PostJob<AccountId> {
	/// Posts the job, holds its budget and matches it if an offer fits. May leave traces when it fails: call it in a storage
	/// layer.
	fn post(
		creator: &AccountId,
		request: JobRequest<AccountId>,
		origin: JobOrigin,
	) -> Result<JobId, NotPosted>;
	/// What [`Self::post`] weighs at most.
	fn post_weight() -> Weight {
		Weight::zero()
	}
	/// Withdraws a job of this creator, as the creator could.
	fn cancel(creator: &AccountId, job: JobId) -> DispatchResult;
	/// What [`Self::cancel`] weighs at most.
	fn cancel_weight() -> Weight {
		Weight::zero()
	}
}

/// Mediation, as deals see it. `()` draws no audits.
pub trait Mediate<AccountId> {
	/// Whether this deal's result was drawn for an audit. Only asked from `draw_at` on.
	fn is_drawn_for_audit(deal: DealId, terms: &Terms<AccountId>, draw_at: BlockNumber) -> bool;
}

impl<AccountId> Mediate<AccountId> for () {
	fn is_drawn_for_audit(_: DealId, _: &Terms<AccountId>, _: BlockNumber) -> bool {
		false
	}
}

/// Providers' scores. With `()` everybody has the highest.
pub trait Scores<AccountId> {
	/// The score of a provider.
	fn score(provider: &AccountId) -> Permill;
}

impl<AccountId> Scores<AccountId> for () {
	fn score(_: &AccountId) -> Permill {
		Permill::one()
	}
}
