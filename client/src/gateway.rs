//! The gateways to EVM chains, as the chain's storage has them. The types are the pallet's own: what members of a bridge set sign
//! is made of them, byte for byte.

mod rotation;

use crate::{
	shape::Shape,
	view::{Constant, Entry},
	AccountId, ClientError, View,
};
use lilypad_primitives::{BlockNumber, JobId};
use sp_core::H160;

pub use rotation::{NextSet, RotationError};

pub use pallet_evm_gateway::{
	eip712, status, wallet_of, Answer, Batch, BatchId, Books, BridgeSet, Deposit, FinalityRule, Handled,
	Inbound, Keys, Lane, LaneId, Limits, Live, Member, Message, OutboxState, Payout, Pending, PublicKey,
	Request, Rotation, Signature, Signatures, Signed, Ticket, Vote, Votes, HISTORY, MAX_AMOUNT, MAX_MEMBERS,
};

/// Public keys in the order in which sets have them: by ascending address. `None` if they are too many.
pub fn sorted_keys(mut keys: Vec<PublicKey>) -> Option<Keys> {
	keys.sort_by_key(eip712::address_of);
	keys.try_into().ok()
}

/// The least that can be a quorum of so many members: two thirds, rounded up.
pub fn two_thirds(members: usize) -> u8 {
	u8::try_from((2 * members).div_ceil(3)).unwrap_or(u8::MAX)
}

/// A member's public key, as it is typed: `0x` and 128 digits.
pub fn parse_public_key(text: &str) -> Result<PublicKey, String> {
	parse_bytes(text).ok_or_else(|| {
		"write a public key as 0x and 128 hexadecimal digits: `lilypad-relayer key show` prints it".into()
	})
}

/// A member's signature, as it is typed: `0x` and 130 digits.
pub fn parse_signature(text: &str) -> Result<Signature, String> {
	parse_bytes(text).ok_or_else(|| {
		"write a signature as 0x and 130 hexadecimal digits: `lilypad-relayer rotation sign` prints it".into()
	})
}

fn parse_bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
	hex::decode(text.strip_prefix("0x")?).ok()?.try_into().ok()
}

/// An address on an EVM chain, as it is typed: `0x` and 40 digits. One in mixed case has a checksum in it (EIP-55), which must be
/// right.
pub fn parse_address(text: &str) -> Result<H160, String> {
	let bytes: [u8; 20] = parse_bytes(text).ok_or("write an address as 0x and 40 hexadecimal digits")?;
	let digits = text.trim_start_matches("0x");
	let has = |kind: fn(&char) -> bool| digits.chars().any(|c| kind(&c));
	let mixed = has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase);
	match !mixed || digits == checksummed(&bytes) {
		true => Ok(H160(bytes)),
		false => Err("the address's checksum is wrong: a digit was mistyped, or its case was changed".into()),
	}
}

/// An address on an EVM chain, as wallets show it.
pub fn show_address(address: H160) -> String {
	format!("0x{}", checksummed(&address.0))
}

/// An address's digits in the case that EIP-55 gives them.
fn checksummed(address: &[u8; 20]) -> String {
	let digits = hex::encode(address);
	let hash = sp_crypto_hashing::keccak_256(digits.as_bytes());
	let upper = |at: usize| {
		hash.get(at / 2)
			.is_some_and(|byte| (byte >> (4 * (1 - at % 2))) & 8 != 0)
	};
	let cased = digits.chars().enumerate();
	cased
		.map(|(at, c)| if upper(at) { c.to_ascii_uppercase() } else { c })
		.collect()
}

const PALLET: &str = "EvmGateway";

const LANES: Entry<LaneId, Lane> = Entry::new(PALLET, "Lanes");
const ALL_PAUSED: Entry<(), bool> = Entry::new(PALLET, "AllPaused");
const SETS: Entry<LaneId, BridgeSet> = Entry::new(PALLET, "Sets");
const ROTATIONS: Entry<(LaneId, u64), Rotation> = Entry::new(PALLET, "Rotations");
const BOOKS: Entry<LaneId, Books> = Entry::new(PALLET, "BooksOf");
const FIRST_KEPT: Entry<LaneId, u64> = Entry::new(PALLET, "FirstKept");
const HANDLED: Entry<(LaneId, u64), Handled> = Entry::new(PALLET, "AllHandled");
const VOTES: Entry<(LaneId, u64), Votes> = Entry::new(PALLET, "OpenVotes");
const PENDING: Entry<(LaneId, u64), Pending> = Entry::new(PALLET, "PendingRequests");
const LIVE: Entry<JobId, Live> = Entry::new(PALLET, "LiveRequests");
const OUTBOXES: Entry<LaneId, OutboxState> = Entry::new(PALLET, "Outboxes");
const BATCHES: Entry<(LaneId, BatchId), Batch> = Entry::new(PALLET, "AllBatches");
const DELIVERED: Entry<(LaneId, AccountId), BatchId> = Entry::new(PALLET, "Delivered");
const HEARTBEAT: Constant<BlockNumber> = Constant::new(PALLET, "Heartbeat");

/// What these entries look like.
pub(crate) fn shapes() -> Vec<Shape> {
	vec![
		LANES.shape(),
		ALL_PAUSED.shape(),
		SETS.shape(),
		ROTATIONS.shape(),
		BOOKS.shape(),
		FIRST_KEPT.shape(),
		HANDLED.shape(),
		VOTES.shape(),
		PENDING.shape(),
		LIVE.shape(),
		OUTBOXES.shape(),
		BATCHES.shape(),
		DELIVERED.shape(),
		HEARTBEAT.shape(),
	]
}

impl View {
	/// All lanes, by number.
	pub async fn lanes(&self) -> Result<Vec<(LaneId, Lane)>, ClientError> {
		self.all(&LANES).await
	}

	/// A lane.
	pub async fn lane(&self, lane: LaneId) -> Result<Option<Lane>, ClientError> {
		self.get(&LANES, lane).await
	}

	/// Whether all lanes are paused, whatever their own switches say.
	pub async fn all_lanes_paused(&self) -> Result<bool, ClientError> {
		Ok(self.value(&ALL_PAUSED).await?.unwrap_or_default())
	}

	/// A lane's bridge set.
	pub async fn bridge_set(&self, lane: LaneId) -> Result<Option<BridgeSet>, ClientError> {
		self.get(&SETS, lane).await
	}

	/// How the set with this number came into office; the last 32 are kept.
	pub async fn rotation(&self, lane: LaneId, set: u64) -> Result<Option<Rotation>, ClientError> {
		self.get_pair(&ROTATIONS, (lane, set)).await
	}

	/// A lane's money.
	pub async fn gateway_books(&self, lane: LaneId) -> Result<Books, ClientError> {
		Ok(self.get(&BOOKS, lane).await?.unwrap_or_default())
	}

	/// The lowest of a gateway's numbers about which something is kept; all before it are decided.
	pub async fn first_kept(&self, lane: LaneId) -> Result<u64, ClientError> {
		Ok(self.get(&FIRST_KEPT, lane).await?.unwrap_or(1))
	}

	/// What was decided about a number of a gateway's.
	pub async fn handled(&self, lane: LaneId, id: u64) -> Result<Option<Handled>, ClientError> {
		self.get_pair(&HANDLED, (lane, id)).await
	}

	/// The votes on a number that is not decided.
	pub async fn gateway_votes(&self, lane: LaneId, id: u64) -> Result<Votes, ClientError> {
		Ok(self.get_pair(&VOTES, (lane, id)).await?.unwrap_or_default())
	}

	/// Where a request stands that the gateway waits to be told about.
	pub async fn pending_request(&self, lane: LaneId, id: u64) -> Result<Option<Pending>, ClientError> {
		self.get_pair(&PENDING, (lane, id)).await
	}

	/// What a request is to the gateway that the chain has decided about, and that the gateway waits to be told about.
	pub async fn pending_ticket(&self, lane: LaneId, id: u64) -> Result<Option<Ticket>, ClientError> {
		Ok(match self.pending_request(lane, id).await? {
			None => None,
			Some(Pending::Live(job)) => self.request_of(job).await?.map(|live| live.ticket),
			Some(Pending::Answered(batch)) => self.gateway_batch(lane, batch).await?.and_then(|batch| {
				batch.messages.into_iter().find_map(|message| match message {
					Message::Answer { ticket, .. } if ticket.id == id => Some(ticket),
					_ => None,
				})
			}),
		})
	}

	/// The request that a live job was posted for.
	pub async fn request_of(&self, job: JobId) -> Result<Option<Live>, ClientError> {
		self.get(&LIVE, job).await
	}

	/// All live requests, by job.
	pub async fn live_requests(&self) -> Result<Vec<(JobId, Live)>, ClientError> {
		self.all(&LIVE).await
	}

	/// A lane's numbers of batches and payouts.
	pub async fn outbox(&self, lane: LaneId) -> Result<OutboxState, ClientError> {
		Ok(self.get(&OUTBOXES, lane).await?.unwrap_or_default())
	}

	/// A batch that is kept.
	pub async fn gateway_batch(&self, lane: LaneId, batch: BatchId) -> Result<Option<Batch>, ClientError> {
		self.get_pair(&BATCHES, (lane, batch)).await
	}

	/// Up to where a member says that batches were delivered: all before this one.
	pub async fn said_delivered(&self, lane: LaneId, member: &AccountId) -> Result<BatchId, ClientError> {
		let said = self.get_pair(&DELIVERED, (lane, member.clone())).await?;
		Ok(said.unwrap_or_default())
	}

	/// Blocks without a message after which a sign of life may be sent.
	pub fn heartbeat_blocks(&self) -> Result<BlockNumber, ClientError> {
		self.known(&HEARTBEAT)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn a_quorum_is_two_thirds() {
		let quorums = [(1, 1), (2, 2), (3, 2), (4, 3), (15, 10), (32, 22)];
		for (members, quorum) in quorums {
			assert_eq!(two_thirds(members), quorum);
		}
	}

	#[test]
	fn keys_stand_in_the_order_of_their_addresses() {
		let keys: Vec<PublicKey> = (0..9).map(|n| [n; 64]).collect();
		let sorted = sorted_keys(keys.clone()).expect("few");
		let addresses: Vec<_> = sorted.iter().map(eip712::address_of).collect();
		assert!(addresses.is_sorted() && sorted.len() == keys.len());
		assert!(sorted_keys(vec![[0; 64]; 33]).is_none());
	}

	#[test]
	fn keys_and_signatures_are_whole() {
		assert!(parse_public_key(&format!("0x{}", "ab".repeat(64))).is_ok());
		assert!(parse_public_key(&format!("0x02{}", "ab".repeat(32))).is_err());
		assert!(parse_public_key(&"ab".repeat(64)).is_err());
		assert!(parse_signature(&format!("0x{}", "ab".repeat(65))).is_ok());
		assert!(parse_signature(&format!("0x{}", "ab".repeat(64))).is_err());
	}

	#[test]
	fn addresses_are_checked_by_their_checksum() {
		// From EIP-55.
		let good = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed";
		let address_of = parse_address(good).expect("it is right");
		assert_eq!(show_address(address_of), good);
		assert_eq!(parse_address(&good.to_lowercase()), Ok(address_of));
		for bad in [
			"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
			"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA",
			"5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
			"",
		] {
			assert!(parse_address(bad).is_err(), "{bad}");
		}
	}
}
