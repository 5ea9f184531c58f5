//! `expire`, at every stage. Known failure 21: one silent mediator froze the deal.

use super::*;

fn by(deal: DealId) -> BlockNumber {
	match stage(deal) {
		Stage::Drawing { draw_by, .. } => draw_by,
		Stage::Committing { by } | Stage::Revealing { by } => by,
	}
}

fn expire(deal: DealId) {
	go_to(by(deal) + 1);
	assert_ok!(Mediation::expire(signed(OTHER), deal));
}

#[test]
fn expire_fails_when_there_is_no_case() {
	test(|| {
		assert_noop!(Mediation::expire(signed(OTHER), DealId(9)), Error::<Test>::NoCase);
	});
}

#[test]
fn expire_boundary_of_every_stage() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let early = |deal| {
			go_to(by(deal));
			assert_noop!(
				Mediation::expire(signed(OTHER), deal),
				Error::<Test>::TooEarly { wait: 1 }
			);
		};
		early(deal);
		assert_ok!(Mediation::draw(signed(OTHER), deal));
		early(deal);
		for who in panel(deal) {
			commit(deal, who, vote(1));
		}
		early(deal);
		pass(1);
		assert_ok!(Mediation::expire(signed(OTHER), deal));
		assert!(!Cases::<Test>::contains_key(deal));
	});
}

#[test]
fn a_case_that_nobody_draws_is_dropped() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		expire(deal);
		assert_ok!(Deals::accept(signed(CREATOR), deal, opening(1)));
	});
}

#[test]
fn who_does_not_commit_is_slashed_and_replaced() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let first = draw(deal);
		commit(deal, first[0], vote(1));
		System::reset_events();
		expire(deal);
		for who in &first[1..] {
			assert!(events().contains(&Event::Slashed {
				mediator: *who,
				deal,
				amount: NO_SHOW,
				tickets_lost: 1
			}));
		}
		assert_eq!(free(TREASURY), ED + 2 * NO_SHOW);
		let second = draw(deal);
		assert_eq!(second[0], first[0], "who has committed stays");
		assert!(second[1..].iter().all(|who| !first.contains(who)));
		for who in &second[1..] {
			commit(deal, *who, vote(1));
		}
		assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
		for who in &second {
			reveal(deal, *who, vote(1));
		}
		assert!(matches!(ending(deal), Some(Outcome::Upheld { votes: 3, .. })));
	});
}

#[test]
fn no_shows_are_replaced_so_many_times_and_then_it_stays_unresolved() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		for _ in 0..=RULES.max_redraws {
			assert_eq!(draw(deal).len(), 3);
			expire(deal);
		}
		assert_eq!(ending(deal), Some(Outcome::UnresolvedChallenge));
		assert_eq!(free(TREASURY), ED + 9 * NO_SHOW);
		assert_eq!(free(CREATOR), ENDOWMENT);
	});
}

#[test]
fn two_thirds_of_a_panel_go_on_without_the_rest() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		for _ in 0..RULES.max_redraws {
			draw(deal);
			expire(deal);
		}
		let panel = draw(deal);
		commit(deal, panel[0], vote(1));
		commit(deal, panel[1], vote(1));
		expire(deal);
		assert!(matches!(stage(deal), Stage::Revealing { .. }));
		assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
		reveal(deal, panel[0], vote(1));
		reveal(deal, panel[1], vote(1));
		assert!(matches!(ending(deal), Some(Outcome::Upheld { votes: 2, .. })));
	});
}

#[test]
fn an_audit_that_nobody_commits_to_is_dropped() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited();
		for _ in 0..=RULES.max_redraws {
			draw(deal);
			expire(deal);
		}
		// The provider could not open its seal: it goes on.
		assert_eq!(ending(deal), None);
		assert_ok!(Deals::accept(signed(CREATOR), deal, opening(1)));
		assert_eq!(free(POOL), ED + 10 * PANEL_FEE + LEVY);
	});
}

#[test]
fn who_commits_and_does_not_reveal_is_slashed() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let panel = draw(deal);
		for who in &panel {
			commit(deal, *who, vote(1));
		}
		assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
		reveal(deal, panel[0], vote(1));
		reveal(deal, panel[1], vote(1));
		expire(deal);
		assert!(matches!(ending(deal), Some(Outcome::Upheld { votes: 2, .. })));
		assert_eq!((free(panel[2]), bond(panel[2])), (LP, TICKET - NO_SHOW));
		const {
			assert!(
				NO_SHOW >= MINORITY,
				"not revealing must not be the cheaper way to have been wrong"
			)
		};
	});
}

#[test]
fn too_few_reveals_leave_it_unresolved() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = challenged();
		let panel = draw(deal);
		for who in &panel {
			commit(deal, *who, vote(66));
		}
		assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
		reveal(deal, panel[0], vote(66));
		expire(deal);
		assert_eq!(ending(deal), Some(Outcome::UnresolvedChallenge));
		// Nothing was decided, so nobody was in the minority.
		assert_eq!((free(panel[0]), bond(panel[0])), (LP, TICKET));
	});
}

#[test]
fn an_audit_whose_mediator_does_not_reveal_pays_as_accepted() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited();
		let panel = draw(deal);
		commit(deal, panel[0], vote(1));
		assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
		expire(deal);
		assert!(matches!(ending(deal), Some(Outcome::UnresolvedAudit { .. })));
		assert_eq!(bond(panel[0]), TICKET - NO_SHOW);
	});
}

#[test]
fn a_provider_that_does_not_open_has_withheld_even_if_few_reveal() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deal = audited();
		let panel = draw(deal);
		commit(deal, panel[0], vote(1));
		expire(deal);
		assert_eq!(ending(deal), Some(Outcome::Overturned { votes: 0 }));
	});
}

/// The slow escape: every stage left to lapse ends the case in a bounded time.
#[test]
fn every_case_ends_by_waiting() {
	for audit in [false, true] {
		test(|| {
			mediators(MEDIATORS, 1);
			let deal = if audit { audited() } else { challenged() };
			let mut steps = 0;
			while Cases::<Test>::contains_key(deal) {
				if let Stage::Drawing { .. } = stage(deal) {
					draw(deal);
				} else {
					expire(deal);
				}
				steps += 1;
				check();
				assert!(steps < 20);
			}
		});
	}
}

mod weights {
	use super::*;
	use crate::{Call, WeightInfo};
	use frame_support::{dispatch::GetDispatchInfo, weights::Weight};

	type W = ();

	/// What a call gives back is what it declared, less this.
	fn weighed(call: Call<Test>) -> (Option<Weight>, Weight) {
		use frame_support::traits::UnfilteredDispatchable;
		let declared = call.get_dispatch_info().call_weight;
		let info = call.dispatch_bypass_filter(signed(OTHER)).expect("it is due");
		(info.actual_weight, declared)
	}

	#[test]
	fn a_draw_weighs_what_closing_does_only_if_it_closes() {
		test(|| {
			mediators(MEDIATORS, 1);
			let deal = challenged();
			go_to(stage(deal).due());
			let (actual, declared) = weighed(Call::draw { deal });
			assert_eq!(actual, Some(<W as WeightInfo>::draw()));
			assert!(<W as WeightInfo>::draw().all_lt(declared));
		});
		test(|| {
			mediators(MEDIATORS, 1);
			let deal = challenged();
			for who in MEDIATORS {
				assert_ok!(Mediation::set_capability(
					signed(who),
					crate::Capability {
						slots: 0,
						..capable()
					}
				));
			}
			next_era();
			let mut case = Cases::<Test>::get(deal).expect("it is open");
			Due::<Test>::remove(DueKey::new(case.stage.due(), deal));
			case.stage = crate::Pallet::<Test>::drawing();
			Due::<Test>::insert(DueKey::new(case.stage.due(), deal), ());
			Cases::<Test>::insert(deal, case);
			go_to(stage(deal).due());
			let (actual, declared) = weighed(Call::draw { deal });
			assert!(!Cases::<Test>::contains_key(deal));
			assert_eq!(actual, Some(declared));
		});
	}

	#[test]
	fn an_expiry_weighs_what_closing_does_only_if_it_closes() {
		test(|| {
			mediators(MEDIATORS, 1);
			let deal = challenged();
			let three = draw(deal);
			for who in &three[1..] {
				commit(deal, *who, vote(1));
			}
			go_to(by(deal) + 1);
			// One is replaced.
			let (actual, declared) = weighed(Call::expire { deal });
			let own = <W as WeightInfo>::expire();
			assert_eq!(actual, Some(own + <W as WeightInfo>::escalate()));
			for who in draw(deal) {
				if !three[1..].contains(&who) {
					commit(deal, who, vote(1));
				}
			}
			go_to(by(deal) + 1);
			// The provider has opened nothing.
			let (actual, _) = weighed(Call::expire { deal });
			assert!(!Cases::<Test>::contains_key(deal));
			assert_eq!(actual, Some(declared));
		});
	}

	#[test]
	fn a_vote_that_calls_a_larger_panel_weighs_that() {
		test(|| {
			mediators(MEDIATORS, 1);
			let deal = audited();
			let one = draw(deal)[0];
			commit(deal, one, vote(66));
			assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
			let info = Mediation::reveal_vote(signed(one), deal, vote(66), salt(one)).expect("it is due");
			assert_eq!(round(deal), Round::Three);
			let weighed = <W as WeightInfo>::reveal_vote() + <W as WeightInfo>::escalate();
			assert_eq!(info.actual_weight, Some(weighed));
		});
	}
}
