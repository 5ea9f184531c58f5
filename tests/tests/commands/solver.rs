//! `solver`: what the chain's own search misses is found, and its finder is paid.

use crate::{says, COWSAY, REFUSED};
use anyhow::{ensure, Context, Result};
use lilypad_client::{calls, Class, Client, ClientConfig, OfferParams, Signer};
use lilypad_primitives::{CreatorPolicy, MachineSpec, MediatorPolicy, ModulePolicy, Platform};
use lilypad_tests::{
	cow, free_port,
	ledger::{smallest, Holding, LP},
	wait_for, Cli, Engine, Network, Process, Worker,
};
use serde_json::{json, Value};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const SOLVER: &str = "//Alice//stash";
const TIP: &str = "0.5";

/// Offers of machines that nothing fits, at a tenth of the price of the one that will do, and more of them than a search of the chain's
/// looks at.
fn crowd(network: &Network) -> Result<usize> {
	const EACH: usize = 16;
	let keys = ["//Eve", "//Ferdie", "//Eve//stash", "//Ferdie//stash"];
	let params = OfferParams {
		machine: MachineSpec::new(1, 1, 1),
		slots: 1,
		rate: LP / 100_000,
		platforms: vec![Platform::Wasm]
			.try_into()
			.map_err(|_| anyhow::anyhow!("one fits"))?,
		modules: ModulePolicy::Any,
		mediators: MediatorPolicy::Any,
		creators: CreatorPolicy::Any,
	};
	tokio::runtime::Runtime::new()?.block_on(async {
		let client = Client::connect(&ClientConfig::with_urls([network.url()])).await?;
		let mut sent = Vec::new();
		for key in keys {
			let signer = Signer::from_suri(key)?;
			for _ in 0..EACH {
				let (client, signer, params) = (client.clone(), signer.clone(), params.clone());
				sent.push(tokio::spawn(async move {
					client.submit(&signer, calls::market::post_offer(params)).await
				}));
			}
		}
		for one in sent {
			one.await??;
		}
		reads_page_by_page(&client).await?;
		anyhow::Ok(EACH * keys.len())
	})
}

/// Pages give what the whole book has, in the order of price.
async fn reads_page_by_page(client: &Client) -> Result<()> {
	let view = client.best().await?;
	let mut whole = view.offers().await?;
	whole.sort_by_key(|(id, offer)| (offer.rate, *id));
	let class = Class {
		platform: Platform::Wasm,
		gpu: false,
	};
	let (mut read, mut place) = (Vec::new(), None);
	loop {
		let page = view.offers_in(class, place.as_ref(), 10).await?;
		ensure!(page.entries.len() <= 10);
		read.extend(page.entries);
		place = page.next;
		if place.is_none() {
			break;
		}
	}
	assert_eq!(read, whole);
	Ok(())
}

fn post(cli: &Cli) -> Result<String> {
	let args = [
		"run",
		COWSAY,
		"-i",
		"Message=moo",
		"--yes",
		"--detach",
		"--tip",
		TIP,
		"--budget",
		"1",
		"--match-timeout",
		"600",
	];
	Ok(cli.json(&args)?["job"].to_string())
}

/// Lines that a solver has printed about something.
fn lines(solver: &Process, event: &str) -> Result<Vec<Value>> {
	let log = solver.log()?;
	let values = log
		.lines()
		.filter_map(|line| serde_json::from_str::<Value>(line).ok());
	Ok(values.filter(|value| value["event"] == event).collect())
}

fn hears(solver: &Process, event: &str, job: &str) -> Result<Value> {
	let number: u64 = job.parse()?;
	wait_for(&format!("the solver has {event} job {job}"), 2 * MINUTE, || {
		solver.check()?;
		let found = lines(solver, event)?;
		Ok(found.into_iter().find(|value| value["job"] == number))
	})
	.with_context(|| solver.log_tail(30))
}

/// What a solver's account has more than before, in all.
fn gained(cli: &Cli, before: Holding) -> Result<i128> {
	let now = Holding::of(cli, None)?;
	Ok(i128::try_from(now.free)? - i128::try_from(before.free)?)
}

#[test]
fn a_solver_finds_what_the_chain_missed_and_earns_the_tip() -> Result<()> {
	let mut network = Network::dev_without_solver()?;
	let worker = Worker::honest("//Bob", Engine::Wasm).provide(&network, "0.0001")?;
	network.is_ready(&worker)?;
	network.publish("//Charlie", "cowsay-wasm")?;
	let decoys = crowd(&network)?;
	let (creator, solver) = (network.cli("//Dave"), network.cli(SOLVER));

	// Nothing to do, nothing to pay with.
	let idle = solver.json(&["solver", "--once"])?;
	assert_eq!((&idle["waiting"], &idle["proposed"]), (&json!(0), &json!([])));
	says(
		&network.cli("//Pauper").fails(REFUSED, &["solver", "--once"])?,
		&["needed", "for a proposal"],
	)?;

	// Once.
	let job = post(&creator)?;
	assert_eq!(creator.json(&["job", "show", &job])?["state"], "waiting");
	let before = Holding::of(&solver, None)?;
	let greedy = solver.json(&["solver", "--once", "--min-tip", "0.6"])?;
	assert_eq!((&greedy["wanted"], &greedy["proposed"]), (&json!(0), &json!([])));
	let found = solver.json(&["solver", "--once"])?;
	ensure!(found["offers"].as_u64() > u64::try_from(decoys).ok(), "{found}");
	let proposed = &found["proposed"][0];
	assert_eq!(
		(proposed["job"].to_string(), &proposed["offer"], &proposed["tip"]),
		(job.clone(), &json!(0), &json!("0.5 LP"))
	);
	says(
		&solver.ok(&["solver", "--once"])?,
		&["waiting jobs: 1;", "LP): 0;"],
	)?;
	says(&creator.ok(&["job", "watch", &job])?, &[&cow("moo")])?;
	let profit = gained(&solver, before)?;
	ensure!(
		profit > 0 && profit < i128::try_from(LP / 2)?,
		"{profit} gained, of a tip of half an LP"
	);

	// As a service, over the death of its node.
	let metrics = format!("127.0.0.1:{}", free_port()?);
	let service = Process::spawn(
		"solver",
		solver.command(&["solver", "--json", "--metrics", &metrics])?,
		&network.path("solver.log"),
	)?;
	wait_for("the solver follows the chain", MINUTE, || {
		Ok(lines(&service, "started")?.pop())
	})?;
	let before = Holding::of(&solver, None)?;
	let job = post(&creator)?;
	hears(&service, "proposed", &job)?;
	hears(&service, "matched", &job)?;
	creator.ok(&["job", "watch", &job])?;
	assert_eq!(smallest(&hears(&service, "earned", &job)?["tip"])?, LP / 2);
	ensure!(gained(&solver, before)? > 0);

	network.kill_alice()?;
	std::thread::sleep(Duration::from_secs(5));
	network.revive_alice()?;
	wait_for("the node is back", MINUTE, || Ok(network.best_number().ok()))?;
	let job = post(&creator)?;
	hears(&service, "proposed", &job)?;
	creator.ok(&["job", "watch", &job])?;
	hears(&service, "earned", &job)?;

	let text = ureq::get(format!("http://{metrics}/metrics"))
		.call()?
		.body_mut()
		.read_to_string()?;
	says(
		&text,
		&[
			"lilypad_solver_proposals_total{end=\"taken\"} 2",
			"lilypad_solver_tips_micro_lp_total 1000000",
		],
	)?;
	assert_eq!(service.stop(MINUTE)?, Some(0), "{}", service.log_tail(10));
	let last = lines(&service, "stopped")?.pop().context("its last word")?;
	assert_eq!((&last["proposed"], &last["earned"]), (&json!(2), &json!("1 LP")));
	Ok(())
}
