//! What happens on the chain, typed.

use crate::{
	gateway::{FinalityRule, LaneId, Limits},
	mediation::{Capability, CaseStage, MediationParameters},
	shape::{Field, Shape},
	types::SkipReason,
	AccountId,
};
use codec::Decode;
use lilypad_primitives::{
	settlement::Move, Balance, BlockNumber, DealId, Dispute, JobId, Millis, ModuleName, OfferId, OfferState,
	Outcome, PeerAddress, Round, Seal, Triple, Verdict, VersionId, Vote,
};
use sp_core::H160;

macro_rules! events {
	($(
		$(#[$enum_doc:meta])*
		$enum:ident = $pallet:literal {
			$( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident : $ty:ty ),* $(,)? } )*
		}
	)*) => {
		$(
			$(#[$enum_doc])*
			#[derive(Clone, Debug, PartialEq, Eq)]
			pub enum $enum {
				$( $(#[$doc])* $name { $( $(#[$field_doc])* $field: $ty ),* } ),*
			}

			impl $enum {
				fn decode(name: &str, input: &mut &[u8]) -> Result<Option<Self>, codec::Error> {
					match name {
						$( stringify!($name) => {
							Ok(Some(Self::$name { $( $field: <$ty>::decode(input)? ),* }))
						}, )*
						_ => Ok(None),
					}
				}
			}
		)*

		/// What these events look like.
		pub(crate) fn shapes() -> Vec<Shape> {
			vec![$( $( Shape::Event {
				pallet: $pallet,
				name: stringify!($name),
				fields: vec![$( Field::new::<$ty>(stringify!($field)) ),*],
			} ),* ),*]
		}

		/// One event.
		#[derive(Clone, Debug, PartialEq, Eq)]
		pub enum ChainEvent {
			$(
				$(#[$enum_doc])*
				$enum($enum),
			)*
			/// One that this client has no use for.
			Other {
				/// The pallet.
				pallet: String,
				/// The event's name.
				name: String,
			},
		}

		impl ChainEvent {
			/// Reads an event's fields.
			pub(crate) fn decode(pallet: &str, name: &str, mut fields: &[u8]) -> Result<Self, codec::Error> {
				let input = &mut fields;
				let known = match pallet {
					$( $pallet => $enum::decode(name, input)?.map(ChainEvent::$enum), )*
					_ => None,
				};
				Ok(known.unwrap_or_else(|| ChainEvent::Other { pallet: pallet.into(), name: name.into() }))
			}
		}
	};
}

events! {
	/// Fees.
	FeeEvent = "TransactionPayment" {
		/// A fee was paid.
		TransactionFeePaid {
			/// Who paid.
			who: AccountId,
			/// Fee and tip.
			actual_fee: Balance,
			/// The tip.
			tip: Balance,
		}
	}

	/// The module registry.
	ModulesEvent = "Modules" {
		/// A module version was registered.
		ModuleRegistered {
			/// Its number.
			version: VersionId,
			/// `name:tag`.
			name: ModuleName,
			/// Who registered it.
			author: AccountId,
			/// What is held for its storage.
			deposit: Balance,
			/// What is held behind its declaration as deterministic.
			bond: Balance,
		}
		/// The curators marked a module version, or took the mark away.
		CuratedSet {
			/// The version.
			version: VersionId,
			/// Whether it is curated now.
			curated: bool,
		}
		/// A module version was withdrawn.
		ModuleDelisted {
			/// The version.
			version: VersionId,
		}
		/// A module version still runs and should no longer be used.
		ModuleDeprecated {
			/// The version.
			version: VersionId,
			/// What to use in its place.
			successor: Option<VersionId>,
		}
		/// A module version is no longer deprecated.
		ModuleRestored {
			/// The version.
			version: VersionId,
		}
		/// The author of a withdrawn module version has back what backed it.
		ModuleReclaimed {
			/// The version.
			version: VersionId,
			/// What was left of the bond.
			bond: Balance,
			/// What was held for manifest and note.
			deposit: Balance,
		}
	}

	/// The market.
	MarketEvent = "Market" {
		/// A machine was offered.
		OfferPosted {
			/// The offer.
			offer: OfferId,
			/// Who offers.
			provider: AccountId,
			/// LP per second of run time.
			rate: Balance,
		}
		/// An offer changed.
		OfferChanged {
			/// The offer.
			offer: OfferId,
			/// Its state now.
			state: OfferState,
			/// Its rate now.
			rate: Balance,
		}
		/// An offer is gone.
		OfferWithdrawn {
			/// The offer.
			offer: OfferId,
			/// Whose it was.
			provider: AccountId,
		}
		/// A provider said where its worker can be reached.
		PeerSet {
			/// The provider.
			provider: AccountId,
			/// Where; `None` when it took that back.
			address: Option<PeerAddress>,
		}
		/// A job was posted.
		JobPosted {
			/// The job.
			job: JobId,
			/// Who pays.
			creator: AccountId,
			/// What it runs.
			version: VersionId,
			/// The last block in which it can be matched.
			match_by: BlockNumber,
		}
		/// A match was proposed for a job that waits.
		MatchProposed {
			/// The job.
			job: JobId,
			/// The offer.
			offer: OfferId,
			/// Its rate.
			rate: Balance,
			/// Who found it; `None`: a node's own solver.
			solver: Option<AccountId>,
			/// The block from which on it can become the deal.
			due: BlockNumber,
		}
		/// A job has a deal.
		JobMatched {
			/// The job.
			job: JobId,
			/// The deal.
			deal: DealId,
			/// The offer.
			offer: OfferId,
			/// Who runs it.
			provider: AccountId,
		}
		/// A job waits again after its provider failed it.
		JobRequeued {
			/// The job.
			job: JobId,
			/// The last block in which it can be matched.
			match_by: BlockNumber,
			/// How often it can be tried again.
			retries_left: u8,
		}
		/// Its creator withdrew a job that waited.
		JobCancelled {
			/// The job.
			job: JobId,
		}
		/// A job was not matched in time.
		JobExpired {
			/// The job.
			job: JobId,
		}
		/// A job's last deal ended.
		JobEnded {
			/// The job.
			job: JobId,
			/// Its last deal.
			deal: DealId,
			/// How that ended.
			outcome: Outcome,
			/// The result, if there is one.
			result: Option<Triple>,
			/// What the creator paid in all.
			cost: Balance,
		}
	}

	/// Deals.
	DealsEvent = "Deals" {
		/// A provider put up a bond, or more of it.
		Bonded {
			/// Whose.
			provider: AccountId,
			/// How much was added.
			amount: Balance,
			/// The whole bond now.
			total: Balance,
		}
		/// A part of a bond was asked back.
		Unbonding {
			/// Whose.
			provider: AccountId,
			/// How much.
			amount: Balance,
			/// The first block in which it can be withdrawn.
			releasable_at: BlockNumber,
		}
		/// A part of a bond was given back.
		Withdrawn {
			/// Whose.
			provider: AccountId,
			/// How much.
			amount: Balance,
		}
		/// A deal was opened.
		DealOpened {
			/// The deal.
			deal: DealId,
			/// Its job.
			job: JobId,
			/// Its offer.
			offer: OfferId,
			/// Who pays.
			creator: AccountId,
			/// Who runs it.
			provider: AccountId,
			/// Most that the provider can earn.
			cap: Balance,
			/// What the provider risks.
			collateral: Balance,
			/// The last block to acknowledge.
			ack_by: BlockNumber,
		}
		/// The provider took it on.
		Acknowledged {
			/// The deal.
			deal: DealId,
			/// The last block to submit a result.
			submit_by: BlockNumber,
		}
		/// The provider committed to a result.
		Submitted {
			/// The deal.
			deal: DealId,
			/// The commitment.
			seal: Seal,
			/// From this block on it can be accepted and revealed.
			draw_at: BlockNumber,
			/// The last block to do so.
			judge_by: BlockNumber,
		}
		/// The provider opened its result.
		Revealed {
			/// The deal.
			deal: DealId,
			/// The result.
			triple: Triple,
			/// Run time charged for.
			usage: Millis,
		}
		/// Mediators judge the result.
		Disputed {
			/// The deal.
			deal: DealId,
			/// Why.
			dispute: Dispute,
		}
		/// The result was drawn for an audit which can't be: the deal goes on.
		AuditSkipped {
			/// The deal.
			deal: DealId,
			/// Why not.
			why: SkipReason,
		}
		/// No panel judged the result: the deal goes on.
		DisputeDropped {
			/// The deal.
			deal: DealId,
			/// The last block to accept or reveal.
			judge_by: BlockNumber,
		}
		/// A deal ended.
		Settled {
			/// The deal.
			deal: DealId,
			/// Its job.
			job: JobId,
			/// How it ended.
			outcome: Outcome,
			/// Who paid whom.
			moves: Vec<Move>,
		}
	}

	/// Mediation.
	MediationEvent = "Mediation" {
		/// An account became a mediator.
		Registered {
			/// Who.
			mediator: AccountId,
			/// How many tickets it has.
			tickets: u32,
		}
		/// What a mediator can run from the next era on.
		CapabilitySet {
			/// Whose.
			mediator: AccountId,
			/// What it can run.
			capability: Capability,
		}
		/// How many tickets a mediator has from the next era on.
		TicketsChanged {
			/// Whose.
			mediator: AccountId,
			/// How many.
			tickets: u32,
		}
		/// A part of a bond can be withdrawn later.
		Unbonding {
			/// Whose.
			mediator: AccountId,
			/// How much.
			amount: Balance,
			/// The first block in which it can be withdrawn.
			releasable_at: BlockNumber,
		}
		/// A part of a bond was given back.
		Withdrawn {
			/// Whose.
			mediator: AccountId,
			/// How much.
			amount: Balance,
		}
		/// A part of a bond was taken, for a vote that was missing or wrong.
		Slashed {
			/// Whose.
			mediator: AccountId,
			/// In whose case.
			deal: DealId,
			/// How much.
			amount: Balance,
			/// Tickets that the rest of the bond no longer covers.
			tickets_lost: u32,
		}
		/// A deal is in dispute.
		CaseOpened {
			/// The deal.
			deal: DealId,
			/// What it is about.
			dispute: Dispute,
		}
		/// A case has entered a stage.
		StageEntered {
			/// The deal.
			deal: DealId,
			/// The round.
			round: Round,
			/// The stage, with its deadline.
			stage: CaseStage,
		}
		/// Mediators were drawn.
		PanelDrawn {
			/// The deal.
			deal: DealId,
			/// The round.
			round: Round,
			/// Who.
			mediators: Vec<AccountId>,
		}
		/// A mediator has committed to a vote.
		VoteCommitted {
			/// The deal.
			deal: DealId,
			/// Who.
			mediator: AccountId,
		}
		/// A mediator has voted.
		VoteRevealed {
			/// The deal.
			deal: DealId,
			/// Who.
			mediator: AccountId,
			/// What it found.
			vote: Vote,
		}
		/// A case has ended.
		CaseClosed {
			/// The deal.
			deal: DealId,
			/// How.
			verdict: Verdict,
			/// Whose votes are paid, an entry for each: if the result was overturned, they have the right one.
			paid: Vec<AccountId>,
		}
		/// Prices and rules were changed.
		ParametersSet {
			/// The new ones.
			params: MediationParameters,
		}
	}

	/// The gateways to EVM chains.
	GatewayEvent = "EvmGateway" {
		/// A lane was registered.
		LaneRegistered {
			/// The lane.
			lane: LaneId,
			/// EIP-155 id of its chain.
			chain: u64,
			/// The gateway's contract.
			gateway: H160,
		}
		/// A lane's finality rule or limits were set.
		LaneSet {
			/// The lane.
			lane: LaneId,
			/// What relayers go by.
			finality: FinalityRule,
			/// How much LP may pass.
			limits: Limits,
		}
		/// A lane was paused or resumed.
		LanePaused {
			/// The lane.
			lane: LaneId,
			/// Whether it is paused now.
			paused: bool,
		}
		/// All lanes were paused, or left to their own switches again.
		AllPaused {
			/// Whether all are paused now.
			paused: bool,
		}
		/// A request's job was posted.
		RequestTakenUp {
			/// The lane.
			lane: LaneId,
			/// The gateway's number of the request.
			id: u64,
			/// Its job.
			job: JobId,
			/// The account that pays.
			wallet: AccountId,
		}
		/// Somebody sent LP to an address there.
		BridgedOut {
			/// The lane.
			lane: LaneId,
			/// The payout's number.
			nonce: u64,
			/// Who.
			from: AccountId,
			/// To whom.
			to: H160,
			/// How much.
			amount: Balance,
		}
		/// What a wallet had to spare was sent to its address.
		Released {
			/// The lane.
			lane: LaneId,
			/// The payout's number.
			nonce: u64,
			/// The address.
			address: H160,
			/// How much.
			amount: Balance,
		}
	}
}

impl ChainEvent {
	/// The job that this is about, when the event names one.
	pub fn job(&self) -> Option<JobId> {
		match self {
			Self::MarketEvent(
				MarketEvent::JobPosted { job, .. }
				| MarketEvent::MatchProposed { job, .. }
				| MarketEvent::JobMatched { job, .. }
				| MarketEvent::JobRequeued { job, .. }
				| MarketEvent::JobCancelled { job }
				| MarketEvent::JobExpired { job }
				| MarketEvent::JobEnded { job, .. },
			)
			| Self::DealsEvent(DealsEvent::DealOpened { job, .. } | DealsEvent::Settled { job, .. })
			| Self::GatewayEvent(GatewayEvent::RequestTakenUp { job, .. }) => Some(*job),
			_ => None,
		}
	}

	/// The deal that this is about, when the event names one.
	pub fn deal(&self) -> Option<DealId> {
		match self {
			Self::DealsEvent(
				DealsEvent::DealOpened { deal, .. }
				| DealsEvent::Acknowledged { deal, .. }
				| DealsEvent::Submitted { deal, .. }
				| DealsEvent::Revealed { deal, .. }
				| DealsEvent::Disputed { deal, .. }
				| DealsEvent::AuditSkipped { deal, .. }
				| DealsEvent::DisputeDropped { deal, .. }
				| DealsEvent::Settled { deal, .. },
			)
			| Self::MediationEvent(
				MediationEvent::Slashed { deal, .. }
				| MediationEvent::CaseOpened { deal, .. }
				| MediationEvent::StageEntered { deal, .. }
				| MediationEvent::PanelDrawn { deal, .. }
				| MediationEvent::VoteCommitted { deal, .. }
				| MediationEvent::VoteRevealed { deal, .. }
				| MediationEvent::CaseClosed { deal, .. },
			)
			| Self::MarketEvent(MarketEvent::JobMatched { deal, .. } | MarketEvent::JobEnded { deal, .. }) => {
				Some(*deal)
			},
			_ => None,
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Encode;

	#[test]
	fn fields_are_read_in_order() {
		let fields = (JobId(7), DealId(8), OfferId(9), AccountId::new([1; 32])).encode();
		let event = ChainEvent::decode("Market", "JobMatched", &fields).expect("reads");
		assert_eq!((event.job(), event.deal()), (Some(JobId(7)), Some(DealId(8))));
		assert!(ChainEvent::decode("Market", "JobMatched", &fields[1..]).is_err());
	}

	#[test]
	fn what_is_not_known_is_named() {
		let event = ChainEvent::decode("System", "ExtrinsicSuccess", &[1, 2, 3]).expect("not read");
		assert_eq!(
			event,
			ChainEvent::Other {
				pallet: "System".into(),
				name: "ExtrinsicSuccess".into()
			}
		);
		assert_eq!((event.job(), event.deal()), (None, None));
	}
}
