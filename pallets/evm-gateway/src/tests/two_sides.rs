//! Random interleavings of everything, on this chain and on a model of the gateway's contract: no request is paid twice, no message
//! counts twice, and both sides' books agree after every step.

use crate::{
	eip712, mock::*, Batch, Deposit, FinalityRule, Inbound, Limits, LiveRequests, Message, Outboxes, Request,
	Ticket, MAX_AMOUNT,
};
use frame_support::assert_ok;
use lilypad_primitives::{traits::JobEnding, Balance, JobId, Outcome, LP};
use proptest::prelude::*;
use sp_core::{H160, H256};
use std::collections::{BTreeMap, BTreeSet};

/// The gateway's contract, as far as money and replays are concerned.
struct Contract {
	/// Everything that came in, by its number: 1, 2, …
	log: Vec<Inbound>,
	/// Requests that wait for their answer, by number: the hash of their ticket.
	pending: BTreeMap<u64, H256>,
	paid_out: BTreeSet<u64>,
	answered: BTreeMap<u64, Balance>,
	exited: BTreeSet<u64>,
	locked: Balance,
	credits: BTreeMap<H160, Balance>,
	set: u64,
	head: Vec<u8>,
}

/// A batch, and the proof for it under a set.
#[derive(Clone)]
struct Proven {
	batch: Batch,
	set: u64,
	proof: Vec<u8>,
}

impl Contract {
	fn new() -> Self {
		Self {
			log: Vec::new(),
			pending: BTreeMap::new(),
			paid_out: BTreeSet::new(),
			answered: BTreeMap::new(),
			exited: BTreeSet::new(),
			locked: 0,
			credits: BTreeMap::new(),
			set: 1,
			head: Gateway::bridge_set(LANE).expect("registered").head(),
		}
	}

	fn next(&self) -> u64 {
		self.log.len() as u64 + 1
	}

	fn lock(&mut self, event: Inbound) {
		self.locked += event.amount();
		if let Inbound::Request(request) = &event {
			self.pending.insert(event.id(), eip712::ticket(&request.ticket()));
		}
		self.log.push(event);
	}

	fn verify(&self, set: u64, message: H256, proof: &[u8]) -> bool {
		let digest = eip712::digest(eip712::domain(CHAIN, gateway(LANE)), message);
		set == self.set && proof.starts_with(&self.head) && signers(proof, digest).is_some()
	}

	/// Delivers a batch; what it has seen before it passes over.
	fn deliver(&mut self, proven: &Proven) {
		let hashes = proven.batch.messages.iter().map(Message::hash);
		let message = eip712::batch(LANE, proven.set, proven.batch.time, hashes);
		if !self.verify(proven.set, message, &proven.proof) {
			return;
		}
		for message in &proven.batch.messages {
			match message {
				Message::Payout(payout) => {
					if !self.paid_out.contains(&payout.nonce) && self.credit(payout.to, payout.amount) {
						self.paid_out.insert(payout.nonce);
					}
				},
				Message::Answer { ticket, answer } => {
					let expected = self.pending.get(&ticket.id) == Some(&eip712::ticket(ticket));
					if expected && self.credit(ticket.refund_to, answer.refund) {
						self.pending.remove(&ticket.id);
						assert_eq!(self.answered.insert(ticket.id, answer.refund), None);
						assert!(answer.refund <= 2 * ticket.budget);
					}
				},
			}
		}
	}

	/// Reverts, and says so, when that much is not there: only if something was taken back by the way out.
	fn credit(&mut self, to: H160, amount: Balance) -> bool {
		assert!(amount <= MAX_AMOUNT);
		if amount > self.locked {
			assert!(
				!self.exited.is_empty(),
				"the gateway holds less than it is told to pay"
			);
			return false;
		}
		self.locked -= amount;
		*self.credits.entry(to).or_default() += amount;
		true
	}

	/// The way out when the bridge is dead: excludes an answer.
	fn exit(&mut self, id: u64) {
		let Some(Inbound::Request(request)) = self.log.get(id as usize - 1) else {
			return;
		};
		let Ticket {
			refund_to, budget, ..
		} = request.ticket();
		if budget <= self.locked && self.pending.remove(&id).is_some() {
			self.exited.insert(id);
			self.credit(refund_to, budget);
		}
	}

	fn is_delivered(&self, message: &Message) -> bool {
		match message {
			Message::Payout(payout) => self.paid_out.contains(&payout.nonce),
			Message::Answer { ticket, .. } => !self.pending.contains_key(&ticket.id),
		}
	}
}

#[derive(Clone, Debug)]
enum Step {
	Request {
		who: u8,
		budget: Balance,
		minutes: u64,
		unknown: bool,
	},
	Deposit {
		amount: Balance,
	},
	Attest {
		member: usize,
		at: u64,
		lie: bool,
	},
	Pass {
		blocks: u32,
	},
	EndJob {
		at: usize,
		how: u8,
		cost: Balance,
		compensation: Balance,
	},
	BridgeOut {
		amount: Balance,
	},
	Release {
		who: u8,
	},
	Sign {
		member: usize,
		at: u64,
	},
	Deliver {
		at: usize,
	},
	Acknowledge {
		member: usize,
	},
	Prune,
	Rotate {
		seed: u8,
	},
	TellRotation,
	Exit {
		at: u64,
	},
}

fn steps(exits: bool) -> impl Strategy<Value = Vec<Step>> {
	let amount = || prop_oneof![1..3 * ED, Just(LP), 1..50 * LP];
	let step = prop_oneof![
		4 => (0u8..3, amount(), 0u64..60, prop::bool::weighted(0.2)).prop_map(|(who, budget, minutes, unknown)| {
			Step::Request { who, budget, minutes, unknown }
		}),
		1 => amount().prop_map(|amount| Step::Deposit { amount }),
		12 => (0usize..4, any::<u64>(), prop::bool::weighted(0.3))
			.prop_map(|(member, at, lie)| Step::Attest { member, at, lie }),
		3 => (1u32..400).prop_map(|blocks| Step::Pass { blocks }),
		5 => (any::<usize>(), 0u8..4, amount(), prop_oneof![Just(0), amount()])
			.prop_map(|(at, how, cost, compensation)| Step::EndJob { at, how, cost, compensation }),
		1 => amount().prop_map(|amount| Step::BridgeOut { amount }),
		1 => (0u8..3).prop_map(|who| Step::Release { who }),
		10 => (0usize..4, any::<u64>()).prop_map(|(member, at)| Step::Sign { member, at }),
		6 => any::<usize>().prop_map(|at| Step::Deliver { at }),
		2 => (0usize..4).prop_map(|member| Step::Acknowledge { member }),
		1 => Just(Step::Prune),
		1 => (1u8..5).prop_map(|seed| Step::Rotate { seed }),
		2 => Just(Step::TellRotation),
		2 => any::<u64>().prop_map(move |at| if exits { Step::Exit { at } } else { Step::TellRotation }),
	];
	prop::collection::vec(step, 1..120)
}

/// Both sides, and what an adversary remembers.
struct World {
	contract: Contract,
	/// All proofs that ever were: whoever has one may deliver it whenever it suits him.
	proofs: Vec<Proven>,
	members: Vec<Key>,
	/// Amounts of the numbers that this chain has decided.
	decided: BTreeSet<u64>,
	/// What the chain has told in all.
	told: Vec<Message>,
	told_batches: BTreeMap<u64, usize>,
}

impl World {
	fn new() -> Self {
		Self {
			contract: Contract::new(),
			proofs: Vec::new(),
			members: members(),
			decided: BTreeSet::new(),
			told: Vec::new(),
			told_batches: BTreeMap::new(),
		}
	}

	/// Everything may fail, as it does for whoever tries something that can't be; what may not happen is checked after it.
	fn take(&mut self, step: &Step) {
		match *step {
			Step::Request {
				who,
				budget,
				minutes,
				unknown,
			} => {
				let mut new = request(self.contract.next());
				new.requester = address(0xc0 + who);
				new.refund_to = address(0xd0 + who);
				new.budget = budget;
				new.accept_by = now() + 60 * minutes;
				if unknown {
					new.module = Default::default();
				}
				self.contract.lock(new.into());
			},
			Step::Deposit { amount } => {
				let new = deposit(self.contract.next(), &nobody(), amount);
				self.contract.lock(new.into());
			},
			Step::Attest { member, at, lie } => self.attest(member, at, lie),
			Step::Pass { blocks } => pass(blocks),
			Step::EndJob {
				at,
				how,
				cost,
				compensation,
			} => end_job(at, how, cost, compensation),
			Step::BridgeOut { amount } => {
				let _may_be_short = Gateway::bridge_out(signed(&alice()), LANE, address(0xb0), amount);
			},
			Step::Release { who } => {
				let _may_be_nothing = Gateway::release(signed(&alice()), LANE, address(0xc0 + who));
			},
			Step::Sign { member, at } => {
				let outbox = Outboxes::<Test>::get(LANE);
				self.sign(member, at % outbox.next.max(1));
			},
			Step::Deliver { at } => {
				if let Some(proven) = self.proofs.get(at % self.proofs.len().max(1)).cloned() {
					self.contract.deliver(&proven);
				}
			},
			Step::Acknowledge { member } => self.acknowledge(member),
			Step::Prune => {
				let _may_be_nothing = Gateway::prune(signed(&alice()), LANE);
			},
			Step::Rotate { seed } => self.rotate(seed),
			Step::TellRotation => self.tell_rotation(),
			Step::Exit { at } if !self.contract.log.is_empty() => {
				self.contract.exit(at % self.contract.log.len() as u64 + 1)
			},
			Step::Exit { .. } => (),
		}
		self.note();
	}

	fn attest(&mut self, member: usize, at: u64, lie: bool) {
		let Some(key) = self.members.get(member) else {
			return;
		};
		let Some(event) = self.contract.log.get((at % self.contract.next()) as usize) else {
			return;
		};
		let mut message = event.clone();
		// One member in three lies, in its own way.
		if lie && member == 0 {
			let own = 1 + Balance::from(key.member.address.0[0]);
			match &mut message {
				Inbound::Request(Request { budget, .. }) => *budget += own,
				Inbound::Deposit(Deposit { amount, .. }) => *amount += own,
			}
		}
		let _may_be_late = Gateway::attest(signed(&key.account()), LANE, message);
	}

	fn sign(&mut self, member: usize, batch: u64) {
		let (Some(key), Some(digest)) = (self.members.get(member), Gateway::batch_to_sign(LANE, batch))
		else {
			return;
		};
		let _may_be_early = Gateway::sign(signed(&key.account()), LANE, batch, key.sign(digest));
		if let (Some(proof), Some(batch)) = (Gateway::batch_proof(LANE, batch), Gateway::batch(LANE, batch)) {
			let set = batch.set;
			self.proofs.push(Proven { batch, set, proof });
		}
	}

	fn acknowledge(&mut self, member: usize) {
		let outbox = Outboxes::<Test>::get(LANE);
		let delivered = (outbox.oldest..outbox.next)
			.take_while(|id| {
				let batch = Gateway::batch(LANE, *id).expect("without gaps");
				batch.block < System::block_number()
					&& batch
						.messages
						.iter()
						.all(|message| self.contract.is_delivered(message))
			})
			.count() as u64;
		if let Some(key) = self.members.get(member) {
			let before = outbox.oldest + delivered;
			let _may_be_no_news = Gateway::acknowledge(signed(&key.account()), LANE, before);
		}
	}

	fn rotate(&mut self, seed: u8) {
		// Whoever changes sets this often without telling the gateway has cut it off.
		let number = Gateway::bridge_set(LANE).expect("registered").number;
		if number - self.contract.set >= crate::KEPT_ROTATIONS {
			return;
		}
		let next = keys(seed..seed + 3);
		let addresses: Vec<_> = next.iter().map(|key| key.member.address).collect();
		let digest =
			Gateway::rotation_to_sign(LANE, 2, addresses.try_into().expect("three")).expect("a lane");
		let signatures: Vec<_> = self.members[..2].iter().map(|key| key.sign(digest)).collect();
		let signatures = signatures.try_into().expect("two");
		assert_ok!(Gateway::rotate(
			signed(&alice()),
			LANE,
			2,
			publics(&next),
			signatures
		));
		self.members = next;
	}

	fn tell_rotation(&mut self) {
		let contract = &mut self.contract;
		let Some(rotation) = Gateway::rotation(LANE, contract.set + 1) else {
			return;
		};
		let members = rotation.members.iter().copied();
		let message = eip712::rotate(LANE, contract.set, contract.set + 1, rotation.threshold, members);
		assert!(contract.verify(contract.set, message, &rotation.proof));
		contract.set += 1;
		contract.head = vec![rotation.threshold, rotation.members.len() as u8];
		contract
			.head
			.extend(rotation.members.iter().flat_map(|address| address.0));
	}

	/// Notes what the chain has decided and told.
	fn note(&mut self) {
		for id in 1..self.contract.next() {
			if crate::AllHandled::<Test>::contains_key(LANE, id) {
				self.decided.insert(id);
			}
		}
		let outbox = Outboxes::<Test>::get(LANE);
		for id in outbox.oldest..outbox.next {
			let batch = Gateway::batch(LANE, id).expect("without gaps");
			let known = self.told_batches.entry(id).or_default();
			self.told.extend(&batch.messages[*known..]);
			*known = batch.messages.len();
		}
	}

	/// The books of both sides agree: what the gateway holds is what circulates here, what is on its way there, and what is on its way
	/// here. Requests that were taken back because the bridge was dead, and are live or answered here, are the exception.
	fn check(&self) {
		check();
		let books = Gateway::books(LANE);
		let on_its_way_there: Balance = self
			.told
			.iter()
			.filter(|message| match message {
				Message::Answer { ticket, .. } if self.contract.exited.contains(&ticket.id) => false,
				message => !self.contract.is_delivered(message),
			})
			.map(Message::amount)
			.sum();
		let on_its_way_here: Balance = self
			.contract
			.log
			.iter()
			.filter(|event| !self.decided.contains(&event.id()))
			.map(Inbound::amount)
			.sum();
		let expected = books.minted - books.burned + on_its_way_there + on_its_way_here;
		if self.contract.exited.is_empty() {
			assert_eq!(self.contract.locked, expected);
		}
		let taken_back: Balance = self
			.contract
			.exited
			.iter()
			.map(|id| self.contract.log[*id as usize - 1].amount())
			.sum();
		assert!(
			expected <= self.contract.locked + taken_back,
			"no more is lost than was taken back"
		);
	}

	/// The relayers are back, all jobs end, everything is delivered: then everybody was answered.
	fn settle(&mut self) {
		while self.contract.set < Gateway::bridge_set(LANE).expect("registered").number {
			self.tell_rotation();
		}
		for _ in 0..60 {
			for job in LiveRequests::<Test>::iter_keys().collect::<Vec<_>>() {
				end_job_with(job, completed(), 0, 0);
			}
			pass(1);
			self.note();
			let outbox = Outboxes::<Test>::get(LANE);
			for batch in outbox.oldest..outbox.next {
				for member in 0..3 {
					self.sign(member, batch);
				}
			}
			for proven in self.proofs.clone() {
				self.contract.deliver(&proven);
			}
			for member in 0..3 {
				self.acknowledge(member);
			}
			for event in self.contract.log.clone() {
				for key in &self.members {
					let _may_be_decided = Gateway::attest(signed(&key.account()), LANE, event.clone());
				}
			}
			self.note();
		}
		let short = !self.contract.exited.is_empty();
		assert!(
			short || self.contract.pending.is_empty(),
			"everybody has an answer"
		);
		assert_eq!(Gateway::books(LANE).live, 0);
		for event in &self.contract.log {
			let answered = self.contract.answered.contains_key(&event.id());
			let exited = self.contract.exited.contains(&event.id());
			let expected = matches!(event, Inbound::Request(_));
			assert!(!(answered && exited), "one of both, and once");
			assert!(short || answered == expected);
		}
	}
}

fn end_job(at: usize, how: u8, cost: Balance, compensation: Balance) {
	let jobs: Vec<_> = LiveRequests::<Test>::iter_keys().collect();
	let Some(job) = jobs.get(at % jobs.len().max(1)) else {
		return;
	};
	let (ending, cost, compensation) = match how {
		0 => (JobEnding::Unmatched, 0, 0),
		1 => (failed(Outcome::TimedOut), 0, compensation),
		_ => (completed(), cost, 0),
	};
	end_job_with(*job, ending, cost, compensation);
}

fn end_job_with(job: JobId, ending: JobEnding, cost: Balance, compensation: Balance) {
	let budget = Jobs::<Test>::get(job).expect("the job is alive").request.budget;
	let spare = Balances::free_balance(provider()) - ED;
	// A payment that would be too small for an account to exist goes elsewhere in the market; not here.
	desk::end(job, ending, cost.min(budget), compensation.min(spare));
}

fn run(steps: Vec<Step>) {
	bare_test_ext().execute_with(|| {
		register(LANE, CHAIN);
		register(OTHER_LANE, OTHER_CHAIN);
		let limits = Limits {
			largest: MAX_AMOUNT / 2,
			inflow: MAX_AMOUNT,
			outflow: MAX_AMOUNT,
			period: 10,
		};
		let set = Gateway::set_lane(RuntimeOrigin::root(), LANE, FinalityRule::Finalized, limits);
		assert_ok!(set);
		let mut world = World::new();
		for step in &steps {
			world.take(step);
			world.check();
		}
		world.settle();
		world.check();
	});
}

/// How many random runs: more on demand.
fn cases() -> u32 {
	std::env::var("LILYPAD_RANDOM_RUNS")
		.ok()
		.and_then(|runs| runs.parse().ok())
		.unwrap_or(24)
}

proptest! {
	#![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

	#[test]
	fn nobody_is_paid_twice_and_both_books_agree(steps in steps(false)) {
		run(steps);
	}

	#[test]
	fn nobody_is_paid_twice_with_a_way_out(steps in steps(true)) {
		run(steps);
	}
}
