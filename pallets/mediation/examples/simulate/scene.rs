//! One point of the simulation: a chain with these parameters and actors, and what they earned in so many deals.

use crate::mock::*;
use frame_support::assert_ok;
use lilypad_primitives::{
	audit::{AuditRules, Stakes},
	terms::Amounts,
	Balance, DealId, MediationRules, Opening, Outcome, Pricing, Reason, Terms, Triple, Vote, LP,
};
use pallet_mediation::{Cases, Mediators, Parameters, Params, SeatState, Stage};
use sp_runtime::{FixedU128, Permill, Perquintill};

/// Mediators of one ticket each.
const CROWD: u64 = 60;
const FIRST: AccountId = 1_000;
/// What a run takes, in milliseconds: half of the time limit.
const RUN: u64 = LIMIT / 2;
/// Deals that are open at a time.
const BATCH: u32 = 4;

/// What a provider does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
	/// Runs the job.
	Honest,
	/// Invents a result, and claims the whole time limit.
	Forged,
	/// Runs the job, and claims the whole time limit.
	Padded,
}

impl Work {
	pub fn name(self) -> &'static str {
		match self {
			Work::Honest => "honest",
			Work::Forged => "forging",
			Work::Padded => "padding the bill",
		}
	}
}

/// What a mediator does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
	/// Runs the job, and votes for what it found.
	Honest,
	/// Runs nothing, and guesses.
	Lazy,
	/// Runs nothing, and repeats the first commitment that it sees.
	Copying,
	/// Votes for what the provider has sealed.
	Colluding,
}

impl Behaviour {
	pub fn name(self) -> &'static str {
		match self {
			Behaviour::Honest => "honest",
			Behaviour::Lazy => "lazy",
			Behaviour::Copying => "copying",
			Behaviour::Colluding => "colluding",
		}
	}
}

/// The parameters of one point.
pub struct Setting {
	/// What cheating is taken to save, in hundredths of the price: sets the probability of audits.
	pub saving: u32,
	/// Collateral by the cap.
	pub theta: u32,
	/// The largest panel.
	pub panel: u32,
	/// How the mediators that are not honest behave.
	pub others: Behaviour,
	/// Hundredths of the tickets that are theirs.
	pub share: u32,
	/// Whether every result is challenged.
	pub challenged: bool,
}

impl Default for Setting {
	fn default() -> Self {
		Self {
			saving: 80,
			theta: 10,
			panel: LARGEST,
			others: Behaviour::Honest,
			share: 0,
			challenged: false,
		}
	}
}

impl Setting {
	fn pricing(&self) -> Pricing {
		Pricing {
			collateral_factor: self.theta,
			largest_panel: self.panel,
			..PRICING
		}
	}

	fn audit(&self) -> AuditRules {
		AuditRules {
			saving: Permill::from_percent(self.saving),
			..RULES.audit
		}
	}

	fn terms(&self) -> Terms<AccountId> {
		let a = Amounts::new(&self.pricing(), LP, LIMIT, 0, 0).expect("in range");
		Terms {
			levy: a.levy,
			escrow: a.escrow,
			mediator_fee: a.mediator_fee,
			panel_fee: a.panel_fee,
			collateral: a.collateral,
			..terms()
		}
	}

	/// With which probability a result is audited.
	pub fn audit_probability(&self) -> f64 {
		let terms = self.terms();
		let stakes = Stakes {
			saving: FixedU128::from_rational(self.saving.into(), 100),
			usual: Perquintill::one(),
			runs: 4,
			panel_fees: FixedU128::from_rational(terms.panel_fee, terms.cap),
			theta: FixedU128::from_u32(self.theta),
		};
		stakes.audit_probability().deconstruct() as f64 / 1e18
	}

	/// What audits of right results cost on average, as a share of the cap.
	pub fn fees_per_levy(&self) -> f64 {
		let terms = self.terms();
		let fees = self.audit().expected_fees(terms.mediator_fee, self.panel);
		self.audit_probability() * fees as f64 / terms.cap as f64
	}
}

/// What came out, per deal or seat, in units of the cap.
#[derive(Default)]
pub struct Earned {
	/// The provider, per deal.
	pub provider: f64,
	/// Share of the disputed results that were overturned.
	pub caught: f64,
	/// An honest mediator, per seat.
	pub honest_seat: f64,
	/// One of the others, per seat.
	pub others_seat: f64,
	/// Share of the others' seats that were slashed.
	pub others_slashed: f64,
	/// All others together, per deal.
	pub others_total: f64,
}

#[derive(Default)]
struct Tally {
	seats: u32,
	income: f64,
	slashed: u32,
}

/// The simulation of one point.
struct Scene<'a> {
	setting: &'a Setting,
	work: Work,
	honest: Tally,
	others: Tally,
	disputed: u32,
}

fn in_caps(amount: Balance) -> f64 {
	amount as f64 / CAP as f64
}

fn wealth(who: AccountId) -> f64 {
	let account = System::account(who).data;
	in_caps(account.free + account.reserved)
}

/// Runs so many deals of a provider that works like this.
pub fn run(setting: &Setting, work: Work, deals: u32) -> Earned {
	new_test_ext().execute_with(|| {
		let mut scene = Scene {
			setting,
			work,
			honest: Tally::default(),
			others: Tally::default(),
			disputed: 0,
		};
		scene.prepare(deals);
		let before = wealth(PROVIDER);
		let mut left = deals;
		while left > 0 {
			let batch = left.min(BATCH);
			scene.batch(batch);
			left -= batch;
		}
		let cost = match work {
			Work::Forged => 0.0,
			Work::Honest | Work::Padded => 0.8 * RUN as f64 / LIMIT as f64,
		};
		let overturned = Endings::get()
			.iter()
			.filter(|(_, outcome)| matches!(outcome, Outcome::Overturned { .. }))
			.count();
		let per = |tally: &Tally| tally.income / f64::from(tally.seats.max(1));
		Earned {
			provider: (wealth(PROVIDER) - before) / f64::from(deals) - cost,
			caught: overturned as f64 / f64::from(scene.disputed.max(1)),
			honest_seat: per(&scene.honest),
			others_seat: per(&scene.others),
			others_slashed: f64::from(scene.others.slashed) / f64::from(scene.others.seats.max(1)),
			others_total: scene.others.income / f64::from(deals),
		}
	})
}

impl Scene<'_> {
	fn prepare(&self, deals: u32) {
		// The sweep leaves the bounds that governance is held to.
		Params::<Test>::put(Parameters {
			pricing: self.setting.pricing(),
			rules: MediationRules {
				audit: self.setting.audit(),
				overcharge_floor: 0,
				..RULES
			},
		});
		mint(POOL, 1_000_000 * CAP);
		mint(CREATOR, Balance::from(deals) * 100 * CAP);
		let bond = Balance::from(deals) * self.setting.terms().collateral;
		mint(PROVIDER, bond);
		assert_ok!(Deals::bond(signed(PROVIDER), bond));
		for who in FIRST..FIRST + CROWD {
			// Enough for a ticket lost now and then: the spare ones keep the number equal.
			mint(who, 64 * TICKET + LP);
			assert_ok!(Mediation::register(signed(who), capable(), 4));
		}
		next_era();
	}

	fn is_honest(&self, who: AccountId) -> bool {
		// Tickets are equal in number, so a share of the mediators is a share of the tickets.
		(who - FIRST) * 100 >= u64::from(self.setting.share) * CROWD
	}

	fn sealed(&self) -> Opening {
		let (root, usage) = match self.work {
			Work::Honest => (1, RUN),
			Work::Forged => (66, LIMIT),
			Work::Padded => (1, LIMIT),
		};
		Opening {
			usage,
			..opening(root)
		}
	}

	fn batch(&mut self, deals: u32) {
		let sealed = self.sealed();
		let ids: Vec<DealId> = (0..deals).map(|_| matched_with(self.setting.terms())).collect();
		for id in &ids {
			assert_ok!(Deals::acknowledge(signed(PROVIDER), *id));
		}
		// The limit, at two seconds a block.
		pass((LIMIT / 2_000) as u32);
		for id in &ids {
			assert_ok!(Deals::submit(signed(PROVIDER), *id, sealed.seal(*id)));
		}
		pass(DRAW + 1);
		for id in &ids {
			if self.setting.challenged {
				assert_ok!(Deals::challenge(signed(CREATOR), *id, Reason::WrongResult));
			} else if Deals::is_drawn(*id) == Some(true) {
				assert_ok!(Deals::audit(signed(OTHER), *id));
			} else {
				assert_ok!(Deals::accept(signed(CREATOR), *id, sealed));
				continue;
			}
			self.disputed += 1;
		}
		for id in ids {
			while Cases::<Test>::contains_key(id) {
				self.round(id, sealed);
			}
			// Without enough honest votes it may have been dropped.
			if pallet_deals::Deals::<Test>::contains_key(id) {
				assert_ok!(Deals::accept(signed(CREATOR), id, sealed));
			}
		}
		self.mend();
	}

	/// Lost tickets are bought again, so that every draw is from the same shares.
	fn mend(&self) {
		for who in FIRST..FIRST + CROWD {
			let mediator = Mediators::<Test>::get(who).expect("registered");
			if mediator.tickets.len() < 4 {
				let missing = 4 - mediator.tickets.len() as u32;
				let _may_be_poor = Mediation::add_tickets(signed(who), missing);
			}
		}
	}

	/// One panel: drawn, committed, revealed.
	fn round(&mut self, id: DealId, sealed: Opening) {
		let case = Cases::<Test>::get(id).expect("open");
		let Stage::Drawing { draw_at, draw_by, .. } = case.stage else {
			panic!("a round begins with a draw");
		};
		if System::block_number() > draw_by {
			assert_ok!(Mediation::expire(signed(OTHER), id));
			return;
		}
		go_to(draw_at.max(System::block_number()));
		assert_ok!(Mediation::draw(signed(OTHER), id));
		let Some(case) = Cases::<Test>::get(id) else {
			return;
		};
		let panel: Vec<AccountId> = case
			.panel()
			.filter(|seat| seat.state == SeatState::Drawn)
			.map(|seat| seat.mediator)
			.collect();
		let before: Vec<f64> = panel.iter().map(|who| wealth(*who)).collect();
		let mut first = None;
		for who in &panel {
			let vote = self.vote(*who, sealed.triple);
			let own = vote.commitment(id, case.round, who, &[*who as u8; 32]);
			let copies = !self.is_honest(*who) && self.setting.others == Behaviour::Copying;
			let commitment = if copies { first.unwrap_or(own) } else { own };
			first = first.or(Some(commitment));
			assert_ok!(Mediation::commit_vote(signed(*who), id, commitment));
		}
		if matches!(
			Cases::<Test>::get(id).map(|case| case.stage),
			Some(Stage::Revealing { .. })
		) {
			let _may_be_open = Deals::reveal(signed(PROVIDER), id, sealed);
		}
		for who in &panel {
			let vote = self.vote(*who, sealed.triple);
			let _can_not_open_a_copy = Mediation::reveal_vote(signed(*who), id, vote, [*who as u8; 32]);
		}
		if matches!(
			Cases::<Test>::get(id).map(|case| case.stage),
			Some(Stage::Revealing { .. })
		) {
			pass(REVEAL + 1);
			assert_ok!(Mediation::expire(signed(OTHER), id));
		}
		// Who votes in a round that escalates is paid later, so the rest of the case is played before the sums are made.
		while Cases::<Test>::contains_key(id) {
			self.round(id, sealed);
		}
		for (who, before) in panel.into_iter().zip(before) {
			let change = wealth(who) - before;
			let honest = self.is_honest(who);
			let cost = if honest {
				0.8 * RUN as f64 / LIMIT as f64
			} else {
				0.0
			};
			let tally = if honest {
				&mut self.honest
			} else {
				&mut self.others
			};
			tally.seats += 1;
			tally.income += change - cost;
			tally.slashed += u32::from(change < 0.0);
		}
	}

	fn vote(&self, who: AccountId, sealed: Triple) -> Vote {
		let found = if self.is_honest(who) {
			triple(1)
		} else {
			match self.setting.others {
				Behaviour::Honest => triple(1),
				Behaviour::Colluding => sealed,
				// Everybody guesses something else.
				Behaviour::Lazy | Behaviour::Copying => triple(100 + (who % 100) as u8),
			}
		};
		Vote {
			triple: Some(found),
			usage: RUN,
			..vote(1)
		}
	}
}
