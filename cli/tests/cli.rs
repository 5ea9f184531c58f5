//! The binary itself, where no chain is needed: help, usage errors, exit codes, keys.

use assert_cmd::Command;
use serde_json::Value;
use std::path::Path;

/// The binary in an empty world: no key, no data, and no node.
fn lilypad(data: &Path) -> Command {
	let mut command = Command::cargo_bin("lilypad").expect("it is built with its tests");
	command
		.env_clear()
		.env("DATA_DIR", data)
		.env("LILYPAD_URL", "ws://127.0.0.1:1")
		.timeout(std::time::Duration::from_secs(60));
	command
}

fn dir() -> tempfile::TempDir {
	tempfile::tempdir().expect("a folder")
}

struct Run {
	code: i32,
	out: String,
	err: String,
}

fn run(data: &Path, args: &[&str]) -> Run {
	let output = lilypad(data).args(args).output().expect("it runs");
	Run {
		code: output.status.code().expect("it ends by itself"),
		out: String::from_utf8(output.stdout).expect("UTF-8"),
		err: String::from_utf8(output.stderr).expect("UTF-8"),
	}
}

#[test]
fn help_names_every_command_and_exit_code() {
	let dir = dir();
	let help = run(dir.path(), &["--help"]);
	assert_eq!(help.code, 0);
	for part in [
		"run",
		"job",
		"module",
		"offer",
		"provider",
		"mediator",
		"solver",
		"account",
		"doctor",
		"completion",
		"Exit codes",
		"WEB3_PRIVATE_KEY",
	] {
		assert!(help.out.contains(part), "{part}: {}", help.out);
	}
	assert_eq!(run(dir.path(), &["run", "--help"]).code, 0);
	assert_eq!(run(dir.path(), &["--version"]).code, 0);
}

#[test]
fn wrong_usage_ends_with_2() {
	let dir = dir();
	for args in [
		&[][..],
		&["dance"],
		&["run"],
		&["run", "cowsay"],
		&["run", "Cow Say:v1"],
		&["run", "cowsay:v0.0.1", "-i", "Message"],
		&["run", "cowsay:v0.0.1", "--budget", "much"],
		&["run", "cowsay:v0.0.1", "--target", "nobody"],
		&["job", "show", "one"],
		&["account", "transfer", "//Bob"],
		&["offer", "list", "--state", "lazy"],
		&["offer", "list", "--platform", "x86"],
		&["offer", "show", "one"],
		&["-n", "moon", "module", "list"],
		&["run", "cowsay:v0.0.1", "--deadline", "0"],
		&["run", "cowsay:v0.0.1", "--cpu", "none"],
		&["run", "cowsay:v0.0.1", "--gpu", "L4"],
		&["run", "cowsay:v0.0.1", "--mediator", "nobody"],
		&["offer", "reprice", "7"],
		&["offer", "withdraw", "seven"],
		&["solver", "--min-tip", "some"],
		&["solver", "--once", "--metrics", "127.0.0.1:1"],
		&["provider", "--config", "x", "status"],
		&["mediator", "--config", "x", "status"],
		&["run", "cowsay:v0.0.1", "--detach", "--no-accept"],
		&["--suri", "//Alice", "--keystore", "x", "job", "list"],
	] {
		let ended = run(dir.path(), args);
		assert_eq!(ended.code, 2, "{args:?}: {}", ended.err);
	}
	assert_eq!(
		run(
			dir.path(),
			&["--suri", "//Alice", "--url", "http://x", "account", "balance"]
		)
		.code,
		2
	);
}

#[test]
fn a_role_without_a_command_starts_and_says_what_it_needs() {
	let dir = dir();
	for (role, wanted) in [
		("provider", "lilypad provider init"),
		("resource-provider", "lilypad provider init"),
		("mediator", "lilypad mediator init"),
	] {
		let ended = run(dir.path(), &["--suri", "//Bob", role]);
		assert_eq!(ended.code, 4, "{role}: {}", ended.err);
		assert!(ended.err.contains(wanted), "{role}: {}", ended.err);
	}
	// A solver needs nothing but a key and a node.
	assert_eq!(run(dir.path(), &["solver"]).code, 4);
	assert_eq!(run(dir.path(), &["--suri", "//Bob", "solver"]).code, 3);
}

#[test]
fn an_unreachable_node_ends_with_3_and_says_what_to_do() {
	let dir = dir();
	for args in [
		&[
			"--suri",
			"//Alice",
			"run",
			"cowsay:v0.0.1",
			"-i",
			"Message=moo",
			"--yes",
		][..],
		&["--suri", "//Alice", "account", "balance"],
		&["job", "list"],
		&["module", "list"],
		&["offer", "list"],
		&["offer", "show", "0"],
		&["--suri", "//Alice", "job", "accept", "0"],
		&["--suri", "//Alice", "module", "curate", "cowsay:v0.0.1"],
		&["--suri", "//Alice", "module", "delist", "cowsay:v0.0.1"],
		&["--suri", "//Alice", "provider", "drain", "--yes"],
	] {
		let ended = run(dir.path(), args);
		assert_eq!(ended.code, 3, "{args:?}: {}", ended.err);
		assert!(
			ended.err.contains("ws://127.0.0.1:1") && ended.err.contains("--url"),
			"{}",
			ended.err
		);
	}
}

#[test]
fn a_missing_or_wrong_key_ends_with_4() {
	let dir = dir();
	let ended = run(
		dir.path(),
		&["run", "cowsay:v0.0.1", "-i", "Message=moo", "--yes"],
	);
	assert_eq!(ended.code, 4);
	assert!(ended.err.contains("account new"), "{}", ended.err);
	let ended = run(
		dir.path(),
		&["--suri", "not a mnemonic at all", "account", "balance"],
	);
	assert_eq!(ended.code, 4);
	assert!(
		!ended.err.contains("not a mnemonic at all"),
		"the secret is repeated: {}",
		ended.err
	);
	let output = lilypad(dir.path())
		.env("WEB3_PRIVATE_KEY", "0x12")
		.args(["account", "balance"])
		.output()
		.expect("it runs");
	assert_eq!(output.status.code(), Some(4));
}

#[test]
fn errors_are_json_for_machines() {
	let dir = dir();
	let ended = run(dir.path(), &["--json", "module", "list"]);
	let value: Value = serde_json::from_str(&ended.out).expect("JSON");
	assert_eq!(value["exit_code"], 3);
	assert!(
		value["error"]
			.as_str()
			.is_some_and(|e| e.contains("ws://127.0.0.1:1")),
		"{value}"
	);
}

#[test]
fn wrong_usage_is_json_for_machines() {
	let dir = dir();
	for (args, word) in [
		(&["--json", "dance"][..], "dance"),
		(&["job", "show", "one", "--json"], "one"),
		(&["--json"], "--help"),
	] {
		let ended = run(dir.path(), args);
		assert_eq!(ended.code, 2, "{args:?}");
		let value: Value = serde_json::from_str(&ended.out).expect("JSON");
		assert_eq!(value["exit_code"], 2, "{args:?}");
		let error = value["error"].as_str().expect("words");
		assert!(
			error.contains(word) && !error.starts_with("error:"),
			"{args:?}: {error}"
		);
	}
	// An input is no option, and help no failure.
	let ended = run(dir.path(), &["dance", "--", "--json"]);
	assert!(
		ended.out.is_empty() && ended.err.contains("dance"),
		"{}",
		ended.out
	);
	let ended = run(dir.path(), &["--json", "--help"]);
	assert!(ended.code == 0 && ended.out.contains("Exit codes"));
}

#[test]
fn ctrl_c_ends_a_command_that_waits() {
	let dir = dir();
	// A node that never says a word.
	let node = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
	let url = format!("ws://{}", node.local_addr().expect("bound"));
	let child = std::process::Command::new(assert_cmd::cargo::cargo_bin("lilypad"))
		.args(["--json", "module", "list", "--url", &url])
		.env("DATA_DIR", dir.path())
		.stdout(std::process::Stdio::piped())
		.spawn()
		.expect("it runs");
	let _silent = node.accept().expect("it connects");
	let sent = std::process::Command::new("kill")
		.args(["-INT", &child.id().to_string()])
		.status()
		.expect("sent");
	assert!(sent.success());
	let ended = child.wait_with_output().expect("it ends");
	assert_eq!(ended.status.code(), Some(130));
	let value: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
	assert_eq!(value["exit_code"], 130);
	assert_eq!(value["error"], "interrupted");
}

#[test]
fn an_output_folder_with_something_in_it_is_refused_before_anything_else() {
	let dir = dir();
	let out = dir.path().join("out");
	std::fs::create_dir(&out).expect("made");
	std::fs::write(out.join("mine"), "precious").expect("written");
	let out = out.to_str().expect("UTF-8");
	let ended = run(
		dir.path(),
		&[
			"--suri",
			"//Alice",
			"run",
			"cowsay:v0.0.1",
			"-i",
			"Message=moo",
			"--output",
			out,
		],
	);
	assert_eq!(ended.code, 4);
	assert!(ended.err.contains("not empty"), "{}", ended.err);
}

#[test]
fn a_new_key_is_encrypted_listed_and_never_overwritten() {
	let dir = dir();
	let password = dir.path().join("password");
	std::fs::write(&password, "secret\n").expect("written");
	let password = password.to_str().expect("UTF-8");
	let new = run(
		dir.path(),
		&["--json", "--password-file", password, "account", "new", "main"],
	);
	assert_eq!(new.code, 0, "{}", new.err);
	let new: Value = serde_json::from_str(&new.out).expect("JSON");
	let file = std::fs::read_to_string(dir.path().join("keys/main.json")).expect("the key file");
	assert!(
		!file.contains(new["mnemonic"].as_str().expect("words")),
		"the words are in the file"
	);

	let list = run(dir.path(), &["--json", "account", "list"]);
	let list: Value = serde_json::from_str(&list.out).expect("JSON");
	assert_eq!(list[0]["account"], new["account"]);

	assert_eq!(
		run(
			dir.path(),
			&["--password-file", password, "account", "new", "main"]
		)
		.code,
		4
	);
	assert_eq!(
		std::fs::read_to_string(dir.path().join("keys/main.json")).expect("still there"),
		file
	);

	let wrong = dir.path().join("wrong");
	std::fs::write(&wrong, "guess").expect("written");
	let args = [
		"--account",
		"main",
		"--password-file",
		wrong.to_str().expect("UTF-8"),
		"provider",
		"pause",
	];
	let ended = run(dir.path(), &args);
	assert_eq!(ended.code, 4);
	assert!(ended.err.contains("password"), "{}", ended.err);
}

#[test]
fn a_password_is_not_asked_for_without_a_terminal() {
	let dir = dir();
	let ended = run(dir.path(), &["account", "new"]);
	assert_eq!(ended.code, 4);
	assert!(ended.err.contains("--password-file"), "{}", ended.err);
}

#[test]
fn a_provider_is_set_up_once() {
	let dir = dir();
	let init = run(
		dir.path(),
		&["--json", "resource-provider", "init", "--rate", "0.002"],
	);
	assert_eq!(init.code, 0, "{}", init.err);
	let init: Value = serde_json::from_str(&init.out).expect("JSON");
	assert_eq!(init["settings"]["rate"], "0.002");
	assert!(
		init["settings"]["machine"]["cpu_milli"]
			.as_u64()
			.is_some_and(|c| c >= 1000),
		"{init}"
	);
	assert_eq!(run(dir.path(), &["provider", "init"]).code, 4);
	let ended = run(dir.path(), &["--suri", "//Bob", "provider", "start"]);
	assert_eq!(ended.code, 3, "no node is there: {}", ended.err);
	assert_eq!(run(dir.path(), &["provider", "init", "--force"]).code, 0);
}

#[test]
fn doctor_reports_a_missing_node_and_key_and_how_to_mend_them() {
	let dir = dir();
	let ended = run(dir.path(), &["doctor"]);
	assert_eq!(ended.code, 1);
	for part in ["FAILED", "lilypad-node --dev", "account new", "disk"] {
		assert!(ended.out.contains(part), "{part}: {}", ended.out);
	}
}

#[test]
fn completions_are_made_for_every_shell() {
	let dir = dir();
	for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
		let ended = run(dir.path(), &["completion", shell]);
		assert_eq!(ended.code, 0);
		assert!(ended.out.contains("lilypad"), "{shell}");
	}
}

/// What a shell would offer behind these words.
fn offered(data: &Path, words: &[&str]) -> Vec<String> {
	let output = lilypad(data)
		.env("LILYPAD_COMPLETE", "bash")
		.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
		.env("_CLAP_IFS", "\n")
		.arg("--")
		.args(words)
		.output()
		.expect("it runs");
	assert!(
		output.status.success(),
		"{}",
		String::from_utf8_lossy(&output.stderr)
	);
	let text = String::from_utf8(output.stdout).expect("UTF-8");
	text.lines().map(Into::into).collect()
}

#[test]
fn completion_offers_commands_options_keys_and_this_machine_s_jobs() {
	let dir = dir();
	let chain = dir.path().join("jobs/0011223344556677");
	std::fs::create_dir_all(&chain).expect("made");
	for (job, posted) in [(7, 1), (70, 2), (8, 3)] {
		let entry = serde_json::json!({
			"job": job, "creator": "5Grw", "module": "cowsay:v0.0.1", "block": 1, "posted": posted, "budget": 1, "files": [],
			"output": null, "deal": null, "provider": null, "root": null, "folder": null, "ended": null,
		});
		std::fs::write(chain.join(format!("{job}.json")), entry.to_string()).expect("written");
	}
	std::fs::create_dir_all(dir.path().join("keys")).expect("made");
	std::fs::write(dir.path().join("keys/main.json"), "{}").expect("written");
	assert_eq!(offered(dir.path(), &["lilypad", "off"]), ["offer"]);
	assert_eq!(
		offered(dir.path(), &["lilypad", "offer", "list", "--st"]),
		["--state"]
	);
	assert_eq!(
		offered(dir.path(), &["lilypad", "job", "watch", "7"]),
		["70", "7"]
	);
	assert_eq!(offered(dir.path(), &["lilypad", "--account", "m"]), ["main"]);
}

#[test]
fn completion_is_silent_and_quick_without_a_node() {
	let dir = dir();
	let begun = std::time::Instant::now();
	assert_eq!(offered(dir.path(), &["lilypad", "run", "cow"]), [""; 0]);
	assert!(
		begun.elapsed() < std::time::Duration::from_secs(10),
		"{:?}",
		begun.elapsed()
	);
}

#[test]
fn a_secret_in_the_environment_is_used_when_no_other_key_is_named() {
	let dir = dir();
	let account = |secret: &str, args: &[&str]| {
		let output = lilypad(dir.path())
			.env("LILYPAD_SURI", secret)
			// It goes after the secret: that it is wrong is not noticed.
			.env("WEB3_PRIVATE_KEY", "0x12")
			.args(args)
			.args(["account", "balance"])
			.output()
			.expect("it runs");
		(
			output.status.code(),
			String::from_utf8_lossy(&output.stderr).into_owned(),
		)
	};
	// The key is good: only the node is missing.
	assert_eq!(account("//Alice", &[]).0, Some(3));
	let (code, error) = account("not a mnemonic at all", &[]);
	assert_eq!(code, Some(4), "{error}");
	assert!(!error.contains("not a mnemonic at all"), "{error}");
	// What is typed goes before it.
	assert_eq!(
		account("not a mnemonic at all", &["--suri", "//Alice"]).0,
		Some(3)
	);
	let (code, error) = account("//Alice", &["--account", "nobody"]);
	assert_eq!(code, Some(4), "{error}");
	assert!(error.contains("nobody"), "{error}");
	let help = run(dir.path(), &["--help"]).out;
	assert!(help.contains("LILYPAD_SURI"), "{help}");
}

#[test]
fn a_key_in_the_environment_is_32_bytes_in_hexadecimal() {
	let dir = dir();
	let account = |key: &str| {
		let output = lilypad(dir.path())
			.env("WEB3_PRIVATE_KEY", key)
			.args(["account", "balance"])
			.output()
			.expect("it runs");
		(
			output.status.code(),
			String::from_utf8_lossy(&output.stderr).into_owned(),
		)
	};
	// The key is good: only the node is missing.
	for key in ["11".repeat(32), format!("0x{}", "11".repeat(32))] {
		assert_eq!(account(&key).0, Some(3));
	}
	for key in [
		"11".repeat(31),
		"zz".repeat(32),
		"bottom drive obey lake".into(),
		"//Alice".into(),
	] {
		let (code, error) = account(&key);
		assert_eq!(code, Some(4), "{error}");
		assert!(!error.contains(&key), "the secret is repeated: {error}");
	}
}
