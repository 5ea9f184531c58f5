//! Mediators, and how results are checked.

use frame_support::parameter_types;
use frame_system::EnsureRoot;
use lilypad_primitives::{AuditRules, BlockNumber, MediationRules};
use pallet_mediation::BlockRandomness;
use sp_runtime::{Permill, Perquintill};

use super::{
	market::{DrawBlocks, JudgeBlocks, MarketPricing},
	money::TreasuryAccount,
};
use crate::{
	constants::{
		currency::LP,
		time::{DAYS, HOURS, MINUTES},
	},
	AccountId, Babe, Balance, Balances, Deals, Runtime, RuntimeHoldReason,
};

/// BABE's verifiable random outputs. With secondary VRF slots every block has one.
pub struct AuthorsVrf;

impl BlockRandomness for AuthorsVrf {
	// BABE stores a block's output when the block is finalized, and the hooks of BABE run before those of mediation.
	fn of_last_block() -> Option<[u8; 32]> {
		Babe::author_vrf_randomness()
	}
}

parameter_types! {
	/// How results are checked, until governance says otherwise.
	pub const DefaultMediationRules: MediationRules = MediationRules {
		audit: AuditRules {
			// All of the price: a forger runs nothing, and claims the whole limit.
			saving: Permill::one(),
			// A module that is declared deterministic is, or its author's bond pays.
			usual: Perquintill::one(),
			escalates: Permill::from_percent(1),
			// Beyond a third, panels themselves can be bought.
			colluding: Permill::from_parts(333_334),
		},
		// What machines of one size differ by; a padder can take as much, and no more.
		overcharge_percent: 150,
		// Containers take their time to start.
		overcharge_floor: 5_000,
		slack_percent: 300,
		commit_margin: 2 * MINUTES,
		// A worker is restarted, or a network is back, within less.
		ask_blocks: MINUTES / 2,
		reveal_blocks: 2 * MINUTES,
		// Longer than a draw takes; otherwise the shorter the better, for new mediators wait for the next one.
		era_blocks: 5 * MINUTES,
		draw_open_blocks: 2 * MINUTES,
		max_redraws: 2,
		no_show_slash: Permill::from_percent(10),
		minority_slash: Permill::from_percent(5),
	};
	pub const TicketPrice: Balance = 100 * LP;
	pub const SeatsPerTicket: u32 = 10;
	pub const MaxTickets: u32 = 64;
	pub const MaxUnbondingTickets: u32 = 16;
	pub const TicketUnbondingBlocks: BlockNumber = DAYS;
	/// With the longest runs a case takes four weeks if every panel fails as often as panels are replaced.
	pub const LongestCase: BlockNumber = 35 * DAYS;
	/// Far longer than a result can wait for its draw.
	pub const KeptBlocks: BlockNumber = HOURS;
	pub const MaxCasesSwept: u32 = 16;
}

const _: () = assert!(
	KeptBlocks::get() > 2 * (DrawBlocks::get() + JudgeBlocks::get()),
	"outputs must be kept for as long as a result can be drawn for an audit"
);

impl pallet_mediation::Config for Runtime {
	type RuntimeHoldReason = RuntimeHoldReason;
	type Currency = Balances;
	type Randomness = AuthorsVrf;
	type Deals = Deals;
	type Treasury = TreasuryAccount;
	// Root is sudo on development chains and nobody elsewhere, until there is a council.
	type GovernanceOrigin = EnsureRoot<AccountId>;
	type DefaultPricing = MarketPricing;
	type DefaultRules = DefaultMediationRules;
	type TicketPrice = TicketPrice;
	type SeatsPerTicket = SeatsPerTicket;
	type MaxTickets = MaxTickets;
	type MaxUnbonding = MaxUnbondingTickets;
	type UnbondingBlocks = TicketUnbondingBlocks;
	type DrawBlocks = DrawBlocks;
	type LongestCase = LongestCase;
	type KeptBlocks = KeptBlocks;
	type MaxSweep = MaxCasesSwept;
	type WeightInfo = crate::weights::pallet_mediation::WeightInfo<Runtime>;
}
