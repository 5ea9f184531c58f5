//! Benchmarks of the calls, each in its worst case.
#![allow(missing_docs)]

use super::*;
use alloc::vec;
use codec::Encode;
use frame_benchmarking::v2::*;
use frame_support::traits::{
	fungible::{Inspect, Mutate},
	EnsureOrigin, Get,
};
use frame_system::RawOrigin;
use lilypad_primitives::{
	module::{ManifestBytes, MAX_MANIFEST, MAX_MODULE_NAME},
	spec::{GpuSpec, MAX_GPUS, MAX_GPU_MODEL},
	traits::Modules,
	MachineSpec, ModuleName, Profile, RuntimeImage, VersionId,
};

/// The longest name.
fn long_name() -> ModuleName {
	let mut name = vec![b'a'; MAX_MODULE_NAME as usize];
	name[40] = b':';
	ModuleName(name.try_into().expect("as long as may be; qed"))
}

/// The longest specification.
fn long_spec() -> MachineSpec {
	let model = vec![b'm'; MAX_GPU_MODEL as usize]
		.try_into()
		.expect("as long as may be; qed");
	let gpu = GpuSpec {
		vram_mib: u32::MAX,
		model: Some(model),
	};
	let gpus = vec![gpu; MAX_GPUS as usize]
		.try_into()
		.expect("as many as may be; qed");
	MachineSpec {
		gpus,
		..MachineSpec::new(u32::MAX, u32::MAX, u32::MAX)
	}
}

/// The longest reason.
fn long_reason() -> Reason {
	vec![b'r'; MAX_REASON as usize]
		.try_into()
		.expect("as long as may be; qed")
}

/// Two versions of an author who has money left.
fn two_versions<T: Config>(author: &T::AccountId) -> (VersionId, VersionId) {
	let room = 2 * u128::from(MAX_REASON) * T::DepositPerByte::get() + 10 * T::Currency::minimum_balance();
	T::Currency::mint_into(author, room).expect("the supply is far from its limit; qed");
	let next: ModuleName = "successor:v1".parse().expect("well formed; qed");
	let register = <Pallet<T> as Modules<_>>::register_for_benchmark;
	(register(author, long_name()), register(author, next))
}

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn register(b: Linear<1, MAX_MANIFEST>) {
		let author: T::AccountId = whitelisted_caller();
		let room = (b as u128 + long_spec().encoded_size() as u128 + 1_000) * T::DepositPerByte::get();
		let needed =
			room + T::DepositBase::get() + T::DeterministicBond::get() + 2 * T::Currency::minimum_balance();
		T::Currency::mint_into(&author, needed).expect("the supply is far from its limit; qed");
		let manifest: ManifestBytes = vec![b' '; b as usize].try_into().expect("within the bound; qed");

		#[extrinsic_call]
		_(
			RawOrigin::Signed(author),
			long_name(),
			RuntimeImage::Wasm { code: [1; 32] },
			u64::MAX,
			long_spec(),
			T::MaxRunCeiling::get(),
			1,
			Profile::Deterministic,
			manifest,
		);

		assert!(Pallet::<T>::module(long_name())
			.is_some_and(|(_, info)| info.bond == T::DeterministicBond::get()));
	}

	#[benchmark]
	fn set_curated() -> Result<(), BenchmarkError> {
		let origin = T::CurateOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let version = <Pallet<T> as Modules<_>>::register_for_benchmark(&whitelisted_caller(), long_name());
		Versions::<T>::mutate(version, |info| {
			info.as_mut().expect("registered; qed").curated = false
		});

		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, version, true);

		assert!(Versions::<T>::get(version).is_some_and(|info| info.curated));
		Ok(())
	}

	#[benchmark]
	fn delist() {
		let author: T::AccountId = whitelisted_caller();
		let version = <Pallet<T> as Modules<_>>::register_for_benchmark(&author, long_name());

		#[extrinsic_call]
		_(RawOrigin::Signed(author), version);

		assert!(Versions::<T>::get(version).is_some_and(|info| info.delisted));
	}

	#[benchmark]
	fn deprecate() {
		let author: T::AccountId = whitelisted_caller();
		let (version, successor) = two_versions::<T>(&author);
		Pallet::<T>::do_deprecate(Some(author.clone()), version, None, long_reason())
			.expect("the author can pay; qed");

		#[extrinsic_call]
		_(RawOrigin::Signed(author), version, Some(successor), long_reason());

		assert!(Pallet::<T>::deprecation(version).is_some_and(|note| note.successor == Some(successor)));
	}

	#[benchmark]
	fn restore() {
		let author: T::AccountId = whitelisted_caller();
		let (version, _) = two_versions::<T>(&author);
		Pallet::<T>::do_deprecate(Some(author.clone()), version, None, long_reason())
			.expect("the author can pay; qed");

		#[extrinsic_call]
		_(RawOrigin::Signed(author), version);

		assert!(Pallet::<T>::deprecation(version).is_none());
	}

	#[benchmark]
	fn reclaim() {
		let author: T::AccountId = whitelisted_caller();
		let (version, _) = two_versions::<T>(&author);
		Pallet::<T>::do_deprecate(Some(author.clone()), version, None, long_reason())
			.expect("the author can pay; qed");
		Pallet::<T>::do_delist(None, version).expect("it is listed; qed");
		frame_system::Pallet::<T>::set_block_number(T::ReclaimDelay::get().saturating_add(1_000).into());

		#[extrinsic_call]
		_(RawOrigin::Signed(author), version);

		assert!(Pallet::<T>::manifest(version).is_none());
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
