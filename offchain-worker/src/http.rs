//! Opened results over HTTP, read-only, for those who have no peer-to-peer client.

use crate::{
	p2p::Access,
	results::{BlobStore, ResultEntry, ResultError, ResultStore},
};
use axum::{
	body::Body,
	extract::{Path, State},
	http::{header, HeaderValue, StatusCode},
	middleware::map_response,
	response::{IntoResponse, Response},
	routing::get,
	Json, Router,
};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use iroh_blobs::Hash;
use lilypad_primitives::OutputRoot;
use serde::Serialize;
use std::{future::IntoFuture, io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
	net::TcpListener,
	sync::{mpsc, OwnedSemaphorePermit, Semaphore},
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::{io::ReaderStream, sync::CancellationToken};

/// Requests that are answered at the same time.
const MAX_REQUESTS: usize = 64;
/// Bytes of a file that are passed on at once.
const CHUNK: usize = 64 * 1024;
/// Longest time that a reader may take for [`CHUNK`] bytes. Who is slower holds a place that others wait for.
const STALL: Duration = Duration::from_secs(30);
/// How long answers may go on after the shutdown.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Clone)]
struct Shared {
	blobs: BlobStore,
	access: Access,
	slots: Arc<Semaphore>,
}

#[derive(Serialize)]
struct Listing {
	root: String,
	files: Vec<ListedFile>,
}

#[derive(Serialize)]
struct ListedFile {
	name: String,
	size: u64,
	blake3: String,
}

/// The routes: `/v1/results/<root>/` lists a result, `/v1/results/<root>/<name>` is one of its files.
pub fn router(blobs: BlobStore, access: Access) -> Router {
	let shared = Shared {
		blobs,
		access,
		slots: Arc::new(Semaphore::new(MAX_REQUESTS)),
	};
	Router::new()
		.route("/v1/results/{root}", get(list))
		.route("/v1/results/{root}/", get(list))
		.route("/v1/results/{root}/{*name}", get(file))
		.route("/health", get(|| async { "ok\n" }))
		.layer(map_response(open_to_pages))
		.with_state(shared)
}

/// Pages of any origin may read what is public: nothing here goes by who asks, and the root says whether it is right.
async fn open_to_pages(mut response: Response) -> Response {
	response
		.headers_mut()
		.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
	response
}

/// Serves until `shutdown`. Answers that go on then have a few seconds to end.
pub async fn serve(
	listener: TcpListener,
	router: Router,
	shutdown: CancellationToken,
) -> Result<(), std::io::Error> {
	let stopped = shutdown.clone().cancelled_owned();
	let served = axum::serve(listener, router)
		.with_graceful_shutdown(stopped)
		.into_future();
	let overdue = async {
		shutdown.cancelled().await;
		tokio::time::sleep(GRACE).await;
	};
	tokio::select! {
		ended = served => ended,
		() = overdue => Ok(()),
	}
}

/// Passes a file on for as long as it is read, and then gives the place back. The body is polled by its connection alone, which
/// does not do so while its reader is slow: the time limit needs a task of its own.
async fn pass_on<S: Stream<Item = io::Result<Bytes>> + Unpin>(
	mut file: S,
	reader: mpsc::Sender<io::Result<Bytes>>,
	_place: OwnedSemaphorePermit,
	stall: Duration,
) {
	while let Some(chunk) = file.next().await {
		match tokio::time::timeout(stall, reader.send(chunk)).await {
			Ok(Ok(())) => (),
			// The reader is gone, or too slow: its answer ends early, and its length says so.
			Ok(Err(_)) | Err(_) => return,
		}
	}
}

/// Opens a port.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, crate::WorkerError> {
	TcpListener::bind(address)
		.await
		.map_err(|source| crate::WorkerError::Listen { address, source })
}

fn refuse(status: StatusCode, why: &str) -> Response {
	(status, format!("{why}\n")).into_response()
}

impl Shared {
	async fn entries(
		&self,
		root: &str,
	) -> Result<(OutputRoot, Vec<ResultEntry>, OwnedSemaphorePermit), Response> {
		let busy = |_| {
			refuse(
				StatusCode::SERVICE_UNAVAILABLE,
				"too many requests at once: try again",
			)
		};
		let permit = self.slots.clone().try_acquire_owned().map_err(busy)?;
		let mut bytes = [0; 32];
		hex::decode_to_slice(root, &mut bytes).map_err(|_| {
			refuse(
				StatusCode::BAD_REQUEST,
				"a result's root has 64 hexadecimal digits",
			)
		})?;
		let unknown = || {
			refuse(
				StatusCode::NOT_FOUND,
				"no such result is served here; sealed results are not public yet",
			)
		};
		if !self.access.is_public(bytes) {
			return Err(unknown());
		}
		let root = OutputRoot(bytes);
		match self.blobs.list(root).await {
			Ok(entries) => Ok((root, entries, permit)),
			// Archives of modules are public as well, but no results.
			Err(ResultError::Missing(_) | ResultError::Store(_)) => Err(unknown()),
			Err(error) => Err(refuse(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())),
		}
	}
}

async fn list(State(shared): State<Shared>, Path(root): Path<String>) -> Response {
	let (root, entries, _permit) = match shared.entries(&root).await {
		Ok(found) => found,
		Err(response) => return response,
	};
	let file = |e: ResultEntry| ListedFile {
		name: e.name,
		size: e.size,
		blake3: hex::encode(e.hash),
	};
	Json(Listing {
		root: root.to_string(),
		files: entries.into_iter().map(file).collect(),
	})
	.into_response()
}

async fn file(State(shared): State<Shared>, Path((root, name)): Path<(String, String)>) -> Response {
	let (_, entries, permit) = match shared.entries(&root).await {
		Ok(found) => found,
		Err(response) => return response,
	};
	// The name is compared, never used as a path.
	let Some(entry) = entries.into_iter().find(|entry| entry.name == name) else {
		return refuse(StatusCode::NOT_FOUND, "the result has no such file");
	};
	let reader = shared.blobs.inner().blobs().reader(Hash::from(entry.hash));
	let (sender, body) = mpsc::channel(1);
	// Ends with the reader, or with the reader's time.
	tokio::spawn(pass_on(
		ReaderStream::with_capacity(reader, CHUNK),
		sender,
		permit,
		STALL,
	));
	let headers = [
		(
			header::CONTENT_TYPE,
			HeaderValue::from_static("application/octet-stream"),
		),
		(header::CONTENT_LENGTH, HeaderValue::from(entry.size)),
		// A stranger's file must not run as a page of this server.
		(
			header::CONTENT_DISPOSITION,
			HeaderValue::from_static("attachment"),
		),
		(
			header::X_CONTENT_TYPE_OPTIONS,
			HeaderValue::from_static("nosniff"),
		),
		(
			header::CACHE_CONTROL,
			HeaderValue::from_static("public, max-age=31536000, immutable"),
		),
	];
	(headers, Body::from_stream(ReceiverStream::new(body))).into_response()
}

#[cfg(test)]
mod tests {
	use super::*;
	use crate::results::ResultFile;
	use tokio::io::{AsyncReadExt, AsyncWriteExt};

	async fn ask(address: SocketAddr, path: &str) -> (String, Vec<u8>) {
		let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
		let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
		stream.write_all(request.as_bytes()).await.expect("sent");
		let mut answer = Vec::new();
		stream.read_to_end(&mut answer).await.expect("answered");
		let split = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
		(
			String::from_utf8_lossy(&answer[..split]).into_owned(),
			answer[split + 4..].to_vec(),
		)
	}

	#[tokio::test]
	async fn a_reader_that_stalls_loses_its_place() {
		let places = Arc::new(Semaphore::new(1));
		let place = places.clone().try_acquire_owned().expect("free");
		let endless = futures::stream::repeat_with(|| Ok(Bytes::from_static(b"more")));
		let (sender, mut body) = mpsc::channel(1);
		tokio::spawn(pass_on(endless, sender, place, Duration::from_millis(200)));
		for _ in 0..5 {
			assert!(body.recv().await.is_some(), "a reader that reads is served");
			assert_eq!(places.available_permits(), 0);
		}
		let freed = tokio::time::timeout(Duration::from_secs(10), places.acquire()).await;
		freed.expect("given back").expect("open").forget();
	}

	#[tokio::test]
	async fn an_answer_without_an_end_does_not_hold_up_the_shutdown() {
		let listener = listen(([127, 0, 0, 1], 0).into()).await.expect("a port");
		let address = listener.local_addr().expect("an address");
		let asked = Arc::new(tokio::sync::Notify::new());
		let notify = asked.clone();
		let endless = move || async move {
			notify.notify_one();
			std::future::pending::<()>().await
		};
		let stop = CancellationToken::new();
		let router = Router::new().route("/", get(endless));
		let server = tokio::spawn(serve(listener, router, stop.clone()));
		let mut stream = tokio::net::TcpStream::connect(address).await.expect("connected");
		let request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
		stream.write_all(request).await.expect("sent");
		asked.notified().await;
		stop.cancel();
		let ended = tokio::time::timeout(GRACE * 5, server).await;
		ended.expect("in time").expect("no panic").expect("no error");
	}

	#[tokio::test]
	async fn opened_results_are_served_and_nothing_else() {
		let dir = tempfile::tempdir().expect("a folder");
		let blobs = BlobStore::open(&dir.path().join("blobs")).await.expect("new");
		let bytes = vec![9u8; 300_000];
		let path = dir.path().join("f");
		std::fs::write(&path, &bytes).expect("written");
		let hash = *blake3::hash(&bytes).as_bytes();
		let file = ResultFile {
			name: "outputs/a b".into(),
			hash,
			path,
		};
		let root = blobs.publish("result/1", &[file]).await.expect("published");
		let access = Access::default();
		let listener = listen(([127, 0, 0, 1], 0).into()).await.expect("a port");
		let address = listener.local_addr().expect("an address");
		let stop = CancellationToken::new();
		let server = tokio::spawn(serve(listener, router(blobs, access.clone()), stop.clone()));

		let (head, _) = ask(address, &format!("/v1/results/{root}/")).await;
		assert!(
			head.starts_with("HTTP/1.1 404"),
			"a sealed result is not listed: {head}"
		);
		access.publish(root.0);
		let (head, body) = ask(address, &format!("/v1/results/{root}/")).await;
		assert!(head.starts_with("HTTP/1.1 200"), "{head}");
		assert!(
			head.contains("access-control-allow-origin: *"),
			"no page could read it: {head}"
		);
		let listing: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
		assert_eq!(listing["files"][0]["name"], "outputs/a b");
		assert_eq!(listing["files"][0]["size"], 300_000);
		let (head, body) = ask(address, &format!("/v1/results/{root}/outputs/a%20b")).await;
		assert!(
			head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("nosniff"),
			"{head}"
		);
		assert_eq!(body, bytes);
		for path in [
			format!("/v1/results/{root}/outputs/../../f"),
			format!("/v1/results/{root}/..%2f..%2ff"),
			format!("/v1/results/{}/", "00".repeat(32)),
			format!("/v1/results/{}/", hex::encode(hash)),
		] {
			let (head, _) = ask(address, &path).await;
			assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
		}
		assert!(ask(address, "/v1/results/xyz/")
			.await
			.0
			.starts_with("HTTP/1.1 400"));
		stop.cancel();
		server.await.expect("no panic").expect("no error");
	}
}
