//! What a shell offers when Tab is pressed: modules and offers from the chain, jobs and keys from this machine.
//!
//! Nothing here may take long, ask for anything, or print errors: a shell waits for it. Where the chain does not answer at
//! once, there is simply nothing to offer.

use crate::{args, data::DataDir};
use clap_complete::{
	engine::CompletionCandidate,
	env::{EnvCompleter, Shells},
	Shell,
};
use lilypad_client::{lp, Client, ClientConfig, View};
use std::{ffi::OsStr, future::Future, io, path::Path, time::Duration};

/// The variable by which a shell's script asks for candidates.
pub const VARIABLE: &str = "LILYPAD_COMPLETE";
/// Longest wait for the chain.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most candidates.
const MOST: usize = 200;

/// Writes the script for a shell.
pub fn script(shell: Shell, to: &mut dyn io::Write) -> io::Result<()> {
	let shells = Shells::builtins();
	let found: Option<&dyn EnvCompleter> = shells.completer(&shell.to_string());
	found
		.ok_or_else(|| io::Error::other(format!("there is no script for {shell}")))?
		.write_registration(VARIABLE, "lilypad", "lilypad", "lilypad", to)
}

/// Modules on the chain.
pub fn modules(current: &OsStr) -> Vec<CompletionCandidate> {
	let found = ask(|view| async move {
		let modules = view.modules().await.ok()?;
		let usable = modules.into_iter().filter(|(_, info)| !info.delisted);
		Some(
			usable
				.map(|(_, info)| {
					let help = match info.fee {
						0 => "no fee".into(),
						fee => format!("{} a run for its author", lp::rounded_up(fee)),
					};
					(info.name.to_string(), help)
				})
				.collect(),
		)
	});
	candidates(current, found)
}

/// Offers on the chain.
pub fn offers(current: &OsStr) -> Vec<CompletionCandidate> {
	let found = ask(|view| async move {
		let offers = view.offers().await.ok()?;
		Some(
			offers
				.into_iter()
				.map(|(id, offer)| (id.to_string(), format!("{} a second", lp::rounded_up(offer.rate))))
				.collect(),
		)
	});
	candidates(current, found)
}

/// Jobs that this machine posted, the newest first.
pub fn jobs(current: &OsStr) -> Vec<CompletionCandidate> {
	let named = option("--data-dir").or_else(|| std::env::var("DATA_DIR").ok());
	let data = DataDir::choose(named.as_deref().map(Path::new));
	let mut entries = data.and_then(|data| data.all_jobs()).unwrap_or_default();
	entries.sort_by_key(|entry| std::cmp::Reverse(entry.posted));
	let found = entries.into_iter().map(|entry| {
		let state = entry
			.ended
			.map_or("not seen to its end".into(), |end| end.outcome);
		(entry.job.to_string(), format!("{}, {state}", entry.module))
	});
	candidates(current, found.collect())
}

/// Names of key files.
pub fn keys(current: &OsStr) -> Vec<CompletionCandidate> {
	let named = option("--data-dir").or_else(|| std::env::var("DATA_DIR").ok());
	let files = DataDir::choose(named.as_deref().map(Path::new))
		.ok()
		.and_then(|data| std::fs::read_dir(data.keys()).ok());
	let names = files.into_iter().flatten().flatten().filter_map(|file| {
		let path = file.path();
		let is_key = path.extension().is_some_and(|e| e == "json");
		let name = path.file_stem()?.to_str()?.to_string();
		is_key.then_some((name, String::new()))
	});
	candidates(current, names.collect())
}

/// The candidates that begin with what is typed.
fn candidates(current: &OsStr, all: Vec<(String, String)>) -> Vec<CompletionCandidate> {
	let Some(begun) = current.to_str() else {
		return Vec::new();
	};
	let fitting = all.into_iter().filter(|(value, _)| value.starts_with(begun));
	fitting
		.take(MOST)
		.enumerate()
		.map(|(order, (value, help))| {
			let help = (!help.is_empty()).then(|| help.into());
			CompletionCandidate::new(value)
				.help(help)
				.display_order(Some(order))
		})
		.collect()
}

/// Asks the chain, briefly.
fn ask<T: Default, F: Future<Output = Option<T>>>(question: impl FnOnce(View) -> F) -> T {
	let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
		return T::default();
	};
	let answer = async {
		let config = ClientConfig {
			request_timeout: PATIENCE,
			..ClientConfig::with_urls(urls())
		};
		let client = Client::connect(&config).await.ok()?;
		question(client.best().await.ok()?).await
	};
	let answer = runtime.block_on(async { tokio::time::timeout(PATIENCE, answer).await });
	runtime.shutdown_background();
	answer.ok().flatten().unwrap_or_default()
}

/// The node that the line so far names, or the environment.
fn urls() -> Vec<String> {
	let network = option("-n").or_else(|| option("--network"));
	if let Some(url) = network.and_then(|name| args::network(&name).ok()) {
		return vec![url];
	}
	let urls = option("--url").or_else(|| std::env::var("LILYPAD_URL").ok());
	match urls {
		Some(urls) if !urls.is_empty() => urls.split(',').map(Into::into).collect(),
		_ => vec![lilypad_client::DEFAULT_URL.into()],
	}
}

/// The value that an option has in the line so far, which follows a `--` among the arguments of this process.
fn option(name: &str) -> Option<String> {
	value_of(name, std::env::args().skip_while(|arg| arg != "--").skip(1))
}

fn value_of(name: &str, mut line: impl Iterator<Item = String>) -> Option<String> {
	while let Some(word) = line.next() {
		if word == name {
			return line.next();
		}
		if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
			return Some(value.into());
		}
	}
	None
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn candidates_begin_with_what_is_typed_and_keep_their_order() {
		let all = ["cowsay:v2", "kmers:v1", "cowsay:v1"].map(|name| (name.to_string(), "help".to_string()));
		let found = candidates(OsStr::new("cow"), all.to_vec());
		let values: Vec<_> = found
			.iter()
			.map(|c| c.get_value().to_str().expect("text"))
			.collect();
		assert_eq!(values, ["cowsay:v2", "cowsay:v1"]);
		let many = (0..1000).map(|n| (n.to_string(), String::new())).collect();
		assert_eq!(candidates(OsStr::new(""), many).len(), MOST);
	}

	#[test]
	fn the_line_s_options_are_read_in_both_forms() {
		let line = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>().into_iter();
		assert_eq!(
			value_of("--url", line("run --url ws://x cow")),
			Some("ws://x".into())
		);
		assert_eq!(
			value_of("--url", line("run --url=ws://x cow")),
			Some("ws://x".into())
		);
		assert_eq!(value_of("--url", line("run --urls ws://x")), None);
		assert_eq!(value_of("--url", line("run --url")), None);
	}

	#[test]
	fn every_shell_has_a_script() {
		for shell in [
			Shell::Bash,
			Shell::Zsh,
			Shell::Fish,
			Shell::Elvish,
			Shell::PowerShell,
		] {
			let mut text = Vec::new();
			script(shell, &mut text).expect("written");
			let text = String::from_utf8(text).expect("UTF-8");
			assert!(
				text.contains(VARIABLE) && text.contains("lilypad"),
				"{shell}: {text}"
			);
		}
	}
}
