//! Results that their creator challenges.

use crate::scene::{Scene, Setting};
use anyhow::{ensure, Result};
use lilypad_tests::{cow, ledger::LP, Engine};

const SECONDS: i128 = 20;

#[test]
fn a_forged_result_is_found_at_home_challenged_and_costs_the_provider_its_collateral() -> Result<()> {
	let scene = Scene::start(Setting {
		engine: Engine::Containers,
		module: "cowsay",
		provider: Some("forge"),
		..Setting::default()
	})?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("A provider forges a result; its creator notices and challenges")?;

	let (code, text) = scene.run("Message=moo", SECONDS, &["--verify"])?;
	let job = scene.last_job()?;
	let advice = format!("lilypad job challenge {job}");
	ensure!(code == Some(5) && text.contains(&advice), "{code:?} {text}");
	scene.challenge(&job, "wrong-result")?;
	scene.ends_with(&job, "mediators found the result wrong")?;
	// The mediators' copy is the result.
	ensure!(scene.stdout(&job)? == cow("moo"));

	let account = ledger.close()?;
	account.changed_by_less_fees("creator", a.cap)?;
	account.changed_by("provider (forge)", -a.collateral)?;
	for mediator in ["mediator", "mediator 2", "mediator 3"] {
		account.changed_by(mediator, a.vote)?;
	}
	account.changed_by("treasury", a.collateral - 3 * a.vote - a.cap)?;
	ensure!(
		account.held("creator")? == 0,
		"something of the creator's is held\n{account}"
	);
	Ok(())
}

#[test]
fn a_false_challenge_costs_the_challenger_and_not_the_provider() -> Result<()> {
	let scene = Scene::start(Setting::default())?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("A creator challenges a right result")?;

	let job = scene.submitted("Message=moo", SECONDS)?;
	scene.challenge(&job, "wrong-result")?;
	scene.ends_with(&job, "confirmed by mediators")?;
	ensure!(scene.stdout(&job)? == cow("moo"));

	let account = ledger.close()?;
	let earned = account.change("provider")?;
	ensure!(
		(1..a.cap).contains(&earned),
		"the provider is paid for its time\n{account}"
	);
	for mediator in ["mediator", "mediator 2", "mediator 3"] {
		account.changed_by(mediator, a.vote)?;
	}
	let levy = account.change("audit pool")?;
	account.changed_by_less_fees("creator", -3 * a.vote - earned - levy)?;
	account.changed_by("treasury", 0)?;
	ensure!(
		account.held("creator")? == 0,
		"something of the creator's is held\n{account}"
	);
	Ok(())
}

#[test]
fn a_withheld_result_is_overturned_and_had_from_a_mediator() -> Result<()> {
	let scene = Scene::start(Setting {
		provider: Some("withhold"),
		..Setting::default()
	})?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("A provider hands its result over to nobody")?;

	let job = scene.submitted("Message=moo", SECONDS)?;
	scene.challenge(&job, "unavailable")?;
	scene.ends_with(&job, "mediators found the result wrong")?;
	ensure!(scene.stdout(&job)? == cow("moo"));

	let account = ledger.close()?;
	account.changed_by_less_fees("creator", a.cap)?;
	account.changed_by("provider (withhold)", -a.collateral)?;
	for mediator in ["mediator", "mediator 2", "mediator 3"] {
		account.changed_by(mediator, a.vote)?;
	}
	Ok(())
}

/// It says that the job needs more memory than it has, which is no result that a mediator could compare. The three who run it
/// in containers find that it needs far less.
#[test]
fn a_provider_that_claims_that_memory_was_not_enough_is_overturned() -> Result<()> {
	let scene = Scene::start(Setting {
		engine: Engine::Containers,
		module: "cowsay",
		provider: Some("starve"),
		..Setting::default()
	})?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("A provider claims that memory was not enough")?;

	let job = scene.submitted("Message=moo", SECONDS)?;
	scene.challenge(&job, "wrong-result")?;
	scene.ends_with(&job, "mediators found the result wrong")?;

	let account = ledger.close()?;
	account.changed_by_less_fees("creator", a.cap)?;
	account.changed_by("provider (starve)", -a.collateral)?;
	for mediator in ["mediator", "mediator 2", "mediator 3"] {
		account.changed_by(mediator, a.vote)?;
	}
	Ok(())
}

#[test]
fn an_overcharging_provider_earns_less_than_an_honest_one() -> Result<()> {
	// It pads its run by fifteen seconds.
	const SECONDS: i128 = 40;
	let scene = Scene::start(Setting {
		provider: Some("overcharge"),
		..Setting::default()
	})?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("A provider charges for fifteen seconds too many")?;

	let job = scene.submitted("Message=moo", SECONDS)?;
	scene.challenge(&job, "overcharged")?;
	scene.ends_with(&job, "the provider had charged too much")?;
	ensure!(scene.stdout(&job)? == cow("moo"));

	let account = ledger.close()?;
	// That part of the collateral which the excess is of the cap, and the votes; what the run really took is paid. The runs of
	// provider and panel differ by so many seconds at most: if they did by more, it would not be too much.
	const SPREAD: i128 = 6;
	let excess = 15 * LP as i128 / 10;
	let change = account.change("provider (overcharge)")?;
	// In millionths of an LP: the product of two amounts is more than a number holds.
	const MICRO: i128 = LP as i128 / 1_000_000;
	let forfeit = |excess: i128| a.collateral / MICRO * (excess / MICRO) / (a.cap / MICRO) * MICRO;
	let spread = SPREAD * LP as i128 / 10;
	let least = -3 * a.vote - forfeit(excess + spread);
	let most = -3 * a.vote - forfeit(excess - spread) + LP as i128;
	ensure!((least..most).contains(&change), "{account}");
	for mediator in ["mediator", "mediator 2", "mediator 3"] {
		account.changed_by(mediator, a.vote)?;
	}
	let creator = account.change("creator")?;
	ensure!(
		creator > spread - excess,
		"the creator pays for what the run took alone\n{account}"
	);
	Ok(())
}
