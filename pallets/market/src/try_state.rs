//! The market's invariants.

use crate::{
	pallet::{
		Config, Jobs, NextJobId, NextOfferId, OfferDeposits, OfferIndex, Offers, OffersOf, Pallet,
		PeerDeposits, Peers, ProposalQueue, Proposals, WaitingIndex,
	},
	types::{is_available, offer_keys, queue_key, waiting_key, JobState},
};
use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::Get};
use lilypad_primitives::{JobId, MachineSpec, OfferId, OfferState};
use sp_runtime::TryRuntimeError;

/// What the live deals of an offer add up to.
struct Use {
	/// The offer's free machine, with every part that a running deal uses put back.
	machine: MachineSpec,
	running: u32,
	open_deals: u32,
}

impl<T: Config> Pallet<T> {
	/// Checks the invariants in the crate's documentation. Reads the whole market: for tests and for try-runtime.
	pub fn do_try_state() -> Result<(), TryRuntimeError> {
		Self::check_jobs()?;
		Self::check_proposals()?;
		Self::check_offers()?;
		Self::check_lists()
	}

	fn check_jobs() -> Result<(), TryRuntimeError> {
		let next = NextJobId::<T>::get();
		let mut waiting = 0;
		for (id, record) in Jobs::<T>::iter() {
			ensure!(id < next, "a job's id is not below the next one");
			ensure!(
				record.job.retries_left <= record.job.request.retries,
				"a job has more retries than it asked for"
			);
			let stands = WaitingIndex::<T>::contains_key(waiting_key(id, &record));
			match record.state {
				JobState::Open { .. } => {
					ensure!(stands, "a waiting job has no index entry");
					waiting += 1;
				},
				JobState::Matched { offer, .. } => {
					ensure!(!stands, "a matched job stands among the waiting");
					ensure!(Offers::<T>::contains_key(offer), "a matched job's offer is gone");
				},
			}
		}
		for (class, rate, key) in WaitingIndex::<T>::iter_keys() {
			let id = JobId(u64::from_be_bytes(key));
			let record = Jobs::<T>::get(id).ok_or("an index entry has no job")?;
			ensure!(
				waiting_key(id, &record) == (class, rate, key),
				"an index entry is not its job's"
			);
		}
		ensure!(
			WaitingIndex::<T>::iter_keys().count() == waiting,
			"the waiting jobs are not those in the index"
		);
		Ok(())
	}

	fn check_proposals() -> Result<(), TryRuntimeError> {
		let next = NextOfferId::<T>::get();
		for (job, proposal) in Proposals::<T>::iter() {
			let record = Jobs::<T>::get(job).ok_or("a proposal has no job")?;
			let JobState::Open { match_by } = record.state else {
				return Err("a matched job has a proposal".into());
			};
			ensure!(
				proposal.due <= match_by.saturating_add(1),
				"a proposal is due after its job's window"
			);
			ensure!(proposal.offer < next, "a proposal names an offer that never was");
			ensure!(
				ProposalQueue::<T>::contains_key(queue_key(proposal.due, job)),
				"a proposal is not in the queue"
			);
		}
		ensure!(
			ProposalQueue::<T>::iter_keys().count() == Proposals::<T>::iter_keys().count(),
			"an entry of the queue has no proposal"
		);
		Ok(())
	}

	fn check_offers() -> Result<(), TryRuntimeError> {
		let mut uses = BTreeMap::<OfferId, Use>::new();
		for (id, offer) in Offers::<T>::iter() {
			uses.insert(
				id,
				Use {
					machine: offer.free,
					running: 0,
					open_deals: 0,
				},
			);
		}
		for (_, record) in Jobs::<T>::iter() {
			let JobState::Matched { offer, granted, .. } = record.state else {
				continue;
			};
			let used = uses.get_mut(&offer).ok_or("a matched job's offer is gone")?;
			used.open_deals += 1;
			if let Some(part) = granted {
				used.running += 1;
				used.machine = used
					.machine
					.with(&part)
					.ok_or("an offer's parts exceed a machine")?;
			}
		}
		let next = NextOfferId::<T>::get();
		let mut entries = 0;
		for (id, offer) in Offers::<T>::iter() {
			let used = uses.get(&id).ok_or("an offer appeared")?;
			ensure!(id < next, "an offer's id is not below the next one");
			ensure!(
				used.machine.same_as(&offer.total),
				"free and granted parts are not the whole machine"
			);
			ensure!(
				used.running == offer.running,
				"an offer's running deals are miscounted"
			);
			ensure!(
				used.open_deals == offer.open_deals,
				"an offer's open deals are miscounted"
			);
			ensure!(offer.running <= offer.slots, "an offer has more deals than slots");
			let done = offer.state == OfferState::Draining && offer.open_deals == 0;
			ensure!(!done, "a drained offer is still there");
			for key in offer_keys(id, &offer).filter(|_| is_available(&offer)) {
				ensure!(
					OfferIndex::<T>::contains_key(key),
					"an available offer has no index entry"
				);
				entries += 1;
			}
		}
		// Every entry that should be there is, so equal numbers mean that no other is.
		ensure!(
			OfferIndex::<T>::iter_keys().count() == entries,
			"an index entry has no available offer"
		);
		Ok(())
	}

	fn check_lists() -> Result<(), TryRuntimeError> {
		let mut listed = 0;
		for (provider, ids) in OffersOf::<T>::iter() {
			ensure!(!ids.is_empty(), "an empty list of offers is kept");
			ensure!(
				ids.len() as u32 <= T::MaxOffersPerProvider::get(),
				"a list of offers is too long"
			);
			for (at, id) in ids.iter().enumerate() {
				ensure!(!ids[..at].contains(id), "a list names an offer twice");
				let offer = Offers::<T>::get(id).ok_or("a list names an offer that is gone")?;
				ensure!(
					offer.provider == provider,
					"a list names another provider's offer"
				);
				ensure!(OfferDeposits::<T>::contains_key(id), "an offer has no deposit");
			}
			listed += ids.len();
		}
		ensure!(
			Offers::<T>::iter_keys().count() == listed,
			"an offer is on no list"
		);
		ensure!(
			OfferDeposits::<T>::iter_keys().count() == listed,
			"a deposit has no offer"
		);
		for who in Peers::<T>::iter_keys() {
			ensure!(
				PeerDeposits::<T>::contains_key(&who),
				"a peer address has no deposit"
			);
		}
		ensure!(
			PeerDeposits::<T>::iter_keys().count() == Peers::<T>::iter_keys().count(),
			"a deposit has no peer address"
		);
		Ok(())
	}
}
