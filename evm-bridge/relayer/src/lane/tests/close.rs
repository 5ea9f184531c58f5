//! What is said to have been delivered, and signs of life.

use super::*;
use crate::market::fake::{answer, payout};
use lilypad_client::gateway::FinalityRule;

/// Delivers what is ready, reads the chain, and closes.
async fn round(rig: &Rig, scanner: &mut Scanner, closer: &mut Closer) {
	Deliverer::new(rig.lane.clone()).step().await.expect("delivered");
	rig.evm.mine_empty(3);
	scanner.step().await.expect("read");
	closer.step().await.expect("closed");
}

#[tokio::test]
async fn what_has_arrived_for_good_is_acknowledged_after_a_while() {
	let rig = Rig::new();
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	let mut closer = Closer::new(rig.lane.clone());
	rig.ready_batch(vec![answer(1), payout(0)]).await;
	round(&rig, &mut scanner, &mut closer).await;
	assert_eq!(
		rig.market.storage().said,
		0,
		"one batch is not worth a transaction at once"
	);
	clock::advance(Duration::from_secs(61));
	closer.step().await.expect("closed");
	assert_eq!(rig.market.storage().said, 1);
}

#[tokio::test]
async fn what_has_not_arrived_is_not_acknowledged() {
	let rig = Rig::new();
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	let mut closer = Closer::new(rig.lane.clone());
	rig.ready_batch(vec![answer(1), payout(0)]).await;
	rig.evm.chain().capped.insert(0);
	for _ in 0..20 {
		round(&rig, &mut scanner, &mut closer).await;
		clock::advance(Duration::from_secs(61));
	}
	assert!(rig.has_arrived(&[answer(1)]));
	assert_eq!(rig.market.storage().said, 0);
}

#[tokio::test]
async fn the_answer_to_a_request_that_is_gone_is_nothing_to_wait_for() {
	let rig = Rig::new();
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	let mut closer = Closer::new(rig.lane.clone());
	rig.ready_batch(vec![answer(1), payout(0)]).await;
	rig.evm.chain().gone.insert(1);
	for _ in 0..6 {
		round(&rig, &mut scanner, &mut closer).await;
		clock::advance(Duration::from_secs(61));
	}
	assert!(rig.has_arrived(&[payout(0)]));
	assert_eq!(rig.market.storage().said, 1);
}

#[tokio::test]
async fn what_others_delivered_before_this_relayers_time_is_found_out() {
	let rig = Rig::new();
	rig.ready_batch(vec![answer(1)]).await;
	Deliverer::new(rig.lane.clone()).step().await.expect("delivered");
	rig.evm.mine_empty(5);
	// Reading begins after it.
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	let mut closer = Closer::new(rig.lane.clone());
	for _ in 0..5 {
		closer.step().await.expect("closed");
		clock::advance(Duration::from_secs(61));
	}
	assert_eq!(rig.market.storage().said, 1);
}

#[tokio::test]
async fn one_endpoint_alone_is_not_believed_that_something_has_arrived() {
	for endpoints in [2, 3] {
		let rig = Rig::with(endpoints, 0);
		rig.endpoints[0].ways().pretends = true;
		rig.ready_batch(vec![answer(1), payout(0)]).await;
		rig.evm.mine_empty(5);
		let mut scanner = Scanner::new(rig.lane.clone());
		scanner.step().await.expect("read");
		let mut closer = Closer::new(rig.lane.clone());
		for _ in 0..6 {
			closer.step().await.expect("it is asked again");
			clock::advance(Duration::from_secs(61));
		}
		assert_eq!(rig.market.storage().said, 0);
		let distrusted = rig.lane.pool.status()[0].distrusted;
		assert_eq!(distrusted > 0, endpoints == 3, "two others outvote it");
	}
}

#[tokio::test]
async fn without_finality_more_blocks_have_to_stand_on_a_delivery() {
	let rig = Rig::new();
	rig.market.storage().view.lane.finality = FinalityRule::Confirmations(2);
	rig.refresh().await;
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	let mut closer = Closer::new(rig.lane.clone());
	rig.ready_batch(vec![answer(1)]).await;
	for _ in 0..3 {
		round(&rig, &mut scanner, &mut closer).await;
		clock::advance(Duration::from_secs(61));
	}
	assert_eq!(
		rig.market.storage().said,
		0,
		"a re-organisation could still undo it"
	);
	rig.evm.mine_empty(40);
	for _ in 0..2 {
		round(&rig, &mut scanner, &mut closer).await;
		clock::advance(Duration::from_secs(61));
	}
	assert_eq!(rig.market.storage().said, 1);
}

#[tokio::test]
async fn a_sign_of_life_is_sent_when_the_gateway_has_heard_nothing_for_long() {
	let rig = Rig::new();
	{
		let mut storage = rig.market.storage();
		// As if the last message were of now: too early for the chain.
		storage.view.outbox.latest = 101;
	}
	rig.refresh().await;
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	let mut closer = Closer::new(rig.lane.clone());
	closer.step().await.expect("too early");
	assert_eq!(rig.market.storage().heartbeats, 0);
	rig.market.storage().view.outbox.latest = 10;
	rig.refresh().await;
	closer.step().await.expect("sent");
	assert_eq!(rig.market.storage().heartbeats, 1);
	closer.step().await.expect("not again so soon");
	assert_eq!(rig.market.storage().heartbeats, 1);
}
