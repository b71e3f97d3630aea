//! KR_RRN: a resident registration number of Korea: a date, and up to 2020 a check digit.

use crate::detect::prelude::*;

/// Finds a resident registration number of Korea: a date, and up to 2020 a check digit.
pub(crate) const DETECTOR: Detector = Detector {
    name: "KR_RRN",
    about: "A resident registration number of Korea: a date, and up to 2020 a check digit",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999-9999999", "9999999999999"],
        check,
    },
    checked: true,
    words: &[
        "rrn",
        "resident registration",
        "resident registration number",
        "jumin",
        "jumin number",
        "주민등록번호",
    ],
    lookalikes: &[],
    examples: &["561223-1055023", "130505-1892844"],
    counterexamples: &["561323-1055023", "561223-1055026"],
};

/// A day of birth, and weights MOD 11.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11;
    date::yymmdd(number, 0)
        && matches!(at(number, 6), b'0'..=b'4' | b'9')
        && 11_u32.wrapping_sub(sum) % 10 == nth(number, 12)
}
