//! US_MBI: a Medicare beneficiary identifier: eleven characters with a fixed grammar.

use crate::detect::prelude::*;

/// Finds a Medicare beneficiary identifier: eleven characters with a fixed grammar.
pub(crate) const DETECTOR: Detector = Detector {
    name: "US_MBI",
    about: "A Medicare beneficiary identifier: eleven characters with a fixed grammar",
    category: Category::Health,
    presets: GDPR | HIPAA,
    form: Form::Shapes {
        alone: &["9AX9-AX9-AA99"],
        announced: &["9AX9AX9AA99"],
        check,
    },
    checked: true,
    words: &[
        "mbi",
        "medicare",
        "medicare number",
        "medicare beneficiary",
        "medicare id",
        "beneficiary identifier",
    ],
    lookalikes: &[],
    examples: &["1EG4-TE5-MK72", "1EG4TE5MK73"],
    counterexamples: &["1SG4-TE5-MK72", "0EG4-TE5-MK72"],
};

/// No S, L, O, I, B or Z, and no 0 at the beginning.
fn check(number: &[u8]) -> bool {
    number.first().is_some_and(|first| *first != b'0')
        && !number.iter().any(|byte| b"SLOIBZ".contains(byte))
}
