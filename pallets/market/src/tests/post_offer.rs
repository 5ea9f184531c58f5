use crate::{mock::*, Error, Event, OfferDeposits, OfferIndex, OfferParams};
use frame_support::{assert_noop, assert_ok};
use frame_system::RawOrigin;
use lilypad_primitives::{spec::GpuSpec, MachineSpec, MediatorPolicy, OfferId, OfferState, Platform};
use sp_runtime::{DispatchError, TokenError};

fn platforms(list: &[Platform]) -> frame_support::BoundedVec<Platform, frame_support::traits::ConstU32<3>> {
	list.to_vec().try_into().unwrap()
}

fn with_gpu() -> MachineSpec {
	let gpu = GpuSpec {
		vram_mib: 8_000,
		model: None,
	};
	MachineSpec {
		gpus: vec![gpu].try_into().unwrap(),
		..MachineSpec::new(4000, 4096, 1024)
	}
}

#[test]
fn post_offer_works() {
	test(|| {
		let id = offer().by(PROVIDER);
		assert_eq!(id, OfferId(0));
		let posted = Market::offer(id).unwrap();
		assert_eq!(
			(posted.provider, posted.rate, posted.slots, posted.running),
			(PROVIDER, RATE, 4, 0)
		);
		assert_eq!((posted.state, posted.open_deals), (OfferState::Active, 0));
		assert_eq!(posted.free, posted.total);
		assert_eq!(Market::offers_of(PROVIDER).to_vec(), vec![id]);
		assert_eq!(Desk::at(At::Deposit, PROVIDER), OFFER_DEPOSIT);
		assert_eq!(OfferDeposits::<Test>::get(id), Some(OFFER_DEPOSIT));
		assert_eq!(
			events(),
			vec![Event::OfferPosted {
				offer: id,
				provider: PROVIDER,
				rate: RATE
			}]
		);
	});
}

#[test]
fn post_offer_stands_once_in_each_class() {
	test(|| {
		let both = platforms(&[Platform::Wasm, Platform::ContainerAmd64]);
		offer().by(PROVIDER);
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 1);
		OfferParams {
			platforms: both.clone(),
			..offer()
		}
		.by(PROVIDER);
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 3);
		OfferParams {
			platforms: both,
			machine: with_gpu(),
			..offer()
		}
		.by(PROVIDER);
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 7);
	});
}

#[test]
fn post_offer_matches_waiting_jobs_in_the_same_block() {
	test(|| {
		let job = post(request());
		assert_eq!(matched(job), None);
		events();
		let id = offer().by(PROVIDER);
		let deal = deal_of(job);
		assert_eq!(
			events(),
			vec![
				Event::OfferPosted {
					offer: id,
					provider: PROVIDER,
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
		let after = Market::offer(id).unwrap();
		assert_eq!(
			(after.running, after.open_deals, after.free.cpu_milli),
			(1, 1, 3000)
		);
	});
}

#[test]
fn post_offer_matches_as_many_jobs_as_it_has_room_for() {
	test(|| {
		let jobs: Vec<_> = (0..6).map(|_| post(request())).collect();
		let id = offer().by(PROVIDER);
		let served = jobs.iter().filter(|j| matched(**j).is_some()).count();
		assert_eq!(served, 4);
		// It stands in no index now, and takes part in no search.
		assert_eq!(OfferIndex::<Test>::iter_keys().count(), 0);
		assert_eq!(Market::offer(id).unwrap().running, 4);
	});
}

#[test]
fn post_offer_serves_all_its_classes() {
	test(|| {
		let wasm = post(lilypad_primitives::JobRequest {
			module: "cowsay-wasm:v0.0.1".parse().unwrap(),
			..request()
		});
		let container = post(request());
		let gpu_spec = MachineSpec {
			gpus: with_gpu().gpus,
			..request().spec
		};
		let gpu = post(lilypad_primitives::JobRequest {
			spec: gpu_spec,
			..request()
		});
		let both = platforms(&[Platform::Wasm, Platform::ContainerAmd64]);
		OfferParams {
			platforms: both,
			machine: with_gpu(),
			..offer()
		}
		.by(PROVIDER);
		assert!([wasm, container, gpu].into_iter().all(|j| matched(j).is_some()));
	});
}

#[test]
fn post_offer_gives_back_the_weight_of_the_search_that_was_not_needed() {
	use frame_support::dispatch::GetDispatchInfo;
	test(|| {
		let charged = crate::Call::<Test>::post_offer { params: offer() }
			.get_dispatch_info()
			.call_weight;
		let nothing = offer().try_by(PROVIDER).unwrap().actual_weight.unwrap();
		assert_ok!(Market::withdraw_offer(signed(PROVIDER), OfferId(0)));
		post(request());
		post(request());
		let some = offer().try_by(OTHER).unwrap().actual_weight.unwrap();
		assert!(nothing.ref_time() < some.ref_time() && some.ref_time() < charged.ref_time());
	});
}

#[test]
fn post_offer_fails_when_the_machine_is_nothing() {
	test(|| {
		let no_vram = MachineSpec {
			gpus: vec![GpuSpec::default()].try_into().unwrap(),
			..offer().machine
		};
		for machine in [MachineSpec::new(0, 1, 1), MachineSpec::new(1, 0, 1), no_vram] {
			assert_noop!(
				OfferParams { machine, ..offer() }.try_by(PROVIDER),
				Error::<Test>::BadMachine
			);
		}
		assert_noop!(
			OfferParams { slots: 0, ..offer() }.try_by(PROVIDER),
			Error::<Test>::NoSlots
		);
	});
}

#[test]
fn post_offer_boundary_rate() {
	test(|| {
		for rate in [0, PRICING.min_rate - 1] {
			assert_noop!(
				OfferParams { rate, ..offer() }.try_by(PROVIDER),
				Error::<Test>::RateTooLow
			);
		}
		assert_ok!(OfferParams {
			rate: PRICING.min_rate,
			..offer()
		}
		.try_by(PROVIDER));
		assert_ok!(OfferParams {
			rate: u128::MAX,
			..offer()
		}
		.try_by(PROVIDER));
		assert_eq!(offer_of(post(request())), OfferId(0));
	});
}

#[test]
fn post_offer_fails_when_platforms_are_missing_or_repeated() {
	test(|| {
		for list in [&[][..], &[Platform::Wasm, Platform::Wasm]] {
			let params = OfferParams {
				platforms: platforms(list),
				..offer()
			};
			assert_noop!(params.try_by(PROVIDER), Error::<Test>::BadPlatforms);
		}
	});
}

#[test]
fn post_offer_boundary_mediators() {
	test(|| {
		let only = |list: &[u64]| MediatorPolicy::Only(list.to_vec().try_into().unwrap());
		for mediators in [only(&[]), only(&[1, 2, 3, 4, 5, 6]), only(&[1, 2, 3, 4, 5, 6, 6])] {
			assert_noop!(
				OfferParams { mediators, ..offer() }.try_by(PROVIDER),
				Error::<Test>::TooFewMediators
			);
		}
		assert_ok!(OfferParams {
			mediators: only(&[1, 2, 3, 4, 5, 6, 7]),
			..offer()
		}
		.try_by(PROVIDER));
	});
}

#[test]
fn post_offer_boundary_number_of_offers() {
	test(|| {
		for _ in 0..MAX_OFFERS {
			offer().by(PROVIDER);
		}
		assert_noop!(offer().try_by(PROVIDER), Error::<Test>::TooManyOffers);
		assert_ok!(offer().try_by(OTHER));
		assert_ok!(Market::withdraw_offer(signed(PROVIDER), OfferId(1)));
		assert_ok!(offer().try_by(PROVIDER));
	});
}

#[test]
fn post_offer_fails_when_the_deposit_is_not_to_be_had() {
	test(|| {
		assert_noop!(offer().try_by(POOR), TokenError::FundsUnavailable);
		Desk::take(At::Free, PROVIDER, RICHES - OFFER_DEPOSIT).unwrap();
		Desk::put(At::Free, OTHER, RICHES - OFFER_DEPOSIT);
		assert_ok!(offer().try_by(PROVIDER));
		assert_noop!(offer().try_by(PROVIDER), TokenError::FundsUnavailable);
	});
}

#[test]
fn post_offer_fails_when_not_signed_or_out_of_ids() {
	test(|| {
		assert_noop!(
			Market::post_offer(RawOrigin::None.into(), offer()),
			DispatchError::BadOrigin
		);
		crate::NextOfferId::<Test>::put(OfferId(u64::MAX));
		assert_noop!(offer().try_by(PROVIDER), Error::<Test>::NoIdsLeft);
	});
}

#[test]
fn an_offer_without_a_bond_is_posted_but_not_matched() {
	test(|| {
		let params = OfferParams {
			rate: PRICING.min_rate,
			..offer()
		};
		let cheap = params.by(AUTHOR);
		assert_eq!(Desk::at(At::Bond, AUTHOR), 0);
		let dear = offer().by(PROVIDER);
		assert_eq!(offer_of(post(request())), dear);
		assert_eq!(Market::offer(cheap).unwrap().running, 0);
	});
}
