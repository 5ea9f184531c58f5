//! What is always true.
//!
//! 1. An account's hold for each reason is what the records say: the budgets of its jobs, its deposits, its bond, the bonds
//!    of its challenges; and for the audit pool what was reserved for each open audit: at least one vote, and at most all
//!    panels' fee.
//! 2. The committed part of a bond is the sum of the collaterals of the provider's live deals, and with what is
//!    unbonding it fits into the bond.
//! 3. The budgets of a creator's live deals are on hold.
//! 4. Each live deal is in the deadline index once, at its deadline or before, and the index has nothing else.
//! 5. Ids are used once: those of live deals are below the next.
//! 6. A revealed usage is within the time limit and the time that passed.
//! 7. No score is better than perfect.
//! 8. Each live deal is the one that its job names, with the same offer, creator and budget; and no job names another.
//! 9. A deal uses capacity exactly as long as the market grants its job a part of the offer's machine.
//! 10. However a live deal ends, its purses hold what the table moves out of them.
//! 11. What a provider has opened is what it submitted: so whoever judges it can accept what it sees.

use crate::{
	AuditReserves, Bonds, Config, DealState, Deals, Deposits, DueKey, HoldReason, Lapses, NextDealId, Pallet,
};
use alloc::collections::BTreeMap;
use codec::Encode;
use frame_support::{
	ensure,
	traits::{fungible::InspectHold, Get},
};
use lilypad_primitives::{nobody_is_cut_short, traits::JobBook, Balance, Dispute, Opening};
use sp_runtime::TryRuntimeError;

impl<T: Config> Pallet<T> {
	/// Checks the invariants. Reads everything: for tests and try-runtime only.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_holds()?;
		Self::check_deals()?;
		Self::check_jobs()
	}

	fn check_holds() -> Result<(), TryRuntimeError> {
		let mut stakes = BTreeMap::<_, Balance>::new();
		let mut reserve: Balance = 0;
		let mut audits = 0usize;
		for (id, deal) in Deals::<T>::iter() {
			match deal.state {
				DealState::Disputed {
					dispute: Dispute::Audit,
					..
				} => {
					let reserved = AuditReserves::<T>::get(id);
					ensure!(
						(deal.terms.mediator_fee..=deal.terms.panel_fee).contains(&reserved),
						"1: an audit's reserve is not that of its rounds"
					);
					audits = audits.saturating_add(1);
					reserve = reserve.checked_add(reserved).ok_or("1: amounts overflow")?
				},
				DealState::Disputed { .. } => {
					let sum = stakes.entry(deal.terms.challenger().clone()).or_default();
					*sum = sum
						.checked_add(deal.terms.panel_fee)
						.ok_or("1: amounts overflow")?;
				},
				_ => (),
			}
		}
		ensure!(
			AuditReserves::<T>::iter_keys().count() == audits,
			"1: a reserve without an audit"
		);
		let pool = T::AuditPool::get();
		let budgets = T::JobBook::held_budgets();
		let kept = T::JobBook::held_deposits();
		let held = |reason: HoldReason, who: &T::AccountId| T::Currency::balance_on_hold(&reason.into(), who);
		let check = |who: &T::AccountId| -> Result<(), TryRuntimeError> {
			let bond = Bonds::<T>::get(who).map_or(0, |bond| bond.total);
			ensure!(
				held(HoldReason::JobBudget, who) == budgets.get(who).copied().unwrap_or_default(),
				"1: budgets differ from the hold"
			);
			ensure!(
				held(HoldReason::Deposit, who) == Deposits::<T>::get(who),
				"1: deposits differ from the hold"
			);
			ensure!(
				Deposits::<T>::get(who) == kept.get(who).copied().unwrap_or_default(),
				"1: deposits differ from those of what is kept"
			);
			ensure!(
				held(HoldReason::ProviderBond, who) == bond,
				"1: bond differs from the hold"
			);
			let stake = stakes.get(who).copied().unwrap_or_default();
			ensure!(
				held(HoldReason::ChallengeBond, who) == stake,
				"1: challenge bonds differ from the hold"
			);
			let reserved = if *who == pool { reserve } else { 0 };
			ensure!(
				held(HoldReason::AuditReserve, who) == reserved,
				"1: the audits' reserve differs from the hold"
			);
			Ok(())
		};
		// The accounts that exist, and those that a record says must.
		frame_system::Account::<T>::iter_keys().try_for_each(|who| check(&who))?;
		Bonds::<T>::iter_keys().try_for_each(|who| check(&who))?;
		check(&pool)?;
		let named = budgets.keys().chain(stakes.keys()).chain(kept.keys());
		named.into_iter().try_for_each(&check)?;
		for (who, sum) in Deposits::<T>::iter() {
			ensure!(sum > 0, "1: an entry that says nothing");
			check(&who)?;
		}
		Ok(())
	}

	fn check_jobs() -> Result<(), TryRuntimeError> {
		let jobs = T::JobBook::matched_jobs();
		for job in &jobs {
			let deal = Deals::<T>::get(job.deal).ok_or("8: a job's deal is gone")?;
			ensure!(
				(deal.job, deal.offer) == (job.job, job.offer),
				"8: a job's deal is another's"
			);
			ensure!(
				deal.terms.creator == job.creator && deal.terms.budget == job.budget,
				"8: a deal's budget is not its job's"
			);
			ensure!(
				deal.state.uses_capacity() == job.uses_capacity,
				"9: capacity is granted to a deal that uses none, or the other way round"
			);
		}
		// Each job's deal is its own, so equal numbers leave no deal without a job.
		ensure!(
			Deals::<T>::iter_keys().count() == jobs.len(),
			"8: a deal without a job"
		);
		Ok(())
	}

	fn check_deals() -> Result<(), TryRuntimeError> {
		// By encoded account, which has an order.
		let mut collateral = BTreeMap::<_, Balance>::new();
		let mut budgets = BTreeMap::<_, Balance>::new();
		let held = T::JobBook::held_budgets();
		let mut deals = 0usize;
		for (id, deal) in Deals::<T>::iter() {
			deals = deals.saturating_add(1);
			let terms = &deal.terms;
			for (sums, who, amount) in [
				(&mut collateral, &terms.provider, terms.collateral),
				(&mut budgets, &terms.creator, terms.budget),
			] {
				let sum = sums.entry(who.encode()).or_default();
				*sum = sum.checked_add(amount).ok_or("2, 3: amounts overflow")?;
			}
			ensure!(
				Bonds::<T>::contains_key(&terms.provider),
				"2: a deal without a bond"
			);
			ensure!(
				budgets
					.get(&terms.creator.encode())
					.is_some_and(|sum| held.get(&terms.creator).is_some_and(|held| sum <= held)),
				"3: a deal's budget is not on hold"
			);
			ensure!(
				Lapses::<T>::contains_key(DueKey::new(deal.indexed_at, id)),
				"4: a deal is missing in the index"
			);
			ensure!(
				deal.indexed_at <= deal.state.deadline(),
				"4: a deal would be looked at too late"
			);
			ensure!(id < NextDealId::<T>::get(), "5: an id could be used again");
			if let DealState::Submitted {
				seal,
				elapsed,
				opened: Some(opening),
				..
			}
			| DealState::Disputed {
				seal,
				elapsed,
				opened: Some(opening),
				..
			} = deal.state
			{
				let Opening { usage, .. } = opening;
				ensure!(
					usage <= elapsed && usage <= terms.time_limit,
					"6: a usage is too long"
				);
				ensure!(
					opening.seal(id) == seal,
					"11: what was opened is not what was submitted"
				);
			}
			ensure!(
				nobody_is_cut_short(terms),
				"10: a purse is too small for an outcome"
			);
		}
		ensure!(
			Lapses::<T>::iter_keys().count() == deals,
			"4: an index entry without a deal"
		);
		for (provider, bond) in Bonds::<T>::iter() {
			let due = collateral.get(&provider.encode()).copied().unwrap_or_default();
			ensure!(bond.committed == due, "2: committed differs from the collaterals");
			ensure!(bond.total > 0, "2: an empty bond");
			ensure!(bond.record.is_sound(), "7: a score is better than perfect");
			let used = bond
				.committed
				.checked_add(bond.unbonding_total())
				.ok_or("2: amounts overflow")?;
			ensure!(
				used <= bond.total,
				"2: more is committed and unbonding than bonded"
			);
		}
		Ok(())
	}
}
