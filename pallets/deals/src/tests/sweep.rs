use super::*;
use crate::{Pallet, WeightInfo};
use frame_support::{
	traits::Hooks,
	weights::{Weight, WeightMeter},
};
use lilypad_primitives::BlockNumber;

fn look() -> Weight {
	<() as WeightInfo>::sweep_nothing()
}

/// What must be left for the sweeper to settle a deal.
fn step() -> Weight {
	Pallet::<Test>::expire_weight()
}

/// What settling a deal that the provider let down uses.
fn fault() -> Weight {
	<() as WeightInfo>::expire_fault() + ENDED
}

/// What giving a deal a new place in the index uses.
fn moving() -> Weight {
	<() as WeightInfo>::reindex()
}

/// What settling a deal with a revealed result uses.
fn well() -> Weight {
	Pallet::<Test>::settling_well(<() as WeightInfo>::expire_opened())
}

/// Where the index has a deal.
fn place(deal: DealId) -> BlockNumber {
	Deals::<Test>::get(deal).expect("the deal lives").indexed_at
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
		go_to(place(long) + 1);
		assert_eq!(idle(Weight::MAX), look() + moving() + look());
		let short = matched();
		assert!(deadline(short) < deadline(long));
		go_to(deadline(long) + 1);
		idle(look() + step());
		assert!(Deals::<Test>::contains_key(long));
		assert!(!Deals::<Test>::contains_key(short));
	});
}

#[test]
fn a_deadline_that_is_put_off_costs_nothing_until_the_sweeper_comes_by() {
	test(|| {
		let deal = matched();
		let ack_by = deadline(deal);
		let info = DealsPallet::acknowledge(signed(PROVIDER), deal).expect("it is in time");
		assert_eq!(info.actual_weight, Some(<() as WeightInfo>::acknowledge()));
		assert_eq!(place(deal), ack_by);
		go_to(ack_by);
		assert_eq!(idle(Weight::MAX), look());
		pass(1);
		assert_eq!(idle(Weight::MAX), look() + moving() + look());
		assert_eq!(place(deal), deadline(deal));
		assert_ok!(DealsPallet::do_try_state());
		go_to(deadline(deal) + 1);
		assert_eq!(idle(Weight::MAX), look() + fault() + look());
	});
}

#[test]
fn a_deadline_that_is_brought_forward_is_in_the_index_at_once() {
	test(|| {
		// The time to fetch is over sooner than it might have been.
		let job = post_job(terms(PROVIDER), 0).expect("the creator can pay");
		let deal = match_fetching(job, PROVIDER, u64::MAX).expect("it fits");
		let ack_by = deadline(deal);
		let info = DealsPallet::acknowledge(signed(PROVIDER), deal).expect("it is in time");
		assert_eq!(
			info.actual_weight,
			Some(<() as WeightInfo>::acknowledge() + moving())
		);
		assert!(deadline(deal) < ack_by);
		assert_eq!(place(deal), deadline(deal));
		// The result of a long run comes early.
		let long = Terms {
			time_limit: 100 * LIMIT,
			..terms(PROVIDER)
		};
		let job = post_job(long, 0).expect("the creator can pay");
		let deal = match_job(job, PROVIDER).expect("it fits");
		assert_ok!(DealsPallet::acknowledge(signed(PROVIDER), deal));
		go_to(place(deal) + 1);
		idle(Weight::MAX);
		let submit_by = deadline(deal);
		assert_eq!(place(deal), submit_by);
		let info = DealsPallet::submit(signed(PROVIDER), deal, Seal([1; 32])).expect("it is in time");
		assert_eq!(info.actual_weight, Some(<() as WeightInfo>::submit() + moving()));
		assert!(deadline(deal) < submit_by);
		assert_eq!(place(deal), deadline(deal));
	});
}

#[test]
fn the_sweeper_is_not_held_up_by_a_deal_that_it_can_not_settle() {
	test(|| {
		let deal = matched();
		// An entry without a deal: expiring it fails.
		let broken = DueKey::new(1, DealId(99));
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
