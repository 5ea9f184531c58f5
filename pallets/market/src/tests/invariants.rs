//! Random calls keep the invariants and the books, and in the end nothing stays held.

use crate::{mock::*, Jobs, OfferParams, Offers};
use lilypad_primitives::{spec::GpuSpec, JobId, JobRequest, MachineSpec, OfferId, Outcome, LP};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
	PostOffer {
		who: u64,
		rate: u128,
		slots: u32,
		gpus: u32,
	},
	SetRate {
		offer: u64,
		rate: u128,
	},
	Pause(u64),
	Resume(u64),
	Drain(u64),
	Withdraw(u64),
	PostJob {
		who: u64,
		budget: u128,
		cpu: u32,
		gpus: u32,
		retries: u8,
		deadline: Option<u32>,
		target: Option<u64>,
	},
	Cancel(u64),
	Expire(u64),
	Submit(usize),
	Settle(usize, Outcome),
	Blocks(u32),
	Idle,
}

fn outcome() -> impl Strategy<Value = Outcome> {
	prop_oneof![
		(0u64..100_000).prop_map(|usage| Outcome::Accepted {
			usage,
			completed: true
		}),
		Just(Outcome::NoShow),
		Just(Outcome::Declined),
		Just(Outcome::TimedOut),
		Just(Outcome::Unfetchable { again: false }),
		Just(Outcome::CancelledBeforeAck),
		(0u64..100_000).prop_map(|elapsed| Outcome::CancelledRunning { elapsed }),
	]
}

fn step() -> impl Strategy<Value = Step> {
	let account = 10u64..13;
	let id = 0u64..12;
	prop_oneof![
		2 => (account.clone(), 1_000u128..2 * RATE, 1u32..4, 0u32..3)
			.prop_map(|(who, rate, slots, gpus)| Step::PostOffer { who, rate, slots, gpus }),
		1 => (id.clone(), 1_000u128..2 * RATE).prop_map(|(offer, rate)| Step::SetRate { offer, rate }),
		1 => id.clone().prop_map(Step::Pause),
		2 => id.clone().prop_map(Step::Resume),
		1 => id.clone().prop_map(Step::Drain),
		1 => id.clone().prop_map(Step::Withdraw),
		4 => (
			10u64..22,
			LP / 1000..LP / 5,
			1_000u32..4_000,
			0u32..2,
			0u8..4,
			proptest::option::of(40u32..120),
			proptest::option::weighted(0.1, account),
		)
			.prop_map(|(who, budget, cpu, gpus, retries, deadline, target)| Step::PostJob {
				who, budget, cpu, gpus, retries, deadline, target
			}),
		1 => (0u64..30).prop_map(Step::Cancel),
		1 => (0u64..30).prop_map(Step::Expire),
		2 => (0usize..10).prop_map(Step::Submit),
		3 => ((0usize..10), outcome()).prop_map(|(n, o)| Step::Settle(n, o)),
		2 => (1u32..15).prop_map(Step::Blocks),
		1 => Just(Step::Idle),
	]
}

fn gpus(count: u32) -> frame_support::BoundedVec<GpuSpec, frame_support::traits::ConstU32<8>> {
	vec![
		GpuSpec {
			vram_mib: 8,
			model: None
		};
		count as usize
	]
	.try_into()
	.unwrap()
}

fn live(n: usize) -> Option<(lilypad_primitives::DealId, desk::Live)> {
	let mut deals: Vec<_> = LiveDeals::<Test>::iter().collect();
	deals.sort_by_key(|(id, _)| *id);
	(!deals.is_empty()).then(|| deals[n % deals.len()].clone())
}

/// A call that fails is fine: it changes nothing, which the checks after each step show.
fn take(step: Step) {
	let provider_of = |id| signed(Market::offer(id).map_or(PROVIDER, |o| o.provider));
	match step {
		Step::PostOffer {
			who,
			rate,
			slots,
			gpus: count,
		} => {
			let machine = MachineSpec {
				gpus: gpus(count),
				..offer().machine
			};
			let _ = OfferParams {
				machine,
				rate,
				slots,
				..offer()
			}
			.try_by(who);
		},
		Step::SetRate { offer, rate } => {
			let _ = Market::set_offer_rate(provider_of(OfferId(offer)), OfferId(offer), rate);
		},
		Step::Pause(id) => {
			let _ = Market::pause_offer(provider_of(OfferId(id)), OfferId(id));
		},
		Step::Resume(id) => {
			let _ = Market::resume_offer(provider_of(OfferId(id)), OfferId(id));
		},
		Step::Drain(id) => {
			let _ = Market::drain_offer(provider_of(OfferId(id)), OfferId(id));
		},
		Step::Withdraw(id) => {
			let _ = Market::withdraw_offer(provider_of(OfferId(id)), OfferId(id));
		},
		Step::PostJob {
			who,
			budget,
			cpu,
			gpus: count,
			retries,
			deadline,
			target,
		} => {
			let spec = MachineSpec {
				gpus: gpus(count),
				..MachineSpec::new(cpu, 100, 10)
			};
			let _ = try_post(
				who,
				JobRequest {
					budget,
					spec,
					retries,
					deadline,
					target,
					..request()
				},
			);
		},
		Step::Cancel(id) => {
			if let Some(record) = Market::job(JobId(id)) {
				let _ = Market::cancel_job(signed(record.job.creator), JobId(id));
			}
		},
		Step::Expire(id) => {
			let _ = Market::expire_job(signed(POOR), JobId(id));
		},
		Step::Submit(n) => {
			if let Some((deal, _)) = live(n).filter(|(_, d)| !d.submitted) {
				Desk::submit(deal);
			}
		},
		Step::Settle(n, outcome) => {
			if let Some((deal, d)) = live(n) {
				let again = <Market as lilypad_primitives::traits::JobBook<_>>::unfetchable_before(d.job);
				let outcome = match outcome {
					Outcome::Unfetchable { .. } => Outcome::Unfetchable { again },
					other => other,
				};
				Desk::settle(deal, outcome);
			}
		},
		Step::Blocks(n) => System::set_block_number(System::block_number() + u64::from(n)),
		Step::Idle => {
			let now = System::block_number();
			<Market as frame_support::traits::Hooks<_>>::on_idle(now, frame_support::weights::Weight::MAX);
		},
	}
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(96))]

	#[test]
	fn random_calls_keep_the_invariants_and_in_the_end_nothing_stays_held(
		steps in proptest::collection::vec(step(), 1..60),
	) {
		test(|| {
			for who in [CREATOR, RIVAL] {
				assert!(Desk::at(At::Free, who) > 0);
			}
			for step in steps {
				take(step);
				check();
			}
			// Every deal ends, every job expires, every offer is withdrawn.
			while let Some((deal, _)) = live(0) {
				Desk::settle(deal, Outcome::TimedOut);
			}
			System::set_block_number(System::block_number() + u64::from(MAX_WINDOW) + 1);
			for id in Jobs::<Test>::iter_keys().collect::<Vec<_>>() {
				Market::expire_job(signed(POOR), id).unwrap();
			}
			for (id, offer) in Offers::<Test>::iter().collect::<Vec<_>>() {
				Market::withdraw_offer(signed(offer.provider), id).unwrap();
			}
			for who in [PROVIDER, OTHER, THIRD, CREATOR, RIVAL] {
				assert_eq!((Desk::at(At::Budget, who), Desk::at(At::Deposit, who)), (0, 0));
			}
		});
	}
}
