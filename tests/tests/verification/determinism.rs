//! A module that is declared deterministic and is not.

use crate::scene::{Scene, Setting};
use anyhow::{ensure, Result};
use lilypad_tests::{ledger::LP, Engine};

const SECONDS: i128 = 10;

/// The module slips through its author's own two runs: only one of its inputs makes it throw dice.
#[test]
fn a_hidden_random_number_costs_its_author_and_neither_creator_nor_provider() -> Result<()> {
	let scene = Scene::start(Setting {
		engine: Engine::Containers,
		module: "dice",
		..Setting::default()
	})?;
	let a = scene.amounts(SECONDS)?;
	let ledger = scene.ledger("A module has a hidden random number")?;

	let job = scene.submitted("Throw=true", SECONDS)?;
	scene.challenge(&job, "wrong-result")?;
	scene.ends_with(&job, "gives different results on honest machines")?;

	let account = ledger.close()?;
	ensure!(
		account.change("provider")? > 0,
		"the provider is paid for its time\n{account}"
	);
	account.changed_by_less_fees("creator", 0)?;
	// Three, and the same three again as the last panel.
	for mediator in ["mediator", "mediator 2", "mediator 3"] {
		account.changed_by(mediator, 2 * a.vote)?;
	}
	ensure!(
		account.change("author")? <= -6 * a.vote,
		"the author's bond pays the mediators\n{account}"
	);
	ensure!(account.change("author")? >= -(10 * LP as i128), "{account}");
	let shown = scene.creator.json(&["module", "show", "dice:v0.0.1"])?;
	ensure!(shown["delisted"] == true, "{shown}");
	// Nobody can be caught by it again.
	let (code, text) = scene.run("Throw=true", SECONDS, &["--match-timeout", "2"])?;
	ensure!(code == Some(4) && text.contains("withdrawn"), "{code:?} {text}");
	Ok(())
}
