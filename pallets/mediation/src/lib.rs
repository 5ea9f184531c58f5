//! # Mediation
//!
//! Results are checked by running jobs again: a share of all results of deterministic modules, which the chain draws by lot,
//! and every result that its creator challenges. Mediators do that for a fee, and with a bond.
//!
//! ## Terminology
//!
//! * **Mediator**: an account with *tickets*, each with the same amount on hold behind it, that has said what it can run.
//! * **Era**: a number of blocks. What mediators change about tickets or machines holds from the next one on.
//! * **Case**: one deal in dispute, by an *audit* or by a *challenge*. See [`state`], the place to start.
//! * **Panel**: the mediators of a *round*: one for an audit, three for a challenge or after a disagreement, and at last the
//!   largest panel.
//! * **Output**: a block's verifiable random number. A *draw* hashes those of several consecutive blocks; see
//!   [`randomness`].
//! * **Vote**: what a mediator found, first *committed to* and later *revealed*.
//!
//! ## How a case goes
//!
//! 1. Deals open it. Randomness of the blocks *after* that draws a panel by the tickets of an era that has begun by then,
//!    from those who run such jobs, have a free slot, and are party to nothing.
//! 2. The mediators run the job and commit to what they found. Who does not is slashed and replaced, a few times.
//! 3. When all have committed they reveal, and the provider opens its seal. Nobody has anything to copy from.
//! 4. The votes decide ([`verdict`]), or call a larger panel, once or twice. The majority is paid, a vote that was proven
//!    wrong is slashed, and whoever did not show up is slashed harder.
//! 5. Whatever deadline lapses, anybody moves the case on with *expire*. `on_idle` does it for those who wait, and nothing
//!    depends on it. The one thing that can't be left to anybody is keeping the blocks' outputs: `on_initialize` does.
//!
//! ## Money
//!
//! This pallet holds the mediators' bonds and slashes them to the treasury. Everything that a case costs is held and paid by
//! deals.
//!
//! ## Free calls
//!
//! `commit_vote` and `reveal_vote` are feeless for whoever they are due from: predicate and call share a function in
//! `votes.rs`.
//!
//! ## Invariants
//!
//! Numbered in `try_state.rs`, and checked by [`Pallet::do_try_state`].
#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;
// The mock is shared with the simulation, which names this crate.
#[cfg(test)]
extern crate self as pallet_mediation;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod cases;
pub mod draw;
mod expire;
#[cfg(test)]
mod mock;
mod params;
pub mod randomness;
mod seam;
pub mod state;
#[cfg(test)]
mod tests;
mod tickets;
mod try_state;
pub mod verdict;
pub mod versions;
mod votes;
pub mod weights;

use frame_support::traits::fungible;
use lilypad_primitives::{Balance, BlockNumber, DealId, DueKey, MediationRules, Pricing};
pub use pallet::*;
pub use params::{PricingInForce, RulesInForce};
pub use randomness::BlockRandomness;
pub use state::{Capability, Case, Mediator, Parameters, Seat, SeatState, Stage};
pub use versions::{Era, Eras, Versioned};
pub use weights::WeightInfo;

/// Log target of this pallet.
pub(crate) const LOG: &str = "runtime::mediation";

/// A case of this runtime.
pub type CaseOf<T> = Case<<T as frame_system::Config>::AccountId>;
/// A mediator of this runtime.
pub type MediatorOf<T> = Mediator<<T as Config>::MaxTickets, <T as Config>::MaxUnbonding>;

#[frame_support::pallet]
pub mod pallet {
	use super::*;
	use frame_support::{pallet_prelude::*, weights::WeightMeter};
	use frame_system::pallet_prelude::*;
	use lilypad_primitives::{
		mediation::MAX_PANEL, traits::Arbitrable, Commitment, Dispute, Platform, Round, Verdict, Vote,
	};
	use state::MAX_SEATS;

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

		/// The blocks' random outputs.
		type Randomness: BlockRandomness;

		/// The deals that cases are about.
		type Deals: Arbitrable<Self::AccountId>;

		/// Where slashes go. The account must exist.
		type Treasury: Get<Self::AccountId>;

		/// Who sets the parameters.
		type GovernanceOrigin: EnsureOrigin<Self::RuntimeOrigin>;

		/// Prices until they are set.
		type DefaultPricing: Get<Pricing>;

		/// Rules until they are set.
		type DefaultRules: Get<MediationRules>;

		/// What is on hold behind each ticket.
		#[pallet::constant]
		type TicketPrice: Get<Balance>;

		/// For how many seats at a time one ticket must be able to pay every slash.
		#[pallet::constant]
		type SeatsPerTicket: Get<u32>;

		/// Most tickets of one mediator.
		#[pallet::constant]
		type MaxTickets: Get<u32>;

		/// Most parts of one bond that are unbonding at a time.
		#[pallet::constant]
		type MaxUnbonding: Get<u32>;

		/// Blocks that a bond stays on hold after its tickets were given up: two eras at least, in which it can still be drawn.
		#[pallet::constant]
		type UnbondingBlocks: Get<BlockNumber>;

		/// Blocks whose outputs one draw uses.
		#[pallet::constant]
		type DrawBlocks: Get<BlockNumber>;

		/// Most blocks from the first moment at which a result can be disputed to the verdict. No parameters are allowed with which it
		/// could take longer: what others keep for a verdict need be kept no longer.
		#[pallet::constant]
		type LongestCase: Get<BlockNumber>;

		/// The last blocks whose outputs are kept: as many as any draw can look back.
		#[pallet::constant]
		type KeptBlocks: Get<u32>;

		/// Most cases that the sweeper moves on in one block.
		#[pallet::constant]
		type MaxSweep: Get<u32>;

		/// Weights.
		type WeightInfo: WeightInfo;
	}

	/// Why money is on hold.
	#[pallet::composite_enum]
	pub enum HoldReason {
		/// Stands behind a mediator's tickets.
		MediatorBond,
	}

	/// The outputs of the last blocks: each block's at its number modulo [`Config::KeptBlocks`], with the number.
	// Twox64: nobody chooses the keys, and there are as many as is configured.
	#[pallet::storage]
	pub type Outputs<T: Config> = StorageMap<_, Twox64Concat, u32, (BlockNumber, [u8; 32])>;

	/// The mediators.
	#[pallet::storage]
	pub type Mediators<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, MediatorOf<T>>;

	/// Whose the ticket at each place is.
	// Twox64: places are counted up from zero.
	#[pallet::storage]
	pub type Tickets<T: Config> =
		StorageMap<_, Twox64Concat, u32, Versioned<Option<T::AccountId>>, ValueQuery>;

	/// How many places hold tickets: those from zero up to it.
	#[pallet::storage]
	pub type TicketCount<T: Config> = StorageValue<_, Versioned<u32>, ValueQuery>;

	/// How many places are stored: some behind the last ticket may have to be remembered for a while.
	#[pallet::storage]
	pub type StoredTickets<T: Config> = StorageValue<_, u32, ValueQuery>;

	/// How many mediators run jobs of each platform, from the next era on.
	// Twox64: there are three keys.
	#[pallet::storage]
	pub type Able<T: Config> = StorageMap<_, Twox64Concat, Platform, u32, ValueQuery>;

	/// The open cases, by their deals.
	// Twox64: the chain makes the ids.
	#[pallet::storage]
	pub type Cases<T: Config> = StorageMap<_, Twox64Concat, DealId, CaseOf<T>>;

	/// The first blocks in which anybody can move an open case on, in order.
	// Identity: the keys are big-endian numbers, so that the map is sorted. Users choose none of their bits.
	#[pallet::storage]
	pub type Due<T: Config> = StorageMap<_, Identity, DueKey, ()>;

	/// Where the sweeper goes on, if it met a case that it could not move on.
	#[pallet::storage]
	pub type SweepCursor<T: Config> = StorageValue<_, DueKey>;

	/// The parameters, once they have been set.
	// Whitelisted: however many jobs and deals a block has, these are read once.
	#[pallet::storage]
	#[pallet::whitelist_storage]
	pub type Params<T: Config> = StorageValue<_, Parameters>;

	/// How blocks are counted in eras, once their length has been changed.
	#[pallet::storage]
	pub type CurrentEras<T: Config> = StorageValue<_, Eras>;

	/// What a chain starts with.
	#[pallet::genesis_config]
	#[derive(frame_support::DefaultNoBound)]
	pub struct GenesisConfig<T: Config> {
		/// Prices and rules that differ from the configured ones.
		pub parameters: Option<Parameters>,
		/// For the configuration that they are checked with.
		#[serde(skip)]
		pub _config: core::marker::PhantomData<T>,
	}

	#[pallet::genesis_build]
	impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
		fn build(&self) {
			if let Some(parameters) = self.parameters {
				assert_eq!(
					Pallet::<T>::check_params(&parameters),
					Ok(()),
					"a chain starts with parameters that keep each other's promises"
				);
				Params::<T>::put(parameters);
			}
		}
	}

	/// What happened.
	#[pallet::event]
	#[pallet::generate_deposit(pub(crate) fn deposit_event)]
	pub enum Event<T: Config> {
		/// An account became a mediator. Its tickets count from the next era on.
		Registered {
			/// Who.
			mediator: T::AccountId,
			/// How many tickets it has.
			tickets: u32,
		},
		/// What a mediator can run from the next era on.
		CapabilitySet {
			/// Whose.
			mediator: T::AccountId,
			/// What it can run.
			capability: Capability,
		},
		/// How many tickets a mediator has from the next era on.
		TicketsChanged {
			/// Whose.
			mediator: T::AccountId,
			/// How many.
			tickets: u32,
		},
		/// A part of a bond can be withdrawn later.
		Unbonding {
			/// Whose.
			mediator: T::AccountId,
			/// How much.
			amount: Balance,
			/// The first block in which it can be withdrawn.
			releasable_at: BlockNumber,
		},
		/// A part of a bond was given back.
		Withdrawn {
			/// Whose.
			mediator: T::AccountId,
			/// How much.
			amount: Balance,
		},
		/// A part of a bond went to the treasury, for a vote that was missing or wrong.
		Slashed {
			/// Whose.
			mediator: T::AccountId,
			/// In whose case.
			deal: DealId,
			/// How much.
			amount: Balance,
			/// Tickets that the rest of the bond no longer covers.
			tickets_lost: u32,
		},
		/// Less was on hold than a slash should take. It can't happen; if it does, it must be seen.
		Shortfall {
			/// Whose bond.
			mediator: T::AccountId,
			/// How much could not be taken.
			missing: Balance,
		},
		/// A deal is in dispute.
		CaseOpened {
			/// The deal.
			deal: DealId,
			/// What it is about.
			dispute: Dispute,
		},
		/// A case has entered a stage.
		StageEntered {
			/// The deal.
			deal: DealId,
			/// The round.
			round: Round,
			/// The stage, with its deadline.
			stage: Stage,
		},
		/// Mediators were drawn: they have to run the deal's job and commit to a vote.
		PanelDrawn {
			/// The deal.
			deal: DealId,
			/// The round.
			round: Round,
			/// Who.
			mediators: BoundedVec<T::AccountId, ConstU32<MAX_PANEL>>,
		},
		/// A mediator has committed to a vote.
		VoteCommitted {
			/// The deal.
			deal: DealId,
			/// Who.
			mediator: T::AccountId,
		},
		/// A mediator has voted.
		VoteRevealed {
			/// The deal.
			deal: DealId,
			/// Who.
			mediator: T::AccountId,
			/// What it found.
			vote: Vote,
		},
		/// A case has ended.
		CaseClosed {
			/// The deal.
			deal: DealId,
			/// How.
			verdict: Verdict,
			/// Whose votes are paid, an entry for each: if the result was overturned, they have the right one.
			paid: BoundedVec<T::AccountId, ConstU32<MAX_SEATS>>,
		},
		/// The parameters were changed. Deals and cases that are open keep what was in force when they were opened.
		ParametersSet {
			/// The new ones.
			params: Parameters,
		},
	}

	/// Why a call failed.
	#[pallet::error]
	pub enum Error<T> {
		/// The account is no mediator. Call `register` first.
		NotMediator,
		/// The account is a mediator already. Use `add_tickets` and `set_capability`.
		AlreadyMediator,
		/// The number of tickets is zero, and there is nothing else to do.
		NoTickets,
		/// The mediator has not so many tickets.
		TooFewTickets,
		/// No mediator can have so many tickets.
		TooManyTickets,
		/// No platform is listed, or one of them twice.
		BadPlatforms,
		/// The machine has no processor time, no memory, or a GPU without memory.
		BadMachine,
		/// Too many parts of this bond are unbonding. Withdraw those that are due, or wait.
		TooManyUnbonding,
		/// No part of the bond is due to be given back. Look at the mediator's record for the block in which it will be.
		NothingToWithdraw,
		/// The bond is liable for votes in open cases. Vote, and withdraw once they are closed.
		BondLiable,
		/// The deal has no open case. It may have been closed: look for its `CaseClosed` event.
		NoCase,
		/// The case does not wait for a draw.
		NotDrawing,
		/// The case does not wait for commitments.
		NotCommitting,
		/// The case does not wait for votes: not all have committed.
		NotRevealing,
		/// It is too early. Try again after this many blocks (65,535 stands for more).
		TooEarly {
			/// Blocks to wait.
			wait: u16,
		},
		/// The deadline has passed. `expire` moves the case on.
		TooLate,
		/// The randomness for the draw is missing. `expire` moves the case on.
		NoRandomness,
		/// The account has no seat in the present panel.
		NotSeated,
		/// The mediator has committed before. A commitment can't be changed.
		AlreadyCommitted,
		/// The mediator has voted before.
		AlreadyRevealed,
		/// This is not the vote that was committed to. Check deal, round, vote and salt.
		WrongVote,
		/// The parameters are outside their bounds, or break each other's promises. The node's log says which.
		BadParameters,
		/// An amount left the range of the numbers.
		Overflow,
	}

	#[pallet::hooks]
	impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
		/// Keeps the last block's output. Draws rest on this: nobody can do it later.
		fn on_initialize(_: BlockNumberFor<T>) -> Weight {
			Self::keep_output(Self::now());
			T::WeightInfo::on_initialize()
		}

		/// Moves cases on that are due, as far as the block has room.
		fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
			let mut meter = WeightMeter::with_limit(remaining);
			Self::sweep(&mut meter);
			meter.consumed()
		}

		fn integrity_test() {
			assert!(
				T::DrawBlocks::get() >= 4,
				"fewer blocks than four leave a draw to too few authors"
			);
			assert!(T::TicketPrice::get() > 0, "a seat in a panel must cost something");
			assert!(
				T::MaxTickets::get() > 0 && T::MaxUnbonding::get() > 0,
				"nobody could be a mediator, or stop being one"
			);
			let params = Parameters {
				pricing: T::DefaultPricing::get(),
				rules: T::DefaultRules::get(),
			};
			assert_eq!(
				Self::check_params(&params),
				Ok(()),
				"the parameters keep each other's promises"
			);
		}

		#[cfg(feature = "try-runtime")]
		fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
			Self::do_try_state()
		}
	}

	#[pallet::call]
	impl<T: Config> Pallet<T> {
		/// Becomes a mediator with so many tickets, each with [`Config::TicketPrice`] on hold.
		///
		/// Origin: signed. `capability` says what the mediator's machine runs; with no slots it isn't drawn. All of it counts
		/// from the next era on.
		///
		/// Errors: [`Error::AlreadyMediator`], [`Error::NoTickets`], [`Error::TooManyTickets`], [`Error::BadPlatforms`],
		/// [`Error::BadMachine`], and the coin's own when there is too little. Emits [`Event::Registered`] and
		/// [`Event::CapabilitySet`].
		#[pallet::call_index(0)]
		#[pallet::weight(T::WeightInfo::register(*tickets))]
		pub fn register(origin: OriginFor<T>, capability: Capability, tickets: u32) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_register(&who, capability, tickets)
		}

		/// Says anew what the mediator's machine runs, from the next era on. Cases in which it sits are not affected.
		///
		/// Origin: signed, by a mediator.
		///
		/// Errors: [`Error::NotMediator`], [`Error::BadPlatforms`], [`Error::BadMachine`]. Emits [`Event::CapabilitySet`].
		#[pallet::call_index(1)]
		#[pallet::weight(T::WeightInfo::set_capability())]
		pub fn set_capability(origin: OriginFor<T>, capability: Capability) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_set_capability(&who, capability)
		}

		/// Bonds for more tickets, from the next era on. What slashes left of lost tickets is used up first.
		///
		/// Origin: signed, by a mediator.
		///
		/// Errors: [`Error::NotMediator`], [`Error::NoTickets`], [`Error::TooManyTickets`], and the coin's own when there is
		/// too little. Emits [`Event::TicketsChanged`].
		#[pallet::call_index(2)]
		#[pallet::weight(T::WeightInfo::add_tickets(*tickets))]
		pub fn add_tickets(origin: OriginFor<T>, tickets: u32) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_add_tickets(&who, tickets)
		}

		/// Gives tickets up, from the next era on. Their bond, and what slashes left of lost tickets, can be withdrawn after
		/// [`Config::UnbondingBlocks`]. With none left to give up, zero tickets unbond just such a rest.
		///
		/// Origin: signed, by a mediator.
		///
		/// Errors: [`Error::NotMediator`], [`Error::TooFewTickets`], [`Error::NoTickets`], [`Error::TooManyUnbonding`].
		/// Emits [`Event::TicketsChanged`] and [`Event::Unbonding`].
		#[pallet::call_index(3)]
		#[pallet::weight(T::WeightInfo::unbond_tickets(*tickets))]
		pub fn unbond_tickets(origin: OriginFor<T>, tickets: u32) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_unbond_tickets(&who, tickets)
		}

		/// Gives back what has been unbonding for long enough, unless the rest would not cover what open cases can cost.
		///
		/// Origin: signed, by a mediator.
		///
		/// Errors: [`Error::NotMediator`], [`Error::NothingToWithdraw`], [`Error::BondLiable`]. Emits [`Event::Withdrawn`].
		#[pallet::call_index(4)]
		#[pallet::weight(T::WeightInfo::withdraw())]
		pub fn withdraw(origin: OriginFor<T>) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_withdraw(&who)
		}

		/// Draws the panel of a case. The outcome is settled by then: it matters neither who draws nor when.
		///
		/// Origin: signed, by anybody, within the stage's blocks.
		///
		/// Errors: [`Error::NoCase`], [`Error::NotDrawing`], [`Error::TooEarly`], [`Error::TooLate`],
		/// [`Error::NoRandomness`]. Emits [`Event::PanelDrawn`] and [`Event::StageEntered`], or [`Event::CaseClosed`] when
		/// too few could be found.
		#[pallet::call_index(5)]
		#[pallet::weight(Pallet::<T>::closing(T::WeightInfo::draw()))]
		pub fn draw(origin: OriginFor<T>, deal: DealId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let weight = Self::do_draw(deal)?;
			Ok(Some(weight).into())
		}

		/// Commits to a vote: `commitment` is [`Vote::commitment`]. When all have, revealing begins at once.
		///
		/// Origin: signed, by a mediator of the present panel, until its deadline; free as long as it succeeds.
		///
		/// Errors: [`Error::NoCase`], [`Error::NotCommitting`], [`Error::TooLate`], [`Error::NotSeated`],
		/// [`Error::AlreadyCommitted`]. Emits [`Event::VoteCommitted`], and [`Event::StageEntered`] when it was the last.
		#[pallet::call_index(6)]
		#[pallet::weight(T::WeightInfo::commit_vote())]
		#[pallet::feeless_if(|origin: &OriginFor<T>, deal: &DealId, _commitment: &Commitment| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| Pallet::<T>::check_commit(&who, *deal).is_ok())
		})]
		pub fn commit_vote(origin: OriginFor<T>, deal: DealId, commitment: Commitment) -> DispatchResult {
			let who = ensure_signed(origin)?;
			Self::do_commit(&who, deal, commitment)
		}

		/// Reveals the vote that was committed to. When all have, and the provider has opened its seal, the round closes at
		/// once.
		///
		/// Origin: signed, by a mediator of the present panel, until its deadline; free as long as it succeeds.
		///
		/// Errors: [`Error::NoCase`], [`Error::NotRevealing`], [`Error::TooLate`], [`Error::NotSeated`],
		/// [`Error::AlreadyRevealed`], [`Error::WrongVote`]. Emits [`Event::VoteRevealed`], and when it was the last what
		/// follows.
		#[pallet::call_index(7)]
		#[pallet::weight(Pallet::<T>::closing(T::WeightInfo::reveal_vote()))]
		#[pallet::feeless_if(|origin: &OriginFor<T>, deal: &DealId, vote: &Vote, salt: &[u8; 32]| -> bool {
			ensure_signed(origin.clone()).is_ok_and(|who| Pallet::<T>::check_reveal(&who, *deal, vote, salt).is_ok())
		})]
		pub fn reveal_vote(
			origin: OriginFor<T>,
			deal: DealId,
			vote: Vote,
			salt: [u8; 32],
		) -> DispatchResultWithPostInfo {
			let who = ensure_signed(origin)?;
			Self::do_reveal(&who, deal, vote, salt)?;
			Ok(Some(Self::spent(deal, T::WeightInfo::reveal_vote())).into())
		}

		/// Moves a case on whose deadline has passed: replaces who has not committed, closes a round in which not all have
		/// revealed, or closes the case when no panel was drawn.
		///
		/// Origin: signed, by anybody.
		///
		/// Errors: [`Error::NoCase`], [`Error::TooEarly`]. Emits [`Event::Slashed`] for who was absent, and
		/// [`Event::StageEntered`] or [`Event::CaseClosed`].
		#[pallet::call_index(8)]
		#[pallet::weight(Pallet::<T>::closing(T::WeightInfo::expire()))]
		pub fn expire(origin: OriginFor<T>, deal: DealId) -> DispatchResultWithPostInfo {
			ensure_signed(origin)?;
			let weight = Self::do_expire(deal)?;
			Ok(Some(weight).into())
		}

		/// Sets prices and rules. What is open keeps those under which it was opened.
		///
		/// Origin: [`Config::GovernanceOrigin`]. The bounds are those of [`Pricing::check`] and [`MediationRules::check`].
		///
		/// Errors: [`Error::BadParameters`]. Emits [`Event::ParametersSet`].
		#[pallet::call_index(9)]
		#[pallet::weight(T::WeightInfo::set_parameters())]
		pub fn set_parameters(origin: OriginFor<T>, params: Parameters) -> DispatchResult {
			T::GovernanceOrigin::ensure_origin(origin)?;
			Self::do_set_parameters(params)
		}
	}

	#[pallet::view_functions]
	impl<T: Config> Pallet<T> {
		/// An open case.
		pub fn case(deal: DealId) -> Option<CaseOf<T>> {
			Cases::<T>::get(deal)
		}

		/// A mediator.
		pub fn mediator_of(who: T::AccountId) -> Option<MediatorOf<T>> {
			Mediators::<T>::get(who)
		}

		/// Prices and rules in force.
		pub fn parameters() -> Parameters {
			Self::params()
		}

		/// How blocks are counted in eras.
		pub fn eras_in_force() -> Eras {
			Self::eras()
		}

		/// Why these parameters can't be set; nothing, if they can.
		pub fn why_not(params: Parameters) -> Option<alloc::string::String> {
			Self::check_params(&params).err().map(Into::into)
		}
	}
}
