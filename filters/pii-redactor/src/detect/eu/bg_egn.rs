//! BG_EGN: a civil number of Bulgaria: a date, MOD 11.

use crate::detect::prelude::*;

/// Finds a civil number of Bulgaria: a date, MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "BG_EGN",
    about: "A civil number of Bulgaria: a date, MOD 11",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999"],
        check,
    },
    checked: true,
    words: &[
        "egn",
        "егн",
        "unified civil number",
        "civil number",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["5401165164", "8610249609"],
    counterexamples: &["5401165165"],
};

/// The century is in the month.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    date::exists(
        4,
        slice_number(number, 2, 4) % 20,
        slice_number(number, 4, 6),
    ) && sum == nth(number, 9)
}
