//! Reading the chain at one block.

use crate::{
	book,
	error::Missing,
	events::ChainEvent,
	mediation::{Case, Eras, MediationParameters, Mediator},
	shape::Shape,
	types::{Balances, Bond, Deal, Deprecation, JobRecord, Module},
	AccountId, BlockId, Client, ClientError, Hash,
};
use codec::{Decode, Encode};
use lilypad_primitives::{
	module::ManifestBytes, Balance, BlockNumber, DealId, JobId, Millis, ModuleInfo, ModuleName, Offer,
	OfferId, PeerAddress, VersionId,
};
use scale_info::{MetaType, TypeInfo};
use sp_runtime::Permill;
use std::marker::PhantomData;
use subxt::{client::OnlineClientAtBlock, config::SubstrateConfig, events::Phase, utils::Static};

pub(crate) type AtBlock = OnlineClientAtBlock<SubstrateConfig>;

/// A storage map or value of the chain.
pub(crate) struct Entry<K, V> {
	pallet: &'static str,
	name: &'static str,
	types: PhantomData<fn(K) -> V>,
}

impl<K: TypeInfo + 'static, V: TypeInfo + 'static> Entry<K, V> {
	pub(crate) const fn new(pallet: &'static str, name: &'static str) -> Self {
		Self {
			pallet,
			name,
			types: PhantomData,
		}
	}

	pub(crate) fn pallet(&self) -> &'static str {
		self.pallet
	}

	pub(crate) fn name(&self) -> &'static str {
		self.name
	}

	pub(crate) fn shape(&self) -> Shape {
		Shape::Storage {
			pallet: self.pallet,
			name: self.name,
			value: MetaType::new::<V>(),
		}
	}
}

pub(crate) const JOBS: Entry<JobId, JobRecord> = Entry::new("Market", "Jobs");
pub(crate) const OFFERS: Entry<OfferId, Offer<AccountId>> = Entry::new("Market", "Offers");
const OFFERS_OF: Entry<AccountId, Vec<OfferId>> = Entry::new("Market", "OffersOf");
const PEERS: Entry<AccountId, PeerAddress> = Entry::new("Market", "Peers");
const DEALS: Entry<DealId, Deal> = Entry::new("Deals", "Deals");
pub(crate) const BONDS: Entry<AccountId, Bond> = Entry::new("Deals", "Bonds");
const CASES: Entry<DealId, Case> = Entry::new("Mediation", "Cases");
const MEDIATORS: Entry<AccountId, Mediator> = Entry::new("Mediation", "Mediators");
const PARAMETERS: Entry<(), MediationParameters> = Entry::new("Mediation", "Params");
const ERAS: Entry<(), Eras> = Entry::new("Mediation", "CurrentEras");
const VERSION_IDS: Entry<ModuleName, VersionId> = Entry::new("Modules", "VersionIds");
const VERSIONS: Entry<VersionId, ModuleInfo<AccountId>> = Entry::new("Modules", "Versions");
const MANIFESTS: Entry<VersionId, ManifestBytes> = Entry::new("Modules", "Manifests");
const DEPRECATIONS: Entry<VersionId, Deprecation> = Entry::new("Modules", "Deprecations");
const ACCOUNTS: Entry<AccountId, AccountInfo> = Entry::new("System", "Account");
const NOW: Entry<(), Millis> = Entry::new("Timestamp", "Now");

/// A constant of the runtime.
pub(crate) struct Constant<V> {
	pallet: &'static str,
	name: &'static str,
	ty: PhantomData<fn() -> V>,
}

impl<V: TypeInfo + 'static> Constant<V> {
	pub(crate) const fn new(pallet: &'static str, name: &'static str) -> Self {
		Self {
			pallet,
			name,
			ty: PhantomData,
		}
	}

	#[cfg(test)]
	pub(crate) fn pallet(&self) -> &'static str {
		self.pallet
	}

	#[cfg(test)]
	pub(crate) fn name(&self) -> &'static str {
		self.name
	}

	pub(crate) fn shape(&self) -> Shape {
		Shape::Constant {
			pallet: self.pallet,
			name: self.name,
			value: MetaType::new::<V>(),
		}
	}
}

const EXISTENTIAL_DEPOSIT: Constant<Balance> = Constant::new("Balances", "ExistentialDeposit");
pub(crate) const MILLIS_PER_BLOCK: Constant<Millis> = Constant::new("Deals", "MillisPerBlock");
const MIN_MATCH_WINDOW: Constant<BlockNumber> = Constant::new("Market", "MinMatchWindow");
const MAX_MATCH_WINDOW: Constant<BlockNumber> = Constant::new("Market", "MaxMatchWindow");
const DEPOSIT_BASE: Constant<Balance> = Constant::new("Modules", "DepositBase");
const DEPOSIT_PER_BYTE: Constant<Balance> = Constant::new("Modules", "DepositPerByte");
const DETERMINISTIC_BOND: Constant<Balance> = Constant::new("Modules", "DeterministicBond");
const SCORE_HORIZON: Constant<Balance> = Constant::new("Deals", "ScoreHorizon");
const TICKET_PRICE: Constant<Balance> = Constant::new("Mediation", "TicketPrice");
const MAX_TICKETS: Constant<u32> = Constant::new("Mediation", "MaxTickets");

/// What these entries and constants look like.
pub(crate) fn shapes() -> Vec<Shape> {
	vec![
		EXISTENTIAL_DEPOSIT.shape(),
		MILLIS_PER_BLOCK.shape(),
		MIN_MATCH_WINDOW.shape(),
		MAX_MATCH_WINDOW.shape(),
		DEPOSIT_BASE.shape(),
		DEPOSIT_PER_BYTE.shape(),
		DETERMINISTIC_BOND.shape(),
		JOBS.shape(),
		OFFERS.shape(),
		OFFERS_OF.shape(),
		PEERS.shape(),
		DEALS.shape(),
		BONDS.shape(),
		CASES.shape(),
		MEDIATORS.shape(),
		PARAMETERS.shape(),
		SCORE_HORIZON.shape(),
		TICKET_PRICE.shape(),
		ERAS.shape(),
		MAX_TICKETS.shape(),
		VERSION_IDS.shape(),
		VERSIONS.shape(),
		MANIFESTS.shape(),
		DEPRECATIONS.shape(),
		ACCOUNTS.shape(),
		NOW.shape(),
		book::OFFER_INDEX.shape(),
		book::WAITING_INDEX.shape(),
		book::PROPOSALS.shape(),
		book::ACK_BLOCKS.shape(),
		book::FETCH_BYTES_PER_BLOCK.shape(),
		book::MAX_FETCH_BLOCKS.shape(),
		book::SUBMIT_MARGIN.shape(),
	]
}

#[derive(Clone, Debug, Default, Decode, Encode, TypeInfo)]
struct AccountInfo {
	nonce: u32,
	consumers: u32,
	providers: u32,
	sufficients: u32,
	data: AccountData,
}

#[derive(Clone, Debug, Default, Decode, Encode, TypeInfo)]
struct AccountData {
	free: Balance,
	reserved: Balance,
	frozen: Balance,
	// The pallet wraps this number in a type of its own, which is encoded like it.
	flags: ExtraFlags,
}

#[derive(Clone, Debug, Default, Decode, Encode, TypeInfo)]
struct ExtraFlags(u128);

/// An event of a block, with the place of the transaction that caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
	/// Index of the transaction in the block; `None` when a hook caused it.
	pub extrinsic: Option<u32>,
	/// What happened.
	pub event: ChainEvent,
}

/// The chain at one block.
#[derive(Clone)]
pub struct View {
	client: Client,
	at: AtBlock,
}

impl std::fmt::Debug for View {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		write!(f, "View({})", self.block())
	}
}

impl View {
	pub(crate) fn new(client: Client, at: AtBlock) -> Self {
		Self { client, at }
	}

	pub(crate) fn client(&self) -> &Client {
		&self.client
	}

	pub(crate) fn at_block(&self) -> &AtBlock {
		&self.at
	}

	/// The block.
	pub fn block(&self) -> BlockId {
		BlockId {
			number: self.number(),
			hash: self.hash(),
		}
	}

	/// The block's number.
	pub fn number(&self) -> BlockNumber {
		// Lilypad's block numbers have 32 bits.
		BlockNumber::try_from(self.at.block_number()).unwrap_or(BlockNumber::MAX)
	}

	/// The block's hash.
	pub fn hash(&self) -> Hash {
		self.at.block_hash()
	}

	/// Version of the runtime.
	pub fn spec_version(&self) -> u32 {
		self.at.spec_version()
	}

	/// The block's time, in milliseconds since the Unix epoch.
	pub async fn timestamp(&self) -> Result<Millis, ClientError> {
		// The chain sets it in each block; the first one has none.
		Ok(self.value(&NOW).await?.unwrap_or_default())
	}

	/// A job that waits or has a live deal.
	pub async fn job(&self, id: JobId) -> Result<Option<JobRecord>, ClientError> {
		self.get(&JOBS, id).await
	}

	/// A live deal.
	pub async fn deal(&self, id: DealId) -> Result<Option<Deal>, ClientError> {
		self.get(&DEALS, id).await
	}

	/// All live deals.
	pub async fn deals(&self) -> Result<Vec<(DealId, Deal)>, ClientError> {
		self.all(&DEALS).await
	}

	/// All live jobs.
	pub async fn jobs(&self) -> Result<Vec<(JobId, JobRecord)>, ClientError> {
		self.all(&JOBS).await
	}

	/// An offer.
	pub async fn offer(&self, id: OfferId) -> Result<Option<Offer<AccountId>>, ClientError> {
		self.get(&OFFERS, id).await
	}

	/// A provider's offers.
	pub async fn offers_of(
		&self,
		provider: &AccountId,
	) -> Result<Vec<(OfferId, Offer<AccountId>)>, ClientError> {
		let mut offers = Vec::new();
		for id in self.get(&OFFERS_OF, provider.clone()).await?.unwrap_or_default() {
			if let Some(offer) = self.offer(id).await? {
				offers.push((id, offer));
			}
		}
		Ok(offers)
	}

	/// All offers, oldest first.
	pub async fn offers(&self) -> Result<Vec<(OfferId, Offer<AccountId>)>, ClientError> {
		self.all(&OFFERS).await
	}

	/// Where a provider's worker can be reached.
	pub async fn peer(&self, provider: &AccountId) -> Result<Option<PeerAddress>, ClientError> {
		self.get(&PEERS, provider.clone()).await
	}

	/// Where all providers' workers can be reached.
	pub async fn peers(&self) -> Result<Vec<(AccountId, PeerAddress)>, ClientError> {
		self.all(&PEERS).await
	}

	/// A provider's bond.
	pub async fn bond(&self, provider: &AccountId) -> Result<Option<Bond>, ClientError> {
		self.get(&BONDS, provider.clone()).await
	}

	/// A provider's score: the share of its latest deals, by value, that ended well. Half, of whoever is new.
	pub async fn score(&self, provider: &AccountId) -> Result<Permill, ClientError> {
		self.score_of(&self.bond(provider).await?.unwrap_or_default())
	}

	/// The score of whoever has this bond.
	pub fn score_of(&self, bond: &Bond) -> Result<Permill, ClientError> {
		Ok(bond.record.score(self.known(&SCORE_HORIZON)?))
	}

	/// An open case.
	pub async fn case(&self, deal: DealId) -> Result<Option<Case>, ClientError> {
		self.get(&CASES, deal).await
	}

	/// All open cases, by their deals.
	pub async fn cases(&self) -> Result<Vec<(DealId, Case)>, ClientError> {
		self.all(&CASES).await
	}

	/// A mediator.
	pub async fn mediator(&self, who: &AccountId) -> Result<Option<Mediator>, ClientError> {
		self.get(&MEDIATORS, who.clone()).await
	}

	/// All mediators.
	pub async fn mediators(&self) -> Result<Vec<(AccountId, Mediator)>, ClientError> {
		self.all(&MEDIATORS).await
	}

	/// What is on hold behind each of a mediator's tickets, and the most tickets that one can have.
	pub fn tickets(&self) -> Result<(Balance, u32), ClientError> {
		Ok((self.known(&TICKET_PRICE)?, self.known(&MAX_TICKETS)?))
	}

	/// The number behind a module's name.
	pub async fn version_id(&self, name: &ModuleName) -> Result<Option<VersionId>, ClientError> {
		self.get(&VERSION_IDS, name.clone()).await
	}

	/// A module version's record.
	pub async fn module_info(&self, id: VersionId) -> Result<Option<ModuleInfo<AccountId>>, ClientError> {
		self.get(&VERSIONS, id).await
	}

	/// A module version with its manifest, by name.
	pub async fn module(&self, name: &ModuleName) -> Result<Option<Module>, ClientError> {
		match self.version_id(name).await? {
			Some(id) => self.module_by_id(id).await,
			None => Ok(None),
		}
	}

	/// A module version with its manifest, by number.
	pub async fn module_by_id(&self, id: VersionId) -> Result<Option<Module>, ClientError> {
		let Some(info) = self.module_info(id).await? else {
			return Ok(None);
		};
		let manifest = self.get(&MANIFESTS, id).await?;
		let manifest = manifest
			.ok_or_else(|| ClientError::NotFound(Missing::Manifest(info.name.clone())))?
			.into_inner();
		if sp_crypto_hashing::blake2_256(&manifest) != info.manifest_hash {
			let reason = "its hash is not the one on record: the node sends wrong data".into();
			return Err(ClientError::Decode {
				what: format!("manifest of {}", info.name),
				reason,
			});
		}
		Ok(Some(Module { id, info, manifest }))
	}

	/// The note on a module version, if it is deprecated.
	pub async fn deprecation(&self, id: VersionId) -> Result<Option<Deprecation>, ClientError> {
		self.get(&DEPRECATIONS, id).await
	}

	/// The notes on all module versions that are deprecated.
	pub async fn deprecations(&self) -> Result<Vec<(VersionId, Deprecation)>, ClientError> {
		self.all(&DEPRECATIONS).await
	}

	/// All module versions.
	pub async fn modules(&self) -> Result<Vec<(VersionId, ModuleInfo<AccountId>)>, ClientError> {
		self.all(&VERSIONS).await
	}

	/// An account's money.
	pub async fn balances(&self, account: &AccountId) -> Result<Balances, ClientError> {
		let data = self
			.get(&ACCOUNTS, account.clone())
			.await?
			.unwrap_or_default()
			.data;
		let existential = self.known(&EXISTENTIAL_DEPOSIT)?;
		// What is frozen may lie in the held part; with something held, the account stays alive whatever is spent.
		let frozen = data.frozen.saturating_sub(data.reserved);
		let spendable = data.free.saturating_sub(frozen.max(existential));
		Ok(Balances {
			free: data.free,
			spendable,
			held: self.holds(account).await?,
		})
	}

	/// What an account has on hold, by pallet and reason. The reasons are the runtime's own, so they are read by name.
	async fn holds(&self, account: &AccountId) -> Result<Vec<(String, Balance)>, ClientError> {
		use subxt::ext::scale_value::{At as _, Value};
		let address = subxt::dynamic::storage::<(Static<AccountId>,), Value>("Balances", "Holds");
		let found = self
			.at
			.storage()
			.try_fetch(address, (Static(account.clone()),))
			.await
			.map_err(|e| self.client.failure(e))?;
		let Some(found) = found else { return Ok(Vec::new()) };
		let value = found.decode().map_err(|e| ClientError::Decode {
			what: "holds".into(),
			reason: e.to_string(),
		})?;
		let variant = |v: &Value| -> Option<(String, Option<Value>)> {
			match &v.value {
				subxt::ext::scale_value::ValueDef::Variant(v) => {
					Some((v.name.clone(), v.values.values().next().cloned()))
				},
				_ => None,
			}
		};
		let list = match &value.value {
			// A bounded vector is a structure with one field, which is the vector.
			subxt::ext::scale_value::ValueDef::Composite(c) if c.len() == 1 => c.values().next().cloned(),
			_ => None,
		}
		.filter(|inner| inner.at("id").is_none())
		.unwrap_or(value);
		let subxt::ext::scale_value::ValueDef::Composite(items) = &list.value else {
			return Ok(Vec::new());
		};
		let holds = items.values().filter_map(|item| {
			let (pallet, reason) = variant(item.at("id")?)?;
			let reason = reason
				.and_then(|r| variant(&r))
				.map(|(name, _)| name)
				.unwrap_or_default();
			Some((format!("{pallet}::{reason}"), item.at("amount")?.as_u128()?))
		});
		Ok(holds.filter(|(_, amount)| *amount > 0).collect())
	}

	pub(crate) fn known<T: Decode>(&self, constant: &Constant<T>) -> Result<T, ClientError> {
		self.constant(constant.pallet, constant.name)
	}

	/// Least time between two blocks.
	pub fn millis_per_block(&self) -> Result<Millis, ClientError> {
		self.known(&MILLIS_PER_BLOCK)
	}

	/// The shortest and the longest time that a job may wait for a match, in blocks.
	pub fn match_windows(&self) -> Result<(BlockNumber, BlockNumber), ClientError> {
		Ok((self.known(&MIN_MATCH_WINDOW)?, self.known(&MAX_MATCH_WINDOW)?))
	}

	/// What is held for a module version with this many bytes of record and manifest.
	pub fn module_deposit(&self, bytes: usize) -> Result<Balance, ClientError> {
		let per_byte = self.known(&DEPOSIT_PER_BYTE)?;
		Ok(self
			.known(&DEPOSIT_BASE)?
			.saturating_add(per_byte.saturating_mul(bytes as Balance)))
	}

	/// What is held behind a module version that is declared deterministic.
	pub fn deterministic_bond(&self) -> Result<Balance, ClientError> {
		self.known(&DETERMINISTIC_BOND)
	}

	/// A constant of the runtime, by name.
	pub fn constant<T: Decode>(&self, pallet: &str, name: &str) -> Result<T, ClientError> {
		let what = format!("{pallet}.{name}");
		let bytes = self
			.at
			.metadata_ref()
			.pallet_by_name(pallet)
			.and_then(|p| p.constant_by_name(name).map(|c| c.value().to_vec()))
			.ok_or_else(|| ClientError::Incompatible {
				spec_version: self.spec_version(),
				what: format!("it has no constant {what}"),
			})?;
		decode(&bytes, &what)
	}

	/// All events of the block, in order.
	pub async fn events(&self) -> Result<Vec<EventRecord>, ClientError> {
		let events = self
			.at
			.events()
			.fetch()
			.await
			.map_err(|e| self.client.failure(e))?;
		let mut records = Vec::new();
		for event in events.iter() {
			let event = event.map_err(|e| self.client.failure(e))?;
			let (pallet, name) = (event.pallet_name(), event.event_name());
			let decoded =
				ChainEvent::decode(pallet, name, event.field_bytes()).map_err(|e| ClientError::Decode {
					what: format!("event {pallet}.{name}"),
					reason: e.to_string(),
				})?;
			let extrinsic = match event.phase() {
				Phase::ApplyExtrinsic(index) => Some(index),
				_ => None,
			};
			records.push(EventRecord {
				extrinsic,
				event: decoded,
			});
		}
		Ok(records)
	}

	pub(crate) async fn get<K, V>(&self, entry: &Entry<K, V>, key: K) -> Result<Option<V>, ClientError>
	where
		K: Encode + Decode + TypeInfo + 'static,
		V: Decode + TypeInfo + 'static,
	{
		let address = subxt::dynamic::storage::<(Static<K>,), Static<V>>(entry.pallet, entry.name);
		let value = self
			.at
			.storage()
			.try_fetch(address, (Static(key),))
			.await
			.map_err(|e| self.client.failure(e))?;
		value
			.map(|v| decode(v.bytes(), &format!("{}.{}", entry.pallet, entry.name)))
			.transpose()
	}

	/// A value of a map with two keys.
	pub(crate) async fn get_pair<A, B, V>(
		&self,
		entry: &Entry<(A, B), V>,
		(first, second): (A, B),
	) -> Result<Option<V>, ClientError>
	where
		A: Encode + Decode + TypeInfo + 'static,
		B: Encode + Decode + TypeInfo + 'static,
		V: Decode + TypeInfo + 'static,
	{
		let address = subxt::dynamic::storage::<(Static<A>, Static<B>), Static<V>>(entry.pallet, entry.name);
		let value = self
			.at
			.storage()
			.try_fetch(address, (Static(first), Static(second)))
			.await
			.map_err(|e| self.client.failure(e))?;
		value
			.map(|v| decode(v.bytes(), &format!("{}.{}", entry.pallet, entry.name)))
			.transpose()
	}

	/// The value of an entry without a key.
	pub(crate) async fn value<V>(&self, entry: &Entry<(), V>) -> Result<Option<V>, ClientError>
	where
		V: Decode + TypeInfo + 'static,
	{
		let address = subxt::dynamic::storage::<(), Static<V>>(entry.pallet, entry.name);
		let value = self
			.at
			.storage()
			.try_fetch(address, ())
			.await
			.map_err(|e| self.client.failure(e))?;
		value
			.map(|v| decode(v.bytes(), &format!("{}.{}", entry.pallet, entry.name)))
			.transpose()
	}

	pub(crate) async fn all<K, V>(&self, entry: &Entry<K, V>) -> Result<Vec<(K, V)>, ClientError>
	where
		K: Encode + Decode + Ord + TypeInfo + 'static,
		V: Decode + TypeInfo + 'static,
	{
		let what = format!("{}.{}", entry.pallet, entry.name);
		let address = subxt::dynamic::storage::<(Static<K>,), Static<V>>(entry.pallet, entry.name);
		let storage = self.at.storage();
		let mut entries = storage
			.iter(address, ())
			.await
			.map_err(|e| self.client.failure(e))?;
		let mut all = Vec::new();
		while let Some(item) = entries.next().await {
			let item = item.map_err(|e| self.client.failure(e))?;
			// All our maps' hashers keep the key at the end.
			let key_len = |bytes: &[u8]| -> Option<K> {
				let (prefix, hashes) = (32, [0usize, 8, 16]);
				hashes.into_iter().find_map(|hash| {
					let mut rest = bytes.get(prefix + hash..)?;
					K::decode(&mut rest)
						.ok()
						.filter(|k| rest.is_empty() && k.encode() == bytes[prefix + hash..])
				})
			};
			let key = key_len(item.key_bytes()).ok_or_else(|| ClientError::Decode {
				what: format!("key of {what}"),
				reason: "unknown hasher".into(),
			})?;
			all.push((key, decode(item.value().bytes(), &what)?));
		}
		all.sort_by(|(a, _), (b, _)| a.cmp(b));
		Ok(all)
	}

	/// A call with the powers of the root origin, for the holder of the sudo key. `None`: this chain has no sudo.
	///
	/// That the transaction succeeds says only that the key was the right one; look for the call's own event.
	pub fn sudo(&self, call: &crate::Call) -> Option<crate::Call> {
		call.sudo(self.at.metadata_ref())
	}

	/// Fails with what is missing.
	pub async fn require_module(&self, name: &ModuleName) -> Result<Module, ClientError> {
		self.module(name)
			.await?
			.ok_or_else(|| ClientError::NotFound(Missing::Module(name.clone())))
	}
}

pub(crate) fn decode<T: Decode>(mut bytes: &[u8], what: &str) -> Result<T, ClientError> {
	T::decode(&mut bytes).map_err(|e| ClientError::Decode {
		what: what.into(),
		reason: e.to_string(),
	})
}
