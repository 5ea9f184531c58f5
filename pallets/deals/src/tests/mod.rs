//! A file per call, and one for each thing that concerns all of them.

mod accept;
mod acknowledge;
mod bond;
mod cancel;
mod counterparties;
mod decline;
mod expire;
mod feeless;
mod invariants;
mod market;
mod random;
mod report_unfetchable;
mod reveal;
mod submit;
mod sweep;
mod unbond;
mod withdraw_unbonded;

pub(crate) use crate::mock::*;
pub(crate) use crate::{
	Bond, Bonds, Budgets, DealState, Deals, Deposits, Error, Event, HoldReason, LapseKey, Lapses, NextDealId,
	SweepCursor, Unbonding,
};
pub(crate) use frame_support::{assert_noop, assert_ok};
pub(crate) use lilypad_primitives::{
	traits::Deals as DealsSeam, DealId, JobId, Move, OfferId, Opening, Outcome, Party, Purse, Seal, Status,
	Terms, Triple, LP,
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
