//! RELIGION: religious or philosophical belief.

use crate::detect::prelude::*;

/// Finds religious or philosophical belief.
pub(crate) const DETECTOR: Detector = Detector {
    name: "RELIGION",
    about: "Religious or philosophical belief",
    category: Category::Special,
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "religion",
        "religious",
        "religious belief",
        "belief",
        "faith",
        "religious denomination",
        "philosophical belief",
    ],
    lookalikes: &[],
    examples: &["none"],
    counterexamples: &[],
};
