//! LICENSE_PLATE: a number plate, where a member is called so.

use crate::detect::prelude::*;

/// Finds a number plate, where a member is called so.
pub(crate) const DETECTOR: Detector = Detector {
    name: "LICENSE_PLATE",
    about: "A number plate, where a member is called so",
    category: Category::Personal,
    presets: HIPAA | GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "AAA9999",
            "9AAA999",
            "AAA999",
            "AA99999",
            "AAA-9999",
            "99AA999",
            "AA99 AAA",
            "Aa-AA?9999",
            "AA-999d-AA",
        ],
        check: form_only,
    },
    checked: false,
    words: &[
        "license plate",
        "licence plate",
        "number plate",
        "plate number",
        "plate",
        "vehicle registration",
        "registration plate",
        "kennzeichen",
        "license plate number",
    ],
    lookalikes: &[],
    examples: &["7ABC123", "B-MW 1234"],
    counterexamples: &["PLATES"],
};
