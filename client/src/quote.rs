//! What the runtime's view functions answer; above all, what a job would cost before it is posted: asked from the market
//! itself, so that the answer is what posting would meet with.

use crate::{
	error::CallError,
	mediation::{Eras, MediationParameters},
	submit::call_error,
	types::Quote,
	view::View,
	AccountId, Client, ClientError,
};
use codec::{Decode, Encode};
use lilypad_primitives::{DealId, JobRequest};
use subxt::error::DispatchError;

impl Client {
	/// What a request would meet with, were it posted by this account now. Fails as posting it would, but for too small a
	/// budget; does not look at the account's balance.
	pub async fn quote(
		&self,
		creator: &AccountId,
		request: &JobRequest<AccountId>,
	) -> Result<Quote, ClientError> {
		self.best().await?.quote(creator, request).await
	}
}

impl View {
	/// The same, at this block.
	pub async fn quote(
		&self,
		creator: &AccountId,
		request: &JobRequest<AccountId>,
	) -> Result<Quote, ClientError> {
		let answer: Result<Quote, sp_runtime::DispatchError> = self
			.view_function("Market", "quote", (creator, request).encode())
			.await?;
		answer.map_err(|error| self.explain(&error).into())
	}

	/// Prices and rules of mediation in force.
	pub async fn mediation_parameters(&self) -> Result<MediationParameters, ClientError> {
		self.view_function("Mediation", "parameters", Vec::new()).await
	}

	/// Why governance could not set these prices and rules; nothing, if it could.
	pub async fn why_not(&self, parameters: &MediationParameters) -> Result<Option<String>, ClientError> {
		self.view_function("Mediation", "why_not", parameters.encode())
			.await
	}

	/// How blocks are counted in eras, from whose beginning on changes of mediators count.
	pub async fn eras(&self) -> Result<Eras, ClientError> {
		self.view_function("Mediation", "eras_in_force", Vec::new()).await
	}

	/// Whether a submitted result is to be audited. `None` while that is open, and when there is nothing to audit.
	pub async fn is_drawn(&self, deal: DealId) -> Result<Option<bool>, ClientError> {
		self.view_function("Deals", "is_drawn", deal.encode()).await
	}

	/// What one of the runtime's view functions answers.
	async fn view_function<T: Decode>(
		&self,
		pallet: &str,
		name: &str,
		arguments: Vec<u8>,
	) -> Result<T, ClientError> {
		let unreadable = |reason: &dyn std::fmt::Display| ClientError::Decode {
			what: format!("{pallet}.{name}"),
			reason: reason.to_string(),
		};
		let metadata = self.at_block().metadata_ref();
		let id = metadata
			.pallet_by_name(pallet)
			.and_then(|pallet| pallet.view_function_by_name(name))
			.map(|function| *function.query_id())
			.ok_or_else(|| unreadable(&"the chain gives none"))?;
		// The interface takes the arguments as bytes and gives the answer as bytes, each with its length.
		let arguments = (id, arguments).encode();
		let answer = self
			.at_block()
			.view_functions()
			.call_raw(Some(&arguments))
			.await
			.map_err(|e| self.client().failure(e))?;
		let answer = Result::<Vec<u8>, ViewFunctionDispatchError>::decode(&mut &answer[..])
			.map_err(|e| unreadable(&e))?
			.map_err(|e| unreadable(&format!("{e:?}")))?;
		T::decode(&mut &answer[..]).map_err(|e| unreadable(&e))
	}

	/// An error of the runtime in words.
	pub(crate) fn explain(&self, error: &sp_runtime::DispatchError) -> CallError {
		match DispatchError::decode_from(error.encode(), self.at_block().metadata()) {
			Ok(error) => call_error(error),
			Err(_) => CallError::Other(format!("{error:?}")),
		}
	}
}

/// Why a view function was not even called.
#[derive(Debug, Decode)]
enum ViewFunctionDispatchError {
	/// The chain has no view functions.
	NotImplemented,
	/// It has not this one.
	NotFound(#[allow(dead_code)] [u8; 32]), // Shown by `Debug`.
	/// It can't read the arguments.
	Codec,
}
