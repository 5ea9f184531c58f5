//! Benchmarks of the pallet's own work. What the predicates cost is the business of the pallets that declare them.
#![allow(missing_docs)]

use frame_benchmarking::v2::*;
use frame_support::{traits::Hooks, weights::Weight};
use sp_runtime::traits::Zero;

use crate::{Config, Pallet, Used};

#[benchmarks]
mod benchmarks {
	use super::*;

	#[benchmark]
	fn take_and_give_back() {
		let half = Pallet::<T>::allowance() / 2;
		Used::<T>::put(half);

		#[block]
		{
			let taken = Pallet::<T>::take(half);
			assert!(taken.is_ok());
			Pallet::<T>::give_back(half);
		}

		assert_eq!(Used::<T>::get(), half);
	}

	#[benchmark]
	fn clear() {
		Used::<T>::put(Weight::from_parts(1, 1));

		#[block]
		{
			Pallet::<T>::on_finalize(Zero::zero());
		}

		assert!(!Used::<T>::exists());
	}

	impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Runtime);
}
