//! Matches that the chain's bounded search missed, with real money and real transactions.

use super::{chain::*, signed::transact};
use codec::Encode;
use frame_support::assert_ok;
use frame_system::offchain::CreateAuthorizedTransaction;
use lilypad_primitives::{CreatorPolicy, JobId, JobRequest, OfferId, LP};
use lilypad_runtime::{Executive, Runtime, RuntimeCall, System};
use pallet_market::{Call, OfferParams};
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionSource};

const TIP: u128 = LP / 100;
const WINDOW: u32 = 3;

/// As many cheap offers as a search looks at, which serve nobody here, and behind them one that fits.
fn hidden() -> (JobId, OfferId) {
	for who in [Who::Dave, STRANGER] {
		for _ in 0..16 {
			let nobody = vec![[9; 32].into()].try_into().expect("one");
			offer(
				who,
				OfferParams {
					creators: CreatorPolicy::Only(nobody),
					..machine(RATE / 2, 1)
				},
			);
		}
	}
	let fit = offer(PROVIDER, machine(RATE, 1));
	let job = post(
		CREATOR,
		JobRequest {
			tip: TIP,
			..request()
		},
	);
	assert!(waits(job), "the search misses it");
	(job, fit)
}

#[test]
fn a_solver_earns_the_tip_of_the_job_that_it_found_an_offer_for() {
	test(|| {
		let (job, offer) = hidden();
		let before = picture();
		assert_ok!(call(SECOND, Call::propose_match { job, offer }));
		pass(WINDOW);
		idle();
		let deal = deal_of(job).expect("the sweeper has made it the deal");
		run(PROVIDER, deal);
		accept(CREATOR, deal);
		before.assert_changed(&[
			("author", plus(FEE), 0),
			(
				"creator",
				plus(BUDGET) - plus(3 * RATE + FEE + LEVY + TIP),
				minus(BUDGET),
			),
			("provider", plus(3 * RATE), 0),
			("second", plus(TIP), 0),
			("pool", plus(LEVY), 0),
		]);
	});
}

#[test]
fn the_nodes_own_solver_finds_it_for_nothing() {
	test(|| {
		let (job, offer) = hidden();
		let before = picture();
		let call: RuntimeCall = Call::propose_found { job, offer }.into();
		let make = || -> lilypad_runtime::UncheckedExtrinsic {
			<Runtime as CreateAuthorizedTransaction<Call<Runtime>>>::create_authorized_transaction(
				call.clone(),
			)
		};
		let hash = System::block_hash(0);
		let validate = |source| Executive::validate_transaction(source, make(), hash);
		assert_eq!(
			validate(TransactionSource::External),
			Err(InvalidTransaction::Call.into())
		);
		let valid = validate(TransactionSource::Local).expect("its own node takes it");
		assert!(!valid.propagate);
		assert_eq!(valid.provides.len(), 1);
		assert!(valid.priority < <Runtime as pallet_feeless::Config>::Priority::get());

		assert!(make().encoded_size() < 100);
		assert_eq!(Executive::apply_extrinsic(make()), Ok(Ok(())));
		assert_eq!(
			Executive::apply_extrinsic(make()),
			Err(InvalidTransaction::Stale.into())
		);
		before.assert_changed(&[]);

		pass(WINDOW);
		assert_eq!(transact(STRANGER, Call::conclude_match { job }), Ok(Ok(())));
		let before = picture();
		let deal = deal_of(job).expect("concluded");
		run(PROVIDER, deal);
		accept(CREATOR, deal);
		// The tip is the creator's again.
		before.assert_changed(&[
			("author", plus(FEE), 0),
			(
				"creator",
				plus(BUDGET) - plus(3 * RATE + FEE + LEVY),
				minus(BUDGET),
			),
			("provider", plus(3 * RATE), 0),
			("pool", plus(LEVY), 0),
		]);
	});
}

#[test]
fn what_a_solver_found_stands_below_what_is_entitled_and_above_what_does_not_tip() {
	use lilypad_runtime::RuntimeBlockWeights;
	let solver = <Runtime as pallet_market::Config>::SolverPriority::get();
	assert!(solver > RuntimeBlockWeights::get().max_block.ref_time());
	assert!(solver < <Runtime as pallet_feeless::Config>::Priority::get());
}
