//! IE_PPS: a personal public service number of Ireland: MOD 23.

use crate::detect::prelude::*;

/// Finds a personal public service number of Ireland: MOD 23.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IE_PPS",
    about: "A personal public service number of Ireland: MOD 23",
    category: Category::Governmental,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999A", "9999999AA"],
        check,
    },
    checked: true,
    words: &[
        "pps",
        "ppsn",
        "pps number",
        "personal public service",
        "pps no",
    ],
    lookalikes: &[],
    examples: &["2126077H", "8035832N"],
    counterexamples: &["2126077J"],
};

/// Weights 8 to 2; a second letter counts nine times.
fn check(number: &[u8]) -> bool {
    let second = number
        .get(8)
        .map_or(0, |byte| letter_value(*byte).wrapping_sub(9));
    let second = if number.get(8) == Some(&b'W') {
        0
    } else {
        second
    };
    let sum = weighted(number, &[8, 7, 6, 5, 4, 3, 2]).wrapping_add(second.wrapping_mul(9));
    letter_at(number, 7, b"WABCDEFGHIJKLMNOPQRSTUV", sum % 23)
}
