//! One look at the book: waiting jobs by batches, and for each batch the offers, cheapest first, page by page. What does not fit into
//! one round goes on in the next where this one ended, so that neither a long book nor a long queue hides a job or an offer for
//! ever, and no more than a batch and a page are in memory.

use super::{
	pace::Pace,
	search::{useful_rate, Candidate, Found, Search, Wanted},
};
use crate::error::CliError;
use lilypad_client::{
	book::{Page, Place},
	AccountId, Class, JobRecord, Proposal, View,
};
use lilypad_primitives::{
	Balance, BlockNumber, JobId, ModuleInfo, Offer, OfferId, Platform, Pricing, VersionId,
};
use sp_runtime::Permill;
use std::collections::{btree_map, BTreeMap, HashMap};

/// The market at one block: a [`View`], or what a test makes up.
pub trait Book {
	/// The block.
	fn number(&self) -> BlockNumber;
	/// The prices in force.
	async fn pricing(&self) -> Result<Pricing, CliError>;
	/// See [`View::waiting_in`].
	async fn waiting(&self, class: Class, after: Option<&Place>) -> Result<Page<JobId, JobRecord>, CliError>;
	/// See [`View::offers_in`].
	async fn offers(
		&self,
		class: Class,
		after: Option<&Place>,
	) -> Result<Page<OfferId, Offer<AccountId>>, CliError>;
	/// See [`View::proposals`].
	async fn proposals(&self, jobs: &[JobId]) -> Result<Vec<Option<Proposal>>, CliError>;
	/// What each of these providers has to back deals with, and its score.
	async fn standing(&self, providers: &[AccountId]) -> Result<Vec<(Balance, Permill)>, CliError>;
	/// A module version.
	async fn module(&self, version: VersionId) -> Result<Option<ModuleInfo<AccountId>>, CliError>;
	/// See [`View::blocks_to_end`].
	fn run_blocks(&self, record: &JobRecord) -> Result<BlockNumber, CliError>;
}

impl Book for View {
	fn number(&self) -> BlockNumber {
		View::number(self)
	}

	async fn pricing(&self) -> Result<Pricing, CliError> {
		Ok(self.mediation_parameters().await?.pricing)
	}

	async fn waiting(&self, class: Class, after: Option<&Place>) -> Result<Page<JobId, JobRecord>, CliError> {
		Ok(self.waiting_in(class, after, PAGE).await?)
	}

	async fn offers(
		&self,
		class: Class,
		after: Option<&Place>,
	) -> Result<Page<OfferId, Offer<AccountId>>, CliError> {
		Ok(self.offers_in(class, after, PAGE).await?)
	}

	async fn proposals(&self, jobs: &[JobId]) -> Result<Vec<Option<Proposal>>, CliError> {
		Ok(View::proposals(self, jobs).await?)
	}

	async fn standing(&self, providers: &[AccountId]) -> Result<Vec<(Balance, Permill)>, CliError> {
		let mut standing = Vec::with_capacity(providers.len());
		for bond in self.bonds(providers).await? {
			let bond = bond.unwrap_or_default();
			standing.push((bond.free(), self.score_of(&bond)?));
		}
		Ok(standing)
	}

	async fn module(&self, version: VersionId) -> Result<Option<ModuleInfo<AccountId>>, CliError> {
		Ok(self.module_info(version).await?)
	}

	fn run_blocks(&self, record: &JobRecord) -> Result<BlockNumber, CliError> {
		Ok(self.blocks_to_end(record.job.request.time_limit, record.fetch_bytes)?)
	}
}

/// Jobs of a batch that are worth a proposal.
const BATCH: usize = 128;
/// Waiting jobs and offers that are read at once.
const PAGE: u32 = 256;
/// Waiting jobs of a class that a round looks at.
const MOST_JOBS: usize = 4_096;
/// Offers of a class that a round looks at.
const MOST_OFFERS: usize = 16_384;

/// Where a class's next round goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Cursor {
	/// Its batch begins behind this job.
	jobs: Option<Place>,
	/// Its batch has met all offers up to this one.
	offers: Option<Place>,
}

/// What a round looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
	/// Waiting jobs.
	pub jobs: usize,
	/// Those that are worth a proposal.
	pub wanted: usize,
	/// Offers.
	pub offers: usize,
	/// Whether that is all there is.
	pub complete: bool,
}

impl Seen {
	fn add(&mut self, other: Seen) {
		self.jobs += other.jobs;
		self.wanted += other.wanted;
		self.offers += other.offers;
		self.complete &= other.complete;
	}
}

/// What a round of a class may still look at.
struct Budget {
	jobs: usize,
	offers: usize,
}

/// How a batch's walk ended.
enum Walk {
	/// It has met every offer that it can pay.
	Done,
	/// It goes on behind this offer.
	Until(Place),
}

/// A batch of waiting jobs.
struct Batch {
	wanted: Vec<Wanted>,
	looked_at: usize,
	next: Option<Place>,
}

/// See the module.
pub struct Rounds {
	solver: AccountId,
	cursors: HashMap<Class, Cursor>,
}

impl Rounds {
	/// For a solver with this account.
	pub fn new(solver: AccountId) -> Self {
		Self {
			solver,
			cursors: HashMap::new(),
		}
	}

	/// Looks at a part of the book at this block, for matches by which the solver earns at least `least`.
	pub async fn look(
		&mut self,
		book: &impl Book,
		pace: &Pace,
		least: Balance,
	) -> Result<(Vec<Found>, Seen), CliError> {
		let pricing = book.pricing().await?;
		let mut found = Vec::new();
		let mut seen = Seen {
			complete: true,
			..Seen::default()
		};
		for class in classes() {
			let round = ClassRound {
				book,
				class,
				pace,
				least,
				solver: &self.solver,
				pricing: &pricing,
			};
			let cursor = self.cursors.remove(&class).unwrap_or_default();
			let (more, next, part) = round.run(cursor).await?;
			found.extend(more);
			seen.add(part);
			if next != Cursor::default() {
				self.cursors.insert(class, next);
			}
		}
		Ok((found, seen))
	}
}

fn classes() -> impl Iterator<Item = Class> {
	[Platform::Wasm, Platform::ContainerAmd64, Platform::ContainerArm64]
		.into_iter()
		.flat_map(|platform| [false, true].map(|gpu| Class { platform, gpu }))
}

struct ClassRound<'a, B> {
	book: &'a B,
	class: Class,
	pace: &'a Pace,
	least: Balance,
	solver: &'a AccountId,
	pricing: &'a Pricing,
}

impl<B: Book> ClassRound<'_, B> {
	async fn run(&self, mut cursor: Cursor) -> Result<(Vec<Found>, Cursor, Seen), CliError> {
		let mut budget = Budget {
			jobs: MOST_JOBS,
			offers: MOST_OFFERS,
		};
		let mut seen = Seen::default();
		let mut found = Vec::new();
		loop {
			let batch = self.batch(cursor.jobs.as_ref(), budget.jobs).await?;
			budget.jobs = budget.jobs.saturating_sub(batch.looked_at);
			seen.wanted += batch.wanted.len();
			seen.jobs += batch.looked_at;
			let mut search = Search::new(
				batch.wanted,
				self.solver,
				self.pricing,
				self.book.number(),
				self.least,
			);
			let walk = self.walk(&mut search, cursor.offers.take(), &mut budget).await?;
			found.extend(search.finish());
			match walk {
				Walk::Until(place) => cursor.offers = Some(place),
				Walk::Done => cursor.jobs = batch.next,
			}
			let is_spent = budget.jobs == 0 || budget.offers == 0;
			if is_spent || cursor == Cursor::default() {
				seen.offers = MOST_OFFERS - budget.offers;
				seen.complete = cursor == Cursor::default();
				return Ok((found, cursor, seen));
			}
		}
	}

	/// The next waiting jobs that are worth a proposal.
	async fn batch(&self, after: Option<&Place>, most: usize) -> Result<Batch, CliError> {
		let mut modules = BTreeMap::new();
		let mut batch = Batch {
			wanted: Vec::new(),
			looked_at: 0,
			next: after.cloned(),
		};
		loop {
			let page = self.book.waiting(self.class, batch.next.as_ref()).await?;
			batch.looked_at += page.entries.len();
			batch.next = page.next;
			batch.wanted.extend(self.worth(page.entries, &mut modules).await?);
			// A page more than enough does no harm; jobs of it that are left out would have to be remembered.
			if batch.next.is_none() || batch.wanted.len() >= BATCH || batch.looked_at >= most {
				return Ok(batch);
			}
		}
	}

	/// Those jobs of a page for which something cheaper than what is proposed is of use, and pays.
	async fn worth(
		&self,
		mut jobs: Vec<(JobId, JobRecord)>,
		modules: &mut BTreeMap<VersionId, Option<ModuleInfo<AccountId>>>,
	) -> Result<Vec<Wanted>, CliError> {
		let now = self.book.number();
		jobs.retain(|(id, record)| record.job.request.tip >= self.least && !self.pace.leaves(*id, now));
		let ids: Vec<_> = jobs.iter().map(|(id, _)| *id).collect();
		let proposals = self.book.proposals(&ids).await?;
		let mut wanted = Vec::new();
		for ((id, record), proposal) in jobs.into_iter().zip(proposals) {
			let Some(most) = useful_rate(&record, proposal.as_ref(), self.solver, now) else {
				continue;
			};
			let version = record.job.version;
			if let btree_map::Entry::Vacant(unknown) = modules.entry(version) {
				unknown.insert(self.book.module(version).await?);
			}
			let Some(module) = modules.get(&version).cloned().flatten() else {
				continue;
			};
			let run_blocks = self.book.run_blocks(&record)?;
			wanted.push(Wanted {
				id,
				record,
				module,
				most,
				run_blocks,
			});
		}
		Ok(wanted)
	}

	/// Walks the offers until all jobs have one, none of them can pay more, or the budget is spent.
	async fn walk(
		&self,
		search: &mut Search<'_>,
		mut after: Option<Place>,
		budget: &mut Budget,
	) -> Result<Walk, CliError> {
		while search.most().is_some() {
			if budget.offers == 0 {
				return Ok(after.map_or(Walk::Done, Walk::Until));
			}
			let page = self.book.offers(self.class, after.as_ref()).await?;
			budget.offers = budget.offers.saturating_sub(page.entries.len());
			let candidates = self.candidates(page.entries).await?;
			for candidate in candidates {
				match search.most() {
					Some(most) if candidate.offer.rate <= most => search.look_at(candidate),
					_ => return Ok(Walk::Done),
				}
			}
			match page.next {
				Some(next) => after = Some(next),
				None => return Ok(Walk::Done),
			}
		}
		Ok(Walk::Done)
	}

	/// Offers with what their providers have to back deals with.
	async fn candidates(&self, offers: Vec<(OfferId, Offer<AccountId>)>) -> Result<Vec<Candidate>, CliError> {
		let mut providers: Vec<_> = offers.iter().map(|(_, offer)| offer.provider.clone()).collect();
		providers.sort();
		providers.dedup();
		let standing = self.book.standing(&providers).await?;
		let standing: BTreeMap<_, _> = providers.into_iter().zip(standing).collect();
		let candidates = offers.into_iter().filter_map(|(id, offer)| {
			let (free_bond, score) = *standing.get(&offer.provider)?;
			Some(Candidate {
				id,
				offer,
				free_bond,
				score,
			})
		});
		Ok(candidates.collect())
	}
}

#[cfg(test)]
mod tests;
