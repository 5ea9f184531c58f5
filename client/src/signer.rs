//! Keys: who signs transactions, and requests to providers.

use crate::{keystore::KeystoreError, AccountId};
use sp_core::{sr25519, Pair};
use sp_runtime::{traits::Verify, MultiSignature};
use std::{path::Path, str::FromStr, sync::Arc};
use subxt::config::SubstrateConfig;
use subxt_signer::{ecdsa, SecretUri};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
	/// Not a secret URI.
	#[error("the secret is neither a development account (//Alice), a mnemonic nor a 32-byte seed in hexadecimal: {0}")]
	Suri(String),
	/// Not a private key.
	#[error("a private key is 32 bytes in hexadecimal (64 digits, with or without 0x), and not zero")]
	PrivateKey,
	/// The key file.
	#[error(transparent)]
	Keystore(#[from] KeystoreError),
}

/// A key pair: sr25519, as Substrate's tools make them, or ECDSA on secp256k1, as Ethereum's do.
#[derive(Clone)]
pub struct Signer(Arc<Key>);

enum Key {
	Sr25519(Box<sr25519::Pair>),
	Ecdsa(Box<ecdsa::Keypair>),
}

impl std::fmt::Debug for Signer {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(f, "Signer({})", self.account())
	}
}

impl Signer {
	/// From a secret URI: `//Alice`, a mnemonic with or without derivation path, or a seed as `0x…`; sr25519.
	pub fn from_suri(suri: &str) -> Result<Self, SignerError> {
		// Nothing at all would mean the well-known development key.
		if suri.trim().is_empty() {
			return Err(SignerError::Suri("it is empty".into()));
		}
		// The error never repeats the secret.
		SecretUri::from_str(suri).map_err(|e| SignerError::Suri(e.to_string()))?;
		let pair = sr25519::Pair::from_string(suri, None).map_err(|e| SignerError::Suri(format!("{e:?}")))?;
		Ok(pair.into())
	}

	/// From a private key as Ethereum's tools write it, such as the content of `WEB3_PRIVATE_KEY`; ECDSA.
	pub fn from_private_key(text: &str) -> Result<Self, SignerError> {
		let text = text.trim();
		let bytes =
			hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|_| SignerError::PrivateKey)?;
		let secret: [u8; 32] = bytes.try_into().map_err(|_| SignerError::PrivateKey)?;
		let pair = ecdsa::Keypair::from_secret_key(secret).map_err(|_| SignerError::PrivateKey)?;
		Ok(Self(Arc::new(Key::Ecdsa(Box::new(pair)))))
	}

	/// From a key file as polkadot.js exports it.
	pub fn from_keystore(path: &Path, password: &str) -> Result<Self, SignerError> {
		Ok(crate::keystore::read(path, password)?.into())
	}

	/// A new key and its mnemonic.
	pub fn generate() -> (Self, String) {
		let (pair, phrase, _) = sr25519::Pair::generate_with_phrase(None);
		(pair.into(), phrase)
	}

	/// The account that the key controls.
	pub fn account(&self) -> AccountId {
		match &*self.0 {
			Key::Sr25519(pair) => AccountId::new(pair.public().0),
			Key::Ecdsa(pair) => AccountId::new(sp_crypto_hashing::blake2_256(&pair.public_key().0)),
		}
	}

	/// Signs a message.
	pub fn sign(&self, message: &[u8]) -> MultiSignature {
		match &*self.0 {
			Key::Sr25519(pair) => MultiSignature::Sr25519(pair.sign(message)),
			Key::Ecdsa(pair) => {
				MultiSignature::Ecdsa(sp_core::ecdsa::Signature::from_raw(pair.sign(message).0))
			},
		}
	}
}

impl From<sr25519::Pair> for Signer {
	fn from(pair: sr25519::Pair) -> Self {
		Self(Arc::new(Key::Sr25519(Box::new(pair))))
	}
}

/// Whether `signature` is `account`'s for this message.
pub fn verify(signature: &MultiSignature, message: &[u8], account: &AccountId) -> bool {
	signature.verify(message, account)
}

impl subxt::tx::Signer<SubstrateConfig> for Signer {
	fn account_id(&self) -> subxt::utils::AccountId32 {
		subxt::utils::AccountId32(self.account().into())
	}

	fn sign(&self, payload: &[u8]) -> subxt::utils::MultiSignature {
		match Signer::sign(self, payload) {
			MultiSignature::Ed25519(s) => subxt::utils::MultiSignature::Ed25519(s.0),
			MultiSignature::Sr25519(s) => subxt::utils::MultiSignature::Sr25519(s.0),
			MultiSignature::Ecdsa(s) => subxt::utils::MultiSignature::Ecdsa(s.0),
			// Our keys are of the other kinds.
			_ => subxt::utils::MultiSignature::Sr25519([0; 64]),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

	#[test]
	fn development_accounts_work() {
		assert_eq!(
			Signer::from_suri("//Alice").expect("a key").account().to_string(),
			ALICE
		);
	}

	#[test]
	fn a_new_mnemonic_gives_its_key_again() {
		let (signer, phrase) = Signer::generate();
		assert_eq!(
			Signer::from_suri(&phrase).expect("a key").account(),
			signer.account()
		);
		assert_eq!(phrase.split(' ').count(), 12);
	}

	#[test]
	fn signatures_verify_and_only_for_their_message_and_account() {
		let key = "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318";
		for signer in [Signer::from_suri("//Bob"), Signer::from_private_key(key)] {
			let signer = signer.expect("a key");
			let signature = signer.sign(b"moo");
			assert!(verify(&signature, b"moo", &signer.account()));
			assert!(!verify(&signature, b"boo", &signer.account()));
			assert!(!verify(&signature, b"moo", &AccountId::new([7; 32])));
		}
	}

	#[test]
	fn bad_keys_fail_and_are_not_repeated() {
		for secret in ["", "Alicia", "legal winner thank year", "0x1234"] {
			match Signer::from_suri(secret) {
				Ok(signer) => panic!("{secret:?} gave {signer:?}"),
				Err(e) => assert!(secret.is_empty() || !e.to_string().contains(secret), "{e}"),
			}
		}
		for key in [
			"",
			"0x",
			"zz",
			"0x00",
			&"0".repeat(64),
			&"f".repeat(64),
			&"1".repeat(66),
		] {
			assert!(
				matches!(Signer::from_private_key(key), Err(SignerError::PrivateKey)),
				"{key}"
			);
		}
	}
}
