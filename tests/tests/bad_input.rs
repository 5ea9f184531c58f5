//! Whatever a person can get wrong: a clear error that says what to do, the right exit code, and nothing lost.

use anyhow::{ensure, Context, Result};
use lilypad_tests::{module_dir, Network};
use serde_json::json;
use std::fs;

const REFUSED: i32 = 4;
const UNREACHABLE: i32 = 3;

#[test]
fn wrong_input_is_refused_before_anything_is_paid() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	network.publish("//Charlie", "kmers")?;
	let cli = network.cli("//Alice");
	// What it has, whenever.
	let balance = || -> Result<_> {
		let shown = network.cli("//Alice").json(&["account", "balance"])?;
		Ok((shown["free"].clone(), shown["held"].clone()))
	};
	let before = balance()?;
	let says = |text: String, wanted: &[&str]| -> Result<()> {
		for word in wanted {
			ensure!(text.contains(word), "'{word}' is not in:\n{text}");
		}
		Ok(())
	};
	let run = |args: &[&str]| cli.fails(REFUSED, &[&["run"], args, &["--yes"]].concat());

	says(
		run(&["cowsai:v0.0.1", "-i", "Message=moo"])?,
		&["cowsai:v0.0.1", "cowsay:v0.0.1"],
	)?;
	says(run(&["cowsay:v0.0.1"])?, &["Message", "-i Message="])?;
	says(
		run(&["cowsay:v0.0.1", "-i", "Massage=moo"])?,
		&["Massage", "Message"],
	)?;
	let long = format!("Message={}", "m".repeat(100_000));
	says(run(&["cowsay:v0.0.1", "-i", &long])?, &["100000 bytes"])?;
	says(run(&["kmers:v0.0.1", "-i", "K=many"])?, &["K", "whole number"])?;
	says(run(&["kmers:v0.0.1", "-i", "K=4"])?, &["--input-file"])?;
	says(cli.fails(2, &["run", "not a module name"])?, &["name:tag"])?;

	// Not enough for the cheapest offer, and a poor account.
	says(
		run(&["cowsay:v0.0.1", "-i", "Message=moo", "--budget", "0.0000001"])?,
		&["budget"],
	)?;
	let poor = network.cli("//Pauper");
	says(
		poor.fails(REFUSED, &["run", "cowsay:v0.0.1", "-i", "Message=moo", "--yes"])?,
		&["needed", "available"],
	)?;
	// Nobody fits: which rule, for how many offers.
	let target = "//Dave";
	says(
		run(&["cowsay:v0.0.1", "-i", "Message=moo", "--target", target])?,
		&["no provider fits", "1 offer"],
	)?;

	assert_eq!(balance()?, before, "nothing was paid");
	Ok(())
}

#[test]
fn wrong_nodes_and_keys_are_refused() -> Result<()> {
	let network = Network::dev()?;
	let mut cli = network.cli("//Alice");
	let url = cli.url.clone();

	cli.url = "ws://127.0.0.1:1".into();
	let text = cli.fails(UNREACHABLE, &["account", "balance"])?;
	ensure!(text.contains("ws://127.0.0.1:1"), "{text}");
	cli.url = url;
	let other = "0x".to_string() + &"11".repeat(32);
	let text = cli.fails(UNREACHABLE, &["account", "balance", "--genesis", &other])?;
	ensure!(text.contains("chain"), "{text}");

	cli.key = "not a key at all".into();
	cli.fails(REFUSED, &["account", "balance"])?;

	// A key file and its password.
	let cli = network.cli("//Alice");
	let (right, wrong) = (network.path("right"), network.path("wrong"));
	fs::write(&right, "correct horse\n")?;
	fs::write(&wrong, "battery staple\n")?;
	let command = |args: &[&str]| -> Result<std::process::Output> {
		let mut command = std::process::Command::new(lilypad_tests::bin("lilypad")?);
		command
			.args(["--url", &cli.url])
			.args(args)
			.env("DATA_DIR", &cli.data_dir);
		Ok(command.stdin(std::process::Stdio::null()).output()?)
	};
	let made = command(&[
		"account",
		"new",
		"mine",
		"--password-file",
		right.to_str().context("UTF-8")?,
	])?;
	ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
	let refused = command(&[
		"account",
		"transfer",
		"//Bob",
		"1",
		"--yes",
		"--account",
		"mine",
		"--password-file",
		wrong.to_str().context("UTF-8")?,
	])?;
	assert_eq!(refused.status.code(), Some(REFUSED));
	let text = String::from_utf8_lossy(&refused.stderr).to_lowercase();
	ensure!(text.contains("password"), "{text}");
	Ok(())
}

#[test]
fn malformed_modules_are_not_published() -> Result<()> {
	let network = Network::dev()?;
	let cli = network.cli("//Alice");
	let source = module_dir("cowsay")?;
	let good: serde_json::Value = serde_json::from_slice(&fs::read(source.join("module.json"))?)?;
	let refuse = |name: &str, manifest: String, image: Option<Vec<u8>>, wanted: &str| -> Result<()> {
		let dir = network.path(name);
		fs::create_dir_all(&dir)?;
		fs::write(dir.join("module.json"), manifest)?;
		if let Some(image) = image {
			fs::write(dir.join("image.tar"), image)?;
		}
		let text = cli.fails(
			REFUSED,
			&["module", "publish", dir.to_str().context("UTF-8")?, "--yes"],
		)?;
		ensure!(text.contains(wanted), "{name}: '{wanted}' is not in:\n{text}");
		Ok(())
	};
	let image = fs::read(source.join("image.tar"))?;
	refuse("broken", "{ not json".into(), Some(image.clone()), "manifest")?;
	let mut odd = good.clone();
	odd["surprise"] = json!(1);
	refuse("unknown-field", odd.to_string(), Some(image.clone()), "surprise")?;
	let mut bad = good.clone();
	bad["entrypoint"] = json!(["/usr/games/cowsay", "{{Nope}}"]);
	refuse("placeholder", bad.to_string(), Some(image.clone()), "Nope")?;
	refuse("no-image", good.to_string(), None, "image.tar")?;
	let mut wrong = good;
	wrong["runtime"]["image"] = json!(format!("sha256:{}", "00".repeat(32)));
	refuse("wrong-digest", wrong.to_string(), Some(image), "digest")?;
	assert_eq!(cli.json(&["module", "list"])?, json!([]));
	Ok(())
}
