//! What the market may ask for.

use crate::{Config, Deal, DealState, Deals, DueKey, Error, Event, HoldReason, Lapses, NextDealId, Pallet};
use frame_support::{traits::Get, weights::Weight};
use lilypad_primitives::{
	fits::run_blocks, traits::Deals as DealsSeam, Balance, BlockNumber, DealId, JobId, Millis, OfferId, Terms,
};
use sp_runtime::{DispatchError, DispatchResult, SaturatedConversion};

impl<T: Config> Pallet<T> {
	/// Blocks to acknowledge a deal for which this much has to be fetched.
	fn ack_blocks(fetch_bytes: u64) -> BlockNumber {
		let fetch: BlockNumber = fetch_bytes
			.div_ceil(T::FetchBytesPerBlock::get().max(1))
			.saturated_into();
		T::AckBlocks::get().saturating_add(fetch.min(T::MaxFetchBlocks::get()))
	}

	/// Blocks from the match of a job with this time limit to its deal's end, if everything takes as long as it may, without the
	/// time that mediators have: run, draw, and three times the time to judge, for cases can be dropped twice.
	pub fn longest_deal(time_limit: Millis) -> BlockNumber {
		<Self as DealsSeam<_>>::run_blocks(time_limit, u64::MAX)
			.saturating_add(T::DrawBlocks::get())
			.saturating_add(T::JudgeBlocks::get().saturating_mul(3))
			.saturating_add(4)
	}
}

impl<T: Config> DealsSeam<T::AccountId> for Pallet<T> {
	fn hold_budget(creator: &T::AccountId, amount: Balance) -> DispatchResult {
		Self::hold(HoldReason::JobBudget, creator, amount)
	}

	fn release_budget(creator: &T::AccountId, amount: Balance) {
		Self::give_back(HoldReason::JobBudget, creator, amount);
	}

	fn hold_deposit(who: &T::AccountId, amount: Balance) -> DispatchResult {
		Self::hold_deposit_of(who, amount)
	}

	fn release_deposit(who: &T::AccountId, amount: Balance) {
		Self::release_deposit_of(who, amount);
	}

	fn free_bond(provider: &T::AccountId) -> Balance {
		Self::free_bond_of(provider)
	}

	fn open(
		job: JobId,
		offer: OfferId,
		terms: Terms<T::AccountId>,
		fetch_bytes: u64,
	) -> Result<DealId, DispatchError> {
		let deal = NextDealId::<T>::get();
		let next = deal.next().ok_or(Error::<T>::IdsExhausted)?;
		Self::commit(&terms.provider, terms.collateral)?;
		let now = Self::now();
		let ack_by = now.saturating_add(Self::ack_blocks(fetch_bytes));
		NextDealId::<T>::put(next);
		Lapses::<T>::insert(DueKey::new(ack_by, deal), ());
		Self::deposit_event(Event::DealOpened {
			deal,
			job,
			offer,
			creator: terms.creator.clone(),
			provider: terms.provider.clone(),
			cap: terms.cap,
			collateral: terms.collateral,
			ack_by,
		});
		let state = DealState::Matched { ack_by };
		Deals::<T>::insert(
			deal,
			Deal {
				job,
				offer,
				terms,
				matched_at: now,
				indexed_at: ack_by,
				state,
			},
		);
		Ok(deal)
	}

	fn cancel(deal: DealId) -> Result<Weight, DispatchError> {
		Self::do_cancel(deal)
	}

	fn run_blocks(time_limit: Millis, fetch_bytes: u64) -> BlockNumber {
		Self::ack_blocks(fetch_bytes)
			.saturating_add(run_blocks(time_limit, T::MillisPerBlock::get()))
			.saturating_add(T::SubmitMargin::get())
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn bond_for_benchmark(provider: &T::AccountId, amount: Balance) {
		crate::benchmarking::bond_out_of_nothing::<T>(provider, amount);
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn fund_for_benchmark(who: &T::AccountId, amount: Balance) {
		crate::benchmarking::endow::<T>(who, amount);
	}
}
