//! Free for whoever a vote is due from, and for nobody else.

use super::*;
use crate::Call;
use frame_support::dispatch::CheckIfFeeless;

fn is_free(who: AccountId, call: Call<Test>) -> bool {
	RuntimeCall::Mediation(call).is_feeless(&signed(who))
}

#[test]
fn commit_vote_is_free_for_the_panel_in_time() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let call = |deal| Call::commit_vote {
			deal,
			commitment: Commitment([1; 32]),
		};
		assert!(!is_free(1_000, call(deal)));
		let panel = draw(deal);
		for who in MEDIATORS {
			assert_eq!(is_free(who, call(deal)), panel.contains(&who));
		}
		assert!(!is_free(panel[0], call(DealId(9))));
		commit(deal, panel[0], vote(1));
		assert!(!is_free(panel[0], call(deal)));
		let Stage::Committing { by } = stage(deal) else {
			panic!("the panel is drawn");
		};
		go_to(by);
		assert!(is_free(panel[1], call(deal)));
		pass(1);
		assert!(!is_free(panel[1], call(deal)));
	});
}

#[test]
fn reveal_vote_is_free_for_the_vote_that_was_committed_to() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let panel = draw(deal);
		let call = |who, vote| Call::reveal_vote {
			deal,
			vote,
			salt: salt(who),
		};
		for who in &panel {
			assert!(!is_free(*who, call(*who, vote(1))));
			commit(deal, *who, vote(1));
		}
		for who in &panel {
			assert!(is_free(*who, call(*who, vote(1))));
			assert!(!is_free(*who, call(*who, vote(2))));
			assert!(!is_free(OTHER, call(*who, vote(1))));
			reveal(deal, *who, vote(1));
			assert!(!is_free(*who, call(*who, vote(1))));
		}
	});
}

#[test]
fn nothing_else_is_free() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		pass(DRAW + 1);
		for call in [
			Call::draw { deal },
			Call::expire { deal },
			Call::withdraw {},
			Call::add_tickets { tickets: 1 },
			Call::unbond_tickets { tickets: 1 },
		] {
			assert!(!is_free(1_000, call));
		}
	});
}

#[test]
fn nobody_unsigned_is_entitled() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		draw(deal);
		let call = RuntimeCall::Mediation(Call::commit_vote {
			deal,
			commitment: Commitment([1; 32]),
		});
		assert!(!call.is_feeless(&RuntimeOrigin::none()));
		assert!(!call.is_feeless(&RuntimeOrigin::root()));
	});
}
