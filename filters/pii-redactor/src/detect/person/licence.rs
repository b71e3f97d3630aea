//! LICENSE_NUMBER: the number of a certificate or licence of a person.

use crate::detect::prelude::*;

/// Finds the number of a certificate or licence of a person.
pub(crate) const DETECTOR: Detector = Detector {
    name: "LICENSE_NUMBER",
    about: "The number of a certificate or licence of a person",
    category: Category::Governmental,
    presets: CCPA | HIPAA | GDPR,
    form: Form::Named,
    checked: false,
    words: &[
        "license number",
        "licence number",
        "certificate number",
        "license no",
        "licence no",
        "permit number",
        "registration number",
        "professional license",
    ],
    lookalikes: &[],
    examples: &["A1234567"],
    counterexamples: &[],
};
