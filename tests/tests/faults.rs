//! Machines fail: nothing is lost, and whoever is to blame pays.

use anyhow::{ensure, Context, Result};
use lilypad_tests::{cow, wait_for, Network};
use serde_json::Value;
use std::{process::Stdio, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);

/// Free LP in its smallest unit, or what is held for one reason.
fn amount(balance: &Value, field: &str) -> Result<u128> {
	balance[field]["planck"]
		.as_str()
		.or(balance[field].as_str())
		.with_context(|| format!("{field} in {balance}"))?
		.parse()
		.context("an amount")
}

#[test]
fn a_provider_killed_in_the_middle_of_a_job_is_fined_and_the_creator_refunded() -> Result<()> {
	let network = Network::dev()?;
	let provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let creator = network.cli("//Alice");
	let before = amount(&creator.json(&["account", "balance"])?, "free")?;
	let bond_before = amount(&network.cli("//Bob").json(&["account", "balance"])?, "held")?;

	let posted = creator.json(&[
		"run",
		"sleeper:v0.0.1",
		"-i",
		"Seconds=600",
		"--timeout",
		"5",
		"--retries",
		"0",
		"--yes",
		"--detach",
	])?;
	let job = posted["job"].to_string();
	wait_for("the job runs", MINUTE, || {
		Ok((creator.json(&["job", "show", &job])?["state"] == "running").then_some(()))
	})?;
	provider.kill()?;

	let ended = wait_for("the job ends", 3 * MINUTE, || {
		let shown = creator.json(&["job", "show", &job])?;
		Ok((shown["state"] == "ended").then_some(shown))
	})?;
	ensure!(ended["outcome"].to_string().contains("timed_out"), "{ended}");
	let balance = creator.json(&["account", "balance"])?;
	assert_eq!(amount(&balance, "held")?, 0, "nothing stays held: {balance}");
	// The refund and a share of the fine outweigh the fee of one transaction.
	let after = amount(&balance, "free")?;
	ensure!(
		after + lilypad_tests_lp() / 100 > before,
		"{before} before, {after} after"
	);
	let bond_after = amount(&network.cli("//Bob").json(&["account", "balance"])?, "held")?;
	ensure!(
		bond_after < bond_before,
		"the provider was not fined: {bond_before} before, {bond_after} after"
	);
	Ok(())
}

const fn lilypad_tests_lp() -> u128 {
	1_000_000_000_000_000_000
}

#[test]
fn a_provider_restarted_in_the_middle_of_a_job_goes_on() -> Result<()> {
	let network = Network::dev()?;
	let provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let creator = network.cli("//Alice");
	let posted = creator.json(&[
		"run",
		"sleeper:v0.0.1",
		"-i",
		"Seconds=25",
		"--timeout",
		"60",
		"--retries",
		"0",
		"--yes",
		"--detach",
	])?;
	let job = posted["job"].to_string();
	wait_for("the job runs", MINUTE, || {
		Ok((creator.json(&["job", "show", &job])?["state"] == "running").then_some(()))
	})?;
	provider.kill()?;
	let _again = network.provider("//Bob", &[])?;
	let text = creator.ok(&["job", "watch", &job])?;
	ensure!(text.contains("slept 25"), "{text}");
	Ok(())
}

#[test]
fn a_job_outlives_the_command_that_posted_it() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let cli = network.cli("//Alice");
	let mut child = cli
		.command(&[
			"run",
			"sleeper:v0.0.1",
			"-i",
			"Seconds=8",
			"--timeout",
			"60",
			"--yes",
		])?
		.stdout(Stdio::piped())
		.stderr(Stdio::piped())
		.spawn()?;
	let job = wait_for("the job runs", MINUTE, || {
		let list = cli.json(&["job", "list"])?;
		let job = &list[0];
		Ok((job["state"] == "running").then(|| job["job"].to_string()))
	})?;
	ensure!(std::process::Command::new("kill")
		.args(["-INT", &child.id().to_string()])
		.status()?
		.success());
	let status = child.wait()?;
	assert_eq!(status.code(), Some(130));
	let output = child.wait_with_output()?;
	let text =
		String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
	ensure!(
		text.contains(&format!("lilypad job watch {job}")),
		"it does not say how to come back:\n{text}"
	);
	let text = cli.ok(&["job", "watch", &job])?;
	ensure!(text.contains("slept 8"), "{text}");
	Ok(())
}

#[test]
fn a_job_that_a_provider_failed_moves_to_another() -> Result<()> {
	let network = Network::dev()?;
	let first = network.provider("//Bob", &["--provider-rate", "0.00001"])?;
	network.publish("//Charlie", "cowsay")?;
	let second = network.provider("//Dave", &["--provider-rate", "0.00002"])?;
	// The cheaper one takes the job and never answers.
	first.kill()?;
	let text = network.cli("//Alice").ok(&[
		"run",
		"cowsay:v0.0.1",
		"-i",
		"Message=moo",
		"--yes",
		"--retries",
		"2",
	])?;
	ensure!(text.contains(&cow("moo")), "{text}");
	second.check()
}

#[test]
fn two_workers_with_one_key_are_refused() -> Result<()> {
	let network = Network::dev()?;
	let _first = network.provider("//Bob", &[])?;
	let other_folder = network.path("other");
	let second =
		network.provider_unready("//Bob", &["--base-path", other_folder.to_str().context("UTF-8")?])?;
	// The node may go on without its worker or end; either way the worker says what is wrong.
	wait_for("the second worker refuses", MINUTE, || {
		Ok(second.log()?.contains("another worker").then_some(()))
	})
	.with_context(|| second.log_tail(30))
}
