//! What follows from the votes of a round: pure functions.
//!
//! Each vote is for one of these: the provider's result; that it could not be fetched; one other result. Two thirds of the
//! reveals decide, in the last round more than half; and nothing is decided by fewer than two thirds of a panel.
//!
//! *Resource statuses* (out of memory, disk or time) depend on the machine, so they are handled with care. If the provider
//! reports one, only a run that stayed far within the limits speaks against it. If a mediator reports one, it is compared by
//! its status alone, is never evidence that a module is not deterministic, and costs its mediator nothing.

use alloc::vec::Vec;
use lilypad_primitives::{Millis, Opening, Profile, Round, Status, Triple, Verdict, Vote};

/// What a round's verdict rests on.
pub struct Evidence<'a> {
	/// The round.
	pub round: Round,
	/// Mediators in its panel, whether they voted or not.
	pub size: u32,
	/// Whether two honest runs agree.
	pub profile: Profile,
	/// Longest run that is paid for.
	pub time_limit: Millis,
	/// What the provider's seal hides; `None` when it has not opened it although it could.
	pub opening: Option<Opening>,
	/// The votes that were revealed in this round.
	pub votes: &'a [Vote],
	/// See [`lilypad_primitives::MediationRules::overcharge_percent`].
	pub overcharge_percent: u32,
	/// See [`lilypad_primitives::MediationRules::overcharge_floor`].
	pub overcharge_floor: Millis,
}

/// What two votes must share to be for the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
	/// A result that does not depend on the machine.
	Value(Triple),
	/// A resource status.
	Resource(Status),
	/// Some result, far within the limits that the provider says were exceeded.
	Ample,
}

/// What a vote is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
	/// The provider's result. Whether the mediator could fetch it.
	Provider {
		/// Whether it could.
		fetched: bool,
	},
	/// It could not find out: neither inputs nor result were to be had.
	Nothing,
	/// Another result.
	Other(Key),
}

/// Who was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Winner {
	/// The provider's result.
	Provider,
	/// Those who could not fetch it.
	Unfetched,
	/// Another result.
	Other(Key),
	/// The provider never opened its seal. The result that most found, if there is one.
	Absent(Option<Key>),
	/// All who found a result: there is more than one.
	Everybody,
	/// Nobody.
	Nobody,
}

/// What comes after a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
	/// A larger panel.
	Escalate,
	/// The end.
	Close(Verdict, Winner),
}

/// What becomes of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
	/// It was with the majority.
	Paid,
	/// It was not, and may yet have been honest.
	Unpaid,
	/// It was against the majority.
	Slashed,
}

/// What a vote is compared by, when there is nothing of the provider's to compare it with.
fn key(triple: Triple) -> Key {
	if triple.status.is_resource() {
		Key::Resource(triple.status)
	} else {
		Key::Value(triple)
	}
}

impl Evidence<'_> {
	/// What a vote is for, the provider's result being `own`.
	pub fn is_for(&self, vote: &Vote, own: Triple) -> For {
		let Some(triple) = vote.triple else {
			return For::Nothing;
		};
		if own.status.is_resource() {
			let in_time = u128::from(vote.usage) * u128::from(self.overcharge_percent)
				<= u128::from(self.time_limit) * 100;
			let speaks_against =
				!triple.status.is_resource() && vote.ample && (in_time || own.status != Status::TimeExceeded);
			return if speaks_against {
				For::Other(Key::Ample)
			} else {
				For::Provider { fetched: true }
			};
		}
		if triple == own {
			For::Provider {
				fetched: vote.fetched,
			}
		} else {
			For::Other(key(triple))
		}
	}

	/// Whether so many reveals decide.
	fn is_enough(&self, votes: usize) -> bool {
		match self.round {
			Round::One | Round::Three => votes > 0 && 3 * votes >= 2 * self.votes.len(),
			Round::Last => 2 * votes > self.votes.len(),
		}
	}

	/// Whether so many are two thirds of the panel.
	fn is_quorum(&self, votes: usize) -> bool {
		votes > 0 && 3 * votes as u64 >= 2 * u64::from(self.size)
	}

	/// What follows from the round.
	pub fn judge(&self) -> Step {
		let Some(opening) = self.opening else {
			let found = self.majority();
			let result = found.and_then(value);
			return Step::Close(Verdict::Overturned { result }, Winner::Absent(found));
		};
		if !self.is_quorum(self.votes.len()) {
			return Step::Close(Verdict::Unresolved, Winner::Nobody);
		}
		let own = opening.triple;
		let sides: Vec<For> = self.votes.iter().map(|vote| self.is_for(vote, own)).collect();
		let count = |wanted: &dyn Fn(&For) -> bool| sides.iter().filter(|side| wanted(side)).count();

		let unfetched = count(&|side| matches!(side, For::Nothing | For::Provider { fetched: false }));
		if self.is_enough(unfetched) {
			let confirmed = count(&|side| matches!(side, For::Provider { .. })) > 0;
			let result = confirmed.then_some(own);
			return self.unless_alone(Verdict::Overturned { result }, Winner::Unfetched);
		}
		if self.is_enough(count(&|side| matches!(side, For::Provider { .. }))) {
			return match self.overcharged(&opening, &sides) {
				Some(verdict) => self.unless_alone(verdict, Winner::Provider),
				None => Step::Close(Verdict::Upheld, Winner::Provider),
			};
		}
		let others = sides.iter().filter_map(|side| match side {
			For::Other(key) => Some(*key),
			For::Provider { .. } | For::Nothing => None,
		});
		if let Some((key, _)) = largest(others).filter(|(_, votes)| self.is_enough(*votes)) {
			let result = value(key);
			return self.unless_alone(Verdict::Overturned { result }, Winner::Other(key));
		}
		match self.round {
			Round::One | Round::Three => Step::Escalate,
			Round::Last => self.split(own),
		}
	}

	/// One mediator alone convicts nobody.
	fn unless_alone(&self, verdict: Verdict, winner: Winner) -> Step {
		match self.round {
			Round::One => Step::Escalate,
			Round::Three | Round::Last => Step::Close(verdict, winner),
		}
	}

	/// The end of a last round in which nothing passed half.
	fn split(&self, own: Triple) -> Step {
		let values = self
			.votes
			.iter()
			.filter(|vote| vote.triple.is_some_and(|triple| !triple.status.is_resource()))
			.count();
		let disproven =
			self.profile == Profile::Deterministic && !own.status.is_resource() && self.is_quorum(values);
		if disproven {
			Step::Close(Verdict::NonDeterministic, Winner::Everybody)
		} else {
			Step::Close(Verdict::Unresolved, Winner::Nobody)
		}
	}

	/// What more than half of the reveals found, when the provider says nothing.
	fn majority(&self) -> Option<Key> {
		let found = self.votes.iter().filter_map(|vote| vote.triple.map(key));
		largest(found)
			.filter(|(_, votes)| 2 * votes > self.votes.len())
			.map(|(key, _)| key)
	}

	/// Whether the claim is too high, by the median of those who found the same result. Of two middle ones the higher counts.
	fn overcharged(&self, opening: &Opening, sides: &[For]) -> Option<Verdict> {
		if self.profile == Profile::NonDeterministic {
			return None;
		}
		let mut usages: Vec<Millis> = self
			.votes
			.iter()
			.zip(sides)
			.filter(|(_, side)| matches!(side, For::Provider { .. }))
			.map(|(vote, _)| vote.usage)
			.collect();
		usages.sort_unstable();
		let median = *usages.get(usages.len() / 2)?;
		let most = (u128::from(median) * u128::from(self.overcharge_percent)).div_ceil(100)
			+ u128::from(self.overcharge_floor);
		(u128::from(opening.usage) > most).then_some(Verdict::Overcharged { median })
	}

	/// What becomes of a vote, from this round or an earlier one.
	pub fn conduct(&self, winner: Winner, vote: &Vote) -> Conduct {
		use Conduct::*;
		let Some(triple) = vote.triple else {
			return if winner == Winner::Unfetched { Paid } else { Unpaid };
		};
		let by_the_machine = triple.status.is_resource();
		match (winner, self.opening) {
			(Winner::Nobody, _) => Unpaid,
			(Winner::Everybody, _) if by_the_machine => Unpaid,
			(Winner::Everybody, _) | (Winner::Absent(None), _) => Paid,
			(Winner::Absent(Some(found)), _) if found == key(triple) => Paid,
			(Winner::Absent(Some(Key::Value(_))), _) if !by_the_machine => Slashed,
			(Winner::Absent(Some(_)), _) => Unpaid,
			// The others can't be without an opening; without one nobody is blamed.
			(_, None) => Unpaid,
			(Winner::Unfetched, Some(opening)) => match self.is_for(vote, opening.triple) {
				For::Provider { fetched: false } | For::Nothing => Paid,
				For::Provider { fetched: true } | For::Other(_) => Unpaid,
			},
			(Winner::Provider, Some(opening)) => match self.is_for(vote, opening.triple) {
				For::Provider { .. } => Paid,
				For::Other(Key::Value(_)) => Slashed,
				For::Other(_) | For::Nothing => Unpaid,
			},
			(Winner::Other(found), Some(opening)) => match self.is_for(vote, opening.triple) {
				For::Other(other) if other == found => Paid,
				_ if by_the_machine || !matches!(found, Key::Value(_)) => Unpaid,
				_ => Slashed,
			},
		}
	}
}

/// The result that a key stands for.
fn value(key: Key) -> Option<Triple> {
	match key {
		Key::Value(triple) => Some(triple),
		Key::Resource(_) | Key::Ample => None,
	}
}

/// The key that comes most often, the first of equals, and how often.
fn largest(keys: impl Iterator<Item = Key>) -> Option<(Key, usize)> {
	let mut counts: Vec<(Key, usize)> = Vec::new();
	for key in keys {
		match counts.iter_mut().find(|(other, _)| *other == key) {
			Some((_, count)) => *count += 1,
			None => counts.push((key, 1)),
		}
	}
	counts
		.into_iter()
		.reduce(|best, next| if next.1 > best.1 { next } else { best })
}
