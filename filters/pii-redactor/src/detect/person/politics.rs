//! POLITICAL_OPINION: political opinion.

use crate::detect::prelude::*;

/// Finds political opinion.
pub(crate) const DETECTOR: Detector = Detector {
    name: "POLITICAL_OPINION",
    about: "Political opinion",
    category: Category::Special,
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "political",
        "political opinion",
        "political party",
        "political affiliation",
        "party affiliation",
        "politics",
    ],
    lookalikes: &[],
    examples: &["independent"],
    counterexamples: &[],
};
