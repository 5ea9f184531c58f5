//! Module versions as the chain knows them.

use crate::{Balance, MachineSpec, Millis};
use alloc::string::String;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{bounded::BoundedVec, ConstU32};

/// Longest `name:tag`, in bytes.
pub const MAX_MODULE_NAME: u32 = 96;
/// Longest manifest, in bytes.
pub const MAX_MANIFEST: u32 = 16 * 1024;

/// The JSON text of a manifest.
pub type ManifestBytes = BoundedVec<u8, ConstU32<MAX_MANIFEST>>;

/// `name:tag`: lower-case letters, digits, `.`, `_`, `-` and `/` in the name; letters, digits, `.`, `_` and `-` in the
/// tag; both begin with a letter or digit.
#[derive(
	Clone,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct ModuleName(pub BoundedVec<u8, ConstU32<MAX_MODULE_NAME>>);

/// Why a text is not a module's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleNameError {
	/// Longer than [`MAX_MODULE_NAME`].
	TooLong,
	/// There is no `:`, or more than one.
	NoTag,
	/// The part before the `:` is empty or has a character that names can't have.
	BadName,
	/// The part after the `:` is empty or has a character that tags can't have.
	BadTag,
}

impl core::fmt::Display for ModuleNameError {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(match self {
			Self::TooLong => "a module's name:tag has at most 96 bytes",
			Self::NoTag => "a module is named name:tag, for instance cowsay:v0.0.1",
			Self::BadName => {
				"a module's name has lower-case letters, digits and . _ - / and begins with a letter or digit"
			},
			Self::BadTag => "a module's tag has letters, digits and . _ - and begins with a letter or digit",
		})
	}
}

#[cfg(feature = "std")]
impl std::error::Error for ModuleNameError {}

impl ModuleName {
	/// Whether this is well formed. A decoded name has only been checked for length.
	pub fn check(&self) -> Result<(), ModuleNameError> {
		let mut parts = self.0.split(|&b| b == b':');
		let name = parts.next().unwrap_or_default();
		let tag = parts.next().ok_or(ModuleNameError::NoTag)?;
		if parts.next().is_some() {
			return Err(ModuleNameError::NoTag);
		}
		let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
		let joins = |b: &u8| matches!(b, b'.' | b'_' | b'-');
		if !name.first().is_some_and(plain) || !name.iter().all(|b| plain(b) || joins(b) || *b == b'/') {
			return Err(ModuleNameError::BadName);
		}
		if !tag.first().is_some_and(u8::is_ascii_alphanumeric)
			|| !tag.iter().all(|b| b.is_ascii_alphanumeric() || joins(b))
		{
			return Err(ModuleNameError::BadTag);
		}
		Ok(())
	}

	/// The text. Well-formed names are ASCII; anything else is shown as far as it can be.
	pub fn as_str(&self) -> &str {
		core::str::from_utf8(&self.0).unwrap_or("\u{fffd}")
	}

	/// The part before the `:`.
	pub fn name(&self) -> &str {
		self.as_str().split(':').next().unwrap_or_default()
	}

	/// The part after the `:`.
	pub fn tag(&self) -> &str {
		self.as_str().split(':').nth(1).unwrap_or_default()
	}
}

impl core::str::FromStr for ModuleName {
	type Err = ModuleNameError;
	fn from_str(s: &str) -> Result<Self, Self::Err> {
		let name = ModuleName(
			s.as_bytes()
				.to_vec()
				.try_into()
				.map_err(|_| ModuleNameError::TooLong)?,
		);
		name.check().map(|()| name)
	}
}

impl TryFrom<String> for ModuleName {
	type Error = ModuleNameError;
	fn try_from(s: String) -> Result<Self, Self::Error> {
		s.parse()
	}
}

impl From<ModuleName> for String {
	fn from(name: ModuleName) -> String {
		name.as_str().into()
	}
}

impl core::fmt::Display for ModuleName {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(self.as_str())
	}
}

impl core::fmt::Debug for ModuleName {
	fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
		f.write_str(self.as_str())
	}
}

/// What executes a module.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeKind {
	/// A container engine.
	Container,
	/// The embedded WebAssembly engine.
	Wasm,
}

/// A runtime kind together with the architecture it needs: what an offer lists and a module has one of.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Hash,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
	/// WASI preview 1, on any machine.
	Wasm,
	/// Containers for linux/amd64.
	ContainerAmd64,
	/// Containers for linux/arm64.
	ContainerArm64,
}

impl Platform {
	/// The runtime kind.
	pub fn kind(self) -> RuntimeKind {
		match self {
			Platform::Wasm => RuntimeKind::Wasm,
			Platform::ContainerAmd64 | Platform::ContainerArm64 => RuntimeKind::Container,
		}
	}
}

/// The code of a module version, by digest.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeImage {
	/// A container image.
	Container {
		/// Where it runs; never [`Platform::Wasm`].
		platform: Platform,
		/// SHA-256 of the image's configuration: what container engines call the image's id.
		image: [u8; 32],
	},
	/// A WebAssembly module.
	Wasm {
		/// BLAKE3 of the code.
		code: [u8; 32],
	},
}

impl RuntimeImage {
	/// Where it runs.
	pub fn platform(&self) -> Platform {
		match self {
			RuntimeImage::Container { platform, .. } => *platform,
			RuntimeImage::Wasm { .. } => Platform::Wasm,
		}
	}

	/// Whether kind and platform agree.
	pub fn is_consistent(&self) -> bool {
		!matches!(
			self,
			RuntimeImage::Container {
				platform: Platform::Wasm,
				..
			}
		)
	}
}

/// Whether equal inputs give equal results.
#[derive(
	Clone,
	Copy,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
	/// They do: results can be audited and challenged. A false declaration costs the author's bond.
	Deterministic,
	/// They need not: the creator's judgement is all there is.
	NonDeterministic,
}

/// A registered module version, without its manifest.
#[derive(
	Clone,
	Debug,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct ModuleInfo<AccountId> {
	/// `name:tag`.
	pub name: ModuleName,
	/// Who registered it and earns its fee.
	pub author: AccountId,
	/// Its code.
	pub runtime: RuntimeImage,
	/// Size of the image's archive or of the code, in bytes: gives the provider time to fetch it.
	pub fetch_bytes: u64,
	/// The least machine that runs it.
	pub min_spec: MachineSpec,
	/// Its longest run.
	pub max_run: Millis,
	/// What the author earns per completed run.
	pub fee: Balance,
	/// Whether equal inputs give equal results.
	pub profile: Profile,
	/// Marked by the curators.
	pub curated: bool,
	/// Withdrawn: nothing new is matched.
	pub delisted: bool,
	/// BLAKE2b-256 of the manifest.
	pub manifest_hash: [u8; 32],
	/// The author's bond behind [`Profile::Deterministic`].
	pub bond: Balance,
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn names_work() {
		for ok in ["cowsay:v0.0.1", "a:1", "org/tool_x-2.0:V1_rc.2"] {
			let name: ModuleName = ok.parse().expect(ok);
			assert_eq!(name.as_str(), ok);
			assert_eq!(alloc::format!("{}:{}", name.name(), name.tag()), ok);
		}
	}

	#[test]
	fn names_fail_when_malformed() {
		use ModuleNameError::*;
		for (bad, why) in [
			("", NoTag),
			("cowsay", NoTag),
			("cowsay:v1:v2", NoTag),
			(":v1", BadName),
			("Cow:v1", BadName),
			("-cow:v1", BadName),
			("co w:v1", BadName),
			("co\u{301}w:v1", BadName),
			("cow:", BadTag),
			("cow:.1", BadTag),
			("cow:v/1", BadTag),
		] {
			assert_eq!(bad.parse::<ModuleName>(), Err(why), "{bad}");
		}
		assert_eq!("x".repeat(97).parse::<ModuleName>(), Err(TooLong));
	}
}
