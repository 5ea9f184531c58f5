//! `on_idle`: nothing depends on it, and it does what anybody may.

use super::*;
use frame_support::{traits::Hooks, weights::Weight};

fn idle() -> Weight {
	<Mediation as Hooks<_>>::on_idle(System::block_number(), Weight::MAX)
}

/// So many cases, opened in one block.
fn many(count: usize) -> Vec<DealId> {
	let deals: Vec<_> = (0..count).map(|_| submitted()).collect();
	pass(DRAW + 1);
	for deal in &deals {
		assert_ok!(Deals::challenge(signed(CREATOR), *deal, Reason::WrongResult));
	}
	deals
}

#[test]
fn the_sweeper_draws_and_expires_in_due_time() {
	test(|| {
		mediators(MEDIATORS, 1);
		let deals = [challenged(), challenged(), challenged()];
		let Stage::Drawing { draw_at, .. } = stage(deals[2]) else {
			panic!("the case waits for a draw");
		};
		go_to(draw_at - 1);
		idle();
		assert!(matches!(stage(deals[2]), Stage::Drawing { .. }));
		go_to(draw_at);
		idle();
		for deal in deals {
			let Stage::Committing { .. } = stage(deal) else {
				panic!("the sweeper draws");
			};
		}
		let Stage::Committing { by } = stage(deals[2]) else {
			panic!("the sweeper draws");
		};
		go_to(by + 1);
		idle();
		assert!(deals
			.iter()
			.all(|deal| matches!(stage(*deal), Stage::Drawing { .. })));
	});
}

#[test]
fn the_sweeper_ends_every_case_in_the_end() {
	test(|| {
		mediators(MEDIATORS, 1);
		many(12);
		for _ in 0..500 {
			pass(1);
			idle();
		}
		assert_eq!(Cases::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn the_sweeper_keeps_within_its_weight_and_number() {
	test(|| {
		mediators(MEDIATORS, 1);
		many(12);
		pass(DRAW + 1);
		assert_eq!(
			<Mediation as Hooks<_>>::on_idle(System::block_number(), Weight::zero()),
			Weight::zero()
		);
		let drawn = || {
			Cases::<Test>::iter_keys()
				.filter(|deal| matches!(stage(*deal), Stage::Committing { .. }))
				.count()
		};
		assert_eq!(drawn(), 0);
		idle();
		assert_eq!(drawn(), 8);
		idle();
		assert_eq!(drawn(), 12);
	});
}

#[test]
fn the_sweeper_leaves_a_case_behind_that_it_cannot_move() {
	test(|| {
		mediators(MEDIATORS, 1);
		let (stuck, fine) = (challenged(), challenged());
		go_to(System::block_number() + DRAW + 1);
		// What can't happen: the index says that something is due which isn't.
		Cases::<Test>::mutate(stuck, |case| {
			case.as_mut().expect("open").stage = Stage::Committing { by: 1_000_000 };
		});
		idle();
		assert!(matches!(stage(fine), Stage::Committing { .. }));
		// Repair it for the invariants.
		Due::<Test>::iter_keys()
			.filter(|key| key.deal() == stuck)
			.collect::<Vec<_>>()
			.into_iter()
			.for_each(Due::<Test>::remove);
		Due::<Test>::insert(DueKey::new(1_000_001, stuck), ());
		check();
	});
}
