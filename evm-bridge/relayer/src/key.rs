//! A member's key: one secp256k1 key under two names, its EVM address and its account on the market's chain.

use alloy::{
	primitives::{Address, B256},
	signers::{
		k256::elliptic_curve::rand_core::OsRng,
		local::{LocalSignerError, PrivateKeySigner},
		SignerSync,
	},
};
use lilypad_client::{
	gateway::{Member, PublicKey, Signature},
	AccountId, Signer,
};
use sp_core::{ecdsa, Pair};
use std::path::{Path, PathBuf};

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
	/// Not a secret.
	#[error("the secret is neither a development key (//Alice), a mnemonic nor a secret key in hexadecimal (0x and 64 digits)")]
	Suri,
	/// The key file.
	#[error("the key file {0} can't be used: {1}. It has to be an Ethereum key file (version 3) and its password the right one")]
	File(PathBuf, LocalSignerError),
	/// The file system.
	#[error("{what} {path}: {error}")]
	Io {
		/// What was tried.
		what: &'static str,
		/// With what.
		path: PathBuf,
		/// What happened.
		error: std::io::Error,
	},
	/// A file is there already.
	#[error("{0} exists already: key files are never overwritten; choose another name")]
	Exists(PathBuf),
}

/// See the module.
#[derive(Clone)]
pub struct Key {
	wallet: PrivateKeySigner,
	signer: Signer,
}

impl std::fmt::Debug for Key {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(f, "Key({})", self.address())
	}
}

impl Key {
	/// From `//Name`, a mnemonic with or without derivation path, or a secret key as `0x…`.
	pub fn from_suri(suri: &str) -> Result<Self, KeyError> {
		let suri = suri.trim();
		// Nothing at all would mean the well-known development key.
		if suri.is_empty() {
			return Err(KeyError::Suri);
		}
		// A key as it is: what Substrate's own reading makes of other lengths is no error to be caught.
		if let Some(digits) = suri.strip_prefix("0x") {
			let secret: Option<[u8; 32]> = hex::decode(digits).ok().and_then(|bytes| bytes.try_into().ok());
			return Self::from_secret(&secret.ok_or(KeyError::Suri)?);
		}
		let pair = ecdsa::Pair::from_string(suri, None).map_err(|_| KeyError::Suri)?;
		Self::from_secret(&pair.seed())
	}

	fn from_secret(secret: &[u8; 32]) -> Result<Self, KeyError> {
		let wallet = PrivateKeySigner::from_slice(secret).map_err(|_| KeyError::Suri)?;
		Self::from_wallet(wallet)
	}

	fn from_wallet(wallet: PrivateKeySigner) -> Result<Self, KeyError> {
		let text = hex::encode(wallet.to_bytes());
		let signer = Signer::from_private_key(&text).map_err(|_| KeyError::Suri)?;
		Ok(Self { wallet, signer })
	}

	/// From an Ethereum key file.
	pub fn from_file(path: &Path, password: &str) -> Result<Self, KeyError> {
		let wallet =
			PrivateKeySigner::decrypt_keystore(path, password).map_err(|e| KeyError::File(path.into(), e))?;
		Self::from_wallet(wallet)
	}

	/// Makes a new key and writes it to a new file that only its owner may read.
	pub fn create(path: &Path, password: &str) -> Result<Self, KeyError> {
		let io = |what| {
			move |error: std::io::Error| KeyError::Io {
				what,
				path: path.into(),
				error,
			}
		};
		let folder = match path.parent() {
			Some(folder) if !folder.as_os_str().is_empty() => folder,
			_ => Path::new("."),
		};
		std::fs::create_dir_all(folder).map_err(io("can't make the folder of"))?;
		// The library neither hides the file nor spares one that is there; so it gets a name of its own first.
		let random = PrivateKeySigner::random();
		let name = format!(".{}.new", hex::encode(&random.address()[..8]));
		let temporary = folder.join(&name);
		let written =
			PrivateKeySigner::encrypt_keystore(folder, &mut OsRng, random.to_bytes(), password, Some(&name))
				.map_err(|e| KeyError::File(path.into(), e))
				.and_then(|_| hide(&temporary).map_err(io("can't hide")))
				// A link fails when the name is taken.
				.and_then(|()| {
					std::fs::hard_link(&temporary, path).map_err(|error| match error.kind() {
						std::io::ErrorKind::AlreadyExists => KeyError::Exists(path.into()),
						_ => io("can't write")(error),
					})
				});
		std::fs::remove_file(&temporary).ok();
		written?;
		Self::from_wallet(random)
	}

	/// The address on EVM chains.
	pub fn address(&self) -> Address {
		self.wallet.address()
	}

	/// The account on the market's chain.
	pub fn account(&self) -> AccountId {
		self.signer.account()
	}

	/// Who signs on the market's chain.
	pub fn signer(&self) -> &Signer {
		&self.signer
	}

	/// Who signs transactions of EVM chains.
	pub fn wallet(&self) -> &PrivateKeySigner {
		&self.wallet
	}

	/// The public key, as bridge sets are given it.
	pub fn public(&self) -> PublicKey {
		self.wallet.public_key().0
	}

	/// The member of bridge sets with this key.
	pub fn member(&self) -> Member {
		Member::new(&self.public())
	}

	/// Signs an EIP-712 digest, in the form that gateways take.
	pub fn sign(&self, digest: sp_core::H256) -> Result<Signature, alloy::signers::Error> {
		Ok(self.wallet.sign_hash_sync(&B256::from(digest.0))?.as_bytes())
	}
}

#[cfg(unix)]
fn hide(path: &Path) -> std::io::Result<()> {
	use std::os::unix::fs::PermissionsExt;
	std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn hide(_: &Path) -> std::io::Result<()> {
	Ok(())
}

/// A password from a file. An editor's newline is not part of it.
pub fn read_password(file: &Path) -> Result<String, KeyError> {
	let text = std::fs::read_to_string(file).map_err(|error| KeyError::Io {
		what: "can't read the password file",
		path: file.into(),
		error,
	})?;
	let text = text.strip_suffix('\n').unwrap_or(&text);
	Ok(text.strip_suffix('\r').unwrap_or(text).into())
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_client::gateway::eip712;

	#[test]
	fn a_key_has_one_name_on_each_side() {
		let key = Key::from_suri("//Alice").expect("a development key");
		let member = key.member();
		assert_eq!(member.account, key.account());
		assert_eq!(member.address.0, key.address().into_array());
		// Anvil's first account.
		let known = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
		let known = Key::from_suri(known).expect("a secret key");
		assert_eq!(
			known.address().to_checksum(None),
			"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
		);
	}

	#[test]
	fn signatures_are_as_gateways_take_them() {
		for suri in ["//Alice", "//Bob", "//Charlie"] {
			let key = Key::from_suri(suri).expect("a key");
			for byte in 0..20 {
				let digest = sp_core::H256::repeat_byte(byte);
				let signature = key.sign(digest).expect("signed");
				assert_eq!(eip712::signer(&signature, digest), Some(key.member().address));
			}
		}
	}

	#[test]
	fn a_new_key_is_hidden_read_back_and_not_overwritten() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("new/key.json");
		let key = Key::create(&path, "secret").expect("written");
		let again = Key::from_file(&path, "secret").expect("read");
		assert_eq!(key.account(), again.account());
		assert!(matches!(Key::from_file(&path, "wrong"), Err(KeyError::File(..))));
		assert!(matches!(Key::create(&path, "secret"), Err(KeyError::Exists(_))));
		#[cfg(unix)]
		{
			use std::os::unix::fs::PermissionsExt;
			let mode = std::fs::metadata(&path).expect("there").permissions().mode();
			assert_eq!(mode & 0o077, 0);
		}
		let left: Vec<_> = std::fs::read_dir(dir.path().join("new"))
			.expect("a folder")
			.collect();
		assert_eq!(left.len(), 1, "nothing is left behind");
	}

	#[test]
	fn bad_secrets_are_refused_and_not_repeated() {
		for secret in ["", " ", "Alicia", "0x1234", &format!("0x{}", "0".repeat(64))] {
			let error = Key::from_suri(secret).expect_err("no key").to_string();
			assert!(secret.trim().is_empty() || !error.contains(secret), "{error}");
		}
	}
}
