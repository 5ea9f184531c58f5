//! Jobs and offers for the tests.

use super::search::{Candidate, Wanted};
use crate::job::tests::request;
use lilypad_client::{AccountId, Class, JobRecord, JobState};
use lilypad_primitives::{
	Balance, BlockNumber, CreatorPolicy, Job, JobId, JobOrigin, MachineSpec, MediatorPolicy, ModuleInfo,
	ModulePolicy, Offer, OfferId, OfferState, Platform, Pricing, Profile, RuntimeImage, VersionId, LP,
};
use sp_runtime::Permill;

/// The block.
pub const NOW: BlockNumber = 10;
/// Prices.
pub const PRICING: Pricing = Pricing {
	levy_rate: Permill::zero(),
	mediator_fee_rate: Permill::zero(),
	min_mediator_fee: 0,
	largest_panel: 3,
	collateral_factor: 1,
	min_collateral: LP,
	no_show_fine: 1,
	cancel_fee: 0,
	victim_share: Permill::zero(),
	min_rate: 1,
	min_time_limit: 1,
	max_time_limit: 1_000_000,
};

/// An account.
pub fn account(n: u8) -> AccountId {
	AccountId::new([n; 32])
}

/// Posted by account 1, with a module of account 3 and a tip of 5.
pub fn wanted(id: u64, cpu: u32, most: Balance) -> Wanted {
	let mut request = request();
	request.spec = MachineSpec::new(cpu, 1, 1);
	request.budget = LP;
	request.time_limit = 1_000;
	request.tip = 5;
	Wanted {
		id: JobId(id),
		record: JobRecord {
			job: Job {
				creator: account(1),
				request,
				version: VersionId(0),
				origin: JobOrigin::Native,
				retries_left: 0,
				failed: Default::default(),
				unfetchable_once: false,
			},
			state: JobState::Open { match_by: NOW + 9 },
			fetch_bytes: 0,
			class: Class {
				platform: Platform::Wasm,
				gpu: false,
			},
			ceiling: most,
		},
		module: ModuleInfo {
			name: "cowsay:v0.0.1".parse().expect("a name"),
			author: account(3),
			runtime: RuntimeImage::Wasm { code: [0; 32] },
			fetch_bytes: 0,
			min_spec: MachineSpec::new(1, 1, 1),
			max_run: 1_000,
			fee: 0,
			profile: Profile::Deterministic,
			curated: false,
			delisted: false,
			manifest_hash: [0; 32],
			bond: 0,
		},
		most,
		run_blocks: 1,
	}
}

/// Of a provider with 100 LP.
pub fn candidate(id: u64, provider: u8, rate: Balance, cpu: u32) -> Candidate {
	let machine = MachineSpec::new(cpu, 10, 10);
	Candidate {
		id: OfferId(id),
		offer: Offer {
			provider: account(provider),
			total: machine.clone(),
			free: machine,
			slots: 2,
			running: 0,
			open_deals: 0,
			rate,
			platforms: vec![Platform::Wasm].try_into().expect("one"),
			modules: ModulePolicy::Any,
			mediators: MediatorPolicy::Any,
			creators: CreatorPolicy::Any,
			state: OfferState::Active,
		},
		free_bond: 100 * LP,
		score: Permill::one(),
	}
}
