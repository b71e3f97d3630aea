//! Points in time as people write and read them.

use policy::timestamp::{TimestampError, format_timestamp, parse_timestamp};

/// Milliseconds since 1970 of `2026-11-24T21:00:00Z` or, for its beginning in UTC, `2026-11-24`.
///
/// # Errors
/// What a time looks like.
pub fn parse(text: &str) -> Result<u64, TimestampError> {
    let seconds = match parse_timestamp(text) {
        Ok(seconds) => seconds,
        Err(_) => parse_timestamp(&format!("{text}T00:00:00Z"))?,
    };
    let seconds = u64::try_from(seconds).unwrap_or(0);
    Ok(seconds.saturating_mul(1000))
}

/// As [`parse`], with the milliseconds of `2026-11-24T21:00:00.250Z`.
///
/// # Errors
/// What a time looks like.
pub fn parse_ms(text: &str) -> Result<u64, TimestampError> {
    let Some((seconds, rest)) = text.split_once('.') else {
        return parse(text);
    };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = rest.split_at_checked(digits).unwrap_or((rest, ""));
    let ms = fraction.bytes().chain(*b"000").take(3);
    let ms = ms.fold(0, |ms, digit| ms * 10 + u64::from(digit.wrapping_sub(b'0')));
    Ok(parse(&format!("{seconds}{zone}"))?.saturating_add(ms))
}

/// `2026-11-24T21:00:00.250Z`, without the fraction if it is zero.
#[must_use]
pub fn format(ms: u64) -> String {
    let text = format_timestamp(i64::try_from(ms / 1000).unwrap_or(i64::MAX));
    match ms % 1000 {
        0 => text,
        ms => format!("{}.{ms:03}Z", text.trim_end_matches('Z')),
    }
}

/// Writes a time to the minute: `2026-11-24 21:00`.
#[must_use]
pub fn minute(ms: u64) -> String {
    let text = format(ms - ms % 60_000);
    text.replace('T', " ").trim_end_matches(":00Z").to_owned()
}

/// `2 days`, `3 hours`, `250 ms`: the largest unit that fits.
#[must_use]
pub fn duration(ms: u64) -> String {
    let units = [
        (365 * DAY_MS, "year"),
        (DAY_MS, "day"),
        (3_600_000, "hour"),
        (60_000, "minute"),
        (1000, "second"),
    ];
    match units.into_iter().find(|(unit, _)| ms >= *unit) {
        Some((unit, name)) => {
            let count = ms / unit;
            format!("{count} {name}{}", if count == 1 { "" } else { "s" })
        }
        None => format!("{ms} ms"),
    }
}

/// The time so long before another: `12mo` and `6y` by the calendar, `90d` and `24h` by the clock.
///
/// # Errors
/// What a span of time looks like.
pub fn before(now_ms: u64, span: &str) -> Result<u64, &'static str> {
    const EXPECTED: &str = "expected a span of time, such as 12mo, 90d, 6y or 24h";
    let digits = span.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = span.split_at_checked(digits).ok_or(EXPECTED)?;
    let number: u64 = number.parse().map_err(|_| EXPECTED)?;
    let back = |unit_ms: u64| Ok(now_ms.saturating_sub(number.saturating_mul(unit_ms)));
    match unit {
        "h" => back(3_600_000),
        "d" => back(DAY_MS),
        "w" => back(7 * DAY_MS),
        "mo" => months_before(now_ms, number).ok_or(EXPECTED),
        "y" => months_before(now_ms, number.saturating_mul(12)).ok_or(EXPECTED),
        _ => Err(EXPECTED),
    }
}

/// The same day of another month, or the last of that month where it is shorter.
fn months_before(now_ms: u64, months: u64) -> Option<u64> {
    let text = format(now_ms);
    let mut parts = text.get(..10)?.splitn(3, '-');
    let mut part = || parts.next()?.parse::<u64>().ok();
    let (year, month, day) = (part()?, part()?, part()?);
    let all = (year * 12 + month - 1).checked_sub(months)?;
    let (year, month) = (all / 12, all % 12 + 1);
    let begin = |day: u64| parse(&format!("{year:04}-{month:02}-{day:02}")).ok();
    let begin = (1..=day).rev().find_map(begin)?;
    Some(begin.saturating_add(now_ms % DAY_MS))
}

/// The wall clock, milliseconds since 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a command asks the clock, once")]
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

const DAY_MS: u64 = 86_400_000;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for text in [
            "1970-01-01T00:00:00Z",
            "2000-02-29T23:59:59Z",
            "2026-11-24T21:00:00Z",
            "2100-03-01T00:00:00Z",
            "9999-12-31T00:00:00Z",
        ] {
            assert_eq!(format(parse(text).unwrap()), text);
        }
        assert_eq!(parse("2026-11-24"), parse("2026-11-24T00:00:00Z"));
        assert_eq!(format(1_250), "1970-01-01T00:00:01.250Z");
        assert_eq!(
            minute(parse("2026-11-24T21:05:09Z").unwrap()),
            "2026-11-24 21:05"
        );
        assert_eq!(format(u64::MAX).len(), "9999-12-31T00:00:00.000Z".len());
        assert!(parse("yesterday").is_err());
        for text in ["2026-11-24T21:00:00.250Z", "1970-01-01T00:00:00.007Z"] {
            assert_eq!(format(parse_ms(text).unwrap()), text);
        }
        assert_eq!(parse_ms("1970-01-01T00:00:01.5Z"), Ok(1_500));
        assert_eq!(parse_ms("1970-01-01T00:00:01.123456Z"), Ok(1_123));
        let noon = parse("2028-03-31T12:00:00Z").unwrap();
        for (span, expected) in [
            ("24h", "2028-03-30T12:00:00Z"),
            ("90d", "2028-01-01T12:00:00Z"),
            ("1mo", "2028-02-29T12:00:00Z"),
            ("12mo", "2027-03-31T12:00:00Z"),
            ("6y", "2022-03-31T12:00:00Z"),
        ] {
            assert_eq!(
                before(noon, span).map(format).as_deref(),
                Ok(expected),
                "{span}"
            );
        }
        for wrong in ["", "12", "mo", "12 mo", "-1d", "999999999mo", "1m"] {
            assert!(before(noon, wrong).is_err(), "{wrong}");
        }
        assert_eq!(duration(3 * DAY_MS), "3 days");
        assert_eq!(duration(1000), "1 second");
        assert_eq!(duration(12), "12 ms");
    }
}
