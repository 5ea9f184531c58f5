//! A larger machine than the module needs.

use crate::{args::Needs, error::CliError};
use lilypad_client::words;
use lilypad_primitives::MachineSpec;

impl Needs {
	/// What is asked for, and what the module needs where nothing is. The chain takes no less than the module needs.
	pub fn machine(&self, least: &MachineSpec) -> Result<MachineSpec, CliError> {
		let gpus = match self.gpus.is_empty() {
			true => least.gpus.clone(),
			false => self
				.gpus
				.clone()
				.try_into()
				.map_err(|_| CliError::Input("no machine has so many GPUs".into()))?,
		};
		let machine = MachineSpec {
			cpu_milli: self.cpu.unwrap_or(least.cpu_milli),
			ram_mib: self.memory.unwrap_or(least.ram_mib),
			disk_mib: self.disk.unwrap_or(least.disk_mib),
			gpus,
		};
		match machine.covers(least) {
			true => Ok(machine),
			false => Err(CliError::Input(format!(
				"the module needs {} at least, and this is {}: ask for more, or leave the options of the machine out",
				words::machine(least),
				words::machine(&machine)
			))),
		}
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::GpuSpec;

	#[test]
	fn what_is_not_asked_for_is_the_modules() {
		let least = MachineSpec::new(1_000, 100, 10);
		assert_eq!(Needs::default().machine(&least).expect("enough"), least);
		let more = Needs {
			memory: Some(200),
			gpus: vec![GpuSpec {
				vram_mib: 8,
				model: None,
			}],
			..Needs::default()
		};
		let machine = more.machine(&least).expect("enough");
		assert_eq!(
			(machine.cpu_milli, machine.ram_mib, machine.disk_mib),
			(1_000, 200, 10)
		);
		assert_eq!(machine.gpus.len(), 1);
	}

	#[test]
	fn machine_boundary_of_what_the_module_needs() {
		let least = MachineSpec::new(1_000, 100, 10);
		let memory = |mib| {
			let needs = Needs {
				memory: Some(mib),
				..Needs::default()
			};
			needs.machine(&least)
		};
		assert!(memory(100).is_ok());
		let error = memory(99).expect_err("too little");
		assert_eq!(error.exit_code() as u8, 4);
		assert!(error.to_string().contains("100 MiB"), "{error}");
		let crowd = Needs {
			gpus: vec![GpuSpec::default(); 9],
			..Needs::default()
		};
		assert!(crowd.machine(&least).is_err());
	}
}
