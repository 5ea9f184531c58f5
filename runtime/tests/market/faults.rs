//! Jobs that don't go well: whose fault it is, who pays, and that the job is tried again.

use super::chain::*;
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::{JobRequest, OfferState};
use lilypad_runtime::{AccountId, Runtime};

fn with_retries(retries: u8) -> JobRequest<AccountId> {
	JobRequest { retries, ..request() }
}

fn state(offer: lilypad_primitives::OfferId) -> OfferState {
	pallet_market::Offers::<Runtime>::get(offer)
		.expect("it stands")
		.state
}

#[test]
fn a_no_show_is_fined_and_the_job_goes_to_the_next_provider_at_once() {
	test(|| {
		let cheap = offer(PROVIDER, machine(RATE, 1));
		let dear = offer(SECOND, machine(2 * RATE, 1));
		let before = picture();
		let job = post(CREATOR, with_retries(1));
		let first = deal_of(job).expect("matched");
		lapse(first);
		assert_ok!(call(STRANGER, pallet_deals::Call::expire { deal: first }));
		before.assert_changed(&[
			("creator", minus(BUDGET), plus(BUDGET)),
			("provider", 0, minus(NO_SHOW_FINE)),
			("treasury", plus(NO_SHOW_FINE), 0),
		]);
		assert_eq!(
			(state(cheap), state(dear)),
			(OfferState::Paused, OfferState::Active)
		);
		assert_eq!(provider_of(job), Some(SECOND.to_account_id()));
		check();

		let second = deal_of(job).expect("matched again");
		run(SECOND, second);
		accept(CREATOR, second);
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("creator", minus(6 * RATE + FEE + 2 * LEVY), 0),
			("provider", 0, minus(NO_SHOW_FINE)),
			("second", plus(6 * RATE), 0),
			("treasury", plus(NO_SHOW_FINE), 0),
			("pool", plus(2 * LEVY), 0),
		]);
	});
}

#[test]
fn a_job_that_nobody_takes_after_a_no_show_costs_its_creator_nothing() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let before = picture();
		let job = post(CREATOR, with_retries(3));
		lapse(deal_of(job).expect("matched"));
		sweep_deals();
		assert!(waits(job));
		// The provider failed this job: it does not get it again, even when it resumes.
		let offer = pallet_market::OffersOf::<Runtime>::get(PROVIDER.to_account_id())[0];
		assert_ok!(call(PROVIDER, pallet_market::Call::resume_offer { offer }));
		assert!(waits(job));
		assert_noop!(
			call(STRANGER, pallet_market::Call::expire_job { job }).map_err(|e| e.error),
			pallet_market::Error::<Runtime>::NotExpired
		);
		pass(51);
		assert_ok!(call(STRANGER, pallet_market::Call::expire_job { job }));
		before.assert_changed(&[
			("provider", 0, minus(NO_SHOW_FINE)),
			("treasury", plus(NO_SHOW_FINE), 0),
		]);
	});
}

#[test]
fn a_job_without_retries_ends_with_its_first_deal() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		offer(SECOND, machine(2 * RATE, 1));
		let before = picture();
		let job = post(CREATOR, with_retries(0));
		let deal = deal_of(job).expect("matched");
		assert_ok!(call(PROVIDER, pallet_deals::Call::decline { deal }));
		assert_eq!(pallet_market::Jobs::<Runtime>::get(job), None);
		before.assert_changed(&[
			("provider", 0, minus(NO_SHOW_FINE)),
			("treasury", plus(NO_SHOW_FINE), 0),
		]);
	});
}

#[test]
fn a_provider_that_dies_in_the_middle_is_fined_and_the_creator_refunded() {
	for submits in [false, true] {
		test(|| {
			let id = offer(PROVIDER, machine(RATE, 1));
			let before = picture();
			let job = post(CREATOR, request());
			let deal = deal_of(job).expect("matched");
			if submits {
				// It submits a seal, and then withholds what is in it.
				run(PROVIDER, deal);
			} else {
				acknowledge(PROVIDER, deal);
			}
			lapse(deal);
			assert_ok!(call(CREATOR, pallet_deals::Call::expire { deal }));
			before.assert_changed(&[
				("creator", plus(CAP / 2), 0),
				("provider", 0, minus(CAP)),
				("treasury", plus(CAP / 2 - LEVY), 0),
				("pool", plus(LEVY), 0),
			]);
			assert_eq!(state(id), OfferState::Paused);
		});
	}
}

#[test]
fn a_provider_that_has_just_failed_does_not_get_the_next_job_in_the_same_breath() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let first = post(CREATOR, request());
		let second = post(
			STRANGER,
			JobRequest {
				match_window: 500,
				..request()
			},
		);
		assert!(waits(second));
		lapse(deal_of(first).expect("matched"));
		sweep_deals();
		assert!(waits(second));
	});
}

#[test]
fn unfetchable_costs_nobody_anything_and_the_second_time_the_creator_a_fee() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		offer(SECOND, machine(2 * RATE, 1));
		let before = picture();
		let job = post(CREATOR, with_retries(0));
		let deal = deal_of(job).expect("matched");
		assert_ok!(call(PROVIDER, pallet_deals::Call::report_unfetchable { deal }));
		before.assert_changed(&[("creator", minus(BUDGET), plus(BUDGET))]);
		assert_eq!(provider_of(job), Some(SECOND.to_account_id()));
		let deal = deal_of(job).expect("matched again");
		assert_ok!(call(SECOND, pallet_deals::Call::report_unfetchable { deal }));
		before.assert_changed(&[
			("creator", minus(CANCEL_FEE), 0),
			("treasury", plus(CANCEL_FEE), 0),
		]);
		assert_eq!(pallet_market::Jobs::<Runtime>::get(job), None);
	});
}

#[test]
fn cancelling_costs_what_was_done_for_it() {
	test(|| {
		let before = picture();
		let job = post(CREATOR, request());
		assert_ok!(call(CREATOR, pallet_market::Call::cancel_job { job }));
		before.assert_changed(&[]);

		offer(PROVIDER, machine(RATE, 1));
		let before = picture();
		let job = post(CREATOR, request());
		assert_ok!(call(CREATOR, pallet_market::Call::cancel_job { job }));
		before.assert_changed(&[
			("creator", minus(CANCEL_FEE), 0),
			("treasury", plus(CANCEL_FEE), 0),
		]);

		let before = picture();
		let job = post(CREATOR, request());
		acknowledge(PROVIDER, deal_of(job).expect("matched"));
		pass(2);
		assert_ok!(call(CREATOR, pallet_market::Call::cancel_job { job }));
		before.assert_changed(&[
			("creator", minus(4 * RATE + LEVY), 0),
			("provider", plus(4 * RATE), 0),
			("pool", plus(LEVY), 0),
		]);

		let job = post(CREATOR, request());
		run(PROVIDER, deal_of(job).expect("matched"));
		assert_noop!(
			call(CREATOR, pallet_market::Call::cancel_job { job }).map_err(|e| e.error),
			pallet_deals::Error::<Runtime>::AlreadySubmitted
		);
	});
}

#[test]
fn cancelling_hands_the_capacity_to_the_next_job() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let first = post(CREATOR, request());
		let second = post(STRANGER, request());
		assert_ok!(call(CREATOR, pallet_market::Call::cancel_job { job: first }));
		assert_eq!(provider_of(second), Some(PROVIDER.to_account_id()));
	});
}

#[test]
fn a_job_whose_module_is_withdrawn_is_not_tried_again() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		offer(SECOND, machine(2 * RATE, 1));
		let job = post(CREATOR, with_retries(3));
		let deal = deal_of(job).expect("matched");
		delist();
		assert_ok!(call(PROVIDER, pallet_deals::Call::decline { deal }));
		assert_eq!(pallet_market::Jobs::<Runtime>::get(job), None);
	});
}

#[test]
fn a_deal_that_runs_when_its_module_is_withdrawn_ends_as_ever() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let deal = deal_of(post(CREATOR, request())).expect("matched");
		delist();
		run(PROVIDER, deal);
		accept(CREATOR, deal);
	});
}

#[test]
fn one_account_on_both_sides_is_not_matched() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		assert!(waits(post(PROVIDER, request())));
	});
}
