//! # The gateway to EVM chains
//!
//! Contracts on EVM chains buy computation here, and always get an answer; people send LP to and fro.
//!
//! ## Terminology
//!
//! * **Lane**: one gateway contract on one EVM chain, with its own bridge set, limits, numbers and books.
//! * **Bridge set**: the keys that speak for the gateway here, and for this chain there. A **quorum** is at least two thirds.
//! * **Member**: one secp256k1 key. Its EVM address is whose signatures count at the gateway; its account, the one that any wallet
//!   derives from an ECDSA key, is who attests and hands in signatures here.
//! * **Request**: a contract's order. It has a **ticket** (what the gateway remembers of it) and gets exactly one **answer**.
//! * **Deposit**, **payout**: LP that people send here, and there.
//! * **Wallet**: the account here of an address there. It has no key.
//! * **Batch**: the messages of one block for one lane. Members sign batches, not messages.
//!
//! ## What happens
//!
//! 1. *A contract locks LP at the gateway and asks for computation.* Members see it in a block that is final by the lane's rule and
//!    *attest* it ([`Pallet::attest`]), each on its own, in any order. Whoever sees something else has another vote for the same
//!    number; conflicting votes are counted apart.
//! 2. *A quorum says the same.* In that very call the contract's wallet is credited and the job posted. If it can't be, or the
//!    request's `accept_by` has passed, nothing is minted and an answer gives everything back.
//! 3. *The job ends*, whichever way. What was not spent, and any compensation, is burned in the same block, and the answer joins
//!    the block's batch.
//! 4. *Members sign the batch* ([`Pallet::sign`]) once its block has passed. With a quorum's signatures anybody can deliver its
//!    messages; [`Pallet::batch_proof`] hands out what the gateway wants to see.
//! 5. *Members say what was delivered* ([`Pallet::acknowledge`]); what a quorum calls delivered is forgotten.
//! 6. *Somebody sends LP here* by a deposit, attested like a request; or *there* ([`Pallet::bridge_out`]), by a payout.
//! 7. *A request is taken back at the gateway*, because nothing was proven to it for a month. Members attest that, too
//!    ([`Pallet::attest_exit`]): nothing is taken up or told for it any more, and what was paid for it is booked as lost.
//! 8. *The set changes* ([`Pallet::rotate`]) by the signatures of a quorum of the old one; the same bytes convince the gateway. Messages
//!    that were not delivered yet are signed anew.
//!
//! Members' calls are free as long as they succeed: predicate and call share their checks.
//!
//! ## Money
//!
//! [`Books`] has a lane's sums. LP is minted only for what a quorum says is locked, and burned before the gateway is told to let go
//! of it; so what circulates here for a lane is what its gateway holds for it. The budgets of live requests are *reserved*: nobody
//! can bridge out what an answer may still have to give back. Limits on value per time bound what forged attestations or a deep
//! re-organisation can mint, and what can be sent out.
//!
//! ## Invariants
//!
//! Numbered in `try_state.rs`, and checked by [`Pallet::do_try_state`].
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod bridge_set;
mod chains;
pub mod eip712;
mod exits;
mod inbox;
mod inputs;
mod limits;
#[cfg(test)]
mod mock;
mod outbox;
mod people;
mod requests;
pub mod status;
#[cfg(test)]
mod tests;
mod try_state;
mod types;
pub mod weights;

pub use bridge_set::{Signatures, KEPT_ROTATIONS};
pub use chains::Keys;
pub use inbox::{HISTORY, WINDOW};
pub use limits::Bucket;
pub use outbox::MAX_PRUNED;
pub use pallet::*;
pub use requests::wallet_of;
pub use types::*;
pub use weights::WeightInfo;

/// Log target of this pallet.
pub(crate) const LOG: &str = "runtime::evm-gateway";

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use crate::types::Member;
	use alloc::vec::Vec;
	use frame_support::{
		pallet_prelude::*,
		traits::{fungible, ConstU64, Time},
	};
	use frame_system::pallet_prelude::*;
	use lilypad_primitives::{
		traits::{Modules, PostJob},
		Balance, BlockNumber, JobId, Millis,
	};
	use sp_core::{H160, H256};
	use sp_runtime::AccountId32;

	#[pallet::pallet]
	pub struct Pallet<T>(_);

	/// How the pallet is set up.
	#[pallet::config]
	pub trait Config: frame_system::Config<AccountId = AccountId32> {
		/// The coin.
		type Currency: fungible::Mutate<AccountId32, Balance = Balance>;

		/// The chain's clock.
		type Time: Time<Moment = Millis>;

		/// The module registry.
		type Modules: Modules<AccountId32>;

		/// The market.
		type PostJob: PostJob<AccountId32>;

		/// Who registers lanes and sets their limits.
		type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Who pauses lanes, and resumes them.
		type PauseOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Blocks that a request's job waits for a match.
		#[pallet::constant]
		type MatchWindow: Get<BlockNumber>;

		/// How often a request's job is tried with another provider.
		#[pallet::constant]
		type Retries: Get<u8>;

		/// Most batches that a lane keeps, together with those that live requests may still need.
		#[pallet::constant]
		type MaxBatches: Get<u32>;

		/// Blocks without a message after which members may send a sign of life.
		#[pallet::constant]
		type Heartbeat: Get<BlockNumber>;

		/// Blocks for which a batch is kept that is ready, but was not said to be delivered.
		#[pallet::constant]
		type KeepBatches: Get<BlockNumber>;

		/// Weights.
		type WeightInfo: WeightInfo;
	}

	/// The lanes.
	// Twox64, here and below: lanes are made by governance, ids and numbers by chain and gateways. Nobody can choose them.
	#[pallet::storage]
	pub type Lanes<T: Config> = StorageMap<_, Twox64Concat, LaneId, Lane>;

	/// Whether everything is paused, whatever the lanes say.
	#[pallet::storage]
	pub type AllPaused<T: Config> = StorageValue<_, bool, ValueQuery>;

	/// The bridge set of each lane.
	#[pallet::storage]
	pub type Sets<T: Config> = StorageMap<_, Twox64Concat, LaneId, BridgeSet>;

	/// The last changes of each lane's set, by the new set's number: gateways have to be told of them, one after another.
	#[pallet::storage]
	pub type Rotations<T: Config> =
		StorageDoubleMap<_, Twox64Concat, LaneId, Twox64Concat, u64, Rotation, OptionQuery>;

	/// The LP that there were before any gateway made some: the genesis' total issuance.
	#[pallet::storage]
	pub type Endowment<T: Config> = StorageValue<_, Balance, ValueQuery>;

	/// Each lane's money.
	#[pallet::storage]
	pub type BooksOf<T: Config> = StorageMap<_, Twox64Concat, LaneId, Books, ValueQuery>;

	/// The lowest of the gateway's numbers about which something is kept; all before it are decided. They begin with 1.
	#[pallet::storage]
	pub type FirstKept<T: Config> = StorageMap<_, Twox64Concat, LaneId, u64, ValueQuery, ConstU64<1>>;

	/// What was decided about the gateway's numbers: none is decided twice.
	#[pallet::storage]
	pub type AllHandled<T: Config> =
		StorageDoubleMap<_, Twox64Concat, LaneId, Twox64Concat, u64, Handled, OptionQuery>;

	/// The votes on numbers that are not decided.
	#[pallet::storage]
	pub type OpenVotes<T: Config> =
		StorageDoubleMap<_, Twox64Concat, LaneId, Twox64Concat, u64, Votes, ValueQuery>;

	/// The requests whose jobs are alive.
	#[pallet::storage]
	pub type LiveRequests<T: Config> = StorageMap<_, Twox64Concat, JobId, Live>;

	/// The requests that the gateway waits to be told about, by its numbers: until their answers were delivered, or they were taken
	/// back there.
	#[pallet::storage]
	pub type PendingRequests<T: Config> =
		StorageDoubleMap<_, Twox64Concat, LaneId, Twox64Concat, u64, Pending, OptionQuery>;

	/// How many live requests each wallet has.
	#[pallet::storage]
	pub type Wallets<T: Config> = StorageMap<_, Blake2_128Concat, AccountId32, u32, ValueQuery>;

	/// The job that is being cancelled for its delegate. Never outlives the call.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type Cancelling<T: Config> = StorageValue<_, JobId>;

	/// Each lane's numbers of batches and payouts.
	#[pallet::storage]
	pub type Outboxes<T: Config> = StorageMap<_, Twox64Concat, LaneId, OutboxState, ValueQuery>;

	/// The batches that are kept.
	#[pallet::storage]
	pub type AllBatches<T: Config> =
		StorageDoubleMap<_, Twox64Concat, LaneId, Twox64Concat, BatchId, Batch, OptionQuery>;

	/// Up to where each member says that batches were delivered: all before this one.
	#[pallet::storage]
	pub type Delivered<T: Config> =
		StorageDoubleMap<_, Twox64Concat, LaneId, Blake2_128Concat, AccountId32, BatchId, ValueQuery>;

	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// A lane was registered.
		LaneRegistered {
			/// The lane.
			lane: LaneId,
			/// EIP-155 id of its chain.
			chain: u64,
			/// The gateway's contract.
			gateway: H160,
		},
		/// A lane's finality rule or limits were set.
		LaneSet {
			/// The lane.
			lane: LaneId,
			/// What relayers go by.
			finality: FinalityRule,
			/// How much LP may pass.
			limits: Limits,
		},
		/// A lane was paused or resumed.
		LanePaused {
			/// The lane.
			lane: LaneId,
			/// Whether it is paused now.
			paused: bool,
		},
		/// All lanes were paused, or left to their own switches again.
		AllPaused {
			/// Whether all are paused now.
			paused: bool,
		},
		/// A bridge set came into office.
		SetSeated {
			/// The lane.
			lane: LaneId,
			/// The set's number.
			set: u64,
			/// How many members are a quorum.
			threshold: u8,
			/// The members.
			members: BoundedVec<Member, ConstU32<MAX_MEMBERS>>,
		},
		/// A member said what a number of the gateway's stands for.
		Attested {
			/// The lane.
			lane: LaneId,
			/// The number.
			id: u64,
			/// The member.
			member: AccountId32,
			/// What it said.
			digest: H256,
			/// How many say the same now.
			votes: u32,
		},
		/// A request's job was posted.
		RequestTakenUp {
			/// The lane.
			lane: LaneId,
			/// The gateway's number of the request.
			id: u64,
			/// Its job.
			job: JobId,
			/// The account that pays.
			wallet: AccountId32,
		},
		/// A deposit was credited.
		BridgedIn {
			/// The lane.
			lane: LaneId,
			/// The gateway's number of the deposit.
			id: u64,
			/// Who sent it.
			from: H160,
			/// To whom.
			account: AccountId32,
			/// How much.
			amount: Balance,
		},
		/// Somebody sent LP to an address there.
		BridgedOut {
			/// The lane.
			lane: LaneId,
			/// The payout's number.
			nonce: u64,
			/// Who.
			from: AccountId32,
			/// To whom.
			to: H160,
			/// How much.
			amount: Balance,
		},
		/// What a wallet had to spare was sent to its address.
		Released {
			/// The lane.
			lane: LaneId,
			/// The payout's number.
			nonce: u64,
			/// The address.
			address: H160,
			/// How much.
			amount: Balance,
		},
		/// A message to the gateway joined a batch.
		MessageQueued {
			/// The lane.
			lane: LaneId,
			/// The batch.
			batch: BatchId,
			/// The message.
			message: Message,
		},
		/// There is nothing to tell the gateway, and it is told that.
		Heartbeat {
			/// The lane.
			lane: LaneId,
			/// The batch.
			batch: BatchId,
		},
		/// A member signed a batch.
		BatchSigned {
			/// The lane.
			lane: LaneId,
			/// The batch.
			batch: BatchId,
			/// The member.
			member: AccountId32,
			/// Whether it can be delivered now.
			ready: bool,
		},
		/// A member said what was delivered.
		Acknowledged {
			/// The lane.
			lane: LaneId,
			/// The member.
			member: AccountId32,
			/// All batches before this one, it says.
			before: BatchId,
			/// All batches before this one, a quorum says.
			delivered: BatchId,
		},
		/// A lane's oldest batches were removed: they were delivered, or had been ready for long.
		BatchesPruned {
			/// The lane.
			lane: LaneId,
			/// How many.
			batches: u32,
			/// All batches before this one are gone.
			before: BatchId,
		},
		/// A number that was decided stands for something else now: the EVM chain was re-organised deeper than the lane's
		/// finality rule allows for. What was minted for the first is not backed any more.
		Reorganised {
			/// The lane.
			lane: LaneId,
			/// The number.
			id: u64,
			/// How much the gateway is short of.
			lost: Balance,
		},
		/// A request was taken back at the gateway, because nothing was proven to it for long. Nothing is told about it any more.
		Exited {
			/// The lane.
			lane: LaneId,
			/// The request's number.
			id: u64,
			/// How much the gateway gave back.
			amount: Balance,
			/// How much of that is not backed by what this chain had told, or holds: it was spent on the job, or may still be.
			lost: Balance,
		},
		/// The job of a request that had been taken back has ended; what it has left over makes up for part of what was lost.
		Recovered {
			/// The lane.
			lane: LaneId,
			/// The request's number.
			id: u64,
			/// How much.
			amount: Balance,
		},
	}

	/// Why a call failed.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such lane.
		UnknownLane,
		/// A lane has this number already. Numbers are part of what was signed, and not used again.
		LaneTaken,
		/// Another lane serves this gateway.
		GatewayTaken,
		/// Neither chain id nor gateway can be zero.
		BadGateway,
		/// A block is not final before another one stands on it.
		BadFinality,
		/// The least amount must be above zero and no larger than the largest, which must fit through either limit; the period is at
		/// least a block.
		BadLimits,
		/// A set has 1 to 32 members by ascending address, and at least two thirds of them are a quorum.
		BadSet,
		/// The lane, or everything, is paused. Wait for governance.
		Paused,
		/// The account is no member of the lane's bridge set.
		NotMember,
		/// The amount is zero, or larger than the lane lets pass at once. Send it in parts.
		BadAmount,
		/// The number is decided. There is nothing to add.
		AlreadyHandled,
		/// Lower numbers must be decided first: look for logs that were missed.
		TooFarAhead,
		/// This member has said just that.
		AlreadyAttested,
		/// The lane has too many undelivered messages. Deliver, acknowledge, and try again.
		OutboxFull,
		/// The lane's limit for now is used up. Try again later.
		RateLimited,
		/// There is no such batch. It may have been delivered and forgotten.
		UnknownBatch,
		/// More messages may join the batch in this block. Sign it in the next.
		BatchIncomplete,
		/// The batch can be delivered: it needs no more signatures.
		EnoughSignatures,
		/// The member has signed already.
		AlreadySigned,
		/// This is no member's signature of what has to be signed, or not in the form that the gateway takes.
		BadSignature,
		/// Fewer signatures than a quorum.
		NoQuorum,
		/// This, or more, is known already.
		NothingNew,
		/// A sign of life is not due yet.
		TooEarly,
		/// No batch can be removed yet.
		NothingToPrune,
		/// LP can't be sent to this address.
		BadAddress,
		/// The gateway does not hold this much besides what it may have to give back. Use another lane, or wait.
		LaneShort,
		/// The wallet has less to spare than the lane's least amount, or the lane can't pay out as much now.
		NothingToRelease,
		/// There is no live request with this job.
		UnknownRequest,
		/// Only the delegate that the request names may do that.
		NotDelegate,
		/// There are no more numbers.
		OutOfNumbers,
		/// The amount is below the lane's least: delivering it costs more than it is worth. Send more at once.
		TooLittle,
	}

	/// Nothing is set up; but what the genesis of balances has issued is kept in mind.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		#[serde(skip)]
		_config: PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			use fungible::Inspect;
			Endowment::<T>::put(T::Currency::total_issuance());
		}
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		fn integrity_test() {
			assert!(T::MaxBatches::get() > 0, "nothing could ever be sent");
			assert!(T::Heartbeat::get() > 0, "every block would be a sign of life");
			assert!(T::MatchWindow::get() > 0, "no job could be matched");
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Registers a gateway and the set that speaks for it.
		///
		/// Origin: [`Config::GovernanceOrigin`]. `lane` is the number that the gateway's contract has; `keys` are public keys by
		/// ascending address.
		///
		/// Errors: [`Error::LaneTaken`], [`Error::GatewayTaken`], [`Error::BadGateway`], [`Error::BadFinality`],
		/// [`Error::BadLimits`], [`Error::BadSet`]. Emits [`Event::LaneRegistered`] and [`Event::SetSeated`].
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register_lane(keys.len() as u32))]
		#[allow(clippy::too_many_arguments)]
		pub fn register_lane(
			origin: OriginFor<T>,
			lane: LaneId,
			chain: u64,
			gateway: H160,
			finality: FinalityRule,
			limits: Limits,
			threshold: u8,
			keys: Keys,
		) -> DispatchResult {
			T::GovernanceOrigin::ensure_origin(origin)?;
			let registration = chains::Registration {
				chain,
				gateway,
				finality,
				limits,
				threshold,
				keys,
			};
			Self::do_register(lane, registration)
		}

		/// Sets a lane's finality rule and limits.
		///
		/// Origin: [`Config::GovernanceOrigin`].
		///
		/// Errors: [`Error::UnknownLane`], [`Error::BadFinality`], [`Error::BadLimits`]. Emits [`Event::LaneSet`].
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::set_lane())]
		pub fn set_lane(
			origin: OriginFor<T>,
			lane: LaneId,
			finality: FinalityRule,
			limits: Limits,
		) -> DispatchResult {
			T::GovernanceOrigin::ensure_origin(origin)?;
			Self::do_set_lane(lane, finality, limits)
		}

		/// Pauses a lane, or resumes it. While it is paused nothing is attested, signed or sent; jobs go on, and their answers
		/// wait in the outbox.
		///
		/// Origin: [`Config::PauseOrigin`].
		///
		/// Errors: [`Error::UnknownLane`]. Emits [`Event::LanePaused`].
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::pause_lane())]
		pub fn pause_lane(origin: OriginFor<T>, lane: LaneId, paused: bool) -> DispatchResult {
			T::PauseOrigin::ensure_origin(origin)?;
			Self::do_pause_lane(lane, paused)
		}

		/// Pauses all lanes, or leaves them to their own switches again.
		///
		/// Origin: [`Config::PauseOrigin`]. Emits [`Event::AllPaused`].
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::pause_all())]
		pub fn pause_all(origin: OriginFor<T>, paused: bool) -> DispatchResult {
			T::PauseOrigin::ensure_origin(origin)?;
			Self::do_pause_all(paused);
			Ok(())
		}

		/// Says what a number of the gateway's stands for. The vote that makes a quorum takes the request up, or credits the
		/// deposit; what can't be taken up is given back.
		///
		/// Origin: signed, by a member of the lane's set; free for a member's first vote on a number, as long as it succeeds. A
		/// member that was mistaken votes again.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::Paused`], [`Error::NotMember`], [`Error::BadAmount`],
		/// [`Error::AlreadyHandled`], [`Error::TooFarAhead`], [`Error::AlreadyAttested`], [`Error::OutboxFull`],
		/// [`Error::RateLimited`]. Emits [`Event::Attested`]; with a quorum [`Event::RequestTakenUp`], [`Event::BridgedIn`],
		/// or [`Event::MessageQueued`] with what is given back, after [`Event::Reorganised`] if the number was another's.
		#[pallet::call_index(4)]
		#[pallet::weight(Pallet::<T>::attest_weight())]
		#[pallet::feeless_if(|origin: &OriginFor<T>, lane: &LaneId, message: &Inbound| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| {
				Pallet::<T>::check_attest(&who, *lane, message).is_ok_and(|attestation| attestation.ballot.first)
			})
		})]
		pub fn attest(origin: OriginFor<T>, lane: LaneId, message: Inbound) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let decided = Self::do_attest(&who, lane, message)?;
			Ok((!decided).then(T::WeightInfo::attest_voting).into())
		}

		/// Hands in a signature under a batch.
		///
		/// Origin: signed, by a member of the lane's set; free as long as it succeeds. The signature is over the EIP-712 digest
		/// that [`Pallet::batch_to_sign`] names, by the key whose account signs the transaction, with `v` 27 or 28 and the lower
		/// `s`.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::Paused`], [`Error::NotMember`], [`Error::UnknownBatch`],
		/// [`Error::BatchIncomplete`], [`Error::EnoughSignatures`], [`Error::AlreadySigned`], [`Error::BadSignature`]. Emits
		/// [`Event::BatchSigned`].
		#[pallet::call_index(5)]
		#[pallet::weight(T::WeightInfo::sign())]
		#[pallet::feeless_if(|origin: &OriginFor<T>, lane: &LaneId, batch: &BatchId, signature: &Signature| -> bool {
			ensure_signed(origin.clone())
				.is_ok_and(|who| Pallet::<T>::check_sign(&who, *lane, *batch, signature).is_ok())
		})]
		pub fn sign(
			origin: OriginFor<T>,
			lane: LaneId,
			batch: BatchId,
			signature: Signature,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_sign(&who, lane, batch, signature)
		}

		/// Says that all batches before this one were delivered whole. What a quorum says is believed, and forgotten.
		///
		/// Origin: signed, by a member of the lane's set; free as long as it succeeds.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::Paused`], [`Error::NotMember`], [`Error::UnknownBatch`],
		/// [`Error::NothingNew`]. Emits [`Event::BatchesPruned`] if something is forgotten, and [`Event::Acknowledged`].
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::acknowledge(MAX_PRUNED * MAX_MESSAGES))]
		#[pallet::feeless_if(|origin: &OriginFor<T>, lane: &LaneId, before: &BatchId| -> bool {
			ensure_signed(origin.clone())
				.is_ok_and(|who| Pallet::<T>::check_acknowledge(&who, *lane, *before).is_ok())
		})]
		pub fn acknowledge(
			origin: OriginFor<T>,
			lane: LaneId,
			before: BatchId,
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let forgotten = Self::do_acknowledge(&who, lane, before)?;
			Ok(Some(T::WeightInfo::acknowledge(forgotten)).into())
		}

		/// Opens a batch without messages, so that the gateway hears of this chain although there is nothing to tell.
		///
		/// Origin: signed, by a member of the lane's set; free as long as it succeeds.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::Paused`], [`Error::NotMember`], [`Error::OutboxFull`],
		/// [`Error::TooEarly`]. Emits [`Event::Heartbeat`].
		#[pallet::call_index(7)]
		#[pallet::weight(T::WeightInfo::heartbeat())]
		#[pallet::feeless_if(|origin: &OriginFor<T>, lane: &LaneId| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| Pallet::<T>::check_heartbeat(&who, *lane).is_ok())
		})]
		pub fn heartbeat(origin: OriginFor<T>, lane: LaneId) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_heartbeat(&who, lane)
		}

		/// Puts the next bridge set into office.
		///
		/// Origin: signed, by anybody who has the signatures of a quorum of the set in office. They are over the EIP-712 digest
		/// that [`Pallet::rotation_to_sign`] names, the same that the gateway wants to see. `keys` are public keys by
		/// ascending address. A paused lane's set can be changed too.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::BadSet`], [`Error::BadSignature`], [`Error::AlreadySigned`],
		/// [`Error::NoQuorum`]. Emits [`Event::SetSeated`].
		#[pallet::call_index(8)]
		#[pallet::weight(T::WeightInfo::rotate(keys.len() as u32, signatures.len() as u32))]
		pub fn rotate(
			origin: OriginFor<T>,
			lane: LaneId,
			threshold: u8,
			keys: Keys,
			signatures: Signatures,
		) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_rotate(lane, threshold, keys, signatures)
		}

		/// Removes up to [`MAX_PRUNED`] of a lane's oldest batches: those that were delivered, and those that have been ready
		/// for [`Config::KeepBatches`] blocks.
		///
		/// Origin: signed, by anybody.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::NothingToPrune`]. Emits [`Event::BatchesPruned`].
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::prune(MAX_PRUNED * MAX_MESSAGES))]
		pub fn prune(origin: OriginFor<T>, lane: LaneId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let forgotten = Self::do_prune(lane)?;
			Ok(Some(T::WeightInfo::prune(forgotten)).into())
		}

		/// Sends LP to an address on the lane's chain. It is burned here and paid out there.
		///
		/// Origin: signed.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::Paused`], [`Error::BadAddress`], [`Error::TooLittle`],
		/// [`Error::BadAmount`], [`Error::LaneShort`], [`Error::RateLimited`], [`Error::OutboxFull`], and the coin's own when there is too little.
		/// Emits [`Event::BridgedOut`] and [`Event::MessageQueued`].
		#[pallet::call_index(10)]
		#[pallet::weight(T::WeightInfo::bridge_out())]
		pub fn bridge_out(
			origin: OriginFor<T>,
			lane: LaneId,
			to: H160,
			#[pallet::compact] amount: Balance,
		) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_bridge_out(who, lane, to, amount)
		}

		/// Sends what an address' wallet has to spare to that address: compensation that an answer had no room for, or LP that
		/// somebody sent there. Less than the lane's least amount waits in the wallet for more.
		///
		/// Origin: signed, by anybody.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::Paused`], [`Error::OutboxFull`], [`Error::NothingToRelease`]. Emits
		/// [`Event::Released`] and [`Event::MessageQueued`].
		#[pallet::call_index(11)]
		#[pallet::weight(T::WeightInfo::release())]
		pub fn release(origin: OriginFor<T>, lane: LaneId, address: H160) -> DispatchResult {
			ensure_signed(origin)?;
			Self::do_release(lane, address)
		}

		/// Cancels a request's job. What that costs, the market says.
		///
		/// Origin: signed, by the delegate that the request names.
		///
		/// Errors: [`Error::UnknownRequest`], [`Error::NotDelegate`], and the market's own. Emits
		/// [`Event::MessageQueued`] with the answer.
		#[pallet::call_index(12)]
		#[pallet::weight(T::WeightInfo::cancel().saturating_add(T::PostJob::cancel_weight()))]
		pub fn cancel(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			let market = Self::do_cancel(&who, job)?;
			Ok(Some(T::WeightInfo::cancel().saturating_add(market)).into())
		}

		/// Says that a request was taken back at the gateway. The vote that makes a quorum books it: a request that is not decided
		/// never is taken up, one that is live gets no answer, and what was paid for it is lost to the lane.
		///
		/// Origin: signed, by a member of the lane's set; free for a member's first vote on the exit, as long as it succeeds.
		///
		/// Errors: [`Error::UnknownLane`], [`Error::Paused`], [`Error::NotMember`], [`Error::BadAmount`],
		/// [`Error::AlreadyHandled`] when the request's answer was delivered, its exit is booked, or the number is another's,
		/// [`Error::TooFarAhead`], [`Error::AlreadyAttested`], [`Error::OutboxFull`]. Emits [`Event::Attested`]; with a quorum
		/// [`Event::Exited`], after [`Event::MessageQueued`] if compensation is still due.
		#[pallet::call_index(13)]
		#[pallet::weight(T::WeightInfo::attest_exit())]
		#[pallet::feeless_if(|origin: &OriginFor<T>, lane: &LaneId, ticket: &Ticket| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| {
				Pallet::<T>::check_exit(&who, *lane, ticket).is_ok_and(|attestation| attestation.ballot.first)
			})
		})]
		pub fn attest_exit(origin: OriginFor<T>, lane: LaneId, ticket: Ticket) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_attest_exit(&who, lane, ticket)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// A lane.
		pub fn lane(lane: LaneId) -> Option<Lane> {
			Lanes::<T>::get(lane)
		}

		/// A lane's bridge set.
		pub fn bridge_set(lane: LaneId) -> Option<BridgeSet> {
			Sets::<T>::get(lane)
		}

		/// A lane's money.
		pub fn books(lane: LaneId) -> Books {
			BooksOf::<T>::get(lane)
		}

		/// The account of an address on a chain.
		pub fn wallet(chain: u64, address: H160) -> AccountId32 {
			wallet_of(chain, address)
		}

		/// A batch.
		pub fn batch(lane: LaneId, batch: BatchId) -> Option<Batch> {
			AllBatches::<T>::get(lane, batch)
		}

		/// The EIP-712 digest that members of the set in office sign for a batch.
		pub fn batch_to_sign(lane: LaneId, batch: BatchId) -> Option<H256> {
			let (settings, set) = (Lanes::<T>::get(lane)?, Sets::<T>::get(lane)?);
			let batch = AllBatches::<T>::get(lane, batch)?;
			Some(batch.digest(lane, &settings, set.number))
		}

		/// What the gateway takes as a batch's proof, once a quorum has signed.
		pub fn batch_proof(lane: LaneId, batch: BatchId) -> Option<Vec<u8>> {
			Self::proof_of_batch(lane, batch)
		}

		/// The EIP-712 digest that members of the set in office sign for a next set with these addresses.
		pub fn rotation_to_sign(
			lane: LaneId,
			threshold: u8,
			members: BoundedVec<H160, ConstU32<MAX_MEMBERS>>,
		) -> Option<H256> {
			let (settings, set) = (Lanes::<T>::get(lane)?, Sets::<T>::get(lane)?);
			let next = set.number.checked_add(1)?;
			let message = eip712::rotate(lane, set.number, next, threshold, members.into_iter());
			let domain = eip712::domain(settings.chain, settings.gateway);
			Some(eip712::digest(domain, message))
		}

		/// How the set with this number came into office, for a gateway that was not told yet.
		pub fn rotation(lane: LaneId, set: u64) -> Option<Rotation> {
			Rotations::<T>::get(lane, set)
		}
	}
}
