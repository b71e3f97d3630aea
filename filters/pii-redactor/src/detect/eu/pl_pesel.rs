//! PL_PESEL: a PESEL of Poland: a date and weights 1, 3, 7, 9.

use crate::detect::prelude::*;

/// Finds a PESEL of Poland: a date and weights 1, 3, 7, 9.
pub(crate) const DETECTOR: Detector = Detector {
    name: "PL_PESEL",
    about: "A PESEL of Poland: a date and weights 1, 3, 7, 9",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999"],
        check,
    },
    checked: true,
    words: &[
        "pesel",
        "pesel number",
        "numer pesel",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["78042853852", "44051401359"],
    counterexamples: &["78042853853"],
};

/// The century is in the month; the weighted sum ends in 0.
fn check(number: &[u8]) -> bool {
    let month = slice_number(number, 2, 4) % 20;
    let sum = weighted(number, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]);
    date::exists(4, month, slice_number(number, 4, 6)) && sum % 10 == 0
}
