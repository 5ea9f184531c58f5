//! What a job would cost, before it is posted: asked from the market itself, so that the answer is what posting would meet
//! with.

use crate::{error::CallError, submit::call_error, types::Quote, view::View, AccountId, Client, ClientError};
use codec::{Decode, Encode};
use lilypad_primitives::JobRequest;
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
		let unreadable = |reason: &dyn std::fmt::Display| ClientError::Decode {
			what: "quote".into(),
			reason: reason.to_string(),
		};
		let metadata = self.at_block().metadata_ref();
		let id = metadata
			.pallet_by_name("Market")
			.and_then(|pallet| pallet.view_function_by_name("quote"))
			.map(|function| *function.query_id())
			.ok_or_else(|| unreadable(&"the chain gives none"))?;
		// The interface takes the arguments as bytes and gives the answer as bytes, each with its length.
		let arguments = (id, (creator, request).encode()).encode();
		let answer = self
			.at_block()
			.view_functions()
			.call_raw(Some(&arguments))
			.await
			.map_err(|e| self.client().failure(e))?;
		let answer = Result::<Vec<u8>, ViewFunctionDispatchError>::decode(&mut &answer[..])
			.map_err(|e| unreadable(&e))?
			.map_err(|e| unreadable(&format!("{e:?}")))?;
		let answer = Result::<Quote, sp_runtime::DispatchError>::decode(&mut &answer[..])
			.map_err(|e| unreadable(&e))?;
		answer.map_err(|error| self.explain(&error).into())
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
