//! What is brought to the gateway, and what is not.

use super::*;
use crate::{
	journal::Purpose,
	market::fake::{answer, payout, set},
};
use lilypad_client::gateway::Rotation;

/// Steps, and a block after each.
async fn steps(rig: &Rig, deliverer: &mut Deliverer, count: usize) {
	for _ in 0..count {
		deliverer.step().await.expect("delivered, or nothing to do");
		rig.evm.mine_empty(1);
		clock::advance(Duration::from_secs(1));
	}
}

#[tokio::test]
async fn a_ready_batch_is_delivered_once() {
	let rig = Rig::new();
	let messages = vec![answer(1), payout(0)];
	rig.ready_batch(messages.clone()).await;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 30).await;
	assert!(rig.has_arrived(&messages));
	assert_eq!(rig.evm.chain().handed_in.len(), 1);
	assert_eq!(rig.lane.sender.tally.mined.get(), 1);
}

#[tokio::test]
async fn what_lacks_signatures_is_not_delivered() {
	let rig = Rig::new();
	rig.market.storage().add_batch(vec![answer(1)]);
	rig.follow().await;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 3).await;
	assert!(rig.evm.chain().handed_in.is_empty());
}

#[tokio::test]
async fn the_second_in_line_delivers_only_if_the_first_does_not() {
	for first_delivers in [true, false] {
		let rig = Rig::with(1, 1);
		let messages = vec![answer(1)];
		rig.ready_batch(messages.clone()).await;
		let mut deliverer = Deliverer::new(rig.lane.clone());
		steps(&rig, &mut deliverer, 10).await;
		assert!(rig.evm.chain().handed_in.is_empty(), "it waits for the first");
		if first_delivers {
			let log = crate::evm::abi::Gateway::Answered {
				id: 1,
				requester: fake::GATEWAY,
				refundTo: fake::GATEWAY,
				root: [3; 32].into(),
				deal: 1,
				status: 0,
				exitCode: 0,
				cost: Default::default(),
				refund: Default::default(),
			};
			rig.evm
				.mine(vec![alloy::sol_types::SolEvent::encode_log_data(&log)]);
		}
		steps(&rig, &mut deliverer, 30).await;
		assert!(rig.has_arrived(&messages));
		assert_eq!(rig.evm.chain().handed_in.len(), usize::from(!first_delivers));
	}
}

#[tokio::test]
async fn a_message_that_can_not_be_delivered_does_not_hold_the_others_up() {
	let rig = Rig::new();
	let messages = vec![answer(1), answer(2), payout(0), payout(1)];
	rig.ready_batch(messages.clone()).await;
	rig.evm.chain().capped.insert(1);
	rig.evm.chain().gone.insert(2);
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 5).await;
	assert!(rig.has_arrived(&[answer(1), payout(0)]));
	assert_eq!(rig.evm.chain().handed_in.len(), 2, "one for each that could be");

	// Once there is room again, it comes too.
	rig.evm.chain().capped.clear();
	steps(&rig, &mut deliverer, 70).await;
	assert!(rig.has_arrived(&[payout(1)]));
}

#[tokio::test]
async fn callbacks_that_may_cost_too_much_are_left_to_others() {
	let mut rig = Rig::new();
	Arc::get_mut(&mut rig.lane)
		.expect("nobody else has it")
		.config
		.max_callback_gas = 10;
	rig.ready_batch(vec![answer(1), payout(0)]).await;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 5).await;
	assert!(rig.has_arrived(&[payout(0)]) && !rig.has_arrived(&[answer(1)]));
}

#[tokio::test]
async fn what_no_transaction_has_gas_for_comes_in_several() {
	let mut rig = Rig::new();
	// For two payouts, besides what each transaction needs.
	Arc::get_mut(&mut rig.lane)
		.expect("nobody else has it")
		.config
		.max_gas = 210_000;
	let messages: Vec<_> = (0..5).map(payout).collect();
	rig.ready_batch(messages.clone()).await;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 30).await;
	assert!(rig.has_arrived(&messages));
	assert_eq!(rig.evm.chain().handed_in.len(), 3);
}

#[tokio::test]
async fn what_endpoints_refuse_as_a_whole_comes_one_by_one() {
	let rig = Rig::new();
	// Less than the chain is said to take.
	rig.endpoints[0].ways().max_gas = Some(140_000);
	let messages: Vec<_> = (0..3).map(payout).collect();
	rig.ready_batch(messages.clone()).await;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 3).await;
	assert!(rig.has_arrived(&messages));
	assert_eq!(rig.evm.chain().handed_in.len(), 3);
}

#[tokio::test]
async fn a_message_that_endpoints_refuse_does_not_hold_the_others_up() {
	let rig = Rig::new();
	rig.endpoints[0].ways().max_gas = Some(140_000);
	rig.ready_batch(vec![answer(1), payout(0)]).await;
	rig.ready_batch(vec![answer(2)]).await;
	rig.ready_batch(vec![payout(1)]).await;
	// Whose turn the second and third are has not come.
	clock::advance(Duration::from_secs(60));
	let mut deliverer = Deliverer::new(rig.lane.clone());
	deliverer.step().await.expect("what can be is sent");
	assert_eq!(rig.lane.tally.held_back.get(), 2);
	rig.evm.mine_empty(1);
	assert!(rig.has_arrived(&[payout(0), payout(1)]));
	assert!(!rig.has_arrived(&[answer(1)]) && !rig.has_arrived(&[answer(2)]));
	rig.endpoints[0].ways().max_gas = None;
	steps(&rig, &mut deliverer, 70).await;
	assert!(rig.has_arrived(&[answer(1), answer(2)]));
}

#[tokio::test]
async fn a_killed_relayer_follows_up_what_it_had_sent() {
	let mut rig = Rig::new();
	let messages = vec![answer(1)];
	rig.ready_batch(messages.clone()).await;
	rig.evm.chain().mines = false;
	Deliverer::new(rig.lane.clone()).step().await.expect("sent");
	assert_eq!(rig.evm.chain().handed_in.len(), 1);

	rig.restart();
	rig.follow().await;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 3).await;
	assert_eq!(rig.evm.chain().handed_in.len(), 1, "no second one is paid for");
	rig.evm.chain().mines = true;
	steps(&rig, &mut deliverer, 3).await;
	assert!(rig.has_arrived(&messages));
	assert_eq!(rig.evm.chain().handed_in.len(), 1);
}

#[tokio::test]
async fn a_delivery_that_a_reorganisation_undid_is_made_again() {
	let rig = Rig::new();
	let messages = vec![answer(1)];
	rig.evm.mine_empty(5);
	rig.ready_batch(messages.clone()).await;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 2).await;
	assert!(rig.has_arrived(&messages));
	// Nobody has the transaction any more, either.
	rig.evm.reorganise(3);
	rig.evm.chain().waiting.clear();
	assert!(!rig.has_arrived(&messages));
	rig.evm.mine_empty(3);
	// The wall clock decides when a transaction is handed in again.
	let rules = crate::sender::Rules {
		max_price: u128::MAX,
		bump_after: Duration::from_millis(1),
		dead_after: Duration::from_secs(1_800),
	};
	let sender = Sender::new(
		fake::CHAIN,
		rig.lane.key.clone(),
		rig.lane.pool.clone(),
		rig.lane.journal.clone(),
		rules,
	);
	std::thread::sleep(Duration::from_millis(5));
	sender.tend(0).await.expect("handed in again");
	rig.evm.mine_empty(1);
	assert!(rig.has_arrived(&messages));
}

#[tokio::test]
async fn a_pause_at_the_gateway_is_waited_out() {
	let rig = Rig::new();
	let messages = vec![answer(1)];
	rig.ready_batch(messages.clone()).await;
	rig.evm.chain().paused_until = 1;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	steps(&rig, &mut deliverer, 5).await;
	assert!(rig.evm.chain().handed_in.is_empty(), "nothing is paid for");
	rig.evm.chain().paused_until = 0;
	steps(&rig, &mut deliverer, 15).await;
	assert!(rig.has_arrived(&messages));
}

#[tokio::test]
async fn the_gateway_is_told_of_a_new_set_before_its_messages_come() {
	let rig = Rig::new();
	{
		let mut storage = rig.market.storage();
		storage.view.set = set(2, &rig.keys);
		let rotation = Rotation {
			threshold: 2,
			members: Default::default(),
			proof: vec![1; 70].try_into().expect("short"),
		};
		storage.rotations.insert(2, rotation);
	}
	let messages = vec![answer(1)];
	rig.ready_batch(messages.clone()).await;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	// Whose turn it is to tell of set 2 is third in line.
	steps(&rig, &mut deliverer, 90).await;
	assert_eq!(rig.evm.chain().set, 2);
	assert!(rig.has_arrived(&messages));
}

#[tokio::test]
async fn nothing_is_sent_while_gas_is_too_dear() {
	let rig = Rig::new();
	let messages = vec![answer(1)];
	rig.ready_batch(messages.clone()).await;
	rig.evm.chain().base_fee = u128::from(u64::MAX) * 1_000;
	let mut deliverer = Deliverer::new(rig.lane.clone());
	let error = deliverer.step().await.expect_err("too dear").to_string();
	assert!(error.contains("waiting until it is cheaper"), "{error}");
	rig.evm.chain().base_fee = 10;
	clock::advance(Duration::from_secs(11));
	steps(&rig, &mut deliverer, 2).await;
	assert!(rig.has_arrived(&messages));
}

#[tokio::test]
async fn an_empty_account_is_said_and_nothing_is_left_behind() {
	let rig = Rig::new();
	rig.ready_batch(vec![answer(1)]).await;
	rig.endpoints[0].ways().refuses = Some("insufficient funds for gas * price + value".into());
	let mut deliverer = Deliverer::new(rig.lane.clone());
	let error = deliverer.step().await.expect_err("no money").to_string();
	assert!(error.contains("send it some of the chain's coin"), "{error}");
	assert!(rig.lane.sender.pending().expect("read").is_empty());
}

#[tokio::test]
async fn a_purpose_names_what_is_under_way() {
	let rig = Rig::new();
	rig.ready_batch(vec![answer(1), payout(0)]).await;
	rig.evm.chain().mines = false;
	Deliverer::new(rig.lane.clone()).step().await.expect("sent");
	let pending = rig.lane.sender.pending().expect("read");
	let expected = Purpose::Deliver {
		lane: crate::market::fake::LANE,
		batch: 0,
		places: vec![0, 1],
	};
	assert_eq!(pending[0].1.purpose, expected);
}
