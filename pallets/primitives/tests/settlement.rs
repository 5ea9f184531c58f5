//! What no settlement may do, whatever the terms and however the deal ended.
//!
//! The table of who gets what, row by row, is beside the function itself. Here are the rules behind the table: value is
//! conserved, nobody is charged for somebody else's fault, and nobody profits from dealing with himself.

use lilypad_primitives::{
	settle, terms::Amounts, Balance, Judge, Millis, Outcome, Party, Pricing, Profile, Purse, Settlement,
	Terms, LP,
};
use proptest::prelude::*;
use sp_arithmetic::Permill;
use std::collections::BTreeMap;

const PRICING: Pricing = Pricing {
	levy_rate: Permill::from_percent(2),
	mediator_fee_rate: Permill::from_percent(50),
	min_mediator_fee: LP / 100,
	largest_panel: 7,
	collateral_factor: 10,
	min_collateral: LP,
	no_show_fine: LP / 10,
	cancel_fee: LP / 1000,
	victim_share: Permill::from_percent(50),
	min_rate: 1_000,
	min_time_limit: 1_000,
	max_time_limit: 24 * 3_600_000,
};

/// Whose money a purse is. The pool's is everybody's.
fn owner(purse: Purse) -> Party {
	match purse {
		Purse::Budget | Purse::ChallengeBond => Party::Creator,
		Purse::Collateral => Party::Provider,
		Purse::AuthorBond => Party::Author,
		Purse::AuditPool => Party::AuditPool,
	}
}

/// Whose fault an outcome is, if it is anybody's: the party whose money may go without anything in return.
fn at_fault(outcome: &Outcome) -> Option<Party> {
	match outcome {
		Outcome::NoShow
		| Outcome::Declined
		| Outcome::TimedOut
		| Outcome::Overcharged { .. }
		| Outcome::Overturned { .. } => Some(Party::Provider),
		Outcome::Unfetchable { again: true }
		| Outcome::CancelledBeforeAck
		| Outcome::CancelledRunning { .. }
		| Outcome::Upheld { challenged: true, .. } => Some(Party::Creator),
		Outcome::NonDeterministic { .. } => Some(Party::Author),
		Outcome::Accepted { .. }
		| Outcome::Unfetchable { again: false }
		| Outcome::Upheld {
			challenged: false, ..
		}
		| Outcome::UnresolvedChallenge
		| Outcome::UnresolvedAudit { .. } => None,
	}
}

/// Run time that is paid for, if any, and whether the program ran to its end.
fn paid_run(outcome: &Outcome) -> Option<(Millis, bool)> {
	match *outcome {
		Outcome::Accepted { usage, completed }
		| Outcome::Upheld { usage, completed, .. }
		| Outcome::UnresolvedAudit { usage, completed } => Some((usage, completed)),
		Outcome::Overcharged {
			median, completed, ..
		} => Some((median, completed)),
		Outcome::CancelledRunning { elapsed } => Some((elapsed, false)),
		Outcome::NonDeterministic { usage, .. } => Some((usage, false)),
		_ => None,
	}
}

/// What a creator owes for what it got: the price of the run, the author's fee and the tip.
fn price(terms: &Terms<u64>, outcome: &Outcome) -> Balance {
	let Some((usage, completed)) = paid_run(outcome) else {
		return 0;
	};
	let fee = if completed { terms.module_fee } else { 0 };
	let tip = match outcome {
		Outcome::CancelledRunning { .. } | Outcome::NonDeterministic { .. } => 0,
		_ => terms.solver.map_or(0, |_| terms.tip),
	};
	terms.cost(usage) + fee + tip
}

/// Everybody's gain, in a number that can't overflow: amounts are below 2^127 here.
fn gains(settlement: &Settlement) -> BTreeMap<Party, i128> {
	let mut gains = BTreeMap::<_, i128>::new();
	for step in &settlement.moves {
		let amount = i128::try_from(step.amount).expect("amounts are moderate here");
		*gains.entry(owner(step.from)).or_default() -= amount;
		*gains.entry(step.to).or_default() += amount;
	}
	gains
}

fn terms_with(
	rate: Balance,
	time_limit: Millis,
	fee: Balance,
	tip: Balance,
	solver: Option<u64>,
	spare: Balance,
) -> Terms<u64> {
	let a = Amounts::new(&PRICING, rate, time_limit, fee, tip).expect("in range");
	Terms {
		creator: 1,
		judge: Judge::Creator,
		provider: 2,
		author: 3,
		solver,
		rate,
		time_limit,
		budget: a.escrow + PRICING.cancel_fee + spare,
		cap: a.cap,
		module_fee: fee,
		levy: a.levy,
		tip,
		escrow: a.escrow,
		mediator_fee: a.mediator_fee,
		panel_fee: a.panel_fee,
		collateral: a.collateral,
		no_show_fine: PRICING.no_show_fine,
		cancel_fee: PRICING.cancel_fee,
		victim_share: PRICING.victim_share,
		profile: Profile::Deterministic,
	}
}

fn any_terms() -> impl Strategy<Value = Terms<u64>> {
	let amount = || prop_oneof![Just(0), 1u128..1_000, 1u128..1 << 60, 1u128..1 << 90];
	(
		prop_oneof![Just(1_000u128), 1_000u128..LP, 1_000u128..1 << 80],
		prop_oneof![Just(1_000u64), 1_000u64..86_400_000],
		amount(),
		amount(),
		any::<Option<u64>>(),
		amount(),
	)
		.prop_map(|(rate, limit, fee, tip, solver, spare)| terms_with(rate, limit, fee, tip, solver, spare))
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
	let t = || prop_oneof![Just(0u64), Just(u64::MAX), any::<u64>(), 0u64..100_000_000];
	let v = || prop_oneof![0u32..12, Just(u32::MAX)];
	let b = any::<bool>;
	let bond = || prop_oneof![Just(0), 1u128..1 << 100];
	prop_oneof![
		(t(), b()).prop_map(|(usage, completed)| Outcome::Accepted { usage, completed }),
		Just(Outcome::NoShow),
		Just(Outcome::Declined),
		Just(Outcome::TimedOut),
		b().prop_map(|again| Outcome::Unfetchable { again }),
		Just(Outcome::CancelledBeforeAck),
		t().prop_map(|elapsed| Outcome::CancelledRunning { elapsed }),
		(t(), b(), v(), b()).prop_map(|(usage, completed, votes, challenged)| Outcome::Upheld {
			usage,
			completed,
			votes,
			challenged
		}),
		(t(), t(), b(), v()).prop_map(|(claimed, median, completed, votes)| Outcome::Overcharged {
			claimed,
			median,
			completed,
			votes
		}),
		v().prop_map(|votes| Outcome::Overturned { votes }),
		(t(), v(), bond(), b()).prop_map(|(usage, votes, author_bond, challenged)| {
			Outcome::NonDeterministic {
				usage,
				votes,
				author_bond,
				challenged,
			}
		}),
		Just(Outcome::UnresolvedChallenge),
		(t(), b()).prop_map(|(usage, completed)| Outcome::UnresolvedAudit { usage, completed }),
	]
}

/// All sets of these parties.
fn subsets(parties: &[Party]) -> impl Iterator<Item = Vec<Party>> + '_ {
	(0u32..1 << parties.len()).map(move |set| {
		(0..parties.len())
			.filter(|at| set & (1 << at) != 0)
			.map(|at| parties[at])
			.collect()
	})
}

proptest! {
	#![proptest_config(ProptestConfig::with_cases(2_000))]

	/// Purses are never overdrawn, nothing is created or lost, and every move says something.
	#[test]
	fn value_is_conserved(terms in any_terms(), outcome in any_outcome()) {
		let settlement = settle(&terms, &outcome);
		prop_assert_eq!(gains(&settlement).values().sum::<i128>(), 0);
		let bond = if let Outcome::NonDeterministic { author_bond, .. } = outcome { author_bond } else { 0 };
		for (purse, there) in [
			(Purse::Budget, terms.escrow.max(terms.cancel_fee)),
			(Purse::Collateral, terms.collateral),
			(Purse::ChallengeBond, terms.panel_fee),
			(Purse::AuthorBond, bond),
			(Purse::AuditPool, terms.panel_fee),
		] {
			prop_assert!(settlement.taken_from(purse) <= there, "{:?} is overdrawn", purse);
		}
		prop_assert!(settlement.moves.iter().all(|step| step.amount > 0));
		// As many as the event has room for.
		prop_assert!(settlement.moves.len() <= 8);
	}

	/// A set of parties that deal with each other, whoever they are, gains together at most what parties outside forfeit for
	/// a fault of their own, and the price of a run that a creator outside agreed to.
	#[test]
	fn colluding_parties_gain_nothing_but_what_others_forfeit(terms in any_terms(), outcome in any_outcome()) {
		let settlement = settle(&terms, &outcome);
		let gains = gains(&settlement);
		let faulty = at_fault(&outcome);
		for set in subsets(&[Party::Creator, Party::Provider, Party::Author, Party::Solver]) {
			let gain: i128 = set.iter().filter_map(|party| gains.get(party)).sum();
			let outside = |party: Party| !set.contains(&party);
			let forfeited: Balance = settlement
				.moves
				.iter()
				.filter(|step| faulty == Some(owner(step.from)) && outside(owner(step.from)))
				.map(|step| step.amount)
				.sum();
			let agreed = if outside(Party::Creator) { price(&terms, &outcome) } else { 0 };
			prop_assert!(
				gain <= (forfeited + agreed) as i128,
				"{:?} gain {} of {} forfeited and {} agreed", set, gain, forfeited, agreed
			);
		}
	}

	/// The same with all mediators in the set. The chain itself pays those who judge in an audit, and for a module that is
	/// proven to be non-deterministic: for their work, vote by vote, and never more than the votes cost.
	#[test]
	fn with_all_mediators_they_gain_no_more_than_the_votes_cost(terms in any_terms(), outcome in any_outcome()) {
		let settlement = settle(&terms, &outcome);
		let gains = gains(&settlement);
		let all = [Party::Creator, Party::Provider, Party::Author, Party::Solver, Party::Mediators];
		let gain: i128 = all.iter().filter_map(|party| gains.get(party)).sum();
		let work = settlement.taken_from(Purse::AuditPool);
		prop_assert!(gain <= work as i128);
		let votes = match outcome {
			Outcome::Upheld { votes, challenged: false, .. } | Outcome::NonDeterministic { votes, .. } => votes,
			_ => 0,
		};
		prop_assert!(work <= terms.mediator_fee.saturating_mul(votes.into()).min(terms.panel_fee));
	}

	/// Nobody loses more than he put up for it, and an innocent provider or author loses nothing at all.
	#[test]
	fn the_innocent_lose_nothing(terms in any_terms(), outcome in any_outcome()) {
		let settlement = settle(&terms, &outcome);
		let faulty = at_fault(&outcome);
		for (party, purse) in [(Party::Provider, Purse::Collateral), (Party::Author, Purse::AuthorBond)] {
			if faulty != Some(party) {
				prop_assert_eq!(settlement.taken_from(purse), 0);
			}
		}
		// A creator pays the price and the levy; more only for a fault of its own.
		if faulty != Some(Party::Creator) {
			let due = price(&terms, &outcome) + paid_run(&outcome).map_or(0, |_| terms.levy);
			prop_assert!(settlement.taken_from(Purse::Budget) <= due);
			prop_assert_eq!(settlement.taken_from(Purse::ChallengeBond), 0);
		}
	}

	/// A claim that is too high by a part of the cap costs the same part of the collateral, as far as the votes leave it; a claim of
	/// the whole cap for nothing costs as much as a forged result.
	#[test]
	fn an_overcharge_costs_its_part_of_the_collateral(
		terms in any_terms(), claimed in 0u64..100_000_000, median in 0u64..100_000_000, votes in 0u32..12,
	) {
		let settlement = settle(&terms, &Outcome::Overcharged { claimed, median, completed: true, votes });
		let excess = terms.cost(claimed).saturating_sub(terms.cost(median));
		let forfeited = terms.forfeit(excess);
		prop_assert_eq!(forfeited == 0, excess == 0);
		prop_assert!(forfeited >= excess, "the excess and more: θ is at least 1");
		let fees = settlement.paid_to(Party::Mediators);
		prop_assert_eq!(settlement.paid_to(Party::Treasury), forfeited.min(terms.collateral - fees));
		prop_assert_eq!(terms.forfeit(terms.cap), terms.collateral);
		prop_assert_eq!(terms.forfeit(u128::MAX), terms.collateral);
	}

	/// Misbehaving towards oneself, through several accounts, costs.
	#[test]
	fn failing_oneself_costs(terms in any_terms(), votes in 0u32..12) {
		for outcome in [Outcome::NoShow, Outcome::Declined, Outcome::TimedOut, Outcome::Overturned { votes }] {
			let gains = gains(&settle(&terms, &outcome));
			let together: i128 = [Party::Creator, Party::Provider, Party::Author, Party::Solver]
				.iter().filter_map(|party| gains.get(party)).sum();
			prop_assert!(together < 0, "{:?} costs nothing", outcome);
		}
	}

	/// Whatever the numbers are, even such as no match makes: no panic, no overdraft, no purse that pays twice.
	#[test]
	fn the_extremes_of_the_types_do_no_harm(
		numbers in prop::array::uniform11(prop_oneof![Just(0), Just(1), Just(u128::MAX), Just(u128::MAX - 1), any::<u128>()]),
		time_limit in prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()],
		share in 0u32..=1_000_000,
		solver in any::<Option<u64>>(),
		outcome in any_outcome(),
	) {
		let [rate, budget, cap, module_fee, levy, tip, escrow, mediator_fee, panel_fee, collateral, fine] = numbers;
		let terms = Terms {
			creator: 1, judge: Judge::Creator, provider: 2, author: 3, solver, rate, time_limit, budget, cap, module_fee, levy, tip, escrow,
			mediator_fee, panel_fee, collateral, no_show_fine: fine, cancel_fee: fine, victim_share: Permill::from_parts(share),
			profile: Profile::NonDeterministic,
		};
		let settlement = settle(&terms, &outcome);
		// Sums that are cut short by their type would hide an overdraft: subtract instead.
		for (purse, there) in [(Purse::Budget, budget), (Purse::Collateral, collateral), (Purse::ChallengeBond, panel_fee)] {
			let left = settlement.moves.iter().filter(|step| step.from == purse)
				.try_fold(there, |left, step| left.checked_sub(step.amount));
			prop_assert!(left.is_some(), "{:?} is overdrawn", purse);
		}
	}
}

/// A budget is never less than what the table takes: a fee that exceeded a tiny budget would be cut, not owed.
#[test]
fn a_fee_above_the_budget_takes_the_budget_and_no_more() {
	let terms = Terms {
		budget: 5,
		..terms_with(1_000, 1_000, 0, 0, None, 0)
	};
	for outcome in [Outcome::CancelledBeforeAck, Outcome::Unfetchable { again: true }] {
		let settlement = settle(&terms, &outcome);
		assert_eq!(settlement.taken_from(Purse::Budget), 5);
	}
}

/// Collateral is taken in this order: mediators, the wronged creator, the treasury.
#[test]
fn collateral_that_is_too_small_goes_to_mediators_first_and_then_to_the_creator() {
	let full = terms_with(LP, 10_000, 0, 0, None, 0);
	let votes = 3;
	let fees = full.mediator_fee * 3;
	for (collateral, mediators, creator, treasury) in [
		(fees - 1, fees - 1, 0, 0),
		(fees, fees, 0, 0),
		(fees + full.cap - 1, fees, full.cap - 1, 0),
		(fees + full.cap, fees, full.cap, 0),
		(fees + full.cap + 1, fees, full.cap, 1),
	] {
		let terms = Terms {
			collateral,
			..full.clone()
		};
		let settlement = settle(&terms, &Outcome::Overturned { votes });
		assert_eq!(settlement.paid_to(Party::Mediators), mediators);
		assert_eq!(settlement.paid_to(Party::Creator), creator);
		assert_eq!(settlement.paid_to(Party::Treasury), treasury);
	}
}

/// The sums at the boundaries of usage: nothing, one unit, exactly the cap, and beyond it.
#[test]
fn a_run_costs_at_least_nothing_and_at_most_the_cap() {
	let terms = terms_with(LP, 10_000, 7, 3, Some(4), 0);
	for (usage, cost) in [
		(0, 0),
		(1, LP / 1_000),
		(9_999, terms.cap - LP / 1_000),
		(10_000, terms.cap),
		(10_001, terms.cap),
		(u64::MAX, terms.cap),
	] {
		let outcome = Outcome::Accepted {
			usage,
			completed: true,
		};
		let settlement = settle(&terms, &outcome);
		assert_eq!(settlement.paid_to(Party::Provider), cost);
		assert_eq!(settlement.taken_from(Purse::Budget), cost + 7 + 3 + terms.levy);
	}
}
