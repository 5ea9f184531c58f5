//! Votes: may this mediator cast this vote, now? Calls and the predicates of free calls ask the same functions.

use crate::{
	state::{SeatState, Stage},
	CaseOf, Cases, Config, Error, Event, Pallet,
};
use frame_support::ensure;
use lilypad_primitives::{Commitment, DealId, Vote};
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
	/// For `commit_vote`.
	pub(crate) fn check_commit(who: &T::AccountId, deal: DealId) -> Result<CaseOf<T>, Error<T>> {
		let case = Cases::<T>::get(deal).ok_or(Error::NoCase)?;
		let Stage::Committing { by } = case.stage else {
			return Err(Error::NotCommitting);
		};
		ensure!(Self::now() <= by, Error::TooLate);
		match case.seat(who).map(|seat| seat.state) {
			Some(SeatState::Drawn) => Ok(case),
			Some(_) => Err(Error::AlreadyCommitted),
			None => Err(Error::NotSeated),
		}
	}

	pub(crate) fn do_commit(who: &T::AccountId, deal: DealId, commitment: Commitment) -> DispatchResult {
		let mut case = Self::check_commit(who, deal)?;
		for seat in case.panel_mut().filter(|seat| seat.mediator == *who) {
			seat.state = SeatState::Committed(commitment);
		}
		Self::deposit_event(Event::VoteCommitted {
			deal,
			mediator: who.clone(),
		});
		if case.panel().all(|seat| seat.state != SeatState::Drawn) {
			Self::start_revealing(deal, case);
		} else {
			Cases::<T>::insert(deal, case);
		}
		Ok(())
	}

	/// For `reveal_vote`.
	pub(crate) fn check_reveal(
		who: &T::AccountId,
		deal: DealId,
		vote: &Vote,
		salt: &[u8; 32],
	) -> Result<CaseOf<T>, Error<T>> {
		let case = Cases::<T>::get(deal).ok_or(Error::NoCase)?;
		let Stage::Revealing { by } = case.stage else {
			return Err(Error::NotRevealing);
		};
		ensure!(Self::now() <= by, Error::TooLate);
		match case.seat(who).map(|seat| seat.state) {
			Some(SeatState::Committed(commitment)) => ensure!(
				vote.commitment(deal, case.round, who, salt) == commitment,
				Error::WrongVote
			),
			Some(_) => return Err(Error::AlreadyRevealed),
			None => return Err(Error::NotSeated),
		}
		Ok(case)
	}

	pub(crate) fn do_reveal(who: &T::AccountId, deal: DealId, vote: Vote, salt: [u8; 32]) -> DispatchResult {
		let mut case = Self::check_reveal(who, deal, &vote, &salt)?;
		for seat in case.panel_mut().filter(|seat| seat.mediator == *who) {
			seat.state = SeatState::Revealed(vote);
		}
		Cases::<T>::insert(deal, case);
		Self::deposit_event(Event::VoteRevealed {
			deal,
			mediator: who.clone(),
			vote,
		});
		Self::close_if_complete(deal);
		Ok(())
	}
}
