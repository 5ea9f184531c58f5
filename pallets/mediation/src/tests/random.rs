//! Random calls by everybody, while time passes. Whatever happens, the invariants hold after every call, the coin is
//! conserved, whoever was let in for free succeeds, and once everything has lapsed nothing stays on hold.

use super::*;
use crate::{state::Stage, Call, Capability};
use frame_support::{
	dispatch::{CheckIfFeeless, GetDispatchInfo},
	traits::Hooks,
	weights::Weight,
};
use proptest::{prelude::*, test_runner::TestRunner};
use sp_runtime::traits::Dispatchable;
use std::{cell::RefCell, collections::BTreeMap};

const CROWD: std::ops::Range<AccountId> = 1_000..1_014;

#[derive(Clone, Debug)]
enum Step {
	Submit(u8),
	Challenge(usize, u8),
	Audit(usize),
	Accept(usize, u8),
	Open(usize),
	Draw(usize),
	Expire(usize),
	Commit(usize, usize, u8),
	Reveal(usize, usize),
	/// Every panel is split, to the end.
	Split(usize),
	/// All who can commit or reveal do so; some lie.
	Everybody(usize, u8),
	Register(usize, u32),
	AddTickets(usize, u32),
	Unbond(usize, u32),
	Withdraw(usize),
	Slots(usize, u32),
	Idle,
	Pass(u32),
}

fn step() -> impl Strategy<Value = Step> {
	let deal = || 0usize..6;
	let who = || 0usize..CROWD.count();
	prop_oneof![
		6 => (1u8..3).prop_map(Step::Submit),
		6 => (deal(), 0u8..3).prop_map(|(deal, reason)| Step::Challenge(deal, reason)),
		3 => deal().prop_map(Step::Audit),
		2 => (deal(), 1u8..3).prop_map(|(deal, root)| Step::Accept(deal, root)),
		4 => deal().prop_map(Step::Open),
		8 => deal().prop_map(Step::Draw),
		3 => deal().prop_map(Step::Expire),
		3 => (deal(), 0usize..7, 0u8..5).prop_map(|(deal, seat, kind)| Step::Commit(deal, seat, kind)),
		3 => (deal(), 0usize..7).prop_map(|(deal, seat)| Step::Reveal(deal, seat)),
		12 => (deal(), 0u8..6).prop_map(|(deal, lie)| Step::Everybody(deal, lie)),
		2 => deal().prop_map(Step::Split),
		1 => (who(), 1u32..4).prop_map(|(who, tickets)| Step::Register(who, tickets)),
		1 => (who(), 1u32..4).prop_map(|(who, tickets)| Step::AddTickets(who, tickets)),
		1 => (who(), 0u32..3).prop_map(|(who, tickets)| Step::Unbond(who, tickets)),
		1 => who().prop_map(Step::Withdraw),
		1 => (who(), 0u32..3).prop_map(|(who, slots)| Step::Slots(who, slots)),
		1 => Just(Step::Idle),
		10 => prop_oneof![6 => 1u32..8, 1 => 20u32..60].prop_map(Step::Pass),
	]
}

/// What a mediator votes for: right, wrong, nothing found, not fetched, or out of memory.
fn ballot(kind: u8, seat: usize) -> Vote {
	match kind {
		0 | 1 => vote(1),
		2 => vote(50 + seat as u8),
		3 => Vote {
			triple: None,
			fetched: false,
			..vote(1)
		},
		4 => Vote {
			usage: 100,
			..vote(1)
		},
		_ => Vote {
			triple: Some(Triple {
				status: Status::MemoryExceeded,
				..triple(0)
			}),
			ample: false,
			..vote(1)
		},
	}
}

thread_local! {
	/// What each mediator has committed to, by deal and round.
	static BALLOTS: RefCell<BTreeMap<(DealId, Round, AccountId), Vote>> = const { RefCell::new(BTreeMap::new()) };
	/// What each deal's provider has sealed.
	static SEALED: RefCell<BTreeMap<DealId, u8>> = const { RefCell::new(BTreeMap::new()) };
}

fn sealed(deal: DealId) -> Opening {
	let root = SEALED.with_borrow(|sealed| sealed[&deal]);
	// Who is wrong claims too much besides.
	let usage = if root == 1 { 3_000 } else { 4_000 };
	Opening {
		usage,
		..opening(root)
	}
}

fn live(nth: usize) -> Option<DealId> {
	let mut deals: Vec<_> = pallet_deals::Deals::<Test>::iter_keys().collect();
	deals.sort();
	(!deals.is_empty()).then(|| deals[nth % deals.len()])
}

fn contested(nth: usize) -> Option<DealId> {
	let mut deals: Vec<_> = Cases::<Test>::iter_keys().collect();
	deals.sort();
	(!deals.is_empty()).then(|| deals[nth % deals.len()])
}

/// Makes a call of mediation. If it was let in for free, it must succeed; and a free call that would succeed is let in.
fn call(who: AccountId, call: Call<Test>) -> bool {
	let may_be_free = matches!(call, Call::commit_vote { .. } | Call::reveal_vote { .. });
	let call = RuntimeCall::Mediation(call);
	let declared = call.get_dispatch_info().call_weight;
	let free = call.is_feeless(&signed(who));
	let result = call.dispatch(signed(who));
	if may_be_free {
		assert_eq!(free, result.is_ok(), "{result:?}");
	} else {
		assert!(!free);
	}
	if let Ok(post) = &result {
		assert!(post.actual_weight.is_none_or(|used| used.all_lte(declared)));
	}
	result.is_ok()
}

fn cast(deal: DealId, who: AccountId, vote: Vote) {
	let round = round(deal);
	let commitment = vote.commitment(deal, round, &who, &salt(who));
	if call(who, Call::commit_vote { deal, commitment }) {
		BALLOTS.with_borrow_mut(|ballots| ballots.insert((deal, round, who), vote));
	}
}

fn show(deal: DealId, who: AccountId) {
	let key = (deal, round(deal), who);
	if let Some(vote) = BALLOTS.with_borrow(|ballots| ballots.get(&key).copied()) {
		let salt = salt(who);
		call(who, Call::reveal_vote { deal, vote, salt });
	}
}

fn everybody(deal: DealId, lie: u8) {
	if let Stage::Drawing { draw_at, .. } = stage(deal) {
		go_to(draw_at.max(System::block_number()));
		call(OTHER, Call::draw { deal });
	}
	for committing in [true, false] {
		if !Cases::<Test>::contains_key(deal) {
			return;
		}
		for (seat, who) in panel(deal).into_iter().enumerate() {
			if !Cases::<Test>::contains_key(deal) {
				return;
			}
			if committing {
				let kind = match (lie, seat) {
					(0, _) => 0,
					(1, 0) => 2,
					(2, _) => 2,
					(3, 0 | 1) => 3,
					(4, _) => 4,
					(5, 1) => 5,
					_ => 0,
				};
				cast(deal, who, ballot(kind, seat));
			} else {
				if seat == 0 && lie != 3 {
					let _may_be_open = Deals::reveal(signed(PROVIDER), deal, sealed(deal));
				}
				if Cases::<Test>::contains_key(deal) {
					show(deal, who);
				}
			}
		}
	}
}

fn take(step: Step) {
	let crowd = |nth: usize| CROWD.start + nth as AccountId;
	match step {
		Step::Submit(root) => {
			if pallet_deals::Deals::<Test>::iter_keys().count() < 6 {
				let deal = pallet_deals::NextDealId::<Test>::get();
				SEALED.with_borrow_mut(|deals| deals.insert(deal, root));
				let open = matched_with(terms());
				assert_eq!(open, deal);
				assert_ok!(Deals::acknowledge(signed(PROVIDER), deal));
				pass(2);
				assert_ok!(Deals::submit(signed(PROVIDER), deal, sealed(deal).seal(deal)));
			}
		},
		Step::Challenge(nth, reason) => {
			if let Some(deal) = live(nth) {
				let reason =
					[Reason::WrongResult, Reason::Overcharged, Reason::Unavailable][usize::from(reason)];
				if let Some(pallet_deals::DealState::Submitted { draw_at, .. }) =
					pallet_deals::Deals::<Test>::get(deal).map(|deal| deal.state)
				{
					go_to(draw_at.max(System::block_number()));
				}
				let _may_be_too_late = Deals::challenge(signed(CREATOR), deal, reason);
			}
		},
		Step::Audit(nth) => {
			if let Some(deal) = live(nth) {
				let _may_not_be_drawn = Deals::audit(signed(OTHER), deal);
			}
		},
		Step::Accept(nth, root) => {
			if let Some(deal) = live(nth) {
				let _may_be_wrong = Deals::accept(signed(CREATOR), deal, opening(root));
			}
		},
		Step::Open(nth) => {
			if let Some(deal) = live(nth) {
				let _may_be_too_early = Deals::reveal(signed(PROVIDER), deal, sealed(deal));
			}
		},
		Step::Draw(nth) => {
			if let Some(deal) = contested(nth) {
				call(OTHER, Call::draw { deal });
			}
		},
		Step::Expire(nth) => {
			if let Some(deal) = contested(nth) {
				call(OTHER, Call::expire { deal });
			}
			if let Some(deal) = live(nth) {
				let _may_be_too_early = Deals::expire(signed(OTHER), deal);
			}
		},
		Step::Commit(nth, seat, kind) => {
			if let Some(deal) = contested(nth) {
				if let Some(who) = panel(deal).get(seat) {
					cast(deal, *who, ballot(kind, seat));
				}
			}
		},
		Step::Reveal(nth, seat) => {
			if let Some(deal) = contested(nth) {
				if let Some(who) = panel(deal).get(seat) {
					show(deal, *who);
				}
			}
		},
		Step::Everybody(nth, lie) => {
			if let Some(deal) = contested(nth) {
				everybody(deal, lie);
			}
		},
		Step::Split(nth) => {
			if let Some(deal) = contested(nth) {
				for _ in 0..3 {
					if Cases::<Test>::contains_key(deal) {
						everybody(deal, 2);
					}
				}
			}
		},
		Step::Register(nth, tickets) => {
			call(
				crowd(nth),
				Call::register {
					capability: capable(),
					tickets,
				},
			);
		},
		Step::AddTickets(nth, tickets) => {
			call(crowd(nth), Call::add_tickets { tickets });
		},
		Step::Unbond(nth, tickets) => {
			call(crowd(nth), Call::unbond_tickets { tickets });
		},
		Step::Withdraw(nth) => {
			call(crowd(nth), Call::withdraw {});
		},
		Step::Slots(nth, slots) => {
			let capability = Capability { slots, ..capable() };
			call(crowd(nth), Call::set_capability { capability });
		},
		Step::Idle => {
			<Mediation as Hooks<_>>::on_idle(System::block_number(), Weight::MAX);
		},
		Step::Pass(blocks) => pass(blocks),
	}
}

/// Waits until everything has lapsed, expires it, and takes all bonds back.
fn wait_for_everything() {
	for _ in 0..200 {
		for deal in Cases::<Test>::iter_keys().collect::<Vec<_>>() {
			let due = stage(deal).due();
			go_to(System::block_number().max(due));
			if !call(OTHER, Call::draw { deal }) {
				assert!(
					call(OTHER, Call::expire { deal }),
					"what has lapsed can be expired"
				);
			}
			check();
		}
		for (id, deal) in pallet_deals::Deals::<Test>::iter().collect::<Vec<_>>() {
			if deal.state.deadline() < BlockNumber::MAX {
				go_to(System::block_number().max(deal.state.deadline() + 1));
				assert_ok!(Deals::expire(signed(OTHER), id));
				check();
			}
		}
		if pallet_deals::Deals::<Test>::iter_keys().count() == 0 {
			break;
		}
	}
	assert_eq!(Cases::<Test>::iter_keys().count(), 0);
	for _ in 0..2 {
		for who in CROWD {
			if let Some(mediator) = Mediators::<Test>::get(who) {
				let tickets = mediator.tickets.len() as u32;
				call(who, Call::unbond_tickets { tickets });
			}
		}
		pass(UNBONDING);
		for who in CROWD {
			call(who, Call::withdraw {});
		}
	}
	for _ in 0..2 {
		if let Some(bond) = pallet_deals::Bonds::<Test>::get(PROVIDER) {
			if bond.free() > 0 {
				assert_ok!(Deals::unbond(signed(PROVIDER), bond.free()));
			}
			pass(20);
			assert_ok!(Deals::withdraw_unbonded(signed(PROVIDER)));
		}
	}
}

/// One run. Returns the outcomes that came up.
fn run(steps: Vec<Step>, history: u64) -> Vec<Outcome> {
	new_test_ext().execute_with(|| {
		Salt::set(history);
		BALLOTS.with_borrow_mut(BTreeMap::clear);
		SEALED.with_borrow_mut(BTreeMap::clear);
		for who in CROWD {
			mint(who, 50 * TICKET);
			assert_ok!(Mediation::register(signed(who), capable(), 1 + (who % 3) as u32));
		}
		mint(CREATOR, 1_000 * ENDOWMENT);
		mint(PROVIDER, 1_000 * ENDOWMENT);
		assert_ok!(Deals::bond(signed(PROVIDER), 500 * ENDOWMENT));
		mint(POOL, 100 * PANEL_FEE);
		mint(REGISTRY, 10_000 * LP);
		AuthorBond::set(100 * LP);
		next_era();
		let issued = Balances::total_issuance();
		for step in steps {
			take(step);
			check();
			assert_eq!(Balances::total_issuance(), issued);
		}
		wait_for_everything();
		check();
		assert_eq!(Balances::total_issuance(), issued);
		assert_eq!(Mediators::<Test>::iter_keys().count(), 0);
		assert_eq!(Tickets::<Test>::iter_keys().count(), 0);
		assert_eq!(Due::<Test>::iter_keys().count(), 0);
		for (who, account) in frame_system::Account::<Test>::iter() {
			assert_eq!(account.data.reserved, 0, "nothing of {who} stays on hold");
		}
		Endings::get().into_iter().map(|(_, outcome)| outcome).collect()
	})
}

#[test]
fn nothing_stays_on_hold_whatever_happens() {
	let reached = RefCell::new(BTreeMap::<String, u32>::new());
	let strategy = (prop::collection::vec(step(), 20..100), any::<u64>());
	TestRunner::new(ProptestConfig {
		cases: 32,
		..ProptestConfig::with_source_file(file!())
	})
	.run(&strategy, |(steps, history)| {
		for outcome in run(steps, history) {
			let name = match outcome {
				Outcome::Accepted { .. } => "Accepted".into(),
				Outcome::Upheld { challenged, .. } => format!("Upheld, challenged: {challenged}"),
				Outcome::Overcharged { .. } => "Overcharged".into(),
				Outcome::Overturned { .. } => "Overturned".into(),
				Outcome::NonDeterministic { .. } => "NonDeterministic".into(),
				Outcome::UnresolvedAudit { .. } => "UnresolvedAudit".into(),
				other => format!("{other:?}"),
			};
			*reached.borrow_mut().entry(name).or_default() += 1;
		}
		Ok(())
	})
	.expect("no counterexample");
	let reached = reached.into_inner();
	println!("how often each outcome came up: {reached:?}");
	for expected in [
		"Accepted",
		"NonDeterministic",
		"Overcharged",
		"Overturned",
		"TimedOut",
		"UnresolvedChallenge",
		"Upheld, challenged: true",
	] {
		assert!(
			reached.contains_key(expected),
			"the runs must reach {expected}: {reached:?}"
		);
	}
}
