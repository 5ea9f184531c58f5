//! A development chain with a module on it, and what the tests need to act on it.

use frame_support::{
	assert_ok,
	dispatch::{DispatchResultWithPostInfo, GetDispatchInfo},
	traits::{fungible::Mutate, OnIdle},
	weights::Weight,
};
use lilypad_primitives::{
	BlockNumber, CreatorPolicy, DealId, Inputs, JobId, JobRequest, MachineSpec, MediatorPolicy, Millis,
	ModulePolicy, OfferId, Opening, OutputRoot, Platform, Profile, RuntimeImage, Status, Triple, VersionId,
	LP,
};
use lilypad_runtime::{
	genesis_presets, AccountId, AllPalletsWithSystem, AuditPoolAccount, Balance, Balances, Deals, Runtime,
	RuntimeCall, RuntimeGenesisConfig, RuntimeOrigin, System, TreasuryAccount,
};
use pallet_market::{JobState, OfferParams};
pub(crate) use sp_keyring::Sr25519Keyring as Who;
use sp_runtime::{traits::Dispatchable, BuildStorage, Permill};

/// The first block's time.
const GENESIS: Millis = 1_700_000_000_000;

pub(crate) const AUTHOR: Who = Who::Ferdie;
pub(crate) const CREATOR: Who = Who::Alice;
pub(crate) const PROVIDER: Who = Who::Bob;
pub(crate) const SECOND: Who = Who::Charlie;
/// Party to nothing.
pub(crate) const STRANGER: Who = Who::Eve;

/// Of the ordinary job on the ordinary offer: one LP a second for ten seconds.
pub(crate) const RATE: Balance = LP;
pub(crate) const LIMIT: Millis = 10_000;
pub(crate) const CAP: Balance = 10 * LP;
pub(crate) const LEVY: Balance = 45 * LP / 100;
pub(crate) const FEE: Balance = LP / 2;
pub(crate) const BUDGET: Balance = 25 * LP;
pub(crate) const COLLATERAL: Balance = 255 * LP;
pub(crate) const BOND: Balance = 2_000 * LP;
pub(crate) const NO_SHOW_FINE: Balance = LP / 10;
pub(crate) const CANCEL_FEE: Balance = LP / 1_000;

fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
	match (into, patch) {
		(serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
			for (key, value) in patch {
				merge(into.entry(key).or_insert(serde_json::Value::Null), value);
			}
		},
		(into, patch) => *into = patch,
	}
}

/// A development chain at its first block, with the shipped prices and rules, and the ordinary module.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
	let patch = genesis_presets::get_preset(&"development".into()).expect("the preset exists");
	let mut genesis = serde_json::to_value(RuntimeGenesisConfig::default()).expect("the default is JSON");
	merge(&mut genesis, serde_json::from_slice(&patch).expect("it is JSON"));
	let mut genesis: RuntimeGenesisConfig =
		serde_json::from_value(genesis).expect("the preset fits the genesis");
	// These tests are about the prices and rules that are shipped.
	genesis.mediation = Default::default();
	let mut ext: sp_io::TestExternalities = genesis.build_storage().expect("the genesis can be built").into();
	ext.execute_with(|| {
		go_to(1);
		assert_ok!(register("cowsay:v0.0.1", Profile::Deterministic));
	});
	ext
}

/// Runs a test, and checks all invariants at its end.
pub(crate) fn test(run: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		run();
		check();
	});
}

/// Every pallet's invariants, and those between them.
#[track_caller]
pub(crate) fn check() {
	lilypad_runtime::invariants::check().expect("all invariants hold");
}

/// Gives somebody LP that the chain has had from its beginning.
pub(crate) fn endow(who: &AccountId, amount: Balance) {
	assert_ok!(Balances::mint_into(who, amount));
	pallet_evm_gateway::Endowment::<Runtime>::mutate(|endowment| *endowment += amount);
}

/// Goes to a block.
pub(crate) fn go_to(block: BlockNumber) {
	assert!(block >= System::block_number(), "time doesn't run backwards");
	System::set_block_number(block);
	pallet_timestamp::Now::<Runtime>::put(GENESIS + Millis::from(block) * 2_000);
}

/// Lets blocks pass.
pub(crate) fn pass(blocks: BlockNumber) {
	go_to(System::block_number() + blocks);
}

/// What a block without transactions does: the sweepers run.
pub(crate) fn idle() -> Weight {
	AllPalletsWithSystem::on_idle(System::block_number(), Weight::MAX / 2)
}

/// What the deals' sweeper does in a block without transactions.
pub(crate) fn sweep_deals() {
	<Deals as OnIdle<_>>::on_idle(System::block_number(), Weight::MAX / 2);
}

/// Makes a call. It may not weigh more than it declared.
pub(crate) fn call(who: impl Into<AccountId>, call: impl Into<RuntimeCall>) -> DispatchResultWithPostInfo {
	let call = call.into();
	let declared = call.get_dispatch_info().call_weight;
	let result = call.dispatch(RuntimeOrigin::signed(who.into()));
	let used = match &result {
		Ok(post) => post.actual_weight,
		Err(error) => error.post_info.actual_weight,
	};
	assert!(
		used.is_none_or(|used| used.all_lte(declared)),
		"a call weighs more than it declared"
	);
	result
}

/// Registers a module by the usual author.
pub(crate) fn register(name: &str, profile: Profile) -> DispatchResultWithPostInfo {
	call(
		AUTHOR,
		pallet_modules::Call::register {
			name: name.parse().expect("a name"),
			runtime: RuntimeImage::Container {
				platform: Platform::ContainerAmd64,
				image: [7; 32],
			},
			fetch_bytes: 5_000_000,
			min_spec: MachineSpec::new(1_000, 100, 10),
			max_run: 600_000,
			fee: FEE,
			profile,
			manifest: b"{}".to_vec().try_into().expect("short"),
		},
	)
}

/// Withdraws the ordinary module.
pub(crate) fn delist() {
	assert_ok!(call(
		AUTHOR,
		pallet_modules::Call::delist {
			version: VersionId(0)
		}
	));
}

/// The ordinary machine: room for four ordinary jobs.
pub(crate) fn machine(rate: Balance, slots: u32) -> OfferParams<AccountId> {
	OfferParams {
		machine: MachineSpec::new(4_000, 4_096, 1_024),
		slots,
		rate,
		platforms: vec![Platform::ContainerAmd64].try_into().expect("one"),
		modules: ModulePolicy::Any,
		mediators: MediatorPolicy::Any,
		creators: CreatorPolicy::Any,
	}
}

/// The ordinary job.
pub(crate) fn request() -> JobRequest<AccountId> {
	JobRequest {
		module: "cowsay:v0.0.1".parse().expect("a name"),
		inputs: Inputs::Inline(b"{}".to_vec().try_into().expect("short")),
		files: Default::default(),
		spec: MachineSpec::new(1_000, 100, 10),
		time_limit: LIMIT,
		budget: BUDGET,
		tip: 0,
		match_window: 50,
		deadline: None,
		mediators: MediatorPolicy::Any,
		target: None,
		min_score: Permill::zero(),
		retries: 0,
	}
}

/// Bonds, as far as the provider hasn't, and offers a machine.
pub(crate) fn offer(who: Who, params: OfferParams<AccountId>) -> OfferId {
	if !pallet_deals::Bonds::<Runtime>::contains_key(who.to_account_id()) {
		assert_ok!(call(who, pallet_deals::Call::bond { amount: BOND }));
	}
	let id = pallet_market::NextOfferId::<Runtime>::get();
	assert_ok!(call(who, pallet_market::Call::post_offer { params }));
	id
}

/// Posts a job.
pub(crate) fn post(who: Who, request: JobRequest<AccountId>) -> JobId {
	let id = pallet_market::NextJobId::<Runtime>::get();
	assert_ok!(call(who, pallet_market::Call::post_job { request }));
	id
}

/// The live deal of a job.
pub(crate) fn deal_of(job: JobId) -> Option<DealId> {
	match pallet_market::Jobs::<Runtime>::get(job)?.state {
		JobState::Matched { deal, .. } => Some(deal),
		JobState::Open { .. } => None,
	}
}

/// The provider of a job's live deal.
pub(crate) fn provider_of(job: JobId) -> Option<AccountId> {
	pallet_deals::Deals::<Runtime>::get(deal_of(job)?).map(|deal| deal.terms.provider)
}

/// Whether a job is there and waits.
pub(crate) fn waits(job: JobId) -> bool {
	pallet_market::Jobs::<Runtime>::get(job)
		.is_some_and(|record| matches!(record.state, JobState::Open { .. }))
}

/// The last block before a deal lapses.
pub(crate) fn deadline(deal: DealId) -> BlockNumber {
	pallet_deals::Deals::<Runtime>::get(deal)
		.expect("the deal lives")
		.state
		.deadline()
}

/// Goes to the first block in which a deal has lapsed.
pub(crate) fn lapse(deal: DealId) {
	go_to(deadline(deal) + 1);
}

/// A three seconds' run that completed.
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

pub(crate) fn acknowledge(who: Who, deal: DealId) {
	assert_ok!(call(who, pallet_deals::Call::acknowledge { deal }));
}

/// Acknowledges, lets two blocks pass, and submits.
pub(crate) fn run(who: Who, deal: DealId) {
	acknowledge(who, deal);
	pass(2);
	assert_ok!(call(
		who,
		pallet_deals::Call::submit {
			deal,
			seal: opening().seal(deal)
		}
	));
}

/// Goes to the first block in which a submitted result can be opened.
pub(crate) fn draw(deal: DealId) {
	match pallet_deals::Deals::<Runtime>::get(deal)
		.expect("the deal lives")
		.state
	{
		pallet_deals::DealState::Submitted { draw_at, .. } => go_to(draw_at),
		state => panic!("no result was submitted: {state:?}"),
	}
}

/// Lets the draw pass, and accepts.
pub(crate) fn accept(who: Who, deal: DealId) {
	draw(deal);
	assert_ok!(call(
		who,
		pallet_deals::Call::accept {
			deal,
			opening: opening()
		}
	));
}

/// Free balance and holds of whoever matters.
pub(crate) struct Picture(Vec<(&'static str, AccountId, i128, i128)>);

/// Takes a picture of everybody's balances.
pub(crate) fn picture() -> Picture {
	let people = [
		("author", AUTHOR.to_account_id()),
		("creator", CREATOR.to_account_id()),
		("provider", PROVIDER.to_account_id()),
		("second", SECOND.to_account_id()),
		("stranger", STRANGER.to_account_id()),
		("treasury", TreasuryAccount::get()),
		("pool", AuditPoolAccount::get()),
	];
	Picture(
		people
			.into_iter()
			.map(|(name, who)| {
				let account = System::account(&who).data;
				(name, who, account.free as i128, account.reserved as i128)
			})
			.collect(),
	)
}

impl Picture {
	/// Asserts by how much everybody's free balance and holds have changed since. Who isn't listed must not have.
	#[track_caller]
	pub(crate) fn assert_changed(&self, expected: &[(&str, i128, i128)]) {
		let changed: Vec<_> = picture()
			.0
			.into_iter()
			.zip(&self.0)
			.map(|(new, old)| (new.0, new.2 - old.2, new.3 - old.3))
			.filter(|change| (change.1, change.2) != (0, 0))
			.collect();
		assert_eq!(changed, expected);
	}
}

/// An amount that came in.
pub(crate) fn plus(amount: Balance) -> i128 {
	amount as i128
}

/// An amount that went out.
pub(crate) fn minus(amount: Balance) -> i128 {
	-(amount as i128)
}

/// What isn't on hold any more after everything but modules has ended: the authors' deposits and bonds.
pub(crate) fn nothing_is_held_but_for_modules() {
	for (who, account) in frame_system::Account::<Runtime>::iter() {
		let expected = if who == AUTHOR.to_account_id() {
			pallet_modules::Deposits::<Runtime>::iter_values().sum::<Balance>()
				+ pallet_modules::Deprecations::<Runtime>::iter_values()
					.map(|note| note.deposit)
					.sum::<Balance>()
				+ pallet_modules::Versions::<Runtime>::iter_values()
					.map(|info| info.bond)
					.sum::<Balance>()
		} else {
			0
		};
		assert_eq!(account.data.reserved, expected, "{who:?} has something on hold");
	}
	let sum: Balance = frame_system::Account::<Runtime>::iter_values()
		.map(|account| account.data.free + account.data.reserved)
		.sum();
	assert_eq!(Balances::total_issuance(), sum);
}
