//! `commit_vote` and `reveal_vote`.

use super::*;

/// A challenge whose panel is drawn.
fn seated() -> (DealId, Vec<AccountId>) {
	mediators(MEDIATORS, 1);
	let deal = challenged();
	let panel = draw(deal);
	(deal, panel)
}

/// The same, with all committed to the right vote.
fn committed() -> (DealId, Vec<AccountId>) {
	let (deal, panel) = seated();
	for who in &panel {
		commit(deal, *who, vote(1));
	}
	(deal, panel)
}

#[test]
fn commit_vote_works() {
	test(|| {
		let (deal, panel) = seated();
		System::reset_events();
		commit(deal, panel[0], vote(1));
		let mediator = panel[0];
		assert_eq!(events(), [Event::VoteCommitted { deal, mediator }]);
	});
}

#[test]
fn the_last_commitment_starts_the_revealing() {
	test(|| {
		let (deal, panel) = seated();
		commit(deal, panel[0], vote(1));
		commit(deal, panel[1], vote(1));
		System::reset_events();
		commit(deal, panel[2], vote(1));
		let stage = Stage::Revealing {
			by: System::block_number() + REVEAL,
		};
		let (mediator, round) = (panel[2], Round::Three);
		assert_eq!(
			events(),
			[
				Event::VoteCommitted { deal, mediator },
				Event::StageEntered { deal, round, stage }
			]
		);
	});
}

#[test]
fn commit_vote_fails_when_not_seated_or_repeated() {
	test(|| {
		let (deal, panel) = seated();
		let other = MEDIATORS
			.into_iter()
			.find(|who| !panel.contains(who))
			.expect("there are more");
		for who in [other, PROVIDER, CREATOR] {
			assert_noop!(
				Mediation::commit_vote(signed(who), deal, Commitment([1; 32])),
				Error::<Test>::NotSeated
			);
		}
		commit(deal, panel[0], vote(1));
		assert_noop!(
			Mediation::commit_vote(signed(panel[0]), deal, Commitment([1; 32])),
			Error::<Test>::AlreadyCommitted
		);
	});
}

#[test]
fn commit_vote_fails_when_nobody_waits_for_it() {
	test(|| {
		mediators(MEDIATORS, 1);
		assert_noop!(
			Mediation::commit_vote(signed(1_000), DealId(9), Commitment([1; 32])),
			Error::<Test>::NoCase
		);
		let deal = challenged();
		assert_noop!(
			Mediation::commit_vote(signed(1_000), deal, Commitment([1; 32])),
			Error::<Test>::NotCommitting
		);
	});
	test(|| {
		let (deal, panel) = committed();
		assert_noop!(
			Mediation::commit_vote(signed(panel[0]), deal, Commitment([1; 32])),
			Error::<Test>::NotCommitting
		);
	});
}

#[test]
fn commit_vote_boundary_of_the_deadline() {
	for late in [0, 1] {
		test(|| {
			let (deal, panel) = seated();
			let Stage::Committing { by } = stage(deal) else {
				panic!("the panel is drawn");
			};
			go_to(by + late);
			let result = Mediation::commit_vote(signed(panel[0]), deal, Commitment([1; 32]));
			if late == 0 {
				assert_ok!(result);
			} else {
				assert_noop!(result, Error::<Test>::TooLate);
			}
		});
	}
}

#[test]
fn reveal_vote_works() {
	test(|| {
		let (deal, panel) = committed();
		System::reset_events();
		reveal(deal, panel[1], vote(1));
		assert_eq!(
			events(),
			[Event::VoteRevealed {
				deal,
				mediator: panel[1],
				vote: vote(1)
			}]
		);
	});
}

/// Known failure 22: the published answer could be copied by a lazy verifier. Nothing is shown before all have committed.
#[test]
fn nothing_can_be_revealed_before_all_have_committed() {
	test(|| {
		let (deal, panel) = seated();
		commit(deal, panel[0], vote(1));
		assert_noop!(
			Mediation::reveal_vote(signed(panel[0]), deal, vote(1), salt(panel[0])),
			Error::<Test>::NotRevealing
		);
		// Neither can the provider open its seal.
		assert_noop!(
			Deals::reveal(signed(PROVIDER), deal, opening(1)),
			pallet_deals::Error::<Test>::MediatorsNotReady
		);
	});
}

/// A commitment is worth nothing to anybody else: it binds its mediator.
#[test]
fn a_copied_commitment_cannot_be_opened() {
	test(|| {
		let (deal, panel) = seated();
		let (honest, lazy) = (panel[0], panel[1]);
		let commitment = vote(1).commitment(deal, Round::Three, &honest, &salt(honest));
		assert_ok!(Mediation::commit_vote(signed(honest), deal, commitment));
		assert_ok!(Mediation::commit_vote(signed(lazy), deal, commitment));
		commit(deal, panel[2], vote(1));
		reveal(deal, honest, vote(1));
		// Vote and salt are public now.
		assert_noop!(
			Mediation::reveal_vote(signed(lazy), deal, vote(1), salt(honest)),
			Error::<Test>::WrongVote
		);
	});
}

#[test]
fn reveal_vote_fails_when_it_is_another_vote_or_salt() {
	test(|| {
		let (deal, panel) = committed();
		let who = panel[0];
		for (vote, salt) in [(vote(2), salt(who)), (vote(1), [0; 32])] {
			assert_noop!(
				Mediation::reveal_vote(signed(who), deal, vote, salt),
				Error::<Test>::WrongVote
			);
		}
	});
}

#[test]
fn reveal_vote_fails_when_not_seated_repeated_or_without_a_case() {
	test(|| {
		let (deal, panel) = committed();
		assert_noop!(
			Mediation::reveal_vote(signed(OTHER), deal, vote(1), [0; 32]),
			Error::<Test>::NotSeated
		);
		reveal(deal, panel[0], vote(1));
		assert_noop!(
			Mediation::reveal_vote(signed(panel[0]), deal, vote(1), salt(panel[0])),
			Error::<Test>::AlreadyRevealed
		);
		assert_noop!(
			Mediation::reveal_vote(signed(panel[0]), DealId(9), vote(1), [0; 32]),
			Error::<Test>::NoCase
		);
	});
}

#[test]
fn reveal_vote_boundary_of_the_deadline() {
	for late in [0, 1] {
		test(|| {
			let (deal, panel) = committed();
			pass(REVEAL + late);
			let result = Mediation::reveal_vote(signed(panel[0]), deal, vote(1), salt(panel[0]));
			if late == 0 {
				assert_ok!(result);
			} else {
				assert_noop!(result, Error::<Test>::TooLate);
			}
		});
	}
}

#[test]
fn the_provider_may_open_until_the_deadline() {
	for late in [0, 1] {
		test(|| {
			let (deal, _) = committed();
			pass(REVEAL + late);
			let result = Deals::reveal(signed(PROVIDER), deal, opening(1));
			if late == 0 {
				assert_ok!(result);
			} else {
				assert_noop!(result, pallet_deals::Error::<Test>::MediatorsNotReady);
			}
		});
	}
}

#[test]
fn whoever_is_last_closes_the_case() {
	for provider_last in [false, true] {
		test(|| {
			let (deal, panel) = committed();
			if !provider_last {
				assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
			}
			reveal(deal, panel[0], vote(1));
			reveal(deal, panel[1], vote(1));
			assert_eq!(ending(deal), None);
			System::reset_events();
			reveal(deal, panel[2], vote(1));
			if provider_last {
				assert_eq!(ending(deal), None);
				assert_ok!(Deals::reveal(signed(PROVIDER), deal, opening(1)));
			}
			assert!(matches!(ending(deal), Some(Outcome::Upheld { .. })));
			let verdict = Verdict::Upheld;
			assert_eq!(
				events().last(),
				Some(&Event::CaseClosed {
					deal,
					verdict,
					paid: panel.try_into().expect("few")
				})
			);
		});
	}
}

/// Known failure 27: mediators re-ran every disputed deal, not just their own. Only those who are drawn have anything to do.
#[test]
fn only_the_panel_has_anything_to_do() {
	test(|| {
		let (deal, panel) = seated();
		let seats = |who: &AccountId| Mediators::<Test>::get(who).map_or(0, |mediator| mediator.seats);
		for who in MEDIATORS {
			assert_eq!(seats(&who), u32::from(panel.contains(&who)));
		}
		assert!(events().contains(&Event::PanelDrawn {
			deal,
			round: Round::Three,
			mediators: panel.try_into().expect("few")
		}));
	});
}
