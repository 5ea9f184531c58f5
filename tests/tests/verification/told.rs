//! What `lilypad case` and `lilypad mediator status` tell of a case that is open, to people and to programs.

use crate::scene::Scene;
use anyhow::{ensure, Result};
use serde_json::Value;

/// Widest line that a terminal shows whole, with an address in it.
const WIDTH: usize = 120;

impl Scene<'_> {
	/// What a command prints, checked for what no output should have.
	fn told(&self, args: &[&str]) -> Result<String> {
		let text = self.creator.ok(args)?;
		let wide = text.lines().find(|line| line.chars().count() > WIDTH);
		ensure!(wide.is_none(), "{args:?}: too wide: {wide:?}");
		Ok(text)
	}

	/// While mediators run the job: this one has committed, and others have not.
	pub fn tells_who_has_committed(&self, deal: &str, mediator: &str) -> Result<()> {
		let listed = self.told(&["case", "list"])?;
		for part in ["its creator says that it is wrong", "of 3 committed", "to go)"] {
			ensure!(listed.contains(part), "{part:?} is missing:\n{listed}");
		}
		let listed = self.creator.json(&["case", "list", "--mediator", mediator])?;
		let case = &listed[0];
		let number: u64 = deal.parse()?;
		ensure!(
			case["deal"] == number && case["stage"] == "committing" && case["panel"] == 3,
			"{listed}"
		);
		let provider = self.address(crate::scene::PROVIDER)?;
		let none = self.told(&["case", "list", "--mediator", &provider])?;
		ensure!(none.contains("sits in no panel"), "{none}");

		let shown = self.told(&["case", "show", deal])?;
		for part in [mediator, "committed", "not yet", "sealed", &provider] {
			ensure!(shown.contains(part), "{part:?} is missing:\n{shown}");
		}
		let status = self.told(&["mediator", "status", mediator])?;
		ensure!(
			status.contains("1 of 2 seats taken") && status.contains("mediators run the job until block"),
			"{status}"
		);
		let status = self.creator.json(&["mediator", "status", mediator])?;
		ensure!(status["cases"][0] == *case, "{status}");
		Ok(())
	}

	/// While mediators reveal, and not all have. Whether some have; then what they voted is told.
	pub fn tells_votes(&self, deal: &str) -> Result<bool> {
		let case = self.creator.json(&["case", "show", deal])?;
		let votes = |case: &Value| {
			let seats = case["seats"].as_array().cloned().unwrap_or_default();
			let votes = seats.into_iter().map(|seat| seat["vote"].clone());
			votes.filter(|vote| !vote.is_null()).collect::<Vec<_>>()
		};
		let votes = votes(&case);
		if votes.len() < 2 || case["result"].is_null() {
			return Ok(false);
		}
		let root = case["result"]["root"].as_str().unwrap_or_default();
		ensure!(root.len() == 64, "{case}");
		for vote in &votes {
			let right = vote["result"]["root"] == root && vote["fetched"] == true && vote["ample"] == true;
			ensure!(right, "{vote} in {case}");
		}
		let shown = self.told(&["case", "show", deal])?;
		for part in ["the provider's result in", "of 3 revealed", root] {
			ensure!(shown.contains(part), "{part:?} is missing:\n{shown}");
		}
		Ok(true)
	}

	/// When nothing is in dispute any more.
	pub fn tells_that_nothing_is_open(&self, deal: &str) -> Result<()> {
		let listed = self.told(&["case", "list"])?;
		ensure!(listed.contains("no result is in dispute"), "{listed}");
		let ended = self.creator.fails(4, &["case", "show", deal])?;
		ensure!(ended.contains("its case has ended"), "{ended}");
		Ok(())
	}
}
