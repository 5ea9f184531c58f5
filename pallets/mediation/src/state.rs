//! What is stored: mediators and their tickets, and cases and their panels.

use crate::versions::Versioned;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
	traits::{ConstU32, Get},
	BoundedVec, CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound,
};
use lilypad_primitives::{
	audit::FIRST_PANELS,
	mediation::{MAX_PANEL, MAX_REDRAWS},
	offer::MAX_PLATFORMS,
	Balance, BlockNumber, Commitment, Dispute, MachineSpec, MediationRules, MediatorPolicy, Millis, Platform,
	Pricing, Profile, Round, Unbonding, Vote,
};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Most parties of a case: creator and its delegate, provider, author and solver.
pub const MAX_PARTIES: u32 = 5;
/// Most seats of a case: those of all three rounds, and as many again as can be redrawn.
pub const MAX_SEATS: u32 = (FIRST_PANELS + MAX_PANEL) * (1 + MAX_REDRAWS as u32);

/// The governance parameters. They are set together because they are bound to each other: levies pay for audits.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Parameters {
	/// The market's prices and fines.
	pub pricing: Pricing,
	/// How results are checked.
	pub rules: MediationRules,
}

/// What a mediator can run.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Capability {
	/// What it runs; at least one, none twice.
	pub platforms: BoundedVec<Platform, ConstU32<MAX_PLATFORMS>>,
	/// The machine that each run gets.
	pub spec: MachineSpec,
	/// Most cases at a time. Nobody with none is drawn.
	pub slots: u32,
}

/// A mediator.
#[derive(
	CloneNoBound,
	DebugNoBound,
	PartialEqNoBound,
	EqNoBound,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
)]
#[scale_info(skip_type_params(MaxTickets, MaxUnbonding))]
pub struct Mediator<MaxTickets: Get<u32>, MaxUnbonding: Get<u32>> {
	/// All that is on hold.
	pub total: Balance,
	/// The parts that are to be given back, by block.
	pub unbonding: BoundedVec<Unbonding, MaxUnbonding>,
	/// Its tickets, by their places in the map of all.
	pub tickets: BoundedVec<u32, MaxTickets>,
	/// What it can run.
	pub capability: Versioned<Capability>,
	/// Seats that it has in open cases.
	pub seats: u32,
	/// What those seats can cost it at most.
	pub liability: Balance,
}

impl<MaxTickets: Get<u32>, MaxUnbonding: Get<u32>> Default for Mediator<MaxTickets, MaxUnbonding> {
	fn default() -> Self {
		Self {
			total: 0,
			unbonding: BoundedVec::new(),
			tickets: BoundedVec::new(),
			capability: Versioned::default(),
			seats: 0,
			liability: 0,
		}
	}
}

impl<MaxTickets: Get<u32>, MaxUnbonding: Get<u32>> Mediator<MaxTickets, MaxUnbonding> {
	/// All that is unbonding.
	pub fn unbonding_total(&self) -> Balance {
		self.unbonding
			.iter()
			.fold(0, |sum, part| sum.saturating_add(part.amount))
	}

	/// What is bonded beyond the price of the tickets: what slashes left of others.
	pub fn spare(&self, price: Balance) -> Balance {
		let tickets = price.saturating_mul(self.tickets.len() as Balance);
		self.total
			.saturating_sub(self.unbonding_total())
			.saturating_sub(tickets)
	}

	/// Whether it will be drawn for jobs of this platform, as things will stand in the next era.
	pub fn will_run(&self, platform: Platform) -> bool {
		!self.tickets.is_empty()
			&& self
				.capability
				.latest()
				.is_some_and(|can| can.slots > 0 && can.platforms.contains(&platform))
	}
}

/// A case: one deal's result, and the mediators who judge it.
///
/// ```text
/// Drawing ──draw──▶ Committing ──all committed──▶ Revealing ──all revealed──▶ closed, or Drawing a larger panel
///    ▲  └expire┐        │ └─────expire──▲             └─────────expire───────────▲
///    │         ▼        └─expire, somebody missing, redraws left─┐
///    │      closed                                               │
///    └───────────────────────────────────────────────────────────┘
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Case<AccountId> {
	/// What it is about.
	pub dispute: Dispute,
	/// Who may not judge.
	pub parties: BoundedVec<AccountId, ConstU32<MAX_PARTIES>>,
	/// What runs the job.
	pub platform: Platform,
	/// The machine it needs.
	pub spec: MachineSpec,
	/// Who may judge.
	pub mediators: MediatorPolicy<AccountId>,
	/// Whether two honest runs agree.
	pub profile: Profile,
	/// Longest run that is paid for.
	pub time_limit: Millis,
	/// Blocks to commit.
	pub commit_blocks: BlockNumber,
	/// Blocks to reveal.
	pub reveal_blocks: BlockNumber,
	/// Mediators in the largest panel.
	pub largest_panel: u32,
	/// How often no-shows of the present round can still be replaced.
	pub redraws_left: u8,
	/// See [`MediationRules::max_redraws`].
	pub max_redraws: u8,
	/// See [`MediationRules::overcharge_percent`].
	pub overcharge_percent: u32,
	/// See [`MediationRules::overcharge_floor`].
	pub overcharge_floor: Millis,
	/// What not showing up costs: also what a seat can cost at most.
	pub no_show_slash: Balance,
	/// What a vote against the majority costs.
	pub minority_slash: Balance,
	/// The present round.
	pub round: Round,
	/// How far the round has come.
	pub stage: Stage,
	/// All seats, of all rounds, in the order in which they were drawn.
	pub seats: BoundedVec<Seat<AccountId>, ConstU32<MAX_SEATS>>,
}

/// How far a round has come.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Stage {
	/// The panel's empty seats wait for randomness.
	///
	/// Left by `draw`, and by `expire` when nobody has drawn in time.
	Drawing {
		/// The first block whose output counts.
		from: BlockNumber,
		/// The first block in which the draw can be made.
		draw_at: BlockNumber,
		/// The last one.
		draw_by: BlockNumber,
	},
	/// The mediators run the job and commit to their votes.
	///
	/// Left by the last `commit_vote`, or by `expire`.
	Committing {
		/// The last block in which they can.
		by: BlockNumber,
	},
	/// The mediators reveal their votes, and the provider opens its seal.
	///
	/// Left by the last of them, or by `expire`.
	Revealing {
		/// The last block in which they can.
		by: BlockNumber,
	},
}

impl Stage {
	/// The first block in which anybody can move the case on.
	pub fn due(&self) -> BlockNumber {
		match *self {
			Stage::Drawing { draw_at, .. } => draw_at,
			Stage::Committing { by } | Stage::Revealing { by } => by.saturating_add(1),
		}
	}
}

/// A mediator's seat in a panel.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Seat<AccountId> {
	/// Whose.
	pub mediator: AccountId,
	/// In which round.
	pub round: Round,
	/// What it has done.
	pub state: SeatState,
}

/// What a mediator has done in its seat.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum SeatState {
	/// Nothing yet.
	Drawn,
	/// Committed to a vote.
	Committed(Commitment),
	/// Voted.
	Revealed(Vote),
	/// Nothing in time, for which it was slashed.
	Absent,
}

impl<AccountId: PartialEq> Case<AccountId> {
	/// The seats of the present round of those who have not been absent.
	pub fn panel(&self) -> impl Iterator<Item = &Seat<AccountId>> {
		self.seats
			.iter()
			.filter(|seat| seat.round == self.round && seat.state != SeatState::Absent)
	}

	/// The same, to be changed.
	pub fn panel_mut(&mut self) -> impl Iterator<Item = &mut Seat<AccountId>> {
		let round = self.round;
		self.seats
			.iter_mut()
			.filter(move |seat| seat.round == round && seat.state != SeatState::Absent)
	}

	/// A mediator's seat in the present round.
	pub fn seat(&self, who: &AccountId) -> Option<&Seat<AccountId>> {
		self.panel().find(|seat| seat.mediator == *who)
	}

	/// Mediators in the present round's panel, were it full.
	pub fn size(&self) -> u32 {
		self.round.size(self.largest_panel)
	}

	/// Seats that still have to be drawn.
	pub fn empty_seats(&self) -> u32 {
		self.size().saturating_sub(self.panel().count() as u32)
	}
}
