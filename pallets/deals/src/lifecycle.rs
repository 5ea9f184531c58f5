//! The deal's transitions, one function each.

use crate::{
	checks::{Openable, SubmittedDeal},
	Config, DealOf, DealState, Deals, DueKey, Event, Lapses, Pallet, WeightInfo,
};
use frame_support::{traits::Get, weights::Weight};
use lilypad_primitives::{
	fits::run_blocks,
	traits::{JobBook, Mediate},
	Balance, DealId, Judge, Opening, Outcome, Seal, Status,
};
use sp_runtime::DispatchError;

impl<T: Config> Pallet<T> {
	/// Returns what it weighed, as the other calls' functions do.
	pub(crate) fn do_acknowledge(who: &T::AccountId, id: DealId) -> Result<Weight, DispatchError> {
		let deal = Self::check_acknowledge(who, id)?;
		let now = Self::now();
		let submit_by = now
			.saturating_add(run_blocks(deal.terms.time_limit, T::MillisPerBlock::get()))
			.saturating_add(T::SubmitMargin::get());
		let moved = Self::advance(
			id,
			deal,
			DealState::Running {
				acked_at: now,
				acked_ms: Self::now_ms(),
				submit_by,
			},
		);
		Self::deposit_event(Event::Acknowledged { deal: id, submit_by });
		Ok(T::WeightInfo::acknowledge().saturating_add(moved))
	}

	pub(crate) fn do_decline(who: &T::AccountId, id: DealId) -> Result<Weight, DispatchError> {
		let deal = Self::check_acknowledge(who, id)?;
		let market = Self::settle_deal(id, deal, Outcome::Declined, None);
		Ok(T::WeightInfo::decline().saturating_add(market))
	}

	pub(crate) fn do_report_unfetchable(who: &T::AccountId, id: DealId) -> Result<Weight, DispatchError> {
		let deal = Self::check_acknowledge(who, id)?;
		let again = T::JobBook::unfetchable_before(deal.job);
		let market = Self::settle_deal(id, deal, Outcome::Unfetchable { again }, None);
		Ok(T::WeightInfo::report_unfetchable().saturating_add(market))
	}

	pub(crate) fn do_submit(who: &T::AccountId, id: DealId, seal: Seal) -> Result<Weight, DispatchError> {
		let deal = Self::check_submit(who, id)?;
		// Chain time can't be measured finer than by blocks, and blocks come earlier or later than they should: a run may
		// always claim one more.
		let elapsed = match deal.state {
			DealState::Running { acked_ms, .. } => Self::now_ms().saturating_sub(acked_ms),
			DealState::Matched { .. } | DealState::Submitted { .. } | DealState::Disputed { .. } => 0,
		}
		.saturating_add(T::MillisPerBlock::get());
		// The draw uses the blocks after this one, and a block's randomness is known in the next.
		let draw_at = Self::now().saturating_add(T::DrawBlocks::get()).saturating_add(1);
		let judge_by = draw_at.saturating_add(T::JudgeBlocks::get());
		let job = deal.job;
		let moved = Self::advance(
			id,
			deal,
			DealState::Submitted {
				seal,
				elapsed,
				draw_at,
				judge_by,
				opened: None,
				cleared: false,
				challenged: false,
			},
		);
		Self::deposit_event(Event::Submitted {
			deal: id,
			seal,
			draw_at,
			judge_by,
		});
		let own = T::WeightInfo::submit().saturating_add(moved);
		Ok(own.saturating_add(T::JobBook::run_ended(job)))
	}

	pub(crate) fn do_accept(
		who: &T::AccountId,
		id: DealId,
		opening: Opening,
	) -> Result<Weight, DispatchError> {
		let submitted = Self::check_accept(who, id, &opening)?;
		let Some(SubmittedDeal { deal, opened, .. }) = Self::screen(id, submitted) else {
			return Ok(Self::disputing(T::WeightInfo::accept()));
		};
		if opened.is_none() {
			Self::tell_of(id, &opening);
		}
		Ok(T::WeightInfo::accept().saturating_add(Self::pay_for(id, deal, opening)))
	}

	/// Settles a deal whose result nobody doubts. Returns what the market's part weighed.
	fn pay_for(id: DealId, deal: DealOf<T>, opening: Opening) -> Weight {
		let Opening { triple, usage, .. } = opening;
		let completed = triple.status == Status::Completed;
		Self::settle_deal(id, deal, Outcome::Accepted { usage, completed }, Some(triple))
	}

	fn tell_of(id: DealId, opening: &Opening) {
		Self::deposit_event(Event::Revealed {
			deal: id,
			triple: opening.triple,
			usage: opening.usage,
		});
	}

	pub(crate) fn do_reveal(
		who: &T::AccountId,
		id: DealId,
		opening: Opening,
	) -> Result<Weight, DispatchError> {
		match Self::check_reveal(who, id, &opening)? {
			Openable::Submitted(submitted) => {
				let Some(submitted) = Self::screen(id, submitted) else {
					return Ok(Self::disputing(T::WeightInfo::reveal()));
				};
				Self::tell_of(id, &opening);
				// Where nobody may say anything about the result, nobody's silence need be waited for.
				if submitted.deal.terms.judge == Judge::Nobody {
					let market = Self::pay_for(id, submitted.deal, opening);
					return Ok(Self::disputing(T::WeightInfo::accept()).saturating_add(market));
				}
				Self::store_submitted(
					id,
					SubmittedDeal {
						opened: Some(opening),
						..submitted
					},
				);
				Ok(Self::disputing(T::WeightInfo::reveal()))
			},
			Openable::Disputed(mut deal) => {
				if let DealState::Disputed { opened, .. } = &mut deal.state {
					*opened = Some(opening);
				}
				Deals::<T>::insert(id, deal);
				Self::tell_of(id, &opening);
				T::Mediation::opened(id);
				Ok(Self::opening_in_case())
			},
		}
	}

	pub(crate) fn do_expire(id: DealId) -> Result<Weight, DispatchError> {
		let deal = Self::check_expire(id)?;
		// Whoever fears the audit must not get away with a time-out.
		let withheld = Self::submitted(&deal).filter(|submitted| submitted.opened.is_none());
		if withheld.is_some_and(|submitted| Self::screen(id, submitted).is_none()) {
			return Ok(Self::disputing(T::WeightInfo::expire_fault()));
		}
		let (outcome, result) = match deal.state {
			DealState::Matched { .. } => (Outcome::NoShow, None),
			DealState::Running { .. } | DealState::Submitted { opened: None, .. } => {
				(Outcome::TimedOut, None)
			},
			// Checked: it doesn't lapse.
			DealState::Disputed { .. } => return Err(crate::Error::<T>::InDispute.into()),
			DealState::Submitted {
				opened: Some(Opening { triple, usage, .. }),
				..
			} => {
				let completed = triple.status == Status::Completed;
				(Outcome::Accepted { usage, completed }, Some(triple))
			},
		};
		let screened = matches!(deal.state, DealState::Submitted { opened: None, .. });
		let own = match outcome {
			Outcome::Accepted { .. } => T::WeightInfo::expire_opened(),
			_ if screened => Self::disputing(T::WeightInfo::expire_fault()),
			_ => T::WeightInfo::expire_fault(),
		};
		Ok(own.saturating_add(Self::settle_deal(id, deal, outcome, result)))
	}

	/// Returns what the market's part weighed.
	pub(crate) fn do_cancel(id: DealId) -> Result<Weight, DispatchError> {
		let deal = Self::check_cancel(id)?;
		let outcome = match deal.state {
			DealState::Running { acked_ms, .. } => Outcome::CancelledRunning {
				elapsed: Self::now_ms().saturating_sub(acked_ms),
			},
			DealState::Matched { .. } | DealState::Submitted { .. } | DealState::Disputed { .. } => {
				Outcome::CancelledBeforeAck
			},
		};
		Ok(Self::settle_deal(id, deal, outcome, None))
	}

	/// Weight of submitting a result, at most.
	pub(crate) fn weight_of_submit() -> Weight {
		T::WeightInfo::submit()
			.saturating_add(T::WeightInfo::reindex())
			.saturating_add(T::JobBook::run_ended_weight())
	}

	/// Weight of expiring whatever there is.
	pub(crate) fn expire_weight() -> Weight {
		let fault = Self::disputing(Self::settling(T::WeightInfo::expire_fault()));
		fault.max(Self::settling_well(T::WeightInfo::expire_opened()))
	}

	/// Weight of a call that settles a deal: its own, and what the market does about it.
	pub(crate) fn settling(own: Weight) -> Weight {
		own.saturating_add(T::JobBook::settled_weight())
	}

	/// The same for a call that pays for a result.
	pub(crate) fn settling_well(own: Weight) -> Weight {
		own.saturating_add(T::JobBook::settled_well_weight())
	}

	/// Weight of a call that may begin a dispute besides.
	pub(crate) fn disputing(own: Weight) -> Weight {
		own.saturating_add(T::WeightInfo::open_dispute())
			.saturating_add(T::Mediation::open_case_weight())
	}

	/// Weight of opening a seal, whatever follows.
	pub(crate) fn revealing() -> Weight {
		let paying = Self::settling_well(T::WeightInfo::accept());
		Self::disputing(paying.max(T::WeightInfo::reveal())).max(Self::opening_in_case())
	}

	/// Weight of opening a seal in a case, which may close it.
	pub(crate) fn opening_in_case() -> Weight {
		T::WeightInfo::reveal().saturating_add(T::Mediation::opened_weight())
	}

	/// Puts a live deal into its next state. Returns what it weighed to move it in the index of deadlines: it is moved only
	/// when it would be looked at too late. When it is looked at too early, the sweeper moves it.
	pub(crate) fn advance(id: DealId, mut deal: DealOf<T>, next: DealState) -> Weight {
		deal.state = next;
		if next.deadline() < deal.indexed_at {
			Self::reindex(id, deal);
			return T::WeightInfo::reindex();
		}
		Deals::<T>::insert(id, deal);
		Weight::zero()
	}

	/// Stores a deal, and its place in the index of deadlines: where it belongs now.
	pub(crate) fn reindex(id: DealId, mut deal: DealOf<T>) {
		Lapses::<T>::remove(DueKey::new(deal.indexed_at, id));
		deal.indexed_at = deal.state.deadline();
		Lapses::<T>::insert(DueKey::new(deal.indexed_at, id), ());
		Deals::<T>::insert(id, deal);
	}

	/// The part of a provider's bond that can back another deal.
	pub(crate) fn free_bond_of(provider: &T::AccountId) -> Balance {
		crate::Bonds::<T>::get(provider).map_or(0, |bond| bond.free())
	}
}
