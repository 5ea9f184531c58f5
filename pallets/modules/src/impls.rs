//! What the calls do, and the registry as the other pallets see it.

use crate::pallet::{
	Config, Deposits, Error, Event, HoldReason, Manifests, NextVersionId, Pallet, VersionIds, Versions,
};
use codec::Encode;
use frame_support::{
	ensure,
	traits::{fungible::hold::Mutate as _, Get},
};
use lilypad_primitives::{
	module::ManifestBytes, traits::Modules, Balance, ModuleInfo, ModuleName, Profile, VersionId,
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
	/// The bond behind a version of this profile.
	pub(crate) fn bond_for(profile: Profile) -> Balance {
		match profile {
			Profile::Deterministic => T::DeterministicBond::get(),
			Profile::NonDeterministic => 0,
		}
	}

	/// The deposit for a record, its index entry and its manifest.
	pub fn deposit_for(info: &ModuleInfo<T::AccountId>, manifest: &ManifestBytes) -> Balance {
		let bytes = info
			.encoded_size()
			.saturating_add(info.name.encoded_size())
			.saturating_add(manifest.len());
		T::DepositPerByte::get()
			.saturating_mul(bytes as Balance)
			.saturating_add(T::DepositBase::get())
	}

	pub(crate) fn do_register(
		info: ModuleInfo<T::AccountId>,
		manifest: ManifestBytes,
	) -> Result<VersionId, DispatchError> {
		info.name.check().map_err(|_| Error::<T>::BadName)?;
		ensure!(info.runtime.is_consistent(), Error::<T>::BadRuntime);
		ensure!(info.min_spec.is_usable(), Error::<T>::BadMinSpec);
		ensure!(
			info.max_run > 0 && info.max_run <= T::MaxRunCeiling::get(),
			Error::<T>::BadMaxRun
		);
		ensure!(!manifest.is_empty(), Error::<T>::EmptyManifest);
		ensure!(!VersionIds::<T>::contains_key(&info.name), Error::<T>::NameTaken);

		let version = NextVersionId::<T>::get();
		NextVersionId::<T>::put(version.next().ok_or(Error::<T>::NoIdsLeft)?);
		let deposit = Self::deposit_for(&info, &manifest);
		T::Currency::hold(&HoldReason::ModuleDeposit.into(), &info.author, deposit)?;
		T::Currency::hold(&HoldReason::AuthorBond.into(), &info.author, info.bond)?;

		Self::deposit_event(Event::ModuleRegistered {
			version,
			name: info.name.clone(),
			author: info.author.clone(),
			deposit,
			bond: info.bond,
		});
		VersionIds::<T>::insert(&info.name, version);
		Manifests::<T>::insert(version, manifest);
		Deposits::<T>::insert(version, deposit);
		Versions::<T>::insert(version, info);
		Ok(version)
	}

	pub(crate) fn do_set_curated(version: VersionId, curated: bool) -> DispatchResult {
		Versions::<T>::try_mutate(version, |info| {
			info.as_mut().ok_or(Error::<T>::UnknownVersion)?.curated = curated;
			Self::deposit_event(Event::CuratedSet { version, curated });
			Ok(())
		})
	}
}

impl<T: Config> Modules<T::AccountId> for Pallet<T> {
	fn resolve(name: &ModuleName) -> Option<VersionId> {
		VersionIds::<T>::get(name)
	}

	fn version(id: VersionId) -> Option<ModuleInfo<T::AccountId>> {
		Versions::<T>::get(id)
	}

	fn slash_author(version: VersionId, to: &T::AccountId, amount: Balance) -> Balance {
		Self::do_slash(version, to, amount)
	}

	fn delist_disproven(version: VersionId) {
		// It may be withdrawn already, which is all that is wanted.
		if let Err(error) = Self::do_delist(None, version) {
			log::debug!(target: "runtime::modules", "version {version} is not withdrawn again: {error:?}");
		}
	}

	#[cfg(feature = "runtime-benchmarks")]
	fn register_for_benchmark(author: &T::AccountId, name: ModuleName) -> VersionId {
		use frame_support::traits::fungible::{Inspect, Mutate};
		use lilypad_primitives::{MachineSpec, RuntimeImage};

		if let Some(version) = VersionIds::<T>::get(&name) {
			return version;
		}
		let manifest: ManifestBytes = b"{}"
			.to_vec()
			.try_into()
			.expect("two bytes are within the bound; qed");
		let info = ModuleInfo {
			name,
			author: author.clone(),
			runtime: RuntimeImage::Container {
				platform: lilypad_primitives::Platform::ContainerAmd64,
				image: [1; 32],
			},
			fetch_bytes: 0,
			min_spec: MachineSpec::new(1, 1, 0),
			max_run: T::MaxRunCeiling::get(),
			fee: 0,
			profile: Profile::Deterministic,
			curated: true,
			delisted: false,
			manifest_hash: sp_io::hashing::blake2_256(&manifest),
			bond: Self::bond_for(Profile::Deterministic),
		};
		let needed = Self::deposit_for(&info, &manifest) + info.bond + 2 * T::Currency::minimum_balance();
		T::Currency::mint_into(author, needed).expect("the supply is far from its limit; qed");
		Self::do_register(info, manifest).expect("the record obeys every rule; qed")
	}
}
