//! Nonces for one process that has many transactions in flight, for any number of accounts.
//!
//! Transactions of one account are handed to the node one after another ([`Nonces::turn`]), each only once the node has
//! taken the one before: a refused transaction leaves no gap that would block later ones. Waiting for inclusion happens
//! outside the turn, so any number of them are in flight. After a failure the next nonce is asked from the node again,
//! and nonces that are still in flight are skipped. So it is when nobody waits for a transaction any longer: whether it gets
//! into a block the node knows, and a nonce that was skipped for ever would block all later ones.

use crate::AccountId;
use std::{
	collections::{BTreeMap, BTreeSet},
	sync::{Arc, Mutex as StdMutex, MutexGuard},
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
	flights: Arc<StdMutex<Flights>>,
}

#[derive(Debug, Default)]
struct Flights {
	nonces: BTreeSet<u64>,
	/// Whether one of them ended without a block.
	lost: bool,
}

/// A transaction that the node took. When it is dropped its nonce is no longer in flight.
pub(crate) struct InFlight {
	flights: Arc<StdMutex<Flights>>,
	nonce: u64,
	included: bool,
}

impl InFlight {
	/// The transaction is in a block.
	pub(crate) fn included(mut self) {
		self.included = true;
	}
}

impl Drop for InFlight {
	fn drop(&mut self) {
		let mut flights = lock(&self.flights);
		flights.nonces.remove(&self.nonce);
		flights.lost |= !self.included;
	}
}

/// A panic elsewhere can't leave any of this half changed.
fn lock<T>(mutex: &StdMutex<T>) -> MutexGuard<'_, T> {
	mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The right to hand the node an account's next transaction.
pub(crate) struct Turn(OwnedMutexGuard<State>);

impl Nonces {
	/// Waits for the account's turn.
	pub(crate) async fn turn(&self, account: &AccountId) -> Turn {
		let state = {
			let mut accounts = lock(&self.accounts);
			accounts.entry(account.clone()).or_default().clone()
		};
		Turn(state.lock_owned().await)
	}
}

impl Turn {
	/// Whether the node must be asked for the account's next nonce.
	pub(crate) fn must_ask(&self) -> bool {
		self.0.next.is_none() || lock(&self.0.flights).lost
	}

	/// What the node answered.
	pub(crate) fn answered(&mut self, next: u64) {
		self.0.next = Some(next);
		lock(&self.0.flights).lost = false;
	}

	/// The nonce to use: the next that is not in flight.
	pub(crate) fn nonce(&self) -> Option<u64> {
		let mut nonce = self.0.next?;
		let flights = lock(&self.0.flights);
		while flights.nonces.contains(&nonce) {
			nonce = nonce.checked_add(1)?;
		}
		Some(nonce)
	}

	/// The node took the transaction with this nonce.
	pub(crate) fn taken(mut self, nonce: u64) -> InFlight {
		self.0.next = nonce.checked_add(1);
		lock(&self.0.flights).nonces.insert(nonce);
		InFlight {
			flights: self.0.flights.clone(),
			nonce,
			included: false,
		}
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
		let first = turn.taken(7);
		let turn = nonces.turn(&alice()).await;
		assert!(!turn.must_ask());
		assert_eq!(turn.nonce(), Some(8));
		first.included();
		assert!(!turn.must_ask(), "it came as it should");
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
		let mut flights = Vec::new();
		for nonce in 3..6 {
			let mut turn = nonces.turn(&alice()).await;
			turn.answered(nonce);
			flights.push(turn.taken(nonce));
		}
		// 3 was dropped from the pool, or nobody waits for it: the node says 3 is next, while 4 and 5 wait for it.
		drop(flights.remove(0));
		let mut turn = nonces.turn(&alice()).await;
		assert!(turn.must_ask());
		turn.answered(3);
		assert_eq!(turn.nonce(), Some(3));
		let _third = turn.taken(3);
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
				(nonce, turn.taken(nonce))
			})
		});
		let (mut got, mut flights) = (Vec::new(), Vec::new());
		for task in tasks.collect::<Vec<_>>() {
			let (nonce, flight) = task.await.expect("ran");
			got.push(nonce);
			flights.push(flight);
		}
		got.sort_unstable();
		assert_eq!(got, (40..140).collect::<Vec<_>>());
	}
}
