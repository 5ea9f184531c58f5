//! What matching and whole jobs cost: `make bench-market`.
//!
//! Times are those of the native, unoptimised build on a state in memory behind a node's caches: they show how cost *grows*,
//! not what a node needs. Weights are those that the runtime declares. Reads and writes are counted as the SDK's benchmarks count them:
//! different keys of the state, without those that every transaction touches anyway.

mod cached;
#[path = "../market/chain.rs"]
#[allow(dead_code)]
mod chain;
mod count;
#[path = "../market/judging.rs"]
#[allow(dead_code)]
mod judging;
#[path = "../market/signed.rs"]
#[allow(dead_code)]
mod signed;
mod verification;

use cached::on_cached;
use chain::*;
use count::{counted, Count};
use frame_support::{
	assert_ok,
	dispatch::{DispatchClass, GetDispatchInfo},
	storage::{storage_prefix, with_transaction, TransactionOutcome},
	traits::fungible::Mutate,
	weights::Weight,
};
use lilypad_primitives::{CreatorPolicy, DealId, JobRequest, LP};
use lilypad_runtime::{
	AccountId, Balances, Runtime, RuntimeBlockWeights, RuntimeCall, RuntimeOrigin, System,
};
use pallet_deals::Call as D;
use pallet_market::{Call as M, OfferParams};
use signed::transact;
use sp_runtime::{traits::Dispatchable, DispatchError};
use std::{
	collections::BTreeMap,
	time::{Duration, Instant},
};

fn provider(n: u32) -> AccountId {
	let mut bytes = [0xcc; 32];
	bytes[..4].copy_from_slice(&n.to_le_bytes());
	// Spread, as real accounts are.
	AccountId::new(sp_io::hashing::blake2_256(&bytes))
}

/// This many offers of as many providers as that takes. They are dearer one after another.
fn open_offers(count: u32, base_rate: u128, closed: bool, first_provider: u32) {
	for n in 0..count {
		let who = provider(first_provider + n / 16);
		if n % 16 == 0 {
			assert_ok!(Balances::mint_into(&who, 1_000 * LP));
		}
		let mut params: OfferParams<AccountId> = machine(base_rate + u128::from(n), 1_000);
		if closed {
			params.creators = CreatorPolicy::Only(Default::default());
		}
		let call: RuntimeCall = M::post_offer { params }.into();
		assert_ok!(call.dispatch(RuntimeOrigin::signed(who)));
	}
}

struct Measured {
	time: Duration,
	accesses: Count,
	weight: Weight,
	matched: bool,
}

/// Posts a job many times, undoing it each time. Of the times the lowest tenth's last, which what else the machine does
/// hardly touches.
fn post_a_job() -> Measured {
	let call: RuntimeCall = M::post_job { request: request() }.into();
	let declared = call.get_dispatch_info().call_weight;
	let mut times = Vec::new();
	let (outcome, accesses) = counted(|| {
		with_transaction(|| {
			let result = call
				.clone()
				.dispatch(RuntimeOrigin::signed(CREATOR.to_account_id()));
			TransactionOutcome::Rollback(result.map(|_| ()).map_err(|e| e.error))
		})
	});
	assert_ok!(outcome);
	let mut weight = declared;
	let mut matched = false;
	for _ in 0..301 {
		let call = call.clone();
		let job = pallet_market::NextJobId::<Runtime>::get();
		let outcome: Result<(), DispatchError> = with_transaction(|| {
			let start = Instant::now();
			let result = call.dispatch(RuntimeOrigin::signed(CREATOR.to_account_id()));
			times.push(start.elapsed());
			weight = result.expect("the job is good").actual_weight.unwrap_or(declared);
			matched = deal_of(job).is_some();
			TransactionOutcome::Rollback(Ok(()))
		});
		assert_ok!(outcome);
	}
	times.sort();
	Measured {
		time: times[times.len() / 10],
		accesses,
		weight,
		matched,
	}
}

fn micros(time: Duration) -> f64 {
	time.as_secs_f64() * 1e6
}

#[test]
#[ignore = "measures: make bench-market"]
fn matching_against_many_offers() {
	let call: RuntimeCall = M::post_job { request: request() }.into();
	let declared = call.get_dispatch_info().call_weight;
	println!(
		"post_job declares {} µs in advance; by the number of open offers:",
		declared.ref_time() / 1_000_000
	);
	println!(
		"{:>8} {:>9} {:>10} {:>7} {:>7} {:>11}",
		"offers", "misfits", "native µs", "reads", "writes", "weighed µs"
	);
	let mut flat = Vec::new();
	for (offers, misfits) in [
		(10, 0),
		(100, 0),
		(1_000, 0),
		(10_000, 0),
		(100_000, 0),
		(1_000, 31),
		(1_000, 1_000),
		(100_000, 1_000),
	] {
		let mut ext = new_test_ext();
		ext.execute_with(|| {
			open_offers(misfits, RATE / 4, true, 1_000_000);
			open_offers(offers, RATE, false, 0);
			let bond = D::bond { amount: 500 * LP };
			assert_ok!(RuntimeCall::from(bond).dispatch(RuntimeOrigin::signed(provider(0))));
			System::reset_events();
		});
		ext.commit_all().expect("no transaction is open");
		let measured = on_cached(&ext, post_a_job);
		assert_eq!(measured.matched, misfits < 32);
		println!(
			"{offers:>8} {misfits:>9} {:>10.0} {:>7} {:>7} {:>11} {}",
			micros(measured.time),
			measured.accesses.reads(),
			measured.accesses.writes(),
			measured.weight.ref_time() / 1_000_000,
			if measured.matched {
				"matched at once"
			} else {
				"waits, for a solver to propose"
			}
		);
		if misfits == 0 {
			flat.push(micros(measured.time));
		}
	}
	let (least, most) = (
		flat.iter().copied().fold(f64::MAX, f64::min),
		flat.iter().copied().fold(0.0, f64::max),
	);
	println!(
		"without misfits the slowest takes {:.0} % longer than the fastest",
		100.0 * (most / least - 1.0)
	);
}

/// One transaction of a whole job, and what it costs.
struct Cost {
	name: &'static str,
	count: Count,
	/// What it takes of its block, after refunds.
	weight: Weight,
	/// What it takes of that from the share of entitled calls.
	entitled: Weight,
	length: u32,
}

/// Applies a transaction as if its block were empty.
fn cost(who: Who, name: &'static str, call: impl Into<RuntimeCall>) -> Cost {
	let call = call.into();
	let length = codec::Encode::encoded_size(&call) as u32 + 120;
	frame_system::BlockWeight::<Runtime>::kill();
	pallet_feeless::Used::<Runtime>::kill();
	let (result, count) = counted(|| transact(who, call));
	assert_eq!(result, Ok(Ok(())));
	Cost {
		name,
		count,
		weight: *System::block_weight().get(DispatchClass::Normal),
		entitled: pallet_feeless::Used::<Runtime>::take(),
		length,
	}
}

fn whole_job() -> (DealId, Vec<Cost>) {
	let job = pallet_market::NextJobId::<Runtime>::get();
	let mut costs = vec![cost(CREATOR, "post_job", M::post_job { request: request() })];
	let deal = deal_of(job).expect("matched at once");
	costs.push(cost(PROVIDER, "acknowledge", D::acknowledge { deal }));
	pass(2);
	let seal = opening().seal(deal);
	costs.push(cost(PROVIDER, "submit", D::submit { deal, seal }));
	draw(deal);
	let opening = opening();
	costs.push(cost(CREATOR, "accept", D::accept { deal, opening }));
	(deal, costs)
}

#[test]
#[ignore = "measures: make bench-market"]
fn whole_jobs_and_how_many_fit_into_a_block() {
	let mut ext = new_test_ext();
	ext.execute_with(|| {
		offer(PROVIDER, machine(RATE, 4));
	});
	ext.commit_all().expect("no transaction is open");
	let (_, costs) = ext.execute_with(whole_job);
	println!(
		"{:>12} {:>6} {:>7} {:>10} {:>7}",
		"call", "reads", "writes", "weight µs", "bytes"
	);
	let (mut sum, mut entitled) = (Weight::zero(), Weight::zero());
	let (mut reads, mut writes, mut length) = (0, 0, 0);
	for cost in &costs {
		println!(
			"{:>12} {:>6} {:>7} {:>10} {:>7}",
			cost.name,
			cost.count.reads(),
			cost.count.writes(),
			cost.weight.ref_time() / 1_000_000,
			cost.length
		);
		sum = sum.saturating_add(cost.weight);
		entitled = entitled.saturating_add(cost.entitled);
		reads += cost.count.reads();
		writes += cost.count.writes();
		length += cost.length;
	}
	println!(
		"{:>12} {reads:>6} {writes:>7} {:>10} {length:>7}",
		"whole job",
		sum.ref_time() / 1_000_000
	);
	if std::env::var_os("KEYS").is_some() {
		for cost in &costs {
			println!("{} writes {:#?}", cost.name, cost.count.written());
		}
	}
	let normal = RuntimeBlockWeights::get()
		.get(DispatchClass::Normal)
		.max_total
		.expect("there is a limit");
	let fit = |room: Weight, one: &Weight| room.checked_div_per_component(one).expect("it weighs something");
	println!(
		"whole jobs in a block: {} by weight ({} ms for ordinary transactions), {} by the share of entitled calls",
		fit(normal, &sum),
		normal.ref_time() / 1_000_000_000,
		fit(pallet_feeless::Pallet::<Runtime>::allowance(), &entitled),
	);
}

/// Forgets what a block keeps until its end.
fn end_block() {
	System::reset_events();
	let transactions = storage_prefix(b"System", b"ExtrinsicData");
	let _all_of_them = sp_io::storage::clear_prefix(&transactions, None);
}

/// All of the state, by key.
fn state() -> BTreeMap<Vec<u8>, usize> {
	let mut all = BTreeMap::new();
	let mut key = Vec::new();
	while let Some(next) = sp_io::storage::next_key(&key) {
		let size = sp_io::storage::get(&next).map_or(0, |value| value.len());
		all.insert(next.clone(), size);
		key = next;
	}
	all
}

#[test]
#[ignore = "measures: make bench-market"]
fn what_a_thousand_settled_jobs_leave_behind() {
	let mut ext = new_test_ext();
	ext.execute_with(|| {
		offer(PROVIDER, machine(RATE, 4));
		// The first creates what stays for ever: counters, the accounts of those who are paid.
		whole_job();
		end_block();
		let before = state();
		for _ in 0..1_000 {
			whole_job();
			end_block();
		}
		let after = state();
		let left: Vec<_> = after.keys().filter(|key| !before.contains_key(*key)).collect();
		let grown: i64 = after.values().sum::<usize>() as i64 - before.values().sum::<usize>() as i64;
		println!(
			"1,000 settled jobs leave {} entries and {grown} bytes behind",
			left.len()
		);
		assert!(left.is_empty(), "among them {:?}", left.first());
		assert_eq!(grown, 0);
	});
}

#[test]
#[ignore = "measures: make bench-market"]
fn jobs_that_end_otherwise_leave_nothing_behind_either() {
	let mut ext = new_test_ext();
	ext.execute_with(|| {
		let id = offer(PROVIDER, machine(RATE, 4));
		let resume = |id| {
			let _active_already = call(PROVIDER, M::resume_offer { offer: id });
		};
		let round = || {
			resume(id);
			let job = post(
				CREATOR,
				JobRequest {
					retries: 1,
					..request()
				},
			);
			lapse(deal_of(job).expect("matched"));
			sweep_deals();
			pass(60);
			idle();
			resume(id);
			let job = post(CREATOR, request());
			assert_ok!(call(CREATOR, M::cancel_job { job }));
			let deal = deal_of(post(CREATOR, request())).expect("matched");
			assert_ok!(call(PROVIDER, D::report_unfetchable { deal }));
			pass(60);
			idle();
			System::reset_events();
		};
		round();
		let before = state();
		for _ in 0..100 {
			round();
		}
		let after = state();
		let left: Vec<_> = after.keys().filter(|key| !before.contains_key(*key)).collect();
		assert!(left.is_empty(), "{left:?}");
		println!("300 jobs that failed, expired or were cancelled leave nothing behind");
	});
}
