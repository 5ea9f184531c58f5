//! `lilypad job verify`: the same job on this machine.

use super::{ended, ensure_judge};
use crate::{
	app::App,
	check::{how_to_challenge, rerun},
	error::CliError,
	run::peer,
};
use lilypad_client::{Client, JobState, Signer, View};
use lilypad_primitives::{DealId, JobId, Triple};
use serde_json::json;

/// Runs a job again here and compares.
pub async fn verify(app: &App, job: JobId) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let theirs = result(app, &client, &signer, &view, job).await?;
	app.ui
		.say("running the job on this machine, as its provider should have …");
	let ours = rerun(app, &client, &signer, job).await?;
	let same = ours.triple == theirs;
	let value = json!({
		"job": job, "same": same, "deterministic": ours.deterministic, "usage_ms": ours.usage,
		"root": theirs.root.to_string(), "root_here": ours.triple.root.to_string(),
		"status": theirs.status, "status_here": ours.triple.status,
	});
	if same {
		return app.ui.outcome(&value, || {
			format!(
				"the result of job {job} is right: this machine finds {}, too",
				theirs.root
			)
		});
	}
	let why = format!(
		"its result is {} ({}, exit code {}); this machine finds {} ({}, exit code {})",
		theirs.root,
		theirs.status,
		theirs.exit_code,
		ours.triple.root,
		ours.triple.status,
		ours.triple.exit_code
	);
	Err(CliError::JobFailed {
		job,
		why: match ours.deterministic {
			true => format!("{why}; {}", how_to_challenge(job, theirs.status, &ours)),
			false => format!(
				"{why}. The module is not declared deterministic, so that says nothing about the provider"
			),
		},
	})
}

/// What the provider says, from the chain or, for the creator or its delegate, from the provider itself.
async fn result(
	app: &App,
	client: &Client,
	signer: &Signer,
	view: &View,
	job: JobId,
) -> Result<Triple, CliError> {
	let Some(record) = view.job(job).await? else {
		let entry = app.data.jobs(client.genesis_hash()).get(job)?;
		let ended = ended::find(client, view, job, entry.as_ref()).await?;
		let why = match ended {
			Some(_) => "the chain no longer knows what the job asked for: verify before it is paid for, with `lilypad run --verify`",
			None => "it is not known",
		};
		return Err(CliError::Input(format!("job {job} can't be run again: {why}")));
	};
	let no_result = || CliError::Input(format!("job {job} has no result yet"));
	let JobState::Matched { deal, .. } = record.state else {
		return Err(no_result());
	};
	let found = view.deal(deal).await?.ok_or_else(no_result)?;
	if let Some(opening) = found.state.opened() {
		return Ok(opening.triple);
	}
	let seal = found.state.seal().ok_or_else(no_result)?;
	ensure_judge(job, &record.job, &signer.account())?;
	let opening = ask(client, signer, view, &found.terms.provider, deal)
		.await
		.map_err(|why| CliError::NoResult { job, why })?;
	match opening.seal(deal) == seal {
		true => Ok(opening.triple),
		false => Err(CliError::NoResult {
			job,
			why: "what the provider hands over does not fit its seal on the chain".into(),
		}),
	}
}

async fn ask(
	client: &Client,
	signer: &Signer,
	view: &View,
	provider: &lilypad_client::AccountId,
	deal: DealId,
) -> Result<lilypad_primitives::Opening, String> {
	let address = view.peer(provider).await.map_err(|e| e.to_string())?;
	let address = address.ok_or("the provider has announced no address")?;
	let peers = peer::peers(client, signer).await.map_err(|e| e.to_string())?;
	let opening = async { peers.connect(&address).await?.opening(deal).await };
	let opening = opening
		.await
		.map_err(|e: lilypad_worker::p2p::P2pError| e.to_string());
	peers.close().await;
	opening.map(|(opening, _)| opening)
}
