//! `reclaim`: the author's money comes back once nobody can depend on the version any longer.

use crate::{mock::*, Deposits, Error, Event, HoldReason, Reason, Versions};
use frame_support::{assert_noop, assert_ok, traits::fungible::hold::Inspect};
use frame_system::RawOrigin;
use lilypad_primitives::{Profile, VersionId};
use sp_runtime::DispatchError;

const COW: VersionId = VersionId(0);

fn held(reason: HoldReason) -> u128 {
	Balances::balance_on_hold(&reason.into(), &ALICE)
}

fn reclaim(who: AccountId) -> sp_runtime::DispatchResult {
	Modules::reclaim(RawOrigin::Signed(who).into(), COW)
}

fn delisted() {
	assert_ok!(cowsay().by(ALICE));
	let reason = Reason::default();
	assert_ok!(Modules::deprecate(
		RawOrigin::Signed(ALICE).into(),
		COW,
		None,
		reason
	));
	assert_ok!(Modules::delist(RawOrigin::Signed(ALICE).into(), COW));
}

#[test]
fn reclaim_works() {
	test(|| {
		delisted();
		let before = held(HoldReason::ModuleDeposit);
		System::set_block_number(1 + u64::from(RECLAIM_DELAY));
		assert_ok!(reclaim(ALICE));
		assert_eq!(held(HoldReason::AuthorBond), 0);
		let stays = held(HoldReason::ModuleDeposit);
		assert_eq!(Deposits::<Test>::get(COW), Some(stays));
		assert!(stays > 0, "name and record stay");
		System::assert_last_event(
			Event::ModuleReclaimed {
				version: COW,
				bond: BOND,
				deposit: before - stays,
			}
			.into(),
		);
		assert_eq!(Modules::manifest(COW), None);
		assert_eq!(Modules::deprecation(COW), None);
		let info = Versions::<Test>::get(COW).unwrap();
		assert_eq!((info.delisted, info.bond), (true, 0));
		assert_noop!(cowsay().by(BOB), Error::<Test>::NameTaken);
	});
}

#[test]
fn reclaim_works_without_a_bond() {
	test(|| {
		let loose = Registration {
			profile: Profile::NonDeterministic,
			..cowsay()
		};
		assert_ok!(loose.by(ALICE));
		assert_ok!(Modules::delist(RawOrigin::Root.into(), COW));
		System::set_block_number(1 + u64::from(RECLAIM_DELAY));
		assert_ok!(reclaim(ALICE));
	});
}

#[test]
fn reclaim_boundary_delay() {
	test(|| {
		delisted();
		assert_noop!(reclaim(ALICE), Error::<Test>::TooEarly { wait: 100 });
		System::set_block_number(u64::from(RECLAIM_DELAY));
		assert_noop!(reclaim(ALICE), Error::<Test>::TooEarly { wait: 1 });
		System::set_block_number(1 + u64::from(RECLAIM_DELAY));
		assert_ok!(reclaim(ALICE));
		assert_noop!(reclaim(ALICE), Error::<Test>::AlreadyReclaimed);
	});
}

#[test]
fn reclaim_fails_when_still_listed_or_unknown() {
	test(|| {
		assert_noop!(reclaim(ALICE), Error::<Test>::UnknownVersion);
		assert_ok!(cowsay().by(ALICE));
		System::set_block_number(1_000);
		assert_noop!(reclaim(ALICE), Error::<Test>::NotDelisted);
	});
}

#[test]
fn reclaim_fails_when_not_the_author() {
	test(|| {
		delisted();
		System::set_block_number(1_000);
		assert_noop!(reclaim(BOB), Error::<Test>::NotAuthor);
		for origin in [RawOrigin::Root, RawOrigin::None] {
			assert_noop!(Modules::reclaim(origin.into(), COW), DispatchError::BadOrigin);
		}
	});
}
