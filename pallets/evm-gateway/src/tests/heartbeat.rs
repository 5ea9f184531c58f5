use crate::{mock::*, Error, Event, Request};
use frame_support::{assert_noop, assert_ok};

#[test]
fn heartbeat_works() {
	test(|| {
		pass(HEARTBEAT);
		let key = &members()[0];
		assert_ok!(Gateway::heartbeat(signed(&key.account()), LANE));
		assert_eq!(events(), [Event::Heartbeat { lane: LANE, batch: 0 }]);
		assert!(messages().is_empty());
		pass(1);
		for key in &members()[..2] {
			let signature = signature(key, LANE, 0);
			assert_ok!(Gateway::sign(signed(&key.account()), LANE, 0, signature));
		}
		let digest = Gateway::batch_to_sign(LANE, 0).unwrap();
		let proof = Gateway::batch_proof(LANE, 0).unwrap();
		assert_eq!(signers(&proof, digest).map(|who| who.len()), Some(2));
	});
}

#[test]
fn heartbeat_boundary_silence() {
	test(|| {
		let member = signed(&members()[0].account());
		pass(HEARTBEAT - 1);
		assert_noop!(Gateway::heartbeat(member.clone(), LANE), Error::<Test>::TooEarly);
		pass(1);
		assert_ok!(Gateway::heartbeat(member.clone(), LANE));
		assert_noop!(Gateway::heartbeat(member.clone(), LANE), Error::<Test>::TooEarly);
		// A message is a sign of life, too.
		pass(HEARTBEAT / 2);
		attest(Request {
			module: Default::default(),
			..request(1)
		});
		pass(HEARTBEAT / 2);
		assert_noop!(Gateway::heartbeat(member.clone(), LANE), Error::<Test>::TooEarly);
		pass(HEARTBEAT / 2);
		assert_ok!(Gateway::heartbeat(member, LANE));
	});
}

#[test]
fn heartbeat_fails_when_it_is_no_member() {
	test(|| {
		pass(HEARTBEAT);
		assert_noop!(
			Gateway::heartbeat(signed(&alice()), LANE),
			Error::<Test>::NotMember
		);
	});
}

#[test]
fn messages_of_its_block_join_a_heartbeat() {
	test(|| {
		pass(HEARTBEAT);
		assert_ok!(Gateway::heartbeat(signed(&members()[0].account()), LANE));
		attest(Request {
			module: Default::default(),
			..request(1)
		});
		assert_eq!(Gateway::batch(LANE, 0).unwrap().messages.len(), 1);
		assert_eq!(Gateway::batch(LANE, 1), None);
	});
}
