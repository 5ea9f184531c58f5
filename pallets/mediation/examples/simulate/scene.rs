//! One point of the simulation: a chain with these parameters and actors, and what they earned in so many deals.

use crate::mock::*;
use frame_support::assert_ok;
use lilypad_primitives::{
	audit::{AuditRules, Stakes},
	terms::Amounts,
	Balance, DealId, MediationRules, Millis, Opening, Outcome, Pricing, Reason, Terms, Triple, Vote, LP,
};
use pallet_mediation::{Cases, Mediators, Parameters, Params, SeatState, Stage};
use sp_runtime::{FixedU128, Permill, Perquintill};

/// Mediators of one ticket each.
pub const CROWD: u32 = 60;
const FIRST: AccountId = 1_000;
/// Deals that are open at a time.
const BATCH: u32 = 4;
/// What a run costs whoever does it, by its price.
const COST: f64 = 0.8;

/// What a provider does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Work {
	/// Runs the job.
	Honest,
	/// Invents a result, and claims the whole time limit.
	Forged,
	/// Runs the job, and claims so many hundredths of the time that it took.
	Padded(u32),
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
	/// Runs nothing, and votes for what the provider has sealed.
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

/// The parameters of one point. By default what the runtime ships (`MarketPricing`, `DefaultMediationRules`), among honest
/// people with equal machines.
#[derive(Clone, Copy)]
pub struct Setting {
	/// What cheating is taken to save, in hundredths of the price.
	pub saving: u32,
	/// Tickets of [`CROWD`] that may be in league with a cheat whom audits must deter.
	pub deterred: u32,
	/// Collateral by the cap.
	pub theta: u32,
	/// The largest panel.
	pub panel: u32,
	/// How the mediators that are not honest behave.
	pub others: Behaviour,
	/// Tickets of [`CROWD`] that are theirs.
	pub share: u32,
	/// Whether every result is challenged.
	pub challenged: bool,
	/// What a run takes, in milliseconds.
	pub run: Millis,
	/// By how many hundredths run times differ from machine to machine: standard deviation of their logarithm.
	pub noise: u32,
}

impl Default for Setting {
	fn default() -> Self {
		Self {
			saving: 100,
			deterred: CROWD / 3,
			theta: 20,
			panel: 7,
			others: Behaviour::Honest,
			share: 0,
			challenged: false,
			run: LIMIT / 2,
			noise: 0,
		}
	}
}

/// A claim is too high above this many hundredths of the median: what the runtime ships.
pub const OVERCHARGE_PERCENT: u32 = 150;

impl Setting {
	fn pricing(&self) -> Pricing {
		Pricing {
			collateral_factor: self.theta,
			largest_panel: self.panel,
			..PRICING
		}
	}

	/// The audit rules of these parameters.
	fn audit(&self) -> AuditRules {
		AuditRules {
			saving: Permill::from_percent(self.saving),
			usual: Perquintill::one(),
			escalates: Permill::from_percent(1),
			colluding: Permill::from_rational(self.deterred, CROWD),
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

	fn stakes(&self) -> Stakes {
		let terms = self.terms();
		Stakes {
			saving: FixedU128::from_rational(self.saving.into(), 100),
			usual: Perquintill::one(),
			runs: 4,
			panel_fees: FixedU128::from_rational(terms.panel_fee, terms.cap),
			theta: FixedU128::from_u32(self.theta),
			colluding: Permill::from_rational(self.deterred, CROWD),
			vote_fee: FixedU128::from_rational(terms.mediator_fee, terms.cap),
		}
	}

	/// With which probability a result is audited.
	pub fn audit_probability(&self) -> f64 {
		self.stakes().audit_probability().deconstruct() as f64 / 1e18
	}

	/// What audits of right results cost on average, as a share of the cap: the levy must be above it.
	pub fn fees_per_levy(&self) -> f64 {
		let terms = self.terms();
		let fees = self.audit().expected_fees(terms.mediator_fee, self.panel);
		self.audit_probability() * fees as f64 / terms.cap as f64
	}

	/// Runs for audits of right results, as a share of all runs.
	pub fn overhead(&self) -> f64 {
		let votes = self.audit().expected_fees(1_000_000, self.panel) as f64 / 1e6;
		let audits = self.audit_probability() * votes;
		audits / (1.0 + audits)
	}

	/// What a league of a forger and a share of the tickets gains over the same league with an honest provider, per deal and by the
	/// formula: positive where forging pays.
	pub fn temptation(&self, colluding: f64) -> f64 {
		let p = self.audit_probability();
		let q = colluding;
		let caught = (1.0 - q).powi(3) * (1.0 + 2.0 * q);
		let won = (1.0 - q) * (6.0 * q.powi(2) - 3.0 * q.powi(3));
		let terms = self.terms();
		let (cap, vote) = (terms.cap as f64, terms.mediator_fee as f64);
		let margin = (1.0 - COST) * self.run as f64 / LIMIT as f64;
		1.0 - p * caught * (1.0 + terms.collateral as f64 / cap) + p * won * vote / cap - margin
	}
}

/// What came out, per deal or seat, in units of the cap.
#[derive(Clone, Copy, Default)]
pub struct Earned {
	/// The provider, per deal.
	pub provider: f64,
	/// Share of the disputed results that were overturned.
	pub caught: f64,
	/// Share of the disputed results that were found overcharged.
	pub overcharged: f64,
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
	/// Whether the draw falls on every deal, or on none.
	audited: bool,
	honest: Tally,
	others: Tally,
	disputed: u32,
	/// What the provider's runs have cost it.
	cost: f64,
}

fn in_caps(amount: Balance) -> f64 {
	amount as f64 / CAP as f64
}

fn wealth(who: AccountId) -> f64 {
	let account = System::account(who).data;
	in_caps(account.free + account.reserved)
}

/// A number of the standard normal distribution, the same each time.
fn normal(deal: DealId, who: AccountId) -> f64 {
	let hash = sp_io::hashing::blake2_256(&[deal.0.to_le_bytes(), who.to_le_bytes()].concat());
	let uniform = |at: usize| {
		let mut bytes = [0; 8];
		bytes.copy_from_slice(&hash[at..at + 8]);
		(u64::from_le_bytes(bytes) as f64 + 1.0) / (u64::MAX as f64 + 2.0)
	};
	(-2.0 * uniform(0).ln()).sqrt() * (std::f64::consts::TAU * uniform(8)).cos()
}

/// What so many deals bring on average, with as many audits as there should be. Deals that are audited and deals that are not are
/// played apart and weighed: to leave it to chance would take a hundred times as many.
pub fn run(setting: &Setting, work: Work, deals: u32) -> Earned {
	let drawn = play(setting, work, true, deals);
	if setting.challenged {
		return drawn;
	}
	let p = setting.audit_probability();
	let passed = play(setting, work, false, deals);
	Earned {
		provider: p * drawn.provider + (1.0 - p) * passed.provider,
		others_total: p * drawn.others_total,
		..drawn
	}
}

fn play(setting: &Setting, work: Work, audited: bool, deals: u32) -> Earned {
	new_test_ext().execute_with(|| {
		let mut scene = Scene {
			setting,
			work,
			audited,
			honest: Tally::default(),
			others: Tally::default(),
			disputed: 0,
			cost: 0.0,
		};
		scene.prepare(deals);
		let before = wealth(PROVIDER);
		let mut left = deals;
		while left > 0 {
			let batch = left.min(BATCH);
			scene.batch(batch);
			left -= batch;
		}
		let endings = Endings::get();
		let count =
			|wanted: fn(&Outcome) -> bool| endings.iter().filter(|(_, outcome)| wanted(outcome)).count();
		let of_disputed = |count: usize| count as f64 / f64::from(scene.disputed.max(1));
		let per = |tally: &Tally| tally.income / f64::from(tally.seats.max(1));
		Earned {
			provider: (wealth(PROVIDER) - before - scene.cost) / f64::from(deals),
			caught: of_disputed(count(|outcome| matches!(outcome, Outcome::Overturned { .. }))),
			overcharged: of_disputed(count(|outcome| matches!(outcome, Outcome::Overcharged { .. }))),
			honest_seat: per(&scene.honest),
			others_seat: per(&scene.others),
			others_slashed: f64::from(scene.others.slashed) / f64::from(scene.others.seats.max(1)),
			others_total: scene.others.income / f64::from(deals),
		}
	})
}

impl Scene<'_> {
	fn prepare(&self, deals: u32) {
		// All or none, whatever is at stake.
		let audit = match self.audited && !self.setting.challenged {
			true => AuditRules {
				usual: Perquintill::from_parts(1),
				..self.setting.audit()
			},
			false => AuditRules {
				saving: Permill::zero(),
				..self.setting.audit()
			},
		};
		// The sweep leaves the bounds that governance is held to.
		Params::<Test>::put(Parameters {
			pricing: self.setting.pricing(),
			rules: MediationRules {
				audit,
				overcharge_percent: OVERCHARGE_PERCENT,
				overcharge_floor: 0,
				..RULES
			},
		});
		mint(POOL, 1_000_000 * CAP);
		mint(CREATOR, Balance::from(deals) * 100 * CAP);
		let bond = Balance::from(deals) * self.setting.terms().collateral;
		mint(PROVIDER, bond);
		assert_ok!(Deals::bond(signed(PROVIDER), bond));
		for who in FIRST..FIRST + AccountId::from(CROWD) {
			// Enough for a ticket lost now and then: the spare ones keep the number equal.
			mint(who, 64 * TICKET + LP);
			assert_ok!(Mediation::register(signed(who), capable(), 4));
		}
		next_era();
	}

	fn is_honest(&self, who: AccountId) -> bool {
		// Tickets are equal in number, so a share of the mediators is a share of the tickets.
		who - FIRST >= self.setting.share.into()
	}

	/// What the run of a deal's job takes on somebody's machine.
	fn time_of(&self, deal: DealId, who: AccountId) -> Millis {
		let deviation = f64::from(self.setting.noise) / 100.0 * normal(deal, who);
		let time = (self.setting.run as f64 * deviation.exp()) as Millis;
		time.min(LIMIT)
	}

	/// What the provider seals.
	fn sealed(&self, deal: DealId) -> Opening {
		let own = self.time_of(deal, PROVIDER);
		let (root, usage) = match self.work {
			Work::Honest => (1, own),
			Work::Forged => (66, LIMIT),
			Work::Padded(percent) => (1, own * Millis::from(percent) / 100),
		};
		Opening {
			usage: usage.min(LIMIT),
			..opening(root)
		}
	}

	fn batch(&mut self, deals: u32) {
		let ids: Vec<DealId> = (0..deals).map(|_| matched_with(self.setting.terms())).collect();
		for id in &ids {
			assert_ok!(Deals::acknowledge(signed(PROVIDER), *id));
			if self.work != Work::Forged {
				self.cost += cost_of(self.time_of(*id, PROVIDER));
			}
		}
		// The limit, at two seconds a block.
		pass((LIMIT / 2_000) as u32);
		for id in &ids {
			assert_ok!(Deals::submit(signed(PROVIDER), *id, self.sealed(*id).seal(*id)));
		}
		pass(DRAW + 1);
		for id in &ids {
			if self.setting.challenged {
				assert_ok!(Deals::challenge(signed(CREATOR), *id, Reason::WrongResult));
			} else if Deals::is_drawn(*id) == Some(true) {
				assert_ok!(Deals::audit(signed(OTHER), *id));
			} else {
				assert_ok!(Deals::accept(signed(CREATOR), *id, self.sealed(*id)));
				continue;
			}
			self.disputed += 1;
		}
		for id in ids {
			while Cases::<Test>::contains_key(id) {
				self.round(id);
			}
			// Without enough honest votes it may have been dropped.
			if pallet_deals::Deals::<Test>::contains_key(id) {
				assert_ok!(Deals::accept(signed(CREATOR), id, self.sealed(id)));
			}
		}
		self.mend();
	}

	/// Lost tickets are bought again, so that every draw is from the same shares.
	fn mend(&self) {
		for who in FIRST..FIRST + AccountId::from(CROWD) {
			let mediator = Mediators::<Test>::get(who).expect("registered");
			if mediator.tickets.len() < 4 {
				let missing = 4 - mediator.tickets.len() as u32;
				let _may_be_poor = Mediation::add_tickets(signed(who), missing);
			}
		}
	}

	/// One panel: drawn, committed, revealed.
	fn round(&mut self, id: DealId) {
		let sealed = self.sealed(id);
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
			let vote = self.vote(id, *who, sealed.triple);
			let own = vote.commitment(id, case.round, who, &[*who as u8; 32]);
			let copies = !self.is_honest(*who) && self.setting.others == Behaviour::Copying;
			let commitment = if copies { first.unwrap_or(own) } else { own };
			first = first.or(Some(commitment));
			assert_ok!(Mediation::commit_vote(signed(*who), id, commitment));
		}
		if self.is_revealing(id) {
			let _may_be_open = Deals::reveal(signed(PROVIDER), id, sealed);
		}
		for who in &panel {
			let vote = self.vote(id, *who, sealed.triple);
			let _can_not_open_a_copy = Mediation::reveal_vote(signed(*who), id, vote, [*who as u8; 32]);
		}
		if self.is_revealing(id) {
			pass(REVEAL + 1);
			assert_ok!(Mediation::expire(signed(OTHER), id));
		}
		// Who votes in a round that escalates is paid later, so the rest of the case is played before the sums are made.
		while Cases::<Test>::contains_key(id) {
			self.round(id);
		}
		for (who, before) in panel.into_iter().zip(before) {
			self.book(id, who, wealth(who) - before);
		}
	}

	fn is_revealing(&self, id: DealId) -> bool {
		let stage = Cases::<Test>::get(id).map(|case| case.stage);
		matches!(stage, Some(Stage::Revealing { .. }))
	}

	/// Notes what a seat has brought its mediator.
	fn book(&mut self, id: DealId, who: AccountId, change: f64) {
		let honest = self.is_honest(who);
		let cost = if honest {
			cost_of(self.time_of(id, who))
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

	fn vote(&self, id: DealId, who: AccountId, sealed: Triple) -> Vote {
		let (found, usage) = match (self.is_honest(who), self.setting.others) {
			(true, _) | (false, Behaviour::Honest) => (triple(1), self.time_of(id, who)),
			(false, Behaviour::Colluding) => (sealed, LIMIT),
			// Everybody guesses something else.
			(false, Behaviour::Lazy | Behaviour::Copying) => (triple(100 + (who % 100) as u8), LIMIT),
		};
		Vote {
			triple: Some(found),
			usage,
			..vote(1)
		}
	}
}

/// What a run of this length costs whoever does it, in caps.
fn cost_of(time: Millis) -> f64 {
	COST * time as f64 / LIMIT as f64
}
