//! `lilypad doctor`: is everything there that one needs, and how is what is missing to be had? In a checkout that includes what
//! building and testing it need.

mod source;

use crate::{app::App, error::CliError};
use lilypad_client::{lp, Client};
use lilypad_worker::executor::{free_bytes, DockerExecutor, Executor, WasmExecutor};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Free space below which jobs will soon fail.
const LITTLE_SPACE: u64 = 2 * 1024 * 1024 * 1024;

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
	/// Good.
	Ok,
	/// Needed by some only.
	Optional,
	/// Not good.
	Failed,
}

#[derive(Clone, Debug, Serialize)]
struct Check {
	name: &'static str,
	verdict: Verdict,
	finding: String,
	/// What to do about it.
	#[serde(skip_serializing_if = "Option::is_none")]
	mend: Option<String>,
}

impl Check {
	fn ok(name: &'static str, finding: impl Into<String>) -> Self {
		Self {
			name,
			verdict: Verdict::Ok,
			finding: finding.into(),
			mend: None,
		}
	}

	fn bad(
		name: &'static str,
		verdict: Verdict,
		finding: impl Into<String>,
		mend: impl Into<String>,
	) -> Self {
		Self {
			name,
			verdict,
			finding: finding.into(),
			mend: Some(mend.into()),
		}
	}
}

/// Checks everything.
pub async fn run(app: &App) -> Result<(), CliError> {
	let mut checks = Vec::new();
	let client = node(app, &mut checks).await;
	account(app, client.as_ref(), &mut checks).await;
	checks.push(engine().await);
	checks.push(wasm());
	checks.push(disk(app));
	if let Some(root) = checkout() {
		checks.extend(source::checks(&root));
	}
	let failed = checks.iter().filter(|c| c.verdict == Verdict::Failed).count();
	app.ui.outcome(&checks, || show(&checks))?;
	match failed {
		0 => Ok(()),
		1 => Err(CliError::Unhealthy("1 check failed".into())),
		n => Err(CliError::Unhealthy(format!("{n} checks failed"))),
	}
}

fn show(checks: &[Check]) -> String {
	let mut text = String::new();
	for check in checks {
		let mark = match check.verdict {
			Verdict::Ok => "ok      ",
			Verdict::Optional => "optional",
			Verdict::Failed => "FAILED  ",
		};
		text.push_str(&format!("{mark}  {:<10} {}\n", check.name, check.finding));
		if let Some(mend) = &check.mend {
			text.push_str(&format!("{:21}{mend}\n", ""));
		}
	}
	text
}

async fn node(app: &App, checks: &mut Vec<Check>) -> Option<Client> {
	let client = match Client::connect(&app.client_config()).await {
		Ok(client) => client,
		Err(e) => {
			let mend = "start one with `lilypad-node --dev`, or name another with --url or LILYPAD_URL";
			checks.push(Check::bad("node", Verdict::Failed, e.to_string(), mend));
			return None;
		},
	};
	let best = match client.best().await {
		Ok(view) => view.number().to_string(),
		Err(e) => format!("unknown ({e})"),
	};
	let finding = format!("{} is on {}, block {best}", client.url(), client.chain_name());
	checks.push(match client.node_health().await {
		Ok((_, true)) => Check::bad(
			"node",
			Verdict::Failed,
			format!("{finding}, and still catches up"),
			"wait until it has all blocks, or name another with --url",
		),
		_ => Check::ok("node", finding),
	});
	Some(client)
}

async fn account(app: &App, client: Option<&Client>, checks: &mut Vec<Check>) {
	let account = match app.account() {
		Ok(account) => account,
		Err(e) => {
			checks.push(Check::bad(
				"key",
				Verdict::Failed,
				e.to_string(),
				"`lilypad account new` makes a key",
			));
			return;
		},
	};
	checks.push(Check::ok("key", account.to_string()));
	let Some(client) = client else { return };
	let balances = match client.best().await {
		Ok(view) => view.balances(&account).await,
		Err(e) => Err(e),
	};
	checks.push(match balances {
		Ok(balances) if balances.spendable > 0 => Check::ok("money", format!("{} to spend", lp::show(balances.spendable))),
		Ok(_) => {
			let mend = match client.is_development().await {
				Ok(true) => format!("`lilypad --suri //Alice account transfer {account} 1000 --yes` (this is a development chain)"),
				_ => format!("have somebody send LP to {account}"),
			};
			Check::bad("money", Verdict::Failed, "nothing to spend", mend)
		},
		Err(e) => Check::bad("money", Verdict::Failed, e.to_string(), "see above"),
	});
}

async fn engine() -> Check {
	let mend = "to provide containers: `apt-get install docker.io` (or podman) and start it; jobs can be bought without one";
	match DockerExecutor::discover().await {
		Ok(docker) => match docker.health().await {
			Ok(()) => Check::ok("containers", docker.describe()),
			Err(e) => Check::bad("containers", Verdict::Optional, e.to_string(), mend),
		},
		Err(e) => Check::bad("containers", Verdict::Optional, e.to_string(), mend),
	}
}

fn wasm() -> Check {
	match WasmExecutor::new() {
		Ok(engine) => Check::ok("wasm", engine.describe()),
		Err(e) => Check::bad(
			"wasm",
			Verdict::Optional,
			e.to_string(),
			"only 64-bit machines can run WebAssembly jobs",
		),
	}
}

fn disk(app: &App) -> Check {
	// The folder need not exist yet.
	let path = app.data.path();
	let there = path.ancestors().find(|p| p.is_dir()).unwrap_or(Path::new("/"));
	let place = |free: u64| format!("{} free for {}", indicatif::HumanBytes(free), path.display());
	match free_bytes(there) {
		Ok(free) if free >= LITTLE_SPACE => Check::ok("disk", place(free)),
		Ok(free) => Check::bad(
			"disk",
			Verdict::Failed,
			format!("only {}", place(free)),
			"make room, or set DATA_DIR to another disk",
		),
		Err(e) => Check::bad(
			"disk",
			Verdict::Failed,
			format!("{}: {e}", there.display()),
			"set DATA_DIR to a usable folder",
		),
	}
}

/// The source checkout that we are in, if any.
fn checkout() -> Option<PathBuf> {
	let here = std::env::current_dir().ok()?;
	here.ancestors()
		.find(|p| p.join("pallets/primitives/Cargo.toml").is_file())
		.map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn what_fails_says_how_to_mend_it() {
		let checks = [
			Check::ok("key", "5Grw"),
			Check::bad("node", Verdict::Failed, "nobody answers", "start one"),
			Check::bad("containers", Verdict::Optional, "none", "install one"),
		];
		let text = show(&checks);
		assert!(text.contains("ok        key        5Grw\n"), "{text}");
		assert!(
			text.contains("FAILED    node       nobody answers\n                     start one\n"),
			"{text}"
		);
	}

	#[test]
	fn tests_run_in_a_checkout() {
		assert!(checkout().is_some());
	}
}
