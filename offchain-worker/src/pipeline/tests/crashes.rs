//! A worker may die at any moment. Its successor neither runs a job twice nor seals a second result.

use super::*;
use crate::{
	chain::{Call, DealState},
	journal::{Closing, Stage},
	results::ResultStore,
};
use std::collections::BTreeSet;

/// Plays a deal with a crash after `passes` interactions. Says whether there was one.
async fn crash_after(passes: i64, lasts: Duration) -> bool {
	let mut world = World::new();
	world.timing.quick_run = Duration::from_millis(60);
	world.executor.with(|runs| runs.lasts = lasts);
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 5_000);
	let _miner = world.mine(Duration::from_millis(10));
	let settler = tokio::spawn({
		let chain = world.chain.clone();
		async move {
			loop {
				if let Some(DealState::Submitted { opened: Some(_), .. }) = chain.state_of(DEAL) {
					chain.settle(DEAL);
					return;
				}
				tokio::time::sleep(Duration::from_millis(5)).await;
			}
		}
	});

	let gate = Gate::after(passes);
	let life = world.start(gate.clone()).await;
	let first_ended = life.drive(&gate).await;
	life.end().await;
	let life = world.start(Gate::default()).await;
	assert!(life.drive(&Gate::default()).await);

	let record = life.record().expect("a record");
	let Stage::Closed {
		why: Closing::Settled,
		opening: Some(opening),
		..
	} = record.stage
	else {
		panic!("crash after {passes}: {record:?}");
	};
	let (seals, reveals) = {
		let state = world.chain.lock();
		let seals = state.seals.iter().copied().collect::<BTreeSet<_>>();
		(
			seals,
			state
				.calls
				.iter()
				.filter(|call| matches!(call, Call::Reveal(..)))
				.count(),
		)
	};
	assert_eq!(
		seals,
		BTreeSet::from([(DEAL, opening.seal(DEAL))]),
		"crash after {passes}: one seal, the journal's"
	);
	assert_eq!(reveals, 1, "crash after {passes}");
	let (starts, alive) = world.executor.with(|runs| (runs.starts, runs.alive.len()));
	assert_eq!(
		(starts, alive),
		(1, 0),
		"crash after {passes}: one run, cleaned up"
	);
	assert_eq!(opening.usage, 20);
	let files = life
		.ctx
		.blobs
		.list(opening.triple.root)
		.await
		.expect("the result is there");
	assert_eq!(
		files.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(),
		["stdout"],
		"crash after {passes}"
	);
	assert!(
		!path_exists(&world, "work"),
		"crash after {passes}: nothing is left behind"
	);
	life.end().await;
	settler.await.expect("settled");
	!first_ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_any_two_steps_of_a_quick_job_is_survived() {
	let mut crashes = 0;
	while crash_after(crashes, Duration::from_millis(20)).await {
		crashes += 1;
		assert!(crashes < 200, "the deal never ends by itself");
	}
	assert!(
		crashes > 10,
		"only {crashes} places to crash: the gates are not where they should be"
	);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_any_two_steps_of_an_acknowledged_job_is_survived() {
	let mut crashes = 0;
	// Longer than a quick run, so that it is acknowledged on the way.
	while crash_after(crashes, Duration::from_millis(150)).await {
		crashes += 1;
		assert!(crashes < 300, "the deal never ends by itself");
	}
	assert!(
		crashes > 12,
		"only {crashes} places to crash: the gates are not where they should be"
	);
}
