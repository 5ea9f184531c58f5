use crate::{mock::*, Error, Event};
use frame_support::{assert_noop, assert_ok};
use lilypad_primitives::PeerAddress;
use sp_runtime::TokenError;

fn address(texts: &[&str]) -> PeerAddress {
	let addresses = texts
		.iter()
		.map(|t| t.as_bytes().to_vec().try_into().unwrap())
		.collect::<Vec<_>>();
	PeerAddress {
		id: [1; 32],
		addresses: addresses.try_into().unwrap(),
	}
}

#[test]
fn set_peer_works_and_replaces() {
	test(|| {
		let here = address(&["203.0.113.7:4433", "https://relay.example"]);
		assert_ok!(Market::set_peer(signed(PROVIDER), here.clone()));
		assert_eq!(Market::peer(PROVIDER), Some(here.clone()));
		assert_eq!(
			events(),
			vec![Event::PeerSet {
				provider: PROVIDER,
				address: Some(here)
			}]
		);
		let elsewhere = address(&[]);
		assert_ok!(Market::set_peer(signed(PROVIDER), elsewhere.clone()));
		assert_eq!(Market::peer(PROVIDER), Some(elsewhere));
		assert_eq!(Desk::at(At::Deposit, PROVIDER), PEER_DEPOSIT);
	});
}

#[test]
fn set_peer_fails_when_malformed() {
	test(|| {
		let no_key = PeerAddress {
			id: [0; 32],
			..address(&["203.0.113.7:4433"])
		};
		for bad in [
			no_key,
			address(&[""]),
			address(&["a b"]),
			address(&["a\n"]),
			address(&["ü"]),
		] {
			assert_noop!(
				Market::set_peer(signed(PROVIDER), bad),
				Error::<Test>::BadPeerAddress
			);
		}
	});
}

#[test]
fn set_peer_fails_when_the_deposit_is_not_to_be_had() {
	test(|| {
		assert_noop!(
			Market::set_peer(signed(POOR), address(&[])),
			TokenError::FundsUnavailable
		);
	});
}

#[test]
fn clear_peer_works() {
	test(|| {
		assert_ok!(Market::set_peer(signed(PROVIDER), address(&[])));
		events();
		assert_ok!(Market::clear_peer(signed(PROVIDER)));
		assert_eq!(
			events(),
			vec![Event::PeerSet {
				provider: PROVIDER,
				address: None
			}]
		);
		assert_eq!(Market::peer(PROVIDER), None);
		assert_eq!(Desk::at(At::Deposit, PROVIDER), 0);
	});
}

#[test]
fn clear_peer_fails_when_there_is_none() {
	test(|| {
		assert_noop!(Market::clear_peer(signed(PROVIDER)), Error::<Test>::NoPeer);
	});
}
