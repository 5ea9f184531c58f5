use super::*;
use crate::{Pallet, WeightInfo};
use frame_support::{
	traits::Hooks,
	weights::{Weight, WeightMeter},
};

fn look() -> Weight {
	<() as WeightInfo>::sweep_nothing()
}

/// What must be left for the sweeper to settle a deal.
fn step() -> Weight {
	Pallet::<Test>::expire_weight()
}

/// What settling a deal that the provider let down uses.
fn fault() -> Weight {
	Pallet::<Test>::settling(<() as WeightInfo>::expire_fault())
}

/// What settling a deal with a revealed result uses.
fn well() -> Weight {
	Pallet::<Test>::settling_well(<() as WeightInfo>::expire_opened())
}

fn idle(weight: Weight) -> Weight {
	DealsPallet::on_idle(System::block_number(), weight)
}

#[test]
fn the_sweeper_settles_what_has_lapsed_and_nothing_else() {
	test(|| {
		let first = matched();
		pass(1);
		let second = matched();
		go_to(deadline(first));
		assert_eq!(idle(Weight::MAX), look());
		assert!(Deals::<Test>::contains_key(first));
		pass(1);
		assert_eq!(idle(Weight::MAX), look() + fault() + look());
		assert!(!Deals::<Test>::contains_key(first));
		assert!(Deals::<Test>::contains_key(second));
	});
}

#[test]
fn the_sweeper_boundary_of_the_weight() {
	test(|| {
		let (first, second) = (matched(), matched());
		pass(ACK + 1);
		assert_eq!(idle(Weight::zero()), Weight::zero());
		let almost = look() + step() - Weight::from_parts(1, 0);
		assert_eq!(idle(almost), look());
		assert!(Deals::<Test>::contains_key(first));
		// What a fault weighs less than the most that a step can is enough for another look, and not for another step.
		assert_eq!(idle(look() + step()), look() + fault() + look());
		assert!(!Deals::<Test>::contains_key(first));
		assert!(Deals::<Test>::contains_key(second));
	});
}

#[test]
fn the_sweeper_goes_by_deadline_and_not_by_age() {
	test(|| {
		let long = running();
		let short = matched();
		go_to(deadline(long) + 1);
		idle(look() + step());
		assert!(Deals::<Test>::contains_key(long));
		assert!(!Deals::<Test>::contains_key(short));
	});
}

#[test]
fn the_sweeper_is_not_held_up_by_a_deal_that_it_can_not_settle() {
	test(|| {
		let deal = matched();
		// An entry without a deal: expiring it fails.
		let broken = LapseKey::new(1, DealId(99));
		Lapses::<Test>::insert(broken, ());
		pass(ACK + 1);
		idle(look() + step());
		assert_eq!(SweepCursor::<Test>::get(), Some(broken));
		assert!(Deals::<Test>::contains_key(deal));
		idle(look() + step());
		assert!(!Deals::<Test>::contains_key(deal));
		// At the end it starts again.
		idle(look());
		assert_eq!(SweepCursor::<Test>::get(), None);
		Lapses::<Test>::remove(broken);
	});
}

#[test]
fn the_sweeper_may_be_told_to_settle_everything_in_one_block() {
	test(|| {
		let deals = [matched(), running()];
		pass(100);
		let mut meter = WeightMeter::new();
		Pallet::<Test>::sweep(&mut meter);
		assert!(deals.iter().all(|deal| !Deals::<Test>::contains_key(deal)));
		assert_eq!(Lapses::<Test>::iter_keys().count(), 0);
	});
}

#[test]
fn settling_is_charged_by_what_it_was() {
	test(|| {
		assert!(well().any_lt(fault()));
		let first = revealed();
		go_to(deadline(first) + 1);
		assert_eq!(idle(Weight::MAX), look() + well() + look());
		let second = revealed();
		let third = matched();
		go_to(deadline(second) + 1);
		let used = |deal| {
			DealsPallet::expire(signed(OTHER), deal)
				.expect("lapsed")
				.actual_weight
		};
		assert_eq!(used(second), Some(well()));
		assert_eq!(used(third), Some(fault()));
	});
}
