//! May this account do this to that deal, now? Calls and the predicates of free calls ask the same functions, so that a
//! call that was let in for free can't fail.

use crate::{Config, DealOf, DealState, Deals, Error, Pallet};
use frame_support::{ensure, traits::Time};
use lilypad_primitives::{traits::Mediate, BlockNumber, DealId, Millis, Opening, Seal};
use sp_runtime::{DispatchError, SaturatedConversion};

/// A deal in state `Submitted`, taken apart.
pub(crate) struct SubmittedDeal<T: Config> {
	pub(crate) deal: DealOf<T>,
	pub(crate) seal: Seal,
	pub(crate) elapsed: Millis,
	pub(crate) draw_at: BlockNumber,
	pub(crate) judge_by: BlockNumber,
	pub(crate) opened: Option<Opening>,
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
			DealState::Submitted { .. } => return Err(Error::<T>::AlreadySubmitted.into()),
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
		ensure!(deal.terms.creator == *who, Error::<T>::NotCreator);
		Self::check_opening(id, deal, opening)
	}

	/// For `reveal`.
	pub(crate) fn check_reveal(
		who: &T::AccountId,
		id: DealId,
		opening: &Opening,
	) -> Result<SubmittedDeal<T>, DispatchError> {
		let deal = Self::live_of_provider(who, id)?;
		let submitted = Self::check_opening(id, deal, opening)?;
		ensure!(submitted.opened.is_none(), Error::<T>::AlreadyRevealed);
		Ok(submitted)
	}

	fn check_opening(
		id: DealId,
		deal: DealOf<T>,
		opening: &Opening,
	) -> Result<SubmittedDeal<T>, DispatchError> {
		let DealState::Submitted {
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
		} = deal.state
		else {
			return Err(Error::<T>::NotSubmitted.into());
		};
		Self::ensure_from(draw_at)?;
		Self::ensure_not_late(&deal)?;
		ensure!(
			!T::Mediation::is_drawn_for_audit(id, &deal.terms, draw_at),
			Error::<T>::DrawnForAudit
		);
		ensure!(opening.seal(id) == seal, Error::<T>::WrongOpening);
		ensure!(
			opening.usage <= elapsed.min(deal.terms.time_limit),
			Error::<T>::UsageTooLong
		);
		Ok(SubmittedDeal {
			deal,
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
		})
	}

	/// For `expire`.
	pub(crate) fn check_expire(id: DealId) -> Result<DealOf<T>, DispatchError> {
		let deal = Self::live(id)?;
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
