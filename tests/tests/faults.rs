//! Machines fail: nothing is lost, and whoever is to blame pays.

use anyhow::{ensure, Context, Result};
use lilypad_tests::{
	cow,
	ledger::{Holding, LP},
	module_dir, path_str, wait_for, Cli, EngineProxy, Network, Process,
};
use serde_json::Value;
use std::{os::unix::fs::MetadataExt, process::Stdio, time::Duration};

const MINUTE: Duration = Duration::from_secs(60);
/// What an account has free, and what is held of it for all reasons.
fn balance(cli: &Cli) -> Result<(u128, u128)> {
	let Holding { free, held } = Holding::of(cli, None)?;
	Ok((free, held))
}

/// Posts a job that has one try, and returns at once with its number.
fn post(cli: &Cli, module: &str, more: &[&str]) -> Result<String> {
	let args = [&["run", module, "--yes", "--detach", "--retries", "0"], more].concat();
	Ok(cli.json(&args)?["job"].to_string())
}

/// Waits until a job is in a state; returns what is shown of it then.
fn reaches(cli: &Cli, job: &str, state: &str, limit: Duration) -> Result<Value> {
	let mut last = Value::Null;
	wait_for(&format!("job {job} is {state}"), limit, || {
		last = cli.json(&["job", "show", job])?;
		Ok((last["state"] == state).then(|| last.clone()))
	})
	.with_context(|| format!("the job as it was last: {last}"))
}

#[test]
fn a_provider_killed_in_the_middle_of_a_job_is_fined_and_the_creator_refunded() -> Result<()> {
	let network = Network::dev()?;
	let provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let creator = network.cli("//Alice");
	let (before, _) = balance(&creator)?;
	let (_, bond_before) = balance(&network.cli("//Bob"))?;

	let job = post(
		&creator,
		"sleeper:v0.0.1",
		&["-i", "Seconds=600", "--timeout", "15"],
	)?;
	reaches(&creator, &job, "running", MINUTE)?;
	provider.kill()?;

	let ended = reaches(&creator, &job, "ended", 3 * MINUTE)?;
	ensure!(
		ended["explanation"]
			.to_string()
			.contains("did not deliver in time"),
		"{ended}"
	);
	let (after, held) = balance(&creator)?;
	assert_eq!(held, 0, "nothing stays held");
	// The refund and a share of the fine outweigh the fee of one transaction.
	ensure!(after + LP / 100 > before, "{before} before, {after} after");
	let (_, bond_after) = balance(&network.cli("//Bob"))?;
	ensure!(
		bond_after < bond_before,
		"the provider was not fined: {bond_before} before, {bond_after} after"
	);
	Ok(())
}

#[test]
fn a_provider_restarted_in_the_middle_of_a_job_goes_on() -> Result<()> {
	let network = Network::dev()?;
	let provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let creator = network.cli("//Alice");
	let job = post(
		&creator,
		"sleeper:v0.0.1",
		&["-i", "Seconds=25", "--timeout", "60"],
	)?;
	reaches(&creator, &job, "running", MINUTE)?;
	provider.kill()?;
	let _again = network.provider("//Bob", &[])?;
	let text = creator.ok(&["job", "watch", &job])?;
	ensure!(text.contains("slept 25"), "{text}");
	Ok(())
}

#[test]
fn a_job_outlives_the_command_that_posted_it() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let cli = network.cli("//Alice");
	let mut child = cli
		.command(&[
			"run",
			"sleeper:v0.0.1",
			"-i",
			"Seconds=8",
			"--timeout",
			"60",
			"--yes",
		])?
		.stdout(Stdio::piped())
		.stderr(Stdio::piped())
		.spawn()?;
	let job = wait_for("the job runs", MINUTE, || {
		let list = cli.json(&["job", "list"])?;
		let job = &list[0];
		Ok((job["state"] == "running").then(|| job["job"].to_string()))
	})?;
	ensure!(std::process::Command::new("kill")
		.args(["-INT", &child.id().to_string()])
		.status()?
		.success());
	let status = child.wait()?;
	assert_eq!(status.code(), Some(130));
	let output = child.wait_with_output()?;
	let text =
		String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
	ensure!(
		text.contains(&format!("lilypad job watch {job}")),
		"it does not say how to come back:\n{text}"
	);
	let text = cli.ok(&["job", "watch", &job])?;
	ensure!(text.contains("slept 8"), "{text}");
	Ok(())
}

#[test]
fn a_job_that_a_provider_failed_moves_to_another() -> Result<()> {
	let network = Network::dev()?;
	let first = network.provider("//Bob", &["--provider-rate", "0.00001"])?;
	network.publish("//Charlie", "cowsay")?;
	let second = network.provider("//Dave", &["--provider-rate", "0.00002"])?;
	// The cheaper one takes the job and never answers.
	first.kill()?;
	let text = network.cli("//Alice").ok(&[
		"run",
		"cowsay:v0.0.1",
		"-i",
		"Message=moo",
		"--yes",
		"--retries",
		"2",
	])?;
	ensure!(text.contains(&cow("moo")), "{text}");
	second.check()
}

#[test]
fn two_workers_with_one_key_are_refused() -> Result<()> {
	let network = Network::dev()?;
	let first = network.provider("//Bob", &[])?;
	let second = network.provider_in("other", "//Bob", &[])?;
	// The node may go on without its worker or end; either way the worker says what is wrong.
	wait_for("the second worker refuses", MINUTE, || {
		Ok(second.log()?.contains("another worker").then_some(()))
	})
	.with_context(|| {
		format!(
			"{}\nand of the first:\n{}",
			second.log_tail(30),
			first.log_tail(10)
		)
	})?;
	first.check()
}

#[test]
fn an_engine_that_is_gone_takes_no_jobs_and_finishes_those_it_has_when_it_is_back() -> Result<()> {
	let network = Network::dev()?;
	let engine = EngineProxy::start(&network.path("engine.sock"))?;
	let provider = network.provider("//Bob", &["--provider-engine", &engine.endpoint()])?;
	network.publish("//Charlie", "sleeper")?;
	let cli = network.cli("//Alice");

	// While a job runs.
	let job = post(&cli, "sleeper:v0.0.1", &["-i", "Seconds=10", "--timeout", "60"])?;
	reaches(&cli, &job, "running", MINUTE)?;
	engine.cut()?;
	// The engine itself goes on, as it does when only its API is stuck; the job ends meanwhile.
	std::thread::sleep(Duration::from_secs(12));
	engine.mend()?;
	let text = cli
		.ok(&["job", "watch", &job])
		.with_context(|| provider.log_tail(40))?;
	ensure!(text.contains("slept 10"), "{text}");

	// Before one: the provider takes its offer from the market, and the creator is told before paying.
	engine.cut()?;
	wait_for("the offer is paused", 2 * MINUTE, || {
		let refused = cli.output(&[
			"run",
			"sleeper:v0.0.1",
			"-i",
			"Seconds=1",
			"--yes",
			"--match-timeout",
			"2",
		])?;
		Ok((!refused.status.success()).then_some(()))
	})
	.with_context(|| provider.log_tail(40))?;
	let text = cli.fails(4, &["run", "sleeper:v0.0.1", "-i", "Seconds=1", "--yes"])?;
	ensure!(text.contains("no provider fits"), "{text}");
	provider.check()
}

#[test]
fn an_image_that_nobody_has_costs_nobody_anything() -> Result<()> {
	let network = Network::dev()?;
	let provider = network.provider("//Bob", &[])?;
	let cli = network.cli("//Alice");
	// A module whose image is in a registry that does not answer.
	let mut manifest: Value =
		serde_json::from_slice(&std::fs::read(module_dir("cowsay")?.join("module.json"))?)?;
	manifest["runtime"]["archive"] = Value::Null;
	// Nobody can check before publishing whether it is deterministic, its author included.
	manifest["profile"] = "non_deterministic".into();
	// Not cowsay's, which the engine may have.
	let image = format!("sha256:{}", "22".repeat(32));
	manifest["runtime"]["image"] = image.as_str().into();
	manifest["runtime"]["reference"] = format!("localhost:1/cowsay@{image}").into();
	let folder = network.path("module");
	std::fs::create_dir(&folder)?;
	std::fs::write(folder.join("module.json"), manifest.to_string())?;
	cli.ok(&["module", "publish", path_str(&folder)?, "--yes"])?;

	let (bond_before, (before, _)) = (balance(&network.cli("//Bob"))?.1, balance(&cli)?);
	let text = cli
		.fails(
			4,
			&[
				"run",
				"cowsay:v0.0.1",
				"-i",
				"Message=moo",
				"--yes",
				"--retries",
				"0",
				"--match-timeout",
				"2",
			],
		)
		.with_context(|| provider.log_tail(40))?;
	ensure!(text.contains("could not get the module"), "{text}");
	let (after, held) = balance(&cli)?;
	let (_, bond_after) = balance(&network.cli("//Bob"))?;
	assert_eq!(
		bond_after, bond_before,
		"a provider is not fined for what nobody has"
	);
	// Fees, a part of which comes back to the block's author, who is Alice.
	ensure!(after + LP / 10 > before, "{before} before, {after} after");
	// The module's deposit is what stays.
	ensure!(held > 0);
	Ok(())
}

#[test]
fn a_result_that_can_not_be_fetched_is_not_paid_and_waits_for_the_provider() -> Result<()> {
	let network = Network::dev()?;
	let provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let cli = network.cli("//Alice");
	let job = post(&cli, "sleeper:v0.0.1", &["-i", "Seconds=1", "--timeout", "60"])?;
	reaches(&cli, &job, "submitted", MINUTE)?;
	provider.kill()?;

	let log = network.path("watch.log");
	let watch = Process::spawn("watch", cli.command(&["job", "watch", &job])?, &log)?;
	wait_for("it says what is wrong", MINUTE, || {
		watch.check()?;
		Ok(watch.log()?.contains("can't be reached").then_some(()))
	})
	.with_context(|| watch.log_tail(20))?;
	assert_eq!(
		cli.json(&["job", "show", &job])?["state"],
		"submitted",
		"nothing is accepted unseen"
	);

	let again = network.provider("//Bob", &[])?;
	let code = watch
		.wait(MINUTE)
		.with_context(|| format!("{}\n{}", watch.log_tail(20), again.log_tail(30)))?;
	assert_eq!(code, Some(0), "{}", watch.log_tail(20));
	ensure!(watch.log()?.contains("slept 1"), "{}", watch.log_tail(20));
	Ok(())
}

#[test]
fn a_node_that_is_away_for_a_while_is_waited_for() -> Result<()> {
	let mut network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let cli = network.cli("//Alice");
	let run = cli.command(&[
		"run",
		"sleeper:v0.0.1",
		"-i",
		"Seconds=12",
		"--timeout",
		"60",
		"--yes",
	])?;
	let run = Process::spawn("run", run, &network.path("run.log"))?;
	wait_for("the job runs", MINUTE, || {
		run.check()?;
		Ok((cli.json(&["job", "list"])?[0]["state"] == "running").then_some(()))
	})?;
	network.kill_alice()?;
	std::thread::sleep(Duration::from_secs(5));
	network.revive_alice()?;
	assert_eq!(run.wait(2 * MINUTE)?, Some(0), "{}", run.log_tail(30));
	ensure!(run.log()?.contains("slept 12"), "{}", run.log_tail(30));
	Ok(())
}

/// The disk of whoever asks for a result is full: it is not accepted, and can be fetched once there is room.
#[test]
fn a_result_that_finds_no_room_is_kept_for_later() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "sleeper")?;
	let cli = network.cli("//Alice");
	let job = post(&cli, "sleeper:v0.0.1", &["-i", "Seconds=1", "--timeout", "60"])?;
	reaches(&cli, &job, "submitted", MINUTE)?;

	let full = network.path("full");
	std::fs::create_dir(&full)?;
	let target = full.join("result");
	// A file system of one page, which is used up, that only this command sees.
	let script =
		"mount -t tmpfs -o size=4k tmpfs \"$0\" && { head -c 4096 /dev/zero >\"$0/ballast\"; exec \"$@\"; }";
	let get = cli.command(&["job", "get", &job, "--output", path_str(&target)?])?;
	let mut command = std::process::Command::new("unshare");
	// Root needs no user namespace to mount, and in a chroot nobody can have one.
	if std::fs::metadata(&full)?.uid() != 0 {
		command.arg("--map-root-user");
	}
	command.args(["--mount", "bash", "-c", script]).arg(&full);
	command.arg(get.get_program()).args(get.get_args());
	for (name, value) in get.get_envs().filter_map(|(name, value)| Some((name, value?))) {
		command.env(name, value);
	}
	let output = command.output()?;
	let text = String::from_utf8_lossy(&output.stderr);
	assert_eq!(output.status.code(), Some(6), "{text}");
	ensure!(text.contains("does not fit"), "{text}");

	let there = network.path("there");
	cli.ok(&["job", "get", &job, "--output", path_str(&there)?])?;
	ensure!(std::fs::read_to_string(there.join("stdout"))?.contains("slept 1"));
	Ok(())
}
