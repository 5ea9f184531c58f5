//! `set_parameters`: within bounds, and only what keeps its promises.

use super::*;
use crate::Parameters;
use frame_support::traits::Get;
use lilypad_primitives::{traits::Mediate, MediationRules, Pricing};
use sp_runtime::{DispatchError, Permill};

fn params() -> Parameters {
	Parameters {
		pricing: PRICING,
		rules: RULES,
	}
}

#[test]
fn set_parameters_works() {
	test(|| {
		let params = Parameters {
			pricing: Pricing {
				levy_rate: Permill::from_percent(4),
				..PRICING
			},
			rules: MediationRules {
				max_redraws: 1,
				..RULES
			},
		};
		assert_eq!(Mediation::why_not(params), None);
		assert_ok!(Mediation::set_parameters(RuntimeOrigin::root(), params));
		assert_eq!(events(), [Event::ParametersSet { params }]);
		assert_eq!(<crate::PricingInForce<Test> as Get<_>>::get(), params.pricing);
		assert_eq!(<crate::RulesInForce<Test> as Get<_>>::get(), params.rules);
	});
}

#[test]
fn until_they_are_set_the_parameters_are_the_configured_ones() {
	test(|| assert_eq!(Mediation::parameters(), params()));
}

#[test]
fn set_parameters_fails_when_it_is_not_governance() {
	test(|| {
		for origin in [signed(CREATOR), RuntimeOrigin::none()] {
			assert_noop!(
				Mediation::set_parameters(origin, params()),
				DispatchError::BadOrigin
			);
		}
	});
}

#[test]
fn set_parameters_fails_when_out_of_bounds() {
	test(|| {
		for bad in [
			Parameters {
				pricing: Pricing {
					min_rate: 0,
					..PRICING
				},
				..params()
			},
			Parameters {
				rules: MediationRules {
					reveal_blocks: 0,
					..RULES
				},
				..params()
			},
			// Ten cases a ticket are more than this leaves of it.
			Parameters {
				rules: MediationRules {
					no_show_slash: Permill::from_percent(11),
					..RULES
				},
				..params()
			},
		] {
			assert!(Mediation::why_not(bad).is_some());
			assert_noop!(
				Mediation::set_parameters(RuntimeOrigin::root(), bad),
				Error::<Test>::BadParameters
			);
		}
	});
}

/// Pitfall 49: audit fees and levy follow the same cap, and the levy must cover what the audits cost.
#[test]
fn set_parameters_fails_when_the_levy_does_not_cover_the_audits() {
	test(|| {
		let with = |levy| Parameters {
			pricing: Pricing {
				levy_rate: Permill::from_parts(levy),
				..PRICING
			},
			..params()
		};
		assert_noop!(
			Mediation::set_parameters(RuntimeOrigin::root(), with(26_666)),
			Error::<Test>::BadParameters
		);
		assert_ok!(Mediation::set_parameters(RuntimeOrigin::root(), with(26_667)));
	});
}

#[test]
fn an_open_case_keeps_its_rules() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let before = Cases::<Test>::get(deal);
		let rules = MediationRules {
			reveal_blocks: 99,
			no_show_slash: Permill::from_percent(9),
			..RULES
		};
		assert_ok!(Mediation::set_parameters(
			RuntimeOrigin::root(),
			Parameters { rules, ..params() }
		));
		assert_eq!(Cases::<Test>::get(deal), before);
		let panel = draw(deal);
		let Stage::Committing { by } = stage(deal) else {
			panic!("the panel is drawn");
		};
		go_to(by + 1);
		assert_ok!(Mediation::expire(signed(OTHER), deal));
		assert_eq!(bond(panel[0]), TICKET - NO_SHOW);
	});
}

#[test]
fn more_saved_by_cheating_means_more_audits() {
	test(|| {
		pass(10);
		let drawn = || {
			(0..5_000)
				.filter(|id| {
					let draw =
						<Mediation as Mediate<_>>::audit_draw(DealId(*id), &terms(), System::block_number());
					draw == AuditDraw::Drawn
				})
				.count()
		};
		let before = drawn();
		let mut less = params();
		less.rules.audit.saving = Permill::from_percent(20);
		assert_ok!(Mediation::set_parameters(RuntimeOrigin::root(), less));
		assert!(drawn() < before / 2);
	});
}
