//! A market in the midst of everything can be waited out, and whatever is wrong with the whole is noticed.

use crate::{chain::*, judging::*};
use frame_support::assert_ok;
use lilypad_primitives::{DealId, DueKey, Reason};
use lilypad_runtime::{invariants, Mediation, Runtime, RuntimeOrigin, System};
use pallet_deals::{Call as D, DealState, Deals};
use pallet_mediation::{Cases, Due, Stage};
use sp_runtime::TryRuntimeError;

/// Deals at every stage, one of them before its mediators, and a job that waits.
struct Busy {
	running: DealId,
	disputed: DealId,
}

fn busy() -> Busy {
	mediators();
	offer(PROVIDER, machine(RATE, 4));
	let disputed = another_submitted(opening());
	assert_ok!(call(
		CREATOR,
		D::challenge {
			deal: disputed,
			reason: Reason::WrongResult
		}
	));
	let Stage::Drawing { draw_at, .. } = Mediation::case(disputed).expect("there is a case").stage else {
		panic!("the case waits for a draw");
	};
	pass_with_outputs(draw_at - System::block_number());
	assert_ok!(Mediation::draw(
		RuntimeOrigin::signed(STRANGER.to_account_id()),
		disputed
	));
	let revealed = another_submitted(opening());
	assert_ok!(call(
		PROVIDER,
		D::reveal {
			deal: revealed,
			opening: opening()
		}
	));
	another_submitted(opening());
	let running = deal_of(post(CREATOR, request())).expect("there is room");
	acknowledge(PROVIDER, running);
	deal_of(post(CREATOR, request())).expect("there is room");
	while deal_of(post(CREATOR, request())).is_some() {}
	Busy { running, disputed }
}

fn root() -> Vec<u8> {
	sp_io::storage::root(Default::default())
}

#[test]
fn waiting_ends_everything_and_is_not_noticed() {
	test(|| {
		busy();
		let before = root();
		assert_ok!(invariants::check());
		assert_eq!(root(), before);
	});
}

#[track_caller]
fn noticed(corrupt: impl FnOnce(Busy), what: &'static str) {
	new_test_ext().execute_with(|| {
		let busy = busy();
		assert_ok!(invariants::check());
		corrupt(busy);
		assert_eq!(invariants::check(), Err(TryRuntimeError::Other(what)));
	});
}

#[test]
fn a_deadline_that_never_comes() {
	let what = "what is open outlives every deadline";
	let never = |deal: DealId| {
		Deals::<Runtime>::mutate(deal, |deal| {
			let DealState::Running { submit_by, .. } = &mut deal.as_mut().expect("it lives").state else {
				panic!("the deal runs");
			};
			*submit_by = u32::MAX;
		});
	};
	noticed(|busy| never(busy.running), what);
	noticed(
		|busy| {
			Cases::<Runtime>::mutate(busy.disputed, |case| {
				let case = case.as_mut().expect("it is open");
				case.stage = Stage::Committing { by: u32::MAX };
				let due = Due::<Runtime>::iter_keys().find(|key| key.deal() == busy.disputed);
				Due::<Runtime>::remove(due.expect("it is due some time"));
				Due::<Runtime>::insert(DueKey::new(u32::MAX, busy.disputed), ());
			});
		},
		what,
	);
}

#[test]
fn a_hold_that_can_not_be_released() {
	let less = |who: Who| {
		frame_system::Account::<Runtime>::mutate(who.to_account_id(), |account| account.data.reserved = 0)
	};
	// Every record says what it should. Only what is released shows that it isn't there.
	noticed(|_| less(CREATOR), "waiting does not release what is held");
}

#[test]
fn lp_out_of_nowhere() {
	noticed(
		|_| {
			use frame_support::traits::fungible::Mutate;
			assert_ok!(lilypad_runtime::Balances::mint_into(&CREATOR.to_account_id(), 1));
		},
		"3: LP were made or destroyed that no gateway knows of",
	);
}
