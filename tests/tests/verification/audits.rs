//! Results that nobody doubts but the chain.

use crate::scene::{Audits, Scene, Setting};
use anyhow::{ensure, Result};
use lilypad_tests::cow;

const SECONDS: i128 = 20;

#[test]
fn a_forged_result_is_found_by_an_audit_without_its_creators_doing() -> Result<()> {
	let scene = Scene::start(Setting {
		audits: Audits::Always,
		provider: Some("forge"),
		..Setting::default()
	})?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("A provider forges a result, which is audited")?;

	// The creator believes the provider, and would pay.
	let (code, text) = scene.run("Message=moo", SECONDS, &[])?;
	ensure!(code == Some(0), "{code:?} {text}\n{}", scene.logs());
	ensure!(text.contains("forged"), "the provider has not cheated:\n{text}");
	ensure!(
		scene.stdout("0")? == cow("moo"),
		"the right result is not what is fetched"
	);

	let account = ledger.close()?;
	account.changed_by_less_fees("creator", a.cap)?;
	account.changed_by("provider (forge)", -a.collateral)?;
	// The auditor, and the three whom its doubt called: with three mediators it is one of them again.
	let votes: i128 = ["mediator", "mediator 2", "mediator 3"]
		.iter()
		.map(|role| account.change(role))
		.sum::<Result<_>>()?;
	ensure!(votes == 4 * a.vote, "four votes are paid\n{account}");
	account.changed_by("audit pool", 0)?;
	account.changed_by("treasury", a.collateral - 4 * a.vote - a.cap)?;
	ensure!(
		account.held("creator")? == 0 && account.held("audit pool")? == 0,
		"{account}"
	);
	Ok(())
}

#[test]
fn an_honest_result_passes_its_audit_at_the_pools_expense() -> Result<()> {
	let scene = Scene::start(Setting {
		audits: Audits::Always,
		..Setting::default()
	})?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("An honest result is audited")?;

	let (code, text) = scene.run("Message=moo", SECONDS, &[])?;
	ensure!(code == Some(0) && text.contains(&cow("moo")), "{code:?} {text}");

	let account = ledger.close()?;
	let levy = a.levy;
	account.changed_by("audit pool", levy - a.vote)?;
	let earned = account.change("provider")?;
	ensure!((1..a.cap).contains(&earned), "{account}");
	account.changed_by_less_fees("creator", -earned - levy)?;
	Ok(())
}

/// Known failure 21: a silent mediator froze the deal. Here nobody judges, and the deal ends as if it had not been drawn.
#[test]
fn an_audit_with_all_mediators_dead_ends_as_accepted() -> Result<()> {
	let scene = Scene::start(Setting {
		audits: Audits::Always,
		..Setting::default()
	})?;
	scene.is_soon_given_up()?;
	for mediator in &scene.mediators {
		mediator.kill()?;
	}
	let ledger = scene.ledger("An audit whose mediators are all dead")?;

	let (code, text) = scene.run("Message=moo", SECONDS, &[])?;
	ensure!(code == Some(0) && text.contains(&cow("moo")), "{code:?} {text}");

	let account = ledger.close()?;
	let earned = account.change("provider")?;
	ensure!(earned > 0, "the provider is paid\n{account}");
	let levy = account.change("audit pool")?;
	account.changed_by_less_fees("creator", -earned - levy)?;
	let lost: i128 = ["mediator", "mediator 2", "mediator 3"]
		.iter()
		.map(|role| account.change(role))
		.sum::<Result<_>>()?;
	ensure!(
		lost == -crate::scene::NO_SHOW,
		"the drawn one is slashed\n{account}"
	);
	ensure!(
		account.held("creator")? == 0 && account.held("audit pool")? == 0,
		"{account}"
	);
	Ok(())
}
