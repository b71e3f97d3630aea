//! Checks of the numbers of the United Kingdom.

use crate::detect::prelude::*;

/// MOD 11; a check digit of ten is not given out.
pub(crate) fn nhs(number: &[u8]) -> bool {
    let check = 11_u32.wrapping_sub(weighted(number, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    check == nth(number, 9) && !is_uniform(number)
}

/// Letters that are given out, and A to D at the end.
pub(crate) fn nino(number: &[u8]) -> bool {
    let (first, second) = (at(number, 0), at(number, 1));
    !b"DFIQUV".contains(&first)
        && !b"DFIOQUV".contains(&second)
        && !begins_with(number, &[b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"])
        && number
            .get(8)
            .is_none_or(|last| (b'A'..=b'D').contains(last))
}

/// Five letters of the name filled up with 9, then the decade, the month (plus 50 for women), the
/// day and the year of birth.
pub(crate) fn driving_licence(number: &[u8]) -> bool {
    let month = slice_number(number, 6, 8) % 50;
    let day = slice_number(number, 8, 10);
    at(number, 0).is_ascii_alphabetic() && date::exists(4, month, day)
}

/// The last two letters are none of C, I, K, M, O and V.
pub(crate) fn postcode(code: &[u8]) -> bool {
    let last = part(code, code.len().less(2), code.len());
    !last.iter().any(|byte| b"CIKMOV".contains(byte)) && !b"QVX".contains(&at(code, 0))
}
