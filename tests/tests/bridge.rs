//! Contracts on EVM chains buy computation, with real chains, contracts, relayers and containers. What goes wrong with all that is
//! in `bridge_faults.rs`.

use anyhow::{ensure, Context, Result};
use lilypad_tests::{
	bridge::{member, topic, Evm, Member, Relayer, Relayers, GAS_MONEY, LP, MEMBERS, NEWCOMERS},
	wait_for, Network,
};
use serde_json::Value;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const COWSAY: &str = "cowsay:v0.0.1";
/// The status of an answer of a program that ran to its end.
const COMPLETED: u8 = 0;
/// That of one to a request for a module that nobody knows.
const UNKNOWN_MODULE: u8 = 7;
/// An account that holds nothing at first, on either side.
const STRANGER: &str = "0x00000000000000000000000000000000000000aa";

#[test]
fn a_contract_buys_a_cow_and_is_told_where_it_is() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "finalized")?;
	let relayers = Relayers::for_lanes(&network, &[(1337, vec![evm.url().into()])])?.start_all()?;
	let user = evm.account(0).to_string();
	let before = evm.balance(&user)?;

	let id = evm.ask(&user, evm.example(), "moo", 3 * LP)?;
	let saying = evm
		.answered(evm.example(), id, 2 * MINUTE)
		.with_context(|| relayers[0].process.log_tail(30))?;
	assert_eq!((saying.status, saying.exit_code), (COMPLETED, 0));
	ensure!(
		saying.root.chars().any(|c| c != '0'),
		"there is no root: {saying:?}"
	);

	// What was not spent can be withdrawn.
	evm.transact(&user, evm.gateway(), &["withdraw(address)", &user])?;
	let spent = before - evm.balance(&user)?;
	ensure!(spent > 0 && spent < 3 * LP, "{spent} of 3 LP were spent");
	let locked = evm.balanced(&network, MINUTE)?;
	assert_eq!(locked, spent, "what was spent backs what the provider has earned");
	Ok(())
}

#[test]
fn people_send_lp_to_and_fro() -> Result<()> {
	let network = Network::dev()?;
	let evm = Evm::start(&network, 1337, "")?;
	evm.register(&network, "finalized")?;
	let _relayers = Relayers::for_lanes(&network, &[(1337, vec![evm.url().into()])])?.start_all()?;
	let user = evm.account(0).to_string();
	let bob = network.cli("//Bob");
	let free = || -> Result<String> { Ok(bob.json(&["account", "balance"])?["free"].to_string()) };
	let before = free()?;

	// //Bob's account.
	let account = "0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48";
	let amount = (5 * LP).to_string();
	evm.transact(
		&user,
		evm.token(),
		&["approve(address,uint256)", evm.gateway(), &amount],
	)?;
	evm.transact(
		&user,
		evm.gateway(),
		&["bridgeIn(bytes32,uint96)", account, &amount],
	)?;
	wait_for("the deposit is credited", 2 * MINUTE, || {
		Ok((free()? != before).then_some(()))
	})?;
	assert_eq!(evm.balanced(&network, MINUTE)?, 5 * LP);

	bob.json(&["gateway", "out", "1337", STRANGER, "2", "--yes"])?;
	wait_for("the payout arrives", 2 * MINUTE, || {
		let credit = evm.number(evm.gateway(), &["creditOf(address)", STRANGER])?;
		Ok((credit == 2 * LP).then_some(()))
	})?;
	evm.transact(&user, evm.gateway(), &["withdraw(address)", STRANGER])?;
	assert_eq!(evm.balance(STRANGER)?, 2 * LP);
	assert_eq!(evm.balanced(&network, MINUTE)?, 3 * LP);
	Ok(())
}

#[test]
fn a_node_can_be_the_relayer() -> Result<()> {
	let network = Network::dev()?;
	let evm = Evm::start(&network, 1337, "nobody:knows")?;
	evm.register(&network, "finalized")?;
	// Two of three: neither can do without the other.
	let relayers = Relayers::for_lanes(&network, &[(1337, vec![evm.url().into()])])?;
	let inside = relayers.start_in_node(0)?;
	let _outside = relayers.start(1)?;
	let user = evm.account(0).to_string();
	let id = evm.ask(&user, evm.example(), "moo", 2 * LP)?;
	let saying = evm
		.answered(evm.example(), id, 2 * MINUTE)
		.with_context(|| inside.log_tail(30))?;
	assert_eq!(saying.status, UNKNOWN_MODULE);
	assert_eq!(evm.balanced(&network, MINUTE)?, 0);
	inside.check()
}

#[test]
fn two_chains_with_different_finality_are_served_at_once() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	let one = Evm::start(&network, 1337, COWSAY)?;
	let two = Evm::start(&network, 31_337, "nobody:knows")?;
	one.register(&network, "finalized")?;
	two.register(&network, "4")?;
	let lanes = [(1337, vec![one.url().into()]), (31_337, vec![two.url().into()])];
	let relayers = Relayers::for_lanes(&network, &lanes)?.start_all()?;

	let (here, there) = (one.account(0).to_string(), two.account(0).to_string());
	let first = one.ask(&here, one.example(), "one", 3 * LP)?;
	let second = two.ask(&there, two.example(), "two", 2 * LP)?;
	assert_eq!((first, second), (1, 1), "each lane has its own numbers");
	let saying = one
		.answered(one.example(), first, 2 * MINUTE)
		.with_context(|| relayers[0].process.log_tail(30))?;
	assert_eq!(saying.status, COMPLETED);
	let saying = two
		.answered(two.example(), second, 2 * MINUTE)
		.with_context(|| relayers[0].process.log_tail(30))?;
	assert_eq!(saying.status, UNKNOWN_MODULE);
	ensure!(one.balanced(&network, MINUTE)? > 0);
	assert_eq!(two.balanced(&network, MINUTE)?, 0, "all of it came back");
	Ok(())
}

#[test]
fn relayers_that_are_killed_in_the_middle_go_on_where_they_were() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "finalized")?;
	let all = Relayers::for_lanes(&network, &[(1337, vec![evm.url().into()])])?;
	let mut relayers = all.start_all()?;
	let user = evm.account(0).to_string();
	let ids: Vec<u64> = (0..4)
		.map(|n| evm.ask(&user, evm.example(), &format!("cow {n}"), 2 * LP))
		.collect::<Result<_>>()?;

	// Twice, all of them, as soon as deliveries are under way.
	for _ in 0..2 {
		wait_for("a delivery is sent, or all are done", 2 * MINUTE, || {
			let sent = relayers.iter().map(|r| r.metric("transactions_total"));
			let sent: u64 = sent.sum::<Result<u64>>()?;
			let done = ids
				.iter()
				.all(|id| matches!(evm.saying(evm.example(), *id), Ok(Some(_))));
			Ok((sent > 0 || done).then_some(()))
		})?;
		for relayer in &relayers {
			relayer.process.kill()?;
		}
		relayers = all.start_all()?;
	}
	for id in &ids {
		let saying = evm
			.answered(evm.example(), *id, 3 * MINUTE)
			.with_context(|| relayers[0].process.log_tail(40))?;
		assert_eq!(saying.status, COMPLETED, "request {id}");
	}
	let answered = topic("Answered(uint64,address,address,bytes32,uint64,uint8,int32,uint96,uint96)")?;
	assert_eq!(evm.count_logs(&answered)?, 4, "each is answered once");
	evm.balanced(&network, MINUTE)?;
	Ok(())
}

/// The third member stays, the others give way to two newcomers: with requests that wait for a provider, and that the old set has
/// answered and signed but can't deliver.
#[test]
fn a_bridge_set_gives_way_to_the_next_in_the_middle_of_everything() -> Result<()> {
	let network = Network::dev()?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "finalized")?;
	let all = Relayers::for_lanes(&network, &[(1337, vec![evm.url().into()])])?;
	let mut old = all.start_all()?;
	let user = evm.account(0).to_string();
	let refused = evm.another_example("nobody:knows")?;

	// One request's job waits for a provider; the answer to another is signed, and nobody can pay for its delivery.
	for suri in MEMBERS {
		evm.fund(suri, 0)?;
	}
	let waiting = evm.ask(&user, evm.example(), "waiting", 2 * LP)?;
	let signed = |relayers: &[Relayer]| -> Result<u64> {
		relayers
			.iter()
			.map(|relayer| relayer.metric("signed_total"))
			.sum()
	};
	let before = signed(&old)?;
	let undelivered = evm.ask(&user, &refused, "undelivered", LP)?;
	wait_for("the old set has signed the answer", 2 * MINUTE, || {
		Ok((signed(&old)? >= before + 2).then_some(()))
	})
	.with_context(|| old[0].process.log_tail(30))?;
	let alice = network.cli("//Alice");
	let live = || -> Result<Value> { Ok(alice.json(&["gateway", "show", "1337"])?["books"]["live"].clone()) };
	wait_for("the other's job is posted", MINUTE, || {
		Ok((live()? == 1).then_some(()))
	})?;

	// Newcomers look on until they are members.
	let mut new: Vec<Relayer> = Vec::new();
	for suri in NEWCOMERS {
		evm.fund(suri, GAS_MONEY)?;
		new.push(all.start_as(suri)?);
	}
	rotate(&network, &evm)?;
	assert_eq!(evm.set_in_office()?, 1, "the gateway does not know yet");
	new.push(old.pop().context("the third stays")?);
	for gone in &old {
		gone.process.kill()?;
	}
	wait_for("the gateway has the new set", 2 * MINUTE, || {
		Ok((evm.set_in_office()? == 2).then_some(()))
	})
	.with_context(|| new[0].process.log_tail(40))?;

	// The new set delivers what the old one left, and what comes after it.
	let _provider = network.provider("//Bob", &[])?;
	let after = evm.ask(&user, evm.example(), "after", 2 * LP)?;
	for (example, id, status) in [
		(refused.as_str(), undelivered, UNKNOWN_MODULE),
		(evm.example(), waiting, COMPLETED),
		(evm.example(), after, COMPLETED),
	] {
		let saying = evm
			.answered(example, id, 2 * MINUTE)
			.with_context(|| new[0].process.log_tail(40))?;
		assert_eq!(saying.status, status, "request {id}");
	}
	let answered = topic("Answered(uint64,address,address,bytes32,uint64,uint8,int32,uint96,uint96)")?;
	assert_eq!(evm.count_logs(&answered)?, 3, "each is answered once");
	assert_eq!(evm.count_logs(&topic("CallbackSucceeded(uint64)")?)?, 3);
	evm.balanced(&network, MINUTE)?;
	Ok(())
}

/// Puts the third member and the newcomers into office, as operators do.
fn rotate(network: &Network, evm: &Evm) -> Result<()> {
	let next: Vec<Member> = [MEMBERS[2], NEWCOMERS[0], NEWCOMERS[1]]
		.iter()
		.map(|suri| member(suri))
		.collect::<Result<_>>()?;
	let alice = network.cli("//Alice");
	let mut args = vec!["gateway", "rotate", "1337"];
	for member in &next {
		args.extend(["--member", &member.public_key]);
	}
	let proposed = alice.json(&args)?;
	ensure!(
		proposed["set"] == 2 && proposed["threshold"] == 2 && proposed["signatures_needed"] == 2,
		"{proposed}"
	);
	let stranger = evm.sign_rotation(network, NEWCOMERS[0], &next);
	ensure!(stranger.is_err(), "only members of the set in office sign");
	let one = evm.sign_rotation(network, MEMBERS[0], &next)?;
	let two = evm.sign_rotation(network, MEMBERS[1], &next)?;
	args.extend(["--signature", &one]);
	let refused = alice.fails(4, &args)?;
	ensure!(refused.contains("2 are needed"), "{refused}");
	args.extend(["--signature", &two]);
	alice.json(&args)?;
	let shown = alice.json(&["gateway", "show", "1337"])?;
	ensure!(shown["set"]["number"] == 2, "{shown}");
	Ok(())
}
