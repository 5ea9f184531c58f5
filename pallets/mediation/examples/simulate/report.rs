//! The report.

use crate::scene::{Setting, OVERCHARGE_PERCENT};
use std::fmt::Write as _;

/// A table of the report.
pub struct Table {
	pub title: &'static str,
	pub text: &'static str,
	pub head: Vec<&'static str>,
	pub rows: Vec<Vec<String>>,
}

/// What a padder does best among machines that differ by so much.
pub struct BestPadding {
	/// Standard deviation of the logarithm of run times, in hundredths.
	noise: u32,
	/// Hundredths of the run that are claimed.
	claimed: u32,
	/// Income by the price of a run.
	earned: f64,
	/// The same of an honest provider.
	honest: f64,
	/// Share of an honest provider's audited results that are found overcharged.
	unlucky: f64,
}

impl BestPadding {
	pub fn new(noise: u32) -> Self {
		Self {
			noise,
			claimed: 100,
			earned: f64::MIN,
			honest: 0.0,
			unlucky: 0.0,
		}
	}

	/// Takes note of what a claim earns; the honest one first.
	pub fn consider(&mut self, claimed: u32, earned: f64, overcharged: f64) {
		if claimed == 100 {
			(self.honest, self.unlucky) = (earned, overcharged);
		}
		if earned > self.earned {
			(self.claimed, self.earned) = (claimed, earned);
		}
	}

	fn words(&self) -> String {
		format!(
			"{:.1} times the run at σ = {} %, for {:.0} % of an honest bill more (an honest provider is charged in {} of its audits)",
			f64::from(self.claimed) / 100.0,
			self.noise,
			100.0 * (self.earned - self.honest),
			share(self.unlucky)
		)
	}
}

pub fn share(x: f64) -> String {
	format!("{:.1} %", 100.0 * x)
}

pub fn units(x: f64) -> String {
	format!("{x:+.3}")
}

/// All of it. `stops`: the share of the tickets from which on a league's forging pays.
pub fn text(shipped: &Setting, stops: f64, best: &[BestPadding], tables: &[Table]) -> String {
	let best: Vec<_> = best.iter().map(BestPadding::words).collect();
	let mut text = String::from(
		"# What each strategy earns\n\n\
		Written by `make simulate`: an agent-based simulation on the pallets themselves (`pallets/mediation/examples/simulate`). Incomes \
		are averages in units of a deal's cap, the most that its provider can earn; a vote earns half a cap. Audited deals and others are \
		played apart and weighed with the probability of an audit.\n\n",
	);
	// A test of the runtime looks for this line.
	writeln!(
		text,
		"Shipped: θ = {}, largest panel {}, claims up to {} % of the median, {} of results audited.\n",
		shipped.theta,
		shipped.panel,
		OVERCHARGE_PERCENT,
		share(shipped.audit_probability())
	)
	.unwrap();
	text.push_str("![Income by strategy](simulation.svg)\n");
	for table in tables {
		writeln!(text, "\n## {}\n\n{}\n", table.title, table.text).unwrap();
		writeln!(text, "| {} |", table.head.join(" | ")).unwrap();
		writeln!(text, "|{}", "---|".repeat(table.head.len())).unwrap();
		for row in &table.rows {
			writeln!(text, "| {} |", row.join(" | ")).unwrap();
		}
	}
	write!(
		text,
		"\n## What it shows\n\n\
		* **Forging** does not pay at the shipped parameters, alone or in league with up to a third of all tickets. Audits cost {} of the caps, \
		which the levy covers, and are {} of all runs.\n\
		* **Where it stops:** a league escapes as far as it holds an audit's first seat, or two of the next three. By the formula its forging \
		pays more than an honest provider with the same mediators from {} of the tickets on. With half of them there is no rule that \
		would help: panels are theirs.\n\
		* **Padding** beyond one and a half times the panel's median does not pay: what is claimed beyond the median costs the same part of the \
		collateral that it is of the cap, so the audits that deter from inventing a result deter from inventing its time.\n\
		* **Up to that, padding pays**, the less the more machines differ. What pays best: {}.\n\
		* **Why that is left:** a patient machine can't be told from a slow one, so what the rule forgives honest slowness it lets a padder have, \
		and a tighter line would charge honest people. What everybody can have competition takes back: offers are matched by their price of \
		a second, so who charges for more seconds has to ask less for each. The chain's clock bounds every claim besides, and so does the \
		job's own time limit; and a creator who knows better challenges at no risk.\n\
		* A **vote without a run** doesn't pay, whether guessed or copied.\n\
		* A higher **collateral** is the cheaper way: twice as much of it halves the audits, and with them levy and computation. What it costs is \
		a provider's capital while a deal lives. θ = 20 is where a machine that runs day-long jobs has a month's income at stake.\n",
		share(shipped.fees_per_levy()),
		share(shipped.overhead()),
		share(stops),
		best.join("; "),
	)
	.unwrap();
	text
}
