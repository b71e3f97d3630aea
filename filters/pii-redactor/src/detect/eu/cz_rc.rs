//! CZ_RC: a birth number of Czechia or Slovakia: a date and MOD 11.

use crate::detect::prelude::*;

/// Finds a birth number of Czechia or Slovakia: a date and MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "CZ_RC",
    about: "A birth number of Czechia or Slovakia: a date and MOD 11",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &["999999/9999"],
        announced: &["9999999999"],
        check,
    },
    checked: true,
    words: &[
        "rodne cislo",
        "rodné číslo",
        "rc",
        "birth number",
        "rodné",
        "rodne",
        "national id",
        "identity number",
        "personal number",
        "id number",
        "national number",
    ],
    lookalikes: &[],
    examples: &["610828/0299", "7405089571"],
    counterexamples: &["610828/0298"],
};

/// The month has 50 more for women, 20 more where numbers ran out.
fn check(number: &[u8]) -> bool {
    let month = slice_number(number, 2, 4) % 50 % 20;
    let value = slice_number(number, 0, 9);
    date::exists(4, month, slice_number(number, 4, 6))
        && u32::try_from(value % 11 % 10).is_ok_and(|check| check == nth(number, 9))
}
