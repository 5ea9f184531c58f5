//! Random steps of mediators, of whoever has results judged, and of governance, which says how often the chain itself does.

use super::{
	chain::*,
	judging::{mediator, vote, wait, wait_until, SALT},
	steps::{nth, opening_of, speaker, Tally},
};
use lilypad_primitives::{
	DealId, MachineSpec, MediationRules, OutputRoot, Platform, Pricing, Reason, Round, Triple, Vote,
};
use lilypad_runtime::{genesis_presets, AccountId, Deals, Mediation, Runtime, System};
use pallet_deals::{Call as D, DealState};
use pallet_mediation::{Call as C, Capability, CaseOf, Parameters, Stage};
use proptest::prelude::*;
use sp_runtime::Permill;
use std::collections::BTreeMap;

/// Enough for the largest panel, whoever is party to something.
pub(crate) const MEDIATORS: u8 = 12;

/// What a panel does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
	/// All find what the provider should have found.
	Honest,
	/// One says something else.
	OneLies,
	/// Each finds something else.
	Split,
	/// The result is not handed over.
	NothingFetched,
	/// One does not commit.
	OneAbsent,
	/// All commit, the provider opens, and nobody reveals.
	NobodyReveals,
	/// Nobody does anything for as long as panels are drawn.
	Deserted,
}

#[derive(Clone, Debug)]
pub(crate) enum Judged {
	Register(u8, u32),
	Tickets(u8, u32),
	Unbond(u8, u32),
	Withdraw(u8),
	Slots(u8, u32),
	/// A deal's provider does what it is paid for, up to the draw.
	Run(usize),
	/// A result is challenged, and this may be what the panel does at once.
	Challenge(usize, Reason, Option<Conduct>),
	Audit(usize),
	Draw(usize),
	Expire(usize),
	/// A mediator commits to a vote of this kind.
	Commit(usize, usize, u8),
	Reveal(usize, usize),
	/// A whole round.
	Round(usize, Conduct),
	/// Every round that there can be, and no two votes alike.
	Undecidable(usize),
	/// Small panels, and an audit of every fourth result or so; or the shipped parameters.
	Parameters(bool),
}

pub(crate) fn step() -> impl Strategy<Value = Judged> {
	let n = || 0usize..6;
	let who = || 0..MEDIATORS;
	let reason = prop_oneof![
		3 => Just(Reason::WrongResult),
		2 => Just(Reason::Overcharged),
		1 => Just(Reason::Unavailable),
	];
	let conduct = || {
		prop_oneof![
			9 => Just(Conduct::Honest),
			2 => Just(Conduct::OneLies),
			2 => Just(Conduct::Split),
			1 => Just(Conduct::NothingFetched),
			2 => Just(Conduct::OneAbsent),
			3 => Just(Conduct::NobodyReveals),
			2 => Just(Conduct::Deserted),
		]
	};
	prop_oneof![
		2 => (who(), 1u32..4).prop_map(|(who, tickets)| Judged::Register(who, tickets)),
		3 => (who(), 0u32..3).prop_map(|(who, tickets)| Judged::Tickets(who, tickets)),
		1 => (who(), 0u32..3).prop_map(|(who, tickets)| Judged::Unbond(who, tickets)),
		1 => who().prop_map(Judged::Withdraw),
		1 => (who(), prop_oneof![1 => Just(0u32), 4 => 2u32..5]).prop_map(|(who, slots)| Judged::Slots(who, slots)),
		10 => n().prop_map(Judged::Run),
		14 => (n(), reason, proptest::option::of(conduct()))
			.prop_map(|(deal, reason, conduct)| Judged::Challenge(deal, reason, conduct)),
		4 => n().prop_map(Judged::Audit),
		4 => n().prop_map(Judged::Draw),
		3 => n().prop_map(Judged::Expire),
		3 => (n(), 0usize..7, 0u8..4).prop_map(|(case, seat, kind)| Judged::Commit(case, seat, kind)),
		3 => (n(), 0usize..7).prop_map(|(case, seat)| Judged::Reveal(case, seat)),
		14 => (n(), conduct()).prop_map(|(case, conduct)| Judged::Round(case, conduct)),
		3 => n().prop_map(Judged::Undecidable),
		1 => prop::bool::weighted(0.7).prop_map(Judged::Parameters),
	]
}

/// What each mediator has committed to: it must be shown again.
pub(crate) type Ballots = BTreeMap<(DealId, Round, AccountId), Vote>;

fn capable(slots: u32) -> Capability {
	Capability {
		platforms: vec![Platform::ContainerAmd64].try_into().expect("one"),
		spec: MachineSpec::new(4_000, 4_096, 1_024),
		slots,
	}
}

/// With a collateral of once the price cheats have little to lose, so that the chain has to look often, and a levy pays for that.
fn parameters(often: bool) -> Parameters {
	if !often {
		let shipped = (
			lilypad_runtime::MarketPricing::get(),
			lilypad_runtime::DefaultMediationRules::get(),
		);
		return Parameters {
			pricing: shipped.0,
			rules: shipped.1,
		};
	}
	let quick = genesis_presets::quick_parameters();
	Parameters {
		pricing: Pricing {
			collateral_factor: 1,
			levy_rate: Permill::from_percent(30),
			..quick.pricing
		},
		rules: MediationRules {
			// So that short runs can be padded.
			overcharge_floor: 1_000,
			..quick.rules
		},
	}
}

/// What the program gives: provider and mediators claim that, or lie.
fn truth(deal: DealId) -> Triple {
	Triple {
		root: opening().triple.root,
		..opening_of(deal).triple
	}
}

/// The vote of a mediator of this kind.
fn ballot(deal: DealId, kind: u8, seat: usize) -> Vote {
	let right = Vote {
		usage: 500,
		..vote(truth(deal))
	};
	match kind {
		0 | 1 => right,
		2 => Vote {
			triple: Some(Triple {
				root: OutputRoot([50 + seat as u8; 32]),
				..opening().triple
			}),
			..right
		},
		_ => Vote {
			triple: None,
			fetched: false,
			..right
		},
	}
}

fn case(deal: DealId) -> Option<CaseOf<Runtime>> {
	Mediation::case(deal)
}

fn panel(deal: DealId) -> Vec<AccountId> {
	case(deal).map_or_else(Vec::new, |case| {
		case.panel().map(|seat| seat.mediator.clone()).collect()
	})
}

/// Everybody becomes a mediator, and the chain looks often.
pub(crate) fn begin(tally: &mut Tally) {
	tally.ballots.clear();
	tally.take_of_judges(Judged::Parameters(true));
	for who in 0..MEDIATORS {
		tally.take_of_judges(Judged::Register(who, 1 + u32::from(who) % 3));
	}
	wait(Mediation::parameters().rules.era_blocks);
}

impl Tally {
	pub(crate) fn take_of_judges(&mut self, step: Judged) {
		let contested = |n| nth(pallet_mediation::Cases::<Runtime>::iter_keys(), n);
		match step {
			Judged::Register(who, tickets) => {
				let capability = capable(4);
				self.attempt(mediator(who), C::register { capability, tickets });
			},
			Judged::Tickets(who, tickets) => self.attempt(mediator(who), C::add_tickets { tickets }),
			Judged::Unbond(who, tickets) => self.attempt(mediator(who), C::unbond_tickets { tickets }),
			Judged::Withdraw(who) => self.attempt(mediator(who), C::withdraw {}),
			Judged::Slots(who, slots) => {
				let capability = capable(slots);
				self.attempt(mediator(who), C::set_capability { capability });
			},
			Judged::Run(n) => self.run(n),
			Judged::Challenge(n, reason, conduct) => self.challenge(n, reason, conduct),
			Judged::Audit(n) => {
				let drawn = pallet_deals::Deals::<Runtime>::iter_keys()
					.filter(|id| Deals::is_drawn(*id) == Some(true));
				if let Some(deal) = nth(drawn, n) {
					self.attempt(STRANGER, D::audit { deal });
				}
			},
			Judged::Parameters(often) => {
				let params = parameters(often);
				self.by_root(C::set_parameters { params });
			},
			step => {
				let (Judged::Draw(n)
				| Judged::Expire(n)
				| Judged::Commit(n, ..)
				| Judged::Reveal(n, _)
				| Judged::Round(n, _)
				| Judged::Undecidable(n)) = step
				else {
					panic!("{step:?} is not about a case");
				};
				if let Some(deal) = contested(n) {
					self.take_of_case(deal, step);
				}
			},
		}
	}

	fn take_of_case(&mut self, deal: DealId, step: Judged) {
		match step {
			Judged::Draw(_) => self.attempt(STRANGER, C::draw { deal }),
			Judged::Expire(_) => self.attempt(STRANGER, C::expire { deal }),
			Judged::Commit(_, seat, kind) => {
				if let Some(who) = panel(deal).get(seat) {
					self.commit(deal, who, ballot(deal, kind, seat));
				}
			},
			Judged::Reveal(_, seat) => {
				if let Some(who) = panel(deal).get(seat) {
					self.show(deal, who);
				}
			},
			Judged::Round(_, conduct) => self.round(deal, conduct),
			Judged::Undecidable(_) => {
				for _ in 0..3 {
					self.round(deal, Conduct::Split);
				}
			},
			step => panic!("{step:?} is not about a case"),
		}
	}

	fn run(&mut self, n: usize) {
		let goes_on = pallet_deals::Deals::<Runtime>::iter()
			.filter(|(_, deal)| matches!(deal.state, DealState::Matched { .. } | DealState::Running { .. }));
		let Some(deal) = nth(goes_on.map(|(id, _)| id), n) else {
			return;
		};
		let Some(terms) = Deals::terms(deal) else {
			return;
		};
		let (provider, seal) = (terms.provider, opening_of(deal).seal(deal));
		self.attempt(provider.clone(), D::acknowledge { deal });
		// What is claimed has to have been possible.
		wait(5);
		self.attempt(provider, D::submit { deal, seal });
		if let Some(DealState::Submitted { draw_at, .. }) = Deals::deal(deal).map(|deal| deal.state) {
			wait_until(draw_at);
		}
	}

	/// Challenges a result as soon as it can be: by the creator, or by who acts for it.
	fn challenge(&mut self, n: usize, reason: Reason, conduct: Option<Conduct>) {
		let now = System::block_number();
		let submitted = pallet_deals::Deals::<Runtime>::iter()
			.filter(
				|(_, deal)| matches!(deal.state, DealState::Submitted { judge_by, .. } if now <= judge_by),
			)
			.map(|(id, _)| id);
		let Some(deal) = nth(submitted, n) else {
			return;
		};
		if let Some(DealState::Submitted { draw_at, .. }) = Deals::deal(deal).map(|deal| deal.state) {
			wait_until(draw_at);
		}
		if let Some(terms) = Deals::terms(deal) {
			self.attempt(speaker(&terms), D::challenge { deal, reason });
		}
		if let Some(conduct) = conduct {
			self.round(deal, conduct);
		}
	}

	fn commit(&mut self, deal: DealId, who: &AccountId, vote: Vote) {
		let Some(round) = case(deal).map(|case| case.round) else {
			return;
		};
		let commitment = vote.commitment(deal, round, who, &SALT);
		if self.succeeds(who.clone(), C::commit_vote { deal, commitment }) {
			self.ballots.insert((deal, round, who.clone()), vote);
		}
	}

	fn show(&mut self, deal: DealId, who: &AccountId) {
		let Some(round) = case(deal).map(|case| case.round) else {
			return;
		};
		if let Some(vote) = self.ballots.get(&(deal, round, who.clone())).copied() {
			let salt = SALT;
			self.attempt(who.clone(), C::reveal_vote { deal, vote, salt });
		}
	}

	/// Draws if it is time, has the panel vote, and the provider open.
	fn round(&mut self, deal: DealId, conduct: Conduct) {
		if conduct == Conduct::Deserted {
			// As often as panels are drawn, and once more.
			return (0..4).for_each(|_| self.move_on(deal));
		}
		let Some(Stage::Drawing { draw_at, .. }) = case(deal).map(|case| case.stage) else {
			return;
		};
		wait_until(draw_at);
		self.attempt(STRANGER, C::draw { deal });
		for (seat, who) in panel(deal).iter().enumerate() {
			let kind = match (conduct, seat) {
				(Conduct::OneAbsent, 0) => continue,
				(Conduct::OneLies, 0) | (Conduct::Split, _) => 2,
				(Conduct::NothingFetched, _) => 3,
				_ => 0,
			};
			self.commit(deal, who, ballot(deal, kind, seat));
		}
		if conduct != Conduct::NothingFetched {
			if let Some(terms) = Deals::terms(deal) {
				let opening = opening_of(deal);
				self.attempt(terms.provider, D::reveal { deal, opening });
			}
		}
		if conduct == Conduct::NobodyReveals {
			self.move_on(deal);
			return;
		}
		for who in panel(deal) {
			self.show(deal, &who);
		}
	}

	/// Waits until anybody can move a case on, and does so.
	pub(crate) fn move_on(&mut self, deal: DealId) {
		let Some(case) = case(deal) else {
			return;
		};
		wait_until(case.stage.due());
		if !self.succeeds(STRANGER, C::draw { deal }) {
			if let Stage::Drawing { draw_by, .. } = case.stage {
				wait_until(draw_by + 1);
			}
			self.attempt(STRANGER, C::expire { deal });
		}
	}
}

/// All mediators leave.
pub(crate) fn leave() {
	let unbonding = <Runtime as pallet_mediation::Config>::UnbondingBlocks::get();
	for _ in 0..2 {
		// So that there is room for what is unbonded now.
		pass(unbonding);
		for who in 0..MEDIATORS {
			let _may_have_nothing_due = call(mediator(who), C::withdraw {});
			if let Some(now) = Mediation::mediator_of(mediator(who)) {
				let tickets = now.tickets.len() as u32;
				let _may_be_unbonding = call(mediator(who), C::unbond_tickets { tickets });
			}
		}
	}
	pass(unbonding);
	for who in 0..MEDIATORS {
		let _may_be_gone = call(mediator(who), C::withdraw {});
	}
	assert_eq!(pallet_mediation::Mediators::<Runtime>::iter_keys().count(), 0);
	assert_eq!(pallet_mediation::Cases::<Runtime>::iter_keys().count(), 0);
	assert_eq!(pallet_mediation::Due::<Runtime>::iter_keys().count(), 0);
}
