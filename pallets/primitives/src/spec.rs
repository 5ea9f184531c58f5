//! Machines: what a job needs and what an offer has.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};
use sp_core::{bounded::BoundedVec, ConstU32};

/// Most GPUs in one machine.
pub const MAX_GPUS: u32 = 8;
/// Longest name of a GPU model, in bytes.
pub const MAX_GPU_MODEL: u32 = 32;

/// Name of a GPU model, as the vendor writes it (`"NVIDIA H100 80GB HBM3"`).
pub type GpuModel = BoundedVec<u8, ConstU32<MAX_GPU_MODEL>>;

/// One GPU: in an offer what is there, in a job what is asked for.
#[derive(
	Clone,
	Debug,
	Default,
	PartialEq,
	Eq,
	PartialOrd,
	Ord,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct GpuSpec {
	/// Memory of the card, in MiB.
	pub vram_mib: u32,
	/// The model. In a job, `None` asks for any.
	#[serde(default)]
	pub model: Option<GpuModel>,
}

impl GpuSpec {
	/// Whether this card can stand in for `wanted`.
	pub fn covers(&self, wanted: &GpuSpec) -> bool {
		self.vram_mib >= wanted.vram_mib && (wanted.model.is_none() || wanted.model == self.model)
	}
}

/// A machine, or the part of one that a job uses.
#[derive(
	Clone,
	Debug,
	Default,
	PartialEq,
	Eq,
	Encode,
	Decode,
	DecodeWithMemTracking,
	MaxEncodedLen,
	TypeInfo,
	Serialize,
	Deserialize,
)]
pub struct MachineSpec {
	/// Processor time, in thousandths of a core.
	pub cpu_milli: u32,
	/// Memory, in MiB.
	pub ram_mib: u32,
	/// Disk for the job's writable layer and its outputs, in MiB.
	pub disk_mib: u32,
	/// GPUs, in any order.
	#[serde(default)]
	pub gpus: BoundedVec<GpuSpec, ConstU32<MAX_GPUS>>,
}

impl MachineSpec {
	/// A machine without GPUs.
	pub fn new(cpu_milli: u32, ram_mib: u32, disk_mib: u32) -> Self {
		Self {
			cpu_milli,
			ram_mib,
			disk_mib,
			gpus: BoundedVec::new(),
		}
	}

	/// Whether a job may ask for this: a job that needs nothing would be free to place anywhere for ever.
	pub fn is_usable(&self) -> bool {
		self.cpu_milli > 0 && self.ram_mib > 0 && self.gpus.iter().all(|g| g.vram_mib > 0)
	}

	/// Whether this machine has at least what `wanted` asks for: every scalar as large, and the GPUs assigned
	/// one to one.
	pub fn covers(&self, wanted: &MachineSpec) -> bool {
		self.scalars_cover(wanted) && self.assign_gpus(wanted).is_some()
	}

	/// The part of this machine that `wanted` would get: its scalars, and the cards themselves that would be given to
	/// it. `None` when this machine does not cover it.
	pub fn grant(&self, wanted: &MachineSpec) -> Option<MachineSpec> {
		if !self.scalars_cover(wanted) {
			return None;
		}
		let chosen = self.assign_gpus(wanted)?;
		let mut gpus = BoundedVec::new();
		for at in chosen.into_iter().take(wanted.gpus.len()) {
			gpus.try_push(self.gpus.get(at)?.clone()).ok()?;
		}
		Some(MachineSpec {
			gpus,
			..wanted.clone()
		})
	}

	/// What is left when a part that [`Self::grant`] gave is taken out. `None` when it is not a part of this machine.
	pub fn without(&self, part: &MachineSpec) -> Option<MachineSpec> {
		let mut gpus = self.gpus.clone();
		for gpu in &part.gpus {
			let at = gpus.iter().position(|g| g == gpu)?;
			gpus.remove(at);
		}
		Some(MachineSpec {
			cpu_milli: self.cpu_milli.checked_sub(part.cpu_milli)?,
			ram_mib: self.ram_mib.checked_sub(part.ram_mib)?,
			disk_mib: self.disk_mib.checked_sub(part.disk_mib)?,
			gpus,
		})
	}

	/// This machine with a part put back. `None` when a number overflows.
	pub fn with(&self, part: &MachineSpec) -> Option<MachineSpec> {
		let mut gpus = self.gpus.clone();
		for gpu in &part.gpus {
			gpus.try_push(gpu.clone()).ok()?;
		}
		Some(MachineSpec {
			cpu_milli: self.cpu_milli.checked_add(part.cpu_milli)?,
			ram_mib: self.ram_mib.checked_add(part.ram_mib)?,
			disk_mib: self.disk_mib.checked_add(part.disk_mib)?,
			gpus,
		})
	}

	/// Whether both describe the same machine, in whatever order their GPUs are listed.
	pub fn same_as(&self, other: &MachineSpec) -> bool {
		self.without(other)
			.is_some_and(|rest| rest == MachineSpec::default())
	}

	fn scalars_cover(&self, wanted: &MachineSpec) -> bool {
		self.cpu_milli >= wanted.cpu_milli
			&& self.ram_mib >= wanted.ram_mib
			&& self.disk_mib >= wanted.disk_mib
	}

	/// For each wanted GPU the index of the card assigned to it, by augmenting paths; the smallest cards are tried
	/// first, so that large ones stay free. The array's tail beyond the wanted GPUs is unused.
	fn assign_gpus(&self, wanted: &MachineSpec) -> Option<[usize; MAX_GPUS as usize]> {
		const N: usize = MAX_GPUS as usize;
		const NONE: usize = usize::MAX;
		let mut order: [usize; N] = core::array::from_fn(|i| i);
		let have = self.gpus.len();
		order[..have].sort_by_key(|&i| self.gpus[i].vram_mib);
		// Which wanted GPU holds each card.
		let mut holder = [NONE; N];

		fn place(
			want: usize,
			cards: &[GpuSpec],
			wanted: &[GpuSpec],
			order: &[usize],
			holder: &mut [usize; N],
			tried: &mut [bool; N],
		) -> bool {
			for &card in order {
				if tried[card] || !cards[card].covers(&wanted[want]) {
					continue;
				}
				tried[card] = true;
				if holder[card] == NONE || place(holder[card], cards, wanted, order, holder, tried) {
					holder[card] = want;
					return true;
				}
			}
			false
		}

		for want in 0..wanted.gpus.len() {
			let mut tried = [false; N];
			if !place(
				want,
				&self.gpus,
				&wanted.gpus,
				&order[..have],
				&mut holder,
				&mut tried,
			) {
				return None;
			}
		}
		let mut chosen = [NONE; N];
		for (card, &want) in holder.iter().enumerate().take(have) {
			if want != NONE {
				chosen[want] = card;
			}
		}
		Some(chosen)
	}
}

#[cfg(test)]
mod tests {
	use super::*;

	fn gpu(vram_mib: u32, model: Option<&str>) -> GpuSpec {
		GpuSpec {
			vram_mib,
			model: model.map(|m| m.as_bytes().to_vec().try_into().expect("short")),
		}
	}

	fn machine(gpus: &[GpuSpec]) -> MachineSpec {
		MachineSpec {
			gpus: gpus.to_vec().try_into().expect("few"),
			..MachineSpec::new(4000, 8192, 1000)
		}
	}

	#[test]
	fn covers_fails_when_any_scalar_is_short() {
		let have = MachineSpec::new(1000, 100, 10);
		assert!(have.covers(&MachineSpec::new(1000, 100, 10)));
		assert!(!have.covers(&MachineSpec::new(1001, 100, 10)));
		assert!(!have.covers(&MachineSpec::new(1000, 101, 10)));
		assert!(!have.covers(&MachineSpec::new(1000, 100, 11)));
	}

	#[test]
	fn gpus_are_assigned_one_to_one() {
		let have = machine(&[gpu(24_000, Some("A")), gpu(80_000, Some("B"))]);
		assert!(have.covers(&machine(&[gpu(24_000, None), gpu(80_000, None)])));
		assert!(!have.covers(&machine(&[gpu(40_000, None), gpu(40_000, None)])));
		assert!(!have.covers(&machine(&[gpu(1, None), gpu(1, None), gpu(1, None)])));
		assert!(!have.covers(&machine(&[gpu(1, Some("C"))])));
	}

	#[test]
	fn an_earlier_assignment_moves_aside_for_a_pickier_wish() {
		// The first wish could take either card; only "A" will do for the second.
		let have = machine(&[gpu(24_000, Some("A")), gpu(80_000, Some("B"))]);
		let wanted = machine(&[gpu(10_000, None), gpu(10_000, Some("A"))]);
		let grant = have.grant(&wanted).expect("an assignment exists");
		assert_eq!(
			grant.gpus.to_vec(),
			vec![gpu(80_000, Some("B")), gpu(24_000, Some("A"))]
		);
	}

	#[test]
	fn a_grant_taken_out_and_put_back_is_the_same_machine() {
		let have = machine(&[
			gpu(80_000, Some("B")),
			gpu(24_000, Some("A")),
			gpu(24_000, Some("A")),
		]);
		let wanted = MachineSpec {
			gpus: vec![gpu(20_000, None)].try_into().expect("one"),
			..MachineSpec::new(1, 2, 3)
		};
		let part = have.grant(&wanted).expect("covered");
		assert_eq!(
			part.gpus.to_vec(),
			vec![gpu(24_000, Some("A"))],
			"the smallest card that will do"
		);
		let rest = have.without(&part).expect("a part");
		assert_eq!(rest.gpus.len(), 2);
		assert!(rest.with(&part).expect("fits").same_as(&have));
		assert!(!rest.same_as(&have));
	}

	#[test]
	fn without_fails_when_not_a_part() {
		let have = machine(&[gpu(1, None)]);
		assert_eq!(have.without(&machine(&[gpu(2, None)])), None);
		assert_eq!(have.without(&MachineSpec::new(4001, 1, 1)), None);
		assert_eq!(have.with(&MachineSpec::new(u32::MAX, 1, 1)), None);
	}
}
