//! Germany.

use crate::detect::prelude::*;

/// Among the first ten digits one occurs two or three times and no other twice.
pub(crate) fn de_tax_id(number: &[u8]) -> bool {
    let ten = part(number, 0, 10);
    let counts = (b'0'..=b'9').map(|byte| ten.iter().filter(|found| **found == byte).count());
    let repeated: Vec<usize> = counts.filter(|count| *count > 1).collect();
    number.first() != Some(&b'0') && matches!(repeated.as_slice(), [2 | 3]) && mod11_10(number)
}

/// The area, a day of birth, a letter as two digits, weights 2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1 by
/// cross sums.
pub(crate) fn de_social_security(number: &[u8]) -> bool {
    let letter = u32::from(at(number, 8).wrapping_sub(b'A')).wrapping_add(1);
    let mut digits = [0_u32; 12];
    let values = part(number, 0, 8).iter().map(|byte| digit(*byte));
    let values = values
        .chain([letter / 10, letter % 10])
        .chain(part(number, 9, 11).iter().map(|byte| digit(*byte)));
    for (slot, value) in digits.iter_mut().zip(values) {
        *slot = value;
    }
    let sum = digits
        .iter()
        .zip([2_u32, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .fold(0_u32, |sum, (value, weight)| {
            let product = value.wrapping_mul(weight);
            sum.wrapping_add(product / 10).wrapping_add(product % 10)
        });
    date::exists(
        slice_number(number, 6, 8),
        slice_number(number, 4, 6),
        slice_number(number, 2, 4) % 50,
    ) && sum % 10 == nth(number, 11)
}

/// The letter as two digits, weights 1 and 2 by cross sums.
pub(crate) fn de_health_insurance(number: &[u8]) -> bool {
    let letter = u32::from(at(number, 0).wrapping_sub(b'A')).wrapping_add(1);
    let values = [letter / 10, letter % 10]
        .into_iter()
        .chain(part(number, 1, 9).iter().map(|byte| digit(*byte)));
    let sum = values
        .zip([1_u32, 2].into_iter().cycle())
        .fold(0_u32, |sum, (value, weight)| {
            let product = value.wrapping_mul(weight);
            sum.wrapping_add(product / 10).wrapping_add(product % 10)
        });
    sum % 10 == nth(number, 9) && !is_uniform(part(number, 1, 10))
}

/// The letters that are given out; with a tenth character, the check digit.
pub(crate) fn de_id_card(number: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte);
    at(number, 0).is_ascii_alphabetic()
        && part(number, 0, 9).iter().all(allowed)
        && number.iter().any(u8::is_ascii_digit)
        && (number.len() == 9 || icao_731(number))
}

/// Begins with C, F, G, H, J or K; with a tenth character, the check digit.
pub(crate) fn de_passport(number: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(byte);
    b"CFGHJK".contains(&at(number, 0))
        && part(number, 0, 9).iter().all(allowed)
        && number.iter().any(u8::is_ascii_digit)
        && (number.len() == 9 || icao_731(number))
}

/// MOD 11,10 over nine digits.
pub(crate) fn de_vat(number: &[u8]) -> bool {
    mod11_10(part(number, 2, 11)) && at(number, 2) != b'0'
}

/// The seventh digit is the check digit of the six before it.
pub(crate) fn de_lanr(number: &[u8]) -> bool {
    let sum = weighted(number, &[4, 9, 4, 9, 4, 9]) % 10;
    10_u32.wrapping_sub(sum) % 10 == nth(number, 6) && !is_uniform(part(number, 0, 6))
}

/// No number begins with zero, and behind it stands nothing but `E` or `H`.
pub(crate) fn de_kfz(plate: &[u8]) -> bool {
    let letters = crate::bytes::count_while(plate, 0, |byte| byte.is_ascii_alphabetic());
    let last = plate.last().copied().unwrap_or(0);
    at(plate, letters) != b'0' && (last.is_ascii_digit() || matches!(last, b'E' | b'H'))
}

/// Checks a German postcode: from 01001 to 99998.
pub(crate) fn de_plz(code: &[u8]) -> bool {
    (1_001..=99_998).contains(&slice_number(code, code.len().less(5), code.len()))
}

/// Division A or B, and a number.
pub(crate) fn de_handelsregister(number: &[u8]) -> bool {
    begins_with(number, &[b"HRA", b"HRB"])
}
