//! Checks of the numbers of the United States.

use crate::detect::prelude::*;

/// No area 000, 666 or 900 to 999, no group 00, no serial 0000, and none of the numbers that
/// advertisements made famous.
pub(crate) fn ssn(number: &[u8]) -> bool {
    let (area, group, serial) = (
        slice_number(number, 0, 3),
        slice_number(number, 3, 5),
        slice_number(number, 5, 9),
    );
    let famous = matches!(number, b"078051120" | b"219099999" | b"457555462");
    let advertised = area == 987 && group == 65 && (4320..=4329).contains(&serial);
    !matches!(area, 0 | 666 | 900..)
        && group != 0
        && serial != 0
        && !famous
        && !advertised
        && !is_uniform(number)
}

/// Checks the last four digits of a social security number.
pub(crate) fn ssn_last4(value: &[u8]) -> bool {
    value.len() == 4 && is_digits(value)
}

/// Begins with 9, and the group is one of those that are given out.
pub(crate) fn itin(number: &[u8]) -> bool {
    number.first() == Some(&b'9')
        && matches!(slice_number(number, 3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99)
        && !is_uniform(number)
}

/// Begins with 1 or 2; the prefix adds 24 to the Luhn sum.
pub(crate) fn npi(number: &[u8]) -> bool {
    matches!(number.first(), Some(b'1' | b'2')) && luhn_sum(number).wrapping_add(24) % 10 == 0
}

/// No S, L, O, I, B or Z, and no 0 at the beginning.
pub(crate) fn mbi(number: &[u8]) -> bool {
    number.first().is_some_and(|first| *first != b'0')
        && !number.iter().any(|byte| b"SLOIBZ".contains(byte))
}

/// A kind of registrant, and the check digit over the others.
pub(crate) fn dea(number: &[u8]) -> bool {
    let digits = part(number, 2, 9);
    let sum = weighted(digits, &[1, 2, 1, 2, 1, 2]);
    number
        .first()
        .is_some_and(|kind| b"ABCDEFGHJKLMPRSTUX".contains(kind))
        && sum % 10 == nth(digits, 6)
        && !is_uniform(digits)
}

/// A prefix that an office of the tax authority gives out.
pub(crate) fn ein(number: &[u8]) -> bool {
    !matches!(slice_number(number, 0, 2), 0 | 7..=9 | 17..=19 | 28..=29 | 49 | 69..=70 | 78..=79 | 89 | 96..=97)
}

/// No I, O or Q; the ninth character is the check digit over the others, X for ten.
pub(crate) fn vin(number: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    const LETTERS: [u32; 26] = [
        1, 2, 3, 4, 5, 6, 7, 8, 99, 1, 2, 3, 4, 5, 99, 7, 99, 9, 2, 3, 4, 5, 6, 7, 8, 9,
    ];
    let value = |byte: &u8| {
        if byte.is_ascii_digit() {
            digit(*byte)
        } else {
            let place = usize::from(byte.wrapping_sub(b'A'));
            LETTERS.get(place).copied().unwrap_or(99)
        }
    };
    let sum = number
        .iter()
        .zip(WEIGHTS)
        .fold(0_u32, |sum, (byte, weight)| {
            sum.wrapping_add(value(byte).wrapping_mul(weight))
        });
    let check = match at(number, 8) {
        b'X' => 10,
        other if other.is_ascii_digit() => digit(other),
        _ => 99,
    };
    !number.iter().any(|byte| b"IOQ".contains(byte)) && sum % 11 == check && !is_uniform(number)
}
