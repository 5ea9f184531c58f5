//! `lilypad job challenge`: having mediators judge a result.

use super::ensure_judge;
use crate::{
	app::{require_money, App},
	args::ChallengeArgs,
	data::LocalFile,
	error::CliError,
	run::peer,
};
use lilypad_client::{
	calls, lp, AccountId, ChainEvent, Client, ClientError, DealState, DealsEvent, JobState, Missing, Signer,
};
use lilypad_primitives::{BlockNumber, DealId, Dispute, JobId, Profile, Reason};
use lilypad_worker::p2p::{P2pError, PeerClient, Purpose};
use serde_json::json;
use std::time::Duration;

/// Longest wait for the panel to which the inputs are handed over.
const PANEL: Duration = Duration::from_secs(120);

/// Challenges a submitted result.
pub async fn challenge(app: &App, args: &ChallengeArgs) -> Result<(), CliError> {
	let job = args.job;
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let missing = ClientError::NotFound(Missing::Job(job));
	let record = view.job(job).await?.ok_or(missing)?;
	ensure_judge(job, &record.job, &signer.account())?;
	let found = match record.state {
		JobState::Matched { deal, .. } => view.deal(deal).await?.map(|found| (deal, found)),
		JobState::Open { .. } => None,
	};
	let Some((deal, found)) = found else {
		return Err(CliError::Input(format!("job {job} has no result yet")));
	};
	let draw_at = match &found.state {
		DealState::Submitted { challenged: true, .. } => {
			return Err(CliError::Input(format!(
				"job {job} was challenged before, and no panel of mediators could be found"
			)))
		},
		DealState::Submitted { draw_at, .. } => *draw_at,
		DealState::Disputed { .. } => {
			return Err(CliError::Input(format!(
				"mediators judge the result of job {job} already: `lilypad case show {deal}`"
			)))
		},
		DealState::Matched { .. } | DealState::Running { .. } => {
			return Err(CliError::Input(format!("job {job} has no result yet")))
		},
	};
	if args.reason != Reason::Unavailable && found.terms.profile == Profile::NonDeterministic {
		let why = "the module is not deterministic, so that nobody can tell which result is right: only --reason unavailable \
		           can be challenged";
		return Err(CliError::Input(why.into()));
	}
	let bond = found.terms.panel_fee;
	require_money(&view, &signer.account(), &[("as a bond", bond)]).await?;
	let question = format!(
		"Challenge the result of job {job}? {} are held, and what the mediators cost is taken out of it if they confirm the \
		 result.",
		lp::rounded_up(bond)
	);
	app.ui.confirm(&question, args.yes)?;
	until_block(&client, draw_at).await?;
	let outcome = client
		.submit(&signer, calls::deals::challenge(deal, args.reason))
		.await?;
	let dispute = outcome.find(|event| match event {
		ChainEvent::DealsEvent(DealsEvent::Disputed { deal: of, dispute }) if *of == deal => Some(*dispute),
		_ => None,
	});
	app.interrupt.set_way_back(format!(
		"; the challenge stands: `lilypad job watch {job}` waits for the verdict"
	));
	let journal = app.data.jobs(client.genesis_hash());
	// The challenge stands, and its bond is held, whatever comes of this.
	let files = journal
		.files_of(job, &record.job.request)
		.unwrap_or_else(|error| {
			app.ui.say(&format!(
				"warning: which files the job needs can't be told: {error}"
			));
			Vec::new()
		});
	if !files.is_empty() {
		app.ui
			.say("waiting for the panel, to hand the input files over to it; the provider has them, too");
		match hand_over(&client, &signer, job, deal, &files).await {
			Ok(handed) => app.ui.say(&format!("{handed} mediators have the input files")),
			Err(error) => app.ui.say(&format!(
				"the challenge stands, but the panel did not get the input files from here ({error}): it asks the provider for them"
			)),
		}
	}
	let audited = dispute == Some(Dispute::Audit);
	let value = json!({ "job": job, "deal": deal, "dispute": dispute, "bond": lp::show(if audited { 0 } else { bond }) });
	app.ui.outcome(&value, || {
		let why = match audited {
			true => "the result was drawn for an audit, which costs you nothing",
			false => "mediators judge the result",
		};
		format!("{why}\n\n    lilypad case show {deal}\n    lilypad job watch {job}")
	})
}

/// Waits until a call that is sent now is executed in this block or later.
pub async fn until_block(client: &Client, block: BlockNumber) -> Result<(), CliError> {
	while client.best().await?.number().saturating_add(1) < block {
		tokio::time::sleep(Duration::from_millis(500)).await;
	}
	Ok(())
}

/// Hands input files to the panel, once it is drawn, and says how many mediators have them.
async fn hand_over(
	client: &Client,
	signer: &Signer,
	job: JobId,
	deal: DealId,
	files: &[LocalFile],
) -> Result<usize, CliError> {
	let panel = async {
		loop {
			let case = client.best().await?.case(deal).await?;
			let panel: Vec<AccountId> = case
				.iter()
				.flat_map(|case| case.panel())
				.map(|seat| seat.mediator.clone())
				.collect();
			if !panel.is_empty() || case.is_none() {
				return Ok::<_, CliError>(panel);
			}
			tokio::time::sleep(Duration::from_secs(1)).await;
		}
	};
	let Ok(panel) = tokio::time::timeout(PANEL, panel).await else {
		return Ok(0);
	};
	let peers = peer::peers(client, signer).await?;
	let mut handed = 0;
	for mediator in panel? {
		match give(client, &peers, &mediator, job, files).await {
			Ok(()) => handed += 1,
			Err(error) => tracing::warn!("{mediator} took no files: {error}"),
		}
	}
	peers.close().await;
	Ok(handed)
}

async fn give(
	client: &Client,
	peers: &PeerClient,
	mediator: &AccountId,
	job: JobId,
	files: &[LocalFile],
) -> Result<(), CliError> {
	let address = client.best().await?.peer(mediator).await?;
	let address = address.ok_or_else(|| CliError::Other("it has announced no address".into()))?;
	let session = peers.connect(&address).await?;
	for file in files {
		let hash = file
			.hash_bytes()
			.ok_or_else(|| CliError::Other(format!("no hash is known of {}", file.path.display())))?;
		let mut attempts = 0;
		loop {
			let purpose = Purpose::JobInput(job);
			match session.upload(&file.path, hash, file.size, purpose, |_| ()).await {
				Ok(()) => break,
				// It has not seen the draw yet.
				Err(P2pError::Refused(_)) if attempts < 10 => {
					attempts += 1;
					tokio::time::sleep(Duration::from_secs(1)).await;
				},
				Err(error) => return Err(error.into()),
			}
		}
	}
	Ok(())
}
