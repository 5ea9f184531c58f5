//! `gateway …`, as far as it goes without an EVM chain; `bridge.rs` has the rest.

use crate::{says, REFUSED, USAGE};
use anyhow::{Context, Result};
use lilypad_tests::Network;
use serde_json::json;

const LANE: &str = "7";
const GATEWAY: &str = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
const ADDRESS: &str = "0x00000000000000000000000000000000000000aa";
/// The public keys of the secret keys 1 and 2.
const MEMBERS: [&str; 2] = [
	"0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
	"0xc6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee51ae168fea63dc339a3c58419466ceaeef7f632653266d0e1236431a950cfe52a",
];

#[test]
fn a_lane_is_registered_set_paused_and_used() -> Result<()> {
	let network = Network::dev()?;
	let (sudo, dave) = (network.cli("//Alice"), network.cli("//Dave"));
	assert_eq!(dave.json(&["gateway", "list"])?, json!([]));
	for args in [
		["gateway", "show", LANE].as_slice(),
		&["gateway", "wallet", LANE, ADDRESS],
		&["gateway", "release", LANE, ADDRESS],
		&["gateway", "out", LANE, ADDRESS, "1", "--yes"],
		&["gateway", "set", LANE, "--finality", "3"],
	] {
		sudo.fails(REFUSED, args)?;
	}

	let register = [
		"gateway",
		"register",
		"--lane",
		LANE,
		"--chain-id",
		"1337",
		"--gateway",
		GATEWAY,
		"--member",
		MEMBERS[0],
		"--member",
		MEMBERS[1],
		"--largest",
		"10",
	];
	dave.fails(REFUSED, &register)?;
	let registered = sudo.json(&register)?;
	assert_eq!(
		(&registered["members"], &registered["threshold"]),
		(&json!(2), &json!(2))
	);
	sudo.fails(REFUSED, &register)?;
	says(
		&dave.ok(&["gateway", "list"])?,
		&["LANE", GATEWAY, "1337", "open"],
	)?;
	let shown = || dave.json(&["gateway", "show", LANE]);
	assert_eq!(
		(&shown()?["limits"]["largest"], &shown()?["finality"]),
		(&json!("10 LP"), &json!("finalized"))
	);
	says(
		&dave.ok(&["gateway", "show", LANE])?,
		&["2 of these are a quorum", "0 live requests"],
	)?;

	sudo.ok(&["gateway", "set", LANE, "--finality", "12", "--outflow", "500"])?;
	let set = shown()?;
	assert_eq!(
		(
			&set["finality"],
			&set["limits"]["outflow"],
			&set["limits"]["largest"]
		),
		(&json!("12"), &json!("500 LP"), &json!("10 LP"))
	);
	sudo.fails(USAGE, &["gateway", "set", LANE, "--finality", "0"])?;

	// One lane, and all of them.
	dave.fails(REFUSED, &["gateway", "pause", LANE])?;
	for (pause, word) in [(Some(LANE), "lane 7 is paused"), (None, "all lanes are paused")] {
		let lane: Vec<_> = pause.into_iter().collect();
		says(&sudo.ok(&[&["gateway", "pause"], &lane[..]].concat())?, &[word])?;
		assert_eq!(shown()?["paused"], json!(true));
		says(&dave.ok(&["gateway", "list"])?, &["paused"])?;
		says(
			&dave.fails(REFUSED, &["gateway", "out", LANE, ADDRESS, "1", "--yes"])?,
			&["paused"],
		)?;
		sudo.json(&[&["gateway", "resume"], &lane[..]].concat())?;
		assert_eq!(shown()?["paused"], json!(false));
	}

	// An address there has an account here.
	let wallet = dave.json(&["gateway", "wallet", LANE, ADDRESS])?;
	let account = wallet["account"].as_str().context("an account")?;
	assert_eq!(
		(&wallet["free"], &wallet["held"]),
		(&json!("0 LP"), &json!("0 LP"))
	);
	dave.ok(&["account", "transfer", account, "3", "--yes"])?;
	says(
		&dave.ok(&["gateway", "wallet", LANE, ADDRESS])?,
		&[account, "3 LP"],
	)?;

	// The gateway there holds nothing yet, so that nothing can be sent to it.
	says(
		&dave.fails(REFUSED, &["gateway", "out", LANE, ADDRESS, "1"])?,
		&["not agreed to", "--yes"],
	)?;
	dave.fails(REFUSED, &["gateway", "out", LANE, ADDRESS, "1", "--yes"])?;
	dave.fails(REFUSED, &["gateway", "out", LANE, ADDRESS, "999999999", "--yes"])?;
	dave.fails(REFUSED, &["gateway", "release", LANE, ADDRESS])?;
	says(
		&dave.fails(REFUSED, &["gateway", "cancel", "0", "--yes"])?,
		&["no live job of a request"],
	)?;
	dave.fails(USAGE, &["gateway", "wallet", LANE, "0x12"])?;
	Ok(())
}
