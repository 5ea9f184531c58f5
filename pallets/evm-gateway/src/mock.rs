//! A small chain with balances and two lanes, and a market that ends jobs as it is told to.
#![allow(missing_docs)]

use crate as pallet_evm_gateway;
use crate::{
	eip712, Answer, BatchId, Deposit, Event, FinalityRule, Inbound, LaneId, Limits, Member, Message, Payout,
	PublicKey, Request, Signature,
};
use frame_support::{
	assert_ok, derive_impl, parameter_types,
	traits::{ConstU128, ConstU32, ConstU8, Time},
};
use frame_system::EnsureRoot;
use lilypad_primitives::{
	traits::{JobEnding, NotPosted},
	Balance, BlockNumber, DealId, JobId, Millis, Outcome, OutputRoot, Status, Triple, LP,
};
use sp_core::{ecdsa, Pair, H160, H256};
use sp_runtime::{traits::IdentityLookup, AccountId32, BuildStorage};

type Block = frame_system::mocking::MockBlockU32<Test>;

pub(crate) const LANE: LaneId = 1;
pub(crate) const OTHER_LANE: LaneId = 2;
pub(crate) const CHAIN: u64 = 1337;
pub(crate) const OTHER_CHAIN: u64 = 10;
pub(crate) const ED: Balance = LP / 1000;
pub(crate) const ENDOWMENT: Balance = 1_000 * LP;
pub(crate) const BUDGET: Balance = 10 * LP;
pub(crate) const MAX_BATCHES: u32 = 48;
pub(crate) const HEARTBEAT: BlockNumber = 100;
pub(crate) const KEEP: BlockNumber = 1_000;
/// Unix time of block 0.
pub(crate) const GENESIS: u64 = 1_800_000_000;

pub(crate) const LIMITS: Limits = Limits {
	least: 1,
	largest: 100 * LP,
	inflow: 300 * LP,
	outflow: 200 * LP,
	period: 100,
};

pub(crate) fn account(n: u8) -> AccountId32 {
	AccountId32::new([n; 32])
}
pub(crate) fn alice() -> AccountId32 {
	account(1)
}
pub(crate) fn provider() -> AccountId32 {
	account(2)
}
/// Has no balance.
pub(crate) fn nobody() -> AccountId32 {
	account(3)
}
pub(crate) fn address(n: u8) -> H160 {
	H160([n; 20])
}
pub(crate) fn gateway(lane: LaneId) -> H160 {
	H160::from_low_u64_be(0xa_0000 + lane)
}

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
	pub type Gateway = pallet_evm_gateway;
	#[runtime::pallet_index(3)]
	pub type Desk = desk;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountId = AccountId32;
	type Lookup = IdentityLookup<AccountId32>;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type Balance = Balance;
	type AccountStore = System;
	type ExistentialDeposit = ConstU128<ED>;
}

parameter_types! {
	/// Why the market posts nothing.
	pub static Refuse: Option<NotPosted> = None;
	/// The longest time limit that the market takes.
	pub static LongestJob: Millis = 24 * 3_600_000;
}

/// Two seconds a block.
pub struct Clock;
impl Time for Clock {
	type Moment = Millis;
	fn now() -> Millis {
		GENESIS * 1_000 + Millis::from(System::block_number()) * 2_000
	}
}

impl crate::Config for Test {
	type Currency = Balances;
	type Time = Clock;
	type Modules = Desk;
	type PostJob = Desk;
	type GovernanceOrigin = EnsureRoot<AccountId32>;
	type PauseOrigin = EnsureRoot<AccountId32>;
	type MatchWindow = ConstU32<30>;
	type Retries = ConstU8<2>;
	type MaxBatches = ConstU32<MAX_BATCHES>;
	type Heartbeat = ConstU32<HEARTBEAT>;
	type KeepBatches = ConstU32<KEEP>;
	type WeightInfo = ();
}

impl desk::Config for Test {}

/// Registry and market in one.
#[frame_support::pallet(dev_mode)]
pub(crate) mod desk {
	use super::*;
	use frame_support::{
		pallet_prelude::*,
		traits::{
			fungible::{Mutate, MutateHold},
			tokens::{Fortitude::Force, Precision::Exact, Preservation::Preserve, Restriction::Free},
		},
	};
	use lilypad_primitives::{
		traits::{Modules, OnJobEnded, PostJob},
		JobOrigin, JobRequest, MachineSpec, ModuleInfo, ModuleName, Platform, Profile, RuntimeImage,
		VersionId,
	};
	use sp_runtime::DispatchError;

	/// What cancelling a job weighs: a third of what it can weigh.
	pub(crate) const CANCELLED: Weight = Weight::from_parts(1_000, 100);

	#[pallet::pallet]
	#[pallet::without_storage_info]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config {}

	#[pallet::composite_enum]
	pub enum HoldReason {
		Budget,
	}

	#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
	pub struct Posted {
		pub creator: AccountId32,
		pub request: JobRequest<AccountId32>,
		pub origin: JobOrigin<AccountId32>,
	}

	#[pallet::storage]
	pub type Jobs<T> = StorageMap<_, Twox64Concat, JobId, Posted>;
	#[pallet::storage]
	pub type NextJob<T> = StorageValue<_, JobId, ValueQuery>;

	pub(crate) fn cowsay(delisted: bool) -> ModuleInfo<AccountId32> {
		ModuleInfo {
			name: "cowsay:v0.0.1".parse().expect("a name"),
			author: account(9),
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
			delisted,
			manifest_hash: [0; 32],
			bond: 0,
		}
	}

	impl Modules<AccountId32> for Pallet<Test> {
		fn resolve(name: &ModuleName) -> Option<VersionId> {
			match name.as_str() {
				"cowsay:v0.0.1" | "benchmark:v1" => Some(VersionId(0)),
				"cowsay:old" => Some(VersionId(1)),
				_ => None,
			}
		}
		fn version(id: VersionId) -> Option<ModuleInfo<AccountId32>> {
			Some(cowsay(id.0 == 1))
		}
		// Nothing is mediated here.
		fn slash_author(_: VersionId, _: &AccountId32, _: Balance) -> Balance {
			0
		}
		fn delist_disproven(_: VersionId) {}
		#[cfg(feature = "runtime-benchmarks")]
		fn register_for_benchmark(_: &AccountId32, _: ModuleName) -> VersionId {
			VersionId(0)
		}
	}

	impl PostJob<AccountId32> for Pallet<Test> {
		fn post(
			creator: &AccountId32,
			request: JobRequest<AccountId32>,
			origin: JobOrigin<AccountId32>,
		) -> Result<JobId, NotPosted> {
			let id = NextJob::<Test>::get();
			NextJob::<Test>::put(id.next().ok_or(DispatchError::Exhausted)?);
			Balances::hold(&HoldReason::Budget.into(), creator, request.budget)?;
			Jobs::<Test>::insert(
				id,
				Posted {
					creator: creator.clone(),
					request,
					origin,
				},
			);
			// Last, so that whoever forgets the storage layer is found out.
			Refuse::get().map_or(Ok(id), Err)
		}

		fn max_time_limit() -> Millis {
			LongestJob::get()
		}

		fn origin(job: JobId) -> Option<JobOrigin<AccountId32>> {
			Jobs::<Test>::get(job).map(|posted| posted.origin)
		}

		fn cancel(_: &AccountId32, job: JobId) -> Result<Weight, DispatchError> {
			end(job, JobEnding::Unmatched, 0, 0);
			Ok(CANCELLED)
		}

		fn cancel_weight() -> Weight {
			CANCELLED.saturating_mul(3)
		}
	}

	/// Ends a job at this cost, with this compensation from the provider.
	pub(crate) fn end(job: JobId, ending: JobEnding, cost: Balance, compensation: Balance) {
		let Posted {
			creator,
			request,
			origin,
		} = Jobs::<Test>::take(job).expect("the job is alive");
		let reason = HoldReason::Budget.into();
		if compensation > 0 {
			assert_ok!(Balances::transfer(&provider(), &creator, compensation, Preserve));
		}
		if cost > 0 {
			let paid = Balances::transfer_on_hold(&reason, &creator, &provider(), cost, Exact, Free, Force);
			assert_ok!(paid);
		}
		assert_ok!(Balances::release(&reason, &creator, request.budget - cost, Exact));
		Gateway::job_ended(job, &origin, &creator, &ending, cost);
	}
}

pub(crate) use desk::Jobs;

// -- Keys ----------------------------------------------------------------------------------------------------------------

/// A member's key.
#[derive(Clone)]
pub(crate) struct Key {
	pub(crate) pair: ecdsa::Pair,
	pub(crate) public: PublicKey,
	pub(crate) member: Member,
}

impl Key {
	pub(crate) fn new(seed: u8) -> Self {
		Self::of(ecdsa::Pair::from_seed(&[seed; 32]))
	}

	pub(crate) fn of(pair: ecdsa::Pair) -> Self {
		let signature = pair.sign_prehashed(&[7; 32]);
		let public = sp_io::crypto::secp256k1_ecdsa_recover(&signature.0, &[7; 32])
			.ok()
			.expect("just signed");
		let member = Member::new(&public);
		Self { pair, public, member }
	}

	pub(crate) fn account(&self) -> AccountId32 {
		self.member.account.clone()
	}

	pub(crate) fn sign(&self, digest: H256) -> Signature {
		let mut signature = self.pair.sign_prehashed(&digest.0).0;
		signature[64] += 27;
		signature
	}
}

/// Keys with these seeds, by ascending address.
pub(crate) fn keys(seeds: impl IntoIterator<Item = u8>) -> Vec<Key> {
	let mut keys: Vec<_> = seeds.into_iter().map(Key::new).collect();
	keys.sort_by_key(|key| key.member.address);
	keys
}

/// The keys of both lanes' first set: three, of which two are a quorum.
pub(crate) fn members() -> Vec<Key> {
	keys(1..=3)
}

pub(crate) fn publics(keys: &[Key]) -> crate::Keys {
	keys.iter()
		.map(|key| key.public)
		.collect::<Vec<_>>()
		.try_into()
		.expect("not too many")
}

// -- The chain -----------------------------------------------------------------------------------------------------------

pub(crate) fn bare_test_ext() -> sp_io::TestExternalities {
	Refuse::set(None);
	LongestJob::set(24 * 3_600_000);
	let mut storage = frame_system::GenesisConfig::<Test>::default()
		.build_storage()
		.expect("a valid genesis");
	pallet_balances::GenesisConfig::<Test> {
		balances: vec![(alice(), ENDOWMENT), (provider(), ENDOWMENT)],
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.expect("a valid genesis");
	crate::GenesisConfig::<Test>::default()
		.assimilate_storage(&mut storage)
		.expect("a valid genesis");
	let mut ext = sp_io::TestExternalities::new(storage);
	ext.register_extension(sp_keystore::KeystoreExt::new(
		sp_keystore::testing::MemoryKeystore::new(),
	));
	ext.execute_with(|| System::set_block_number(10));
	ext
}

pub(crate) fn register(lane: LaneId, chain: u64) {
	assert_ok!(Gateway::register_lane(
		RuntimeOrigin::root(),
		lane,
		chain,
		gateway(lane),
		FinalityRule::Finalized,
		LIMITS,
		2,
		publics(&members()),
	));
}

/// Runs a test with two lanes, and checks invariants at its end.
pub(crate) fn test(run: impl FnOnce()) {
	bare_test_ext().execute_with(|| {
		register(LANE, CHAIN);
		register(OTHER_LANE, OTHER_CHAIN);
		System::reset_events();
		run();
		check();
	});
}

/// Checks invariants, among them that LP were made and destroyed for lanes only.
#[track_caller]
pub(crate) fn check() {
	assert_eq!(crate::Endowment::<Test>::get(), 2 * ENDOWMENT);
	assert_ok!(Gateway::do_try_state());
}

pub(crate) fn signed(who: &AccountId32) -> RuntimeOrigin {
	RuntimeOrigin::signed(who.clone())
}

pub(crate) fn pass(blocks: BlockNumber) {
	System::set_block_number(System::block_number() + blocks);
}

pub(crate) fn now() -> u64 {
	Clock::now() / 1_000
}

pub(crate) fn events() -> Vec<Event<Test>> {
	System::read_events_for_pallet::<Event<Test>>()
}

// -- What comes in -------------------------------------------------------------------------------------------------------

/// A request for cowsay by a contract, to be taken up within the hour.
pub(crate) fn request(id: u64) -> Request {
	let inputs = [b"Message=moo".to_vec()].map(|input| input.try_into().expect("short"));
	Request {
		id,
		requester: address(0xc0),
		refund_to: address(0xc1),
		budget: BUDGET,
		accept_by: GENESIS + 3_600,
		time_limit: 0,
		callback_gas: 100_000,
		delegate: [0; 32],
		module: b"cowsay:v0.0.1".to_vec().try_into().expect("short"),
		inputs: inputs.to_vec().try_into().expect("few"),
	}
}

pub(crate) fn deposit(id: u64, to: &AccountId32, amount: Balance) -> Deposit {
	Deposit {
		id,
		from: address(0xd0),
		account: to.clone(),
		amount,
	}
}

/// A quorum attests it.
#[track_caller]
pub(crate) fn attest(message: impl Into<Inbound>) {
	attest_on(LANE, message);
}

#[track_caller]
pub(crate) fn attest_on(lane: LaneId, message: impl Into<Inbound>) {
	let message = message.into();
	for key in &members()[..2] {
		assert_ok!(Gateway::attest(signed(&key.account()), lane, message.clone()));
	}
}

impl From<Request> for Inbound {
	fn from(request: Request) -> Self {
		Inbound::Request(request)
	}
}

impl From<Deposit> for Inbound {
	fn from(deposit: Deposit) -> Self {
		Inbound::Deposit(deposit)
	}
}

/// A quorum attests a request; returns its job.
#[track_caller]
pub(crate) fn taken_up(request: Request) -> JobId {
	let id = desk::NextJob::<Test>::get();
	attest(request);
	assert!(Jobs::<Test>::contains_key(id), "the request was refused");
	id
}

pub(crate) fn wallet() -> AccountId32 {
	crate::wallet_of(CHAIN, address(0xc0))
}

pub(crate) fn free(who: &AccountId32) -> Balance {
	Balances::free_balance(who)
}

/// Sets the lane's least payout.
#[track_caller]
pub(crate) fn at_least(least: Balance) {
	let limits = Limits { least, ..LIMITS };
	assert_ok!(Gateway::set_lane(
		RuntimeOrigin::root(),
		LANE,
		FinalityRule::Finalized,
		limits
	));
}

// -- How jobs end --------------------------------------------------------------------------------------------------------

pub(crate) fn triple() -> Triple {
	Triple {
		status: Status::Completed,
		exit_code: 1,
		root: OutputRoot([5; 32]),
	}
}

pub(crate) fn completed() -> JobEnding {
	JobEnding::Settled {
		deal: DealId(77),
		outcome: Outcome::Accepted {
			usage: 1,
			completed: true,
		},
		result: Some(triple()),
	}
}

pub(crate) fn failed(outcome: Outcome) -> JobEnding {
	JobEnding::Settled {
		deal: DealId(77),
		outcome,
		result: None,
	}
}

// -- What goes out -------------------------------------------------------------------------------------------------------

/// All messages of a lane's kept batches.
pub(crate) fn messages_on(lane: LaneId) -> Vec<Message> {
	let outbox = crate::Outboxes::<Test>::get(lane);
	(outbox.oldest..outbox.next)
		.flat_map(|id| Gateway::batch(lane, id).expect("without gaps").messages)
		.collect()
}

pub(crate) fn messages() -> Vec<Message> {
	messages_on(LANE)
}

/// The only message, which is an answer.
#[track_caller]
pub(crate) fn only_answer() -> Answer {
	match messages()[..] {
		[Message::Answer { answer, .. }] => answer,
		ref other => panic!("not one answer: {other:?}"),
	}
}

/// The only message, which is a payout.
#[track_caller]
pub(crate) fn only_payout() -> Payout {
	match messages()[..] {
		[Message::Payout(payout)] => payout,
		ref other => panic!("not one payout: {other:?}"),
	}
}

/// This member's signature under a batch, as it stands.
pub(crate) fn signature(key: &Key, lane: LaneId, batch: BatchId) -> Signature {
	key.sign(Gateway::batch_to_sign(lane, batch).expect("the batch is kept"))
}

/// Who signed what a proof says, as the gateway's contract finds out: `None` if it would refuse.
pub(crate) fn signers(proof: &[u8], digest: H256) -> Option<Vec<H160>> {
	let (threshold, count) = (usize::from(*proof.first()?), usize::from(*proof.get(1)?));
	let head = 2 + 20 * count;
	let signatures = proof.get(head..)?;
	if signatures.len() % 65 != 0 || signatures.len() / 65 < threshold {
		return None;
	}
	let mut members = proof.get(2..head)?.chunks(20);
	signatures
		.chunks(65)
		.map(|signature| {
			let signer = eip712::signer(signature.try_into().ok()?, digest)?;
			members.find(|member| *member == signer.0).map(|_| signer)
		})
		.collect()
}
