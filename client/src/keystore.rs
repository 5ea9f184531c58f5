//! Encrypted key files, in the format that polkadot.js exports and imports: scrypt and XSalsa20-Poly1305 over the
//! sr25519 key.

use crate::AccountId;
use base64::{engine::general_purpose::STANDARD, Engine};
use crypto_secretbox::{aead::Aead, KeyInit, XSalsa20Poly1305};
use serde::{Deserialize, Serialize};
use sp_core::{crypto::Ss58Codec, sr25519, Pair};
use std::{
	io::Write,
	path::{Path, PathBuf},
};

/// Why a key file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
	/// No such file, no access, disk full.
	#[error("the key file {path} can't be used: {error}")]
	Io {
		/// The file.
		path: PathBuf,
		/// What happened.
		error: std::io::Error,
	},
	/// Another format.
	#[error("{0} is not a key file as polkadot.js exports it (version 3, sr25519, scrypt): {1}")]
	Format(PathBuf, String),
	/// Wrong password.
	#[error("the password does not open the key file {0}")]
	Password(PathBuf),
	/// A file is there already.
	#[error("{0} exists already: key files are never overwritten; choose another name")]
	Exists(PathBuf),
}

// 2^15, as polkadot.js uses and accepts.
const LOG_N: u8 = 15;
const P: u32 = 1;
const R: u32 = 8;
const HEADER: [u8; 16] = [48, 83, 2, 1, 1, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];
const DIVIDER: [u8; 5] = [161, 35, 3, 33, 0];
const PLAIN_LEN: usize = 117;
const PARAMS_LEN: usize = 68;
// Parameters that polkadot.js writes: (log2 N, p, r). Others are refused, as a file could ask for any amount of memory.
const ALLOWED: [(u8, u32, u32); 6] = [
	(13, 10, 8),
	(14, 5, 8),
	(15, 3, 8),
	(15, 1, 8),
	(16, 2, 8),
	(17, 1, 8),
];

#[derive(Serialize, Deserialize)]
struct File {
	encoded: String,
	encoding: Encoding,
	address: String,
	#[serde(default)]
	meta: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
struct Encoding {
	content: Vec<String>,
	#[serde(rename = "type")]
	kind: Vec<String>,
	version: String,
}

/// The account of a key file, which it tells without its password.
pub fn account_of(path: &Path) -> Result<AccountId, KeystoreError> {
	let file = load(path)?;
	AccountId::from_ss58check(&file.address).map_err(|e| KeystoreError::Format(path.into(), format!("{e:?}")))
}

fn load(path: &Path) -> Result<File, KeystoreError> {
	let text = std::fs::read_to_string(path).map_err(|error| KeystoreError::Io {
		path: path.into(),
		error,
	})?;
	let file: File =
		serde_json::from_str(&text).map_err(|e| KeystoreError::Format(path.into(), e.to_string()))?;
	let has = |list: &[String], what: &str| list.iter().any(|i| i == what);
	let known = file.encoding.version == "3"
		&& has(&file.encoding.content, "pkcs8")
		&& has(&file.encoding.content, "sr25519")
		&& has(&file.encoding.kind, "scrypt")
		&& has(&file.encoding.kind, "xsalsa20-poly1305");
	match known {
		true => Ok(file),
		false => Err(KeystoreError::Format(
			path.into(),
			"its encoding is another one".into(),
		)),
	}
}

fn key(password: &str, salt: &[u8], log_n: u8, p: u32, r: u32) -> Option<XSalsa20Poly1305> {
	let params = scrypt::Params::new(log_n, r, p, 32).ok()?;
	let mut key = [0u8; 32];
	scrypt::scrypt(password.as_bytes(), salt, &params, &mut key).ok()?;
	Some(XSalsa20Poly1305::new(&key.into()))
}

/// Opens a key file.
pub fn read(path: &Path, password: &str) -> Result<sr25519::Pair, KeystoreError> {
	let file = load(path)?;
	let format = |why: &str| KeystoreError::Format(path.into(), why.into());
	let bytes = STANDARD
		.decode(&file.encoded)
		.map_err(|_| format("its content is not base64"))?;
	if bytes.len() <= PARAMS_LEN {
		return Err(format("its content is too short"));
	}
	let (params, sealed) = bytes.split_at(PARAMS_LEN);
	let number = |at: usize| {
		params[at..at + 4]
			.iter()
			.rev()
			.fold(0u32, |n, b| n << 8 | u32::from(*b))
	};
	let (n, p, r) = (number(32), number(36), number(40));
	let log_n = n
		.checked_ilog2()
		.and_then(|l| u8::try_from(l).ok())
		.filter(|l| n == 1 << l);
	let (log_n, p, r) = ALLOWED
		.into_iter()
		.find(|allowed| Some(*allowed) == log_n.map(|l| (l, p, r)))
		.ok_or_else(|| format("its scrypt parameters are unusual"))?;
	let cipher =
		key(password, &params[..32], log_n, p, r).ok_or_else(|| format("its scrypt parameters are wrong"))?;
	let nonce: [u8; 24] = params[44..PARAMS_LEN]
		.try_into()
		.map_err(|_| format("its nonce is short"))?;
	let plain = cipher
		.decrypt(&nonce.into(), sealed)
		.map_err(|_| KeystoreError::Password(path.into()))?;
	if plain.len() != PLAIN_LEN || plain[..16] != HEADER || plain[80..85] != DIVIDER {
		return Err(format("what it holds is no key"));
	}
	let secret = schnorrkel::SecretKey::from_ed25519_bytes(&plain[16..80])
		.map_err(|_| format("what it holds is no key"))?;
	let pair = sr25519::Pair::from(secret);
	match pair.public().0[..] == plain[85..] {
		true => Ok(pair),
		false => Err(format("its parts do not belong together")),
	}
}

/// Writes a key to a new file that only its owner may read.
pub fn write(path: &Path, suri: &str, password: &str, name: &str) -> Result<AccountId, KeystoreError> {
	let pair = sr25519::Pair::from_string(suri, None)
		.map_err(|e| KeystoreError::Format(path.into(), format!("no key to write: {e:?}")))?;
	let account = AccountId::new(pair.public().0);
	let (salt, nonce): ([u8; 32], [u8; 24]) = (rand::random(), rand::random());
	let mut plain = Vec::with_capacity(PLAIN_LEN);
	plain.extend(HEADER);
	plain.extend(
		AsRef::<schnorrkel::Keypair>::as_ref(&pair)
			.secret
			.to_ed25519_bytes(),
	);
	plain.extend(DIVIDER);
	plain.extend(pair.public().0);
	let sealed = key(password, &salt, LOG_N, P, R)
		.and_then(|cipher| cipher.encrypt(&nonce.into(), plain.as_slice()).ok())
		.ok_or_else(|| KeystoreError::Format(path.into(), "it could not be encrypted".into()))?;

	let mut bytes = salt.to_vec();
	for number in [1u32 << LOG_N, P, R] {
		bytes.extend(number.to_le_bytes());
	}
	bytes.extend(nonce);
	bytes.extend(sealed);
	let file = File {
		encoded: STANDARD.encode(bytes),
		encoding: Encoding {
			content: vec!["pkcs8".into(), "sr25519".into()],
			kind: vec!["scrypt".into(), "xsalsa20-poly1305".into()],
			version: "3".into(),
		},
		address: account.to_ss58check(),
		meta: serde_json::json!({ "name": name }),
	};
	let json =
		serde_json::to_string_pretty(&file).map_err(|e| KeystoreError::Format(path.into(), e.to_string()))?;

	let io = |error: std::io::Error| match error.kind() {
		std::io::ErrorKind::AlreadyExists => KeystoreError::Exists(path.into()),
		_ => KeystoreError::Io {
			path: path.into(),
			error,
		},
	};
	if let Some(folder) = path.parent() {
		std::fs::create_dir_all(folder).map_err(io)?;
	}
	let mut options = std::fs::OpenOptions::new();
	options.write(true).create_new(true);
	#[cfg(unix)]
	std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
	let mut out = options.open(path).map_err(io)?;
	out.write_all(json.as_bytes())
		.and_then(|()| out.sync_all())
		.map_err(io)?;
	Ok(account)
}

#[cfg(test)]
mod tests {
	use super::*;

	// Exported by polkadot.js.
	const ALICE: &str = r#"{
		"encoded": "DumgApKCTqoCty1OZW/8WS+sgo6RdpHhCwAkA2IoDBMAgAAAAQAAAAgAAAB6IG/q24EeVf0JqWqcBd5m2tKq5BlyY84IQ8oamLn9DZe9Ouhgunr7i36J1XxUnTI801axqL/ym1gil0U8440Qvj0lFVKwGuxq38zuifgoj0B3Yru0CI6QKEvQPU5xxj4MpyxdSxP+2PnTzYao0HDH0fulaGvlAYXfqtU89xrx2/z9z7IjSwS3oDFPXRQ9kAdDebtyCVreZ9Otw9v3",
		"encoding": { "content": ["pkcs8", "sr25519"], "type": ["scrypt", "xsalsa20-poly1305"], "version": "3" },
		"address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
		"meta": { "genesisHash": "", "name": "Alice", "whenCreated": 1718265838755 }
	}"#;

	fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("key.json");
		std::fs::write(&path, text).expect("written");
		(dir, path)
	}

	#[test]
	fn read_works_on_what_polkadot_js_wrote() {
		let (_dir, path) = file(ALICE);
		let pair = read(&path, "whoisalice").expect("opens");
		assert_eq!(AccountId::new(pair.public().0), account_of(&path).expect("told"));
		assert!(sr25519::Pair::verify(&pair.sign(b"moo"), b"moo", &pair.public()));
	}

	#[test]
	fn read_fails_when_the_password_is_wrong() {
		let (_dir, path) = file(ALICE);
		assert!(matches!(read(&path, "whoisbob"), Err(KeystoreError::Password(_))));
	}

	#[test]
	fn read_fails_when_the_file_is_none() {
		for text in [
			"",
			"{}",
			&ALICE.replace("\"3\"", "\"2\""),
			&ALICE.replace("DumgApK", "////ApK"),
		] {
			let (_dir, path) = file(text);
			assert!(read(&path, "whoisalice").is_err(), "{text}");
		}
		assert!(matches!(
			read(Path::new("/nowhere/key.json"), ""),
			Err(KeystoreError::Io { .. })
		));
	}

	#[test]
	fn write_gives_what_we_and_polkadot_js_read() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("new/key.json");
		let account = write(&path, "//Bob", "secret", "bob").expect("written");
		let pair = read(&path, "secret").expect("opens");
		assert_eq!(AccountId::new(pair.public().0), account);
		assert!(sr25519::Pair::verify(&pair.sign(b"moo"), b"moo", &pair.public()));
		let json = std::fs::read_to_string(&path).expect("read");
		let theirs =
			subxt_signer::polkadot_js_compat::decrypt_json(&json, "secret").expect("opens there too");
		assert_eq!(theirs.public_key().0, pair.public().0);
	}

	#[test]
	fn write_fails_when_the_file_exists_and_hides_it_from_others() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("key.json");
		write(&path, "//Bob", "secret", "bob").expect("written");
		let before = std::fs::read(&path).expect("read");
		assert!(matches!(
			write(&path, "//Eve", "other", "eve"),
			Err(KeystoreError::Exists(_))
		));
		assert_eq!(std::fs::read(&path).expect("read"), before);
		#[cfg(unix)]
		{
			use std::os::unix::fs::PermissionsExt;
			assert_eq!(
				std::fs::metadata(&path).expect("there").permissions().mode() & 0o777,
				0o600
			);
		}
	}
}
