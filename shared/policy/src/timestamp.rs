//! Points in time as configurations write them: RFC 3339, such as `2027-01-01T00:00:00Z`.

/// Seconds since 1970 of a timestamp. A fraction of a second is read and dropped.
///
/// # Errors
/// What a timestamp looks like.
pub fn parse_timestamp(text: &str) -> Result<i64, TimestampError> {
    read(text).ok_or(TimestampError)
}

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
}
