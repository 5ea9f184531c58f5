//! Corrupted state is noticed.

use crate::{mock::*, Deposits, Manifests, NextVersionId, VersionIds, Versions};
use frame_support::assert_ok;
use lilypad_primitives::VersionId;

const COW: VersionId = VersionId(0);

fn noticed(corrupt: impl FnOnce()) {
	new_test_ext().execute_with(|| {
		assert_ok!(cowsay().by(ALICE));
		assert_ok!(Modules::do_try_state());
		corrupt();
		assert!(Modules::do_try_state().is_err());
	});
}

#[test]
fn a_wrong_deposit_or_bond_is_noticed() {
	noticed(|| Deposits::<Test>::mutate(COW, |d| *d = d.map(|d| d + 1)));
	noticed(|| Versions::<Test>::mutate(COW, |v| v.as_mut().unwrap().bond -= 1));
	noticed(|| Versions::<Test>::mutate(COW, |v| v.as_mut().unwrap().author = BOB));
}

#[test]
fn a_missing_part_is_noticed() {
	noticed(|| Deposits::<Test>::remove(COW));
	noticed(|| Manifests::<Test>::remove(COW));
	noticed(|| VersionIds::<Test>::remove(name("cowsay:v0.0.1")));
	noticed(|| Versions::<Test>::remove(COW));
}

#[test]
fn a_surplus_part_is_noticed() {
	noticed(|| Deposits::<Test>::insert(VersionId(9), 0));
	noticed(|| Manifests::<Test>::insert(VersionId(9), manifest("{}")));
	noticed(|| VersionIds::<Test>::insert(name("cow:v9"), COW));
}

#[test]
fn a_changed_manifest_is_noticed() {
	noticed(|| Manifests::<Test>::insert(COW, manifest("{}")));
}

#[test]
fn an_id_out_of_range_is_noticed() {
	noticed(|| NextVersionId::<Test>::put(COW));
}
