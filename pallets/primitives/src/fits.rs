//! The matching rule. One pure function, used by the pallet, by solvers and for quotes, so that they cannot disagree.

use crate::{
	terms::{Amounts, MILLIS_PER_SECOND},
	Balance, BlockNumber, Job, Judge, MediatorPolicy, Millis, ModuleInfo, Offer, OfferState, Pricing,
	TermsError,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_arithmetic::{helpers_128bit::multiply_by_rational_with_rounding, Permill, Rounding};

/// Why an offer does not fit a job, in the order in which the rules are tried.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Mismatch {
	/// The offer is paused or draining.
	NotActive,
	/// All its slots are taken.
	NoFreeSlot,
	/// Its free capacity does not cover the job's machine.
	Capacity,
	/// It does not run this kind of module on this architecture.
	Platform,
	/// Its provider does not run this module.
	ModulePolicy,
	/// The module version was withdrawn.
	ModuleDelisted,
	/// It costs more than the job's budget.
	Budget,
	/// The two sides name no common panel of mediators.
	Mediators,
	/// The provider's free bond does not reach the collateral.
	Collateral,
	/// The job is for another provider.
	Target,
	/// The provider is the creator, or whom the creator has named to judge the result.
	SameAccount,
	/// The provider does not serve this creator.
	CreatorPolicy,
	/// The provider's score is below the job's minimum.
	Score,
	/// This provider has failed this job before.
	FailedBefore,
	/// The run could not end before the job's own deadline.
	Deadline,
	/// The terms leave the range of the numbers.
	Terms,
}

impl core::fmt::Display for Mismatch {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(match self {
			Self::NotActive => "is paused or draining",
			Self::NoFreeSlot => "has no free slot",
			Self::Capacity => "has not enough free capacity",
			Self::Platform => "does not run this kind of module",
			Self::ModulePolicy => "does not accept this module",
			Self::ModuleDelisted => "the module was withdrawn",
			Self::Budget => "costs more than the budget",
			Self::Mediators => "accepts none of the job's mediators",
			Self::Collateral => "has too little bond left for the collateral",
			Self::Target => "is not the target provider",
			Self::SameAccount => "belongs to the job's creator or its delegate",
			Self::CreatorPolicy => "does not serve this creator",
			Self::Score => "has too low a score",
			Self::FailedBefore => "has failed this job before",
			Self::Deadline => "could not finish before the job's deadline",
			Self::Terms => "has a price that is out of range",
		})
	}
}

/// What the rule needs to know besides job and offer.
#[derive(Clone, Debug)]
pub struct MatchContext<'a, AccountId> {
	/// The job's module version.
	pub module: &'a ModuleInfo<AccountId>,
	/// The part of the provider's bond that backs no deal.
	pub free_bond: Balance,
	/// The provider's score.
	pub score: Permill,
	/// The market's prices.
	pub pricing: &'a Pricing,
	/// Who proposed the match, if anybody did.
	pub solver: Option<&'a AccountId>,
	/// The block of the match.
	pub now: BlockNumber,
	/// Blocks from the match to the latest end of the run: the windows for acknowledging and submitting, and
	/// [`run_blocks`].
	pub run_blocks: BlockNumber,
}

/// Blocks that a time limit lasts, rounded up.
pub fn run_blocks(time_limit: Millis, millis_per_block: Millis) -> BlockNumber {
	time_limit
		.div_ceil(millis_per_block.max(1))
		.try_into()
		.unwrap_or(BlockNumber::MAX)
}

/// Whether this offer may take this job, and on which terms.
///
/// `job.request.spec` must cover the module's least machine and `job.request.time_limit` must not pass the module's;
/// posting a job checks both.
pub fn fits<AccountId: Clone + PartialEq>(
	offer: &Offer<AccountId>,
	job: &Job<AccountId>,
	ctx: &MatchContext<'_, AccountId>,
) -> Result<crate::Terms<AccountId>, Mismatch> {
	use Mismatch::*;
	let module = ctx.module;
	let request = &job.request;
	let ensure = |ok: bool, why: Mismatch| if ok { Ok(()) } else { Err(why) };

	// 1, 2: there is room.
	ensure(offer.state == OfferState::Active, NotActive)?;
	ensure(offer.running < offer.slots, NoFreeSlot)?;
	ensure(offer.free.covers(&request.spec), Capacity)?;
	// 3, 4: the provider runs such modules.
	ensure(offer.platforms.contains(&module.runtime.platform()), Platform)?;
	ensure(!module.delisted, ModuleDelisted)?;
	let accepts = match &offer.modules {
		crate::ModulePolicy::Any => true,
		crate::ModulePolicy::Curated => module.curated,
		crate::ModulePolicy::Versions(versions) => versions.contains(&job.version),
		crate::ModulePolicy::Authors(authors) => authors.contains(&module.author),
	};
	ensure(accepts, ModulePolicy)?;
	// 5: the price.
	let amounts = Amounts::new(
		ctx.pricing,
		offer.rate,
		request.time_limit,
		module.fee,
		request.tip,
	)
	.map_err(|e| match e {
		TermsError::Overflow | TermsError::RateTooLow | TermsError::TimeLimit => Terms,
	})?;
	ensure(amounts.escrow <= request.budget, Budget)?;
	// 6: who may judge. Whoever has a part in the deal may not.
	let judge = job.origin.judge();
	let judges = |who: &AccountId| matches!(&judge, Judge::Delegate(delegate) if delegate == who);
	let hires = |who: &AccountId| *who == job.creator || judges(who);
	let is_party = |who: &AccountId| {
		hires(who) || *who == offer.provider || *who == module.author || ctx.solver == Some(who)
	};
	ensure(
		mediators_agree(
			&offer.mediators,
			&request.mediators,
			is_party,
			ctx.pricing.largest_panel,
		),
		Mediators,
	)?;
	// 7: the collateral.
	ensure(amounts.collateral <= ctx.free_bond, Collateral)?;
	// 8, 9: who deals with whom.
	ensure(
		request.target.as_ref().is_none_or(|t| *t == offer.provider),
		Target,
	)?;
	ensure(!hires(&offer.provider), SameAccount)?;
	let serves = match &offer.creators {
		crate::CreatorPolicy::Any => true,
		crate::CreatorPolicy::Only(creators) => creators.contains(&job.creator),
	};
	ensure(serves, CreatorPolicy)?;
	ensure(ctx.score >= request.min_score, Score)?;
	ensure(!job.failed.contains(&offer.provider), FailedBefore)?;
	// 10: in time.
	if let Some(deadline) = request.deadline {
		let end = ctx.now.checked_add(ctx.run_blocks).ok_or(Deadline)?;
		ensure(end <= deadline, Deadline)?;
	}

	let solver = ctx.solver.filter(|who| !hires(who) && **who != offer.provider);
	Ok(crate::Terms {
		creator: job.creator.clone(),
		judge,
		provider: offer.provider.clone(),
		author: module.author.clone(),
		solver: solver.cloned(),
		rate: offer.rate,
		time_limit: request.time_limit,
		budget: request.budget,
		cap: amounts.cap,
		module_fee: module.fee,
		levy: amounts.levy,
		tip: request.tip,
		escrow: amounts.escrow,
		mediator_fee: amounts.mediator_fee,
		panel_fee: amounts.panel_fee,
		collateral: amounts.collateral,
		no_show_fine: ctx.pricing.no_show_fine,
		cancel_fee: ctx.pricing.cancel_fee,
		victim_share: ctx.pricing.victim_share,
		profile: module.profile,
	})
}

/// Whether both accept enough mediators for the largest panel.
fn mediators_agree<AccountId: PartialEq>(
	offer: &MediatorPolicy<AccountId>,
	job: &MediatorPolicy<AccountId>,
	is_party: impl Fn(&AccountId) -> bool,
	largest_panel: u32,
) -> bool {
	match (offer, job) {
		(MediatorPolicy::Any, MediatorPolicy::Any) => true,
		(MediatorPolicy::Only(a), MediatorPolicy::Only(b)) => {
			// An account that is listed twice is still one mediator.
			let common = crate::distinct(a)
				.filter(|who| b.contains(who) && !is_party(who))
				.count();
			common >= largest_panel as usize
		},
		_ => false,
	}
}

/// The highest rate whose escrow stays within a budget: where the job stands in the index of waiting jobs. `None` when
/// not even the least rate does.
pub fn highest_affordable_rate(
	pricing: &Pricing,
	budget: Balance,
	time_limit: Millis,
	module_fee: Balance,
	tip: Balance,
) -> Option<Balance> {
	const MILLION: Balance = 1_000_000;
	let left = budget.checked_sub(module_fee)?.checked_sub(tip)?;
	// The largest cap with cap + ceil(levy_rate · cap) ≤ left, and the largest rate with ceil(rate · limit) ≤ cap. Both
	// divisions round down, and both are exact: see the property test.
	let levied = MILLION.saturating_add(pricing.levy_rate.deconstruct().into());
	let cap = multiply_by_rational_with_rounding(left, MILLION, levied, Rounding::Down)?;
	let rate = multiply_by_rational_with_rounding(
		cap,
		MILLIS_PER_SECOND.into(),
		time_limit.max(1).into(),
		Rounding::Down,
	)
	.unwrap_or(Balance::MAX);
	(rate >= pricing.min_rate).then_some(rate)
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{terms::tests::PRICING, Inputs, JobOrigin, JobRequest, MachineSpec, Profile, VersionId, LP};
	use proptest::prelude::*;

	type Account = u64;
	const CREATOR: Account = 1;
	const PROVIDER: Account = 2;
	const AUTHOR: Account = 3;

	fn offer() -> Offer<Account> {
		let machine = MachineSpec::new(4000, 4096, 1024);
		Offer {
			provider: PROVIDER,
			total: machine.clone(),
			free: machine,
			slots: 2,
			running: 0,
			open_deals: 0,
			rate: LP / 1000,
			platforms: vec![crate::Platform::ContainerAmd64].try_into().expect("few"),
			modules: crate::ModulePolicy::Any,
			mediators: MediatorPolicy::Any,
			creators: crate::CreatorPolicy::Any,
			state: crate::OfferState::Active,
		}
	}

	fn job() -> Job<Account> {
		Job {
			creator: CREATOR,
			request: JobRequest {
				module: "cowsay:v0.0.1".parse().expect("a name"),
				inputs: Inputs::Inline(Default::default()),
				files: Default::default(),
				spec: MachineSpec::new(1000, 100, 10),
				time_limit: 60_000,
				budget: LP,
				tip: 0,
				match_window: 10,
				deadline: None,
				mediators: MediatorPolicy::Any,
				target: None,
				min_score: Permill::zero(),
				retries: 0,
			},
			version: VersionId(0),
			origin: JobOrigin::Native,
			retries_left: 0,
			failed: Default::default(),
			unfetchable_once: false,
		}
	}

	fn module() -> ModuleInfo<Account> {
		ModuleInfo {
			name: "cowsay:v0.0.1".parse().expect("a name"),
			author: AUTHOR,
			runtime: crate::RuntimeImage::Container {
				platform: crate::Platform::ContainerAmd64,
				image: [0; 32],
			},
			fetch_bytes: 0,
			min_spec: MachineSpec::new(1, 1, 0),
			max_run: 60_000,
			fee: 5,
			profile: Profile::Deterministic,
			curated: false,
			delisted: false,
			manifest_hash: [0; 32],
			bond: 0,
		}
	}

	fn evm(delegate: Option<Account>) -> JobOrigin<Account> {
		JobOrigin::Evm {
			chain: 1,
			request: 2,
			delegate,
		}
	}

	fn check(
		change: impl FnOnce(
			&mut Offer<Account>,
			&mut Job<Account>,
			&mut ModuleInfo<Account>,
			&mut MatchContext<'_, Account>,
		),
	) -> Result<crate::Terms<Account>, Mismatch> {
		let (mut offer, mut job, mut changed) = (offer(), job(), module());
		let unused = module();
		let mut ctx = MatchContext {
			module: &unused,
			free_bond: 100 * LP,
			score: Permill::from_percent(50),
			pricing: &PRICING,
			solver: None,
			now: 100,
			run_blocks: 50,
		};
		change(&mut offer, &mut job, &mut changed, &mut ctx);
		fits(
			&offer,
			&job,
			&MatchContext {
				module: &changed,
				..ctx
			},
		)
	}

	#[test]
	fn terms_carry_the_amounts() {
		let terms = check(|_, _, _, _| ()).expect("fits");
		assert_eq!(
			(terms.creator, terms.provider, terms.author, terms.solver),
			(CREATOR, PROVIDER, AUTHOR, None)
		);
		assert_eq!(terms.cap, LP * 60 / 1000);
		assert_eq!(terms.module_fee, 5);
		assert_eq!(terms.escrow, terms.cap + terms.levy + 5);
		assert_eq!(terms.budget, LP);
	}

	#[test]
	fn each_rule_has_its_own_mismatch() {
		use Mismatch::*;
		let only = |list: &[Account]| MediatorPolicy::Only(list.to_vec().try_into().expect("few"));
		let accounts = |list: &[Account]| list.to_vec().try_into().expect("few");
		assert_eq!(
			check(|o, _, _, _| o.state = crate::OfferState::Paused).unwrap_err(),
			NotActive
		);
		assert_eq!(
			check(|o, _, _, _| o.state = crate::OfferState::Draining).unwrap_err(),
			NotActive
		);
		assert_eq!(check(|o, _, _, _| o.running = 2).unwrap_err(), NoFreeSlot);
		assert_eq!(check(|o, _, _, _| o.free.ram_mib = 99).unwrap_err(), Capacity);
		assert_eq!(
			check(|o, _, _, _| o.platforms = vec![crate::Platform::Wasm].try_into().expect("one"))
				.unwrap_err(),
			Platform
		);
		assert_eq!(check(|_, _, m, _| m.delisted = true).unwrap_err(), ModuleDelisted);
		assert_eq!(
			check(|o, _, _, _| o.modules = crate::ModulePolicy::Curated).unwrap_err(),
			ModulePolicy
		);
		assert_eq!(
			check(|o, _, _, _| o.modules = crate::ModulePolicy::Authors(accounts(&[9]))).unwrap_err(),
			ModulePolicy
		);
		assert_eq!(
			check(|o, _, _, _| o.modules = crate::ModulePolicy::Versions(Default::default())).unwrap_err(),
			ModulePolicy
		);
		assert_eq!(
			check(|_, j, _, _| j.request.budget = LP / 100).unwrap_err(),
			Budget
		);
		assert_eq!(
			check(|o, _, _, _| o.mediators = only(&[1, 2, 3, 4, 5, 6, 7])).unwrap_err(),
			Mediators
		);
		assert_eq!(
			check(|_, j, _, _| j.request.mediators = only(&[1, 2, 3, 4, 5, 6, 7])).unwrap_err(),
			Mediators
		);
		assert_eq!(check(|_, _, _, c| c.free_bond = LP).unwrap_err(), Collateral);
		assert_eq!(
			check(|_, j, _, _| j.request.target = Some(9)).unwrap_err(),
			Target
		);
		assert_eq!(check(|_, j, _, _| j.creator = PROVIDER).unwrap_err(), SameAccount);
		assert_eq!(
			check(|_, j, _, _| j.origin = evm(Some(PROVIDER))).unwrap_err(),
			SameAccount
		);
		assert_eq!(
			check(|o, _, _, _| o.creators = crate::CreatorPolicy::Only(accounts(&[9]))).unwrap_err(),
			CreatorPolicy
		);
		assert_eq!(
			check(|_, j, _, _| j.request.min_score = Permill::from_percent(51)).unwrap_err(),
			Score
		);
		assert_eq!(
			check(|_, j, _, _| j.failed = vec![PROVIDER].try_into().expect("one")).unwrap_err(),
			FailedBefore
		);
		assert_eq!(
			check(|_, j, _, _| j.request.deadline = Some(149)).unwrap_err(),
			Deadline
		);
		assert_eq!(
			check(|_, j, _, c| {
				j.request.deadline = Some(u32::MAX);
				c.now = u32::MAX;
			})
			.unwrap_err(),
			Deadline
		);
		assert_eq!(check(|o, _, _, _| o.rate = 0).unwrap_err(), Terms);
		assert_eq!(check(|o, _, _, _| o.rate = u128::MAX).unwrap_err(), Terms);
	}

	#[test]
	fn boundaries_fit() {
		let escrow = check(|_, _, _, _| ()).expect("fits").escrow;
		let collateral = check(|_, _, _, _| ()).expect("fits").collateral;
		assert!(check(|_, j, _, _| j.request.budget = escrow).is_ok());
		assert!(check(|_, j, _, _| j.request.budget = escrow - 1).is_err());
		assert!(check(|_, _, _, c| c.free_bond = collateral).is_ok());
		assert!(check(|_, _, _, c| c.free_bond = collateral - 1).is_err());
		assert!(check(|_, j, _, _| j.request.deadline = Some(150)).is_ok());
		assert!(check(|_, j, _, _| j.request.min_score = Permill::from_percent(50)).is_ok());
		assert!(check(|_, j, _, _| j.request.target = Some(PROVIDER)).is_ok());
	}

	#[test]
	fn a_target_skips_no_other_rule() {
		let err = check(|o, j, _, _| {
			j.request.target = Some(PROVIDER);
			o.free.ram_mib = 1;
		});
		assert_eq!(err.unwrap_err(), Mismatch::Capacity);
	}

	#[test]
	fn named_mediators_need_a_whole_panel_of_different_accounts() {
		let only = |list: &[Account]| MediatorPolicy::Only(list.to_vec().try_into().expect("few"));
		assert!(check(|o, j, _, _| {
			o.mediators = only(&[11, 12, 13, 14, 15, 16, 17]);
			j.request.mediators = only(&[19, 17, 16, 15, 14, 13, 12, 11]);
		})
		.is_ok());
		assert_eq!(
			check(|o, j, _, _| {
				o.mediators = only(&[11, 12, 13, 14, 15, 16, 16]);
				j.request.mediators = only(&[11, 12, 13, 14, 15, 16]);
			})
			.unwrap_err(),
			Mismatch::Mediators
		);
	}

	#[test]
	fn named_mediators_who_have_a_part_in_the_deal_do_not_count() {
		const DELEGATE: Account = 8;
		for party in [CREATOR, PROVIDER, AUTHOR, DELEGATE, 9] {
			let others = (100..106).collect::<Vec<Account>>();
			let only = |more: Account| {
				let list = [others.as_slice(), &[more]].concat();
				MediatorPolicy::Only(list.try_into().expect("few"))
			};
			let with = |seventh: Account| {
				check(|o, j, _, c| {
					o.mediators = only(seventh);
					j.request.mediators = only(seventh);
					j.origin = evm(Some(DELEGATE));
					c.solver = Some(&9);
				})
				.map(|_| ())
			};
			assert_eq!(with(106), Ok(()));
			assert_eq!(with(party), Err(Mismatch::Mediators), "{party}");
		}
	}

	#[test]
	fn a_party_is_no_solver() {
		const DELEGATE: Account = 8;
		for (solver, earns) in [(CREATOR, None), (PROVIDER, None), (DELEGATE, None), (9, Some(9))] {
			let unused = module();
			let ctx = MatchContext {
				module: &unused,
				free_bond: 100 * LP,
				score: Permill::one(),
				pricing: &PRICING,
				solver: Some(&solver),
				now: 1,
				run_blocks: 1,
			};
			let job = Job {
				origin: evm(Some(DELEGATE)),
				..job()
			};
			assert_eq!(fits(&offer(), &job, &ctx).expect("fits").solver, earns);
		}
	}

	#[test]
	fn the_judge_follows_from_where_the_job_came_from() {
		let judge = |origin| check(|_, j, _, _| j.origin = origin).expect("fits").judge;
		assert_eq!(judge(JobOrigin::Native), Judge::Creator);
		assert_eq!(judge(evm(Some(8))), Judge::Delegate(8));
		assert_eq!(judge(evm(None)), Judge::Nobody);
	}

	proptest! {
		#[test]
		fn the_highest_affordable_rate_is_exact(
			budget in 0u128..1u128 << 100, limit in 1_000u64..86_400_000, fee in 0u128..1 << 60, tip in 0u128..1 << 60,
		) {
			let escrow = |rate| Amounts::new(&PRICING, rate, limit, fee, tip).map(|a| a.escrow);
			match highest_affordable_rate(&PRICING, budget, limit, fee, tip) {
				None => prop_assert!(escrow(PRICING.min_rate).expect("small") > budget),
				Some(rate) => {
					prop_assert!(escrow(rate).expect("in range") <= budget);
					prop_assert!(escrow(rate + 1).expect("in range") > budget);
				},
			}
		}

		#[test]
		fn the_highest_affordable_rate_never_panics(budget: u128, limit: u64, fee: u128, tip: u128) {
			let _ = highest_affordable_rate(&PRICING, budget, limit, fee, tip);
		}
	}
}
