//! DE_KFZ: a German number plate.

use crate::detect::prelude::*;

/// See the module.
pub(crate) const DETECTOR: Detector = Detector {
    name: "DE_KFZ",
    about: "A German number plate",
    presets: GDPR,
    form: Form::Shapes {
        alone: &[],
        announced: &[
            "A-AA 9999",
            "A-AA 999",
            "A-AA 99",
            "A-A 999",
            "A-A 9999",
            "AA-AA 999",
            "AA-AA 9999",
            "AA-AA 99",
            "AA-A 999",
            "AA-A 9999",
            "AAA-AA 999",
            "AAA-AA 99",
            "AAA-A 999",
            "A-AA9999",
            "AA-AA999",
        ],
        check: form_only,
    },
    checked: false,
    words: &[
        "kennzeichen",
        "kfz",
        "kfz kennzeichen",
        "nummernschild",
        "license plate",
        "autokennzeichen",
    ],
    examples: &["B-MW 1234", "M-AB 123"],
    counterexamples: &["B-MW"],
};
