//! What can't be taken up is given back whole, in the very call that would have taken it up, and nothing is minted.

use crate::{mock::*, status, Answer, BooksOf, LiveRequests, Message, Request};
use frame_support::assert_ok;
use lilypad_primitives::{traits::NotPosted, LP};
use sp_runtime::{DispatchError, TokenError};

/// The request is answered with this status, and everything comes back.
#[track_caller]
fn refused(request: Request, status: u8) {
	let issuance = Balances::total_issuance();
	let before = messages().len();
	attest(request.clone());
	let answer = Answer {
		deal: 0,
		status,
		exit_code: 0,
		root: [0; 32],
		cost: 0,
		refund: request.budget,
	};
	let ticket = request.ticket();
	assert_eq!(messages()[before..], [Message::Answer { ticket, answer }]);
	assert_eq!(Balances::total_issuance(), issuance);
	assert!(Jobs::<Test>::iter().next().is_none() && LiveRequests::<Test>::iter().next().is_none());
	let books = BooksOf::<Test>::get(LANE);
	assert_eq!((books.minted, books.locked(), books.reserved), (0, 0, 0));
	assert_eq!(books.received, books.released);
}

fn module(name: &str) -> Request {
	Request {
		module: name.as_bytes().to_vec().try_into().unwrap(),
		..request(1)
	}
}

fn inputs(texts: &[&[u8]]) -> Request {
	let inputs: Vec<_> = texts
		.iter()
		.map(|text| text.to_vec().try_into().unwrap())
		.collect();
	Request {
		inputs: inputs.try_into().unwrap(),
		..request(1)
	}
}

#[test]
fn a_request_fails_when_the_module_is_unknown() {
	test(|| refused(module("horse:v1"), status::UNKNOWN_MODULE));
}

#[test]
fn a_request_fails_when_the_module_was_withdrawn() {
	test(|| refused(module("cowsay:old"), status::UNKNOWN_MODULE));
}

#[test]
fn a_request_fails_when_the_module_is_no_name() {
	test(|| refused(module(""), status::UNKNOWN_MODULE));
	test(|| {
		refused(
			Request {
				module: vec![0xff; 96].try_into().unwrap(),
				..request(1)
			},
			status::UNKNOWN_MODULE,
		)
	});
}

#[test]
fn a_request_fails_when_inputs_are_too_long() {
	test(|| {
		let mut long = b"A=".to_vec();
		long.resize(4_096, b'x');
		refused(inputs(&[&long, b"B=1"]), status::BAD_INPUTS);
	});
}

#[test]
fn a_request_fails_when_inputs_are_malformed() {
	test(|| refused(inputs(&[b"A=1", b"A=2"]), status::BAD_INPUTS));
	test(|| refused(inputs(&[b"A"]), status::BAD_INPUTS));
	test(|| refused(inputs(&[b"A=\xc3\x28"]), status::BAD_INPUTS));
}

#[test]
fn a_request_fails_when_it_is_late() {
	test(|| {
		pass(3_600);
		refused(request(1), status::EXPIRED);
	});
}

#[test]
fn a_request_boundary_accept_by() {
	test(|| {
		let in_time = Request {
			accept_by: now(),
			..request(1)
		};
		taken_up(in_time);
		let late = Request {
			accept_by: now() - 1,
			..request(2)
		};
		attest(late);
		assert_eq!(only_answer().status, status::EXPIRED);
	});
}

#[test]
fn a_request_fails_when_only_the_quorum_is_late() {
	test(|| {
		let [first, second, _] = [0, 1, 2].map(|at| members()[at].account());
		assert_ok!(Gateway::attest(signed(&first), LANE, request(1).into()));
		pass(3_600);
		assert_ok!(Gateway::attest(signed(&second), LANE, request(1).into()));
		assert_eq!(
			(only_answer().status, only_answer().refund),
			(status::EXPIRED, BUDGET)
		);
	});
}

#[test]
fn a_request_fails_when_the_budget_is_too_small() {
	let of = |budget| Request { budget, ..request(1) };
	test(|| refused(of(1), status::BUDGET_TOO_SMALL));
	test(|| refused(of(ED), status::BUDGET_TOO_SMALL));
	test(|| {
		Refuse::set(Some(NotPosted::BudgetTooSmall));
		refused(of(ED + 1), status::BUDGET_TOO_SMALL);
	});
	test(|| {
		taken_up(of(ED + 1));
	});
}

#[test]
fn a_request_fails_when_it_is_over_the_lanes_largest() {
	test(|| {
		refused(
			Request {
				budget: 100 * LP + 1,
				..request(1)
			},
			status::REFUSED,
		)
	});
	test(|| {
		taken_up(Request {
			budget: 100 * LP,
			..request(1)
		});
	});
}

#[test]
fn a_request_fails_when_the_market_refuses_it_and_leaves_no_trace() {
	for (why, status) in [
		(NotPosted::UnknownModule, status::UNKNOWN_MODULE),
		(NotPosted::Other(DispatchError::Exhausted), status::REFUSED),
		(
			NotPosted::Other(TokenError::FundsUnavailable.into()),
			status::REFUSED,
		),
	] {
		test(|| {
			Refuse::set(Some(why));
			refused(request(1), status);
			assert_eq!(desk::NextJob::<Test>::get().0, 0);
			assert!(!System::account_exists(&wallet()));
		});
	}
}

#[test]
fn refusals_use_up_no_limit() {
	test(|| {
		for id in 1..20 {
			attest(Request {
				budget: 100 * LP,
				module: Default::default(),
				..request(id)
			});
		}
		assert_eq!(BooksOf::<Test>::get(LANE).inflow.level, 0);
		assert_eq!(messages().len(), 19);
	});
}
