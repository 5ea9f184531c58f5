//! Pause, resume, drain and withdraw.

use crate::{mock::*, Error, Event, OfferIndex, Offers};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::{OfferId, OfferState, Outcome};

fn accepted() -> Outcome {
	Outcome::Accepted {
		usage: 1_000,
		completed: true,
	}
}

#[test]
fn pause_offer_works() {
	test(|| {
		let id = offer().by(PROVIDER);
		let deal = deal_of(post(request()));
		events();
		assert_ok!(Market::pause_offer(signed(PROVIDER), id));
		assert_eq!(
			events(),
			vec![Event::OfferChanged {
				offer: id,
				state: OfferState::Paused,
				rate: RATE
			}]
		);
		assert_eq!(matched(post(request())), None);
		// The deal that it has goes on.
		Desk::submit(deal);
		Desk::settle(deal, accepted());
		assert_eq!(Market::offer(id).unwrap().state, OfferState::Paused);
	});
}

#[test]
fn pause_offer_fails_when_not_active() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_noop!(Market::pause_offer(signed(OTHER), id), Error::<Test>::NotProvider);
		assert_noop!(
			Market::pause_offer(signed(PROVIDER), OfferId(1)),
			Error::<Test>::UnknownOffer
		);
		assert_ok!(Market::pause_offer(signed(PROVIDER), id));
		assert_noop!(
			Market::pause_offer(signed(PROVIDER), id),
			Error::<Test>::OfferNotActive
		);
	});
}

#[test]
fn resume_offer_works_and_matches_waiting_jobs() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_ok!(Market::pause_offer(signed(PROVIDER), id));
		let job = post(request());
		events();
		assert_ok!(Market::resume_offer(signed(PROVIDER), id));
		let deal = deal_of(job);
		assert_eq!(
			events(),
			vec![
				Event::OfferChanged {
					offer: id,
					state: OfferState::Active,
					rate: RATE
				},
				Event::JobMatched {
					job,
					deal,
					offer: id,
					provider: PROVIDER
				},
			]
		);
	});
}

#[test]
fn resume_offer_fails_when_not_paused() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_noop!(
			Market::resume_offer(signed(PROVIDER), id),
			Error::<Test>::OfferNotPaused
		);
		assert_noop!(
			Market::resume_offer(signed(OTHER), id),
			Error::<Test>::NotProvider
		);
		post(request());
		assert_ok!(Market::drain_offer(signed(PROVIDER), id));
		assert_noop!(
			Market::resume_offer(signed(PROVIDER), id),
			Error::<Test>::OfferNotPaused
		);
	});
}

#[test]
fn drain_offer_works_and_ends_with_the_last_deal() {
	test(|| {
		let id = offer().by(PROVIDER);
		let deals = [post(request()), post(request())].map(deal_of);
		assert_ok!(Market::drain_offer(signed(PROVIDER), id));
		assert_eq!(matched(post(request())), None);
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 0);

		Desk::submit(deals[0]);
		Desk::settle(deals[0], accepted());
		assert_eq!(Market::offer(id).unwrap().open_deals, 1);
		Desk::submit(deals[1]);
		assert!(
			Market::offer(id).is_some(),
			"a deal that is not settled still needs its offer"
		);
		events();
		Desk::settle(deals[1], accepted());
		assert_eq!(Market::offer(id), None);
		assert_eq!(
			events()[0],
			Event::OfferWithdrawn {
				offer: id,
				provider: PROVIDER
			}
		);
		assert_eq!(Desk::at(At::Deposit, PROVIDER), 0);
		assert!(Market::offers_of(PROVIDER).is_empty());
	});
}

#[test]
fn drain_offer_removes_an_idle_offer_at_once() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_ok!(Market::drain_offer(signed(PROVIDER), id));
		assert_eq!(Market::offer(id), None);
		assert_eq!(Desk::at(At::Deposit, PROVIDER), 0);
	});
}

#[test]
fn drain_offer_fails_when_not_allowed() {
	test(|| {
		let id = offer().by(PROVIDER);
		post(request());
		assert_noop!(Market::drain_offer(signed(OTHER), id), Error::<Test>::NotProvider);
		assert_ok!(Market::drain_offer(signed(PROVIDER), id));
		assert_noop!(
			Market::drain_offer(signed(PROVIDER), id),
			Error::<Test>::OfferDraining
		);
	});
}

#[test]
fn withdraw_offer_works() {
	test(|| {
		let kept = offer().by(PROVIDER);
		let id = offer().by(PROVIDER);
		events();
		assert_ok!(Market::withdraw_offer(signed(PROVIDER), id));
		assert_eq!(
			events(),
			vec![Event::OfferWithdrawn {
				offer: id,
				provider: PROVIDER
			}]
		);
		assert_eq!(Market::offers_of(PROVIDER).to_vec(), vec![kept]);
		assert_eq!(Desk::at(At::Deposit, PROVIDER), OFFER_DEPOSIT);
		assert_eq!(offer_of(post(request())), kept);
	});
}

#[test]
fn withdraw_offer_works_on_a_paused_offer() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_ok!(Market::pause_offer(signed(PROVIDER), id));
		assert_ok!(Market::withdraw_offer(signed(PROVIDER), id));
		assert!(!Offers::<Test>::contains_key(id));
	});
}

#[test]
fn withdraw_offer_fails_when_it_has_open_deals() {
	test(|| {
		let id = offer().by(PROVIDER);
		let deal = deal_of(post(request()));
		assert_noop!(
			Market::withdraw_offer(signed(PROVIDER), id),
			Error::<Test>::OfferHasDeals
		);
		Desk::submit(deal);
		assert_noop!(
			Market::withdraw_offer(signed(PROVIDER), id),
			Error::<Test>::OfferHasDeals
		);
		Desk::settle(deal, accepted());
		assert_noop!(
			Market::withdraw_offer(signed(OTHER), id),
			Error::<Test>::NotProvider
		);
		assert_ok!(Market::withdraw_offer(signed(PROVIDER), id));
		assert_noop!(
			Market::withdraw_offer(signed(PROVIDER), id),
			Error::<Test>::UnknownOffer
		);
	});
}
