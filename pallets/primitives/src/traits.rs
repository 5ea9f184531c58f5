//! The seams between the pallets. No pallet knows another: the runtime wires these traits, and `()` stands in for a part
//! that is not there.
//!
//! ```text
//! modules ◀── Modules ── market ── Deals ──▶ deals ── Mediate ──▶ mediation
//!                          ▲  └── OnJobEnded ──▶ evm-gateway    rewards ◀── OnDealSettled ──┐
//!                          └──────────────── JobBook ───────────── deals ───────────────────┘
//! ```

use crate::{
	AuditDraw, Balance, BlockNumber, CaseRequest, DealId, JobId, JobNeeds, JobOrigin, JobRequest, Millis,
	ModuleInfo, ModuleName, OfferId, Opening, Outcome, Round, Ruling, Settlement, Terms, Triple, VersionId,
};
use alloc::{collections::BTreeMap, vec::Vec};
use sp_runtime::{DispatchError, DispatchResult, Permill, Weight};

/// The module registry, as market and deals see it.
pub trait Modules<AccountId> {
	/// The version behind a name.
	fn resolve(name: &ModuleName) -> Option<VersionId>;
	/// A version's record.
	fn version(id: VersionId) -> Option<ModuleInfo<AccountId>>;
	/// Takes up to this much of the bond behind a version and gives it to `to`. Returns how much arrived there.
	fn slash_author(version: VersionId, to: &AccountId, amount: Balance) -> Balance;
	/// Withdraws a version whose author's promise was proven false. Does nothing if it is withdrawn already.
	fn delist_disproven(version: VersionId);
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
	/// Ends a deal because its creator wants so. Fails once a result is submitted. Returns what [`JobBook::settled`] weighed.
	fn cancel(deal: DealId) -> Result<Weight, DispatchError>;
	/// Blocks from a match to the latest end of the run.
	fn run_blocks(time_limit: Millis, fetch_bytes: u64) -> BlockNumber;
	/// Gives a provider a bond out of nothing.
	#[cfg(feature = "runtime-benchmarks")]
	fn bond_for_benchmark(provider: &AccountId, amount: Balance);
	/// Gives an account free money out of nothing, enough to hold this amount.
	#[cfg(feature = "runtime-benchmarks")]
	fn fund_for_benchmark(who: &AccountId, amount: Balance);
}

/// The market, as deals see it. A deal's end is decided by deals; what it means for job and offer, by the market.
///
/// What the market always does at the end of a run or of a deal is part of the calls that end them, and of their measured
/// weights; the weights here are of what it may do beyond.
pub trait JobBook<AccountId> {
	/// The deal uses its offer's capacity no longer: a result was submitted. Gives the capacity back, and may match jobs
	/// that wait for it: call it last. Not needed for a deal that ends without a result, because [`Self::settled`] gives
	/// the capacity back itself if nobody has, *after* it has seen whether the provider is to blame: a provider that has
	/// just failed must not get the next job in the same breath. Returns what it weighed beyond the end of the run.
	fn run_ended(job: JobId) -> Weight;
	/// What [`Self::run_ended`] weighs at most.
	fn run_ended_weight() -> Weight {
		Weight::zero()
	}
	/// What it takes to run this job again. `None` when there is no such job, or it has no deal.
	fn needs(job: JobId) -> Option<JobNeeds<AccountId>>;
	/// The budgets that are held for each account's jobs, waiting or matched. Reads every job: for checks of the state.
	fn held_budgets() -> BTreeMap<AccountId, Balance>;
	/// The deposits that are held for what each account keeps in the market's storage. Reads every record: for checks of the state.
	fn held_deposits() -> BTreeMap<AccountId, Balance>;
	/// What the market knows of every job that has a deal. Reads every job: for checks of the state.
	fn matched_jobs() -> Vec<MatchedJob<AccountId>>;
	/// Whether an earlier provider of this job has already reported its image or inputs as not to be had.
	fn unfetchable_before(job: JobId) -> bool;
	/// Whether the job would be queued again, its budget staying held, if its deal ended like this.
	fn will_requeue(job: JobId, outcome: &Outcome) -> bool;
	/// The deal has ended and its money has moved. The market queues the job again exactly if [`Self::will_requeue`] has
	/// just said so; otherwise the job is gone. `cost` is what the creator paid in all. May open deals: call it last. Returns
	/// what it weighed beyond the end of deal and job.
	fn settled(job: JobId, deal: DealId, outcome: &Outcome, result: Option<Triple>, cost: Balance) -> Weight;
	/// What [`Self::settled`] weighs at most.
	fn settled_weight() -> Weight {
		Weight::zero()
	}
	/// What it weighs at most for a result that is paid for: the capacity came back before, nobody is to blame, and the job
	/// is not queued again, so that nothing is searched.
	fn settled_well_weight() -> Weight {
		Self::settled_weight()
	}
}

/// A job that has a deal, as the market's records have it. The deal's own must say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedJob<AccountId> {
	/// The job.
	pub job: JobId,
	/// Its deal.
	pub deal: DealId,
	/// The offer that took it.
	pub offer: OfferId,
	/// Who pays.
	pub creator: AccountId,
	/// What is held for it.
	pub budget: Balance,
	/// Whether a part of the offer's machine is still granted to it.
	pub uses_capacity: bool,
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
	fn job_ended(
		job: JobId,
		origin: &JobOrigin<AccountId>,
		creator: &AccountId,
		ending: &JobEnding,
		cost: Balance,
	);
	/// What [`Self::job_ended`] weighs at most.
	fn job_ended_weight() -> Weight {
		Weight::zero()
	}
}

impl<AccountId> OnJobEnded<AccountId> for () {
	fn job_ended(_: JobId, _: &JobOrigin<AccountId>, _: &AccountId, _: &JobEnding, _: Balance) {}
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
		origin: JobOrigin<AccountId>,
	) -> Result<JobId, NotPosted>;
	/// The longest time limit that a job may have now, whatever its module.
	fn max_time_limit() -> Millis;
	/// What [`Self::post`] weighs at most.
	fn post_weight() -> Weight {
		Weight::zero()
	}
	/// Where a live job came from.
	fn origin(job: JobId) -> Option<JobOrigin<AccountId>>;
	/// Withdraws a job of this creator, as the creator could. Returns what that weighed.
	fn cancel(creator: &AccountId, job: JobId) -> Result<Weight, DispatchError>;
	/// What [`Self::cancel`] weighs at most.
	fn cancel_weight() -> Weight {
		Weight::zero()
	}
}

/// Mediation, as deals see it. `()` draws no audits and has no mediators.
pub trait Mediate<AccountId> {
	/// Whether this deal's result is to be audited. The same answer from `draw_at` on for as long as the randomness of the
	/// blocks before it is kept, whoever asks.
	fn audit_draw(deal: DealId, terms: &Terms<AccountId>, draw_at: BlockNumber) -> AuditDraw;
	/// Opens a deal's case. Fails, and changes nothing, when there are not enough mediators for a full panel.
	fn open_case(deal: DealId, request: CaseRequest<AccountId>) -> Result<(), NoPanel>;
	/// Whether the provider may open its seal in the deal's case now: the mediators have committed to their votes.
	fn may_open(deal: DealId) -> bool;
	/// The provider has opened its seal. May rule at once, if everybody else has revealed: call it last.
	fn opened(deal: DealId);
	/// Has the draw fall on a deal for a benchmark, and finds mediators for its audit.
	#[cfg(feature = "runtime-benchmarks")]
	fn draw_for_benchmark(deal: DealId, terms: &Terms<AccountId>, draw_at: BlockNumber);
	/// What [`Self::audit_draw`] and [`Self::open_case`] weigh at most together.
	fn open_case_weight() -> Weight {
		Weight::zero()
	}
	/// What [`Self::opened`] weighs at most.
	fn opened_weight() -> Weight {
		Weight::zero()
	}
}

/// There are not enough mediators for a full panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPanel;

impl<AccountId> Mediate<AccountId> for () {
	fn audit_draw(_: DealId, _: &Terms<AccountId>, _: BlockNumber) -> AuditDraw {
		AuditDraw::NotDrawn
	}
	fn open_case(_: DealId, _: CaseRequest<AccountId>) -> Result<(), NoPanel> {
		Err(NoPanel)
	}
	fn may_open(_: DealId) -> bool {
		false
	}
	fn opened(_: DealId) {}
	#[cfg(feature = "runtime-benchmarks")]
	fn draw_for_benchmark(_: DealId, _: &Terms<AccountId>, _: BlockNumber) {}
}

/// Deals, as mediation sees them.
pub trait Arbitrable<AccountId> {
	/// What the provider's seal hides, if the provider has opened it.
	fn opening(deal: DealId) -> Option<Opening>;
	/// Sets aside what the votes of a case's next round can cost, before its panel is called. Returns whether that could be done;
	/// if not, nothing has changed, and the round must not be called.
	fn fund_round(deal: DealId, round: Round) -> bool;
	/// A deal's case is closed: settles the deal, or lets it go on when no panel could be found or paid. Can't fail.
	fn rule(deal: DealId, ruling: Ruling<AccountId>);
	/// What [`Self::rule`] weighs at most.
	fn rule_weight() -> Weight {
		Weight::zero()
	}
	/// Most blocks that fetching and running a job with this time limit can be given.
	fn longest_run(time_limit: Millis) -> BlockNumber;
	/// Has a deal with these parties audited for a benchmark, past mediation, and returns its opening. The provider has not opened, and
	/// the pool can pay every round.
	#[cfg(feature = "runtime-benchmarks")]
	fn dispute_for_benchmark(creator: &AccountId, provider: &AccountId) -> (DealId, Opening);
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
