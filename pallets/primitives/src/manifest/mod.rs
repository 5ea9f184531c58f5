//! The manifest: one JSON file that says what a module is, how it is started and what it takes.
//!
//! The chain stores its bytes and does not read them; clients and workers do, with the rules of this module, so that a
//! creator is told about a wrong input before paying and a worker runs exactly what was declared.

mod digest;
mod inputs;
mod template;
#[cfg(test)]
mod tests;

pub use digest::{Blob, Digest};
pub use inputs::{
	canonical_inputs, FileSchema, InputError, InputSchema, InputType, InputValue, InputValues,
	DEFAULT_MAX_LENGTH,
};

use crate::{
	job::MAX_FILE_NAME,
	module::{ModuleNameError, MAX_MANIFEST},
	MachineSpec, Millis, ModuleName, Platform, Profile, RuntimeImage,
};
use digest::image_id;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The manifest format that this code reads and writes.
pub const MANIFEST_VERSION: u32 = 1;

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

fn field(field: impl Into<String>, why: impl Into<String>) -> ManifestError {
	ManifestError::Field {
		field: field.into(),
		why: why.into(),
	}
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
		for name in template::split(template)
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
}
