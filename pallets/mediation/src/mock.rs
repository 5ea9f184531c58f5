//! A small chain with balances, deals and mediation as they are, and a market and a registry that do as they are told.
//!
//! The simulation is built on it too.
#![allow(missing_docs)]

use codec::{Decode, Encode};
use frame_support::{
	assert_ok, derive_impl, parameter_types, storage_alias,
	traits::{fungible::Mutate, tokens::imbalance::ResolveTo, ConstU128, ConstU32, ConstU64, Hooks, Time},
	weights::Weight,
	Twox64Concat,
};
use lilypad_primitives::{
	terms::Amounts,
	traits::{Deals as DealsSeam, JobBook, MatchedJob, Modules as ModulesSeam, OnDealSettled},
	AuditRules, Balance, BlockNumber, DealId, JobId, JobNeeds, Judge, MachineSpec, MediationRules,
	MediatorPolicy, Millis, ModuleInfo, ModuleName, OfferId, Opening, Outcome, OutputRoot, Platform, Pricing,
	Profile, RuntimeImage, Settlement, Status, Terms, Triple, VersionId, Vote, LP,
};
use pallet_mediation::{BlockRandomness, Capability};
use sp_runtime::{BuildStorage, Permill, Perquintill};
use std::collections::BTreeMap;

pub(crate) type AccountId = u64;
type Block = frame_system::mocking::MockBlockU32<Test>;

pub(crate) const CREATOR: AccountId = 1;
pub(crate) const PROVIDER: AccountId = 2;
pub(crate) const AUTHOR: AccountId = 3;
pub(crate) const SOLVER: AccountId = 4;
pub(crate) const OTHER: AccountId = 5;
pub(crate) const TREASURY: AccountId = 100;
pub(crate) const POOL: AccountId = 101;
/// Where the registry keeps the author's bond in this chain.
pub(crate) const REGISTRY: AccountId = 102;

pub(crate) const ED: Balance = LP / 1000;
pub(crate) const ENDOWMENT: Balance = 100_000 * LP;
pub(crate) const BOND: Balance = 50_000 * LP;
pub(crate) const TICKET: Balance = 100 * LP;

pub(crate) const ERA: BlockNumber = 100;
pub(crate) const DRAW: BlockNumber = 4;
pub(crate) const DRAW_OPEN: BlockNumber = 20;
pub(crate) const KEPT: BlockNumber = 50;
pub(crate) const JUDGE: BlockNumber = 30;
pub(crate) const REVEAL: BlockNumber = 10;
pub(crate) const MARGIN: BlockNumber = 10;
pub(crate) const UNBONDING: BlockNumber = 200;
pub(crate) const LARGEST: u32 = 7;

pub(crate) const PRICING: Pricing = Pricing {
	levy_rate: Permill::from_percent(3),
	mediator_fee_rate: Permill::from_percent(50),
	min_mediator_fee: LP / 100,
	largest_panel: LARGEST,
	collateral_factor: 10,
	min_collateral: LP,
	no_show_fine: LP / 10,
	cancel_fee: LP / 50,
	victim_share: Permill::from_percent(50),
	min_rate: 1_000,
	min_time_limit: 1_000,
	max_time_limit: 24 * 3_600_000,
};

pub(crate) const RULES: MediationRules = MediationRules {
	audit: AuditRules {
		saving: Permill::from_percent(80),
		usual: Perquintill::one(),
		escalates: Permill::from_percent(1),
		colluding: Permill::zero(),
	},
	overcharge_percent: 200,
	overcharge_floor: 2_000,
	slack_percent: 300,
	commit_margin: MARGIN,
	ask_blocks: 1,
	reveal_blocks: REVEAL,
	era_blocks: ERA,
	draw_open_blocks: DRAW_OPEN,
	max_redraws: 2,
	no_show_slash: Permill::from_percent(10),
	minority_slash: Permill::from_percent(5),
};

/// Of the standard deal: one LP a second for ten seconds.
pub(crate) const LIMIT: Millis = 10_000;
pub(crate) const CAP: Balance = 10 * LP;
pub(crate) const LEVY: Balance = 3 * LP / 10;
pub(crate) const VOTE: Balance = 5 * LP;
pub(crate) const PANEL_FEE: Balance = 11 * VOTE;
pub(crate) const COLLATERAL: Balance = 10 * CAP + PANEL_FEE;
pub(crate) const BUDGET: Balance = 20 * LP;
pub(crate) const NO_SHOW: Balance = TICKET / 10;
pub(crate) const MINORITY: Balance = TICKET / 20;

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
	pub type Deals = pallet_deals;
	#[runtime::pallet_index(3)]
	pub type Mediation = pallet_mediation;
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
}

parameter_types! {
	pub const TreasuryAccount: AccountId = TREASURY;
	pub const AuditPoolAccount: AccountId = POOL;
	pub const DefaultPricing: Pricing = PRICING;
	pub const DefaultRules: MediationRules = RULES;
	/// What every block's output is hashed with: another salt is another history.
	pub static Salt: u64 = 0;
	/// Blocks that have no output.
	pub static Silent: Vec<BlockNumber> = vec![];
	/// How many authors of a block have withheld it before one made it.
	pub static Withheld: BTreeMap<BlockNumber, u64> = BTreeMap::new();
	/// What is left of the bond behind the only module version, and whether it is withdrawn.
	pub static AuthorBond: Balance = 0;
	pub static Delisted: bool = false;
	/// Who may judge challenges.
	pub static Judges: Option<Vec<AccountId>> = None;
	/// The machine that every job needs.
	pub static Needed: MachineSpec = MachineSpec::new(1_000, 100, 10);
	/// How deals ended.
	pub static Endings: Vec<(DealId, Outcome)> = vec![];
}

/// Block times on schedule.
pub struct Clock;
impl Time for Clock {
	type Moment = Millis;
	fn now() -> Millis {
		Millis::from(System::block_number()) * 2_000
	}
}

/// A hash of the block's number and the salt.
pub struct Vrf;
impl BlockRandomness for Vrf {
	fn of_last_block() -> Option<[u8; 32]> {
		let block = System::block_number() - 1;
		(!Silent::get().contains(&block)).then(|| output_of(block))
	}
}

/// The output of a block: of the author who made it.
pub(crate) fn output_of(block: BlockNumber) -> [u8; 32] {
	let output = sp_io::hashing::blake2_256(&(b"vrf", Salt::get(), block).encode());
	match Withheld::get().get(&block) {
		Some(author) => sp_io::hashing::blake2_256(&(output, author).encode()),
		None => output,
	}
}

#[storage_alias]
pub(crate) type LiveJobs = StorageMap<MockMarket, Twox64Concat, JobId, Job>;
#[storage_alias]
pub(crate) type NextJob = StorageValue<MockMarket, u64, frame_support::pallet_prelude::ValueQuery>;

/// A job of the market.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Job {
	deal: DealId,
}

pub struct Market;
impl JobBook<AccountId> for Market {
	fn run_ended(_: JobId) -> Weight {
		Default::default()
	}

	fn needs(job: JobId) -> Option<JobNeeds<AccountId>> {
		LiveJobs::get(job).map(|_| JobNeeds {
			version: VersionId(3),
			platform: Platform::Wasm,
			spec: Needed::get(),
			fetch_bytes: 0,
			mediators: match Judges::get() {
				Some(list) => MediatorPolicy::Only(list.try_into().expect("few")),
				None => MediatorPolicy::Any,
			},
		})
	}

	fn held_budgets() -> BTreeMap<AccountId, Balance> {
		let mut sums = BTreeMap::new();
		for deal in pallet_deals::Deals::<Test>::iter_values() {
			*sums.entry(deal.terms.creator).or_default() += deal.terms.budget;
		}
		sums
	}

	fn held_deposits() -> BTreeMap<AccountId, Balance> {
		BTreeMap::new()
	}

	fn matched_jobs() -> Vec<MatchedJob<AccountId>> {
		let matched = |(job, Job { deal }): (JobId, Job)| {
			let of = pallet_deals::Deals::<Test>::get(deal).expect("a matched job's deal lives");
			MatchedJob {
				job,
				deal,
				offer: of.offer,
				creator: of.terms.creator,
				budget: of.terms.budget,
				uses_capacity: of.state.uses_capacity(),
			}
		};
		LiveJobs::iter().map(matched).collect()
	}

	fn unfetchable_before(_: JobId) -> bool {
		true
	}

	fn will_requeue(_: JobId, _: &Outcome) -> bool {
		false
	}

	fn settled(job: JobId, deal: DealId, outcome: &Outcome, _: Option<Triple>, _: Balance) -> Weight {
		assert_eq!(LiveJobs::take(job).map(|job| job.deal), Some(deal));
		Endings::mutate(|endings| endings.push((deal, *outcome)));
		Weight::zero()
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
			fee: 0,
			profile: Profile::Deterministic,
			curated: false,
			delisted: Delisted::get(),
			manifest_hash: [0; 32],
			bond: AuthorBond::get(),
		})
	}

	fn slash_author(_: VersionId, to: &AccountId, amount: Balance) -> Balance {
		use frame_support::traits::tokens::Preservation::Expendable;
		let due = amount.min(AuthorBond::get());
		let moved = Balances::transfer(&REGISTRY, to, due, Expendable).unwrap_or_default();
		AuthorBond::mutate(|bond| *bond -= moved);
		moved
	}

	fn delist_disproven(_: VersionId) {
		Delisted::set(true);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn register_for_benchmark(_: &AccountId, _: ModuleName) -> VersionId {
		VersionId(3)
	}
}

pub struct Nobody;
impl OnDealSettled<AccountId> for Nobody {
	fn deal_settled(_: DealId, _: &Terms<AccountId>, _: &Outcome, _: &Settlement) {}
}

impl pallet_deals::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Time = Clock;
	type JobBook = Market;
	type Mediation = Mediation;
	type Modules = Registry;
	type OnSettled = Nobody;
	type Treasury = TreasuryAccount;
	type AuditPool = AuditPoolAccount;
	type MillisPerBlock = ConstU64<2_000>;
	type AckBlocks = ConstU32<3>;
	type FetchBytesPerBlock = ConstU64<1_000>;
	type MaxFetchBlocks = ConstU32<10>;
	type SubmitMargin = ConstU32<5>;
	type DrawBlocks = ConstU32<DRAW>;
	type JudgeBlocks = ConstU32<JUDGE>;
	type UnbondingBlocks = ConstU32<20>;
	type MaxUnbonding = ConstU32<3>;
	type MinBond = ConstU128<LP>;
	type ScoreHorizon = ConstU128<{ 1_000 * LP }>;
	type WeightInfo = ();
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = OpenDeals;
}

impl pallet_mediation::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Randomness = Vrf;
	type Deals = Deals;
	type Treasury = TreasuryAccount;
	type GovernanceOrigin = frame_system::EnsureRoot<AccountId>;
	type DefaultPricing = DefaultPricing;
	type DefaultRules = DefaultRules;
	type TicketPrice = ConstU128<TICKET>;
	type SeatsPerTicket = ConstU32<10>;
	type MaxTickets = ConstU32<64>;
	type MaxUnbonding = ConstU32<3>;
	type UnbondingBlocks = ConstU32<UNBONDING>;
	type DrawBlocks = ConstU32<DRAW>;
	type LongestCase = ConstU32<2_000_000>;
	type KeptBlocks = ConstU32<KEPT>;
	type MaxSweep = ConstU32<8>;
	type WeightInfo = ();
}

/// The chain in its first block, with a provider that has a bond.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
	Salt::set(0);
	Silent::set(vec![]);
	Withheld::set(BTreeMap::new());
	AuthorBond::set(0);
	Delisted::set(false);
	Judges::set(None);
	Needed::set(MachineSpec::new(1_000, 100, 10));
	Endings::set(vec![]);
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
	ext.execute_with(|| {
		System::set_block_number(1);
		assert_ok!(Deals::bond(signed(PROVIDER), BOND));
		System::reset_events();
	});
	ext
}

/// Runs a test, and checks the invariants at its end.
pub(crate) fn test(run: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		run();
		check();
	});
}

/// Both pallets' invariants, and that all cases are about deals in dispute and back.
#[track_caller]
pub(crate) fn check() {
	assert_ok!(Deals::do_try_state());
	assert_ok!(Mediation::do_try_state());
	let mut cases: Vec<_> = pallet_mediation::Cases::<Test>::iter_keys().collect();
	let mut disputed: Vec<_> = pallet_deals::Deals::<Test>::iter()
		.filter(|(_, deal)| matches!(deal.state, pallet_deals::DealState::Disputed { .. }))
		.map(|(id, _)| id)
		.collect();
	cases.sort();
	disputed.sort();
	assert_eq!(
		cases, disputed,
		"each disputed deal has a case, and each case a disputed deal"
	);
}

pub(crate) fn signed(who: AccountId) -> RuntimeOrigin {
	RuntimeOrigin::signed(who)
}

/// Lets blocks pass, each with its hooks but without room for sweeping.
pub(crate) fn pass(blocks: BlockNumber) {
	go_to(System::block_number() + blocks);
}

/// Goes to a block.
pub(crate) fn go_to(block: BlockNumber) {
	assert!(block >= System::block_number(), "time doesn't run backwards");
	while System::block_number() < block {
		System::set_block_number(System::block_number() + 1);
		<Mediation as Hooks<_>>::on_initialize(System::block_number());
	}
}

/// Gives an account this much in addition.
pub(crate) fn mint(who: AccountId, amount: Balance) {
	assert_ok!(Balances::mint_into(&who, amount));
}

/// What a capable mediator runs.
pub(crate) fn capable() -> Capability {
	Capability {
		platforms: vec![Platform::Wasm].try_into().expect("one"),
		spec: MachineSpec::new(2_000, 1_000, 1_000),
		slots: 8,
	}
}

/// Makes these accounts mediators, with so many tickets each, and waits for the next era.
pub(crate) fn mediators(who: impl IntoIterator<Item = AccountId>, tickets: u32) {
	for who in who {
		mint(who, Balance::from(tickets) * TICKET + LP);
		assert_ok!(Mediation::register(signed(who), capable(), tickets));
	}
	next_era();
}

/// Goes to the first block of the next era.
pub(crate) fn next_era() {
	go_to((System::block_number() / ERA + 1) * ERA);
}

/// The standard terms.
pub(crate) fn terms() -> Terms<AccountId> {
	let a = Amounts::new(&PRICING, LP, LIMIT, 0, 0).expect("in range");
	assert_eq!((a.cap, a.levy, a.collateral), (CAP, LEVY, COLLATERAL));
	Terms {
		creator: CREATOR,
		judge: Judge::Creator,
		provider: PROVIDER,
		author: AUTHOR,
		solver: Some(SOLVER),
		rate: LP,
		time_limit: LIMIT,
		budget: BUDGET,
		cap: a.cap,
		module_fee: 0,
		levy: a.levy,
		tip: 0,
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

/// Opens a deal with these terms.
pub(crate) fn matched_with(terms: Terms<AccountId>) -> DealId {
	let job = JobId(NextJob::get());
	NextJob::put(job.0 + 1);
	assert_ok!(<Deals as DealsSeam<_>>::hold_budget(&terms.creator, terms.budget));
	let deal = <Deals as DealsSeam<_>>::open(job, OfferId(7), terms, 0).expect("the bond suffices");
	LiveJobs::insert(job, Job { deal });
	deal
}

/// A result: completed, with these outputs.
pub(crate) fn triple(root: u8) -> Triple {
	Triple {
		status: Status::Completed,
		exit_code: 0,
		root: OutputRoot([root; 32]),
	}
}

/// What the provider seals: three seconds' run.
pub(crate) fn opening(root: u8) -> Opening {
	Opening {
		triple: triple(root),
		usage: 3_000,
		salt: [9; 32],
	}
}

/// A mediator's honest vote for these outputs.
pub(crate) fn vote(root: u8) -> Vote {
	Vote {
		triple: Some(triple(root)),
		usage: 3_000,
		fetched: true,
		ample: true,
	}
}

/// A deal whose provider has submitted this.
pub(crate) fn submitted_with(terms: Terms<AccountId>, opening: Opening) -> DealId {
	let provider = terms.provider;
	let deal = matched_with(terms);
	assert_ok!(Deals::acknowledge(signed(provider), deal));
	pass(2);
	assert_ok!(Deals::submit(signed(provider), deal, opening.seal(deal)));
	deal
}

/// A deal with the standard terms whose result is right.
pub(crate) fn submitted() -> DealId {
	submitted_with(terms(), opening(1))
}

#[cfg(feature = "runtime-benchmarks")]
pub struct OpenDeals;
#[cfg(feature = "runtime-benchmarks")]
impl pallet_deals::BenchmarkHelper<AccountId> for OpenDeals {
	fn open_deal(creator: &AccountId, provider: &AccountId) -> DealId {
		mint(*creator, ENDOWMENT);
		for who in [AUTHOR, SOLVER, TREASURY, POOL] {
			mint(who, ED);
		}
		<Deals as DealsSeam<_>>::bond_for_benchmark(provider, BOND);
		matched_with(Terms {
			creator: *creator,
			provider: *provider,
			..terms()
		})
	}
}
