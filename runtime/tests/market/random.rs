//! Random calls of many actors on registry, market, deals, mediation and gateway, while time passes. The invariants of each pallet
//! and those between them hold, LP is conserved but for what gateways bring and take, free calls that were let in succeed, and when
//! everything has ended nothing stays on hold but what backs modules.

use super::{
	bridged::{self, conserved},
	chain::*,
	judged,
	judging::mediator,
	steps::*,
};
use frame_support::assert_ok;
use lilypad_primitives::{DealId, OfferState, LP};
use lilypad_runtime::{Balances, Mediation, Runtime, System};
use pallet_market::JobState;
use proptest::{
	prelude::*,
	strategy::ValueTree,
	test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use std::{cell::RefCell, collections::BTreeMap, time::Instant};

/// How often each outcome of a deal came up, and each thing that a gateway's events tell of.
type Reached = BTreeMap<String, u64>;

const OUTCOMES: [&str; 13] = [
	"Accepted",
	"CancelledBeforeAck",
	"CancelledRunning",
	"Declined",
	"NoShow",
	"NonDeterministic",
	"Overcharged",
	"Overturned",
	"TimedOut",
	"Unfetchable",
	"UnresolvedAudit",
	"UnresolvedChallenge",
	"Upheld",
];

/// What only long runs reach for certain.
const RARE: [&str; 7] = [
	"NonDeterministic",
	"Overcharged",
	"a batch was ready",
	"a loss was made up for",
	"a re-organisation was booked",
	"an exit was booked with a loss",
	"somebody sent LP out",
];

/// Waits until all jobs are gone, by nothing but expiring what has lapsed. Terminates because every retry is bounded.
fn wait_for_all_jobs(tally: &mut Tally) {
	while let Some(job) = nth(pallet_market::Jobs::<Runtime>::iter_keys(), 0) {
		match pallet_market::Jobs::<Runtime>::get(job)
			.expect("it is there")
			.state
		{
			JobState::Open { match_by } => {
				go_to(System::block_number().max(match_by + 1));
				assert_ok!(call(AUTHOR, pallet_market::Call::expire_job { job }));
			},
			JobState::Matched { deal, .. } => end_deal(tally, deal),
		}
		check();
	}
}

/// Brings a deal nearer to its end, by nothing but what anybody may cause.
fn end_deal(tally: &mut Tally, deal: DealId) {
	if Mediation::case(deal).is_some() {
		tally.move_on(deal);
	} else {
		go_to(System::block_number().max(deadline(deal) + 1));
		assert_ok!(call(AUTHOR, pallet_deals::Call::expire { deal }));
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
			offer.provider,
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

/// Waits, expires everything, has everybody leave: nothing stays held.
fn end(tally: &mut Tally, issued: u128) {
	wait_for_all_jobs(tally);
	tally.end_of_gateway();
	leave();
	judged::leave();
	check();
	conserved(issued);
	assert_eq!(pallet_deals::Deals::<Runtime>::iter_keys().count(), 0);
	assert_eq!(pallet_deals::Lapses::<Runtime>::iter_keys().count(), 0);
	assert_eq!(pallet_deals::Bonds::<Runtime>::iter_keys().count(), 0);
	assert_eq!(pallet_market::Offers::<Runtime>::iter_keys().count(), 0);
	assert_eq!(pallet_market::Proposals::<Runtime>::iter_keys().count(), 0);
	assert_eq!(pallet_market::ProposalQueue::<Runtime>::iter_keys().count(), 0);
	nothing_is_held_but_for_modules();
}

/// Notes the outcomes since the last time, and forgets their events.
fn note_outcomes(reached: &mut Reached) {
	for event in System::read_events_for_pallet::<pallet_deals::Event<Runtime>>() {
		match event {
			pallet_deals::Event::Settled { outcome, .. } => {
				let text = format!("{outcome:?}");
				let name = text.split_whitespace().next().unwrap_or_default().to_owned();
				*reached.entry(name).or_default() += 1;
			},
			pallet_deals::Event::Shortfall { .. } => panic!("a shortfall"),
			_ => (),
		}
	}
	bridged::note(reached);
	System::reset_events();
}

/// Returns how much LP there is.
fn begin(tally: &mut Tally) -> u128 {
	for who in 0..judged::MEDIATORS {
		endow(&mediator(who), 2_000 * LP);
	}
	let issued = Balances::total_issuance();
	judged::begin(tally);
	tally.there.begin();
	for who in PROVIDERS {
		offer(who, machine(RATE, 2));
	}
	issued
}

#[track_caller]
fn all_came_up(reached: &Reached, tally: &Tally, but: &[&str]) {
	println!("how often each outcome came up: {reached:?}");
	println!("how often each call succeeded and failed: {:?}", tally.calls);
	for outcome in OUTCOMES.iter().chain(&bridged::NOTED) {
		assert!(
			but.contains(outcome) || reached.contains_key(*outcome),
			"the runs must reach {outcome:?}: {reached:?}"
		);
	}
}

#[test]
fn whatever_happens_nothing_stays_on_hold() {
	let reached = RefCell::new(Reached::new());
	let tally = RefCell::new(Tally::default());
	let config = ProptestConfig {
		cases: 48,
		..ProptestConfig::with_source_file(file!())
	};
	// The same calls in every run, so that every outcome comes up for certain; `make fuzz` makes new ones.
	TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
		.run(&prop::collection::vec(step(), 50..250), |steps| {
			new_test_ext().execute_with(|| {
				let tally = &mut tally.borrow_mut();
				let issued = begin(tally);
				for (nth, step) in steps.into_iter().enumerate() {
					tally.take(step);
					if nth % 8 == 0 {
						check();
						conserved(issued);
						note_outcomes(&mut reached.borrow_mut());
					}
				}
				end(tally, issued);
				note_outcomes(&mut reached.borrow_mut());
			});
			Ok(())
		})
		.expect("no counterexample");
	all_came_up(&reached.into_inner(), &tally.into_inner(), &RARE);
}

fn setting(name: &str, default: u64) -> u64 {
	match std::env::var(name) {
		Ok(text) => text
			.parse()
			.unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
		Err(_) => default,
	}
}

/// `make fuzz`. One chain lives through 20,000 calls; then all is waited for, and the next one begins.
///
/// `CALLS`: how many calls in all; `CHECK_EVERY`: after how many calls all invariants are checked; `SEED`: repeats a run.
#[test]
#[ignore = "takes long: make fuzz"]
fn a_million_calls() {
	const CALLS_OF_A_CHAIN: u64 = 20_000;
	let (calls, every) = (setting("CALLS", 1_000_000), setting("CHECK_EVERY", 200).max(1));
	let since_epoch = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
	let seed = setting("SEED", since_epoch.as_secs());
	println!("SEED={seed} CALLS={calls} CHECK_EVERY={every}");

	let mut bytes = [0; 32];
	bytes[..8].copy_from_slice(&seed.to_le_bytes());
	let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
	let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
	let steps = step();
	let (mut reached, mut tally) = (Reached::new(), Tally::default());
	let start = Instant::now();
	while tally.calls() < calls {
		let goal = calls.min(tally.calls() + CALLS_OF_A_CHAIN);
		let mut ext = new_test_ext();
		let issued = ext.execute_with(|| begin(&mut tally));
		while tally.calls() < goal {
			let pause = goal.min(tally.calls() + every);
			ext.execute_with(|| {
				while tally.calls() < pause {
					let step = steps.new_tree(&mut runner).expect("steps can be made").current();
					tally.take(step);
				}
				check();
				conserved(issued);
				note_outcomes(&mut reached);
			});
			ext.commit_all().expect("no transaction is open");
		}
		ext.execute_with(|| {
			end(&mut tally, issued);
			note_outcomes(&mut reached);
		});
		let rate = tally.calls() as f64 / start.elapsed().as_secs_f64();
		println!("{} calls, {rate:.0} a second", tally.calls());
	}
	all_came_up(&reached, &tally, &[]);
	let never: Vec<_> = tally
		.calls
		.iter()
		.filter(|(_, (good, _))| *good == 0)
		.map(|(name, _)| name)
		.collect();
	assert!(never.is_empty(), "these calls never succeeded: {never:?}");
}
