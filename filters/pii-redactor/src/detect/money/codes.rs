//! Checks of the short codes of cards and banks.

use crate::detect::prelude::*;

/// Checks a card verification code: three or four digits.
pub(crate) fn cvv(value: &[u8]) -> bool {
    (3..=4).contains(&value.len()) && is_digits(value)
}

/// Four to sixteen hexadecimal digits, a digit first: a PIN or its block.
pub(crate) fn pin(value: &[u8]) -> bool {
    (4..=16).contains(&value.len())
        && value.iter().all(u8::is_ascii_hexdigit)
        && value.iter().any(u8::is_ascii_digit)
}

/// A month, a year or both, with a month that exists.
pub(crate) fn expiry(value: &[u8]) -> bool {
    let is_month = |text: &[u8]| (1..=12).contains(&crate::bytes::number(text));
    let is_year = |text: &[u8]| match text.len() {
        2 => true,
        4 => (1980..=2099).contains(&crate::bytes::number(text)),
        _ => false,
    };
    let mut parts = value
        .split(|byte| matches!(byte, b'/' | b'-' | b' '))
        .filter(|part| !part.is_empty());
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    let all_digits = [first, second]
        .into_iter()
        .flatten()
        .all(|part| part.len() <= 6 && is_digits(part));
    let fits = match (first, second, third) {
        (Some(one), None, None) => match one.len() {
            1 | 2 => is_month(one) || is_year(one),
            4 => is_year(one) || is_month(part(one, 0, 2)),
            6 => {
                is_month(part(one, 0, 2)) && is_year(part(one, 2, 6))
                    || is_year(part(one, 0, 4)) && is_month(part(one, 4, 6))
            }
            _ => false,
        },
        (Some(one), Some(two), None) => {
            one.len() <= 2 && is_month(one) && is_year(two)
                || is_year(one) && two.len() <= 2 && is_month(two)
        }
        _ => false,
    };
    all_digits && fits
}

/// A prefix that a Federal Reserve district has, and weights 3, 7, 1.
pub(crate) fn aba(number: &[u8]) -> bool {
    let district = slice_number(number, 0, 2);
    matches!(district, 0..=12 | 21..=32 | 61..=72 | 80)
        && weighted(number, &[3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 == 0
        && !is_uniform(number)
}

/// A country in the middle.
pub(crate) fn bic(code: &[u8]) -> bool {
    super::iban::is_country(part(code, 4, 6))
}
