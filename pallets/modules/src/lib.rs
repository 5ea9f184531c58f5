//! # Registry of module versions
//!
//! What a job can run: every `name:tag` stands for one immutable record and one manifest.
//!
//! ## Terminology
//!
//! * **Module version**: a `name:tag`, the code behind it *by digest*, the least machine that runs it, its longest run,
//!   its author's fee, and its manifest.
//! * **Author**: who registered it.
//! * **Profile**: whether equal inputs give equal results. An author who says so bonds for it.
//! * **Curators**: a governance origin that marks versions as curated.
//!
//! ## What happens
//!
//! 1. *An author registers* a version ([`Pallet::register`]). A deposit is held for what is stored, and for
//!    `Deterministic` a bond besides.
//! 2. *A name stays what it is*: a tag is never overwritten, so what a creator tested is what runs.
//! 3. *Curators mark* a version or take the mark away ([`Pallet::set_curated`]).
//! 4. *The author or the curators delist* a version ([`Pallet::delist`]): nothing new is matched. The record stays, so
//!    that deals that still run can end, and so that the name can't be taken by somebody else.
//!
//! ## Invariants
//!
//! [`Pallet::do_try_state`] checks them:
//!
//! 1. What an account has on hold for a reason is the sum over its records.
//! 2. Every name leads to a record of that name, and every record is reached by its name.
//! 3. Every record has a manifest with the recorded hash, and a deposit.
//! 4. Every id is below the next one.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod impls;
#[cfg(test)]
mod mock;
mod slash;
#[cfg(test)]
mod tests;
mod try_state;
pub mod weights;

pub use pallet::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
#[allow(clippy::too_many_arguments)] // a registration has so many parts
pub mod pallet {
	use super::*;
	use frame_support::{
		pallet_prelude::*,
		traits::fungible::{hold::Mutate as MutateHold, Mutate},
	};
	use frame_system::pallet_prelude::*;
	use lilypad_primitives::{
		module::ManifestBytes, Balance, MachineSpec, Millis, ModuleInfo, ModuleName, Profile, RuntimeImage,
		VersionId,
	};

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// What the registry needs from the runtime.
	#[pallet::config]
	pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> {
		/// The reason of a hold, as the runtime names it.
		type RuntimeHoldReason: From<HoldReason>;
		/// The native currency. What this pallet takes stays on the author's own account, on hold.
		type Currency: Mutate<Self::AccountId, Balance = Balance>
			+ MutateHold<Self::AccountId, Balance = Balance, Reason = Self::RuntimeHoldReason>;
		/// Who marks versions as curated, and may delist what is not their own.
		type CurateOrigin: EnsureOrigin<Self::RuntimeOrigin>;
		/// Deposit for one version, whatever its size.
		#[pallet::constant]
		type DepositBase: Get<Balance>;
		/// Deposit for one byte of record, name and manifest.
		#[pallet::constant]
		type DepositPerByte: Get<Balance>;
		/// Bond behind one deterministic version.
		#[pallet::constant]
		type DeterministicBond: Get<Balance>;
		/// The longest run that a version may declare.
		#[pallet::constant]
		type MaxRunCeiling: Get<Millis>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// Why an author's money is on hold.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Pays for what a version takes in storage.
		ModuleDeposit,
		/// Stands behind a deterministic version.
		AuthorBond,
	}

	/// The id that the next version gets.
	#[pallet::storage]
	pub type NextVersionId<T: Config> = StorageValue<_, VersionId, ValueQuery>;

	/// The version behind a name. A name is never removed.
	// The key is chosen by users: hashed, so that nobody can shape the trie.
	#[pallet::storage]
	pub type VersionIds<T: Config> = StorageMap<_, Blake2_128Concat, ModuleName, VersionId, OptionQuery>;

	/// The versions' records.
	// Ids are made by the chain one after another: a cheap hash spreads them.
	#[pallet::storage]
	pub type Versions<T: Config> =
		StorageMap<_, Twox64Concat, VersionId, ModuleInfo<T::AccountId>, OptionQuery>;

	/// The versions' manifests, apart from the records because matching never reads them.
	// As for the records.
	#[pallet::storage]
	pub type Manifests<T: Config> = StorageMap<_, Twox64Concat, VersionId, ManifestBytes, OptionQuery>;

	/// What is held for each version's storage. Its author bond is part of the record.
	// As for the records.
	#[pallet::storage]
	pub type Deposits<T: Config> = StorageMap<_, Twox64Concat, VersionId, Balance, OptionQuery>;

	/// What happened in the registry.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A version was registered.
		ModuleRegistered {
			/// Its id.
			version: VersionId,
			/// Its name and tag.
			name: ModuleName,
			/// Who registered it.
			author: T::AccountId,
			/// What is held for its storage.
			deposit: Balance,
			/// What is held behind its declaration as deterministic.
			bond: Balance,
		},
		/// The curators marked a version, or took the mark away.
		CuratedSet {
			/// The version.
			version: VersionId,
			/// Whether it is curated now.
			curated: bool,
		},
		/// A version was withdrawn: nothing new is matched with it.
		ModuleDelisted {
			/// The version.
			version: VersionId,
		},
	}

	/// Why a call failed.
	#[pallet::error]
	pub enum Error<T> {
		/// The name is malformed: it has the form `name:tag`, with lower-case letters, digits and `.`, `_`, `-`, `/` in the
		/// name, and letters, digits and `.`, `_`, `-` in the tag.
		BadName,
		/// The name and tag are taken. Tags are never overwritten: use another tag.
		NameTaken,
		/// A container can't have the platform of WASM modules.
		BadRuntime,
		/// The least machine asks for no processor time, no memory, or a GPU without memory.
		BadMinSpec,
		/// The longest run is zero or above the chain's ceiling.
		BadMaxRun,
		/// The manifest is empty.
		EmptyManifest,
		/// There is no such version.
		UnknownVersion,
		/// Only the author or the curators may do that.
		NotAuthor,
		/// The version is already withdrawn.
		AlreadyDelisted,
		/// There are no ids left.
		NoIdsLeft,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(
				T::MaxRunCeiling::get() > 0,
				"MaxRunCeiling is zero: no version could be registered"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers a module version.
		///
		/// The origin is signed and becomes the author. A deposit for the stored bytes is held and, for a deterministic
		/// version, a bond of [`Config::DeterministicBond`].
		///
		/// * `name`: its name and tag, which nobody has used before.
		/// * `runtime`: its code, by digest.
		/// * `fetch_bytes`: size of the image's archive or of the code; gives providers time to fetch it.
		/// * `min_spec`: the least machine that runs it.
		/// * `max_run`: its longest run, in milliseconds.
		/// * `fee`: what the author earns per completed run.
		/// * `profile`: whether equal inputs give equal results.
		/// * `manifest`: the JSON text of the manifest. The chain keeps it and does not read it.
		///
		/// Errors: [`Error::BadName`], [`Error::NameTaken`], [`Error::BadRuntime`], [`Error::BadMinSpec`],
		/// [`Error::BadMaxRun`], [`Error::EmptyManifest`], [`Error::NoIdsLeft`], or the currency's when the author has not
		/// enough. Emits [`Event::ModuleRegistered`].
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register(manifest.len() as u32))]
		pub fn register(
			origin: OriginFor<T>,
			name: ModuleName,
			runtime: RuntimeImage,
			fetch_bytes: u64,
			min_spec: MachineSpec,
			max_run: Millis,
			fee: Balance,
			profile: Profile,
			manifest: ManifestBytes,
		) -> DispatchResult {
			let author = ensure_signed(origin)?;
			let info = ModuleInfo {
				name,
				author,
				runtime,
				fetch_bytes,
				min_spec,
				max_run,
				fee,
				profile,
				curated: false,
				delisted: false,
				manifest_hash: sp_io::hashing::blake2_256(&manifest),
				bond: Self::bond_for(profile),
			};
			Self::do_register(info, manifest).map(|_| ())
		}

		/// Marks a version as curated, or takes the mark away.
		///
		/// The origin is [`Config::CurateOrigin`]. Setting the mark to what it is changes nothing.
		///
		/// Errors: [`Error::UnknownVersion`]. Emits [`Event::CuratedSet`].
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::set_curated())]
		pub fn set_curated(origin: OriginFor<T>, version: VersionId, curated: bool) -> DispatchResult {
			T::CurateOrigin::ensure_origin(origin)?;
			Self::do_set_curated(version, curated)
		}

		/// Withdraws a version: nothing new is posted or matched with it, deals that run go on.
		///
		/// The origin is the author's signature or [`Config::CurateOrigin`]. There is no way back: register another tag.
		///
		/// Errors: [`Error::UnknownVersion`], [`Error::NotAuthor`], [`Error::AlreadyDelisted`]. Emits
		/// [`Event::ModuleDelisted`].
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::delist())]
		pub fn delist(origin: OriginFor<T>, version: VersionId) -> DispatchResult {
			let who = match T::CurateOrigin::try_origin(origin) {
				Ok(_) => None,
				Err(origin) => Some(ensure_signed(origin)?),
			};
			Self::do_delist(who, version)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The version behind a name, and its record.
		pub fn module(name: ModuleName) -> Option<(VersionId, ModuleInfo<T::AccountId>)> {
			let version = VersionIds::<T>::get(&name)?;
			Some((version, Versions::<T>::get(version)?))
		}

		/// A version's manifest: JSON text, whose BLAKE2b-256 is the record's `manifest_hash`.
		pub fn manifest(version: VersionId) -> Option<ManifestBytes> {
			Manifests::<T>::get(version)
		}
	}
}
