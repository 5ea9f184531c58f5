use crate::{mock::*, Error, OfferParams, QUOTE_OFFERS};
use frame_support::{assert_err, assert_ok, assert_storage_noop};
use lilypad_primitives::{spec::GpuSpec, CreatorPolicy, JobRequest, MachineSpec, Mismatch, Platform, LP};
use sp_runtime::Permill;

#[test]
fn quote_names_the_cheapest_offers_and_the_first_is_the_one_that_is_matched() {
	test(|| {
		for (n, who) in [PROVIDER, OTHER, THIRD].into_iter().enumerate() {
			for m in 0..2 {
				OfferParams {
					rate: RATE + (5 - n as u128) * 10 + m,
					..offer()
				}
				.by(who);
			}
		}
		OfferParams {
			rate: RATE,
			creators: CreatorPolicy::Only(Default::default()),
			..offer()
		}
		.by(PROVIDER);
		let quote = Market::quote(CREATOR, request()).unwrap();
		assert_eq!(quote.offers.len() as u32, QUOTE_OFFERS);
		assert!(quote.offers.windows(2).all(|w| w[0].rate <= w[1].rate));
		assert_eq!(
			(quote.mismatches.len(), quote.enough_budget, quote.complete),
			(0, None, false)
		);
		let job = post(request());
		assert_eq!(offer_of(job), quote.offers[0].offer);
		let terms = LiveDeals::<Test>::get(deal_of(job)).unwrap().terms;
		let first = &quote.offers[0];
		assert_eq!(
			(first.escrow, first.cap, first.levy),
			(terms.escrow, terms.cap, terms.levy)
		);
		assert_eq!(
			(first.provider, first.rate, first.module_fee),
			(terms.provider, terms.rate, terms.module_fee)
		);
	});
}

#[test]
fn quote_tells_the_providers_scores() {
	test(|| {
		offer().by(PROVIDER);
		ScoreOf::<Test>::insert(PROVIDER, Permill::from_percent(97));
		let quote = Market::quote(CREATOR, request()).unwrap();
		assert_eq!(quote.offers[0].score, Permill::from_percent(97));
	});
}

#[test]
fn quote_says_which_rule_fails_for_how_many() {
	test(|| {
		let gpus = |vram| {
			vec![GpuSpec {
				vram_mib: vram,
				model: None,
			}]
			.try_into()
			.unwrap()
		};
		offer().by(PROVIDER);
		let paused = offer().by(PROVIDER);
		assert_ok!(Market::pause_offer(signed(PROVIDER), paused));
		OfferParams {
			platforms: vec![Platform::Wasm].try_into().unwrap(),
			..offer()
		}
		.by(PROVIDER);
		offer().by(CREATOR);
		let small = MachineSpec {
			gpus: gpus(8),
			..offer().machine
		};
		OfferParams {
			machine: small,
			..offer()
		}
		.by(OTHER);

		let large = JobRequest {
			spec: MachineSpec::new(5000, 100, 10),
			..request()
		};
		let quote = Market::quote(CREATOR, large).unwrap();
		assert_eq!(
			quote.mismatches,
			vec![(Mismatch::NotActive, 1), (Mismatch::Capacity, 4)]
		);
		assert_eq!((quote.considered, quote.complete), (5, true));

		let gpu = JobRequest {
			spec: MachineSpec {
				gpus: gpus(9),
				..request().spec
			},
			..request()
		};
		assert!(Market::quote(CREATOR, gpu).unwrap().offers.is_empty());
	});
}

#[test]
fn quote_names_the_budget_that_would_do() {
	test(|| {
		offer().by(PROVIDER);
		OfferParams {
			rate: 2 * RATE,
			..offer()
		}
		.by(PROVIDER);
		// Cheaper, but it serves nobody: no budget will do.
		OfferParams {
			rate: RATE / 2,
			creators: CreatorPolicy::Only(Default::default()),
			..offer()
		}
		.by(OTHER);
		for budget in [LP / 100, 0] {
			let quote = Market::quote(CREATOR, JobRequest { budget, ..request() }).unwrap();
			assert_eq!(quote.mismatches, vec![(Mismatch::Budget, 3)]);
			let enough = quote.enough_budget.unwrap();
			assert_eq!(
				matched(post(JobRequest {
					budget: enough - 1,
					..request()
				})),
				None
			);
			assert!(matched(post(JobRequest {
				budget: enough,
				..request()
			}))
			.is_some());
		}
	});
}

#[test]
fn quote_works_with_an_endless_budget_and_an_empty_market() {
	test(|| {
		let quote = Market::quote(
			CREATOR,
			JobRequest {
				budget: u128::MAX,
				..request()
			},
		)
		.unwrap();
		assert!(quote.offers.is_empty() && quote.mismatches.is_empty() && quote.complete);
		offer().by(PROVIDER);
		let quote = Market::quote(
			CREATOR,
			JobRequest {
				budget: u128::MAX,
				..request()
			},
		)
		.unwrap();
		assert_eq!(quote.offers.len(), 1);
	});
}

#[test]
fn quote_fails_as_posting_would_and_changes_nothing() {
	test(|| {
		let unknown = JobRequest {
			module: "moo:v1".parse().unwrap(),
			..request()
		};
		assert_err!(Market::quote(CREATOR, unknown), Error::<Test>::UnknownModule);
		assert_err!(
			Market::quote(
				CREATOR,
				JobRequest {
					time_limit: 0,
					..request()
				}
			),
			Error::<Test>::BadTimeLimit
		);
		offer().by(PROVIDER);
		assert_storage_noop!(Market::quote(CREATOR, request()).unwrap());
	});
}
