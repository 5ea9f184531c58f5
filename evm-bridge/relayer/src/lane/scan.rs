//! Reads what the gateway has logged, in blocks that are final.
//!
//! Inbound numbers have no gaps, and the gateway tells the last one: so whoever leaves a log out is found out. The same number tells
//! whether there is anything to read: while nothing came in, and nothing is on its way there, logs are read every few minutes only.

use super::Lane;
use crate::{
	clock,
	error::LaneError,
	evm::{
		abi::{self, Gateway, Logged},
		EvmError, Head, Query, Tag, ViewCall,
	},
	journal::{Cursor, Found},
	market::State,
};
use alloy::{
	primitives::{Address, B256, U256},
	rpc::types::Log,
	sol_types::SolCall,
};
use lilypad_client::gateway::FinalityRule;
use std::{
	sync::Arc,
	time::{Duration, Instant},
};

/// Blocks in one request for logs: at first, and at most.
const FIRST_SPAN: u64 = 500;
const LARGEST_SPAN: u64 = 10_000;
/// Requests for logs in one step.
const RANGES: u32 = 20;
/// Times that the poll interval is stretched while nothing becomes final, at most.
const LAZIEST: u32 = 4;
/// Looks at which nothing has become final before that begins.
const PATIENT: u32 = 5;

/// How long logs stay unread while nothing is expected: exits are found out by then, and that a chain has broken its finality.
const UNREAD: Duration = Duration::from_secs(300);

/// See the module.
pub struct Scanner {
	lane: Arc<Lane>,
	/// Blocks in the next request for logs.
	span: u64,
	/// Looks in a row at which nothing had become final.
	quiet: u32,
	/// Looks to leave out.
	skip: u32,
	/// When logs were read last, up to the final block of that time.
	read_at: Option<Instant>,
	/// Who told the last number last: the next is another's to tell, so that none can hide for long that something came in.
	told_by: Option<usize>,
	/// Endpoints that were caught, to be asked last for the range at hand.
	caught: Vec<usize>,
}

impl Scanner {
	/// Of a lane.
	pub fn new(lane: Arc<Lane>) -> Self {
		Self {
			lane,
			span: FIRST_SPAN,
			quiet: 0,
			skip: 0,
			read_at: None,
			told_by: None,
			caught: Vec::new(),
		}
	}

	/// Looks for a new final block, and reads up to it.
	pub async fn step(&mut self) -> Result<(), LaneError> {
		if self.skip > 0 {
			self.skip -= 1;
			return Ok(());
		}
		let view = self.lane.view();
		let head = self.lane.pool.final_head(view.lane.finality).await?;
		self.lane.tally.final_block.set(head.number);
		let cursor = match self.lane.journal.cursor(self.lane.id)? {
			Some(cursor) => cursor,
			None => self.begin(&head).await?,
		};
		if (head.number, head.hash.0) == (cursor.block, cursor.hash) {
			// A chain that calls blocks final every few minutes need not be asked every few seconds.
			self.quiet = (self.quiet + 1).min(PATIENT + LAZIEST);
			self.skip = self.quiet.saturating_sub(PATIENT);
			self.lane.head.send_replace(Some(head));
			return Ok(());
		}
		self.quiet = 0;
		// What is final stays; elsewhere a block that is gone may have given a number to something else.
		let may_wait = self.may_wait(&cursor, &head);
		let lasting = may_wait && view.lane.finality == FinalityRule::Finalized;
		let mut cursor = cursor;
		if !lasting {
			cursor = self.on_this_chain(cursor, &head).await?;
		}
		if may_wait && self.nothing_came(&cursor, &head).await? {
			self.lane.head.send_replace(Some(head));
			return Ok(());
		}
		if lasting {
			cursor = self.on_this_chain(cursor, &head).await?;
		}
		self.read(cursor, &head).await
	}

	/// Whether logs can stay unread for now, unless something came in.
	fn may_wait(&self, cursor: &Cursor, head: &Head) -> bool {
		let fresh = self.read_at.is_some_and(|at| clock::since(at) < UNREAD);
		let few = (cursor.block..cursor.block + FIRST_SPAN).contains(&head.number);
		let expected = self
			.lane
			.with_outbox(|outbox| outbox.iter().any(|(_, tracked)| tracked.arrived.is_none()));
		fresh && few && !expected
	}

	/// Whether no number was given out since a cursor, as another endpoint has it than the last time.
	async fn nothing_came(&mut self, cursor: &Cursor, head: &Head) -> Result<bool, LaneError> {
		let not: Vec<usize> = self.told_by.into_iter().collect();
		let (who, last) = self.last_inbound(head.number, &not).await?;
		self.told_by = Some(who);
		Ok(last < cursor.next_id)
	}

	fn gateway(&self) -> Address {
		abi::address(self.lane.view().lane.gateway)
	}

	/// Where to begin: before the first number that the market's chain has not decided.
	async fn begin(&mut self, head: &Head) -> Result<Cursor, LaneError> {
		let wanted = self.first_undecided().await?;
		let (_, last) = self.last_inbound(head.number, &[]).await?;
		let cursor = if last < wanted {
			Cursor {
				block: head.number,
				hash: head.hash.0,
				next_id: last.saturating_add(1),
			}
		} else {
			let block = self.block_of(wanted, head.number).await?.saturating_sub(1);
			let before = self.lane.pool.head(Tag::Number(block)).await?;
			Cursor {
				block,
				hash: before.hash.0,
				next_id: wanted,
			}
		};
		tracing::info!(
			lane = self.lane.id,
			block = cursor.block,
			number = cursor.next_id,
			"reading begins"
		);
		self.lane
			.journal
			.advance(self.lane.id, &cursor, &Found::default())?;
		Ok(cursor)
	}

	async fn first_undecided(&self) -> Result<u64, LaneError> {
		let (market, lane) = (&self.lane.market, self.lane.id);
		let mut id = market.first_kept(lane).await?;
		while market.handled(State::Finalized, lane, id).await?.is_some() {
			id = id.saturating_add(1);
		}
		Ok(id)
	}

	/// The block in which a number was given out: looked for backwards.
	async fn block_of(&mut self, id: u64, newest: u64) -> Result<u64, LaneError> {
		let mut to = newest;
		loop {
			let from = to.saturating_sub(self.span - 1);
			let query = Query {
				address: self.gateway(),
				from,
				to,
				events: abi::inbound_topics(),
				subject: Some(B256::from(U256::from(id))),
			};
			let Some((who, logs)) = self.logs(&query).await? else {
				continue;
			};
			// The newest: after a re-organisation an endpoint may still know the other.
			if let Some(block) = logs.iter().filter_map(|log| log.block_number).max() {
				return Ok(block);
			}
			match from.checked_sub(1) {
				Some(next) => to = next,
				None => {
					let why = format!("it has no log of the number {id}, which the gateway has given out");
					return Err(self.catch(who, why));
				},
			}
		}
	}

	/// Makes sure that what was read is still part of the chain; goes back as far as it is not.
	async fn on_this_chain(&mut self, cursor: Cursor, head: &Head) -> Result<Cursor, LaneError> {
		let (lane, pool) = (self.lane.id, &self.lane.pool);
		let same = |number: u64, hash: [u8; 32]| async move {
			let now = match number == head.number {
				true => *head,
				false => pool.head(Tag::Number(number)).await?,
			};
			Ok::<bool, LaneError>(now.hash.0 == hash)
		};
		// A chain that has become shorter, or an endpoint that is behind: what is there is looked at.
		if cursor.block <= head.number && same(cursor.block, cursor.hash).await? {
			return Ok(cursor);
		}
		let mut common = None;
		for (block, hash) in self.lane.journal.checkpoints(lane)? {
			if block <= head.number && same(block, hash).await? {
				common = Some((block, hash));
				break;
			}
		}
		if common.is_some_and(|(block, _)| block == head.number && cursor.block > block) {
			// Nothing contradicts what was read; the endpoint is behind.
			return Ok(cursor);
		}
		let (block, hash) = match common {
			Some(common) => common,
			// Deeper than what is remembered: all of which something is known is read again.
			None => {
				let first = self.lane.journal.first_inbound_block(lane)?;
				let block = first.unwrap_or(cursor.block).saturating_sub(1).min(head.number);
				(block, pool.head(Tag::Number(block)).await?.hash.0)
			},
		};
		self.lane.tally.reorganised.add(1);
		tracing::warn!(
			lane,
			block,
			depth = cursor.block.saturating_sub(block),
			"the EVM chain was re-organised deeper than the lane's finality rule allows for: it is read again"
		);
		Ok(self.lane.journal.rewind(lane, block, hash)?)
	}

	/// Reads up to a final block.
	async fn read(&mut self, mut cursor: Cursor, head: &Head) -> Result<(), LaneError> {
		let mut ranges = 0;
		while cursor.block < head.number && ranges < RANGES {
			ranges += 1;
			let (from, to) = (
				cursor.block + 1,
				cursor.block.saturating_add(self.span).min(head.number),
			);
			let query = Query {
				address: self.gateway(),
				from,
				to,
				events: abi::topics(),
				subject: None,
			};
			let Some((who, logs)) = self.logs(&query).await? else {
				continue;
			};
			let (found, next_id) = match self.check(who, &query, &logs, cursor.next_id) {
				Ok(checked) => checked,
				Err(error) => {
					self.step_back(&cursor).await?;
					return Err(error);
				},
			};
			if to == head.number {
				self.check_complete(who, next_id, head).await?;
			}
			self.check_alike(who, &query, &found, cursor.next_id).await?;
			let hash = match to == head.number {
				true => head.hash,
				false => self.lane.pool.head(Tag::Number(to)).await?.hash,
			};
			self.lane.pool.vouch(who);
			self.caught.clear();
			cursor = Cursor {
				block: to,
				hash: hash.0,
				next_id,
			};
			self.note(&cursor, &found)?;
		}
		if cursor.block == head.number {
			self.read_at = Some(clock::now());
			self.lane.head.send_replace(Some(*head));
		}
		Ok(())
	}

	/// A gap may have been made by an endpoint that left a log out in a range that was taken for complete: reads again from
	/// where the last number is known to be.
	async fn step_back(&self, cursor: &Cursor) -> Result<(), LaneError> {
		let (lane, journal) = (self.lane.id, &self.lane.journal);
		let last = journal.inbound(lane, cursor.next_id.saturating_sub(1))?;
		let block = match (last, journal.checkpoints(lane)?.last()) {
			(Some(last), _) => last.block,
			(None, Some((oldest, _))) => *oldest,
			(None, None) => return Ok(()),
		};
		if block < cursor.block {
			let hash = self.lane.pool.head(Tag::Number(block)).await?.hash;
			journal.rewind(lane, block, hash.0)?;
		}
		Ok(())
	}

	fn note(&mut self, cursor: &Cursor, found: &Found) -> Result<(), LaneError> {
		let changed = self.lane.journal.advance(self.lane.id, cursor, found)?;
		for id in &changed {
			tracing::warn!(
				lane = self.lane.id,
				id,
				"a re-organisation has given this number to something else: that is attested instead"
			);
		}
		let tally = &self.lane.tally;
		tally.changed.add(changed.len() as u64);
		tally.scanned.set(cursor.block);
		tally.inbound.set(cursor.next_id.saturating_sub(1));
		let exits = found
			.logs
			.iter()
			.filter(|(_, log)| matches!(log, Logged::Exited(_)));
		for (_, exit) in exits {
			tally.exited.add(1);
			tracing::warn!(
				lane = self.lane.id,
				?exit,
				"a request was taken back: the bridge was declared dead"
			);
		}
		if !found.logs.is_empty() {
			self.lane.news.notify_waiters();
		}
		Ok(())
	}

	/// Logs of a range, or `None` if the range is too large for the endpoint and was made smaller.
	async fn logs(&mut self, query: &Query) -> Result<Option<(usize, Vec<Log>)>, LaneError> {
		match self.lane.pool.logs(query, &self.caught).await {
			Ok(found) => {
				self.span = (self.span * 2).min(LARGEST_SPAN);
				Ok(Some(found))
			},
			// Endpoints have limits on blocks, logs, bytes and time, and a hundred ways to say so.
			Err(_) if query.from < query.to => {
				self.span = ((query.to - query.from) / 2).max(1);
				Ok(None)
			},
			Err(error) => Err(error.into()),
		}
	}

	/// Reads logs, and sees whether they can be all. Returns them and the number that comes next.
	fn check(
		&mut self,
		who: usize,
		query: &Query,
		logs: &[Log],
		mut next_id: u64,
	) -> Result<(Found, u64), LaneError> {
		let mut found = Found::default();
		for log in logs.iter().filter(|log| !log.removed) {
			let block = log
				.block_number
				.filter(|block| (query.from..=query.to).contains(block));
			let (Some(block), true) = (block, log.inner.address == query.address) else {
				return Err(self.catch(who, "it answers with logs that were not asked for".into()));
			};
			let logged = abi::read(log).map_err(|e| self.catch(who, format!("a log can't be: {e}")))?;
			if let Logged::Inbound(message) = &logged {
				let id = message.id();
				if id != next_id {
					let why = format!("it shows the number {id} where {next_id} should be");
					return Err(self.catch(who, why));
				}
				next_id = next_id.saturating_add(1);
			}
			found.logs.push((block, logged));
		}
		Ok((found, next_id))
	}

	/// Asks, another endpoint if there is one, for the last number that was given out.
	async fn check_complete(&mut self, who: usize, next_id: u64, head: &Head) -> Result<(), LaneError> {
		let (other, last) = self.last_inbound(head.number, &[who]).await?;
		let seen = next_id.saturating_sub(1);
		if last > seen {
			let why = format!("it leaves the numbers {next_id} to {last} out");
			return Err(self.catch(who, why));
		}
		if last < seen {
			let why = format!("it says that {last} was the last number, but there is a log of {seen}");
			self.lane.pool.distrust(who, &why);
			return Err(self.catch(other, why));
		}
		Ok(())
	}

	/// Has a second endpoint tell the same logs, where there are any: the first may have made up what came in, what has arrived and
	/// what was taken back. `first` is the number that comes next before them.
	async fn check_alike(
		&mut self,
		who: usize,
		query: &Query,
		found: &Found,
		first: u64,
	) -> Result<(), LaneError> {
		let ours = &found.logs;
		if ours.is_empty() || !self.lane.pool.is_cross_checked() {
			return Ok(());
		}
		let (other, theirs) = self.told(query, &[who], first).await?;
		if theirs == *ours {
			return Ok(());
		}
		let pool = &self.lane.pool;
		let why = format!("{} and {} show different logs", pool.name(who), pool.name(other));
		// A third decides, if there is one.
		let (third, decisive) = self.told(query, &[who, other], first).await?;
		match third != who && third != other {
			true if decisive == *ours => {
				self.lane.pool.distrust(other, &why);
				Ok(())
			},
			true if decisive == theirs => Err(self.catch(who, why)),
			_ => {
				self.lane.pool.distrust(who, &why);
				Err(self.catch(other, why))
			},
		}
	}

	/// What another endpoint than these tells, and in which blocks; what came in, from this number on.
	async fn told(
		&mut self,
		query: &Query,
		not: &[usize],
		first: u64,
	) -> Result<(usize, Vec<(u64, Logged)>), LaneError> {
		let (who, logs) = self.lane.pool.logs(query, not).await?;
		let (found, _) = self.check(who, query, &logs, first)?;
		Ok((who, found.logs))
	}

	async fn last_inbound(&self, block: u64, not: &[usize]) -> Result<(usize, u64), LaneError> {
		let call = ViewCall {
			from: None,
			to: self.gateway(),
			data: Gateway::lastInboundCall {}.abi_encode().into(),
			gas: None,
		};
		let (who, answer) = self.lane.pool.call(&call, Tag::Number(block), not).await?;
		let last = Gateway::lastInboundCall::abi_decode_returns(&answer).map_err(|e| {
			EvmError::Unreadable(format!(
				"the gateway's last number ({e}); is {} the gateway's address?",
				self.gateway()
			))
		})?;
		Ok((who, last))
	}

	/// Sets an endpoint aside for what it said; the range is read again.
	fn catch(&mut self, who: usize, why: String) -> LaneError {
		self.lane.pool.distrust(who, &why);
		self.caught.push(who);
		EvmError::Untrue(why).into()
	}
}
