//! Random calls of many actors on registry, market and deals, while time passes. The invariants of each pallet and those
//! between them hold after every call, LP is conserved, free calls that were let in succeed, and when everything has
//! ended nothing stays on hold but what backs modules.

use super::chain::*;
use frame_support::{assert_ok, dispatch::CheckIfFeeless};
use lilypad_primitives::{
	BlockNumber, DealId, JobId, JobRequest, MachineSpec, OfferId, OfferState, Opening, PeerAddress, Profile,
	Status, Triple, LP,
};
use lilypad_runtime::{Balances, Runtime, RuntimeCall, RuntimeOrigin, System};
use pallet_market::JobState;
use proptest::{prelude::*, test_runner::TestRunner};
use std::{cell::RefCell, collections::BTreeMap};

const CREATORS: [Who; 2] = [CREATOR, Who::Dave];
const PROVIDERS: [Who; 3] = [PROVIDER, SECOND, STRANGER];

#[derive(Clone, Debug)]
enum Step {
	Bond(usize, u128),
	Unbond(usize, u128),
	Withdraw(usize),
	Offer {
		who: usize,
		rate: u128,
		slots: u32,
	},
	Rate(usize, u128),
	Pause(usize),
	Resume(usize),
	Drain(usize),
	WithdrawOffer(usize),
	Peer(usize, bool),
	Post {
		who: usize,
		lp: u128,
		cores: u32,
		retries: u8,
		target: Option<usize>,
		deadline: Option<u32>,
		window: u32,
	},
	CancelJob(usize),
	ExpireJob(usize),
	Acknowledge(usize),
	Decline(usize),
	Unfetchable(usize),
	Submit(usize),
	Accept(usize),
	Reveal(usize),
	Expire(usize),
	Delist,
	Register,
	Idle,
	Pass(BlockNumber),
}

fn step() -> impl Strategy<Value = Step> {
	let n = || 0usize..6;
	let provider = || 0..PROVIDERS.len();
	prop_oneof![
		2 => (provider(), 1u128..800).prop_map(|(who, lp)| Step::Bond(who, lp)),
		1 => (provider(), 1u128..800).prop_map(|(who, lp)| Step::Unbond(who, lp)),
		1 => provider().prop_map(Step::Withdraw),
		5 => (provider(), 1u128..4, 1u32..4).prop_map(|(who, rate, slots)| Step::Offer { who, rate, slots }),
		1 => (n(), 1u128..4).prop_map(|(offer, rate)| Step::Rate(offer, rate)),
		1 => n().prop_map(Step::Pause),
		3 => n().prop_map(Step::Resume),
		1 => n().prop_map(Step::Drain),
		1 => n().prop_map(Step::WithdrawOffer),
		1 => (provider(), any::<bool>()).prop_map(|(who, set)| Step::Peer(who, set)),
		10 => (
			0..CREATORS.len(), 8u128..60, 1u32..4, 0u8..4, proptest::option::weighted(0.2, provider()),
			proptest::option::weighted(0.2, 10u32..200), 1u32..60,
		).prop_map(|(who, lp, cores, retries, target, deadline, window)| {
			Step::Post { who, lp, cores, retries, target, deadline, window }
		}),
		4 => n().prop_map(Step::CancelJob),
		1 => n().prop_map(Step::ExpireJob),
		8 => n().prop_map(Step::Acknowledge),
		1 => n().prop_map(Step::Decline),
		2 => n().prop_map(Step::Unfetchable),
		8 => n().prop_map(Step::Submit),
		5 => n().prop_map(Step::Accept),
		5 => n().prop_map(Step::Reveal),
		3 => n().prop_map(Step::Expire),
		1 => prop_oneof![9 => Just(Step::Register), 1 => Just(Step::Delist)],
		1 => Just(Step::Idle),
		8 => (1u32..6).prop_map(Step::Pass),
		1 => (20u32..200).prop_map(Step::Pass),
	]
}

fn nth<T: Ord + Copy>(items: impl Iterator<Item = T>, n: usize) -> Option<T> {
	let mut items: Vec<_> = items.collect();
	items.sort();
	(!items.is_empty()).then(|| items[n % items.len()])
}

fn who_is(account: &lilypad_runtime::AccountId) -> Who {
	Who::from_account_id(account).expect("everybody here is well known")
}

fn with_deal(n: usize, make: impl FnOnce(DealId, Who, Who) -> (Who, pallet_deals::Call<Runtime>)) {
	if let Some(id) = nth(pallet_deals::Deals::<Runtime>::iter_keys(), n) {
		let terms = pallet_deals::Pallet::<Runtime>::terms(id).expect("it lives");
		let (who, call) = make(id, who_is(&terms.creator), who_is(&terms.provider));
		attempt(who, call);
	}
}

fn with_offer(n: usize, make: impl FnOnce(OfferId) -> pallet_market::Call<Runtime>) {
	if let Some(id) = nth(pallet_market::Offers::<Runtime>::iter_keys(), n) {
		let provider = pallet_market::Offers::<Runtime>::get(id)
			.expect("it stands")
			.provider;
		attempt(who_is(&provider), make(id));
	}
}

fn with_job(n: usize, make: impl FnOnce(JobId) -> pallet_market::Call<Runtime>) {
	if let Some(id) = nth(pallet_market::Jobs::<Runtime>::iter_keys(), n) {
		let creator = pallet_market::Jobs::<Runtime>::get(id)
			.expect("it is there")
			.job
			.creator;
		attempt(who_is(&creator), make(id));
	}
}

/// Makes a call which may fail; one that was let in for free may not.
fn attempt(who: Who, inner: impl Into<RuntimeCall>) {
	let inner = inner.into();
	let free = inner.is_feeless(&RuntimeOrigin::signed(who.to_account_id()));
	let result = call(who, inner.clone());
	assert!(
		!free || result.is_ok(),
		"{inner:?} was let in for free: {result:?}"
	);
}

fn opening_of(deal: DealId) -> Opening {
	let status = if deal.0 % 3 == 2 {
		Status::TimeExceeded
	} else {
		Status::Completed
	};
	Opening {
		triple: Triple {
			status,
			..opening().triple
		},
		usage: 500 * (deal.0 % 5),
		salt: [deal.0 as u8; 32],
	}
}

fn take(step: Step) {
	use pallet_deals::Call as D;
	use pallet_market::Call as M;
	match step {
		Step::Bond(who, lp) => attempt(PROVIDERS[who], D::bond { amount: lp * LP }),
		Step::Unbond(who, lp) => attempt(PROVIDERS[who], D::unbond { amount: lp * LP }),
		Step::Withdraw(who) => attempt(PROVIDERS[who], D::withdraw_unbonded {}),
		Step::Offer { who, rate, slots } => {
			attempt(
				PROVIDERS[who],
				M::post_offer {
					params: machine(rate * RATE / 2, slots),
				},
			);
		},
		Step::Rate(offer, rate) => with_offer(offer, |offer| M::set_offer_rate {
			offer,
			rate: rate * RATE / 2,
		}),
		Step::Pause(offer) => with_offer(offer, |offer| M::pause_offer { offer }),
		Step::Resume(offer) => with_offer(offer, |offer| M::resume_offer { offer }),
		Step::Drain(offer) => with_offer(offer, |offer| M::drain_offer { offer }),
		Step::WithdrawOffer(offer) => with_offer(offer, |offer| M::withdraw_offer { offer }),
		Step::Peer(who, true) => {
			attempt(
				PROVIDERS[who],
				M::set_peer {
					address: PeerAddress {
						id: [1; 32],
						..Default::default()
					},
				},
			);
		},
		Step::Peer(who, false) => attempt(PROVIDERS[who], M::clear_peer {}),
		Step::Post {
			who,
			lp,
			cores,
			retries,
			target,
			deadline,
			window,
		} => {
			let newest = pallet_modules::NextVersionId::<Runtime>::get().0;
			let request = JobRequest {
				module: format!("cowsay:v0.0.{newest}").parse().expect("a name"),
				spec: MachineSpec::new(1_000 * cores, 500, 50),
				budget: lp * LP,
				retries,
				target: target.map(|who| PROVIDERS[who].to_account_id()),
				deadline: deadline.map(|blocks| System::block_number() + blocks),
				match_window: window,
				..request()
			};
			attempt(CREATORS[who], M::post_job { request });
		},
		Step::CancelJob(job) => with_job(job, |job| M::cancel_job { job }),
		Step::ExpireJob(job) => with_job(job, |job| M::expire_job { job }),
		Step::Acknowledge(n) => with_deal(n, |deal, _, provider| (provider, D::acknowledge { deal })),
		Step::Decline(n) => with_deal(n, |deal, _, provider| (provider, D::decline { deal })),
		Step::Unfetchable(n) => with_deal(n, |deal, _, provider| (provider, D::report_unfetchable { deal })),
		Step::Submit(n) => with_deal(n, |deal, _, provider| {
			(
				provider,
				D::submit {
					deal,
					seal: opening_of(deal).seal(deal),
				},
			)
		}),
		Step::Accept(n) => with_deal(n, |deal, creator, _| {
			(
				creator,
				D::accept {
					deal,
					opening: opening_of(deal),
				},
			)
		}),
		Step::Reveal(n) => with_deal(n, |deal, _, provider| {
			(
				provider,
				D::reveal {
					deal,
					opening: opening_of(deal),
				},
			)
		}),
		Step::Expire(n) => with_deal(n, |deal, _, _| (AUTHOR, D::expire { deal })),
		Step::Delist => {
			let version =
				nth(pallet_modules::Versions::<Runtime>::iter_keys(), usize::MAX).expect("there is one");
			attempt(AUTHOR, pallet_modules::Call::delist { version });
		},
		Step::Register => {
			let next = pallet_modules::NextVersionId::<Runtime>::get().0 + 1;
			assert_ok!(register(
				&format!("cowsay:v0.0.{next}"),
				Profile::NonDeterministic
			));
		},
		Step::Idle => {
			idle();
		},
		Step::Pass(blocks) => pass(blocks),
	}
}

/// Waits until all jobs are gone, by nothing but expiring what has lapsed. Terminates because every retry is bounded.
fn wait_for_all_jobs() {
	while let Some(job) = nth(pallet_market::Jobs::<Runtime>::iter_keys(), 0) {
		match pallet_market::Jobs::<Runtime>::get(job)
			.expect("it is there")
			.state
		{
			JobState::Open { match_by } => {
				go_to(System::block_number().max(match_by + 1));
				assert_ok!(call(AUTHOR, pallet_market::Call::expire_job { job }));
			},
			JobState::Matched { deal, .. } => {
				go_to(System::block_number().max(deadline(deal) + 1));
				assert_ok!(call(AUTHOR, pallet_deals::Call::expire { deal }));
			},
		}
		check();
	}
}

/// Everybody leaves the market.
fn leave() {
	let offers: Vec<_> = pallet_market::Offers::<Runtime>::iter().collect();
	for (id, offer) in offers {
		assert_ne!(
			offer.state,
			OfferState::Draining,
			"a draining offer without deals is gone"
		);
		assert_ok!(call(
			who_is(&offer.provider),
			pallet_market::Call::withdraw_offer { offer: id }
		));
	}
	for who in PROVIDERS {
		if pallet_market::Peers::<Runtime>::contains_key(who.to_account_id()) {
			assert_ok!(call(who, pallet_market::Call::clear_peer {}));
		}
		if let Some(bond) = pallet_deals::Bonds::<Runtime>::get(who.to_account_id()) {
			pass(<Runtime as pallet_deals::Config>::UnbondingBlocks::get());
			let _may_have_nothing_due = call(who, pallet_deals::Call::withdraw_unbonded {});
			if bond.free() > 0 {
				assert_ok!(call(who, pallet_deals::Call::unbond { amount: bond.free() }));
				pass(<Runtime as pallet_deals::Config>::UnbondingBlocks::get());
				assert_ok!(call(who, pallet_deals::Call::withdraw_unbonded {}));
			}
		}
	}
}

/// One run. Returns what happened, by name.
fn run_all(steps: Vec<Step>) -> Vec<String> {
	new_test_ext().execute_with(|| {
		for who in PROVIDERS {
			offer(who, machine(RATE, 2));
		}
		let issued = Balances::total_issuance();
		for step in steps {
			take(step);
			check();
			assert_eq!(Balances::total_issuance(), issued);
		}
		wait_for_all_jobs();
		leave();
		check();
		assert_eq!(Balances::total_issuance(), issued);
		assert_eq!(pallet_deals::Deals::<Runtime>::iter_keys().count(), 0);
		assert_eq!(pallet_deals::Lapses::<Runtime>::iter_keys().count(), 0);
		assert_eq!(pallet_deals::Bonds::<Runtime>::iter_keys().count(), 0);
		assert_eq!(pallet_market::Offers::<Runtime>::iter_keys().count(), 0);
		nothing_is_held_but_for_modules();
		System::read_events_for_pallet::<pallet_deals::Event<Runtime>>()
			.into_iter()
			.filter_map(|event| match event {
				pallet_deals::Event::Settled { outcome, .. } => {
					let text = format!("{outcome:?}");
					Some(text.split_whitespace().next().unwrap_or_default().to_owned())
				},
				pallet_deals::Event::Shortfall { .. } => panic!("a shortfall"),
				_ => None,
			})
			.collect()
	})
}

#[test]
fn whatever_happens_nothing_stays_on_hold() {
	let reached = RefCell::new(BTreeMap::<String, u32>::new());
	TestRunner::new(ProptestConfig {
		cases: 64,
		..ProptestConfig::with_source_file(file!())
	})
	.run(&prop::collection::vec(step(), 1..100), |steps| {
		for name in run_all(steps) {
			*reached.borrow_mut().entry(name).or_default() += 1;
		}
		Ok(())
	})
	.expect("no counterexample");
	let expected = [
		"Accepted",
		"CancelledBeforeAck",
		"CancelledRunning",
		"Declined",
		"NoShow",
		"TimedOut",
		"Unfetchable",
	];
	let reached = reached.into_inner();
	println!("how often each outcome came up: {reached:?}");
	assert!(
		reached.keys().eq(expected),
		"the runs must reach every outcome: {reached:?}"
	);
}
