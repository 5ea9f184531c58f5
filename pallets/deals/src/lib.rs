//! # Deals
//!
//! What happens to a job once an offer has taken it: the deal's state machine, and all the money that the market holds.
//!
//! ## Terminology
//!
//! * **Deal**: one match of a job with an offer, with [`Terms`] frozen at the match. See [`state`], the place to start.
//! * **Bond**: what a provider has on hold. A part of it is *committed* as the collateral of live deals, a part may be
//!   *unbonding*, the rest is *free*.
//! * **Budget**: what a creator has on hold for a job, whole, from posting to the job's end.
//! * **Seal**: the provider's commitment to its result; its **opening** is the result itself, the time it took, and a
//!   salt.
//! * **Lapse**: a deadline's passing without the call that it was for. Every deal has exactly one deadline at any time.
//! * **Settlement**: who gets how much when a deal ends, by the pure function [`lilypad_primitives::settle()`].
//!
//! ## How a deal goes
//!
//! 1. The market opens it. The provider's collateral is committed; the budget has been on hold since the job was posted.
//! 2. The provider *acknowledges* by `ack_by`. It may also *decline*, or report image or inputs as *unfetchable*.
//! 3. It runs the job and *submits* a seal by `submit_by`. That frees the offer's capacity at once. Submitting without
//!    having acknowledged does both.
//! 4. From `draw_at` until `judge_by` either side opens the seal: the creator by *accepting*, which settles the deal, or
//!    the provider by *revealing*, after which the creator may still accept, and pays by staying silent. A contract elsewhere, which
//!    can't sign here, may have named a *delegate* to do in its stead what a creator does from here on; if it has named none,
//!    revealing settles the deal.
//! 5. Whichever of these calls comes first makes the draw: if it falls on the deal, the result is *audited* instead, at
//!    the audit pool's expense. Otherwise the creator may *challenge* the result until `judge_by`, with a bond. Either way
//!    mediation judges, and rules: see [`Arbitrable`].
//! 6. Whatever deadline lapses, anybody settles the deal with *expire*. `on_idle` does it for those who wait, as far as
//!    the block has room, and nothing depends on it.
//!
//! [`Arbitrable`]: lilypad_primitives::traits::Arbitrable
//!
//! A settled deal leaves no state but the provider's score; the event [`Event::Settled`] says how it ended and what moved.
//!
//! ## Money
//!
//! Everything is a hold in its owner's account, one per reason; nothing is pooled. A file of its own, `escrow.rs`, is the only
//! one that touches balances. No settlement can fail because of somebody's account: what can't be delivered goes to the
//! treasury, with an event.
//!
//! ## Free calls
//!
//! `acknowledge`, `submit`, `reveal` and `audit` are feeless for the deal's provider, and `audit` for its creator or the creator's
//! delegate, as long as they would succeed: predicate and call share one function in `checks.rs`.
//!
//! ## Invariants
//!
//! Numbered in `invariants.rs`, and checked by [`Pallet::do_try_state`].
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bonds;
mod checks;
mod dispute;
mod escrow;
mod invariants;
mod lifecycle;
#[cfg(test)]
mod mock;
mod scores;
mod seam;
mod settlement;
pub mod state;
mod sweep;
#[cfg(test)]
mod tests;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
pub use benchmarking::{BenchmarkHelper, WithoutMarket};
use lilypad_primitives::{
	DealId, Dispute, DueKey, Millis, Move, Opening, Outcome, Reason, Seal, Terms, TrackRecord, Triple,
};
pub use pallet::*;
pub use state::{Bond, Deal, DealState};
pub use weights::WeightInfo;

use frame_support::traits::fungible;
use lilypad_primitives::{Balance, BlockNumber};

/// Log target of this pallet.
pub(crate) const LOG: &str = "runtime::deals";

/// A deal of this runtime.
pub type DealOf<T> = Deal<<T as frame_system::Config>::AccountId>;
/// A bond of this runtime.
pub type BondOf<T> = Bond<<T as Config>::MaxUnbonding>;
/// What moved in a settlement: no settlement of this pallet moves more than four times.
pub type Moves = sp_core::bounded::BoundedVec<Move, sp_core::ConstU32<8>>;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::{pallet_prelude::*, traits::Time, weights::WeightMeter};
	use frame_system::pallet_prelude::*;
	use lilypad_primitives::{
		traits::{JobBook, Mediate, Modules, OnDealSettled},
		JobId, OfferId,
	};

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// How the pallet is set up.
	#[pallet::config]
	pub trait Config: frame_system::Config {
		/// The overarching reason of holds.
		type RuntimeHoldReason: From<HoldReason>;

		/// The coin.
		type Currency: fungible::Mutate<Self::AccountId, Balance = Balance>
			+ fungible::hold::Mutate<Self::AccountId, Reason = Self::RuntimeHoldReason>;

		/// Milliseconds of the chain: a block's own time.
		type Time: Time<Moment = Millis>;

		/// The market.
		type JobBook: JobBook<Self::AccountId>;

		/// Mediation, which draws audits and judges results.
		type Mediation: Mediate<Self::AccountId>;

		/// The registry, which holds the authors' bonds.
		type Modules: Modules<Self::AccountId>;

		/// Who is told of settlements.
		type OnSettled: OnDealSettled<Self::AccountId>;

		/// Where fines go, and what can't be delivered. The account must exist.
		type Treasury: Get<Self::AccountId>;

		/// Where levies go. The account should exist: what it can't take goes to the treasury.
		type AuditPool: Get<Self::AccountId>;

		/// Milliseconds between two blocks: the unit in which chain time can be measured.
		#[pallet::constant]
		type MillisPerBlock: Get<Millis>;

		/// Blocks to acknowledge a deal that needs nothing fetched.
		#[pallet::constant]
		type AckBlocks: Get<BlockNumber>;

		/// Bytes of image and inputs for each of which a provider has one block more to acknowledge.
		#[pallet::constant]
		type FetchBytesPerBlock: Get<u64>;

		/// Most blocks that fetching adds to the time to acknowledge.
		#[pallet::constant]
		type MaxFetchBlocks: Get<BlockNumber>;

		/// Blocks that a provider has, after acknowledgement and time limit, to publish the result and submit.
		#[pallet::constant]
		type SubmitMargin: Get<BlockNumber>;

		/// Blocks whose randomness decides whether a submitted result is audited.
		#[pallet::constant]
		type DrawBlocks: Get<BlockNumber>;

		/// Blocks, after the draw, to open and to judge a result.
		#[pallet::constant]
		type JudgeBlocks: Get<BlockNumber>;

		/// Blocks that a bond stays on hold after it was withdrawn from the market.
		#[pallet::constant]
		type UnbondingBlocks: Get<BlockNumber>;

		/// Most parts of one bond that are unbonding at a time.
		#[pallet::constant]
		type MaxUnbonding: Get<u32>;

		/// Least bond of a provider.
		#[pallet::constant]
		type MinBond: Get<Balance>;

		/// How much of a provider's turnover its score remembers.
		#[pallet::constant]
		type ScoreHorizon: Get<Balance>;

		/// Weights.
		type WeightInfo: WeightInfo;

		/// Opens deals for the benchmarks.
		#[cfg(feature = "runtime-benchmarks")]
		type BenchmarkHelper: BenchmarkHelper<Self::AccountId>;
	}

	/// Why money is on hold.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// The budgets of a creator's jobs.
		JobBudget,
		/// A provider's bond.
		ProviderBond,
		/// Deposits for what somebody keeps in storage.
		Deposit,
		/// What a challenger has put at stake in mediation.
		ChallengeBond,
		/// What the audit pool has set aside for open audits.
		AuditReserve,
	}

	/// The live deals.
	// Twox64: the chain makes the ids, nobody can choose them.
	#[pallet::storage]
	pub type Deals<T: Config> = StorageMap<_, Twox64Concat, DealId, DealOf<T>>;

	/// The live deals in the order in which the sweeper has to look at them: by a deadline that they have or once had. A deal
	/// whose deadline is put off stays where it is until the sweeper comes by, because most have ended by then.
	// Identity: the keys are big-endian numbers, so that the map is sorted. Users choose none of their bits: ids are the
	// chain's, and deadlines follow from the block in which something happened.
	#[pallet::storage]
	pub type Lapses<T: Config> = StorageMap<_, Identity, DueKey, ()>;

	/// Where the sweeper goes on, if it met a deal that it could not settle.
	#[pallet::storage]
	pub type SweepCursor<T: Config> = StorageValue<_, DueKey>;

	/// The id of the next deal.
	// Whitelisted: however many deals a block opens, it is read once and written once.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type NextDealId<T: Config> = StorageValue<_, DealId, ValueQuery>;

	/// The providers' bonds, and what became of their deals.
	#[pallet::storage]
	pub type Bonds<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, BondOf<T>>;

	/// What each account has on hold as deposits.
	#[pallet::storage]
	pub type Deposits<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Balance, ValueQuery>;

	/// What the audit pool has on hold for each audit under way: the fees of the rounds so far.
	// Twox64: the chain makes the ids, nobody can choose them.
	#[pallet::storage]
	pub type AuditReserves<T: Config> = StorageMap<_, Twox64Concat, DealId, Balance, ValueQuery>;

	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A provider put up a bond, or more of it.
		Bonded {
			/// Whose.
			provider: T::AccountId,
			/// How much was added.
			amount: Balance,
			/// The whole bond now.
			total: Balance,
		},
		/// A part of a bond backs no new deals any more and can be withdrawn later.
		Unbonding {
			/// Whose.
			provider: T::AccountId,
			/// How much.
			amount: Balance,
			/// The first block in which it can be withdrawn.
			releasable_at: BlockNumber,
		},
		/// A part of a bond was given back.
		Withdrawn {
			/// Whose.
			provider: T::AccountId,
			/// How much.
			amount: Balance,
		},
		/// A job was matched with an offer.
		DealOpened {
			/// The deal.
			deal: DealId,
			/// Its job.
			job: JobId,
			/// Its offer.
			offer: OfferId,
			/// Who pays.
			creator: T::AccountId,
			/// Who runs.
			provider: T::AccountId,
			/// Most that the provider can earn.
			cap: Balance,
			/// What of the provider's bond backs the deal.
			collateral: Balance,
			/// The last block in which the provider can acknowledge.
			ack_by: BlockNumber,
		},
		/// The provider is going to run the job.
		Acknowledged {
			/// The deal.
			deal: DealId,
			/// The last block in which it can submit a result.
			submit_by: BlockNumber,
		},
		/// The provider has a result, and has sealed it. The offer's capacity is free again.
		Submitted {
			/// The deal.
			deal: DealId,
			/// The seal.
			seal: Seal,
			/// The first block in which the result can be accepted or revealed.
			draw_at: BlockNumber,
			/// The last block in which it can.
			judge_by: BlockNumber,
		},
		/// A seal was opened, by whichever side: this is the result.
		Revealed {
			/// The deal.
			deal: DealId,
			/// The result.
			triple: Triple,
			/// Run time to pay for.
			usage: Millis,
		},
		/// Mediators judge the result: the creator challenged it, or the chain drew it for an audit.
		Disputed {
			/// The deal.
			deal: DealId,
			/// Why.
			dispute: Dispute,
		},
		/// The result was drawn for an audit which can't be: the deal goes on as if it had not been drawn.
		AuditSkipped {
			/// The deal.
			deal: DealId,
			/// Why not.
			why: SkipReason,
		},
		/// No panel judged the result, or none could be paid that would have: the deal goes on, and a challenge's bond has been given
		/// back.
		DisputeDropped {
			/// The deal.
			deal: DealId,
			/// The last block to accept or reveal.
			judge_by: BlockNumber,
		},
		/// A deal has ended. What of budget and collateral did not move is its owner's again, or stays on hold for a job
		/// that is queued once more.
		Settled {
			/// The deal.
			deal: DealId,
			/// Its job.
			job: JobId,
			/// How it ended.
			outcome: Outcome,
			/// What moved, in order.
			moves: Moves,
		},
		/// A payment could not be delivered, because the account is gone and the amount too small to bring it back. The
		/// treasury has it.
		PaymentRedirected {
			/// Who paid.
			from: T::AccountId,
			/// Out of which hold.
			reason: HoldReason,
			/// Who should have received it.
			to: T::AccountId,
			/// How much.
			amount: Balance,
		},
		/// Less was on hold than the records say. It can't happen; if it does, it must be seen.
		Shortfall {
			/// Whose hold.
			who: T::AccountId,
			/// Which hold.
			reason: HoldReason,
			/// How much could not be moved.
			missing: Balance,
		},
	}

	/// Why an audit was skipped.
	#[derive(
		Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
	)]
	pub enum SkipReason {
		/// The pool can't pay the two panels that it takes to overturn a result.
		PoolTooSmall,
		/// There are not enough mediators for such jobs.
		NoMediators,
		/// The randomness is missing.
		NoRandomness,
	}

	/// Why a call failed.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no live deal with this id. It may have been settled: look for its `Settled` event.
		UnknownDeal,
		/// Only the deal's provider may do this. Sign with the account that made the offer.
		NotProvider,
		/// Only the deal's creator may do this, or the delegate that a contract elsewhere has named. Sign with the account that
		/// posted the job, or as that delegate.
		NotCreator,
		/// The deadline has passed. `expire` settles the deal.
		TooLate,
		/// It is too early. Try again after this many blocks (65,535 stands for more).
		TooEarly {
			/// Blocks to wait.
			wait: u16,
		},
		/// The deal was acknowledged before: there is nothing left to acknowledge, decline or report.
		AlreadyAcknowledged,
		/// A result was submitted before. It can't be replaced, and the deal can't be cancelled: it can only be judged.
		AlreadySubmitted,
		/// The seal was opened before. The creator may accept, or wait for `judge_by`.
		AlreadyRevealed,
		/// No result was submitted yet.
		NotSubmitted,
		/// This is not what was sealed. Check deal id, result, usage and salt.
		WrongOpening,
		/// The usage is longer than the time limit, or than the chain's time from acknowledgement to submission.
		UsageTooLong,
		/// Mediators judge the result, and decide how the deal ends. Look at the case in mediation.
		InDispute,
		/// The provider can open its seal again when the mediators have committed to their votes.
		MediatorsNotReady,
		/// The result was not drawn for an audit: accept, reveal or challenge it.
		NotDrawn,
		/// There are not enough mediators for a full panel, so nobody could judge a challenge.
		NoPanel,
		/// The module need not give the same result twice, so that nobody can tell whether this one is right: only
		/// `Unavailable` can be challenged.
		NotVerifiable,
		/// The amount is zero.
		ZeroAmount,
		/// The account has no bond. Call `bond` first.
		NoBond,
		/// What stays bonded would be less than the least bond. Bond more, or unbond all that backs no deal.
		BondTooSmall,
		/// This much of the bond is not free: it backs live deals or is unbonding.
		BondInUse,
		/// Too many parts of this bond are unbonding. Withdraw those that are due, or wait.
		TooManyUnbonding,
		/// No part of the bond is due to be given back. Look at the bond for the block in which it will be.
		NothingToWithdraw,
		/// The provider's free bond is less than the collateral.
		CollateralUnavailable,
		/// There are no more ids.
		IdsExhausted,
		/// An amount left the range of the numbers.
		Overflow,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// Settles deals whose deadlines have lapsed, as far as the block has room.
		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			let mut meter = WeightMeter::with_limit(remaining);
			Self::sweep(&mut meter);
			meter.consumed()
		}

		fn integrity_test() {
			assert!(T::MillisPerBlock::get() > 0, "a block takes time");
			assert!(T::AckBlocks::get() > 0, "nobody could acknowledge in time");
			assert!(T::FetchBytesPerBlock::get() > 0, "nothing could ever be fetched");
			assert!(T::SubmitMargin::get() > 0, "nobody could submit in time");
			assert!(
				T::DrawBlocks::get() >= 4,
				"fewer blocks than four leave a draw to too few authors"
			);
			assert!(T::JudgeBlocks::get() > 0, "nobody could judge in time");
			assert!(T::MaxUnbonding::get() > 0, "nobody could ever unbond");
			assert!(
				T::MinBond::get() > 0,
				"a bond of nothing would be a free entry in storage"
			);
			assert!(T::ScoreHorizon::get() > 0, "a score must remember something");
			assert!(
				T::Treasury::get() != T::AuditPool::get(),
				"fines and levies must not mix"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Puts up a bond, or adds to it.
		///
		/// Origin: signed, by a provider. The account must have `amount` to spare above the existential deposit.
		///
		/// Errors: [`Error::ZeroAmount`], [`Error::BondTooSmall`], and the coin's own when there is too little.
		/// Emits [`Event::Bonded`].
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::bond())]
		pub fn bond(origin: OriginFor<T>, #[pallet::compact] amount: Balance) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_bond(&who, amount)
		}

		/// Takes a part of the bond out of the market. It can be withdrawn after [`Config::UnbondingBlocks`].
		///
		/// Origin: signed, by a provider. Only what is free can be taken out. What stays is the least bond or more, or
		/// just what backs live deals.
		///
		/// Errors: [`Error::ZeroAmount`], [`Error::NoBond`], [`Error::BondInUse`], [`Error::BondTooSmall`],
		/// [`Error::TooManyUnbonding`]. Emits [`Event::Unbonding`].
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::unbond())]
		pub fn unbond(origin: OriginFor<T>, #[pallet::compact] amount: Balance) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_unbond(&who, amount)
		}

		/// Gives back what has been unbonding for long enough.
		///
		/// Origin: signed, by a provider.
		///
		/// Errors: [`Error::NoBond`], [`Error::NothingToWithdraw`]. Emits [`Event::Withdrawn`].
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::withdraw_unbonded())]
		pub fn withdraw_unbonded(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw_unbonded(&who)
		}

		/// Promises to run the job.
		///
		/// Origin: signed, by the deal's provider, until `ack_by`; free as long as it succeeds. From now on, failing to
		/// submit costs the deal's cap.
		///
		/// Errors: [`Error::UnknownDeal`], [`Error::NotProvider`], [`Error::AlreadyAcknowledged`],
		/// [`Error::AlreadySubmitted`], [`Error::TooLate`]. Emits [`Event::Acknowledged`].
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::acknowledge().saturating_add(T::WeightInfo::reindex()))]
		#[pallet::feeless_if(|origin: &OriginFor<T>, deal: &DealId| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| Pallet::<T>::check_acknowledge(&who, *deal).is_ok())
		})]
		pub fn acknowledge(origin: OriginFor<T>, deal: DealId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let weight = Self::do_acknowledge(&who, deal)?;
			Ok(Some(weight).into())
		}

		/// Refuses the job. Costs the no-show fine, but spares everybody the wait.
		///
		/// Origin: signed, by the deal's provider, until `ack_by` and before acknowledging.
		///
		/// Errors: as for `acknowledge`. Emits [`Event::Settled`].
		#[pallet::call_index(4)]
		#[pallet::weight(Pallet::<T>::settling(T::WeightInfo::decline()))]
		pub fn decline(origin: OriginFor<T>, deal: DealId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let weight = Self::do_decline(&who, deal)?;
			Ok(Some(weight).into())
		}

		/// Reports that the job's image or inputs are not to be had. Nobody pays; the second such report of a job ends
		/// it and costs its creator the cancel fee.
		///
		/// Origin: signed, by the deal's provider, until `ack_by` and before acknowledging.
		///
		/// Errors: as for `acknowledge`. Emits [`Event::Settled`].
		#[pallet::call_index(5)]
		#[pallet::weight(Pallet::<T>::settling(T::WeightInfo::report_unfetchable()))]
		pub fn report_unfetchable(origin: OriginFor<T>, deal: DealId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let weight = Self::do_report_unfetchable(&who, deal)?;
			Ok(Some(weight).into())
		}

		/// Commits the provider to its result. Frees the offer's capacity.
		///
		/// Origin: signed, by the deal's provider, until `submit_by`; or until `ack_by` without having acknowledged, for
		/// a job whose run takes at most one block. Free as long as it succeeds.
		///
		/// `seal` is [`Opening::seal`]. Nothing about it can be checked now: an opening whose usage is too long can't be
		/// accepted or revealed later.
		///
		/// Errors: [`Error::UnknownDeal`], [`Error::NotProvider`], [`Error::AlreadySubmitted`], [`Error::TooLate`].
		/// Emits [`Event::Submitted`].
		#[pallet::call_index(6)]
		#[pallet::weight(Pallet::<T>::weight_of_submit())]
		#[pallet::feeless_if(|origin: &OriginFor<T>, deal: &DealId, _seal: &Seal| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| Pallet::<T>::check_submit(&who, *deal).is_ok())
		})]
		pub fn submit(origin: OriginFor<T>, deal: DealId, seal: Seal) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let weight = Self::do_submit(&who, deal, seal)?;
			Ok(Some(weight).into())
		}

		/// Accepts the result and pays for it.
		///
		/// Origin: signed, by the deal's creator or its delegate, from `draw_at` until `judge_by`. `opening` is what the provider
		/// handed over, or revealed.
		///
		/// If the draw falls on the deal, the result is audited instead, and nothing is accepted. What `opening` says stands
		/// in the block then, for mediators to see: call `audit` first if the draw's outcome can be known.
		///
		/// Errors: [`Error::UnknownDeal`], [`Error::NotCreator`], [`Error::NotSubmitted`], [`Error::InDispute`],
		/// [`Error::TooEarly`], [`Error::TooLate`], [`Error::WrongOpening`], [`Error::UsageTooLong`].
		/// Emits [`Event::Revealed`] unless the provider had revealed, and [`Event::Settled`]; or [`Event::Disputed`].
		#[pallet::call_index(7)]
		#[pallet::weight(Pallet::<T>::disputing(Pallet::<T>::settling_well(T::WeightInfo::accept())))]
		pub fn accept(origin: OriginFor<T>, deal: DealId, opening: Opening) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let weight = Self::do_accept(&who, deal, opening)?;
			Ok(Some(weight).into())
		}

		/// Opens the provider's own seal on the chain: so that it is paid although the creator stays silent, and in a dispute,
		/// where a provider that does not open its seal has withheld its result.
		///
		/// Origin: signed, by the deal's provider, from `draw_at` until `judge_by`, or in a dispute while the mediators reveal;
		/// free as long as it succeeds.
		///
		/// If the draw falls on the deal, the result is audited instead, and nothing is opened: see `accept`. If not, and nobody
		/// may accept or challenge because a contract elsewhere has named no delegate, the result is paid for at once.
		///
		/// Errors: [`Error::UnknownDeal`], [`Error::NotProvider`], [`Error::NotSubmitted`], [`Error::TooEarly`],
		/// [`Error::TooLate`], [`Error::WrongOpening`], [`Error::UsageTooLong`], [`Error::AlreadyRevealed`],
		/// [`Error::MediatorsNotReady`]. Emits [`Event::Revealed`] or [`Event::Disputed`], and [`Event::Settled`] if it pays.
		#[pallet::call_index(8)]
		#[pallet::weight(Pallet::<T>::revealing())]
		#[pallet::feeless_if(|origin: &OriginFor<T>, deal: &DealId, opening: &Opening| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| Pallet::<T>::check_reveal(&who, *deal, opening).is_ok())
		})]
		pub fn reveal(origin: OriginFor<T>, deal: DealId, opening: Opening) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let weight = Self::do_reveal(&who, deal, opening)?;
			Ok(Some(weight).into())
		}

		/// Settles a deal whose deadline has lapsed: as a no-show after `ack_by`, as a time-out after `submit_by`; after
		/// `judge_by` as accepted if the result was revealed, and as a time-out if it was withheld. If the draw falls on a
		/// withheld result, it is audited instead.
		///
		/// Origin: signed, by anybody.
		///
		/// Errors: [`Error::UnknownDeal`], [`Error::TooEarly`], [`Error::InDispute`]. Emits [`Event::Settled`] or
		/// [`Event::Disputed`].
		#[pallet::call_index(9)]
		#[pallet::weight(Pallet::<T>::expire_weight())]
		pub fn expire(origin: OriginFor<T>, deal: DealId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let weight = Self::do_expire(deal)?;
			Ok(Some(weight).into())
		}

		/// Begins the audit of a result that was drawn for it. `accept` and `reveal` do so too, but show the result.
		///
		/// Origin: signed, by anybody, from `draw_at` until `judge_by`; free for the deal's provider, and for its creator or delegate,
		/// as long as it succeeds.
		///
		/// Errors: [`Error::UnknownDeal`], [`Error::NotSubmitted`], [`Error::InDispute`], [`Error::TooEarly`],
		/// [`Error::TooLate`], [`Error::NotDrawn`]. Emits [`Event::Disputed`] or [`Event::AuditSkipped`].
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::audit())]
		#[pallet::feeless_if(|origin: &OriginFor<T>, deal: &DealId| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| Pallet::<T>::check_free_audit(&who, *deal).is_ok())
		})]
		pub fn audit(origin: OriginFor<T>, deal: DealId) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_audit(deal)
		}

		/// Has mediators judge the result, with the terms' panel fee as a bond. What the panels cost is taken out of it if they
		/// confirm the result; otherwise it comes back whole.
		///
		/// Origin: signed, by the deal's creator or its delegate, from `draw_at` until `judge_by`. The bond is the caller's own; what
		/// a wrong result costs its provider goes to the creator. If the draw falls on the deal, the result is audited instead, and
		/// no bond is needed.
		///
		/// Errors: [`Error::UnknownDeal`], [`Error::NotCreator`], [`Error::NotSubmitted`], [`Error::InDispute`],
		/// [`Error::TooEarly`], [`Error::TooLate`], [`Error::NotVerifiable`], [`Error::NoPanel`], and the coin's own when there
		/// is too little for the bond. Emits [`Event::Disputed`].
		#[pallet::call_index(11)]
		#[pallet::weight(Pallet::<T>::disputing(Pallet::<T>::disputing(T::WeightInfo::challenge())))]
		pub fn challenge(origin: OriginFor<T>, deal: DealId, reason: Reason) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_challenge(&who, deal, reason)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A live deal.
		pub fn deal(id: DealId) -> Option<DealOf<T>> {
			Deals::<T>::get(id)
		}

		/// The terms of a live deal.
		pub fn terms(id: DealId) -> Option<Terms<T::AccountId>> {
			Deals::<T>::get(id).map(|deal| deal.terms)
		}

		/// What became of a provider's deals.
		pub fn record_of(provider: T::AccountId) -> Option<TrackRecord> {
			Bonds::<T>::get(provider).map(|bond| bond.record)
		}

		/// Whether a submitted result is to be audited. `None` while that is open, and when there is nothing to audit.
		pub fn is_drawn(id: DealId) -> Option<bool> {
			Self::drawn(id)
		}

		/// A provider's bond.
		pub fn bond_of(provider: T::AccountId) -> Option<BondOf<T>> {
			Bonds::<T>::get(provider)
		}
	}
}
