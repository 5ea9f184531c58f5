use crate::{mock::*, Error, Event, OfferIndex};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::{JobRequest, OfferId, OfferState, LP};

#[test]
fn set_offer_rate_works_and_moves_the_offer_in_the_index() {
	test(|| {
		let first = offer().by(PROVIDER);
		let second = offer().by(OTHER);
		events();
		assert_ok!(Market::set_offer_rate(signed(PROVIDER), first, RATE + 1));
		assert_eq!(
			events(),
			vec![Event::OfferChanged {
				offer: first,
				state: OfferState::Active,
				rate: RATE + 1
			}]
		);
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 2);
		assert_eq!(offer_of(post(request())), second);
	});
}

#[test]
fn set_offer_rate_matches_a_job_that_can_pay_now() {
	test(|| {
		let id = offer().by(PROVIDER);
		let job = post(JobRequest {
			budget: LP / 50,
			..request()
		});
		assert_eq!(matched(job), None);
		assert_ok!(Market::set_offer_rate(signed(PROVIDER), id, RATE / 4));
		assert_eq!(offer_of(job), id);
	});
}

#[test]
fn set_offer_rate_leaves_deals_as_they_are() {
	test(|| {
		let id = offer().by(PROVIDER);
		let deal = deal_of(post(request()));
		assert_ok!(Market::set_offer_rate(signed(PROVIDER), id, 5 * RATE));
		assert_eq!(LiveDeals::<Test>::get(deal).unwrap().terms.rate, RATE);
	});
}

#[test]
fn set_offer_rate_works_on_a_paused_offer_without_waking_it() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_ok!(Market::pause_offer(signed(PROVIDER), id));
		assert_ok!(Market::set_offer_rate(signed(PROVIDER), id, 2 * RATE));
		assert_eq!(Market::offer(id).unwrap().state, OfferState::Paused);
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn set_offer_rate_fails_when_not_allowed() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_noop!(
			Market::set_offer_rate(signed(OTHER), id, RATE),
			Error::<Test>::NotProvider
		);
		assert_noop!(
			Market::set_offer_rate(signed(PROVIDER), OfferId(9), RATE),
			Error::<Test>::UnknownOffer
		);
		let low = PRICING.min_rate - 1;
		assert_noop!(
			Market::set_offer_rate(signed(PROVIDER), id, low),
			Error::<Test>::RateTooLow
		);
		post(request());
		assert_ok!(Market::drain_offer(signed(PROVIDER), id));
		assert_noop!(
			Market::set_offer_rate(signed(PROVIDER), id, RATE),
			Error::<Test>::OfferDraining
		);
	});
}

#[test]
fn set_offer_rate_boundary_least_rate() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_ok!(Market::set_offer_rate(signed(PROVIDER), id, PRICING.min_rate));
	});
}
