//! What each strategy earns: an agent-based simulation on the pallets themselves.
//!
//! Providers who are honest, forge results or pad their bills meet mediators who are honest, lazy, copy, or collude with the
//! forgers. Everything that moves is moved by `pallet-deals` and `pallet-mediation`; the simulation only decides what each
//! actor does, and charges for the runs.
//!
//! `make simulate` writes `docs/simulation.md`, and its charts as SVG and PNG. It fails when honesty is not the best reply at the
//! shipped parameters.
#![allow(clippy::unwrap_used, missing_docs)]

// The tests' mock has more than the simulation needs.
#[allow(dead_code, unused_imports)]
#[path = "../../src/mock.rs"]
mod mock;
mod plot;
mod report;
mod scene;

use plot::{Line, Plot};
use report::{share, units, BestPadding, Table};
use scene::{run, Behaviour, Earned, Setting, Work, CROWD};
use std::path::PathBuf;

/// The largest share of the tickets that audits must deter: a third.
const LEAGUE: u32 = CROWD / 3;

/// A setting in which so many mediators are in league with the provider.
fn league(share: u32) -> Setting {
	Setting {
		others: Behaviour::Colluding,
		share,
		..Setting::default()
	}
}

/// The provider and everybody who is in league with it.
fn together(earned: &Earned) -> f64 {
	earned.provider + earned.others_total
}

/// Provider strategies by the probability of an audit.
fn by_probability(deals: u32) -> (Table, Plot) {
	let strategies = [
		("honest", Work::Honest, 0),
		("forging alone", Work::Forged, 0),
		("forging, in league with a third", Work::Forged, LEAGUE),
		("charging twice the time", Work::Padded(200), 0),
	];
	let mut lines = strategies.map(|(name, ..)| Line::new(name));
	let rows = [0, 20, 40, 60, 80, 100].map(|saving| {
		let settings = strategies.map(|(_, work, share)| {
			let setting = Setting {
				saving,
				..league(share)
			};
			(setting, work)
		});
		let p = settings[0].0.audit_probability();
		let mut row = vec![share(p)];
		for ((setting, work), line) in settings.iter().zip(&mut lines) {
			let earned = together(&run(setting, *work, deals));
			row.push(units(earned));
			line.add(100.0 * p, earned);
		}
		row
	});
	let table = Table {
		title: "Providers, by the probability of an audit",
		text: "Income per deal of the provider, and of those who are in league with it. The last row is the shipped probability. A run takes \
			half of the time limit and costs four fifths of its price. A forger claims the whole limit and runs nothing.",
		head: std::iter::once("audited").chain(strategies.map(|(name, ..)| name)).collect(),
		rows: rows.into(),
	};
	let plot = Plot::new(
		"probability of an audit, %",
		"income per deal, in caps",
		lines.into(),
	);
	(table, plot)
}

/// What padding earns among machines that differ, and how much of it pays best.
fn by_padding(deals: u32) -> (Table, Plot, Vec<BestPadding>) {
	const NOISE: [u32; 4] = [0, 5, 10, 20];
	let mut lines = [
		Line::new("equal machines"),
		Line::new("σ = 5 %"),
		Line::new("σ = 10 %"),
		Line::new("σ = 20 %"),
	];
	let mut rows = vec![];
	let mut best = NOISE.map(BestPadding::new);
	for percent in [100, 110, 120, 130, 140, 150, 160, 180, 200, 300] {
		let mut row = vec![format!("{:.1}", f64::from(percent) / 100.0)];
		for ((noise, line), best) in NOISE.into_iter().zip(&mut lines).zip(&mut best) {
			let setting = Setting {
				run: mock::LIMIT / 4,
				noise,
				..Setting::default()
			};
			let earned = run(&setting, Work::Padded(percent), deals);
			row.push(units(earned.provider));
			row.push(share(earned.overcharged));
			line.add(f64::from(percent) / 100.0, earned.provider);
			// By the price of a run.
			best.consider(percent, 4.0 * earned.provider, earned.overcharged);
		}
		rows.push(row);
	}
	let table = Table {
		title: "Padding, by how much machines differ",
		text: "Income per deal of a provider that claims this many times the time that its run has taken, and the share of its audited results \
			that are found overcharged. A run takes a quarter of the time limit; run times on machines of one size differ by σ (standard \
			deviation of their logarithm), the provider's as the mediators'. All mediators are honest. Start-up, for which a claim may always \
			be five seconds longer, is short in comparison.",
		head: vec![
			"claimed", "σ = 0", "charged", "σ = 5 %", "charged", "σ = 10 %", "charged", "σ = 20 %", "charged",
		],
		rows,
	};
	let plot = Plot::new(
		"claimed, in times of the run",
		"provider's income per deal, in caps",
		lines.into(),
	);
	(table, plot, best.into())
}

/// What deterring costs, by collateral and panel.
fn by_stakes(deals: u32) -> Table {
	let mut rows = vec![];
	for theta in [5, 10, 20, 30, 50] {
		for panel in [3, 7, 15] {
			let setting = Setting {
				theta,
				panel,
				..league(LEAGUE)
			};
			let alone = Setting { share: 0, ..setting };
			rows.push(vec![
				theta.to_string(),
				panel.to_string(),
				share(setting.audit_probability()),
				share(setting.fees_per_levy()),
				share(setting.overhead()),
				units(run(&alone, Work::Forged, deals).provider),
				units(together(&run(&setting, Work::Forged, deals))),
			]);
		}
	}
	Table {
		title: "Audits, by collateral and largest panel",
		text: "With the probability that the formula gives for a league with a third of the tickets. *Cost* is what audits of right results cost \
			on average, as a share of the cap: the levy must be above it. *Runs* is the audits' share of all computation. The incomes are a \
			forger's alone, and together with a third of the mediators; an honest provider's is +0.100.",
		head: vec!["θ", "largest panel", "audited", "cost", "runs", "forging alone", "forging, in league"],
		rows,
	}
}

/// Forgers and mediators who are in league.
fn by_collusion(deals: u32) -> (Table, Plot) {
	let mut rows = vec![];
	let mut lines = [
		Line::new("league with a forging provider"),
		Line::new("league with an honest provider"),
	];
	for colluding in [0, 6, 12, 18, 20, 22, 24, 30, 36] {
		let forged = run(&league(colluding), Work::Forged, deals);
		let honest = run(&league(colluding), Work::Honest, deals / 4);
		let part = f64::from(colluding) / f64::from(CROWD);
		rows.push(vec![
			share(part),
			share(forged.caught),
			units(together(&forged)),
			units(together(&honest)),
			units(forged.honest_seat),
			units(forged.others_seat),
		]);
		lines[0].add(100.0 * part, together(&forged));
		lines[1].add(100.0 * part, together(&honest));
	}
	let table = Table {
		title: "Collusion",
		text: "A provider and a share of the mediators who run nothing and vote for whatever it sealed. Income of all of them together per deal, \
			and of mediators per seat among forgeries, after the costs of honest runs. *Caught* is the share of audited forgeries that are \
			overturned.",
		head: vec![
			"tickets colluding",
			"caught",
			"forging",
			"honest",
			"honest mediator",
			"colluding mediator",
		],
		rows,
	};
	let plot = Plot::new(
		"share of colluding tickets, %",
		"income per deal, in caps",
		lines.into(),
	);
	(table, plot)
}

/// Mediators' strategies among honest ones.
fn by_mediators(deals: u32) -> Table {
	let mut rows = vec![];
	for others in [Behaviour::Lazy, Behaviour::Copying] {
		for (name, work) in [("honest", Work::Honest), ("forged", Work::Forged)] {
			let setting = Setting {
				// Every result is challenged, for there to be many votes.
				challenged: true,
				others,
				share: CROWD / 5,
				..Setting::default()
			};
			let result = run(&setting, work, deals);
			rows.push(vec![
				others.name().into(),
				name.into(),
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
		head: vec!["kind", "results", "honest", "this kind", "slashed", "overturned"],
		rows,
	}
}

/// The share of the tickets from which on a league's forging pays, by the formula.
fn where_it_stops() -> f64 {
	let setting = Setting::default();
	let (mut deterred, mut tempted) = (0.0, 1.0);
	for _ in 0..50 {
		let middle = (deterred + tempted) / 2.0;
		match setting.temptation(middle) > 0.0 {
			true => tempted = middle,
			false => deterred = middle,
		}
	}
	tempted
}

/// That nobody earns more than an honest provider at the shipped parameters: not alone, and not with a third of the tickets.
fn check(deals: u32) {
	let honest = run(&league(LEAGUE), Work::Honest, deals / 4);
	let forged = run(&league(LEAGUE), Work::Forged, deals);
	let padded = run(&Setting::default(), Work::Padded(200), deals);
	assert!(
		together(&forged) < together(&honest),
		"a league with a third of the tickets is not deterred"
	);
	assert!(padded.provider < 0.0, "padding beyond what is allowed pays");
	let setting = Setting::default();
	assert!(setting.overhead() < 0.15, "audits are more than 15 % of all runs");
	assert!(where_it_stops() > f64::from(LEAGUE) / f64::from(CROWD));
}

fn main() {
	let mut args = std::env::args().skip(1);
	let folder = PathBuf::from(args.next().unwrap_or_else(|| "docs".into()));
	let deals: u32 = args
		.next()
		.map_or(1_000, |n| n.parse().expect("a number of deals"));
	println!("{deals} audited deals for each point");
	check(4 * deals);
	let (providers, first) = by_probability(deals);
	let (collusion, second) = by_collusion(4 * deals);
	let (padding, third, best) = by_padding(deals);
	let stakes = by_stakes(deals);
	let mediators = by_mediators(deals / 4);
	let shipped = Setting::default();
	let tables = [providers, collusion, padding, stakes, mediators];
	let text = report::text(&shipped, where_it_stops(), &best, &tables);
	let svg = plot::svg(&[first, second, third]);
	std::fs::write(folder.join("simulation.md"), text).expect("the folder can be written");
	std::fs::write(folder.join("simulation.svg"), &svg).expect("the folder can be written");
	plot::png(&svg)
		.save_png(folder.join("simulation.png"))
		.expect("the folder can be written");
	println!("written to {}", folder.display());
}
