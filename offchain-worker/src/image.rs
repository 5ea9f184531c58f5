//! Container images as archives: checked against the digest on the chain before any engine sees them.
//!
//! An archive is what `docker save` writes (a `manifest.json`, a configuration, layers) or an OCI image layout (`oci-layout`,
//! `index.json`, blobs), with uncompressed layers. The image's id is the SHA-256 of its configuration, the configuration
//! names the SHA-256 of every layer, and both are recomputed here: the bytes may come from anybody.
//!
//! What is handed to the engine is not the archive but a new one, made of the configuration and the layers that were just
//! checked and of nothing else, so that an archive can't move a tag that the operator uses, or smuggle in a second image.

use bytes::Bytes;
use lilypad_primitives::Platform;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::{
	collections::{BTreeMap, BTreeSet},
	fs::File,
	io::{Read, Seek, SeekFrom},
	path::{Path, PathBuf},
};

/// Most entries in an archive.
const MAX_ENTRIES: usize = 4096;
/// Most layers in an image.
const MAX_LAYERS: usize = 128;
/// Largest JSON file in an archive, in bytes.
const MAX_JSON: u64 = 4 << 20;
/// Largest archive, in bytes.
pub const MAX_ARCHIVE: u64 = 64 << 30;
/// The repository under which verified images are tagged, their id being the tag.
pub const REPOSITORY: &str = "lilypad/verified";

/// Why an image or code is refused, or not to be had.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
	/// The archive can't be read.
	#[error("can't read the archive {path}: {source}")]
	Read {
		/// Where it is.
		path: PathBuf,
		/// Why not.
		source: std::io::Error,
	},
	/// It is larger than anything that is accepted.
	#[error("the archive is too large: {0}")]
	TooLarge(String),
	/// It is not an image archive.
	#[error("the archive is not an image: {0}")]
	Malformed(String),
	/// It has something in it that no image needs.
	#[error("the archive is not to be trusted: {0}")]
	Hostile(String),
	/// Its layers are compressed.
	#[error("the layer {0} is compressed: save the image with uncompressed layers (docker save, or podman save --format docker-archive)")]
	Compressed(String),
	/// It is another image than the one that was asked for.
	#[error("the archive holds the image sha256:{found}, not sha256:{expected}")]
	WrongImage {
		/// What was asked for.
		expected: String,
		/// What it is.
		found: String,
	},
	/// A layer is not what the configuration says.
	#[error("layer {index} of the image is {found}, but its configuration names {expected}")]
	WrongLayer {
		/// Which one, from 0.
		index: usize,
		/// What the configuration names.
		expected: String,
		/// What is there.
		found: String,
	},
	/// It is for another kind of machine.
	#[error("the image is for {found}, not for {expected}")]
	WrongPlatform {
		/// What was declared.
		expected: String,
		/// What it is.
		found: String,
	},
	/// The code does not have the hash that was asked for.
	#[error("the code has the BLAKE3 hash {found}, not {expected}")]
	WrongCode {
		/// What was asked for.
		expected: String,
		/// What it has.
		found: String,
	},
	/// The code is not a module that can run.
	#[error("the code is not a WebAssembly module that this worker can run: {0}")]
	BadCode(String),
	/// A registry does not give the image.
	#[error("can't pull {reference}: {why}")]
	Pull {
		/// The registry's name for it.
		reference: String,
		/// Its answer.
		why: String,
	},
	/// There is nothing to make it from.
	#[error("there is neither an archive nor a registry's name for the image sha256:{0}")]
	NoSource(String),
}

/// An archive whose image was found to be the expected one.
#[derive(Clone, Debug)]
pub struct VerifiedImage {
	path: PathBuf,
	/// The image's id.
	pub id: [u8; 32],
	/// SHA-256 of its layers, from the lowest up.
	pub layers: Vec<[u8; 32]>,
	config: Vec<u8>,
	/// Where each layer lies in the archive: offset and length.
	places: Vec<(u64, u64)>,
}

#[derive(Clone, Copy)]
struct Entry {
	offset: u64,
	size: u64,
	sha256: [u8; 32],
}

#[derive(Deserialize)]
struct DockerManifest {
	#[serde(rename = "Config")]
	config: String,
	#[serde(rename = "Layers")]
	layers: Vec<String>,
}

#[derive(Deserialize)]
struct Descriptor {
	digest: String,
	#[serde(default, rename = "mediaType")]
	media_type: String,
}

#[derive(Deserialize)]
struct OciIndex {
	manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct OciManifest {
	config: Descriptor,
	layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Config {
	#[serde(default)]
	architecture: String,
	#[serde(default)]
	os: String,
	rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
	#[serde(default)]
	diff_ids: Vec<String>,
}

/// Checks that an archive holds exactly the image `expected`, for this platform. Reads it once from end to end.
pub fn verify(path: &Path, expected: [u8; 32], platform: Platform) -> Result<VerifiedImage, ImageError> {
	let read_error = |source| ImageError::Read {
		path: path.into(),
		source,
	};
	let mut file = File::open(path).map_err(read_error)?;
	let length = file.metadata().map_err(read_error)?.len();
	if length > MAX_ARCHIVE {
		return Err(ImageError::TooLarge(format!(
			"{length} bytes; at most {MAX_ARCHIVE} are accepted"
		)));
	}
	let entries = index(&mut file, path)?;
	let (config_name, layer_names) = match entries.contains_key("manifest.json") {
		true => docker_names(&mut file, &entries)?,
		false => oci_names(&mut file, &entries)?,
	};
	let config_entry = find(&entries, &config_name)?;
	if config_entry.sha256 != expected {
		let (expected, found) = (hex::encode(expected), hex::encode(config_entry.sha256));
		return Err(ImageError::WrongImage { expected, found });
	}
	let config_bytes = json_bytes(&mut file, &config_name, config_entry)?;
	let config: Config = parse(&config_name, &config_bytes)?;
	check_platform(&config, platform)?;
	let diff_ids = &config.rootfs.diff_ids;
	if diff_ids.len() != layer_names.len() || diff_ids.len() > MAX_LAYERS {
		let (have, named) = (layer_names.len(), diff_ids.len());
		return Err(ImageError::Malformed(format!(
			"it has {have} layers and its configuration names {named}"
		)));
	}
	let mut places = Vec::with_capacity(layer_names.len());
	let mut layers = Vec::with_capacity(layer_names.len());
	for (at, (name, diff_id)) in layer_names.iter().zip(diff_ids).enumerate() {
		let entry = find(&entries, name)?;
		if parse_sha256(diff_id) != Some(entry.sha256) {
			if is_compressed(&mut file, entry).map_err(read_error)? {
				return Err(ImageError::Compressed(name.clone()));
			}
			let found = format!("sha256:{}", hex::encode(entry.sha256));
			return Err(ImageError::WrongLayer {
				index: at,
				expected: diff_id.clone(),
				found,
			});
		}
		places.push((entry.offset, entry.size));
		layers.push(entry.sha256);
	}
	Ok(VerifiedImage {
		path: path.into(),
		id: expected,
		layers,
		config: config_bytes,
		places,
	})
}

/// Names, places and digests of an archive's files.
fn index(file: &mut File, path: &Path) -> Result<BTreeMap<String, Entry>, ImageError> {
	let read_error = |source| ImageError::Read {
		path: path.into(),
		source,
	};
	let mut entries = BTreeMap::new();
	let mut archive = tar::Archive::new(file);
	let mut count = 0;
	// Raw: extension headers, which would be read into memory whole, are met here as entries.
	for entry in archive.entries().map_err(read_error)?.raw(true) {
		let mut entry = entry.map_err(|e| ImageError::Malformed(format!("it is no tar archive: {e}")))?;
		count += 1;
		if count > MAX_ENTRIES {
			return Err(ImageError::TooLarge(format!(
				"it has more than {MAX_ENTRIES} entries"
			)));
		}
		let bytes = entry.path_bytes().into_owned();
		let name = clean_name(&bytes)?;
		let kind = entry.header().entry_type();
		// Extended headers carry times and owners, which nothing here needs; what they say of names is not believed.
		if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
			continue;
		}
		if !kind.is_file() {
			return Err(ImageError::Hostile(format!(
				"'{name}' is neither a file nor a folder"
			)));
		}
		let (offset, size) = (entry.raw_file_position(), entry.size());
		let mut hasher = Sha256::new();
		let copied = std::io::copy(&mut entry, &mut hasher).map_err(read_error)?;
		if copied != size {
			return Err(ImageError::Malformed(format!("'{name}' is cut short")));
		}
		if entries
			.insert(
				name.clone(),
				Entry {
					offset,
					size,
					sha256: hasher.finalize().into(),
				},
			)
			.is_some()
		{
			return Err(ImageError::Hostile(format!("'{name}' is in it twice")));
		}
	}
	Ok(entries)
}

fn clean_name(bytes: &[u8]) -> Result<String, ImageError> {
	let text =
		std::str::from_utf8(bytes).map_err(|_| ImageError::Hostile("a name in it is not text".into()))?;
	let name = text.strip_prefix("./").unwrap_or(text).trim_end_matches('/');
	let clean = name.len() <= 255 && !name.chars().any(char::is_control) && !name.starts_with('/');
	if !clean || name.split('/').any(|part| part == "..") {
		return Err(ImageError::Hostile(format!(
			"the name '{}' leads elsewhere",
			text.escape_debug()
		)));
	}
	Ok(name.into())
}

fn find(entries: &BTreeMap<String, Entry>, name: &str) -> Result<Entry, ImageError> {
	let name = name.strip_prefix("./").unwrap_or(name);
	let missing = || ImageError::Malformed(format!("'{}' is not in it", name.escape_debug()));
	entries.get(name).copied().ok_or_else(missing)
}

fn json_bytes(file: &mut File, name: &str, entry: Entry) -> Result<Vec<u8>, ImageError> {
	if entry.size > MAX_JSON {
		return Err(ImageError::TooLarge(format!("'{name}' has {} bytes", entry.size)));
	}
	let mut bytes = vec![0; entry.size as usize];
	file.seek(SeekFrom::Start(entry.offset))
		.and_then(|_| file.read_exact(&mut bytes))
		.map_err(|e| ImageError::Malformed(format!("'{name}' can't be read: {e}")))?;
	// The file may have been changed since it was hashed.
	match <[u8; 32]>::from(Sha256::digest(&bytes)) == entry.sha256 {
		true => Ok(bytes),
		false => Err(ImageError::Hostile("it changed while it was read".into())),
	}
}

fn parse<T: for<'de> Deserialize<'de>>(name: &str, bytes: &[u8]) -> Result<T, ImageError> {
	serde_json::from_slice(bytes).map_err(|e| ImageError::Malformed(format!("'{name}': {e}")))
}

fn docker_names(
	file: &mut File,
	entries: &BTreeMap<String, Entry>,
) -> Result<(String, Vec<String>), ImageError> {
	let name = "manifest.json";
	let mut images: Vec<DockerManifest> = parse(name, &json_bytes(file, name, find(entries, name)?)?)?;
	match (images.pop(), images.is_empty()) {
		(Some(image), true) => Ok((image.config, image.layers)),
		_ => Err(ImageError::Malformed("it must hold one image".into())),
	}
}

fn oci_names(
	file: &mut File,
	entries: &BTreeMap<String, Entry>,
) -> Result<(String, Vec<String>), ImageError> {
	let name = "index.json";
	if !entries.contains_key(name) {
		return Err(ImageError::Malformed(
			"it has neither a manifest.json nor an index.json".into(),
		));
	}
	let mut index: OciIndex = parse(name, &json_bytes(file, name, find(entries, name)?)?)?;
	let (Some(manifest), true) = (index.manifests.pop(), index.manifests.is_empty()) else {
		return Err(ImageError::Malformed("it must hold one image".into()));
	};
	if manifest.media_type.contains("index") || manifest.media_type.contains("list") {
		return Err(ImageError::Malformed(
			"it holds images for several platforms: save one of them".into(),
		));
	}
	let name = blob_name(&manifest.digest)?;
	let manifest: OciManifest = parse(&name, &json_bytes(file, &name, find(entries, &name)?)?)?;
	let layers = manifest
		.layers
		.iter()
		.map(|l| blob_name(&l.digest))
		.collect::<Result<_, _>>()?;
	Ok((blob_name(&manifest.config.digest)?, layers))
}

fn blob_name(digest: &str) -> Result<String, ImageError> {
	let hash = parse_sha256(digest)
		.ok_or_else(|| ImageError::Malformed(format!("'{}' is no SHA-256 digest", digest.escape_debug())))?;
	Ok(format!("blobs/sha256/{}", hex::encode(hash)))
}

/// `sha256:` and 64 hexadecimal digits.
pub(crate) fn parse_sha256(digest: &str) -> Option<[u8; 32]> {
	let mut out = [0; 32];
	hex::decode_to_slice(digest.strip_prefix("sha256:")?, &mut out).ok()?;
	Some(out)
}

fn is_compressed(file: &mut File, entry: Entry) -> std::io::Result<bool> {
	let mut magic = [0; 4];
	if entry.size < 4 {
		return Ok(false);
	}
	file.seek(SeekFrom::Start(entry.offset))?;
	file.read_exact(&mut magic)?;
	Ok(magic.starts_with(&[0x1f, 0x8b]) || magic == [0x28, 0xb5, 0x2f, 0xfd])
}

fn check_platform(config: &Config, platform: Platform) -> Result<(), ImageError> {
	let expected = platform_name(platform);
	let found = format!("{}/{}", config.os, config.architecture);
	match expected == found {
		true => Ok(()),
		false => Err(ImageError::WrongPlatform {
			expected: expected.into(),
			found,
		}),
	}
}

/// As engines write it.
pub(crate) fn platform_name(platform: Platform) -> &'static str {
	match platform {
		Platform::ContainerAmd64 => "linux/amd64",
		Platform::ContainerArm64 => "linux/arm64",
		Platform::Wasm => "wasm",
	}
}

/// What becomes of an archive on its way to the engine: bytes, or a hole to be filled from the file.
enum Piece {
	Bytes(Vec<u8>),
	Layer { offset: u64, size: u64 },
}

impl VerifiedImage {
	/// The tag under which the engine will know it: `lilypad/verified:<id>`.
	pub fn tag(&self) -> String {
		tag_of(&self.id)
	}

	/// Bytes of [`Self::chunks`].
	pub fn size(&self) -> u64 {
		self.pieces()
			.iter()
			.map(|p| match p {
				Piece::Bytes(bytes) => bytes.len() as u64,
				Piece::Layer { size, .. } => *size,
			})
			.sum()
	}

	/// The archive for the engine, in pieces of at most 1 MiB.
	pub fn chunks(
		&self,
	) -> Result<impl Iterator<Item = std::io::Result<Bytes>> + Send + 'static, ImageError> {
		let file = File::open(&self.path).map_err(|source| ImageError::Read {
			path: self.path.clone(),
			source,
		})?;
		Ok(Chunks {
			file,
			pieces: self.pieces().into_iter(),
			left: 0,
		})
	}

	fn pieces(&self) -> Vec<Piece> {
		let id = hex::encode(self.id);
		let names: Vec<String> = self
			.layers
			.iter()
			.map(|l| format!("{}.tar", hex::encode(l)))
			.collect();
		let manifest = serde_json::json!([{
			"Config": format!("{id}.json"), "RepoTags": [self.tag()], "Layers": names,
		}]);
		let mut pieces = Vec::new();
		push_file(&mut pieces, "manifest.json", manifest.to_string().into_bytes());
		push_file(&mut pieces, &format!("{id}.json"), self.config.clone());
		let mut done = BTreeSet::new();
		for (name, &(offset, size)) in names.iter().zip(&self.places) {
			// An image may have the same layer twice; the archive needs it once.
			if done.insert(name) {
				pieces.push(Piece::Bytes(header(name, size)));
				pieces.push(Piece::Layer { offset, size });
				pieces.push(Piece::Bytes(padding(size)));
			}
		}
		pieces.push(Piece::Bytes(vec![0; 1024]));
		pieces
	}
}

/// The tag of a verified image.
pub(crate) fn tag_of(id: &[u8; 32]) -> String {
	format!("{REPOSITORY}:{}", hex::encode(id))
}

fn header(name: &str, size: u64) -> Vec<u8> {
	let mut header = tar::Header::new_ustar();
	header
		.set_path(name)
		.expect("names made of a digest and a suffix are short and relative; qed");
	header.set_size(size);
	header.set_mode(0o644);
	header.set_cksum();
	header.as_bytes().to_vec()
}

fn padding(size: u64) -> Vec<u8> {
	vec![0; ((512 - size % 512) % 512) as usize]
}

fn push_file(pieces: &mut Vec<Piece>, name: &str, bytes: Vec<u8>) {
	let size = bytes.len() as u64;
	pieces.push(Piece::Bytes(header(name, size)));
	pieces.push(Piece::Bytes(bytes));
	pieces.push(Piece::Bytes(padding(size)));
}

struct Chunks {
	file: File,
	pieces: std::vec::IntoIter<Piece>,
	left: u64,
}

impl Iterator for Chunks {
	type Item = std::io::Result<Bytes>;

	fn next(&mut self) -> Option<Self::Item> {
		const CHUNK: u64 = 1 << 20;
		loop {
			if self.left > 0 {
				let mut bytes = vec![0; self.left.min(CHUNK) as usize];
				self.left -= bytes.len() as u64;
				return Some(self.file.read_exact(&mut bytes).map(|()| bytes.into()));
			}
			match self.pieces.next()? {
				Piece::Bytes(bytes) if bytes.is_empty() => (),
				Piece::Bytes(bytes) => return Some(Ok(bytes.into())),
				Piece::Layer { offset, size } => match self.file.seek(SeekFrom::Start(offset)) {
					Ok(_) => self.left = size,
					Err(e) => return Some(Err(e)),
				},
			}
		}
	}
}

#[cfg(test)]
#[path = "executor/image_tests.rs"]
mod tests;
