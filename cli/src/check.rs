//! Running a job on this machine: to check a result (`job verify`, `run --verify`), and a module before it is published.

use crate::{
	app::App,
	args::KeyValue,
	data::LocalFile,
	error::CliError,
	run::{read_manifest, request},
};
use lilypad_client::{AccountId, Client, ClientError, Missing, Module, Signer};
use lilypad_primitives::{
	manifest::{canonical_inputs, InputSchema, InputType, Manifest},
	Inputs, Job, JobId, MachineSpec, Millis, Profile, Status, Triple,
};
use lilypad_worker::{
	config::EngineChoice,
	executor::{Conditions, PreparedSource},
	local::{self, LocalError, LocalJob},
	output::Collected,
};
use std::{
	path::{Path, PathBuf},
	time::Duration,
};

impl From<LocalError> for CliError {
	fn from(error: LocalError) -> Self {
		match error {
			LocalError::Job(_) | LocalError::Exec(_) => Self::Input(error.to_string()),
			LocalError::Peer(error) => Self::Peer(error),
			LocalError::Worker(error) => Self::Worker(error),
			LocalError::Chain(error) => Self::Worker(error.into()),
			other => Self::Other(other.to_string()),
		}
	}
}

/// What a job gives on this machine.
pub struct Rerun {
	/// The result.
	pub triple: Triple,
	/// Its run time.
	pub usage: Millis,
	/// The job's time limit.
	pub time_limit: Millis,
	/// Whether honest machines agree on the result: the module is declared deterministic.
	pub deterministic: bool,
	/// See [`lilypad_primitives::MediationRules::overcharge_percent`].
	pub overcharge_percent: u32,
}

/// A folder for one run, which goes when this does.
struct Scratch(PathBuf);

impl Scratch {
	fn new(app: &App) -> Self {
		Self(
			app.data
				.checks()
				.join("runs")
				.join(format!("{}-{}", std::process::id(), fastish())),
		)
	}
}

/// A number that is another one each time.
fn fastish() -> u64 {
	use std::sync::atomic::{AtomicU64, Ordering};
	static NEXT: AtomicU64 = AtomicU64::new(0);
	NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Drop for Scratch {
	fn drop(&mut self) {
		if let Err(error) = local::remove(&self.0) {
			tracing::warn!("{} could not be removed: {error}", self.0.display());
		}
	}
}

/// Runs a job of the chain here, as its provider should have.
pub async fn rerun(app: &App, client: &Client, signer: &Signer, job: JobId) -> Result<Rerun, CliError> {
	let view = client.best().await?;
	let record = view
		.job(job)
		.await?
		.ok_or(ClientError::NotFound(Missing::Job(job)))?;
	let module = view.module_by_id(record.job.version).await?;
	let module = module.ok_or_else(|| CliError::Other("the chain does not know the job's module".into()))?;
	let manifest = read_manifest(&record.job.request.module.to_string(), &module.manifest)?;
	let files = app
		.data
		.jobs(client.genesis_hash())
		.files_of(job, &record.job.request)?;
	let engines = lilypad_worker::executors(&EngineChoice::Auto)
		.await
		.map_err(|e| CliError::Input(e.to_string()))?;
	let engine = engines
		.get(module.info.runtime.platform())
		.map_err(LocalError::from)?;
	let here = engine.has(&module.info.runtime).await.map_err(LocalError::from)?;
	let fetched = match here {
		true => None,
		false => Some(fetch(app, client, signer, &module, &manifest).await?),
	};
	let source = match &fetched {
		Some(fetched) => fetched.source.clone(),
		None => PreparedSource {
			image: module.info.runtime,
			file: None,
			reference: None,
		},
	};
	let job = local_job(&record.job, manifest, source, &module, &files)?;
	let scratch = Scratch::new(app);
	let ran = local::run(&engines, &job, &scratch.0, app.interrupt.token()).await;
	if let Some(fetched) = fetched {
		fetched.close().await;
	}
	let ran = ran?;
	Ok(Rerun {
		triple: ran.triple,
		usage: ran.usage,
		time_limit: job.time_limit,
		overcharge_percent: view.mediation_parameters().await?.rules.overcharge_percent,
		deterministic: module.info.profile == Profile::Deterministic,
	})
}

async fn fetch(
	app: &App,
	client: &Client,
	signer: &Signer,
	module: &Module,
	manifest: &Manifest,
) -> Result<local::Fetched, CliError> {
	let show = |done, total| {
		app.ui
			.transfer(crate::ui::Stage::Verifying, "the module", done, total)
	};
	let fetched = local::fetch_module(client, signer, &app.data.checks(), module, manifest, show).await;
	app.ui.rest();
	Ok(fetched?)
}

fn local_job(
	job: &Job<AccountId>,
	manifest: Manifest,
	source: PreparedSource,
	module: &Module,
	files: &[LocalFile],
) -> Result<LocalJob, CliError> {
	let of_hash = |hash: &[u8; 32]| {
		files
			.iter()
			.find(|file| file.hash_bytes().as_ref() == Some(hash))
			.map(|file| file.path.clone())
			.ok_or_else(|| {
				CliError::Input(format!(
					"the job's input file {} is not known on this machine: verify where the job was posted",
					hex::encode(hash)
				))
			})
	};
	let inputs = match &job.request.inputs {
		Inputs::Inline(text) => text.to_vec(),
		Inputs::Hash { hash, .. } => {
			let path = of_hash(hash)?;
			std::fs::read(&path).map_err(CliError::io("can't read", &path))?
		},
	};
	let files = job
		.request
		.files
		.iter()
		.map(|file| {
			let name = String::from_utf8_lossy(&file.name).into_owned();
			Ok((name, of_hash(&file.hash)?))
		})
		.collect::<Result<Vec<_>, CliError>>()?;
	Ok(LocalJob {
		manifest,
		image: module.info.runtime,
		source,
		inputs,
		files,
		spec: job.request.spec.clone(),
		conditions: Conditions::Usual,
		time_limit: job.request.time_limit,
	})
}

/// How a challenge is made of a result that differs, and what must be so for it to succeed.
pub fn how_to_challenge(job: JobId, theirs: Status, ours: &Rerun) -> String {
	let how = format!(
		"it is not paid for. To have mediators judge it: `lilypad job challenge {job} --reason wrong-result`"
	);
	if !theirs.is_resource() {
		return how;
	}
	// A slower machine than this one may be right.
	let most = 10_000 / ours.overcharge_percent.max(100);
	format!(
		"{how}. They find a provider wrong that says so only if most of them need at most {most} % of the job's time, memory and disk \
		 (this machine took {} of {} ms); otherwise post the job again with higher limits",
		ours.usage, ours.time_limit
	)
}

/// Runs a module that is declared deterministic twice under different conditions, and refuses it when the results differ.
pub async fn is_deterministic(
	app: &App,
	manifest: &Manifest,
	code: Option<&Path>,
	inputs: &[KeyValue],
	files: &[KeyValue],
) -> Result<(), CliError> {
	let hint = "; give others with --check-input KEY=VALUE and --check-file NAME=PATH";
	let (first, second, samples) = (Scratch::new(app), Scratch::new(app), Scratch::new(app));
	let more_inputs = invent_inputs(manifest, inputs);
	let more_files = invent_files(manifest, files, &samples.0)?;
	let invented = !more_inputs.is_empty() || !more_files.is_empty();
	let values = request::inputs(manifest, None, &[inputs, &more_inputs].concat()).map_err(|e| {
		CliError::Input(format!(
			"the module can't be checked with these inputs: {e}{hint}"
		))
	})?;
	let given = request::files(manifest, &[files, &more_files].concat())
		.await
		.map_err(|e| CliError::Input(format!("the module can't be checked with these files: {e}{hint}")))?;
	let image = manifest
		.image()
		.ok_or_else(|| CliError::Input("the manifest's digests are missing".into()))?;
	let engines = lilypad_worker::executors(&EngineChoice::Auto)
		.await
		.map_err(|e| CliError::Input(e.to_string()))?;
	let reference = match &manifest.runtime {
		lilypad_primitives::manifest::Runtime::Container { reference, .. } => reference.clone(),
		lilypad_primitives::manifest::Runtime::Wasm { .. } => None,
	};
	let mut job = LocalJob {
		manifest: manifest.clone(),
		image,
		source: PreparedSource {
			image,
			file: code.map(Into::into),
			reference,
		},
		inputs: canonical_inputs(&values),
		files: given.into_iter().map(|file| (file.name, file.path)).collect(),
		spec: manifest.machine.clone(),
		conditions: Conditions::Usual,
		time_limit: manifest.max_run(),
	};
	app.ui
		.say("running the module twice, as it is declared deterministic …");
	let cant = |error: LocalError| {
		CliError::Input(format!(
			"a module that is declared deterministic is run twice before it is published, which is not possible here: {error}. \
			 Publish it from a machine that can run it, or declare \"profile\": \"non_deterministic\""
		))
	};
	let one = local::run(&engines, &job, &first.0, app.interrupt.token())
		.await
		.map_err(cant)?;
	// Another second, another share of the processors and another number of them, more memory, another name, and the files in
	// another order.
	tokio::time::sleep(Duration::from_millis(1100)).await;
	job.spec = other_machine(&job.spec);
	job.conditions = Conditions::Other;
	job.files.reverse();
	let other = local::run(&engines, &job, &second.0, app.interrupt.token())
		.await
		.map_err(cant)?;
	judge(&one, &other)?;
	if invented && (one.triple.status, one.triple.exit_code) != (Status::Completed, 0) {
		app.ui.say(&format!(
			"warning: with made-up inputs the module ended with {} and exit code {}, which shows little; see --check-input and \
			 --check-file",
			one.triple.status, one.triple.exit_code
		));
	}
	Ok(())
}

/// Something for each input that must be given, and was not.
fn invent_inputs(manifest: &Manifest, given: &[KeyValue]) -> Vec<KeyValue> {
	let missing = manifest.inputs.iter().filter(|schema| {
		schema.required && schema.default.is_none() && !given.iter().any(|one| one.key == schema.name)
	});
	missing
		.map(|schema| KeyValue {
			key: schema.name.clone(),
			value: sample(schema),
		})
		.collect()
}

fn sample(schema: &InputSchema) -> String {
	let number = |otherwise: f64| {
		let least = schema.min.unwrap_or(otherwise);
		schema.max.map_or(least, |most| least.min(most))
	};
	match (schema.kind, &schema.choices) {
		(InputType::String, Some(choices)) => choices.first().cloned().unwrap_or_default(),
		(InputType::String, None) => {
			let most = schema.max_length.map_or(usize::MAX, |n| n as usize);
			"sample".chars().take(most).collect()
		},
		#[allow(clippy::cast_possible_truncation)]
		// Some whole number within the bounds, or a refusal that says so.
		(InputType::Integer, _) => (number(1.0).ceil() as i64).to_string(),
		(InputType::Number, _) => number(1.0).to_string(),
		(InputType::Boolean, _) => "false".into(),
	}
}

/// A small text for each file that must be given, and was not.
fn invent_files(manifest: &Manifest, given: &[KeyValue], folder: &Path) -> Result<Vec<KeyValue>, CliError> {
	const TEXT: &[u8] = b"ACGTACGTTGCA\nsample\n";
	let mut files = Vec::new();
	for schema in &manifest.files {
		if !schema.required || given.iter().any(|one| one.key == schema.name) {
			continue;
		}
		std::fs::create_dir_all(folder).map_err(CliError::io("can't make the folder", folder))?;
		let path = folder.join(format!("{}", files.len()));
		let most = usize::try_from(schema.max_bytes)
			.unwrap_or(usize::MAX)
			.min(TEXT.len());
		std::fs::write(&path, &TEXT[..most]).map_err(CliError::io("can't write", &path))?;
		files.push(KeyValue {
			key: schema.name.clone(),
			value: path.display().to_string(),
		});
	}
	Ok(files)
}

/// A machine with the same promises, and other numbers.
fn other_machine(spec: &MachineSpec) -> MachineSpec {
	let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
	let all = u32::try_from(cores).unwrap_or(u32::MAX).saturating_mul(1000);
	MachineSpec {
		cpu_milli: match spec.cpu_milli == all {
			true => (all / 2).max(1),
			false => all,
		},
		ram_mib: spec.ram_mib.saturating_add(spec.ram_mib / 2),
		..spec.clone()
	}
}

fn judge(one: &Collected, other: &Collected) -> Result<(), CliError> {
	if one.triple.status.is_resource() || other.triple.status.is_resource() {
		return Err(CliError::Input(format!(
			"the module does not run within its own limits on this machine ({}): nobody could check its results. Raise the \
			 manifest's machine or max_seconds, or give smaller inputs with --check-input",
			one.triple.status
		)));
	}
	let differences = local::differences(one, other);
	match differences.is_empty() {
		true => Ok(()),
		false => Err(CliError::Input(format!(
			"the module is declared deterministic, but two runs with the same inputs differ:\n  - {}\nWhoever runs it would be \
			 accused of cheating, and your bond would pay. Mend that, leave what differs out of the manifest's \"verified\", or \
			 declare \"profile\": \"non_deterministic\"",
			differences.join("\n  - ")
		))),
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn inputs_that_must_be_given_are_made_up_within_their_bounds() {
		let manifest = |text: &str| Manifest::parse(text.as_bytes()).expect("a sample module's manifest");
		let cow = manifest(include_str!("../../modules/cowsay-wasm/module.json"));
		let given = KeyValue {
			key: "Message".into(),
			value: "moo".into(),
		};
		assert_eq!(invent_inputs(&cow, &[]).len(), 1);
		assert!(invent_inputs(&cow, std::slice::from_ref(&given)).is_empty());
		let values = request::inputs(&cow, None, &invent_inputs(&cow, &[])).expect("accepted");
		assert_eq!(values["Message"].to_string(), "sample");
		let dir = tempfile::tempdir().expect("a folder");
		let kmers = manifest(include_str!("../../modules/kmers/module.json"));
		let files = invent_files(&kmers, &[], dir.path()).expect("written");
		assert_eq!(files[0].key, "sequence");
		assert!(Path::new(&files[0].value).is_file());
		let mut schema = cow.inputs[0].clone();
		schema.max_length = Some(3);
		assert_eq!(sample(&schema), "sam");
		(schema.kind, schema.min, schema.max) = (InputType::Integer, Some(2.5), Some(9.0));
		assert_eq!(sample(&schema), "3");
		schema.max = Some(0.0);
		assert_eq!(sample(&schema), "0");
	}

	#[test]
	fn who_challenges_a_resource_status_is_told_when_that_succeeds() {
		let ours = Rerun {
			triple: Triple {
				status: Status::Completed,
				exit_code: 0,
				root: lilypad_primitives::OutputRoot([1; 32]),
			},
			usage: 50,
			time_limit: 60,
			deterministic: true,
			overcharge_percent: 150,
		};
		let told = |theirs| how_to_challenge(JobId(7), theirs, &ours);
		assert!(told(Status::Completed).ends_with("`lilypad job challenge 7 --reason wrong-result`"));
		let words = told(Status::TimeExceeded);
		assert!(
			words.contains("at most 66 %") && words.contains("50 of 60 ms"),
			"{words}"
		);
	}

	#[test]
	fn the_other_machine_has_another_number_of_cores() {
		let cores = std::thread::available_parallelism().map_or(1, |n| n.get()) as u32;
		for cpu in [1, 1000, cores * 1000] {
			let spec = MachineSpec::new(cpu, 100, 10);
			let other = other_machine(&spec);
			assert_ne!(other.cpu_milli, cpu);
			assert!(other.cpu_milli <= cores * 1000 && other.ram_mib > 100 && other.disk_mib == 10);
		}
	}
}
