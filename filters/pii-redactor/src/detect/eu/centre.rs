//! Central Europe and the Balkans.

use crate::detect::prelude::*;

/// The century is in the month; the weighted sum ends in 0.
pub(crate) fn pl_pesel(number: &[u8]) -> bool {
    let month = slice_number(number, 2, 4) % 20;
    let sum = weighted(number, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    date::exists(4, month, slice_number(number, 4, 6)) && sum % 10 == 0
}

/// The fourth digit is the check digit of the others.
pub(crate) fn at_svnr(number: &[u8]) -> bool {
    let sum = weighted(number, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11;
    number.first() != Some(&b'0')
        && sum == nth(number, 3)
        && slice_number(number, 4, 6) <= 31
        && slice_number(number, 6, 8) <= 15
}

/// The month has 50 more for women, 20 more where numbers ran out.
pub(crate) fn cz_rc(number: &[u8]) -> bool {
    let month = slice_number(number, 2, 4) % 50 % 20;
    let value = slice_number(number, 0, 9);
    date::exists(4, month, slice_number(number, 4, 6))
        && u32::try_from(value % 11 % 10).is_ok_and(|check| check == nth(number, 9))
}

/// The weights 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9; a remainder of ten is 1.
pub(crate) fn ro_cnp(number: &[u8]) -> bool {
    let remainder = weighted(number, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    let check = if remainder == 10 { 1 } else { remainder };
    number.first() != Some(&b'0') && date::yymmdd(number, 1) && check == nth(number, 12)
}

/// The century is in the month.
pub(crate) fn bg_egn(number: &[u8]) -> bool {
    let sum = weighted(number, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    date::exists(
        4,
        slice_number(number, 2, 4) % 20,
        slice_number(number, 4, 6),
    ) && sum == nth(number, 9)
}

/// Checks a Croatian OIB: ISO 7064 MOD 11,10.
pub(crate) fn hr_oib(number: &[u8]) -> bool {
    mod11_10(number) && !is_uniform(number)
}

/// Day, month and three digits of the year; weights 7 to 2 twice.
pub(crate) fn si_emso(number: &[u8]) -> bool {
    let sum = weighted(number, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = 11_u32.wrapping_sub(sum) % 11 % 10;
    date::exists(4, slice_number(number, 2, 4), slice_number(number, 0, 2))
        && check == nth(number, 12)
}

/// Checks a Hungarian tax number of a person, which begins with 8.
pub(crate) fn hu_id(number: &[u8]) -> bool {
    number.first() == Some(&b'8')
        && weighted(number, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == nth(number, 9)
}
