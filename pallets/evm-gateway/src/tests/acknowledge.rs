use crate::{mock::*, BatchId, Error, Event, Outboxes, Request, MAX_PRUNED};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResultWithPostInfo};

/// As many batches, one a block.
fn batches(count: u64) {
	for id in 1..=count {
		attest(Request {
			module: Default::default(),
			..request(id)
		});
		pass(1);
	}
	System::reset_events();
}

fn says(member: usize, before: BatchId) -> DispatchResultWithPostInfo {
	Gateway::acknowledge(signed(&members()[member].account()), LANE, before)
}

#[test]
fn acknowledge_works() {
	test(|| {
		batches(3);
		assert_ok!(says(0, 3));
		assert_eq!(messages().len(), 3, "one of three is no quorum");
		assert_ok!(says(1, 2));
		assert_eq!(messages().len(), 1, "what both have said");
		let said = |member: usize, before, delivered| Event::Acknowledged {
			lane: LANE,
			member: members()[member].account(),
			before,
			delivered,
		};
		let pruned = Event::BatchesPruned {
			lane: LANE,
			batches: 2,
			before: 2,
		};
		assert_eq!(events(), [said(0, 3, 0), pruned, said(1, 2, 2)]);
		assert_eq!(Gateway::batch(LANE, 1), None);
		assert_ok!(says(2, 3));
		assert!(messages().is_empty());
	});
}

#[test]
fn acknowledge_fails_when_it_is_no_news() {
	test(|| {
		batches(2);
		assert_ok!(says(0, 1));
		assert_noop!(says(0, 1), Error::<Test>::NothingNew);
		assert_noop!(says(0, 0), Error::<Test>::NothingNew);
		assert_ok!(says(1, 1));
		assert_noop!(says(2, 1), Error::<Test>::NothingNew);
	});
}

#[test]
fn acknowledge_fails_when_there_is_no_such_batch_yet() {
	test(|| {
		batches(1);
		assert_noop!(says(0, 2), Error::<Test>::UnknownBatch);
		attest(Request {
			module: Default::default(),
			..request(2)
		});
		assert_noop!(says(0, 2), Error::<Test>::UnknownBatch);
		pass(1);
		assert_ok!(says(0, 2));
	});
}

#[test]
fn acknowledge_fails_when_it_is_no_member() {
	test(|| {
		batches(1);
		assert_noop!(
			Gateway::acknowledge(signed(&alice()), LANE, 1),
			Error::<Test>::NotMember
		);
	});
}

#[test]
fn acknowledge_removes_a_bounded_number_at_once() {
	test(|| {
		let many = u64::from(MAX_PRUNED) + 3;
		batches(many);
		assert_ok!(says(0, many));
		assert_ok!(says(1, many));
		let outbox = Outboxes::<Test>::get(LANE);
		assert_eq!((outbox.oldest, outbox.delivered), (MAX_PRUNED.into(), many));
		assert_ok!(Gateway::prune(signed(&alice()), LANE));
		assert_eq!(Outboxes::<Test>::get(LANE).oldest, many);
	});
}

#[test]
fn one_member_can_make_nothing_be_forgotten() {
	test(|| {
		batches(3);
		assert_ok!(says(2, 1));
		assert_ok!(says(2, 3));
		assert_noop!(
			Gateway::prune(signed(&alice()), LANE),
			Error::<Test>::NothingToPrune
		);
		assert_eq!(messages().len(), 3);
	});
}
