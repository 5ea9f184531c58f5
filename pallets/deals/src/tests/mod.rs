//! A file per call, and one for each thing that concerns all of them.

mod accept;
mod acknowledge;
mod audit;
mod bond;
mod cancel;
mod challenge;
mod counterparties;
mod decline;
mod expire;
mod feeless;
mod invariants;
mod judge;
mod market;
mod random;
mod report_unfetchable;
mod reveal;
mod rule;
mod scores;
mod submit;
mod sweep;
mod unbond;
mod withdraw_unbonded;

pub(crate) use crate::mock::*;
pub(crate) use crate::{
	AuditReserves, Bond, Bonds, DealState, Deals, Deposits, Error, Event, HoldReason, Lapses, NextDealId,
	SkipReason, SweepCursor,
};
pub(crate) use frame_support::{assert_noop, assert_ok};
pub(crate) use lilypad_primitives::{
	traits::{Arbitrable, Deals as DealsSeam, Scores},
	DealId, Dispute, DueKey, JobId, MediatorPolicy, Move, OfferId, Opening, Outcome, Party, Profile, Purse,
	Reason, Round, Ruling, Seal, Status, Terms, TrackRecord, Triple, Unbonding, Verdict, LP,
};

/// A settlement's event.
pub(crate) fn settled(
	deal: DealId,
	job: JobId,
	outcome: Outcome,
	moves: &[(Purse, Party, u128)],
) -> Event<Test> {
	let moves: Vec<_> = moves
		.iter()
		.map(|&(from, to, amount)| Move { from, to, amount })
		.collect();
	Event::Settled {
		deal,
		job,
		outcome,
		moves: moves.try_into().expect("few moves"),
	}
}

/// What the market must have been told last.
#[track_caller]
pub(crate) fn assert_told(expected: Told) {
	assert_eq!(Record::get().last(), Some(&expected));
}

/// What each panel costs: eleven votes of five.
pub(crate) const PANEL_FEE: u128 = 55 * LP;
/// What a vote costs.
pub(crate) const VOTE: u128 = 5 * LP;

/// A submitted deal that the draw falls on, in the first block in which it can be judged, with a pool that can pay.
pub(crate) fn drawn() -> DealId {
	mint(POOL, 2 * PANEL_FEE);
	let deal = submitted();
	Drawn::set(vec![deal]);
	pass(DRAW);
	deal
}

/// The same, being audited.
pub(crate) fn audited() -> DealId {
	let deal = drawn();
	assert_ok!(DealsPallet::audit(signed(OTHER), deal));
	deal
}

/// A deal whose result the creator has challenged as wrong.
pub(crate) fn challenged() -> DealId {
	let deal = submitted();
	pass(DRAW);
	assert_ok!(DealsPallet::challenge(signed(CREATOR), deal, Reason::WrongResult));
	deal
}

/// The provider opens its seal in its case.
pub(crate) fn open_in_case(deal: DealId) {
	PanelReveals::set(true);
	assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
}

/// An audit's mediator has found another result: three are asked.
pub(crate) fn escalated() -> DealId {
	let deal = audited();
	assert!(<DealsPallet as Arbitrable<_>>::fund_round(deal, Round::Three));
	deal
}

/// Mediation rules, and so many mediators are paid.
pub(crate) fn rule(deal: DealId, verdict: Verdict, votes: usize) {
	let paid = PANEL[..votes].to_vec();
	<DealsPallet as Arbitrable<_>>::rule(deal, Ruling { verdict, paid });
}
