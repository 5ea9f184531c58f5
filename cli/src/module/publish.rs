//! `lilypad module publish`.

use crate::{
	app::{require_money, App},
	args::KeyValue,
	check::is_deterministic,
	error::CliError,
	run::peer,
};
use lilypad_client::{calls, lp, ChainEvent, Client, ModulesEvent, Signer, View};
use lilypad_primitives::{
	manifest::{Blob, Digest, Manifest, Runtime},
	module::ManifestBytes,
	ModuleName, PeerAddress, Profile, VersionId,
};
use lilypad_worker::{
	image,
	p2p::{client::hash_file, P2pError, PeerClient, Purpose, Refusal},
};
use serde_json::json;
use std::{
	path::{Path, PathBuf},
	time::Duration,
};

/// Providers that get a copy from the author; others fetch it from them.
const COPIES: usize = 5;
/// Bytes of a module's record, about.
const RECORD: usize = 512;
/// How often a worker that does not know the module yet is asked again.
const PATIENCE: u32 = 20;

/// A module in a folder: its manifest with all digests, and the file with its code.
#[derive(Debug)]
struct Folder {
	manifest: Manifest,
	code: Option<PathBuf>,
}

async fn read_folder(dir: &Path) -> Result<Folder, CliError> {
	let path = dir.join("module.json");
	let bytes = std::fs::read(&path).map_err(CliError::io("can't read the manifest", &path))?;
	let mut manifest =
		Manifest::parse(&bytes).map_err(|e| CliError::Input(format!("{}: {e}", path.display())))?;
	let file = dir.join(match manifest.runtime {
		Runtime::Container { .. } => "image.tar",
		Runtime::Wasm { .. } => "module.wasm",
	});
	let found = match file.is_file() {
		true => {
			let (hash, size) = hash_file(&file)
				.await
				.map_err(CliError::io("can't read", &file))?;
			Some(Blob {
				hash: Digest(hash),
				size,
			})
		},
		false => None,
	};
	let declared = manifest.blob();
	if let (Some(declared), Some(found)) = (declared, found) {
		if declared != found {
			let why = format!(
				"{} has BLAKE3 {} and {} bytes; the manifest says {} and {}: build the module again",
				file.display(),
				found.hash,
				found.size,
				declared.hash,
				declared.size
			);
			return Err(CliError::Input(why));
		}
	}
	let missing = |what: &str| CliError::Input(format!("{what}: put {} into the folder", file.display()));
	match &mut manifest.runtime {
		Runtime::Container {
			image,
			archive,
			reference,
			..
		} => {
			if image.is_none() {
				let why = "the manifest's runtime.image is missing: put the image's id there, as `docker inspect --format '{{.Id}}'` \
				           tells it";
				return Err(CliError::Input(why.into()));
			}
			*archive = archive.or(found);
			if found.is_none() && reference.is_none() {
				return Err(missing("nobody could fetch the image"));
			}
		},
		Runtime::Wasm { code } => {
			*code = code.or(found);
			if found.is_none() {
				return Err(missing("nobody could fetch the code"));
			}
		},
	}
	if let (Some(lilypad_primitives::RuntimeImage::Container { platform, image }), true) =
		(manifest.image(), found.is_some())
	{
		image::verify(&file, image, platform)
			.map_err(|e| CliError::Input(format!("{}: {e}", file.display())))?;
	}
	Ok(Folder {
		manifest,
		code: found.map(|_| file),
	})
}

/// What to check a deterministic module with.
#[derive(Debug)]
pub struct Sample<'a> {
	/// Inputs.
	pub inputs: &'a [KeyValue],
	/// Input files.
	pub files: &'a [KeyValue],
}

/// Publishes the module in a folder.
pub async fn publish(app: &App, dir: &Path, sample: Sample<'_>, yes: bool) -> Result<(), CliError> {
	let folder = read_folder(dir).await?;
	let name = folder
		.manifest
		.module_name()
		.map_err(|e| CliError::Input(e.to_string()))?;
	let signer = app.signer()?;
	let client = app.client().await?;
	let view = client.best().await?;
	let bytes = folder
		.manifest
		.to_bytes()
		.map_err(|e| CliError::Input(e.to_string()))?;
	let version = match view.module(&name).await? {
		// A second time: only copies are missing.
		Some(module) if module.manifest == bytes && module.info.author == signer.account() => {
			app.ui
				.say(&format!("{name} is registered already, with this very manifest"));
			module.id
		},
		Some(_) => {
			return Err(CliError::Input(format!(
				"{name} is taken, with another manifest: what a tag means never changes; give yours another tag"
			)))
		},
		None => {
			let manifest = &folder.manifest;
			if manifest.profile == Profile::Deterministic {
				let code = folder.code.as_deref();
				is_deterministic(app, manifest, code, sample.inputs, sample.files).await?;
			}
			register(app, &client, &view, &signer, manifest, &name, bytes, yes).await?
		},
	};
	let copies = match (&folder.code, folder.manifest.blob()) {
		(Some(file), Some(blob)) => Some(spread(app, &client, &signer, version, file, blob).await?),
		_ => None,
	};
	if copies == Some(0) {
		app.ui.say(
			"no provider could be handed a copy yet, so nobody can run the module: try again once a provider is there, with the \
			 same command",
		);
	}
	let value = json!({ "module": name.to_string(), "version": version, "copies": copies });
	app.ui.outcome(&value, || match copies {
		Some(n) => format!("{name} is published; {n} providers have it"),
		None => format!("{name} is published"),
	})
}

#[allow(clippy::too_many_arguments)]
async fn register(
	app: &App,
	client: &Client,
	view: &View,
	signer: &Signer,
	manifest: &Manifest,
	name: &ModuleName,
	bytes: Vec<u8>,
	yes: bool,
) -> Result<VersionId, CliError> {
	let fee = lp::parse(&manifest.fee).map_err(|e| CliError::Input(format!("the manifest's fee: {e}")))?;
	let image = manifest
		.image()
		.ok_or_else(|| CliError::Input("the manifest's digests are missing".into()))?;
	let bond = match manifest.profile {
		Profile::Deterministic => view.deterministic_bond()?,
		Profile::NonDeterministic => 0,
	};
	// The record itself has some bytes, too; this is what to expect.
	let deposit = view.module_deposit(bytes.len().saturating_add(RECORD))?;
	let manifest_bytes = ManifestBytes::try_from(bytes)
		.map_err(|b| CliError::Input(format!("the manifest has {} bytes", b.len())))?;
	let call = calls::modules::register(
		name.clone(),
		image,
		manifest.blob().map_or(0, |b| b.size),
		manifest.machine.clone(),
		manifest.max_run(),
		fee,
		manifest.profile,
		manifest_bytes,
	);
	let tx = client.estimate_fee(signer, &call).await?;
	let parts = [
		("as a deposit", deposit),
		("as a bond", bond),
		("for the transaction", tx),
	];
	require_money(view, &signer.account(), &parts).await?;
	let bonded = match bond {
		0 => String::new(),
		bond => format!(
			" and, as it is declared deterministic, {} as a bond",
			lp::rounded_up(bond)
		),
	};
	let question = format!(
		"Publish {name}, with about {} held as a deposit{bonded}?",
		lp::rounded_up(deposit)
	);
	app.ui.confirm(&question, yes)?;
	let outcome = client.submit(signer, call).await?;
	outcome
		.find(|e| match e {
			ChainEvent::ModulesEvent(ModulesEvent::ModuleRegistered { version, .. }) => Some(*version),
			_ => None,
		})
		.ok_or_else(|| CliError::Other("the block does not say which number the module got".into()))
}

/// Hands copies to providers, and says how many took one.
async fn spread(
	app: &App,
	client: &Client,
	signer: &Signer,
	version: VersionId,
	file: &Path,
	blob: Blob,
) -> Result<usize, CliError> {
	let peers = peer::peers(client, signer).await?;
	let mut copies = 0;
	for (account, address) in client.best().await?.peers().await? {
		if copies == COPIES {
			break;
		}
		match hand_over(app, &peers, &address, version, file, blob).await {
			Ok(()) => copies += 1,
			Err(e) => app.ui.say(&format!("{account} took no copy: {e}")),
		}
	}
	peers.close().await;
	Ok(copies)
}

async fn hand_over(
	app: &App,
	peers: &PeerClient,
	address: &PeerAddress,
	version: VersionId,
	file: &Path,
	blob: Blob,
) -> Result<(), P2pError> {
	let session = peers.connect(address).await?;
	let mut attempt = 0;
	loop {
		let sent = |done| {
			app.ui
				.transfer(crate::ui::Stage::Submitting, "the module's code", done, blob.size)
		};
		match session
			.upload(file, blob.hash.0, blob.size, Purpose::Module(version), sent)
			.await
		{
			// Its node has not seen the block yet.
			Err(P2pError::Refused(Refusal::Unknown)) if attempt < PATIENCE => {
				attempt += 1;
				tokio::time::sleep(Duration::from_millis(500)).await;
			},
			other => {
				app.ui.rest();
				return other;
			},
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn folder(change: impl FnOnce(&mut serde_json::Value)) -> tempfile::TempDir {
		let dir = tempfile::tempdir().expect("a folder");
		let text = include_str!("../../../modules/cowsay-wasm/module.json");
		let mut manifest: serde_json::Value = serde_json::from_str(text).expect("JSON");
		change(&mut manifest);
		std::fs::write(dir.path().join("module.json"), manifest.to_string()).expect("written");
		std::fs::write(dir.path().join("module.wasm"), b"\0asm").expect("written");
		dir
	}

	#[tokio::test]
	async fn missing_digests_are_filled_in() {
		let dir = folder(|_| ());
		let found = read_folder(dir.path()).await.expect("read");
		let blob = found.manifest.blob().expect("filled in");
		assert_eq!((blob.hash.0, blob.size), (*blake3::hash(b"\0asm").as_bytes(), 4));
		assert!(found.manifest.image().is_some());
	}

	#[tokio::test]
	async fn a_wrong_digest_is_refused() {
		let dir = folder(|m| m["runtime"]["code"] = json!({ "hash": "11".repeat(32), "size": 4 }));
		let error = read_folder(dir.path()).await.expect_err("refused").to_string();
		assert!(
			error.contains("module.wasm") && error.contains("build the module again"),
			"{error}"
		);
	}

	#[tokio::test]
	async fn a_malformed_manifest_is_refused() {
		for change in [
			(|m| m["version"] = json!(2)) as fn(&mut serde_json::Value),
			|m| m["name"] = json!("Cow Say"),
			|m| m["surprise"] = json!(1),
			|m| m["entrypoint"] = json!(["cowsay", "{{Nothing}}"]),
		] {
			let dir = folder(change);
			let error = read_folder(dir.path()).await.expect_err("refused");
			assert!(error.to_string().contains("module.json"), "{error}");
			assert_eq!(error.exit_code() as u8, 4);
		}
	}

	#[tokio::test]
	async fn code_that_nobody_could_fetch_is_refused() {
		let dir = folder(|_| ());
		std::fs::remove_file(dir.path().join("module.wasm")).expect("removed");
		assert!(read_folder(dir.path())
			.await
			.expect_err("refused")
			.to_string()
			.contains("nobody could fetch"));
		assert!(read_folder(&dir.path().join("nowhere")).await.is_err());
	}
}
