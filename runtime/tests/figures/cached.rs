//! The state as a node serves it: a trie with the caches for its nodes and values in front. Without them what is read takes
//! longer the deeper the trie is, and that would be taken for a growth of what the call does.

use sp_core::Blake2Hasher;
use sp_externalities::{set_and_run_with_externalities, Extensions};
use sp_io::TestExternalities;
use sp_state_machine::{Ext, OverlayedChanges, TrieBackendBuilder};
use sp_trie::cache::{CacheSize, SharedTrieCache};

/// Runs on what `ext` has committed, and leaves nothing behind there.
pub(crate) fn on_cached<R>(ext: &TestExternalities, run: impl FnOnce() -> R) -> R {
	// A node's default is a gigabyte.
	let caches = SharedTrieCache::<Blake2Hasher>::new(CacheSize::new(1 << 30), None);
	let (trie, root) = (ext.backend.backend_storage(), *ext.backend.root());
	let state = TrieBackendBuilder::<_, Blake2Hasher>::new(trie, root)
		.with_cache(caches.local_cache_trusted())
		.build();
	let (mut changes, mut extensions) = (OverlayedChanges::default(), Extensions::default());
	set_and_run_with_externalities(&mut Ext::new(&mut changes, &state, Some(&mut extensions)), run)
}
