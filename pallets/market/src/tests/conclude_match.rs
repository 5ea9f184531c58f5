//! `conclude_match`, and the others who make a due proposal the deal: the sweeper and `expire_job`.

use super::proposed::*;
use crate::{mock::*, Error, Event, Offers, ProposalQueue, WeightInfo};
use frame_support::{assert_noop, assert_ok, traits::Hooks, weights::Weight};
use frame_system::RawOrigin;
use lilypad_primitives::{JobId, JobRequest, Outcome};
use sp_runtime::DispatchError;

#[test]
fn conclude_match_works() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		System::set_block_number(4);
		events();
		assert_ok!(Market::conclude_match(signed(POOR), job));
		assert_eq!(
			events(),
			vec![Event::JobMatched {
				job,
				deal: deal_of(job),
				offer: fit,
				provider: THIRD,
			}]
		);
		assert_eq!((terms(job).solver, terms(job).tip), (Some(SOLVER), TIP));
		assert_eq!(Market::proposal(job), None);
	});
}

#[test]
fn conclude_match_boundary_due() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		System::set_block_number(3);
		assert_noop!(
			Market::conclude_match(signed(POOR), job),
			Error::<Test>::ProposalStands
		);
		System::set_block_number(4);
		assert_ok!(Market::conclude_match(signed(POOR), job));
		assert_noop!(
			Market::conclude_match(signed(POOR), job),
			Error::<Test>::NoProposal
		);
	});
}

#[test]
fn conclude_match_fails_when_nothing_is_proposed_or_not_signed() {
	test(|| {
		let (job, _) = hidden();
		for id in [job, JobId(77), JobId(u64::MAX)] {
			assert_noop!(
				Market::conclude_match(signed(POOR), id),
				Error::<Test>::NoProposal
			);
		}
		assert_noop!(
			Market::conclude_match(RawOrigin::None.into(), job),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn what_fits_no_longer_is_dropped_and_the_job_waits_on() {
	let voids: [fn(lilypad_primitives::OfferId); 4] = [
		|fit| {
			assert_ok!(Market::pause_offer(signed(THIRD), fit));
		},
		|fit| {
			assert_ok!(Market::withdraw_offer(signed(THIRD), fit));
		},
		// Full meanwhile.
		|fit| {
			Offers::<Test>::mutate(fit, |offer| offer.as_mut().unwrap().slots = 0);
			crate::OfferIndex::<Test>::iter_keys()
				.filter(|key| key.2 == fit.0.to_be_bytes())
				.for_each(crate::OfferIndex::<Test>::remove);
		},
		|_| {
			Desk::take(At::Bond, THIRD, BOND)
				.map(|()| Desk::put(At::Free, THIRD, BOND))
				.unwrap()
		},
	];
	for void in voids {
		test(|| {
			let (job, fit) = hidden();
			propose(SOLVER, job, fit);
			void(fit);
			System::set_block_number(4);
			events();
			assert_ok!(Market::conclude_match(signed(POOR), job));
			assert_eq!(events(), vec![Event::ProposalDropped { job, offer: fit }]);
			assert!(match_by(job).is_some());
			assert_eq!(ProposalQueue::<Test>::iter_keys().count(), 0);
		});
	}
}

#[test]
fn a_deal_that_can_not_be_opened_drops_the_proposal() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		Jinxed::<Test>::put(THIRD);
		System::set_block_number(4);
		assert_ok!(Market::conclude_match(signed(POOR), job));
		assert!(match_by(job).is_some());
		assert_eq!(Market::proposal(job), None);
	});
}

#[test]
fn a_party_that_proposes_earns_no_tip() {
	for who in [CREATOR, THIRD] {
		test(|| {
			let (job, fit) = hidden();
			propose(who, job, fit);
			System::set_block_number(4);
			assert_ok!(Market::conclude_match(signed(POOR), job));
			assert_eq!(terms(job).solver, None);
		});
	}
}

#[test]
fn without_a_solver_the_tip_goes_back_to_the_creator() {
	for (who, tip) in [(CREATOR, 0), (SOLVER, TIP)] {
		test(|| {
			let (job, fit) = hidden();
			propose(who, job, fit);
			System::set_block_number(4);
			assert_ok!(Market::conclude_match(signed(POOR), job));
			let t = terms(job);
			let outcome = Outcome::Accepted {
				usage: 0,
				completed: false,
			};
			Desk::settle(deal_of(job), outcome);
			assert_eq!(Desk::at(At::Free, CREATOR), RICHES - t.levy - tip);
		});
	}
}

#[test]
fn the_sweeper_concludes_what_is_due_and_nothing_else() {
	test(|| {
		let (job, fit) = hidden();
		let later = post(request());
		propose(SOLVER, job, fit);
		System::set_block_number(2);
		propose(SOLVER, later, fit);
		System::set_block_number(3);
		Market::on_idle(3, Weight::MAX);
		assert!(match_by(job).is_some());
		System::set_block_number(4);
		Market::on_idle(4, Weight::MAX);
		assert_eq!(offer_of(job), fit);
		assert!(match_by(later).is_some());
		System::set_block_number(5);
		Market::on_idle(5, Weight::MAX);
		assert_eq!(offer_of(later), fit);
	});
}

#[test]
fn the_sweeper_uses_no_more_weight_than_there_is_for_proposals() {
	test(|| {
		let (first, fit) = hidden();
		let second = post(request());
		for job in [first, second] {
			propose(SOLVER, job, fit);
		}
		System::set_block_number(4);
		let (base, conclude) = (<()>::sweep_base(), <()>::conclude_proposal());
		let short = base + conclude - Weight::from_parts(1, 0);
		assert!(Market::on_idle(4, short).all_lte(short));
		assert!(matched(first).is_none());
		Market::on_idle(4, base + conclude);
		assert!(matched(first).is_some() && matched(second).is_none());
		Market::on_idle(4, Weight::MAX);
		assert!(matched(second).is_some());
	});
}

#[test]
fn a_job_that_expires_with_a_proposal_gets_what_was_proposed_in_time() {
	for by_call in [false, true] {
		test(|| {
			let (job, fit) = hidden();
			System::set_block_number(21);
			propose(SOLVER, job, fit);
			System::set_block_number(22);
			if by_call {
				assert_ok!(Market::expire_job(signed(POOR), job));
			} else {
				Market::on_idle(22, Weight::MAX);
			}
			assert_eq!(offer_of(job), fit);
			assert_eq!(terms(job).solver, Some(SOLVER));
		});
	}
}

#[test]
fn a_job_that_expires_with_a_void_proposal_expires() {
	test(|| {
		let (job, fit) = hidden();
		System::set_block_number(21);
		propose(SOLVER, job, fit);
		assert_ok!(Market::pause_offer(signed(THIRD), fit));
		System::set_block_number(22);
		events();
		assert_ok!(Market::expire_job(signed(POOR), job));
		assert_eq!(
			events(),
			vec![
				Event::ProposalDropped { job, offer: fit },
				Event::JobExpired { job }
			]
		);
		assert_eq!(Desk::at(At::Free, CREATOR), RICHES);
	});
}

#[test]
fn the_sweeper_expires_no_job_whose_proposal_it_had_no_weight_to_conclude() {
	test(|| {
		let (job, fit) = hidden();
		propose(SOLVER, job, fit);
		System::set_block_number(22);
		let (base, step, expire) = (<()>::sweep_base(), <()>::sweep_step(), <()>::expire_job());
		let enough_to_expire = base * 2 + step + expire;
		assert!(!enough_to_expire.all_gte(base + <()>::conclude_proposal()));
		Market::on_idle(22, enough_to_expire);
		assert!(match_by(job).is_some());
		assert!(Market::proposal(job).is_some());
	});
}

#[test]
fn a_proposal_that_is_concluded_too_late_for_the_jobs_own_deadline_is_dropped() {
	test(|| {
		let fit = hide(at(RATE));
		let job = post(JobRequest {
			deadline: Some(5 + RUN_BLOCKS),
			..request()
		});
		propose(SOLVER, job, fit);
		assert_eq!(Market::proposal(job).unwrap().due, 4);
		System::set_block_number(6);
		assert_ok!(Market::expire_job(signed(POOR), job));
		assert_eq!(Market::job(job), None);
	});
}
