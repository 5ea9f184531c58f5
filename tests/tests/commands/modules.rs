//! `module …`: from publication to the end of a version.

use crate::{says, COWSAY, REFUSED};
use anyhow::{ensure, Result};
use lilypad_tests::Network;
use serde_json::json;

#[test]
fn a_version_is_curated_deprecated_and_withdrawn() -> Result<()> {
	let network = Network::dev()?;
	let (curator, author, stranger) = (
		network.cli("//Alice"),
		network.cli("//Charlie"),
		network.cli("//Eve"),
	);
	network.publish("//Charlie", "cowsay-wasm")?;
	let shown = || stranger.json(&["module", "show", COWSAY]);
	assert_eq!(
		(&shown()?["curated"], &shown()?["delisted"]),
		(&json!(false), &json!(false))
	);
	says(&stranger.ok(&["module", "list"])?, &[COWSAY])?;
	for command in ["show", "curate", "restore", "delist", "reclaim"] {
		let yes: &[&str] = if ["restore", "delist"].contains(&command) {
			&["--yes"]
		} else {
			&[]
		};
		let text = stranger.fails(
			REFUSED,
			&[&["module", command, "cowsay-wasn:v0.0.1"], yes].concat(),
		)?;
		says(&text, &["there is no module", COWSAY])?;
	}

	// Curated, by the curators alone.
	stranger.fails(REFUSED, &["module", "curate", COWSAY])?;
	assert_eq!(shown()?["curated"], json!(false));
	assert_eq!(
		curator.json(&["module", "curate", COWSAY])?["curated"],
		json!(true)
	);
	says(&curator.ok(&["module", "curate", COWSAY])?, &["nothing to do"])?;
	assert_eq!(shown()?["curated"], json!(true));
	says(
		&curator.ok(&["module", "curate", COWSAY, "--remove"])?,
		&["is not curated any more"],
	)?;
	assert_eq!(shown()?["curated"], json!(false));

	// Deprecated, and taken back.
	let deprecate = ["module", "deprecate", COWSAY];
	says(
		&stranger.fails(REFUSED, &[&deprecate[..], &["--yes"]].concat())?,
		&["only its author"],
	)?;
	says(&author.fails(REFUSED, &deprecate)?, &["not agreed to", "--yes"])?;
	for (more, why) in [
		(["--successor", COWSAY], "its own successor"),
		(["--successor", "nobody:knows"], "there is no module"),
		(["--reason", &"x".repeat(257)], "at most 256 bytes"),
	] {
		says(
			&author.fails(REFUSED, &[&deprecate[..], &more, &["--yes"]].concat())?,
			&[why],
		)?;
	}
	let done = author.json(&[&deprecate[..], &["--reason", "an old cow", "--yes"]].concat())?;
	assert_eq!(done["deprecated"], json!(true));
	says(&stranger.ok(&["module", "list"])?, &["deprecated"])?;
	says(
		&stranger.ok(&["module", "show", COWSAY])?,
		&["deprecated", "an old cow"],
	)?;
	says(
		&author.ok(&["module", "restore", COWSAY, "--yes"])?,
		&["no longer deprecated"],
	)?;
	author.fails(REFUSED, &["module", "restore", COWSAY, "--yes"])?;
	ensure!(!stranger.ok(&["module", "show", COWSAY])?.contains("an old cow"));
	// By a curator, for somebody else.
	curator.ok(&[&deprecate[..], &["--sudo", "--yes"]].concat())?;
	curator.ok(&["module", "restore", COWSAY, "--sudo", "--yes"])?;

	// Withdrawn for good; what backed it comes back later.
	author.fails(REFUSED, &["module", "reclaim", COWSAY])?;
	says(
		&author.fails(REFUSED, &["module", "delist", COWSAY])?,
		&["for good", "--yes"],
	)?;
	stranger.fails(REFUSED, &["module", "delist", COWSAY, "--yes"])?;
	assert_eq!(
		author.json(&["module", "delist", COWSAY, "--yes"])?["delisted"],
		json!(true)
	);
	assert_eq!(shown()?["delisted"], json!(true));
	says(
		&author.fails(REFUSED, &["module", "delist", COWSAY, "--yes"])?,
		&["before"],
	)?;
	says(
		&stranger.fails(REFUSED, &["run", COWSAY, "-i", "Message=moo", "--yes"])?,
		&["withdrawn"],
	)?;
	// Not yet, and not to anybody else.
	author.fails(REFUSED, &["module", "reclaim", COWSAY])?;
	says(
		&stranger.fails(REFUSED, &["module", "reclaim", COWSAY])?,
		&["only its author"],
	)
}
