//! Random interleavings of everything, on this chain and on a model of the gateway's contract: no request is paid twice, no message
//! counts twice, and both sides' books agree after every step.

use super::contract::{Contract, Proven};
use crate::{
	eip712, mock::*, AllHandled, Deposit, FinalityRule, Inbound, Limits, LiveRequests, Message, Outboxes,
	Request, MAX_AMOUNT,
};
use frame_support::assert_ok;
use lilypad_primitives::{traits::JobEnding, Balance, JobId, JobOrigin, Outcome, LP};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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
	AttestExit {
		member: usize,
		at: u64,
		lie: bool,
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
		6 => (0usize..4, any::<u64>(), prop::bool::weighted(0.3)).prop_map(move |(member, at, lie)| match exits {
			true => Step::AttestExit { member, at, lie },
			false => Step::TellRotation,
		}),
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
	/// What the requests' jobs have cost.
	costs: BTreeMap<u64, Balance>,
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
			costs: BTreeMap::new(),
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
			} => self.end_job(at, how, cost, compensation),
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
			Step::AttestExit { member, at, lie } => self.attest_exit(member, at, lie),
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

	/// One key, whenever it is a member's, says that of requests which were not taken back.
	fn attest_exit(&mut self, member: usize, at: u64, lie: bool) {
		let Some(key) = self.members.get(member) else {
			return;
		};
		let event = self.contract.log.get((at % self.contract.next()) as usize);
		let Some(Inbound::Request(request)) = event else {
			return;
		};
		let is_liar = key.member == members()[0].member;
		if self.contract.exited.contains(&request.id) || (lie && is_liar) {
			let _may_be_late = Gateway::attest_exit(signed(&key.account()), LANE, request.ticket());
		}
	}

	/// Whether this chain has booked that a request was taken back.
	fn is_booked(&self, id: u64) -> bool {
		AllHandled::<Test>::get(LANE, id).is_some_and(|handled| handled.amount == 0)
	}

	/// Whether relayers call a message delivered: one that can't be any more only once the chain knows.
	fn is_done(&self, message: &Message) -> bool {
		let waits = matches!(message, Message::Answer { ticket, .. }
			if self.contract.exited.contains(&ticket.id) && !self.is_booked(ticket.id));
		self.contract.is_delivered(message) && !waits
	}

	fn end_job(&mut self, at: usize, how: u8, cost: Balance, compensation: Balance) {
		let jobs: Vec<_> = LiveRequests::<Test>::iter_keys().collect();
		let Some(job) = jobs.get(at % jobs.len().max(1)) else {
			return;
		};
		let (ending, cost, compensation) = match how {
			0 => (JobEnding::Unmatched, 0, 0),
			1 => (failed(Outcome::TimedOut), 0, compensation),
			_ => (completed(), cost, 0),
		};
		self.end_job_with(*job, ending, cost, compensation);
	}

	fn end_job_with(&mut self, job: JobId, ending: JobEnding, cost: Balance, compensation: Balance) {
		let posted = Jobs::<Test>::get(job).expect("the job is alive");
		let cost = cost.min(posted.request.budget);
		let spare = Balances::free_balance(provider()) - ED;
		if let JobOrigin::Evm { request, .. } = posted.origin {
			self.costs.insert(request, cost);
		}
		// A payment that would be too small for an account to exist goes elsewhere in the market; not here.
		desk::end(job, ending, cost, compensation.min(spare));
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
					&& batch.messages.iter().all(|message| self.is_done(message))
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

	/// What an answer has promised, if there is one.
	fn promised(&self, id: u64) -> Balance {
		let of_it = |message: &&Message| matches!(message, Message::Answer { ticket, .. } if ticket.id == id);
		self.told.iter().find(of_it).map_or(0, Message::amount)
	}

	/// The books of both sides agree: what the gateway holds is what circulates here with cover, what is on its way there, and what is
	/// on its way here. What was taken back, and this chain does not know of, makes just the difference that it will book.
	fn check(&self) {
		check();
		let contract = &self.contract;
		let books = Gateway::books(LANE);
		let taken_back = |message: &Message| matches!(message, Message::Answer { ticket, .. } if contract.exited.contains(&ticket.id));
		let told = self.told.iter();
		let on_its_way_there = told.filter(|message| !taken_back(message) && !contract.is_delivered(message));
		let undecided =
			|event: &&Inbound| !self.decided.contains(&event.id()) && !contract.exited.contains(&event.id());
		let on_its_way_here = contract.log.iter().filter(undecided);
		let unknown = contract
			.exited
			.iter()
			.filter(|id| self.decided.contains(id) && !self.is_booked(**id));
		let difference: i128 = unknown
			.map(|id| self.promised(*id) as i128 - contract.log[*id as usize - 1].amount() as i128)
			.sum();
		let expected = books.minted as i128 - books.burned as i128 - books.lost as i128
			+ on_its_way_there.map(Message::amount).sum::<Balance>() as i128
			+ on_its_way_here.map(Inbound::amount).sum::<Balance>() as i128
			+ difference;
		assert_eq!(contract.locked as i128, expected);
	}

	/// What exits have cost this chain: no more than the jobs of requests that were taken back.
	fn check_loss(&self) {
		let booked = self.contract.exited.iter().filter(|id| self.is_booked(**id));
		let costs: Balance = booked
			.map(|id| self.costs.get(id).copied().unwrap_or_default())
			.sum();
		// A rest that is too small to be taken out of a wallet stays in it.
		let dust = ED * self.contract.exited.len() as Balance;
		assert!(
			Gateway::books(LANE).lost <= costs + dust,
			"a job was paid for twice"
		);
	}

	/// The relayers are back, all jobs end, everything is delivered: then everybody was answered.
	fn settle(&mut self) {
		while self.contract.set < Gateway::bridge_set(LANE).expect("registered").number {
			self.tell_rotation();
		}
		for _ in 0..60 {
			for job in LiveRequests::<Test>::iter_keys().collect::<Vec<_>>() {
				self.end_job_with(job, completed(), 0, 0);
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
			for at in 0..self.contract.log.len() as u64 {
				for member in 0..3 {
					self.attest_exit(member, at, false);
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
			// What was ready for that long and not delivered is forgotten here.
			let forgotten = System::block_number() > KEEP;
			assert!(
				!exited || forgotten || self.is_booked(event.id()),
				"every exit is booked"
			);
		}
		self.check_loss();
	}
}

fn run(steps: Vec<Step>) {
	bare_test_ext().execute_with(|| {
		register(LANE, CHAIN);
		register(OTHER_LANE, OTHER_CHAIN);
		let limits = Limits {
			least: 1,
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
