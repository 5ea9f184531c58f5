//! Benchmarks.

use crate::{Bonds, Call, Config, DealState, Deals, Event, Moves, Pallet};
use alloc::vec::Vec;
use core::marker::PhantomData;
use frame_benchmarking::v2::*;
use frame_support::traits::{
	fungible::{Inspect, Mutate},
	Get,
};
use frame_system::RawOrigin;
use lilypad_primitives::{
	audit::FIRST_PANELS,
	mediation::MAX_PANEL,
	settle,
	traits::{Arbitrable, Deals as DealsSeam, JobBook, Mediate, Modules},
	Balance, BlockNumber, DealId, Dispute, DueKey, JobId, Judge, OfferId, Opening, Outcome, OutputRoot,
	Profile, Purse, Reason, Ruling, Seal, Status, Terms, Triple, Unbonding, Verdict, LP,
};
use sp_runtime::{Permill, SaturatedConversion};

/// Opens deals for the benchmarks, by way of the market if there is one.
pub trait BenchmarkHelper<AccountId> {
	/// Has a job of this creator matched with an offer of this provider. The job has a retry left, and the terms pay an
	/// author and a solver. What the market does when the deal ends is weighed by the market itself.
	fn open_deal(creator: &AccountId, provider: &AccountId) -> DealId;
}

/// Opens deals that no market knows of: for a runtime whose market takes no notice of an unknown job's end.
pub struct WithoutMarket<T>(PhantomData<T>);

impl<T: Config> BenchmarkHelper<T::AccountId> for WithoutMarket<T> {
	fn open_deal(creator: &T::AccountId, provider: &T::AccountId) -> DealId {
		let terms = Terms {
			creator: creator.clone(),
			judge: Judge::Creator,
			provider: provider.clone(),
			author: account("author", 0, 0),
			solver: Some(account("solver", 0, 0)),
			rate: LP,
			time_limit: 10_000,
			budget: 12 * LP,
			cap: 10 * LP,
			module_fee: LP / 2,
			levy: LP / 5,
			tip: LP / 10,
			escrow: 10 * LP + LP / 2 + LP / 5 + LP / 10,
			mediator_fee: LP,
			panel_fee: 11 * LP,
			collateral: 111 * LP,
			no_show_fine: LP / 10,
			cancel_fee: LP / 100,
			victim_share: Permill::from_percent(50),
			profile: Profile::Deterministic,
		};
		endow::<T>(creator, 2 * terms.budget);
		bond_out_of_nothing::<T>(provider, 2 * terms.collateral);
		Pallet::<T>::hold_budget(creator, terms.budget).expect("the creator can pay");
		Pallet::<T>::open(JobId(u64::MAX), OfferId(u64::MAX), terms, 0).expect("the bond suffices")
	}
}

pub(crate) fn endow<T: Config>(who: &T::AccountId, amount: Balance) {
	let ed = <T::Currency as Inspect<T::AccountId>>::minimum_balance();
	T::Currency::mint_into(who, amount.saturating_add(ed)).expect("the issuance has room");
}

/// Mints a bond.
pub(crate) fn bond_out_of_nothing<T: Config>(provider: &T::AccountId, amount: Balance) {
	let amount = amount.max(T::MinBond::get());
	endow::<T>(provider, amount);
	Pallet::<T>::do_bond(provider, amount).expect("the provider was given as much");
}

fn pass<T: Config>(blocks: BlockNumber) {
	let block: BlockNumber = Pallet::<T>::now().saturating_add(blocks);
	frame_system::Pallet::<T>::set_block_number(block.saturated_into());
}

fn opening() -> Opening {
	Opening {
		triple: Triple {
			status: Status::Completed,
			exit_code: 0,
			root: OutputRoot([1; 32]),
		},
		usage: 1,
		salt: [2; 32],
	}
}

struct Scene<T: Config> {
	creator: T::AccountId,
	provider: T::AccountId,
	deal: DealId,
}

impl<T: Config> Scene<T> {
	fn matched() -> Self {
		let (creator, provider) = (whitelisted_caller(), account("provider", 0, 0));
		// Fines and levies go to accounts that exist, as in a running chain.
		endow::<T>(&T::Treasury::get(), 0);
		endow::<T>(&T::AuditPool::get(), 0);
		let deal = T::BenchmarkHelper::open_deal(&creator, &provider);
		assert!(matches!(
			Deals::<T>::get(deal).map(|d| d.state),
			Some(DealState::Matched { .. })
		));
		Self {
			creator,
			provider,
			deal,
		}
	}

	fn running() -> Self {
		let scene = Self::matched();
		Pallet::<T>::do_acknowledge(&scene.provider, scene.deal).expect("it is in time");
		scene
	}

	fn submitted() -> Self {
		let scene = Self::running();
		pass::<T>(1);
		Pallet::<T>::do_submit(&scene.provider, scene.deal, opening().seal(scene.deal))
			.expect("it is in time");
		pass::<T>(T::DrawBlocks::get() + 1);
		scene
	}

	/// Drawn for an audit, with as many parties as there can be.
	fn drawn() -> Self {
		let scene = Self::submitted();
		Deals::<T>::mutate(scene.deal, |deal| {
			let terms = &mut deal.as_mut().expect("the deal lives").terms;
			terms.solver = Some(account("solver", 0, 0));
			terms.judge = Judge::Delegate(account("delegate", 0, 0));
		});
		let deal = Deals::<T>::get(scene.deal).expect("the deal lives");
		let DealState::Submitted { draw_at, .. } = deal.state else {
			panic!("the deal is submitted");
		};
		endow::<T>(&T::AuditPool::get(), deal.terms.panel_fee);
		T::Mediation::draw_for_benchmark(scene.deal, &deal.terms, draw_at);
		scene
	}

	fn lapse(&self) {
		let deadline = Deals::<T>::get(self.deal)
			.expect("the deal lives")
			.state
			.deadline();
		frame_system::Pallet::<T>::set_block_number(deadline.saturating_add(1).saturated_into());
	}

	fn assert_settled(&self) {
		assert!(Deals::<T>::get(self.deal).is_none());
	}
}

/// Has a submitted deal audited, past mediation. The pool can pay every round.
fn dispute_by_force<T: Config>(id: DealId) {
	let deal = Deals::<T>::get(id).expect("the deal lives");
	let DealState::Submitted { seal, elapsed, .. } = deal.state else {
		panic!("the deal is submitted");
	};
	endow::<T>(&T::AuditPool::get(), deal.terms.panel_fee);
	let dispute = Dispute::Audit;
	Pallet::<T>::hold_stake(id, &deal.terms, dispute).expect("the pool was given as much");
	let next = DealState::Disputed {
		seal,
		elapsed,
		opened: None,
		dispute,
	};
	Pallet::<T>::advance(id, deal, next);
}

/// A deal in dispute, for the benchmarks of mediation.
pub(crate) fn dispute_out_of_nothing<T: Config>(
	creator: &T::AccountId,
	provider: &T::AccountId,
) -> (DealId, Opening) {
	endow::<T>(&T::Treasury::get(), 0);
	endow::<T>(&T::AuditPool::get(), 0);
	let deal = T::BenchmarkHelper::open_deal(creator, provider);
	Pallet::<T>::do_acknowledge(provider, deal).expect("it is in time");
	pass::<T>(1);
	Pallet::<T>::do_submit(provider, deal, opening().seal(deal)).expect("it is in time");
	dispute_by_force::<T>(deal);
	(deal, opening())
}

/// A bond with as many parts unbonding as there can be, all due.
fn full_bond<T: Config>(provider: &T::AccountId) {
	let parts: BlockNumber = T::MaxUnbonding::get();
	bond_out_of_nothing::<T>(provider, 10 * (T::MinBond::get() + Balance::from(parts)));
	Bonds::<T>::mutate(provider, |bond| {
		let bond = bond.as_mut().expect("just bonded");
		for part in 0..parts {
			let due = Unbonding {
				amount: 1,
				releasable_at: part,
			};
			bond.unbonding.try_push(due).expect("there is room for this many");
		}
	});
	frame_system::Pallet::<T>::set_block_number(parts.saturated_into());
}

#[benchmarks]
mod benches {
	use super::*;

	#[benchmark]
	fn bond() {
		let caller: T::AccountId = whitelisted_caller();
		bond_out_of_nothing::<T>(&caller, 0);
		endow::<T>(&caller, LP);
		let before = Bonds::<T>::get(&caller).expect("just bonded").total;
		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), LP);
		assert_eq!(Bonds::<T>::get(&caller).expect("just bonded").total, before + LP);
	}

	#[benchmark]
	fn unbond() {
		let caller: T::AccountId = whitelisted_caller();
		full_bond::<T>(&caller);
		Bonds::<T>::mutate(&caller, |entry| {
			entry.as_mut().and_then(|found| found.unbonding.pop())
		});
		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()), 1);
		let parts = Bonds::<T>::get(&caller).expect("just bonded").unbonding.len();
		assert_eq!(parts, T::MaxUnbonding::get() as usize);
	}

	#[benchmark]
	fn withdraw_unbonded() {
		let caller: T::AccountId = whitelisted_caller();
		full_bond::<T>(&caller);
		#[extrinsic_call]
		_(RawOrigin::Signed(caller.clone()));
		assert!(Bonds::<T>::get(&caller)
			.expect("the rest stays")
			.unbonding
			.is_empty());
	}

	#[benchmark]
	fn acknowledge() {
		let scene = Scene::<T>::matched();
		#[extrinsic_call]
		_(RawOrigin::Signed(scene.provider), scene.deal);
		assert!(matches!(
			Deals::<T>::get(scene.deal).map(|d| d.state),
			Some(DealState::Running { .. })
		));
	}

	#[benchmark]
	fn reindex() {
		let scene = Scene::<T>::running();
		let deal = Deals::<T>::get(scene.deal).expect("the deal lives");
		let due = deal.state.deadline();
		#[block]
		{
			Pallet::<T>::reindex(scene.deal, deal);
		}
		assert_eq!(Deals::<T>::get(scene.deal).map(|d| d.indexed_at), Some(due));
	}

	#[benchmark]
	fn decline() {
		let scene = Scene::<T>::matched();
		#[extrinsic_call]
		_(RawOrigin::Signed(scene.provider.clone()), scene.deal);
		scene.assert_settled();
	}

	#[benchmark]
	fn report_unfetchable() {
		let scene = Scene::<T>::matched();
		#[extrinsic_call]
		_(RawOrigin::Signed(scene.provider.clone()), scene.deal);
		scene.assert_settled();
	}

	#[benchmark]
	fn submit() {
		let scene = Scene::<T>::running();
		#[extrinsic_call]
		_(RawOrigin::Signed(scene.provider), scene.deal, Seal([1; 32]));
		assert!(matches!(
			Deals::<T>::get(scene.deal).map(|d| d.state),
			Some(DealState::Submitted { .. })
		));
	}

	#[benchmark]
	fn accept() {
		let scene = Scene::<T>::submitted();
		#[extrinsic_call]
		_(RawOrigin::Signed(scene.creator.clone()), scene.deal, opening());
		scene.assert_settled();
	}

	#[benchmark]
	fn reveal() {
		let scene = Scene::<T>::submitted();
		#[extrinsic_call]
		_(RawOrigin::Signed(scene.provider), scene.deal, opening());
		assert!(matches!(
			Deals::<T>::get(scene.deal).map(|d| d.state),
			Some(DealState::Submitted { opened: Some(_), .. })
		));
	}

	#[benchmark]
	fn expire_fault() {
		let scene = Scene::<T>::running();
		scene.lapse();
		#[extrinsic_call]
		expire(RawOrigin::Signed(scene.creator.clone()), scene.deal);
		scene.assert_settled();
	}

	#[benchmark]
	fn expire_opened() {
		let scene = Scene::<T>::submitted();
		Pallet::<T>::do_reveal(&scene.provider, scene.deal, opening()).expect("it is in time");
		scene.lapse();
		#[extrinsic_call]
		expire(RawOrigin::Signed(scene.creator.clone()), scene.deal);
		scene.assert_settled();
	}

	#[benchmark]
	fn open_dispute() {
		let scene = Scene::<T>::submitted();
		#[block]
		{
			let job = Deals::<T>::get(scene.deal).map(|deal| deal.job);
			let needs = job.and_then(T::JobBook::needs);
			dispute_by_force::<T>(scene.deal);
			core::hint::black_box(needs);
		}
		assert!(matches!(
			Deals::<T>::get(scene.deal).map(|d| d.state),
			Some(DealState::Disputed { .. })
		));
	}

	#[benchmark]
	fn challenge() {
		let scene = Scene::<T>::submitted();
		let passed;
		#[block]
		{
			passed = Pallet::<T>::check_challenge(&scene.creator, scene.deal, Reason::WrongResult).is_ok();
		}
		assert!(passed);
	}

	#[benchmark]
	fn audit() {
		let scene = Scene::<T>::drawn();
		#[extrinsic_call]
		_(RawOrigin::Signed(scene.creator), scene.deal);
		assert!(matches!(
			Deals::<T>::get(scene.deal).map(|d| d.state),
			Some(DealState::Disputed {
				dispute: Dispute::Audit,
				..
			})
		));
	}

	#[benchmark]
	fn rule() {
		let scene = Scene::<T>::submitted();
		let paid: Vec<T::AccountId> = (0..FIRST_PANELS + MAX_PANEL)
			.map(|nth| account("mediator", nth, 0))
			.collect();
		for mediator in &paid {
			endow::<T>(mediator, 0);
		}
		let votes = paid.len() as u32;
		Deals::<T>::mutate(scene.deal, |deal| {
			let terms = &mut deal.as_mut().expect("the deal lives").terms;
			// More than an author's bond pays.
			terms.mediator_fee = 2 * LP;
			terms.panel_fee = terms.mediator_fee * Balance::from(votes);
		});
		dispute_by_force::<T>(scene.deal);
		Deals::<T>::mutate(scene.deal, |deal| {
			if let Some(DealState::Disputed { opened, .. }) = deal.as_mut().map(|deal| &mut deal.state) {
				*opened = Some(opening());
			}
		});
		let deal = Deals::<T>::get(scene.deal).expect("the deal lives");
		let module = T::JobBook::needs(deal.job).and_then(|needs| T::Modules::version(needs.version));
		let outcome = Outcome::NonDeterministic {
			usage: opening().usage,
			votes,
			author_bond: module.map_or(0, |module| module.bond),
			challenged: false,
		};
		let settlement = settle(&deal.terms, &outcome);
		assert!(
			settlement.taken_from(Purse::AuditPool) > 0,
			"the bond is too small"
		);
		let ruling = Ruling {
			verdict: Verdict::NonDeterministic,
			paid,
		};
		#[block]
		{
			Pallet::<T>::rule(scene.deal, ruling);
		}
		scene.assert_settled();
		let event = Event::Settled {
			deal: scene.deal,
			job: deal.job,
			outcome,
			moves: Moves::truncate_from(settlement.moves),
		};
		frame_system::Pallet::<T>::assert_has_event(event.into());
	}

	#[benchmark]
	fn sweep_nothing() {
		let scene = Scene::<T>::matched();
		let key = DueKey::new(0, DealId(0));
		crate::SweepCursor::<T>::put(key);
		let mut meter = frame_support::weights::WeightMeter::with_limit(frame_support::weights::Weight::MAX);
		#[block]
		{
			Pallet::<T>::sweep(&mut meter);
		}
		assert!(Deals::<T>::get(scene.deal).is_some() && crate::SweepCursor::<T>::get().is_none());
	}

	#[benchmark]
	fn predicate() {
		let scene = Scene::<T>::submitted();
		let passed;
		#[block]
		{
			passed = Pallet::<T>::check_reveal(&scene.provider, scene.deal, &opening()).is_ok();
		}
		assert!(passed);
	}

	#[benchmark]
	fn predicate_of_audit() {
		let scene = Scene::<T>::submitted();
		let refused;
		#[block]
		{
			refused = Pallet::<T>::check_free_audit(&scene.provider, scene.deal);
		}
		// The draw was looked at, which is nearly all of the work, and spared the deal.
		assert_eq!(refused, Err(crate::Error::<T>::NotDrawn.into()));
	}

	#[cfg(test)]
	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
