//! Mediation with the registry, the market and deals as they are, and BABE's outputs.

use crate::{chain::*, judging::*};
use frame_support::assert_ok;
use lilypad_primitives::{Balance, Outcome, OutputRoot, Profile, Reason, Round, Triple, VersionId, LP};
use lilypad_runtime::{Balances, Deals, Mediation, Runtime, RuntimeOrigin, System};

#[test]
fn a_challenged_forgery_costs_its_provider_the_collateral() {
	test(|| {
		mediators();
		let deal = submitted(forged());
		assert_eq!(Deals::is_drawn(deal), Some(false));
		let before = picture();
		assert_ok!(call(
			CREATOR,
			pallet_deals::Call::challenge {
				deal,
				reason: Reason::WrongResult
			}
		));
		round(deal, |_| opening().triple, Some(forged()));
		assert_eq!(outcome_of(deal), Some(Outcome::Overturned { votes: 3 }));
		let votes = 3 * CAP / 2;
		before.assert_changed(&[
			("creator", plus(BUDGET + CAP), minus(BUDGET)),
			("provider", 0, minus(COLLATERAL)),
			("treasury", plus(COLLATERAL - votes - CAP), 0),
		]);
		assert!(
			pallet_deals::Pallet::<Runtime>::record_of(PROVIDER.to_account_id())
				.is_some_and(|r| r.overturned == 1)
		);
	});
}

#[test]
fn a_false_promise_of_determinism_costs_the_author_and_withdraws_the_version() {
	test(|| {
		mediators();
		let deal = submitted(opening());
		assert_ok!(call(
			CREATOR,
			pallet_deals::Call::challenge {
				deal,
				reason: Reason::WrongResult
			}
		));
		let other = |nth: usize| Triple {
			root: OutputRoot([nth as u8; 32]),
			..opening().triple
		};
		round(deal, |nth| other(10 + nth), Some(opening()));
		assert_eq!(Mediation::case(deal).expect("it goes on").round, Round::Last);
		round(deal, |nth| other(20 + nth), None);
		assert!(matches!(
			outcome_of(deal),
			Some(Outcome::NonDeterministic { votes: 10, .. })
		));
		let info = pallet_modules::Versions::<Runtime>::get(VersionId(0)).expect("the record stays");
		assert!(info.delisted && info.bond == 0 && info.profile == Profile::Deterministic);
		// Ten votes of five share the bond of ten.
		let paid: Balance = (0..12)
			.map(|nth| Balances::free_balance(mediator(nth)) - LP)
			.sum();
		assert_eq!(paid, 10 * LP);
	});
}

#[test]
fn an_audit_is_paid_by_the_pool() {
	test(|| {
		mediators();
		endow(&lilypad_runtime::AuditPoolAccount::get(), 1_000 * LP);
		// Look for a history in which the draw falls on it.
		let deal = submitted(opening());
		let mut history = 0u32;
		while Deals::is_drawn(deal) != Some(true) {
			history += 1;
			let now = System::block_number();
			let kept = <Runtime as pallet_mediation::Config>::KeptBlocks::get();
			let output = sp_io::hashing::blake2_256(&history.to_be_bytes());
			pallet_mediation::Outputs::<Runtime>::insert((now - 1) % kept, (now - 1, output));
		}
		let before = picture();
		assert_ok!(call(STRANGER, pallet_deals::Call::audit { deal }));
		round(deal, |_| opening().triple, Some(opening()));
		assert!(matches!(
			outcome_of(deal),
			Some(Outcome::Upheld {
				votes: 1,
				challenged: false,
				..
			})
		));
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("creator", plus(BUDGET - 3 * LP - FEE - LEVY), minus(BUDGET)),
			("provider", plus(3 * LP), 0),
			("pool", plus(LEVY) - plus(CAP / 2), 0),
		]);
	});
}

#[test]
fn prices_set_by_governance_are_those_of_the_next_deal() {
	test(|| {
		let mut params = Mediation::parameters();
		params.pricing.collateral_factor = 30;
		assert_ok!(Mediation::set_parameters(RuntimeOrigin::root(), params));
		offer(PROVIDER, machine(RATE, 1));
		let deal = deal_of(post(CREATOR, request())).expect("matched");
		let terms = Deals::terms(deal).expect("it lives");
		assert_eq!(terms.collateral, COLLATERAL + 10 * CAP);
	});
}
