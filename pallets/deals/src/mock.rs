//! A small chain with balances, a market that records what it is told, and mediation that can be told what to draw and
//! records which cases it is asked to open.
#![allow(missing_docs)]

use crate as pallet_deals;
use crate::{Bonds, Config, Deals, Event, Pallet};
use codec::{Decode, Encode};
use frame_support::{
	assert_ok, derive_impl, parameter_types, storage_alias,
	traits::{fungible::Mutate, tokens::imbalance::ResolveTo, ConstU128, ConstU32, ConstU64, Time},
	weights::Weight,
	Twox64Concat,
};
use lilypad_primitives::{
	terms::Amounts,
	traits::{
		Deals as DealsSeam, JobBook, MatchedJob, Mediate, Modules as ModulesSeam, NoPanel, OnDealSettled,
	},
	AuditDraw, Balance, BlockNumber, CaseRequest, DealId, JobId, JobNeeds, Judge, MachineSpec,
	MediatorPolicy, Millis, ModuleInfo, ModuleName, OfferId, Opening, Outcome, OutputRoot, Platform, Pricing,
	Profile, RuntimeImage, Settlement, Status, Terms, Triple, VersionId, LP,
};
use sp_runtime::{BuildStorage, Permill};
use std::collections::BTreeMap;

pub(crate) type AccountId = u64;
type Block = frame_system::mocking::MockBlockU32<Test>;

pub(crate) const CREATOR: AccountId = 1;
pub(crate) const PROVIDER: AccountId = 2;
pub(crate) const AUTHOR: AccountId = 3;
pub(crate) const SOLVER: AccountId = 4;
pub(crate) const OTHER: AccountId = 5;
/// Has no balance.
pub(crate) const NOBODY: AccountId = 6;
pub(crate) const TREASURY: AccountId = 100;
pub(crate) const POOL: AccountId = 101;
/// Where the registry keeps the author's bond in this chain.
pub(crate) const REGISTRY: AccountId = 102;
/// Mediators. Have no balance.
pub(crate) const PANEL: [AccountId; 3] = [201, 202, 203];

pub(crate) const ED: Balance = LP / 1000;
pub(crate) const ENDOWMENT: Balance = 1000 * LP;
pub(crate) const BOND: Balance = 400 * LP;

pub(crate) const MILLIS_PER_BLOCK: Millis = 2000;
pub(crate) const ACK: BlockNumber = 3;
pub(crate) const FETCH_BYTES: u64 = 1000;
pub(crate) const MAX_FETCH: BlockNumber = 10;
pub(crate) const MARGIN: BlockNumber = 5;
/// Blocks from submission to the draw: those that it uses, and one more in which the last one's output is known.
pub(crate) const DRAW: BlockNumber = 5;
pub(crate) const JUDGE: BlockNumber = 10;
pub(crate) const UNBONDING: BlockNumber = 20;

pub(crate) const PRICING: Pricing = Pricing {
	levy_rate: Permill::from_percent(2),
	mediator_fee_rate: Permill::from_percent(50),
	min_mediator_fee: LP / 100,
	largest_panel: 7,
	collateral_factor: 10,
	min_collateral: LP,
	no_show_fine: LP / 10,
	cancel_fee: LP / 50,
	victim_share: Permill::from_percent(50),
	min_rate: 1_000,
	min_time_limit: 1_000,
	max_time_limit: 24 * 3_600_000,
};

/// Of the standard deal: one LP a second for ten seconds.
pub(crate) const LIMIT: Millis = 10_000;
pub(crate) const CAP: Balance = 10 * LP;
pub(crate) const LEVY: Balance = LP / 5;
pub(crate) const FEE: Balance = 3 * LP;
pub(crate) const TIP: Balance = LP;
pub(crate) const BUDGET: Balance = 20 * LP;
pub(crate) const COLLATERAL: Balance = 155 * LP;

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
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type DealsPallet = pallet_deals;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type AccountStore = System;
	type ExistentialDeposit = ConstU128<ED>;
	type DustRemoval = ResolveTo<TreasuryAccount, Balances>;
	type FreezeIdentifier = [u8; 8];
	type MaxFreezes = ConstU32<1>;
}

parameter_types! {
	pub const TreasuryAccount: AccountId = TREASURY;
	pub const AuditPoolAccount: AccountId = POOL;
	/// Milliseconds by which the chain is behind its schedule.
	pub static Delay: Millis = 0;
	/// What mediation has drawn.
	pub static Drawn: Vec<DealId> = vec![];
	/// Whether mediation lacks the randomness to draw.
	pub static Blind: bool = false;
	/// Whether there are enough mediators.
	pub static HasPanel: bool = true;
	/// Whether the mediators have committed.
	pub static PanelReveals: bool = false;
	/// The cases that mediation was asked to open.
	pub static Opened: Vec<(DealId, CaseRequest<AccountId>)> = vec![];
	/// The deals whose providers have opened their seals in their cases.
	pub static ToldOpened: Vec<DealId> = vec![];
	/// What is left of the bond behind the only module version, and whether it is withdrawn.
	pub static AuthorBond: Balance = 0;
	pub static Delisted: bool = false;
	/// With whom the market matches a queued job at once.
	pub static Rematch: Option<AccountId> = None;
}

/// Block times on schedule, plus a delay.
pub struct Clock;
impl Time for Clock {
	type Moment = Millis;
	fn now() -> Millis {
		Millis::from(System::block_number()) * MILLIS_PER_BLOCK + Delay::get()
	}
}

pub struct Mediation;
impl Mediate<AccountId> for Mediation {
	fn audit_draw(deal: DealId, _: &Terms<AccountId>, draw_at: BlockNumber) -> AuditDraw {
		assert!(
			System::block_number() >= draw_at,
			"the draw was asked for before its block"
		);
		match (Blind::get(), Drawn::get().contains(&deal)) {
			(true, _) => AuditDraw::NoRandomness,
			(false, true) => AuditDraw::Drawn,
			(false, false) => AuditDraw::NotDrawn,
		}
	}

	fn open_case(deal: DealId, request: CaseRequest<AccountId>) -> Result<(), NoPanel> {
		if !HasPanel::get() {
			return Err(NoPanel);
		}
		Opened::mutate(|opened| opened.push((deal, request)));
		Ok(())
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn draw_for_benchmark(deal: DealId, _: &Terms<AccountId>, _: BlockNumber) {
		Drawn::mutate(|drawn| drawn.push(deal));
	}

	fn may_open(_: DealId) -> bool {
		PanelReveals::get()
	}

	fn opened(deal: DealId) {
		assert!(
			matches!(
				Deals::<Test>::get(deal).map(|deal| deal.state),
				Some(crate::DealState::Disputed { opened: Some(_), .. })
			),
			"mediation was told too early"
		);
		ToldOpened::mutate(|told| told.push(deal));
	}
}

/// A registry with one version, whose author's bond is in an account of its own.
pub struct Registry;
impl ModulesSeam<AccountId> for Registry {
	fn resolve(_: &ModuleName) -> Option<VersionId> {
		Some(VersionId(3))
	}

	fn version(_: VersionId) -> Option<ModuleInfo<AccountId>> {
		Some(ModuleInfo {
			name: "cowsay:v1".parse().expect("a name"),
			author: AUTHOR,
			runtime: RuntimeImage::Wasm { code: [0; 32] },
			fetch_bytes: 0,
			min_spec: MachineSpec::new(1, 1, 1),
			max_run: LIMIT,
			fee: FEE,
			profile: Profile::Deterministic,
			curated: false,
			delisted: Delisted::get(),
			manifest_hash: [0; 32],
			bond: AuthorBond::get(),
		})
	}

	fn slash_author(version: VersionId, to: &AccountId, amount: Balance) -> Balance {
		use frame_support::traits::tokens::Preservation::Expendable;
		assert_eq!(version, VersionId(3));
		let due = amount.min(AuthorBond::get());
		let moved = Balances::transfer(&REGISTRY, to, due, Expendable).unwrap_or_default();
		AuthorBond::mutate(|bond| *bond -= moved);
		moved
	}

	fn delist_disproven(version: VersionId) {
		assert_eq!(version, VersionId(3));
		Delisted::set(true);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn register_for_benchmark(_: &AccountId, _: ModuleName) -> VersionId {
		VersionId(3)
	}
}

/// A job of the recording market.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct MockJob {
	pub(crate) terms: Terms<AccountId>,
	pub(crate) retries: u8,
	pub(crate) unfetchable: bool,
	pub(crate) deal: Option<DealId>,
	pub(crate) running: bool,
}

/// What the market was told.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Told {
	RunEnded(JobId),
	Settled {
		job: JobId,
		deal: DealId,
		outcome: Outcome,
		result: Option<Triple>,
		cost: Balance,
	},
}

#[storage_alias]
pub(crate) type Jobs = StorageMap<MockMarket, Twox64Concat, JobId, MockJob>;
/// Deposits for what each account keeps in the market.
#[storage_alias]
pub(crate) type Kept = StorageMap<MockMarket, Twox64Concat, AccountId, Balance>;
/// The offer that takes every job.
pub(crate) const OFFER: OfferId = OfferId(7);
#[storage_alias]
pub(crate) type NextJob = StorageValue<MockMarket, u64, frame_support::pallet_prelude::ValueQuery>;
#[storage_alias]
pub(crate) type Record = StorageValue<MockMarket, Vec<Told>, frame_support::pallet_prelude::ValueQuery>;
#[storage_alias]
pub(crate) type Settlements =
	StorageValue<MockMarket, Vec<(DealId, Settlement)>, frame_support::pallet_prelude::ValueQuery>;

/// What the market says that the end of a job weighed without a result, and that of one that is queued again.
pub(crate) const ENDED: Weight = Weight::from_parts(3_000_000_000, 0);
pub(crate) const REQUEUED: Weight = Weight::from_parts(7_000_000_000, 0);

pub struct Market;
impl JobBook<AccountId> for Market {
	fn run_ended(job: JobId) -> Weight {
		Record::append(Told::RunEnded(job));
		Jobs::mutate(job, |j| {
			let j = j.as_mut().expect("the job of a live deal is there");
			assert!(std::mem::replace(&mut j.running, false), "a run ended twice");
		});
		Weight::zero()
	}

	fn settled_weight() -> Weight {
		Weight::from_parts(10_000_000_000, 0)
	}

	fn settled_well_weight() -> Weight {
		Weight::from_parts(1_000_000_000, 0)
	}

	fn needs(job: JobId) -> Option<JobNeeds<AccountId>> {
		Jobs::get(job).filter(|j| j.deal.is_some()).map(|_| JobNeeds {
			version: VersionId(3),
			platform: Platform::Wasm,
			spec: MachineSpec::new(1_000, 100, 10),
			fetch_bytes: 0,
			mediators: MediatorPolicy::Only(PANEL.to_vec().try_into().expect("few")),
		})
	}

	fn held_budgets() -> BTreeMap<AccountId, Balance> {
		let mut sums = BTreeMap::new();
		for job in Jobs::iter_values() {
			*sums.entry(job.terms.creator).or_default() += job.terms.budget;
		}
		sums
	}

	fn held_deposits() -> BTreeMap<AccountId, Balance> {
		Kept::iter().collect()
	}

	fn matched_jobs() -> Vec<MatchedJob<AccountId>> {
		let matched = |(job, record): (JobId, MockJob)| {
			record.deal.map(|deal| MatchedJob {
				job,
				deal,
				offer: OFFER,
				creator: record.terms.creator,
				budget: record.terms.budget,
				uses_capacity: record.running,
			})
		};
		Jobs::iter().filter_map(matched).collect()
	}

	fn unfetchable_before(job: JobId) -> bool {
		Jobs::get(job).is_some_and(|j| j.unfetchable)
	}

	fn will_requeue(job: JobId, outcome: &Outcome) -> bool {
		let free = matches!(outcome, Outcome::Unfetchable { .. });
		outcome.is_retriable() && Jobs::get(job).is_some_and(|j| free || j.retries > 0)
	}

	fn settled(job: JobId, deal: DealId, outcome: &Outcome, result: Option<Triple>, cost: Balance) -> Weight {
		assert!(
			Deals::<Test>::get(deal).is_none(),
			"the market was told too early"
		);
		Record::append(Told::Settled {
			job,
			deal,
			outcome: *outcome,
			result,
			cost,
		});
		if !Self::will_requeue(job, outcome) {
			Jobs::remove(job);
			return match outcome {
				Outcome::Accepted { .. } => Self::settled_well_weight(),
				_ => ENDED,
			};
		}
		Jobs::mutate(job, |j| {
			let j = j.as_mut().expect("the job of a live deal is there");
			j.deal = None;
			j.running = false;
			match outcome {
				Outcome::Unfetchable { .. } => j.unfetchable = true,
				_ => j.retries -= 1,
			}
		});
		if let Some(provider) = Rematch::get() {
			// As the real market: in its own storage layer, and a failure changes nothing.
			let _may_not_fit = frame_support::storage::with_storage_layer(|| match_job(job, provider));
		}
		REQUEUED
	}
}

pub struct Recorder;
impl OnDealSettled<AccountId> for Recorder {
	fn deal_settled(deal: DealId, _: &Terms<AccountId>, _: &Outcome, settlement: &Settlement) {
		Settlements::append((deal, settlement.clone()));
	}
}

impl Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Time = Clock;
	type JobBook = Market;
	type Mediation = Mediation;
	type Modules = Registry;
	type OnSettled = Recorder;
	type Treasury = TreasuryAccount;
	type AuditPool = AuditPoolAccount;
	type MillisPerBlock = ConstU64<MILLIS_PER_BLOCK>;
	type AckBlocks = ConstU32<ACK>;
	type FetchBytesPerBlock = ConstU64<FETCH_BYTES>;
	type MaxFetchBlocks = ConstU32<MAX_FETCH>;
	type SubmitMargin = ConstU32<MARGIN>;
	type DrawBlocks = ConstU32<{ DRAW - 1 }>;
	type JudgeBlocks = ConstU32<JUDGE>;
	type UnbondingBlocks = ConstU32<UNBONDING>;
	type MaxUnbonding = ConstU32<3>;
	type MinBond = ConstU128<LP>;
	type ScoreHorizon = ConstU128<{ 1_000 * LP }>;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = MockMarketHelper;
}

/// The chain before the first block of a test.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
	Delay::set(0);
	Drawn::set(vec![]);
	Blind::set(false);
	HasPanel::set(true);
	PanelReveals::set(false);
	Opened::set(vec![]);
	ToldOpened::set(vec![]);
	AuthorBond::set(0);
	Delisted::set(false);
	Rematch::set(None);
	let mut storage = frame_system::GenesisConfig::<Test>::default()
		.build_storage()
		.expect("a valid genesis");
	let people = [CREATOR, PROVIDER, AUTHOR, SOLVER, OTHER].map(|who| (who, ENDOWMENT));
	pallet_balances::GenesisConfig::<Test> {
		balances: people.into_iter().chain([(TREASURY, ED), (POOL, ED)]).collect(),
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.expect("a valid genesis");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.execute_with(|| System::set_block_number(10));
	ext
}

/// Runs a test with the provider bonded, and checks the invariants at its end.
pub(crate) fn test(run: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		assert_ok!(DealsPallet::bond(signed(PROVIDER), BOND));
		System::reset_events();
		run();
		assert_ok!(DealsPallet::do_try_state());
	});
}

pub(crate) fn signed(who: AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

/// The standard terms with this provider.
pub(crate) fn terms(provider: AccountId) -> Terms<AccountId> {
	let a = Amounts::new(&PRICING, LP, LIMIT, FEE, TIP).expect("in range");
	assert_eq!((a.cap, a.levy, a.collateral), (CAP, LEVY, COLLATERAL));
	Terms {
		creator: CREATOR,
		judge: Judge::Creator,
		provider,
		author: AUTHOR,
		solver: Some(SOLVER),
		rate: LP,
		time_limit: LIMIT,
		budget: BUDGET,
		cap: a.cap,
		module_fee: FEE,
		levy: a.levy,
		tip: TIP,
		escrow: a.escrow,
		mediator_fee: a.mediator_fee,
		panel_fee: a.panel_fee,
		collateral: a.collateral,
		no_show_fine: PRICING.no_show_fine,
		cancel_fee: PRICING.cancel_fee,
		victim_share: PRICING.victim_share,
		profile: Profile::Deterministic,
	}
}

/// Posts a job with these terms and retries.
pub(crate) fn post_job(terms: Terms<AccountId>, retries: u8) -> Result<JobId, sp_runtime::DispatchError> {
	<Pallet<Test> as DealsSeam<AccountId>>::hold_budget(&terms.creator, terms.budget)?;
	let job = JobId(NextJob::get());
	NextJob::put(job.0 + 1);
	Jobs::insert(
		job,
		MockJob {
			terms,
			retries,
			unfetchable: false,
			deal: None,
			running: false,
		},
	);
	Ok(job)
}

/// Withdraws a job that waits.
pub(crate) fn withdraw_job(job: JobId) {
	let taken = Jobs::take(job).expect("the job waits");
	assert_eq!(taken.deal, None);
	<Pallet<Test> as DealsSeam<AccountId>>::release_budget(&taken.terms.creator, taken.terms.budget);
}

/// Matches a job that waits.
pub(crate) fn match_job(job: JobId, provider: AccountId) -> Result<DealId, sp_runtime::DispatchError> {
	match_fetching(job, provider, 0)
}

/// Matches a job that waits, and for which this much has to be fetched.
pub(crate) fn match_fetching(
	job: JobId,
	provider: AccountId,
	bytes: u64,
) -> Result<DealId, sp_runtime::DispatchError> {
	let mut record = Jobs::get(job).expect("the job waits");
	record.terms.provider = provider;
	let deal = <Pallet<Test> as DealsSeam<AccountId>>::open(job, OFFER, record.terms.clone(), bytes)?;
	record.deal = Some(deal);
	record.running = true;
	Jobs::insert(job, record);
	Ok(deal)
}

/// A new deal with these terms, whose job has no retries.
pub(crate) fn matched_with(terms: Terms<AccountId>) -> DealId {
	let provider = terms.provider;
	let job = post_job(terms, 0).expect("the creator can pay");
	match_job(job, provider).expect("the bond suffices")
}

/// A new deal with the standard terms.
pub(crate) fn matched() -> DealId {
	matched_with(terms(PROVIDER))
}

/// The same, acknowledged in the block of its match.
pub(crate) fn running() -> DealId {
	let deal = matched();
	assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
	deal
}

/// The opening that the helpers seal: three seconds' run that completed.
pub(crate) fn opening() -> Opening {
	Opening {
		triple: Triple {
			status: Status::Completed,
			exit_code: 0,
			root: OutputRoot([7; 32]),
		},
		usage: 3_000,
		salt: [9; 32],
	}
}

/// The same, acknowledged and two blocks later submitted with this opening's seal.
pub(crate) fn submitted_with(opening: Opening) -> DealId {
	let deal = running();
	pass(2);
	assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, opening.seal(deal)));
	deal
}

/// The same, with the standard opening.
pub(crate) fn submitted() -> DealId {
	submitted_with(opening())
}

/// The same, revealed as soon as possible.
pub(crate) fn revealed() -> DealId {
	let deal = submitted();
	pass(DRAW);
	assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
	deal
}

/// Lets blocks pass.
pub(crate) fn pass(blocks: BlockNumber) {
	System::set_block_number(System::block_number() + blocks);
}

/// Goes to a block.
pub(crate) fn go_to(block: BlockNumber) {
	assert!(block >= System::block_number(), "time doesn't run backwards");
	System::set_block_number(block);
}

/// The last block before a deal lapses.
pub(crate) fn deadline(deal: DealId) -> BlockNumber {
	Deals::<Test>::get(deal).expect("the deal lives").state.deadline()
}

/// Everybody's balances: free and on hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Balances0(Vec<(AccountId, i128, i128)>);

/// Takes a picture of everybody's balances.
pub(crate) fn balances() -> Balances0 {
	Balances0(
		[
			CREATOR, PROVIDER, AUTHOR, SOLVER, OTHER, NOBODY, TREASURY, POOL, REGISTRY,
		]
		.into_iter()
		.chain(PANEL)
		.map(|who| {
			let account = System::account(who).data;
			(who, account.free as i128, account.reserved as i128)
		})
		.collect(),
	)
}

/// Asserts by how much free balances and holds have changed since; who isn't listed must not have changed.
#[track_caller]
pub(crate) fn assert_changed(before: &Balances0, expected: &[(AccountId, i128, i128)]) {
	let changed: Vec<_> = balances()
		.0
		.iter()
		.zip(&before.0)
		.map(|(new, old)| (new.0, new.1 - old.1, new.2 - old.2))
		.filter(|change| (change.1, change.2) != (0, 0))
		.collect();
	assert_eq!(changed, expected);
}

/// Amounts as changes.
pub(crate) fn plus(amount: Balance) -> i128 {
	amount as i128
}
pub(crate) fn minus(amount: Balance) -> i128 {
	-(amount as i128)
}

/// This pallet's events, in order.
pub(crate) fn events() -> Vec<Event<Test>> {
	System::read_events_for_pallet::<Event<Test>>()
}

/// What is on hold for a reason.
pub(crate) fn held(reason: crate::HoldReason, who: AccountId) -> Balance {
	use frame_support::traits::fungible::InspectHold;
	Balances::balance_on_hold(&reason.into(), &who)
}

/// The part of the provider's bond that backs deals.
pub(crate) fn committed(provider: AccountId) -> Balance {
	Bonds::<Test>::get(provider).map_or(0, |bond| bond.committed)
}

/// Gives an account this much in addition.
pub(crate) fn mint(who: AccountId, amount: Balance) {
	assert_ok!(Balances::mint_into(&who, amount));
}

#[cfg(feature = "runtime-benchmarks")]
pub struct MockMarketHelper;
#[cfg(feature = "runtime-benchmarks")]
impl crate::BenchmarkHelper<AccountId> for MockMarketHelper {
	fn open_deal(creator: &AccountId, provider: &AccountId) -> DealId {
		mint(*creator, ENDOWMENT);
		for who in [AUTHOR, SOLVER, TREASURY, POOL] {
			mint(who, ED);
		}
		<Pallet<Test> as DealsSeam<AccountId>>::bond_for_benchmark(provider, BOND);
		let job = post_job(
			Terms {
				creator: *creator,
				..terms(*provider)
			},
			1,
		)
		.expect("the creator can pay");
		match_job(job, *provider).expect("the bond suffices")
	}
}
