//! From what was typed to what is asked of the chain.

use crate::{
	args::{KeyValue, RunArgs},
	data::LocalFile,
	error::CliError,
};
use lilypad_client::{types::Module, AccountId, View};
use lilypad_primitives::{
	job::MAX_INLINE_INPUTS,
	manifest::{canonical_inputs, InputValue, InputValues, Manifest},
	offer::MAX_POLICY,
	Balance, BlockNumber, InputFile, Inputs, JobRequest, MediatorPolicy, Millis, ModuleName,
};
use lilypad_worker::p2p::client::hash_file;
use std::path::{Path, PathBuf};

/// A request, and the files that go with it.
#[derive(Debug)]
pub struct Prepared {
	/// What goes to the chain.
	pub request: JobRequest<AccountId>,
	/// What goes to the provider.
	pub files: Vec<LocalFile>,
	/// Text of inputs that are too long for the chain, still to be written to a file.
	pub long_inputs: Option<Vec<u8>>,
}

/// The module, or the names that are most like it.
pub async fn find_module(view: &View, name: &ModuleName) -> Result<Module, CliError> {
	if let Some(module) = view.module(name).await? {
		return Ok(module);
	}
	let names = view
		.modules()
		.await?
		.into_iter()
		.map(|(_, info)| info.name.to_string());
	Err(CliError::UnknownModule {
		name: name.to_string(),
		similar: nearest(name.as_str(), names),
	})
}

/// The names most like one, best first.
pub fn nearest(name: &str, names: impl Iterator<Item = String>) -> Vec<String> {
	let base = |n: &str| n.split(':').next().unwrap_or_default().to_string();
	let mut scored: Vec<(f64, String)> = names
		.map(|candidate| {
			// Another tag of the same module is closest of all.
			let same = if base(&candidate) == base(name) { 1.0 } else { 0.0 };
			(strsim::jaro_winkler(name, &candidate) + same, candidate)
		})
		.filter(|(score, _)| *score > 0.8)
		.collect();
	scored.sort_by(|(a, n), (b, m)| b.total_cmp(a).then_with(|| n.cmp(m)));
	scored.into_iter().take(3).map(|(_, n)| n).collect()
}

/// Checks inputs and files against the manifest. The request's budget is the user's, or as large as can be.
pub async fn prepare(
	args: &RunArgs,
	module: &Module,
	manifest: &Manifest,
	view: &View,
) -> Result<Prepared, CliError> {
	if module.info.delisted {
		return Err(CliError::Input(format!(
			"the module {} was withdrawn by its author or the curators",
			args.module
		)));
	}
	let from_file = args.inputs_path.as_deref().map(read_inputs).transpose()?;
	let values = inputs(manifest, from_file, &args.input)?;
	let files = files(manifest, &args.input_file).await?;

	let text = canonical_inputs(&values);
	let (inputs, long_inputs) = match text.len() <= MAX_INLINE_INPUTS as usize {
		true => (Inputs::Inline(text.try_into().unwrap_or_default()), None),
		false => {
			let hash = *blake3::hash(&text).as_bytes();
			(
				Inputs::Hash {
					hash,
					size: text.len() as u64,
				},
				Some(text),
			)
		},
	};
	let too_many = || CliError::Input("too many input files".into());
	let on_chain = files
		.iter()
		.map(|f| {
			let name = f
				.name
				.clone()
				.into_bytes()
				.try_into()
				.map_err(|_| CliError::Input("a file's name is too long".into()))?;
			Ok(InputFile {
				name,
				hash: f.hash_bytes().ok_or_else(too_many)?,
				size: f.size,
			})
		})
		.collect::<Result<Vec<_>, CliError>>()?;

	let time_limit = match args.timeout {
		Some(0) => return Err(CliError::Input("--timeout must be at least 1 second".into())),
		Some(seconds) => seconds.saturating_mul(1000).min(module.info.max_run),
		None => module.info.max_run,
	};
	let deadline = match args.deadline {
		Some(seconds) => {
			let sizes = files
				.iter()
				.map(|file| file.size)
				.chain(long_inputs.as_ref().map(|text| text.len() as u64));
			let fetch = sizes.fold(module.info.fetch_bytes, u64::saturating_add);
			let needed = view.blocks_to_end(time_limit, fetch)?;
			Some(
				view.number()
					.saturating_add(deadline(seconds, needed, view.millis_per_block()?)?),
			)
		},
		None => None,
	};
	let request = JobRequest {
		module: args.module.clone(),
		inputs,
		files: on_chain.try_into().map_err(|_| too_many())?,
		spec: args.needs.machine(&module.info.min_spec)?,
		time_limit,
		budget: args.budget.unwrap_or(Balance::MAX),
		tip: args.tip,
		match_window: match_window(view, args.match_timeout)?,
		deadline,
		mediators: mediators(&args.mediators)?,
		target: args.target.clone(),
		min_score: args.min_score,
		retries: args.retries,
	};
	Ok(Prepared {
		request,
		files,
		long_inputs,
	})
}

fn match_window(view: &View, seconds: u64) -> Result<BlockNumber, CliError> {
	let (least, most) = view.match_windows()?;
	let millis = view.millis_per_block()?;
	let blocks = seconds.saturating_mul(1000).div_ceil(millis.max(1));
	Ok(BlockNumber::try_from(blocks).unwrap_or(most).clamp(least, most))
}

/// A time from now in blocks, of which at least so many are needed. Blocks can take longer than they should, and never less: what the chain promises to end by
/// then may end a little later by the clock.
fn deadline(seconds: u64, needed: BlockNumber, millis_per_block: Millis) -> Result<BlockNumber, CliError> {
	let blocks = seconds.saturating_mul(1000) / millis_per_block.max(1);
	let blocks = BlockNumber::try_from(blocks).unwrap_or(BlockNumber::MAX);
	// The job is posted in the next block at the earliest.
	let least = needed.saturating_add(2);
	match blocks >= least {
		true => Ok(blocks),
		false => Err(CliError::Input(format!(
			"no run could be over by that --deadline: with fetching, the whole time limit and submitting it may take {} s. Allow as much, or \
			 lower --timeout",
			u64::from(least).saturating_mul(millis_per_block).div_ceil(1000)
		))),
	}
}

fn mediators(named: &[AccountId]) -> Result<MediatorPolicy<AccountId>, CliError> {
	if named.is_empty() {
		return Ok(MediatorPolicy::Any);
	}
	let list = named.to_vec().try_into();
	list.map(MediatorPolicy::Only)
		.map_err(|_| CliError::Input(format!("at most {MAX_POLICY} mediators can be named")))
}

fn read_inputs(path: &Path) -> Result<InputValues, CliError> {
	let bytes = std::fs::read(path).map_err(CliError::io("can't read the inputs", path))?;
	serde_json::from_slice(&bytes).map_err(|e| {
		CliError::Input(format!(
			"{} is not a JSON object of texts, numbers and booleans: {e}",
			path.display()
		))
	})
}

/// Values from a file and from the command line, which goes before.
pub fn inputs(
	manifest: &Manifest,
	from_file: Option<InputValues>,
	typed: &[KeyValue],
) -> Result<InputValues, CliError> {
	let refused = |e: lilypad_primitives::manifest::InputError| CliError::Input(e.to_string());
	for (at, input) in typed.iter().enumerate() {
		if typed[..at].iter().any(|other| other.key == input.key) {
			return Err(CliError::Input(format!(
				"the input '{}' is given twice",
				input.key
			)));
		}
	}
	let mut from_file = from_file.unwrap_or_default();
	if typed.is_empty() {
		let json = serde_json::to_vec(&from_file).map_err(|e| CliError::Input(e.to_string()))?;
		return manifest.inputs_from_json(&json).map_err(refused);
	}
	from_file.retain(|key, _| !typed.iter().any(|input| input.key == *key));
	let texts: Vec<(String, String)> = from_file
		.iter()
		.map(|(k, v): (&String, &InputValue)| (k.clone(), v.to_string()))
		.collect();
	let all = texts.iter().map(|(k, v)| (k.as_str(), v.as_str())).chain(
		typed
			.iter()
			.map(|input| (input.key.as_str(), input.value.as_str())),
	);
	manifest.inputs_from_text(all).map_err(refused)
}

/// The files that go with a job, hashed.
pub async fn files(manifest: &Manifest, given: &[KeyValue]) -> Result<Vec<LocalFile>, CliError> {
	// Names and sizes first: nobody wants to hash gigabytes to learn of a typing error.
	let mut sizes = Vec::new();
	for file in given {
		let path = Path::new(&file.value);
		let meta = std::fs::metadata(path).map_err(CliError::io("can't read the input file", path))?;
		if !meta.is_file() {
			return Err(CliError::Input(format!("{} is not a file", path.display())));
		}
		sizes.push((file.key.as_str(), meta.len()));
	}
	manifest
		.check_files(sizes)
		.map_err(|e| CliError::Input(e.to_string()))?;
	let mut files = Vec::new();
	for file in given {
		let path = std::path::absolute(&file.value).unwrap_or_else(|_| PathBuf::from(&file.value));
		let (hash, size) = hash_file(&path)
			.await
			.map_err(CliError::io("can't read the input file", &path))?;
		files.push(LocalFile {
			name: file.key.clone(),
			path,
			hash: hex::encode(hash),
			size,
		});
	}
	Ok(files)
}

#[cfg(test)]
mod tests {
	use super::*;

	fn manifest() -> Manifest {
		let json = include_str!("../../../modules/kmers/module.json");
		Manifest::parse(json.as_bytes()).expect("a sample module's manifest")
	}

	fn pair(key: &str, value: &str) -> KeyValue {
		KeyValue {
			key: key.into(),
			value: value.into(),
		}
	}

	#[test]
	fn typed_inputs_go_before_those_of_the_file() {
		let file = InputValues::from([
			("K".into(), InputValue::Integer(3)),
			("Canonical".into(), InputValue::Boolean(false)),
		]);
		let values = inputs(&manifest(), Some(file), &[pair("K", "5")]).expect("accepted");
		assert_eq!(values["K"], InputValue::Integer(5));
		assert_eq!(values["Canonical"], InputValue::Boolean(false));
	}

	#[test]
	fn defaults_are_filled_in() {
		assert_eq!(
			inputs(&manifest(), None, &[]).expect("accepted")["K"],
			InputValue::Integer(8)
		);
	}

	#[test]
	fn wrong_inputs_are_refused() {
		for wrong in [pair("k", "5"), pair("K", "many"), pair("K", "99")] {
			let error = inputs(&manifest(), None, std::slice::from_ref(&wrong)).expect_err("refused");
			assert!(error.to_string().contains(&wrong.key), "{error}");
			assert_eq!(error.exit_code() as u8, 4);
		}
		assert!(inputs(&manifest(), None, &[pair("K", "5"), pair("K", "6")]).is_err());
		let file = InputValues::from([("K".into(), InputValue::String("many".into()))]);
		assert!(inputs(&manifest(), Some(file), &[]).is_err());
	}

	#[test]
	fn a_number_in_a_file_may_be_a_text() {
		let file = InputValues::from([("K".into(), InputValue::String("5".into()))]);
		assert_eq!(
			inputs(&manifest(), Some(file), &[]).expect("accepted")["K"],
			InputValue::Integer(5)
		);
	}

	#[tokio::test]
	async fn files_are_checked_before_they_are_hashed() {
		let dir = tempfile::tempdir().expect("a folder");
		let path = dir.path().join("reads.fa");
		std::fs::write(&path, ">a\nACGT\n").expect("written");
		let path = path.to_str().expect("UTF-8");
		let found = files(&manifest(), &[pair("sequence", path)])
			.await
			.expect("accepted");
		assert_eq!(found[0].hash, blake3::hash(b">a\nACGT\n").to_hex().to_string());
		assert_eq!(found[0].size, 8);
		for wrong in [
			pair("reads", path),
			pair("sequence", "/nowhere"),
			pair("sequence", dir.path().to_str().expect("UTF-8")),
		] {
			assert!(
				files(&manifest(), std::slice::from_ref(&wrong)).await.is_err(),
				"{wrong:?}"
			);
		}
		assert!(
			files(&manifest(), &[]).await.is_err(),
			"a required file is missing"
		);
	}

	#[test]
	fn deadline_boundary_of_the_longest_run() {
		assert_eq!(deadline(24, 10, 2_000).expect("enough"), 12);
		let error = deadline(23, 10, 2_000).expect_err("too soon").to_string();
		assert!(error.contains("24 s") && error.contains("--timeout"), "{error}");
	}

	#[test]
	fn mediators_boundary_of_their_number() {
		let accounts = |n: u8| (0..n).map(|n| AccountId::new([n; 32])).collect::<Vec<_>>();
		assert_eq!(mediators(&[]).expect("any"), MediatorPolicy::Any);
		assert!(matches!(mediators(&accounts(16)), Ok(MediatorPolicy::Only(list)) if list.len() == 16));
		assert!(mediators(&accounts(17)).is_err());
	}

	#[test]
	fn the_nearest_names_come_first() {
		let names = [
			"cowsay:v0.0.1",
			"cowsay:v0.0.2",
			"cowsay-wasm:v0.0.1",
			"kmers:v0.0.1",
		]
		.map(String::from);
		let near = |name| nearest(name, names.clone().into_iter());
		assert_eq!(near("cowsay:v0.0.3")[..2], ["cowsay:v0.0.1", "cowsay:v0.0.2"]);
		assert_eq!(near("cowsai:v0.0.1")[0], "cowsay:v0.0.1");
		assert!(near("zzz:1").is_empty());
	}
}
