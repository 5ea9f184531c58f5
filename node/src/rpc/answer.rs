//! What is answered. Keys and variants are called as polkadot.js calls them; amounts are strings of digits in units of
//! 10^-18 LP; times are in milliseconds or block numbers, as the field says; hashes are 0x….

use lilypad_client::{
	advice::{self, Condition, Remedy, Room},
	words::{self, variant},
	AccountId,
};
use lilypad_primitives::{
	Balance, BlockNumber, DealId, Dispute, JobId, JobRequest, Mismatch, ModuleInfo, ModulePolicy, Offer,
	OfferId, Outcome, RuntimeImage, Triple, VersionId,
};
use pallet_deals::{Deal, DealState};
use pallet_market::{JobRecord, JobState, Quote};
use pallet_modules::Deprecation;
use serde::Serialize;

use super::{
	chain::At,
	endings::{DealEnd, JobEnd},
	request::{Amount, MachineJson},
};
use crate::service::Hash;

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BlockJson {
	number: BlockNumber,
	hash: Hash,
}

impl From<At> for BlockJson {
	fn from(at: At) -> Self {
		Self {
			number: at.number,
			hash: at.hash,
		}
	}
}

/// A result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResultJson {
	/// `completed`, `jobError`, `outputExceeded`, `memoryExceeded`, `diskExceeded` or `timeExceeded`.
	status: String,
	exit_code: i32,
	/// BLAKE3 of the outputs' collection: what to fetch.
	root: Hash,
}

impl From<&Triple> for ResultJson {
	fn from(triple: &Triple) -> Self {
		Self {
			status: variant(&triple.status),
			exit_code: triple.exit_code,
			root: triple.root.0.into(),
		}
	}
}

/// Why mediators judge a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DisputeJson {
	/// `audit` or `challenge`.
	kind: String,
	/// Of a challenge: `wrongResult`, `overcharged` or `unavailable`.
	reason: Option<String>,
	/// The same in words.
	text: String,
}

impl From<&Dispute> for DisputeJson {
	fn from(dispute: &Dispute) -> Self {
		Self {
			kind: variant(dispute),
			reason: match dispute {
				Dispute::Audit => None,
				Dispute::Challenge(reason) => Some(variant(reason)),
			},
			text: words::dispute(dispute).into(),
		}
	}
}

/// A live deal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DealJson {
	deal: u64,
	job: u64,
	offer: u64,
	creator: AccountId,
	provider: AccountId,
	/// `matched`, `running`, `submitted` or `disputed`.
	state: String,
	/// The last block before the deal lapses; null while it is in dispute.
	deadline: Option<BlockNumber>,
	/// Why mediators judge it, if they do.
	dispute: Option<DisputeJson>,
	/// From this block on, the result can be accepted and revealed.
	draw_at: Option<BlockNumber>,
	/// The provider's commitment to its result.
	seal: Option<Hash>,
	/// The result, once it is public.
	result: Option<ResultJson>,
	/// Run time charged for, once the result is public.
	usage_ms: Option<u64>,
	/// LP per second.
	rate: Amount,
	/// The most that the job can cost.
	total: Amount,
	/// The most that the provider can earn.
	cap: Amount,
	module_fee: Amount,
	levy: Amount,
	tip: Amount,
	/// What the provider has at stake.
	collateral: Amount,
	time_limit_ms: u64,
	matched_at: BlockNumber,
}

impl DealJson {
	/// From the chain's record.
	pub(crate) fn new(id: DealId, deal: &Deal<AccountId>) -> Self {
		let (draw_at, seal, opened) = match &deal.state {
			DealState::Submitted {
				draw_at,
				seal,
				opened,
				..
			} => (Some(*draw_at), Some(Hash::from(seal.0)), opened.as_ref()),
			DealState::Disputed { seal, opened, .. } => (None, Some(Hash::from(seal.0)), opened.as_ref()),
			DealState::Matched { .. } | DealState::Running { .. } => (None, None, None),
		};
		let dispute = match &deal.state {
			DealState::Disputed { dispute, .. } => Some(DisputeJson::from(dispute)),
			_ => None,
		};
		// A deal in dispute never lapses: its case has deadlines.
		let deadline = dispute.is_none().then(|| deal.state.deadline());
		let terms = &deal.terms;
		Self {
			deal: id.0,
			job: deal.job.0,
			offer: deal.offer.0,
			creator: terms.creator.clone(),
			provider: terms.provider.clone(),
			state: variant(&deal.state),
			deadline,
			dispute,
			draw_at,
			seal,
			result: opened.map(|opening| (&opening.triple).into()),
			usage_ms: opened.map(|opening| opening.usage),
			rate: Amount(terms.rate),
			total: Amount(terms.escrow),
			cap: Amount(terms.cap),
			module_fee: Amount(terms.module_fee),
			levy: Amount(terms.levy),
			tip: Amount(terms.tip),
			collateral: Amount(terms.collateral),
			time_limit_ms: terms.time_limit,
			matched_at: deal.matched_at,
		}
	}
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobEndJson {
	/// `expired`, `cancelled`, or its last deal's outcome: `accepted`, `timedOut`, `upheld`, ….
	outcome: String,
	/// The same in words.
	text: String,
	/// The last deal.
	deal: Option<u64>,
	result: Option<ResultJson>,
	/// What it cost its creator in all.
	cost: Amount,
	/// In which block.
	block: BlockJson,
}

impl From<&JobEnd> for JobEndJson {
	fn from(end: &JobEnd) -> Self {
		let unmatched = |outcome: &str, text: &str, at: At| Self {
			outcome: outcome.into(),
			text: text.into(),
			deal: None,
			result: None,
			cost: Amount(0),
			block: at.into(),
		};
		match end {
			JobEnd::Expired { at } => {
				unmatched("expired", "nobody took it in time; the whole budget is back", *at)
			},
			JobEnd::Cancelled { at } => unmatched(
				"cancelled",
				"cancelled while it waited; the whole budget is back",
				*at,
			),
			JobEnd::Settled {
				deal,
				outcome,
				result,
				cost,
				at,
			} => Self {
				outcome: variant(outcome),
				text: words::outcome(outcome).into(),
				deal: Some(deal.0),
				result: result.as_ref().map(Into::into),
				cost: Amount(*cost),
				block: (*at).into(),
			},
		}
	}
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobJson {
	pub(crate) job: u64,
	/// `waiting`, `matched`, `running`, `submitted`, `disputed` or `ended`.
	pub(crate) status: String,
	/// Who pays; null once it has ended, as is what follows.
	creator: Option<AccountId>,
	module: Option<String>,
	budget: Option<Amount>,
	time_limit_ms: Option<u64>,
	retries_left: Option<u8>,
	/// While it waits: the last block in which it can be matched.
	match_by: Option<BlockNumber>,
	/// Its live deal.
	deal: Option<DealJson>,
	/// Once it has ended: how, if this node still knows.
	end: Option<JobEndJson>,
}

impl JobJson {
	/// One that waits or has a deal.
	pub(crate) fn live(id: JobId, record: &JobRecord<AccountId>, deal: Option<&Deal<AccountId>>) -> Self {
		let (status, match_by, deal_id) = match (&record.state, deal.map(|deal| &deal.state)) {
			(JobState::Open { match_by }, _) => ("waiting", Some(*match_by), None),
			(JobState::Matched { deal, .. }, Some(DealState::Running { .. })) => {
				("running", None, Some(*deal))
			},
			(JobState::Matched { deal, .. }, Some(DealState::Submitted { .. })) => {
				("submitted", None, Some(*deal))
			},
			(JobState::Matched { deal, .. }, Some(DealState::Disputed { .. })) => {
				("disputed", None, Some(*deal))
			},
			(JobState::Matched { deal, .. }, Some(DealState::Matched { .. }) | None) => {
				("matched", None, Some(*deal))
			},
		};
		let request = &record.job.request;
		Self {
			job: id.0,
			status: status.into(),
			creator: Some(record.job.creator.clone()),
			module: Some(request.module.to_string()),
			budget: Some(Amount(request.budget)),
			time_limit_ms: Some(request.time_limit),
			retries_left: Some(record.job.retries_left),
			match_by,
			deal: deal_id.zip(deal).map(|(id, deal)| DealJson::new(id, deal)),
			end: None,
		}
	}

	/// One that is gone.
	pub(crate) fn ended(id: JobId, end: Option<&JobEnd>) -> Self {
		Self {
			job: id.0,
			status: "ended".into(),
			creator: None,
			module: None,
			budget: None,
			time_limit_ms: None,
			retries_left: None,
			match_by: None,
			deal: None,
			end: end.map(Into::into),
		}
	}

	/// Whether nothing will change any more.
	pub(crate) fn is_ended(&self) -> bool {
		self.status == "ended"
	}
}

/// Where a job stands, and at which block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct JobStatusJson {
	#[serde(flatten)]
	pub(crate) job: JobJson,
	/// The newest block.
	pub(crate) block: BlockJson,
	/// Whether that is so in the newest finalized block, too: it can't be reverted.
	pub(crate) finalized: bool,
}

/// Where a request of a contract on an EVM chain stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct BridgedJson {
	/// Whether the chain has decided what to do about it. Without a job then, it was refused, or is longer ago than this node
	/// remembers; either way the gateway gets, or has got, its answer.
	pub(crate) decided: bool,
	/// The job that it became.
	pub(crate) job: Option<JobStatusJson>,
	/// The newest block.
	pub(crate) block: BlockJson,
}

/// A movement of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct MoveJson {
	from: String,
	to: String,
	amount: Amount,
}

/// How a deal ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DealEndJson {
	job: u64,
	outcome: String,
	text: String,
	moves: Vec<MoveJson>,
	block: BlockJson,
}

impl From<&DealEnd> for DealEndJson {
	fn from(end: &DealEnd) -> Self {
		let outcome: &Outcome = &end.outcome;
		let moves = end.moves.iter().map(|one| MoveJson {
			from: variant(&one.from),
			to: variant(&one.to),
			amount: Amount(one.amount),
		});
		Self {
			job: end.job.0,
			outcome: variant(outcome),
			text: words::outcome(outcome).into(),
			moves: moves.collect(),
			block: end.at.into(),
		}
	}
}

/// A deal, live or settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct DealStatusJson {
	/// The newest block.
	pub(crate) block: BlockJson,
	/// The deal; null once it is settled.
	pub(crate) deal: Option<DealJson>,
	/// Once it is settled: how, if this node still knows.
	pub(crate) end: Option<DealEndJson>,
}

/// An offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfferJson {
	offer: u64,
	provider: AccountId,
	/// `active`, `paused` or `draining`.
	state: String,
	/// LP per second.
	rate: Amount,
	platforms: Vec<String>,
	total: MachineJson,
	free: MachineJson,
	slots: u32,
	running: u32,
	open_deals: u32,
	/// Whose modules it runs: `any`, `curated`, or a list of versions or authors.
	modules: PolicyJson,
}

/// Whose modules a provider runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum PolicyJson {
	Any,
	Curated,
	Versions(Vec<VersionId>),
	Authors(Vec<AccountId>),
}

impl OfferJson {
	/// From the chain's record.
	pub(crate) fn new(id: OfferId, offer: &Offer<AccountId>) -> Self {
		Self {
			offer: id.0,
			provider: offer.provider.clone(),
			state: variant(&offer.state),
			rate: Amount(offer.rate),
			platforms: offer.platforms.iter().map(variant).collect(),
			total: (&offer.total).into(),
			free: (&offer.free).into(),
			slots: offer.slots,
			running: offer.running,
			open_deals: offer.open_deals,
			modules: match &offer.modules {
				ModulePolicy::Any => PolicyJson::Any,
				ModulePolicy::Curated => PolicyJson::Curated,
				ModulePolicy::Versions(versions) => PolicyJson::Versions(versions.to_vec()),
				ModulePolicy::Authors(authors) => PolicyJson::Authors(authors.to_vec()),
			},
		}
	}
}

/// Offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct OffersJson {
	pub(crate) block: BlockJson,
	pub(crate) offers: Vec<OfferJson>,
	/// Where the next page goes on (`after`); null: these were the last. A page can have fewer entries than asked for.
	pub(crate) next: Option<u64>,
}

/// A module version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModuleJson {
	version: u32,
	name: String,
	author: AccountId,
	platform: String,
	/// The image's or the code's digest.
	code: Hash,
	fetch_bytes: u64,
	min_spec: MachineJson,
	max_run_ms: u64,
	fee: Amount,
	/// `deterministic` or `nonDeterministic`.
	profile: String,
	curated: bool,
	/// It still runs and should no longer be used.
	deprecated: Option<DeprecationJson>,
	delisted: bool,
	manifest_hash: Hash,
}

/// The note on a module version that should no longer be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct DeprecationJson {
	/// The version to use in its place.
	successor: Option<u32>,
	reason: String,
}

impl ModuleJson {
	/// From the chain's record.
	pub(crate) fn new(id: VersionId, info: &ModuleInfo<AccountId>, note: Option<&Deprecation>) -> Self {
		let code = match info.runtime {
			RuntimeImage::Container { image, .. } => image,
			RuntimeImage::Wasm { code } => code,
		};
		Self {
			version: id.0,
			name: info.name.to_string(),
			author: info.author.clone(),
			platform: variant(&info.runtime.platform()),
			code: code.into(),
			fetch_bytes: info.fetch_bytes,
			min_spec: (&info.min_spec).into(),
			max_run_ms: info.max_run,
			fee: Amount(info.fee),
			profile: variant(&info.profile),
			curated: info.curated,
			deprecated: note.map(|note| DeprecationJson {
				successor: note.successor.map(|id| id.0),
				reason: String::from_utf8_lossy(&note.reason).into_owned(),
			}),
			delisted: info.delisted,
			manifest_hash: info.manifest_hash.into(),
		}
	}
}

/// Module versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ModulesJson {
	pub(crate) block: BlockJson,
	pub(crate) modules: Vec<ModuleJson>,
	/// As for offers.
	pub(crate) next: Option<u64>,
}

/// An offer that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FittingJson {
	offer: u64,
	provider: AccountId,
	/// LP per second.
	rate: Amount,
	/// The most that the job can cost: cap, author's fee, levy and tip.
	total: Amount,
	/// The most that the provider can earn.
	cap: Amount,
	module_fee: Amount,
	levy: Amount,
	/// The provider's score, in millionths.
	score: u32,
}

/// A rule that offers fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct MismatchJson {
	rule: String,
	/// Offers that pass all rules before it and fail it.
	offers: u32,
	/// Offers that pass it, too.
	left: u32,
	text: String,
}

/// What would fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RemedyJson {
	/// The conditions that the request would have to drop: `budget`, `target`, `machine`, `mediators`, `minScore`,
	/// `deadline`.
	without: Vec<Condition>,
	/// The cheapest offer that would fit then.
	offer: u64,
	provider: AccountId,
	/// What the job would cost at most: the budget that it needs.
	total: Amount,
	text: String,
}

/// The machines on offer for the module's platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct RoomJson {
	/// Active offers whose whole machine would do, and which are just busy.
	busy: u32,
	/// The most of everything that any of them has; not necessarily one and the same.
	most: MachineJson,
}

/// What a request would meet with, were it posted now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuoteJson {
	block: BlockJson,
	/// The most that the job can cost with the cheapest offer; null when nothing fits.
	total: Option<Amount>,
	/// The cheapest offers that fit, cheapest first. The first is the one that would be matched.
	offers: Vec<FittingJson>,
	/// When nothing fits: the rules, in order, that offers fail.
	mismatches: Vec<MismatchJson>,
	/// When nothing fits: what would, if the request asked for less.
	would_fit: Vec<RemedyJson>,
	/// When nothing fits for want of room: what there is.
	room: Option<RoomJson>,
	/// Offers that were looked at.
	considered: u32,
	/// Whether those were all.
	complete: bool,
}

impl QuoteJson {
	/// From the chain's answer, and what was found out besides when nothing fits.
	pub(crate) fn new(
		at: At,
		request: &JobRequest<AccountId>,
		quote: &Quote<AccountId>,
		remedies: &[Remedy],
		room: Option<&Room>,
	) -> Self {
		let offers = quote.offers.iter().map(|offer| FittingJson {
			offer: offer.offer.0,
			provider: offer.provider.clone(),
			rate: Amount(offer.rate),
			total: Amount(offer.escrow),
			cap: Amount(offer.cap),
			module_fee: Amount(offer.module_fee),
			levy: Amount(offer.levy),
			score: offer.score.deconstruct(),
		});
		let steps = advice::funnel(quote.considered, &quote.mismatches);
		Self {
			block: at.into(),
			total: quote.offers.first().map(|offer| Amount(offer.escrow)),
			offers: offers.collect(),
			mismatches: steps
				.iter()
				.map(|step| MismatchJson {
					rule: variant(&step.rule),
					offers: step.failed,
					left: step.left,
					text: advice::sentence(step),
				})
				.collect(),
			would_fit: remedies
				.iter()
				.map(|remedy| remedy_json(remedy, request.budget))
				.collect(),
			room: room.map(|room| RoomJson {
				busy: room.busy,
				most: (&room.most).into(),
			}),
			considered: quote.considered,
			complete: quote.complete,
		}
	}
}

fn remedy_json(remedy: &Remedy, budget: Balance) -> RemedyJson {
	RemedyJson {
		without: remedy.without.clone(),
		offer: remedy.offer.0,
		provider: remedy.provider.clone(),
		total: Amount(remedy.total),
		text: advice::remedy_words(remedy, budget),
	}
}

/// Whether what the active offers have is worth telling.
pub(crate) fn wants_room(quote: &Quote<AccountId>) -> bool {
	quote
		.mismatches
		.iter()
		.any(|(why, _)| matches!(why, Mismatch::NoFreeSlot | Mismatch::Capacity))
}
