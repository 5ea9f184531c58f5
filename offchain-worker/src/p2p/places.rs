//! Places for connections.
//!
//! Everybody may connect, and an identity costs nothing: one machine could take all places and keep creators and mediators out
//! until their time is over. So nobody is refused for the sake of strangers: who comes to a full house takes the place of the
//! stranger who has been there for longest. Who has shown a part in a deal here is no stranger, and stays.

use iroh::EndpointId;
use std::{
	collections::BTreeMap,
	sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// Connections that one peer may have.
const PER_PEER: usize = 8;

#[derive(Debug)]
struct Seat {
	peer: EndpointId,
	stranger: bool,
	leave: CancellationToken,
}

#[derive(Debug, Default)]
struct Inner {
	next: u64,
	/// By age.
	seats: BTreeMap<u64, Seat>,
}

/// Places for the connections of one protocol.
#[derive(Clone, Debug)]
pub(super) struct Places {
	max: usize,
	inner: Arc<Mutex<Inner>>,
}

/// A connection that has a place until this is dropped.
pub(super) struct Guest {
	number: u64,
	places: Places,
	/// Asks the connection to end: somebody else takes its place.
	pub(super) leave: CancellationToken,
}

impl Places {
	pub(super) fn new(max: usize) -> Self {
		Self {
			max,
			inner: Arc::default(),
		}
	}

	fn lock(&self) -> MutexGuard<'_, Inner> {
		self.inner.lock().unwrap_or_else(PoisonError::into_inner)
	}

	/// Gives a peer a place. `None` if it has too many, or nobody leaves for it.
	pub(super) fn enter(&self, peer: EndpointId, stranger: bool) -> Option<Guest> {
		let mut inner = self.lock();
		if inner.seats.values().filter(|seat| seat.peer == peer).count() >= PER_PEER {
			return None;
		}
		if inner.seats.len() >= self.max {
			let (&oldest, _) = inner.seats.iter().find(|(_, seat)| seat.stranger)?;
			inner.seats.remove(&oldest)?.leave.cancel();
		}
		let (number, leave) = (inner.next, CancellationToken::new());
		inner.next += 1;
		let seat = Seat {
			peer,
			stranger,
			leave: leave.clone(),
		};
		inner.seats.insert(number, seat);
		Some(Guest {
			number,
			places: self.clone(),
			leave,
		})
	}
}

impl Guest {
	/// It has shown that it has a part in something here.
	pub(super) fn is_known(&self) {
		if let Some(seat) = self.places.lock().seats.get_mut(&self.number) {
			seat.stranger = false;
		}
	}
}

impl Drop for Guest {
	fn drop(&mut self) {
		self.places.lock().seats.remove(&self.number);
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use iroh::SecretKey;

	fn peer(n: u8) -> EndpointId {
		SecretKey::from_bytes(&[n; 32]).public()
	}

	#[test]
	fn the_stranger_who_came_first_makes_room() {
		let places = Places::new(3);
		let known = places.enter(peer(1), true).expect("room");
		known.is_known();
		let [old, new] = [2, 3].map(|n| places.enter(peer(n), true).expect("room"));
		let last = places.enter(peer(4), true).expect("somebody leaves");
		let left = |guest: &Guest| guest.leave.is_cancelled();
		assert!(left(&old) && ![&known, &new, &last].into_iter().any(left));
		drop(old);
		assert_eq!(
			places.lock().seats.len(),
			3,
			"who has left gives nothing back twice"
		);
	}

	#[test]
	fn nobody_who_is_known_leaves() {
		let places = Places::new(2);
		let guests = [1, 2].map(|n| places.enter(peer(n), false).expect("room"));
		assert!(places.enter(peer(3), false).is_none());
		drop(guests);
		assert!(places.enter(peer(3), true).is_some(), "there is room again");
	}

	#[test]
	fn one_peer_has_a_few() {
		let places = Places::new(100);
		let guests = (0..PER_PEER)
			.map(|_| places.enter(peer(1), false).expect("few"))
			.collect::<Vec<_>>();
		assert!(places.enter(peer(1), false).is_none());
		assert!(places.enter(peer(2), true).is_some());
		drop(guests);
		assert!(places.enter(peer(1), false).is_some());
	}
}
