use crate::{mock::*, status, Batch, BatchId, Error, Event, Request, MAX_MESSAGES};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::{traits::JobEnding, LP};
use sp_runtime::{DispatchError, DispatchResult};

/// A lane with one batch, of one answer, that can be signed.
fn one_batch() {
	attest(Request {
		module: Default::default(),
		..request(1)
	});
	assert_eq!(only_answer().status, status::UNKNOWN_MODULE);
	pass(1);
	System::reset_events();
}

fn signs(key: &Key, lane: u64, batch: BatchId) -> DispatchResult {
	Gateway::sign(signed(&key.account()), lane, batch, signature(key, lane, batch))
}

fn batch(id: BatchId) -> Batch {
	Gateway::batch(LANE, id).unwrap()
}

#[test]
fn sign_works() {
	test(|| {
		one_batch();
		let keys = members();
		// In whatever order they sign, the proof has their signatures in the order of their addresses.
		assert_ok!(signs(&keys[2], LANE, 0));
		assert_eq!(Gateway::batch_proof(LANE, 0), None);
		assert_ok!(signs(&keys[0], LANE, 0));
		let signed = |at: usize, ready| Event::BatchSigned {
			lane: LANE,
			batch: 0,
			member: keys[at].account(),
			ready,
		};
		assert_eq!(events(), [signed(2, false), signed(0, true)]);

		let proof = Gateway::batch_proof(LANE, 0).unwrap();
		assert_eq!(proof[..2], [2, 3]);
		let head: Vec<u8> = keys.iter().flat_map(|key| key.member.address.0).collect();
		assert_eq!(proof[2..62], head);
		assert_eq!(proof.len(), 62 + 2 * 65);
		let digest = Gateway::batch_to_sign(LANE, 0).unwrap();
		let expected = vec![keys[0].member.address, keys[2].member.address];
		assert_eq!(signers(&proof, digest), Some(expected));
	});
}

#[test]
fn sign_is_over_lane_set_time_and_messages() {
	test(|| {
		one_batch();
		let batch = batch(0);
		assert_eq!(batch.time, now() - 2);
		let hashes = batch.messages.iter().map(crate::Message::hash);
		let message = crate::eip712::batch(LANE, 1, batch.time, hashes);
		let domain = crate::eip712::domain(CHAIN, gateway(LANE));
		let digest = crate::eip712::digest(domain, message);
		assert_eq!(Gateway::batch_to_sign(LANE, 0), Some(digest));
	});
}

#[test]
fn sign_fails_when_the_signature_is_anothers() {
	test(|| {
		one_batch();
		let keys = members();
		let of_another = signature(&keys[1], LANE, 0);
		let bad: DispatchError = Error::<Test>::BadSignature.into();
		assert_noop!(
			Gateway::sign(signed(&keys[0].account()), LANE, 0, of_another),
			bad
		);
		assert_noop!(Gateway::sign(signed(&keys[0].account()), LANE, 0, [0; 65]), bad);
		let mut with_raw_v = signature(&keys[0], LANE, 0);
		with_raw_v[64] -= 27;
		assert_noop!(
			Gateway::sign(signed(&keys[0].account()), LANE, 0, with_raw_v),
			bad
		);
	});
}

#[test]
fn sign_fails_when_the_signature_is_for_another_lane_gateway_or_batch() {
	test(|| {
		one_batch();
		// The very same message on another lane, and a second batch here.
		attest_on(
			OTHER_LANE,
			Request {
				module: Default::default(),
				..request(1)
			},
		);
		attest(Request {
			module: Default::default(),
			..request(2)
		});
		pass(1);
		let key = &members()[0];
		for foreign in [signature(key, OTHER_LANE, 0), signature(key, LANE, 1)] {
			assert_noop!(
				Gateway::sign(signed(&key.account()), LANE, 0, foreign),
				Error::<Test>::BadSignature
			);
		}
	});
}

#[test]
fn sign_fails_when_it_is_no_member_or_no_batch() {
	test(|| {
		one_batch();
		let outsider = &keys(9..=9)[0];
		assert_noop!(signs(outsider, LANE, 0), Error::<Test>::NotMember);
		let member = signed(&members()[0].account());
		assert_noop!(
			Gateway::sign(member.clone(), LANE, 1, [0; 65]),
			Error::<Test>::UnknownBatch
		);
		assert_noop!(Gateway::sign(member, 99, 0, [0; 65]), Error::<Test>::UnknownLane);
	});
}

#[test]
fn sign_fails_when_the_member_has_signed_or_enough_have() {
	test(|| {
		one_batch();
		let keys = members();
		assert_ok!(signs(&keys[0], LANE, 0));
		assert_noop!(signs(&keys[0], LANE, 0), Error::<Test>::AlreadySigned);
		assert_ok!(signs(&keys[1], LANE, 0));
		assert_noop!(signs(&keys[2], LANE, 0), Error::<Test>::EnoughSignatures);
		assert_eq!(batch(0).signatures.len(), 2);
	});
}

#[test]
fn sign_fails_when_the_batch_may_still_grow() {
	test(|| {
		attest(Request {
			module: Default::default(),
			..request(1)
		});
		let key = &members()[0];
		assert_noop!(signs(key, LANE, 0), Error::<Test>::BatchIncomplete);
		pass(1);
		assert_ok!(signs(key, LANE, 0));
		// And does not grow any more.
		attest(Request {
			module: Default::default(),
			..request(2)
		});
		assert_eq!((batch(0).messages.len(), batch(1).messages.len()), (1, 1));
	});
}

#[test]
fn a_block_has_one_batch_and_another_when_that_is_full() {
	test(|| {
		let jobs: Vec<_> = (1..=u64::from(MAX_MESSAGES) + 2)
			.map(|id| {
				taken_up(Request {
					budget: LP,
					..request(id)
				})
			})
			.collect();
		for job in jobs {
			desk::end(job, JobEnding::Unmatched, 0, 0);
		}
		assert_eq!(batch(0).messages.len(), MAX_MESSAGES as usize);
		assert_eq!(batch(1).messages.len(), 2);
		assert_eq!(Gateway::batch(LANE, 2), None);
	});
}
