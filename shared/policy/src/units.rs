//! Durations, sizes and rates as users write them.

use std::fmt;
use std::time::Duration;

/// Reads `"250ms" "10s" "5m" "24h" "7d" "6y"`.
///
/// A year has 366 days: what is kept for `6y` is never deleted before six calendar years.
///
/// # Errors
/// Not a number with one of these units, or too large.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let (number, unit) = split_number(text)?;
    let seconds = match unit {
        "ms" => return Ok(Duration::from_millis(number)),
        "s" => 1,
        "m" | "min" => MINUTE_S,
        "h" => HOUR_S,
        "d" => DAY_S,
        "y" => YEAR_S,
        other => return Err(UnitError::unit(other, "ms, s, m, h, d or y")),
    };
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or(UnitError::TooLarge)
}

/// Reads `"512B" "64KiB" "8MiB" "1GiB"`, bytes.
///
/// # Errors
/// Not a number with one of these units, or too large.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split_number(text)?;
    let bytes: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        other => return Err(UnitError::unit(other, "B, KiB, MiB or GiB")),
    };
    number.checked_mul(bytes).ok_or(UnitError::TooLarge)
}

/// So many units in so much time: `"100/min"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many in each period; at least 1.
    pub count: u64,
    /// A second, a minute, an hour or a day.
    pub period: Duration,
}

impl Rate {
    /// Reads `"5/s" "100/min" "1000/h" "10000/day"`.
    ///
    /// # Errors
    /// Not of that form, a count of zero, or one that is too large.
    pub fn parse(text: &str) -> Result<Self, UnitError> {
        let (count, unit) = text.split_once('/').ok_or(UnitError::NotARate)?;
        let count = match split_number(count)? {
            (0, "") => return Err(UnitError::Zero),
            (count, "") if count <= MAX_RATE_COUNT => count,
            (_, "") => return Err(UnitError::TooLarge),
            _ => return Err(UnitError::NotARate),
        };
        let seconds = match unit {
            "s" => 1,
            "min" => MINUTE_S,
            "h" => HOUR_S,
            "day" => DAY_S,
            other => return Err(UnitError::unit(other, "s, min, h or day")),
        };
        Ok(Self {
            count,
            period: Duration::from_secs(seconds),
        })
    }
}

/// Writes a duration in the largest unit that keeps it exact.
pub struct DurationText(pub Duration);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if self.0.subsec_millis() != 0 {
            return write!(f, "{}ms", self.0.as_millis());
        }
        let units = [(YEAR_S, "y"), (DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")];
        let exact = units.iter().find_map(|(unit, name)| {
            let whole = seconds.checked_div(*unit)?;
            (whole > 0 && seconds.checked_rem(*unit)? == 0).then_some((whole, *name))
        });
        let (number, unit) = exact.unwrap_or((seconds, "s"));
        write!(f, "{number}{unit}")
    }
}

/// Why a duration, size or rate is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// There are no digits in front of the unit.
    #[error("expected a whole number with a unit behind it")]
    NotANumber,
    /// No slash, or no number before it.
    #[error(r#"expected a count and a unit of time, such as "100/min""#)]
    NotARate,
    /// The count of a rate is zero.
    #[error("must be at least 1")]
    Zero,
    /// Beyond what can be counted.
    #[error("too large")]
    TooLarge,
    /// A unit that does not exist.
    #[error("unknown unit {found:?}; use {known}")]
    Unit {
        /// The unit that was found.
        found: String,
        /// The units that are known.
        known: &'static str,
    },
}

impl UnitError {
    fn unit(found: &str, known: &'static str) -> Self {
        Self::Unit {
            found: found.chars().take(20).collect(),
            known,
        }
    }
}

fn split_number(text: &str) -> Result<(u64, &str), UnitError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits).ok_or(UnitError::NotANumber)?;
    if number.is_empty() {
        return Err(UnitError::NotANumber);
    }
    number
        .parse()
        .map(|number| (number, unit))
        .map_err(|_| UnitError::TooLarge)
}

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 86_400;
const YEAR_S: u64 = 366 * DAY_S;
const MAX_RATE_COUNT: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn reads_durations() {
        for (text, seconds) in [
            ("10s", 10),
            ("5m", 300),
            ("5min", 300),
            ("24h", 86_400),
            ("7d", 604_800),
            ("0s", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_secs(seconds)),
                "{text}"
            );
        }
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(
            parse_duration("6y"),
            Ok(Duration::from_secs(6 * 366 * 86_400))
        );
        for text in [
            "",
            "s",
            "10",
            "1.5s",
            "-1s",
            "10 s",
            "10S",
            "1e3s",
            "99999999999999999999s",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(
            parse_duration("18446744073709551615y"),
            Err(UnitError::TooLarge)
        );
    }

    #[test]
    fn reads_sizes() {
        assert_eq!(parse_size("64KiB"), Ok(65_536));
        assert_eq!(parse_size("1B"), Ok(1));
        for text in ["64", "64KB", "64kib", "KiB", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_rates_and_names_the_units() {
        let minute = Duration::from_secs(60);
        assert_eq!(
            Rate::parse("100/min"),
            Ok(Rate {
                count: 100,
                period: minute
            })
        );
        assert_eq!(
            Rate::parse("100/fortnight").unwrap_err().to_string(),
            r#"unknown unit "fortnight"; use s, min, h or day"#
        );
        for text in [
            "0/s",
            "-1/s",
            "1",
            "/s",
            "1/",
            "1/s/s",
            "99999999999/s",
            "1.5/s",
            "+1/s",
            "1 /s",
        ] {
            assert!(Rate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_durations_in_the_largest_exact_unit() {
        for text in ["6y", "7d", "24d", "5m", "61s", "250ms", "1h", "0s"] {
            assert_eq!(
                DurationText(parse_duration(text).unwrap()).to_string(),
                text
            );
        }
    }
}
