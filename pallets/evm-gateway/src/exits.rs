//! Requests that were taken back at the gateway, by the way out that it has when nothing was proven to it for long.
//!
//! An exit gives a request's whole budget back there, whatever this chain has decided, or will. So it is booked here: nothing is
//! taken up for a request that is gone, nothing is told about it, and what its job has cost or still costs is LP without cover.

use crate::{
	eip712,
	inbox::{Ballot, WINDOW},
	AllBatches, AllHandled, Answer, Config, Error, Event, FirstKept, Handled, LaneId, Live, LiveRequests,
	Message, OpenVotes, Pallet, Pending, PendingRequests, Ticket, MAX_AMOUNT,
};
use frame_support::ensure;
use lilypad_primitives::{Balance, JobId};
use sp_runtime::{AccountId32, DispatchError};

/// Where a request stood when it was taken back.
pub(crate) enum Exiting {
	/// It is not decided: nothing was minted for it.
	Undecided,
	/// Its job is alive.
	Live(JobId, Live),
	/// It was answered so, and the answer has not arrived.
	Answered(Answer),
}

/// An attestation of an exit that counts.
pub(crate) struct ExitAttestation {
	pub(crate) ballot: Ballot,
	exiting: Exiting,
}

impl<T: Config> Pallet<T> {
	/// For `attest_exit` and its predicate: whatever passes can't fail.
	pub(crate) fn check_exit(
		who: &AccountId32,
		lane: LaneId,
		ticket: &Ticket,
	) -> Result<ExitAttestation, Error<T>> {
		Self::open(lane)?;
		let (set, _) = Self::member_of(who, lane)?;
		ensure!((1..=MAX_AMOUNT).contains(&ticket.budget), Error::BadAmount);
		let exiting = Self::exiting(lane, ticket)?;
		let digest = ticket.exit_digest();
		// Whoever has attested the request before it was taken back, says the next thing now.
		let request = eip712::ticket(ticket);
		let ballot = Self::count_vote(&set, who, (lane, ticket.id), digest, Some(request))?;
		if ballot.quorum && exiting.still_due(ticket) > 0 {
			Self::ensure_room_for_message(lane)?;
		}
		Ok(ExitAttestation { ballot, exiting })
	}

	/// Where the request with this ticket stands, if it can have been taken back.
	fn exiting(lane: LaneId, ticket: &Ticket) -> Result<Exiting, Error<T>> {
		let id = ticket.id;
		let exiting = match PendingRequests::<T>::get(lane, id) {
			Some(Pending::Live(job)) => LiveRequests::<T>::get(job)
				.filter(|live| live.ticket == *ticket)
				.map(|live| Exiting::Live(job, live)),
			Some(Pending::Answered(batch)) => AllBatches::<T>::get(lane, batch).and_then(|batch| {
				batch.messages.iter().find_map(|message| match message {
					Message::Answer { ticket: told, answer } if told == ticket => {
						Some(Exiting::Answered(*answer))
					},
					_ => None,
				})
			}),
			None => {
				let first = FirstKept::<T>::get(lane);
				let decided = id < first || AllHandled::<T>::contains_key(lane, id);
				ensure!(decided || id - first < WINDOW, Error::TooFarAhead);
				(!decided).then_some(Exiting::Undecided)
			},
		};
		exiting.ok_or(Error::AlreadyHandled)
	}

	pub(crate) fn do_attest_exit(
		who: &AccountId32,
		lane: LaneId,
		ticket: Ticket,
	) -> Result<(), DispatchError> {
		let ExitAttestation { ballot, exiting } = Self::check_exit(who, lane, &ticket)?;
		let quorum = ballot.quorum;
		Self::cast(who, lane, ticket.id, ballot);
		if quorum {
			Self::book_exit(lane, &ticket, exiting);
		}
		Ok(())
	}

	fn book_exit(lane: LaneId, ticket: &Ticket, exiting: Exiting) {
		let Ticket { id, budget, .. } = *ticket;
		let request = eip712::ticket(ticket);
		let lost = match exiting {
			Exiting::Undecided => {
				let handled = Handled {
					digest: request,
					amount: 0,
					replaced: false,
				};
				Self::decide(lane, id, handled);
				Self::change_books(lane, |books| {
					books.received = books.received.saturating_add(budget);
					books.released = books.released.saturating_add(budget);
				});
				0
			},
			Exiting::Live(job, live) => {
				LiveRequests::<T>::insert(job, Live { exited: true, ..live });
				Self::change_books(lane, |books| {
					books.reserved = books.reserved.saturating_sub(budget)
				});
				budget
			},
			Exiting::Answered(answer) => {
				let still_due = Exiting::Answered(answer).still_due(ticket);
				if still_due > 0 {
					let payout = Self::next_payout(lane, ticket.refund_to, still_due);
					Self::push(lane, Message::Payout(payout));
				}
				budget.saturating_sub(answer.refund)
			},
		};
		Self::change_books(lane, |books| books.lost = books.lost.saturating_add(lost));
		AllHandled::<T>::mutate(lane, id, |handled| {
			if let Some(handled) = handled.as_mut().filter(|handled| handled.digest == request) {
				// A re-organisation that undoes it takes nothing out of the gateway any more.
				handled.amount = 0;
			}
		});
		OpenVotes::<T>::remove(lane, id);
		PendingRequests::<T>::remove(lane, id);
		Self::deposit_event(Event::Exited {
			lane,
			id,
			amount: budget,
			lost,
		});
	}

	/// Ends a live request that was taken back: what its job has left over is burned, and covers so much of what was lost. Can't fail.
	pub(crate) fn close_exited(
		lane: LaneId,
		ticket: &Ticket,
		wallet: &AccountId32,
		others: u32,
		due: Balance,
	) {
		let there = Self::spare(wallet, others);
		let amount = Self::without_dust(due.min(there), there, others);
		let burned = Self::burn(lane, wallet, amount);
		Self::change_books(lane, |books| books.lost = books.lost.saturating_sub(burned));
		Self::deposit_event(Event::Recovered {
			lane,
			id: ticket.id,
			amount: burned,
		});
	}

	/// Forgets that the gateway waits for an answer, and what was said about that.
	pub(crate) fn forget_pending(lane: LaneId, id: u64) {
		PendingRequests::<T>::remove(lane, id);
		// Of numbers in the window votes are kept like all others.
		if id < FirstKept::<T>::get(lane) {
			OpenVotes::<T>::remove(lane, id);
		}
	}
}

impl Exiting {
	/// What the answer promised beyond what the exit gave: compensation.
	fn still_due(&self, ticket: &Ticket) -> Balance {
		match self {
			Exiting::Answered(answer) => answer.refund.saturating_sub(ticket.budget),
			Exiting::Undecided | Exiting::Live(..) => 0,
		}
	}
}
