//! Who may do what nobody else may.
//!
//! Until the chain has collectives, that is one key, and only on development chains: any other genesis leaves it unset,
//! and without it every call here fails.

use crate::{Runtime, RuntimeCall, RuntimeEvent};

impl pallet_sudo::Config for Runtime {
	type RuntimeEvent = RuntimeEvent;
	type RuntimeCall = RuntimeCall;
	type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}
