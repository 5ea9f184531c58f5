//! The end of a deal, whichever it is.

use crate::{Config, DealOf, DealState, Deals, DueKey, Event, Lapses, Moves, Pallet};
use frame_support::weights::Weight;
use lilypad_primitives::{
	settle,
	traits::{JobBook, OnDealSettled},
	DealId, Outcome, Purse, Triple, VersionId,
};

impl<T: Config> Pallet<T> {
	/// Ends a live deal: moves the money, removes the record, and tells the market.
	///
	/// Can't fail, and everything of the deal is done when the market hears of it: the market gives the capacity back if
	/// no submission has, and may open another deal with the same job or the same provider at once. Returns what the
	/// market's part weighed.
	pub(crate) fn settle_deal(
		id: DealId,
		deal: DealOf<T>,
		outcome: Outcome,
		result: Option<Triple>,
	) -> Weight {
		Self::settle_dispute(id, deal, outcome, result, &[], None)
	}

	/// The same, for a deal whose panel is to be paid. `version` is the module's, if its author is.
	pub(crate) fn settle_dispute(
		id: DealId,
		deal: DealOf<T>,
		outcome: Outcome,
		result: Option<Triple>,
		panel: &[T::AccountId],
		version: Option<VersionId>,
	) -> Weight {
		let keep_budget = T::JobBook::will_requeue(deal.job, &outcome);
		Deals::<T>::remove(id);
		Lapses::<T>::remove(DueKey::new(deal.indexed_at, id));

		let settlement = settle(&deal.terms, &outcome);
		Self::apply(&deal.terms, &settlement, keep_budget, panel, version);
		if let DealState::Disputed { dispute, .. } = deal.state {
			Self::release_stake(id, &deal.terms, dispute, &settlement);
		}
		Self::keep_score(&deal.terms, &outcome);

		let moves = Moves::truncate_from(settlement.moves.clone());
		Self::deposit_event(Event::Settled {
			deal: id,
			job: deal.job,
			outcome,
			moves,
		});
		T::OnSettled::deal_settled(id, &deal.terms, &outcome, &settlement);
		T::JobBook::settled(
			deal.job,
			id,
			&outcome,
			result,
			settlement.taken_from(Purse::Budget),
		)
	}
}
