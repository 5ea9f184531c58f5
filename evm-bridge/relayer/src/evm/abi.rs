//! What the gateway's contracts understand and say. `evm-bridge/contracts` has the original; the tests here compare both with
//! its vectors, byte for byte.
// Events have as many fields as they have.
#![allow(clippy::too_many_arguments)]

use alloy::{
	primitives::{Address, Bytes, B256, U256},
	rpc::types::Log,
	sol,
	sol_types::{SolCall, SolError, SolEvent, SolInterface},
};
use lilypad_client::{
	gateway::{self, Deposit, Inbound, Message, Request},
	AccountId,
};
use sp_core::H160;

sol! {
	/// What the gateway remembers of a request.
	#[derive(Debug, PartialEq)]
	struct Ticket {
		uint64 id;
		address requester;
		address refundTo;
		uint96 budget;
		uint64 acceptBy;
		uint32 callbackGas;
		bytes32 job;
	}

	/// How a request ended.
	#[derive(Debug, PartialEq)]
	struct Answer {
		uint64 deal;
		uint8 status;
		int32 exitCode;
		bytes32 root;
		uint96 cost;
		uint96 refund;
	}

	/// LP that somebody on the chain sends to somebody there.
	#[derive(Debug, PartialEq)]
	struct Payout {
		uint64 nonce;
		address to;
		uint96 amount;
	}

	/// What is proven.
	#[derive(Debug, PartialEq)]
	struct Batch {
		uint64 set;
		uint64 time;
		bytes32[] messages;
		bytes proof;
	}

	/// An answer, and where in the batch it stands.
	#[derive(Debug, PartialEq)]
	struct AnswerDelivery {
		uint256 index;
		Ticket ticket;
		Answer answer;
	}

	/// A payout, and where in the batch it stands.
	#[derive(Debug, PartialEq)]
	struct PayoutDelivery {
		uint256 index;
		Payout payout;
	}

	/// The gateway.
	#[derive(Debug, PartialEq)]
	interface Gateway {
		/// Somebody asked for computation.
		event Requested(
			uint64 indexed id,
			address indexed requester,
			bytes32 indexed ticket,
			address refundTo,
			uint96 budget,
			uint64 acceptBy,
			uint64 timeLimit,
			uint32 callbackGas,
			bytes32 delegate,
			string module,
			string[] inputs
		);
		/// Somebody sent LP.
		event Deposited(uint64 indexed id, address indexed from, bytes32 indexed account, uint96 amount);
		/// A request was answered.
		event Answered(
			uint64 indexed id,
			address indexed requester,
			address indexed refundTo,
			bytes32 root,
			uint64 deal,
			uint8 status,
			int32 exitCode,
			uint96 cost,
			uint96 refund
		);
		/// A payout arrived.
		event PaidOut(uint64 indexed nonce, address indexed to, uint96 amount);
		/// A request was taken back.
		event Exited(uint64 indexed id, address indexed refundTo, uint96 amount);

		/// Deliveries are paused until this time.
		error DeliveryIsPaused(uint256 until);
		/// The batch's block is too far ahead.
		error BatchFromTheFuture(uint256 time);
		/// Everything in it was delivered before.
		error NothingNew();
		/// There is no such request.
		error UnknownRequest(uint64 id);
		/// The ticket is not that of the request.
		error WrongTicket(uint64 id);
		/// The gateway does not hold this much.
		error LaneShort(uint256 wanted, uint256 locked);
		/// More than may leave now.
		error OutflowLimited(uint256 wanted, uint256 room);
		/// Too little gas for a callback.
		error NotEnoughGas(uint256 needed, uint256 left);
		/// The proof's set is not in office. The verifier's error, passed on.
		error WrongSet(uint64 set, uint64 current);

		/// Delivers messages of a batch.
		function deliver(Batch batch, AnswerDelivery[] answers, PayoutDelivery[] payouts) external;
		/// Number of the last request or deposit.
		function lastInbound() external view returns (uint64);
		/// When the chain was last heard of.
		function lastSeen() external view returns (uint256);
		/// When the bridge was declared dead; 0 if it lives.
		function deadSince() external view returns (uint256);
		/// What convinces the gateway.
		function verifier() external view returns (address);
		/// What became of a request: its state as a number, and the result where there is one.
		function resultOf(uint64 id) external view returns (uint8 state, uint8 status, int32 exitCode, bytes32 root);
		/// The lane's number.
		function LANE() external view returns (uint64);
	}

	/// The bridge set's contract.
	interface Verifier {
		/// Number of the set in office.
		function current() external view returns (uint64);
		/// Puts the next set into office.
		function rotate(uint8 threshold, address[] members, bytes proof) external;
	}
}

/// What a log of the gateway's says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logged {
	/// A request or a deposit.
	Inbound(Inbound),
	/// An answer has arrived.
	Answered(u64),
	/// A payout has arrived.
	PaidOut(u64),
	/// A request was taken back; its answer can't arrive any more.
	Exited(u64),
}

/// The gateway's state of a request that was taken back.
pub const EXITED: u8 = 5;

/// Why a log can't be what the gateway has logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLog {
	/// No event of the gateway, or not in its form.
	#[error("it is no event of the gateway's: {0}")]
	Form(String),
	/// Longer than the contracts let pass.
	#[error("it is longer than the gateway lets pass")]
	TooLong,
	/// Its parts contradict each other.
	#[error("its ticket is not the hash of its content")]
	Ticket,
}

/// First topics of the events that are read.
pub fn topics() -> Vec<B256> {
	vec![
		Gateway::Requested::SIGNATURE_HASH,
		Gateway::Deposited::SIGNATURE_HASH,
		Gateway::Answered::SIGNATURE_HASH,
		Gateway::PaidOut::SIGNATURE_HASH,
		Gateway::Exited::SIGNATURE_HASH,
	]
}

/// First topics of the events that carry the lane's inbound numbers.
pub fn inbound_topics() -> Vec<B256> {
	vec![
		Gateway::Requested::SIGNATURE_HASH,
		Gateway::Deposited::SIGNATURE_HASH,
	]
}

/// Reads a log, and checks what can be checked: an endpoint may lie.
pub fn read(log: &Log) -> Result<Logged, BadLog> {
	use Gateway::GatewayEvents as E;
	let event = <E as alloy::sol_types::SolEventInterface>::decode_log(&log.inner)
		.map_err(|e| BadLog::Form(e.to_string()))?
		.data;
	Ok(match event {
		E::Requested(event) => Logged::Inbound(Inbound::Request(request(event)?)),
		E::Deposited(event) => Logged::Inbound(Inbound::Deposit(Deposit {
			id: event.id,
			from: h160(event.from),
			account: AccountId::new(event.account.0),
			amount: event.amount.to::<u128>(),
		})),
		E::Answered(event) => Logged::Answered(event.id),
		E::PaidOut(event) => Logged::PaidOut(event.nonce),
		E::Exited(event) => Logged::Exited(event.id),
	})
}

fn request(event: Gateway::Requested) -> Result<Request, BadLog> {
	let inputs = event
		.inputs
		.into_iter()
		.map(|input| input.into_bytes().try_into().map_err(|_| BadLog::TooLong))
		.collect::<Result<Vec<_>, _>>()?;
	let request = Request {
		id: event.id,
		requester: h160(event.requester),
		refund_to: h160(event.refundTo),
		budget: event.budget.to::<u128>(),
		accept_by: event.acceptBy,
		time_limit: event.timeLimit,
		callback_gas: event.callbackGas,
		delegate: event.delegate.0,
		module: event
			.module
			.into_bytes()
			.try_into()
			.map_err(|_| BadLog::TooLong)?,
		inputs: inputs.try_into().map_err(|_| BadLog::TooLong)?,
	};
	let ticket = gateway::eip712::ticket(&request.ticket());
	match ticket.0 == event.ticket.0 {
		true => Ok(request),
		false => Err(BadLog::Ticket),
	}
}

/// The call that delivers these messages of a batch, by their places in it.
pub fn deliver(batch: &gateway::Batch, proof: Vec<u8>, places: &[usize]) -> Bytes {
	let (mut answers, mut payouts) = (Vec::new(), Vec::new());
	for place in places {
		match batch.messages.get(*place) {
			Some(Message::Answer { ticket, answer }) => answers.push(AnswerDelivery {
				index: U256::from(*place),
				ticket: (*ticket).into(),
				answer: (*answer).into(),
			}),
			Some(Message::Payout(payout)) => payouts.push(PayoutDelivery {
				index: U256::from(*place),
				payout: (*payout).into(),
			}),
			None => (),
		}
	}
	let messages = batch.messages.iter().map(|m| B256::from(m.hash().0)).collect();
	let call = Gateway::deliverCall {
		batch: Batch {
			set: batch.set,
			time: batch.time,
			messages,
			proof: proof.into(),
		},
		answers,
		payouts,
	};
	call.abi_encode().into()
}

/// The call that tells a gateway's verifier of a new set.
pub fn rotate(rotation: &gateway::Rotation) -> Bytes {
	let call = Verifier::rotateCall {
		threshold: rotation.threshold,
		members: rotation.members.iter().map(|member| address(*member)).collect(),
		proof: rotation.proof.to_vec().into(),
	};
	call.abi_encode().into()
}

/// A gas limit with which a delivery of these messages never lacks any (docs/bridge-messages.md).
pub fn gas_limit(batch: &gateway::Batch, places: &[usize]) -> u64 {
	let messages = places.iter().filter_map(|place| batch.messages.get(*place));
	let parts = messages.map(|message| match message {
		// A 63rd more, rounded up: a call gets at most 63/64 of what is there.
		Message::Answer { ticket, .. } => 130_000 + (u64::from(ticket.callback_gas) * 64).div_ceil(63),
		Message::Payout(_) => 60_000,
	});
	60_000 + 6_000 * batch.signatures.len() as u64 + parts.sum::<u64>()
}

/// Why the gateway, or its verifier, refused a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revert {
	/// All of it was delivered before.
	NothingNew,
	/// Not before this time, in Unix seconds.
	NotBefore(u64),
	/// Another set is in office there.
	WrongSet {
		/// Which.
		current: u64,
	},
	/// There is no such request any more: its block was re-organised away.
	Gone,
	/// More LP than may leave, or than is there, for now.
	NotNow(&'static str),
	/// Anything else, in words or hexadecimal.
	Other(String),
}

impl Revert {
	/// From the bytes of a revert.
	pub fn read(data: &[u8]) -> Self {
		use Gateway::GatewayErrors as E;
		let number = |n: U256| n.saturating_to::<u64>();
		match E::abi_decode(data) {
			Ok(E::NothingNew(_)) => Self::NothingNew,
			Ok(E::DeliveryIsPaused(error)) => Self::NotBefore(number(error.until)),
			// The gateway lets batches be up to 15 minutes ahead of its clock.
			Ok(E::BatchFromTheFuture(error)) => Self::NotBefore(number(error.time).saturating_sub(15 * 60)),
			Ok(E::WrongSet(error)) => Self::WrongSet {
				current: error.current,
			},
			Ok(E::UnknownRequest(_) | E::WrongTicket(_)) => Self::Gone,
			Ok(E::OutflowLimited(_)) => Self::NotNow("the gateway's outflow cap is used up"),
			Ok(E::LaneShort(_)) => Self::NotNow("the gateway holds less than that"),
			Ok(E::NotEnoughGas(_)) => Self::Other("the gas limit is too low for a callback".into()),
			Err(_) => Self::Other(
				alloy::sol_types::Revert::abi_decode(data)
					.map(|revert| revert.reason)
					.unwrap_or_else(|_| format!("0x{}", hex::encode(data))),
			),
		}
	}
}

/// An address, as the chain has it.
pub fn h160(address: Address) -> H160 {
	H160(address.into_array())
}

/// An address, as alloy has it.
pub fn address(address: H160) -> Address {
	Address::from(address.0)
}

/// An amount of LP as the contracts have it. What does not fit in 96 bits, the chain never names.
fn amount(amount: u128) -> alloy::primitives::aliases::U96 {
	alloy::primitives::aliases::U96::saturating_from(amount)
}

impl From<gateway::Ticket> for Ticket {
	fn from(t: gateway::Ticket) -> Self {
		Self {
			id: t.id,
			requester: address(t.requester),
			refundTo: address(t.refund_to),
			budget: amount(t.budget),
			acceptBy: t.accept_by,
			callbackGas: t.callback_gas,
			job: t.job.0.into(),
		}
	}
}

impl From<gateway::Answer> for Answer {
	fn from(a: gateway::Answer) -> Self {
		Self {
			deal: a.deal,
			status: a.status,
			exitCode: a.exit_code,
			root: a.root.into(),
			cost: amount(a.cost),
			refund: amount(a.refund),
		}
	}
}

impl From<gateway::Payout> for Payout {
	fn from(p: gateway::Payout) -> Self {
		Self {
			nonce: p.nonce,
			to: address(p.to),
			amount: amount(p.amount),
		}
	}
}

#[cfg(test)]
mod tests;
