//! Proposals: matches that the chain's bounded search missed, and what becomes of them.
//!
//! A proposal stands for [`Config::SolveWindow`] blocks, in which a strictly cheaper one replaces it. The window belongs
//! to the job and not to the proposal: a replacement does not extend it, so that nobody can put a match off by improving
//! on it again and again. Then it is *due*: whoever touches it makes it the deal, if it still fits.
//!
//! A proposal whose offer no longer fits, or has become dearer than it was when it was proposed, is *void*: it counts as
//! none, and when it is due it is dropped.

use crate::{
	pallet::{Config, Error, Event, Jobs, Offers, Pallet, ProposalQueue, Proposals},
	types::{queue_key, JobRecord, JobState, Proposal},
	weights::WeightInfo as _,
};
use frame_support::{
	ensure,
	traits::Get,
	weights::{Weight, WeightMeter},
};
use lilypad_primitives::{
	traits::Modules, Balance, BlockNumber, JobId, ModuleInfo, Offer, OfferId, Pricing, Terms,
};
use sp_runtime::DispatchError;

/// An offer that a standing proposal names, and the terms that the deal would have.
type Fit<A> = (Offer<A>, Terms<A>);

/// What became of a due proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concluded {
	/// The job has a deal.
	Matched,
	/// It was void: the job waits on.
	Dropped,
}

impl<T: Config> Pallet<T> {
	/// The fit that a proposal stands for; `None` when it is void.
	pub(crate) fn proposed_fit(
		proposal: &Proposal<T::AccountId>,
		record: &JobRecord<T::AccountId>,
		module: &ModuleInfo<T::AccountId>,
		pricing: &Pricing,
	) -> Option<Fit<T::AccountId>> {
		let offer = Offers::<T>::get(proposal.offer).filter(|offer| offer.rate <= proposal.rate)?;
		let terms = Self::fit(&offer, record, module, pricing, proposal.solver.as_ref()).ok()?;
		Some((offer, terms))
	}

	/// A job's proposal, if its window has passed.
	fn due_proposal(job: JobId) -> Option<Proposal<T::AccountId>> {
		Proposals::<T>::get(job).filter(|proposal| proposal.due <= Self::now())
	}

	/// Whether this offer may be proposed for this job now. Returns the offer's rate and the block in which the proposal
	/// is due.
	pub(crate) fn check_proposal(job: JobId, offer: OfferId) -> Result<(Balance, BlockNumber), Error<T>> {
		let record = Jobs::<T>::get(job).ok_or(Error::<T>::UnknownJob)?;
		let JobState::Open { match_by } = record.state else {
			return Err(Error::<T>::JobNotWaiting);
		};
		ensure!(Self::now() <= match_by, Error::<T>::JobNotWaiting);
		let module = T::Modules::version(record.job.version).ok_or(Error::<T>::UnknownModule)?;
		let pricing = T::Pricing::get();
		let proposed = Offers::<T>::get(offer).ok_or(Error::<T>::UnknownOffer)?;
		Self::fit(&proposed, &record, &module, &pricing, None)
			.map_err(|why| Error::<T>::DoesNotFit { mismatch: why as u8 })?;
		let due = match Proposals::<T>::get(job) {
			None => Self::now()
				.saturating_add(T::SolveWindow::get())
				.min(match_by.saturating_add(1)),
			Some(standing) => {
				ensure!(standing.due > Self::now(), Error::<T>::ProposalDue);
				let beaten = proposed.rate < standing.rate
					|| Self::proposed_fit(&standing, &record, &module, &pricing).is_none();
				ensure!(beaten, Error::<T>::NotCheaper);
				standing.due
			},
		};
		Ok((proposed.rate, due))
	}

	/// Proposes a match. Returns what it weighed.
	///
	/// A proposal that is due becomes the deal first; the new one has come too late then, and nothing else happens.
	pub(crate) fn do_propose(
		solver: Option<T::AccountId>,
		job: JobId,
		offer: OfferId,
	) -> Result<Weight, DispatchError> {
		let mut weight = T::WeightInfo::propose_match();
		if let Some(due) = Self::due_proposal(job) {
			weight = weight.saturating_add(T::WeightInfo::conclude_proposal());
			if Self::conclude_proposal(job, due) == Concluded::Matched {
				return Ok(weight);
			}
		}
		Self::record_proposal(solver, job, offer)?;
		Ok(weight)
	}

	/// Checks a proposal and writes it in the place of the one that stands.
	pub(crate) fn record_proposal(
		solver: Option<T::AccountId>,
		job: JobId,
		offer: OfferId,
	) -> Result<(), Error<T>> {
		let (rate, due) = Self::check_proposal(job, offer)?;
		Self::forget_proposal(job);
		ProposalQueue::<T>::insert(queue_key(due, job), ());
		Self::deposit_event(Event::MatchProposed {
			job,
			offer,
			rate,
			solver: solver.clone(),
			due,
		});
		Proposals::<T>::insert(
			job,
			Proposal {
				offer,
				rate,
				solver,
				due,
			},
		);
		Ok(())
	}

	pub(crate) fn do_conclude_match(job: JobId) -> Result<(), Error<T>> {
		let proposal = Proposals::<T>::get(job).ok_or(Error::<T>::NoProposal)?;
		ensure!(proposal.due <= Self::now(), Error::<T>::ProposalStands);
		Self::conclude_proposal(job, proposal);
		Ok(())
	}

	/// Makes a job's proposal its deal if it is due. Returns what became of it, `None` if there is nothing due.
	pub(crate) fn conclude_due(job: JobId) -> Option<Concluded> {
		Self::due_proposal(job).map(|proposal| Self::conclude_proposal(job, proposal))
	}

	/// Makes the deal that was proposed, or drops what is void. The window of the *job* may have passed: it does not count
	/// against a proposal that was made in time. The job's own deadline does.
	fn conclude_proposal(job: JobId, proposal: Proposal<T::AccountId>) -> Concluded {
		let concluded = Jobs::<T>::get(job).and_then(|record| {
			let module = T::Modules::version(record.job.version)?;
			let (offer, terms) = Self::proposed_fit(&proposal, &record, &module, &T::Pricing::get())?;
			Self::make_deal(job, &record, proposal.offer, &offer, terms, true)
		});
		if concluded.is_some() {
			return Concluded::Matched;
		}
		Self::forget_proposal(job);
		Self::deposit_event(Event::ProposalDropped {
			job,
			offer: proposal.offer,
		});
		Concluded::Dropped
	}

	/// Removes a job's proposal.
	pub(crate) fn forget_proposal(job: JobId) {
		if let Some(proposal) = Proposals::<T>::get(job) {
			Proposals::<T>::remove(job);
			ProposalQueue::<T>::remove(queue_key(proposal.due, job));
		}
	}

	/// Concludes due proposals in the order in which they came due, as far as the weight and [`Config::MaxScan`] allow.
	/// Nothing depends on it: anybody may call `conclude_match`.
	pub(crate) fn sweep_proposals(meter: &mut WeightMeter) {
		if meter.try_consume(T::WeightInfo::sweep_base()).is_err() {
			return;
		}
		for _ in 0..T::MaxScan::get() {
			if !meter.can_consume(T::WeightInfo::conclude_proposal()) {
				return;
			}
			let Some((due, key)) = ProposalQueue::<T>::iter_keys().next() else {
				return;
			};
			if BlockNumber::from_be_bytes(due) > Self::now() {
				return;
			}
			meter.consume(T::WeightInfo::conclude_proposal());
			let job = JobId(u64::from_be_bytes(key));
			if Self::conclude_due(job).is_none() {
				// An entry that no proposal explains must not stop the sweep for ever.
				frame_support::defensive!("a queue entry has no due proposal");
				ProposalQueue::<T>::remove((due, key));
			}
		}
	}
}
