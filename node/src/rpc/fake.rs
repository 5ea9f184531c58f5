//! A chain in memory: the real runtime's logic, run natively, block by block.

use std::{
	collections::BTreeMap,
	sync::{Mutex, MutexGuard},
};

use codec::Encode;
use frame_support::{traits::OnIdle, view_functions::ViewFunctionId};
use lilypad_client::AccountId;
use lilypad_primitives::{
	BlockNumber, CreatorPolicy, DealId, Dispute, Inputs, JobId, JobRequest, MachineSpec, MediatorPolicy,
	ModulePolicy, OfferId, Opening, OutputRoot, Platform, Profile, Reason, RuntimeImage, Status, Triple, LP,
};
use lilypad_runtime::{Runtime, RuntimeCall, RuntimeOrigin, System};
use pallet_deals::DealState;
use pallet_market::OfferParams;
use sp_core::storage::Storage;
use sp_runtime::{traits::Dispatchable, Permill};
use sp_state_machine::BasicExternalities;

use super::chain::{At, Chain, ReadError};
use crate::service::Hash;

/// Who does what in these tests.
pub(crate) const CREATOR: u8 = 1;
pub(crate) const PROVIDER: u8 = 2;
pub(crate) const OTHER: u8 = 3;
pub(crate) const AUTHOR: u8 = 4;

/// An account.
pub(crate) fn who(name: u8) -> AccountId {
	AccountId::new([name; 32])
}

struct Block {
	at: At,
	parent: Hash,
	state: Storage,
}

struct Blocks {
	all: BTreeMap<Hash, Block>,
	best: At,
	finalized: At,
	made: u64,
}

/// See the module.
pub(crate) struct FakeChain(Mutex<Blocks>);

impl FakeChain {
	/// With its first block: everybody is rich, and there is the module cowsay:v0.0.1.
	pub(crate) fn new() -> Self {
		let at = At {
			number: 0,
			hash: Hash::zero(),
		};
		let genesis = Block {
			at,
			parent: Hash::zero(),
			state: Storage::default(),
		};
		let chain = Self(Mutex::new(Blocks {
			all: [(at.hash, genesis)].into(),
			best: at,
			finalized: at,
			made: 0,
		}));
		chain.block(|| {
			use frame_support::traits::fungible::Mutate;
			for name in [CREATOR, PROVIDER, OTHER, AUTHOR] {
				lilypad_runtime::Balances::mint_into(&who(name), 100_000 * LP).expect("it fits");
			}
			register("cowsay:v0.0.1");
		});
		chain
	}

	fn blocks(&self) -> MutexGuard<'_, Blocks> {
		self.0.lock().expect("no test panics with it")
	}

	/// A new best block on top of the best one, in which this happens.
	pub(crate) fn block(&self, happens: impl FnOnce()) -> At {
		let parent = self.blocks().best;
		self.block_on(parent, happens)
	}

	/// A new best block on top of this one.
	pub(crate) fn block_on(&self, parent: At, happens: impl FnOnce()) -> At {
		let mut blocks = self.blocks();
		let mut state = blocks.all[&parent.hash].state.clone();
		blocks.made += 1;
		let at = At {
			number: parent.number + 1,
			hash: Hash::from_low_u64_be(blocks.made),
		};
		BasicExternalities::execute_with_storage(&mut state, || {
			System::reset_events();
			System::set_block_number(at.number);
			pallet_timestamp_put(at.number);
			happens();
		});
		let block = Block {
			at,
			parent: parent.hash,
			state,
		};
		blocks.all.insert(at.hash, block);
		blocks.best = at;
		at
	}

	/// Blocks in which nothing happens but what the sweepers do.
	pub(crate) fn pass(&self, blocks: u32) {
		for _ in 0..blocks {
			self.block(|| {
				let number = System::block_number();
				lilypad_runtime::AllPalletsWithSystem::on_idle(
					number,
					frame_support::weights::Weight::MAX / 2,
				);
			});
		}
	}

	/// Makes the best block final.
	pub(crate) fn finalize(&self) {
		let mut blocks = self.blocks();
		blocks.finalized = blocks.best;
	}

	/// Forgets a block's state, as nodes do.
	pub(crate) fn prune(&self, hash: Hash) {
		if let Some(block) = self.blocks().all.get_mut(&hash) {
			block.state = Storage::default();
		}
	}
}

fn pallet_timestamp_put(number: BlockNumber) {
	let key = frame_support::storage::storage_prefix(b"Timestamp", b"Now");
	sp_io::storage::set(&key, &(1_700_000_000_000u64 + u64::from(number) * 2_000).encode());
}

impl Chain for FakeChain {
	fn best(&self) -> At {
		self.blocks().best
	}

	fn finalized(&self) -> At {
		self.blocks().finalized
	}

	fn parent(&self, block: At) -> Option<At> {
		let blocks = self.blocks();
		let parent = blocks.all.get(&block.hash)?.parent;
		(block.number > 0)
			.then(|| blocks.all.get(&parent).map(|b| b.at))
			.flatten()
	}

	fn read(&self, at: Hash, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		let blocks = self.blocks();
		match blocks.all.get(&at).filter(|block| !block.state.top.is_empty()) {
			Some(block) => Ok(block.state.top.get(key).cloned()),
			None => Err(ReadError::NoState(at)),
		}
	}

	fn keys(
		&self,
		at: Hash,
		prefix: &[u8],
		after: Option<&[u8]>,
		limit: usize,
	) -> Result<Vec<Vec<u8>>, ReadError> {
		let blocks = self.blocks();
		let keys = blocks.all[&at]
			.state
			.top
			.keys()
			.filter(|key| key.starts_with(prefix));
		let keys = keys.filter(|key| after.is_none_or(|after| key.as_slice() > after));
		Ok(keys.take(limit).cloned().collect())
	}

	fn view(&self, at: Hash, function: ViewFunctionId, arguments: Vec<u8>) -> Result<Vec<u8>, ReadError> {
		let mut state = self.blocks().all[&at].state.clone();
		BasicExternalities::execute_with_storage(&mut state, || {
			Runtime::execute_view_function(function, arguments)
		})
		.map_err(|error| ReadError::Runtime(format!("{error:?}")))
	}
}

/// Makes a call, which must succeed.
pub(crate) fn call(name: u8, call: impl Into<RuntimeCall>) {
	let call = call.into();
	let result = call.clone().dispatch(RuntimeOrigin::signed(who(name)));
	assert!(result.is_ok(), "{call:?}: {result:?}");
}

/// Registers a module.
pub(crate) fn register(name: &str) {
	let register = pallet_modules::Call::register {
		name: name.parse().expect("a name"),
		runtime: RuntimeImage::Container {
			platform: Platform::ContainerAmd64,
			image: [7; 32],
		},
		fetch_bytes: 0,
		min_spec: MachineSpec::new(1_000, 100, 10),
		max_run: 600_000,
		fee: LP / 2,
		profile: Profile::NonDeterministic,
		manifest: b"{}".to_vec().try_into().expect("short"),
	};
	call(AUTHOR, register);
}

/// A machine with room for two ordinary jobs.
pub(crate) fn machine() -> OfferParams<AccountId> {
	OfferParams {
		machine: MachineSpec::new(2_000, 4_096, 1_024),
		slots: 2,
		rate: LP / 100,
		platforms: vec![Platform::ContainerAmd64].try_into().expect("one"),
		modules: ModulePolicy::Any,
		mediators: MediatorPolicy::Any,
		creators: CreatorPolicy::Any,
	}
}

/// Bonds, and offers a machine.
pub(crate) fn offer(name: u8, params: OfferParams<AccountId>) -> OfferId {
	let id = pallet_market::NextOfferId::<Runtime>::get();
	call(name, pallet_deals::Call::bond { amount: 1_000 * LP });
	call(name, pallet_market::Call::post_offer { params });
	id
}

/// Posts the ordinary job.
pub(crate) fn post() -> JobId {
	let id = pallet_market::NextJobId::<Runtime>::get();
	let request = JobRequest {
		module: "cowsay:v0.0.1".parse().expect("a name"),
		inputs: Inputs::Inline(b"{}".to_vec().try_into().expect("short")),
		files: Default::default(),
		spec: MachineSpec::new(1_000, 100, 10),
		time_limit: 10_000,
		budget: 25 * LP,
		tip: 0,
		match_window: 5,
		deadline: None,
		mediators: MediatorPolicy::Any,
		target: None,
		min_score: Permill::zero(),
		retries: 0,
	};
	call(CREATOR, pallet_market::Call::post_job { request });
	id
}

/// What the provider's run gave.
pub(crate) fn opening() -> Opening {
	Opening {
		triple: Triple {
			status: Status::Completed,
			exit_code: 3,
			root: OutputRoot([9; 32]),
		},
		usage: 1_000,
		salt: [5; 32],
	}
}

/// The provider takes the deal on.
pub(crate) fn acknowledge(deal: DealId) {
	call(PROVIDER, pallet_deals::Call::acknowledge { deal });
}

/// The provider seals its result.
pub(crate) fn submit(deal: DealId) {
	let seal = opening().seal(deal);
	call(PROVIDER, pallet_deals::Call::submit { deal, seal });
}

/// The creator pays.
pub(crate) fn accept(deal: DealId) {
	call(
		CREATOR,
		pallet_deals::Call::accept {
			deal,
			opening: opening(),
		},
	);
}

/// Mediators judge the deal: its state as a challenge leaves it, without a panel, for which there would have to be mediators.
pub(crate) fn dispute(deal: DealId) {
	pallet_deals::Deals::<Runtime>::mutate(deal, |found| {
		if let Some(found) = found {
			found.state = DealState::Disputed {
				seal: opening().seal(deal),
				elapsed: 10_000,
				opened: None,
				dispute: Dispute::Challenge(Reason::WrongResult),
			};
		}
	});
}
