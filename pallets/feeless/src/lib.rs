//! # Calls without a fee for those who are entitled to them
//!
//! A market that fines a provider for being late must not make it pay, or queue, for being on time. So some calls are
//! free for the one party that is entitled to make them *now*, and go before calls that pay.
//!
//! ## Terminology
//!
//! * **Predicate**: what a pallet declares on a call with `#[pallet::feeless_if(..)]`: may this origin make this call,
//!   with these arguments, in the present state? It does every check that the call does, so a call that passes can't
//!   fail.
//! * **Right**: what a call uses up, such as "to acknowledge deal 7". The runtime names it ([`Rights`]); a call that
//!   exercises no right is never free, whatever its pallet declares.
//! * **Entitled call**: one that exercises a right, passes its predicate and is within the limits below.
//!
//! ## What happens
//!
//! [`EntitledCall`] wraps the extension that charges fees:
//!
//! 1. *An entitled call* pays nothing and gets the fixed priority [`Config::Priority`]. A balance isn't needed, nor a
//!    tip heeded.
//! 2. *Any other call* is charged as ever, and its priority is capped just below, so that no tip can buy the place of
//!    an entitled call.
//! 3. *Entitled calls together* fill at most [`Config::Share`] of what a block has for ordinary transactions. Beyond
//!    that they wait in the pool for the next block; payers always have the rest of the block.
//! 4. *A call that is too long* ([`Config::MaxLength`]), or too heavy to ever fit into the share, or of another class
//!    than `Normal`, pays like everyone.
//! 5. *Wrapped calls* (batches, proxies, multi-signatures) pay: the wrapper is the call, and has no predicate.
//!
//! ## Why it can't be abused
//!
//! Every free call spends a right, and rights are made by paid-for things (a deal, a bond). To keep one right from
//! filling the pool with free calls of which one can succeed, an entitled call *provides* a tag made of its sender and
//! its right: the pool holds no two transactions with the same tag.
//!
//! ## Data
//!
//! One number, the weight of the block's entitled calls so far, which is gone at the end of the block. No calls, no
//! events.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod extension;
#[cfg(test)]
mod mock;
mod share;
#[cfg(test)]
mod tests;
pub mod weights;

pub use extension::EntitledCall;
pub use pallet::*;
pub use weights::WeightInfo;

use codec::Encode;
use frame_support::weights::Weight;

/// Names the right that a call uses up.
///
/// The unit type knows no rights: with it, every call pays.
pub trait Rights<Call> {
	/// A right, such as "to acknowledge deal 7". Two calls that can't both succeed for the same sender should exercise
	/// the same right; two that can must not.
	type Right: Encode;

	/// The right that `call` exercises, or `None` if it isn't a call that can be free.
	///
	/// Looks at the call's arguments only: it must be cheap and must not read state.
	fn exercised_by(call: &Call) -> Option<Self::Right>;

	/// What it weighs at most to find out, by the predicate of its call, whether a sender has `right`.
	fn predicate_weight(right: &Self::Right) -> Weight;
}

impl<Call> Rights<Call> for () {
	type Right = ();

	fn exercised_by(_call: &Call) -> Option<()> {
		None
	}

	fn predicate_weight(_right: &()) -> Weight {
		Weight::zero()
	}
}

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::pallet_prelude::*;
	use frame_system::pallet_prelude::*;
	use sp_runtime::Perbill;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// How the pallet is set up.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// Which calls exercise which rights.
		type Rights: Rights<Self::RuntimeCall>;

		/// The priority of every entitled call. Above zero; whatever pays gets less.
		#[pallet::constant]
		type Priority: Get<TransactionPriority>;

		/// The share of a block's weight for `Normal` transactions that entitled calls may fill together.
		#[pallet::constant]
		type Share: Get<Perbill>;

		/// The length, in bytes, of the longest transaction that can be free.
		#[pallet::constant]
		type MaxLength: Get<u32>;

		/// Weights of the pallet's own work.
		type WeightInfo: WeightInfo;
	}

	/// The weight of the entitled calls in the block so far. Removed at its end.
	// Whitelisted: it never leaves the block's overlay, so it costs neither a read nor a write of the database.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type Used<T: Config> = StorageValue<_, Weight, ValueQuery>;

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			// For `on_finalize`.
			T::WeightInfo::clear()
		}

		fn on_finalize(_: BlockNumberFor<T>) {
			Used::<T>::kill();
		}

		#[cfg(feature = "std")]
		fn integrity_test() {
			assert!(
				T::Priority::get() > 0,
				"nothing could have a lower priority than an entitled call"
			);
			assert!(T::MaxLength::get() > 0, "no call is short enough to be free");
			assert!(
				Self::cost_of(&Default::default()).all_lte(Self::allowance()),
				"the share is too small for even an empty call"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			ensure!(
				!Used::<T>::exists(),
				"the weight used by entitled calls outlived its block"
			);
			Ok(())
		}
	}
}
