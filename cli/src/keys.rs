//! Whose key is used, and where key files are.

use crate::{args::Global, data::DataDir, error::CliError};
use lilypad_client::{keystore, AccountId, Signer};
use std::{
	io::IsTerminal,
	path::{Path, PathBuf},
};

/// Variable with a secret as `--suri` takes it, which other users of the machine do not see in the list of processes.
pub const SURI: &str = "LILYPAD_SURI";
/// Variable with a secp256k1 key.
pub const PRIVATE_KEY: &str = "WEB3_PRIVATE_KEY";

/// An account as it is typed: an SS58 address, 32 bytes as 0x…, or a development account.
pub fn parse_account(text: &str) -> Result<AccountId, String> {
	if text.starts_with("//") {
		return Signer::from_suri(text)
			.map(|s| s.account())
			.map_err(|e| e.to_string());
	}
	if let Some(digits) = text.strip_prefix("0x") {
		let bytes: Option<[u8; 32]> = hex::decode(digits).ok().and_then(|b| b.try_into().ok());
		return bytes
			.map(AccountId::new)
			.ok_or_else(|| "an account in hexadecimal has 64 digits".into());
	}
	text.parse()
		.map_err(|e| format!("not an account (an address such as 5Grwva…): {e}"))
}

/// Where a named key file is.
pub fn key_file(data: &DataDir, name: &str) -> Result<PathBuf, CliError> {
	let plain = !name.is_empty()
		&& name
			.chars()
			.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
	match plain && !name.starts_with('.') {
		true => Ok(data.keys().join(format!("{name}.json"))),
		false => Err(CliError::Input(format!(
			"'{name}' is no name for a key: use letters, digits, -, _ and ."
		))),
	}
}

/// The key that the command acts with.
pub fn signer(global: &Global, data: &DataDir) -> Result<Signer, CliError> {
	if let Some(suri) = &global.suri {
		return Ok(Signer::from_suri(suri)?);
	}
	if let Some(file) = key_path(global, data)? {
		let password = password(global, &format!("Password of {}: ", file.display()))?;
		return Ok(Signer::from_keystore(&file, &password)?);
	}
	match (variable(SURI), variable(PRIVATE_KEY)) {
		(Some(suri), _) => Ok(Signer::from_suri(suri.trim())?),
		(None, Some(key)) => Ok(Signer::from_private_key(&key)?),
		(None, None) => Err(CliError::NoKey),
	}
}

/// A variable, unless it is empty.
fn variable(name: &str) -> Option<String> {
	std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The account that the command acts for, without asking for a password.
pub fn account(global: &Global, data: &DataDir) -> Result<AccountId, CliError> {
	match key_path(global, data)? {
		Some(file) if global.suri.is_none() => {
			Ok(keystore::account_of(&file).map_err(lilypad_client::SignerError::from)?)
		},
		_ => Ok(signer(global, data)?.account()),
	}
}

fn key_path(global: &Global, data: &DataDir) -> Result<Option<PathBuf>, CliError> {
	if let Some(file) = &global.keystore {
		return Ok(Some(file.clone()));
	}
	if let Some(name) = &global.account {
		return key_file(data, name).map(Some);
	}
	// The one that `account new` makes, unless the environment names a key.
	let default = key_file(data, "default")?;
	let in_environment = [SURI, PRIVATE_KEY]
		.into_iter()
		.any(|name| variable(name).is_some());
	Ok((!in_environment && default.is_file()).then_some(default))
}

/// A password, from its file or from the terminal.
pub fn password(global: &Global, prompt: &str) -> Result<String, CliError> {
	if let Some(file) = &global.password_file {
		return read_password(file);
	}
	if !std::io::stdin().is_terminal() {
		return Err(CliError::Input(
			"the key file's password is needed: name a file with it by --password-file".into(),
		));
	}
	dialoguer::Password::new()
		.with_prompt(prompt.trim_end_matches([':', ' ']))
		.allow_empty_password(true)
		.interact()
		.map_err(|e| CliError::Other(format!("the password could not be read: {e}")))
}

/// A new password, typed twice.
pub fn new_password(global: &Global) -> Result<String, CliError> {
	if let Some(file) = &global.password_file {
		return read_password(file);
	}
	if !std::io::stdin().is_terminal() {
		return Err(CliError::Input(
			"a password for the new key is needed: name a file with it by --password-file".into(),
		));
	}
	dialoguer::Password::new()
		.with_prompt("Password for the new key")
		.with_confirmation("Once more", "They differ.")
		.interact()
		.map_err(|e| CliError::Other(format!("the password could not be read: {e}")))
}

fn read_password(file: &Path) -> Result<String, CliError> {
	let text = std::fs::read_to_string(file).map_err(CliError::io("can't read the password file", file))?;
	// An editor's newline is not part of it.
	Ok(text
		.strip_suffix('\n')
		.map(|t| t.strip_suffix('\r').unwrap_or(t))
		.unwrap_or(&text)
		.to_string())
}

#[cfg(test)]
mod tests {
	use super::*;

	const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

	#[test]
	fn accounts_are_read_in_every_form() {
		let alice = parse_account(ALICE).expect("an address");
		assert_eq!(parse_account("//Alice"), Ok(alice.clone()));
		let bytes: &[u8; 32] = alice.as_ref();
		assert_eq!(parse_account(&format!("0x{}", hex::encode(bytes))), Ok(alice));
		for bad in ["", "Alice", "0x12", &ALICE[1..]] {
			assert!(parse_account(bad).is_err(), "{bad}");
		}
	}

	#[test]
	fn key_names_stay_in_their_folder() {
		let data = DataDir::at("/tmp/x");
		assert!(key_file(&data, "main").is_ok());
		for bad in ["", "../x", "a/b", ".hidden", ".."] {
			assert!(key_file(&data, bad).is_err(), "{bad}");
		}
	}

	#[test]
	fn a_password_file_loses_only_its_last_newline() {
		let dir = tempfile::tempdir().expect("a folder");
		let file = dir.path().join("password");
		for (text, password) in [
			("a b\n", "a b"),
			("a\r\n", "a"),
			("a\n\n", "a\n"),
			("a", "a"),
			("", ""),
		] {
			std::fs::write(&file, text).expect("written");
			assert_eq!(read_password(&file).expect("read"), password);
		}
	}
}
