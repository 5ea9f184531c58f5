//! What the pool is told: priority and tags.

use crate::mock::*;

#[test]
fn entitled_call_has_the_fixed_priority() {
	run(|| {
		open(7, POOR);
		open(8, RICH);
		assert_eq!(validate(POOR, &pass_lightly(7)).map(|v| v.priority), Ok(PRIORITY));
		// Not even the sender's own tip changes it.
		let tipped = validate_with_tip(RICH, &pass_lightly(8), LENGTH, 1_000_000_000);
		assert_eq!(tipped.map(|v| v.priority), Ok(PRIORITY));
	});
}

#[test]
fn no_tip_buys_the_place_of_an_entitled_call() {
	run(|| {
		let call = frame_system::Call::remark { remark: vec![] }.into();
		let greedy = validate_with_tip(RICH, &call, LENGTH, 900_000_000_000).expect("it can pay");
		assert_eq!(greedy.priority, PRIORITY - 1);
	});
}

#[test]
fn payers_keep_their_order_below() {
	run(|| {
		// A length that the block has room for few of, so that priorities are small.
		let length = 3_000_000;
		let call = frame_system::Call::remark { remark: vec![] }.into();
		let modest = validate_with_tip(RICH, &call, length, 10)
			.expect("it can pay")
			.priority;
		let generous = validate_with_tip(RICH, &call, length, 1_000)
			.expect("it can pay")
			.priority;
		assert!(0 < modest && modest < generous && generous < PRIORITY);
	});
}

#[test]
fn entitled_call_provides_its_right_once() {
	run(|| {
		open(7, POOR);
		open(8, POOR);
		let provides = |call| validate(POOR, &call).map(|v| v.provides);
		assert_eq!(provides(pass_lightly(7)), Ok(vec![tag(POOR, 7)]));
		// Another right, another tag; the same right with other arguments, the same tag.
		assert_eq!(provides(pass_lightly(8)), Ok(vec![tag(POOR, 8)]));
		assert_eq!(provides(pass(7, Default::default())), Ok(vec![tag(POOR, 7)]));
		assert_ne!(tag(POOR, 7), tag(RICH, 7));
	});
}

#[test]
fn entitled_call_requires_nothing_and_travels() {
	run(|| {
		open(7, POOR);
		let valid = validate(POOR, &pass_lightly(7)).expect("it is entitled");
		assert!(valid.requires.is_empty());
		assert!(valid.propagate);
	});
}

#[test]
fn paying_call_provides_nothing() {
	run(|| {
		assert_eq!(validate(RICH, &pass_lightly(7)).map(|v| v.provides), Ok(vec![]));
	});
}
