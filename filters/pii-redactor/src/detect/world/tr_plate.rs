//! TR_LICENSE_PLATE: a Turkish number plate.

use crate::detect::prelude::*;

/// Finds a Turkish number plate.
pub(crate) const DETECTOR: Detector = Detector {
    name: "TR_LICENSE_PLATE",
    about: "A Turkish number plate",
    category: Category::Personal,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "99 A 9999",
            "99 AA 999",
            "99 AA 9999",
            "99 AAA 99",
            "99 AAA 999",
            "99AA9999",
            "99AAA99",
            "99AAA999",
            "99A9999",
            "99AA999",
            "99A99999",
            "99 A 99999",
            "99 AAA 9999",
        ],
        check,
    },
    checked: false,
    words: &[
        "plaka",
        "plaka no",
        "license plate",
        "plate",
        "number plate",
    ],
    lookalikes: &[],
    examples: &["34 AB 1234", "06ABC123"],
    counterexamples: &["82 AB 123", "00 AB 123"],
};

/// A province.
fn check(number: &[u8]) -> bool {
    (1..=81).contains(&slice_number(number, 0, 2))
}
