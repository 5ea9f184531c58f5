//! What the command line says, as who runs it sees it.

use serde_json::Value;
use std::process::{Command, Output};

fn relayer(args: &[&str]) -> Output {
	Command::new(env!("CARGO_BIN_EXE_lilypad-relayer"))
		.args(args)
		.env_remove("LILYPAD_RELAYER_SURI")
		.output()
		.expect("it starts")
}

#[test]
fn failures_are_json_for_machines() {
	let cases: [(&[&str], i32, &str); 3] = [
		(&["key", "show", "--json"], 1, "--keystore"),
		(&["--json", "status", "--metrics", "127.0.0.1:1"], 1, "--metrics"),
		(&["key", "shew", "--json"], 2, "shew"),
	];
	for (args, code, says) in cases {
		let output = relayer(args);
		assert_eq!(output.status.code(), Some(code), "{args:?}");
		let value: Value = serde_json::from_slice(&output.stdout).expect("JSON, and nothing else");
		assert_eq!(value["exit_code"], code);
		let error = value["error"].as_str().expect("a text");
		assert!(
			error.contains(says) && !error.starts_with("error:"),
			"{args:?}: {error}"
		);
	}
}

#[test]
fn failures_are_words_on_standard_error_for_people() {
	for (args, code) in [(["key", "show"], 1), (["key", "shew"], 2)] {
		let output = relayer(&args);
		assert_eq!(output.status.code(), Some(code));
		assert!(output.stdout.is_empty());
		assert!(output.stderr.starts_with(b"error: "));
	}
}

#[test]
fn help_is_for_people_always() {
	let output = relayer(&["--json", "--help"]);
	assert!(output.status.success());
	assert!(String::from_utf8_lossy(&output.stdout).contains("Usage:"));
}
