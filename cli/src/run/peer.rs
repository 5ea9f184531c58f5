//! The part of a job that goes between the creator and the provider's worker: files there, the result back.
//!
//! It runs beside the one that follows the chain, and tries again for as long as it lives: the chain's deadlines say when
//! that is of no use any more.

use crate::{data::LocalFile, error::CliError, run::folder};
use futures::StreamExt;
use lilypad_client::{AccountId, Client, ClientError, MultiSignature, Signer};
use lilypad_primitives::{DealId, JobId, Opening, OutputRoot};
use lilypad_worker::{
	p2p::{DownloadLimits, P2pError, PeerClient, PeerSession, Purpose, Refusal, RequestSigner},
	progress::Progress,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

const FIRST_PAUSE: Duration = Duration::from_millis(150);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How often a result of a job that has ended is asked for.
const ATTEMPTS: u8 = 5;
/// How long to wait in between.
const PAUSE: Duration = Duration::from_secs(3);

/// What to fetch and to hand over.
#[derive(Clone, Debug)]
pub struct Errand {
	/// The job.
	pub job: JobId,
	/// Its deal.
	pub deal: DealId,
	/// Who runs it.
	pub provider: AccountId,
	/// What the provider needs.
	pub files: Vec<LocalFile>,
	/// A folder that does not exist yet, for the result.
	pub target: PathBuf,
}

/// How the errand goes.
#[derive(Debug)]
pub enum News {
	/// The provider has all files.
	Delivered,
	/// Bytes of a file that went to the provider.
	Sent(String, u64, u64),
	/// What the worker does.
	Worker(Progress),
	/// The result, which fits the seal.
	Opened(Opening),
	/// Bytes of the result that came.
	Received(u64, u64),
	/// The result is in the folder, and hashes to what was sealed.
	Fetched(Opening),
	/// Something failed that may go better; it is tried again.
	Trouble(String),
	/// Something failed for good.
	Failed(String),
	/// Something is wrong with a file or folder of this machine.
	Here(String),
}

/// An errand on its way. It ends when this is dropped.
#[derive(Debug)]
pub struct Running {
	/// How it goes.
	pub news: mpsc::Receiver<News>,
	task: JoinHandle<()>,
}

impl Drop for Running {
	fn drop(&mut self) {
		self.task.abort();
	}
}

struct Key(Signer);

impl RequestSigner for Key {
	fn account(&self) -> AccountId {
		self.0.account()
	}

	fn sign(&self, text: &[u8]) -> MultiSignature {
		self.0.sign(text)
	}
}

/// The creator's end of the connections to workers.
pub async fn peers(client: &Client, signer: &Signer) -> Result<PeerClient, P2pError> {
	PeerClient::bind(client.genesis_hash().0, Some(Arc::new(Key(signer.clone())))).await
}

/// Sets out.
pub fn start(client: Client, peers: PeerClient, errand: Errand) -> Running {
	let (sender, news) = mpsc::channel(256);
	let task = tokio::spawn(async move {
		let mut worker = Worker {
			client,
			peers,
			errand,
			delivered: false,
			opened: None,
			news: sender,
		};
		worker.run().await;
	});
	Running { news, task }
}

struct Worker {
	client: Client,
	peers: PeerClient,
	errand: Errand,
	delivered: bool,
	opened: Option<(Opening, Option<OutputRoot>)>,
	news: mpsc::Sender<News>,
}

enum Stop {
	/// Trying again may help.
	Again(String),
	/// It can't.
	Never(String),
	/// Only the user can mend it: a file that can't be read, a disk that is full.
	Here(String),
}

impl From<P2pError> for Stop {
	fn from(e: P2pError) -> Self {
		match e {
			P2pError::Io { .. } => Self::Here(e.to_string()),
			e if e.is_transient() => Self::Again(e.to_string()),
			e => Self::Never(e.to_string()),
		}
	}
}

impl From<CliError> for Stop {
	fn from(e: CliError) -> Self {
		match e {
			CliError::Client(e) if e.is_transient() => Self::Again(e.to_string()),
			e @ CliError::Io { .. } => Self::Here(e.to_string()),
			e => Self::Never(e.to_string()),
		}
	}
}

impl Worker {
	async fn run(&mut self) {
		let mut pause = FIRST_PAUSE;
		loop {
			match self.try_once().await {
				Ok(()) => return,
				Err(Stop::Never(why)) => return self.tell(News::Failed(why)).await,
				Err(Stop::Here(why)) => return self.tell(News::Here(why)).await,
				Err(Stop::Again(why)) => self.tell(News::Trouble(why)).await,
			}
			sleep(pause).await;
			pause = (pause * 2).min(LONGEST_PAUSE);
		}
	}

	async fn tell(&self, news: News) {
		// Nobody listens: the errand is about to be called off.
		let _ = self.news.send(news).await;
	}

	/// For news that may be left out when too many come.
	fn mention(&self, news: News) {
		// As above; and a full channel has newer news in it already.
		let _ = self.news.try_send(news);
	}

	async fn try_once(&mut self) -> Result<(), Stop> {
		let session = self.session().await?;
		if !self.delivered {
			self.deliver(&session).await?;
			self.delivered = true;
			self.tell(News::Delivered).await;
		}
		if self.opened.is_none() {
			self.watch(&session).await?;
			let opened = self.opening(&session).await?;
			self.tell(News::Opened(opened.0)).await;
			self.opened = Some(opened);
		}
		if let Some((opening, sidecar)) = self.opened {
			self.fetch(&session, &opening, sidecar).await?;
			self.tell(News::Fetched(opening)).await;
		}
		Ok(())
	}

	async fn session(&self) -> Result<PeerSession, Stop> {
		let view = self.client.best().await.map_err(CliError::from)?;
		let address = view.peer(&self.errand.provider).await.map_err(CliError::from)?;
		let address =
			address.ok_or_else(|| Stop::Again("the provider has announced no address yet".into()))?;
		let session = self.peers.connect(&address).await?;
		let (account, genesis) = session.hello().await?;
		if account != self.errand.provider || genesis != self.client.genesis_hash().0 {
			return Err(Stop::Again(
				"another worker answers at the provider's address".into(),
			));
		}
		Ok(session)
	}

	async fn deliver(&self, session: &PeerSession) -> Result<(), Stop> {
		for file in &self.errand.files {
			let hash = file
				.hash_bytes()
				.ok_or_else(|| Stop::Never(format!("no hash is known of {}", file.path.display())))?;
			let name = if file.name.is_empty() {
				"inputs"
			} else {
				file.name.as_str()
			};
			let sent = |done| self.mention(News::Sent(name.into(), done, file.size));
			let upload = session.upload(
				&file.path,
				hash,
				file.size,
				Purpose::JobInput(self.errand.job),
				sent,
			);
			upload.await.map_err(|e| match e {
				P2pError::Refused(Refusal::WrongHash | Refusal::WrongSize(_)) => Stop::Never(format!(
					"{} has changed since the job was posted",
					file.path.display()
				)),
				e => e.into(),
			})?;
		}
		Ok(())
	}

	/// Follows the worker until its result is sealed on the chain.
	async fn watch(&self, session: &PeerSession) -> Result<(), Stop> {
		if self.is_sealed().await? {
			return Ok(());
		}
		let mut stages = session.watch(self.errand.deal).await?;
		while let Some(progress) = stages.next().await {
			let progress = progress?;
			match &progress {
				Progress::Ready => return Ok(()),
				Progress::Ended { why } => return Err(Stop::Again(format!("the worker has stopped: {why}"))),
				_ => self.tell(News::Worker(progress)).await,
			}
		}
		match self.is_sealed().await? {
			true => Ok(()),
			false => Err(Stop::Again("the worker says no more".into())),
		}
	}

	async fn is_sealed(&self) -> Result<bool, Stop> {
		let view = self.client.best().await.map_err(CliError::from)?;
		let deal = view.deal(self.errand.deal).await.map_err(CliError::from)?;
		Ok(deal.is_some_and(|deal| deal.state.seal().is_some()))
	}

	/// Asks for what the seal hides, and checks it against the seal on the chain.
	async fn opening(&self, session: &PeerSession) -> Result<(Opening, Option<OutputRoot>), Stop> {
		let (opening, sidecar) = session.opening(self.errand.deal).await?;
		let view = self.client.best().await.map_err(CliError::from)?;
		let deal = view.deal(self.errand.deal).await.map_err(CliError::from)?;
		match deal.map(|d| d.state.seal()) {
			Some(Some(seal)) if opening.seal(self.errand.deal) == seal => Ok((opening, sidecar)),
			Some(Some(_)) => Err(Stop::Again(
				"the provider's result does not fit its seal on the chain".into(),
			)),
			Some(None) => Err(Stop::Again("the provider's seal is not on the chain yet".into())),
			None => Err(Stop::Never("the deal has ended".into())),
		}
	}

	async fn fetch(
		&self,
		session: &PeerSession,
		opening: &Opening,
		sidecar: Option<OutputRoot>,
	) -> Result<(), Stop> {
		let received = |done, total| self.mention(News::Received(done, total));
		fetch(
			session,
			opening.triple.root,
			sidecar,
			opening.triple.exit_code,
			&self.errand,
			received,
		)
		.await
	}
}

async fn fetch(
	session: &PeerSession,
	root: OutputRoot,
	sidecar: Option<OutputRoot>,
	exit_code: i32,
	errand: &Errand,
	progress: impl FnMut(u64, u64),
) -> Result<(), Stop> {
	let target = &errand.target;
	folder::remove(target).map_err(Stop::from)?;
	session
		.download(root, target, DownloadLimits::default(), progress)
		.await
		.map_err(|e| match e {
			// Wrong bytes now may be right ones when asked again, or from nobody: the chain's deadlines decide.
			P2pError::BadContent(why) => Stop::Again(why),
			e => e.into(),
		})?;
	if let Some(sidecar) = sidecar {
		// Nothing that was paid for: without it the result is complete.
		let beside = target.with_extension("unverified");
		folder::remove(&beside).map_err(Stop::from)?;
		match session
			.download(sidecar, &beside, DownloadLimits::default(), |_, _| ())
			.await
		{
			Ok(_) => folder::merge(&beside, target).map_err(Stop::from)?,
			Err(e) => tracing::warn!("standard error could not be fetched: {e}"),
		}
	}
	folder::complete(target, exit_code).map_err(Stop::from)
}

/// Fetches a result that has been revealed on the chain, from whoever has it: again and again for a while, for mediators serve
/// what they found only once they are sure that the case has ended.
pub async fn fetch_revealed(
	client: &Client,
	peers: &PeerClient,
	errand: &Errand,
	root: OutputRoot,
	exit_code: i32,
	mut progress: impl FnMut(u64, u64),
) -> Result<(), String> {
	let mut last = String::new();
	for attempt in 0..ATTEMPTS {
		if attempt > 0 {
			sleep(PAUSE).await;
		}
		match from_anybody(client, peers, errand, root, exit_code, &mut progress).await {
			Ok(()) => return Ok(()),
			Err(Stop::Here(why)) => return Err(why),
			Err(Stop::Again(why) | Stop::Never(why)) => last = why,
		}
	}
	Err(last)
}

async fn from_anybody(
	client: &Client,
	peers: &PeerClient,
	errand: &Errand,
	root: OutputRoot,
	exit_code: i32,
	mut progress: impl FnMut(u64, u64),
) -> Result<(), Stop> {
	let again = |error: ClientError| Stop::Again(error.to_string());
	let view = client.best().await.map_err(again)?;
	let mut all = view.peers().await.map_err(again)?;
	// Whoever ran it first.
	all.sort_by_key(|(account, _)| *account != errand.provider);
	let mut failure = "no provider has announced an address".to_string();
	for (account, address) in all {
		let attempt = async {
			let session = peers.connect(&address).await?;
			// The creator proves who it is: so the provider serves it even before everybody.
			let sidecar = match account == errand.provider {
				true => session
					.opening(errand.deal)
					.await
					.ok()
					.and_then(|(_, sidecar)| sidecar),
				false => None,
			};
			fetch(&session, root, sidecar, exit_code, errand, &mut progress).await
		};
		match attempt.await {
			Ok(()) => return Ok(()),
			Err(Stop::Here(why)) => return Err(Stop::Here(why)),
			Err(Stop::Again(why) | Stop::Never(why)) if account == errand.provider => failure = why,
			Err(_) => (),
		}
	}
	Err(Stop::Again(failure))
}
