use super::*;

#[test]
fn report_unfetchable_works() {
	test(|| {
		let before = balances();
		let deal = matched();
		System::reset_events();
		assert_ok!(DealsPallet::report_unfetchable(signed(PROVIDER), deal));
		assert_changed(&before, &[(CREATOR, minus(BUDGET), plus(BUDGET))]);
		let outcome = Outcome::Unfetchable { again: false };
		assert_eq!(events(), [settled(deal, JobId(0), outcome, &[])]);
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome,
			result: None,
			cost: 0,
		});
		withdraw_job(JobId(0));
		assert_changed(&before, &[]);
	});
}

#[test]
fn the_second_report_ends_the_job_and_costs_the_creator_a_fee() {
	test(|| {
		assert_ok!(DealsPallet::bond(signed(OTHER), BOND));
		let before = balances();
		let job = post_job(terms(PROVIDER), 3).expect("the creator can pay");
		let first = match_job(job, PROVIDER).expect("it fits");
		assert_ok!(DealsPallet::report_unfetchable(signed(PROVIDER), first));
		assert_eq!(held(HoldReason::JobBudget, CREATOR), BUDGET);
		let second = match_job(job, OTHER).expect("it fits");
		System::reset_events();
		assert_ok!(DealsPallet::report_unfetchable(signed(OTHER), second));
		assert_changed(
			&before,
			&[(CREATOR, minus(LP / 50), 0), (TREASURY, plus(LP / 50), 0)],
		);
		let outcome = Outcome::Unfetchable { again: true };
		assert_eq!(
			events(),
			[settled(
				second,
				job,
				outcome,
				&[(Purse::Budget, Party::Treasury, LP / 50)]
			)]
		);
		assert_told(Told::Settled {
			job,
			deal: second,
			outcome,
			result: None,
			cost: LP / 50,
		});
		assert_eq!(Jobs::get(job), None);
	});
}

#[test]
fn report_unfetchable_boundary_of_the_deadline() {
	test(|| {
		let (first, second) = (matched(), matched());
		pass(ACK);
		assert_ok!(DealsPallet::report_unfetchable(signed(PROVIDER), first));
		pass(1);
		assert_noop!(
			DealsPallet::report_unfetchable(signed(PROVIDER), second),
			Error::<Test>::TooLate
		);
	});
}

#[test]
fn report_unfetchable_fails_when_acknowledged() {
	test(|| {
		let deal = running();
		assert_noop!(
			DealsPallet::report_unfetchable(signed(PROVIDER), deal),
			Error::<Test>::AlreadyAcknowledged
		);
	});
}

#[test]
fn report_unfetchable_fails_when_it_is_another_account() {
	test(|| {
		let deal = matched();
		assert_noop!(
			DealsPallet::report_unfetchable(signed(OTHER), deal),
			Error::<Test>::NotProvider
		);
	});
}
