//! Spain, Portugal, Italy and Greece.

use crate::detect::prelude::*;

/// The letter is the remainder by 23.
pub(crate) fn es_nif(number: &[u8]) -> bool {
    letter_at(
        number,
        8,
        b"TRWAGMYFPDXBNJZSQVHLCKE",
        remainder(part(number, 0, 8), 23),
    )
}

/// X, Y or Z stands for 0, 1 or 2.
pub(crate) fn es_nie(number: &[u8]) -> bool {
    let first = match at(number, 0) {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return false,
    };
    let value = slice_number(number, 1, 8).wrapping_add(10_000_000_u64.wrapping_mul(first));
    letter_at(
        number,
        8,
        b"TRWAGMYFPDXBNJZSQVHLCKE",
        u32::try_from(value % 23).unwrap_or(99),
    )
}

/// A number that is not nothing.
pub(crate) fn es_passport(number: &[u8]) -> bool {
    !is_uniform(part(number, number.len().less(6), number.len()))
}

/// Odd and even places have values of their own, MOD 26. Digits may be letters of a second set
/// (omocodia).
pub(crate) fn it_fiscal_code(code: &[u8]) -> bool {
    const ODD: [u32; 36] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3,
        6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    let sum = part(code, 0, 15)
        .iter()
        .zip([true, false].into_iter().cycle())
        .fold(0_u32, |sum, (byte, odd)| {
            let place = usize::try_from(base36(*byte)).unwrap_or(0);
            let value = match (odd, byte.is_ascii_digit()) {
                (true, _) => ODD.get(place).copied().unwrap_or(0),
                (false, true) => digit(*byte),
                (false, false) => base36(*byte).wrapping_sub(10),
            };
            sum.wrapping_add(value)
        });
    let number = |byte: &u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(byte);
    b"ABCDEHLMPRST".contains(&at(code, 8))
        && [6, 7, 9, 10, 12, 13, 14]
            .iter()
            .all(|place| code.get(*place).is_some_and(number))
        && u32::from(at(code, 15)) == sum.wrapping_rem(26).wrapping_add(65)
}

/// Checks an Italian VAT number: Luhn over eleven digits.
pub(crate) fn it_vat(number: &[u8]) -> bool {
    luhn(number.strip_prefix(b"IT").unwrap_or(number))
}

/// A number that is not nothing.
pub(crate) fn it_documents(number: &[u8]) -> bool {
    number
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .any(|byte| *byte != b'0')
}

/// A number that is not nothing.
pub(crate) fn it_driver(number: &[u8]) -> bool {
    !is_uniform(part(number, 2, 9))
}

/// A number that is not nothing.
pub(crate) fn it_passport(number: &[u8]) -> bool {
    !is_uniform(part(number, 2, 9))
}

/// Checks a Portuguese NIF: weights from 9 to 2, modulo 11.
pub(crate) fn pt_nif(number: &[u8]) -> bool {
    let number = number.strip_prefix(b"PT").unwrap_or(number);
    let remainder = weighted(number, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if remainder < 2 {
        0
    } else {
        11_u32.wrapping_sub(remainder)
    };
    number.first() != Some(&b'0') && check == nth(number, 8) && !is_uniform(number)
}

/// Checks a Greek AFM: weights from 256 to 2, modulo 11.
pub(crate) fn gr_afm(number: &[u8]) -> bool {
    let number = number.strip_prefix(b"EL").unwrap_or(number);
    weighted(number, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == nth(number, 8)
        && !is_uniform(number)
}

/// A day of birth, Luhn.
pub(crate) fn gr_amka(number: &[u8]) -> bool {
    date::ddmmyy(number, 0) && luhn(number)
}
