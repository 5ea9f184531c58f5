//! Byte for byte what wallets and contracts compute. The vectors were made with ethers' `TypedDataEncoder`, from the types in
//! words; the signature with its `SigningKey`.

use crate::{
	eip712::{address_of, answer, batch, compressed, digest, domain, job, payout, rotate, signer, ticket},
	mock::keys,
	Answer, Member, Payout, PublicKey, Ticket,
};
use sp_core::{Pair, H160, H256};

fn h256(text: &str) -> H256 {
	H256(hex::decode(text).unwrap().try_into().unwrap())
}

fn h160(text: &str) -> H160 {
	H160(hex::decode(text).unwrap().try_into().unwrap())
}

const JOB: &str = "9e761339c748e3711865e3cd23c4e1d9c2a7e67cfd6456a71ad5f3a9baf2bc27";
const TICKET: &str = "a3c2cf3a3e570d057e3914b77ce24ab29c9581617887f0a853e915ad66e23d4f";
const ANSWER: &str = "9261d750c2f47d5b036ba8e1c3127dcabe3b9542b02335ad9b6b2ac04b247d20";
const PAYOUT: &str = "f223b220be3831a8385826e1e4141d86619a84cd4cfe5c80f14849d7c0c44f73";
const BATCH: &str = "5b99059e9f8c9131223585bfb1f6db85ec16e75cd5ab470c9bd7091f754214bf";
const EMPTY_BATCH: &str = "e5535f798f28fff297a730d2154a18136cb583b0d5ddbc2d9b8ecbe694a67228";
const ROTATE: &str = "27295212f4eeb3c0c0f0ea8b08e20687fe944e39bdc49d7790eaec13b0c2a39e";
const DIGEST: &str = "5f34cf4c80e65b49fd536d84389a0b2b124becabb451cc6bbc334e7219b2eeef";
const SIGNATURE: &str = "3070064d54323cf484ee1862c84bfdfadd074c9a41d86f508e1246c13f825db279d254b8d8a6f13b332f5c4f71887d5f18d4f879c77683d1851e4e6f4997e9bd1c";
/// Of the key 1: the curve's generator.
const KEY: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
const ADDRESSES: [&str; 3] = [
	"2b5ad5c4795c026514f8317c7a215e218dccd6cf",
	"6813eb9362372eef6200f3b1dbc3f819671cba69",
	"7e5f4552091a69125d5dfcb7b8c2659029395bdf",
];

fn test_domain() -> H256 {
	domain(1337, H160::from_low_u64_be(0xa1b2c))
}

fn test_ticket() -> Ticket {
	Ticket {
		id: 7,
		requester: H160([0x11; 20]),
		refund_to: H160([0x22; 20]),
		budget: 123_456_789_012_345_678_901,
		accept_by: 1_800_000_000,
		callback_gas: 200_000,
		job: h256(JOB),
	}
}

#[test]
fn the_domain_works() {
	let expected = h256("7b66ee787d103f0a8730b1d3f4112a3c589f5e621a8da5fa4dfc7e6dc258a72d");
	assert_eq!(test_domain(), expected);
}

#[test]
fn jobs_work() {
	let inputs: [&[u8]; 2] = [b"Message=moo=1", b"Name=Lily"];
	assert_eq!(
		job(b"cowsay:v0.0.1", inputs.into_iter(), 60_000, [0; 32]),
		h256(JOB)
	);
	let without_inputs = h256("8d9285732802eb36a0222b8da7eda59d432fafd1c6e7ecd9dabb927b8b35e901");
	assert_eq!(job(b"a:b", [].into_iter(), 0, [0xdd; 32]), without_inputs);
}

#[test]
fn tickets_work() {
	assert_eq!(ticket(&test_ticket()), h256(TICKET));
}

#[test]
fn answers_work() {
	let message = Answer {
		deal: 42,
		status: 0,
		exit_code: -1,
		root: [0xab; 32],
		cost: 1_000_000_000_000_000_000,
		refund: (1 << 96) - 1,
	};
	assert_eq!(answer(h256(TICKET), &message), h256(ANSWER));
}

#[test]
fn payouts_work() {
	let message = Payout {
		nonce: 3,
		to: H160([0x33; 20]),
		amount: 5_000_000_000_000_000_000,
	};
	assert_eq!(payout(&message), h256(PAYOUT));
}

#[test]
fn batches_work() {
	let messages = [h256(ANSWER), h256(PAYOUT)];
	let hash = batch(1, 2, 1_800_000_123, messages.into_iter());
	assert_eq!(hash, h256(BATCH));
	assert_eq!(digest(test_domain(), hash), h256(DIGEST));
	assert_eq!(batch(1, 2, 1_800_000_123, [].into_iter()), h256(EMPTY_BATCH));
}

#[test]
fn rotations_work() {
	let hash = rotate(1, 2, 3, 2, ADDRESSES.map(h160).into_iter());
	assert_eq!(hash, h256(ROTATE));
	let expected = h256("3c1b19e34fdf39caafd488fcef1d79c295e578071dedc3baa0cea4b9702e156c");
	assert_eq!(digest(test_domain(), hash), expected);
}

#[test]
fn a_key_has_an_address_and_an_account() {
	let key: PublicKey = hex::decode(KEY).unwrap().try_into().unwrap();
	assert_eq!(address_of(&key), h160(ADDRESSES[2]));
	let mut seed = [0; 32];
	seed[31] = 1;
	let pair = sp_core::ecdsa::Pair::from_seed(&seed);
	assert_eq!(compressed(&key), pair.public().0);
	// The account that wallets derive from an ECDSA key.
	use sp_runtime::traits::IdentifyAccount;
	let account = sp_runtime::MultiSigner::Ecdsa(pair.public()).into_account();
	assert_eq!(Member::new(&key).account, account);
	for key in keys(1..=20) {
		assert_eq!(compressed(&key.public), key.pair.public().0);
	}
}

#[test]
fn signers_are_recovered() {
	let signature = hex::decode(SIGNATURE).unwrap().try_into().unwrap();
	assert_eq!(signer(&signature, h256(DIGEST)), Some(h160(ADDRESSES[2])));
	assert_ne!(signer(&signature, h256(BATCH)), Some(h160(ADDRESSES[2])));
}

#[test]
fn signatures_fail_in_any_other_form() {
	let good: [u8; 65] = hex::decode(SIGNATURE).unwrap().try_into().unwrap();
	for v in [0, 1, 26, 29, 255] {
		let mut other = good;
		other[64] = v;
		assert_eq!(signer(&other, h256(DIGEST)), None, "v {v}");
	}
	// The other solution of the same equation, which needs no key: s becomes the order minus s.
	let order = sp_core::U256::from_big_endian(
		&hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap(),
	);
	let mut other = good;
	let s = sp_core::U256::from_big_endian(&good[32..64]);
	other[32..64].copy_from_slice(&(order - s).to_big_endian());
	other[64] = 27 + 28 - good[64];
	let recovered = sp_io::crypto::secp256k1_ecdsa_recover(&other, &h256(DIGEST).0)
		.ok()
		.unwrap();
	assert_eq!(address_of(&recovered), h160(ADDRESSES[2]), "the host takes it");
	assert_eq!(signer(&other, h256(DIGEST)), None);
	assert_eq!(signer(&[0; 65], h256(DIGEST)), None);
}

#[test]
fn addresses_boundary_of_s() {
	// Half the order is the largest that counts; one more is not looked at.
	let mut signature = [1; 65];
	signature[64] = 27;
	let half = hex::decode("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0").unwrap();
	signature[32..64].copy_from_slice(&half);
	let at_half = signer(&signature, h256(DIGEST));
	let expected = sp_io::crypto::secp256k1_ecdsa_recover(&signature, &h256(DIGEST).0).ok();
	assert_eq!(at_half, expected.map(|key| address_of(&key)));
	signature[63] += 1;
	assert_eq!(signer(&signature, h256(DIGEST)), None);
}
