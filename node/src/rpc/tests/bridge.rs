//! Requests of contracts on EVM chains: from the relayer's word to the job, and to its end.

use lilypad_runtime::{Runtime, RuntimeCall, RuntimeOrigin};
use pallet_evm_gateway::{Call, FinalityRule, Inbound, Limits, Member, PublicKey, Request};
use sp_core::H160;
use sp_runtime::traits::Dispatchable;

use super::*;

const LANE: u64 = 1337;

/// The one member's key: the curve's generator.
fn key() -> PublicKey {
	let text = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\
		483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";
	let bytes = sp_core::bytes::from_hex(&format!("0x{text}")).expect("hexadecimal");
	bytes.try_into().expect("64 bytes")
}

fn dispatch(origin: RuntimeOrigin, call: Call<Runtime>) {
	let result = RuntimeCall::from(call).dispatch(origin);
	assert!(result.is_ok(), "{result:?}");
}

fn register() {
	let limits = Limits {
		least: 1,
		largest: 100 * LP,
		inflow: 1_000 * LP,
		outflow: 1_000 * LP,
		period: 100,
	};
	let call = Call::register_lane {
		lane: LANE,
		chain: LANE,
		gateway: H160([1; 20]),
		finality: FinalityRule::Finalized,
		limits,
		threshold: 1,
		keys: vec![key()].try_into().expect("one"),
	};
	dispatch(RuntimeOrigin::root(), call);
}

/// The relayer says that a contract has asked for this.
fn attest(id: u64, module: &str) {
	let request = Request {
		id,
		requester: H160([2; 20]),
		refund_to: H160([3; 20]),
		budget: 25 * LP,
		accept_by: u64::from(u32::MAX),
		time_limit: 10_000,
		callback_gas: 0,
		delegate: [0; 32],
		module: module.as_bytes().to_vec().try_into().expect("short"),
		inputs: Default::default(),
	};
	let call = Call::attest {
		lane: LANE,
		message: Inbound::Request(request),
	};
	dispatch(RuntimeOrigin::signed(Member::new(&key()).account), call);
}

#[tokio::test]
async fn a_request_is_told_from_its_quorum_to_its_jobs_end() {
	let node = Node::new();
	let ask = |id: u64| node.get("lilypad_request", json!([LANE, id]));
	node.refused("lilypad_request", json!([LANE, 1]), 8001, "no lane 1337")
		.await;
	node.chain().block(register);
	let unknown = ask(1).await;
	assert_eq!(
		(&unknown["decided"], &unknown["job"]),
		(&json!(false), &Value::Null)
	);

	// A job from elsewhere, so that the numbers differ.
	node.chain().block(|| {
		post();
	});
	node.chain().block(|| attest(1, "cowsay:v0.0.1"));
	let waiting = ask(1).await;
	assert_eq!(waiting["decided"], true);
	assert_eq!(
		(&waiting["job"]["job"], &waiting["job"]["status"]),
		(&json!(1), &json!("waiting"))
	);
	node.chain().finalize();
	// Nobody takes it, and its end is told as any job's.
	node.chain().pass(400);
	let ended = ask(1).await;
	assert_eq!(
		(&ended["job"]["job"], &ended["job"]["status"]),
		(&json!(1), &json!("ended"))
	);
	assert_eq!(ended["job"]["end"]["outcome"], "expired");
}

#[tokio::test]
async fn a_refused_request_is_decided_and_has_no_job() {
	let node = Node::new();
	node.chain().block(register);
	node.chain().block(|| attest(1, "nothing:v0"));
	let refused = node.get("lilypad_request", json!([LANE, 1])).await;
	assert_eq!(
		(&refused["decided"], &refused["job"]),
		(&json!(true), &Value::Null)
	);
}
