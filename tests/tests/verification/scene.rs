//! The people of every scenario, and what they do in all of them.

use anyhow::{ensure, Context, Result};
use lilypad_tests::{
	ledger::{share_of, smallest, Ledger, LP},
	module_dir, path_str, wait_for, Cli, Engine, Network, Process, Worker,
};
use serde_json::Value;
use std::{cell::Cell, path::Path, time::Duration};

pub const CREATOR: &str = "//Dave";
pub const PROVIDER: &str = "//Bob";
pub const AUTHOR: &str = "//Charlie";
pub const MEDIATORS: [&str; 3] = ["//Eve", "//Ferdie", "//Alice//stash"];

/// LP for a second of the provider's time.
const RATE: &str = "0.1";
/// What a mediator loses for a vote that was missing.
pub const NO_SHOW: i128 = 10 * LP as i128;
/// What it loses for a vote that was wrong.
pub const MINORITY: i128 = 5 * LP as i128;
/// Tickets of each mediator: slashed a few times, it still has some.
pub const TICKETS: u32 = 3;

/// The amounts of a deal.
#[derive(Clone, Copy, Debug)]
pub struct Amounts {
	/// Most that the provider can earn.
	pub cap: i128,
	/// What the audit pool gets.
	pub levy: i128,
	/// One vote.
	pub vote: i128,
	/// What the provider has at stake.
	pub collateral: i128,
}

/// How many results are audited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audits {
	/// None: what is challenged is nothing but challenged.
	Never,
	/// All of them.
	Always,
}

/// What a scenario begins with.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
	pub engine: Engine,
	pub module: &'a str,
	pub audits: Audits,
	/// How the provider cheats.
	pub provider: Option<&'a str>,
	/// How the first mediator cheats. The others are honest.
	pub mediator: Option<&'a str>,
}

impl Default for Setting<'_> {
	fn default() -> Self {
		Self {
			engine: Engine::Wasm,
			module: "cowsay-wasm",
			audits: Audits::Never,
			provider: None,
			mediator: None,
		}
	}
}

/// A chain with a provider, three mediators, and a module.
pub struct Scene<'a> {
	pub network: Network,
	pub provider: Process,
	pub mediators: Vec<Process>,
	pub creator: Cli,
	setting: Setting<'a>,
	/// The block in which the last challenge was seen.
	challenged_at: Cell<Option<u32>>,
}

impl<'a> Scene<'a> {
	pub fn start(setting: Setting<'a>) -> Result<Self> {
		let network = Network::dev()?;
		match setting.audits {
			Audits::Never => network.set_parameters(&["audit_saving=0%"])?,
			// As if modules that are declared deterministic seldom were. Votes cost less, for the levy has to pay for them all.
			Audits::Always => {
				network.set_parameters(&["audit_usual=10%", "mediator_fee_rate=2%", "min_mediator_fee=0"])?
			},
		}
		let provider = Worker {
			cheats: setting.provider,
			..Worker::honest(PROVIDER, setting.engine)
		};
		let provider = provider.provide(&network, RATE)?;
		let cheats = [setting.mediator, None, None];
		let mediators = MEDIATORS
			.into_iter()
			.zip(cheats)
			.map(|(key, cheats)| {
				let worker = Worker {
					cheats,
					..Worker::honest(key, setting.engine)
				};
				worker.mediate(&network, TICKETS)
			})
			.collect::<Result<Vec<_>>>()?;
		network.is_ready(&provider)?;
		let author = network.cli(AUTHOR);
		let folder = module_dir(setting.module)?;
		author.ok(&["module", "publish", path_str(&folder)?, "--yes"])?;
		for (key, mediator) in MEDIATORS.into_iter().zip(&mediators) {
			network.can_be_drawn(key).with_context(|| mediator.log_tail(20))?;
		}
		let creator = network.cli(CREATOR);
		Ok(Self {
			network,
			provider,
			mediators,
			creator,
			setting,
			challenged_at: Cell::default(),
		})
	}

	/// Mediators that do not vote are not waited for longer than a run needs, and nobody is drawn in their place.
	pub fn is_soon_given_up(&self) -> Result<()> {
		self.network.set_parameters(&[
			"max_redraws=0",
			"slack_percent=150",
			"commit_margin=1",
			"ask_blocks=1",
		])
	}

	/// The amounts of a deal with a time limit of so many seconds, by the prices that are in force.
	pub fn amounts(&self, seconds: i128) -> Result<Amounts> {
		let prices = self.creator.json(&["parameters", "show"])?;
		// A tenth of an LP a second.
		let cap = u128::try_from(seconds)? * LP / 10;
		let least = |name: &str, amount: u128| anyhow::Ok(smallest(&prices[name])?.max(amount));
		let vote = least("min_mediator_fee", share_of(&prices["mediator_fee_rate"], cap)?)?;
		let count = |name: &str| prices[name].as_u64().map(u128::from).context("a number");
		let staked = least("min_collateral", count("collateral_factor")? * cap)?;
		let collateral = staked + (4 + count("largest_panel")?) * vote;
		let signed = |amount: u128| i128::try_from(amount);
		Ok(Amounts {
			cap: signed(cap)?,
			levy: signed(share_of(&prices["levy_rate"], cap)?)?,
			vote: signed(vote)?,
			collateral: signed(collateral)?,
		})
	}

	/// Everybody's money as it is now.
	pub fn ledger(&self, title: &str) -> Result<Ledger> {
		let first = match self.setting.mediator {
			Some(how) => format!("mediator ({how})"),
			None => "mediator".into(),
		};
		let provider = match self.setting.provider {
			Some(how) => format!("provider ({how})"),
			None => "provider".into(),
		};
		let names = [
			("creator", CREATOR),
			(provider.as_str(), PROVIDER),
			("author", AUTHOR),
			(first.as_str(), MEDIATORS[0]),
			("mediator 2", MEDIATORS[1]),
			("mediator 3", MEDIATORS[2]),
		];
		Ledger::open(&self.network, title, &names)
	}

	/// Runs the module with a time limit of so many seconds, as `lilypad run` does, and one try.
	fn run_args<'b>(
		&'b self,
		name: &'b str,
		input: &'b str,
		seconds: &'b str,
		more: &[&'b str],
	) -> Vec<&'b str> {
		let fixed = [
			"run",
			name,
			"-i",
			input,
			"--timeout",
			seconds,
			"--retries",
			"0",
			"--yes",
		];
		fixed.into_iter().chain(more.iter().copied()).collect()
	}

	/// Posts a job and waits until its sealed result is on the chain. Returns its number.
	pub fn submitted(&self, input: &str, seconds: i128) -> Result<String> {
		let (name, seconds) = (format!("{}:v0.0.1", self.setting.module), seconds.to_string());
		let posted = self
			.creator
			.json(&self.run_args(&name, input, &seconds, &["--detach"]))?;
		let job = posted["job"].to_string();
		self.reaches(&job, "submitted", Duration::from_secs(90))?;
		Ok(job)
	}

	/// Runs a job to its end, whatever that is; returns the exit code and all that was said.
	pub fn run(&self, input: &str, seconds: i128, more: &[&str]) -> Result<(Option<i32>, String)> {
		let (name, seconds) = (format!("{}:v0.0.1", self.setting.module), seconds.to_string());
		let output = self
			.creator
			.output(&self.run_args(&name, input, &seconds, more))?;
		let text = [output.stdout, output.stderr].map(|part| String::from_utf8_lossy(&part).into_owned());
		Ok((output.status.code(), text.concat()))
	}

	/// The number of the creator's last job.
	pub fn last_job(&self) -> Result<String> {
		let jobs = self.creator.json(&["job", "list"])?;
		let last = jobs.as_array().and_then(|jobs| jobs.last());
		Ok(last.context("there is no job")?["job"].to_string())
	}

	/// Waits until a job is in a state; returns what is shown of it then.
	pub fn reaches(&self, job: &str, state: &str, limit: Duration) -> Result<Value> {
		wait_for(&format!("job {job} is {state}"), limit, || {
			let shown = self.creator.json(&["job", "show", job])?;
			Ok((shown["state"] == state).then_some(shown))
		})
		.with_context(|| self.logs())
	}

	/// Challenges a result, and returns the number of its deal.
	pub fn challenge(&self, job: &str, reason: &str) -> Result<String> {
		let challenged = self
			.creator
			.json(&["job", "challenge", job, "--reason", reason, "--yes"])?;
		ensure!(challenged["dispute"]["challenge"].is_string(), "{challenged}");
		self.challenged_at.set(Some(self.network.best_number()?));
		Ok(challenged["deal"].to_string())
	}

	/// Waits for the end of a job, and checks how that is told.
	pub fn ends_with(&self, job: &str, words: &str) -> Result<()> {
		let ended = self.reaches(job, "ended", Duration::from_secs(240))?;
		let told = ended["explanation"].to_string();
		ensure!(told.contains(words), "{told}\n{}", self.logs());
		if let Some(since) = self.challenged_at.take() {
			let blocks = self.network.best_number()?.saturating_sub(since);
			println!("about {blocks} blocks from the challenge to the end");
		}
		Ok(())
	}

	/// Fetches the result of a job that has ended; returns its standard output.
	pub fn stdout(&self, job: &str) -> Result<String> {
		let folder = self.network.path(&format!("result-{job}"));
		self.creator
			.ok(&["job", "get", job, "--output", path_str(&folder)?])
			.with_context(|| self.logs())?;
		read(&folder)
	}

	/// What each mediator of a case has done: `drawn`, `committed`, `revealed` or `absent`.
	pub fn seats(&self, deal: &str) -> Result<Vec<(String, String)>> {
		let case = self.creator.json(&["case", "show", deal])?;
		let seats = case["seats"].as_array().context("a case has seats")?;
		let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
		Ok(seats
			.iter()
			.map(|seat| (text(&seat["mediator"]), text(&seat["state"])))
			.collect())
	}

	/// The address of one of the mediators.
	pub fn address(&self, key: &str) -> Result<String> {
		let balance = self.creator.json(&["account", "balance", key])?;
		Ok(balance["account"].as_str().context("an address")?.into())
	}

	/// The ends of all workers' logs.
	pub fn logs(&self) -> String {
		let all = std::iter::once(&self.provider).chain(&self.mediators);
		let tails: Vec<_> = all.map(|process| process.log_tail(15)).collect();
		tails.join("\n--\n")
	}
}

fn read(folder: &Path) -> Result<String> {
	let file = folder.join("stdout");
	std::fs::read_to_string(&file).with_context(|| file.display().to_string())
}
