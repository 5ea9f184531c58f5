//! Folders, and the list of one's own jobs.

use crate::error::CliError;
use lilypad_client::{AccountId, Hash};
use lilypad_primitives::{Balance, BlockNumber, DealId, Inputs, JobId, JobRequest};
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where everything of ours is kept.
#[derive(Clone, Debug)]
pub struct DataDir(PathBuf);

impl DataDir {
	/// The folder named on the command line or by `DATA_DIR`; otherwise the platform's own.
	pub fn choose(named: Option<&Path>) -> Result<Self, CliError> {
		if let Some(dir) = named {
			return Ok(Self::at(dir));
		}
		directories::ProjectDirs::from("", "", "lilypad")
			.map(|dirs| Self(dirs.data_dir().into()))
			.ok_or_else(|| CliError::Other("this user has no home folder: set DATA_DIR".into()))
	}

	/// This folder.
	pub fn at(dir: impl Into<PathBuf>) -> Self {
		Self(dir.into())
	}

	/// Itself.
	pub fn path(&self) -> &Path {
		&self.0
	}

	/// Key files.
	pub fn keys(&self) -> PathBuf {
		self.0.join("keys")
	}

	/// Results.
	pub fn results(&self) -> PathBuf {
		self.0.join("downloaded-files")
	}

	/// The provider's folder.
	pub fn provider(&self) -> PathBuf {
		self.0.join("provider")
	}

	/// The mediator's folder.
	pub fn mediator(&self) -> PathBuf {
		self.0.join("mediator")
	}

	/// Where modules are kept that were run here to check a result.
	pub fn checks(&self) -> PathBuf {
		self.0.join("checks")
	}

	/// The jobs of all chains.
	pub fn all_jobs(&self) -> Result<Vec<Entry>, CliError> {
		let mut all = Vec::new();
		for chain in std::fs::read_dir(self.0.join("jobs"))
			.into_iter()
			.flatten()
			.flatten()
		{
			all.extend(Journal(chain.path()).all()?);
		}
		Ok(all)
	}

	/// The jobs of one chain.
	pub fn jobs(&self, genesis: Hash) -> Journal {
		Journal(self.0.join("jobs").join(hex::encode(&genesis.0[..8])))
	}
}

/// A file that a job needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalFile {
	/// Its name in the manifest; empty for inputs too long for the chain.
	pub name: String,
	/// Where it is here.
	pub path: PathBuf,
	/// BLAKE3 of its bytes.
	pub hash: String,
	/// Its length in bytes.
	pub size: u64,
}

impl LocalFile {
	/// The hash as bytes.
	pub fn hash_bytes(&self) -> Option<[u8; 32]> {
		hex::decode(&self.hash).ok()?.try_into().ok()
	}
}

/// How a job ended, as far as is known here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
	/// In words.
	pub outcome: String,
	/// What it cost in all.
	pub cost: Balance,
}

/// What is remembered of one of one's own jobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
	/// The job.
	pub job: JobId,
	/// Who pays.
	pub creator: String,
	/// What it runs.
	pub module: String,
	/// The block in which it was posted.
	pub block: BlockNumber,
	/// When, in seconds since the Unix epoch.
	pub posted: u64,
	/// Its budget.
	pub budget: Balance,
	/// What the provider must get from us.
	pub files: Vec<LocalFile>,
	/// Where the user wants the result.
	pub output: Option<PathBuf>,
	/// Its deal, once matched.
	pub deal: Option<DealId>,
	/// The provider, once matched.
	pub provider: Option<String>,
	/// Its result's root, once known.
	pub root: Option<String>,
	/// Where the result is, once fetched.
	pub folder: Option<PathBuf>,
	/// How it ended, once known.
	pub ended: Option<Ending>,
}

/// One's own jobs on one chain: a file each.
#[derive(Clone, Debug)]
pub struct Journal(PathBuf);

impl Journal {
	fn file(&self, job: JobId) -> PathBuf {
		self.0.join(format!("{job}.json"))
	}

	/// Where files that only a job needs are kept.
	pub fn folder(&self) -> &Path {
		&self.0
	}

	/// Remembers a job. The file is replaced in one step: it is never half written.
	pub fn save(&self, entry: &Entry) -> Result<(), CliError> {
		let path = self.file(entry.job);
		let json = serde_json::to_vec_pretty(entry)
			.map_err(|e| CliError::Other(format!("a job can't be noted: {e}")))?;
		write_whole(&path, &json)
	}

	/// A job, if it is remembered.
	pub fn get(&self, job: JobId) -> Result<Option<Entry>, CliError> {
		read_json(&self.file(job))
	}

	fn file_of(&self, hash: &str) -> PathBuf {
		self.0.join("files").join(format!("{hash}.json"))
	}

	/// Remembers files by their hashes. That is done before a job that needs them is posted: whoever is killed while its number
	/// is not known yet still finds them.
	pub fn keep_files(&self, files: &[LocalFile]) -> Result<(), CliError> {
		for file in files {
			let json = serde_json::to_vec_pretty(file)
				.map_err(|e| CliError::Other(format!("an input file can't be noted: {e}")))?;
			write_whole(&self.file_of(&file.hash), &json)?;
		}
		Ok(())
	}

	/// The files that a job needs, as far as they are known here: by the job, or else by their hashes.
	pub fn files_of(&self, job: JobId, request: &JobRequest<AccountId>) -> Result<Vec<LocalFile>, CliError> {
		if let Some(entry) = self.get(job)? {
			return Ok(entry.files);
		}
		let inputs = match &request.inputs {
			Inputs::Hash { hash, .. } => Some(hash),
			Inputs::Inline(_) => None,
		};
		let hashes = inputs
			.into_iter()
			.chain(request.files.iter().map(|file| &file.hash));
		let known = hashes.map(|hash| read_json(&self.file_of(&hex::encode(hash))));
		known.filter_map(Result::transpose).collect()
	}

	/// All jobs, oldest first. A file that can't be read is skipped with a warning.
	pub fn all(&self) -> Result<Vec<Entry>, CliError> {
		let files = match std::fs::read_dir(&self.0) {
			Ok(files) => files,
			Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
			Err(e) => return Err(CliError::io("can't list", &self.0)(e)),
		};
		let mut all = Vec::new();
		for file in files {
			let path = file.map_err(CliError::io("can't list", &self.0))?.path();
			let job = path
				.file_stem()
				.and_then(|s| s.to_str())
				.and_then(|s| s.parse::<JobId>().ok());
			if path.extension().is_none_or(|e| e != "json") {
				continue;
			}
			match job.map(|job| self.get(job)) {
				Some(Ok(Some(entry))) => all.push(entry),
				Some(Err(e)) => tracing::warn!("{e}"),
				_ => (),
			}
		}
		all.sort_by_key(|e| e.job);
		Ok(all)
	}

	/// Changes what is remembered of a job, if it is remembered.
	pub fn update(&self, job: JobId, change: impl FnOnce(&mut Entry)) -> Result<(), CliError> {
		match self.get(job)? {
			Some(mut entry) => {
				change(&mut entry);
				self.save(&entry)
			},
			None => Ok(()),
		}
	}
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CliError> {
	match std::fs::read(path) {
		Ok(bytes) => serde_json::from_slice(&bytes)
			.map(Some)
			.map_err(|e| CliError::Other(format!("{} can't be read: {e}", path.display()))),
		Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
		Err(e) => Err(CliError::io("can't read", path)(e)),
	}
}

/// Writes a file so that it is either the old one or the new one, whatever happens.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
	let folder = path.parent().unwrap_or(Path::new("."));
	std::fs::create_dir_all(folder).map_err(CliError::io("can't make the folder", folder))?;
	let part = path.with_extension(format!("part{}", std::process::id()));
	std::fs::write(&part, bytes).map_err(CliError::io("can't write", &part))?;
	std::fs::rename(&part, path).map_err(CliError::io("can't write", path))
}

/// Seconds since the Unix epoch.
pub fn now() -> u64 {
	// A clock before 1970 is as good as none.
	std::time::SystemTime::now()
		.duration_since(std::time::UNIX_EPOCH)
		.map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::InputFile;

	fn entry(job: u64) -> Entry {
		Entry {
			job: JobId(job),
			creator: "5Grw".into(),
			module: "cowsay:v0.0.1".into(),
			block: 7,
			posted: 1,
			budget: u128::MAX,
			files: vec![LocalFile {
				name: "a".into(),
				path: "/a".into(),
				hash: "00".repeat(32),
				size: 3,
			}],
			output: None,
			deal: None,
			provider: None,
			root: None,
			folder: None,
			ended: None,
		}
	}

	fn journal() -> (tempfile::TempDir, Journal) {
		let dir = tempfile::tempdir().expect("a folder");
		let journal = DataDir::at(dir.path()).jobs(Hash::repeat_byte(1));
		(dir, journal)
	}

	#[test]
	fn jobs_are_remembered_in_order() {
		let (_dir, journal) = journal();
		assert_eq!(journal.all().expect("empty"), vec![]);
		for job in [10, 2, 33] {
			journal.save(&entry(job)).expect("saved");
		}
		assert_eq!(
			journal.all().expect("listed"),
			vec![entry(2), entry(10), entry(33)]
		);
		assert_eq!(journal.get(JobId(10)).expect("read"), Some(entry(10)));
		assert_eq!(journal.get(JobId(11)).expect("read"), None);
	}

	#[test]
	fn the_files_of_a_job_whose_number_was_never_known_are_found() {
		let (_dir, journal) = journal();
		let file = |byte: u8, name: &str| LocalFile {
			name: name.into(),
			path: format!("/{byte}").into(),
			hash: hex::encode([byte; 32]),
			size: byte.into(),
		};
		let (inputs, sequence) = (file(1, ""), file(2, "sequence"));
		journal
			.keep_files(&[sequence.clone(), inputs.clone(), file(3, "another job's")])
			.expect("kept");
		assert_eq!(journal.all().expect("listed"), vec![], "they are no jobs");

		let mut request = crate::job::tests::request();
		request.inputs = Inputs::Hash {
			hash: [1; 32],
			size: 1,
		};
		let needed = [2, 9].map(|byte| InputFile {
			name: b"sequence".to_vec().try_into().expect("short"),
			hash: [byte; 32],
			size: byte.into(),
		});
		request.files = needed.to_vec().try_into().expect("few");
		assert_eq!(
			journal.files_of(JobId(1), &request).expect("found"),
			vec![inputs, sequence]
		);
		// What is remembered of the job itself goes before that.
		journal.save(&entry(1)).expect("saved");
		assert_eq!(
			journal.files_of(JobId(1), &request).expect("found"),
			entry(1).files
		);
	}

	#[test]
	fn chains_are_kept_apart() {
		let (dir, journal) = journal();
		journal.save(&entry(1)).expect("saved");
		let other = DataDir::at(dir.path()).jobs(Hash::repeat_byte(2));
		assert_eq!(other.get(JobId(1)).expect("read"), None);
	}

	#[test]
	fn a_change_is_kept_and_an_unknown_job_left_alone() {
		let (_dir, journal) = journal();
		journal.save(&entry(1)).expect("saved");
		journal
			.update(JobId(1), |e| e.root = Some("ab".into()))
			.expect("changed");
		assert_eq!(
			journal.get(JobId(1)).expect("read").and_then(|e| e.root),
			Some("ab".into())
		);
		journal
			.update(JobId(2), |e| e.root = None)
			.expect("nothing to do");
		assert_eq!(journal.get(JobId(2)).expect("read"), None);
	}

	#[test]
	fn the_jobs_of_all_chains_are_found() {
		let dir = tempfile::tempdir().expect("a folder");
		let data = DataDir::at(dir.path());
		assert_eq!(data.all_jobs().expect("none yet"), vec![]);
		for (chain, job) in [(1, 1), (2, 7)] {
			data.jobs(Hash::repeat_byte(chain))
				.save(&entry(job))
				.expect("saved");
		}
		let mut found: Vec<_> = data.all_jobs().expect("listed").iter().map(|e| e.job.0).collect();
		found.sort();
		assert_eq!(found, [1, 7]);
	}

	#[test]
	fn a_broken_file_hides_no_other() {
		let (_dir, journal) = journal();
		journal.save(&entry(1)).expect("saved");
		std::fs::write(journal.file(JobId(2)), "{").expect("written");
		std::fs::write(journal.folder().join("3.part99"), "{").expect("written");
		assert_eq!(journal.all().expect("listed"), vec![entry(1)]);
		assert!(journal.get(JobId(2)).is_err());
	}
}
