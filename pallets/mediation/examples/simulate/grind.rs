//! Validators who withhold a block when they don't like the draw that it brings.
//!
//! Only the last block of a draw's window is withheld: its author alone knows the draw before everybody else. Whoever has the next
//! slot makes the block instead, and if that is one of the league again, it chooses again.

use crate::{
	mock::*,
	plot::{Line, Plot},
	report::{share, units, Table},
	scene::{run_with, uniform, Scene},
	setting::{Setting, Work, LEAGUE},
};
use frame_support::{
	assert_ok,
	storage::{with_transaction, TransactionOutcome},
};
use lilypad_primitives::{BlockNumber, DealId};
use pallet_mediation::{Cases, Params};
use sp_runtime::DispatchError;
use std::collections::BTreeMap;

/// Of a hundred slots that fall to a validator in its turn, which everybody knows beforehand, those that nobody else wins by lot:
/// what `PRIMARY_PROBABILITY` leaves.
const TURNS: u32 = 75;

/// What would be if nothing of it remained.
fn foresee<R>(look: impl FnOnce() -> R) -> R {
	with_transaction(|| TransactionOutcome::Rollback(Ok::<R, DispatchError>(look())))
		.expect("transactions are not nested deeply")
}

/// Makes the blocks before `draw_at` whose author is in the league such that the draw is not bad, as far as it can. `first`: of a
/// hundred, how often the last of them falls to it.
fn withhold(setting: &Setting, first: u32, draw_at: BlockNumber, is_bad: impl Fn() -> bool) {
	let last = draw_at - 1;
	if setting.slots == 0 || System::block_number() > last {
		return;
	}
	let mut slots = first;
	for attempt in 0u64.. {
		let author = uniform(&[Salt::get(), last.into(), attempt, 3]);
		let is_ours = author < f64::from(slots) / 100.0;
		let foreseen_bad = || {
			foresee(|| {
				go_to(draw_at);
				is_bad()
			})
		};
		if !is_ours || !foreseen_bad() {
			return;
		}
		Withheld::mutate(|blocks| *blocks.entry(last).or_default() += 1);
		slots = setting.slots;
	}
}

/// The draw of a panel: bad, if honest mediators can decide.
pub fn panel(scene: &Scene<'_>, id: DealId, draw_at: BlockNumber) {
	if scene.setting.share == 0 {
		return;
	}
	withhold(scene.setting, scene.setting.slots, draw_at, || {
		assert_ok!(Mediation::draw(signed(OTHER), id));
		Cases::<Test>::get(id).is_some_and(|case| {
			let panel: Vec<_> = case.panel().map(|seat| seat.mediator).collect();
			let honest = panel.iter().filter(|who| scene.is_honest(**who)).count();
			2 * honest > panel.len()
		})
	});
}

/// The share of so many results that are audited although validators in league with their provider withhold blocks.
pub fn audited(setting: &Setting, results: u32) -> f64 {
	new_test_ext().execute_with(|| {
		let scene = Scene::new(setting, Work::Forged, false);
		scene.prepare(1);
		Params::<Test>::put(setting.parameters(None));
		let first = if setting.timed { TURNS } else { setting.slots };
		let drawn = (0..results).filter(|nth| {
			// Another history each time.
			Salt::set((*nth).into());
			Withheld::set(BTreeMap::new());
			foresee(|| {
				let id = scene.acknowledged();
				assert_ok!(Deals::submit(signed(PROVIDER), id, scene.sealed(id).seal(id)));
				let draw_at = System::block_number() + DRAW + 1;
				let is_drawn = || Deals::is_drawn(id) == Some(true);
				withhold(setting, first, draw_at, is_drawn);
				go_to(draw_at);
				is_drawn()
			})
		});
		drawn.count() as f64 / f64::from(results)
	})
}

/// What forging earns with validators who withhold blocks, and the share of the results that is audited. `results`: of how many that
/// share is found out; `deals`: how many of the audited ones are played.
pub fn forging(setting: &Setting, results: u32, deals: u32) -> (f64, f64) {
	let probability = if setting.slots == 0 {
		setting.audit_probability()
	} else {
		audited(setting, results)
	};
	let earned = run_with(setting, Work::Forged, deals, probability);
	(probability, earned.league())
}

/// What forging earns, by the slots of those in league with it.
pub fn by_slots(league: Setting, deals: u32) -> (Table, Plot) {
	let mut lines = [
		Line::new("alone"),
		Line::new("with a third of the tickets"),
		Line::new("alone, at a chosen moment"),
		Line::new("with a third of the tickets, at a chosen moment"),
	];
	let mut rows = vec![];
	for slots in [0, 1, 5, 10, 20, 33, 50, 67, 75] {
		let mut row = vec![format!("{slots} %")];
		for (nth, line) in lines.iter_mut().enumerate() {
			let setting = Setting {
				slots,
				timed: nth >= 2,
				share: if nth % 2 == 0 { 0 } else { LEAGUE },
				..league
			};
			// The panels of a league are drawn well or badly, those of honest mediators are alike.
			let played = if setting.share == 0 { 20 } else { 4 * deals };
			let (probability, earned) = forging(&setting, 20 * deals, played);
			if nth % 2 == 0 {
				row.push(share(probability));
			}
			row.push(units(earned));
			line.add(f64::from(slots), earned);
		}
		rows.push(row);
	}
	let table = Table {
		title: "Validators who withhold blocks",
		text: "A forger is in league with validators who have a share of the slots: whoever of them would make the last block of a draw's window \
			and does not like the draw leaves the slot out. *At a chosen moment*: it submits when the window will end with one of their turns, \
			which three times out of four nobody else wins by lot. Income per deal; honest service earns +0.100, and +0.112 with a third of the \
			tickets. Panels are drawn under the same influence.",
		head: vec![
			"slots",
			"audited",
			"forging alone",
			"with a third of the tickets",
			"audited at a chosen moment",
			"forging alone then",
			"with a third of the tickets then",
		],
		rows,
	};
	let plot = Plot::new(
		"share of the slots in league, %",
		"income of the forger's league per deal, in caps",
		lines.into(),
	);
	(table, plot)
}
