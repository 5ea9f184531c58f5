//! What this chain tells the gateways: a batch for each block in which there is something to tell.

use crate::{
	eip712, AllBatches, Batch, BatchId, Books, BridgeSet, Config, Delivered, Error, Event, Lane, LaneId,
	Message, OutboxState, Outboxes, Pallet, Payout, Pending, PendingRequests, Sets, Signature, Signed,
};
use alloc::vec::Vec;
use frame_support::{
	ensure,
	traits::{Get, Time},
};
use lilypad_primitives::{Balance, BlockNumber};
use sp_core::H160;
use sp_runtime::{AccountId32, DispatchError, DispatchResult, SaturatedConversion};

/// Most batches that one call removes.
pub const MAX_PRUNED: u32 = 16;

impl OutboxState {
	/// Whether there is room for one message more, besides the answers that live requests will get.
	pub fn room_for_more(&self, books: &Books, most: u32) -> bool {
		let kept = self.next.saturating_sub(self.oldest);
		kept.saturating_add(books.live.into()) < u64::from(most)
	}

	/// Whether one request more may be taken up. Each live one has a place for its answer, for as long as its job takes: they
	/// get three quarters of all places at most, so that nobody can fill a lane with requests and shut it for refusals,
	/// deposits and payouts.
	pub fn room_for_request(books: &Books, most: u32) -> bool {
		u64::from(books.live) * 4 < u64::from(most) * 3
	}
}

/// What was removed.
#[derive(Default)]
struct Pruned {
	batches: u32,
	messages: u32,
}

/// A signature that counts.
pub(crate) struct NewSignature {
	batch: Batch,
	set: BridgeSet,
	member: usize,
}

impl<T: Config> Pallet<T> {
	/// This block.
	pub(crate) fn now() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// This block's time, in seconds since 1970.
	pub(crate) fn unix_time() -> u64 {
		T::Time::now() / 1_000
	}

	/// A payout with the next number.
	pub(crate) fn next_payout(lane: LaneId, to: H160, amount: Balance) -> Payout {
		Outboxes::<T>::mutate(lane, |outbox| {
			let nonce = outbox.next_payout;
			outbox.next_payout = nonce.saturating_add(1);
			Payout { nonce, to, amount }
		})
	}

	/// Puts a message into this block's batch, which it returns. Can't fail.
	pub(crate) fn push(lane: LaneId, message: Message) -> BatchId {
		let mut outbox = Outboxes::<T>::get(lane);
		let batch = Self::append(lane, &outbox, message)
			.unwrap_or_else(|| Self::new_batch(lane, &mut outbox, Some(message)));
		Outboxes::<T>::insert(lane, outbox);
		Self::deposit_event(Event::MessageQueued { lane, batch, message });
		batch
	}

	/// Adds a message to the newest batch, if that is of this block and has room.
	fn append(lane: LaneId, outbox: &OutboxState, message: Message) -> Option<BatchId> {
		let newest = outbox
			.next
			.checked_sub(1)
			.filter(|_| outbox.latest == Self::now())?;
		AllBatches::<T>::mutate(lane, newest, |batch| {
			let open = batch.as_mut().filter(|batch| batch.block == Self::now())?;
			open.messages.try_push(message).ok().map(|()| newest)
		})
	}

	fn new_batch(lane: LaneId, outbox: &mut OutboxState, message: Option<Message>) -> BatchId {
		let id = outbox.next;
		outbox.next = id.saturating_add(1);
		outbox.latest = Self::now();
		let mut messages = frame_support::BoundedVec::new();
		if let Some(message) = message {
			messages.force_push(message);
		}
		let batch = Batch {
			block: Self::now(),
			time: Self::unix_time(),
			messages,
			set: Sets::<T>::get(lane).map_or(0, |set| set.number),
			signatures: Default::default(),
		};
		AllBatches::<T>::insert(lane, id, batch);
		id
	}

	pub(crate) fn ensure_room_for_message(lane: LaneId) -> Result<(), Error<T>> {
		let books = crate::BooksOf::<T>::get(lane);
		let outbox = Outboxes::<T>::get(lane);
		ensure!(
			outbox.room_for_more(&books, T::MaxBatches::get()),
			Error::OutboxFull
		);
		Ok(())
	}

	/// How much can be sent out now.
	pub(crate) fn outflow_room(id: LaneId) -> Balance {
		let Ok(Lane { limits, .. }) = Self::existing(id) else {
			return 0;
		};
		let books = crate::BooksOf::<T>::get(id);
		books.outflow.room(limits.outflow, limits.period, Self::now())
	}

	/// Counts what is sent out against the limit.
	pub(crate) fn record_outflow(id: LaneId, amount: Balance) {
		if let (Ok(Lane { limits, .. }), true) = (Self::existing(id), amount > 0) {
			Self::change_books(id, |books| {
				books
					.outflow
					.fill(amount, limits.outflow, limits.period, Self::now());
			});
		}
	}

	/// For `sign` and its predicate.
	pub(crate) fn check_sign(
		who: &AccountId32,
		lane_id: LaneId,
		id: BatchId,
		signature: &Signature,
	) -> Result<NewSignature, Error<T>> {
		let lane = Self::open(lane_id)?;
		let (set, member) = Self::member_of(who, lane_id)?;
		let mut batch = AllBatches::<T>::get(lane_id, id).ok_or(Error::UnknownBatch)?;
		ensure!(batch.block < Self::now(), Error::BatchIncomplete);
		if batch.set != set.number {
			batch.set = set.number;
			batch.signatures = Default::default();
		}
		ensure!(!set.is_quorum(batch.signatures.len()), Error::EnoughSignatures);
		let signed = batch.signatures.iter().any(|s| usize::from(s.member) == member);
		ensure!(!signed, Error::AlreadySigned);
		// Last, because it costs most.
		let digest = batch.digest(lane_id, &lane, set.number);
		let address = set.members.get(member).map(|member| member.address);
		ensure!(
			address.is_some() && eip712::signer(signature, digest) == address,
			Error::BadSignature
		);
		Ok(NewSignature { batch, set, member })
	}

	pub(crate) fn do_sign(
		who: &AccountId32,
		lane: LaneId,
		id: BatchId,
		signature: Signature,
	) -> DispatchResult {
		let NewSignature {
			mut batch,
			set,
			member,
		} = Self::check_sign(who, lane, id, &signature)?;
		let member = member as u8;
		let at = batch.signatures.partition_point(|s| s.member < member);
		batch
			.signatures
			.try_insert(at, Signed { member, signature })
			.map_err(|_| Error::<T>::EnoughSignatures)?;
		let ready = set.is_quorum(batch.signatures.len());
		AllBatches::<T>::insert(lane, id, batch);
		Self::deposit_event(Event::BatchSigned {
			lane,
			batch: id,
			member: who.clone(),
			ready,
		});
		Ok(())
	}

	/// For `acknowledge` and its predicate.
	pub(crate) fn check_acknowledge(
		who: &AccountId32,
		lane: LaneId,
		before: BatchId,
	) -> Result<BridgeSet, Error<T>> {
		Self::open(lane)?;
		let (set, _) = Self::member_of(who, lane)?;
		let outbox = Outboxes::<T>::get(lane);
		let incomplete = u64::from(outbox.latest == Self::now());
		ensure!(
			before <= outbox.next.saturating_sub(incomplete),
			Error::UnknownBatch
		);
		let said = Delivered::<T>::get(lane, who).max(outbox.delivered);
		ensure!(before > said, Error::NothingNew);
		Ok(set)
	}

	/// Returns how many messages were forgotten.
	pub(crate) fn do_acknowledge(
		who: &AccountId32,
		lane: LaneId,
		before: BatchId,
	) -> Result<u32, DispatchError> {
		let set = Self::check_acknowledge(who, lane, before)?;
		Delivered::<T>::insert(lane, who, before);
		// The most that a quorum agrees on: so many members say as much or more.
		let mut said: Vec<_> = set
			.members
			.iter()
			.map(|member| Delivered::<T>::get(lane, &member.account))
			.collect();
		said.sort_unstable_by(|a, b| b.cmp(a));
		let agreed = said
			.get(usize::from(set.threshold).saturating_sub(1))
			.copied()
			.unwrap_or_default();
		let mut outbox = Outboxes::<T>::get(lane);
		outbox.delivered = outbox.delivered.max(agreed);
		let pruned = Self::prune_oldest(lane, &mut outbox, &set);
		Outboxes::<T>::insert(lane, outbox);
		Self::deposit_event(Event::Acknowledged {
			lane,
			member: who.clone(),
			before,
			delivered: outbox.delivered,
		});
		Ok(pruned.messages)
	}

	/// Removes the oldest batches: those that were delivered, and those that were ready for so long that whoever wants them
	/// delivered has had the time.
	fn prune_oldest(lane: LaneId, outbox: &mut OutboxState, set: &BridgeSet) -> Pruned {
		let mut pruned = Pruned::default();
		while pruned.batches < MAX_PRUNED && outbox.oldest < outbox.next {
			let id = outbox.oldest;
			let batch = AllBatches::<T>::get(lane, id);
			let due = id < outbox.delivered
				|| batch.as_ref().is_none_or(|batch| {
					let age = Self::now().saturating_sub(batch.block);
					batch.is_ready(set) && age >= T::KeepBatches::get()
				});
			if !due {
				break;
			}
			AllBatches::<T>::remove(lane, id);
			for message in batch.iter().flat_map(|batch| &batch.messages) {
				Self::forget(lane, id, message);
				pruned.messages += 1;
			}
			outbox.oldest = id.saturating_add(1);
			pruned.batches += 1;
		}
		if pruned.batches > 0 {
			Self::deposit_event(Event::BatchesPruned {
				lane,
				batches: pruned.batches,
				before: outbox.oldest,
			});
		}
		pruned
	}

	/// Forgets that the gateway waits for a message of a batch that is gone.
	fn forget(lane: LaneId, batch: BatchId, message: &Message) {
		let Message::Answer { ticket, .. } = message else {
			return;
		};
		// After a re-organisation the number may be another request's, whose answer is elsewhere.
		if PendingRequests::<T>::get(lane, ticket.id) == Some(Pending::Answered(batch)) {
			Self::forget_pending(lane, ticket.id);
		}
	}

	/// Returns how many messages were forgotten.
	pub(crate) fn do_prune(lane: LaneId) -> Result<u32, DispatchError> {
		let set = Self::set_of(lane)?;
		let mut outbox = Outboxes::<T>::get(lane);
		let pruned = Self::prune_oldest(lane, &mut outbox, &set);
		ensure!(pruned.batches > 0, Error::<T>::NothingToPrune);
		Outboxes::<T>::insert(lane, outbox);
		Ok(pruned.messages)
	}

	/// For `heartbeat` and its predicate.
	pub(crate) fn check_heartbeat(who: &AccountId32, lane: LaneId) -> Result<OutboxState, Error<T>> {
		Self::open(lane)?;
		Self::member_of(who, lane)?;
		Self::ensure_room_for_message(lane)?;
		let outbox = Outboxes::<T>::get(lane);
		let due = outbox.latest.saturating_add(T::Heartbeat::get());
		ensure!(Self::now() >= due, Error::TooEarly);
		Ok(outbox)
	}

	pub(crate) fn do_heartbeat(who: &AccountId32, lane: LaneId) -> DispatchResult {
		let mut outbox = Self::check_heartbeat(who, lane)?;
		let batch = Self::new_batch(lane, &mut outbox, None);
		Outboxes::<T>::insert(lane, outbox);
		Self::deposit_event(Event::Heartbeat { lane, batch });
		Ok(())
	}

	/// A batch's proof for the gateway, once enough members of the present set have signed.
	pub(crate) fn proof_of_batch(lane: LaneId, id: BatchId) -> Option<Vec<u8>> {
		let set = Sets::<T>::get(lane)?;
		AllBatches::<T>::get(lane, id)?.proof(&set)
	}
}
