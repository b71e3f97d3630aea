//! Checks of what is known about a person by the names of members.

use crate::detect::prelude::*;

/// None of the signs of paths, addresses and code.
pub(crate) fn name(value: &[u8]) -> bool {
    !value.iter().any(|byte| b"/:@{}<>=\\".contains(byte))
}

/// Not the address of a host, a page or a wallet: those are one word with signs that streets lack.
pub(crate) fn street(value: &[u8]) -> bool {
    let is_one_word = !value.iter().any(|byte| matches!(byte, b' ' | b',' | b'\n'));
    let is_technical = value
        .iter()
        .any(|byte| matches!(byte, b':' | b'.' | b'@' | b'_' | b'/'))
        || value.starts_with(b"0x");
    !(is_one_word && is_technical)
}

/// Up to ten letters, digits, spaces and dashes, a digit among them.
pub(crate) fn postal_code(value: &[u8]) -> bool {
    value.len() <= 10
        && value.iter().any(u8::is_ascii_digit)
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'*'))
}

/// A day somewhere in it: digits that can be one, or the name of a month.
pub(crate) fn date(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    value.len() <= 40
        && digits >= 4
        && value
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b" -/.,:+".contains(byte) || *byte >= 0x80)
}

/// Years: up to three digits, perhaps a fraction, and what says that they are years or more.
pub(crate) fn age(value: &[u8]) -> bool {
    let years = crate::bytes::count_while(value, 0, |byte| byte.is_ascii_digit());
    let mut behind = part(value, years, value.len());
    if behind.first() == Some(&b'.') {
        let fraction = crate::bytes::count_while(behind, 1, |byte| byte.is_ascii_digit());
        behind = part(behind, fraction.plus(1), behind.len());
    }
    let unit = behind.trim_ascii().to_ascii_lowercase();
    let units: [&[u8]; 11] = [
        b"",
        b"+",
        b"y",
        b"yr",
        b"yrs",
        b"yo",
        b"y/o",
        b"year",
        b"years",
        b"years old",
        b"yrs old",
    ];
    (1..=3).contains(&years) && value.len() <= 24 && units.contains(&unit.as_slice())
}

/// One number up to 180 with decimals, or two of them.
pub(crate) fn geo(value: &[u8]) -> bool {
    let mut parts = 0;
    let all = value
        .split(|byte| matches!(byte, b',' | b';' | b' '))
        .all(|part| {
            if part.is_empty() {
                return true;
            }
            parts = 1_u8.saturating_add(parts);
            let text = std::str::from_utf8(part).unwrap_or_default();
            text.contains('.')
                && text
                    .parse::<f64>()
                    .is_ok_and(|number| number.abs() <= 180.0)
        });
    all && (1..=2).contains(&parts)
}

/// Letters and digits, with at least four digits.
pub(crate) fn account(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    digits >= 4
        && value.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'.' | b'/' | b'*')
        })
}
