//! The check digits that several kinds share.

use crate::bytes::{Position as _, digit};

/// Whether all bytes are the same: placeholders such as `000000000` pass many checks.
#[must_use]
pub fn is_uniform(text: &[u8]) -> bool {
    text.first()
        .is_some_and(|first| text.iter().all(|byte| byte == first))
}

/// Whether all bytes are digits.
#[must_use]
pub fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The Luhn check (ISO/IEC 7812-1 annex B) over digits, the check digit last.
#[must_use]
pub fn luhn(digits: &[u8]) -> bool {
    luhn_sum(digits) % 10 == 0 && digits.iter().any(|byte| *byte != b'0')
}

/// The Luhn sum of digits, the last counted once.
#[must_use]
pub fn luhn_sum(digits: &[u8]) -> u32 {
    digits
        .iter()
        .rev()
        .zip([false, true].into_iter().cycle())
        .fold(0, |sum, (byte, doubled)| {
            let value = digit(*byte);
            let counted = match (doubled, value) {
                (true, 5..) => value.wrapping_mul(2).wrapping_sub(9),
                (true, _) => value.wrapping_mul(2),
                (false, _) => value,
            };
            sum.wrapping_add(counted)
        })
}

/// The sum of digits, each times its weight; as many as there are weights.
#[must_use]
pub fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).fold(0, |sum, (byte, weight)| {
        sum.wrapping_add(digit(*byte).wrapping_mul(*weight))
    })
}

/// The digit at a place, counted from 0; 99 where there is none, which no check digit equals.
#[must_use]
pub fn nth(digits: &[u8], place: usize) -> u32 {
    digits.get(place).map_or(99, |byte| digit(*byte))
}

/// The number that the digits from one place to another spell; letters count as 0 to 9 by chance,
/// so callers check the form first.
#[must_use]
pub fn slice_number(text: &[u8], start: usize, end: usize) -> u64 {
    crate::bytes::number(crate::bytes::part(text, start, end))
}

/// The remainder of a decimal number of any length.
#[must_use]
pub fn remainder(digits: &[u8], modulus: u32) -> u32 {
    digits.iter().fold(0, |value: u32, byte| {
        value
            .wrapping_mul(10)
            .wrapping_add(digit(*byte))
            .checked_rem(modulus)
            .unwrap_or(0)
    })
}

/// ISO/IEC 7064 MOD 97-10 over letters and digits, the first four moved to the end (IBAN).
#[must_use]
pub fn mod97(text: &[u8]) -> bool {
    let Some((head, tail)) = text.split_at_checked(4) else {
        return false;
    };
    let value = tail.iter().chain(head).fold(0_u32, |value, byte| {
        let (shift, number) = match byte {
            b'0'..=b'9' => (10, digit(*byte)),
            _ => (100, letter_value(*byte)),
        };
        value.wrapping_mul(shift).wrapping_add(number) % 97
    });
    value == 1
}

/// `A` is 10, `Z` is 35.
#[must_use]
pub const fn letter_value(byte: u8) -> u32 {
    (byte.wrapping_sub(b'A') as u32).wrapping_add(10)
}

/// The value of a digit or letter in base 36.
#[must_use]
pub const fn base36(byte: u8) -> u32 {
    if byte.is_ascii_digit() {
        digit(byte)
    } else {
        letter_value(byte)
    }
}

/// ISO/IEC 7064 MOD 11,10 (German and Croatian tax numbers), the check digit last.
#[must_use]
pub fn mod11_10(digits: &[u8]) -> bool {
    let Some((last, rest)) = digits.split_last() else {
        return false;
    };
    let product = rest.iter().fold(10_u32, |product, byte| {
        let sum = product.wrapping_add(digit(*byte)) % 10;
        let sum = if sum == 0 { 10 } else { sum };
        sum.wrapping_mul(2) % 11
    });
    11_u32.wrapping_sub(product) % 10 == digit(*last)
}

/// Verhoeff's check over digits, the check digit last (Aadhaar, NIN).
#[must_use]
pub fn verhoeff(digits: &[u8]) -> bool {
    let check = digits
        .iter()
        .rev()
        .enumerate()
        .fold(0_usize, |check, (place, byte)| {
            let value = usize::try_from(digit(*byte)).unwrap_or(0);
            let permuted = PERMUTATION
                .get(place % 8)
                .and_then(|row| row.get(value))
                .copied()
                .unwrap_or(0);
            dihedral(check, usize::from(permuted))
        });
    check == 0
}

/// ICAO 9303 weights 7, 3, 1 over letters and digits; the check digit of documents that machines
/// read.
#[must_use]
pub fn icao_731(text: &[u8]) -> bool {
    let Some((last, rest)) = text.split_last() else {
        return false;
    };
    let sum = rest
        .iter()
        .zip([7_u32, 3, 1].into_iter().cycle())
        .fold(0_u32, |sum, (byte, weight)| {
            sum.wrapping_add(base36(*byte).wrapping_mul(weight))
        });
    last.is_ascii_digit() && sum % 10 == digit(*last)
}

/// The check of eleven digits that several countries around the Baltic share: weights 1 to 9 and 1,
/// and where that gives 10, 3 to 9 and 1 to 3.
#[must_use]
pub fn baltic(digits: &[u8]) -> bool {
    let first = weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let check = if first == 10 {
        weighted(digits, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10
    } else {
        first
    };
    digits.len() == 11 && nth(digits, 10) == check
}

/// Whether the letter at a place is this.
#[must_use]
pub fn letter_at(text: &[u8], place: usize, letters: &[u8], index: u32) -> bool {
    let expected = usize::try_from(index)
        .ok()
        .and_then(|index| letters.get(index));
    expected.is_some() && text.get(place) == expected
}

/// Whether a text begins with one of these.
#[must_use]
pub fn begins_with(text: &[u8], prefixes: &[&[u8]]) -> bool {
    prefixes.iter().any(|prefix| text.starts_with(prefix))
}

/// Checks nothing: the form is all that there is.
#[must_use]
pub fn form_only(text: &[u8]) -> bool {
    text.len().plus(0) > 0 && !is_uniform(text)
}

/// The product of two elements of the dihedral group of order ten: rotations are 0 to 4, reflections 5 to 9.
const fn dihedral(left: usize, right: usize) -> usize {
    let turned = if left < 5 {
        left.wrapping_add(right)
    } else {
        left.wrapping_add(10).wrapping_sub(right)
    };
    let reflects = (left < 5) != (right < 5);
    (turned % 5).wrapping_add(if reflects { 5 } else { 0 })
}

const PERMUTATION: [[u8; 10]; 8] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
    [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
    [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
    [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
    [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
    [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
    [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
];
