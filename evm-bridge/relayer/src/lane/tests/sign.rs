//! What is signed.

use super::*;
use crate::{
	error::LaneError,
	journal::JournalError,
	market::fake::{answer, payout, set, LANE},
};
use lilypad_client::gateway::eip712;

#[tokio::test]
async fn batches_are_signed_as_gateways_take_it() {
	let rig = Rig::new();
	let id = rig.market.storage().add_batch(vec![answer(1), payout(0)]);
	rig.refresh().await;
	BatchSigner::new(rig.lane.clone()).step().await.expect("signed");
	let storage = rig.market.storage();
	let (signed, signature) = storage.signed[0];
	assert_eq!(signed, id);
	let digest = storage.batches[&id].digest(LANE, &storage.view.lane, 1);
	assert_eq!(
		eip712::signer(&signature, digest),
		Some(rig.keys[0].member().address)
	);
}

#[tokio::test]
async fn a_member_that_is_not_needed_waits_for_those_that_are() {
	let rig = Rig::with(1, 2);
	{
		let mut storage = rig.market.storage();
		// The third member is last in line for batch 0.
		let id = storage.add_batch(vec![answer(1)]);
		assert_eq!(id, 0);
	}
	rig.refresh().await;
	let mut signer = BatchSigner::new(rig.lane.clone());
	signer.step().await.expect("waits");
	assert!(rig.market.storage().signed.is_empty());
	rig.market.storage().sign_batch(0, &rig.keys);
	clock::advance(Duration::from_secs(60));
	signer.step().await.expect("nothing to do");
	assert!(rig.market.storage().signed.is_empty(), "a quorum has signed");
}

#[tokio::test]
async fn a_member_whose_turn_passed_in_vain_for_others_signs() {
	let rig = Rig::with(1, 2);
	rig.market.storage().add_batch(vec![answer(1)]);
	rig.refresh().await;
	let mut signer = BatchSigner::new(rig.lane.clone());
	signer.step().await.expect("waits");
	clock::advance(Duration::from_secs(8));
	signer.step().await.expect("signs");
	assert_eq!(rig.market.storage().signed.len(), 1);
}

#[tokio::test]
async fn a_node_that_shows_other_content_later_gets_no_second_signature() {
	let mut rig = Rig::new();
	let id = rig.market.storage().add_batch(vec![answer(1)]);
	rig.refresh().await;
	BatchSigner::new(rig.lane.clone()).step().await.expect("signed");
	// Another node, after a restart, says that the same batch has another message.
	rig.market
		.storage()
		.batches
		.get_mut(&id)
		.expect("it is there")
		.messages[0] = payout(9);
	rig.restart();
	let error = BatchSigner::new(rig.lane.clone())
		.step()
		.await
		.expect_err("it was signed otherwise");
	assert!(
		matches!(error, LaneError::Journal(JournalError::SignedOther { .. })),
		"{error}"
	);
	assert!(!error.is_fatal(), "other batches go on");
	assert_eq!(rig.market.storage().signed.len(), 1);
}

#[tokio::test]
async fn a_new_set_signs_again_what_was_not_delivered() {
	let rig = Rig::new();
	rig.ready_batch(vec![answer(1)]).await;
	let mut signer = BatchSigner::new(rig.lane.clone());
	signer.step().await.expect("nothing to do");
	assert!(rig.market.storage().signed.is_empty());
	rig.market.storage().view.set = set(2, &rig.keys);
	rig.refresh().await;
	signer.step().await.expect("signed");
	let storage = rig.market.storage();
	let digest = storage.batches[&0].digest(LANE, &storage.view.lane, 2);
	let signer = eip712::signer(&storage.signed[0].1, digest);
	assert_eq!(signer, Some(rig.keys[0].member().address));
}

#[tokio::test]
async fn nothing_is_signed_while_paused() {
	let rig = Rig::new();
	{
		let mut storage = rig.market.storage();
		storage.add_batch(vec![answer(1)]);
		storage.view.paused = true;
	}
	rig.refresh().await;
	BatchSigner::new(rig.lane.clone()).step().await.expect("silent");
	assert!(rig.market.storage().signed.is_empty());
}
