//! Disputes: how they begin, and what a verdict means for the deal.

use crate::{
	checks::SubmittedDeal, Config, DealOf, DealState, Deals, Error, Event, Pallet, SkipReason, WeightInfo,
};
use alloc::vec;
use frame_support::{defensive, storage::with_storage_layer, traits::Get, weights::Weight};
use lilypad_primitives::{
	audit::FIRST_PANELS,
	traits::{Arbitrable, Deals as _, JobBook, Mediate, Modules},
	AuditDraw, Balance, BlockNumber, CaseRequest, DealId, Dispute, JobNeeds, Judge, MediatorPolicy, Millis,
	Opening, Outcome, Reason, Round, Ruling, Settlement, Status, Terms, Triple, Verdict,
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// Makes the draw, unless it has been made. `None` when the deal is in dispute now; otherwise it goes on, with whatever
	/// the caller stores.
	pub(crate) fn screen(id: DealId, mut submitted: SubmittedDeal<T>) -> Option<SubmittedDeal<T>> {
		if submitted.cleared {
			return Some(submitted);
		}
		submitted.cleared = true;
		let why = match T::Mediation::audit_draw(id, &submitted.deal.terms, submitted.draw_at) {
			AuditDraw::NotDrawn => return Some(submitted),
			AuditDraw::NoRandomness => SkipReason::NoRandomness,
			AuditDraw::Drawn => match Self::dispute(id, &submitted, Dispute::Audit) {
				Ok(()) => return None,
				Err(error) if error == Error::<T>::NoPanel.into() => SkipReason::NoMediators,
				Err(_) => SkipReason::PoolTooSmall,
			},
		};
		Self::deposit_event(Event::AuditSkipped { deal: id, why });
		Some(submitted)
	}

	pub(crate) fn do_audit(id: DealId) -> DispatchResult {
		let submitted = Self::check_audit(id)?;
		if let Some(skipped) = Self::screen(id, submitted) {
			Self::store_submitted(id, skipped);
		}
		Ok(())
	}

	pub(crate) fn do_challenge(who: &T::AccountId, id: DealId, reason: Reason) -> DispatchResult {
		let submitted = Self::check_challenge(who, id, reason)?;
		match Self::screen(id, submitted) {
			Some(submitted) => Self::dispute(id, &submitted, Dispute::Challenge(reason)),
			None => Ok(()),
		}
	}

	/// Stores a deal that goes on, with what has changed about it.
	pub(crate) fn store_submitted(id: DealId, submitted: SubmittedDeal<T>) {
		let SubmittedDeal {
			deal,
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
			cleared,
			challenged,
		} = submitted;
		let next = DealState::Submitted {
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
			cleared,
			challenged,
		};
		Self::advance(id, deal, next);
	}

	/// Puts a deal into dispute, or changes nothing.
	fn dispute(id: DealId, submitted: &SubmittedDeal<T>, dispute: Dispute) -> DispatchResult {
		with_storage_layer(|| {
			let deal = submitted.deal.clone();
			let needs = T::JobBook::needs(deal.job).ok_or(Error::<T>::NoPanel)?;
			Self::hold_stake(id, &deal.terms, dispute)?;
			let request = Self::request(&deal, needs, dispute);
			let next = DealState::Disputed {
				seal: submitted.seal,
				elapsed: submitted.elapsed,
				opened: submitted.opened,
				dispute,
			};
			Self::advance(id, deal, next);
			Self::deposit_event(Event::Disputed { deal: id, dispute });
			T::Mediation::open_case(id, request).map_err(|_no_panel| Error::<T>::NoPanel)?;
			Ok::<(), DispatchError>(())
		})
	}

	/// What mediation has to know.
	fn request(
		deal: &DealOf<T>,
		needs: JobNeeds<T::AccountId>,
		dispute: Dispute,
	) -> CaseRequest<T::AccountId> {
		let terms = &deal.terms;
		let mut parties = vec![
			terms.creator.clone(),
			terms.provider.clone(),
			terms.author.clone(),
		];
		parties.extend(terms.solver.clone());
		if let Judge::Delegate(delegate) = &terms.judge {
			parties.push(delegate.clone());
		}
		CaseRequest {
			dispute,
			parties,
			platform: needs.platform,
			spec: needs.spec,
			mediators: match dispute {
				// A list that both sides agreed on must not keep the chain from looking.
				Dispute::Audit => MediatorPolicy::Any,
				Dispute::Challenge(_) => needs.mediators,
			},
			profile: terms.profile,
			time_limit: terms.time_limit,
			run_blocks: Self::run_blocks(terms.time_limit, needs.fetch_bytes),
			largest_panel: largest_panel(terms),
		}
	}

	/// How a disputed deal ends by this verdict; `None` if it goes on.
	fn outcome(
		verdict: Verdict,
		votes: u32,
		dispute: Dispute,
		opened: Option<Opening>,
		author_bond: Balance,
	) -> Option<Outcome> {
		let challenged = dispute != Dispute::Audit;
		let withheld = Some(Outcome::Overturned { votes });
		let opened = opened.map(|opening| (opening.usage, opening.triple.status == Status::Completed));
		match (verdict, opened) {
			(Verdict::NoPanel | Verdict::Unfunded, _) => None,
			(Verdict::Overturned { .. }, _) => withheld,
			(Verdict::Unresolved, _) if challenged => Some(Outcome::UnresolvedChallenge),
			(Verdict::Unresolved, None) => None,
			(Verdict::Unresolved, Some((usage, completed))) => {
				Some(Outcome::UnresolvedAudit { usage, completed })
			},
			// Nobody confirms what nobody has seen.
			(Verdict::Upheld | Verdict::Overcharged { .. } | Verdict::NonDeterministic, None) => withheld,
			(Verdict::Upheld, Some((usage, completed))) => Some(Outcome::Upheld {
				usage,
				completed,
				votes,
				challenged,
			}),
			(Verdict::Overcharged { median }, Some((claimed, completed))) => Some(Outcome::Overcharged {
				claimed,
				median,
				completed,
				votes,
			}),
			(Verdict::NonDeterministic, Some((usage, _))) => Some(Outcome::NonDeterministic {
				usage,
				votes,
				author_bond,
				challenged,
			}),
		}
	}

	/// Lets a deal go on that nobody has judged: as if the draw had not fallen on it, or as if the creator had not challenged. Whoever
	/// was audited can still be challenged, and what the audit's mediator found is public.
	fn resume(id: DealId, deal: DealOf<T>) {
		let DealState::Disputed {
			seal,
			elapsed,
			opened,
			dispute,
		} = deal.state
		else {
			return;
		};
		Self::release_stake(id, &deal.terms, dispute, &Settlement::default());
		let draw_at = Self::now();
		let judge_by = draw_at.saturating_add(T::JudgeBlocks::get());
		let next = DealState::Submitted {
			seal,
			elapsed,
			draw_at,
			judge_by,
			opened,
			cleared: true,
			challenged: dispute != Dispute::Audit,
		};
		Self::advance(id, deal, next);
		Self::deposit_event(Event::DisputeDropped { deal: id, judge_by });
	}
}

/// Mediators in the largest panel that a deal's panel fee pays for.
pub(crate) fn largest_panel<A>(terms: &Terms<A>) -> u32 {
	terms
		.panel_fee
		.checked_div(terms.mediator_fee)
		.and_then(|votes| u32::try_from(votes).ok())
		.unwrap_or_default()
		.saturating_sub(FIRST_PANELS)
}

impl<T: Config> Arbitrable<T::AccountId> for Pallet<T> {
	fn opening(id: DealId) -> Option<Opening> {
		match Deals::<T>::get(id)?.state {
			DealState::Disputed { opened, .. } => opened,
			_ => None,
		}
	}

	fn fund_round(id: DealId, round: Round) -> bool {
		let Some(deal) = Deals::<T>::get(id) else {
			defensive!("a round about a deal that is gone");
			return false;
		};
		match deal.state {
			DealState::Disputed {
				dispute: Dispute::Audit,
				..
			} => with_storage_layer(|| Self::reserve(id, &deal.terms, round)).is_ok(),
			// A challenger's bond pays every round.
			_ => true,
		}
	}

	fn rule(id: DealId, ruling: Ruling<T::AccountId>) {
		let Some(deal) = Deals::<T>::get(id) else {
			defensive!("a verdict on a deal that is gone");
			return;
		};
		let DealState::Disputed { opened, dispute, .. } = deal.state else {
			defensive!("a verdict on a deal that is not in dispute");
			return;
		};
		let disproven = ruling.verdict == Verdict::NonDeterministic;
		let version = T::JobBook::needs(deal.job).map(|needs| needs.version);
		let author_bond = match version.filter(|_| disproven).and_then(T::Modules::version) {
			Some(module) => module.bond,
			None => 0,
		};
		let votes = ruling.paid.len() as u32;
		let Some(outcome) = Self::outcome(ruling.verdict, votes, dispute, opened, author_bond) else {
			Self::resume(id, deal);
			return;
		};
		let result: Option<Triple> = match ruling.verdict {
			Verdict::Overturned { result } => result,
			_ => opened.map(|opening| opening.triple),
		};
		if let Some(version) = version.filter(|_| disproven) {
			T::Modules::delist_disproven(version);
		}
		let _within_rule_weight = Self::settle_dispute(id, deal, outcome, result, &ruling.paid, version);
	}

	fn rule_weight() -> Weight {
		Self::settling_well(T::WeightInfo::rule())
	}

	fn longest_run(time_limit: Millis) -> BlockNumber {
		Self::run_blocks(time_limit, u64::MAX)
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn dispute_for_benchmark(creator: &T::AccountId, provider: &T::AccountId) -> (DealId, Opening) {
		crate::benchmarking::dispute_out_of_nothing::<T>(creator, provider)
	}
}
