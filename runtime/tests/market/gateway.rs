//! Requests from contracts, with the real market: members' keys sign real transactions, and have no LP.

use super::{
	chain::*,
	judging::{forged, mediators, pass_with_outputs, round},
};
use codec::Encode;
use frame_support::{assert_ok, dispatch::GetDispatchInfo};
use lilypad_primitives::{JobId, Opening, OutputRoot, Reason, Status, Triple, LP};
use lilypad_runtime::{
	Address, Balance, Balances, EvmGateway, Executive, Runtime, RuntimeCall, RuntimeOrigin, Signature,
	SignedPayload, System, UncheckedExtrinsic,
};
use pallet_evm_gateway::{
	status, wallet_of, Answer, Call, Deposit, FinalityRule, Inbound, Limits, Member, Message, PublicKey,
	Request,
};
use sp_core::{ecdsa, Pair, H160, H256};
use sp_runtime::{traits::Dispatchable, AccountId32, ApplyExtrinsicResult};

const LANE: u64 = 7;
const CHAIN: u64 = 1337;
const SENT: Balance = 25 * LP;
const ED: Balance = LP / 1_000;

pub(crate) struct Key {
	pair: ecdsa::Pair,
	pub(crate) public: PublicKey,
	pub(crate) member: Member,
}

impl Key {
	/// A signature in the form that the gateway takes.
	pub(crate) fn sign(&self, digest: H256) -> pallet_evm_gateway::Signature {
		let mut signature = self.pair.sign_prehashed(&digest.0).0;
		signature[64] += 27;
		signature
	}
}

/// Three members, two of whom are a quorum.
fn members() -> Vec<Key> {
	keys(1..=3)
}

/// Keys, as a set has them.
pub(crate) fn keys(seeds: impl Iterator<Item = u8>) -> Vec<Key> {
	let mut keys: Vec<_> = seeds
		.map(|seed| {
			let pair = ecdsa::Pair::from_seed(&[seed; 32]);
			let signature = pair.sign_prehashed(&[7; 32]);
			let public = sp_io::crypto::secp256k1_ecdsa_recover(&signature.0, &[7; 32])
				.ok()
				.expect("just signed");
			let member = Member::new(&public);
			Key { pair, public, member }
		})
		.collect();
	keys.sort_by_key(|key| key.member.address);
	keys
}

fn gateway_test(run: impl FnOnce()) {
	gateway_test_after(|| (), run);
}

/// Runs a test with a lane, once this has been prepared.
fn gateway_test_after(prepare: impl FnOnce(), run: impl FnOnce()) {
	test(|| {
		prepare();
		let limits = Limits {
			least: LP / 100,
			largest: 100 * LP,
			inflow: 1_000 * LP,
			outflow: 1_000 * LP,
			period: 100,
		};
		register_lane(LANE, CHAIN, limits, &members());
		let issuance = Balances::total_issuance();
		run();
		let books = EvmGateway::books(LANE);
		assert_eq!(
			Balances::total_issuance() as i128 - issuance as i128,
			books.locked() as i128 + books.lost as i128,
			"what was made for the lane is what its gateway holds, and what was taken out of it"
		);
	});
}

/// Registers a lane with these members, two of whom are a quorum.
pub(crate) fn register_lane(lane: u64, chain: u64, limits: Limits, members: &[Key]) {
	let keys: Vec<_> = members.iter().map(|key| key.public).collect();
	assert_ok!(EvmGateway::register_lane(
		RuntimeOrigin::root(),
		lane,
		chain,
		H160([9; 20]),
		FinalityRule::Finalized,
		limits,
		2,
		keys.try_into().expect("few"),
	));
}

/// A transaction of this key's account, as a block applies it.
fn transact(key: &Key, call: Call<Runtime>) -> ApplyExtrinsicResult {
	let account = &key.member.account;
	let extension = super::signed::extension(System::account_nonce(account));
	let payload =
		SignedPayload::new(RuntimeCall::from(call), extension).expect("the chain's own values are there");
	let signature = payload.using_encoded(|bytes| key.pair.sign(bytes));
	let (call, extension, _) = payload.deconstruct();
	Executive::apply_extrinsic(UncheckedExtrinsic::new_signed(
		call,
		Address::Id(account.clone()),
		Signature::Ecdsa(signature),
		extension,
	))
}

/// One of the contracts over there.
pub(crate) fn contract(nth: u8) -> H160 {
	H160([0xc0 + nth; 20])
}

fn wallet() -> AccountId32 {
	wallet_of(CHAIN, contract(0))
}

fn asked(id: u64) -> Request {
	Request {
		id,
		requester: contract(0),
		refund_to: contract(0),
		budget: SENT,
		accept_by: u64::MAX,
		time_limit: LIMIT,
		callback_gas: 100_000,
		delegate: [0; 32],
		module: b"cowsay:v0.0.1".to_vec().try_into().expect("short"),
		inputs: vec![b"Message=moo".to_vec().try_into().expect("short")]
			.try_into()
			.expect("one"),
	}
}

/// Two members attest, free.
#[track_caller]
fn attest(message: Inbound) {
	for key in &members()[..2] {
		let message = message.clone();
		assert_eq!(transact(key, Call::attest { lane: LANE, message }), Ok(Ok(())));
	}
}

/// Two members attest a request; returns the job.
#[track_caller]
fn take_up(request: Request) -> JobId {
	let job = pallet_market::NextJobId::<Runtime>::get();
	attest(Inbound::Request(request));
	assert!(pallet_market::Jobs::<Runtime>::contains_key(job));
	job
}

#[track_caller]
fn only_answer() -> Answer {
	let messages = EvmGateway::batch(LANE, 0).expect("there is a batch").messages;
	assert!(EvmGateway::batch(LANE, 1).is_none());
	match messages[..] {
		[Message::Answer { answer, .. }] => answer,
		ref other => panic!("not one answer: {other:?}"),
	}
}

#[test]
fn a_contracts_job_is_run_paid_for_and_answered_without_anybodys_help() {
	gateway_test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let before = picture();
		let job = take_up(asked(1));
		let deal = deal_of(job).expect("matched in the same block");
		assert_eq!(Balances::free_balance(wallet()), ED);
		assert_eq!(Balances::reserved_balance(wallet()), SENT - ED);
		run(PROVIDER, deal);
		draw(deal);
		let opening = opening();
		assert_ok!(call(PROVIDER, pallet_deals::Call::reveal { deal, opening }));

		// In that very block: nobody may accept, and nobody's silence is waited for.
		let cost = 3 * RATE + FEE + LEVY;
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("provider", plus(3 * RATE), 0),
			("pool", plus(LEVY), 0),
		]);
		let answer = Answer {
			deal: deal.0,
			status: status::COMPLETED,
			exit_code: 0,
			root: [7; 32],
			cost,
			refund: SENT - cost,
		};
		assert_eq!(only_answer(), answer);
		assert!(!System::account_exists(&wallet()));
		assert_eq!(EvmGateway::books(LANE).locked(), cost);

		pass(1);
		let digest: H256 = EvmGateway::batch_to_sign(LANE, 0).expect("there is a batch");
		for key in &members()[..2] {
			let sign = Call::sign {
				lane: LANE,
				batch: 0,
				signature: key.sign(digest),
			};
			assert_eq!(transact(key, sign), Ok(Ok(())));
		}
		assert!(EvmGateway::batch_proof(LANE, 0).is_some());
		for key in &members()[..2] {
			let acknowledge = Call::acknowledge {
				lane: LANE,
				before: 1,
			};
			assert_eq!(transact(key, acknowledge), Ok(Ok(())));
			assert_eq!(Balances::free_balance(&key.member.account), 0);
		}
		assert_eq!(EvmGateway::batch(LANE, 0), None);
	});
}

#[test]
fn a_contracts_job_that_fails_is_paid_for_as_any_other() {
	gateway_test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let deal = deal_of(take_up(asked(1))).expect("matched");
		acknowledge(PROVIDER, deal);
		pass(2);
		let opening = Opening {
			triple: Triple {
				status: Status::MemoryExceeded,
				exit_code: 0,
				root: OutputRoot([3; 32]),
			},
			..opening()
		};
		let seal = opening.seal(deal);
		assert_ok!(call(PROVIDER, pallet_deals::Call::submit { deal, seal }));
		draw(deal);
		assert_ok!(call(PROVIDER, pallet_deals::Call::reveal { deal, opening }));
		let answer = only_answer();
		assert_eq!((answer.status, answer.root), (status::MEMORY_EXCEEDED, [3; 32]));
		assert_eq!(answer.refund, SENT - 3 * RATE - LEVY);
	});
}

#[test]
fn a_contracts_job_that_nobody_takes_is_answered() {
	gateway_test(|| {
		let job = take_up(asked(1));
		assert!(waits(job));
		pass(301);
		idle();
		let answer = only_answer();
		assert_eq!((answer.status, answer.refund), (status::UNMATCHED, SENT));
		assert!(!System::account_exists(&wallet()));
		nothing_is_held_but_for_modules();
	});
}

#[test]
fn a_request_that_was_taken_back_is_booked_free_and_gets_no_answer() {
	gateway_test(|| {
		let job = take_up(asked(1));
		assert!(waits(job));
		for key in &members()[..2] {
			let exit = Call::attest_exit {
				lane: LANE,
				ticket: asked(1).ticket(),
			};
			assert_eq!(transact(key, exit), Ok(Ok(())));
			assert_eq!(Balances::free_balance(&key.member.account), 0);
		}
		let books = EvmGateway::books(LANE);
		assert_eq!((books.lost, books.reserved, books.locked()), (SENT, 0, 0));
		pass(301);
		idle();
		assert!(EvmGateway::batch(LANE, 0).is_none(), "nobody waits for an answer");
		assert_eq!(EvmGateway::books(LANE).lost, 0, "and nothing was spent");
		assert!(!System::account_exists(&wallet()));
		nothing_is_held_but_for_modules();
	});
}

#[test]
fn a_contracts_job_that_every_provider_fails_is_answered_with_compensation() {
	gateway_test(|| {
		// The lane has LP to spare.
		attest(Inbound::Deposit(Deposit {
			id: 1,
			from: contract(0),
			account: STRANGER.to_account_id(),
			amount: 50 * LP,
		}));
		offer(PROVIDER, machine(RATE, 1));
		let job = take_up(asked(2));
		let deal = deal_of(job).expect("matched");
		acknowledge(PROVIDER, deal);
		lapse(deal);
		idle();
		assert!(waits(job), "queued again");
		assert!(EvmGateway::batch(LANE, 0).is_none(), "no answer while it lives");
		check();
		pass(301);
		idle();
		// Half of what is left of the fine after the levy's part.
		let compensation = only_answer().refund - SENT;
		assert_eq!(compensation, CAP / 2);
		assert_eq!(only_answer().status, status::UNMATCHED);
		assert!(!System::account_exists(&wallet()));
	});
}

#[test]
fn a_contracts_job_fails_when_the_market_would_not_have_it() {
	type Change = fn(&mut Request);
	let cases: [(u8, Change); 5] = [
		(status::UNKNOWN_MODULE, |request| {
			request.module = b"horse:v1".to_vec().try_into().expect("short")
		}),
		(status::BUDGET_TOO_SMALL, |request| request.budget = FEE / 2),
		(status::BAD_INPUTS, |request| {
			request.inputs[0] = b"moo".to_vec().try_into().expect("short")
		}),
		(status::EXPIRED, |request| request.accept_by = 1),
		// Shorter than any run that the market takes.
		(status::REFUSED, |request| request.time_limit = 1),
	];
	for (status, change) in cases {
		gateway_test(|| {
			offer(PROVIDER, machine(RATE, 1));
			let mut request = asked(1);
			change(&mut request);
			attest(Inbound::Request(request.clone()));
			let answer = only_answer();
			assert_eq!((answer.status, answer.refund), (status, request.budget));
			assert_eq!(EvmGateway::books(LANE).minted, 0);
			assert!(!System::account_exists(&wallet()));
		});
	}
}

#[test]
fn a_contracts_job_fails_when_its_module_was_withdrawn() {
	gateway_test(|| {
		delist();
		attest(Inbound::Request(asked(1)));
		assert_eq!(only_answer().status, status::UNKNOWN_MODULE);
	});
}

#[test]
fn a_delegate_cancels() {
	gateway_test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let job = take_up(delegated(1));
		assert_ok!(super::chain::call(STRANGER, Call::cancel { job }));
		let answer = only_answer();
		assert_eq!(answer.status, status::CANCELLED);
		assert_eq!(answer.refund, SENT - CANCEL_FEE);
	});
}

#[test]
fn what_cancelling_did_not_weigh_comes_back() {
	for matched in [false, true] {
		gateway_test(|| {
			if matched {
				offer(PROVIDER, machine(RATE, 1));
			}
			let job = take_up(delegated(1));
			let cancel = RuntimeCall::from(Call::cancel { job });
			let declared = cancel.get_dispatch_info().call_weight;
			let post = super::chain::call(STRANGER, cancel).expect("it is the delegate");
			let used = post.actual_weight.expect("it is said");
			assert!(used.all_lte(declared) && (matched || used.ref_time() < declared.ref_time() / 2));
		});
	}
}

/// A job of a contract that has named the stranger as its delegate.
fn delegated(id: u64) -> Request {
	Request {
		delegate: STRANGER.to_account_id().into(),
		..asked(id)
	}
}

#[test]
fn a_delegate_accepts_and_the_contract_is_answered_in_that_block() {
	gateway_test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let deal = deal_of(take_up(delegated(1))).expect("matched");
		run(PROVIDER, deal);
		draw(deal);
		// The provider may reveal first: a delegate still has its say.
		let opening = opening();
		assert_ok!(call(PROVIDER, pallet_deals::Call::reveal { deal, opening }));
		assert!(EvmGateway::batch(LANE, 0).is_none());
		let before = picture();
		assert_ok!(call(STRANGER, pallet_deals::Call::accept { deal, opening }));
		before.assert_changed(&[
			("author", plus(FEE), 0),
			("provider", plus(3 * RATE), 0),
			("pool", plus(LEVY), 0),
		]);
		let cost = 3 * RATE + FEE + LEVY;
		let answer = only_answer();
		assert_eq!(
			(answer.status, answer.cost, answer.refund),
			(status::COMPLETED, cost, SENT - cost)
		);
	});
}

#[test]
fn a_delegate_challenges_with_a_bond_of_its_own_and_the_contract_is_compensated() {
	gateway_test_after(mediators, || {
		// The lane has LP to spare.
		attest(Inbound::Deposit(Deposit {
			id: 1,
			from: contract(0),
			account: SECOND.to_account_id(),
			amount: 50 * LP,
		}));
		offer(PROVIDER, machine(RATE, 1));
		let deal = deal_of(take_up(delegated(2))).expect("matched");
		acknowledge(PROVIDER, deal);
		pass_with_outputs(2);
		let seal = forged().seal(deal);
		assert_ok!(call(PROVIDER, pallet_deals::Call::submit { deal, seal }));
		pass_with_outputs(5);
		let before = picture();
		let reason = Reason::WrongResult;
		assert_ok!(call(STRANGER, pallet_deals::Call::challenge { deal, reason }));
		let bond = 11 * CAP / 2;
		before.assert_changed(&[("stranger", minus(bond), plus(bond))]);
		round(deal, |_| opening().triple, Some(forged()));
		before.assert_changed(&[
			("provider", 0, minus(COLLATERAL)),
			("treasury", plus(COLLATERAL - 3 * CAP / 2 - CAP), 0),
		]);
		let answer = only_answer();
		assert_eq!((answer.cost, answer.refund), (0, SENT + CAP));
		assert!(!System::account_exists(&wallet()));
	});
}

#[test]
fn people_send_lp_to_and_fro() {
	gateway_test(|| {
		let who = AccountId32::new([0x55; 32]);
		attest(Inbound::Deposit(Deposit {
			id: 1,
			from: contract(0),
			account: who.clone(),
			amount: 10 * LP,
		}));
		assert_eq!(Balances::free_balance(&who), 10 * LP);
		let back = RuntimeCall::from(Call::bridge_out {
			lane: LANE,
			to: contract(0),
			amount: 10 * LP,
		});
		assert_ok!(back.dispatch(RuntimeOrigin::signed(who.clone())));
		assert!(!System::account_exists(&who));
		assert_eq!(EvmGateway::books(LANE).locked(), 0);
	});
}

#[test]
fn a_providers_earnings_can_be_sent_over() {
	gateway_test(|| {
		offer(PROVIDER, machine(RATE, 1));
		let deal = deal_of(take_up(asked(1))).expect("matched");
		run(PROVIDER, deal);
		draw(deal);
		let opening = opening();
		assert_ok!(call(PROVIDER, pallet_deals::Call::reveal { deal, opening }));
		let out = |amount| Call::bridge_out {
			lane: LANE,
			to: contract(0),
			amount,
		};
		let cost = 3 * RATE + FEE + LEVY;
		assert_ok!(call(PROVIDER, out(3 * RATE)));
		assert_eq!(EvmGateway::books(LANE).locked(), cost - 3 * RATE);
	});
}

#[test]
fn who_is_no_member_pays_and_fails() {
	gateway_test(|| {
		let before = Balances::free_balance(STRANGER.to_account_id());
		let call = Call::attest {
			lane: LANE,
			message: Inbound::Request(asked(1)),
		};
		let result = super::signed::transact(STRANGER, call);
		let expected = pallet_evm_gateway::Error::<Runtime>::NotMember;
		assert_eq!(result, Ok(Err(expected.into())));
		assert!(Balances::free_balance(STRANGER.to_account_id()) < before);
	});
}

#[test]
fn a_member_without_lp_can_make_no_call_that_fails() {
	gateway_test(|| {
		attest(Inbound::Request(asked(1)));
		// It is decided: what would fail is not free, and whoever can't pay is not let in.
		let late = Call::attest {
			lane: LANE,
			message: Inbound::Request(asked(1)),
		};
		assert!(transact(&members()[2], late).is_err());
	});
}

#[test]
fn the_longest_request_is_attested_free() {
	gateway_test(|| {
		let inputs: Vec<_> = (0..32)
			.map(|at| {
				let mut input = format!("Key{at:02}=").into_bytes();
				input.resize(128, b'x');
				input.try_into().expect("short")
			})
			.collect();
		let request = Request {
			inputs: inputs.try_into().expect("as many as fit"),
			module: vec![b'x'; 96].try_into().expect("as long as fits"),
			..asked(1)
		};
		let call = RuntimeCall::from(Call::attest {
			lane: LANE,
			message: Inbound::Request(request.clone()),
		});
		assert!(call.encoded_size() > 4_200);
		assert!(call.get_dispatch_info().call_weight.ref_time() > 0);
		attest(Inbound::Request(request));
		assert_eq!(only_answer().status, status::UNKNOWN_MODULE);
	});
}
