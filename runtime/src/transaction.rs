//! What a signed transaction weighs by itself: to decode it, to check its signature, and the notes that the block keeps of it. Its call and
//! its extensions are charged for themselves.

use frame_support::weights::Weight;

/// Weights of a transaction.
pub trait WeightInfo {
	/// Of a transaction without its call and its extensions.
	fn transaction() -> Weight;
}

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::Pallet;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking {
	#![allow(missing_docs)]

	use alloc::{vec, vec::Vec};
	use codec::{Decode, Encode};
	use core::marker::PhantomData;
	use frame_benchmarking::{benchmarking::add_to_whitelist, v2::*};
	use frame_support::{dispatch::GetDispatchInfo, storage::storage_prefix, StorageHasher};
	use frame_system::offchain::CreateAuthorizedTransaction;
	use sp_core::crypto::KeyTypeId;
	use sp_runtime::{generic::ExtrinsicFormat, traits::Checkable, MultiSignature};

	use crate::{Runtime, RuntimeCall, SignedPayload, System, UncheckedExtrinsic};

	const KEY_TYPE: KeyTypeId = KeyTypeId(*b"bnch");

	/// About as long as the transactions of a job.
	const BYTES: usize = 100;

	pub trait Config: frame_system::Config {}

	impl Config for Runtime {}

	/// Has no calls and no storage: only what is measured.
	pub struct Pallet<T: Config>(PhantomData<T>);

	/// As it comes from the network.
	fn signed_transaction() -> Vec<u8> {
		let public = sp_io::crypto::sr25519_generate(KEY_TYPE, None);
		let call = RuntimeCall::System(frame_system::Call::remark {
			remark: vec![0; BYTES],
		});
		let extension = <Runtime as CreateAuthorizedTransaction<RuntimeCall>>::create_extension();
		let payload = SignedPayload::new(call.clone(), extension.clone()).expect("nothing is missing; qed");
		let signature = payload
			.using_encoded(|payload| sp_io::crypto::sr25519_sign(KEY_TYPE, &public, payload))
			.expect("the keystore has the key; qed");
		let sender = sp_runtime::AccountId32::from(public).into();
		UncheckedExtrinsic::new_signed(call, sender, MultiSignature::Sr25519(signature), extension).encode()
	}

	#[benchmarks]
	mod benchmarks {
		use super::*;

		#[benchmark]
		fn transaction() {
			let received = signed_transaction();
			// Gone at the end of the block.
			let mut noted = storage_prefix(b"System", b"ExtrinsicData").to_vec();
			noted.extend(frame_support::Twox64Concat::hash(&0u32.encode()));
			add_to_whitelist(noted.into());
			let checked;

			#[block]
			{
				// As the executive does.
				let decoded = UncheckedExtrinsic::decode(&mut &received[..]).expect("it was encoded; qed");
				let encoded = decoded.encode();
				let applicable = decoded
					.check(&frame_system::ChainContext::<Runtime>::default())
					.expect("it is signed; qed");
				let info = applicable.get_dispatch_info();
				System::note_extrinsic(encoded);
				System::note_applied_extrinsic(&Ok(().into()), info);
				checked = applicable;
			}

			assert!(matches!(checked.format, ExtrinsicFormat::Signed(..)));
		}
	}
}
