//! The `lilypad_*` methods: what a client wants to know of the market without decoding the chain's state itself.
//!
//! Every answer is made from one block's state and names the block. Questions are bounded (a page has at most
//! [`MOST_PER_PAGE`] entries and looks at [`MOST_LOOKED_AT`] records, a quote at 512 offers), and so are subscriptions
//! ([`MOST_SUBSCRIPTIONS`], besides the node's own limit for each connection).
//!
//! [`MOST_PER_PAGE`]: super::request::MOST_PER_PAGE

use std::sync::Arc;

use frame_support::traits::PalletInfo as _;
use jsonrpsee::{
	core::async_trait,
	proc_macros::rpc,
	types::{error::INVALID_PARAMS_CODE, ErrorObjectOwned},
	PendingSubscriptionSink,
};
use lilypad_client::{
	advice::{self, OfferFilter, Relaxation, Remedy, Room},
	AccountId,
};
use lilypad_primitives::{DealId, JobId, JobRequest, ModuleInfo, Offer, OfferId, VersionId};
use lilypad_runtime::{PalletInfo, Runtime};
use pallet_market::Quote;
use sc_rpc::SubscriptionTaskExecutor;
use scale_info::{TypeDef, TypeInfo};
use sp_runtime::DispatchError;
use tokio::sync::{watch, Semaphore};

use super::{
	answer::{
		wants_room, BridgedJson, DealJson, DealStatusJson, JobJson, JobStatusJson, ModuleJson, ModulesJson,
		OfferJson, OffersJson, QuoteJson,
	},
	chain::{At, Chain, ReadError, State},
	endings::Endings,
	request::{self, FilterJson, PageJson, RequestJson, Wrong},
	subscription,
};

/// Jobs that are followed at the same time.
pub(crate) const MOST_SUBSCRIPTIONS: usize = 1024;
/// Records that one page looks at.
const MOST_LOOKED_AT: usize = 1000;
/// Offers that are looked at to say what room there is.
const MOST_OFFERS: usize = 512;

/// There is no such job, deal, module or lane.
const NOT_FOUND: i32 = 8001;
/// The chain would refuse the request.
const REFUSED: i32 = 8002;
/// The node can't read the chain's state.
const UNREADABLE: i32 = 8003;
/// Too many subscriptions.
const BUSY: i32 = 8004;

/// The market.
#[rpc(server, namespace = "lilypad")]
pub(crate) trait MarketApi {
	/// What a job would meet with, were it posted by this account now: the cheapest offers and the most that it can cost, or
	/// why nothing fits, rule by rule, and what would.
	#[method(name = "quote", blocking)]
	fn quote(&self, creator: String, request: RequestJson) -> Result<QuoteJson, ErrorObjectOwned>;

	/// Where a job stands, or how it ended.
	#[method(name = "job", blocking)]
	fn job(&self, job: u64) -> Result<JobStatusJson, ErrorObjectOwned>;

	/// A deal, or how it ended.
	#[method(name = "deal", blocking)]
	fn deal(&self, deal: u64) -> Result<DealStatusJson, ErrorObjectOwned>;

	/// Where a request of a contract on an EVM chain stands: by its lane, and its number at the gateway.
	#[method(name = "request", blocking)]
	fn request(&self, lane: u64, request: u64) -> Result<BridgedJson, ErrorObjectOwned>;

	/// Offers, in the order in which the chain stores them.
	#[method(name = "offers", blocking)]
	fn offers(
		&self,
		filter: Option<FilterJson>,
		page: Option<PageJson>,
	) -> Result<OffersJson, ErrorObjectOwned>;

	/// Module versions whose name begins with a text, oldest first.
	#[method(name = "modules", blocking)]
	fn modules(
		&self,
		prefix: Option<String>,
		page: Option<PageJson>,
	) -> Result<ModulesJson, ErrorObjectOwned>;

	/// Where a job stands, at once and whenever that changes, until it has ended and that is final.
	#[subscription(name = "subscribeJob" => "jobStatus", unsubscribe = "unsubscribeJob", item = JobStatusJson)]
	async fn subscribe_job(&self, job: u64);
}

/// Answers.
pub(crate) struct Market<C> {
	shared: Arc<Shared<C>>,
	blocks: watch::Receiver<u64>,
	executor: SubscriptionTaskExecutor,
	subscriptions: Arc<Semaphore>,
}

/// What answers are made from.
pub(crate) struct Shared<C> {
	pub(crate) chain: C,
	pub(crate) endings: Endings,
}

impl<C: Chain> Market<C> {
	/// `blocks` changes whenever there is a new best or finalized block.
	pub(crate) fn new(
		shared: Arc<Shared<C>>,
		blocks: watch::Receiver<u64>,
		executor: SubscriptionTaskExecutor,
		subscriptions: Arc<Semaphore>,
	) -> Self {
		Self {
			shared,
			blocks,
			executor,
			subscriptions,
		}
	}

	fn best(&self) -> State<'_, C> {
		State::new(&self.shared.chain, self.shared.chain.best())
	}
}

#[async_trait]
impl<C: Chain> MarketApiServer for Market<C> {
	fn quote(&self, creator: String, request: RequestJson) -> Result<QuoteJson, ErrorObjectOwned> {
		let creator = request::account(&creator).map_err(invalid)?;
		let state = self.best();
		let (_, module) = find_module(&state, &request.module)?;
		let request = request.request(module.name.clone(), &module).map_err(invalid)?;
		let quote = state
			.quote(&creator, &request)
			.map_err(unreadable)?
			.map_err(|error| refused(&error))?;
		if !quote.offers.is_empty() {
			return Ok(QuoteJson::new(state.at, &request, &quote, &[], None));
		}
		let remedies = remedies(&state, &creator, &request, &module).map_err(unreadable)?;
		let room = wants_room(&quote)
			.then(|| room(&state, &module, &request))
			.transpose()
			.map_err(unreadable)?;
		Ok(QuoteJson::new(
			state.at,
			&request,
			&quote,
			&remedies,
			room.as_ref(),
		))
	}

	fn job(&self, job: u64) -> Result<JobStatusJson, ErrorObjectOwned> {
		self.shared
			.status(JobId(job))
			.map_err(unreadable)?
			.ok_or_else(|| no_job(job))
	}

	fn deal(&self, deal: u64) -> Result<DealStatusJson, ErrorObjectOwned> {
		let (id, state) = (DealId(deal), self.best());
		let block = state.at.into();
		if let Some(found) = state.deal(id).map_err(unreadable)? {
			return Ok(DealStatusJson {
				block,
				deal: Some(DealJson::new(id, &found)),
				end: None,
			});
		}
		if id >= state.next_deal().map_err(unreadable)? {
			return Err(error(NOT_FOUND, format!("there has been no deal {deal} yet")));
		}
		let end = self
			.shared
			.endings
			.deal(&self.shared.chain, state.at, id)
			.map_err(unreadable)?;
		Ok(DealStatusJson {
			block,
			deal: None,
			end: end.as_ref().map(Into::into),
		})
	}

	fn request(&self, lane: u64, request: u64) -> Result<BridgedJson, ErrorObjectOwned> {
		let state = self.best();
		let decided = state
			.is_decided(lane, request)
			.map_err(unreadable)?
			.ok_or_else(|| error(NOT_FOUND, format!("there is no lane {lane} on this chain")))?;
		let Shared { chain, endings } = &*self.shared;
		let job = match decided {
			true => endings
				.request(chain, state.at, lane, request)
				.map_err(unreadable)?,
			false => None,
		};
		let job = match job {
			Some(job) => self.shared.status(job).map_err(unreadable)?,
			None => None,
		};
		Ok(BridgedJson {
			decided,
			job,
			block: state.at.into(),
		})
	}

	fn offers(
		&self,
		filter: Option<FilterJson>,
		page: Option<PageJson>,
	) -> Result<OffersJson, ErrorObjectOwned> {
		let (filter, page) = (filter.unwrap_or_default(), page.unwrap_or_default());
		let (limit, state) = (page.limit().map_err(invalid)?, self.best());
		let wanted = OfferFilter {
			provider: filter
				.provider
				.as_deref()
				.map(request::account)
				.transpose()
				.map_err(invalid)?,
			platform: filter.platform().map_err(invalid)?,
			state: filter.state().map_err(invalid)?,
			module: filter
				.module
				.as_deref()
				.map(|name| find_module(&state, name))
				.transpose()?,
		};
		let (offers, next) =
			list_offers(&state, &wanted, page.after.map(OfferId), limit).map_err(unreadable)?;
		Ok(OffersJson {
			block: state.at.into(),
			offers: offers
				.iter()
				.map(|(id, offer)| OfferJson::new(*id, offer))
				.collect(),
			next: next.map(|id| id.0),
		})
	}

	fn modules(
		&self,
		prefix: Option<String>,
		page: Option<PageJson>,
	) -> Result<ModulesJson, ErrorObjectOwned> {
		let (prefix, page) = (
			request::prefix(prefix).map_err(invalid)?,
			page.unwrap_or_default(),
		);
		let (limit, state) = (page.limit().map_err(invalid)?, self.best());
		let after = page
			.after
			.map(|id| u32::try_from(id).map(VersionId))
			.transpose()
			.map_err(|_| invalid("`after` is the number of a module version".into()))?;
		let (modules, next) = list_modules(&state, &prefix, after, limit).map_err(unreadable)?;
		let modules = modules
			.iter()
			.map(|(id, info)| Ok(ModuleJson::new(*id, info, state.deprecation(*id)?.as_ref())))
			.collect::<Result<_, ReadError>>()
			.map_err(unreadable)?;
		Ok(ModulesJson {
			block: state.at.into(),
			modules,
			next: next.map(|id| id.0.into()),
		})
	}

	async fn subscribe_job(&self, pending: PendingSubscriptionSink, job: u64) {
		let Ok(permit) = self.subscriptions.clone().try_acquire_owned() else {
			let why =
				format!("this node follows {MOST_SUBSCRIPTIONS} jobs already: try another one, or later");
			return pending.reject(error(BUSY, why)).await;
		};
		let first = match read(&self.shared, JobId(job)).await {
			Ok(Some(status)) => status,
			Ok(None) => return pending.reject(no_job(job)).await,
			Err(why) => return pending.reject(unreadable(why)).await,
		};
		// The client is gone already.
		let Ok(sink) = pending.accept().await else { return };
		let (shared, blocks) = (self.shared.clone(), self.blocks.clone());
		let follow = async move {
			subscription::follow(shared, JobId(job), first, sink, blocks).await;
			drop(permit);
		};
		self.executor
			.spawn("lilypad-job-subscription", Some("rpc"), Box::pin(follow));
	}
}

impl<C: Chain> Shared<C> {
	/// Where a job stands; `None`: there was never such a job.
	pub(crate) fn status(&self, id: JobId) -> Result<Option<JobStatusJson>, ReadError> {
		let best = self.chain.best();
		let Some(job) = self.job_at(best, id)? else {
			return Ok(None);
		};
		let finalized = self.chain.finalized();
		let final_job = match finalized == best {
			true => Some(job.clone()),
			// What is unknown of the finalized block is not final.
			false => self.job_at(finalized, id).unwrap_or_default(),
		};
		Ok(Some(JobStatusJson {
			finalized: final_job.is_some_and(|other| other == job),
			job,
			block: best.into(),
		}))
	}

	fn job_at(&self, at: At, id: JobId) -> Result<Option<JobJson>, ReadError> {
		let state = State::new(&self.chain, at);
		if let Some(record) = state.job(id)? {
			let deal = match record.state {
				pallet_market::JobState::Matched { deal, .. } => state.deal(deal)?,
				pallet_market::JobState::Open { .. } => None,
			};
			return Ok(Some(JobJson::live(id, &record, deal.as_ref())));
		}
		if id >= state.next_job()? {
			return Ok(None);
		}
		let end = self.endings.job(&self.chain, at, id)?;
		Ok(Some(JobJson::ended(id, end.as_ref())))
	}
}

/// A status, read where blocking is no harm.
pub(crate) async fn read<C: Chain>(
	shared: &Arc<Shared<C>>,
	id: JobId,
) -> Result<Option<JobStatusJson>, ReadError> {
	let shared = shared.clone();
	tokio::task::spawn_blocking(move || shared.status(id))
		.await
		.unwrap_or_else(|why| Err(ReadError::Runtime(why.to_string())))
}

fn find_module<C: Chain>(
	state: &State<'_, C>,
	name: &str,
) -> Result<(VersionId, ModuleInfo<AccountId>), ErrorObjectOwned> {
	let name = request::module_name(name).map_err(invalid)?;
	let version = state.version(&name).map_err(unreadable)?;
	let found = match version {
		Some(id) => state.module(id).map_err(unreadable)?.map(|info| (id, info)),
		None => None,
	};
	found.ok_or_else(|| error(NOT_FOUND, format!("there is no module {name} on this chain")))
}

/// Asks for quotes with one condition dropped at a time, and with all of them only if that gives nothing.
fn remedies<C: Chain>(
	state: &State<'_, C>,
	creator: &AccountId,
	request: &JobRequest<AccountId>,
	module: &ModuleInfo<AccountId>,
) -> Result<Vec<Remedy>, ReadError> {
	let mut found: Vec<Remedy> = Vec::new();
	for Relaxation { without, request } in advice::relaxations(request, &module.min_spec) {
		if without.len() > 1 && !found.is_empty() {
			break;
		}
		// A relaxed request that the chain would refuse is no way out.
		let quote: Option<Quote<AccountId>> = state.quote(creator, &request)?.ok();
		if let Some(offer) = quote.and_then(|quote| quote.offers.into_iter().next()) {
			found.push(Remedy {
				without,
				offer: offer.offer,
				provider: offer.provider,
				total: offer.escrow,
			});
		}
	}
	Ok(found)
}

fn room<C: Chain>(
	state: &State<'_, C>,
	module: &ModuleInfo<AccountId>,
	request: &JobRequest<AccountId>,
) -> Result<Room, ReadError> {
	let mut offers = Vec::new();
	for id in state.offers(None, MOST_OFFERS)? {
		offers.extend(state.offer(id)?);
	}
	Ok(advice::room(&offers, module.runtime.platform(), &request.spec))
}

type Page<Id, T> = (Vec<(Id, T)>, Option<Id>);

fn list_offers<C: Chain>(
	state: &State<'_, C>,
	wanted: &OfferFilter,
	after: Option<OfferId>,
	limit: usize,
) -> Result<Page<OfferId, Offer<AccountId>>, ReadError> {
	let mut ids = match &wanted.provider {
		// These are few.
		Some(provider) => {
			let all = state.offers_of(provider)?.into_iter();
			all.skip_while(|id| after.is_some_and(|after| *id <= after))
				.collect()
		},
		// One more than is looked at shows whether there is more.
		None => state.offers(after, MOST_LOOKED_AT + 1)?,
	};
	let more = ids.len() > MOST_LOOKED_AT;
	ids.truncate(MOST_LOOKED_AT);
	let (mut found, count) = (Vec::new(), ids.len());
	for (at, id) in ids.into_iter().enumerate() {
		if let Some(offer) = state.offer(id)?.filter(|offer| wanted.matches(offer)) {
			found.push((id, offer));
		}
		let is_last = at + 1 == count;
		if (found.len() == limit && !is_last) || (is_last && more) {
			return Ok((found, Some(id)));
		}
	}
	Ok((found, None))
}

fn list_modules<C: Chain>(
	state: &State<'_, C>,
	prefix: &str,
	after: Option<VersionId>,
	limit: usize,
) -> Result<Page<VersionId, ModuleInfo<AccountId>>, ReadError> {
	let end = state.next_version()?.0;
	let first = after.map_or(0, |after| after.0.saturating_add(1));
	let mut found = Vec::new();
	for (looked_at, id) in (first..end).enumerate() {
		if found.len() == limit || looked_at == MOST_LOOKED_AT {
			return Ok((found, Some(VersionId(id - 1))));
		}
		let info = state.module(VersionId(id))?;
		found.extend(
			info.filter(|info| info.name.as_str().starts_with(prefix))
				.map(|info| (VersionId(id), info)),
		);
	}
	Ok((found, None))
}

fn error(code: i32, message: String) -> ErrorObjectOwned {
	ErrorObjectOwned::owned(code, message, None::<()>)
}

fn invalid(why: Wrong) -> ErrorObjectOwned {
	error(INVALID_PARAMS_CODE, why)
}

fn no_job(job: u64) -> ErrorObjectOwned {
	error(NOT_FOUND, format!("there has been no job {job} yet"))
}

fn unreadable(why: ReadError) -> ErrorObjectOwned {
	error(UNREADABLE, why.to_string())
}

/// The chain's refusal, in its own words.
fn refused(why: &DispatchError) -> ErrorObjectOwned {
	let market = PalletInfo::index::<lilypad_runtime::Market>();
	let words = match why {
		DispatchError::Module(module) if Some(usize::from(module.index)) == market => {
			error_docs(module.error[0])
		},
		_ => None,
	};
	error(
		REFUSED,
		words.unwrap_or_else(|| format!("the chain would refuse the job: {why:?}")),
	)
}

/// Name and documentation of one of the market's errors.
fn error_docs(index: u8) -> Option<String> {
	let TypeDef::Variant(errors) = pallet_market::Error::<Runtime>::type_info().type_def else {
		return None;
	};
	let found = errors.variants.iter().find(|variant| variant.index == index)?;
	Some(format!("{} (Market::{})", found.docs.join(" "), found.name))
}
