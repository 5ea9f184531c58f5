//! What each strategy earns: an agent-based simulation on the pallets themselves.
//!
//! Providers who are honest, forge results or pad their bills meet mediators who are honest, lazy, copy, or collude with the
//! forgers. Everything that moves is moved by `pallet-deals` and `pallet-mediation`; the simulation only decides what each
//! actor does, and charges for the runs.
//!
//! `make simulate` writes `docs/simulation.md` and `docs/simulation.svg`.
#![allow(clippy::unwrap_used, missing_docs)]

// The tests' mock has more than the simulation needs.
#[allow(dead_code, unused_imports)]
#[path = "../../src/mock.rs"]
mod mock;
mod plot;
mod scene;

use plot::{Line, Plot};
use scene::{run, Behaviour, Setting, Work};
use std::{fmt::Write as _, path::PathBuf};

/// A table of the report.
struct Table {
	title: &'static str,
	text: &'static str,
	head: Vec<String>,
	rows: Vec<Vec<String>>,
}

fn share(x: f64) -> String {
	format!("{:.1} %", 100.0 * x)
}

fn units(x: f64) -> String {
	format!("{x:+.3}")
}

/// Provider strategies by the probability of an audit.
fn by_probability(deals: u32) -> (Table, Plot) {
	let mut rows = vec![];
	let mut lines = [Work::Honest, Work::Forged, Work::Padded].map(|work| Line::new(work.name()));
	for saving in [0, 20, 40, 60, 80, 100] {
		let setting = Setting {
			saving,
			..Setting::default()
		};
		let mut row = vec![share(setting.audit_probability())];
		for (work, line) in [Work::Honest, Work::Forged, Work::Padded]
			.into_iter()
			.zip(&mut lines)
		{
			let result = run(&setting, work, deals);
			row.push(units(result.provider));
			line.add(100.0 * setting.audit_probability(), result.provider);
		}
		rows.push(row);
	}
	let table = Table {
		title: "Providers, by the probability of an audit",
		text: "Income per deal in units of the deal's cap; θ = 10, all mediators honest, creators never challenge. A run takes half of \
			the time limit and costs four fifths of its price. A forger claims the whole limit and runs nothing.",
		head: ["audited", "honest", "forging", "padding the bill"].map(Into::into).into(),
		rows,
	};
	let plot = Plot::new(
		"probability of an audit, %",
		"provider's income per deal, in caps",
		lines.into(),
	);
	(table, plot)
}

/// What forging earns by collateral and panel.
fn by_stakes(deals: u32) -> Table {
	let mut rows = vec![];
	for theta in [1, 5, 10, 20, 50] {
		for panel in [3, 7, 15] {
			let setting = Setting {
				theta,
				panel,
				saving: 100,
				..Setting::default()
			};
			let forged = run(&setting, Work::Forged, deals);
			let honest = run(&setting, Work::Honest, deals / 4);
			rows.push(vec![
				theta.to_string(),
				panel.to_string(),
				share(setting.audit_probability()),
				units(honest.provider),
				units(forged.provider),
				share(setting.fees_per_levy()),
			]);
		}
	}
	Table {
		title: "Forging, by collateral and largest panel",
		text: "With the probability that the formula gives for c_e − c_d = π. The last column is what audits of right results cost on \
			average, as a share of the cap: the levy must be above it.",
		head: ["θ", "largest panel", "audited", "honest", "forging", "audits cost"].map(Into::into).into(),
		rows,
	}
}

/// Forgers and mediators who are in league.
fn by_collusion(deals: u32) -> (Table, Plot) {
	let mut rows = vec![];
	let (mut forging, mut league) = (
		Line::new("forging provider"),
		Line::new("provider and colluding mediators"),
	);
	for colluding in [0, 10, 20, 30, 40, 50, 60] {
		let setting = Setting {
			saving: 100,
			others: Behaviour::Colluding,
			share: colluding,
			..Setting::default()
		};
		let result = run(&setting, Work::Forged, deals);
		let together = result.provider + result.others_total;
		rows.push(vec![
			share(f64::from(colluding) / 100.0),
			share(result.caught),
			units(result.provider),
			units(together),
			units(result.honest_seat),
			units(result.others_seat),
		]);
		forging.add(colluding.into(), result.provider);
		league.add(colluding.into(), together);
	}
	let table = Table {
		title: "Collusion",
		text: "A forging provider and a share of the mediators who vote for whatever it sealed. Income of the provider and of all of them \
			together per deal, of mediators per seat, after the costs of honest runs. *Caught* is the share of audited results that are \
			overturned.",
		head: ["tickets colluding", "caught", "provider", "together", "honest mediator", "colluding mediator"]
			.map(Into::into)
			.into(),
		rows,
	};
	let plot = Plot::new(
		"share of colluding tickets, %",
		"income per deal, in caps",
		vec![forging, league],
	);
	(table, plot)
}

/// Mediators' strategies among honest ones.
fn by_mediators(deals: u32) -> Table {
	let mut rows = vec![];
	for others in [Behaviour::Lazy, Behaviour::Copying] {
		for forged in [false, true] {
			let setting = Setting {
				// Every result is challenged, for there to be many votes.
				challenged: true,
				others,
				share: 20,
				..Setting::default()
			};
			let work = if forged { Work::Forged } else { Work::Honest };
			let result = run(&setting, work, deals);
			rows.push(vec![
				others.name().into(),
				work.name().into(),
				units(result.honest_seat),
				units(result.others_seat),
				share(result.others_slashed),
				share(result.caught),
			]);
		}
	}
	Table {
		title: "Mediators among honest ones",
		text: "One ticket in five belongs to mediators of the named kind, and every result is challenged. *Lazy* ones run nothing and vote for \
			a guess; *copying* ones repeat the commitment that they see first, which they can't open. Income per seat in caps, after the \
			cost of the run for those who run; slashed is the share of the seats of the named kind.",
		head: ["kind", "results", "honest", "this kind", "slashed", "overturned"].map(Into::into).into(),
		rows,
	}
}

fn report(tables: &[Table]) -> String {
	let mut text = String::from(
		"# What each strategy earns\n\n\
		Written by `make simulate`: an agent-based simulation on the pallets themselves (`pallets/mediation/examples/simulate`). Incomes \
		are averages in units of a deal's cap, the most that its provider can earn; a vote earns half a cap.\n\n\
		![Income by strategy](simulation.svg)\n",
	);
	for table in tables {
		writeln!(text, "\n## {}\n\n{}\n", table.title, table.text).unwrap();
		writeln!(text, "| {} |", table.head.join(" | ")).unwrap();
		writeln!(text, "|{}", "---|".repeat(table.head.len())).unwrap();
		for row in &table.rows {
			writeln!(text, "| {} |", row.join(" | ")).unwrap();
		}
	}
	text.push_str(
		"\n## What it shows\n\n\
		* Forging stops paying where the formula says. A forger who claims the whole limit saves more than the run, so the runtime audits as if \
		the whole price were saved.\n\
		* Padding a bill is not stopped by audits: a claim may be twice the panel's median, because machines differ, and what is fined beyond that \
		is the excess. The chain's clock bounds every claim, a creator who knows better challenges at no risk, and providers compete by price.\n\
		* A vote without a run doesn't pay, whether guessed or copied.\n\
		* A league of forger and mediators escapes as far as it holds an audit's first seat: a fifth of the tickets is caught three times in four. \
		Audits that just deter a lone forger don't deter such a league; a higher collateral or more audits do. What its mediators get when \
		they are outvoted comes out of its own provider's collateral.\n",
	);
	text
}

fn main() {
	let mut args = std::env::args().skip(1);
	let folder = PathBuf::from(args.next().unwrap_or_else(|| "docs".into()));
	let deals: u32 = args
		.next()
		.map_or(3_000, |n| n.parse().expect("a number of deals"));
	println!("{deals} deals for each point");
	let (providers, first) = by_probability(deals);
	let stakes = by_stakes(deals);
	let (collusion, second) = by_collusion(deals);
	let mediators = by_mediators(deals / 8);
	std::fs::write(
		folder.join("simulation.md"),
		report(&[providers, stakes, collusion, mediators]),
	)
	.expect("the folder can be written");
	std::fs::write(folder.join("simulation.svg"), plot::svg(&[first, second]))
		.expect("the folder can be written");
	println!("written to {}", folder.display());
}
