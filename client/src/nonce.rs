//! Nonces for one process that has many transactions in flight, for any number of accounts.
//!
//! Transactions of one account are handed to the node one after another ([`Nonces::turn`]), each only once the node has
//! taken the one before: a refused transaction leaves no gap that would block later ones. Waiting for inclusion happens
//! outside the turn, so any number of them are in flight. After a failure the next nonce is asked from the node again,
//! and nonces that are still in flight are skipped.

use crate::AccountId;
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex as StdMutex},
};
use tokio::sync::{Mutex, OwnedMutexGuard};

#[derive(Default)]
pub(crate) struct Nonces {
	accounts: StdMutex<BTreeMap<AccountId, Arc<Mutex<State>>>>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
	/// The next nonce, or `None` when the node must be asked.
	next: Option<u64>,
	in_flight: BTreeSet<u64>,
}

/// The right to hand the node an account's next transaction.
pub(crate) struct Turn(OwnedMutexGuard<State>);

impl Nonces {
	/// Waits for the account's turn.
	pub(crate) async fn turn(&self, account: &AccountId) -> Turn {
		let state = {
			// A panic elsewhere can't leave this map half changed.
			let mut accounts = self
				.accounts
				.lock()
				.unwrap_or_else(|poisoned| poisoned.into_inner());
			accounts.entry(account.clone()).or_default().clone()
		};
		Turn(state.lock_owned().await)
	}

	/// The transaction with this nonce is in a block, or can't be any longer.
	pub(crate) async fn done(&self, account: &AccountId, nonce: u64, included: bool) {
		let mut turn = self.turn(account).await;
		turn.0.in_flight.remove(&nonce);
		if !included {
			turn.0.next = None;
		}
	}
}

impl Turn {
	/// Whether the node must be asked for the account's next nonce.
	pub(crate) fn must_ask(&self) -> bool {
		self.0.next.is_none()
	}

	/// What the node answered.
	pub(crate) fn answered(&mut self, next: u64) {
		self.0.next = Some(next);
	}

	/// The nonce to use: the next that is not in flight.
	pub(crate) fn nonce(&self) -> Option<u64> {
		let mut nonce = self.0.next?;
		while self.0.in_flight.contains(&nonce) {
			nonce = nonce.checked_add(1)?;
		}
		Some(nonce)
	}

	/// The node took the transaction with this nonce.
	pub(crate) fn taken(mut self, nonce: u64) {
		self.0.in_flight.insert(nonce);
		self.0.next = nonce.checked_add(1);
	}

	/// The node refused it, or it isn't known whether it took it.
	pub(crate) fn refused(&mut self) {
		self.0.next = None;
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn alice() -> AccountId {
		AccountId::new([1; 32])
	}

	#[tokio::test]
	async fn nonces_rise_without_asking_again() {
		let nonces = Nonces::default();
		let mut turn = nonces.turn(&alice()).await;
		assert!(turn.must_ask());
		assert_eq!(turn.nonce(), None);
		turn.answered(7);
		assert_eq!(turn.nonce(), Some(7));
		turn.taken(7);
		let turn = nonces.turn(&alice()).await;
		assert!(!turn.must_ask());
		assert_eq!(turn.nonce(), Some(8));
	}

	#[tokio::test]
	async fn a_refused_nonce_is_used_again() {
		let nonces = Nonces::default();
		let mut turn = nonces.turn(&alice()).await;
		turn.answered(7);
		turn.refused();
		assert!(turn.must_ask());
		turn.answered(7);
		assert_eq!(turn.nonce(), Some(7));
	}

	#[tokio::test]
	async fn a_gap_is_filled_and_what_is_in_flight_skipped() {
		let nonces = Nonces::default();
		for nonce in 3..6 {
			let mut turn = nonces.turn(&alice()).await;
			turn.answered(nonce);
			turn.taken(nonce);
		}
		// 3 was dropped from the pool: the node says 3 is next, while 4 and 5 wait for it.
		nonces.done(&alice(), 3, false).await;
		let mut turn = nonces.turn(&alice()).await;
		assert!(turn.must_ask());
		turn.answered(3);
		assert_eq!(turn.nonce(), Some(3));
		turn.taken(3);
		assert_eq!(nonces.turn(&alice()).await.nonce(), Some(6));
	}

	#[tokio::test]
	async fn accounts_do_not_wait_for_each_other() {
		let nonces = Nonces::default();
		let _held = nonces.turn(&alice()).await;
		let bob = AccountId::new([2; 32]);
		let other = tokio::time::timeout(std::time::Duration::from_secs(1), nonces.turn(&bob));
		assert!(other.await.is_ok());
	}

	#[tokio::test]
	async fn many_at_once_get_different_nonces() {
		let nonces = Arc::new(Nonces::default());
		let tasks = (0..100).map(|_| {
			let nonces = nonces.clone();
			tokio::spawn(async move {
				let mut turn = nonces.turn(&alice()).await;
				if turn.must_ask() {
					turn.answered(40);
				}
				let nonce = turn.nonce().expect("asked");
				turn.taken(nonce);
				nonce
			})
		});
		let mut got: Vec<u64> = Vec::new();
		for task in tasks.collect::<Vec<_>>() {
			got.push(task.await.expect("ran"));
		}
		got.sort_unstable();
		assert_eq!(got, (40..140).collect::<Vec<_>>());
	}
}
