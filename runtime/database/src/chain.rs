//! A chain in a database as the node's, whose blocks change entries of the state.

use std::path::Path;

use anyhow::Context;
use sc_client_api::{Backend as _, BlockImportOperation, NewBlockState, TrieCacheContext};
use sc_client_db::{Backend, BlocksPruning, DatabaseSettings, DatabaseSource, PruningMode};
use sp_runtime::{
	generic,
	traits::{BlakeTwo256, Header as _},
	OpaqueExtrinsic,
};
use sp_state_machine::Backend as _;
use sp_storage::{StateVersion, Storage};

use crate::state::Change;

type Header = generic::Header<u32, BlakeTwo256>;
type Block = generic::Block<Header, OpaqueExtrinsic>;

/// What a node keeps of old states, unless told otherwise.
const STATES: u32 = 256;
/// How far finality is behind, in blocks.
const FINALITY: usize = 3;
/// As the service has it.
const CANONICALIZATION_DELAY: u64 = 4096;

/// The chain.
pub(crate) struct Chain {
	backend: Backend<Block>,
	best: Header,
	/// Not yet finalized, the oldest first.
	recent: Vec<<Header as sp_runtime::traits::Header>::Hash>,
}

impl Chain {
	/// Starts one in an empty folder. `cache` is for nodes of the state's tree, in bytes; none for no cache.
	pub(crate) fn new(folder: &Path, cache: Option<usize>) -> anyhow::Result<Self> {
		let settings = DatabaseSettings {
			trie_cache_maximum_size: cache,
			state_pruning: Some(PruningMode::blocks_pruning(STATES)),
			source: DatabaseSource::ParityDb {
				path: folder.to_path_buf(),
			},
			blocks_pruning: BlocksPruning::KeepFinalized,
			pruning_filters: Vec::new(),
			metrics_registry: None,
		};
		let backend =
			Backend::new(settings, CANONICALIZATION_DELAY).context("the database can't be opened")?;
		let mut operation = backend.begin_operation()?;
		let root = operation.set_genesis_state(Storage::default(), true, StateVersion::V1)?;
		let best = Header::new(
			0,
			Default::default(),
			root,
			Default::default(),
			Default::default(),
		);
		operation.set_block_data(
			best.clone(),
			Some(Vec::new()),
			None,
			None,
			NewBlockState::Final,
			true,
		)?;
		backend.commit_operation(operation)?;
		Ok(Self {
			backend,
			best,
			recent: Vec::new(),
		})
	}

	/// Adds a block: what an importer does after it has executed it.
	pub(crate) fn block(&mut self, changes: &[Change]) -> anyhow::Result<()> {
		let parent = self.best.hash();
		let state = self.backend.state_at(parent, TrieCacheContext::Trusted)?;
		let delta = changes
			.iter()
			.map(|(key, value)| (key.as_slice(), value.as_deref()));
		let (root, transaction) = state.storage_root(delta, StateVersion::V1);
		drop(state);
		let number = self.best.number() + 1;
		let header = Header::new(number, Default::default(), root, parent, Default::default());
		let mut operation = self.backend.begin_operation()?;
		self.backend.begin_state_operation(&mut operation, parent)?;
		operation.update_db_storage(transaction)?;
		operation.set_block_data(
			header.clone(),
			Some(Vec::new()),
			None,
			None,
			NewBlockState::Best,
			true,
		)?;
		self.backend.commit_operation(operation)?;
		self.recent.push(header.hash());
		self.best = header;
		if self.recent.len() > FINALITY {
			self.backend.finalize_block(self.recent.remove(0), None)?;
		}
		Ok(())
	}

	/// Reads entries of the newest state, each of which must exist.
	pub(crate) fn read<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> anyhow::Result<()> {
		let state = self
			.backend
			.state_at(self.best.hash(), TrieCacheContext::Trusted)?;
		for key in keys {
			let found = state.storage(key).map_err(anyhow::Error::msg)?;
			anyhow::ensure!(found.is_some(), "an entry that was written is gone");
		}
		Ok(())
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::state::Entries;

	#[test]
	fn entries_are_there_after_their_block_and_gone_when_removed() {
		let folder = tempfile::tempdir().expect("there is room");
		let mut chain = Chain::new(folder.path(), None).expect("the folder is empty");
		let mut entries = Entries::new(1);
		let added = entries.add(50);
		chain.block(&added).expect("it is written");
		let (removed, kept) = added.split_first().expect("there are some");
		let keys = |of: &[Change]| of.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
		let read = |chain: &Chain, keys: Vec<Vec<u8>>| chain.read(keys.iter().map(Vec::as_slice));
		read(&chain, keys(&added)).expect("all are there");
		let gone = (removed.0.clone(), None);
		// Through finality, so that what is finalized is read, too.
		for changes in [vec![gone], vec![], vec![], vec![], vec![]] {
			chain.block(&changes).expect("it is written");
		}
		read(&chain, keys(kept)).expect("the others are there");
		assert!(read(&chain, vec![removed.0.clone()]).is_err());
	}
}
