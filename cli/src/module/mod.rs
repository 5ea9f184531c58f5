//! `lilypad module …`.

mod publish;
mod retire;

use crate::{
	app::App,
	args::ModuleCommand,
	error::CliError,
	run::{read_manifest, request::find_module},
	ui::table,
};
use lilypad_client::{lp, words, AccountId, Deprecation, View};
use lilypad_primitives::{
	manifest::{InputType, Manifest},
	Balance, ModuleName, VersionId,
};
use serde_json::{json, Value};
use std::collections::BTreeMap;

/// Runs a command.
pub async fn run(app: &App, command: &ModuleCommand) -> Result<(), CliError> {
	match command {
		ModuleCommand::List => list(app).await,
		ModuleCommand::Show { module } => show(app, module).await,
		ModuleCommand::Publish {
			dir,
			check_input,
			check_file,
			yes,
		} => {
			let sample = publish::Sample {
				inputs: check_input,
				files: check_file,
			};
			publish::publish(app, dir, sample, *yes).await
		},
		ModuleCommand::Curate { module, remove } => retire::curate(app, module, !remove).await,
		ModuleCommand::Deprecate(args) => retire::deprecate(app, args).await,
		ModuleCommand::Restore(which) => retire::restore(app, which).await,
		ModuleCommand::Delist(which) => retire::delist(app, which).await,
		ModuleCommand::Reclaim { module } => retire::reclaim(app, module).await,
	}
}

async fn list(app: &App) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let mut modules = view.modules().await?;
	modules.retain(|(_, info)| !info.delisted);
	modules.sort_by(|(_, a), (_, b)| a.name.cmp(&b.name));
	let notes: BTreeMap<_, _> = view.deprecations().await?.into_iter().collect();
	let json: Vec<_> = modules
		.iter()
		.map(|(id, info)| {
			json!({
				"id": id, "name": info.name.to_string(), "author": info.author.to_string(),
				"platform": info.runtime.platform(), "fee": lp::show(info.fee), "profile": info.profile, "curated": info.curated,
				"deprecated": notes.contains_key(id),
			})
		})
		.collect();
	app.ui.outcome(&json, || match modules.is_empty() {
		true => "no modules on this chain yet: `lilypad module publish DIR` publishes one".into(),
		false => {
			let rows = modules.iter().map(|(id, info)| {
				let kind = format!("{:?}", info.runtime.platform().kind()).to_lowercase();
				let marks = match (info.curated, notes.contains_key(id)) {
					(true, true) => "curated, deprecated",
					(true, false) => "curated",
					(false, true) => "deprecated",
					(false, false) => "",
				};
				vec![info.name.to_string(), kind, lp::show(info.fee), marks.into()]
			});
			table(&["MODULE", "RUNS AS", "FEE", ""], rows.collect())
		},
	})
}

async fn show(app: &App, name: &ModuleName) -> Result<(), CliError> {
	let view = app.client().await?.best().await?;
	let module = find_module(&view, name).await?;
	let manifest = read_manifest(name.as_str(), &module.manifest)?;
	let info = &module.info;
	let note = Note::of(&view, module.id).await?;
	let value = json!({
		"id": module.id, "name": name.to_string(), "author": info.author.to_string(), "fee": lp::show(info.fee),
		"profile": info.profile, "curated": info.curated, "delisted": info.delisted,
		"deprecated": note.as_ref().map(Note::json), "manifest": manifest,
	});
	app.ui.outcome(&value, || {
		let text = describe(name, &manifest, &info.author, info.fee, info.delisted);
		match &note {
			Some(note) => format!("{text}\n\n{}", note.words()),
			None => text,
		}
	})
}

fn describe(
	name: &ModuleName,
	manifest: &Manifest,
	author: &AccountId,
	fee: Balance,
	delisted: bool,
) -> String {
	let mut lines = vec![
		format!(
			"{name}{}  {}",
			if delisted { " (withdrawn)" } else { "" },
			manifest.description
		),
		String::new(),
		format!("author   {author}"),
		format!("fee      {}", lp::show(fee)),
		format!(
			"machine  {}, at most {} s",
			words::machine(&manifest.machine),
			manifest.max_seconds
		),
	];
	for input in &manifest.inputs {
		let kind = match input.kind {
			InputType::String => "text",
			InputType::Integer => "whole number",
			InputType::Number => "number",
			InputType::Boolean => "true or false",
		};
		let need = match (&input.default, input.required) {
			(Some(default), _) => format!("default {default}"),
			(None, true) => "required".into(),
			(None, false) => "optional".into(),
		};
		lines.push(format!(
			"input    -i {}=…  {kind}, {need}: {}",
			input.name, input.description
		));
	}
	for file in &manifest.files {
		let need = if file.required { "required" } else { "optional" };
		lines.push(format!(
			"file     --input-file {}=…  {need}: {}",
			file.name, file.description
		));
	}
	lines.join("\n")
}

/// The note on a module that still runs and should no longer be used, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
	/// What to use in its place.
	successor: Option<ModuleName>,
	/// Why; may be empty.
	reason: String,
}

impl Note {
	/// The note on a version, if it is deprecated.
	pub async fn of(view: &View, version: VersionId) -> Result<Option<Self>, CliError> {
		let Some(Deprecation {
			successor, reason, ..
		}) = view.deprecation(version).await?
		else {
			return Ok(None);
		};
		let successor = match successor {
			Some(id) => view.module_info(id).await?.map(|info| info.name),
			None => None,
		};
		let reason = String::from_utf8_lossy(&reason)
			.chars()
			.map(|c| if c.is_control() { ' ' } else { c })
			.collect();
		Ok(Some(Self { successor, reason }))
	}

	/// In words.
	pub fn words(&self) -> String {
		let because = match self.reason.as_str() {
			"" => String::new(),
			reason => format!(": {reason}"),
		};
		match &self.successor {
			Some(name) => format!("deprecated{because}; use {name}"),
			None => format!("deprecated{because}"),
		}
	}

	fn json(&self) -> Value {
		json!({ "successor": self.successor.as_ref().map(ToString::to_string), "reason": self.reason })
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_module_is_described_with_its_inputs() {
		let manifest =
			Manifest::parse(include_bytes!("../../../modules/kmers/module.json")).expect("a sample");
		let name = manifest.module_name().expect("a name");
		let text = describe(&name, &manifest, &AccountId::new([1; 32]), 0, false);
		for part in [
			"kmers:v0.0.1",
			"-i K=…  whole number, default 8",
			"--input-file sequence=…  required",
		] {
			assert!(text.contains(part), "{text}");
		}
	}

	#[test]
	fn a_note_names_reason_and_successor_if_there_are_any() {
		let note = |reason: &str, successor: Option<&str>| {
			let successor = successor.map(|name| name.parse().expect("a name"));
			let reason = reason.into();
			Note { successor, reason }.words()
		};
		assert_eq!(note("", None), "deprecated");
		assert_eq!(
			note("too slow", Some("cowsay:v2")),
			"deprecated: too slow; use cowsay:v2"
		);
		assert_eq!(note("", Some("cowsay:v2")), "deprecated; use cowsay:v2");
	}
}
