use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::{JobId, Outcome};

#[test]
fn cancel_job_works_while_it_waits_and_costs_nothing() {
	test(|| {
		let job = post(request());
		events();
		let info = Market::cancel_job(signed(CREATOR), job).unwrap();
		assert_eq!(info.actual_weight, Some(<() as crate::WeightInfo>::cancel_open()));
		assert_eq!(events(), vec![Event::JobCancelled { job }]);
		assert_eq!(Market::job(job), None);
		assert_eq!(Desk::at(At::Free, CREATOR), RICHES);
		assert_eq!(Ended::<Test>::get(), vec![(job, CREATOR, false, 0)]);
	});
}

#[test]
fn cancel_job_works_after_the_match_window_too() {
	test(|| {
		let job = post(request());
		System::set_block_number(50);
		assert_ok!(Market::cancel_job(signed(CREATOR), job));
		assert_eq!(Desk::at(At::Free, CREATOR), RICHES);
	});
}

#[test]
fn cancel_job_works_when_matched_and_the_deal_decides_the_price() {
	test(|| {
		let offer = offer().by(PROVIDER);
		let job = post(request());
		let deal = deal_of(job);
		events();
		assert_ok!(Market::cancel_job(signed(CREATOR), job));
		let (outcome, cost) = (Outcome::CancelledBeforeAck, PRICING.cancel_fee);
		assert_eq!(
			events(),
			vec![Event::JobEnded {
				job,
				deal,
				outcome,
				result: None,
				cost
			}]
		);
		assert_eq!(Desk::at(At::Free, CREATOR), RICHES - PRICING.cancel_fee);
		let after = Market::offer(offer).unwrap();
		assert_eq!(
			(after.running, after.open_deals, after.free == after.total),
			(0, 0, true)
		);
		assert_eq!(
			Ended::<Test>::get(),
			vec![(job, CREATOR, true, PRICING.cancel_fee)]
		);
	});
}

#[test]
fn cancel_job_fails_when_not_the_creator_or_unknown() {
	test(|| {
		let job = post(request());
		assert_noop!(Market::cancel_job(signed(RIVAL), job), Error::<Test>::NotCreator);
		assert_noop!(
			Market::cancel_job(signed(CREATOR), JobId(9)),
			Error::<Test>::UnknownJob
		);
	});
}

#[test]
fn cancel_job_fails_when_the_deal_refuses() {
	test(|| {
		offer().by(PROVIDER);
		let job = post(request());
		Desk::submit(deal_of(job));
		assert_noop!(
			Market::cancel_job(signed(CREATOR), job),
			desk::Error::<Test>::TooLate
		);
	});
}
