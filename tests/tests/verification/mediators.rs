//! Mediators that cheat, fail, or are restarted.

use crate::scene::{Scene, Setting, MEDIATORS, MINORITY, NO_SHOW, TICKETS};
use anyhow::{ensure, Context, Result};
use lilypad_tests::{cow, wait_for, Engine, Worker};
use std::time::Duration;

const SECONDS: i128 = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// A right result is challenged; whatever the first mediator does, the two others find it right, and it is slashed.
fn is_slashed_and_changes_nothing(how: &str, slash: i128) -> Result<()> {
	let scene = Scene::start(Setting {
		mediator: Some(how),
		..Setting::default()
	})?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger(&format!("A mediator cheats: {how}"))?;

	let job = scene.submitted("Message=moo", SECONDS)?;
	scene.challenge(&job, "wrong-result")?;
	scene.ends_with(&job, "confirmed by mediators")?;
	ensure!(scene.stdout(&job)? == cow("moo"));

	let account = ledger.close()?;
	account.changed_by(&format!("mediator ({how})"), -slash)?;
	account.changed_by("treasury", slash)?;
	for mediator in ["mediator 2", "mediator 3"] {
		account.changed_by(mediator, a.vote)?;
	}
	ensure!(account.change("provider")? > 0, "the provider is paid\n{account}");
	Ok(())
}

#[test]
fn a_mediator_that_forges_is_outvoted_and_slashed() -> Result<()> {
	is_slashed_and_changes_nothing("forge", MINORITY)
}

#[test]
fn a_mediator_that_copies_has_nothing_to_reveal_and_is_slashed() -> Result<()> {
	is_slashed_and_changes_nothing("copy", NO_SHOW)
}

#[test]
fn a_mediator_that_commits_and_never_reveals_is_slashed() -> Result<()> {
	is_slashed_and_changes_nothing("silent", NO_SHOW)
}

#[test]
fn a_mediator_that_is_killed_is_slashed_and_the_others_decide() -> Result<()> {
	let scene = Scene::start(Setting::default())?;
	let a = scene.amounts(SECONDS)?;
	scene.is_soon_given_up()?;
	scene.mediators[0].kill()?;
	let ledger = scene.ledger("A mediator is dead")?;

	let job = scene.submitted("Message=moo", SECONDS)?;
	scene.challenge(&job, "wrong-result")?;
	scene.ends_with(&job, "confirmed by mediators")?;

	let account = ledger.close()?;
	account.changed_by("mediator", -NO_SHOW)?;
	for mediator in ["mediator 2", "mediator 3"] {
		account.changed_by(mediator, a.vote)?;
	}
	Ok(())
}

#[test]
fn a_challenge_with_all_mediators_dead_ends_with_everybodys_own_money() -> Result<()> {
	let scene = Scene::start(Setting::default())?;
	scene.is_soon_given_up()?;
	for mediator in &scene.mediators {
		mediator.kill()?;
	}
	let ledger = scene.ledger("A challenge whose mediators are all dead")?;

	let job = scene.submitted("Message=moo", SECONDS)?;
	scene.challenge(&job, "wrong-result")?;
	scene.ends_with(&job, "could not settle the challenge")?;

	let account = ledger.close()?;
	account.changed_by_less_fees("creator", 0)?;
	account.changed_by("provider", 0)?;
	for mediator in ["mediator", "mediator 2", "mediator 3"] {
		account.changed_by(mediator, -NO_SHOW)?;
	}
	account.changed_by("treasury", 3 * NO_SHOW)?;
	ensure!(
		account.held("creator")? == 0,
		"something of the creator's is held\n{account}"
	);
	Ok(())
}

#[test]
fn a_mediator_restarted_between_commit_and_reveal_reveals_in_time() -> Result<()> {
	let mut scene = Scene::start(Setting::default())?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("A mediator is killed after committing, and started again")?;

	// While one stands still, nobody can reveal.
	scene.mediators[2].signal("STOP")?;
	let job = scene.submitted("Message=moo", SECONDS)?;
	let deal = scene.challenge(&job, "wrong-result")?;
	let first = scene.address(MEDIATORS[0])?;
	wait_for("the first mediator has committed", MINUTE, || {
		let seats = scene.seats(&deal)?;
		let committed = |(who, state): &(String, String)| *who == first && state == "committed";
		Ok(seats.iter().any(committed).then_some(()))
	})
	.with_context(|| scene.logs())?;
	scene.tells_who_has_committed(&deal, &first)?;
	scene.mediators[0].kill()?;
	scene.mediators[2].signal("CONT")?;
	wait_for("the time to reveal has begun", MINUTE, || {
		let case = scene.creator.json(&["case", "show", &deal])?;
		Ok((case["stage"] == "revealing").then_some(()))
	})
	.with_context(|| scene.logs())?;
	wait_for("the votes of two are told", MINUTE, || {
		Ok(scene.tells_votes(&deal)?.then_some(()))
	})
	.with_context(|| scene.logs())?;
	scene.mediators[0] = Worker::honest(MEDIATORS[0], Engine::Wasm).mediate(&scene.network, TICKETS)?;
	scene.ends_with(&job, "confirmed by mediators")?;
	scene.tells_that_nothing_is_open(&deal)?;

	let account = ledger.close()?;
	// It has announced its new address.
	account.changed_by_less_fees("mediator", a.vote)?;
	for mediator in ["mediator 2", "mediator 3"] {
		account.changed_by(mediator, a.vote)?;
	}
	Ok(())
}
