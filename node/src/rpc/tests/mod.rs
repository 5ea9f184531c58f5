//! The methods as a client calls them: JSON in, JSON out, over the real runtime's state.

mod bridge;
mod subscription;

use std::sync::Arc;

use futures::future::BoxFuture;
use jsonrpsee::{core::server::Subscription, RpcModule};
use lilypad_client::AccountId;
use lilypad_primitives::{DealId, JobId, MachineSpec, VersionId, LP};
use pallet_market::OfferParams;
use serde_json::{json, Value};
use sp_core::traits::SpawnNamed;
use tokio::sync::{watch, Semaphore};

use super::{
	fake::*,
	market::{Market, MarketApiServer, Shared},
};

/// Runs tasks on the test's own threads.
#[derive(Clone)]
struct Tokio;

impl SpawnNamed for Tokio {
	fn spawn(&self, _: &'static str, _: Option<&'static str>, task: BoxFuture<'static, ()>) {
		tokio::spawn(task);
	}

	fn spawn_blocking(&self, name: &'static str, group: Option<&'static str>, task: BoxFuture<'static, ()>) {
		self.spawn(name, group, task);
	}
}

struct Node {
	shared: Arc<Shared<FakeChain>>,
	blocks: watch::Sender<u64>,
	rpc: RpcModule<Market<FakeChain>>,
}

impl Node {
	fn new() -> Self {
		Self::with_subscriptions(2)
	}

	fn with_subscriptions(most: usize) -> Self {
		let shared = Arc::new(Shared {
			chain: FakeChain::new(),
			endings: Default::default(),
		});
		let (blocks, receiver) = watch::channel(0);
		let executor = Arc::new(Tokio);
		let market = Market::new(shared.clone(), receiver, executor, Arc::new(Semaphore::new(most)));
		Self {
			shared,
			blocks,
			rpc: market.into_rpc(),
		}
	}

	fn chain(&self) -> &FakeChain {
		&self.shared.chain
	}

	/// Everybody hears of the newest block.
	fn tell(&self) {
		self.blocks.send_modify(|count| *count += 1);
	}

	async fn ask(&self, method: &str, params: Value) -> Result<Value, (i64, String)> {
		let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
		let (answer, _) = self.rpc.raw_json_request(&request, 1).await.expect("JSON");
		let answer: Value = serde_json::from_str(&answer).expect("JSON");
		match answer.get("error") {
			Some(error) => Err((
				error["code"].as_i64().expect("a number"),
				// What the parser says is beside the message.
				format!("{} {}", error["message"], error["data"]),
			)),
			None => Ok(answer["result"].clone()),
		}
	}

	async fn get(&self, method: &str, params: Value) -> Value {
		self.ask(method, params).await.expect("an answer")
	}

	async fn refused(&self, method: &str, params: Value, code: i64, part: &str) {
		let (found, message) = self.ask(method, params).await.expect_err("refused");
		assert!(found == code && message.contains(part), "{found}: {message}");
	}

	async fn follow(&self, job: JobId) -> Subscription {
		let subscribed = self.rpc.subscribe("lilypad_subscribeJob", [job.0], 8).await;
		subscribed.expect("subscribed")
	}
}

fn creator() -> String {
	who(CREATOR).to_string()
}

/// The levy on a cap of 0.1 LP.
const LEVY: u128 = LP / 10 * 45 / 1000;

fn cowsay(more: Value) -> Value {
	let mut request = json!({ "module": "cowsay:v0.0.1", "timeLimit": 10_000 });
	for (key, value) in more.as_object().expect("an object") {
		request[key] = value.clone();
	}
	json!([creator(), request])
}

#[tokio::test]
async fn a_quote_names_the_cheapest_offers_and_the_total_as_a_string() {
	let node = Node::new();
	node.chain().block(|| {
		offer(
			OTHER,
			OfferParams {
				rate: LP / 10,
				..machine()
			},
		);
		offer(PROVIDER, machine());
	});
	let quote = node.get("lilypad_quote", cowsay(json!({}))).await;
	// 10 s at 0.01 LP, 4.5 % levy, 0.5 LP for the author.
	assert_eq!(quote["total"], (LP / 10 + LEVY + LP / 2).to_string());
	assert_eq!(quote["offers"][0]["provider"], who(PROVIDER).to_string());
	assert_eq!(quote["offers"][0]["rate"], (LP / 100).to_string());
	assert_eq!(quote["offers"].as_array().map(Vec::len), Some(2));
	assert_eq!(
		(&quote["mismatches"], &quote["wouldFit"]),
		(&json!([]), &json!([]))
	);
	assert_eq!(quote["block"]["number"], 2);
}

#[tokio::test]
async fn a_quote_says_rule_by_rule_why_nothing_fits_and_what_would() {
	let node = Node::new();
	node.chain().block(|| {
		for rate in [LP / 100, LP / 50] {
			offer(PROVIDER, OfferParams { rate, ..machine() });
		}
		offer(
			OTHER,
			OfferParams {
				machine: MachineSpec::new(500, 4_096, 1_024),
				..machine()
			},
		);
	});
	let quote = node
		.get("lilypad_quote", cowsay(json!({ "budget": "600000000000000000" })))
		.await;
	assert_eq!(quote["total"], Value::Null);
	let rules: Vec<_> = quote["mismatches"].as_array().expect("a list").iter().collect();
	assert_eq!(
		(&rules[0]["rule"], &rules[0]["offers"], &rules[0]["left"]),
		(&json!("capacity"), &json!(1), &json!(2))
	);
	assert_eq!(
		(&rules[1]["rule"], &rules[1]["offers"], &rules[1]["left"]),
		(&json!("budget"), &json!(2), &json!(0))
	);
	assert_eq!(quote["wouldFit"].as_array().map(Vec::len), Some(1));
	let remedy = &quote["wouldFit"][0];
	assert_eq!(
		(&remedy["without"], &remedy["total"]),
		(&json!(["budget"]), &json!((LP / 10 + LEVY + LP / 2).to_string()))
	);
	assert_eq!(
		remedy["text"],
		"with a budget of 0.6045 LP instead of 0.6 LP, offer 0 fits"
	);
	assert_eq!(
		(&quote["room"]["busy"], &quote["room"]["most"]["cpuMilli"]),
		(&json!(0), &json!(2_000))
	);
}

#[tokio::test]
async fn a_quote_drops_all_conditions_only_when_none_alone_helps() {
	let node = Node::new();
	node.chain().block(|| {
		offer(PROVIDER, machine());
	});
	let strict = json!({ "budget": 500_000_000_000_000_001u64, "target": who(OTHER).to_string() });
	let quote = node.get("lilypad_quote", cowsay(strict)).await;
	let remedies = quote["wouldFit"].as_array().expect("a list");
	assert_eq!(remedies.len(), 1, "{quote}");
	assert_eq!(remedies[0]["without"], json!(["budget", "target"]));
}

#[tokio::test]
async fn a_quote_takes_what_post_job_takes() {
	let node = Node::new();
	node.chain().block(|| {
		offer(PROVIDER, machine());
	});
	let whole = json!({
		"inputs": { "Inline": "{\"Message\":\"moo\"}" },
		"files": [{ "name": "a", "hash": format!("0x{}", "11".repeat(32)), "size": 5 }],
		"spec": { "cpuMilli": 1000, "ramMib": 128, "diskMib": 64, "gpus": [] },
		"budget": "10000000000000000000", "tip": 0, "matchWindow": 30, "deadline": null, "mediators": "Any",
		"target": null, "minScore": 0, "retries": 1,
	});
	assert!(node.get("lilypad_quote", cowsay(whole)).await["total"].is_string());
}

#[tokio::test]
async fn a_quote_fails_when_the_request_is_malformed() {
	let node = Node::new();
	for (wrong, part) in [
		(json!({ "surprise": 1 }), "surprise"),
		(json!({ "budget": "1.5" }), "string of digits"),
		(json!({ "budget": -1 }), "string of digits"),
		(json!({ "budget": "9".repeat(60) }), "string of digits"),
		(json!({ "minScore": 1_000_001 }), "millionths"),
		(json!({ "retries": 9 }), "retries"),
		(json!({ "target": "x".repeat(10_000) }), "SS58"),
		(json!({ "module": "Cow Say" }), "name"),
		(
			json!({ "inputs": { "Inline": " ".repeat(9_000) } }),
			"hash and size",
		),
		(
			json!({ "files": vec![json!({ "name": "a", "size": 1 }); 17] }),
			"input files",
		),
		(
			json!({ "files": [{ "name": "a", "size": 1, "hash": "0x12" }] }),
			"32 bytes",
		),
		(
			json!({ "mediators": { "Only": vec![creator(); 17] } }),
			"mediators",
		),
	] {
		node.refused("lilypad_quote", cowsay(wrong), -32602, part).await;
	}
	node.refused(
		"lilypad_quote",
		json!(["nobody", { "module": "cowsay:v0.0.1" }]),
		-32602,
		"SS58",
	)
	.await;
}

#[tokio::test]
async fn a_quote_fails_as_the_chain_would_refuse_the_job() {
	let node = Node::new();
	node.refused(
		"lilypad_quote",
		cowsay(json!({ "module": "moo:v1" })),
		8001,
		"no module moo:v1",
	)
	.await;
	let small = json!({ "spec": { "cpuMilli": 1, "ramMib": 1, "diskMib": 1 } });
	node.refused("lilypad_quote", cowsay(small), 8002, "(Market::SpecTooSmall)")
		.await;
}

#[tokio::test]
async fn a_job_is_told_in_every_state() {
	let node = Node::new();
	node.chain().block(|| {
		post();
	});
	let waiting = node.get("lilypad_job", json!([0])).await;
	assert_eq!(
		(&waiting["status"], &waiting["matchBy"]),
		(&json!("waiting"), &json!(7))
	);
	assert_eq!(waiting["budget"], (25 * LP).to_string());
	assert_eq!(
		(&waiting["creator"], &waiting["deal"]),
		(&json!(creator()), &Value::Null)
	);
	assert_eq!(waiting["finalized"], false);

	node.chain().block(|| {
		offer(PROVIDER, machine());
	});
	node.chain().finalize();
	let matched = node.get("lilypad_job", json!([0])).await;
	assert_eq!(
		(&matched["status"], &matched["finalized"]),
		(&json!("matched"), &json!(true))
	);
	assert_eq!(matched["deal"]["state"], "matched");
	assert_eq!(matched["deal"]["total"], (LP / 10 + LEVY + LP / 2).to_string());

	node.chain().block(|| acknowledge(DealId(0)));
	assert_eq!(node.get("lilypad_job", json!([0])).await["status"], "running");
	node.chain().block(|| submit(DealId(0)));
	let submitted = node.get("lilypad_job", json!([0])).await;
	assert_eq!(submitted["status"], "submitted");
	assert_eq!(
		submitted["deal"]["seal"],
		format!("0x{}", opening().seal(DealId(0)))
	);
	assert_eq!(submitted["deal"]["result"], Value::Null);

	node.chain().pass(4);
	node.chain().block(|| accept(DealId(0)));
	let ended = node.get("lilypad_job", json!([0])).await;
	assert_eq!(
		(&ended["status"], &ended["end"]["outcome"]),
		(&json!("ended"), &json!("accepted"))
	);
	assert_eq!(
		ended["end"]["result"],
		json!({ "status": "completed", "exitCode": 3, "root": format!("0x{}", "09".repeat(32)) })
	);
	assert_eq!(ended["end"]["cost"], (LP / 100 + LEVY + LP / 2).to_string());
	assert_eq!(ended["end"]["block"]["number"], 9 + 1);
	node.refused("lilypad_job", json!([1]), 8001, "no job 1").await;
	node.refused("lilypad_job", json!([-1]), -32602, "").await;
}

#[tokio::test]
async fn a_disputed_job_is_told_as_such() {
	let node = Node::new();
	node.chain().block(|| {
		offer(PROVIDER, machine());
		post();
		acknowledge(DealId(0));
		submit(DealId(0));
	});
	node.chain().block(|| dispute(DealId(0)));
	let job = node.get("lilypad_job", json!([0])).await;
	assert_eq!(
		(&job["status"], &job["deal"]["state"], &job["deal"]["deadline"]),
		(&json!("disputed"), &json!("disputed"), &Value::Null)
	);
	assert_eq!(
		job["deal"]["dispute"],
		json!({ "kind": "challenge", "reason": "wrongResult", "text": "its creator says that it is wrong" })
	);
	assert_eq!(job["deal"]["seal"], format!("0x{}", opening().seal(DealId(0))));
}

#[tokio::test]
async fn a_deal_is_told_while_it_lives_and_after() {
	let node = Node::new();
	node.chain().block(|| {
		offer(PROVIDER, machine());
		post();
	});
	let live = node.get("lilypad_deal", json!([0])).await;
	assert_eq!(
		(&live["deal"]["state"], &live["end"]),
		(&json!("matched"), &Value::Null)
	);
	// Nobody acknowledges: the sweeper settles it.
	node.chain().pass(20);
	let settled = node.get("lilypad_deal", json!([0])).await;
	assert_eq!(settled["deal"], Value::Null);
	assert_eq!(settled["end"]["outcome"], "noShow");
	assert_eq!(
		settled["end"]["moves"],
		json!([{ "from": "collateral", "to": "treasury", "amount": (LP / 10).to_string() }])
	);
	node.refused("lilypad_deal", json!([1]), 8001, "no deal 1").await;
}

#[tokio::test]
async fn an_end_is_remembered_after_its_block_s_state_is_gone() {
	let node = Node::new();
	node.chain().block(|| {
		post();
	});
	let cancelled = node
		.chain()
		.block(|| call(CREATOR, pallet_market::Call::cancel_job { job: JobId(0) }));
	node.chain().pass(1);
	node.chain().finalize();
	assert_eq!(
		node.get("lilypad_job", json!([0])).await["end"]["outcome"],
		"cancelled"
	);
	node.chain().prune(cancelled.hash);
	node.chain().pass(3);
	node.chain().finalize();
	let job = node.get("lilypad_job", json!([0])).await;
	assert_eq!(
		(&job["end"]["outcome"], &job["finalized"]),
		(&json!("cancelled"), &json!(true))
	);
}

#[tokio::test]
async fn an_end_is_noted_when_it_is_final_although_nobody_asks() {
	let node = Node::new();
	node.chain().block(|| {
		post();
	});
	let cancelled = node
		.chain()
		.block(|| call(CREATOR, pallet_market::Call::cancel_job { job: JobId(0) }));
	node.chain().finalize();
	node.shared.endings.catch_up(node.chain());
	node.chain().pass(300);
	node.chain().prune(cancelled.hash);
	node.chain().finalize();
	let job = node.get("lilypad_job", json!([0])).await;
	assert_eq!(job["end"]["outcome"], "cancelled");
}

#[tokio::test]
async fn an_end_that_nobody_remembers_is_still_an_end() {
	let node = Node::new();
	node.chain().block(|| {
		post();
	});
	let gone = node
		.chain()
		.block(|| call(CREATOR, pallet_market::Call::cancel_job { job: JobId(0) }));
	node.chain().pass(1);
	node.chain().finalize();
	node.chain().prune(gone.hash);
	let job = node.get("lilypad_job", json!([0])).await;
	assert_eq!((&job["status"], &job["end"]), (&json!("ended"), &Value::Null));
}

#[tokio::test]
async fn offers_are_filtered_and_paged() {
	let node = Node::new();
	node.chain().block(|| {
		for _ in 0..5 {
			offer(PROVIDER, machine());
		}
		let paused = offer(
			OTHER,
			OfferParams {
				machine: MachineSpec::new(1, 4_096, 1),
				..machine()
			},
		);
		call(OTHER, pallet_market::Call::pause_offer { offer: paused });
	});
	let list = |answer: &Value| -> Vec<u64> {
		let offers = answer["offers"].as_array().expect("a list");
		offers
			.iter()
			.map(|o| o["offer"].as_u64().expect("a number"))
			.collect()
	};
	let all = node.get("lilypad_offers", json!([])).await;
	assert_eq!((list(&all).len(), &all["next"]), (6, &Value::Null));

	let mut found = Vec::new();
	let mut after = Value::Null;
	loop {
		let page = node
			.get("lilypad_offers", json!([{}, { "after": after, "limit": 4 }]))
			.await;
		found.extend(list(&page));
		after = page["next"].clone();
		if after.is_null() {
			break;
		}
	}
	assert_eq!(found, list(&all), "pages give what the whole list gives");

	for (filter, expected) in [
		(json!({ "provider": who(OTHER).to_string() }), vec![5]),
		(json!({ "state": "PAUSED" }), vec![5]),
		(json!({ "platform": "wasm" }), vec![]),
		(
			json!({ "platform": "containerAmd64", "state": "paused" }),
			vec![5],
		),
		(
			json!({ "provider": who(PROVIDER).to_string(), "module": "cowsay:v0.0.1" }),
			vec![0, 1, 2, 3, 4],
		),
		(json!({ "module": "cowsay:v0.0.1", "state": "paused" }), vec![]),
	] {
		assert_eq!(
			list(&node.get("lilypad_offers", json!([filter])).await),
			expected,
			"{filter}"
		);
	}
	let second = json!([{ "provider": who(PROVIDER).to_string() }, { "after": 1, "limit": 2 }]);
	let second = node.get("lilypad_offers", second).await;
	assert_eq!((list(&second), &second["next"]), (vec![2, 3], &json!(3)));
}

#[tokio::test]
async fn offers_fail_when_the_question_is_out_of_bounds() {
	let node = Node::new();
	for limit in [0, 101, u32::MAX] {
		node.refused(
			"lilypad_offers",
			json!([null, { "limit": limit }]),
			-32602,
			"1 to 100",
		)
		.await;
		node.refused(
			"lilypad_modules",
			json!([null, { "limit": limit }]),
			-32602,
			"1 to 100",
		)
		.await;
	}
	node.refused(
		"lilypad_offers",
		json!([{ "state": "lazy" }]),
		-32602,
		"active, paused, draining",
	)
	.await;
	node.refused("lilypad_offers", json!([{ "typo": 1 }]), -32602, "typo")
		.await;
	node.refused("lilypad_offers", json!([{ "module": "moo:v1" }]), 8001, "moo:v1")
		.await;
	node.refused("lilypad_modules", json!(["x".repeat(97)]), -32602, "96")
		.await;
	node.refused(
		"lilypad_modules",
		json!(["", { "after": u64::MAX }]),
		-32602,
		"after",
	)
	.await;
}

#[tokio::test]
async fn modules_are_found_by_prefix_and_paged() {
	let node = Node::new();
	node.chain().block(|| {
		for name in ["cowsay:v0.0.2", "kmers:v1", "cowsay-wasm:v1"] {
			register(name);
		}
		let reason = b"too slow".to_vec().try_into().expect("short");
		let (version, successor) = (VersionId(0), Some(VersionId(1)));
		call(
			AUTHOR,
			pallet_modules::Call::deprecate {
				version,
				successor,
				reason,
			},
		);
	});
	let names = |answer: &Value| -> Vec<String> {
		let modules = answer["modules"].as_array().expect("a list");
		modules
			.iter()
			.map(|m| m["name"].as_str().expect("a text").into())
			.collect()
	};
	assert_eq!(names(&node.get("lilypad_modules", json!([])).await).len(), 4);
	let cows = node.get("lilypad_modules", json!(["cowsay:"])).await;
	assert_eq!(names(&cows), ["cowsay:v0.0.1", "cowsay:v0.0.2"]);
	assert_eq!(cows["modules"][0]["fee"], (LP / 2).to_string());
	assert_eq!(
		cows["modules"][0]["deprecated"],
		json!({ "successor": 1, "reason": "too slow" })
	);
	assert_eq!(cows["modules"][1]["deprecated"], Value::Null);
	let first = node
		.get("lilypad_modules", json!(["cowsay", { "limit": 2 }]))
		.await;
	let second = node
		.get(
			"lilypad_modules",
			json!(["cowsay", { "limit": 2, "after": first["next"] }]),
		)
		.await;
	assert_eq!(names(&second), ["cowsay-wasm:v1"]);
	assert_eq!(second["next"], Value::Null);
}

#[test]
fn accounts_are_shown_as_wallets_show_them() {
	let alice: AccountId = lilypad_client::Signer::from_suri("//Alice")
		.expect("a well-known key")
		.account();
	assert_eq!(
		alice.to_string(),
		"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	);
}
