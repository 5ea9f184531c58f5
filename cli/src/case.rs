//! `lilypad case …`: results that mediators judge.

use crate::{app::App, args::CaseCommand, error::CliError, ui::table};
use lilypad_client::{
	mediation::{Case, Seat, SeatState},
	words, AccountId, CaseStage,
};
use lilypad_primitives::{BlockNumber, DealId, Millis, Opening, Triple, Vote};
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
	let now = view.number();
	let mut cases = view.cases().await?;
	if let Some(who) = mediator {
		cases.retain(|(_, case)| seat_of(case, who).is_some());
	}
	let json: Vec<_> = cases.iter().map(|(deal, case)| case_json(*deal, case)).collect();
	app.ui.outcome(&json, || match (cases.is_empty(), mediator) {
		(true, None) => "no result is in dispute".into(),
		(true, Some(who)) => format!("{who} sits in no panel"),
		(false, _) => {
			let rows = cases.iter().map(|(deal, case)| {
				vec![
					deal.to_string(),
					words::dispute(&case.dispute).into(),
					panel_words(case),
					stage_words(case, now),
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
	value["result"] = json!(opened.map(|opening| result_json(&opening.triple, opening.usage)));
	app.ui.outcome(&value, || {
		let mut lines = vec![
			format!("deal      {deal}"),
			format!("why       {}", words::dispute(&case.dispute)),
			format!("panel     {}", panel_words(&case)),
			format!("stage     {}", stage_words(&case, view.number())),
		];
		if let Some(record) = &record {
			lines.push(format!("job       {}", record.job));
			lines.push(format!("provider  {}", record.terms.provider));
		}
		lines.push(match opened {
			Some(Opening { triple, usage, .. }) => {
				format!("result    {} {} in {usage} ms", triple.root, ending(&triple))
			},
			None => match case.stage {
				CaseStage::Revealing { by } => {
					format!("result    sealed; its provider can open it until block {by}")
				},
				_ => "result    sealed".into(),
			},
		});
		if !case.seats.is_empty() {
			let own = opened.map(|opening| opening.triple);
			let rows = case.seats.iter().map(|seat| {
				vec![
					words::variant(&seat.round),
					seat.mediator.to_string(),
					seat_words(&seat.state, own.as_ref()),
				]
			});
			lines.push(String::new());
			lines.push(table(&["ROUND", "MEDIATOR", "VOTE"], rows.collect()));
		}
		lines.join("\n")
	})
}

/// The last seat that a mediator has had in a case.
pub fn seat_of<'a>(case: &'a Case, mediator: &AccountId) -> Option<&'a Seat> {
	case.seats.iter().rev().find(|seat| seat.mediator == *mediator)
}

/// How far the panel of the present round is.
fn panel_words(case: &Case) -> String {
	let size = case.round.size(case.largest_panel);
	let count = |has: fn(&SeatState) -> bool| case.panel().filter(|seat| has(&seat.state)).count();
	match case.stage {
		CaseStage::Drawing { .. } => format!("{} of {size} drawn", case.panel().count()),
		CaseStage::Committing { .. } => {
			let committed = count(|state| matches!(state, SeatState::Committed(_)));
			format!("{committed} of {size} committed")
		},
		CaseStage::Revealing { .. } => {
			let revealed = count(|state| matches!(state, SeatState::Revealed(_)));
			format!("{revealed} of {size} revealed")
		},
	}
}

/// The stage, and how many blocks away the one is that it names.
pub fn stage_words(case: &Case, now: BlockNumber) -> String {
	let names = match case.stage {
		CaseStage::Drawing { draw_at, .. } => draw_at,
		CaseStage::Committing { by } | CaseStage::Revealing { by } => by,
	};
	let words = case.stage.words();
	match (names.saturating_sub(now), now > case.stage.last_block()) {
		(_, true) => format!("{words}, which is over: anybody may move it on"),
		(0, false) => words,
		(blocks, false) => format!("{words} ({blocks} to go)"),
	}
}

/// What a mediator has done in its seat. `own`: the provider's result, once it is open.
pub fn seat_words(state: &SeatState, own: Option<&Triple>) -> String {
	match state {
		SeatState::Drawn => "not yet".into(),
		SeatState::Committed(_) => "committed".into(),
		SeatState::Absent => "absent".into(),
		SeatState::Revealed(vote) => vote_words(vote, own),
	}
}

fn vote_words(vote: &Vote, own: Option<&Triple>) -> String {
	let Some(triple) = &vote.triple else {
		return "got neither inputs nor result".into();
	};
	let found = match own {
		Some(own) if own == triple => "the provider's result".into(),
		// Enough to tell votes apart; --json has it whole.
		_ => format!("{:.8}… {}", triple.root.to_string(), ending(triple)),
	};
	let fetched = match vote.fetched {
		true => "",
		false => ", not handed over by the provider",
	};
	// It decides nothing else.
	let ample = match own.is_some_and(|own| own.status.is_resource()) && vote.ample {
		true => ", far within the limits",
		false => "",
	};
	format!("{found} in {} ms{fetched}{ample}", vote.usage)
}

fn ending(triple: &Triple) -> String {
	match triple.exit_code {
		0 => triple.status.to_string(),
		code => format!("{} with exit code {code}", triple.status),
	}
}

fn result_json(triple: &Triple, usage: Millis) -> Value {
	json!({
		"status": triple.status, "exit_code": triple.exit_code, "root": triple.root.to_string(), "usage_ms": usage,
	})
}

fn vote_json(vote: &Vote) -> Value {
	json!({
		"result": vote.triple.map(|triple| result_json(&triple, vote.usage)),
		"fetched": vote.fetched, "ample": vote.ample,
	})
}

/// What is told of a seat.
pub fn seat_json(seat: &Seat) -> Value {
	json!({
		"mediator": seat.mediator.to_string(), "round": seat.round, "state": words::variant(&seat.state),
		"vote": match &seat.state { SeatState::Revealed(vote) => vote_json(vote), _ => Value::Null },
	})
}

/// What is told of a case wherever one is.
pub fn case_json(deal: DealId, case: &Case) -> Value {
	json!({
		"deal": deal, "dispute": case.dispute, "round": case.round, "stage": words::variant(&case.stage),
		"until": case.stage.last_block(), "panel": case.round.size(case.largest_panel),
		"seats": case.seats.iter().map(seat_json).collect::<Vec<_>>(),
	})
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{OutputRoot, Status};

	fn found(status: Status) -> Triple {
		Triple {
			status,
			exit_code: 0,
			root: OutputRoot([0xab; 32]),
		}
	}

	#[test]
	fn votes_are_told_in_words() {
		let vote = Vote {
			triple: None,
			usage: 5,
			fetched: false,
			ample: true,
		};
		assert_eq!(vote_words(&vote, None), "got neither inputs nor result");
		let right = found(Status::Completed);
		let vote = Vote {
			triple: Some(right),
			..vote
		};
		assert_eq!(
			vote_words(&vote, None),
			"abababab… completed in 5 ms, not handed over by the provider"
		);
		let vote = Vote {
			fetched: true,
			..vote
		};
		assert_eq!(vote_words(&vote, Some(&right)), "the provider's result in 5 ms");
		let other = Triple {
			exit_code: 3,
			..right
		};
		assert_eq!(
			vote_words(&vote, Some(&other)),
			"abababab… completed in 5 ms",
			"another result"
		);
		let claim = found(Status::MemoryExceeded);
		assert!(vote_words(&vote, Some(&claim)).ends_with("in 5 ms, far within the limits"));
		assert_eq!(ending(&other), "completed with exit code 3");
	}

	#[test]
	fn roots_are_texts() {
		let vote = Vote {
			triple: Some(found(Status::Completed)),
			usage: 5,
			fetched: true,
			ample: true,
		};
		let told = vote_json(&vote);
		assert_eq!(told["result"]["root"], "ab".repeat(32));
		assert_eq!(told["result"]["usage_ms"], 5);
	}
}
