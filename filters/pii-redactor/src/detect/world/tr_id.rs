//! TR_NATIONAL_ID: an identity number of Turkey: two check digits.

use crate::detect::prelude::*;

/// Finds an identity number of Turkey: two check digits.
pub(crate) const DETECTOR: Detector = Detector {
    name: "TR_NATIONAL_ID",
    about: "An identity number of Turkey: two check digits",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["99999999999"],
        check,
    },
    checked: true,
    words: &[
        "tckn",
        "tc kimlik",
        "kimlik",
        "kimlik no",
        "tc",
        "national id",
        "turkish id",
        "tc no",
    ],
    lookalikes: &[],
    examples: &["22977847938", "10000000146"],
    counterexamples: &["22977847939", "02977847938"],
};

/// The tenth digit from odd and even places, the eleventh from all.
fn check(number: &[u8]) -> bool {
    let odd = weighted(number, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(number, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let tenth = odd.wrapping_mul(7).wrapping_add(even.wrapping_mul(9)) % 10;
    let sum = weighted(number, &[1; 10]);
    number.first() != Some(&b'0') && tenth == nth(number, 9) && sum % 10 == nth(number, 10)
}
