//! Corrupted state is noticed.

use crate::{
	mock::*, Jobs, NextJobId, NextOfferId, OfferDeposits, OfferIndex, Offers, OffersOf, PeerDeposits, Peers,
	Proposal, ProposalQueue, Proposals, WaitingIndex,
};
use frame_support::assert_ok;
use lilypad_primitives::{JobId, MachineSpec, OfferId, OfferState, PeerAddress};

const OFFER: OfferId = OfferId(0);
const MATCHED: JobId = JobId(0);
const WAITING: JobId = JobId(1);

/// One offer with a deal, one waiting job, one peer; then something is corrupted.
fn noticed(corrupt: impl FnOnce()) {
	Prices::set(PRICING);
	new_test_ext().execute_with(|| {
		offer().by(PROVIDER);
		post(request());
		post(lilypad_primitives::JobRequest {
			target: Some(OTHER),
			..request()
		});
		assert_ok!(Market::set_peer(
			signed(PROVIDER),
			PeerAddress {
				id: [1; 32],
				..Default::default()
			}
		));
		assert!(matched(MATCHED).is_some() && match_by(WAITING).is_some());
		assert_ok!(Market::do_try_state());
		corrupt();
		assert!(Market::do_try_state().is_err());
	});
}

fn change_offer(change: impl FnOnce(&mut lilypad_primitives::Offer<AccountId>)) {
	Offers::<Test>::mutate(OFFER, |o| change(o.as_mut().unwrap()));
}

fn change_job(id: JobId, change: impl FnOnce(&mut crate::JobRecord<AccountId>)) {
	Jobs::<Test>::mutate(id, |r| change(r.as_mut().unwrap()));
}

#[test]
fn lost_or_surplus_capacity_is_noticed() {
	noticed(|| change_offer(|o| o.free.cpu_milli -= 1));
	noticed(|| change_offer(|o| o.free = o.total.clone()));
	noticed(|| {
		change_job(MATCHED, |r| match &mut r.state {
			crate::JobState::Matched { granted, .. } => *granted = Some(MachineSpec::new(999, 100, 10)),
			_ => panic!("it is matched"),
		})
	});
}

#[test]
fn miscounted_deals_are_noticed() {
	noticed(|| change_offer(|o| o.running += 1));
	noticed(|| change_offer(|o| o.open_deals += 1));
	noticed(|| change_offer(|o| o.slots = 0));
	noticed(|| Jobs::<Test>::remove(MATCHED));
}

#[test]
fn index_and_offers_that_disagree_are_noticed() {
	let key = || OfferIndex::<Test>::iter_keys().next().unwrap();
	noticed(|| OfferIndex::<Test>::remove(key()));
	noticed(|| change_offer(|o| o.rate += 1));
	noticed(|| change_offer(|o| o.state = OfferState::Paused));
	noticed(|| {
		let (class, rate, _) = key();
		OfferIndex::<Test>::insert((class, rate, 9u64.to_be_bytes()), ());
	});
}

#[test]
fn index_and_jobs_that_disagree_are_noticed() {
	let key = || WaitingIndex::<Test>::iter_keys().next().unwrap();
	noticed(|| WaitingIndex::<Test>::remove(key()));
	noticed(|| change_job(WAITING, |r| r.ceiling += 1));
	noticed(|| Jobs::<Test>::remove(WAITING));
	noticed(|| {
		let record = Market::job(MATCHED).unwrap();
		WaitingIndex::<Test>::insert(crate::types::waiting_key(MATCHED, &record), ());
	});
}

#[test]
fn lists_and_deposits_that_disagree_are_noticed() {
	noticed(|| OffersOf::<Test>::remove(PROVIDER));
	noticed(|| OffersOf::<Test>::mutate(PROVIDER, |l| l.try_push(OFFER).unwrap()));
	noticed(|| OffersOf::<Test>::mutate(OTHER, |l| l.try_push(OFFER).unwrap()));
	noticed(|| OffersOf::<Test>::insert(OTHER, frame_support::BoundedVec::default()));
	noticed(|| OfferDeposits::<Test>::remove(OFFER));
	noticed(|| OfferDeposits::<Test>::insert(OfferId(9), 1));
	noticed(|| Peers::<Test>::remove(PROVIDER));
	noticed(|| PeerDeposits::<Test>::remove(PROVIDER));
}

#[test]
fn ids_out_of_range_and_vanished_offers_are_noticed() {
	noticed(|| NextJobId::<Test>::put(WAITING));
	noticed(|| NextOfferId::<Test>::put(OFFER));
	noticed(|| Offers::<Test>::remove(OFFER));
	noticed(|| change_job(WAITING, |r| r.job.retries_left = 1));
}

#[test]
fn a_drained_offer_that_stays_is_noticed() {
	noticed(|| {
		let id = offer().by(THIRD);
		let keys: Vec<_> = OfferIndex::<Test>::iter_keys()
			.filter(|k| k.2 == id.0.to_be_bytes())
			.collect();
		assert_eq!(keys.len(), 1);
		OfferIndex::<Test>::remove(keys[0]);
		Offers::<Test>::mutate(id, |o| o.as_mut().unwrap().state = OfferState::Draining);
	});
}

/// One offer with a deal, and a waiting job for which another offer is proposed; then something is corrupted.
fn noticed_of_proposals(corrupt: impl FnOnce(JobId)) {
	Prices::set(PRICING);
	new_test_ext().execute_with(|| {
		let (job, fit) = super::proposed::hidden();
		super::proposed::propose(POOR, job, fit);
		assert_ok!(Market::do_try_state());
		corrupt(job);
		assert!(Market::do_try_state().is_err());
	});
}

fn change_proposal(job: JobId, change: impl FnOnce(&mut Proposal<AccountId>)) {
	Proposals::<Test>::mutate(job, |p| change(p.as_mut().unwrap()));
}

#[test]
fn proposals_without_a_waiting_job_are_noticed() {
	noticed_of_proposals(Jobs::<Test>::remove);
	noticed_of_proposals(|job| {
		let proposal = Proposals::<Test>::get(job).unwrap();
		Proposals::<Test>::insert(JobId(9), proposal);
	});
	noticed(|| {
		let proposal = Proposal {
			offer: OFFER,
			rate: RATE,
			solver: None,
			due: 1,
		};
		Proposals::<Test>::insert(MATCHED, proposal);
		ProposalQueue::<Test>::insert(crate::types::queue_key(1, MATCHED), ());
	});
}

#[test]
fn proposals_out_of_range_are_noticed() {
	noticed_of_proposals(|job| change_proposal(job, |p| p.due += 1));
	noticed_of_proposals(|job| change_proposal(job, |p| p.offer = OfferId(99)));
	noticed_of_proposals(|job| {
		ProposalQueue::<Test>::remove(crate::types::queue_key(4, job));
		ProposalQueue::<Test>::insert(crate::types::queue_key(99, job), ());
		change_proposal(job, |p| p.due = 99);
	});
}

#[test]
fn a_queue_and_proposals_that_disagree_are_noticed() {
	noticed_of_proposals(|job| ProposalQueue::<Test>::remove(crate::types::queue_key(4, job)));
	noticed_of_proposals(|job| ProposalQueue::<Test>::insert(crate::types::queue_key(5, job), ()));
	noticed_of_proposals(Proposals::<Test>::remove);
}
