//! Disputes: what mediators are asked, what they answer, and what follows.

use crate::{
	audit::AuditRules, BlockNumber, DealId, MachineSpec, MediatorPolicy, Millis, Platform, Pricing, Profile,
	Triple, VersionId,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_runtime::Permill;

/// Why a creator challenges a result.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
	/// It is not what the program gives. Deterministic modules only.
	WrongResult,
	/// The run took less time than claimed. Deterministic modules only.
	Overcharged,
	/// The provider does not hand it over.
	Unavailable,
}

/// What a case is about.
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
#[serde(rename_all = "snake_case")]
pub enum Dispute {
	/// The chain drew the result. Starts with one mediator.
	Audit,
	/// The creator doubts it. Starts with three.
	Challenge(Reason),
}

/// How far a case has gone.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Round {
	/// An audit's one mediator.
	One,
	/// Three mediators.
	Three,
	/// The largest panel.
	Last,
}

impl Round {
	/// Mediators in the panel.
	pub fn size(self, largest_panel: u32) -> u32 {
		match self {
			Round::One => 1,
			Round::Three => 3,
			Round::Last => largest_panel,
		}
	}

	/// The round after this one.
	pub fn next(self) -> Option<Round> {
		match self {
			Round::One => Some(Round::Three),
			Round::Three => Some(Round::Last),
			Round::Last => None,
		}
	}
}

/// Whether a result is to be audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub enum AuditDraw {
	/// It was not drawn.
	NotDrawn,
	/// It was.
	Drawn,
	/// The randomness is missing: a block had none, or it was too long ago.
	NoRandomness,
}

/// What it takes to run a job again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct JobNeeds<AccountId> {
	/// The module version.
	pub version: VersionId,
	/// What runs it.
	pub platform: Platform,
	/// The machine it needs.
	pub spec: MachineSpec,
	/// Bytes to fetch first.
	pub fetch_bytes: u64,
	/// Who may judge a challenge: those whom both sides named.
	pub mediators: MediatorPolicy<AccountId>,
}

/// What mediation is asked to find out.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct CaseRequest<AccountId> {
	/// What it is about.
	pub dispute: Dispute,
	/// Whoever has a stake in the deal and so may not judge; at most five.
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
	/// Blocks that fetching and running within the limits take at most.
	pub run_blocks: BlockNumber,
	/// Mediators in the largest panel: as many as the terms' panel fee pays for.
	pub largest_panel: u32,
}

/// What a mediator found.
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
pub struct Vote {
	/// What its own run gave; for a module that need not give the same twice, what the provider handed over. `None` when
	/// neither provider nor creator handed over what is needed to find out.
	pub triple: Option<Triple>,
	/// Run time of its own run, in milliseconds.
	pub usage: Millis,
	/// Whether the provider hands over the result with this root.
	pub fetched: bool,
	/// Whether its own run stayed so far within the limits of time, memory and disk that a run on any machine of the
	/// job's size must: within the limit divided by [`MediationRules::overcharge_percent`].
	pub ample: bool,
}

/// Commitment of a mediator to its vote: see [`Vote::commitment`].
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Hash,
	Default,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct Commitment(pub [u8; 32]);

impl Vote {
	/// BLAKE2b-256 over the SCALE encoding of a domain, the deal, the round, the mediator, the vote and a salt: it opens
	/// in no other case, in no other round and for no other mediator, so that it is worth nothing to copy one.
	pub fn commitment<AccountId: Encode>(
		&self,
		deal: DealId,
		round: Round,
		mediator: &AccountId,
		salt: &[u8; 32],
	) -> Commitment {
		Commitment(sp_crypto_hashing::blake2_256(
			&(b"lilypad/vote/1", deal, round, mediator, self, salt).encode(),
		))
	}
}

/// How a case ends.
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
#[serde(rename_all = "snake_case")]
pub enum Verdict {
	/// The provider's result is right.
	Upheld,
	/// It is right, and its run took less time than claimed.
	Overcharged {
		/// The panel's median run time.
		median: Millis,
	},
	/// It is wrong, or the provider withheld it.
	Overturned {
		/// The right one, where the panel found one: whoever voted for it has its outputs.
		result: Option<Triple>,
	},
	/// Honest runs give different results.
	NonDeterministic,
	/// Too few mediators voted, or the last panel was split.
	Unresolved,
	/// No panel could be drawn.
	NoPanel,
	/// An audit's first mediator found another result, and the audit pool can't pay the panel that would have to confirm it.
	Unfunded,
}

/// A verdict, and whom to pay for it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, TypeInfo)]
pub struct Ruling<AccountId> {
	/// The verdict.
	pub verdict: Verdict,
	/// Whose votes are paid: an entry for each vote.
	pub paid: Vec<AccountId>,
}

/// How results are checked: governance parameters.
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
pub struct MediationRules {
	/// How often the chain audits.
	pub audit: AuditRules,
	/// A claim is too high above this many hundredths of the panel's median, plus the floor.
	pub overcharge_percent: u32,
	/// What a claim may always be above the median: start-up times differ.
	pub overcharge_floor: Millis,
	/// Mediators run with this many hundredths of the job's limits.
	pub slack_percent: u32,
	/// Blocks that mediators have besides fetching and running, to commit.
	pub commit_margin: BlockNumber,
	/// Blocks in which a mediator asks a provider that does not answer for its result, before it votes that it is withheld.
	pub ask_blocks: BlockNumber,
	/// Blocks to reveal.
	pub reveal_blocks: BlockNumber,
	/// Blocks of an era, from whose beginning on what mediators change about tickets and machines counts.
	pub era_blocks: BlockNumber,
	/// Blocks, after its randomness is known, in which a panel can be drawn.
	pub draw_open_blocks: BlockNumber,
	/// How often a panel's no-shows are replaced.
	pub max_redraws: u8,
	/// Share of a ticket that not committing, or not revealing, costs.
	pub no_show_slash: Permill,
	/// Share of a ticket that a vote against the majority costs.
	pub minority_slash: Permill,
}

/// Largest panel that there can be.
pub const MAX_PANEL: u32 = 15;
/// Most redraws of a panel that there can be.
pub const MAX_REDRAWS: u8 = 2;

/// Rounds that a case can have.
const ROUNDS: u32 = 3;
/// Cases about one deal that can be dropped before anybody judges it: an audit, and a challenge.
const DROPPED: u32 = 2;

impl MediationRules {
	/// Blocks that a panel has to commit, for a job that takes up to this many to fetch and to run within its limits.
	pub fn commit_blocks(&self, run_blocks: BlockNumber) -> BlockNumber {
		let blocks = u64::from(run_blocks)
			.saturating_mul(self.slack_percent.into())
			.div_ceil(100)
			.saturating_add(self.commit_margin.into());
		blocks.try_into().unwrap_or(BlockNumber::MAX)
	}

	/// Blocks from the moment at which a result could first be disputed to the verdict, if everything takes as long as it may: two
	/// cases are dropped because nobody draws, and in a third one every panel of every round is replaced as often as panels can be.
	/// An audit that is dropped after its first round, and a challenge that begins with the second, have no more panels than that.
	/// Each stage is taken to be moved on in the first block in which anybody can.
	pub fn longest_case(&self, run_blocks: BlockNumber, draw_blocks: BlockNumber) -> BlockNumber {
		// The draw's blocks begin after this one, or in the next era if they would not fit into this one.
		let drawing = draw_blocks
			.saturating_mul(2)
			.saturating_add(self.draw_open_blocks)
			.saturating_add(2);
		let panels = ROUNDS.saturating_mul(u32::from(self.max_redraws).saturating_add(1));
		let drawn = panels.saturating_add(DROPPED).saturating_mul(drawing);
		let committing = self.commit_blocks(run_blocks).saturating_add(1);
		let revealing = self.reveal_blocks.saturating_add(1);
		drawn
			.saturating_add(panels.saturating_mul(committing))
			.saturating_add(ROUNDS.saturating_mul(revealing))
	}

	/// Whether the rules are within their bounds and keep each other's promises, and those of the prices. `seats`: how many
	/// cases one ticket can be liable for at a time.
	pub fn check(&self, pricing: &Pricing, seats: u32) -> Result<(), &'static str> {
		let ensure = |ok: bool, why| if ok { Ok(()) } else { Err(why) };
		ensure(
			(3..=MAX_PANEL).contains(&pricing.largest_panel) && pricing.largest_panel % 2 == 1,
			"the largest panel has 3 to 15 mediators, an odd number, so that it can't be divided in halves",
		)?;
		ensure(
			(101..=1_000).contains(&self.overcharge_percent),
			"overcharge_percent is between 101 and 1000",
		)?;
		ensure(
			self.overcharge_floor <= 60_000,
			"overcharge_floor is a minute at most",
		)?;
		ensure(
			(self.overcharge_percent..=1_000).contains(&self.slack_percent),
			"slack_percent is at least overcharge_percent, and at most 1000",
		)?;
		ensure(
			(1..=100_000).contains(&self.commit_margin) && (1..=100_000).contains(&self.reveal_blocks),
			"mediators need between 1 and 100,000 blocks to commit and to reveal",
		)?;
		ensure(
			(1..=self.commit_margin).contains(&self.ask_blocks),
			"ask_blocks is at least 1, and at most commit_margin, which it is a part of",
		)?;
		ensure(self.max_redraws <= MAX_REDRAWS, "there are at most 2 redraws")?;
		ensure(
			!self.minority_slash.is_zero() && self.minority_slash <= self.no_show_slash,
			"a missing reveal costs at least what a minority vote costs, and that costs something",
		)?;
		let all_seats = self.no_show_slash.deconstruct().checked_mul(seats);
		ensure(
			all_seats.is_some_and(|sum| sum <= Permill::one().deconstruct()),
			"a ticket must cover the slashes of all cases that it is liable for",
		)?;
		ensure(
			!self.audit.usual.is_zero() && self.audit.colluding < Permill::one(),
			"with a usual answer that never comes, or mediators who all collude, nothing can be audited",
		)?;
		ensure(
			self.audit.is_covered_by(pricing),
			"the levy must cover the expected fees of audits at every price",
		)
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::{terms::tests::PRICING, OutputRoot, Status};
	use sp_arithmetic::Perquintill;

	const COVERED: Pricing = Pricing {
		levy_rate: Permill::from_percent(3),
		..PRICING
	};

	const RULES: MediationRules = MediationRules {
		audit: AuditRules {
			saving: Permill::from_percent(80),
			usual: Perquintill::one(),
			escalates: Permill::from_percent(1),
			colluding: Permill::zero(),
		},
		overcharge_percent: 200,
		overcharge_floor: 2_000,
		slack_percent: 300,
		commit_margin: 30,
		ask_blocks: 30,
		reveal_blocks: 30,
		era_blocks: 150,
		draw_open_blocks: 60,
		max_redraws: 2,
		no_show_slash: Permill::from_percent(10),
		minority_slash: Permill::from_percent(5),
	};

	#[test]
	fn a_commitment_binds_every_part() {
		let vote = Vote {
			triple: Some(Triple {
				status: Status::Completed,
				exit_code: 0,
				root: OutputRoot([1; 32]),
			}),
			usage: 5,
			fetched: true,
			ample: true,
		};
		let (deal, round, who, salt) = (DealId(1), Round::One, 7u64, [2; 32]);
		let commitment = vote.commitment(deal, round, &who, &salt);
		assert_eq!(commitment, vote.commitment(deal, round, &who, &salt));
		for other in [
			vote.commitment(DealId(2), round, &who, &salt),
			vote.commitment(deal, Round::Three, &who, &salt),
			vote.commitment(deal, round, &8u64, &salt),
			vote.commitment(deal, round, &who, &[3; 32]),
			Vote { usage: 6, ..vote }.commitment(deal, round, &who, &salt),
			Vote { triple: None, ..vote }.commitment(deal, round, &who, &salt),
			Vote {
				fetched: false,
				..vote
			}
			.commitment(deal, round, &who, &salt),
			Vote { ample: false, ..vote }.commitment(deal, round, &who, &salt),
		] {
			assert_ne!(commitment, other);
		}
	}

	#[test]
	fn the_longest_case_counts_every_panel() {
		// Two dropped and nine panels of up to 2 · 4 + 60 + 2 blocks to be drawn and 3 · 100 + 30 + 1 to commit, and three reveals.
		assert_eq!(RULES.commit_blocks(100), 330);
		assert_eq!(RULES.longest_case(100, 4), 11 * 70 + 9 * 331 + 3 * 31);
		assert_eq!(RULES.longest_case(BlockNumber::MAX, 4), BlockNumber::MAX);
	}

	#[test]
	fn rules_are_checked() {
		assert_eq!(RULES.check(&COVERED, 10), Ok(()));
		for bad in [
			MediationRules {
				overcharge_percent: 100,
				..RULES
			},
			MediationRules {
				overcharge_percent: 1_001,
				slack_percent: 1_000,
				..RULES
			},
			MediationRules {
				overcharge_floor: 60_001,
				..RULES
			},
			MediationRules {
				slack_percent: 199,
				..RULES
			},
			MediationRules {
				commit_margin: 0,
				..RULES
			},
			MediationRules {
				ask_blocks: 0,
				..RULES
			},
			MediationRules {
				ask_blocks: 31,
				..RULES
			},
			MediationRules {
				reveal_blocks: 0,
				..RULES
			},
			MediationRules {
				reveal_blocks: 100_001,
				..RULES
			},
			MediationRules {
				max_redraws: 3,
				..RULES
			},
			MediationRules {
				minority_slash: Permill::zero(),
				..RULES
			},
			MediationRules {
				minority_slash: Permill::from_percent(11),
				..RULES
			},
			MediationRules {
				no_show_slash: Permill::from_parts(100_001),
				..RULES
			},
			MediationRules {
				audit: AuditRules {
					usual: Perquintill::zero(),
					..RULES.audit
				},
				..RULES
			},
			MediationRules {
				audit: AuditRules {
					saving: Permill::from_percent(95),
					..RULES.audit
				},
				..RULES
			},
		] {
			assert!(bad.check(&COVERED, 10).is_err(), "{bad:?}");
		}
		for panel in [1, 2, 4, 16, 17] {
			assert!(RULES
				.check(
					&Pricing {
						largest_panel: panel,
						..COVERED
					},
					10
				)
				.is_err());
		}
		assert!(
			RULES.check(&PRICING, 10).is_err(),
			"two per cent of levy are too few"
		);
	}
}
