//! Shares as people write them: in per cent.

use lilypad_client::lp;
use lilypad_primitives::{Balance, LP};
use sp_runtime::Permill;

/// What one part of a whole is in per cent, as a number with 18 digits after the point. Wholes are powers of ten of at most
/// 18 digits.
fn part(whole: impl Into<Balance>) -> Balance {
	(LP / whole.into()).saturating_mul(100)
}

/// Parts of a whole as per cent: `3.5 %`.
pub fn percent(parts: impl Into<Balance>, whole: impl Into<Balance>) -> String {
	format!("{} %", lp::exact(parts.into().saturating_mul(part(whole))))
}

/// The parts of a whole that are so many per cent; `None` when it is no number of per cent up to a hundred, or has too many
/// digits.
pub fn parts_of<Parts: TryFrom<Balance>>(text: &str, whole: impl Into<Balance>) -> Option<Parts> {
	let number = text.trim();
	let number = number.strip_suffix('%').unwrap_or(number).trim_end();
	let percent = lp::parse(number).ok().filter(|_| !number.ends_with("LP"))?;
	let part = part(whole);
	let fits = percent % part == 0 && percent <= 100 * LP;
	fits.then(|| Parts::try_from(percent / part).ok()).flatten()
}

/// A share with one digit after the point, rounded down: `97.3 %`.
pub fn percent_rounded(share: Permill) -> String {
	let tenths = share.deconstruct() / 1_000;
	format!("{}.{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
	use super::*;
	use sp_runtime::{PerThing, Perquintill};

	#[test]
	fn shares_have_bounds_and_digits() {
		let parts = |text| parts_of::<u32>(text, Permill::ACCURACY);
		assert_eq!(parts("3.5%"), Some(35_000));
		assert_eq!(parts(" 100 % "), Some(1_000_000));
		assert_eq!(parts("0.0001"), Some(1));
		for bad in ["0.00001", "100.0001", "-1", "x", "", "3 LP"] {
			assert_eq!(parts(bad), None, "{bad}");
		}
		assert_eq!(
			parts_of::<u64>("0.0000000000000001", Perquintill::ACCURACY),
			Some(1)
		);
		assert_eq!(percent(35_000u32, Permill::ACCURACY), "3.5 %");
	}

	#[test]
	fn scores_are_rounded_down() {
		let shown = [0, 973_999, 1_000_000].map(|parts| percent_rounded(Permill::from_parts(parts)));
		assert_eq!(shown, ["0.0 %", "97.3 %", "100.0 %"]);
	}
}
