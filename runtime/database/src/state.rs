//! A state such as the market's: as many entries as asked for, with keys and values of the lengths that the runtime's have.

use rand::{rngs::StdRng, seq::IndexedRandom, Rng, RngCore, SeedableRng};
use sp_crypto_hashing::twox_128;

/// A map of the runtime's.
struct Map {
	pallet: &'static str,
	name: &'static str,
	/// Bytes of a key behind those that all of the map's share.
	key: usize,
	/// The least and the most bytes of a value.
	value: (usize, usize),
	/// How many of a hundred entries are its.
	share: u32,
}

const fn map(pallet: &'static str, name: &'static str, key: usize, value: (usize, usize), share: u32) -> Map {
	Map {
		pallet,
		name,
		key,
		value,
		share,
	}
}

/// Lengths as of the runtime's metadata, for values of ordinary size.
const MAPS: [Map; 9] = [
	map("System", "Account", 48, (80, 80), 30),
	map("Balances", "Holds", 48, (36, 90), 20),
	map("Deals", "Bonds", 48, (50, 100), 5),
	map("Deals", "Deals", 24, (300, 536), 10),
	map("Deals", "Lapses", 12, (0, 0), 5),
	map("Market", "Jobs", 24, (300, 1_500), 10),
	map("Market", "Offers", 24, (200, 600), 8),
	map("Market", "OffersOf", 48, (8, 100), 4),
	map("Market", "OfferIndex", 26, (0, 0), 8),
];

/// Entries that can be found again, and new ones.
pub(crate) struct Entries {
	random: StdRng,
	keys: Vec<Vec<u8>>,
}

/// What a block does to an entry.
pub(crate) type Change = (Vec<u8>, Option<Vec<u8>>);

impl Entries {
	/// None yet. The same seed makes the same ones.
	pub(crate) fn new(seed: u64) -> Self {
		Self {
			random: StdRng::seed_from_u64(seed),
			keys: Vec::new(),
		}
	}

	pub(crate) fn len(&self) -> usize {
		self.keys.len()
	}

	/// Adds `count`.
	pub(crate) fn add(&mut self, count: usize) -> Vec<Change> {
		(0..count).map(|_| self.insert()).collect()
	}

	fn insert(&mut self) -> Change {
		let map = MAPS
			.choose_weighted(&mut self.random, |map| map.share)
			.expect("there are maps, and shares above zero");
		let mut key = [twox_128(map.pallet.as_bytes()), twox_128(map.name.as_bytes())].concat();
		// Keys of people and of records begin with a hash: they are spread, as random ones are.
		key.extend(random_bytes(&mut self.random, map.key));
		let length = self.random.random_range(map.value.0..=map.value.1);
		let value = random_bytes(&mut self.random, length);
		self.keys.push(key.clone());
		(key, Some(value))
	}

	/// One that exists, as likely as any other.
	pub(crate) fn any(&mut self) -> &[u8] {
		let at = self.random.random_range(0..self.keys.len());
		&self.keys[at]
	}

	/// What a block of jobs does, by its number of writes: half of them change entries, the others remove as many as they make.
	pub(crate) fn change(&mut self, count: usize) -> Vec<Change> {
		let made = count / 4;
		let mut changes = self.add(made);
		for _ in 0..made {
			let at = self.random.random_range(0..self.keys.len());
			changes.push((self.keys.swap_remove(at), None));
		}
		while changes.len() < count {
			let key = self.any().to_vec();
			let length = self.random.random_range(36..=300);
			changes.push((key, Some(random_bytes(&mut self.random, length))));
		}
		// An entry changes once in a block, however often it is written: the last of it counts.
		changes.sort_by(|(one, _), (other, _)| one.cmp(other));
		changes.dedup_by(|(one, _), (other, _)| one == other);
		changes
	}
}

fn random_bytes(random: &mut StdRng, length: usize) -> Vec<u8> {
	let mut bytes = vec![0; length];
	random.fill_bytes(&mut bytes);
	bytes
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn shares_are_of_a_hundred() {
		assert_eq!(MAPS.iter().map(|map| map.share).sum::<u32>(), 100);
	}

	#[test]
	fn blocks_leave_as_many_entries_as_they_found() {
		let mut entries = Entries::new(1);
		entries.add(1_000);
		let changes = entries.change(100);
		assert_eq!(entries.len(), 1_000);
		assert!(changes.is_sorted_by(|(one, _), (other, _)| one < other));
		assert!((90..=100).contains(&changes.len()), "{}", changes.len());
	}

	#[test]
	fn one_seed_makes_one_state() {
		assert_eq!(Entries::new(7).add(20), Entries::new(7).add(20));
		assert_ne!(Entries::new(7).add(20), Entries::new(8).add(20));
	}
}
