//! `lilypad case …`: results that mediators judge.

use crate::{app::App, args::CaseCommand, error::CliError, ui::table};
use lilypad_client::{
	mediation::{Case, Seat, SeatState},
	words, AccountId, CaseStage,
};
use lilypad_primitives::{DealId, Vote};
use serde_json::{json, Value};

/// Runs a command.
pub async fn run(app: &App, command: &CaseCommand) -> Result<(), CliError> {
	match command {
		CaseCommand::List { mediator } => list(app, mediator.as_ref()).await,
		CaseCommand::Show { deal } => show(app, *deal).await,
	}
}

async fn list(app: &App, mediator: Option<&AccountId>) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let mut cases = view.cases().await?;
	if let Some(who) = mediator {
		cases.retain(|(_, case)| case.seats.iter().any(|seat| seat.mediator == *who));
	}
	let json: Vec<_> = cases.iter().map(|(deal, case)| case_json(*deal, case)).collect();
	app.ui.outcome(&json, || match cases.is_empty() {
		true => "no result is in dispute".into(),
		false => {
			let rows = cases.iter().map(|(deal, case)| {
				vec![
					deal.to_string(),
					words::dispute(&case.dispute).into(),
					format!(
						"{} of {}",
						case.panel().count(),
						case.round.size(case.largest_panel)
					),
					case.stage.words(),
				]
			});
			table(&["DEAL", "WHY", "PANEL", "STAGE"], rows.collect())
		},
	})
}

async fn show(app: &App, deal: DealId) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let case = view.case(deal).await?.ok_or_else(|| {
		CliError::Input(format!(
			"deal {deal} is not in dispute: if it was, its case has ended; `lilypad job show` tells how"
		))
	})?;
	let mut value = case_json(deal, &case);
	let record = view.deal(deal).await?;
	value["job"] = json!(record.as_ref().map(|d| d.job));
	value["provider"] = json!(record.as_ref().map(|d| d.terms.provider.to_string()));
	let opened = record.as_ref().and_then(|d| d.state.opened().copied());
	value["provider_root"] = json!(opened.map(|opening| opening.triple.root.to_string()));
	app.ui.outcome(&value, || {
		let mut lines = vec![
			format!("deal      {deal}"),
			format!("why       {}", words::dispute(&case.dispute)),
			format!("stage     {}", case.stage.words()),
		];
		if let Some(record) = &record {
			lines.push(format!("job       {}", record.job));
			lines.push(format!("provider  {}", record.terms.provider));
		}
		lines.push(match opened {
			Some(opening) => format!("result    {} ({})", opening.triple.root, opening.triple.status),
			None => "result    sealed".into(),
		});
		let rows = case.seats.iter().map(|seat| {
			vec![
				words::variant(&seat.round),
				seat.mediator.to_string(),
				seat_words(&seat.state),
			]
		});
		lines.push(String::new());
		lines.push(table(&["ROUND", "MEDIATOR", "VOTE"], rows.collect()));
		lines.join("\n")
	})
}

fn seat_words(state: &SeatState) -> String {
	match state {
		SeatState::Drawn => "not yet".into(),
		SeatState::Committed(_) => "committed".into(),
		SeatState::Absent => "absent".into(),
		SeatState::Revealed(vote) => vote_words(vote),
	}
}

fn vote_words(vote: &Vote) -> String {
	match &vote.triple {
		None => "could not fetch the inputs".into(),
		Some(triple) => {
			let fetched = match vote.fetched {
				true => "",
				false => ", not handed over by the provider",
			};
			format!("{} {} in {} ms{fetched}", triple.root, triple.status, vote.usage)
		},
	}
}

fn case_json(deal: DealId, case: &Case) -> Value {
	let (stage, until) = match case.stage {
		CaseStage::Drawing { .. } => ("drawing", case.stage.last_block()),
		CaseStage::Committing { .. } => ("committing", case.stage.last_block()),
		CaseStage::Revealing { .. } => ("revealing", case.stage.last_block()),
	};
	let seat = |seat: &Seat| {
		json!({
			"mediator": seat.mediator.to_string(), "round": seat.round, "state": words::variant(&seat.state),
			"vote": match &seat.state { SeatState::Revealed(vote) => json!(vote), _ => Value::Null },
		})
	};
	json!({
		"deal": deal, "dispute": case.dispute, "round": case.round, "stage": stage, "until": until,
		"seats": case.seats.iter().map(seat).collect::<Vec<_>>(),
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{OutputRoot, Status, Triple};

	#[test]
	fn votes_are_told_in_words() {
		let vote = Vote {
			triple: None,
			usage: 5,
			fetched: false,
			ample: false,
		};
		assert_eq!(vote_words(&vote), "could not fetch the inputs");
		let found = Vote {
			triple: Some(Triple {
				status: Status::Completed,
				exit_code: 0,
				root: OutputRoot([1; 32]),
			}),
			..vote
		};
		assert!(vote_words(&found).ends_with("in 5 ms, not handed over by the provider"));
		assert!(vote_words(&Vote {
			fetched: true,
			..found
		})
		.ends_with("in 5 ms"));
	}
}
