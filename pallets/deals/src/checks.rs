//! May this account do this to that deal, now? Calls and the predicates of free calls ask the same functions, so that a
//! call that was let in for free can't fail.

use crate::{Config, DealOf, DealState, Deals, Error, Pallet};
use frame_support::{ensure, traits::Time};
use lilypad_primitives::{
	traits::Mediate, AuditDraw, BlockNumber, DealId, Dispute, Millis, Opening, Profile, Reason, Seal,
};
use sp_runtime::{DispatchError, SaturatedConversion};

/// A deal in state `Submitted`, taken apart.
pub(crate) struct SubmittedDeal<T: Config> {
	pub(crate) deal: DealOf<T>,
	pub(crate) seal: Seal,
	pub(crate) elapsed: Millis,
	pub(crate) draw_at: BlockNumber,
	pub(crate) judge_by: BlockNumber,
	pub(crate) opened: Option<Opening>,
	pub(crate) cleared: bool,
	pub(crate) challenged: bool,
}

/// In which of two states a provider may open its seal.
pub(crate) enum Openable<T: Config> {
	/// The result was submitted.
	Submitted(SubmittedDeal<T>),
	/// It is in dispute, and the mediators reveal.
	Disputed(DealOf<T>),
}

impl<T: Config> Pallet<T> {
	/// This block.
	pub(crate) fn now() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// This block's time.
	pub(crate) fn now_ms() -> Millis {
		T::Time::now()
	}

	fn live(id: DealId) -> Result<DealOf<T>, Error<T>> {
		Deals::<T>::get(id).ok_or(Error::UnknownDeal)
	}

	fn live_of_provider(who: &T::AccountId, id: DealId) -> Result<DealOf<T>, Error<T>> {
		let deal = Self::live(id)?;
		ensure!(deal.terms.provider == *who, Error::NotProvider);
		Ok(deal)
	}

	fn ensure_not_late(deal: &DealOf<T>) -> Result<(), Error<T>> {
		ensure!(Self::now() <= deal.state.deadline(), Error::TooLate);
		Ok(())
	}

	fn ensure_from(block: BlockNumber) -> Result<(), Error<T>> {
		match block.saturating_sub(Self::now()) {
			0 => Ok(()),
			wait => Err(Error::TooEarly {
				wait: wait.saturated_into(),
			}),
		}
	}

	/// For `acknowledge`, `decline` and `report_unfetchable`.
	pub(crate) fn check_acknowledge(who: &T::AccountId, id: DealId) -> Result<DealOf<T>, DispatchError> {
		let deal = Self::live_of_provider(who, id)?;
		match deal.state {
			DealState::Matched { .. } => (),
			DealState::Running { .. } => return Err(Error::<T>::AlreadyAcknowledged.into()),
			DealState::Submitted { .. } | DealState::Disputed { .. } => {
				return Err(Error::<T>::AlreadySubmitted.into())
			},
		}
		Self::ensure_not_late(&deal)?;
		Ok(deal)
	}

	/// For `submit`.
	pub(crate) fn check_submit(who: &T::AccountId, id: DealId) -> Result<DealOf<T>, DispatchError> {
		let deal = Self::live_of_provider(who, id)?;
		ensure!(deal.state.uses_capacity(), Error::<T>::AlreadySubmitted);
		Self::ensure_not_late(&deal)?;
		Ok(deal)
	}

	/// For `accept`.
	pub(crate) fn check_accept(
		who: &T::AccountId,
		id: DealId,
		opening: &Opening,
	) -> Result<SubmittedDeal<T>, DispatchError> {
		let deal = Self::live(id)?;
		ensure!(Self::may_judge(who, &deal), Error::<T>::NotCreator);
		let submitted = Self::check_submitted(deal)?;
		Self::check_opening(id, &submitted.deal, submitted.seal, submitted.elapsed, opening)?;
		Ok(submitted)
	}

	/// Who may accept and challenge: the creator, or whom a contract elsewhere has named as its delegate here.
	fn may_judge(who: &T::AccountId, deal: &DealOf<T>) -> bool {
		deal.terms.judging_account() == Some(who)
	}

	/// For `reveal`.
	pub(crate) fn check_reveal(
		who: &T::AccountId,
		id: DealId,
		opening: &Opening,
	) -> Result<Openable<T>, DispatchError> {
		let deal = Self::live_of_provider(who, id)?;
		if let DealState::Disputed {
			seal,
			elapsed,
			opened,
			..
		} = deal.state
		{
			ensure!(opened.is_none(), Error::<T>::AlreadyRevealed);
			ensure!(T::Mediation::may_open(id), Error::<T>::MediatorsNotReady);
			Self::check_opening(id, &deal, seal, elapsed, opening)?;
			return Ok(Openable::Disputed(deal));
		}
		let submitted = Self::check_submitted(deal)?;
		Self::check_opening(id, &submitted.deal, submitted.seal, submitted.elapsed, opening)?;
		ensure!(submitted.opened.is_none(), Error::<T>::AlreadyRevealed);
		Ok(Openable::Submitted(submitted))
	}

	/// A deal with a result that is not in dispute, taken apart.
	pub(crate) fn submitted(deal: &DealOf<T>) -> Option<SubmittedDeal<T>> {
		let DealState::Submitted {
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
			cleared,
			challenged,
		} = deal.state
		else {
			return None;
		};
		Some(SubmittedDeal {
			deal: deal.clone(),
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
			cleared,
			challenged,
		})
	}

	/// That there is a result, which can be judged now.
	fn check_submitted(deal: DealOf<T>) -> Result<SubmittedDeal<T>, Error<T>> {
		let submitted = Self::submitted(&deal).ok_or(match deal.state {
			DealState::Disputed { .. } => Error::InDispute,
			_ => Error::NotSubmitted,
		})?;
		Self::ensure_from(submitted.draw_at)?;
		Self::ensure_not_late(&deal)?;
		Ok(submitted)
	}

	fn check_opening(
		id: DealId,
		deal: &DealOf<T>,
		seal: Seal,
		elapsed: Millis,
		opening: &Opening,
	) -> Result<(), Error<T>> {
		ensure!(opening.seal(id) == seal, Error::WrongOpening);
		ensure!(
			opening.usage <= elapsed.min(deal.terms.time_limit),
			Error::UsageTooLong
		);
		Ok(())
	}

	/// For `audit`.
	pub(crate) fn check_audit(id: DealId) -> Result<SubmittedDeal<T>, DispatchError> {
		let submitted = Self::check_submitted(Self::live(id)?)?;
		let drawn = !submitted.cleared
			&& T::Mediation::audit_draw(id, &submitted.deal.terms, submitted.draw_at) == AuditDraw::Drawn;
		ensure!(drawn, Error::<T>::NotDrawn);
		Ok(submitted)
	}

	/// For an `audit` without a fee.
	pub(crate) fn check_free_audit(who: &T::AccountId, id: DealId) -> Result<(), DispatchError> {
		let submitted = Self::check_audit(id)?;
		let deal = &submitted.deal;
		ensure!(
			*who == deal.terms.provider || Self::may_judge(who, deal),
			Error::<T>::NotProvider
		);
		Ok(())
	}

	/// For `challenge`.
	pub(crate) fn check_challenge(
		who: &T::AccountId,
		id: DealId,
		reason: Reason,
	) -> Result<SubmittedDeal<T>, DispatchError> {
		let deal = Self::live(id)?;
		ensure!(Self::may_judge(who, &deal), Error::<T>::NotCreator);
		let submitted = Self::check_submitted(deal)?;
		ensure!(
			reason == Reason::Unavailable || submitted.deal.terms.profile == Profile::Deterministic,
			Error::<T>::NotVerifiable
		);
		// Once is enough to find out that there is none.
		ensure!(!submitted.challenged, Error::<T>::NoPanel);
		Ok(submitted)
	}

	/// Whether a result is to be audited, once that can be known.
	pub(crate) fn drawn(id: DealId) -> Option<bool> {
		let deal = Deals::<T>::get(id)?;
		match deal.state {
			DealState::Submitted { cleared: true, .. } => Some(false),
			DealState::Submitted { draw_at, .. } if Self::now() >= draw_at => {
				Some(T::Mediation::audit_draw(id, &deal.terms, draw_at) == AuditDraw::Drawn)
			},
			DealState::Disputed {
				dispute: Dispute::Audit,
				..
			} => Some(true),
			_ => None,
		}
	}

	/// For `expire`.
	pub(crate) fn check_expire(id: DealId) -> Result<DealOf<T>, DispatchError> {
		let deal = Self::live(id)?;
		ensure!(
			!matches!(deal.state, DealState::Disputed { .. }),
			Error::<T>::InDispute
		);
		Self::ensure_from(deal.state.deadline().saturating_add(1))?;
		Ok(deal)
	}

	/// For the market's cancelling. Whether the creator wants it, the market has checked.
	pub(crate) fn check_cancel(id: DealId) -> Result<DealOf<T>, DispatchError> {
		let deal = Self::live(id)?;
		ensure!(deal.state.uses_capacity(), Error::<T>::AlreadySubmitted);
		// A provider's fault is not the creator's to pay for, nor to forgive.
		Self::ensure_not_late(&deal)?;
		Ok(deal)
	}
}
