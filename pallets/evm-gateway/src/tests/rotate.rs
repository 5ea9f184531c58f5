use crate::{mock::*, Delivered, Error, Event, Request, Rotations, Signatures, KEPT_ROTATIONS};
use frame_support::{assert_noop, assert_ok};
use sp_core::{H160, H256};
use sp_runtime::{DispatchError, DispatchResult};

fn digest_on(lane: u64, threshold: u8, next: &[Key]) -> H256 {
	let addresses: Vec<H160> = next.iter().map(|key| key.member.address).collect();
	Gateway::rotation_to_sign(lane, threshold, addresses.try_into().unwrap()).unwrap()
}

fn signatures(signers: &[Key], digest: H256) -> Signatures {
	let signatures: Vec<_> = signers.iter().map(|key| key.sign(digest)).collect();
	signatures.try_into().unwrap()
}

/// These members of the old set put these into office.
fn rotate(threshold: u8, next: &[Key], by: &[Key]) -> DispatchResult {
	let signatures = signatures(by, digest_on(LANE, threshold, next));
	Gateway::rotate(signed(&alice()), LANE, threshold, publics(next), signatures)
}

#[test]
fn rotate_works() {
	test(|| {
		let (old, next) = (members(), keys(3..=6));
		// In any order.
		assert_ok!(rotate(3, &next, &[old[2].clone(), old[0].clone()]));
		let set = Gateway::bridge_set(LANE).unwrap();
		assert_eq!((set.number, set.threshold), (2, 3));
		let seated: Vec<_> = next.iter().map(|key| key.member.clone()).collect();
		assert_eq!(set.members, seated);
		assert_eq!(
			events(),
			[Event::SetSeated {
				lane: LANE,
				set: 2,
				threshold: 3,
				members: set.members
			}]
		);
		// Other lanes have sets of their own.
		assert_eq!(Gateway::bridge_set(OTHER_LANE).unwrap().number, 1);
	});
}

#[test]
fn rotate_keeps_what_convinces_the_gateway() {
	test(|| {
		let (old, next) = (members(), keys(4..=6));
		let digest = digest_on(LANE, 2, &next);
		assert_ok!(rotate(2, &next, &[old[1].clone(), old[0].clone()]));
		let rotation = Gateway::rotation(LANE, 2).unwrap();
		let addresses: Vec<_> = next.iter().map(|key| key.member.address).collect();
		assert_eq!((rotation.threshold, rotation.members.to_vec()), (2, addresses));
		let expected = vec![old[0].member.address, old[1].member.address];
		assert_eq!(signers(&rotation.proof, digest), Some(expected));
	});
}

#[test]
fn rotate_forgets_old_rotations() {
	test(|| {
		for _ in 0..KEPT_ROTATIONS + 2 {
			assert_ok!(rotate(2, &members(), &members()[..2]));
		}
		assert_eq!(
			Rotations::<Test>::iter_prefix(LANE).count() as u64,
			KEPT_ROTATIONS
		);
		assert!(Rotations::<Test>::contains_key(LANE, 3 + KEPT_ROTATIONS));
		assert!(!Rotations::<Test>::contains_key(LANE, 3));
	});
}

#[test]
fn rotate_fails_when_fewer_than_a_quorum_have_signed() {
	test(|| {
		let (old, next) = (members(), keys(4..=6));
		assert_noop!(rotate(2, &next, &old[..1]), Error::<Test>::NoQuorum);
		assert_noop!(rotate(2, &next, &[]), Error::<Test>::NoQuorum);
		let twice = [old[0].clone(), old[0].clone()];
		assert_noop!(rotate(2, &next, &twice), Error::<Test>::AlreadySigned);
	});
}

#[test]
fn rotate_fails_when_others_have_signed() {
	test(|| {
		let (old, next) = (members(), keys(4..=6));
		// The new set can't seat itself, nor stand in for one of the old.
		assert_noop!(rotate(2, &next, &next), Error::<Test>::BadSignature);
		let mixed = [old[0].clone(), next[0].clone()];
		assert_noop!(rotate(2, &next, &mixed), Error::<Test>::BadSignature);
	});
}

#[test]
fn rotate_fails_when_something_else_was_signed() {
	test(|| {
		let (old, next) = (members(), keys(4..=6));
		for digest in [
			digest_on(OTHER_LANE, 2, &next),
			digest_on(LANE, 3, &next),
			digest_on(LANE, 2, &keys(4..=7)),
		] {
			let call = Gateway::rotate(
				signed(&alice()),
				LANE,
				2,
				publics(&next),
				signatures(&old[..2], digest),
			);
			assert_noop!(call, Error::<Test>::BadSignature);
		}
	});
}

#[test]
fn rotate_fails_when_the_set_is_below_a_quorum() {
	test(|| {
		let old = members();
		let mut reversed = keys(4..=6);
		reversed.reverse();
		assert_noop!(rotate(2, &reversed, &old[..2]), Error::<Test>::BadSet);
		assert_noop!(rotate(1, &keys(4..=6), &old[..2]), Error::<Test>::BadSet);
		assert_noop!(rotate(0, &[], &old[..2]), Error::<Test>::BadSet);
	});
}

#[test]
fn rotate_fails_when_it_is_repeated() {
	test(|| {
		let old = members();
		// Back and forth: the number says which of the two it is.
		let signatures = signatures(&old[..2], digest_on(LANE, 2, &old));
		let call = || Gateway::rotate(signed(&alice()), LANE, 2, publics(&old), signatures.clone());
		assert_ok!(call());
		assert_noop!(call(), Error::<Test>::BadSignature);
	});
}

#[test]
fn the_old_set_has_no_say_any_more() {
	test(|| {
		attest(Request {
			module: Default::default(),
			..request(1)
		});
		pass(1);
		let (old, next) = (members(), keys(4..=6));
		assert_ok!(Gateway::acknowledge(signed(&old[0].account()), LANE, 1));
		assert_ok!(rotate(2, &next, &old[..2]));
		let origin = signed(&old[0].account());
		let none: DispatchError = Error::<Test>::NotMember.into();
		assert_noop!(Gateway::attest(origin.clone(), LANE, request(2).into()), none);
		let signature = signature(&old[0], LANE, 0);
		assert_noop!(Gateway::sign(origin.clone(), LANE, 0, signature), none);
		assert_noop!(Gateway::acknowledge(origin, LANE, 1), none);
		assert_noop!(rotate(2, &next, &old[..2]), Error::<Test>::BadSignature);
		assert!(!Delivered::<Test>::contains_key(LANE, old[0].account()));
		assert!(!System::account_exists(&nobody()) && Gateway::bridge_set(OTHER_LANE).is_some());
	});
}

#[test]
fn what_is_not_delivered_is_signed_anew() {
	test(|| {
		attest(Request {
			module: Default::default(),
			..request(1)
		});
		pass(1);
		let (old, next) = (members(), keys(2..=5));
		for key in &old[..2] {
			assert_ok!(Gateway::sign(
				signed(&key.account()),
				LANE,
				0,
				signature(key, LANE, 0)
			));
		}
		let before = Gateway::batch_to_sign(LANE, 0).unwrap();
		assert_ok!(rotate(3, &next, &old[..2]));
		let after = Gateway::batch_to_sign(LANE, 0).unwrap();
		assert_ne!(before, after, "the set is part of what is signed");
		assert_eq!(Gateway::batch_proof(LANE, 0), None);
		for key in &next[..3] {
			assert_ok!(Gateway::sign(
				signed(&key.account()),
				LANE,
				0,
				signature(key, LANE, 0)
			));
		}
		let proof = Gateway::batch_proof(LANE, 0).unwrap();
		assert_eq!(signers(&proof, after).map(|who| who.len()), Some(3));
		assert_eq!(signers(&proof, before), None);
	});
}

#[test]
fn votes_of_those_who_left_do_not_count() {
	test(|| {
		let old = members();
		assert_ok!(Gateway::attest(
			signed(&old[0].account()),
			LANE,
			request(1).into()
		));
		let next = keys(4..=6);
		assert_ok!(rotate(2, &next, &old[..2]));
		assert_ok!(Gateway::attest(
			signed(&next[0].account()),
			LANE,
			request(1).into()
		));
		assert!(Jobs::<Test>::iter().next().is_none());
		assert_ok!(Gateway::attest(
			signed(&next[1].account()),
			LANE,
			request(1).into()
		));
		assert!(Jobs::<Test>::iter().next().is_some());
	});
}

#[test]
fn votes_that_have_become_enough_can_be_made_to_count() {
	test(|| {
		// Two of four have voted; three are needed. Then those two are the whole set.
		let (old, four) = (members(), keys(1..=4));
		assert_ok!(rotate(3, &four, &old[..2]));
		for key in &four[..2] {
			assert_ok!(Gateway::attest(signed(&key.account()), LANE, request(1).into()));
		}
		assert_ok!(rotate(2, &four[..2], &four[..3]));
		assert!(Jobs::<Test>::iter().next().is_none());
		assert_ok!(Gateway::attest(
			signed(&four[0].account()),
			LANE,
			request(1).into()
		));
		assert!(Jobs::<Test>::iter().next().is_some());
	});
}

#[test]
fn members_accounts_exist_without_a_balance() {
	test(|| {
		let (old, next) = (members(), keys(4..=6));
		assert!(old.iter().all(|key| System::account_exists(&key.account())));
		assert_ok!(rotate(2, &next, &old[..2]));
		assert!(next.iter().all(|key| System::account_exists(&key.account())));
		// Still members on the other lane.
		assert!(old.iter().all(|key| System::sufficients(&key.account()) == 1));
	});
}
