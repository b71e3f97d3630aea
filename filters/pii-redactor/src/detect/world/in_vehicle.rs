//! IN_VEHICLE_REGISTRATION: an Indian number plate.

use crate::detect::prelude::*;

/// Finds an Indian number plate.
pub(crate) const DETECTOR: Detector = Detector {
    name: "IN_VEHICLE_REGISTRATION",
    about: "An Indian number plate",
    category: Category::Personal,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "AA99AA9999",
            "AA99A9999",
            "AA 99 AA 9999",
            "AA-99-AA-9999",
            "AA 99 A 9999",
        ],
        check,
    },
    checked: false,
    words: &[
        "vehicle registration",
        "registration number",
        "vehicle number",
        "rc number",
        "number plate",
        "vehicle no",
    ],
    lookalikes: &[],
    examples: &["MH12AB1234"],
    counterexamples: &["ZZ12AB1234"],
};

/// A state or territory.
fn check(number: &[u8]) -> bool {
    const STATES: &[u8] =
        b"ANAPARASBRCGCHDDDLDNGAGJHPHRJHJKKAKLLALDMHMLMNMPMZNLODORPBPYRJSKTGTNTRTSUKUPWBUA";
    STATES
        .chunks_exact(2)
        .any(|state| number.starts_with(state))
}
