//! KR_FRN: a registration number of foreigners in Korea: a date and a check digit.

use crate::detect::prelude::*;

/// Finds a registration number of foreigners in Korea: a date and a check digit.
pub(crate) const DETECTOR: Detector = Detector {
    name: "KR_FRN",
    about: "A registration number of foreigners in Korea: a date and a check digit",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999-9999999", "9999999999999"],
        check,
    },
    checked: true,
    words: &[
        "frn",
        "foreigner registration",
        "alien registration",
        "foreign registration number",
        "외국인등록번호",
    ],
    lookalikes: &[],
    examples: &["561223-5055026"],
    counterexamples: &["561223-1055024"],
};

/// A day of birth, 5 to 8 behind it, and weights MOD 11 plus two.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11;
    date::yymmdd(number, 0)
        && matches!(at(number, 6), b'5'..=b'8')
        && 13_u32.wrapping_sub(sum) % 10 == nth(number, 12)
}
