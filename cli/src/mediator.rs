//! `lilypad mediator …`: a machine that runs disputed jobs again.

use crate::{
	app::App,
	args::{MediatorArgs, MediatorCommand, MediatorInit, MediatorStart},
	case::{case_json, seat_of, seat_words, stage_words},
	data::write_whole,
	error::CliError,
	provider::{ask_worker_at, ended, options_before, problems},
	ui::table,
};
use lilypad_client::{calls, lp, words, AccountId, ChainEvent, MediationEvent, Mediator};
use lilypad_primitives::MachineSpec;
use lilypad_worker::{
	config::{EngineChoice, MediatorConfig, WorkerConfig},
	machine,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
	net::SocketAddr,
	path::{Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// Where a mediator's worker tells what it does, unless its configuration says otherwise.
const ADMIN: &str = "127.0.0.1:9651";

/// Runs a command.
pub async fn run(app: &App, args: &MediatorArgs) -> Result<(), CliError> {
	let Some(command) = &args.command else {
		return start(app, &args.start).await;
	};
	if args.start != MediatorStart::default() {
		return Err(options_before("mediator"));
	}
	match command {
		MediatorCommand::Init(args) => init(app, args),
		MediatorCommand::Start(args) => start(app, args).await,
		MediatorCommand::Status { mediator } => status(app, mediator.clone()).await,
		MediatorCommand::Unbond { tickets } => unbond(app, *tickets).await,
		MediatorCommand::Withdraw => withdraw(app).await,
	}
}

/// The configuration file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
	/// The machine that each run gets.
	machine: MachineSpec,
	/// Most cases at a time.
	slots: u32,
	/// Tickets to have, at least.
	tickets: u32,
	/// What runs containers.
	#[serde(default)]
	engine: EngineChoice,
	/// Where peers connect (UDP); any free port when not set.
	#[serde(default)]
	p2p_listen: Option<SocketAddr>,
	/// Where the results of closed cases are served over HTTP.
	#[serde(default)]
	http_listen: Option<SocketAddr>,
	/// Where status and metrics are served.
	#[serde(default = "admin")]
	admin_listen: Option<SocketAddr>,
	/// Addresses to announce instead of this machine's own.
	#[serde(default)]
	public_addresses: Vec<String>,
}

fn admin() -> Option<SocketAddr> {
	ADMIN.parse().ok()
}

impl File {
	fn read(path: &Path) -> Result<Self, CliError> {
		let bytes = std::fs::read(path).map_err(|e| match e.kind() {
			std::io::ErrorKind::NotFound => CliError::Input(format!(
				"there is no configuration at {}: `lilypad mediator init` writes one for this machine",
				path.display()
			)),
			_ => CliError::io("can't read", path)(e),
		})?;
		let wrong = |e: String| CliError::Input(format!("{}: {e}", path.display()));
		let file: Self = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
		match file.machine.is_usable() && file.slots > 0 && file.tickets > 0 {
			true => Ok(file),
			false => Err(wrong(
				"cpu_milli, ram_mib, slots, tickets and every GPU's vram_mib must be more than zero".into(),
			)),
		}
	}
}

fn path(app: &App, named: Option<&PathBuf>) -> PathBuf {
	named
		.cloned()
		.unwrap_or_else(|| app.data.path().join("mediator.json"))
}

fn init(app: &App, args: &MediatorInit) -> Result<(), CliError> {
	let path = path(app, args.config.as_ref());
	if path.exists() && !args.force {
		return Err(CliError::Input(format!(
			"{} exists already; --force replaces it",
			path.display()
		)));
	}
	std::fs::create_dir_all(app.data.path())
		.map_err(CliError::io("can't make the folder", app.data.path()))?;
	let (machine, _) = machine::offered(app.data.path())
		.map_err(CliError::io("can't ask for free space in", app.data.path()))?;
	let file = File {
		machine,
		slots: args.slots,
		tickets: args.tickets,
		engine: EngineChoice::Auto,
		p2p_listen: None,
		http_listen: None,
		admin_listen: admin(),
		public_addresses: Vec::new(),
	};
	let json = serde_json::to_vec_pretty(&file).map_err(|e| CliError::Other(e.to_string()))?;
	write_whole(&path, &json)?;
	app.ui.outcome(&json!({ "config": path, "settings": file }), || {
		format!(
			"{}\n\n{}\n\nChange what you like, then `lilypad mediator start`.",
			path.display(),
			String::from_utf8_lossy(&json)
		)
	})
}

async fn start(app: &App, args: &MediatorStart) -> Result<(), CliError> {
	let file = File::read(&path(app, args.config.as_ref()))?;
	let mut config = WorkerConfig::new(app.global.nodes(), app.signer()?, app.data.mediator());
	config.expected_genesis = app.global.genesis.map(|g| g.0);
	config.engine = file.engine;
	config.http_listen = file.http_listen;
	config.p2p_listen = file.p2p_listen;
	config.admin_listen = file.admin_listen;
	config.public_addresses = file.public_addresses;
	config.take_over = args.take_over;
	config.mediator = Some(MediatorConfig {
		machine: file.machine,
		slots: file.slots,
		tickets: file.tickets,
	});
	#[cfg(feature = "misbehave")]
	{
		config.misbehave = args.misbehave;
	}
	let shutdown = CancellationToken::new();
	let stop = shutdown.clone();
	let signals = tokio::spawn(async move {
		// Without signals the worker is stopped the hard way, which it survives.
		if ended().await.is_ok() {
			stop.cancel();
		}
	});
	let result = lilypad_worker::run(config, shutdown).await;
	signals.abort();
	result.map_err(CliError::from)
}

async fn status(app: &App, mediator: Option<AccountId>) -> Result<(), CliError> {
	let own = mediator.is_none();
	let who = mediator.map_or_else(|| app.account(), Ok)?;
	let view = app.client().await?.best().await?;
	let record = view.mediator(&who).await?;
	let cases: Vec<_> = view
		.cases()
		.await?
		.into_iter()
		.filter_map(|(deal, case)| seat_of(&case, &who).cloned().map(|seat| (deal, case, seat)))
		.collect();
	let worker = match own {
		true => {
			let address = File::read(&path(app, None)).map_or_else(|_| admin(), |file| file.admin_listen);
			ask_worker_at(address).await
		},
		false => None,
	};
	let eras = view.eras().await?;
	let starts = record
		.as_ref()
		.and_then(|m| m.capability.latest_since())
		.map(|era| eras.start_of(era));
	let pending = starts.filter(|block| *block > view.number());
	let value = json!({
		"mediator": who.to_string(),
		"registered": record.is_some(),
		"tickets": record.as_ref().map_or(0, |m| m.tickets.len()),
		"bond": record.as_ref().map(|m| lp::show(m.total)),
		"seats": record.as_ref().map_or(0, |m| m.seats),
		"slots": record.as_ref().and_then(|m| m.capability.latest()).map(|c| c.slots),
		"platforms": record.as_ref().and_then(|m| m.capability.latest()).map(|c| c.platforms.to_vec()),
		"counts_from": pending,
		"unbonding": record.as_ref().map(|m| m.unbonding.iter().map(|u| json!({ "amount": lp::show(u.amount), "block": u.releasable_at })).collect::<Vec<_>>()),
		"cases": cases.iter().map(|(deal, case, _)| case_json(*deal, case)).collect::<Vec<_>>(),
		"worker": worker,
	});
	app.ui.outcome(&value, || {
		let mut lines = vec![format!("mediator  {who}")];
		lines.push(match &record {
			None => "tickets   none: `lilypad mediator start` registers this account".into(),
			Some(record) => standing(record),
		});
		if let Some(block) = pending {
			lines.push(format!("          the last changes count from block {block} on"));
		}
		lines.push(match (&worker, own) {
			(Some(status), _) => format!("worker    runs{}", problems(status)),
			(None, true) => {
				"worker    none answers on this machine: start it with `lilypad mediator start`".into()
			},
			(None, false) => "worker    not asked".into(),
		});
		if !cases.is_empty() {
			let rows = cases.iter().map(|(deal, case, seat)| {
				vec![
					deal.to_string(),
					words::variant(&seat.round),
					seat_words(&seat.state, None),
					stage_words(case, view.number()),
				]
			});
			lines.push(String::new());
			lines.push(table(&["DEAL", "ROUND", "VOTE", "STAGE"], rows.collect()));
		}
		lines.join("\n")
	})
}

fn standing(record: &Mediator) -> String {
	let slots = record.capability.latest().map_or(0, |c| c.slots);
	format!(
		"tickets   {}, with {} bonded; {} of {slots} seats taken",
		record.tickets.len(),
		lp::show(record.total),
		record.seats
	)
}

async fn unbond(app: &App, tickets: u32) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let outcome = client
		.submit(&signer, calls::mediation::unbond_tickets(tickets))
		.await?;
	let due = outcome.find(|event| match event {
		ChainEvent::MediationEvent(MediationEvent::Unbonding {
			releasable_at,
			amount,
			..
		}) => Some((*releasable_at, *amount)),
		_ => None,
	});
	let value = json!({
		"tickets": tickets, "unbonding": due.map(|(_, amount)| lp::show(amount)), "releasable_at": due.map(|(block, _)| block),
	});
	app.ui.outcome(&value, || {
		let when = due.map_or("when its time is over".into(), |(block, _)| {
			format!("from block {block} on")
		});
		format!("{tickets} tickets given up; `lilypad mediator withdraw` takes their bond {when}")
	})
}

async fn withdraw(app: &App) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let outcome = client.submit(&signer, calls::mediation::withdraw()).await?;
	let amount = outcome.find(|event| match event {
		ChainEvent::MediationEvent(MediationEvent::Withdrawn { amount, .. }) => Some(*amount),
		_ => None,
	});
	let shown = amount.map(lp::show);
	app.ui.outcome(
		&json!({ "withdrawn": shown, "block": outcome.block.number }),
		|| match &shown {
			Some(amount) => format!("{amount} are yours again"),
			None => "what was due is back".into(),
		},
	)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_configuration_is_read_with_its_defaults_and_refused_without_tickets() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("mediator.json");
		let mut json = json!({
			"machine": { "cpu_milli": 1000, "ram_mib": 100, "disk_mib": 10 }, "slots": 1, "tickets": 2,
		});
		std::fs::write(&path, json.to_string()).expect("written");
		let file = File::read(&path).expect("complete");
		assert_eq!((file.tickets, file.admin_listen), (2, admin()));
		json["tickets"] = json!(0);
		std::fs::write(&path, json.to_string()).expect("written");
		assert!(File::read(&path).is_err());
		assert!(File::read(&dir.path().join("nowhere"))
			.expect_err("missing")
			.to_string()
			.contains("lilypad mediator init"));
	}
}
