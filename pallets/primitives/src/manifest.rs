//! The manifest: one JSON file that says what a module is, how it is started and what it takes.
//!
//! The chain stores its bytes and does not read them; clients and workers do, with the rules of this file, so that a
//! creator is told about a wrong input before paying and a worker runs exactly what was declared.

use crate::{
	job::MAX_FILE_NAME,
	module::{ModuleNameError, MAX_MANIFEST},
	MachineSpec, Millis, ModuleName, Platform, Profile, RuntimeImage,
};
use serde::{de::Error as _, Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};

/// The manifest format that this code reads and writes.
pub const MANIFEST_VERSION: u32 = 1;
/// Longest value of a string input unless the manifest says otherwise, in bytes.
pub const DEFAULT_MAX_LENGTH: u32 = 4096;

/// A digest as JSON shows it: hexadecimal, with `sha256:` in front where engines write it so.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Digest(pub [u8; 32]);

fn parse_hex32(s: &str) -> Option<[u8; 32]> {
	let mut out = [0u8; 32];
	(s.len() == 64 && s.is_ascii()).then_some(())?;
	for (i, byte) in out.iter_mut().enumerate() {
		*byte = u8::from_str_radix(s.get(2 * i..2 * i + 2)?, 16).ok()?;
	}
	Some(out)
}

fn show_hex(bytes: &[u8; 32]) -> String {
	bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl core::fmt::Display for Digest {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(&show_hex(&self.0))
	}
}

impl core::str::FromStr for Digest {
	type Err = &'static str;
	fn from_str(s: &str) -> Result<Self, Self::Err> {
		parse_hex32(s.strip_prefix("sha256:").unwrap_or(s))
			.map(Digest)
			.ok_or("a digest has 64 hexadecimal digits")
	}
}

impl Serialize for Digest {
	fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
		s.serialize_str(&show_hex(&self.0))
	}
}

impl<'de> Deserialize<'de> for Digest {
	fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
		String::deserialize(d)?.parse().map_err(D::Error::custom)
	}
}

/// An image's id, written `sha256:…` as container engines do.
mod image_id {
	use super::*;
	pub(super) fn serialize<S: Serializer>(d: &Option<Digest>, s: S) -> Result<S::Ok, S::Error> {
		match d {
			Some(d) => s.serialize_some(&format!("sha256:{d}")),
			None => s.serialize_none(),
		}
	}
	pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Digest>, D::Error> {
		Option::<Digest>::deserialize(d)
	}
}

/// A file by its BLAKE3 and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
	/// BLAKE3 of the bytes.
	pub hash: Digest,
	/// Length in bytes.
	pub size: u64,
}

/// What executes the module, and where its code is. Digests may be missing in a source folder; publishing fills them in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Runtime {
	/// A container image.
	Container {
		/// The image's id: SHA-256 of its configuration.
		#[serde(default, with = "image_id")]
		image: Option<Digest>,
		/// The image as an archive (`docker save` format), served peer to peer.
		#[serde(default)]
		archive: Option<Blob>,
		/// A registry's name for it, by digest (`docker.io/library/x@sha256:…`), when a registry has it.
		#[serde(default)]
		reference: Option<String>,
		/// Its architecture; linux/amd64 unless said otherwise.
		#[serde(default)]
		architecture: Architecture,
	},
	/// A WASI preview 1 module.
	Wasm {
		/// The code.
		#[serde(default)]
		code: Option<Blob>,
	},
}

/// Processor architecture of a container image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
	/// x86-64.
	#[default]
	Amd64,
	/// 64-bit Arm.
	Arm64,
}

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

/// A part of the result that two honest runs must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifiedPart {
	/// The program's exit code.
	ExitCode,
	/// What it wrote to standard output.
	Stdout,
	/// The files below the output paths.
	Outputs,
}

/// What network the program gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
	/// None.
	#[default]
	None,
}

fn all_parts() -> Vec<VerifiedPart> {
	vec![
		VerifiedPart::ExitCode,
		VerifiedPart::Stdout,
		VerifiedPart::Outputs,
	]
}

/// A module's manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
	/// Format: [`MANIFEST_VERSION`].
	pub version: u32,
	/// The part before the `:`.
	pub name: String,
	/// The part after it.
	pub tag: String,
	/// What the module does, in a sentence or two.
	#[serde(default)]
	pub description: String,
	/// Its code.
	pub runtime: Runtime,
	/// The command, one element per argument. `{{Input}}` stands for that input's value; nothing else is interpreted.
	#[serde(default)]
	pub entrypoint: Vec<String>,
	/// Environment; values may have placeholders.
	#[serde(default)]
	pub env: BTreeMap<String, String>,
	/// Working directory.
	#[serde(default, skip_serializing_if = "Option::is_none")]
	pub working_dir: Option<String>,
	/// Declared inputs.
	#[serde(default)]
	pub inputs: Vec<InputSchema>,
	/// Declared input files.
	#[serde(default)]
	pub files: Vec<FileSchema>,
	/// Absolute paths whose files are the outputs.
	#[serde(default)]
	pub outputs: Vec<String>,
	/// What two honest runs must agree on.
	#[serde(default = "all_parts")]
	pub verified: Vec<VerifiedPart>,
	/// What network the program gets.
	#[serde(default)]
	pub network: Network,
	/// The least machine.
	pub machine: MachineSpec,
	/// Longest run, in seconds.
	pub max_seconds: u64,
	/// LP per completed run, as a decimal number.
	#[serde(default = "zero")]
	pub fee: String,
	/// Whether equal inputs give equal results.
	pub profile: Profile,
}

fn zero() -> String {
	"0".into()
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
	/// Too long for the chain.
	#[error("the manifest has {0} bytes; at most {MAX_MANIFEST} are allowed: shorten its descriptions")]
	TooLong(usize),
	/// Not JSON, or not of this shape.
	#[error("the manifest is not valid: {0}")]
	Json(#[from] serde_json::Error),
	/// Written for other software.
	#[error("the manifest has format version {0}; this software reads version {MANIFEST_VERSION}")]
	Version(u32),
	/// The name or tag is malformed.
	#[error("the manifest's name or tag is not valid: {0}")]
	Name(ModuleNameError),
	/// Something in it contradicts itself or breaks a rule.
	#[error("the manifest's {field} is not valid: {why}")]
	Field {
		/// Which part.
		field: String,
		/// What is wrong with it.
		why: String,
	},
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

fn field(field: impl Into<String>, why: impl Into<String>) -> ManifestError {
	ManifestError::Field {
		field: field.into(),
		why: why.into(),
	}
}

/// Splits a template at its placeholders: literal texts and input names in turn, beginning with a literal.
fn split_template(template: &str) -> Result<Vec<&str>, String> {
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

fn is_clean_absolute_path(path: &str) -> bool {
	path.starts_with('/')
		&& path.len() <= 255
		&& !path.contains('\0')
		&& path
			.split('/')
			.skip(1)
			.all(|part| !part.is_empty() && part != "." && part != "..")
}

impl Manifest {
	/// Reads and checks a manifest.
	pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
		if bytes.len() > MAX_MANIFEST as usize {
			return Err(ManifestError::TooLong(bytes.len()));
		}
		let manifest: Manifest = serde_json::from_slice(bytes)?;
		manifest.check()?;
		Ok(manifest)
	}

	/// The bytes that go on the chain.
	pub fn to_bytes(&self) -> Result<Vec<u8>, ManifestError> {
		let bytes = serde_json::to_vec(self)?;
		if bytes.len() > MAX_MANIFEST as usize {
			return Err(ManifestError::TooLong(bytes.len()));
		}
		Ok(bytes)
	}

	/// `name:tag`.
	pub fn module_name(&self) -> Result<ModuleName, ModuleNameError> {
		format!("{}:{}", self.name, self.tag).parse()
	}

	/// Longest run.
	pub fn max_run(&self) -> Millis {
		self.max_seconds.saturating_mul(1000)
	}

	/// The code's digest and platform as the chain records them; `None` while digests are missing.
	pub fn image(&self) -> Option<RuntimeImage> {
		match &self.runtime {
			Runtime::Container {
				image, architecture, ..
			} => Some(RuntimeImage::Container {
				platform: match architecture {
					Architecture::Amd64 => Platform::ContainerAmd64,
					Architecture::Arm64 => Platform::ContainerArm64,
				},
				image: (*image)?.0,
			}),
			Runtime::Wasm { code } => Some(RuntimeImage::Wasm {
				code: (*code)?.hash.0,
			}),
		}
	}

	/// The archive or code to fetch.
	pub fn blob(&self) -> Option<Blob> {
		match &self.runtime {
			Runtime::Container { archive, .. } => *archive,
			Runtime::Wasm { code } => *code,
		}
	}

	fn check(&self) -> Result<(), ManifestError> {
		if self.version != MANIFEST_VERSION {
			return Err(ManifestError::Version(self.version));
		}
		self.module_name().map_err(ManifestError::Name)?;
		if !self.machine.is_usable() {
			return Err(field(
				"machine",
				"cpu_milli, ram_mib and every GPU's vram_mib must be more than zero",
			));
		}
		if self.max_seconds == 0 {
			return Err(field("max_seconds", "it must be at least 1"));
		}
		if let Runtime::Container {
			reference: Some(reference),
			..
		} = &self.runtime
		{
			if !reference.contains("@sha256:") || reference.contains(char::is_whitespace) {
				return Err(field(
					"runtime.reference",
					"name the image by digest (name@sha256:…): tags can move",
				));
			}
		}
		if matches!(self.runtime, Runtime::Container { .. }) && self.entrypoint.is_empty() {
			return Err(field("entrypoint", "name the program and its arguments"));
		}
		self.check_inputs_schema()?;
		for (index, element) in self.entrypoint.iter().enumerate() {
			self.check_template(&format!("entrypoint[{index}]"), element)?;
		}
		for (name, value) in &self.env {
			if name.is_empty() || name.contains(['=', '\0']) {
				return Err(field(
					"env",
					format!("'{name}' is no name of an environment variable"),
				));
			}
			self.check_template(&format!("env.{name}"), value)?;
		}
		if self
			.working_dir
			.as_deref()
			.is_some_and(|dir| dir != "/" && !is_clean_absolute_path(dir))
		{
			return Err(field(
				"working_dir",
				"it must be an absolute path without '.' and '..'",
			));
		}
		for path in &self.outputs {
			if !is_clean_absolute_path(path) {
				return Err(field(
					"outputs",
					format!("'{path}' must be an absolute path without '.' and '..'"),
				));
			}
		}
		Ok(())
	}

	fn check_inputs_schema(&self) -> Result<(), ManifestError> {
		let mut names = BTreeSet::new();
		for input in &self.inputs {
			let at = format!("inputs.{}", input.name);
			let well_formed = input.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
				&& input.name.starts_with(|c: char| c.is_ascii_alphabetic());
			if !well_formed || input.name.len() > MAX_FILE_NAME as usize {
				return Err(field(
					at,
					"a name has up to 64 letters, digits and _, and begins with a letter",
				));
			}
			if !names.insert(&input.name) {
				return Err(field(at, "declared twice"));
			}
			if input.choices.is_some() && input.kind != InputType::String {
				return Err(field(at, "choices are for strings"));
			}
			if (input.min.is_some() || input.max.is_some())
				&& !matches!(input.kind, InputType::Integer | InputType::Number)
			{
				return Err(field(at, "min and max are for numbers"));
			}
			if let Some(default) = &input.default {
				input
					.check(default.clone())
					.map_err(|e| field(at, format!("its default is refused: {e}")))?;
			}
		}
		let mut files = BTreeSet::new();
		for file in &self.files {
			let at = format!("files.{}", file.name);
			if file.name.is_empty() || file.name.len() > MAX_FILE_NAME as usize || !files.insert(&file.name) {
				return Err(field(at, "names have 1 to 64 bytes and are not declared twice"));
			}
			if !file.path.starts_with("/inputs/") || !is_clean_absolute_path(&file.path) {
				return Err(field(at, "its path must be below /inputs/, without '.' and '..'"));
			}
		}
		Ok(())
	}

	fn check_template(&self, at: &str, template: &str) -> Result<(), ManifestError> {
		if template.contains('\0') {
			return Err(field(at, "it has a NUL character"));
		}
		for name in split_template(template)
			.map_err(|why| field(at, why))?
			.into_iter()
			.skip(1)
			.step_by(2)
		{
			if !self.inputs.iter().any(|i| i.name == name) {
				return Err(field(at, format!("'{{{{{name}}}}}' is not a declared input")));
			}
		}
		Ok(())
	}

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

/// The canonical JSON of inputs.
pub fn canonical_inputs(values: &InputValues) -> Vec<u8> {
	serde_json::to_vec(values).expect("maps of texts, numbers and booleans are JSON; qed")
}

fn fill(template: &str, values: &InputValues) -> String {
	let Ok(parts) = split_template(template) else {
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

	fn check(&self, value: InputValue) -> Result<InputValue, InputError> {
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

#[cfg(test)]
mod tests {
	use super::*;

	fn json() -> serde_json::Value {
		serde_json::json!({
			"version": 1, "name": "cowsay", "tag": "v0.0.1",
			"runtime": { "kind": "container", "image": format!("sha256:{}", "ab".repeat(32)), "archive": null },
			"entrypoint": ["/usr/games/cowsay", "{{Message}}"],
			"env": { "GREETING": "say {{ Message }}, {{Times}} times" },
			"inputs": [
				{ "name": "Message", "type": "string", "required": true, "max_length": 4096, "description": "what to say" },
				{ "name": "Times", "type": "integer", "default": 2, "min": 1, "max": 9 },
				{ "name": "Loud", "type": "boolean" },
				{ "name": "Mood", "type": "string", "choices": ["borg", "dead"] },
				{ "name": "Width", "type": "number" }
			],
			"files": [{ "name": "song", "path": "/inputs/song", "required": false, "max_bytes": 10 }],
			"outputs": ["/outputs"],
			"machine": { "cpu_milli": 1000, "ram_mib": 100, "disk_mib": 10 },
			"max_seconds": 1800,
			"profile": "deterministic"
		})
	}

	fn manifest() -> Manifest {
		Manifest::parse(json().to_string().as_bytes()).expect("valid")
	}

	#[test]
	fn a_manifest_survives_a_round_trip() {
		let m = manifest();
		assert_eq!(Manifest::parse(&m.to_bytes().expect("short")).expect("valid"), m);
		assert_eq!(m.module_name().expect("a name").as_str(), "cowsay:v0.0.1");
		assert_eq!(m.verified, all_parts());
		assert_eq!(
			m.image(),
			Some(RuntimeImage::Container {
				platform: Platform::ContainerAmd64,
				image: [0xab; 32]
			})
		);
	}

	#[test]
	fn hostile_text_is_one_argument_unchanged() {
		for text in [
			"a=b=c",
			"\"quoted\" 'too'",
			"line\nbreak",
			"🐮",
			"$(rm -rf /)",
			"{{Message}}",
			"{{Times}}",
			"`id`; &",
			"",
		] {
			let values = manifest().inputs_from_text([("Message", text)]).expect("valid");
			assert_eq!(manifest().command(&values), ["/usr/games/cowsay", text]);
			let again = manifest()
				.inputs_from_json(&canonical_inputs(&values))
				.expect("valid");
			assert_eq!(again, values);
		}
	}

	#[test]
	fn placeholders_and_defaults_are_filled() {
		let values = manifest()
			.inputs_from_text([("Message", "moo"), ("Width", "2")])
			.expect("valid");
		assert_eq!(manifest().environment(&values)["GREETING"], "say moo, 2 times");
		assert_eq!(
			canonical_inputs(&values),
			br#"{"Message":"moo","Times":2,"Width":2.0}"#
		);
	}

	#[test]
	fn texts_stand_for_values_of_any_kind() {
		let given = br#"{"Loud":"true","Message":"moo","Times":"3","Width":"2.5"}"#;
		let values = manifest().inputs_from_json(given).expect("valid");
		assert_eq!(
			canonical_inputs(&values),
			br#"{"Loud":true,"Message":"moo","Times":3,"Width":2.5}"#
		);
		let refused = manifest().inputs_from_json(br#"{"Message":"moo","Times":"10"}"#);
		assert!(refused.unwrap_err().to_string().contains("at most 9"));
		let refused = manifest().inputs_from_json(br#"{"Message":"moo","Times":"many"}"#);
		assert!(refused.unwrap_err().to_string().contains("a whole number"));
	}

	#[test]
	fn wrong_inputs_are_refused() {
		let m = manifest();
		let text = |pairs: &[(&'static str, &'static str)]| {
			m.inputs_from_text(pairs.iter().copied()).unwrap_err().to_string()
		};
		assert!(text(&[]).contains("-i Message="));
		assert!(text(&[("Massage", "x")]).contains("Message, Times, Loud"));
		assert!(text(&[("Message", "m"), ("Times", "many")]).contains("a whole number"));
		assert!(text(&[("Message", "m"), ("Times", "10")]).contains("at most 9"));
		assert!(text(&[("Message", "m"), ("Times", "0")]).contains("at least 1"));
		assert!(text(&[("Message", "m"), ("Loud", "yes")]).contains("true or false"));
		assert!(text(&[("Message", "m"), ("Mood", "happy")]).contains("borg, dead"));
		assert!(text(&[("Message", "m"), ("Width", "NaN")]).contains("a number"));
		assert!(text(&[("Message", "a\0b")]).contains("NUL"));
		let long = "x".repeat(4097);
		assert!(m
			.inputs_from_text([("Message", long.as_str())])
			.unwrap_err()
			.to_string()
			.contains("4097 bytes"));
		assert!(m.inputs_from_json(b"[1]").is_err());
		assert!(m.inputs_from_json(br#"{"Message":{"a":1}}"#).is_err());
		assert!(m
			.inputs_from_json(br#"{"Message":7}"#)
			.unwrap_err()
			.to_string()
			.contains("must be text"));
	}

	#[test]
	fn files_are_checked() {
		let m = manifest();
		assert_eq!(m.check_files([("song", 10)]), Ok(()));
		assert!(m.check_files([("song", 11)]).is_err());
		assert!(m.check_files([("sang", 1)]).is_err());
		assert!(m.check_files([("song", 1), ("song", 1)]).is_err());
	}

	#[test]
	fn malformed_manifests_are_refused() {
		let refuse = |change: &dyn Fn(&mut serde_json::Value)| {
			let mut value = json();
			change(&mut value);
			Manifest::parse(value.to_string().as_bytes())
				.expect_err("must be refused")
				.to_string()
		};
		assert!(refuse(&|m| m["version"] = 2.into()).contains("version 2"));
		assert!(refuse(&|m| m["name"] = "Cow Say".into()).contains("lower-case"));
		assert!(refuse(&|m| m["surprise"] = 1.into()).contains("surprise"));
		assert!(refuse(&|m| m["machine"]["ram_mib"] = 0.into()).contains("ram_mib"));
		assert!(refuse(&|m| m["max_seconds"] = 0.into()).contains("max_seconds"));
		assert!(refuse(&|m| m["entrypoint"] = serde_json::json!([])).contains("entrypoint"));
		assert!(refuse(&|m| m["entrypoint"][1] = "{{Nope}}".into()).contains("Nope"));
		assert!(refuse(&|m| m["entrypoint"][1] = "{{Message".into()).contains("without"));
		assert!(refuse(&|m| m["env"]["A=B"] = "x".into()).contains("A=B"));
		assert!(refuse(&|m| m["outputs"][0] = "/outputs/../etc".into()).contains(".."));
		assert!(refuse(&|m| m["outputs"][0] = "outputs".into()).contains("absolute"));
		assert!(refuse(&|m| m["files"][0]["path"] = "/etc/passwd".into()).contains("/inputs/"));
		assert!(refuse(&|m| m["files"][0]["path"] = "/inputs/../etc".into()).contains("/inputs/"));
		assert!(refuse(&|m| m["inputs"][1]["default"] = 99.into()).contains("default"));
		assert!(refuse(&|m| m["inputs"][1]["name"] = "Message".into()).contains("twice"));
		assert!(refuse(&|m| m["runtime"]["image"] = "latest".into()).contains("64 hexadecimal"));
		assert!(refuse(&|m| m["runtime"]["reference"] = "docker.io/x:latest".into()).contains("by digest"));
		assert!(refuse(&|m| m["network"] = "host".into()).contains("host"));
		assert!(Manifest::parse(&vec![b' '; 20_000])
			.expect_err("too long")
			.to_string()
			.contains("20000"));
		assert!(Manifest::parse(b"{").is_err());
	}
}
