//! What a module takes, and whether what it is given fits.

use super::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Longest value of a string input unless the manifest says otherwise, in bytes.
pub const DEFAULT_MAX_LENGTH: u32 = 4096;

/// Type of an input's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
	/// Text.
	String,
	/// A whole number that a 64-bit signed integer holds.
	Integer,
	/// A finite number.
	Number,
	/// `true` or `false`.
	Boolean,
}

/// A value of an input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InputValue {
	/// See [`InputType::Boolean`].
	Boolean(bool),
	/// See [`InputType::Integer`].
	Integer(i64),
	/// See [`InputType::Number`].
	Number(f64),
	/// See [`InputType::String`].
	String(String),
}

impl core::fmt::Display for InputValue {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		match self {
			Self::Boolean(v) => write!(f, "{v}"),
			Self::Integer(v) => write!(f, "{v}"),
			Self::Number(v) => write!(f, "{v}"),
			Self::String(v) => f.write_str(v),
		}
	}
}

/// One declared input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSchema {
	/// Its name, as in `-i Name=value`.
	pub name: String,
	/// Its type.
	#[serde(rename = "type")]
	pub kind: InputType,
	/// Whether it must be given.
	#[serde(default)]
	pub required: bool,
	/// Its value when it is not given.
	#[serde(default)]
	pub default: Option<InputValue>,
	/// Longest text, in bytes.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub max_length: Option<u32>,
	/// Least number.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub min: Option<f64>,
	/// Greatest number.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub max: Option<f64>,
	/// The only texts allowed.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub choices: Option<Vec<String>>,
	/// What it means.
	#[serde(default)]
	pub description: String,
}

/// One declared input file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSchema {
	/// Its name, as in `--input-file name=path`.
	pub name: String,
	/// Where the program finds it: below `/inputs/`.
	pub path: String,
	/// Whether it must be given.
	#[serde(default)]
	pub required: bool,
	/// Most bytes.
	pub max_bytes: u64,
	/// What it is.
	#[serde(default)]
	pub description: String,
}

/// Why inputs are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
	/// Nothing of that name is declared.
	#[error("the module has no input '{name}'; it takes: {known}")]
	Unknown {
		/// The name given.
		name: String,
		/// The names there are.
		known: String,
	},
	/// A required input is not given.
	#[error("the module needs the input '{name}' ({description}): give it with -i {name}=<value>")]
	Missing {
		/// The input's name.
		name: String,
		/// What it means.
		description: String,
	},
	/// A required file is not given.
	#[error("the module needs the file '{name}' ({description}): give it with --input-file {name}=<path>")]
	MissingFile {
		/// The file's name.
		name: String,
		/// What it is.
		description: String,
	},
	/// A value does not have the declared type.
	#[error("the input '{name}' must be {expected}, not '{got}'")]
	Type {
		/// The input's name.
		name: String,
		/// What it should be.
		expected: &'static str,
		/// What it is.
		got: String,
	},
	/// A value is outside its bounds.
	#[error("the input '{name}' {why}")]
	Bounds {
		/// The input's name.
		name: String,
		/// Which bound it breaks.
		why: String,
	},
	/// The JSON text of the inputs can't be read.
	#[error("the inputs are not a JSON object of texts, numbers and booleans: {0}")]
	Json(String),
}

/// Values of inputs by name, in byte order: their JSON is canonical.
pub type InputValues = BTreeMap<String, InputValue>;

/// The canonical JSON of inputs.
pub fn canonical_inputs(values: &InputValues) -> Vec<u8> {
	serde_json::to_vec(values).expect("maps of texts, numbers and booleans are JSON; qed")
}

impl Manifest {
	/// Checks `Key=value` texts against the declared inputs and fills in defaults. The first `=` ends the key; the value may
	/// have more.
	pub fn inputs_from_text<'a>(
		&self,
		given: impl IntoIterator<Item = (&'a str, &'a str)>,
	) -> Result<InputValues, InputError> {
		let mut values = InputValues::new();
		for (name, text) in given {
			let schema = self.schema(name)?;
			values.insert(name.into(), schema.parse(text)?);
		}
		self.complete(values)
	}

	/// Checks the JSON text of a job's inputs. What it returns is complete and canonical.
	pub fn inputs_from_json(&self, json: &[u8]) -> Result<InputValues, InputError> {
		let given: InputValues = serde_json::from_slice(json).map_err(|e| InputError::Json(e.to_string()))?;
		let mut values = InputValues::new();
		for (name, value) in given {
			let value = self.schema(&name)?.check(value)?;
			values.insert(name, value);
		}
		self.complete(values)
	}

	fn schema(&self, name: &str) -> Result<&InputSchema, InputError> {
		self.inputs
			.iter()
			.find(|i| i.name == name)
			.ok_or_else(|| InputError::Unknown {
				name: name.into(),
				known: match self.inputs.is_empty() {
					true => "none".into(),
					false => self
						.inputs
						.iter()
						.map(|i| i.name.as_str())
						.collect::<Vec<_>>()
						.join(", "),
				},
			})
	}

	fn complete(&self, mut values: InputValues) -> Result<InputValues, InputError> {
		for input in &self.inputs {
			if values.contains_key(&input.name) {
				continue;
			}
			match &input.default {
				Some(default) => {
					values.insert(input.name.clone(), input.check(default.clone())?);
				},
				None if input.required => {
					return Err(InputError::Missing {
						name: input.name.clone(),
						description: input.description.clone(),
					})
				},
				None => (),
			}
		}
		Ok(values)
	}

	/// Checks names and sizes of input files.
	pub fn check_files<'a>(&self, given: impl IntoIterator<Item = (&'a str, u64)>) -> Result<(), InputError> {
		let mut seen = BTreeSet::new();
		for (name, size) in given {
			let schema = self
				.files
				.iter()
				.find(|f| f.name == name)
				.ok_or_else(|| InputError::Unknown {
					name: name.into(),
					known: match self.files.is_empty() {
						true => "no files".into(),
						false => self
							.files
							.iter()
							.map(|f| f.name.as_str())
							.collect::<Vec<_>>()
							.join(", "),
					},
				})?;
			if size > schema.max_bytes {
				let why = format!("has {size} bytes; at most {} are allowed", schema.max_bytes);
				return Err(InputError::Bounds {
					name: name.into(),
					why,
				});
			}
			if !seen.insert(name) {
				return Err(InputError::Bounds {
					name: name.into(),
					why: "is given twice".into(),
				});
			}
		}
		match self
			.files
			.iter()
			.find(|f| f.required && !seen.contains(f.name.as_str()))
		{
			Some(f) => Err(InputError::MissingFile {
				name: f.name.clone(),
				description: f.description.clone(),
			}),
			None => Ok(()),
		}
	}
}

impl InputSchema {
	fn parse(&self, text: &str) -> Result<InputValue, InputError> {
		let wrong = |expected| InputError::Type {
			name: self.name.clone(),
			expected,
			got: shorten(text),
		};
		let value = match self.kind {
			InputType::String => InputValue::String(text.into()),
			InputType::Integer => {
				InputValue::Integer(text.trim().parse().map_err(|_| wrong("a whole number"))?)
			},
			InputType::Number => InputValue::Number(text.trim().parse().map_err(|_| wrong("a number"))?),
			InputType::Boolean => {
				InputValue::Boolean(text.trim().parse().map_err(|_| wrong("true or false"))?)
			},
		};
		self.check(value)
	}

	pub(super) fn check(&self, value: InputValue) -> Result<InputValue, InputError> {
		let wrong = |expected| InputError::Type {
			name: self.name.clone(),
			expected,
			got: shorten(&value.to_string()),
		};
		let bounds = |why: String| InputError::Bounds {
			name: self.name.clone(),
			why,
		};
		match (self.kind, &value) {
			(InputType::String, InputValue::String(text)) => {
				let most = self.max_length.unwrap_or(DEFAULT_MAX_LENGTH) as usize;
				if text.len() > most {
					return Err(bounds(format!(
						"has {} bytes; at most {most} are allowed",
						text.len()
					)));
				}
				if text.contains('\0') {
					return Err(bounds(
						"has a NUL character, which no program's argument can hold".into(),
					));
				}
				match &self.choices {
					Some(choices) if !choices.contains(text) => {
						Err(bounds(format!("must be one of: {}", choices.join(", "))))
					},
					_ => Ok(value),
				}
			},
			(InputType::Integer, InputValue::Integer(number)) => {
				self.check_range(*number as f64)?;
				Ok(value)
			},
			(InputType::Number, InputValue::Number(number)) if number.is_finite() => {
				self.check_range(*number)?;
				Ok(value)
			},
			// JSON writes 2.0 as 2.
			(InputType::Number, InputValue::Integer(number)) => {
				self.check_range(*number as f64)?;
				Ok(InputValue::Number(*number as f64))
			},
			(InputType::Boolean, InputValue::Boolean(_)) => Ok(value),
			// Requests from other chains have nothing but texts, and nobody there knows the schema.
			(InputType::Integer | InputType::Number | InputType::Boolean, InputValue::String(text)) => {
				self.parse(text)
			},
			(InputType::String, _) => Err(wrong("text")),
			(InputType::Integer, _) => Err(wrong("a whole number")),
			(InputType::Number, _) => Err(wrong("a number")),
			(InputType::Boolean, _) => Err(wrong("true or false")),
		}
	}

	fn check_range(&self, number: f64) -> Result<(), InputError> {
		let outside = |why: String| {
			Err(InputError::Bounds {
				name: self.name.clone(),
				why,
			})
		};
		match (self.min, self.max) {
			(Some(min), _) if number < min => outside(format!("is {number}; at least {min} is needed")),
			(_, Some(max)) if number > max => outside(format!("is {number}; at most {max} is allowed")),
			_ => Ok(()),
		}
	}
}

fn shorten(text: &str) -> String {
	match text.char_indices().nth(40) {
		Some((at, _)) => format!("{}…", &text[..at]),
		None => text.into(),
	}
}
