//! Digests in a manifest.

use serde::{de::Error as _, Deserialize, Deserializer, Serialize, Serializer};

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
pub(super) mod image_id {
	use super::*;
	pub(in crate::manifest) fn serialize<S: Serializer>(d: &Option<Digest>, s: S) -> Result<S::Ok, S::Error> {
		match d {
			Some(d) => s.serialize_some(&format!("sha256:{d}")),
			None => s.serialize_none(),
		}
	}
	pub(in crate::manifest) fn deserialize<'de, D: Deserializer<'de>>(
		d: D,
	) -> Result<Option<Digest>, D::Error> {
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
