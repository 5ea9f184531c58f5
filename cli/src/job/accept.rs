//! `lilypad job accept`: paying by hand.

use super::{ensure_judge, place};
use crate::{
	app::App,
	args::AcceptArgs,
	error::CliError,
	run::{
		self,
		drive::{Drive, Finished, Until},
		folder,
	},
};
use lilypad_client::{lp, words, AccountId, ClientError, DealState, JobState, Missing};
use lilypad_primitives::{
	settlement::{settle, Purse},
	JobId, Outcome, Status, Terms,
};
use std::time::Instant;

/// Fetches and verifies a submitted result, and pays for it if the user agrees.
pub async fn accept(app: &App, args: &AcceptArgs) -> Result<(), CliError> {
	let begun = Instant::now();
	if let Some(output) = &args.output {
		folder::check_free(output)?;
	}
	let job = args.job;
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let missing = ClientError::NotFound(Missing::Job(job));
	let record = view.job(job).await?.ok_or(missing)?;
	ensure_judge(job, &record.job, &signer.account())?;
	let deal = match record.state {
		JobState::Matched { deal, .. } => view.deal(deal).await?,
		JobState::Open { .. } => None,
	};
	if let Some(DealState::Disputed { dispute, .. }) = deal.as_ref().map(|deal| &deal.state) {
		return Err(CliError::Input(format!(
			"mediators judge the result of job {job}, because {}: `lilypad job watch {job}` waits for their verdict",
			words::dispute(dispute)
		)));
	}
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

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{terms::MILLIS_PER_SECOND, Judge, OutputRoot, Profile, Triple, LP};
	use std::collections::BTreeMap;

	fn terms() -> Terms<AccountId> {
		let account = |n| AccountId::new([n; 32]);
		Terms {
			creator: account(1),
			judge: Judge::Creator,
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
