//! What is said about the gateway's numbers.

use super::*;
use crate::{
	evm::fake::{deposit, log_of},
	market::{fake::LANE, MarketError},
};
use lilypad_client::gateway::{Handled, Inbound, Vote};

/// Makes the lane know deposits with these numbers.
async fn known(rig: &Rig, ids: std::ops::RangeInclusive<u64>) {
	for id in ids {
		rig.evm.mine(vec![log_of(&deposit(id, 10))]);
	}
	rig.evm.mine_empty(2);
	Scanner::new(rig.lane.clone()).step().await.expect("read");
}

fn attested(rig: &Rig) -> Vec<u64> {
	let mut ids: Vec<_> = rig.market.storage().attested.iter().map(Inbound::id).collect();
	ids.sort_unstable();
	ids
}

fn decide(rig: &Rig, inbound: &Inbound, replaced: bool) {
	let handled = Handled {
		digest: inbound.digest(),
		amount: inbound.amount(),
		replaced,
	};
	rig.market.storage().handled.insert(inbound.id(), handled);
}

#[tokio::test]
async fn members_whose_turn_it_is_speak_at_once_and_the_others_later() {
	let rig = Rig::new();
	known(&rig, 1..=3).await;
	let mut attester = Attester::new(rig.lane.clone());
	attester.step().await.expect("said");
	// The first member is third in line for number 1.
	assert_eq!(attested(&rig), [2, 3]);
	clock::advance(Duration::from_secs(8));
	attester.step().await.expect("said");
	assert_eq!(attested(&rig), [1, 2, 3], "each once");
	attester.step().await.expect("nothing to say");
	assert_eq!(attested(&rig), [1, 2, 3], "each once");
}

#[tokio::test]
async fn what_is_decided_is_closed_and_not_said() {
	let rig = Rig::new();
	known(&rig, 1..=3).await;
	for id in 1..=3 {
		decide(&rig, &deposit(id, 10), false);
	}
	Attester::new(rig.lane.clone())
		.step()
		.await
		.expect("nothing to say");
	assert_eq!(attested(&rig), [0; 0]);
	assert!(rig.lane.journal.open_inbound(LANE, 9).expect("read").is_empty());
}

#[tokio::test]
async fn other_content_than_was_decided_is_said_once() {
	let rig = Rig::new();
	known(&rig, 1..=2).await;
	decide(&rig, &deposit(2, 77), false);
	decide(&rig, &deposit(1, 77), true);
	let mut attester = Attester::new(rig.lane.clone());
	attester.step().await.expect("said");
	clock::advance(Duration::from_secs(8));
	attester.step().await.expect("said");
	assert_eq!(attested(&rig), [2], "what was replaced once can't be again");
}

#[tokio::test]
async fn what_is_refused_for_now_is_said_later() {
	let rig = Rig::new();
	known(&rig, 1..=2).await;
	rig.market
		.storage()
		.failures
		.push_back(MarketError::Refused("RateLimited".into()));
	let mut attester = Attester::new(rig.lane.clone());
	attester.step().await.expect("refused is no failure");
	assert_eq!(attested(&rig), [0; 0]);
	attester.step().await.expect("it waits");
	assert_eq!(attested(&rig), [0; 0]);
	clock::advance(Duration::from_secs(16));
	attester.step().await.expect("said");
	assert!(attested(&rig).contains(&2));
}

#[tokio::test]
async fn a_vote_of_its_own_that_was_for_something_else_is_changed() {
	let rig = Rig::new();
	known(&rig, 1..=2).await;
	let vote = |digest| Vote {
		member: rig.lane.key.account(),
		digest,
	};
	let votes = vec![vote(deposit(2, 99).digest())];
	rig.market
		.storage()
		.votes
		.insert(2, votes.try_into().expect("one"));
	Attester::new(rig.lane.clone()).step().await.expect("said");
	assert_eq!(attested(&rig), [2]);
}

#[tokio::test]
async fn nothing_is_said_while_paused_or_by_strangers() {
	let rig = Rig::new();
	known(&rig, 1..=3).await;
	rig.market.storage().view.paused = true;
	rig.refresh().await;
	Attester::new(rig.lane.clone()).step().await.expect("silent");
	{
		let mut storage = rig.market.storage();
		storage.view.paused = false;
		storage.view.set = crate::market::fake::set(2, &rig.keys[1..]);
	}
	rig.refresh().await;
	Attester::new(rig.lane.clone()).step().await.expect("silent");
	assert_eq!(attested(&rig), [0; 0]);
}
