//! A small chain with the market, and a desk that stands in for registry, deals and gateways.
//!
//! The desk keeps real books, in the chain's own storage: what it pays out it must have taken in, and what a failed call
//! did to it is undone with the rest.

use crate::{self as pallet_market, JobState, OfferParams};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{ConstU128, ConstU32, ConstU64, Get},
};
use frame_system::RawOrigin;
use lilypad_primitives::{
	Balance, CreatorPolicy, DealId, Inputs, Job, JobId, JobRequest, MachineSpec, MediatorPolicy, ModuleInfo,
	ModulePolicy, OfferId, Outcome, Platform, Pricing, Profile, RuntimeImage, VersionId, LP,
};
use sp_runtime::{BuildStorage, DispatchResultWithInfo, Permill};

pub(crate) type AccountId = u64;
type Extension = frame_system::AuthorizeCall<Test>;
type Block = frame_system::mocking::MockBlock<Test, (), Extension>;
pub(crate) type Extrinsic = frame_system::mocking::MockUncheckedExtrinsic<Test, (), Extension>;

pub(crate) const PROVIDER: AccountId = 10;
pub(crate) const OTHER: AccountId = 11;
pub(crate) const THIRD: AccountId = 12;
pub(crate) const CREATOR: AccountId = 20;
pub(crate) const RIVAL: AccountId = 21;
pub(crate) const AUTHOR: AccountId = 30;
/// Has nothing.
pub(crate) const POOR: AccountId = 40;

/// What everybody but `POOR` begins with.
pub(crate) const RICHES: Balance = 10_000 * LP;
/// What providers have as a bond besides.
pub(crate) const BOND: Balance = 1_000 * LP;
/// The rate of an ordinary offer.
pub(crate) const RATE: Balance = LP / 1000;
pub(crate) const OFFER_DEPOSIT: Balance = LP / 10;
pub(crate) const PEER_DEPOSIT: Balance = LP / 20;
pub(crate) const MAX_SCAN: u32 = 8;
pub(crate) const MAX_MATCHES: u32 = 2;
pub(crate) const MAX_OFFERS: u32 = 4;
pub(crate) const SOLVE_WINDOW: u32 = 3;
pub(crate) const MIN_WINDOW: u32 = 5;
pub(crate) const MAX_WINDOW: u32 = 100;
/// Blocks from a match to the latest end of a run of a minute.
pub(crate) const RUN_BLOCKS: u32 = 40;

pub(crate) const PRICING: Pricing = Pricing {
	levy_rate: Permill::from_percent(2),
	mediator_fee_rate: Permill::from_percent(50),
	min_mediator_fee: LP / 100,
	largest_panel: 7,
	collateral_factor: 10,
	min_collateral: LP,
	no_show_fine: LP / 10,
	cancel_fee: LP / 1000,
	victim_share: Permill::from_percent(50),
	min_rate: 1_000,
	min_time_limit: 1_000,
	max_time_limit: 24 * 3_600_000,
};

#[frame_support::runtime]
mod runtime {
	#[runtime::runtime]
	#[runtime::derive(
		RuntimeCall,
		RuntimeEvent,
		RuntimeError,
		RuntimeOrigin,
		RuntimeFreezeReason,
		RuntimeHoldReason,
		RuntimeSlashReason,
		RuntimeLockId,
		RuntimeTask,
		RuntimeViewFunction
	)]
	pub struct Test;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Market = pallet_market;
	#[runtime::pallet_index(2)]
	pub type Desk = desk;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
}

impl<C> frame_system::offchain::CreateTransactionBase<C> for Test
where
	RuntimeCall: From<C>,
{
	type Extrinsic = Extrinsic;
	type RuntimeCall = RuntimeCall;
}

impl<C> frame_system::offchain::CreateTransaction<C> for Test
where
	RuntimeCall: From<C>,
{
	type Extension = Extension;
	fn create_transaction(call: RuntimeCall, extension: Extension) -> Extrinsic {
		Extrinsic::new_transaction(call, extension)
	}
}

impl<C> frame_system::offchain::CreateAuthorizedTransaction<C> for Test
where
	RuntimeCall: From<C>,
{
	fn create_extension() -> Extension {
		frame_system::AuthorizeCall::new()
	}
}

parameter_types! {
	pub static Prices: Pricing = PRICING;
}

impl pallet_market::Config for Test {
	type Modules = Desk;
	type Deals = Desk;
	type Scores = Desk;
	type OnJobEnded = Desk;
	type Pricing = Prices;
	type OfferDeposit = ConstU128<OFFER_DEPOSIT>;
	type PeerDeposit = ConstU128<PEER_DEPOSIT>;
	type MaxScan = ConstU32<MAX_SCAN>;
	type MaxMatches = ConstU32<MAX_MATCHES>;
	type MinMatchWindow = ConstU32<MIN_WINDOW>;
	type MaxMatchWindow = ConstU32<MAX_WINDOW>;
	type SolveWindow = ConstU32<SOLVE_WINDOW>;
	type SolverPriority = ConstU64<7>;
	type MaxOffersPerProvider = ConstU32<MAX_OFFERS>;
	type WeightInfo = ();
}

impl desk::Config for Test {}

/// Registry, deals and gateways in one, for tests.
#[frame_support::pallet(dev_mode)]
pub(crate) mod desk {
	use super::*;
	use frame_support::{ensure, pallet_prelude::*};
	use lilypad_primitives::{
		traits::{Deals, JobBook, JobEnding, Modules, OnJobEnded, Scores},
		BlockNumber, JobOrigin, Millis, ModuleName, Party, Purse, Terms,
	};
	use sp_runtime::TokenError;

	#[pallet::pallet]
	#[pallet::without_storage_info]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config {}

	/// A live deal.
	#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
	pub struct Live {
		pub job: JobId,
		pub offer: OfferId,
		pub terms: Terms<AccountId>,
		pub fetch_bytes: u64,
		pub submitted: bool,
	}

	/// Where money is.
	#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo, MaxEncodedLen)]
	pub enum At {
		Free,
		Budget,
		Deposit,
		Bond,
	}

	#[pallet::storage]
	pub type Money<T> = StorageDoubleMap<_, Twox64Concat, At, Twox64Concat, AccountId, Balance, ValueQuery>;
	/// What left the parties: treasury, pool.
	#[pallet::storage]
	pub type Sink<T> = StorageValue<_, Balance, ValueQuery>;
	#[pallet::storage]
	pub type LiveDeals<T> = StorageMap<_, Twox64Concat, DealId, Live, OptionQuery>;
	#[pallet::storage]
	pub type NextDeal<T> = StorageValue<_, DealId, ValueQuery>;
	/// The provider whose deals can't be opened, for whatever reason.
	#[pallet::storage]
	pub type Jinxed<T> = StorageValue<_, AccountId, OptionQuery>;
	#[pallet::storage]
	pub type Registry<T> = StorageMap<_, Twox64Concat, VersionId, ModuleInfo<AccountId>, OptionQuery>;
	#[pallet::storage]
	pub type ScoreOf<T> = StorageMap<_, Twox64Concat, AccountId, Permill, OptionQuery>;
	/// Jobs that ended: whether with a deal, and what it cost.
	#[pallet::storage]
	pub type Ended<T> = StorageValue<_, Vec<(JobId, AccountId, bool, Balance)>, ValueQuery>;

	#[pallet::error]
	pub enum Error<T> {
		Jinxed,
		TooLate,
	}

	impl Pallet<Test> {
		pub(crate) fn put(at: At, who: AccountId, amount: Balance) {
			Money::<Test>::mutate(at, who, |m| *m += amount);
		}

		pub(crate) fn take(at: At, who: AccountId, amount: Balance) -> DispatchResult {
			Money::<Test>::try_mutate(at, who, |m| {
				*m = m.checked_sub(amount).ok_or(TokenError::FundsUnavailable)?;
				Ok(())
			})
		}

		pub(crate) fn at(at: At, who: AccountId) -> Balance {
			Money::<Test>::get(at, who)
		}

		pub(crate) fn committed(provider: AccountId) -> Balance {
			let deals = LiveDeals::<Test>::iter_values().filter(|d| d.terms.provider == provider);
			deals.map(|d| d.terms.collateral).sum()
		}

		/// The result of a deal was submitted.
		pub(crate) fn submit(deal: DealId) {
			LiveDeals::<Test>::mutate(deal, |d| d.as_mut().expect("a live deal").submitted = true);
			let job = LiveDeals::<Test>::get(deal).expect("a live deal").job;
			let weight = <Market as JobBook<_>>::run_ended(job);
			assert!(weight.all_lte(<Market as JobBook<_>>::run_ended_weight()));
		}

		/// A deal ended.
		pub(crate) fn settle(deal: DealId, outcome: Outcome) -> Weight {
			let Live { job, terms, .. } = LiveDeals::<Test>::take(deal).expect("a live deal");
			let again = <Market as JobBook<_>>::will_requeue(job, &outcome);
			let settlement = lilypad_primitives::settle(&terms, &outcome);
			for step in &settlement.moves {
				let (from, whose) = match step.from {
					Purse::Budget => (At::Budget, terms.creator),
					Purse::Collateral => (At::Bond, terms.provider),
					purse => panic!("{purse:?} is not used here"),
				};
				Self::take(from, whose, step.amount).expect("settlements are covered");
				match step.to {
					Party::Creator => Self::put(At::Free, terms.creator, step.amount),
					Party::Provider => Self::put(At::Free, terms.provider, step.amount),
					Party::Author => Self::put(At::Free, terms.author, step.amount),
					_ => Sink::<Test>::mutate(|s| *s += step.amount),
				}
			}
			let cost = settlement.taken_from(Purse::Budget);
			if !again {
				Self::release_budget(&terms.creator, terms.budget - cost);
			}
			let weight = <Market as JobBook<_>>::settled(job, deal, &outcome, None, cost);
			assert!(
				weight.all_lte(Market::weight_of_settled()),
				"more than was charged"
			);
			let waits = Market::job(job).is_some();
			assert_eq!(
				waits, again,
				"the market did with job {job} what it had announced"
			);
			weight
		}

		/// The books agree with the market's.
		pub(crate) fn check() {
			let total: Balance = Money::<Test>::iter_values().sum::<Balance>() + Sink::<Test>::get();
			assert_eq!(total, TOTAL, "money appeared or vanished");
			let budgets = <Market as JobBook<_>>::held_budgets();
			let deposits = <Market as JobBook<_>>::held_deposits();
			for who in [PROVIDER, OTHER, THIRD, CREATOR, RIVAL, AUTHOR, POOR] {
				assert_eq!(
					Self::at(At::Budget, who),
					budgets.get(&who).copied().unwrap_or(0),
					"budgets of {who}"
				);
				assert_eq!(
					Self::at(At::Deposit, who),
					deposits.get(&who).copied().unwrap_or(0),
					"deposits of {who}"
				);
			}
			let live: Vec<_> = LiveDeals::<Test>::iter().collect();
			for (deal, of) in &live {
				let record = Market::job(of.job).expect("a live deal's job");
				assert!(matches!(record.state, JobState::Matched { deal: d, .. } if d == *deal));
			}
			let matched = pallet_market::Jobs::<Test>::iter_values()
				.filter(|r| matches!(r.state, JobState::Matched { .. }));
			assert_eq!(matched.count(), live.len(), "a job has a deal that is not live");
		}
	}

	impl Deals<AccountId> for Pallet<Test> {
		fn hold_budget(creator: &AccountId, amount: Balance) -> DispatchResult {
			Self::take(At::Free, *creator, amount)?;
			Self::put(At::Budget, *creator, amount);
			Ok(())
		}
		fn release_budget(creator: &AccountId, amount: Balance) {
			Self::take(At::Budget, *creator, amount).expect("no more is released than was held");
			Self::put(At::Free, *creator, amount);
		}
		fn hold_deposit(who: &AccountId, amount: Balance) -> DispatchResult {
			Self::take(At::Free, *who, amount)?;
			Self::put(At::Deposit, *who, amount);
			Ok(())
		}
		fn release_deposit(who: &AccountId, amount: Balance) {
			Self::take(At::Deposit, *who, amount).expect("no more is released than was held");
			Self::put(At::Free, *who, amount);
		}
		fn free_bond(provider: &AccountId) -> Balance {
			Self::at(At::Bond, *provider) - Self::committed(*provider)
		}
		fn open(
			job: JobId,
			offer: OfferId,
			terms: Terms<AccountId>,
			fetch_bytes: u64,
		) -> Result<DealId, DispatchError> {
			let deal = NextDeal::<Test>::get();
			NextDeal::<Test>::put(deal.next().expect("few deals"));
			// Late on purpose: what was written before must be undone.
			ensure!(
				Jinxed::<Test>::get() != Some(terms.provider),
				Error::<Test>::Jinxed
			);
			assert!(
				Self::free_bond(&terms.provider) >= terms.collateral,
				"the market checks the bond"
			);
			LiveDeals::<Test>::insert(
				deal,
				Live {
					job,
					offer,
					terms,
					fetch_bytes,
					submitted: false,
				},
			);
			Ok(deal)
		}
		fn cancel(deal: DealId) -> Result<Weight, DispatchError> {
			let live = LiveDeals::<Test>::get(deal).expect("the market names a live deal");
			ensure!(!live.submitted, Error::<Test>::TooLate);
			Ok(Self::settle(deal, Outcome::CancelledBeforeAck))
		}
		fn run_blocks(time_limit: Millis, fetch_bytes: u64) -> BlockNumber {
			10 + lilypad_primitives::fits::run_blocks(time_limit, 2_000) + (fetch_bytes / 1_000_000) as u32
		}
		#[cfg(feature = "runtime-benchmarks")]
		fn bond_for_benchmark(provider: &AccountId, amount: Balance) {
			Self::put(At::Bond, *provider, amount);
		}
		#[cfg(feature = "runtime-benchmarks")]
		fn fund_for_benchmark(who: &AccountId, amount: Balance) {
			Self::put(At::Free, *who, amount);
		}
	}

	impl Modules<AccountId> for Pallet<Test> {
		fn resolve(name: &ModuleName) -> Option<VersionId> {
			Registry::<Test>::iter()
				.find(|(_, m)| m.name == *name)
				.map(|(id, _)| id)
		}
		fn version(id: VersionId) -> Option<ModuleInfo<AccountId>> {
			Registry::<Test>::get(id)
		}
		fn slash_author(_: VersionId, _: &AccountId, _: Balance) -> Balance {
			0
		}
		fn delist_disproven(_: VersionId) {}
		#[cfg(feature = "runtime-benchmarks")]
		fn register_for_benchmark(author: &AccountId, name: ModuleName) -> VersionId {
			let id = VersionId(Registry::<Test>::iter_keys().count() as u32);
			Registry::<Test>::insert(
				id,
				ModuleInfo {
					author: *author,
					name,
					..cowsay()
				},
			);
			id
		}
	}

	impl Scores<AccountId> for Pallet<Test> {
		fn score(provider: &AccountId) -> Permill {
			ScoreOf::<Test>::get(provider).unwrap_or(Permill::one())
		}
	}

	impl OnJobEnded<AccountId> for Pallet<Test> {
		fn job_ended(
			job: JobId,
			_: &JobOrigin<AccountId>,
			creator: &AccountId,
			ending: &JobEnding,
			cost: Balance,
		) {
			assert!(Market::job(job).is_none(), "a job that ended is gone");
			let with_deal = matches!(ending, JobEnding::Settled { .. });
			Ended::<Test>::append((job, *creator, with_deal, cost));
		}

		fn job_ended_weight() -> Weight {
			TOLD
		}
	}
}

pub(crate) use desk::{At, Ended, Jinxed, LiveDeals, Registry, ScoreOf};

/// What those weigh who are told of the end of a job from elsewhere.
pub(crate) const TOLD: sp_runtime::Weight = sp_runtime::Weight::from_parts(5_000_000, 0);

const TOTAL: Balance = 6 * RICHES + 3 * BOND;

pub(crate) const COW: VersionId = VersionId(0);
pub(crate) const COW_WASM: VersionId = VersionId(1);

fn cowsay() -> ModuleInfo<AccountId> {
	ModuleInfo {
		name: "cowsay:v0.0.1".parse().expect("a name"),
		author: AUTHOR,
		runtime: RuntimeImage::Container {
			platform: Platform::ContainerAmd64,
			image: [7; 32],
		},
		fetch_bytes: 500,
		min_spec: MachineSpec::new(1000, 100, 10),
		max_run: 600_000,
		fee: LP / 1_000,
		profile: Profile::Deterministic,
		curated: false,
		delisted: false,
		manifest_hash: [0; 32],
		bond: 0,
	}
}

/// The market after genesis, at block 1, with two versions of cowsay.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
	let storage = frame_system::GenesisConfig::<Test>::default()
		.build_storage()
		.expect("a fixed genesis");
	let mut ext = sp_io::TestExternalities::from(storage);
	ext.execute_with(|| {
		System::set_block_number(1);
		for who in [PROVIDER, OTHER, THIRD, CREATOR, RIVAL, AUTHOR] {
			Desk::put(At::Free, who, RICHES);
		}
		for who in [PROVIDER, OTHER, THIRD] {
			Desk::put(At::Bond, who, BOND);
		}
		Registry::<Test>::insert(COW, cowsay());
		let runtime = RuntimeImage::Wasm { code: [8; 32] };
		let name = "cowsay-wasm:v0.0.1".parse().expect("a name");
		Registry::<Test>::insert(
			COW_WASM,
			ModuleInfo {
				name,
				runtime,
				..cowsay()
			},
		);
	});
	ext
}

/// Runs a test on a fresh chain, and checks invariants and books afterwards.
pub(crate) fn test(body: impl FnOnce()) {
	Prices::set(PRICING);
	new_test_ext().execute_with(|| {
		body();
		check();
	});
}

/// The invariants hold, and the books agree.
pub(crate) fn check() {
	Market::do_try_state().expect("the invariants hold");
	Desk::check();
}

/// An ordinary offer: four slots of a four-core machine.
pub(crate) fn offer() -> OfferParams<AccountId> {
	OfferParams {
		machine: MachineSpec::new(4000, 4096, 1024),
		slots: 4,
		rate: RATE,
		platforms: vec![Platform::ContainerAmd64].try_into().expect("one"),
		modules: ModulePolicy::Any,
		mediators: MediatorPolicy::Any,
		creators: CreatorPolicy::Any,
	}
}

/// An ordinary job: one core for a minute, which costs at most about 0.0622 LP at the ordinary rate.
pub(crate) fn request() -> JobRequest<AccountId> {
	JobRequest {
		module: "cowsay:v0.0.1".parse().expect("a name"),
		inputs: Inputs::Inline(b"{}".to_vec().try_into().expect("short")),
		files: Default::default(),
		spec: MachineSpec::new(1000, 100, 10),
		time_limit: 60_000,
		budget: LP,
		tip: 0,
		match_window: 20,
		deadline: None,
		mediators: MediatorPolicy::Any,
		target: None,
		min_score: Permill::zero(),
		retries: 0,
	}
}

impl OfferParams<AccountId> {
	/// Posts it.
	pub(crate) fn try_by(
		self,
		provider: AccountId,
	) -> DispatchResultWithInfo<frame_support::dispatch::PostDispatchInfo> {
		Market::post_offer(RawOrigin::Signed(provider).into(), self)
	}

	/// Posts it, and returns its id.
	pub(crate) fn by(self, provider: AccountId) -> OfferId {
		let id = pallet_market::NextOfferId::<Test>::get();
		assert_ok!(self.try_by(provider));
		id
	}
}

/// Posts a job.
pub(crate) fn try_post(
	creator: AccountId,
	request: JobRequest<AccountId>,
) -> DispatchResultWithInfo<frame_support::dispatch::PostDispatchInfo> {
	Market::post_job(RawOrigin::Signed(creator).into(), request)
}

/// Posts a job of the ordinary creator, and returns its id.
pub(crate) fn post(request: JobRequest<AccountId>) -> JobId {
	let id = pallet_market::NextJobId::<Test>::get();
	assert_ok!(try_post(CREATOR, request));
	id
}

/// A job's deal and offer, if it is matched.
pub(crate) fn matched(job: JobId) -> Option<(DealId, OfferId)> {
	match Market::job(job)?.state {
		JobState::Matched { deal, offer, .. } => Some((deal, offer)),
		JobState::Open { .. } => None,
	}
}

/// A job's deal.
pub(crate) fn deal_of(job: JobId) -> DealId {
	matched(job).expect("the job is matched").0
}

/// The offer that serves a job.
pub(crate) fn offer_of(job: JobId) -> OfferId {
	matched(job).expect("the job is matched").1
}

/// The last block in which a waiting job can be matched.
pub(crate) fn match_by(job: JobId) -> Option<u32> {
	match Market::job(job)?.state {
		JobState::Open { match_by } => Some(match_by),
		JobState::Matched { .. } => None,
	}
}

pub(crate) fn job(id: JobId) -> Job<AccountId> {
	Market::job(id).expect("the job is there").job
}

pub(crate) fn signed(who: AccountId) -> RuntimeOrigin {
	RawOrigin::Signed(who).into()
}

/// The market's events since the last call of this.
pub(crate) fn events() -> Vec<crate::Event<Test>> {
	let events = System::events()
		.into_iter()
		.filter_map(|r| match r.event {
			RuntimeEvent::Market(event) => Some(event),
			_ => None,
		})
		.collect();
	System::reset_events();
	events
}

pub(crate) fn pricing() -> Pricing {
	<Prices as Get<Pricing>>::get()
}
