//! Records of mediation, as its storage holds them.

use crate::{types::Platforms, AccountId};
use codec::{Decode, Encode};
use lilypad_primitives::{
	Balance, BlockNumber, Commitment, Dispute, MachineSpec, MediationRules, MediatorPolicy, Millis, Platform,
	Pricing, Profile, Round, Unbonding, Vote,
};
use scale_info::TypeInfo;

/// The governance parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct MediationParameters {
	/// The market's prices and fines.
	pub pricing: Pricing,
	/// How results are checked.
	pub rules: MediationRules,
}

/// How blocks are counted in eras of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Eras {
	/// The block with which the first era of this length begins.
	pub since: BlockNumber,
	/// Number of that era.
	pub first: u32,
	/// Blocks of each.
	pub blocks: BlockNumber,
}

impl Eras {
	/// The first block of an era of this length.
	pub fn start_of(&self, era: u32) -> BlockNumber {
		let eras = era.saturating_sub(self.first);
		self.since.saturating_add(eras.saturating_mul(self.blocks))
	}
}

/// What a mediator can run.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Capability {
	/// What it runs; at least one, none twice.
	pub platforms: Platforms,
	/// The machine that each run gets.
	pub spec: MachineSpec,
	/// Most cases at a time. Nobody with none is drawn.
	pub slots: u32,
}

/// A value as it was in the era before, is in this one, and will be in the next.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Versioned<V> {
	/// Values with the first era in which each holds, in rising order.
	pub versions: Vec<(u32, V)>,
}

impl<V> Versioned<V> {
	/// The value that holds from the next era on, as far as has been decided.
	pub fn latest(&self) -> Option<&V> {
		self.versions.last().map(|(_, value)| value)
	}

	/// The era from which the latest value holds.
	pub fn latest_since(&self) -> Option<u32> {
		self.versions.last().map(|(since, _)| *since)
	}
}

/// A mediator.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Mediator {
	/// All that is on hold.
	pub total: Balance,
	/// The parts that are to be given back, by block.
	pub unbonding: Vec<Unbonding>,
	/// Its tickets, by their places in the map of all.
	pub tickets: Vec<u32>,
	/// What it can run.
	pub capability: Versioned<Capability>,
	/// Seats that it has in open cases.
	pub seats: u32,
	/// What those seats can cost it at most.
	pub liability: Balance,
}

/// A case: one deal's result, and the mediators who judge it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Case {
	/// What it is about.
	pub dispute: Dispute,
	/// Who may not judge.
	pub parties: Vec<AccountId>,
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
	/// How often no-shows of a round can be replaced.
	pub max_redraws: u8,
	/// A claim is too high above this many hundredths of the panel's median.
	pub overcharge_percent: u32,
	/// What a claim may always be above the median.
	pub overcharge_floor: Millis,
	/// What not showing up costs.
	pub no_show_slash: Balance,
	/// What a vote against the majority costs.
	pub minority_slash: Balance,
	/// The present round.
	pub round: Round,
	/// How far the round has come.
	pub stage: CaseStage,
	/// All seats, of all rounds, in the order in which they were drawn.
	pub seats: Vec<Seat>,
}

/// How far a round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum CaseStage {
	/// The panel's empty seats wait for randomness.
	Drawing {
		/// The first block whose output counts.
		from: BlockNumber,
		/// The first block in which the draw can be made.
		draw_at: BlockNumber,
		/// The last one.
		draw_by: BlockNumber,
	},
	/// The mediators run the job and commit to their votes.
	Committing {
		/// The last block in which they can.
		by: BlockNumber,
	},
	/// The mediators reveal their votes, and the provider opens its seal.
	Revealing {
		/// The last block in which they can.
		by: BlockNumber,
	},
}

impl CaseStage {
	/// The last block of the stage.
	pub fn last_block(&self) -> BlockNumber {
		match *self {
			Self::Drawing { draw_by, .. } => draw_by,
			Self::Committing { by } | Self::Revealing { by } => by,
		}
	}

	/// In words: `mediators vote until block 7`.
	pub fn words(&self) -> String {
		match self {
			Self::Drawing { draw_at, .. } => format!("mediators are drawn from block {draw_at} on"),
			Self::Committing { by } => format!("mediators run the job until block {by}"),
			Self::Revealing { by } => format!("mediators reveal their votes until block {by}"),
		}
	}
}

/// A mediator's seat in a panel.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Seat {
	/// Whose.
	pub mediator: AccountId,
	/// In which round.
	pub round: Round,
	/// What it has done.
	pub state: SeatState,
}

/// What a mediator has done in its seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
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

impl Case {
	/// The seats of the present round of those who have not been absent.
	pub fn panel(&self) -> impl Iterator<Item = &Seat> {
		self.seats
			.iter()
			.filter(|seat| seat.round == self.round && seat.state != SeatState::Absent)
	}

	/// A mediator's seat in the present round.
	pub fn seat(&self, who: &AccountId) -> Option<&Seat> {
		self.panel().find(|seat| seat.mediator == *who)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn seat(n: u8, round: Round, state: SeatState) -> Seat {
		Seat {
			mediator: AccountId::new([n; 32]),
			round,
			state,
		}
	}

	#[test]
	fn the_panel_is_that_of_the_round_without_who_was_absent() {
		let case = Case {
			dispute: Dispute::Audit,
			parties: vec![],
			platform: Platform::Wasm,
			spec: MachineSpec::new(1, 1, 1),
			mediators: MediatorPolicy::Any,
			profile: Profile::Deterministic,
			time_limit: 1,
			commit_blocks: 1,
			reveal_blocks: 1,
			largest_panel: 5,
			redraws_left: 1,
			max_redraws: 1,
			overcharge_percent: 200,
			overcharge_floor: 1,
			no_show_slash: 1,
			minority_slash: 1,
			round: Round::Three,
			stage: CaseStage::Committing { by: 9 },
			seats: vec![
				seat(1, Round::One, SeatState::Drawn),
				seat(2, Round::Three, SeatState::Absent),
				seat(3, Round::Three, SeatState::Drawn),
			],
		};
		assert_eq!(case.panel().count(), 1);
		assert!(case.seat(&AccountId::new([1; 32])).is_none());
		assert!(case.seat(&AccountId::new([2; 32])).is_none());
		assert!(case.seat(&AccountId::new([3; 32])).is_some());
		assert_eq!(case.stage.last_block(), 9);
	}
}
