//! RO_CNP: a personal number of Romania: a date, a county, MOD 11.

use crate::detect::prelude::*;

/// Finds a personal number of Romania: a date, a county, MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "RO_CNP",
    about: "A personal number of Romania: a date, a county, MOD 11",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999999"],
        check,
    },
    checked: true,
    words: &[
        "cnp",
        "cod numeric personal",
        "cnp number",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["1731115408489", "1880119409269"],
    counterexamples: &["1731115408488"],
};

/// The weights 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9; a remainder of ten is 1.
fn check(number: &[u8]) -> bool {
    let remainder = weighted(number, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    let check = if remainder == 10 { 1 } else { remainder };
    number.first() != Some(&b'0') && date::yymmdd(number, 1) && check == nth(number, 12)
}
