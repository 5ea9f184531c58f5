use crate::{mock::*, Error, Event, Versions};
use frame_support::{assert_noop, assert_ok};
use frame_system::RawOrigin;
use lilypad_primitives::VersionId;
use sp_runtime::DispatchError;

const COW: VersionId = VersionId(0);

#[test]
fn delist_works_for_author_and_curators() {
	for origin in [RawOrigin::Signed(ALICE), RawOrigin::Root] {
		test(|| {
			assert_ok!(cowsay().by(ALICE));
			assert_ok!(Modules::delist(origin.into(), COW));
			assert!(Versions::<Test>::get(COW).unwrap().delisted);
			System::assert_last_event(Event::ModuleDelisted { version: COW }.into());
		});
	}
}

#[test]
fn a_delisted_name_stays_taken_and_its_record_stays() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		assert_ok!(Modules::delist(RawOrigin::Signed(ALICE).into(), COW));
		assert_noop!(cowsay().by(ALICE), Error::<Test>::NameTaken);
		assert_noop!(cowsay().by(BOB), Error::<Test>::NameTaken);
		assert!(Modules::manifest(COW).is_some());
	});
}

#[test]
fn delist_fails_when_not_the_author() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		assert_noop!(
			Modules::delist(RawOrigin::Signed(BOB).into(), COW),
			Error::<Test>::NotAuthor
		);
		assert_noop!(
			Modules::delist(RawOrigin::None.into(), COW),
			DispatchError::BadOrigin
		);
	});
}

#[test]
fn delist_fails_when_unknown_or_done_before() {
	test(|| {
		assert_noop!(
			Modules::delist(RawOrigin::Root.into(), COW),
			Error::<Test>::UnknownVersion
		);
		assert_ok!(cowsay().by(ALICE));
		assert_ok!(Modules::delist(RawOrigin::Root.into(), COW));
		assert_noop!(
			Modules::delist(RawOrigin::Signed(ALICE).into(), COW),
			Error::<Test>::AlreadyDelisted
		);
	});
}
