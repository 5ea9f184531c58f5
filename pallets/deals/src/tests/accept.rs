use super::*;

#[test]
fn accept_works() {
	test(|| {
		let before = balances();
		let deal = submitted();
		pass(DRAW);
		System::reset_events();
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		// Three seconds of run time.
		assert_changed(
			&before,
			&[
				(CREATOR, minus(3 * LP + FEE + LEVY + TIP), 0),
				(PROVIDER, plus(3 * LP), 0),
				(AUTHOR, plus(FEE), 0),
				(SOLVER, plus(TIP), 0),
				(POOL, plus(LEVY), 0),
			],
		);
		let outcome = Outcome::Accepted {
			usage: 3_000,
			completed: true,
		};
		let triple = opening().triple;
		let moves = [
			(Purse::Budget, Party::Provider, 3 * LP),
			(Purse::Budget, Party::Author, FEE),
			(Purse::Budget, Party::AuditPool, LEVY),
			(Purse::Budget, Party::Solver, TIP),
		];
		assert_eq!(
			events(),
			[
				Event::Revealed {
					deal,
					triple,
					usage: 3_000
				},
				settled(deal, JobId(0), outcome, &moves)
			]
		);
		let cost = 3 * LP + FEE + LEVY + TIP;
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome,
			result: Some(triple),
			cost,
		});
		assert_eq!(Settlements::get().len(), 1);
		assert_eq!(committed(PROVIDER), 0);
		assert_eq!(Deals::<Test>::get(deal), None);
	});
}

#[test]
fn accept_pays_no_author_when_the_program_did_not_run_to_its_end() {
	test(|| {
		let before = balances();
		let failed = Triple {
			status: Status::JobError,
			..opening().triple
		};
		let opening = Opening {
			triple: failed,
			usage: 0,
			..opening()
		};
		let deal = submitted_with(opening);
		pass(DRAW);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening));
		assert_changed(
			&before,
			&[
				(CREATOR, minus(LEVY + TIP), 0),
				(SOLVER, plus(TIP), 0),
				(POOL, plus(LEVY), 0),
			],
		);
	});
}

#[test]
fn accept_keeps_the_tip_when_there_is_no_solver() {
	test(|| {
		let before = balances();
		let deal = matched_with(Terms {
			solver: None,
			..terms(PROVIDER)
		});
		let opening = Opening {
			usage: 1_000,
			..opening()
		};
		assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, opening.seal(deal)));
		pass(DRAW);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening));
		assert_changed(
			&before,
			&[
				(CREATOR, minus(LP + FEE + LEVY), 0),
				(PROVIDER, plus(LP), 0),
				(AUTHOR, plus(FEE), 0),
				(POOL, plus(LEVY), 0),
			],
		);
	});
}

#[test]
fn accept_boundary_of_the_draw() {
	test(|| {
		let deal = submitted();
		assert_noop!(
			DealsPallet::accept(signed(CREATOR), deal, opening()),
			Error::<Test>::TooEarly { wait: DRAW as u16 }
		);
		pass(DRAW - 1);
		assert_noop!(
			DealsPallet::accept(signed(CREATOR), deal, opening()),
			Error::<Test>::TooEarly { wait: 1 }
		);
		pass(1);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
	});
}

#[test]
fn accept_boundary_of_the_deadline() {
	for (late, in_time) in [(0, true), (1, false)] {
		test(|| {
			let deal = submitted();
			go_to(deadline(deal) + late);
			if in_time {
				assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
			} else {
				assert_noop!(
					DealsPallet::accept(signed(CREATOR), deal, opening()),
					Error::<Test>::TooLate
				);
			}
		});
	}
}

#[test]
fn accept_after_a_reveal_does_not_reveal_again() {
	test(|| {
		let deal = revealed();
		System::reset_events();
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		assert!(matches!(events()[..], [Event::Settled { .. }]));
	});
}

#[test]
fn accept_fails_when_it_is_not_what_was_sealed() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		for wrong in [
			Opening {
				usage: 2_999,
				..opening()
			},
			Opening {
				salt: [8; 32],
				..opening()
			},
			Opening {
				triple: Triple {
					exit_code: 1,
					..opening().triple
				},
				..opening()
			},
		] {
			assert_noop!(
				DealsPallet::accept(signed(CREATOR), deal, wrong),
				Error::<Test>::WrongOpening
			);
		}
	});
}

#[test]
fn accept_fails_when_the_seal_is_another_deals() {
	test(|| {
		let first = running();
		let second = running();
		// The second deal's provider has copied the first one's seal.
		assert_ok!(DealsPallet::submit(
			signed(PROVIDER),
			second,
			opening().seal(first)
		));
		pass(DRAW);
		assert_noop!(
			DealsPallet::accept(signed(CREATOR), second, opening()),
			Error::<Test>::WrongOpening
		);
	});
}

#[test]
fn accept_boundary_of_the_elapsed_time() {
	for (usage, fits) in [(6_000, true), (6_001, false)] {
		test(|| {
			let opening = Opening { usage, ..opening() };
			let deal = submitted_with(opening);
			pass(DRAW);
			if fits {
				assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening));
			} else {
				assert_noop!(
					DealsPallet::accept(signed(CREATOR), deal, opening),
					Error::<Test>::UsageTooLong
				);
			}
		});
	}
}

#[test]
fn accept_boundary_of_the_time_limit() {
	for (usage, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
		test(|| {
			let opening = Opening { usage, ..opening() };
			let deal = running();
			pass(8);
			assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, opening.seal(deal)));
			pass(DRAW);
			if fits {
				assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening));
			} else {
				assert_noop!(
					DealsPallet::accept(signed(CREATOR), deal, opening),
					Error::<Test>::UsageTooLong
				);
			}
		});
	}
}

#[test]
fn accept_fails_when_nothing_is_submitted() {
	test(|| {
		for deal in [matched(), running()] {
			assert_noop!(
				DealsPallet::accept(signed(CREATOR), deal, opening()),
				Error::<Test>::NotSubmitted
			);
		}
	});
}

#[test]
fn accept_fails_when_it_is_another_account() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		for who in [PROVIDER, OTHER] {
			assert_noop!(
				DealsPallet::accept(signed(who), deal, opening()),
				Error::<Test>::NotCreator
			);
		}
	});
}

#[test]
fn accept_fails_when_repeated() {
	test(|| {
		let deal = submitted();
		pass(DRAW);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		assert_noop!(
			DealsPallet::accept(signed(CREATOR), deal, opening()),
			Error::<Test>::UnknownDeal
		);
	});
}
