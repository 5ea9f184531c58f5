//! What of this machine is offered unless its owner says otherwise.

use crate::executor;
use lilypad_primitives::MachineSpec;
use std::path::Path;

/// Part of the machine that jobs may use, in percent; the rest is for the system and the worker.
const SHARE: u64 = 80;
/// Bytes in a MiB.
const MIB: u64 = 1024 * 1024;
/// Memory to offer where the system does not say how much there is, in MiB.
const UNKNOWN_MEMORY: u64 = 1024;

/// Four fifths of this machine's processor, memory and free disk (of the file system with `folder`), and as many jobs at
/// once as it has cores. GPUs are not looked for.
pub fn offered(folder: &Path) -> std::io::Result<(MachineSpec, u32)> {
	let cores = std::thread::available_parallelism().map_or(1, |n| n.get()) as u64;
	let share = |all: u64| u32::try_from(all.saturating_mul(SHARE) / 100).unwrap_or(u32::MAX);
	let machine = MachineSpec::new(
		// At least one whole core: modules ask for that.
		share(cores * 1000).max(1000),
		share(memory_mib().unwrap_or(UNKNOWN_MEMORY)),
		share(executor::free_bytes(folder)? / MIB),
	);
	Ok((machine, u32::try_from(cores).unwrap_or(1)))
}

/// Memory of this machine.
fn memory_mib() -> Option<u64> {
	let text = std::fs::read_to_string("/proc/meminfo").ok()?;
	let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
	line.trim()
		.strip_suffix("kB")?
		.trim()
		.parse::<u64>()
		.ok()
		.map(|kib| kib / 1024)
}

#[cfg(test)]
mod tests {
	use super::*;

	#[test]
	fn this_machine_can_be_offered() {
		let (machine, slots) = offered(&std::env::temp_dir()).expect("the folder is there");
		assert!(
			machine.is_usable() && machine.disk_mib > 0 && slots > 0,
			"{machine:?}"
		);
	}
}
