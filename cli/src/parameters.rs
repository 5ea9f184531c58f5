//! `lilypad parameters …`: the market's prices and the rules of verification, which governance sets.

use crate::{
	app::App,
	args::{KeyValue, ParametersCommand},
	error::CliError,
	share::{parts_of, percent},
	ui::table,
};
use lilypad_client::{calls, lp, ChainEvent, MediationEvent, MediationParameters};
use lilypad_primitives::{Balance, BlockNumber, Millis};
use serde_json::{json, Map, Value};
use sp_runtime::{PerThing, Permill, Perquintill};

/// Runs a command.
pub async fn run(app: &App, command: &ParametersCommand) -> Result<(), CliError> {
	match command {
		ParametersCommand::Show => show(app).await,
		ParametersCommand::Set { changes, yes } => set(app, changes, *yes).await,
	}
}

/// Where a parameter is in the record, and how its value is written.
#[derive(Clone, Copy)]
enum Place {
	/// An amount of LP.
	Amount(fn(&mut MediationParameters) -> &mut Balance),
	/// A share, in percent.
	Share(fn(&mut MediationParameters) -> &mut Permill),
	/// A probability, in percent.
	Chance(fn(&mut MediationParameters) -> &mut Perquintill),
	/// A whole number.
	Number(fn(&mut MediationParameters) -> &mut u32),
	/// A small one.
	Few(fn(&mut MediationParameters) -> &mut u8),
	/// A span of time, in milliseconds.
	Time(fn(&mut MediationParameters) -> &mut Millis),
	/// A number of blocks.
	Blocks(fn(&mut MediationParameters) -> &mut BlockNumber),
}

/// A parameter.
struct Parameter {
	name: &'static str,
	place: Place,
	meaning: &'static str,
}

macro_rules! parameters {
	($($name:ident: $kind:ident($($path:ident).+), $meaning:literal;)*) => {
		[$(Parameter { name: stringify!($name), place: Place::$kind(|p| &mut p.$($path).+), meaning: $meaning }),*]
	};
}

/// All of them.
static PARAMETERS: [Parameter; 27] = parameters! {
	levy_rate: Share(pricing.levy_rate), "of the cap, to the audit pool";
	mediator_fee_rate: Share(pricing.mediator_fee_rate), "of the cap, for one mediator's vote";
	min_mediator_fee: Amount(pricing.min_mediator_fee), "least fee for one vote";
	largest_panel: Number(pricing.largest_panel), "mediators in the last panel, an odd number";
	collateral_factor: Number(pricing.collateral_factor), "collateral, in caps";
	min_collateral: Amount(pricing.min_collateral), "least collateral, before the panel's fees";
	no_show_fine: Amount(pricing.no_show_fine), "of a provider that does not take on a deal";
	cancel_fee: Amount(pricing.cancel_fee), "of a creator that cancels, or whose inputs are not to be had";
	victim_share: Share(pricing.victim_share), "of a time-out's fine, to the creator";
	min_rate: Amount(pricing.min_rate), "least price of a second";
	min_time_limit: Time(pricing.min_time_limit), "shortest time limit of a job";
	max_time_limit: Time(pricing.max_time_limit), "longest time limit of a job";
	audit_saving: Share(rules.audit.saving), "of the price is what cheating saves; none: no audits";
	audit_usual: Chance(rules.audit.usual), "that an honest run gives the module's usual answer; less: more audits";
	audit_escalates: Share(rules.audit.escalates), "of the audits of right results, through every panel";
	audit_colluding: Share(rules.audit.colluding), "of the tickets, that may be in league with a cheat who is still deterred";
	overcharge_percent: Number(rules.overcharge_percent), "per cent of the panel's median run time that may be charged";
	overcharge_floor: Time(rules.overcharge_floor), "that may be charged on top of it";
	slack_percent: Number(rules.slack_percent), "per cent of the job's limits that mediators' runs have";
	commit_margin: Blocks(rules.commit_margin), "to commit, besides fetching and running";
	ask_blocks: Blocks(rules.ask_blocks), "in which a silent provider is asked for its result, before it counts as withheld";
	reveal_blocks: Blocks(rules.reveal_blocks), "to reveal";
	era_blocks: Blocks(rules.era_blocks), "of an era: from the next one on, changes of mediators count";
	draw_open_blocks: Blocks(rules.draw_open_blocks), "in which a panel can be drawn";
	max_redraws: Few(rules.max_redraws), "how often those are replaced who do not commit";
	no_show_slash: Share(rules.no_show_slash), "of a ticket, for not voting";
	minority_slash: Share(rules.minority_slash), "of a ticket, for a vote that was wrong";
};

impl Parameter {
	fn named(name: &str) -> Result<&'static Self, CliError> {
		let plain = name.replace('-', "_");
		PARAMETERS.iter().find(|one| one.name == plain).ok_or_else(|| {
			let names: Vec<_> = PARAMETERS.iter().map(|one| one.name).collect();
			CliError::Input(format!(
				"there is no parameter {name}; there are {}",
				names.join(", ")
			))
		})
	}

	/// Its value, as it is written.
	fn text(&self, parameters: &MediationParameters) -> String {
		let mut p = *parameters;
		match self.place {
			Place::Amount(of) => lp::show(*of(&mut p)),
			Place::Share(of) => percent(of(&mut p).deconstruct(), Permill::ACCURACY),
			Place::Chance(of) => percent(of(&mut p).deconstruct(), Perquintill::ACCURACY),
			Place::Number(of) => of(&mut p).to_string(),
			Place::Few(of) => of(&mut p).to_string(),
			Place::Time(of) => format!("{} ms", of(&mut p)),
			Place::Blocks(of) => format!("{} blocks", of(&mut p)),
		}
	}

	/// Its value, for programs: numbers where the unit is in the name or there is none.
	fn value(&self, parameters: &MediationParameters) -> Value {
		let mut p = *parameters;
		match self.place {
			Place::Number(of) | Place::Blocks(of) => json!(*of(&mut p)),
			Place::Few(of) => json!(*of(&mut p)),
			Place::Amount(_) | Place::Share(_) | Place::Chance(_) | Place::Time(_) => {
				json!(self.text(parameters))
			},
		}
	}

	/// Changes it to what is written.
	fn set(&self, parameters: &mut MediationParameters, text: &str) -> Result<(), CliError> {
		let text = text.trim();
		let wrong = |how: &str| CliError::Input(format!("{}={text}: write {how}", self.name));
		let number = |unit| text.strip_suffix(unit).unwrap_or(text).trim_end();
		match self.place {
			Place::Amount(of) => {
				*of(parameters) = lp::parse(text).map_err(|e| CliError::Input(e.to_string()))?
			},
			Place::Share(of) => {
				let how = "per cent with at most four digits after the point, such as 3.5%";
				let parts = parts_of(text, Permill::ACCURACY).ok_or_else(|| wrong(how))?;
				*of(parameters) = Permill::from_parts(parts);
			},
			Place::Chance(of) => {
				let how = "per cent with at most sixteen digits after the point, such as 99.9%";
				let parts = parts_of(text, Perquintill::ACCURACY).ok_or_else(|| wrong(how))?;
				*of(parameters) = Perquintill::from_parts(parts);
			},
			Place::Number(of) => *of(parameters) = text.parse().map_err(|_| wrong("a whole number"))?,
			Place::Few(of) => *of(parameters) = text.parse().map_err(|_| wrong("a small whole number"))?,
			Place::Time(of) => {
				*of(parameters) = number("ms")
					.parse()
					.map_err(|_| wrong("milliseconds, as a whole number"))?;
			},
			Place::Blocks(of) => {
				*of(parameters) = number("blocks")
					.parse()
					.map_err(|_| wrong("blocks, as a whole number"))?;
			},
		}
		Ok(())
	}
}

async fn show(app: &App) -> Result<(), CliError> {
	let parameters = app.client().await?.best().await?.mediation_parameters().await?;
	app.ui.outcome(&json_of(&parameters), || {
		let rows = PARAMETERS
			.iter()
			.map(|one| vec![one.name.into(), one.text(&parameters), one.meaning.into()]);
		table(&["PARAMETER", "VALUE", ""], rows.collect())
	})
}

fn json_of(parameters: &MediationParameters) -> Value {
	let all = PARAMETERS
		.iter()
		.map(|one| (one.name.into(), one.value(parameters)));
	Value::Object(all.collect::<Map<_, _>>())
}

async fn set(app: &App, changes: &[KeyValue], yes: bool) -> Result<(), CliError> {
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let before = view.mediation_parameters().await?;
	let mut after = before;
	for change in changes {
		Parameter::named(&change.key)?.set(&mut after, &change.value)?;
	}
	if let Some(why) = view.why_not(&after).await? {
		return Err(CliError::Input(format!(
			"the chain does not take these parameters: {why}"
		)));
	}
	let call = view
		.sudo(&calls::mediation::set_parameters(after))
		.ok_or_else(|| {
			CliError::Input("this chain has no sudo key: its governance sets parameters, by proposals".into())
		})?;
	let changed = PARAMETERS
		.iter()
		.filter(|one| one.text(&before) != one.text(&after));
	let rows = changed.map(|one| vec![one.name.into(), one.text(&before), one.text(&after)]);
	let changes = table(&["PARAMETER", "NOW", "THEN"], rows.collect());
	let note = "Deals and cases that are open keep what was in force.";
	app.ui.confirm(&format!("{changes}\n\n{note} Set this?"), yes)?;
	let outcome = client.submit(&signer, call).await?;
	let done = outcome.find(|event| match event {
		ChainEvent::MediationEvent(MediationEvent::ParametersSet { params }) => Some(*params),
		_ => None,
	});
	match done == Some(after) {
		true => app.ui.outcome(&json_of(&after), || {
			format!("{changes}\n\nin force from the next block on. {note}")
		}),
		false => Err(CliError::Input(
			"the chain took the transaction but set nothing: is this the sudo key?".into(),
		)),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::{AuditRules, MediationRules, Pricing, LP};

	/// Every value another one.
	fn sample() -> MediationParameters {
		MediationParameters {
			pricing: Pricing {
				levy_rate: Permill::from_parts(35_000),
				mediator_fee_rate: Permill::from_percent(50),
				min_mediator_fee: LP / 100,
				largest_panel: 7,
				collateral_factor: 10,
				min_collateral: LP,
				no_show_fine: LP / 10,
				cancel_fee: LP / 1_000,
				victim_share: Permill::from_percent(49),
				min_rate: 1,
				min_time_limit: 1_000,
				max_time_limit: 86_400_000,
			},
			rules: MediationRules {
				audit: AuditRules {
					saving: Permill::one(),
					usual: Perquintill::from_parts(999_999_999_999_999_999),
					escalates: Permill::from_percent(1),
					colluding: Permill::from_percent(33),
				},
				overcharge_percent: 200,
				overcharge_floor: 5_000,
				slack_percent: 300,
				commit_margin: 60,
				ask_blocks: 15,
				reveal_blocks: 61,
				era_blocks: 150,
				draw_open_blocks: 62,
				max_redraws: 2,
				no_show_slash: Permill::from_percent(9),
				minority_slash: Permill::from_percent(5),
			},
		}
	}

	#[test]
	fn every_parameter_is_written_as_it_is_read() {
		let sample = sample();
		for one in &PARAMETERS {
			let mut read = sample;
			one.set(&mut read, &zero(one)).expect("zero is a value");
			assert_ne!(read, sample, "{}", one.name);
			one.set(&mut read, &one.text(&sample))
				.expect("it is what was written");
			assert_eq!(read, sample, "{}", one.name);
		}
		let json = json_of(&sample);
		assert_eq!(
			(&json["levy_rate"], &json["largest_panel"]),
			(&json!("3.5 %"), &json!(7))
		);
		assert_eq!(json["min_mediator_fee"], "0.01 LP");
	}

	fn zero(one: &Parameter) -> String {
		match one.place {
			Place::Share(_) | Place::Chance(_) => "0%".into(),
			_ => "0".into(),
		}
	}

	/// A parameter that is added to the record must be added here.
	#[test]
	fn no_parameter_is_missing_or_named_twice() {
		let mut names: Vec<_> = PARAMETERS.iter().map(|one| one.name).collect();
		names.sort_unstable();
		names.dedup();
		let fields = |value: &Value| value.as_object().map_or(0, Map::len);
		let sample = sample();
		let pricing = serde_json::to_value(sample.pricing).expect("JSON");
		let rules = serde_json::to_value(sample.rules).expect("JSON");
		// The rules of audits are a record within the record.
		assert_eq!(
			names.len(),
			fields(&pricing) + fields(&rules) - 1 + fields(&rules["audit"])
		);
	}

	#[test]
	fn what_is_wrong_is_named() {
		let mut parameters = sample();
		assert!(Parameter::named("levy-rate").is_ok());
		let unknown = Parameter::named("levy").map(|one| one.name).expect_err("unknown");
		assert!(unknown.to_string().contains("levy_rate"));
		let panel = Parameter::named("largest_panel").expect("it is there");
		let wrong = panel.set(&mut parameters, "3.5").expect_err("no whole number");
		assert!(wrong
			.to_string()
			.contains("largest_panel=3.5: write a whole number"));
	}
}
