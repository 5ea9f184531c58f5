use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::DispatchError;

/// Everything that a pause stops, on one lane.
#[track_caller]
fn assert_stopped(lane: u64) {
	let member = signed(&members()[0].account());
	let paused: DispatchError = Error::<Test>::Paused.into();
	assert_noop!(Gateway::attest(member.clone(), lane, request(50).into()), paused);
	assert_noop!(Gateway::sign(member.clone(), lane, 0, [0; 65]), paused);
	assert_noop!(Gateway::acknowledge(member.clone(), lane, 1), paused);
	assert_noop!(Gateway::heartbeat(member, lane), paused);
	assert_noop!(Gateway::bridge_out(signed(&alice()), lane, address(1), 1), paused);
	assert_noop!(Gateway::release(signed(&alice()), lane, address(1)), paused);
}

#[test]
fn pause_lane_works_for_one_lane() {
	test(|| {
		assert_ok!(Gateway::pause_lane(RuntimeOrigin::root(), LANE, true));
		assert_eq!(
			events(),
			[Event::LanePaused {
				lane: LANE,
				paused: true
			}]
		);
		assert_stopped(LANE);
		attest_on(OTHER_LANE, request(1));
		assert_ok!(Gateway::pause_lane(RuntimeOrigin::root(), LANE, false));
		attest(request(1));
	});
}

#[test]
fn pause_all_works_for_all_lanes() {
	test(|| {
		assert_ok!(Gateway::pause_all(RuntimeOrigin::root(), true));
		assert_eq!(events(), [Event::AllPaused { paused: true }]);
		assert_stopped(LANE);
		assert_stopped(OTHER_LANE);
		// A lane's own switch is another one.
		assert_ok!(Gateway::pause_lane(RuntimeOrigin::root(), LANE, true));
		assert_ok!(Gateway::pause_all(RuntimeOrigin::root(), false));
		assert_stopped(LANE);
		attest_on(OTHER_LANE, request(1));
	});
}

#[test]
fn pause_fails_when_it_is_not_for_the_origin_to_say_or_there_is_no_lane() {
	test(|| {
		let member = signed(&members()[0].account());
		assert_noop!(
			Gateway::pause_lane(member.clone(), LANE, true),
			DispatchError::BadOrigin
		);
		assert_noop!(Gateway::pause_all(member, true), DispatchError::BadOrigin);
		assert_noop!(
			Gateway::pause_lane(RuntimeOrigin::root(), 99, true),
			Error::<Test>::UnknownLane
		);
	});
}

#[test]
fn jobs_that_end_in_a_pause_are_answered_after_it() {
	test(|| {
		let job = taken_up(request(1));
		assert_ok!(Gateway::pause_lane(RuntimeOrigin::root(), LANE, true));
		desk::end(job, completed(), BUDGET / 2, 0);
		assert_eq!(only_answer().refund, BUDGET / 2);
		pass(1);
		let key = &members()[0];
		let signature = signature(key, LANE, 0);
		assert_noop!(
			Gateway::sign(signed(&key.account()), LANE, 0, signature),
			Error::<Test>::Paused
		);
		assert_ok!(Gateway::pause_lane(RuntimeOrigin::root(), LANE, false));
		assert_ok!(Gateway::sign(signed(&key.account()), LANE, 0, signature));
	});
}

#[test]
fn what_a_pause_makes_late_is_given_back_after_it() {
	test(|| {
		assert_ok!(Gateway::pause_lane(RuntimeOrigin::root(), LANE, true));
		pass(3_600);
		assert_ok!(Gateway::pause_lane(RuntimeOrigin::root(), LANE, false));
		attest(request(1));
		assert_eq!(
			(only_answer().status, only_answer().refund),
			(crate::status::EXPIRED, BUDGET)
		);
	});
}
