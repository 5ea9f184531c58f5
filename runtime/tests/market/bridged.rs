//! Random steps at the gateway: of contracts and people over there, of members who carry what happened there and here, of delegates,
//! and of governance.

use super::{
	chain::*,
	gateway::{contract, keys, register_lane, Key},
	judging::wait_until,
	steps::{nth, Tally, CREATORS, PROVIDERS},
};
use lilypad_primitives::{JobOrigin, LP};
use lilypad_runtime::{AccountId, Balance, Balances, EvmGateway, Runtime, System};
use pallet_evm_gateway::{
	wallet_of, Call as C, Deposit, Event, FinalityRule, Inbound, LaneId, Limits, Message, Outboxes,
	PublicKey, Request, Signature,
};
use proptest::prelude::*;
use sp_core::H160;
use sp_runtime::AccountId32;
use std::collections::BTreeMap;

/// The lanes, and their chains.
const LANES: [(LaneId, u64); 2] = [(7, 1337), (8, 10)];
/// Who acts for a contract that has named a delegate.
pub(crate) const DELEGATE: Who = Who::Two;
const CONTRACTS: u8 = 3;
const ADDRESS: H160 = H160([0xaa; 20]);

/// What somebody over there does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum There {
	/// Asks for computation, with a delegate or without.
	Request { delegated: bool },
	/// Asks for what is not to be had.
	Nonsense,
	/// Asks when it is too late.
	Late,
	/// Sends LP to somebody who is here.
	Deposit,
	/// Sends LP to somebody who is not.
	DepositToNobody,
	/// Sends LP to a contract's own wallet.
	DepositToWallet,
}

#[derive(Clone, Debug)]
pub(crate) enum Bridged {
	/// Something happens there.
	Happens {
		lane: usize,
		who: u8,
		what: There,
		milli: u128,
		/// All members tell of it at once.
		told: bool,
	},
	/// A re-organisation puts something else in the place of one of the last things that have happened.
	Reorganised {
		lane: usize,
		back: usize,
		told: bool,
	},
	Attest {
		lane: usize,
		member: usize,
		back: usize,
		lie: bool,
	},
	/// A member, or all, tell that one of the last requests was taken back.
	Exit {
		lane: usize,
		member: usize,
		back: usize,
		told: bool,
	},
	Sign {
		lane: usize,
		member: usize,
		batch: u64,
	},
	Acknowledge {
		lane: usize,
		member: usize,
		batches: u64,
	},
	Prune(usize),
	/// A member has waited until there is something to be said for a sign of life.
	Heartbeat(usize, usize),
	Rotate(usize),
	Out {
		lane: usize,
		who: usize,
		milli: u128,
	},
	Release(usize, u8),
	Cancel(usize),
	Pause(usize, bool),
	PauseAll(bool),
	Limits(usize, u128),
}

pub(crate) fn step() -> impl Strategy<Value = Bridged> {
	let lane = || 0..LANES.len();
	let member = || 0usize..4;
	let back = || 0usize..6;
	let milli = || prop_oneof![1 => 1u128..100, 6 => 8_000u128..60_000];
	let what = prop_oneof![
		6 => any::<bool>().prop_map(|delegated| There::Request { delegated }),
		1 => Just(There::Nonsense),
		1 => Just(There::Late),
		6 => Just(There::Deposit),
		1 => Just(There::DepositToNobody),
		2 => Just(There::DepositToWallet),
	];
	prop_oneof![
		12 => (lane(), 0..CONTRACTS, what, milli(), any::<bool>())
			.prop_map(|(lane, who, what, milli, told)| Bridged::Happens { lane, who, what, milli, told }),
		2 => (lane(), back(), any::<bool>())
			.prop_map(|(lane, back, told)| Bridged::Reorganised { lane, back, told }),
		12 => (lane(), member(), back(), prop::bool::weighted(0.2))
			.prop_map(|(lane, member, back, lie)| Bridged::Attest { lane, member, back, lie }),
		8 => (lane(), member(), back(), any::<bool>())
			.prop_map(|(lane, member, back, told)| Bridged::Exit { lane, member, back, told }),
		12 => (lane(), member(), 0u64..3).prop_map(|(lane, member, batch)| Bridged::Sign { lane, member, batch }),
		3 => (lane(), member(), 1u64..6)
			.prop_map(|(lane, member, batches)| Bridged::Acknowledge { lane, member, batches }),
		1 => lane().prop_map(Bridged::Prune),
		1 => (lane(), member()).prop_map(|(lane, member)| Bridged::Heartbeat(lane, member)),
		1 => lane().prop_map(Bridged::Rotate),
		4 => (lane(), 0usize..5, milli()).prop_map(|(lane, who, milli)| Bridged::Out { lane, who, milli }),
		2 => (lane(), 0..CONTRACTS).prop_map(|(lane, who)| Bridged::Release(lane, who)),
		3 => (0usize..6).prop_map(Bridged::Cancel),
		2 => (lane(), prop::bool::weighted(0.3)).prop_map(|(lane, paused)| Bridged::Pause(lane, paused)),
		1 => prop::bool::weighted(0.2).prop_map(Bridged::PauseAll),
		1 => (lane(), 1u128..4).prop_map(|(lane, times)| Bridged::Limits(lane, times)),
	]
}

/// The other side: members' keys, and what each gateway has logged, from number 1 on.
pub(crate) struct OtherSide {
	/// The sets that take turns; one key is in both.
	sets: [Vec<Key>; 2],
	logs: [Vec<Inbound>; 2],
}

impl Default for OtherSide {
	fn default() -> Self {
		Self {
			sets: [keys(1..=3), keys(3..=5)],
			logs: Default::default(),
		}
	}
}

impl OtherSide {
	/// Of a chain that begins: nothing has happened.
	pub(crate) fn begin(&mut self) {
		self.logs = Default::default();
		for (lane, chain) in LANES {
			register_lane(lane, chain, limits(2), &self.sets[0]);
		}
	}

	/// The set with this number.
	fn set(&self, number: u64) -> &[Key] {
		&self.sets[(number as usize + 1) % 2]
	}

	/// One of those in office. The fourth is a member of the set that was, or will be.
	fn member(&self, lane: LaneId, nth: usize) -> &Key {
		let number = EvmGateway::bridge_set(lane).expect("a lane").number;
		match nth {
			3 => &self.set(number + 1)[0],
			nth => &self.set(number)[nth],
		}
	}

	fn nth_last(&self, lane: usize, back: usize) -> Option<&Inbound> {
		let log = &self.logs[lane];
		log.get(log.len().checked_sub(1 + back)?)
	}
}

fn limits(times: u128) -> Limits {
	Limits {
		least: LP / 100,
		largest: 50 * LP,
		inflow: times * 100 * LP,
		outflow: times * 100 * LP,
		period: 100,
	}
}

fn happens(id: u64, who: u8, what: There, amount: Balance, newest: u32) -> Inbound {
	let deposit = |account| {
		Inbound::Deposit(Deposit {
			id,
			from: contract(who),
			account,
			amount,
		})
	};
	let (delegate, accept_by, module) = match what {
		There::Deposit => return deposit(PROVIDERS[usize::from(who) % PROVIDERS.len()].into()),
		There::DepositToNobody => return deposit(AccountId32::new([id as u8 | 0x80; 32])),
		There::DepositToWallet => return deposit(wallet_of(LANES[0].1, contract(who))),
		There::Request { delegated: true } => (DELEGATE.to_account_id().into(), u64::MAX, newest),
		There::Request { delegated: false } => ([0; 32], u64::MAX, newest),
		There::Late => ([0; 32], 1, newest),
		There::Nonsense => ([0; 32], u64::MAX, u32::MAX),
	};
	let module = format!("cowsay:v0.0.{module}").into_bytes();
	Inbound::Request(Request {
		id,
		requester: contract(who),
		refund_to: contract(who),
		budget: amount,
		accept_by,
		time_limit: LIMIT,
		callback_gas: 100_000,
		delegate,
		module: module.try_into().expect("short"),
		inputs: vec![b"Message=moo".to_vec().try_into().expect("short")]
			.try_into()
			.expect("one"),
	})
}

/// What was made here for the gateways, and not unmade.
pub(crate) fn made() -> Balance {
	let books = pallet_evm_gateway::BooksOf::<Runtime>::iter_values();
	books.map(|books| books.minted - books.burned).sum()
}

/// Asserts that there is as much LP as at the beginning, and what was made for the gateways.
#[track_caller]
pub(crate) fn conserved(issued: Balance) {
	assert_eq!(Balances::total_issuance(), issued + made());
}

/// Notes what the gateways' events tell of.
pub(crate) fn note(reached: &mut BTreeMap<String, u64>) {
	for event in System::read_events_for_pallet::<Event<Runtime>>() {
		let what = match event {
			Event::RequestTakenUp { .. } => "a request was taken up",
			Event::BridgedIn { .. } => "a deposit arrived",
			Event::BridgedOut { .. } => "somebody sent LP out",
			Event::Released { .. } => "a wallet was emptied",
			Event::Reorganised { .. } => "a re-organisation was booked",
			Event::Exited { lost: 0, .. } => "an exit was booked without loss",
			Event::Exited { .. } => "an exit was booked with a loss",
			Event::Recovered { .. } => "a loss was made up for",
			Event::MessageQueued {
				message: Message::Answer { .. },
				..
			} => "a request was answered",
			Event::BatchSigned { ready: true, .. } => "a batch was ready",
			Event::BatchesPruned { .. } => "batches were removed",
			_ => continue,
		};
		*reached.entry(what.to_owned()).or_default() += 1;
	}
}

/// All that [`note`] can note.
pub(crate) const NOTED: [&str; 11] = [
	"a batch was ready",
	"a deposit arrived",
	"a loss was made up for",
	"a re-organisation was booked",
	"a request was answered",
	"a request was taken up",
	"a wallet was emptied",
	"an exit was booked with a loss",
	"an exit was booked without loss",
	"batches were removed",
	"somebody sent LP out",
];

impl Tally {
	pub(crate) fn take_of_gateway(&mut self, step: Bridged) {
		match step {
			Bridged::Happens {
				lane,
				who,
				what,
				milli,
				told,
			} => {
				let id = self.there.logs[lane].len() as u64 + 1;
				let newest = pallet_modules::NextVersionId::<Runtime>::get().0;
				let event = happens(id, who, what, milli * LP / 1_000, newest);
				self.there.logs[lane].push(event);
				self.attest_all(lane, 0, told);
			},
			Bridged::Reorganised { lane, back, told } => {
				let Some(event) = self.there.nth_last(lane, back) else {
					return;
				};
				let (id, who) = (event.id(), event.id() as u8 % CONTRACTS);
				let other = happens(id, who, There::Deposit, event.amount() + 1, 0);
				self.there.logs[lane][id as usize - 1] = other;
				self.attest_all(lane, back, told);
			},
			Bridged::Attest {
				lane,
				member,
				back,
				lie,
			} => self.attest(lane, member, back, lie),
			Bridged::Exit {
				lane,
				member,
				back,
				told,
			} => {
				let members = if told { 0..3 } else { member..member + 1 };
				for member in members {
					self.exit(lane, member, back);
				}
			},
			Bridged::Out { lane, who, milli } => {
				let people: [Who; 5] = [CREATORS[0], CREATORS[1], PROVIDERS[0], PROVIDERS[1], PROVIDERS[2]];
				let (lane, to, amount) = (LANES[lane].0, ADDRESS, milli * LP / 1_000);
				self.attempt(people[who], C::bridge_out { lane, to, amount });
			},
			Bridged::Release(lane, who) => {
				let (lane, address) = (LANES[lane].0, contract(who));
				self.attempt(STRANGER, C::release { lane, address });
			},
			Bridged::Cancel(n) => self.cancel_for_contract(n),
			Bridged::Pause(lane, paused) => {
				let lane = LANES[lane].0;
				self.by_root(C::pause_lane { lane, paused });
			},
			Bridged::PauseAll(paused) => self.by_root(C::pause_all { paused }),
			Bridged::Limits(lane, times) => {
				let (lane, finality, limits) = (LANES[lane].0, FinalityRule::Confirmations(3), limits(times));
				self.by_root(C::set_lane {
					lane,
					finality,
					limits,
				});
			},
			step => self.take_of_outbox(step),
		}
	}

	fn take_of_outbox(&mut self, step: Bridged) {
		match step {
			Bridged::Sign { lane, member, batch } => {
				let lane = LANES[lane].0;
				let batch = Outboxes::<Runtime>::get(lane).oldest + batch;
				let key = self.there.member(lane, member);
				if let Some(digest) = EvmGateway::batch_to_sign(lane, batch) {
					let (account, signature) = (key.member.account.clone(), key.sign(digest));
					self.attempt(
						account,
						C::sign {
							lane,
							batch,
							signature,
						},
					);
				}
			},
			Bridged::Acknowledge {
				lane,
				member,
				batches,
			} => {
				let lane = LANES[lane].0;
				let outbox = Outboxes::<Runtime>::get(lane);
				let before = (outbox.oldest + batches).min(outbox.next);
				let account = self.there.member(lane, member).member.account.clone();
				self.attempt(account, C::acknowledge { lane, before });
			},
			Bridged::Prune(lane) => {
				let lane = LANES[lane].0;
				self.attempt(STRANGER, C::prune { lane });
			},
			Bridged::Heartbeat(lane, member) => {
				let lane = LANES[lane].0;
				let due = <Runtime as pallet_evm_gateway::Config>::Heartbeat::get();
				wait_until(Outboxes::<Runtime>::get(lane).latest + due);
				let account = self.there.member(lane, member).member.account.clone();
				self.attempt(account, C::heartbeat { lane });
			},
			Bridged::Rotate(lane) => self.rotate(LANES[lane].0),
			step => panic!("{step:?} is not about an outbox"),
		}
	}

	/// All members tell what they see, if they do.
	fn attest_all(&mut self, lane: usize, back: usize, told: bool) {
		for member in 0..if told { 3 } else { 0 } {
			self.attest(lane, member, back, false);
		}
	}

	fn attest(&mut self, lane: usize, member: usize, back: usize, lie: bool) {
		let Some(mut message) = self.there.nth_last(lane, back).cloned() else {
			return;
		};
		// One member in three lies.
		if lie && member == 0 {
			match &mut message {
				Inbound::Request(request) => request.budget += 1,
				Inbound::Deposit(deposit) => deposit.amount += 1,
			}
		}
		let lane = LANES[lane].0;
		let account = self.there.member(lane, member).member.account.clone();
		self.attempt(account, C::attest { lane, message });
	}

	/// One request in two is taken back.
	fn exit(&mut self, lane: usize, member: usize, back: usize) {
		let Some(Inbound::Request(request)) = self.there.nth_last(lane, back) else {
			return;
		};
		if request.id % 2 == 0 {
			let (lane, ticket) = (LANES[lane].0, request.ticket());
			let account = self.there.member(lane, member).member.account.clone();
			self.attempt(account, C::attest_exit { lane, ticket });
		}
	}

	fn rotate(&mut self, lane: LaneId) {
		let number = EvmGateway::bridge_set(lane).expect("a lane").number;
		let next = self.there.set(number + 1);
		let addresses: Vec<_> = next.iter().map(|key| key.member.address).collect();
		let keys: Vec<PublicKey> = next.iter().map(|key| key.public).collect();
		let digest = EvmGateway::rotation_to_sign(lane, 2, addresses.try_into().expect("three"));
		let digest = digest.expect("a lane");
		let old = &self.there.set(number)[..2];
		let signatures: Vec<Signature> = old.iter().map(|key| key.sign(digest)).collect();
		let rotate = C::rotate {
			lane,
			threshold: 2,
			keys: keys.try_into().expect("three"),
			signatures: signatures.try_into().expect("two"),
		};
		self.attempt(STRANGER, rotate);
	}

	fn cancel_for_contract(&mut self, n: usize) {
		let delegated = pallet_market::Jobs::<Runtime>::iter()
			.filter(|(_, record)| {
				let origin = &record.job.origin;
				matches!(
					origin,
					JobOrigin::Evm {
						delegate: Some(_),
						..
					}
				)
			})
			.map(|(job, _)| job);
		if let Some(job) = nth(delegated, n) {
			self.attempt(DELEGATE, C::cancel { job });
		}
	}

	/// Governance lets everything pass again; wallets are emptied as far as that is possible, and all that was told is delivered.
	pub(crate) fn end_of_gateway(&mut self) {
		self.by_root(C::pause_all { paused: false });
		pass(limits(1).period);
		for (at, (lane, _)) in LANES.into_iter().enumerate() {
			self.take_of_gateway(Bridged::Pause(at, false));
			for who in 0..CONTRACTS {
				self.take_of_gateway(Bridged::Release(at, who));
			}
			pass(1);
			let before = Outboxes::<Runtime>::get(lane).next;
			for member in 0..2 {
				let account: AccountId = self.there.member(lane, member).member.account.clone();
				self.attempt(account, C::acknowledge { lane, before });
			}
			while Outboxes::<Runtime>::get(lane).oldest < before {
				assert!(
					self.succeeds(STRANGER, C::prune { lane }),
					"what was delivered is forgotten"
				);
			}
		}
		assert_eq!(pallet_evm_gateway::AllBatches::<Runtime>::iter_keys().count(), 0);
		assert_eq!(
			pallet_evm_gateway::LiveRequests::<Runtime>::iter_keys().count(),
			0
		);
		assert_eq!(
			pallet_evm_gateway::PendingRequests::<Runtime>::iter_keys().count(),
			0
		);
		assert_eq!(pallet_evm_gateway::Wallets::<Runtime>::iter_keys().count(), 0);
	}
}
