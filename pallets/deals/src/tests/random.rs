//! Random calls by everybody, while time passes. Whatever happens, the invariants hold after every call, the coin is
//! conserved, whoever was let in for free succeeds, and once all deadlines have passed nothing stays on hold.

use super::*;
use crate::{Call, Config, DealOf, Pallet};
use frame_support::{
	dispatch::{CheckIfFeeless, GetDispatchInfo},
	traits::Get,
};
use lilypad_primitives::Judge;
use proptest::{prelude::*, test_runner::TestRunner};
use sp_runtime::traits::Dispatchable;
use std::{cell::RefCell, collections::BTreeMap};

const PROVIDERS: [AccountId; 3] = [PROVIDER, OTHER, SOLVER];
const CREATORS: [AccountId; 2] = [CREATOR, AUTHOR];

#[derive(Clone, Debug)]
enum Step {
	Bond(usize, u128),
	Unbond(usize, u128),
	Withdraw(usize),
	Post {
		creator: usize,
		provider: usize,
		budget: u128,
		retries: u8,
		solver: Option<usize>,
		judge: Judge<AccountId>,
	},
	Rematch(usize, usize),
	Acknowledge(usize),
	Decline(usize),
	Unfetchable(usize),
	Submit(usize),
	/// The result's usage and status are the deal's; this says whether the opening is the right one.
	Accept(usize, bool),
	Reveal(usize, bool),
	Cancel(usize),
	Expire(usize),
	Stranger(usize, usize),
	Draw(usize),
	Audit(usize),
	Challenge(usize, u8),
	/// Mediation has, or hasn't, mediators; they have committed, or haven't.
	Panel(bool, bool),
	/// A verdict on a disputed deal, and how many votes are paid.
	Rule(usize, u8, usize),
	/// A submitted result is drawn or challenged, perhaps opened, and ruled on.
	Case {
		nth: usize,
		audit: bool,
		open: bool,
		verdict: u8,
		votes: usize,
	},
	Sweep,
	Pass(u32),
	Delay(u64),
}

fn step() -> impl Strategy<Value = Step> {
	let deal = || 0usize..8;
	let provider = || 0usize..PROVIDERS.len();
	prop_oneof![
		2 => (provider(), 0u128..200).prop_map(|(who, lp)| Step::Bond(who, lp * LP)),
		1 => (provider(), 0u128..200).prop_map(|(who, lp)| Step::Unbond(who, lp * LP)),
		1 => provider().prop_map(Step::Withdraw),
		6 => (0..CREATORS.len(), provider(), 15u128..40, 0u8..3, proptest::option::of(provider()), judge()).prop_map(
			|(creator, provider, lp, retries, solver, judge)| {
				Step::Post { creator, provider, budget: lp * LP, retries, solver, judge }
			}
		),
		6 => (deal(), provider()).prop_map(|(job, who)| Step::Rematch(job, who)),
		6 => deal().prop_map(Step::Acknowledge),
		1 => deal().prop_map(Step::Decline),
		3 => deal().prop_map(Step::Unfetchable),
		6 => deal().prop_map(Step::Submit),
		4 => (deal(), prop::bool::weighted(0.8)).prop_map(|(deal, right)| Step::Accept(deal, right)),
		4 => (deal(), prop::bool::weighted(0.8)).prop_map(|(deal, right)| Step::Reveal(deal, right)),
		1 => deal().prop_map(Step::Cancel),
		3 => deal().prop_map(Step::Expire),
		1 => (deal(), provider()).prop_map(|(deal, who)| Step::Stranger(deal, who)),
		2 => deal().prop_map(Step::Draw),
		2 => deal().prop_map(Step::Audit),
		3 => (deal(), 0u8..3).prop_map(|(deal, reason)| Step::Challenge(deal, reason)),
		2 => (prop::bool::weighted(0.8), any::<bool>()).prop_map(|(has, reveals)| Step::Panel(has, reveals)),
		6 => (deal(), 0u8..7, 0usize..4).prop_map(|(deal, verdict, votes)| Step::Rule(deal, verdict, votes)),
		4 => (deal(), any::<bool>(), prop::bool::weighted(0.8), 0u8..7, 0usize..4).prop_map(
			|(nth, audit, open, verdict, votes)| Step::Case { nth, audit, open, verdict, votes }
		),
		1 => Just(Step::Sweep),
		6 => (1u32..8).prop_map(Step::Pass),
		1 => (0u64..10_000).prop_map(Step::Delay),
	]
}

/// Most creators judge for themselves.
fn judge() -> impl Strategy<Value = Judge<AccountId>> {
	prop_oneof![
		4 => Just(Judge::Creator),
		2 => (0..CREATORS.len()).prop_map(|who| Judge::Delegate(CREATORS[who])),
		1 => Just(Judge::Nobody),
	]
}

/// The result of a deal: some fail, some claim too much.
fn opening_of(deal: DealId) -> Opening {
	let status = if deal.0 % 3 == 2 {
		Status::MemoryExceeded
	} else {
		Status::Completed
	};
	let usage = if deal.0 % 5 == 4 {
		30_000
	} else {
		500 + 700 * (deal.0 % 4)
	};
	Opening {
		triple: Triple {
			status,
			..opening().triple
		},
		usage,
		salt: [deal.0 as u8; 32],
	}
}

fn live(nth: usize) -> Option<DealId> {
	pick(nth, |_| true)
}

/// One of the live deals: for even numbers one that satisfies the condition, if any does.
fn pick(nth: usize, wanted: impl Fn(&DealOf<Test>) -> bool) -> Option<DealId> {
	let mut deals: Vec<_> = Deals::<Test>::iter().collect();
	if nth.is_multiple_of(2) && deals.iter().any(|(_, deal)| wanted(deal)) {
		deals.retain(|(_, deal)| wanted(deal));
	}
	deals.sort_by_key(|(id, _)| *id);
	(!deals.is_empty()).then(|| deals[(nth / 2) % deals.len()].0)
}

fn is_matched(deal: &DealOf<Test>) -> bool {
	matches!(deal.state, DealState::Matched { .. })
}

fn is_running(deal: &DealOf<Test>) -> bool {
	matches!(deal.state, DealState::Running { .. })
}

fn is_submitted(deal: &DealOf<Test>) -> bool {
	matches!(deal.state, DealState::Submitted { .. })
}

fn is_disputed(deal: &DealOf<Test>) -> bool {
	matches!(deal.state, DealState::Disputed { .. })
}

/// Rules on a deal, if it is in dispute.
fn rule_on(deal: DealId, verdict: u8, votes: usize) {
	if !Deals::<Test>::get(deal).is_some_and(|deal| is_disputed(&deal)) {
		return;
	}
	let opened = <DealsPallet as Arbitrable<_>>::opening(deal).is_some();
	let verdict = match verdict {
		0 if opened => Verdict::Upheld,
		1 if opened => Verdict::Overcharged { median: 100 },
		2 if opened => {
			AuthorBond::set(50 * LP);
			Verdict::NonDeterministic
		},
		3 => Verdict::Unresolved,
		4 => Verdict::NoPanel,
		5 => Verdict::Unfunded,
		_ => Verdict::Overturned { result: None },
	};
	// A panel votes only if it is called, and it is called only if it can be paid.
	let funded = votes > 1 && <DealsPallet as Arbitrable<_>>::fund_round(deal, Round::Three);
	rule(deal, verdict, votes.min(if funded { 3 } else { 1 }));
}

/// Whose image or inputs another provider has reported already.
fn is_unfetchable(deal: &DealOf<Test>) -> bool {
	is_matched(deal) && Jobs::get(deal.job).is_some_and(|job| job.unfetchable)
}

/// Who judges the result, or would, and who provides it.
fn parties(deal: DealId) -> (AccountId, AccountId) {
	let terms = Deals::<Test>::get(deal).expect("the deal lives").terms;
	(*terms.challenger(), terms.provider)
}

/// Makes a call. If it was let in for free, it must succeed; and a free call that would succeed is let in.
fn call(who: AccountId, call: Call<Test>) {
	let may_be_free = matches!(
		call,
		Call::acknowledge { .. } | Call::submit { .. } | Call::reveal { .. } | Call::audit { .. }
	);
	let call = RuntimeCall::DealsPallet(call);
	assert!(call.get_dispatch_info().call_weight.ref_time() > 0);
	let free = call.is_feeless(&signed(who));
	let result = call.dispatch(signed(who));
	if may_be_free {
		assert_eq!(free, result.is_ok(), "{result:?}");
	} else {
		assert!(!free);
	}
}

fn take(step: Step) {
	let opening_for = |deal, right| {
		let opening = opening_of(deal);
		if right {
			opening
		} else {
			Opening {
				salt: [255; 32],
				..opening
			}
		}
	};
	match step {
		Step::Bond(who, amount) => call(PROVIDERS[who], Call::bond { amount }),
		Step::Unbond(who, amount) => call(PROVIDERS[who], Call::unbond { amount }),
		Step::Withdraw(who) => call(PROVIDERS[who], Call::withdraw_unbonded {}),
		Step::Post {
			creator,
			provider,
			budget,
			retries,
			solver,
			judge,
		} => {
			let terms = Terms {
				creator: CREATORS[creator],
				judge,
				budget,
				solver: solver.map(|who| PROVIDERS[who]),
				..terms(PROVIDERS[provider])
			};
			if let Ok(job) = post_job(terms, retries) {
				let _may_lack_bond = match_job(job, PROVIDERS[provider]);
			}
		},
		Step::Rematch(nth, who) => {
			let mut waiting: Vec<_> = Jobs::iter()
				.filter(|(_, job)| job.deal.is_none())
				.map(|(id, _)| id)
				.collect();
			waiting.sort();
			if !waiting.is_empty() {
				let _may_lack_bond = match_job(waiting[nth % waiting.len()], PROVIDERS[who]);
			}
		},
		Step::Draw(nth) => Drawn::mutate(|drawn| drawn.extend(live(nth))),
		Step::Audit(nth) => on(nth, is_submitted, |deal, _, provider| {
			call(provider, Call::audit { deal })
		}),
		Step::Challenge(nth, reason) => on(nth, is_submitted, |deal, creator, _| {
			let reason = match reason {
				0 => Reason::WrongResult,
				1 => Reason::Overcharged,
				_ => Reason::Unavailable,
			};
			call(creator, Call::challenge { deal, reason });
		}),
		Step::Panel(has, reveals) => {
			HasPanel::set(has);
			PanelReveals::set(reveals);
		},
		Step::Rule(nth, verdict, votes) => on(nth, is_disputed, |deal, _, _| rule_on(deal, verdict, votes)),
		Step::Case {
			nth,
			audit,
			open,
			verdict,
			votes,
		} => on(
			nth,
			|deal| is_running(deal) || is_submitted(deal),
			|deal, creator, provider| {
				let seal = opening_of(deal).seal(deal);
				call(provider, Call::submit { deal, seal });
				pass(DRAW);
				if audit {
					Drawn::mutate(|drawn| drawn.push(deal));
				}
				let reason = Reason::WrongResult;
				call(creator, Call::challenge { deal, reason });
				if open {
					PanelReveals::set(true);
					let opening = opening_of(deal);
					call(provider, Call::reveal { deal, opening });
					PanelReveals::set(false);
				}
				rule_on(deal, verdict, votes);
			},
		),
		Step::Sweep => {
			<DealsPallet as frame_support::traits::Hooks<_>>::on_idle(
				System::block_number(),
				Pallet::<Test>::expire_weight() * 2,
			);
		},
		Step::Pass(blocks) => pass(blocks),
		Step::Delay(millis) => Delay::mutate(|delay| *delay += millis),
		Step::Stranger(nth, who) => {
			if let Some(deal) = live(nth) {
				let (creator, provider) = parties(deal);
				let who = PROVIDERS[who];
				if who != creator && who != provider {
					let before = balances();
					call(who, Call::acknowledge { deal });
					call(
						who,
						Call::submit {
							deal,
							seal: Seal([0; 32]),
						},
					);
					call(
						who,
						Call::accept {
							deal,
							opening: opening_of(deal),
						},
					);
					call(
						who,
						Call::reveal {
							deal,
							opening: opening_of(deal),
						},
					);
					call(who, Call::decline { deal });
					assert_changed(&before, &[]);
				}
			}
		},
		Step::Acknowledge(nth) => on(nth, is_matched, |deal, _, provider| {
			call(provider, Call::acknowledge { deal })
		}),
		Step::Decline(nth) => on(nth, is_matched, |deal, _, provider| {
			call(provider, Call::decline { deal })
		}),
		Step::Unfetchable(nth) => on(nth, is_unfetchable, |deal, _, provider| {
			call(provider, Call::report_unfetchable { deal })
		}),
		Step::Submit(nth) => on(nth, is_running, |deal, _, provider| {
			call(
				provider,
				Call::submit {
					deal,
					seal: opening_of(deal).seal(deal),
				},
			);
		}),
		Step::Accept(nth, right) => on(nth, is_submitted, |deal, creator, _| {
			call(
				creator,
				Call::accept {
					deal,
					opening: opening_for(deal, right),
				},
			);
		}),
		Step::Reveal(nth, right) => on(nth, is_submitted, |deal, _, provider| {
			call(
				provider,
				Call::reveal {
					deal,
					opening: opening_for(deal, right),
				},
			);
		}),
		Step::Cancel(nth) => on(
			nth,
			|_| true,
			|deal, _, _| {
				let _may_be_too_late = <DealsPallet as DealsSeam<_>>::cancel(deal);
			},
		),
		Step::Expire(nth) => on(nth, |_| true, |deal, _, _| call(NOBODY, Call::expire { deal })),
	}
}

fn on(nth: usize, wanted: fn(&DealOf<Test>) -> bool, act: impl FnOnce(DealId, AccountId, AccountId)) {
	if let Some(deal) = pick(nth, wanted) {
		let (creator, provider) = parties(deal);
		act(deal, creator, provider);
	}
}

/// Waits until everything has lapsed, expires it, withdraws what waits, and unbonds.
fn wait_for_everything() {
	while let Some(deal) = live(0) {
		rule_on(deal, 3, 0);
		if !Deals::<Test>::contains_key(deal) {
			continue;
		}
		go_to(System::block_number().max(deadline(deal) + 1));
		call(NOBODY, Call::expire { deal });
		assert!(
			!Deals::<Test>::contains_key(deal),
			"what has lapsed can be expired"
		);
		DealsPallet::do_try_state().expect("the invariants hold");
	}
	for job in Jobs::iter_keys().collect::<Vec<_>>() {
		withdraw_job(job);
	}
	for who in PROVIDERS {
		if let Some(bond) = Bonds::<Test>::get(who) {
			pass(<Test as Config>::UnbondingBlocks::get());
			let _may_have_nothing_due = DealsPallet::withdraw_unbonded(signed(who));
			if bond.free() > 0 {
				assert_ok!(DealsPallet::unbond(signed(who), bond.free()));
				pass(<Test as Config>::UnbondingBlocks::get());
				assert_ok!(DealsPallet::withdraw_unbonded(signed(who)));
			}
		}
	}
}

/// One run. Returns the outcomes that came up.
fn run(steps: Vec<Step>, rematch: Option<usize>) -> Vec<Outcome> {
	new_test_ext().execute_with(|| {
		for who in PROVIDERS {
			assert_ok!(DealsPallet::bond(signed(who), BOND));
		}
		for who in [POOL, REGISTRY, CREATOR, AUTHOR] {
			mint(who, 100_000 * LP);
		}
		Rematch::set(rematch.map(|who| PROVIDERS[who]));
		let issued = Balances::total_issuance();
		for step in steps {
			take(step);
			DealsPallet::do_try_state().expect("the invariants hold");
			assert_eq!(Balances::total_issuance(), issued);
		}
		Drawn::set(vec![]);
		wait_for_everything();
		DealsPallet::do_try_state().expect("the invariants hold");
		assert_eq!(Balances::total_issuance(), issued);
		assert_eq!(Lapses::<Test>::iter_keys().count(), 0);
		assert_eq!(Bonds::<Test>::iter_keys().count(), 0);
		for (who, account) in frame_system::Account::<Test>::iter() {
			assert_eq!(account.data.reserved, 0, "nothing of {who} stays on hold");
		}
		Record::get()
			.into_iter()
			.filter_map(|told| match told {
				Told::Settled { outcome, .. } => Some(outcome),
				Told::RunEnded(_) => None,
			})
			.collect()
	})
}

#[test]
fn nothing_stays_on_hold_whatever_happens() {
	let reached = RefCell::new(BTreeMap::<String, u32>::new());
	let strategy = (
		prop::collection::vec(step(), 1..80),
		proptest::option::of(0usize..3),
	);
	TestRunner::new(ProptestConfig {
		cases: 256,
		..ProptestConfig::with_source_file(file!())
	})
	.run(&strategy, |(steps, rematch)| {
		for outcome in run(steps, rematch) {
			let name = match outcome {
				Outcome::Accepted { completed, .. } => format!("Accepted, completed: {completed}"),
				Outcome::CancelledRunning { .. } => "CancelledRunning".into(),
				Outcome::Upheld { challenged, .. } => format!("Upheld, challenged: {challenged}"),
				Outcome::Overcharged { .. } => "Overcharged".into(),
				Outcome::Overturned { .. } => "Overturned".into(),
				Outcome::NonDeterministic { challenged, .. } => {
					format!("NonDeterministic, challenged: {challenged}")
				},
				Outcome::UnresolvedAudit { .. } => "UnresolvedAudit".into(),
				other => format!("{other:?}"),
			};
			*reached.borrow_mut().entry(name).or_default() += 1;
		}
		Ok(())
	})
	.expect("no counterexample");
	let expected = [
		"Accepted, completed: false",
		"Accepted, completed: true",
		"CancelledBeforeAck",
		"CancelledRunning",
		"Declined",
		"NoShow",
		"NonDeterministic, challenged: false",
		"NonDeterministic, challenged: true",
		"Overcharged",
		"Overturned",
		"TimedOut",
		"Unfetchable { again: false }",
		"Unfetchable { again: true }",
		"UnresolvedAudit",
		"UnresolvedChallenge",
		"Upheld, challenged: false",
		"Upheld, challenged: true",
	];
	let reached = reached.into_inner();
	println!("how often each outcome came up: {reached:?}");
	assert!(
		reached.keys().eq(expected),
		"the runs must reach every outcome: {reached:?}"
	);
}
