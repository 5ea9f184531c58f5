//! The parameters of one point, what its actors do, and what the formulas say of it.

use crate::mock::*;
use lilypad_primitives::{
	audit::{AuditRules, Stakes},
	terms::Amounts,
	Balance, MediationRules, Millis, Pricing, Terms, LP,
};
use pallet_mediation::Parameters;
use sp_runtime::{FixedU128, Permill, Perquintill};

/// Mediators, with equally many tickets each.
pub const CROWD: u32 = 60;
/// The largest share of the tickets that audits must deter: a third.
pub const LEAGUE: u32 = CROWD / 3;
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
	/// Lets a job that costs nothing idle through the whole limit.
	Idle,
	/// Acknowledges, and is never heard of again.
	Silent,
}

/// What the job's module does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Module {
	/// What it says: every run gives the same.
	Deterministic,
	/// Gives something else in every run.
	Random,
	/// Gives something else in so many of a hundred runs.
	Coin(u32),
	/// Gives something else from a moment on that lies between the provider's run and the mediators'.
	Clock,
	/// Never ends.
	Endless,
}

/// What a creator does with a result.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Creator {
	/// Accepts it.
	Accepts,
	/// Challenges it.
	Challenges,
	/// Knows the usual answer, challenges another one, and accepts the usual.
	ChallengesUnusual,
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
	/// In league with a creator: votes for one other result where that wins, and is honest where it does not.
	Framing,
	/// In league with a pair that deals with itself, and so knows the answer: finds nothing wherever more panels bring more votes.
	Milking,
	/// The same about strangers' deals: says that it found nothing, and repeats the answer once that is public.
	Idling,
}

impl Behaviour {
	pub fn name(self) -> &'static str {
		match self {
			Behaviour::Honest => "honest",
			Behaviour::Lazy => "lazy",
			Behaviour::Copying => "copying",
			Behaviour::Colluding => "colluding",
			Behaviour::Framing => "framing",
			Behaviour::Milking => "milking",
			Behaviour::Idling => "idling",
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
	/// The levy, in millionths of the cap.
	pub levy: u32,
	/// The price of a second.
	pub rate: Balance,
	/// How the mediators that are not honest behave.
	pub others: Behaviour,
	/// Tickets of [`CROWD`] that are theirs.
	pub share: u32,
	/// What the module does.
	pub module: Module,
	/// What the creator does.
	pub creator: Creator,
	/// What a run takes, in milliseconds.
	pub run: Millis,
	/// By how many hundredths run times differ from machine to machine: standard deviation of their logarithm.
	pub noise: u32,
	/// Of a hundred slots, those of validators in league with the provider, who withhold blocks that bring a draw they don't like.
	pub slots: u32,
	/// Whether the provider submits when the draw will end with such a validator's slot.
	pub timed: bool,
}

impl Default for Setting {
	fn default() -> Self {
		Self {
			saving: 100,
			deterred: LEAGUE,
			theta: 20,
			panel: 7,
			levy: 45_000,
			rate: LP,
			others: Behaviour::Honest,
			share: 0,
			module: Module::Deterministic,
			creator: Creator::Accepts,
			run: LIMIT / 2,
			noise: 0,
			slots: 0,
			timed: false,
		}
	}
}

/// A claim is too high above this many hundredths of the median: what the runtime ships.
pub const OVERCHARGE_PERCENT: u32 = 150;
/// What an author puts up for a deterministic module: what the runtime ships.
pub const AUTHOR_BOND: Balance = 10 * LP;

impl Setting {
	/// The share of the tickets that is not honest.
	pub fn part(&self) -> f64 {
		f64::from(self.share) / f64::from(CROWD)
	}

	/// Whether the creator has results judged itself, and nothing is left to the lot.
	pub fn is_judged(&self) -> bool {
		self.creator != Creator::Accepts
	}

	fn pricing(&self) -> Pricing {
		Pricing {
			collateral_factor: self.theta,
			largest_panel: self.panel,
			levy_rate: Permill::from_parts(self.levy),
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

	/// What is put into storage, past the bounds that governance is held to. `audited`: whether the draw falls on every deal or on
	/// none; if not given, on as many as it should.
	pub fn parameters(&self, audited: Option<bool>) -> Parameters {
		let audit = match audited {
			Some(true) => AuditRules {
				usual: Perquintill::from_parts(1),
				..self.audit()
			},
			Some(false) => AuditRules {
				saving: Permill::zero(),
				..self.audit()
			},
			None => self.audit(),
		};
		Parameters {
			pricing: self.pricing(),
			rules: MediationRules {
				audit,
				overcharge_percent: OVERCHARGE_PERCENT,
				overcharge_floor: 0,
				..RULES
			},
		}
	}

	/// The terms of every deal.
	pub fn terms(&self) -> Terms<AccountId> {
		let a = Amounts::new(&self.pricing(), self.rate, LIMIT, 0, 0).expect("in range");
		Terms {
			rate: self.rate,
			budget: a.escrow,
			cap: a.cap,
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

	/// The same setting with the least levy that pays for its audits.
	pub fn with_levy_needed(self) -> Self {
		Self {
			levy: (1e6 * self.fees_per_levy()).ceil() as u32,
			..self
		}
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

	/// Whether a league does better to have the last panel called than to confirm with the two of three that it would need for that.
	pub fn calls_last_panel(&self) -> bool {
		f64::from(self.panel) * self.part() > 2.0
	}

	/// Votes that a league is paid on average if it lets an audit of a right result go on beyond its first mediator.
	fn votes_of_later_panels(&self) -> f64 {
		let q = self.part();
		let last = if self.calls_last_panel() {
			f64::from(self.panel) * q
		} else {
			2.0
		};
		3.0 * q * (1.0 - q).powi(2) + 3.0 * q.powi(2) * (1.0 - q) * last + q.powi(3) * (1.0 + last)
	}

	/// Whether the league's mediator does better to find nothing when it is an audit's first.
	pub fn finds_nothing_first(&self) -> bool {
		let terms = self.terms();
		let fee = terms.mediator_fee as f64 / terms.cap as f64;
		let at_once = match self.others {
			// A stranger's answer would have to be found.
			Behaviour::Idling => 1.0 - cost_of(self.run) / fee,
			_ => 1.0,
		};
		self.votes_of_later_panels() > at_once
	}
}

/// What a run of this length costs whoever does it, in caps.
pub fn cost_of(time: Millis) -> f64 {
	COST * time as f64 / LIMIT as f64
}
