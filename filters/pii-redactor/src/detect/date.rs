//! Dates inside numbers.

use super::checksum::slice_number;

/// Whether a day exists; of a two-digit year 29 February always does.
#[must_use]
pub const fn exists(year: u64, month: u64, day: u64) -> bool {
    let leap = year % 4 == 0 && (year < 100 || year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    day >= 1 && day <= days
}

/// Whether six digits from `at` are a date as `YYMMDD`.
#[must_use]
pub fn yymmdd(digits: &[u8], at: usize) -> bool {
    let [year, month, day] = pairs(digits, at);
    exists(year, month, day)
}

/// Whether six digits from `at` are a date as `DDMMYY`.
#[must_use]
pub fn ddmmyy(digits: &[u8], at: usize) -> bool {
    let [day, month, year] = pairs(digits, at);
    exists(year, month, day)
}

/// Three numbers of two digits each.
fn pairs(digits: &[u8], at: usize) -> [u64; 3] {
    [0, 2, 4].map(|offset| {
        let start = at.saturating_add(offset);
        slice_number(digits, start, start.saturating_add(2))
    })
}

/// `YYYYMMDD` at a place, of the last hundred and fifty years or so.
#[must_use]
pub fn yyyymmdd(digits: &[u8], at: usize) -> bool {
    let number = |from: usize, to: usize| {
        slice_number(digits, at.saturating_add(from), at.saturating_add(to))
    };
    (1880..2100).contains(&number(0, 4)) && exists(number(0, 4), number(4, 6), number(6, 8))
}
