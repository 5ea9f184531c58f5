//! Says on the market's chain which requests were taken back at the gateway, because nothing was proven to it for long.
//!
//! Until the chain has booked an exit, its answer must not count as delivered: what is delivered, the chain forgets.

use super::{
	attest::{refused, Done},
	Lane,
};
use crate::{
	clock,
	error::LaneError,
	evm::{
		abi::{self, Gateway, EXITED},
		EvmError, Tag, ViewCall,
	},
	journal::InboundRecord,
	market::{LaneView, State},
};
use alloy::{primitives::Bytes, sol_types::SolCall};
use lilypad_client::gateway::{Inbound, Ticket};
use std::time::Instant;

impl Lane {
	/// Says that a request was taken back, from this time on. `record` is what the number stands for, as far as it was read.
	pub(super) async fn attest_exit(
		&self,
		id: u64,
		record: Option<&InboundRecord>,
		courtesy_until: Instant,
	) -> Result<Done, LaneError> {
		if self.is_booked(State::Finalized, id).await? {
			self.journal.close_exit(self.id, id)?;
			tracing::info!(
				lane = self.id,
				id,
				"the market's chain knows that this request was taken back"
			);
			return Ok(Done::Closed);
		}
		let Some(ticket) = self.exited_ticket(id, record).await? else {
			// What the number stands for is read, or decided, before long.
			return Ok(Done::Waiting);
		};
		let digest = ticket.exit_digest();
		let votes = self.market.votes(self.id, id).await?;
		let said = votes
			.iter()
			.any(|vote| vote.member == self.key.account() && vote.digest == digest);
		if said || self.is_booked(State::Best, id).await? {
			return Ok(Done::Said);
		}
		if clock::now() < courtesy_until {
			return Ok(Done::Waiting);
		}
		match self.market.attest_exit(self.id, ticket).await {
			Ok(()) => {
				self.tally.attested.add(1);
				tracing::info!(lane = self.id, id, "attested that it was taken back");
				Ok(Done::Said)
			},
			Err(error) => refused(self, id, error),
		}
	}

	/// Whether a number is decided, and the gateway is not held to wait for anything about it.
	async fn is_booked(&self, state: State, id: u64) -> Result<bool, LaneError> {
		let decided = self.market.handled(state, self.id, id).await?.is_some()
			|| id < self.market.first_kept(self.id).await?;
		Ok(decided && self.market.pending(state, self.id, id).await?.is_none())
	}

	/// What a request was to the gateway: from what was read there, or else as the market's chain has it.
	async fn exited_ticket(
		&self,
		id: u64,
		record: Option<&InboundRecord>,
	) -> Result<Option<Ticket>, LaneError> {
		match record.map(|record| &record.message) {
			Some(Inbound::Request(request)) => Ok(Some(request.ticket())),
			_ => Ok(self.market.pending(State::Finalized, self.id, id).await?),
		}
	}

	/// Whether a request was taken back, as of a block. Asked where no log has told of it: it may be from before this relayer's time.
	/// Yes is attested, and no lets the market's chain forget the answer, so neither is one endpoint's word alone.
	pub(super) async fn has_exited(&self, view: &LaneView, id: u64, block: u64) -> Result<bool, LaneError> {
		let call = ViewCall {
			from: None,
			to: abi::address(view.lane.gateway),
			data: Gateway::resultOfCall { id }.abi_encode().into(),
			gas: None,
		};
		let exited = |answer: Result<Bytes, Bytes>| {
			let answer = answer.map_err(EvmError::Reverted)?;
			let result = Gateway::resultOfCall::abi_decode_returns(&answer)
				.map_err(|e| EvmError::Unreadable(format!("what became of the request {id} ({e})")))?;
			Ok(result.state == EXITED)
		};
		Ok(self.pool.agreed_call(&call, Tag::Number(block), exited).await?)
	}
}
