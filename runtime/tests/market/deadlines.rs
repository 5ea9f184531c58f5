//! Every call that depends on the time: in the last block in which it may come, in the first, and one block off.

use super::chain::*;
use frame_support::assert_ok;
use lilypad_primitives::{BlockNumber, DealId, JobId, JobRequest, OfferId};
use lilypad_runtime::{Runtime, RuntimeCall, System};
use pallet_deals::{Call as D, DealState};
use pallet_market::Call as M;
use sp_runtime::DispatchError;

type MarketError = pallet_market::Error<Runtime>;
type DealsError = pallet_deals::Error<Runtime>;

/// Tries the call, prepared afresh, in each of these blocks.
fn in_blocks(
	prepare: impl Fn() -> (Who, RuntimeCall, BlockNumber),
	cases: &[(i64, Result<(), DispatchError>)],
) {
	for (off, expected) in cases {
		test(|| {
			let (who, inner, block) = prepare();
			let at = i64::from(block) + off;
			go_to(at.try_into().expect("a block"));
			let result = call(who, inner.clone());
			let result = result.map(|_| ()).map_err(|e| e.error);
			assert_eq!(result, *expected, "{inner:?}, {off} blocks off");
		});
	}
}

fn until(prepare: impl Fn() -> (Who, RuntimeCall, BlockNumber), late: impl Into<DispatchError>) {
	let late = late.into();
	in_blocks(
		prepare,
		&[(-1, Ok(())), (0, Ok(())), (1, Err(late)), (1_000, Err(late))],
	);
}

fn early(wait: u16) -> Result<(), DispatchError> {
	Err(DealsError::TooEarly { wait }.into())
}

fn matched() -> DealId {
	offer(PROVIDER, machine(RATE, 1));
	deal_of(post(CREATOR, request())).expect("matched")
}

fn running() -> DealId {
	let deal = matched();
	acknowledge(PROVIDER, deal);
	deal
}

/// A deal with a result, and the blocks from which and until which that can be opened.
fn submitted() -> (DealId, BlockNumber, BlockNumber) {
	let deal = matched();
	run(PROVIDER, deal);
	match pallet_deals::Deals::<Runtime>::get(deal).expect("it lives").state {
		DealState::Submitted {
			draw_at, judge_by, ..
		} => (deal, draw_at, judge_by),
		state => panic!("{state:?}"),
	}
}

fn hidden() -> (JobId, OfferId) {
	let job = post(
		CREATOR,
		JobRequest {
			target: Some(PROVIDER.to_account_id()),
			..request()
		},
	);
	// Posted without a bond, and bonded afterwards: nothing is matched by that, and there is something to propose.
	let offer = pallet_market::NextOfferId::<Runtime>::get();
	let params = machine(RATE, 1);
	assert_ok!(call(PROVIDER, M::post_offer { params }));
	assert_ok!(call(PROVIDER, D::bond { amount: BOND }));
	assert!(waits(job));
	(job, offer)
}

fn match_by(job: JobId) -> BlockNumber {
	match pallet_market::Jobs::<Runtime>::get(job).expect("it waits").state {
		pallet_market::JobState::Open { match_by } => match_by,
		state => panic!("{state:?}"),
	}
}

#[test]
fn answering_a_match() {
	let calls: [fn(DealId) -> D<Runtime>; 4] = [
		|deal| D::acknowledge { deal },
		|deal| D::decline { deal },
		|deal| D::report_unfetchable { deal },
		|deal| D::submit {
			deal,
			seal: Default::default(),
		},
	];
	for make in calls {
		until(
			|| {
				let deal = matched();
				(PROVIDER, make(deal).into(), deadline(deal))
			},
			DealsError::TooLate,
		);
	}
}

#[test]
fn submitting() {
	until(
		|| {
			let deal = running();
			let seal = opening().seal(deal);
			(PROVIDER, D::submit { deal, seal }.into(), deadline(deal))
		},
		DealsError::TooLate,
	);
}

#[test]
fn opening_a_result() {
	let calls: [fn(DealId) -> (Who, RuntimeCall); 2] = [
		|deal| {
			let opening = opening();
			(PROVIDER, D::reveal { deal, opening }.into())
		},
		|deal| {
			let opening = opening();
			(CREATOR, D::accept { deal, opening }.into())
		},
	];
	for make in calls {
		in_blocks(
			|| {
				let (deal, draw_at, _) = submitted();
				let (who, call) = make(deal);
				(who, call, draw_at)
			},
			&[(-2, early(2)), (-1, early(1)), (0, Ok(())), (1, Ok(()))],
		);
		until(
			|| {
				let (deal, _, judge_by) = submitted();
				let (who, call) = make(deal);
				(who, call, judge_by)
			},
			DealsError::TooLate,
		);
	}
}

#[test]
fn expiring_a_deal() {
	let states: [fn() -> DealId; 3] = [matched, running, || submitted().0];
	for state in states {
		in_blocks(
			|| {
				let deal = state();
				(STRANGER, D::expire { deal }.into(), deadline(deal))
			},
			&[(-1, early(2)), (0, early(1)), (1, Ok(())), (100_000, Ok(()))],
		);
	}
}

#[test]
fn cancelling_what_has_lapsed() {
	for state in [matched as fn() -> DealId, running] {
		until(
			|| {
				let deal = state();
				let job = pallet_deals::Deals::<Runtime>::get(deal).expect("it lives").job;
				(CREATOR, M::cancel_job { job }.into(), deadline(deal))
			},
			DealsError::TooLate,
		);
	}
}

#[test]
fn expiring_a_job() {
	in_blocks(
		|| {
			let job = post(CREATOR, request());
			(STRANGER, M::expire_job { job }.into(), match_by(job))
		},
		&[
			(-1, Err(MarketError::NotExpired.into())),
			(0, Err(MarketError::NotExpired.into())),
			(1, Ok(())),
			(100_000, Ok(())),
		],
	);
}

#[test]
fn proposing_a_match() {
	until(
		|| {
			let (job, offer) = hidden();
			(STRANGER, M::propose_match { job, offer }.into(), match_by(job))
		},
		MarketError::JobNotWaiting,
	);
}

#[test]
fn concluding_a_match() {
	let stands: Result<(), DispatchError> = Err(MarketError::ProposalStands.into());
	in_blocks(
		|| {
			let (job, offer) = hidden();
			assert_ok!(call(STRANGER, M::propose_match { job, offer }));
			(
				STRANGER,
				M::conclude_match { job }.into(),
				System::block_number() + 3,
			)
		},
		&[(-3, stands), (-1, stands), (0, Ok(())), (100_000, Ok(()))],
	);
}

#[test]
fn withdrawing_a_bond() {
	let nothing: Result<(), DispatchError> = Err(DealsError::NothingToWithdraw.into());
	let blocks = <Runtime as pallet_deals::Config>::UnbondingBlocks::get();
	in_blocks(
		|| {
			assert_ok!(call(PROVIDER, D::bond { amount: BOND }));
			assert_ok!(call(PROVIDER, D::unbond { amount: BOND }));
			(
				PROVIDER,
				D::withdraw_unbonded {}.into(),
				System::block_number() + blocks,
			)
		},
		&[(-1, nothing), (0, Ok(())), (1, Ok(()))],
	);
}

#[test]
fn reclaiming_a_module() {
	use pallet_modules::{Call as V, Error};
	let delay = <Runtime as pallet_modules::Config>::ReclaimDelay::get();
	let early = |wait| Err(Error::<Runtime>::TooEarly { wait }.into());
	in_blocks(
		|| {
			delist();
			let version = lilypad_primitives::VersionId(0);
			(
				AUTHOR,
				V::reclaim { version }.into(),
				System::block_number() + delay,
			)
		},
		&[
			(-i64::from(delay), early(u16::MAX)),
			(-1, early(1)),
			(0, Ok(())),
			(1, Ok(())),
		],
	);
}
