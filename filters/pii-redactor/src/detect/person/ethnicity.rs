//! ETHNICITY: race or ethnic origin.

use crate::detect::prelude::*;

/// Finds race or ethnic origin.
pub(crate) const DETECTOR: Detector = Detector {
    name: "ETHNICITY",
    about: "Race or ethnic origin",
    category: Category::Special,
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "race",
        "ethnicity",
        "ethnic origin",
        "ethnic group",
        "skin color",
        "tribe",
        "caste",
        "racial origin",
    ],
    lookalikes: &[],
    examples: &["undisclosed"],
    counterexamples: &[],
};
