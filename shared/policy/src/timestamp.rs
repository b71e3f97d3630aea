//! Points in time: RFC 3339, such as `2027-01-01T00:00:00Z`, and the dates of HTTP.

/// Seconds since 1970 of a timestamp. A fraction of a second is read and dropped.
///
/// # Errors
/// What a timestamp looks like.
pub fn parse_timestamp(text: &str) -> Result<i64, TimestampError> {
    read(text).ok_or(TimestampError)
}

/// A timestamp of seconds since 1970, in UTC: the inverse of [`parse_timestamp`]. What is after the
/// year 9999 or before 1970 is the last or first second between.
#[must_use]
pub fn format_timestamp(seconds: i64) -> String {
    let seconds = seconds.clamp(0, LAST_SECOND);
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let in_day = seconds.rem_euclid(86_400);
    let (hour, minute) = (
        in_day.div_euclid(3600),
        in_day.div_euclid(60).rem_euclid(60),
    );
    let second = in_day.rem_euclid(60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A date as HTTP fields have it, in the form that [`parse_http_date`] reads.
#[must_use]
pub fn format_http_date(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let seconds = seconds.clamp(0, LAST_SECOND);
    let days = seconds.div_euclid(86_400);
    let (year, month, day) = date(days);
    let nth = |list: &[&'static str], place: i64| {
        let place = usize::try_from(place).ok();
        place
            .and_then(|place| list.get(place))
            .copied()
            .unwrap_or_default()
    };
    let weekday = nth(&DAYS, days.rem_euclid(7));
    let month = nth(&MONTHS, month.saturating_sub(1));
    let timestamp = format_timestamp(seconds);
    let time = timestamp.get(11..19).unwrap_or_default();
    format!("{weekday}, {day:02} {month} {year:04} {time} GMT")
}

/// Seconds since 1970 of a date in an HTTP field, such as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110
/// section 5.6.7; the two obsolete forms are not read).
#[must_use]
pub fn parse_http_date(text: &str) -> Option<i64> {
    let mut words = text.trim().split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.iter().position(|name| *name == month)?;
    read(&format!(
        "{year}-{:02}-{day}T{time}Z",
        month.saturating_add(1)
    ))
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Not a timestamp of RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(r#"expected a time such as "2027-01-01T00:00:00Z""#)]
pub struct TimestampError;

fn read(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't'])?;
    let (year, month, day) = three(date, '-', [4, 2, 2])?;
    let (time, offset_s) = zone(time)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let (hour, minute, second) = three(time, ':', [2, 2, 2])?;
    let plausible = (1..=12).contains(&month)
        && (1..=days_in(year, month)?).contains(&day)
        && hour < 24
        && minute < 60
        // A leap second counts as the first second after it.
        && second <= 60
        && (1..=9).contains(&fraction.len())
        && digits(fraction).is_some();
    if !plausible {
        return None;
    }
    let seconds = hour
        .checked_mul(3600)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?;
    days_since_1970(year, month, day)?
        .checked_mul(86_400)?
        .checked_add(seconds)?
        .checked_sub(offset_s)
}

/// The time without its zone, and the seconds that the zone is ahead of UTC.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let at = time.rfind(['+', '-'])?;
    let (time, zone) = time.split_at_checked(at)?;
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (fixed(hours, 2)?, fixed(minutes, 2)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let ahead_s = hours
        .checked_mul(3600)?
        .checked_add(minutes.checked_mul(60)?)?;
    Some((time, ahead_s.checked_mul(sign)?))
}

fn three(text: &str, separator: char, widths: [usize; 3]) -> Option<(i64, i64, i64)> {
    let mut parts = text.split(separator);
    let mut part = |width| fixed(parts.next()?, width);
    let [first, second, third] = widths;
    let read = (part(first)?, part(second)?, part(third)?);
    parts.next().is_none().then_some(read)
}

fn fixed(text: &str, width: usize) -> Option<i64> {
    (text.len() == width).then(|| digits(text)).flatten()
}

fn digits(text: &str) -> Option<i64> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

fn days_in(year: i64, month: i64) -> Option<i64> {
    let leap =
        year.checked_rem(4)? == 0 && (year.checked_rem(100)? != 0 || year.checked_rem(400)? == 0);
    Some(match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 31,
    })
}

/// Days since 1970-01-01 in the Gregorian calendar. Counts years from March, so that the leap day
/// is the last of its year.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let (year, month) = if month > 2 {
        (year, month.checked_sub(3)?)
    } else {
        (year.checked_sub(1)?, month.checked_add(9)?)
    };
    let leap_days = year
        .div_euclid(4)
        .checked_sub(year.div_euclid(100))?
        .checked_add(year.div_euclid(400))?;
    // 153 days in five months from March on: 31, 30, 31, 30, 31.
    let before_month = month.checked_mul(153)?.checked_add(2)?.div_euclid(5);
    year.checked_mul(365)?
        .checked_add(leap_days)?
        .checked_add(before_month)?
        .checked_add(day)?
        .checked_sub(DAYS_FROM_MARCH_OF_YEAR_0_TO_1970)
}

/// Year, month and day of a day counted from 1970-01-01: years from March again, in eras of 400.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days
        .saturating_add(DAYS_FROM_MARCH_OF_YEAR_0_TO_1970)
        .saturating_sub(1);
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    // Without the leap days that have passed, all years have 365 days.
    let year_of_era = day_of_era
        .saturating_sub(day_of_era.div_euclid(1460))
        .saturating_add(day_of_era.div_euclid(36_524))
        .saturating_sub(day_of_era.div_euclid(146_096))
        .div_euclid(365);
    let leap_days = year_of_era
        .div_euclid(4)
        .saturating_sub(year_of_era.div_euclid(100));
    let day_of_year =
        day_of_era.saturating_sub(year_of_era.saturating_mul(365).saturating_add(leap_days));
    let from_march = day_of_year
        .saturating_mul(5)
        .saturating_add(2)
        .div_euclid(153);
    let before_month = from_march
        .saturating_mul(153)
        .saturating_add(2)
        .div_euclid(5);
    let day = day_of_year.saturating_sub(before_month).saturating_add(1);
    let month = if from_march < 10 {
        from_march.saturating_add(3)
    } else {
        from_march.saturating_sub(9)
    };
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    (year.saturating_add(i64::from(month <= 2)), month, day)
}

/// The last second of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// And one, since days of a month count from 1.
const DAYS_FROM_MARCH_OF_YEAR_0_TO_1970: i64 = 719_469;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn reads_timestamps() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:00.5z", 0),
            ("2000-02-29t12:00:00Z", 951_825_600),
            ("2027-01-01T00:00:00Z", 1_798_761_600),
            ("2027-01-01T02:00:00+02:00", 1_798_761_600),
            ("2026-12-31T19:00:00-05:00", 1_798_761_600),
            ("2016-12-31T23:59:60Z", 1_483_228_800),
            ("1969-12-31T23:59:59Z", -1),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(parse_timestamp(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn every_day_is_written_as_it_is_read() {
        let mut seconds = 0;
        while seconds <= LAST_SECOND {
            assert_eq!(parse_timestamp(&format_timestamp(seconds)), Ok(seconds));
            // A day and a second, so that every time of the day comes up as well.
            seconds += 86_401;
        }
        assert_eq!(format_timestamp(i64::MAX), "9999-12-31T23:59:59Z");
        assert_eq!(format_timestamp(-1), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn dates_of_http() {
        assert_eq!(
            parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777)
        );
        assert_eq!(parse_http_date(" Thu, 01 Jan 1970 00:00:00 GMT "), Some(0));
        for text in [
            "",
            "Sun, 06 Nov 1994",
            "06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2027-01-01",
            "2027-01-01 00:00:00Z",
            "2027-01-01T00:00:00",
            "2027-13-01T00:00:00Z",
            "2027-02-29T00:00:00Z",
            "2027-1-1T00:00:00Z",
            "2027-01-01T24:00:00Z",
            "2027-01-01T00:60:00Z",
            "2027-01-01T00:00:00+24:00",
            "2027-01-01T00:00:00.Z",
            "+027-01-01T00:00:00Z",
            "2027-01-01T00:00:00Z ",
            "2027-01-01T00:00:00é",
        ] {
            assert_eq!(parse_timestamp(text), Err(TimestampError), "{text}");
        }
    }

    #[test]
    fn dates_of_http_are_written_as_they_are_read() {
        assert_eq!(
            format_http_date(784_111_777),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        for seconds in [0, 86_399, 86_400, 951_782_400, 1_782_000_000, 4_102_444_800] {
            assert_eq!(parse_http_date(&format_http_date(seconds)), Some(seconds));
        }
    }
}
