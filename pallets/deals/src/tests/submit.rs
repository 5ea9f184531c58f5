use super::*;

fn elapsed(deal: DealId) -> u64 {
	match Deals::<Test>::get(deal).expect("the deal lives").state {
		DealState::Submitted { elapsed, .. } => elapsed,
		state => panic!("not submitted: {state:?}"),
	}
}

#[test]
fn submit_works() {
	test(|| {
		let deal = running();
		pass(3);
		System::reset_events();
		let before = balances();
		let seal = opening().seal(deal);
		assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, seal));
		assert_changed(&before, &[]);
		let (draw_at, judge_by) = (13 + DRAW, 13 + DRAW + JUDGE);
		assert_eq!(
			events(),
			[Event::Submitted {
				deal,
				seal,
				draw_at,
				judge_by
			}]
		);
		let state = DealState::Submitted {
			seal,
			elapsed: 8000,
			draw_at,
			judge_by,
			opened: None,
			cleared: false,
			challenged: false,
		};
		assert_eq!(Deals::<Test>::get(deal).map(|d| d.state), Some(state));
	});
}

#[test]
fn submit_frees_the_capacity_at_once_and_only_once() {
	test(|| {
		let deal = submitted();
		assert_eq!(Record::get(), [Told::RunEnded(JobId(0))]);
		pass(DRAW);
		assert_ok!(DealsPallet::accept(signed(CREATOR), deal, opening()));
		assert_eq!(
			Record::get()
				.iter()
				.filter(|told| matches!(told, Told::RunEnded(_)))
				.count(),
			1
		);
	});
}

#[test]
fn submit_also_acknowledges() {
	test(|| {
		let deal = matched();
		pass(ACK);
		assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, Seal([1; 32])));
		assert_eq!(elapsed(deal), MILLIS_PER_BLOCK);
	});
}

#[test]
fn submit_without_acknowledging_boundary_of_the_deadline() {
	test(|| {
		let deal = matched();
		pass(ACK + 1);
		assert_noop!(
			DealsPallet::submit(signed(PROVIDER), deal, Seal([1; 32])),
			Error::<Test>::TooLate
		);
	});
}

#[test]
fn submit_boundary_of_the_deadline() {
	for (late, in_time) in [(0, true), (1, false)] {
		test(|| {
			let deal = running();
			go_to(deadline(deal) + late);
			if in_time {
				assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, Seal([1; 32])));
			} else {
				assert_noop!(
					DealsPallet::submit(signed(PROVIDER), deal, Seal([1; 32])),
					Error::<Test>::TooLate
				);
			}
		});
	}
}

#[test]
fn elapsed_is_chain_time_and_a_block_more() {
	test(|| {
		let deal = running();
		assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, Seal([1; 32])));
		assert_eq!(elapsed(deal), MILLIS_PER_BLOCK);
		let deal = running();
		pass(1);
		// Slots without a block make the chain's time run ahead of its blocks.
		Delay::set(7_000);
		assert_ok!(DealsPallet::submit(signed(PROVIDER), deal, Seal([1; 32])));
		assert_eq!(elapsed(deal), 11_000);
	});
}

#[test]
fn submit_fails_when_repeated() {
	test(|| {
		let deal = submitted();
		assert_noop!(
			DealsPallet::submit(signed(PROVIDER), deal, Seal([2; 32])),
			Error::<Test>::AlreadySubmitted
		);
	});
}

#[test]
fn submit_fails_when_it_is_another_account() {
	test(|| {
		let deal = running();
		assert_noop!(
			DealsPallet::submit(signed(OTHER), deal, Seal([2; 32])),
			Error::<Test>::NotProvider
		);
		assert_noop!(
			DealsPallet::submit(signed(OTHER), DealId(77), Seal([2; 32])),
			Error::<Test>::UnknownDeal
		);
	});
}
