//! SI_EMSO: a personal number of Slovenia and its neighbours: a date and MOD 11.

use crate::detect::prelude::*;

/// Finds a personal number of Slovenia and its neighbours: a date and MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "SI_EMSO",
    about: "A personal number of Slovenia and its neighbours: a date and MOD 11",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999999"],
        check,
    },
    checked: true,
    words: &[
        "emso",
        "emšo",
        "jmbg",
        "emso number",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["0607564509690", "1012810506190"],
    counterexamples: &["0607564509691"],
};

/// Day, month and three digits of the year; weights 7 to 2 twice.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = 11_u32.wrapping_sub(sum) % 11 % 10;
    date::exists(4, slice_number(number, 2, 4), slice_number(number, 0, 2))
        && check == nth(number, 12)
}
