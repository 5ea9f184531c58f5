//! The batches of a lane that are not known to be delivered.

use super::{Lane, PARALLEL};
use crate::{
	clock,
	error::LaneError,
	journal::MessageId,
	market::{LaneView, State},
};
use futures::{stream, StreamExt};
use lilypad_client::gateway::{Batch, BatchId, Message};
use std::{collections::BTreeMap, time::Instant};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Outbox {
	batches: BTreeMap<BatchId, Tracked>,
}

/// A batch that is followed.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
	/// What it says, from a block that can't be reverted; the signatures are the newest.
	pub(super) batch: Batch,
	/// Since when a quorum of the set in office has signed.
	pub(super) ready: Option<Instant>,
	/// Since when it is followed.
	pub(super) since: Instant,
	/// When it is due to be looked at for delivery.
	pub(super) not_before: Instant,
	/// The final block by which all of it had arrived.
	pub(super) arrived: Option<u64>,
}

/// The gateway's name of a message.
pub(super) fn id_of(message: &Message) -> MessageId {
	match message {
		Message::Answer { ticket, .. } => MessageId::Answer(ticket.id),
		Message::Payout(payout) => MessageId::Payout(payout.nonce),
	}
}

impl Outbox {
	/// All of them, oldest first.
	pub(super) fn iter(&self) -> impl Iterator<Item = (BatchId, &Tracked)> {
		self.batches.iter().map(|(id, tracked)| (*id, tracked))
	}

	/// Changes one, if it is still followed.
	pub(super) fn change(&mut self, id: BatchId, change: impl FnOnce(&mut Tracked)) {
		if let Some(tracked) = self.batches.get_mut(&id) {
			change(tracked);
		}
	}
}

impl Lane {
	/// Follows new batches, and leaves those alone that the chain has forgotten or calls delivered.
	pub(super) async fn follow_batches(&self, view: &LaneView) -> Result<(), LaneError> {
		let first = view.outbox.oldest.max(view.outbox.delivered);
		let gone = self.with_outbox(|outbox| {
			let kept = outbox.batches.split_off(&first);
			std::mem::replace(&mut outbox.batches, kept)
		});
		for (id, tracked) in gone {
			let messages: Vec<_> = tracked.batch.messages.iter().map(id_of).collect();
			self.journal.forget_batch(self.id, id, &messages)?;
		}
		let known: Vec<BatchId> = self.with_outbox(|outbox| outbox.batches.keys().copied().collect());
		let new: Vec<BatchId> = (first..view.outbox.next)
			.filter(|id| !known.contains(id))
			.collect();
		let found: Vec<_> = stream::iter(new)
			.map(|id| async move { (id, self.market.batch(State::Finalized, self.id, id).await) })
			.buffer_unordered(PARALLEL)
			.collect()
			.await;
		for (id, batch) in found {
			let Some(batch) = batch? else { continue };
			let now = clock::now();
			let ready = batch.is_ready(&view.set).then_some(now);
			let tracked = Tracked {
				batch,
				ready,
				since: now,
				not_before: now,
				arrived: None,
			};
			self.with_outbox(|outbox| outbox.batches.insert(id, tracked));
		}
		let count =
			self.with_outbox(|outbox| outbox.batches.values().filter(|t| t.arrived.is_none()).count());
		self.tally.undelivered.set(count as u64);
		Ok(())
	}

	/// Takes the newest signatures of those that lack some.
	pub(super) async fn follow_signatures(&self, view: &LaneView) -> Result<(), LaneError> {
		let lacking: Vec<BatchId> = self.with_outbox(|outbox| {
			let lacking = outbox
				.batches
				.iter()
				.filter(|(_, tracked)| !tracked.batch.is_ready(&view.set));
			lacking.map(|(id, _)| *id).collect()
		});
		let found: Vec<_> = stream::iter(lacking)
			.map(|id| async move { (id, self.market.batch(State::Best, self.id, id).await) })
			.buffer_unordered(PARALLEL)
			.collect()
			.await;
		for (id, newest) in found {
			let Some(newest) = newest? else { continue };
			self.with_outbox(|outbox| {
				outbox.change(id, |tracked| {
					// Only the signatures: what it says was read where it can't be reverted.
					(tracked.batch.set, tracked.batch.signatures) = (newest.set, newest.signatures);
					let ready = tracked.batch.is_ready(&view.set);
					tracked.ready = ready.then(|| tracked.ready.unwrap_or_else(clock::now));
				});
			});
		}
		Ok(())
	}
}
