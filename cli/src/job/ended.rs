//! Jobs that are gone from the chain: how they ended, and their results.

use crate::{
	app::App,
	args::FollowArgs,
	data::{Ending, Entry},
	error::CliError,
	run::{
		self,
		drive::{self, Finished},
		folder::Workplace,
		peer,
	},
	ui::Stage,
};
use lilypad_client::{AccountId, At, ChainEvent, Client, MarketEvent, View};
use lilypad_primitives::{manifest::Digest, Balance, DealId, JobId, OutputRoot, Status, Triple};
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, time::Instant};

/// How far back an ended job is looked for: ordinary nodes keep no older states.
const LOOK_BACK: u32 = 250;

/// How a job ended, as its events tell.
pub struct Ended {
	/// Its last deal.
	pub deal: Option<DealId>,
	/// In words.
	pub words: String,
	/// The result, if there is one.
	pub result: Option<Triple>,
	/// What it cost in all.
	pub cost: Balance,
}

/// Looks for the end of a job that is gone.
pub async fn find(
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
pub async fn conclude(
	app: &App,
	client: &Client,
	view: &View,
	args: &FollowArgs,
	entry: Option<Entry>,
	begun: Instant,
) -> Result<(), CliError> {
	let job = args.job;
	let ended = find(client, view, job, entry.as_ref()).await?;
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
	let workplace = Workplace::open(&app.data, args.output.as_deref(), client.genesis_hash(), args.job)?;
	let errand = peer::Errand {
		job: args.job,
		deal: finished.deal.unwrap_or_default(),
		// Without a remembered provider, everybody is asked alike.
		provider: finished
			.provider
			.clone()
			.unwrap_or_else(|| AccountId::new([0; 32])),
		files: Vec::new(),
		target: workplace.result(),
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
	workplace.settle(&app.data, &triple.root)
}
