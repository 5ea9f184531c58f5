//! Corrupted state is noticed.

use crate::{
	mock::*, DelistedAt, Deposits, Deprecation, Deprecations, HoldReason, Manifests, NextVersionId,
	VersionIds, Versions,
};
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

#[test]
fn a_hold_that_no_record_explains_is_noticed() {
	use frame_support::traits::fungible::hold::Mutate;
	for reason in [HoldReason::ModuleDeposit, HoldReason::AuthorBond] {
		noticed(|| {
			assert_ok!(Balances::hold(&reason.into(), &BOB, 1));
		});
	}
}

fn note(successor: Option<VersionId>, deposit: u128) -> Deprecation {
	Deprecation {
		successor,
		reason: Default::default(),
		deposit,
	}
}

#[test]
fn a_note_that_is_wrong_is_noticed() {
	noticed(|| Deprecations::<Test>::insert(COW, note(None, 1)));
	noticed(|| Deprecations::<Test>::insert(COW, note(Some(COW), 0)));
	noticed(|| Deprecations::<Test>::insert(COW, note(Some(VersionId(9)), 0)));
	noticed(|| Deprecations::<Test>::insert(VersionId(9), note(None, 0)));
}

#[test]
fn a_wrong_state_of_delisting_is_noticed() {
	noticed(|| DelistedAt::<Test>::insert(COW, 1));
	noticed(|| DelistedAt::<Test>::insert(VersionId(9), 1));
	// Delisted without a block means reclaimed: then manifest and bond must be gone.
	noticed(|| Versions::<Test>::mutate(COW, |v| v.as_mut().unwrap().delisted = true));
	noticed(|| {
		Versions::<Test>::mutate(COW, |v| v.as_mut().unwrap().delisted = true);
		Manifests::<Test>::remove(COW);
	});
}
