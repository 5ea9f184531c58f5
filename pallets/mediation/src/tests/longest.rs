//! How long a case can take. Authors' bonds stay for as long as that.

use super::*;
use crate::Parameters;
use lilypad_primitives::{
	traits::{Arbitrable, Deals as DealsSeam},
	MediationRules,
};

/// Moves a case on as late as it can be, with as many panels as there can be. Returns how many blocks it took.
fn longest(deal: DealId) -> BlockNumber {
	let begun = System::block_number();
	while let Some(case) = Cases::<Test>::get(deal) {
		match case.stage {
			Stage::Drawing { draw_by, .. } => {
				go_to(draw_by);
				assert_ok!(Mediation::draw(signed(OTHER), deal));
			},
			Stage::Committing { by } if case.redraws_left > 0 => {
				go_to(by + 1);
				assert_ok!(Mediation::expire(signed(OTHER), deal));
			},
			Stage::Committing { by } => {
				go_to(by);
				for (nth, who) in panel(deal).into_iter().enumerate() {
					commit(deal, who, found(case.round, nth));
				}
			},
			Stage::Revealing { by } => {
				go_to(by);
				if <Deals as Arbitrable<_>>::opening(deal).is_none() {
					assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
				}
				for (nth, who) in panel(deal).into_iter().enumerate() {
					reveal(deal, who, found(case.round, nth));
				}
			},
		}
	}
	System::block_number() - begun
}

/// The first two rounds agree on nothing.
fn found(round: Round, nth: usize) -> Vote {
	match round {
		Round::One => vote(2),
		Round::Three => vote(2 + nth as u8),
		Round::Last => vote(1),
	}
}

#[test]
fn a_case_takes_no_longer_than_its_rules_say() {
	test(|| {
		mediators(1_000..1_080, 1);
		let deal = audited();
		let taken = longest(deal);
		assert!(matches!(ending(deal), Some(Outcome::Upheld { .. })));
		let run = <Deals as DealsSeam<AccountId>>::run_blocks(LIMIT, 0);
		let said = RULES.longest_case(run, DRAW);
		assert!(taken <= said, "{taken} blocks, and not {said}");
		// The rest is for cases that are dropped, and for draws at the end of an era.
		assert!(10 * taken >= 8 * said, "{taken} blocks, and not {said}");
	});
}

#[test]
fn set_parameters_fails_when_cases_could_take_longer_than_what_is_kept_for_them() {
	test(|| {
		let with = |slack_percent| Parameters {
			pricing: PRICING,
			rules: MediationRules {
				slack_percent,
				..RULES
			},
		};
		assert_ok!(Mediation::set_parameters(RuntimeOrigin::root(), with(400)));
		assert_noop!(
			Mediation::set_parameters(RuntimeOrigin::root(), with(1_000)),
			Error::<Test>::BadParameters
		);
		assert!(Mediation::why_not(with(1_000)).is_some_and(|why| why.contains("longer")));
	});
}
