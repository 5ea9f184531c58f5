use super::*;

#[test]
fn cancel_before_the_acknowledgement_costs_the_fee() {
	test(|| {
		let before = balances();
		let deal = matched();
		System::reset_events();
		assert_ok!(<DealsPallet as DealsSeam<_>>::cancel(deal));
		assert_changed(
			&before,
			&[(CREATOR, minus(LP / 50), 0), (TREASURY, plus(LP / 50), 0)],
		);
		let outcome = Outcome::CancelledBeforeAck;
		assert_eq!(
			events(),
			[settled(
				deal,
				JobId(0),
				outcome,
				&[(Purse::Budget, Party::Treasury, LP / 50)]
			)]
		);
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome,
			result: None,
			cost: LP / 50,
		});
	});
}

#[test]
fn cancel_while_running_pays_for_the_time_since_the_acknowledgement() {
	test(|| {
		let before = balances();
		let deal = running();
		pass(2);
		assert_ok!(<DealsPallet as DealsSeam<_>>::cancel(deal));
		assert_changed(
			&before,
			&[
				(CREATOR, minus(4 * LP + LEVY), 0),
				(PROVIDER, plus(4 * LP), 0),
				(POOL, plus(LEVY), 0),
			],
		);
		let outcome = Outcome::CancelledRunning { elapsed: 4_000 };
		assert_told(Told::Settled {
			job: JobId(0),
			deal,
			outcome,
			result: None,
			cost: 4 * LP + LEVY,
		});
	});
}

#[test]
fn cancel_while_running_pays_at_most_the_cap() {
	test(|| {
		let before = balances();
		let deal = running();
		go_to(deadline(deal));
		assert_ok!(<DealsPallet as DealsSeam<_>>::cancel(deal));
		assert_changed(
			&before,
			&[
				(CREATOR, minus(CAP + LEVY), 0),
				(PROVIDER, plus(CAP), 0),
				(POOL, plus(LEVY), 0),
			],
		);
	});
}

#[test]
fn cancel_fails_when_a_result_is_submitted() {
	test(|| {
		let deal = submitted();
		assert_noop!(
			<DealsPallet as DealsSeam<_>>::cancel(deal),
			Error::<Test>::AlreadySubmitted
		);
	});
}

#[test]
fn cancel_boundary_of_the_deadline() {
	for make in [matched, running] {
		for (late, in_time) in [(0, true), (1, false)] {
			test(|| {
				let deal = make();
				go_to(deadline(deal) + late);
				if in_time {
					assert_ok!(<DealsPallet as DealsSeam<_>>::cancel(deal));
				} else {
					assert_noop!(
						<DealsPallet as DealsSeam<_>>::cancel(deal),
						Error::<Test>::TooLate
					);
				}
			});
		}
	}
}

#[test]
fn cancel_fails_when_there_is_no_such_deal() {
	test(|| {
		assert_noop!(
			<DealsPallet as DealsSeam<_>>::cancel(DealId(5)),
			Error::<Test>::UnknownDeal
		);
	});
}
