//! Signs batches whose block can't be reverted, and hands the signatures in.

use super::{Lane, PARALLEL};
use crate::{
	clock,
	error::LaneError,
	market::{LaneView, MarketError},
};
use futures::{stream, StreamExt};
use lilypad_client::gateway::{Batch, BatchId};
use std::{sync::Arc, time::Duration};

/// How long members wait whose signature is not needed as long as the others' come.
const COURTESY: Duration = Duration::from_secs(7);

/// See the module.
pub struct BatchSigner {
	lane: Arc<Lane>,
}

impl BatchSigner {
	/// Of a lane.
	pub fn new(lane: Arc<Lane>) -> Self {
		Self { lane }
	}

	/// Looks at all batches that lack signatures.
	pub async fn step(&mut self) -> Result<(), LaneError> {
		let lane = &self.lane;
		let view = lane.view();
		lane.follow_batches(&view).await?;
		lane.follow_signatures(&view).await?;
		let Some(place) = lane.place(&view).filter(|_| !view.paused) else {
			return Ok(());
		};
		let due = self.due(&view, place);
		let (view, signer) = (&view, &*self);
		let results: Vec<Result<(), LaneError>> = stream::iter(due)
			.map(|(id, batch)| async move { signer.sign(view, id, &batch).await })
			.buffer_unordered(PARALLEL)
			.collect()
			.await;
		results.into_iter().collect()
	}

	/// Batches that this member has to sign now.
	fn due(&self, view: &LaneView, place: usize) -> Vec<(BatchId, Batch)> {
		let quorum = usize::from(view.set.threshold);
		self.lane.with_outbox(|outbox| {
			let due = outbox.iter().filter(|(id, tracked)| {
				let batch = &tracked.batch;
				let signed = batch.set == view.set.number
					&& batch.signatures.iter().any(|s| usize::from(s.member) == place);
				let in_turn = self.lane.rank(view, *id).is_some_and(|rank| rank < quorum);
				tracked.arrived.is_none()
					&& tracked.ready.is_none()
					&& !signed && (in_turn || clock::now() >= tracked.since + COURTESY)
			});
			due.map(|(id, tracked)| (id, tracked.batch.clone())).collect()
		})
	}

	async fn sign(&self, view: &LaneView, id: BatchId, batch: &Batch) -> Result<(), LaneError> {
		let lane = &self.lane;
		let digest = batch.digest(lane.id, &view.lane, view.set.number);
		// The same for whichever set signs it: no set has the number 0.
		let content = batch.digest(lane.id, &view.lane, 0);
		lane.journal
			.note_signed(lane.id, id, view.set.number, digest, content)?;
		let signature = lane.key.sign(digest)?;
		match lane.market.sign(lane.id, id, signature).await {
			Ok(()) => {
				lane.tally.signed.add(1);
				tracing::info!(lane = lane.id, batch = id, "signed");
				Ok(())
			},
			// The others were faster, or the set has changed.
			Err(MarketError::NotNeeded | MarketError::Refused(_)) => Ok(()),
			Err(error) => Err(error.into()),
		}
	}
}
