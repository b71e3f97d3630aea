//! LV_PERSONAL_CODE: a personal code of Latvia: a date and weights.

use crate::detect::prelude::*;

/// Finds a personal code of Latvia: a date and weights.
pub(crate) const DETECTOR: Detector = Detector {
    name: "LV_PERSONAL_CODE",
    about: "A personal code of Latvia: a date and weights",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["999999-99999", "99999999999"],
        check,
    },
    checked: true,
    words: &[
        "personas kods",
        "personal code",
        "personas",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["161175-19997", "010254-18759"],
    counterexamples: &["161175-19996"],
};

/// One and the weighted sum, MOD 11.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]).wrapping_add(1);
    date::ddmmyy(number, 0) && sum % 11 % 10 == nth(number, 10)
}
