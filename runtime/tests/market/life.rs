//! Jobs that go well.

use super::chain::*;
use frame_support::assert_ok;
use lilypad_primitives::{MachineSpec, OfferState, Outcome};
use lilypad_runtime::{Runtime, RuntimeEvent, System};

#[test]
fn a_job_is_matched_run_and_paid_for() {
	test(|| {
		let id = offer(PROVIDER, machine(RATE, 1));
		let before = picture();
		let job = post(CREATOR, request());
		let deal = deal_of(job).expect("matched in the same block");
		before.assert_changed(&[("creator", minus(BUDGET), plus(BUDGET))]);
		run(PROVIDER, deal);
		accept(CREATOR, deal);
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("creator", minus(3 * RATE + FEE + LEVY), 0),
			("provider", plus(3 * RATE), 0),
			("pool", plus(LEVY), 0),
		]);
		let outcome = Outcome::Accepted {
			usage: 3_000,
			completed: true,
		};
		System::assert_has_event(RuntimeEvent::Market(pallet_market::Event::JobEnded {
			job,
			deal,
			outcome,
			result: Some(opening().triple),
			cost: 3 * RATE + FEE + LEVY,
		}));
		assert_eq!(pallet_market::Jobs::<Runtime>::get(job), None);
		assert_eq!(pallet_deals::Deals::<Runtime>::iter_keys().count(), 0);
		let offer = pallet_market::Offers::<Runtime>::get(id).expect("it stands");
		assert_eq!(
			(offer.running, offer.open_deals, offer.free == offer.total),
			(0, 0, true)
		);
	});
}

#[test]
fn the_collateral_is_as_the_formula_says() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let job = post(CREATOR, request());
		let terms = pallet_deals::Pallet::<Runtime>::terms(deal_of(job).expect("matched")).expect("it lives");
		assert_eq!((terms.cap, terms.levy, terms.collateral), (CAP, LEVY, COLLATERAL));
	});
}

#[test]
fn a_provider_is_paid_although_the_creator_stays_silent() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let before = picture();
		let deal = deal_of(post(CREATOR, request())).expect("matched");
		run(PROVIDER, deal);
		draw(deal);
		assert_ok!(call(
			PROVIDER,
			pallet_deals::Call::reveal {
				deal,
				opening: opening()
			}
		));
		lapse(deal);
		// Nobody calls: an idle block does it.
		assert!(idle().ref_time() > 0);
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("creator", minus(3 * RATE + FEE + LEVY), 0),
			("provider", plus(3 * RATE), 0),
			("pool", plus(LEVY), 0),
		]);
	});
}

#[test]
fn a_job_waits_for_an_offer() {
	test(|| {
		let job = post(CREATOR, request());
		assert!(waits(job));
		pass(10);
		offer(PROVIDER, machine(RATE, 1));
		assert_eq!(provider_of(job), Some(PROVIDER.to_account_id()));
	});
}

#[test]
fn the_cheapest_offer_wins() {
	test(|| {
		offer(PROVIDER, machine(RATE + 1, 4));
		offer(SECOND, machine(RATE, 4));
		let job = post(CREATOR, request());
		assert_eq!(provider_of(job), Some(SECOND.to_account_id()));
	});
}

#[test]
fn submitting_hands_the_capacity_to_the_next_job_at_once() {
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let first = post(CREATOR, request());
		let second = post(STRANGER, request());
		assert!(waits(second));
		let deal = deal_of(first).expect("matched");
		run(PROVIDER, deal);
		assert_eq!(provider_of(second), Some(PROVIDER.to_account_id()));
		// The first is not settled yet, the second runs.
		accept(CREATOR, deal);
		run(PROVIDER, deal_of(second).expect("matched"));
		accept(STRANGER, deal_of(second).expect("not settled"));
		assert_eq!(pallet_deals::Deals::<Runtime>::iter_keys().count(), 0);
	});
}

#[test]
fn a_machine_runs_as_many_jobs_as_it_has_room_for() {
	test(|| {
		let id = offer(PROVIDER, machine(RATE, 10));
		let jobs: Vec<_> = (0..5).map(|_| post(CREATOR, request())).collect();
		assert_eq!(jobs.iter().filter(|job| deal_of(**job).is_some()).count(), 4);
		let offer = pallet_market::Offers::<Runtime>::get(id).expect("it stands");
		assert_eq!(offer.free, MachineSpec::new(0, 4_096 - 400, 1_024 - 40));
	});
}

#[test]
fn collateral_limits_how_many_deals_a_bond_backs() {
	test(|| {
		// 2,000 LP back seven deals of 255 LP, and the machines would take eight.
		offer(PROVIDER, machine(RATE, 4));
		offer(PROVIDER, machine(RATE, 4));
		let jobs: Vec<_> = (0..8).map(|_| post(CREATOR, request())).collect();
		assert_eq!(jobs.iter().filter(|job| deal_of(**job).is_some()).count(), 7);
	});
}

#[test]
fn a_draining_offer_goes_with_its_last_deal() {
	test(|| {
		let before = picture();
		let id = offer(PROVIDER, machine(RATE, 1));
		let deal = deal_of(post(CREATOR, request())).expect("matched");
		assert_ok!(call(PROVIDER, pallet_market::Call::drain_offer { offer: id }));
		assert_eq!(
			pallet_market::Offers::<Runtime>::get(id).map(|o| o.state),
			Some(OfferState::Draining)
		);
		run(PROVIDER, deal);
		accept(CREATOR, deal);
		assert_eq!(pallet_market::Offers::<Runtime>::get(id), None);
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("creator", minus(3 * RATE + FEE + LEVY), 0),
			("provider", plus(3 * RATE) - plus(BOND), plus(BOND)),
			("pool", plus(LEVY), 0),
		]);
	});
}

#[test]
fn submitting_is_charged_by_what_it_found_to_do() {
	use frame_support::dispatch::GetDispatchInfo;
	test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let submit = |job| {
			let deal = deal_of(job).expect("matched");
			acknowledge(PROVIDER, deal);
			let seal = opening().seal(deal);
			let submit = pallet_deals::Call::<Runtime>::submit { deal, seal };
			let declared = lilypad_runtime::RuntimeCall::from(submit.clone())
				.get_dispatch_info()
				.call_weight;
			let post = call(PROVIDER, submit).expect("it is in time");
			let used = post.actual_weight.expect("it is known");
			assert!(used.all_lte(declared));
			used.ref_time() * 100 / declared.ref_time()
		};
		// One job waits and gets the capacity.
		let first = post(CREATOR, request());
		let second = post(STRANGER, request());
		let with_a_match = submit(first);
		let without = submit(second);
		assert!(
			without < with_a_match,
			"{without} % and {with_a_match} % of what is declared"
		);
		assert!(without < 20, "{without} % of what is declared");
	});
}
