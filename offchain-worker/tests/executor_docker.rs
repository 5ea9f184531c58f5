//! Containers with a real engine: what a job can't do, what becomes of it when it tries, and what survives a restart.
#![allow(missing_docs, clippy::unwrap_used)]

mod executor;

use executor::*;
use lilypad_primitives::{RuntimeImage, Status};
use lilypad_worker::executor::*;
use std::{process::Command, time::Duration};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn output_exit_code_and_files_come_back() {
	let (docker, image) = ready!();
	let script = "printf 'no newline'; echo careful >&2; mkdir -p /outputs/d; echo x > /outputs/d/f; exit 7";
	let ran = shell(&docker, image, script).await;
	ran.is(Status::Completed);
	assert_eq!((ran.outcome.exit_code, ran.collected.triple.exit_code), (7, 7));
	assert_eq!(ran.stdout(), "no newline");
	assert_eq!(ran.stderr(), "careful\n");
	assert_eq!(ran.names(), ["outputs/d/f", "stdout"]);
	assert!((1..60_000).contains(&ran.outcome.usage), "{}", ran.outcome.usage);
}

#[tokio::test]
async fn output_is_kept_byte_for_byte() {
	let (docker, image) = ready!();
	// Long lines, NULs, what is not UTF-8, and a last line without an end.
	let script = r"printf '\000\377\376\r\n\n\n'; head -c 100000 /dev/zero; printf '\nend\n\nlast'";
	let ran = shell(&docker, image, script).await;
	let mut expected = b"\0\xff\xfe\r\n\n\n".to_vec();
	expected.extend([0; 100_000]);
	expected.extend(b"\nend\n\nlast");
	let got = std::fs::read(&ran.outcome.stdout).unwrap();
	assert!(got == expected, "{} bytes, not {}", got.len(), expected.len());
	// An end of line where the engine cuts lines.
	let ran = shell(
		&docker,
		image,
		r"head -c 16384 /dev/zero; printf '\nend'; head -c 16384 /dev/zero; echo",
	)
	.await;
	let got = std::fs::read(&ran.outcome.stdout).unwrap();
	assert!(
		got == [&[0; 16384][..], b"\nend", &[0; 16384], b"\n"].concat(),
		"{} bytes",
		got.len()
	);
}

#[tokio::test]
async fn arguments_arrive_unchanged() {
	let (docker, image) = ready!();
	for hostile in hostile_texts() {
		let ran = run(&docker, image, &["/bin/printf", "%s", &hostile], |_| ()).await;
		ran.is(Status::Completed);
		assert_eq!(ran.stdout(), hostile);
	}
	let ran = run(&docker, image, &["/bin/sh", "-c", "printf %s \"$V\""], |r| {
		r.env.insert("V".into(), "$(id)\n=x".into());
	})
	.await;
	assert_eq!(ran.stdout(), "$(id)\n=x");
}

#[tokio::test]
async fn the_environment_is_what_was_declared() {
	let (docker, image) = ready!();
	let ran = run(&docker, image, &["/bin/env"], |r| {
		r.env.insert("DECLARED".into(), "1".into());
	})
	.await;
	let mut lines: Vec<_> = ran.stdout().lines().map(str::to_string).collect();
	lines.sort();
	let expected = [
		"DECLARED=1",
		"FROM_IMAGE=yes",
		"HOME=/tmp",
		"HOSTNAME=lilypad",
		"LANG=C.UTF-8",
		"PATH=/bin",
		"TZ=UTC",
	];
	assert_eq!(lines, expected);
	assert_eq!(
		shell(&docker, image, "hostname; pwd").await.stdout(),
		"lilypad\n/\n"
	);
}

#[tokio::test]
async fn other_conditions_are_another_name_and_a_single_processor() {
	let (docker, image) = ready!();
	let script = "hostname; while read k v; do case $k in Cpus_allowed_list:) echo $v;; esac; done < /proc/self/status";
	let ran = run(&docker, image, &["/bin/sh", "-c", script], |r| {
		r.conditions = Conditions::Other;
	})
	.await;
	let seen = ran.stdout();
	let (name, processors) = seen.trim().split_once('\n').expect("two lines");
	assert_eq!(name, "another");
	// Podman can pin containers only where the system lets it.
	if !docker.describe().contains("Podman") {
		assert!(processors.parse::<u32>().is_ok(), "{processors}");
	}
}

#[tokio::test]
async fn there_is_no_network() {
	let (docker, image) = ready!();
	let ran = shell(
		&docker,
		image,
		"ls /sys/class/net; cat /proc/net/route | tail -n +2",
	)
	.await;
	assert_eq!(ran.stdout(), "lo\n");
}

#[tokio::test]
async fn the_program_is_nobody_and_has_no_rights() {
	let (docker, image) = ready!();
	let script = "id -u; id -g; while read k v; do case $k in CapEff:|CapPrm:|CapBnd:|NoNewPrivs:|Seccomp:) echo $k $v;; esac; done < /proc/self/status";
	let ran = shell(&docker, image, script).await;
	let none = "0000000000000000";
	let expected =
		format!("65534\n65534\nCapPrm: {none}\nCapEff: {none}\nCapBnd: {none}\nNoNewPrivs: 1\nSeccomp: 2\n");
	assert_eq!(ran.stdout(), expected);
}

#[tokio::test]
async fn only_tmp_and_outputs_can_be_written() {
	let (docker, image) = ready!();
	let script = "for d in / /bin /etc /opt /inputs /proc /sys /dev /tmp /outputs /volume; do \
		(echo x > $d/new) 2>/dev/null && echo $d; done; true";
	let ran = run(&docker, image, &["/bin/sh", "-c", script], |r| {
		let file = r.work_dir.join("input");
		std::fs::write(&file, "secret").unwrap();
		r.inputs.push(InputMount {
			path: "/inputs/f".into(),
			file,
		});
	})
	.await;
	assert_eq!(ran.stdout(), "/tmp\n/outputs\n/volume\n");
}

#[tokio::test]
async fn inputs_are_read_and_never_written() {
	let (docker, image) = ready!();
	let script = "cat /inputs/f; (echo changed > /inputs/f) 2>/dev/null || echo refused";
	let ran = run(&docker, image, &["/bin/sh", "-c", script], |r| {
		let file = r.work_dir.join("input: with, odd=name");
		std::fs::write(&file, "hello\n").unwrap();
		r.inputs.push(InputMount {
			path: "/inputs/f".into(),
			file,
		});
	})
	.await;
	assert_eq!(ran.stdout(), "hello\nrefused\n");
	assert_eq!(text(&ran.dir.path().join("input: with, odd=name")), "hello\n");
}

#[tokio::test]
async fn a_memory_bomb_ends_as_memory_exceeded() {
	let (docker, image) = ready!();
	let script = "x=xxxxxxxxxxxxxxxx; while true; do x=$x$x; done";
	let ran = shell(&docker, image, script).await;
	ran.is(Status::MemoryExceeded);
	assert_eq!(ran.outcome.exit_code, 0);
}

#[tokio::test]
async fn a_fork_bomb_is_bounded() {
	let (docker, image) = ready!();
	// `exec`: the first process must not need a fork of its own once the bomb has taken all of them.
	let script = "bomb() { bomb | bomb & }; bomb; exec sleep 600";
	let ran = run(&docker, image, &["/bin/sh", "-c", script], |r| {
		r.time_limit = 4_000;
		r.spec.ram_mib = 512;
	})
	.await;
	let status = ran.collected.triple.status;
	assert!(
		matches!(
			status,
			Status::TimeExceeded | Status::OutputExceeded | Status::MemoryExceeded
		),
		"{status:?}"
	);
	assert_eq!(
		shell(&docker, image, "echo fine").await.stdout(),
		"fine\n",
		"the machine still works"
	);
}

#[tokio::test]
async fn filling_the_disk_ends_as_disk_exceeded() {
	let (docker, image) = ready!();
	for folder in ["/outputs", "/tmp", "/volume"] {
		let script = format!(
			"n=0; while true; do dd if=/dev/zero of={folder}/$n bs=1M count=4 2>/dev/null; n=$((n+1)); done"
		);
		let ran = shell(&docker, image, &script).await;
		ran.is(Status::DiskExceeded);
	}
}

#[tokio::test]
async fn disk_used_at_the_last_moment_is_noticed() {
	let (docker, image) = ready!();
	// Over before anybody looks: two files of 20 MiB where 32 are allowed.
	let script = "head -c 20971520 /dev/zero > /outputs/a; head -c 20971520 /dev/zero > /tmp/b";
	shell(&docker, image, script).await.is(Status::DiskExceeded);
	// The kernel itself stops a single file.
	let script = "head -c 999999999 /dev/zero > /outputs/a; wc -c < /outputs/a";
	let ran = shell(&docker, image, script).await;
	assert!(ran.collected.triple.status == Status::DiskExceeded || ran.stdout().trim() == "33554432");
}

#[tokio::test]
async fn endless_output_ends_as_output_exceeded() {
	let (docker, image) = ready!();
	for script in ["yes", "yes >&2", "yes ''"] {
		let ran = run(&docker, image, &["/bin/sh", "-c", script], |r| {
			r.limits.max_stdout = 100_000;
			r.limits.max_stderr = 100_000;
		})
		.await;
		ran.is(Status::OutputExceeded);
		assert!(std::fs::metadata(&ran.outcome.stdout).unwrap().len() <= 100_000);
	}
	// Over before anybody looks.
	let ran = run(&docker, image, &["/bin/head", "-c", "100001", "/dev/zero"], |r| {
		r.limits.max_stdout = 100_000
	})
	.await;
	ran.is(Status::OutputExceeded);
	let ran = run(&docker, image, &["/bin/head", "-c", "100000", "/dev/zero"], |r| {
		r.limits.max_stdout = 100_000
	})
	.await;
	ran.is(Status::Completed);
}

#[tokio::test]
async fn an_endless_run_ends_as_time_exceeded() {
	let (docker, image) = ready!();
	let ran = run(
		&docker,
		image,
		&["/bin/sh", "-c", "while true; do :; done"],
		|r| r.time_limit = 1_000,
	)
	.await;
	ran.is(Status::TimeExceeded);
	assert_eq!(ran.outcome.usage, 1_000);
}

#[tokio::test]
async fn links_among_the_outputs_are_a_job_error() {
	let (docker, image) = ready!();
	let ran = shell(&docker, image, "ln -s /etc/passwd /outputs/link; echo done").await;
	ran.is(Status::JobError);
	assert_eq!(ran.collected.triple.root, lilypad_worker::output::empty_root());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_job_error() {
	let (docker, image) = ready!();
	for program in [
		"/no/such/program",
		"nothing-in-path",
		"/etc/not-a-program",
		"/etc",
	] {
		let ran = run(&docker, image, &[program], |_| ()).await;
		ran.is(Status::JobError);
		assert!(ran.outcome.detail.is_some());
	}
}

#[tokio::test]
async fn a_container_for_something_else_is_not_taken_for_this_run() {
	let (docker, image) = ready!();
	let dir = tempfile::tempdir().unwrap();
	let stale = request(dir.path(), image, &["/bin/sleep", "600"]);
	abandon(self::docker().await.unwrap(), &stale).await;
	let mut request = request(dir.path(), image, &["/bin/echo", "moo"]);
	request.run_id = stale.run_id.clone();
	let outcome = docker.run(&request, CancellationToken::new()).await.unwrap();
	assert_eq!((outcome.status, outcome.exit_code), (Status::Completed, 0));
	assert_eq!(text(&outcome.stdout), "moo\n");
	docker.cleanup(&request.run_id).await.unwrap();
}

#[tokio::test]
async fn cancelling_kills() {
	let (docker, image) = ready!();
	let dir = tempfile::tempdir().unwrap();
	let request = request(dir.path(), image, &["/bin/sleep", "600"]);
	let cancel = CancellationToken::new();
	let canceller = cancel.clone();
	let (outcome, ()) = tokio::join!(docker.run(&request, cancel), async {
		tokio::time::sleep(Duration::from_millis(1500)).await;
		canceller.cancel();
	});
	assert!(matches!(outcome, Err(ExecError::Cancelled)), "{outcome:?}");
	let runs = docker.list_runs().await.unwrap();
	let run = runs.iter().find(|run| run.run_id == request.run_id);
	let run = run.unwrap_or_else(|| panic!("{runs:?}"));
	assert!(!run.running);
	let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
	let now = u64::try_from(now).unwrap();
	assert!(!run.is_abandoned(now), "it may still be waited for");
	assert!(run.is_abandoned(now + request.time_limit + 2 * 3_600_000));
	docker.cleanup(&request.run_id).await.unwrap();
	docker.cleanup(&request.run_id).await.expect("twice is fine");
	assert!(!docker
		.list_runs()
		.await
		.unwrap()
		.iter()
		.any(|r| r.run_id == request.run_id));
}

/// Starts a run and gives up on it, as a worker that is killed does.
async fn abandon(docker: DockerExecutor, request: &RunRequest) {
	let run = docker.run(request, CancellationToken::new());
	assert!(
		tokio::time::timeout(Duration::from_millis(1500), run)
			.await
			.is_err(),
		"it still runs"
	);
	drop(docker);
}

#[tokio::test]
async fn a_run_is_taken_up_after_a_restart() {
	let (docker, image) = ready!();
	let dir = tempfile::tempdir().unwrap();
	let script = "echo $RANDOM; echo x >> /tmp/starts; sleep 3; cat /tmp/starts";
	let request = request(dir.path(), image, &["/bin/sh", "-c", script]);
	abandon(docker, &request).await;
	let again = self::docker().await.unwrap();
	let outcome = again
		.adopt(&request, CancellationToken::new())
		.await
		.unwrap()
		.expect("it is there");
	assert_eq!(outcome.status, Status::Completed);
	assert!(
		outcome.usage >= 3000 && outcome.usage < 20_000,
		"{}",
		outcome.usage
	);
	let first = text(&outcome.stdout);
	assert!(first.ends_with("\nx\n"), "it was started once: {first}");
	// And once more, now that it has ended.
	let once_more = again.run(&request, CancellationToken::new()).await.unwrap();
	assert_eq!(text(&once_more.stdout), first);
	again.cleanup(&request.run_id).await.unwrap();
	assert!(again
		.adopt(&request, CancellationToken::new())
		.await
		.unwrap()
		.is_none());
}

#[tokio::test]
async fn a_run_whose_output_is_not_known_exactly_runs_again_after_a_restart() {
	let (docker, image) = ready!();
	let dir = tempfile::tempdir().unwrap();
	let script = "head -c 20000 /dev/zero; echo; sleep 3";
	let request = request(dir.path(), image, &["/bin/sh", "-c", script]);
	abandon(docker, &request).await;
	let again = self::docker().await.unwrap();
	let adopted = again.adopt(&request, CancellationToken::new()).await;
	assert!(
		matches!(adopted, Err(ExecError::Interrupted { .. })),
		"{adopted:?}"
	);
	let outcome = again.run(&request, CancellationToken::new()).await.unwrap();
	assert_eq!(
		(outcome.status, std::fs::metadata(&outcome.stdout).unwrap().len()),
		(Status::Completed, 20_001)
	);
	again.cleanup(&request.run_id).await.unwrap();
}

#[tokio::test]
async fn a_run_stopped_from_outside_is_no_result() {
	let (docker, image) = ready!();
	let dir = tempfile::tempdir().unwrap();
	// Ends with exit code 0 when it is told to end: that must not pass for a result.
	let script = "trap 'exit 0' TERM; echo partial; while true; do sleep 1; done";
	let request = request(dir.path(), image, &["/bin/sh", "-c", script]);
	let name = request.run_id.to_string();
	let (outcome, ()) = tokio::join!(docker.run(&request, CancellationToken::new()), async {
		tokio::time::sleep(Duration::from_millis(1500)).await;
		let stopped =
			tokio::task::spawn_blocking(move || Command::new("docker").args(["stop", &name]).output());
		assert!(stopped.await.unwrap().unwrap().status.success());
	});
	assert!(
		matches!(outcome, Err(ExecError::Interrupted { .. })),
		"{outcome:?}"
	);
	// The next attempt starts anew.
	let adopted = docker.adopt(&request, CancellationToken::new()).await.unwrap();
	assert!(adopted.is_none());
	docker.cleanup(&request.run_id).await.unwrap();
}

#[tokio::test]
async fn a_wrong_digest_is_refused() {
	let Some(docker) = docker().await else { return };
	let image = busybox_with(serde_json::json!({ "Labels": { "test": "wrong digest" } }));
	let mut source = image.source();
	source.image = RuntimeImage::Container {
		platform: lilypad_primitives::Platform::ContainerAmd64,
		image: [9; 32],
	};
	assert!(matches!(
		docker.prepare(&source, &progress()).await,
		Err(ExecError::Image(_))
	));
	assert!(!docker.has(&image.runtime()).await.unwrap(), "nothing was loaded");
	let dir = tempfile::tempdir().unwrap();
	let run = docker
		.run(
			&request(dir.path(), source.image, &["/bin/echo"]),
			CancellationToken::new(),
		)
		.await;
	assert!(matches!(run, Err(ExecError::NotPrepared(_))), "{run:?}");
	source.file = None;
	assert!(matches!(
		docker.prepare(&source, &progress()).await,
		Err(ExecError::Image(_))
	));
}

#[tokio::test]
async fn loading_reports_progress() {
	let Some(docker) = docker().await else { return };
	let label = format!("{}-{:?}", std::process::id(), std::time::SystemTime::now());
	let image = busybox_with(serde_json::json!({ "Labels": { "test": label } }));
	let sender = progress();
	docker.prepare(&image.source(), &sender).await.unwrap();
	let last = sender.borrow().clone();
	assert_eq!(last.stage, "loading the image");
	assert_eq!(Some(last.done), last.total);
	assert!(docker.has(&image.runtime()).await.unwrap());
	let tag = format!("lilypad/verified:{}", hex::encode(image.id));
	assert!(Command::new("docker")
		.args(["rmi", &tag])
		.output()
		.unwrap()
		.status
		.success());
}

#[tokio::test]
async fn a_full_disk_is_the_machines_fault() {
	let (docker, image) = ready!();
	let dir = tempfile::tempdir().unwrap();
	let mut request = request(dir.path(), image, &["/bin/echo"]);
	request.spec.disk_mib = u32::MAX;
	let run = docker.run(&request, CancellationToken::new()).await;
	assert!(matches!(run, Err(ExecError::DiskFull { .. })), "{run:?}");
}

#[tokio::test]
async fn an_engine_that_is_not_there_says_what_to_do() {
	let error = DockerExecutor::connect("unix:///not/there.sock")
		.await
		.unwrap_err();
	assert!(matches!(error, ExecError::EngineUnavailable { .. }), "{error}");
	assert!(
		error.is_retryable() && error.to_string().contains("start it"),
		"{error}"
	);
}

/// Something that speaks like an engine until it is cut off.
#[tokio::test]
async fn an_engine_that_stops_during_a_run_is_not_the_jobs_fault() {
	let (docker, image) = ready!();
	let endpoint = docker.endpoint().unwrap();
	let Some(real) = endpoint.strip_prefix("unix://").map(str::to_string) else {
		return;
	};
	let sockets = tempfile::tempdir().unwrap();
	let path = sockets.path().join("engine.sock");
	let listener = tokio::net::UnixListener::bind(&path).unwrap();
	let cut = CancellationToken::new();
	let stop = cut.clone();
	let proxy = tokio::spawn(async move {
		loop {
			let (mut near, _) =
				tokio::select! { a = listener.accept() => a.unwrap(), () = stop.cancelled() => return };
			let (real, stop) = (real.clone(), stop.clone());
			tokio::spawn(async move {
				let mut far = tokio::net::UnixStream::connect(real).await.unwrap();
				tokio::select! {
					_ = tokio::io::copy_bidirectional(&mut near, &mut far) => (),
					() = stop.cancelled() => (),
				}
			});
		}
	});
	let through = DockerExecutor::connect(&format!("unix://{}", path.display()))
		.await
		.unwrap();
	let dir = tempfile::tempdir().unwrap();
	let request = request(dir.path(), image, &["/bin/sh", "-c", "sleep 4; echo survived"]);
	let (outcome, ()) = tokio::join!(through.run(&request, CancellationToken::new()), async {
		tokio::time::sleep(Duration::from_millis(1500)).await;
		cut.cancel();
	});
	proxy.await.unwrap();
	assert!(
		matches!(outcome, Err(ExecError::EngineUnavailable { .. })),
		"{outcome:?}"
	);
	assert!(through.health().await.is_err());
	assert!(through.platforms().is_empty());
	// The engine is back: the run is taken up where it is.
	let outcome = docker.run(&request, CancellationToken::new()).await.unwrap();
	assert_eq!(
		(outcome.status, text(&outcome.stdout).as_str()),
		(Status::Completed, "survived\n")
	);
	docker.cleanup(&request.run_id).await.unwrap();
}
