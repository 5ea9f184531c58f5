//! What has happened at the gateway, and the logs that tell of it.

use crate::evm::abi::Gateway;
use alloy::{
	primitives::{Address, LogData},
	sol_types::SolEvent,
};
use lilypad_client::gateway::{eip712, Deposit, Inbound, Request};

/// The log of a request that was taken back.
pub fn exit_of(id: u64, budget: u128) -> LogData {
	let event = Gateway::Exited {
		id,
		refundTo: Address::repeat_byte(2),
		amount: budget.try_into().expect("96 bits"),
	};
	event.encode_log_data()
}

/// A deposit with this number; others have other content.
pub fn deposit(id: u64, amount: u128) -> Inbound {
	Inbound::Deposit(Deposit {
		id,
		from: sp_core::H160::repeat_byte(5),
		account: [id as u8; 32].into(),
		amount,
	})
}

/// A request with this number.
pub fn request(id: u64, budget: u128) -> Request {
	Request {
		id,
		requester: sp_core::H160::repeat_byte(1),
		refund_to: sp_core::H160::repeat_byte(2),
		budget,
		accept_by: 2_000_000_000,
		time_limit: 0,
		callback_gas: 50_000,
		delegate: [0; 32],
		module: b"cowsay:v0.0.1".to_vec().try_into().expect("short"),
		inputs: vec![b"Message=moo".to_vec().try_into().expect("short")]
			.try_into()
			.expect("few"),
	}
}

/// The log of a request or deposit.
pub fn log_of(inbound: &Inbound) -> LogData {
	match inbound {
		Inbound::Deposit(deposit) => Gateway::Deposited {
			id: deposit.id,
			from: deposit.from.0.into(),
			account: <[u8; 32]>::from(deposit.account.clone()).into(),
			amount: deposit.amount.try_into().expect("96 bits"),
		}
		.encode_log_data(),
		Inbound::Request(request) => Gateway::Requested {
			id: request.id,
			requester: request.requester.0.into(),
			ticket: eip712::ticket(&request.ticket()).0.into(),
			refundTo: request.refund_to.0.into(),
			budget: request.budget.try_into().expect("96 bits"),
			acceptBy: request.accept_by,
			timeLimit: request.time_limit,
			callbackGas: request.callback_gas,
			delegate: request.delegate.into(),
			module: String::from_utf8(request.module.to_vec()).expect("a text"),
			inputs: request
				.inputs
				.iter()
				.map(|input| String::from_utf8(input.to_vec()).expect("a text"))
				.collect(),
		}
		.encode_log_data(),
	}
}
