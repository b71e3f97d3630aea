//! TH_TNIN: an identity number of Thailand: MOD 11.

use crate::detect::prelude::*;

/// Finds an identity number of Thailand: MOD 11.
pub(crate) const DETECTOR: Detector = Detector {
    name: "TH_TNIN",
    about: "An identity number of Thailand: MOD 11",
    category: Category::Governmental,
    presets: 0,
    form: Form::Shapes {
        alone: &[],
        announced: &["9999999999999", "9-9999-99999-99-9"],
        check,
    },
    checked: true,
    words: &[
        "tnin",
        "thai id",
        "national id",
        "thai national id",
        "id card",
        "บัตรประชาชน",
        "citizen id",
    ],
    lookalikes: &[],
    examples: &["8812604170823", "1-8640-05984-11-9"],
    counterexamples: &["8812604170824"],
};

/// Weights 13 to 2; the first digit is a kind of person.
fn check(number: &[u8]) -> bool {
    let sum = weighted(number, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    number.first() != Some(&b'0') && 11_u32.wrapping_sub(sum) % 10 == nth(number, 12)
}
