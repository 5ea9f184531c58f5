//! What a deal is doing right now, for whoever watches it.

use codec::{Decode, Encode};
use lilypad_primitives::{DealId, JobId, Millis};
use serde::Serialize;
use std::{
	collections::HashMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// What a deal is doing right now.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Progress {
	/// The worker has seen the deal.
	Matched,
	/// The image or code is being fetched.
	FetchingImage {
		/// Bytes fetched.
		done: u64,
		/// Bytes in all; 0 when not known.
		total: u64,
	},
	/// The worker waits for files that the creator has to hand over.
	AwaitingFiles {
		/// Their BLAKE3.
		missing: Vec<[u8; 32]>,
	},
	/// The job runs.
	Running {
		/// Since when, in milliseconds since the Unix epoch.
		since: Millis,
	},
	/// The outputs are being hashed and published.
	Publishing,
	/// The seal is on its way to the chain.
	Submitting,
	/// The seal is on the chain: the creator may ask for the opening.
	Ready,
	/// Something is wrong; the worker goes on trying.
	Trouble {
		/// What.
		why: String,
	},
	/// The worker does nothing more for this deal.
	Ended {
		/// Why.
		why: String,
	},
}

impl Progress {
	/// Whether nothing follows.
	pub fn is_final(&self) -> bool {
		matches!(self, Self::Ready | Self::Ended { .. })
	}
}

type Deals = HashMap<DealId, (JobId, watch::Sender<Progress>)>;

/// Progress of all deals.
#[derive(Clone, Default)]
pub struct ProgressHub {
	deals: Arc<Mutex<Deals>>,
}

impl ProgressHub {
	fn lock(&self) -> MutexGuard<'_, Deals> {
		self.deals.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Begins to follow a deal. One that is followed already goes on.
	pub fn begin(&self, deal: DealId, job: JobId) {
		self.lock()
			.entry(deal)
			.or_insert_with(|| (job, watch::channel(Progress::Matched).0));
	}

	/// Whether the worker has a deal for this job.
	pub fn has_job(&self, job: JobId) -> bool {
		self.lock()
			.values()
			.any(|(of, progress)| *of == job && !matches!(*progress.borrow(), Progress::Ended { .. }))
	}

	/// All deals, by id.
	pub fn all(&self) -> Vec<(DealId, JobId, Progress)> {
		let mut all = self
			.lock()
			.iter()
			.map(|(deal, (job, p))| (*deal, *job, p.borrow().clone()))
			.collect::<Vec<_>>();
		all.sort_by_key(|(deal, ..)| *deal);
		all
	}

	/// Says what a deal is doing, if it is followed.
	pub fn set(&self, deal: DealId, progress: Progress) {
		if let Some((_, sender)) = self.lock().get(&deal) {
			sender.send_if_modified(|now| {
				let changed = *now != progress;
				*now = progress;
				changed
			});
		}
	}

	/// Follows a deal, if the worker has it.
	pub fn watch(&self, deal: DealId) -> Option<watch::Receiver<Progress>> {
		self.lock().get(&deal).map(|(_, sender)| sender.subscribe())
	}

	/// What a deal is doing.
	pub fn get(&self, deal: DealId) -> Option<Progress> {
		self.lock().get(&deal).map(|(_, sender)| sender.borrow().clone())
	}

	/// Forgets a deal. Watchers see the end of their stream.
	pub fn remove(&self, deal: DealId) {
		self.lock().remove(&deal);
	}
}
