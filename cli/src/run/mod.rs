//! `lilypad run`: from a module's name to its result on disk.

pub mod drive;
pub mod folder;
pub mod peer;
pub mod request;

use crate::{
	app::{require_money, App},
	args::RunArgs,
	data::{now, write_whole, Entry, LocalFile},
	error::CliError,
	ui::Stage,
};
use drive::{Drive, Finished, Until};
use lilypad_client::{
	calls, lp, AccountId, Call, ChainEvent, Client, MarketEvent, Quote, QuotedOffer, Signer, TxOptions,
	TxOutcome,
};
use lilypad_primitives::{manifest::Manifest, Balance, JobId, JobRequest, Mismatch, Status};
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
	let manifest = read_manifest(&args.module.to_string(), &module.manifest)?;
	let mut prepared = request::prepare(args, &module, &manifest, &view).await?;
	let quote = view.quote(&account, &prepared.request).await?;
	let offer = quote
		.offers
		.first()
		.ok_or_else(|| CliError::NoProvider(explain_none(&quote, &prepared.request)))?;
	let budget = args
		.budget
		.unwrap_or_else(|| spending_limit(&quote.offers, args.retries));
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
	app.ui
		.say(&breakdown(offer, &prepared.request, quote.offers.len()));
	if budget > offer.escrow && args.budget.is_none() {
		app.ui.say(&format!(
			"       should that provider fail, others for at most {} are tried",
			lp::rounded_up(budget)
		));
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
	app.data.jobs(client.genesis_hash()).save(&entry)?;

	if interrupted {
		return Err(drive::interrupted(job));
	}
	let mut drive = Drive::new(app, &client, &signer, job, prepared.files, args.output.clone()).await?;
	drive.started(posting);
	let there = client.at(lilypad_client::At::Hash(outcome.block.hash)).await?;
	drive.begin(&there).await?;
	let until = if args.detach {
		Until::Delivered
	} else {
		Until::Done
	};
	let finished = drive.run(outcome.block.number.saturating_add(1), until).await?;
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

/// Posts the job. An interruption meanwhile waits for the job's number: without it there would be no way back.
async fn post(
	app: &App,
	client: &Client,
	signer: &Signer,
	call: Call,
) -> Result<(TxOutcome, bool), CliError> {
	let mut posted = std::pin::pin!(client.submit_with(signer, call, TxOptions::default()));
	tokio::select! {
		outcome = &mut posted => return Ok((outcome?, false)),
		_ = tokio::signal::ctrl_c() => (),
	}
	app.ui.say("the job is on its way to the chain; waiting for its number (interrupt again to leave at once; `lilypad job list` will show it)");
	tokio::select! {
		outcome = posted => Ok((outcome?, true)),
		_ = tokio::signal::ctrl_c() => Err(CliError::Interrupted("; `lilypad job list` shows whether the job was posted".into())),
	}
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
		let cost = finished.cost.map_or("unknown".into(), lp::show);
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

/// What to spend at most when the user does not say: as much as it takes for as many other providers as there are retries,
/// but never more than twice what the cheapest costs.
fn spending_limit(cheapest_first: &[QuotedOffer], retries: u8) -> Balance {
	let Some(first) = cheapest_first.first() else {
		return 0;
	};
	let mut seen = std::collections::BTreeSet::new();
	let providers = cheapest_first.iter().filter(|offer| seen.insert(&offer.provider));
	providers
		.take(usize::from(retries).saturating_add(1))
		.map(|offer| offer.escrow)
		.filter(|escrow| *escrow <= first.escrow.saturating_mul(2))
		.fold(first.escrow, Balance::max)
}

/// The price, part by part.
fn breakdown(offer: &QuotedOffer, request: &JobRequest<AccountId>, fitting: usize) -> String {
	let mut parts = vec![format!(
		"{} for at most {} s at {} a second",
		lp::rounded_up(offer.cap),
		request.time_limit.div_ceil(1000),
		lp::rounded_up(offer.rate)
	)];
	for (what, amount) in [
		("to the module's author", offer.module_fee),
		("to the audit pool", offer.levy),
		("tip", request.tip),
	] {
		if amount > 0 {
			parts.push(format!("{} {what}", lp::rounded_up(amount)));
		}
	}
	let others = match fitting {
		0 | 1 => "the only offer that fits".to_string(),
		n => format!("the cheapest of {n} offers that fit"),
	};
	format!(
		"price  at most {} ({}); only the time that it runs is paid\n       by {}, {others}",
		lp::rounded_up(offer.escrow),
		parts.join(", "),
		offer.provider
	)
}

/// Why no offer fits, and what would.
fn explain_none(quote: &Quote, request: &JobRequest<AccountId>) -> String {
	if quote.considered == 0 {
		return "nobody offers a machine on this chain yet; start one with `lilypad provider start`".into();
	}
	let mut reasons: Vec<String> = quote
		.mismatches
		.iter()
		.map(|(why, count)| match (*why, count) {
			(why, 1) => format!("1 {why}"),
			(Mismatch::NotActive, n) => format!("{n} are paused or draining"),
			(Mismatch::NoFreeSlot, n) => format!("{n} have no free slot"),
			(Mismatch::Capacity, n) => format!("{n} have not enough free capacity"),
			(Mismatch::Platform, n) => format!("{n} do not run this kind of module"),
			(Mismatch::Budget, n) => format!("{n} cost more than the budget"),
			(why, n) => format!("{n} offers: {why}"),
		})
		.collect();
	if let Some(enough) = quote.enough_budget {
		let mine = match request.budget {
			Balance::MAX => String::new(),
			budget => format!("; your budget is {}", lp::rounded_up(budget)),
		};
		reasons.push(format!("a budget of {} would do{mine}", lp::rounded_up(enough)));
	}
	let of = if quote.complete { "" } else { "at least " };
	let offers = if quote.considered == 1 { "offer" } else { "offers" };
	format!("of {of}{} {offers}, {}", quote.considered, reasons.join("; "))
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{Inputs, MachineSpec, MediatorPolicy, OfferId, LP};

	fn request(budget: Balance) -> JobRequest<AccountId> {
		JobRequest {
			module: "cowsay:v0.0.1".parse().expect("a name"),
			inputs: Inputs::Inline(Default::default()),
			files: Default::default(),
			spec: MachineSpec::new(1, 1, 1),
			time_limit: 60_000,
			budget,
			tip: 0,
			match_window: 1,
			deadline: None,
			mediators: MediatorPolicy::Any,
			target: None,
			min_score: Default::default(),
			retries: 0,
		}
	}

	#[test]
	fn no_fit_says_which_rule_failed_for_how_many_and_what_would_do() {
		let quote = Quote {
			offers: vec![],
			mismatches: vec![(Mismatch::Capacity, 1), (Mismatch::Budget, 3)],
			enough_budget: Some(LP * 2 / 5),
			considered: 4,
			complete: true,
		};
		assert_eq!(
			explain_none(&quote, &request(LP * 3 / 10)),
			"of 4 offers, 1 has not enough free capacity; 3 cost more than the budget; a budget of 0.4 LP would do; your \
			 budget is 0.3 LP"
		);
	}

	#[test]
	fn an_empty_market_says_so() {
		let quote = Quote {
			offers: vec![],
			mismatches: vec![],
			enough_budget: None,
			considered: 0,
			complete: true,
		};
		assert!(explain_none(&quote, &request(LP)).contains("provider start"));
	}

	fn quoted(provider: u8, escrow: Balance) -> QuotedOffer {
		QuotedOffer {
			offer: OfferId(u64::from(provider)),
			provider: AccountId::new([provider; 32]),
			rate: 1,
			escrow,
			cap: 0,
			levy: 0,
			module_fee: 0,
		}
	}

	#[test]
	fn spending_limit_covers_the_retries() {
		let offers = [quoted(1, 100), quoted(1, 120), quoted(2, 150), quoted(3, 200)];
		assert_eq!(spending_limit(&offers, 0), 100);
		assert_eq!(
			spending_limit(&offers, 1),
			150,
			"another provider, not another offer of the same"
		);
		assert_eq!(spending_limit(&offers, 2), 200);
		assert_eq!(spending_limit(&offers, 8), 200);
		assert_eq!(spending_limit(&[], 8), 0);
	}

	#[test]
	fn spending_limit_boundary_twice_the_cheapest() {
		assert_eq!(spending_limit(&[quoted(1, 100), quoted(2, 200)], 1), 200);
		assert_eq!(spending_limit(&[quoted(1, 100), quoted(2, 201)], 1), 100);
		assert_eq!(
			spending_limit(&[quoted(1, Balance::MAX), quoted(2, Balance::MAX)], 1),
			Balance::MAX
		);
	}

	#[test]
	fn the_price_is_broken_down() {
		let offer = QuotedOffer {
			offer: OfferId(1),
			provider: AccountId::new([1; 32]),
			rate: LP / 1000,
			escrow: LP * 62 / 1000,
			cap: LP * 60 / 1000,
			levy: LP / 1000,
			module_fee: LP / 1000,
		};
		let text = breakdown(&offer, &request(LP), 1);
		for part in [
			"at most 0.062 LP",
			"0.06 LP for at most 60 s at 0.001 LP a second",
			"0.001 LP to the audit pool",
		] {
			assert!(text.contains(part), "{text}");
		}
		assert!(!text.contains("tip"), "{text}");
	}
}
