use super::*;

/// The fine of a provider that let a deal of the standard terms down: levy, half the cap to the creator, the rest.
const TIMED_OUT: [(Purse, Party, u128); 3] = [
	(Purse::Collateral, Party::AuditPool, LEVY),
	(Purse::Collateral, Party::Creator, CAP / 2),
	(Purse::Collateral, Party::Treasury, CAP / 2 - LEVY),
];

/// Expiring fails until the deadline has passed, names the wait, and works in the block after it.
#[track_caller]
fn expire_at_the_boundary(deal: DealId) {
	let last = deadline(deal);
	go_to(last - 1);
	assert_noop!(
		DealsPallet::expire(signed(OTHER), deal),
		Error::<Test>::TooEarly { wait: 2 }
	);
	go_to(last);
	assert_noop!(
		DealsPallet::expire(signed(OTHER), deal),
		Error::<Test>::TooEarly { wait: 1 }
	);
	go_to(last + 1);
	System::reset_events();
	assert_ok!(DealsPallet::expire(signed(OTHER), deal));
	assert_noop!(
		DealsPallet::expire(signed(OTHER), deal),
		Error::<Test>::UnknownDeal
	);
	assert_eq!(committed(PROVIDER), 0);
}

#[test]
fn a_deal_that_is_not_acknowledged_is_a_no_show() {
	test(|| {
		let before = balances();
		let deal = matched();
		expire_at_the_boundary(deal);
		assert_changed(
			&before,
			&[(PROVIDER, 0, minus(LP / 10)), (TREASURY, plus(LP / 10), 0)],
		);
		let moves = [(Purse::Collateral, Party::Treasury, LP / 10)];
		assert_eq!(events(), [settled(deal, JobId(0), Outcome::NoShow, &moves)]);
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome: Outcome::NoShow,
			result: None,
			cost: 0,
		});
	});
}

#[test]
fn a_deal_without_a_result_times_out() {
	test(|| {
		let before = balances();
		let deal = running();
		expire_at_the_boundary(deal);
		assert_changed(
			&before,
			&[
				(CREATOR, plus(CAP / 2), 0),
				(PROVIDER, 0, minus(CAP)),
				(TREASURY, plus(CAP / 2 - LEVY), 0),
				(POOL, plus(LEVY), 0),
			],
		);
		assert_eq!(events(), [settled(deal, JobId(0), Outcome::TimedOut, &TIMED_OUT)]);
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome: Outcome::TimedOut,
			result: None,
			cost: 0,
		});
	});
}

#[test]
fn a_result_that_is_withheld_times_out() {
	test(|| {
		let before = balances();
		let deal = submitted();
		expire_at_the_boundary(deal);
		assert_changed(
			&before,
			&[
				(CREATOR, plus(CAP / 2), 0),
				(PROVIDER, 0, minus(CAP)),
				(TREASURY, plus(CAP / 2 - LEVY), 0),
				(POOL, plus(LEVY), 0),
			],
		);
		assert_eq!(events(), [settled(deal, JobId(0), Outcome::TimedOut, &TIMED_OUT)]);
	});
}

#[test]
fn a_revealed_result_is_paid_although_the_creator_stays_silent() {
	test(|| {
		let before = balances();
		let deal = revealed();
		expire_at_the_boundary(deal);
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
		let cost = 3 * LP + FEE + LEVY + TIP;
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome,
			result: Some(opening().triple),
			cost,
		});
	});
}

#[test]
fn a_submitted_result_is_not_lost_to_the_deadline_for_submitting() {
	test(|| {
		let deal = running();
		go_to(deadline(deal));
		assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, opening().seal(deal)));
		pass(1);
		let wait = (DRAW + JUDGE) as u16;
		assert_noop!(
			DealsPallet::expire(signed(OTHER), deal),
			Error::<Test>::TooEarly { wait }
		);
	});
}

#[test]
fn expire_keeps_the_budget_of_a_job_that_is_queued_again() {
	test(|| {
		let job = post_job(terms(PROVIDER), 2).expect("the creator can pay");
		for left in [1, 0] {
			let deal = match_job(job, PROVIDER).expect("it fits");
			assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
			go_to(deadline(deal) + 1);
			assert_ok!(DealsPallet::expire(signed(OTHER), deal));
			assert_eq!(Jobs::get(job).expect("queued again").retries, left);
			assert_eq!(held(HoldReason::JobBudget, CREATOR), BUDGET);
		}
		let deal = match_job(job, PROVIDER).expect("it fits");
		go_to(deadline(deal) + 1);
		assert_ok!(DealsPallet::expire(signed(OTHER), deal));
		assert_eq!(Jobs::get(job), None);
		assert_eq!(held(HoldReason::JobBudget, CREATOR), 0);
	});
}

#[test]
fn expire_names_at_most_the_longest_wait_that_fits() {
	test(|| {
		let deal = matched_with(Terms {
			time_limit: 1_000_000_000,
			..terms(PROVIDER)
		});
		assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
		assert_noop!(
			DealsPallet::expire(signed(OTHER), deal),
			Error::<Test>::TooEarly { wait: u16::MAX }
		);
	});
}
