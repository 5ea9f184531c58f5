//! What each strategy earns: an agent-based simulation on the pallets themselves.
//!
//! Providers who are honest, forge results or pad their bills meet mediators who are honest, lazy, copy, or collude with the
//! forgers; pairs deal with themselves, creators lay baits, and validators withhold blocks. Everything that moves is moved by `pallet-deals` and `pallet-mediation`; the simulation only decides what each
//! actor does, and charges for the runs.
//!
//! `make simulate` writes `docs/simulation.md`, and its charts as SVG and PNG. It fails when honesty is not the best reply at the
//! shipped parameters.
#![allow(clippy::unwrap_used, missing_docs)]

// The tests' mock has more than the simulation needs.
mod bait;
mod checks;
mod grind;
#[allow(dead_code, unused_imports)]
#[path = "../../src/mock.rs"]
mod mock;
mod plot;
mod report;
mod scene;
mod setting;
mod sybil;

use plot::{Line, Plot};
use report::{share, units, BestPadding, Stops, Table};
use scene::run;
use setting::{Behaviour, Creator, Setting, Work, CROWD, LEAGUE};
use std::path::PathBuf;
use sybil::Pair;

/// A setting in which so many mediators are in league with the provider.
fn league(share: u32) -> Setting {
	Setting {
		others: Behaviour::Colluding,
		share,
		..Setting::default()
	}
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
			let earned = run(setting, *work, deals).league();
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
				units(run(&alone, Work::Forged, 20).provider),
				units(run(&setting, Work::Forged, 4 * deals).league()),
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
			units(forged.league()),
			units(honest.league()),
			units(forged.honest_seat),
			units(forged.others_seat),
		]);
		lines[0].add(100.0 * part, forged.league());
		lines[1].add(100.0 * part, honest.league());
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
				creator: Creator::Challenges,
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

/// Mediators who find nothing first, and repeat what is public later. The lines: what they gain by it, and what the pool loses.
fn by_idlers(deals: u32) -> (Table, [Line; 2]) {
	let mut lines = [Line::new("gain"), Line::new("the pool's loss")];
	let audits = Setting::default().audit_probability();
	let rows = [0, 2, 4, 6, 9, 12, LEAGUE, 30].map(|tickets| {
		let of = |others| {
			let setting = Setting {
				others,
				share: tickets,
				..Setting::default()
			};
			run(&setting, Work::Honest, deals)
		};
		let (honest, idle) = (of(Behaviour::Honest), of(Behaviour::Idling));
		let part = f64::from(tickets) / f64::from(CROWD);
		lines[0].add(100.0 * part, idle.others_total - honest.others_total);
		lines[1].add(100.0 * part, -idle.pool);
		vec![
			share(part),
			units(honest.others_total / audits),
			units(idle.others_total / audits),
			units(honest.pool),
			units(idle.pool),
		]
	});
	let table = Table {
		title: "Mediators who find nothing",
		text: "An audit's first mediator says that it found nothing, without a run, if it is one of these; so three are asked, and who of them is one \
			of these repeats the provider's answer, which is public by then. Results are honest. Income of all of them together per audit, if \
			they are honest and if they do this, and what a deal leaves the audit pool.",
		head: vec!["tickets", "honest", "finding nothing", "pool: honest", "pool: finding nothing"],
		rows: rows.into(),
	};
	(table, lines)
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

/// The other actors, by what may be changed about audits. `settings`: each with the words that it begins its row with.
fn of_the_others(settings: Vec<(Vec<String>, Setting)>, deals: u32) -> Vec<Vec<String>> {
	let row = |(mut row, setting): (Vec<String>, Setting)| {
		let pair = |kind| units(sybil::pair(setting, kind, LEAGUE, deals).one_person());
		let alone = Setting { slots: 33, ..setting };
		row.extend([Pair::Idle, Pair::Milking, Pair::Random].map(pair));
		row.push(units(bait::gain(setting, bait::Bait::Framing, LEAGUE, deals)));
		row.push(units(grind::forging(&alone, 10 * deals, deals / 10).1));
		row
	};
	settings.into_iter().map(row).collect()
}

const OTHERS: [&str; 5] = [
	"pair: idle jobs",
	"pair: more panels",
	"pair: not deterministic",
	"framing",
	"forging with a third of the slots",
];

/// The other actors, by the probability of an audit.
fn others_by_probability(deals: u32) -> Table {
	let settings = [0, 20, 40, 60, 80, 100].map(|saving| {
		let setting = Setting {
			saving,
			..Setting::default()
		};
		(vec![share(setting.audit_probability())], setting)
	});
	Table {
		title: "Pairs, baits and validators, by the probability of an audit",
		text: "Pairs that deal with themselves and a creator who frames an honest provider have a third of the tickets, the forger has none and a \
			third of the slots. Income per deal, for framing the gain over accepting. The levy is the shipped one.",
		head: std::iter::once("audited").chain(OTHERS).collect(),
		rows: of_the_others(settings.into(), deals),
	}
}

/// The other actors, by collateral and panel.
fn others_by_stakes(deals: u32) -> Table {
	let points = [5, 10, 20, 30, 50]
		.into_iter()
		.flat_map(|theta| [3, 7, 15].map(|panel| (theta, panel)));
	let settings = points.map(|(theta, panel)| {
		let setting = Setting {
			theta,
			panel,
			..Setting::default()
		}
		.with_levy_needed();
		(vec![theta.to_string(), panel.to_string()], setting)
	});
	Table {
		title: "Pairs, baits and validators, by collateral and largest panel",
		text: "The same actors, with the probability of an audit that the formula gives, and the least levy that pays for it.",
		head: ["θ", "largest panel"].into_iter().chain(OTHERS).collect(),
		rows: of_the_others(settings.collect(), deals),
	}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
	let mut args = std::env::args().skip(1);
	let folder = PathBuf::from(args.next().unwrap_or_else(|| "docs".into()));
	let deals: u32 = match args.next() {
		Some(text) => text
			.parse()
			.map_err(|_| format!("write how many deals, not {text:?}"))?,
		None => 400,
	};
	println!("{deals} audited deals for each point");
	checks::all(4 * deals);
	let (providers, first) = by_probability(4 * deals);
	let (collusion, second) = by_collusion(4 * deals);
	let (padding, third, best) = by_padding(deals);
	let stakes = by_stakes(deals);
	let mediators = by_mediators(deals / 4);
	let (idlers, [gain, loss]) = by_idlers(4 * deals);
	let (pairs, fourth) = sybil::by_tickets(deals);
	let (framing, fifth) = bait::by_tickets(4 * deals);
	let (validators, sixth) = grind::by_slots(league(0), deals);
	let shipped = Setting::default();
	let honest = [0, LEAGUE].map(|tickets| run(&league(tickets), Work::Honest, deals).league());
	let timed = Setting {
		slots: 1,
		timed: true,
		..Setting::default()
	};
	let stops = Stops {
		forging: where_it_stops(),
		milking: fourth.lines()[1].rises_above(0.0),
		idling: gain.rises_above(0.0),
		draining: loss.rises_above(0.0),
		framing: fifth.lines()[1].rises_above(0.0),
		slots: [0, 1].map(|nth| sixth.lines()[nth].rises_above(honest[nth])),
		timed: grind::forging(&timed, 20 * deals, 20).1,
	};
	let tables = [
		providers,
		collusion,
		padding,
		stakes,
		mediators,
		idlers,
		pairs,
		sybil::score(),
		bait::table(deals),
		framing,
		bait::reputation(),
		validators,
		others_by_probability(deals / 2),
		others_by_stakes(deals / 2),
	];
	let text = report::text(&shipped, &stops, &best, &tables)?;
	let svg = plot::svg(&[first, second, third, fourth, fifth, sixth])?;
	std::fs::write(folder.join("simulation.md"), text)?;
	std::fs::write(folder.join("simulation.svg"), &svg)?;
	plot::png(&svg).save_png(folder.join("simulation.png"))?;
	println!("written to {}", folder.display());
	Ok(())
}
