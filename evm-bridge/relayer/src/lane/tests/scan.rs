//! What is read of the EVM chain, and what is noticed.

use super::*;
use crate::{
	error::LaneError,
	evm::{fake::*, EvmError},
	journal::{InboundRecord, MessageId},
	market::fake::LANE,
};
use lilypad_client::gateway::{FinalityRule, Inbound};

fn seen(rig: &Rig) -> Vec<Inbound> {
	let open = rig.lane.journal.open_inbound(LANE, 100).expect("read");
	open.into_iter()
		.map(|(_, record): (u64, InboundRecord)| record.message)
		.collect()
}

/// On a chain whose blocks count as final when two more stand on them.
async fn without_finality() -> Rig {
	let rig = Rig::new();
	rig.market.storage().view.lane.finality = FinalityRule::Confirmations(2);
	rig.refresh().await;
	rig
}

/// Puts deposits into blocks of their own and makes them final.
fn deposits(rig: &Rig, ids: std::ops::RangeInclusive<u64>) {
	for id in ids {
		rig.evm.mine(vec![log_of(&deposit(id, 10))]);
	}
	rig.evm.mine_empty(2);
}

/// What the gateway logs when this payout arrives.
fn payout_log(nonce: u64) -> alloy::primitives::LogData {
	let log = crate::evm::abi::Gateway::PaidOut {
		nonce,
		to: GATEWAY,
		amount: alloy::primitives::aliases::U96::from(1),
	};
	alloy::sol_types::SolEvent::encode_log_data(&log)
}

#[tokio::test]
async fn what_is_final_is_read_and_nothing_else() {
	let rig = Rig::new();
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("an empty chain");
	let request = Inbound::Request(request(1, 50));
	rig.evm.mine(vec![log_of(&request)]);
	rig.evm.mine_empty(1);
	scanner.step().await.expect("read");
	assert_eq!(seen(&rig), []);
	rig.evm.mine_empty(1);
	scanner.step().await.expect("read");
	assert_eq!(seen(&rig), [request]);
}

#[tokio::test]
async fn reading_begins_before_the_first_number_that_is_not_decided() {
	let rig = Rig::new();
	for id in 1..=2 {
		let handled = lilypad_client::gateway::Handled {
			digest: deposit(id, 10).digest(),
			amount: 10,
			replaced: false,
		};
		rig.market.storage().handled.insert(id, handled);
	}
	deposits(&rig, 1..=5);
	Scanner::new(rig.lane.clone()).step().await.expect("read");
	assert_eq!(seen(&rig), [deposit(3, 10), deposit(4, 10), deposit(5, 10)]);
}

#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
	let mut rig = Rig::new();
	deposits(&rig, 1..=3);
	Scanner::new(rig.lane.clone()).step().await.expect("read");
	let asked = rig.endpoints[0].asked("logs");
	rig.restart();
	deposits(&rig, 4..=4);
	Scanner::new(rig.lane.clone()).step().await.expect("read");
	assert_eq!(seen(&rig).len(), 4);
	assert_eq!(rig.endpoints[0].asked("logs"), asked + 1, "only what is new");
}

#[tokio::test]
async fn ranges_shrink_to_what_the_endpoint_takes() {
	let rig = Rig::new();
	Scanner::new(rig.lane.clone()).step().await.expect("read");
	rig.evm.mine_empty(100);
	deposits(&rig, 1..=3);
	rig.endpoints[0].ways().max_span = Some(16);
	let mut scanner = Scanner::new(rig.lane.clone());
	for _ in 0..10 {
		scanner.step().await.expect("read");
	}
	assert_eq!(seen(&rig).len(), 3);
}

#[tokio::test]
async fn an_endpoint_that_leaves_a_log_out_is_caught_and_another_asked() {
	for omitted in 1..=3 {
		let rig = Rig::with(2, 0);
		deposits(&rig, 1..=3);
		rig.endpoints[0].ways().omits = Some(omitted);
		let mut scanner = Scanner::new(rig.lane.clone());
		let mut caught = 0;
		for _ in 0..6 {
			match scanner.step().await {
				Ok(()) => (),
				Err(LaneError::Evm(EvmError::Untrue(_))) => caught += 1,
				// While it is set aside, two can't agree.
				Err(LaneError::Evm(EvmError::Exhausted(_))) => (),
				Err(other) => panic!("{other}"),
			}
			clock::advance(Duration::from_millis(500));
		}
		assert!(caught > 0, "number {omitted} was left out and nobody noticed");
		let status = rig.lane.pool.status();
		assert!(
			status[0].distrusted > 0 && status[0].trouble.is_some(),
			"{status:?}"
		);
		// With both demanded to agree nothing goes on while one omits; once it is mended it does.
		rig.endpoints[0].ways().omits = None;
		clock::advance(Duration::from_secs(600));
		for _ in 0..6 {
			scanner.step().await.ok();
			clock::advance(Duration::from_secs(10));
		}
		assert_eq!(seen(&rig).len(), 3);
	}
}

#[tokio::test]
async fn two_honest_endpoints_outweigh_one_that_forges() {
	let rig = Rig::with(3, 0);
	deposits(&rig, 1..=2);
	rig.endpoints[0].ways().forges = true;
	let mut scanner = Scanner::new(rig.lane.clone());
	for _ in 0..10 {
		scanner.step().await.ok();
		clock::advance(Duration::from_secs(1));
	}
	assert_eq!(
		seen(&rig),
		[deposit(1, 10), deposit(2, 10)],
		"never what was forged"
	);
}

#[tokio::test]
async fn arrivals_that_one_endpoint_makes_up_are_not_believed() {
	for endpoints in [2, 3] {
		let rig = Rig::with(endpoints, 0);
		let mut scanner = Scanner::new(rig.lane.clone());
		scanner.step().await.expect("read");
		let log = payout_log(4);
		rig.endpoints[0].ways().invents = Some((2, log));
		rig.evm.mine_empty(6);
		let mut noticed = 0;
		for _ in 0..10 {
			noticed += u32::from(scanner.step().await.is_err());
			clock::advance(Duration::from_secs(1));
		}
		assert!(noticed > 0);
		let arrived = rig.lane.journal.arrived(LANE, MessageId::Payout(4));
		assert_eq!(arrived.expect("read"), None);
		let read = rig.lane.journal.cursor(LANE).expect("read").expect("begun").block;
		assert_eq!(read > 2, endpoints == 3, "two others outvote it");
	}
}

#[tokio::test]
async fn lost_answers_and_rate_limits_are_waited_out() {
	let rig = Rig::new();
	deposits(&rig, 1..=3);
	rig.endpoints[0].ways().loses = 40;
	rig.endpoints[0].ways().limits_rate = 3;
	let mut scanner = Scanner::new(rig.lane.clone());
	for _ in 0..20 {
		scanner.step().await.ok();
		clock::advance(Duration::from_secs(5));
	}
	assert_eq!(seen(&rig).len(), 3);
}

#[tokio::test]
async fn a_deep_reorganisation_is_noticed_and_what_changed_is_opened_again() {
	let rig = without_finality().await;
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	deposits(&rig, 1..=3);
	scanner.step().await.expect("read");
	for id in 1..=3 {
		let digest = deposit(id, 10).digest();
		rig.lane.journal.close_inbound(LANE, id, digest).expect("written");
	}
	assert_eq!(seen(&rig), []);

	// The blocks with 2 and 3 are gone; 2 is another's, and 3 comes again as it was.
	rig.evm.reorganise(4);
	rig.evm.mine(vec![log_of(&deposit(2, 99))]);
	rig.evm.mine(vec![log_of(&deposit(3, 10))]);
	rig.evm.mine_empty(4);
	scanner.step().await.expect("read");
	assert_eq!(seen(&rig), [deposit(2, 99)]);
	assert_eq!(rig.lane.tally.reorganised.get(), 1);
	assert_eq!(rig.lane.tally.changed.get(), 1);
}

#[tokio::test]
async fn finality_that_was_broken_is_noticed_within_minutes() {
	let rig = Rig::new();
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	deposits(&rig, 1..=3);
	scanner.step().await.expect("read");
	rig.evm.reorganise(3);
	rig.evm.mine(vec![log_of(&deposit(3, 99))]);
	rig.evm.mine_empty(4);
	scanner.step().await.expect("nothing new");
	assert_eq!(seen(&rig).last(), Some(&deposit(3, 10)));
	clock::advance(Duration::from_secs(300));
	scanner.step().await.expect("read");
	assert_eq!(seen(&rig).last(), Some(&deposit(3, 99)));
	assert_eq!(rig.lane.tally.changed.get(), 1);
}

#[tokio::test]
async fn a_reorganisation_takes_arrivals_back() {
	let rig = without_finality().await;
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	rig.evm.mine_empty(3);
	rig.evm.mine(vec![payout_log(4)]);
	rig.evm.mine_empty(2);
	scanner.step().await.expect("read");
	let arrived = || {
		rig.lane
			.journal
			.arrived(LANE, MessageId::Payout(4))
			.expect("read")
	};
	assert!(arrived().is_some());
	rig.evm.reorganise(3);
	rig.evm.mine_empty(5);
	scanner.step().await.expect("read");
	assert_eq!(arrived(), None);
}

#[tokio::test]
async fn a_quiet_chain_is_asked_more_rarely() {
	let rig = Rig::new();
	let mut scanner = Scanner::new(rig.lane.clone());
	for _ in 0..30 {
		scanner.step().await.expect("read");
	}
	let asked = rig.endpoints[0].asked("head");
	for _ in 0..50 {
		scanner.step().await.expect("read");
	}
	let more = rig.endpoints[0].asked("head") - asked;
	assert!(
		more <= 10,
		"{more} requests in 50 looks at a chain that stands still"
	);
}
