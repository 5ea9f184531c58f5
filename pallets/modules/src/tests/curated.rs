use crate::{mock::*, Error, Event, Versions};
use frame_support::{assert_noop, assert_ok};
use frame_system::RawOrigin;
use lilypad_primitives::VersionId;
use sp_runtime::DispatchError;

const COW: VersionId = VersionId(0);

fn curated() -> bool {
	Versions::<Test>::get(COW).unwrap().curated
}

#[test]
fn set_curated_works() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		assert_ok!(Modules::set_curated(RawOrigin::Root.into(), COW, true));
		assert!(curated());
		System::assert_last_event(
			Event::CuratedSet {
				version: COW,
				curated: true,
			}
			.into(),
		);
		assert_ok!(Modules::set_curated(RawOrigin::Root.into(), COW, false));
		assert!(!curated());
	});
}

#[test]
fn set_curated_fails_when_not_a_curator() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		let call = Modules::set_curated(RawOrigin::Signed(ALICE).into(), COW, true);
		assert_noop!(call, DispatchError::BadOrigin);
	});
}

#[test]
fn set_curated_fails_when_unknown() {
	test(|| {
		let call = Modules::set_curated(RawOrigin::Root.into(), COW, true);
		assert_noop!(call, Error::<Test>::UnknownVersion);
	});
}
