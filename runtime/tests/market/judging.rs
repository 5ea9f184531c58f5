//! Mediators of the real runtime, with BABE's outputs, and what they do in a case.

use crate::chain::*;
use frame_support::{assert_ok, traits::OnInitialize};
use lilypad_primitives::{DealId, MachineSpec, Opening, Outcome, OutputRoot, Platform, Triple, Vote, LP};
use lilypad_runtime::{AccountId, Mediation, Runtime, RuntimeEvent, RuntimeOrigin, System};
use pallet_mediation::{Capability, Stage};

pub(crate) const SALT: [u8; 32] = [5; 32];

pub(crate) fn mediator(nth: u8) -> AccountId {
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

/// Lets blocks pass, of which the last ones have outputs: as many as a draw and what goes before it take.
pub(crate) fn wait(blocks: u32) {
	const WITH_OUTPUTS: u32 = 20;
	let rest = blocks.min(WITH_OUTPUTS);
	pass(blocks - rest);
	pass_with_outputs(rest);
}

/// Waits for a block, if it has not come.
pub(crate) fn wait_until(block: u32) {
	wait(block.saturating_sub(System::block_number()));
}

/// Twelve mediators, in whose first era the chain is.
pub(crate) fn mediators() {
	for nth in 0..12 {
		endow(&mediator(nth), 201 * LP);
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
pub(crate) fn submitted(opening: Opening) -> DealId {
	offer(PROVIDER, machine(RATE, 1));
	another_submitted(opening)
}

/// The same, with the offer that stands.
pub(crate) fn another_submitted(opening: Opening) -> DealId {
	let deal = deal_of(post(CREATOR, request())).expect("matched");
	acknowledge(PROVIDER, deal);
	// The chain's clock bounds what can be claimed.
	pass_with_outputs(opening.usage.div_ceil(2_000).try_into().expect("a short run"));
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

pub(crate) fn panel(deal: DealId) -> Vec<AccountId> {
	let case = Mediation::case(deal).expect("there is a case");
	case.panel().map(|seat| seat.mediator.clone()).collect()
}

pub(crate) fn vote(triple: Triple) -> Vote {
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

pub(crate) fn outcome_of(deal: DealId) -> Option<Outcome> {
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
