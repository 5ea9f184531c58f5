//! Free for members as long as they succeed, and for nobody else.

use crate::{mock::*, BatchId, Call, Request};
use frame_support::{assert_ok, dispatch::CheckIfFeeless};
use sp_runtime::AccountId32;

fn is_free(call: Call<Test>, who: &AccountId32) -> bool {
	call.is_feeless(&signed(who))
}

fn attesting(request: Request) -> Call<Test> {
	Call::attest {
		lane: LANE,
		message: request.into(),
	}
}

fn signing(key: &Key, batch: BatchId) -> Call<Test> {
	Call::sign {
		lane: LANE,
		batch,
		signature: signature(key, LANE, batch),
	}
}

#[test]
fn attest_is_free_for_a_members_first_vote() {
	test(|| {
		let member = members()[0].account();
		assert!(is_free(attesting(request(1)), &member));
		assert!(!is_free(attesting(request(1)), &alice()));
		assert!(!is_free(attesting(request(0)), &member));
		assert_ok!(Gateway::attest(signed(&member), LANE, request(1).into()));
		assert!(!is_free(attesting(request(1)), &member), "said before");
		let other = Request {
			budget: 1,
			..request(1)
		};
		assert!(!is_free(attesting(other), &member), "who is mistaken pays");
		assert_ok!(Gateway::attest(
			signed(&members()[1].account()),
			LANE,
			request(1).into()
		));
		let late = members()[2].account();
		assert!(!is_free(attesting(request(1)), &late), "decided");
	});
}

#[test]
fn attest_exit_is_free_for_a_members_first_vote_on_it() {
	test(|| {
		let exiting = || Call::attest_exit {
			lane: LANE,
			ticket: request(1).ticket(),
		};
		let member = members()[0].account();
		assert!(is_free(exiting(), &member));
		assert!(!is_free(exiting(), &alice()));
		assert_ok!(Gateway::attest(signed(&member), LANE, request(1).into()));
		assert!(is_free(exiting(), &member), "the next thing to say");
		assert_ok!(Gateway::attest_exit(signed(&member), LANE, request(1).ticket()));
		assert!(!is_free(exiting(), &member), "said before");
		assert!(
			!is_free(attesting(request(1)), &member),
			"nobody goes back and forth for nothing"
		);
	});
}

#[test]
fn sign_is_free_while_it_succeeds() {
	test(|| {
		attest(Request {
			module: Default::default(),
			..request(1)
		});
		let keys = members();
		assert!(!is_free(signing(&keys[0], 0), &keys[0].account()), "too early");
		pass(1);
		assert!(is_free(signing(&keys[0], 0), &keys[0].account()));
		assert!(!is_free(signing(&keys[0], 0), &keys[1].account()), "another's");
		for key in &keys[..2] {
			assert_ok!(Gateway::sign(
				signed(&key.account()),
				LANE,
				0,
				signature(key, LANE, 0)
			));
		}
		assert!(!is_free(signing(&keys[2], 0), &keys[2].account()), "enough");
	});
}

#[test]
fn acknowledge_and_heartbeat_are_free_while_they_succeed() {
	test(|| {
		let member = members()[0].account();
		let ack = || Call::acknowledge {
			lane: LANE,
			before: 1,
		};
		let beat = || Call::heartbeat { lane: LANE };
		assert!(!is_free(ack(), &member) && !is_free(beat(), &member));
		pass(HEARTBEAT);
		assert!(is_free(beat(), &member) && !is_free(beat(), &alice()));
		assert_ok!(Gateway::heartbeat(signed(&member), LANE));
		pass(1);
		assert!(is_free(ack(), &member) && !is_free(ack(), &alice()));
		assert_ok!(Gateway::acknowledge(signed(&member), LANE, 1));
		assert!(!is_free(ack(), &member));
	});
}

#[test]
fn nothing_is_free_in_a_pause() {
	test(|| {
		assert_ok!(Gateway::pause_all(RuntimeOrigin::root(), true));
		assert!(!is_free(attesting(request(1)), &members()[0].account()));
	});
}

#[test]
fn everything_else_pays() {
	test(|| {
		let member = members()[0].account();
		assert!(!is_free(Call::prune { lane: LANE }, &member));
		let out = Call::bridge_out {
			lane: LANE,
			to: address(1),
			amount: 1,
		};
		assert!(!is_free(out, &member));
	});
}
