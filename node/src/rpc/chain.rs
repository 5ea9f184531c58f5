//! What the market's answers are read from: the chain's state at a block.

use std::sync::Arc;

use codec::{Decode, DecodeAll, Encode};
use frame_support::{
	storage::storage_prefix,
	view_functions::{
		runtime_api::RuntimeViewFunction, ViewFunction, ViewFunctionDispatchError, ViewFunctionId,
	},
};
use lilypad_client::AccountId;
use lilypad_primitives::{DealId, JobId, JobRequest, ModuleInfo, ModuleName, Offer, OfferId, VersionId};
use lilypad_runtime::{Runtime, RuntimeEvent};
use pallet_evm_gateway::LaneId;
use pallet_market::{JobRecord, Quote};
use sc_client_api::{HeaderBackend, StorageKey, StorageProvider};
use sp_api::ProvideRuntimeApi;
use sp_runtime::{traits::Header as _, DispatchError};

use crate::service::{BlockNumber, Client, Hash};

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
	/// Its number.
	pub(crate) number: BlockNumber,
	/// Its hash.
	pub(crate) hash: Hash,
}

/// Why the state can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
	/// The node does not have it.
	#[error("the state of block {0:?} is not at this node (any longer)")]
	NoState(Hash),
	/// The node's types are not the chain's.
	#[error(
		"{what} can't be read: the chain's runtime is of another age than this node. Update the node, or read the state with \
		 the chain's metadata"
	)]
	Decode {
		/// What was to be read.
		what: &'static str,
	},
	/// The runtime can't be asked.
	#[error("the runtime can't be asked: {0}")]
	Runtime(String),
}

/// The chain, as far as the market's answers need it. A trait, so that tests do without a database.
pub(crate) trait Chain: Send + Sync + 'static {
	/// The newest block.
	fn best(&self) -> At;
	/// The newest block that can't be reverted.
	fn finalized(&self) -> At;
	/// The block before one.
	fn parent(&self, block: At) -> Option<At>;
	/// A value in the state.
	fn read(&self, at: Hash, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError>;
	/// At most `limit` keys that begin with `prefix`, in order, after `after`.
	fn keys(
		&self,
		at: Hash,
		prefix: &[u8],
		after: Option<&[u8]>,
		limit: usize,
	) -> Result<Vec<Vec<u8>>, ReadError>;
	/// What a view function answers.
	fn view(&self, at: Hash, function: ViewFunctionId, arguments: Vec<u8>) -> Result<Vec<u8>, ReadError>;
}

/// The node's own chain.
pub(crate) struct NodeChain(pub(crate) Arc<Client>);

impl Chain for NodeChain {
	fn best(&self) -> At {
		let info = self.0.info();
		At {
			number: info.best_number,
			hash: info.best_hash,
		}
	}

	fn finalized(&self) -> At {
		let info = self.0.info();
		At {
			number: info.finalized_number,
			hash: info.finalized_hash,
		}
	}

	fn parent(&self, block: At) -> Option<At> {
		let hash = *HeaderBackend::header(&*self.0, block.hash).ok()??.parent_hash();
		Some(At {
			number: block.number.checked_sub(1)?,
			hash,
		})
	}

	fn read(&self, at: Hash, key: &[u8]) -> Result<Option<Vec<u8>>, ReadError> {
		self.0
			.storage(at, &StorageKey(key.to_vec()))
			.map(|found| found.map(|data| data.0))
			.map_err(|_| ReadError::NoState(at))
	}

	fn keys(
		&self,
		at: Hash,
		prefix: &[u8],
		after: Option<&[u8]>,
		limit: usize,
	) -> Result<Vec<Vec<u8>>, ReadError> {
		let (prefix, after) = (
			StorageKey(prefix.to_vec()),
			after.map(|key| StorageKey(key.to_vec())),
		);
		let keys = self
			.0
			.storage_keys(at, Some(&prefix), after.as_ref())
			.map_err(|_| ReadError::NoState(at))?;
		Ok(keys.take(limit).map(|key| key.0).collect())
	}

	fn view(&self, at: Hash, function: ViewFunctionId, arguments: Vec<u8>) -> Result<Vec<u8>, ReadError> {
		self.0
			.runtime_api()
			.execute_view_function(at, function, arguments)
			.map_err(|error| ReadError::Runtime(error.to_string()))?
			.map_err(|error: ViewFunctionDispatchError| ReadError::Runtime(format!("{error:?}")))
	}
}

/// The chain's state at a block, typed.
pub(crate) struct State<'a, C> {
	chain: &'a C,
	/// The block.
	pub(crate) at: At,
}

impl<'a, C: Chain> State<'a, C> {
	/// At a block.
	pub(crate) fn new(chain: &'a C, at: At) -> Self {
		Self { chain, at }
	}

	fn get<V: Decode>(&self, what: &'static str, key: &[u8]) -> Result<Option<V>, ReadError> {
		let value = self.chain.read(self.at.hash, key)?;
		value
			.map(|bytes| V::decode_all(&mut &bytes[..]).map_err(|_| ReadError::Decode { what }))
			.transpose()
	}

	/// A live job.
	pub(crate) fn job(&self, id: JobId) -> Result<Option<JobRecord<AccountId>>, ReadError> {
		self.get("a job", &pallet_market::Jobs::<Runtime>::hashed_key_for(id))
	}

	/// The id that the next job gets.
	pub(crate) fn next_job(&self) -> Result<JobId, ReadError> {
		let next = self.get(
			"the next job's id",
			&pallet_market::NextJobId::<Runtime>::hashed_key(),
		)?;
		Ok(next.unwrap_or_default())
	}

	/// A live deal.
	pub(crate) fn deal(&self, id: DealId) -> Result<Option<pallet_deals::Deal<AccountId>>, ReadError> {
		self.get("a deal", &pallet_deals::Deals::<Runtime>::hashed_key_for(id))
	}

	/// The id that the next deal gets.
	pub(crate) fn next_deal(&self) -> Result<DealId, ReadError> {
		let next = self.get(
			"the next deal's id",
			&pallet_deals::NextDealId::<Runtime>::hashed_key(),
		)?;
		Ok(next.unwrap_or_default())
	}

	/// An offer.
	pub(crate) fn offer(&self, id: OfferId) -> Result<Option<Offer<AccountId>>, ReadError> {
		self.get("an offer", &pallet_market::Offers::<Runtime>::hashed_key_for(id))
	}

	/// A provider's offers.
	pub(crate) fn offers_of(&self, provider: &AccountId) -> Result<Vec<OfferId>, ReadError> {
		let key = pallet_market::OffersOf::<Runtime>::hashed_key_for(provider);
		Ok(self.get("a provider's offers", &key)?.unwrap_or_default())
	}

	/// At most `limit` offers after one, in the order in which the chain stores them.
	pub(crate) fn offers(&self, after: Option<OfferId>, limit: usize) -> Result<Vec<OfferId>, ReadError> {
		let prefix = storage_prefix(b"Market", b"Offers");
		let after = after.map(pallet_market::Offers::<Runtime>::hashed_key_for);
		let keys = self.chain.keys(self.at.hash, &prefix, after.as_deref(), limit)?;
		keys.iter()
			.map(|key| {
				// Twox64Concat: eight bytes of hash, then the id itself.
				let mut id = key.get(prefix.len() + 8..).unwrap_or_default();
				OfferId::decode_all(&mut id).map_err(|_| ReadError::Decode {
					what: "an offer's key",
				})
			})
			.collect()
	}

	/// The number behind a module's name.
	pub(crate) fn version(&self, name: &ModuleName) -> Result<Option<VersionId>, ReadError> {
		self.get(
			"a module's number",
			&pallet_modules::VersionIds::<Runtime>::hashed_key_for(name),
		)
	}

	/// The number that the next module version gets.
	pub(crate) fn next_version(&self) -> Result<VersionId, ReadError> {
		let next = self.get(
			"the next module's number",
			&pallet_modules::NextVersionId::<Runtime>::hashed_key(),
		)?;
		Ok(next.unwrap_or_default())
	}

	/// A module version.
	pub(crate) fn module(&self, id: VersionId) -> Result<Option<ModuleInfo<AccountId>>, ReadError> {
		self.get(
			"a module",
			&pallet_modules::Versions::<Runtime>::hashed_key_for(id),
		)
	}

	/// The note on a module version, if it is deprecated.
	pub(crate) fn deprecation(
		&self,
		id: VersionId,
	) -> Result<Option<pallet_modules::Deprecation>, ReadError> {
		self.get(
			"a deprecation",
			&pallet_modules::Deprecations::<Runtime>::hashed_key_for(id),
		)
	}

	/// Whether it is decided what a gateway's number stands for; `None`: there is no such lane.
	pub(crate) fn is_decided(&self, lane: LaneId, id: u64) -> Result<Option<bool>, ReadError> {
		use pallet_evm_gateway::{AllHandled, FirstKept, Lanes};
		let is_there = |key: Vec<u8>| self.chain.read(self.at.hash, &key).map(|value| value.is_some());
		if !is_there(Lanes::<Runtime>::hashed_key_for(lane))? {
			return Ok(None);
		}
		let first: Option<u64> = self.get(
			"a lane's first number",
			&FirstKept::<Runtime>::hashed_key_for(lane),
		)?;
		let is_past = first.is_some_and(|first| id < first);
		Ok(Some(
			is_past || is_there(AllHandled::<Runtime>::hashed_key_for(lane, id))?,
		))
	}

	/// What happened in the block.
	pub(crate) fn events(&self) -> Result<Vec<RuntimeEvent>, ReadError> {
		type Records = Vec<frame_system::EventRecord<RuntimeEvent, Hash>>;
		let records: Option<Records> = self.get("the events", &storage_prefix(b"System", b"Events"))?;
		Ok(records
			.unwrap_or_default()
			.into_iter()
			.map(|record| record.event)
			.collect())
	}

	/// What a request would meet with, or why the chain would refuse it.
	pub(crate) fn quote(
		&self,
		creator: &AccountId,
		request: &JobRequest<AccountId>,
	) -> Result<Result<Quote<AccountId>, DispatchError>, ReadError> {
		let function = pallet_market::QuoteViewFunction::<Runtime>::id();
		let answer = self
			.chain
			.view(self.at.hash, function, (creator, request).encode())?;
		Decode::decode(&mut &answer[..]).map_err(|_| ReadError::Decode { what: "a quote" })
	}
}
