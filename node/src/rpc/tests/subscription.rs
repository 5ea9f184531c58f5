use jsonrpsee::core::server::Subscription;
use lilypad_primitives::{DealId, JobId};
use serde_json::{json, Value};

use super::{super::fake::*, Node};

async fn next(subscription: &mut Subscription) -> Value {
	let wait = std::time::Duration::from_secs(10);
	let item = tokio::time::timeout(wait, subscription.next::<Value>())
		.await
		.expect("in time");
	item.expect("not over").expect("JSON").0
}

async fn ends(subscription: &mut Subscription) {
	let wait = std::time::Duration::from_secs(10);
	let item = tokio::time::timeout(wait, subscription.next::<Value>())
		.await
		.expect("in time");
	assert!(item.is_none(), "{item:?}");
}

#[tokio::test]
async fn a_subscription_tells_every_change_until_the_end_is_final() {
	let node = Node::new();
	let job = JobId(0);
	node.chain().block(|| {
		offer(PROVIDER, machine());
		post();
	});
	let mut follow = node.follow(job).await;
	let first = next(&mut follow).await;
	assert_eq!(
		(&first["status"], &first["finalized"]),
		(&json!("matched"), &json!(false))
	);
	node.chain().finalize();
	node.tell();
	let again = next(&mut follow).await;
	assert_eq!(
		(&again["status"], &again["finalized"]),
		(&json!("matched"), &json!(true))
	);

	// Blocks that change nothing are not told of.
	node.chain().pass(1);
	node.tell();
	node.chain().block(|| acknowledge(DealId(0)));
	node.tell();
	assert_eq!(next(&mut follow).await["status"], "running");
	node.chain().block(|| submit(DealId(0)));
	node.tell();
	assert_eq!(next(&mut follow).await["status"], "submitted");
	node.chain().pass(4);
	node.chain().block(|| accept(DealId(0)));
	node.tell();
	let ended = next(&mut follow).await;
	assert_eq!(
		(&ended["status"], &ended["finalized"]),
		(&json!("ended"), &json!(false))
	);
	node.chain().finalize();
	node.tell();
	let last = next(&mut follow).await;
	assert_eq!(
		(&last["end"]["outcome"], &last["finalized"]),
		(&json!("accepted"), &json!(true))
	);
	ends(&mut follow).await;
}

#[tokio::test]
async fn a_subscription_to_an_ended_job_tells_the_end_and_is_over() {
	let node = Node::new();
	node.chain().block(|| {
		post();
	});
	node.chain().pass(10);
	node.chain().finalize();
	let mut follow = node.follow(JobId(0)).await;
	let only = next(&mut follow).await;
	assert_eq!(
		(&only["end"]["outcome"], &only["finalized"]),
		(&json!("expired"), &json!(true))
	);
	ends(&mut follow).await;
}

#[tokio::test]
async fn a_subscription_takes_back_what_is_reverted() {
	let node = Node::new();
	let posted = node.chain().block(|| {
		offer(PROVIDER, machine());
		post();
	});
	let mut follow = node.follow(JobId(0)).await;
	assert_eq!(next(&mut follow).await["status"], "matched");
	node.chain().block(|| acknowledge(DealId(0)));
	node.tell();
	assert_eq!(next(&mut follow).await["status"], "running");
	node.chain().block_on(posted, || ());
	node.tell();
	assert_eq!(next(&mut follow).await["status"], "matched");
}

#[tokio::test]
async fn a_subscription_fails_when_there_is_no_such_job_or_no_room() {
	let node = Node::with_subscriptions(1);
	node.chain().block(|| {
		post();
	});
	let unknown = node.rpc.subscribe("lilypad_subscribeJob", [7u64], 8).await;
	assert!(unknown.is_err_and(|e| e.to_string().contains("no job 7")));
	let follow = node.follow(JobId(0)).await;
	let crowded = node.rpc.subscribe("lilypad_subscribeJob", [0u64], 8).await;
	assert!(crowded.is_err_and(|e| e.to_string().contains("later")));
	// Whoever leaves makes room.
	drop(follow);
	for _ in 0..100 {
		tokio::time::sleep(std::time::Duration::from_millis(20)).await;
		if node
			.rpc
			.subscribe("lilypad_subscribeJob", [0u64], 8)
			.await
			.is_ok()
		{
			return;
		}
	}
	panic!("the place was never free again");
}
