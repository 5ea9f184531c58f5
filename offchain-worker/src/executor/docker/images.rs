//! Which image the engine has under a digest, and how it comes by one.
//!
//! For most engines an image's id *is* the SHA-256 of its configuration, so that asking for `sha256:…` can only give the
//! right one. Engines that keep images in containerd's store use the digest of a manifest instead, which they make
//! themselves: there the image is found by the tag that it got when this worker loaded it, and only believed when its
//! layers are those that this worker verified since it started. After a restart such an image is loaded once more.

use super::{
	super::{report, ExecError, PreparedSource, ProgressSender},
	container::ImageFacts,
	engine::{status_of, Engine},
};
use crate::image::{self, ImageError};
use bollard::{
	models::ImageInspect,
	query_parameters::{CreateImageOptionsBuilder, ImportImageOptionsBuilder, TagImageOptionsBuilder},
};
use futures::StreamExt;
use lilypad_primitives::{Platform, RuntimeImage};
use std::{
	collections::HashMap,
	path::Path,
	sync::{
		atomic::{AtomicU64, Ordering},
		Arc, Mutex, PoisonError,
	},
	time::Duration,
};

/// How long an engine may take over an archive: the largest, on a slow disk.
const LOAD_LIMIT: Duration = Duration::from_secs(3600);

/// Layers of the images that were verified since this worker started, by image id.
#[derive(Debug, Default)]
pub(super) struct Verified(Mutex<HashMap<[u8; 32], Vec<[u8; 32]>>>);

impl Verified {
	fn insert(&self, id: [u8; 32], layers: Vec<[u8; 32]>) {
		self.0
			.lock()
			.unwrap_or_else(PoisonError::into_inner)
			.insert(id, layers);
	}

	fn layers(&self, id: &[u8; 32]) -> Option<Vec<[u8; 32]>> {
		self.0
			.lock()
			.unwrap_or_else(PoisonError::into_inner)
			.get(id)
			.cloned()
	}
}

/// The digest and platform of a container image.
pub(super) fn container_image(image: &RuntimeImage) -> Result<([u8; 32], Platform), ExecError> {
	match *image {
		RuntimeImage::Container { platform, image } if image_is_container(platform) => Ok((image, platform)),
		_ => Err(ExecError::Unsupported("it is not a container".into())),
	}
}

fn image_is_container(platform: Platform) -> bool {
	platform != Platform::Wasm
}

impl Engine {
	/// What the engine has under this digest; `None` when that is nothing, or nothing to be trusted.
	pub(super) async fn find_image(
		&self,
		id: &[u8; 32],
		verified: &Verified,
	) -> Result<Option<ImageFacts>, ExecError> {
		let name = format!("sha256:{}", hex::encode(id));
		if let Some(found) = self.inspect_image(&name).await? {
			if found.id.as_deref().is_some_and(|found| same_id(found, id)) {
				return Ok(Some(facts(found, name)));
			}
		}
		let (Some(layers), tag) = (verified.layers(id), image::tag_of(id)) else {
			return Ok(None);
		};
		let Some(found) = self.inspect_image(&tag).await? else {
			return Ok(None);
		};
		let has = found
			.root_fs
			.as_ref()
			.and_then(|fs| fs.layers.clone())
			.unwrap_or_default();
		let has: Option<Vec<_>> = has.iter().map(|l| image::parse_sha256(l)).collect();
		Ok((has == Some(layers)).then(|| facts(found, tag)))
	}

	async fn inspect_image(&self, name: &str) -> Result<Option<ImageInspect>, ExecError> {
		match self.docker.inspect_image(name).await {
			Ok(found) => Ok(Some(found)),
			Err(e) if status_of(&e) == Some(404) => Ok(None),
			Err(e) => Err(self.error("look for the image")(e)),
		}
	}

	/// Makes an image available, from an archive or else from a registry.
	pub(super) async fn prepare_image(
		&self,
		source: &PreparedSource,
		verified: &Verified,
		progress: &ProgressSender,
	) -> Result<(), ExecError> {
		let (id, platform) = container_image(&source.image)?;
		if self.find_image(&id, verified).await?.is_some() {
			return Ok(());
		}
		match (&source.file, &source.reference) {
			(Some(file), _) => self.load(file, id, platform, verified, progress).await?,
			(None, Some(reference)) => self.pull(reference, id, platform, progress).await?,
			(None, None) => return Err(ImageError::NoSource(hex::encode(id)).into()),
		}
		match self.find_image(&id, verified).await? {
			Some(_) => Ok(()),
			None => Err(ExecError::Engine {
				what: "keep the image".into(),
				why: format!("after loading it, sha256:{} is not there", hex::encode(id)),
			}),
		}
	}

	async fn load(
		&self,
		file: &Path,
		id: [u8; 32],
		platform: Platform,
		verified: &Verified,
		progress: &ProgressSender,
	) -> Result<(), ExecError> {
		report(progress, "checking the image", 0, None);
		let path = file.to_path_buf();
		let checked = tokio::task::spawn_blocking(move || image::verify(&path, id, platform))
			.await
			.map_err(|e| ExecError::Invalid(format!("checking the image failed: {e}")))??;
		let total = checked.size();
		report(progress, "loading the image", 0, Some(total));
		let sent = Arc::new(AtomicU64::new(0));
		let counted = sent.clone();
		let chunks = checked.chunks()?.inspect(move |chunk| {
			if let Ok(bytes) = chunk {
				counted.fetch_add(bytes.len() as u64, Ordering::Relaxed);
			}
		});
		// Not quietly: an engine that says nothing until it has unpacked everything would seem not to answer.
		let options = ImportImageOptionsBuilder::default().quiet(false).build();
		let patient = self.docker.clone().with_timeout(LOAD_LIMIT);
		let mut answers =
			std::pin::pin!(patient.import_image_stream(options, futures::stream::iter(chunks), None));
		let mut tick = tokio::time::interval(Duration::from_millis(100));
		loop {
			tokio::select! {
				answer = answers.next() => match answer {
					Some(answer) => drop(answer.map_err(self.error("load the image"))?),
					None => break,
				},
				_ = tick.tick() => report(progress, "loading the image", sent.load(Ordering::Relaxed), Some(total)),
			}
		}
		report(progress, "loading the image", total, Some(total));
		verified.insert(id, checked.layers);
		Ok(())
	}

	/// Pulls by digest, and tags what came if it is the right image.
	async fn pull(
		&self,
		reference: &str,
		id: [u8; 32],
		platform: Platform,
		progress: &ProgressSender,
	) -> Result<(), ExecError> {
		let failed = |why: String| {
			ExecError::from(ImageError::Pull {
				reference: reference.into(),
				why,
			})
		};
		if !reference.contains("@sha256:") {
			return Err(failed("it names no digest".into()));
		}
		let options = CreateImageOptionsBuilder::default()
			.from_image(reference)
			.platform(image::platform_name(platform))
			.build();
		let mut answers = std::pin::pin!(self.docker.create_image(Some(options), None, None));
		// Bytes done and in all, by layer.
		let mut layers: HashMap<String, (u64, u64)> = HashMap::new();
		while let Some(answer) = answers.next().await {
			let answer = answer.map_err(|e| match self.error("pull the image")(e) {
				ExecError::Engine { why, .. } => failed(why),
				other => other,
			})?;
			if let Some(why) = answer.error_detail.and_then(|e| e.message) {
				return Err(failed(why));
			}
			if let (Some(layer), Some(detail)) = (answer.id, answer.progress_detail) {
				if answer.status.as_deref() == Some("Downloading") {
					let number = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
					layers.insert(layer, (number(detail.current), number(detail.total)));
				}
			}
			let (done, total) = layers
				.values()
				.fold((0, 0), |(d, t), (done, total)| (d + done, t + total));
			report(progress, "pulling the image", done, (total > 0).then_some(total));
		}
		let found = self
			.inspect_image(reference)
			.await?
			.ok_or_else(|| failed("it is not there afterwards".into()))?;
		let found_id = found.id.unwrap_or_default();
		if !same_id(&found_id, &id) {
			// Also what an engine with containerd's store says, whose ids are of another kind: it needs the archive.
			let found = found_id.trim_start_matches("sha256:").to_string();
			return Err(ImageError::WrongImage {
				expected: hex::encode(id),
				found,
			}
			.into());
		}
		let tag = hex::encode(id);
		let options = TagImageOptionsBuilder::default()
			.repo(image::REPOSITORY)
			.tag(&tag)
			.build();
		self.docker
			.tag_image(&found_id, Some(options))
			.await
			.map_err(self.error("tag the image"))
	}
}

fn same_id(found: &str, id: &[u8; 32]) -> bool {
	// Podman leaves the algorithm out.
	found.strip_prefix("sha256:").unwrap_or(found) == hex::encode(id)
}

fn facts(found: ImageInspect, reference: String) -> ImageFacts {
	let config = found.config.unwrap_or_default();
	let mut volumes = config.volumes.unwrap_or_default();
	volumes.sort();
	ImageFacts {
		reference,
		env: config.env.unwrap_or_default(),
		volumes,
	}
}
