//! `deprecate` and `restore`.

use crate::{mock::*, Deprecation, Deprecations, Error, Event, HoldReason, Reason, Versions, MAX_REASON};
use frame_support::{assert_noop, assert_ok, traits::fungible::hold::Inspect};
use frame_system::RawOrigin;
use lilypad_primitives::{traits::Modules as _, VersionId};
use sp_runtime::{DispatchError, DispatchResult, TokenError};

const COW: VersionId = VersionId(0);
const CALF: VersionId = VersionId(1);

fn two_versions() {
	assert_ok!(cowsay().by(ALICE));
	let calf = Registration {
		name: name("cowsay:v0.0.2"),
		..cowsay()
	};
	assert_ok!(calf.by(ALICE));
}

fn reason(text: &str) -> Reason {
	text.as_bytes().to_vec().try_into().unwrap()
}

fn deprecate(
	origin: RawOrigin<AccountId>,
	version: VersionId,
	successor: Option<VersionId>,
) -> DispatchResult {
	Modules::deprecate(origin.into(), version, successor, reason("slow"))
}

fn deposits(who: AccountId) -> u128 {
	Balances::balance_on_hold(&HoldReason::ModuleDeposit.into(), &who)
}

#[test]
fn deprecate_works_and_the_version_still_runs() {
	test(|| {
		two_versions();
		let before = deposits(ALICE);
		assert_ok!(deprecate(RawOrigin::Signed(ALICE), COW, Some(CALF)));
		System::assert_last_event(
			Event::ModuleDeprecated {
				version: COW,
				successor: Some(CALF),
			}
			.into(),
		);
		let note = Modules::deprecation(COW).unwrap();
		assert_eq!((note.successor, &note.reason[..]), (Some(CALF), &b"slow"[..]));
		assert!(note.deposit > 0);
		assert_eq!(deposits(ALICE), before + note.deposit);
		assert!(!Modules::version(COW).unwrap().delisted);
		assert_eq!(Modules::deprecation(CALF), None);
	});
}

#[test]
fn a_curators_note_costs_the_author_nothing() {
	test(|| {
		two_versions();
		let before = deposits(ALICE);
		assert_ok!(deprecate(RawOrigin::Root, COW, None));
		assert_eq!(deposits(ALICE), before);
		// The author may write another one in its place, and pays for that.
		assert_ok!(deprecate(RawOrigin::Signed(ALICE), COW, None));
		assert!(deposits(ALICE) > before);
	});
}

#[test]
fn a_note_is_replaced_and_its_deposit_with_it() {
	test(|| {
		two_versions();
		let before = deposits(ALICE);
		assert_ok!(deprecate(RawOrigin::Signed(ALICE), COW, Some(CALF)));
		let origin = RawOrigin::Signed(ALICE);
		assert_ok!(Modules::deprecate(origin.into(), COW, None, Reason::default()));
		let note = Deprecation {
			successor: None,
			reason: Reason::default(),
			deposit: deposits(ALICE) - before,
		};
		assert_eq!(Deprecations::<Test>::get(COW), Some(note));
	});
}

#[test]
fn restore_works() {
	for origin in [RawOrigin::Signed(ALICE), RawOrigin::Root] {
		test(|| {
			two_versions();
			let before = deposits(ALICE);
			assert_ok!(deprecate(RawOrigin::Signed(ALICE), COW, Some(CALF)));
			assert_ok!(Modules::restore(origin.clone().into(), COW));
			System::assert_last_event(Event::ModuleRestored { version: COW }.into());
			assert_eq!((Modules::deprecation(COW), deposits(ALICE)), (None, before));
			assert_noop!(Modules::restore(origin.into(), COW), Error::<Test>::NotDeprecated);
		});
	}
}

#[test]
fn deprecate_fails_when_not_the_author() {
	test(|| {
		two_versions();
		assert_noop!(
			deprecate(RawOrigin::Signed(BOB), COW, None),
			Error::<Test>::NotAuthor
		);
		assert_noop!(deprecate(RawOrigin::None, COW, None), DispatchError::BadOrigin);
		assert_ok!(deprecate(RawOrigin::Signed(ALICE), COW, None));
		let restore = |origin: RawOrigin<AccountId>| Modules::restore(origin.into(), COW);
		assert_noop!(restore(RawOrigin::Signed(BOB)), Error::<Test>::NotAuthor);
		assert_noop!(restore(RawOrigin::None), DispatchError::BadOrigin);
	});
}

#[test]
fn deprecate_fails_when_unknown_or_delisted() {
	test(|| {
		two_versions();
		for unknown in [VersionId(2), VersionId(u32::MAX)] {
			assert_noop!(
				deprecate(RawOrigin::Root, unknown, None),
				Error::<Test>::UnknownVersion
			);
			assert_noop!(
				Modules::restore(RawOrigin::Root.into(), unknown),
				Error::<Test>::UnknownVersion
			);
		}
		assert_ok!(Modules::delist(RawOrigin::Root.into(), COW));
		assert_noop!(
			deprecate(RawOrigin::Root, COW, None),
			Error::<Test>::AlreadyDelisted
		);
	});
}

#[test]
fn deprecate_fails_when_the_successor_is_no_use() {
	test(|| {
		two_versions();
		assert_ok!(Modules::delist(RawOrigin::Root.into(), CALF));
		for bad in [COW, CALF, VersionId(2), VersionId(u32::MAX)] {
			assert_noop!(
				deprecate(RawOrigin::Signed(ALICE), COW, Some(bad)),
				Error::<Test>::BadSuccessor
			);
		}
	});
}

#[test]
fn deprecate_boundary_reason() {
	test(|| {
		two_versions();
		let with = |reason: Reason| Modules::deprecate(RawOrigin::Signed(ALICE).into(), COW, None, reason);
		assert_ok!(with(Reason::default()));
		assert_ok!(with(reason(&"x".repeat(MAX_REASON as usize))));
		for bad in [vec![0xff], b"two\nlines".to_vec(), vec![0]] {
			assert_noop!(with(bad.try_into().unwrap()), Error::<Test>::BadReason);
		}
	});
}

#[test]
fn deprecate_fails_when_the_author_can_not_pay() {
	test(|| {
		two_versions();
		let origin = RawOrigin::Signed(ALICE);
		let all = <Balances as frame_support::traits::fungible::Inspect<_>>::reducible_balance(
			&ALICE,
			frame_support::traits::tokens::Preservation::Preserve,
			frame_support::traits::tokens::Fortitude::Polite,
		);
		assert_ok!(Balances::transfer_keep_alive(origin.clone().into(), BOB, all));
		assert_noop!(deprecate(origin, COW, None), TokenError::FundsUnavailable);
		assert!(!Versions::<Test>::get(COW).unwrap().delisted);
	});
}
