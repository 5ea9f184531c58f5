//! Creator, provider and author who are one person, with or without mediators of its own.

use crate::{
	mock::*,
	plot::{Line, Plot},
	report::{share, units, Table},
	scene::{run, Earned, Scene},
	setting::{Behaviour, Creator, Module, Setting, Work, CROWD, LEAGUE},
};
use lilypad_primitives::{traits::Scores, LP};
use sp_runtime::Permill;

/// What such a person does with its own deals.
#[derive(Clone, Copy)]
pub enum Pair {
	/// Lets jobs idle that cost nothing, and confirms them where its mediators are asked.
	Idle,
	/// The same, with mediators who have more panels called where that pays.
	Milking,
	/// Uses a module that gives something else in every run.
	Random,
	/// Never submits anything.
	TimedOut,
	/// Challenges its own results.
	Challenged,
}

pub const PAIRS: [(&str, Pair); 5] = [
	("idle jobs", Pair::Idle),
	("idle jobs, more panels", Pair::Milking),
	("not deterministic", Pair::Random),
	("timing out", Pair::TimedOut),
	("challenging itself", Pair::Challenged),
];

/// What it earns per deal. The deals are expensive: what is fixed (an author's bond, a ticket's slash) is small beside their caps.
pub fn pair(setting: Setting, pair: Pair, tickets: u32, deals: u32) -> Earned {
	let setting = Setting {
		rate: 100 * LP,
		share: tickets,
		others: Behaviour::Colluding,
		..setting
	};
	let (setting, work) = match pair {
		Pair::Idle => (setting, Work::Idle),
		Pair::Milking => (
			Setting {
				others: Behaviour::Milking,
				..setting
			},
			Work::Idle,
		),
		Pair::Random => (
			Setting {
				others: Behaviour::Honest,
				module: Module::Random,
				..setting
			},
			Work::Idle,
		),
		Pair::TimedOut => (setting, Work::Silent),
		Pair::Challenged => (
			Setting {
				creator: Creator::Challenges,
				..setting
			},
			Work::Idle,
		),
	};
	run(&setting, work, deals)
}

/// What pairs earn, by the tickets that are theirs.
pub fn by_tickets(deals: u32) -> (Table, Plot) {
	let mut lines = [0, 1, 2, 4].map(|nth| Line::new(PAIRS[nth].0));
	let rows = [0, 6, 12, LEAGUE, 24, 30, 36, 48, CROWD].map(|tickets| {
		let part = f64::from(tickets) / f64::from(CROWD);
		let earned = PAIRS.map(|(_, kind)| pair(Setting::default(), kind, tickets, deals));
		for (line, nth) in lines.iter_mut().zip([0, 1, 2, 4]) {
			line.add(100.0 * part, earned[nth].one_person());
		}
		let mut row = vec![share(part)];
		row.extend(earned.iter().map(|earned| units(earned.one_person())));
		row.extend([1, 2].map(|nth| units(earned[nth].pool)));
		row
	});
	let table = Table {
		title: "Pairs that deal with themselves",
		text: "Creator, provider and author are one person, who has a share of the tickets besides. Its income per deal, all accounts together; \
			doing nothing is 0. Its jobs idle through their limit and cost it nothing. *More panels*: its mediators find nothing, or too \
			little memory, wherever another panel brings them more votes. *Not deterministic*: every run of its module differs. The last two \
			columns are what a deal of these two kinds brings the audit pool. The deals are expensive (1,000 LP), so that an author's bond \
			(10 LP) and a ticket's slash (5 LP) weigh little.",
		head: std::iter::once("tickets")
			.chain(PAIRS.map(|(name, _)| name))
			.chain(["pool: more panels", "pool: not deterministic"])
			.collect(),
		rows: rows.into(),
	};
	let plot = Plot::new(
		"share of the tickets that are the pair's, %",
		"the pair's income per deal, in caps",
		lines.into(),
	);
	(table, plot)
}

/// What a score costs that a provider makes by dealing with itself.
pub fn score() -> Table {
	let setting = Setting::default();
	let mut rows = vec![];
	new_test_ext().execute_with(|| {
		let mut scene = Scene::new(&setting, Work::Idle, false);
		scene.prepare(400);
		let people = || scene_wealth(&[PROVIDER, CREATOR]);
		let before = people();
		let (mut deals, mut wanted) = (0u32, [60, 70, 80, 90, 95].into_iter().peekable());
		while let Some(percent) = wanted.peek().copied() {
			while <Deals as Scores<_>>::score(&PROVIDER) < Permill::from_percent(percent) {
				scene.deal();
				deals += 1;
			}
			rows.push(vec![
				format!("{percent} %"),
				format!("{deals}0"),
				format!("{:.1}", before - people()),
			]);
			wanted.next();
		}
	});
	Table {
		title: "A score that is bought",
		text: "Turnover in deals of 10 LP with itself by which a new provider comes to a score (a newcomer has 50 %), and what that costs, in LP: \
			the levies. No run is needed; an honest provider comes there by as much turnover with others. Fees of transactions are not \
			counted.",
		head: vec!["score", "turnover, LP", "cost, LP"],
		rows,
	}
}

/// What these accounts have, in LP.
fn scene_wealth(people: &[AccountId]) -> f64 {
	let all = people.iter().map(|who| {
		let account = System::account(who).data;
		account.free + account.reserved
	});
	all.sum::<u128>() as f64 / LP as f64
}
