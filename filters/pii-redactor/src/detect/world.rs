//! Checks of the numbers of the rest of the world.

use crate::detect::prelude::*;

/// Luhn; 0 and 8 are not given out to people.
pub(crate) fn ca_sin(number: &[u8]) -> bool {
    !matches!(number.first(), Some(b'0' | b'8')) && luhn(number)
}

/// Nine digits with weights, or eight of the old form.
pub(crate) fn au_tfn(number: &[u8]) -> bool {
    let sum = if number.len() == 9 {
        weighted(number, &[1, 4, 3, 7, 5, 8, 6, 9, 10])
    } else {
        weighted(number, &[10, 7, 8, 4, 6, 3, 5, 1])
    };
    sum % 11 == 0 && !is_uniform(number)
}

/// One less at the first digit, then weights and MOD 89.
pub(crate) fn au_abn(number: &[u8]) -> bool {
    let sum = weighted(number, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    number.first() != Some(&b'0') && sum.wrapping_sub(10) % 89 == 0
}

/// The complement of the weighted sum to ten.
pub(crate) fn au_acn(number: &[u8]) -> bool {
    let sum = weighted(number, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10;
    10_u32.wrapping_sub(sum) % 10 == nth(number, 8) && !is_uniform(number)
}

/// Begins with 2 to 6; the ninth digit is the check digit.
pub(crate) fn au_medicare(number: &[u8]) -> bool {
    let sum = weighted(number, &[1, 3, 7, 9, 1, 3, 7, 9]);
    matches!(number.first(), Some(b'2'..=b'6')) && sum % 10 == nth(number, 8)
}

/// Weights, and other weights where the first give ten.
pub(crate) fn nz_ird(number: &[u8]) -> bool {
    let value = slice_number(number, 0, number.len());
    let mut padded = [b'0'; 9];
    let offset = 9_usize.less(number.len());
    for (to, from) in padded.iter_mut().skip(offset).zip(number) {
        *to = *from;
    }
    let digit_of = |weights: &[u32]| match weighted(&padded, weights) % 11 {
        0 => 0,
        remainder => 11_u32.wrapping_sub(remainder),
    };
    let mut check = digit_of(&[3, 2, 7, 6, 5, 4, 3, 2]);
    if check == 10 {
        check = digit_of(&[7, 4, 3, 2, 5, 2, 7, 6]);
    }
    (10_000_000..150_000_000).contains(&value) && check == nth(&padded, 8)
}

/// Begins with 2 to 9 and is not the same backwards.
pub(crate) fn in_aadhaar(number: &[u8]) -> bool {
    let palindrome = number.iter().eq(number.iter().rev());
    matches!(number.first(), Some(b'2'..=b'9')) && !palindrome && verhoeff(number)
}

/// The fourth letter is the kind of holder.
pub(crate) fn in_pan(number: &[u8]) -> bool {
    b"ABCFGHJLPT".contains(&at(number, 3)) && part(number, 5, 9) != b"0000"
}

/// A state or territory, Z as the fourteenth character, and a check character.
pub(crate) fn in_gstin(number: &[u8]) -> bool {
    let sum = part(number, 0, 14)
        .iter()
        .zip([1_u32, 2].into_iter().cycle())
        .fold(0_u32, |sum, (byte, factor)| {
            let product = base36(*byte).wrapping_mul(factor);
            sum.wrapping_add(product / 36).wrapping_add(product % 36)
        });
    let check = 36_u32.wrapping_sub(sum % 36) % 36;
    matches!(slice_number(number, 0, 2), 1..=38 | 97)
        && at(number, 13) == b'Z'
        && base36(at(number, 14)) == check
}

/// A running number that is not nothing.
pub(crate) fn in_voter(number: &[u8]) -> bool {
    !is_uniform(part(number, 3, 10))
}

/// A letter that is given out, then digits that are not nothing.
pub(crate) fn in_passport(number: &[u8]) -> bool {
    !b"QXZ".contains(&at(number, 0)) && !is_uniform(part(number, 1, 8))
}

/// Checks the state or territory that an Indian vehicle number begins with.
pub(crate) fn in_vehicle(number: &[u8]) -> bool {
    const STATES: &[u8] =
        b"ANAPARASBRCGCHDDDLDNGAGJHPHRJHJKKAKLLALDMHMLMNMPMZNLODORPBPYRJSKTGTNTRTSUKUPWBUA";
    STATES
        .chunks_exact(2)
        .any(|state| number.starts_with(state))
}

/// Weights 2, 7 to 2; the series gives an offset and the letters.
pub(crate) fn sg_nric(number: &[u8]) -> bool {
    let sum = weighted(part(number, 1, 8), &[2, 7, 6, 5, 4, 3, 2]);
    let (offset, letters): (u32, &[u8]) = match at(number, 0) {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let index = sum.wrapping_add(offset) % 11;
    let index = if at(number, 0) == b'M' {
        10_u32.wrapping_sub(index)
    } else {
        index
    };
    if at(number, 0) == b'M' {
        return letter_at(number, 8, b"KLJNPQRTUWX", index);
    }
    letter_at(number, 8, letters, index)
}

/// The businesses' form has a check letter; of the others the form is checked.
pub(crate) fn sg_uen(number: &[u8]) -> bool {
    match number.len() {
        9 => {
            let sum = weighted(number, &[10, 4, 9, 3, 8, 2, 7, 1]) % 11;
            letter_at(number, 8, b"XMKECAWLJDB", sum)
        }
        10 if number.first().is_some_and(u8::is_ascii_digit) => {
            let sum = weighted(number, &[10, 8, 6, 4, 9, 7, 5, 3, 1]) % 11;
            (1900..2100).contains(&slice_number(number, 0, 4))
                && letter_at(number, 9, b"ZKCMDNERGWH", sum)
        }
        _ => matches!(number.first(), Some(b'R' | b'S' | b'T')),
    }
}

/// A province, a day of birth, and ISO 7064 MOD 11-2.
pub(crate) fn cn_resident(number: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum = weighted(number, &WEIGHTS) % 11;
    matches!(slice_number(number, 0, 2), 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81..=83)
        && date::yyyymmdd(number, 6)
        && letter_at(number, 17, b"10X98765432", sum)
}

/// A day of birth, and weights MOD 11.
pub(crate) fn kr_rrn(number: &[u8]) -> bool {
    let sum = weighted(number, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11;
    date::yymmdd(number, 0)
        && matches!(at(number, 6), b'0'..=b'4' | b'9')
        && 11_u32.wrapping_sub(sum) % 10 == nth(number, 12)
}

/// A day of birth, 5 to 8 behind it, and weights MOD 11 plus two.
pub(crate) fn kr_frn(number: &[u8]) -> bool {
    let sum = weighted(number, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11;
    date::yymmdd(number, 0)
        && matches!(at(number, 6), b'5'..=b'8')
        && 13_u32.wrapping_sub(sum) % 10 == nth(number, 12)
}

/// Weights, and the eighth product counted in tens too.
pub(crate) fn kr_brn(number: &[u8]) -> bool {
    let sum = weighted(number, &[1, 3, 7, 1, 3, 7, 1, 3, 5]);
    let sum = sum.wrapping_add(nth(number, 8).wrapping_mul(5) / 10);
    10_u32.wrapping_sub(sum % 10) % 10 == nth(number, 9) && !is_uniform(number)
}

/// A region that gives out licences.
pub(crate) fn kr_driver(number: &[u8]) -> bool {
    matches!(slice_number(number, 0, 2), 11..=26 | 28) && !is_uniform(part(number, 4, 10))
        || matches!(slice_number(number, 0, 2), 11..=26 | 28) && number.len() == 12
}

/// A kind of passport, then a number that is not nothing.
pub(crate) fn kr_passport(number: &[u8]) -> bool {
    b"MSRODG".contains(&at(number, 0)) && !is_uniform(part(number, 1, 9))
}

/// The tenth digit from odd and even places, the eleventh from all.
pub(crate) fn tr_id(number: &[u8]) -> bool {
    let odd = weighted(number, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(number, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let tenth = odd.wrapping_mul(7).wrapping_add(even.wrapping_mul(9)) % 10;
    let sum = weighted(number, &[1; 10]);
    number.first() != Some(&b'0') && tenth == nth(number, 9) && sum % 10 == nth(number, 10)
}

/// Checks the province that a Turkish plate begins with.
pub(crate) fn tr_plate(number: &[u8]) -> bool {
    (1..=81).contains(&slice_number(number, 0, 2))
}

/// Weights 13 to 2; the first digit is a kind of person.
pub(crate) fn th_tnin(number: &[u8]) -> bool {
    let sum = weighted(number, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    number.first() != Some(&b'0') && 11_u32.wrapping_sub(sum) % 10 == nth(number, 12)
}

/// A day of birth, citizenship 0 to 2, Luhn.
pub(crate) fn za_id(number: &[u8]) -> bool {
    date::yymmdd(number, 0) && matches!(at(number, 10), b'0'..=b'2') && luhn(number)
}

/// Checks a Nigerian NIN: Verhoeff.
pub(crate) fn ng_nin(number: &[u8]) -> bool {
    verhoeff(number) && !is_uniform(number)
}

/// A number that is not nothing.
pub(crate) fn ng_vehicle(number: &[u8]) -> bool {
    part(number, 3, 6) != b"000"
}

/// Weights 1 to 8, MOD 11.
pub(crate) fn ph_tin(number: &[u8]) -> bool {
    weighted(number, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11 == nth(number, 8)
        && !is_uniform(part(number, 0, 9))
}

/// Weights 10 to 2, then 11 to 2.
pub(crate) fn br_cpf(number: &[u8]) -> bool {
    let check = |sum: u32| match sum % 11 {
        0 | 1 => 0,
        remainder => 11_u32.wrapping_sub(remainder),
    };
    check(weighted(number, &[10, 9, 8, 7, 6, 5, 4, 3, 2])) == nth(number, 9)
        && check(weighted(number, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2])) == nth(number, 10)
        && !is_uniform(number)
}

/// Weights 5 to 2 and 9 to 2, then 6 to 2 and 9 to 2.
pub(crate) fn br_cnpj(number: &[u8]) -> bool {
    let check = |sum: u32| match sum % 11 {
        0 | 1 => 0,
        remainder => 11_u32.wrapping_sub(remainder),
    };
    check(weighted(number, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) == nth(number, 12)
        && check(weighted(number, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])) == nth(number, 13)
        && !is_uniform(number)
}
