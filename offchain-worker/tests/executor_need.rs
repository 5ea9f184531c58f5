//! What containers are seen to need, with a real engine, and what a mediator's vote makes of it.
#![allow(missing_docs, clippy::unwrap_used)]

mod executor;

use executor::*;
use lilypad_primitives::{MachineSpec, RuntimeImage, Status};
use lilypad_worker::{executor::*, mediate::ample::Limits};

/// A program that needs so much memory: `dd` has a buffer of that size.
fn needing(mib: u32) -> String {
	format!("dd if=/dev/zero of=/dev/null bs={mib}M count=1 2>/dev/null")
}

/// What a mediator votes about a job with 64 MiB of memory: whether it needs 42 at most.
async fn is_ample(docker: &DockerExecutor, image: RuntimeImage, script: &str) -> bool {
	let command = ["/bin/sh", "-c", script];
	let job = MachineSpec::new(1000, 64, 300);
	let more = MachineSpec {
		ram_mib: 3 * job.ram_mib,
		..job.clone()
	};
	let first = run(docker, image, &command, |r| r.spec = more).await;
	first.is(Status::Completed);
	Limits::of(&job, 60_000, 150)
		.hold::<(), _>(&first.outcome, &first.collected.triple, |spec| async {
			let second = run(docker, image, &command, |r| r.spec = spec).await;
			Ok(Some(second.collected.triple))
		})
		.await
		.unwrap()
}

#[tokio::test]
async fn a_run_far_below_its_limits_is_ample() {
	let (docker, image) = ready!();
	// Over before anybody can look.
	assert!(is_ample(&docker, image, "echo moo").await);
	// Long enough to be measured.
	let longer = format!("{}; sleep 1; echo moo", needing(20));
	assert!(is_ample(&docker, image, &longer).await);
}

#[tokio::test]
async fn a_run_near_its_limit_is_not_ample() {
	let (docker, image) = ready!();
	let longer = format!("{}; sleep 1; echo moo", needing(50));
	assert!(!is_ample(&docker, image, &longer).await);
	// Too short to be measured, and one that needs it at the very end.
	assert!(!is_ample(&docker, image, &format!("exec {}", needing(50))).await);
	assert!(!is_ample(&docker, image, &format!("sleep 1; exec {}", needing(50))).await);
}

/// The kernel gives such memory to whoever asks for it; what a program reads and writes is no need of memory.
#[tokio::test]
async fn files_that_the_kernel_keeps_in_memory_are_no_need() {
	let (docker, image) = ready!();
	let script = "dd if=/dev/zero of=/tmp/f bs=1M count=100 2>/dev/null; sleep 1; echo moo";
	assert!(is_ample(&docker, image, script).await);
}

#[tokio::test]
async fn the_most_memory_that_a_run_had_is_known() {
	let (docker, image) = ready!();
	let script = format!("{}; sleep 1", needing(24));
	let memory = shell(&docker, image, &script).await.outcome.memory;
	let MemoryNeed::AtMost(bytes) = memory else {
		panic!("{memory:?}");
	};
	assert!((24 << 20..48 << 20).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn disk_that_was_given_back_counts_as_used() {
	let (docker, image) = ready!();
	let script = "dd if=/dev/zero of=/tmp/f bs=1M count=16; sleep 1; rm /tmp/f";
	let disk = shell(&docker, image, script).await.outcome.peak_disk.unwrap();
	assert!((16 << 20..17 << 20).contains(&disk), "{disk}");
}
