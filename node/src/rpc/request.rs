//! What may be asked, with bounds on everything.

use lilypad_client::{words::variant, AccountId};
use lilypad_primitives::{
	job::{MAX_FILE_NAME, MAX_INLINE_INPUTS, MAX_INPUT_FILES, MAX_RETRIES},
	module::MAX_MODULE_NAME,
	offer::MAX_POLICY,
	spec::{GpuSpec, MAX_GPUS, MAX_GPU_MODEL},
	Balance, BlockNumber, InputFile, Inputs, JobRequest, MachineSpec, MediatorPolicy, ModuleInfo, ModuleName,
	OfferState, Platform,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sp_runtime::Permill;

/// Most entries of one page.
pub(crate) const MOST_PER_PAGE: u32 = 100;
/// Entries of a page when nothing else is asked for.
const PAGE: u32 = 50;
/// Longest account, in characters: hexadecimal has 66, an SS58 address about 48.
const MOST_ACCOUNT: usize = 80;
/// Blocks that a quoted job waits when nothing else is asked for.
const MATCH_WINDOW: BlockNumber = 30;

/// An amount in the smallest unit of LP, 10^-18: in JSON a string of digits, because JavaScript's numbers end at 2^53. Read
/// from a whole number, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Balance);

impl Serialize for Amount {
	fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
		to.collect_str(&self.0)
	}
}

impl<'de> Deserialize<'de> for Amount {
	fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
		#[derive(Deserialize)]
		#[serde(untagged)]
		enum Either {
			Number(u64),
			Text(String),
		}
		let wrong = || {
			serde::de::Error::custom(
				"an amount is a string of digits, in units of 10^-18 LP: \"1000000000000000000\" is 1 LP",
			)
		};
		match Either::deserialize(from).map_err(|_| wrong())? {
			Either::Number(number) => Ok(Self(number.into())),
			Either::Text(text) if text.bytes().all(|b| b.is_ascii_digit()) => {
				text.parse().map(Self).map_err(|_| wrong())
			},
			Either::Text(_) => Err(wrong()),
		}
	}
}

/// What is wrong with a question.
pub(crate) type Wrong = String;

/// An account: an SS58 address, or 32 bytes as 0x….
pub(crate) fn account(text: &str) -> Result<AccountId, Wrong> {
	let wrong = || "not an account: write an SS58 address, or 32 bytes as 0x…".to_string();
	match text.len() <= MOST_ACCOUNT {
		true => text.parse().map_err(|_| wrong()),
		false => Err(wrong()),
	}
}

/// A module's name.
pub(crate) fn module_name(text: &str) -> Result<ModuleName, Wrong> {
	text.parse().map_err(|error| format!("{error}"))
}

/// One of a few words, however it is capitalised.
fn one_of<T: Copy + std::fmt::Debug>(text: &str, all: &[T]) -> Result<T, Wrong> {
	let found = all.iter().find(|one| variant(*one).eq_ignore_ascii_case(text));
	found.copied().ok_or_else(|| {
		let names: Vec<_> = all.iter().map(variant).collect();
		format!("write one of {}", names.join(", "))
	})
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MachineJson {
	/// Processor time, in thousandths of a core.
	cpu_milli: u32,
	/// Memory, in MiB.
	ram_mib: u32,
	/// Disk, in MiB.
	disk_mib: u32,
	/// GPUs.
	#[serde(default)]
	gpus: Vec<GpuJson>,
}

/// A GPU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GpuJson {
	/// Its memory, in MiB.
	vram_mib: u32,
	/// Its model; in a request, null stands for any.
	#[serde(default)]
	model: Option<String>,
}

impl From<&MachineSpec> for MachineJson {
	fn from(machine: &MachineSpec) -> Self {
		let gpus = machine.gpus.iter().map(|gpu| GpuJson {
			vram_mib: gpu.vram_mib,
			model: gpu
				.model
				.as_ref()
				.map(|model| String::from_utf8_lossy(model).into_owned()),
		});
		Self {
			cpu_milli: machine.cpu_milli,
			ram_mib: machine.ram_mib,
			disk_mib: machine.disk_mib,
			gpus: gpus.collect(),
		}
	}
}

impl MachineJson {
	fn spec(self) -> Result<MachineSpec, Wrong> {
		let gpus: Vec<GpuSpec> = self
			.gpus
			.into_iter()
			.map(|gpu| {
				let model = gpu
					.model
					.map(|model| {
						model
							.into_bytes()
							.try_into()
							.map_err(|_| format!("a GPU's model has at most {MAX_GPU_MODEL} bytes"))
					})
					.transpose()?;
				Ok(GpuSpec {
					vram_mib: gpu.vram_mib,
					model,
				})
			})
			.collect::<Result<_, Wrong>>()?;
		Ok(MachineSpec {
			gpus: gpus
				.try_into()
				.map_err(|_| format!("a machine has at most {MAX_GPUS} GPUs"))?,
			..MachineSpec::new(self.cpu_milli, self.ram_mib, self.disk_mib)
		})
	}
}

/// A job's inputs, as the call takes them. A quote depends on their size only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
enum InputsJson {
	/// The JSON text itself.
	#[serde(alias = "inline")]
	Inline(String),
	/// A text that goes to the provider.
	#[serde(alias = "hash")]
	Hash {
		/// Its BLAKE3, as 0x….
		hash: String,
		/// Its length in bytes.
		size: u64,
	},
}

/// A file that goes to the provider. A quote depends on its size only.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
	/// The manifest's name for it.
	name: String,
	/// Its BLAKE3, as 0x….
	#[serde(default)]
	hash: Option<String>,
	/// Its length in bytes.
	size: u64,
}

/// Who may judge: `"Any"`, or `{"Only": [accounts]}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
enum MediatorsJson {
	/// Whoever is drawn.
	#[serde(alias = "any")]
	Any,
	/// These.
	#[serde(alias = "only")]
	Only(Vec<String>),
}

/// What a job asks for: the argument of `market.postJob`, as polkadot.js takes it, with amounts as strings. All but
/// `module` may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RequestJson {
	/// The module version, `name:tag`.
	pub(crate) module: String,
	#[serde(default)]
	inputs: Option<InputsJson>,
	#[serde(default)]
	files: Vec<FileJson>,
	/// The machine; the module's least, when left out.
	#[serde(default)]
	spec: Option<MachineJson>,
	/// In milliseconds; the module's longest run, when left out.
	#[serde(default)]
	time_limit: Option<u64>,
	/// Unlimited, when left out.
	#[serde(default)]
	budget: Option<Amount>,
	#[serde(default)]
	tip: Amount,
	/// In blocks.
	#[serde(default)]
	match_window: Option<BlockNumber>,
	/// A block.
	#[serde(default)]
	deadline: Option<BlockNumber>,
	#[serde(default)]
	mediators: Option<MediatorsJson>,
	#[serde(default)]
	target: Option<String>,
	/// In millionths.
	#[serde(default)]
	min_score: u32,
	#[serde(default)]
	retries: u8,
}

impl RequestJson {
	/// As the chain takes it.
	pub(crate) fn request(
		self,
		name: ModuleName,
		module: &ModuleInfo<AccountId>,
	) -> Result<JobRequest<AccountId>, Wrong> {
		if self.min_score > 1_000_000 {
			return Err("minScore is in millionths: at most 1000000".into());
		}
		if u32::from(self.retries) > MAX_RETRIES {
			return Err(format!("at most {MAX_RETRIES} retries"));
		}
		let files: Vec<InputFile> = self
			.files
			.into_iter()
			.map(|file| {
				Ok(InputFile {
					name: file
						.name
						.into_bytes()
						.try_into()
						.map_err(|_| format!("a file's name has at most {MAX_FILE_NAME} bytes"))?,
					hash: file.hash.as_deref().map_or(Ok([0; 32]), hash)?,
					size: file.size,
				})
			})
			.collect::<Result<_, Wrong>>()?;
		Ok(JobRequest {
			module: name,
			inputs: inputs(self.inputs)?,
			files: files
				.try_into()
				.map_err(|_| format!("at most {MAX_INPUT_FILES} input files"))?,
			spec: match self.spec {
				Some(spec) => spec.spec()?,
				None => module.min_spec.clone(),
			},
			time_limit: self.time_limit.unwrap_or(module.max_run),
			budget: self.budget.map_or(Balance::MAX, |amount| amount.0),
			tip: self.tip.0,
			match_window: self.match_window.unwrap_or(MATCH_WINDOW),
			deadline: self.deadline,
			mediators: mediators(self.mediators)?,
			target: self.target.as_deref().map(account).transpose()?,
			min_score: Permill::from_parts(self.min_score),
			retries: self.retries,
		})
	}
}

fn hash(text: &str) -> Result<[u8; 32], Wrong> {
	let wrong = || "a hash is 32 bytes as 0x…".to_string();
	let hash: sp_core::H256 = text.parse().map_err(|_| wrong())?;
	Ok(hash.0)
}

fn inputs(given: Option<InputsJson>) -> Result<Inputs, Wrong> {
	let inline =
		|text: Vec<u8>| {
			text.try_into().map(Inputs::Inline).map_err(|_| {
				format!("inputs of more than {MAX_INLINE_INPUTS} bytes go to the provider: give their hash and size")
			})
		};
	match given {
		None => inline(b"{}".to_vec()),
		Some(InputsJson::Inline(text)) => inline(text.into_bytes()),
		Some(InputsJson::Hash { hash: text, size }) => Ok(Inputs::Hash {
			hash: hash(&text)?,
			size,
		}),
	}
}

fn mediators(given: Option<MediatorsJson>) -> Result<MediatorPolicy<AccountId>, Wrong> {
	let Some(MediatorsJson::Only(accounts)) = given else {
		return Ok(MediatorPolicy::Any);
	};
	let too_many = || format!("at most {MAX_POLICY} mediators");
	if accounts.len() > MAX_POLICY as usize {
		return Err(too_many());
	}
	let accounts: Vec<_> = accounts
		.iter()
		.map(|text| account(text))
		.collect::<Result<_, _>>()?;
	accounts
		.try_into()
		.map(MediatorPolicy::Only)
		.map_err(|_| too_many())
}

/// Which offers to list. Everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FilterJson {
	/// Of this account.
	#[serde(default)]
	pub(crate) provider: Option<String>,
	/// `wasm`, `containerAmd64` or `containerArm64`.
	#[serde(default)]
	platform: Option<String>,
	/// `active`, `paused` or `draining`.
	#[serde(default)]
	state: Option<String>,
	/// Able to run this module when nothing else runs.
	#[serde(default)]
	pub(crate) module: Option<String>,
}

impl FilterJson {
	/// The platform.
	pub(crate) fn platform(&self) -> Result<Option<Platform>, Wrong> {
		const ALL: [Platform; 3] = [Platform::Wasm, Platform::ContainerAmd64, Platform::ContainerArm64];
		self.platform
			.as_deref()
			.map(|text| one_of(text, &ALL))
			.transpose()
	}

	/// The state.
	pub(crate) fn state(&self) -> Result<Option<OfferState>, Wrong> {
		const ALL: [OfferState; 3] = [OfferState::Active, OfferState::Paused, OfferState::Draining];
		self.state.as_deref().map(|text| one_of(text, &ALL)).transpose()
	}
}

/// Which part of a long list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageJson {
	/// Go on after this one: what the page before calls `next`.
	#[serde(default)]
	pub(crate) after: Option<u64>,
	#[serde(default)]
	limit: Option<u32>,
}

impl PageJson {
	/// How many entries.
	pub(crate) fn limit(&self) -> Result<usize, Wrong> {
		match self.limit.unwrap_or(PAGE) {
			limit @ 1..=MOST_PER_PAGE => Ok(limit as usize),
			_ => Err(format!("a page has 1 to {MOST_PER_PAGE} entries")),
		}
	}
}

/// What the names of modules begin with.
pub(crate) fn prefix(text: Option<String>) -> Result<String, Wrong> {
	let text = text.unwrap_or_default();
	match text.len() <= MAX_MODULE_NAME as usize {
		true => Ok(text),
		false => Err(format!("a module's name has at most {MAX_MODULE_NAME} bytes")),
	}
}
