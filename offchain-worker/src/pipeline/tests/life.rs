//! The life of a deal, with its accidents.

use super::*;
use crate::{
	chain::{Call, Chain, ChainError, DealState},
	journal::{Closing, Stage},
	progress::Progress as DealProgress,
	results::input_tag,
};
use lilypad_primitives::{InputFile, Inputs, JobId, Seal};

const BLOCK: Duration = Duration::from_millis(10);

async fn until(what: &str, mut ready: impl FnMut() -> bool) {
	for _ in 0..2000 {
		if ready() {
			return;
		}
		tokio::time::sleep(Duration::from_millis(5)).await;
	}
	panic!("{what} does not happen");
}

fn closed(life: &Life) -> Option<Closing> {
	match life.record()?.stage {
		Stage::Closed { why, .. } => Some(why),
		_ => None,
	}
}

fn spawn_drive(life: &Life) -> tokio::task::JoinHandle<()> {
	tokio::spawn(drive(life.ctx.clone(), DEAL))
}

#[tokio::test]
async fn a_quick_job_is_submitted_without_an_acknowledgement_of_its_own() {
	let world = World::new();
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo $(rm -rf /)"}"#), 100);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	assert_eq!(count(&world, |call| matches!(call, Call::Acknowledge(_))), 0);
	assert_eq!(
		world.executor.with(|runs| runs.command.clone()),
		["cowsay", "moo $(rm -rf /)"]
	);
	until("the opening's readiness", || {
		life.ctx.hub.get(DEAL) == Some(DealProgress::Ready)
	})
	.await;
	driving.abort();
}

#[tokio::test]
async fn a_long_job_is_acknowledged_and_pays_no_more_than_the_chain_measures() {
	let mut world = World::new();
	world.timing.quick_run = Duration::from_millis(50);
	world.executor.with(|runs| {
		runs.lasts = Duration::from_millis(600);
		runs.usage = 50_000;
	});
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 100);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the acknowledgement", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Running { .. }))
	})
	.await;
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	let Some(DealState::Submitted { elapsed, .. }) = world.chain.state_of(DEAL) else {
		panic!("submitted")
	};
	let opening = life
		.record()
		.and_then(|record| record.stage.opening())
		.expect("sealed");
	assert!(
		opening.usage <= elapsed && opening.usage >= fake::MILLIS_PER_BLOCK,
		"{} of {elapsed}",
		opening.usage
	);
	driving.abort();
}

#[tokio::test]
async fn a_silent_creator_does_not_keep_the_result_from_being_opened() {
	let world = World::new();
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 1000);
	let _miner = world.mine(BLOCK);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the opening", || {
		count(&world, |call| matches!(call, Call::Reveal(..))) == 1
	})
	.await;
	let root = life
		.record()
		.and_then(|record| record.stage.opening())
		.expect("sealed")
		.triple
		.root;
	until("the publication", || life.ctx.access.is_public(root.0)).await;
	// Nobody sweeps: the worker ends the deal itself.
	until("the end", || {
		count(&world, |call| matches!(call, Call::Expire(_))) == 1
	})
	.await;
	driving.await.expect("ended");
	assert_eq!(closed(&life), Some(Closing::Settled));
}

/// The result of a job with these inputs, and how often it was run.
async fn sealed(inputs: &str) -> (lilypad_primitives::Triple, u32) {
	let world = World::new();
	world.chain.match_job(DEAL, fake::job(inputs), 100);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	let opening = life.record().and_then(|record| record.stage.opening());
	driving.abort();
	let starts = world.executor.with(|runs| runs.starts);
	(opening.expect("sealed").triple, starts)
}

#[tokio::test]
async fn inputs_that_the_manifest_refuses_give_a_job_error_and_no_run() {
	// Whatever a creator's own software lets through: the worker checks again.
	for inputs in [
		r#"{"Wrong":"moo"}"#.to_string(),
		"{}".into(),
		"[]".into(),
		"{".into(),
		r#"{"Message":7}"#.into(),
		r#"{"Message":"moo","Extra":1}"#.into(),
		r#"{"Message":"moo","Times":0}"#.into(),
		r#"{"Message":"moo","Times":10}"#.into(),
		r#"{"Message":"moo","Times":1.5}"#.into(),
		format!(r#"{{"Message":"{}"}}"#, "x".repeat(65)),
	] {
		let (triple, starts) = sealed(&inputs).await;
		assert_eq!(
			(triple.status, triple.exit_code, triple.root, starts),
			(Status::JobError, 0, crate::output::empty_root(), 0),
			"{inputs}"
		);
	}
}

#[tokio::test]
async fn inputs_boundary_of_the_manifest() {
	for inputs in [
		format!(r#"{{"Message":"{}","Times":1}}"#, "x".repeat(64)),
		r#"{"Message":"","Times":9}"#.into(),
	] {
		let (triple, starts) = sealed(&inputs).await;
		assert_eq!((triple.status, starts), (Status::Completed, 1), "{inputs}");
	}
}

#[tokio::test]
async fn a_malformed_manifest_is_the_jobs_own_fault() {
	let world = World::new();
	world
		.chain
		.lock()
		.modules
		.get_mut(&VersionId(0))
		.expect("a module")
		.1 = b"{ not JSON".to_vec();
	world.chain.match_job(DEAL, fake::job("{}"), 100);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	assert_eq!(life.record().expect("a record").status(), Some(Status::JobError));
	driving.abort();
}

fn job_with_file(hash: [u8; 32], size: u64) -> lilypad_primitives::Job<crate::AccountId> {
	let mut job = fake::job(r#"{"Message":"moo"}"#);
	let file = InputFile {
		name: b"data".to_vec().try_into().expect("short"),
		hash,
		size,
	};
	job.request.files = vec![file].try_into().expect("one");
	job
}

#[tokio::test]
async fn a_file_that_never_comes_is_reported_as_unfetchable_in_time() {
	let world = World::new();
	world.chain.match_job(DEAL, job_with_file([4; 32], 10), 20);
	let _miner = world.mine(BLOCK);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the wait", || {
		matches!(life.ctx.hub.get(DEAL), Some(DealProgress::AwaitingFiles { .. }))
	})
	.await;
	driving.await.expect("ended");
	assert_eq!(
		count(&world, |call| matches!(call, Call::ReportUnfetchable(_))),
		1
	);
	assert_eq!(closed(&life), Some(Closing::Gone));
	assert_eq!(world.executor.with(|runs| runs.starts), 0);
}

#[tokio::test]
async fn a_file_that_comes_late_is_waited_for_and_mounted() {
	let world = World::new();
	let bytes = b"0123456789";
	let hash = *blake3::hash(bytes).as_bytes();
	world.chain.match_job(DEAL, job_with_file(hash, 10), 1000);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the wait", || {
		matches!(life.ctx.hub.get(DEAL), Some(DealProgress::AwaitingFiles { .. }))
	})
	.await;
	let tag = input_tag(JobId(105), &hash);
	life.ctx
		.blobs
		.add_bytes(bytes::Bytes::from_static(bytes), &tag)
		.await
		.expect("added");
	life.arrivals.send_modify(|n| *n += 1);
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	assert_eq!(world.executor.with(|runs| runs.starts), 1);
	world.chain.settle(DEAL);
	driving.await.expect("ended");
	assert!(
		life.ctx
			.blobs
			.tagged("input/")
			.await
			.expect("readable")
			.is_empty(),
		"the creator's file is not kept"
	);
}

#[tokio::test]
async fn runs_that_a_killed_worker_left_are_removed_in_the_end() {
	let world = World::new();
	let life = world.start(Gate::default()).await;
	let now = crate::pipeline::now_ms() / 1000;
	world.executor.with(|runs| {
		runs.alive.insert("left-long-ago".into(), Some(now - 10));
		runs.alive.insert("of-another-worker".into(), Some(now + 3600));
		runs.alive.insert("of-an-engine-without-labels".into(), None);
	});
	crate::pipeline::house::remove_leftovers(&life.ctx)
		.await
		.expect("removed");
	let alive = world.executor.with(|runs| runs.alive.clone());
	assert_eq!(
		alive.into_keys().collect::<Vec<_>>(),
		["of-an-engine-without-labels", "of-another-worker"]
	);
	life.end().await;
}

#[tokio::test]
async fn a_job_that_no_container_can_be_made_for_is_given_up_before_it_counts_as_a_no_show() {
	let world = World::new();
	world.executor.with(|runs| runs.refuses = true);
	world.chain.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 20);
	let _miner = world.mine(BLOCK);
	let life = world.start(Gate::default()).await;
	spawn_drive(&life).await.expect("ended");
	assert_eq!(
		count(&world, |call| matches!(call, Call::ReportUnfetchable(_))),
		1
	);
	assert_eq!(closed(&life), Some(Closing::Gone));
	life.end().await;
}

#[tokio::test]
async fn code_that_nobody_has_is_reported_as_unfetchable() {
	let world = World::new();
	struct Empty(FakeExecutor);
	#[async_trait::async_trait]
	impl Executor for Empty {
		fn platforms(&self) -> Vec<Platform> {
			self.0.platforms()
		}
		fn describe(&self) -> String {
			self.0.describe()
		}
		async fn health(&self) -> Result<(), ExecError> {
			Ok(())
		}
		async fn has(&self, _: &RuntimeImage) -> Result<bool, ExecError> {
			Ok(false)
		}
		async fn prepare(&self, _: &PreparedSource, _: &ProgressSender) -> Result<(), ExecError> {
			Ok(())
		}
		async fn run(&self, r: &RunRequest, c: CancellationToken) -> Result<RunOutcome, ExecError> {
			self.0.run(r, c).await
		}
		async fn adopt(&self, r: &RunRequest, c: CancellationToken) -> Result<Option<RunOutcome>, ExecError> {
			self.0.adopt(r, c).await
		}
		async fn cleanup(&self, run: &RunId) -> Result<(), ExecError> {
			self.0.cleanup(run).await
		}
		async fn list_runs(&self) -> Result<Vec<RunInfo>, ExecError> {
			Ok(vec![])
		}
	}
	world.chain.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 20);
	let _miner = world.mine(BLOCK);
	let mut life = world.start(Gate::default()).await;
	Arc::get_mut(&mut life.ctx).expect("not shared yet").engines =
		Engines(vec![Arc::new(Empty(world.executor.clone()))]);
	spawn_drive(&life).await.expect("ended");
	assert_eq!(
		count(&world, |call| matches!(call, Call::ReportUnfetchable(_))),
		1
	);
	let trouble = life.record().expect("a record");
	assert_eq!(closed(&life), Some(Closing::Gone), "{trouble:?}");
}

#[tokio::test]
async fn an_engine_that_is_down_before_the_job_makes_the_worker_decline_in_time() {
	let world = World::new();
	world.executor.with(|runs| runs.down = true);
	world.chain.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 20);
	let _miner = world.mine(BLOCK);
	let life = world.start(Gate::default()).await;
	spawn_drive(&life).await.expect("ended");
	assert_eq!(count(&world, |call| matches!(call, Call::Decline(_))), 1);
}

#[tokio::test]
async fn an_engine_that_fails_during_the_job_is_waited_for() {
	let world = World::new();
	world.executor.with(|runs| runs.interruptions = 2);
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 1000);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	assert_eq!(world.executor.with(|runs| runs.starts), 1);
	driving.abort();
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_deal_declined() {
	let mut world = World::new();
	world.limits.min_free_bytes = u64::MAX / 2;
	world.chain.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 20);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the trouble", || {
		matches!(life.ctx.hub.get(DEAL), Some(DealProgress::Trouble { .. }))
	})
	.await;
	let trouble = life.record().and_then(|record| record.trouble).expect("noted");
	assert!(trouble.contains("the disk is full"), "{trouble}");
	let _miner = world.mine(BLOCK);
	driving.await.expect("ended");
	assert_eq!(count(&world, |call| matches!(call, Call::Decline(_))), 1);
}

#[tokio::test]
async fn a_cancelled_job_is_stopped_and_cleaned_up() {
	let mut world = World::new();
	world.timing.quick_run = Duration::from_millis(50);
	world.executor.with(|runs| runs.lasts = Duration::from_secs(60));
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 100);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the acknowledgement", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Running { .. }))
	})
	.await;
	world.chain.settle(DEAL);
	driving.await.expect("ended");
	assert_eq!(
		world.executor.with(|runs| (runs.cancelled, runs.alive.len())),
		(1, 0)
	);
	assert_eq!(closed(&life), Some(Closing::Gone));
	assert!(!path_exists(&world, "work"));
	assert!(world.chain.lock().seals.is_empty());
}

#[tokio::test]
async fn a_deal_that_vanishes_for_a_block_is_not_given_up() {
	let mut world = World::new();
	world.timing.gone_blocks = 3;
	world.timing.quick_run = Duration::from_millis(20);
	world
		.executor
		.with(|runs| runs.lasts = Duration::from_millis(300));
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 100);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the start", || world.executor.with(|runs| runs.starts) == 1).await;
	let deal = world.chain.lock().deals.remove(&DEAL).expect("there");
	world.chain.mine(vec![]);
	tokio::time::sleep(Duration::from_millis(50)).await;
	world.chain.lock().deals.insert(DEAL, deal);
	world.chain.mine(vec![DEAL]);
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	assert_eq!(world.executor.with(|runs| (runs.starts, runs.cancelled)), (1, 0));
	driving.abort();
}

#[tokio::test]
async fn a_chain_that_is_away_for_a_while_is_waited_for() {
	let world = World::new();
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 1000);
	let lost = ChainError::NotIncluded("submit".into());
	world.chain.lock().fail_calls.extend([lost.clone(), lost]);
	world.chain.lock().unreachable = true;
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	tokio::time::sleep(Duration::from_millis(100)).await;
	world.chain.lock().unreachable = false;
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	let seals = world.chain.lock().seals.clone();
	assert!(
		seals.len() >= 3 && seals.iter().all(|seal| *seal == seals[0]),
		"the same seal each time: {seals:?}"
	);
	driving.abort();
}

#[tokio::test]
async fn a_seal_of_another_worker_is_noticed_and_nothing_is_sent_against_it() {
	let mut world = World::new();
	world.timing.quick_run = Duration::from_millis(50);
	world.executor.with(|runs| runs.lasts = Duration::from_secs(60));
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"moo"}"#), 100);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the start", || world.executor.with(|runs| runs.starts) == 1).await;
	world
		.chain
		.call(Call::Submit(DEAL, Seal([9; 32])), None)
		.await
		.expect("taken");
	driving.await.expect("ended");
	assert_eq!(closed(&life), Some(Closing::ForeignSeal));
	assert_eq!(world.chain.lock().seals.len(), 1);
}

#[tokio::test]
async fn a_number_that_stands_for_another_deal_after_a_reorganisation_is_begun_anew() {
	let world = World::new();
	world.executor.with(|runs| runs.lasts = Duration::from_secs(60));
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"first"}"#), 100);
	let life = world.start(Gate::default()).await;
	let driving = spawn_drive(&life);
	until("the start", || world.executor.with(|runs| runs.starts) == 1).await;
	driving.abort();
	// The worker is restarted on a chain whose history has changed.
	world
		.chain
		.match_job(DEAL, fake::job(r#"{"Message":"second"}"#), 100);
	world.executor.with(|runs| runs.lasts = Duration::from_millis(20));
	let driving = spawn_drive(&life);
	until("the submission", || {
		matches!(world.chain.state_of(DEAL), Some(DealState::Submitted { .. }))
	})
	.await;
	assert_eq!(
		world.executor.with(|runs| (runs.starts, runs.alive.len())),
		(2, 0)
	);
	assert_eq!(
		world.executor.with(|runs| runs.command.clone()),
		["cowsay", "second"]
	);
	driving.abort();
}

#[test]
fn long_inputs_are_wanted_like_files() {
	let mut job = job_with_file([1; 32], 5);
	job.request.inputs = Inputs::Hash {
		hash: [2; 32],
		size: 9,
	};
	let wanted = super::super::prepare::wanted(&job);
	let hashes: Vec<_> = wanted.iter().map(|blob| blob.hash.0).collect();
	assert_eq!(hashes, [[1; 32], [2; 32]]);
}
