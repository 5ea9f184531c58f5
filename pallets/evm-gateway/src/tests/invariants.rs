//! Whatever is wrong is noticed.

use crate::{
	mock::*, AllBatches, AllHandled, Books, BooksOf, Cancelling, Handled, LiveRequests, Message, OpenVotes,
	Outboxes, Payout, Pending, PendingRequests, Request, Sets, Vote, Wallets, WINDOW,
};
use frame_support::{
	assert_ok,
	traits::{
		fungible::{Inspect, Mutate},
		tokens::Preservation::Expendable,
	},
};
use lilypad_primitives::{JobId, LP};
use sp_core::H256;
use sp_runtime::TryRuntimeError;

/// A lane in the midst of everything; then something is wrong, and this is what is said about it.
#[track_caller]
fn noticed(corrupt: impl FnOnce(), what: &'static str) {
	bare_test_ext().execute_with(|| {
		register(LANE, CHAIN);
		attest(deposit(1, &alice(), 20 * LP));
		taken_up(request(2));
		let job = taken_up(request(3));
		desk::end(job, completed(), LP, 0);
		assert_ok!(Gateway::bridge_out(signed(&alice()), LANE, address(1), LP));
		pass(1);
		let key = &members()[0];
		assert_ok!(Gateway::sign(
			signed(&key.account()),
			LANE,
			0,
			signature(key, LANE, 0)
		));
		attest(Request {
			module: Default::default(),
			..request(4)
		});
		assert_ok!(Gateway::attest(signed(&key.account()), LANE, request(9).into()));
		assert_ok!(Gateway::do_try_state());
		corrupt();
		assert_eq!(Gateway::do_try_state(), Err(TryRuntimeError::Other(what)));
	});
}

fn books(change: impl FnOnce(&mut Books)) {
	BooksOf::<Test>::mutate(LANE, change);
}

#[test]
fn wrong_books_are_noticed() {
	let what = "1: what circulates is not what the gateway holds";
	noticed(|| books(|b| b.minted += 1), what);
	noticed(|| books(|b| b.burned += 1), what);
	noticed(|| books(|b| b.received -= 1), what);
	noticed(|| books(|b| b.released += 1), what);
	noticed(
		|| books(|b| b.burned = b.minted + 1),
		"1: more was burned than minted",
	);
	noticed(
		|| books(|b| b.released = b.received + 1),
		"1: more was released than received",
	);
	noticed(
		|| BooksOf::<Test>::insert(77, Books::default()),
		"1: books of no lane",
	);
}

#[test]
fn wrong_reserves_are_noticed() {
	let what = "2: what is reserved is not the live budgets";
	noticed(|| books(|b| b.reserved -= 1), what);
	noticed(|| books(|b| b.live += 1), what);
	noticed(|| LiveRequests::<Test>::remove(JobId(0)), what);
	noticed(
		|| {
			books(|b| {
				let gone = b.received - b.released - b.reserved + 1;
				b.released += gone;
				b.burned += gone;
			})
		},
		"2: more is reserved than is locked",
	);
}

#[test]
fn lp_out_of_nowhere_and_into_nothing_are_noticed() {
	let what = "3: LP were made or destroyed that no gateway knows of";
	noticed(
		|| {
			books(|b| {
				b.minted += 10_000 * LP;
				b.received += 10_000 * LP;
			})
		},
		what,
	);
	noticed(
		|| {
			Balances::mint_into(&alice(), 1).expect("there is room");
		},
		what,
	);
	noticed(
		|| {
			assert_ok!(Balances::burn(signed(&alice()), LP, true));
		},
		what,
	);
}

#[test]
fn wrong_wallets_are_noticed() {
	let what = "4: a wallet's count is not its live requests";
	noticed(|| Wallets::<Test>::insert(wallet(), 2), what);
	noticed(|| Wallets::<Test>::insert(alice(), 1), what);
	noticed(|| Wallets::<Test>::remove(wallet()), "4: a wallet is not counted");
	noticed(
		|| {
			// What is on hold keeps the account alive, but nothing else may have touched the rest.
			System::inc_providers(&wallet());
			let most = Balances::balance(&wallet()) - (ED - 1);
			assert_ok!(Balances::transfer(&wallet(), &alice(), most, Expendable));
		},
		"4: a wallet has less than its requests keep in it",
	);
}

#[test]
fn wrong_sets_are_noticed() {
	noticed(|| Sets::<Test>::remove(LANE), "5: a lane without a set");
	noticed(
		|| Sets::<Test>::mutate(LANE, |set| set.as_mut().unwrap().threshold = 1),
		"5: a set that the gateway would refuse",
	);
	noticed(
		|| {
			System::dec_sufficients(&members()[0].account());
		},
		"5: a member without an account",
	);
}

#[test]
fn wrong_numbers_are_noticed() {
	let handled = Handled {
		digest: H256::zero(),
		amount: 1,
		replaced: false,
	};
	noticed(
		|| AllHandled::<Test>::insert(LANE, 1 + WINDOW, handled),
		"6: a decided number outside the window",
	);
	noticed(
		|| AllHandled::<Test>::insert(LANE, 0, handled),
		"6: a decided number outside the window",
	);
	let vote = |seed| Vote {
		member: account(seed),
		digest: H256::zero(),
	};
	noticed(
		|| OpenVotes::<Test>::insert(LANE, 0, crate::Votes::truncate_from(vec![vote(1)])),
		"6: votes on a number outside the window",
	);
	noticed(
		|| OpenVotes::<Test>::insert(LANE, 9, crate::Votes::truncate_from(vec![vote(1), vote(1)])),
		"6: a member has two votes",
	);
	noticed(
		|| OpenVotes::<Test>::insert(LANE, 9, crate::Votes::default()),
		"6: an entry without votes",
	);
	noticed(
		|| {
			let digest = AllHandled::<Test>::get(LANE, 2).unwrap().digest;
			let vote = Vote { digest, ..vote(1) };
			OpenVotes::<Test>::insert(LANE, 2, crate::Votes::truncate_from(vec![vote]));
		},
		"6: votes for what is decided",
	);
}

#[test]
fn wrong_batches_are_noticed() {
	noticed(|| AllBatches::<Test>::remove(LANE, 0), "7: a batch is missing");
	noticed(
		|| Outboxes::<Test>::mutate(LANE, |outbox| outbox.oldest = outbox.next + 1),
		"7: batches end before they begin",
	);
	noticed(
		|| Outboxes::<Test>::mutate(LANE, |outbox| outbox.delivered = outbox.next + 1),
		"7: delivered before it was made",
	);
	noticed(
		|| Outboxes::<Test>::mutate(LANE, |outbox| outbox.next += u64::from(MAX_BATCHES)),
		"7: too many batches",
	);
	noticed(
		|| Outboxes::<Test>::mutate(LANE, |outbox| outbox.oldest += 1),
		"7: a batch outside the range",
	);
	noticed(
		|| Outboxes::<Test>::mutate(LANE, |outbox| outbox.latest -= 1),
		"7: a batch after the newest",
	);
}

fn tell(message: Message) {
	AllBatches::<Test>::mutate(LANE, 1, |batch| {
		batch.as_mut().unwrap().messages.force_push(message)
	});
}

#[test]
fn what_is_told_twice_is_noticed() {
	let twice = "8: something is told twice";
	noticed(|| tell(messages()[0]), twice);
	noticed(|| tell(messages()[1]), twice);
	noticed(
		|| {
			tell(Message::Payout(Payout {
				nonce: 99,
				to: address(1),
				amount: 1,
			}))
		},
		twice,
	);
	noticed(
		|| {
			let Message::Answer { answer, .. } = messages()[0] else {
				panic!("no answer");
			};
			let ticket = request(2).ticket();
			tell(Message::Answer { ticket, answer });
		},
		"8: a live request is answered",
	);
}

#[test]
fn wrong_signatures_are_noticed() {
	fn sign(change: impl FnOnce(&mut crate::Batch)) {
		AllBatches::<Test>::mutate(LANE, 0, |batch| change(batch.as_mut().unwrap()));
	}
	let not_its = "9: a signature is not its member's";
	noticed(|| sign(|b| b.signatures[0].signature[5] ^= 1), not_its);
	noticed(|| sign(|b| b.signatures[0].member = 1), not_its);
	noticed(|| sign(|b| b.time += 1), not_its);
	noticed(|| sign(|b| b.signatures[0].member = 9), "9: signed by no member");
	noticed(|| sign(|b| b.set = 2), "9: signatures of a set to come");
	noticed(
		|| sign(|b| b.signatures.force_push(b.signatures[0])),
		"9: signatures out of order",
	);
}

#[test]
fn waiting_for_nothing_is_noticed() {
	let what = "10: the gateway waits for nothing";
	let pending = |id, pending| PendingRequests::<Test>::insert(LANE, id, pending);
	noticed(|| pending(8, Pending::Live(JobId(0))), what);
	noticed(|| pending(2, Pending::Live(JobId(7))), what);
	noticed(|| pending(2, Pending::Answered(0)), what);
	noticed(|| pending(3, Pending::Answered(77)), what);
	noticed(
		|| {
			LiveRequests::<Test>::mutate(JobId(0), |live| live.as_mut().unwrap().exited = true);
			books(|b| b.reserved -= BUDGET);
		},
		what,
	);
}

#[test]
fn a_cancelling_that_stays_is_noticed() {
	noticed(
		|| Cancelling::<Test>::put(JobId(0)),
		"a cancelling outlived its call",
	);
}
