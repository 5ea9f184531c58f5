//! Why calls fail: a part of the pallet that is put into it when it is compiled.

use frame_support::pallet_macros::pallet_section;

/// The errors.
#[pallet_section]
mod errors {
	/// Why a call failed.
	#[pallet::error]
	pub enum Error<T> {
		/// There is no such module version. Names have the form `name:tag`.
		UnknownModule,
		/// The module version was withdrawn. Look for a newer tag.
		ModuleDelisted,
		/// The machine has or asks for no processor time, no memory, or a GPU without memory.
		BadMachine,
		/// The machine asked for is smaller than the least that the module declares.
		SpecTooSmall,
		/// The time limit is below the market's least, or above the market's or the module's longest.
		BadTimeLimit,
		/// The match window is shorter or longer than the market allows.
		BadMatchWindow,
		/// More retries than a job may have.
		TooManyRetries,
		/// The budget does not cover fee, tip and levy at the least rate.
		BudgetTooSmall,
		/// An input file's name is empty, no plain text, or used twice.
		BadFiles,
		/// No run that begins now could end before the deadline.
		DeadlineTooSoon,
		/// Creator and provider of a deal must differ.
		TargetIsCreator,
		/// The list of mediators is shorter than the largest panel.
		TooFewMediators,
		/// There is no such job. It may have ended: its events say how.
		UnknownJob,
		/// Only the job's creator may do that.
		NotCreator,
		/// The job has a deal, or its match window has not passed.
		NotExpired,
		/// The job has a deal, or its match window has passed.
		JobNotWaiting,
		/// The offer does not fit the job. The first rule that fails is the variant of `Mismatch` with this index.
		DoesNotFit {
			/// Index of the variant.
			mismatch: u8,
		},
		/// What is proposed already is as cheap. Find a cheaper offer.
		NotCheaper,
		/// What is proposed already is due. `conclude_match` makes it the deal.
		ProposalDue,
		/// What is proposed still stands. Try again when it is due: its event names the block.
		ProposalStands,
		/// No match is proposed for this job.
		NoProposal,
		/// There is no such offer.
		UnknownOffer,
		/// Only the offer's provider may do that.
		NotProvider,
		/// The provider has as many offers as it may. Withdraw one.
		TooManyOffers,
		/// An offer needs at least one slot.
		NoSlots,
		/// The rate is below the market's least.
		RateTooLow,
		/// An offer lists at least one platform, and none twice.
		BadPlatforms,
		/// The offer has deals that are not settled. Drain it: it goes when the last one has ended.
		OfferHasDeals,
		/// The offer is not active.
		OfferNotActive,
		/// The offer is not paused.
		OfferNotPaused,
		/// The offer is draining: it can only end. Post another one.
		OfferDraining,
		/// The peer's key is empty, or an address is empty or has unprintable characters.
		BadPeerAddress,
		/// There is no peer address to clear.
		NoPeer,
		/// There are no ids left.
		NoIdsLeft,
	}
}
