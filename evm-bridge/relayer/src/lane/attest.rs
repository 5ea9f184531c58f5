//! Says on the market's chain what the gateway's numbers stand for.
//!
//! A quorum is enough, so not all members speak at once: those whose turn it is not wait a little, and mostly find that all is
//! said. What is refused for now (a limit used up, a full outbox, a pause) is said again later.

use super::{Lane, PARALLEL};
use crate::{
	clock,
	error::LaneError,
	journal::InboundRecord,
	market::{LaneView, MarketError, State},
};
use futures::{stream, StreamExt};
use std::{
	collections::{BTreeMap, HashMap},
	sync::Arc,
	time::{Duration, Instant},
};

/// Numbers that are looked after at the same time.
const MOST: usize = 256;
/// How long members wait whose turn it is not.
const COURTESY: Duration = Duration::from_secs(7);
/// When something that was refused is said again.
const AGAIN: Duration = Duration::from_secs(15);

/// See the module.
pub struct Attester {
	lane: Arc<Lane>,
	/// When numbers were seen first, and since when not to speak of them.
	waits: HashMap<u64, Wait>,
}

#[derive(Clone, Copy)]
struct Wait {
	since: Instant,
	not_before: Instant,
}

/// What there is to be said of a number.
enum Matter {
	/// It stands for this.
	Arrival(InboundRecord),
	/// The request was taken back. It was this, as far as it was read.
	Exit(Option<InboundRecord>),
}

/// What was done about a number.
pub(super) enum Done {
	/// Nothing is left to be said.
	Closed,
	/// It was said, or others have; the rest is up to the chain.
	Said,
	/// It is not this member's turn.
	Waiting,
	/// Refused for now.
	Later,
}

impl Attester {
	/// Of a lane.
	pub fn new(lane: Arc<Lane>) -> Self {
		Self {
			lane,
			waits: HashMap::new(),
		}
	}

	/// Looks at all numbers that are not decided.
	pub async fn step(&mut self) -> Result<(), LaneError> {
		let open = self.open()?;
		self.lane.tally.open.set(open.len() as u64);
		let view = self.lane.view();
		if open.is_empty() || view.paused || self.lane.place(&view).is_none() {
			return Ok(());
		}
		let now = clock::now();
		self.waits.retain(|id, _| open.contains_key(id));
		let due: Vec<_> = open
			.into_iter()
			.map(|(id, matter)| {
				let wait = *self.waits.entry(id).or_insert(Wait {
					since: now,
					not_before: now,
				});
				(id, matter, wait)
			})
			.filter(|(_, _, wait)| wait.not_before <= now)
			.collect();
		let lane = &self.lane;
		let view = &view;
		let results: Vec<_> = stream::iter(due)
			.map(|(id, matter, wait)| async move { (id, one(lane, view, id, &matter, wait).await) })
			.buffer_unordered(PARALLEL)
			.collect()
			.await;
		let mut first = Ok(());
		for (id, result) in results {
			match result {
				Ok(Done::Closed) => {
					self.waits.remove(&id);
				},
				Ok(Done::Later) => {
					if let Some(wait) = self.waits.get_mut(&id) {
						wait.not_before = clock::now() + AGAIN;
					}
				},
				Ok(Done::Said | Done::Waiting) => (),
				Err(error) => first = first.and(Err(error)),
			}
		}
		first
	}

	/// What there is to be said of numbers.
	fn open(&self) -> Result<BTreeMap<u64, Matter>, LaneError> {
		let (lane, journal) = (self.lane.id, &self.lane.journal);
		let mut open = BTreeMap::new();
		for (id, record) in journal.open_inbound(lane, MOST)? {
			open.insert(id, Matter::Arrival(record));
		}
		// Whatever came in and is gone again, is said to be gone.
		for id in journal.open_exits(lane, MOST)? {
			open.insert(id, Matter::Exit(journal.inbound(lane, id)?));
		}
		Ok(open)
	}
}

async fn one(lane: &Lane, view: &LaneView, id: u64, matter: &Matter, wait: Wait) -> Result<Done, LaneError> {
	let quorum = usize::from(view.set.threshold);
	let in_turn = lane.rank(view, id).is_some_and(|rank| rank < quorum);
	let courtesy_until = match in_turn {
		true => wait.since,
		false => wait.since + COURTESY,
	};
	match matter {
		Matter::Arrival(record) => arrival(lane, id, record, courtesy_until).await,
		Matter::Exit(Some(record)) if is_anothers(lane, id, record).await? => {
			arrival(lane, id, record, courtesy_until).await
		},
		Matter::Exit(record) => lane.attest_exit(id, record.as_ref(), courtesy_until).await,
	}
}

/// Whether the chain has decided that a number stands for something else than it does, and can be told so.
async fn is_anothers(lane: &Lane, id: u64, record: &InboundRecord) -> Result<bool, LaneError> {
	let handled = lane.market.handled(State::Best, lane.id, id).await?;
	Ok(handled.is_some_and(|handled| handled.digest != record.message.digest() && !handled.replaced))
}

async fn arrival(
	lane: &Lane,
	id: u64,
	record: &InboundRecord,
	courtesy_until: Instant,
) -> Result<Done, LaneError> {
	let digest = record.message.digest();
	if let Some(handled) = lane.market.handled(State::Finalized, lane.id, id).await? {
		// Other content is replaced once; the second time there is no way to say so.
		if handled.digest == digest || handled.replaced {
			if handled.digest != digest {
				tracing::error!(
					lane = lane.id,
					id,
					"this number was given to something else for the second time: the chain can't be told"
				);
			}
			lane.journal.close_inbound(lane.id, id, digest)?;
			return Ok(Done::Closed);
		}
	}
	let newest = lane.market.handled(State::Best, lane.id, id).await?;
	if newest.is_some_and(|handled| handled.digest == digest) {
		return Ok(Done::Said);
	}
	let votes = lane.market.votes(lane.id, id).await?;
	let mine = votes.iter().find(|vote| vote.member == lane.key.account());
	if mine.is_some_and(|vote| vote.digest == digest) {
		return Ok(Done::Said);
	}
	if clock::now() < courtesy_until {
		return Ok(Done::Waiting);
	}
	lane.journal.note_attested(lane.id, id, digest)?;
	match lane.market.attest(lane.id, record.message.clone()).await {
		Ok(()) => {
			lane.tally.attested.add(1);
			tracing::info!(lane = lane.id, id, "attested");
			Ok(Done::Said)
		},
		Err(error) => refused(lane, id, error),
	}
}

pub(super) fn refused(lane: &Lane, id: u64, error: MarketError) -> Result<Done, LaneError> {
	match &error {
		// The others were faster.
		MarketError::NotNeeded => Ok(Done::Said),
		MarketError::Refused(name) if matches!(name.as_str(), "AlreadyHandled" | "AlreadyAttested") => {
			Ok(Done::Said)
		},
		MarketError::Refused(_) => {
			tracing::info!(lane = lane.id, id, "not attested for now: {error}");
			Ok(Done::Later)
		},
		MarketError::Client(_) => Err(error.into()),
	}
}
