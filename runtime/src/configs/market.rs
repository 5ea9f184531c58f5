//! The market's pallets: registry, market, deals, and the calls that are free for those who are entitled to them.

use codec::Encode;
use frame_support::{parameter_types, weights::Weight, PalletId};
use frame_system::EnsureRoot;
use lilypad_primitives::{BlockNumber, DealId, Millis, Pricing};
use sp_runtime::{traits::AccountIdConversion, transaction_validity::TransactionPriority, Perbill, Permill};

use super::{gateway::MemberRight, mediation::LongestCase, money::TreasuryAccount};
use crate::{
	constants::{
		currency::{deposit, LP, MICRO_LP, MILLI_LP},
		time::{DAYS, HOURS, MINUTES, SLOT_DURATION},
	},
	AccountId, Balance, Balances, Deals, EvmGateway, Market, Mediation, Modules, Runtime, RuntimeCall,
	RuntimeHoldReason, Timestamp,
};

/// Longest run that a module can declare and a job can ask for: a day.
const LONGEST_RUN: Millis = 24 * 3_600_000;

parameter_types! {
	pub const ModuleDepositBase: Balance = deposit(4, 256);
	pub const ModuleDepositPerByte: Balance = deposit(0, 1);
	pub const DeterministicBond: Balance = 10 * LP;
	pub const MaxRunCeiling: Millis = LONGEST_RUN;
	/// An author's bond stays for as long as a result of the module can still be judged, and a day for whoever moves deal and case on.
	pub ReclaimDelay: BlockNumber = Deals::longest_deal(MaxRunCeiling::get())
		.saturating_add(LongestCase::get())
		.saturating_add(DAYS);
}

impl pallet_modules::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	// Root is sudo on development chains and nobody elsewhere, until there is a body of curators.
	type CurateOrigin = EnsureRoot<AccountId>;
	type DepositBase = ModuleDepositBase;
	type DepositPerByte = ModuleDepositPerByte;
	type DeterministicBond = DeterministicBond;
	type MaxRunCeiling = MaxRunCeiling;
	type ReclaimDelay = ReclaimDelay;
	type WeightInfo = crate::weights::pallet_modules::WeightInfo<Runtime>;
}

parameter_types! {
	/// Prices and fines, until governance says otherwise.
	pub const MarketPricing: Pricing = Pricing {
		// What an audit costs on average, and a little more: see `AuditRules`.
		levy_rate: Permill::from_parts(45_000),
		mediator_fee_rate: Permill::from_percent(50),
		min_mediator_fee: 10 * MILLI_LP,
		largest_panel: 7,
		// Twice the collateral spares half of the audits.
		collateral_factor: 20,
		min_collateral: LP,
		no_show_fine: 100 * MILLI_LP,
		cancel_fee: MILLI_LP,
		victim_share: Permill::from_percent(50),
		min_rate: MICRO_LP / 1_000,
		min_time_limit: 1_000,
		max_time_limit: LONGEST_RUN,
	};
	pub const OfferDeposit: Balance = deposit(8, 1_024);
	pub const PeerDeposit: Balance = deposit(2, 640);
	pub const MaxScan: u32 = 32;
	pub const MaxMatches: u32 = 4;
	pub const MinMatchWindow: BlockNumber = 1;
	pub const MaxMatchWindow: BlockNumber = DAYS;
	pub const MaxOffersPerProvider: u32 = 16;
	/// Six seconds: longer than a transaction takes to every author, shorter than anybody minds.
	pub const SolveWindow: BlockNumber = 3;
	/// Above what pays without a tip: a full block must not keep a job waiting that an offer fits. Below what is entitled.
	pub const SolverPriority: TransactionPriority = TransactionPriority::MAX / 4;
}

impl pallet_market::Config for Runtime {
	type Modules = Modules;
	type Deals = Deals;
	type Scores = Deals;
	type OnJobEnded = EvmGateway;
	type Pricing = pallet_mediation::PricingInForce<Runtime>;
	type OfferDeposit = OfferDeposit;
	type PeerDeposit = PeerDeposit;
	type MaxScan = MaxScan;
	type MaxMatches = MaxMatches;
	type MinMatchWindow = MinMatchWindow;
	type MaxMatchWindow = MaxMatchWindow;
	type SolveWindow = SolveWindow;
	type SolverPriority = SolverPriority;
	type MaxOffersPerProvider = MaxOffersPerProvider;
	type WeightInfo = crate::weights::pallet_market::WeightInfo<Runtime>;
}

parameter_types! {
	pub const AuditPoolPalletId: PalletId = PalletId(*b"lp/audit");

	/// Where levies go, for audits. Nobody holds a key to it.
	pub AuditPoolAccount: AccountId = AuditPoolPalletId::get().into_account_truncating();

	pub const MillisPerBlock: Millis = SLOT_DURATION;
	/// Half a minute: a dead provider costs a job seconds.
	pub const AckBlocks: BlockNumber = MINUTES / 2;
	/// A link of 10 Mbit/s is enough.
	pub const FetchBytesPerBlock: u64 = 2_500_000;
	pub const MaxFetchBlocks: BlockNumber = HOURS;
	pub const SubmitMargin: BlockNumber = MINUTES / 2;
	pub const DrawBlocks: BlockNumber = 4;
	pub const JudgeBlocks: BlockNumber = 5 * MINUTES;
	pub const UnbondingBlocks: BlockNumber = DAYS;
	pub const MaxUnbonding: u32 = 16;
	pub const MinBond: Balance = LP;
	pub const ScoreHorizon: Balance = 1_000 * LP;
}

impl pallet_deals::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Time = Timestamp;
	type JobBook = Market;
	type Mediation = Mediation;
	type Modules = Modules;
	type OnSettled = ();
	type Treasury = TreasuryAccount;
	type AuditPool = AuditPoolAccount;
	type MillisPerBlock = MillisPerBlock;
	type AckBlocks = AckBlocks;
	type FetchBytesPerBlock = FetchBytesPerBlock;
	type MaxFetchBlocks = MaxFetchBlocks;
	type SubmitMargin = SubmitMargin;
	type DrawBlocks = DrawBlocks;
	type JudgeBlocks = JudgeBlocks;
	type UnbondingBlocks = UnbondingBlocks;
	type MaxUnbonding = MaxUnbonding;
	type MinBond = MinBond;
	type ScoreHorizon = ScoreHorizon;
	type WeightInfo = crate::weights::pallet_deals::WeightInfo<Runtime>;
	#[cfg(feature = "runtime-benchmarks")]
	type BenchmarkHelper = crate::benchmarks::OpenDeals;
}

parameter_types! {
	/// Above every transaction that pays, whatever its tip: a full block must not turn a provider's acknowledgement
	/// into a fine.
	pub const EntitledPriority: TransactionPriority = TransactionPriority::MAX / 2;
	/// Entitled calls fill at most this share of the ordinary part of a block; payers have the rest for themselves. Of a whole job
	/// a little over a third is entitled (its provider's part), so that it is never what keeps jobs out of a full block.
	pub const EntitledShare: Perbill = Perbill::from_percent(50);
	/// Longest entitled transaction, in bytes: a relayer's attestation of the longest request takes a little less.
	pub const EntitledMaxLength: u32 = 5_120;
}

/// A right that a call without a fee uses up.
#[derive(Encode)]
pub enum Right {
	/// To acknowledge a deal.
	Acknowledge(DealId),
	/// To submit a deal's result.
	Submit(DealId),
	/// To open a deal's seal.
	Reveal(DealId),
	/// To begin a deal's audit.
	Audit(DealId),
	/// To commit to a vote on a deal.
	CommitVote(DealId),
	/// To vote on a deal.
	RevealVote(DealId),
	/// What members of bridge sets may do.
	Member(MemberRight),
}

/// The rights that entitle a party to a call without a fee.
pub struct Rights;

impl pallet_feeless::Rights<RuntimeCall> for Rights {
	type Right = Right;

	fn exercised_by(call: &RuntimeCall) -> Option<Right> {
		match call {
			RuntimeCall::Deals(pallet_deals::Call::acknowledge { deal }) => Some(Right::Acknowledge(*deal)),
			RuntimeCall::Deals(pallet_deals::Call::submit { deal, .. }) => Some(Right::Submit(*deal)),
			RuntimeCall::Deals(pallet_deals::Call::reveal { deal, .. }) => Some(Right::Reveal(*deal)),
			RuntimeCall::Deals(pallet_deals::Call::audit { deal }) => Some(Right::Audit(*deal)),
			RuntimeCall::Mediation(pallet_mediation::Call::commit_vote { deal, .. }) => {
				Some(Right::CommitVote(*deal))
			},
			RuntimeCall::Mediation(pallet_mediation::Call::reveal_vote { deal, .. }) => {
				Some(Right::RevealVote(*deal))
			},
			call => MemberRight::exercised_by(call).map(Right::Member),
		}
	}

	fn predicate_weight(right: &Right) -> Weight {
		use pallet_deals::WeightInfo as _;
		use pallet_evm_gateway::WeightInfo as _;
		use pallet_mediation::WeightInfo as _;
		match right {
			Right::Acknowledge(_) | Right::Submit(_) | Right::Reveal(_) => {
				<Runtime as pallet_deals::Config>::WeightInfo::predicate()
			},
			Right::Audit(_) => <Runtime as pallet_deals::Config>::WeightInfo::predicate_of_audit(),
			Right::CommitVote(_) | Right::RevealVote(_) => {
				<Runtime as pallet_mediation::Config>::WeightInfo::predicate()
			},
			Right::Member(_) => <Runtime as pallet_evm_gateway::Config>::WeightInfo::predicate(),
		}
	}
}

impl pallet_feeless::Config for Runtime {
	type Rights = Rights;
	type Priority = EntitledPriority;
	type Share = EntitledShare;
	type MaxLength = EntitledMaxLength;
	type WeightInfo = crate::weights::pallet_feeless::WeightInfo<Runtime>;
}
