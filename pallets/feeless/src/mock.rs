//! A small chain with a pallet whose gates open for one account each.
#![allow(missing_docs)]

use codec::Encode;
use frame_support::{
	derive_impl,
	dispatch::{DispatchClass, GetDispatchInfo},
	parameter_types,
	traits::{ConstU128, ConstU32, ConstU8, Hooks},
	weights::{IdentityFee, Weight},
};
use frame_system::limits::BlockWeights;
use pallet_transaction_payment::{ChargeTransactionPayment, FungibleAdapter};
use sp_io::TestExternalities;
use sp_runtime::{
	traits::{DispatchTransaction, TransactionExtension},
	transaction_validity::{
		TransactionPriority, TransactionSource, TransactionValidityError, ValidTransaction,
	},
	BuildStorage, Perbill,
};

use crate::{self as pallet_feeless, EntitledCall, WeightInfo};

pub(crate) type Balance = u128;
pub(crate) type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Runtime>;

/// The extension under test, around the SDK's own.
pub(crate) type Extension = EntitledCall<Runtime, ChargeTransactionPayment<Runtime>>;

/// Has a balance.
pub(crate) const RICH: AccountId = 1;
/// Has none.
pub(crate) const POOR: AccountId = 2;

pub(crate) const PRIORITY: TransactionPriority = 1_000_000;
pub(crate) const MAX_LENGTH: u32 = 200;

/// It takes longer to find out who may pass this gate than who may pass others.
pub(crate) const HEAVY_GATE: u32 = 99;

/// Length of the transactions in the tests, unless they are about the length.
pub(crate) const LENGTH: usize = 100;

/// What a block has for ordinary transactions.
pub(crate) const NORMAL: Weight = Weight::from_parts(1_000_000_000, 1_000_000);
/// What each transaction costs besides its own weight.
pub(crate) const BASE: Weight = Weight::from_parts(1_000_000, 0);

#[frame_support::pallet(dev_mode)]
pub(crate) mod gates {
	use frame_support::pallet_prelude::*;
	use frame_system::pallet_prelude::*;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	#[pallet::config]
	pub trait Config: frame_system::Config {}

	#[pallet::error]
	pub enum Error<T> {
		Shut,
	}

	/// For whom each gate is open.
	#[pallet::storage]
	pub type OpenFor<T: Config> = StorageMap<_, Twox64Concat, u32, T::AccountId>;

	impl<T: Config> Pallet<T> {
		fn may_pass(origin: &OriginFor<T>, gate: u32) -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| OpenFor::<T>::get(gate) == Some(who))
		}

		fn do_pass(origin: OriginFor<T>, gate: u32) -> DispatchResult {
			ensure!(Self::may_pass(&origin, gate), Error::<T>::Shut);
			OpenFor::<T>::remove(gate);
			Ok(())
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Passes an open gate, which shuts behind. Declares one weight and uses another.
		#[pallet::feeless_if(|origin: &OriginFor<T>, gate: &u32, _: &Weight, _: &Weight| -> bool {
			Pallet::<T>::may_pass(origin, *gate)
		})]
		#[pallet::weight(*declared)]
		pub fn pass(
			origin: OriginFor<T>,
			gate: u32,
			declared: Weight,
			used: Weight,
		) -> DispatchResultWithPostInfo {
			let _ = declared;
			Self::do_pass(origin, gate)?;
			Ok(Some(used).into())
		}

		/// As `pass`, but of the operational class.
		#[pallet::feeless_if(|origin: &OriginFor<T>, gate: &u32| -> bool { Pallet::<T>::may_pass(origin, *gate) })]
		#[pallet::weight((Weight::from_parts(1_000, 0), DispatchClass::Operational))]
		pub fn pass_operational(origin: OriginFor<T>, gate: u32) -> DispatchResult {
			Self::do_pass(origin, gate)
		}

		/// As `pass`, but exercises no right.
		#[pallet::feeless_if(|_: &OriginFor<T>| -> bool { true })]
		#[pallet::weight(Weight::from_parts(1_000, 0))]
		pub fn wander(origin: OriginFor<T>) -> DispatchResult {
			ensure_signed(origin)?;
			Ok(())
		}
	}
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
	pub struct Runtime;

	#[runtime::pallet_index(0)]
	pub type System = frame_system;
	#[runtime::pallet_index(1)]
	pub type Balances = pallet_balances;
	#[runtime::pallet_index(2)]
	pub type TransactionPayment = pallet_transaction_payment;
	#[runtime::pallet_index(3)]
	pub type Utility = pallet_utility;
	#[runtime::pallet_index(4)]
	pub type Gates = gates;
	#[runtime::pallet_index(5)]
	pub type Feeless = pallet_feeless;
}

parameter_types! {
	pub Limits: BlockWeights = BlockWeights::builder()
		.base_block(Weight::zero())
		.for_class(DispatchClass::all(), |weights| weights.base_extrinsic = BASE)
		.for_class(DispatchClass::Normal, |weights| weights.max_total = Some(NORMAL))
		.for_class(DispatchClass::Operational, |weights| weights.max_total = Some(NORMAL * 2))
		.build_or_panic();
	pub Share: Perbill = Perbill::from_percent(20);
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Runtime {
	type Block = Block;
	type AccountData = pallet_balances::AccountData<Balance>;
	type BlockWeights = Limits;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Runtime {
	type Balance = Balance;
	type AccountStore = System;
	type ExistentialDeposit = ConstU128<1>;
}

impl pallet_transaction_payment::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type OnChargeTransaction = FungibleAdapter<Balances, ()>;
	type OperationalFeeMultiplier = ConstU8<5>;
	type WeightToFee = IdentityFee<Balance>;
	type LengthToFee = IdentityFee<Balance>;
	type FeeMultiplierUpdate = ();
	type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}

impl pallet_utility::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type PalletsOrigin = OriginCaller;
	type WeightInfo = ();
}

impl gates::Config for Runtime {}

/// To pass a gate is a right; to wander is none.
pub struct GateRights;

impl pallet_feeless::Rights<RuntimeCall> for GateRights {
	type Right = u32;

	fn exercised_by(call: &RuntimeCall) -> Option<u32> {
		match call {
			RuntimeCall::Gates(gates::Call::pass { gate, .. } | gates::Call::pass_operational { gate }) => {
				Some(*gate)
			},
			_ => None,
		}
	}

	fn predicate_weight(gate: &u32) -> Weight {
		Weight::from_parts(if *gate == HEAVY_GATE { 900_000 } else { 500_000 }, 50)
	}
}

impl pallet_feeless::Config for Runtime {
	type Rights = GateRights;
	type Priority = frame_support::traits::ConstU64<PRIORITY>;
	type Share = Share;
	type MaxLength = ConstU32<MAX_LENGTH>;
	type WeightInfo = ();
}

pub(crate) fn new_test_ext() -> TestExternalities {
	let genesis = RuntimeGenesisConfig {
		balances: pallet_balances::GenesisConfig {
			balances: vec![(RICH, 1_000_000_000_000)],
			..Default::default()
		},
		..Default::default()
	};
	let mut ext = TestExternalities::new(genesis.build_storage().expect("the genesis is valid; qed"));
	ext.execute_with(|| System::set_block_number(1));
	ext
}

/// Runs `test` on a new chain, ends its block, and checks that nothing outlives it.
pub(crate) fn run(test: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		test();
		end_block();
		assert!(!crate::Used::<Runtime>::exists());
	});
}

pub(crate) fn end_block() {
	Feeless::on_finalize(System::block_number());
	System::set_block_number(System::block_number() + 1);
	Feeless::on_initialize(System::block_number());
}

/// Opens `gate` for `who`.
pub(crate) fn open(gate: u32, who: AccountId) {
	gates::OpenFor::<Runtime>::insert(gate, who);
}

/// A call that passes `gate` and weighs what it says.
pub(crate) fn pass(gate: u32, weight: Weight) -> RuntimeCall {
	gates::Call::pass {
		gate,
		declared: weight,
		used: weight,
	}
	.into()
}

/// A light call that passes `gate`.
pub(crate) fn pass_lightly(gate: u32) -> RuntimeCall {
	pass(gate, Weight::from_parts(1_000, 10))
}

/// What the whole extension weighs for `call`.
pub(crate) fn extension_weight(call: &RuntimeCall) -> Weight {
	extension(0).weight(call)
}

/// What the extension weighs without the fee's part, for a call that passes `gate`.
pub(crate) fn own_weight(gate: u32) -> Weight {
	<GateRights as pallet_feeless::Rights<RuntimeCall>>::predicate_weight(&gate)
		+ <Runtime as pallet_feeless::Config>::WeightInfo::take_and_give_back()
}

pub(crate) fn extension(tip: Balance) -> Extension {
	ChargeTransactionPayment::from(tip).into()
}

fn info_of(call: &RuntimeCall) -> frame_support::dispatch::DispatchInfo {
	let mut info = call.get_dispatch_info();
	info.extension_weight = extension_weight(call);
	info
}

/// What the pool is told about a transaction with a tip.
pub(crate) fn validate_with_tip(
	who: AccountId,
	call: &RuntimeCall,
	length: usize,
	tip: Balance,
) -> Result<ValidTransaction, TransactionValidityError> {
	extension(tip)
		.validate_only(
			RuntimeOrigin::signed(who),
			call,
			&info_of(call),
			length,
			TransactionSource::External,
			0,
		)
		.map(|(valid, ..)| valid)
}

/// What the pool is told about a transaction.
pub(crate) fn validate(
	who: AccountId,
	call: &RuntimeCall,
) -> Result<ValidTransaction, TransactionValidityError> {
	validate_with_tip(who, call, LENGTH, 0)
}

/// What happened to a transaction that made it into a block.
#[derive(Debug, PartialEq)]
pub(crate) struct Included {
	/// What the sender paid.
	pub fee: Balance,
	/// Whether the call itself succeeded.
	pub ok: bool,
	/// The weight that was reported for call and extension after the dispatch.
	pub weight: Weight,
}

/// Puts a transaction into the block.
pub(crate) fn include(who: AccountId, call: &RuntimeCall) -> Result<Included, TransactionValidityError> {
	include_with_length(who, call, LENGTH)
}

/// Puts a transaction of the given length into the block.
pub(crate) fn include_with_length(
	who: AccountId,
	call: &RuntimeCall,
	length: usize,
) -> Result<Included, TransactionValidityError> {
	let info = info_of(call);
	let before = Balances::free_balance(who);
	let result =
		extension(0).dispatch_transaction(RuntimeOrigin::signed(who), call.clone(), &info, length, 0)?;
	let post_info = match &result {
		Ok(post_info) => *post_info,
		Err(error) => error.post_info,
	};
	Ok(Included {
		fee: before - Balances::free_balance(who),
		ok: result.is_ok(),
		weight: post_info.calc_actual_weight(&info),
	})
}

/// The tag that an entitled call provides.
pub(crate) fn tag(who: AccountId, gate: u32) -> Vec<u8> {
	("entitled", who, gate).encode()
}
