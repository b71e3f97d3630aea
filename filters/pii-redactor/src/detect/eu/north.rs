//! The Nordic and the Baltic states.

use crate::detect::prelude::*;

/// The remainder of the nine digits by 31 gives the last character.
pub(crate) fn fi_hetu(code: &[u8]) -> bool {
    let digits = |start: usize, end: usize| slice_number(code, start, end);
    // Without the dash the code has ten characters; a letter or plus between the parts stays.
    let tail = code.len().less(4);
    let value = digits(0, 6)
        .wrapping_mul(1000)
        .wrapping_add(digits(tail, tail.plus(3)));
    let century = tail == 6 || b"+ABCDEFYXWVU".contains(&at(code, 6));
    century
        && date::ddmmyy(code, 0)
        && letter_at(
            code,
            tail.plus(3),
            b"0123456789ABCDEFHJKLMNPRSTUVWXY",
            u32::try_from(value % 31).unwrap_or(99),
        )
}

/// A day of birth (plus 60 for those without a registered one), then Luhn over ten digits.
pub(crate) fn se_personnummer(number: &[u8]) -> bool {
    let plain: Vec<u8> = number.iter().copied().filter(u8::is_ascii_digit).collect();
    let ten = part(&plain, plain.len().less(10), plain.len());
    let day = slice_number(ten, 4, 6);
    let day = if day > 60 { day.wrapping_sub(60) } else { day };
    ten.len() == 10
        && date::exists(slice_number(ten, 0, 2), slice_number(ten, 2, 4), day)
        && luhn(ten)
}

/// The third digit is at least 2, so that it is no month; Luhn.
pub(crate) fn se_organisation(number: &[u8]) -> bool {
    at(number, 2) >= b'2' && luhn(number)
}

/// A century and sex, a day of birth, the check of the Baltic states.
pub(crate) fn lt_code(number: &[u8]) -> bool {
    matches!(at(number, 0), b'1'..=b'6') && date::yymmdd(number, 1) && baltic(number)
}

/// One and the weighted sum, MOD 11.
pub(crate) fn lv_code(number: &[u8]) -> bool {
    let sum = weighted(number, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]).wrapping_add(1);
    date::ddmmyy(number, 0) && sum % 11 % 10 == nth(number, 10)
}

/// A century and sex, a day of birth, the check of the Baltic states.
pub(crate) fn ee_code(number: &[u8]) -> bool {
    matches!(at(number, 0), b'1'..=b'8') && date::yymmdd(number, 1) && baltic(number)
}

/// Checks a Danish CPR number, which begins with a date of birth.
pub(crate) fn dk_cpr(number: &[u8]) -> bool {
    date::ddmmyy(number, 0) && !is_uniform(part(number, 6, 10))
}

/// Two rounds of weights; the day has 40 more for those without a fixed residence.
pub(crate) fn no_fnr(number: &[u8]) -> bool {
    let day = slice_number(number, 0, 2) % 40;
    let first = weighted(number, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]) % 11;
    let second = weighted(number, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11;
    date::exists(4, slice_number(number, 2, 4), day) && first == 0 && second == 0
}
