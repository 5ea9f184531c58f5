//! The node's own solver, in an offchain worker.

use super::proposed::*;
use crate::{
	mock::*,
	solver::{cursor_key, Cursor},
	Call, Class, Error, Event, OfferParams, SOLVER_JOBS, SOLVER_OFFERS, SOLVER_PROPOSALS,
};
use codec::Decode;
use frame_support::{
	assert_noop, assert_ok,
	dispatch::GetDispatchInfo,
	traits::{Authorize, Hooks},
	weights::Weight,
};
use frame_system::RawOrigin;
use lilypad_primitives::{CreatorPolicy, JobId, JobRequest, OfferId, Platform, LP};
use sp_core::offchain::{
	testing::{TestOffchainExt, TestTransactionPoolExt},
	OffchainDbExt, OffchainWorkerExt, TransactionPoolExt,
};
use sp_runtime::{
	offchain::storage::StorageValueRef,
	transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
	DispatchError,
};

const CLASS: Class = Class {
	platform: Platform::ContainerAmd64,
	gpu: false,
};

/// Takes what was sent to the node's pool.
type Pool = Box<dyn Fn() -> Vec<Vec<u8>>>;

/// Runs a test in a node with an offchain worker. There may be more money than the books of the mock say.
fn with_worker(run: impl FnOnce(Pool)) {
	Prices::set(PRICING);
	let mut ext = new_test_ext();
	let (offchain, _) = TestOffchainExt::new();
	let (pool, state) = TestTransactionPoolExt::new();
	ext.register_extension(OffchainDbExt::new(offchain.clone()));
	ext.register_extension(OffchainWorkerExt::new(offchain));
	ext.register_extension(TransactionPoolExt::new(pool));
	ext.execute_with(|| {
		run(Box::new(move || std::mem::take(&mut state.write().transactions)));
		Market::do_try_state().expect("the invariants hold");
	});
}

/// One round. Returns what was sent.
fn round(pool: &Pool) -> Vec<(JobId, OfferId)> {
	Market::offchain_worker(System::block_number());
	pool()
		.into_iter()
		.map(|bytes| {
			let transaction = Extrinsic::decode(&mut &bytes[..]).unwrap();
			match transaction.function {
				RuntimeCall::Market(Call::propose_found { job, offer }) => (job, offer),
				call => panic!("{call:?} is nothing that the solver does"),
			}
		})
		.collect()
}

fn found(job: JobId, offer: OfferId) -> sp_runtime::DispatchResult {
	Market::propose_found(frame_system::RawOrigin::Authorized.into(), job, offer)
}

fn authorize(source: TransactionSource, job: JobId, offer: OfferId) -> Result<(), TransactionValidityError> {
	let call = Call::<Test>::propose_found { job, offer };
	call.authorize(source).unwrap().map(|_| ())
}

/// Cheap offers of many providers that never fit.
fn misfits(count: u64) {
	for n in 0..count {
		let who = 1_000 + n / u64::from(MAX_OFFERS);
		Desk::put(At::Free, who, OFFER_DEPOSIT);
		OfferParams {
			creators: CreatorPolicy::Only(vec![POOR].try_into().unwrap()),
			..at(RATE / 2)
		}
		.by(who);
	}
}

#[test]
fn what_the_search_missed_is_proposed_in_the_next_round_and_becomes_the_deal() {
	with_worker(|pool| {
		let (job, fit) = hidden();
		assert_eq!(round(&pool), vec![(job, fit)]);
		events();
		assert_ok!(found(job, fit));
		let proposed = Event::MatchProposed {
			job,
			offer: fit,
			rate: RATE,
			solver: None,
			due: 4,
		};
		assert_eq!(events(), vec![proposed]);
		assert_eq!(round(&pool), vec![], "it is proposed already");
		System::set_block_number(4);
		assert_eq!(round(&pool), vec![], "it is due");
		Market::on_idle(4, Weight::MAX);
		assert_eq!((offer_of(job), terms(job).solver), (fit, None));
	});
}

#[test]
fn nothing_is_sent_or_kept_when_nothing_waits() {
	with_worker(|pool| {
		at(RATE).by(PROVIDER);
		StorageValueRef::persistent(&cursor_key(CLASS)).set(&Cursor::default());
		assert_eq!(round(&pool), vec![]);
		assert_eq!(
			StorageValueRef::persistent(&cursor_key(CLASS)).get::<Cursor>(),
			Ok(None)
		);
	});
}

#[test]
fn nothing_is_sent_when_nothing_fits() {
	with_worker(|pool| {
		misfits(20);
		post(request());
		assert_eq!(round(&pool), vec![]);
	});
}

#[test]
fn two_thousand_cheap_misfits_delay_a_job_by_one_round() {
	with_worker(|pool| {
		misfits(2_000);
		let fit = at(RATE).by(THIRD);
		let job = post(request());
		assert!(match_by(job).is_some());
		assert_eq!(round(&pool), vec![(job, fit)]);
	});
}

#[test]
fn a_book_longer_than_a_round_is_walked_on_in_the_next_one() {
	with_worker(|pool| {
		misfits(u64::from(SOLVER_OFFERS));
		let fit = at(RATE).by(THIRD);
		let job = post(request());
		assert_eq!(round(&pool), vec![]);
		let cursor: Cursor = StorageValueRef::persistent(&cursor_key(CLASS))
			.get()
			.unwrap()
			.unwrap();
		assert!(cursor.offers.is_some());
		assert_eq!(round(&pool), vec![(job, fit)]);
		// And then from the beginning.
		let cursor = StorageValueRef::persistent(&cursor_key(CLASS)).get::<Cursor>();
		assert_eq!(cursor, Ok(Some(Cursor::default())));
	});
}

#[test]
fn more_jobs_than_a_round_looks_at_are_looked_at_in_the_next_one() {
	with_worker(|pool| {
		let fit = hide(at(RATE));
		for _ in 0..SOLVER_JOBS {
			let target = Some(POOR);
			post(JobRequest {
				target,
				budget: 2 * LP,
				..request()
			});
		}
		let job = post(request());
		assert_eq!(round(&pool), vec![]);
		assert_eq!(round(&pool), vec![(job, fit)]);
	});
}

#[test]
fn poor_jobs_do_not_bring_a_round_back_to_the_first_offers() {
	with_worker(|pool| {
		misfits(u64::from(SOLVER_OFFERS));
		let fit = at(RATE).by(THIRD);
		// More than a batch of them, and two batches in all: the poorest could pay for none of the misfits.
		let job = post(request());
		for _ in 0..SOLVER_JOBS {
			post(JobRequest {
				target: Some(POOR),
				budget: LP / 50,
				..request()
			});
		}
		let sent: Vec<_> = (0..4).flat_map(|_| round(&pool)).collect();
		assert_eq!(sent, vec![(job, fit)]);
	});
}

#[test]
fn a_round_proposes_no_more_than_its_bound() {
	with_worker(|pool| {
		let machine = lilypad_primitives::MachineSpec::new(100_000, 100_000, 100_000);
		Desk::put(At::Bond, THIRD, 1_000_000 * LP);
		let fit = hide(OfferParams {
			slots: 1_000,
			machine,
			..at(RATE)
		});
		let jobs: Vec<_> = (0..=SOLVER_PROPOSALS).map(|_| post(request())).collect();
		let first: Vec<_> = jobs
			.iter()
			.take(SOLVER_PROPOSALS as usize)
			.map(|job| (*job, fit))
			.collect();
		assert_eq!(round(&pool), first);
		for (job, offer) in first {
			assert_ok!(found(job, offer));
		}
		assert_eq!(round(&pool), vec![(*jobs.last().unwrap(), fit)]);
	});
}

#[test]
fn one_round_does_not_promise_the_same_slot_or_bond_twice() {
	with_worker(|pool| {
		hide(OfferParams { slots: 1, ..at(RATE) });
		let other = OfferParams {
			slots: 1,
			..at(RATE + 1)
		}
		.by(THIRD);
		let jobs = [0, 1, 2].map(|_| post(request()));
		let sent = round(&pool);
		assert_eq!(sent.iter().map(|(job, _)| *job).collect::<Vec<_>>(), jobs[..2]);
		assert_eq!(sent[1].1, other);
	});
}

#[test]
fn a_cheaper_fit_than_what_somebody_proposed_is_found() {
	with_worker(|pool| {
		let (job, fit) = hidden();
		let dear = at(2 * RATE).by(THIRD);
		let job = again(job);
		propose(SOLVER, job, dear);
		assert_eq!(round(&pool), vec![(job, fit)]);
		assert_ok!(found(job, fit));
		assert_eq!(Market::proposal(job).unwrap().solver, None);
	});
}

#[test]
fn other_classes_have_rounds_of_their_own() {
	with_worker(|pool| {
		let platforms: frame_support::BoundedVec<_, _> = vec![Platform::Wasm].try_into().unwrap();
		for n in 0..=MAX_SCAN {
			let creators = CreatorPolicy::Only(
				vec![if n == MAX_SCAN { CREATOR } else { POOR }]
					.try_into()
					.unwrap(),
			);
			let who = [PROVIDER, OTHER, THIRD][n as usize % 3];
			OfferParams {
				creators,
				platforms: platforms.clone(),
				..at(RATE + u128::from(n))
			}
			.by(who);
		}
		let module = "cowsay-wasm:v0.0.1".parse().unwrap();
		let job = post(JobRequest { module, ..request() });
		assert_eq!(round(&pool), vec![(job, OfferId(u64::from(MAX_SCAN)))]);
	});
}

#[test]
fn a_transaction_from_elsewhere_is_refused() {
	with_worker(|_| {
		let (job, fit) = hidden();
		let refused = Err(InvalidTransaction::Call.into());
		assert_eq!(authorize(TransactionSource::External, job, fit), refused);
		for source in [TransactionSource::Local, TransactionSource::InBlock] {
			assert_eq!(authorize(source, job, fit), Ok(()));
		}
	});
}

#[test]
fn a_transaction_is_for_one_job_and_stays_in_its_node() {
	with_worker(|_| {
		let (job, fit) = hidden();
		let call = Call::<Test>::propose_found { job, offer: fit };
		let (valid, unspent) = call.authorize(TransactionSource::Local).unwrap().unwrap();
		assert!(!valid.propagate);
		assert_eq!((valid.priority, valid.longevity), (7, u64::from(SOLVE_WINDOW)));
		assert_eq!(valid.provides.len(), 1);
		assert_eq!(unspent, Weight::zero());
		assert!(call.weight_of_authorize().ref_time() > 0);
		assert!(call.get_dispatch_info().call_weight.ref_time() > 0);
		// Another offer for the same job provides the same, for another job something else.
		let other = at(RATE - 1).by(THIRD);
		let job2 = again(job);
		let tags = |job, offer| {
			let call = Call::<Test>::propose_found { job, offer };
			call.authorize(TransactionSource::Local)
				.unwrap()
				.unwrap()
				.0
				.provides
		};
		assert_eq!(tags(job2, fit), tags(job2, other));
		assert_ne!(tags(job2, fit), valid.provides);
	});
}

#[test]
fn a_transaction_that_would_fail_is_not_let_in() {
	with_worker(|_| {
		let (job, fit) = hidden();
		let stale = Err(InvalidTransaction::Stale.into());
		assert_eq!(authorize(TransactionSource::Local, JobId(9), fit), stale);
		assert_eq!(authorize(TransactionSource::Local, job, OfferId(0)), stale);
		propose(SOLVER, job, fit);
		assert_eq!(authorize(TransactionSource::Local, job, fit), stale);
		System::set_block_number(4);
		assert_eq!(authorize(TransactionSource::Local, job, fit), stale);
		assert_noop!(found(job, fit), Error::<Test>::ProposalDue);
	});
}

#[test]
fn propose_found_fails_when_signed_or_unauthorized() {
	with_worker(|_| {
		let (job, fit) = hidden();
		for origin in [RawOrigin::Signed(SOLVER), RawOrigin::None, RawOrigin::Root] {
			assert_noop!(
				Market::propose_found(origin.into(), job, fit),
				DispatchError::BadOrigin
			);
		}
	});
}
