//! `lilypad run`: from a module's name to its result on disk.

pub mod drive;
pub mod folder;
mod needs;
pub mod peer;
pub mod quote;
pub mod request;

use crate::{
	app::{require_money, App},
	args::RunArgs,
	check,
	data::{now, write_whole, Entry, LocalFile},
	error::CliError,
	module::Note,
	ui::Stage,
};
use drive::{Drive, Finished, Until};
use lilypad_client::{
	calls, lp, AccountId, Call, ChainEvent, Client, MarketEvent, Signer, TxOptions, TxOutcome,
};
use lilypad_primitives::{manifest::Manifest, JobId, Profile, Status};
use quote::{breakdown, spending_limit, Misfit};
use serde_json::{json, Value};
use std::time::Instant;

/// Runs a module.
pub async fn run(app: &App, args: &RunArgs) -> Result<(), CliError> {
	let begun = Instant::now();
	if let Some(output) = &args.output {
		folder::check_free(output)?;
	}
	let signer = app.signer()?;
	let account = signer.account();
	let client = app.client().await?;
	let view = client.best().await?;

	let module = request::find_module(&view, &args.module).await?;
	if let Some(note) = Note::of(&view, module.id).await? {
		app.ui
			.say(&format!("warning: {} is {}", args.module, note.words()));
	}
	let manifest = read_manifest(&args.module.to_string(), &module.manifest)?;
	if args.verify && module.info.profile == Profile::NonDeterministic {
		return Err(CliError::Input(format!(
			"{} is not declared deterministic: another run of it says nothing about a result, so --verify can't be used",
			args.module
		)));
	}
	let mut prepared = request::prepare(args, &module, &manifest, &view).await?;
	let quote = view.quote(&account, &prepared.request).await?;
	let budget = match (quote.offers.is_empty(), args.budget) {
		(true, wish) => {
			let misfit = Misfit::look_into(&view, &account, &module, &quote, &prepared.request).await?;
			match wish.filter(|_| misfit.busy() > 0) {
				// The job can wait its turn: its price is known.
				Some(budget) => {
					app.ui
						.say(&format!("no provider is free now: {}", misfit.explain()));
					budget
				},
				None => return Err(CliError::NoProvider(misfit.explain())),
			}
		},
		(false, Some(budget)) => budget,
		(false, None) => spending_limit(&quote.offers, args.retries),
	};
	prepared.request.budget = budget;

	let call = calls::market::post_job(prepared.request.clone());
	let fee = client.estimate_fee(&signer, &call).await?;
	// One to post, one to accept.
	require_money(
		&view,
		&account,
		&[
			("for the job", budget),
			("for transactions", fee.saturating_mul(2)),
		],
	)
	.await?;
	if let Some(offer) = quote.offers.first() {
		app.ui
			.say(&breakdown(offer, &prepared.request, quote.offers.len()));
		if budget > offer.escrow && args.budget.is_none() {
			app.ui.say(&format!(
				"       should that provider fail, others for at most {} are tried",
				lp::rounded_up(budget)
			));
		}
	}
	app.ui
		.confirm(&format!("Pay at most {}?", lp::rounded_up(budget)), args.yes)?;

	if let Some(text) = prepared.long_inputs.take() {
		prepared
			.files
			.push(keep_inputs(app, client.genesis_hash(), &text)?);
	}
	let stage = json!({ "module": args.module.to_string(), "budget": lp::show(budget) });
	app.ui.stage(Stage::Submitting, "", stage);
	let posting = Instant::now();
	let journal = app.data.jobs(client.genesis_hash());
	journal.keep_files(&prepared.files)?;
	let (outcome, interrupted) = post(app, &client, &signer, call).await?;
	let job = posted_job(&outcome, &account)?;
	let entry = Entry {
		job,
		creator: account.to_string(),
		module: args.module.to_string(),
		block: outcome.block.number,
		posted: now(),
		budget,
		files: prepared.files.clone(),
		output: args.output.clone(),
		deal: None,
		provider: None,
		root: None,
		folder: None,
		ended: None,
	};
	journal.save(&entry)?;
	app.interrupt.set_way_back(drive::way_back(job));
	if interrupted {
		return Err(app.interrupt.error());
	}
	let mut drive = Drive::new(app, &client, &signer, job, prepared.files, args.output.clone()).await?;
	drive.started(posting);
	let there = client.at(lilypad_client::At::Hash(outcome.block.hash)).await?;
	drive.begin(&there).await?;
	let until = match (args.detach, args.no_accept) {
		(true, _) => Until::Delivered,
		(false, true) => Until::Fetched,
		(false, false) => Until::Done,
	};
	let mut from = outcome.block.number.saturating_add(1);
	if args.verify {
		let fetched = drive.fetch(from).await?;
		compare(app, &client, &signer, job, &fetched).await?;
		from = drive.best().max(outcome.block.number).saturating_add(1);
	}
	let finished = drive.run(from, until).await?;
	match args.detach {
		true => {
			let words = || {
				format!("job {job} is on its way\n\n    lilypad job watch {job}\n    lilypad job get {job}")
			};
			app.ui.outcome(
				&json!({ "job": job, "deal": finished.deal, "detached": true }),
				words,
			)
		},
		false => conclude(app, job, &args.module.to_string(), &finished, begun),
	}
}

/// Runs the job here, too, and compares.
async fn compare(
	app: &App,
	client: &Client,
	signer: &Signer,
	job: JobId,
	fetched: &Finished,
) -> Result<(), CliError> {
	let Some(theirs) = fetched.result else {
		return Ok(());
	};
	app.ui
		.say("running the job on this machine, to compare before paying …");
	let ours = check::rerun(app, client, signer, job).await?;
	if ours.triple == theirs {
		app.ui.say("this machine finds the same result");
		return Ok(());
	}
	Err(CliError::JobFailed {
		job,
		why: format!(
			"the provider's result {} ({}) is not the one that this machine finds, {} ({}); {}",
			theirs.root,
			theirs.status,
			ours.triple.root,
			ours.triple.status,
			check::how_to_challenge(job, theirs.status, &ours)
		),
	})
}

/// Posts the job. An interruption meanwhile waits for the job's number: without it there would be no way back.
async fn post(
	app: &App,
	client: &Client,
	signer: &Signer,
	call: Call,
) -> Result<(TxOutcome, bool), CliError> {
	app.interrupt
		.set_way_back("; `lilypad job list` shows whether the job was posted");
	app.interrupt.hold(
		"the job is on its way to the chain; waiting for its number (interrupt again to leave at once; `lilypad job list` will \
		 show it)",
	);
	let posted = client.submit_with(signer, call, TxOptions::default()).await;
	let interrupted = app.interrupt.release();
	Ok((posted?, interrupted))
}

/// Prints what came of a job. A job that failed by its own fault is a failure here, too.
pub fn conclude(
	app: &App,
	job: JobId,
	module: &str,
	finished: &Finished,
	begun: Instant,
) -> Result<(), CliError> {
	let elapsed = begun.elapsed();
	app.ui.stage(Stage::Done, "", json!({ "job": job }));
	let words = || {
		let cost = match (finished.settled, finished.cost) {
			(_, Some(cost)) => lp::show(cost),
			(true, None) => "unknown".into(),
			(false, None) => format!(
				"not paid yet: `lilypad job accept {job}` pays; if you do neither that nor object, it is paid for in some minutes"
			),
		};
		format!("cost   {cost}\ntime   {:.1} s", elapsed.as_secs_f32())
	};
	let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
	app.ui.rest();
	if app.ui.is_json() {
		app.ui
			.outcome(&outcome_json(job, module, finished, millis), words)?;
	} else {
		app.ui.say(&words());
	}
	match &finished.result {
		Some(triple) if triple.status != Status::Completed => Err(CliError::JobFailed {
			job,
			why: format!("it ended with: {}", triple.status),
		}),
		Some(triple) if triple.exit_code != 0 => Err(CliError::JobFailed {
			job,
			why: format!("its program ended with exit code {}", triple.exit_code),
		}),
		_ => Ok(()),
	}
}

fn outcome_json(job: JobId, module: &str, finished: &Finished, total: u64) -> Value {
	let mut timings: serde_json::Map<String, Value> = finished
		.timings
		.iter()
		.map(|(stage, millis)| (stage.to_string(), json!(millis)))
		.collect();
	timings.insert("total".into(), json!(total));
	json!({
		"job": job,
		"deal": finished.deal,
		"module": module,
		"provider": finished.provider.as_ref().map(ToString::to_string),
		"status": finished.result.map(|t| t.status),
		"exit_code": finished.result.map(|t| t.exit_code),
		"root": finished.result.map(|t| t.root.to_string()),
		"output": finished.folder,
		"usage_ms": finished.usage,
		"settled": finished.settled,
		"cost": finished.cost.map(lp::show),
		"cost_units": finished.cost.map(|c| c.to_string()),
		"timings_ms": timings,
	})
}

/// A manifest from the chain.
pub fn read_manifest(module: &str, bytes: &[u8]) -> Result<Manifest, CliError> {
	Manifest::parse(bytes).map_err(|e| CliError::Input(format!("the module {module} can't be used: {e}")))
}

fn keep_inputs(app: &App, genesis: lilypad_client::Hash, text: &[u8]) -> Result<LocalFile, CliError> {
	let hash = blake3::hash(text).to_hex().to_string();
	let path = app.data.jobs(genesis).folder().join(format!("inputs-{hash}"));
	write_whole(&path, text)?;
	Ok(LocalFile {
		name: String::new(),
		path,
		hash,
		size: text.len() as u64,
	})
}

fn posted_job(outcome: &TxOutcome, account: &AccountId) -> Result<JobId, CliError> {
	outcome
		.find(|event| match event {
			ChainEvent::MarketEvent(MarketEvent::JobPosted { job, creator, .. }) if creator == account => {
				Some(*job)
			},
			_ => None,
		})
		.ok_or_else(|| {
			CliError::Other(format!(
				"block {} does not say which number the job got",
				outcome.block
			))
		})
}
