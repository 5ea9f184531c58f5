//! `job …`: cancelled, looked at before they are paid for, accepted.

use crate::{says, COWSAY, REFUSED};
use anyhow::{ensure, Context, Result};
use lilypad_tests::{cow, ledger::Holding, path_str, wait_for, Cli, Engine, Network, Worker};
use serde_json::json;
use std::{fs, time::Duration};

fn post(cli: &Cli, more: &[&str]) -> Result<String> {
	let args = ["run", COWSAY, "-i", "Message=moo", "--yes", "--detach"];
	Ok(cli.json(&[&args, more].concat())?["job"].to_string())
}

#[test]
fn a_job_is_cancelled_at_the_price_of_how_far_it_is() -> Result<()> {
	let network = Network::dev()?;
	let bob = Worker::honest("//Bob", Engine::Wasm);
	let worker = bob.provide_with(&network, "0.0001", &[("slots", json!(1))])?;
	network.is_ready(&worker)?;
	network.publish("//Charlie", "cowsay-wasm")?;
	let cli = network.cli("//Dave");
	ensure!(cli.ok(&["job", "list"])?.contains("no jobs yet"));
	assert_eq!(cli.json(&["job", "list"])?, json!([]));

	// Nobody acknowledges what the offer is given, and its one place is taken.
	worker.kill()?;
	let matched = post(&cli, &[])?;
	assert_eq!(cli.json(&["job", "show", &matched])?["state"], "matched");
	let waiting = post(&cli, &["--budget", "1", "--match-timeout", "600"])?;
	assert_eq!(cli.json(&["job", "show", &waiting])?["state"], "waiting");
	says(
		&cli.ok(&["job", "list"])?,
		&["JOB", "STATE", COWSAY, "negotiating", "waiting for a provider"],
	)?;

	// Not without being asked, and not by somebody else.
	says(
		&cli.fails(REFUSED, &["job", "cancel", &waiting])?,
		&["not agreed to", "whole budget", "--yes"],
	)?;
	let stranger = network.cli("//Eve");
	for job in [&waiting, &matched] {
		stranger.fails(REFUSED, &["job", "cancel", job, "--yes"])?;
	}

	assert_eq!(
		cli.json(&["job", "cancel", &waiting, "--yes"])?,
		json!({ "job": waiting.parse::<u64>()?, "cancelled": true, "cost": "0 LP" })
	);
	says(
		&cli.ok(&["job", "cancel", &matched, "--yes"])?,
		&[&format!("job {matched} is cancelled"), "0.001 LP"],
	)?;
	assert_eq!(Holding::of(&cli, None)?.held, 0, "nothing stays held");
	for job in [&waiting, &matched] {
		assert_eq!(cli.json(&["job", "show", job])?["state"], "ended");
		cli.fails(REFUSED, &["job", "cancel", job, "--yes"])?;
	}
	says(&cli.ok(&["job", "list"])?, &["cancelled", "0.001 LP"])
}

#[test]
fn a_result_is_checked_before_it_is_accepted() -> Result<()> {
	let network = Network::dev()?;
	let worker = Worker::honest("//Bob", Engine::Wasm).provide(&network, "0.0001")?;
	network.is_ready(&worker)?;
	network.publish("//Charlie", "cowsay-wasm")?;
	let cli = network.cli("//Dave");
	let stranger = network.cli("//Eve");

	let fetched = cli.json(&["run", COWSAY, "-i", "Message=moo", "--yes", "--no-accept"])?;
	let job = fetched["job"].to_string();
	assert_eq!(
		(&fetched["settled"], &fetched["cost"], &fetched["exit_code"]),
		(&json!(false), &json!(null), &json!(0))
	);
	let folder = fetched["output"].as_str().context("a folder")?;
	assert_eq!(fs::read_to_string(format!("{folder}/stdout"))?, cow("moo"));
	assert_eq!(cli.json(&["job", "show", &job])?["state"], "submitted");

	let verified = cli.json(&["job", "verify", &job])?;
	assert_eq!(verified["same"], json!(true), "{verified}");
	assert_eq!(verified["root"], fetched["root"]);
	says(
		&cli.ok(&["job", "verify", &job])?,
		&["is right", fetched["root"].as_str().context("a root")?],
	)?;

	// It can be paid for by its creator alone, if it agrees, and not be taken back.
	says(
		&stranger.fails(REFUSED, &["job", "accept", &job, "--yes"])?,
		&["belongs to"],
	)?;
	says(
		&cli.fails(REFUSED, &["job", "accept", &job])?,
		&["Pay ", "exit code 0", "--yes"],
	)?;
	cli.fails(REFUSED, &["job", "cancel", &job, "--yes"])?;
	let again = network.path("again");
	let paid = cli.json(&["job", "accept", &job, "--yes", "--output", path_str(&again)?])?;
	assert_eq!(
		(&paid["settled"], &paid["root"], paid["output"].as_str()),
		(&json!(true), &fetched["root"], again.to_str())
	);
	ensure!(paid["cost"].is_string(), "{paid}");
	assert_eq!(fs::read_to_string(again.join("stdout"))?, cow("moo"));
	assert_eq!(Holding::of(&cli, None)?.held, 0, "nothing stays held");

	// Over is over, and what never was is not there.
	for args in [
		["job", "accept", &job].as_slice(),
		&["job", "verify", &job],
		&["job", "cancel", &job, "--yes"],
		&["job", "challenge", &job, "--reason", "wrong-result", "--yes"],
		&["job", "show", "999"],
		&["job", "accept", "999"],
		&["job", "verify", "999"],
		&["job", "watch", "999"],
	] {
		cli.fails(REFUSED, args)?;
	}
	let ended = wait_for("the job is known to have ended", Duration::from_secs(30), || {
		let shown = cli.json(&["job", "show", &job])?;
		Ok((shown["state"] == "ended").then_some(shown))
	})?;
	assert_eq!(
		(&ended["explanation"], &ended["cost"]),
		(&json!("accepted"), &paid["cost"])
	);
	Ok(())
}
