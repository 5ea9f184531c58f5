//! Following the chain: every best block once, with its events, whatever happens to the connection.
//!
//! The follower knows the blocks that it has told of. When a new best block comes, it walks back by parents until it meets one
//! of them: blocks in between were missed and are told of now, in order; blocks above the meeting point were reverted and
//! are taken back first. After a broken connection the same happens with whatever is the best block then.

use crate::{view::EventRecord, At, BlockId, Client, ClientError, Hash};
use lilypad_primitives::BlockNumber;
use std::{collections::VecDeque, time::Duration};
use subxt::rpcs::client::{rpc_params, RpcSubscription};
use tokio::time::{sleep, timeout};

/// How many blocks the follower remembers, and so the deepest re-organisation that it can follow.
const MEMORY: usize = 1024;
/// Longest silence before the node is asked for its best block.
const SILENCE: Duration = Duration::from_secs(8);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the follower tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
	/// A block is part of the best chain now. It can still be reverted.
	Best {
		/// The block.
		block: BlockId,
		/// What happened in it.
		events: Vec<EventRecord>,
	},
	/// A block that was told of is not part of the best chain any more.
	Reverted {
		/// The block.
		block: BlockId,
	},
	/// This block and all before it can't be reverted any more.
	Finalized {
		/// The block.
		block: BlockId,
	},
}

/// See the module.
pub struct Follower {
	client: Client,
	heads: Option<RpcSubscription<serde_json::Value>>,
	/// Blocks told of, oldest first.
	told: VecDeque<BlockId>,
	/// The next block to tell of if none has been told of yet.
	start: Option<BlockNumber>,
	finalized: BlockNumber,
	ready: VecDeque<Update>,
	/// A head came, or should have, and what is new was not told of yet.
	due: bool,
	pause: Duration,
}

impl Client {
	/// Follows the best chain, from this block on or from the newest.
	pub fn follow(&self, from: Option<BlockNumber>) -> Follower {
		Follower {
			client: self.clone(),
			heads: None,
			told: VecDeque::new(),
			start: from,
			finalized: 0,
			ready: VecDeque::new(),
			due: false,
			pause: FIRST_PAUSE,
		}
	}
}

impl Follower {
	/// What happened next. Waits for it, through broken connections too; fails only with what waiting does not mend, such
	/// as a runtime of another age. Can be dropped while it waits, and called again.
	pub async fn next(&mut self) -> Result<Update, ClientError> {
		loop {
			if let Some(update) = self.ready.pop_front() {
				return Ok(update);
			}
			match self.advance().await {
				Ok(()) => self.pause = FIRST_PAUSE,
				Err(e) if e.is_transient() => {
					tracing::debug!("following the chain goes on in {:?}: {e}", self.pause);
					self.heads = None;
					sleep(self.pause).await;
					self.pause = (self.pause * 2).min(LONGEST_PAUSE);
				},
				Err(e) => return Err(e),
			}
		}
	}

	/// Waits for a head and tells of what is new.
	async fn advance(&mut self) -> Result<(), ClientError> {
		match &mut self.heads {
			// What happened until now comes first, and then what the node tells.
			None => self.heads = Some(subscribe(&self.client).await?),
			// Dropped in the middle the last time.
			Some(_) if self.due => (),
			Some(heads) => match timeout(SILENCE, heads.next()).await {
				Ok(Some(Ok(_))) | Err(_) => (),
				Ok(Some(Err(e))) => return Err(self.client.failure(e)),
				Ok(None) => {
					return Err(ClientError::Chain(
						"the node ended the subscription to its blocks".into(),
					))
				},
			},
		}
		self.due = true;
		let best = self.client.best().await?.block();
		let (reverted, fresh) = path_to(&self.client, &self.told, self.start, best).await?;
		let mut updates: Vec<_> = reverted
			.iter()
			.rev()
			.map(|block| Update::Reverted { block: *block })
			.collect();
		for block in &fresh {
			let events = self.client.at(At::Hash(block.hash)).await?.events().await?;
			updates.push(Update::Best {
				block: *block,
				events,
			});
		}
		let finalized = self.client.finalized().await?.block();

		// From here on nothing waits or fails: either all of this is noted, or nothing.
		self.told.truncate(self.told.len() - reverted.len());
		self.told.extend(fresh);
		while self.told.len() > MEMORY {
			self.told.pop_front();
		}
		if finalized.number > self.finalized {
			self.finalized = finalized.number;
			updates.push(Update::Finalized { block: finalized });
		}
		self.ready.extend(updates);
		self.due = false;
		Ok(())
	}
}

// Functions, not methods: a subscription can't be shared between threads, so nothing may hold on to the follower while it
// waits.
async fn subscribe(client: &Client) -> Result<RpcSubscription<serde_json::Value>, ClientError> {
	let (sub, unsub) = ("chain_subscribeNewHeads", "chain_unsubscribeNewHeads");
	client
		.inner
		.rpc
		.subscribe(sub, rpc_params![], unsub)
		.await
		.map_err(|e| client.failure(e))
}

/// The blocks told of that `best` does not descend from, oldest first, and those that lead to it and were not told of,
/// oldest first.
async fn path_to(
	client: &Client,
	told: &VecDeque<BlockId>,
	start: Option<BlockNumber>,
	best: BlockId,
) -> Result<(Vec<BlockId>, Vec<BlockId>), ClientError> {
	let mut parents = |hash: Hash| {
		let client = client.clone();
		async move { client.header(hash).await.map(|(_, parent)| parent) }
	};
	path(told, start, best, &mut parents).await
}

/// See [`path_to`].
async fn path<F, Fut>(
	told: &VecDeque<BlockId>,
	start: Option<BlockNumber>,
	best: BlockId,
	parent_of: &mut F,
) -> Result<(Vec<BlockId>, Vec<BlockId>), ClientError>
where
	F: FnMut(Hash) -> Fut,
	Fut: std::future::Future<Output = Result<Hash, ClientError>>,
{
	let floor = match told.front() {
		Some(oldest) => oldest.number,
		None => start.unwrap_or(best.number).max(1),
	};
	let known = |block: &BlockId| {
		let oldest = told.front()?.number;
		let at = block.number.checked_sub(oldest)? as usize;
		(told.get(at) == Some(block)).then_some(at)
	};
	let (mut fresh, mut block) = (Vec::new(), best);
	let meeting = loop {
		if let Some(at) = known(&block) {
			break Some(at);
		}
		if block.number < floor {
			break None;
		}
		fresh.push(block);
		let hash = parent_of(block.hash).await?;
		block = BlockId {
			number: block.number.saturating_sub(1),
			hash,
		};
	};
	fresh.reverse();
	let kept = meeting.map_or(0, |at| at + 1);
	Ok((told.iter().skip(kept).copied().collect(), fresh))
}

#[cfg(test)]
mod tests {
	use super::*;

	#[allow(dead_code)]
	fn a_follower_can_be_a_task(mut follower: Follower) {
		fn is_send(_: impl Send) {}
		is_send(async move { follower.next().await });
	}

	/// A block of a fork, by number.
	fn block(fork: u8, number: BlockNumber) -> BlockId {
		let mut hash = Hash::repeat_byte(fork);
		hash.0[..4].copy_from_slice(&number.to_be_bytes());
		BlockId { number, hash }
	}

	/// Fork 1 is the trunk; fork 2 leaves it after block 5.
	async fn run(
		told: &[BlockId],
		start: Option<BlockNumber>,
		best: BlockId,
	) -> (Vec<BlockId>, Vec<BlockId>) {
		let told: VecDeque<_> = told.iter().copied().collect();
		let mut parent = |hash: Hash| async move {
			let number = u32::from_be_bytes(hash.0[..4].try_into().expect("four"));
			let fork = if number <= 6 { 1 } else { hash.0[31] };
			Ok(block(fork, number - 1).hash)
		};
		path(&told, start, best, &mut parent).await.expect("no failure")
	}

	fn blocks(fork: u8, range: std::ops::RangeInclusive<BlockNumber>) -> Vec<BlockId> {
		range.map(|n| block(fork, n)).collect()
	}

	#[tokio::test]
	async fn the_first_block_is_the_newest_unless_said_otherwise() {
		assert_eq!(run(&[], None, block(1, 9)).await, (vec![], blocks(1, 9..=9)));
		assert_eq!(run(&[], Some(7), block(1, 9)).await, (vec![], blocks(1, 7..=9)));
		assert_eq!(run(&[], Some(12), block(1, 9)).await, (vec![], vec![]));
		assert_eq!(run(&[], Some(0), block(1, 2)).await, (vec![], blocks(1, 1..=2)));
	}

	#[tokio::test]
	async fn missed_blocks_are_filled_in() {
		assert_eq!(
			run(&blocks(1, 3..=4), None, block(1, 8)).await,
			(vec![], blocks(1, 5..=8))
		);
	}

	#[tokio::test]
	async fn nothing_is_told_twice() {
		assert_eq!(run(&blocks(1, 3..=8), None, block(1, 8)).await, (vec![], vec![]));
	}

	#[tokio::test]
	async fn a_fork_takes_back_what_it_replaces() {
		assert_eq!(
			run(&blocks(1, 3..=8), None, block(2, 9)).await,
			(blocks(1, 6..=8), blocks(2, 6..=9))
		);
	}

	#[tokio::test]
	async fn a_shorter_best_chain_takes_back_its_end() {
		assert_eq!(
			run(&blocks(1, 3..=8), None, block(1, 6)).await,
			(blocks(1, 7..=8), vec![])
		);
	}

	#[tokio::test]
	async fn a_fork_from_before_the_memory_replaces_all_of_it() {
		assert_eq!(
			run(&blocks(2, 7..=8), None, block(1, 9)).await,
			(blocks(2, 7..=8), blocks(1, 7..=9))
		);
	}
}
