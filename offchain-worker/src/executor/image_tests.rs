use super::*;
use serde_json::{json, Value};

/// An archive in the making.
#[derive(Clone)]
struct Archive {
	files: Vec<(String, Vec<u8>)>,
	odd: Vec<(String, tar::EntryType)>,
}

fn digest(bytes: &[u8]) -> String {
	hex::encode(Sha256::digest(bytes))
}

fn layer(text: &str) -> Vec<u8> {
	let mut tar = tar::Builder::new(Vec::new());
	let mut header = tar::Header::new_ustar();
	header.set_size(text.len() as u64);
	header.set_mode(0o644);
	tar.append_data(&mut header, "file", text.as_bytes())
		.expect("appended");
	tar.into_inner().expect("written")
}

fn config(layers: &[Vec<u8>]) -> Value {
	let ids: Vec<_> = layers.iter().map(|l| format!("sha256:{}", digest(l))).collect();
	json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": ids }, "config": {} })
}

fn docker_archive(config: &Value, layers: &[Vec<u8>]) -> (Archive, [u8; 32]) {
	let config = config.to_string().into_bytes();
	let id: [u8; 32] = Sha256::digest(&config).into();
	let names: Vec<_> = layers
		.iter()
		.map(|l| format!("{}/layer.tar", digest(l)))
		.collect();
	let config_name = format!("{}.json", hex::encode(id));
	let manifest = json!([{ "Config": config_name, "RepoTags": ["debian:latest"], "Layers": names }]);
	let mut files = vec![
		(config_name, config),
		("manifest.json".to_string(), manifest.to_string().into_bytes()),
	];
	files.extend(names.into_iter().zip(layers.to_vec()));
	(
		Archive {
			files,
			odd: Vec::new(),
		},
		id,
	)
}

fn sample() -> (Archive, [u8; 32]) {
	let layers = [layer("lower"), layer("upper")];
	docker_archive(&config(&layers), &layers)
}

impl Archive {
	fn write(&self) -> tempfile::NamedTempFile {
		let mut tar = tar::Builder::new(tempfile::NamedTempFile::new().expect("a file"));
		for (name, bytes) in &self.files {
			let mut header = tar::Header::new_ustar();
			header.set_size(bytes.len() as u64);
			header.set_mode(0o644);
			// `set_path` refuses what a hostile archive has.
			let field = &mut header.as_old_mut().name;
			field[..name.len()].copy_from_slice(name.as_bytes());
			header.set_cksum();
			tar.append(&header, &bytes[..]).expect("appended");
		}
		for (name, kind) in &self.odd {
			let mut header = tar::Header::new_ustar();
			header.set_entry_type(*kind);
			header.set_path(name).expect("a name");
			header.set_link_name("/etc/passwd").expect("a name");
			header.set_size(0);
			header.set_cksum();
			tar.append(&header, std::io::empty()).expect("appended");
		}
		tar.into_inner().expect("written")
	}

	fn verify(&self, id: [u8; 32]) -> Result<VerifiedImage, ImageError> {
		verify(self.write().path(), id, Platform::ContainerAmd64)
	}

	fn refused(&self, id: [u8; 32]) -> String {
		self.verify(id).expect_err("must be refused").to_string()
	}
}

#[test]
fn a_docker_archive_works_and_is_made_anew() {
	let (archive, id) = sample();
	let file = archive.write();
	let image = verify(file.path(), id, Platform::ContainerAmd64).expect("valid");
	assert_eq!(image.layers.len(), 2);
	let bytes: Vec<u8> = image
		.chunks()
		.expect("opened")
		.flat_map(|c| c.expect("read").to_vec())
		.collect();
	assert_eq!(bytes.len() as u64, image.size());
	let again = tempfile::NamedTempFile::new().expect("a file");
	std::fs::write(again.path(), &bytes).expect("written");
	assert_eq!(
		verify(again.path(), id, Platform::ContainerAmd64)
			.expect("valid")
			.layers,
		image.layers
	);
	let text = String::from_utf8_lossy(&bytes);
	assert!(
		!text.contains("debian:latest"),
		"the archive's own tag must not reach the engine"
	);
	assert!(text.contains(&image.tag()));
}

#[test]
fn an_oci_layout_works() {
	let layers = [layer("one")];
	let config = config(&layers).to_string().into_bytes();
	let manifest = json!({
		"schemaVersion": 2,
		"config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": format!("sha256:{}", digest(&config)), "size": 1 },
		"layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": format!("sha256:{}", digest(&layers[0])), "size": 1 }],
	}).to_string().into_bytes();
	let index = json!({ "schemaVersion": 2, "manifests": [{
		"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": format!("sha256:{}", digest(&manifest)), "size": 1,
	}] });
	let blob = |bytes: &[u8]| (format!("blobs/sha256/{}", digest(bytes)), bytes.to_vec());
	let id = Sha256::digest(&config).into();
	let files = vec![
		("oci-layout".into(), b"{}".to_vec()),
		("index.json".into(), index.to_string().into_bytes()),
		blob(&manifest),
		blob(&config),
		blob(&layers[0]),
	];
	let archive = Archive {
		files,
		odd: Vec::new(),
	};
	assert_eq!(
		archive.verify(id).expect("valid").layers,
		vec![<[u8; 32]>::from(Sha256::digest(&layers[0]))]
	);
	assert!(archive.refused([7; 32]).contains("not sha256:0707"));
}

#[test]
fn another_image_is_refused() {
	let (archive, id) = sample();
	assert!(matches!(
		archive.verify([1; 32]),
		Err(ImageError::WrongImage { .. })
	));
	let mut changed = archive;
	changed.files[0].1.push(b' ');
	assert!(
		matches!(changed.verify(id), Err(ImageError::WrongImage { .. })),
		"one byte more in the configuration"
	);
}

#[test]
fn a_changed_layer_is_refused() {
	let (mut archive, id) = sample();
	archive.files[3].1 = layer("other");
	assert!(matches!(
		archive.verify(id),
		Err(ImageError::WrongLayer { index: 1, .. })
	));
	let layers = [layer("lower"), layer("upper")];
	let (mut swapped, id) = docker_archive(&config(&layers), &layers);
	let manifest: Value = serde_json::from_slice(&swapped.files[1].1).expect("JSON");
	let mut manifest = manifest;
	manifest[0]["Layers"].as_array_mut().expect("a list").reverse();
	swapped.files[1].1 = manifest.to_string().into_bytes();
	assert!(matches!(
		swapped.verify(id),
		Err(ImageError::WrongLayer { index: 0, .. })
	));
}

#[test]
fn missing_or_surplus_layers_are_refused() {
	let layers = [layer("lower"), layer("upper")];
	let (archive, id) = docker_archive(&config(&layers), &layers[..1]);
	assert!(archive
		.refused(id)
		.contains("1 layers and its configuration names 2"));
	let (mut archive, id) = sample();
	archive.files.pop();
	assert!(archive.refused(id).contains("is not in it"));
}

#[test]
fn compressed_layers_are_named_as_such() {
	let layers = [layer("x")];
	let (mut archive, id) = docker_archive(&config(&layers), &layers);
	archive.files[2].1 = b"\x1f\x8b\x08\x00compressed".to_vec();
	assert!(matches!(archive.verify(id), Err(ImageError::Compressed(_))));
}

#[test]
fn another_platform_is_refused() {
	let (archive, id) = sample();
	let file = archive.write();
	assert!(matches!(
		verify(file.path(), id, Platform::ContainerArm64),
		Err(ImageError::WrongPlatform { .. })
	));
	let layers = [layer("x")];
	let mut windows = config(&layers);
	windows["os"] = "windows".into();
	let (archive, id) = docker_archive(&windows, &layers);
	assert!(archive.refused(id).contains("windows/amd64"));
}

#[test]
fn hostile_archives_are_refused() {
	let (archive, id) = sample();
	for name in ["../escape", "/etc/passwd", "a/../../b", "a\nb"] {
		let mut bad = archive.clone();
		bad.files.push((name.into(), b"x".to_vec()));
		assert!(matches!(bad.verify(id), Err(ImageError::Hostile(_))), "{name}");
	}
	let kinds = [
		tar::EntryType::Symlink,
		tar::EntryType::Link,
		tar::EntryType::Char,
		tar::EntryType::Fifo,
	];
	for kind in kinds {
		let mut bad = archive.clone();
		bad.odd.push(("odd".into(), kind));
		assert!(matches!(bad.verify(id), Err(ImageError::Hostile(_))), "{kind:?}");
	}
	let mut twice = archive.clone();
	twice.files.push(twice.files[2].clone());
	assert!(twice.refused(id).contains("twice"));
	let mut many = archive.clone();
	many.files
		.extend((0..MAX_ENTRIES).map(|n| (format!("f{n}"), Vec::new())));
	assert!(matches!(many.verify(id), Err(ImageError::TooLarge(_))));
	let mut two = archive;
	let manifest: Value = serde_json::from_slice(&two.files[1].1).expect("JSON");
	two.files[1].1 = json!([manifest[0], manifest[0]]).to_string().into_bytes();
	assert!(two.refused(id).contains("one image"));
}

#[test]
fn what_is_no_archive_is_refused() {
	let file = tempfile::NamedTempFile::new().expect("a file");
	assert!(verify(file.path(), [0; 32], Platform::ContainerAmd64).is_err());
	std::fs::write(file.path(), vec![0x55; 4096]).expect("written");
	assert!(matches!(
		verify(file.path(), [0; 32], Platform::ContainerAmd64),
		Err(ImageError::Malformed(_))
	));
	assert!(matches!(
		verify(Path::new("/not/there"), [0; 32], Platform::ContainerAmd64),
		Err(ImageError::Read { .. })
	));
	// A cut archive: the header promises more than there is.
	let (archive, id) = sample();
	let whole = std::fs::read(archive.write().path()).expect("read");
	std::fs::write(file.path(), &whole[..whole.len() / 2]).expect("written");
	assert!(verify(file.path(), id, Platform::ContainerAmd64).is_err());
}

#[test]
fn a_lying_length_does_not_exhaust_memory() {
	let mut header = tar::Header::new_ustar();
	header.set_path("manifest.json").expect("a name");
	header.set_size(1 << 40);
	header.set_cksum();
	let file = tempfile::NamedTempFile::new().expect("a file");
	std::fs::write(file.path(), header.as_bytes()).expect("written");
	assert!(verify(file.path(), [0; 32], Platform::ContainerAmd64).is_err());
}
