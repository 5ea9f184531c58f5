//! A file per call, and one for each thing that concerns all of them.

mod draw;
mod expire;
mod feeless;
mod invariants;
mod life;
mod longest;
mod parameters;
mod random;
mod register;
mod sweep;
mod tickets;
mod verdict;
mod votes;

pub(crate) use crate::{
	mock::*, Able, Cases, Due, Error, Event, Mediators, Params, SeatState, Stage, StoredTickets, TicketCount,
	Tickets,
};
pub(crate) use frame_support::{assert_noop, assert_ok};
pub(crate) use lilypad_primitives::{
	AuditDraw, Balance, BlockNumber, Commitment, DealId, DueKey, Opening, Outcome, Profile, Reason, Round,
	Status, Terms, Triple, Verdict, Vote, LP,
};

/// A deal whose result the creator has challenged as wrong: its case waits for the draw.
pub(crate) fn challenged_with(opening: Opening) -> DealId {
	let deal = submitted_with(terms(), opening);
	pass(DRAW + 1);
	let drawn = Deals::is_drawn(deal);
	assert_ok!(Deals::challenge(signed(CREATOR), deal, Reason::WrongResult));
	assert_eq!(
		drawn,
		Some(false),
		"this history doesn't audit the deal: change the salt"
	);
	deal
}

/// The same, with the right result.
pub(crate) fn challenged() -> DealId {
	challenged_with(opening(1))
}

/// A deal whose result is being audited: its case waits for the draw.
pub(crate) fn audited_with(opening: Opening) -> DealId {
	mint(POOL, 10 * PANEL_FEE);
	let deal = submitted_with(terms(), opening);
	// Look for a history in which the draw falls on it.
	let before = System::block_number();
	for salt in 0.. {
		Salt::set(salt);
		System::set_block_number(before);
		pass(DRAW + 1);
		if Deals::is_drawn(deal) == Some(true) {
			break;
		}
	}
	assert_ok!(Deals::audit(signed(OTHER), deal));
	deal
}

pub(crate) fn audited() -> DealId {
	audited_with(opening(1))
}

/// The stage of a deal's case.
#[track_caller]
pub(crate) fn stage(deal: DealId) -> Stage {
	Cases::<Test>::get(deal).expect("there is a case").stage
}

/// The present panel of a deal's case.
pub(crate) fn panel(deal: DealId) -> Vec<AccountId> {
	let case = Cases::<Test>::get(deal).expect("there is a case");
	let panel = case.panel().map(|seat| seat.mediator).collect();
	panel
}

pub(crate) fn round(deal: DealId) -> Round {
	Cases::<Test>::get(deal).expect("there is a case").round
}

/// Waits for the randomness, and draws.
pub(crate) fn draw(deal: DealId) -> Vec<AccountId> {
	let Stage::Drawing { draw_at, .. } = stage(deal) else {
		panic!("the case waits for a draw");
	};
	go_to(draw_at.max(System::block_number()));
	assert_ok!(Mediation::draw(signed(OTHER), deal));
	if Cases::<Test>::contains_key(deal) {
		panel(deal)
	} else {
		vec![]
	}
}

/// The salt of a mediator.
pub(crate) fn salt(who: AccountId) -> [u8; 32] {
	[who as u8; 32]
}

/// A mediator commits to a vote.
#[track_caller]
pub(crate) fn commit(deal: DealId, who: AccountId, vote: Vote) {
	let commitment = vote.commitment(deal, round(deal), &who, &salt(who));
	assert_ok!(Mediation::commit_vote(signed(who), deal, commitment));
}

/// A mediator reveals it.
#[track_caller]
pub(crate) fn reveal(deal: DealId, who: AccountId, vote: Vote) {
	assert_ok!(Mediation::reveal_vote(signed(who), deal, vote, salt(who)));
}

/// Draws a panel, has all commit and reveal; the provider opens with this, if it hasn't. The n-th mediator votes `votes(n)`.
#[track_caller]
pub(crate) fn whole_round(
	deal: DealId,
	opening: Option<Opening>,
	votes: impl Fn(usize) -> Vote,
) -> Vec<AccountId> {
	let panel = draw(deal);
	for (nth, who) in panel.iter().enumerate() {
		commit(deal, *who, votes(nth));
	}
	if let Some(opening) = opening {
		assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening));
	}
	for (nth, who) in panel.iter().enumerate() {
		reveal(deal, *who, votes(nth));
	}
	panel
}

/// How a deal ended.
pub(crate) fn ending(deal: DealId) -> Option<Outcome> {
	Endings::get()
		.into_iter()
		.find(|(id, _)| *id == deal)
		.map(|(_, outcome)| outcome)
}

/// What a mediator has on hold.
pub(crate) fn bond(who: AccountId) -> Balance {
	Mediators::<Test>::get(who).map_or(0, |mediator| mediator.total)
}

pub(crate) fn free(who: AccountId) -> Balance {
	Balances::free_balance(who)
}

/// This pallet's events, in order.
pub(crate) fn events() -> Vec<Event<Test>> {
	System::read_events_for_pallet::<Event<Test>>()
}

/// Twenty mediators.
pub(crate) const MEDIATORS: std::ops::Range<AccountId> = 1_000..1_020;
