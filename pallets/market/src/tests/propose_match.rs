//! `propose_match`: who may, what replaces what, and what else can happen to a job meanwhile.

use super::proposed::*;
use crate::{mock::*, Error, Event, OfferParams, Proposal, ProposalQueue, Proposals};
use frame_support::{assert_noop, assert_ok};
use frame_system::RawOrigin;
use lilypad_primitives::{JobId, JobRequest, Mismatch, OfferId};
use sp_runtime::DispatchError;

#[test]
fn propose_match_works() {
	test(|| {
		let (job, fit) = hidden();
		assert_eq!(match_by(job), Some(21), "the search missed it");
		events();
		propose(SOLVER, job, fit);
		let proposal = Proposal {
			offer: fit,
			rate: RATE,
			solver: Some(SOLVER),
			due: 4,
		};
		assert_eq!(Market::proposal(job), Some(proposal));
		assert_eq!(
			events(),
			vec![Event::MatchProposed {
				job,
				offer: fit,
				rate: RATE,
				solver: Some(SOLVER),
				due: 4,
			}]
		);
		assert_eq!(match_by(job), Some(21), "it waits until the proposal is due");
	});
}

#[test]
fn propose_match_fails_when_unknown_or_not_signed() {
	test(|| {
		let (job, fit) = hidden();
		let nobody = Market::propose_match(RawOrigin::None.into(), job, fit);
		assert_noop!(nobody, DispatchError::BadOrigin);
		for none in [JobId(1), JobId(u64::MAX)] {
			assert_noop!(try_propose(SOLVER, none, fit), Error::<Test>::UnknownJob);
		}
		for none in [OfferId(99), OfferId(u64::MAX)] {
			assert_noop!(try_propose(SOLVER, job, none), Error::<Test>::UnknownOffer);
		}
	});
}

#[test]
fn propose_match_fails_when_the_offer_does_not_fit() {
	test(|| {
		let (job, fit) = hidden();
		let why = |mismatch: Mismatch| Error::<Test>::DoesNotFit {
			mismatch: mismatch as u8,
		};
		assert_noop!(try_propose(SOLVER, job, OfferId(0)), why(Mismatch::CreatorPolicy));
		assert_ok!(Market::pause_offer(signed(THIRD), fit));
		assert_noop!(try_propose(SOLVER, job, fit), why(Mismatch::NotActive));
	});
}

#[test]
fn propose_match_fails_when_the_job_has_a_deal() {
	test(|| {
		let id = offer().by(PROVIDER);
		let job = post(request());
		assert_noop!(try_propose(SOLVER, job, id), Error::<Test>::JobNotWaiting);
	});
}

#[test]
fn propose_match_boundary_end_of_the_match_window() {
	test(|| {
		let (job, fit) = hidden();
		System::set_block_number(22);
		assert_noop!(try_propose(SOLVER, job, fit), Error::<Test>::JobNotWaiting);
		System::set_block_number(21);
		propose(SOLVER, job, fit);
		// It stands at least until the end of its block.
		assert_eq!(Market::proposal(job).unwrap().due, 22);
		assert_noop!(
			Market::conclude_match(signed(POOR), job),
			Error::<Test>::ProposalStands
		);
	});
}

#[test]
fn only_a_strictly_cheaper_fit_replaces_a_proposal_and_the_window_stays() {
	test(|| {
		let (job, fit) = hidden();
		let dear = at(2 * RATE).by(THIRD);
		let cheap = at(RATE - 1).by(THIRD);
		// These fit but were posted while the job waits: take them as if they had been missed, too.
		let job = again(job);
		propose(SOLVER, job, fit);
		assert_noop!(try_propose(RIVAL, job, fit), Error::<Test>::NotCheaper);
		assert_noop!(try_propose(RIVAL, job, dear), Error::<Test>::NotCheaper);
		System::set_block_number(3);
		propose(RIVAL, job, cheap);
		let standing = Market::proposal(job).unwrap();
		assert_eq!(
			(standing.offer, standing.solver, standing.due),
			(cheap, Some(RIVAL), 4)
		);
		assert_eq!(ProposalQueue::<Test>::iter_keys().count(), 1);
	});
}

#[test]
fn a_void_proposal_is_replaced_by_any_fit() {
	test(|| {
		let (job, fit) = hidden();
		let dear = at(2 * RATE).by(THIRD);
		let job = again(job);
		propose(SOLVER, job, fit);
		assert_noop!(try_propose(RIVAL, job, dear), Error::<Test>::NotCheaper);
		assert_ok!(Market::pause_offer(signed(THIRD), fit));
		propose(RIVAL, job, dear);
		assert_eq!(Market::proposal(job).unwrap().offer, dear);
	});
}

#[test]
fn an_offer_that_becomes_dearer_than_proposed_earns_its_solver_nothing() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		// The proposal is void, and the job waits for any offer that fits: this is one.
		assert_ok!(Market::set_offer_rate(signed(THIRD), fit, RATE + 1));
		assert_eq!(offer_of(job), fit);
		assert_eq!((terms(job).rate, terms(job).solver), (RATE + 1, None));
	});
}

#[test]
fn proposing_for_a_job_whose_proposal_is_due_makes_that_the_deal() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		System::set_block_number(4);
		// What is proposed now is even nonsense.
		propose(RIVAL, job, OfferId(0));
		assert_eq!(offer_of(job), fit);
		assert_eq!(Proposals::<Test>::get(job), None);
	});
}

#[test]
fn a_new_proposal_takes_the_place_of_one_that_is_due_and_void() {
	test(|| {
		let (job, fit) = hidden();
		let dear = at(2 * RATE).by(THIRD);
		let job = again(job);
		propose(SOLVER, job, fit);
		assert_ok!(Market::withdraw_offer(signed(THIRD), fit));
		System::set_block_number(9);
		events();
		propose(RIVAL, job, dear);
		assert_eq!(
			events(),
			vec![
				Event::ProposalDropped { job, offer: fit },
				Event::MatchProposed {
					job,
					offer: dear,
					rate: 2 * RATE,
					solver: Some(RIVAL),
					due: 12,
				}
			]
		);
	});
}

#[test]
fn a_cheaper_offer_takes_the_job_at_once_and_a_dearer_one_does_not() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		at(RATE + 1).by(THIRD);
		at(RATE).by(THIRD);
		assert!(match_by(job).is_some(), "as cheap is not cheaper");
		let cheaper = at(RATE - 1).by(THIRD);
		assert_eq!(offer_of(job), cheaper);
		assert_eq!(Market::proposal(job), None);
		assert_eq!(ProposalQueue::<Test>::iter_keys().count(), 0);
		// Nobody proposed this one.
		assert_eq!(terms(job).solver, None);
	});
}

#[test]
fn an_offer_takes_a_job_at_once_for_which_a_void_match_is_proposed() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		assert_ok!(Market::pause_offer(signed(THIRD), fit));
		let dearer = at(2 * RATE).by(THIRD);
		assert_eq!(offer_of(job), dearer);
		assert_eq!(terms(job).solver, None);
	});
}

#[test]
fn a_provider_does_not_do_its_solver_out_of_the_tip_by_becoming_a_little_cheaper() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		assert_ok!(Market::set_offer_rate(signed(THIRD), fit, RATE - 1));
		assert_eq!(offer_of(job), fit);
		assert_eq!(terms(job).solver, Some(SOLVER));
	});
}

#[test]
fn resuming_the_proposed_offer_leaves_the_proposal_to_its_window() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		assert_ok!(Market::pause_offer(signed(THIRD), fit));
		assert_ok!(Market::resume_offer(signed(THIRD), fit));
		assert!(match_by(job).is_some());
		System::set_block_number(4);
		assert_ok!(Market::conclude_match(signed(POOR), job));
		assert_eq!(terms(job).solver, Some(SOLVER));
	});
}

#[test]
fn cancelling_a_job_takes_its_proposal_along_and_costs_nothing() {
	for block in [1, 4] {
		test(|| {
			let (job, fit) = hidden();
			propose(SOLVER, job, fit);
			System::set_block_number(block);
			assert_ok!(Market::cancel_job(signed(CREATOR), job));
			assert_eq!(Desk::at(At::Free, CREATOR), RICHES);
			assert_eq!(Market::proposal(job), None);
			assert_eq!(ProposalQueue::<Test>::iter_keys().count(), 0);
		});
	}
}

#[test]
fn a_call_weighs_what_it_did() {
	use crate::WeightInfo as _;
	test(|| {
		let (job, fit) = hidden();
		let weight = |result: sp_runtime::DispatchResultWithInfo<
			frame_support::dispatch::PostDispatchInfo,
		>| { result.unwrap().actual_weight };
		let propose = <()>::propose_match();
		assert_eq!(weight(try_propose(SOLVER, job, fit)), Some(propose));
		System::set_block_number(4);
		assert_eq!(
			weight(try_propose(SOLVER, job, fit)),
			Some(propose + <()>::conclude_proposal())
		);
	});
}

#[test]
fn a_job_of_a_withdrawn_module_gets_no_proposal() {
	test(|| {
		let (job, fit) = hidden();
		crate::mock::Registry::<Test>::mutate(COW, |m| m.as_mut().unwrap().delisted = true);
		let why = Mismatch::ModuleDelisted as u8;
		assert_noop!(
			try_propose(SOLVER, job, fit),
			Error::<Test>::DoesNotFit { mismatch: why }
		);
	});
}

#[test]
fn many_jobs_can_be_promised_the_same_capacity_and_one_gets_it() {
	test(|| {
		let fit = hide(OfferParams { slots: 1, ..at(RATE) });
		let jobs = [0, 1].map(|_| post(JobRequest { tip: 5, ..request() }));
		for job in jobs {
			propose(SOLVER, job, fit);
		}
		System::set_block_number(4);
		assert_ok!(Market::conclude_match(signed(POOR), jobs[0]));
		events();
		assert_ok!(Market::conclude_match(signed(POOR), jobs[1]));
		assert_eq!(
			events(),
			vec![Event::ProposalDropped {
				job: jobs[1],
				offer: fit
			}]
		);
		assert_eq!(offer_of(jobs[0]), fit);
		assert!(match_by(jobs[1]).is_some());
	});
}
