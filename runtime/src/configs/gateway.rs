//! The gateway to EVM chains. Chains themselves are registered on the running chain, by governance.

use frame_support::parameter_types;
use frame_system::EnsureRoot;
use lilypad_primitives::BlockNumber;

use crate::{
	constants::time::{DAYS, MINUTES},
	AccountId, Balances, Market, Modules, Runtime, RuntimeCall, Timestamp,
};

parameter_types! {
	/// Ten minutes: whoever asks from elsewhere can't look at the market first, but neither waits for ever.
	pub const RequestMatchWindow: BlockNumber = 10 * MINUTES;
	pub const RequestRetries: u8 = 2;
	/// A thousand requests in a row, each answered in a block of its own, and nobody who delivers.
	pub const MaxBatches: u32 = 4_096;
	/// A thirtieth of the shortest time after which a gateway can be declared cut off.
	pub const Heartbeat: BlockNumber = DAYS;
	/// Three times that time.
	pub const KeepBatches: BlockNumber = 90 * DAYS;
}

impl pallet_evm_gateway::Config for Runtime {
	type Currency = Balances;
	type Time = Timestamp;
	type Modules = Modules;
	type PostJob = Market;
	// Root is sudo on development chains and nobody elsewhere, until there are bodies for both.
	type GovernanceOrigin = EnsureRoot<AccountId>;
	type PauseOrigin = EnsureRoot<AccountId>;
	type MatchWindow = RequestMatchWindow;
	type Retries = RequestRetries;
	type MaxBatches = MaxBatches;
	type Heartbeat = Heartbeat;
	type KeepBatches = KeepBatches;
	type WeightInfo = crate::weights::pallet_evm_gateway::WeightInfo<Runtime>;
}

/// A right of a member of a bridge set.
#[derive(codec::Encode)]
pub enum MemberRight {
	/// To say what a number of a lane stands for, or that its request was taken back.
	Attest(u64, u64),
	/// To sign a batch of a lane.
	Sign(u64, u64),
	/// To say what was delivered of a lane.
	Acknowledge(u64),
	/// To send a lane a sign of life.
	Heartbeat(u64),
}

impl MemberRight {
	/// The right that a call exercises, if it is a member's.
	pub(crate) fn exercised_by(call: &RuntimeCall) -> Option<Self> {
		use pallet_evm_gateway::Call;
		let RuntimeCall::EvmGateway(call) = call else {
			return None;
		};
		match call {
			Call::attest { lane, message } => Some(Self::Attest(*lane, message.id())),
			Call::attest_exit { lane, ticket } => Some(Self::Attest(*lane, ticket.id)),
			Call::sign { lane, batch, .. } => Some(Self::Sign(*lane, *batch)),
			Call::acknowledge { lane, .. } => Some(Self::Acknowledge(*lane)),
			Call::heartbeat { lane } => Some(Self::Heartbeat(*lane)),
			_ => None,
		}
	}
}
