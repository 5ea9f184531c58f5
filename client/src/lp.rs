//! Amounts of LP as people write them. The smallest unit is 10^-18 LP and nothing here rounds silently: what is parsed is
//! exact, and what is shown is exact unless [`rounded_up`] is asked for.

use lilypad_primitives::{Balance, LP};

/// Digits after the decimal point.
pub const DECIMALS: usize = 18;

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
	/// Not a decimal number.
	#[error("'{0}' is not an amount of LP: write a decimal number such as 1, 0.25 or 1_000")]
	NotANumber(String),
	/// More digits than there are.
	#[error("'{0}' has more than 18 digits after the point; the smallest amount is 0.000000000000000001 LP")]
	TooPrecise(String),
	/// Too large.
	#[error("'{0}' is more LP than can exist")]
	TooLarge(String),
}

/// Reads an amount such as `1`, `0.25`, `1_000.5` or `2 LP`.
pub fn parse(text: &str) -> Result<Balance, AmountError> {
	let trimmed = text.trim();
	let number = trimmed.strip_suffix("LP").map_or(trimmed, str::trim_end);
	let not_a_number = || AmountError::NotANumber(text.into());
	let (whole, fraction) = match number.split_once('.') {
		Some((_, "")) | None if number.ends_with('.') => return Err(not_a_number()),
		Some((whole, fraction)) => (whole, fraction),
		None => (number, ""),
	};
	let digits = |s: &str| -> Result<String, AmountError> {
		let clean: String = s.chars().filter(|c| *c != '_').collect();
		match clean.chars().all(|c| c.is_ascii_digit()) {
			true => Ok(clean),
			false => Err(not_a_number()),
		}
	};
	let (whole, fraction) = (digits(whole)?, digits(fraction)?);
	if whole.is_empty() && fraction.is_empty() {
		return Err(not_a_number());
	}
	let fraction = fraction.trim_end_matches('0');
	if fraction.len() > DECIMALS {
		return Err(AmountError::TooPrecise(text.into()));
	}
	let too_large = || AmountError::TooLarge(text.into());
	let whole: Balance = match whole.as_str() {
		"" => 0,
		w => w.parse().map_err(|_| too_large())?,
	};
	let fraction: Balance = format!("{fraction:0<DECIMALS$}")
		.parse()
		.map_err(|_| too_large())?;
	whole
		.checked_mul(LP)
		.and_then(|w| w.checked_add(fraction))
		.ok_or_else(too_large)
}

/// Shows an amount exactly, without trailing zeros and without the unit: `0.25`.
pub fn exact(amount: Balance) -> String {
	let fraction = format!("{:018}", amount % LP);
	match fraction.trim_end_matches('0') {
		"" => (amount / LP).to_string(),
		digits => format!("{}.{digits}", amount / LP),
	}
}

/// Shows an amount with its unit: `0.25 LP`.
pub fn show(amount: Balance) -> String {
	format!("{} LP", exact(amount))
}

/// Shows a price for people: rounded up to six digits after the point, or to three significant digits when it is smaller
/// than that.
pub fn rounded_up(amount: Balance) -> String {
	let mut step: Balance = LP / 1_000_000;
	while step > 1 && amount < step.saturating_mul(100) {
		step /= 10;
	}
	let rounded = amount.div_ceil(step).checked_mul(step).unwrap_or(amount);
	format!("{} LP", exact(rounded))
}

#[cfg(test)]
mod tests {
	use super::*;
	use proptest::prelude::*;

	#[test]
	fn parse_works() {
		for (text, amount) in [
			("0", 0),
			("1", LP),
			("1.5", LP * 3 / 2),
			(".5", LP / 2),
			("0.000000000000000001", 1),
			("1_000 LP", 1000 * LP),
			(" 2LP ", 2 * LP),
			("0.100000000000000000000", LP / 10),
		] {
			assert_eq!(parse(text), Ok(amount), "{text}");
		}
	}

	#[test]
	fn parse_fails_when_not_an_amount() {
		for text in [
			"", ".", "1.", "-1", "+1", "1e3", "1,5", "LP", "0x10", "1 000", "NaN", "1.2.3", "٣",
		] {
			assert!(
				matches!(parse(text), Err(AmountError::NotANumber(_))),
				"{text:?}: {:?}",
				parse(text)
			);
		}
		assert!(matches!(
			parse("0.0000000000000000001"),
			Err(AmountError::TooPrecise(_))
		));
	}

	#[test]
	fn parse_boundary_of_the_type() {
		assert_eq!(parse(&exact(Balance::MAX)), Ok(Balance::MAX));
		assert!(matches!(
			parse("340282366920938463463.374607431768211456"),
			Err(AmountError::TooLarge(_))
		));
		assert!(matches!(
			parse("9".repeat(60).as_str()),
			Err(AmountError::TooLarge(_))
		));
	}

	#[test]
	fn prices_are_rounded_up_and_never_vanish() {
		assert_eq!(rounded_up(0), "0 LP");
		assert_eq!(rounded_up(1), "0.000000000000000001 LP");
		assert_eq!(rounded_up(LP / 3), "0.333334 LP");
		assert_eq!(rounded_up(LP), "1 LP");
		assert_eq!(rounded_up(123_456_789), "0.000000000123 LP".replace("123", "124"));
		assert_eq!(rounded_up(Balance::MAX), format!("{} LP", exact(Balance::MAX)));
	}

	proptest! {
		#[test]
		fn what_is_shown_is_read_back(amount: Balance) {
			prop_assert_eq!(parse(&exact(amount)), Ok(amount));
			prop_assert_eq!(parse(&show(amount)), Ok(amount));
		}

		#[test]
		fn no_text_makes_it_panic(text in ".{0,40}") {
			let _ = parse(&text);
		}

		#[test]
		fn rounding_stays_near(amount in 0..Balance::MAX / 2) {
			let shown = parse(&rounded_up(amount)).expect("an amount");
			prop_assert!(shown >= amount && shown - amount <= amount / 100);
		}
	}
}
