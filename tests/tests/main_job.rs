//! The main job: one command, and a container's output on the screen, paid for on the chain.

use anyhow::{ensure, Context, Result};
use lilypad_tests::{cow, Network};
use std::{fs, path::Path, thread};

#[test]
fn the_cow_says_moo_out_of_a_real_container() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	let cli = network.cli("//Alice");

	// As a person types it.
	let output = cli.output(&["run", "cowsay:v0.0.1", "-i", "Message=moo", "--yes"])?;
	let (text, talk) = (
		String::from_utf8_lossy(&output.stdout),
		String::from_utf8_lossy(&output.stderr),
	);
	ensure!(output.status.success(), "it failed:\n{talk}");
	// What the job printed can be piped on; what is said about it stands beside.
	assert_eq!(text, cow("moo"));
	ensure!(
		talk.contains("    open /") && talk.contains("    cat /") && talk.contains("/stdout"),
		"there is no line to paste in:\n{talk}"
	);
	ensure!(talk.contains("cost   "), "it does not say what it cost:\n{talk}");

	// As a program reads it, into a folder of its choice.
	let folder = network.path("result");
	let outcome = cli.json(&[
		"run",
		"cowsay:v0.0.1",
		"-i",
		"Message=moo",
		"--yes",
		"--output",
		folder.to_str().context("UTF-8")?,
	])?;
	ensure!(outcome["output"].as_str() == folder.to_str(), "{outcome}");
	ensure!(
		outcome["cost"].is_string() && outcome["job"].is_u64(),
		"{outcome}"
	);
	let read = |name: &str| {
		fs::read_to_string(folder.join(name)).with_context(|| format!("{name} in {}", folder.display()))
	};
	assert_eq!(read("stdout")?, cow("moo"));
	assert_eq!(read("stderr")?, "");
	assert_eq!(read("exitCode")?.trim(), "0");
	ensure!(folder.join("outputs").is_dir());

	// The result can be fetched once more, and the list knows both jobs.
	let job = outcome["job"].to_string();
	let again = network.path("again");
	cli.ok(&["job", "get", &job, "--output", again.to_str().context("UTF-8")?])?;
	assert_eq!(fs::read_to_string(again.join("stdout"))?, cow("moo"));
	let list = cli.json(&["job", "list"])?;
	assert_eq!(list.as_array().map(Vec::len), Some(2), "{list}");
	Ok(())
}

/// Quotes, newlines, `=`, emoji, shell syntax and 2 KiB of text come out of the container unchanged.
#[test]
fn hostile_messages_come_out_of_the_container_unchanged() -> Result<()> {
	let long = "0123456789abcdef".repeat(128);
	let messages = [
		"\"double\" 'single' `back`",
		"two\nlines",
		"a=b=c",
		"🐮 moo 牛",
		"$(rm -rf /) && echo $HOME; exit 1",
		"{{Message}} -f --help \\n %s",
		long.as_str(),
	];
	let creators = [
		"//Alice",
		"//Charlie",
		"//Dave",
		"//Eve",
		"//Ferdie",
		"//Alice//stash",
		"//Bob//stash",
	];
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "cowsay")?;
	thread::scope(|scope| {
		let runs: Vec<_> = messages
			.iter()
			.zip(creators)
			.map(|(message, creator)| {
				let network = &network;
				scope.spawn(move || -> Result<()> {
					let folder = network.path(&format!("out-{}", creator.replace('/', "")));
					let input = format!("Message={message}");
					network.cli(creator).ok(&[
						"run",
						"cowsay:v0.0.1",
						"-i",
						&input,
						"--yes",
						"--output",
						folder.to_str().context("UTF-8")?,
					])?;
					check_cow(&folder, message)
				})
			})
			.collect();
		for run in runs {
			run.join().expect("no panic")?;
		}
		Ok(())
	})
}

fn check_cow(folder: &Path, message: &str) -> Result<()> {
	let stdout = fs::read_to_string(folder.join("stdout"))?;
	for line in message.lines() {
		ensure!(
			stdout.lines().any(|l| l.contains(line)),
			"{line:?} is not in one piece in:\n{stdout}"
		);
	}
	ensure!(stdout.contains("(oo)"), "no cow in:\n{stdout}");
	Ok(())
}

#[test]
fn the_same_program_runs_as_webassembly() -> Result<()> {
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &["--provider-engine", "wasm-only"])?;
	network.publish("//Charlie", "cowsay-wasm")?;
	let text = network
		.cli("//Alice")
		.ok(&["run", "cowsay-wasm:v0.0.1", "-i", "Message=moo", "--yes"])?;
	ensure!(text.contains(&cow("moo")), "the cow is not in:\n{text}");
	Ok(())
}

/// 12 MB of input by content hash, processed in a container, output files fetched and checked.
#[test]
fn a_large_input_file_is_processed_in_a_container() -> Result<()> {
	const LINES: usize = 200_000;
	let network = Network::dev()?;
	let _provider = network.provider("//Bob", &[])?;
	network.publish("//Charlie", "kmers")?;
	let input = network.path("genome.fa");
	let line = "ACGTTGCAACGTTGCAACGTTGCAACGTTGCAACGTTGCAACGTTGCAACGTTGCAACGT";
	let mut text = String::from(">one\n");
	for _ in 0..LINES {
		text.push_str(line);
		text.push('\n');
	}
	ensure!(text.len() > 10_000_000);
	fs::write(&input, &text)?;
	let folder = network.path("result");
	let file = format!("sequence={}", input.display());
	network.cli("//Alice").ok(&[
		"run",
		"kmers:v0.0.1",
		"-i",
		"K=4",
		"-i",
		"Canonical=false",
		"--input-file",
		&file,
		"--yes",
		"--output",
		folder.to_str().context("UTF-8")?,
	])?;

	// What a straightforward count of the same bases gives.
	let bases: Vec<u8> = text.lines().skip(1).flat_map(|l| l.bytes()).collect();
	let mut expected = std::collections::BTreeMap::<&[u8], u64>::new();
	for window in bases.windows(4) {
		*expected.entry(window).or_default() += 1;
	}
	let table = fs::read_to_string(folder.join("outputs/kmers.tsv"))?;
	let counted: std::collections::BTreeMap<&[u8], u64> = table
		.lines()
		.skip(1)
		.map(|l| {
			l.split_once('\t')
				.context("two columns")
				.and_then(|(k, n)| Ok((k.as_bytes(), n.parse()?)))
		})
		.collect::<Result<_>>()?;
	assert_eq!(counted, expected);
	ensure!(folder.join("outputs/summary.json").is_file());
	Ok(())
}
