//! Requests that were taken back.

use super::*;
use crate::{
	evm::fake::{exit_of, log_of, request},
	market::fake::answer,
};
use lilypad_client::gateway::{Handled, Inbound, Ticket};

const BUDGET: u128 = 50;

fn ticket(id: u64) -> Ticket {
	request(id, BUDGET).ticket()
}

/// The chain has decided about the request with this number, and the gateway waits for its answer.
fn decided(rig: &Rig, id: u64) {
	let handled = Handled {
		digest: Inbound::Request(request(id, BUDGET)).digest(),
		amount: BUDGET,
		replaced: false,
	};
	let mut storage = rig.market.storage();
	storage.handled.insert(id, handled);
	storage.pending.insert(id, ticket(id));
}

/// The chain has booked an exit.
fn booked(rig: &Rig, id: u64) {
	decided(rig, id);
	rig.market.storage().pending.remove(&id);
}

/// Twice, so that it is this member's turn.
async fn attest(attester: &mut Attester) {
	for _ in 0..2 {
		attester.step().await.expect("said");
		clock::advance(Duration::from_secs(8));
	}
}

async fn close(closer: &mut Closer) {
	for _ in 0..3 {
		closer.step().await.expect("closed");
		clock::advance(Duration::from_secs(61));
	}
}

#[tokio::test]
async fn a_request_that_came_and_went_is_only_said_to_be_gone() {
	let rig = Rig::new();
	rig.evm.mine(vec![log_of(&Inbound::Request(request(1, BUDGET)))]);
	rig.evm.mine(vec![exit_of(1, BUDGET)]);
	rig.evm.mine_empty(2);
	Scanner::new(rig.lane.clone()).step().await.expect("read");
	let mut attester = Attester::new(rig.lane.clone());
	attest(&mut attester).await;
	attest(&mut attester).await;
	{
		let storage = rig.market.storage();
		assert_eq!(storage.exits, [ticket(1)], "once");
		assert!(storage.attested.is_empty());
	}
	booked(&rig, 1);
	attest(&mut attester).await;
	assert!(rig.lane.journal.open_exits(LANE, 9).expect("read").is_empty());
	assert!(rig.lane.journal.open_inbound(LANE, 9).expect("read").is_empty());
}

#[tokio::test]
async fn an_answer_counts_as_delivered_once_the_chain_knows_of_the_exit() {
	let rig = Rig::new();
	let mut scanner = Scanner::new(rig.lane.clone());
	scanner.step().await.expect("read");
	decided(&rig, 1);
	rig.ready_batch(vec![answer(1)]).await;
	rig.evm.mine(vec![exit_of(1, BUDGET)]);
	rig.evm.mine_empty(2);
	scanner.step().await.expect("read");
	let (mut attester, mut closer) = (Attester::new(rig.lane.clone()), Closer::new(rig.lane.clone()));
	attest(&mut attester).await;
	// What the chain has decided, it has the ticket of.
	assert_eq!(rig.market.storage().exits, [ticket(1)]);
	close(&mut closer).await;
	assert_eq!(
		rig.market.storage().said,
		0,
		"what is delivered, the chain forgets"
	);
	booked(&rig, 1);
	attest(&mut attester).await;
	close(&mut closer).await;
	assert_eq!(rig.market.storage().said, 1);
}

#[tokio::test]
async fn an_exit_from_before_this_relayers_time_is_found_out() {
	let rig = Rig::new();
	decided(&rig, 1);
	rig.evm.mine(vec![exit_of(1, BUDGET)]);
	rig.evm.mine_empty(5);
	// Reading begins after it.
	Scanner::new(rig.lane.clone()).step().await.expect("read");
	rig.ready_batch(vec![answer(1)]).await;
	let (mut attester, mut closer) = (Attester::new(rig.lane.clone()), Closer::new(rig.lane.clone()));
	close(&mut closer).await;
	assert_eq!(rig.market.storage().said, 0);
	attest(&mut attester).await;
	assert_eq!(rig.market.storage().exits, [ticket(1)]);
	booked(&rig, 1);
	attest(&mut attester).await;
	close(&mut closer).await;
	assert_eq!(rig.market.storage().said, 1);
}

#[tokio::test]
async fn one_endpoint_alone_can_not_hide_an_exit() {
	let rig = Rig::with(2, 0);
	decided(&rig, 1);
	rig.evm.mine(vec![exit_of(1, BUDGET)]);
	rig.evm.mine_empty(5);
	// Reading begins after it.
	Scanner::new(rig.lane.clone()).step().await.expect("read");
	rig.ready_batch(vec![answer(1)]).await;
	rig.endpoints[0].ways().pretends = true;
	let mut closer = Closer::new(rig.lane.clone());
	close(&mut closer).await;
	assert_eq!(
		rig.market.storage().said,
		0,
		"once forgotten, it could not be booked"
	);
	rig.endpoints[0].ways().pretends = false;
	close(&mut closer).await;
	assert!(rig.lane.journal.is_exit_open(LANE, 1).expect("read"));
}

#[tokio::test]
async fn a_number_that_is_anothers_is_said_to_be_before_its_exit() {
	let rig = Rig::new();
	decided(&rig, 1);
	let other = request(1, BUDGET + 1);
	// Decided before this relayer has read it: so its reading must begin with it.
	rig.market.storage().handled.clear();
	rig.evm.mine(vec![log_of(&Inbound::Request(other.clone()))]);
	rig.evm.mine(vec![exit_of(1, BUDGET + 1)]);
	rig.evm.mine_empty(2);
	Scanner::new(rig.lane.clone()).step().await.expect("read");
	decided(&rig, 1);
	let mut attester = Attester::new(rig.lane.clone());
	attest(&mut attester).await;
	{
		let mut storage = rig.market.storage();
		assert_eq!(storage.attested, [Inbound::Request(other.clone())]);
		assert!(storage.exits.is_empty());
		let handled = storage.handled.get_mut(&1).expect("decided");
		(handled.digest, handled.replaced) = (Inbound::Request(other.clone()).digest(), true);
		storage.pending.insert(1, other.ticket());
	}
	attest(&mut attester).await;
	assert_eq!(rig.market.storage().exits, [other.ticket()]);
}
