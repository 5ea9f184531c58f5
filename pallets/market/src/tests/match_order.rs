//! Who gets what: price, age, the bound of a search, and what a search must pass over.

use crate::{mock::*, OfferParams};
use frame_support::assert_ok;
use lilypad_primitives::{
	spec::GpuSpec, CreatorPolicy, JobRequest, MachineSpec, ModulePolicy, OfferId, Outcome, LP,
};
use sp_runtime::Permill;

fn at(rate: u128) -> OfferParams<AccountId> {
	OfferParams { rate, ..offer() }
}

/// An offer that stands in the index and never fits: it serves one account that posts nothing.
fn closed(rate: u128) -> OfferParams<AccountId> {
	OfferParams {
		creators: CreatorPolicy::Only(vec![POOR].try_into().unwrap()),
		..at(rate)
	}
}

#[test]
fn the_cheapest_offer_wins() {
	test(|| {
		at(3 * RATE).by(PROVIDER);
		let cheapest = at(RATE).by(OTHER);
		at(2 * RATE).by(THIRD);
		assert_eq!(offer_of(post(request())), cheapest);
	});
}

#[test]
fn the_price_order_is_that_of_numbers() {
	test(|| {
		// As little-endian bytes, or as text, these would be in another order.
		at(0x1_0000).by(PROVIDER);
		let cheapest = at(0xffff).by(OTHER);
		at(0x0100_0000_0000).by(THIRD);
		assert_eq!(offer_of(post(request())), cheapest);
	});
}

#[test]
fn of_equal_offers_the_older_wins() {
	test(|| {
		let older = offer().by(OTHER);
		let younger = offer().by(PROVIDER);
		for _ in 0..4 {
			assert_eq!(offer_of(post(request())), older);
		}
		assert_eq!(offer_of(post(request())), younger, "the older one is full");
	});
}

#[test]
fn the_job_that_can_pay_most_comes_first_and_of_equals_the_oldest() {
	test(|| {
		let low = post(request());
		let high = post(JobRequest {
			budget: 2 * LP,
			..request()
		});
		let high_too = post(JobRequest {
			budget: 2 * LP,
			..request()
		});
		let served = |id: OfferId, job| matched(job).is_some_and(|(_, by)| by == id);
		let one_slot = || OfferParams { slots: 1, ..offer() };
		let (a, b, c) = (
			one_slot().by(PROVIDER),
			one_slot().by(OTHER),
			one_slot().by(THIRD),
		);
		assert!(served(a, high) && served(b, high_too) && served(c, low));
	});
}

#[test]
fn a_job_is_not_matched_above_its_budget() {
	test(|| {
		let escrow = {
			at(RATE).by(PROVIDER);
			let deal = deal_of(post(request()));
			LiveDeals::<Test>::get(deal).unwrap().terms.escrow
		};
		let short = post(JobRequest {
			budget: escrow - 1,
			..request()
		});
		assert_eq!(matched(short), None);
		let just = post(JobRequest {
			budget: escrow,
			..request()
		});
		assert!(matched(just).is_some());
	});
}

#[test]
fn an_offer_that_does_not_fit_is_passed_over() {
	test(|| {
		closed(RATE).by(PROVIDER);
		let curated = OfferParams {
			modules: ModulePolicy::Curated,
			..at(RATE + 1)
		};
		curated.by(PROVIDER);
		OfferParams {
			machine: MachineSpec::new(999, 4096, 1024),
			..at(RATE + 2)
		}
		.by(PROVIDER);
		at(RATE + 3).by(CREATOR);
		let fits = at(RATE + 4).by(OTHER);
		assert_eq!(offer_of(post(request())), fits);
	});
}

#[test]
fn a_search_for_an_offer_is_bounded_whatever_stands_before() {
	test(|| {
		let crowd = |count: u32| {
			(0..count).for_each(|n| {
				closed(RATE).by([PROVIDER, OTHER, THIRD, AUTHOR][(n / MAX_OFFERS) as usize]);
			})
		};
		crowd(MAX_SCAN - 1);
		let fits = at(2 * RATE).by(RIVAL);
		Desk::put(At::Bond, RIVAL, 100 * LP);
		Desk::take(At::Free, RIVAL, 100 * LP).unwrap();
		assert_eq!(
			offer_of(post(request())),
			fits,
			"the last place that is looked at"
		);
		closed(RATE).by(AUTHOR);
		let info = try_post(CREATOR, request()).unwrap();
		let looked_at = crate::Scan {
			candidates: MAX_SCAN,
			..Default::default()
		};
		let searched = crate::Pallet::<Test>::searched_offers(looked_at);
		assert_eq!(
			info.actual_weight.unwrap(),
			<() as crate::WeightInfo>::post_job() + searched
		);
		assert_eq!(
			match_by(lilypad_primitives::JobId(1)),
			Some(21),
			"one place too far"
		);
	});
}

#[test]
fn a_search_for_jobs_is_bounded_whatever_stands_before() {
	test(|| {
		// Rich jobs that want another provider stand before the poor one that would fit.
		let targeted = JobRequest {
			budget: 10 * LP,
			target: Some(AUTHOR),
			..request()
		};
		for _ in 0..MAX_SCAN - 1 {
			post(targeted.clone());
		}
		let fits = post(request());
		let first = offer().by(PROVIDER);
		assert_eq!(offer_of(fits), first);

		post(targeted);
		let behind = post(request());
		assert!(
			matched(behind).is_some(),
			"a new job looks for itself, and finds the offer at once"
		);
		assert_ok!(Market::pause_offer(signed(PROVIDER), first));
		let hidden = post(request());
		offer().by(OTHER);
		assert_eq!(matched(hidden), None, "one place too far");
	});
}

#[test]
fn offers_that_cost_too_much_do_not_use_up_the_search() {
	test(|| {
		for n in 0..MAX_SCAN {
			at(LP).by([PROVIDER, OTHER][(n / MAX_OFFERS) as usize]);
		}
		let info = try_post(CREATOR, request()).unwrap();
		let nothing = <() as crate::WeightInfo>::post_job()
			+ crate::Pallet::<Test>::searched_offers(Default::default());
		assert_eq!(info.actual_weight.unwrap(), nothing);
	});
}

#[test]
fn gpu_jobs_go_to_gpu_offers_and_others_to_either() {
	test(|| {
		let gpus = |vram| {
			vec![GpuSpec {
				vram_mib: vram,
				model: None,
			}]
			.try_into()
			.unwrap()
		};
		let plain = at(2 * RATE).by(PROVIDER);
		let machine = MachineSpec {
			gpus: gpus(8_000),
			..offer().machine
		};
		let gpu = OfferParams {
			machine,
			slots: 2,
			..offer()
		}
		.by(OTHER);
		let wants = |vram| JobRequest {
			spec: MachineSpec {
				gpus: gpus(vram),
				..request().spec
			},
			..request()
		};
		assert_eq!(matched(post(wants(8_001))), None);
		assert_eq!(offer_of(post(request())), gpu);
		let job = post(wants(8_000));
		assert_eq!(offer_of(job), gpu);
		assert!(Market::offer(gpu).unwrap().free.gpus.is_empty());
		assert_eq!(offer_of(post(request())), plain);
		Desk::submit(deal_of(job));
		assert_eq!(Market::offer(gpu).unwrap().free.gpus.len(), 1);
	});
}

#[test]
fn a_target_skips_no_rule_and_no_cheaper_offer_takes_its_job() {
	test(|| {
		at(RATE / 2).by(PROVIDER);
		let wanted = at(RATE).by(OTHER);
		assert_eq!(
			offer_of(post(JobRequest {
				target: Some(OTHER),
				..request()
			})),
			wanted
		);
		let large = JobRequest {
			target: Some(OTHER),
			spec: MachineSpec::new(4000, 100, 10),
			..request()
		};
		assert_eq!(matched(post(large)), None);
	});
}

#[test]
fn a_low_score_is_passed_over() {
	test(|| {
		offer().by(PROVIDER);
		ScoreOf::<Test>::insert(PROVIDER, Permill::from_percent(40));
		let picky = |percent| JobRequest {
			min_score: Permill::from_percent(percent),
			..request()
		};
		assert_eq!(matched(post(picky(41))), None);
		assert!(matched(post(picky(40))).is_some());
	});
}

#[test]
fn the_bond_bounds_the_deals() {
	test(|| {
		offer().by(PROVIDER);
		let collateral = {
			let deal = deal_of(post(request()));
			LiveDeals::<Test>::get(deal).unwrap().terms.collateral
		};
		let spare = BOND - 2 * collateral;
		Desk::take(At::Bond, PROVIDER, spare + 1).unwrap();
		Desk::put(At::Free, PROVIDER, spare + 1);
		assert_eq!(matched(post(request())), None, "one unit short");
		Desk::put(At::Bond, PROVIDER, 1);
		Desk::take(At::Free, PROVIDER, 1).unwrap();
		assert!(matched(post(request())).is_some());
	});
}

#[test]
fn a_deal_that_can_not_be_opened_leaves_no_trace_and_the_next_offer_is_tried() {
	test(|| {
		let first = at(RATE).by(PROVIDER);
		let second = at(2 * RATE).by(OTHER);
		Jinxed::<Test>::put(PROVIDER);
		assert_eq!(offer_of(post(request())), second);
		assert_eq!(Market::offer(first).unwrap().running, 0);
		assert_eq!(
			deal_of(lilypad_primitives::JobId(0)).0,
			0,
			"what the failed deal wrote was undone"
		);
	});
}

#[test]
fn an_expired_job_is_never_matched() {
	test(|| {
		let job = post(request());
		System::set_block_number(22);
		offer().by(PROVIDER);
		assert_eq!(matched(job), None);
	});
}

#[test]
fn the_last_block_of_the_window_still_matches() {
	test(|| {
		let job = post(request());
		System::set_block_number(21);
		offer().by(PROVIDER);
		assert!(matched(job).is_some());
	});
}

#[test]
fn a_withdrawn_module_is_not_matched() {
	test(|| {
		let job = post(request());
		Registry::<Test>::mutate(COW, |m| m.as_mut().unwrap().delisted = true);
		offer().by(PROVIDER);
		assert_eq!(matched(job), None);
	});
}

#[test]
fn freed_capacity_goes_to_waiting_jobs() {
	test(|| {
		let whole = JobRequest {
			spec: MachineSpec::new(4000, 4096, 1024),
			..request()
		};
		offer().by(PROVIDER);
		let first = post(whole.clone());
		let waiting: Vec<_> = (0..3).map(|_| post(request())).collect();
		assert!(waiting.iter().all(|j| matched(*j).is_none()));
		Desk::submit(deal_of(first));
		// Others' jobs are matched in this call, but not without bound.
		assert_eq!(
			waiting.iter().filter(|j| matched(**j).is_some()).count(),
			MAX_MATCHES as usize
		);
		Desk::settle(
			deal_of(first),
			Outcome::Accepted {
				usage: 1,
				completed: true,
			},
		);
		assert_eq!(
			match_by(waiting[2]),
			Some(21),
			"its capacity has come back before"
		);
	});
}
