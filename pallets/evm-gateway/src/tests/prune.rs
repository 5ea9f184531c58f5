use crate::{mock::*, Error, Event, Request};
use frame_support::{assert_noop, assert_ok};

fn batch() {
	let id = crate::Outboxes::<Test>::get(LANE).next + 1;
	attest(Request {
		module: Default::default(),
		..request(id)
	});
	pass(1);
}

fn sign_whole(batch: u64) {
	for key in &members()[..2] {
		let signature = signature(key, LANE, batch);
		assert_ok!(Gateway::sign(signed(&key.account()), LANE, batch, signature));
	}
}

#[test]
fn prune_boundary_age() {
	test(|| {
		batch();
		sign_whole(0);
		pass(KEEP - 2);
		assert_noop!(
			Gateway::prune(signed(&alice()), LANE),
			Error::<Test>::NothingToPrune
		);
		pass(1);
		System::reset_events();
		assert_ok!(Gateway::prune(signed(&alice()), LANE));
		assert!(messages().is_empty());
		assert_eq!(
			events(),
			[Event::BatchesPruned {
				lane: LANE,
				batches: 1,
				before: 1
			}]
		);
	});
}

#[test]
fn prune_fails_when_the_oldest_is_not_ready_however_old() {
	test(|| {
		batch();
		batch();
		sign_whole(1);
		pass(10 * KEEP);
		assert_noop!(
			Gateway::prune(signed(&alice()), LANE),
			Error::<Test>::NothingToPrune
		);
		assert_eq!(messages().len(), 2);
		sign_whole(0);
		assert_ok!(Gateway::prune(signed(&alice()), LANE));
		assert!(messages().is_empty());
	});
}

#[test]
fn prune_fails_when_there_is_nothing_or_no_lane() {
	test(|| {
		assert_noop!(
			Gateway::prune(signed(&alice()), LANE),
			Error::<Test>::NothingToPrune
		);
		assert_noop!(Gateway::prune(signed(&alice()), 99), Error::<Test>::UnknownLane);
	});
}
