//! What verification costs at the shipped prices and rules, and what a cheat earns: every result comes with outputs of its own,
//! as BABE's authors would give them.

use crate::{chain::*, judging::*};
use frame_support::{
	assert_ok,
	traits::fungible::{Inspect, Mutate},
};
use lilypad_primitives::{Opening, Outcome, Reason, LP};
use lilypad_runtime::{AccountId, Balances, Deals, Mediation, System};

/// Results that are looked at.
const RESULTS: u32 = 3_000;

/// What became of many results.
#[derive(Debug, Default)]
struct Tally {
	/// Results that were audited.
	audited: u32,
	/// Runs of mediators.
	reruns: u32,
	/// Results that were overturned.
	overturned: u32,
	/// By how much the provider's money has changed, held and free together.
	provider: i128,
	/// By how much the audit pool's has.
	pool: i128,
}

fn total(who: &AccountId) -> i128 {
	i128::try_from(Balances::total_balance(who)).expect("below 2^127")
}

fn free(who: &AccountId) -> i128 {
	i128::try_from(Balances::free_balance(who)).expect("below 2^127")
}

/// Each of these results is audited or not, as the draw falls, and then paid for by a creator who believes everything.
fn results(of: impl Fn() -> Opening) -> Tally {
	let mut tally = Tally::default();
	let (provider, pool) = (PROVIDER.to_account_id(), lilypad_runtime::AuditPoolAccount::get());
	assert_ok!(Balances::mint_into(&pool, 1_000_000 * LP));
	assert_ok!(Balances::mint_into(&CREATOR.to_account_id(), 1_000_000 * LP));
	assert_ok!(Balances::mint_into(&provider, 1_000_000 * LP));
	offer(PROVIDER, machine(RATE, 1));
	assert_ok!(call(PROVIDER, pallet_deals::Call::bond { amount: 900_000 * LP }));
	let before = (total(&provider), total(&pool));
	for _ in 0..RESULTS {
		let deal = another_submitted(of());
		if Deals::is_drawn(deal) != Some(true) {
			let opening = of();
			assert_ok!(call(CREATOR, pallet_deals::Call::accept { deal, opening }));
			System::reset_events();
			continue;
		}
		tally.audited += 1;
		assert_ok!(call(STRANGER, pallet_deals::Call::audit { deal }));
		let mut own = Some(of());
		while let Some(case) = Mediation::case(deal) {
			tally.reruns += case.size();
			round(deal, |_| opening().triple, own.take());
		}
		tally.overturned += u32::from(matches!(outcome_of(deal), Some(Outcome::Overturned { .. })));
		System::reset_events();
	}
	tally.provider = total(&provider) - before.0;
	tally.pool = total(&pool) - before.1;
	tally
}

#[allow(clippy::cast_precision_loss)] // Shown with a few digits.
fn in_caps(amount: i128, results: u32) -> f64 {
	amount as f64 / CAP as f64 / f64::from(results)
}

#[test]
#[ignore = "measures: make bench-market"]
fn audits_of_honest_results() {
	let mut ext = new_test_ext();
	ext.execute_with(|| {
		mediators();
		let tally = results(opening);
		let overhead = f64::from(tally.reruns) / f64::from(RESULTS + tally.reruns);
		println!(
			"{RESULTS} honest results: {} audited, {} runs by mediators, {:.1} % of all runs; the audit pool's balance changes by \
			 {:+.4} caps a result",
			tally.audited,
			tally.reruns,
			100.0 * overhead,
			in_caps(tally.pool, RESULTS)
		);
		assert!(overhead < 0.15, "audits are more than 15 % of all runs");
		assert!(tally.pool > 0, "levies do not pay for the audits");
		assert_eq!(tally.overturned, 0);
	});
}

#[test]
#[ignore = "measures: make bench-market"]
fn a_forgers_income() {
	let mut ext = new_test_ext();
	ext.execute_with(|| {
		mediators();
		// It runs nothing and claims all.
		let claim = || Opening {
			usage: LIMIT,
			..forged()
		};
		let tally = results(claim);
		println!(
			"{RESULTS} forged results: {} overturned, income {:+.3} caps a result",
			tally.overturned,
			in_caps(tally.provider, RESULTS)
		);
		assert!(tally.provider < 0, "forging pays");
		assert_eq!(tally.overturned, tally.audited);
	});
}

#[test]
#[ignore = "measures: make bench-market"]
fn what_a_challenge_costs() {
	for (what, payer, result) in [
		("a false challenge", "its creator", opening()),
		("a true challenge", "the provider", forged()),
	] {
		let mut ext = new_test_ext();
		ext.execute_with(|| {
			mediators();
			let creator = CREATOR.to_account_id();
			let earned = || (0..12).map(|nth| total(&mediator(nth))).sum::<i128>();
			let deal = submitted(result);
			assert_eq!(Deals::is_drawn(deal), Some(false), "this history audits the deal");
			let (free_before, earned_before, block) = (free(&creator), earned(), System::block_number());
			let reason = Reason::WrongResult;
			assert_ok!(call(CREATOR, pallet_deals::Call::challenge { deal, reason }));
			let bond = free_before - free(&creator);
			round(deal, |_| opening().triple, Some(result));
			println!(
				"{what}: a bond of {:.2} caps; {payer} pays {:.2} caps for three votes; {} blocks besides the runs",
				in_caps(bond, 1),
				in_caps(earned() - earned_before, 1),
				System::block_number() - block,
			);
		});
	}
}
