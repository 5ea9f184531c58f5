//! What mediation may do about an author whose promise was proven false.

use crate::mock::*;
use frame_support::assert_ok;
use lilypad_primitives::{traits::Modules as Registry, Balance, VersionId};

/// Has no balance.
const NOBODY: AccountId = 9;
const COWSAY: VersionId = VersionId(0);

fn bond() -> Balance {
	<Modules as Registry<_>>::version(COWSAY)
		.expect("registered")
		.bond
}

#[test]
fn slash_author_works() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		let (alice, bob) = (Balances::free_balance(ALICE), Balances::free_balance(BOB));
		assert_eq!(Modules::slash_author(COWSAY, &BOB, BOND / 4), BOND / 4);
		System::assert_last_event(
			crate::Event::AuthorSlashed {
				version: COWSAY,
				to: BOB,
				amount: BOND / 4,
			}
			.into(),
		);
		assert_eq!(bond(), BOND - BOND / 4);
		assert_eq!(Balances::free_balance(ALICE), alice);
		assert_eq!(Balances::free_balance(BOB), bob + BOND / 4);
	});
}

#[test]
fn slash_author_boundary_of_the_bond() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		assert_eq!(Modules::slash_author(COWSAY, &BOB, BOND + 1), BOND);
		assert_eq!(Modules::slash_author(COWSAY, &BOB, 1), 0);
		assert_eq!(bond(), 0);
	});
}

#[test]
fn slash_author_gives_the_author_its_own_back() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		let alice = Balances::free_balance(ALICE);
		assert_eq!(Modules::slash_author(COWSAY, &ALICE, 7), 7);
		assert_eq!(Balances::free_balance(ALICE), alice + 7);
	});
}

#[test]
fn slash_author_takes_nothing_that_cannot_be_delivered() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		// The existential deposit is one.
		assert_eq!(Modules::slash_author(COWSAY, &NOBODY, 0), 0);
		assert_eq!(Modules::slash_author(VersionId(7), &BOB, 5), 0);
		assert_eq!(bond(), BOND);
	});
}

#[test]
fn delist_disproven_works_and_may_be_repeated() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		Modules::delist_disproven(COWSAY);
		assert!(
			<Modules as Registry<_>>::version(COWSAY)
				.expect("registered")
				.delisted
		);
		Modules::delist_disproven(COWSAY);
		Modules::delist_disproven(VersionId(7));
	});
}
