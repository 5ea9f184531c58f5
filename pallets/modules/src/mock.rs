//! A small chain with the registry.

use crate as pallet_modules;
use frame_support::{
	derive_impl, parameter_types,
	traits::{ConstU128, ConstU32, ConstU64},
};
use frame_system::{EnsureRoot, RawOrigin};
use lilypad_primitives::{
	module::ManifestBytes, Balance, MachineSpec, Millis, ModuleName, Platform, Profile, RuntimeImage,
};
use sp_runtime::{BuildStorage, DispatchResult};

pub(crate) type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Test>;

pub(crate) const ALICE: AccountId = 1;
pub(crate) const BOB: AccountId = 2;
/// Has not enough for anything.
pub(crate) const POOR: AccountId = 3;

pub(crate) const BOND: Balance = 10_000;
pub(crate) const CEILING: Millis = 3_600_000;
pub(crate) const RECLAIM_DELAY: u32 = 100;
pub(crate) const RICHES: Balance = 1_000_000;

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
	pub type Modules = pallet_modules;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
	type AccountStore = System;
	type Balance = Balance;
	type ExistentialDeposit = ConstU128<1>;
}

parameter_types! {
	pub const DepositBase: Balance = 100;
	pub const DepositPerByte: Balance = 2;
}

impl pallet_modules::Config for Test {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type CurateOrigin = EnsureRoot<AccountId>;
	type DepositBase = DepositBase;
	type DepositPerByte = DepositPerByte;
	type DeterministicBond = ConstU128<BOND>;
	type MaxRunCeiling = ConstU64<CEILING>;
	type ReclaimDelay = ConstU32<RECLAIM_DELAY>;
	type WeightInfo = ();
}

/// The registry after genesis, at block 1.
pub(crate) fn new_test_ext() -> sp_io::TestExternalities {
	let mut storage = frame_system::GenesisConfig::<Test>::default()
		.build_storage()
		.expect("a fixed genesis");
	pallet_balances::GenesisConfig::<Test> {
		balances: vec![(ALICE, RICHES), (BOB, RICHES), (POOR, 50)],
		..Default::default()
	}
	.assimilate_storage(&mut storage)
	.expect("a fixed genesis");
	let mut ext = sp_io::TestExternalities::from(storage);
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs a test on a fresh chain, and checks the invariants afterwards.
pub(crate) fn test(body: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		body();
		Modules::do_try_state().expect("the invariants hold");
	});
}

/// The arguments of a registration.
#[derive(Clone)]
pub(crate) struct Registration {
	pub name: ModuleName,
	pub runtime: RuntimeImage,
	pub min_spec: MachineSpec,
	pub max_run: Millis,
	pub profile: Profile,
	pub manifest: ManifestBytes,
}

/// A registration that works.
pub(crate) fn cowsay() -> Registration {
	Registration {
		name: name("cowsay:v0.0.1"),
		runtime: RuntimeImage::Container {
			platform: Platform::ContainerAmd64,
			image: [7; 32],
		},
		min_spec: MachineSpec::new(1000, 100, 10),
		max_run: 60_000,
		profile: Profile::Deterministic,
		manifest: manifest("{\"name\":\"cowsay\"}"),
	}
}

impl Registration {
	/// Registers it.
	pub(crate) fn by(self, author: AccountId) -> DispatchResult {
		Modules::register(
			RawOrigin::Signed(author).into(),
			self.name,
			self.runtime,
			1_234,
			self.min_spec,
			self.max_run,
			5,
			self.profile,
			self.manifest,
		)
	}
}

/// A name, however malformed.
pub(crate) fn name(text: &str) -> ModuleName {
	ModuleName(text.as_bytes().to_vec().try_into().expect("short enough"))
}

pub(crate) fn manifest(text: &str) -> ManifestBytes {
	text.as_bytes().to_vec().try_into().expect("short enough")
}
