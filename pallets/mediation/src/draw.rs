//! Who is drawn: pure functions of a seed.

use alloc::vec::Vec;
use codec::Encode;
use sp_io::hashing::blake2_256;

/// What a draw hashes: a domain, what is drawn for, and the outputs of consecutive blocks.
pub fn seed(subject: impl Encode, outputs: &[[u8; 32]]) -> [u8; 32] {
	blake2_256(&(b"lilypad/draw/1", subject, outputs).encode())
}

/// A number below `below`, which is not zero. The bias is below 2^-96.
fn number(seed: &[u8; 32], nth: u32, below: u32) -> u32 {
	let hash = blake2_256(&(seed, nth).encode());
	let mut first = [0; 16];
	first.copy_from_slice(&hash[..16]);
	// Below `below`, which fits.
	(u128::from_le_bytes(first) % u128::from(below.max(1))) as u32
}

/// How many tickets are looked at for so many seats: with half of the tickets in the hands of those who can't judge, a draw for
/// one seat fails in one of 65,000 cases.
pub fn attempts(seats: u32) -> u32 {
	seats.saturating_add(1).saturating_mul(8)
}

/// Draws tickets one after the other, and seats whose they are: nobody twice, and only those who are `able`. Looks at no more
/// than [`attempts`] tickets, however many there are, and so may seat fewer than wanted.
pub fn from_tickets<A: PartialEq>(
	seed: &[u8; 32],
	tickets: u32,
	wanted: u32,
	owner: impl Fn(u32) -> Option<A>,
	mut able: impl FnMut(&A) -> bool,
) -> Vec<A> {
	let mut drawn = Vec::new();
	if tickets == 0 {
		return drawn;
	}
	for attempt in 0..attempts(wanted) {
		if drawn.len() as u32 >= wanted {
			break;
		}
		if let Some(who) = owner(number(seed, attempt, tickets)) {
			if !drawn.contains(&who) && able(&who) {
				drawn.push(who);
			}
		}
	}
	drawn
}

/// Shuffles a list, and seats the first of it who are `able`, nobody twice.
pub fn from_list<A: Clone + PartialEq>(
	seed: &[u8; 32],
	list: &[A],
	wanted: u32,
	mut able: impl FnMut(&A) -> bool,
) -> Vec<A> {
	let mut left = list.to_vec();
	let mut drawn = Vec::new();
	let mut nth = 0;
	while (drawn.len() as u32) < wanted && !left.is_empty() {
		let who = left.swap_remove(number(seed, nth, left.len() as u32) as usize);
		nth += 1;
		if !drawn.contains(&who) && able(&who) {
			drawn.push(who);
		}
	}
	drawn
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;
	use std::{cell::Cell, collections::BTreeMap};

	#[test]
	fn a_seed_binds_subject_and_every_output_in_its_place() {
		let a = seed(1u32, &[[1; 32], [2; 32]]);
		assert_eq!(a, seed(1u32, &[[1; 32], [2; 32]]));
		for other in [
			seed(2u32, &[[1; 32], [2; 32]]),
			seed(1u32, &[[2; 32], [1; 32]]),
			seed(1u32, &[[1; 32]]),
			seed(1u32, &[[1; 32], [3; 32]]),
		] {
			assert_ne!(a, other);
		}
	}

	/// Known failure: cost that grows with the number of mediators.
	#[test]
	fn drawing_looks_at_as_few_of_ten_thousand_tickets_as_of_ten() {
		for tickets in [10, 10_000, u32::MAX] {
			let (reads, asked) = (Cell::new(0), Cell::new(0));
			let owner = |index| {
				reads.set(reads.get() + 1);
				Some(index)
			};
			let able = |_: &u32| {
				asked.set(asked.get() + 1);
				false
			};
			assert!(from_tickets(&[3; 32], tickets, 7, owner, able).is_empty());
			assert_eq!(reads.get(), attempts(7));
			assert!(asked.get() <= attempts(7));
		}
	}

	#[test]
	fn nothing_is_drawn_from_nothing() {
		assert!(from_tickets(&[0; 32], 0, 3, Some, |_| true).is_empty());
		assert!(from_list::<u8>(&[0; 32], &[], 3, |_| true).is_empty());
	}

	#[test]
	fn every_ticket_is_equally_likely() {
		let mut counts = BTreeMap::<u32, u32>::new();
		for n in 0..20_000u32 {
			let drawn = from_tickets(&seed(n, &[]), 10, 1, Some, |_| true);
			*counts.entry(drawn[0]).or_default() += 1;
		}
		assert_eq!(counts.len(), 10);
		// Six standard deviations.
		assert!(counts.values().all(|n| (1_745..2_255).contains(n)), "{counts:?}");
	}

	#[test]
	fn who_has_more_tickets_is_drawn_more_often() {
		let owner = |index| Some(if index < 75 { 'a' } else { 'b' });
		let drawn = (0..10_000u32).filter(|n| from_tickets(&seed(n, &[]), 100, 1, owner, |_| true) == ['a']);
		assert!((7_240..7_760).contains(&drawn.count()));
	}

	#[test]
	fn every_one_of_a_list_is_equally_likely() {
		let mut counts = BTreeMap::<u8, u32>::new();
		for n in 0..20_000u32 {
			for who in from_list(&seed(n, &[]), &[1, 2, 3, 4, 5], 2, |_| true) {
				*counts.entry(who).or_default() += 1;
			}
		}
		assert!(counts.values().all(|n| (7_580..8_420).contains(n)), "{counts:?}");
	}

	proptest! {
		#[test]
		fn nobody_is_drawn_twice_and_only_who_is_able(
			seed: [u8; 32], tickets in 0u32..200, wanted in 0u32..20, owners in 1u32..60, unable in 0u32..60,
		) {
			let drawn = from_tickets(&seed, tickets, wanted, |index| Some(index % owners), |who| *who >= unable);
			let mut unique = drawn.clone();
			unique.sort();
			unique.dedup();
			prop_assert_eq!(unique.len(), drawn.len());
			prop_assert!(drawn.len() as u32 <= wanted.min(owners.saturating_sub(unable)));
			prop_assert!(drawn.iter().all(|who| *who >= unable && *who < tickets));
			prop_assert_eq!(&drawn, &from_tickets(&seed, tickets, wanted, |index| Some(index % owners), |who| *who >= unable));
		}

		#[test]
		fn a_list_gives_as_many_as_are_able(seed: [u8; 32], mut list in prop::collection::vec(0u8..20, 0..16), wanted in 0u32..20) {
			let drawn = from_list(&seed, &list, wanted, |who| who % 3 != 0);
			list.retain(|who| who % 3 != 0);
			list.sort();
			list.dedup();
			prop_assert_eq!(drawn.len(), list.len().min(wanted as usize));
			prop_assert!(drawn.iter().all(|who| list.contains(who)));
		}
	}
}
