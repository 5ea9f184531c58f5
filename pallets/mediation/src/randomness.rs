//! The outputs of the last blocks, and the windows of blocks that draws use.
//!
//! Each block's author proves a verifiable random output, which it can't choose but knows beforehand. A draw hashes those of
//! [`Config::DrawBlocks`] consecutive blocks, all of which come after everything that the parties could still change, so
//! nobody knows a draw's seed as long as one of these blocks has an author who tells nobody. The last of the authors can, by not
//! making its block, exchange one outcome for another that it can't choose: one bit of influence, at the price of a block's
//! fees; a second bit would take the author before it as well. What that is worth, `docs/adr/0071` says.

use crate::{
	versions::{Era, Eras},
	Config, Outputs, Pallet,
};
use alloc::vec::Vec;
use frame_support::traits::Get;
use lilypad_primitives::BlockNumber;
use sp_runtime::SaturatedConversion;

/// Where random outputs come from.
pub trait BlockRandomness {
	/// The verifiable random output of the block before this one. `None` if it had none.
	fn of_last_block() -> Option<[u8; 32]>;
}

/// The blocks of one draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
	/// The first block whose output counts.
	pub from: BlockNumber,
	/// The first block in which all outputs are known.
	pub draw_at: BlockNumber,
	/// The last block in which the draw can be made.
	pub draw_by: BlockNumber,
}

/// The window of a draw that is called for in block `now`: after it, and within one era, so after the last change of tickets.
pub fn window(now: BlockNumber, blocks: u32, eras: &Eras, open: BlockNumber) -> Window {
	let next = now.saturating_add(1);
	let last = next.saturating_add(blocks).saturating_sub(1);
	let era = eras.era_of(last);
	let from = if era == eras.era_of(next) {
		next
	} else {
		eras.start_of(era)
	};
	let draw_at = from.saturating_add(blocks);
	Window {
		from,
		draw_at,
		draw_by: draw_at.saturating_add(open),
	}
}

impl<T: Config> Pallet<T> {
	/// This block.
	pub(crate) fn now() -> BlockNumber {
		frame_system::Pallet::<T>::block_number().saturated_into()
	}

	/// The window of a draw that is called for in block `now`.
	pub(crate) fn window(now: BlockNumber) -> Window {
		let open = Self::params().rules.draw_open_blocks;
		window(now, T::DrawBlocks::get(), &Self::eras(), open)
	}

	/// The era of a block.
	pub(crate) fn era_of(block: BlockNumber) -> Era {
		Self::eras().era_of(block)
	}

	/// This era.
	pub(crate) fn era() -> Era {
		Self::era_of(Self::now())
	}

	fn place(block: BlockNumber) -> u32 {
		block % T::KeptBlocks::get().max(1)
	}

	/// Keeps the output of the block before this one, in the place of the oldest.
	pub(crate) fn keep_output(now: BlockNumber) {
		let Some(block) = now.checked_sub(1) else {
			return;
		};
		// An output that comes again is no output: its block had none.
		let before = block.checked_sub(1).and_then(Self::output);
		match T::Randomness::of_last_block().filter(|output| Some(*output) != before) {
			Some(output) => Outputs::<T>::insert(Self::place(block), (block, output)),
			None => Outputs::<T>::remove(Self::place(block)),
		}
	}

	/// The output of a block, if it had one and is among the last ones.
	pub(crate) fn output(block: BlockNumber) -> Option<[u8; 32]> {
		Outputs::<T>::get(Self::place(block))
			.filter(|(of, _)| *of == block)
			.map(|(_, output)| output)
	}

	/// The outputs of the blocks of a draw, if none is missing.
	pub(crate) fn outputs(from: BlockNumber) -> Option<Vec<[u8; 32]>> {
		(0..T::DrawBlocks::get())
			.map(|nth| Self::output(from.checked_add(nth)?))
			.collect()
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	const ERAS: Eras = Eras {
		since: 0,
		first: 0,
		blocks: 100,
	};

	#[test]
	fn a_window_begins_after_the_block_in_which_it_is_called_for() {
		let w = window(10, 4, &ERAS, 20);
		assert_eq!((w.from, w.draw_at, w.draw_by), (11, 15, 35));
	}

	#[test]
	fn window_boundary_of_an_era() {
		// The blocks 96 to 99 are the era's last four.
		let from = |now| window(now, 4, &ERAS, 20).from;
		assert_eq!([95, 96, 99, 100].map(from), [96, 100, 100, 101]);
	}

	proptest! {
		#[test]
		fn a_window_lies_in_one_era_after_its_call(
			now in 0u32..1_000_000, since in 0u32..1_000_000, blocks in 4u32..10, length in 10u32..1_000, open in 0u32..500,
		) {
			// Called for at the earliest in the block in which the length was changed.
			let now = now.max(since.saturating_sub(1));
			let open = open.min(length - 1);
			let eras = Eras { since, first: 7, blocks: length };
			let era = |block| eras.era_of(block);
			let w = window(now, blocks, &eras, open);
			prop_assert!(w.from > now);
			prop_assert_eq!(era(w.from), era(w.draw_at - 1), "tickets change within the window");
			prop_assert!(w.from <= now + 1 + blocks, "the wait is short");
			prop_assert!(era(w.draw_by) <= era(w.from) + 1, "the tickets of the draw are still known");
		}
	}
}
