//! Jobs whose provider failed them are queued again, or not.

use crate::{mock::*, Event, JobState, OfferParams};
use frame_support::assert_ok;
use lilypad_primitives::{job::MAX_RETRIES, traits::JobBook, JobId, JobRequest, Outcome, LP};

fn retries(retries: u8) -> JobRequest<AccountId> {
	JobRequest { retries, ..request() }
}

fn will_requeue(job: JobId, outcome: Outcome) -> bool {
	<Market as JobBook<_>>::will_requeue(job, &outcome)
}

#[test]
fn a_failed_job_keeps_its_id_and_budget_and_waits_without_the_provider() {
	for outcome in [Outcome::NoShow, Outcome::Declined, Outcome::TimedOut] {
		test(|| {
			offer().by(PROVIDER);
			let id = post(retries(2));
			System::set_block_number(10);
			events();
			Desk::settle(deal_of(id), outcome);
			assert_eq!(match_by(id), Some(30), "a fresh window of the original length");
			let job = job(id);
			assert_eq!(
				(job.retries_left, job.failed.to_vec(), job.unfetchable_once),
				(1, vec![PROVIDER], false)
			);
			assert_eq!(Desk::at(At::Budget, CREATOR), LP);
			assert_eq!(
				events()[1],
				Event::JobRequeued {
					job: id,
					match_by: 30,
					retries_left: 1
				}
			);
			assert!(Ended::<Test>::get().is_empty());
			// The same provider does not get it again, though its offer is back.
			assert_ok!(Market::resume_offer(
				signed(PROVIDER),
				lilypad_primitives::OfferId(0)
			));
			assert_eq!(match_by(id), Some(30));
		});
	}
}

#[test]
fn a_failed_job_is_matched_again_in_the_same_block_with_a_new_deal() {
	test(|| {
		offer().by(PROVIDER);
		let next = OfferParams {
			rate: 2 * RATE,
			..offer()
		}
		.by(OTHER);
		let id = post(retries(1));
		let first = deal_of(id);
		Desk::settle(first, Outcome::NoShow);
		assert_eq!(offer_of(id), next);
		assert_ne!(deal_of(id), first);
		Desk::settle(deal_of(id), Outcome::NoShow);
		assert_eq!(Market::job(id), None, "no retries are left");
		assert_eq!(Desk::at(At::Free, CREATOR), RICHES);
	});
}

#[test]
fn a_new_match_that_fails_does_not_undo_the_settlement() {
	test(|| {
		offer().by(PROVIDER);
		OfferParams {
			rate: 2 * RATE,
			..offer()
		}
		.by(OTHER);
		let id = post(retries(1));
		Jinxed::<Test>::put(OTHER);
		Desk::settle(deal_of(id), Outcome::NoShow);
		assert!(match_by(id).is_some());
		assert_eq!(Desk::at(At::Bond, PROVIDER), BOND - PRICING.no_show_fine);
	});
}

#[test]
fn a_job_without_retries_ends_and_the_budget_is_back() {
	test(|| {
		offer().by(PROVIDER);
		let id = post(retries(0));
		assert!(!will_requeue(id, Outcome::NoShow));
		Desk::settle(deal_of(id), Outcome::NoShow);
		assert_eq!(Desk::at(At::Free, CREATOR), RICHES);
		assert_eq!(Ended::<Test>::get(), vec![(id, CREATOR, true, 0)]);
	});
}

#[test]
fn outcomes_that_are_nobodys_fault_to_retry_end_the_job() {
	test(|| {
		offer().by(PROVIDER);
		let id = post(retries(8));
		let done = Outcome::Accepted {
			usage: 1,
			completed: true,
		};
		for outcome in [
			done,
			Outcome::CancelledBeforeAck,
			Outcome::CancelledRunning { elapsed: 1 },
			Outcome::Overturned { votes: 1 },
			Outcome::UnresolvedChallenge,
			Outcome::Unfetchable { again: true },
		] {
			assert!(!will_requeue(id, outcome), "{outcome:?}");
		}
		assert!(will_requeue(id, Outcome::NoShow));
		assert!(!will_requeue(JobId(7), Outcome::NoShow));
		let waiting = post(JobRequest {
			spec: lilypad_primitives::MachineSpec::new(9000, 100, 10),
			..retries(8)
		});
		assert!(!will_requeue(waiting, Outcome::NoShow));
	});
}

#[test]
fn unfetchable_queues_again_once_and_costs_no_retry() {
	test(|| {
		offer().by(PROVIDER);
		OfferParams {
			rate: 2 * RATE,
			..offer()
		}
		.by(OTHER);
		let id = post(retries(0));
		assert!(!<Market as JobBook<_>>::unfetchable_before(id));
		Desk::settle(deal_of(id), Outcome::Unfetchable { again: false });
		assert!(<Market as JobBook<_>>::unfetchable_before(id));
		let record = job(id);
		assert_eq!(
			(
				record.retries_left,
				record.failed.to_vec(),
				record.unfetchable_once
			),
			(0, vec![PROVIDER], true)
		);
		assert!(
			!will_requeue(id, Outcome::Unfetchable { again: false }),
			"once in a job's life"
		);
		Desk::settle(deal_of(id), Outcome::Unfetchable { again: true });
		assert_eq!(
			Ended::<Test>::get(),
			vec![(id, CREATOR, true, PRICING.cancel_fee)]
		);
	});
}

#[test]
fn requeue_boundary_own_deadline() {
	for (deadline, expected) in [
		(10 + RUN_BLOCKS - 1, None),
		(10 + RUN_BLOCKS, Some(10)),
		(10 + RUN_BLOCKS + 3, Some(13)),
		(10 + RUN_BLOCKS + 20, Some(30)),
		(u32::MAX, Some(30)),
	] {
		test(|| {
			offer().by(PROVIDER);
			let id = post(JobRequest {
				deadline: Some(deadline),
				..retries(3)
			});
			System::set_block_number(10);
			assert_eq!(will_requeue(id, Outcome::NoShow), expected.is_some());
			Desk::settle(deal_of(id), Outcome::NoShow);
			assert_eq!(match_by(id), expected, "deadline {deadline}");
		});
	}
}

#[test]
fn a_job_with_a_target_or_a_withdrawn_module_is_not_queued_again() {
	test(|| {
		offer().by(PROVIDER);
		let targeted = post(JobRequest {
			target: Some(PROVIDER),
			..retries(3)
		});
		let orphan = post(retries(3));
		assert!(!will_requeue(targeted, Outcome::NoShow));
		Registry::<Test>::mutate(COW, |m| m.as_mut().unwrap().delisted = true);
		assert!(!will_requeue(orphan, Outcome::NoShow));
		Desk::settle(deal_of(targeted), Outcome::TimedOut);
		Desk::settle(deal_of(orphan), Outcome::TimedOut);
		assert_eq!(Desk::at(At::Budget, CREATOR), 0);
	});
}

#[test]
fn a_job_remembers_every_provider_that_failed_it() {
	test(|| {
		// As many failures as a job can live through: all its retries, and one report of unfetchable inputs.
		let providers: Vec<AccountId> = (100..100 + u64::from(MAX_RETRIES) + 2).collect();
		for who in &providers {
			Desk::take(At::Free, CREATOR, 100 * LP).unwrap();
			Desk::put(At::Free, *who, 50 * LP);
			Desk::put(At::Bond, *who, 50 * LP);
			OfferParams {
				rate: RATE + u128::from(*who),
				..offer()
			}
			.by(*who);
		}
		let id = post(retries(MAX_RETRIES as u8));
		Desk::settle(deal_of(id), Outcome::Unfetchable { again: false });
		for failures in 2..=u64::from(MAX_RETRIES) + 1 {
			Desk::settle(deal_of(id), Outcome::NoShow);
			assert_eq!(job(id).failed.len() as u64, failures);
		}
		assert_eq!(job(id).retries_left, 0);
		assert_eq!(
			job(id).failed.to_vec(),
			providers[..=MAX_RETRIES as usize].to_vec()
		);
		Desk::settle(deal_of(id), Outcome::NoShow);
		assert_eq!(Market::job(id), None);
	});
}

#[test]
fn a_requeued_job_can_be_cancelled_or_expires_like_any_other() {
	test(|| {
		offer().by(PROVIDER);
		let cancelled = post(retries(1));
		let expired = post(retries(1));
		Desk::settle(deal_of(cancelled), Outcome::NoShow);
		Desk::settle(deal_of(expired), Outcome::NoShow);
		assert!(matches!(
			Market::job(cancelled).unwrap().state,
			JobState::Open { .. }
		));
		assert_ok!(Market::cancel_job(signed(CREATOR), cancelled));
		System::set_block_number(22);
		assert_ok!(Market::expire_job(signed(POOR), expired));
		assert_eq!(Desk::at(At::Free, CREATOR), RICHES);
	});
}

#[test]
fn a_requeued_job_stands_where_the_new_prices_put_it() {
	test(|| {
		offer().by(PROVIDER);
		let id = post(retries(1));
		let before = Market::job(id).unwrap().ceiling;
		Prices::set(lilypad_primitives::Pricing {
			levy_rate: sp_runtime::Permill::from_percent(10),
			..PRICING
		});
		Desk::settle(deal_of(id), Outcome::NoShow);
		assert!(Market::job(id).unwrap().ceiling < before);
	});
	test(|| {
		offer().by(PROVIDER);
		let id = post(retries(1));
		let before = Market::job(id).unwrap().ceiling;
		// Not even the least rate is within the budget any longer: the job waits where it stood.
		Prices::set(lilypad_primitives::Pricing {
			min_rate: LP,
			..PRICING
		});
		Desk::settle(deal_of(id), Outcome::NoShow);
		assert_eq!(Market::job(id).unwrap().ceiling, before);
	});
}

/// The longest time limit is a rule for posting: who was promised more keeps it.
#[test]
fn a_job_outlasts_a_lower_limit() {
	test(|| {
		let waiting = post(retries(1));
		Prices::set(lilypad_primitives::Pricing {
			max_time_limit: request().time_limit - 1,
			..PRICING
		});
		let again = try_post(CREATOR, request());
		assert!(again.is_err(), "nobody can post such a job any longer");
		offer().by(PROVIDER);
		Desk::settle(deal_of(waiting), Outcome::NoShow);
		OfferParams {
			rate: 2 * RATE,
			..offer()
		}
		.by(OTHER);
		assert!(matched(waiting).is_some(), "and it is queued again as it was");
		Prices::set(PRICING);
	});
}
