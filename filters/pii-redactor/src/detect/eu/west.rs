//! France, Belgium, the Netherlands, Ireland and Switzerland.

use crate::detect::prelude::*;

/// Weights 9 to 2 and minus 1.
pub(crate) fn nl_bsn(number: &[u8]) -> bool {
    let nine = number.len() == 9;
    let sum = if nine {
        weighted(number, &[9, 8, 7, 6, 5, 4, 3, 2, 10])
    } else {
        weighted(number, &[8, 7, 6, 5, 4, 3, 2, 10])
    };
    sum % 11 == 0 && !is_uniform(number)
}

/// The complement to 97 of the nine digits, with a 2 before them for those born since 2000.
pub(crate) fn be_nrn(number: &[u8]) -> bool {
    let value = slice_number(number, 0, 9);
    let check = slice_number(number, 9, 11);
    let complement = |value: u64| 97_u64.wrapping_sub(value % 97);
    let month = slice_number(number, 2, 4) % 20;
    (check == complement(value)
        || slice_number(number, 0, 2) < 50
            && check == complement(value.wrapping_add(2_000_000_000)))
        && month <= 12
        && slice_number(number, 4, 6) <= 31
        && !is_uniform(number)
}

/// Sex, month and key; 2A and 2B of Corsica count as 19 and 18.
pub(crate) fn fr_nir(number: &[u8]) -> bool {
    let mut digits: Vec<u8> = number.to_vec();
    if let Some(letter) = digits.get_mut(6) {
        match letter {
            b'A' => *letter = b'9',
            b'B' => *letter = b'8',
            _ => {}
        }
    }
    let corsica = number.get(6).is_some_and(u8::is_ascii_alphabetic);
    if corsica {
        if number.get(5) != Some(&b'2') {
            return false;
        }
        if let Some(tens) = digits.get_mut(5) {
            *tens = b'1';
        }
    }
    let value = slice_number(&digits, 0, 13);
    let month = slice_number(&digits, 3, 5);
    is_digits(&digits)
        && matches!(at(number, 0), b'1'..=b'4' | b'7' | b'8')
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && slice_number(&digits, 13, 15) == 97_u64.wrapping_sub(value % 97)
}

/// Weights 8 to 2; a second letter counts nine times.
pub(crate) fn ie_pps(number: &[u8]) -> bool {
    let second = number
        .get(8)
        .map_or(0, |byte| letter_value(*byte).wrapping_sub(9));
    let second = if number.get(8) == Some(&b'W') {
        0
    } else {
        second
    };
    let sum = weighted(number, &[8, 7, 6, 5, 4, 3, 2]).wrapping_add(second.wrapping_mul(9));
    letter_at(number, 7, b"WABCDEFGHIJKLMNOPQRSTUV", sum % 23)
}

/// Checks a Swiss AHV number: weights 1 and 3, as EAN-13.
pub(crate) fn ch_ahv(number: &[u8]) -> bool {
    weighted(number, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]) % 10 == 0
}
