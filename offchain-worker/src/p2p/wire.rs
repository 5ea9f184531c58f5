//! The messages between a creator, or an author, and a worker.
//!
//! One stream per request. Each message is a frame: its length as a 32-bit little-endian number, then its SCALE encoding.
//! A request carries the signature of the account that asks, over a text that names the chain and both peers: it is
//! worthless to anybody else, on any other connection, and to any other worker.

use super::P2pError;
use crate::{progress::Progress, AccountId};
use codec::{Decode, DecodeAll, Encode};
use iroh::{
	endpoint::{RecvStream, SendStream},
	EndpointId,
};
use lilypad_primitives::{DealId, JobId, Opening, OutputRoot, VersionId};
use sp_runtime::{traits::Verify, MultiSignature};
use std::time::Duration;

/// Name of the protocol.
pub const ALPN: &[u8] = b"lilypad/1";
/// Longest request, in bytes.
pub const MAX_REQUEST: usize = 4 * 1024;
/// Longest answer, in bytes.
pub const MAX_RESPONSE: usize = 4 * 1024 * 1024;
/// Longest wait for a frame that the other side should send at once.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(20);

/// What an uploaded file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Purpose {
	/// An input file of a job, or its inputs where they are too long for the chain. For the job's creator.
	JobInput(JobId),
	/// A module version's archive or code. For the module's author.
	Module(VersionId),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Request {
	/// Whose worker is this? Needs no signature.
	Hello,
	/// Takes a file. After [`Response::Send`] its bytes follow on the same stream.
	Upload {
		/// BLAKE3 of the file.
		hash: [u8; 32],
		/// Its length in bytes.
		size: u64,
		/// What it is for.
		purpose: Purpose,
	},
	/// What is the deal doing? Answered again and again until the seal is on the chain. For the job's creator or its delegate.
	Watch(DealId),
	/// What does the seal hide? For the job's creator or its delegate, who may fetch the result from then on; and, if the module need not give
	/// the same twice, for mediators of the deal's present panel.
	Opening(DealId),
	/// What did the job write to standard error? For the job's creator or its delegate.
	Logs(DealId),
	/// Let me fetch the job's input files. For mediators of the deal's present panel.
	CaseInputs(DealId),
	/// Let me fetch the deal's result, which has this root, as I have found out. For mediators of the deal's present panel.
	CaseResult {
		/// The deal.
		deal: DealId,
		/// The root of what the mediator's own run gave.
		root: OutputRoot,
	},
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
	/// The signature is missing or wrong.
	#[error("the request's signature is missing or wrong")]
	BadSignature,
	/// The request can't be read.
	#[error("the request can't be read")]
	Malformed,
	/// The job, deal or module is unknown here.
	#[error("the worker knows no such job, deal or module")]
	Unknown,
	/// It belongs to another account.
	#[error("it belongs to another account")]
	NotYours,
	/// The job or module has no such file, or the deal no such result.
	#[error("the job or module has no such file, and the deal no such result")]
	NotAsked,
	/// The file should have another length.
	#[error("the file should have {0} bytes")]
	WrongSize(u64),
	/// The bytes had another hash.
	#[error("the bytes had another hash than announced")]
	WrongHash,
	/// Larger than this worker takes.
	#[error("the file is larger than the {0} bytes that the worker takes")]
	TooLarge(u64),
	/// The worker's share of disk for this is used up.
	#[error("the worker has no room left for such files")]
	QuotaExceeded,
	/// The worker's disk is full.
	#[error("the worker's disk is full")]
	DiskFull,
	/// The result is not there yet.
	#[error("the result is not there yet")]
	NotReady,
	/// Too many requests at once.
	#[error("the worker is busy: try again")]
	Busy,
	/// The worker has a problem of its own.
	#[error("the worker has a problem: {0}")]
	Unavailable(String),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Response {
	/// To [`Request::Hello`].
	Hello {
		/// The account that this worker works for.
		account: AccountId,
		/// Genesis hash of its chain.
		genesis: [u8; 32],
	},
	/// Send the bytes.
	Send,
	/// The file is there, whether it was sent now or before.
	Stored,
	/// To [`Request::Watch`].
	Progress(Progress),
	/// To [`Request::Opening`].
	Opening {
		/// What the seal hides.
		opening: Opening,
		/// Root of the files that came along unverified: standard error, and whatever the manifest does not verify.
		sidecar: Option<OutputRoot>,
	},
	/// To [`Request::Logs`].
	Logs(Vec<u8>),
	/// No.
	Refused(Refusal),
	/// Fetch it.
	Granted,
}

/// A request and who asks.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SignedRequest {
	/// What is asked.
	pub request: Request,
	/// Who asks.
	pub signed: Option<(AccountId, MultiSignature)>,
}

/// What is signed for a request.
pub fn signing_payload(
	genesis: &[u8; 32],
	server: EndpointId,
	client: EndpointId,
	request: &Request,
) -> [u8; 32] {
	let parts = (
		b"lilypad/p2p/1",
		genesis,
		server.as_bytes(),
		client.as_bytes(),
		request,
	);
	sp_crypto_hashing::blake2_256(&parts.encode())
}

impl SignedRequest {
	/// The account that asks, if the signature is good.
	pub fn account(
		&self,
		genesis: &[u8; 32],
		server: EndpointId,
		client: EndpointId,
	) -> Result<AccountId, Refusal> {
		let (account, signature) = self.signed.as_ref().ok_or(Refusal::BadSignature)?;
		let payload = signing_payload(genesis, server, client, &self.request);
		match signature.verify(&payload[..], account) {
			true => Ok(account.clone()),
			false => Err(Refusal::BadSignature),
		}
	}
}

/// Sends one frame.
pub async fn write_frame(send: &mut SendStream, message: &impl Encode) -> Result<(), P2pError> {
	let body = message.encode();
	let length = u32::try_from(body.len()).map_err(|_| P2pError::Protocol("a message is too long".into()))?;
	let mut frame = Vec::with_capacity(body.len() + 4);
	frame.extend_from_slice(&length.to_le_bytes());
	frame.extend_from_slice(&body);
	send.write_all(&frame).await.map_err(P2pError::lost)
}

/// Reads one frame of at most `limit` bytes. Waits at most `wait` for it.
pub async fn read_frame<T: Decode>(
	recv: &mut RecvStream,
	limit: usize,
	wait: Duration,
) -> Result<T, P2pError> {
	let read = async {
		let mut length = [0; 4];
		recv.read_exact(&mut length).await.map_err(P2pError::lost)?;
		let length = u32::from_le_bytes(length) as usize;
		if length > limit {
			return Err(P2pError::Protocol(format!(
				"a message of {length} bytes; at most {limit} are allowed"
			)));
		}
		let mut body = vec![0; length];
		recv.read_exact(&mut body).await.map_err(P2pError::lost)?;
		T::decode_all(&mut &body[..]).map_err(|e| P2pError::Protocol(format!("a message can't be read: {e}")))
	};
	tokio::time::timeout(wait, read)
		.await
		.map_err(|_| P2pError::Timeout("an answer"))?
}

#[cfg(test)]
mod tests {
	use super::*;
	use iroh::SecretKey;
	use sp_core::{ecdsa, sr25519, Pair};

	fn signed_by(
		sign: impl Fn(&[u8]) -> MultiSignature,
		account: AccountId,
	) -> (SignedRequest, EndpointId, EndpointId) {
		let (server, client) = (SecretKey::generate().public(), SecretKey::generate().public());
		let request = Request::Opening(DealId(4));
		let signature = sign(&signing_payload(&[1; 32], server, client, &request));
		(
			SignedRequest {
				request,
				signed: Some((account, signature)),
			},
			server,
			client,
		)
	}

	#[test]
	fn both_kinds_of_keys_are_accepted() {
		let pair = sr25519::Pair::from_seed(&[3; 32]);
		let (signed, server, client) = signed_by(|m| pair.sign(m).into(), AccountId::from(pair.public()));
		assert!(signed.account(&[1; 32], server, client).is_ok());

		let pair = ecdsa::Pair::from_seed(&[3; 32]);
		let account = AccountId::new(sp_crypto_hashing::blake2_256(pair.public().as_ref()));
		let (signed, server, client) = signed_by(|m| pair.sign(m).into(), account);
		assert!(signed.account(&[1; 32], server, client).is_ok());
	}

	#[test]
	fn a_signature_serves_one_request_between_two_peers_on_one_chain() {
		let pair = sr25519::Pair::from_seed(&[3; 32]);
		let (signed, server, client) = signed_by(|m| pair.sign(m).into(), AccountId::from(pair.public()));
		let other = SecretKey::generate().public();
		assert_eq!(
			signed.account(&[2; 32], server, client),
			Err(Refusal::BadSignature)
		);
		assert_eq!(
			signed.account(&[1; 32], other, client),
			Err(Refusal::BadSignature)
		);
		assert_eq!(
			signed.account(&[1; 32], server, other),
			Err(Refusal::BadSignature)
		);
		let request = SignedRequest {
			request: Request::Opening(DealId(5)),
			..signed.clone()
		};
		assert_eq!(
			request.account(&[1; 32], server, client),
			Err(Refusal::BadSignature)
		);
		let (_, signature) = signed.signed.clone().expect("signed");
		let impostor = SignedRequest {
			signed: Some((AccountId::new([9; 32]), signature)),
			..signed.clone()
		};
		assert_eq!(
			impostor.account(&[1; 32], server, client),
			Err(Refusal::BadSignature)
		);
		let unsigned = SignedRequest {
			signed: None,
			..signed
		};
		assert_eq!(
			unsigned.account(&[1; 32], server, client),
			Err(Refusal::BadSignature)
		);
	}
}
