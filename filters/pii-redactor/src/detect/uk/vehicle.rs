//! UK_VEHICLE_REGISTRATION: a British number plate of 2001 or later, or of the years before.

use crate::detect::prelude::*;

/// Finds a British number plate of 2001 or later, or of the years before.
pub(crate) const DETECTOR: Detector = Detector {
    name: "UK_VEHICLE_REGISTRATION",
    about: "A British number plate of 2001 or later, or of the years before",
    category: Category::Personal,
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "AA99 AAA", "AA99AAA", "A999 AAA", "A999AAA", "AAA 999A", "AAA999A",
        ],
        check: form_only,
    },
    checked: false,
    words: &[
        "registration",
        "vehicle registration",
        "number plate",
        "vrm",
        "reg number",
        "vehicle reg",
        "registration number",
        "licence plate",
    ],
    lookalikes: &[],
    examples: &["AB51 ABC", "BD51SMR"],
    counterexamples: &["QQ51"],
};
