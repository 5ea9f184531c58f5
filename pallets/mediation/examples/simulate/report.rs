//! The report.

use crate::setting::{Setting, OVERCHARGE_PERCENT};
use std::fmt::{self, Write as _};

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

/// From where on honesty is not the best reply any more, in hundredths of the tickets or slots.
pub struct Stops {
	/// A league's forging pays more than an honest provider, by the formula.
	pub forging: f64,
	/// A pair that deals with itself gains, by having more panels called.
	pub milking: Option<f64>,
	/// Mediators do better to find nothing first.
	pub idling: Option<f64>,
	/// From there on the pool pays for that.
	pub draining: Option<f64>,
	/// A league frames honest providers.
	pub framing: Option<f64>,
	/// Forging pays with validators who withhold blocks: alone, and with a third of the tickets.
	pub slots: [Option<f64>; 2],
	/// What it earns at a chosen moment, alone and with a hundredth of the slots.
	pub timed: f64,
}

/// A share, in words.
fn from(stop: Option<f64>) -> String {
	stop.map_or("no share".into(), |stop| format!("{stop:.0} %"))
}

pub fn share(x: f64) -> String {
	format!("{:.1} %", 100.0 * x)
}

pub fn units(x: f64) -> String {
	format!("{x:+.3}")
}

/// All of it.
pub fn text(
	shipped: &Setting,
	stops: &Stops,
	best: &[BestPadding],
	tables: &[Table],
) -> Result<String, fmt::Error> {
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
		"Shipped: θ = {}, largest panel {}, a levy of {}, claims up to {} % of the median, {} of results audited.\n",
		shipped.theta,
		shipped.panel,
		share(f64::from(shipped.levy) / 1e6),
		OVERCHARGE_PERCENT,
		share(shipped.audit_probability())
	)?;
	text.push_str("![Income by strategy](simulation.svg)\n");
	for table in tables {
		writeln!(text, "\n## {}\n\n{}\n", table.title, table.text)?;
		writeln!(text, "| {} |", table.head.join(" | "))?;
		writeln!(text, "|{}", "---|".repeat(table.head.len()))?;
		for row in &table.rows {
			writeln!(text, "| {} |", row.join(" | "))?;
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
		* A **vote without a run** doesn't pay a mediator who acts alone, whether it is guessed or copied.\n\
		* A higher **collateral** is the cheaper way: twice as much of it halves the audits, and with them levy and computation. What it costs is \
		a provider's capital while a deal lives. θ = 20 is where a machine that runs day-long jobs has a month's income at stake.\n\
		* **Dealing with oneself** costs the levy, and what is audited brings no more than a vote for each of one's own mediators who is drawn. A \
		pair gains from {} of the tickets on, by having more panels called, and panels are its own there. A module whose every run differs \
		brings no more: to its author's bond the pool adds one vote's fee ([0070](adr/0070-the-pool-adds-one-vote-to-an-authors-bond.md)).\n\
		* A **score** can be bought, for the levy, and is no protection. None is needed: what deters is each deal's own collateral, so a forgery \
		pays as little after a thousand honest deals as before the first.\n\
		* **False challenges** cost their creator the votes and the provider nothing. A league frames honest providers at a profit from {} of the \
		tickets on.\n\
		\n## Where honesty is not the best reply\n\n\
		* **Modules that can tell when they are run** pay their author, without a single ticket: one that gives something else after a moment, \
		or now and then. An honest provider loses its collateral, and the creator, who is in league with the author, gains a cap. Two runs are all \
		that a panel can compare. WebAssembly has no clock and no chance in it and can't do this; a container can, so a provider should take \
		containers only from authors that it trusts, or curated ones ([0072](adr/0072-whose-word-a-provider-bets-on.md)).\n\
		* **Mediators who find nothing.** From {} of the tickets on it pays those who act together to have three asked instead of one, and to repeat \
		what is public then; from {} on the pool pays more for audits than the levy brings. It slashes nobody, because an honest mediator without \
		a network can do no more, and where a deal is expensive a ticket's slash would not matter. As long as nobody forges, results are \
		none the worse for it, unless the pool runs dry. Governance can raise `escalates`, and the levy with it.\n\
		* **Validators who forge.** Nothing is paid for a block here but its fees, and nothing taken for a missing one, so a bad draw costs its last \
		author next to nothing to exchange. Where it is the last one by chance only, a forger alone is deterred up to {} of the slots, and with a \
		third of the tickets up to {}. At a chosen moment forging pays with a single turn ({} a deal with a hundredth of the slots): turns are known \
		beforehand, and the provider says when it submits. Validators are named by the genesis, and are trusted so far; what would mend it is in \
		[0071](adr/0071-what-an-authors-choice-is-worth.md).\n",
		share(shipped.fees_per_levy()),
		share(shipped.overhead()),
		share(stops.forging),
		best.join("; "),
		from(stops.milking),
		from(stops.framing),
		from(stops.idling),
		from(stops.draining),
		from(stops.slots[0]),
		from(stops.slots[1]),
		units(stops.timed),
	)?;
	Ok(text)
}
