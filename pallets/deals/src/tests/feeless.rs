//! Free for whoever is entitled to the call now, and for nobody else.

use super::*;
use crate::Call;
use frame_support::dispatch::CheckIfFeeless;

fn is_free(who: AccountId, call: Call<Test>) -> bool {
	RuntimeCall::DealsPallet(call).is_feeless(&signed(who))
}

#[test]
fn acknowledge_is_free_for_the_provider_in_time() {
	test(|| {
		let deal = matched();
		let call = || Call::acknowledge { deal };
		assert!(is_free(PROVIDER, call()));
		assert!(!is_free(CREATOR, call()));
		assert!(!is_free(PROVIDER, Call::acknowledge { deal: DealId(9) }));
		pass(ACK);
		assert!(is_free(PROVIDER, call()));
		pass(1);
		assert!(!is_free(PROVIDER, call()));
	});
}

#[test]
fn acknowledge_is_not_free_twice() {
	test(|| {
		let deal = running();
		assert!(!is_free(PROVIDER, Call::acknowledge { deal }));
	});
}

#[test]
fn submit_is_free_for_the_provider_in_time() {
	test(|| {
		let deal = running();
		let call = || Call::submit {
			deal,
			seal: Seal([1; 32]),
		};
		assert!(is_free(PROVIDER, call()));
		assert!(!is_free(OTHER, call()));
		go_to(deadline(deal) + 1);
		assert!(!is_free(PROVIDER, call()));
	});
}

#[test]
fn reveal_is_free_for_the_provider_with_the_right_opening_in_time() {
	test(|| {
		let deal = submitted();
		let call = |opening| Call::reveal { deal, opening };
		assert!(!is_free(PROVIDER, call(opening())));
		pass(DRAW);
		assert!(is_free(PROVIDER, call(opening())));
		assert!(!is_free(CREATOR, call(opening())));
		assert!(!is_free(
			PROVIDER,
			call(Opening {
				salt: [0; 32],
				..opening()
			})
		));
		// It begins the audit, so it succeeds.
		Drawn::set(vec![deal]);
		assert!(is_free(PROVIDER, call(opening())));
		Drawn::set(vec![]);
		assert_ok!(DealsPallet::reveal(signed(PROVIDER), deal, opening()));
		assert!(!is_free(PROVIDER, call(opening())));
	});
}

#[test]
fn reveal_is_free_in_a_dispute_once_the_mediators_have_committed() {
	test(|| {
		let deal = challenged();
		let call = || Call::reveal {
			deal,
			opening: opening(),
		};
		assert!(!is_free(PROVIDER, call()));
		PanelReveals::set(true);
		assert!(is_free(PROVIDER, call()));
	});
}

#[test]
fn audit_is_free_for_the_parties_of_a_drawn_result() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		assert!(!is_free(PROVIDER, Call::audit { deal }));
		Drawn::set(vec![deal]);
		assert!(is_free(PROVIDER, Call::audit { deal }));
		assert!(is_free(CREATOR, Call::audit { deal }));
		assert!(!is_free(OTHER, Call::audit { deal }));
	});
}

#[test]
fn nothing_else_is_free() {
	test(|| {
		let deal = revealed();
		for who in [CREATOR, PROVIDER] {
			for call in [
				Call::bond { amount: LP },
				Call::unbond { amount: LP },
				Call::withdraw_unbonded {},
				Call::decline { deal },
				Call::report_unfetchable { deal },
				Call::accept {
					deal,
					opening: opening(),
				},
				Call::expire { deal },
				Call::challenge {
					deal,
					reason: Reason::WrongResult,
				},
			] {
				assert!(!is_free(who, call));
			}
		}
	});
}

#[test]
fn nobody_unsigned_is_entitled() {
	test(|| {
		let deal = matched();
		let call = RuntimeCall::DealsPallet(Call::acknowledge { deal });
		assert!(!call.is_feeless(&RuntimeOrigin::none()));
		assert!(!call.is_feeless(&RuntimeOrigin::root()));
	});
}
