//! The frame: limits of a block, versions, accounts, and how the runtime makes transactions of its own.

use frame_support::{
	derive_impl,
	dispatch::DispatchClass,
	parameter_types,
	traits::{ConstU32, Contains, EverythingBut},
	weights::{
		constants::{BlockExecutionWeight, ParityDbWeight, WEIGHT_REF_TIME_PER_MILLIS},
		Weight,
	},
};
use frame_system::limits::{BlockLength, BlockWeights};
use sp_runtime::{generic::Era, Perbill};

use crate::{
	constants::time::{HOURS, SLOT_DURATION},
	transaction::WeightInfo as _,
	weights, AccountId, Balance, Block, BlockNumber, Hash, Nonce, PalletInfo, Runtime, RuntimeCall,
	RuntimeEvent, RuntimeOrigin, RuntimeTask, TxExtension, UncheckedExtrinsic, VERSION,
};

/// Weight of a full block: a third of the slot.
///
/// A block is executed twice in a row before the next author may build on it: by its author, then by the importer.
/// A third each leaves the last third for the block to travel, so even a chain of full blocks does not fork. The
/// node stops building after two thirds of the slot at the latest, if weights are ever too optimistic.
///
/// The proof size is no scarce resource on a chain of its own. It is bounded because a fee that is a ratio of the
/// block (see `money`) divides by it, and wide enough that time is always what fills a block first.
const MAXIMUM_BLOCK_WEIGHT: Weight =
	Weight::from_parts(SLOT_DURATION * WEIGHT_REF_TIME_PER_MILLIS / 3, 64 * 1024 * 1024);

/// The first bytes of the chain's addresses: those of any Substrate chain, so that every wallet can write them.
pub const SS58_PREFIX: u16 = 42;

/// Share of a block that ordinary transactions may fill; the rest is kept for operational ones, which are few here: the market's
/// own duties are ordinary calls that go first.
const NORMAL_DISPATCH_RATIO: Perbill = Perbill::from_percent(90);

/// What hooks may use on average; a single transaction must leave as much room.
const AVERAGE_ON_INITIALIZE_RATIO: Perbill = Perbill::from_percent(10);

/// Length of a full block, in bytes.
const MAXIMUM_BLOCK_LENGTH: u32 = 5 * 1024 * 1024;

parameter_types! {
	pub const BlockHashCount: BlockNumber = HOURS;
	pub const SS58Prefix: u16 = SS58_PREFIX;
	pub const Version: sp_version::RuntimeVersion = VERSION;

	/// How much a block may weigh, for each class of transactions.
	pub RuntimeBlockWeights: BlockWeights = BlockWeights::builder()
		.base_block(BlockExecutionWeight::get())
		.for_class(DispatchClass::all(), |weights| {
			weights.base_extrinsic = weights::lilypad_transaction::WeightInfo::<Runtime>::transaction();
		})
		.for_class(DispatchClass::Normal, |weights| {
			weights.max_total = Some(NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT);
		})
		.for_class(DispatchClass::Operational, |weights| {
			weights.max_total = Some(MAXIMUM_BLOCK_WEIGHT);
			// Operational transactions fit even where ordinary ones have filled their share.
			weights.reserved = Some(MAXIMUM_BLOCK_WEIGHT - NORMAL_DISPATCH_RATIO * MAXIMUM_BLOCK_WEIGHT);
		})
		.avg_block_initialization(AVERAGE_ON_INITIALIZE_RATIO)
		.build_or_panic();

	/// How long a block may be, for each class of transactions.
	pub RuntimeBlockLength: BlockLength = BlockLength::builder()
		.max_length(MAXIMUM_BLOCK_LENGTH)
		.modify_max_length_for_class(DispatchClass::Normal, |max| *max = NORMAL_DISPATCH_RATIO * *max)
		.build();
}

/// Calls that destroy LP on nobody's account. What there is changes only where LP come from or go to another chain.
pub struct Burns;

impl Contains<RuntimeCall> for Burns {
	fn contains(call: &RuntimeCall) -> bool {
		matches!(call, RuntimeCall::Balances(pallet_balances::Call::burn { .. }))
	}
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
	type BaseCallFilter = EverythingBut<Burns>;
	type AccountId = AccountId;
	type Nonce = Nonce;
	type Hash = Hash;
	type Block = Block;
	type BlockHashCount = BlockHashCount;
	type BlockWeights = RuntimeBlockWeights;
	type BlockLength = RuntimeBlockLength;
	type DbWeight = ParityDbWeight;
	type Version = Version;
	type AccountData = pallet_balances::AccountData<Balance>;
	type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
	type ExtensionsWeightInfo = crate::weights::frame_system_extensions::WeightInfo<Runtime>;
	type SS58Prefix = SS58Prefix;
	type MaxConsumers = ConstU32<64>;
	type SingleBlockMigrations = crate::Migrations;
}

// What the pallets' offchain workers need to send transactions from inside the runtime.

impl<LocalCall> frame_system::offchain::CreateTransactionBase<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	type Extrinsic = UncheckedExtrinsic;
	type RuntimeCall = RuntimeCall;
}

impl<LocalCall> frame_system::offchain::CreateTransaction<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	type Extension = TxExtension;

	fn create_transaction(call: RuntimeCall, extension: TxExtension) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_transaction(call, extension)
	}
}

impl<LocalCall> frame_system::offchain::CreateAuthorizedTransaction<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	fn create_extension() -> Self::Extension {
		(
			frame_system::AuthorizeCall::new(),
			frame_system::CheckNonZeroSender::new(),
			frame_system::CheckSpecVersion::new(),
			frame_system::CheckTxVersion::new(),
			frame_system::CheckGenesis::new(),
			frame_system::CheckMortality::from(Era::Immortal),
			frame_system::CheckNonce::from(0),
			frame_system::CheckWeight::new(),
			pallet_transaction_payment::ChargeTransactionPayment::from(0).into(),
			frame_metadata_hash_extension::CheckMetadataHash::new(false),
			frame_system::WeightReclaim::new(),
		)
	}
}

impl<LocalCall> frame_system::offchain::CreateBare<LocalCall> for Runtime
where
	RuntimeCall: From<LocalCall>,
{
	fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
		UncheckedExtrinsic::new_bare(call)
	}
}
