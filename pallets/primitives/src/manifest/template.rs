//! Placeholders in the command and the environment.

use super::{InputValues, Manifest};
use std::collections::BTreeMap;

impl Manifest {
	/// The command: one element per argument, every placeholder replaced by its input's text. Inputs that are neither given
	/// nor defaulted become empty texts.
	pub fn command(&self, values: &InputValues) -> Vec<String> {
		self.entrypoint
			.iter()
			.map(|element| fill(element, values))
			.collect()
	}

	/// The environment, as the command.
	pub fn environment(&self, values: &InputValues) -> BTreeMap<String, String> {
		self.env
			.iter()
			.map(|(name, value)| (name.clone(), fill(value, values)))
			.collect()
	}
}

/// Splits a template at its placeholders: literal texts and input names in turn, beginning with a literal.
pub(super) fn split(template: &str) -> Result<Vec<&str>, String> {
	let mut parts = Vec::new();
	let mut rest = template;
	while let Some(start) = rest.find("{{") {
		let after = &rest[start + 2..];
		let end = after
			.find("}}")
			.ok_or_else(|| format!("'{template}' has a '{{{{' without '}}}}'"))?;
		parts.push(&rest[..start]);
		parts.push(after[..end].trim());
		rest = &after[end + 2..];
	}
	parts.push(rest);
	Ok(parts)
}

fn fill(template: &str, values: &InputValues) -> String {
	let Ok(parts) = split(template) else {
		return template.into();
	};
	let mut out = String::new();
	for (index, part) in parts.into_iter().enumerate() {
		match index % 2 {
			0 => out.push_str(part),
			_ => out.push_str(&values.get(part).map(ToString::to_string).unwrap_or_default()),
		}
	}
	out
}
