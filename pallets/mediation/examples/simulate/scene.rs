//! One point of the simulation: a chain with these parameters and actors, and what they earned in so many deals.

use crate::{
	grind,
	mock::*,
	setting::{cost_of, Behaviour, Creator, Module, Setting, Work, AUTHOR_BOND, CROWD},
};
use frame_support::assert_ok;
use lilypad_primitives::{
	Balance, DealId, Millis, Opening, Outcome, OutputRoot, Reason, Round, Status, Triple, Vote, LP,
};
use pallet_mediation::{Cases, Mediators, Params, SeatState, Stage};

const FIRST: AccountId = 1_000;
/// The time limit in blocks, at two seconds each.
const RUN: u32 = (LIMIT / 2_000) as u32;
/// The result that a league agrees on against a provider.
const FRAME: u8 = 99;

/// What came out, per deal or seat, in units of the cap.
#[derive(Clone, Copy, Default)]
pub struct Earned {
	/// The provider, per deal.
	pub provider: f64,
	/// The creator, per deal: what it has paid, less what has come back.
	pub creator: f64,
	/// The module's author, per deal.
	pub author: f64,
	/// The audit pool, per deal.
	pub pool: f64,
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

impl Earned {
	/// A provider and the mediators who are in league with it.
	pub fn league(&self) -> f64 {
		self.provider + self.others_total
	}

	/// Creator, provider and author, who are one person, and the mediators who are in league with it.
	pub fn one_person(&self) -> f64 {
		self.creator + self.author + self.league()
	}

	/// What deals bring on average that are audited with this probability; what disputes are like is told by the audited ones.
	pub fn mixed(drawn: Self, passed: Self, probability: f64) -> Self {
		let mix = |of: fn(&Self) -> f64| probability * of(&drawn) + (1.0 - probability) * of(&passed);
		Self {
			provider: mix(|e| e.provider),
			creator: mix(|e| e.creator),
			author: mix(|e| e.author),
			pool: mix(|e| e.pool),
			others_total: mix(|e| e.others_total),
			..drawn
		}
	}
}

#[derive(Default)]
struct Tally {
	seats: u32,
	income: f64,
	slashed: u32,
}

/// A vote, and what its mediator has spent to find it.
struct Ballot {
	vote: Vote,
	cost: f64,
}

/// The simulation of one point.
pub struct Scene<'a> {
	pub setting: &'a Setting,
	pub work: Work,
	/// Whether the draw falls on every deal, or on none.
	audited: bool,
	honest: Tally,
	others: Tally,
	disputed: u32,
	/// What the provider's runs have cost it.
	cost: f64,
	/// What authors have lost of their bonds.
	forfeited: Balance,
}

/// A number between 0 and 1, the same each time for the same subject.
pub fn uniform(subject: &[u64]) -> f64 {
	let bytes: Vec<u8> = subject.iter().flat_map(|n| n.to_le_bytes()).collect();
	let hash = sp_io::hashing::blake2_256(&bytes);
	let mut first = [0; 8];
	first.copy_from_slice(&hash[..8]);
	(u64::from_le_bytes(first) as f64 + 1.0) / (u64::MAX as f64 + 2.0)
}

/// A number of the standard normal distribution, the same each time.
fn normal(deal: DealId, who: AccountId) -> f64 {
	let radius = (-2.0 * uniform(&[deal.0, who, 0]).ln()).sqrt();
	radius * (std::f64::consts::TAU * uniform(&[deal.0, who, 1])).cos()
}

/// What so many deals bring on average, with as many audits as there should be. Deals that are audited and deals that are not are
/// played apart and weighed: to leave it to chance would take a hundred times as many.
pub fn run(setting: &Setting, work: Work, deals: u32) -> Earned {
	run_with(setting, work, deals, setting.audit_probability())
}

/// The same with a probability of an audit that is not the formula's.
pub fn run_with(setting: &Setting, work: Work, deals: u32, probability: f64) -> Earned {
	if setting.is_judged() {
		return play(setting, work, false, deals);
	}
	let drawn = play(setting, work, true, deals);
	// One is as good as many where neither votes are drawn nor machines differ.
	let passes = if setting.noise == 0 { 1 } else { deals };
	let passed = play(setting, work, false, passes);
	Earned::mixed(drawn, passed, probability)
}

fn play(setting: &Setting, work: Work, audited: bool, deals: u32) -> Earned {
	new_test_ext().execute_with(|| {
		let mut scene = Scene::new(setting, work, audited);
		scene.prepare(deals);
		let people = [PROVIDER, CREATOR, AUTHOR, POOL];
		let before = people.map(|who| scene.wealth(who));
		for _ in 0..deals {
			scene.deal();
		}
		let endings = Endings::get();
		let count =
			|wanted: fn(&Outcome) -> bool| endings.iter().filter(|(_, outcome)| wanted(outcome)).count();
		let of_disputed = |count: usize| count as f64 / f64::from(scene.disputed.max(1));
		let per = |tally: &Tally| tally.income / f64::from(tally.seats.max(1));
		let gained = |nth: usize| scene.wealth(people[nth]) - before[nth];
		let per_deal = |sum: f64| sum / f64::from(deals);
		Earned {
			provider: per_deal(gained(0) - scene.cost),
			creator: per_deal(gained(1)),
			author: per_deal(gained(2) - scene.in_caps(scene.forfeited)),
			pool: per_deal(gained(3)),
			caught: of_disputed(count(|outcome| matches!(outcome, Outcome::Overturned { .. }))),
			overcharged: of_disputed(count(|outcome| matches!(outcome, Outcome::Overcharged { .. }))),
			honest_seat: per(&scene.honest),
			others_seat: per(&scene.others),
			others_slashed: f64::from(scene.others.slashed) / f64::from(scene.others.seats.max(1)),
			others_total: per_deal(scene.others.income),
		}
	})
}

impl<'a> Scene<'a> {
	pub fn new(setting: &'a Setting, work: Work, audited: bool) -> Self {
		Self {
			setting,
			work,
			audited,
			honest: Tally::default(),
			others: Tally::default(),
			disputed: 0,
			cost: 0.0,
			forfeited: 0,
		}
	}

	fn in_caps(&self, amount: Balance) -> f64 {
		amount as f64 / self.setting.terms().cap as f64
	}

	pub fn wealth(&self, who: AccountId) -> f64 {
		let account = System::account(who).data;
		self.in_caps(account.free + account.reserved)
	}

	/// A chain with these parameters, and everybody who takes part in so many deals.
	pub fn prepare(&self, deals: u32) {
		mint(REGISTRY, Balance::from(deals + 1) * AUTHOR_BOND);
		self.fund(deals);
		for who in FIRST..FIRST + AccountId::from(CROWD) {
			// Enough for a ticket lost now and then: the spare ones keep the number equal.
			mint(who, 64 * TICKET + LP);
			assert_ok!(Mediation::register(signed(who), capable(), 4));
		}
		next_era();
	}

	/// Puts these parameters in force, with means for so many deals.
	pub fn fund(&self, deals: u32) {
		Params::<Test>::put(
			self.setting
				.parameters(Some(self.audited && !self.setting.is_judged())),
		);
		let terms = self.setting.terms();
		mint(POOL, 1_000_000 * terms.cap);
		mint(CREATOR, Balance::from(deals) * 100 * terms.cap);
		let bond = Balance::from(deals) * terms.collateral;
		mint(PROVIDER, bond);
		assert_ok!(Deals::bond(signed(PROVIDER), bond));
	}

	pub fn is_honest(&self, who: AccountId) -> bool {
		// Tickets are equal in number, so a share of the mediators is a share of the tickets.
		who - FIRST >= self.setting.share.into()
	}

	/// What the run of a deal's job takes on somebody's machine.
	fn time_of(&self, deal: DealId, who: AccountId) -> Millis {
		if self.setting.module == Module::Endless || self.work == Work::Idle {
			return LIMIT;
		}
		let deviation = f64::from(self.setting.noise) / 100.0 * normal(deal, who);
		let time = (self.setting.run as f64 * deviation.exp()) as Millis;
		time.min(LIMIT)
	}

	/// What it finds there.
	fn found(&self, deal: DealId, who: AccountId) -> Triple {
		match self.setting.module {
			Module::Deterministic => triple(1),
			Module::Random if who == PROVIDER => triple(1),
			Module::Random => triple(2 + (who - FIRST) as u8),
			Module::Clock => triple(if who == PROVIDER { 1 } else { 2 }),
			Module::Coin(percent) => {
				let is_odd = uniform(&[deal.0, who, 2]) < f64::from(percent) / 100.0;
				triple(if is_odd { 2 } else { 1 })
			},
			Module::Endless => Triple {
				status: Status::TimeExceeded,
				exit_code: 0,
				root: OutputRoot([0; 32]),
			},
		}
	}

	/// What the provider seals.
	pub fn sealed(&self, deal: DealId) -> Opening {
		let own = self.time_of(deal, PROVIDER);
		let usage = match self.work {
			Work::Honest | Work::Idle | Work::Silent => own,
			Work::Forged => LIMIT,
			Work::Padded(percent) => own * Millis::from(percent) / 100,
		};
		let triple = match self.work {
			Work::Forged => triple(66),
			_ => self.found(deal, PROVIDER),
		};
		Opening {
			triple,
			usage: usage.min(LIMIT),
			..opening(1)
		}
	}

	/// Opens a deal that the provider acknowledges.
	pub fn acknowledged(&self) -> DealId {
		let id = matched_with(self.setting.terms());
		assert_ok!(Deals::acknowledge(signed(PROVIDER), id));
		id
	}

	/// A deal from match to settlement.
	pub fn deal(&mut self) {
		AuthorBond::set(AUTHOR_BOND);
		let id = self.acknowledged();
		if self.work == Work::Silent {
			// And the margin, which is as long.
			pass(2 * RUN + 1);
			assert_ok!(Deals::expire(signed(OTHER), id));
			return;
		}
		if matches!(self.work, Work::Honest | Work::Padded(_)) {
			self.cost += cost_of(self.time_of(id, PROVIDER));
		}
		pass(RUN);
		assert_ok!(Deals::submit(signed(PROVIDER), id, self.sealed(id).seal(id)));
		pass(DRAW + 1);
		self.judge(id);
		if !Cases::<Test>::contains_key(id) {
			return;
		}
		while Cases::<Test>::contains_key(id) {
			self.round(id);
		}
		// Without enough honest votes it may have been dropped.
		if pallet_deals::Deals::<Test>::contains_key(id) {
			assert_ok!(Deals::accept(signed(CREATOR), id, self.sealed(id)));
		}
		self.forfeited += AUTHOR_BOND - AuthorBond::get();
		self.mend();
	}

	/// What creator and chain do about a result.
	fn judge(&mut self, id: DealId) {
		let sealed = self.sealed(id);
		let is_challenged = match self.setting.creator {
			Creator::Accepts => false,
			Creator::Challenges => true,
			Creator::ChallengesUnusual => sealed.triple != triple(1),
		};
		if is_challenged {
			assert_ok!(Deals::challenge(signed(CREATOR), id, Reason::WrongResult));
		} else if Deals::is_drawn(id) == Some(true) {
			assert_ok!(Deals::audit(signed(OTHER), id));
		} else {
			assert_ok!(Deals::accept(signed(CREATOR), id, sealed));
			return;
		}
		self.disputed += 1;
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
		grind::panel(self, id, draw_at);
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
		let before: Vec<f64> = panel.iter().map(|who| self.wealth(*who)).collect();
		let ballots: Vec<Ballot> = panel
			.iter()
			.map(|who| self.ballot(id, *who, case.round, &panel, sealed.triple))
			.collect();
		let mut first = None;
		for (who, Ballot { vote, .. }) in panel.iter().zip(&ballots) {
			let own = vote.commitment(id, case.round, who, &[*who as u8; 32]);
			let copies = !self.is_honest(*who) && self.setting.others == Behaviour::Copying;
			let commitment = if copies { first.unwrap_or(own) } else { own };
			first = first.or(Some(commitment));
			assert_ok!(Mediation::commit_vote(signed(*who), id, commitment));
		}
		if self.is_revealing(id) {
			let _may_be_open = Deals::reveal(signed(PROVIDER), id, sealed);
		}
		for (who, Ballot { vote, .. }) in panel.iter().zip(&ballots) {
			let _can_not_open_a_copy = Mediation::reveal_vote(signed(*who), id, *vote, [*who as u8; 32]);
		}
		if self.is_revealing(id) {
			pass(REVEAL + 1);
			assert_ok!(Mediation::expire(signed(OTHER), id));
		}
		// Who votes in a round that escalates is paid later, so the rest of the case is played before the sums are made.
		while Cases::<Test>::contains_key(id) {
			self.round(id);
		}
		for ((who, before), Ballot { cost, .. }) in panel.into_iter().zip(before).zip(ballots) {
			self.book(who, self.wealth(who) - before, cost);
		}
	}

	fn is_revealing(&self, id: DealId) -> bool {
		let stage = Cases::<Test>::get(id).map(|case| case.stage);
		matches!(stage, Some(Stage::Revealing { .. }))
	}

	/// Notes what a seat has brought its mediator.
	fn book(&mut self, who: AccountId, change: f64, cost: f64) {
		let tally = if self.is_honest(who) {
			&mut self.honest
		} else {
			&mut self.others
		};
		tally.seats += 1;
		tally.income += change - cost;
		tally.slashed += u32::from(change < 0.0);
	}

	/// What a mediator votes who sits in this panel.
	fn ballot(
		&self,
		id: DealId,
		who: AccountId,
		round: Round,
		panel: &[AccountId],
		sealed: Triple,
	) -> Ballot {
		let usage = self.time_of(id, who);
		let of = |triple: Option<Triple>, usage: Millis, cost: f64| Ballot {
			vote: Vote {
				triple,
				usage,
				ample: self.setting.module != Module::Endless,
				..vote(1)
			},
			cost,
		};
		// A pair that deals with itself has jobs that cost nothing.
		let price = if self.work == Work::Idle {
			0.0
		} else {
			cost_of(usage)
		};
		let honest = || of(Some(self.found(id, who)), usage, price);
		let unseen = |triple| of(Some(triple), usage, 0.0);
		if self.is_honest(who) {
			return honest();
		}
		let league: Vec<_> = panel.iter().filter(|who| !self.is_honest(**who)).collect();
		match self.setting.others {
			Behaviour::Honest => honest(),
			Behaviour::Colluding => of(Some(sealed), LIMIT, 0.0),
			// Everybody guesses something else.
			Behaviour::Lazy | Behaviour::Copying => of(Some(triple(100 + (who % 100) as u8)), LIMIT, 0.0),
			Behaviour::Framing => {
				let wins = match round {
					Round::One | Round::Three => 3 * league.len() >= 2 * panel.len(),
					Round::Last => 2 * league.len() > panel.len(),
				};
				if wins {
					unseen(triple(FRAME))
				} else {
					honest()
				}
			},
			Behaviour::Milking | Behaviour::Idling => match round {
				Round::One if self.setting.finds_nothing_first() => of(None, usage, 0.0),
				Round::One if self.setting.others == Behaviour::Idling => honest(),
				Round::Three if league.len() >= 2 && self.setting.calls_last_panel() => {
					match league.iter().position(|other| **other == who) {
						Some(0) => of(None, usage, 0.0),
						// Nobody is slashed for what its machine can't do.
						Some(1) => unseen(Triple {
							status: Status::MemoryExceeded,
							..sealed
						}),
						_ => unseen(sealed),
					}
				},
				_ => unseen(sealed),
			},
		}
	}
}
