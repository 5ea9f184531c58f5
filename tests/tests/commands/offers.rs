//! `provider …` and `offer …`: a provider's money and its machine on the market.

use crate::{says, COWSAY, REFUSED, USAGE};
use anyhow::{ensure, Context, Result};
use lilypad_tests::{cow, Engine, Network, Worker};
use serde_json::json;

#[test]
fn a_provider_bonds_and_asks_back() -> Result<()> {
	let network = Network::dev()?;
	let bob = network.cli("//Bob");
	says(
		&bob.ok(&["provider", "status"])?,
		&["bond      0 LP", "offers    none"],
	)?;

	assert_eq!(
		bob.json(&["provider", "bond", "150"])?,
		json!({ "bonded": "150 LP" })
	);
	says(&bob.ok(&["provider", "bond", "0.5"])?, &["0.5 LP added"])?;
	says(
		&bob.fails(REFUSED, &["provider", "bond", "999999999999"])?,
		&["needed", "available", "as a bond"],
	)?;
	for wrong in ["-1", "1e3", "much"] {
		bob.fails(USAGE, &["provider", "bond", wrong])?;
	}

	let asked = bob.json(&["provider", "unbond", "30"])?;
	let (due, block) = (&asked["releasable_at"], &asked["block"]);
	ensure!(due.as_u64() > block.as_u64(), "{asked}");
	says(
		&bob.ok(&["provider", "unbond", "1"])?,
		&["1 LP asked back", "from block", "provider withdraw"],
	)?;
	bob.fails(REFUSED, &["provider", "unbond", "1000"])?;
	// Not before its time.
	bob.fails(REFUSED, &["provider", "withdraw"])?;

	let status = bob.json(&["provider", "status"])?;
	let bond = &status["bond"];
	assert_eq!(
		(&bond["total"], &bond["free"]),
		(&json!("150.5 LP"), &json!("119.5 LP"))
	);
	assert_eq!(bond["unbonding"][0], json!({ "amount": "30 LP", "block": due }));
	// Who never bonded has nothing to ask for.
	network
		.cli("//Eve")
		.fails(REFUSED, &["provider", "unbond", "1"])?;
	Ok(())
}

#[test]
fn an_offer_is_listed_paused_repriced_and_withdrawn() -> Result<()> {
	let network = Network::dev()?;
	let (bob, dave) = (network.cli("//Bob"), network.cli("//Dave"));
	says(&dave.ok(&["offer", "list"])?, &["no machines on offer yet"])?;
	assert_eq!(dave.json(&["offer", "list"])?, json!([]));
	let worker = Worker::honest("//Bob", Engine::Wasm).provide(&network, "0.0001")?;
	network.is_ready(&worker)?;
	network.publish("//Charlie", "cowsay-wasm")?;

	// What everybody sees.
	let list = |args: &[&str]| dave.json(&[&["offer", "list"], args].concat());
	let all = list(&[])?;
	let offer = all[0]["offer"].to_string();
	assert_eq!(
		(all.as_array().map(Vec::len), &all[0]["state"], &all[0]["rate"]),
		(Some(1), &json!("active"), &json!("0.0001 LP"))
	);
	says(
		&dave.ok(&["offer", "list"])?,
		&["OFFER", "RATE", "active", "0.0001 LP a second", "wasm"],
	)?;
	let bobs = all[0]["provider"].as_str().context("an account")?;
	for (filter, found) in [
		(["--state", "active"], 1),
		(["--state", "paused"], 0),
		(["--platform", "wasm"], 1),
		(["--platform", "container-amd64"], 0),
		(["--module", COWSAY], 1),
		(["--provider", bobs], 1),
		(["--provider", "//Eve"], 0),
	] {
		let matching = list(&filter)?;
		assert_eq!(
			matching.as_array().map(Vec::len),
			Some(found),
			"{filter:?}: {matching}"
		);
	}
	dave.fails(REFUSED, &["offer", "list", "--module", "nobody:knows"])?;
	let shown = dave.json(&["offer", "show", &offer])?;
	assert_eq!(
		(&shown["announced"], &shown["mediators"], &shown["bond_free"]),
		(&json!(true), &json!("any"), &json!("100 LP"))
	);
	says(
		&dave.ok(&["offer", "show", &offer])?,
		&[bobs, "creators   any", "0.0001 LP a second"],
	)?;
	dave.fails(REFUSED, &["offer", "show", "999"])?;

	// Paused and resumed.
	let run = ["run", COWSAY, "-i", "Message=moo", "--yes"];
	let number: u64 = offer.parse()?;
	let paused = bob.json(&["provider", "pause"])?;
	assert_eq!(
		(&paused["offers"], &paused["state"]),
		(&json!([number]), &json!("paused"))
	);
	says(&bob.ok(&["provider", "pause"])?, &["nothing to do"])?;
	says(
		&dave.fails(REFUSED, &run)?,
		&["no provider fits", "is paused or draining"],
	)?;
	says(
		&bob.fails(REFUSED, &["provider", "resume", "999"])?,
		&["offer 999 is not one of yours"],
	)?;
	says(&bob.ok(&["provider", "resume", &offer])?, &["1 offer is resumed"])?;
	says(&dave.ok(&run)?, &[&cow("moo")])?;

	// At another price, which the next job pays.
	assert_eq!(
		bob.json(&["offer", "reprice", &offer, "0.0002"])?["rate"],
		json!("0.0002 LP")
	);
	says(
		&bob.ok(&["offer", "reprice", &offer, "0.0003"])?,
		&["offer", "0.0003 LP a second"],
	)?;
	assert_eq!(list(&[])?[0]["rate"], "0.0003 LP");
	says(
		&bob.fails(REFUSED, &["offer", "reprice", &offer, "0"])?,
		&["rate"],
	)?;
	says(
		&dave.fails(REFUSED, &["offer", "reprice", &offer, "1"])?,
		&["not one of yours"],
	)?;
	bob.fails(REFUSED, &["offer", "reprice", "999", "1"])?;

	// And gone.
	says(
		&bob.fails(REFUSED, &["offer", "withdraw", &offer])?,
		&["not agreed to", "--yes"],
	)?;
	says(
		&dave.fails(REFUSED, &["offer", "withdraw", &offer, "--yes"])?,
		&["not one of yours"],
	)?;
	assert_eq!(
		bob.json(&["offer", "withdraw", &offer, "--yes"])?["withdrawn"],
		json!(true)
	);
	assert_eq!(list(&[])?, json!([]));
	bob.fails(REFUSED, &["offer", "withdraw", &offer, "--yes"])?;
	Ok(())
}

#[test]
fn an_offer_is_drained() -> Result<()> {
	let network = Network::dev()?;
	let bob = network.cli("//Bob");
	let worker =
		Worker::honest("//Bob", Engine::Wasm).provide_with(&network, "0.0001", &[("slots", json!(1))])?;
	network.is_ready(&worker)?;
	network.publish("//Charlie", "cowsay-wasm")?;
	let dave = network.cli("//Dave");
	worker.kill()?;
	let job = dave.json(&["run", COWSAY, "-i", "Message=moo", "--yes", "--detach"])?["job"].to_string();

	// An offer with a deal stays until that is over.
	says(
		&bob.fails(REFUSED, &["offer", "withdraw", "0", "--yes"])?,
		&["deal", "provider drain"],
	)?;
	says(
		&bob.fails(REFUSED, &["provider", "drain"])?,
		&["not agreed to", "--yes"],
	)?;
	let drained = bob.json(&["provider", "drain", "--yes"])?;
	assert_eq!(
		(&drained["offers"], &drained["state"], &drained["withdrawn"]),
		(&json!([0]), &json!("draining"), &json!([]))
	);
	says(&bob.ok(&["provider", "drain", "--yes"])?, &["nothing to do"])?;
	says(&bob.ok(&["provider", "status"])?, &["draining", "deals     1"])?;
	dave.ok(&["job", "cancel", &job, "--yes"])?;
	assert_eq!(dave.json(&["offer", "list"])?, json!([]));
	Ok(())
}
