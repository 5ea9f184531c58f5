//! Mediation with the registry, the market and deals as they are, and BABE's outputs.

use crate::chain::*;
use frame_support::{
	assert_ok,
	traits::{fungible::Mutate, OnInitialize},
};
use lilypad_primitives::{
	Balance, DealId, MachineSpec, Opening, Outcome, OutputRoot, Platform, Profile, Reason, Round, Triple,
	VersionId, Vote, LP,
};
use lilypad_runtime::{AccountId, Balances, Deals, Mediation, Runtime, RuntimeEvent, RuntimeOrigin, System};
use pallet_mediation::{Capability, Stage};

const SALT: [u8; 32] = [5; 32];

fn mediator(nth: u8) -> AccountId {
	[100 + nth; 32].into()
}

/// Lets blocks pass, each with an output of its author's.
pub(crate) fn pass_with_outputs(blocks: u32) {
	for _ in 0..blocks {
		let now = System::block_number();
		let output = sp_io::hashing::blake2_256(&now.to_le_bytes());
		pallet_babe::AuthorVrfRandomness::<Runtime>::put(Some(output));
		pass(1);
		Mediation::on_initialize(now + 1);
	}
}

/// Twelve mediators, in whose first era the chain is.
pub(crate) fn mediators() {
	for nth in 0..12 {
		assert_ok!(Balances::mint_into(&mediator(nth), 201 * LP));
		let capability = Capability {
			platforms: vec![Platform::ContainerAmd64].try_into().expect("one"),
			spec: MachineSpec::new(4_000, 4_096, 1_024),
			slots: 4,
		};
		assert_ok!(Mediation::register(
			RuntimeOrigin::signed(mediator(nth)),
			capability,
			2
		));
	}
	let era = Mediation::parameters().rules.era_blocks;
	pass_with_outputs(era);
}

/// A submitted result of the ordinary job, at the block of its draw.
fn submitted(opening: Opening) -> DealId {
	offer(PROVIDER, machine(RATE, 1));
	let deal = deal_of(post(CREATOR, request())).expect("matched");
	acknowledge(PROVIDER, deal);
	pass_with_outputs(2);
	assert_ok!(call(
		PROVIDER,
		pallet_deals::Call::submit {
			deal,
			seal: opening.seal(deal)
		}
	));
	pass_with_outputs(5);
	deal
}

fn panel(deal: DealId) -> Vec<AccountId> {
	let case = Mediation::case(deal).expect("there is a case");
	case.panel().map(|seat| seat.mediator.clone()).collect()
}

fn vote(triple: Triple) -> Vote {
	Vote {
		triple: Some(triple),
		usage: 3_000,
		fetched: true,
		ample: true,
	}
}

/// Draws, commits and reveals.
pub(crate) fn round(deal: DealId, found: impl Fn(usize) -> Triple, own: Option<Opening>) {
	let Stage::Drawing { draw_at, .. } = Mediation::case(deal).expect("there is a case").stage else {
		panic!("the case waits for a draw");
	};
	pass_with_outputs(draw_at - System::block_number());
	assert_ok!(call(STRANGER, pallet_mediation::Call::draw { deal }));
	let round = Mediation::case(deal).expect("there is a case").round;
	let panel = panel(deal);
	for (nth, who) in panel.iter().enumerate() {
		let commitment = vote(found(nth)).commitment(deal, round, who, &SALT);
		assert_ok!(Mediation::commit_vote(
			RuntimeOrigin::signed(who.clone()),
			deal,
			commitment
		));
	}
	if let Some(opening) = own {
		assert_ok!(call(PROVIDER, pallet_deals::Call::reveal { deal, opening }));
	}
	for (nth, who) in panel.iter().enumerate() {
		assert_ok!(Mediation::reveal_vote(
			RuntimeOrigin::signed(who.clone()),
			deal,
			vote(found(nth)),
			SALT
		));
	}
}

fn outcome_of(deal: DealId) -> Option<Outcome> {
	System::read_events_no_consensus().find_map(|record| match record.event {
		RuntimeEvent::Deals(pallet_deals::Event::Settled {
			deal: id, outcome, ..
		}) if id == deal => Some(outcome),
		_ => None,
	})
}

pub(crate) fn forged() -> Opening {
	Opening {
		triple: Triple {
			root: OutputRoot([66; 32]),
			..opening().triple
		},
		..opening()
	}
}

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
		assert_ok!(Balances::mint_into(
			&lilypad_runtime::AuditPoolAccount::get(),
			1_000 * LP
		));
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
