//! Keeping providers' scores: [`TrackRecord`] says how they are reckoned.
//!
//! They live with the bonds, because deals know every ending, with a panel or without, and no score may outlive the bond
//! that made it worth earning.

use crate::{Bond, Bonds, Config, Pallet};
use frame_support::traits::Get;
use lilypad_primitives::{traits::Scores, Outcome, Terms, TrackRecord};
use sp_runtime::Permill;

impl<T: Config> Pallet<T> {
	/// Notes how a deal ended, if that was its provider's doing.
	pub(crate) fn keep_score(terms: &Terms<T::AccountId>, outcome: &Outcome) {
		let count: fn(&mut TrackRecord) -> &mut u32 = match outcome {
			Outcome::Accepted { .. } | Outcome::UnresolvedAudit { .. } => |record| &mut record.accepted,
			Outcome::Upheld { .. } => |record| &mut record.upheld,
			Outcome::Overturned { .. } | Outcome::Overcharged { .. } => |record| &mut record.overturned,
			Outcome::NoShow | Outcome::Declined | Outcome::TimedOut => |record| &mut record.no_shows,
			Outcome::Unfetchable { .. }
			| Outcome::CancelledBeforeAck
			| Outcome::CancelledRunning { .. }
			| Outcome::NonDeterministic { .. }
			| Outcome::UnresolvedChallenge => return,
		};
		// What was earned counts for a provider, and what was promised against it.
		let (value, is_good) = match *outcome {
			Outcome::Accepted { usage, .. }
			| Outcome::UnresolvedAudit { usage, .. }
			| Outcome::Upheld { usage, .. } => (terms.cost(usage), true),
			_ => (terms.cap, false),
		};
		Bonds::<T>::mutate(&terms.provider, |bond| {
			// Whoever has lost the whole bond is forgotten with it.
			let Some(Bond { record, .. }) = bond else {
				return;
			};
			let count = count(record);
			*count = count.saturating_add(1);
			record.add(value, is_good, T::ScoreHorizon::get());
		});
	}
}

impl<T: Config> Scores<T::AccountId> for Pallet<T> {
	fn score(provider: &T::AccountId) -> Permill {
		Bonds::<T>::get(provider)
			.unwrap_or_default()
			.record
			.score(T::ScoreHorizon::get())
	}
}
