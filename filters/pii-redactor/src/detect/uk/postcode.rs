//! UK_POSTCODE: a British postcode, where a word announces it.

use crate::detect::prelude::*;

/// Finds a British postcode, where a word announces it.
pub(crate) const DETECTOR: Detector = Detector {
    name: "UK_POSTCODE",
    about: "A British postcode, where a word announces it",
    category: Category::Personal,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "A9 9AA", "A99 9AA", "AA9 9AA", "AA99 9AA", "A9A 9AA", "AA9A 9AA", "A99AA", "A999AA",
            "AA99AA", "AA999AA", "AA9A9AA",
        ],
        check,
    },
    checked: true,
    words: &[
        "postcode",
        "post code",
        "postal code",
        "uk postcode",
        "postcode area",
    ],
    lookalikes: &[],
    examples: &["SW1A 1AA", "M1 1AE", "EC1A1BB"],
    counterexamples: &["SW1A 1CV"],
};

/// The last two letters are none of C, I, K, M, O and V.
fn check(code: &[u8]) -> bool {
    let last = part(code, code.len().less(2), code.len());
    !last.iter().any(|byte| b"CIKMOV".contains(byte)) && !b"QVX".contains(&at(code, 0))
}
