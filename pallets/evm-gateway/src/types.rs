//! What the gateway stores, signs and is told.

use crate::{eip712, limits::Bucket};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use lilypad_primitives::{module::MAX_MODULE_NAME, Balance, BlockNumber, JobId};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, ConstU32, H160, H256};
use sp_runtime::AccountId32;

/// Number of a lane: one gateway on one EVM chain. Chosen when the lane is registered, and part of everything signed for it.
pub type LaneId = u64;
/// Number of a batch of a lane, from 0.
pub type BatchId = u64;
/// An uncompressed secp256k1 public key, without the leading 4.
pub type PublicKey = [u8; 64];
/// An ECDSA signature: r, s, and v, which is 27 or 28.
pub type Signature = [u8; 65];

/// Most members of a bridge set, as in the gateway's contract.
pub const MAX_MEMBERS: u32 = 32;
/// Most messages of a batch, as in the gateway's contract.
pub const MAX_MESSAGES: u32 = 32;
/// Most inputs of a request, as in the gateway's contract.
pub const MAX_INPUTS: u32 = 32;
/// Most bytes of all inputs of a request together, as in the gateway's contract.
pub const MAX_INPUT_BYTES: u32 = 4_096;
/// Longest proof of a rotation: threshold, number of members, addresses, signatures.
pub const MAX_PROOF: u32 = 2 + (20 + 65) * MAX_MEMBERS;
/// The largest amount that the gateway's contract can hold, credit or name.
pub const MAX_AMOUNT: Balance = (1 << 96) - 1;

/// When a block of an EVM chain counts as final: what relayers go by.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum FinalityRule {
	/// When the chain itself says so, by its `finalized` tag.
	Finalized,
	/// When this many blocks stand on it: for chains without finality. A deeper re-organisation costs the lane what was taken
	/// up meanwhile, which its limits bound.
	Confirmations(u32),
}

/// How much LP may pass.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Limits {
	/// Least LP of a payout: who delivers one pays for gas, however little it carries. The gateway's contract has a least amount of
	/// its own for requests and deposits.
	pub least: Balance,
	/// Most LP of one request, deposit or payout.
	pub largest: Balance,
	/// Most LP that can come in at once; as much again flows off evenly within a period.
	pub inflow: Balance,
	/// Most LP that can be sent out at once, by people and as compensation; as much again flows off evenly within a period.
	/// What is left of a budget is sent back whatever this says.
	pub outflow: Balance,
	/// Blocks in which a used-up limit is there again in full.
	pub period: BlockNumber,
}

/// One gateway on one EVM chain.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Lane {
	/// EIP-155 id of the chain.
	pub chain: u64,
	/// The gateway's contract.
	pub gateway: H160,
	/// What relayers go by.
	pub finality: FinalityRule,
	/// How much LP may pass.
	pub limits: Limits,
	/// Nothing is attested, signed or sent while this is set. Jobs go on, and their answers wait.
	pub paused: bool,
}

/// A member of a bridge set: one key, under two names.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Member {
	/// The key's address: whose signatures count at the gateway.
	pub address: H160,
	/// The key's account: who attests and hands in signatures here.
	pub account: AccountId32,
}

impl Member {
	/// The member with this key.
	pub fn new(key: &PublicKey) -> Self {
		Self {
			address: eip712::address_of(key),
			account: AccountId32::new(sp_io::hashing::blake2_256(&eip712::compressed(key))),
		}
	}
}

/// Who speaks for this chain at a gateway, and for the gateway here.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct BridgeSet {
	/// Its number, from 1.
	pub number: u64,
	/// How many members are a quorum: at least two thirds.
	pub threshold: u8,
	/// The members, by ascending address.
	pub members: BoundedVec<Member, ConstU32<MAX_MEMBERS>>,
}

impl BridgeSet {
	/// The place of an account among the members.
	pub fn position(&self, who: &AccountId32) -> Option<usize> {
		self.members.iter().position(|member| member.account == *who)
	}

	/// Whether this many members are a quorum.
	pub fn is_quorum(&self, members: usize) -> bool {
		members >= usize::from(self.threshold)
	}

	/// Whether the set is as the gateway's verifier demands it too: not empty, different members by ascending address, none of them
	/// zero, and a quorum of two thirds or more.
	pub fn is_sound(&self) -> bool {
		let (threshold, count) = (u32::from(self.threshold), self.members.len() as u32);
		let quorum = threshold <= count && 3 * threshold >= 2 * count && count > 0;
		let ascending = self
			.members
			.windows(2)
			.all(|pair| matches!(pair, [a, b] if a.address < b.address));
		let real = self.members.first().is_some_and(|first| !first.address.is_zero());
		self.number > 0 && quorum && ascending && real
	}

	/// What a proof for the gateway begins with: threshold, number of members, addresses.
	pub fn head(&self) -> Vec<u8> {
		let mut head = alloc::vec![self.threshold, self.members.len() as u8];
		for member in &self.members {
			head.extend_from_slice(&member.address.0);
		}
		head
	}

	/// A proof as the gateway's verifier takes it: these signatures, which stand in the order of their members.
	pub fn proof(&self, signed: &[Signed]) -> Vec<u8> {
		let mut proof = self.head();
		for s in signed {
			proof.extend_from_slice(&s.signature);
		}
		proof
	}
}

/// A change of the bridge set that the gateway has to be told of, and the old set's proof for it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Rotation {
	/// Quorum of the new set.
	pub threshold: u8,
	/// Its members, ascending.
	pub members: BoundedVec<H160, ConstU32<MAX_MEMBERS>>,
	/// The proof, as the gateway's verifier takes it.
	pub proof: BoundedVec<u8, ConstU32<MAX_PROOF>>,
}

/// A contract's request, as its `Requested` event tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Request {
	/// The gateway's number of it; deposits share these numbers.
	pub id: u64,
	/// Who asked.
	pub requester: H160,
	/// Who may withdraw what comes back.
	pub refund_to: H160,
	/// LP that was locked.
	pub budget: Balance,
	/// Unix time in seconds after which it is given back instead of taken up.
	pub accept_by: u64,
	/// Longest run to pay for, in milliseconds; 0 is the module's own limit.
	pub time_limit: u64,
	/// Gas for the callback.
	pub callback_gas: u32,
	/// The account that acts for the contract here: cancels the job, and accepts or challenges its result. Zeros for nobody:
	/// then the result is paid for as soon as it is opened.
	pub delegate: [u8; 32],
	/// `name:tag`.
	pub module: BoundedVec<u8, ConstU32<MAX_MODULE_NAME>>,
	/// Texts `Key=Value`; the first `=` ends the key.
	pub inputs: BoundedVec<BoundedVec<u8, ConstU32<MAX_INPUT_BYTES>>, ConstU32<MAX_INPUTS>>,
}

impl Request {
	/// The request as the gateway remembers it.
	pub fn ticket(&self) -> Ticket {
		let inputs = self.inputs.iter().map(|input| input.as_slice());
		Ticket {
			id: self.id,
			requester: self.requester,
			refund_to: self.refund_to,
			budget: self.budget,
			accept_by: self.accept_by,
			callback_gas: self.callback_gas,
			job: eip712::job(&self.module, inputs, self.time_limit, self.delegate),
		}
	}
}

/// LP that somebody over there sends to an account here, as the `Deposited` event tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Deposit {
	/// The gateway's number of it; requests share these numbers.
	pub id: u64,
	/// Who sent it.
	pub from: H160,
	/// To whom.
	pub account: AccountId32,
	/// How much.
	pub amount: Balance,
}

/// What relayers attest.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Inbound {
	/// A contract asks for computation.
	Request(Request),
	/// Somebody sends LP.
	Deposit(Deposit),
}

impl Inbound {
	/// The gateway's number of it.
	pub fn id(&self) -> u64 {
		match self {
			Inbound::Request(request) => request.id,
			Inbound::Deposit(deposit) => deposit.id,
		}
	}

	/// How much LP was locked for it.
	pub fn amount(&self) -> Balance {
		match self {
			Inbound::Request(request) => request.budget,
			Inbound::Deposit(deposit) => deposit.amount,
		}
	}

	/// What votes are counted by. A request's is its ticket's hash, as the gateway remembers it: so an exit, which has only the
	/// ticket, is known to be this request's.
	pub fn digest(&self) -> H256 {
		match self {
			Inbound::Request(request) => eip712::ticket(&request.ticket()),
			Inbound::Deposit(deposit) => H256(sp_io::hashing::blake2_256(&deposit.encode())),
		}
	}
}

/// What a member says about one number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Vote {
	/// Who says it.
	pub member: AccountId32,
	/// What.
	pub digest: H256,
}

/// The members' votes on one number, one each.
pub type Votes = BoundedVec<Vote, ConstU32<MAX_MEMBERS>>;

/// What was decided about a number.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Handled {
	/// What was attested.
	pub digest: H256,
	/// How much LP it has locked: none any more once it was taken back.
	pub amount: Balance,
	/// Whether that replaced something else, which a re-organisation of the EVM chain had undone. Once is enough.
	pub replaced: bool,
}

/// A request as the gateway remembers it, and as whoever delivers its answer has to show it.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Ticket {
	/// The gateway's number of it.
	pub id: u64,
	/// Who asked.
	pub requester: H160,
	/// Who may withdraw what comes back.
	pub refund_to: H160,
	/// LP that was locked.
	pub budget: Balance,
	/// Unix time in seconds after which it is not taken up.
	pub accept_by: u64,
	/// Gas for the callback.
	pub callback_gas: u32,
	/// Hash of module, inputs, time limit and delegate.
	pub job: H256,
}

impl Ticket {
	/// What votes on this request's exit are counted by.
	pub fn exit_digest(&self) -> H256 {
		H256(sp_io::hashing::blake2_256(&(b"lilypad/exit/1", self).encode()))
	}
}

/// How a request ended.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Answer {
	/// The deal; 0 also if there was none.
	pub deal: u64,
	/// One of [`crate::status`].
	pub status: u8,
	/// The program's exit code; 0 unless it completed.
	pub exit_code: i32,
	/// Root of the outputs; zeros if there are none.
	pub root: [u8; 32],
	/// LP that was spent.
	pub cost: Balance,
	/// LP that comes back.
	pub refund: Balance,
}

/// LP that somebody here sends to somebody over there.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Payout {
	/// The lane's number of it, from 0.
	pub nonce: u64,
	/// To whom.
	pub to: H160,
	/// How much.
	pub amount: Balance,
}

/// What this chain tells a gateway.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Message {
	/// The answer to a request: exactly one for each.
	Answer {
		/// The request.
		ticket: Ticket,
		/// Its answer.
		answer: Answer,
	},
	/// LP for somebody.
	Payout(Payout),
}

impl Message {
	/// What stands for it in a batch.
	pub fn hash(&self) -> H256 {
		match self {
			Message::Answer { ticket, answer } => eip712::answer(eip712::ticket(ticket), answer),
			Message::Payout(payout) => eip712::payout(payout),
		}
	}

	/// How much LP leaves the gateway with it.
	pub fn amount(&self) -> Balance {
		match self {
			Message::Answer { answer, .. } => answer.refund,
			Message::Payout(payout) => payout.amount,
		}
	}
}

/// A member's signature under a batch.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Signed {
	/// The member's place in the set.
	pub member: u8,
	/// Its signature.
	pub signature: Signature,
}

/// The messages of one block for one gateway, and the signatures under them. Without messages it is a sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Batch {
	/// The block. The batch is complete once that has passed.
	pub block: BlockNumber,
	/// Unix time of the block, in seconds.
	pub time: u64,
	/// The messages.
	pub messages: BoundedVec<Message, ConstU32<MAX_MESSAGES>>,
	/// The set whose members have signed; those of an earlier set are worth nothing.
	pub set: u64,
	/// Their signatures, by ascending place in the set: at most as many as are a quorum.
	pub signatures: BoundedVec<Signed, ConstU32<MAX_MEMBERS>>,
}

impl Batch {
	/// The EIP-712 digest that the members of a lane's set with this number sign.
	pub fn digest(&self, id: LaneId, lane: &Lane, set: u64) -> H256 {
		let messages = self.messages.iter().map(Message::hash);
		let hash = eip712::batch(id, set, self.time, messages);
		eip712::digest(eip712::domain(lane.chain, lane.gateway), hash)
	}

	/// Whether a quorum of this set has signed.
	pub fn is_ready(&self, set: &BridgeSet) -> bool {
		self.set == set.number && set.is_quorum(self.signatures.len())
	}

	/// What the gateway takes as the batch's proof, once a quorum of this set has signed.
	pub fn proof(&self, set: &BridgeSet) -> Option<Vec<u8>> {
		self.is_ready(set).then(|| set.proof(&self.signatures))
	}
}

/// A lane's numbers of batches and payouts.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct OutboxState {
	/// The oldest batch that is kept.
	pub oldest: BatchId,
	/// All batches before this one are known to have been delivered.
	pub delivered: BatchId,
	/// The number of the next batch.
	pub next: BatchId,
	/// The number of the next payout.
	pub next_payout: u64,
	/// The block of the newest batch.
	pub latest: BlockNumber,
}

/// A lane's money, in LP.
#[derive(
	Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Books {
	/// All that the gateway was said to have locked.
	pub received: Balance,
	/// All that the gateway was told to let go of.
	pub released: Balance,
	/// All that was minted here for it.
	pub minted: Balance,
	/// All that was burned here for it.
	pub burned: Balance,
	/// What re-organisations of the EVM chain, and exits of requests that were paid for here, took out of the gateway without
	/// this chain's telling.
	pub lost: Balance,
	/// The budgets of live requests: kept back for their answers.
	pub reserved: Balance,
	/// Live requests.
	pub live: u32,
	/// What came in lately.
	pub inflow: Bucket,
	/// What went out lately.
	pub outflow: Bucket,
}

impl Books {
	/// What the gateway holds for this chain.
	pub fn locked(&self) -> Balance {
		self.received
			.saturating_sub(self.released)
			.saturating_sub(self.lost)
	}

	/// What of that is not kept back for answers, and so can be paid out.
	pub fn free(&self) -> Balance {
		self.locked().saturating_sub(self.reserved)
	}
}

/// A request whose job is alive.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Live {
	/// Its lane.
	pub lane: LaneId,
	/// The request.
	pub ticket: Ticket,
	/// Whether it was taken back at the gateway meanwhile: then nobody there waits for an answer.
	pub exited: bool,
}

/// Where a request stands that the gateway still waits to be told about, as far as this chain knows.
#[derive(
	Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Pending {
	/// Its job is alive; it ends with an answer.
	Live(JobId),
	/// Its answer is in this batch, which is forgotten once it was delivered.
	Answered(BatchId),
}
