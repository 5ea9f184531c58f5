//! The only file that touches balances. It applies what was decided elsewhere and decides nothing.
//!
//! Putting money on hold can fail, and then nothing has happened. Everything else here **can't fail**: whoever has died,
//! been frozen or become too poor to exist, the hold shrinks by exactly what the records say, and what can't be
//! delivered goes to the treasury with an event.

use crate::{AuditReserves, Config, Deposits, Event, HoldReason, Pallet, LOG};
use frame_support::{
	defensive,
	storage::with_storage_layer,
	traits::{
		fungible::{InspectHold, MutateHold},
		tokens::{Fortitude::Force, Precision::Exact, Restriction::Free},
		Get,
	},
};
use lilypad_primitives::{
	audit::FIRST_PANELS, traits::Modules, Balance, DealId, Dispute, Party, Purse, Round, Settlement, Terms,
	VersionId,
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// Puts free balance on hold. The account keeps the existential deposit.
	pub(crate) fn hold(reason: HoldReason, who: &T::AccountId, amount: Balance) -> DispatchResult {
		with_storage_layer(|| T::Currency::hold(&reason.into(), who, amount))
	}

	/// Puts a deposit on hold.
	pub(crate) fn hold_deposit_of(who: &T::AccountId, amount: Balance) -> DispatchResult {
		let sum = Deposits::<T>::get(who)
			.checked_add(amount)
			.ok_or(crate::Error::<T>::Overflow)?;
		Self::hold(HoldReason::Deposit, who, amount)?;
		Deposits::<T>::insert(who, sum);
		Ok(())
	}

	/// Gives a deposit back.
	pub(crate) fn release_deposit_of(who: &T::AccountId, amount: Balance) {
		match Deposits::<T>::get(who).saturating_sub(amount) {
			// An entry that says nothing is none.
			0 => Deposits::<T>::remove(who),
			left => Deposits::<T>::insert(who, left),
		}
		Self::give_back(HoldReason::Deposit, who, amount);
	}

	/// Applies a settlement: makes its payments, gives the rest of the budget back unless the job needs it, and ends the
	/// commitment of the collateral. `panel`: whose votes are paid. `version`: whose author's bond can be drawn on.
	pub(crate) fn apply(
		terms: &Terms<T::AccountId>,
		settlement: &Settlement,
		keep_budget: bool,
		panel: &[T::AccountId],
		version: Option<VersionId>,
	) {
		for payment in &settlement.moves {
			if payment.to == Party::Mediators {
				for (mediator, share) in shares(panel, payment.amount) {
					Self::pay_from(payment.from, terms, version, mediator, share);
				}
				continue;
			}
			let to = match payment.to {
				Party::Creator => terms.creator.clone(),
				Party::Provider => terms.provider.clone(),
				Party::Author => terms.author.clone(),
				Party::Solver => terms.solver.clone().unwrap_or_else(T::Treasury::get),
				Party::AuditPool => T::AuditPool::get(),
				Party::Treasury | Party::Mediators => T::Treasury::get(),
			};
			Self::pay_from(payment.from, terms, version, &to, payment.amount);
		}
		if !keep_budget {
			let left = terms.budget.saturating_sub(settlement.taken_from(Purse::Budget));
			Self::give_back(HoldReason::JobBudget, &terms.creator, left);
		}
		Self::uncommit(
			&terms.provider,
			terms.collateral,
			settlement.taken_from(Purse::Collateral),
		);
	}

	/// Pays out of a purse of a deal.
	fn pay_from(
		purse: Purse,
		terms: &Terms<T::AccountId>,
		version: Option<VersionId>,
		to: &T::AccountId,
		amount: Balance,
	) {
		match purse {
			Purse::Budget => Self::pay(HoldReason::JobBudget, &terms.creator, to, amount),
			Purse::Collateral => Self::pay(HoldReason::ProviderBond, &terms.provider, to, amount),
			Purse::ChallengeBond => Self::pay(HoldReason::ChallengeBond, terms.challenger(), to, amount),
			Purse::AuditPool => Self::pay(HoldReason::AuditReserve, &T::AuditPool::get(), to, amount),
			Purse::AuthorBond => {
				let Some(version) = version else {
					defensive!("an author's bond is drawn on without a version");
					return;
				};
				let arrived = T::Modules::slash_author(version, to, amount);
				let rest = amount.saturating_sub(arrived);
				if rest > 0 {
					let redirected = T::Modules::slash_author(version, &T::Treasury::get(), rest);
					log::error!(target: LOG, "{rest} of an author's bond could not be paid; {redirected} went to the treasury");
				}
			},
		}
	}

	/// Puts on hold what a dispute begins with: a challenger's whole bond, or the first vote of an audit.
	pub(crate) fn hold_stake(id: DealId, terms: &Terms<T::AccountId>, dispute: Dispute) -> DispatchResult {
		match dispute {
			Dispute::Audit => {
				// One mediator alone convicts nobody: what could not go on to the panel that can is not begun.
				let to_convict = terms.mediator_fee.saturating_mul(FIRST_PANELS.into());
				let pool = T::AuditPool::get();
				T::Currency::ensure_can_hold(&HoldReason::AuditReserve.into(), &pool, to_convict)?;
				Self::reserve(id, terms, Round::One)
			},
			Dispute::Challenge(_) => {
				Self::hold(HoldReason::ChallengeBond, terms.challenger(), terms.panel_fee)
			},
		}
	}

	/// Puts on hold in the audit pool what the votes of an audit's next round can cost.
	pub(crate) fn reserve(id: DealId, terms: &Terms<T::AccountId>, round: Round) -> DispatchResult {
		let votes = round.size(crate::dispute::largest_panel(terms));
		let overflow = crate::Error::<T>::Overflow;
		let fees = terms.mediator_fee.checked_mul(votes.into()).ok_or(overflow)?;
		let sum = AuditReserves::<T>::get(id)
			.checked_add(fees)
			.ok_or(crate::Error::<T>::Overflow)?;
		Self::hold(HoldReason::AuditReserve, &T::AuditPool::get(), fees)?;
		AuditReserves::<T>::insert(id, sum);
		Ok(())
	}

	/// Gives back what is left of what was put on hold for a dispute.
	pub(crate) fn release_stake(
		id: DealId,
		terms: &Terms<T::AccountId>,
		dispute: Dispute,
		settlement: &Settlement,
	) {
		match dispute {
			Dispute::Audit => {
				let left =
					AuditReserves::<T>::take(id).saturating_sub(settlement.taken_from(Purse::AuditPool));
				Self::give_back(HoldReason::AuditReserve, &T::AuditPool::get(), left);
			},
			Dispute::Challenge(_) => {
				let left = terms
					.panel_fee
					.saturating_sub(settlement.taken_from(Purse::ChallengeBond));
				Self::give_back(HoldReason::ChallengeBond, terms.challenger(), left);
			},
		}
	}

	/// Lets go of a hold in favour of its owner.
	pub(crate) fn give_back(reason: HoldReason, who: &T::AccountId, amount: Balance) {
		Self::pay(reason, who, who, amount);
	}

	/// Pays out of a hold.
	fn pay(reason: HoldReason, from: &T::AccountId, to: &T::AccountId, amount: Balance) {
		let held = T::Currency::balance_on_hold(&reason.into(), from);
		let due = amount.min(held);
		if due < amount {
			Self::report_shortfall(reason, from, amount - due);
		}
		if due == 0 || Self::deliver(reason, from, to, due).is_ok() {
			return;
		}
		let treasury = T::Treasury::get();
		if *to != treasury && Self::deliver(reason, from, &treasury, due).is_ok() {
			let (from, to) = (from.clone(), to.clone());
			Self::deposit_event(Event::PaymentRedirected {
				from,
				reason,
				to,
				amount: due,
			});
			return;
		}
		// The treasury always exists. Were it gone, the money would rather stay with its owner than on hold for ever.
		if Self::deliver(reason, from, from, due).is_err() {
			log::error!(target: LOG, "{due} of {reason:?} can be neither paid nor given back");
		}
		Self::report_shortfall(reason, from, due);
	}

	/// Moves exactly `amount` out of a hold into a free balance, or does nothing.
	fn deliver(
		reason: HoldReason,
		from: &T::AccountId,
		to: &T::AccountId,
		amount: Balance,
	) -> Result<(), DispatchError> {
		let reason = reason.into();
		with_storage_layer(|| {
			if from == to {
				T::Currency::release(&reason, from, amount, Exact).map(|_| ())
			} else {
				T::Currency::transfer_on_hold(&reason, from, to, amount, Exact, Free, Force).map(|_| ())
			}
		})
	}

	fn report_shortfall(reason: HoldReason, who: &T::AccountId, missing: Balance) {
		log::error!(target: LOG, "{missing} of {reason:?} is not where the records say");
		Self::deposit_event(Event::Shortfall {
			who: who.clone(),
			reason,
			missing,
		});
	}
}

/// Equal parts of an amount; what can't be divided goes to the first.
fn shares<A>(panel: &[A], amount: Balance) -> impl Iterator<Item = (&A, Balance)> {
	let votes = panel.len().max(1) as Balance;
	let (each, rest) = (amount / votes, amount % votes);
	panel
		.iter()
		.zip(0..)
		.map(move |(who, nth)| (who, each.saturating_add(Balance::from(nth < rest))))
}
