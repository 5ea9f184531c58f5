//! What a provider and a job's creator demand of each other: whom they serve, who judges, which machine, until when.

use crate::{says, COWSAY, REFUSED, USAGE};
use anyhow::{Context, Result};
use lilypad_tests::{cow, Engine, Network, Worker};
use serde_json::{json, Value};

/// Three that are parties to nothing here: a whole panel on a development chain.
const PANEL: [&str; 3] = ["//Eve", "//Ferdie", "//Alice"];

fn address(network: &Network, key: &str) -> Result<Value> {
	let balance = network.cli(key).json(&["account", "balance"])?;
	let account = balance["account"].as_str().context("an account")?;
	Ok(json!(account))
}

#[test]
fn a_provider_says_whom_it_serves_and_who_judges() -> Result<()> {
	let network = Network::dev()?;
	let panel = PANEL
		.map(|key| address(&network, key))
		.into_iter()
		.collect::<Result<Vec<_>>>()?;
	let settings = [
		("creators", json!({ "only": [address(&network, "//Dave")?] })),
		("mediators", json!({ "only": panel })),
	];
	let bob = Worker::honest("//Bob", Engine::Wasm);
	let worker = bob.provide_with(&network, "0.0001", &settings)?;
	network.is_ready(&worker)?;
	network.publish("//Charlie", "cowsay-wasm")?;
	let dave = network.cli("//Dave");
	let shown = dave.json(&["offer", "show", "0"])?;
	assert_eq!(shown["creators"], settings[0].1["only"][0]);
	let judges = shown["mediators"].as_str().context("a list")?;
	says(judges, &[panel[0].as_str().context("an account")?])?;

	let run = ["run", COWSAY, "-i", "Message=moo", "--yes"];
	let judged = PANEL.map(|key| ["--mediator", key]).concat();
	says(
		&dave.fails(REFUSED, &run)?,
		&["accepts none of the job's mediators"],
	)?;
	// Too few for a panel.
	dave.fails(REFUSED, &[&run[..], &judged[..2]].concat())?;
	let stranger = network.cli("//Bob//stash");
	says(
		&stranger.fails(REFUSED, &[&run[..], &judged].concat())?,
		&["does not serve this creator"],
	)?;
	says(&dave.ok(&[&run[..], &judged].concat())?, &[&cow("moo")])
}

#[test]
fn a_creator_says_which_machine_and_until_when() -> Result<()> {
	let network = Network::dev()?;
	let worker = Worker::honest("//Bob", Engine::Wasm).provide(&network, "0.0001")?;
	network.is_ready(&worker)?;
	network.publish("//Charlie", "cowsay-wasm")?;
	let dave = network.cli("//Dave");
	let run = |more: &[&'static str]| [&["run", COWSAY, "-i", "Message=moo", "--yes"], more].concat();

	// Less than the module needs, and more than anybody has.
	says(
		&dave.fails(REFUSED, &run(&["--memory", "1"]))?,
		&["the module needs"],
	)?;
	says(
		&dave.fails(REFUSED, &run(&["--memory", "99999999"]))?,
		&["has not enough free capacity", "none of --cpu, --memory"],
	)?;
	says(
		&dave.fails(REFUSED, &run(&["--gpu", "8192:NVIDIA L4"]))?,
		&["has not enough free capacity", "1 GPU"],
	)?;
	// Sooner than anybody could end.
	says(
		&dave.fails(REFUSED, &run(&["--deadline", "4"]))?,
		&["--deadline", "--timeout"],
	)?;
	for wrong in [["--cpu", "0"], ["--deadline", "0"], ["--mediator", "nobody"]] {
		dave.fails(USAGE, &run(&wrong))?;
	}

	let job = dave.json(&run(&["--memory", "512", "--deadline", "7200", "--detach"]))?["job"].to_string();
	let shown = dave.json(&["job", "show", &job])?;
	let block = shown["block"].as_u64().context("a block")?;
	let deadline = shown["deadline"].as_u64().context("a deadline")?;
	assert_eq!(shown["machine"]["ram_mib"], json!(512));
	// Two hours of two seconds a block, from a moment ago on.
	assert!((block + 3_590..=block + 3_600).contains(&deadline), "{shown}");
	says(
		&dave.ok(&["job", "show", &job])?,
		&["512 MiB memory", &format!("deadline  block {deadline}")],
	)?;
	says(&dave.ok(&["job", "watch", &job])?, &[&cow("moo")])
}
