//! The transaction extension that lets entitled calls pass without a fee.

use alloc::vec;
use core::{fmt, marker::PhantomData};

use codec::{Decode, DecodeWithMemTracking, Encode};
use frame_support::{
	dispatch::{CheckIfFeeless, DispatchClass, DispatchInfo, PostDispatchInfo},
	pallet_prelude::TransactionSource,
	traits::OriginTrait,
	weights::Weight,
};
use frame_system::pallet_prelude::{OriginFor, RuntimeCallFor};
use scale_info::{StaticTypeInfo, Type, TypeInfo};
use sp_runtime::{
	traits::{
		DispatchInfoOf, Dispatchable, Get, Implication, PostDispatchInfoOf, TransactionExtension,
		TransactionExtensionMetadata, ValidateResult,
	},
	transaction_validity::{TransactionTag, TransactionValidityError, ValidTransaction},
	DispatchResult,
};

use crate::{Config, Pallet, Rights, WeightInfo};

/// Lets an entitled call pass; hands every other call to `S`, the extension that charges fees.
///
/// Wallets see `S` and nothing of this: it adds nothing to a transaction, and bears the name of `S`.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking)]
pub struct EntitledCall<T, S>(pub S, PhantomData<T>);

impl<T, S> EntitledCall<T, S> {
	/// Wraps `payment`.
	pub fn new(payment: S) -> Self {
		Self(payment, PhantomData)
	}
}

impl<T, S> From<S> for EntitledCall<T, S> {
	fn from(payment: S) -> Self {
		Self::new(payment)
	}
}

impl<T, S: fmt::Debug> fmt::Debug for EntitledCall<T, S> {
	fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
		self.0.fmt(f)
	}
}

impl<T: 'static, S: StaticTypeInfo> TypeInfo for EntitledCall<T, S> {
	type Identity = S;

	fn type_info() -> Type {
		S::type_info()
	}
}

/// What becomes of a call: found out when it is validated, and carried on from there.
pub enum Treatment<Free, Paid> {
	/// It is entitled: no fee.
	Free(Free),
	/// It pays; this is what the wrapped extension carries on.
	Paid(Paid),
}

/// What is left to settle for a free call once it was dispatched.
pub struct Settle {
	/// Weight of the wrapped extension, which didn't run.
	unused: Weight,
}

impl<T, S> EntitledCall<T, S>
where
	T: Config,
	RuntimeCallFor<T>: Dispatchable<Info = DispatchInfo> + CheckIfFeeless<Origin = OriginFor<T>>,
{
	/// The tag that the call provides if it is entitled, or `None` if it has to pay.
	///
	/// The predicate comes last: it is the only part that reads state.
	fn entitlement(
		origin: &OriginFor<T>,
		call: &RuntimeCallFor<T>,
		info: &DispatchInfo,
		length: usize,
	) -> Option<TransactionTag> {
		let right = T::Rights::exercised_by(call)?;
		let sender = origin.as_signer()?;
		let may_be_free = info.class == DispatchClass::Normal
			&& length <= T::MaxLength::get() as usize
			&& Pallet::<T>::cost_of(info).all_lte(Pallet::<T>::allowance());
		(may_be_free && call.is_feeless(origin)).then(|| ("entitled", sender, right).encode())
	}
}

impl<T, S> TransactionExtension<RuntimeCallFor<T>> for EntitledCall<T, S>
where
	T: Config + Clone + PartialEq + Eq + Send + Sync,
	S: TransactionExtension<RuntimeCallFor<T>>,
	RuntimeCallFor<T>: Dispatchable<Info = DispatchInfo, PostInfo = PostDispatchInfo>
		+ CheckIfFeeless<Origin = OriginFor<T>>,
{
	const IDENTIFIER: &'static str = S::IDENTIFIER;
	type Implicit = S::Implicit;
	type Val = Treatment<(), S::Val>;
	type Pre = Treatment<Settle, S::Pre>;

	fn implicit(&self) -> Result<Self::Implicit, TransactionValidityError> {
		self.0.implicit()
	}

	fn metadata() -> alloc::vec::Vec<TransactionExtensionMetadata> {
		S::metadata()
	}

	fn weight(&self, call: &RuntimeCallFor<T>) -> Weight {
		let payment = self.0.weight(call);
		let Some(right) = T::Rights::exercised_by(call) else {
			return payment;
		};
		// Both, as the predicate may say no; an entitled call is given the payment's part back.
		payment
			.saturating_add(T::Rights::predicate_weight(&right))
			.saturating_add(T::WeightInfo::take_and_give_back())
	}

	fn validate(
		&self,
		origin: OriginFor<T>,
		call: &RuntimeCallFor<T>,
		info: &DispatchInfoOf<RuntimeCallFor<T>>,
		len: usize,
		self_implicit: Self::Implicit,
		inherited_implication: &impl Implication,
		source: TransactionSource,
	) -> ValidateResult<Self::Val, RuntimeCallFor<T>> {
		if let Some(tag) = Self::entitlement(&origin, call, info, len) {
			let valid = ValidTransaction {
				priority: T::Priority::get(),
				provides: vec![tag],
				..Default::default()
			};
			return Ok((valid, Treatment::Free(()), origin));
		}

		let (mut valid, val, origin) = self.0.validate(
			origin,
			call,
			info,
			len,
			self_implicit,
			inherited_implication,
			source,
		)?;
		valid.priority = valid.priority.min(T::Priority::get().saturating_sub(1));
		Ok((valid, Treatment::Paid(val), origin))
	}

	fn prepare(
		self,
		val: Self::Val,
		origin: &OriginFor<T>,
		call: &RuntimeCallFor<T>,
		info: &DispatchInfoOf<RuntimeCallFor<T>>,
		len: usize,
	) -> Result<Self::Pre, TransactionValidityError> {
		match val {
			// Only here, not in `validate`: a transaction may enter the pool however full the present block is.
			Treatment::Free(()) => {
				Pallet::<T>::take(Pallet::<T>::cost_of(info))?;
				Ok(Treatment::Free(Settle {
					unused: self.0.weight(call),
				}))
			},
			Treatment::Paid(val) => self.0.prepare(val, origin, call, info, len).map(Treatment::Paid),
		}
	}

	fn post_dispatch_details(
		pre: Self::Pre,
		info: &DispatchInfoOf<RuntimeCallFor<T>>,
		post_info: &PostDispatchInfoOf<RuntimeCallFor<T>>,
		len: usize,
		result: &DispatchResult,
	) -> Result<Weight, TransactionValidityError> {
		match pre {
			Treatment::Free(Settle { unused }) => {
				Pallet::<T>::give_back(post_info.calc_unspent(info).saturating_add(unused));
				Ok(unused)
			},
			Treatment::Paid(pre) => S::post_dispatch_details(pre, info, post_info, len, result),
		}
	}
}
