use crate::{mock::*, Deposits, Error, Event, HoldReason, Versions};
use frame_support::{assert_noop, assert_ok, traits::fungible::hold::Inspect};
use lilypad_primitives::{
	module::MAX_MANIFEST, spec::GpuSpec, traits::Modules as _, MachineSpec, Platform, Profile, RuntimeImage,
	VersionId,
};
use sp_runtime::TokenError;

fn held(reason: HoldReason, who: AccountId) -> u128 {
	Balances::balance_on_hold(&reason.into(), &who)
}

#[test]
fn register_works() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		let (version, info) = Modules::module(name("cowsay:v0.0.1")).unwrap();
		assert_eq!(version, VersionId(0));
		assert_eq!(
			(info.author, info.fee, info.fetch_bytes, info.max_run),
			(ALICE, 5, 1_234, 60_000)
		);
		assert_eq!((info.curated, info.delisted, info.bond), (false, false, BOND));
		let manifest = Modules::manifest(version).unwrap();
		assert_eq!(manifest, cowsay().manifest);
		assert_eq!(info.manifest_hash, sp_io::hashing::blake2_256(&manifest));

		let deposit = Deposits::<Test>::get(version).unwrap();
		assert_eq!(deposit, Modules::deposit_for(&info, &manifest));
		assert_eq!(held(HoldReason::ModuleDeposit, ALICE), deposit);
		assert_eq!(held(HoldReason::AuthorBond, ALICE), BOND);
		System::assert_last_event(
			Event::ModuleRegistered {
				version,
				name: name("cowsay:v0.0.1"),
				author: ALICE,
				deposit,
				bond: BOND,
			}
			.into(),
		);
		assert_eq!(
			<Modules as lilypad_primitives::traits::Modules<_>>::resolve(&info.name),
			Some(version)
		);
		assert_eq!(Modules::version(version), Some(info));
	});
}

#[test]
fn register_works_without_a_bond_when_not_deterministic() {
	test(|| {
		assert_ok!(Registration {
			profile: Profile::NonDeterministic,
			..cowsay()
		}
		.by(ALICE));
		assert_eq!(Versions::<Test>::get(VersionId(0)).unwrap().bond, 0);
		assert_eq!(held(HoldReason::AuthorBond, ALICE), 0);
	});
}

#[test]
fn register_works_for_other_tags_and_other_authors() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		assert_ok!(Registration {
			name: name("cowsay:v0.0.2"),
			..cowsay()
		}
		.by(ALICE));
		assert_ok!(Registration {
			name: name("cowsay:v0.0.3"),
			..cowsay()
		}
		.by(BOB));
		assert_eq!(held(HoldReason::AuthorBond, ALICE), 2 * BOND);
		assert_eq!(Modules::module(name("cowsay:v0.0.3")).unwrap().0, VersionId(2));
	});
}

#[test]
fn a_longer_manifest_costs_a_greater_deposit() {
	test(|| {
		assert_ok!(Registration {
			manifest: manifest("1"),
			..cowsay()
		}
		.by(ALICE));
		assert_ok!(Registration {
			manifest: manifest("12345"),
			name: name("cowsay:v0.0.2"),
			..cowsay()
		}
		.by(ALICE));
		let deposits = [VersionId(0), VersionId(1)].map(|id| Deposits::<Test>::get(id).unwrap());
		assert_eq!(deposits[1] - deposits[0], 4 * DepositPerByte::get());
	});
}

#[test]
fn register_fails_when_the_tag_is_taken_even_by_the_same_author() {
	test(|| {
		assert_ok!(cowsay().by(ALICE));
		for author in [ALICE, BOB] {
			let other = Registration {
				manifest: manifest("{}"),
				..cowsay()
			};
			assert_noop!(other.by(author), Error::<Test>::NameTaken);
		}
	});
}

#[test]
fn register_fails_when_the_name_is_malformed() {
	test(|| {
		for bad in [
			"",
			"cowsay",
			"cowsay:",
			":v1",
			"Cow:v1",
			"cow:v1:v2",
			"cow say:v1",
		] {
			assert_noop!(
				Registration {
					name: name(bad),
					..cowsay()
				}
				.by(ALICE),
				Error::<Test>::BadName
			);
		}
	});
}

#[test]
fn register_fails_when_a_container_claims_to_be_wasm() {
	test(|| {
		let runtime = RuntimeImage::Container {
			platform: Platform::Wasm,
			image: [7; 32],
		};
		assert_noop!(
			Registration { runtime, ..cowsay() }.by(ALICE),
			Error::<Test>::BadRuntime
		);
	});
}

#[test]
fn register_fails_when_the_least_machine_is_nothing() {
	test(|| {
		let no_vram = MachineSpec {
			gpus: vec![GpuSpec::default()].try_into().unwrap(),
			..MachineSpec::new(1, 1, 1)
		};
		for min_spec in [MachineSpec::new(0, 1, 1), MachineSpec::new(1, 0, 1), no_vram] {
			assert_noop!(
				Registration { min_spec, ..cowsay() }.by(ALICE),
				Error::<Test>::BadMinSpec
			);
		}
	});
}

#[test]
fn register_boundary_longest_run() {
	test(|| {
		for max_run in [0, CEILING + 1, u64::MAX] {
			assert_noop!(
				Registration { max_run, ..cowsay() }.by(ALICE),
				Error::<Test>::BadMaxRun
			);
		}
		assert_ok!(Registration {
			max_run: CEILING,
			..cowsay()
		}
		.by(ALICE));
		assert_ok!(Registration {
			max_run: 1,
			name: name("cowsay:v2"),
			..cowsay()
		}
		.by(ALICE));
	});
}

#[test]
fn register_boundary_manifest() {
	test(|| {
		assert_noop!(
			Registration {
				manifest: manifest(""),
				..cowsay()
			}
			.by(ALICE),
			Error::<Test>::EmptyManifest
		);
		let longest = manifest(&" ".repeat(MAX_MANIFEST as usize));
		assert_ok!(Registration {
			manifest: longest,
			..cowsay()
		}
		.by(ALICE));
	});
}

#[test]
fn register_fails_when_the_author_can_not_pay() {
	test(|| {
		assert_noop!(cowsay().by(POOR), TokenError::FundsUnavailable);
		// Enough for the deposit alone: the bond fails, and nothing stays held.
		let info = {
			assert_ok!(cowsay().by(ALICE));
			Modules::module(name("cowsay:v0.0.1")).unwrap().1
		};
		let deposit = Modules::deposit_for(&info, &cowsay().manifest);
		assert_ok!(Balances::force_set_balance(
			frame_system::RawOrigin::Root.into(),
			POOR,
			deposit + BOND
		));
		let other = Registration {
			name: name("cowsay:v0.0.2"),
			..cowsay()
		};
		assert_noop!(other.clone().by(POOR), TokenError::FundsUnavailable);
		assert_ok!(Balances::force_set_balance(
			frame_system::RawOrigin::Root.into(),
			POOR,
			deposit + BOND + 1
		));
		assert_ok!(other.by(POOR));
	});
}

#[test]
fn register_fails_when_not_signed() {
	test(|| {
		let r = cowsay();
		let call = Modules::register(
			frame_system::RawOrigin::Root.into(),
			r.name,
			r.runtime,
			0,
			r.min_spec,
			r.max_run,
			0,
			r.profile,
			r.manifest,
		);
		assert_noop!(call, sp_runtime::DispatchError::BadOrigin);
	});
}

#[test]
fn register_fails_when_ids_are_exhausted() {
	test(|| {
		crate::NextVersionId::<Test>::put(VersionId(u32::MAX));
		assert_noop!(cowsay().by(ALICE), Error::<Test>::NoIdsLeft);
	});
}
