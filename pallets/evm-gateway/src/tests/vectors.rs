//! Parity with the gateway's contract, byte for byte, by the vectors that its own tests write and read. `vectors.json` is a copy of
//! `evm-bridge/contracts/test/vectors.json`.

use crate::{
	eip712, mock::*, status, Answer, BridgeSet, Deposit, Inbound, Member, Payout, Request, Signed, Ticket,
};
use codec::Encode;
use serde_json::Value;
use sp_core::{ecdsa, Pair, H160, H256};

const FILE: &str = include_str!("vectors.json");

fn vectors() -> Value {
	serde_json::from_str(FILE).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
	hex::decode(value.as_str().unwrap().strip_prefix("0x").unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
	bytes(value).try_into().unwrap()
}

fn h256(value: &Value) -> H256 {
	H256(array(value))
}

fn h160(value: &Value) -> H160 {
	H160(array(value))
}

/// Small numbers are numbers there, large ones texts.
fn number<N: TryFrom<u128, Error: core::fmt::Debug>>(value: &Value) -> N {
	let number: u128 = match value {
		Value::String(text) => text.parse().unwrap(),
		value => value.as_u64().unwrap().into(),
	};
	number.try_into().unwrap()
}

fn list(value: &Value) -> &[Value] {
	value.as_array().unwrap()
}

fn domain() -> H256 {
	let v = &vectors()["domain"];
	eip712::domain(number(&v["chainId"]), h160(&v["verifyingContract"]))
}

fn answer(v: &Value) -> Answer {
	Answer {
		deal: number(&v["deal"]),
		status: number(&v["status"]),
		exit_code: v["exitCode"].as_i64().unwrap().try_into().unwrap(),
		root: array(&v["root"]),
		cost: number(&v["cost"]),
		refund: number(&v["refund"]),
	}
}

fn the_request() -> Request {
	let v = &vectors()["request"];
	let t = &v["ticket"];
	let inputs: Vec<_> = list(&v["inputs"])
		.iter()
		.map(|text| text.as_str().unwrap().as_bytes().to_vec().try_into().unwrap())
		.collect();
	Request {
		id: number(&t["id"]),
		requester: h160(&t["requester"]),
		refund_to: h160(&t["refundTo"]),
		budget: number(&t["budget"]),
		accept_by: number(&t["acceptBy"]),
		time_limit: number(&v["timeLimit"]),
		callback_gas: number(&t["callbackGas"]),
		delegate: array(&v["delegate"]),
		module: v["module"]
			.as_str()
			.unwrap()
			.as_bytes()
			.to_vec()
			.try_into()
			.unwrap(),
		inputs: inputs.try_into().unwrap(),
	}
}

fn ticket(v: &Value) -> Ticket {
	Ticket {
		id: number(&v["id"]),
		requester: h160(&v["requester"]),
		refund_to: h160(&v["refundTo"]),
		budget: number(&v["budget"]),
		accept_by: number(&v["acceptBy"]),
		callback_gas: number(&v["callbackGas"]),
		job: h256(&v["job"]),
	}
}

/// What members say of an exit is about the very ticket that the gateway was shown.
#[test]
fn an_exit_is_of_the_ticket_that_the_gateway_was_shown() {
	let v = &vectors()["exit"];
	let ticket = ticket(&v["ticket"]);
	assert_eq!(eip712::ticket(&ticket), h256(&v["ticketHash"]));
	let shown = bytes(&v["calldata"]);
	let word = |at: usize| &shown[4 + 32 * at..36 + 32 * at];
	assert_eq!(word(0)[24..], ticket.id.to_be_bytes());
	assert_eq!(word(3)[16..], ticket.budget.to_be_bytes());
	assert_eq!(word(6), ticket.job.as_bytes());
	// As `docs/bridge-messages.md` has it.
	let fields = (ticket.id, ticket.requester, ticket.refund_to, ticket.budget);
	let rest = (ticket.accept_by, ticket.callback_gas, ticket.job);
	let said = (*b"lilypad/exit/1", fields, rest).encode();
	assert_eq!(ticket.exit_digest(), H256(sp_io::hashing::blake2_256(&said)));
}

fn the_keys() -> Vec<Key> {
	list(&vectors()["set"]["secretKeys"])
		.iter()
		.map(|secret| Key::of(ecdsa::Pair::from_seed(&array(secret))))
		.collect()
}

fn the_set() -> BridgeSet {
	let v = &vectors()["set"];
	let members: Vec<Member> = the_keys().into_iter().map(|key| key.member).collect();
	BridgeSet {
		number: number(&v["number"]),
		threshold: number(&v["threshold"]),
		members: members.try_into().unwrap(),
	}
}

/// A batch's digest and proof, from its parts.
fn check_batch(v: &Value) {
	let messages = list(&v["messages"]).iter().map(h256);
	let hash = eip712::batch(
		number(&v["lane"]),
		number(&v["set"]),
		number(&v["time"]),
		messages,
	);
	check_signed(v, hash);
}

/// What is signed, by whom, and what the proof looks like.
fn check_signed(v: &Value, hash: H256) {
	assert_eq!(hash, h256(&v["structHash"]));
	let digest = eip712::digest(domain(), hash);
	assert_eq!(digest, h256(&v["digest"]));
	let keys = the_keys();
	let signatures: Vec<[u8; 65]> = list(&v["signatures"]).iter().map(array).collect();
	for (key, signature) in keys.iter().zip(&signatures) {
		assert_eq!(&key.sign(digest), signature, "both sides sign alike");
		assert_eq!(eip712::signer(signature, digest), Some(key.member.address));
	}
	let signed: Vec<_> = (0u8..2)
		.map(|member| Signed {
			member,
			signature: signatures[usize::from(member)],
		})
		.collect();
	assert_eq!(the_set().proof(&signed), bytes(&v["proof"]));
}

#[test]
fn the_domain_is_the_contracts() {
	assert_eq!(domain(), h256(&vectors()["domain"]["separator"]));
}

#[test]
fn the_set_is_the_contracts() {
	let (v, set) = (&vectors()["set"], the_set());
	let members: Vec<_> = list(&v["members"]).iter().map(h160).collect();
	let ours: Vec<_> = set.members.iter().map(|member| member.address).collect();
	assert_eq!(ours, members);
	assert_eq!(set.head(), bytes(&v["proofHead"]));
	let hashed = [set.number.to_be_bytes().to_vec(), set.head()].concat();
	assert_eq!(sp_io::hashing::keccak_256(&hashed), array(&v["hash"]));
}

#[test]
fn requests_and_tickets_are_the_contracts() {
	let (v, request) = (&vectors()["request"], the_request());
	let ticket = request.ticket();
	assert_eq!(ticket.job, h256(&v["ticket"]["job"]));
	assert_eq!(eip712::ticket(&ticket), h256(&v["ticketHash"]));
	assert_eq!(h256(&v["log"]["topics"][3]), h256(&v["ticketHash"]));
}

#[test]
fn deposits_are_the_contracts() {
	let v = &vectors()["deposit"];
	let deposit = Deposit {
		id: number(&v["id"]),
		from: h160(&v["from"]),
		account: array::<32>(&v["account"]).into(),
		amount: number(&v["amount"]),
	};
	let topics = &v["log"]["topics"];
	let word: [u8; 32] = array(&topics[1]);
	assert_eq!(word[24..], deposit.id.to_be_bytes());
	assert_eq!(array::<32>(&topics[3]), <[u8; 32]>::from(deposit.account.clone()));
	assert_eq!(bytes(&v["log"]["data"])[16..], deposit.amount.to_be_bytes());
	assert_eq!(Inbound::from(deposit.clone()).amount(), deposit.amount);
}

#[test]
fn deliveries_are_the_contracts() {
	let v = &vectors()["delivery"];
	let ticket: Ticket = the_request().ticket();
	let answer = answer(&v["answer"]);
	let hash = eip712::answer(eip712::ticket(&ticket), &answer);
	assert_eq!(hash, h256(&v["answer"]["hash"]));
	let payout = Payout {
		nonce: number(&v["payout"]["nonce"]),
		to: h160(&v["payout"]["to"]),
		amount: number(&v["payout"]["amount"]),
	};
	assert_eq!(eip712::payout(&payout), h256(&v["payout"]["hash"]));
	assert_eq!(
		list(&v["batch"]["messages"]).iter().map(h256).collect::<Vec<_>>(),
		[hash, eip712::payout(&payout)]
	);
	check_batch(&v["batch"]);
}

#[test]
fn extremes_are_the_contracts() {
	let v = &vectors()["extremes"];
	let hash = eip712::answer(eip712::ticket(&the_request().ticket()), &answer(v));
	assert_eq!(hash, h256(&v["hash"]));
}

#[test]
fn signs_of_life_are_the_contracts() {
	check_batch(&vectors()["signOfLife"]);
}

#[test]
fn rotations_are_the_contracts() {
	let v = &vectors()["rotation"];
	let members = list(&v["members"]).iter().map(h160);
	let (set, next) = (number(&v["set"]), number(&v["next"]));
	let hash = eip712::rotate(number(&v["lane"]), set, next, number(&v["threshold"]), members);
	check_signed(v, hash);
}

#[test]
fn types_are_the_contracts() {
	let v = vectors();
	let types = v["types"].as_object().unwrap();
	for ours in [
		eip712::JOB,
		eip712::TICKET,
		eip712::ANSWER,
		eip712::PAYOUT,
		eip712::BATCH,
		eip712::ROTATE,
	] {
		let theirs = &types[core::str::from_utf8(ours).unwrap()];
		assert_eq!(sp_io::hashing::keccak_256(ours), array(theirs));
	}
}

#[test]
fn statuses_are_the_contracts() {
	let v = vectors();
	let names = v["statuses"].as_object().unwrap();
	for (name, byte) in names {
		assert_eq!(status::name(number(byte)), Some(name.as_str()));
	}
	assert_eq!(names.len(), usize::from(status::UNRESOLVED) + 1);
	assert_eq!(status::name(names.len() as u8), None);
}

#[test]
fn the_vectors_are_those_of_the_contracts_tests() {
	let original = concat!(
		env!("CARGO_MANIFEST_DIR"),
		"/../../evm-bridge/contracts/test/vectors.json"
	);
	match std::fs::read_to_string(original) {
		Ok(original) => assert_eq!(FILE, original, "copy the file once more"),
		Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
	}
}
