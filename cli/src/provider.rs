//! `lilypad provider …`: a machine that runs jobs for others.

use crate::{
	app::{require_money, App},
	args::{OwnOffers, ProviderArgs, ProviderCommand, ProviderInit, ProviderStart},
	data::write_whole,
	error::CliError,
	offer::own::not_yours,
	share,
	ui::table,
};
use lilypad_client::{calls, lp, AccountId, Call, ChainEvent, Client, DealsEvent, MarketEvent, View};
use lilypad_primitives::{
	Balance, BlockNumber, CreatorPolicy, MachineSpec, MediatorPolicy, ModulePolicy, OfferId, OfferState,
};
use lilypad_worker::{
	chain::NewOffer,
	config::{EngineChoice, OfferConfig, WorkerConfig},
	machine,
};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use std::{
	net::SocketAddr,
	path::{Path, PathBuf},
	time::Duration,
};
use tokio::{
	io::{AsyncReadExt, AsyncWriteExt},
	net::TcpStream,
	time::timeout,
};
use tokio_util::sync::CancellationToken;

/// Where a worker tells what it does, unless its configuration says otherwise.
const ADMIN: &str = "127.0.0.1:9650";

/// Runs a command.
pub async fn run(app: &App, args: &ProviderArgs) -> Result<(), CliError> {
	let Some(command) = &args.command else {
		return start(app, &args.start).await;
	};
	if args.start != ProviderStart::default() {
		return Err(options_before("provider"));
	}
	match command {
		ProviderCommand::Init(args) => init(app, args),
		ProviderCommand::Start(args) => start(app, args).await,
		ProviderCommand::Status { provider } => status(app, provider.clone()).await,
		ProviderCommand::Bond { lp } => bond(app, *lp).await,
		ProviderCommand::Unbond { lp } => unbond(app, *lp).await,
		ProviderCommand::Withdraw => withdraw(app).await,
		ProviderCommand::Pause(own) => change(app, Change::Pause, own).await,
		ProviderCommand::Resume(own) => change(app, Change::Resume, own).await,
		ProviderCommand::Drain { offers, yes } => {
			let which = match offers.offers.len() {
				0 => "all your offers".into(),
				1 => format!("offer {}", offers.offers[0]),
				n => format!("{n} offers"),
			};
			let question = format!(
				"Drain {which}? They take no new jobs ever, and go when their last deals have ended."
			);
			app.ui.confirm(&question, *yes)?;
			change(app, Change::Drain, offers).await
		},
	}
}

/// Options of a role that starts are typed before another command of it.
pub fn options_before(role: &str) -> CliError {
	CliError::Usage(format!(
		"--config and the like go behind the command: `lilypad {role} start --config FILE`, or just `lilypad {role} --config FILE`"
	))
}

/// The configuration file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
	/// The machine to offer.
	machine: MachineSpec,
	/// Most jobs at once.
	slots: u32,
	/// LP per second of run time, as a decimal number.
	rate: String,
	/// LP to bond.
	bond: String,
	/// Whose modules it runs: `"any"`, `"curated"`, `{"authors": [..]}` or `{"versions": [..]}`.
	#[serde(default = "any")]
	modules: ModulePolicy<AccountId>,
	/// Who may judge its results: `"any"`, or `{"only": [..]}` with a whole panel of mediators at least.
	#[serde(default = "any_mediator")]
	mediators: MediatorPolicy<AccountId>,
	/// Whose jobs it runs: `"any"` or `{"only": [..]}`.
	#[serde(default = "any_creator")]
	creators: CreatorPolicy<AccountId>,
	/// What runs containers.
	#[serde(default)]
	engine: EngineChoice,
	/// Where peers connect (UDP); any free port when not set.
	#[serde(default)]
	p2p_listen: Option<SocketAddr>,
	/// Where opened results are served over HTTP.
	#[serde(default)]
	http_listen: Option<SocketAddr>,
	/// Where status and metrics are served.
	#[serde(default = "admin")]
	admin_listen: Option<SocketAddr>,
	/// Addresses to announce instead of this machine's own.
	#[serde(default)]
	public_addresses: Vec<String>,
}

fn any() -> ModulePolicy<AccountId> {
	ModulePolicy::Any
}

fn any_mediator() -> MediatorPolicy<AccountId> {
	MediatorPolicy::Any
}

fn any_creator() -> CreatorPolicy<AccountId> {
	CreatorPolicy::Any
}

fn admin() -> Option<SocketAddr> {
	ADMIN.parse().ok()
}

impl File {
	fn read(path: &Path) -> Result<Self, CliError> {
		let bytes = std::fs::read(path).map_err(|e| match e.kind() {
			std::io::ErrorKind::NotFound => CliError::Input(format!(
				"there is no configuration at {}: `lilypad provider init` writes one for this machine",
				path.display()
			)),
			_ => CliError::io("can't read", path)(e),
		})?;
		let wrong = |e: String| CliError::Input(format!("{}: {e}", path.display()));
		let file: Self = serde_json::from_slice(&bytes).map_err(|e| wrong(e.to_string()))?;
		file.prices().map_err(|e| wrong(e.to_string()))?;
		match file.machine.is_usable() && file.slots > 0 {
			true => Ok(file),
			false => Err(wrong(
				"cpu_milli, ram_mib, slots and every GPU's vram_mib must be more than zero".into(),
			)),
		}
	}

	fn prices(&self) -> Result<(Balance, Balance), lp::AmountError> {
		Ok((lp::parse(&self.rate)?, lp::parse(&self.bond)?))
	}
}

fn path(app: &App, named: Option<&PathBuf>) -> PathBuf {
	named
		.cloned()
		.unwrap_or_else(|| app.data.path().join("provider.json"))
}

fn init(app: &App, args: &ProviderInit) -> Result<(), CliError> {
	let path = path(app, args.config.as_ref());
	if path.exists() && !args.force {
		return Err(CliError::Input(format!(
			"{} exists already; --force replaces it",
			path.display()
		)));
	}
	std::fs::create_dir_all(app.data.path())
		.map_err(CliError::io("can't make the folder", app.data.path()))?;
	let (machine, slots) = machine::offered(app.data.path())
		.map_err(CliError::io("can't ask for free space in", app.data.path()))?;
	let file = File {
		machine,
		slots,
		rate: lp::exact(args.rate),
		bond: lp::exact(args.bond),
		modules: any(),
		mediators: any_mediator(),
		creators: any_creator(),
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
			"{}\n\n{}\n\nChange what you like, then `lilypad provider start`.",
			path.display(),
			String::from_utf8_lossy(&json)
		)
	})
}

async fn start(app: &App, args: &ProviderStart) -> Result<(), CliError> {
	let file = File::read(&path(app, args.config.as_ref()))?;
	let (rate, bond) = file.prices().map_err(|e| CliError::Input(e.to_string()))?;
	let mut config = WorkerConfig::new(app.global.nodes(), app.signer()?, app.data.provider());
	config.expected_genesis = app.global.genesis.map(|g| g.0);
	config.engine = file.engine;
	config.http_listen = file.http_listen;
	config.p2p_listen = file.p2p_listen;
	config.admin_listen = file.admin_listen;
	config.public_addresses = file.public_addresses;
	config.take_over = args.take_over;
	config.offer = Some(OfferConfig {
		offer: NewOffer {
			machine: file.machine,
			slots: file.slots,
			rate,
			platforms: Vec::new(),
			modules: file.modules,
			mediators: file.mediators,
			creators: file.creators,
		},
		bond,
		resume: false,
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

/// Waits to be told to stop.
pub async fn ended() -> std::io::Result<()> {
	let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
	tokio::select! {
		done = tokio::signal::ctrl_c() => done,
		_ = term.recv() => Ok(()),
	}
}

async fn status(app: &App, provider: Option<AccountId>) -> Result<(), CliError> {
	let own = provider.is_none();
	let who = provider.map_or_else(|| app.account(), Ok)?;
	let view = app.client().await?.best().await?;
	let bond = view.bond(&who).await?.unwrap_or_default();
	let offers = view.offers_of(&who).await?;
	let deals: Vec<_> = view
		.deals()
		.await?
		.into_iter()
		.filter(|(_, d)| d.terms.provider == who)
		.collect();
	let peer = view.peer(&who).await?;
	let score = view.score(&who).await?;
	let worker = if own { ask_worker(app).await } else { None };
	let value = json!({
		"provider": who.to_string(),
		"bond": {
			"total": lp::show(bond.total), "committed": lp::show(bond.committed), "free": lp::show(bond.free()),
			"unbonding": bond.unbonding.iter().map(|u| json!({ "amount": lp::show(u.amount), "block": u.releasable_at })).collect::<Vec<_>>(),
		},
		"score": share::percent_rounded(score),
		"record": {
			"accepted": bond.record.accepted, "upheld": bond.record.upheld,
			"overturned": bond.record.overturned, "no_shows": bond.record.no_shows,
		},
		"offers": offers.iter().map(|(id, o)| json!({
			"offer": id, "state": o.state, "rate": lp::show(o.rate), "running": o.running, "slots": o.slots,
			"machine": o.total, "free": o.free, "platforms": o.platforms,
		})).collect::<Vec<_>>(),
		"deals": deals.iter().map(|(id, d)| json!({ "deal": id, "job": d.job, "creator": d.terms.creator.to_string() })).collect::<Vec<_>>(),
		"announced": peer.is_some(),
		"worker": worker,
	});
	app.ui.outcome(&value, || {
		let mut lines = vec![
			format!("provider  {who}"),
			format!(
				"bond      {}, of which {} free",
				lp::show(bond.total),
				lp::show(bond.free())
			),
		];
		lines.push(match (&worker, own, &peer) {
			(Some(status), ..) => format!("worker    runs{}", problems(status)),
			(None, true, _) => {
				"worker    none answers on this machine: start it with `lilypad provider start`".into()
			},
			(None, false, Some(_)) => "worker    has announced its address".into(),
			(None, false, None) => "worker    has announced no address".into(),
		});
		lines.push(format!("deals     {}", deals.len()));
		let record = bond.record;
		lines.push(format!(
			"score     {} ({} accepted, {} upheld, {} overturned, {} not delivered)",
			share::percent_rounded(score),
			record.accepted,
			record.upheld,
			record.overturned,
			record.no_shows
		));
		if offers.is_empty() {
			lines.push("offers    none".into());
		} else {
			let rows = offers.iter().map(|(id, o)| {
				let state = format!("{:?}", o.state).to_lowercase();
				vec![
					id.to_string(),
					state,
					format!("{} a second", lp::show(o.rate)),
					format!("{} of {}", o.running, o.slots),
				]
			});
			lines.push(String::new());
			lines.push(table(&["OFFER", "STATE", "RATE", "RUNNING"], rows.collect()));
		}
		lines.join("\n")
	})
}

/// Why a worker takes no new work, in words.
pub fn problems(status: &Value) -> String {
	let list: Vec<&str> = status["problems"]
		.as_array()
		.into_iter()
		.flatten()
		.filter_map(Value::as_str)
		.collect();
	match list.is_empty() {
		true => String::new(),
		false => format!(", but takes no new jobs: {}", list.join("; ")),
	}
}

/// What the worker on this machine says about itself.
async fn ask_worker(app: &App) -> Option<Value> {
	let address = match File::read(&path(app, None)) {
		Ok(file) => file.admin_listen?,
		Err(_) => admin()?,
	};
	ask_worker_at(Some(address)).await
}

/// What the worker at a loopback address says about itself.
pub async fn ask_worker_at(address: Option<SocketAddr>) -> Option<Value> {
	timeout(Duration::from_secs(3), http_json(address?, "/status"))
		.await
		.ok()?
		.ok()
}

async fn http_json(address: SocketAddr, path: &str) -> std::io::Result<Value> {
	const MOST: u64 = 4 * 1024 * 1024;
	let mut stream = TcpStream::connect(address).await?;
	// HTTP 1.0: no chunks, and the end of the answer is the end of the stream.
	stream
		.write_all(format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes())
		.await?;
	let mut answer = Vec::new();
	stream.take(MOST).read_to_end(&mut answer).await?;
	let body = answer
		.windows(4)
		.position(|w| w == b"\r\n\r\n")
		.map(|at| at + 4)
		.unwrap_or(answer.len());
	serde_json::from_slice(&answer[body..]).map_err(std::io::Error::other)
}

async fn bond(app: &App, amount: Balance) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let call = calls::deals::bond(amount.into());
	let fee = client.estimate_fee(&signer, &call).await?;
	require_money(
		&view,
		&signer.account(),
		&[("as a bond", amount), ("for the transaction", fee)],
	)
	.await?;
	client.submit(&signer, call).await?;
	let words = format!("{} added to the bond", lp::show(amount));
	app.ui.outcome(&json!({ "bonded": lp::show(amount) }), || words)
}

async fn unbond(app: &App, amount: Balance) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let outcome = client
		.submit(&signer, calls::deals::unbond(amount.into()))
		.await?;
	let due = outcome.find(|event| match event {
		ChainEvent::DealsEvent(DealsEvent::Unbonding { releasable_at, .. }) => Some(*releasable_at),
		_ => None,
	});
	let value = json!({ "unbonding": lp::show(amount), "releasable_at": due, "block": outcome.block.number });
	app.ui.outcome(&value, || {
		let when = due.map_or("when its time is over".into(), |block| {
			format!("from block {block} on")
		});
		format!(
			"{} asked back; `lilypad provider withdraw` takes it {when}",
			lp::show(amount)
		)
	})
}

async fn withdraw(app: &App) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let outcome = client.submit(&signer, calls::deals::withdraw_unbonded()).await?;
	let amount = outcome.find(|event| match event {
		ChainEvent::DealsEvent(DealsEvent::Withdrawn { amount, .. }) => Some(*amount),
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

/// What can be done with one's own offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
	Pause,
	Resume,
	Drain,
}

impl Change {
	fn call(self, id: OfferId) -> Call {
		match self {
			Self::Pause => calls::market::pause_offer(id),
			Self::Resume => calls::market::resume_offer(id),
			Self::Drain => calls::market::drain_offer(id),
		}
	}

	fn applies_to(self, state: OfferState) -> bool {
		match self {
			Self::Pause => state == OfferState::Active,
			Self::Resume => state == OfferState::Paused,
			Self::Drain => state != OfferState::Draining,
		}
	}

	fn done(self) -> &'static str {
		match self {
			Self::Pause => "paused",
			Self::Resume => "resumed",
			Self::Drain => "draining",
		}
	}

	/// The offers to change: all of one's own to which it applies, or those that are named, which must be one's own.
	fn choose(self, own: &[(OfferId, OfferState)], named: &[OfferId]) -> Result<Vec<OfferId>, CliError> {
		if let Some(strange) = named.iter().find(|id| !own.iter().any(|(known, _)| known == *id)) {
			return Err(not_yours(*strange));
		}
		let chosen = own
			.iter()
			.filter(|(id, state)| (named.is_empty() || named.contains(id)) && self.applies_to(*state));
		Ok(chosen.map(|(id, _)| *id).collect())
	}
}

async fn change(app: &App, change: Change, own: &OwnOffers) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client: Client = app.client().await?;
	let view: View = client.best().await?;
	let offers = view.offers_of(&signer.account()).await?;
	let states: Vec<_> = offers.iter().map(|(id, offer)| (*id, offer.state)).collect();
	let mut done: Vec<OfferId> = Vec::new();
	let mut gone: Vec<OfferId> = Vec::new();
	let mut block: BlockNumber = view.number();
	for id in change.choose(&states, &own.offers)? {
		let outcome = client.submit(&signer, change.call(id)).await?;
		block = outcome.block.number;
		done.push(id);
		gone.extend(outcome.find(|event| match event {
			ChainEvent::MarketEvent(MarketEvent::OfferWithdrawn { offer, .. }) => Some(*offer),
			_ => None,
		}));
	}
	app.ui.outcome(
		&json!({ "offers": done, "state": change.done(), "withdrawn": gone, "block": block }),
		|| match (done.len(), gone.len()) {
			(0, _) => "there was nothing to do".into(),
			(n, 0) => format!("{} {}", counted(n), change.done()),
			(n, g) => format!(
				"{} {}; {} gone already, having had no deals",
				counted(n),
				change.done(),
				counted(g)
			),
		},
	)
}

fn counted(offers: usize) -> String {
	match offers {
		1 => "1 offer is".into(),
		n => format!("{n} offers are"),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn file() -> File {
		File {
			machine: MachineSpec::new(1000, 100, 10),
			slots: 1,
			rate: "0.001".into(),
			bond: "100".into(),
			modules: any(),
			mediators: any_mediator(),
			creators: any_creator(),
			engine: EngineChoice::Auto,
			p2p_listen: None,
			http_listen: None,
			admin_listen: admin(),
			public_addresses: vec![],
		}
	}

	fn read(value: &Value) -> Result<File, CliError> {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("provider.json");
		std::fs::write(&path, value.to_string()).expect("written");
		File::read(&path)
	}

	#[test]
	fn what_is_written_is_read_back() {
		assert_eq!(read(&json!(file())).expect("read"), file());
	}

	#[test]
	fn whose_modules_to_run_can_be_said() {
		let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
		for (value, wanted) in [
			(json!("curated"), ModulePolicy::Curated),
			(
				json!({ "authors": [alice] }),
				ModulePolicy::Authors(vec![alice.parse().expect("an account")].try_into().expect("one")),
			),
		] {
			let mut said = json!(file());
			said["modules"] = value;
			assert_eq!(read(&said).expect("read").modules, wanted);
		}
		let mut unsaid = json!(file());
		unsaid.as_object_mut().expect("a map").remove("modules");
		assert_eq!(read(&unsaid).expect("read").modules, ModulePolicy::Any);
	}

	#[test]
	fn whose_jobs_to_run_and_who_judges_can_be_said() {
		let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
		let only = || vec![alice.parse().expect("an account")].try_into().expect("one");
		let mut said = json!(file());
		said["mediators"] = json!({ "only": [alice] });
		said["creators"] = json!({ "only": [alice] });
		let found = read(&said).expect("read");
		assert_eq!(
			(found.mediators, found.creators),
			(MediatorPolicy::Only(only()), CreatorPolicy::Only(only()))
		);
		let unsaid = said.as_object_mut().expect("a map");
		unsaid.remove("mediators");
		unsaid.remove("creators");
		let found = read(&said).expect("read");
		assert_eq!(
			(found.mediators, found.creators),
			(MediatorPolicy::Any, CreatorPolicy::Any)
		);
	}

	#[test]
	fn wrong_settings_are_refused() {
		for (key, value) in [
			("rate", json!("cheap")),
			("bond", json!("-1")),
			("slots", json!(0)),
			("typo", json!(1)),
			("engine", json!("x")),
			("modules", json!("some")),
			("modules", json!({ "authors": ["nobody"] })),
			("mediators", json!("some")),
			("creators", json!({ "only": ["nobody"] })),
		] {
			let mut wrong = json!(file());
			wrong[key] = value;
			assert!(read(&wrong).is_err(), "{key}");
		}
		let missing = File::read(Path::new("/nowhere/provider.json"))
			.expect_err("not there")
			.to_string();
		assert!(missing.contains("provider init"), "{missing}");
	}

	#[test]
	fn a_change_applies_to_one_s_own_offers_in_the_right_state() {
		use OfferState::*;
		let own = [(OfferId(1), Active), (OfferId(2), Paused), (OfferId(3), Draining)];
		let choose = |change: Change, named: &[u64]| {
			let named: Vec<_> = named.iter().copied().map(OfferId).collect();
			let chosen = change.choose(&own, &named);
			chosen.map(|ids| ids.into_iter().map(|id| id.0).collect::<Vec<_>>())
		};
		assert_eq!(choose(Change::Pause, &[]).expect("own"), [1]);
		assert_eq!(choose(Change::Resume, &[]).expect("own"), [2]);
		assert_eq!(choose(Change::Drain, &[]).expect("own"), [1, 2]);
		assert_eq!(choose(Change::Drain, &[2, 3]).expect("own"), [2]);
		let error = choose(Change::Drain, &[1, 9]).expect_err("a stranger's");
		assert!(error.to_string().contains("offer 9"), "{error}");
		assert_eq!(error.exit_code() as u8, 4);
	}

	#[tokio::test]
	async fn a_status_is_read_from_its_answer() {
		let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
			.await
			.expect("a free port");
		let address = listener.local_addr().expect("bound");
		tokio::spawn(async move {
			let (mut stream, _) = listener.accept().await.expect("asked");
			let mut request = [0; 256];
			let n = stream.read(&mut request).await.expect("read");
			assert!(request[..n].starts_with(b"GET /status "));
			let answer =
				b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{\"problems\":[\"disk full\"]}";
			stream.write_all(answer).await.expect("sent");
		});
		let status = http_json(address, "/status").await.expect("read");
		assert_eq!(problems(&status), ", but takes no new jobs: disk full");
	}
}
