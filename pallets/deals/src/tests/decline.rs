use super::*;

const MOVES: [(Purse, Party, u128); 1] = [(Purse::Collateral, Party::Treasury, LP / 10)];

#[test]
fn decline_works() {
	test(|| {
		let before = balances();
		let deal = matched();
		System::reset_events();
		assert_ok!(DealsPallet::decline(signed(PROVIDER), deal));
		assert_changed(
			&before,
			&[(PROVIDER, 0, minus(LP / 10)), (TREASURY, plus(LP / 10), 0)],
		);
		assert_eq!(events(), [settled(deal, JobId(0), Outcome::Declined, &MOVES)]);
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome: Outcome::Declined,
			result: None,
			cost: 0,
		});
		assert_eq!(Deals::<Test>::get(deal), None);
		assert_eq!(committed(PROVIDER), 0);
	});
}

#[test]
fn decline_keeps_the_budget_of_a_job_that_is_queued_again() {
	test(|| {
		let job = post_job(terms(PROVIDER), 1).expect("the creator can pay");
		let deal = match_job(job, PROVIDER).expect("it fits");
		let before = balances();
		assert_ok!(DealsPallet::decline(signed(PROVIDER), deal));
		assert_changed(
			&before,
			&[(PROVIDER, 0, minus(LP / 10)), (TREASURY, plus(LP / 10), 0)],
		);
		assert_eq!(held(HoldReason::JobBudget, CREATOR), BUDGET);
		withdraw_job(job);
		assert_eq!(held(HoldReason::JobBudget, CREATOR), 0);
	});
}

#[test]
fn decline_boundary_of_the_deadline() {
	test(|| {
		let (first, second) = (matched(), matched());
		pass(ACK);
		assert_ok!(DealsPallet::decline(signed(PROVIDER), first));
		pass(1);
		assert_noop!(
			DealsPallet::decline(signed(PROVIDER), second),
			Error::<Test>::TooLate
		);
	});
}

#[test]
fn decline_fails_when_acknowledged() {
	test(|| {
		let deal = running();
		assert_noop!(
			DealsPallet::decline(signed(PROVIDER), deal),
			Error::<Test>::AlreadyAcknowledged
		);
	});
}

#[test]
fn decline_fails_when_it_is_another_account() {
	test(|| {
		let deal = matched();
		assert_noop!(
			DealsPallet::decline(signed(CREATOR), deal),
			Error::<Test>::NotProvider
		);
	});
}

#[test]
fn decline_may_lead_to_another_deal_with_the_same_bond_at_once() {
	test(|| {
		let job = post_job(terms(PROVIDER), 1).expect("the creator can pay");
		let deal = match_job(job, PROVIDER).expect("it fits");
		// Only just enough for one deal: the old collateral must be free before the market is told.
		assert_ok!(DealsPallet::unbond(signed(PROVIDER), BOND - COLLATERAL - LP / 10));
		Bonds::<Test>::mutate(PROVIDER, |b| {
			b.as_mut().expect("bonded").unbonding[0].amount -= LP / 10
		});
		Rematch::set(Some(PROVIDER));
		assert_ok!(DealsPallet::decline(signed(PROVIDER), deal));
		let next = Jobs::get(job).expect("queued again").deal.expect("matched again");
		assert_ne!(next, deal);
		assert_eq!(committed(PROVIDER), COLLATERAL);
		assert_eq!(DealsPallet::free_bond(&PROVIDER), LP / 10);
	});
}
