//! What the chain's answers are called in words and in JSON, the same in the command line and in the node's RPC.

use lilypad_primitives::{Dispute, MachineSpec, Mismatch, Outcome, Reason, Verdict};

/// How a job or a deal ended.
pub fn outcome(outcome: &Outcome) -> &'static str {
	match outcome {
		Outcome::Accepted { .. } => "accepted",
		Outcome::NoShow => "the provider did not answer in time and was fined",
		Outcome::Declined => "the provider declined and was fined",
		Outcome::TimedOut => "the provider did not deliver in time and was fined",
		Outcome::Unfetchable { again: false } => "the provider could not get the module or the input files",
		Outcome::Unfetchable { again: true } => "two providers could not get the module or the input files",
		Outcome::CancelledBeforeAck => "cancelled before the provider began",
		Outcome::CancelledRunning { .. } => "cancelled while it ran",
		Outcome::Upheld { .. } => "the result was confirmed by mediators",
		Outcome::Overcharged { .. } => {
			"the result was confirmed by mediators; the provider had charged too much"
		},
		Outcome::Overturned { .. } => "mediators found the result wrong; the provider was fined",
		Outcome::NonDeterministic { .. } => {
			"the module gives different results on honest machines; its author's bond pays, and it was withdrawn"
		},
		Outcome::UnresolvedChallenge => "the mediators could not settle the challenge; the whole budget is back",
		Outcome::UnresolvedAudit { .. } => "accepted; the mediators could not settle an audit",
	}
}

/// Why mediators judge a result.
pub fn dispute(dispute: &Dispute) -> &'static str {
	match dispute {
		Dispute::Audit => "it was drawn for an audit",
		Dispute::Challenge(Reason::WrongResult) => "its creator says that it is wrong",
		Dispute::Challenge(Reason::Overcharged) => {
			"its creator says that the run took less time than charged"
		},
		Dispute::Challenge(Reason::Unavailable) => "its creator says that the provider does not hand it over",
	}
}

/// How a case ended.
pub fn verdict(verdict: &Verdict) -> String {
	match verdict {
		Verdict::Upheld => "the result is right".into(),
		Verdict::Overcharged { median } => {
			format!("the result is right, and its run takes {median} ms, less than was charged")
		},
		Verdict::Overturned { result: Some(triple) } => {
			format!(
				"the result is wrong, or was withheld; the right one is {}",
				triple.root
			)
		},
		Verdict::Overturned { result: None } => "the result is wrong, or was withheld".into(),
		Verdict::NonDeterministic => "the module gives different results on honest machines".into(),
		Verdict::Unresolved => "the mediators did not agree, or too few voted".into(),
		Verdict::NoPanel => "no panel could be drawn".into(),
		Verdict::Unfunded => {
			"a mediator found another result, but the audit pool can't pay the panel that would have to confirm it; \
			 check it with `lilypad job verify`, and challenge it if it is wrong"
				.into()
		},
	}
}

/// A rule that so many offers fail: `3 offers are paused or draining`.
pub fn mismatch(why: Mismatch, offers: u32) -> String {
	let (one, many) = match why {
		Mismatch::NotActive => ("is paused or draining", "are paused or draining"),
		Mismatch::NoFreeSlot => ("has no free slot", "have no free slot"),
		Mismatch::Capacity => ("has not enough free capacity", "have not enough free capacity"),
		Mismatch::Platform => (
			"does not run this kind of module",
			"do not run this kind of module",
		),
		Mismatch::ModulePolicy => ("does not accept this module", "do not accept this module"),
		Mismatch::ModuleDelisted => (
			"can't take it: the module was withdrawn",
			"can't take it: the module was withdrawn",
		),
		Mismatch::Budget => ("costs more than the budget", "cost more than the budget"),
		Mismatch::Mediators => (
			"accepts none of the job's mediators",
			"accept none of the job's mediators",
		),
		Mismatch::Collateral => (
			"has too little bond left for the collateral",
			"have too little bond left for the collateral",
		),
		Mismatch::Target => ("is not the target provider's", "are not the target provider's"),
		Mismatch::SameAccount => ("is the job creator's own", "are the job creator's own"),
		Mismatch::CreatorPolicy => ("does not serve this creator", "do not serve this creator"),
		Mismatch::Score => ("has too low a score", "have too low a score"),
		Mismatch::FailedBefore => ("has failed this job before", "have failed this job before"),
		Mismatch::Deadline => (
			"could not finish before the deadline",
			"could not finish before the deadline",
		),
		Mismatch::Terms => (
			"has a price that is out of range",
			"have a price that is out of range",
		),
	};
	match offers {
		1 => format!("1 offer {one}"),
		n => format!("{n} offers {many}"),
	}
}

/// A machine: `2 cores, 4096 MiB memory, 1024 MiB disk, 1 GPU`.
pub fn machine(machine: &MachineSpec) -> String {
	let cores = match machine.cpu_milli {
		1000 => "1 core".into(),
		milli => format!("{} cores", f64::from(milli) / 1000.0),
	};
	let gpus = match machine.gpus.len() {
		0 => String::new(),
		1 => ", 1 GPU".into(),
		n => format!(", {n} GPUs"),
	};
	format!(
		"{cores}, {} MiB memory, {} MiB disk{gpus}",
		machine.ram_mib, machine.disk_mib
	)
}

/// The name of an enumeration's variant, as polkadot.js writes it in JSON: `TimedOut { .. }` is `timedOut`.
pub fn variant(value: &impl std::fmt::Debug) -> String {
	let text = format!("{value:?}");
	let name: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
	let mut chars = name.chars();
	match chars.next() {
		Some(first) => first.to_ascii_lowercase().to_string() + chars.as_str(),
		None => name,
	}
}

#[cfg(test)]
mod tests {
	use super::*;
	use lilypad_primitives::Platform;

	#[test]
	fn a_rule_is_said_of_one_and_of_many() {
		assert_eq!(mismatch(Mismatch::NoFreeSlot, 1), "1 offer has no free slot");
		assert_eq!(mismatch(Mismatch::NoFreeSlot, 3), "3 offers have no free slot");
	}

	#[test]
	fn variants_are_called_as_in_polkadot_js() {
		assert_eq!(variant(&Outcome::TimedOut), "timedOut");
		assert_eq!(
			variant(&Outcome::Accepted {
				usage: 1,
				completed: true
			}),
			"accepted"
		);
		assert_eq!(variant(&Platform::ContainerAmd64), "containerAmd64");
	}

	#[test]
	fn machines_are_shown_in_cores_and_mebibytes() {
		assert_eq!(
			machine(&MachineSpec::new(1000, 128, 64)),
			"1 core, 128 MiB memory, 64 MiB disk"
		);
		assert_eq!(
			machine(&MachineSpec::new(2500, 1, 2)),
			"2.5 cores, 1 MiB memory, 2 MiB disk"
		);
	}
}
