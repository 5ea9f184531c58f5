//! The market's book, page by page: the offers of a class in the order in which the chain tries them, and the jobs that wait for
//! one. Whoever reads it needs memory for a page, however long the book is.

use crate::{
	types::{Bond, Class, JobRecord, Proposal},
	view::{decode, Constant, Entry, BONDS, JOBS, MILLIS_PER_BLOCK, OFFERS},
	AccountId, ClientError, View,
};
use codec::{Decode, Encode};
use lilypad_primitives::{fits::run_blocks, BlockNumber, JobId, Millis, Offer, OfferId};
use scale_info::TypeInfo;
use sp_core::bytes::{from_hex, to_hex};
use sp_crypto_hashing::twox_128;
use std::collections::HashMap;
use subxt::{rpcs::client::rpc_params, utils::Static};

/// Most entries of a page: what nodes give at once.
pub const MAX_PAGE: u32 = 512;

/// A key of an index: class, rate and number.
type IndexKey = (Class, [u8; 16], [u8; 8]);

pub(crate) const OFFER_INDEX: Entry<IndexKey, ()> = Entry::new("Market", "OfferIndex");
pub(crate) const WAITING_INDEX: Entry<IndexKey, ()> = Entry::new("Market", "WaitingIndex");
pub(crate) const PROPOSALS: Entry<JobId, Proposal> = Entry::new("Market", "Proposals");
pub(crate) const ACK_BLOCKS: Constant<BlockNumber> = Constant::new("Deals", "AckBlocks");
pub(crate) const FETCH_BYTES_PER_BLOCK: Constant<u64> = Constant::new("Deals", "FetchBytesPerBlock");
pub(crate) const MAX_FETCH_BLOCKS: Constant<BlockNumber> = Constant::new("Deals", "MaxFetchBlocks");
pub(crate) const SUBMIT_MARGIN: Constant<BlockNumber> = Constant::new("Deals", "SubmitMargin");

/// A place in a part of the book: behind the entry with this storage key. It stays a place when that entry is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<u8>);

impl Place {
	/// The place behind the entry with this key.
	pub fn behind(key: Vec<u8>) -> Self {
		Self(key)
	}

	/// The key.
	pub fn key(&self) -> &[u8] {
		&self.0
	}
}

/// A part of the book.
#[derive(Clone, Debug)]
pub struct Page<K, V> {
	/// The entries, in the order of the book.
	pub entries: Vec<(K, V)>,
	/// Where the next page begins; `None` at the end.
	pub next: Option<Place>,
}

impl View {
	/// Offers of a class that take deals, cheapest first and of equals the oldest first, from a place on; at most `most` of them,
	/// and at most [`MAX_PAGE`].
	pub async fn offers_in(
		&self,
		class: Class,
		after: Option<&Place>,
		most: u32,
	) -> Result<Page<OfferId, Offer<AccountId>>, ClientError> {
		self.page(&OFFER_INDEX, &OFFERS, class, after, most, OfferId)
			.await
	}

	/// Waiting jobs of a class, those that can pay most first and of equals the oldest first; as [`Self::offers_in`].
	pub async fn waiting_in(
		&self,
		class: Class,
		after: Option<&Place>,
		most: u32,
	) -> Result<Page<JobId, JobRecord>, ClientError> {
		self.page(&WAITING_INDEX, &JOBS, class, after, most, JobId).await
	}

	/// The matches that are proposed for these jobs, in their order.
	pub async fn proposals(&self, jobs: &[JobId]) -> Result<Vec<Option<Proposal>>, ClientError> {
		self.get_many(&PROPOSALS, jobs).await
	}

	/// The bonds of these providers, in their order.
	pub async fn bonds(&self, providers: &[AccountId]) -> Result<Vec<Option<Bond>>, ClientError> {
		self.get_many(&BONDS, providers).await
	}

	/// Blocks from the match of a job to the latest end of its run: what a job's own deadline is compared with. `fetch_bytes` is what
	/// its provider has to fetch.
	pub fn blocks_to_end(&self, time_limit: Millis, fetch_bytes: u64) -> Result<BlockNumber, ClientError> {
		let windows = Windows {
			ack: self.known(&ACK_BLOCKS)?,
			fetch_bytes_per_block: self.known(&FETCH_BYTES_PER_BLOCK)?,
			max_fetch: self.known(&MAX_FETCH_BLOCKS)?,
			millis_per_block: self.known(&MILLIS_PER_BLOCK)?,
			submit_margin: self.known(&SUBMIT_MARGIN)?,
		};
		Ok(windows.to_end(time_limit, fetch_bytes))
	}

	async fn page<K, V>(
		&self,
		index: &Entry<IndexKey, ()>,
		records: &Entry<K, V>,
		class: Class,
		after: Option<&Place>,
		most: u32,
		id: impl Fn(u64) -> K,
	) -> Result<Page<K, V>, ClientError>
	where
		K: Copy + Encode + Decode + TypeInfo + 'static,
		V: Decode + TypeInfo + 'static,
	{
		let most = most.clamp(1, MAX_PAGE);
		let prefix = prefix(index, class);
		let start = after.map(|place| to_hex(place.key(), false));
		let keys: Vec<String> = self
			.client()
			.request(
				"state_getKeysPaged",
				rpc_params![to_hex(&prefix, false), most, start, self.hash()],
			)
			.await?;
		let keys = keys
			.iter()
			.map(|key| read_key(key, prefix.len()))
			.collect::<Result<Vec<_>, _>>()?;
		let ids: Vec<K> = keys.iter().map(|(_, number)| id(*number)).collect();
		let values = self.get_many(records, &ids).await?;
		let full = keys.len() >= most as usize;
		let next = keys
			.into_iter()
			.next_back()
			.filter(|_| full)
			.map(|(key, _)| Place::behind(key));
		// Index and records change together: one without the other is the node's fault, and nothing to work with.
		let entries = ids
			.into_iter()
			.zip(values)
			.filter_map(|(id, value)| Some((id, value?)));
		Ok(Page {
			entries: entries.collect(),
			next,
		})
	}

	/// The values of several keys of one map, in the keys' order.
	async fn get_many<K, V>(&self, entry: &Entry<K, V>, keys: &[K]) -> Result<Vec<Option<V>>, ClientError>
	where
		K: Clone + Encode + Decode + TypeInfo + 'static,
		V: Decode + TypeInfo + 'static,
	{
		let address = subxt::dynamic::storage::<(Static<K>,), Static<V>>(entry.pallet(), entry.name());
		let what = format!("{}.{}", entry.pallet(), entry.name());
		let storage = self.at_block().storage();
		let map = storage.entry(address).map_err(|e| self.client().failure(e))?;
		let mut values = Vec::with_capacity(keys.len());
		for keys in keys.chunks(MAX_PAGE as usize) {
			let names = keys
				.iter()
				.map(|key| {
					map.fetch_key((Static(key.clone()),))
						.map(|key| to_hex(&key, false))
				})
				.collect::<Result<Vec<_>, _>>()
				.map_err(|e| self.client().failure(e))?;
			let sets: Vec<Changes> = self
				.client()
				.request("state_queryStorageAt", rpc_params![&names, self.hash()])
				.await?;
			let found: HashMap<String, Option<String>> =
				sets.into_iter().flat_map(|set| set.changes).collect();
			for name in &names {
				let Some(Some(value)) = found.get(name) else {
					values.push(None);
					continue;
				};
				let bytes = from_hex(value).map_err(|e| unreadable(&what, &e))?;
				values.push(Some(decode(&bytes, &what)?));
			}
		}
		Ok(values)
	}
}

/// The windows of a deal, as the chain has them.
struct Windows {
	ack: BlockNumber,
	fetch_bytes_per_block: u64,
	max_fetch: BlockNumber,
	millis_per_block: Millis,
	submit_margin: BlockNumber,
}

impl Windows {
	/// As the pallet counts them: the tests compare.
	fn to_end(&self, time_limit: Millis, fetch_bytes: u64) -> BlockNumber {
		let fetch = fetch_bytes.div_ceil(self.fetch_bytes_per_block.max(1));
		let fetch = BlockNumber::try_from(fetch).unwrap_or(BlockNumber::MAX);
		self.ack
			.saturating_add(fetch.min(self.max_fetch))
			.saturating_add(run_blocks(time_limit, self.millis_per_block))
			.saturating_add(self.submit_margin)
	}
}

/// What a node says about some of its storage.
#[derive(serde::Deserialize)]
struct Changes {
	changes: Vec<(String, Option<String>)>,
}

fn unreadable(what: &str, reason: &dyn std::fmt::Display) -> ClientError {
	ClientError::Decode {
		what: what.into(),
		reason: reason.to_string(),
	}
}

/// What the storage keys of a class's entries begin with. The index's keys are not hashed.
fn prefix(index: &Entry<IndexKey, ()>, class: Class) -> Vec<u8> {
	[
		twox_128(index.pallet().as_bytes()).as_slice(),
		&twox_128(index.name().as_bytes()),
		&class.encode(),
	]
	.concat()
}

/// An index's storage key, and the number at its end. Behind the prefix, which has the class in it, come rate and number.
fn read_key(key: &str, prefix: usize) -> Result<(Vec<u8>, u64), ClientError> {
	let bytes = from_hex(key).map_err(|e| unreadable("key of the book", &e))?;
	let number = bytes
		.get(prefix..)
		.and_then(|rest| <[u8; 24]>::try_from(rest).ok());
	let number = number
		.and_then(|rest| rest[16..].try_into().ok())
		.map(u64::from_be_bytes);
	match number {
		Some(number) => Ok((bytes, number)),
		None => Err(unreadable("key of the book", &key)),
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use codec::Decode;
	use lilypad_primitives::{traits::Deals, Platform};
	use lilypad_runtime::Runtime;
	use subxt::metadata::Metadata;

	const CLASS: Class = Class {
		platform: Platform::ContainerAmd64,
		gpu: true,
	};

	#[test]
	fn keys_of_the_book_are_those_of_the_runtime() {
		let class = pallet_market::Class {
			platform: CLASS.platform,
			gpu: CLASS.gpu,
		};
		let key = (class, 7u128.to_be_bytes(), 9u64.to_be_bytes());
		for (index, key) in [
			(
				&OFFER_INDEX,
				pallet_market::OfferIndex::<Runtime>::hashed_key_for(key),
			),
			(
				&WAITING_INDEX,
				pallet_market::WaitingIndex::<Runtime>::hashed_key_for(key),
			),
		] {
			let prefix = prefix(index, CLASS);
			assert!(key.starts_with(&prefix), "{}", index.name());
			let (bytes, number) = read_key(&to_hex(&key, false), prefix.len()).expect("a key");
			assert_eq!((bytes, number), (key.clone(), 9));
			assert!(read_key(&to_hex(&key[1..], false), prefix.len()).is_err());
		}
		assert!(read_key("no key", 3).is_err());
	}

	fn constant<V: Decode + TypeInfo + 'static>(metadata: &Metadata, constant: &Constant<V>) -> V {
		let pallet = metadata.pallet_by_name(constant.pallet()).expect("a pallet");
		let found = pallet.constant_by_name(constant.name()).expect("a constant");
		V::decode(&mut &found.value()[..]).expect("of this type")
	}

	#[test]
	fn a_job_takes_as_long_as_the_runtime_says() {
		let bytes = Runtime::metadata_at_version(16).expect("the SDK's newest version");
		let metadata = Metadata::decode_from(&bytes[..]).expect("subxt reads it");
		let windows = Windows {
			ack: constant(&metadata, &ACK_BLOCKS),
			fetch_bytes_per_block: constant(&metadata, &FETCH_BYTES_PER_BLOCK),
			max_fetch: constant(&metadata, &MAX_FETCH_BLOCKS),
			millis_per_block: constant(&metadata, &MILLIS_PER_BLOCK),
			submit_margin: constant(&metadata, &SUBMIT_MARGIN),
		};
		for (limit, bytes) in [
			(0, 0),
			(1, 1),
			(60_000, 2_500_000),
			(60_001, 2_500_001),
			(u64::MAX, u64::MAX),
		] {
			let theirs = <lilypad_runtime::Deals as Deals<AccountId>>::run_blocks(limit, bytes);
			assert_eq!(windows.to_end(limit, bytes), theirs, "{limit} ms, {bytes} bytes");
		}
	}
}
