//! The deal's transitions, one function each.

use crate::{
	checks::SubmittedDeal, Config, DealOf, DealState, Deals, Event, LapseKey, Lapses, Pallet, WeightInfo,
};
use frame_support::{traits::Get, weights::Weight};
use lilypad_primitives::{
	fits::run_blocks, traits::JobBook, Balance, DealId, Opening, Outcome, Seal, Status,
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	pub(crate) fn do_acknowledge(who: &T::AccountId, id: DealId) -> DispatchResult {
		let deal = Self::check_acknowledge(who, id)?;
		let now = Self::now();
		let submit_by = now
			.saturating_add(run_blocks(deal.terms.time_limit, T::MillisPerBlock::get()))
			.saturating_add(T::SubmitMargin::get());
		Self::advance(
			id,
			deal,
			DealState::Running {
				acked_at: now,
				acked_ms: Self::now_ms(),
				submit_by,
			},
		);
		Self::deposit_event(Event::Acknowledged { deal: id, submit_by });
		Ok(())
	}

	pub(crate) fn do_decline(who: &T::AccountId, id: DealId) -> DispatchResult {
		let deal = Self::check_acknowledge(who, id)?;
		Self::settle_deal(id, deal, Outcome::Declined, None);
		Ok(())
	}

	pub(crate) fn do_report_unfetchable(who: &T::AccountId, id: DealId) -> DispatchResult {
		let deal = Self::check_acknowledge(who, id)?;
		let again = T::JobBook::unfetchable_before(deal.job);
		Self::settle_deal(id, deal, Outcome::Unfetchable { again }, None);
		Ok(())
	}

	/// Returns what it weighed.
	pub(crate) fn do_submit(who: &T::AccountId, id: DealId, seal: Seal) -> Result<Weight, DispatchError> {
		let deal = Self::check_submit(who, id)?;
		// Chain time can't be measured finer than by blocks, and blocks come earlier or later than they should: a run may
		// always claim one more.
		let elapsed = match deal.state {
			DealState::Running { acked_ms, .. } => Self::now_ms().saturating_sub(acked_ms),
			DealState::Matched { .. } | DealState::Submitted { .. } => 0,
		}
		.saturating_add(T::MillisPerBlock::get());
		let draw_at = Self::now().saturating_add(T::DrawBlocks::get());
		let judge_by = draw_at.saturating_add(T::JudgeBlocks::get());
		let job = deal.job;
		Self::advance(
			id,
			deal,
			DealState::Submitted {
				seal,
				elapsed,
				draw_at,
				judge_by,
				opened: None,
			},
		);
		Self::deposit_event(Event::Submitted {
			deal: id,
			seal,
			draw_at,
			judge_by,
		});
		Ok(T::WeightInfo::submit().saturating_add(T::JobBook::run_ended(job)))
	}

	pub(crate) fn do_accept(who: &T::AccountId, id: DealId, opening: Opening) -> DispatchResult {
		let SubmittedDeal { deal, opened, .. } = Self::check_accept(who, id, &opening)?;
		let Opening { triple, usage, .. } = opening;
		if opened.is_none() {
			Self::deposit_event(Event::Revealed {
				deal: id,
				triple,
				usage,
			});
		}
		let completed = triple.status == Status::Completed;
		Self::settle_deal(id, deal, Outcome::Accepted { usage, completed }, Some(triple));
		Ok(())
	}

	pub(crate) fn do_reveal(who: &T::AccountId, id: DealId, opening: Opening) -> DispatchResult {
		let SubmittedDeal {
			deal,
			seal,
			elapsed,
			draw_at,
			judge_by,
			..
		} = Self::check_reveal(who, id, &opening)?;
		let Opening { triple, usage, .. } = opening;
		Self::advance(
			id,
			deal,
			DealState::Submitted {
				seal,
				elapsed,
				draw_at,
				judge_by,
				opened: Some(opening),
			},
		);
		Self::deposit_event(Event::Revealed {
			deal: id,
			triple,
			usage,
		});
		Ok(())
	}

	/// Returns what it weighed at most.
	pub(crate) fn do_expire(id: DealId) -> Result<Weight, DispatchError> {
		let deal = Self::check_expire(id)?;
		let (outcome, result) = match deal.state {
			DealState::Matched { .. } => (Outcome::NoShow, None),
			DealState::Running { .. } | DealState::Submitted { opened: None, .. } => {
				(Outcome::TimedOut, None)
			},
			DealState::Submitted {
				opened: Some(Opening { triple, usage, .. }),
				..
			} => {
				let completed = triple.status == Status::Completed;
				(Outcome::Accepted { usage, completed }, Some(triple))
			},
		};
		Self::settle_deal(id, deal, outcome, result);
		Ok(match outcome {
			Outcome::Accepted { .. } => Self::settling_unaccepted(T::WeightInfo::expire_opened()),
			_ => Self::settling(T::WeightInfo::expire_fault()),
		})
	}

	pub(crate) fn do_cancel(id: DealId) -> DispatchResult {
		let deal = Self::check_cancel(id)?;
		let outcome = match deal.state {
			DealState::Running { acked_ms, .. } => Outcome::CancelledRunning {
				elapsed: Self::now_ms().saturating_sub(acked_ms),
			},
			DealState::Matched { .. } | DealState::Submitted { .. } => Outcome::CancelledBeforeAck,
		};
		Self::settle_deal(id, deal, outcome, None);
		Ok(())
	}

	/// Weight of expiring whatever there is.
	pub(crate) fn expire_weight() -> Weight {
		Self::settling(T::WeightInfo::expire_fault())
			.max(Self::settling_unaccepted(T::WeightInfo::expire_opened()))
	}

	/// Weight of a call that settles a deal: its own, and what the market does about it.
	pub(crate) fn settling(own: Weight) -> Weight {
		own.saturating_add(T::JobBook::settled_weight())
	}

	/// The same for a call that pays for a result.
	pub(crate) fn settling_well(own: Weight) -> Weight {
		own.saturating_add(T::JobBook::settled_well_weight())
	}

	/// The same for a call that pays for a result that nobody has accepted.
	pub(crate) fn settling_unaccepted(own: Weight) -> Weight {
		own.saturating_add(T::JobBook::settled_unaccepted_weight())
	}

	/// Puts a live deal into its next state, and its deadline into the index.
	fn advance(id: DealId, mut deal: DealOf<T>, next: DealState) {
		let (before, after) = (deal.state.deadline(), next.deadline());
		if before != after {
			Lapses::<T>::remove(LapseKey::new(before, id));
			Lapses::<T>::insert(LapseKey::new(after, id), ());
		}
		deal.state = next;
		Deals::<T>::insert(id, deal);
	}

	/// The part of a provider's bond that can back another deal.
	pub(crate) fn free_bond_of(provider: &T::AccountId) -> Balance {
		crate::Bonds::<T>::get(provider).map_or(0, |bond| bond.free())
	}
}
