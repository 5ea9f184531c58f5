//! The worker's side of the protocol.

use super::{
	access::Access,
	places::{Guest, Places},
	reserved::Reserved,
	wire::{
		read_frame, write_frame, Purpose, Refusal, Request, Response, SignedRequest, ALPN, FRAME_TIMEOUT,
		MAX_REQUEST,
	},
	P2pError,
};
use crate::{
	chain::{Case, Chain, ChainError},
	config::{Limits, MIB},
	datadir::DataDir,
	journal::{CaseRecord, CaseStage, Closing, Journal, Stage},
	pipeline::prepare::wanted,
	progress::{Progress, ProgressHub},
	results::{input_tag, module_tag, sidecar_tag, BlobStore, ResultError, ResultStore},
	AccountId,
};
use bytes::Bytes;
use iroh::{
	endpoint::{Connection, RecvStream, SendStream},
	protocol::{AcceptError, ProtocolHandler, Router},
	Endpoint, EndpointId,
};
use iroh_blobs::BlobsProtocol;
use lilypad_primitives::{manifest::Manifest, DealId, Inputs, JobId, OutputRoot, Profile, VersionId};
use std::{
	io,
	sync::Arc,
	time::{Duration, Instant},
};
use tokio::{
	sync::{mpsc, watch},
	task::JoinSet,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

/// Streams that one peer may have open at once.
const STREAMS_PER_PEER: usize = 8;
/// Longest pause in an upload.
const UPLOAD_PAUSE: Duration = Duration::from_secs(30);
/// How often an unchanged state is repeated to a watcher, so that it knows that we live.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A peer that asks nothing for so long is disconnected.
const IDLE: Duration = Duration::from_secs(300);
const CHUNK: usize = 64 * 1024;
/// Longest standard error that is sent in one answer.
const MAX_LOG: u64 = 2 * MIB;
/// Its name among the files that come along unverified.
const STDERR: &str = "stderr";

/// What the worker's side of the protocol needs.
#[derive(Clone)]
pub struct PeerService {
	/// The chain.
	pub chain: Arc<dyn Chain>,
	/// The worker's folder.
	pub data: Arc<DataDir>,
	/// What has been decided.
	pub journal: Journal,
	/// Where files are kept.
	pub blobs: BlobStore,
	/// What deals are doing.
	pub hub: ProgressHub,
	/// Who may fetch which blob.
	pub access: Access,
	/// How much others may store.
	pub limits: Limits,
	/// Counts the files that have arrived, for those who wait for one.
	pub arrivals: watch::Sender<u64>,
	/// What is set aside for uploads.
	pub reserved: Arc<Reserved>,
	/// Whether no result is handed over.
	#[cfg(feature = "misbehave")]
	pub withholds: bool,
}

impl std::fmt::Debug for PeerService {
	fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
		f.write_str("PeerService")
	}
}

/// The bytes promised to one upload.
struct Reservation {
	reserved: Arc<Reserved>,
	bytes: u64,
}

impl Drop for Reservation {
	fn drop(&mut self) {
		self.reserved.release(self.bytes);
	}
}

impl From<ChainError> for Refusal {
	fn from(error: ChainError) -> Self {
		Refusal::Unavailable(error.to_string())
	}
}

impl From<ResultError> for Refusal {
	fn from(error: ResultError) -> Self {
		match error {
			ResultError::DiskFull => Refusal::DiskFull,
			ResultError::WrongHash { .. } => Refusal::WrongHash,
			ResultError::Missing(_) => Refusal::Unknown,
			other => Refusal::Unavailable(other.to_string()),
		}
	}
}

impl PeerService {
	/// Starts to serve both protocols on the endpoint.
	pub fn serve(&self, endpoint: Endpoint, shutdown: CancellationToken) -> Router {
		let gate = self.access.gate(shutdown.clone());
		let blobs = BlobHandler {
			protocol: BlobsProtocol::new(self.blobs.inner(), Some(gate)),
			access: self.access.clone(),
			places: Places::new(self.limits.max_connections),
		};
		let handler = Handler {
			service: self.clone(),
			id: endpoint.id(),
			places: Places::new(self.limits.max_connections),
			shutdown,
		};
		Router::builder(endpoint)
			.accept(iroh_blobs::ALPN, blobs)
			.accept(ALPN, handler)
			.spawn()
	}

	async fn answer(
		&self,
		me: EndpointId,
		peer: EndpointId,
		guest: &Guest,
		mut send: SendStream,
		mut recv: RecvStream,
	) -> Result<(), P2pError> {
		let request = match read_frame::<SignedRequest>(&mut recv, MAX_REQUEST, FRAME_TIMEOUT).await {
			Ok(request) => request,
			Err(P2pError::Protocol(_)) => {
				return finish(&mut send, &Response::Refused(Refusal::Malformed)).await
			},
			Err(other) => return Err(other),
		};
		let genesis = self.chain.genesis_hash();
		let response = match &request.request {
			Request::Hello => Ok(Response::Hello {
				account: self.chain.account(),
				genesis,
			}),
			signed => match request.account(&genesis, me, peer) {
				Err(refusal) => Err(refusal),
				Ok(who) => match signed {
					Request::Watch(deal) => match self.owned(*deal, &who) {
						Ok(_) => {
							guest.is_known();
							return self.watch(*deal, send).await;
						},
						Err(refusal) => Err(refusal),
					},
					Request::Upload { hash, size, purpose } => {
						let result = self
							.upload(&who, *hash, *size, *purpose, &mut send, &mut recv)
							.await;
						if result.is_err() {
							// Whatever is still on its way is not wanted. It may have been read to its end already.
							recv.stop(0u32.into()).ok();
						}
						result.map(|()| Response::Stored)
					},
					Request::Opening(deal) => self.opening(*deal, &who, peer).await,
					Request::Logs(deal) => self.logs(*deal, &who).await,
					Request::CaseInputs(deal) => self.case_inputs(*deal, &who, peer).await,
					Request::CaseResult { deal, root } => self.case_result(*deal, *root, &who, peer).await,
					Request::Hello => Err(Refusal::Malformed),
				},
			},
		};
		if response.is_ok() && !matches!(request.request, Request::Hello) {
			guest.is_known();
		}
		finish(&mut send, &response.unwrap_or_else(Response::Refused)).await
	}

	/// The deal's case, if the account has a seat in its present panel.
	async fn seated(&self, deal: DealId, who: &AccountId) -> Result<Case, Refusal> {
		// A node that is a block behind has not seen the draw yet.
		let case = self.chain.case(deal).await?.ok_or(Refusal::Unknown)?;
		match case.seat(who) {
			Some(_) => Ok(case),
			None => Err(Refusal::NotYours),
		}
	}

	fn stage(&self, deal: DealId) -> Result<Stage, Refusal> {
		#[cfg(feature = "misbehave")]
		if self.withholds {
			return Err(Refusal::NotReady);
		}
		let record = self
			.journal
			.get(deal)
			.map_err(|e| Refusal::Unavailable(e.to_string()))?;
		Ok(record.ok_or(Refusal::Unknown)?.stage)
	}

	/// Lets a mediator fetch what is here of the job's input files. The provider has them all; a mediator has what it has
	/// fetched so far.
	async fn case_inputs(
		&self,
		deal: DealId,
		who: &AccountId,
		peer: EndpointId,
	) -> Result<Response, Refusal> {
		self.seated(deal, who).await?;
		let deal = self.chain.deal(deal).await?.ok_or(Refusal::Unknown)?;
		let job = self.chain.job(deal.job).await?.ok_or(Refusal::Unknown)?;
		for file in wanted(&job) {
			if self.blobs.size(file.hash.0).await?.is_some() && !self.access.is_public(file.hash.0) {
				self.access.grant(file.hash.0, peer);
			}
		}
		Ok(Response::Granted)
	}

	/// Lets a mediator fetch the result that it has found itself. Who names another root learns nothing else.
	async fn case_result(
		&self,
		deal: DealId,
		root: OutputRoot,
		who: &AccountId,
		peer: EndpointId,
	) -> Result<Response, Refusal> {
		self.seated(deal, who).await?;
		let opening = self.stage(deal)?.opening().ok_or(Refusal::NotReady)?;
		if opening.triple.root != root {
			return Err(Refusal::NotAsked);
		}
		self.access.grant(root.0, peer);
		Ok(Response::Granted)
	}

	fn owned(&self, deal: DealId, who: &AccountId) -> Result<Stage, Refusal> {
		let record = self
			.journal
			.get(deal)
			.map_err(|e| Refusal::Unavailable(e.to_string()))?
			.ok_or(Refusal::Unknown)?;
		match record.judge == *who {
			true => Ok(record.stage),
			false => Err(Refusal::NotYours),
		}
	}

	async fn watch(&self, deal: DealId, mut send: SendStream) -> Result<(), P2pError> {
		let Some(mut progress) = self.hub.watch(deal) else {
			return finish(&mut send, &Response::Refused(Refusal::Unknown)).await;
		};
		loop {
			let now = progress.borrow_and_update().clone();
			let last = now.is_final();
			write_frame(&mut send, &Response::Progress(now)).await?;
			if last {
				break;
			}
			// Silence only means that the state is repeated.
			if let Ok(Err(_)) = tokio::time::timeout(HEARTBEAT, progress.changed()).await {
				let ended = Progress::Ended {
					why: "the deal is closed".into(),
				};
				write_frame(&mut send, &Response::Progress(ended)).await?;
				break;
			}
		}
		send.finish().map_err(P2pError::lost)
	}

	async fn opening(&self, deal: DealId, who: &AccountId, peer: EndpointId) -> Result<Response, Refusal> {
		let stage = match self.owned(deal, who) {
			// Nobody could find this result by himself.
			Err(Refusal::NotYours)
				if self
					.seated(deal, who)
					.await
					.is_ok_and(|case| case.profile == Profile::NonDeterministic) =>
			{
				self.stage(deal)?
			},
			other => other?,
		};
		#[cfg(feature = "misbehave")]
		if self.withholds {
			return Err(Refusal::NotReady);
		}
		let opening = stage.opening().ok_or(Refusal::NotReady)?;
		// Before the seal is on the chain the creator could still cancel, result in hand.
		let sealed = match self.chain.deal(deal).await? {
			Some(deal) => deal.state.seal() == Some(opening.seal(deal.id)),
			None => match stage {
				Stage::Sealed { submitted, .. } => submitted,
				Stage::Closed { why, .. } => why == Closing::Settled,
				_ => false,
			},
		};
		if !sealed {
			return Err(Refusal::NotReady);
		}
		self.access.grant(opening.triple.root.0, peer);
		let sidecar = self.blobs.tag_hash(&sidecar_tag(deal)).await?.map(OutputRoot);
		if let Some(root) = sidecar {
			self.access.grant(root.0, peer);
		}
		Ok(Response::Opening { opening, sidecar })
	}

	async fn logs(&self, deal: DealId, who: &AccountId) -> Result<Response, Refusal> {
		self.owned(deal, who)?;
		let root = self
			.blobs
			.tag_hash(&sidecar_tag(deal))
			.await?
			.ok_or(Refusal::NotReady)?;
		let files = self.blobs.list(OutputRoot(root)).await?;
		let bytes = match files.iter().find(|file| file.name == STDERR) {
			Some(file) => self.blobs.read(file.hash, MAX_LOG).await?,
			None => Bytes::new(),
		};
		Ok(Response::Logs(bytes.to_vec()))
	}

	async fn upload(
		&self,
		who: &AccountId,
		hash: [u8; 32],
		size: u64,
		purpose: Purpose,
		send: &mut SendStream,
		recv: &mut RecvStream,
	) -> Result<(), Refusal> {
		let (tag, quota) = match purpose {
			Purpose::JobInput(job) => (
				input_tag(job, &hash),
				self.check_input(who, job, hash, size).await?,
			),
			Purpose::Module(version) => (
				module_tag(version),
				self.check_module(who, version, hash, size).await?,
			),
		};
		if self.blobs.size(hash).await?.is_some() {
			self.blobs.tag(hash, &tag).await?;
		} else {
			let _reservation = self.reserve(size, quota).await?;
			self.reserved.try_file(&tag, Instant::now())?;
			let broken = |e: P2pError| Refusal::Unavailable(e.to_string());
			write_frame(send, &Response::Send).await.map_err(broken)?;
			let (sender, receiver) = mpsc::channel(16);
			let stored = self.blobs.add_stream(ReceiverStream::new(receiver), hash, &tag);
			let (received, stored) = tokio::join!(receive(recv, size, sender), stored);
			received?;
			stored?;
			self.reserved.arrived(&tag);
		}
		if matches!(purpose, Purpose::Module(_)) {
			self.access.publish(hash);
		}
		self.arrivals.send_modify(|n| *n += 1);
		Ok(())
	}

	/// Whether the job wants this file from this account.
	async fn check_input(
		&self,
		who: &AccountId,
		id: JobId,
		hash: [u8; 32],
		size: u64,
	) -> Result<Option<u64>, Refusal> {
		if !self.hub.has_job(id) && !self.judges(id)? {
			return Err(Refusal::Unknown);
		}
		let job = self.chain.job(id).await?.ok_or(Refusal::Unknown)?;
		if job.creator != *who {
			return Err(Refusal::NotYours);
		}
		let inputs = match job.request.inputs {
			Inputs::Hash { hash, size } => Some((hash, size)),
			Inputs::Inline(_) => None,
		};
		let files = job
			.request
			.files
			.iter()
			.map(|f| (f.hash, f.size))
			.chain(inputs)
			.collect::<Vec<_>>();
		let expected = files
			.iter()
			.find(|(of, _)| *of == hash)
			.ok_or(Refusal::NotAsked)?
			.1;
		if expected != size {
			return Err(Refusal::WrongSize(expected));
		}
		let all = files
			.iter()
			.fold(0u64, |sum, (_, size)| sum.saturating_add(*size));
		match all > self.limits.max_input_bytes {
			true => Err(Refusal::TooLarge(self.limits.max_input_bytes)),
			false => Ok(None),
		}
	}

	/// Whether this worker is a mediator in a case about this job, for which the creator may hand files over, too.
	fn judges(&self, job: JobId) -> Result<bool, Refusal> {
		let cases = self
			.journal
			.cases()
			.map_err(|e| Refusal::Unavailable(e.to_string()))?;
		let open = |case: &CaseRecord| case.job == job && !matches!(case.stage, CaseStage::Closed { .. });
		Ok(cases.iter().any(open))
	}

	/// Whether the module version has this archive or code, and this account is its author.
	async fn check_module(
		&self,
		who: &AccountId,
		id: VersionId,
		hash: [u8; 32],
		size: u64,
	) -> Result<Option<u64>, Refusal> {
		let (info, manifest) = self.chain.module(id).await?.ok_or(Refusal::Unknown)?;
		if info.author != *who {
			return Err(Refusal::NotYours);
		}
		let manifest = Manifest::parse(&manifest).map_err(|_| Refusal::NotAsked)?;
		let blob = manifest
			.blob()
			.filter(|blob| blob.hash.0 == hash)
			.ok_or(Refusal::NotAsked)?;
		if blob.size != size {
			return Err(Refusal::WrongSize(blob.size));
		}
		match size > self.limits.max_archive_bytes {
			true => Err(Refusal::TooLarge(self.limits.max_archive_bytes)),
			false => Ok(Some(self.limits.module_cache_bytes)),
		}
	}

	/// Sets room aside for an upload.
	async fn reserve(&self, size: u64, module_quota: Option<u64>) -> Result<Reservation, Refusal> {
		let promised = self.reserved.add(size);
		let reservation = Reservation {
			reserved: self.reserved.clone(),
			bytes: size,
		};
		if let Some(quota) = module_quota {
			let used = self
				.blobs
				.tagged("module/")
				.await?
				.iter()
				.fold(0u64, |sum, (_, _, size)| sum.saturating_add(*size));
			if used.saturating_add(promised) > quota {
				return Err(Refusal::QuotaExceeded);
			}
		}
		let free = self
			.data
			.free_bytes()
			.map_err(|e| Refusal::Unavailable(e.to_string()))?;
		match free < promised.saturating_add(self.limits.min_free_bytes) {
			true => Err(Refusal::DiskFull),
			false => Ok(reservation),
		}
	}
}

/// Passes on exactly `size` bytes.
async fn receive(
	recv: &mut RecvStream,
	size: u64,
	to: mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), Refusal> {
	let mut left = size;
	let failed = loop {
		let chunk = match tokio::time::timeout(UPLOAD_PAUSE, recv.read_chunk(CHUNK)).await {
			Err(_) => break Refusal::Unavailable("the upload paused for too long".into()),
			Ok(Err(e)) => break Refusal::Unavailable(e.to_string()),
			Ok(Ok(None)) if left == 0 => return Ok(()),
			Ok(Ok(None)) => break Refusal::WrongSize(size),
			Ok(Ok(Some(chunk))) => chunk,
		};
		let Some(rest) = left.checked_sub(chunk.len() as u64) else {
			break Refusal::WrongSize(size);
		};
		left = rest;
		if to.send(Ok(chunk)).await.is_err() {
			// The store has given up, and says why itself.
			return Ok(());
		}
	};
	// The store is not told: iroh-blobs 0.104 can panic over a source that fails (it yields an item in each of two branches
	// of a select). It takes what has come for the whole; that has another hash, is never tagged, and is collected after a while
	// (until then it counts as a try of the file, of which there are few).
	Err(failed)
}

async fn finish(send: &mut SendStream, response: &Response) -> Result<(), P2pError> {
	write_frame(send, response).await?;
	send.finish().map_err(P2pError::lost)
}

/// A connection whose place is taken by another, or that finds none.
fn turn_away(connection: &Connection) {
	connection.close(1u32.into(), b"busy");
}

#[derive(Clone, Debug)]
struct BlobHandler {
	protocol: BlobsProtocol,
	access: Access,
	places: Places,
}

impl ProtocolHandler for BlobHandler {
	async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
		let peer = connection.remote_id();
		let Some(guest) = self.places.enter(peer, !self.access.knows(&peer)) else {
			turn_away(&connection);
			return Ok(());
		};
		tokio::select! {
			ended = self.protocol.accept(connection.clone()) => ended,
			() = guest.leave.cancelled() => {
				turn_away(&connection);
				Ok(())
			},
		}
	}

	async fn shutdown(&self) {
		self.protocol.shutdown().await;
	}
}

#[derive(Clone, Debug)]
struct Handler {
	service: PeerService,
	id: EndpointId,
	places: Places,
	shutdown: CancellationToken,
}

impl ProtocolHandler for Handler {
	async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
		let peer = connection.remote_id();
		let Some(guest) = self.places.enter(peer, true).map(Arc::new) else {
			turn_away(&connection);
			return Ok(());
		};
		let mut streams = JoinSet::new();
		loop {
			let next = tokio::select! {
				next = tokio::time::timeout(IDLE, connection.accept_bi()), if streams.len() < STREAMS_PER_PEER => next,
				Some(_) = streams.join_next() => continue,
				() = self.shutdown.cancelled() => break,
				() = guest.leave.cancelled() => {
					turn_away(&connection);
					break;
				},
			};
			let (send, recv) = match next {
				Ok(Ok(stream)) => stream,
				Err(_) if !streams.is_empty() => continue,
				Ok(Err(_)) | Err(_) => break,
			};
			let (service, me, guest) = (self.service.clone(), self.id, guest.clone());
			streams.spawn(async move {
				if let Err(error) = service.answer(me, peer, &guest, send, recv).await {
					tracing::debug!(peer = %peer.fmt_short(), %error, "a request was not answered");
				}
			});
		}
		Ok(())
	}
}
