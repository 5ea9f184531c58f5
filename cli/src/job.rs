//! `lilypad job …`: one's own jobs.

use crate::{
	app::App,
	args::{AcceptArgs, FollowArgs, JobCommand},
	data::{Ending, Entry},
	error::CliError,
	run::{
		self,
		drive::{self, Drive, Finished, Until},
		folder, peer,
	},
	ui::{table, Stage},
};
use lilypad_client::{
	lp, AccountId, At, ChainEvent, Client, DealState, JobRecord, JobState, MarketEvent, View,
};
use lilypad_primitives::{
	manifest::Digest,
	settlement::{settle, Purse},
	Balance, DealId, JobId, Outcome, OutputRoot, Status, Terms, Triple,
};
use serde_json::{json, Value};
use std::{collections::BTreeMap, path::PathBuf, time::Instant};

/// How far back an ended job is looked for: ordinary nodes keep no older states.
const LOOK_BACK: u32 = 250;

/// Runs a command.
pub async fn run(app: &App, command: &JobCommand) -> Result<(), CliError> {
	match command {
		JobCommand::List => list(app).await,
		JobCommand::Show { job } => show(app, *job).await,
		JobCommand::Watch(args) => follow(app, args).await,
		JobCommand::Get(args) => follow(app, args).await,
		JobCommand::Accept(args) => accept(app, args).await,
		JobCommand::Cancel { job, yes } => cancel(app, *job, *yes).await,
	}
}

/// Where a job stands: a word for machines, and words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
	/// `waiting`, `matched`, `running`, `submitted` or `ended`.
	state: &'static str,
	words: String,
}

impl Standing {
	fn of(record: &JobRecord, deal: Option<&DealState>) -> Self {
		let (state, words) = match (&record.state, deal) {
			(JobState::Open { match_by }, _) => (
				"waiting",
				format!("waiting for a provider until block {match_by}"),
			),
			(JobState::Matched { deal, .. }, None) => ("matched", format!("deal {deal}")),
			(JobState::Matched { deal, .. }, Some(DealState::Matched { .. })) => {
				("matched", format!("negotiating, deal {deal}"))
			},
			(JobState::Matched { deal, .. }, Some(DealState::Running { .. })) => {
				("running", format!("running, deal {deal}"))
			},
			(JobState::Matched { deal, .. }, Some(DealState::Submitted { draw_at, .. })) => (
				"submitted",
				format!("results submitted, deal {deal}, to be accepted from block {draw_at} on"),
			),
		};
		Self { state, words }
	}

	fn ended(words: String) -> Self {
		Self {
			state: "ended",
			words,
		}
	}
}

async fn standing(view: &View, record: &JobRecord) -> Result<Standing, CliError> {
	let deal = match record.state {
		JobState::Matched { deal, .. } => view.deal(deal).await?,
		JobState::Open { .. } => None,
	};
	Ok(Standing::of(record, deal.as_ref().map(|d| &d.state)))
}

async fn list(app: &App) -> Result<(), CliError> {
	let client = app.client().await?;
	let view = client.best().await?;
	let journal = app.data.jobs(client.genesis_hash());
	let known = journal.all()?;
	let mut rows: BTreeMap<JobId, (String, Standing, String)> = BTreeMap::new();
	// Without a key, what this machine remembers is all there is.
	let me = app.account().ok();
	for entry in &known {
		if me.as_ref().is_some_and(|me| me.to_string() != entry.creator) {
			continue;
		}
		let state = match &entry.ended {
			Some(ended) => Standing::ended(ended.outcome.clone()),
			None => match view.job(entry.job).await? {
				Some(record) => standing(&view, &record).await?,
				None => Standing::ended("ended".into()),
			},
		};
		let cost = entry.ended.as_ref().map(|e| lp::show(e.cost)).unwrap_or_default();
		rows.insert(entry.job, (entry.module.clone(), state, cost));
	}
	// Jobs that were posted from elsewhere with the same account.
	if let Some(me) = me {
		for (id, record) in view.jobs().await? {
			if record.job.creator == me && !rows.contains_key(&id) {
				let state = standing(&view, &record).await?;
				rows.insert(id, (record.job.request.module.to_string(), state, String::new()));
			}
		}
	}
	let json: Vec<Value> = rows
		.iter()
		.map(|(job, (module, state, cost))| {
			let folder = known
				.iter()
				.find(|e| e.job == *job)
				.and_then(|e| e.folder.clone());
			json!({
				"job": job, "module": module, "state": state.state, "explanation": state.words, "cost": cost,
				"output": folder,
			})
		})
		.collect();
	app.ui.outcome(&json, || match rows.is_empty() {
		true => "no jobs yet: try `lilypad run cowsay:v0.0.1 -i Message=moo`".into(),
		false => {
			let rows = rows
				.into_iter()
				.map(|(job, (module, state, cost))| vec![job.to_string(), module, state.words, cost]);
			table(&["JOB", "MODULE", "STATE", "COST"], rows.collect())
		},
	})
}

async fn show(app: &App, job: JobId) -> Result<(), CliError> {
	let client = app.client().await?;
	let view = client.best().await?;
	let entry = app.data.jobs(client.genesis_hash()).get(job)?;
	let record = view.job(job).await?;
	let Some(record) = record else {
		let ended = ending(&client, &view, job, entry.as_ref()).await?;
		let known = entry.as_ref().and_then(|e| e.ended.clone());
		let outcome = ended
			.as_ref()
			.map(|e| e.words.clone())
			.or(known.as_ref().map(|k| k.outcome.clone()));
		let outcome = outcome.ok_or(lilypad_client::ClientError::NotFound(
			lilypad_client::Missing::Job(job),
		))?;
		let cost = ended.as_ref().map(|e| e.cost).or(known.map(|k| k.cost));
		let value = json!({
			"job": job, "live": false, "state": "ended", "explanation": outcome, "cost": cost.map(lp::show),
			"root": ended.as_ref().and_then(|e| e.result).map(|t| t.root.to_string()).or(entry.as_ref().and_then(|e| e.root.clone())),
			"output": entry.as_ref().and_then(|e| e.folder.clone()),
		});
		return app.ui.outcome(&value, || {
			let cost = cost.map_or(String::new(), |c| format!(", cost {}", lp::show(c)));
			format!("job {job}: {outcome}{cost}")
		});
	};
	let Standing { state, words } = standing(&view, &record).await?;
	let request = &record.job.request;
	let deal = match record.state {
		JobState::Matched { deal, .. } => view.deal(deal).await?.map(|d| (deal, d)),
		JobState::Open { .. } => None,
	};
	let value = json!({
		"job": job,
		"live": true,
		"state": state,
		"explanation": words,
		"block": view.number(),
		"creator": record.job.creator.to_string(),
		"module": request.module.to_string(),
		"budget": lp::show(request.budget),
		"time_limit_ms": request.time_limit,
		"retries_left": record.job.retries_left,
		"deal": deal.as_ref().map(|(id, d)| json!({
			"deal": id, "offer": d.offer, "provider": d.terms.provider.to_string(), "rate": lp::show(d.terms.rate),
			"cap": lp::show(d.terms.cap), "escrow": lp::show(d.terms.escrow), "matched_at": d.matched_at,
		})),
	});
	app.ui.outcome(&value, || {
		let mut lines = vec![
			format!("job       {job}"),
			format!("state     {words}"),
			format!("module    {}", request.module),
			format!("creator   {}", record.job.creator),
			format!("budget    {}", lp::show(request.budget)),
		];
		if let Some((id, deal)) = &deal {
			lines.push(format!(
				"deal      {id} with {}, offer {}",
				deal.terms.provider, deal.offer
			));
			lines.push(format!(
				"price     at most {} at {} a second",
				lp::show(deal.terms.escrow),
				lp::show(deal.terms.rate)
			));
		}
		lines.join("\n")
	})
}

/// Where a result goes: to the folder that is named now; or to that which was named when the job was posted, unless it
/// has something in it by now, such as this very result; or else to the data folder.
fn place(named: Option<&PathBuf>, entry: Option<&Entry>) -> Option<PathBuf> {
	let before = || {
		entry
			.and_then(|e| e.output.clone())
			.filter(|dir| folder::check_free(dir).is_ok())
	};
	named.cloned().or_else(before)
}

/// Follows a job that may have been posted by another process.
async fn follow(app: &App, args: &FollowArgs) -> Result<(), CliError> {
	let begun = Instant::now();
	if let Some(output) = &args.output {
		folder::check_free(output)?;
	}
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let entry = app.data.jobs(client.genesis_hash()).get(args.job)?;
	let files = entry.as_ref().map(|e| e.files.clone()).unwrap_or_default();
	let output = place(args.output.as_ref(), entry.as_ref());
	let Some(record) = view.job(args.job).await? else {
		return ended(app, &client, &view, args, entry, begun).await;
	};
	if record.job.creator != signer.account() {
		return Err(CliError::Input(format!(
			"job {} belongs to {}",
			args.job, record.job.creator
		)));
	}
	let mut drive = Drive::new(app, &client, &signer, args.job, files, output).await?;
	drive.begin(&view).await?;
	let until = if args.no_accept {
		Until::Fetched
	} else {
		Until::Done
	};
	let finished = drive.run(view.number().saturating_add(1), until).await?;
	run::conclude(
		app,
		args.job,
		&record.job.request.module.to_string(),
		&finished,
		begun,
	)
}

/// Fetches and verifies a submitted result, and pays for it if the user agrees.
async fn accept(app: &App, args: &AcceptArgs) -> Result<(), CliError> {
	let begun = Instant::now();
	if let Some(output) = &args.output {
		folder::check_free(output)?;
	}
	let job = args.job;
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let missing = lilypad_client::ClientError::NotFound(lilypad_client::Missing::Job(job));
	let record = view.job(job).await?.ok_or(missing)?;
	if record.job.creator != signer.account() {
		return Err(CliError::Input(format!(
			"job {job} belongs to {}",
			record.job.creator
		)));
	}
	let deal = match record.state {
		JobState::Matched { deal, .. } => view.deal(deal).await?,
		JobState::Open { .. } => None,
	};
	let submitted = deal.filter(|deal| matches!(deal.state, DealState::Submitted { .. }));
	let deal = submitted.ok_or_else(|| {
		CliError::Input(format!(
			"job {job} has no result yet: `lilypad job watch {job}` waits for it, and pays for it"
		))
	})?;
	let entry = app.data.jobs(client.genesis_hash()).get(job)?;
	let output = place(args.output.as_ref(), entry.as_ref());
	// What the provider needed from us it has had.
	let mut drive = Drive::new(app, &client, &signer, job, Vec::new(), output).await?;
	drive.begin(&view).await?;
	let module = record.job.request.module.to_string();
	let fetched = drive.fetch(view.number().saturating_add(1)).await?;
	if fetched.settled {
		return run::conclude(app, job, &module, &fetched, begun);
	}
	app.ui.confirm(&price(job, &deal.terms, &fetched), args.yes)?;
	let next = drive.best().max(view.number()).saturating_add(1);
	let finished = drive.run(next, Until::Done).await?;
	run::conclude(app, job, &module, &finished, begun)
}

/// What is about to be paid, and what for.
fn price(job: JobId, terms: &Terms<AccountId>, fetched: &Finished) -> String {
	let (Some(triple), Some(usage)) = (fetched.result, fetched.usage) else {
		return format!("Pay at most {} for job {job}?", lp::rounded_up(terms.escrow));
	};
	let completed = triple.status == Status::Completed;
	let settlement = settle(terms, &Outcome::Accepted { usage, completed });
	let cost = settlement.taken_from(Purse::Budget);
	let ended = match completed {
		true => format!("exit code {}", triple.exit_code),
		false => triple.status.to_string(),
	};
	#[allow(clippy::cast_precision_loss)] // Shown to a tenth of a second.
	let seconds = usage as f64 / 1000.0;
	format!("Pay {} for job {job} ({ended}, {seconds:.1} s)?", lp::show(cost))
}

/// How a job ended, as its events tell.
struct Ended {
	deal: Option<DealId>,
	words: String,
	result: Option<Triple>,
	cost: Balance,
}

/// Looks for the end of a job that is gone.
async fn ending(
	client: &Client,
	view: &View,
	job: JobId,
	entry: Option<&Entry>,
) -> Result<Option<Ended>, CliError> {
	let first = view
		.number()
		.saturating_sub(LOOK_BACK)
		.max(entry.map_or(0, |e| e.block));
	let mut number = view.number();
	while number >= first.max(1) {
		let events = match client.block_hash(number).await {
			Ok(hash) => match client.at(At::Hash(hash)).await {
				Ok(view) => view.events().await,
				Err(e) => Err(e),
			},
			Err(e) => Err(e),
		};
		// Older states are gone from this node.
		let Ok(events) = events else { break };
		for record in events.into_iter().rev() {
			if record.event.job() != Some(job) {
				continue;
			}
			let ended = |words: &str, cost| {
				Some(Ended {
					deal: None,
					words: words.into(),
					result: None,
					cost,
				})
			};
			match record.event {
				ChainEvent::MarketEvent(MarketEvent::JobEnded {
					deal,
					outcome,
					result,
					cost,
					..
				}) => {
					let words = drive::explain(&outcome);
					return Ok(Some(Ended {
						deal: Some(deal),
						words,
						result,
						cost,
					}));
				},
				ChainEvent::MarketEvent(MarketEvent::JobExpired { .. }) => {
					return Ok(ended("nobody took it in time", 0))
				},
				ChainEvent::MarketEvent(MarketEvent::JobCancelled { .. }) => {
					return Ok(ended("cancelled", 0))
				},
				_ => (),
			}
		}
		number = number.saturating_sub(1);
	}
	Ok(None)
}

/// Fetches the result of a job that is over.
async fn ended(
	app: &App,
	client: &Client,
	view: &View,
	args: &FollowArgs,
	entry: Option<Entry>,
	begun: Instant,
) -> Result<(), CliError> {
	let job = args.job;
	let ended = ending(client, view, job, entry.as_ref()).await?;
	let journal = app.data.jobs(client.genesis_hash());
	if let Some(ended) = &ended {
		journal.update(job, |e| {
			e.ended = Some(Ending {
				outcome: ended.words.clone(),
				cost: ended.cost,
			})
		})?;
	}
	let module = entry.as_ref().map(|e| e.module.clone()).unwrap_or_default();
	let cost = ended
		.as_ref()
		.map(|e| e.cost)
		.or(entry.as_ref().and_then(|e| e.ended.as_ref()).map(|e| e.cost));
	let known_root = entry
		.as_ref()
		.and_then(|e| e.root.as_deref())
		.and_then(|r| r.parse::<Digest>().ok());
	let triple = match (ended.as_ref(), known_root) {
		(
			Some(Ended {
				result: Some(triple), ..
			}),
			_,
		) => *triple,
		(Some(ended), _) => {
			return Err(CliError::JobFailed {
				job,
				why: ended.words.clone(),
			})
		},
		(None, Some(root)) => Triple {
			status: Status::Completed,
			exit_code: 0,
			root: OutputRoot(root.0),
		},
		(None, None) => match entry.as_ref().and_then(|e| e.ended.as_ref()) {
			Some(known) => {
				return Err(CliError::JobFailed {
					job,
					why: known.outcome.clone(),
				})
			},
			None => {
				return Err(lilypad_client::ClientError::NotFound(lilypad_client::Missing::Job(job)).into())
			},
		},
	};
	let mut finished = Finished {
		deal: ended
			.as_ref()
			.and_then(|e| e.deal)
			.or(entry.as_ref().and_then(|e| e.deal)),
		provider: entry
			.as_ref()
			.and_then(|e| e.provider.as_deref())
			.and_then(|p| p.parse::<AccountId>().ok()),
		result: Some(triple),
		folder: entry
			.as_ref()
			.and_then(|e| e.folder.clone())
			.filter(|f| f.is_dir() && args.output.is_none()),
		usage: None,
		cost,
		settled: true,
		timings: BTreeMap::new(),
	};
	if finished.folder.is_none() {
		finished.folder = Some(fetch(app, client, args, &finished, &triple).await?);
	}
	if let Some(folder) = &finished.folder {
		journal.update(job, |e| e.folder = Some(folder.clone()))?;
		drive::show(app, &triple, folder);
	}
	run::conclude(app, job, &module, &finished, begun)
}

async fn fetch(
	app: &App,
	client: &Client,
	args: &FollowArgs,
	finished: &Finished,
	triple: &Triple,
) -> Result<PathBuf, CliError> {
	let signer = app.signer()?;
	let peers = peer::peers(client, &signer).await?;
	let target = folder::workplace(&app.data, args.output.as_deref(), args.job);
	let errand = peer::Errand {
		job: args.job,
		deal: finished.deal.unwrap_or_default(),
		// Without a remembered provider, everybody is asked alike.
		provider: finished
			.provider
			.clone()
			.unwrap_or_else(|| AccountId::new([0; 32])),
		files: Vec::new(),
		target: target.clone(),
	};
	app.ui.stage(
		Stage::Downloading,
		"",
		json!({ "job": args.job, "root": triple.root.to_string() }),
	);
	let progress = |done, total| app.ui.transfer(Stage::Downloading, "the result", done, total);
	let fetched =
		peer::fetch_revealed(client, &peers, &errand, triple.root, triple.exit_code, progress).await;
	peers.close().await;
	fetched.map_err(|why| CliError::NoResult {
		job: args.job,
		why: format!("{why}; providers keep results for some days"),
	})?;
	folder::settle(&target, &app.data, args.output.as_deref(), &triple.root)
}

async fn cancel(app: &App, job: JobId, yes: bool) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let record = view.job(job).await?.ok_or(lilypad_client::ClientError::NotFound(
		lilypad_client::Missing::Job(job),
	))?;
	let question = match record.state {
		JobState::Open { .. } => format!("Cancel job {job}? Its whole budget comes back."),
		JobState::Matched { .. } => {
			format!("Cancel job {job}? A fee is due, or, if it runs already, the time that it has run.")
		},
	};
	app.ui.confirm(&question, yes)?;
	let outcome = client
		.submit(&signer, lilypad_client::calls::market::cancel_job(job))
		.await?;
	let cost = outcome.find(|e| match e {
		ChainEvent::MarketEvent(MarketEvent::JobEnded { job: ended, cost, .. }) if *ended == job => {
			Some(*cost)
		},
		_ => None,
	});
	let cost = cost.unwrap_or(0);
	let words = drive::explain(&Outcome::CancelledBeforeAck);
	app.data.jobs(client.genesis_hash()).update(job, |e| {
		e.ended = Some(Ending {
			outcome: if cost == 0 { "cancelled".into() } else { words },
			cost,
		})
	})?;
	app.ui.outcome(
		&json!({ "job": job, "cancelled": true, "cost": lp::show(cost) }),
		|| format!("job {job} is cancelled; it cost {}", lp::show(cost)),
	)
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{terms::MILLIS_PER_SECOND, Profile, LP};

	fn entry(output: PathBuf) -> Entry {
		Entry {
			job: JobId(1),
			creator: String::new(),
			module: String::new(),
			block: 1,
			posted: 1,
			budget: 1,
			files: vec![],
			output: Some(output),
			deal: None,
			provider: None,
			root: None,
			folder: None,
			ended: None,
		}
	}

	#[test]
	fn a_result_does_not_go_where_something_is() {
		let dir = tempfile::tempdir().expect("a folder");
		let (free, full) = (dir.path().join("free"), dir.path().join("full"));
		std::fs::create_dir(&full).expect("made");
		std::fs::write(full.join("stdout"), "moo").expect("written");
		assert_eq!(place(None, None), None);
		assert_eq!(place(None, Some(&entry(free.clone()))), Some(free.clone()));
		assert_eq!(place(None, Some(&entry(full.clone()))), None);
		// What is named now is refused, and not passed over, when it is full.
		assert_eq!(place(Some(&full), Some(&entry(free))), Some(full));
	}

	fn terms() -> Terms<AccountId> {
		let account = |n| AccountId::new([n; 32]);
		Terms {
			creator: account(1),
			provider: account(2),
			author: account(3),
			solver: None,
			rate: LP,
			time_limit: 10 * MILLIS_PER_SECOND,
			budget: 20 * LP,
			cap: 10 * LP,
			module_fee: LP / 2,
			levy: LP / 5,
			tip: 0,
			escrow: 10 * LP + LP / 2 + LP / 5,
			mediator_fee: 0,
			panel_fee: 0,
			collateral: 0,
			no_show_fine: 0,
			cancel_fee: 0,
			victim_share: Default::default(),
			profile: Profile::Deterministic,
		}
	}

	fn fetched(status: Status, usage: Option<u64>) -> Finished {
		Finished {
			deal: None,
			provider: None,
			result: Some(Triple {
				status,
				exit_code: 3,
				root: OutputRoot([0; 32]),
			}),
			folder: None,
			usage,
			cost: None,
			settled: false,
			timings: BTreeMap::new(),
		}
	}

	#[test]
	fn the_price_of_a_result_is_what_the_chain_will_take() {
		let ask = |status, usage| price(JobId(7), &terms(), &fetched(status, usage));
		assert_eq!(
			ask(Status::Completed, Some(1_500)),
			"Pay 2.2 LP for job 7 (exit code 3, 1.5 s)?"
		);
		// The author earns nothing when the program did not run to its end.
		assert_eq!(
			ask(Status::TimeExceeded, Some(10_000)),
			"Pay 10.2 LP for job 7 (time limit exceeded, 10.0 s)?"
		);
		assert_eq!(ask(Status::Completed, None), "Pay at most 10.7 LP for job 7?");
	}
}
