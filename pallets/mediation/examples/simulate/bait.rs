//! Baits: providers who are honest until it pays, and creators whose jobs are there to be failed.

use crate::{
	mock::*,
	plot::{Line, Plot},
	report::{share, units, Table},
	scene::{run, Earned, Scene},
	setting::{Behaviour, Creator, Module, Setting, Work, CROWD, LEAGUE},
};
use lilypad_primitives::traits::Scores;

/// What a creator tries.
#[derive(Clone, Copy)]
pub enum Bait {
	/// Challenges a right result.
	FalseChallenge,
	/// Posts a job that never ends.
	Endless,
	/// Posts a job whose module, its own, gives something else in every run, and challenges the result.
	Random,
	/// Challenges a right result, and has mediators who vote against it where they decide.
	Framing,
	/// Posts a job whose module gives something else in so many of a hundred runs, and challenges what is unusual.
	Coin(u32),
	/// Posts a job whose module gives something else after a moment that it chose, and challenges what the provider found before.
	Clock,
}

/// What comes of it. `tickets`: those of its mediators, if it has some.
pub fn bait(setting: Setting, bait: Bait, tickets: u32, deals: u32) -> Earned {
	let (creator, module, others) = match bait {
		Bait::FalseChallenge => (Creator::Challenges, Module::Deterministic, Behaviour::Honest),
		Bait::Endless => (Creator::Challenges, Module::Endless, Behaviour::Honest),
		Bait::Random => (Creator::Challenges, Module::Random, Behaviour::Honest),
		Bait::Framing => (Creator::Challenges, Module::Deterministic, Behaviour::Framing),
		Bait::Coin(percent) => (
			Creator::ChallengesUnusual,
			Module::Coin(percent),
			Behaviour::Honest,
		),
		Bait::Clock => (Creator::Challenges, Module::Clock, Behaviour::Honest),
	};
	let setting = Setting {
		creator,
		module,
		others,
		share: tickets,
		..setting
	};
	run(&setting, Work::Honest, deals)
}

/// What an honest creator pays for the same job, which is what it is worth to it.
fn honest(setting: Setting) -> Earned {
	run(&setting, Work::Honest, 1)
}

/// What a bait earns a creator, its module's author and its mediators over accepting an honest result.
pub fn gain(setting: Setting, kind: Bait, tickets: u32, deals: u32) -> f64 {
	let earned = bait(setting, kind, tickets, deals);
	earned.creator + earned.author + earned.others_total - honest(setting).creator
}

/// What each bait earns.
pub fn table(deals: u32) -> Table {
	let baits = [
		("a right result is challenged", Bait::FalseChallenge, 0),
		(
			"the job never ends, and its result is challenged",
			Bait::Endless,
			0,
		),
		(
			"the module is a random number, and its result is challenged",
			Bait::Random,
			0,
		),
		(
			"a right result is challenged, with a third of the tickets",
			Bait::Framing,
			LEAGUE,
		),
		("a coin: one run in ten differs", Bait::Coin(10), 0),
		("a coin: one run in four differs", Bait::Coin(25), 0),
		(
			"a clock: whoever runs it later finds something else",
			Bait::Clock,
			0,
		),
	];
	let setting = Setting::default();
	let rows = baits.map(|(name, kind, tickets)| {
		let earned = bait(setting, kind, tickets, deals);
		vec![
			name.into(),
			units(earned.creator + earned.author + earned.others_total - honest(setting).creator),
			units(earned.provider),
			share(earned.caught),
		]
	});
	Table {
		title: "Baits for providers",
		text: "What a creator gains, with author and mediators who are in league with it, over one who accepts the same result; and what the \
			provider earns, who is honest in all rows (+0.100 when it is left alone). *Overturned* is the share of the disputed results that \
			are. A run takes half of the limit; deals of 10 LP.",
		head: vec!["bait", "creator's gain", "provider", "overturned"],
		rows: rows.into(),
	}
}

/// What framing earns, by the tickets of those who frame.
pub fn by_tickets(deals: u32) -> (Table, Plot) {
	let mut lines = [
		Line::new("runs of half the limit"),
		Line::new("runs of the whole limit"),
	];
	let rows = [0, 6, 12, 18, LEAGUE, 22, 24, 30].map(|tickets| {
		let part = f64::from(tickets) / f64::from(CROWD);
		let mut row = vec![share(part)];
		for (line, run) in lines.iter_mut().zip([LIMIT / 2, LIMIT]) {
			let setting = Setting {
				run,
				..Setting::default()
			};
			let earned = gain(setting, Bait::Framing, tickets, deals);
			line.add(100.0 * part, earned);
			row.push(units(earned));
		}
		row
	});
	let table = Table {
		title: "Framing an honest provider",
		text: "A creator challenges every right result, and a share of the mediators votes against it where that wins and honestly where it does \
			not. What all of them together gain per deal over accepting it, by what a run takes: where they win it is paid back to them, and \
			where they don't it is what their votes cost.",
		head: vec!["tickets", "half the limit", "the whole limit"],
		rows: rows.into(),
	};
	let plot = Plot::new(
		"share of the tickets that frame, %",
		"the league's gain per deal, in caps",
		lines.into(),
	);
	(table, plot)
}

/// What is to be had by serving so many deals honestly, and forging one that is so many times as expensive.
pub struct Strike {
	/// The score when it strikes.
	pub score: f64,
	/// What the one forged deal earns, in its caps.
	pub earned: f64,
	/// The score if it is caught.
	pub after: f64,
}

pub fn strike(served: u32, times: u32) -> Strike {
	let usual = Setting::default();
	let dear = Setting {
		rate: Setting::default().rate * u128::from(times),
		..usual
	};
	let play = |audited: bool| {
		new_test_ext().execute_with(|| {
			let mut scene = Scene::new(&usual, Work::Honest, false);
			scene.prepare(served.max(1));
			for _ in 0..served {
				scene.deal();
			}
			let score = || f64::from(<Deals as Scores<_>>::score(&PROVIDER).deconstruct()) / 1e6;
			let reached = score();
			let mut scene = Scene::new(&dear, Work::Forged, audited);
			scene.fund(1);
			let before = scene.wealth(PROVIDER);
			scene.deal();
			(reached, scene.wealth(PROVIDER) - before, score())
		})
	};
	let (drawn, passed) = (play(true), play(false));
	let p = dear.audit_probability();
	Strike {
		score: drawn.0,
		earned: p * drawn.1 + (1.0 - p) * passed.1,
		after: drawn.2,
	}
}

/// What a reputation is worth to a forger.
pub fn reputation() -> Table {
	let mut rows = vec![];
	for served in [0, 10, 50, 200] {
		for times in [1, 10, 100] {
			let Strike { score, earned, after } = strike(served, times);
			rows.push(vec![
				format!("{served}"),
				format!("{}0", times),
				share(score),
				units(earned),
				share(after),
			]);
		}
	}
	Table {
		title: "Honest until it pays",
		text: "A provider serves so many deals of 10 LP honestly, and then forges one expensive result. Income is that of the forged deal, in its own \
			caps; honest service of it would earn +0.100. The last column is the score of those who are caught.",
		head: vec!["deals served", "forged deal, LP", "score", "income", "score when caught"],
		rows,
	}
}
