//! Several endpoints of one chain, checked against each other.
//!
//! Requests go to the first endpoint that is in good standing. One that fails is left alone for a while, which doubles with
//! each failure in a row; so is one that is outvoted, lags behind or leaves logs out. What a block's hash is, as many endpoints
//! as are demanded must say alike.

use super::{Endpoint, EvmError, Head, Query, Receipt, Tag, ViewCall};
use crate::clock;
use alloy::{
	primitives::{Address, Bytes, B256, U256},
	rpc::types::Log,
};
use futures::future::BoxFuture;
use lilypad_client::{gateway::FinalityRule, metrics::Number};
use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex},
	time::{Duration, Instant},
};

/// How often one request is tried, with whatever endpoints there are.
const ATTEMPTS: u32 = 8;
/// Longest wait for an endpoint to come back before a request is given up.
const SHORT_WAIT: Duration = Duration::from_secs(3);
/// Blocks by which an endpoint may be behind another.
const MAX_LAG: u64 = 64;
/// Longest that an endpoint is left alone.
const LONGEST_ASIDE: Duration = Duration::from_secs(600);

/// What an endpoint has been good for.
#[derive(Debug, Default)]
pub struct Tally {
	/// Requests made.
	pub calls: Number,
	/// Requests that failed by its fault.
	pub errors: Number,
	/// How often it was set aside for saying what is not so.
	pub distrusted: Number,
}

struct Member {
	endpoint: Arc<dyn Endpoint>,
	tally: Tally,
	standing: Mutex<Standing>,
}

#[derive(Default)]
struct Standing {
	/// Failures in a row.
	failures: u32,
	/// Since when it does nothing but fail.
	failing_since: Option<Instant>,
	/// Untruths since it was last found to be right.
	untruths: u32,
	/// Until when it is left alone.
	until: Option<Instant>,
	/// What it did last.
	trouble: Option<String>,
}

/// See the module.
pub struct Pool {
	members: Vec<Member>,
	/// How many must agree on a block.
	agree: usize,
}

/// The state of an endpoint, for people and metrics.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EndpointStatus {
	/// What it is called.
	pub name: String,
	/// Whether it is in use now.
	pub in_use: bool,
	/// What it did last that it should not have.
	pub trouble: Option<String>,
	/// Requests made.
	pub calls: u64,
	/// Requests that failed by its fault.
	pub errors: u64,
	/// How often it was set aside for saying what is not so.
	pub distrusted: u64,
}

impl Pool {
	/// Of these endpoints, best first. `agree` of them must name the same block; two if that is `None`, or all if there are
	/// fewer.
	pub fn new(endpoints: Vec<Arc<dyn Endpoint>>, agree: Option<usize>) -> Self {
		let agree = agree.unwrap_or(2).clamp(1, endpoints.len().max(1));
		let member = |endpoint| Member {
			endpoint,
			tally: Tally::default(),
			standing: Mutex::default(),
		};
		Self {
			members: endpoints.into_iter().map(member).collect(),
			agree,
		}
	}

	/// What each endpoint is good for.
	pub fn status(&self) -> Vec<EndpointStatus> {
		let now = clock::now();
		let status = |member: &Member| {
			let standing = member.standing();
			EndpointStatus {
				name: member.endpoint.name().into(),
				in_use: standing.until.is_none_or(|until| until <= now),
				trouble: standing.trouble.clone(),
				calls: member.tally.calls.get(),
				errors: member.tally.errors.get(),
				distrusted: member.tally.distrusted.get(),
			}
		};
		self.members.iter().map(status).collect()
	}

	/// What each endpoint calls its chain.
	pub async fn chain_ids(&self) -> Vec<(String, Result<u64, EvmError>)> {
		let mut all = Vec::new();
		for member in &self.members {
			member.tally.calls.add(1);
			let id = member.endpoint.chain_id().await;
			all.push((member.endpoint.name().into(), id));
		}
		all
	}

	/// The endpoints.
	pub fn endpoints(&self) -> impl Iterator<Item = &Arc<dyn Endpoint>> {
		self.members.iter().map(|member| &member.endpoint)
	}

	/// Whether a second endpoint is asked for what matters.
	pub fn is_cross_checked(&self) -> bool {
		self.agree > 1
	}

	/// The newest block that is final by this rule.
	pub async fn final_head(&self, rule: FinalityRule) -> Result<Head, EvmError> {
		let tag = match rule {
			FinalityRule::Finalized => Tag::Finalized,
			FinalityRule::Confirmations(_) => Tag::Latest,
		};
		let mut heads = Vec::new();
		while heads.len() < self.agree {
			let asked: Vec<usize> = heads.iter().map(|(at, _)| *at).collect();
			heads.push(
				self.ask(&asked, move |e| {
					Box::pin(async move { known(e.head(tag).await?) })
				})
				.await?,
			);
		}
		let newest = heads
			.iter()
			.map(|(_, head)| head.number)
			.max()
			.unwrap_or_default();
		for (at, head) in &heads {
			let behind = newest - head.number;
			if behind > MAX_LAG {
				let why = format!("it is {behind} blocks behind another");
				self.distrust(*at, &why);
				return Err(EvmError::Untrue(why));
			}
		}
		let oldest = heads
			.iter()
			.map(|(_, head)| head.number)
			.min()
			.unwrap_or_default();
		let number = match rule {
			FinalityRule::Finalized => oldest,
			FinalityRule::Confirmations(depth) => oldest.saturating_sub(depth.into()),
		};
		self.agreed(number, &heads).await
	}

	/// The block with this number, of which as many endpoints as are demanded say the same. `known` are heads that they have
	/// named already.
	async fn agreed(&self, number: u64, known_heads: &[(usize, Head)]) -> Result<Head, EvmError> {
		let mut views: Vec<(usize, Head)> = known_heads
			.iter()
			.copied()
			.filter(|(_, head)| head.number == number)
			.collect();
		loop {
			let mut votes: BTreeMap<B256, usize> = BTreeMap::new();
			for (_, head) in &views {
				*votes.entry(head.hash).or_default() += 1;
			}
			let most = votes.iter().max_by_key(|(_, count)| **count);
			if let Some((hash, count)) = most {
				// Enough, and more than all others together that were asked.
				if *count >= self.agree && 2 * count > views.len() {
					let hash = *hash;
					for (at, head) in &views {
						if head.hash != hash {
							self.distrust(*at, &format!("it names another block {number} than the others"));
						}
					}
					let head = views.iter().find(|(_, head)| head.hash == hash);
					return head.map(|(_, head)| *head).ok_or_else(|| self.exhausted());
				}
			}
			if views.len() >= self.members.len() {
				return Err(self.split(number, &views));
			}
			let asked: Vec<usize> = views.iter().map(|(at, _)| *at).collect();
			let next = self
				.ask(&asked, move |e| {
					Box::pin(async move { known(e.head(Tag::Number(number)).await?) })
				})
				.await;
			match next {
				Ok(view) => views.push(view),
				Err(_) if votes.len() > 1 => return Err(self.split(number, &views)),
				Err(error) => return Err(error),
			}
		}
	}

	fn split(&self, number: u64, views: &[(usize, Head)]) -> EvmError {
		let view = |(at, head): &(usize, Head)| format!("{} {}", self.name(*at), head.hash);
		EvmError::Split {
			number,
			views: views.iter().map(view).collect::<Vec<_>>().join(", "),
		}
	}

	/// A block's head, as one endpoint knows it.
	pub async fn head(&self, tag: Tag) -> Result<Head, EvmError> {
		let ask = self.ask(&[], move |e| Box::pin(async move { known(e.head(tag).await?) }));
		ask.await.map(|(_, head)| head)
	}

	/// Logs, and who told them. Endpoints in `not` are asked only if there are no others.
	pub async fn logs(&self, query: &Query, not: &[usize]) -> Result<(usize, Vec<Log>), EvmError> {
		let query = query.clone();
		self.ask(not, move |e| {
			let query = query.clone();
			Box::pin(async move { e.logs(&query).await })
		})
		.await
	}

	/// What a call gives, and who told it.
	pub async fn call(&self, call: &ViewCall, at: Tag, not: &[usize]) -> Result<(usize, Bytes), EvmError> {
		let call = call.clone();
		self.ask(not, move |e| {
			let call = call.clone();
			Box::pin(async move { e.call(&call, at).await })
		})
		.await
	}

	/// What a call gives, or reverts with, as `read` understands it: what as many endpoints as are demanded say alike, and more
	/// than all others together that were asked.
	pub async fn agreed_call<T: PartialEq>(
		&self,
		call: &ViewCall,
		at: Tag,
		read: impl Fn(Result<Bytes, Bytes>) -> Result<T, EvmError>,
	) -> Result<T, EvmError> {
		let mut told: Vec<(usize, T)> = Vec::new();
		loop {
			let votes = |answer: &T| told.iter().filter(|(_, other)| other == answer).count();
			let enough = |count: usize| count >= self.agree && 2 * count > told.len();
			if let Some(place) = told.iter().position(|(_, answer)| enough(votes(answer))) {
				let (_, answer) = told.swap_remove(place);
				for (other, _) in told.iter().filter(|(_, other)| *other != answer) {
					self.distrust(*other, "a contract says something else to it than to the others");
				}
				return Ok(answer);
			}
			let asked: Vec<usize> = told.iter().map(|(at, _)| *at).collect();
			let names = || asked.iter().map(|at| self.name(*at)).collect::<Vec<_>>();
			if asked.len() >= self.members.len() {
				return Err(EvmError::Contradiction(names().join(" and ")));
			}
			let next = self
				.ask(&asked, |e| {
					let call = call.clone();
					Box::pin(async move {
						match e.call(&call, at).await {
							Err(EvmError::Reverted(data)) => Ok(Err(data)),
							other => other.map(Ok),
						}
					})
				})
				.await;
			match next {
				Ok((who, answer)) => told.push((who, read(answer)?)),
				// The one that could decide can't be asked.
				Err(_) if told.iter().any(|(_, answer)| *answer != told[0].1) => {
					return Err(EvmError::Contradiction(names().join(" and ")));
				},
				Err(error) => return Err(error),
			}
		}
	}

	/// Transactions that an account has sent, in the newest block: the most that an endpoint that is asked knows of.
	pub async fn nonce(&self, account: Address) -> Result<u64, EvmError> {
		let ask = self.ask(&[], move |e| Box::pin(async move { e.nonce(account).await }));
		ask.await.map(|(_, nonce)| nonce)
	}

	/// An account's coins, in wei.
	pub async fn balance(&self, account: Address) -> Result<U256, EvmError> {
		let ask = self.ask(&[], move |e| Box::pin(async move { e.balance(account).await }));
		ask.await.map(|(_, balance)| balance)
	}

	/// What block producers want, in wei for a unit of gas: see [`Endpoint::tip`].
	pub async fn tip(&self, has_base_fee: bool) -> Result<u128, EvmError> {
		let ask = self.ask(&[], move |e| Box::pin(async move { e.tip(has_base_fee).await }));
		ask.await.map(|(_, tip)| tip)
	}

	/// Hands a transaction to all endpoints that can be asked, so that none can hold it back. Succeeds if one takes it. It is
	/// refused only if all refuse it: one that failed may have taken it, unless it has done nothing but fail for at least as long
	/// as `dead_after`.
	pub async fn send(&self, transaction: &Bytes, dead_after: Option<Duration>) -> Result<(), EvmError> {
		let (mut taken, mut failure, mut refusal) = (false, None, None);
		for at in 0..self.members.len() {
			if !self.is_usable(at) && taken {
				continue;
			}
			let member = &self.members[at];
			member.tally.calls.add(1);
			match member.endpoint.send(transaction).await {
				Ok(_) => taken = true,
				Err(EvmError::Refused { message, .. }) if is_known(&message) => taken = true,
				Err(error) if error.is_endpoints_fault() => {
					self.failed(at, &error);
					if !member.is_dead(dead_after) {
						failure = Some(error);
					}
					continue;
				},
				Err(error) => refusal = Some(error),
			}
			member.answered();
		}
		match taken {
			true => Ok(()),
			false => Err(failure.or(refusal).unwrap_or_else(|| self.exhausted())),
		}
	}

	/// A transaction's receipt.
	pub async fn receipt(&self, transaction: B256) -> Result<Option<Receipt>, EvmError> {
		let ask = self.ask(&[], move |e| {
			Box::pin(async move { e.receipt(transaction).await })
		});
		ask.await.map(|(_, receipt)| receipt)
	}

	/// Leaves an endpoint alone for a while, because of what it said.
	pub fn distrust(&self, at: usize, why: &str) {
		if let Some(member) = self.members.get(at) {
			member.tally.distrusted.add(1);
			tracing::warn!(endpoint = member.endpoint.name(), "set aside: {why}");
			self.failed(at, &EvmError::Untrue(why.into()));
		}
	}

	/// Notes that what an endpoint said was checked, and is so.
	pub fn vouch(&self, at: usize) {
		if let Some(member) = self.members.get(at) {
			member.standing().untruths = 0;
		}
	}

	/// What an endpoint is called.
	pub fn name(&self, at: usize) -> &str {
		self.members.get(at).map_or("?", |member| member.endpoint.name())
	}

	/// Asks one endpoint after another until one answers.
	async fn ask<'a, T>(
		&'a self,
		not: &[usize],
		request: impl Fn(&'a dyn Endpoint) -> BoxFuture<'a, Result<T, EvmError>>,
	) -> Result<(usize, T), EvmError> {
		for _ in 0..ATTEMPTS {
			let at = match self.choose(not) {
				Ok(at) => at,
				Err(Some(until)) if until.saturating_duration_since(clock::now()) <= SHORT_WAIT => {
					clock::sleep(until.saturating_duration_since(clock::now())).await;
					continue;
				},
				Err(_) => return Err(self.exhausted()),
			};
			let member = &self.members[at];
			member.tally.calls.add(1);
			match request(member.endpoint.as_ref()).await {
				Ok(answer) => {
					member.answered();
					return Ok((at, answer));
				},
				Err(error) if error.is_endpoints_fault() => self.failed(at, &error),
				Err(error) => return Err(error),
			}
		}
		Err(self.exhausted())
	}

	/// Nobody can be asked now, and why not.
	fn exhausted(&self) -> EvmError {
		let troubles = self.members.iter().filter_map(|member| {
			let trouble = member.standing().trouble.clone()?;
			Some(format!("{}: {trouble}", member.endpoint.name()))
		});
		EvmError::Exhausted(troubles.collect::<Vec<_>>().join("; "))
	}

	/// The best endpoint that can be asked: not one of `not` unless there are no others at all. If there is none now, when the
	/// first will be back.
	fn choose(&self, not: &[usize]) -> Result<usize, Option<Instant>> {
		let fresh: Vec<usize> = (0..self.members.len()).filter(|at| !not.contains(at)).collect();
		let candidates = match fresh.is_empty() {
			true => (0..self.members.len()).collect(),
			false => fresh,
		};
		if let Some(at) = candidates.iter().copied().find(|at| self.is_usable(*at)) {
			return Ok(at);
		}
		Err(candidates
			.iter()
			.filter_map(|at| self.members[*at].standing().until)
			.min())
	}

	fn is_usable(&self, at: usize) -> bool {
		let until = self.members[at].standing().until;
		until.is_none_or(|until| until <= clock::now())
	}

	fn failed(&self, at: usize, error: &EvmError) {
		let member = &self.members[at];
		member.tally.errors.add(1);
		let mut standing = member.standing();
		let since = standing.failing_since.unwrap_or_else(clock::now);
		standing.failing_since = Some(since);
		// An endpoint that answers is not forgiven what it answers.
		let (base, count) = match error {
			EvmError::Untrue(_) => (Duration::from_secs(2), &mut standing.untruths),
			EvmError::RateLimited { wait } => {
				(wait.unwrap_or(Duration::from_secs(1)), &mut standing.failures)
			},
			_ => (Duration::from_millis(100), &mut standing.failures),
		};
		let factor = 1u32 << (*count).min(12);
		*count = count.saturating_add(1);
		standing.until = Some(clock::now() + base.saturating_mul(factor).min(LONGEST_ASIDE));
		standing.trouble = Some(error.to_string());
		tracing::debug!(endpoint = member.endpoint.name(), "{error}");
	}
}

impl Member {
	/// It does what it is asked for.
	fn answered(&self) {
		let mut standing = self.standing();
		standing.failures = 0;
		standing.failing_since = None;
	}

	/// Whether it has done nothing but fail for as long as that.
	fn is_dead(&self, after: Option<Duration>) -> bool {
		let since = self.standing().failing_since;
		after
			.zip(since)
			.is_some_and(|(after, since)| clock::now().saturating_duration_since(since) >= after)
	}

	fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
		// Nothing that could panic happens under the lock.
		self.standing
			.lock()
			.unwrap_or_else(|poisoned| poisoned.into_inner())
	}
}

/// A block that must be there: the endpoint has spoken of it, or of one above it.
fn known(head: Option<Head>) -> Result<Head, EvmError> {
	head.ok_or_else(|| EvmError::Unreadable("it does not know a block that it should have".into()))
}

/// Whether a node says that it has a transaction already.
fn is_known(message: &str) -> bool {
	let message = message.to_ascii_lowercase();
	message.contains("already known")
		|| message.contains("already imported")
		|| message.contains("known transaction")
}

#[cfg(test)]
mod tests;
