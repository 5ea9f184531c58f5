//! The EVM bridge when things go wrong, and how quick it is when they don't. Each ends with the books of both sides balanced.
//! They take minutes: `make test-bridge`.

use anyhow::{ensure, Context, Result};
use lilypad_client::{
	calls,
	gateway::{Deposit, Inbound},
	Client, ClientConfig, Signer,
};
use lilypad_tests::{
	bridge::{encode, secret, topic, Evm, FlakyProxy, Relayer, Relayers, GAS_MONEY, LP, MEMBERS},
	wait_for, Network,
};
use serde_json::{json, Value};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);
const COWSAY: &str = "cowsay:v0.0.1";
const COMPLETED: u8 = 0;
const UNKNOWN_MODULE: u8 = 7;
const REFUSED: u8 = 10;

fn lane(evm: &Evm) -> Vec<(u64, Vec<String>)> {
	vec![(evm.id, vec![evm.url().to_string()])]
}

/// The end of each relayer's log, for messages.
fn logs(relayers: &[Relayer]) -> String {
	let tails = relayers.iter().map(|relayer| relayer.process.log_tail(25));
	tails.collect::<Vec<_>>().join("\n--\n")
}

/// The books of a lane, as the chain has them.
fn books(network: &Network, evm: &Evm) -> Result<Value> {
	let shown = network
		.cli("//Alice")
		.json(&["gateway", "show", &evm.id.to_string()])?;
	Ok(shown["books"].clone())
}

#[test]
fn one_relayer_of_three_can_be_down() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "finalized")?;
	let relayers = Relayers::for_lanes(&network, &lane(&evm))?.start_all()?;
	let user = evm.account(0).to_string();
	// Whoever's turn it is: with three requests each of them would have had it.
	for down in 0..MEMBERS.len() {
		if down == 0 {
			relayers[0].process.kill()?;
		}
		let id = evm.ask(&user, evm.example(), &format!("moo {down}"), 2 * LP)?;
		let saying = evm
			.answered(evm.example(), id, 3 * MINUTE)
			.with_context(|| logs(&relayers))?;
		assert_eq!(saying.status, COMPLETED);
	}
	evm.balanced(&network, MINUTE)?;
	Ok(())
}

#[test]
fn one_relayer_that_lies_gains_nothing_and_stops_nobody() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "finalized")?;
	let all = Relayers::for_lanes(&network, &lane(&evm))?;
	let relayers = vec![all.start(0)?, all.start(1)?];

	// The third has its own version of the first numbers, before and after they are given out.
	let liar = Liar::start(&network, &evm)?;
	for id in 1..=3 {
		liar.forge_deposit(id, 500 * LP)?;
	}
	let user = evm.account(0).to_string();
	for n in 0..2 {
		let id = evm.ask(&user, evm.example(), &format!("true {n}"), 2 * LP)?;
		let saying = evm
			.answered(evm.example(), id, 3 * MINUTE)
			.with_context(|| logs(&relayers))?;
		assert_eq!(saying.status, COMPLETED);
	}
	// It says that everything is delivered, and signs what it likes.
	liar.acknowledge_all()?;
	assert!(
		liar.sign_badly().is_err(),
		"a signature of something else is refused"
	);
	liar.forge_deposit(4, 500 * LP)?;
	assert_eq!(liar.loot()?, 0, "nothing was credited to the liar");
	evm.balanced(&network, MINUTE)?;
	assert_eq!(books(&network, &evm)?["lost"], "0");
	Ok(())
}

/// A member that uses its key for what is not so.
struct Liar {
	runtime: tokio::runtime::Runtime,
	client: Client,
	signer: Signer,
	lane: u64,
}

impl Liar {
	fn start(network: &Network, evm: &Evm) -> Result<Self> {
		let runtime = tokio::runtime::Runtime::new()?;
		let config = ClientConfig::with_urls([network.url()]);
		let client = runtime.block_on(Client::connect(&config))?;
		let signer = Signer::from_private_key(&secret(MEMBERS[2])?)?;
		Ok(Self {
			runtime,
			client,
			signer,
			lane: evm.id,
		})
	}

	fn forge_deposit(&self, id: u64, amount: u128) -> Result<()> {
		let deposit = Deposit {
			id,
			from: Default::default(),
			account: self.signer.account(),
			amount,
		};
		let call = calls::gateway::attest(self.lane, Inbound::Deposit(deposit));
		self.runtime.block_on(self.client.submit(&self.signer, call))?;
		Ok(())
	}

	fn acknowledge_all(&self) -> Result<()> {
		let next = self
			.runtime
			.block_on(async { self.client.best().await?.outbox(self.lane).await })?
			.next;
		let call = calls::gateway::acknowledge(self.lane, next);
		self.runtime.block_on(self.client.submit(&self.signer, call))?;
		Ok(())
	}

	fn sign_badly(&self) -> Result<()> {
		let mut signature = [7; 65];
		signature[64] = 27;
		let call = calls::gateway::sign(self.lane, 0, signature);
		self.runtime.block_on(self.client.submit(&self.signer, call))?;
		Ok(())
	}

	fn loot(&self) -> Result<u128> {
		let account = self.signer.account();
		let balances = self
			.runtime
			.block_on(async { self.client.best().await?.balances(&account).await })?;
		Ok(balances.free)
	}
}

#[test]
fn a_reorganisation_deeper_than_the_confirmations_costs_what_was_taken_up_and_is_reported() -> Result<()> {
	let network = Network::dev()?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "2")?;
	let relayers = Relayers::for_lanes(&network, &lane(&evm))?.start_all()?;
	let user = evm.account(0).to_string();
	let before = evm.balance(&user)?;

	// Nobody provides yet: the job waits.
	let first = evm.ask(&user, evm.example(), "gone", 3 * LP)?;
	let block = evm.block_number()?;
	wait_for("the request is taken up", 2 * MINUTE, || {
		Ok((books(&network, &evm)?["live"] == 1).then_some(()))
	})
	.with_context(|| logs(&relayers))?;
	let depth = evm.block_number()? - block + 2;
	evm.rpc("anvil_reorg", json!([depth, []]))?;
	assert_eq!(
		evm.number(evm.gateway(), &["lastInbound()"])?,
		0,
		"it never happened"
	);

	let second = evm.ask(&user, evm.example(), "other", 2 * LP)?;
	assert_eq!(second, first, "its number is another's now");
	let saying = evm
		.answered(evm.example(), second, 3 * MINUTE)
		.with_context(|| logs(&relayers))?;
	assert_eq!(saying.status, REFUSED, "and it is given back");
	assert_eq!(books(&network, &evm)?["lost"], (3 * LP).to_string());
	for relayer in &relayers {
		ensure!(
			relayer.metric("reorganisations_total")? > 0,
			"{}",
			relayer.process.log_tail(30)
		);
		ensure!(
			relayer.metric("changed_numbers_total")? > 0,
			"{}",
			relayer.process.log_tail(30)
		);
	}

	// The first job is done all the same. What it cost is what the lane has lost, and no more is promised to anybody.
	let _provider = network.provider("//Bob", &[])?;
	let locked = evm
		.balanced(&network, 4 * MINUTE)
		.with_context(|| logs(&relayers))?;
	assert_eq!(locked, 0);
	evm.transact(&user, evm.gateway(), &["withdraw(address)", &user])?;
	assert_eq!(evm.balance(&user)?, before, "nobody has lost LP there");
	Ok(())
}

#[test]
fn an_endpoint_that_loses_half_its_answers_is_enough() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "finalized")?;
	let proxy = FlakyProxy::start(evm.url())?;
	let lanes = [(evm.id, vec![proxy.url().to_string()])];
	let relayers = Relayers::for_lanes(&network, &lanes)?.start_all()?;
	let user = evm.account(0).to_string();
	for n in 0..3 {
		let id = evm.ask(&user, evm.example(), &format!("half {n}"), 2 * LP)?;
		let saying = evm
			.answered(evm.example(), id, 4 * MINUTE)
			.with_context(|| logs(&relayers))?;
		assert_eq!(saying.status, COMPLETED);
	}
	let lost: u64 = relayers
		.iter()
		.map(|relayer| relayer.metric("rpc_errors_total"))
		.sum::<Result<u64>>()?;
	ensure!(
		proxy.asked() > 100 && lost > 30,
		"{lost} of {} answers were lost",
		proxy.asked()
	);
	evm.balanced(&network, MINUTE)?;
	Ok(())
}

/// One request was answered, and the answer never delivered; one has a job that waits; of one the chain has never heard.
#[test]
fn what_was_taken_back_from_a_dead_bridge_is_booked_on_both_sides() -> Result<()> {
	let network = Network::dev()?;
	let provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	let evm = Evm::start(&network, 1337, COWSAY)?;
	evm.register(&network, "finalized")?;
	let all = Relayers::for_lanes(&network, &lane(&evm))?;
	let relayers = all.start_all()?;
	let user = evm.account(0).to_string();
	let before = evm.balance(&user)?;
	for suri in MEMBERS {
		evm.fund(suri, 0)?;
	}
	let part = |name: &str| -> Result<u128> {
		let books = books(&network, &evm)?;
		Ok(books[name].as_str().context("an amount")?.parse()?)
	};
	let ends = |what: &str, live: u64| {
		wait_for(what, 3 * MINUTE, || {
			Ok((books(&network, &evm)?["live"] == live).then_some(()))
		})
	};

	let answered = evm.ask(&user, evm.example(), "answered", 3 * LP)?;
	wait_for("the job is paid", 3 * MINUTE, || {
		Ok((part("released")? > 0).then_some(()))
	})
	.with_context(|| logs(&relayers))?;
	let cost = 3 * LP - part("released")?;
	ensure!(cost > 0, "the job has cost something");
	provider.kill()?;
	network.cli("//Bob").ok(&["provider", "pause"])?;
	let waiting = evm.ask(&user, evm.example(), "waiting", 2 * LP)?;
	ends("the second job is posted", 1).with_context(|| logs(&relayers))?;
	for relayer in &relayers {
		relayer.process.kill()?;
	}
	let unknown = evm.ask(&user, evm.example(), "unknown", LP)?;
	evm.declare_dead(&user)?;
	for id in [answered, waiting, unknown] {
		evm.exit(&user, id)?;
	}
	// All of it is final by the time somebody looks.
	evm.rpc("anvil_mine", json!(["0x8"]))?;

	// The relayers are back: what was taken back is short of cover, as far as it was or may be spent.
	for suri in MEMBERS {
		evm.fund(suri, GAS_MONEY)?;
	}
	let relayers = all.start_all()?;
	wait_for("the exits are booked", 3 * MINUTE, || {
		Ok((part("lost")? == cost + 2 * LP).then_some(()))
	})
	.with_context(|| logs(&relayers))?;
	wait_for("the third is booked", MINUTE, || {
		Ok((part("received")? == 6 * LP).then_some(()))
	})
	.with_context(|| logs(&relayers))?;
	assert_eq!((part("reserved")?, part("locked")?), (0, 0));

	// The job that waited is done all the same, and nobody waits for its answer.
	network.cli("//Bob").ok(&["provider", "resume"])?;
	let _provider = network.provider("//Bob", &[])?;
	ends("the second job ends", 0).with_context(|| logs(&relayers))?;
	assert_eq!(evm.balanced(&network, MINUTE)?, 0);
	let lost = part("lost")?;
	ensure!(
		lost > cost && lost < cost + 2 * LP,
		"{lost} are lost, {cost} of them by the first"
	);
	let told = topic("Answered(uint64,address,address,bytes32,uint64,uint8,int32,uint96,uint96)")?;
	assert_eq!(evm.count_logs(&told)?, 0);
	evm.transact(&user, evm.gateway(), &["withdraw(address)", &user])?;
	assert_eq!(evm.balance(&user)?, before, "all of it was taken back, once");
	Ok(())
}

#[test]
fn five_hundred_requests_of_ten_contracts_are_all_answered() -> Result<()> {
	const MODULE: &str = "cowsay-wasm:v0.0.1";
	const EACH: usize = 50;
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &["--provider-slots", "64"])?;
	network.publish("//Charlie", "cowsay-wasm")?;
	let evm = Evm::start(&network, 1337, MODULE)?;
	evm.register(&network, "finalized")?;
	let relayers = Relayers::for_lanes(&network, &lane(&evm))?.start_all()?;

	let budget = LP / 2;
	let mut contracts = vec![evm.example().to_string()];
	for _ in 1..10 {
		contracts.push(evm.another_example(MODULE)?);
	}
	for (n, contract) in contracts.iter().enumerate() {
		let (user, all) = (evm.account(n), (budget * EACH as u128).to_string());
		if n > 0 {
			evm.transact(
				evm.account(0),
				evm.token(),
				&["transfer(address,uint256)", user, &all],
			)?;
		}
		evm.transact(user, evm.token(), &["approve(address,uint256)", contract, &all])?;
	}
	let ask = encode(&["ask(string,uint96)", "moo", &budget.to_string()])?;
	let begun = Instant::now();
	for _ in 0..EACH {
		for (n, contract) in contracts.iter().enumerate() {
			evm.send_raw(evm.account(n), Some(contract), &ask)?;
		}
	}
	wait_for("all are asked", 5 * MINUTE, || {
		Ok((evm.number(evm.gateway(), &["lastInbound()"])? == 500).then_some(()))
	})?;
	let answered = topic("Answered(uint64,address,address,bytes32,uint64,uint8,int32,uint96,uint96)")?;
	let told = topic("CallbackSucceeded(uint64)")?;
	wait_for("all are answered", 20 * MINUTE, || {
		Ok((evm.count_logs(&answered)? == 500).then_some(()))
	})
	.with_context(|| logs(&relayers))?;
	println!("500 requests were answered within {:?}", begun.elapsed());
	assert_eq!(
		evm.count_logs(&told)?,
		500,
		"each contract was told of each, once"
	);
	evm.balanced(&network, 2 * MINUTE)?;
	Ok(())
}

/// Not a fault: what the relayers cost and how long they take, for the documentation.
#[test]
fn figures() -> Result<()> {
	let network = Network::dev()?;
	// Nobody knows the module: the answer is made in the block that decides about the request, so none of the time is the job's.
	let evm = Evm::start(&network, 1337, "nobody:knows")?;
	evm.register(&network, "finalized")?;
	let relayers = Relayers::for_lanes(&network, &lane(&evm))?.start_all()?;
	let user = evm.account(0).to_string();
	let mut times = Vec::new();
	for _ in 0..20 {
		let id = evm.ask(&user, evm.example(), "moo", LP)?;
		let asked = evm.block_number()?;
		wait_for("the request is final", MINUTE, || {
			let last = evm.rpc("eth_getBlockByNumber", json!(["finalized", false]))?;
			let last = last["number"].as_str().context("a number")?;
			let last = u64::from_str_radix(last.trim_start_matches("0x"), 16)?;
			Ok((last >= asked).then_some(()))
		})?;
		let begun = Instant::now();
		let saying = evm
			.answered(evm.example(), id, 2 * MINUTE)
			.with_context(|| logs(&relayers))?;
		assert_eq!(saying.status, UNKNOWN_MODULE);
		times.push(begun.elapsed());
	}
	times.sort();
	println!(
		"from finality to callback, without the job: p50 {:.1?}, p95 {:.1?}",
		times[times.len() / 2],
		times[times.len() * 95 / 100]
	);
	evm.balanced(&network, MINUTE)?;

	let calls = |relayer: &Relayer| relayer.metric("rpc_calls_total");
	// What is left to be closed is closed by then.
	std::thread::sleep(2 * MINUTE);
	let (before, begun) = (calls(&relayers[0])?, Instant::now());
	std::thread::sleep(MINUTE);
	let made = calls(&relayers[0])? - before;
	let hourly = made as f64 * 3_600.0 / begun.elapsed().as_secs_f64();
	println!(
		"idle, with a final block a second and a look every half: {hourly:.0} RPC calls an hour, {} KiB resident",
		relayers[0].process.resident_kib()?
	);
	Ok(())
}
