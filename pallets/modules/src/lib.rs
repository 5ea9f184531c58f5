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
//! 4. *The author or the curators deprecate* a version ([`Pallet::deprecate`]), with a reason and a successor if they
//!    like: it still runs, and clients warn. That can be taken back ([`Pallet::restore`]).
//! 5. *The author or the curators delist* a version ([`Pallet::delist`]): nothing new is matched. The record stays, so
//!    that deals that still run can end, and so that the name can't be taken by somebody else.
//! 6. *The author reclaims* what backed a delisted version ([`Pallet::reclaim`]), once no deal can live any longer that
//!    was made before: the bond, and the deposits for manifest and note. Record and name stay, and what is held for them.
//!
//! ## Invariants
//!
//! [`Pallet::do_try_state`] checks them:
//!
//! 1. What an account has on hold for a reason is the sum over its records.
//! 2. Every name leads to a record of that name, and every record is reached by its name.
//! 3. Every record has a deposit, and a manifest with the recorded hash unless it was reclaimed; then it has no bond.
//! 4. Every id is below the next one.
//! 5. Only a delisted version has a block in which it was delisted; a note belongs to a version and names another one.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod impls;
#[cfg(test)]
mod mock;
mod retire;
mod slash;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::{Deprecation, Reason, MAX_REASON};
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
		module::ManifestBytes, Balance, BlockNumber, MachineSpec, Millis, ModuleInfo, ModuleName, Profile,
		RuntimeImage, VersionId,
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
		/// Blocks after which an author can reclaim what backed a delisted version: longer than any deal lives.
		#[pallet::constant]
		type ReclaimDelay: Get<BlockNumber>;
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

	/// The notes on versions that still run and should no longer be used.
	// As for the records.
	#[pallet::storage]
	pub type Deprecations<T: Config> = StorageMap<_, Twox64Concat, VersionId, Deprecation, OptionQuery>;

	/// When each delisted version was delisted, until what backed it is reclaimed.
	// As for the records.
	#[pallet::storage]
	pub type DelistedAt<T: Config> = StorageMap<_, Twox64Concat, VersionId, BlockNumber, OptionQuery>;

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
		/// A part of an author's bond was taken: the version is not as deterministic as was promised.
		AuthorSlashed {
			/// The version.
			version: VersionId,
			/// Who got it; the treasury, when whoever should have got it can't hold it.
			to: T::AccountId,
			/// How much.
			amount: Balance,
		},
		/// A version still runs and should no longer be used.
		ModuleDeprecated {
			/// The version.
			version: VersionId,
			/// What to use in its place.
			successor: Option<VersionId>,
		},
		/// A version is no longer deprecated.
		ModuleRestored {
			/// The version.
			version: VersionId,
		},
		/// The author of a delisted version has back what backed it. The manifest is gone; record and name stay.
		ModuleReclaimed {
			/// The version.
			version: VersionId,
			/// What was left of the bond.
			bond: Balance,
			/// What was held for manifest and note.
			deposit: Balance,
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
		/// The successor is the version itself, unknown or withdrawn.
		BadSuccessor,
		/// The reason is not readable text.
		BadReason,
		/// The version is not deprecated.
		NotDeprecated,
		/// Only what backed a withdrawn version can be reclaimed. Delist it first.
		NotDelisted,
		/// What backed the version was reclaimed before.
		AlreadyReclaimed,
		/// Deals may still live that depend on the version. Try again after this many blocks (65,535 stands for more).
		TooEarly {
			/// Blocks to wait.
			wait: u16,
		},
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
			let who = Self::author_or_curators(origin)?;
			Self::do_delist(who, version)
		}

		/// Marks a version as one that still runs and should no longer be used, or changes that note.
		///
		/// The origin is the author's signature or [`Config::CurateOrigin`]. Of an author, a deposit for the note is held.
		///
		/// * `successor`: what to use in its place.
		/// * `reason`: text for people to read; may be empty.
		///
		/// Errors: [`Error::UnknownVersion`], [`Error::NotAuthor`], [`Error::AlreadyDelisted`], [`Error::BadSuccessor`],
		/// [`Error::BadReason`], or the currency's when the author has not enough. Emits [`Event::ModuleDeprecated`].
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::deprecate())]
		pub fn deprecate(
			origin: OriginFor<T>,
			version: VersionId,
			successor: Option<VersionId>,
			reason: Reason,
		) -> DispatchResult {
			let who = Self::author_or_curators(origin)?;
			Self::do_deprecate(who, version, successor, reason)
		}

		/// Takes the note off a deprecated version, and gives its deposit back.
		///
		/// The origin is the author's signature or [`Config::CurateOrigin`].
		///
		/// Errors: [`Error::UnknownVersion`], [`Error::NotAuthor`], [`Error::NotDeprecated`]. Emits
		/// [`Event::ModuleRestored`].
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::restore())]
		pub fn restore(origin: OriginFor<T>, version: VersionId) -> DispatchResult {
			let who = Self::author_or_curators(origin)?;
			Self::do_restore(who, version)
		}

		/// Gives the author back what backed a delisted version: its bond, and the deposits for its manifest and note, both
		/// of which are removed. Name and record stay, so that nobody can take the name.
		///
		/// The origin is the author's signature, [`Config::ReclaimDelay`] blocks after the version was delisted.
		///
		/// Errors: [`Error::UnknownVersion`], [`Error::NotAuthor`], [`Error::NotDelisted`], [`Error::AlreadyReclaimed`],
		/// [`Error::TooEarly`]. Emits [`Event::ModuleReclaimed`].
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::reclaim())]
		pub fn reclaim(origin: OriginFor<T>, version: VersionId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_reclaim(who, version)
		}
	}

	impl<T: Config> Pallet<T> {
		/// The author's account, or `None` for the curators.
		fn author_or_curators(origin: OriginFor<T>) -> Result<Option<T::AccountId>, DispatchError> {
			match T::CurateOrigin::try_origin(origin) {
				Ok(_) => Ok(None),
				Err(origin) => Ok(Some(ensure_signed(origin)?)),
			}
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// The version behind a name, and its record.
		pub fn module(name: ModuleName) -> Option<(VersionId, ModuleInfo<T::AccountId>)> {
			let version = VersionIds::<T>::get(&name)?;
			Some((version, Versions::<T>::get(version)?))
		}

		/// The note on a version, if it is deprecated.
		pub fn deprecation(version: VersionId) -> Option<Deprecation> {
			Deprecations::<T>::get(version)
		}

		/// A version's manifest: JSON text, whose BLAKE2b-256 is the record's `manifest_hash`.
		pub fn manifest(version: VersionId) -> Option<ManifestBytes> {
			Manifests::<T>::get(version)
		}
	}
}
