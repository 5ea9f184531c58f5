//! The end of a run and of a deal, as seen by job and offer.

use crate::{mock::*, Event, JobState, OfferIndex, OfferParams};
use frame_support::assert_ok;
use lilypad_primitives::{traits::JobBook, JobRequest, OfferState, Outcome};

const DONE: Outcome = Outcome::Accepted {
	usage: 1_000,
	completed: true,
};

#[test]
fn run_ended_gives_the_capacity_back_at_once() {
	test(|| {
		let id = OfferParams { slots: 1, ..offer() }.by(PROVIDER);
		let job = post(request());
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 0);
		Desk::submit(deal_of(job));
		let after = Market::offer(id).unwrap();
		assert_eq!(
			(after.running, after.open_deals, after.free == after.total),
			(0, 1, true)
		);
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 1);
		assert!(matches!(
			Market::job(job).unwrap().state,
			JobState::Matched { granted: None, .. }
		));
	});
}

#[test]
fn run_ended_twice_gives_nothing_twice() {
	test(|| {
		let id = offer().by(PROVIDER);
		let job = post(request());
		post(request());
		Desk::submit(deal_of(job));
		<Market as JobBook<_>>::run_ended(job);
		<Market as JobBook<_>>::run_ended(lilypad_primitives::JobId(99));
		assert_eq!(Market::offer(id).unwrap().running, 1);
	});
}

#[test]
fn settled_ends_the_job_and_tells_the_gateway() {
	test(|| {
		offer().by(PROVIDER);
		let job = post(request());
		let deal = deal_of(job);
		Desk::submit(deal);
		events();
		Desk::settle(deal, DONE);
		let cost = RICHES - Desk::at(At::Free, CREATOR);
		assert!(cost > 0);
		assert_eq!(
			events(),
			vec![Event::JobEnded {
				job,
				deal,
				outcome: DONE,
				result: None,
				cost
			}]
		);
		assert_eq!(Ended::<Test>::get(), vec![(job, CREATOR, true, cost)]);
		assert_eq!(Market::job(job), None);
	});
}

#[test]
fn settled_gives_back_the_capacity_of_a_run_that_never_ended() {
	test(|| {
		let id = offer().by(PROVIDER);
		let whole = JobRequest {
			spec: offer().machine,
			..request()
		};
		let first = post(whole.clone());
		let second = post(whole);
		Desk::settle(deal_of(first), Outcome::CancelledBeforeAck);
		assert_eq!(
			offer_of(second),
			id,
			"and whoever waits for it gets it in the same block"
		);
	});
}

#[test]
fn a_provider_at_fault_has_all_its_offers_paused() {
	for outcome in [Outcome::NoShow, Outcome::Declined, Outcome::TimedOut] {
		test(|| {
			let failing = OfferParams { slots: 1, ..offer() }.by(PROVIDER);
			let idle = OfferParams {
				rate: 2 * RATE,
				..offer()
			}
			.by(PROVIDER);
			let innocent = OfferParams {
				rate: 3 * RATE,
				..offer()
			}
			.by(OTHER);
			let job = post(request());
			assert_eq!(offer_of(job), failing);
			events();
			Desk::settle(deal_of(job), outcome);
			let paused = |offer, rate| Event::OfferChanged {
				offer,
				state: OfferState::Paused,
				rate,
			};
			assert_eq!(events()[..2], [paused(failing, RATE), paused(idle, 2 * RATE)]);
			assert_eq!(offer_of(post(request())), innocent);
			assert_ok!(Market::resume_offer(signed(PROVIDER), failing));
			assert_eq!(offer_of(post(request())), failing);
		});
	}
}

#[test]
fn a_provider_at_fault_gets_no_waiting_job_in_the_same_breath() {
	test(|| {
		let id = OfferParams { slots: 1, ..offer() }.by(PROVIDER);
		let first = post(request());
		let waiting = post(request());
		Desk::settle(deal_of(first), Outcome::NoShow);
		assert_eq!(matched(waiting), None);
		assert_eq!(Market::offer(id).unwrap().state, OfferState::Paused);
	});
}

#[test]
fn a_draining_offer_of_a_provider_at_fault_drains_on() {
	test(|| {
		let id = offer().by(PROVIDER);
		let jobs = [post(request()), post(request())];
		assert_ok!(Market::drain_offer(signed(PROVIDER), id));
		Desk::settle(deal_of(jobs[0]), Outcome::TimedOut);
		assert_eq!(Market::offer(id).unwrap().state, OfferState::Draining);
		Desk::settle(deal_of(jobs[1]), Outcome::TimedOut);
		assert_eq!(Market::offer(id), None);
	});
}

#[test]
fn no_other_outcome_pauses_offers() {
	for outcome in [
		DONE,
		Outcome::Unfetchable { again: true },
		Outcome::Unfetchable { again: false },
		Outcome::CancelledBeforeAck,
		Outcome::CancelledRunning { elapsed: 5 },
	] {
		test(|| {
			let id = offer().by(PROVIDER);
			let deal = deal_of(post(request()));
			Desk::settle(deal, outcome);
			assert_eq!(Market::offer(id).unwrap().state, OfferState::Active);
		});
	}
}
