//! That honesty is the best reply at the shipped parameters, as far as it is said to be: before each report with many deals, and
//! in the tests with few.

use crate::{
	bait::{self, Bait},
	grind, league,
	scene::run,
	setting::{Setting, Work, CROWD, LEAGUE},
	sybil::{pair, PAIRS},
	where_it_stops,
};

/// A quarter of the tickets. A league with a third of them is deterred by a margin that only many deals show.
const QUARTER: u32 = CROWD / 4;

/// Nobody earns more than an honest provider: not alone, not with so many tickets, and by the formula not with a third of them.
fn forging(tickets: u32, deals: u32) {
	let honest = run(&league(tickets), Work::Honest, deals / 4).league();
	let forged = run(&league(tickets), Work::Forged, deals).league();
	assert!(
		forged < honest,
		"a league with {tickets} of {CROWD} tickets is not deterred: {forged} by forging, {honest} without"
	);
	assert!(where_it_stops() > f64::from(LEAGUE) / f64::from(CROWD));
	assert!(
		Setting::default().overhead() < 0.15,
		"audits are more than 15 % of all runs"
	);
}

fn padding(deals: u32) {
	let padded = run(&Setting::default(), Work::Padded(200), deals);
	assert!(padded.provider < 0.0, "padding beyond what is allowed pays");
}

/// Whoever deals with himself loses, with up to a third of the tickets; and the pool does not pay for it, as long as he has none.
fn pairs(deals: u32) {
	for (name, kind) in PAIRS {
		for tickets in [0, CROWD / 10, LEAGUE] {
			let earned = pair(Setting::default(), kind, tickets, deals);
			assert!(
				earned.one_person() < 0.0,
				"{name}: a pair with {tickets} of {CROWD} tickets earns {} per deal with itself",
				earned.one_person()
			);
			assert!(
				tickets > 0 || earned.pool > -1e-9,
				"{name}: a pair takes {} out of the pool per deal with itself",
				-earned.pool
			);
		}
	}
}

/// No history makes a forgery pay, whatever its price.
fn reputation() {
	for (served, times) in [(0, 1), (50, 1), (50, 100)] {
		let strike = bait::strike(served, times);
		assert!(
			strike.earned < 0.0 && strike.after < strike.score,
			"a forgery after {served} honest deals earns {}",
			strike.earned
		);
	}
}

/// No creator gains by having an honest provider's reproducible result judged, not with so many tickets either; and the provider
/// loses nothing as long as the mediators are honest.
fn baits(tickets: u32, deals: u32) {
	// Where nobody is in league the draws decide nothing, and a few deals are as good as many.
	let few = deals.min(4);
	let alone = run(&Setting::default(), Work::Honest, 1).provider;
	for kind in [Bait::FalseChallenge, Bait::Endless, Bait::Random] {
		let gain = bait::gain(Setting::default(), kind, 0, few);
		assert!(gain < 0.0, "a bait earns its creator {gain}");
		let provider = bait::bait(Setting::default(), kind, 0, few).provider;
		assert!(
			provider >= alone - 1e-9,
			"a bait costs an honest provider {}",
			alone - provider
		);
	}
	let gain = bait::gain(Setting::default(), Bait::Framing, tickets, deals);
	assert!(
		gain < 0.0,
		"framing with {tickets} of {CROWD} tickets earns {gain}"
	);
}

/// A forger without mediators is deterred although a third of the slots is in league with it, and so is one with a quarter of the
/// tickets and a tenth of the slots: as long as it can't choose the moment.
fn grinding(results: u32, deals: u32) {
	let alone = Setting {
		slots: 33,
		..Setting::default()
	};
	let (audited, earned) = grind::forging(&alone, results, deals.min(20));
	assert!(
		audited < alone.audit_probability(),
		"withholding blocks avoids audits"
	);
	assert!(earned < 0.0, "a forger with a third of the slots earns {earned}");
	let both = Setting {
		slots: 10,
		..league(QUARTER)
	};
	let (_, earned) = grind::forging(&both, results, deals);
	let honest = run(&league(QUARTER), Work::Honest, deals / 4).league();
	assert!(
		earned < honest,
		"with a quarter of the tickets and a tenth of the slots forging earns {earned}"
	);
}

/// All of it, with so many deals for each point.
pub fn all(deals: u32) {
	forging(LEAGUE, deals);
	padding(deals);
	pairs(deals);
	reputation();
	baits(LEAGUE, deals);
	grinding(10 * deals, deals);
}

/// With few deals, the same each time: histories are hashes.
#[cfg(test)]
mod tests {
	use super::QUARTER;

	#[test]
	fn forging_does_not_pay() {
		super::forging(QUARTER, 200);
	}

	#[test]
	fn padding_does_not_pay() {
		super::padding(4);
	}

	#[test]
	fn dealing_with_oneself_does_not_pay() {
		super::pairs(40);
	}

	#[test]
	fn a_reputation_makes_no_forgery_pay() {
		super::reputation();
	}

	#[test]
	fn baits_for_an_honest_provider_do_not_pay() {
		super::baits(QUARTER, 100);
	}

	#[test]
	fn withholding_blocks_does_not_pay_within_bounds() {
		super::grinding(1_500, 200);
	}
}
