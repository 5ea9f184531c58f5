//! What every block reads and writes once, however many transactions it has.

use alloc::vec::Vec;

use frame_support::traits::WhitelistedStorageKeys;
use lilypad_primitives::BlockNumber;

use crate::{AllPalletsWithSystem, AuditPoolAccount, Runtime, TreasuryAccount};

/// The hash of the first block, which every signature vouches for.
const GENESIS: BlockNumber = 0;

/// Keys of the state that a block has at hand after its first transaction, so that none of the others costs the database
/// anything: those that the pallets name, the accounts that every deal's end pays into, and the chain's first hash. (The block that
/// a mortal transaction vouches for is nearly always one that others vouch for too.)
///
/// Weights don't count them: see `make weights`.
pub fn hot_keys() -> Vec<Vec<u8>> {
	let pallets = AllPalletsWithSystem::whitelisted_storage_keys()
		.into_iter()
		.map(|tracked| tracked.key);
	let pots = [TreasuryAccount::get(), AuditPoolAccount::get()]
		.into_iter()
		.map(frame_system::Account::<Runtime>::hashed_key_for);
	pallets
		.chain(pots)
		.chain([frame_system::BlockHash::<Runtime>::hashed_key_for(GENESIS)])
		.collect()
}
