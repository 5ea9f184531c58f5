//! Mediation as deals see it.

use crate::{state::Stage, Cases, Config, Pallet, WeightInfo};
use frame_support::weights::Weight;
use lilypad_primitives::{
	traits::{Mediate, NoPanel},
	AuditDraw, BlockNumber, CaseRequest, DealId, Terms,
};

impl<T: Config> Mediate<T::AccountId> for Pallet<T> {
	fn audit_draw(deal: DealId, terms: &Terms<T::AccountId>, draw_at: BlockNumber) -> AuditDraw {
		Self::audit_draw_of(deal, terms, draw_at)
	}

	fn open_case(deal: DealId, request: CaseRequest<T::AccountId>) -> Result<(), NoPanel> {
		Self::do_open_case(deal, request)
	}

	fn may_open(deal: DealId) -> bool {
		matches!(
			Cases::<T>::get(deal).map(|case| case.stage),
			Some(Stage::Revealing { by }) if Self::now() <= by
		)
	}

	fn opened(deal: DealId) {
		Self::close_if_complete(deal);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn draw_for_benchmark(deal: DealId, terms: &Terms<T::AccountId>, draw_at: BlockNumber) {
		crate::benchmarking::draw_out_of_nothing::<T>(deal, terms, draw_at);
	}

	fn open_case_weight() -> Weight {
		T::WeightInfo::open_case()
	}

	fn opened_weight() -> Weight {
		Self::closing(Weight::zero())
	}
}
