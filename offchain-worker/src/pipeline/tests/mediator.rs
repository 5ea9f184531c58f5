//! A mediator's seat, and its accidents: the same world, seen from an account that was drawn.

use super::*;
use crate::{
	chain::{Call, CaseStage as OnChain, DealState, SeatState},
	config::MediatorConfig,
	journal::{CaseRecord, CaseStage, SeatId},
	mediate::{run::run_id, standing::ensure_mediator, vote::next_step, vote::Step, watch},
	output::empty_root,
	results::ResultStore,
};
use lilypad_primitives::{InputFile, MachineSpec, Opening, OutputRoot, Profile, Round, Seal, Triple, Vote};
use std::collections::BTreeSet;

const SEAT: SeatId = SeatId {
	deal: DEAL,
	round: Round::Three,
};

fn me() -> crate::AccountId {
	fake::account(9)
}

/// A mediator's world.
fn world() -> World {
	let mut world = World::new();
	world.chain = world.chain.with_account(me());
	world.timing.commit_margin = 2;
	world
}

fn dispute(world: &World, job: lilypad_primitives::Job<crate::AccountId>, blocks: u32) {
	world.chain.open_case(DEAL, job, Seal([5; 32]), &[me()], blocks);
}

fn state(world: &World) -> Option<SeatState> {
	world.chain.case_of(DEAL)?.seat(&me()).map(|seat| seat.state)
}

fn revealed(world: &World) -> Option<Vote> {
	let state = world.chain.lock();
	let votes = state.calls.iter().filter_map(|call| match call {
		Call::RevealVote(_, vote, _) => Some(*vote),
		_ => None,
	});
	let votes: Vec<_> = votes.collect();
	assert!(votes.len() <= 1, "one vote: {votes:?}");
	votes.first().copied()
}

/// Closes the case once the vote is revealed.
fn closer(world: &World) -> tokio::task::JoinHandle<()> {
	let chain = world.chain.clone();
	tokio::spawn(async move {
		loop {
			let seat = chain.case_of(DEAL).and_then(|case| case.seat(&me()).cloned());
			if matches!(seat.map(|seat| seat.state), Some(SeatState::Revealed(_))) {
				chain.lock().cases.remove(&DEAL);
				chain.settle(DEAL);
				return;
			}
			tokio::time::sleep(Duration::from_millis(5)).await;
		}
	})
}

/// Drives the seat to its end, or until the gate stops it. Says whether it came to the end.
async fn judge(life: &Life, gate: &Gate) -> bool {
	let driving = tokio::spawn(watch::drive(life.ctx.clone(), DEAL));
	let abort = driving.abort_handle();
	let ended = tokio::select! {
		ended = driving => { ended.expect("no panic"); true },
		() = gate.stopped() => false,
		() = tokio::time::sleep(Duration::from_secs(30)) => panic!("the case does not come to its end"),
	};
	abort.abort();
	ended
}

fn record(life: &Life) -> CaseRecord {
	life.ctx
		.journal
		.case(SEAT)
		.expect("readable")
		.expect("there is one")
}

/// Plays a case with a crash after `passes` interactions, of a job that is run so often. Says whether there was one.
async fn crash_after(passes: i64, runs: u32) -> bool {
	let world = world();
	world.executor.with(|all| all.measures = runs == 1);
	dispute(&world, fake::job(r#"{"Message":"moo"}"#), 5_000);
	let _miner = world.mine(Duration::from_millis(10));
	let closer = closer(&world);

	let gate = Gate::after(passes);
	let life = world.start(gate.clone()).await;
	let first_ended = judge(&life, &gate).await;
	life.end().await;
	let life = world.start(Gate::default()).await;
	watch::restore(&life.ctx).expect("readable");
	assert!(judge(&life, &Gate::default()).await);

	let CaseStage::Closed {
		vote: Some((vote, salt)),
		..
	} = record(&life).stage
	else {
		panic!("crash after {passes}: {:?}", record(&life));
	};
	let commitments: BTreeSet<_> = {
		let state = world.chain.lock();
		state.commitments.iter().map(|(deal, c)| (*deal, c.0)).collect()
	};
	let commitment = vote.commitment(DEAL, Round::Three, &me(), &salt);
	assert_eq!(
		commitments,
		BTreeSet::from([(DEAL, commitment.0)]),
		"crash after {passes}: one commitment, the journal's"
	);
	assert_eq!(revealed(&world), Some(vote), "crash after {passes}");
	let triple = vote.triple.expect("it has run the job");
	assert_eq!(
		(vote.usage, vote.fetched, triple.status),
		(20, false, Status::Completed)
	);
	assert!(vote.ample, "crash after {passes}: it needed little");
	let (starts, alive) = world.executor.with(|runs| (runs.starts, runs.alive.len()));
	assert_eq!(
		(starts, alive),
		(runs, 0),
		"crash after {passes}: so many runs, cleaned up"
	);
	let files = life
		.ctx
		.blobs
		.list(triple.root)
		.await
		.expect("the result is there");
	assert_eq!(files.len(), 1, "crash after {passes}");
	assert!(
		life.ctx.access.is_public(triple.root.0),
		"crash after {passes}: the own result is for everybody now"
	);
	assert!(
		!path_exists(&world, "work"),
		"crash after {passes}: nothing is left behind"
	);
	life.end().await;
	closer.await.expect("closed");
	!first_ended
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_any_two_steps_of_a_mediator_is_survived() {
	assert!(
		crashes(1).await > 15,
		"few places to crash: the gates are not where they should be"
	);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_any_two_steps_of_a_mediator_that_runs_a_job_twice_is_survived() {
	assert!(crashes(2).await > 20);
}

async fn crashes(runs: u32) -> i64 {
	let mut crashes = 0;
	while crash_after(crashes, runs).await {
		crashes += 1;
		assert!(crashes < 300, "the case never ends by itself");
	}
	crashes
}

#[tokio::test]
async fn what_was_not_measured_is_tried_with_less() {
	// The job has 100 MiB, of which a vote for ample may use half.
	for (needs, ample) in [(50, true), (51, false), (200, false)] {
		let world = world();
		world.executor.with(|runs| {
			runs.measures = false;
			runs.needs = needs;
		});
		dispute(&world, fake::job(r#"{"Message":"moo"}"#), 500);
		let _miner = world.mine(Duration::from_millis(10));
		let closer = closer(&world);
		let life = world.start(Gate::default()).await;
		assert!(judge(&life, &Gate::default()).await);
		let vote = revealed(&world).expect("a vote");
		let status = vote.triple.expect("it has run the job").status;
		assert_eq!((status, vote.ample), (Status::Completed, ample), "{needs} MiB");
		assert_eq!(world.executor.with(|runs| runs.starts), 2);
		assert!(!path_exists(&world, "work"));
		closer.await.expect("closed");
		life.end().await;
	}
}

#[tokio::test]
async fn the_own_result_is_shown_to_nobody_before_the_end() {
	let world = world();
	dispute(&world, fake::job(r#"{"Message":"moo"}"#), 500);
	let _miner = world.mine(Duration::from_millis(10));
	let life = world.start(Gate::default()).await;
	let driving = tokio::spawn(watch::drive(life.ctx.clone(), DEAL));
	while revealed(&world).is_none() {
		tokio::time::sleep(Duration::from_millis(5)).await;
	}
	let root = revealed(&world)
		.and_then(|vote| vote.triple)
		.expect("a result")
		.root;
	assert!(!life.ctx.access.is_public(root.0));
	world.chain.lock().cases.remove(&DEAL);
	world.chain.settle(DEAL);
	driving.await.expect("ended");
	assert!(life.ctx.access.is_public(root.0));
	life.end().await;
}

#[tokio::test]
async fn inputs_that_nobody_hands_over_are_voted_as_not_fetched() {
	let world = world();
	let mut job = fake::job(r#"{"Message":"moo"}"#);
	let file = InputFile {
		name: b"data".to_vec().try_into().expect("short"),
		hash: [3; 32],
		size: 10,
	};
	job.request.files = vec![file].try_into().expect("one");
	dispute(&world, job, 60);
	let _miner = world.mine(Duration::from_millis(15));
	let closer = closer(&world);
	let life = world.start(Gate::default()).await;
	assert!(judge(&life, &Gate::default()).await);
	let vote = revealed(&world).expect("a vote");
	assert_eq!((vote.triple, vote.fetched), (None, false));
	assert_eq!(world.executor.with(|runs| runs.starts), 0);
	closer.await.expect("closed");
	life.end().await;
}

#[tokio::test]
async fn a_run_that_does_not_end_in_time_is_a_vote_only_when_it_had_its_time() {
	let world = world();
	world.executor.with(|runs| runs.lasts = Duration::from_secs(60));
	dispute(&world, fake::job(r#"{"Message":"moo"}"#), 40);
	if let Some(deal) = world.chain.lock().deals.get_mut(&DEAL) {
		deal.terms.time_limit = 100;
	}
	let _miner = world.mine(Duration::from_millis(15));
	let closer = closer(&world);
	let life = world.start(Gate::default()).await;
	assert!(judge(&life, &Gate::default()).await);
	let triple = revealed(&world).and_then(|vote| vote.triple).expect("a vote");
	assert_eq!((triple.status, triple.root), (Status::TimeExceeded, empty_root()));
	closer.await.expect("closed");
	life.end().await;
}

#[tokio::test]
async fn a_broken_engine_is_nothing_to_vote_about() {
	let world = world();
	world.executor.with(|runs| runs.down = true);
	dispute(&world, fake::job(r#"{"Message":"moo"}"#), 20);
	let _miner = world.mine(Duration::from_millis(10));
	let life = world.start(Gate::default()).await;
	let driving = tokio::spawn(watch::drive(life.ctx.clone(), DEAL));
	tokio::time::sleep(Duration::from_millis(500)).await;
	assert!(world.chain.lock().commitments.is_empty());
	assert_eq!(
		state(&world),
		None,
		"the case was moved on, and somebody else is drawn"
	);
	driving.await.expect("ended");
	assert!(matches!(
		record(&life).stage,
		CaseStage::Closed { vote: None, .. }
	));
	life.end().await;
}

#[tokio::test]
async fn a_mediator_is_registered_once_and_kept_up_to_date() {
	let world = world();
	let life = world.start(Gate::default()).await;
	let mut config = MediatorConfig {
		machine: MachineSpec::new(1000, 100, 100),
		slots: 2,
		tickets: 3,
	};
	let chain = &*life.ctx.chain;
	for _ in 0..2 {
		ensure_mediator(chain, &life.ctx.engines, &config)
			.await
			.expect("registered");
	}
	config.tickets = 5;
	config.slots = 1;
	ensure_mediator(chain, &life.ctx.engines, &config)
		.await
		.expect("changed");
	let standing = crate::mediate::standing::Standing {
		chain: life.ctx.chain.clone(),
		engines: life.ctx.engines.clone(),
		data: life.ctx.data.clone(),
		limits: life.ctx.limits.clone(),
		config,
	};
	standing.look().await.expect("nothing to do");
	world.executor.with(|runs| runs.down = true);
	standing.look().await.expect("said");
	standing.look().await.expect("said already");
	world.executor.with(|runs| runs.down = false);
	standing.look().await.expect("said");
	let slots = |call: &Call| match call {
		Call::Register(can, 3) => Some(can.slots),
		Call::AddTickets(2) => Some(100),
		Call::SetCapability(can) => Some(can.slots),
		other => panic!("{other:?}"),
	};
	let calls: Vec<_> = world.chain.lock().calls.iter().filter_map(slots).collect();
	assert_eq!(calls, [2, 100, 1, 0, 1]);
	life.end().await;
}

fn on_paper(stage: CaseStage) -> CaseRecord {
	CaseRecord {
		seat: SEAT,
		job: lilypad_primitives::JobId(105),
		provider: fake::provider(),
		creator: fake::creator(),
		subject: [0; 32],
		stage,
		trouble: None,
	}
}

#[test]
fn each_stage_has_its_step() {
	let deal = fake::deal(DEAL, DealState::Matched { ack_by: 1 });
	let case = |stage, state| {
		let mut case = fake::case(&deal, stage, &[me()]);
		case.seats[0].state = state;
		case
	};
	let vote = Vote {
		triple: None,
		usage: 0,
		fetched: false,
		ample: false,
	};
	let salt = [4; 32];
	let voted = CaseStage::Voted { vote, salt };
	let committed = SeatState::Committed(vote.commitment(DEAL, Round::Three, &me(), &salt));
	let foreign = SeatState::Committed(vote.commitment(DEAL, Round::Last, &me(), &salt));
	let ran = CaseStage::Ran {
		triple: Triple {
			status: Status::Completed,
			exit_code: 0,
			root: OutputRoot([1; 32]),
		},
		usage: 1,
		ample: true,
	};
	let committing = OnChain::Committing { by: 20 };
	let revealing = OnChain::Revealing { by: 30 };
	let step = |stage: &CaseStage, case: &crate::chain::Case, now| {
		next_step(&on_paper(stage.clone()), Some(case), &me(), now)
	};
	let drawn = case(committing, SeatState::Drawn);
	assert_eq!(step(&CaseStage::Drawn, &drawn, 10), Step::Prepare);
	assert_eq!(step(&CaseStage::Prepared, &drawn, 10), Step::Run);
	assert_eq!(step(&CaseStage::Started { at: 1 }, &drawn, 10), Step::Run);
	assert_eq!(step(&ran, &drawn, 10), Step::Ask);
	assert_eq!(step(&voted, &drawn, 19), Step::Commit);
	// Too late by a block: what is sent now is executed in the next one.
	assert_eq!(step(&voted, &drawn, 20), Step::Wait);
	assert_eq!(step(&voted, &case(committing, committed), 10), Step::Wait);
	assert_eq!(step(&voted, &case(revealing, committed), 29), Step::Reveal);
	assert_eq!(step(&voted, &case(revealing, committed), 30), Step::Wait);
	assert_eq!(
		step(&voted, &case(revealing, SeatState::Revealed(vote)), 21),
		Step::Wait
	);
	assert_eq!(step(&voted, &case(revealing, foreign), 21), Step::Foreign);
	assert_eq!(
		step(&CaseStage::Prepared, &case(revealing, committed), 21),
		Step::Foreign
	);
	assert_eq!(
		step(&voted, &case(committing, SeatState::Absent), 10),
		Step::Close
	);
	assert_eq!(next_step(&on_paper(voted), None, &me(), 1), Step::Close);
	let closed = CaseStage::Closed { at: 1, vote: None };
	assert_eq!(next_step(&on_paper(closed.clone()), None, &me(), 1), Step::Done);
	assert_eq!(step(&closed, &drawn, 10), Step::Reopen);
	let mut other = drawn.clone();
	other.profile = Profile::NonDeterministic;
	assert_eq!(step(&CaseStage::Drawn, &other, 10), Step::Inspect);
	other.round = Round::Last;
	assert_eq!(step(&CaseStage::Prepared, &other, 10), Step::Wait);
}

/// A provider whose result is drawn for an audit, and whose worker dies in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_opens_its_seal_while_mediators_reveal_also_after_a_restart() {
	let world = World::new();
	world.chain.lock().audits = true;
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 5_000);
	let _miner = world.mine(Duration::from_millis(10));
	let life = world.start(Gate::default()).await;
	let driving = tokio::spawn(drive(life.ctx.clone(), DEAL));
	while world.chain.case_of(DEAL).is_none() {
		tokio::time::sleep(Duration::from_millis(5)).await;
	}
	assert_eq!(count(&world, |call| matches!(call, Call::Audit(_))), 1);
	driving.abort();
	driving.await.expect_err("stopped");
	life.end().await;

	let life = world.start(Gate::default()).await;
	let driving = tokio::spawn(drive(life.ctx.clone(), DEAL));
	tokio::time::sleep(Duration::from_millis(150)).await;
	assert_eq!(
		count(&world, |call| matches!(call, Call::Reveal(..))),
		0,
		"not before they all have committed"
	);
	let opening: Opening = life
		.record()
		.and_then(|record| record.stage.opening())
		.expect("sealed");
	assert!(life.ctx.blobs.list(opening.triple.root).await.is_ok());
	let now = world.chain.lock().number;
	if let Some(case) = world.chain.lock().cases.get_mut(&DEAL) {
		case.stage = OnChain::Revealing { by: now + 100 };
	}
	while count(&world, |call| matches!(call, Call::Reveal(..))) == 0 {
		tokio::time::sleep(Duration::from_millis(5)).await;
	}
	world.chain.lock().cases.remove(&DEAL);
	world.chain.settle(DEAL);
	driving.await.expect("ended");
	assert_eq!(count(&world, |call| matches!(call, Call::Reveal(..))), 1);
	life.end().await;
}

#[tokio::test]
async fn the_names_of_runs_tell_seats_and_deals_apart() {
	let world = world();
	let life = world.start(Gate::default()).await;
	let names: BTreeSet<_> = [Round::One, Round::Three, Round::Last]
		.map(|round| {
			let mut record = on_paper(CaseStage::Drawn);
			record.seat.round = round;
			run_id(&life.ctx, &record).expect("well formed").to_string()
		})
		.into_iter()
		.collect();
	assert_eq!(names.len(), 3);
	let other = self::world();
	let same_engine = other.start(Gate::default()).await;
	let name = run_id(&same_engine.ctx, &on_paper(CaseStage::Drawn)).expect("well formed");
	assert!(!names.contains(name.as_str()), "two workers may share an engine");
	same_engine.end().await;
	life.end().await;
}
