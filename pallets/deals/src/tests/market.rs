//! What the market asks for: holds, and new deals.

use super::*;
use sp_runtime::TokenError;

type Seam = DealsPallet;

fn open(terms: Terms<AccountId>, fetch_bytes: u64) -> Result<DealId, sp_runtime::DispatchError> {
	let job = JobId(NextJob::get().saturating_sub(1));
	let deal = <Seam as DealsSeam<_>>::open(job, OFFER, terms.clone(), fetch_bytes)?;
	Jobs::mutate(job, |record| {
		let record = record.as_mut().expect("it was posted");
		(record.deal, record.running) = (Some(deal), true);
		record.terms = terms;
	});
	Ok(deal)
}

#[test]
fn a_budget_is_held_and_given_back() {
	test(|| {
		let before = balances();
		assert_ok!(Seam::hold_budget(&CREATOR, BUDGET));
		assert_ok!(Seam::hold_budget(&CREATOR, LP));
		assert_changed(&before, &[(CREATOR, minus(BUDGET + LP), plus(BUDGET + LP))]);
		Seam::release_budget(&CREATOR, BUDGET);
		assert_changed(&before, &[(CREATOR, minus(LP), plus(LP))]);
		Seam::release_budget(&CREATOR, LP);
		assert_changed(&before, &[]);
	});
}

#[test]
fn a_deposit_is_held_and_given_back() {
	test(|| {
		let before = balances();
		assert_ok!(Seam::hold_deposit(&OTHER, LP));
		assert_changed(&before, &[(OTHER, minus(LP), plus(LP))]);
		assert_eq!(
			(Deposits::<Test>::get(OTHER), held(HoldReason::Deposit, OTHER)),
			(LP, LP)
		);
		Kept::insert(OTHER, LP);
		assert_ok!(DealsPallet::do_try_state());
		Kept::remove(OTHER);
		Seam::release_deposit(&OTHER, LP);
		assert_changed(&before, &[]);
		assert!(!Deposits::<Test>::contains_key(OTHER));
	});
}

#[test]
fn a_hold_fails_when_the_account_has_too_little() {
	test(|| {
		let too_much = ENDOWMENT - ED + 1;
		assert_noop!(
			Seam::hold_budget(&CREATOR, too_much),
			TokenError::FundsUnavailable
		);
		assert_noop!(
			Seam::hold_deposit(&CREATOR, too_much),
			TokenError::FundsUnavailable
		);
		assert_noop!(Seam::hold_budget(&NOBODY, 1), TokenError::FundsUnavailable);
		assert_ok!(Seam::hold_budget(&CREATOR, too_much - 1));
		Seam::release_budget(&CREATOR, too_much - 1);
	});
}

#[test]
fn open_works() {
	test(|| {
		assert_ok!(post_job(terms(PROVIDER), 0));
		System::reset_events();
		let deal = open(terms(PROVIDER), 0).expect("the bond suffices");
		assert_eq!(deal, DealId(0));
		let ack_by = 10 + ACK;
		assert_eq!(
			events(),
			[Event::DealOpened {
				deal,
				job: JobId(0),
				offer: OFFER,
				creator: CREATOR,
				provider: PROVIDER,
				cap: CAP,
				collateral: COLLATERAL,
				ack_by
			}]
		);
		assert_eq!(Seam::free_bond(&PROVIDER), BOND - COLLATERAL);
		assert!(Lapses::<Test>::contains_key(DueKey::new(ack_by, deal)));
		assert_eq!(crate::Pallet::<Test>::terms(deal), Some(terms(PROVIDER)));
		assert_eq!(crate::Pallet::<Test>::deal(deal).map(|d| d.matched_at), Some(10));
		assert_eq!(
			crate::Pallet::<Test>::bond_of(PROVIDER).map(|b| b.committed),
			Some(COLLATERAL)
		);
	});
}

#[test]
fn fetching_extends_the_time_to_acknowledge_up_to_a_bound() {
	test(|| {
		mint(PROVIDER, 10_000 * LP);
		assert_ok!(DealsPallet::bond(signed(PROVIDER), 9_000 * LP));
		let rows = [
			(0, 0),
			(1, 1),
			(FETCH_BYTES, 1),
			(FETCH_BYTES + 1, 2),
			(9 * FETCH_BYTES, 9),
			(u64::MAX, MAX_FETCH),
		];
		for (bytes, more) in rows {
			assert_ok!(post_job(terms(PROVIDER), 0));
			let deal = open(terms(PROVIDER), bytes).expect("the bond suffices");
			assert_eq!(deadline(deal), 10 + ACK + more, "{bytes} bytes");
			assert_eq!(Seam::run_blocks(LIMIT, bytes), ACK + more + 5 + MARGIN);
		}
	});
}

#[test]
fn the_longest_run_is_as_long_as_promised() {
	test(|| {
		let deal = matched();
		let promised = System::block_number() + Seam::run_blocks(LIMIT, 0);
		go_to(deadline(deal));
		assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
		assert_eq!(deadline(deal), promised);
	});
}

#[test]
fn open_boundary_of_the_free_bond() {
	test(|| {
		assert_ok!(post_job(terms(PROVIDER), 0));
		let with = |collateral| Terms {
			collateral,
			..terms(PROVIDER)
		};
		assert_noop!(open(with(BOND + 1), 0), Error::<Test>::CollateralUnavailable);
		assert_noop!(open(terms(OTHER), 0), Error::<Test>::CollateralUnavailable);
		assert_ok!(open(with(BOND), 0));
		assert_eq!(Seam::free_bond(&PROVIDER), 0);
		assert_eq!(Seam::free_bond(&OTHER), 0);
	});
}

#[test]
fn open_fails_when_the_ids_are_used_up() {
	test(|| {
		NextDealId::<Test>::put(DealId(u64::MAX));
		assert_noop!(open(terms(PROVIDER), 0), Error::<Test>::IdsExhausted);
	});
}

#[test]
fn one_deal_can_not_drain_another() {
	test(|| {
		let (first, second) = (matched(), matched());
		go_to(deadline(first) + 1);
		assert_ok!(DealsPallet::expire(signed(OTHER), first));
		assert_eq!(held(HoldReason::JobBudget, CREATOR), BUDGET);
		assert_eq!(committed(PROVIDER), COLLATERAL);
		assert_ok!(DealsPallet::expire(signed(OTHER), second));
		assert_eq!(
			(held(HoldReason::JobBudget, CREATOR), committed(PROVIDER)),
			(0, 0)
		);
	});
}
