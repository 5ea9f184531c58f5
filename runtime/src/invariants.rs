//! What is always true of the whole, and no pallet sees alone. For tests and try-runtime only: it goes through everything there is.

use alloc::vec::Vec;

use frame_support::{
	ensure,
	storage::{storage_prefix, unhashed, with_transaction, TransactionOutcome},
};
use pallet_deals::{DealState, Deals};
use pallet_market::{JobState, Jobs};
use sp_runtime::TryRuntimeError;

use crate::{
	constants::time::{DAYS, SLOT_DURATION},
	EvmGateway, Market, Mediation, Modules, Runtime, RuntimeHoldReason, RuntimeOrigin, System,
	TreasuryAccount,
};

/// Longer than anything may take.
const LONG: u32 = 30 * DAYS;

/// Most rounds in which everything that has lapsed is expired: a job is dealt for again as often as it may be retried, and once more
/// when its inputs were not to be had; a deal may see two cases, each of which goes through three rounds of votes with its redraws.
const ROUNDS: u32 = 1_000;

/// Checks the pallets' invariants, and that waiting long enough and expiring what has lapsed releases whatever is held for jobs, deals and
/// cases, without anybody else's help. Changes nothing.
pub fn check() -> Result<(), TryRuntimeError> {
	of_pallets()?;
	with_transaction(|| TransactionOutcome::Rollback(Ok::<_, TryRuntimeError>(wait_for_everything())))?
}

/// The pallets' own.
fn of_pallets() -> Result<(), TryRuntimeError> {
	Modules::do_try_state()?;
	Market::do_try_state()?;
	crate::Deals::do_try_state()?;
	Mediation::do_try_state()?;
	EvmGateway::do_try_state()
}

fn wait_for_everything() -> Result<(), TryRuntimeError> {
	for _ in 0..ROUNDS {
		if nothing_is_open() {
			return nothing_is_held();
		}
		wait();
		expire_all();
	}
	Err("what is open outlives every deadline".into())
}

fn nothing_is_open() -> bool {
	Jobs::<Runtime>::iter_keys().next().is_none()
		&& Deals::<Runtime>::iter_keys().next().is_none()
		&& pallet_mediation::Cases::<Runtime>::iter_keys().next().is_none()
}

/// Lets so much time pass that every deadline is over. No block brings anything that anybody could wait for.
fn wait() {
	let later = System::block_number().saturating_add(LONG);
	// Its own setter is for native tests only.
	unhashed::put(&storage_prefix(b"System", b"Number"), &later);
	pallet_timestamp::Now::<Runtime>::mutate(|time| {
		*time = time.saturating_add(u64::from(LONG).saturating_mul(SLOT_DURATION));
	});
}

/// Whatever has lapsed is expired, by somebody who has no part in it. What can't be is left, and found at the end.
fn expire_all() {
	let anybody = || RuntimeOrigin::signed(TreasuryAccount::get());
	for case in pallet_mediation::Cases::<Runtime>::iter_keys().collect::<Vec<_>>() {
		let _left = Mediation::expire(anybody(), case);
	}
	let lapses = |state: &DealState| !matches!(state, DealState::Disputed { .. });
	let deals = Deals::<Runtime>::iter().filter(|(_, deal)| lapses(&deal.state));
	for id in deals.map(|(id, _)| id).collect::<Vec<_>>() {
		let _left = crate::Deals::expire(anybody(), id);
	}
	let waits = |state: &JobState| matches!(state, JobState::Open { .. });
	let jobs = Jobs::<Runtime>::iter().filter(|(_, record)| waits(&record.state));
	for id in jobs.map(|(id, _)| id).collect::<Vec<_>>() {
		let _left = Market::expire_job(anybody(), id);
	}
}

/// When nothing is open, nothing is held but bonds and deposits, which back nothing any more: their owners can have them.
fn nothing_is_held() -> Result<(), TryRuntimeError> {
	use pallet_deals::HoldReason::{AuditReserve, ChallengeBond, JobBudget};
	let passing = [JobBudget, ChallengeBond, AuditReserve].map(RuntimeHoldReason::Deals);
	for (_who, holds) in pallet_balances::Holds::<Runtime>::iter() {
		let stuck = holds
			.iter()
			.any(|hold| hold.amount > 0 && passing.contains(&hold.id));
		ensure!(!stuck, "waiting does not release what is held");
	}
	of_pallets()
}
