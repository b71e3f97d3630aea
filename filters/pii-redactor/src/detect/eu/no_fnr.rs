//! NO_FNR: a birth number of Norway: a date and two check digits.

use crate::detect::prelude::*;

/// Finds a birth number of Norway: a date and two check digits.
pub(crate) const DETECTOR: Detector = Detector {
    name: "NO_FNR",
    about: "A birth number of Norway: a date and two check digits",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999", "999999 99999"],
        check,
    },
    checked: true,
    words: &[
        "fodselsnummer",
        "fødselsnummer",
        "fnr",
        "personnummer",
        "birth number",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["08016596478", "23068313007"],
    counterexamples: &["08016596479"],
};

/// Two rounds of weights; the day has 40 more for those without a fixed residence.
fn check(number: &[u8]) -> bool {
    let day = slice_number(number, 0, 2) % 40;
    let first = weighted(number, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]) % 11;
    let second = weighted(number, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11;
    date::exists(4, slice_number(number, 2, 4), day) && first == 0 && second == 0
}
