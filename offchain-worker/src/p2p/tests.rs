//! Both sides of the protocol, over real endpoints on this machine.

use super::{
	wire::{
		read_frame, write_frame, Request, Response, SignedRequest, ALPN, FRAME_TIMEOUT, MAX_REQUEST,
		MAX_RESPONSE,
	},
	*,
};
use crate::{
	chain::{
		fake::{self, FakeChain},
		Call, Chain,
	},
	config::{Limits, MIB},
	datadir::DataDir,
	journal::{DealRecord, Journal, RunRecord, Stage},
	progress::{Progress, ProgressHub},
	results::{
		collection_root, input_tag, module_tag, result_tag, sidecar_tag, BlobStore, ResultFile, ResultStore,
	},
	AccountId,
};
use futures::StreamExt;
use lilypad_client::Signer;
use lilypad_primitives::{DealId, InputFile, JobId, Opening, OutputRoot, Status, Triple, VersionId};
use std::{path::Path, sync::Arc};
use tokio_util::sync::CancellationToken;

const DEAL: DealId = DealId(5);
const JOB: JobId = JobId(105);

struct Server {
	dir: tempfile::TempDir,
	chain: FakeChain,
	service: PeerService,
	router: iroh::protocol::Router,
	peer: PeerAddress,
}

fn signer(name: &str) -> Signer {
	Signer::from_suri(name).expect("a development key")
}

fn creator() -> Signer {
	signer("//Bob")
}

impl Server {
	async fn new(limits: Limits) -> Self {
		let dir = tempfile::tempdir().expect("a folder");
		let chain = FakeChain::new(fake::provider());
		let data = Arc::new(DataDir::open(dir.path()).expect("free"));
		let service = PeerService {
			chain: Arc::new(chain.clone()),
			journal: Journal::open(&data.journal()).expect("new"),
			blobs: BlobStore::open(&data.blobs()).await.expect("new"),
			data,
			hub: ProgressHub::default(),
			access: Access::default(),
			limits: Limits {
				min_free_bytes: 0,
				..limits
			},
			arrivals: tokio::sync::watch::Sender::new(0),
			reserved: Arc::default(),
			#[cfg(feature = "misbehave")]
			withholds: false,
		};
		let endpoint = bind(SecretKey::generate(), Some(([127, 0, 0, 1], 0).into()))
			.await
			.expect("bound");
		let address = endpoint.bound_sockets()[0]
			.to_string()
			.into_bytes()
			.try_into()
			.expect("short");
		let peer = PeerAddress {
			id: *endpoint.id().as_bytes(),
			addresses: vec![address].try_into().expect("one"),
		};
		let router = service.serve(endpoint, CancellationToken::new());
		Self {
			dir,
			chain,
			service,
			router,
			peer,
		}
	}

	/// A job of [`creator`] with one file, matched with this worker.
	fn with_job(&self, hash: [u8; 32], size: u64) {
		let mut job = fake::job("{}");
		job.creator = creator().account();
		let file = InputFile {
			name: b"data".to_vec().try_into().expect("short"),
			hash,
			size,
		};
		job.request.files = vec![file].try_into().expect("one");
		self.chain.match_job(DEAL, job, 100);
		self.begin(creator().account());
	}

	fn begin(&self, judge: AccountId) {
		let record = DealRecord {
			deal: DEAL,
			job: JOB,
			judge,
			subject: [0; 32],
			stage: Stage::Matched,
			trouble: None,
		};
		self.service.journal.begin(record).expect("written");
		self.service.hub.begin(DEAL, JOB);
	}

	/// A sealed and submitted result with these files.
	async fn with_result(&self, files: &[(&str, &[u8])]) -> Opening {
		self.with_job([1; 32], 1);
		let files = self.files(files);
		let root = self
			.service
			.blobs
			.publish(&result_tag(DEAL), &files)
			.await
			.expect("published");
		let log = self.files(&[("stderr", b"warning")]);
		self.service
			.blobs
			.publish(&sidecar_tag(DEAL), &log)
			.await
			.expect("published");
		let triple = Triple {
			status: Status::Completed,
			exit_code: 0,
			root,
		};
		let opening = Opening {
			triple,
			usage: 10,
			salt: [3; 32],
		};
		let run = RunRecord { triple, measured: 10 };
		let stage = Stage::Sealed {
			run,
			opening,
			submitted: false,
		};
		self.service.journal.advance(DEAL, stage).expect("written");
		opening
	}

	fn files(&self, files: &[(&str, &[u8])]) -> Vec<ResultFile> {
		let write = |(name, bytes): &(&str, &[u8])| {
			let hash = *blake3::hash(bytes).as_bytes();
			let path = self.dir.path().join(hex::encode(hash));
			std::fs::write(&path, bytes).expect("written");
			ResultFile {
				name: (*name).into(),
				hash,
				path,
			}
		};
		files.iter().map(write).collect()
	}

	async fn submit(&self, opening: &Opening) {
		self.chain
			.call(Call::Submit(DEAL, opening.seal(DEAL)), None)
			.await
			.expect("taken");
	}

	async fn client(&self, signer: Option<Signer>) -> PeerSession {
		let signer = signer.map(|signer| Arc::new(signer) as Arc<dyn RequestSigner>);
		let client = PeerClient::bind(self.chain.genesis_hash(), signer)
			.await
			.expect("bound");
		client.connect(&self.peer).await.expect("connected")
	}
}

fn file(dir: &Path, bytes: &[u8]) -> (std::path::PathBuf, [u8; 32], u64) {
	let path = dir.join("upload");
	std::fs::write(&path, bytes).expect("written");
	(path, *blake3::hash(bytes).as_bytes(), bytes.len() as u64)
}

fn refusal<T: std::fmt::Debug>(result: Result<T, P2pError>) -> Refusal {
	match result {
		Err(P2pError::Refused(refusal)) => refusal,
		other => panic!("not refused: {other:?}"),
	}
}

#[tokio::test]
async fn twenty_megabytes_go_there_and_back() {
	let server = Server::new(Limits::default()).await;
	let bytes = (0..20 * MIB as usize)
		.map(|i| ((i * 31) >> 3) as u8)
		.collect::<Vec<_>>();
	let (path, hash, size) = file(server.dir.path(), &bytes);
	server.with_job(hash, size);
	let session = server.client(Some(creator())).await;
	let mut sent = 0;
	session
		.upload(&path, hash, size, Purpose::JobInput(JOB), |n| sent = n)
		.await
		.expect("stored");
	assert_eq!(sent, size);
	assert_eq!(*server.service.arrivals.borrow(), 1);
	assert_eq!(
		server
			.service
			.blobs
			.tag_hash(&input_tag(JOB, &hash))
			.await
			.expect("readable"),
		Some(hash)
	);
	// A second time nothing is sent.
	session
		.upload(&path, hash, size, Purpose::JobInput(JOB), |_| ())
		.await
		.expect("there already");

	let files = [ResultFile {
		name: "outputs/big".into(),
		hash,
		path,
	}];
	let root = server
		.service
		.blobs
		.publish(&result_tag(DEAL), &files)
		.await
		.expect("published");
	server.service.access.publish(root.0);
	let target = server.dir.path().join("result");
	let mut last = (0, 0);
	let download = session
		.download(root, &target, DownloadLimits::default(), |done, all| {
			last = (done, all)
		})
		.await;
	assert_eq!(download.expect("fetched").files[0].size, size);
	assert!(last.0 > size / 2 && last.1 >= size, "{last:?}");
	assert_eq!(std::fs::read(target.join("outputs/big")).expect("there"), bytes);
}

#[tokio::test]
async fn a_mediator_of_the_panel_gets_inputs_and_the_result_that_it_found() {
	let server = Server::new(Limits::default()).await;
	let opening = server.with_result(&[("stdout", b"moo\n")]).await;
	let (path, hash, size) = file(server.dir.path(), b"input");
	let mut job = fake::job("{}");
	job.creator = creator().account();
	let name = b"data".to_vec().try_into().expect("short");
	job.request.files = vec![InputFile { name, hash, size }].try_into().expect("one");
	let tag = input_tag(JOB, &hash);
	let stored = server.service.blobs.add_file(&path, hash, &tag);
	stored.await.expect("stored");
	let mediator = signer("//Charlie");
	let panel = [mediator.account()];
	server.chain.open_case(DEAL, job, opening.seal(DEAL), &panel, 100);

	let stranger = server.client(Some(signer("//Dave"))).await;
	assert_eq!(refusal(stranger.case_inputs(DEAL).await), Refusal::NotYours);
	let root = opening.triple.root;
	assert_eq!(refusal(stranger.case_result(DEAL, root).await), Refusal::NotYours);
	let session = server.client(Some(mediator)).await;
	assert_eq!(
		refusal(session.case_inputs(DealId(99)).await),
		Refusal::Unknown,
		"there is no such case"
	);
	// What it could not know by itself it isn't told.
	assert_eq!(
		refusal(session.case_result(DEAL, OutputRoot([9; 32])).await),
		Refusal::NotAsked
	);
	assert_eq!(refusal(session.opening(DEAL).await), Refusal::NotYours);
	let target = server.dir.path().join("fetched");
	let download = session.download(root, &target, DownloadLimits::default(), |_, _| ());
	assert!(download.await.is_err(), "nothing was granted yet");
	session.case_result(DEAL, root).await.expect("it has run the job");
	let download = session.download(root, &target, DownloadLimits::default(), |_, _| ());
	assert_eq!(download.await.expect("granted").files.len(), 1);

	let size_of =
		|client: PeerClient, peer: PeerAddress| async move { client.verified_size(&peer, hash).await };
	assert!(size_of(session.client(), server.peer.clone()).await.is_err());
	session.case_inputs(DEAL).await.expect("granted");
	assert_eq!(
		size_of(session.client(), server.peer.clone())
			.await
			.expect("granted"),
		size
	);
	assert!(size_of(stranger.client(), server.peer.clone()).await.is_err());
}

#[tokio::test]
async fn a_mediator_is_told_what_nobody_else_can_find() {
	let server = Server::new(Limits::default()).await;
	let opening = server.with_result(&[("stdout", b"moo\n")]).await;
	let mediator = signer("//Charlie");
	let panel = [mediator.account()];
	server
		.chain
		.open_case(DEAL, fake::job("{}"), opening.seal(DEAL), &panel, 100);
	if let Some(case) = server.chain.lock().cases.get_mut(&DEAL) {
		case.profile = lilypad_primitives::Profile::NonDeterministic;
	}
	let session = server.client(Some(mediator)).await;
	assert_eq!(session.opening(DEAL).await.expect("told").0, opening);
	let stranger = server.client(Some(signer("//Dave"))).await;
	assert_eq!(refusal(stranger.opening(DEAL).await), Refusal::NotYours);
}

#[tokio::test]
async fn uploads_of_others_and_of_other_things_are_refused() {
	let server = Server::new(Limits {
		max_input_bytes: 2000,
		..Limits::default()
	})
	.await;
	let (path, hash, size) = file(server.dir.path(), &[7; 1000]);
	server.with_job(hash, size);
	let upload = |signer: Option<Signer>, hash, size, purpose| {
		let (server, path) = (&server, &path);
		async move {
			server
				.client(signer)
				.await
				.upload(path, hash, size, purpose, |_| ())
				.await
		}
	};
	let input = Purpose::JobInput(JOB);
	assert_eq!(
		refusal(upload(None, hash, size, input).await),
		Refusal::BadSignature
	);
	assert_eq!(
		refusal(upload(Some(signer("//Eve")), hash, size, input).await),
		Refusal::NotYours
	);
	assert_eq!(
		refusal(upload(Some(creator()), [9; 32], size, input).await),
		Refusal::NotAsked
	);
	assert_eq!(
		refusal(upload(Some(creator()), hash, size + 1, input).await),
		Refusal::WrongSize(size)
	);
	assert_eq!(
		refusal(upload(Some(creator()), hash, size, Purpose::JobInput(JobId(1))).await),
		Refusal::Unknown
	);
	assert_eq!(server.service.blobs.size(hash).await.expect("readable"), None);
	upload(Some(creator()), hash, size, input)
		.await
		.expect("the right one is taken");
}

#[tokio::test]
async fn bytes_that_are_not_what_was_announced_are_not_kept() {
	let server = Server::new(Limits::default()).await;
	let (path, _, size) = file(server.dir.path(), &[7; 100_000]);
	let announced = *blake3::hash(b"something else").as_bytes();
	server.with_job(announced, size);
	let session = server.client(Some(creator())).await;
	let result = session
		.upload(&path, announced, size, Purpose::JobInput(JOB), |_| ())
		.await;
	assert_eq!(refusal(result), Refusal::WrongHash);
	assert_eq!(
		server
			.service
			.blobs
			.tag_hash(&input_tag(JOB, &announced))
			.await
			.expect("readable"),
		None
	);
	assert_eq!(server.service.reserved.bytes(), 0);
}

#[tokio::test]
async fn wrong_bytes_again_and_again_are_not_taken() {
	let server = Server::new(Limits::default()).await;
	let (path, _, size) = file(server.dir.path(), &[7; 1000]);
	let announced = *blake3::hash(b"something else").as_bytes();
	server.with_job(announced, size);
	let session = server.client(Some(creator())).await;
	let mut last = Refusal::WrongHash;
	for _ in 0..10 {
		let result = session
			.upload(&path, announced, size, Purpose::JobInput(JOB), |_| ())
			.await;
		last = refusal(result);
	}
	assert_eq!(last, Refusal::Busy);
}

#[tokio::test]
async fn more_or_fewer_bytes_than_announced_are_refused() {
	for real in [50_000u64, 150_000] {
		let server = Server::new(Limits::default()).await;
		let (path, _, _) = file(server.dir.path(), &vec![7; real as usize]);
		server.with_job([5; 32], 100_000);
		let session = server.client(Some(creator())).await;
		let result = session
			.upload(&path, [5; 32], 100_000, Purpose::JobInput(JOB), |_| ())
			.await;
		assert_eq!(refusal(result), Refusal::WrongSize(100_000), "{real}");
	}
}

#[tokio::test]
async fn too_large_a_job_is_refused_before_a_byte_is_sent() {
	let server = Server::new(Limits {
		max_input_bytes: 999,
		..Limits::default()
	})
	.await;
	let (path, hash, size) = file(server.dir.path(), &[7; 1000]);
	server.with_job(hash, size);
	let session = server.client(Some(creator())).await;
	let result = session
		.upload(&path, hash, size, Purpose::JobInput(JOB), |_| ())
		.await;
	assert_eq!(refusal(result), Refusal::TooLarge(999));
}

#[tokio::test]
async fn only_the_author_fills_the_cache_of_modules_and_not_beyond_its_quota() {
	let limits = Limits {
		module_cache_bytes: 1500,
		max_archive_bytes: 1500,
		..Limits::default()
	};
	let server = Server::new(limits).await;
	let author = signer("//Dave");
	let mut modules = Vec::new();
	for (version, byte) in [(0u32, 1u8), (1, 2)] {
		let bytes = [byte; 1000];
		let hash = *blake3::hash(&bytes).as_bytes();
		let (mut info, manifest) = fake::module(hash, 1000);
		info.author = author.account();
		server
			.chain
			.lock()
			.modules
			.insert(VersionId(version), (info, manifest));
		let path = server.dir.path().join(format!("m{version}"));
		std::fs::write(&path, bytes).expect("written");
		modules.push((path, hash, Purpose::Module(VersionId(version))));
	}
	let session = server.client(Some(author)).await;
	let stranger = server.client(Some(creator())).await;
	let (path, hash, purpose) = &modules[0];
	assert_eq!(
		refusal(stranger.upload(path, *hash, 1000, *purpose, |_| ()).await),
		Refusal::NotYours
	);
	assert_eq!(
		refusal(session.upload(path, [1; 32], 1000, *purpose, |_| ()).await),
		Refusal::NotAsked
	);
	session
		.upload(path, *hash, 1000, *purpose, |_| ())
		.await
		.expect("stored");
	assert_eq!(
		server
			.service
			.blobs
			.tag_hash(&module_tag(VersionId(0)))
			.await
			.expect("readable"),
		Some(*hash)
	);
	// Other providers may fetch it.
	let anybody = PeerClient::bind([0; 32], None).await.expect("bound");
	assert_eq!(
		anybody.verified_size(&server.peer, *hash).await.expect("served"),
		1000
	);
	let (path, hash, purpose) = &modules[1];
	assert_eq!(
		refusal(session.upload(path, *hash, 1000, *purpose, |_| ()).await),
		Refusal::QuotaExceeded
	);
}

#[tokio::test]
async fn a_full_disk_is_said() {
	let mut server = Server::new(Limits::default()).await;
	server.router.shutdown().await.expect("stopped");
	server.service.blobs = BlobStore::open(&server.dir.path().join("other"))
		.await
		.expect("new");
	server.service.limits.min_free_bytes = u64::MAX / 2;
	let endpoint = bind(SecretKey::generate(), Some(([127, 0, 0, 1], 0).into()))
		.await
		.expect("bound");
	let address = endpoint.bound_sockets()[0]
		.to_string()
		.into_bytes()
		.try_into()
		.expect("short");
	server.peer = PeerAddress {
		id: *endpoint.id().as_bytes(),
		addresses: vec![address].try_into().expect("one"),
	};
	server.router = server.service.serve(endpoint, CancellationToken::new());
	let (path, hash, size) = file(server.dir.path(), &[7; 1000]);
	server.with_job(hash, size);
	let session = server.client(Some(creator())).await;
	let result = session
		.upload(&path, hash, size, Purpose::JobInput(JOB), |_| ())
		.await;
	assert_eq!(refusal(result), Refusal::DiskFull);
}

#[tokio::test]
async fn the_opening_is_for_the_creator_and_only_once_the_seal_is_on_the_chain() {
	let server = Server::new(Limits::default()).await;
	let opening = server.with_result(&[("stdout", b"moo\n")]).await;
	let session = server.client(Some(creator())).await;
	let stranger = server.client(Some(signer("//Eve"))).await;
	assert_eq!(refusal(session.opening(DEAL).await), Refusal::NotReady);
	server.submit(&opening).await;
	assert_eq!(refusal(stranger.opening(DEAL).await), Refusal::NotYours);
	assert_eq!(refusal(stranger.logs(DEAL).await), Refusal::NotYours);
	assert_eq!(refusal(session.opening(DealId(77)).await), Refusal::Unknown);
	let (got, sidecar) = session.opening(DEAL).await.expect("given");
	assert_eq!(got, opening);
	assert_eq!(session.logs(DEAL).await.expect("given"), b"warning");
	let target = server.dir.path().join("sidecar");
	let sidecar = sidecar.expect("there is one");
	session
		.download(sidecar, &target, DownloadLimits::default(), |_, _| ())
		.await
		.expect("fetched");
	assert_eq!(std::fs::read(target.join("stderr")).expect("there"), b"warning");
}

#[tokio::test]
async fn a_sealed_result_is_fetched_by_its_creator_alone_and_an_opened_one_by_all() {
	let server = Server::new(Limits::default()).await;
	let opening = server
		.with_result(&[
			("outputs/a/b", b"same"),
			("outputs/c", b"same"),
			("stdout", b"moo\n"),
		])
		.await;
	server.submit(&opening).await;
	let root = opening.triple.root;
	let limits = DownloadLimits::default();
	let session = server.client(Some(creator())).await;
	let stranger = server.client(None).await;
	let target = server.dir.path().join("early");
	assert!(
		session.download(root, &target, limits, |_, _| ()).await.is_err(),
		"not before it has the opening"
	);
	session.opening(DEAL).await.expect("given");
	let download = session
		.download(root, &target, limits, |_, _| ())
		.await
		.expect("fetched");
	assert_eq!(download.files.len(), 3);
	assert_eq!(std::fs::read(target.join("outputs/a/b")).expect("there"), b"same");
	assert_eq!(std::fs::read(target.join("stdout")).expect("there"), b"moo\n");
	let elsewhere = server.dir.path().join("stranger");
	assert!(stranger
		.download(root, &elsewhere, limits, |_, _| ())
		.await
		.is_err());
	assert!(!elsewhere.exists());
	server.service.access.publish(root.0);
	stranger
		.download(root, &elsewhere, limits, |_, _| ())
		.await
		.expect("it is public now");
	let again = stranger.download(root, &elsewhere, limits, |_, _| ()).await;
	assert!(
		matches!(again, Err(P2pError::Io { .. })),
		"what is there is not overwritten: {again:?}"
	);
}

#[tokio::test]
async fn input_files_are_not_served_to_strangers() {
	let server = Server::new(Limits::default()).await;
	let (path, hash, size) = file(server.dir.path(), &[7; 1000]);
	server.with_job(hash, size);
	let session = server.client(Some(creator())).await;
	session
		.upload(&path, hash, size, Purpose::JobInput(JOB), |_| ())
		.await
		.expect("stored");
	let anybody = PeerClient::bind([0; 32], None).await.expect("bound");
	assert!(
		anybody.verified_size(&server.peer, hash).await.is_err(),
		"its hash is on the chain, its bytes are not"
	);
}

#[tokio::test]
async fn hostile_names_and_sizes_are_refused() {
	let server = Server::new(Limits::default()).await;
	let session = server.client(None).await;
	for name in [
		"../evil",
		"/etc/passwd",
		"outputs/../../evil",
		"outputs//x",
		"evil",
		"outputs/",
		"outputs/a\nb",
		"stdout/x",
	] {
		let root = server
			.service
			.blobs
			.publish("x", &server.files(&[(name, b"x")]))
			.await
			.expect("published");
		server.service.access.publish(root.0);
		let target = server.dir.path().join("evil");
		let result = session
			.download(root, &target, DownloadLimits::default(), |_, _| ())
			.await;
		assert!(
			matches!(result, Err(P2pError::BadContent(_))),
			"{name:?}: {result:?}"
		);
		assert!(!target.exists());
	}
	let files = server.files(&[("outputs/a", &[1; 5000])]);
	let root = server
		.service
		.blobs
		.publish("x", &files)
		.await
		.expect("published");
	server.service.access.publish(root.0);
	let limits = DownloadLimits {
		max_bytes: 4000,
		..DownloadLimits::default()
	};
	let result = session
		.download(root, &server.dir.path().join("big"), limits, |_, _| ())
		.await;
	assert!(matches!(result, Err(P2pError::BadContent(_))), "{result:?}");
}

#[test]
fn names_are_in_order_and_once() {
	let check = |names: &[&str]| client::check_names(names.iter().copied());
	assert!(check(&["outputs/a", "outputs/b/c", "stderr", "stdout"]).is_ok());
	assert!(check(&[]).is_ok());
	assert!(check(&["stdout", "outputs/a"]).is_err());
	assert!(check(&["stdout", "stdout"]).is_err());
	assert!(check(&["outputs/a\\b"]).is_err());
	assert!(check(&["outputs/."]).is_err());
}

#[test]
fn the_stores_root_is_the_executors_root() {
	let entries = [("outputs/a", [1; 32]), ("stdout", [2; 32])];
	let files = entries.map(|(name, hash)| crate::output::OutputEntry {
		name: name.into(),
		path: Default::default(),
		hash,
		size: 1,
	});
	assert_eq!(collection_root(entries), crate::output::output_root(&files));
	assert_eq!(collection_root([]), crate::output::empty_root());
}

#[tokio::test]
async fn a_watcher_sees_stages_until_the_seal_is_there() {
	let server = Server::new(Limits::default()).await;
	server.with_job([1; 32], 1);
	let session = server.client(Some(creator())).await;
	assert_eq!(
		refusal(
			session
				.watch(DealId(99))
				.await
				.expect("asked")
				.next()
				.await
				.expect("answered")
		),
		Refusal::Unknown
	);
	let stranger = server.client(Some(signer("//Eve"))).await;
	assert_eq!(
		refusal(
			stranger
				.watch(DEAL)
				.await
				.expect("asked")
				.next()
				.await
				.expect("answered")
		),
		Refusal::NotYours
	);
	let mut stages = session.watch(DEAL).await.expect("asked");
	assert_eq!(
		stages.next().await.expect("one").expect("good"),
		Progress::Matched
	);
	server.service.hub.set(DEAL, Progress::Running { since: 4 });
	assert_eq!(
		stages.next().await.expect("one").expect("good"),
		Progress::Running { since: 4 }
	);
	server.service.hub.set(DEAL, Progress::Ready);
	assert_eq!(stages.next().await.expect("one").expect("good"), Progress::Ready);
	assert!(stages.next().await.is_none());
}

#[tokio::test]
async fn nonsense_is_answered_and_does_no_harm() {
	let server = Server::new(Limits::default()).await;
	let endpoint = bind(SecretKey::generate(), None).await.expect("bound");
	let address = endpoint_addr(&server.peer).expect("an address");
	let connection = endpoint.connect(address, ALPN).await.expect("connected");
	for bytes in [vec![255, 255, 255, 255, 0], vec![3, 0, 0, 0, 9, 9, 9]] {
		let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
		send.write_all(&bytes).await.expect("sent");
		send.finish().expect("open");
		let answer = read_frame::<Response>(&mut recv, MAX_RESPONSE, FRAME_TIMEOUT)
			.await
			.expect("answered");
		assert_eq!(answer, Response::Refused(Refusal::Malformed));
	}
	let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
	write_frame(
		&mut send,
		&SignedRequest {
			request: Request::Hello,
			signed: None,
		},
	)
	.await
	.expect("sent");
	let answer = read_frame::<Response>(&mut recv, MAX_REQUEST, FRAME_TIMEOUT)
		.await
		.expect("answered");
	assert_eq!(
		answer,
		Response::Hello {
			account: fake::provider(),
			genesis: [7; 32]
		}
	);
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_unreachable() {
	let client = PeerClient::bind([7; 32], None).await.expect("bound");
	let nobody = PeerAddress {
		id: *SecretKey::generate().public().as_bytes(),
		..PeerAddress::default()
	};
	assert!(matches!(client.connect(&nobody).await, Err(P2pError::Address(_))));
}

#[test]
fn the_empty_result_has_a_root() {
	assert_ne!(collection_root([]), OutputRoot::default());
}

#[tokio::test]
async fn strangers_keep_nobody_out_who_has_a_part_in_a_deal() {
	let server = Server::new(Limits {
		max_connections: 3,
		..Limits::default()
	})
	.await;
	let opening = server.with_result(&[("stdout", b"moo\n")]).await;
	server.submit(&opening).await;
	let mut strangers = Vec::new();
	for _ in 0..3 {
		strangers.push(server.client(None).await);
	}
	let creator = server.client(Some(creator())).await;
	assert_eq!(creator.opening(DEAL).await.expect("told").0, opening);
	for _ in 0..5 {
		strangers.push(server.client(None).await);
	}
	assert_eq!(creator.opening(DEAL).await.expect("still there").0, opening);
	let target = server.dir.path().join("fetched");
	creator
		.download(opening.triple.root, &target, DownloadLimits::default(), |_, _| ())
		.await
		.expect("it has a place for blobs, too");
}
