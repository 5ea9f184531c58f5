//! What a job would cost, before it is posted: asked from the market itself, so that the answer is what posting would meet
//! with.

use crate::{error::CallError, submit::call_error, types::Quote, view::View, AccountId, Client, ClientError};
use codec::Encode;
use lilypad_primitives::JobRequest;
use subxt::{error::DispatchError, utils::Static};

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
		type Answer = Static<Result<Quote, sp_runtime::DispatchError>>;
		let args = (Static(creator.clone()), Static(request.clone()));
		let payload = subxt::dynamic::view_function_call::<_, Answer>("Market", "quote", args);
		let answer = self
			.at_block()
			.view_functions()
			.call(payload)
			.await
			.map_err(|e| self.client().failure(e))?;
		answer.0.map_err(|error| self.explain(&error).into())
	}

	/// An error of the runtime in words.
	pub(crate) fn explain(&self, error: &sp_runtime::DispatchError) -> CallError {
		match DispatchError::decode_from(error.encode(), self.at_block().metadata()) {
			Ok(error) => call_error(error),
			Err(_) => CallError::Other(format!("{error:?}")),
		}
	}
}
