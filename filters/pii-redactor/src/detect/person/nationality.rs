//! NATIONALITY: nationality, citizenship or immigration status.

use crate::detect::prelude::*;

/// Finds nationality, citizenship or immigration status.
pub(crate) const DETECTOR: Detector = Detector {
    name: "NATIONALITY",
    about: "Nationality, citizenship or immigration status",
    category: Category::Personal,
    presets: GDPR | CCPA,
    form: Form::Named,
    checked: false,
    words: &[
        "nationality",
        "citizenship",
        "immigration status",
        "citizen of",
        "country of citizenship",
        "visa status",
    ],
    lookalikes: &[],
    examples: &["DE"],
    counterexamples: &[],
};
