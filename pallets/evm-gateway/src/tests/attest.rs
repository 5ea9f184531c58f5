use crate::{
	mock::*, AllHandled, Books, BooksOf, Error, Event, FirstKept, Inbound, Live, LiveRequests, Message,
	OpenVotes, Request, HISTORY, MAX_AMOUNT, WINDOW,
};
use frame_support::{assert_noop, assert_ok, dispatch::DispatchResultWithPostInfo};
use lilypad_primitives::{Inputs, JobId, JobOrigin, Judge, MachineSpec, MediatorPolicy, LP};

/// The member at this place says something.
fn says(member: usize, message: impl Into<Inbound>) -> DispatchResultWithPostInfo {
	Gateway::attest(signed(&members()[member].account()), LANE, message.into())
}

#[test]
fn attest_works() {
	test(|| {
		let request = request(1);
		let digest = Inbound::from(request.clone()).digest();
		assert_ok!(says(0, request.clone()));
		assert!(Jobs::<Test>::iter().next().is_none(), "one of three is no quorum");
		assert_ok!(says(2, request.clone()));

		let attested = |member: usize, votes| Event::Attested {
			lane: LANE,
			id: 1,
			member: members()[member].account(),
			digest,
			votes,
		};
		let taken_up = Event::RequestTakenUp {
			lane: LANE,
			id: 1,
			job: JobId(0),
			wallet: wallet(),
		};
		assert_eq!(events(), [attested(0, 1), attested(2, 2), taken_up]);
		let live = Live {
			lane: LANE,
			ticket: request.ticket(),
			exited: false,
		};
		assert_eq!(LiveRequests::<Test>::get(JobId(0)), Some(live));
		assert!(!OpenVotes::<Test>::contains_key(LANE, 1));
	});
}

/// No limit is the longest that there is: also when governance has made it shorter than the module's.
#[test]
fn attest_without_a_time_limit_takes_the_longest_that_the_market_allows() {
	for (asked, longest, expected) in [
		(0, 24 * 3_600_000, 600_000),
		(0, 60_000, 60_000),
		(120_000, 60_000, 60_000),
		(30_000, 60_000, 30_000),
	] {
		test(|| {
			LongestJob::set(longest);
			attest(Request {
				time_limit: asked,
				..request(1)
			});
			let posted = Jobs::<Test>::get(JobId(0)).expect("it is taken up");
			assert_eq!(posted.request.time_limit, expected);
		});
	}
}

#[test]
fn attest_posts_the_job_that_was_asked_for() {
	test(|| {
		let inputs =
			["Name=Lily=Pad", "Message=moo"].map(|text| text.as_bytes().to_vec().try_into().unwrap());
		attest(Request {
			inputs: inputs.to_vec().try_into().unwrap(),
			..request(1)
		});
		let desk::Posted {
			creator,
			request,
			origin,
		} = Jobs::<Test>::get(JobId(0)).unwrap();
		assert_eq!(creator, wallet());
		assert_eq!(
			origin,
			JobOrigin::Evm {
				chain: CHAIN,
				request: 1,
				delegate: None,
			}
		);
		let json = br#"{"Message":"moo","Name":"Lily=Pad"}"#.to_vec();
		assert_eq!(request.inputs, Inputs::Inline(json.try_into().unwrap()));
		assert_eq!(request.spec, MachineSpec::new(1000, 100, 10), "the module's own");
		assert_eq!(request.time_limit, 600_000, "the module's own");
		assert_eq!(request.budget, BUDGET - ED, "the wallet has to exist");
		assert_eq!((request.match_window, request.retries, request.tip), (30, 2, 0));
		assert_eq!((request.target, request.deadline), (None, None));
		assert_eq!(request.mediators, MediatorPolicy::Any);
	});
}

#[test]
fn attest_takes_a_time_limit_up_to_the_modules_own() {
	test(|| {
		for (id, (wanted, got)) in [
			(5_000, 5_000),
			(600_000, 600_000),
			(600_001, 600_000),
			(u64::MAX, 600_000),
		]
		.into_iter()
		.enumerate()
		{
			let job = taken_up(Request {
				time_limit: wanted,
				..request(id as u64 + 1)
			});
			assert_eq!(Jobs::<Test>::get(job).unwrap().request.time_limit, got);
		}
	});
}

#[test]
fn attest_mints_what_is_locked_and_reserves_it() {
	test(|| {
		taken_up(request(1));
		assert_eq!(free(&wallet()), ED);
		assert_eq!(Balances::reserved_balance(wallet()), BUDGET - ED);
		let books = BooksOf::<Test>::get(LANE);
		assert_eq!(
			(books.received, books.minted, books.reserved, books.live),
			(BUDGET, BUDGET, BUDGET, 1)
		);
		assert_eq!((books.released, books.burned, books.free()), (0, 0, 0));
		taken_up(request(2));
		assert_eq!(free(&wallet()), 2 * ED);
		assert_eq!(BooksOf::<Test>::get(LANE).reserved, 2 * BUDGET);
	});
}

#[test]
fn attest_works_in_any_order() {
	test(|| {
		for id in [3, 1, 2] {
			assert_ok!(says(1, request(id)));
		}
		for id in [2, 3, 1] {
			assert_ok!(says(0, request(id)));
		}
		let posted: Vec<_> = (0..3)
			.map(|job| Jobs::<Test>::get(JobId(job)).unwrap().origin)
			.collect();
		let expected = [2, 3, 1].map(|request| JobOrigin::Evm {
			chain: CHAIN,
			request,
			delegate: None,
		});
		assert_eq!(posted, expected);
	});
}

#[test]
fn attest_names_the_delegate_to_the_market() {
	test(|| {
		let job = taken_up(Request {
			delegate: alice().into(),
			..request(1)
		});
		let origin = Jobs::<Test>::get(job).unwrap().origin;
		assert_eq!(origin.judge(), Judge::Delegate(alice()));
		let job = taken_up(request(2));
		assert_eq!(Jobs::<Test>::get(job).unwrap().origin.judge(), Judge::Nobody);
	});
}

#[test]
fn attest_duplicates_are_harmless() {
	test(|| {
		assert_ok!(says(0, request(1)));
		assert_noop!(says(0, request(1)), Error::<Test>::AlreadyAttested);
		assert_ok!(says(1, request(1)));
		for member in 0..3 {
			assert_noop!(says(member, request(1)), Error::<Test>::AlreadyHandled);
		}
		assert_eq!(BooksOf::<Test>::get(LANE).minted, BUDGET);
	});
}

#[test]
fn attest_counts_conflicting_votes_apart() {
	test(|| {
		let other = Request {
			budget: 2 * BUDGET,
			..request(1)
		};
		assert_ok!(says(0, request(1)));
		assert_ok!(says(1, other.clone()));
		assert!(Jobs::<Test>::iter().next().is_none());
		assert_ok!(says(2, other));
		assert_eq!(BooksOf::<Test>::get(LANE).minted, 2 * BUDGET);
	});
}

#[test]
fn every_part_of_a_request_counts() {
	test(|| {
		let r = request(1);
		let variants = [
			Request {
				requester: address(1),
				..r.clone()
			},
			Request {
				refund_to: address(1),
				..r.clone()
			},
			Request {
				budget: 1,
				..r.clone()
			},
			Request {
				accept_by: 1,
				..r.clone()
			},
			Request {
				time_limit: 1,
				..r.clone()
			},
			Request {
				callback_gas: 1,
				..r.clone()
			},
			Request {
				delegate: [1; 32],
				..r.clone()
			},
			Request {
				module: Default::default(),
				..r.clone()
			},
			Request {
				inputs: Default::default(),
				..r.clone()
			},
		];
		let original = r.ticket();
		let digest = Inbound::from(r).digest();
		for variant in variants {
			let ticket = crate::eip712::ticket(&variant.ticket());
			assert_ne!(ticket, crate::eip712::ticket(&original), "{variant:?}");
			assert_ne!(Inbound::from(variant).digest(), digest);
		}
	});
}

#[test]
fn attest_may_be_corrected() {
	test(|| {
		let wrong = Request {
			budget: 1,
			..request(1)
		};
		assert_ok!(says(0, wrong.clone()));
		assert_ok!(says(0, request(1)));
		assert_eq!(OpenVotes::<Test>::get(LANE, 1).len(), 1, "one vote each");
		assert_ok!(says(1, wrong));
		assert!(Jobs::<Test>::iter().next().is_none());
		assert_ok!(says(2, request(1)));
		assert_eq!(BooksOf::<Test>::get(LANE).minted, BUDGET);
	});
}

#[test]
fn attest_fails_when_it_is_no_member() {
	test(|| {
		assert_noop!(
			Gateway::attest(signed(&alice()), LANE, request(1).into()),
			Error::<Test>::NotMember
		);
		assert_noop!(
			Gateway::attest(signed(&members()[0].account()), 99, request(1).into()),
			Error::<Test>::UnknownLane
		);
	});
}

#[test]
fn attest_fails_when_the_amount_is_zero_or_no_gateway_could_hold_it() {
	test(|| {
		for budget in [0, MAX_AMOUNT + 1, u128::MAX] {
			let bad = Request { budget, ..request(1) };
			assert_noop!(says(0, bad), Error::<Test>::BadAmount);
			assert_noop!(says(0, deposit(1, &alice(), budget)), Error::<Test>::BadAmount);
		}
	});
}

#[test]
fn attest_boundary_of_the_window() {
	test(|| {
		assert_noop!(says(0, request(0)), Error::<Test>::AlreadyHandled);
		assert_noop!(says(0, request(1 + WINDOW)), Error::<Test>::TooFarAhead);
		assert_ok!(says(0, request(WINDOW)));
	});
}

#[test]
fn what_is_long_decided_is_forgotten_and_refused_all_the_same() {
	test(|| {
		let set = |id, inflow| deposit(id, &alice(), inflow);
		// One number is missing at first: nothing after it is forgotten.
		for id in (1..=HISTORY + 20).filter(|id| *id != 5) {
			attest(set(id, 1));
		}
		assert_eq!(FirstKept::<Test>::get(LANE), 5);
		attest(set(5, 1));
		for id in HISTORY + 21..HISTORY + 30 {
			attest(set(id, 1));
		}
		let first = FirstKept::<Test>::get(LANE);
		assert_eq!(first, 5 + 2 * 9, "two steps each time");
		assert!(!AllHandled::<Test>::contains_key(LANE, first - 1));
		assert!(AllHandled::<Test>::contains_key(LANE, first));
		assert_noop!(says(0, set(first - 1, 1)), Error::<Test>::AlreadyHandled);
		assert_noop!(says(0, set(1, 7)), Error::<Test>::AlreadyHandled);
	});
}

#[test]
fn attest_fails_when_the_limit_is_used_up_and_works_later() {
	test(|| {
		let big = |id| Request {
			budget: 100 * LP,
			..request(id)
		};
		for id in 1..=3 {
			attest(big(id));
		}
		assert_ok!(says(0, big(4)));
		assert_noop!(says(1, big(4)), Error::<Test>::RateLimited);
		// 300 LP in 100 blocks: 99 LP after 33, 102 LP after 34.
		pass(33);
		assert_noop!(says(1, big(4)), Error::<Test>::RateLimited);
		pass(1);
		assert_ok!(says(1, big(4)));
		assert_eq!(BooksOf::<Test>::get(LANE).live, 4);
	});
}

#[test]
fn lanes_have_numbers_limits_and_books_of_their_own() {
	test(|| {
		attest(request(1));
		assert_eq!(BooksOf::<Test>::get(OTHER_LANE), Books::default());
		attest_on(OTHER_LANE, request(1));
		assert_eq!(BooksOf::<Test>::get(OTHER_LANE).minted, BUDGET);
		let wallets = [CHAIN, OTHER_CHAIN].map(|chain| crate::wallet_of(chain, address(0xc0)));
		assert_ne!(wallets[0], wallets[1]);
		assert_eq!(wallets.map(|wallet| free(&wallet)), [ED, ED]);
	});
}

#[test]
fn attest_fails_when_the_outbox_is_full() {
	test(|| {
		// Live requests count as the answers that they will need, and get no more than three quarters of the places.
		let most = u64::from(MAX_BATCHES) * 3 / 4;
		for id in 1..=most {
			taken_up(Request {
				budget: LP,
				..request(id)
			});
		}
		let next = most + 1;
		assert_ok!(says(0, request(next)));
		assert_noop!(says(1, request(next)), Error::<Test>::OutboxFull);
		// What needs no answer later still goes through: one that is refused, say.
		let late = next + 1;
		attest(Request {
			accept_by: 0,
			..request(late)
		});
		// They fit into one batch, which can be delivered.
		for job in 0..most {
			desk::end(JobId(job), completed(), 0, 0);
		}
		assert_ok!(says(1, request(next)));
	});
}

#[test]
fn a_quorum_below_which_the_relayers_fell_decides_when_they_are_back() {
	test(|| {
		assert_ok!(says(0, request(1)));
		pass(100);
		assert!(
			Jobs::<Test>::iter().next().is_none(),
			"nothing happens without a quorum"
		);
		assert_ok!(says(2, request(1)));
		assert!(Jobs::<Test>::contains_key(JobId(0)));
	});
}

#[test]
fn a_number_that_turns_out_to_be_anothers_is_given_back_and_reported() {
	test(|| {
		let job = taken_up(request(1));
		let other = Request {
			requester: address(0xee),
			budget: 3 * LP,
			..request(1)
		};
		assert_ok!(says(1, other.clone()));
		System::reset_events();
		assert_ok!(says(2, other.clone()));
		let [Message::Answer { ticket, answer }] = messages()[..] else {
			panic!("not one answer");
		};
		assert_eq!(ticket, other.ticket());
		assert_eq!((answer.status, answer.refund), (crate::status::REFUSED, 3 * LP));
		assert!(events().contains(&Event::Reorganised {
			lane: LANE,
			id: 1,
			lost: BUDGET
		}));
		let books = BooksOf::<Test>::get(LANE);
		assert_eq!((books.lost, books.locked(), books.free()), (BUDGET, 0, 0));
		// Once is enough: a quorum that goes to and fro gives nothing back twice.
		assert_noop!(says(0, request(1)), Error::<Test>::AlreadyHandled);
		assert_noop!(says(0, other), Error::<Test>::AlreadyHandled);
		// The first job's LP is not backed any more: its answer promises nothing that the gateway doesn't hold.
		desk::end(job, completed(), LP, 0);
		let Some(Message::Answer { answer, .. }) = messages().last().copied() else {
			panic!("no answer");
		};
		assert_eq!((answer.cost, answer.refund), (LP, 0));
		assert_eq!(
			free(&wallet()),
			BUDGET - LP,
			"it stays, in case that the gateway gets LP"
		);
	});
}
