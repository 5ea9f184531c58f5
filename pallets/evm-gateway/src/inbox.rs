//! What happened over there, as relayers attest it.
//!
//! Everything has a number, and each number is decided once. Attestations to numbers come in any order; each member has one vote
//! on a number, and may change it while the number is not decided.

use crate::{
	requests, status, AllHandled, Books, BooksOf, BridgeSet, Config, Deposit, Error, Event, FirstKept,
	Handled, Inbound, Lane, LaneId, Message, OpenVotes, OutboxState, Outboxes, Pallet, Pending,
	PendingRequests, Request, Vote, Votes, MAX_AMOUNT,
};
use frame_support::{
	ensure,
	storage::with_storage_layer,
	traits::{fungible::Mutate, Get},
};
use lilypad_primitives::Balance;
use sp_core::H256;
use sp_runtime::{AccountId32, DispatchError, DispatchResult};

/// Numbers that can be open at the same time, counted from the first that is kept.
pub const WINDOW: u64 = 4_096;
/// Decided numbers that are kept, so that what a re-organisation put in their place is noticed.
pub const HISTORY: u64 = 1_024;

/// A member's vote on a number, counted with the others'.
pub(crate) struct Ballot {
	digest: H256,
	votes: Votes,
	/// How many members say the same, this one included.
	count: u32,
	/// Whether they are enough.
	pub(crate) quorum: bool,
	/// Whether this is the member's first word on the matter.
	pub(crate) first: bool,
}

/// An attestation that counts.
pub(crate) struct Attestation {
	lane: Lane,
	pub(crate) ballot: Ballot,
	/// What was decided about the number before, if it was something else.
	before: Option<Handled>,
}

impl<T: Config> Pallet<T> {
	/// For `attest` and its predicate: whatever passes can't fail.
	pub(crate) fn check_attest(
		who: &AccountId32,
		lane_id: LaneId,
		message: &Inbound,
	) -> Result<Attestation, Error<T>> {
		let lane = Self::open(lane_id)?;
		let (set, _) = Self::member_of(who, lane_id)?;
		let (id, amount) = (message.id(), message.amount());
		ensure!((1..=MAX_AMOUNT).contains(&amount), Error::BadAmount);
		let first_kept = FirstKept::<T>::get(lane_id);
		ensure!(id >= first_kept, Error::AlreadyHandled);
		ensure!(id - first_kept < WINDOW, Error::TooFarAhead);
		let digest = message.digest();
		let before = AllHandled::<T>::get(lane_id, id);
		let decided = before.is_some_and(|before| before.digest == digest || before.replaced);
		ensure!(!decided, Error::AlreadyHandled);

		let ballot = Self::count_vote(&set, who, (lane_id, id), digest, None)?;
		if ballot.quorum {
			Self::check_room(lane_id, &lane, message, before.is_some())?;
		}
		Ok(Attestation { lane, ballot, before })
	}

	/// Counts a member's vote on a number. It may take the place of a vote for `earlier` as if that had never been.
	pub(crate) fn count_vote(
		set: &BridgeSet,
		who: &AccountId32,
		(lane, id): (LaneId, u64),
		digest: H256,
		earlier: Option<H256>,
	) -> Result<Ballot, Error<T>> {
		let mut votes = OpenVotes::<T>::get(lane, id);
		let previous = votes
			.iter()
			.position(|vote| vote.member == *who)
			.map(|at| votes.remove(at).digest);
		// Members of earlier sets have no vote any more; so there is room for those of this one.
		votes.retain(|vote| set.position(&vote.member).is_some());
		let vote = Vote {
			member: who.clone(),
			digest,
		};
		votes.try_push(vote).map_err(|_| Error::NotMember)?;
		let count = votes.iter().filter(|vote| vote.digest == digest).count();
		let quorum = set.is_quorum(count);
		// A repeated vote decides if the others have become enough meanwhile, because the set has changed.
		ensure!(quorum || previous != Some(digest), Error::AlreadyAttested);
		Ok(Ballot {
			digest,
			votes,
			count: count as u32,
			quorum,
			first: previous.is_none_or(|previous| Some(previous) == earlier),
		})
	}

	/// Tells of a vote, and keeps it unless it has decided.
	pub(crate) fn cast(who: &AccountId32, lane: LaneId, id: u64, ballot: Ballot) {
		Self::deposit_event(Event::Attested {
			lane,
			id,
			member: who.clone(),
			digest: ballot.digest,
			votes: ballot.count,
		});
		if !ballot.quorum {
			OpenVotes::<T>::insert(lane, id, ballot.votes);
		}
	}

	/// Whether what reaches its quorum now can be dealt with now. If not, any member can try again later.
	fn check_room(lane_id: LaneId, lane: &Lane, message: &Inbound, gives_back: bool) -> Result<(), Error<T>> {
		let books = BooksOf::<T>::get(lane_id);
		ensure!(
			Outboxes::<T>::get(lane_id).room_for_more(&books, T::MaxBatches::get()),
			Error::OutboxFull
		);
		if gives_back || Self::plain_refusal(lane, message).is_some() {
			return Ok(());
		}
		if matches!(message, Inbound::Request(_)) {
			let has_room = OutboxState::room_for_request(&books, T::MaxBatches::get());
			ensure!(has_room, Error::OutboxFull);
		}
		let limits = &lane.limits;
		let room = books.inflow.room(limits.inflow, limits.period, Self::now());
		ensure!(message.amount() <= room, Error::RateLimited);
		Ok(())
	}

	/// Why this is given back whatever it asks for, if so.
	fn plain_refusal(lane: &Lane, message: &Inbound) -> Option<u8> {
		match message {
			Inbound::Request(request) if Self::unix_time() > request.accept_by => Some(status::EXPIRED),
			_ if message.amount() > lane.limits.largest => Some(status::REFUSED),
			_ => None,
		}
	}

	pub(crate) fn do_attest(
		who: &AccountId32,
		lane_id: LaneId,
		message: Inbound,
	) -> Result<bool, DispatchError> {
		let attestation = Self::check_attest(who, lane_id, &message)?;
		let id = message.id();
		let Ballot { digest, quorum, .. } = attestation.ballot;
		Self::cast(who, lane_id, id, attestation.ballot);
		if !quorum {
			return Ok(false);
		}
		Self::decide(
			lane_id,
			id,
			Handled {
				digest,
				amount: message.amount(),
				replaced: attestation.before.is_some(),
			},
		);
		let lane = &attestation.lane;
		let refusal = Self::plain_refusal(lane, &message);
		match (attestation.before, message) {
			(Some(before), message) => Self::replace(lane_id, before, message),
			(None, Inbound::Request(request)) => Self::handle_request(lane_id, lane, request, refusal),
			(None, Inbound::Deposit(deposit)) => Self::handle_deposit(lane_id, lane, deposit, refusal),
		}
		Ok(true)
	}

	/// Notes that a number is decided, and forgets what is long past.
	pub(crate) fn decide(lane: LaneId, id: u64, handled: Handled) {
		OpenVotes::<T>::remove(lane, id);
		AllHandled::<T>::insert(lane, id, handled);
		let mut first = FirstKept::<T>::get(lane);
		// Two steps each time catch up with any gap that has been filled.
		for _ in 0..2 {
			let newest_is_far = id >= first.saturating_add(HISTORY);
			if !newest_is_far || !AllHandled::<T>::contains_key(lane, first) {
				break;
			}
			AllHandled::<T>::remove(lane, first);
			// Whether a request was taken back is voted on for as long as the gateway waits for its answer.
			if !PendingRequests::<T>::contains_key(lane, first) {
				OpenVotes::<T>::remove(lane, first);
			}
			first = first.saturating_add(1);
		}
		FirstKept::<T>::insert(lane, first);
	}

	fn handle_request(lane_id: LaneId, lane: &Lane, request: Request, refusal: Option<u8>) {
		let taken = match refusal {
			Some(status) => Err(status),
			None => Self::take_up(lane, &request),
		};
		let ticket = request.ticket();
		match taken {
			Ok(job) => {
				Self::record_inflow(lane_id, lane, ticket.budget);
				Self::record_live(lane_id, lane, job, ticket);
			},
			Err(status) => {
				let answer = status::refusal(status, ticket.budget);
				Self::give_back(lane_id, Message::Answer { ticket, answer });
			},
		}
	}

	fn handle_deposit(lane_id: LaneId, lane: &Lane, deposit: Deposit, refusal: Option<u8>) {
		let Deposit {
			id,
			from,
			account,
			amount,
		} = deposit;
		// Fails when the account doesn't exist and the amount is too small to bring it into being.
		let credit = || -> DispatchResult { T::Currency::mint_into(&account, amount).map(|_| ()) };
		if refusal.is_none() && with_storage_layer(credit).is_ok() {
			Self::record_inflow(lane_id, lane, amount);
			Self::deposit_event(Event::BridgedIn {
				lane: lane_id,
				id,
				from,
				account,
				amount,
			});
		} else {
			let payout = Self::next_payout(lane_id, from, amount);
			Self::give_back(lane_id, Message::Payout(payout));
		}
	}

	/// Books what was minted.
	fn record_inflow(lane_id: LaneId, lane: &Lane, amount: Balance) {
		let limits = &lane.limits;
		Self::change_books(lane_id, |books| {
			books.received = books.received.saturating_add(amount);
			books.minted = books.minted.saturating_add(amount);
			books
				.inflow
				.fill(amount, limits.inflow, limits.period, Self::now());
		});
	}

	/// Books what came and goes back at once: nothing is minted for it.
	fn give_back(lane: LaneId, message: Message) {
		let amount = message.amount();
		Self::change_books(lane, |books| {
			books.received = books.received.saturating_add(amount);
			books.released = books.released.saturating_add(amount);
		});
		let batch = Self::push(lane, message);
		if let Message::Answer { ticket, .. } = message {
			PendingRequests::<T>::insert(lane, ticket.id, Pending::Answered(batch));
		}
	}

	/// A decided number turned out to be another's: a re-organisation has undone the first. Gives the second back, and books
	/// what was lost.
	fn replace(lane: LaneId, before: Handled, message: Inbound) {
		let id = message.id();
		Self::change_books(lane, |books| {
			books.lost = books.lost.saturating_add(before.amount)
		});
		Self::deposit_event(Event::Reorganised {
			lane,
			id,
			lost: before.amount,
		});
		let back = match message {
			Inbound::Request(request) => Message::Answer {
				ticket: request.ticket(),
				answer: status::refusal(status::REFUSED, request.budget),
			},
			Inbound::Deposit(deposit) => {
				Message::Payout(Self::next_payout(lane, deposit.from, deposit.amount))
			},
		};
		Self::give_back(lane, back);
	}

	/// Changes a lane's books.
	pub(crate) fn change_books<R>(lane: LaneId, change: impl FnOnce(&mut Books) -> R) -> R {
		BooksOf::<T>::mutate(lane, change)
	}

	/// What `attest` weighs at most.
	pub(crate) fn attest_weight() -> frame_support::weights::Weight {
		use crate::WeightInfo;
		T::WeightInfo::attest_deciding().saturating_add(requests::post_weight::<T>())
	}
}
