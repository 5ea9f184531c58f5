//! The engine's own times: RFC 3339, with more or fewer digits of a second.

/// Milliseconds since the Unix epoch. `None` for what is no time, and for the year 1 that engines show for "never".
pub(super) fn parse_rfc3339(text: &str) -> Option<i64> {
	let number = |from: usize, to: usize| {
		text.get(from..to)
			.filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?
			.parse()
			.ok()
	};
	let separators = [(4, '-'), (7, '-'), (10, 'T'), (13, ':'), (16, ':')];
	if !text.is_ascii()
		|| separators
			.iter()
			.any(|&(at, c)| text.as_bytes().get(at) != Some(&(c as u8)))
	{
		return None;
	}
	let year: i64 = number(0, 4)?;
	let (month, day): (i64, i64) = (number(5, 7)?, number(8, 10)?);
	let (hour, minute, second): (i64, i64, i64) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
	if year < 1970
		|| !(1..=12).contains(&month)
		|| !(1..=31).contains(&day)
		|| hour > 23
		|| minute > 59
		|| second > 60
	{
		return None;
	}
	let rest = &text[19..];
	let digits = rest
		.strip_prefix('.')
		.map_or(0, |f| f.bytes().take_while(u8::is_ascii_digit).count());
	let fraction = if digits > 0 { &rest[1..=digits] } else { "" };
	let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
	let zone = &rest[if digits > 0 { digits + 1 } else { 0 }..];
	let offset = match zone.as_bytes() {
		b"Z" | b"z" => 0,
		[sign @ (b'+' | b'-'), _, _, b':', _, _] => {
			let hours: i64 = zone.get(1..3)?.parse().ok()?;
			let minutes: i64 = zone.get(4..6)?.parse().ok()?;
			(hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
		},
		_ => return None,
	};
	let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second;
	Some(seconds * 1000 + millis)
}

/// Days since the Unix epoch of a date of the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
	// Years begin in March, so that the leap day is the last of a year.
	let year = if month <= 2 { year - 1 } else { year };
	let era = year.div_euclid(400);
	let of_era = year - era * 400;
	let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Now, by this machine's clock.
pub(super) fn now() -> i64 {
	std::time::SystemTime::now()
		.duration_since(std::time::UNIX_EPOCH)
		.map_or(0, |d| d.as_millis().try_into().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
	use super::parse_rfc3339;

	#[test]
	fn times_of_engines_are_read() {
		assert_eq!(parse_rfc3339("1970-01-01T00:00:00Z"), Some(0));
		assert_eq!(
			parse_rfc3339("2026-11-23T15:35:35.123456789Z"),
			Some(1_795_448_135_123)
		);
		assert_eq!(
			parse_rfc3339("2026-11-23T16:35:35.1+01:00"),
			Some(1_795_448_135_100)
		);
		assert_eq!(parse_rfc3339("2000-02-29T23:59:59.999Z"), Some(951_868_799_999));
		assert_eq!(
			parse_rfc3339("2024-12-31T23:59:59-05:30"),
			Some(1_735_709_399_000)
		);
	}

	#[test]
	fn what_is_no_time_is_none() {
		for bad in [
			"",
			"0001-01-01T00:00:00Z",
			"2026-13-01T00:00:00Z",
			"2026-01-01 00:00:00Z",
			"2026-01-01T00:00:00",
			"ä",
		] {
			assert_eq!(parse_rfc3339(bad), None, "{bad}");
		}
	}
}
