//! `lilypad job …`: one's own jobs.

mod accept;
mod challenge;
mod ended;
mod verify;

use crate::{
	app::App,
	args::{FollowArgs, JobCommand},
	data::{Ending, Entry},
	error::CliError,
	run::{
		self,
		drive::{self, Drive, Until},
		folder,
	},
	ui::table,
};
use lilypad_client::{
	calls, lp, words, AccountId, ChainEvent, DealState, JobRecord, JobState, MarketEvent, View,
};
use lilypad_primitives::{Job, JobId, JobOrigin, Judge, Outcome};
use serde_json::{json, Value};
use std::{collections::BTreeMap, path::PathBuf, time::Instant};

/// Runs a command.
pub async fn run(app: &App, command: &JobCommand) -> Result<(), CliError> {
	match command {
		JobCommand::List => list(app).await,
		JobCommand::Show { job } => show(app, *job).await,
		JobCommand::Watch(args) => follow(app, args).await,
		JobCommand::Get(args) => follow(app, args).await,
		JobCommand::Accept(args) => accept::accept(app, args).await,
		JobCommand::Challenge(args) => challenge::challenge(app, args).await,
		JobCommand::Verify { job } => verify::verify(app, *job).await,
		JobCommand::Cancel { job, yes } => cancel(app, *job, *yes).await,
	}
}

/// Where a job stands: a word for machines, and words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
	/// `waiting`, `matched`, `running`, `submitted`, `disputed` or `ended`.
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
			(JobState::Matched { deal, .. }, Some(DealState::Disputed { dispute, .. })) => (
				"disputed",
				format!(
					"mediators judge the result, deal {deal}: {}",
					words::dispute(dispute)
				),
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
	// Jobs that were posted from elsewhere with the same account, and contracts' jobs whose delegate it is.
	if let Some(me) = me {
		for (id, record) in view.jobs().await? {
			let mine = record.job.creator == me || record.job.origin.judge() == Judge::Delegate(me.clone());
			if mine && !rows.contains_key(&id) {
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
		let ended = ended::find(&client, &view, job, entry.as_ref()).await?;
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
		"machine": request.spec,
		"deadline": request.deadline,
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
			format!("machine   {}", words::machine(&request.spec)),
		];
		if let Some(block) = request.deadline {
			lines.push(format!("deadline  block {block}"));
		}
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

/// That this account accepts and challenges the job's results.
fn ensure_judge(id: JobId, job: &Job<AccountId>, who: &AccountId) -> Result<(), CliError> {
	let why = match job.origin.judge() {
		Judge::Creator if job.creator == *who => return Ok(()),
		Judge::Delegate(delegate) if delegate == *who => return Ok(()),
		Judge::Creator => format!("belongs to {}: sign with that account", job.creator),
		Judge::Delegate(delegate) => {
			format!("is a contract's, for which {delegate} acts on this chain: sign with that account")
		},
		Judge::Nobody => {
			"is a contract's that has named no delegate on this chain: its result is paid for as soon as the \
		                  provider opens it, and the contract is told"
				.into()
		},
	};
	Err(CliError::Input(format!("job {id} {why}")))
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
	let journal = app.data.jobs(client.genesis_hash());
	let entry = journal.get(args.job)?;
	let output = place(args.output.as_ref(), entry.as_ref());
	let Some(record) = view.job(args.job).await? else {
		return ended::conclude(app, &client, &view, args, entry, begun).await;
	};
	ensure_judge(args.job, &record.job, &signer.account())?;
	let files = journal.files_of(args.job, &record.job.request)?;
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
	let withdrawal = match record.job.origin {
		JobOrigin::Native => calls::market::cancel_job(job),
		JobOrigin::Evm { .. } => calls::gateway::cancel(job),
	};
	let outcome = client.submit(&signer, withdrawal).await?;
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
pub(crate) mod tests {
	use super::*;
	use lilypad_primitives::{Inputs, JobRequest, MachineSpec, MediatorPolicy, VersionId};

	/// What some job asks for.
	pub(crate) fn request() -> JobRequest<AccountId> {
		JobRequest {
			module: "cowsay:v0.0.1".parse().expect("a name"),
			inputs: Inputs::Inline(Default::default()),
			files: Default::default(),
			spec: MachineSpec::new(1, 1, 1),
			time_limit: 1,
			budget: 1,
			tip: 0,
			match_window: 1,
			deadline: None,
			mediators: MediatorPolicy::Any,
			target: None,
			min_score: Default::default(),
			retries: 0,
		}
	}

	fn job(origin: JobOrigin<AccountId>) -> Job<AccountId> {
		Job {
			creator: AccountId::new([1; 32]),
			request: request(),
			version: VersionId(0),
			origin,
			retries_left: 0,
			failed: Default::default(),
			unfetchable_once: false,
		}
	}

	#[test]
	fn a_contracts_delegate_judges_in_its_stead() {
		let [creator, delegate] = [1, 2].map(|n| AccountId::new([n; 32]));
		let may = |origin, who: &AccountId| ensure_judge(JobId(3), &job(origin), who);
		let evm = |delegate| JobOrigin::Evm {
			chain: 1,
			request: 2,
			delegate,
		};
		assert!(may(JobOrigin::Native, &creator).is_ok());
		assert!(may(JobOrigin::Native, &delegate).is_err());
		assert!(may(evm(Some(delegate.clone())), &delegate).is_ok());
		assert!(may(evm(Some(delegate.clone())), &creator).is_err());
		let nobody = may(evm(None), &creator).expect_err("nobody may").to_string();
		assert!(nobody.contains("paid for as soon as"), "{nobody}");
	}

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
}
