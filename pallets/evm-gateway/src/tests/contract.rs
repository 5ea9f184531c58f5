//! A model of the gateway's contract, as far as money and replays are concerned.

use crate::{eip712, mock::*, Batch, Inbound, Message, Ticket, MAX_AMOUNT};
use lilypad_primitives::Balance;
use sp_core::{H160, H256};
use std::collections::{BTreeMap, BTreeSet};

/// The gateway's contract, as far as money and replays are concerned.
pub(super) struct Contract {
	/// Everything that came in, by its number: 1, 2, …
	pub(super) log: Vec<Inbound>,
	/// Requests that wait for their answer, by number: the hash of their ticket.
	pub(super) pending: BTreeMap<u64, H256>,
	pub(super) paid_out: BTreeSet<u64>,
	pub(super) answered: BTreeMap<u64, Balance>,
	pub(super) exited: BTreeSet<u64>,
	pub(super) locked: Balance,
	pub(super) credits: BTreeMap<H160, Balance>,
	pub(super) set: u64,
	pub(super) head: Vec<u8>,
}

/// A batch, and the proof for it under a set.
#[derive(Clone)]
pub(super) struct Proven {
	pub(super) batch: Batch,
	pub(super) set: u64,
	pub(super) proof: Vec<u8>,
}

impl Contract {
	pub(super) fn new() -> Self {
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

	pub(super) fn next(&self) -> u64 {
		self.log.len() as u64 + 1
	}

	pub(super) fn lock(&mut self, event: Inbound) {
		self.locked += event.amount();
		if let Inbound::Request(request) = &event {
			self.pending.insert(event.id(), eip712::ticket(&request.ticket()));
		}
		self.log.push(event);
	}

	pub(super) fn verify(&self, set: u64, message: H256, proof: &[u8]) -> bool {
		let digest = eip712::digest(eip712::domain(CHAIN, gateway(LANE)), message);
		set == self.set && proof.starts_with(&self.head) && signers(proof, digest).is_some()
	}

	/// Delivers a batch; what it has seen before it passes over.
	pub(super) fn deliver(&mut self, proven: &Proven) {
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
	pub(super) fn credit(&mut self, to: H160, amount: Balance) -> bool {
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
	pub(super) fn exit(&mut self, id: u64) {
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

	pub(super) fn is_delivered(&self, message: &Message) -> bool {
		match message {
			Message::Payout(payout) => self.paid_out.contains(&payout.nonce),
			Message::Answer { ticket, .. } => !self.pending.contains_key(&ticket.id),
		}
	}
}
