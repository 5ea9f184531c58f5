//! The bytes that both sides of the bridge agree on: EIP-712 hashes of tickets, answers, payouts, batches and rotations.
//!
//! The gateway's `Messages.sol` is the other half. A change here is a change there; `tests/eip712.rs` holds vectors that were made
//! by neither.

use crate::types::{Answer, Payout, PublicKey, Signature, Ticket};
use alloc::vec::Vec;
use sp_core::{H160, H256};
use sp_io::hashing::keccak_256;

const DOMAIN: &[u8] = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const NAME: &[u8] = b"Lilypad Gateway";
const VERSION: &[u8] = b"1";
pub(crate) const JOB: &[u8] = b"Job(string module,string[] inputs,uint64 timeLimit,bytes32 delegate)";
pub(crate) const TICKET: &[u8] = b"Ticket(uint64 id,address requester,address refundTo,uint96 budget,uint64 acceptBy,uint32 callbackGas,bytes32 job)";
pub(crate) const ANSWER: &[u8] =
	b"Answer(bytes32 ticket,uint64 deal,uint8 status,int32 exitCode,bytes32 root,uint96 cost,uint96 refund)";
pub(crate) const PAYOUT: &[u8] = b"Payout(uint64 nonce,address to,uint96 amount)";
pub(crate) const BATCH: &[u8] = b"Batch(uint64 lane,uint64 set,uint64 time,bytes32[] messages)";
pub(crate) const ROTATE: &[u8] =
	b"Rotate(uint64 lane,uint64 set,uint64 next,uint8 threshold,address[] members)";

/// Half the order of secp256k1: of the two forms of a signature, the one with `s` up to here is the one that counts.
const HALF_ORDER: [u8; 32] = [
	0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x5d,
	0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

/// A structure in the course of being encoded: words of 32 bytes, the first of which is its type's hash.
struct Struct(Vec<u8>);

impl Struct {
	fn new(type_text: &[u8]) -> Self {
		Self(keccak_256(type_text).to_vec())
	}

	fn word(mut self, word: [u8; 32]) -> Self {
		self.0.extend_from_slice(&word);
		self
	}

	fn number(self, number: impl Into<u128>) -> Self {
		let mut word = [0; 32];
		word[16..].copy_from_slice(&number.into().to_be_bytes());
		self.word(word)
	}

	/// A signed number: its sign fills the word.
	fn signed(self, number: i32) -> Self {
		let mut word = [if number < 0 { 0xff } else { 0 }; 32];
		word[28..].copy_from_slice(&number.to_be_bytes());
		self.word(word)
	}

	fn address(self, address: H160) -> Self {
		self.word(word_of(address))
	}

	fn hash(self) -> H256 {
		H256(keccak_256(&self.0))
	}
}

fn word_of(address: H160) -> [u8; 32] {
	let mut word = [0; 32];
	word[12..].copy_from_slice(&address.0);
	word
}

/// The hash of a list: of its words, one after another.
fn list(words: impl Iterator<Item = [u8; 32]>) -> [u8; 32] {
	keccak_256(&words.flatten().collect::<Vec<u8>>())
}

/// The domain of everything that is signed for a gateway.
pub fn domain(chain: u64, gateway: H160) -> H256 {
	Struct::new(DOMAIN)
		.word(keccak_256(NAME))
		.word(keccak_256(VERSION))
		.number(chain)
		.address(gateway)
		.hash()
}

/// What is signed.
pub fn digest(domain: H256, message: H256) -> H256 {
	let mut bytes = b"\x19\x01".to_vec();
	bytes.extend_from_slice(&domain.0);
	bytes.extend_from_slice(&message.0);
	H256(keccak_256(&bytes))
}

/// Hash of what is to be computed.
pub fn job<'a>(
	module: &[u8],
	inputs: impl Iterator<Item = &'a [u8]>,
	time_limit: u64,
	delegate: [u8; 32],
) -> H256 {
	Struct::new(JOB)
		.word(keccak_256(module))
		.word(list(inputs.map(keccak_256)))
		.number(time_limit)
		.word(delegate)
		.hash()
}

/// Hash of a ticket.
pub fn ticket(ticket: &Ticket) -> H256 {
	Struct::new(TICKET)
		.number(ticket.id)
		.address(ticket.requester)
		.address(ticket.refund_to)
		.number(ticket.budget)
		.number(ticket.accept_by)
		.number(ticket.callback_gas)
		.word(ticket.job.0)
		.hash()
}

/// Hash of an answer to the request with this ticket.
pub fn answer(ticket: H256, answer: &Answer) -> H256 {
	Struct::new(ANSWER)
		.word(ticket.0)
		.number(answer.deal)
		.number(answer.status)
		.signed(answer.exit_code)
		.word(answer.root)
		.number(answer.cost)
		.number(answer.refund)
		.hash()
}

/// Hash of a payout.
pub fn payout(payout: &Payout) -> H256 {
	Struct::new(PAYOUT)
		.number(payout.nonce)
		.address(payout.to)
		.number(payout.amount)
		.hash()
}

/// Hash of a batch of messages.
pub fn batch(lane: u64, set: u64, time: u64, messages: impl Iterator<Item = H256>) -> H256 {
	Struct::new(BATCH)
		.number(lane)
		.number(set)
		.number(time)
		.word(list(messages.map(|hash| hash.0)))
		.hash()
}

/// Hash of a change of the bridge set.
pub fn rotate(lane: u64, set: u64, next: u64, threshold: u8, members: impl Iterator<Item = H160>) -> H256 {
	Struct::new(ROTATE)
		.number(lane)
		.number(set)
		.number(next)
		.number(threshold)
		.word(list(members.map(word_of)))
		.hash()
}

/// The EVM address of a public key.
pub fn address_of(key: &PublicKey) -> H160 {
	let hash = keccak_256(key);
	let mut address = H160::zero();
	address.0.copy_from_slice(&hash[12..]);
	address
}

/// A public key in 33 bytes.
pub fn compressed(key: &PublicKey) -> [u8; 33] {
	let mut bytes = [0; 33];
	bytes[0] = 2 + (key[63] & 1);
	bytes[1..].copy_from_slice(&key[..32]);
	bytes
}

/// Who signed a digest. `None` when it is no signature, or in a form that the gateway refuses: with the larger of the two
/// possible `s`, or with a `v` other than 27 and 28.
pub fn signer(signature: &Signature, digest: H256) -> Option<H160> {
	let canonical = signature[32..64] <= HALF_ORDER[..] && matches!(signature[64], 27 | 28);
	if !canonical {
		return None;
	}
	let key = sp_io::crypto::secp256k1_ecdsa_recover(signature, &digest.0).ok()?;
	Some(address_of(&key))
}
