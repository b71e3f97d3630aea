//! FI_PERSONAL_IDENTITY_CODE: a personal identity code of Finland: a date and MOD 31.

use crate::detect::prelude::*;

/// Finds a personal identity code of Finland: a date and MOD 31.
pub(crate) const DETECTOR: Detector = Detector {
    name: "FI_PERSONAL_IDENTITY_CODE",
    about: "A personal identity code of Finland: a date and MOD 31",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["999999-999X", "999999A999X", "999999+999X"],
        announced: &[],
        check,
    },
    checked: true,
    words: &[
        "hetu",
        "henkilotunnus",
        "personal identity code",
        "henkilötunnus",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["131052-308T", "100767-374E"],
    counterexamples: &["131052-308U", "331052-308T"],
};

/// The remainder of the nine digits by 31 gives the last character.
fn check(code: &[u8]) -> bool {
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
