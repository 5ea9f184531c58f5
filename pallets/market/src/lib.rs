//! # Offers, jobs and matching
//!
//! Providers offer machines, creators post jobs, and a job that fits an offer is a deal in the same block.
//!
//! ## Terminology
//!
//! * **Offer**: a provider's standing order. It serves many deals, at the same time while its capacity lasts.
//! * **Job**: what a creator wants run, and the budget that is held for it while it lives.
//! * **Class**: platform, and GPU or not. Offers and jobs of different classes never meet.
//! * **Rate**: LP per second of run time. A job's **ceiling** is the highest rate whose escrow its budget covers.
//!
//! ## What happens
//!
//! 1. *A provider posts an offer* ([`Pallet::post_offer`]). A deposit is held. Waiting jobs that fit become its deals at
//!    once, those that can pay most first.
//! 2. *A creator posts a job* ([`Pallet::post_job`]). Its budget is held, and the cheapest offer that fits, the oldest of
//!    equals, becomes its deal at once. Otherwise it waits for its match window.
//! 3. *Anybody finds a match that the chain's bounded search missed* ([`Pallet::propose_match`]). It stands for
//!    [`Config::SolveWindow`] blocks; any strictly cheaper fit replaces it. Then it becomes the deal, and the last solver,
//!    unless it is a party, earns the job's tip. Every node's offchain worker proposes too, for nothing.
//! 4. *A result is submitted*: the capacity comes back, and waiting jobs get it.
//! 5. *The deal is settled*: the job is gone, or, when its provider failed it, queued again under the same id without
//!    that provider. All of that provider's offers are paused until it resumes them.
//! 6. *Nobody takes a job in time*: anybody may expire it ([`Pallet::expire_job`]), the sweeper does it when there is
//!    weight to spare, and the creator has the whole budget back.
//! 7. *A creator changes its mind* ([`Pallet::cancel_job`]): a waiting job costs nothing, a matched one what the deal's
//!    terms say.
//! 8. *A provider leaves* ([`Pallet::drain_offer`], [`Pallet::withdraw_offer`]), now or when its last deal has ended.
//!
//! The rule of matching is [`lilypad_primitives::fits()`]. A search looks at no more than [`Config::MaxScan`] candidates,
//! however large the market is; [`Pallet::quote`] says what a search would find.
//!
//! ## Invariants
//!
//! [`Pallet::do_try_state`] checks them:
//!
//! 1. For each offer, what is free and what its running deals use add up to the whole machine, and its counters are
//!    right.
//! 2. A job either waits, and stands in the index of waiting jobs, or has one live deal. Every index entry has its
//!    record, and back.
//! 3. Exactly the active offers with a free slot stand in the index of offers, once in each of their classes.
//! 4. Every provider's list names exactly its offers; every offer and peer address has its deposit.
//! 5. Every proposal is a waiting job's, due by the end of its window, and stands in the queue; the queue has nothing else.
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod charges;
mod errors;
mod job_book;
mod jobs;
mod matching;
#[cfg(test)]
mod mock;
mod offers;
mod proposals;
mod quote;
mod solver;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

// What `import_section` below puts into the pallet.
use errors::__export_tokens_tt_errors;
use frame_support::pallet_macros::import_section;
pub use pallet::*;
pub use quote::{QUOTE_OFFERS, QUOTE_SCAN};
pub use solver::{SOLVER_JOBS, SOLVER_OFFERS, SOLVER_PROPOSALS};
pub use types::{
	BlockKey, Class, IdKey, IndexKey, JobRecord, JobState, OfferParams, Proposal, Quote, QuotedOffer,
	RateKey, Scan,
};
pub use weights::WeightInfo;

pub(crate) const LOG_TARGET: &str = "runtime::market";

#[import_section(errors)]
#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::{pallet_prelude::*, weights::WeightMeter};
	use frame_system::{ensure_authorized, offchain::CreateAuthorizedTransaction, pallet_prelude::*};
	use lilypad_primitives::{
		job::MAX_RETRIES,
		traits::{Deals, Modules, OnJobEnded, Scores},
		Balance, BlockNumber, DealId, JobId, JobOrigin, JobRequest, Offer, OfferId, OfferState, Outcome,
		PeerAddress, Pricing, Triple, VersionId,
	};
	use sp_runtime::transaction_validity::TransactionPriority;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// What the market needs from the runtime.
	#[pallet::config]
	pub trait Config:
		frame_system::Config<RuntimeEvent: From<Event<Self>>> + CreateAuthorizedTransaction<Call<Self>>
	{
		/// The module registry.
		type Modules: Modules<Self::AccountId>;
		/// The deals and the money behind them.
		type Deals: Deals<Self::AccountId>;
		/// Providers' scores.
		type Scores: Scores<Self::AccountId>;
		/// Told when a job is gone.
		type OnJobEnded: OnJobEnded<Self::AccountId>;
		/// The market's prices.
		type Pricing: Get<Pricing>;
		/// Deposit for an offer.
		#[pallet::constant]
		type OfferDeposit: Get<Balance>;
		/// Deposit for a peer address.
		#[pallet::constant]
		type PeerDeposit: Get<Balance>;
		/// Most candidates that one search looks at.
		#[pallet::constant]
		type MaxScan: Get<u32>;
		/// Most waiting jobs that are matched when a run or a deal ends, in a call that is not about them.
		#[pallet::constant]
		type MaxMatches: Get<u32>;
		/// Shortest match window, in blocks.
		#[pallet::constant]
		type MinMatchWindow: Get<BlockNumber>;
		/// Longest match window, in blocks.
		#[pallet::constant]
		type MaxMatchWindow: Get<BlockNumber>;
		/// Blocks for which a proposed match stands, so that somebody may find a cheaper one.
		#[pallet::constant]
		type SolveWindow: Get<BlockNumber>;
		/// Priority of the proposals of the node's own solver in its pool.
		type SolverPriority: Get<TransactionPriority>;
		/// Most offers of one provider.
		#[pallet::constant]
		type MaxOffersPerProvider: Get<u32>;
		/// Weights of the calls.
		type WeightInfo: WeightInfo;
	}

	/// The id that the next offer gets.
	#[pallet::storage]
	pub type NextOfferId<T: Config> = StorageValue<_, OfferId, ValueQuery>;

	/// The id that the next job gets.
	// Whitelisted: however many jobs a block takes up, it is read once and written once.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type NextJobId<T: Config> = StorageValue<_, JobId, ValueQuery>;

	/// The offers.
	// Ids are made by the chain one after another: a cheap hash spreads them.
	#[pallet::storage]
	pub type Offers<T: Config> = StorageMap<_, Twox64Concat, OfferId, Offer<T::AccountId>, OptionQuery>;

	/// What is held for each offer; apart from the offer, which every match writes.
	// As for the offers.
	#[pallet::storage]
	pub type OfferDeposits<T: Config> = StorageMap<_, Twox64Concat, OfferId, Balance, OptionQuery>;

	/// The offers of each provider.
	// Accounts are chosen by users: hashed, so that nobody can shape the trie.
	#[pallet::storage]
	pub type OffersOf<T: Config> = StorageMap<
		_,
		Blake2_128Concat,
		T::AccountId,
		BoundedVec<OfferId, T::MaxOffersPerProvider>,
		ValueQuery,
	>;

	/// Where each provider's worker can be reached.
	// As for the lists of offers.
	#[pallet::storage]
	pub type Peers<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, PeerAddress, OptionQuery>;

	/// What is held for each peer address.
	// As for the lists of offers.
	#[pallet::storage]
	pub type PeerDeposits<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Balance, OptionQuery>;

	/// The jobs.
	// As for the offers.
	#[pallet::storage]
	pub type Jobs<T: Config> = StorageMap<_, Twox64Concat, JobId, JobRecord<T::AccountId>, OptionQuery>;

	/// The offers that take deals, cheapest first and of equals the oldest first: class, rate, id.
	// Not hashed, because the order of the keys is the point: numbers are big-endian, so the trie itself is the book, and
	// the prefix iterator walks a class in the order of price. The price is that a user chooses part of the trie's shape by
	// choosing a rate; the depth is bounded by the key's 26 bytes, and each entry belongs to an offer with a deposit.
	#[pallet::storage]
	pub type OfferIndex<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Class>,
			NMapKey<Identity, RateKey>,
			NMapKey<Identity, IdKey>,
		),
		(),
		OptionQuery,
	>;

	/// The waiting jobs, those that can pay most first and of equals the oldest first: class, inverted ceiling, id.
	// Not hashed, as the index of offers; here each entry belongs to a job with a budget on hold.
	#[pallet::storage]
	pub type WaitingIndex<T: Config> = StorageNMap<
		_,
		(
			NMapKey<Identity, Class>,
			NMapKey<Identity, RateKey>,
			NMapKey<Identity, IdKey>,
		),
		(),
		OptionQuery,
	>;

	/// The index entry at which the sweeper stopped. `None`: it begins at the beginning.
	#[pallet::storage]
	pub type SweepCursor<T: Config> = StorageValue<_, IndexKey, OptionQuery>;

	/// The matches that were proposed for waiting jobs, at most one each.
	// As for the offers.
	#[pallet::storage]
	pub type Proposals<T: Config> = StorageMap<_, Twox64Concat, JobId, Proposal<T::AccountId>, OptionQuery>;

	/// The proposals in the order in which they come due: block, job.
	// Not hashed, so that the first key is the next due. Users choose none of its bits: blocks and ids are the chain's.
	#[pallet::storage]
	pub type ProposalQueue<T: Config> =
		StorageNMap<_, (NMapKey<Identity, BlockKey>, NMapKey<Identity, IdKey>), (), OptionQuery>;

	/// What happened in the market.
	#[pallet::event]
	#[pallet::generate_deposit(pub(super) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An offer was posted.
		OfferPosted {
			/// The offer.
			offer: OfferId,
			/// Whose it is.
			provider: T::AccountId,
			/// LP per second of run time.
			rate: Balance,
		},
		/// An offer was paused, resumed, set to drain, or got another rate.
		OfferChanged {
			/// The offer.
			offer: OfferId,
			/// Its state now.
			state: OfferState,
			/// Its rate now.
			rate: Balance,
		},
		/// An offer is gone, and its deposit is free.
		OfferWithdrawn {
			/// The offer.
			offer: OfferId,
			/// Whose it was.
			provider: T::AccountId,
		},
		/// A provider said where its worker can be reached.
		PeerSet {
			/// The provider.
			provider: T::AccountId,
			/// Where; `None` when it took the address back.
			address: Option<PeerAddress>,
		},
		/// A job was posted. If an offer fits it is matched in the same block.
		JobPosted {
			/// The job.
			job: JobId,
			/// Who pays.
			creator: T::AccountId,
			/// The module version.
			version: VersionId,
			/// The last block in which it can be matched.
			match_by: BlockNumber,
		},
		/// A job and an offer became a deal.
		JobMatched {
			/// The job.
			job: JobId,
			/// The deal.
			deal: DealId,
			/// The offer.
			offer: OfferId,
			/// Whose offer it is.
			provider: T::AccountId,
		},
		/// Somebody found a match for a waiting job.
		MatchProposed {
			/// The job.
			job: JobId,
			/// The offer.
			offer: OfferId,
			/// Its rate.
			rate: Balance,
			/// Who found it; `None` for a node's own solver, which earns no tip.
			solver: Option<T::AccountId>,
			/// The first block in which it can become the deal.
			due: BlockNumber,
		},
		/// What was proposed does not fit any longer, or has become dearer. The job waits on.
		ProposalDropped {
			/// The job.
			job: JobId,
			/// The offer.
			offer: OfferId,
		},
		/// A provider failed a job, which waits for another one.
		JobRequeued {
			/// The job.
			job: JobId,
			/// The last block in which it can be matched.
			match_by: BlockNumber,
			/// Retries left.
			retries_left: u8,
		},
		/// A creator withdrew a waiting job: its whole budget is free.
		JobCancelled {
			/// The job.
			job: JobId,
		},
		/// Nobody took a job in time: its whole budget is free.
		JobExpired {
			/// The job.
			job: JobId,
		},
		/// A job's last deal was settled.
		JobEnded {
			/// The job.
			job: JobId,
			/// The deal.
			deal: DealId,
			/// How it ended.
			outcome: Outcome,
			/// The result, if there is one.
			result: Option<Triple>,
			/// What it cost the creator in all.
			cost: Balance,
		},
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			if let Err(why) = T::Pricing::get().check() {
				panic!("Pricing: {why}");
			}
			assert!(T::MaxScan::get() > 0, "MaxScan is zero: nothing would be matched");
			assert!(
				T::MaxMatches::get() > 0,
				"MaxMatches is zero: freed capacity would not be matched"
			);
			assert!(T::MaxOffersPerProvider::get() > 0, "MaxOffersPerProvider is zero");
			assert!(
				T::SolveWindow::get() > 0,
				"SolveWindow is zero: nobody could find a cheaper match"
			);
			assert!(
				T::MinMatchWindow::get() <= T::MaxMatchWindow::get(),
				"match windows are out of order"
			);
			assert!(MAX_RETRIES <= u32::from(u8::MAX), "retries do not fit their type");
		}

		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			let mut meter = WeightMeter::with_limit(remaining);
			Self::sweep_proposals(&mut meter);
			Self::sweep(&mut meter);
			meter.consumed()
		}

		/// Looks for matches that the chain's bounded search missed, and proposes them.
		fn offchain_worker(_: BlockNumberFor<T>) {
			Self::solve();
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Offers a machine. Waiting jobs that fit become deals at once.
		///
		/// The origin is signed and becomes the provider. A deposit of [`Config::OfferDeposit`] is held. Deals need a bond
		/// too, which is posted with the deals.
		///
		/// Errors: [`Error::BadMachine`], [`Error::NoSlots`], [`Error::RateTooLow`], [`Error::BadPlatforms`],
		/// [`Error::TooFewMediators`], [`Error::TooManyOffers`], [`Error::NoIdsLeft`], or that of the deposit. Emits
		/// [`Event::OfferPosted`], and [`Event::JobMatched`] for each match.
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::post_offer().saturating_add(Pallet::<T>::longest_search_for_jobs(u32::MAX)))]
		pub fn post_offer(
			origin: OriginFor<T>,
			params: OfferParams<T::AccountId>,
		) -> DispatchResultWithPostInfo {
			let provider = ensure_signed(origin)?;
			let scan = Self::do_post_offer(provider, params)?;
			Ok(Some(T::WeightInfo::post_offer().saturating_add(Self::searched_jobs(scan))).into())
		}

		/// Changes an offer's rate. Deals that it has keep theirs; waiting jobs that fit now become deals at once.
		///
		/// The origin is the offer's provider.
		///
		/// Errors: [`Error::UnknownOffer`], [`Error::NotProvider`], [`Error::OfferDraining`], [`Error::RateTooLow`]. Emits
		/// [`Event::OfferChanged`], and [`Event::JobMatched`] for each match.
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::set_offer_rate().saturating_add(Pallet::<T>::longest_search_for_jobs(u32::MAX)))]
		pub fn set_offer_rate(
			origin: OriginFor<T>,
			offer: OfferId,
			rate: Balance,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let scan = Self::do_set_offer_rate(who, offer, rate)?;
			Ok(Some(T::WeightInfo::set_offer_rate().saturating_add(Self::searched_jobs(scan))).into())
		}

		/// Lets an offer take no new deals until it is resumed. Deals that it has go on.
		///
		/// The origin is the offer's provider.
		///
		/// Errors: [`Error::UnknownOffer`], [`Error::NotProvider`], [`Error::OfferNotActive`]. Emits
		/// [`Event::OfferChanged`].
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::pause_offer())]
		pub fn pause_offer(origin: OriginFor<T>, offer: OfferId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_pause_offer(who, offer)
		}

		/// Lets a paused offer take deals again. Waiting jobs that fit become deals at once.
		///
		/// The origin is the offer's provider. Also the way back after the chain has paused a faulty provider's offers.
		///
		/// Errors: [`Error::UnknownOffer`], [`Error::NotProvider`], [`Error::OfferNotPaused`]. Emits
		/// [`Event::OfferChanged`], and [`Event::JobMatched`] for each match.
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::resume_offer().saturating_add(Pallet::<T>::longest_search_for_jobs(u32::MAX)))]
		pub fn resume_offer(origin: OriginFor<T>, offer: OfferId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let scan = Self::do_resume_offer(who, offer)?;
			Ok(Some(T::WeightInfo::resume_offer().saturating_add(Self::searched_jobs(scan))).into())
		}

		/// Lets an offer take no new deals ever, and removes it when its last deal has ended: at once if it has none.
		///
		/// The origin is the offer's provider.
		///
		/// Errors: [`Error::UnknownOffer`], [`Error::NotProvider`], [`Error::OfferDraining`]. Emits
		/// [`Event::OfferChanged`], and [`Event::OfferWithdrawn`] when it is gone.
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::drain_offer())]
		pub fn drain_offer(origin: OriginFor<T>, offer: OfferId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_drain_offer(who, offer)
		}

		/// Removes an offer that has no deals, whatever its state, and gives its deposit back.
		///
		/// The origin is the offer's provider.
		///
		/// Errors: [`Error::UnknownOffer`], [`Error::NotProvider`], [`Error::OfferHasDeals`]. Emits
		/// [`Event::OfferWithdrawn`].
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::withdraw_offer())]
		pub fn withdraw_offer(origin: OriginFor<T>, offer: OfferId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_offer(who, offer)
		}

		/// Says where the origin's worker can be reached peer to peer. Replaces what it said before.
		///
		/// The origin is signed. A deposit of [`Config::PeerDeposit`] is held, once.
		///
		/// Errors: [`Error::BadPeerAddress`], or that of the deposit. Emits [`Event::PeerSet`].
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::set_peer())]
		pub fn set_peer(origin: OriginFor<T>, address: PeerAddress) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_peer(who, address)
		}

		/// Takes back where the origin's worker can be reached, and gives the deposit back.
		///
		/// The origin is signed.
		///
		/// Errors: [`Error::NoPeer`]. Emits [`Event::PeerSet`].
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::clear_peer())]
		pub fn clear_peer(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_clear_peer(who)
		}

		/// Posts a job. The cheapest offer that fits becomes its deal at once; otherwise it waits.
		///
		/// The origin is signed and becomes the creator. The budget is held while the job lives.
		///
		/// Errors: [`Error::UnknownModule`], [`Error::ModuleDelisted`], [`Error::BadMachine`], [`Error::SpecTooSmall`],
		/// [`Error::BadTimeLimit`], [`Error::BadMatchWindow`], [`Error::TooManyRetries`], [`Error::BudgetTooSmall`],
		/// [`Error::BadFiles`], [`Error::DeadlineTooSoon`], [`Error::TargetIsCreator`], [`Error::TooFewMediators`],
		/// [`Error::NoIdsLeft`], or that of the hold. Emits [`Event::JobPosted`], and [`Event::JobMatched`] for a match.
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::post_job().saturating_add(Pallet::<T>::longest_search_for_offers()))]
		pub fn post_job(
			origin: OriginFor<T>,
			request: JobRequest<T::AccountId>,
		) -> DispatchResultWithPostInfo {
			let creator = ensure_signed(origin)?;
			let (_, scan) = Self::do_post_job(creator, request, JobOrigin::Native)?;
			Ok(Some(T::WeightInfo::post_job().saturating_add(Self::searched_offers(scan))).into())
		}

		/// Withdraws a job. While it waits that costs nothing; once it is matched, what the deal's terms say.
		///
		/// The origin is the job's creator.
		///
		/// Errors: [`Error::UnknownJob`], [`Error::NotCreator`], or that of the deal, which can't be cancelled once a result
		/// is submitted. Emits [`Event::JobCancelled`] or [`Event::JobEnded`].
		#[pallet::call_index(9)]
		#[pallet::weight(Pallet::<T>::weight_of_cancel())]
		pub fn cancel_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let weight = Self::do_cancel_job(who, job)?;
			Ok(Some(weight).into())
		}

		/// Ends a waiting job whose match window has passed, and gives its whole budget back to its creator.
		///
		/// The origin is signed by anybody. If a match was proposed in time and still fits, it becomes the deal instead.
		///
		/// Errors: [`Error::UnknownJob`], [`Error::NotExpired`]. Emits [`Event::JobExpired`] or [`Event::JobMatched`], and
		/// [`Event::ProposalDropped`] for a proposal that fits no longer.
		#[pallet::call_index(10)]
		#[pallet::weight(Pallet::<T>::closing(T::WeightInfo::expire_job()).saturating_add(T::WeightInfo::conclude_proposal()))]
		pub fn expire_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let weight = Self::do_expire_job(job)?;
			Ok(Some(weight).into())
		}

		/// Proposes an offer for a waiting job that the chain's bounded search missed.
		///
		/// The origin is signed by anybody, and earns the job's tip if its proposal becomes the deal and it is no party to
		/// it. A proposal stands for [`Config::SolveWindow`] blocks, or to the end of the job's match window if that is
		/// earlier; in these blocks any strictly cheaper fit replaces it. A proposal that is void, because its offer fits no
		/// longer or has become dearer, is replaced by any fit. What is proposed reserves nothing.
		///
		/// When an earlier proposal is due, it becomes the deal, and that is all that happens.
		///
		/// Errors: [`Error::UnknownJob`], [`Error::JobNotWaiting`], [`Error::UnknownOffer`], [`Error::DoesNotFit`],
		/// [`Error::NotCheaper`]. Emits [`Event::MatchProposed`], or [`Event::JobMatched`] for the earlier one.
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::propose_match().saturating_add(T::WeightInfo::conclude_proposal()))]
		pub fn propose_match(origin: OriginFor<T>, job: JobId, offer: OfferId) -> DispatchResultWithPostInfo {
			let solver = ensure_signed(origin)?;
			let weight = Self::do_propose(Some(solver), job, offer)?;
			Ok(Some(weight).into())
		}

		/// Makes a proposed match the deal once its blocks have passed, or drops it if it fits no longer.
		///
		/// The origin is signed by anybody. The sweeper does the same when there is weight to spare.
		///
		/// Errors: [`Error::NoProposal`], [`Error::ProposalStands`]. Emits [`Event::JobMatched`] or
		/// [`Event::ProposalDropped`].
		#[pallet::call_index(12)]
		#[pallet::weight(T::WeightInfo::conclude_proposal())]
		pub fn conclude_match(origin: OriginFor<T>, job: JobId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_conclude_match(job)?;
			Ok(())
		}

		/// Proposes as [`Pallet::propose_match`] does, on behalf of nobody: no fee, no tip.
		///
		/// The origin is an authorized transaction that a node's own offchain worker made. It is valid only in that node's
		/// pool and in a block, never when it comes from elsewhere.
		///
		/// Errors: as for `propose_match`, and [`Error::ProposalDue`]. Emits [`Event::MatchProposed`].
		#[pallet::call_index(13)]
		#[pallet::weight(T::WeightInfo::propose_found())]
		#[pallet::weight_of_authorize(T::WeightInfo::authorize_propose_found())]
		#[pallet::authorize(Pallet::<T>::authorize_found)]
		pub fn propose_found(origin: OriginFor<T>, job: JobId, offer: OfferId) -> DispatchResult {
			ensure_authorized(origin)?;
			Self::do_propose_found(job, offer)?;
			Ok(())
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A job and where it stands. `None` once it is gone.
		pub fn job(id: JobId) -> Option<JobRecord<T::AccountId>> {
			Jobs::<T>::get(id)
		}

		/// The match that is proposed for a job, if there is one.
		pub fn proposal(job: JobId) -> Option<Proposal<T::AccountId>> {
			Proposals::<T>::get(job)
		}

		/// An offer.
		pub fn offer(id: OfferId) -> Option<Offer<T::AccountId>> {
			Offers::<T>::get(id)
		}

		/// A provider's offers.
		pub fn offers_of(provider: T::AccountId) -> BoundedVec<OfferId, T::MaxOffersPerProvider> {
			OffersOf::<T>::get(provider)
		}

		/// Where a provider's worker can be reached.
		pub fn peer(provider: T::AccountId) -> Option<PeerAddress> {
			Peers::<T>::get(provider)
		}

		/// What a request of this creator would meet with, were it posted now: the cheapest offers that fit, or which rule
		/// fails for how many. Fails as `post_job` would, but for a budget that is too small, and does not look at the
		/// creator's balance.
		pub fn quote(
			creator: T::AccountId,
			request: JobRequest<T::AccountId>,
		) -> Result<Quote<T::AccountId>, DispatchError> {
			Self::do_quote(creator, request)
		}
	}
}
