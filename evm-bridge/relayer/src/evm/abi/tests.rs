//! The contracts' own vectors, through the types that talk to the contracts and through those that the chain signs with.

use super::*;
use crate::key::Key;
use alloy::{
	primitives::{LogData, U256},
	sol_types::{eip712_domain, SolStruct},
};
use lilypad_client::gateway::{eip712, BridgeSet, Signed};
use serde_json::Value;
use sp_core::H256;

mod signed {
	//! What is signed, as `docs/bridge-messages.md` has it.
	alloy::sol! {
		struct Batch {
			uint64 lane;
			uint64 set;
			uint64 time;
			bytes32[] messages;
		}

		struct Rotate {
			uint64 lane;
			uint64 set;
			uint64 next;
			uint8 threshold;
			address[] members;
		}
	}
}

fn vectors() -> Value {
	serde_json::from_str(include_str!("../../../../contracts/test/vectors.json")).expect("JSON")
}

fn bytes(value: &Value) -> Vec<u8> {
	let text = value.as_str().expect("a text");
	hex::decode(text.strip_prefix("0x").expect("with 0x")).expect("hexadecimal")
}

fn word(value: &Value) -> B256 {
	B256::from_slice(&bytes(value))
}

fn addr(value: &Value) -> Address {
	Address::from_slice(&bytes(value))
}

/// Small numbers are numbers there, large ones texts.
fn number(value: &Value) -> u64 {
	match value {
		Value::String(text) => text.parse().expect("a number"),
		value => value.as_u64().expect("a number"),
	}
}

fn log(value: &Value) -> Log {
	let topics = value["topics"]
		.as_array()
		.expect("topics")
		.iter()
		.map(word)
		.collect();
	Log {
		inner: alloy::primitives::Log {
			address: Address::ZERO,
			data: LogData::new_unchecked(topics, bytes(&value["data"]).into()),
		},
		..Log::default()
	}
}

fn domain(v: &Value) -> alloy::sol_types::Eip712Domain {
	eip712_domain! {
		name: "Lilypad Gateway",
		version: "1",
		chain_id: number(&v["domain"]["chainId"]),
		verifying_contract: addr(&v["domain"]["verifyingContract"]),
	}
}

fn the_request(v: &Value) -> Request {
	match read(&log(&v["request"]["log"])).expect("it is a request") {
		Logged::Inbound(Inbound::Request(request)) => request,
		other => panic!("{other:?}"),
	}
}

#[test]
fn requests_are_read_as_the_contracts_log_them() {
	let v = vectors();
	let (request, ticket) = (the_request(&v), &v["request"]["ticket"]);
	assert_eq!(request.id, number(&ticket["id"]));
	assert_eq!(address(request.requester), addr(&ticket["requester"]));
	assert_eq!(address(request.refund_to), addr(&ticket["refundTo"]));
	assert_eq!(
		request.budget.to_string(),
		ticket["budget"].as_str().expect("a text")
	);
	assert_eq!(request.accept_by, number(&ticket["acceptBy"]));
	assert_eq!(u64::from(request.callback_gas), number(&ticket["callbackGas"]));
	assert_eq!(request.time_limit, number(&v["request"]["timeLimit"]));
	assert_eq!(request.delegate.to_vec(), bytes(&v["request"]["delegate"]));
	assert_eq!(
		request.module.to_vec(),
		v["request"]["module"].as_str().expect("a text").as_bytes()
	);
	let inputs: Vec<_> = request
		.inputs
		.iter()
		.map(|i| String::from_utf8_lossy(i).into_owned())
		.collect();
	assert_eq!(serde_json::json!(inputs), v["request"]["inputs"]);
}

#[test]
fn a_ticket_has_one_hash_on_all_sides() {
	let v = vectors();
	let ticket = the_request(&v).ticket();
	let contracts: B256 = word(&v["request"]["ticketHash"]);
	assert_eq!(B256::from(eip712::ticket(&ticket).0), contracts);
	assert_eq!(Ticket::from(ticket).eip712_hash_struct(), contracts);
}

#[test]
fn exits_are_read_as_the_contracts_log_them() {
	let v = &vectors()["exit"];
	let id = number(&v["ticket"]["id"]);
	assert_eq!(read(&log(&v["log"])), Ok(Logged::Exited(id)));
}

#[test]
fn deposits_are_read_as_the_contracts_log_them() {
	let v = vectors();
	let deposit = match read(&log(&v["deposit"]["log"])).expect("it is a deposit") {
		Logged::Inbound(Inbound::Deposit(deposit)) => deposit,
		other => panic!("{other:?}"),
	};
	assert_eq!(deposit.id, number(&v["deposit"]["id"]));
	assert_eq!(address(deposit.from), addr(&v["deposit"]["from"]));
	assert_eq!(
		AsRef::<[u8]>::as_ref(&deposit.account),
		bytes(&v["deposit"]["account"])
	);
	assert_eq!(
		deposit.amount.to_string(),
		v["deposit"]["amount"].as_str().expect("a text")
	);
}

#[test]
fn logs_that_can_not_be_are_refused() {
	let v = vectors();
	let mut forged = log(&v["request"]["log"]);
	let mut data = forged.inner.data.data.to_vec();
	// Another budget, with the ticket of the true one.
	data[63] ^= 1;
	forged.inner.data.data = data.into();
	assert_eq!(read(&forged), Err(BadLog::Ticket));
	let mut cut = log(&v["request"]["log"]);
	cut.inner.data.data = cut.inner.data.data.slice(..100);
	assert!(matches!(read(&cut), Err(BadLog::Form(_))));
	let mut other = log(&v["deposit"]["log"]);
	other.inner.data = LogData::new_unchecked(vec![B256::ZERO], Default::default());
	assert!(matches!(read(&other), Err(BadLog::Form(_))));
}

fn the_keys(v: &Value) -> Vec<Key> {
	let secrets = v["set"]["secretKeys"].as_array().expect("keys");
	let key = |secret: &Value| Key::from_suri(secret.as_str().expect("a text")).expect("a key");
	secrets.iter().map(key).collect()
}

fn the_set(v: &Value) -> BridgeSet {
	let members: Vec<_> = the_keys(v).iter().map(Key::member).collect();
	BridgeSet {
		number: number(&v["set"]["number"]),
		threshold: number(&v["set"]["threshold"]) as u8,
		members: members.try_into().expect("few"),
	}
}

/// The batch of the vectors, with a quorum's signatures.
fn the_batch(v: &Value) -> gateway::Batch {
	let d = &v["delivery"];
	let (a, p, b) = (&d["answer"], &d["payout"], &d["batch"]);
	let amount = |value: &Value| {
		value
			.as_str()
			.expect("a text")
			.parse::<u128>()
			.expect("an amount")
	};
	let answer = gateway::Answer {
		deal: number(&a["deal"]),
		status: number(&a["status"]) as u8,
		exit_code: a["exitCode"].as_i64().expect("a number") as i32,
		root: word(&a["root"]).0,
		cost: amount(&a["cost"]),
		refund: amount(&a["refund"]),
	};
	let payout = gateway::Payout {
		nonce: number(&p["nonce"]),
		to: h160(addr(&p["to"])),
		amount: amount(&p["amount"]),
	};
	let ticket = the_request(v).ticket();
	let signatures: Vec<_> = (0u8..2)
		.map(|member| Signed {
			member,
			signature: bytes(&b["signatures"][usize::from(member)])
				.try_into()
				.expect("65 bytes"),
		})
		.collect();
	gateway::Batch {
		block: 1,
		time: number(&b["time"]),
		messages: vec![Message::Answer { ticket, answer }, Message::Payout(payout)]
			.try_into()
			.expect("few"),
		set: number(&b["set"]),
		signatures: signatures.try_into().expect("few"),
	}
}

#[test]
fn batches_have_one_digest_on_all_sides() {
	let v = vectors();
	let batch = the_batch(&v);
	let b = &v["delivery"]["batch"];
	let lane = gateway::Lane {
		chain: number(&v["domain"]["chainId"]),
		gateway: h160(addr(&v["domain"]["verifyingContract"])),
		finality: gateway::FinalityRule::Finalized,
		limits: gateway::Limits {
			least: 1,
			largest: 1,
			inflow: 1,
			outflow: 1,
			period: 1,
		},
		paused: false,
	};
	let id = number(&b["lane"]);
	let ours = batch.digest(id, &lane, batch.set);
	assert_eq!(B256::from(ours.0), word(&b["digest"]));
	let typed = signed::Batch {
		lane: id,
		set: batch.set,
		time: batch.time,
		messages: batch.messages.iter().map(|m| B256::from(m.hash().0)).collect(),
	};
	assert_eq!(typed.eip712_signing_hash(&domain(&v)), word(&b["digest"]));
}

#[test]
fn deliveries_are_encoded_as_the_contracts_take_them() {
	let v = vectors();
	let (batch, set) = (the_batch(&v), the_set(&v));
	let proof = batch.proof(&set).expect("a quorum has signed");
	assert_eq!(proof, bytes(&v["delivery"]["batch"]["proof"]));
	assert_eq!(
		deliver(&batch, proof.clone(), &[0, 1]).to_vec(),
		bytes(&v["delivery"]["calldata"])
	);
	// A part of it keeps its places.
	let part = Gateway::deliverCall::abi_decode(&deliver(&batch, proof, &[1])).expect("decodes");
	assert_eq!((part.answers.len(), part.payouts[0].index), (0, U256::from(1)));
	assert_eq!(part.batch.messages.len(), 2);
}

#[test]
fn rotations_have_one_digest_on_all_sides() {
	let v = vectors();
	let r = &v["rotation"];
	let members: Vec<_> = r["members"]
		.as_array()
		.expect("members")
		.iter()
		.map(addr)
		.collect();
	let typed = signed::Rotate {
		lane: number(&r["lane"]),
		set: number(&r["set"]),
		next: number(&r["next"]),
		threshold: number(&r["threshold"]) as u8,
		members: members.clone(),
	};
	assert_eq!(typed.eip712_signing_hash(&domain(&v)), word(&r["digest"]));
	let rotation = gateway::Rotation {
		threshold: number(&r["threshold"]) as u8,
		members: members
			.into_iter()
			.map(h160)
			.collect::<Vec<_>>()
			.try_into()
			.expect("few"),
		proof: bytes(&r["proof"]).try_into().expect("short"),
	};
	let call = Verifier::rotateCall::abi_decode(&rotate(&rotation)).expect("decodes");
	assert_eq!(call.proof.to_vec(), bytes(&r["proof"]));
}

#[test]
fn the_relayers_key_signs_as_the_contracts_tests_do() {
	let v = vectors();
	let digest = H256(word(&v["delivery"]["batch"]["digest"]).0);
	for (at, key) in the_keys(&v).iter().enumerate() {
		let signature = key.sign(digest).expect("signed");
		assert_eq!(
			signature.to_vec(),
			bytes(&v["delivery"]["batch"]["signatures"][at])
		);
		assert_eq!(key.address(), addr(&v["set"]["members"][at]));
	}
}

#[test]
fn reverts_are_told_apart() {
	let number = |n: u64| U256::from(n);
	let of = |data: Vec<u8>| Revert::read(&data);
	assert_eq!(of(Gateway::NothingNew {}.abi_encode()), Revert::NothingNew);
	assert_eq!(of(Gateway::UnknownRequest { id: 1 }.abi_encode()), Revert::Gone);
	assert_eq!(of(Gateway::WrongTicket { id: 1 }.abi_encode()), Revert::Gone);
	assert_eq!(
		of(Gateway::DeliveryIsPaused { until: number(9) }.abi_encode()),
		Revert::NotBefore(9)
	);
	let early = Gateway::BatchFromTheFuture { time: number(2_000) };
	assert_eq!(of(early.abi_encode()), Revert::NotBefore(1_100));
	assert_eq!(
		of(Gateway::WrongSet { set: 1, current: 2 }.abi_encode()),
		Revert::WrongSet { current: 2 }
	);
	let limited = Gateway::OutflowLimited {
		wanted: number(2),
		room: number(1),
	};
	assert!(matches!(of(limited.abi_encode()), Revert::NotNow(_)));
	assert_eq!(of(vec![1, 2, 3, 4]), Revert::Other("0x01020304".into()));
	assert_eq!(of(vec![]), Revert::Other("0x".into()));
}

#[test]
fn a_gas_limit_is_what_the_contracts_tests_prove_to_suffice() {
	let batch = the_batch(&vectors());
	// docs/bridge-messages.md: two signatures, an answer with a callback of 200,000, a payout.
	assert_eq!(
		gas_limit(&batch, &[0, 1]),
		60_000 + 2 * 6_000 + (130_000 + 203_175) + 60_000
	);
	assert_eq!(gas_limit(&batch, &[1]), 60_000 + 2 * 6_000 + 60_000);
	assert_eq!(gas_limit(&batch, &[]), 72_000);
}
