//! The creator's and the author's side of the protocol.

use super::{
	endpoint_addr,
	wire::{
		read_frame, signing_payload, write_frame, Purpose, Refusal, Request, Response, SignedRequest, ALPN,
		FRAME_TIMEOUT, MAX_RESPONSE,
	},
	P2pError, CONNECT_TIMEOUT,
};
use crate::{
	progress::Progress,
	results::{as_collection, collection_root, ResultEntry},
	AccountId,
};
use futures::{stream, Stream, StreamExt};
use iroh::{
	endpoint::{Connection, RecvStream, SendStream},
	Endpoint, EndpointAddr, EndpointId, SecretKey,
};
use iroh_blobs::{
	api::{
		blobs::{ExportMode, ExportOptions},
		remote::GetProgressItem,
	},
	format::collection::Collection,
	get::request::get_hash_seq_and_sizes,
	store::fs::FsStore,
	Hash,
};
use lilypad_primitives::{DealId, Opening, OutputRoot, PeerAddress};
use sp_runtime::MultiSignature;
use std::{
	path::{Path, PathBuf},
	sync::Arc,
	time::Duration,
};
use tokio::io::AsyncReadExt;

/// Longest wait for the next state of a watched deal; workers repeat themselves more often.
const WATCH_TIMEOUT: Duration = Duration::from_secs(45);
/// Longest wait for the worker to store an uploaded file.
const STORE_TIMEOUT: Duration = Duration::from_secs(300);
/// Longest pause in a download.
const DOWNLOAD_PAUSE: Duration = Duration::from_secs(60);
const CHUNK: usize = 256 * 1024;

/// Signs requests with an account's key.
pub trait RequestSigner: Send + Sync {
	/// The account.
	fn account(&self) -> AccountId;
	/// Signs a text.
	fn sign(&self, text: &[u8]) -> MultiSignature;
}

impl RequestSigner for lilypad_client::Signer {
	fn account(&self) -> AccountId {
		lilypad_client::Signer::account(self)
	}

	fn sign(&self, text: &[u8]) -> MultiSignature {
		lilypad_client::Signer::sign(self, text)
	}
}

/// How much a download may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DownloadLimits {
	/// Most bytes in all.
	pub max_bytes: u64,
	/// Most files.
	pub max_files: u64,
}

impl Default for DownloadLimits {
	fn default() -> Self {
		Self {
			max_bytes: 64 * 1024 * crate::config::MIB,
			max_files: 100_000,
		}
	}
}

/// A result on this machine's disk, whose bytes have been hashed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Download {
	/// The folder.
	pub path: PathBuf,
	/// Its files.
	pub files: Vec<ResultEntry>,
}

/// Connects to workers.
#[derive(Clone)]
pub struct PeerClient {
	endpoint: Endpoint,
	genesis: [u8; 32],
	signer: Option<Arc<dyn RequestSigner>>,
}

/// A connection with one worker.
pub struct PeerSession {
	client: PeerClient,
	address: EndpointAddr,
	connection: Connection,
}

impl PeerClient {
	/// A client with a peer key of its own. Without a signer it can only ask [`PeerSession::hello`] and fetch what is
	/// public.
	pub async fn bind(genesis: [u8; 32], signer: Option<Arc<dyn RequestSigner>>) -> Result<Self, P2pError> {
		let endpoint = super::bind(SecretKey::generate(), None).await?;
		Ok(Self::on(endpoint, genesis, signer))
	}

	/// A client on an endpoint that is there already.
	pub fn on(endpoint: Endpoint, genesis: [u8; 32], signer: Option<Arc<dyn RequestSigner>>) -> Self {
		Self {
			endpoint,
			genesis,
			signer,
		}
	}

	/// What its endpoint is known by.
	pub fn id(&self) -> EndpointId {
		self.endpoint.id()
	}

	/// Connects to a worker.
	pub async fn connect(&self, peer: &PeerAddress) -> Result<PeerSession, P2pError> {
		let address = endpoint_addr(peer)?;
		let connection = self.dial(&address, ALPN).await?;
		Ok(PeerSession {
			client: self.clone(),
			address,
			connection,
		})
	}

	async fn dial(&self, address: &EndpointAddr, alpn: &[u8]) -> Result<Connection, P2pError> {
		let unreachable = |why: String| P2pError::Unreachable {
			peer: address.id.fmt_short().to_string(),
			why,
		};
		tokio::time::timeout(CONNECT_TIMEOUT, self.endpoint.connect(address.clone(), alpn))
			.await
			.map_err(|_| unreachable("no answer".into()))?
			.map_err(|e| unreachable(crate::error::chain_of(&e)))
	}

	/// The size of a blob that a peer has and lets us fetch, verified against its hash.
	pub async fn verified_size(&self, peer: &PeerAddress, hash: [u8; 32]) -> Result<u64, P2pError> {
		let connection = self.dial(&endpoint_addr(peer)?, iroh_blobs::ALPN).await?;
		let hash = Hash::from(hash);
		let size = iroh_blobs::get::request::get_verified_size(&connection, &hash);
		let size = tokio::time::timeout(FRAME_TIMEOUT, size)
			.await
			.map_err(|_| P2pError::Timeout("a blob's size"))?;
		size.map(|(size, _)| size).map_err(P2pError::lost)
	}

	/// A connection by which blobs are fetched into a store.
	pub async fn blob_connection(&self, peer: &PeerAddress) -> Result<Connection, P2pError> {
		self.dial(&endpoint_addr(peer)?, iroh_blobs::ALPN).await
	}

	/// Closes all connections.
	pub async fn close(&self) {
		self.endpoint.close().await;
	}
}

impl PeerSession {
	/// The client that made it.
	pub fn client(&self) -> PeerClient {
		self.client.clone()
	}

	async fn ask(&self, request: Request) -> Result<(SendStream, RecvStream), P2pError> {
		let signed = self.client.signer.as_ref().map(|signer| {
			let me = self.client.endpoint.id();
			let payload = signing_payload(&self.client.genesis, self.connection.remote_id(), me, &request);
			(signer.account(), signer.sign(&payload))
		});
		let (mut send, recv) = self.connection.open_bi().await.map_err(P2pError::lost)?;
		write_frame(&mut send, &SignedRequest { request, signed }).await?;
		Ok((send, recv))
	}

	async fn ask_once(&self, request: Request) -> Result<Response, P2pError> {
		let (mut send, mut recv) = self.ask(request).await?;
		send.finish().map_err(P2pError::lost)?;
		answer(&mut recv, FRAME_TIMEOUT).await
	}

	/// The account and chain that the worker works for.
	pub async fn hello(&self) -> Result<(AccountId, [u8; 32]), P2pError> {
		match self.ask_once(Request::Hello).await? {
			Response::Hello { account, genesis } => Ok((account, genesis)),
			other => Err(unexpected(&other)),
		}
	}

	/// Hands a file over. `progress` is told of the bytes sent. A file that the worker has already is not sent again.
	pub async fn upload(
		&self,
		path: &Path,
		hash: [u8; 32],
		size: u64,
		purpose: Purpose,
		mut progress: impl FnMut(u64),
	) -> Result<(), P2pError> {
		let io = |source| P2pError::Io {
			what: "can't read",
			path: path.to_path_buf(),
			source,
		};
		let mut file = tokio::fs::File::open(path).await.map_err(io)?;
		let (mut send, mut recv) = self.ask(Request::Upload { hash, size, purpose }).await?;
		match answer(&mut recv, FRAME_TIMEOUT).await? {
			Response::Send => (),
			Response::Stored => {
				progress(size);
				return Ok(());
			},
			other => return Err(unexpected(&other)),
		}
		let mut sent = 0u64;
		let mut buffer = vec![0; CHUNK];
		loop {
			let n = file.read(&mut buffer).await.map_err(io)?;
			if n == 0 {
				break;
			}
			if send.write_all(&buffer[..n]).await.is_err() {
				// The worker wants no more: its answer says why.
				break;
			}
			sent += n as u64;
			progress(sent);
		}
		// A stream that the worker has stopped can't be finished, nor need it be.
		send.finish().ok();
		match answer(&mut recv, STORE_TIMEOUT).await? {
			Response::Stored => Ok(()),
			other => Err(unexpected(&other)),
		}
	}

	/// Follows a deal until its seal is on the chain, or the worker is done with it.
	pub async fn watch(
		&self,
		deal: DealId,
	) -> Result<impl Stream<Item = Result<Progress, P2pError>>, P2pError> {
		let (mut send, recv) = self.ask(Request::Watch(deal)).await?;
		send.finish().map_err(P2pError::lost)?;
		Ok(
			stream::unfold(Some((recv, self.connection.clone())), |state| async move {
				let (mut recv, connection) = state?;
				match answer(&mut recv, WATCH_TIMEOUT).await {
					Ok(Response::Progress(progress)) => {
						let next = (!progress.is_final()).then_some((recv, connection));
						Some((Ok(progress), next))
					},
					Ok(other) => Some((Err(unexpected(&other)), None)),
					Err(error) => Some((Err(error), None)),
				}
			})
			.boxed(),
		)
	}

	/// What the deal's seal hides, and the root of what came along unverified, if anything did. The caller checks the
	/// opening against the seal on the chain.
	pub async fn opening(&self, deal: DealId) -> Result<(Opening, Option<OutputRoot>), P2pError> {
		match self.ask_once(Request::Opening(deal)).await? {
			Response::Opening { opening, sidecar } => Ok((opening, sidecar)),
			other => Err(unexpected(&other)),
		}
	}

	/// What the job wrote to standard error.
	pub async fn logs(&self, deal: DealId) -> Result<Vec<u8>, P2pError> {
		match self.ask_once(Request::Logs(deal)).await? {
			Response::Logs(bytes) => Ok(bytes),
			other => Err(unexpected(&other)),
		}
	}

	/// Asks to be let to fetch the input files of a deal's job, as a mediator of its present panel.
	pub async fn case_inputs(&self, deal: DealId) -> Result<(), P2pError> {
		self.granted(Request::CaseInputs(deal)).await
	}

	/// Asks to be let to fetch a deal's result, which has this root, as a mediator of its present panel.
	pub async fn case_result(&self, deal: DealId, root: OutputRoot) -> Result<(), P2pError> {
		self.granted(Request::CaseResult { deal, root }).await
	}

	async fn granted(&self, request: Request) -> Result<(), P2pError> {
		match self.ask_once(request).await? {
			Response::Granted => Ok(()),
			other => Err(unexpected(&other)),
		}
	}

	/// Fetches a result into a folder that must not exist yet, and hashes what has come to the disk. `progress` is told of
	/// the bytes fetched and of those there are.
	pub async fn download(
		&self,
		root: OutputRoot,
		target: &Path,
		limits: DownloadLimits,
		mut progress: impl FnMut(u64, u64),
	) -> Result<Download, P2pError> {
		if target.exists() {
			let source = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
			return Err(P2pError::Io {
				what: "can't write the result to",
				path: target.into(),
				source,
			});
		}
		let connection = self.client.dial(&self.address, iroh_blobs::ALPN).await?;
		let most = limits.max_files.saturating_add(1).saturating_mul(32);
		let hash = Hash::from(root.0);
		let sizes = get_hash_seq_and_sizes(&connection, &hash, most, None);
		let (_, sizes) = tokio::time::timeout(CONNECT_TIMEOUT, sizes)
			.await
			.map_err(|_| P2pError::Timeout("the result's list of files"))?
			.map_err(P2pError::lost)?;
		let total = sizes.iter().fold(0u64, |sum, size| sum.saturating_add(*size));
		if total > limits.max_bytes {
			return Err(P2pError::BadContent(format!(
				"it has {total} bytes; at most {} are allowed",
				limits.max_bytes
			)));
		}

		let parent = target
			.parent()
			.filter(|p| !p.as_os_str().is_empty())
			.unwrap_or(Path::new("."));
		let io = |what: &'static str, path: &Path| {
			let path = path.to_path_buf();
			move |source| P2pError::Io { what, path, source }
		};
		std::fs::create_dir_all(parent).map_err(io("can't create the folder", parent))?;
		check_space(parent, total)?;
		let partial = tempfile::Builder::new()
			.prefix(".lilypad-")
			.tempdir_in(parent)
			.map_err(io("can't create a folder in", parent))?;
		let store = FsStore::load(partial.path().join("store"))
			.await
			.map_err(|e| P2pError::Lost(format!("{e:#}")))?;
		let fetched = fetch(&store, connection, root, total, &mut progress).await;
		let exported = match fetched {
			Ok(()) => export(&store, root, &partial.path().join("result")).await,
			Err(error) => Err(error),
		};
		// The store's files go with their folder; what failed before is what matters.
		store.shutdown().await.ok();
		let files = exported?;
		let path = partial.path().join("result");
		std::fs::rename(&path, target).map_err(io("can't move the result to", target))?;
		Ok(Download {
			path: target.to_path_buf(),
			files,
		})
	}
}

async fn fetch(
	store: &FsStore,
	connection: Connection,
	root: OutputRoot,
	total: u64,
	progress: &mut impl FnMut(u64, u64),
) -> Result<(), P2pError> {
	let mut fetching = Box::pin(store.remote().fetch(connection, as_collection(root)).stream());
	loop {
		let item = tokio::time::timeout(DOWNLOAD_PAUSE, fetching.next()).await;
		match item.map_err(|_| P2pError::Timeout("the result's next bytes"))? {
			Some(GetProgressItem::Progress(done)) => progress(done.min(total), total),
			Some(GetProgressItem::Done(_)) => return Ok(()),
			Some(GetProgressItem::Error(error)) => return Err(P2pError::lost(error)),
			None => return Err(P2pError::Lost("the download ended early".into())),
		}
	}
}

/// Writes a fetched collection to `target`, and hashes what is there.
async fn export(store: &FsStore, root: OutputRoot, target: &Path) -> Result<Vec<ResultEntry>, P2pError> {
	let load = Collection::load(Hash::from(root.0), store.as_ref() as &iroh_blobs::api::Store);
	let collection = load.await.map_err(|e| P2pError::BadContent(format!("{e:#}")))?;
	check_names(collection.iter().map(|(name, _)| name.as_str())).map_err(P2pError::BadContent)?;
	let io = |what, path: &Path, source| P2pError::Io {
		what,
		path: path.to_path_buf(),
		source,
	};
	std::fs::create_dir_all(target).map_err(|e| io("can't create the folder", target, e))?;
	let mut files = Vec::with_capacity(collection.len());
	for (name, hash) in collection {
		let path = target.join(&name);
		if let Some(parent) = path.parent() {
			std::fs::create_dir_all(parent).map_err(|e| io("can't create the folder", parent, e))?;
		}
		let options = ExportOptions {
			hash,
			mode: ExportMode::TryReference,
			target: path.clone(),
		};
		let exported = store.blobs().export_with_opts(options).await;
		exported.map_err(|e| P2pError::Store(crate::results::ResultError::store(e)))?;
		let (hash, size) = hash_file(&path).await.map_err(|e| io("can't read", &path, e))?;
		files.push(ResultEntry { name, hash, size });
	}
	let on_disk = collection_root(files.iter().map(|f| (f.name.as_str(), f.hash)));
	match on_disk == root {
		true => Ok(files),
		false => Err(P2pError::BadContent(format!(
			"the files on disk hash to {on_disk}, not to {root}"
		))),
	}
}

/// BLAKE3 and length of a file.
pub async fn hash_file(path: &Path) -> std::io::Result<([u8; 32], u64)> {
	let path = path.to_path_buf();
	let hash = move || {
		let mut hasher = blake3::Hasher::new();
		let size = std::io::copy(&mut std::fs::File::open(path)?, &mut hasher)?;
		Ok((*hasher.finalize().as_bytes(), size))
	};
	tokio::task::spawn_blocking(hash)
		.await
		.map_err(std::io::Error::other)?
}

/// Refuses names that could leave the folder or harm whoever lists it. A result has `stdout`, `stderr` and files below
/// `outputs/`, in byte order, each once.
pub fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<(), String> {
	let mut last: Option<&str> = None;
	for name in names {
		let shown = name.escape_debug().take(80).collect::<String>();
		if last.is_some_and(|last| last >= name) {
			return Err(format!("its file names are not in order at '{shown}'"));
		}
		let plain = |part: &str| {
			!part.is_empty()
				&& part != "."
				&& part != ".."
				&& part.len() <= 255
				&& !part.contains(|c: char| c.is_control() || c == '\\')
		};
		let known = name == "stdout" || name == "stderr" || name.starts_with("outputs/");
		if !known || name.len() > 4096 || !name.split('/').all(plain) {
			return Err(format!(
				"it has a file with the name '{shown}', which is not allowed"
			));
		}
		last = Some(name);
	}
	Ok(())
}

fn check_space(dir: &Path, needed: u64) -> Result<(), P2pError> {
	let io = |source| P2pError::Io {
		what: "can't ask for the free space of",
		path: dir.to_path_buf(),
		source,
	};
	let stat = rustix::fs::statvfs(dir).map_err(|e| io(e.into()))?;
	match stat.f_bavail.saturating_mul(stat.f_frsize) < needed {
		true => Err(P2pError::Io {
			what: "the result does not fit into",
			path: dir.to_path_buf(),
			source: std::io::ErrorKind::StorageFull.into(),
		}),
		false => Ok(()),
	}
}

async fn answer(recv: &mut RecvStream, wait: Duration) -> Result<Response, P2pError> {
	match read_frame::<Response>(recv, MAX_RESPONSE, wait).await? {
		Response::Refused(refusal) => Err(P2pError::Refused(refusal)),
		other => Ok(other),
	}
}

fn unexpected(response: &Response) -> P2pError {
	match response {
		Response::Refused(Refusal::Busy) => P2pError::Refused(Refusal::Busy),
		_ => P2pError::Protocol("an answer that does not belong to the question".into()),
	}
}
