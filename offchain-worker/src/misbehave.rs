//! Providers and mediators that cheat, for tests of verification: only with the feature `misbehave`, which is off by default.
//!
//! What they forge or pad comes out of a wrapper around the executors, so that all that follows is the ordinary worker's
//! work. What else they do or leave undone stays behind conditions that are compiled with the feature alone: in the
//! peer-to-peer service, which hands no result over, and in what is sent to the chain ([`tampered`]).

use crate::{
	chain::{Call, ChainError, ChainResult},
	executor::{ExecError, Executor, PreparedSource, ProgressSender, RunId, RunInfo, RunOutcome, RunRequest},
	pipeline::Engines,
	AccountId,
};
use lilypad_client::{
	mediation::{Case, SeatState},
	View,
};
use lilypad_primitives::{Commitment, Platform, RuntimeImage, Status};
use std::{io::Write, str::FromStr, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// By how much run times are padded. The wait is real: the chain's clock bounds what can be claimed.
const PADDING: Duration = Duration::from_secs(15);

/// How to cheat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
	/// Adds a line to standard output: as a provider and as a mediator.
	Forge,
	/// As a provider, hands no result over and opens no seal.
	Withhold,
	/// As a provider, charges for more time than the run took.
	Overcharge,
	/// As a provider, claims that the job needs more memory than it has.
	Starve,
	/// As a mediator, commits to what another has committed to.
	Copy,
	/// As a mediator, commits and never reveals.
	Silent,
}

impl FromStr for Misbehaviour {
	type Err = String;

	fn from_str(text: &str) -> Result<Self, String> {
		match text {
			"forge" => Ok(Self::Forge),
			"withhold" => Ok(Self::Withhold),
			"overcharge" => Ok(Self::Overcharge),
			"starve" => Ok(Self::Starve),
			"copy" => Ok(Self::Copy),
			"silent" => Ok(Self::Silent),
			_ => Err("write forge, withhold, overcharge, starve, copy or silent".into()),
		}
	}
}

/// These executors, cheating.
pub fn engines(honest: Engines, how: Misbehaviour) -> Engines {
	tracing::warn!(?how, "this worker cheats: it is for tests");
	let wrap = |inner| Arc::new(Cheat { inner, how }) as Arc<dyn Executor>;
	Engines(honest.0.into_iter().map(wrap).collect())
}

/// What a cheat sends in place of an honest worker's call. An error stands for sending nothing.
pub(crate) async fn tampered(
	how: Misbehaviour,
	call: Call,
	view: &View,
	me: &AccountId,
) -> ChainResult<Call> {
	let nothing = |why: &str| Err(ChainError::Malformed(why.into()));
	match (how, call) {
		(Misbehaviour::Withhold, Call::Reveal(..)) => nothing("this provider withholds its results"),
		(Misbehaviour::Silent, Call::RevealVote(..)) => nothing("this mediator never reveals its vote"),
		(Misbehaviour::Copy, Call::CommitVote(deal, _)) => {
			match view.case(deal).await?.as_ref().and_then(|case| another(case, me)) {
				Some(commitment) => Ok(Call::CommitVote(deal, commitment)),
				None => nothing("nobody has committed to anything that could be copied"),
			}
		},
		(_, call) => Ok(call),
	}
}

/// What another mediator has committed to.
fn another(case: &Case, me: &AccountId) -> Option<Commitment> {
	case.panel().find_map(|seat| match seat.state {
		SeatState::Committed(commitment) if seat.mediator != *me => Some(commitment),
		_ => None,
	})
}

struct Cheat {
	inner: Arc<dyn Executor>,
	how: Misbehaviour,
}

impl Cheat {
	async fn spoil(&self, request: &RunRequest, mut outcome: RunOutcome) -> Result<RunOutcome, ExecError> {
		match self.how {
			Misbehaviour::Forge => std::fs::OpenOptions::new()
				.append(true)
				.create(true)
				.open(&outcome.stdout)
				.and_then(|mut file| file.write_all(b"forged\n"))
				.map_err(ExecError::io("can't write", &outcome.stdout))?,
			Misbehaviour::Overcharge => {
				tokio::time::sleep(PADDING).await;
				let padding = u64::try_from(PADDING.as_millis()).unwrap_or(u64::MAX);
				outcome.usage = outcome.usage.saturating_add(padding).min(request.time_limit);
			},
			Misbehaviour::Starve => {
				outcome.status = Status::MemoryExceeded;
				outcome.exit_code = 0;
			},
			Misbehaviour::Withhold | Misbehaviour::Copy | Misbehaviour::Silent => (),
		}
		Ok(outcome)
	}
}

#[async_trait::async_trait]
impl Executor for Cheat {
	fn platforms(&self) -> Vec<Platform> {
		self.inner.platforms()
	}

	fn describe(&self) -> String {
		format!("{} (cheating)", self.inner.describe())
	}

	async fn health(&self) -> Result<(), ExecError> {
		self.inner.health().await
	}

	async fn has(&self, image: &RuntimeImage) -> Result<bool, ExecError> {
		self.inner.has(image).await
	}

	async fn prepare(&self, source: &PreparedSource, progress: &ProgressSender) -> Result<(), ExecError> {
		self.inner.prepare(source, progress).await
	}

	async fn run(&self, request: &RunRequest, cancel: CancellationToken) -> Result<RunOutcome, ExecError> {
		let outcome = self.inner.run(request, cancel).await?;
		self.spoil(request, outcome).await
	}

	async fn adopt(
		&self,
		request: &RunRequest,
		cancel: CancellationToken,
	) -> Result<Option<RunOutcome>, ExecError> {
		match self.inner.adopt(request, cancel).await? {
			Some(outcome) => self.spoil(request, outcome).await.map(Some),
			None => Ok(None),
		}
	}

	async fn cleanup(&self, run: &RunId) -> Result<(), ExecError> {
		self.inner.cleanup(run).await
	}

	async fn list_runs(&self) -> Result<Vec<RunInfo>, ExecError> {
		self.inner.list_runs().await
	}
}
