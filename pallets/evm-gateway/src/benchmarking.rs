//! Benchmarks of every call: the largest set, the largest request, a batch that is nearly full.
//!
//! Keys are made in the host's keystore, so that signatures can be made on any runtime.

use super::*;
use crate::{eip712, Pallet};
use alloc::vec::Vec;
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible::Mutate, EnsureOrigin, Get};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use lilypad_primitives::{
	traits::{JobEnding, Modules, OnJobEnded},
	Balance, DealId, JobId, JobOrigin, Outcome, OutputRoot, Status, Triple, LP,
};
use sp_core::{crypto::KeyTypeId, ecdsa, H160, H256};
use sp_runtime::{AccountId32, SaturatedConversion};

const LANE: LaneId = 1;
const CHAIN: u64 = 1337;
const KEY_TYPE: KeyTypeId = KeyTypeId(*b"evmb");
const MODULE: &str = "benchmark:v1";

struct Key {
	known_as: ecdsa::Public,
	public: PublicKey,
	member: Member,
}

impl Key {
	fn new() -> Self {
		let known_as = sp_io::crypto::ecdsa_generate(KEY_TYPE, None);
		let signature = sign_with(&known_as, H256([7; 32]));
		let public = sp_io::crypto::secp256k1_ecdsa_recover(&signature, &[7; 32])
			.ok()
			.expect("just signed; qed");
		Self {
			known_as,
			public,
			member: Member::new(&public),
		}
	}

	fn sign(&self, digest: H256) -> Signature {
		sign_with(&self.known_as, digest)
	}

	fn account(&self) -> AccountId32 {
		self.member.account.clone()
	}
}

fn sign_with(key: &ecdsa::Public, digest: H256) -> Signature {
	let mut signature = sp_io::crypto::ecdsa_sign_prehashed(KEY_TYPE, key, &digest.0)
		.expect("the keystore has the key; qed")
		.0;
	signature[64] += 27;
	signature
}

/// New keys, by ascending address.
fn new_keys(count: u32) -> Vec<Key> {
	let mut keys: Vec<_> = (0..count).map(|_| Key::new()).collect();
	keys.sort_by_key(|key| key.member.address);
	keys
}

fn publics(keys: &[Key]) -> Keys {
	let keys: Vec<_> = keys.iter().map(|key| key.public).collect();
	keys.try_into().expect("not more than fit; qed")
}

fn two_thirds(count: u32) -> u8 {
	(2 * count).div_ceil(3) as u8
}

const LIMITS: Limits = Limits {
	least: 1,
	largest: 1_000_000 * LP,
	inflow: 100_000_000 * LP,
	outflow: 100_000_000 * LP,
	period: 100,
};

/// A lane with the largest set.
fn lane<T: Config>() -> Vec<Key> {
	let keys = new_keys(MAX_MEMBERS);
	Pallet::<T>::do_register(
		LANE,
		chains::Registration {
			chain: CHAIN,
			gateway: H160([1; 20]),
			finality: FinalityRule::Finalized,
			limits: LIMITS,
			threshold: two_thirds(MAX_MEMBERS),
			keys: publics(&keys),
		},
	)
	.expect("nothing is registered; qed");
	keys
}

/// The largest request.
fn request<T: Config>() -> Request {
	T::Modules::register_for_benchmark(
		&account("author", 0, 0),
		MODULE.parse().expect("well formed; qed"),
	);
	let inputs: Vec<_> = (0..MAX_INPUTS)
		.map(|at| {
			let mut input = alloc::format!("Key{at:02}=").into_bytes();
			input.resize((MAX_INPUT_BYTES / MAX_INPUTS) as usize, b'x');
			input.try_into().expect("short; qed")
		})
		.collect();
	Request {
		id: 1,
		requester: H160([2; 20]),
		refund_to: H160([3; 20]),
		budget: 10_000 * LP,
		accept_by: u64::MAX,
		time_limit: 1_000,
		callback_gas: 1_000_000,
		delegate: account::<AccountId32>("delegate", 0, 0).into(),
		module: MODULE.as_bytes().to_vec().try_into().expect("short; qed"),
		inputs: inputs.try_into().expect("as many as fit; qed"),
	}
}

/// All but one of a quorum attest this.
fn nearly_decided<T: Config>(keys: &[Key], message: &Inbound) -> AccountId32 {
	let quorum = usize::from(two_thirds(MAX_MEMBERS));
	for key in &keys[..quorum - 1] {
		Pallet::<T>::do_attest(&key.account(), LANE, message.clone()).expect("a first vote; qed");
	}
	keys[quorum - 1].account()
}

fn pass<T: Config>(blocks: u32) {
	let block: BlockNumberFor<T> = Pallet::<T>::now().saturating_add(blocks).saturated_into();
	frame_system::Pallet::<T>::set_block_number(block);
}

/// A batch with as many messages.
fn batch_of<T: Config>(messages: u32) {
	for _ in 0..messages {
		let payout = Pallet::<T>::next_payout(LANE, H160([4; 20]), LP);
		Pallet::<T>::push(LANE, Message::Payout(payout));
	}
}

/// Books as if this much had come in for people.
fn backed<T: Config>(amount: Balance) {
	Pallet::<T>::change_books(LANE, |books| {
		books.received += amount;
		books.minted += amount;
	});
}

/// As many batches as are pruned at once, with so many answers in them.
fn many_batches<T: Config>(answers: u32) {
	let request = request::<T>();
	for batch in 0..MAX_PRUNED {
		batch_of::<T>(1);
		for at in (batch..answers)
			.step_by(MAX_PRUNED as usize)
			.take(MAX_MESSAGES as usize - 1)
		{
			let ticket = Ticket {
				id: u64::from(at) + 1,
				..request.ticket()
			};
			answered::<T>(ticket, 0);
			OpenVotes::<T>::insert(LANE, ticket.id, Votes::default());
		}
		pass::<T>(1);
	}
	// So that votes on their exits are forgotten with them.
	FirstKept::<T>::insert(LANE, u64::from(answers) + 1);
}

/// A request is answered in this block, and so much comes back.
fn answered<T: Config>(ticket: Ticket, refund: Balance) {
	let answer = Answer {
		refund,
		..status::refusal(status::EXPIRED, 0)
	};
	let batch = Pallet::<T>::push(LANE, Message::Answer { ticket, answer });
	PendingRequests::<T>::insert(LANE, ticket.id, Pending::Answered(batch));
}

#[benchmarks(where T: Config)]
mod benches {
	use super::*;

	#[benchmark]
	fn register_lane(n: Linear<1, MAX_MEMBERS>) -> Result<(), BenchmarkError> {
		let origin = T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		let keys = publics(&new_keys(n));
		let gateway = H160([1; 20]);
		let finality = FinalityRule::Confirmations(12);
		#[extrinsic_call]
		_(
			origin as T::RuntimeOrigin,
			LANE,
			CHAIN,
			gateway,
			finality,
			LIMITS,
			two_thirds(n),
			keys,
		);
		assert_eq!(
			Sets::<T>::get(LANE).map(|set| set.members.len()),
			Some(n as usize)
		);
		Ok(())
	}

	#[benchmark]
	fn set_lane() -> Result<(), BenchmarkError> {
		let origin = T::GovernanceOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		lane::<T>();
		let finality = FinalityRule::Confirmations(12);
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, LANE, finality, LIMITS);
		assert_eq!(Lanes::<T>::get(LANE).map(|lane| lane.finality), Some(finality));
		Ok(())
	}

	#[benchmark]
	fn pause_lane() -> Result<(), BenchmarkError> {
		let origin = T::PauseOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		lane::<T>();
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, LANE, true);
		assert!(Lanes::<T>::get(LANE).is_some_and(|lane| lane.paused));
		Ok(())
	}

	#[benchmark]
	fn pause_all() -> Result<(), BenchmarkError> {
		let origin = T::PauseOrigin::try_successful_origin().map_err(|_| BenchmarkError::Weightless)?;
		#[extrinsic_call]
		_(origin as T::RuntimeOrigin, true);
		assert!(AllPaused::<T>::get());
		Ok(())
	}

	#[benchmark]
	fn attest_voting() {
		let keys = lane::<T>();
		let message = Inbound::Request(request::<T>());
		for key in &keys[..usize::from(two_thirds(MAX_MEMBERS)) - 2] {
			Pallet::<T>::do_attest(&key.account(), LANE, message.clone()).expect("a first vote; qed");
		}
		let last = keys[keys.len() - 1].account();
		#[extrinsic_call]
		attest(RawOrigin::Signed(last), LANE, message);
		assert!(AllHandled::<T>::get(LANE, 1).is_none());
	}

	#[benchmark]
	fn attest_deciding() {
		let keys = lane::<T>();
		let message = Inbound::Request(request::<T>());
		let last = nearly_decided::<T>(&keys, &message);
		#[extrinsic_call]
		attest(RawOrigin::Signed(last), LANE, message);
		assert_eq!(BooksOf::<T>::get(LANE).live, 1);
	}

	#[benchmark]
	fn attest_exit() {
		let keys = lane::<T>();
		let ticket = request::<T>().ticket();
		batch_of::<T>(MAX_MESSAGES - 1);
		answered::<T>(ticket, 2 * ticket.budget);
		pass::<T>(1);
		let quorum = usize::from(two_thirds(MAX_MEMBERS));
		for key in &keys[..quorum - 1] {
			Pallet::<T>::do_attest_exit(&key.account(), LANE, ticket).expect("a first vote; qed");
		}
		#[extrinsic_call]
		_(RawOrigin::Signed(keys[quorum - 1].account()), LANE, ticket);
		assert!(PendingRequests::<T>::get(LANE, ticket.id).is_none());
		assert_eq!(Outboxes::<T>::get(LANE).next, 2);
	}

	#[benchmark]
	fn sign() {
		let keys = lane::<T>();
		batch_of::<T>(MAX_MESSAGES);
		pass::<T>(1);
		let digest = Pallet::<T>::batch_to_sign(LANE, 0).expect("there is a batch; qed");
		let quorum = usize::from(two_thirds(MAX_MEMBERS));
		for key in &keys[..quorum - 1] {
			Pallet::<T>::do_sign(&key.account(), LANE, 0, key.sign(digest)).expect("good; qed");
		}
		let last = &keys[quorum - 1];
		#[extrinsic_call]
		_(RawOrigin::Signed(last.account()), LANE, 0, last.sign(digest));
		assert!(Pallet::<T>::proof_of_batch(LANE, 0).is_some());
	}

	#[benchmark]
	fn acknowledge(n: Linear<0, { MAX_PRUNED * (MAX_MESSAGES - 1) }>) {
		let keys = lane::<T>();
		many_batches::<T>(n);
		let before = u64::from(MAX_PRUNED);
		let quorum = usize::from(two_thirds(MAX_MEMBERS));
		for key in &keys[..quorum - 1] {
			Pallet::<T>::do_acknowledge(&key.account(), LANE, before).expect("news; qed");
		}
		#[extrinsic_call]
		_(RawOrigin::Signed(keys[quorum - 1].account()), LANE, before);
		assert_eq!(Outboxes::<T>::get(LANE).oldest, before);
		assert!(PendingRequests::<T>::iter().next().is_none());
	}

	#[benchmark]
	fn heartbeat() {
		let keys = lane::<T>();
		pass::<T>(T::Heartbeat::get());
		#[extrinsic_call]
		_(RawOrigin::Signed(keys[0].account()), LANE);
		assert_eq!(Outboxes::<T>::get(LANE).next, 1);
	}

	#[benchmark]
	fn rotate(n: Linear<1, MAX_MEMBERS>, s: Linear<22, MAX_MEMBERS>) {
		let keys = lane::<T>();
		let next = new_keys(n);
		let addresses = next.iter().map(|key| key.member.address);
		let message = eip712::rotate(LANE, 1, 2, two_thirds(n), addresses);
		let digest = eip712::digest(eip712::domain(CHAIN, H160([1; 20])), message);
		let signatures: Vec<_> = keys.iter().take(s as usize).map(|key| key.sign(digest)).collect();
		let signatures: Signatures = signatures.try_into().expect("as many as fit; qed");
		#[extrinsic_call]
		_(
			RawOrigin::Signed(whitelisted_caller()),
			LANE,
			two_thirds(n),
			publics(&next),
			signatures,
		);
		assert_eq!(Sets::<T>::get(LANE).map(|set| set.number), Some(2));
	}

	#[benchmark]
	fn prune(n: Linear<0, { MAX_PRUNED * (MAX_MESSAGES - 1) }>) {
		lane::<T>();
		many_batches::<T>(n);
		Outboxes::<T>::mutate(LANE, |outbox| outbox.delivered = outbox.next);
		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), LANE);
		assert_eq!(Outboxes::<T>::get(LANE).oldest, u64::from(MAX_PRUNED));
		assert!(PendingRequests::<T>::iter().next().is_none());
	}

	#[benchmark]
	fn bridge_out() {
		lane::<T>();
		backed::<T>(100 * LP);
		batch_of::<T>(MAX_MESSAGES - 1);
		let caller: AccountId32 = whitelisted_caller();
		T::Currency::mint_into(&caller, 100 * LP).expect("the issuance has room; qed");
		#[extrinsic_call]
		_(RawOrigin::Signed(caller), LANE, H160([9; 20]), LP);
		assert_eq!(BooksOf::<T>::get(LANE).burned, LP);
	}

	#[benchmark]
	fn release() {
		lane::<T>();
		backed::<T>(100 * LP);
		batch_of::<T>(MAX_MESSAGES - 1);
		let address = H160([9; 20]);
		T::Currency::mint_into(&wallet_of(CHAIN, address), LP).expect("the issuance has room; qed");
		#[extrinsic_call]
		_(RawOrigin::Signed(whitelisted_caller()), LANE, address);
		assert_eq!(BooksOf::<T>::get(LANE).burned, LP);
	}

	#[benchmark]
	fn cancel() {
		let keys = lane::<T>();
		let message = Inbound::Request(request::<T>());
		let last = nearly_decided::<T>(&keys, &message);
		Pallet::<T>::do_attest(&last, LANE, message).expect("the last vote; qed");
		let job = LiveRequests::<T>::iter_keys().next().expect("just taken up; qed");
		#[extrinsic_call]
		_(RawOrigin::Signed(account("delegate", 0, 0)), job);
		assert_eq!(BooksOf::<T>::get(LANE).live, 0);
	}

	#[benchmark]
	fn job_ended() {
		lane::<T>();
		batch_of::<T>(MAX_MESSAGES - 1);
		let settings = Lanes::<T>::get(LANE).expect("just registered; qed");
		let request = request::<T>();
		let wallet = wallet_of(CHAIN, request.requester);
		T::Currency::mint_into(&wallet, 2 * request.budget).expect("the issuance has room; qed");
		backed::<T>(3 * request.budget);
		let job = JobId(u64::MAX);
		Pallet::<T>::record_live(LANE, &settings, job, request.ticket());
		let origin = JobOrigin::Evm {
			chain: CHAIN,
			request: request.id,
			delegate: None,
		};
		let ending = JobEnding::Settled {
			deal: DealId(1),
			outcome: Outcome::Accepted {
				usage: 1,
				completed: true,
			},
			result: Some(Triple {
				status: Status::Completed,
				exit_code: 0,
				root: OutputRoot([1; 32]),
			}),
		};
		#[block]
		{
			Pallet::<T>::job_ended(job, &origin, &wallet, &ending, LP);
		}
		assert_eq!(BooksOf::<T>::get(LANE).burned, 2 * request.budget - LP);
	}

	#[benchmark]
	fn predicate() {
		let keys = lane::<T>();
		batch_of::<T>(MAX_MESSAGES);
		pass::<T>(1);
		let digest = Pallet::<T>::batch_to_sign(LANE, 0).expect("there is a batch; qed");
		let signature = keys[31].sign(digest);
		let passed;
		#[block]
		{
			passed = Pallet::<T>::check_sign(&keys[31].account(), LANE, 0, &signature).is_ok();
		}
		assert!(passed);
	}

	#[cfg(test)]
	impl_benchmark_test_suite!(Pallet, crate::mock::bare_test_ext(), crate::mock::Test);
}
